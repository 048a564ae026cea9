"""Scan: equity and maintenance margin of every account at the marks, in arrays, exactly.

Layer    venue; imports design, rules.{contracts,collateral,margin} (for the reference), venue.state. Called by
         venue.{plan,deleverage,haircuts}: whether an account is liquidatable is asked here and nowhere else.
Not here who is chosen and what happens to it (venue.plan).
Held to  this: `value_one` is the readable rule; tests/venue/test_scan.py wants the arrays equal to it with `==`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from seawall.design.instruments import Contract, Instrument
from seawall.design.types import Design
from seawall.rules.collateral import collateral_value_units
from seawall.rules.contracts import notional_units, pnl_units
from seawall.rules.margin import maintenance_margin_units
from seawall.venue.book import Integers
from seawall.venue.state import INT64_SAFE, VenueState

Flags = np.typing.NDArray[np.bool_]
Indices = np.typing.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arrays:
    """Some accounts at the marks, exactly.

    equity, maintenance  shape (k,), base units: what margin is decided by; collateral less its haircut
    full                 shape (k,), base units: equity with collateral whole: what debt is decided by
    decidable            shape (k,), bool: has positions, nothing of it in a market whose mark is stale
    """

    equity: Integers
    maintenance: Integers
    full: Integers
    decidable: Flags


class Candidates(Protocol):
    """Whoever can say for which accounts the exact scan may be left out."""

    def candidates(self, ticks: Sequence[int]) -> Indices:
        """Account indices, rising: everybody with positions whose equity is at or below maintenance, and maybe others.

        ticks  shape (m,), the marks; 0: none yet
        """


class Screen(Candidates, Protocol):
    """Candidates from own copies of the accounts, which are told of changes (stress.screen)."""

    def update(self, accounts: Sequence[int], cash: Integers, cost: Integers, lots: Integers) -> None:
        """These accounts changed. cash, cost, lots: shapes (n,), (m, n), (m, n), all accounts as they are now."""


class Values:
    """All accounts at a state's marks: whole arrays where somebody asks for them, a few accounts where not.

    found  indices of the liquidatable, rising
    Made from a state as it is, and worth as much as long as it is that: arrays asked for later are refused.
    """

    __slots__ = ("_arrays", "_known", "_seq", "_state", "found")

    def __init__(self, state: VenueState, design: Design, screen: Candidates | None = None) -> None:
        self._state, self._seq = state, state.last_seq
        self._arrays: Arrays | None = None
        self._known: dict[int, tuple[Arrays, int]] = {}
        if screen is None:
            self._arrays = value_all(state)
            self.found: Indices = np.flatnonzero(liquidatable(self._arrays, design))
            return
        candidates = screen.candidates(state.ticks)
        if not candidates.size:  # the usual step
            self.found = candidates
            return
        some = value_some(state, candidates)
        self._known = {int(account): (some, place) for place, account in enumerate(candidates)}
        self.found = candidates[liquidatable(some, design)]

    @property
    def arrays(self) -> Arrays:
        """Every account, shape (n,) each. Errors: RuntimeError when the state went on before they were asked for."""
        if self._arrays is None:
            self._must_stand()
            self._arrays = value_all(self._state)
        return self._arrays

    def equity(self, account: int) -> int:
        """One account's equity, base units; collateral less its haircut."""
        arrays, place = self._of(account)
        return int(arrays.equity[place])

    def maintenance(self, account: int) -> int:
        """One account's maintenance margin, base units."""
        arrays, place = self._of(account)
        return int(arrays.maintenance[place])

    def full(self, account: int) -> int:
        """One account's equity with collateral whole, base units."""
        arrays, place = self._of(account)
        return int(arrays.full[place])

    def is_safe(self, account: int, design: Design) -> bool:
        """Whether one account can be decided and is not liquidatable."""
        arrays, place = self._of(account)
        one = slice(place, place + 1)
        parts = (arrays.equity, arrays.maintenance, arrays.full, arrays.decidable)
        return bool(safe(Arrays(*(part[one] for part in parts)), design)[0])

    def _of(self, account: int) -> tuple[Arrays, int]:
        if self._arrays is not None:
            return self._arrays, account
        if account not in self._known:
            self._must_stand()
            self._known[account] = (value_some(self._state, np.array([account])), 0)
        return self._known[account]

    def _must_stand(self) -> None:
        if self._state.last_seq != self._seq:
            raise RuntimeError(f"values of event {self._seq} asked for at event {self._state.last_seq}")


