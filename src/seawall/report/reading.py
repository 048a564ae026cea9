"""Reading: a run folder read whole, or everything that is wrong with it.

Layer    report; imports design, fund, venue_events, report.{summary,tables}. Called by the CLI and the
         rest of report.
Not here replaying the fund (fund.journal.replay, `seawall verify`): chains, shapes and sums are checked, rules not.
Held to  this by tests/report/test_reading.py: a folder for each way to be broken.

The logs are the truth. The Parquet tables and the pictures are made from them and never read back; summary.json says
what the logs do not (where prices came from, the verdict) and has to agree with them wherever they say the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import polars as pl

from seawall.design.errors import BadInput, Problem
from seawall.design.instruments import Instrument, instruments
from seawall.design.loader import design_digest, parse_design
from seawall.design.types import Design
from seawall.fund.codec import Codec, CorruptLog, Recorded
from seawall.fund.events import Event, Opened
from seawall.fund.journal import FUND_CODEC
from seawall.report.summary import Summary, decode_summary
from seawall.report.tables import FundTables, VenueTables, fund_tables_of, venue_tables_of
from seawall.report.wording import HOW
from seawall.venue_events import VENUE_CODEC, Marked, RecordedVenue, VenueOpened

NEEDED: Final = ("design.toml", "events.jsonl", "venue.jsonl", "summary.json")
"""Files without which a folder is no run."""

MOST_DIFFERENCES: Final = 12

_RULE = "run folder"
E_ = TypeVar("E_")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run, read and found consistent.

    path          as the user named it
    document      summary.json as plain values; `summary` the same, typed
    fund_log, venue_log  every event, decoded
    """

    path: Path
    design_text: str
    design: Design
    instruments: tuple[Instrument, ...]
    document: dict[str, Any]
    summary: Summary
    fund_log: tuple[Recorded[Event], ...]
    venue_log: tuple[RecordedVenue, ...]
    fund: FundTables
    venue: VenueTables

    @property
    def opened(self) -> VenueOpened:
        """What the run assumed, as the venue's log says."""
        event = self.venue_log[0].event
        assert isinstance(event, VenueOpened)  # read_run refuses any other log
        return event


def read_run(path: Path) -> RunFolder:
    """The run in a folder.

    Errors   BadInput: a file is missing, cut short, damaged, of a newer version, or of another run; one problem each.
    Needs    design.toml, events.jsonl, venue.jsonl, summary.json; nothing else is opened.
    """
    files = _read_files(path)
    problems: list[Problem] = []

    def attempt(read: Callable[[], E_]) -> E_ | None:
        try:
            return read()
        except BadInput as error:
            problems.extend(error.problems)
            return None

    names = {name: str(path / name) for name in NEEDED}
    design = attempt(lambda: parse_design(_text(files["design.toml"], names["design.toml"]), names["design.toml"]))
    fund_log = attempt(lambda: _log(files["events.jsonl"], names["events.jsonl"], FUND_CODEC, Opened))
    venue_log = attempt(lambda: _log(files["venue.jsonl"], names["venue.jsonl"], VENUE_CODEC, VenueOpened))
    summary = attempt(lambda: _summary(files["summary.json"], names["summary.json"]))
    if design is None or fund_log is None or venue_log is None or summary is None:
        raise BadInput(problems)
    text = files["design.toml"].decode("utf-8")
    _check_design(names, text, design, fund_log, venue_log)
    try:
        known = instruments(design)
        fund = fund_tables_of(fund_log)
        venue = venue_tables_of(venue_log, known)
    except (KeyError, OverflowError, ZeroDivisionError) as error:
        found = f"{type(error).__name__}: {error}"
        wanted = "events that follow from each other"
        raise BadInput(Problem(names["events.jsonl"], 0, "", wanted, found, _RULE)) from None
    _check_summary(names["summary.json"], summary, design, fund, venue_log)
    return RunFolder(
        path=path,
        design_text=text,
        design=design,
        instruments=known,
        document=json.loads(files["summary.json"]),
        summary=summary,
        fund_log=fund_log,
        venue_log=venue_log,
        fund=fund,
        venue=venue,
    )


def read_summary(path: Path) -> Summary:
    """The summary of a run folder alone, without a look at its logs. Errors: BadInput."""
    name = path / "summary.json"
    try:
        data = name.read_bytes()
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        raise BadInput(Problem(str(name), 0, "", "the summary of a run folder", found, _RULE)) from None
    return _summary(data, str(name))


def _read_files(path: Path) -> dict[str, bytes]:
    if not path.is_dir():
        found = "a file" if path.exists() else "no such folder"
        hint = "name the folder, not a file in it" if path.exists() else ""
        wanted = "a run folder, as `seawall stress --out` writes it"
        raise BadInput(Problem(str(path), 0, "", wanted, found, _RULE, hint))
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    for name in NEEDED:
        try:
            files[name] = (path / name).read_bytes()
        except FileNotFoundError:
            problems.append(Problem(str(path / name), 0, "", "this file of a run folder", "no such file", _RULE))
        except OSError as error:
            found = error.strerror or str(error)
            problems.append(Problem(str(path / name), 0, "", "a file that can be read", found, _RULE))
    if len(problems) == len(NEEDED):
        wanted = f"a run folder with {', '.join(NEEDED)}"
        raise BadInput(Problem(str(path), 0, "", wanted, "a folder with none of them", _RULE))
    if problems:
        raise BadInput(problems)
    return files


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(Problem(name, line, "", "UTF-8 text", f"byte 0x{data[error.start]:02x}", _RULE)) from None


