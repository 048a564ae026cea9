"""Accumulation: where money that comes in goes.

Layer    rules; imports amounts; called by fund.decide_inflow (and venue.facts for the split of a residual). SPEC 5.
Not here how much was taken from an account (rules.liquidation).
Held to  this by the fund, the ledger and the contract; cases ACC-01, ACC-04, SOC-03.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.amounts import PPM, allocate, ppm_down


def commission_share_units(fee_units: int, share_ppm: int) -> int:
    """The fund's part of one fee: floor(fee x share / 10^6); a rebate (fee <= 0) contributes and takes nothing."""
    return ppm_down(fee_units, share_ppm) if fee_units > 0 else 0


def split_units(amount_units: int, split_ppm: Sequence[int]) -> tuple[int, ...]:
    """Split an amount that was actually taken among receivers, by `allocate` over their ppm, losing no unit."""
    return allocate(amount_units, split_ppm)


@dataclass(frozen=True, slots=True)
class Sink:
    """A layer that income can fill.

    id            layer id
    balance_units now
    target_units  filled up to here; None: without end
    """

    id: str
    balance_units: int
    target_units: int | None

    def room_units(self, offered_units: int) -> int:
        """What it takes of an offer: up to its target. Above a lowered target it takes nothing and gives nothing."""
        if self.target_units is None:
            return offered_units
        return min(offered_units, max(0, self.target_units - self.balance_units))


@dataclass(frozen=True, slots=True)
class Routed:
    """An inflow, placed. The parts add up to it.

    repaid   (deficit id, base units), oldest carried debt first
    credits  (layer id, base units), only parts above 0
    excess   base units above every target
    lenders  (layer id, base units): what credit lines get back
    """

    repaid: tuple[tuple[str, int], ...]
    credits: tuple[tuple[str, int], ...]
    excess: int
    lenders: tuple[tuple[str, int], ...] = ()


def route(
    amount_units: int,
    carried: Sequence[tuple[str, int]],
    sinks: Sequence[Sink],
    lenders: Sequence[tuple[str, int]] = (),
) -> Routed:
    """Place an inflow: carried bad debt, then loans, then each sink to its target in order; the rest is excess.

    amount_units  base units, >= 0
    carried       (deficit id, base units outstanding), oldest first
    sinks         the market's bucket, then the shared fund; or the one layer that a top-up names
    lenders       (credit line, base units that it lent), in the design's order
    Source        SPEC 5 «Routing».
    """
    left = amount_units
    repaid, left = _repay(left, carried)
    returned, left = _repay(left, lenders)
    credits = []
    for sink in sinks:
        part = sink.room_units(left)
        if part:
            credits.append((sink.id, part))
            left -= part
    return Routed(repaid, tuple(credits), left, returned)


def _repay(units: int, debts: Sequence[tuple[str, int]]) -> tuple[tuple[tuple[str, int], ...], int]:
    """(what each debt gets, in order; what is left)."""
    rows = []
    for name, outstanding in debts:
        part = min(units, outstanding)
        if part:
            rows.append((name, part))
            units -= part
    return tuple(rows), units


YEAR_MS = 365 * 86_400_000
"""A year of an APR cap."""


def release_units(
    pool_units: int, share_ppm: int, receiver_units: int, yearly_cap_ppm: int | None, period_ms: int
) -> int:
    """What one release moves out of a revenue pool.

    receiver_units  the receiving layer's balance
    yearly_cap_ppm  of it, the most that the releases of 365 days move; None: no cap
    Rounding        floor(pool x share / 10^6), at most floor(balance x cap x period / (10^6 x year)): both down
    Source          Drift: min(pool / 10, an APR of 1,000 %) each hour, with stakers.
    """
    released = ppm_down(pool_units, share_ppm)
    if yearly_cap_ppm is None:
        return released
    return min(released, receiver_units * yearly_cap_ppm * period_ms // (PPM * YEAR_MS))
