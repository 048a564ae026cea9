"""Splits on arrays give what the Python rules give, entry for entry: ties, zeros, edges of int64 and beyond."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from seawall.amounts import allocate
from seawall.rules import exact_arrays, split_arrays
from seawall.rules.exact_arrays import (
    MOST_AMOUNT,
    MOST_TOTAL,
    Weights,
    add_to_largest,
    divide,
    exact_sum,
    exact_total,
    floor_quotients,
    products_at_most,
)
from seawall.rules.split_arrays import allocate_array, queue_array, water_fill_array
from seawall.rules.water_fill import capped_water_fill, ranked_queue

MOST = 2**63 - 1
SIZES = st.sampled_from([3, 40, 10**6, 2**40, 2**52, 2**60, MOST])


def ints(values):
    return np.array(values, np.int64)


@st.composite
def vectors(draw, columns, low=0, most_entries=30):
    """Columns of one length, all of one size; often only two different values, so that ties are common."""
    size = draw(SIZES)
    value = st.integers(max(low, -size), size)
    if draw(st.booleans()):
        value = st.sampled_from([draw(value), draw(value)])
    rows = draw(st.lists(st.tuples(*[value] * columns), min_size=1, max_size=most_entries))
    return [list(column) for column in zip(*rows)]


AMOUNTS = SIZES.flatmap(lambda size: st.integers(0, size))

# --- the three rules ----------------------------------------------------------------------------------------------


@given(AMOUNTS, vectors(1))
@example(MOST_AMOUNT, [[MOST_TOTAL - 1, 1]])
@example(MOST_AMOUNT + 1, [[MOST_TOTAL // 2, MOST_TOTAL // 2 + 1]])
@example(MOST, [[MOST, MOST, MOST]])
@example(4, [[0, 1, 0, 1, 1]])
def test_allocate_array_equals_allocate(amount, columns):
    (weights,) = columns
    if sum(weights) or not amount:
        found = allocate_array(amount, ints(weights))
        assert found.dtype == np.int64 and found.tolist() == list(allocate(amount, weights))


@given(AMOUNTS, vectors(2))
@example(7, [[0, 0], [5, 5]])
@example(2**52, [[1, MOST], [MOST, MOST]])
def test_water_fill_array_equals_capped_water_fill(amount, columns):
    weights, caps = columns
    wanted = capped_water_fill(amount, weights, caps)
    assert water_fill_array(amount, ints(weights), ints(caps)).tolist() == list(wanted)


@given(AMOUNTS, vectors(4))
def test_weights_may_be_products_of_any_size(amount, columns):
    *factors, caps = columns
    weights = [a * b * c for a, b, c in zip(*factors)]
    wanted = capped_water_fill(amount, weights, caps)
    assert water_fill_array(amount, tuple(map(ints, factors)), ints(caps)).tolist() == list(wanted)


@given(AMOUNTS, vectors(2, low=-(2**63)))
def test_queue_array_equals_ranked_queue(amount, columns):
    scores, caps = columns[0], [abs(cap) for cap in columns[1]]
    wanted = list(ranked_queue(amount, scores, caps))
    assert queue_array(amount, ints(scores), ints(caps)).tolist() == wanted
    huge = [score * 10**20 for score in scores]
    assert queue_array(amount, np.array(huge, object), ints(caps)).tolist() == wanted


def pareto(people, seed):
    dice = np.random.default_rng(seed)
    return (dice.pareto(1.2, people) * 10**6).astype(np.int64) + 1


@pytest.mark.parametrize("people", [1, 2, 5000, 3 * exact_arrays.BLOCK + 5])
def test_large_books_equal_the_python_rules(people):
    """More than a block, heavy tails, and every way for caps to bind."""
    weights, caps, scores = (pareto(people, seed) for seed in (1, 2, 3))
    for part in (7, 3, 2):
        amount = int(caps.sum()) * (part - 1) // part
        lists = amount, weights.tolist(), caps.tolist()
        assert allocate_array(amount, weights).tolist() == list(allocate(amount, weights.tolist()))
        assert water_fill_array(amount, weights, caps).tolist() == list(capped_water_fill(*lists))
        assert queue_array(amount, scores, caps).tolist() == list(ranked_queue(amount, scores.tolist(), lists[2]))
        wide = [w * s * s for w, s in zip(lists[1], scores.tolist())]
        found = water_fill_array(amount, (weights, scores, scores), caps)
        assert found.tolist() == list(capped_water_fill(amount, wide, lists[2]))


@pytest.mark.parametrize(
    "rests",
    [[5] * 5000, [5] * 4000 + [6] * 4000, list(range(9000)), [0, 2**59] * 3000, [2**59 + i % 7 for i in range(6000)]],
)
def test_odd_units_go_to_the_largest_rests_lowest_first_in_any_crowd(rests):
    for units in (0, 1, len(rests) // 3, len(rests) - 1):
        shares = np.zeros(len(rests), np.int64)
        add_to_largest(shares, ints(rests), units, 2**60)
        order = sorted(range(len(rests)), key=lambda i: (-rests[i], i))
        assert np.flatnonzero(shares).tolist() == sorted(order[:units])
        assert int(shares.sum()) == units


def test_after_too_many_passes_the_rule_that_sorts_takes_over(monkeypatch):
    monkeypatch.setattr(split_arrays, "MOST_PASSES", 2)
    caps = [2 ** (i // 2) + i for i in range(120)]
    weights = [1] * 120
    amount = sum(caps) - 3
    assert water_fill_array(amount, ints(weights), ints(caps)).tolist() == list(
        capped_water_fill(amount, weights, caps)
    )


def test_where_floats_know_too_little_the_python_rule_decides(monkeypatch):
    """Doubts everywhere (all weights alike, beyond int64) and no room for doubts: the answer is the same."""
    monkeypatch.setattr(split_arrays, "MOST_DOUBTS", 2)
    factor, caps = ints([2**40] * 9), ints([4] * 8 + [9])
    weights = [2**80] * 9
    for amount in (0, 7, 35, 36, 37, 40, 41, 99):
        found = water_fill_array(amount, (factor, factor), caps)
        assert found.tolist() == list(capped_water_fill(amount, weights, caps.tolist()))


def test_a_cap_less_than_a_floats_error_below_the_level_binds():
    for amount, caps in ((2**56, [2**55 - 1, 2**56]), (2**51, [2**50 - 1, 2**52])):
        wanted = [caps[0], amount - caps[0]]
        assert water_fill_array(amount, ints([1, 1]), ints(caps)).tolist() == wanted
        assert water_fill_array(amount, (ints([2**40, 2**40]),) * 2, ints(caps)).tolist() == wanted


def test_weights_that_are_equal_but_round_differently_are_a_tie():
    """a b c = c b a, but their float products differ by a last place half the time: the lowest id gets the odd unit."""
    dice = np.random.default_rng(5)
    for a, b, c in dice.integers(2**60, MOST, (60, 3)).tolist():
        factors = ints([a, c]), ints([b, b]), ints([c, a])
        assert water_fill_array(2**21 + 1, factors, ints([MOST, MOST])).tolist() == [2**20 + 1, 2**20]


def test_a_queue_of_caps_whose_sums_no_float_holds():
    caps = [2**57 + 2 * i + 1 for i in range(24)]
    scores = [2**i for i in range(24)]
    for people in (1, 7, 20):
        amount = sum(caps[-people:]) + 3
        assert queue_array(amount, ints(scores), ints(caps)).tolist() == list(ranked_queue(amount, scores, caps))


def test_what_the_rules_refuse_is_refused():
    with pytest.raises(ValueError, match="some weight > 0"):
        allocate_array(1, ints([0, 0]))
    with pytest.raises(ValueError, match="weights >= 0"):
        allocate_array(1, ints([1, -1]))
    with pytest.raises(ValueError, match="amount >= 0"):
        allocate_array(-1, ints([1]))
    with pytest.raises(ValueError, match="amount >= 0"):
        water_fill_array(-1, ints([1]), ints([1]))
    assert allocate_array(0, ints([])).tolist() == []
    assert water_fill_array(5, ints([]), ints([])).tolist() == []
    assert queue_array(5, ints([]), ints([])).tolist() == []


# --- the arithmetic -----------------------------------------------------------------------------------------------


@given(vectors(1, low=-(2**63)))
def test_sums_beyond_int64(columns):
    assert exact_sum(ints(columns[0])) == sum(columns[0])


@given(vectors(3))
def test_sums_of_products_beyond_int64(columns):
    assert exact_total([ints(column) for column in columns]) == sum(a * b * c for a, b, c in zip(*columns))
    book = Weights(tuple(map(ints, columns)))
    gone = ints(columns[0]) > 2
    assert book.without(gone).total == sum(a * b * c for a, b, c in zip(*columns) if a <= 2)
    assert book.tolist() == [a * b * c for a, b, c in zip(*columns)]


@given(st.integers(0, MOST_AMOUNT), st.lists(st.integers(0, MOST_TOTAL // 30), min_size=1, max_size=30).filter(any))
def test_quotients_and_rests(amount, weights):
    total = sum(weights)
    quotients, rests = divide(amount, ints(weights), total)
    assert list(zip(quotients.tolist(), rests.tolist())) == [divmod(amount * w, total) for w in weights]


def test_quotients_and_rests_at_the_edge_of_what_the_fast_path_takes():
    weights = [MOST_TOTAL, MOST_TOTAL - 1, 1, 0, MOST_TOTAL // 3]
    for amount in (MOST_AMOUNT, MOST_AMOUNT - 1, 1, 0):
        quotients, rests = divide(amount, ints(weights), MOST_TOTAL)
        assert list(zip(quotients.tolist(), rests.tolist())) == [divmod(amount * w, MOST_TOTAL) for w in weights]
    total = MOST_TOTAL - 12345
    crowd = np.random.default_rng(11).integers(0, total, 3 * exact_arrays.BLOCK)
    quotients, rests = divide(MOST_AMOUNT - 7, crowd, total)
    assert list(zip(quotients.tolist(), rests.tolist())) == [
        divmod((MOST_AMOUNT - 7) * w, total) for w in crowd.tolist()
    ]


@given(vectors(2), st.integers(0, MOST), st.integers(0, MOST))
@example([[MOST, MOST], [MOST, MOST - 1]], MOST, MOST)
def test_products_of_128_bits_compare_exactly(columns, b, c):
    a, d = columns
    assert products_at_most(ints(a), b, c, ints(d)).tolist() == [x * b <= c * y for x, y in zip(a, d)]


@given(vectors(2, low=-(2**63)), vectors(2), st.sampled_from([1, 10**6, 10**12]))
def test_floors_of_quotients(tops, bottoms, scale):
    rows = list(zip(*tops, *(([value or 1 for value in column]) for column in bottoms)))
    columns = [ints(column) for column in zip(*rows)]
    wanted = [Fraction(scale * a * b, c * d).__floor__() for a, b, c, d in rows]
    assert floor_quotients(columns[:2], columns[2:], scale).tolist() == wanted


@settings(max_examples=30)
@given(st.integers(1, 2**40), st.integers(1, 2**20))
def test_floors_of_exact_quotients_are_not_a_unit_low(quotient, divisor):
    """Numerators that divide exactly are where a float is on the wrong side half the time."""
    tops = [ints([quotient, quotient]), ints([divisor, divisor])]
    assert floor_quotients(tops, [ints([divisor, divisor])], 1).tolist() == [quotient, quotient]
    assert floor_quotients([ints([quotient * divisor - 1])], [ints([divisor])], 1).tolist() == [
        (quotient * divisor - 1) // divisor
    ]
