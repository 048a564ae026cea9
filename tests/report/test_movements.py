"""Movements: every kind of event beside liquidations, in the tables and in an account's story.

The amounts are held to another idea: the venue's state before and after each event, as a replay takes it in.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from seawall.design.instruments import instruments
from seawall.fund.journal import FUND_CODEC
from seawall.report.deficits import deficit_of
from seawall.report.explain import Explanation
from seawall.report.movements import movements
from seawall.report.story import tell
from seawall.report.tables import fund_tables, venue_tables
from seawall.report.wording import Currency
from seawall.venue.apply import apply
from seawall.venue.replay import FAST_TICKS
from seawall.venue.state import open_state
from seawall.venue_events import (
    VENUE_CODEC,
    ClosedAgainstLayer,
    Deposited,
    FundingPaid,
    GainsTaken,
    InventoryMoved,
    InventorySettled,
    MarketSettled,
    PositionsTornUp,
    RecourseTaken,
    Recovered,
    Withdrawn,
)
from tests.generators import LayerSpec, MarketSpec, TierSpec, play, squeezes, stories
from tests.venue import (
    test_accrual,
    test_collateral,
    test_gains,
    test_inventory,
    test_pool,
    test_recourse,
    test_settlement,
    test_tear_up,
)
from tests.venue.mechanisms import mechanisms
from tests.venue.test_worked import account, long, short, story

SHOWN = (
    FundingPaid
    | GainsTaken
    | PositionsTornUp
    | MarketSettled
    | InventoryMoved
    | InventorySettled
    | ClosedAgainstLayer
    | Withdrawn
    | Deposited
    | RecourseTaken
    | Recovered
)


def recovered():
    """60 owed, dust left; at 7 six tokens sell for 42 of it (tests/venue/test_collateral.py)."""
    markets = (test_collateral.BTC, test_collateral.token(dust=51))
    accounts = {"a": account(140, (0, 10, 1000), (1, 10, 0)), "b": account(9_000, (0, -10, -1000))}
    layers = (LayerSpec("shared", "shared_fund", 100),)
    steps = [{"BTC": 80, "TOK": 1}, {"TOK": 7}]
    return test_collateral.made(steps, accounts, {"BTC": [(0, 50)], "TOK": [(1, 7)]}, markets, layers=layers)


def in_and_out():
    """80 carried by all who withdraw: `w` deposits 10, asks for 100 of its 200 and gives part of it up."""
    rows = {"Z": account(120, long(10, 100)), "s": account(400, short(10, 100)), "w": account(200)}
    markets = (MarketSpec("BTC", 1, (TierSpec(10_000, initial_ppm=100_000),)),)
    base = story(rows, [80, 80], bids=[(0, 500)], policy="withdrawal_haircut", markets=markets)
    return play(replace(base, asked={2: (("deposit", "w", 10), ("withdraw", "w", 100))}))


def funded():
    steps, rates = [99, 99, 99], [{}, {"BTC": test_accrual.PERCENT}, {"BTC": test_accrual.PERCENT}]
    return play(test_accrual.funded(test_accrual.ROWS, steps, rates))


def inventory():
    keys = {"unwind_ppm": 500_000}
    return test_inventory.made([80, 90, 70], bids=[(1, 3)], keys=keys)


def closed_against():
    return test_inventory.made([80, 79], layers=(LayerSpec("shared", "shared_fund", 41),))


def settled():
    quiet = {"ETH": 50}
    return play(test_settlement.halted([{"BTC": 90}, quiet, quiet, quiet]))


WORKED = {
    "funding": funded,
    "gains": lambda: play(test_gains.isda()),
    "tear-up": lambda: play(test_tear_up.torn()),
    "settled": settled,
    "inventory": inventory,
    "against": closed_against,
    "band": lambda: test_pool.made([100], test_pool.BAND, balance=1_000, start=500_000, stop=400_000),
    "money": in_and_out,
    "recourse": lambda: play(test_recourse.family()),
    "recovered": recovered,
}


def opened(played):
    """The venue's state before its first event."""
    design = played.story.spec.design
    built = instruments(design)
    where = {instrument.id: market for market, instrument in enumerate(built)}
    ladders = {(where[market], side): levels for (market, side), levels in played.story.ladders.items()}
    pool = None if design.pool is None else design.pool.layer
    return open_state(played.story.book(), built, ladders, [FAST_TICKS] * len(built), pool)


def picture(state):
    """Cash by account; lots, cost by account and market; lots, result not yet settled by layer and market."""
    names = [instrument.id for instrument in state.instruments]
    cash = {name: int(state.cash[i]) for name, i in state.index.items()}
    lots = {(a, m): int(state.lots[j, i]) for a, i in state.index.items() for j, m in enumerate(names)}
    cost = {(a, m): int(state.cost[j, i]) for a, i in state.index.items() for j, m in enumerate(names)}
    held = {(layer, names[j]): row[0] for (layer, j), row in state.held.items()}
    due = {(layer, names[j]): int(units) for (layer, j), units in state.due.items()}
    return cash, lots, cost, held, due


