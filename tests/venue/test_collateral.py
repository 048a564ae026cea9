"""Collateral: haircuts in margin and not in debt, sold for a debt in the design's order, dust, and recoveries."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from seawall.design.instruments import instruments
from seawall.venue.scan import liquidatable, value_all, value_one
from seawall.venue.state import open_state
from tests.generators import LayerSpec, MarketSpec, TierSpec, play, stories
from tests.venue.mechanisms import with_collateral
from tests.venue.second_book import SecondBook, follow
from tests.venue.test_worked import FIVE, account, cash, lots, story


def token(name="TOK", haircut=100_000, dust=0, unit=1):
    extra = {"kind": "collateral", "haircut_ppm": haircut, "dust": str(dust)}
    return MarketSpec(name, unit, (), extra=extra)


BTC = MarketSpec("BTC", 1, (FIVE,))


MARKETS = (BTC, token())


def made(steps, accounts, books, markets=MARKETS, **more):
    """books: market -> bids."""
    base = story(accounts, steps, markets=markets, **more)
    played = play(replace(base, ladders={(market, "bids"): tuple(bids) for market, bids in books.items()}))
    follow(played)
    return played


def balance(played):
    return played.journal.state.layers["shared"].balance


def test_ORA_03_one_thin_book_does_not_make_an_account_bankrupt():
    """1,000,000 tokens, haircut 5 %, cash -880,000 USDC, maintenance 20,000: healthy at the median of the sources."""
    usdc = 10**6
    # One lot is a token, one tick a base unit; a position whose margin is 20,000 and which has lost nothing.
    markets = (MarketSpec("BTC", usdc, (TierSpec(20_000),)), token(haircut=50_000))
    accounts = {
        "a": account(-880_000 * usdc, (0, 1, 1_000_000 * usdc), (1, 1_000_000, 0)),
        "b": account(10**12, (0, -1, -1_000_000 * usdc)),
    }
    base = story(accounts, [{}], markets=markets)
    state = open_state(base.book(), instruments(base.spec.design), {}, [2**40, 2**40])
    for index, equity, hit in ((997_000, 67_150_000_000, False), (650_000, -262_500_000_000, True)):
        state.ticks = [1_000_000, index]
        values = value_all(state)
        assert value_one(state, 0) == (equity, 20_000 * usdc)
        assert (int(values.equity[0]), int(values.maintenance[0])) == (equity, 20_000 * usdc)
        assert bool(liquidatable(values, base.spec.design)[0]) == hit
    assert sorted((650_000, 997_000, 999_500))[1] == 997_000


HIT = {"a": account(140, (0, 10, 1000), (1, 10, 0)), "b": account(9_000, (0, -10, -1000))}
"""At 80 and a token at 10: cash 140, loss 200, tokens 100: equity 40 in full, 30 less the haircut; margin 40."""


def test_a_haircut_decides_margin_and_not_debt():
    """Liquidated at 30 < 40; sold at 80 it owes 60: six tokens are sold at 10, four are its own, nobody pays."""
    played = made([{"BTC": 80, "TOK": 10}], HIT, {"BTC": [(0, 50)], "TOK": [(0, 50)]})
    first, second = played.data("round_filled")
    assert first["triggered"][0]["equity"] == "30"
    assert [(fill["market"], fill["book_lots"]) for fill in second["fills"]] == [("TOK", -6)]
    assert (cash(played, "a"), lots(played, "a", 1)) == (0, 4) and not played.data("shortfalls_drawn")
    (row,) = [row for data in played.data("accounts_closed") for row in data["rows"]]
    assert (row["residual"], row["deficit"]) == ("0", "0")


def test_without_a_haircut_it_is_healthy():
    markets = (BTC, token(haircut=0))
    assert not made([{"BTC": 80, "TOK": 10}], HIT, {"BTC": [(0, 50)]}, markets).data("round_filled")


def test_the_bankruptcy_price_counts_collateral_whole():
    """40 of equity in full: PX 76."""
    played = made([{"BTC": 80, "TOK": 10}], HIT, {"BTC": [(0, 50)], "TOK": [(0, 50)]})
    assert played.data("round_filled")[0]["fills"][0]["bankruptcy_ticks"] == 76


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_what_the_sale_does_not_pay_is_the_deficit_and_it_waits_for_the_sale(steps):
    """60 owed; the book takes four tokens a step: 36 at 9, then 12 at 3, then the last two for 6: 6 are the deficit."""
    prices = [{"BTC": 80, "TOK": 10}, {"TOK": 4}, {"TOK": 4}][:steps]
    layers = (LayerSpec("shared", "shared_fund", 100),)
    played = made(prices, HIT, {"BTC": [(0, 50)], "TOK": [(1, 4)]}, layers=layers)
    assert cash(played, "a") == {1: -24, 2: -12, 3: 0}[steps]
    assert balance(played) == (100 if steps < 3 else 94)
    deficits = [row["deficit"] for data in played.data("accounts_closed") for row in data["rows"]]
    assert deficits == ([] if steps < 3 else ["6"])


def test_collateral_is_sold_in_the_designs_order_the_fewest_lots_that_suffice():
    """60 owed: three of the first at 10 (all it has), then two of the second at 20."""
    markets = (BTC, token("ONE", 0), token("TWO", 0))
    accounts = {"a": account(140, (0, 10, 1000), (1, 3, 0), (2, 2, 0)), "b": account(9_000, (0, -10, -1000))}
    played = made(
        [{"BTC": 80, "ONE": 10, "TWO": 20}], accounts, {"BTC": [(0, 50)], "ONE": [(0, 9)], "TWO": [(0, 9)]},
        markets, trigger="at_or_below",
    )  # fmt: skip
    sold = [(f["market"], f["book_lots"]) for data in played.data("round_filled")[1:] for f in data["fills"]]
    assert sold == [("ONE", -3), ("TWO", -2)] and cash(played, "a") == 10


def test_a_sale_of_collateral_bears_no_surcharge():
    played = made([{"BTC": 80, "TOK": 10}], HIT, {"BTC": [(4, 50)], "TOK": [(0, 50)]}, surcharge_ppm=100_000)
    assert [f["surcharge"] for data in played.data("round_filled") for f in data["fills"]] == ["0", "0"]


def test_dust_does_not_delay_a_deficit_and_its_later_sale_is_a_recovery():
    """60 owed; no bid for the ten tokens of 5, dust below 51: the fund pays 60. At 7 they sell for 49 of the 60."""
    markets = (BTC, token(dust=51))
    accounts = {"a": account(140, (0, 10, 1000), (1, 10, 0)), "b": account(9_000, (0, -10, -1000))}
    layers = (LayerSpec("shared", "shared_fund", 100),)
    stuck = made([{"BTC": 80, "TOK": 5}], accounts, {"BTC": [(0, 50)]}, markets, layers=layers)
    assert balance(stuck) == 40 and lots(stuck, "a", 1) == 10 and stuck.venue.state.owed == {0: 60}
    played = made(
        [{"BTC": 80, "TOK": 1}, {"TOK": 7}], accounts, {"BTC": [(0, 50)], "TOK": [(1, 7)]}, markets, layers=layers
    )
    (row,) = [row for data in played.data("recovered") for row in data["rows"]]
    assert (row["amount"], row["owed_after"], row["cash_after"]) == ("42", "18", "0")
    assert balance(played) == 40 + 42 and played.venue.state.owed == {0: 18}
    assert [d["inflow"]["source"] for d in played.data("inflow_routed")] == ["recovery"]


def test_a_floor_of_dust_is_saleable():
    markets = (BTC, token(dust=50))
    accounts = {"a": account(140, (0, 10, 1000), (1, 10, 0)), "b": account(9_000, (0, -10, -1000))}
    waits = made([{"BTC": 80, "TOK": 5}], accounts, {"BTC": [(0, 50)]}, markets)
    assert not waits.data("accounts_closed")


def test_nothing_is_decided_of_collateral_without_a_good_price():
    """The token's price is too old at 2 s: nobody with it is liquidated, and what is owed waits."""
    steps = [{"BTC": 100, "TOK": 10}, {"BTC": 80}]
    assert not made(steps, HIT, {"BTC": [(0, 50)]}, max_age_ms=999).data("round_filled")


