"""Funding and interest: money conserved exactly, held to Fractions and to a unit-by-unit share-out."""

import json
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.funding import (
    RATE_ONE,
    accrue_funding,
    accrue_interest,
    funding_index_after,
    index_change_units,
    share_collected,
)
from tests.rules.references import allocate_by_quota

GIVEN = json.loads((Path(__file__).parents[1] / "cases" / "given.json").read_text(encoding="utf-8"))
ONE_BP = RATE_ONE // 10_000
RATES = st.one_of(st.integers(-RATE_ONE, RATE_ONE), st.sampled_from([-1, 0, 1, ONE_BP]))
NOTIONALS = st.lists(st.integers(-400, 400), max_size=7)


def test_longs_pay_shorts_at_a_positive_rate():
    """One basis point of 1,000,000 is 100; the shorts share it by notional, 3 to 1."""
    accrual = accrue_funding([1_000_000, -750_000, -250_000], ONE_BP)
    assert (accrual.paid, accrual.received, accrual.unpaid) == ((100, 0, 0), (0, 75, 25), (0, 0, 0))


def test_shorts_pay_longs_at_a_negative_rate_and_each_payer_rounds_up():
    """750,000 and 250,001 at a basis point: 75, and 25.0001 rounded up."""
    accrual = accrue_funding([1_000_001, -750_000, -250_001], -ONE_BP)
    assert (accrual.paid, accrual.received) == ((0, 75, 26), (101, 0, 0))


def test_receivers_share_what_was_collected_and_not_what_was_due():
    accrual = accrue_funding([600_000, 400_000, -1_000_000], ONE_BP, payable_units=[10**9, 15, 0])
    assert (accrual.paid, accrual.received, accrual.unpaid) == ((60, 15, 0), (0, 0, 75), (0, 25, 0))


