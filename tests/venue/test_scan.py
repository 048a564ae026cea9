"""Scan: equity and maintenance margin of all accounts in arrays, equal to the rules one account at a time."""

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from seawall.design.instruments import instruments
from seawall.rules.margin import maintenance_margin_units
from seawall.venue.scan import maintenance_array, value_all, value_one
from seawall.venue.state import open_state
from tests.generators import DesignSpec, MarketSpec, Story, TierSpec, stories, tiers
from tests.venue.second_book import SecondBook


def opened(story, ticks, ceiling=2**40):
    """A venue's state at these marks; a ceiling beyond reason makes the arrays Python integers."""
    built = instruments(story.spec.design)
    state = open_state(story.book(), built, {}, [ceiling] * len(built))
    state.ticks = [ticks.get(instrument.id, 0) for instrument in built]
    return state


def agree(state):
    values = value_all(state)
    for account in range(len(state.accounts)):
        assert (int(values.equity[account]), int(values.maintenance[account])) == value_one(state, account)
    return values


@given(stories(), st.sampled_from([2**40, 2**70]))
def test_the_arrays_equal_one_account_at_a_time(story, ceiling):
    state = opened(story, story.steps[-1], ceiling)
    assert (state.cash.dtype == object) == (ceiling > 2**60)
    agree(state)


@given(stories())
def test_the_arrays_equal_a_second_bookkeeper(story):
    book = SecondBook(story)
    book.marks = dict(story.steps[-1])
    values = value_all(opened(story, story.steps[-1]))
    for place, name in enumerate(story.book().accounts):
        assert values.equity[place] == book.equity(name)
        assert values.maintenance[place] == book.maintenance(name)
        assert values.decidable[place] == book.decidable(name)


@given(
    st.lists(
        st.tuples(st.integers(-(10**30), 10**30), st.integers(-(10**20), 10**20).filter(bool), st.integers(0, 10**30)),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 10**9),
)
def test_amounts_far_beyond_64_bits_are_exact(rows, price):
    accounts = {"huge": ("huge", 10**30, ())}
    for number, (cash, lots, cost) in enumerate(rows):
        accounts[f"a{number}"] = ("o", cash, ((0, lots, cost if lots > 0 else -cost),))
    margins = (TierSpec(5_000, 10**25), TierSpec(20_000, None, 10**22))
    story = Story(DesignSpec(markets=(MarketSpec("BTC", 7, margins),)), accounts, {}, ())
    state = opened(story, {"BTC": price})
    assert state.cash.dtype == object
    agree(state)


@given(st.data(), st.lists(st.integers(1, 3000), min_size=1, max_size=8), st.sampled_from([np.int64, object]))
def test_margin_in_arrays_equals_the_rule_at_every_tiers_edge(data, notionals, kind):
    spec = DesignSpec(markets=(MarketSpec("BTC", 1, data.draw(tiers(1000))),))
    (built,) = instruments(spec.design)
    edges = [tier.up_to_notional for tier in built.market.tiers if tier.up_to_notional is not None]
    near = [int(edge) + step for edge in edges for step in (-1, 0, 1)]
    asked = [notional for notional in [*notionals, *near] if notional > 0]
    margins = maintenance_array(np.array(asked, dtype=kind), built)
    assert [int(m) for m in margins] == [maintenance_margin_units(n, built.market.tiers) for n in asked]


@given(st.integers(2**61, 2**62), st.integers(1, 1_000_000))
@example(2**62, 1_000_000)
@example(2**62 - 1, 999_999)
def test_margin_in_64_bits_does_not_overflow_on_the_way(notional, rate):
    (built,) = instruments(DesignSpec(markets=(MarketSpec("BTC", 1, (TierSpec(rate),)),)).design)
    (margin,) = maintenance_array(np.array([notional], dtype=np.int64), built)
    assert int(margin) == -(-notional * rate // 1_000_000)


@pytest.mark.parametrize("stale", [{}, {0: "too old"}])
def test_who_holds_a_market_without_a_good_mark_cannot_be_decided(stale):
    accounts = {
        "a": ("a", 5, ((0, 1, 5), (1, 1, 5))),
        "b": ("b", 5, ((1, 2, 5),)),
        "c": ("c", 5, ()),
        "d": ("d", 5, ((2, 1, 5),)),
    }
    spec = DesignSpec(markets=(MarketSpec("BTC"), MarketSpec("ETH"), MarketSpec("A")))
    state = opened(Story(spec, accounts, {}, ()), {"BTC": 5, "ETH": 5})
    state.stale = stale
    assert list(value_all(state).decidable) == [not stale, True, False, False]


def test_a_book_must_name_the_designs_markets():
    story = Story(DesignSpec(), {"a": ("a", 1, ())}, {}, ())
    with pytest.raises(ValueError, match="markets"):
        open_state(story.book(), instruments(DesignSpec(markets=(MarketSpec("ETH"),)).design), {}, [1])
