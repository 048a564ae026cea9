"""Tear-up: the contracts of markets end at the mark, and what is owed is taken from what they gained.

Layer    venue; imports rules, venue_events, venue.{haircuts,roots,settlement,state}. Called by venue.exhaust.
Not here the split itself (rules.gains_haircut), markets that end for want of a price (venue.settlement).
Held to  this by tests/venue/test_tear_up.py; I1, I6, I10, I11.

All positions of the markets concerned end: of accounts, of the outside book, of layers. A loss is due in full; where it
leaves an account flat with a debt, that is a deficit of the next round. A gain is net over the markets that end. Who
was liquidated in the round, or cannot be decided, pays nothing. A market whose mark is stale does not end.
"""

from __future__ import annotations

from collections.abc import Iterable

from seawall.amounts import Units
from seawall.rules.gains_haircut import cycle_haircuts
from seawall.venue.haircuts import Standing
from seawall.venue.roots import root_hex, torn_rows
from seawall.venue.scan import value_all
from seawall.venue.settlement import Ending, end_markets
from seawall.venue.state import VenueState
from seawall.venue_events import CashRow, PositionsTornUp, TornRow


def torn_up(
    state: VenueState, number: int, batch: str, severity: int, concerned: Iterable[str], standing: Standing
) -> PositionsTornUp | None:
    """End the markets concerned and take the severity from what their contracts gained.

    concerned  market ids; those without a usable mark or a position are left out
    returns    None when no market is left
    Rounding   `rules.gains_haircut.tear_up`: floor, then largest remainder, ties lowest id.
    """
    wanted = set(concerned)
    prices = [
        (market, state.ticks[market])
        for market, instrument in enumerate(state.instruments)
        if instrument.id in wanted and state.ticks[market] and market not in state.stale and state.lots[market].any()
    ]
    if not prices:
        return None
    ending = end_markets(state, prices)
    rows = _haircuts(state, ending, severity, standing)
    paid = {state.index[row.account]: int(row.haircut) for row in rows}
    cash = tuple(
        CashRow(state.accounts[account], Units(int(state.cash[account]) + units - paid.get(account, 0)))
        for account, units in sorted(ending.results.items())
    )
    root = root_hex(torn_rows(batch, rows))
    return PositionsTornUp(
        state.step, number, batch, Units(severity), ending.markets, ending.positions, rows, cash, root, ending.inventory
    )


def _haircuts(state: VenueState, ending: Ending, severity: int, standing: Standing) -> tuple[TornRow, ...]:
    """Who pays what of its gains, at most its equity."""
    values = value_all(state)
    payers = [
        account
        for account in sorted(ending.results)
        if values.decidable[account] and account not in standing.liquidated and account not in state.reserved
    ]
    gains = [ending.results[account] for account in payers]
    rooms = [max(0, int(values.equity[account])) for account in payers]
    return tuple(
        TornRow(
            state.accounts[account],
            state.owners[account],
            Units(gain),
            Units(int(values.equity[account])),
            Units(haircut),
        )
        for account, gain, haircut in zip(payers, gains, cycle_haircuts(severity, gains, rooms), strict=True)
        if haircut
    )
