"""Plan: what one round of liquidations does, worked out before anything changes.

Layer    venue; imports rules, design, venue.{sales,deleverage,scan}. venue.machine turns a plan into events.
Not here the fund's answer (asked through `quote`), money haircuts (venue.haircuts), any change of state.
Held to  this by the conformance suite *venue*: the kernel must give the same rounds.

A round: list who is liquidatable; opposite orders cross at the mark; the rest meets the book once; what the layers
cannot pay for below the bankruptcy price is not sold but deleveraged at that price (SPEC 4.8). A position is sold,
deleveraged, or waits for depth: no lot is two of these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seawall.design.types import Design
from seawall.rules.liquidation import Closed, close_out, queue_key, surcharge_units
from seawall.venue.deleverage import Deleveraging, deleverage
from seawall.venue.ladder import Taken
from seawall.venue.sales import Orders, Sale, cross, fill, lot_value, positions
from seawall.venue.scan import Values, value_all
from seawall.venue.state import VenueState

Losses = tuple[tuple[str, int], ...]
Owed = tuple[int, int, Losses]
"""(account index, base units owed, losses by market)."""
MAX_FORCINGS = 64
"""A guard: each forcing sells what winners did not suffice for, so two or three are the usual number."""

Quote = Callable[[Sequence[Owed]], int]
"""The severity that the fund would leave of these deficits, asked without changing anything."""


@dataclass(frozen=True, slots=True)
class Liquidated:
    """A liquidated account within a round. Base units.

    reserved  losses below the bankruptcy price so far, where the liquidation goes on
    """

    account: int
    equity: int
    maintenance: int
    sales: tuple[Sale, ...]
    surcharges: tuple[int, ...]
    closed: Closed
    losses: Losses
    ends: bool
    reserved: int


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """Everything one round does before the fund is asked to pay.

    healthy   accounts under liquidation that are no longer liquidatable, with their equity: their fees are routed
    book      market index -> what its book took
    sides     market index -> "bids" or "asks"
    deleveraging  who is closed against whom
    values    the accounts at the marks before the round
    """

    liquidated: tuple[Liquidated, ...]
    healthy: tuple[tuple[int, int], ...]
    book: Mapping[int, Taken]
    sides: Mapping[int, str]
    deleveraging: Deleveraging
    values: Values

    @property
    def progress(self) -> bool:
        """Whether anything happens at all."""
        moved = any(item.ends or any(sale.filled for sale in item.sales) for item in self.liquidated)
        return moved or bool(self.healthy)


def plan_round(state: VenueState, design: Design, quote: Quote) -> RoundPlan | None:
    """One round at the state's marks; None when nobody is liquidatable and no liquidation has ended.

    quote    asks the fund what it would leave uncovered
    returns  a plan whose `progress` may be False: everybody who is liquidatable waits for depth
    Source   SPEC 4.2 to 4.8.
    """
    values = value_all(state)
    chosen = _choose(state, design, values)
    healthy = _healthy(state, design, values) if state.fees or state.reserved else ()
    if not chosen and not healthy:
        return None  # the usual step: the scan was all its cost
    # Losses below the bankruptcy price are the layers' to pay: the price of what is left does not move with them.
    backed = {account: int(values.equity[account]) + state.reserved.get(account, 0) for account in chosen}
    accounts = {account: positions(state, account, equity) for account, equity in backed.items()}
    orders = cross(state, accounts)
    full = {market: min(order.net_lots, order.depth) for market, order in orders.items()}
    book = fill(state, orders, full)
    deleveraging = Deleveraging()
    if design.exhaustion.policy == "adl" and _uncovered(state, accounts, quote):
        lots = _affordable(state, accounts, orders, full, quote)
        bankrupt = frozenset(account for account, equity in backed.items() if equity < 0)
        forced = dict.fromkeys(full, 0)
        for _ in range(MAX_FORCINGS):
            book = fill(state, orders, lots, safest_first=True, forced=forced, bankrupt=bankrupt)
            deleveraging = deleverage(state, design, values, accounts, bankrupt)
            room = {m: min(full[m] - lots[m], _left(orders[m], bankrupt) + forced[m]) for m in full}
            more = {m: min(room[m], forced[m] + deleveraging.unplaced.get(m, 0)) for m in full}
            if more == forced:
                break  # winners suffice for the rest, or the depth is used up and what is left waits
            forced = more
    liquidated = tuple(
        _liquidated(state, design, account, sales, values, account in deleveraging.accounts)
        for account, sales in accounts.items()
    )
    sides = {market: order.book_side for market, order in orders.items()}
    return RoundPlan(liquidated, healthy, book, sides, deleveraging, values)


def _left(order: Orders, bankrupt: Collection[int]) -> int:
    """Lots of bankrupt accounts in a market's net order that have not traded."""
    return sum(sale.left for sale in order.net if sale.account in bankrupt)


