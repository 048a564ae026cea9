"""Liquidation: who, in which order, what it is charged, and what is left or owed."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.liquidation import close_out, is_liquidatable, queue_key, surcharge_units

MONEY = st.integers(-(10**30), 10**30)


@pytest.mark.parametrize(
    ("equity", "maintenance", "below", "at_or_below"),
    [
        (99, 100, True, True),
        (100, 100, False, True),
        (101, 100, False, False),
        (0, 0, False, True),
        (-1, 0, True, True),
    ],
)
def test_liquidatable_is_strictly_below_maintenance_unless_the_design_says_at_equality(
    equity, maintenance, below, at_or_below
):
    assert is_liquidatable(equity, maintenance, "below") is below
    assert is_liquidatable(equity, maintenance, "at_or_below") is at_or_below


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "aa", "B"]), st.integers(-50, 50), st.integers(1, 50)), min_size=2)
)
@example([("b", 1, 2), ("aa", 2, 4), ("a", 3, 6)])  # equal ratios, different sizes
def test_the_worst_ratio_waits_least_and_ties_go_to_the_lowest_id(accounts):
    ordered = sorted(accounts, key=lambda account: queue_key(*account))
    for (id_1, equity_1, margin_1), (id_2, equity_2, margin_2) in pairwise(ordered):
        first, second = equity_1 * margin_2, equity_2 * margin_1  # cross-multiplied ratios
        assert first <= second
        if first == second:
            assert (len(id_1), id_1) <= (len(id_2), id_2)


def test_an_account_without_maintenance_margin_still_has_a_place():
    assert queue_key("a", -5, 0) < queue_key("a", 3, 0) < queue_key("b", 3, 1)


@given(st.integers(0, 10**20), st.integers(0, 10**6), MONEY, MONEY)
def test_a_surcharge_is_the_least_of_rate_gain_and_equity(notional, rate, gain, equity):
    fee = surcharge_units(notional, rate, gain, equity)
    asked = Fraction(notional * rate, 10**6)
    assert 0 <= fee < asked + 1
    if fee:
        assert fee <= gain and fee <= equity
    # It is the largest such whole number: one unit more would break a cap.
    assert fee + 1 >= asked + 1 or fee + 1 > gain or fee + 1 > equity


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(-500, 500), st.integers(-500, 500))
def test_a_surcharge_never_makes_or_enlarges_a_deficit(notional, rate, gain, equity):
    fee = surcharge_units(notional, rate, gain, equity)
    assert max(0, fee - equity) == max(0, -equity)


def test_a_surcharge_rounds_up():
    assert surcharge_units(1, 1, 10, 10) == 1
    assert surcharge_units(66_666_667, 15_000, 10**9, 2_000_000) == 1_000_001


@given(MONEY, st.integers(0, 10**30))
def test_I1_closing_out_keeps_every_unit(equity, pending):
    closed = close_out(equity, pending)
    assert closed.residual - closed.deficit == equity + closed.fees_used
    assert closed.fees_used + closed.fees_routed == pending
    assert min(closed.fees_used, closed.fees_routed, closed.residual, closed.deficit) >= 0
    assert not (closed.residual and closed.deficit)


@given(st.integers(-60, 60), st.integers(0, 60))
def test_a_deficit_takes_its_own_fees_back_before_any_is_routed(equity, pending):
    """Unit by unit: a debt eats pending fees first; only what no debt needs is routed."""
    debt, fees, used = max(0, -equity), pending, 0
    while debt and fees:
        debt, fees, used = debt - 1, fees - 1, used + 1
    closed = close_out(equity, pending)
    assert (closed.deficit, closed.fees_routed, closed.fees_used) == (debt, fees, used)
    assert closed.residual == max(0, equity)
