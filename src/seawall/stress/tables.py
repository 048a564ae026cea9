"""Tables: the rows of a CSV or Parquet file that somebody hands us, every cell with an address.

Layer    stress; imports design.errors, stress.memory; read by stress.books, stress.paths and stress.winners.
Not here what a column means: this module only finds bytes, rows and columns, and says where one is amiss.
Held to  this by tests/stress/test_tables.py: each kind of bad file by its exact line.
"""

from __future__ import annotations

import csv
import difflib
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import polars as pl

from seawall.design.errors import BadInput, Problem
from seawall.stress.memory import PART_ROWS

MOST_PROBLEMS: Final = 20
"""Problems of one file that are shown; the rest is counted."""

_SMALL: Final = 4096  # bytes in which a file that is nothing but white space is told


class Findings:
    """The problems of one file, in the order in which they were found: the first 20, and how many more."""

    __slots__ = ("_more", "_problems", "file")

    def __init__(self, file: str) -> None:
        self.file = file
        self._problems: list[Problem] = []
        self._more = 0

    def add(self, line: int, field: str, wanted: str, found: str, rule: str = "", hint: str = "") -> None:
        """Note one problem of this file; see `Problem`."""
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(Problem(self.file, line, field, wanted, found, rule, hint))
        else:
            self._more += 1

    def stop(self, line: int, field: str, wanted: str, found: str, rule: str = "", hint: str = "") -> BadInput:
        """The error to raise at a problem after which nothing more of the file can be read."""
        self.add(line, field, wanted, found, rule, hint)
        return self.error()

    def error(self) -> BadInput:
        """Everything found, as one error."""
        if not self._more:
            return BadInput(self._problems)
        rest = Problem(self.file, 0, "", "no problems", f"the {MOST_PROBLEMS} above and {self._more} more")
        return BadInput([*self._problems, rest])

    def raise_if_any(self) -> None:
        """Raise BadInput when there is a problem."""
        if self._problems:
            raise self.error()


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint naming the known word nearest to `word`; "" when none is near."""
    by_lower = {name.lower(): name for name in known}
    match = difflib.get_close_matches(word.strip().lower(), by_lower, n=1)
    return f'did you mean "{by_lower[match[0]]}"?' if match else ""


def shown(value: object) -> str:
    """A cell as an error shows it: quoted, cut at 60 characters, "nothing" where it is empty."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, int | Decimal):
        return str(value)
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by column.

    rows     address of each row: the line of a CSV file where it begins, as an editor counts (the header is line 1),
             or the row of a Parquet file, the first being 1
    columns  name -> cells, shape of `rows`; text from CSV, Python values from Parquet (None: null)
    dtypes   name -> the Parquet column's type; empty for CSV
    """

    rows: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    dtypes: Mapping[str, pl.DataType]


def read_bytes(path: Path, findings: Findings) -> bytes:
    """The whole file. Errors: BadInput when it is missing, a folder, unreadable or empty."""
    with _reading(path, findings):
        data = path.read_bytes()
    if not data.strip():
        raise findings.stop(0, "", "a file with rows", "an empty file")
    return data


@contextmanager
def _reading(path: Path, findings: Findings) -> Iterator[None]:
    """BadInput where the system cannot open or read a file."""
    try:
        yield
    except FileNotFoundError:
        hint = nearest(path.name, (p.name for p in path.parent.iterdir())) if path.parent.is_dir() else ""
        raise findings.stop(0, "", "a file", "no such file", hint=hint) from None
    except OSError as error:
        raise findings.stop(0, "", "a file that can be read", error.strerror or str(error)) from None


def decode_text(data: bytes, findings: Findings) -> str:
    """The file as text, without its byte-order mark. Errors: BadInput, with the line, where it is not UTF-8 text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x}"
        raise findings.stop(line, "", "text in UTF-8", found, hint="save the file as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise findings.stop(line, "", "text", "a null byte")
    return text


def read_csv(
    data: bytes, findings: Findings, needed: Sequence[str], optional: Sequence[str] = (), *, others: bool = False
) -> Table:
    """The rows of a CSV file (RFC 4180: commas, `"` quotes), every cell as its text.

    needed, optional  the columns to take, in any order
    others            whether further columns are allowed; they are left out
    returns           blank lines are passed over; a row with too many or too few cells is a finding and left out
    Errors            BadInput for a file that cannot be read on: its header, its encoding, its quotes, no row at all.
    """
    reader = csv.reader(io.StringIO(decode_text(data, findings), newline=""), strict=True)
    rows: list[int] = []
    cells: list[list[str]] = []
    header: list[str] | None = None
    begins = 1
    try:
        for row in reader:
            if not row:
                pass
            elif header is None:
                header = row
                if len(row) == 1 and any(mark in row[0] for mark in ";\t"):
                    raise findings.stop(begins, "", "columns separated by commas", shown(row[0]), "RFC 4180")
                _check_columns(header, begins, findings, needed, optional, others)
            elif len(row) != len(header):
                findings.add(begins, "", f"{len(header)} cells, as in the header", f"{len(row)}", "RFC 4180")
            else:
                rows.append(begins)
                cells.append(row)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise findings.stop(begins, "", "well-formed CSV", str(error), "RFC 4180") from None
    if header is None or not cells:
        findings.raise_if_any()
        raise findings.stop(0, "", "at least one row below the header", "none")
    places = {name: header.index(name) for name in (*needed, *optional) if name in header}
    return Table(rows, {name: [row[place] for row in cells] for name, place in places.items()}, {})


def read_parquet(
    data: bytes,
    findings: Findings,
    needed: Sequence[str],
    optional: Sequence[str] = (),
    *,
    others: bool = False,
) -> Table:
    """The rows of a Parquet file, as Python values; see `read_csv` for the arguments.

    Errors  BadInput for a file that is no Parquet, is cut short or damaged, lacks a column or has no row.
    Limit   polars takes sizes in a damaged file at their word: about one random flip of a byte in three thousand asks
            for more memory than there is and ends the process before any error can be shown.
    """
    _check_ends(data[:4], data[-4:], findings)
    with _decoding(findings):
        schema = pl.read_parquet_schema(io.BytesIO(data))
        _check_columns(list(schema), 0, findings, needed, optional, others)
        names = [name for name in (*needed, *optional) if name in schema]
        frame = pl.read_parquet(io.BytesIO(data), columns=names)
        columns = {name: frame.get_column(name).to_list() for name in names}
    if frame.height == 0:
        raise findings.stop(0, "", "at least one row", "none")
    return Table(range(1, frame.height + 1), columns, {name: frame.schema[name] for name in names})


def _check_ends(first: bytes, last: bytes, findings: Findings) -> None:
    """Raise BadInput unless a file begins and ends as a Parquet file does."""
    if first != b"PAR1":
        raise findings.stop(0, "", "a Parquet file", f"a file that begins with {first!r}")
    if last != b"PAR1":
        raise findings.stop(0, "", "a whole Parquet file", "one that is cut short: no PAR1 at its end")


@contextmanager
def _decoding(findings: Findings) -> Iterator[None]:
    """BadInput where Parquet cannot be decoded."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, OverflowError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise findings.stop(0, "", "a whole Parquet file", f"damage: {first[:120]}") from None


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A Parquet file of which a part at a time is read.

    columns  those that were asked for and are there, in the order of asking
    dtypes   name -> type
    rows     how many, as the file states, at least 1
    """

    path: Path
    columns: tuple[str, ...]
    dtypes: Mapping[str, pl.DataType]
    rows: int

    def parts(self, findings: Findings) -> Iterator[pl.DataFrame]:
        """The rows in their order, PART_ROWS or fewer at a time. Errors: BadInput where the file is damaged."""
        wanted = _scan(self.path).select(self.columns)
        for begin in range(0, self.rows, PART_ROWS):
            rows = min(PART_ROWS, self.rows - begin)
            with _decoding(findings):
                part = wanted.slice(begin, rows).collect()
                if part.height != rows:
                    raise ValueError(f"{part.height} rows from {begin + 1} on, where the file states {rows}")
            yield part


def open_parquet(path: Path, findings: Findings, needed: Sequence[str], optional: Sequence[str] = ()) -> ParquetFile:
    """A Parquet file whose rows are not read yet; see `read_parquet`, whose errors and limit it shares."""
    with _reading(path, findings), path.open("rb") as file:
        first = file.read(_SMALL)
        file.seek(-min(4, len(first)), os.SEEK_END)
        last = file.read()
    if len(first) < _SMALL and not first.strip():
        raise findings.stop(0, "", "a file with rows", "an empty file")
    _check_ends(first[:4], last, findings)
    with _decoding(findings):
        schema = _scan(path).collect_schema()
        _check_columns(list(schema), 0, findings, needed, optional, others=False)
        rows = _scan(path).select(pl.len()).collect().item()
    if rows == 0:
        raise findings.stop(0, "", "at least one row", "none")
    columns = tuple(name for name in (*needed, *optional) if name in schema)
    return ParquetFile(path, columns, {name: schema[name] for name in columns}, rows)


def _scan(path: Path) -> pl.LazyFrame:
    """A file's columns, not read yet; its name is taken at its word."""
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


def _check_columns(
    header: Sequence[str],
    line: int,
    findings: Findings,
    needed: Sequence[str],
    optional: Sequence[str],
    others: bool,
) -> None:
    """Raise BadInput unless each needed column is there once and, where `others` are not allowed, no unknown one."""
    amiss = False
    allowed = (*needed, *optional)
    unknown = [name for name in header if name not in allowed]
    for name in needed:
        if name not in header:
            near = difflib.get_close_matches(name, unknown, n=1, cutoff=0.5)  # `cash` for `cash_units`
            found = "columns " + ", ".join(_plain(other) for other in header[:20]) if any(header) else "no column names"
            hint = f"is column {_plain(near[0])} meant?" if near else ""
            findings.add(line, name, "this column", found, hint=hint)
            unknown = [other for other in unknown if other not in near]
            amiss = True
    for place, name in enumerate(header):
        if name in header[:place] and name in allowed:
            findings.add(line, name, "each column once", "a second one of that name")
            amiss = True
    if not others:
        for name in unknown:
            wanted = f"only columns {', '.join(allowed)}"
            findings.add(line, _plain(name), wanted, "an unknown column", hint=nearest(name, allowed))
            amiss = True
    if amiss:
        raise findings.error()


def _plain(name: str) -> str:
    """A column's name as an error shows it: quoted when it is more than plain letters, digits and `_`."""
    return name if name.isascii() and name.isidentifier() else shown(name)
