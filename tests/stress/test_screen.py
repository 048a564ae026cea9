"""Screen: whoever the venue's integers find is a candidate, whatever moved or changed before, and few others are."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from seawall.stress import kernel
from seawall.stress.screen import Screen
from seawall.venue.scan import value_all
from tests.stress.test_kernel import instrument

COHERENT = ((10_000, 50_000, 0), (25_000, 200_000, 750), (50_000, None, 5_750))
JUMPS = ((10_000, 50_000, 0), (100_000, None, 0))
FALLS = ((100_000, 50_000, 0), (50_000, None, 9_000))
MARKETS = (
    instrument(tiers=COHERENT, name="A"),
    instrument(tiers=JUMPS, name="B"),
    instrument("inverse_perp", 10**7, COHERENT, name="C"),
    instrument(tiers=FALLS, unit=3, name="D"),
    instrument("collateral", 2, haircut_ppm=200_000, name="E"),
)
START = (1_000, 2_000, 10_000, 500, 100)


class Accounts:
    """A venue's arrays, and who of it the integers find."""

    def __init__(self, n, seed, kind=np.int64, markets=MARKETS, ticks=START, levered=0.3):
        self.draw = np.random.default_rng(seed)
        self.instruments, m = markets, len(markets)
        held = self.draw.random((m, n)) < 0.4
        size = np.exp(self.draw.normal(2.5, 1.5, (m, n)))
        self.lots = np.where(held, self.draw.choice([-1, 1], (m, n)) * np.ceil(size), 0).astype(np.int64).astype(kind)
        for market, item in enumerate(markets):
            if item.market.kind == "collateral":
                self.lots[market] = abs(self.lots[market])
        self.cost = np.zeros((m, n), kind)
        self.cash = np.zeros(n, kind)
        values = self.values(ticks)
        gross = sum(abs(self.lots[i]) * 1_000 for i in range(m))
        wanted = (self.draw.random(n) ** 2 * levered * gross.astype(float)).astype(np.int64) + 1
        self.cash = (wanted - (values.equity - values.maintenance)).astype(kind)

    def values(self, ticks):
        """The exact scan's values."""
        stale = {place: "no mark" for place, at in enumerate(ticks) if not at}
        names = range(len(self.cash))
        return value_all(
            SimpleNamespace(
                cash=self.cash,
                lots=self.lots,
                cost=self.cost,
                accounts=names,
                instruments=self.instruments,
                stale=stale,
                ticks=ticks,
            )
        )

    def lost(self, ticks):
        """Accounts with positions and equity <= maintenance."""
        values = self.values(ticks)
        opened = (self.lots[[i.market.kind != "collateral" for i in self.instruments]] != 0).any(axis=0)
        return np.flatnonzero(opened & (values.equity <= values.maintenance).astype(bool))

    def few_units_above(self, ticks, accounts, part):
        """Whether these have margin of no more than the roundings and this part of what they hold and owe."""
        values = self.values(ticks)
        gross = abs(self.cash) + abs(self.cost).sum(axis=0) + abs(values.full - self.cash)
        for item, lots, at in zip(self.instruments, self.lots, ticks):
            unit = item.contract.unit
            gross = gross + abs(lots) * (unit // max(at, 1) + 1 if item.contract.inverse else unit * at)
        room = 3 * (self.lots != 0).sum(axis=0) + gross.astype(float) * part
        return ((values.equity - values.maintenance).astype(float) <= room)[accounts]

    def screen(self, wait=0, **how):
        return Screen(self.cash, self.cost, self.lots, self.instruments, wait=wait, **how)

    def change(self, count):
        """Some accounts trade, close, or move money; returns them."""
        changed = self.draw.choice(len(self.cash), min(count, len(self.cash)), replace=False)
        for account in changed:
            what = self.draw.integers(4)
            if what == 0:
                self.lots[:, account] = 0
            elif what == 1:
                market = int(self.draw.integers(len(self.lots)))
                self.lots[market, account] = abs(int(self.draw.integers(-400, 400)))
                if self.instruments[market].market.kind != "collateral" and self.draw.random() < 0.5:
                    self.lots[market, account] *= -1
            elif what == 2:
                self.cash[account] += int(self.draw.integers(-50_000, 50_000))
            else:
                self.cost[0, account] += int(self.draw.integers(-50_000, 50_000))
        return changed


def walk(draw, ticks, size):
    """The marks after one step."""
    return tuple(max(1, round(at * float(np.exp(draw.normal(0, size))))) if at else 0 for at in ticks)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4_000),
    st.integers(0, 2**32),
    st.sampled_from([np.int64, object]),
    st.sampled_from([0.0, 0.002, 0.02, 0.4]),
    st.sampled_from([0, 3, 300]),
)
def test_whoever_the_integers_find_is_a_candidate(n, seed, kind, size, changes):
    accounts = Accounts(n, seed, kind)
    screens = [accounts.screen(**how) for how in ({}, {"skip": False}, {"threads": 3}, {"wait": 3}, {"wait": 50})]
    ticks = START
    for step in range(12):
        lost = accounts.lost(ticks)
        found = [screen.candidates(ticks) for screen in screens]
        for candidates in found:
            assert np.array_equal(candidates, np.unique(candidates))
            assert np.isin(lost, candidates).all()
            assert accounts.few_units_above(ticks, candidates, 1e-4).all()
        assert np.array_equal(found[0], found[2])
        if changes:
            changed = accounts.change(changes)
            for screen in screens:
                screen.update(changed, accounts.cash, accounts.cost, accounts.lots)
        ticks = walk(accounts.draw, START if step == 8 else ticks, size)
        if step in (3, 4):
            ticks = (0, *ticks[1:])
        elif not ticks[0]:
            ticks = (1_200, *ticks[1:])


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("market", range(4))
@given(st.integers(0, 2**32), st.sampled_from([0.999, 0.97, 0.8, 0.51, 0.3, 1.001, 1.03, 1.3, 1.95, 2.1, 4.0]))
@settings(max_examples=12, deadline=None)
def test_a_block_is_passed_over_only_while_nobody_in_it_is_lost(market, side, seed, move):
    """One market, one side, every account just short of lost after a move: the bound has nothing to give away."""
    draw = np.random.default_rng(seed)
    item, at = MARKETS[market], START[market]
    after = max(1, round(at * move))
    n = 600
    accounts = Accounts(n, seed, np.int64, (item,), (at,))
    accounts.lots = side * draw.integers(1, 300, (1, n))
    accounts.cash = np.zeros(n, np.int64)
    there = accounts.values((after,))
    accounts.cash = (there.maintenance - there.equity + draw.integers(-1, 2, n)).astype(np.int64)
    now = accounts.values((at,))
    healthy = now.equity > now.maintenance
    accounts.lots, accounts.cash, accounts.cost = (
        accounts.lots[:, healthy],
        accounts.cash[healthy],
        np.zeros((1, healthy.sum()), np.int64),
    )
    if not healthy.any():
        return
    screen = accounts.screen()
    assert np.isin(accounts.lost((at,)), screen.candidates((at,))).all()
    between = at + (after - at) // 2
    assert np.isin(accounts.lost((between,)), screen.candidates((between,))).all()
    assert np.isin(accounts.lost((after,)), screen.candidates((after,))).all()


