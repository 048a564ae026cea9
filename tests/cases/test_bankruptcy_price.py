"""Bankruptcy price: of the whole position, in ticks towards solvency, and on the side that the position has."""

from fractions import Fraction

from seawall.design.instruments import Contract
from seawall.rules.contracts import bankruptcy_ticks, pnl_units
from seawall.rules.margin import trade


def test_BP_01_the_price_is_that_of_the_whole_position_whatever_part_is_closed(case):
    given, wanted = case["inputs"], case["expected"]
    unit, mark = given["lot_tick_value"], given["mark"]

    def px(lots, equity):
        return bankruptcy_ticks(Contract(False, unit), lots, mark, equity, 1, 1)

    a = given["a"]
    price = px(a["lots"], a["equity"])
    assert price == int(wanted["a"]["bankruptcy_price"])
    assert price != int(wanted["a"]["wrong_if_divided_by_closed_lots"])
    conceded = a["close_lots"] * (mark - price) * unit
    assert conceded == wanted["a"]["conceded_by_close"] == a["equity"] * a["close_lots"] // a["lots"]
    assert a["equity"] - conceded == wanted["a"]["equity_after"]
    rest = px(a["lots"] - a["close_lots"], a["equity"] - conceded)
    assert rest == int(wanted["a"]["bankruptcy_price_of_rest"])
    for name in ("b", "c"):
        lots, equity = given[name]["lots"], given[name]["equity"]
        exact = mark - Fraction(equity, lots * unit)
        assert exact == Fraction(wanted[name]["bankruptcy_price"])
        price = px(lots, equity)
        assert price == wanted[name]["tick"]
        assert equity + lots * (price - mark) * unit == wanted[name]["equity_if_all_closed_at_tick"]
        worse = price - 1 if lots > 0 else price + 1
        assert equity + lots * (worse - mark) * unit == wanted[name]["equity_if_all_closed_one_tick_worse"]


def test_BP_04_after_an_over_close_the_price_follows_the_new_side(case):
    given, wanted = case["inputs"], case["expected"]
    lots = cost = realised = 0
    for fill in given["trades"]:
        after = trade(lots, cost, fill["lots"], fill["lots"] * fill["price"])
        lots, cost, realised = after.lots, after.cost_units, realised + after.realised_units
    assert (realised, lots) == (wanted["realised"], wanted["lots"])
    assert cost == lots * wanted["entry"]
    equity = given["cash"] + realised + pnl_units(Contract(False, 1), lots, given["mark"], cost)
    assert equity == wanted["equity"]
    price = bankruptcy_ticks(Contract(False, 1), lots, given["mark"], equity, 1, 1)
    assert price == int(wanted["bankruptcy_price"])
    assert (price > given["mark"]) == wanted["must_be_above_mark"]
