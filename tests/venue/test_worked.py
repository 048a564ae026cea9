"""Worked cases of the venue's step: small enough to be followed by hand, one sentence of the specification each."""

from dataclasses import replace

import pytest

from tests.generators import PPM, DesignSpec, LayerSpec, MarketSpec, Story, TierSpec, play
from tests.venue.second_book import follow

FIVE = TierSpec(50_000)
POOR = (LayerSpec("shared", "shared_fund", 0),)


def account(cash, *rows):
    """(owner, cash, rows); the owner is filled in by `story`."""
    return cash, rows


def long(lots, price, market=0, unit=1):
    return (market, lots, lots * price * unit)


def short(lots, price, market=0, unit=1):
    return (market, -lots, -lots * price * unit)


def story(accounts, steps, bids=(), asks=(), **spec) -> Story:
    """A story of market BTC (or the spec's markets), prices of BTC as plain numbers."""
    spec.setdefault("layers", POOR)
    names = {name: (name, cash, rows) for name, (cash, rows) in accounts.items()}
    ladders = {("BTC", side): tuple(levels) for side, levels in (("bids", bids), ("asks", asks)) if levels}
    days = tuple(prices if isinstance(prices, dict) else {"BTC": prices} for prices in steps)
    return Story(DesignSpec(**spec), names, ladders, days)


def cash(played, name):
    return int(played.venue.state.cash[played.venue.state.index[name]])


def lots(played, name, market=0):
    return int(played.venue.state.lots[market, played.venue.state.index[name]])


# --- liquidation and what is left ---------------------------------------------------------------------------------


def test_a_liquidation_pays_its_surcharge_and_keeps_its_residual():
    """10 lots from 100, cash 240, at 80 equity 40 < 40 + 1: PX 76; sold at 79: 790; 1 % of it is 7.9, so 8."""
    played = play(
        story(
            {"a": account(239, long(10, 100)), "b": account(900, short(10, 100))},
            [80],
            bids=[(1, 50)],
            surcharge_ppm=10_000,
            surcharge_split=(750_000, 250_000),
        )
    )
    (fill,) = played.data("round_filled")[0]["fills"]
    assert (fill["bankruptcy_ticks"], fill["book_lots"], fill["amount"], fill["surcharge"]) == (77, -10, "-790", "8")
    (row,) = played.data("accounts_closed")[0]["rows"]
    assert (row["equity"], row["residual"], row["deficit"], row["cash_after"]) == ("21", "21", "0", "21")
    assert cash(played, "a") == 21 and lots(played, "a") == 0
    assert played.journal.state.layers["shared"].balance == 6
    assert played.journal.state.receivers == {"treasury": 2}


def test_at_equality_the_trigger_decides():
    """Cash 240: equity 40 is the margin exactly."""
    accounts = {"a": account(240, long(10, 100)), "b": account(900, short(10, 100))}
    below = play(story(accounts, [80], bids=[(1, 50)]))
    assert not below.data("round_filled")
    at = play(story(accounts, [80], bids=[(1, 50)], trigger="at_or_below"))
    assert at.data("round_filled")[0]["triggered"][0]["account"] == "a"


def test_a_surcharge_takes_no_more_than_the_gain_over_the_bankruptcy_price():
    """PX 77, sold at 78: 10 lots gain 10, though 5 % of 780 would be 39."""
    played = play(
        story(
            {"a": account(239, long(10, 100)), "b": account(900, short(10, 100))},
            [80],
            bids=[(2, 50)],
            surcharge_ppm=50_000,
        )
    )
    assert played.data("round_filled")[0]["fills"][0]["surcharge"] == "10"


def test_a_market_can_have_a_surcharge_of_its_own():
    accounts = {"a": account(239, long(10, 100)), "b": account(900, short(10, 100))}
    market = MarketSpec("BTC", 1, (FIVE,), surcharge_ppm=1)
    played = play(story(accounts, [80], bids=[(1, 50)], surcharge_ppm=10_000, markets=(market,)))
    assert played.data("round_filled")[0]["fills"][0]["surcharge"] == "1"


