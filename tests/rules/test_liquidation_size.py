"""Liquidation size: every number of lots tried one after the other, Fractions, and what venues publish."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import example, given, strategies as st

from seawall.amounts import Units
from seawall.design.types import Tier
from seawall.rules.liquidation_size import (
    Exposure,
    after_reduction,
    close_factor_lots,
    fewest_lots,
    fewest_lots_by_scan,
    filled_units,
    lots_within_notional,
    position_limit_lots,
    step_lots,
)
from seawall.rules.waterfall import window_left_units

MILLION = 10**6


def tier(maintenance: int, up_to: int | None = None, deducted: int = 0) -> Tier:
    return Tier(
        initial_margin_ppm=MILLION,
        maintenance_margin_ppm=maintenance,
        up_to_notional=None if up_to is None else Units(up_to),
        maintenance_deducted=Units(deducted),
    )


# --- steps ------------------------------------------------------------------------------------------------------------


def test_hyperliquid_sells_a_fifth_of_a_large_position_and_all_of_it_within_the_next_30_seconds():
    """20 % above 100,000 USDC, here base units of 10^-6; the position that the first slice does not save is closed."""
    rule = (200_000, 100_000 * MILLION, 30_000)
    assert step_lots(1_001, 1_001, 100_001 * MILLION, *rule, None) == 201
    assert step_lots(1_001, 1_001, 100_000 * MILLION, *rule, None) == 1_001  # not larger than 100,000
    assert step_lots(800, 1_001, 150_000 * MILLION, *rule, 29_999, "whole") == 800
    assert step_lots(800, 1_001, 150_000 * MILLION, *rule, 29_999) == 0  # a venue whose slices wait
    assert step_lots(800, 1_001, 150_000 * MILLION, *rule, 30_000) == 201


@given(st.integers(1, 10**9), st.integers(1, MILLION))
def test_steps_end_after_as_many_slices_as_the_step_goes_into_the_whole(start, step):
    lots, slices = start, 0
    while lots and slices < 40:
        part = step_lots(lots, start, lots + 1, step, 0, 5, None if slices == 0 else 5)
        assert part == min(lots, ceil(Fraction(start * step, MILLION)))
        lots, slices = lots - part, slices + 1
    assert lots == 0 if step >= 25_000 else lots < start
    assert slices <= ceil(Fraction(MILLION, step))


@pytest.mark.parametrize("step", [0, -1, MILLION + 1])
def test_a_step_of_nothing_or_more_than_everything_is_refused(step):
    with pytest.raises(ValueError, match="step_ppm from 1"):
        step_lots(10, 10, 10, step, 0, 0, None)
    with pytest.raises(ValueError, match="close_factor_ppm from 1"):
        close_factor_lots(10, 10, 1, 1, step, 0, 0)


# --- close factor -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("equity", "notional", "lots"),
    [
        (951, 2_000, 51),  # above 0.95 and large enough: half, rounded up
        (950, 2_000, 101),  # at 0.95: all
        (951, 1_999, 101),  # too small
        (-5, 9_999, 101),
    ],
)
def test_aave_closes_half_unless_the_account_is_too_weak_or_too_small(equity, notional, lots):
    assert close_factor_lots(101, notional, equity, 1_000, 500_000, 950_000, 2_000) == lots


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**4),
    st.integers(-(10**4), 10**4),
    st.integers(1, 10**4),
    st.integers(1, MILLION),
    st.integers(0, MILLION),
    st.integers(0, 10**4),
)
def test_the_close_factor_equals_its_definition_in_fractions(lots, notional, equity, maintenance, factor, full, floor):
    part = Fraction(equity, maintenance) > Fraction(full, MILLION) and not notional < floor
    wanted = ceil(Fraction(lots) * Fraction(factor, MILLION)) if part else lots
    assert close_factor_lots(lots, notional, equity, maintenance, factor, full, floor) == wanted


# --- the fewest lots --------------------------------------------------------------------------------------------------


def fewest_by_trying(exposure: Exposure, fills) -> int:
    """Trade a lot at a time against a list of single prices; after each, look at the account afresh, in Fractions."""
    prices = [ticks for lots, ticks in fills for _ in range(lots)]
    side, unit = (1 if exposure.lots > 0 else -1), exposure.lot_tick_units
    for count in range(abs(exposure.lots) + 1):
        if count > len(prices):
            break
        done = prices[:count]
        equity = exposure.equity_units + sum(side * (price - exposure.mark_ticks) * unit for price in done)
        gain = sum(side * (price - exposure.bankruptcy_ticks) * unit for price in done)
        asked = ceil(Fraction(sum(done) * unit * exposure.surcharge_ppm, MILLION))
        fee = sorted([asked, gain, equity])[0]
        equity -= fee if fee > 0 else 0
        notional = (abs(exposure.lots) - count) * exposure.mark_ticks * unit
        own = next(t for t in exposure.tiers if t.up_to_notional is None or notional <= t.up_to_notional)
        margin = ceil(Fraction(notional * own.maintenance_margin_ppm, MILLION)) - own.maintenance_deducted
        margin += exposure.other_maintenance_units
        wanted = margin + ceil(Fraction(margin * exposure.buffer_ppm, MILLION))
        if equity > wanted or (equity == wanted and exposure.trigger == "below"):
            return count
    return abs(exposure.lots)


@st.composite
def tiers(draw) -> tuple[Tier, ...]:
    ends = sorted(draw(st.sets(st.integers(0, 4_000), max_size=3)))
    rates = st.one_of(st.integers(1, 200_000), st.integers(1, MILLION))
    rows = [tier(draw(rates), end, draw(st.integers(0, 40))) for end in ends]
    return (*rows, tier(draw(rates), None, draw(st.integers(0, 400))))


@st.composite
def exposures(draw) -> Exposure:
    lots = draw(st.integers(1, 30)) * draw(st.sampled_from([1, -1]))
    mark = draw(st.integers(1, 60))
    return Exposure(
        lots=lots,
        mark_ticks=mark,
        lot_tick_units=draw(st.integers(1, 5)),
        bankruptcy_ticks=mark + draw(st.integers(-20, 20)),
        tiers=draw(tiers()),
        equity_units=draw(st.integers(-100, 800)),
        other_maintenance_units=draw(st.one_of(st.just(0), st.integers(0, 300))),
        surcharge_ppm=draw(st.one_of(st.just(0), st.integers(0, 100_000))),
        buffer_ppm=draw(st.one_of(st.just(0), st.integers(0, 300_000))),
        trigger=draw(st.sampled_from(["below", "at_or_below"])),
    )


FILLS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 80)), max_size=6)
PLAIN = Exposure(100, 1_000, 1, 960, (tier(50_000),), 4_000, 0, 10_000, 0)


@given(exposures(), FILLS)
@example(replace(PLAIN, lots=10, equity_units=500), [(10, 1_000)])  # equality restores
@example(replace(PLAIN, lots=10, equity_units=500, trigger="at_or_below"), [(10, 1_000)])  # and here it does not
@example(PLAIN, [])
def test_fewest_lots_equals_trying_every_number_of_lots(exposure, fills):
    assert fewest_lots(exposure, fills) == fewest_by_trying(exposure, fills)


@given(exposures(), FILLS, st.integers(0, 4))
def test_fewest_lots_equals_trying_where_few_numbers_of_lots_are_enough(exposure, fills, spare):
    """The equity moved so that the best number of lots is barely enough: kinks, tiers, caps and rounding decide."""
    depth = min(abs(exposure.lots), sum(lots for lots, _ in fills))
    seen = [after_reduction(exposure, fills, lots) for lots in range(depth + 1)]
    best = max(after.equity_units - after.wanted_units for after in seen)
    near = replace(exposure, equity_units=exposure.equity_units - best + spare)
    assert fewest_lots(near, fills) == fewest_by_trying(near, fills)


def test_a_worked_reduction():
    """Each lot costs 10 of slippage and 9.9 of fee and frees 50 of margin; 1,000 are missing: 33.2, so 34 lots."""
    fills = [(100, 990)]
    assert fewest_lots(PLAIN, fills) == 34
    seen = after_reduction(PLAIN, fills, 34)
    assert (seen.equity_units, seen.fee_units, seen.wanted_units) == (3_323, 337, 3_300)
    seen = after_reduction(PLAIN, fills, 33)
    assert (seen.equity_units, seen.fee_units, seen.wanted_units) == (3_343, 327, 3_350)
    assert after_reduction(replace(PLAIN, trigger="at_or_below"), fills, 34).wanted_units == 3_301
    assert fewest_lots(replace(PLAIN, buffer_ppm=100_000), fills) == 43  # 1,500 missing, 55 - 19.9 a lot: 42.7


def test_a_short_is_bought_back_and_pays_for_prices_above_the_mark():
    short = replace(PLAIN, lots=-100, bankruptcy_ticks=1_040)
    assert fewest_lots(short, [(100, 1_010)]) == 34  # the fee is 10.1 a lot: 1,000 / 29.9 = 33.4
    assert fewest_lots(short, [(100, 990)]) == 20  # a gain of 10 a lot: 1,000 / 50.1


def test_where_a_lot_costs_more_than_it_frees_the_whole_position_goes():
    assert fewest_lots(PLAIN, [(100, 940)]) == 100
    assert fewest_lots(PLAIN, [(20, 1_000), (80, 940)]) == 100  # 20 lots free 1,000 less the fee: not enough


def test_a_fee_that_the_gain_or_the_equity_caps_leaves_room_that_its_rate_would_not():
    """At 960 a lot there is no gain above the bankruptcy price and so no fee: each lot brings 10, 100 are missing."""
    dear = replace(PLAIN, equity_units=4_900, surcharge_ppm=100_000)
    assert fewest_lots(dear, [(100, 960)]) == 10
    assert fewest_lots(dear, [(100, 961)]) == 10  # a gain of 1 a lot is the fee: 50 - 39 - 1
    assert fewest_lots(dear, [(100, 970)]) == 10  # 50 - 30 - 10


def test_the_depth_bounds_what_is_counted_on():
    assert fewest_lots(PLAIN, [(33, 990)]) == 100
    assert fewest_lots(PLAIN, [(34, 990)]) == 34


def test_a_tier_that_jumps_makes_the_account_healthy_at_its_edge():
    """Above 50,000 the rate is 10 % without a deduction: the step down at 50 lots restores what 49 lots do not."""
    jump = replace(PLAIN, tiers=(tier(10_000, 50_000), tier(100_000)), surcharge_ppm=0)
    assert fewest_lots(jump, [(100, 990)]) == 50


def test_a_larger_sale_may_undo_what_a_smaller_one_restored():
    fills, split = [(40, 1_000), (60, 100)], [(10, 1_000), (30, 1_000), (60, 100)]
    assert fewest_lots(replace(PLAIN, surcharge_ppm=0), fills) == 20
    assert fewest_lots(replace(PLAIN, surcharge_ppm=0, equity_units=3_050), split) == 39
    assert after_reduction(PLAIN, fills, 40).enough
    assert not after_reduction(PLAIN, fills, 60).enough


def test_a_position_of_any_size_is_searched_and_not_scanned():
    """10^16 missing: the first 10^14 lots bring 35.05 each, the others 30.1."""
    huge = replace(PLAIN, lots=10**15, equity_units=4 * 10**16)
    others = ceil((10**16 - Fraction("35.05") * 10**14) / Fraction("30.1"))
    assert fewest_lots(huge, [(10**14, 995), (10**15, 990)]) == 10**14 + others
    assert fewest_lots(huge, [(10**15, 900)]) == 10**15


def test_the_scan_finds_the_first_that_is_enough_or_takes_all():
    assert fewest_lots_by_scan(9, lambda lots: lots in (4, 7)) == 4
    assert fewest_lots_by_scan(9, lambda lots: False) == 9
    assert fewest_lots_by_scan(9, lambda lots: True) == 0


@given(FILLS, st.integers(0, 72), st.integers(1, 9))
def test_what_fills_are_worth_is_the_sum_of_their_lots(fills, lots, unit):
    prices = [ticks for size, ticks in fills for _ in range(size)]
    assert filled_units(fills, min(lots, len(prices)), unit) == sum(prices[:lots]) * unit


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "limit"),
    [
        (1_000, 100),  # 10 %: 10,000 USDC of notional
        (50, 10),  # 10 % would be 500 USDC: 1,000 may always go
        (7, 7),
        (1_001, 101),
        (0, 0),
    ],
)
def test_dydx_closes_a_tenth_of_a_position_but_always_up_to_1_000_usdc(lots, limit):
    assert position_limit_lots(lots, 100_000, 1_000, 100) == limit


@given(st.integers(0, 10**6), st.integers(0, MILLION), st.integers(0, 10**6), st.integers(1, 10**4))
def test_the_position_limit_equals_its_definition(lots, ppm, least, lot_notional):
    part, floor = ceil(Fraction(lots * ppm, MILLION)), int(Fraction(least, lot_notional))
    found = position_limit_lots(lots, ppm, least, lot_notional)
    assert found <= lots and found in (lots, part, floor)
    assert found == lots or (found >= part and found >= floor)


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(1, 9)), max_size=5), st.integers(-5, 300))
def test_orders_share_a_notional_lot_by_lot_in_their_order(orders, room):
    wanted, prices = [lots for lots, _ in orders], [price for _, price in orders]
    left, reference = room, []
    for lots, price in orders:
        served = 0
        while served < lots and left >= price:
            served, left = served + 1, left - price
        reference.append(served)
    assert lots_within_notional(wanted, prices, room) == tuple(reference)


def test_an_account_closes_100_000_of_notional_a_block():
    assert lots_within_notional([600, 600, 10], [100, 150, 1], 100_000) == (600, 266, 10)


def test_synthetix_liquidates_as_much_as_the_rolling_window_leaves():
    """At most 1,000 in any 30 s, half-open: the 700 of 30 s ago no longer count, the 400 of 29.999 s ago do."""
    liquidated = [(10_000, 700), (10_001, 400), (39_000, 150)]
    room = window_left_units(1_000, 30_000, liquidated, 40_000)
    assert room == 450
    assert lots_within_notional([30, 30], [10, 10], room) == (30, 15)