def _log(data: bytes, name: str, codec: Codec[E_], first: type) -> tuple[Recorded[E_], ...]:
    """Every event of a log file; its lines end with a newline, the last one too."""
    if not data:
        raise BadInput(Problem(name, 0, "", "a log", "an empty file", _RULE))
    lines = data.split(b"\n")
    if lines.pop() != b"":
        found = "a last line that is cut short: no newline at its end"
        raise BadInput(Problem(name, len(lines) + 1, "", "a whole log", found, _RULE))
    try:
        events = tuple(codec.read(lines))
    except CorruptLog as error:
        raise BadInput(Problem(name, error.record, "", "a log whose records hold", error.reason, _RULE)) from None
    if not isinstance(events[0].event, first):
        found = f"{type(events[0].event).__name__}"
        raise BadInput(Problem(name, 1, "", f"{first.__name__} as the first event", found, _RULE))
    return events


def _summary(data: bytes, name: str) -> Summary:
    try:
        summary = decode_summary(data)
        for text in _strings(json.loads(data)):
            if not text.isprintable():
                raise BadInput(Problem(name, 0, "", "printable text", repr(text[:60]), _RULE))
        return summary
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message, _, place = str(error).partition(" - at ")
        field = place.strip("`").removeprefix("$.")
        wanted = "a summary of seawall.stress.summary/1"
        raise BadInput(Problem(name, 0, field, wanted, message[:1].lower() + message[1:], _RULE)) from None


def _strings(value: object) -> Iterator[str]:
    """Every text of a document, keys too: they end up in terminals and pages."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _check_design(
    names: dict[str, str],
    text: str,
    design: Design,
    fund_log: tuple[Recorded[Event], ...],
    venue_log: tuple[RecordedVenue, ...],
) -> None:
    """Both logs are of this design, and the fund's began with this very text."""
    digest = design_digest(design)
    for name, designs in (
        ("events.jsonl", {recorded.design for recorded in fund_log}),
        ("venue.jsonl", {recorded.design for recorded in venue_log}),
    ):
        other = min(designs - {digest}, default="")
        if other:
            wanted = f"events under the design {digest[:12]} of design.toml"
            raise BadInput(Problem(names[name], 0, "design", wanted, other[:12], _RULE))
    opened = fund_log[0].event
    assert isinstance(opened, Opened)
    if opened.design_text != text:
        wanted = "the text with which events.jsonl begins"
        raise BadInput(Problem(names["design.toml"], 0, "", wanted, "another text of the same design", _RULE))


def _check_summary(
    name: str,
    summary: Summary,
    design: Design,
    fund: FundTables,
    venue_log: tuple[RecordedVenue, ...],
) -> None:
    """summary.json says what the logs say; every difference is a problem."""
    opened = venue_log[0].event
    assert isinstance(opened, VenueOpened)
    pairs: list[tuple[str, object, object]] = [
        ("design.name", design.name, summary.design.name),
        ("design.digest", design_digest(design), summary.design.digest),
        ("asset.id", design.asset.id, summary.asset.id),
        ("asset.decimals", design.asset.decimals, summary.asset.decimals),
        ("book.digest", opened.book_digest, summary.book.digest),
        ("book.accounts", opened.accounts, summary.book.accounts),
        ("path.digest", opened.path_digest, summary.path.digest),
        ("steps", sum(1 for r in venue_log if isinstance(r.event, Marked) and r.event.round == 0), summary.steps),
        ("deficits.count", fund.deficits.height, summary.deficits.count),
        ("deficits.amount", total(fund.deficits, "amount"), int(summary.deficits.amount)),
        ("drawn", total(fund.deficits, "drawn"), int(summary.drawn)),
        ("severity", total(fund.deficits, "severity"), int(summary.severity)),
        ("recovered", total(fund.deficits, "recovered"), int(summary.recovered)),
        ("carried", total(fund.deficits, "carried") - total(fund.deficits, "recovered"), int(summary.carried)),
        ("verdict", "exhausted" if total(fund.deficits, "severity") else "survives", summary.verdict),
        ("pending", total(fund.deficits, "pending"), int(summary.pending)),
    ]
    for way in HOW:
        paid = total(fund.haircuts.filter(pl.col("how") == way), "amount")
        pairs.append((f"haircuts.{way}", paid, int(getattr(summary.haircuts, way))))
    pairs += _layer_pairs(summary, design, fund)
    problems = [
        Problem(name, 0, field, f"{logged}, as the logs say", f"{said}", _RULE)
        for field, logged, said in pairs
        if logged != said
    ]
    if problems:
        raise BadInput(problems[:MOST_DIFFERENCES])


def _layer_pairs(summary: Summary, design: Design, fund: FundTables) -> Iterable[tuple[str, object, object]]:
    yield "layers", [layer.id for layer in design.layers], [row.layer for row in summary.layers]
    for row in summary.layers:
        balances = fund.layers.filter(pl.col("layer") == row.layer).get_column("balance").to_list()
        if balances:
            yield f"layers.{row.layer}.before", int(balances[0]), int(row.before)
            yield f"layers.{row.layer}.after", int(balances[-1]), int(row.after)
            drawn = total(fund.draws.filter(pl.col("layer") == row.layer), "amount")
            yield f"layers.{row.layer}.drawn", drawn, int(row.drawn)


def total(frame: pl.DataFrame, column: str) -> int:
    """The sum of a money column, base units, exact at any size."""
    return sum(int(value) for value in frame.get_column(column).to_list())