class _Nobody:
    """A screen that proves everybody safe: for values that are asked for, if at all, one by one or whole."""

    def candidates(self, ticks: Sequence[int]) -> Indices:
        del ticks
        return np.zeros(0, dtype=np.int64)


def unscanned(state: VenueState, design: Design) -> Values:
    """Values of a state in which nobody is looked for; each is worked out when it is asked for."""
    return Values(state, design, _Nobody())


def liquidatable(values: Arrays, design: Design) -> Flags:
    """Who is liquidatable, shape (k,): equity below the maintenance margin, or at it where the design says so."""
    if design.liquidation.trigger == "below":
        return values.decidable & (values.equity < values.maintenance).astype(np.bool_)
    return values.decidable & (values.equity <= values.maintenance).astype(np.bool_)


def safe(values: Arrays, design: Design) -> Flags:
    """Who can be decided and is not liquidatable, shape (k,)."""
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


def value_all(state: VenueState) -> Arrays:
    """Every account at the state's marks, shape (n,) each: see `value_some`."""
    return value_some(state, slice(None))


def value_some(state: VenueState, accounts: Indices | slice) -> Arrays:
    """Some accounts at the state's marks, shape (k,) each, in the order of their indices.

    A market without a mark yet counts as stale; positions there are worth 0.
    """
    equity = state.cash[accounts].copy()
    cut = np.zeros_like(equity)  # what haircuts take off collateral
    maintenance = np.zeros_like(equity)
    holds = np.zeros(len(equity), dtype=np.bool_)
    undecided = np.zeros(len(equity), dtype=np.bool_)
    for market, instrument in enumerate(state.instruments):
        lots, cost = state.lots[market, accounts], state.cost[market, accounts]
        held = np.flatnonzero(lots)
        if not held.size:
            continue
        if instrument.market.kind != "collateral":
            holds[held] = True
        if market in state.stale or state.ticks[market] == 0:
            undecided[held] = True
        if state.ticks[market] == 0:
            equity[held] -= cost[held]  # no price yet: nobody with a position here is decided
            continue
        value, notional = value_array(lots[held], state.ticks[market], instrument.contract)
        equity[held] += value - cost[held]
        if instrument.market.kind == "collateral":
            cut[held] += value - kept_array(value, instrument.market.haircut_ppm)
        else:
            maintenance[held] += maintenance_array(notional, instrument)
    return Arrays(equity - cut, maintenance, equity, holds & ~undecided)


def unrecognised_units(state: VenueState, screen: Candidates | None = None) -> int:
    """Negative equity, as a positive amount, of accounts that still hold positions: not yet a deficit.

    screen  whose candidates hold everybody with a negative equity and positions, if there is one; who holds collateral
            alone is no candidate, and where the design has some everybody is valued
    Accounts in markets whose mark is stale count at the last mark; their figure is as old as that.
    """
    narrow = screen is not None and not any(state.is_collateral(m) for m in range(len(state.instruments)))
    accounts = screen.candidates(state.ticks) if screen is not None and narrow else slice(None)
    full = value_some(state, accounts).full
    open_accounts = (state.lots[:, accounts] != 0).any(axis=0)
    below = open_accounts & (full < 0).astype(np.bool_)
    return -sum(int(units) for units in full[below])


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
