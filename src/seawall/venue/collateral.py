"""Collateral: assets held as margin, sold through their own ladders when an account without positions owes cash.

Layer    venue; imports rules, venue.{ladder,sales,state}. Called by venue.plan.
Not here what collateral counts for in margin (venue.scan), who pays what it does not (fund).
Held to  this by tests/venue/test_collateral.py. A haircut decides margin, never debt (SPEC 4.5).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seawall.rules.collateral import Holding, delays_recognition, lots_to_sell
from seawall.rules.contracts import value_units
from seawall.venue.ladder import free_levels
from seawall.venue.sales import Sale
from seawall.venue.state import VenueState


def markets(state: VenueState) -> list[int]:
    """The markets that are collateral, in the design's order: the order in which they are sold."""
    return [market for market in range(len(state.instruments)) if state.is_collateral(market)]


def worth_units(state: VenueState, account: int) -> int:
    """What an account's collateral is worth at the marks, no haircut, base units; 0 where a market has no mark yet."""
    total = 0
    for market in markets(state):
        lots = int(state.lots[market, account])
        if lots:
            ticks = state.ticks[market]
            value = value_units(state.instruments[market].contract, lots, ticks) if ticks else 0
            total += value - int(state.cost[market, account])
    return total


def debtors(state: VenueState) -> list[int]:
    """Accounts without a position that owe cash and have collateral, lowest id first."""
    kinds = np.array([state.is_collateral(market) for market in range(len(state.instruments))])
    if not kinds.any():
        return []
    held = state.lots != 0
    owing = (state.cash < 0).astype(np.bool_) & held[kinds].any(axis=0) & ~held[~kinds].any(axis=0)
    return [int(account) for account in np.flatnonzero(owing)]


def recoverers(state: VenueState) -> list[int]:
    """Accounts whose deficit was recognised and whose dust may still be sold, lowest id first."""
    return [
        account
        for account in sorted(state.owed)
        if state.cash[account] >= 0 and state.is_flat(account) and any(state.lots[m, account] for m in markets(state))
    ]


def is_saleable(state: VenueState, account: int, sold: Mapping[int, int]) -> bool:
    """Whether collateral is left that must be sold before a deficit is recognised.

    sold  market index -> lots sold in this round
    A market without a mark that may be used delays too: nobody can say that it is dust.
    """
    values, dust = [], []
    for market in markets(state):
        lots = int(state.lots[market, account]) - sold.get(market, 0)
        if not lots:
            continue
        if market in state.stale or not state.ticks[market]:
            return True
        values.append(value_units(state.instruments[market].contract, lots, state.ticks[market]))
        dust.append(int(state.instruments[market].market.dust))
    return delays_recognition(values, dust)


def sales_for(state: VenueState, account: int, debt: int) -> list[Sale]:
    """What an account sells for a debt: market by market in the design's order, of each the fewest lots that suffice.

    returns  all it holds in markets with a good mark, `wanted` 0 where the markets before are expected to suffice
    """
    held = [
        market
        for market in markets(state)
        if state.lots[market, account] and market not in state.stale and state.ticks[market]
    ]
    holdings = []
    for market in held:
        key = (market, "bids")
        depth = (
            free_levels(state.ladders[key], state.used[key], state.anchor[market], "bids")
            if key in state.ladders
            else []
        )
        unit = state.instruments[market].contract.unit
        holdings.append(Holding(int(state.lots[market, account]), unit, depth))
    return [
        Sale(
            account=account,
            market=market,
            contract=state.instruments[market].contract,
            side=1,
            size=holding.lots,
            wanted=sold.lots,
            cost=int(state.cost[market, account]),
            px=1,
        )
        for market, holding, sold in zip(held, holdings, lots_to_sell(debt, holdings), strict=True)
    ]
