"""Rows: what events of several kinds have in common: cash, positions, books, holdings, fees, positions that end.

Layer    venue_events; imports amounts. Every row states balances after, so that applying it is copying.
Not here rows of one kind of event alone: they stand beside it.
Held to  this by venue.invariants after every event. Money in base units, prices in ticks.
"""

from __future__ import annotations

from msgspec import Struct

from seawall.amounts import Units


class CashRow(Struct, frozen=True):
    """An account's cash after an event."""

    account: str
    cash: Units


class PositionRow(Struct, frozen=True):
    """A position after an event; `realised` is what the event realised on it."""

    account: str
    market: str
    lots: int
    cost: Units
    realised: Units


class BookRow(Struct, frozen=True):
    """What one side of a market's book took in a round; the outside book is the counterparty."""

    market: str
    side: str
    lots: int
    amount: Units
    worst_ticks: int
    away_ticks: int
    used: tuple[int, ...]
    outside_lots_after: int
    outside_cash_after: Units


class InventoryRow(Struct, frozen=True):
    """A layer's trade in one market: lots bought > 0, what they cost, what that realised, and what it holds after."""

    layer: str
    market: str
    lots: int
    amount: Units
    realised: Units
    lots_after: int
    cost_after: Units


class FeeRow(Struct, frozen=True):
    """Pending surcharge of one market, routed to the fund."""

    market: str
    amount: Units


class EndedRow(Struct, frozen=True):
    """A position that ended at a price: what it was worth there, and what it realised."""

    account: str
    market: str
    lots: int
    value: Units
    realised: Units


class EndedMarket(Struct, frozen=True):
    """A market whose positions all ended. `outside_*`: what the outside book held, and its cash afterwards."""

    market: str
    ticks: int
    outside_lots: int
    outside_cash_after: Units
