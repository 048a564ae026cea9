"""Limits of layers over time: worked cases of venues, small enough to be followed by hand."""

import pytest

from seawall.amounts import Units
from seawall.fund.decide import exhausted
from seawall.fund.journal import replay, state_digest
from seawall.fund.messages import Inventory, Measure, Refused
from seawall.fund.standing import overdue
from tests.generators import DesignSpec, LayerSpec, MarketSpec, batch, inflow, shortfall

HOUR = 3_600_000
MARKETS = (MarketSpec("BTC"), MarketSpec("ETH"))


def fund(*layers, markets=MARKETS, policy="adl", **spec):
    return DesignSpec(layers=layers, markets=markets, policy=policy, **spec).journal()


def layer(balance=1000, kind="shared_fund", name="fund", **extra):
    window = extra.pop("window_ms", None)
    return LayerSpec(name, kind, balance, window_ms=window, extra=extra)


def ask(journal, now, *deficits):
    """Draw a batch; returns [(layer, amount, bound)] of its draws."""
    name = f"b{journal.state.last_seq}"
    (event, *_) = journal.submit(batch(name, *deficits), now)
    assert state_digest(replay(journal.lines)) == state_digest(journal.state)
    return [(draw.layer, int(draw.amount), draw.bound_by) for draw in event.draws]


def owe(journal, now, amount, losses=None, account="acct", owner=""):
    return ask(journal, now, shortfall(f"d{journal.state.last_seq}", amount, losses, account, owner))


def test_a_block_limit_counts_one_time_and_is_whole_again_at_the_next():
    """dYdX: the fund loses at most 1 M USDC a block."""
    journal = fund(layer(5_000_000, block_limit="1000000"))
    assert owe(journal, 7, 600_000) == [("fund", 600_000, "")]
    assert owe(journal, 7, 600_000) == [("fund", 400_000, "block_limit")]
    assert owe(journal, 8, 600_000) == [("fund", 600_000, "")]


def test_limits_of_an_account_and_of_an_owner_in_a_window_at_a_time_and_for_ever():
    journal = fund(layer(account_limit="10", account_limit_ms=100, owner_limit="15"))
    assert owe(journal, 0, 8, account="a", owner="o") == [("fund", 8, "")]
    assert owe(journal, 99, 8, account="a", owner="o") == [("fund", 2, "account_limit")]
    assert owe(journal, 100, 8, account="a", owner="o") == [("fund", 5, "owner_limit")]  # the 8 of 0 count no more
    assert owe(journal, 10**9, 8, account="c", owner="o") == [("fund", 0, "owner_limit")]
    journal = fund(layer(account_limit="10", account_limit_ms=0))
    assert [owe(journal, t, 9)[0][1] for t in (5, 5, 6)] == [9, 1, 9]


def test_a_markets_limit_is_charged_with_what_was_drawn_for_it():
    journal = fund(layer(market_limit="10", market_limit_ms=50))
    assert owe(journal, 0, 12, {"BTC": 1, "ETH": 1}) == [("fund", 12, "")]
    assert owe(journal, 1, 12, {"BTC": 1, "ETH": 1}) == [("fund", 8, "market_limit")]
    assert owe(journal, 2, 12) == [("fund", 12, "")]  # attributed to none
    assert owe(journal, 50, 12, {"BTC": 1}) == [("fund", 6, "market_limit")]  # of 0 nothing counts, of 1 there are 4


def test_drift_a_tier_is_for_life_and_the_bucket_does_not_count():
    tier = (MarketSpec("BTC", extra={"cover_limit": "100"}), MarketSpec("ETH"))
    bucket = LayerSpec("bucket", "market_bucket", 50, market="BTC")
    journal = fund(bucket, layer(1000), layer(1000, "tranche", "stake"), markets=tier)
    assert owe(journal, 0, 120, {"BTC": 1}) == [("bucket", 50, "capacity"), ("fund", 70, "")]
    assert owe(journal, 10**12, 60, {"BTC": 1})[1:] == [("fund", 30, "market_limit"), ("stake", 0, "market_limit")]
    assert owe(journal, 10**12, 60, {"ETH": 1}) == [("fund", 60, "")]


def test_okx_nothing_is_drawn_30_percent_below_the_8_hour_peak():
    journal = fund(layer(1000, drawdown_ppm=300_000, drawdown_window_ms=8 * HOUR))
    assert owe(journal, 1, 250) == [("fund", 250, "")]
    assert owe(journal, HOUR, 100) == [("fund", 50, "drawdown")]
    assert owe(journal, 8 * HOUR, 100) == [("fund", 0, "drawdown")]  # the peak was left at 1
    assert owe(journal, 8 * HOUR + 1, 100) == [("fund", 100, "")]  # now it is 750: to 525
    assert journal.state.layers["fund"].balance == 600


