"""Replay: a venue's state from its book and its log, and the digest that says two states are equal.

Layer    venue; imports venue.{apply,events,invariants,state}, fund.codec. Used by verify.
Not here the fund's replay (fund.journal).
Held to  this by I7: the same log gives the same state, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from seawall.amounts import sha256_hex
from seawall.design.instruments import instruments
from seawall.design.types import Design
from seawall.fund.apply import BrokenLog
from seawall.fund.codec import Codec, CorruptLog
from seawall.fund.invariants import InvariantBroken
from seawall.venue.apply import apply
from seawall.venue.book import Book
from seawall.venue.events import KINDS, VenueEvent, VenueOpened
from seawall.venue.invariants import check
from seawall.venue.ladder import Levels
from seawall.venue.state import VenueState, open_state

VENUE_CODEC: Codec[VenueEvent] = Codec(KINDS)

FAST_TICKS = 2**40
"""A price up to which fast integers are wanted where nobody knows the path; it only decides how, never what."""


def venue_digest(state: VenueState) -> str:
    """SHA-256 over everything a venue's future depends on, whatever its arrays are made of."""
    parts = (
        state.accounts,
        [int(units) for units in state.cash],
        [[int(lots) for lots in row] for row in state.lots],
        [[int(units) for units in row] for row in state.cost],
        [[int(units) for units in row] for row in state.realised],
        state.outside_lots,
        sorted((account, sorted((m, int(fee)) for m, fee in fees.items())) for account, fees in state.fees.items()),
        sorted(state.reserved.items()),
        [state.ticks, state.anchor, state.observed_ms, sorted(state.stale.items())],
        sorted((market, side, used) for (market, side), used in state.used.items()),
        sorted((market, side, away) for (market, side), away in state.touched.items()),
        [sorted(state.deleveraged), sorted(state.liquidated)],
        [int(state.to_fund), int(state.from_fund), int(state.booked), int(state.outside_cash)],
        [state.step, state.round, state.last_t_ms, state.last_seq],
    )
    return sha256_hex(msgspec.json.encode(parts))


def replay(lines: Iterable[bytes], design: Design, book: Book, design_digest: str) -> VenueState:
    """The state after a venue's log, checking chain, book and invariants on the way.

    Errors  CorruptLog naming the first record that does not hold.
    """
    state: VenueState | None = None
    built = instruments(design)
    where = {instrument.id: market for market, instrument in enumerate(built)}
    for recorded in VENUE_CODEC.read(lines):
        record, event = recorded.stamp.seq, recorded.event
        if recorded.design != design_digest:
            raise CorruptLog(record, f"design {recorded.design[:12]}, not {design_digest[:12]}")
        if state is None:
            if not isinstance(event, VenueOpened):
                raise CorruptLog(record, "the first event is not `venue_opened`")
            if event.book_digest != book.digest():
                raise CorruptLog(record, f"book {event.book_digest[:12]}, not {book.digest()[:12]} of the book file")
            try:
                ladders: dict[tuple[int, str], Levels] = {
                    (where[row.market], row.side): row.levels for row in event.ladders
                }
            except KeyError as error:
                raise CorruptLog(record, f"a ladder of market {error}, which the design does not have") from None
            state = open_state(book, built, ladders, [FAST_TICKS] * len(built))
        try:
            apply(state, recorded.stamp, event)
            check(state, recorded.stamp, event)
        except (BrokenLog, InvariantBroken, KeyError) as error:
            raise CorruptLog(record, str(error)) from None
    if state is None:
        raise CorruptLog(1, "the log is empty")
    return state
