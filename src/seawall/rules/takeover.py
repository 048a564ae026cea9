"""Takeover: a layer (the fund, a vault, a backstop) takes positions over, holds them at its own risk, and sells them.

Layer    rules; imports amounts, design.types, rules.liquidation; called by the venue. SPEC 4.7.
Not here which accounts are taken over (rules.liquidation.stage), who pays what the layer cannot (rules.waterfall).
Held to  this by tests/rules/test_takeover.py: every number of lots tried, Fractions, worked examples.

The layer pays at once what the position has lost below its bankruptcy price; the position then stands in its books at
the mark, and every later result is the layer's own *inventory PnL*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from seawall.amounts import PPM, ppm_up
from seawall.design.types import Tier
from seawall.rules.liquidation import is_liquidatable


def gap_ticks(lots: int, bankruptcy_ticks: int, mark_ticks: int) -> int:
    """What one lot has lost below its bankruptcy price at the mark, in ticks, >= 0. lots: signed, not 0."""
    return max(0, bankruptcy_ticks - mark_ticks if lots > 0 else mark_ticks - bankruptcy_ticks)


def takeover_draw_units(lots: int, bankruptcy_ticks: int, mark_ticks: int, lot_tick_units: int) -> int:
    """What a layer pays to take lots over: lots x max(0, gap to mark), base units, exact.

    lots    signed, not 0; the position enters the layer's books at the mark, cost = lots x mark
    Source  SPEC 4.7. Of a solvent account nothing is drawn: its equity is its own.
    """
    return abs(lots) * gap_ticks(lots, bankruptcy_ticks, mark_ticks) * lot_tick_units


def available_units(balance_units: int, maintenance_units: int, open_pnl_units: int) -> int:
    """What a layer that holds positions can still pay: cash - inventory maintenance - open inventory loss, >= 0.

    open_pnl_units  of all it holds, at the marks; an open profit is not cash and counts zero
    Source          SPEC 4.7.
    """
    return max(0, balance_units - maintenance_units - max(0, -open_pnl_units))


def layer_is_liquidatable(
    balance_units: int, open_pnl_units: int, maintenance_units: int, trigger: Literal["below", "at_or_below"]
) -> bool:
    """Whether a layer is deleveraged like an account: cash + open inventory PnL below its maintenance (SPEC 4.7).

    An open profit counts here, as it does in an account's equity.
    """
    return is_liquidatable(balance_units + open_pnl_units, maintenance_units, trigger)


@dataclass(frozen=True, slots=True)
class Holder:
    """A layer that is asked to take lots over, as it stands before. Base units but the first.

    lots                     held in the market, signed
    balance_units            cash
    draw_room_units          the most that its limits let it pay now, at most `available_units`
    open_loss_units          of everything held, >= 0
    other_maintenance_units  of what it holds in other markets
    other_notional_units     net notional held in other markets, summed
    notional_limit_ppm       net notional held, at most this part of the balance after the draw; None: no limit
    notional_limit_units     net notional held, at most this; None: no limit
    """

    lots: int
    balance_units: int
    draw_room_units: int
    open_loss_units: int
    other_maintenance_units: int
    other_notional_units: int
    notional_limit_ppm: int | None
    notional_limit_units: int | None


def takeover_lots(
    holder: Holder, lots: int, bankruptcy_ticks: int, mark_ticks: int, lot_tick_units: int, tiers: Sequence[Tier]
) -> int:
    """The most lots of a position that a layer can take over.

    lots     of the position, signed, not 0
    tiers    of the market: the layer's inventory has a maintenance margin like anybody's
    returns  lots, 0 to |lots|: the largest number after which the draw is within its room, cash - open loss is at
             least the maintenance of what is then held, and the net notional is within the limits. Lots that only
             reduce what is held are within any notional limit.
    Exact    pieces of one side and tier are linear, each inequality is solved by one division and compared by
             cross-multiplying; nothing is rounded but the maintenance margin, up. The open loss is that of before:
             what netting realises at the mark does not change cash + open PnL.
    Source   SPEC 4.7; Binance, insurance fund: net notional at most 100 % of its balance (limit_ppm 10^6).
    """
    gap_units = gap_ticks(lots, bankruptcy_ticks, mark_ticks) * lot_tick_units
    lot_value = mark_ticks * lot_tick_units
    most = 0
    for piece in _pieces(holder.lots if lots > 0 else -holder.lots, abs(lots), lot_value, tiers):
        most = max(most, _most_in(piece, holder, gap_units, lot_value))
    return most


@dataclass(frozen=True, slots=True)
class _Piece:
    """Numbers of lots taken over, low to high, after which the layer holds start + slope x lots, all in one tier."""

    low: int
    high: int
    start: int
    slope: int
    tier: Tier


def _pieces(held: int, wanted: int, lot_value: int, tiers: Sequence[Tier]) -> Iterator[_Piece]:
    """Split 1 to `wanted`. held: the layer's lots, > 0 on the side of those taken over, < 0 against it."""
    against = max(0, -held)
    beyond = 0  # the first size of the tier
    for tier in tiers:
        last = None if tier.up_to_notional is None else tier.up_to_notional // lot_value
        reduced_low = 1 if last is None else max(1, against - last)
        reduced = _Piece(reduced_low, min(wanted, against - beyond), against, -1, tier)
        grown_high = wanted if last is None else min(wanted, last - held)
        grown = _Piece(max(against + 1, 1, beyond - held), grown_high, held, 1, tier)
        yield from (piece for piece in (reduced, grown) if piece.low <= piece.high)
        if last is None:
            return
        beyond = last + 1


