"""Book rows: the rows of a book as they come, one by one, and which of them contradict each other.

Layer    stress; imports amounts, design.errors, design.instruments, design.types, venue.book, stress.tables.
Not here what the cells of a file are (stress.books), nor a good Parquet file's rows (stress.book_columns).
Held to  this by tests/stress/test_books.py: each slip its exact line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from seawall.amounts import AmountError, format_decimal, id_key
from seawall.design.instruments import Instrument, instruments
from seawall.design.types import Design
from seawall.stress.tables import Findings, nearest, shown
from seawall.venue.book import Book

FORMAT: Final = "book format"
NUMBERS: Final = "SPEC 1"

Value = TypeVar("Value")


class Rows:
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
            self.findings.add(row, "market", wanted, shown(name), FORMAT, nearest(str(name or ""), self.place))
        return place

    def take(self, row: int, account: str, owner: str, cash: int, position: tuple[int, int, int] | None) -> None:
        """One row whose cells are good. position: (market's place, signed lots, signed cost), None: cash only."""
        first, first_owner, first_cash = self._accounts.setdefault(account, (row, owner, cash))
        if first_cash != cash:
            wanted = f"{self._money(first_cash)}, the cash of {account} in row {first}"
            self.findings.add(row, self._cash_column, wanted, self._money(cash), FORMAT)
        if first_owner != owner:
            self.findings.add(row, "owner", f"{first_owner}, the owner of {account} in row {first}", owner, FORMAT)
        held = self._positions.get(account)
        if first != row and (position is None or held is None):
            wanted = "a row without market only for an account without any other row"
            self.findings.add(row, "market", wanted, f"{account} also in row {first}", FORMAT)
        if position is None:
            return
        market, lots, cost = position
        if held is None:
            held = self._positions[account] = {}
        if market in held:
            found = f"{account} in {self.instruments[market].id} also in row {held[market][0]}"
            self.findings.add(row, "market", "one row an account and market", found, FORMAT)
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


def cell(rows: Rows, row: int, column: str, parse: Callable[[str], Value], text: str | None) -> Value | None:
    """A text cell parsed; None, and a finding, when it is not what the column wants."""
    try:
        return parse(text or "")
    except AmountError as error:
        rows.findings.add(row, column, error.wanted, error.found if text else "nothing", NUMBERS, error.hint)
        return None
