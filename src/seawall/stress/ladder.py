"""Ladder: the design's order-book depth of one market, compiled into ticks and lots.

Layer    stress; imports amounts, design.types; called once a market when a run starts. SPEC 4.4.
Not here filling an order from a ladder and its recovery (venue): that changes with every step.
Held to  this by tests/stress/test_ladder.py (a definition over fractions).
"""

from __future__ import annotations

from collections.abc import Sequence

from seawall.amounts import ppm_up
from seawall.design.types import Depth

Ladder = tuple[tuple[int, int], ...]
"""Levels (ticks away from the step's price, lots), ticks strictly rising."""


def compile_ladder(depth: Depth, reference_ticks: int) -> tuple[Ladder, Ladder]:
    """Both sides of one market's depth as ladders, (bids, asks).

    depth            levels by rising distance, in ticks or in ppm of the reference price
    reference_ticks  the path's first price of the market, > 0
    returns          (bids, asks), each levels (ticks away, lots) with ticks strictly rising; the total lots of a side
                     are the design's, since levels that fall on one tick are merged by adding their lots
    Rounding         a distance in ppm is rounded up to a tick: a seller never gets a better price than the design says.
    Errors           ValueError when the reference is no price or the distances do not rise.
    Note             a bid as far away as the price itself is at zero or below; whoever fills from the ladder stops
                     above zero (SPEC 4.4: a lot is never sold at 0), because the price moves and the ladder does not.
    Source           SPEC 4.4.
    """
    if reference_ticks < 1:
        raise ValueError(f"compile_ladder: wanted a reference price of at least one tick; found {reference_ticks}")
    return _side(depth, depth.bids, reference_ticks), _side(depth, depth.asks, reference_ticks)


def _side(depth: Depth, levels: Sequence[tuple[int, int]], reference_ticks: int) -> Ladder:
    ladder: list[tuple[int, int]] = []
    last = -1
    for distance, lots in levels:
        if distance <= last:
            raise ValueError(
                f"compile_ladder: wanted rising distances in {depth.market}; found {distance} after {last}"
            )
        last = distance
        ticks = distance if depth.distance == "ticks" else ppm_up(reference_ticks, distance)
        if ladder and ladder[-1][0] == ticks:
            ladder[-1] = (ticks, ladder[-1][1] + lots)
        else:
            ladder.append((ticks, lots))
    return tuple(ladder)
