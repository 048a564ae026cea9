"""Deleverage: who is closed against what is left of liquidated accounts, worked out on live winners.

Layer    venue; imports rules, design, venue.{pools,queues,sales,scan,state}. Called by venue.plan.
Not here ranking and caps (rules.deleveraging), who can be closed (venue.pools), the events (venue.facts), haircuts in
         money (venue.haircuts).
Held to  this by tests/venue: I6, I10, no winner is liquidatable, both sides fall lot for lot.

Closing prices: the bankruptcy price, or the mark, the mark of the step before, or the oracle (the price before own
displacement), as the design says, but never better for winners than the mark: nobody gains from a deleveraging, and a
closing never makes the deficit larger. At another price than the bankruptcy price the gap may be less than the severity
(at the mark it is 0): the rest stays severity, and is the fallback's. It may be more: the excess goes back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from seawall.design.types import Design
from seawall.rules.adl_policies import ADL_POLICIES
from seawall.rules.adl_scores import PolicyParameters
from seawall.rules.deleveraging import Gap
from seawall.venue.book import Integers
from seawall.venue.pools import Part, Pools, shares
from seawall.venue.queues import Queues
from seawall.venue.sales import Sale
from seawall.venue.scan import Values
from seawall.venue.state import VenueState

QUEUES = frozenset(facts.name for facts in ADL_POLICIES if facts.kind == "queue") | {"queue_pnl_leverage"}
"""Rankings that serve one bankrupt account after the other."""


def policy_parameters(design: Design, seed: str) -> PolicyParameters:
    """What the design sets of its ranking. Binance counts cash as at least one unit of the asset.

    seed  of a lottery: the batch
    """
    return PolicyParameters(
        beta_ppm=design.exhaustion.adl_beta_ppm, wallet_floor_units=10**design.asset.decimals, seed=seed
    )


@dataclass(frozen=True, slots=True)
class Closing:
    """Lots of a bankrupt account that are closed against winners at the design's price.

    value  what the lots are worth at that price, signed as rules.contracts.value_units
    gap    base units that these lots cost their winners against the mark, >= 0: no price is better for them than that
    """

    account: int
    market: int
    side: int
    lots: int
    price: int
    value: int
    gap: int


@dataclass(frozen=True, slots=True)
class Winning:
    """A winner's part of closings in one market: lots, what they are worth (signed) at the prices, what that costs."""

    account: int
    market: int
    side: int
    lots: int
    value: int
    taken: int


@dataclass(frozen=True, slots=True)
class Deleveraging:
    """Closings and the winners they are matched with; lots of both are equal in every market.

    accounts  that are flat by these closings
    unplaced  market index -> lots that winners did not suffice for
    """

    closings: tuple[Closing, ...] = ()
    winnings: tuple[Winning, ...] = ()
    accounts: frozenset[int] = frozenset()
    unplaced: Mapping[int, int] = field(default_factory=dict)


def deleverage(
    state: VenueState,
    design: Design,
    values: Values,
    accounts: Mapping[int, list[Sale]],
    bankrupt: Collection[int],
) -> Deleveraging:
    """Close what is left of each bankrupt account against live winners, all of an account or nothing.

    bankrupt  accounts whose equity, with what layers owe them for earlier fills, is below zero at the marks: only they
              are closed so; a solvent one waits for depth
    A queue serves account by account, lowest id first, each at its own price. All others serve all accounts of the
    round together, so that their order does not matter: winners share lots, and prices, by `allocate` over lots.
    Where winners do not suffice for all, the lowest ids that they do suffice for are served.
    """
    left = {
        account: [_closing(state, design, sale) for sale in sales if sale.left]
        for account, sales in accounts.items()
        if account in bankrupt and any(sale.left for sale in sales)
    }
    if not left:
        return Deleveraging()
    pools = Pools(state, design, values, accounts, policy_parameters(design, f"b{state.step}.{state.round + 1}"))
    if design.exhaustion.adl_ranking in QUEUES:
        return _one_by_one(state, Queues(state, design, pools), left)
    return _together(state, design, pools, left)


def _closing(state: VenueState, design: Design, sale: Sale) -> Closing:
    """What is left of a position, at the price at which it is closed."""
    price = closing_ticks(state, design, sale)
    value = sale.value_at(sale.left, price)
    gap = value - sale.value_at(sale.left, state.ticks[sale.market])
    return Closing(sale.account, sale.market, sale.side, sale.left, price, value, gap)


def closing_ticks(state: VenueState, design: Design, sale: Sale) -> int:
    """The price at which a position is closed against winners, never better for them than the mark."""
    mark = state.ticks[sale.market]
    rule = design.exhaustion.adl_price
    if rule == "bankruptcy_price":
        return sale.px
    named = mark
    if rule == "previous_mark":
        named = state.previous_ticks[sale.market] or mark
    elif rule == "oracle":
        named = state.anchor[sale.market]
    return max(named, mark) if sale.side > 0 else min(named, mark)


def _one_by_one(state: VenueState, queues: Queues, left: Mapping[int, list[Closing]]) -> Deleveraging:
    closings: list[Closing] = []
    winnings: list[Winning] = []
    served = set()
    unplaced: dict[int, int] = {}
    for account, own in left.items():
        placed = _place(state, queues, own)
        if placed.missing:
            queues.undo()
            for market, lots in placed.missing.items():
                unplaced[market] = unplaced.get(market, 0) + lots
            continue
        queues.keep()
        closings += placed.closings
        winnings += placed.winnings()
        served.add(account)
    return Deleveraging(tuple(closings), tuple(winnings), frozenset(served), unplaced)


