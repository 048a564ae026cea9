"""Affordable: how many lots the book may take so that layers can pay every loss below the bankruptcy price.

Layer    venue; imports rules, design, venue.{collateral,ladder,sales,state}. Called by venue.plan, which searches this
         way where the fund can be asked by arrays and int64 holds the amounts, and by whole draws where not.
Not here who is deleveraged for what is not sold (venue.deleverage); what layers pay in the end (the fund).
Held to  this by tests/venue/test_affordable.py: the same lots as the search by draws, one evaluation for each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from seawall.amounts import PPM
from seawall.design.instruments import Contract
from seawall.design.types import Design
from seawall.rules.exact_arrays import floor_quotients
from seawall.rules.split_arrays import allocate_array
from seawall.venue import collateral
from seawall.venue.ladder import free_levels
from seawall.venue.sales import Orders, Sale
from seawall.venue.state import VenueState

Ints = npt.NDArray[np.int64]

QuoteArray = Callable[[Ints, Ints], int]
"""The severity that the fund would leave of deficits: units, shape (n,), and losses, shape (m, n), in plan's order."""

_MOST_VALUE: Final = 2**61
"""Of a position at its bankruptcy price, for int64 to hold the sums made here."""
_FAR_TICKS: Final = 2**62
"""Beyond it an inverse price counts as this: what a position is worth there, rounded down, is the same."""


