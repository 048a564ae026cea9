"""Deleverage: who is closed against what is left of liquidated accounts, worked out on live winners.

Layer    venue; imports rules, design, venue.{sales,scan,state}. Called by venue.plan.
Not here ranking and caps (rules.deleveraging), the events (venue.facts), haircuts in money (venue.haircuts).
Held to  this by tests/venue: I6, I10, no winner is liquidatable, both sides fall lot for lot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from seawall.amounts import allocate
from seawall.design.types import Design
from seawall.rules.deleveraging import Gap, Winner, plan_lots
from seawall.rules.margin import trade
from seawall.venue.sales import Sale, lot_value
from seawall.venue.scan import Values
from seawall.venue.state import VenueState


@dataclass(frozen=True, slots=True)
class Closing:
    """Lots of a bankrupt account that are closed against winners at its bankruptcy price.

    gap  base units that these lots cost their winners against the mark, >= 0: a bankrupt account's price is no better
    """

    account: int
    market: int
    side: int
    lots: int
    price: int
    gap: int


@dataclass(frozen=True, slots=True)
class Winning:
    """A winner's part of closings in one market: lots, what they are worth at the closing prices, what that costs."""

    account: int
    market: int
    side: int
    lots: int
    amount: int
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
    A queue serves account by account, lowest id first, each at its own price. Pro rata serves all accounts of the round
    together, so that their order does not matter: winners share lots, and the closing prices, by `allocate` over lots.
    Where winners do not suffice for all, the lowest ids that they do suffice for are served.
    """
    left = {
        account: [sale for sale in sales if sale.left]
        for account, sales in accounts.items()
        if account in bankrupt and any(sale.left for sale in sales)
    }
    pools = _Pools(state, design, values, accounts)
    if design.exhaustion.adl_ranking == "queue_pnl_leverage":
        return _one_by_one(state, design, pools, left)
    return _together(state, design, pools, left)


def _one_by_one(state: VenueState, design: Design, pools: _Pools, left: Mapping[int, list[Sale]]) -> Deleveraging:
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


def _together(state: VenueState, design: Design, pools: _Pools, left: Mapping[int, list[Sale]]) -> Deleveraging:
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


def _place(state: VenueState, design: Design, pools: _Pools, sales: Sequence[Sale]) -> _Placed:
    """Match positions, market by market, with the winners of the other side; `pools` are used up by it."""
    rules = design.exhaustion
    placed = _Placed()
    groups: dict[tuple[int, int], list[Closing]] = {}
    for sale in sales:
        gap = sale.left * sale.side * (sale.px - state.ticks[sale.market]) * lot_value(state, sale)
        closing = Closing(sale.account, sale.market, sale.side, sale.left, sale.px, gap)
        groups.setdefault((sale.market, sale.side), []).append(closing)
    for (market, side), closings in sorted(groups.items()):
        unit = state.instruments[market].lot_tick_units
        gap_all = Gap(sum(closing.gap for closing in closings), sum(closing.lots for closing in closings))
        winners = list(pools.winners(market, -side).values())
        plan = plan_lots(winners, gap_all, rules.adl_ranking, rules.adl_eligible)
        missing = gap_all.lots - sum(plan)
        if missing:
            placed.missing[market] = placed.missing.get(market, 0) + missing
            continue
        hit = [(state.index[winner.id], lots) for winner, lots in zip(winners, plan, strict=True) if lots]
        shares = [lots for _, lots in hit]
        amounts = allocate(sum(closing.lots * closing.price * unit for closing in closings), shares)
        for (account, lots), amount in zip(hit, amounts, strict=True):
            # What it loses against the mark follows from what it gets; the parts add up to the gap, each >= 0.
            taken = side * (amount - lots * state.ticks[market] * unit)
            winning = Winning(account, market, -side, lots, amount, taken)
            pools.take(winning)
            placed.winnings.append(winning)
        placed.closings += closings
    return placed


class _Pools:
    """Live winners by (market, side), as deleveraging goes on: fewer lots, less profit, less equity everywhere."""

    def __init__(self, state: VenueState, design: Design, values: Values, bankrupt: Mapping[int, list[Sale]]) -> None:
        self._state, self._design, self._values, self._bankrupt = state, design, values, bankrupt
        self._pools: dict[tuple[int, int], dict[int, Winner]] = {}
        self._taken: dict[int, int] = {}
        self._cost: dict[tuple[int, int], int] = {}

    def copy(self) -> _Pools:
        """As it stands, to come back to."""
        other = _Pools(self._state, self._design, self._values, self._bankrupt)
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
        strict = self._design.liquidation.trigger == "below"
        value = state.ticks[market] * state.instruments[market].lot_tick_units
        winners = {}
        for index in np.flatnonzero(state.lots[market] * side > 0):
            account = int(index)
            equity, maintenance = int(values.equity[account]), int(values.maintenance[account])
            safe = equity >= maintenance if strict else equity > maintenance
            if account in self._bankrupt or not safe or not values.decidable[account]:
                continue
            lots, cost = int(state.lots[market, account]), int(state.cost[market, account])
            winners[account] = Winner(
                id=state.accounts[account],
                lots=abs(lots),
                profit_units=lots * value - cost,
                equity_units=equity - self._taken.get(account, 0),
                notional_units=abs(lots) * value,
                entry_units=abs(cost),
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
            value = state.ticks[market] * state.instruments[market].lot_tick_units
            held = self._cost.get((account, market), int(state.cost[market, account]))
            after = trade(side * winner.lots, held, -side * winning.lots, -side * winning.amount)
            self._cost[account, market] = after.cost_units
            pool[account] = Winner(
                id=winner.id,
                lots=lots,
                # What was taken counts against the profit of the whole position, so that no sum of takings exceeds it.
                profit_units=min(after.lots * value - after.cost_units, winner.profit_units - winning.taken),
                equity_units=equity,
                notional_units=lots * value,
                entry_units=abs(after.cost_units),
            )
