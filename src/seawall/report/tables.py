"""Tables: both logs as flat tables, one row a fact, in the order of the log.

Layer    report; imports design.instruments, fund, venue_events, report.{rows,venue_rows}. Called by
         report.reading, stress.run.
Not here totals and words (report.wording), drawing (report.charts). No float: money is Decimal(38, 0) in base units.
Held to  this by tests/report/test_tables.py, which adds the same figures up from the events themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from seawall.design.instruments import Instrument
from seawall.fund.codec import Recorded
from seawall.fund.events import Event
from seawall.fund.journal import FUND_CODEC
from seawall.report.rows import (
    CLOSINGS,
    CORRECTIONS,
    DEFICITS,
    DELEVERAGED,
    DRAWS,
    HAIRCUTS,
    INFLOWS,
    LAYERS,
    LIQUIDATIONS,
    MOVEMENTS,
    STEPS,
    WINNERS,
    FundRows,
    frame,
)
from seawall.report.venue_rows import VenueRows
from seawall.venue_events import VENUE_CODEC, RecordedVenue


@dataclass(frozen=True, slots=True)
class FundTables:
    """The fund's log. Money in base units.

    deficits  one row a deficit; amount = drawn + severity, severity = haircut + carried + pending. `carried` is
              what its settlement left as bad debt; `recovered` is what later income has repaid of that
    draws     one row for each layer that a deficit reached; amount 0 where the layer was bound to nothing
    haircuts  one row a trader, market and way (`adl`, `adl_money`, `socialised_loss`)
    layers    one row a change of a balance, openings included, with the number of the event that changed it
    inflows   one row a command; amount = to_layers + repaid + paid_out. A closed market's bucket is no inflow
    corrections  one row a difference that a correction posted: to a layer's money, or to carried debt, `deficit` named
    """

    deficits: pl.DataFrame
    draws: pl.DataFrame
    haircuts: pl.DataFrame
    layers: pl.DataFrame
    inflows: pl.DataFrame
    corrections: pl.DataFrame


@dataclass(frozen=True, slots=True)
class VenueTables:
    """The venue's log. Money in base units, prices in ticks.

    steps         one row a step and market that has a price. `ticks` is the step's last mark, `anchor_ticks` its price
                  before the venue's own displacement. `rounds` and `liquidated` are of the whole step, the same in each
                  of its rows: rounds in which something traded or ended, and accounts whose liquidation began. Lots are
                  unsigned: crossed among liquidated accounts, taken by the order book, closed by deleveraging
    liquidations  one row an account, market and round in which it traded; lots and amount signed, bought > 0. An
                  account that traded nothing in a round (deleveraged, or waiting for depth) has one row without a
                  market. `side` is the position's; `fill_price` is the exact average in asset units, a decimal where
                  that ends, else a fraction "a/b": fractions.Fraction reads both
    closings      one row a liquidation that ended
    deleveraged   one row a liquidated account and market whose lots were closed at its bankruptcy price; `gap` is what
                  they cost the winners against the mark
    winners       one row a trader and market closed against those of the batch: at what average price, what that took
                  from it, and its haircut after any excess went back
    movements     one row an account or layer, market and event beside liquidations: `funding`; `gains_haircut` (out of
                  open profit, or of cash where `cash_after` says so); `torn_up` and `market_settled` (positions that
                  ended, `amount` realised), `tear_up` (what was taken of that); `withdrawal`, `withdrawal_haircut`
                  (given up), `deposit`; `recourse` and `recovered` (between accounts of an owner, and to an old
                  deficit); of layers `inventory` (sold into the book), `inventory_settled` (became money), and
                  `closed_against_layer`, of accounts too. Lots signed, bought > 0; amount signed, received > 0
    """

    steps: pl.DataFrame
    liquidations: pl.DataFrame
    closings: pl.DataFrame
    deleveraged: pl.DataFrame
    winners: pl.DataFrame
    movements: pl.DataFrame


def fund_tables(lines: Iterable[bytes]) -> FundTables:
    """The tables of a fund's log; `lines` without newlines. Errors: CorruptLog."""
    return fund_tables_of(FUND_CODEC.read(lines))


def venue_tables(lines: Iterable[bytes], instruments: Sequence[Instrument]) -> VenueTables:
    """The tables of a venue's log; `lines` without newlines.

    instruments  the design's: a venue's log counts in lots and ticks, and only they say what these are worth
    Errors       CorruptLog.
    """
    return venue_tables_of(VENUE_CODEC.read(lines), instruments)


def fund_tables_of(log: Iterable[Recorded[Event]]) -> FundTables:
    """The tables of a fund's log that is decoded already."""
    book = FundRows()
    for recorded in log:
        book.take(recorded)
    return FundTables(
        deficits=frame([tuple(row.values()) for row in book.deficits.values()], DEFICITS),
        draws=frame(book.draws, DRAWS),
        haircuts=frame(book.haircuts, HAIRCUTS),
        layers=frame(book.layers, LAYERS),
        inflows=frame(book.inflows, INFLOWS),
        corrections=frame(book.corrections, CORRECTIONS),
    )


def venue_tables_of(log: Iterable[RecordedVenue], instruments: Sequence[Instrument]) -> VenueTables:
    """The tables of a venue's log that is decoded already."""
    book = VenueRows(instruments)
    for recorded in log:
        book.take(recorded)
    book.end_step()
    return VenueTables(
        steps=frame(book.steps, STEPS),
        liquidations=frame(book.liquidations, LIQUIDATIONS),
        closings=frame(book.closings, CLOSINGS),
        deleveraged=frame(book.deleveraged, DELEVERAGED),
        winners=frame(book.winners, WINNERS),
        movements=frame(book.movements, MOVEMENTS),
    )


WRITTEN: Final = ("deficits", "draws", "haircuts", "steps", "liquidations")
"""Names of the Parquet files that `write_tables` writes."""


def write_tables(folder: Path, fund: FundTables, venue: VenueTables) -> None:
    """Write `deficits`, `draws`, `haircuts`, `steps`, `liquidations` as Parquet into a folder that exists.

    The same tables give the same bytes with the same version of Polars: fixed compression, one row group after another
    of fixed size, no statistics, no clock. Errors: OSError.
    """
    frames = (fund.deficits, fund.draws, fund.haircuts, venue.steps, venue.liquidations)
    for name, written in zip(WRITTEN, frames, strict=True):
        write_table(folder / f"{name}.parquet", written)


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write one table as Parquet, as `write_tables` does. Errors: OSError."""
    table.write_parquet(path, compression="zstd", compression_level=3, statistics=False, row_group_size=100_000)
