"""Concentration of haircuts, against differences of all pairs."""

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from seawall.rules.concentration import Concentration, concentration

AMOUNTS = st.lists(st.integers(0, 50) | st.integers(0, 10**30), min_size=1, max_size=25)


@given(AMOUNTS.filter(any))
def test_measures_equal_their_definitions_rounded_down(paid):
    total, people = sum(paid), len(paid)
    pairs = sum(abs(a - b) for a in paid for b in paid)
    top = list(paid)
    ten = 0
    for _ in range(min(10, people)):
        ten += top.pop(top.index(max(top)))
    assert concentration(paid) == Concentration(
        largest_ppm=int(Fraction(max(paid), total) * 10**6),
        top_ten_ppm=int(Fraction(ten, total) * 10**6),
        gini_ppm=int(Fraction(pairs, 2 * people * total) * 10**6),
        hit=len([h for h in paid if h]),
    )


def test_one_pays_for_all_and_all_pay_alike():
    assert concentration([0, 0, 0, 8]) == Concentration(1_000_000, 1_000_000, 750_000, 1)
    assert concentration([2] * 20) == Concentration(50_000, 500_000, 0, 20)
    assert concentration([0, 0]) == concentration([]) == Concentration(0, 0, 0, 0)
    with pytest.raises(ValueError, match="haircuts >= 0; found -1"):
        concentration([3, -1])
