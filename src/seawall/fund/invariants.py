"""Invariants: what must hold after every event, asserted in production. A broken one stops the writer.

Layer    fund; imports fund.{events,state}. Called after every apply, by `verify` too. SPEC 7, 12.
Not here repair: a broken invariant is a defect, and nothing more may be written.
Held to  this by tests/fund/test_invariants.py, which forges an event for each check and wants it refused.
"""

from __future__ import annotations

from seawall.fund.apply import Stamp
from seawall.fund.events import Event, Settled, ShortfallsDrawn
from seawall.fund.state import FundState
from seawall.rules.waterfall import attribute, window_left_units


class InvariantBroken(Exception):
    """An invariant of SPEC 12 does not hold; names it, the event and the figures."""


def check(state: FundState, stamp: Stamp, event: Event) -> None:
    """Check every invariant that one event could have broken. Errors: InvariantBroken."""
    totals = state.totals
    layers = state.layers_units
    flows = totals.money_in - totals.paid_out - totals.recovered - totals.drawn
    if layers != flows:
        _broken("I1", stamp, f"layers {layers} != in - out {flows}")
    ends = totals.drawn + totals.haircuts + state.pending_units + state.carried_units + totals.recovered
    if totals.deficits != ends:
        _broken("I1", stamp, f"deficits {totals.deficits} != draws + haircuts + pending + carried + repaid {ends}")
    for layer in state.layers.values():
        if layer.balance < 0:
            _broken("I2", stamp, f"layer {layer.spec.id} stands at {layer.balance}")
        if layer.balance != layer.spec.balance + layer.credited - layer.drawn and not state.closed_markets:
            _broken("I1", stamp, f"layer {layer.spec.id}: {layer.balance} != opening + credits - draws")
    for deficit, debt in state.carried.items():
        if debt.amount <= 0:
            _broken("I1", stamp, f"carried debt of {deficit} stands at {debt.amount}")
    if isinstance(event, ShortfallsDrawn):
        _check_draws(state, stamp, event)
    if isinstance(event, Settled):
        _check_settled(stamp, event)


def _broken(invariant: str, stamp: Stamp, why: str) -> None:
    raise InvariantBroken(f"{invariant} broken by event {stamp.seq} ({stamp.id}): {why}")


def _check_draws(state: FundState, stamp: Stamp, event: ShortfallsDrawn) -> None:
    """I1 a deficit, I2 limits, I3 order: what each layer could still have paid to a deficit that went on."""
    severity = {row.deficit: row.amount for row in event.severity}
    drawn: dict[str, dict[str, int]] = {deficit.id: {} for deficit in event.shortfalls.deficits}
    for draw in event.draws:
        drawn[draw.deficit][draw.layer] = draw.amount
        spec = state.layers[draw.layer].spec
        if draw.balance_before - draw.amount != draw.balance_after or draw.amount < 0:
            _broken("I1", stamp, f"{draw.layer}: {draw.balance_before} - {draw.amount} != {draw.balance_after}")
        if draw.balance_after < 0 or (draw.amount and draw.balance_after < spec.minimum_left):
            _broken("I2", stamp, f"{draw.layer} left with {draw.balance_after}, minimum {spec.minimum_left}")
        if spec.event_limit is not None and draw.amount > spec.event_limit:
            _broken("I2", stamp, f"{draw.layer} paid {draw.amount} to {draw.deficit}, limit {spec.event_limit}")
    free: dict[str, int] = {}
    for layer in state.layers.values():
        spec = layer.spec
        free[spec.id] = max(0, layer.balance - spec.minimum_left)
        if spec.window_limit is not None and spec.window_ms is not None:
            used = sum(amount for time, amount in layer.recent if stamp.t_ms - time < spec.window_ms)
            if used > spec.window_limit:
                _broken("I2", stamp, f"{spec.id} paid {used} within its window, limit {spec.window_limit}")
            window_left = window_left_units(spec.window_limit, spec.window_ms, layer.recent, stamp.t_ms)
            free[spec.id] = min(free[spec.id], window_left)
    for deficit in event.shortfalls.deficits:
        paid = drawn[deficit.id]
        if sum(paid.values()) + severity.get(deficit.id, 0) != deficit.amount:
            _broken("I1", stamp, f"deficit {deficit.id}: draws and severity do not add up to {deficit.amount}")
        losses = [(loss.market, int(loss.amount)) for loss in deficit.losses]
        left = int(deficit.amount)
        stage_left, in_buckets = left, False
        for layer in state.layers.values():
            spec = layer.spec
            bucket = spec.kind == "market_bucket"
            if bucket and not in_buckets:
                stage_left = left
            in_buckets = bucket
            claim = attribute(stage_left, losses).get(spec.market or "", 0) if bucket else left
            amount = paid.get(spec.id, 0)
            could = min(free[spec.id], claim - amount)
            if spec.event_limit is not None:
                could = min(could, spec.event_limit - amount)
            if could > 0:
                _broken("I3", stamp, f"{spec.id} could still pay {could} of {deficit.id}")
            left -= amount


def _check_settled(stamp: Stamp, event: Settled) -> None:
    """I10: haircuts add up to what was settled, never more than the severity."""
    taken = sum(haircut.amount for haircut in event.settle.haircuts)
    settled = sum(row.haircut for row in event.rows)
    if taken != settled:
        _broken("I10", stamp, f"haircuts {taken} != settled {settled}")
    if any(row.haircut < 0 or row.carried < 0 for row in event.rows):
        _broken("I10", stamp, "a settled row is negative")
