"""Gains haircuts: cycles of a clearing house, caps over cycles, and the tear-up at the end."""

from fractions import Fraction

import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.gains_haircut import cycle_haircuts, gains_haircuts, tear_up, tear_up_claims_units, tear_up_lots
from tests.rules.exact_fill import exact_fill
from tests.rules.references import allocate_by_units

MEMBERS = 4
ROW = st.lists(st.integers(-40, 40), min_size=MEMBERS, max_size=MEMBERS)
CYCLES = st.lists(ROW, min_size=1, max_size=5)
CAPS = st.lists(st.integers(0, 60), min_size=MEMBERS, max_size=MEMBERS)


@pytest.mark.parametrize(
    ("shortfall", "cycles", "haircuts", "left"),
    [
        (700, [(300, 150, 50), (0, 400, 200)], ((300, 150, 50), (0, 133, 67)), 0),
        (334, [(1000, 1, 0)], ((334, 0, 0),), 0),
        (700, [(300, 150, 50), (-600, 400, 200)], ((300, 150, 50), (0, 133, 67)), 0),  # a loser loses no less
        (501, [(300, 150, 50)], ((300, 150, 50),), 1),
        (0, [(300, 150, 50)], (), 0),
    ],
)
def test_worked_cycles(shortfall, cycles, haircuts, left):
    found = gains_haircuts(shortfall, cycles)
    assert found.haircuts == haircuts and found.left_units == left
    for row, paid, taken in zip(cycles, found.payments, found.haircuts):
        assert paid == tuple(due - haircut for due, haircut in zip(row, taken))


@given(st.integers(0, 200), ROW, CAPS)
@example(6, [29, 3, 30, 5], [9, 9, 9, 9])
def test_a_cycle_equals_one_level_in_fractions_reference(shortfall, variation, room):
    gains = [due if due > 0 else 0 for due in variation]
    wanted = exact_fill(shortfall, gains, [min(pair) for pair in zip(gains, room)])
    assert cycle_haircuts(shortfall, variation, room) == wanted


@given(st.integers(0, 120), ROW)
def test_a_cycle_without_caps_equals_unit_by_unit_reference(shortfall, variation):
    gains = [max(0, due) for due in variation]
    wanted = allocate_by_units(min(shortfall, sum(gains)), gains) if sum(gains) else (0,) * MEMBERS
    assert cycle_haircuts(shortfall, variation, [10**9] * MEMBERS) == wanted


@given(st.integers(0, 400), CYCLES, st.none() | CAPS, st.none() | st.integers(0, 5))
def test_I10_cycles_take_the_shortfall_or_all_that_caps_and_cycles_allow(shortfall, cycles, caps, most):
    found = gains_haircuts(shortfall, cycles, caps, most)
    taken = [sum(row[i] for row in found.haircuts) for i in range(MEMBERS)]
    assert sum(taken) + found.left_units == shortfall and found.left_units >= 0
    if caps is not None:
        assert all(units <= cap for units, cap in zip(taken, caps))
    used = len(found.haircuts)
    assert used <= min(len(cycles), len(cycles) if most is None else most)
    if found.left_units:  # every cycle was used, and in it everybody paid its gain up to what its cap then allowed
        assert used == len(cycles[:most])
        for i in range(MEMBERS):
            wanted, before = [], 0
            for row in cycles[:used]:
                room = max(0, row[i]) if caps is None else min(max(0, row[i]), caps[i] - before)
                wanted.append(room)
                before += room
            assert [row[i] for row in found.haircuts] == wanted


@given(st.integers(0, 400), CYCLES, st.none() | CAPS)
def test_losses_stay_due_in_full_and_no_gain_turns_into_a_loss(shortfall, cycles, caps):
    found = gains_haircuts(shortfall, cycles, caps)
    for row, paid in zip(cycles, found.payments):
        for due, payment in zip(row, paid):
            assert payment == due if due <= 0 else 0 <= payment <= due


