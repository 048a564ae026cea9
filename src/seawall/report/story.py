"""Story: everything that the logs say about one account, in order.

Layer    report; imports venue_events, report.{deficits,facts,movements,reading,rows}. Called by report.explain.
Not here words (report.explain). Nothing is worked out but sums: who decided what stands in the logs.
Held to  this by tests/report/test_explain.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from seawall.amounts import Units
from seawall.design.instruments import Instrument
from seawall.report.deficits import deficit_of
from seawall.report.facts import (
    Against,
    Chapter,
    ClosedLots,
    End,
    Funding,
    Held,
    Liquidation,
    Moved,
    PaidMoney,
    Round,
    Traded,
    WasDeleveraged,
)
from seawall.report.movements import Movement, movements
from seawall.report.reading import RunFolder
from seawall.report.rows import exact_text, fill_price
from seawall.venue_events import (
    AccountsClosed,
    ClosedRow,
    ClosingRow,
    Deleveraged,
    FillRow,
    FundingPaid,
    GainsTaken,
    HaircutTaken,
    Marked,
    RoundFilled,
    VenueEvent,
)


@dataclass(slots=True)
class _Open:
    """A liquidation under way."""

    rounds: list[Round] = field(default_factory=list)


def tell(run: RunFolder, account: str, positions: Mapping[str, int]) -> tuple[Chapter, ...]:
    """The chapters of an account, in the order in which they began.

    positions  market -> signed lots at the start
    """
    return _Teller(run, account, positions).chapters()


class _Teller:
    """Walks the venue's log once, then asks the fund's log for the deficits that it found."""

    def __init__(self, run: RunFolder, account: str, positions: Mapping[str, int]) -> None:
        self._run = run
        self._account = account
        self._held = {market: lots for market, lots in positions.items() if lots}
        self._marks: dict[str, int] = {}
        self._instruments = {instrument.id: instrument for instrument in run.instruments}
        self._open: _Open | None = None
        self._place = 0
        self._found: list[tuple[int, Chapter]] = []
        self._funded: dict[str, tuple[int, Funding]] = {}

    def chapters(self) -> tuple[Chapter, ...]:
        """Every chapter."""
        for recorded in self._run.venue_log:
            t_ms, event = recorded.stamp.t_ms, recorded.event
            match event:
                case Marked():
                    self._marks.update((mark.market, mark.ticks) for mark in event.marks)
                case RoundFilled():
                    self._filled(t_ms, event)
                case AccountsClosed():
                    for row in event.rows:
                        if row.account == self._account:
                            self._closed(t_ms, event.step, event.round, row)
                case Deleveraged():
                    self._deleveraged(t_ms, event)
                case HaircutTaken():
                    self._taken(t_ms, event, event.how)
                case GainsTaken():
                    self._taken(t_ms, event, "gains_haircut")
                case FundingPaid():
                    self._funding(t_ms, event)
                case _:
                    self._moved(t_ms, event)
        if self._open is not None:
            self._found.append((self._place, Liquidation(tuple(self._open.rounds), None, None)))
        told = [*self._found, *self._funded.values()]
        return tuple(chapter for _, chapter in sorted(told, key=lambda item: item[0]))

    def _filled(self, t_ms: int, event: RoundFilled) -> None:
        if all(trigger.account != self._account for trigger in event.triggered):
            for fill in event.fills:  # of what was left when its debt was recognised
                if fill.account == self._account:
                    self._hold(fill.market, fill.lots_after)
        for trigger in event.triggered:
            if trigger.account != self._account:
                continue
            held = tuple(Held(market, lots, self._mark(market)) for market, lots in self._held.items())
            fills = [fill for fill in event.fills if fill.account == self._account]
            for fill in fills:
                self._hold(fill.market, fill.lots_after)
            if self._open is None:
                self._open = _Open()
                self._place = self._next()
            self._open.rounds.append(
                Round(
                    t_ms=t_ms,
                    step=event.step,
                    round=event.round,
                    equity=trigger.equity,
                    maintenance=trigger.maintenance,
                    induced=trigger.induced,
                    held=held,
                    traded=tuple(self._traded(fill) for fill in fills),
                )
            )

    def _traded(self, fill: FillRow) -> Traded:
        lots = fill.lots
        instrument = self._instruments[fill.market]
        return Traded(
            market=fill.market,
            side="long" if lots < 0 else "short",
            crossed=abs(fill.cross_lots),
            sold=abs(fill.book_lots),
            average_price=exact_text(fill_price(instrument, lots, fill.amount)),
            bankruptcy_price=instrument.price_text(fill.bankruptcy_ticks),
            amount=fill.amount,
            realised=fill.realised,
            surcharge=fill.surcharge,
            lots_after=fill.lots_after,
            taken=abs(fill.taken_lots),
        )

    def _closed(self, t_ms: int, step: int, number: int, row: ClosedRow) -> None:
        end = End(
            t_ms=t_ms,
            step=step,
            round=number,
            equity=row.equity,
            fees_used=row.fees_used,
            fees=Units(sum(fee.amount for fee in row.fees)),
            residual=row.residual,
            residual_taken=row.residual_taken,
            healthy=row.healthy,
        )
        deficit = deficit_of(self._run, row.deficit_id) if row.deficit_id else None
        rounds = tuple(self._open.rounds) if self._open else ()
        place = self._place if self._open else self._next()
        self._open = None
        self._found.append((place, Liquidation(rounds, end, deficit)))

    def _deleveraged(self, t_ms: int, event: Deleveraged) -> None:
        closings = [row for row in event.closings if row.account == self._account]
        if closings:
            self._closed_against(event, closings)
        for row in event.haircuts:
            if row.account != self._account:
                continue
            instrument = self._instruments[row.market]
            mark = self._mark(row.market)
            lots = self._held.get(row.market, 0)
            self._hold(row.market, lots - row.lots if lots > 0 else lots + row.lots)
            against = tuple(
                Against(other.account, other.lots, instrument.price_text(other.price_ticks))
                for other in event.closings
                if other.market == row.market
            )
            chapter = WasDeleveraged(
                t_ms=t_ms,
                step=event.step,
                round=event.round,
                batch=event.batch,
                market=row.market,
                lots=row.lots,
                average_price=exact_text(fill_price(instrument, row.lots, row.amount)),
                mark=mark,
                profit=row.profit,
                equity=row.equity,
                taken=row.taken,
                haircut=row.haircut,
                against=against,
            )
            self._found.append((self._next(), chapter))

    def _closed_against(self, event: Deleveraged, closings: Iterable[ClosingRow]) -> None:
        """Lots closed against winners belong to the last round of the liquidation that ended with them."""
        lots = []
        for row in closings:
            winners = sum(1 for winner in event.haircuts if winner.market == row.market)
            price = self._instruments[row.market].price_text(row.price_ticks)
            lots.append(ClosedLots(row.market, row.lots, price, row.gap, winners))
            held = self._held.get(row.market, 0)
            self._hold(row.market, held - row.lots if held > 0 else held + row.lots)
        for i in range(len(self._found) - 1, -1, -1):
            place, chapter = self._found[i]
            if isinstance(chapter, Liquidation) and chapter.rounds:
                last = _with_lots(chapter.rounds[-1], tuple(lots))
                whole = Liquidation((*chapter.rounds[:-1], last), chapter.end, chapter.deficit)
                self._found[i] = (place, whole)
                return

    def _taken(self, t_ms: int, event: HaircutTaken | GainsTaken, how: str) -> None:
        for row in event.rows:
            if row.account == self._account:
                chapter = PaidMoney(
                    t_ms=t_ms,
                    step=event.step,
                    round=event.round,
                    batch=event.batch,
                    how=how,
                    market=row.market,
                    amount=row.amount,
                    profit=row.profit,
                    equity=row.equity,
                    severity=event.severity,
                    base=event.base,
                )
                self._found.append((self._next(), chapter))

    def _funding(self, t_ms: int, event: FundingPaid) -> None:
        """One chapter a market, where its first interval is: a run has too many of them to tell each."""
        for one in movements(event):
            if one.account == self._account:
                place, known = self._funded.get(one.market, (self._next(), None))
                times, amount = (known.times, known.amount) if known else (0, 0)
                first = known.t_ms if known else t_ms
                chapter = Funding(first, one.market, times + 1, Units(amount + one.amount), t_ms)
                self._funded[one.market] = (place, chapter)

    def _moved(self, t_ms: int, event: VenueEvent) -> None:
        for one in movements(event):
            if one.account == self._account:
                self._found.append((self._next(), self._movement(t_ms, one)))
                if one.lots:
                    self._hold(one.market, self._held.get(one.market, 0) + one.lots)

    def _movement(self, t_ms: int, one: Movement) -> Moved:
        assert one.cash_after is not None  # only what is taken out of open profit leaves cash alone
        return Moved(
            t_ms=t_ms,
            kind=one.what,
            market=one.market,
            lots=one.lots,
            amount=one.amount,
            cash_after=one.cash_after,
            batch=one.batch,
            id=one.id,
            other=one.other,
        )

    def _next(self) -> int:
        """A place after every chapter that has begun."""
        return max(self._place, *(place for place, _ in (*self._found, *self._funded.values())), 0) + 1

    def _hold(self, market: str, lots: int) -> None:
        if lots:
            self._held[market] = lots
        else:
            self._held.pop(market, None)

    def _mark(self, market: str) -> str:
        instrument: Instrument | None = self._instruments.get(market)
        return instrument.price_text(self._marks[market]) if instrument and market in self._marks else ""


def _with_lots(one: Round, lots: tuple[ClosedLots, ...]) -> Round:
    return Round(
        t_ms=one.t_ms,
        step=one.step,
        round=one.round,
        equity=one.equity,
        maintenance=one.maintenance,
        induced=one.induced,
        held=one.held,
        traded=one.traded,
        deleveraged=lots,
    )
