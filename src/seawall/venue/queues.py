"""Queues: live winners in the order of a ranking, as one account after the other is closed against the first of them.

Layer    venue; imports rules, design, venue.{pools,scan,state}. Called by venue.deleverage.
Not here who may win and what a position is then (venue.pools), scores and caps (rules.adl_scores, rules.deleveraging).
Held to  this by tests/venue/test_pools.py: the whole side ranked anew for every account, `==`.

An account takes few winners, so the side is ranked once and then only who was closed finds a new place. An account that
winners do not suffice for takes nobody: what was done for it is undone.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np

from seawall.design.types import Design
from seawall.rules.adl_arrays import WinnersArrays, scores_array
from seawall.rules.adl_scores import SCORES
from seawall.rules.contracts import notional_units, value_units
from seawall.rules.deleveraging import Gap, Winner, lot_cap, policy_of
from seawall.rules.lots_arrays import plan_lots_array
from seawall.rules.margin import maintenance_margin_units, trade
from seawall.venue.book import Integers
from seawall.venue.pools import Hit, Part, Pools
from seawall.venue.scan import Indices
from seawall.venue.state import VenueState

FEW = 64
"""Winners that are looked at one by one; where the first so many do not suffice, the whole side is planned at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """One side of a market in the order of its ranking; columns as of venue.pools.Pool, changed in place.

    heap  (-score, place): an entry counts while its score is the place's and the place has lots
    """

    accounts: Indices
    lots: Integers
    cost: Integers
    profit: Integers
    notional: Integers
    wallet: Integers
    maintenance: Integers
    scores: list[int]
    heap: list[tuple[int, int]]

    def place(self, account: int) -> int | None:
        """Where an account stands; None: it has no lots here, or not any more."""
        place = int(np.searchsorted(self.accounts, account))
        there = place < len(self.accounts) and self.accounts[place] == account and self.lots[place]
        return place if there else None


