"""Min-max in whole lots, against every way to hand them out."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, strategies as st

from seawall.rules.min_max_lots import min_max_lots, worst_part_ppm


def best_of_all(lots, equity, caps):
    """All vectors; the worst part first, then the second worst, ...; of equals, the most to the lowest id."""
    total = min(lots, sum(cap for cap, e in zip(caps, equity) if e > 0))
    ways = product(*(range(cap + 1) if e > 0 else range(1) for cap, e in zip(caps, equity)))

    def pain(way):
        parts = sorted((Fraction(n, e) for n, e in zip(way, equity) if e > 0), reverse=True)
        return parts, [-n for n in way]

    return min((way for way in ways if sum(way) == total), key=pain)


ROWS = st.lists(st.tuples(st.integers(-2, 9), st.integers(0, 5)), min_size=1, max_size=4)


@given(st.integers(0, 14), ROWS)
def test_min_max_lots_equals_the_best_of_all_ways(lots, rows):
    equity, caps = zip(*rows)
    assert min_max_lots(lots, equity, caps) == best_of_all(lots, equity, caps)


@given(
    st.integers(0, 10**24),
    st.lists(st.tuples(st.integers(0, 10**30), st.integers(0, 10**24)), min_size=1, max_size=8),
)
def test_no_lot_moved_to_another_makes_the_worst_part_smaller(lots, rows):
    """At any size: whoever could take one more would then be at least as badly off as anybody is now."""
    equity, caps = zip(*rows)
    handed = min_max_lots(lots, equity, caps)
    assert sum(handed) == min(lots, sum(cap for e, cap in rows if e))
    assert all(0 <= n <= cap for n, cap in zip(handed, caps))
    worst = max((Fraction(n, e) for n, e in zip(handed, equity) if n), default=0)
    assert all(Fraction(n + 1, e) >= worst for n, e, cap in zip(handed, equity, caps) if e and n < cap)


def test_equal_equities_are_served_lowest_id_first():
    assert min_max_lots(5, (7, 7, 7), (9, 9, 9)) == (2, 2, 1)
    assert min_max_lots(3, (7, 14, 7), (9, 9, 9)) == (1, 2, 0), "1/7 = 2/14: then 1/14 is worse than 0"


def test_who_has_no_equity_gets_none_and_the_rest_is_left():
    assert min_max_lots(9, (0, -5, 10), (9, 9, 4)) == (0, 0, 4)
    assert min_max_lots(0, (), ()) == ()
    with pytest.raises(ValueError, match="wanted lots >= 0"):
        min_max_lots(-1, (1,), (1,))


def test_the_worst_part_rounds_up():
    assert worst_part_ppm((1, 2, 0), (3, 4, 0)) == 500_000
    assert worst_part_ppm((1,), (3,)) == 333_334
    assert worst_part_ppm((0,), (0,)) == 0
    with pytest.raises(ValueError, match="equity is > 0"):
        worst_part_ppm((1,), (0,))
