"""Takeover: every number of lots tried one after the other, Fractions, worked examples."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import example, given, strategies as st

from seawall.amounts import Units
from seawall.design.types import Tier
from seawall.rules.takeover import (
    Holder,
    available_units,
    gap_ticks,
    inventory_result,
    layer_is_liquidatable,
    takeover_draw_units,
    takeover_lots,
    unwind_lots,
)

MILLION = 10**6
LOTS = st.integers(1, 40).flatmap(lambda lots: st.sampled_from([lots, -lots]))


def tier(maintenance: int, up_to: int | None = None, deducted: int = 0) -> Tier:
    return Tier(
        initial_margin_ppm=MILLION,
        maintenance_margin_ppm=maintenance,
        up_to_notional=None if up_to is None else Units(up_to),
        maintenance_deducted=Units(deducted),
    )


# --- what it costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "bankruptcy", "mark", "draw"),
    [
        (8, 100, 97, 120),  # a long, 3 ticks below its bankruptcy price, 5 base units each
        (8, 97, 100, 0),  # still solvent
        (-8, 100, 103, 120),
        (-8, 103, 100, 0),
        (8, 100, 100, 0),
    ],
)
def test_a_layer_pays_the_gap_to_the_mark_and_nothing_for_a_solvent_position(lots, bankruptcy, mark, draw):
    assert takeover_draw_units(lots, bankruptcy, mark, 5) == draw


@given(LOTS, st.integers(-50, 200), st.integers(1, 200), st.integers(1, 9))
def test_the_draw_is_what_the_account_would_owe_if_it_closed_at_the_mark(lots, bankruptcy, mark, unit):
    """Equity zero at the bankruptcy price: at the mark the account is worth lots x (mark - bankruptcy price)."""
    worth = sum((mark - bankruptcy) * (1 if lots > 0 else -1) for _ in range(abs(lots))) * unit
    assert takeover_draw_units(lots, bankruptcy, mark, unit) == (-worth if worth < 0 else 0)
    assert gap_ticks(lots, bankruptcy, mark) * abs(lots) * unit == takeover_draw_units(lots, bankruptcy, mark, unit)


@pytest.mark.parametrize(
    ("balance", "maintenance", "pnl", "available"),
    [(1_000, 200, 0, 800), (1_000, 200, -300, 500), (1_000, 200, 300, 800), (1_000, 200, -900, 0), (0, 0, 5, 0)],
)
def test_inventory_ties_up_its_maintenance_and_its_open_loss_and_an_open_gain_pays_nobody(
    balance, maintenance, pnl, available
):
    assert available_units(balance, maintenance, pnl) == available


def test_a_layer_below_its_maintenance_is_deleveraged_like_an_account():
    assert not layer_is_liquidatable(1_000, -800, 200, "below")
    assert layer_is_liquidatable(1_000, -801, 200, "below")
    assert layer_is_liquidatable(1_000, -800, 200, "at_or_below")
    assert not layer_is_liquidatable(100, 200, 200, "below")  # an open gain backs it


# --- how many lots ----------------------------------------------------------------------------------------------------


def most_by_trying(holder: Holder, lots, bankruptcy, mark, unit, tiers) -> int:
    """Take every number of lots over on paper, look at the layer afterwards, keep the largest that fits."""
    best = 0
    for count in range(1, abs(lots) + 1):
        signed = count if lots > 0 else -count
        held = holder.lots + signed
        loss_a_lot = (bankruptcy - mark) if lots > 0 else (mark - bankruptcy)
        draw = max(0, loss_a_lot) * unit * count
        notional = abs(held) * mark * unit
        own = next(t for t in tiers if t.up_to_notional is None or notional <= t.up_to_notional)
        margin = ceil(Fraction(notional * own.maintenance_margin_ppm, MILLION)) - own.maintenance_deducted
        cash = holder.balance_units - draw
        if draw > holder.draw_room_units:
            continue
        if cash - holder.open_loss_units < margin + holder.other_maintenance_units:
            continue
        reduces = holder.lots * signed < 0 and count <= abs(holder.lots)
        total = notional + holder.other_notional_units
        if not reduces and holder.notional_limit_units is not None and total > holder.notional_limit_units:
            continue
        ppm = holder.notional_limit_ppm
        if not reduces and ppm is not None and total > Fraction(ppm, MILLION) * cash:
            continue
        best = count
    return best


PLAIN = Holder(0, 1_000, 1_000, 0, 0, 0, None, None)
FLAT_TIERS = (tier(10_000),)


@st.composite
def holders(draw) -> Holder:
    balance = draw(st.integers(0, 2_000))
    return Holder(
        lots=draw(st.integers(-30, 30)),
        balance_units=balance,
        draw_room_units=draw(st.integers(0, balance)),
        open_loss_units=draw(st.one_of(st.just(0), st.integers(0, 500))),
        other_maintenance_units=draw(st.one_of(st.just(0), st.integers(0, 500))),
        other_notional_units=draw(st.one_of(st.just(0), st.integers(0, 1_000))),
        notional_limit_ppm=draw(st.one_of(st.none(), st.integers(0, 3_000_000))),
        notional_limit_units=draw(st.one_of(st.none(), st.integers(0, 3_000))),
    )


@st.composite
def tier_tables(draw) -> tuple[Tier, ...]:
    ends = sorted(draw(st.sets(st.integers(0, 3_000), max_size=3)))
    rates = st.integers(1, MILLION)
    rows = [tier(draw(rates), end, draw(st.integers(0, 60))) for end in ends]
    return (*rows, tier(draw(rates), None, draw(st.integers(0, 200))))


@given(holders(), LOTS, st.integers(1, 80), st.integers(1, 60), st.integers(1, 3), tier_tables())
@example(replace(PLAIN, lots=-5), 5, 10, 10, 1, (tier(10_000, 0), tier(10_000)))  # ends flat, in a tier of nothing
def test_takeover_lots_equals_trying_every_number_of_lots(holder, lots, bankruptcy, mark, unit, tiers):
    assert takeover_lots(holder, lots, bankruptcy, mark, unit, tiers) == most_by_trying(
        holder, lots, bankruptcy, mark, unit, tiers
    )


@given(holders(), LOTS, st.integers(-6, 6), st.integers(1, 40), tier_tables())
def test_takeover_lots_equals_trying_with_gaps_as_small_as_the_margins(holder, lots, off, mark, tiers):
    found = takeover_lots(holder, lots, mark + off, mark, 1, tiers)
    assert found == most_by_trying(holder, lots, mark + off, mark, 1, tiers)


def test_binance_holds_no_more_net_notional_than_the_fund_is_worth():
    """Mark 10, bankruptcy price 11: after n lots the balance is 1,000 - n and the notional 10 n: 90 lots."""
    limited = replace(PLAIN, notional_limit_ppm=MILLION)
    assert takeover_lots(limited, 200, 11, 10, 1, FLAT_TIERS) == 90
    assert takeover_lots(limited, 80, 11, 10, 1, FLAT_TIERS) == 80
    assert takeover_lots(replace(limited, notional_limit_units=500), 200, 11, 10, 1, FLAT_TIERS) == 50
    assert takeover_lots(replace(limited, other_notional_units=780), 200, 11, 10, 1, FLAT_TIERS) == 20


def test_lots_against_what_is_held_are_within_any_limit_until_they_turn_it_round():
    """Short 100, limit 500 of notional at 10: 100 lots reduce, 50 more stand on the other side."""
    short = replace(PLAIN, lots=-100, notional_limit_units=500)
    assert takeover_lots(short, 400, 10, 10, 1, FLAT_TIERS) == 150
    assert takeover_lots(short, 30, 10, 10, 1, FLAT_TIERS) == 30  # still 700 held: less than before
    assert takeover_lots(short, -30, 10, 10, 1, FLAT_TIERS) == 0


def test_the_draw_room_and_the_maintenance_of_what_is_held_bind():
    assert takeover_lots(replace(PLAIN, draw_room_units=59), 200, 12, 10, 1, FLAT_TIERS) == 29
    heavy = (tier(500_000),)  # each lot ties up 5 and costs 1: 1,000 / 6
    assert takeover_lots(PLAIN, 400, 11, 10, 1, heavy) == 166
    assert takeover_lots(replace(PLAIN, open_loss_units=400), 400, 11, 10, 1, heavy) == 100


def test_a_holder_of_any_size_is_solved_and_not_scanned():
    huge = replace(PLAIN, balance_units=10**30, draw_room_units=10**30, notional_limit_ppm=MILLION)
    assert takeover_lots(huge, 10**28, 11, 10, 1, FLAT_TIERS) == 10**28
    assert takeover_lots(huge, 10**30, 11, 10, 1, FLAT_TIERS) == 10**30 // 11


# --- selling and booking ----------------------------------------------------------------------------------------------


@given(st.integers(-(10**6), 10**6), st.integers(1, MILLION))
def test_what_is_held_is_sold_in_steps_until_nothing_is_left(held, ppm):
    lots = unwind_lots(held, ppm)
    assert lots == ceil(abs(held) * Fraction(ppm, MILLION))
    assert 0 < lots <= abs(held) if held else lots == 0


@pytest.mark.parametrize(
    ("realised", "gain", "loss", "uncovered"),
    [(70, 70, 0, 0), (0, 0, 0, 0), (-70, 0, 70, 0), (-100, 0, 100, 0), (-130, 0, 100, 30)],
)
def test_an_inventory_loss_takes_the_balance_to_zero_and_no_further(realised, gain, loss, uncovered):
    booked = inventory_result(realised, 100)
    assert (booked.gain, booked.loss, booked.uncovered) == (gain, loss, uncovered)


@given(st.integers(-(10**30), 10**30), st.integers(0, 10**30))
def test_I1_an_inventory_result_is_booked_whole(realised, balance):
    booked = inventory_result(realised, balance)
    assert booked.gain - booked.loss - booked.uncovered == realised
    assert min(booked.gain, booked.loss, booked.uncovered) >= 0
    assert booked.loss <= balance and (not booked.uncovered or booked.loss == balance)
