"""Decide: what follows from a command, as facts. Rules are put in sequence here and nowhere else.

Layer    fund; imports rules, design, fund.{messages,events,state}. Only reads the state.
Not here the change itself (fund.apply) and durability (ledger).
Held to  this by the ledger and the contract, which must give the same amounts to the last unit.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from seawall.amounts import MAX_AMOUNT, AmountError, Units, allocate, check_amount, check_id, id_key
from seawall.design.types import ExcessSplit
from seawall.fund.apply import GENESIS_ID
from seawall.fund.events import (
    Credit,
    DrawRow,
    Event,
    InflowRouted,
    LayerBalance,
    MarketClosed,
    Opened,
    PaidOut,
    Repaid,
    Settled,
    SettledRow,
    SeverityCarried,
    SeverityRow,
    ShortfallsDrawn,
)
from seawall.fund.messages import (
    AnyCommand,
    CloseMarket,
    Exhausted,
    Inflow,
    Lapse,
    Refused,
    Repeated,
    Settle,
    Shortfalls,
)
from seawall.fund.state import FundState, LayerState
from seawall.rules.accumulation import Routed, Sink, commission_share_units, route, split_units
from seawall.rules.waterfall import Claim, Room, draw_batch, window_left_units

PRICE_RULE = "bankruptcy_price"


def genesis(state: FundState, design_text: str) -> Opened:
    """The first event: the design file verbatim and the layers' opening balances."""
    design = state.design
    return Opened(
        design_text=design_text,
        asset=design.asset.id,
        layers=tuple(LayerBalance(layer.id, layer.balance) for layer in design.layers),
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
        field = _difference(first, command) or "kind"
        return _refused(command, "conflict", field, f"id {command.id} was used with another {field}")
    if t_ms < state.last_t_ms:
        return _refused(command, "state", "t", f"wanted a time not before {state.last_t_ms}; found {t_ms}")
    try:
        check_id(command.id)
    except AmountError as error:
        return _refused(command, "invalid", "id", str(error))
    if command.id == GENESIS_ID:
        return _refused(command, "invalid", "id", f"{GENESIS_ID} is the log's own beginning")
    match command:
        case Inflow():
            return _inflow(state, command)
        case Shortfalls():
            return _shortfalls(state, command, t_ms)
        case Settle():
            return _settle(state, command, t_ms)
        case Lapse():
            return _lapse(state, command, t_ms)
        case CloseMarket():
            return _close_market(state, command)


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


def _refused(command: AnyCommand, code: str, field: str, reason: str) -> Refused:
    return Refused(id=command.id, code=code, field=field, reason=reason)  # type: ignore[arg-type]


def _difference(first: object, second: object) -> str:
    """The first field in which two commands of one id differ, e.g. `deficits[0].amount`; "" when they are the same."""
    if first == second:
        return ""
    if isinstance(first, Struct) and type(first) is type(second):
        for name in first.__struct_fields__:
            within = _difference(getattr(first, name), getattr(second, name))
            if within or getattr(first, name) != getattr(second, name):
                return name + (within if within.startswith("[") else f".{within}" if within else "")
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            if one != other:
                within = _difference(one, other)
                return f"[{index}]" + (f".{within}" if within else "")
    return ""


def _amount_problem(amount: int) -> str:
    try:
        check_amount(amount)
    except AmountError as error:
        return str(error)
    return "" if amount > 0 else f"wanted an amount > 0; found {amount}"


def _inflow(state: FundState, inflow: Inflow) -> tuple[Event, ...] | Refused:
    design = state.design
    if inflow.asset != design.asset.id:
        return _refused(inflow, "invalid", "asset", f"wanted {design.asset.id}; found {inflow.asset}")
    if problem := _amount_problem(inflow.amount):
        return _refused(inflow, "invalid", "amount", problem)
    if inflow.market is not None and inflow.market not in {market.id for market in design.markets}:
        return _refused(inflow, "invalid", "market", f"wanted a market of the design; found {inflow.market}")
    if inflow.layer is not None:
        if inflow.source != "top_up":
            return _refused(inflow, "invalid", "layer", "only a top_up names a layer")
        if inflow.layer not in state.layers:
            return _refused(inflow, "invalid", "layer", f"wanted a layer of the design; found {inflow.layer}")
        if state.layers[inflow.layer].spec.market in state.closed_markets:
            return _refused(inflow, "state", "layer", f"the market of {inflow.layer} is closed")
    to_fund, to_treasury = _fund_part(state, inflow)
    routed = route(to_fund, _carried(state), _sinks(state, inflow.market, inflow.layer))
    repaid, credits, excess = _placed(state, routed)
    for credit in credits:
        if problem := _amount_problem(credit.balance_after):
            return _refused(inflow, "invalid", "amount", f"{credit.layer} after it: {problem}")
    split = (PaidOut("treasury", "split", Units(to_treasury)),) if to_treasury else ()
    return (InflowRouted(inflow=inflow, repaid=repaid, credits=credits, paid_out=split + excess),)


def _fund_part(state: FundState, inflow: Inflow) -> tuple[int, int]:
    """(to the fund, to the treasury) of an inflow, by its source."""
    accumulation = state.design.accumulation
    if inflow.source == "surcharge":
        split = accumulation.surcharge_split_ppm
        fund, treasury = split_units(inflow.amount, (split.fund, split.treasury))
        return fund, treasury
    if inflow.source == "commission":
        fund = commission_share_units(inflow.amount, accumulation.commission_share_ppm)
        return fund, inflow.amount - fund
    if inflow.source == "residual":
        residual = accumulation.residual_split_ppm
        if residual.fund or residual.treasury:
            fund, treasury = split_units(inflow.amount, (residual.fund, residual.treasury))
            return fund, treasury
    return inflow.amount, 0


def _carried(state: FundState) -> list[tuple[str, int]]:
    return [(deficit, debt.amount) for deficit, debt in state.carried.items()]


def _sinks(state: FundState, market: str | None, layer: str | None) -> list[Sink]:
    """Where income may go: the layer that a top-up names (without regard to its target), else bucket, shared fund."""
    if layer is not None:
        return [Sink(layer, state.layers[layer].balance, None)]
    open_market = market if market not in state.closed_markets else None
    buckets = [
        Sink(item.spec.id, item.balance, item.spec.target)
        for item in state.layers.values()
        if item.spec.kind == "market_bucket" and item.spec.market == open_market
    ]
    shared = [
        Sink(item.spec.id, item.balance, item.spec.target)
        for item in state.layers.values()
        if item.spec.kind == "shared_fund"
    ]
    return buckets + shared


def _placed(state: FundState, routed: Routed) -> tuple[tuple[Repaid, ...], tuple[Credit, ...], tuple[PaidOut, ...]]:
    """A routing as event rows, with balances after."""
    repaid = tuple(
        Repaid(deficit, Units(part), Units(state.carried[deficit].amount - part)) for deficit, part in routed.repaid
    )
    credits = tuple(
        Credit(layer, Units(part), Units(state.layers[layer].balance + part)) for layer, part in routed.credits
    )
    split: ExcessSplit = state.design.accumulation.excess_split_ppm
    receivers = ("stakers", "treasury", "fee_rebate", "hedges")
    parts = split_units(routed.excess, [getattr(split, receiver) for receiver in receivers])
    paid = tuple(
        PaidOut(receiver, "excess", Units(part))  # type: ignore[arg-type]
        for receiver, part in zip(receivers, parts, strict=True)
        if part
    )
    return repaid, credits, paid


def _shortfalls(state: FundState, command: Shortfalls, t_ms: int) -> tuple[Event, ...] | Refused:
    if problem := _shortfalls_problem(state, command):
        return _refused(command, "invalid", *problem)
    design = state.design
    deficits = sorted(command.deficits, key=lambda deficit: id_key(deficit.id))
    covered = draw_batch(
        [Claim(d.id, d.amount, tuple((loss.market, loss.amount) for loss in d.losses)) for d in deficits],
        [_room(layer, t_ms) for layer in state.layers.values()],
    )
    severity = tuple(SeverityRow(deficit, Units(amount)) for deficit, amount in covered.severity if amount)
    drawn = ShortfallsDrawn(
        shortfalls=command,
        draws=tuple(
            DrawRow(
                draw.deficit,
                draw.layer,
                Units(draw.amount),
                Units(draw.balance_before),
                Units(draw.balance_after),
                draw.bound_by,
            )
            for draw in covered.draws
        ),
        severity=severity,
        policy=design.exhaustion.policy,
        fallback=design.exhaustion.fallback,
        price_rule=PRICE_RULE,
        deadline_ms=t_ms + design.exhaustion.deadline_ms,
    )
    if severity and design.exhaustion.policy == "carry":
        rows = tuple(SettledRow(row.deficit, Units(0), row.amount) for row in severity)
        return drawn, SeverityCarried(batch=command.id, why="policy", rows=rows)
    return (drawn,)


def _shortfalls_problem(state: FundState, command: Shortfalls) -> tuple[str, str] | None:
    """(field, reason) of the first thing wrong with a batch."""
    asset = state.design.asset.id
    markets = {market.id for market in state.design.markets}
    if not command.deficits:
        return "deficits", "wanted at least one deficit; found none"
    seen: set[str] = set()
    for index, deficit in enumerate(command.deficits):
        where = f"deficits[{index}]"
        try:
            for name in ("id", "account", "owner"):
                check_id(getattr(deficit, name))
        except AmountError as error:
            return where, str(error)
        if deficit.asset != asset:
            return f"{where}.asset", f"wanted {asset}; found {deficit.asset}"
        if problem := _amount_problem(deficit.amount):
            return f"{where}.amount", problem
        if deficit.id in seen or deficit.id in state.deficits:
            return f"{where}.id", f"deficit {deficit.id} was drawn before"
        seen.add(deficit.id)
        lost: set[str] = set()
        for loss in deficit.losses:
            if loss.market not in markets:
                return f"{where}.losses", f"wanted a market of the design; found {loss.market}"
            if loss.market in lost or not 0 <= loss.amount < MAX_AMOUNT:
                return f"{where}.losses", f"wanted one loss of 0 to 10^38 a market; found {loss.market} {loss.amount}"
            lost.add(loss.market)
    return None


def _room(layer: LayerState, t_ms: int) -> Room:
    spec = layer.spec
    window_left = None
    if spec.window_limit is not None and spec.window_ms is not None:
        window_left = window_left_units(spec.window_limit, spec.window_ms, layer.recent, t_ms)
    return Room(
        id=spec.id,
        market=spec.market if spec.kind == "market_bucket" else None,
        balance_units=layer.balance,
        minimum_left_units=spec.minimum_left,
        event_limit_units=spec.event_limit,
        window_left_units=window_left,
    )


def _settle(state: FundState, settle: Settle, t_ms: int) -> tuple[Event, ...] | Refused:
    pending = state.pending.get(settle.batch)
    if pending is None:
        return _refused(settle, "state", "batch", f"wanted a batch with pending severity; found {settle.batch}")
    if t_ms > pending.deadline_ms:
        return _refused(settle, "state", "batch", f"the deadline {pending.deadline_ms} of {settle.batch} has passed")
    for index, haircut in enumerate(settle.haircuts):
        if haircut.amount < 0 or haircut.lots < 0:
            found = f"{haircut.amount} and {haircut.lots} lots"
            return _refused(settle, "invalid", f"haircuts[{index}]", f"wanted amounts and lots >= 0; found {found}")
    paid = sum(haircut.amount for haircut in settle.haircuts)
    owed = sum(pending.severity.values())
    if paid > owed:
        return _refused(settle, "invalid", "haircuts", f"wanted at most the severity {owed}; found {paid}: overshoot")
    return (Settled(settle=settle, rows=_settled_rows(pending.severity, paid)),)


def _settled_rows(severity: dict[str, int], paid: int) -> tuple[SettledRow, ...]:
    """Haircuts pay the deficits of a batch pro rata; what is left of each is carried."""
    parts: Sequence[int] = allocate(paid, list(severity.values()))
    return tuple(
        SettledRow(deficit, Units(part), Units(amount - part))
        for (deficit, amount), part in zip(severity.items(), parts, strict=True)
    )


def _lapse(state: FundState, lapse: Lapse, t_ms: int) -> tuple[Event, ...] | Refused:
    pending = state.pending.get(lapse.batch)
    if pending is None:
        return _refused(lapse, "state", "batch", f"wanted a batch with pending severity; found {lapse.batch}")
    if t_ms <= pending.deadline_ms:
        return _refused(lapse, "state", "batch", f"the deadline of {lapse.batch} is {pending.deadline_ms}; now {t_ms}")
    rows = _settled_rows(pending.severity, 0)
    return (SeverityCarried(batch=lapse.batch, why="deadline", rows=rows, lapse=lapse),)


def _close_market(state: FundState, command: CloseMarket) -> tuple[Event, ...] | Refused:
    if command.market not in {market.id for market in state.design.markets}:
        return _refused(command, "invalid", "market", f"wanted a market of the design; found {command.market}")
    if command.market in state.closed_markets:
        return _refused(command, "state", "market", f"{command.market} is closed already")
    bucket = next((layer for layer in state.layers.values() if layer.spec.market == command.market), None)
    moved = bucket.balance if bucket else 0
    routed = route(moved, _carried(state), _sinks(state, None, None))
    repaid, credits, excess = _placed(state, routed)
    for credit in credits:
        if problem := _amount_problem(credit.balance_after):
            return _refused(command, "invalid", "market", f"{credit.layer} after it: {problem}")
    return (
        MarketClosed(
            close_market=command,
            layer=bucket.spec.id if bucket else None,
            moved=Units(moved),
            repaid=repaid,
            credits=credits,
            paid_out=excess,
        ),
    )
