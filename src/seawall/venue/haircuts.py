"""Haircuts: money taken from profit or over another base, worked out over the whole venue from one snapshot.

Layer    venue; imports rules, design, venue.{scan,state}. Called by venue.{exhaust,withdrawals} after positions closed.
Not here lots (venue.plan), gains of a step (venue.gains) and what the fund books (fund.decide).
Held to  this by tests/venue/test_worked.py, test_bases.py; SPEC 7, I5, I6.

From positive profit money is taken by raising the position's cost: a profit is never taken twice. A base that is no
position's is taken in cash. Whoever pays has good marks, is not liquidatable and was not liquidated in the round; the
outside book and layers pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from seawall.amounts import id_key
from seawall.design.types import Design, SocialisedBase
from seawall.rules.contracts import notional_units
from seawall.rules.socialisation import Participant, haircut_by_market, positive_pnl_haircuts, socialise
from seawall.rules.split_arrays import water_fill_array
from seawall.rules.water_fill import capped_water_fill
from seawall.venue.book import Integers
from seawall.venue.scan import safe, value_all, value_array
from seawall.venue.state import VenueState


@dataclass(frozen=True, slots=True)
class Taking:
    """Money from one position's profit; profit of the market and equity of the account are those before.

    market       None: in cash, over a base that is no position's; profit is then the account's part of the base
    cap, weight  by which it was shared, of the account or of the position
    """

    account: int
    market: int | None
    profit: int
    equity: int
    amount: int
    cap: int = 0
    weight: int = 0


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


class Payers:
    """Accounts with open positions, good marks and margin to spare, lowest id first, with what they gained.

    flat  also those without a position and a debt: for bases that charge them
    """

    def __init__(self, state: VenueState, design: Design, standing: Standing, *, flat: bool = False) -> None:
        values = value_all(state)
        able = safe(values, design)
        if flat:
            able = able | (~(state.lots != 0).any(axis=0) & (values.equity > 0).astype(np.bool_))
        able[list(standing.liquidated)] = False
        self._places = np.flatnonzero(able)
        self._equity = values.equity[self._places]
        self.accounts: list[int] = self._places.tolist()
        self.equities: list[int] = self._equity.tolist()
        self._state = state
        self._ceilings: dict[int, list[tuple[int, int]]] = {}
        for (account, market), units in standing.ceilings.items():
            self._ceilings.setdefault(market, []).append((account, units))

    @property
    def room(self) -> Integers:
        """What each payer's equity lets be taken from it, shape (k,), base units, >= 0."""
        room: Integers = np.maximum(self._equity, 0)
        return room

    def profits(self, market: int) -> Integers:
        """Each payer's profit in a market that may still be taken, shape (k,); negative: a loss."""
        state, instrument = self._state, self._state.instruments[market]
        profits = np.zeros_like(self._equity)
        if state.is_collateral(market):
            return profits
        lots = state.lots[market, self._places]
        held = np.flatnonzero(lots)
        if held.size:
            value, _ = value_array(lots[held], state.ticks[market], instrument.contract)
            profits[held] = value - state.cost[market, self._places[held]]
        for account, units in self._ceilings.get(market, ()):
            place = int(np.searchsorted(self._places, account))
            if place < len(profits) and self._places[place] == account:
                profits[place] = min(profits[place], units)
        return profits


def _water_fill(amount: int, weights: Integers, caps: Integers) -> Integers:
    """`capped_water_fill` of either kind of array."""
    if caps.dtype == object:
        return np.array(capped_water_fill(amount, weights.tolist(), caps.tolist()), object)
    return water_fill_array(amount, weights, caps)


def socialised(state: VenueState, design: Design, severity: int, standing: Standing) -> Takings:
    """Severity over the design's base, from one snapshot (SPEC 7 «Socialised loss»)."""
    if design.exhaustion.socialised_base == "positive_pnl":
        return over_profit(state, design, severity, standing)
    return _over_base(state, design, severity, standing)


def over_profit(state: VenueState, design: Design, severity: int, standing: Standing) -> Takings:
    """Over positive net profit of open positions, all markets together."""
    payers = Payers(state, design, standing)
    by_id = sorted(range(len(state.instruments)), key=lambda market: id_key(state.instruments[market].id))
    profits = np.array([payers.profits(market) for market in by_id])
    nets = profits.sum(axis=0)
    gains = np.maximum(nets, 0)
    if nets.dtype == object:
        haircuts = np.array(positive_pnl_haircuts(severity, nets.tolist(), payers.equities), object)
    else:
        haircuts = water_fill_array(severity, gains, np.minimum(gains, payers.room))
    rows = []
    for place in np.flatnonzero(haircuts).tolist():
        won = dict(zip(by_id, profits[:, place].tolist(), strict=True))
        rows += rows_by_market(
            payers.accounts[place], int(haircuts[place]), won, payers.equities[place], int(nets[place])
        )
    return Takings(int(gains.sum()), tuple(rows))


