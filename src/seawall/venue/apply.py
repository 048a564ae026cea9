"""Apply: the only place that changes a venue's state. It calls no rule; an event is a fact.

Layer    venue; imports venue.{events,state}, fund.apply (the stamp). Used live and in replay alike (I7).
Not here deciding (venue.plan, venue.machine) and checking (venue.invariants).
"""

from __future__ import annotations

from collections.abc import Iterable

from seawall.fund.apply import BrokenLog, Stamp
from seawall.venue.events import (
    AccountsClosed,
    CashRow,
    DeficitsCovered,
    Deleveraged,
    HaircutTaken,
    Marked,
    RoundFilled,
    VenueEvent,
    VenueOpened,
)
from seawall.venue.state import VenueState


def apply(state: VenueState, stamp: Stamp, event: VenueEvent) -> None:
    """Take in one event. Errors: BrokenLog when its number or time does not follow."""
    if stamp.seq != state.last_seq + 1 or stamp.t_ms < state.last_t_ms:
        raise BrokenLog(f"event {stamp.seq} at {stamp.t_ms} after event {state.last_seq} at {state.last_t_ms}")
    match event:
        case VenueOpened():
            pass
        case Marked():
            _marked(state, event)
        case RoundFilled():
            _round_filled(state, event)
        case AccountsClosed():
            _accounts_closed(state, event)
        case DeficitsCovered():
            for row in event.rows:
                state.cash[state.index[row.account]] = int(row.cash_after)
                state.from_fund += row.drawn
                state.booked += row.severity
        case Deleveraged():
            _deleveraged(state, event)
        case HaircutTaken():
            markets = _markets(state)
            for money in event.rows:
                account, market = state.index[money.account], markets[money.market]
                state.cost[market, account] = int(money.cost_after)
                state.booked -= money.amount
                state.deleveraged.add(account)
    state.last_seq = stamp.seq
    state.last_t_ms = stamp.t_ms


def _markets(state: VenueState) -> dict[str, int]:
    return {instrument.id: market for market, instrument in enumerate(state.instruments)}


def _set_cash(state: VenueState, rows: Iterable[CashRow]) -> None:
    for row in rows:
        state.cash[state.index[row.account]] = int(row.cash)


def _marked(state: VenueState, event: Marked) -> None:
    markets = _markets(state)
    if event.step != state.step:
        state.step = event.step
        state.touched.clear()
        state.liquidated.clear()
        state.deleveraged.clear()
    state.round = event.round
    for mark in event.marks:
        market = markets[mark.market]
        state.anchor[market] = mark.anchor_ticks
        state.ticks[market] = mark.ticks
        state.observed_ms[market] = mark.observed_ms
        if mark.stale:
            state.stale[market] = mark.stale
        else:
            state.stale.pop(market, None)
        if mark.ticks > state.ceiling_ticks[market]:
            state.widen()
    for depth in event.depth:
        state.used[markets[depth.market], depth.side] = depth.used


def _round_filled(state: VenueState, event: RoundFilled) -> None:
    markets = _markets(state)
    state.round = event.round
    for trigger in event.triggered:
        state.liquidated.add(state.index[trigger.account])
    for fill in event.fills:
        account, market = state.index[fill.account], markets[fill.market]
        state.lots[market, account] = fill.lots_after
        state.cost[market, account] = int(fill.cost_after)
        state.realised[market, account] += int(fill.realised)
        if fill.surcharge:
            fees = state.fees.setdefault(account, {})
            fees[market] = fees.get(market, 0) + fill.surcharge
    for book in event.book:
        market = markets[book.market]
        key = (market, book.side)
        state.used[key] = book.used
        state.touched[key] = max(state.touched.get(key, 0), book.away_ticks)
        state.outside_lots[market] = book.outside_lots_after
        state.outside_cash = book.outside_cash_after
    for reserve in event.reserved:
        if reserve.amount:
            state.reserved[state.index[reserve.account]] = int(reserve.amount)
        else:
            state.reserved.pop(state.index[reserve.account], None)
    _set_cash(state, event.cash)


def _accounts_closed(state: VenueState, event: AccountsClosed) -> None:
    state.round = event.round
    for row in event.rows:
        account = state.index[row.account]
        state.cash[account] = int(row.cash_after)
        state.fees.pop(account, None)
        state.reserved.pop(account, None)
        state.to_fund += sum(fee.amount for fee in row.fees) + row.residual_taken
        if not state.lots[:, account].any():
            state.realised[:, account] = 0


def _deleveraged(state: VenueState, event: Deleveraged) -> None:
    markets = _markets(state)
    for position in event.positions:
        account, market = state.index[position.account], markets[position.market]
        state.lots[market, account] = position.lots
        state.cost[market, account] = int(position.cost)
        state.realised[market, account] += int(position.realised)
        if not state.lots[:, account].any():
            state.realised[:, account] = 0
    for haircut in event.haircuts:
        state.booked -= haircut.haircut
        state.deleveraged.add(state.index[haircut.account])
    _set_cash(state, event.cash)
