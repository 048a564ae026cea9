"""Whole lots on arrays are those of the Python rule, lot for lot, under every policy."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from seawall.rules.adl_arrays import WinnersArrays
from seawall.rules.adl_policies import WEIGHTS
from seawall.rules.adl_scores import Participant, PolicyParameters
from seawall.rules.deleveraging import Gap, lot_cap, plan_lots
from seawall.rules.lots_arrays import capacity_lots, lot_caps, plan_lots_array
from tests.rules.test_adl_arrays import PARAMETERS, SIZES, books, crowd
from tests.rules.test_adl_policies import BOOK, NAMES

RANKINGS = (*NAMES, "queue_pnl_leverage")
ELIGIBLE = ("profit_at_close", "capped_at_mark", "any")


@st.composite
def gaps(draw, book):
    """A gap a lot of the size of somebody's profit a lot, exactly that, none, or one for the Python rule alone."""
    lots = draw(st.integers(1, sum(p.lots for p in book) + 2) | SIZES)
    one = draw(st.sampled_from(book))
    near = max(0, one.profit_units) * lots // one.lots
    units = draw(st.sampled_from([0, 1, -1, near, near + 1, max(0, near - 1), 3 * near, 2**62, 2**62 - 1]) | SIZES)
    return Gap(units, lots)


@given(st.data(), books(), PARAMETERS)
def test_plan_lots_array_equals_plan_lots(data, book, parameters):
    gap = data.draw(gaps(book))
    winners = WinnersArrays.of(book)
    for ranking in RANKINGS:
        for eligible in ELIGIBLE:
            found = plan_lots_array(winners, gap, ranking, eligible, parameters)
            assert found.dtype == np.int64
            assert found.tolist() == list(plan_lots(book, gap, ranking, eligible, parameters)), (ranking, eligible)


@given(st.data(), books(), PARAMETERS)
def test_a_plan_adds_up_to_the_capacity_or_to_all_lots(data, book, parameters):
    gap = data.draw(gaps(book))
    winners = WinnersArrays.of(book)
    for ranking in RANKINGS:
        for eligible in ELIGIBLE:
            capacity = capacity_lots(winners, gap, ranking, eligible, parameters)
            if capacity is not None:
                planned = sum(plan_lots(book, gap, ranking, eligible, parameters))
                assert planned == min(gap.lots, capacity), (ranking, eligible)


@given(st.data(), books())
def test_lot_caps_are_those_of_lot_cap(data, book):
    """Asked of fields below 2^62, where every cap fits."""
    book = [Participant(p.id, *(field // 2 for field in _fields(p))) for p in book if p.lots > 1]
    if not book:
        return
    gap = data.draw(gaps(book))
    gap = Gap(min(max(0, gap.units), 2**62 - 1), min(gap.lots, 2**62 - 1))
    for eligible in ELIGIBLE:
        found = lot_caps(WinnersArrays.of(book), gap, eligible).tolist()
        assert found == [lot_cap(p, gap, eligible) for p in book], eligible


def _fields(p):
    return (
        p.lots, p.profit_units, p.equity_units, p.notional_units, p.entry_units, p.wallet, p.maintenance_units, p.cap
    )  # fmt: skip


def test_winners_as_objects_go_by_the_python_rule():
    """Twice as much as int64 holds."""
    book = [Participant(str(i), 2**70 + i, 2**75, 2**76, 2**77, 2**75) for i in range(3)]
    columns = [np.array(column, object) for column in zip(*map(_fields, book))]
    winners = WinnersArrays(tuple(p.id for p in book), *columns)
    for ranking in RANKINGS:
        gap = Gap(2**74, 2**71)
        found = plan_lots_array(winners, gap, ranking, "profit_at_close")
        assert found.dtype == object
        assert tuple(found) == plan_lots(book, gap, ranking, "profit_at_close")
        assert capacity_lots(winners, gap, ranking, "any") is None


@pytest.mark.parametrize("part", [2, 3, 40])
@pytest.mark.parametrize("eligible", ELIGIBLE)
def test_a_crowd_of_five_thousand_is_closed_the_same_to_the_lot(part, eligible):
    winners = crowd(5_000, part)
    book = winners.participants()
    lots = int(winners.lots.sum()) // part
    gap = Gap(lots * 10**4 + 7, lots)
    for ranking in RANKINGS:
        found = plan_lots_array(winners, gap, ranking, eligible)
        assert found.tolist() == list(plan_lots(book, gap, ranking, eligible)), ranking


def test_worked_gaps():
    """The example book at 12 units a lot, as in the tables of rules.deleveraging."""
    winners = WinnersArrays.of(BOOK)
    gap = Gap(720, 60)
    assert lot_caps(winners, gap, "any").tolist() == [p.lots for p in BOOK]
    assert lot_caps(winners, gap, "capped_at_mark").tolist() == [min(p.lots, p.cap // 12) for p in BOOK]
    assert plan_lots_array(winners, Gap(60, 60), "min_max", "capped_at_mark").tolist() == [25, 9, 25, 1, 0]
    half = PolicyParameters(beta_ppm=400_000)
    assert capacity_lots(winners, Gap(12, 1), "capped_pro_rata", "any", half) == sum(
        min(p.lots, max(0, p.profit_units) * 4 // 10 // 12) for p in BOOK
    )
    assert "queue_profit" not in WEIGHTS and capacity_lots(winners, gap, "queue_profit", "any") == sum(
        p.lots for p in BOOK
    )


def test_a_winner_who_is_short_of_its_last_lot_by_a_unit():
    """Ten lots at ten units: 99 units of profit pay for nine, and are no profit of the whole at that price."""
    short, just = Participant("a", 10, 99, 500, 1, 1), Participant("b", 10, 100, 500, 1, 1)
    winners = WinnersArrays.of([short, just])
    assert lot_caps(winners, Gap(100, 10), "capped_at_mark").tolist() == [9, 10]
    assert lot_caps(winners, Gap(100, 10), "profit_at_close").tolist() == [0, 10]


def test_a_unit_short_where_floats_see_none():
    """A tenth is above itself as a float: the quotient of 10 lots - 1 by it is above the lots."""
    book = [Participant(str(i), 2**59 + i, 10 * (2**59 + i) - 1, 2**63 - 1, 1, 1) for i in range(500)]
    winners, gap = WinnersArrays.of(book), Gap(10, 1)
    assert (winners.cap_units * (gap.lots / gap.units) > winners.lots).any()
    assert lot_caps(winners, gap, "capped_at_mark").tolist() == [p.lots - 1 for p in book]


def test_nobody_is_closed_where_there_is_nobody():
    nobody = WinnersArrays((), *[np.zeros(0, np.int64)] * 8)
    for ranking in RANKINGS:
        if ranking != "mean_surplus":  # a mean of nobody
            assert plan_lots_array(nobody, Gap(5, 3), ranking, "profit_at_close").tolist() == []
            assert capacity_lots(nobody, Gap(5, 3), ranking, "profit_at_close") == 0
