"""Books: accounts and positions read from files people and machines write, and written for machines.

Layer    stress; imports amounts, design.errors, design.instruments, design.types, venue.book,
         stress.{book_columns,book_rows,memory,tables}.
Not here synthetic books (stress.generate) and whether an account is solvent or liquidatable (venue).
Held to  this by tests/stress/test_books.py: CSV and Parquet give equal books, each slip its exact line; and by
         tests/stress/test_book_columns.py: a Parquet file read by columns as if row by row.

CSV, for people, in asset units:      account,owner,cash,market,side,lots,entry_price
Parquet, for machines, base units:    account, owner, cash_units, market, lots, cost_units
One row a position; a row without market, side, lots and price is an account with cash only. `owner` may be left out:
an account is then its own owner. All rows of an account repeat its cash and its owner. Collateral is a row of side long
in its market, without entry price (Parquet: cost_units 0).
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from seawall.amounts import (
    MAX_AMOUNT,
    AmountError,
    check_id,
    parse_decimal,
    parse_integer,
)
from seawall.design.errors import BadInput, Problem
from seawall.design.instruments import instruments
from seawall.design.types import Design
from seawall.rules.contracts import opening_cost_units
from seawall.stress.book_columns import MAX_LOTS, Columns
from seawall.stress.book_rows import FORMAT, NUMBERS, Rows, cell
from seawall.stress.memory import available_bytes, needed_bytes, too_large
from seawall.stress.tables import Findings, ParquetFile, Table, nearest, open_parquet, read_bytes, read_csv, shown
from seawall.venue.book import Book, Integers

_MONEY = ("cash_units", "cost_units")
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)


def read_book(path: Path, design: Design) -> Book:
    """A book from a CSV or Parquet file, told apart by its suffix.

    design   gives the asset's decimals and the markets: the book's `markets` are all of them, in its order
    returns  accounts lowest id first, positions by account, then by the design's order of markets
    Rounding a position's cost is what its lots are worth at the entry price: exact; of an inverse perp up, against the
             trader. A price off the tick grid or money with more decimals than the asset has is an error.
    Errors   BadInput: every problem of the file (the first 20, and how many more), each with its row and column; a
             Parquet file that memory does not suffice for, with what it needs (stress.memory).
    Source   SPEC 1.
    """
    findings = Findings(str(path))
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise findings.stop(0, "", "a book that ends with .csv or .parquet", shown(path.name), FORMAT)
    if suffix == ".parquet":
        return _read_columns(path, design, findings)
    rows = Rows(design, findings, "cash", design.asset.decimals)
    needed = ("account", "cash", "market", "side", "lots", "entry_price")
    _take_csv(read_csv(read_bytes(path, findings), findings, needed, ("owner",)), rows)
    findings.raise_if_any()
    return rows.book()


def read_by_rows(path: Path, design: Design) -> Book:
    """A Parquet book as `read_book` gives it, going through its rows one by one: slow; what `read_book` is held to."""
    findings = Findings(str(path))
    file = _open(path, design, findings)
    rows = _go_through(file, design, findings, None)
    findings.raise_if_any()
    return rows.book()


def _open(path: Path, design: Design, findings: Findings) -> ParquetFile:
    """A Parquet book whose columns have the right names and types. Errors: BadInput."""
    file = open_parquet(path, findings, ("account", *_MONEY, "market", "lots"), ("owner",))
    _check_types(file, findings)
    return file


def _read_columns(path: Path, design: Design, findings: Findings) -> Book:
    """A Parquet book by whole columns; only rows of accounts of which something is amiss are gone through."""
    file = _open(path, design, findings)
    columns = Columns(instruments(design))
    available, markets = available_bytes(), len(columns.markets)  # before anything is read
    for part in file.parts(findings):
        columns.take(part)
        needed = needed_bytes(file.rows, markets, columns.id_bytes, columns.wide)
        if (refused := too_large(needed, available, file.rows, markets)) is not None:
            raise findings.stop(0, "", *refused)
    amiss = columns.amiss()
    if len(amiss):
        _go_through(file, design, findings, amiss)
        findings.raise_if_any()
        raise RuntimeError(f"{path}: amiss by columns, good row by row: {amiss.to_list()[:3]}")  # a defect of ours
    return columns.book()


def _go_through(file: ParquetFile, design: Design, findings: Findings, accounts: pl.Series | None) -> Rows:
    """The rows of a Parquet book one by one, each with its place in the file.

    accounts  names of those whose rows are wanted, null among them where rows without a name are; None: all rows
    """
    rows = Rows(design, findings, "cash_units", 0)
    begins = 1
    for part in file.parts(findings):
        named = part.with_columns(pl.col("account").cast(pl.String)).with_row_index("row", begins)
        begins += part.height
        if accounts is not None:
            named = named.filter(pl.col("account").is_in(accounts.implode(), nulls_equal=True))
        table = {name: named.get_column(name).to_list() for name in ("row", *file.columns)}
        _take_parquet(Table(table.pop("row"), table, file.dtypes), rows)
    return rows


def write_book(book: Book, path: Path) -> None:
    """Write a book as Parquet, in base units, so that `read_book` gives an equal one.

    path    must end with .parquet; the file is written aside and then renamed, so no half a book is ever seen
    Errors  BadInput for another suffix.
    """
    if path.suffix.lower() != ".parquet":
        raise BadInput(Problem(str(path), 0, "", "a book that ends with .parquet", shown(path.name), FORMAT))
    has_none = np.ones(len(book.accounts), dtype=bool)
    has_none[book.position_account] = False
    rows = np.concatenate([book.position_account, np.flatnonzero(has_none)])
    order = np.argsort(rows, kind="stable")  # positions keep their order within an account
    account = pl.Series(rows[order])
    held = pl.Series(np.where(order < len(book.lots), order, -1)).replace(-1, None)
    frame = pl.DataFrame(
        {
            "account": pl.Series(book.accounts, dtype=pl.String).gather(account),
            "owner": pl.Series(book.owners, dtype=pl.String).gather(account),
            "cash_units": _amounts(book.cash_units).gather(account),
            "market": pl.Series(book.markets, dtype=pl.String).gather(pl.Series(book.position_market).gather(held)),
            "lots": pl.Series(book.lots, dtype=pl.Int64).gather(held),
            "cost_units": _amounts(book.cost_units).gather(held),
        }
    )
    aside = path.with_name(path.name + ".part")
    frame.write_parquet(aside, compression="zstd", compression_level=3, statistics=False)
    os.replace(aside, path)


def _amounts(units: Integers) -> pl.Series:
    """Base units as decimal128(38,0)."""
    if units.dtype == object:
        return pl.Series([Decimal(one) for one in units], dtype=pl.Decimal(38, 0))
    return pl.Series(units).cast(pl.Decimal(38, 0))


def _csv_lots(text: str) -> int:
    wanted = "whole lots from 1 to 2^53"
    try:
        lots = parse_integer(text, signed=True)
    except AmountError:
        raise AmountError(wanted, shown(text)) from None
    if lots < 0:
        raise AmountError(wanted, shown(text), 'a short position has side "short" and lots without a sign')
    if not 1 <= lots <= MAX_LOTS:
        raise AmountError(wanted, shown(text))
    return lots


def _csv_side(text: str) -> int:
    if text not in ("long", "short"):
        raise AmountError("long or short", shown(text), nearest(text, ("long", "short")))
    return 1 if text == "long" else -1


def _take_csv(table: Table, rows: Rows) -> None:
    """Every row of a CSV book: asset units, sides and prices become base units and signs."""
    columns = table.columns
    owners = columns.get("owner", columns["account"])
    names = ("account", "cash", "market", "side", "lots", "entry_price")
    for row, owner, account, cash, market, side, lots, price in zip(
        table.rows, owners, *(columns[name] for name in names), strict=True
    ):
        account_id = cell(rows, row, "account", check_id, account)
        owner_id = cell(rows, row, "owner", check_id, owner) if owner and owner != account else account_id
        cash_units = cell(rows, row, "cash", lambda text: parse_decimal(text, rows.decimals, signed=True), cash)
        position: tuple[int, int, int] | None = None
        good = account_id is not None and owner_id is not None and cash_units is not None
        if market or side or lots or price:
            position = _csv_position(rows, row, market, side, lots, price)
            good = good and position is not None
        if good and account_id is not None and owner_id is not None and cash_units is not None:
            rows.take(row, account_id, owner_id, cash_units, position)


def _csv_position(rows: Rows, row: int, market: str, side: str, lots: str, price: str) -> tuple[int, int, int] | None:
    """The four cells of a position as (market's place, signed lots, signed cost); None, and findings, when amiss."""
    place = rows.market(row, market)
    sign = cell(rows, row, "side", _csv_side, side)
    count = cell(rows, row, "lots", _csv_lots, lots)
    if place is None:
        return None  # the price has no tick grid to stand on
    instrument = rows.instruments[place]
    if instrument.market.kind == "collateral":
        return _csv_collateral(rows, row, place, sign, count, price)
    ticks = cell(rows, row, "entry_price", instrument.exact_ticks, price)
    if sign is None or count is None or ticks is None:
        return None
    cost = opening_cost_units(instrument.contract, sign * count, ticks)
    if abs(cost) >= MAX_AMOUNT:
        rows.findings.add(row, "entry_price", "lots x price below 10^38 base units", f"{lots} x {price}", NUMBERS)
        return None
    return place, sign * count, cost


def _csv_collateral(
    rows: Rows, row: int, place: int, sign: int | None, count: int | None, price: str
) -> tuple[int, int, int] | None:
    """Collateral is held, side long, and has no entry price: its cost is 0."""
    if price:
        rows.findings.add(row, "entry_price", "nothing: collateral has no entry price", shown(price), FORMAT)
    if sign == -1:
        rows.findings.add(row, "side", "long: collateral is held, not owed", "short", FORMAT)
    return None if price or sign != 1 or count is None else (place, count, 0)


def _check_types(file: ParquetFile, findings: Findings) -> None:
    """Raise BadInput with every column that has the wrong type."""
    for name, dtype in file.dtypes.items():
        if name in _MONEY:
            wanted = "decimal128(38,0)"
            right = isinstance(dtype, _INTEGERS) or (isinstance(dtype, pl.Decimal) and dtype.scale == 0)
        elif name == "lots":
            wanted, right = "int64", isinstance(dtype, _INTEGERS)
        else:
            wanted, right = "strings", isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
        if not (right or (dtype == pl.Null and name in ("market", "lots", "cost_units", "owner"))):
            findings.add(0, name, wanted, f"a column of {dtype}", NUMBERS)
    findings.raise_if_any()


def _take_parquet(table: Table, rows: Rows) -> None:
    """Every row of a Parquet book, base units and signed lots."""
    columns = table.columns
    owners = columns.get("owner", columns["account"])
    names = ("account", "cash_units", "market", "lots", "cost_units")
    for row, owner, account, cash, market, lots, cost in zip(
        table.rows, owners, *(columns[name] for name in names), strict=True
    ):
        account_id = cell(rows, row, "account", check_id, account)
        owner_id = cell(rows, row, "owner", check_id, owner) if owner and owner != account else account_id
        if cash is None:
            rows.findings.add(row, "cash_units", "an amount", "nothing", NUMBERS)
        position: tuple[int, int, int] | None = None
        good = account_id is not None and owner_id is not None and cash is not None
        if market is not None or lots is not None or cost is not None:
            position = _parquet_position(rows, row, market, lots, cost)
            good = good and position is not None
        if good and account_id is not None and owner_id is not None:
            rows.take(row, account_id, owner_id, int(cash), position)


def _parquet_position(rows: Rows, row: int, market: Any, lots: Any, cost: Any) -> tuple[int, int, int] | None:
    """The three cells of a position as (market's place, lots, cost); None, and findings, when amiss."""
    place = rows.market(row, market)
    if lots is None or not 1 <= abs(lots) <= MAX_LOTS:
        rows.findings.add(row, "lots", "whole lots other than 0, from -2^53 to 2^53", shown(lots), NUMBERS)
        return None
    kind = "" if place is None else rows.instruments[place].market.kind
    if kind == "collateral":
        return _parquet_collateral(rows, row, place, lots, cost)
    above = (lots > 0) != (kind == "inverse_perp")  # an inverse long owes the coin
    if cost is None or (cost > 0) != above or cost == 0:
        why = "as the lots are" if kind != "inverse_perp" else "since an inverse long owes the coin"
        rows.findings.add(row, "cost_units", f"a cost {'above' if above else 'below'} 0, {why}", shown(cost), NUMBERS)
        return None
    return None if place is None else (place, lots, int(cost))


def _parquet_collateral(rows: Rows, row: int, place: int | None, lots: int, cost: Any) -> tuple[int, int, int] | None:
    """Collateral is held, lots above 0, and its cost is 0."""
    if lots < 0:
        rows.findings.add(row, "lots", "lots above 0: collateral is held, not owed", shown(lots), NUMBERS)
    if cost is None or cost != 0:
        rows.findings.add(row, "cost_units", "0: collateral has no cost", shown(cost), NUMBERS)
    return None if place is None or lots < 0 or cost is None or cost != 0 else (place, lots, 0)
