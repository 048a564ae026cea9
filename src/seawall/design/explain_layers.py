"""Explain, the waterfall: every layer in words, a line of its own and what goes into detail below it.

Layer    design; imports design.types and design.words. Used by design.explain only.
Not here what is unsafe in it (design.checks_layers).
Held to  this by tests/design/test_explain.py: changing any value of a design that states every key changes its words.
"""

from __future__ import annotations

from collections.abc import Iterator

from seawall.design.types import UNFUNDED, Asset, Design, Holding, Layer
from seawall.design.words import amount, duration, listed, percent, times

_KINDS = {
    "shared_fund": "the shared fund",
    "venue_capital": "the venue's own capital",
    "guaranty_fund": "the members' guaranty fund",
    "tranche": "stakers' capital",
    "vault": "liquidity providers' capital",
    "backstop": "backstop providers, who hold their money themselves",
    "credit_line": "a credit line, repaid from income",
    "reinsurance": "reinsurance",
    "assessment": "further contributions called from members",
    "token_sale": "sale of the venue's own token, at an executed price",
    "revenue_pool": "commissions that wait, no cover",
}
_MODES = {
    "all_or_nothing": "a deficit that it cannot pay whole is left to the next",
    "block": "a deficit that it cannot pay whole waits, with its liquidation",
}


def explain_waterfall(design: Design) -> Iterator[str]:
    """The layers in order, a line each, with what they hold and may pay."""
    total = sum(layer.balance for layer in design.layers if layer.kind != "revenue_pool")
    yield f"A deficit is covered by these layers, in this order; they hold {amount(design.asset, total)} at the start:"
    for position, layer in enumerate(design.layers, start=1):
        yield f"  {position}. {_layer(design.asset, layer)}"
        yield from (f"    {line}" for line in _notes(design, position - 1))


def _layer(asset: Asset, layer: Layer) -> str:
    if layer.kind in UNFUNDED:
        parts = [f"up to {amount(asset, layer.commitment or 0)} in all, nothing at the start"]
    else:
        parts = [f"{amount(asset, layer.balance)} at the start"]
    parts += [*_target(asset, layer), *_limits(asset, layer)]
    if layer.minimum_left:
        parts.append(f"the last {amount(asset, layer.minimum_left)} is never drawn")
    return f"{layer.id}, {_kind(layer)}: {', '.join(parts)}."


def _kind(layer: Layer) -> str:
    if layer.kind != "market_bucket":
        return _KINDS[layer.kind]
    markets = [*([layer.market] if layer.market else []), *layer.markets]
    return f"the bucket of {listed(markets)}, for {'its' if len(markets) == 1 else 'their'} part of a deficit alone"


def _target(asset: Asset, layer: Layer) -> Iterator[str]:
    filled = "filled up to" if layer.kind in ("market_bucket", "shared_fund") else "with a target of"
    if layer.target is not None:
        yield f"{filled} {amount(asset, layer.target)}"
    elif layer.target_of is not None:
        yield f"{filled} {percent(layer.target_ppm)} of {layer.target_of}"
    elif layer.kind in ("market_bucket", "shared_fund"):
        yield "filled without end"
    if layer.refill_ms is not None:
        yield f"overdue when below that for longer than {duration(layer.refill_ms)}"


def _limits(asset: Asset, layer: Layer) -> Iterator[str]:
    if layer.event_limit is not None:
        yield f"at most {amount(asset, layer.event_limit)} a deficit"
    if layer.event_limit_ppm is not None:
        yield f"at most {percent(layer.event_limit_ppm)} of its balance a deficit"
    if layer.block_limit is not None:
        yield f"at most {amount(asset, layer.block_limit)} at one time"
    for name in ("account", "owner", "market"):
        limit, window_ms = getattr(layer, f"{name}_limit"), getattr(layer, f"{name}_limit_ms")
        if limit is not None:
            within = (
                "in all" if window_ms is None else f"within any {duration(window_ms)}" if window_ms else "at one time"
            )
            yield f"at most {amount(asset, limit)} for one {name} {within}"
    if layer.window_limit is not None and layer.window_ms is not None:
        yield f"at most {amount(asset, layer.window_limit)} within any {duration(layer.window_ms)}"
    if layer.lifetime_limit is not None:
        yield f"at most {amount(asset, layer.lifetime_limit)} ever"


