"""Scan: equity and maintenance margin of every account at the marks, in arrays, exactly.

Layer    venue; imports design, rules.margin (for the reference), venue.state. Called by venue.plan.
Not here who is chosen and what happens to it (venue.plan).
Held to  this: `value_one` is the readable rule; tests/venue/test_scan.py wants the arrays equal to it with `==`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seawall.design.instruments import Instrument
from seawall.rules.margin import maintenance_margin_units, notional_units, position_pnl_units
from seawall.venue.state import INT64_SAFE, Integers, VenueState


@dataclass(frozen=True, slots=True)
class Values:
    """All accounts at the marks.

    equity, maintenance  shape (n,), base units
    decidable            shape (n,), bool: has positions, none of them in a market whose mark is stale
    """

    equity: Integers
    maintenance: Integers
    decidable: np.typing.NDArray[np.bool_]


def maintenance_array(notional: Integers, instrument: Instrument) -> Integers:
    """ceil(notional x ppm / 10^6) - deducted for each position, without overflow beyond the notional itself.

    notional  shape (n,), base units, > 0, int64 or object
    Source    notional = q 10^6 + r: q ppm + ceil(r ppm / 10^6) is exact and q ppm <= notional.
    """
    tiers = instrument.market.tiers
    if notional.dtype != object:  # tiers that begin beyond what int64 was checked for are out of reach
        starts = [0, *(int(tier.up_to_notional or 0) for tier in tiers[:-1])]
        tiers = tuple(tier for tier, start in zip(tiers, starts, strict=True) if start < INT64_SAFE)
    bounds = [int(tier.up_to_notional) for tier in tiers[:-1] if tier.up_to_notional is not None]
    which = np.zeros(notional.shape, dtype=np.int64)
    for bound in bounds:
        which += (notional > bound).astype(np.int64)
    ppm = np.array([tier.maintenance_margin_ppm for tier in tiers], dtype=notional.dtype)[which]
    deducted = np.array([int(tier.maintenance_deducted) for tier in tiers], dtype=notional.dtype)[which]
    whole, rest = notional // 1_000_000, notional % 1_000_000
    margin: Integers = whole * ppm + (rest * ppm + 999_999) // 1_000_000 - deducted
    return margin


def value_all(state: VenueState) -> Values:
    """Every account at the state's marks. A market without a mark yet counts as stale and adds nothing."""
    equity = state.cash.copy()
    maintenance = np.zeros_like(state.cash)
    holds = np.zeros(len(state.accounts), dtype=np.bool_)
    undecided = np.zeros(len(state.accounts), dtype=np.bool_)
    for market, instrument in enumerate(state.instruments):
        held = np.flatnonzero(state.lots[market])
        if not held.size:
            continue
        holds[held] = True
        if market in state.stale or state.ticks[market] == 0:
            undecided[held] = True
        value = state.lots[market, held] * (state.ticks[market] * instrument.lot_tick_units)
        equity[held] += value - state.cost[market, held]
        maintenance[held] += maintenance_array(np.abs(value), instrument)
    return Values(equity, maintenance, holds & ~undecided)


def unrecognised_units(state: VenueState) -> int:
    """Negative equity, as a positive amount, of accounts that still hold positions: not yet a deficit.

    Accounts in markets whose mark is stale count at the last mark; their figure is as old as that.
    """
    values = value_all(state)
    open_accounts = (state.lots != 0).any(axis=0)
    below = open_accounts & (values.equity < 0).astype(np.bool_)
    return -sum(int(units) for units in values.equity[below])


def value_one(state: VenueState, account: int) -> tuple[int, int]:
    """(equity, maintenance margin) of one account at the marks, by the rules themselves: the scan's reference."""
    equity, maintenance = int(state.cash[account]), 0
    for market, instrument in enumerate(state.instruments):
        lots = int(state.lots[market, account])
        if lots:
            ticks, value = state.ticks[market], instrument.lot_tick_units
            equity += position_pnl_units(lots, ticks, value, int(state.cost[market, account]))
            notional = notional_units(lots, ticks, value)
            maintenance += maintenance_margin_units(notional, instrument.market.tiers)
    return equity, maintenance
