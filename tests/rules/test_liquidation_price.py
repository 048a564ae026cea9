"""Liquidation price: the worst price a forced order accepts, held to Fractions and a search over ticks."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import assume, example, given, strategies as st

from seawall.design.instruments import Contract
from seawall.rules.liquidation_price import (
    accepts,
    auction_limit_ticks,
    bankruptcy_limit_ticks,
    fillable_limit_ticks,
)

MILLION = 10**6
LINEAR = Contract(inverse=False, unit=1)
LOTS = st.integers(1, 50).flatmap(lambda lots: st.sampled_from([lots, -lots]))


def test_an_order_takes_a_price_at_its_limit_and_none_beyond():
    assert [accepts(3, price, 100) for price in (99, 100, 101)] == [False, True, True]
    assert [accepts(-3, price, 100) for price in (99, 100, 101)] == [True, True, False]
    assert accepts(3, 1, None) and accepts(-3, 10**9, None)


@pytest.mark.parametrize(("bankruptcy", "limit"), [(970, 970), (1, 1), (0, 1), (-40, 1)])
def test_the_bankruptcy_price_is_a_limit_of_at_least_one_tick(bankruptcy, limit):
    assert bankruptcy_limit_ticks(bankruptcy) == limit


# --- fillable price ---------------------------------------------------------------------------------------------------


def fillable_by_definition(unit, lots, mark, equity, maintenance, own, spread) -> Fraction:
    """dYdX's formula as it is written, in Fractions."""
    rating = max(Fraction(0), min(Fraction(1), 1 - Fraction(equity, maintenance)))
    away = rating * Fraction(spread, MILLION) * own / (abs(lots) * unit)
    return mark - away if lots > 0 else mark + away


@pytest.mark.parametrize(
    ("lots", "equity", "limit"),
    [
        (100, 5_000, 1_000),  # at maintenance: the mark
        (100, 6_000, 1_000),  # above: still the mark
        (100, 2_500, 963),  # half way down: 0.5 x 1.5 x 5,000 / 100 = 37.5, up to 963
        (100, 0, 925),  # bankrupt: 75 away
        (100, -9_000, 925),  # and no further
        (-100, 2_500, 1_037),
        (-100, -9_000, 1_075),
    ],
)
def test_dydx_fillable_price_moves_away_as_the_account_gets_worse(lots, equity, limit):
    assert fillable_limit_ticks(LINEAR, lots, 1_000, equity, 5_000, 5_000, 1_500_000) == limit


@given(
    st.integers(1, 20),
    LOTS,
    st.integers(1, 2_000),
    st.integers(-2_000, 4_000),
    st.integers(1, 2_000),
    st.integers(1, 1_000),
    st.integers(0, 3_000_000),
)
@example(1, 100, 10, -5, 3, 900, 3_000_000)  # below one tick
def test_the_fillable_price_equals_its_definition_rounded_against_the_fill(
    unit, lots, mark, equity, maintenance, own, spread
):
    exact = fillable_by_definition(unit, lots, mark, equity, maintenance, own, spread)
    limit = fillable_limit_ticks(Contract(False, unit), lots, mark, equity, maintenance, own, spread)
    assert limit == max(1, ceil(exact) if lots > 0 else floor(exact))
    # Conceding one tick more would be worse than the rule says.
    assert limit >= exact if lots > 0 else limit <= exact


