"""Waterfall on arrays: the severity that a whole draw leaves, batch by batch."""

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.limits import Claim, Quota, Room
from seawall.rules.waterfall import attribute, draw_batch
from seawall.rules.waterfall_arrays import attributed, is_quoted, severity_units

MARKETS = ("B", "AA", "A", "C")
"""Not in the order of ids: shorter first, so A, B, C, AA."""

SMALL = st.integers(0, 40)
LARGE = st.integers(0, 2**57)


@st.composite
def rooms(draw, size):
    """Layers of every limit that arrays know: runs of buckets of one market or several, and others."""
    limit = st.one_of(st.none(), size)
    layers = []
    for number in range(draw(st.integers(0, 5))):
        insured = draw(st.lists(st.sampled_from(MARKETS), max_size=3, unique=True)) if draw(st.booleans()) else []
        layers.append(
            Room(
                f"l{number}",
                insured[0] if insured else None,
                draw(size),
                draw(st.sampled_from([0, 0, 5])),
                draw(limit),
                draw(limit),
                markets=tuple(insured[1:]),
                spill_over=draw(st.booleans()),
                caps=draw(st.sampled_from([(), (("lifetime_limit", 9),), (("drawdown", -1),)])),
                offset_units=draw(st.sampled_from([0, 0, 7])),
            )
        )
    return layers


@st.composite
def batches(draw):
    """(units, losses by market of each, layers): equal ones too, since ties are what a split is about."""
    size = draw(st.sampled_from([SMALL, SMALL, LARGE]))
    count = draw(st.integers(0, 6))
    units = draw(st.lists(st.one_of(size, st.just(3)), min_size=count, max_size=count))
    loss = st.one_of(st.just(0), st.just(1), size)
    losses = [draw(st.lists(loss, min_size=count, max_size=count)) for _ in MARKETS]
    return units, losses, draw(rooms(size))


@given(batches())
@example(([5, 5, 5], [[1, 0, 2]] * 4, [Room("l0", "A", 4, 0, None, None, ("B",)), Room("l1", None, 3, 0, 2, None)]))
def test_the_severity_is_the_one_that_a_draw_leaves(batch):
    units, losses, layers = batch
    assert is_quoted(layers, {})
    claims = [
        Claim(f"d{i}", units[i], tuple((m, losses[k][i]) for k, m in enumerate(MARKETS)))
        for i in range(len(units))
        if units[i]
    ]
    wanted = sum(amount for _, amount in draw_batch(claims, layers).severity) if claims else 0
    given_units = np.array(units, np.int64)
    given_losses = np.array(losses, np.int64).reshape(len(MARKETS), len(units))
    kept = given_units.copy(), given_losses.copy()
    assert severity_units(given_units, given_losses, MARKETS, layers) == wanted
    assert (given_units == kept[0]).all() and (given_losses == kept[1]).all()


@given(st.lists(st.tuples(LARGE, st.lists(st.one_of(st.just(0), SMALL, LARGE), min_size=3, max_size=3)), max_size=6))
def test_parts_by_market_are_those_of_an_attribution(rows):
    units = np.array([most for most, _ in rows], np.int64)
    losses = np.array([row for _, row in rows], np.int64).reshape(len(rows), 3).T
    parts = attributed(units, losses)
    for place, (most, row) in enumerate(rows):
        wanted = attribute(most, tuple(zip("ABC", row)))
        assert [int(part) for part in parts[:, place]] == [wanted.get(market, 0) for market in "ABC"]


@pytest.mark.parametrize(
    "change",
    [
        {"draw_mode": "block"},
        {"draw_mode": "all_or_nothing"},
        {"rank": 1},
        {"accounts": Quota(5)},
        {"owners": Quota(5)},
        {"per_market": (("market_limit", Quota(5)),)},
    ],
)
def test_what_asks_whose_a_deficit_is_is_left_to_a_draw(change):
    plain = Room("l0", None, 10, 0, None, None)
    assert is_quoted([plain], {}) and not is_quoted([plain], {"A": 5})
    assert not is_quoted([plain, Room("l1", None, 10, 0, None, None, **change)], {})


def test_a_worked_batch():
    """30 and 10 owed, lost in A alone and half in B: bucket A pays 20 of 35, an event at most 8, shared at most 9.

    A's part 30 + 5: cut to 8 + 5 by event, 13 in all. Left 22 and 5: the shared layer has 9 of 27; 18 are left.
    """
    layers = [Room("a", "A", 20, 0, 8, None), Room("shared", None, 9, 0, None, None)]
    losses = np.array([[0, 4], [0, 0], [7, 4], [0, 0]])
    assert severity_units(np.array([30, 10]), losses, MARKETS, layers) == 18


def test_an_odd_unit_goes_to_the_lowest_market_id():
    """One unit, lost as much in B as in A: it is A's, whose bucket has it, though B's row comes first."""
    losses = np.array([[1], [0], [1], [0]])
    assert severity_units(np.array([1]), losses, MARKETS, [Room("a", "A", 1, 0, None, None)]) == 0
    assert severity_units(np.array([1]), losses, MARKETS, [Room("b", "B", 1, 0, None, None)]) == 1


def test_a_market_that_lets_nothing_go_on_has_no_part_in_later_buckets():
    """10 lost half in A, half in B. A's empty bucket keeps its 5; what is left, behind a shared layer, is all B's."""
    layers = [
        Room("a", "A", 0, 0, None, None, spill_over=False),
        Room("shared", None, 0, 0, None, None),
        Room("b", "B", 10, 0, None, None),
    ]
    losses = np.array([[5], [0], [5], [0]])
    assert severity_units(np.array([10]), losses, MARKETS, layers) == 5
    claim = Claim("d0", 10, (("A", 5), ("B", 5)))
    assert sum(units for _, units in draw_batch([claim], layers).severity) == 5