def changed(before, after):
    """What differs, by key, as differences."""
    found = {key: after.get(key, 0) - before.get(key, 0) for key in before.keys() | after.keys()}
    return {key: value for key, value in found.items() if value}


def summed(pairs):
    """Amounts by key, zeros left out."""
    found = {}
    for key, value in pairs:
        found[key] = found.get(key, 0) + int(value)
    return {key: value for key, value in found.items() if value}


def agree(played):
    """Hold every event's movements to the state; returns how many there were, by kind."""
    state, kinds = opened(played), {}
    for recorded in VENUE_CODEC.read(played.venue.lines):
        before, found = picture(state), list(movements(recorded.event))
        apply(state, recorded.stamp, recorded.event)
        if not isinstance(recorded.event, SHOWN):
            assert found == []
            continue
        after = picture(state)
        cash, lots, cost, held, due = (changed(one, other) for one, other in zip(before, after, strict=True))
        paid = [one for one in found if one.account and one.cash_after is not None]
        assert summed((one.account, one.amount) for one in paid) == cash
        last = {one.account: one.cash_after for one in paid}
        assert all(units == after[0][name] for name, units in last.items())
        assert summed(((one.account, one.market), one.lots) for one in found if one.account) == lots
        assert summed(((one.layer, one.market), one.lots) for one in found if one.layer) == held
        sign = -1 if isinstance(recorded.event, InventorySettled) else 1  # what was due became the layer's money
        assert summed(((one.layer, one.market), sign * one.amount) for one in found if one.layer) == due
        if isinstance(recorded.event, GainsTaken):
            assert summed(((one.account, one.market), -one.amount) for one in found if one.cash_after is None) == cost
        for one in found:
            kinds[one.what] = kinds.get(one.what, 0) + 1
    return kinds


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("funding", {"funding": 6}),
        ("gains", {"gains_haircut": 5}),
        ("tear-up", {"torn_up": 3, "tear_up": 2}),
        ("settled", {"market_settled": 2}),
        ("inventory", {"inventory": 2, "inventory_settled": 2}),
        ("against", {"closed_against_layer": 2, "inventory_settled": 1}),
        ("band", {"closed_against_layer": 3, "inventory_settled": 1}),
        ("money", {"deposit": 1, "withdrawal": 1, "withdrawal_haircut": 1}),
        ("recourse", {"recourse": 4}),
        ("recovered", {"recovered": 1}),
    ],
)
def test_movements_are_what_the_state_says_in_a_case_of_each_kind(name, kinds):
    assert agree(WORKED[name]()) == kinds


@given(st.one_of(mechanisms(), stories(), squeezes(1)))
def test_movements_are_what_the_state_says_in_any_story(base):
    agree(play(base))


@given(
    st.one_of(stories(policies=("gains_haircut", "tear_up", "withdrawal_haircut")), squeezes(1)),
    st.lists(st.tuples(st.sampled_from(["withdraw", "deposit"]), st.integers(1, 5_000)), max_size=4),
    st.integers(-(10**10), 10**10),
)
def test_movements_of_funding_and_of_money_in_and_out(base, asks, rate):
    names = sorted(base.accounts)
    asked = {1: tuple((what, names[place % len(names)], units) for place, (what, units) in enumerate(asks))}
    rates = tuple({market.id: rate for market in base.spec.markets} for _ in base.steps)
    agree(play(replace(base, asked=asked, funding=rates)))


@pytest.mark.parametrize("name", sorted(WORKED))
def test_the_table_has_a_row_for_each_movement(name):
    played = WORKED[name]()
    table = venue_tables(played.venue.lines, instruments(played.story.spec.design)).movements
    wanted = [
        (recorded.stamp.t_ms, recorded.stamp.seq, one.what, one.account, one.layer, one.lots, int(one.amount))
        for recorded in VENUE_CODEC.read(played.venue.lines)
        for one in movements(recorded.event)
    ]
    columns = ("t_ms", "seq", "what", "account", "layer", "lots", "amount")
    found = [tuple(row[column] for column in columns) for row in table.iter_rows(named=True)]
    assert [(*row[:3], row[3] or "", row[4] or "", row[5], int(row[6])) for row in found] == wanted
    assert table.filter(table["account"].is_null() == table["layer"].is_null()).height == 0


