"""Socialised loss over every base, worked by hand: who is charged, in cash or in cost, and who never is."""

import pytest
from hypothesis import given, strategies as st

from tests.generators import LayerSpec, MarketSpec, TierSpec, play, squeezes, stories
from tests.venue.second_book import follow
from tests.venue.test_worked import account, cash, long, lots, short, story

BASES = (
    "positive_pnl", "equity", "open_interest", "open_interest_longs", "open_interest_shorts", "period_profit",
    "deposits",
)  # fmt: skip
ONE = (TierSpec(10_000),)


def base_story(base, steps=(80,), more=None, **spec):
    """`Z`, long 10 from 100 with 50: sold at 80 it owes 150. `s` short 10 from 100, `l` long 10 from 85, `f` flat."""
    rows = {
        "Z": account(50, long(10, 100)),
        "s": account(800, short(10, 100)),
        "l": account(450, long(10, 85)),
        "f": account(600),
        **(more or {}),
    }
    spec.setdefault("markets", (MarketSpec("BTC", 1, ONE),))
    return story(rows, steps, bids=[(0, 500)], policy="socialised_loss", exhaustion={"socialised_base": base}, **spec)


def taken(played):
    """Account -> what was taken, over all events."""
    found = {}
    for event in played.data("haircut_taken"):
        for row in event["rows"]:
            found[row["account"]] = found.get(row["account"], 0) + int(row["amount"])
    return found


def test_over_positive_profit_the_cost_rises_and_cash_stands():
    played = play(base_story("positive_pnl"))
    assert taken(played) == {"s": 150} and cash(played, "s") == 800
    (event,) = played.data("haircut_taken")
    assert "over" not in event and "cash_after" not in event["rows"][0]


def test_over_equity_everybody_is_charged_in_cash_flat_accounts_too():
    """Equities 1000, 400, 600: 75, 30, 45."""
    played = play(base_story("equity"))
    assert taken(played) == {"s": 75, "l": 30, "f": 45}
    assert [cash(played, name) for name in ("s", "l", "f")] == [725, 420, 555]
    (event,) = played.data("haircut_taken")
    assert (event["over"], event["base"]) == ("equity", "2000")
    assert [(row["market"], row["cash_after"]) for row in event["rows"]] == [("", "555"), ("", "420"), ("", "725")]


def test_over_open_interest_both_sides_pay_by_notional_and_nobody_flat():
    played = play(base_story("open_interest", more={"t": account(900, short(20, 80))}))
    assert taken(played) == {"l": 38, "s": 37, "t": 75}  # 800, 800, 1600 of 3200; the odd unit to the lowest id


def test_over_longs_or_shorts_one_side_pays():
    assert taken(play(base_story("open_interest_longs"))) == {"l": 150}
    assert taken(play(base_story("open_interest_shorts"))) == {"s": 150}


def test_over_deposits_cash_is_charged_whatever_is_held():
    """Cash 800, 450, 600 of 1850: 64.9, 36.5, 48.6."""
    assert taken(play(base_story("deposits"))) == {"s": 65, "l": 36, "f": 49}


def test_nobody_is_charged_below_zero_equity():
    """`t` has 480 of open notional to l's 800 but an equity of 30: it pays 30, the rest flows on."""
    played = play(base_story("open_interest_longs", more={"t": account(30, long(6, 80))}))
    assert taken(played) == {"l": 120, "t": 30} and cash(played, "t") == 0


def test_what_a_base_cannot_pay_is_carried():
    played = play(base_story("open_interest_longs", more={"l": account(140, long(10, 85))}))
    assert taken(played) == {"l": 90} and played.journal.state.carried_units == 60


def test_a_loser_whom_the_base_charges_is_liquidated_in_the_next_round_as_induced():
    """`l`: equity 100 at 80, margin 8; charged 98 it is below it, and is sold at 80 with what it has left: 2."""
    played = play(base_story("open_interest_longs", more={"l": account(150, long(10, 85))}, layers=POOR_52))
    assert taken(played) == {"l": 98}
    second = played.data("round_filled")[1]["triggered"]
    assert [(row["account"], row["induced"]) for row in second] == [("l", True)]
    assert (cash(played, "l"), lots(played, "l")) == (2, 0)


