"""Invariants of ended positions, withdrawals, recourse and production queues: an event is forged for each check."""

import pytest
from msgspec.structs import replace

from seawall.amounts import Units
from seawall.fund.apply import BrokenLog, Stamp
from seawall.fund.invariants import InvariantBroken
from seawall.venue.apply import apply
from seawall.venue.invariants import check
from seawall.venue_events import (
    CashRow,
    Deposited,
    EndedMarket,
    EndedRow,
    FundingPaid,
    FundingRow,
    GainsTaken,
    HaircutTaken,
    MarketSettled,
    MoneyRow,
    PositionsTornUp,
    RateRow,
    RecourseRow,
    RecourseTaken,
    TornRow,
    WithdrawalRow,
    Withdrawn,
)
from tests.venue.test_invariants import broken, deleveraged, venue

# The venue of test_invariants: at 100 `long` is worth 50, `short` 50 + 100; the outside book is short 2.


def sound(event, state=None):
    state = state or venue()
    stamp = Stamp(state.last_seq + 1, 1000, "sound")
    apply(state, stamp, event)
    check(state, stamp, event)
    return state


ENDED = (
    EndedRow("long", "BTC", 10, Units(1000), Units(0)),
    EndedRow("short", "BTC", -8, Units(-800), Units(100)),
)
MARKET = EndedMarket("BTC", 100, -2, Units(-200))


def torn(severity=5, haircut=5, gains=100, equity=150, cash=None, positions=ENDED, market=MARKET):
    """All ends at 100; `short` gained 100 and pays 5; `long` owed 5, which the fund booked."""
    after = 150 - haircut if cash is None else cash
    return PositionsTornUp(
        1, 1, "b", Units(severity), (market,), positions,
        (TornRow("short", "short", Units(gains), Units(equity), Units(haircut)),),
        (CashRow("long", Units(50 + 5)), CashRow("short", Units(after))), "",
    )  # fmt: skip


def test_the_sound_forms_of_the_forgeries_pass():
    assert sound(torn(), venue(5)).booked == 0
    assert sound(settled()).settled == {0}
    assert sound(withdrawn()).money_out == 40
    assert sound(recourse()).cash.tolist() == [60, 40]
    assert sound(Deposited("d", "long", Units(7), Units(57))).money_in == 7
    assert sound(cash_haircut(), venue(5)).booked == 0
    assert sound(funded()).outside_cash == 2
    production = replace(deleveraged(5, 5, 5, 5, profit=3), production=True, haircuts=beyond(2))
    sound(production, venue(5))


def settled(**changes):
    event = MarketSettled(1, 0, MARKET, ENDED, (CashRow("long", Units(50)), CashRow("short", Units(150))))
    return replace(event, **changes)


def withdrawn(paid=40, borne=0, asked=40, haircut=10, equity=150, margin=40, after=None):
    row = WithdrawalRow(
        "w", "short", "short", Units(asked), Units(paid), Units(haircut), Units(borne), Units(equity), Units(margin),
        Units(50 - paid - borne if after is None else after),
    )  # fmt: skip
    return Withdrawn((row,), Units(10), Units(0))


def recourse(amount=10, room=10):
    return RecourseTaken(
        1, 1, (RecourseRow("long", "o", "short", Units(room), Units(amount), Units(50 + amount), Units(50 - amount)),)
    )


def cash_haircut(amount=5, part=100, equity=150):
    row = MoneyRow("short", "short", "", Units(part), Units(equity), Units(amount), Units(0), Units(50 - amount))
    return HaircutTaken(1, 1, "b", "socialised_loss", Units(5), Units(100), (row,), "equity")


def funded(outside=2):
    return FundingPaid(
        2, (RateRow("BTC", 10**10, Units(10), Units(2)),),
        (FundingRow("long", "BTC", Units(-10)), FundingRow("short", "BTC", Units(8))),
        (CashRow("long", Units(40)), CashRow("short", Units(58))), Units(outside),
    )  # fmt: skip