@given(st.integers(1, 200), CYCLES)
def test_no_cycle_is_used_once_the_shortfall_is_paid(shortfall, cycles):
    found = gains_haircuts(shortfall, cycles)
    owing = [shortfall - sum(sum(row) for row in found.haircuts[:k]) for k in range(len(found.haircuts))]
    assert all(units > 0 for units in owing)


def test_caps_hold_over_all_cycles_and_the_limit_of_cycles_leaves_the_rest():
    cycles = [(100, 100), (100, 100), (100, 100)]
    capped = gains_haircuts(500, cycles, member_caps_units=(150, 1000))
    assert capped.haircuts == ((100, 100), (50, 100), (0, 100)) and capped.left_units == 50
    assert gains_haircuts(500, cycles, max_cycles=2).left_units == 100
    assert gains_haircuts(500, cycles, max_cycles=0).haircuts == ()


def test_gains_haircuts_refuse_what_has_no_meaning():
    with pytest.raises(ValueError, match="wanted caps >= 0"):
        gains_haircuts(1, [(1, 1)], member_caps_units=(-1, 1))
    with pytest.raises(ValueError, match="shortfall >= 0"):
        gains_haircuts(-1, [(1, 1)])
    with pytest.raises(ValueError):
        gains_haircuts(5, [(1, 1), (1, 1, 1)])


# --- tear-up ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 300), st.lists(st.integers(-60, 60), min_size=1, max_size=6))
def test_tear_up_spreads_what_is_unpaid_over_claims_in_profit(severity, claims):
    found = tear_up(severity, claims)
    gains = [max(0, claim) for claim in claims]
    factor = min(Fraction(1), Fraction(severity, sum(gains))) if sum(gains) else Fraction(0)
    for gain, haircut in zip(gains, found.haircuts):
        assert abs(haircut - factor * gain) < 1 and 0 <= haircut <= gain
    assert sum(found.haircuts) == min(severity, sum(gains)) == severity - found.left_units
    assert found.payments == tuple(claim - haircut for claim, haircut in zip(claims, found.haircuts))


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 90)), min_size=1, max_size=5), st.integers(1, 90))
def test_a_torn_up_market_and_its_defaulter_leave_nothing_over(opposite, price):
    """Members short against one defaulter long: what they claim is what the defaulter lost, so nothing is stranded."""
    lots = [-size for size, _ in opposite]
    costs = [-size * entry for size, entry in opposite]
    claims = tear_up_claims_units(lots, costs, price, 1)
    defaulter = tear_up_claims_units([-sum(lots)], [-sum(costs)], price, 1)[0]
    assert sum(claims) + defaulter == 0
    unpaid = min(max(0, -defaulter), sum(claims)) if sum(claims) > 0 else 0
    found = tear_up(unpaid, claims)
    assert found.left_units == 0 and sum(found.payments) == sum(claims) - unpaid


def test_worked_tear_up_of_the_example_shorts_at_80():
    lots, entries = (-50, -40, -25, -9, -10), (100, 90, 90, 90, 81)
    costs = [lot * entry for lot, entry in zip(lots, entries)]
    claims = tear_up_claims_units(lots, costs, 80, 1)
    assert claims == (1000, 400, 250, 90, 10)
    assert tear_up(500, claims).haircuts == (286, 114, 71, 26, 3)
    assert tear_up(1800, claims).haircuts == claims and tear_up(1800, claims).left_units == 50
    assert tear_up_claims_units(lots, costs, 95, 2)[:2] == (-50 * 95 * 2 + 5000, -40 * 95 * 2 + 3600)


def test_a_partial_tear_up_ends_opposite_lots_pro_rata():
    assert tear_up_lots(60, (50, 40, 25, 9, 10)) == (22, 18, 11, 4, 5)
    assert tear_up_lots(200, (50, 40, 25, 9, 10)) == (50, 40, 25, 9, 10)


@given(st.integers(0, 200), st.lists(st.integers(0, 40), min_size=1, max_size=5).filter(any))
def test_tear_up_lots_equal_unit_by_unit_reference(size, lots):
    assert tear_up_lots(size, lots) == allocate_by_units(min(size, sum(lots)), lots)
