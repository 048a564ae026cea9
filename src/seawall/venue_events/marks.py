"""Marks: how a venue's log begins, the marks of every step with the depth that came back, and new periods.

Layer    venue_events; imports amounts.
Not here markets that ended (venue_events.money), deciding that a mark is stale (rules.marks).
Held to  this by the codec of venue_events.kinds: fields are only ever added. Prices in ticks, times in ms UTC.
"""

from __future__ import annotations

from msgspec import Struct

from seawall.amounts import Units


class LadderRow(Struct, frozen=True):
    """One side of a market's book: (ticks away, lots) by level."""

    market: str
    side: str
    levels: tuple[tuple[int, int], ...]


class OutsideRow(Struct, frozen=True):
    """The outside book in one market: its lots, and its part of open interest in ppm."""

    market: str
    lots: int
    share_ppm: int


class VenueOpened(Struct, frozen=True):
    """The venue begins: which book and path, by name and digest, and what the run assumes."""

    book_digest: str
    path_name: str
    path_digest: str
    intrabar: str
    seed: int
    pass_through_ppm: int
    recovery_ppm: int
    accounts: int
    equity: Units
    outside: tuple[OutsideRow, ...]
    ladders: tuple[LadderRow, ...]


class MarkRow(Struct, frozen=True):
    """A market's mark: the step's price, the mark after own displacement, when seen, why it is stale ("" if not)."""

    market: str
    anchor_ticks: int
    ticks: int
    observed_ms: int
    stale: str


class UsedRow(Struct, frozen=True):
    """Used lots of each level of one side of a market's book."""

    market: str
    side: str
    used: tuple[int, ...]


class Marked(Struct, frozen=True):
    """New marks: at the start of a step (round 0, with the depth that came back) or after own displacement."""

    step: int
    round: int
    marks: tuple[MarkRow, ...]
    depth: tuple[UsedRow, ...]


class PeriodBegan(Struct, frozen=True):
    """A period over whose realised profit losses are taken began."""

    start_ms: int