HALF = {"a": account(215, long(10, 100)), "b": account(900, short(10, 100))}
"""At 80: equity 15, margin 40, PX 79. Half is sold at 80 for a surcharge of 4; 11 are left, margin 20: not healthy."""


def test_pending_fees_go_to_the_own_deficit_first():
    """The other half is sold at 70: 11 - 50 is a debt of 39, of which the 4 pending come back."""
    played = play(story(HALF, [80, 70], bids=[(0, 5)], surcharge_ppm=10_000))
    first, second = played.data("round_filled")
    assert first["fills"][0]["surcharge"] == "4" and first["fills"][0]["lots_after"] == 5
    assert second["fills"][0]["surcharge"] == "0"
    (row,) = played.data("accounts_closed")[0]["rows"]
    assert (row["equity"], row["fees_used"], row["fees"], row["deficit"]) == ("-39", "4", [], "35")
    assert row["losses"] == [{"market": "BTC", "amount": "250"}]


def test_fees_that_no_deficit_needs_are_routed_when_the_account_is_flat():
    played = play(story(HALF, [80, 80], bids=[(0, 5)], surcharge_ppm=10_000))
    assert [fill["surcharge"] for data in played.data("round_filled") for fill in data["fills"]] == ["4", "4"]
    (row,) = played.data("accounts_closed")[0]["rows"]
    assert (row["fees"], row["healthy"]) == ([{"market": "BTC", "amount": "8"}], False)
    assert played.journal.state.layers["shared"].balance == 8


def test_fees_are_routed_when_the_account_is_healthy_again_and_it_keeps_its_positions():
    played = play(story(HALF, [80, 90], bids=[(0, 5)], surcharge_ppm=10_000))
    (row,) = played.data("accounts_closed")[0]["rows"]
    assert (row["healthy"], row["equity"], row["fees"]) == (True, "61", [{"market": "BTC", "amount": "4"}])
    assert played.journal.state.layers["shared"].balance == 4 and lots(played, "a") == 5


def test_a_residual_is_split_between_fund_treasury_and_trader():
    played = play(
        story(
            {"a": account(239, long(10, 100)), "b": account(900, short(10, 100))},
            [80],
            bids=[(0, 50)],
            residual_split=(300_000, 200_000, 500_000),
        )
    )
    (row,) = played.data("accounts_closed")[0]["rows"]
    assert (row["residual"], row["residual_taken"]) == ("39", "20")  # 11.7, 7.8, 19.5: units to the largest remainders
    assert cash(played, "a") == 19
    assert played.journal.state.layers["shared"].balance == 12 and played.journal.state.receivers == {"treasury": 8}


def test_the_residual_of_one_market_fills_its_bucket_and_of_several_the_shared_fund():
    layers = (LayerSpec("btc", "market_bucket", 0, market="BTC"), LayerSpec("shared", "shared_fund", 0))
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    one = story(
        {"a": account(239, long(10, 100)), "b": account(900, short(10, 100))},
        [80],
        bids=[(0, 50)],
        layers=layers,
        markets=markets,
        residual_split=(PPM, 0, 0),
    )
    assert play(one).journal.state.layers["btc"].balance == 39
    two = replace(
        one,
        accounts={**one.accounts, "a": ("a", 240, (long(10, 100), long(1, 100, 1)))},
        ladders={**one.ladders, ("ETH", "bids"): ((0, 50),)},
        steps=({"BTC": 80, "ETH": 100},),
    )
    state = play(two).journal.state
    assert (state.layers["btc"].balance, state.layers["shared"].balance) == (0, 40)


def test_opposite_orders_cross_at_the_mark_before_the_book():
    """7 lots to sell and 4 to buy cross 4 at the mark; 3 meet the bids."""
    played = play(
        story(
            {"a": account(145, long(7, 100)), "b": account(0, short(4, 80)), "c": account(9_000, short(3, 100))},
            [80],
            bids=[(2, 50)],
            asks=[(1, 50)],
        )
    )
    fills = {fill["account"]: fill for fill in played.data("round_filled")[0]["fills"]}
    assert (fills["a"]["cross_lots"], fills["a"]["book_lots"], fills["a"]["amount"]) == (-4, -3, "-554")
    assert (fills["b"]["cross_lots"], fills["b"]["book_lots"], fills["b"]["amount"]) == (4, 0, "320")
    (book,) = played.data("round_filled")[0]["book"]
    assert (book["side"], book["lots"], book["worst_ticks"], book["away_ticks"]) == ("bids", 3, 78, 2)