def _healthy(state: VenueState, design: Design, values: Values) -> tuple[tuple[int, int], ...]:
    """Accounts whose liquidation ended because they are no longer liquidatable, with their equity (SPEC 4.6)."""
    strict = design.liquidation.trigger == "below"
    found = []
    for account in sorted(state.fees.keys() | state.reserved.keys()):
        equity, maintenance = int(values.equity[account]), int(values.maintenance[account])
        safe = equity >= maintenance if strict else equity > maintenance
        if safe and values.decidable[account]:
            found.append((account, equity))
    return tuple(found)


def _choose(state: VenueState, design: Design, values: Values) -> list[int]:
    """Accounts liquidated in this round, lowest id first, within the engine's capacity for the step."""
    if design.liquidation.trigger == "below":
        hit = values.decidable & (values.equity < values.maintenance).astype(np.bool_)
    else:
        hit = values.decidable & (values.equity <= values.maintenance).astype(np.bool_)
    found = [int(account) for account in np.flatnonzero(hit)]
    capacity = design.liquidation.max_accounts_per_step
    if capacity is None:
        return found
    known = [account for account in found if account in state.liquidated]
    new = sorted(
        (account for account in found if account not in state.liquidated),
        key=lambda a: queue_key(state.accounts[a], int(values.equity[a]), int(values.maintenance[a])),
    )
    return sorted(known + new[: max(0, capacity - len(state.liquidated))])


def _liquidated(
    state: VenueState, design: Design, account: int, sales: Sequence[Sale], values: Values, deleveraged: bool
) -> Liquidated:
    """What one account's fills come to: surcharges, and how it ends if it ends.

    deleveraged  left lots are closed at the bankruptcy price; here they count at the mark, so that the deficit holds
                 what winners lose against the mark by that
    """
    worths = [sale.worth(state.ticks[sale.market], lot_value(state, sale)) for sale in sales]
    equity = int(state.cash[account]) + sum(worths)
    at_bankruptcy = int(state.cash[account]) + sum(s.worth(s.px, lot_value(state, s)) for s in sales)
    surcharges, charged = [], 0
    for sale in sales:
        gain = sale.side * (sale.amount - sale.filled * sale.px * lot_value(state, sale))
        own = state.instruments[sale.market].market.surcharge_ppm
        rate = design.liquidation.surcharge_ppm if own is None else own
        fee = surcharge_units(sale.amount, rate, gain, equity - charged) if sale.filled else 0
        surcharges.append(fee)
        charged += fee
    flat = all(sale.left == 0 for sale in sales)
    pending = sum(state.fees.get(account, {}).values()) + charged
    return Liquidated(
        account=account,
        equity=int(values.equity[account]),
        maintenance=int(values.maintenance[account]),
        sales=tuple(replace(sale) for sale in sales),
        surcharges=tuple(surcharges),
        closed=close_out(equity - charged, pending),
        losses=_losses(state, account, sales, worths),
        ends=flat or deleveraged,
        reserved=0 if flat or deleveraged else max(0, -at_bankruptcy),
    )


def _losses(state: VenueState, account: int, sales: Sequence[Sale], worths: Sequence[int]) -> Losses:
    """Losses by market since the account was last flat; markets in profit are left out."""
    losses = []
    worth_of = {sale.market: worth for sale, worth in zip(sales, worths, strict=True)}
    for market, instrument in enumerate(state.instruments):
        result = int(state.realised[market, account]) + worth_of.get(market, 0)
        if result < 0:
            losses.append((instrument.id, -result))
    return tuple(losses)


def _uncovered(state: VenueState, accounts: Mapping[int, list[Sale]], quote: Quote) -> bool:
    """Whether layers could not pay the losses below bankruptcy prices, were all left lots closed at these prices."""
    owed: list[Owed] = []
    for account, sales in accounts.items():
        cash = int(state.cash[account])
        worths = [sale.worth(sale.px, lot_value(state, sale)) for sale in sales]
        # Surcharges cannot matter here: they are taken only from equity, and go back to a deficit first.
        deficit = -(cash + sum(worths)) - sum(state.fees.get(account, {}).values())
        if deficit > 0:
            owed.append((account, deficit, _losses(state, account, sales, worths)))
    return bool(owed) and quote(owed) > 0


def _affordable(
    state: VenueState,
    accounts: Mapping[int, list[Sale]],
    orders: Mapping[int, Orders],
    full: Mapping[int, int],
    quote: Quote,
) -> dict[int, int]:
    """How many lots each market may sell so that layers pay every loss below the bankruptcy price (SPEC 4.8).

    Markets are taken in the design's order, each by bisection with the later ones at nothing: a lot of an earlier
    market is sold before one of a later.
    """
    lots = dict.fromkeys(full, 0)
    for market in full:
        low, high = 0, full[market]
        while low < high:
            middle = (low + high + 1) // 2
            lots[market] = middle
            fill(state, orders, lots, safest_first=True)
            if _uncovered(state, accounts, quote):
                high = middle - 1
            else:
                low = middle
        lots[market] = low
    return lots