@pytest.mark.parametrize(
    ("rate_ppm", "lots", "equity", "after"),
    [
        (100_000, 24, 2_480, 2_100),  # 48,000 to 50,400: a gain of 2,400, and 5,040 asked for where 480 was
        (1_000_000, 10, 15_000, 5_200),  # 20,000 to 52,000: beyond twice the notional, and all of it asked for
    ],
)
def test_a_rise_that_takes_a_long_over_a_jump_of_its_margin_is_seen(rate_ppm, lots, equity, after):
    item = instrument(tiers=((10_000, 50_000, 0), (rate_ppm, None, 0)))
    rows = np.array([equity - lots * 2_000]), np.zeros((1, 1), np.int64), np.array([[lots]])
    screen = Screen(*rows, (item,), wait=0)
    assert list(screen.candidates((2_000,))) == []
    assert list(screen.candidates((after,))) == [0]


def test_small_moves_are_cheap_and_reaches_are_renewed_after_large_ones():
    accounts = Accounts(20_000, 7, markets=MARKETS[:1], ticks=START[:1])
    screen = accounts.screen()
    screen.candidates((1_000,))
    began = screen.looked
    screen.candidates((999,))
    assert screen.looked - began < 20_000 // 4
    for _ in range(30):
        screen.candidates((1_180,))
    began = screen.looked
    screen.candidates((1_181,))
    assert screen.looked - began < 20_000 * 3 // 4
    assert np.isin(accounts.lost((1_181,)), screen.candidates((1_181,))).all()


