"""Ladder: the depth of one side of a market's book, in whole lots, taken level by level.

Layer    venue; imports nothing of ours. SPEC 4.4.
Not here compiling a ladder from a design (stress.ladder) and sharing what it pays (venue.plan).
Held to  this by tests/venue/test_ladder.py, lot by lot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Side = Literal["bids", "asks"]
Levels = tuple[tuple[int, int], ...]
"""(ticks away from the step's price, lots), distances strictly rising."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What an order took.

    lots        filled, at most what was wanted
    fills       (price in ticks, lots), best first
    used        shape (levels,), used lots of each level afterwards
    worst_ticks price of the deepest fill; 0 when nothing filled
    away_ticks  distance of the deepest fill; 0 when nothing filled
    """

    lots: int
    fills: tuple[tuple[int, int], ...]
    used: tuple[int, ...]
    worst_ticks: int
    away_ticks: int


def take(levels: Levels, used: Sequence[int], anchor_ticks: int, side: Side, wanted_lots: int) -> Taken:
    """Take `wanted_lots` from one side, best level first.

    anchor_ticks  the step's price; a bid stands below it, an ask above it. A bid that would stand below one tick is not
                  there: past the last level a lot stays unsold, never sold at 0.
    """
    left, worst, deepest = wanted_lots, 0, 0
    fills: list[tuple[int, int]] = []
    after = list(used)
    for index, (away, lots) in enumerate(levels):
        if left == 0:
            break
        price = anchor_ticks - away if side == "bids" else anchor_ticks + away
        if price < 1:
            break
        part = min(left, lots - after[index])
        if part <= 0:
            continue
        after[index] += part
        left -= part
        fills.append((price, part))
        worst, deepest = price, away
    return Taken(wanted_lots - left, tuple(fills), tuple(after), worst, deepest)


def free_levels(levels: Levels, used: Sequence[int], anchor_ticks: int, side: Side) -> list[tuple[int, int]]:
    """(lots, price in ticks) that the side can still take, best first: what an order of any size would get."""
    free = []
    for (away, lots), taken in zip(levels, used, strict=True):
        price = anchor_ticks + away if side == "asks" else anchor_ticks - away
        if price >= 1 and lots > taken:
            free.append((lots - taken, price))
    return free


def depth_lots(levels: Levels, used: Sequence[int], anchor_ticks: int, side: Side) -> int:
    """Lots that the side can still take at this price."""
    return sum(lots for lots, _ in free_levels(levels, used, anchor_ticks, side))


def recover(used: Sequence[int], recovery_ppm: int) -> tuple[int, ...]:
    """Used lots of each level after a step's recovery: floor(used x recovery_ppm / 10^6) come back (SPEC 4.4)."""
    return tuple(lots - lots * recovery_ppm // 1_000_000 for lots in used)