def test_sellers_share_lots_and_proceeds_by_size():
    """6 and 3 lots meet 4 lots of depth: 2.67 and 1.33 are 3 and 1; 3 x 79 + 1 x 75 = 312 is 234 and 78."""
    played = play(
        story(
            {"a": account(120, long(6, 100)), "b": account(60, long(3, 100)), "c": account(9_000, short(9, 100))},
            [80],
            bids=[(1, 3), (5, 1)],
        )
    )
    fills = {fill["account"]: (fill["book_lots"], fill["amount"]) for fill in played.data("round_filled")[0]["fills"]}
    assert fills == {"a": (-3, "-234"), "b": (-1, "-78")}


def test_depth_comes_back_by_the_floor_of_its_part_at_each_step():
    played = play(
        story(
            {"a": account(0, long(10, 100)), "b": account(9_000, short(10, 100))},
            [100, 100, 100],
            bids=[(1, 3)],
            recovery_ppm=500_000,
        )
    )
    used = [data["book"][0]["used"] for data in played.data("round_filled")]
    assert used == [[3], [3], [3]]  # 3, then 2 are left used and 1 is new, each step
    assert [data["book"][0]["lots"] for data in played.data("round_filled")] == [3, 1, 1]
    assert [data["depth"] for data in played.data("marked")][1:] == [
        [{"market": "BTC", "side": "bids", "used": [2]}],
        [{"market": "BTC", "side": "bids", "used": [2]}],
    ]


# --- marks and displacement ---------------------------------------------------------------------------------------


def test_the_next_mark_moves_by_the_passed_through_part_of_the_deepest_fill():
    """6 ticks deep, 60 % of it is 3.6: the mark falls by 3 to 79 and takes the next account with it."""
    accounts = {
        "a": account(100, long(5, 100)),
        "b": account(1_150, long(50, 100)),
        "c": account(9_000, short(55, 100)),
    }
    played = play(story(accounts, [{"BTC": 82}], bids=[(6, 500)], pass_through_ppm=600_000))
    rounds = played.data("round_filled")
    assert [[row["account"] for row in data["triggered"]] for data in rounds] == [["a"], ["b"]]
    assert [row["ticks"] for data in played.data("marked") for row in data["marks"]] == [82, 79]
    assert all(row["anchor_ticks"] == 82 for data in played.data("marked") for row in data["marks"])


def test_a_purchase_moves_the_mark_up():
    accounts = {"a": account(100, short(5, 100)), "c": account(9_000, long(5, 100))}
    played = play(story(accounts, [118], asks=[(4, 500)], pass_through_ppm=PPM))
    assert [row["ticks"] for data in played.data("marked") for row in data["marks"]] == [118, 122]


def test_a_foreign_index_does_not_move():
    accounts = {"a": account(100, long(5, 100)), "c": account(9_000, short(5, 100))}
    played = play(story(accounts, [82], bids=[(4, 500)], pass_through_ppm=0))
    assert len(played.data("marked")) == 1


def test_displacement_starts_anew_at_every_step():
    """7 ticks deep in the first step, 2 in the second."""
    accounts = {
        "a": account(10, long(5, 40)),
        "b": account(20, long(1, 40)),
        "c": account(9_000, short(6, 40)),
    }
    played = play(story(accounts, [30, 20], bids=[(2, 3), (7, 500)], pass_through_ppm=PPM))
    assert [row["ticks"] for data in played.data("marked") for row in data["marks"]] == [30, 23, 20, 18]


def test_a_displaced_mark_stays_above_zero():
    accounts = {"a": account(0, long(5, 10)), "b": account(9_000, short(5, 10))}
    played = play(story(accounts, [2], bids=[(1, 500)], pass_through_ppm=PPM))
    assert [row["ticks"] for data in played.data("marked") for row in data["marks"]] == [2, 1]


