"""Marks: which price may decide anything, and the index of several sources."""

from statistics import median_low

import pytest
from hypothesis import given, strategies as st

from seawall.amounts import PPM
from seawall.rules.marks import displaced_ticks, index_price, stale_reason


@pytest.mark.parametrize(
    ("price", "observed", "reason"),
    [
        (500, 6400, ""),
        (500, 6399, "too old"),
        (500, 10_000, ""),
        (500, 10_001, "from the future"),
        (107, 9999, "at the feed's floor"),
        (106, 9999, "at the feed's floor"),
        (108, 9999, ""),
        (999, 9999, ""),
        (1000, 9999, "at the feed's ceiling"),
        (1001, 9999, "at the feed's ceiling"),
        (0, 9999, "not positive"),
        (-1, 9999, "not positive"),
    ],
)
def test_a_price_is_fresh_positive_past_and_strictly_inside_the_feeds_bounds(price, observed, reason):
    assert stale_reason(price, observed, 10_000, 3_600, 107, 1000) == reason


@given(st.integers(-5, 50), st.integers(0, 60), st.integers(0, 60), st.integers(0, 30), st.data())
def test_a_price_may_be_used_exactly_when_nothing_speaks_against_it(price, observed, now, max_age, data):
    floor = data.draw(st.one_of(st.none(), st.integers(1, 20)))
    ceiling = data.draw(st.one_of(st.none(), st.integers(21, 50)))
    inside = range((floor or 0) + 1, ceiling if ceiling is not None else 10**6)
    usable = price in inside and observed in range(now - max_age, now + 1)
    assert (stale_reason(price, observed, now, max_age, floor, ceiling) == "") is usable


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=9))
def test_the_index_is_the_lower_median(sources):
    assert index_price(sources) == median_low(sources)


@given(st.lists(st.integers(900, 1100), min_size=2, max_size=8), st.integers(1, 10**9))
def test_one_source_alone_cannot_move_the_index_beyond_the_others(others, own_book):
    assert min(others) <= index_price([own_book, *others]) <= max(others)


def test_an_index_needs_a_source():
    with pytest.raises(ValueError, match="index_price"):
        index_price([])


def test_the_mark_that_own_sales_leave():
    """Half of 7 ticks is 3, down; a rise as far; never below one tick."""
    assert displaced_ticks(100, 7, 500_000) == 97
    assert displaced_ticks(100, -7, 500_000) == 103
    assert displaced_ticks(100, 0, PPM) == 100
    assert displaced_ticks(5, 9, PPM) == 1
