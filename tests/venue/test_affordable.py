"""Affordable lots: searched by arrays and by whole draws, the logs are the same bytes."""

from unittest.mock import patch

import numpy as np
from hypothesis import given, settings, strategies as st

from seawall.venue import plan
from seawall.venue.affordable import NetOrder, Owing
from seawall.venue.endings import owes_units
from seawall.venue.machine import Venue
from seawall.venue.sales import Sale, cross, fill, positions
from tests.generators import LayerSpec, MarketSpec, play, squeezes, stories
from tests.venue.mechanisms import mechanisms
from tests.venue.test_worked import account, long, short, story


def both(base):
    """The story played with arrays and without."""
    with patch.object(Venue, "_quote_array", lambda self, t_ms: None):
        slow = play(base)
    return play(base), slow


def logs(played):
    return played.venue.lines, played.journal.lines


@settings(max_examples=80)
@given(st.one_of(stories(policies=("adl",)), squeezes(), mechanisms()))
def test_the_log_does_not_say_how_the_lots_were_found(base):
    fast, slow = both(base)
    assert logs(fast) == logs(slow)


@settings(max_examples=40)
@given(stories(policies=("adl",), pass_through=False), st.integers(1, 40), st.sampled_from(["any", "bankruptcy_price"]))
def test_premiums_and_worst_prices_change_nothing_about_that(base, premium, worst):
    keys = {"assumption_premium_ppm": premium * 1_000, "worst_price": worst}
    fast, slow = both(base.but(liquidation={**base.spec.liquidation, **keys}))
    assert logs(fast) == logs(slow)


def test_arrays_are_used_where_they_can_be():
    """Two lots at 83 are what the layer's 7 pay for (the reserve's regression); the search does not ask the fund."""
    accounts = {"a": account(270, long(19, 100)), "b": account(9_000, short(19, 90)), "z": account(0, long(1, 30, 1))}
    markets, layers = (MarketSpec("BTC"), MarketSpec("ETH")), (LayerSpec("shared", "shared_fund", 7),)
    base = story(accounts, [{"BTC": 90, "ETH": 20}], bids=[(7, 19)], policy="adl", markets=markets, layers=layers)
    with patch.object(plan._Making, "_owed", side_effect=AssertionError("a whole draw was asked for")):
        played = play(base)
    assert [row["lots"] for data in played.data("round_filled") for row in data["book"]] == [2]


@settings(max_examples=60)
@given(mechanisms(), st.data())
def test_a_net_order_in_arrays_is_filled_as_the_venue_fills_it(base, data):
    """Every number of lots: sellers' lots and proceeds, and what everybody owes, at its price and at the mark."""
    state = play(base).venue.state
    design = base.spec.design
    if state.cash.dtype != np.int64 or not all(state.ticks):
        return
    accounts: dict[int, list[Sale]] = {}
    for index in range(len(state.accounts)):
        if not state.is_flat(index):
            accounts[index] = positions(state, index, data.draw(st.integers(-500, 500)))
    for sales in accounts.values():
        for sale in sales:
            sale.limit = data.draw(st.one_of(st.none(), st.integers(1, 200)))
    bankrupt = frozenset(index for index in accounts if data.draw(st.booleans()))
    orders = cross(state, accounts)
    owing = Owing(state, design, accounts, bankrupt)
    for market, order in orders.items():
        net = NetOrder(state, market, order, owing)
        lots = data.draw(st.integers(0, order.fillable))
        net.sell(lots)
        fill(state, orders, {m: lots if m == market else 0 for m in orders}, safest_first=True)
        for index, sales in accounts.items():
            for sale in sales:
                if sale.market == market:
                    place = market, owing.slot[index]
                    assert owing.px[place] == sale.worth(sale.px)
                    assert owing.lost[place] == sale.value_at(sale.filled, state.ticks[market]) - sale.value
                    assert owing.used[place] == sale.used_units() and owing.left[place] == sale.left
                    posted = state.ticks[market] if index in bankrupt else sale.px
                    assert owing.marks[place] == sale.worth(posted)
        again = Owing(state, design, accounts, bankrupt)
        below, posted = (again._below(), again._losses(again.px)), (again._posted(), again._losses(again.marks))
        for (units, losses), at_mark in ((below, False), (posted, True)):
            for index, sales in accounts.items():
                wanted = owes_units(state, design, index, sales, at_marks=at_mark and index in bankrupt)
                place = again.slot[index]
                assert units[place] == wanted[0]
                named = {state.instruments[m].id: int(x) for m, x in enumerate(losses[:, place]) if x}
                assert named == dict(wanted[1])
        net.sell(0)


@settings(max_examples=60)
@given(mechanisms(), st.data())
def test_what_an_account_owes_in_arrays_is_what_the_rule_says(base, data):
    """Any part of each position traded, or all of all: an account's own equity pays first, to the unit."""
    state = play(base).venue.state
    if state.cash.dtype != np.int64 or not all(state.ticks):
        return
    accounts: dict[int, list[Sale]] = {}
    for index in range(len(state.accounts)):
        if state.is_flat(index):
            continue
        accounts[index] = positions(state, index, data.draw(st.integers(-500, 500)))
        flat = data.draw(st.booleans())
        for sale in accounts[index]:
            sale.book = sale.size if flat else data.draw(st.integers(0, sale.size))
            sale.book_value = sale.value_at(sale.book, state.ticks[sale.market]) - data.draw(st.integers(0, 300))
    owing = Owing(state, base.spec.design, accounts, frozenset())
    below = owing._below()
    for index, sales in accounts.items():
        wanted = owes_units(state, base.spec.design, index, sales, at_marks=False)[0]
        assert below[owing.slot[index]] == wanted
        if all(sale.left == 0 for sale in sales) and not base.spec.design.liquidation.assumption_premium_ppm:
            lost = sum(sale.value_at(sale.size, state.ticks[sale.market]) - sale.value for sale in sales)
            fees = sum(state.fees.get(index, {}).values())
            assert wanted == max(0, state.reserved.get(index, 0) + lost - sales[0].equity - fees)
