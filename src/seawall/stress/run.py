"""Run: one book through one path under one design, and the folder that holds what came of it.

Layer    stress; imports venue, fund, report (tables, page), stress.{books,ladder,paths,summary}. Called by the CLI.
Not here what a step does (venue.machine), reading of inputs (stress.books, stress.paths), checking (stress.verify).
Held to  this by tests/stress/test_run.py: same design, book, path, seed: same bytes in everything but run.json.

The folder is written aside and renamed, so that it is there whole or not at all.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from seawall.design.errors import BadInput, Problem
from seawall.design.instruments import instruments
from seawall.design.types import Design
from seawall.fund.codec import encode_hook
from seawall.fund.journal import Journal
from seawall.report.folder import write_report
from seawall.report.summary import Summary
from seawall.report.tables import fund_tables, venue_tables, write_tables
from seawall.stress.books import write_book
from seawall.stress.ladder import compile_ladder
from seawall.stress.prices import PricePath
from seawall.stress.screened import Scan, open_venue
from seawall.stress.summary import summarise
from seawall.venue.book import Book
from seawall.venue.ladder import Levels
from seawall.venue.machine import Venue, World

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run depends on; nothing else does.

    design_text  the design file verbatim, kept in the log's genesis
    seed         of whatever chance made the inputs; recorded, and part of the summary
    """

    design: Design
    design_text: str
    book: Book
    path: PricePath
    seed: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A run in memory: both machines with their logs, and the summary."""

    venue: Venue
    fund: Journal
    summary: Summary


def markets_held(book: Book) -> set[str]:
    """Markets in which somebody holds a position: they need prices and depth."""
    return {book.markets[market] for market in np.unique(book.position_market).tolist()}


def world(inputs: Inputs) -> World:
    """Ladders compiled at the path's first price of each market, and the range of its prices.

    Errors  BadInput when a market with positions has no depth in the design.
    """
    path = inputs.path
    column = {market: i for i, market in enumerate(path.markets)}
    first = path.first_ticks
    highest = {m: max(row[i] or 0 for row in path.ticks) for m, i in column.items()}
    stated = {depth.market: depth for depth in inputs.design.stress.depth}
    missing = sorted(markets_held(inputs.book) - set(stated))
    if missing:
        wanted = f"a [[stress.depth]] entry for every market with positions ({', '.join(missing)})"
        raise BadInput(Problem("design", 0, "stress.depth", wanted, "none", "SPEC 4.4"))
    ladders: dict[tuple[str, str], Levels] = {}
    for market, depth in stated.items():
        ticks = first.get(market)
        if ticks is not None:
            ladders[market, "bids"], ladders[market, "asks"] = compile_ladder(depth, ticks)
    return World(
        ladders=ladders,
        ceiling_ticks={market: 2 * ticks for market, ticks in highest.items()},
        path_name=path.name,
        path_digest=path.digest,
        intrabar=path.intrabar,
        seed=inputs.seed,
    )


def run(inputs: Inputs, progress: Progress | None = None, scan: Scan = "auto", threads: int = 1) -> Finished:
    """Run the book through the path; every event is checked as it happens.

    scan, threads  how accounts are scanned (stress.screened); neither changes a byte

    Errors  BadInput (no depth); InvariantBroken, VenueError: a defect, never the user's input.
    """
    path = inputs.path
    around = world(inputs)
    fund = Journal(inputs.design, inputs.design_text, path.t_ms[0])
    venue = open_venue(inputs.design, inputs.book, fund, around, path.t_ms[0], scan, threads)
    for step, (t_ms, prices) in enumerate(zip(path.t_ms, path.ticks, strict=True), start=1):
        venue.step(t_ms, {m: ticks for m, ticks in zip(path.markets, prices, strict=True) if ticks is not None})
        if progress is not None:
            progress(step, len(path.t_ms))
    summary = summarise(inputs.design, inputs.book, path, inputs.seed, venue, fund)
    return Finished(venue, fund, summary)


def check_out(out: Path) -> None:
    """Refuse an output folder that holds something. Errors: BadInput."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        found = "a folder with files in it" if out.is_dir() else "a file"
        raise BadInput(Problem(str(out), 0, "--out", "a new or empty folder", found, hint="nothing was written"))


@contextmanager
def aside(out: Path) -> Iterator[Path]:
    """A folder beside `out` to write into; it becomes `out` when all went well, and is gone when not."""
    check_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if out.exists():
            out.rmdir()
        os.replace(folder, out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def write_run(finished: Finished, inputs: Inputs, folder: Path, command: Collection[str], seconds: float) -> None:
    """Everything about a run, into an existing empty folder.

    Files   design.toml, book.parquet, events.jsonl, venue.jsonl, summary.json, the flat tables, report.html, charts/;
            run.json alone holds what differs from run to run (clock, versions, command)
    """
    (folder / "design.toml").write_text(inputs.design_text, encoding="utf-8")
    write_book(inputs.book, folder / "book.parquet")
    (folder / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in finished.fund.lines))
    (folder / "venue.jsonl").write_bytes(b"".join(line + b"\n" for line in finished.venue.lines))
    (folder / "summary.json").write_bytes(encode_document(finished.summary))
    venue_log = venue_tables(finished.venue.lines, instruments(inputs.design))
    write_tables(folder, fund_tables(finished.fund.lines), venue_log)
    write_report(folder)
    started = datetime.fromtimestamp(time.time() - seconds, UTC)
    (folder / "run.json").write_bytes(
        encode_document(
            {
                "schema": "seawall.run/1",
                "command": list(command),
                "started": started.isoformat(timespec="seconds"),
                "seconds": f"{seconds:.3f}",
                "seawall": version("seawall"),
                "python": platform.python_version(),
                "machine": platform.machine(),
            }
        )
    )


def encode_document(document: object) -> bytes:
    """A document as indented JSON with a final newline; money as integer strings, keys in their own order."""
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=encode_hook), indent=2) + b"\n"
