"""Settlement: positions that end at a price without a trade, and accounts that it leaves flat with a debt.

Layer    venue; imports rules, design, venue_events, venue.{plan,state}. Called by venue.{machine,tear_up}.
Not here whether a contract is torn up (venue.tear_up), the close of a flat account (venue.plan, venue.facts).
Held to  this by tests/venue/test_settlement.py; I1, I11.

A market without a usable price for longer than the design's `stale_max_ms`, counted from the last step at which it had
one, ends at its last good price: what the feed said then, before any displacement of the venue's own. All its positions
end there once, the outside book is the counterparty, and the market stays closed. What its accounts are worth is then
decided by the rounds of the same step, once: no later price of that market moves them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from seawall.amounts import Units
from seawall.design.types import Design
from seawall.rules.contracts import pnl_units, value_units
from seawall.rules.liquidation import close_out
from seawall.venue import collateral
from seawall.venue.deleverage import Deleveraging
from seawall.venue.endings import Liquidated
from seawall.venue.plan import RoundPlan
from seawall.venue.scan import unscanned
from seawall.venue.state import VenueState
from seawall.venue_events import CashRow, EndedMarket, EndedRow, InventoryRow, MarketSettled


@dataclass(frozen=True, slots=True)
class Ending:
    """All positions of some markets, ended at a price each.

    markets    with what the outside book held, and its cash after all of them
    positions  rows in the order of markets, then accounts
    results    account index -> realised by that, net, base units
    inventory  what layers held of them
    """

    markets: tuple[EndedMarket, ...]
    positions: tuple[EndedRow, ...]
    results: dict[int, int]
    inventory: tuple[InventoryRow, ...]


def end_markets(state: VenueState, prices: Iterable[tuple[int, int]]) -> Ending:
    """End every position of markets.

    prices    (market index, ticks)
    Rounding  none beyond the contract's own: the outside book gets what the accounts do not, so I1 holds to the unit.
    """
    markets, positions, inventory = [], [], []
    results: dict[int, int] = {}
    outside_cash = state.outside_cash
    for market, ticks in prices:
        instrument = state.instruments[market]
        for place in np.flatnonzero(state.lots[market]):
            account, lots = int(place), int(state.lots[market, place])
            value = value_units(instrument.contract, lots, ticks)
            realised = value - int(state.cost[market, account])
            positions.append(EndedRow(state.accounts[account], instrument.id, lots, Units(value), Units(realised)))
            results[account] = results.get(account, 0) + realised
            outside_cash -= value
        for (layer, held), (lots, cost) in sorted(state.held.items()):
            if held == market:
                value = value_units(instrument.contract, lots, ticks)
                row = InventoryRow(layer, instrument.id, -lots, Units(-value), Units(value - cost), 0, Units(0))
                inventory.append(row)
                outside_cash -= value
        markets.append(EndedMarket(instrument.id, ticks, state.outside_lots[market], Units(outside_cash)))
    return Ending(tuple(markets), tuple(positions), results, tuple(inventory))


def due_markets(state: VenueState, design: Design, t_ms: int) -> list[int]:
    """Markets that have been without a usable price for longer than the design allows.

    Those that never had one wait, and so does collateral: it is nobody's contract.
    """
    longest = design.mark.stale_max_ms
    if longest is None:
        return []
    waiting = [market for market in sorted(state.stale) if state.good_ticks[market] and not state.is_collateral(market)]
    return [market for market in waiting if t_ms - state.good_ms[market] > longest]


def market_settled(state: VenueState, market: int) -> MarketSettled:
    """A market's end at its last good price, as an event."""
    ending = end_markets(state, [(market, state.good_ticks[market])])
    cash = tuple(
        CashRow(state.accounts[account], Units(int(state.cash[account]) + units))
        for account, units in sorted(ending.results.items())
    )
    return MarketSettled(state.step, state.good_ms[market], ending.markets[0], ending.positions, cash, ending.inventory)


def losses_of(state: VenueState, account: int) -> tuple[tuple[str, int], ...]:
    """An account's losses by market since it was last flat, open positions at the marks; markets in profit left out."""
    losses = []
    for market, instrument in enumerate(state.instruments):
        result, lots = int(state.realised[market, account]), int(state.lots[market, account])
        if lots and state.ticks[market] and not state.is_collateral(market):
            contract, cost = instrument.contract, int(state.cost[market, account])
            result += pnl_units(contract, lots, state.ticks[market], cost)
        if result < 0:
            losses.append((instrument.id, -result))
    return tuple(losses)


def with_unsettled(state: VenueState, design: Design, plan: RoundPlan | None) -> RoundPlan | None:
    """A round's plan, and in it the accounts that another event left flat with a debt or with a liquidation's fees.

    A debt is a deficit of this round, drawn with all others. Without a debt the liquidation has ended: fees are routed.
    """
    waiting = collateral.debtors(state) if state.unsettled else []  # they sell collateral first: the plan's
    unsettled = sorted(state.unsettled.difference(waiting))
    if not unsettled:
        return plan
    if plan is None:
        plan = RoundPlan((), (), {}, {}, Deleveraging(), unscanned(state, design))
    debtors, healthy = [], []
    for account in unsettled:
        cash = int(state.cash[account])
        if cash >= 0:
            healthy.append((account, cash))
            continue
        pending = sum(state.fees.get(account, {}).values())
        end = close_out(cash, pending)
        debtors.append(Liquidated(account, cash, 0, (), (), end, losses_of(state, account), True, 0))
    both = sorted([*plan.liquidated, *debtors], key=lambda item: item.account)
    return replace(plan, liquidated=tuple(both), healthy=tuple(sorted({*plan.healthy, *healthy})))
