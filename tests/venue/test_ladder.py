"""Ladder: the depth of one side, taken level by level, held to taking it lot by lot."""

from fractions import Fraction

from hypothesis import example, given, strategies as st

from seawall.venue.ladder import depth_lots, free_levels, recover, take
from tests.generators import ladder

SIDES = st.sampled_from(["bids", "asks"])


@st.composite
def depths(draw):
    """A ladder of which part may be used already."""
    levels = draw(ladder())
    used = tuple(draw(st.integers(0, lots)) for _, lots in levels)
    return levels, used


def single_lots(levels, used, anchor, side):
    """Every lot that is there, one by one, best first: (level, price). A bid below one tick is not there."""
    for level, ((away, lots), gone) in enumerate(zip(levels, used)):
        price = anchor - away if side == "bids" else anchor + away
        for _ in range(lots - gone):
            if price >= 1:
                yield level, price


@given(depths(), st.integers(1, 30), SIDES, st.integers(0, 60))
@example((((0, 2), (1, 3), (9, 9)), (0, 0, 0)), 2, "bids", 20)
def test_taking_a_ladder_equals_taking_it_lot_by_lot(depth, anchor, side, wanted):
    levels, used = depth
    lots = list(single_lots(levels, used, anchor, side))[:wanted]
    taken = take(levels, used, anchor, side, wanted)
    after = list(used)
    for level, _ in lots:
        after[level] += 1
    assert taken.lots == len(lots)
    assert sum(price * part for price, part in taken.fills) == sum(price for _, price in lots)
    assert taken.used == tuple(after)
    assert taken.worst_ticks == (lots[-1][1] if lots else 0)
    assert taken.away_ticks == (abs(lots[-1][1] - anchor) if lots else 0)


@given(depths(), st.integers(1, 30), SIDES)
def test_depth_is_what_an_endless_order_would_take(depth, anchor, side):
    levels, used = depth
    assert depth_lots(levels, used, anchor, side) == take(levels, used, anchor, side, 10**9).lots


@given(depths(), st.integers(1, 30), SIDES)
@example((((0, 2), (1, 3), (9, 9)), (1, 3, 0)), 9, "bids")
def test_what_is_free_is_what_an_order_of_any_size_takes(depth, anchor, side):
    """Best first, without what is used: of the first lots of it an order gets as many as it wants, price by price."""
    levels, used = depth
    free = [price for lots, price in free_levels(levels, used, anchor, side) for _ in range(lots)]
    assert free == [price for _, price in single_lots(levels, used, anchor, side)]
    for wanted in range(len(free) + 2):
        taken = take(levels, used, anchor, side, wanted)
        assert [price for price, lots in taken.fills for _ in range(lots)] == free[:wanted]
        assert depth_lots(levels, taken.used, anchor, side) == len(free) - taken.lots


def test_a_level_used_up_is_not_free_and_of_a_level_used_in_part_the_rest_is():
    levels = ((0, 4), (1, 3), (2, 2), (9, 5))
    assert free_levels(levels, (1, 3, 0, 0), 9, "bids") == [(3, 9), (2, 7)]
    assert free_levels(levels, (0, 2, 2, 5), 9, "asks") == [(4, 9), (1, 10)]


@given(depths(), st.integers(1, 30), SIDES, st.integers(0, 60))
def test_past_the_last_level_a_lot_stays_unsold_and_none_is_sold_at_nothing(depth, anchor, side, wanted):
    levels, used = depth
    taken = take(levels, used, anchor, side, wanted)
    assert taken.lots <= min(wanted, depth_lots(levels, used, anchor, side))
    assert sum(price * part for price, part in taken.fills) >= taken.lots


@given(st.lists(st.integers(0, 10**20), max_size=5), st.integers(0, 10**6))
def test_used_lots_return_by_the_floor_of_their_part(used, rate):
    for before, after in zip(used, recover(used, rate)):
        assert before - after == Fraction(before * rate, 10**6).__floor__()
        assert 0 <= after <= before


def test_nothing_and_everything_returns():
    assert recover((3, 0, 7), 0) == (3, 0, 7)
    assert recover((3, 0, 7), 1_000_000) == (0, 0, 0)
    assert recover((1, 2, 3), 999_999) == (1, 1, 1)
