"""Drawdown: peaks of a rolling window, held to a walk over every millisecond, and Bybit's and OKX's figures."""

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from seawall.rules.drawdown import fall_left_units, is_shut, peak_units


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(-9, 20)), max_size=6), st.integers(-9, 20), st.integers(1, 15)
)
def test_a_peak_equals_a_walk_over_every_millisecond(changes, first, length):
    """Changes (time, new value); the value of an instant is every one that it saw."""
    changes = sorted(changes, key=lambda change: change[0])
    now = max([time for time, _ in changes], default=0) + 3
    before, value = [], first
    for time, new in changes:
        before.append((time, value))
        value = new
    peak = first
    seen = []
    for instant in range(now - length, now + 1):
        at = [new for time, new in changes if time == instant]
        stood = [first, *(new for time, new in changes if time < instant)][-1]
        seen += at[-1:] or [stood] if instant == now - length else [stood, *at]
    peak = max(seen)
    assert peak_units(value, before, length, now) == peak
    assert peak_units(value, before, None, now) == max([first, *(new for _, new in changes)])


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(0, 10**6))
def test_what_may_still_fall_is_the_largest_whole_number_within_the_drawdown(peak, fall, ppm):
    now = peak - fall
    left = fall_left_units(now, peak, peak, ppm)
    allowed = Fraction(peak * ppm, 10**6)
    assert left == 0 or fall + left <= allowed
    assert fall + left + 1 > allowed


def test_okx_a_fund_may_lose_30_percent_of_its_8_hour_peak():
    """OKX: ADL at -30 % from the peak. 1,000,001 may fall by 300,000, not by 300,001."""
    assert fall_left_units(1_000_001, 1_000_001, 1_000_001, 300_000) == 300_000
    assert fall_left_units(700_001, 1_000_001, 1_000_001, 300_000) == 0
    assert fall_left_units(800_000, 1_000_001, 1_000_001, 300_000) == 99_999


@pytest.mark.parametrize(
    ("was", "result", "shut"),
    [
        (False, -290_000, False),
        (False, -300_000, True),  # to the unit
        (True, -290_000, True),
        (True, -250_000, True),  # off above -25 %, not at it
        (True, -249_999, False),
        (False, -260_000, False),
        (True, 0, False),
    ],
)
def test_bybit_a_symbol_is_shut_at_r_of_30_percent_and_open_again_above_25(was, result, shut):
    """r = (the symbol's result - its 8 h maximum 0) / the pool's 8 h maximum 1,000,000."""
    assert is_shut(was, result, 0, 1_000_000, 300_000, 250_000) is shut


def test_a_reset_of_nothing_waits_for_the_peak_itself():
    assert is_shut(True, 99, 100, 100, 300_000, 0) and not is_shut(True, 100, 100, 100, 300_000, 0)
