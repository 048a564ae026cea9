"""Concentration: how evenly a vector of haircuts lies on those who could have paid.

Layer    rules; imports amounts. Called by report, stress and benchmarks. SPEC 8.
Not here whether a policy is fair, only how uneven a split is.
Held to  this by tests/rules/test_concentration.py: pairwise differences, sorted shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.amounts import PPM

TOP = 10


@dataclass(frozen=True, slots=True)
class Concentration:
    """Shares are of the sum paid, in ppm, rounded down.

    largest_ppm  the largest part of one
    top_ten_ppm  the parts of the ten largest
    gini_ppm     Gini's index over all, those who paid nothing included: 0 all alike, (n - 1) / n one pays for all
    hit          how many paid anything
    """

    largest_ppm: int
    top_ten_ppm: int
    gini_ppm: int
    hit: int


def concentration(haircut_units: Sequence[int]) -> Concentration:
    """Measures of a vector of haircuts, each >= 0, exact in integers; all 0 where nobody paid.

    Gini      sum over pairs |a - b| / (2 n sum); with x sorted, sum (2 i - n - 1) x_i / (n sum), i from 1
    Rounding  down, each by one division.
    Errors    ValueError for a negative haircut.
    Source    Gini, Variabilità e mutabilità (1912).
    """
    rising = sorted(int(units) for units in haircut_units)
    total, people = sum(rising), len(rising)
    if rising and rising[0] < 0:
        raise ValueError(f"concentration: wanted haircuts >= 0; found {rising[0]}")
    if total == 0:
        return Concentration(0, 0, 0, 0)
    spread = sum((2 * i - people - 1) * units for i, units in enumerate(rising, 1))
    return Concentration(
        largest_ppm=rising[-1] * PPM // total,
        top_ten_ppm=sum(rising[-TOP:]) * PPM // total,
        gini_ppm=spread * PPM // (people * total),
        hit=sum(units > 0 for units in rising),
    )