def _together(state: VenueState, design: Design, pools: Pools, left: Mapping[int, list[Closing]]) -> Deleveraging:
    everybody = list(left)
    best = _place(state, pools.copy(), _of(left, everybody))
    unplaced, served = best.missing, everybody
    if unplaced:
        served = _served(_Room(state, design, pools), left)
        best = _place(state, pools.copy(), _of(left, served)) if served else _Placed()
    return Deleveraging(tuple(best.closings), tuple(best.winnings()), frozenset(served), unplaced)


def _of(left: Mapping[int, list[Closing]], accounts: Iterable[int]) -> list[Closing]:
    return [closing for account in accounts for closing in left[account]]


def _served(room: _Room, left: Mapping[int, list[Closing]]) -> list[int]:
    """Accounts that winners suffice for together, where they do not for all of them."""
    everybody = list(left)
    low, high = 0, len(everybody) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if room.suffices(_of(left, everybody[:middle])):
            low = middle
        else:
            high = middle - 1
    served = everybody[:low]
    for account in everybody[low:]:  # one that winners do not suffice for does not keep the others waiting
        if room.suffices(_of(left, served), left[account]):
            served.append(account)
    return served


class _Room:
    """Whether winners suffice for some accounts: by what they could be closed for at most and at least, or by placing.

    Groups of closings share winners' equity alone, so what a market's winners can be closed for lies between what they
    could if no other market took anything and what they could if each earlier one took all of their profit.
    """

    def __init__(self, state: VenueState, design: Design, pools: Pools) -> None:
        self._state, self._design, self._pools = state, design, pools

    def suffices(self, closings: Sequence[Closing], more: Sequence[Closing] = ()) -> bool:
        """Whether all of these can be placed.

        more  of an account that is to join others, which winners suffice for
        """
        groups = _groups([*closings, *more])
        wanted = {(closing.market, closing.side) for closing in more}
        if not self._may([key for key in groups if not more or key in wanted], groups):
            return False
        return self._must(groups) or not _place(self._state, self._pools.copy(), [*closings, *more]).missing

    def _may(self, keys: Iterable[_Key], groups: Mapping[_Key, _Group]) -> bool:
        """False: winners of some market do not suffice even with all of their equity."""
        for market, side in keys:
            gap = groups[market, side].gap
            capacity = self._pools.capacity(market, -side, gap)
            if capacity is not None and capacity < gap.lots:
                return False
        return True

    def _must(self, groups: Mapping[_Key, _Group]) -> bool:
        """True: winners of every market suffice whatever the earlier ones take."""
        if self._design.exhaustion.adl_eligible == "any" and len(groups) > 1:
            return False  # nothing bounds what a market takes
        could: Integers = np.zeros_like(self._state.cash)
        for (market, side), group in groups.items():
            capacity = self._pools.capacity(market, -side, group.gap, could)
            if capacity is None or capacity < group.gap.lots:
                return False
            pool = self._pools.pool(market, -side)
            could[pool.accounts] += np.maximum(pool.profit, 0) + SHARING_UNITS
        return True


_Key = tuple[int, int]
"""(market index, side of those who are closed)."""

SHARING_UNITS = 2
"""Sharing two values by `allocate` may take so much more of a winner than its lots at the gap a lot."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Closings of one side of a market, and what they cost their winners together."""

    closings: list[Closing]
    gap: Gap


def _groups(closings: Iterable[Closing]) -> dict[_Key, _Group]:
    """By market, then side."""
    found: dict[_Key, list[Closing]] = {}
    for closing in closings:
        found.setdefault((closing.market, closing.side), []).append(closing)
    return {
        key: _Group(group, Gap(sum(one.gap for one in group), sum(one.lots for one in group)))
        for key, group in sorted(found.items())
    }


def _winnings(part: Part) -> list[Winning]:
    """One by one, lowest id first."""
    columns = (part.hit.accounts, part.hit.lots, part.values, part.taken)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Winning(account, part.market, part.side, *row) for account, *row in rows]


@dataclass(slots=True)
class _Placed:
    """Closings of some positions and their winners. `missing`: market index -> lots that winners do not suffice for."""

    closings: list[Closing] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    missing: dict[int, int] = field(default_factory=dict)

    def winnings(self) -> list[Winning]:
        """Market by market, lowest id first."""
        return [winning for part in self.parts for winning in _winnings(part)]


def _place(state: VenueState, pools: Pools | Queues, closings: Sequence[Closing]) -> _Placed:
    """Match closings, market by market, with the winners of the other side; `pools` are used up by it."""
    placed = _Placed()
    for (market, side), group in _groups(closings).items():
        hit = pools.plan(market, -side, group.gap)
        missing = group.gap.lots - int(hit.lots.sum())
        if missing:
            placed.missing[market] = placed.missing.get(market, 0) + missing
            continue
        values, taken = _shares(group, hit.lots, state.instruments[market].contract.inverse)
        part = Part(market, -side, hit, values, taken)
        pools.take(part)
        placed.parts.append(part)
        placed.closings += group.closings
    return placed


def _shares(group: _Group, lots: Integers, inverse: bool) -> tuple[Integers, Integers]:
    """(value at the closing prices, what that costs against the mark) of each winner; the costs add up to the gap.

    Both sides' values are each other's opposite. Winners share the closing prices by `allocate` over lots, as sellers
    share the book's proceeds: at the mark a linear lot is worth a whole number, so every cost is >= 0. An inverse one
    is not, and there they share the cost itself.
    """
    closed = -sum(closing.value for closing in group.closings)
    at_mark = shares(closed + group.gap.units, lots)
    if inverse:
        cost = shares(group.gap.units, lots)
        return at_mark - cost, cost
    at_close = shares(closed, lots)
    return at_close, at_mark - at_close
