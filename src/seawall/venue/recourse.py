"""Recourse: a deficit is first taken from its owner's other accounts, where the design says so.

Layer    venue; imports rules.collateral (the split), venue_events, venue.{scan,state}. Called before layers
         are asked, and before they are asked for a quote.
Not here what an account may withdraw (venue.withdrawals), which uses the same initial margin.
Held to  this by tests/venue/test_recourse.py; SPEC 2 «account, owner».

An account gives what its equity exceeds its initial margin by, so that recourse makes nobody liquidatable. Accounts
that the round liquidated, or whose marks are stale, give nothing. Several deficits of one owner are served lowest id
first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from seawall.amounts import Units
from seawall.rules.collateral import recourse_units
from seawall.rules.contracts import notional_units
from seawall.rules.margin import initial_margin_units
from seawall.venue.endings import Liquidated
from seawall.venue.plan import Owed
from seawall.venue.scan import value_one
from seawall.venue.state import VenueState
from seawall.venue_events import RecourseRow, RecourseTaken


def initial_margin(state: VenueState, account: int) -> int:
    """Initial margin of all positions of an account at the marks, base units, rounded up position by position."""
    total = 0
    for market, instrument in enumerate(state.instruments):
        lots = int(state.lots[market, account])
        if lots and not state.is_collateral(market):
            notional = notional_units(instrument.contract, lots, state.ticks[market])
            total += initial_margin_units(notional, instrument.market.tiers)
    return total


def has_marks(state: VenueState, account: int) -> bool:
    """Whether everything an account holds can be valued: no mark of it is stale or missing."""
    return not any(
        state.lots[market, account] and (market in state.stale or not state.ticks[market])
        for market in range(len(state.instruments))
    )


class Rooms:
    """What accounts of an owner can still give, as deficits are served. Base units."""

    def __init__(self, state: VenueState, without: Collection[int]) -> None:
        self._state, self._without = state, frozenset(without)
        self._given: dict[int, int] = {}

    def serve(self, account: int, deficit: int) -> list[tuple[int, int, int]]:
        """(payer, room, amount) of those that give to a deficit, lowest id first."""
        state = self._state
        others = [
            other
            for other in state.owners.same(account)
            if other != account and other not in self._without and has_marks(state, other)
        ]
        equities = [value_one(state, other)[0] - self._given.get(other, 0) for other in others]
        margins = [initial_margin(state, other) for other in others]
        rows = []
        for other, equity, margin, part in zip(
            others, equities, margins, recourse_units(deficit, equities, margins), strict=True
        ):
            if part:
                rows.append((other, equity - margin, part))
                self._given[other] = self._given.get(other, 0) + part
        return rows


def recourse_taken(
    state: VenueState, number: int, owing: Sequence[Liquidated], liquidated: Collection[int]
) -> RecourseTaken | None:
    """What a round's deficits take from other accounts of their owners; None when nobody gives."""
    rooms = Rooms(state, liquidated)
    cash: dict[int, int] = {}
    rows = []
    for item in owing:
        for payer, room, amount in rooms.serve(item.account, item.closed.deficit):
            for account, change in ((payer, -amount), (item.account, amount)):
                cash[account] = cash.get(account, int(state.cash[account])) + change
            rows.append(
                RecourseRow(
                    account=state.accounts[item.account],
                    owner=state.owners[item.account],
                    payer=state.accounts[payer],
                    room=Units(room),
                    amount=Units(amount),
                    account_cash_after=Units(cash[item.account]),
                    payer_cash_after=Units(cash[payer]),
                )
            )
    return RecourseTaken(state.step, number, tuple(rows)) if rows else None


def after_recourse(state: VenueState, owed: Sequence[Owed]) -> list[Owed]:
    """Deficits less what other accounts of their owners would give: what layers would be asked for.

    Who is liquidatable has no room: its equity is below its maintenance margin.
    """
    rooms = Rooms(state, ())
    left = []
    for account, units, losses in owed:
        rest = units - sum(amount for _, _, amount in rooms.serve(account, units))
        if rest > 0:
            left.append((account, rest, losses))
    return left
