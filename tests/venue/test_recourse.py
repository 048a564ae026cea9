"""Recourse: an owner's other accounts pay above their initial margin, before any layer; nobody else's do."""

from dataclasses import replace

from hypothesis import given, strategies as st

from tests.generators import LayerSpec, MarketSpec, TierSpec, play, squeezes, stories
from tests.venue.second_book import follow
from tests.venue.test_worked import long, short, story

TENTH = (TierSpec(10_000, initial_ppm=100_000),)
RECOURSE = "[accounts]\nrecourse = true\n"


def family(fund=1_000, extra=RECOURSE, **spec):
    """`o1` owes 150 at 80. `o2` is flat with 60, `o3` has 164 and 8 lots, initial margin 64: room 60 and 100."""
    spec.setdefault("markets", (MarketSpec("BTC", 1, TENTH),))
    layers = (LayerSpec("shared", "shared_fund", fund),)
    base = story({}, [80], bids=[(0, 500)], layers=layers, extra_text=extra, **spec)
    accounts = {
        "o1": ("own", 50, (long(10, 100),)),
        "o2": ("own", 60, ()),
        "o3": ("own", 164, (long(8, 80),)),
        "x": ("else", 5_000, (short(18, 100),)),
    }
    return replace(base, accounts=accounts)


def given_by(played):
    return {row["payer"]: int(row["amount"]) for event in played.data("recourse_taken") for row in event["rows"]}


def test_a_deficit_is_paid_by_the_owners_other_accounts_in_proportion_to_their_room():
    """150 of 60 + 100: 56.25 and 93.75."""
    played = play(family())
    assert given_by(played) == {"o2": 56, "o3": 94}
    state = played.venue.state
    assert [int(state.cash[state.index[name]]) for name in ("o1", "o2", "o3", "x")] == [0, 4, 70, 5_000]
    assert not played.data("shortfalls_drawn"), "no layer is asked for what the owner paid"


def test_what_they_cannot_pay_is_the_layers():
    base = family()
    accounts = {**base.accounts, "o3": ("own", 74, (long(8, 80),))}
    played = play(replace(base, accounts=accounts))
    assert given_by(played) == {"o2": 60, "o3": 10}
    assert played.journal.state.layers["shared"].balance == 1_000 - 80


def test_without_recourse_each_account_stands_alone():
    played = play(family(extra=""))
    assert given_by(played) == {} and played.journal.state.layers["shared"].balance == 850


def test_nobody_is_deleveraged_for_what_the_owner_can_pay():
    """The book takes lots 20 below; with nothing in the fund winners would be closed, were the owner not there."""
    ladders = {("BTC", "bids"): ((1, 500),)}
    alone = play(replace(family(0, extra="", policy="adl"), ladders=ladders))
    assert alone.data("deleveraged")
    base = family(0, policy="adl")
    played = play(replace(base, accounts={**base.accounts, "o2": ("own", 900, ())}, ladders=ladders))
    assert not played.data("deleveraged") and sum(given_by(played).values()) == 160


def test_two_deficits_of_one_owner_are_served_lowest_id_first():
    base = family()
    accounts = {**base.accounts, "o0": ("own", 20, (long(5, 100),))}
    played = play(replace(base, accounts=accounts))
    rows = [
        (row["account"], row["payer"], row["amount"])
        for event in played.data("recourse_taken")
        for row in event["rows"]
    ]
    assert rows == [("o0", "o2", "30"), ("o0", "o3", "50"), ("o1", "o2", "30"), ("o1", "o3", "50")]
    assert played.journal.state.layers["shared"].balance == 1_000 - 70


@given(st.one_of(stories(), squeezes(1), squeezes(2)), st.integers(1, 3))
def test_I1_recourse_over_any_story_leaves_payers_their_initial_margin(story, owners):
    accounts = {
        name: (f"owner{place % owners}", cash + 700 * (place % 2), rows)
        for place, (name, (_, cash, rows)) in enumerate(sorted(story.accounts.items()))
    }
    played = play(replace(story.but(extra_text=RECOURSE), accounts=accounts))
    follow(played)
    for event in played.data("recourse_taken"):
        for row in event["rows"]:
            assert accounts[row["payer"]][0] == accounts[row["account"]][0] == row["owner"]
            assert row["payer"] != row["account"] and 0 < int(row["amount"]) <= int(row["room"])
