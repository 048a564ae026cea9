"""Draw mode `block`: a liquidation whose deficit a layer cannot pay whole waits, and others go on."""

from hypothesis import given

from tests.generators import LayerSpec, play
from tests.venue.mechanisms import mechanisms
from tests.venue.second_book import follow
from tests.venue.test_worked import account, cash, lots, story

BLOCK = {"draw_mode": "block"}


def made(steps, accounts, balance, bids=((0, 50),), **more):
    layers = (LayerSpec("shared", "shared_fund", balance, extra=BLOCK),)
    played = play(story(accounts, steps, bids=bids, layers=layers, **more))
    follow(played)
    return played


OWES = {"a": account(165, (0, 10, 1000)), "c": account(239, (0, 10, 1000)), "b": account(9_000, (0, -20, -2000))}
"""At 80 `a` owes 35, `c` has 39 of 40."""


def test_a_deficit_that_cannot_be_paid_whole_keeps_its_liquidation_waiting_and_others_go_on():
    played = made([80], OWES, 34)
    assert (lots(played, "a"), lots(played, "c")) == (10, 0)
    assert not played.data("shortfalls_drawn") and cash(played, "c") == 39
    paid = made([80], OWES, 35)
    assert (lots(paid, "a"), lots(paid, "c")) == (0, 0)
    assert paid.journal.state.layers["shared"].balance == 0


def test_it_goes_on_when_the_price_is_better_or_the_fund_has_money():
    """At 81 `a` owes 25."""
    played = made([80, 81], OWES, 30)
    assert [data["step"] for data in played.data("deficits_covered")] == [2]
    assert lots(played, "a") == 0 and played.journal.state.layers["shared"].balance == 5


def test_of_two_the_lowest_id_is_paid_and_the_other_waits():
    accounts = {
        "a": account(165, (0, 10, 1000)),
        "d": account(180, (0, 10, 1000)),
        "b": account(9_000, (0, -20, -2000)),
    }
    played = made([80], accounts, 40)  # a owes 35, d 20
    assert (lots(played, "a"), lots(played, "d")) == (0, 10)
    assert made([80], accounts, 55).venue.state.lots.any(axis=0).sum() == 1  # only b is left


@given(mechanisms())
def test_no_deficit_of_a_blocking_layer_is_paid_in_part(story_):
    layers = (LayerSpec("shared", "shared_fund", 60, extra=BLOCK),)
    played = play(story_.but(layers=layers, extra_text=""))
    follow(played)
    for data in played.data("shortfalls_drawn"):
        paid = {row["deficit"]: int(row["amount"]) for row in data["draws"]}
        assert "waiting" not in data
        for deficit in data["shortfalls"]["deficits"]:
            assert paid[deficit["id"]] == int(deficit["amount"])
