"""Invariants of the venue: an event is forged for each check, fits everything else, and must be refused."""

import pytest

from seawall.amounts import Units
from seawall.fund.apply import BrokenLog, Stamp
from seawall.fund.invariants import InvariantBroken
from seawall.venue.apply import apply
from seawall.venue.invariants import check, check_door, equity_units
from seawall.venue_events import (
    BookRow,
    CashRow,
    ClosingRow,
    CoverRow,
    DeficitsCovered,
    Deleveraged,
    FillRow,
    HaircutRow,
    HaircutTaken,
    Marked,
    MarkRow,
    MoneyRow,
    PositionRow,
    RoundFilled,
    VenueEvent,
)
from tests.generators import DesignSpec, LayerSpec, Story, inflow, play

STORY = Story(
    DesignSpec(layers=(LayerSpec("shared", "shared_fund", 100),)),
    {
        "long": ("long", 50, ((0, 10, 1000),)),
        "short": ("short", 50, ((0, -8, -900),)),
    },
    {("BTC", "bids"): ((1, 100),), ("BTC", "asks"): ((1, 100),)},
    ({"BTC": 100},),
)
"""At 100: long is worth 50, short 50 + 100; the outside book is short 2."""


def venue(booked=0):
    """A venue of the story; `booked` severity waits to be paid, as after a deficit of the long account."""
    state = play(STORY).venue.state
    if booked:
        event = DeficitsCovered(1, 1, "b", (CoverRow("long", "d", Units(0), Units(booked), Units(50 + booked)),))
        apply(state, Stamp(state.last_seq + 1, 1000, "sound"), event)
        check(state, Stamp(state.last_seq, 1000, "sound"), event)
    return state


def broken(event: VenueEvent, why: str, state=None) -> None:
    """Apply a forged event as the next one and want the invariant named with the event."""
    state = state or venue()
    stamp = Stamp(state.last_seq + 1, 1000, "forged")
    apply(state, stamp, event)
    with pytest.raises(InvariantBroken, match=f"^{why}") as caught:
        check(state, stamp, event)
    assert f"venue event {stamp.seq} (forged)" in str(caught.value)


def filled(fills=(), book=(), cash=()) -> RoundFilled:
    rows = {"fills": tuple(fills), "book": tuple(book), "cash": tuple(CashRow(n, Units(c)) for n, c in cash)}
    return RoundFilled(step=1, round=1, triggered=(), reserved=(), **rows)


def sale(lots_after=9, cost_after=900, surcharge=0) -> FillRow:
    """One lot of `long` sold at 99."""
    return FillRow("long", "BTC", 95, 0, -1, Units(-99), Units(-1), Units(surcharge), lots_after, Units(cost_after))


def bought(lots_after=-1, cash_after=-99) -> BookRow:
    return BookRow("BTC", "bids", 1, Units(99), 99, 1, (1,), lots_after, Units(cash_after))


def deleveraged(severity, gap, taken, haircut, profit=100, equity=150, booked=None) -> Deleveraged:
    """One lot of `long` closed against `short` at 105: 5 a lot; both sides as they would be after it, money as said."""
    return Deleveraged(
        step=1,
        round=1,
        batch="b",
        severity=Units(severity),
        closings=(ClosingRow("long", "BTC", 1, 105, Units(gap)),),
        haircuts=(
            HaircutRow(
                "short", "short", "BTC", 1, Units(105), Units(profit), Units(equity), Units(taken), Units(haircut)
            ),
        ),
        positions=(
            PositionRow("long", "BTC", 9, Units(900), Units(5)),
            PositionRow("short", "BTC", -7, Units(-788), Units(7)),
        ),
        # long gains 105 - 100 and gives the gap; short gains 112 - 105 and gets back what the haircut does not keep
        cash=(
            CashRow("long", Units(50 + (booked or severity) + 5 - gap)),
            CashRow("short", Units(50 + 7 + gap - haircut)),
        ),
    )


def taken(severity, *rows) -> HaircutTaken:
    cost, made = -900, []
    for amount, profit, equity in rows:
        cost += amount
        made.append(MoneyRow("short", "short", "BTC", Units(profit), Units(equity), Units(amount), Units(cost)))
    return HaircutTaken(1, 1, "b", "socialised_loss", Units(severity), Units(100), tuple(made))


def test_the_sound_forms_of_the_forgeries_pass():
    state = venue()
    for number, event in enumerate((filled([sale()], [bought()], [("long", 49)]),), start=1):
        stamp = Stamp(state.last_seq + 1, 1000, f"sound.{number}")
        apply(state, stamp, event)
        check(state, stamp, event)
    for event in (deleveraged(5, 5, 5, 5), deleveraged(3, 5, 5, 3), taken(5, (2, 100, 150), (3, 98, 148))):
        state = venue(5 if event != deleveraged(3, 5, 5, 3) else 3)
        stamp = Stamp(state.last_seq + 1, 1000, "sound")
        apply(state, stamp, event)
        check(state, stamp, event)


