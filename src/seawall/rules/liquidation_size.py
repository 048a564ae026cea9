"""Liquidation size: how many lots of a position are liquidated now.

Layer    rules; imports amounts, design.types, rules.{liquidation,margin}; called by venue.plan. SPEC 4.5.
Not here who is liquidated (rules.liquidation), the worst price accepted (rules.liquidation_price), what the book pays
         (venue.ladder); the room that a rolling window leaves is rules.waterfall.window_left_units.
Held to  this by tests/rules/test_liquidation_size.py: every number of lots tried, Fractions, worked examples.

Four ways to choose: the whole position, steps, a close factor, the fewest lots that restore the account. Then limits
cut what was chosen. Sizes are lots >= 0, whatever the side, unless a docstring says signed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from seawall.amounts import PPM, ppm_up
from seawall.design.types import Tier
from seawall.rules.liquidation import surcharge_units
from seawall.rules.margin import maintenance_margin_units, tier_at

Fills = Sequence[tuple[int, int]]
"""(lots, price ticks) that an order would get, in the order in which it gets them: crossed lots, then book levels."""


def step_lots(
    lots: int,
    start_lots: int,
    notional_units: int,
    step_ppm: int,
    above_notional_units: int,
    wait_ms: int,
    since_last_ms: int | None,
    within_wait: Literal["nothing", "whole"] = "nothing",
) -> int:
    """Lots of the next slice of a liquidation by steps.

    lots                  of the position now, >= 0
    start_lots            of the position when its liquidation began
    notional_units        of the position now, at the mark
    step_ppm              of `start_lots`, 1 to 10^6
    above_notional_units  a position of this notional or less is closed whole
    wait_ms               between two slices; one is due as soon as this much time has passed
    since_last_ms         since the last slice of this liquidation; None: there was none
    within_wait           before the wait is over: `nothing`, or `whole`: a position that the first slice did not save
                          is closed
    returns               lots, at most `lots`
    Rounding              up, so that the last slice is not a remainder.
    Errors                ValueError for step_ppm outside 1 to 10^6: a liquidation of no lots would never end.
    Source                Hyperliquid, «Liquidations», partial liquidations: 20 % of a position above 100,000 USDC; for
                          30 s after it, orders are for the whole position (`whole`).
    """
    if not 1 <= step_ppm <= PPM:
        raise ValueError(f"step_lots: wanted step_ppm from 1 to {PPM}; found {step_ppm}")
    if since_last_ms is not None and since_last_ms < wait_ms:
        return lots if within_wait == "whole" else 0
    if notional_units <= above_notional_units:
        return lots
    return min(lots, ppm_up(start_lots, step_ppm))


def close_factor_lots(
    lots: int,
    notional_units: int,
    equity_units: int,
    maintenance_units: int,
    close_factor_ppm: int,
    full_below_ppm: int,
    full_below_notional_units: int,
) -> int:
    """Lots that one liquidation may close: a part of the position, or all where the account or position is too small.

    notional_units             of the position at the mark
    equity_units               of the account; maintenance_units likewise
    close_factor_ppm           of the lots, 1 to 10^6
    full_below_ppm             whole where equity / maintenance is at or below this
    full_below_notional_units  whole where the notional is below this
    Rounding                   up.
    Errors                     ValueError for close_factor_ppm outside 1 to 10^6.
    Source                     Aave v3: 50 % while the health factor is above 0.95 and both sides are worth at least
                               2,000 USD, else all.
    """
    if not 1 <= close_factor_ppm <= PPM:
        raise ValueError(f"close_factor_lots: wanted close_factor_ppm from 1 to {PPM}; found {close_factor_ppm}")
    healthy_enough = equity_units * PPM > maintenance_units * full_below_ppm
    if healthy_enough and notional_units >= full_below_notional_units:
        return ppm_up(lots, close_factor_ppm)
    return lots


# --- the fewest lots that restore an account --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exposure:
    """A position that is to be reduced, and the account it stands in, at the marks. Base units unless named.

    lots                     signed, not 0
    mark_ticks               > 0
    lot_tick_units           >= 1; a linear contract
    bankruptcy_ticks         the position's bankruptcy price: the surcharge takes no more than the gain above it
    tiers                    of the market, by rising notional
    equity_units             of the account, pending fees taken off
    other_maintenance_units  of the account's other positions
    surcharge_ppm            of the notional at the fill
    buffer_ppm               equity wanted above the maintenance margin, as a part of it
    trigger                  the design's: with `at_or_below` equality does not restore
    """

    lots: int
    mark_ticks: int
    lot_tick_units: int
    bankruptcy_ticks: int
    tiers: Sequence[Tier]
    equity_units: int
    other_maintenance_units: int
    surcharge_ppm: int
    buffer_ppm: int
    trigger: Literal["below", "at_or_below"] = "below"

    @property
    def side(self) -> int:
        """1 for a long, -1 for a short."""
        return 1 if self.lots > 0 else -1


@dataclass(frozen=True, slots=True)
class Restored:
    """What a reduction is expected to leave. Base units.

    equity_units  after fills and surcharge
    fee_units     the surcharge
    wanted_units  maintenance margin of what is left, plus the buffer; one unit more where the trigger is at equality
    """

    equity_units: int
    fee_units: int
    wanted_units: int

    @property
    def enough(self) -> bool:
        """Whether the account is restored."""
        return self.equity_units >= self.wanted_units


def filled_units(fills: Fills, lots: int, lot_tick_units: int) -> int:
    """What the first `lots` lots of `fills` are worth, base units, exact. lots: at most those of the fills."""
    left, lot_ticks = lots, 0
    for size, ticks in fills:
        part = min(size, left)
        lot_ticks += part * ticks
        left -= part
        if left == 0:
            break
    return lot_ticks * lot_tick_units


def after_reduction(exposure: Exposure, fills: Fills, lots: int) -> Restored:
    """The account after `lots` lots of the position met `fills`.

    lots      >= 0, at most those of the position and of the fills
    Rounding  surcharge, maintenance margin and buffer up, one after the other, as they are charged and asked.
    Source    SPEC 4.5, 4.6.
    """
    equity, filled, gain, notional = _moved(exposure, fills, lots)
    fee = surcharge_units(filled, exposure.surcharge_ppm, gain, equity)
    maintenance = exposure.other_maintenance_units + maintenance_margin_units(notional, exposure.tiers)
    wanted = maintenance + ppm_up(maintenance, exposure.buffer_ppm) + (exposure.trigger == "at_or_below")
    return Restored(equity - fee, fee, wanted)


def fewest_lots(exposure: Exposure, fills: Fills) -> int:
    """The fewest lots whose expected fill and fee leave the account with maintenance margin and buffer.

    fills    prices in any order; where they hold fewer lots than the position, no more than these are counted on
    returns  lots, 0 to all; where no number of lots restores the account: all, so that the next position can follow
    Exact    also where tiers make the maintenance margin jump, where fills beyond a level cost more margin than they
             free, and where a larger sale restores but a still larger one would not: pieces on which everything is
             linear but for rounding are halved, and a half is given up only where no lot in it could do even without
             rounding. Where a lot is worth few base units, some are tried one by one.
    Source   SPEC 4.5; Deribit, incremental liquidation.
    """
    size = min(abs(exposure.lots), sum(lots for lots, _ in fills))
    starts = _piece_starts(exposure, fills, size)
    for low, after in zip(starts, [*starts[1:], size + 1], strict=True):
        found = _first_enough(exposure, fills, low, after - 1)
        if found is not None:
            return found
    return abs(exposure.lots)


def fewest_lots_by_scan(lots: int, enough: Callable[[int], bool]) -> int:
    """The first of 0, 1, ... `lots` that is enough; `lots` where none is. For contracts whose value is not linear."""
    return next((count for count in range(lots + 1) if enough(count)), lots)


def _moved(exposure: Exposure, fills: Fills, lots: int) -> tuple[int, int, int, int]:
    """After `lots` lots: equity before the fee, notional filled, gain above the bankruptcy price, notional left."""
    filled = filled_units(fills, lots, exposure.lot_tick_units)
    at_mark = lots * exposure.mark_ticks * exposure.lot_tick_units
    at_bankruptcy = lots * exposure.bankruptcy_ticks * exposure.lot_tick_units
    left = (abs(exposure.lots) - lots) * exposure.mark_ticks * exposure.lot_tick_units
    equity = exposure.equity_units + exposure.side * (filled - at_mark)
    return equity, filled, exposure.side * (filled - at_bankruptcy), left


def _piece_starts(exposure: Exposure, fills: Fills, size: int) -> list[int]:
    """Where a new fill price or a new tier begins: between two starts everything is linear but for rounding."""
    starts, done = {0}, 0
    for lots, _ in fills:
        done += lots
        starts.add(done)
    lot_value = exposure.mark_ticks * exposure.lot_tick_units
    for tier in exposure.tiers:
        if tier.up_to_notional is not None:
            starts.add(abs(exposure.lots) - tier.up_to_notional // lot_value)
    return sorted(start for start in starts if 0 <= start <= size)


def _first_enough(exposure: Exposure, fills: Fills, low: int, high: int) -> int | None:
    """The first number of lots in a piece that restores the account; None where none does."""
    reach = [max(ends) for ends in zip(_reach(exposure, fills, low), _reach(exposure, fills, high), strict=True)]
    if reach[0] < 0 or max(reach[1:]) < 0:
        return None
    if low == high:
        return low if after_reduction(exposure, fills, low).enough else None
    middle = (low + high) // 2
    found = _first_enough(exposure, fills, low, middle)
    return _first_enough(exposure, fills, middle + 1, high) if found is None else found


def _reach(exposure: Exposure, fills: Fills, lots: int) -> tuple[int, int, int, int]:
    """How far the account is above what is wanted, in 10^-12 base units, nothing rounded: linear within a piece.

    returns  before the fee; after a fee at its rate; after a fee equal to the gain; after a fee equal to the equity.
             The fee is the least of the three, so an account is restored where the first and any other are >= 0.
    """
    equity, filled, gain, notional = _moved(exposure, fills, lots)
    tier = tier_at(notional, exposure.tiers)
    others = (exposure.other_maintenance_units - tier.maintenance_deducted) * PPM
    wanted = (others + notional * tier.maintenance_margin_ppm) * (PPM + exposure.buffer_ppm)
    if exposure.trigger == "at_or_below":
        wanted += PPM * PPM
    before = equity * PPM * PPM - wanted
    return before, before - filled * exposure.surcharge_ppm * PPM, before - gain * PPM * PPM, -wanted


# --- limits -----------------------------------------------------------------------------------------------------------


def position_limit_lots(lots: int, limit_ppm: int, least_notional_units: int, lot_notional_units: int) -> int:
    """The most lots of a position that one block or step closes: a part of it, but always up to a small notional.

    lots                  of the position now
    limit_ppm             of the lots
    least_notional_units  a notional that may always be closed
    lot_notional_units    one lot at the mark, > 0
    Rounding              the part up (some lot can always go), the notional down to whole lots.
    Source                dYdX v4 position block limits: max(10 %, 1,000 USDC).
    """
    return min(lots, max(ppm_up(lots, limit_ppm), least_notional_units // lot_notional_units))


def lots_within_notional(
    wanted_lots: Sequence[int], lot_notional_units: Sequence[int], room_units: int
) -> tuple[int, ...]:
    """Cut orders to a notional that they share, first come first served.

    wanted_lots         shape (n,), lots >= 0, in the order in which they are served: an account's positions in the
                        design's order, or a market's accounts, lowest equity / maintenance first
    lot_notional_units  shape (n,), one lot at the mark, > 0
    room_units          base units; below one lot, that order waits and a later, smaller lot may still go
    returns             shape (n,), whole lots, rounded down: their notional is at most `room_units`
    Source              dYdX v4 subaccount block limits (100,000 USDC); Synthetix v3 liquidation windows.
    """
    left, cut = max(0, room_units), []
    for lots, lot_notional in zip(wanted_lots, lot_notional_units, strict=True):
        part = min(lots, left // lot_notional)
        left -= part * lot_notional
        cut.append(part)
    return tuple(cut)
