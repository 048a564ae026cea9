"""Apply: the only place that changes the fund's state. It calls no rule; an event is a fact.

Layer    fund; imports fund.{events,state,messages}. Used for live events and for replay alike (I7).
Not here deciding (fund.decide) and checking (fund.invariants).
Held to  this by replay: the same log gives the same state, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.fund.events import (
    Credit,
    Event,
    InflowRouted,
    MarketClosed,
    Opened,
    PaidOut,
    Repaid,
    Settled,
    SettledRow,
    SeverityCarried,
    ShortfallsDrawn,
)
from seawall.fund.messages import AnyCommand
from seawall.fund.state import Carried, FundState, LayerState, Pending


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where an event stands: its number (from 1, no gaps), the writer's time (ms UTC) and the command's id."""

    seq: int
    t_ms: int
    id: str


GENESIS_ID = "genesis"
"""The id under which a log begins; no command has it."""


class BrokenLog(Exception):
    """An event does not follow from the state it is applied to: the log is damaged or out of order."""


def apply(state: FundState, stamp: Stamp, event: Event) -> None:
    """Take in one event. Errors: BrokenLog when its number or time does not follow."""
    if stamp.seq != state.last_seq + 1 or stamp.t_ms < state.last_t_ms:
        raise BrokenLog(f"event {stamp.seq} at {stamp.t_ms} after event {state.last_seq} at {state.last_t_ms}")
    if stamp.id != command_id(event):
        raise BrokenLog(f"event {stamp.seq} stands under {stamp.id}, but answers {command_id(event)}")
    match event:
        case Opened():
            for opening in event.layers:
                spec = next(layer for layer in state.design.layers if layer.id == opening.layer)
                state.layers[opening.layer] = LayerState(spec, opening.balance)
                state.totals.money_in += opening.balance
        case InflowRouted():
            state.totals.money_in += event.inflow.amount
            _placed(state, event.repaid, event.credits, event.paid_out)
            _answered(state, event.inflow, stamp)
        case ShortfallsDrawn():
            _drawn(state, stamp, event)
        case Settled():
            _settled(state, event.settle.batch, event.rows, stamp)
            _answered(state, event.settle, stamp)
        case SeverityCarried():
            _settled(state, event.batch, event.rows, stamp)
            if event.lapse is not None:
                _answered(state, event.lapse, stamp)
        case MarketClosed():
            if event.layer is not None:
                state.layers[event.layer].balance -= event.moved
            state.closed_markets.add(event.close_market.market)
            _placed(state, event.repaid, event.credits, event.paid_out)
            _answered(state, event.close_market, stamp)
    state.last_seq = stamp.seq
    state.last_t_ms = stamp.t_ms


def command_id(event: Event) -> str:
    """The id of the command that an event answers."""
    match event:
        case Opened():
            return GENESIS_ID
        case InflowRouted():
            return event.inflow.id
        case ShortfallsDrawn():
            return event.shortfalls.id
        case Settled():
            return event.settle.id
        case SeverityCarried():
            return event.batch if event.lapse is None else event.lapse.id
        case MarketClosed():
            return event.close_market.id


def _answered(state: FundState, command: AnyCommand, stamp: Stamp) -> None:
    state.answered[command.id] = (command, stamp.seq)


def _placed(state: FundState, repaid: Sequence[Repaid], credits: Sequence[Credit], paid_out: Sequence[PaidOut]) -> None:
    for repayment in repaid:
        debt = state.carried[repayment.deficit]
        debt.amount = repayment.carried_after
        state.totals.recovered += repayment.amount
        if debt.amount == 0:
            del state.carried[repayment.deficit]
    for credit in credits:
        layer = state.layers[credit.layer]
        layer.balance = credit.balance_after
        layer.credited += credit.amount
    for payment in paid_out:
        state.receivers[payment.receiver] = state.receivers.get(payment.receiver, 0) + payment.amount
        state.totals.paid_out += payment.amount


def _drawn(state: FundState, stamp: Stamp, event: ShortfallsDrawn) -> None:
    batch = event.shortfalls.id
    for deficit in event.shortfalls.deficits:
        state.deficits[deficit.id] = batch
        state.totals.deficits += deficit.amount
    for draw in event.draws:
        layer = state.layers[draw.layer]
        layer.balance = draw.balance_after
        layer.drawn += draw.amount
        state.totals.drawn += draw.amount
        if draw.amount and layer.spec.window_ms is not None:
            layer.recent.append((stamp.t_ms, draw.amount))
            while stamp.t_ms - layer.recent[0][0] >= layer.spec.window_ms:
                layer.recent.popleft()
    if event.severity:
        accounts = {deficit.id: deficit.account for deficit in event.shortfalls.deficits}
        state.pending[batch] = Pending(
            event.deadline_ms,
            {row.deficit: row.amount for row in event.severity},
            {row.deficit: accounts[row.deficit] for row in event.severity},
        )
    _answered(state, event.shortfalls, stamp)


def _settled(state: FundState, batch: str, rows: Sequence[SettledRow], stamp: Stamp) -> None:
    pending = state.pending.pop(batch)
    for row in rows:
        state.totals.haircuts += row.haircut
        if row.carried:
            state.carried[row.deficit] = Carried(row.carried, stamp.t_ms, pending.accounts[row.deficit])