def test_I11_a_fill_without_a_counterparty():
    broken(filled([sale()], [], [("long", 148)]), "I11 .*sum to -1")


def test_I11_a_book_that_took_more_than_was_sold():
    broken(filled([sale()], [bought(lots_after=0)], [("long", 49)]), "I11 .*sum to 1")


def test_I1_a_fill_at_two_prices():
    """The seller got 99 and the outside book paid 98."""
    broken(filled([sale()], [bought(cash_after=-98)], [("long", 49)]), "I1 .*money in the venue 1 != 0")


def test_I1_a_surcharge_that_nobody_paid():
    broken(filled([sale(surcharge=3)], [bought()], [("long", 49)]), "I1 .*money in the venue 3 != 0")


def test_I1_a_negative_surcharge():
    broken(filled([sale(surcharge=-3)], [bought()], [("long", 52)]), "I1 .*surcharge -3 of long")


def test_I1_an_account_written_to_zero_without_a_counterpart():
    broken(
        DeficitsCovered(1, 1, "b", (CoverRow("long", "d", Units(0), Units(0), Units(60)),)), "I1 .*money in the venue"
    )


def test_I1_a_position_whose_cost_was_changed():
    broken(filled([sale(cost_after=901)], [bought()], [("long", 49)]), "I1 .*money in the venue -1 != 0")


def test_I10_haircuts_beyond_the_booked_severity():
    broken(taken(6, (6, 100, 150)), "I10 .*haircuts exceed booked severity by 1", venue(5))


def test_I10_deleveraging_beyond_the_severity():
    broken(deleveraged(5, 6, 6, 6, booked=6), "I10 .*haircuts 6 exceed severity 5", venue(6))


def test_I10_takings_that_do_not_add_up_to_what_the_closings_cost():
    broken(deleveraged(5, 5, 6, 5), "I10 .*does not add up", venue(5))


def test_I6_a_haircut_above_what_was_taken():
    broken(deleveraged(6, 5, 5, 6), "I6 .*haircut 6 of short outside 0 to 5", venue(6))


def test_I6_a_negative_haircut():
    broken(deleveraged(5, 5, 5, -1), "I6 .*haircut -1 of short", venue(5))


@pytest.mark.parametrize(("profit", "equity"), [(4, 150), (100, 4), (-3, 150), (100, -3)])
def test_I6_a_deleveraging_above_profit_or_equity(profit, equity):
    broken(deleveraged(5, 5, 5, 5, profit, equity), "I6 .*haircut 5 of short: profit", venue(5))


@pytest.mark.parametrize("rows", [[(5, 4, 150)], [(5, 100, 4)], [(5, -1, 150)], [(2, 100, 4), (3, 98, 4)]])
def test_I6_money_above_profit_or_equity_even_in_parts(rows):
    broken(taken(5, *rows), "I6 .*of short: profit", venue(5))


def test_I10_money_beyond_the_severity_of_its_event():
    broken(taken(4, (5, 100, 150)), "I10 .*haircuts exceed severity 4", venue(5))


def test_equity_does_not_depend_on_marks():
    """Positions sum to zero, so at any price everything is worth the same."""
    state = venue()
    for ticks in (1, 100, 10**9):
        state.ticks = [ticks]
        assert equity_units(state) == 0


def test_an_event_out_of_number_or_time_is_refused():
    state = venue()
    event = Marked(2, 0, (MarkRow("BTC", 99, 99, 2000, ""),), ())
    for stamp in (
        Stamp(state.last_seq, 2000, "x"),
        Stamp(state.last_seq + 2, 2000, "x"),
        Stamp(state.last_seq + 1, 999, "x"),
    ):
        with pytest.raises(BrokenLog, match=f"event {stamp.seq} at {stamp.t_ms}"):
            apply(state, stamp, event)
    assert state.ticks == [100]


# --- the door -----------------------------------------------------------------------------------------------------


def test_the_door_is_sound_after_a_story():
    played = play(STORY)
    check_door(played.venue.state, played.journal.state, 100)


@pytest.mark.parametrize(
    ("field", "why"),
    [("to_fund", "the venue posted 1, the fund took 0"), ("from_fund", "drawn 0, received 1"), ("booked", "booked 1")],
)
def test_I1_both_machines_must_tell_the_same_story(field, why):
    played = play(STORY)
    setattr(played.venue.state, field, 1)
    with pytest.raises(InvariantBroken, match=f"I1 .*{why}"):
        check_door(played.venue.state, played.journal.state, 100)


def test_I1_money_that_reached_the_fund_from_nowhere():
    played = play(STORY)
    played.journal.submit(inflow("gift", 7, "top_up"), 5000)
    with pytest.raises(InvariantBroken, match="the venue posted 0, the fund took 7"):
        check_door(played.venue.state, played.journal.state, 100)


def test_I1_both_machines_together_hold_what_they_began_with():
    played = play(STORY)
    played.venue.state.cash[0] += 1
    with pytest.raises(InvariantBroken, match="venue and fund hold 101"):
        check_door(played.venue.state, played.journal.state, 100)
