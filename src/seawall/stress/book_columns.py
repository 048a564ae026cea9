"""Book columns: a Parquet book checked and sorted by whole columns, a part of the file at a time.

Layer    stress; imports design.instruments, venue.{book,ids,state}. Called by stress.books.
Not here what a row amiss is called: whoever has one is named here, and stress.books goes through those rows one by one.
Held to  this by tests/stress/test_book_columns.py: the same book and the same errors as going through every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seawall.design.instruments import Instrument
from seawall.venue.book import Book, Integers, total_size
from seawall.venue.ids import Ids, Owners
from seawall.venue.state import INT64_SAFE

MAX_LOTS: Final = 2**53
"""The most lots of one position."""

_ID: Final = r"^[A-Za-z0-9._:-]{1,64}$"  # amounts.check_id
_PACKED_ROWS: Final = 1 << 18
_CASH_ONLY: Final = -1  # the market of a row without position
_WIDE: Final = pl.Decimal(38, 0)
_WORTH: Final = 4  # a position's cost and its worth at twice the highest price, in terms of its cost


class Columns:
    """The good rows of a book's file as they come, and the accounts that have a row amiss.

    amiss  names of accounts with a row that cannot be taken, or with rows that contradict each other, as the file has
           them (null and "" too). No other account's rows bear on what is to be said of theirs
    wide   whether the book's sums may be beyond int64, so that a venue takes Python integers (venue.state.open_state)
    """

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.markets = tuple(instrument.id for instrument in instruments)
        self._signs = [_cost_sign(instrument) for instrument in instruments]
        self._parts: list[pl.DataFrame] = []
        self._rows: pl.DataFrame | None = None  # all parts, sorted
        self._longest = [0, 0]
        self._units = 0
        self.wide = False
        self._amiss: list[pl.Series] = []

    def take(self, part: pl.DataFrame) -> None:
        """Further rows, columns account, owner (if the file has it), cash_units, market, lots, cost_units."""
        rows = part.lazy().select(*self._cells(part.columns)).with_columns(good=self._good()).collect()
        self._amiss.append(rows.filter(~pl.col("good")).get_column("account"))
        rows = rows.filter("good").drop("good", "stated")
        rows = rows.with_columns(_narrow(rows, name) for name in ("cash", "cost"))
        self._parts.append(rows)
        longest = rows.select(pl.col("account", "owner").str.len_bytes().max().fill_null(0)).row(0)
        self._longest = [max(before, now) for before, now in zip(self._longest, longest, strict=True)]
        for name, times in (("cash", 1), ("cost", _WORTH)):
            if isinstance(rows.schema[name], pl.Decimal):
                self.wide = True
            else:
                self._units += times * total_size(rows.get_column(name).drop_nulls().to_numpy())
        self.wide = self.wide or 8 * self._units >= INT64_SAFE

    @property
    def id_bytes(self) -> int:
        """Of the longest account's id and the longest other owner's, so far."""
        return sum(self._longest)

    def _cells(self, columns: Sequence[str]) -> Iterator[pl.Expr]:
        account = pl.col("account").cast(pl.String)
        owner = pl.col("owner").cast(pl.String) if "owner" in columns else pl.lit(None, pl.String)
        market = pl.col("market").cast(pl.String)
        stated = pl.any_horizontal(pl.col("market", "lots", "cost_units").is_not_null())
        place = market.replace_strict(list(self.markets), range(len(self.markets)), default=None, return_dtype=pl.Int16)
        yield account.alias("account")
        yield pl.when((owner != account) & (owner != "")).then(owner).alias("owner")  # null: the account itself
        yield pl.col("cash_units").alias("cash")
        yield stated.alias("stated")
        yield pl.when(stated).then(place).otherwise(_CASH_ONLY).alias("market")
        yield pl.col("lots").cast(pl.Int64, strict=False).alias("lots")
        yield pl.col("cost_units").alias("cost")

    def _good(self) -> pl.Expr:
        """Whether a row's own cells are what stress.books takes."""
        account, owner, lots, cost = (pl.col(name) for name in ("account", "owner", "lots", "cost"))
        sign = pl.col("market").replace_strict(range(len(self._signs)), self._signs, default=None, return_dtype=pl.Int8)
        lots_sign, side = _sign(lots), _sign(cost)
        position = (lots.is_between(-MAX_LOTS, MAX_LOTS) & (lots != 0)).fill_null(False) & (
            pl.when(sign == 0).then((lots_sign > 0) & (side == 0)).otherwise(side == sign * lots_sign).fill_null(False)
        )
        return (
            account.str.contains(_ID).fill_null(False)
            & owner.str.contains(_ID).fill_null(True)
            & pl.col("cash").is_not_null()
            & (pl.col("stated").not_() | position)
        )

    def amiss(self) -> pl.Series:
        """Names of the accounts whose rows are to be gone through one by one; empty for a good file."""
        return pl.concat([*self._amiss, _contradicting(self._sorted())], rechunk=True).unique()

    def _sorted(self) -> pl.DataFrame:
        """The rows lowest account first, then by the design's order of markets; sorted once, and only where needed."""
        if self._rows is None:
            for name in ("cash", "cost"):
                if any(isinstance(part.schema[name], pl.Decimal) for part in self._parts):
                    self._parts = [part.with_columns(pl.col(name).cast(_WIDE)) for part in self._parts]
            rows = pl.concat(self._parts)
            self._parts = []
            if not rows.select(_follows().all()).item():
                rows = rows.sort(pl.col("account").str.len_bytes(), "account", "market")
            self._rows = rows
        return self._rows

    def book(self) -> Book:
        """The book of a file of which nothing is amiss. The rows are given up as they are taken over."""
        rows = self._sorted().with_columns(first=_first())
        self._rows = None
        positions = rows.select(
            account=pl.col("first").cast(pl.Int32).cum_sum() - 1, market="market", lots="lots", cost="cost"
        ).filter(pl.col("market") != _CASH_ONLY)
        rows = rows.filter("first").select("account", "owner", "cash")
        accounts = packed(rows.get_column("account"))
        return Book(
            accounts=accounts,
            owners=_owners(accounts, rows.get_column("owner")),
            cash_units=_integers(rows.get_column("cash")),
            markets=self.markets,
            position_account=positions.get_column("account").to_numpy(),
            position_market=positions.get_column("market").to_numpy(),
            lots=positions.get_column("lots").to_numpy(),
            cost_units=_integers(positions.get_column("cost")),
        )


