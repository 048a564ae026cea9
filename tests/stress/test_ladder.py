"""Ladders: the design's depth in ticks. The definition over fractions is the reference."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from seawall.design.types import Depth
from seawall.stress.ladder import compile_ladder

LEVELS = st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(1, 2**40)), min_size=1, max_size=12).map(
    lambda levels: tuple(sorted(dict(levels).items()))
)


def ladder_by_definition(levels, reference_ticks):
    """Lots by distance: the smallest whole number of ticks that is not below the distance."""
    lots_at = {}
    for ppm, lots in levels:
        exact = Fraction(reference_ticks * ppm, 10**6)
        ticks = next(t for t in (exact.__floor__(), exact.__floor__() + 1) if t >= exact)
        lots_at[ticks] = lots_at.get(ticks, 0) + lots
    return tuple(sorted(lots_at.items()))


@given(LEVELS, LEVELS, st.integers(1, 10**9))
def test_ppm_ladder_equals_definition_reference(bids, asks, reference):
    depth = Depth(market="BTC", bids=bids, asks=asks, distance="ppm")
    assert compile_ladder(depth, reference) == (
        ladder_by_definition(bids, reference),
        ladder_by_definition(asks, reference),
    )


@given(LEVELS, st.integers(1, 10**9))
def test_ladder_rises_strictly_and_keeps_every_lot(levels, reference):
    bids, asks = compile_ladder(Depth(market="BTC", bids=levels, asks=levels, distance="ppm"), reference)
    assert bids == asks
    assert all(low < high for (low, _), (high, _) in pairwise(bids))
    assert sum(lots for _, lots in bids) == sum(lots for _, lots in levels)


def test_ticks_are_taken_as_they_are_and_ppm_rounds_up_and_merges():
    ticks = Depth(market="BTC", bids=((0, 5), (3, 7)), asks=((1, 2),))
    assert compile_ladder(ticks, 1) == (((0, 5), (3, 7)), ((1, 2),))
    ppm = Depth(market="BTC", bids=((1, 5), (1_000, 7), (1_001, 11)), asks=((0, 2), (10_000, 1)), distance="ppm")
    assert compile_ladder(ppm, 1_000) == (((1, 12), (2, 11)), ((0, 2), (10, 1)))


def test_a_reference_below_one_tick_and_falling_distances_are_refused():
    depth = Depth(market="BTC", bids=((5, 1), (3, 1)), asks=((1, 1),))
    with pytest.raises(ValueError, match="wanted rising distances in BTC; found 3 after 5"):
        compile_ladder(depth, 10)
    with pytest.raises(ValueError, match="at least one tick; found 0"):
        compile_ladder(depth, 0)
