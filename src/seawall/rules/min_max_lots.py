"""Min-max in whole lots: nobody loses a larger part of its equity than must be, without a solver.

Layer    rules; imports amounts, rules.water_fill. Called by rules.{deleveraging,lots_arrays}. SPEC 8; I6.
Not here pro rata over equity in money, which is the same without lots (rules.adl_policies).
Held to  this by tests/rules/test_min_max_lots.py: every way to hand out the lots.

Every lot costs the same gap, so the gap cancels: minimise the largest lots / equity. The next lot always goes to
whoever then has the smallest lots / equity; all lots below the real water level are handed out at once, fewer than one
a winner are left for a heap.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from fractions import Fraction

from seawall.amounts import PPM
from seawall.rules.water_fill import below_caps


def min_max_lots(lots: int, equity_units: Sequence[int], caps: Sequence[int]) -> tuple[int, ...]:
    """Whole lots of each winner, so that the largest lots / equity is as small as can be, then the second largest, ...

    lots          to hand out, >= 0
    equity_units  shape (n,), by ascending id; without equity (<= 0) nobody gets any
    caps          shape (n,), the most lots of each, >= 0
    returns       shape (n,), lots, adding up to min(lots, sum of caps of those with equity)
    Ties          of lots that would lead to the same part, the largest equity's goes first (it had the larger part
                  already, so the next largest part stays smaller), of equal equities the lowest id's.
    Cost          O(n log n), whatever the number of lots.
    Source        the min-max programme of Chitra et al., arXiv 2512.01112, for one market; D'Hondt's divisors (1878).
    """
    if lots < 0:
        raise ValueError(f"min_max_lots: wanted lots >= 0; found {lots}")
    equity = [max(0, units) for units in equity_units]
    handed = [cap if units else 0 for cap, units in zip(caps, equity, strict=True)]
    under, room = below_caps(lots, equity, caps)
    weight = sum(equity[i] for i in under)
    for i in under:
        handed[i] = room * equity[i] // weight
    left = room - sum(handed[i] for i in under)
    hand_out(left, under, handed, equity, caps)
    return tuple(handed)


def hand_out(lots: int, under: Sequence[int], handed: list[int], equity: Sequence[int], caps: Sequence[int]) -> None:
    """Hand out lots one by one: each goes to whoever then has the smallest lots / equity. Changes `handed`.

    lots   at most what is left of the caps of `under`
    under  places of those who may get some: equity > 0, handed < cap
    """
    # Fractions with denominators below 2^(shift / 2) differ by more than 2^-shift: floors at this scale compare so.
    shift = 2 * max((equity[i] for i in under), default=0).bit_length()
    heap = [(((handed[i] + 1) << shift) // equity[i], -equity[i], i) for i in under]
    heapq.heapify(heap)
    for _ in range(lots):
        _, _, i = heapq.heappop(heap)
        handed[i] += 1
        if handed[i] < caps[i]:
            heapq.heappush(heap, (((handed[i] + 1) << shift) // equity[i], -equity[i], i))


def worst_part_ppm(haircut_units: Sequence[int], equity_units: Sequence[int]) -> int:
    """The largest haircut / equity, in ppm, rounded up; 0 where nobody pays.

    Errors  ValueError where somebody without equity pays: no ratio says how bad that is.
    """
    if any(paid > 0 >= equity for paid, equity in zip(haircut_units, equity_units, strict=True)):
        raise ValueError("worst_part_ppm: wanted haircuts only where equity is > 0")
    parts = (Fraction(paid, equity) for paid, equity in zip(haircut_units, equity_units, strict=True) if paid > 0)
    worst = max(parts, default=Fraction(0)) * PPM
    return -(-worst.numerator // worst.denominator)
