"""Rows: the tables' columns, and the fund's events as rows of flat tables, in the order of the log.

Layer    report; imports design.instruments, fund.events. Called by report.tables, which says what they mean.
Not here files, the venue's events (report.venue_rows). No float: money stays an integer of base units until Polars
         holds it as Decimal(38, 0).
Held to  this by tests/report/test_tables.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import polars as pl

from seawall.amounts import format_decimal
from seawall.design.instruments import Instrument
from seawall.fund.codec import Recorded
from seawall.fund.events import (
    Corrected,
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
CORRECTIONS = _schema(
    "t_ms int, seq int, id text, wrong text, wrong_seq int, layer text, deficit text, amount money, after money,"
    "proposer text, approver text, reason text"
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
MOVEMENTS = _schema(
    "t_ms int, seq int, what text, account text, layer text, market text, lots int, amount money, cash_after money,"
    "batch text, id text, other text"
)


class FundRows:
    """Rows of the fund's tables as the log goes by."""

    def __init__(self) -> None:
        self.deficits: dict[str, dict[str, Any]] = {}
        self.draws: list[Row] = []
        self.haircuts: list[Row] = []
        self.layers: list[Row] = []
        self.inflows: list[Row] = []
        self.corrections: list[Row] = []

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
            case Corrected():
                self._corrected(t_ms, seq, event)
            case _:
                pass
        if not isinstance(event, Opened | ShortfallsDrawn):  # those state the balance of every layer they touch
            self.layers += [(t_ms, seq, tranche.layer, tranche.assets) for tranche in tranches_in(event)]

    def _corrected(self, t_ms: int, seq: int, event: Corrected) -> None:
        correct = event.correct
        head = (t_ms, seq, correct.id, correct.wrong, event.wrong_seq)
        foot = (correct.proposer, correct.approver, correct.reason)
        for row in event.layers:
            self.layers.append((t_ms, seq, row.layer, row.balance_after))
            self.corrections.append((*head, row.layer, None, row.amount, row.balance_after, *foot))
        for debt in event.debts:
            self.corrections.append((*head, None, debt.deficit, debt.amount, debt.carried_after, *foot))

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