POOR_52 = (LayerSpec("shared", "shared_fund", 52),)


# --- the period's profit ------------------------------------------------------------------------------------------

WEEK = 604_800_000


def clawback(step_ms=1000, **spec):
    """BTC settles for want of a price with a profit of 90 for `w`, who is flat then; ETH makes `Z` owe 150 later.

    `w` realised 90 in BTC and nobody else realised a profit: the 90 come back, 60 are carried.
    """
    rows = {
        "Z": account(50, long(10, 100, 1)),
        "s": account(800, short(10, 100, 1)),
        "w": account(100, short(9, 110)),
        "x": account(400, long(9, 110)),
    }
    steps = [{"BTC": 110, "ETH": 100}, {"BTC": 100, "ETH": 100}, {"ETH": 100}, {"ETH": 80}]
    markets = (MarketSpec("BTC", 1, ONE), MarketSpec("ETH", 1, ONE))
    spec.setdefault("exhaustion", {"socialised_base": "period_profit"})
    base = story(rows, steps, policy="socialised_loss", markets=markets, max_age_ms=0, mark={"stale_max_ms": 0}, **spec)
    ladders = {("ETH", "bids"): ((0, 500),)}
    return base.__class__(base.spec, base.accounts, ladders, base.steps, step_ms=step_ms)


def test_a_clawback_reaches_realised_profit_of_accounts_that_went_flat():
    played = play(clawback())
    assert taken(played) == {"w": 90} and cash(played, "w") == 100
    assert played.journal.state.carried_units == 60
    assert [event["start_ms"] for event in played.data("period_began")] == [0]


def test_what_was_clawed_back_is_not_clawed_back_again():
    """`Y` owes 100 a step later: the 90 of the period are gone, all of it is carried."""
    base = clawback()
    rows = {**base.accounts, "Y": ("Y", 150, (long(5, 100, 1),))}
    played = play(base.__class__(base.spec, rows, base.ladders, (*base.steps, {"ETH": 50})))
    assert taken(played) == {"w": 90} and played.journal.state.carried_units == 60 + 100


def test_a_clawback_reaches_no_profit_of_the_period_before():
    """Periods of 4 steps: the settlement is in the third step, the loss in the fourth, a new one."""
    played = play(clawback(exhaustion={"socialised_base": "period_profit", "period_ms": 4000}))
    assert [event["start_ms"] for event in played.data("period_began")] == [0, 4000]
    assert taken(played) == {} and played.journal.state.carried_units == 150


def test_designs_without_the_base_keep_no_period():
    played = play(base_story("positive_pnl"))
    assert not played.data("period_began") and played.venue.state.period_ms == -1


# --- any story ----------------------------------------------------------------------------------------------------


@given(st.one_of(stories(policies=("socialised_loss", "adl")), squeezes(1), squeezes(2)), st.sampled_from(BASES))
def test_I1_I5_I6_over_any_base(story, base):
    """Only the base is charged: flat accounts only where it says so; nobody beyond its equity, nobody twice."""
    played = play(story.but(fallback="socialised_loss", exhaustion={"socialised_base": base}))
    follow(played)
    for event in played.data("haircut_taken"):
        if event["how"] == "adl_money":
            continue
        assert event.get("over", "positive_pnl") == base
        assert sum(int(row["amount"]) for row in event["rows"]) <= int(event["severity"])
        for row in event["rows"]:
            assert 0 < int(row["amount"]) <= min(int(row["profit"]), int(row["equity"]))
            assert ("cash_after" in row) == (base != "positive_pnl")


@pytest.mark.parametrize("base", BASES)
def test_the_fund_books_the_same_haircuts(base):
    played = play(base_story(base))
    (settled,) = played.data("settled")
    rows = settled["settle"]["haircuts"]
    assert sum(int(row["amount"]) for row in rows) == sum(taken(played).values())