def test_odd_units_go_to_the_largest_remainder_and_ties_to_the_lowest_id():
    accrual = accrue_funding([300, -100, -100, -100], RATE_ONE // 60)  # ceil(4.99..) = 5 for three equal shorts
    assert (accrual.paid, accrual.received) == ((5, 0, 0, 0), (0, 2, 2, 1))


def test_nobody_pays_where_nobody_can_receive():
    accrual = accrue_funding([500, 300], ONE_BP)
    assert accrual.paid == accrual.received == accrual.unpaid == (0, 0)
    assert accrue_funding([], ONE_BP).paid == ()


@given(NOTIONALS, RATES, st.one_of(st.none(), st.lists(st.integers(-50, 500), min_size=7, max_size=7)))
@example([5, -5], 1, [0] * 7)
def test_I1_funding_makes_and_loses_no_unit(notionals, rate, payable):
    most = None if payable is None else payable[: len(notionals)]
    accrual = accrue_funding(notionals, rate, most)
    assert sum(accrual.paid) == sum(accrual.received)
    for i, (notional, paid, received, unpaid) in enumerate(
        zip(notionals, accrual.paid, accrual.received, accrual.unpaid)
    ):
        assert min(paid, received, unpaid) >= 0
        if notional * rate <= 0:
            assert paid == unpaid == 0
        if notional * rate >= 0:
            assert received == 0
        assert most is None or paid <= max(0, most[i])
    if sum(accrual.paid) == 0:
        assert sum(accrual.received) == 0  # nothing collected: nobody receives


@given(NOTIONALS, RATES, st.one_of(st.none(), st.lists(st.integers(-50, 500), min_size=7, max_size=7)))
def test_funding_equals_its_definition(notionals, rate, payable):
    """Each payer by itself in Fractions; the pot by quotas."""
    pays = [notional if rate > 0 else -notional for notional in notionals]
    receivers = [max(0, -size) for size in pays]
    due = [ceil(Fraction(max(0, size) * abs(rate), RATE_ONE)) if any(receivers) else 0 for size in pays]
    paid = due if payable is None else [min(d, max(0, p)) for d, p in zip(due, payable)]
    accrual = accrue_funding(notionals, rate, None if payable is None else payable[: len(notionals)])
    assert accrual.paid == tuple(paid)
    assert accrual.unpaid == tuple(d - p for d, p in zip(due, paid))
    assert accrual.received == (allocate_by_quota(sum(paid), receivers) if any(receivers) else (0,) * len(notionals))


@given(NOTIONALS, RATES)
def test_turning_the_rate_round_turns_the_sides_round(notionals, rate):
    assert accrue_funding(notionals, -rate) == accrue_funding([-notional for notional in notionals], rate)


def test_what_is_collected_is_shared_whatever_it_is_called():
    accrual = share_collected([10, 20, 0], [10, -5, 0], [0, 0, 3])
    assert (accrual.paid, accrual.received, accrual.unpaid) == ((10, 0, 0), (0, 0, 10), (0, 20, 0))


# --- interest ---------------------------------------------------------------------------------------------------------


def test_interest_is_paid_by_debtors_and_shared_by_depositors():
    accrual = accrue_interest([1_000, 0, 0], [0, 0, 0], [0, 300, 100], RATE_ONE // 100)
    assert (accrual.paid, accrual.received) == ((10, 0, 0), (0, 8, 2))  # 7.5 and 2.5: the tie goes to the lowest id


def test_LEN_04_recognised_bad_debt_bears_no_interest():
    case = next(case for case in GIVEN["cases"] if case["id"] == "LEN-04")
    carried = case["inputs"]["carried"]
    rate = case["inputs"]["borrow_rate_ppm_per_year"] * RATE_ONE // 10**6 * case["inputs"]["years"]
    accrual = accrue_interest([carried, 0], [carried, 0], [0, 5_000_000], rate)
    assert carried + accrual.paid[0] + accrual.unpaid[0] == case["expected"]["carried_after"]
    assert sum(accrual.received) == case["expected"]["income_booked_on_it"]
    living = accrue_interest([carried, 0], [0, 0], [0, 5_000_000], rate)
    assert living.paid == (1_000_000, 0)  # the same debt, still alive, at 10 % a year


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=6),
    st.integers(0, RATE_ONE),
)
def test_interest_equals_its_definition(rows, rate):
    debts, recognised, deposits = (list(column) for column in zip(*rows))
    due = [
        ceil(Fraction(max(0, debt - dead), RATE_ONE) * rate) if any(deposits) else 0
        for debt, dead in zip(debts, recognised)
    ]
    accrual = accrue_interest(debts, recognised, deposits, rate)
    assert accrual.paid == tuple(due)
    assert accrual.received == (allocate_by_quota(sum(due), deposits) if any(deposits) else (0,) * len(rows))


# --- the index --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lots", "change"), [(3, -4), (-3, 3), (0, 0), (300, -301), (-300, 300)])
def test_a_payer_settles_up_and_a_receiver_down(lots, change):
    """A lot worth 1,001 at a rate of 10^-3: 1.001 base units a lot."""
    index = funding_index_after(0, 1_001, RATE_ONE // 1_000)
    assert index_change_units(lots, 0, index) == change


INTERVALS = st.lists(st.tuples(st.integers(1, 10**6), st.integers(-RATE_ONE, RATE_ONE)), min_size=1, max_size=8)


@given(st.integers(-50, 50), INTERVALS)
def test_one_settlement_is_less_than_a_unit_below_the_exact_amount_however_many_intervals(lots, intervals):
    index, exact = 7, Fraction(0)
    for value, rate in intervals:
        index = funding_index_after(index, value, rate)
        exact -= Fraction(lots * value * rate, RATE_ONE)
    change = index_change_units(lots, 7, index)
    assert exact - 1 < change <= exact
    steps, before = 0, 7
    for value, rate in intervals:
        after = funding_index_after(before, value, rate)
        steps += index_change_units(lots, before, after)
        before = after
    assert exact - len(intervals) < steps <= change  # settled at each interval: less than a unit each


@given(st.lists(st.integers(-50, 50), max_size=6), st.integers(-(10**18), 10**18))
def test_I1_positions_that_add_up_to_zero_leave_less_than_a_unit_each_to_rounding(positions, index):
    book = [*positions, -sum(positions)]
    rounding = -sum(index_change_units(lots, 0, index) for lots in book)
    assert 0 <= rounding < len(book)
