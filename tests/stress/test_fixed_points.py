"""Fixed points: every number of lots tried gives the same ends, and the venue's rounds stop at the least."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from seawall.amounts import PPM
from seawall.stress.fixed_points import Cascade, FixedPoint, greatest, least, run_risk_lots
from seawall.stress.triggers import one_sided, trigger_ticks
from tests.generators import DesignSpec, LayerSpec, MarketSpec, Story, TierSpec, ladder, play

# Prices of 100 in ticks of .01: one lot a tick, so that P = 94 - .01 Q; liquidatable below a price: a tick less.
E6 = (np.array([9_499, 9_249, 8_799, 8_499]), np.array([200, 300, 100, 500]))
ONE_A_TICK = tuple((away, 1) for away in range(1, 2_001))


def test_the_worked_example():
    """Longs 200 below 95, 300 below 92.5, 100 below 88, 500 below 85; the price 100 falls by 6 %."""
    cascade = Cascade(*E6, price_ticks=9_400, levels=ONE_A_TICK)
    assert [cascade.mark_ticks(lots) for lots in (0, 200, 500)] == [9_400, 9_200, 8_900]
    assert least(cascade) == FixedPoint(lots=500, mark_ticks=8_900, rounds=3)
    assert greatest(cascade) == FixedPoint(lots=1_100, mark_ticks=8_300, rounds=1)
    assert run_risk_lots(cascade) == 600


def test_the_worked_example_upside_down():
    """Shorts, the same distances above a price of 106."""
    cascade = Cascade(20_000 - E6[0], E6[1], price_ticks=10_600, levels=ONE_A_TICK, side="asks")
    assert least(cascade) == FixedPoint(500, 11_100, 3)
    assert greatest(cascade) == FixedPoint(1_100, 11_700, 1)


def test_half_passed_through_and_depth_used_before():
    """Half the distance, down: 7 ticks move the mark by 3. Of the first level two lots are gone."""
    triggers, lots = np.array([100, 97, 96]), np.array([2, 1, 1])
    levels = ((3, 3), (7, 5))
    cascade = Cascade(triggers, lots, price_ticks=100, levels=levels, used=(2, 0), pass_through_ppm=500_000)
    assert [cascade.mark_ticks(size) for size in (0, 1, 2, 4)] == [100, 99, 97, 97]
    assert least(cascade) == FixedPoint(3, 97, 3)
    assert least(Cascade(triggers, lots, price_ticks=100, levels=levels, pass_through_ppm=500_000)).lots == 2


def test_nobody_and_nothing_to_sell_into():
    """No seller; and a bid that would stand below one tick is none: nothing sells, and the mark stands."""
    nobody = np.zeros(0, np.int64)
    assert least(Cascade(nobody, nobody, price_ticks=50, levels=())) == FixedPoint(0, 50, 1)
    low = Cascade(np.array([3]), np.array([9]), price_ticks=3, levels=((2, 4), (3, 5)))
    assert least(low) == FixedPoint(9, 1, 2)
    moved_more = Cascade(np.array([3]), np.array([9]), price_ticks=3, levels=((2, 9),), pass_through_ppm=3 * PPM)
    assert greatest(moved_more) == FixedPoint(9, 1, 1)


@pytest.mark.parametrize(
    ("triggers", "lots", "used", "found"),
    [([1, 2], [3], (0,), "2 and 1"), ([1], [3], (0, 0), "1 and 2"), ([1, 2], [3, 0], (0,), "found 0")],
)
def test_what_does_not_match_is_refused(triggers, lots, used, found):
    with pytest.raises(ValueError, match=found):
        Cascade(np.array(triggers), np.array(lots), price_ticks=9, levels=((1, 1),), used=used)


def mark_after(levels, used, price, side, passed, lots):
    """The mark, lot by lot: the deepest bid that any of them meets."""
    free = [away for (away, size), gone in zip(levels, used, strict=True) for _ in range(size - gone)]
    reach = [away for away in free if side == "asks" or away < price][:lots]
    move = (reach[-1] if reach else 0) * passed // PPM
    return max(1, price - move) if side == "bids" else price + move


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 9)), max_size=9),
    st.integers(1, 50),
    ladder(max_levels=6, max_lots=10, reach=8),
    st.sampled_from(["bids", "asks"]),
    st.sampled_from([0, 333_333, PPM, 3 * PPM]),
    st.sampled_from([np.int64, object]),
    st.data(),
)
def test_every_number_of_lots_tried_gives_the_same_ends(sellers, price, levels, side, passed, kind, data):
    used = tuple(data.draw(st.integers(0, lots)) for _, lots in levels)
    triggers, lots = (np.array([row[place] for row in sellers], kind) for place in (0, 1))
    cascade = Cascade(triggers, lots, price_ticks=price, levels=levels, used=used, side=side, pass_through_ppm=passed)
    fixed = []
    for size in range(sum(lots for _, lots in sellers) + 1):
        mark = mark_after(levels, used, price, side, passed, size)
        assert cascade.mark_ticks(size) == mark
        reached = [lots for at, lots in sellers if (mark <= at if side == "bids" else mark >= at)]
        assert cascade.liquidatable_lots(mark) == sum(reached)
        if sum(reached) == size:
            fixed.append((size, mark))
    ends = least(cascade), greatest(cascade)
    assert [(end.lots, end.mark_ticks) for end in ends] == [fixed[0], fixed[-1]]
    assert all(1 <= end.rounds <= len(sellers) + 1 for end in ends)
    assert run_risk_lots(cascade) == fixed[-1][0] - fixed[0][0]


# --- the venue ----------------------------------------------------------------------------------------------------


@st.composite
def cascades(draw):
    """One market, one step; levered accounts on one side, one rich account on the other; depth for everybody."""
    inverse = draw(st.booleans())
    # An inverse short may be a candidate early (stress.triggers): the other side of it is a long.
    side = 1 if inverse else draw(st.sampled_from([1, -1]))
    base, unit = draw(st.integers(80, 200)), draw(st.sampled_from([1, 3]))
    unit *= 10_000 if inverse else 1
    first = draw(st.sampled_from([1, 20_000, 100_000]))
    edge = draw(st.integers(100, 3_000))
    second = draw(st.sampled_from([first, 2 * first]))
    deducted = edge * second // PPM - edge * first // PPM
    rows = (TierSpec(first, edge), TierSpec(second, None, deducted)) if draw(st.booleans()) else (TierSpec(first),)
    accounts, total, fall = {}, 0, draw(st.integers(0, 30))
    for number in range(draw(st.integers(1, 8))):
        lots = draw(st.integers(1, 12))
        total += lots
        opened = lots * unit // base if inverse else lots * unit * base
        cost = -side * opened if inverse else side * opened
        cash = opened * (fall + first // 10_000 + draw(st.integers(-1, 12))) // 100  # what is lost, and a little
        accounts[f"a{number}"] = (f"a{number}", cash, ((0, side * lots, cost),))
    rich = total * unit * 10**6
    accounts["z"] = ("z", rich, ((0, -side * total, -sum(rows[0][2] for _, _, rows in accounts.values())),))
    levels = draw(ladder(max_levels=6, max_lots=12, reach=5))
    deepest = levels[-1][0] if levels else 0
    levels = (*levels, (deepest + draw(st.integers(1, 8)), total))
    spec = DesignSpec(
        markets=(MarketSpec("BTC", unit, rows, extra={"kind": "inverse_perp"} if inverse else {}),),
        layers=(LayerSpec("shared", "shared_fund", rich),),
        policy=draw(st.sampled_from(["adl", "socialised_loss", "carry"])),
        trigger=draw(st.sampled_from(["below", "at_or_below"])),
        surcharge_ppm=draw(st.sampled_from([0, 5_000])),
        pass_through_ppm=draw(st.sampled_from([300_000, PPM])),
    )
    price = base - base * fall // 100 if side > 0 else base + base * fall // 100
    ladders = {("BTC", "bids" if side > 0 else "asks"): levels}
    return Story(spec, accounts, ladders, ({"BTC": price},)), side, total


@settings(max_examples=300)
@given(cascades())
def test_the_venues_rounds_end_at_the_least_fixed_point(given_):
    story, side, total = given_
    played = play(story)
    venue, design = played.venue, story.spec.design
    (item,) = venue.state.instruments
    assert one_sided(item, side)
    levered = [(cash, lots, cost) for name, (_, cash, ((_, lots, cost),)) in story.accounts.items() if name != "z"]
    sizes = np.array([abs(lots) for _, lots, _ in levered])
    base = np.array([cash - cost for cash, _, cost in levered])
    triggers = trigger_ticks(item, side, sizes, base, design.liquidation.trigger)
    (((_, taken_by), levels),) = story.ladders.items()
    cascade = Cascade(
        triggers,
        sizes,
        price_ticks=story.steps[0]["BTC"],
        levels=levels,
        side=taken_by,
        pass_through_ppm=design.stress.pass_through_ppm,
    )
    end = least(cascade)
    rounds = played.data("round_filled")
    sold = sum(abs(fill["book_lots"]) for data in rounds for fill in data["fills"])
    assert cascade.total_lots == total
    assert (sold, venue.state.ticks[0], len(rounds)) == (end.lots, end.mark_ticks, end.rounds - 1)
    assert end.lots <= greatest(cascade).lots