def test_E6_a_cascade_ends_at_the_least_fixed_point():
    """P0 100, first fall 6 %, P = 94 - 0.01 Q; 200 lots fail below 95, 300 below 92.5, 100 below 88, 500 below 85.

    A run from below stops at Q = 500, P = 89; Q = 1100, P = 83 is the greatest fixed point and is not reached.
    """
    accounts = {}
    for name, size, fails_below in (("a", 200, 9500), ("b", 300, 9250), ("c", 100, 8800), ("d", 500, 8500)):
        notional = size * fails_below
        margin = -(-notional // PPM)  # one part per million: a unit or so
        accounts[name] = account(margin, long(size, fails_below))
    accounts["z"] = account(10**9, short(1100, 9500))
    markets = (MarketSpec("BTC", 1, (TierSpec(1),)),)
    played = play(
        story(
            accounts,
            [10_000, 9_400],
            bids=[(away, 1) for away in range(1, 2000)],
            markets=markets,
            pass_through_ppm=PPM,
        )
    )
    book = follow(played)
    assert book.marks == {"BTC": 8900}
    assert sum(row["lots"] for data in played.data("round_filled") for row in data["book"]) == 500
    assert [this.triggered for this in book.rounds] == [["a"], ["b"]]
    assert (lots(played, "c"), lots(played, "d")) == (100, 500)


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ([100, 0], "not positive"),
        ([100, -5], "not positive"),
        ([100, 20], "at the feed's floor"),
        ([100, 300], "at the feed's ceiling"),
        ([100, {}], "too old"),
    ],
)
def test_with_an_unusable_price_nothing_is_liquidated_and_the_reason_is_recorded(prices, reason):
    market = MarketSpec("BTC", 1, (FIVE,), floor=20, ceiling=300)
    accounts = {"a": account(10, long(1, 100)), "b": account(10, short(1, 100))}
    played = play(
        story(
            accounts, prices, bids=[(0, 9)], asks=[(0, 9)], markets=(market,), max_age_ms=999, policy="socialised_loss"
        )
    )
    assert not played.data("round_filled")
    assert played.data("marked")[-1]["marks"][0]["stale"] == reason


def test_a_market_left_out_keeps_its_last_price_until_it_is_too_old():
    accounts = {"a": account(25, long(1, 100), long(1, 100, 1)), "b": account(9_000, short(1, 100), short(1, 100, 1))}
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    steps = [{"BTC": 100, "ETH": 100}, {"ETH": 80}, {"ETH": 80}]
    ages = {999: [], 1000: [2], 2000: [2]}
    for max_age, hit in ages.items():
        played = play(story(accounts, steps, bids=[(0, 9)], markets=markets, max_age_ms=max_age))
        assert [data["step"] for data in played.data("round_filled")] == hit
    assert [row["observed_ms"] for row in played.data("marked")[2]["marks"]] == [1000, 3000]


# --- the engine's capacity ----------------------------------------------------------------------------------------


def test_the_engine_takes_the_lowest_ratio_first_and_the_rest_waits_for_the_next_step():
    accounts = {
        "a": account(210, long(10, 100)),  # equity 10, margin 40
        "b": account(205, long(10, 100)),  # equity 5
        "c": account(208, long(10, 100)),  # equity 8
        "z": account(90_000, short(30, 100)),
    }
    played = play(story(accounts, [80, 80], bids=[(0, 500)], capacity=2))
    rounds = played.data("round_filled")
    assert [(data["step"], [row["account"] for row in data["triggered"]]) for data in rounds] == [
        (1, ["b", "c"]),
        (2, ["a"]),
    ]


def test_who_waits_for_depth_keeps_the_engine_within_the_step():
    accounts = {
        "a": account(205, long(10, 100)),
        "b": account(210, long(10, 100)),
        "z": account(90_000, short(20, 100)),
    }
    played = play(story(accounts, [80, 80, 80], bids=[(0, 10)], capacity=1))
    rounds = played.data("round_filled")
    assert [(data["step"], [row["account"] for row in data["triggered"]]) for data in rounds] == [
        (1, ["a"]),
        (2, ["b"]),
    ]


