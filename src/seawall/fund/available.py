"""Available: every layer as a batch of deficits finds it, with all that its limits still allow.

Layer    fund; imports rules, design, amounts, fund.{standing,state}. Only reads the state.
Not here how the limits cut a batch (rules.limits, rules.waterfall).
Held to  this by tests/fund/test_limits.py: a second bookkeeper that keeps every draw ever made.
"""

from __future__ import annotations

from collections.abc import Iterator

from seawall.amounts import ppm_down
from seawall.fund.standing import market_peak_units, market_shut_after, pool_peak_units, shut_after
from seawall.fund.state import FundState, LayerState, Usage
from seawall.rules.drawdown import fall_left_units
from seawall.rules.limits import Bound, Quota, Room, used_units, window_left_units


def drawn_layers(state: FundState) -> list[LayerState]:
    """The layers that pay deficits, in the design's order: no revenue pool, no bucket that migrated."""
    return [
        layer for name, layer in state.layers.items() if layer.spec.kind != "revenue_pool" and name not in state.retired
    ]


def rooms(state: FundState, t_ms: int) -> list[Room]:
    """What each of them can pay at a time."""
    return [_room(state, layer, t_ms) for layer in drawn_layers(state)]


def cover_left(state: FundState) -> dict[str, int]:
    """By market with a limit on its cover: what layers other than its bucket may still pay for it."""
    return {
        market.id: max(0, market.cover_limit - state.covered.get(market.id, 0))
        for market in state.design.markets
        if market.cover_limit is not None
    }


def event_limit_units(state: FundState, layer: LayerState) -> int | None:
    """The most that one deficit may draw of a layer now; None: no such limit. Parts are rounded down."""
    spec = layer.spec
    limits = [] if spec.event_limit is None else [int(spec.event_limit)]
    if spec.event_limit_ppm is not None:
        limits.append(ppm_down(_balance(layer), spec.event_limit_ppm))
    if spec.event_multiple_ppm is not None:
        limits.append(ppm_down(_multiple_of(state, layer), spec.event_multiple_ppm))
    return min(limits, default=None)


def window_limit_units(state: FundState, layer: LayerState) -> int | None:
    """The most that may be drawn of a layer within any of its windows; None: no such limit. Parts are rounded down."""
    spec = layer.spec
    limits = [] if spec.window_limit is None else [int(spec.window_limit)]
    if spec.window_multiple_ppm is not None:
        limits.append(ppm_down(_multiple_of(state, layer), spec.window_multiple_ppm))
    return min(limits, default=None) if spec.window_ms is not None else None


def _multiple_of(state: FundState, layer: LayerState) -> int:
    """The opening balance that an assessment is a multiple of."""
    return 0 if layer.spec.multiple_of is None else state.layers[layer.spec.multiple_of].spec.balance


def _balance(layer: LayerState) -> int:
    return layer.balance if layer.funded else layer.commitment


def _room(state: FundState, layer: LayerState, t_ms: int) -> Room:
    spec = layer.spec
    window, window_left = window_limit_units(state, layer), None
    if window is not None and spec.window_ms is not None:
        window_left = window_left_units(window, spec.window_ms, layer.recent, t_ms)
    insured = layer.insures
    return Room(
        id=spec.id,
        market=insured[0] if insured else None,
        balance_units=_balance(layer),
        minimum_left_units=spec.minimum_left,
        event_limit_units=event_limit_units(state, layer),
        window_left_units=window_left,
        markets=insured[1:],
        spill_over=spec.spill_over,
        rank=spec.rank,
        draw_mode=spec.draw_mode,
        caps=tuple(layer_caps(layer, t_ms)),
        offset_units=layer.offset_left,
        accounts=_quota(spec.account_limit, layer.accounts, t_ms),
        owners=_quota(spec.owner_limit, layer.owners, t_ms),
        per_market=tuple(_per_market(layer, t_ms)),
    )


def layer_caps(layer: LayerState, t_ms: int) -> Iterator[tuple[Bound, int]]:
    """Limits of all that a layer pays at this time."""
    spec = layer.spec
    if spec.block_limit is not None:
        yield "block_limit", spec.block_limit - _at(layer.drawn_at, t_ms)
    if spec.lifetime_limit is not None:
        yield "lifetime_limit", spec.lifetime_limit - layer.drawn
    if spec.drawdown_ppm is not None and spec.drawdown_of == "balance":
        peak = pool_peak_units(layer, layer.balance, t_ms)
        if peak > spec.drawdown_floor:
            left = fall_left_units(layer.balance, peak, peak, spec.drawdown_ppm)
            yield "drawdown", 0 if shut_after(layer, layer.balance, t_ms) else left
    held = layer.inventory
    if held.maintenance or held.open_loss:
        yield "notional", _balance(layer) - held.maintenance - held.open_loss
    if spec.own_credits == "later":
        yield "own_credits", layer.balance - _at(layer.credited_at, t_ms)


def _at(last: tuple[int, int], t_ms: int) -> int:
    """What happened at this very time."""
    return last[1] if last[0] == t_ms else 0


def _per_market(layer: LayerState, t_ms: int) -> Iterator[tuple[Bound, Quota]]:
    """Limits that each market has for itself."""
    spec = layer.spec
    limit = _quota(spec.market_limit, layer.markets, t_ms)
    if limit is not None:
        yield "market_limit", limit
    if spec.drawdown_ppm is None or spec.drawdown_of != "market":
        return
    pool = pool_peak_units(layer, layer.balance, t_ms)
    if pool <= spec.drawdown_floor:
        return
    may_fall = ppm_down(pool, spec.drawdown_ppm)
    used = {}
    for market, result in layer.results.items():
        shut = market_shut_after(layer, market, 0, layer.balance, t_ms)
        used[market] = may_fall if shut else market_peak_units(layer, market, result, t_ms) - result
    yield "drawdown", Quota(may_fall, used)


def _quota(limit: int | None, usage: Usage | None, t_ms: int) -> Quota | None:
    if limit is None or usage is None:
        return None
    if usage.length_ms is None:
        return Quota(limit, usage.ever)
    return Quota(limit, used_units(usage.recent, usage.length_ms, t_ms))