def beyond(units):
    (row,) = deleveraged(5, 5, 5, 5, profit=3).haircuts
    return (replace(row, beyond_profit=Units(units)),)


def test_I1_a_tear_up_that_pays_more_than_it_takes():
    broken(torn(cash=146), "I1 .*money in the venue", venue(5))


def test_I11_a_tear_up_that_forgets_a_position():
    half = (ENDED[1], EndedRow("long", "BTC", 8, Units(800), Units(0)))
    broken(torn(positions=half[:1], market=MARKET), "I11 .*sum to 10", venue(5))


def test_I11_a_market_that_ended_is_empty():
    state = venue()
    state.lots[0] = [1, 0]
    state.outside_lots = [-1]
    stamp = Stamp(state.last_seq + 1, 1000, "forged")
    with pytest.raises(InvariantBroken, match=r"^I11 .*positions of BTC are left after it ended"):
        check(state, stamp, settled())


def test_I10_a_tear_up_beyond_its_severity():
    broken(torn(severity=4), "I10 .*haircuts exceed severity 4", venue(5))


@pytest.mark.parametrize(("gains", "equity"), [(4, 150), (100, 4), (-1, 150)])
def test_I6_a_tear_up_above_gains_or_equity(gains, equity):
    broken(torn(gains=gains, equity=equity), "I6 .*haircut 5 of short", venue(5))


def test_I1_a_settlement_at_two_prices():
    other = EndedMarket("BTC", 100, -2, Units(-190))
    broken(settled(market=other), "I1 .*money in the venue 10")


@pytest.mark.parametrize("changes", [{"paid": 41}, {"margin": 101}, {"haircut": 71}, {"equity": 89}, {"borne": -1}])
def test_I6_a_withdrawal_of_what_backs_positions_or_open_losses(changes):
    broken(withdrawn(**changes), "I6 .*w: .* of 40, free")


def test_I6_what_is_given_up_is_part_of_the_claim():
    broken(withdrawn(paid=35, borne=6), "I6 .*w: 35 paid and 6 given up of 40")


def test_I1_a_withdrawal_that_cash_does_not_show():
    broken(withdrawn(after=11), "I1 .*money in the venue 1")


def test_I1_a_deposit_that_is_not_all_credited():
    broken(Deposited("d", "long", Units(7), Units(56)), "I1 .*money in the venue -1")


@pytest.mark.parametrize("amount", [11, -1])
def test_I6_recourse_beyond_the_room(amount):
    broken(recourse(amount=amount), f"I6 .*recourse takes {amount} of short")


def test_I1_funding_that_nobody_received():
    broken(funded(outside=1), "I1 .*money in the venue -1")


@pytest.mark.parametrize(("part", "equity"), [(4, 150), (100, 4)])
def test_I6_cash_beyond_the_base_or_the_equity(part, equity):
    broken(cash_haircut(part=part, equity=equity), "I6 .*haircut 5 of short", venue(5))


def test_I6_gains_beyond_what_was_gained():
    row = MoneyRow("short", "short", "BTC", Units(4), Units(150), Units(5), Units(-895))
    event = GainsTaken(1, 1, "b", 1, Units(5), Units(4), (row,), (), "paid", "")
    broken(event, "I6 .*haircut 5 of short", venue(5))


def test_I6_beyond_profit_is_flagged_exactly_and_only_of_production():
    event = deleveraged(5, 5, 5, 5, profit=3)
    broken(replace(event, production=True), "I6 .*haircut 5 of short: profit 3", venue(5))
    broken(replace(event, haircuts=beyond(2)), "I6 .*haircut 5 of short: profit 3", venue(5))
    broken(replace(event, production=True, haircuts=beyond(3)), "I6 .*haircut 5 of short: profit 3", venue(5))


def test_an_event_out_of_order_is_refused_whatever_it_is():
    state = venue()
    with pytest.raises(BrokenLog):
        apply(state, Stamp(state.last_seq, 1000, "x"), recourse())