# --- who pays -----------------------------------------------------------------------------------------------------

WINNERS = {"w1": account(1_000, short(6, 130)), "w2": account(1_000, short(6, 110))}


def test_socialised_loss_is_shared_by_positive_profit_and_raises_costs():
    """Deficit 110 at 78; profits 6 x 52 = 312 and 6 x 32 = 192: 68 and 42."""
    played = play(story({"a": account(110, long(10, 100)), **WINNERS}, [78], bids=[(0, 99)], policy="socialised_loss"))
    (data,) = played.data("haircut_taken")
    assert [(row["account"], row["profit"], row["amount"], row["cost_after"]) for row in data["rows"]] == [
        ("w1", "312", "68", "-712"),
        ("w2", "192", "42", "-618"),
    ]
    assert (data["how"], data["severity"], data["base"]) == ("socialised_loss", "110", "504")
    assert (cash(played, "w1"), cash(played, "w2")) == (1_000, 1_000)
    assert played.journal.state.carried_units == 0


def test_socialised_loss_beyond_the_base_is_carried():
    accounts = {"a": account(0, long(10, 100)), "w1": account(1_000, short(10, 105))}
    played = play(story(accounts, [80], bids=[(20, 99)], policy="socialised_loss"))
    assert played.data("haircut_taken")[0]["rows"][0]["amount"] == "250"
    assert played.journal.state.carried_units == 150


def test_a_winner_in_one_market_who_lost_more_in_another_pays_nothing():
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    accounts = {
        "a": account(0, long(10, 100)),
        "net": account(5_000, short(5, 100), long(5, 100, 1)),
        "w": account(5_000, short(5, 100)),
        "z": account(5_000, short(5, 100, 1)),
    }
    steps = [{"BTC": 80, "ETH": 70}]
    played = play(story(accounts, steps, bids=[(0, 99)], markets=markets, policy="socialised_loss"))
    assert [(row["account"], row["amount"]) for row in played.data("haircut_taken")[0]["rows"]] == [
        ("w", "80"),
        ("z", "120"),
    ]


def test_carried_debt_is_repaid_by_the_next_surcharge():
    accounts = {
        "a": account(90, long(10, 100)),
        "b": account(490, long(10, 110)),
        "z": account(90_000, short(20, 100)),
    }
    played = play(story(accounts, [90, 64], bids=[(1, 99)], surcharge_ppm=10_000, layers=POOR))
    assert played.journal.state.totals.recovered == 7
    assert played.journal.state.layers["shared"].balance == 0


def deleveraging(extra=(), accounts=None, **spec):
    """`a` is long 10 at PX 88 with the mark at 80; the book would pay 60."""
    rows = {"a": account(120, long(10, 100)), **(accounts or WINNERS)}
    spec.setdefault("policy", "adl")
    return play(story({**rows, **dict(extra)}, [80], bids=[(20, 99)], **spec))


def test_lots_are_deleveraged_at_the_bankruptcy_price_when_layers_cannot_pay():
    """Gap 8 a lot, 80 in all; profits 300 and 180 share 10 lots as 6 and 4."""
    played = deleveraging()
    (data,) = played.data("deleveraged")
    assert [(row["account"], row["lots"], row["price_ticks"], row["gap"]) for row in data["closings"]] == [
        ("a", 10, 88, "80")
    ]
    assert [(row["account"], row["lots"], row["amount"], row["taken"], row["haircut"]) for row in data["haircuts"]] == [
        ("w1", 6, "528", "48", "48"),
        ("w2", 4, "352", "32", "32"),
    ]
    assert (lots(played, "a"), lots(played, "w1"), lots(played, "w2")) == (0, 0, -2)
    assert (cash(played, "a"), cash(played, "w1"), cash(played, "w2")) == (0, 1_000 + 6 * 42, 1_000 + 4 * 22)
    assert played.journal.state.carried_units == 0


