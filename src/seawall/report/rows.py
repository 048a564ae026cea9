"""Rows: the logs' events as rows of flat tables, in the order of the log.

Layer    report; imports design.instruments, fund.events, report.venue_log. Called by report.tables,
         which says what they mean.
Not here files. No float: money stays an integer of base units until Polars holds it as Decimal(38, 0).
Held to  this by tests/report/test_tables.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import polars as pl

from seawall.amounts import format_decimal
from seawall.design.instruments import Instrument
from seawall.fund.codec import Recorded
from seawall.fund.events import (
    Credit,
    Event,
    InflowRouted,
    InventoryLost,
    LayerMigrated,
    MarketClosed,
    Opened,
    PoolReleased,
    RecoveryPlaced,
    Repaid,
    Settled,
    SettledRow,
    SeverityCarried,
    ShortfallsDrawn,
    tranches_in,
)
from seawall.report.venue_log import AccountsClosed, Deleveraged, Fill, Marked, RecordedVenue, RoundFilled

MONEY: Final = pl.Decimal(38, 0)
"""Base units; decimal128(38, 0) in Parquet (SPEC 1)."""

Row = tuple[Any, ...]
Schema = Mapping[str, Any]

_TYPES: Schema = {"int": pl.Int64, "text": pl.String, "bool": pl.Boolean, "money": MONEY}


def _schema(text: str) -> Schema:
    """`"t_ms int, layer text"` as a schema."""
    return {name: _TYPES[kind] for name, kind in (column.split() for column in text.split(","))}


DEFICITS = _schema(
    "t_ms int, batch text, deficit text, account text, owner text, asset text, amount money, drawn money,"
    "severity money, haircut money, carried money, pending money, recovered money"
)
DRAWS = _schema(
    "t_ms int, batch text, deficit text, layer text, amount money, balance_before money, balance_after money,"
    "bound_by text"
)
HAIRCUTS = _schema("t_ms int, batch text, account text, owner text, market text, how text, lots int, amount money")
LAYERS = _schema("t_ms int, seq int, layer text, balance money")
INFLOWS = _schema(
    "t_ms int, id text, source text, market text, amount money, to_layers money, repaid money, paid_out money"
)
STEPS = _schema(
    "step int, t_ms int, market text, anchor_ticks int, ticks int, stale text, rounds int, liquidated int,"
    "lots_crossed int, lots_sold int, lots_deleveraged int"
)
LIQUIDATIONS = _schema(
    "t_ms int, step int, round int, account text, owner text, equity money, maintenance money, induced bool,"
    "market text, side text, bankruptcy_ticks int, cross_lots int, book_lots int, amount money, fill_price text,"
    "realised money, surcharge money, lots_after int"
)
CLOSINGS = _schema(
    "t_ms int, step int, round int, account text, owner text, equity money, fees_used money, fees money,"
    "residual money, residual_taken money, deficit money, deficit_id text"
)
DELEVERAGED = _schema(
    "t_ms int, step int, round int, batch text, account text, market text, lots int, price_ticks int, gap money"
)
WINNERS = _schema(
    "t_ms int, step int, round int, batch text, account text, owner text, market text, lots int, amount money,"
    "close_price text, profit money, equity money, taken money, haircut money"
)


class FundRows:
    """Rows of the fund's tables as the log goes by."""

    def __init__(self) -> None:
        self.deficits: dict[str, dict[str, Any]] = {}
        self.draws: list[Row] = []
        self.haircuts: list[Row] = []
        self.layers: list[Row] = []
        self.inflows: list[Row] = []

    def take(self, recorded: Recorded[Event]) -> None:
        """One event."""
        t_ms, seq, event = recorded.stamp.t_ms, recorded.stamp.seq, recorded.event
        match event:
            case Opened():
                self.layers += [(t_ms, seq, row.layer, row.balance) for row in event.layers]
            case InflowRouted():
                self._placed(t_ms, seq, event.credits, event.repaid)
                inflow = event.inflow
                credited = sum(row.amount for row in event.credits)
                repaid = sum(row.amount for row in event.repaid)
                out = sum(row.amount for row in event.paid_out)
                self.inflows.append(
                    (t_ms, inflow.id, inflow.source, inflow.market, inflow.amount, credited, repaid, out)
                )
            case ShortfallsDrawn():
                self._drawn(t_ms, seq, event)
            case Settled():
                self._settled(event.rows)
                batch = event.settle.batch
                self.haircuts += [
                    (t_ms, batch, cut.account, cut.owner, cut.market, cut.how, cut.lots, cut.amount)
                    for cut in event.settle.haircuts
                ]
            case SeverityCarried():
                self._settled(event.rows)
            case MarketClosed():
                if event.layer is not None and event.moved:
                    self.layers.append((t_ms, seq, event.layer, 0))
                self._placed(t_ms, seq, event.credits, event.repaid)
            case PoolReleased():
                self.layers.append((t_ms, seq, event.layer, event.balance_after))
                self._placed(t_ms, seq, event.credits, event.repaid)
            case LayerMigrated():
                self.layers.append((t_ms, seq, event.migrate.from_layer, 0))
                self.layers.append((t_ms, seq, event.migrate.to_layer, event.balance_after))
            case InventoryLost():
                if not event.called:
                    self.layers.append((t_ms, seq, event.inventory_loss.layer, event.balance_after))
            case RecoveryPlaced():
                self._placed(t_ms, seq, event.credits, event.repaid)
            case _:
                pass
        if not isinstance(event, Opened | ShortfallsDrawn):  # those state the balance of every layer they touch
            self.layers += [(t_ms, seq, tranche.layer, tranche.assets) for tranche in tranches_in(event)]

    def _settled(self, rows: Sequence[SettledRow]) -> None:
        for row in rows:
            deficit = self.deficits[row.deficit]
            deficit["haircut"] += row.haircut
            deficit.update(carried=row.carried, pending=row.pending)

    def _placed(self, t_ms: int, seq: int, credits: Sequence[Credit], repaid: Sequence[Repaid]) -> None:
        self.layers += [(t_ms, seq, row.layer, row.balance_after) for row in credits]
        for row in repaid:
            self.deficits[row.deficit]["recovered"] += row.amount

    def _drawn(self, t_ms: int, seq: int, event: ShortfallsDrawn) -> None:
        batch = event.shortfalls.id
        severity = {row.deficit: int(row.amount) for row in event.severity}
        drawn: dict[str, int] = {}
        for draw in event.draws:
            drawn[draw.deficit] = drawn.get(draw.deficit, 0) + draw.amount
            before, after = draw.balance_before, draw.balance_after
            self.draws.append((t_ms, batch, draw.deficit, draw.layer, draw.amount, before, after, draw.bound_by))
            if draw.amount and not draw.called:  # what a layer without money can still be called for is no balance
                self.layers.append((t_ms, seq, draw.layer, after))
        for deficit in event.shortfalls.deficits:
            if deficit.id in event.waiting:
                continue
            self.deficits[deficit.id] = {
                "t_ms": t_ms,
                "batch": batch,
                "deficit": deficit.id,
                "account": deficit.account,
                "owner": deficit.owner,
                "asset": deficit.asset,
                "amount": deficit.amount,
                "drawn": drawn.get(deficit.id, 0),
                "severity": severity.get(deficit.id, 0),
                "haircut": 0,
                "carried": 0,
                "pending": severity.get(deficit.id, 0),
                "recovered": 0,
            }


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
        self._instruments = {instrument.id: instrument for instrument in instruments}
        self._under_way: set[str] = set()
        self._step, self._t_ms, self._rounds, self._began = 0, 0, 0, 0
        self._markets: dict[str, _StepMarket] = {}

    def take(self, recorded: RecordedVenue) -> None:
        """One event."""
        t_ms, event = recorded.stamp.t_ms, recorded.event
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
        fills: dict[str, list[Fill]] = {}
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

    def _fill(self, fill: Fill) -> Row:
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


