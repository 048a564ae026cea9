"""Contracts: worth, notional and bankruptcy price of linear and inverse lots, against Fractions and search."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, example, given, strategies as st

from seawall.design.instruments import Contract
from seawall.rules.contracts import (
    NEVER_TICKS,
    bankruptcy_ticks,
    notional_units,
    opening_cost_units,
    pnl_units,
    value_units,
)
from seawall.rules.margin import trade

SIGNED = st.integers(-(10**6), 10**6).filter(bool)
TICKS = st.integers(1, 10**6)
UNITS = st.sampled_from([1, 3, 100, 10**8])
INVERSE = [False, True]
CONTRACTS = st.builds(Contract, st.booleans(), UNITS)
LINEAR = Contract(False, 1)
COIN = Contract(True, 10**8)
"""A contract of one dollar in units of 10^-8 coins, prices in dollars."""


def exact_value(contract: Contract, lots: int, ticks: int) -> Fraction:
    """What lots add to equity, unrounded: lots x price, or minus what they owe of the coin."""
    if contract.inverse:
        return Fraction(-lots * contract.unit, ticks)
    return Fraction(lots * ticks * contract.unit)


@given(CONTRACTS, SIGNED, TICKS)
def test_value_is_the_exact_one_rounded_against_the_trader(contract, lots, ticks):
    assert value_units(contract, lots, ticks) == math.floor(exact_value(contract, lots, ticks))


@given(CONTRACTS, SIGNED, TICKS)
def test_notional_is_the_exact_one_rounded_up(contract, lots, ticks):
    assert notional_units(contract, lots, ticks) == math.ceil(abs(exact_value(contract, lots, ticks)))
    assert notional_units(contract, lots, ticks) == notional_units(contract, -lots, ticks)


@given(CONTRACTS, SIGNED, TICKS, TICKS)
def test_profit_is_never_more_than_the_exact_one_and_less_than_two_units_below(contract, lots, opened, ticks):
    """Opened and closed with a rounding against the trader each."""
    profit = pnl_units(contract, lots, ticks, opening_cost_units(contract, lots, opened))
    exact = exact_value(contract, lots, ticks) - exact_value(contract, lots, opened)
    assert exact - 2 < profit <= exact
    if not contract.inverse:
        assert profit == exact


@given(CONTRACTS, st.integers(1, 10**6), TICKS)
def test_both_sides_of_a_cross_lose_at_most_a_unit_between_them(contract, lots, ticks):
    assert 0 <= -(value_units(contract, lots, ticks) + value_units(contract, -lots, ticks)) <= contract.inverse


@given(CONTRACTS, st.integers(1, 10**5), st.integers(1, 10**5), st.sampled_from([1, -1]), TICKS)
def test_lots_in_parts_are_worth_no_more_than_together(contract, one, two, side, ticks):
    parts = value_units(contract, side * one, ticks) + value_units(contract, side * two, ticks)
    assert 0 <= value_units(contract, side * (one + two), ticks) - parts <= contract.inverse


@given(CONTRACTS, SIGNED, TICKS, TICKS)
def test_a_higher_price_is_better_for_a_long_and_worse_for_a_short(contract, lots, one, two):
    low, high = sorted((one, two))
    gained = value_units(contract, lots, high) - value_units(contract, lots, low)
    assert gained >= 0 if lots > 0 else gained <= 0


@given(CONTRACTS, SIGNED, TICKS, TICKS, st.integers(1, 10**5))
def test_a_position_closed_in_two_parts_loses_at_most_a_unit_to_rounding(contract, lots, opened, ticks, part):
    """rules.margin.trade books the values of an inverse contract as it does those of a linear one."""
    assume(part < abs(lots))
    side = 1 if lots > 0 else -1
    cost = opening_cost_units(contract, lots, opened)
    first = trade(lots, cost, -side * part, -value_units(contract, side * part, ticks))
    rest = side * (abs(lots) - part)
    last = trade(first.lots, first.cost_units, -rest, -value_units(contract, rest, ticks))
    assert (last.lots, last.cost_units) == (0, 0)
    whole = pnl_units(contract, lots, ticks, cost)
    assert 0 <= whole - (first.realised_units + last.realised_units) <= contract.inverse


# --- bankruptcy price -------------------------------------------------------------------------------------------------


def is_solvent(contract: Contract, lots: int, mark: int, ticks: int, share: Fraction) -> bool:
    """Whether the position, closed at a price, leaves its part of the equity at zero or above; nothing rounded."""
    return share + exact_value(contract, lots, ticks) - exact_value(contract, lots, mark) >= 0


@given(CONTRACTS, SIGNED, TICKS, st.integers(-(10**12), 10**12), st.integers(1, 1000), st.integers(0, 1000))
@example(COIN, 100_000, 8_000, 10**7, 1, 0)
@example(COIN, -100_000, 12_000, -(10**7), 1, 0)
@example(Contract(True, 1), -1, 3, 10, 1, 0)
def test_the_bankruptcy_price_is_the_last_tick_that_leaves_no_deficit(contract, lots, mark, equity, weight, others):
    """One tick further on the losing side and the position's part of the equity is below zero."""
    px = bankruptcy_ticks(contract, lots, mark, equity, weight, weight + others)
    share = Fraction(equity * weight, weight + others)
    worse = px - 1 if lots > 0 else px + 1
    if contract.inverse and px == NEVER_TICKS:
        # No price makes a short bankrupt; no price saves a long.
        at_most = share - exact_value(contract, lots, mark)
        assert at_most >= 0 if lots < 0 else at_most <= 0
        return
    if px >= 1:
        assert is_solvent(contract, lots, mark, px, share)
    if worse >= 1:
        assert not is_solvent(contract, lots, mark, worse, share)


