"""State: accounts and positions of a venue, as struct of arrays. Only venue.apply changes it.

Layer    venue; imports design, venue.{book,ladder}. Read by venue.{scan,plan,invariants}.
Not here any rule. Arrays are int64 where that is range-checked at opening, else Python integers (dtype object), with
         the same code for both; every value that leaves an array is turned into a Python int first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seawall.design.instruments import Instrument
from seawall.venue.book import Book
from seawall.venue.ladder import Levels

Integers = npt.NDArray[Any]
"""int64 or object array of integers."""

INT64_SAFE = 2**62


@dataclass(slots=True)
class VenueState:
    """A venue now.

    accounts, owners  shape (n,), lowest id first
    cash              shape (n,), base units
    lots, cost        shape (m, n): signed lots, base units
    realised          shape (m, n): profit realised in a market since the account was last flat, base units
    fees              pending surcharges of liquidations under way: account index -> market index -> base units
    reserved          losses below the bankruptcy price in liquidations under way: account index -> base units. They are
                      the layers', so the bankruptcy price of what is left does not move with them
    outside_lots, outside_cash  the outside book; it has no margin and no cost
    ticks             shape (m,): the mark now, 0 before the first
    anchor            shape (m,): the step's price, before own displacement
    observed_ms       shape (m,): when the mark's price was seen
    stale             market index -> why its mark may not be used
    used, touched     (market, side) -> used lots by level; -> deepest distance touched within this step
    to_fund, from_fund  base units posted to the fund; drawn from it
    booked            severity booked with the fund and not yet paid by haircuts
    """

    instruments: tuple[Instrument, ...]
    accounts: tuple[str, ...]
    owners: tuple[str, ...]
    cash: Integers
    lots: Integers
    cost: Integers
    realised: Integers
    outside_lots: list[int]
    ladders: dict[tuple[int, str], Levels]
    used: dict[tuple[int, str], tuple[int, ...]]
    ceiling_ticks: list[int]
    opening_units: int
    outside_cash: int = 0
    fees: dict[int, dict[int, int]] = field(default_factory=dict)
    reserved: dict[int, int] = field(default_factory=dict)
    ticks: list[int] = field(default_factory=list)
    anchor: list[int] = field(default_factory=list)
    observed_ms: list[int] = field(default_factory=list)
    stale: dict[int, str] = field(default_factory=dict)
    touched: dict[tuple[int, str], int] = field(default_factory=dict)
    deleveraged: set[int] = field(default_factory=set)
    liquidated: set[int] = field(default_factory=set)
    to_fund: int = 0
    from_fund: int = 0
    booked: int = 0
    step: int = 0
    round: int = 0
    last_t_ms: int = 0
    last_seq: int = 0
    index: dict[str, int] = field(default_factory=dict)

    @property
    def pending_fees_units(self) -> int:
        """All surcharges that wait for their liquidation to end."""
        return sum(sum(fees.values()) for fees in self.fees.values())

    def widen(self) -> None:
        """Go over to Python integers: a price came that int64 was not checked for."""
        if self.cash.dtype != object:
            self.cash = self.cash.astype(object)
            self.lots = self.lots.astype(object)
            self.cost = self.cost.astype(object)
            self.realised = self.realised.astype(object)


def open_state(
    book: Book,
    instruments: Sequence[Instrument],
    ladders: dict[tuple[int, str], Levels],
    ceiling_ticks: Sequence[int],
) -> VenueState:
    """A venue's state from its book.

    ladders        (market index, side) -> levels, may be empty
    ceiling_ticks  shape (m,), the highest price for which int64 is wanted; beyond it Python integers take over
    Errors         ValueError when the book's markets are not the design's.
    """
    if book.markets != tuple(instrument.id for instrument in instruments):
        raise ValueError(f"wanted a book of markets {[i.id for i in instruments]}; found {book.markets}")
    n, m = len(book.accounts), len(book.markets)
    bound = sum(map(abs, book.cash_units)) + sum(map(abs, book.cost_units))
    for market, lots in zip(book.position_market, book.lots, strict=True):
        bound += abs(lots) * ceiling_ticks[market] * instruments[market].lot_tick_units
    kind: Any = np.int64 if 8 * bound < INT64_SAFE else object
    lots_array = np.zeros((m, n), dtype=kind)
    cost_array = np.zeros((m, n), dtype=kind)
    for account, market, lots, cost in zip(
        book.position_account, book.position_market, book.lots, book.cost_units, strict=True
    ):
        lots_array[market, account] = lots
        cost_array[market, account] = cost
    return VenueState(
        instruments=tuple(instruments),
        accounts=book.accounts,
        owners=book.owners,
        cash=np.array(book.cash_units, dtype=kind),
        lots=lots_array,
        cost=cost_array,
        realised=np.zeros((m, n), dtype=kind),
        outside_lots=list(book.outside_lots()),
        ladders=dict(ladders),
        used={key: (0,) * len(levels) for key, levels in ladders.items()},
        ceiling_ticks=list(ceiling_ticks),
        opening_units=sum(book.cash_units) - sum(book.cost_units),
        ticks=[0] * m,
        anchor=[0] * m,
        observed_ms=[0] * m,
        index={account: i for i, account in enumerate(book.accounts)},
    )
