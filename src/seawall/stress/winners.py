"""Winners: a file of traders in profit, read for `seawall deleverage`: one side of one market, or of a whole venue.

Layer    stress; imports amounts, design.errors, rules.adl_arrays, stress.tables.
Not here who is taken how much (rules.adl_arrays).
Held to  this by tests/stress/test_winners.py: CSV and Parquet give equal arrays, each slip its exact line.

CSV, for people, in asset units:    account,profit[,equity,notional,entry_notional,wallet,maintenance,cap][,lots]
Parquet, for machines, base units:  account,profit_units[,equity_units,...][,lots]
What is left out: equity is the profit, wallet is equity less profit, cap is what of profit and equity is less; the
others are 0, and a policy that needs them says so.

A million rows are read by column; only where a cell is amiss does a second, slow reading say which.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seawall.amounts import AmountError, check_id, parse_decimal, parse_integer
from seawall.rules.adl_arrays import WinnersArrays
from seawall.stress.tables import Findings, Table, read_bytes, read_csv, read_parquet, shown

MONEY: Final = ("profit", "equity", "notional", "entry_notional", "wallet", "maintenance", "cap")
"""Columns of money; in Parquet their names end in `_units`."""

SIGNED: Final = ("profit", "equity", "wallet")
MOST_UNITS: Final = 2**62
_FORMAT: Final = "winners format"
_NUMBERS: Final = "SPEC 1"

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Winners:
    """What was read.

    ids      shape (n,), lowest id first, each once
    arrays   the same winners, for rules.adl_arrays
    columns  which columns the file has, by their names in CSV
    """

    ids: tuple[str, ...]
    arrays: WinnersArrays
    columns: frozenset[str]


def read_winners(path: Path, decimals: int) -> Winners:
    """The winners of a CSV or Parquet file, told apart by its suffix.

    decimals  of the asset, for amounts in CSV
    Errors    BadInput: every problem of the file (the first 20, and how many more), each with its row and column; an
              amount of 2^62 base units or more is one.
    """
    findings = Findings(str(path))
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise findings.stop(0, "", "a file of winners that ends with .csv or .parquet", shown(path.name), _FORMAT)
    data = read_bytes(path, findings)
    frame = _fast_csv(data, decimals) if suffix == ".csv" else _fast_parquet(data)
    if frame is None:
        frame = _slow(data, suffix, findings, decimals)
    order = frame.with_columns(pl.col("account").str.len_bytes().alias("length")).sort("length", "account")
    ids = tuple(order.get_column("account").to_list())
    twice = next((ids[i] for i in range(1, len(ids)) if ids[i] == ids[i - 1]), None)
    if twice is not None:
        raise findings.stop(0, "account", "each account once", f"{twice} twice", _FORMAT)
    return _winners(ids, {name: order.get_column(name).to_numpy() for name in order.columns[1:-1]})


def _winners(ids: tuple[str, ...], columns: Mapping[str, Ints]) -> Winners:
    """Columns that were left out, filled in."""
    none = np.zeros(len(ids), np.int64)
    profit = columns["profit"]
    equity = columns.get("equity", profit)
    return Winners(
        ids,
        WinnersArrays(
            ids=ids,
            lots=columns.get("lots", none),
            profit_units=profit,
            equity_units=equity,
            notional_units=columns.get("notional", none),
            entry_units=columns.get("entry_notional", none),
            wallet_units=columns.get("wallet", equity - profit),
            maintenance_units=columns.get("maintenance", none),
            cap_units=columns.get("cap", np.maximum(np.minimum(profit, equity), 0)),
        ),
        frozenset(columns),
    )


def _pattern(name: str, decimals: int) -> str:
    """What a good cell of a CSV column looks like: short enough for int64 whatever its digits."""
    sign = "-?" if name in SIGNED else ""
    places = 0 if name == "lots" else decimals
    fraction = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    return rf"^{sign}(0|[1-9][0-9]{{0,{17 - places}}}){fraction}$"


def _fast_csv(data: bytes, decimals: int) -> pl.DataFrame | None:
    """A CSV file as columns of integers; None where anything about it is not plainly right."""
    try:
        frame = pl.read_csv(io.BytesIO(data), infer_schema=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    known = ("account", *MONEY, "lots")
    if not {"account", "profit"} <= set(frame.columns) <= set(known) or frame.height == 0 or decimals > 12:
        return None
    good = [pl.col("account").str.contains(r"^[A-Za-z0-9._:-]{1,64}$").fill_null(False).all()]
    numbers = [name for name in known[1:] if name in frame.columns]
    good += [
        (pl.col(name).str.contains(_pattern(name, decimals)) & ~pl.col(name).str.contains(r"^-0(\.0+)?$"))
        .fill_null(False)
        .all()
        for name in numbers
    ]
    if not all(frame.select(good).row(0)):
        return None
    columns = [pl.col("account")]
    for name in numbers:
        places = 0 if name == "lots" else decimals
        text = pl.col(name).str.strip_prefix("-")
        whole = text.str.extract(r"^([0-9]+)").cast(pl.Int64) * 10**places
        fraction = text.str.extract(r"\.([0-9]+)$").fill_null("").str.pad_end(max(places, 1), "0").cast(pl.Int64)
        units = whole + (fraction if places else 0)
        columns.append(pl.when(pl.col(name).str.starts_with("-")).then(-units).otherwise(units).alias(name))
    return frame.select(columns)


def _fast_parquet(data: bytes) -> pl.DataFrame | None:
    """A Parquet file as columns of integers; None where anything about it is not plainly right."""
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        return None
    names = {f"{name}_units": name for name in MONEY} | {"lots": "lots"}
    if not {"account", "profit_units"} <= set(frame.columns) <= {"account", *names} or frame.height == 0:
        return None
    if frame.schema["account"] != pl.String or any(frame.get_column(column).null_count() for column in frame.columns):
        return None
    if not frame.select(pl.col("account").str.contains(r"^[A-Za-z0-9._:-]{1,64}$").all()).item():
        return None
    columns = [pl.col("account")]
    for column, name in names.items():
        if column not in frame.columns:
            continue
        kind = frame.schema[column]
        if not (kind.is_integer() or (isinstance(kind, pl.Decimal) and kind.scale == 0 and name != "lots")):
            return None
        low, high = frame.get_column(column).min(), frame.get_column(column).max()
        least = -MOST_UNITS if name in SIGNED else -1
        if not least < int(str(low)) <= int(str(high)) < MOST_UNITS:
            return None
        columns.append(pl.col(column).cast(pl.Int64).alias(name))
    return frame.select(columns)


def _slow(data: bytes, suffix: str, findings: Findings, decimals: int) -> pl.DataFrame:
    """The same file cell by cell, so that every problem has its place. Errors: BadInput."""
    known = (*MONEY, "lots")
    if suffix == ".csv":
        table = read_csv(data, findings, ("account", "profit"), known[1:])
        names = {name: name for name in known if name in table.columns}
    else:
        names = {f"{name}_units": name for name in MONEY} | {"lots": "lots"}
        table = read_parquet(data, findings, ("account", "profit_units"), list(names)[1:])
        names = {column: name for column, name in names.items() if column in table.columns}
    columns: dict[str, list[object]] = {"account": list(table.columns["account"])}
    for row, account in zip(table.rows, table.columns["account"], strict=True):
        try:
            check_id(account or "")
        except AmountError as error:
            findings.add(row, "account", error.wanted, error.found, _NUMBERS)
    for column, name in names.items():
        columns[name] = list(_column(table, column, name, suffix, findings, decimals))
    findings.raise_if_any()
    schema = {name: pl.String if name == "account" else pl.Int64 for name in columns}
    return pl.DataFrame(columns, schema=schema)


def _column(table: Table, column: str, name: str, suffix: str, findings: Findings, decimals: int) -> Sequence[int]:
    """One column's integers; 0, and a finding, for a cell that is amiss."""
    signed = name in SIGNED
    numbers = []
    for row, cell in zip(table.rows, table.columns[column], strict=True):
        try:
            if suffix == ".csv":
                text = cell or ""
                number = parse_integer(text) if name == "lots" else parse_decimal(text, decimals, signed=signed)
            else:
                number = parse_integer(re.sub(r"^-0$", "0", str(cell)), signed=signed)
            if not -MOST_UNITS < number < MOST_UNITS:
                raise AmountError("an amount below 2^62 base units", shown(cell))
        except AmountError as error:
            findings.add(row, column, error.wanted, error.found if cell not in (None, "") else "nothing", _NUMBERS)
            number = 0
        numbers.append(number)
    return numbers
