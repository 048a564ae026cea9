"""Collateral: sold lot by lot, in Fractions, and the cases ORA-03 and LEN-01."""

import json
from fractions import Fraction
from math import floor
from pathlib import Path
from statistics import median_low

import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.collateral import (
    Holding,
    Sold,
    collateral_value_units,
    delays_recognition,
    lots_to_sell,
    recourse_units,
    settle_debt,
)
from tests.rules.references import allocate_by_units

MILLION = 10**6
GIVEN = json.loads((Path(__file__).parents[1] / "cases" / "given.json").read_text(encoding="utf-8"))


# --- value ------------------------------------------------------------------------------------------------------------


def test_ORA_03_collateral_is_valued_on_the_index_after_its_haircut():
    case = next(case for case in GIVEN["cases"] if case["id"] == "ORA-03")
    inputs, expected = case["inputs"], case["expected"]
    index = median_low(inputs["sources_base_units"])
    tokens, haircut = inputs["collateral_tokens"], inputs["haircut_ppm"]
    assert index == expected["index"]
    assert collateral_value_units(tokens, index, 1, haircut) == expected["collateral_value"]
    assert inputs["cash"] + collateral_value_units(tokens, index, 1, haircut) == expected["equity"]
    own_book = inputs["sources_base_units"][0]
    wrong = expected["wrong_on_own_book"]
    assert collateral_value_units(tokens, own_book, 1, haircut) == wrong["collateral_value"]
    assert settle_debt(-inputs["cash"], wrong["collateral_value"]).deficit == wrong["false_deficit"]


@given(st.integers(0, 10**12), st.integers(1, 10**9), st.integers(1, 10**6), st.integers(0, MILLION))
@example(3, 1, 1, 500_000)  # 1.5: one rounding, down
def test_collateral_value_is_rounded_once_and_down(lots, ticks, unit, haircut):
    exact = Fraction(lots) * ticks * unit * (1 - Fraction(haircut, MILLION))
    assert collateral_value_units(lots, ticks, unit, haircut) == floor(exact)


# --- debt -------------------------------------------------------------------------------------------------------------


def test_LEN_01_the_deficit_is_debt_minus_everything_recovered():
    case = next(case for case in GIVEN["cases"] if case["id"] == "LEN-01")
    settled = [settle_debt(case["inputs"]["debt"], recovered) for recovered in case["inputs"]["recovered"]]
    assert [item.deficit for item in settled] == case["expected"]["deficit"]
    assert [item.residual for item in settled] == case["expected"]["residual"]
    assert [item.deficit > 0 for item in settled] == case["expected"]["is_bad_debt"]


@given(st.integers(0, 10**30), st.integers(0, 10**30))
def test_I1_settling_a_debt_keeps_every_unit(debt, recovered):
    settled = settle_debt(debt, recovered)
    assert settled.repaid + settled.residual == recovered
    assert settled.repaid + settled.deficit == debt
    assert not (settled.deficit and settled.residual)
    assert min(settled.repaid, settled.deficit, settled.residual) >= 0


def test_dust_sold_later_is_a_recovery_of_the_deficit():
    """Debt 90, sold for 75, dust of 4 left: a deficit of 15 at once; the dust later brings 4 of it back."""
    assert not delays_recognition([4], [5])
    first = settle_debt(90, 75)
    later = settle_debt(first.deficit, 4)
    assert (first.deficit, later.repaid, later.deficit) == (15, 4, 11)
    assert settle_debt(3, 4).residual == 1  # more than was left to recover is the account's


@pytest.mark.parametrize(
    ("values", "dust", "delays"),
    [([], [], False), ([0], [0], False), ([1], [0], True), ([5], [5], True), ([4], [5], False), ([4, 9], [5, 9], True)],
)
def test_only_what_is_worth_selling_delays_a_deficit(values, dust, delays):
    assert delays_recognition(values, dust) is delays


# --- sale -------------------------------------------------------------------------------------------------------------

HOLDINGS = st.lists(
    st.builds(
        Holding,
        st.integers(0, 15),
        st.integers(1, 3),
        st.lists(st.tuples(st.integers(0, 6), st.integers(1, 20)), max_size=4).map(tuple),
    ),
    max_size=4,
)


def sold_lot_by_lot(debt: int, holdings) -> tuple[Sold, ...]:
    """Sell single lots, asset after asset, while anything is owed."""
    result = []
    for holding in holdings:
        lots = proceeds = 0
        for price in (ticks for size, ticks in holding.depth for _ in range(size)):
            if debt <= 0 or lots == holding.lots:
                break
            paid = price * holding.lot_tick_units
            lots, proceeds, debt = lots + 1, proceeds + paid, debt - paid
        result.append(Sold(lots, proceeds))
    return tuple(result)


@given(st.integers(-5, 600), HOLDINGS)
def test_collateral_is_sold_as_if_lot_by_lot_until_the_debt_is_paid(debt, holdings):
    assert lots_to_sell(debt, holdings) == sold_lot_by_lot(debt, holdings)


def test_the_designs_order_decides_which_collateral_goes_first():
    """100 owed: all 4 lots of the first asset bring 76; of the second, at 10, 10 and 8 a lot, 3 lots bring the rest."""
    first = Holding(4, 1, ((2, 20), (9, 18)))
    second = Holding(50, 2, ((2, 5), (99, 4)))
    assert lots_to_sell(100, [first, second]) == (Sold(4, 76), Sold(3, 28))
    assert lots_to_sell(100, [second, first]) == (Sold(12, 100), Sold(0, 0))


def test_what_lies_past_the_depth_stays_unsold():
    assert lots_to_sell(100, [Holding(9, 1, ((3, 10),))]) == (Sold(3, 30),)


# --- recourse ---------------------------------------------------------------------------------------------------------


def test_an_owners_other_accounts_pay_what_they_have_above_their_initial_margin():
    assert recourse_units(60, [130, 40, 90], [100, 50, 0]) == (15, 0, 45)
    assert recourse_units(500, [130, 40, 90], [100, 50, 0]) == (30, 0, 90)
    assert recourse_units(60, [10, -40], [100, 50]) == (0, 0)
    assert recourse_units(60, [], []) == ()


@given(st.integers(-5, 120), st.lists(st.tuples(st.integers(-40, 80), st.integers(0, 60)), max_size=5))
def test_recourse_is_shared_unit_by_unit_over_the_room_and_makes_nobody_liquidatable(deficit, accounts):
    equities, margins = [equity for equity, _ in accounts], [margin for _, margin in accounts]
    rooms = [equity - margin if equity > margin else 0 for equity, margin in accounts]
    parts = recourse_units(deficit, equities, margins)
    amount = min(max(deficit, 0), sum(rooms))
    assert parts == (allocate_by_units(amount, rooms) if amount else (0,) * len(accounts))
    for part, (equity, margin) in zip(parts, accounts):
        assert part == 0 or equity - part >= margin
