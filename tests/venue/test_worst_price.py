"""The worst price that a forced order accepts: worked cases, and that nobody is filled beyond it in any story."""

from hypothesis import given

from seawall.rules.contracts import value_units
from seawall.rules.liquidation_price import auction_limit_ticks
from tests.generators import LayerSpec, play
from tests.venue.mechanisms import mechanisms
from tests.venue.second_book import follow
from tests.venue.test_worked import account, cash, lots, story

A = {"a": account(239, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
"""At 80: equity 39, margin 40, PX 77 (76.1 rounded up)."""


def fills(played):
    return {
        (data["step"], fill["account"]): (fill["book_lots"], int(fill["amount"]))
        for data in played.data("round_filled")
        for fill in data["fills"]
    }


OF_THE_STORY = ("policy", "layers", "asks", "recovery_ppm")


def made(steps, bids, accounts=A, **more):
    keys = {name: more.pop(name) for name in list(more) if name not in OF_THE_STORY}
    return play(story(accounts, steps, bids=bids, liquidation=keys, **more))


def test_at_the_bankruptcy_price_no_lot_is_sold_below_it():
    """Bids of 3 at 78, 3 at 77, 9 at 76: six lots are sold, four wait."""
    bids = [(2, 3), (3, 3), (4, 9)]
    played = made([80], bids, worst_price="bankruptcy_price")
    assert fills(played) == {(1, "a"): (-6, -465)}
    assert lots(played, "a") == 4 and not played.data("deficits_covered")
    assert fills(made([80], bids)) == {(1, "a"): (-10, -769)}


def test_sellers_share_each_level_with_those_who_still_accept_it():
    """`a` accepts down to 77, `c` (equity 10, PX 79) down to 79: 4 lots at 79 are shared 2 and 2, the rest is a's."""
    accounts = {**A, "c": account(210, (0, 10, 1000)), "b": account(9_000, (0, -20, -2000))}
    played = made([80], [(1, 4), (2, 3), (9, 50)], accounts, worst_price="bankruptcy_price")
    assert fills(played) == {(1, "a"): (-5, -2 * 79 - 3 * 78), (1, "c"): (-2, -2 * 79)}


def test_a_cross_is_at_the_mark_so_who_wants_more_does_not_cross():
    """Bankrupt `c` (equity -10, PX 81) keeps its lots; `a` crosses with `s` at 80."""
    accounts = {
        "a": account(239, (0, 10, 1000)),
        "c": account(190, (0, 10, 1000)),
        "s": account(4, (0, -4, -320)),
        "b": account(9_000, (0, -16, -1600)),
    }
    played = made([80], [(9, 50)], accounts, worst_price="bankruptcy_price")
    crossed = {f["account"]: f["cross_lots"] for d in played.data("round_filled") for f in d["fills"]}
    assert crossed == {"a": -4, "s": 4}
    both = made([80], [(9, 50)], accounts)
    assert {f["account"]: f["cross_lots"] for f in both.data("round_filled")[0]["fills"]} == {"a": -2, "c": -2, "s": 4}


def test_the_fillable_price_is_the_further_from_the_mark_the_worse_the_account_stands():
    """Equity 10 of 40: rating 3/4; of a margin of 4 a lot 3, at a spread of 1.5 4.5: 75.5, rounded up to 76.

    At a spread of 1 it is 77.
    """
    accounts = {"a": account(210, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
    bids = [(3, 2), (4, 2), (5, 20)]
    wide = made([80], bids, accounts, worst_price="fillable", fillable_spread_ppm=1_500_000)
    assert fills(wide) == {(1, "a"): (-4, -2 * 77 - 2 * 76)}
    narrow = made([80], bids, accounts, worst_price="fillable")
    assert fills(narrow) == {(1, "a"): (-2, -2 * 77)}


def test_an_auction_accepts_more_with_the_time_since_the_liquidation_began():
    """From 0 to 10 % in 4 s: at its start 80 is asked, 1 s later 78, after 4 s 72. The beginning is recorded."""
    keys = {"worst_price": "auction", "auction_end_ppm": 100_000, "auction_ms": 4_000}
    accounts = {"a": account(205, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
    played = made([80] * 5, [(2, 3), (4, 3), (8, 50)], accounts, recovery_ppm=0, **keys)
    assert fills(played) == {(2, "a"): (-3, -234), (3, "a"): (-3, -228), (5, "a"): (-4, -288)}
    assert [data["begun"] for data in played.data("round_filled") if "begun" in data] == [["a"]]
    assert [auction_limit_ticks(1, 80, 0, [(4_000, 100_000)], t) for t in (0, 1_000, 2_000, 4_000)] == [80, 78, 76, 72]


def test_both_sides_of_a_market_are_served_in_turn_when_neither_crosses():
    """A displaced mark: bankrupt `c` holds out, and the short that has lots left is bought back all the same."""
    accounts = {
        "c": account(150, (0, 10, 1000)),
        "s": account(4, (0, -4, -320)),
        "b": account(9_000, (0, -6, -600)),
    }
    played = made([80], [(9, 50)], accounts, asks=[(0, 50)], worst_price="bankruptcy_price")
    assert lots(played, "s") == 0 and lots(played, "c") == 10


def test_a_bankrupt_account_that_the_book_does_not_take_is_deleveraged_when_layers_cannot_pay():
    """-10 at 80, PX 81: nobody bids that. With a fund of 10 it waits; with one of 9 the winner closes it at 81."""
    accounts = {"a": account(190, (0, 10, 1000)), "b": account(9_000, (0, -10, -1200))}
    for balance, left in ((10, 10), (9, 0)):
        layers = (LayerSpec("shared", "shared_fund", balance),)
        played = made([80], [(9, 50)], accounts, policy="adl", layers=layers, worst_price="bankruptcy_price")
        assert lots(played, "a") == left
        rows = [row for data in played.data("deleveraged") for row in data["closings"]]
        assert [(row["lots"], row["price_ticks"]) for row in rows] == ([] if left else [(10, 81)])


def test_with_any_price_nothing_changes():
    assert fills(made([80], [(70, 50)], worst_price="any")) == {(1, "a"): (-10, -100)}
    assert cash(made([80], [(0, 50)]), "a") == 39


def test_shorts_have_the_mirrored_price():
    """A short from 100, mark 120, equity 39, margin 60: PX 123.9, down to 123."""
    accounts = {"a": account(239, (0, -10, -1000)), "b": account(9_000, (0, 10, 1000))}
    asks = [(2, 3), (3, 3), (4, 9)]
    played = play(story(accounts, [120], asks=asks, liquidation={"worst_price": "bankruptcy_price"}))
    assert fills(played) == {(1, "a"): (6, 3 * 122 + 3 * 123)}


@given(mechanisms())
def test_nobody_is_sold_beyond_the_bankruptcy_price_where_it_is_the_worst(story):
    """What crossed and booked lots fetch is worth no less than they are at the bankruptcy price."""
    keys = {key: value for key, value in story.spec.liquidation.items() if not key.startswith(("fillable", "auction"))}
    played = play(story.but(liquidation={**keys, "worst_price": "bankruptcy_price"}, extra_text=""))
    follow(played)
    contracts = {instrument.id: instrument.contract for instrument in played.venue.state.instruments}
    for data in played.data("round_filled"):
        for fill in data["fills"]:
            if fill["market"] != "TOK":
                sold = -(fill["cross_lots"] + fill["book_lots"])
                at_px = value_units(contracts[fill["market"]], sold, fill["bankruptcy_ticks"])
                # Proceeds are shared to the unit, once for the cross and once for each group of levels.
                assert -int(fill["amount"]) >= at_px - 4