def test_once_shut_a_layer_stays_shut_until_it_is_back_within_reset():
    journal = fund(layer(1000, drawdown_ppm=300_000, drawdown_reset_ppm=250_000, drawdown_window_ms=100))
    (event,) = journal.submit(batch("b", shortfall("d", 400)), 0)
    assert [(status.what, status.on) for status in event.status] == [("shut", True)]
    journal.submit(inflow("i", 40, "top_up"), 1)
    assert owe(journal, 2, 10) == [("fund", 0, "drawdown")]  # at -26 %
    (event,) = journal.submit(inflow("j", 11, "top_up"), 3)
    assert [(status.what, status.on) for status in event.status] == [("shut", False)]
    assert owe(journal, 4, 10) == [("fund", 10, "")]  # at -24.9 %
    journal = fund(layer(1000, drawdown_ppm=300_000, drawdown_reset_ppm=250_000, drawdown_window_ms=100))
    owe(journal, 0, 400)
    assert owe(journal, 99, 5) == [("fund", 0, "drawdown")]
    assert owe(journal, 100, 5) == [("fund", 5, "")]  # time alone let the peak go: its window is half-open


def test_bybit_one_symbol_is_shut_by_its_own_result_over_the_pools_peak():
    """r = (symbol's result - its 8 h maximum) / pool's 8 h maximum; shut from -30 %, the other symbol is not."""
    bybit = {"drawdown_ppm": 300_000, "drawdown_reset_ppm": 250_000, "drawdown_window_ms": 8 * HOUR}
    journal = fund(layer(1000, drawdown_of="market", drawdown_floor="100", **bybit))
    journal.submit(inflow("fills", 50, "residual", "BTC"), 1)  # the symbol's maximum is 50, the pool's is 1,050
    assert owe(journal, 2, 400, {"BTC": 1}) == [("fund", 315, "drawdown")]  # 30 % of 1,050 below 50
    assert owe(journal, 3, 400, {"ETH": 1}) == [("fund", 315, "drawdown")]
    journal.submit(inflow("better", 40, "residual", "BTC"), 4)
    assert owe(journal, 5, 10, {"BTC": 1}) == [("fund", 0, "drawdown")]  # r is -26 %: still shut
    journal.submit(inflow("still_better", 13, "residual", "BTC"), 6)
    assert owe(journal, 7, 10, {"BTC": 1}) == [("fund", 10, "")]
    poor = fund(layer(90, drawdown_of="market", drawdown_floor="100", **bybit))
    assert owe(poor, 1, 400, {"BTC": 1}) == [("fund", 90, "capacity")]  # below the threshold it is not in force


def test_vertex_what_came_in_at_the_same_time_is_not_for_its_own_event():
    journal = fund(layer(10, own_credits="later"))
    journal.submit(inflow("fee", 30), 5)
    assert owe(journal, 5, 25) == [("fund", 10, "own_credits")]
    assert owe(journal, 6, 25) == [("fund", 25, "")]


def test_umbrella_the_offset_is_used_up_by_deficits_that_reached_it():
    journal = fund(layer(1000, "tranche", "stake", offset="100"))
    assert owe(journal, 0, 60) == [("stake", 0, "offset")]
    assert owe(journal, 1, 60) == [("stake", 20, "offset")]
    assert owe(journal, 2, 60) == [("stake", 60, "")]


def test_positions_held_tie_up_what_they_need():
    """Available = cash - inventory maintenance - open inventory loss (SPEC 4.7)."""
    journal = fund(layer(100))
    held = Inventory(id="held", layer="fund", maintenance=Units(30), open_loss=Units(25), notional=Units(900))
    journal.submit(held, 1)
    assert owe(journal, 1, 60) == [("fund", 45, "notional")]
    journal.submit(Inventory(id="flat", layer="fund", maintenance=Units(0), open_loss=Units(0)), 2)
    assert owe(journal, 2, 60) == [("fund", 55, "capacity")]


def test_a_part_of_the_balance_limits_an_event_and_is_read_when_the_batch_arrives():
    journal = fund(layer(101, event_limit_ppm=333_333))
    rows = ask(journal, 0, shortfall("d1", 40), shortfall("d2", 40))
    assert rows == [("fund", 33, "event_limit"), ("fund", 33, "event_limit")]


