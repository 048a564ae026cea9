"""Liquidation: who, in which order, what it is charged, and what is left or owed."""

from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.liquidation import (
    assumable_debt_units,
    assumption_units,
    close_out,
    grown_surcharge_ppm,
    is_liquidatable,
    queue_key,
    room_capped_fee_ppm,
    stage,
    surcharge_units,
)

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


# --- stages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("equity", "below", "at_or_below"),
    [(301, 0, 0), (300, 0, 1), (299, 1, 1), (200, 2, 2), (199, 2, 2), (0, 2, 2), (-9, 2, 2)],
)
def test_hyperliquid_liquidates_below_maintenance_and_takes_over_below_two_thirds_of_it(equity, below, at_or_below):
    """666,667 ppm is the least that holds two thirds: 200 of 300 is below it."""
    assert stage(equity, 300, (1_000_000, 666_667)) == below
    assert stage(equity, 300, (1_000_000, 666_667), "at_or_below") == at_or_below


def test_ftx_measures_against_notional():
    levels = (100_000, 40_000, 20_000, 0)  # no orders, the book, backstop providers, the fund
    assert [stage(equity, 1_000, levels) for equity in (100, 99, 39, 19, 0, -1)] == [0, 1, 2, 3, 3, 4]


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**20), st.lists(st.integers(0, 2 * 10**6), max_size=4))
def test_a_stage_is_the_number_of_thresholds_that_the_ratio_is_below(equity, base, levels):
    ratio = Fraction(equity, base) * 10**6
    assert stage(equity, base, levels) == len([level for level in levels if level > ratio])
    assert stage(equity, base, levels, "at_or_below") == len([level for level in levels if level >= ratio])


# --- fees that depend on time and room -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elapsed", "rate"),
    [(0, 10_000), (600, 10_000), (600 + 399, 10_000), (600 + 400, 10_005), (600 + 4_000, 10_050), (10**9, 12_000)],
)
def test_a_surcharge_grows_by_full_periods_after_the_grace_up_to_its_end(elapsed, rate):
    assert grown_surcharge_ppm(10_000, elapsed, 600, 5, 400, 12_000) == rate


@given(
    st.integers(0, 10**6),
    st.integers(0, 300),
    st.integers(0, 100),
    st.integers(0, 10**5),
    st.integers(1, 50),
    st.one_of(st.none(), st.integers(0, 10**6)),
)
def test_a_growing_surcharge_equals_a_walk_through_time(base, elapsed, grace, growth, every, most):
    rate, end = base, 10**6 if most is None else most
    for now in range(1, elapsed + 1):
        if now > grace and (now - grace) % every == 0 and rate < end:
            rate = min(end, rate + growth)
    assert grown_surcharge_ppm(base, elapsed, grace, growth, every, most) == rate


def test_drift_takes_19_parts_of_20_of_the_room_that_the_margin_leaves():
    """Margin 5 %, liquidator 1 %, shortage 2 % of notional: room 2 %, so at most 1.9 %."""
    assert room_capped_fee_ppm(30_000, 50_000, 10_000, 2_000, 100_000) == 19_000
    assert room_capped_fee_ppm(15_000, 50_000, 10_000, 2_000, 100_000) == 15_000
    assert room_capped_fee_ppm(15_000, 50_000, 10_000, 5_000, 100_000) == 0  # the shortage eats the room
    assert room_capped_fee_ppm(15_000, 50_000, 10_000, 0, 0) == 0


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 10**12),
    st.integers(1, 10**12),
    st.integers(0, 10**6),
)
def test_the_room_capped_fee_equals_its_definition(rate, margin, liquidator, shortage, notional, share):
    room = Fraction(margin - liquidator, 10**6) - Fraction(shortage, notional)
    wanted = max(0, min(rate, floor(room * share)))
    assert room_capped_fee_ppm(rate, margin, liquidator, shortage, notional, share) == wanted


def test_mango_pays_debt_and_premium_rounded_up():
    assert assumption_units(1_000, 25_000) == 1_025
    assert assumption_units(1, 1) == 2
    assert assumption_units(0, 25_000) == 0
    assert assumable_debt_units(1_025, 5_000, 25_000) == 1_000
    assert assumable_debt_units(1_024, 5_000, 25_000) == 999
    assert assumable_debt_units(9_999, 5_000, 25_000) == 5_000


@given(st.integers(-50, 400), st.integers(0, 200), st.integers(0, 10**6))
def test_as_much_of_a_debt_is_assumed_as_can_be_paid_for(available, debt, premium):
    payable = [d for d in range(debt + 1) if d == 0 or ceil(d * (1 + Fraction(premium, 10**6))) <= available]
    assert assumable_debt_units(available, debt, premium) == payable[-1]
    assert assumption_units(debt, premium) == ceil(debt * (1 + Fraction(premium, 10**6)))
