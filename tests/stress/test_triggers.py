"""Triggers: the tick found by divisions is the tick found by asking the rules at every tick; nobody is left out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from seawall.rules.liquidation import is_liquidatable
from seawall.stress.screen import Screen
from seawall.stress.screened import KERNEL_FROM, open_venue
from seawall.stress.triggers import ANY_TICKS, NEVER_TICKS, Triggers, hold_one, one_sided, trigger_ticks
from seawall.venue.book import Book
from seawall.venue.machine import World
from seawall.venue.scan import value_one
from tests.generators import DesignSpec, MarketSpec, play, stories
from tests.stress.test_kernel import instrument
from tests.stress.test_screen import COHERENT, FALLS, JUMPS, MARKETS, START, Accounts, walk
from tests.stress.test_screened import logs
from tests.venue.mechanisms import mechanisms

TRIGGERS = ("below", "at_or_below")
HIGHEST = 400
"""Ticks up to which everything is tried."""


def lost(item, lots, base, at, trigger):
    """Whether the venue's reference finds an account with one position liquidatable."""
    rows = np.array([[lots]], object), np.array([[0]], object)
    state = SimpleNamespace(cash=[base], lots=rows[0], cost=rows[1], instruments=(item,), ticks=[at])
    return is_liquidatable(*value_one(state, 0), trigger)


def found(item, lots, base, trigger, kind=np.int64):
    side = 1 if lots > 0 else -1
    (ticks,) = trigger_ticks(item, side, np.array([abs(lots)], kind), np.array([base], kind), trigger)
    return side, int(ticks)


