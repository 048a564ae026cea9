"""Haircut facts: what winners and losers of a severity pay, as events; and as the rows that the fund settles.

Layer    venue; imports venue_events, venue.{facts,haircuts,plan,roots,state}, rules, fund.messages. Called by
         venue.{posting,exhaust,gains}.
Not here who pays how much: that is in the plan. The return of excess is the one amount that is worked out here.
Held to  this by venue.invariants after every event.
"""

from __future__ import annotations

from typing import Literal

from seawall.amounts import Units
from seawall.fund.events import NOTHING
from seawall.fund.messages import Haircut
from seawall.rules.contracts import pnl_units
from seawall.rules.deleveraging import return_excess
from seawall.rules.margin import trade
from seawall.venue import roots
from seawall.venue.haircuts import Takings
from seawall.venue.plan import RoundPlan
from seawall.venue.roots import deleveraged_rows, root_hex
from seawall.venue.state import VenueState
from seawall.venue_events import (
    CashRow,
    ClosingRow,
    Deleveraged,
    GainsTaken,
    HaircutRow,
    HaircutTaken,
    MoneyRow,
    PositionRow,
    PositionsTornUp,
)


class _Fills:
    """Positions and cash of the accounts that a deleveraging touches, as it goes on."""

    def __init__(self, state: VenueState) -> None:
        self._state = state
        self.cash: dict[int, int] = {}
        self.positions: dict[tuple[int, int], tuple[int, int, int]] = {}

    def fill(self, account: int, market: int, lots: int, amount: int) -> None:
        """One fill: lots bought > 0, amount what they cost (minus the value given away)."""
        state, key = self._state, (account, market)
        held, cost, realised = self.positions.get(
            key, (int(state.lots[market, account]), int(state.cost[market, account]), 0)
        )
        after = trade(held, cost, lots, amount)
        self.positions[key] = (after.lots, after.cost_units, realised + after.realised_units)
        self.add(account, after.realised_units)

    def add(self, account: int, units: int) -> None:
        """Money in (or, negative, out)."""
        self.cash[account] = self.cash.get(account, int(self._state.cash[account])) + units


def deleveraged(
    state: VenueState, plan: RoundPlan, number: int, batch: str, severity: int, production: bool = False
) -> Deleveraged:
    """The planned closings at the design's prices; what they took beyond the severity goes back (SPEC 7).

    production  the design closes whomever its queue names: a haircut may be above profit, and the row says by how much
    """
    fills = _Fills(state)
    closings = []
    for closing in plan.deleveraging.closings:
        fills.fill(closing.account, closing.market, -closing.side * closing.lots, -closing.value)
        fills.add(closing.account, -closing.gap)
        closings.append(
            ClosingRow(
                account=state.accounts[closing.account],
                market=state.instruments[closing.market].id,
                lots=closing.lots,
                price_ticks=closing.price,
                gap=Units(closing.gap),
            )
        )
    won: dict[tuple[int, int], tuple[int, int, int]] = {}
    for winning in plan.deleveraging.winnings:
        key = (winning.account, winning.market)
        fills.fill(*key, -winning.side * winning.lots, -winning.value)
        lots, value, taken = won.get(key, (0, 0, 0))
        won[key] = (lots + winning.lots, value + winning.value, taken + winning.taken)
    winners = sorted(won)
    rows = []
    for key, haircut in zip(winners, return_excess([won[key][2] for key in winners], severity), strict=True):
        account, market = key
        lots, value, taken = won[key]
        fills.add(account, taken - haircut)
        profit = pnl_units(
            state.instruments[market].contract,
            int(state.lots[market, account]),
            state.ticks[market],
            int(state.cost[market, account]),
        )
        equity = plan.values.equity(account)
        beyond = haircut - max(0, min(profit, equity))
        rows.append(
            HaircutRow(
                account=state.accounts[account],
                owner=state.owners[account],
                market=state.instruments[market].id,
                lots=lots,
                amount=Units(abs(value)),
                profit=Units(profit),
                equity=Units(equity),
                taken=Units(taken),
                haircut=Units(haircut),
                beyond_profit=Units(beyond) if beyond > 0 else NOTHING,
            )
        )
    overshoot = sum(row.taken for row in rows) - severity
    return Deleveraged(
        step=state.step,
        round=number,
        batch=batch,
        severity=Units(severity),
        closings=tuple(closings),
        haircuts=tuple(rows),
        positions=tuple(
            PositionRow(state.accounts[account], state.instruments[market].id, lots, Units(cost), Units(realised))
            for (account, market), (lots, cost, realised) in sorted(fills.positions.items())
        ),
        cash=tuple(CashRow(state.accounts[account], Units(units)) for account, units in sorted(fills.cash.items())),
        overshoot=Units(overshoot) if overshoot > 0 else NOTHING,
        production=production,
        root=root_hex(deleveraged_rows(batch, rows)),
    )


def money_rows(state: VenueState, takings: Takings) -> tuple[MoneyRow, ...]:
    """Who pays: from the profit of a position, whose cost rises by it, or, of a base that is no position's, in cash."""
    rows = []
    for row in takings.rows:
        in_cash = row.market is None
        rows.append(
            MoneyRow(
                account=state.accounts[row.account],
                owner=state.owners[row.account],
                market="" if row.market is None else state.instruments[row.market].id,
                profit=Units(row.profit),
                equity=Units(row.equity),
                amount=Units(row.amount),
                cost_after=Units(0 if row.market is None else int(state.cost[row.market, row.account]) + row.amount),
                cash_after=Units(int(state.cash[row.account]) - row.amount) if in_cash else None,
                cap=Units(row.cap),
                weight=Units(row.weight),
            )
        )
    return tuple(rows)


def haircut_taken(
    state: VenueState, number: int, batch: str, how: str, severity: int, takings: Takings, over: str = ""
) -> HaircutTaken:
    """Money taken. `how`: `adl_money` or `socialised_loss`; `over`: the base by name, "" for positive profit."""
    rows = money_rows(state, takings)
    root = root_hex(roots.money_rows(batch, how, rows))
    return HaircutTaken(state.step, number, batch, how, Units(severity), Units(takings.base), rows, over, root)


def haircuts_of(event: Deleveraged | HaircutTaken | GainsTaken | PositionsTornUp) -> tuple[Haircut, ...]:
    """What traders paid in an event, as the rows of the fund's `settle`."""
    if isinstance(event, PositionsTornUp):
        return tuple(
            Haircut(account=row.account, owner=row.owner, market="", how="tear_up", lots=0, amount=row.haircut)
            for row in event.haircuts
        )
    if isinstance(event, Deleveraged):
        return tuple(
            Haircut(
                account=row.account, owner=row.owner, market=row.market, how="adl", lots=row.lots, amount=row.haircut
            )
            for row in event.haircuts
        )
    return tuple(
        Haircut(
            account=row.account,
            owner=row.owner,
            market=row.market,
            how=_how(event),
            lots=0,
            amount=row.amount,
        )
        for row in event.rows
    )


def _how(event: HaircutTaken | GainsTaken) -> Literal["adl_money", "socialised_loss", "gains_haircut"]:
    if isinstance(event, GainsTaken):
        return "gains_haircut"
    return "adl_money" if event.how == "adl_money" else "socialised_loss"