def _cost_sign(instrument: Instrument) -> int:
    """Sign of a long's cost: 1; -1 where an inverse long owes the coin; 0 of collateral, which has none."""
    return {"collateral": 0, "inverse_perp": -1}.get(instrument.market.kind, 1)


def _sign(figure: pl.Expr) -> pl.Expr:
    return (figure > 0).cast(pl.Int8) - (figure < 0).cast(pl.Int8)


def _narrow(rows: pl.DataFrame, name: str) -> pl.Series:
    """An amount's column as int64 where all of it fits, else as decimal128(38,0)."""
    column = rows.get_column(name)
    narrow = column.cast(pl.Int64, strict=False)
    return narrow if narrow.null_count() == column.null_count() else column.cast(_WIDE)


def _first() -> pl.Expr:
    """Whether a row is its account's first; rows of an account are together."""
    return (pl.col("account") != pl.col("account").shift(1)).fill_null(True)


def _follows() -> pl.Expr:
    """Whether a row is not before the one above it, by id and then by market."""
    name, market = pl.col("account"), pl.col("market")
    length, above = name.str.len_bytes(), name.shift(1)
    longer = length.cast(pl.Int16) - above.str.len_bytes().cast(pl.Int16)
    later = (name > above) | ((name == above) & (market >= market.shift(1)))
    return ((longer > 0) | ((longer == 0) & later)).fill_null(True)


def _contradicting(rows: pl.DataFrame) -> pl.Series:
    """Names of accounts whose rows, sorted, do not agree in cash or owner, or of which one adds nothing."""
    market, above = pl.col("market"), pl.col("market").shift(1)
    differs = (
        (pl.col("cash") != pl.col("cash").shift(1))
        | pl.col("owner").ne_missing(pl.col("owner").shift(1))
        | (market == above)
        | (above == _CASH_ONLY)
    )
    return rows.filter(~_first() & differs).get_column("account")


def packed(names: pl.Series) -> Ids:
    """Ids of a sorted column of names, each once."""
    width = int(names.str.len_bytes().max() or 1)  # type: ignore[arg-type]
    out = np.empty(len(names), dtype=f"S{width}")
    for begin in range(0, len(names), _PACKED_ROWS):
        part = names.slice(begin, _PACKED_ROWS).str.pad_end(width, "\0").str.join("").item()
        out[begin : begin + _PACKED_ROWS] = np.frombuffer(part.encode("ascii"), dtype=out.dtype)
    return Ids(out)


def _owners(accounts: Ids, owner: pl.Series) -> Owners:
    """The owners of accounts, null where an account is its own."""
    if owner.null_count() == len(owner):
        return Owners(accounts, Ids(()), None)
    others = owner.drop_nulls().unique().to_frame("owner").sort(pl.col("owner").str.len_bytes(), "owner")
    numbered = others.with_row_index("place")
    found = owner.to_frame("owner").join(numbered, on="owner", how="left", maintain_order="left").get_column("place")
    places: npt.NDArray[np.int32] = found.cast(pl.Int32).fill_null(-1).to_numpy()
    return Owners(accounts, packed(others.get_column("owner")), places)


def _integers(amounts: pl.Series) -> Integers:
    if isinstance(amounts.dtype, pl.Decimal):
        return np.array([int(units) for units in amounts], dtype=object)
    return amounts.to_numpy()
