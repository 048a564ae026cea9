"""Fixed points: the least and the greatest cascade that one price and one order book can bear.

Layer    stress; imports amounts, venue.{book,ladder}. Called by nobody yet: a figure to stand beside a run.
Not here triggers (stress.triggers), what a step does in rounds (venue), deficits.
Held to  this by tests/stress/test_fixed_points.py: every number of lots tried, and the venue's own rounds.

One side of one market in one step. Let F(Q) be the lots whose trigger the mark has reached once Q lots are sold. More
sales reach no shallower level, the mark moves no less, more triggers are reached: F never falls. So from Q = 0 the
steps Q <- F(Q) only rise and end at the least Q = F(Q), from all lots they only fall and end at the greatest: where a
step changes anything at least one seller joins or leaves, so F is asked at most n + 1 times of n sellers (Tarski 1955;
of default cascades Eisenberg and Noe 2001). Both are ends that hold by themselves: at the greatest everybody is
liquidatable because everybody sells. The lots between them are run risk: what one push beyond the least end may add.

The venue's rounds are the least one: they begin with nobody sold. They end at its lots and its mark, after one round
for each step that rises, where
    every liquidated account is closed whole when it is found: amount `whole`, worst price `any`, no capacity, no limit
    on what a step or a window closes, no pool, nothing taken over or deleveraged in place of a sale: layers pay
    the book takes every lot: its depth, above a price of 0, is at least that of the sellers
    accounts hold one position, in a market with a mark that may be used, and have one side (stress.triggers)
    nobody on the other side is liquidatable at the step's price, so that nothing is crossed or bought
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seawall.amounts import PPM
from seawall.rules.marks import displaced_ticks
from seawall.venue.book import Integers
from seawall.venue.ladder import Levels, Side, take


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Where a cascade ends.

    lots        liquidatable at the mark that selling them leaves, whether or not the book took them all
    mark_ticks  that mark
    rounds      how often it was asked who is liquidatable, the last time in vain
    """

    lots: int
    mark_ticks: int
    rounds: int


class Cascade:
    """One step of one market: who would sell at which mark, and what selling does to the mark.

    trigger_ticks     shape (n,): longs are liquidatable at marks up to it, shorts from it on (stress.triggers)
    lots              shape (n,), > 0
    price_ticks       the step's price, before own displacement
    levels            of the side that takes the lots, and how much of each is used already
    side              "bids": longs are sold; "asks": shorts are bought back
    pass_through_ppm  the part of the distance to the deepest fill that moves the mark

    Errors  ValueError when triggers and lots, or levels and used lots, do not match, or lots are not above 0.
    """

    def __init__(
        self,
        trigger_ticks: Integers,
        lots: Integers,
        *,
        price_ticks: int,
        levels: Levels,
        used: Sequence[int] | None = None,
        side: Side = "bids",
        pass_through_ppm: int = PPM,
    ) -> None:
        self._used = (0,) * len(levels) if used is None else tuple(used)
        if len(trigger_ticks) != len(lots) or len(self._used) != len(levels):
            found = f"{len(trigger_ticks)} and {len(lots)}, {len(levels)} and {len(self._used)}"
            raise ValueError(f"cascade: wanted as many triggers as lots, and levels as used lots; found {found}")
        if len(lots) and int(lots.min()) < 1:
            raise ValueError(f"cascade: wanted lots above 0; found {int(lots.min())}")
        self._price, self._levels, self._side, self._passed = price_ticks, levels, side, pass_through_ppm
        # As the mark moves away from the price, sellers join in this order; below: of a falling or a rising mark.
        self._sign = -1 if side == "bids" else 1
        order = np.argsort(self._sign * trigger_ticks, kind="stable")
        self._triggers = (self._sign * trigger_ticks)[order]
        self._total = np.concatenate([np.zeros(1, dtype=lots.dtype), np.cumsum(lots[order])])

    @property
    def total_lots(self) -> int:
        """Lots of everybody."""
        return int(self._total[-1])

    def mark_ticks(self, lots: int) -> int:
        """The mark that selling so many lots leaves. Rounding: the move, down."""
        away = take(self._levels, self._used, self._price, self._side, lots).away_ticks
        return displaced_ticks(self._price, away if self._side == "bids" else -away, self._passed)

    def liquidatable_lots(self, mark_ticks: int) -> int:
        """Lots whose trigger this mark has reached."""
        return int(self._total[np.searchsorted(self._triggers, self._sign * mark_ticks, side="right")])


def least(cascade: Cascade) -> FixedPoint:
    """The cascade that the step's price starts by itself: from nobody sold."""
    return _fixed_point(cascade, 0)


def greatest(cascade: Cascade) -> FixedPoint:
    """The largest cascade that would keep itself up: from everybody sold."""
    return _fixed_point(cascade, cascade.total_lots)


def run_risk_lots(cascade: Cascade) -> int:
    """Lots that the greatest cascade sells beyond the least, >= 0."""
    return greatest(cascade).lots - least(cascade).lots


def _fixed_point(cascade: Cascade, lots: int) -> FixedPoint:
    rounds = 0
    while True:
        mark = cascade.mark_ticks(lots)
        after, rounds = cascade.liquidatable_lots(mark), rounds + 1
        if after == lots:
            return FixedPoint(lots, mark, rounds)
        lots = after
