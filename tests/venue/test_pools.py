"""Deleveraging on arrays closes whom a reading one winner at a time closes, to the lot and to the unit."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, strategies as st

from seawall.design.instruments import instruments
from seawall.rules.adl_policies import ADL_POLICIES
from seawall.venue.book import Book
from seawall.venue.deleverage import QUEUES, deleverage
from seawall.venue.pools import FEW, shares
from seawall.venue.sales import positions, share_value
from seawall.venue.scan import Values
from seawall.venue.state import open_state
from tests.generators import DesignSpec, MarketSpec, TierSpec
from tests.venue.winners_by_hand import deleverage_by_hand

MARKETS = (
    MarketSpec("BTC", 3, (TierSpec(50_000, 10**4), TierSpec(100_000))),
    MarketSpec("ETH", 1),
    MarketSpec("XBT", 10**6, extra={"kind": "inverse_perp"}),
)
MARKS = [70, 900, 1_300]
ENTRIES = [100, 1_000, 1_500]
RANKINGS = sorted({facts.name for facts in ADL_POLICIES} - {"rap", "mean_surplus"} | {"queue_pnl_leverage"})
"""All that a design may name."""
ELIGIBLE = ("profit_at_close", "capped_at_mark", "any")


def book_of(rows):
    """Accounts of (cash, lots by market), all of them entered at about the same prices."""
    built = instruments(DesignSpec(markets=MARKETS).design)
    held = []
    for account, (_, lots, away) in enumerate(rows):
        for market, size in enumerate(lots):
            if size:
                price, contract = ENTRIES[market] + away, built[market].contract
                cost = -(size * contract.unit // price) if contract.inverse else size * price * contract.unit
                held.append((account, market, size, cost))
    names = tuple(f"a{place:04}" for place in range(len(rows)))
    columns = zip(*held, strict=True) if held else ((), (), (), ())
    account, market, lots, cost = columns
    return Book(
        accounts=names,
        owners=names,
        cash_units=[cash for cash, _, _ in rows],
        markets=tuple(m.id for m in MARKETS),
        position_account=account,
        position_market=market,
        lots=lots,
        cost_units=cost,
    )


def opened(rows, ranking, eligible, price="bankruptcy_price", ceiling=2**20):
    """A state at the marks, its design, everybody's values, and the sales of whoever is liquidatable."""
    design = DesignSpec(markets=MARKETS, policy="adl", ranking=ranking, eligible=eligible).design
    design = msgspec.structs.replace(design, exhaustion=msgspec.structs.replace(design.exhaustion, adl_price=price))
    state = open_state(book_of(rows), instruments(design), {}, [ceiling] * len(MARKETS))
    state.ticks, state.anchor = list(MARKS), [mark + 5 for mark in MARKS]
    values = Values(state, design)
    sales = {int(account): positions(state, int(account), values.full(int(account))) for account in values.found}
    bankrupt = {account for account in sales if values.full(account) < 0}
    return state, design, values, sales, bankrupt


def agree(*world):
    found = deleverage(*world)
    assert found == deleverage_by_hand(*world)
    return found


def crowd(people, losers, seed, far=40):
    """Few winners with much profit and thin equity among many, and losers that they do not suffice for."""
    dice = np.random.default_rng(seed)
    rows = []
    for place in range(people):
        side = 1 if place < losers else -1
        lots = tuple((side * dice.integers(0, far, 3)).tolist())
        rows.append((int(dice.integers(-800, 4_000)), lots, int(dice.integers(-20, 20))))
    return [rows[place] for place in dice.permutation(people).tolist()]


@pytest.mark.parametrize("ranking", RANKINGS)
@pytest.mark.parametrize(("people", "losers"), [(90, 55), (350, 16)])
def test_a_crowd_is_closed_the_same(ranking, people, losers):
    """More losers than winners suffice for, so that the lowest ids and whoever else fits are served; and fewer."""
    short = 0
    for eligible in ELIGIBLE:
        found = agree(*opened(crowd(people, losers, losers), ranking, eligible))
        assert found.winnings
        short += bool(found.unplaced)
    assert short or people == 350


@pytest.mark.parametrize("few", [0, 1, 3])
@pytest.mark.parametrize("eligible", ELIGIBLE)
def test_a_queue_that_starts_with_many_who_cannot_pay_is_planned_whole(few, eligible, monkeypatch):
    monkeypatch.setattr("seawall.venue.queues.FEW", few)
    for ranking in sorted(QUEUES - {"mean_surplus"}):
        assert agree(*opened(crowd(90, 65, few), ranking, eligible)).unplaced


