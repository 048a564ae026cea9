"""ledger export: a ledger's facts as Parquet tables, which DuckDB, Polars and others read.

Layer    cli; imports fund.codec, ledger.recovery, report.tables, stress.run (a folder that is there whole or not).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from seawall.amounts import sha256_hex
from seawall.cli.console import OK, print_document, progress_bar, stdout
from seawall.cli.ledger_documents import LedgerExportDocument, TableRow
from seawall.cli.ledger_store import ENV_STORE, JSON, STORE, head_row, opened, store_name
from seawall.fund.codec import Recorded
from seawall.fund.events import Event
from seawall.fund.journal import FUND_CODEC
from seawall.ledger.connect import shown
from seawall.ledger.recovery import chained
from seawall.ledger.store import EMPTY, Head, Reader, StoreError
from seawall.report.tables import FundTables, fund_tables_of, write_table
from seawall.stress.run import aside, check_out

EVERY = 1_024
"""Events between two moves of the progress bar."""
EVENTS = {
    "seq": pl.Int64,
    "t_ms": pl.Int64,
    "id": pl.String,
    "kind": pl.String,
    "rules_version": pl.Int64,
    "hash": pl.String,
    "line": pl.String,
}
"""Columns of events.parquet: the envelope, the line's SHA-256, and the line as it is stored."""


def register(group: typer.Typer) -> None:
    """Add `seawall ledger export`."""

    @group.command("export")
    def export(
        out: Annotated[Path, typer.Option(help="A new or empty folder for the tables.")],
        store: STORE = None,
        env_store: ENV_STORE = None,
        as_json: JSON = False,
    ) -> int:
        """Write the ledger's tables and its events as Parquet; money is decimal(38, 0), in base units."""
        where = store_name(store, env_store)
        check_out(out)
        with opened(where) as log, progress_bar("export", "events") as progress, aside(out) as folder:
            head, written = write_export(log, folder, progress)
        if as_json:
            print_document(
                LedgerExportDocument(store=shown(where), folder=str(out), head=head_row(head), tables=written)
            )
            return OK
        names = ", ".join(f"{row.file} ({row.rows:,})" for row in written)
        stdout().print(f"wrote {out}/: {names}", markup=False, soft_wrap=True)
        return OK


def write_export(log: Reader, folder: Path, progress: Callable[[int, int], None]) -> tuple[Head, tuple[TableRow, ...]]:
    """Write every table into a folder. returns: the last event that is in them, and what was written.

    Errors  StoreError for a store without events; CorruptLog.
    """
    last = log.head()
    if last == EMPTY:
        raise StoreError("the store has no events yet: its first was never written")
    events: list[tuple[Any, ...]] = []

    def read() -> Iterator[Recorded[Event]]:
        for line, recorded in chained(FUND_CODEC, log):
            stamp, kind = recorded.stamp, FUND_CODEC.kind_of(recorded.event)
            text = line.decode()
            events.append((stamp.seq, stamp.t_ms, stamp.id, kind, recorded.rules_version, sha256_hex(line), text))
            if stamp.seq % EVERY == 0:
                progress(stamp.seq, last.seq)
            yield recorded

    tables = fund_tables_of(read())
    frames = {each.name: getattr(tables, each.name) for each in fields(FundTables)}
    frames["events"] = pl.DataFrame(events, schema=EVENTS, orient="row")
    written = []
    for name, table in frames.items():
        write_table(folder / f"{name}.parquet", table)
        written.append(TableRow(f"{name}.parquet", table.height))
    return Head(events[-1][0], events[-1][5]), tuple(written)