def test_rows_are_laid_out_once_scans_have_cost_as_much():
    accounts = Accounts(6_000, 8, markets=MARKETS[:1], ticks=START[:1])
    waiting, never = accounts.screen(wait=3), accounts.screen(wait=3, skip=False)
    looked = []
    for at in (1_000, 999, 1_000, 999, 1_000, 999):
        assert np.array_equal(waiting.candidates((at,)), never.candidates((at,)))
        looked.append(waiting.looked)
    assert looked[:3] == [6_000, 12_000, 18_000]
    assert looked[-1] - looked[2] < 6_000
    assert never.looked == 36_000


def test_rows_that_changed_are_looked_at_until_there_is_no_room_and_all_is_laid_out_anew():
    accounts = Accounts(5_000, 3)
    screen = accounts.screen()
    screen.candidates(START)
    for _ in range(6):
        changed = accounts.change(700)
        screen.update(changed, accounts.cash, accounts.cost, accounts.lots)
        assert np.isin(accounts.lost(START), screen.candidates(START)).all()
    assert screen._used <= 4 * kernel.BLOCK


def test_changes_beyond_the_room_wake_their_blocks_and_lay_out_no_oftener_than_pays(monkeypatch):
    """3,000 of 6,000 rows change before each of 20 scans: the room for 4,096 ends at the second, over and over."""
    accounts = Accounts(6_000, 4)
    screen = accounts.screen(wait=4)
    laid_out = []
    lay_out = Screen._lay_out
    monkeypatch.setattr(Screen, "_lay_out", lambda self, now: (laid_out.append(self.looked), lay_out(self, now)))
    for _ in range(20):
        screen.update(accounts.change(3_000), accounts.cash, accounts.cost, accounts.lots)
        assert np.isin(accounts.lost(START), screen.candidates(START)).all()
    assert len(laid_out) >= 2
    gaps = [later - before for before, later in pairwise([0, *laid_out])]
    assert min(gaps) >= 4 * 6_000


def test_lots_beyond_float32_make_all_rows_float64_or_a_few_accounts_candidates():
    few = Accounts(20_000, 1, markets=MARKETS[:1], ticks=START[:1])
    few.lots[0, 5], few.cash[5] = 2**24 + 1, 2**60
    screen = few.screen()
    assert screen.dtype == np.float32
    assert 5 in screen.candidates((1_000,))
    few.lots[0, :50], few.cash[:50] = 2**24 + 1, 2**60
    screen = few.screen()
    assert screen.dtype == np.float64
    assert 5 not in screen.candidates((1_000,))


def test_accounts_without_positions_and_empty_books_have_no_candidates():
    accounts = Accounts(50, 2)
    accounts.lots[:4] = 0
    accounts.cash[:] = -5
    assert list(accounts.screen().candidates(START)) == []
    empty = Screen(accounts.cash[:0], accounts.cost[:, :0], accounts.lots[:, :0], MARKETS)
    assert list(empty.candidates(START)) == []
    empty.update([], accounts.cash[:0], accounts.cost[:, :0], accounts.lots[:, :0])
    assert list(empty.candidates(START)) == []


def test_more_markets_than_patterns_have_digits_for():
    markets = tuple(instrument(tiers=COHERENT, name=f"M{number}") for number in range(60))
    accounts = Accounts(1_500, 4, markets=markets, ticks=(1_000,) * 60, levered=0.05)
    screen = accounts.screen()
    assert screen.dtype == np.float64
    for ticks in ((1_000,) * 60, (990,) * 60, (900, 1_100) * 30):
        lost = accounts.lost(ticks)
        candidates = screen.candidates(ticks)
        assert np.isin(lost, candidates).all()
        assert accounts.few_units_above(ticks, candidates, 1e-12).all()
