"""Decide: what follows from a command, as facts. Rules are put in sequence here and nowhere else.

Layer    fund; imports rules, design, fund.{messages,events,state} and its own parts by topic: fund.decide_inflow (money
         in), fund.decide_shortfalls (money out). Only reads the state.
Not here the change itself (fund.apply) and durability (ledger).
Held to  this by the ledger and the contract, which must give the same amounts to the last unit.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from seawall.amounts import AmountError, Units, allocate, check_id
from seawall.fund.apply import GENESIS_ID
from seawall.fund.correction import decide_correct
from seawall.fund.decide_inflow import (
    decide_close_market,
    decide_inflow,
    decide_inventory,
    decide_inventory_loss,
    decide_migrate,
    decide_release,
)
from seawall.fund.decide_shortfalls import decide_shortfalls
from seawall.fund.events import (
    NOTHING,
    Event,
    LayerBalance,
    Measured,
    Opened,
    Settled,
    SettledRow,
    SeverityCarried,
    ShortfallsDrawn,
    tranches_in,
)
from seawall.fund.messages import (
    AnyCommand,
    CancelRedeem,
    CloseMarket,
    Correct,
    Exhausted,
    Inflow,
    Inventory,
    InventoryLoss,
    Lapse,
    LapseRequests,
    Measure,
    Migrate,
    Recover,
    Redeem,
    Refused,
    Release,
    Repeated,
    RequestRedeem,
    Reward,
    Settle,
    Shortfalls,
    Stake,
    TakeClaims,
    TransferShares,
)
from seawall.fund.recovery import decide_recover, decide_take_claims
from seawall.fund.refusal import amount_problem, refused
from seawall.fund.staking import decide_staking, staking_refused
from seawall.fund.standing import opening_status, with_status
from seawall.fund.state import FundState
from seawall.fund.tranches import opening_tranches
from seawall.rules.tranche import StakingRefused


def genesis(state: FundState, design_text: str) -> Opened:
    """The first event: the design file verbatim and the layers' opening balances."""
    design = state.design
    return Opened(
        design_text=design_text,
        asset=design.asset.id,
        layers=tuple(LayerBalance(layer.id, layer.balance) for layer in design.layers),
        status=opening_status(design),
        tranches=opening_tranches(design),
    )


def decide(state: FundState, command: AnyCommand, t_ms: int) -> tuple[Event, ...] | Refused | Repeated:
    """The events that follow from a command at a time, or why there are none.

    t_ms     stamped by the writer, not before the last event's
    returns  events to append and apply together; `Repeated` for an id decided before with the same content; `Refused`
             otherwise. Nothing is changed: asking without applying is a quote.
    """
    answered = state.answered.get(command.id)
    if answered is not None:
        first, seq = answered
        if first == command:
            return Repeated(id=command.id, seq=seq)
        field = difference(first, command) or "kind"
        return refused(command, "conflict", field, f"id {command.id} was used with another {field}")
    if t_ms < state.last_t_ms:
        return refused(command, "state", "t", f"wanted a time not before {state.last_t_ms}; found {t_ms}")
    try:
        check_id(command.id)
    except AmountError as error:
        return refused(command, "invalid", "id", str(error))
    if command.id == GENESIS_ID:
        return refused(command, "invalid", "id", f"{GENESIS_ID} is the log's own beginning")
    try:
        decided = _decide(state, command, t_ms)
    except StakingRefused as error:
        return staking_refused(command, error)
    decided = _in_range(command, decided)
    if isinstance(decided, Refused):
        return decided
    return tuple(with_status(state, event, t_ms) for event in decided)


def _in_range(command: AnyCommand, decided: tuple[Event, ...] | Refused) -> tuple[Event, ...] | Refused:
    """What was decided, unless a tranche would then hold more than an amount can be."""
    for tranche in (one for event in (() if isinstance(decided, Refused) else decided) for one in tranches_in(event)):
        waiting = NOTHING if tranche.stream is None else tranche.stream.total - tranche.stream.earned
        if problem := amount_problem(tranche.assets + waiting, zero=True):
            field = "amount" if hasattr(command, "amount") else "kind"
            return refused(command, "invalid", field, f"{tranche.layer} after it: {problem}")
    return decided


