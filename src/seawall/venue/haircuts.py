"""Haircuts: money taken from profit, worked out over the whole venue from one snapshot.

Layer    venue; imports rules, design, venue.{scan,state}. Called by venue.machine after positions were closed.
Not here lots (venue.plan) and what the fund books (fund.decide).
Held to  this by tests/venue/test_worked.py; SPEC 7, I5, I6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from seawall.amounts import id_key
from seawall.design.types import Design
from seawall.rules.deleveraging import capped_water_fill
from seawall.rules.socialisation import haircut_by_market, positive_pnl_haircuts
from seawall.venue.scan import value_all
from seawall.venue.state import VenueState


@dataclass(frozen=True, slots=True)
class Taking:
    """Money from one position's profit; profit of the market and equity of the account are those before."""

    account: int
    market: int
    profit: int
    equity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Takings:
    """Who pays, and the base that it was taken over. Base units."""

    base: int
    rows: tuple[Taking, ...]

    @property
    def amount(self) -> int:
        """All that was taken."""
        return sum(row.amount for row in self.rows)


@dataclass(frozen=True, slots=True)
class Standing:
    """Who can be made to pay in a round, after its closings.

    liquidated  accounts that the round liquidated: they do not pay, even where a crossing made them safe again
    ceilings    (account, market) -> profit before the round's deleveraging minus what that took, so that closings and
                money together never take more than the profit there was
    """

    liquidated: frozenset[int] = frozenset()
    ceilings: Mapping[tuple[int, int], int] = field(default_factory=dict)


class _Payers:
    """Accounts with open positions, good marks and margin to spare, lowest id first, with what they gained."""

    def __init__(self, state: VenueState, design: Design, standing: Standing) -> None:
        values = value_all(state)
        if design.liquidation.trigger == "below":
            safe = (values.equity >= values.maintenance).astype(np.bool_)
        else:
            safe = (values.equity > values.maintenance).astype(np.bool_)
        found = [int(account) for account in np.flatnonzero(values.decidable & safe)]
        self.accounts = [account for account in found if account not in standing.liquidated]
        self.equities = [int(values.equity[account]) for account in self.accounts]
        self._state, self._standing = state, standing

    def profits(self, market: int) -> list[int]:
        """Each payer's profit in a market that may still be taken; negative: a loss."""
        state = self._state
        value = state.ticks[market] * state.instruments[market].lot_tick_units
        profits = []
        for account in self.accounts:
            profit = int(state.lots[market, account]) * value - int(state.cost[market, account])
            profits.append(min(profit, self._standing.ceilings.get((account, market), profit)))
        return profits


def socialised(state: VenueState, design: Design, severity: int, standing: Standing) -> Takings:
    """Severity over positive net profit of open positions, all markets together (SPEC 7 «Socialised loss»)."""
    payers = _Payers(state, design, standing)
    by_id = sorted(range(len(state.instruments)), key=lambda market: id_key(state.instruments[market].id))
    profits = list(zip(*(payers.profits(market) for market in by_id), strict=True))
    nets = [sum(by_market) for by_market in profits]
    haircuts = positive_pnl_haircuts(severity, nets, payers.equities)
    rows = []
    for account, by_market, equity, haircut in zip(payers.accounts, profits, payers.equities, haircuts, strict=True):
        if haircut:
            for market, profit, part in zip(by_id, by_market, haircut_by_market(haircut, by_market), strict=True):
                if part:
                    rows.append(Taking(account, market, profit, equity, part))
    return Takings(sum(max(0, net) for net in nets), tuple(rows))


def from_market_winners(
    state: VenueState, design: Design, severity_by_market: Mapping[str, int], standing: Standing
) -> Takings:
    """Severity without a position left, in money from winners of its attributed markets (SPEC 7).

    severity_by_market  market id -> base units; markets in the design's order, an account that won in several pays in
                        each at most what equity the ones before left it
    """
    payers = _Payers(state, design, standing)
    room = [max(0, equity) for equity in payers.equities]
    rows: list[Taking] = []
    base = 0
    for market, instrument in enumerate(state.instruments):
        severity = severity_by_market.get(instrument.id, 0)
        if severity == 0:
            continue
        profits = [max(0, profit) for profit in payers.profits(market)]
        haircuts = capped_water_fill(severity, profits, [min(pair) for pair in zip(profits, room, strict=True)])
        base += sum(profits)
        for i, haircut in enumerate(haircuts):
            if haircut:
                rows.append(Taking(payers.accounts[i], market, profits[i], payers.equities[i], haircut))
                room[i] -= haircut
    return Takings(base, tuple(rows))