def _notes(design: Design, position: int) -> Iterator[str]:
    """What goes into detail about one layer."""
    layer, asset = design.layers[position], design.asset
    if layer.kind == "market_bucket" and not layer.spill_over:
        yield "What it leaves of its part goes to no later layer."
    if layer.rank is not None:
        beside = [each.id for each in design.layers if each.rank == layer.rank and each.id != layer.id]
        yield f"Of rank {layer.rank}: drawn together with {listed(beside) or 'nobody'}, in proportion to what each has."
    if layer.draw_mode != "partial":
        yield f"It pays whole or not at all: {_MODES[layer.draw_mode]}."
    yield from _drawdown(asset, layer)
    if layer.offset:
        yield f"The first {amount(asset, layer.offset)} of the deficits that reach it are not its to pay."
    if layer.own_credits == "later":
        yield "Money credited at the same time cannot be drawn."
    yield from _multiples(layer)
    yield from _stake(layer)
    yield from (_holding(holding) for holding in layer.holdings)


def _drawdown(asset: Asset, layer: Layer) -> Iterator[str]:
    if layer.drawdown_ppm is None:
        return
    falls, window = percent(layer.drawdown_ppm), duration(layer.drawdown_window_ms or 0)
    what = "Its balance" if layer.drawdown_of == "balance" else "The result of a market"
    over = "" if layer.drawdown_of == "balance" else ", over the pool's own peak"
    back = percent(layer.drawdown_ppm if layer.drawdown_reset_ppm is None else layer.drawdown_reset_ppm)
    small = f" Peaks at or below {amount(asset, layer.drawdown_floor)} do not count." if layer.drawdown_floor else ""
    yield f"{what} may not fall further than {falls} below its peak of the last {window}{over}."
    yield f"Once it has, nothing is drawn until it is back within {back}.{small}"


def _multiples(layer: Layer) -> Iterator[str]:
    if layer.multiple_of is None:
        return
    parts = []
    if layer.event_multiple_ppm is not None:
        parts.append(f"{times(layer.event_multiple_ppm)} that a deficit")
    if layer.window_multiple_ppm is not None:
        parts.append(f"{times(layer.window_multiple_ppm)} that within any {duration(layer.window_ms or 0)}")
    yield f"Measured by the opening balance of {layer.multiple_of}: at most {listed(parts)}."


def _stake(layer: Layer) -> Iterator[str]:
    rule = layer.stake
    if rule is None:
        return
    window = "at any time after" if rule.window_ms is None else f"within {duration(rule.window_ms)} after"
    lower = ", at the lower of its value then and now" if rule.pays_lower else ""
    wait = duration(rule.cooldown_ms) if rule.cooldown_ms else "no time"
    yield f"Stakers leave {wait} after asking, {window}{lower}."
    if rule.cancel_forfeits:
        yield "Who takes the request back leaves what its shares gained since to the others."
    if rule.frozen_by_losses:
        yield "Nobody enters or leaves while severity is pending or debt is carried."
    if rule.reward_ms:
        yield f"A reward is credited evenly over {duration(rule.reward_ms)}."


def _holding(holding: Holding) -> str:
    parts = [f"{percent(holding.part_ppm)} of it is held in {holding.asset}"]
    if holding.own_token:
        parts[0] += ", the venue's own token"
    if holding.issuer:
        parts.append(f"issued by {holding.issuer}")
    if holding.custodian:
        parts.append(f"kept by {holding.custodian}")
    parts.append(f"at most {percent(holding.cap_ppm)}")
    if holding.days_to_cash:
        parts.append(f"cash within {holding.days_to_cash:,} day{'' if holding.days_to_cash == 1 else 's'}")
    if holding.haircut_ppm:
        parts.append(f"valued less {percent(holding.haircut_ppm)}")
    return f"{', '.join(parts)}."