def _decide(state: FundState, command: AnyCommand, t_ms: int) -> tuple[Event, ...] | Refused:
    match command:
        case Inflow():
            return decide_inflow(state, command, t_ms)
        case Shortfalls():
            return decide_shortfalls(state, command, t_ms)
        case Settle():
            return _settle(state, command, t_ms)
        case Lapse():
            return _lapse(state, command, t_ms)
        case CloseMarket():
            return decide_close_market(state, command)
        case Migrate():
            return decide_migrate(state, command)
        case Release():
            return decide_release(state, command, t_ms)
        case Measure():
            return _measure(command)
        case Inventory():
            return decide_inventory(state, command)
        case InventoryLoss():
            return decide_inventory_loss(state, command, t_ms)
        case Recover():
            return decide_recover(state, command)
        case TakeClaims():
            return decide_take_claims(state, command)
        case Correct():
            return decide_correct(state, command)
        case Stake() | RequestRedeem() | CancelRedeem() | LapseRequests() | Redeem() | TransferShares() | Reward():
            return decide_staking(state, command, t_ms)


def exhausted(event: Event, batch: str) -> Exhausted | None:
    """The answer that a venue needs when layers did not suffice; None when they did."""
    if not isinstance(event, ShortfallsDrawn) or not event.severity:
        return None
    return Exhausted(
        batch=batch,
        severity=tuple((row.deficit, row.amount) for row in event.severity),
        policy=event.policy,
        fallback=event.fallback,
        price_rule=event.price_rule,
        deadline_ms=event.deadline_ms,
    )


def difference(first: object, second: object) -> str:
    """The first field in which two commands or two events differ, e.g. `deficits[0].amount`; "" for the same."""
    if first == second:
        return ""
    if isinstance(first, Struct) and type(first) is type(second):
        for name in first.__struct_fields__:
            within = difference(getattr(first, name), getattr(second, name))
            if within or getattr(first, name) != getattr(second, name):
                return name + (within if within.startswith("[") else f".{within}" if within else "")
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            if one != other:
                within = difference(one, other)
                return f"[{index}]" + (f".{within}" if within else "")
    return ""


def _settle(state: FundState, settle: Settle, t_ms: int) -> tuple[Event, ...] | Refused:
    pending = state.pending.get(settle.batch)
    if pending is None:
        return refused(settle, "state", "batch", f"wanted a batch with pending severity; found {settle.batch}")
    if t_ms > pending.deadline_ms:
        return refused(settle, "state", "batch", f"the deadline {pending.deadline_ms} of {settle.batch} has passed")
    for index, haircut in enumerate(settle.haircuts):
        if haircut.amount < 0 or haircut.lots < 0:
            found = f"{haircut.amount} and {haircut.lots} lots"
            return refused(settle, "invalid", f"haircuts[{index}]", f"wanted amounts and lots >= 0; found {found}")
    paid = sum(haircut.amount for haircut in settle.haircuts)
    owed = sum(pending.severity.values())
    if paid > owed:
        return refused(settle, "invalid", "haircuts", f"wanted at most the severity {owed}; found {paid}: overshoot")
    return (Settled(settle=settle, rows=_settled_rows(pending.severity, paid, final=settle.final)),)


def _settled_rows(severity: dict[str, int], paid: int, *, final: bool = True) -> tuple[SettledRow, ...]:
    """Haircuts pay the deficits of a batch pro rata; what is left of each is carried, or pending still."""
    parts: Sequence[int] = allocate(paid, list(severity.values()))
    rows = []
    for (deficit, amount), part in zip(severity.items(), parts, strict=True):
        left = Units(amount - part)
        if final or not left:
            rows.append(SettledRow(deficit, Units(part), left))
        else:
            rows.append(SettledRow(deficit, Units(part), Units(0), left))
    return tuple(rows)


def _lapse(state: FundState, lapse: Lapse, t_ms: int) -> tuple[Event, ...] | Refused:
    pending = state.pending.get(lapse.batch)
    if pending is None:
        return refused(lapse, "state", "batch", f"wanted a batch with pending severity; found {lapse.batch}")
    if t_ms <= pending.deadline_ms:
        return refused(lapse, "state", "batch", f"the deadline of {lapse.batch} is {pending.deadline_ms}; now {t_ms}")
    rows = _settled_rows(pending.severity, 0)
    return (SeverityCarried(batch=lapse.batch, why="deadline", rows=rows, lapse=lapse),)


def _measure(measure: Measure) -> tuple[Event, ...] | Refused:
    try:
        check_id(measure.name)
    except AmountError as error:
        return refused(measure, "invalid", "name", str(error))
    if problem := amount_problem(measure.amount, zero=True):
        return refused(measure, "invalid", "amount", problem)
    return (Measured(measure=measure),)