@given(st.booleans(), st.sampled_from([1, -1]), st.integers(1, 40), st.integers(1, 60), st.integers(-300, 300))
def test_the_bankruptcy_price_equals_a_search_over_ticks(inverse, side, lots, mark, equity):
    contract = Contract(inverse, 100 if inverse else 1)
    px = bankruptcy_ticks(contract, side * lots, mark, equity, 1, 1)
    solvent = [t for t in range(1, 20_000) if is_solvent(contract, side * lots, mark, t, Fraction(equity))]
    if not solvent:
        assert px <= 0 if side < 0 else px > 19_999
    elif side > 0:
        assert max(1, px) == solvent[0]
    else:
        assert min(px, 19_999) == solvent[-1]


@given(CONTRACTS, SIGNED, TICKS, st.integers(1, 10**6))
def test_at_no_equity_the_price_is_the_mark_and_a_debt_is_beyond_it(contract, lots, mark, debt):
    side = 1 if lots > 0 else -1
    assert bankruptcy_ticks(contract, lots, mark, 0, 1, 1) == mark
    assert side * (bankruptcy_ticks(contract, lots, mark, -debt, 1, 1) - mark) >= 0
    assert side * (mark - bankruptcy_ticks(contract, lots, mark, debt, 1, 1)) >= 0


@pytest.mark.parametrize(("lots", "total"), [(0, 1), (1, 0), (-1, -1)])
@pytest.mark.parametrize("inverse", INVERSE)
def test_bankruptcy_price_refuses_no_position_and_no_weight(inverse, lots, total):
    with pytest.raises(ValueError, match="bankruptcy_price: wanted lots and a weight"):
        bankruptcy_ticks(Contract(inverse, 1), lots, 10, 5, 1, total)