def test_cme_assessments_are_275_percent_a_default_and_550_percent_of_several():
    """Of a guaranty fund of 1,000: 2,750 for one default, 5,500 within the period, called when they are drawn."""
    calls = {"multiple_of": "fund", "event_multiple_ppm": 2_750_000, "window_multiple_ppm": 5_500_000}
    assessment = LayerSpec("calls", "assessment", 0, window_ms=100, extra={"commitment": "99999", **calls})
    journal = fund(layer(1000, "guaranty_fund"), assessment)
    assert owe(journal, 0, 4000) == [("fund", 1000, "capacity"), ("calls", 2750, "event_limit")]
    assert owe(journal, 1, 4000) == [("fund", 0, "capacity"), ("calls", 2750, "event_limit")]
    assert owe(journal, 2, 4000) == [("fund", 0, "capacity"), ("calls", 0, "window_limit")]
    state = journal.state
    assert state.totals.called == 5500 and state.layers["calls"].commitment == 99999 - 5500
    assert state.layers_units == 0 and state.layers["calls"].balance == 0
    assert owe(journal, 100, 4000)[1] == ("calls", 2750, "event_limit")  # the first call has left the period


def test_eurex_members_and_the_house_are_assessed_in_proportion():
    """Assessments of 600 pro rata with the CCP's 300: of 90 the members bear 60."""
    members = LayerSpec("members", "assessment", 0, extra={"commitment": "600", "rank": 1})
    house = LayerSpec("house", "backstop", 0, extra={"commitment": "300", "rank": 1})
    journal = fund(members, house)
    assert owe(journal, 0, 90) == [("members", 60, ""), ("house", 30, "")]
    assert owe(journal, 0, 900) == [("members", 540, "capacity"), ("house", 270, "capacity")]


def test_perp_v2_a_liquidation_waits_until_the_fund_can_pay_it_whole():
    journal = fund(layer(50, draw_mode="block"))
    command = batch("b", shortfall("big", 60))
    answer = journal.submit(command, 0)
    assert isinstance(answer, Refused) and (answer.code, answer.field) == ("state", "deficits[0]")
    assert "waits" in answer.reason and journal.state.last_seq == 1
    (event,) = journal.submit(batch("c", shortfall("big", 60), shortfall("small", 50)), 1)
    assert event.waiting == ("big",) and not event.severity and exhausted(event, "c") is None
    assert journal.state.totals.deficits == 50 and "big" not in journal.state.deficits
    journal.submit(inflow("i", 60, "top_up"), 2)
    assert isinstance(journal.submit(command, 3), tuple)  # neither id was used up
    assert journal.state.layers["fund"].balance == 0


@pytest.mark.parametrize(("now", "late"), [(11, ()), (12, ("fund",))])
def test_rts_a_layer_is_overdue_when_it_was_below_its_target_for_too_long(now, late):
    journal = fund(LayerSpec("fund", "shared_fund", 100, target=100, extra={"refill_ms": 10}))
    assert overdue(journal.state, 10**9) == ()
    owe(journal, 1, 40)
    owe(journal, 5, 1)  # the time counts from the first
    assert overdue(journal.state, now) == late
    journal.submit(inflow("i", 41, "top_up"), 20)
    assert overdue(journal.state, 10**9) == ()


def test_a_layer_that_begins_below_its_target_is_overdue_from_the_beginning():
    journal = fund(LayerSpec("fund", "shared_fund", 9, target=10, extra={"refill_ms": 10}))
    assert overdue(journal.state, 11) == ("fund",)
    assert overdue(replay(journal.lines), 11) == ("fund",)


def test_a_target_that_follows_a_measure_is_without_end_until_there_is_one():
    journal = fund(layer(0, target_of="cover_2", target_ppm=333_333, refill_ms=5))
    (event,) = journal.submit(inflow("i", 10), 0)
    assert [(row.layer, row.amount) for row in event.credits] == [("fund", 10)] and not event.paid_out
    (event,) = journal.submit(Measure(id="m", name="cover_2", amount=Units(100)), 1)
    assert [(status.what, status.on) for status in event.status] == [("below_target", True)]
    (event,) = journal.submit(inflow("j", 30), 2)
    assert [(row.layer, row.amount) for row in event.credits] == [("fund", 24)]  # ceil(100 x 0.333333) = 34
    assert sum(row.amount for row in event.paid_out) == 6
    journal.submit(Measure(id="none", name="cover_2", amount=Units(0)), 3)
    (event,) = journal.submit(inflow("k", 5), 4)
    assert not event.credits and sum(row.amount for row in event.paid_out) == 5  # a measure of 0 is a target of 0


def test_open_interest_of_a_bucket_is_that_of_its_markets():
    bucket = LayerSpec(
        "b", "market_bucket", 0, extra={"markets": ["BTC", "ETH"], "target_of": "open_interest", "target_ppm": 100_000}
    )
    journal = fund(bucket, layer(0))
    for name, amount in (("open_interest", 9000), ("open_interest.BTC", 300), ("open_interest.ETH", 201)):
        journal.submit(Measure(id=name, name=name, amount=Units(amount)), 0)
    (event,) = journal.submit(inflow("i", 100, "surcharge", "ETH"), 1)
    assert [(row.layer, int(row.amount)) for row in event.credits] == [("b", 51), ("fund", 49)]
