"""Every ranking in whole lots, every eligibility and closing price: one book of five shorts, followed by hand.

Shorts at the mark 80: lots 50, 40, 25, 9, 10; entries 100, 90, 90, 90, 81; profits 1000, 400, 250, 90, 10; equities
1600, 640, 2000, 120, 25. A long of 60 is bankrupt; at the gap of 10 a lot the safe caps are 50, 40, 25, 9, 1 lots.
"""

import hashlib
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from seawall.rules.adl_policies import ADL_POLICIES
from tests.generators import LayerSpec, MarketSpec, TierSpec, play, squeezes, stories
from tests.venue.second_book import follow
from tests.venue.test_worked import account, cash, long, lots, short, story

LOTS = {"1": 50, "2": 40, "3": 25, "4": 9, "5": 10}
ENTRY = {"1": 100, "2": 90, "3": 90, "4": 90, "5": 81}
EQUITY = {"1": 1600, "2": 640, "3": 2000, "4": 120, "5": 25}
ONE = (TierSpec(10_000),)
RANKINGS = (
    "pro_rata_pnl", "pro_rata_lots", "queue_pnl_leverage", "queue_bitmex", "queue_binance", "queue_hyperliquid",
    "queue_roi_mr", "queue_random", "queue_profit", "capped_pro_rata", "pro_rata_equity", "pro_rata_notional",
    "risk_levered", "risk_levered_squared", "cel", "cea", "talmud", "min_max",
)  # fmt: skip


def five(gap, fund=0, prices=(80,), size=60, asks=(), **spec):
    """The book, and `Z`, long 60 from 100, whose bankruptcy price at 80 is 80 + gap. Bids stand at 1 only: 79 away."""
    rows = {"Z": account(size * (20 - gap), long(size, 100))}
    for name, held in LOTS.items():
        profit = held * (ENTRY[name] - 80)
        rows[name] = account(EQUITY[name] - profit, short(held, ENTRY[name]))
    spec.setdefault("markets", (MarketSpec("BTC", 1, ONE),))
    layers = (LayerSpec("shared", "shared_fund", fund),)
    return story(rows, prices, bids=[(79, 500)], asks=asks, policy="adl", layers=layers, **spec)


def closed(played):
    """Lots closed of 1 to 5."""
    rows = {row["account"]: row["lots"] for row in played.data("deleveraged")[0]["haircuts"]}
    return [rows.get(name, 0) for name in LOTS]


def column(played, key):
    rows = {row["account"]: int(row.get(key, 0)) for row in played.data("deleveraged")[0]["haircuts"]}
    return [rows.get(name, 0) for name in LOTS]


SAFE = {
    "queue_pnl_leverage": [11, 40, 0, 9, 0],
    "queue_bitmex": [11, 40, 0, 9, 0],
    "queue_binance": [10, 40, 0, 9, 1],
    "queue_hyperliquid": [10, 40, 0, 9, 1],
    "queue_roi_mr": [11, 40, 0, 9, 0],
    "queue_profit": [50, 10, 0, 0, 0],
    "pro_rata_pnl": [34, 14, 9, 3, 0],
    "pro_rata_lots": [24, 19, 12, 4, 1],
    "pro_rata_equity": [24, 9, 25, 2, 0],
    "pro_rata_notional": [24, 19, 12, 4, 1],
    "risk_levered": [28, 22, 3, 6, 1],
    "risk_levered_squared": [19, 30, 1, 9, 1],
    "cel": [17, 17, 16, 9, 1],
    "cea": [31, 22, 7, 0, 0],
    "talmud": [23, 20, 13, 4, 0],
}


@pytest.mark.parametrize(("ranking", "expected"), SAFE.items())
def test_a_ranking_closes_these_lots_of_sixty(ranking, expected):
    played = play(five(10, ranking=ranking, eligible="capped_at_mark"))
    assert closed(played) == expected
    assert column(played, "haircut") == [10 * part for part in expected]
    assert lots(played, "Z") == 0 and cash(played, "Z") == 0


def test_capped_pro_rata_spares_what_is_above_beta():
    """Beta 0.4: at most 40, 16, 10, 3, 0 lots; 57 over profits of 1, 2, 3 are 34.5, 13.8, 8.6."""
    played = play(five(10, ranking="capped_pro_rata", eligible="capped_at_mark", exhaustion={"adl_beta_ppm": 400_000}))
    assert closed(played) == [34, 14, 9, 3, 0]


def test_a_lottery_is_drawn_by_batch_and_account():
    caps = {"1": 50, "2": 40, "3": 25, "4": 9, "5": 1}
    drawn = sorted(LOTS, key=lambda name: hashlib.sha256(f"b1.1\n{name}".encode()).digest()[:8], reverse=True)
    left, expected = 60, {}
    for name in drawn:
        expected[name] = min(left, caps[name])
        left -= expected[name]
    played = play(five(10, ranking="queue_random", eligible="capped_at_mark"))
    assert closed(played) == [expected[name] for name in LOTS]


