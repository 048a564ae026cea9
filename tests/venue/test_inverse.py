"""Inverse contracts in the venue: the step with harmonic prices, and what rounding leaves with the venue."""

from dataclasses import replace

from hypothesis import given, strategies as st

from seawall.design.instruments import instruments
from seawall.venue.scan import value_all, value_one
from seawall.venue.state import open_state
from tests.generators import LayerSpec, MarketSpec, TierSpec, play, stories
from tests.venue.mechanisms import inverted, mechanisms
from tests.venue.second_book import SecondBook, follow
from tests.venue.test_worked import account, cash, story

XBT = MarketSpec("XBT", 10**8, (TierSpec(5_000),), extra={"kind": "inverse_perp"})
"""Contracts of one dollar in units of 10^-8 coins: 0.5 % maintenance."""
COIN = 10**8


def of(steps, bids, accounts, **spec):
    base = story(accounts, [{"XBT": price} for price in steps], markets=(XBT,), **spec)
    return play(replace(base, ladders={("XBT", "bids"): tuple(bids), ("XBT", "asks"): tuple(bids)}))


BITMEX = {
    "a": account(2 * COIN, (0, 100_000, -10 * COIN)),
    "b": account(100 * COIN, (0, -100_000, 10 * COIN)),
}
"""100,000 contracts from 10,000 on 2 coins: PX 10^13 / (10^9 + 2 10^8) = 8,333.3, up to 8,334."""


def test_a_long_is_liquidated_at_its_harmonic_price_and_its_deficit_is_in_coins():
    """At 8,340 it owes 11.99040768 (up), equity 0.00959232, margin 0.05995204. Sold at 8,330: 12.00480193 (up)."""
    played = of([8_340], [(10, 200_000)], BITMEX, layers=(LayerSpec("shared", "shared_fund", COIN),))
    (fill,) = played.data("round_filled")[0]["fills"]
    assert (fill["bankruptcy_ticks"], fill["amount"]) == (8_334, "1200480193")
    (hit,) = played.data("round_filled")[0]["triggered"]
    assert (hit["equity"], hit["maintenance"]) == ("959232", "5995204")
    assert played.data("accounts_closed")[0]["rows"][0]["deficit"] == "480193"
    assert played.journal.state.layers["shared"].balance == COIN - 480_193


def test_a_short_is_liquidated_upwards():
    """From 10,000 on 1 coin: 10^13 / (10^9 - 10^8) = 11,111.1, down to 11,111; bought back at 11,110: 9.00090009."""
    accounts = {"a": account(COIN, (0, -100_000, 10 * COIN)), "b": account(100 * COIN, (0, 100_000, -10 * COIN))}
    played = of([11_100], [(10, 200_000)], accounts)
    (fill,) = played.data("round_filled")[0]["fills"]
    assert (fill["bankruptcy_ticks"], fill["amount"]) == (11_111, "-900090009")
    assert cash(played, "a") == COIN - (10 * COIN - 900_090_009)


def test_both_sides_of_a_cross_are_rounded_against_themselves():
    """7 contracts at 11 of 100 units: 63.6; the long pays 64, the short gets 63, one unit stays with the venue."""
    market = MarketSpec("XBT", 100, (TierSpec(900_000),), extra={"kind": "inverse_perp"})
    accounts = {"a": account(5, (0, 7, -60)), "b": account(5, (0, -7, 60))}
    base = story(accounts, [{"XBT": 11}], markets=(market,))
    played = play(base)
    (data,) = played.data("round_filled")
    assert {fill["account"]: fill["amount"] for fill in data["fills"]} == {"a": "64", "b": "-63"}
    assert data["rounding"] == "1" and played.venue.state.rounding == 1
    assert (cash(played, "a"), cash(played, "b")) == (5 + 60 - 64, 5 - 60 + 63)
    follow(played)


def test_a_linear_cross_leaves_nothing_with_the_venue():
    accounts = {"a": account(145, (0, 7, 700)), "b": account(0, (0, -7, -560))}
    played = play(story(accounts, [80]))
    assert "rounding" not in played.data("round_filled")[0] and played.venue.state.rounding == 0


def test_winners_are_closed_against_a_bankrupt_inverse_long():
    """No layer has money: all of a's long is closed at 8,334 against b, who loses what a lot owes less there than at
    8,320. The price was rounded up from 8,333.3: what that leaves is a's own, and pays for no sale at 8,230.
    """
    played = of([8_320], [(90, 200_000)], BITMEX, policy="adl")
    follow(played)
    assert [row["lots"] for data in played.data("round_filled") for row in data["book"]] == []
    (data,) = played.data("deleveraged")
    assert [(row["lots"], row["price_ticks"]) for row in data["closings"]] == [(100_000, 8_334)]
    gap = -(-100_000 * COIN // 8_320) - -(-100_000 * COIN // 8_334)
    (row,) = data["haircuts"]
    assert data["closings"][0]["gap"] == row["taken"] == str(gap)
    kept = 12 * COIN - -(-100_000 * COIN // 8_334)  # what a has at its price
    assert 0 <= kept < -(-100_000 * COIN // 8_333) - 100_000 * COIN // 8_334  # less than a tick


@given(st.data(), stories(), st.sampled_from([2**40, 2**70]))
def test_the_arrays_equal_one_account_at_a_time(data, base, ceiling):
    made = inverted(base, data.draw(st.integers(0, len(base.spec.markets) - 1)))
    built = instruments(made.spec.design)
    state = open_state(made.book(), built, {}, [ceiling] * len(built))
    state.ticks = [made.steps[-1].get(instrument.id, 0) for instrument in built]
    values, book = value_all(state), SecondBook(made)
    book.marks = dict(made.steps[-1])
    for place, name in enumerate(state.accounts):
        assert (int(values.equity[place]), int(values.maintenance[place])) == value_one(state, place)
        if all(state.ticks):
            assert (values.equity[place], values.maintenance[place]) == (book.equity(name), book.maintenance(name))


@given(mechanisms(stories(markets=1).map(lambda base: inverted(base, 0))))
def test_I1_rounding_is_never_negative_and_never_more_than_a_unit_a_cross(base):
    played = play(base)
    follow(played)
    left = 0
    for data in played.data("round_filled"):
        crossed = {fill["market"] for fill in data["fills"] if fill["cross_lots"]}
        assert 0 <= int(data.get("rounding", 0)) <= len(crossed)
        left += int(data.get("rounding", 0))
    assert played.venue.state.rounding == left
