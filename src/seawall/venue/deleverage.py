"""Deleverage: who is closed against what is left of liquidated accounts, worked out on live winners.

Layer    venue; imports rules, design, venue.{sales,scan,state}. Called by venue.plan.
Not here ranking and caps (rules.deleveraging), the events (venue.facts), haircuts in money (venue.haircuts).
Held to  this by tests/venue: I6, I10, no winner is liquidatable, both sides fall lot for lot.

Closing prices: the bankruptcy price, or the mark, the mark of the step before, or the oracle (the price before own
displacement), as the design says, but never better for winners than the mark: nobody gains from a deleveraging, and a
closing never makes the deficit larger. At another price than the bankruptcy price the gap may be less than the severity
(at the mark it is 0): the rest stays severity, and is the fallback's. It may be more: the excess goes back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from seawall.amounts import allocate
from seawall.design.types import Design
from seawall.rules.adl_policies import ADL_POLICIES
from seawall.rules.adl_scores import PolicyParameters
from seawall.rules.contracts import notional_units, pnl_units, value_units
from seawall.rules.deleveraging import Gap, Winner, plan_lots
from seawall.rules.margin import maintenance_margin_units, trade
from seawall.venue.sales import Sale, share_value
from seawall.venue.scan import Values, safe
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
        account: [sale for sale in sales if sale.left]
        for account, sales in accounts.items()
        if account in bankrupt and any(sale.left for sale in sales)
    }
    pools = Pools(state, design, values, accounts)
    if design.exhaustion.adl_ranking in QUEUES:
        return _one_by_one(state, design, pools, left)
    return _together(state, design, pools, left)


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


def _one_by_one(state: VenueState, design: Design, pools: Pools, left: Mapping[int, list[Sale]]) -> Deleveraging:
    closings: list[Closing] = []
    winnings: list[Winning] = []
    served = set()
    unplaced: dict[int, int] = {}
    for account, sales in left.items():
        attempt = pools.copy()
        placed = _place(state, design, attempt, sales)
        if placed.missing:
            for market, lots in placed.missing.items():
                unplaced[market] = unplaced.get(market, 0) + lots
            continue
        pools = attempt
        closings += placed.closings
        winnings += placed.winnings
        served.add(account)
    return Deleveraging(tuple(closings), tuple(winnings), frozenset(served), unplaced)


def _together(state: VenueState, design: Design, pools: Pools, left: Mapping[int, list[Sale]]) -> Deleveraging:
    def place(accounts: Sequence[int]) -> _Placed:
        return _place(state, design, pools.copy(), [sale for account in accounts for sale in left[account]])

    everybody = list(left)
    best = place(everybody)
    unplaced = best.missing
    served = everybody
    if unplaced:
        low, high, best = 0, len(everybody) - 1, _Placed()
        while low < high:
            middle = (low + high + 1) // 2
            placed = place(everybody[:middle])
            if placed.missing:
                high = middle - 1
            else:
                low, best = middle, placed
        served = everybody[:low]
        for account in everybody[low:]:  # one that winners do not suffice for does not keep the others waiting
            placed = place([*served, account])
            if not placed.missing:
                served, best = [*served, account], placed
    return Deleveraging(tuple(best.closings), tuple(best.winnings), frozenset(served), unplaced)


@dataclass(slots=True)
class _Placed:
    """Closings of some positions and their winners. `missing`: market index -> lots that winners do not suffice for."""

    closings: list[Closing] = field(default_factory=list)
    winnings: list[Winning] = field(default_factory=list)
    missing: dict[int, int] = field(default_factory=dict)


def _place(state: VenueState, design: Design, pools: Pools, sales: Sequence[Sale]) -> _Placed:
    """Match positions, market by market, with the winners of the other side; `pools` are used up by it."""
    rules = design.exhaustion
    parameters = policy_parameters(design, f"b{state.step}.{state.round + 1}")
    placed = _Placed()
    groups: dict[tuple[int, int], list[Closing]] = {}
    for sale in sales:
        price = closing_ticks(state, design, sale)
        value = sale.value_at(sale.left, price)
        gap = value - sale.value_at(sale.left, state.ticks[sale.market])
        closing = Closing(sale.account, sale.market, sale.side, sale.left, price, value, gap)
        groups.setdefault((sale.market, sale.side), []).append(closing)
    for (market, side), closings in sorted(groups.items()):
        gap_all = Gap(sum(closing.gap for closing in closings), sum(closing.lots for closing in closings))
        inverse = state.instruments[market].contract.inverse
        winners = list(pools.winners(market, -side).values())
        plan = plan_lots(winners, gap_all, rules.adl_ranking, rules.adl_eligible, parameters)
        missing = gap_all.lots - sum(plan)
        if missing:
            placed.missing[market] = placed.missing.get(market, 0) + missing
            continue
        hit = [(state.index[winner.id], lots) for winner, lots in zip(winners, plan, strict=True) if lots]
        shares = [lots for _, lots in hit]
        for (account, lots), (value, taken) in zip(hit, _shares(closings, gap_all.units, shares, inverse), strict=True):
            winning = Winning(account, market, -side, lots, value, taken)
            pools.take(winning)
            placed.winnings.append(winning)
        placed.closings += closings
    return placed


def _shares(closings: Sequence[Closing], gap: int, lots: Sequence[int], inverse: bool) -> list[tuple[int, int]]:
    """(value at the closing prices, what that costs against the mark) of each winner; the costs add up to the gap.

    Both sides' values are each other's opposite. Winners share the closing prices by `allocate` over lots, as sellers
    share the book's proceeds: at the mark a linear lot is worth a whole number, so every cost is >= 0. An inverse one
    is not, and there they share the cost itself.
    """
    closed = -sum(closing.value for closing in closings)
    at_mark = share_value(closed + gap, lots)
    if inverse:
        return [(value - cost, cost) for value, cost in zip(at_mark, allocate(gap, lots), strict=True)]
    at_close = share_value(closed, lots)
    return [(value, mark - value) for value, mark in zip(at_close, at_mark, strict=True)]


class Pools:
    """Live winners by (market, side), as deleveraging goes on: fewer lots, less profit, less equity everywhere."""

    def __init__(self, state: VenueState, design: Design, values: Values, bankrupt: Mapping[int, list[Sale]]) -> None:
        self._state, self._design, self._values, self._bankrupt = state, design, values, bankrupt
        self._pools: dict[tuple[int, int], dict[int, Winner]] = {}
        self._taken: dict[int, int] = {}
        self._cost: dict[tuple[int, int], int] = {}

    def copy(self) -> Pools:
        """As it stands, to come back to."""
        other = Pools(self._state, self._design, self._values, self._bankrupt)
        other._pools = {key: dict(pool) for key, pool in self._pools.items()}
        other._taken = dict(self._taken)
        other._cost = dict(self._cost)
        return other

    def winners(self, market: int, side: int) -> dict[int, Winner]:
        """Positions of one side by account, lowest id first; nobody who is liquidatable or cannot be decided."""
        if (market, side) not in self._pools:
            self._pools[market, side] = self._load(market, side)
        return self._pools[market, side]

    def _load(self, market: int, side: int) -> dict[int, Winner]:
        state, values = self._state, self._values
        instrument = state.instruments[market]
        if instrument.market.adl_exempt:
            return {}
        arrays = values.arrays
        fine = safe(arrays, self._design)
        contract, ticks = instrument.contract, state.ticks[market]
        winners = {}
        for index in np.flatnonzero(state.lots[market] * side > 0):
            account = int(index)
            if account in self._bankrupt or not fine[account]:
                continue
            equity = int(arrays.equity[account])
            lots, cost = int(state.lots[market, account]), int(state.cost[market, account])
            notional = notional_units(contract, lots, ticks)
            winners[account] = Winner(
                id=state.accounts[account],
                lots=abs(lots),
                profit_units=pnl_units(contract, lots, ticks, cost),
                equity_units=equity - self._taken.get(account, 0),
                notional_units=notional,
                entry_units=abs(cost),
                wallet_units=int(state.cash[account]),
                maintenance_units=maintenance_margin_units(notional, instrument.market.tiers),
            )
        return winners

    def take(self, winning: Winning) -> None:
        """Take in what one winner was closed."""
        state, account = self._state, winning.account
        self._taken[account] = self._taken.get(account, 0) + winning.taken
        for (market, side), pool in self._pools.items():
            winner = pool.get(account)
            if winner is None:
                continue
            equity = winner.equity_units - winning.taken
            if market != winning.market:
                pool[account] = replace(winner, equity_units=equity)
                continue
            lots = winner.lots - winning.lots
            if lots == 0:
                del pool[account]
                continue
            instrument = state.instruments[market]
            contract, ticks = instrument.contract, state.ticks[market]
            held = self._cost.get((account, market), int(state.cost[market, account]))
            after = trade(side * winner.lots, held, -side * winning.lots, -winning.value)
            self._cost[account, market] = after.cost_units
            notional = notional_units(contract, lots, ticks)
            pool[account] = replace(
                winner,
                lots=lots,
                # What was taken counts against the profit of the whole position, so that no sum of takings exceeds it.
                profit_units=min(
                    value_units(contract, after.lots, ticks) - after.cost_units, winner.profit_units - winning.taken
                ),
                equity_units=equity,
                notional_units=notional,
                entry_units=abs(after.cost_units),
                wallet_units=winner.wallet + after.realised_units,
                maintenance_units=maintenance_margin_units(notional, instrument.market.tiers),
            )
