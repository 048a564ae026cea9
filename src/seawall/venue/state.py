"""State: accounts and positions of a venue, as struct of arrays. Only venue.apply changes it.

Layer    venue; imports design, venue.{book,ids,ladder}. Read by venue.{scan,plan,invariants}.
Not here any rule. Arrays are int64 where that is range-checked at opening, else Python integers (dtype object), with
         the same code for both; every value that leaves an array is turned into a Python int first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seawall.design.instruments import Instrument
from seawall.venue.book import Book, Integers, total, total_size
from seawall.venue.ids import Ids, Owners, Places
from seawall.venue.ladder import Levels

INT64_SAFE = 2**62


@dataclass(slots=True)
class OpenBatch:
    """Severity of a batch that the gains of further steps pay. Base units.

    left     not paid yet
    cycles   steps whose gains were taken
    taken    account index -> taken so far
    markets  market id -> the batch's severity there, as it began
    """

    left: int
    cycles: int
    taken: dict[int, int]
    markets: dict[str, int]


@dataclass(frozen=True, slots=True)
class Begun:
    """When an account's liquidation began, and the lots that it had then: market index -> lots, unsigned."""

    t_ms: int
    lots: dict[int, int]


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
    previous_ticks    shape (m,): the mark with which the step before ended, 0 before
    good_ticks, good_ms  shape (m,): the last price that could be used, before own displacement; the last step at which
                      one could: 0 before the first
    settled           markets that ended at their last good price: closed
    unsettled         accounts that another event than a liquidation left flat with a debt, or with a liquidation's fees
    open_batches      batch -> severity that is paid from gains, oldest first
    gains_taken       account index -> taken from the gains of this step
    period_ms         when the period of realised profit began; -1: none is kept
    period_realised   (account index, market index) -> realised within the period; flat accounts too
    period_taken      account index -> taken of it
    losses_seen_ms    when an open loss was last seen, where the design has a gate; -1: never
    requests          id -> (what, account, amount, sequence number) of withdrawals and deposits
    money_in, money_out  base units deposited; withdrawn
    rounding          what roundings against traders left with the venue; the shared fund's
    begun, sliced     account index -> its liquidation, where the design asks for its time; -> when its last slice was
    step_lots, step_notional  (account, market) -> lots, account -> notional that this step closed, if limits count it
    closed_notional   market index -> (time ms, notional liquidated), where the design limits it within a window
    held, due         (layer, market) -> (lots, cost) that a layer holds; -> realised by it, not yet the fund's
    final_fees        account index -> surcharges of its liquidation that are the fund's already
    changed           accounts whose cash, lots or cost changed since whoever keeps copies of them last looked
    owed              account index -> its recognised deficit, while it has collateral that may still be sold
    """

    instruments: tuple[Instrument, ...]
    accounts: Ids
    owners: Owners
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
    previous_ticks: list[int] = field(default_factory=list)
    good_ticks: list[int] = field(default_factory=list)
    good_ms: list[int] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)
    unsettled: set[int] = field(default_factory=set)
    open_batches: dict[str, OpenBatch] = field(default_factory=dict)
    gains_taken: dict[int, int] = field(default_factory=dict)
    period_ms: int = -1
    period_realised: dict[tuple[int, int], int] = field(default_factory=dict)
    period_taken: dict[int, int] = field(default_factory=dict)
    losses_seen_ms: int = -1
    requests: dict[str, tuple[str, str, int, int]] = field(default_factory=dict)
    money_in: int = 0
    money_out: int = 0
    rounding: int = 0
    begun: dict[int, Begun] = field(default_factory=dict)
    sliced: dict[int, int] = field(default_factory=dict)
    step_lots: dict[tuple[int, int], int] = field(default_factory=dict)
    step_notional: dict[int, int] = field(default_factory=dict)
    closed_notional: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    held: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    due: dict[tuple[str, int], int] = field(default_factory=dict)
    final_fees: dict[int, int] = field(default_factory=dict)
    owed: dict[int, int] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    step: int = 0
    round: int = 0
    last_t_ms: int = 0
    last_seq: int = 0
    index: Mapping[str, int] = field(default_factory=dict)

    @property
    def pending_fees_units(self) -> int:
        """All surcharges that wait for their liquidation to end."""
        return sum(sum(fees.values()) for fees in self.fees.values())

    def is_collateral(self, market: int) -> bool:
        """Whether a market's lots are held as margin, not as positions."""
        return self.instruments[market].market.kind == "collateral"

    def is_flat(self, account: int) -> bool:
        """Whether an account has no position; collateral is none."""
        return not any(self.lots[m, account] for m in range(len(self.instruments)) if not self.is_collateral(m))

    def has_collateral(self, account: int) -> bool:
        """Whether an account holds any collateral."""
        return any(self.lots[m, account] for m in range(len(self.instruments)) if self.is_collateral(m))

    def held_lots(self, market: int) -> int:
        """Lots of a market that layers hold, signed."""
        return sum(lots for (_, m), (lots, _) in self.held.items() if m == market)

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
    pool: str | None = None,
) -> VenueState:
    """A venue's state from its book.

    pool           the layer that is the counterparty of every account, in place of the outside book
    ladders        (market index, side) -> levels, may be empty
    ceiling_ticks  shape (m,), the highest price for which int64 is wanted; beyond it Python integers take over
    Errors         ValueError when the book's markets are not the design's.
    """
    if book.markets != tuple(instrument.id for instrument in instruments):
        raise ValueError(f"wanted a book of markets {[i.id for i in instruments]}; found {book.markets}")
    n, m = len(book.accounts), len(book.markets)
    bound = total_size(book.cash_units) + total_size(book.cost_units)
    for market, (long_lots, short_lots) in enumerate(zip(*book.sides, strict=True)):
        instrument = instruments[market]  # an inverse position is worth at most lots x unit, at one tick
        ticks = 1 if instrument.contract.inverse else ceiling_ticks[market]
        bound += (long_lots + short_lots) * instrument.lot_tick_units * ticks
    kind: Any = np.int64 if 8 * bound < INT64_SAFE else object
    lots_array = np.zeros((m, n), dtype=kind)
    cost_array = np.zeros((m, n), dtype=kind)
    lots_array[book.position_market, book.position_account] = book.lots
    cost_array[book.position_market, book.position_account] = book.cost_units
    outside, held = list(book.outside_lots()), {}
    for market in range(m) if pool is not None else ():
        if instruments[market].market.kind != "collateral" and lots_array[market].any():
            held[pool or "", market] = (outside[market], -int(cost_array[market].sum()))
            outside[market] = 0
    return VenueState(
        instruments=tuple(instruments),
        accounts=book.accounts,
        owners=book.owners,
        cash=book.cash_units.astype(kind),
        lots=lots_array,
        cost=cost_array,
        realised=np.zeros((m, n), dtype=kind),
        outside_lots=outside,
        ladders=dict(ladders),
        used={key: (0,) * len(levels) for key, levels in ladders.items()},
        ceiling_ticks=list(ceiling_ticks),
        opening_units=total(book.cash_units) - total(book.cost_units) - sum(cost for _, cost in held.values()),
        held=held,
        ticks=[0] * m,
        anchor=[0] * m,
        observed_ms=[0] * m,
        previous_ticks=[0] * m,
        good_ticks=[0] * m,
        good_ms=[0] * m,
        index=Places(book.accounts),
    )
