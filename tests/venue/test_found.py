"""What the tests of the venue found: each once failed, by a minimal example."""

from dataclasses import replace

import pytest

from seawall.design.loader import parse_design
from seawall.fund.codec import CorruptLog
from seawall.fund.journal import Journal
from seawall.venue.machine import Venue, World
from tests.generators import DesignSpec, LayerSpec, MarketSpec, Story, TierSpec, inflow, play
from tests.venue.second_book import follow
from tests.venue.test_log import LINES, again, flipped
from tests.venue.test_worked import account, cash, long, short, story


def test_regression_fees_of_a_liquidation_are_routed_when_the_account_is_healthy_again():
    """SPEC 4.6: fees of one liquidation, *trigger to healthy or flat*, stay pending, then the rest is routed.

    `a` sells half at 80 with a surcharge of 4 and is healthy at 120: its liquidation is over, the 4 are the fund's.
    """
    played = play(
        story(
            {"a": account(230, long(10, 100)), "b": account(1_000, short(10, 100))},
            [80, 120],
            bids=[(1, 5)],
            surcharge_ppm=10_000,
        )
    )
    book = follow(played)
    assert book.step == 2 and not book.liquidatable("a")
    assert played.journal.state.layers["shared"].balance == 4
    assert played.venue.state.pending_fees_units == 0


def test_regression_what_a_winner_loses_is_what_is_recorded_of_it():
    """Two bankrupt shorts close at 99 and 98 against two longs of one lot each, mark 100: 3 are lost, 2 and 1.

    Whoever sells at 99 loses 1, whoever sells at 98 loses 2; taken and haircut must say so.
    """
    spec = DesignSpec(
        markets=(MarketSpec("BTC", 1, (TierSpec(1),)),),
        layers=(LayerSpec("shared", "shared_fund", 0),),
        policy="adl",
        eligible="capped_at_mark",
        ranking="pro_rata_lots",
    )
    accounts = {
        "s1": ("s1", -101, ((0, -1, -200),)),
        "s2": ("s2", -102, ((0, -1, -200),)),
        "w1": ("w1", 1000, ((0, 1, 90),)),
        "w2": ("w2", 1000, ((0, 1, 90),)),
    }
    played = play(Story(spec, accounts, {("BTC", "asks"): ((50, 2),)}, ({"BTC": 100},)))
    for row in played.data("deleveraged")[0]["haircuts"]:
        assert int(row["taken"]) == 100 - int(row["amount"])
        assert cash(played, row["account"]) == 1010 - int(row["haircut"])


def test_regression_nobody_who_was_liquidated_in_the_round_pays_for_it():
    """`a` crosses 5 of its 10 lots with the bankrupt `b` and is safe again with the rest: it pays nothing (13.7)."""
    played = play(
        story(
            {"a": account(200, long(10, 95)), "b": account(0, short(5, 90)), "w": account(900, long(5, 90))},
            [100],
            markets=(MarketSpec("BTC", 1, (TierSpec(400_000),)),),
            policy="socialised_loss",
        )
    )
    assert [row["account"] for row in played.data("round_filled")[0]["triggered"]] == ["a", "b"]
    assert [row["account"] for row in played.data("haircut_taken")[0]["rows"]] == ["w"]


def test_regression_I6_deleveraging_and_money_of_one_round_together_leave_a_winner_its_loss():
    """`w` has 10 of profit on 10 lots. One lot closed at a gap of 8 takes 8 of it; money may take 2 more, not 9."""
    spec = DesignSpec(
        markets=(MarketSpec("BTC", 1, (TierSpec(400_000),)),),
        layers=(LayerSpec("shared", "shared_fund", 0),),
        policy="adl",
        eligible="capped_at_mark",
    )
    accounts = {
        "a": ("a", 0, ((0, 1, 108),)),
        "b": ("b", 0, ((0, 1, 70),)),
        "c": ("c", 0, ((0, 1, 108),)),
        "w": ("w", 1000, ((0, -10, -1010),)),
    }
    played = play(Story(spec, accounts, {("BTC", "bids"): ((50, 1),)}, ({"BTC": 100},)))
    paid = sum(int(row["haircut"]) for data in played.data("deleveraged") for row in data["haircuts"])
    paid += sum(int(row["amount"]) for data in played.data("haircut_taken") for row in data["rows"])
    assert paid <= 10


