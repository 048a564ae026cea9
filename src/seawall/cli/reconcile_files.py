"""Reconcile files: a custodian's statement, and who has cleared which break.

Layer    cli; imports amounts, design.errors, report.reconciling, stress.tables (CSV).
Not here what a break is (report.reconciling).
Held to  this by tests/cli/test_reconcile.py.

The statement, CSV in asset units:  time,account,asset,balance,amount,reference
`time` is ISO 8601 with its offset or Z, or a date alone: the end of that day, UTC. A row has a balance, or an amount
(> 0 into the account) and its reference, the id of the command in the ledger; the columns that no row needs may be left
out. `account` is a layer, or an account or address that --account gives layers to.

Clearances, JSON lines beside the statement:  {"break","by","at","why","prev"}. They are no events of the ledger: a
break is about somebody else's paper, and clearing it moves no money of the fund. Where the ledger is wrong, a `correct`
command says so, and the break is gone. Each line names the SHA-256 of the one before, so that none is changed in
silence.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from seawall.amounts import AmountError, check_amount, parse_decimal, sha256_hex
from seawall.design.errors import BadInput, Problem
from seawall.design.types import Design
from seawall.fund.codec import GENESIS_HASH
from seawall.report.reconciling import Line
from seawall.stress.tables import Findings, read_bytes, read_csv, shown

NEEDED = ("time", "account", "asset")
OPTIONAL = ("balance", "amount", "reference")


def parse_time_ms(text: str) -> int:
    """ms UTC of `2026-10-31T23:59:59Z`, `2026-10-31T21:00+02:00`, or of a day's last ms. Errors: ValueError."""
    if len(text) == 10:
        day = datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
        return _ms(day) - 1
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset: which time zone is it?")
    return _ms(moment)


def _ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def read_statement(path: Path, design: Design, accounts: Collection[str]) -> list[Line]:
    """The lines of a statement. accounts: those that it may name. Errors: BadInput, every problem with its row."""
    findings = Findings(str(path))
    table = read_csv(read_bytes(path, findings), findings, NEEDED, OPTIONAL)
    lines = []
    for place, row in enumerate(table.rows):
        cells = {name: column[place] for name, column in table.columns.items()}
        line = _line(row, cells, design, accounts, findings)
        if line is not None:
            lines.append(line)
    findings.raise_if_any()
    return lines


def _line(
    row: int, cells: Mapping[str, str], design: Design, accounts: Collection[str], findings: Findings
) -> Line | None:
    asset = design.asset
    try:
        t_ms = parse_time_ms(cells["time"])
    except (ValueError, OverflowError):
        wanted = "a day, or a time with its offset or Z, ISO 8601"
        findings.add(row, "time", wanted, shown(cells["time"]))
        return None
    if cells["account"] not in accounts:
        findings.add(
            row, "account", f"one of {', '.join(accounts)}", shown(cells["account"]), hint="--account gives it layers"
        )
        return None
    if cells["asset"] != asset.id:
        findings.add(row, "asset", asset.id, shown(cells["asset"]))
        return None
    balance, amount, reference = (cells.get(name, "") for name in OPTIONAL)
    if bool(balance) == bool(amount):
        findings.add(row, "balance", "a balance or an amount", "both" if balance else "neither")
        return None
    if amount and not reference:
        findings.add(row, "reference", "the id of the command that moved it", "nothing")
        return None
    try:
        units = check_amount(parse_decimal(balance or amount, asset.decimals, signed=True))
    except AmountError as error:
        findings.add(row, "balance" if balance else "amount", error.wanted, error.found, "SPEC 1", error.hint)
        return None
    if balance:
        return Line(row, t_ms, cells["account"], "balance", units)
    return Line(row, t_ms, cells["account"], "movement", units, reference)


# --- clearances -----------------------------------------------------------------------------------------------------


class Clearance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"break_id": "break"}):
    """One person's word that a break is explained. `at` is ms UTC."""

    break_id: str
    by: str
    at: int
    why: str
    prev: str


class Clearances:
    """Who has cleared which break. Errors: BadInput for a file that was changed by hand."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by: dict[str, dict[str, str]] = {}
        self._last = GENESIS_HASH
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise BadInput(Problem(str(path), 0, "", "clearances", error.strerror or "an error")) from None
        if data and not data.endswith(b"\n"):
            raise BadInput(
                Problem(str(path), data.count(b"\n") + 1, "", "a newline at the end of a line", "a torn line")
            )
        for number, line in enumerate(data.splitlines(), start=1):
            self._take(number, line)

    def _take(self, number: int, line: bytes) -> None:
        try:
            one = msgspec.json.decode(line, type=Clearance)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(Problem(str(self._path), number, "", "a clearance", str(error))) from None
        if one.prev != self._last:
            found = f"{one.prev[:12]}: a line was changed, taken out or put in"
            raise BadInput(Problem(str(self._path), number, "prev", f"{self._last[:12]}, of the line before", found))
        self._last = sha256_hex(line)
        self._by.setdefault(one.break_id, {})[one.by.casefold()] = one.by

    def of(self, break_id: str) -> tuple[str, ...]:
        """The people who have cleared a break, first first; two close it."""
        return tuple(self._by.get(break_id, {}).values())

    def add(self, break_id: str, by: str, at: int, why: str) -> None:
        """Append one and sync it. Errors: BadInput when this person has cleared the break already; OSError."""
        if by.casefold() in self._by.get(break_id, {}):
            raise BadInput(Problem(str(self._path), 0, "--by", f"another person than {by}, who has cleared it", by))
        line = msgspec.json.encode(Clearance(break_id, by, at, why, self._last))
        with self._path.open("ab") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(0, line)
