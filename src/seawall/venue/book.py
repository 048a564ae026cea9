"""Book: accounts and positions as struct of arrays, the input of a venue.

Layer    venue; imports venue.ids. Filled by stress.{books,book_columns,generate} and by scenarios.
Not here reading files (stress.books) and state that changes (venue.state).
Held to  this by tests/venue/test_book.py: digest, sums and shares as a book of tuples gives them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from seawall.venue.ids import Ids, Owners

Integers = npt.NDArray[Any]
"""int64 or object array of integers."""

_CHUNK: Final = 1 << 18  # rows whose text or sum is worked out at once
_LOW: Final = (1 << 32) - 1


@dataclass(frozen=True, init=False, eq=False)
class Book:
    """Accounts and their positions; the outside book is what makes each market sum to zero.

    accounts    shape (n,), ids, lowest first, unique
    owners      shape (n,), ids; accounts of one owner are one participant
    cash_units  shape (n,), base units, may be negative
    markets     shape (m,), market ids in the design's order
    position_account  shape (p,), int32, index into accounts; (account, market) pairs unique, rising
    position_market   shape (p,), int32, index into markets
    lots        shape (p,), signed, never 0: long > 0, short < 0
    cost_units  shape (p,), base units, signed like lots: what the position cost; PnL = lots x ticks x value - cost

    Units and lots are int64 arrays, or Python integers (dtype object) where one does not fit; none can be written to.
    """

    accounts: Ids
    owners: Owners
    cash_units: Integers
    markets: tuple[str, ...]
    position_account: npt.NDArray[np.int32]
    position_market: npt.NDArray[np.int32]
    lots: Integers
    cost_units: Integers

    def __init__(
        self,
        *,
        accounts: Ids | Iterable[str],
        owners: Owners | Iterable[str],
        cash_units: Integers | Sequence[int],
        markets: Iterable[str],
        position_account: Integers | Sequence[int],
        position_market: Integers | Sequence[int],
        lots: Integers | Sequence[int],
        cost_units: Integers | Sequence[int],
    ) -> None:
        """From arrays and packed ids, or from plain sequences. Errors: ValueError when lengths or ids do not fit."""
        ids = accounts if isinstance(accounts, Ids) else Ids(accounts)
        values: dict[str, Any] = {
            "accounts": ids,
            "owners": owners if isinstance(owners, Owners) else Owners.of(ids, owners),
            "cash_units": integers(cash_units),
            "markets": tuple(markets),
            "position_account": _locked(np.asarray(position_account, dtype=np.int32)),
            "position_market": _locked(np.asarray(position_market, dtype=np.int32)),
            "lots": integers(lots),
            "cost_units": integers(cost_units),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if not len(ids) == len(self.owners) == len(self.cash_units):
            raise ValueError(f"wanted an owner and cash for each of {len(ids)} accounts")
        if not len(self.position_account) == len(self.position_market) == len(self.lots) == len(self.cost_units):
            raise ValueError("wanted account, market, lots and cost of each position")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Book):
            return NotImplemented
        arrays = ("cash_units", "position_account", "position_market", "lots", "cost_units")
        return (
            self.markets == other.markets
            and self.accounts == other.accounts
            and self.owners == other.owners
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays)
        )

    @cached_property
    def sides(self) -> tuple[list[int], list[int]]:
        """Lots of the longs and of the shorts in each market, both >= 0, shape (m,)."""
        key = 2 * self.position_market.astype(np.int64) + (self.lots < 0)
        totals = _totals_by(key, self.lots, 2 * len(self.markets))
        return totals[::2], [-lots for lots in totals[1::2]]

    def outside_lots(self) -> tuple[int, ...]:
        """Lots that the outside book holds in each market, shape (m,): minus the sum of the accounts' lots (I11)."""
        return tuple(shorts - longs for longs, shorts in zip(*self.sides, strict=True))

    def outside_share_ppm(self) -> tuple[int, ...]:
        """The outside book's part of each market's open interest, shape (m,), ppm rounded up.

        Open interest is the lots of one side, the outside book included (both sides are equal by I11).
        """
        shares = []
        for long_lots, short_lots in zip(*self.sides, strict=True):
            interest = max(long_lots, short_lots)
            shares.append(-(-abs(long_lots - short_lots) * 1_000_000 // interest) if interest else 0)
        return tuple(shares)

    def digest(self) -> str:
        """SHA-256 over a plain text form, one line an account or position: names the book in a log. Worked out once."""
        return self._hexdigest

    @cached_property
    def _hexdigest(self) -> str:
        text = hashlib.sha256()
        for part in self._text():
            text.update(part.encode())
        return text.hexdigest()

    def _text(self) -> Iterator[str]:
        yield "markets " + " ".join(self.markets) + "\n"
        for begin in range(0, len(self.accounts), _CHUNK):
            rows = slice(begin, begin + _CHUNK)
            holders = zip(self.accounts[rows], self.owners[rows], self.cash_units[rows].tolist(), strict=True)
            yield "".join([f"{account} {owner} {cash}\n" for account, owner, cash in holders])
        columns = (self.position_account, self.position_market, self.lots, self.cost_units)
        for begin in range(0, len(self.lots), _CHUNK):
            held = zip(*(column[begin : begin + _CHUNK].tolist() for column in columns), strict=True)
            yield "".join([f"{account} {market} {lots} {cost}\n" for account, market, lots, cost in held])


def integers(values: Integers | Sequence[int]) -> Integers:
    """Whole numbers as an array that cannot be written to: int64 where all fit, else Python integers."""
    if isinstance(values, np.ndarray) and values.dtype == np.int64:
        return _locked(values)
    try:
        return _locked(np.array(values, dtype=np.int64))
    except OverflowError:
        return _locked(np.array(values, dtype=object))


def _locked(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = values.view()
    view.flags.writeable = False
    return view


def total(values: Integers) -> int:
    """The sum, exact at any size: int64 is summed by halves of 32 bits, a part at a time."""
    if values.dtype == object:
        return sum(values.tolist())
    parts = (values[begin : begin + _CHUNK] for begin in range(0, len(values), _CHUNK))
    return sum((int((part >> 32).sum()) << 32) + int((part & _LOW).sum()) for part in parts)


def total_size(values: Integers) -> int:
    """The sum of the absolute values, exact at any size."""
    return total(np.maximum(values, 0)) - total(np.minimum(values, 0))


def _totals_by(key: npt.NDArray[Any], values: Integers, count: int) -> list[int]:
    """The sums of values by key, below `count`, exact for up to 2^31 values."""
    if values.dtype == object:
        sums = np.zeros(count, dtype=object)
        np.add.at(sums, key, values)
        return [int(one) for one in sums]
    high, low = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for begin in range(0, len(values), _CHUNK):
        part, where = values[begin : begin + _CHUNK], key[begin : begin + _CHUNK]
        np.add.at(high, where, part >> 32)
        np.add.at(low, where, part & _LOW)
    return [(h << 32) + n for h, n in zip(high.tolist(), low.tolist(), strict=True)]
