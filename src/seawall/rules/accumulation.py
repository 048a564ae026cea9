"""Accumulation: where money that comes in goes.

Layer    rules; imports amounts; called by fund.decide (and venue.facts for the split of a residual). SPEC 5.
Not here how much was taken from an account (rules.liquidation).
Held to  this by the fund, the ledger and the contract; cases ACC-01, ACC-04, SOC-03.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.amounts import allocate, ppm_down


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
    """

    repaid: tuple[tuple[str, int], ...]
    credits: tuple[tuple[str, int], ...]
    excess: int


def route(amount_units: int, carried: Sequence[tuple[str, int]], sinks: Sequence[Sink]) -> Routed:
    """Place an inflow: carried bad debt first, then each sink to its target in order, the rest is excess.

    amount_units  base units, >= 0
    carried       (deficit id, base units outstanding), oldest first
    sinks         the market's bucket, then the shared fund; or the one layer that a top-up names
    Source        SPEC 5 «Routing».
    """
    left = amount_units
    repaid = []
    for deficit, outstanding in carried:
        part = min(left, outstanding)
        if part:
            repaid.append((deficit, part))
            left -= part
    credits = []
    for sink in sinks:
        part = sink.room_units(left)
        if part:
            credits.append((sink.id, part))
            left -= part
    return Routed(tuple(repaid), tuple(credits), left)
