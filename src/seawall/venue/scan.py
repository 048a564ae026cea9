"""Scan: equity and maintenance margin of every account at the marks, in arrays, exactly.

Layer    venue; imports design, rules.{contracts,collateral,margin} (for the reference), venue.state. Called by
         venue.{plan,deleverage,haircuts}: whether an account is liquidatable is asked here and nowhere else.
Not here who is chosen and what happens to it (venue.plan).
Held to  this: `value_one` is the readable rule; tests/venue/test_scan.py wants the arrays equal to it with `==`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seawall.design.instruments import Contract, Instrument
from seawall.design.types import Design
from seawall.rules.collateral import collateral_value_units
from seawall.rules.contracts import notional_units, pnl_units
from seawall.rules.margin import maintenance_margin_units
from seawall.venue.state import INT64_SAFE, Integers, VenueState

Flags = np.typing.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Values:
    """All accounts at the marks.

    equity, maintenance  shape (n,), base units: what margin is decided by; collateral less its haircut
    full                 shape (n,), base units: equity with collateral whole: what debt is decided by
    decidable            shape (n,), bool: has positions, nothing of it in a market whose mark is stale
    """

    equity: Integers
    maintenance: Integers
    full: Integers
    decidable: Flags


def liquidatable(values: Values, design: Design) -> Flags:
    """Who is liquidatable, shape (n,): equity below the maintenance margin, or at it where the design says so."""
    if design.liquidation.trigger == "below":
        return values.decidable & (values.equity < values.maintenance).astype(np.bool_)
    return values.decidable & (values.equity <= values.maintenance).astype(np.bool_)


def safe(values: Values, design: Design) -> Flags:
    """Who can be decided and is not liquidatable, shape (n,)."""
    return values.decidable & ~liquidatable(values, design)


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


def value_array(lots: Integers, ticks: int, contract: Contract) -> tuple[Integers, Integers]:
    """(value, notional) of positions at a price, shape (n,) each: rules.contracts in arrays."""
    if contract.inverse:
        owed = lots * contract.unit
        return -owed // ticks, -(-np.abs(owed) // ticks)
    value = lots * (ticks * contract.unit)
    return value, np.abs(value)


def kept_array(value: Integers, haircut_ppm: int) -> Integers:
    """floor(value x (10^6 - haircut) / 10^6), shape (n,), value >= 0: rules.collateral in arrays, without overflow."""
    whole, rest = value // 1_000_000, value % 1_000_000
    kept: Integers = whole * (1_000_000 - haircut_ppm) + rest * (1_000_000 - haircut_ppm) // 1_000_000
    return kept


def value_all(state: VenueState) -> Values:
    """Every account at the state's marks. A market without a mark yet counts as stale; positions there are worth 0."""
    equity = state.cash.copy()
    cut = np.zeros_like(state.cash)  # what haircuts take off collateral
    maintenance = np.zeros_like(state.cash)
    holds = np.zeros(len(state.accounts), dtype=np.bool_)
    undecided = np.zeros(len(state.accounts), dtype=np.bool_)
    for market, instrument in enumerate(state.instruments):
        held = np.flatnonzero(state.lots[market])
        if not held.size:
            continue
        if instrument.market.kind != "collateral":
            holds[held] = True
        if market in state.stale or state.ticks[market] == 0:
            undecided[held] = True
        if state.ticks[market] == 0:
            equity[held] -= state.cost[market, held]  # no price yet: nobody with a position here is decided
            continue
        value, notional = value_array(state.lots[market, held], state.ticks[market], instrument.contract)
        equity[held] += value - state.cost[market, held]
        if instrument.market.kind == "collateral":
            cut[held] += value - kept_array(value, instrument.market.haircut_ppm)
        else:
            maintenance[held] += maintenance_array(notional, instrument)
    return Values(equity - cut, maintenance, equity, holds & ~undecided)


def unrecognised_units(state: VenueState) -> int:
    """Negative equity, as a positive amount, of accounts that still hold positions: not yet a deficit.

    Accounts in markets whose mark is stale count at the last mark; their figure is as old as that.
    """
    values = value_all(state)
    open_accounts = (state.lots != 0).any(axis=0)
    below = open_accounts & (values.full < 0).astype(np.bool_)
    return -sum(int(units) for units in values.full[below])


def value_one(state: VenueState, account: int) -> tuple[int, int]:
    """(equity, maintenance margin) of one account at the marks, by the rules themselves: the scan's reference."""
    equity, maintenance = int(state.cash[account]), 0
    for market, instrument in enumerate(state.instruments):
        lots = int(state.lots[market, account])
        ticks, contract = state.ticks[market], instrument.contract
        if lots and not ticks:
            equity -= int(state.cost[market, account])
        elif lots and instrument.market.kind == "collateral":
            kept = collateral_value_units(lots, ticks, contract.unit, instrument.market.haircut_ppm)
            equity += kept - int(state.cost[market, account])
        elif lots:
            equity += pnl_units(contract, lots, ticks, int(state.cost[market, account]))
            notional = notional_units(contract, lots, ticks)
            maintenance += maintenance_margin_units(notional, instrument.market.tiers)
    return equity, maintenance