def fill_price(instrument: Instrument, lots: int, amount_units: int) -> Fraction:
    """The exact average price of a fill, in the price's own unit; of an inverse perp the harmonic one.

    lots, amount_units  what was bought and what it cost; lots and amount not 0
    """
    size, one_tick = (
        abs(lots) * instrument.lot_tick_units,
        Fraction(instrument.tick_mantissa, 10**instrument.tick_decimals),
    )
    if instrument.contract.inverse:
        return Fraction(size, abs(amount_units)) * one_tick
    return Fraction(abs(amount_units), size) * one_tick


def exact_text(value: Fraction) -> str:
    """A decimal string where the decimals end, else "a/b" in lowest terms; fractions.Fraction reads both back."""
    rest = value.denominator
    decimals = (rest & -rest).bit_length() - 1
    rest >>= decimals
    fives = 0
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    if rest != 1:
        return str(value)
    decimals = max(decimals, fives)
    return format_decimal(value.numerator * 10**decimals // value.denominator, decimals)


def frame(rows: Sequence[Row], schema: Schema) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pl.DataFrame(
        [_series(name, values, kind) for (name, kind), values in zip(schema.items(), columns, strict=True)]
    )


def _series(name: str, values: Sequence[Any], kind: Any) -> pl.Series:
    if kind == MONEY:
        values = [None if value is None else int(value) for value in values]
        if any(value is not None and abs(value) >= 2**63 for value in values):  # Polars takes no mixed sizes of int
            values = [None if value is None else Decimal(value) for value in values]
    return pl.Series(name, values, dtype=kind)
