"""Venue rows: the venue's events as rows of flat tables, in the order of the log.

Layer    report; imports design.instruments, venue_events, report.{movements,rows}. Called by report.tables, which says
         what they mean.
Not here columns (report.rows), files. No float.
Held to  this by tests/report/test_tables.py, test_movements.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.design.instruments import Instrument
from seawall.report.movements import Movement, movements
from seawall.report.rows import Row, exact_text, fill_price
from seawall.venue_events import AccountsClosed, Deleveraged, FillRow, Marked, RecordedVenue, RoundFilled


@dataclass(slots=True)
class _StepMarket:
    """One row of `steps` while its step goes on."""

    anchor_ticks: int
    ticks: int
    stale: str
    crossed: int = 0
    sold: int = 0
    deleveraged: int = 0


class VenueRows:
    """Rows of the venue's tables as the log goes by."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.steps: list[Row] = []
        self.liquidations: list[Row] = []
        self.closings: list[Row] = []
        self.deleveraged: list[Row] = []
        self.winners: list[Row] = []
        self.movements: list[Row] = []
        self._instruments = {instrument.id: instrument for instrument in instruments}
        self._under_way: set[str] = set()
        self._step, self._t_ms, self._rounds, self._began = 0, 0, 0, 0
        self._markets: dict[str, _StepMarket] = {}

    def take(self, recorded: RecordedVenue) -> None:
        """One event."""
        t_ms, event = recorded.stamp.t_ms, recorded.event
        self.movements += [_movement(t_ms, recorded.stamp.seq, one) for one in movements(event)]
        match event:
            case Marked():
                self._marked(t_ms, event)
            case RoundFilled():
                self._filled(t_ms, event)
            case AccountsClosed():
                self._closed(t_ms, event)
            case Deleveraged():
                self._deleveraged(t_ms, event)
            case _:
                pass

    def end_step(self) -> None:
        """Write the rows of the step under way."""
        for market, row in self._markets.items():
            mark = (market, row.anchor_ticks, row.ticks, row.stale)
            lots = (row.crossed, row.sold, row.deleveraged)
            self.steps.append((self._step, self._t_ms, *mark, self._rounds, self._began, *lots))

    def _marked(self, t_ms: int, event: Marked) -> None:
        if event.step != self._step:
            self.end_step()
            self._step, self._t_ms, self._rounds, self._began = event.step, t_ms, 0, 0
            self._markets = {}
        for mark in event.marks:
            row = self._markets.setdefault(mark.market, _StepMarket(mark.anchor_ticks, mark.ticks, mark.stale))
            row.ticks, row.stale = mark.ticks, mark.stale

    def _filled(self, t_ms: int, event: RoundFilled) -> None:
        self._rounds += 1
        fills: dict[str, list[FillRow]] = {}
        for fill in event.fills:
            fills.setdefault(fill.account, []).append(fill)
            if fill.cross_lots > 0:  # each crossed lot is bought once and sold once
                self._markets[fill.market].crossed += fill.cross_lots
        for taken in event.book:
            self._markets[taken.market].sold += taken.lots
        for trigger in event.triggered:
            if trigger.account not in self._under_way:
                self._under_way.add(trigger.account)
                self._began += 1
            why = (trigger.account, trigger.owner, trigger.equity, trigger.maintenance, trigger.induced)
            head = (t_ms, event.step, event.round, *why)
            for fill in fills.get(trigger.account, []):
                self.liquidations.append((*head, *self._fill(fill)))
            if trigger.account not in fills:
                self.liquidations.append((*head, None, None, None, 0, 0, 0, None, 0, 0, None))

    def _deleveraged(self, t_ms: int, event: Deleveraged) -> None:
        head = (t_ms, event.step, event.round, event.batch)
        for row in event.closings:
            self._markets[row.market].deleveraged += row.lots
            self.deleveraged.append((*head, row.account, row.market, row.lots, row.price_ticks, row.gap))
        for winner in event.haircuts:
            price = self._price(winner.market, winner.lots, winner.amount)
            closed = (winner.account, winner.owner, winner.market, winner.lots, winner.amount, price)
            self.winners.append((*head, *closed, winner.profit, winner.equity, winner.taken, winner.haircut))

    def _price(self, market: str, lots: int, amount_units: int) -> str:
        return exact_text(fill_price(self._instruments[market], lots, amount_units))

    def _fill(self, fill: FillRow) -> Row:
        price = self._price(fill.market, fill.lots, fill.amount)
        return (
            fill.market,
            "long" if fill.lots < 0 else "short",
            fill.bankruptcy_ticks,
            fill.cross_lots,
            fill.book_lots,
            fill.amount,
            price,
            fill.realised,
            fill.surcharge,
            fill.lots_after,
        )

    def _closed(self, t_ms: int, event: AccountsClosed) -> None:
        for row in event.rows:
            self._under_way.discard(row.account)
            fees = sum(fee.amount for fee in row.fees)
            ended = (row.residual, row.residual_taken, row.deficit, row.deficit_id or None)
            head = (t_ms, event.step, event.round, row.account, row.owner, row.equity)
            self.closings.append((*head, row.fees_used, fees, *ended))


def _movement(t_ms: int, seq: int, one: Movement) -> Row:
    """A movement as a row; what it does not have is null."""
    who = (one.what, one.account or None, one.layer or None, one.market or None)
    return (t_ms, seq, *who, one.lots, one.amount, one.cash_after, one.batch or None, one.id or None, one.other or None)