class Queues:
    """What Pools are to all accounts of a round together: here they are served one after the other."""

    def __init__(self, state: VenueState, design: Design, pools: Pools) -> None:
        self._state, self._rules, self._pools = state, design.exhaustion, pools
        self._policy = policy_of(design.exhaustion.adl_ranking)
        self._few = 0 if self._policy == "mean_surplus" else FEW  # it spares some, by a mean of all
        self._lines: dict[tuple[int, int], _Line] = {}
        self._taken: Integers = np.zeros_like(state.cash)
        self._before: list[tuple[Integers, int, Any]] = []
        self._touched: set[int] = set()

    def plan(self, market: int, side: int, gap: Gap) -> Hit:
        """Who of one side is closed against lots of the other. See `plan_lots`."""
        line = self._line(market, side)
        left = gap.lots
        parts: dict[int, int] = {}
        seen: list[tuple[int, int]] = []
        while left and line.heap and len(seen) < self._few:
            entry = heapq.heappop(line.heap)
            place = entry[1]
            if place in parts or not line.lots[place] or line.scores[place] != -entry[0]:
                continue
            seen.append(entry)
            parts[place] = min(left, lot_cap(self._winner(line, place), gap, self._rules.adl_eligible))
            left -= parts[place]
        for entry in seen:
            heapq.heappush(line.heap, entry)
        if left and len(seen) == self._few:
            return self._plan_all(line, gap)
        places = [place for place in sorted(parts) if parts[place]]
        return Hit(line.accounts[places], np.array([parts[place] for place in places], line.lots.dtype))

    def _plan_all(self, line: _Line, gap: Gap) -> Hit:
        live = np.flatnonzero(line.lots)
        accounts, profit = line.accounts[live], line.profit[live]
        equity = self._pools.equity(accounts) - self._taken[accounts]
        winners = WinnersArrays(
            ids=tuple(self._state.accounts[account] for account in accounts.tolist()),
            lots=line.lots[live],
            profit_units=profit,
            equity_units=equity,
            notional_units=line.notional[live],
            entry_units=np.abs(line.cost[live]),
            wallet_units=line.wallet[live],
            maintenance_units=line.maintenance[live],
            cap_units=np.maximum(np.minimum(profit, equity), 0),
        )
        rules = self._rules
        plan = plan_lots_array(winners, gap, rules.adl_ranking, rules.adl_eligible, self._pools.parameters)
        hit = np.flatnonzero(plan)
        return Hit(accounts[hit], plan[hit])

    def take(self, part: Part) -> None:
        """Take in what winners of one side were closed: fewer lots, less profit, less equity everywhere."""
        market, side = part.market, part.side
        line = self._line(market, side)
        columns = (part.hit.accounts, part.hit.lots, part.values, part.taken)
        for account, lots, value, units in zip(*(column.tolist() for column in columns), strict=True):
            self._put(self._taken, account, self._taken[account] + units)
            self._close(line, market, side, int(np.searchsorted(line.accounts, account)), lots, value, units)
            self._touched.add(account)
            self._rank(account)

    def _close(self, line: _Line, market: int, side: int, place: int, lots: int, value: int, taken: int) -> None:
        instrument, ticks = self._state.instruments[market], self._state.ticks[market]
        held = int(line.lots[place])
        after = trade(side * held, int(line.cost[place]), -side * lots, -value)
        self._put(line.lots, place, held - lots)
        if held == lots:
            return
        notional = notional_units(instrument.contract, after.lots, ticks)
        profit = value_units(instrument.contract, after.lots, ticks) - after.cost_units
        self._put(line.cost, place, after.cost_units)
        # What was taken counts against the profit of the whole position, so that no sum of takings exceeds it.
        self._put(line.profit, place, min(profit, int(line.profit[place]) - taken))
        self._put(line.notional, place, notional)
        self._put(line.wallet, place, int(line.wallet[place]) + after.realised_units)
        self._put(line.maintenance, place, maintenance_margin_units(notional, instrument.market.tiers))

    def keep(self) -> None:
        """What was taken stays so."""
        self._before.clear()
        self._touched.clear()

    def undo(self) -> None:
        """Back to how it was when `keep` was last called."""
        for column, place, entry in reversed(self._before):
            column[place] = entry
        for account in self._touched:
            self._rank(account)
        self.keep()

    def _put(self, column: Integers, place: int, units: int) -> None:
        self._before.append((column, place, column[place]))
        column[place] = units

    def _rank(self, account: int) -> None:
        """Find an account's new place in every market."""
        for line in self._lines.values():
            place = line.place(account)
            if place is not None:
                line.scores[place] = SCORES[self._policy](self._winner(line, place), self._pools.parameters)
                heapq.heappush(line.heap, (-line.scores[place], place))

    def _winner(self, line: _Line, place: int) -> Winner:
        account = int(line.accounts[place])
        return Winner(
            id=self._state.accounts[account],
            lots=int(line.lots[place]),
            profit_units=int(line.profit[place]),
            equity_units=int(self._pools.equity(account)) - int(self._taken[account]),
            notional_units=int(line.notional[place]),
            entry_units=abs(int(line.cost[place])),
            wallet_units=int(line.wallet[place]),
            maintenance_units=int(line.maintenance[place]),
        )

    def _line(self, market: int, side: int) -> _Line:
        """Ranked when it is first asked for."""
        if (market, side) not in self._lines:
            pool = self._pools.pool(market, side)
            winners = self._pools.winners(market, side, self._taken)
            scores = self._scores(winners)
            heap = [(-score, place) for place, score in enumerate(scores)]
            heapq.heapify(heap)
            self._lines[market, side] = _Line(
                accounts=pool.accounts,
                lots=pool.lots.copy(),
                cost=pool.cost.copy(),
                profit=pool.profit.copy(),
                notional=pool.notional.copy(),
                wallet=pool.wallet.copy(),
                maintenance=pool.maintenance.copy(),
                scores=scores,
                heap=heap,
            )
        return self._lines[market, side]

    def _scores(self, winners: WinnersArrays) -> list[int]:
        parameters = self._pools.parameters
        if winners.lots.dtype != object:
            return [int(score) for score in scores_array(self._policy, winners, parameters).tolist()]
        return [SCORES[self._policy](winner, parameters) for winner in winners.participants()]