def test_a_queue_closes_the_highest_profit_times_leverage_first():
    """w2 has the lower profit and a tenth of the equity: it ranks first."""
    winners = {"w1": account(50_000, short(6, 130)), "w2": account(100, short(6, 110))}
    played = deleveraging(accounts=winners, ranking="queue_pnl_leverage")
    assert [(row["account"], row["lots"]) for row in played.data("deleveraged")[0]["haircuts"]] == [
        ("w1", 4),
        ("w2", 6),
    ]


def test_equally_ranked_winners_are_closed_lowest_id_first():
    winners = {name: account(1_000, short(6, 130)) for name in ("w10", "w9", "x")}
    played = deleveraging(accounts=winners, ranking="queue_pnl_leverage")
    assert [(row["account"], row["lots"]) for row in played.data("deleveraged")[0]["haircuts"]] == [("x", 6), ("w9", 4)]


def test_by_lots_and_by_profit_are_different_shares():
    winners = {"w1": account(1_000, short(10, 180)), "w2": account(1_000, short(10, 100))}
    by_lots = deleveraging(accounts=winners, ranking="pro_rata_lots").data("deleveraged")[0]["haircuts"]
    by_profit = deleveraging(accounts=winners, ranking="pro_rata_pnl").data("deleveraged")[0]["haircuts"]
    assert [row["lots"] for row in by_lots] == [5, 5]
    assert [row["lots"] for row in by_profit] == [8, 2]


def test_profit_at_close_leaves_out_who_would_not_be_in_profit_at_the_price():
    """w2's 6 lots have 24 of profit, 48 would be lost: out under one rule, 3 lots under the other."""
    winners = {"w1": account(1_000, short(9, 130)), "w2": account(1_000, short(6, 84))}
    at_close = deleveraging(accounts=winners, eligible="profit_at_close", ranking="pro_rata_lots")
    assert [(row["account"], row["lots"]) for row in at_close.data("deleveraged")[0]["haircuts"]] == [("w1", 9)]
    (fill,) = at_close.data("round_filled")[0]["fills"]
    assert fill["book_lots"] == -1, "w1 has 9 lots: what winners do not suffice for is sold"
    capped = deleveraging(accounts=winners, eligible="capped_at_mark", ranking="pro_rata_lots")
    assert [(row["account"], row["lots"]) for row in capped.data("deleveraged")[0]["haircuts"]] == [
        ("w1", 7),
        ("w2", 3),
    ]


def test_who_is_liquidatable_or_undecided_is_no_winner():
    """`sick` is short in profit but below its margin and waits; `blind` holds a market without a price."""
    markets = (MarketSpec("BTC"), MarketSpec("ETH"), MarketSpec("A"))
    accounts = {
        "blind": account(5_000, short(9, 150), long(1, 10, 2)),
        "sick": account(0, short(9, 150), long(9, 160, 1)),
        "w": account(5_000, short(10, 120)),
    }
    rows = {"a": account(120, long(10, 100)), **accounts}
    steps = [{"BTC": 80, "ETH": 90}]
    spec = {"markets": markets, "policy": "adl", "ranking": "pro_rata_lots", "capacity": 1}
    played = play(story(rows, steps, bids=[(20, 99)], **spec))
    assert [row["account"] for row in played.data("round_filled")[0]["triggered"]] == ["a"]
    assert [(row["account"], row["lots"]) for row in played.data("deleveraged")[0]["haircuts"]] == [("w", 10)]


def test_the_excess_goes_back_when_layers_paid_a_part():
    """The shared fund holds 30: severity is 50, the closings take 80, 30 go back by what was taken."""
    played = deleveraging(layers=(LayerSpec("shared", "shared_fund", 30),))
    (data,) = played.data("deleveraged")
    # 28 a lot are lost at 60; 30 pay for one lot, so 9 are closed: 72 taken, 28 and 2 drawn
    assert [row["lots"] for row in data["closings"]] == [9]
    assert data["severity"] == "70"
    assert [(row["lots"], row["taken"], row["haircut"]) for row in data["haircuts"]] == [
        (6, "48", "47"),
        (3, "24", "23"),
    ]
    assert played.journal.state.layers["shared"].balance == 0


