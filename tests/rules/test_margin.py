"""Margin: tiers and fills, held to Fractions."""

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from seawall.amounts import Units
from seawall.design.types import Tier
from seawall.rules.margin import (
    initial_margin_units,
    maintenance_margin_units,
    tier_at,
    trade,
)

LOTS = st.integers(1, 30).flatmap(lambda lots: st.sampled_from([lots, -lots]))


def tier(maintenance: int, up_to: int | None = None, deducted: int = 0, initial: int = 1_000_000) -> Tier:
    return Tier(
        initial_margin_ppm=initial,
        maintenance_margin_ppm=maintenance,
        up_to_notional=None if up_to is None else Units(up_to),
        maintenance_deducted=Units(deducted),
    )


# --- tiers --------------------------------------------------------------------------------------------------------

TIERS = (tier(10_000, 1_000), tier(25_000, 5_000, 15, 500_000), tier(50_000, None, 140))


@pytest.mark.parametrize(
    ("notional", "place"), [(0, 0), (1, 0), (999, 0), (1_000, 0), (1_001, 1), (5_000, 1), (5_001, 2), (10**30, 2)]
)
def test_a_tiers_upper_end_belongs_to_it(notional, place):
    assert tier_at(notional, TIERS) is TIERS[place]


@given(st.integers(0, 12_000))
def test_maintenance_margin_rounds_up_and_takes_the_tiers_deduction_off(notional):
    chosen = TIERS[0] if notional <= 1_000 else TIERS[1] if notional <= 5_000 else TIERS[2]
    exact = Fraction(notional * chosen.maintenance_margin_ppm, 1_000_000)
    assert maintenance_margin_units(notional, TIERS) == exact.__ceil__() - chosen.maintenance_deducted


@given(st.integers(0, 12_000))
def test_initial_margin_rounds_up_and_deducts_nothing(notional):
    chosen = TIERS[0] if notional <= 1_000 else TIERS[1] if notional <= 5_000 else TIERS[2]
    assert initial_margin_units(notional, TIERS) == Fraction(notional * chosen.initial_margin_ppm, 1_000_000).__ceil__()


def test_one_unit_of_notional_needs_one_unit_of_margin_at_any_rate():
    assert maintenance_margin_units(1, (tier(1),)) == 1
    assert initial_margin_units(1, (tier(1, initial=1),)) == 1


# --- fills --------------------------------------------------------------------------------------------------------


@given(st.integers(-20, 20), st.integers(-(10**6), 10**6), LOTS, st.integers(-(10**6), 10**6))
def test_I1_a_fill_neither_makes_nor_loses_money(lots, cost, fill, amount):
    """Cash that a fill moves is -amount, whatever the split between what is realised and what the position cost."""
    cost = cost if lots else 0
    after = trade(lots, cost, fill, amount)
    assert after.lots == lots + fill
    assert after.realised_units - after.cost_units == -amount - cost
    if after.lots == 0:
        assert after.cost_units == 0


@given(st.integers(1, 40), st.integers(0, 10**6), st.data(), st.sampled_from([1, -1]))
def test_a_partial_close_takes_the_floor_of_its_part_of_the_cost(lots, cost, data, side):
    closed = data.draw(st.integers(1, lots))
    after = trade(side * lots, side * cost, -side * closed, 0)
    part = Fraction(side * cost * closed, lots).__floor__()
    assert after.cost_units == side * cost - part
    assert after.realised_units == -part


@given(LOTS, st.integers(1, 10**6), st.integers(1, 10**6))
def test_adding_to_a_position_realises_nothing(lots, cost, amount):
    side = 1 if lots > 0 else -1
    after = trade(lots, side * cost, lots, side * amount)
    assert (after.lots, after.cost_units, after.realised_units) == (2 * lots, side * (cost + amount), 0)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 500), st.integers(1, 500), st.sampled_from([1, -1]))
def test_a_fill_beyond_the_position_opens_the_other_side_at_the_fill_price(held, beyond, entry, price, side):
    fill = held + beyond
    after = trade(side * held, side * held * entry, -side * fill, -side * fill * price)
    assert after.lots == -side * beyond
    assert after.cost_units == -side * beyond * price
    assert after.realised_units == side * held * (price - entry)


def test_a_close_in_parts_loses_no_unit_of_an_uneven_cost():
    """7 lots for 100 sold one by one at nothing: the parts of the cost are floors of what is left, 100 in all."""
    lots, cost, realised = 7, 100, []
    for _ in range(7):
        after = trade(lots, cost, -1, 0)
        lots, cost = after.lots, after.cost_units
        realised.append(-after.realised_units)
    assert realised == [14, 14, 14, 14, 14, 15, 15] and (lots, cost) == (0, 0)


def test_a_fill_of_no_lots_is_an_error():
    with pytest.raises(ValueError, match="trade"):
        trade(5, 10, 0, 0)
