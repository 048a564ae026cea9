"""Standing: what a layer's balance means beside its target and its peaks, now and after an event.

Layer    fund; imports rules, design, amounts, fund.{events,state}. Only reads the state.
Not here what a layer may pay (fund.available) and the change itself (fund.apply).
Held to  this by tests/fund/test_limits.py. A status is a fact of the event that brought it about: replay asks no rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec

from seawall.amounts import ppm_up
from seawall.design.types import Design, Layer
from seawall.fund.events import (
    Corrected,
    Event,
    InflowRouted,
    InventoryLost,
    LayerMigrated,
    MarketClosed,
    Measured,
    Opened,
    PoolReleased,
    RecoveryPlaced,
    ShortfallsDrawn,
    Status,
    tranches_in,
)
from seawall.fund.state import FundState, LayerState
from seawall.rules.drawdown import is_shut, peak_units

E_ = TypeVar("E_", bound=Event)


def target_units(spec: Layer, measures: Mapping[str, int]) -> int | None:
    """Up to where income fills a layer; None: without end.

    measures  by name, as last posted
    Rounding  a part of a measure is rounded up; of a fixed target and one that follows a measure the higher counts
    Rule      while the measure is unknown there is no end: money that stays in the fund can be paid out later, money
              that was paid out as excess cannot be got back. Of a bucket `open_interest` means that of its markets
              where each has a figure `open_interest.MARKET`.
    """
    if spec.target_of is None:
        return spec.target
    measure = _measure(spec, measures)
    if measure is None:
        return None
    return max(spec.target or 0, ppm_up(measure, spec.target_ppm))


def _measure(spec: Layer, measures: Mapping[str, int]) -> int | None:
    name = spec.target_of or ""
    markets = (*((spec.market,) if spec.market is not None else ()), *spec.markets)
    own = [measures.get(f"{name}.{market}") for market in markets]
    known = [figure for figure in own if figure is not None]
    if name == "open_interest" and own and len(known) == len(own):
        return sum(known)
    return measures.get(name)


def overdue(state: FundState, t_ms: int) -> tuple[str, ...]:
    """Layers that have been below their target for longer than the design allows, in its order."""
    return tuple(
        name
        for name, layer in state.layers.items()
        if layer.below_since_ms is not None
        and layer.spec.refill_ms is not None
        and t_ms - layer.below_since_ms > layer.spec.refill_ms
    )


def opening_status(design: Design) -> tuple[Status, ...]:
    """Layers that begin below their target."""
    return tuple(
        Status(spec.id, "below_target", True)
        for spec in design.layers
        if spec.refill_ms is not None and spec.balance < (target_units(spec, {}) or 0)
    )


def with_status(state: FundState, event: E_, t_ms: int) -> E_:
    """The event with what it changes of layers' standing."""
    watched = any(_watched(layer.spec) for layer in state.layers.values())
    if not watched or isinstance(event, Opened) or not hasattr(event, "status"):
        return event
    changes = tuple(_changes(_with_earned(state, event), event, t_ms))
    return msgspec.structs.replace(event, status=changes) if changes else event


def _with_earned(state: FundState, event: Event) -> FundState:
    """The state once tranches with stakers have earned what they do before an event."""
    earned = {row.layer: row.earned for row in tranches_in(event) if row.earned}
    if not earned:
        return state
    after = {name: replace(layer, balance=layer.balance + earned.get(name, 0)) for name, layer in state.layers.items()}
    return replace(state, layers=after)


def _watched(spec: Layer) -> bool:
    return spec.refill_ms is not None or (spec.drawdown_ppm is not None and spec.drawdown_reset_ppm is not None)


def _changes(state: FundState, event: Event, t_ms: int) -> Iterator[Status]:
    balances, results = dict(_balances(event)), _results(event)
    measures = state.measures
    if isinstance(event, Measured):
        measures = {**measures, event.measure.name: event.measure.amount}
    for name, layer in state.layers.items():
        after = balances.get(name, layer.balance)
        spec = layer.spec
        if spec.refill_ms is not None:
            below = after < (target_units(spec, measures) or 0)
            if below != (layer.below_since_ms is not None):
                yield Status(name, "below_target", below)
        if spec.drawdown_ppm is None or spec.drawdown_reset_ppm is None:
            continue
        if spec.drawdown_of == "balance":
            shut = shut_after(layer, after, t_ms)
            if shut != ("" in layer.shut):
                yield Status(name, "shut", shut)
            continue
        for market in sorted({*layer.results, *(of for to, of in results if to == name), *layer.shut}):
            shut = market_shut_after(layer, market, results.get((name, market), 0), after, t_ms)
            if shut != (market in layer.shut):
                yield Status(name, "shut", shut, market)


