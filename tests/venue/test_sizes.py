"""How much of a liquidated account is closed: worked cases of every amount and limit, followed by hand."""

import pytest
from hypothesis import given

from tests.generators import MarketSpec, play
from tests.venue.mechanisms import mechanisms
from tests.venue.second_book import follow
from tests.venue.test_worked import FIVE, account, lots, story

A = {"a": account(230, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
"""At 80: equity 30, margin 40; liquidatable, not bankrupt."""


def sold(played):
    """Book lots of `a` by round, as (step, lots)."""
    return [
        (data["step"], [fill["book_lots"] for fill in data["fills"] if fill["account"] == "a"])
        for data in played.data("round_filled")
    ]


def made(steps, bids=((0, 500),), accounts=A, **keys):
    more = {name: keys.pop(name) for name in ("markets", "surcharge_ppm", "policy") if name in keys}
    return play(story(accounts, steps, bids=bids, liquidation=keys, **more))


def test_steps_close_a_part_of_the_lots_at_the_start_and_wait():
    """20 % of 10 is 2 at a time, 1.5 s apart: at 1 s, 3 s; then it is healthy: 6 lots, margin 24 against equity 30."""
    played = made([80, 80, 80, 80], amount="steps", step_ppm=200_000, step_wait_ms=1_500)
    assert sold(played) == [(1, [-2]), (3, [-2])]
    assert lots(played, "a") == 6  # margin 24, equity 30: healthy after the second


def test_a_step_of_a_small_position_is_the_whole():
    assert sold(made([80], amount="steps", step_ppm=200_000, step_above_notional="800")) == [(1, [-10])]
    assert sold(made([80], amount="steps", step_ppm=200_000, step_above_notional="799", step_wait_ms=1)) == [(1, [-2])]


def test_without_a_wait_one_step_follows_the_other_until_the_account_is_healthy():
    """30 / 0.05 / 80 = 7.5 lots can be held: slices of 2, two rounds, 6 left."""
    assert sold(made([80], amount="steps", step_ppm=200_000)) == [(1, [-2]), (1, [-2])]


def test_within_the_wait_what_the_first_slice_did_not_save_is_closed_whole():
    keys = {"amount": "steps", "step_ppm": 200_000, "step_wait_ms": 1_000, "step_within_wait": "whole"}
    assert sold(made([80], **keys)) == [(1, [-2]), (1, [-8])]


def test_others_go_on_while_one_waits_for_its_next_slice():
    """`c` is healthy at 80 (216 - 180 = 36, the margin) and not at 78, where `a` still waits."""
    accounts = {**A, "c": account(216, (0, 9, 900)), "b": account(9_000, (0, -19, -1900))}
    played = made([80, 78], accounts=accounts, amount="steps", step_ppm=200_000, step_wait_ms=9_000)
    by_step = [(data["step"], [fill["account"] for fill in data["fills"]]) for data in played.data("round_filled")]
    assert by_step == [(1, ["a"]), (2, ["c"])]


def test_a_liquidation_that_ended_begins_anew():
    """A slice of 4 at 80 restores; at 75 (equity 5) the next liquidation begins at once, with 40 % of 6, rounded up."""
    accounts = {"a": account(235, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
    keys = {"amount": "steps", "step_ppm": 400_000, "step_wait_ms": 9_000}
    played = made([80, 100, 75], accounts=accounts, **keys)
    assert sold(played) == [(1, [-4]), (3, [-3])]
    assert [row["healthy"] for data in played.data("accounts_closed") for row in data["rows"]] == [True]


def test_a_close_factor_halves_again_and_again():
    """Margin of 5 lots is 20 <= 30: one half is enough at 80. At 76 equity is -10: bankrupt, whole."""
    assert sold(made([80], amount="close_factor")) == [(1, [-5])]
    assert sold(made([76], amount="close_factor")) == [(1, [-10])]


def test_a_close_factor_closes_the_whole_of_who_has_too_little_left():
    """30 of 40 is 75 %: at or below it whole."""
    assert sold(made([80], amount="close_factor", full_below_maintenance_ppm=750_000)) == [(1, [-10])]
    assert sold(made([80], amount="close_factor", full_below_maintenance_ppm=749_999)) == [(1, [-5])]
    assert sold(made([80], amount="close_factor", full_below_notional="801")) == [(1, [-10])]
    assert sold(made([80], amount="close_factor", full_below_notional="800")) == [(1, [-5])]


def test_the_fewest_lots_that_restore_the_margin_after_fill_and_fee():
    """At the mark 7 lots can be held (28 <= 30): 3 are sold. One tick below: 30 - 3 = 27 < 28; 4: 26 >= 24.

    With a surcharge of 1 %: 4 lots of 79 pay 4 (gain over PX 77: 8): 22 < 24; 5: 25 - 4 = 21 >= 20.
    """
    assert sold(made([80], amount="fewest_lots")) == [(1, [-3])]
    assert sold(made([80], bids=[(1, 500)], amount="fewest_lots")) == [(1, [-4])]
    assert sold(made([80], bids=[(1, 500)], amount="fewest_lots", surcharge_ppm=10_000)) == [(1, [-5])]


def test_the_fewest_lots_with_a_buffer():
    """50 % on top of 5 %: 5 lots need 30."""
    assert sold(made([80], amount="fewest_lots", buffer_ppm=500_000)) == [(1, [-5])]


def test_where_no_number_of_lots_restores_all_are_sold():
    """Every lot costs 3 ticks and frees 4: 30 - 3n >= 4(10 - n) needs n = 10; at 5 ticks none does."""
    assert sold(made([80], bids=[(3, 500)], amount="fewest_lots")) == [(1, [-10])]
    assert sold(made([80], bids=[(5, 500)], amount="fewest_lots")) == [(1, [-10])]


def test_the_first_position_that_restores_is_enough():
    """Two positions, margin 20 + 20 against 30: 3 lots of the first market (12 freed) are enough."""
    accounts = {
        "a": account(130, (0, 5, 500), (1, 5, 400)),
        "b": account(9_000, (0, -5, -500), (1, -5, -400)),
    }
    base = story(
        accounts,
        [{"BTC": 80, "ETH": 80}],
        bids=[(0, 500)],
        markets=(MarketSpec("BTC"), MarketSpec("ETH")),
        liquidation={"amount": "fewest_lots"},
    )
    played = play(base)
    assert [(f["market"], f["book_lots"]) for d in played.data("round_filled") for f in d["fills"]] == [("BTC", -3)]


def test_the_fewest_lots_of_an_inverse_contract():
    """A lot owes 10^6 / 80 = 12,500; 100 of them need 62,500. Of an equity of 50,000, 80 can be held: 20 are sold."""
    inverse = MarketSpec("BTC", 10**6, (FIVE,), extra={"kind": "inverse_perp"})
    accounts = {
        "a": account(50_000 + 250_000, (0, 100, -1_000_000)),  # from 100: owed 1,000,000, now 1,250,000
        "b": account(10**7, (0, -100, 1_000_000)),
    }
    assert sold(made([80], accounts=accounts, markets=(inverse,), amount="fewest_lots")) == [(1, [-20])]


# --- limits -------------------------------------------------------------------------------------------------------


def test_a_step_closes_at_most_a_part_of_a_position():
    """10 % of 10 lots: one a step, though rounds go on; but a notional of 240, three lots, may always go."""
    assert sold(made([80, 80], position_limit_ppm=100_000)) == [(1, [-1]), (2, [-1])]
    played = made([80, 80], position_limit_ppm=100_000, position_limit_least="319")
    assert sold(played) == [(1, [-3])]  # then it is healthy


def test_a_step_closes_at_most_a_notional_of_an_account():
    assert sold(made([80, 80], account_notional_per_step="160")) == [(1, [-2]), (2, [-2])]


def test_a_market_liquidates_at_most_a_notional_within_its_window():
    """160 within 1,500 ms: 2 lots at 1 s, none at 2 s, 2 more at 3 s. A window of 1 s, half-open, is over at 2 s."""
    played = made([80, 80, 80], rate_notional="160", rate_window_ms=1_500)
    assert sold(played) == [(1, [-2]), (3, [-2])]
    assert sold(made([80, 80, 80], rate_notional="160", rate_window_ms=1_000)) == [(1, [-2]), (2, [-2])]
    assert sold(made([80, 80, 80], rate_notional="160", rate_window_ms=1_001)) == [(1, [-2]), (3, [-2])]


def test_the_lowest_ratio_is_served_first_within_the_window():
    accounts = {**A, "c": account(205, (0, 10, 1000)), "b": account(9_000, (0, -20, -2000))}
    played = made([80], accounts=accounts, rate_notional="160", rate_window_ms=1_500)
    fills = played.data("round_filled")[0]["fills"]
    assert [(fill["account"], fill["book_lots"]) for fill in fills] == [("c", -2)]


@pytest.mark.parametrize(
    "keys",
    [
        {"position_limit_ppm": 100_000},
        {"account_notional_per_step": "80"},
        {"rate_notional": "80", "rate_window_ms": 9_000},
        {"amount": "steps", "step_ppm": 1, "step_wait_ms": 9_000},
        {"amount": "close_factor", "close_factor_ppm": 1},
        {"amount": "fewest_lots"},
    ],
)
def test_a_bankrupt_account_is_closed_whole_whatever_the_limit(keys):
    """At 76 equity is 230 - 240 = -10."""
    assert sold(made([76], **keys)) == [(1, [-10])]


# --- over any story -----------------------------------------------------------------------------------------------


@given(mechanisms())
def test_limits_hold_over_any_story(story):
    """What solvent accounts closed within a step or a window is within every limit, by the notional at the mark."""
    played = play(story)
    follow(played)
    rules = story.spec.design.liquidation
    owing, window = set(), []
    step = 0
    done: dict[str, int] = {}
    for data in played.data("round_filled"):
        if data["step"] != step:
            step, done = data["step"], {}
        owing = {row["account"] for row in data["triggered"] if int(row["equity"]) < 0}
        reserved = {row["account"] for row in data["reserved"]}
        for fill in data["fills"]:
            name, notional = fill["account"], int(fill.get("notional", 0))
            if name in owing or name in reserved:
                done[name] = -(10**30)  # closed whole
                continue
            done[name] = done.get(name, 0) + notional
            if rules.account_notional_per_step is not None and "TOK" not in fill["market"]:
                assert done[name] <= rules.account_notional_per_step
        window.append((data["step"] * 1_000, data, owing | reserved))
    if rules.rate_notional is None:
        return
    for market in story.spec.markets:
        for until, _, _ in window:
            total = sum(
                int(fill.get("notional", 0))
                for t, data, free in window
                if until - rules.rate_window_ms < t <= until
                for fill in data["fills"]
                if fill["market"] == market.id and fill["account"] not in free
            )
            assert total <= rules.rate_notional or market.id == "TOK"


def test_nothing_is_limited_within_the_default_design():
    played = made([80])
    assert sold(played) == [(1, [-10])]
    assert "notional" not in played.data("round_filled")[0]["fills"][0]