@pytest.mark.parametrize("units", [0, 1, -7, 10**6 + 3, -(2**61), 2**64])
@pytest.mark.parametrize("people", [1, FEW, FEW + 1, 3 * FEW])
def test_a_value_is_shared_as_sales_share_it(units, people):
    lots = np.arange(people, dtype=np.int64) * 7 % 11 + 1
    expected = share_value(units, lots.tolist())
    if abs(units) < 2**62:
        assert tuple(shares(units, lots).tolist()) == expected
    assert tuple(shares(units, lots.astype(object)).tolist()) == expected


def test_an_attempt_that_fails_changes_nothing():
    """The same pools give the same answer after a deleveraging was tried on a copy."""
    world = opened(crowd(60, 30, 1), "pro_rata_pnl", "capped_at_mark")
    first = deleverage(*world)
    state = world[0]
    before = (state.cash.copy(), state.lots.copy(), state.cost.copy())
    assert deleverage(*world) == first
    for now, then in zip((state.cash, state.lots, state.cost), before, strict=True):
        assert (now == then).all()
    assert replace(first) == first


def test_winners_whose_last_lot_is_needed_suffice():
    """Ten lots for ten of the first; five more have nobody. All entered ETH at 1,000; the mark is 900."""
    rows = [(500, (0, 10, 0), 0), (200, (0, 5, 0), 0), (5_000, (0, -10, 0), 0)]
    found = agree(*opened(rows, "pro_rata_lots", "any"))
    assert (found.accounts, found.unplaced) == ({0}, {1: 5})
    assert [(row.account, row.lots) for row in found.winnings] == [(2, 10)]


def test_one_equity_does_not_pay_in_two_markets():
    """The first loser would take 270 in BTC and 1,140 in ETH of one winner whose equity is 1,250: either, not both."""
    rows = [(500, (10, 10, 0), 0), (0, (0, 2, 0), 0), (-950, (-10, -13, 0), 0)]
    state, design, values, sales, bankrupt = opened(rows, "pro_rata_pnl", "capped_at_mark")
    assert bankrupt == {0, 1}
    equity = values.full(2)
    found = agree(state, design, values, sales, bankrupt)
    assert found.unplaced and found.accounts == {1}
    assert sum(row.taken for row in found.winnings) <= equity


def test_who_is_liquidatable_wins_nothing_even_where_nobody_liquidates_it_yet():
    """The engine's capacity may leave it for a later step. It gained 1,000, has 300, and needs 450."""
    state, design, values, sales, bankrupt = opened([(500, (0, 10, 0), 0), (-700, (0, -10, 0), 0)], "cel", "any")
    assert values.found.tolist() == [0, 1]
    found = agree(state, design, values, {0: sales[0]}, bankrupt)
    assert (found.winnings, found.unplaced) == ((), {1: 10})


def test_who_is_under_liquidation_wins_nothing_even_where_it_is_safe():
    state, design, values, sales, bankrupt = opened(crowd(60, 20, 2), "pro_rata_pnl", "any")
    before = agree(state, design, values, sales, bankrupt)
    winner = before.winnings[0].account
    sales = {**sales, winner: positions(state, winner, values.full(winner))}
    after = agree(state, design, values, sales, bankrupt)
    assert after.winnings and winner not in {row.account for row in after.winnings}


LOTS = st.integers(-40, 40)
ROWS = st.lists(
    st.tuples(st.integers(-3_000, 9_000), st.tuples(LOTS, LOTS, LOTS), st.integers(-30, 30)), min_size=2, max_size=14
)


@given(
    ROWS,
    st.sampled_from(RANKINGS),
    st.sampled_from(ELIGIBLE),
    st.sampled_from(["bankruptcy_price", "mark", "oracle"]),
    st.sampled_from([2**20, 2**70]),
)
def test_deleveraging_is_what_it_is_one_winner_at_a_time(rows, ranking, eligible, price, ceiling):
    world = opened(rows, ranking, eligible, price, ceiling)
    assert (world[0].cash.dtype == object) == (ceiling > 2**60)
    found = agree(*world)
    assert all(type(row.lots) is int and type(row.taken) is int for row in found.winnings)


@given(ROWS, st.sampled_from(RANKINGS), st.lists(st.booleans(), min_size=14, max_size=14), st.data())
def test_lots_that_were_sold_before_and_winners_that_are_liquidated_do_not_count(rows, ranking, sold, data):
    state, design, values, sales, bankrupt = opened(rows, ranking, "capped_at_mark")
    for own in sales.values():
        for sale, some in zip(own, sold, strict=False):
            sale.book = data.draw(st.integers(0, sale.size)) if some else 0
    agree(state, design, values, sales, bankrupt)