@given(LOTS, st.integers(1, 400), st.integers(-200, 400), st.integers(1, 200), st.integers(1, 200))
def test_an_inverse_position_concedes_no_more_than_the_same_amount(lots, mark, equity, maintenance, own):
    """Search over ticks: the furthest price at which the position, in coin, has lost no more than what is conceded."""
    contract = Contract(inverse=True, unit=3_000)
    conceded = max(Fraction(0), min(Fraction(1), 1 - Fraction(equity, maintenance))) * Fraction(3, 2) * own

    def lost(ticks: int) -> Fraction:
        return Fraction(lots * 3_000, ticks) - Fraction(lots * 3_000, mark)

    limit = fillable_limit_ticks(contract, lots, mark, equity, maintenance, own, 1_500_000)
    assume(limit < 2**62)
    if lots > 0:
        reference = next(ticks for ticks in range(1, mark + 1) if lost(ticks) <= conceded)
    else:
        reference = mark
        while lost(reference + 1) <= conceded and reference < 10**4:
            reference += 1
        assume(reference < 10**4)
    assert limit == reference


def test_an_account_without_maintenance_margin_concedes_nothing():
    assert fillable_limit_ticks(LINEAR, 5, 100, -3, 0, 0, 1_500_000) == 100


# --- auction ----------------------------------------------------------------------------------------------------------

DERIVE = ((900_000, 300_000), (43_200_000, MILLION))


@pytest.mark.parametrize(
    ("elapsed", "long", "short"),
    [
        (0, 950, 1_050),
        (450_000, 825, 1_175),  # half way through the first phase: 17.5 %
        (451_000, 825, 1_175),  # 17.528 %: 824.7 up, 1,175.3 down
        (900_000, 700, 1_300),
        (22_500_000, 350, 1_650),  # half way through the second: 65 %
        (44_100_000, 1, 2_000),  # all of it, and never below one tick
        (99_000_000, 1, 2_000),
    ],
)
def test_derive_discount_grows_to_30_percent_in_15_minutes_and_to_all_in_12_hours(elapsed, long, short):
    assert auction_limit_ticks(7, 1_000, 50_000, DERIVE, elapsed) == long
    assert auction_limit_ticks(-7, 1_000, 50_000, DERIVE, elapsed) == short


PHASES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, MILLION)), max_size=3).map(
    lambda rows: tuple(zip([ms for ms, _ in rows], sorted(ppm for _, ppm in rows)))
)


def discount_by_time(start: int, phases, elapsed: int) -> Fraction:
    """Walk a millisecond at a time; every phase rises by the same part in each."""
    discount = Fraction(start)
    for duration, end in phases:
        first = discount
        for passed in range(1, duration + 1):
            if elapsed == 0:
                return discount
            elapsed -= 1
            discount = first + (end - first) * Fraction(passed, duration)
        discount = Fraction(end)
    return discount


@given(st.integers(1, 10**6), PHASES, st.integers(0, 100), st.sampled_from([1, -1]))
@example(1_000, ((0, 500_000), (10, 500_000)), 0, 1)  # a phase of no time jumps at once
def test_the_auction_equals_a_walk_through_time(mark, phases, elapsed, side):
    start = min([ppm for _, ppm in phases], default=70_000) // 2
    part = discount_by_time(start, phases, elapsed) / MILLION
    reference = max(1, ceil(mark * (1 - part))) if side > 0 else floor(mark * (1 + part))
    assert auction_limit_ticks(side * 3, mark, start, phases, elapsed) == reference


@given(st.integers(1, 10**6), PHASES, st.integers(0, 60), st.integers(0, 60))
def test_the_auction_never_gets_stricter_with_time(mark, phases, elapsed, more):
    start = min([ppm for _, ppm in phases], default=0)
    early, late = (auction_limit_ticks(1, mark, start, phases, t) for t in (elapsed, elapsed + more))
    assert late <= early <= mark
    early, late = (auction_limit_ticks(-1, mark, start, phases, t) for t in (elapsed, elapsed + more))
    assert late >= early >= mark


def test_a_discount_that_falls_is_refused():
    with pytest.raises(ValueError, match="do not fall"):
        auction_limit_ticks(1, 100, 50_000, ((10, 40_000),), 0)
    with pytest.raises(ValueError, match="do not fall"):
        auction_limit_ticks(1, 100, -1, ((10, 40_000),), 0)
