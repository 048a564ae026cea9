"""Pools: live winners by market and side, in arrays, as all bankrupt accounts of a round are closed together.

Layer    venue; imports rules, design, venue.{sales,scan,state}. Called by venue.{deleverage,inventory,queues}.
Not here who is closed against whom (venue.deleverage), one account after the other (venue.queues), ranking and caps
         (rules.lots_arrays).
Held to  this by tests/venue/test_pools.py: positions one by one, `==`.

What a market takes of winners is gone from their equity in all others. Arrays are never changed in place: copies share
them, and an attempt that fails costs nothing to take back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from seawall.amounts import allocate
from seawall.design.types import Design
from seawall.rules.adl_arrays import WinnersArrays
from seawall.rules.adl_scores import PolicyParameters
from seawall.rules.deleveraging import Gap
from seawall.rules.lots_arrays import capacity_lots, plan_lots_array
from seawall.rules.split_arrays import allocate_array
from seawall.venue.book import Integers
from seawall.venue.scan import Indices, Values, maintenance_array, safe, value_array
from seawall.venue.state import VenueState

FEW = 256
"""So few parts are shared quicker by Python's `allocate`."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Positions of one side of a market whose accounts are safe, lowest id first; shape (k,) each, base units but lots.

    accounts  indices, rising
    lots      > 0
    cost      signed, as the state's
    profit    at the mark
    wallet    the account's cash
    """

    accounts: Indices
    lots: Integers
    cost: Integers
    profit: Integers
    notional: Integers
    wallet: Integers
    maintenance: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """Who of a pool is closed: shape (k,) each; indices, rising, and lots, > 0."""

    accounts: Indices
    lots: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Winners of one side of a market that are closed; shape (k,) each, base units.

    values  what their lots are worth at the closing prices, signed as the position
    taken   what that costs each against the mark
    """

    market: int
    side: int
    hit: Hit
    values: Integers
    taken: Integers


class Pools:
    """Live winners by (market, side), as all accounts of a round are closed together, market by market.

    liquidated  accounts under liquidation: they win nothing
    parameters  of the ranking
    """

    def __init__(
        self,
        state: VenueState,
        design: Design,
        values: Values,
        liquidated: Collection[int],
        parameters: PolicyParameters | None = None,
    ) -> None:
        self._state, self._design, self._values, self._liquidated = state, design, values, liquidated
        self.parameters = parameters or PolicyParameters()
        self._pools: dict[tuple[int, int], Pool] = {}
        self._taken: Integers = np.zeros_like(state.cash)

    def copy(self) -> Pools:
        """As it stands, to come back to."""
        other = Pools.__new__(Pools)
        other._state, other._design, other._values = self._state, self._design, self._values
        other._liquidated, other._taken, other.parameters = self._liquidated, self._taken, self.parameters
        other._pools = self._pools
        return other

    def pool(self, market: int, side: int) -> Pool:
        """Positions of one side; nobody who is liquidatable or cannot be decided."""
        if (market, side) not in self._pools:
            self._pools[market, side] = self._load(market, side)
        return self._pools[market, side]

    def _load(self, market: int, side: int) -> Pool:
        state, instrument = self._state, self._state.instruments[market]
        where = safe(self._values.arrays, self._design) & (state.lots[market] * side > 0).astype(np.bool_)
        if instrument.market.adl_exempt:
            where[:] = False
        where[list(self._liquidated)] = False
        accounts = np.flatnonzero(where)
        lots, cost = state.lots[market, accounts], state.cost[market, accounts]
        value, notional = value_array(lots, state.ticks[market], instrument.contract)
        return Pool(
            accounts,
            lots * side,
            cost,
            value - cost,
            notional,
            state.cash[accounts],
            maintenance_array(notional, instrument),
        )

    def winners(self, market: int, side: int, less: Integers | None = None) -> WinnersArrays:
        """The positions of one side as the rules take them.

        less  shape (n,), base units by account that their equity is to be lower by
        """
        pool = self.pool(market, side)
        equity = self.equity(pool.accounts) - self._taken[pool.accounts]
        if less is not None:
            equity = equity - less[pool.accounts]
        names = self._state.accounts if self._design.exhaustion.adl_ranking == "queue_random" else ()
        return WinnersArrays(
            ids=tuple(names[account] for account in pool.accounts.tolist()) if names else (),
            lots=pool.lots,
            profit_units=pool.profit,
            equity_units=equity,
            notional_units=pool.notional,
            entry_units=np.abs(pool.cost),
            wallet_units=pool.wallet,
            maintenance_units=pool.maintenance,
            cap_units=np.maximum(np.minimum(pool.profit, equity), 0),
        )

    def equity(self, accounts: Any) -> Any:
        """Equity of accounts, or of one, before anything was taken, base units."""
        return self._values.arrays.equity[accounts]

    def plan(self, market: int, side: int, gap: Gap) -> Hit:
        """Who of one side is closed against lots of the other, under the design's ranking. See `plan_lots`."""
        rules = self._design.exhaustion
        accounts = self.pool(market, side).accounts
        if not len(accounts):
            return Hit(accounts, np.zeros(0, self._state.lots.dtype))
        plan = plan_lots_array(self.winners(market, side), gap, rules.adl_ranking, rules.adl_eligible, self.parameters)
        hit = np.flatnonzero(plan)
        return Hit(accounts[hit], plan[hit])

    def capacity(self, market: int, side: int, gap: Gap, less: Integers | None = None) -> int | None:
        """The most lots that `plan` could close at a gap a lot; None: nobody knows before it is planned.

        less  as of `winners`
        """
        rules = self._design.exhaustion
        if not len(self.pool(market, side).accounts):
            return 0
        winners = self.winners(market, side, less)
        return capacity_lots(winners, gap, rules.adl_ranking, rules.adl_eligible, self.parameters)

    def take(self, part: Part) -> None:
        """Take in what winners of one side were closed: their equity is lower in every market.

        Their position is left as it was: all accounts that are closed in a market and on a side are so at once.
        """
        self._taken = self._taken.copy()
        self._taken[part.hit.accounts] += part.taken


def shares(units: int, lots: Integers) -> Integers:
    """An amount, signed, shared by `allocate` over lots: as `venue.sales.share_value`."""
    if lots.dtype != object and len(lots) > FEW and abs(units) < 2**63:
        parts: Integers = allocate_array(abs(units), lots)
    else:
        parts = np.array(allocate(abs(units), lots.tolist()), lots.dtype)
    return parts if units >= 0 else -parts