def explained(played, name):
    """The account's story in words."""
    design, book = played.story.spec.design, played.story.book()
    place = book.accounts.index(name)
    positions = {
        book.markets[market]: int(lots)
        for owner, market, lots in zip(book.position_account, book.position_market, book.lots, strict=True)
        if owner == place
    }
    built = instruments(design)
    run = SimpleNamespace(
        venue_log=tuple(VENUE_CODEC.read(played.venue.lines)),
        fund_log=tuple(FUND_CODEC.read(played.journal.lines)),
        instruments=built,
    )
    chapters = tell(run, name, positions)
    decimals = {instrument.id: instrument.tick_decimals for instrument in built}
    money = Currency(design.asset.id, design.asset.decimals)
    told = Explanation(name, name, money, int(book.cash_units[place]), positions, chapters, decimals)
    assert told.facts()["touched"]
    return "\n".join(told.lines()), chapters


@pytest.mark.parametrize(
    ("name", "who", "wanted"),
    [
        ("funding", "a", "paid 14 USDC of funding in BTC for 2 intervals, until"),
        ("funding", "c", "received 16 USDC of funding in BTC for 2 intervals, until"),
        ("gains", "A", "haircut of 300 USDC through haircut on gains, from its profit in X"),
        ("gains", "B", "haircut of 133 USDC through haircut on gains, from its profit in Y"),
        ("tear-up", "s", "short 15 lots of BTC ended at the mark in a tear-up and gained 300 USDC, batch b1.1"),
        ("tear-up", "s", "haircut of 113 USDC through tear-up, batch b1.1; cash then 987 USDC"),
        ("tear-up", "l", "long 10 lots of BTC ended at the mark in a tear-up and lost 200 USDC"),
        ("settled", "l", "long 10 lots of BTC ended at the last good price, the market being settled, and lost 100"),
        ("against", "b", "short 10 lots of BTC closed against shared and gained 210 USDC; cash then 9,210 USDC"),
        ("band", "w", "long 6 lots of BTC closed against pool and gained 300 USDC; cash then 5,300 USDC"),
        ("money", "w", "deposit of 10 USDC, request deposit.2.0; cash then 210 USDC"),
        ("money", "w", "withdrawal of "),
        ("money", "w", "through withdrawal haircut, request withdraw.2.1; cash then "),
        ("recourse", "o2", "56 USDC taken for the deficit of o1, of the same owner; cash then 4 USDC"),
        ("recourse", "o1", "94 USDC of its deficit paid by o3, of the same owner"),
        ("recovered", "a", "42 USDC paid towards its old deficit out of what was sold since; cash then 0 USDC"),
        ("inventory", "a", "10 lots of BTC (3 to the order book and 7 taken over by a layer)"),
    ],
)
def test_a_story_says_why_cash_and_positions_changed(name, who, wanted):
    assert wanted in explained(WORKED[name](), who)[0]


def test_a_story_goes_on_from_the_lots_that_are_left():
    """`w` has 4 lots after the pool's band; at 30 it is liquidated, and the story says that it held them."""
    rows = {**test_pool.BAND, "w": account(-250, (0, 10, 500))}
    played = test_pool.made([100, 30], rows, balance=1_000, start=500_000, stop=400_000)
    text, _ = explained(played, "w")
    left = 10 - sum(row["lots"] for data in played.data("closed_against_layer") for row in data["rows"][:1])
    assert "liquidated" in text and f"held long {left} lots of BTC" in text


def test_an_account_that_is_healthy_again_is_not_said_to_be_flat():
    rows = {"a": account(239, long(10, 100)), "b": account(900, short(10, 100))}
    text, _ = explained(play(story(rows, [80, 95], bids=[(1, 2)], surcharge_ppm=10_000)), "a")
    assert "healthy again, worth 35 USDC" in text and "flat" not in text


def test_cash_taken_over_no_market_is_not_said_to_be_of_one():
    rows = {"Z": account(50, long(10, 100)), "s": account(800, short(10, 100)), "f": account(400)}
    exhaustion = {"socialised_base": "equity"}
    played = play(story(rows, [80], bids=[(0, 500)], policy="socialised_loss", exhaustion=exhaustion))
    text, _ = explained(played, "f")
    assert "through socialised loss, from its cash\n  its base before" in text


def test_a_deficit_that_several_settlements_pay_is_told_as_the_table_has_it():
    played = WORKED["gains"]()
    run = SimpleNamespace(fund_log=tuple(FUND_CODEC.read(played.journal.lines)))
    (row,) = fund_tables(played.journal.lines).deficits.iter_rows(named=True)
    told = deficit_of(run, row["deficit"])
    assert (told.haircut, told.carried, told.pending) == (int(row["haircut"]), row["carried"], row["pending"])
    assert told.haircut == told.severity == 700 == sum(paid.amount for paid in told.batch_paid)
    unpaid = play(test_gains.isda(((100, 100), (90, 100))))
    run = SimpleNamespace(fund_log=tuple(FUND_CODEC.read(unpaid.journal.lines)))
    told = deficit_of(run, row["deficit"])
    assert (told.haircut, told.pending) == (500, 200)
