"""Tear-up: contracts of the markets concerned end at the mark, once, and what was owed is taken from their gains."""

from dataclasses import replace

from hypothesis import given, strategies as st

from tests.generators import LayerSpec, MarketSpec, TierSpec, play, squeezes, stories
from tests.venue.second_book import follow
from tests.venue.test_worked import account, cash, long, lots, short, story

ONE = (TierSpec(10_000),)
MARKETS = (MarketSpec("BTC", 1, ONE), MarketSpec("ETH", 1, ONE))


def torn(policy="tear_up", **spec):
    """`Z`, long 10 from 100 with 50, is sold at 80 and owes 150. `s` gained 300, `w` 100, `l` lost 200; `s` has ETH."""
    rows = {
        "Z": account(50, long(10, 100)),
        "s": account(800, short(15, 100), long(2, 50, 1)),
        "w": account(800, short(5, 100)),
        "l": account(450, long(10, 100)),
        "v": account(450, short(2, 50, 1)),
    }
    spec.setdefault("markets", MARKETS)
    return story(rows, [{"BTC": 80, "ETH": 50}], bids=[(0, 500)], policy=policy, **spec)


def test_contracts_end_at_the_mark_and_gains_pay():
    """150 over gains of 300 and 100: 112.5 and 37.5; the odd unit goes to `s`, the lower id. ETH goes on."""
    played = play(torn())
    (event,) = played.data("positions_torn_up")
    assert [(row["market"], row["ticks"]) for row in event["markets"]] == [("BTC", 80)]
    assert {row["account"]: row["haircut"] for row in event["haircuts"]} == {"s": "113", "w": "37"}
    assert [cash(played, name) for name in ("s", "w", "l")] == [800 + 300 - 113, 800 + 100 - 37, 250]
    assert [lots(played, name) for name in ("s", "w", "l")] == [0, 0, 0] and lots(played, "s", 1) == 2
    assert played.venue.state.outside_lots == [0, 0]
    assert played.journal.state.carried_units == 0


def test_the_fund_books_who_paid():
    (settled,) = play(torn()).data("settled")
    assert [(row["account"], row["how"], row["amount"]) for row in settled["settle"]["haircuts"]] == [
        ("s", "tear_up", "113"),
        ("w", "tear_up", "37"),
    ]


def test_nobody_pays_beyond_its_equity():
    """`s` gained 300 in BTC and lost 290 in ETH, with 20 of cash: 30 of equity, so 30; `w` pays 100; 20 are carried."""
    base = torn()
    rows = {**base.accounts, "s": ("s", 20, (short(15, 100), long(10, 79, 1))), "v": ("v", 450, (short(10, 50, 1),))}
    played = play(replace(base, accounts=rows))
    (event,) = played.data("positions_torn_up")
    assert {row["account"]: row["haircut"] for row in event["haircuts"]} == {"s": "30", "w": "100"}
    assert played.journal.state.carried_units == 20


def test_what_gains_cannot_pay_goes_to_the_fallback_and_then_is_carried():
    base = torn(fallback="socialised_loss", exhaustion={"socialised_base": "equity"})
    rows = {name: row for name, row in base.accounts.items() if name not in ("w", "s")}
    rows |= {"s": ("s", 800, (short(15, 85),)), "v": ("v", 450, (short(2, 50, 1),))}
    played = play(replace(base, accounts=rows))
    (event,) = played.data("positions_torn_up")
    assert [row["haircut"] for row in event["haircuts"]] == ["75"]  # all that `s` gained
    (taken,) = played.data("haircut_taken")
    assert (taken["severity"], taken["over"]) == ("75", "equity")


def test_a_loser_left_flat_in_debt_is_a_deficit_of_the_next_round():
    """The engine takes one account a step, so `l` waits with -50; its 10 lots end with the market: it owes 50."""
    base = torn(capacity=1)
    played = play(replace(base, accounts={**base.accounts, "l": ("l", 150, (long(10, 100),))}))
    (row,) = played.data("accounts_closed")[1]["rows"]
    assert (row["account"], row["deficit"], row["losses"]) == ("l", "50", [{"market": "BTC", "amount": "200"}])
    assert cash(played, "l") == 0 and not played.venue.state.unsettled
    assert len(played.data("positions_torn_up")) == 1, "no contract is left that could end"
    assert played.journal.state.carried_units == 50


def test_as_a_fallback_of_deleveraging_it_ends_what_winners_did_not_suffice_for():
    """Nobody may be closed: the market is exempt. The lots are sold at 20 below, the debt is taken by a tear-up."""
    markets = (MarketSpec("BTC", 1, ONE, extra={"adl_exempt": True}), MARKETS[1])
    base = torn(policy="adl", fallback="tear_up", markets=markets)
    played = play(replace(base, ladders={("BTC", "bids"): ((20, 500),)}))
    assert not played.data("deleveraged")
    (event,) = played.data("positions_torn_up")
    assert int(event["severity"]) == 350 == sum(int(row["haircut"]) for row in event["haircuts"])


@given(
    st.one_of(stories(policies=("tear_up",)), squeezes(1), squeezes(2)),
    st.sampled_from(["tear_up", "adl", "socialised_loss", "gains_haircut"]),
)
def test_I1_I10_I11_after_a_tear_up_nothing_is_left(story, policy):
    played = play(story.but(policy=policy, fallback="tear_up"))
    follow(played)
    for event in played.data("positions_torn_up"):
        assert sum(int(row["haircut"]) for row in event["haircuts"]) <= int(event["severity"])
        for market in event["markets"]:
            values = [int(row["value"]) for row in event["positions"] if row["market"] == market["market"]]
            held = [row["lots"] for row in event["positions"] if row["market"] == market["market"]]
            assert sum(held) + market["outside_lots"] == 0 and values
    assert not played.venue.state.unsettled


def test_what_layers_hold_ends_too():
    """The fund took 10 lots over at 90 and has 100 of open loss at 80; a tear-up ends them, and it pays the 100."""
    layers = (LayerSpec("shared", "shared_fund", 115),)
    rows = {
        "a": account(105, long(10, 100)),
        "Z": account(260, long(20, 100)),
        "s": account(5_000, short(30, 100)),
    }
    takeover = '[liquidation.takeover]\nlayer = "shared"\nwhen = "below"\nunwind_ppm = 0\n'
    base = story(
        rows, [{"BTC": 90}, {"BTC": 80}], policy="tear_up", layers=layers, markets=MARKETS[:1], extra_text=takeover
    )
    played = play(replace(base, ladders={("BTC", "bids"): ((40, 500),)}))
    (event,) = played.data("positions_torn_up")
    (held,) = event["inventory"]
    assert (held["layer"], held["lots"], held["realised"], held["lots_after"]) == ("shared", -10, "-100", 0)
    assert not played.venue.state.held and not played.venue.state.due
    assert played.journal.state.layers["shared"].balance == 115 - 100 - 7  # 7: above its inventory's margin of 8
