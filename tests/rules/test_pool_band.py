"""Pool band: closings lot by lot, the stop that is never crossed, and the payout cap."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import assume, given, strategies as st

from seawall.rules.pool_band import PoolBand, SidePosition, band_closings, capped_profits_units, pool_ratio_ppm
from tests.rules.references import allocate_by_quota

BAND = PoolBand(start_ppm=450_000, stop_ppm=400_000, payout_cap_ppm=900_000)


@st.composite
def sides(draw):
    ids = draw(st.lists(st.sampled_from(["1", "2", "3", "10", "11", "a", "b"]), min_size=1, max_size=5, unique=True))
    return [SidePosition(name, draw(st.integers(1, 12)), draw(st.integers(-40, 90))) for name in ids]


@st.composite
def bands(draw):
    stop = draw(st.integers(0, 10**6))
    return PoolBand(draw(st.integers(stop, 1_200_000)), stop, draw(st.integers(0, 10**6)))


POOLS = st.integers(1, 250)


def in_order(positions):
    return sorted(positions, key=lambda one: (len(one.id), one.id))


def worth_after(positions, pool, band, closed):
    """Side's profit and pool once `closed` lots of each are gone, from scratch; and what each was paid."""
    ordered = in_order(positions)
    profits = [max(0, one.profit_units) for one in ordered]
    cap = int(Fraction(pool * band.payout_cap_ppm, 10**6))
    capped = profits if sum(profits) <= cap else allocate_by_quota(cap, profits)
    pnl = sum(one.profit_units for one in ordered)
    paid = {}
    for one, value in zip(ordered, capped):
        lots = closed[one.id]
        part = ceil(Fraction(one.profit_units * lots, one.lots)) if lots else 0
        paid[one.id] = int(Fraction(part * value, one.profit_units)) if part else 0
        pnl, pool = pnl - part, pool - paid[one.id]
    return pnl, pool, paid


def fits(positions, pool, band, closed):
    pnl, left, _ = worth_after(positions, pool, band, closed)
    return pnl >= Fraction(band.stop_ppm, 10**6) * left


def lot_by_lot(positions, pool, band):
    """The largest winner gives lot after lot while that does not cross the stop, then the next."""
    closed = {one.id: 0 for one in positions}
    pnl = sum(one.profit_units for one in positions)
    if pnl <= Fraction(band.start_ppm, 10**6) * pool:
        return closed
    for one in sorted(in_order(positions), key=lambda one: -one.profit_units):
        if one.profit_units <= 0:
            continue
        while closed[one.id] < one.lots and fits(positions, pool, band, closed | {one.id: closed[one.id] + 1}):
            closed[one.id] += 1
    return closed


@given(sides(), POOLS, bands())
def test_band_closings_equal_lot_by_lot_reference(positions, pool, band):
    found = band_closings(positions, pool, band)
    closed = lot_by_lot(positions, pool, band)
    assert dict(zip((one.id for one in positions), found.lots)) == closed
    pnl, left, paid = worth_after(positions, pool, band, closed)
    assert (found.pnl_after_units, found.pool_after_units) == (pnl, left)
    assert dict(zip((one.id for one in positions), found.payout_units)) == paid


@given(sides(), POOLS, bands())
def test_no_closing_crosses_the_stop_and_no_further_lot_would_fit(positions, pool, band):
    found = band_closings(positions, pool, band)
    closed = dict(zip((one.id for one in positions), found.lots))
    assume(any(closed.values()))
    assert found.pnl_after_units * 10**6 >= band.stop_ppm * found.pool_after_units
    for one in positions:
        if one.profit_units > 0 and closed[one.id] < one.lots:
            assert not fits(positions, pool, band, closed | {one.id: closed[one.id] + 1})


@given(sides(), POOLS, bands(), st.randoms())
def test_the_order_of_the_snapshot_changes_nothing(positions, pool, band, random):
    mixed = list(positions)
    random.shuffle(mixed)
    plain, other = band_closings(positions, pool, band), band_closings(mixed, pool, band)
    assert dict(zip(positions, plain.lots)) == dict(zip(mixed, other.lots))
    assert dict(zip(positions, plain.payout_units)) == dict(zip(mixed, other.payout_units))


