"""Invariants: what must hold in a venue after every event. A broken one stops the writer.

Layer    venue; imports venue_events, venue.state, fund.invariants (its exception). SPEC 7, 12: I1, I5, I6, I10, I11.
Not here the fund's own invariants (fund.invariants); `check_door` holds the two machines to each other.
Held to  this by tests/venue/test_invariants.py, which forges an event for each check and wants it refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from seawall.fund.apply import Stamp
from seawall.fund.invariants import InvariantBroken
from seawall.fund.state import FundState
from seawall.rules.contracts import value_units
from seawall.venue.state import VenueState
from seawall.venue_events import (
    Deleveraged,
    GainsTaken,
    HaircutTaken,
    Marked,
    MarketSettled,
    MoneyRow,
    PositionsTornUp,
    RecourseTaken,
    RoundFilled,
    VenueEvent,
    Withdrawn,
)


def equity_units(state: VenueState) -> int:
    """Equity of all accounts and the outside book, negative as they are; independent of the marks by I11.

    What layers hold and have realised, not yet settled with the fund, and the venue's roundings are in it.
    """
    total = int(state.cash.sum()) - int(state.cost.sum()) + state.outside_cash + state.rounding
    total += sum(state.due.values()) - sum(cost for _, cost in state.held.values())
    for market, instrument in enumerate(state.instruments):
        unmatched = _open_lots(state, market)
        if unmatched:
            total += value_units(instrument.contract, unmatched, state.ticks[market])
    return total


def _open_lots(state: VenueState, market: int) -> int:
    """All lots of a market: accounts, the outside book, layers."""
    return int(state.lots[market].sum()) + state.outside_lots[market] + state.held_lots(market)


def check(state: VenueState, stamp: Stamp, event: VenueEvent) -> None:
    """Check every invariant that one event could have broken. Errors: InvariantBroken.

    New marks move nobody's money or lots, so nothing is added up after them; it is after the next event that may.
    """
    if isinstance(event, Marked):
        return
    for market, instrument in enumerate(state.instruments):
        open_lots = _open_lots(state, market)
        if open_lots:
            _broken("I11", stamp, f"positions of {instrument.id} sum to {open_lots}, not 0")
    money = equity_units(state) + state.pending_fees_units + state.to_fund - state.from_fund - state.booked
    money += state.money_out - state.money_in
    if money != state.opening_units:
        _broken("I1", stamp, f"money in the venue {money} != {state.opening_units} at the start")
    if state.booked < 0:
        _broken("I10", stamp, f"haircuts exceed booked severity by {-state.booked}")
    if isinstance(event, RoundFilled):
        _check_fills(stamp, event)
    if isinstance(event, Deleveraged):
        _check_deleveraged(stamp, event)
    if isinstance(event, HaircutTaken | GainsTaken):
        _check_money_taken(stamp, event.severity, event.rows)
    if isinstance(event, PositionsTornUp | MarketSettled):
        _check_ended(state, stamp, event)
    if isinstance(event, Withdrawn):
        _check_withdrawn(stamp, event)
    if isinstance(event, RecourseTaken):
        for given in event.rows:
            if not 0 <= given.amount <= given.room:
                _broken("I6", stamp, f"recourse takes {given.amount} of {given.payer}, above its margin {given.room}")


def _broken(invariant: str, stamp: Stamp, why: str) -> None:
    raise InvariantBroken(f"{invariant} broken by venue event {stamp.seq} ({stamp.id}): {why}")


def _check_fills(stamp: Stamp, event: RoundFilled) -> None:
    """A surcharge never makes or enlarges a deficit: it is taken only from what the fill gained above bankruptcy."""
    for fill in event.fills:
        if fill.surcharge < 0:
            _broken("I1", stamp, f"surcharge {fill.surcharge} of {fill.account}")


def _check_deleveraged(stamp: Stamp, event: Deleveraged) -> None:
    """I10: what winners pay in the end is the severity at most, and no more than what was taken from each."""
    paid = sum(row.haircut for row in event.haircuts)
    if paid > event.severity:
        _broken("I10", stamp, f"haircuts {paid} exceed severity {event.severity}")
    if sum(row.taken for row in event.haircuts) != sum(row.gap for row in event.closings):
        _broken("I10", stamp, "money taken from winners does not add up to what the closings cost")
    for row in event.haircuts:
        if not 0 <= row.haircut <= row.taken:
            _broken("I6", stamp, f"haircut {row.haircut} of {row.account} outside 0 to {row.taken}")
        beyond = max(0, row.haircut - max(0, min(row.profit, row.equity)))
        if beyond != row.beyond_profit or (beyond and not event.production):
            _broken("I6", stamp, f"haircut {row.haircut} of {row.account}: profit {row.profit}, equity {row.equity}")


def _check_money_taken(stamp: Stamp, severity: int, rows: Sequence[MoneyRow]) -> None:
    """I5, I6, I10: only from the base, never above equity, never above the severity."""
    if sum(row.amount for row in rows) > severity:
        _broken("I10", stamp, f"haircuts exceed severity {severity}")
    by_account: dict[str, int] = {}
    for row in rows:
        by_account[row.account] = by_account.get(row.account, 0) + row.amount
        if not 0 <= row.amount <= max(0, row.profit) or by_account[row.account] > max(0, row.equity):
            _broken("I6", stamp, f"haircut {row.amount} of {row.account}: profit {row.profit}, equity {row.equity}")


def _check_ended(state: VenueState, stamp: Stamp, event: PositionsTornUp | MarketSettled) -> None:
    """Nothing is left in the markets that ended; what was taken is at most the gains, the equity, the severity."""
    ended = {row.market for row in (event.markets if isinstance(event, PositionsTornUp) else (event.market,))}
    for market, instrument in enumerate(state.instruments):
        left = state.lots[market].any() or state.outside_lots[market] or state.held_lots(market)
        if instrument.id in ended and left:
            _broken("I11", stamp, f"positions of {instrument.id} are left after it ended")
    if isinstance(event, MarketSettled):
        return
    if sum(row.haircut for row in event.haircuts) > event.severity:
        _broken("I10", stamp, f"haircuts exceed severity {event.severity}")
    by_account: dict[str, int] = {}
    for row in event.haircuts:
        by_account[row.account] = by_account.get(row.account, 0) + row.haircut
        if not 0 <= row.haircut <= max(0, row.gains) or by_account[row.account] > max(0, row.equity):
            _broken("I6", stamp, f"haircut {row.haircut} of {row.account}: gains {row.gains}, equity {row.equity}")


def _check_withdrawn(stamp: Stamp, event: Withdrawn) -> None:
    """Nobody takes more than was asked for, nor what backs positions and open losses."""
    for row in event.rows:
        free = row.equity - row.margin - (0 if row.borne else row.haircut)
        if min(row.paid, row.borne) < 0 or row.paid + row.borne > min(row.asked, free):
            _broken("I6", stamp, f"{row.id}: {row.paid} paid and {row.borne} given up of {row.asked}, free {free}")


def check_door(venue: VenueState, fund: FundState, opening_layers_units: int) -> None:
    """Both machines tell the same story: SPEC 7's identity over venue and fund. Errors: InvariantBroken."""
    posted = fund.totals.money_in - opening_layers_units
    if venue.to_fund != posted:
        raise InvariantBroken(f"I1 broken at the door: the venue posted {venue.to_fund}, the fund took {posted}")
    paid = fund.totals.drawn + fund.totals.inventory_lost
    if venue.from_fund != paid:
        raise InvariantBroken(f"I1 broken at the door: drawn {paid}, received {venue.from_fund}")
    owed = fund.pending_units + fund.carried_units + fund.totals.recovered
    if venue.booked != owed:
        raise InvariantBroken(f"I1 broken at the door: booked {venue.booked}, pending and carried {owed}")
    money = (
        equity_units(venue)
        + venue.pending_fees_units
        + fund.layers_units
        + fund.totals.paid_out
        - fund.carried_units
        - fund.pending_units
        + venue.money_out
        - venue.money_in
    )
    if money != venue.opening_units + opening_layers_units + fund.totals.called:
        raise InvariantBroken(f"I1 broken: venue and fund hold {money}, started with {venue.opening_units}")