@st.composite
def tiers(draw, top):
    """Any one to three tiers, the margin going anywhere at an edge; rates near 1 and of 1 too."""
    rate = st.sampled_from([1, 7, 10_000, 100_000, 333_333, 500_000, 999_999, 10**6])
    edges = sorted(draw(st.sets(st.integers(1, top), max_size=2)))
    rows = []
    for end in [*edges, None]:
        ppm, begins = draw(rate), rows[-1][1] if rows else 0
        most = -(-(begins + 1) * ppm // 10**6)  # no margin below 0
        smooth = begins * ppm // 10**6 - (begins * rows[-1][0] // 10**6 - rows[-1][2]) if rows else 0
        deducted = draw(st.sampled_from([0, most, min(max(smooth, 0), most), draw(st.integers(0, most))]))
        rows.append((ppm, end, deducted))
    return tuple(rows)


@st.composite
def positions(draw):
    """A market with one position, liquidatable at some of the ticks tried, mostly."""
    inverse = draw(st.booleans())
    unit = draw(st.sampled_from([1, 3, 60, 5_040])) if inverse else draw(st.sampled_from([1, 3, 10]))
    size = draw(st.integers(1, 30))
    at = draw(st.integers(1, HIGHEST))
    notional = -(-size * unit // at) if inverse else size * unit * at
    item = instrument("inverse_perp" if inverse else "linear_perp", unit, draw(tiers(2 * notional)))
    lots = size * draw(st.sampled_from([1, -1]))
    state = SimpleNamespace(
        cash=[0], lots=np.array([[lots]]), cost=np.zeros((1, 1), int), instruments=(item,), ticks=[at]
    )
    equity, maintenance = value_one(state, 0)
    return item, lots, maintenance - equity + draw(st.integers(-2, 2))


@settings(max_examples=600)
@given(positions(), st.sampled_from(TRIGGERS), st.sampled_from([np.int64, object]))
def test_the_trigger_is_the_last_tick_at_which_the_rules_liquidate(position, trigger, kind):
    """Another way: value_one at every tick."""
    item, lots, base = position
    side, ticks = found(item, lots, base, trigger, kind)
    lost_at = [at for at in range(1, HIGHEST + 1) if lost(item, lots, base, at, trigger)]
    if item.contract.inverse and side < 0:
        assert all(at >= ticks for at in lost_at)
        early = ticks <= HIGHEST and ticks not in lost_at
        assert not early or lost(item, lots, base - 1, ticks, trigger), "early by one base unit at most"
        return
    if ticks > HIGHEST:
        assert side > 0 or not lost_at
        assert ticks in (ANY_TICKS, NEVER_TICKS[side]) or lost(item, lots, base, ticks, trigger)
    else:
        assert (max(lost_at) if side > 0 else min(lost_at)) == ticks if lost_at else ticks == NEVER_TICKS[side]
    if one_sided(item, side):
        beyond = [at for at in range(1, HIGHEST + 1) if side * at <= side * ticks]
        assert lost_at == beyond


@settings(max_examples=300)
@given(
    st.integers(1, 2**20),
    st.integers(1, 2**20),
    st.integers(1, 56).flatmap(lambda bits: st.integers(-(2**bits), 2**bits)),
    st.sampled_from([1, -1]),
    st.sampled_from(["linear_perp", "inverse_perp"]),
    st.sampled_from([COHERENT, JUMPS, FALLS, ((999_999, None, 0),), ((10**6, None, 0),), ((1, None, 0),)]),
    st.sampled_from(TRIGGERS),
)
def test_large_amounts_are_exact_one_tick_on_either_side(size, unit, base, side, kind, rows, trigger):
    """int64 gives what Python integers give, and the rules change their mind there."""
    item = instrument(kind, unit, rows)
    _, ticks = found(item, side * size, base, trigger)
    assert found(item, side * size, base, trigger, object) == (side, ticks) or ticks == ANY_TICKS
    if ticks in (ANY_TICKS, *NEVER_TICKS.values()):
        assert lost(item, side * size, base, 2**40, trigger) == (ticks == ANY_TICKS) or side < 0
        return
    if kind == "linear_perp" or side > 0:
        assert lost(item, side * size, base, ticks, trigger)
    else:
        assert lost(item, side * size, base - 1, ticks, trigger)
    healthier = ticks + side
    assert healthier < 1 or not lost(item, side * size, base, healthier, trigger)
    if one_sided(item, side):
        assert ticks - side < 1 or lost(item, side * size, base, ticks - side, trigger)


def test_triggers_by_hand():
    """10 lots bought at 100 with 240 in cash: at 80 equity 40 is 5 % of 800; sold at 100: at 118 it is 60, of 59."""
    item = instrument(tiers=((50_000, None, 0),))
    assert found(item, 10, 240 - 1_000, "at_or_below") == (1, 80)
    assert found(item, 10, 240 - 1_000, "below") == (1, 79)
    assert found(item, -10, 240 + 1_000, "at_or_below") == (-1, 119)
    assert found(item, 10, 0, "below") == (1, NEVER_TICKS[1])
    assert found(item, -10, -1, "below") == (-1, 1)
    whole = instrument(tiers=((10**6, None, 0),))
    assert found(whole, 10, 0, "at_or_below") == (1, ANY_TICKS)
    nearly = instrument(tiers=((999_999, None, 0),))
    assert found(nearly, 10, -(10**6), "below") == (1, 10**11 - 1)  # a millionth of it, down, is below 10^6
    assert found(nearly, 10, -(2**55), "below") == (1, ANY_TICKS)


def test_an_inverse_position_by_hand():
    """100 contracts of 1,000. A long owes 100,000 / p, at 91 1,099 of its 1,110; a short has as much and owes 890."""
    item = instrument("inverse_perp", 1_000, ((10_000, None, 0),))
    assert found(item, 100, 1_110, "at_or_below") == (1, 91)  # 1,110 - 1,099 = 11 is 1 % of 1,099, rounded up
    assert found(item, 100, 1_110, "below") == (1, 90)
    assert found(item, -100, -890, "at_or_below") == (-1, 111)  # 900 - 890 = 10 is the margin of 901


def test_an_inverse_short_may_be_a_candidate_one_base_unit_early():
    """At 100 it is worth 1,000 exactly: 11 left, 10 asked for. At 101 it is lost."""
    item = instrument("inverse_perp", 1_000, ((10_000, None, 0),))
    assert found(item, -100, -989, "at_or_below") == (-1, 100)
    assert [lost(item, -100, -989, at, "at_or_below") for at in (99, 100, 101)] == [False, False, True]


@pytest.mark.parametrize(
    ("rows", "long_side", "short_side"),
    [(COHERENT, True, True), (JUMPS, False, True), (FALLS, True, False), (((10_000, None, 0),), True, True)],
)
def test_where_an_account_has_one_side(rows, long_side, short_side):
    item = instrument(tiers=rows)
    assert (one_sided(item, 1), one_sided(item, -1)) == (long_side, short_side)
    inverse = instrument("inverse_perp", 5_040, COHERENT)
    assert (one_sided(inverse, 1), one_sided(inverse, -1)) == (True, False)


def test_a_margin_that_jumps_by_two_units_already_leaves_two_sides():
    """At a notional of 10 one unit is asked for, at 11 three."""
    item = instrument(tiers=((100_000, 10, 0), (200_000, None, 0)))
    assert not one_sided(item, 1)
    assert [lost(item, 1, -8, at, "at_or_below") for at in (9, 10, 11, 12)] == [True, False, True, False]


def test_a_long_healthy_below_its_trigger_is_a_candidate_there():
    """Ten per cent from 50,001 on: at 2,100 in a tier that asks for it, at 2,000 in one that does not."""
    item = instrument(tiers=JUMPS)
    base = 2_480 - 48_000
    assert not lost(item, 24, base, 2_000, "below") and lost(item, 24, base, 2_100, "below")
    screen = Triggers(np.array([base]), np.zeros((1, 1), int), np.array([[24]]), (item,))
    assert list(screen.candidates([2_000])) == list(screen.candidates([2_100])) == [0]
    assert list(screen.candidates([5_000])) == []


def test_ends_marks_and_amounts_beyond_int64():
    """A tier that ends beyond int64, a mark beyond it, and a long that only marks beyond it would make liquidatable."""
    far = instrument(tiers=((10_000, 2**70, 0), (20_000, None, 2**70 // 100)))
    near = instrument(tiers=((10_000, None, 0),))
    for lots in (7, -7):
        assert found(far, lots, -lots * 999, "below") == found(near, lots, -lots * 999, "below")
    assert found(far, 1, -(2**71), "below", object) == (1, ANY_TICKS)
    assert found(near, -1, 2**71, "below", object) == (-1, ANY_TICKS)
    one = np.zeros((1, 1), object)
    screen = Triggers(np.array([2**71], object), one, one - 1, (near,))
    assert list(screen.candidates([2**62])) == list(screen.candidates([2**80])) == [0]
    assert list(screen.candidates([2**61])) == []


# --- the screen ---------------------------------------------------------------------------------------------------


class Singles(Accounts):
    """Accounts with one position at most; changes keep it so unless `mixed`."""

    def __init__(self, n, seed, kind=np.int64, markets=MARKETS, mixed=False):
        self.mixed = mixed
        super().__init__(n, seed, kind, markets)
        if not mixed:
            self.keep_one(np.arange(n))

    def keep_one(self, accounts):
        traded = [place for place, item in enumerate(self.instruments) if item.market.kind != "collateral"]
        kept = self.draw.choice(traded, len(accounts))
        for market in range(len(self.lots)):
            self.lots[market, accounts[kept != market]] = 0

    def change(self, count):
        changed = super().change(count)
        if not self.mixed:
            self.keep_one(changed)
        return changed

    def triggers(self):
        return Triggers(self.cash, self.cost, self.lots, self.instruments)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 5_000),
    st.integers(0, 2**32),
    st.sampled_from([np.int64, object]),
    st.booleans(),
    st.sampled_from([0.002, 0.02, 0.4]),
    st.sampled_from([0, 3, 700]),
)
def test_whoever_the_integers_find_is_a_candidate(n, seed, kind, mixed, size, changes):
    accounts = Singles(n, seed, kind, mixed=mixed)
    screen, ticks = accounts.triggers(), START
    assert mixed or hold_one(accounts.lots, MARKETS)
    for step in range(12):
        lost_now = accounts.lost(ticks)
        candidates = screen.candidates(ticks)
        assert candidates.dtype == np.int64 and np.array_equal(candidates, np.unique(candidates))
        assert np.isin(lost_now, candidates).all()
        anew = accounts.triggers().candidates(ticks)
        assert np.array_equal(candidates, anew), "changed accounts are looked at as if they had always been so"
        if changes:
            changed = accounts.change(changes)
            screen.update(changed, accounts.cash, accounts.cost, accounts.lots)
        ticks = walk(accounts.draw, START if step == 8 else ticks, size)
        if step in (3, 4):
            ticks = (0, *ticks[1:])
        elif not ticks[0]:
            ticks = (1_200, *ticks[1:])


def test_nobody_but_the_lost_is_a_candidate_where_accounts_have_one_side():
    """Linear markets of coherent tiers: the screen is the scan."""
    markets = tuple(instrument(tiers=COHERENT, unit=unit, name=name) for unit, name in ((1, "A"), (3, "B")))
    accounts = Singles(3_000, 5, markets=markets)
    screen, ticks = accounts.triggers(), START[:2]
    some = 0
    for _ in range(30):
        assert np.array_equal(screen.candidates(ticks), accounts.lost(ticks))
        some += len(accounts.lost(ticks))
        ticks = walk(accounts.draw, ticks, 0.1)
    assert some > 1_000


def test_accounts_that_changed_wait_until_they_are_many_and_those_that_closed_are_dropped():
    accounts = Singles(6_000, 6)
    screen = accounts.triggers()
    waiting = []
    for _ in range(12):
        screen.update(accounts.change(2_000), accounts.cash, accounts.cost, accounts.lots)
        waiting.append(screen._waiting.size)
    assert 0 in waiting and 0 < max(waiting) <= 1_024
    screen = accounts.triggers()
    before, gone = sum(map(len, screen._rows)), screen.candidates(START)
    accounts.lots[:, gone] = 0
    screen.update(gone, accounts.cash, accounts.cost, accounts.lots)
    assert gone.size and screen.candidates(START).size == screen._waiting.size == 0
    assert sum(map(len, screen._rows)) == before - len(gone)


def test_a_market_whose_lots_are_beyond_int64_and_that_nobody_holds():
    items = instrument(name="A", tiers=((50_000, None, 0),)), instrument(name="B", unit=10**30)
    lots = np.array([[10], [0]])
    screen = Triggers(np.array([240]), 100 * lots, lots, items)
    assert [list(screen.candidates([at, 5])) for at in (80, 81)] == [[0], []]


def test_accounts_without_positions_with_collateral_and_with_several_positions():
    """Cash -9 and nothing else: nobody. A position and collateral, two positions: always, wherever marks are."""
    item, other = instrument(name="A"), instrument(name="B")
    eth = instrument("collateral", 2, haircut_ppm=200_000, name="E")
    lots = np.array([[0, 5, 5, 0], [0, 0, -5, 0], [0, 7, 0, 7]])
    cash = np.array([-9, 10**6, 10**6, -9])
    screen = Triggers(cash, np.zeros_like(lots), lots, (item, other, eth))
    assert list(screen.candidates([100, 100, 100])) == [1, 2]
    for column, one in ((0, True), (1, False), (2, False), (3, False)):
        assert hold_one(lots[:, [column]], (item, other, eth)) == one


# --- the venue ----------------------------------------------------------------------------------------------------


def screen_of(state):
    return Triggers(state.cash, state.cost, state.lots, state.instruments)


def single(story):
    """The same story with the first position of each account alone."""
    for name, (owner, cash, rows) in list(story.accounts.items()):
        story.accounts[name] = (owner, cash, rows[:1])
    return story


@settings(max_examples=150)
@given(stories().map(single))
def test_a_story_of_single_positions_writes_the_same_bytes(story):
    exact, screened = play(story), play(story, screen_of)
    assert logs(screened) == logs(exact)
    assert screened.venue.unrecognised_peak == exact.venue.unrecognised_peak


@settings(max_examples=60)
@given(mechanisms())
def test_any_mechanism_writes_the_same_bytes(story):
    exact, screened = play(story), play(story, screen_of)
    assert logs(screened) == logs(exact)
    assert screened.venue.unrecognised_peak == exact.venue.unrecognised_peak


def crowd(*more):
    """As many accounts as a screen is taken for, in turn long and short of BTC; further (account, market) positions."""
    names = [f"a{place:05d}" for place in range(KERNEL_FROM)]
    sides = [(-1) ** place for place in range(KERNEL_FROM)]
    held = sorted([*((place, 0) for place in range(KERNEL_FROM)), *more])
    return Book(
        markets=("BTC", "ETH"),
        accounts=names,
        owners=names,
        cash_units=[500] * KERNEL_FROM,
        position_account=[place for place, _ in held],
        position_market=[market for _, market in held],
        lots=[sides[place] for place, _ in held],
        cost_units=[100 * sides[place] for place, _ in held],
    )


@pytest.mark.parametrize(("more", "kind"), [((), Triggers), (((7, 1),), Screen)])
def test_a_large_book_of_single_positions_takes_triggers_of_itself(more, kind):
    spec = DesignSpec(markets=(MarketSpec("BTC"), MarketSpec("ETH")))
    venue = open_venue(spec.design, crowd(*more), spec.journal(), World(), 0)
    assert type(venue._screen) is kind
    assert open_venue(spec.design, crowd(), spec.journal(), World(), 0, "exact")._screen is None