@given(sides(), POOLS, bands())
def test_payouts_stay_under_the_cap_and_losers_are_not_closed(positions, pool, band):
    found = band_closings(positions, pool, band)
    assert sum(found.payout_units) <= Fraction(pool * band.payout_cap_ppm, 10**6)
    for one, lots, profit, payout in zip(positions, found.lots, found.profit_units, found.payout_units):
        assert 0 <= lots <= one.lots and 0 <= payout <= profit <= max(0, one.profit_units)
        assert lots == 0 or one.profit_units > 0
    assert found.pool_after_units == pool - sum(found.payout_units)


@given(sides(), POOLS, st.integers(0, 10**6))
def test_a_cap_that_binds_is_paid_out_pro_rata_to_the_unit(positions, pool, cap_ppm):
    profits = [one.profit_units for one in positions]
    gains = [max(0, profit) for profit in profits]
    found = capped_profits_units(profits, pool, cap_ppm)
    cap = int(Fraction(pool * cap_ppm, 10**6))
    assert found == (tuple(gains) if sum(gains) <= cap else allocate_by_quota(cap, gains))
    assert all(value <= gain for value, gain in zip(found, gains))


# Pool 1000, start 45 %, stop 40 %: a profit of 500 is 50 %.
SIDE = [SidePosition("1", 10, 300), SidePosition("2", 10, 250), SidePosition("3", 5, -50)]


def test_worked_band_closes_the_largest_winner_as_far_as_the_stop():
    """5 lots of 1 pay 150: 350 / 850 = 41.2 %; a sixth: 320 / 820 = 39.0 %. Nor fits a lot of 2: 325 / 825 = 39.4 %."""
    found = band_closings(SIDE, 1000, BAND)
    assert found.lots == (5, 0, 0) and found.payout_units == (150, 0, 0)
    assert (found.pnl_after_units, found.pool_after_units) == (350, 850)
    assert pool_ratio_ppm(350, 850) == 411_765


def test_a_lot_too_coarse_is_passed_over_for_the_next_winner():
    side = [SidePosition("1", 1, 300), SidePosition("2", 10, 200)]
    found = band_closings(side, 1000, BAND)
    assert found.lots == (0, 8) and found.payout_units == (0, 160)  # 340 / 840 = 40.5 %, one more 320 / 820


def test_on_the_start_band_nothing_is_closed():
    assert band_closings([SidePosition("1", 10, 450)], 1000, BAND).lots == (0,)
    assert band_closings([SidePosition("1", 451, 451)], 1000, BAND).lots == (85,)  # 366 / 915 = 40 % exactly
    assert band_closings([], 1000, BAND).lots == ()


def test_above_the_cap_closed_winners_get_their_part_of_it():
    """Profit 1,200 on a pool of 1,000: at most 900 is paid, 75 % of each profit, and each closing pays that."""
    side = [SidePosition("1", 8, 800), SidePosition("2", 4, 400)]
    assert capped_profits_units((800, 400), 1000, 900_000) == (600, 300)
    found = band_closings(side, 1000, BAND)
    assert found.lots == (8, 3)  # 400 / 400, then 300 / 325, 200 / 250, 100 / 175 = 57 %; the last lot leaves 0 / 100
    assert found.profit_units == (800, 300) and found.payout_units == (600, 225)


def test_the_ratio_to_publish_is_rounded_up():
    assert pool_ratio_ppm(1, 3) == 333_334 and pool_ratio_ppm(-1, 3) == -333_333
    with pytest.raises(ValueError, match="divisor > 0"):
        pool_ratio_ppm(1, 0)


@pytest.mark.parametrize(
    ("positions", "pool", "band", "text"),
    [
        (SIDE, 0, BAND, "wanted a pool > 0"),
        ([SidePosition("1", 0, 5)], 10, BAND, "lots > 0"),
        ([SIDE[0], SIDE[0]], 10, BAND, "an id twice"),
        (SIDE, 10, PoolBand(400_000, 450_000, 0), "wanted 0 <= stop <= start"),
        (SIDE, 10, PoolBand(2_000_000, 1_000_001, 0), "wanted 0 <= stop <= start"),
        (SIDE, 10, PoolBand(1, 0, 1_000_001), "stop and cap at most"),
        (SIDE, 10, PoolBand(1, -1, 0), "wanted 0 <= stop"),
    ],
)
def test_band_closings_refuse_what_has_no_meaning(positions, pool, band, text):
    with pytest.raises(ValueError, match=text):
        band_closings(positions, pool, band)