def test_regression_a_tier_beyond_64_bits_does_not_stop_a_small_book():
    """An asset of many decimals: the second tier begins at 10^21 units, the book holds 10."""
    tiers = (TierSpec(50_000, 10**21), TierSpec(100_000, None, 5 * 10**19))
    spec = DesignSpec(markets=(MarketSpec("BTC", 1, tiers),))
    played = play(Story(spec, {"a": ("a", 10, ((0, 1, 5),))}, {}, ({"BTC": 5},)))
    assert cash(played, "a") == 10


def test_regression_a_market_that_nobody_holds_does_not_overflow():
    """One lot and tick are 10^18 units: 500 ticks are beyond 64 bits, though nobody has a lot."""
    spec = DesignSpec(markets=(MarketSpec("BTC", 10**18),))
    played = play(Story(spec, {"a": ("a", 10, ())}, {}, ({"BTC": 500},)))
    assert played.data("marked")[0]["marks"][0]["ticks"] == 500


def test_regression_ids_that_a_fund_has_seen_do_not_stop_the_venue():
    """Somebody topped the fund up under the id that the venue asks its quotes by."""
    base = story(
        {"a": account(120, long(10, 100)), "b": account(9_000, short(10, 100))}, [80], bids=[(20, 99)], policy="adl"
    )
    design = parse_design(base.spec.text, "x.toml")
    journal = Journal(design, base.spec.text, 0)
    journal.submit(inflow("quote", 1, "top_up"), 0)
    venue = Venue(design, base.book(), journal, World(ladders=base.ladders), 0)
    venue.step(1000, {"BTC": 80})
    assert len(venue.lines) > 2


def test_regression_a_damaged_opening_is_a_corrupt_log():
    """One bit of a ladder's market: BTC becomes CTC. The log must not open, and names record 1."""
    byte = LINES[0].index(b'"ladders":[{"market":"') + len(b'"ladders":[{"market":"')
    with pytest.raises(CorruptLog) as caught:
        again(flipped(1, byte, 0))
    assert caught.value.record == 1


def test_regression_an_account_that_nobody_can_take_does_not_keep_others_from_being_deleveraged():
    """`a` is bankrupt in BTC, which has neither book nor winner; `b` in ETH, where w's profit covers all of it.

    13.4: the lowest ids are served that winners suffice for. They do not for `a`; they do for `b`, who must not wait.
    """
    rows = {
        "a": account(0, long(1, 30)),
        "b": account(120, long(10, 100, 1)),
        "w": account(5_000, short(10, 130, 1)),
    }
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    base = story(rows, [{"BTC": 20, "ETH": 80}], markets=markets, policy="adl")
    for ranking in ("queue_pnl_leverage", "pro_rata_pnl", "pro_rata_lots"):
        played = play(replace(base, ladders={("ETH", "bids"): ((20, 99),)}).but(ranking=ranking))
        assert [row["account"] for data in played.data("deleveraged") for row in data["closings"]] == ["b"], ranking


def test_regression_an_account_that_recovered_takes_no_reserve_into_its_next_liquidation():
    """`a` sells 5 lots 20 below its bankruptcy price and recovers: its own equity bore that, not the layers."""
    accounts = {"a": account(130, long(10, 100)), "b": account(9_000, short(10, 100))}
    played = play(story(accounts, [90, 150], bids=[(23, 5)]))
    first = played.data("round_filled")[0]["reserved"]
    assert [(row["account"], row["amount"]) for row in first] == [("a", "100")]
    assert not follow(played).liquidatable("a")
    assert played.venue.state.reserved == {}


