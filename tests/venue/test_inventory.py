"""Positions taken over by a layer: the step, its limits, what it sells, what that realises, and who closes it."""

from dataclasses import replace

import pytest
from hypothesis import given

from seawall.fund.codec import CorruptLog
from seawall.venue.replay import replay
from tests.generators import LayerSpec, MarketSpec, TierSpec, play
from tests.venue.mechanisms import mechanisms, takeover_text
from tests.venue.second_book import follow
from tests.venue.test_log import design_digest
from tests.venue.test_worked import account, cash, lots, story

A = {"a": account(239, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
"""At 80: equity 39, margin 40, PX 77."""
FUND = (LayerSpec("shared", "shared_fund", 1_000),)


def held(played, layer="shared", market=0):
    return played.venue.state.held.get((layer, market), (0, 0))


def balance(played, layer="shared"):
    return played.journal.state.layers[layer].balance


def made(steps, bids=(), accounts=A, layers=FUND, keys=None, **more):
    """Takeover by `shared`, which sells nothing of it (a part of a million of 0) unless the keys say so."""
    table = {"unwind_ppm": 0, **(keys or {})}
    layer = table.pop("layer", "shared")
    return play(story(accounts, steps, bids=bids, layers=layers, extra_text=takeover_text(layer, **table), **more))


def test_what_the_book_leaves_is_taken_over_at_the_mark_and_the_account_keeps_its_equity():
    """3 lots are sold at 79, 7 taken over at 80; 39 - 3 = 36 are left to `a`; the fund holds 7 at 560."""
    played = made([80], bids=[(1, 3)])
    follow(played)
    (fill,) = played.data("round_filled")[0]["fills"]
    assert (fill["book_lots"], fill["taken_lots"], fill["amount"]) == (-3, -7, str(-3 * 79 - 7 * 80))
    assert held(played) == (7, 560) and (lots(played, "a"), cash(played, "a")) == (0, 36)
    assert balance(played) == 1_000
    (marked,) = played.data("inventory_marked")
    posted = marked["inventory"]
    assert (posted["layer"], posted["maintenance"], posted["open_loss"], posted["notional"]) == (
        "shared",
        "28",
        "0",
        "560",
    )


def test_a_bankrupt_account_taken_over_at_the_mark_leaves_a_deficit_to_the_layers():
    """-35 at 80: all ten lots go to the fund at the mark, and it pays 35."""
    accounts = {"a": account(165, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
    played = made([80], accounts=accounts)
    follow(played)
    assert played.data("accounts_closed")[0]["rows"][0]["deficit"] == "35"
    assert held(played) == (10, 800) and balance(played) == 965


def test_below_a_stage_accounts_are_taken_over_instead_of_sold():
    """Two thirds of 40 is 26.7: equity 26 is taken over with a book full of bids, 27 is sold."""
    for have, taken in ((226, 10), (227, 0)):
        accounts = {"a": account(have, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
        played = made([80], bids=[(0, 50)], accounts=accounts, keys={"when": "below", "below_maintenance_ppm": 666_667})
        assert held(played)[0] == taken and lots(played, "a") == 0


@pytest.mark.parametrize(
    ("keys", "balance_units", "most"),
    [
        ({}, 39, 9),  # maintenance 4 a lot: 36
        ({}, 40, 10),
        ({"notional_limit": "400"}, 1_000, 5),
        ({"notional_limit": "399"}, 1_000, 4),
        ({"notional_limit_ppm": 1_000_000}, 500, 6),  # its own size: 6 lots are 480
        ({"notional_limit_ppm": 1_000_000}, 0, 0),
    ],
)
def test_a_layer_takes_over_no_more_than_it_can_bear(keys, balance_units, most):
    played = made([80], keys=keys, layers=(LayerSpec("shared", "shared_fund", balance_units),))
    follow(played)
    assert held(played) == ((most, most * 80) if most else (0, 0))
    assert lots(played, "a") == 10 - most  # the rest waits


def test_what_one_account_costs_a_layer_is_not_there_for_the_next():
    """`a` and `d` have lost 4 a lot below PX 84. Of 120, `a` costs 40 and ties up 40: 40 + 8 n <= 80 for d's: 5 lots.

    `a` has cost no more than 35: further rounds take what is left.
    """
    accounts = {
        "a": account(165, (0, 10, 1000)),
        "d": account(165, (0, 10, 1000)),
        "b": account(9_000, (0, -20, -2000)),
    }
    played = made([80], accounts=accounts, layers=(LayerSpec("shared", "shared_fund", 120),))
    follow(played)
    rounds = [[fill["taken_lots"] for fill in data["fills"]] for data in played.data("round_filled")]
    assert rounds[0] == [-10, -5] and sum(map(sum, rounds)) == -20


def test_inventory_is_sold_part_by_part_before_new_liquidations_and_its_gain_is_the_layers():
    """7 lots at 80. At 90 half, 4, are for sale: the book takes 3 at 89, 27 gained. At 70 half of 4 at 69: 22 lost."""
    played = made([80, 90, 70], bids=[(1, 3)], keys={"unwind_ppm": 500_000})
    follow(played)
    rows = [
        (row["lots"], row["amount"], row["realised"]) for data in played.data("inventory_moved") for row in data["rows"]
    ]
    assert rows == [(-3, "-267", "27"), (-2, "-138", "-22")]
    assert balance(played) == 1_000 + 27 - 22 and held(played) == (2, 160)
    sources = [data["inflow"]["source"] for data in played.data("inflow_routed")]
    assert sources == ["inventory"]
    assert [data["inventory_loss"]["amount"] for data in played.data("inventory_lost")] == ["22"]


@pytest.mark.parametrize(
    ("worst", "prices"),
    [(None, [90, 89, 80]), (0, [90]), (11_111, [90]), (11_112, [90, 89]), (111_111, [90, 89]), (111_112, [90, 89, 80])],
)
def test_inventory_is_sold_no_further_below_the_mark_than_the_design_says(worst, prices):
    """10 lots at 80; at 90 bids of 2 each at 90, 89, 80: 11,111 ppm of 90 is 0.99999, a limit of 89.00001, so 90."""
    keys = {"unwind_ppm": 1_000_000} | ({} if worst is None else {"unwind_worst_ppm": worst})
    base = story(A, [80, 90], layers=FUND, extra_text=takeover_text("shared", when="below", **keys))
    played = play(replace(base, ladders={("BTC", "bids"): ((0, 2), (1, 2), (10, 2))}))
    follow(played)
    (moved,) = played.data("inventory_moved")
    assert [(row["lots"], row["amount"]) for row in moved["rows"]] == [(-2 * len(prices), str(-2 * sum(prices)))]
    assert held(played)[0] == 10 - 2 * len(prices)


@pytest.mark.parametrize(("worst", "bought"), [(None, 6), (0, 2), (8_695, 2), (8_696, 4), (86_956, 4), (86_957, 6)])
def test_inventory_is_bought_back_no_further_above_the_mark_than_the_design_says(worst, bought):
    """s is short 10 from 100; taken over at 120. At 115 asks of 2 at 115, 116, 125: 1 of 115 is 8,695.7 ppm."""
    accounts = {"s": account(239, (0, -10, -1000)), "b": account(9_000, (0, 10, 1000))}
    keys = {"unwind_ppm": 1_000_000} | ({} if worst is None else {"unwind_worst_ppm": worst})
    base = story(accounts, [120, 115], layers=FUND, extra_text=takeover_text("shared", when="below", **keys))
    played = play(replace(base, ladders={("BTC", "asks"): ((0, 2), (1, 2), (10, 2))}))
    follow(played)
    assert [row["lots"] for row in played.data("inventory_moved")[0]["rows"]] == [bought]
    assert held(played)[0] == bought - 10


def test_where_no_bid_is_good_enough_nothing_is_sold():
    base = story(A, [80, 90], layers=FUND, extra_text=takeover_text("shared", when="below", unwind_worst_ppm=50_000))
    played = play(replace(base, ladders={("BTC", "bids"): ((5, 9),)}))
    assert not played.data("inventory_moved") and held(played) == (10, 800)


def test_positions_of_both_sides_net_at_the_mark():
    """Taken over long at 80 and short at 80: what is held falls, the difference of the marks is realised."""
    accounts = {
        "a": account(239, (0, 10, 1000)),
        "s": account(60, (0, -4, -320)),
        "b": account(9_000, (0, -6, -680)),
    }
    played = made([80, 92], accounts=accounts)
    follow(played)
    assert held(played)[0] == 6 and lots(played, "s") == 0
    assert balance(played) == 1_000 + 4 * 12


def test_a_layer_below_its_maintenance_is_closed_against_winners_who_lose_nothing():
    """41 of money, 10 lots from 80, margin 40. At 79: 31 < 39.5. `b`, short 10 at 100, is closed at 79: 10 are lost."""
    layers = (LayerSpec("shared", "shared_fund", 41),)
    played = made([80, 79], layers=layers)
    follow(played)
    (data,) = played.data("closed_against_layer")
    assert data["why"] == "maintenance"
    (row,) = data["rows"]
    assert (row["account"], row["lots"], row["price_ticks"]) == ("b", 10, 79)
    assert row["realised"] == row["payout"] == str(10 * 21)
    assert cash(played, "b") == 9_000 + 210 and held(played) == (0, 0) and balance(played) == 31


def test_a_lottery_against_a_layer_is_drawn_anew_at_each_step():
    """`b` and `c` are alike: which of them is closed depends on the step, as it does when an account is deleveraged."""
    layers = (LayerSpec("shared", "shared_fund", 41),)
    accounts = {**A, "c": A["b"]}
    drawn = set()
    for calm in range(8):
        prices = [80] * (1 + calm) + [79]
        played = made(prices, accounts=accounts, layers=layers, policy="adl", ranking="queue_random")
        follow(played)
        (data,) = played.data("closed_against_layer")
        drawn.add(data["rows"][0]["account"])
    assert drawn == {"b", "c"}


def test_what_a_layer_cannot_pay_is_a_deficit_that_the_next_layers_draw():
    """A gap from 80 to 60: the layer's 41 are lost, 159 more are a deficit: the next layer has 100, 59 are carried."""
    layers = (LayerSpec("vault", "vault", 41), LayerSpec("shared", "shared_fund", 100))
    played = made([80, 60], layers=layers, keys={"layer": "vault"})
    follow(played)
    (covered,) = [row for data in played.data("deficits_covered") for row in data["rows"]]
    assert (covered["account"], covered["layer"], covered["drawn"], covered["severity"]) == ("vault", True, "100", "59")
    (deficit,) = played.data("shortfalls_drawn")[0]["shortfalls"]["deficits"]
    assert deficit["account"] == "vault" and deficit["losses"] == [{"market": "BTC", "amount": "159"}]
    assert (balance(played, "vault"), balance(played), played.venue.state.due) == (0, 0, {})


def test_what_is_tied_up_is_not_there_for_deficits():
    """`a`'s 7 lots tie up 28 of 100; `c` (equity 5) sells ten at 70: 95 are owed, 72 drawn, 23 carried.

    At 78 what is held has lost 14 and the layer has 28: it is closed.
    """
    accounts = {
        "a": account(167, (0, 7, 700)),
        "c": account(205, (0, 10, 1000)),
        "b": account(90_000, (0, -17, -1700)),
    }
    keys = {"when": "below", "notional_limit": "560"}
    layers = (LayerSpec("shared", "shared_fund", 100),)
    played = made([80, 78], bids=[(10, 50)], accounts=accounts, layers=layers, keys=keys)
    follow(played)
    (draw,) = played.data("shortfalls_drawn")[0]["draws"]
    assert (draw["amount"], draw["balance_after"], draw["bound_by"]) == ("72", "28", "notional")
    posted = [data["inventory"] for data in played.data("inventory_marked")]
    assert [(one["maintenance"], one["open_loss"]) for one in posted] == [("28", "0"), ("28", "14"), ("0", "0")]
    assert [data["why"] for data in played.data("closed_against_layer")] == ["maintenance"]


def test_a_backstop_without_money_of_its_own_takes_over_up_to_its_commitment():
    layers = (LayerSpec("shared", "shared_fund", 0), LayerSpec("lp", "backstop", 0, extra={"commitment": "20"}))
    played = made([80, 90], layers=layers, keys={"layer": "lp", "unwind_ppm": 1_000_000}, bids=[(1, 2)], asks=[])
    follow(played)
    # 2 lots are sold; 5 of the rest are taken over (margin 20 of 20), and at 90 two of them are sold at 89
    assert played.data("round_filled")[0]["fills"][0]["taken_lots"] == -5
    assert played.data("inventory_moved")[0]["rows"][0]["realised"] == "18"


def test_an_inverse_position_is_taken_over_as_far_as_the_layer_can_bear():
    """100 lots owe 1,250,000 at 80, margin 5 %: 625 a lot. 30,000 of money hold 48."""
    inverse = MarketSpec("BTC", 10**6, (TierSpec(50_000),), extra={"kind": "inverse_perp"})
    accounts = {"a": account(300_000, (0, 100, -1_000_000)), "b": account(10**7, (0, -100, 1_000_000))}
    played = made([80], accounts=accounts, markets=(inverse,), layers=(LayerSpec("shared", "shared_fund", 30_000),))
    follow(played)
    assert held(played) == (48, -48 * 12_500)


def test_when_layers_cannot_pay_for_the_takeover_the_account_is_deleveraged():
    """-35 at 80. With 100 the fund takes the lots over; with 30 it cannot pay: b is closed at 84."""
    accounts = {"a": account(165, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
    rich = made([80], accounts=accounts, policy="adl", layers=(LayerSpec("shared", "shared_fund", 100),))
    assert held(rich)[0] == 10 and not rich.data("deleveraged")
    poor = made([80], accounts=accounts, policy="adl", bids=[(9, 50)], layers=(LayerSpec("shared", "shared_fund", 30),))
    follow(poor)
    assert [row["lots"] for data in poor.data("deleveraged") for row in data["closings"]]
    assert lots(poor, "a") == 0


@given(mechanisms())
def test_I11_what_layers_hold_is_counted_and_a_log_that_says_otherwise_is_refused(story):
    played = play(story)
    state = played.venue.state
    for market in range(len(state.instruments)):
        total = int(state.lots[market].sum()) + state.outside_lots[market]
        assert total + sum(lots for (_, m), (lots, _) in state.held.items() if m == market) == 0
    for place, line in enumerate(played.venue.lines):
        if b'"inventory":[{' in line and b'"lots_after":' in line:
            start = line.rindex(b'"lots_after":') + len(b'"lots_after":')
            forged = [*played.venue.lines[:place], line[:start] + b"9" + line[start:]]
            with pytest.raises(CorruptLog):
                replay(forged, story.spec.design, story.book(), design_digest(story.spec.design))
            return
