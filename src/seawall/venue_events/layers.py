"""Layers: what a layer that holds positions did with them: sold, settled, closed against winners.

Layer    venue_events; imports amounts. What a layer took over is in the round's own event.
Not here the layer's money: it is in the fund's log.
Held to  this by venue.invariants and the door between both machines. Money in base units, lots signed.
"""

from __future__ import annotations

from msgspec import Struct

from seawall.amounts import Units
from seawall.venue_events.rows import BookRow, CashRow, InventoryRow, PositionRow


class InventoryMoved(Struct, frozen=True):
    """A layer sold (or bought back) part of what it holds through the book."""

    step: int
    rows: tuple[InventoryRow, ...]
    book: tuple[BookRow, ...]


class InventorySettledRow(Struct, frozen=True):
    """What a layer's positions realised in a market, settled with the fund: base units >= 0, one of them 0."""

    layer: str
    market: str
    gain: Units
    loss: Units


class InventorySettled(Struct, frozen=True):
    """Realised results of what layers hold became money of theirs. What a layer cannot pay is a deficit."""

    step: int
    rows: tuple[InventorySettledRow, ...]


class ClosedAgainstRow(Struct, frozen=True):
    """An account's lots closed against a layer: lots unsigned, what they cost it to close, what that realised.

    payout  paid of what was realised: less where the design caps what a pool pays
    """

    account: str
    owner: str
    market: str
    lots: int
    price_ticks: int
    amount: Units
    realised: Units
    payout: Units


class ClosedAgainstLayer(Struct, frozen=True):
    """Winners closed against a layer. `why`: `maintenance`, of what it holds; `band`, of profits that a pool owes."""

    step: int
    round: int
    why: str
    rows: tuple[ClosedAgainstRow, ...]
    inventory: tuple[InventoryRow, ...]
    positions: tuple[PositionRow, ...]
    cash: tuple[CashRow, ...]