def test_regression_a_reserve_does_not_give_way_by_a_tick_a_round():
    """`z` has neither book nor winner, so that layers cannot pay for all. `a` is solvent at 90, with 19 lots from 100
    and 270: its price is ceil(85.8) = 86, each lot sold at 83 loses 3, and the layer's 7 pay for two. The price is
    rounded up anew in each round: that once took up to a tick a lot off the reserve, and lot after lot was sold for it.
    """
    accounts = {
        "a": account(270, long(19, 100)),
        "b": account(9_000, short(19, 90)),
        "z": account(0, long(1, 30, 1)),
    }
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    layers = (LayerSpec("shared", "shared_fund", 7),)
    prices = [{"BTC": 90, "ETH": 20}]
    played = play(story(accounts, prices, bids=[(7, 19)], policy="adl", markets=markets, layers=layers))
    follow(played)
    assert [row["lots"] for data in played.data("round_filled") for row in data["book"]] == [2]
    assert [row["amount"] for data in played.data("round_filled") for row in data["reserved"]] == ["6"]


def pool_of_500(markets, accounts, steps):
    """A pool with 500 that is everybody's other side, and a book that it cannot pay."""
    spec = DesignSpec(
        markets=markets,
        layers=(LayerSpec("ma0", "market_bucket", 0, market="BTC"), LayerSpec("pool", "vault", 500)),
        policy="adl",
        extra_text='[pool]\nlayer = "pool"\nadl_start_ppm = 300000\nadl_stop_ppm = 200000\npayout_cap_ppm = 900000\n',
        liquidation={"position_limit_ppm": 1},
    )
    return Story(spec, accounts, {}, steps)


INVERSE = {"kind": "inverse_perp"}


def test_regression_a_round_in_which_a_layer_alone_owes_counts_as_a_round():
    """The pool's debt is drawn in a round without a liquidation; the next round of the step is another one (its batch
    was once named alike, and the fund refused it)."""
    tiers = (TierSpec(1, up_to=1), TierSpec(1))
    markets = (
        MarketSpec("BTC", 1_000_000, tiers, 2, 73, extra=INVERSE),
        MarketSpec("ETH", 1, tiers, 2, 51),
        MarketSpec("A", 1, (TierSpec(1),), 2, 52),
    )
    accounts = {
        "a": ("a", 1200, ((0, -4, 121_212), (2, 5, 100))),
        "b": ("b", -191, ((2, 15, 270),)),
        "c": ("c", -387, ((0, 1, -37_038),)),
    }
    played = play(pool_of_500(markets, accounts, ({"BTC": 30, "A": 31}, {}, {"A": 9})))
    follow(played)
    batches = [data["batch"] for data in played.data("deficits_covered")]
    assert len(batches) == len(set(batches)) > 1 and batches[0] == "b1.1"


def test_regression_a_layer_s_debt_is_placed_before_anybody_was_liquidated():
    markets = (MarketSpec("BTC", 1_000_000, (TierSpec(1),), extra=INVERSE), MarketSpec("ETH", 1, (TierSpec(1),)))
    accounts = {
        "x7": ("x7", 11, ((1, 1, 60),)),
        "0": ("0", 1166, ((0, -1, 16_666), (1, -2, -120))),
        "q.1": ("q.1", 1166, ((0, -1, 16_666), (1, -1, -60))),
        "zz:9": ("zz:9", 1833, ((0, -2, 33_333), (1, -10, -710))),
    }
    played = play(pool_of_500(markets, accounts, ({"BTC": 50, "ETH": 50},)))
    follow(played)
    assert [data["how"] for data in played.data("haircut_taken")] == ["adl_money"]
    assert played.venue.state.round == max(data["round"] for data in played.data("deficits_covered"))
