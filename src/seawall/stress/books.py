"""Books: accounts and positions read from files people and machines write, and written for machines.

Layer    stress; imports amounts, design.errors, design.instruments, design.types, venue.book, stress.tables.
Not here synthetic books (stress.generate) and whether an account is solvent or liquidatable (venue).
Held to  this by tests/stress/test_books.py: CSV and Parquet give equal books, each slip its exact line.

CSV, for people, in asset units:      account,owner,cash,market,side,lots,entry_price
Parquet, for machines, base units:    account, owner, cash_units, market, lots, cost_units
One row a position; a row without market, side, lots and price is an account with cash only. `owner` may be left out:
an account is then its own owner. All rows of an account repeat its cash and its owner. Collateral is a row of side long
in its market, without entry price (Parquet: cost_units 0).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import polars as pl

from seawall.amounts import (
    MAX_AMOUNT,
    AmountError,
    check_id,
    format_decimal,
    id_key,
    parse_decimal,
    parse_integer,
)
from seawall.design.errors import BadInput, Problem
from seawall.design.instruments import Instrument, instruments
from seawall.design.types import Design
from seawall.rules.contracts import opening_cost_units
from seawall.stress.memory import too_large
from seawall.stress.tables import Findings, Table, nearest, read_bytes, read_csv, read_parquet, shown
from seawall.venue.book import Book

MAX_LOTS: Final = 2**53
"""The most lots of one position."""

_MONEY = ("cash_units", "cost_units")
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
_FORMAT = "book format"
_NUMBERS = "SPEC 1"

Value = TypeVar("Value")


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
        raise findings.stop(0, "", "a book that ends with .csv or .parquet", shown(path.name), _FORMAT)
    data = read_bytes(path, findings)
    if suffix == ".csv":
        rows = _Rows(design, findings, "cash", design.asset.decimals)
        needed = ("account", "cash", "market", "side", "lots", "entry_price")
        _take_csv(read_csv(data, findings, needed, ("owner",)), rows)
    else:
        rows = _Rows(design, findings, "cash_units", 0)
        names = ("account", *_MONEY, "market", "lots")
        room = partial(too_large, markets=len(rows.instruments))
        _take_parquet(read_parquet(data, findings, names, ("owner",), too_large=room), rows)
    findings.raise_if_any()
    return rows.book()


def write_book(book: Book, path: Path) -> None:
    """Write a book as Parquet, in base units, so that `read_book` gives an equal one.

    path    must end with .parquet; the file is written aside and then renamed, so no half a book is ever seen
    Errors  BadInput for another suffix.
    """
    if path.suffix.lower() != ".parquet":
        raise BadInput(Problem(str(path), 0, "", "a book that ends with .parquet", shown(path.name), _FORMAT))
    index = list(book.position_account)
    market: list[str | None] = [book.markets[m] for m in book.position_market]
    lots: list[int | None] = list(book.lots)
    cost: list[Decimal | None] = [Decimal(units) for units in book.cost_units]
    idle = sorted(set(range(len(book.accounts))).difference(index))
    index += idle
    for column in (market, lots, cost):
        column.extend([None] * len(idle))
    cash = [Decimal(units) for units in book.cash_units]
    frame = pl.DataFrame(
        {
            "account": pl.Series([book.accounts[i] for i in index], dtype=pl.String),
            "owner": pl.Series([book.owners[i] for i in index], dtype=pl.String),
            "cash_units": pl.Series([cash[i] for i in index], dtype=pl.Decimal(38, 0)),
            "market": pl.Series(market, dtype=pl.String),
            "lots": pl.Series(lots, dtype=pl.Int64),
            "cost_units": pl.Series(cost, dtype=pl.Decimal(38, 0)),
        }
    )
    order = sorted(range(len(index)), key=index.__getitem__)  # stable: positions keep their order within an account
    aside = path.with_name(path.name + ".part")
    frame[order].write_parquet(aside, compression="zstd", compression_level=3, statistics=False)
    os.replace(aside, path)


class _Rows:
    """The rows of a book as they come, in integers; knows which rows contradict each other."""

    def __init__(self, design: Design, findings: Findings, cash_column: str, cash_decimals: int) -> None:
        self.findings = findings
        self.decimals = design.asset.decimals
        self.instruments: tuple[Instrument, ...] = instruments(design)
        self.place = {instrument.id: m for m, instrument in enumerate(self.instruments)}
        self._cash_column = cash_column
        self._cash_decimals = cash_decimals  # in which errors show cash
        self._accounts: dict[str, tuple[int, str, int]] = {}  # account -> first row, owner, cash
        self._positions: dict[str, dict[int, tuple[int, int, int]]] = {}  # account -> market -> row, lots, cost

    def market(self, row: int, name: object) -> int | None:
        """The place of a market in the design; None, and a finding, when it has none of that name."""
        place = self.place.get(name) if isinstance(name, str) else None
        if place is None:
            wanted = "a market of the design"
            self.findings.add(row, "market", wanted, shown(name), _FORMAT, nearest(str(name or ""), self.place))
        return place

    def take(self, row: int, account: str, owner: str, cash: int, position: tuple[int, int, int] | None) -> None:
        """One row whose cells are good. position: (market's place, signed lots, signed cost), None: cash only."""
        first, first_owner, first_cash = self._accounts.setdefault(account, (row, owner, cash))
        if first_cash != cash:
            wanted = f"{self._money(first_cash)}, the cash of {account} in row {first}"
            self.findings.add(row, self._cash_column, wanted, self._money(cash), _FORMAT)
        if first_owner != owner:
            self.findings.add(row, "owner", f"{first_owner}, the owner of {account} in row {first}", owner, _FORMAT)
        held = self._positions.get(account)
        if first != row and (position is None or held is None):
            wanted = "a row without market only for an account without any other row"
            self.findings.add(row, "market", wanted, f"{account} also in row {first}", _FORMAT)
        if position is None:
            return
        market, lots, cost = position
        if held is None:
            held = self._positions[account] = {}
        if market in held:
            found = f"{account} in {self.instruments[market].id} also in row {held[market][0]}"
            self.findings.add(row, "market", "one row an account and market", found, _FORMAT)
        held[market] = (row, lots, cost)

    def _money(self, units: int) -> str:
        return format_decimal(units, self._cash_decimals)

    def book(self) -> Book:
        """All rows as a book, sorted."""
        accounts = sorted(self._accounts, key=id_key)
        position_account: list[int] = []
        position_market: list[int] = []
        lots: list[int] = []
        cost: list[int] = []
        for place, account in enumerate(accounts):
            held = self._positions.get(account)
            if held is None:
                continue
            for market in sorted(held):
                position_account.append(place)
                position_market.append(market)
                lots.append(held[market][1])
                cost.append(held[market][2])
        return Book(
            accounts=tuple(accounts),
            owners=tuple(self._accounts[account][1] for account in accounts),
            cash_units=tuple(self._accounts[account][2] for account in accounts),
            markets=tuple(instrument.id for instrument in self.instruments),
            position_account=tuple(position_account),
            position_market=tuple(position_market),
            lots=tuple(lots),
            cost_units=tuple(cost),
        )


def _cell(rows: _Rows, row: int, column: str, parse: Callable[[str], Value], text: str | None) -> Value | None:
    """A text cell parsed; None, and a finding, when it is not what the column wants."""
    try:
        return parse(text or "")
    except AmountError as error:
        rows.findings.add(row, column, error.wanted, error.found if text else "nothing", _NUMBERS, error.hint)
        return None


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


def _take_csv(table: Table, rows: _Rows) -> None:
    """Every row of a CSV book: asset units, sides and prices become base units and signs."""
    columns = table.columns
    owners = columns.get("owner", columns["account"])
    names = ("account", "cash", "market", "side", "lots", "entry_price")
    for row, owner, account, cash, market, side, lots, price in zip(
        table.rows, owners, *(columns[name] for name in names), strict=True
    ):
        account_id = _cell(rows, row, "account", check_id, account)
        owner_id = _cell(rows, row, "owner", check_id, owner) if owner and owner != account else account_id
        cash_units = _cell(rows, row, "cash", lambda text: parse_decimal(text, rows.decimals, signed=True), cash)
        position: tuple[int, int, int] | None = None
        good = account_id is not None and owner_id is not None and cash_units is not None
        if market or side or lots or price:
            position = _csv_position(rows, row, market, side, lots, price)
            good = good and position is not None
        if good and account_id is not None and owner_id is not None and cash_units is not None:
            rows.take(row, account_id, owner_id, cash_units, position)


def _csv_position(rows: _Rows, row: int, market: str, side: str, lots: str, price: str) -> tuple[int, int, int] | None:
    """The four cells of a position as (market's place, signed lots, signed cost); None, and findings, when amiss."""
    place = rows.market(row, market)
    sign = _cell(rows, row, "side", _csv_side, side)
    count = _cell(rows, row, "lots", _csv_lots, lots)
    if place is None:
        return None  # the price has no tick grid to stand on
    instrument = rows.instruments[place]
    if instrument.market.kind == "collateral":
        return _csv_collateral(rows, row, place, sign, count, price)
    ticks = _cell(rows, row, "entry_price", instrument.exact_ticks, price)
    if sign is None or count is None or ticks is None:
        return None
    cost = opening_cost_units(instrument.contract, sign * count, ticks)
    if abs(cost) >= MAX_AMOUNT:
        rows.findings.add(row, "entry_price", "lots x price below 10^38 base units", f"{lots} x {price}", _NUMBERS)
        return None
    return place, sign * count, cost


def _csv_collateral(
    rows: _Rows, row: int, place: int, sign: int | None, count: int | None, price: str
) -> tuple[int, int, int] | None:
    """Collateral is held, side long, and has no entry price: its cost is 0."""
    if price:
        rows.findings.add(row, "entry_price", "nothing: collateral has no entry price", shown(price), _FORMAT)
    if sign == -1:
        rows.findings.add(row, "side", "long: collateral is held, not owed", "short", _FORMAT)
    return None if price or sign != 1 or count is None else (place, count, 0)


def _take_parquet(table: Table, rows: _Rows) -> None:
    """Every row of a Parquet book, base units and signed lots. Errors: BadInput when a column has the wrong type."""
    for name, dtype in table.dtypes.items():
        if name in _MONEY:
            wanted = "decimal128(38,0)"
            right = isinstance(dtype, _INTEGERS) or (isinstance(dtype, pl.Decimal) and dtype.scale == 0)
        elif name == "lots":
            wanted, right = "int64", isinstance(dtype, _INTEGERS)
        else:
            wanted, right = "strings", isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
        if not (right or (dtype == pl.Null and name in ("market", "lots", "cost_units", "owner"))):
            rows.findings.add(0, name, wanted, f"a column of {dtype}", _NUMBERS)
    rows.findings.raise_if_any()
    columns = table.columns
    owners = columns.get("owner", columns["account"])
    names = ("account", "cash_units", "market", "lots", "cost_units")
    for row, owner, account, cash, market, lots, cost in zip(
        table.rows, owners, *(columns[name] for name in names), strict=True
    ):
        account_id = _cell(rows, row, "account", check_id, account)
        owner_id = _cell(rows, row, "owner", check_id, owner) if owner and owner != account else account_id
        if cash is None:
            rows.findings.add(row, "cash_units", "an amount", "nothing", _NUMBERS)
        position: tuple[int, int, int] | None = None
        good = account_id is not None and owner_id is not None and cash is not None
        if market is not None or lots is not None or cost is not None:
            position = _parquet_position(rows, row, market, lots, cost)
            good = good and position is not None
        if good and account_id is not None and owner_id is not None:
            rows.take(row, account_id, owner_id, int(cash), position)


def _parquet_position(rows: _Rows, row: int, market: Any, lots: Any, cost: Any) -> tuple[int, int, int] | None:
    """The three cells of a position as (market's place, lots, cost); None, and findings, when amiss."""
    place = rows.market(row, market)
    if lots is None or not 1 <= abs(lots) <= MAX_LOTS:
        rows.findings.add(row, "lots", "whole lots other than 0, from -2^53 to 2^53", shown(lots), _NUMBERS)
        return None
    kind = "" if place is None else rows.instruments[place].market.kind
    if kind == "collateral":
        return _parquet_collateral(rows, row, place, lots, cost)
    above = (lots > 0) != (kind == "inverse_perp")  # an inverse long owes the coin
    if cost is None or (cost > 0) != above or cost == 0:
        why = "as the lots are" if kind != "inverse_perp" else "since an inverse long owes the coin"
        rows.findings.add(row, "cost_units", f"a cost {'above' if above else 'below'} 0, {why}", shown(cost), _NUMBERS)
        return None
    return None if place is None else (place, lots, int(cost))


def _parquet_collateral(rows: _Rows, row: int, place: int | None, lots: int, cost: Any) -> tuple[int, int, int] | None:
    """Collateral is held, lots above 0, and its cost is 0."""
    if lots < 0:
        rows.findings.add(row, "lots", "lots above 0: collateral is held, not owed", shown(lots), _NUMBERS)
    if cost is None or cost != 0:
        rows.findings.add(row, "cost_units", "0: collateral has no cost", shown(cost), _NUMBERS)
    return None if place is None or lots < 0 or cost is None or cost != 0 else (place, lots, 0)