def pool_peak_units(layer: LayerState, balance: int, t_ms: int) -> int:
    """The highest balance within the drawdown's window, one of `balance` now."""
    return peak_units(balance, _with(layer.left_ms, t_ms, layer.balance), layer.spec.drawdown_window_ms, t_ms)


def market_peak_units(layer: LayerState, market: str, result: int, t_ms: int) -> int:
    """The highest result of a market within the drawdown's window, one of `result` now."""
    before = layer.results_left_ms.get(market, ())
    now = layer.results.get(market, 0)
    return peak_units(result, _with(before, t_ms, now), layer.spec.drawdown_window_ms, t_ms)


def _with(history: Iterable[tuple[int, int]], t_ms: int, now: int) -> Iterator[tuple[int, int]]:
    yield from history
    yield t_ms, now


def shut_after(layer: LayerState, balance: int, t_ms: int) -> bool:
    """Whether its drawdown keeps a layer from being drawn, were this its balance."""
    was = "" in layer.shut and _still(layer, layer.balance, pool_peak_units(layer, layer.balance, t_ms))
    return _shut(layer, was, balance, pool_peak_units(layer, balance, t_ms))


def _still(layer: LayerState, balance: int, peak: int) -> bool:
    """Whether it is shut still: time alone may have let the peak go."""
    return _shut(layer, True, balance, peak)


def _shut(layer: LayerState, was: bool, balance: int, peak: int) -> bool:
    spec = layer.spec
    if peak <= spec.drawdown_floor or spec.drawdown_ppm is None or spec.drawdown_reset_ppm is None:
        return False
    return is_shut(was, balance, peak, peak, spec.drawdown_ppm, spec.drawdown_reset_ppm)


def market_shut_after(layer: LayerState, market: str, change: int, balance: int, t_ms: int) -> bool:
    """Whether its drawdown keeps a layer from being drawn for a market, after a change of the market's result."""
    now = layer.results.get(market, 0)
    was = market in layer.shut and _market_shut(layer, True, market, now, layer.balance, t_ms)
    return _market_shut(layer, was, market, now + change, balance, t_ms)


def _market_shut(layer: LayerState, was: bool, market: str, result: int, balance: int, t_ms: int) -> bool:
    spec, pool = layer.spec, pool_peak_units(layer, balance, t_ms)
    if pool <= spec.drawdown_floor or spec.drawdown_ppm is None or spec.drawdown_reset_ppm is None:
        return False
    peak = market_peak_units(layer, market, result, t_ms)
    return is_shut(was, result, peak, pool, spec.drawdown_ppm, spec.drawdown_reset_ppm)


def _balances(event: Event) -> Iterator[tuple[str, int]]:
    """(layer, balance after) of every layer whose money an event moves; the last one of a layer counts."""
    yield from ((row.layer, row.assets) for row in tranches_in(event))
    match event:
        case RecoveryPlaced():
            yield from ((row.layer, row.balance_after) for row in event.credits)
        case InflowRouted():
            yield from ((row.layer, row.balance_after) for row in event.credits)
        case ShortfallsDrawn():
            yield from ((row.layer, row.balance_after) for row in event.draws if not row.called)
        case MarketClosed():
            if event.layer is not None:
                yield event.layer, 0
            yield from ((row.layer, row.balance_after) for row in event.credits)
        case LayerMigrated():
            yield event.migrate.from_layer, 0
            yield event.migrate.to_layer, event.balance_after
        case PoolReleased():
            yield event.layer, event.balance_after
            yield from ((row.layer, row.balance_after) for row in event.credits)
        case Corrected():
            yield from ((row.layer, row.balance_after) for row in event.layers)
        case InventoryLost() if not event.called:
            yield event.inventory_loss.layer, event.balance_after


def _results(event: Event) -> dict[tuple[str, str], int]:
    """(layer, market) -> what an event brings in or takes out for it."""
    changes: dict[tuple[str, str], int] = {}

    def add(layer: str, market: str, amount: int) -> None:
        changes[layer, market] = changes.get((layer, market), 0) + amount

    match event:
        case InflowRouted() if event.inflow.market is not None:
            for credit in event.credits:
                add(credit.layer, event.inflow.market, credit.amount)
        case ShortfallsDrawn():
            for draw in event.draws:
                for part in draw.markets:
                    add(draw.layer, part.market, -part.amount)
        case InventoryLost():
            add(event.inventory_loss.layer, event.inventory_loss.market, -event.inventory_loss.amount)
    return changes