def test_while_layers_can_pay_nobody_is_deleveraged():
    played = deleveraging(layers=(LayerSpec("shared", "shared_fund", 280),))
    assert not played.data("deleveraged") and played.journal.state.layers["shared"].balance == 0
    assert lots(played, "a") == 0 and lots(played, "w1") == -6


def test_an_empty_book_and_funded_layers_make_an_account_wait():
    rows = {"a": account(120, long(10, 100)), **WINNERS}
    played = play(story(rows, [80], policy="adl", layers=(LayerSpec("shared", "shared_fund", 280),)))
    assert not played.data("round_filled") and lots(played, "a") == 10


def test_who_lost_its_hedge_by_deleveraging_is_liquidated_next_and_flagged_induced():
    """`h` is hedged: short BTC in profit, long ETH at a loss; after its short is closed its equity is too small."""
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    rows = {
        "a": account(120, long(10, 100)),
        "h": account(70, short(10, 100), long(10, 100, 1)),
        "z": account(90_000, short(10, 100, 1)),
    }
    steps = [{"BTC": 80, "ETH": 85}]
    base = story(rows, steps, bids=[(20, 99)], markets=markets, policy="adl")
    played = play(replace(base, ladders={**base.ladders, ("ETH", "bids"): ((0, 99),)}))
    first, second = played.data("round_filled")
    assert [(r["account"], r["induced"], r["first"]) for r in first["triggered"]] == [("a", False, True)]
    assert [(r["account"], r["induced"], r["first"]) for r in second["triggered"]] == [("h", True, True)]


NARROW = {
    "w": account(5_000, short(10, 84)),
    "other": account(5_000, short(50, 100, 1)),
    "z": account(90_000, long(50, 100, 1)),
}
"""`w` has 40 of profit on 10 lots: closing them at a gap of 8 would take 80, so it is not eligible."""


def narrow(**spec):
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    steps = [{"BTC": 80, "ETH": 80}]
    rows = {"a": account(120, long(10, 100)), **NARROW}
    return play(story(rows, steps, bids=[(20, 99)], markets=markets, policy="adl", **spec))


def test_what_nobody_could_be_closed_against_is_sold_and_taken_in_money_from_winners_of_its_market():
    """All 10 lots are sold at 60: a deficit of 280, of which w's profit pays 40; `other` won in another market."""
    played = narrow(fallback="carry")
    assert not played.data("deleveraged")
    (data,) = played.data("haircut_taken")
    assert (data["how"], data["severity"], data["base"]) == ("adl_money", "280", "40")
    assert [(row["account"], row["amount"], row["cost_after"]) for row in data["rows"]] == [("w", "40", "-800")]
    assert played.journal.state.carried_units == 240


def test_the_fallback_takes_what_the_attributed_markets_winners_could_not_pay():
    played = narrow(fallback="socialised_loss")
    rows = [
        (data["how"], row["account"], row["amount"]) for data in played.data("haircut_taken") for row in data["rows"]
    ]
    assert rows == [("adl_money", "w", "40"), ("socialised_loss", "other", "240")]
    assert played.journal.state.carried_units == 0
    (settled,) = played.data("settled")
    assert [(row["how"], row["lots"], row["amount"]) for row in settled["settle"]["haircuts"]] == [
        ("adl_money", 0, "40"),
        ("socialised_loss", 0, "240"),
    ]


def test_the_price_of_what_is_left_does_not_move_with_a_loss_that_layers_will_pay():
    """Half is sold at 70, 7 a lot below PX 77: those 35 are the layers', and the other half is still bankrupt at 77."""
    accounts = {"a": account(230, long(10, 100)), "b": account(900, short(10, 100))}
    played = play(story(accounts, [80, 80], bids=[(10, 5)]))
    fills = [fill for data in played.data("round_filled") for fill in data["fills"]]
    assert [(fill["bankruptcy_ticks"], fill["lots_after"]) for fill in fills] == [(77, 5), (77, 0)]
    assert played.journal.state.carried_units == 70


