"""Funding: payers pay up, receivers share it, to the unit; what cannot be paid is debt; worked, and over any story."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from tests.generators import LayerSpec, MarketSpec, TierSpec, play, squeezes, stories
from tests.venue.second_book import follow
from tests.venue.test_worked import account, cash, long, short, story

ONE = (TierSpec(10_000),)
PERCENT = 10**10
"""1 % in 10^-12."""


def funded(rows, steps, funding, **spec):
    spec.setdefault("markets", (MarketSpec("BTC", 1, ONE), MarketSpec("ETH", 1, ONE)))
    base = story(rows, steps, bids=[(0, 500)], asks=[(0, 500)], **spec)
    return replace(base, funding=tuple(funding))


ROWS = {"a": account(500, long(7, 100)), "b": account(500, long(4, 100)), "c": account(500, short(8, 100))}


def test_longs_pay_rounded_up_and_shorts_share_what_was_paid():
    """At 99, 1 %: a 6.93, b 3.96 pay 7 and 4; c holds 8 of 11 lots short, the outside book 3: 8 and 3."""
    played = play(funded(ROWS, [99, 99], [{}, {"BTC": PERCENT}]))
    (event,) = played.data("funding_paid")
    assert event["rates"] == [{"market": "BTC", "rate": PERCENT, "paid": "11", "outside": "3"}]
    assert {row["account"]: row["amount"] for row in event["rows"]} == {"a": "-7", "b": "-4", "c": "8"}
    assert [cash(played, name) for name in "abc"] == [493, 496, 508]
    assert played.venue.state.outside_cash == 3 and event["step"] == 2


def test_a_negative_rate_turns_it_round():
    """c owes 7.92, the outside book 2.97: 8 and 3; a and b share 11 as 7 and 4."""
    played = play(funded(ROWS, [99, 99], [{}, {"BTC": -PERCENT}]))
    assert [cash(played, name) for name in "abc"] == [507, 504, 492]


def test_it_comes_before_the_marks_at_the_marks_that_stood():
    played = play(funded(ROWS, [99, 50], [{}, {"BTC": PERCENT}]))
    kinds = [envelope["kind"] for machine, envelope in played.records if machine == "venue"]
    assert kinds.index("funding_paid") == kinds.index("marked", 2) - 1
    assert played.data("funding_paid")[0]["rates"][0]["paid"] == "11"


def test_without_a_mark_or_a_rate_nothing_accrues():
    assert not play(funded(ROWS, [99], [{"BTC": PERCENT}])).data("funding_paid")
    assert not play(funded(ROWS, [99, 99], [{}, {"BTC": 0}])).data("funding_paid")


def test_a_stale_market_accrues_nothing():
    base = funded(ROWS, [{"BTC": 99}, {}, {}], [{}, {"BTC": PERCENT}, {"BTC": PERCENT}], max_age_ms=500)
    assert len(play(base).data("funding_paid")) == 1, "the step in which it was seen to be stale comes after"


def test_what_cannot_be_paid_is_debt_and_part_of_the_deficit():
    """a has 5 left at 100 and owes 70 of funding: its lots are sold at the mark, 65 are its deficit."""
    rows = {"a": account(8, long(7, 100)), "c": account(500, short(7, 100))}
    layers = (LayerSpec("shared", "shared_fund", 100),)
    played = play(funded(rows, [100, 100], [{}, {"BTC": 10 * PERCENT}], layers=layers))
    (row,) = played.data("accounts_closed")[0]["rows"]
    assert (row["account"], row["deficit"], row["losses"]) == ("a", "62", [{"market": "BTC", "amount": "70"}])
    assert cash(played, "c") == 570 and played.journal.state.layers["shared"].balance == 38


def test_layers_take_part_with_what_they_hold():
    """The fund took over 10 lots at 90: it pays 9 of 18 in 1 %; `s` receives all 18."""
    takeover = '[liquidation.takeover]\nlayer = "shared"\nwhen = "below"\nunwind_ppm = 0\n'
    rows = {"a": account(105, long(10, 100)), "l": account(900, long(10, 100)), "s": account(900, short(20, 100))}
    layers = (LayerSpec("shared", "shared_fund", 500),)
    base = funded(rows, [90, 90], [{}, {"BTC": PERCENT}], layers=layers, extra_text=takeover)
    played = play(base)
    (event,) = played.data("funding_paid")
    assert [(row["layer"], row["realised"], row["lots_after"]) for row in event["inventory"]] == [("shared", "-9", 10)]
    assert (cash(played, "l"), cash(played, "s")) == (891, 918)
    assert played.journal.state.layers["shared"].balance == 500 - 9


def test_an_unknown_market_is_an_error():
    with pytest.raises(ValueError, match="wanted markets of the venue; found XRP"):
        play(funded(ROWS, [99], [{"XRP": PERCENT}]))


RATES = st.sampled_from([0, 1, -1, PERCENT, -PERCENT, 30 * PERCENT, -70 * PERCENT, 7 * 10**11])


@given(st.one_of(stories(), squeezes(2)), st.lists(st.tuples(RATES, RATES, RATES), max_size=8))
def test_I1_payers_pay_what_receivers_get(story, rates):
    """To the unit, in every market, the outside book included; the venue's own check holds everything else."""
    names = [market.id for market in story.spec.markets]
    funding = tuple(dict(zip(names, row)) for row in rates)
    played = play(replace(story, steps=story.steps * 2, funding=funding))
    follow(played)
    for event in played.data("funding_paid"):
        for rate in event["rates"]:
            rows = [int(row["amount"]) for row in event["rows"] if row["market"] == rate["market"]]
            assert sum(rows) + int(rate["outside"]) == 0
            assert sum(-units for units in rows if units < 0) + max(0, -int(rate["outside"])) == int(rate["paid"])