def test_collateral_is_nobodys_position_for_deleveraging():
    """-60 at 80 and worthless tokens: closed at 86 against b, whose tokens are not lots of the other side."""
    accounts = {
        "a": account(140, (0, 10, 1000), (1, 10, 0)),
        "b": account(9_000, (0, -10, -1000), (1, 90, 0)),
    }
    played = made([{"BTC": 80, "TOK": 1}], accounts, {"BTC": [(20, 50)], "TOK": [(0, 50)]}, policy="adl")
    (data,) = played.data("deleveraged")
    assert {(row["account"], row["market"]) for row in (*data["closings"], *data["haircuts"])} == {
        ("a", "BTC"), ("b", "BTC")
    }  # fmt: skip
    # 140 - 200 + 10 tokens of 1 = -50: PX 85; b loses 50, and the tokens then pay the other 10
    assert data["closings"][0]["price_ticks"] == 85 and data["haircuts"][0]["haircut"] == "50"
    assert (cash(played, "a"), lots(played, "a", 1)) == (0, 0)


def test_an_account_that_only_owes_sells_what_it_has():
    played = made([{"BTC": 80, "TOK": 10}], {"a": account(-35, (1, 10, 0))}, {"TOK": [(0, 50)]})
    assert (cash(played, "a"), lots(played, "a", 1)) == (5, 6)


@given(st.data(), stories(), st.sampled_from([2**40, 2**70]))
def test_the_arrays_equal_one_account_at_a_time(data, base, ceiling):
    made_story = data.draw(with_collateral(base))
    built = instruments(made_story.spec.design)
    state = open_state(made_story.book(), built, {}, [ceiling] * len(built))
    state.ticks = [made_story.steps[-1].get(instrument.id, 0) for instrument in built]
    values, book = value_all(state), SecondBook(made_story)
    book.marks = dict(made_story.steps[-1])
    for place, name in enumerate(state.accounts):
        assert (int(values.equity[place]), int(values.maintenance[place])) == value_one(state, place)
        assert values.decidable[place] == book.decidable(name)
        if all(state.ticks):
            assert values.equity[place] == book.equity(name)


@pytest.mark.parametrize("kind", [1, 10**12])
def test_a_haircut_in_arrays_does_not_overflow(kind):
    accounts = {"a": account(0, (1, 3, 0), (0, 1, 0)), "b": account(0, (0, -1, 0))}
    base = story(accounts, [{}], markets=(BTC, token(haircut=333_333, unit=kind)))
    state = open_state(base.book(), instruments(base.spec.design), {}, [10, 10])
    state.ticks = [1, 7]
    assert int(value_all(state).equity[0]) == 1 + 21 * kind * 666_667 // 1_000_000
