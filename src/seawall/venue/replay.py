"""Replay: a venue's state from its book and its log, and the digest that says two states are equal.

Layer    venue; imports venue_events (the codec), venue.{apply,invariants,state}, fund. Used by verify.
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
from seawall.fund.codec import CorruptLog
from seawall.fund.invariants import InvariantBroken
from seawall.venue.apply import apply
from seawall.venue.book import Book
from seawall.venue.invariants import check
from seawall.venue.ladder import Levels
from seawall.venue.state import VenueState, open_state
from seawall.venue_events import VENUE_CODEC, VenueOpened

FAST_TICKS = 2**40
"""A price up to which fast integers are wanted where nobody knows the path; it only decides how, never what."""


def venue_digest(state: VenueState) -> str:
    """SHA-256 over everything a venue's future depends on, whatever its arrays are made of."""
    parts = (
        list(state.accounts),
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
        [state.previous_ticks, state.good_ticks, state.good_ms, sorted(state.settled), sorted(state.unsettled)],
        [(name, b.left, b.cycles, sorted(b.taken.items()), b.markets) for name, b in state.open_batches.items()],
        [sorted(state.gains_taken.items()), state.period_ms, sorted(state.period_taken.items())],
        sorted((account, market, units) for (account, market), units in state.period_realised.items()),
        [state.losses_seen_ms, sorted(state.requests.items()), int(state.money_in), int(state.money_out)],
    )
    more = _liquidations(state)
    return sha256_hex(msgspec.json.encode((*parts, more) if any(more) else parts))


def _liquidations(state: VenueState) -> tuple[object, ...]:
    """What liquidations and layers' holdings remember; empty where the design asks for none of it."""
    return (
        int(state.rounding),
        sorted((account, begun.t_ms, sorted(begun.lots.items())) for account, begun in state.begun.items()),
        sorted(state.sliced.items()),
        sorted((account, market, lots) for (account, market), lots in state.step_lots.items()),
        sorted((account, int(units)) for account, units in state.step_notional.items()),
        sorted((market, [(t, int(units)) for t, units in rows]) for market, rows in state.closed_notional.items()),
        sorted((layer, market, lots, cost) for (layer, market), (lots, cost) in state.held.items()),
        sorted((layer, market, int(units)) for (layer, market), units in state.due.items()),
        sorted((account, int(units)) for account, units in state.final_fees.items()),
        sorted(state.owed.items()),
    )


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
            pool = None if design.pool is None else design.pool.layer
            state = open_state(book, built, ladders, [FAST_TICKS] * len(built), pool)
        try:
            apply(state, recorded.stamp, event)
            check(state, recorded.stamp, event)
        except (BrokenLog, InvariantBroken, KeyError) as error:
            raise CorruptLog(record, str(error)) from None
    if state is None:
        raise CorruptLog(1, "the log is empty")
    return state