def test_min_max_has_the_least_largest_loss_over_equity():
    caps = {"1": 50, "2": 40, "3": 25, "4": 9, "5": 1}
    played = play(five(10, ranking="min_max", eligible="capped_at_mark"))
    found = dict(zip(LOTS, closed(played)))
    levels = sorted({Fraction(n, EQUITY[name]) for name, cap in caps.items() for n in range(cap + 1)})
    least = next(x for x in levels if sum(min(caps[n], int(x * EQUITY[n])) for n in caps) >= 60)
    assert sum(found.values()) == 60 and all(found[name] <= caps[name] for name in caps)
    assert max(Fraction(found[name], EQUITY[name]) for name in caps) == least


def test_rankings_of_the_design_are_those_of_the_rule():
    known = {facts.name for facts in ADL_POLICIES} | {"queue_pnl_leverage"}
    assert set(RANKINGS) <= known and set(SAFE) | {"queue_random", "capped_pro_rata", "min_max"} == set(RANKINGS)


# --- eligible -----------------------------------------------------------------------------------------------------


def test_production_ignores_profit_and_says_what_it_took_beyond():
    """Gap 12, the fund pays 88 of 720: 132, 480, 108 are taken, 88 go back as 16, 59, 13; profits are 1000, 400, 90."""
    played = play(five(12, fund=88, ranking="queue_bitmex", eligible="any"))
    event = played.data("deleveraged")[0]
    assert closed(played) == [11, 40, 0, 9, 0]
    assert column(played, "taken") == [132, 480, 0, 108, 0]
    assert column(played, "haircut") == [116, 421, 0, 95, 0]
    assert column(played, "beyond_profit") == [0, 21, 0, 5, 0]
    assert (event["severity"], event["overshoot"], event["production"]) == ("632", "88", True)


def test_production_in_proportion_to_lots_takes_from_whoever_has_no_profit_left():
    """22, 18, 11, 4, 5 lots; account 5 loses 50 of a profit of 10, and of its 25 of equity."""
    played = play(five(10, ranking="pro_rata_lots", eligible="any"))
    assert closed(played) == [22, 18, 11, 4, 5]
    assert column(played, "beyond_profit") == [0, 0, 0, 0, 40]


def test_what_production_leaves_below_zero_is_a_deficit_of_the_next_round():
    """Account 5 has 25 - 50 = -25 and 5 lots left at 80: it is bankrupt itself, `induced`; they are bought at 81."""
    played = play(five(10, ranking="pro_rata_lots", eligible="any", asks=[(1, 500)]))
    second = played.data("round_filled")[1]["triggered"]
    assert [(row["account"], row["equity"], row["induced"]) for row in second] == [("5", "-25", True)]
    (row,) = played.data("accounts_closed")[1]["rows"]
    assert (row["account"], row["deficit"]) == ("5", "30") and lots(played, "5") == 0


def test_whoever_production_closes_whole_and_leaves_in_debt_is_closed_too():
    """`w` holds all 60 lots short at 80 with equity 100 and loses 600: flat with -500, a deficit of the next round."""
    rows = {"Z": account(600, long(60, 100)), "w": account(100, short(60, 80))}
    spec = {"policy": "adl", "eligible": "any", "ranking": "pro_rata_lots", "markets": (MarketSpec("BTC", 1, ONE),)}
    played = play(story(rows, [80], bids=[(79, 500)], **spec))
    assert [row["account"] for data in played.data("round_filled") for row in data["triggered"]] == ["Z", "w"]
    assert cash(played, "w") == 0 and not played.venue.state.unsettled
    (row,) = played.data("accounts_closed")[1]["rows"]
    assert (row["deficit"], row["losses"]) == ("500", [{"market": "BTC", "amount": "600"}])
    assert played.journal.state.carried_units == 500


def test_safe_designs_flag_nothing():
    event = play(five(10, fund=88, ranking="queue_bitmex", eligible="capped_at_mark")).data("deleveraged")[0]
    assert "production" not in event and not any("beyond_profit" in row for row in event["haircuts"])
    assert event["overshoot"] == "88"


# --- the price ----------------------------------------------------------------------------------------------------


def priced(rule, prices, gap=10, **spec):
    return play(five(gap, prices=prices, exhaustion={"adl_price": rule}, ranking="pro_rata_lots", **spec))


def test_at_the_mark_nobody_pays_by_being_closed_and_the_fallback_pays_all():
    played = priced("mark", (80,), fallback="socialised_loss")
    event = played.data("deleveraged")[0]
    assert [row["price_ticks"] for row in event["closings"]] == [80] and column(played, "taken") == [0] * 5
    (taken,) = played.data("haircut_taken")
    assert (taken["how"], taken["severity"]) == ("socialised_loss", "600")
    assert sum(int(row["amount"]) for row in taken["rows"]) == 600


def test_at_the_mark_what_no_fallback_pays_is_carried():
    played = priced("mark", (80,))
    assert not played.data("haircut_taken") and played.journal.state.carried_units == 600