def test_what_winners_do_not_suffice_for_is_sold_of_bankrupt_accounts_alone():
    """`b` is solvent and has more room than `a`: it is not sold in a's stead."""
    rows = {"a": account(120, long(10, 100)), "b": account(110, long(5, 100)), "w": account(5_000, short(15, 84))}
    played = play(story(rows, [80], bids=[(20, 99)], policy="adl"))
    assert {fill["account"]: fill["book_lots"] for fill in played.data("round_filled")[0]["fills"]} == {"a": -10}
    assert lots(played, "b") == 5


def test_a_solvent_account_is_not_deleveraged_but_waits_for_depth():
    """`b` is liquidatable with 10 of equity; the book pays 60, its price is 78: the empty fund cannot pay for a lot."""
    rows = {"a": account(120, long(10, 100)), "b": account(110, long(5, 100)), **WINNERS}
    played = play(story(rows, [80], bids=[(20, 99)], policy="adl"))
    assert [row["account"] for row in played.data("deleveraged")[0]["closings"]] == ["a"]
    assert lots(played, "b") == 5 and cash(played, "b") == 110


def test_who_cannot_be_decided_pays_nothing():
    """`blind` has the greater profit, but holds a market without a price: nothing is haircut against it."""
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    rows = {
        "a": account(120, long(10, 100)),
        "blind": account(5_000, short(6, 180), long(1, 10, 1)),
        "w": account(5_000, short(6, 130)),
    }
    played = play(story(rows, [80], bids=[(0, 99)], markets=markets, policy="socialised_loss"))
    assert [(row["account"], row["amount"]) for row in played.data("haircut_taken")[0]["rows"]] == [("w", "80")]


def test_takings_in_several_markets_together_stay_within_equity():
    """`w` won 95 in each of two markets, too little to be closed at a gap of 20, and is worth 50: it pays 50 in all."""
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    rows = {
        "a": account(0, long(5, 100), long(5, 100, 1)),
        "w": account(-140, short(5, 99), short(5, 99, 1)),
    }
    steps = [{"BTC": 80, "ETH": 80}]
    base = story(rows, steps, bids=[(0, 99)], markets=markets, policy="adl")
    played = play(replace(base, ladders={**base.ladders, ("ETH", "bids"): ((0, 99),)}))
    (data,) = played.data("haircut_taken")
    assert [(row["account"], row["market"], row["amount"]) for row in data["rows"]] == [("w", "BTC", "50")]
    assert played.journal.state.carried_units == 150


def test_the_carry_policy_asks_nobody():
    played = deleveraging(policy="carry")
    assert not played.data("deleveraged") and not played.data("haircut_taken")
    assert played.journal.state.carried_units == 280


# --- the fund's limits reach the venue through its quote ----------------------------------------------------------


def test_a_limit_of_a_layer_decides_how_much_is_sold():
    """A balance of 1000 with a limit of 56 a deficit pays for two lots (28 each): 8 are deleveraged."""
    layers = (LayerSpec("shared", "shared_fund", 1_000, event_limit=56),)
    played = deleveraging(layers=layers)
    assert [row["lots"] for row in played.data("deleveraged")[0]["closings"]] == [8]
    assert [fill["book_lots"] for fill in played.data("round_filled")[0]["fills"]] == [-2]


def test_the_safest_account_is_sold_first_when_layers_do_not_suffice():
    """`b` is bankrupt at 60, where the book pays: it costs no layer anything and is sold whole; `a` is deleveraged."""
    rows = {"a": account(120, long(10, 100)), "b": account(230, long(5, 102)), **WINNERS}
    markets = (MarketSpec("BTC", 1, (TierSpec(400_000),)),)
    winners = {name: account(9_000, *row) for name, (_, row) in WINNERS.items()}
    played = play(story({**rows, **winners}, [80], bids=[(20, 99)], markets=markets, policy="adl"))
    assert {fill["account"]: fill["book_lots"] for fill in played.data("round_filled")[0]["fills"]} == {"b": -5}
    assert [row["account"] for row in played.data("deleveraged")[0]["closings"]] == ["a"]