class Owing:
    """What accounts under liquidation would owe, were their left lots closed at bankruptcy prices, or at the marks.

    slot   account index -> its place, in the order of the accounts
    lost, used, left  shape (m, n): what fills lost against the mark, the equity that belongs to what traded, lots that
               did not trade (endings.below_units)
    px, marks  shape (m, n): each position's contribution to equity with its left lots at its bankruptcy price; the same
               with those of bankrupt accounts at the mark, as their deficits are posted
    """

    def __init__(
        self, state: VenueState, design: Design, accounts: Mapping[int, Sequence[Sale]], bankrupt: Collection[int]
    ) -> None:
        n, m = len(accounts), len(state.instruments)
        indices = np.array(list(accounts), np.int64)
        self.slot = {account: place for place, account in enumerate(accounts)}
        self.bankrupt = np.array([account in bankrupt for account in accounts], np.bool_)
        self._premium_ppm = design.liquidation.assumption_premium_ppm
        fees = np.array([sum(state.fees.get(account, {}).values()) for account in accounts], np.int64)
        backing = np.array([collateral.worth_units(state, account) for account in accounts], np.int64)
        self._base = state.cash[indices] + backing + fees
        self._reserved = np.array([state.reserved.get(account, 0) for account in accounts], np.int64) - fees
        self._realised = state.realised[:, indices]
        self._equity = np.array([sales[0].equity if sales else 0 for sales in accounts.values()], np.int64)
        self.lost, self.used, self.left, self.px, self.marks = (np.zeros((m, n), np.int64) for _ in range(5))
        for place, (account, sales) in enumerate(accounts.items()):
            for sale in sales:
                at_mark = sale.value_at(sale.filled, state.ticks[sale.market])
                self.lost[sale.market, place] = at_mark - sale.value
                self.used[sale.market, place] = sale.used_units()
                self.left[sale.market, place] = sale.left
                self.px[sale.market, place] = sale.worth(sale.px)
                posted = state.ticks[sale.market] if account in bankrupt else sale.px
                self.marks[sale.market, place] = sale.worth(posted)

    def _below(self) -> Ints:
        """What layers would be asked for with left lots closed at bankruptcy prices, shape (n,), base units."""
        used = np.where(self.left.any(axis=0), self.used.sum(axis=0), self._equity)
        return self._with_premium(self._reserved + self.lost.sum(axis=0) - used)

    def _posted(self) -> Ints:
        """The same with those of bankrupt accounts at the mark: so their deficits are posted."""
        at_mark = -(self._base + self.marks.sum(axis=0))
        return np.where(self.bankrupt, self._with_premium(at_mark), self._below())

    def _with_premium(self, owed: Ints) -> Ints:
        deficits: Ints = np.maximum(owed, 0)
        if not self._premium_ppm:
            return deficits
        whole, rest = deficits // PPM, deficits % PPM
        return deficits + whole * self._premium_ppm - (-rest * self._premium_ppm // PPM)

    def _losses(self, worths: Ints) -> Ints:
        """Losses by market since each account was last flat, shape (m, n), base units."""
        return np.maximum(-(self._realised + worths), 0)

    def is_uncovered(self, quote: QuoteArray) -> bool:
        """Whether layers could not pay the losses below the bankruptcy prices.

        Nor may they leave more of the deficits that are posted than closing at these prices takes off: a layer that
        draws all or nothing is asked for the whole.
        """
        below = self._below()
        if below.any() and quote(below, self._losses(self.px)) > 0:
            return True
        posted = self._posted()
        gaps = int(posted.sum()) - int(below.sum())
        return bool(posted.any()) and quote(posted, self._losses(self.marks)) > gaps

    def is_too_much(self, quote: QuoteArray) -> bool:
        """Whether layers could not pay what bankrupt accounts owe at the mark."""
        posted = self._posted()
        return bool(posted.any()) and quote(posted, self._losses(self.marks)) > 0


def fits(state: VenueState, accounts: Mapping[int, Sequence[Sale]]) -> bool:
    """Whether int64 holds all that is summed here."""
    return state.cash.dtype == np.int64 and all(
        sale.contract.inverse or sale.size * sale.px * sale.contract.unit < _MOST_VALUE
        for sales in accounts.values()
        for sale in sales
    )


class NetOrder:
    """A market's net order in arrays: what `venue.sales.fill` makes of it, safest first, for a number of lots."""

    def __init__(self, state: VenueState, market: int, order: Orders, owing: Owing) -> None:
        net = order.net
        self._market, self._owing = market, owing
        self._contract: Contract = state.instruments[market].contract
        self._mark = state.ticks[market]
        self._side = net[0].side if net else 1
        self._px = np.array([min(sale.px, _FAR_TICKS) for sale in net], np.int64)
        self._cost = np.array([sale.cost for sale in net], np.int64)
        self._crossed = np.array([sale.cross + sale.taken for sale in net], np.int64)
        self._crossed_value = np.array([sale.cross_value + sale.taken_value for sale in net], np.int64)
        self._left = np.array([sale.size for sale in net], np.int64) - self._crossed
        self._open = np.array([sale.wanted for sale in net], np.int64) - self._crossed
        self._slots = np.array([owing.slot[sale.account] for sale in net], np.int64)
        self._parts = [np.array([getattr(sale, name) for sale in net], np.int64) for name in ("equity", "weight")]
        self._wholes = [np.array([getattr(sale, name) for sale in net], np.int64) for name in ("weights", "size")]
        key = (market, order.book_side)
        self._levels: list[tuple[int, int]] = []
        if order.phases:
            self._levels = free_levels(state.ladders[key], state.used[key], state.anchor[market], order.book_side)
        place = {id(sale): number for number, sale in enumerate(net)}
        self._phases: list[tuple[int, Ints, Ints]] = []
        for phase in order.phases:
            members = np.array([place[id(sale)] for sale in phase.sales], np.int64)
            turn = members[np.argsort(self._side * self._px[members], kind="stable")]
            self._phases.append((phase.lots, members, turn))

    def sell(self, lots: int) -> None:
        """Let so many lots meet the book: `owing` then has what the sellers' positions are worth."""
        book, value = self._fill(lots)
        left, fixed = self._left - book, self._crossed_value + value - self._cost
        at_px = fixed + self._worth(left, self._px)
        at_mark = fixed + self._worth(left, self._mark)
        filled, place = self._crossed + book, (self._market, self._slots)
        self._owing.lost[place] = self._worth(filled, self._mark) - self._crossed_value - value
        if filled.size:
            self._owing.used[place] = floor_quotients([*self._parts, filled], self._wholes, 1)
        self._owing.left[place] = left
        self._owing.px[place] = at_px
        self._owing.marks[place] = np.where(self._owing.bankrupt[self._slots], at_mark, at_px)

    def _fill(self, lots: int) -> tuple[Ints, Ints]:
        """(lots, what they are worth) of each seller, shape (sellers,): those with the most room first."""
        book, value, open_lots = np.zeros_like(self._px), np.zeros_like(self._px), self._open.copy()
        levels = iter(self._levels)
        for most, members, turn in self._phases:
            wanted = open_lots[turn]
            part = min(lots, most, int(wanted.sum()))
            if not part:
                break  # deeper levels have fewer sellers, and those are among these
            lots -= part
            before = np.cumsum(wanted) - wanted
            shares = np.zeros_like(self._px)
            shares[turn] = np.clip(part - before, 0, wanted)
            open_lots -= shares
            book += shares
            proceeds = self._proceeds(part, levels)
            split = allocate_array(abs(proceeds), shares[members])
            value[members] += split if proceeds >= 0 else -split
        return book, value

    def _proceeds(self, lots: int, levels: Iterator[tuple[int, int]]) -> int:
        """What the next levels pay for lots, base units, signed as rules.contracts.value_units."""
        proceeds = 0
        for size, ticks in levels:
            part = min(lots, size)
            proceeds += int(self._worth(np.array([part], np.int64), ticks)[0])
            lots -= part
            if not lots:
                break
        return proceeds

    def _worth(self, lots: Ints, ticks: Ints | int) -> Ints:
        """What unsigned lots of this side are worth, shape as lots, rounded as rules.contracts.value_units."""
        signed = lots * (self._side * self._contract.unit)
        return -signed // ticks if self._contract.inverse else signed * ticks


def affordable_lots(
    state: VenueState, orders: Mapping[int, Orders], full: Mapping[int, int], owing: Owing, quote: QuoteArray
) -> dict[int, int]:
    """How many lots each market may sell so that layers pay every loss below the bankruptcy price (SPEC 4.8).

    orders   crossed, and taken over; what of their nets met the book before is put back first
    full     the lots that each market's book takes
    owing    of the accounts of these orders; it is left with the lots that are returned
    returns  market index -> lots. Markets are taken in the design's order, each by bisection with the later ones at
             nothing: a lot of an earlier market is sold before one of a later.
    """
    nets = {market: NetOrder(state, market, order, owing) for market, order in orders.items()}
    for net in nets.values():
        net.sell(0)
    lots = {}
    for market, net in nets.items():
        low, high = 0, full[market]
        while low < high:
            middle = (low + high + 1) // 2
            net.sell(middle)
            if owing.is_uncovered(quote):
                high = middle - 1
            else:
                low = middle
        net.sell(low)
        lots[market] = low
    return lots
