"""Verify: is a run folder what it says? Chains, invariants, balances, tables and summary, all recomputed.

Layer    stress; imports venue, fund, report.tables, stress.{books,summary}. Called by `seawall verify`.
Not here repair: a difference is reported, never mended. `--redecide` comes with the ledger.
Held to  this by tests/stress/test_verify.py, which damages a folder in every way it can think of.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from seawall.design.errors import BadInput, Problem
from seawall.design.instruments import instruments
from seawall.design.loader import parse_design
from seawall.design.types import Design
from seawall.fund.codec import CorruptLog, decode_hook
from seawall.fund.invariants import InvariantBroken
from seawall.fund.journal import replay as replay_fund, state_digest
from seawall.fund.state import FundState
from seawall.report.summary import Summary
from seawall.report.tables import fund_tables, venue_tables
from seawall.stress.books import read_book
from seawall.venue.invariants import check_door, equity_units
from seawall.venue.replay import replay as replay_venue, venue_digest


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, and what was found: `problem` is "" when it holds."""

    what: str
    detail: str
    problem: str = ""


def verify(folder: Path) -> tuple[Check, ...]:
    """Everything about a folder that `seawall stress` wrote, or about one that holds a fund's log alone.

    returns  checks in order; the first problem of a log ends the checks that need its state
    Errors   BadInput when the folder or its log is not there.
    """
    checks: list[Check] = []
    lines = read_lines(folder / "events.jsonl")
    try:
        fund = replay_fund(lines)
    except (CorruptLog, BadInput) as error:
        return (Check("events.jsonl", f"{len(lines)} records", str(error)),)
    checks.append(Check("events.jsonl", f"{len(lines)} events: chain, invariants, balances"))
    if not (folder / "venue.jsonl").exists():
        return tuple(checks)
    checks += _verify_venue(folder, fund, lines)
    return tuple(checks)


def read_lines(path: Path) -> list[bytes]:
    """A log's records. Errors: BadInput when it cannot be read or its last record has no end."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "an error"
        raise BadInput(Problem(str(path), 0, "", "a log, one event a line", reason)) from None
    if not data:
        raise BadInput(Problem(str(path), 0, "", "a log, one event a line", "an empty file"))
    lines = data.split(b"\n")
    if lines[-1]:
        raise BadInput(Problem(str(path), len(lines), "", "a newline at the end of the last event", "a torn record"))
    return lines[:-1]


def _verify_venue(folder: Path, fund: FundState, fund_lines: list[bytes]) -> list[Check]:
    checks: list[Check] = []
    text = (folder / "design.toml").read_text(encoding="utf-8") if (folder / "design.toml").exists() else ""
    same = text.encode() == _genesis_design(fund_lines[0]).encode()
    checks.append(Check("design.toml", "the design of the genesis", "" if same else "differs from the log's genesis"))
    lines = read_lines(folder / "venue.jsonl")
    design = parse_design(_genesis_design(fund_lines[0]), str(folder / "design.toml"))
    book = read_book(folder / "book.parquet", design)
    try:
        venue = replay_venue(lines, design, book, fund.design_digest)
    except CorruptLog as error:
        checks.append(Check("venue.jsonl", f"{len(lines)} records", str(error)))
        return checks
    checks.append(Check("venue.jsonl", f"{len(lines)} events: chain, invariants, positions sum to zero"))
    opening = sum(layer.balance for layer in design.layers)
    problem = ""
    try:
        check_door(venue, fund, opening)
    except InvariantBroken as error:
        problem = str(error)
    money = equity_units(venue) + venue.pending_fees_units + fund.layers_units
    checks.append(Check("conservation", f"venue and fund hold {money} base units between them", problem))
    checks.append(_summary(folder, state_digest(fund), venue_digest(venue)))
    checks += _tables(folder, design, fund_lines, lines)
    return checks


def _genesis_design(line: bytes) -> str:
    text: str = msgspec.json.decode(line)["data"]["design_text"]
    return text


def _summary(folder: Path, fund_digest: str, venue_state_digest: str) -> Check:
    try:
        summary = msgspec.json.decode((folder / "summary.json").read_bytes(), type=Summary, dec_hook=decode_hook)
    except (OSError, msgspec.DecodeError) as error:
        return Check("summary.json", "states of both machines", str(error))
    found = (summary.state.get("fund"), summary.state.get("venue"))
    problem = "" if found == (fund_digest, venue_state_digest) else "its states are not those of the logs"
    return Check("summary.json", "states of both machines", problem)


def _tables(folder: Path, design: Design, fund_lines: list[bytes], venue_lines: list[bytes]) -> list[Check]:
    fund, venue = fund_tables(fund_lines), venue_tables(venue_lines, instruments(design))
    wanted: dict[str, pl.DataFrame] = {
        "deficits": fund.deficits,
        "draws": fund.draws,
        "haircuts": fund.haircuts,
        "steps": venue.steps,
        "liquidations": venue.liquidations,
    }
    return [_table(folder / f"{name}.parquet", table) for name, table in wanted.items()]


def _table(path: Path, wanted: pl.DataFrame) -> Check:
    try:
        found = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        return Check(path.name, f"{wanted.height} rows", f"cannot be read: {str(error).splitlines()[0]}")
    problem = "" if found.equals(wanted) else "rows differ from the logs"
    return Check(path.name, f"{wanted.height} rows", problem)


def digest_files(folder: Path) -> str:
    """SHA-256 over every file's name and bytes but run.json's: two equal runs have equal digests."""
    total = hashlib.sha256()
    for path in sorted(item for item in folder.rglob("*") if item.is_file() and item.name != "run.json"):
        total.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
