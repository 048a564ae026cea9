"""Pool band: winners of one side closed while their profit is too large a part of the pool that pays it.

Layer    rules; imports amounts; called by venue.plan and scenarios. SPEC 7 (start band, stop band, payout cap); I10.
Not here deleveraging against a bankrupt account (rules.deleveraging): here nobody need be bankrupt.
Held to  this by tests/rules/test_pool_band.py: lot by lot search, Fractions.

Each side has its pool. Ratio = net unrealised profit of the side / pool. Above the start band winners are closed,
largest profit first, until the next lot would push the ratio below the stop band. A closed lot takes its profit out of
the side's profit and its payout out of the pool. Ratios are compared by cross-multiplying; no ratio is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.amounts import PPM, Round, allocate, id_key, mul_div, ppm_down


@dataclass(frozen=True, slots=True)
class PoolBand:
    """A side's limits, in ppm of its pool; 0 <= stop <= start, stop and payout cap at most 10^6.

    start_ppm       closings start when profit / pool is above this, strictly
    stop_ppm        no closing may push the ratio below this
    payout_cap_ppm  winners together are paid at most this part of the pool
    """

    start_ppm: int
    stop_ppm: int
    payout_cap_ppm: int


@dataclass(frozen=True, slots=True)
class SidePosition:
    """A position of the side at the mark. id: account id; lots > 0 whatever the side; profit negative for a loser."""

    id: str
    lots: int
    profit_units: int


@dataclass(frozen=True, slots=True)
class BandClosings:
    """What the band closes, in the order the positions were given in. Base units but `lots`.

    lots             shape (n,), whole lots closed
    profit_units     shape (n,), profit those lots had: ceil(profit x closed / lots)
    payout_units     shape (n,), what the pool pays for it; profit - payout is the winner's haircut, >= 0
    pnl_after_units  the side's net profit that stays open
    pool_after_units the pool after the payouts
    """

    lots: tuple[int, ...]
    profit_units: tuple[int, ...]
    payout_units: tuple[int, ...]
    pnl_after_units: int
    pool_after_units: int


def pool_ratio_ppm(pnl_units: int, pool_units: int) -> int:
    """Net profit of a side / its pool, in ppm, rounded up: a figure to publish. Errors: ValueError if pool <= 0."""
    return mul_div(pnl_units, PPM, pool_units, Round.UP)


def capped_profits_units(profits_units: Sequence[int], pool_units: int, payout_cap_ppm: int) -> tuple[int, ...]:
    """What each position's profit is worth to its owner: itself, or its part of the payout cap.

    profits_units   shape (n,), by ascending id, negative for losers: they get 0
    pool_units      >= 0
    payout_cap_ppm  of the pool, 0..10^6
    returns         shape (n,), base units: profits as they are while together at most floor(pool x cap / 10^6), else
                    that cap by `allocate` over the profits
    Rounding        cap down; floor, then largest remainder, ties lowest id.
    Source          GMX v2, max PnL factor for traders; it scales by the side's net profit, this by the winners' sum,
                    so that payouts never exceed the cap.
    """
    profits = [max(0, profit) for profit in profits_units]
    cap = ppm_down(pool_units, payout_cap_ppm)
    return tuple(profits) if sum(profits) <= cap else allocate(cap, profits)


def band_closings(positions: Sequence[SidePosition], pool_units: int, band: PoolBand) -> BandClosings:
    """Which winners of a side are closed, and by how many whole lots, so that the ratio comes back into the band.

    positions   all of one side, winners and losers, each id once, in any order: the order changes nothing
    pool_units  what pays this side, > 0
    returns     nothing while profit / pool <= start. Else, largest profit first, ties lowest id: the most lots with
                which the ratio is not below stop; after it no further lot of anybody fits. A winner whose single lot
                would go below is passed over for the next
    Rounding    profit of closed lots up (a part closed takes its cost rounded down, SPEC 1), payout of them
                floor(profit x capped / full profit). Caps are those of the snapshot.
    Errors      ValueError outside these ranges.
    Source      GMX v2: pnl factor for deleveraging, minimum factor after it («PnlOvercorrected»), cap for traders.
    """
    _check(positions, pool_units, band)
    order = sorted(range(len(positions)), key=lambda i: id_key(positions[i].id))
    capped = [0] * len(positions)
    values = capped_profits_units([positions[i].profit_units for i in order], pool_units, band.payout_cap_ppm)
    for place, value in zip(order, values, strict=True):
        capped[place] = value
    lots, profits, payouts = [0] * len(positions), [0] * len(positions), [0] * len(positions)
    pnl, pool = sum(position.profit_units for position in positions), pool_units
    if pnl * PPM > band.start_ppm * pool:
        winners = [i for i in order if positions[i].profit_units > 0]
        for i in sorted(winners, key=lambda i: -positions[i].profit_units):  # stable: ties keep the lowest id
            lots[i] = _most_lots(positions[i], capped[i], pnl, pool, band.stop_ppm)
            profits[i], payouts[i] = _closed(positions[i], capped[i], lots[i])
            pnl -= profits[i]
            pool -= payouts[i]
    return BandClosings(tuple(lots), tuple(profits), tuple(payouts), pnl, pool)


def _closed(position: SidePosition, capped_units: int, lots: int) -> tuple[int, int]:
    """Profit of so many closed lots, and what is paid for it."""
    profit = mul_div(position.profit_units, lots, position.lots, Round.UP)
    return profit, mul_div(profit, capped_units, position.profit_units, Round.DOWN)


def _most_lots(position: SidePosition, capped_units: int, pnl: int, pool: int, stop_ppm: int) -> int:
    """The most lots with (pnl - profit) / (pool - payout) >= stop.

    Each lot takes at least as much profit as it costs the pool, and stop <= 1, so one more lot never lifts the ratio
    back over the stop: the lots that fit are 0..most, and halving finds the last.
    """
    low, high = 0, position.lots
    while low < high:
        middle = (low + high + 1) // 2
        profit, payout = _closed(position, capped_units, middle)
        if (pnl - profit) * PPM >= stop_ppm * (pool - payout):
            low = middle
        else:
            high = middle - 1
    return low


def _check(positions: Sequence[SidePosition], pool_units: int, band: PoolBand) -> None:
    if not 0 <= band.stop_ppm <= min(band.start_ppm, PPM) or not 0 <= band.payout_cap_ppm <= PPM:
        raise ValueError(f"band_closings: wanted 0 <= stop <= start, stop and cap at most 10^6 ppm; found {band}")
    if pool_units <= 0 or any(position.lots <= 0 for position in positions):
        raise ValueError(f"band_closings: wanted a pool > 0 and lots > 0; found {pool_units}")
    if len({position.id for position in positions}) < len(positions):
        raise ValueError("band_closings: wanted each position once; found an id twice")