def rows_by_market(
    account: int, haircut: int, profits: Mapping[int, int], equity: int, net: int, cap: int | None = None
) -> list[Taking]:
    """An account's haircut, split over the markets in which it won.

    profits  market index -> profit, ids lowest first
    net      what the account weighs; `cap` the most it could pay, by default that within its equity
    """
    cap = min(net, equity) if cap is None else cap
    parts = zip(profits.items(), haircut_by_market(haircut, tuple(profits.values())), strict=True)
    return [Taking(account, market, profit, equity, part, cap, net) for (market, profit), part in parts if part]


def _over_base(state: VenueState, design: Design, severity: int, standing: Standing) -> Takings:
    """Over a base that is no position's profit, in cash. Nobody is taken below zero equity."""
    base = design.exhaustion.socialised_base
    payers = Payers(state, design, standing, flat=base in ("equity", "period_profit", "deposits"))
    people = participants(state, base, payers)
    spread = socialise(base, severity, people)
    part_of = _PARTS[base]
    rows = []
    for account, one, haircut in zip(payers.accounts, people, spread.haircuts, strict=True):
        if haircut:
            part = part_of(one)
            rows.append(Taking(account, None, part, one.equity_units, haircut, min(part, one.equity_units), part))
    return Takings(spread.base_units, tuple(rows))


_PARTS: Mapping[SocialisedBase, Callable[[Participant], int]] = {
    "equity": lambda one: one.equity_units,
    "open_interest": lambda one: one.long_units + one.short_units,
    "open_interest_longs": lambda one: one.long_units,
    "open_interest_shorts": lambda one: one.short_units,
    "period_profit": lambda one: one.period_pnl_units,
    "deposits": lambda one: one.deposit_units,
}


def participants(state: VenueState, base: SocialisedBase, payers: Payers) -> list[Participant]:
    """What each payer is in a base, lowest id first.

    open interest   notional of positions at the marks, longs and shorts apart
    period_profit   realised results of the period over all markets, minus what was taken of them already
    deposits        cash, where it is positive
    """
    period = _period_results(state) if base == "period_profit" else {}
    people = []
    for account, equity in zip(payers.accounts, payers.equities, strict=True):
        longs, shorts = open_notional(state, account) if base.startswith("open_interest") else (0, 0)
        people.append(
            Participant(
                id=state.accounts[account],
                equity_units=equity,
                long_units=longs,
                short_units=shorts,
                period_pnl_units=period.get(account, 0),
                deposit_units=max(0, int(state.cash[account])),
            )
        )
    return people


def open_notional(state: VenueState, account: int) -> tuple[int, int]:
    """(longs, shorts) of an account at the marks, base units."""
    longs = shorts = 0
    for market, instrument in enumerate(state.instruments):
        lots = int(state.lots[market, account])
        if lots and not state.is_collateral(market):
            notional = notional_units(instrument.contract, lots, state.ticks[market])
            longs, shorts = (longs + notional, shorts) if lots > 0 else (longs, shorts + notional)
    return longs, shorts


def _period_results(state: VenueState) -> dict[int, int]:
    """Account index -> realised result of the period, net over markets, minus what was taken of it."""
    net = {account: -taken for account, taken in state.period_taken.items()}
    for (account, _), units in state.period_realised.items():
        net[account] = net.get(account, 0) + units
    return net


def from_market_winners(
    state: VenueState, design: Design, severity_by_market: Mapping[str, int], standing: Standing
) -> Takings:
    """Severity without a position left, in money from winners of its attributed markets (SPEC 7).

    severity_by_market  market id -> base units; markets in the design's order, an account that won in several pays in
                        each at most what equity the ones before left it. Markets exempt from deleveraging pay nothing
    """
    payers = Payers(state, design, standing)
    room = payers.room
    rows: list[Taking] = []
    base = 0
    for market, instrument in enumerate(state.instruments):
        severity = severity_by_market.get(instrument.id, 0)
        if severity == 0 or instrument.market.adl_exempt:
            continue
        profits = np.maximum(payers.profits(market), 0)
        caps = np.minimum(profits, room)
        base += int(profits.sum())
        haircuts = _water_fill(severity, profits, caps)
        for i in np.flatnonzero(haircuts).tolist():
            profit = int(profits[i])
            rows.append(
                Taking(payers.accounts[i], market, profit, payers.equities[i], int(haircuts[i]), int(caps[i]), profit)
            )
        room = room - haircuts
    return Takings(base, tuple(rows))