@given(
    st.integers(1, 30), st.integers(1, 30), st.integers(30, 90), st.integers(30, 90),
    st.integers(-200, 400), st.integers(1, 50), st.integers(1, 50), st.sampled_from([1, -1]), st.sampled_from([1, -1])
)  # fmt: skip
def test_closing_every_position_at_its_own_bankruptcy_price_leaves_no_deficit(
    a, b, mark_a, mark_b, equity, w_a, w_b, side_a, side_b
):
    a, b = side_a * a, side_b * b
    px_a = bankruptcy_ticks(LINEAR, a, mark_a, equity, w_a, w_a + w_b)
    px_b = bankruptcy_ticks(LINEAR, b, mark_b, equity, w_b, w_a + w_b)
    left = equity + a * (px_a - mark_a) + b * (px_b - mark_b)
    assert 0 <= left < abs(a) + abs(b)  # less than one tick of either position is lost to rounding


@given(st.integers(1, 20), st.integers(1, 20), st.integers(50, 90), st.sampled_from([1, -1]))
def test_a_partial_close_concedes_its_fraction_and_leaves_the_price_where_it_was(lots, per_lot, mark, side):
    """Equity a whole number of ticks a lot, so that nothing is rounded: the price of the rest does not move."""
    equity = lots * per_lot
    px = bankruptcy_ticks(LINEAR, side * lots, mark, equity, 1, 1)
    for closed in range(1, lots):
        conceded = closed * side * (mark - px)
        assert conceded == Fraction(equity * closed, lots)
        assert bankruptcy_ticks(LINEAR, side * (lots - closed), mark, equity - conceded, 1, 1) == px


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 100), st.integers(1, 3000))
def test_after_an_over_close_the_price_is_that_of_the_new_side(held, beyond, price, equity):
    after = trade(held, held * price, -(held + beyond), -(held + beyond) * price)
    assert after.lots == -beyond
    assert bankruptcy_ticks(LINEAR, after.lots, price, equity, 1, 1) >= price


def test_each_of_two_positions_has_its_part_of_the_equity_by_margin():
    """Equity 30 of margins 10 and 20: 10 lots at 50 may lose 10 (49), 10 short at 50 may lose 20 (52)."""
    assert bankruptcy_ticks(LINEAR, 10, 50, 30, 10, 30) == 49
    assert bankruptcy_ticks(LINEAR, -10, 50, 30, 20, 30) == 52


# --- BitMEX's worked numbers ------------------------------------------------------------------------------------------


def test_bitmex_a_long_of_100_000_contracts_from_10_000():
    """10 coins at the entry; at 8,000 it owes 12.5: a loss of 2.5. At 11,000 it gains 0.90909090, rounded down."""
    cost = opening_cost_units(COIN, 100_000, 10_000)
    assert cost == -10 * 10**8
    assert pnl_units(COIN, 100_000, 8_000, cost) == -250_000_000
    assert pnl_units(COIN, 100_000, 11_000, cost) == 90_909_090
    assert notional_units(COIN, 100_000, 8_000) == 1_250_000_000


def test_bitmex_the_short_gains_what_the_long_loses_and_each_is_rounded_against_itself():
    cost = opening_cost_units(COIN, -100_000, 10_000)
    assert pnl_units(COIN, -100_000, 8_000, cost) == 250_000_000
    assert pnl_units(COIN, -100_000, 11_000, cost) == -90_909_091


@pytest.mark.parametrize(
    ("side", "mark", "margin", "px"),
    [
        # with one coin of margin from 10,000: 100,000 (1/p - 1/10,000) = 1 at p = 9,090.91
        (1, 10_000, 1, 9_091),
        # a short: 100,000 (1/10,000 - 1/p) = 1 at p = 11,111.11
        (-1, 10_000, 1, 11_111),
        # at 8,000 the same long, 1 - 2.5 coins of equity, is bankrupt at the same price
        (1, 8_000, 1 - 2.5, 9_091),
        # ten coins back a short whatever the price: it can lose no more than its 10 coins
        (-1, 10_000, 10, NEVER_TICKS),
        # a long of 1x is bankrupt at half the price
        (1, 10_000, 10, 5_000),
    ],
)
def test_bitmex_each_side_has_its_own_harmonic_price(side, mark, margin, px):
    assert bankruptcy_ticks(COIN, side * 100_000, mark, int(margin * 10**8), 1, 1) == px