def _most_in(piece: _Piece, holder: Holder, gap_units: int, lot_value: int) -> int:
    """The largest number of lots of a piece that keeps every a + b x lots >= 0; 0 where none does."""
    low, high = piece.low, piece.high
    for constant, slope in _room(piece, holder, gap_units, lot_value):
        if slope > 0:
            low = max(low, -(constant // slope))
        elif slope < 0:
            high = min(high, constant // -slope)
        elif constant < 0:
            return 0
    return high if low <= high else 0


def _room(piece: _Piece, holder: Holder, gap_units: int, lot_value: int) -> Iterator[tuple[int, int]]:
    """What must stay >= 0, as (a, b) of a + b x lots: draw room, margin in ppm, notional limits."""
    rate = piece.tier.maintenance_margin_ppm
    cash = holder.balance_units - holder.open_loss_units - holder.other_maintenance_units
    cash += piece.tier.maintenance_deducted
    start, slope = piece.start * lot_value, piece.slope * lot_value
    yield holder.draw_room_units, -gap_units
    yield cash * PPM - rate * start, -gap_units * PPM - rate * slope
    if piece.slope < 0:
        return  # lots that reduce what is held are within any notional limit
    notional = holder.other_notional_units + start
    if holder.notional_limit_units is not None:
        yield holder.notional_limit_units - notional, -slope
    if holder.notional_limit_ppm is not None:
        limit = holder.notional_limit_ppm
        yield limit * holder.balance_units - PPM * notional, -limit * gap_units - PPM * slope


def unwind_lots(held_lots: int, unwind_ppm: int) -> int:
    """Lots that a layer sells into the book in one step: ceil(|held| x unwind_ppm / 10^6), so that it ends flat.

    held_lots  signed
    Source     SPEC 4.7.
    """
    return ppm_up(abs(held_lots), unwind_ppm)


@dataclass(frozen=True, slots=True)
class InventoryResult:
    """A realised inventory result, booked. Base units >= 0; gain - loss - uncovered is the result.

    gain       inflow of the layer
    loss       taken from its balance
    uncovered  beyond its balance: a deficit like an account's, for the layers after it
    """

    gain: int
    loss: int
    uncovered: int


def inventory_result(realised_units: int, balance_units: int) -> InventoryResult:
    """Split a realised inventory PnL; no balance falls below zero (I2).

    balance_units  of the layer before, >= 0
    Source         SPEC 4.7.
    """
    if realised_units >= 0:
        return InventoryResult(realised_units, 0, 0)
    loss = min(balance_units, -realised_units)
    return InventoryResult(0, loss, -realised_units - loss)