def test_at_the_previous_mark_winners_pay_the_fall_and_no_more_than_the_severity():
    """The step before ended at 95: 15 a lot are 900 for 60 lots, 600 are owed, 300 go back, a third of each part."""
    rows = {"Z": account(600, long(60, 100)), "w": account(5_000, short(40, 100)), "v": account(5_000, short(20, 100))}
    markets = (MarketSpec("BTC", 1, ONE),)
    spec = {"policy": "adl", "markets": markets, "exhaustion": {"adl_price": "previous_mark"}}
    played = play(story(rows, [95, 80], **spec))
    event = played.data("deleveraged")[0]
    assert [row["price_ticks"] for row in event["closings"]] == [95] and event["overshoot"] == "300"
    paid = {row["account"]: (int(row["taken"]), int(row["haircut"])) for row in event["haircuts"]}
    assert paid == {"v": (300, 200), "w": (600, 400)} and cash(played, "Z") == 0


def test_a_previous_mark_better_for_winners_than_the_mark_is_the_mark():
    """The long was bankrupt at 75 already but could not be decided: 75 would pay winners on top of the debt."""
    layers = (LayerSpec("shared", "shared_fund", 0),)
    rows = {"Z": account(600, long(60, 100)), "w": account(5_000, short(60, 100))}
    base = story(
        rows, [{"BTC": 75, "ETH": 1}, {"BTC": 80, "ETH": 10}], bids=[(74, 500)], policy="adl", layers=layers,
        markets=(MarketSpec("BTC", 1, ONE), MarketSpec("ETH", 1, ONE, floor=5)),
        exhaustion={"adl_price": "previous_mark"},
    )  # fmt: skip
    stuck = {**base.accounts, "Z": ("Z", 610, (long(60, 100), (1, 1, 10))), "v": ("v", 1_000, ((1, -1, -10),))}
    base = base.__class__(base.spec, stuck, {**base.ladders, ("ETH", "bids"): ((9, 5),)}, base.steps)
    events = play(base).data("deleveraged")
    prices = {row["market"]: row["price_ticks"] for row in events[0]["closings"]}
    assert prices["BTC"] == 80 and all(int(row["taken"]) == 0 for row in events[0]["haircuts"])


def test_at_the_oracle_the_own_displacement_is_not_the_winners_gain():
    """`a` sells 10 lots 30 below, which moves the mark to 70; `Z` is closed at the 100 that the feed says."""
    rows = {
        "a": account(39, long(10, 100)),
        "Z": account(151, long(10, 100)),
        "w": account(5_000, short(20, 130)),
    }
    base = story(
        rows, [100], bids=[(30, 10), (80, 500)], policy="adl", pass_through_ppm=1_000_000, markets=(MarketSpec("BTC"),),
        layers=(LayerSpec("shared", "shared_fund", 300),), exhaustion={"adl_price": "oracle"}, recovery_ppm=0,
    )  # fmt: skip
    played = play(base)
    (closing,) = played.data("deleveraged")[0]["closings"]
    assert (closing["account"], closing["price_ticks"], closing["gap"]) == ("Z", 100, "300")


# --- exemptions ---------------------------------------------------------------------------------------------------


def test_a_market_exempt_from_deleveraging_closes_nobody_and_takes_no_money_there():
    """Nobody is closed: the lots are sold into what depth there is, at 1, and the debt is carried."""
    markets = (MarketSpec("BTC", 1, ONE, extra={"adl_exempt": True}),)
    played = play(five(10, ranking="pro_rata_lots", markets=markets))
    assert not played.data("deleveraged") and not played.data("haircut_taken")
    assert lots(played, "Z") == 0 and played.journal.state.carried_units == 60 * 89


# --- any design ---------------------------------------------------------------------------------------------------


@st.composite
def production(draw):
    """Any story whose design deleverages by any ranking, eligibility and price."""
    base = draw(st.one_of(stories(policies=("adl",)), squeezes(1), squeezes(2)))
    extra = {"adl_price": draw(st.sampled_from(["bankruptcy_price", "mark", "previous_mark", "oracle"]))}
    ranking = draw(st.sampled_from(RANKINGS))
    if ranking == "capped_pro_rata":
        extra["adl_beta_ppm"] = draw(st.sampled_from([0, 400_000, 1_000_000]))
    return base.but(
        ranking=ranking,
        eligible=draw(st.sampled_from(["profit_at_close", "capped_at_mark", "any"])),
        fallback=draw(st.sampled_from(["carry", "socialised_loss", "tear_up"])),
        exhaustion=extra,
    )


@given(production())
def test_I1_I10_I11_whoever_is_closed_at_whatever_price(story):
    """Invariants stand after every event (the venue stops otherwise); nobody gains by a closing, nobody pays twice."""
    played = play(story)
    follow(played)
    for event in played.data("deleveraged"):
        taken = [int(row["taken"]) for row in event["haircuts"]]
        assert all(units >= 0 for units in taken)
        assert sum(int(row["haircut"]) for row in event["haircuts"]) == min(sum(taken), int(event["severity"]))
        assert int(event.get("overshoot", 0)) == max(0, sum(taken) - int(event["severity"]))
        beyond = sum(int(row.get("beyond_profit", 0)) for row in event["haircuts"])
        assert not beyond or story.spec.eligible == "any"
    assert played.journal.state.pending_units == 0
