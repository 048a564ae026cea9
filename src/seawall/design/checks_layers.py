"""Checks of layers: those that can never pay, never bind, never be reached, and capital that is not there when needed.

Layer    design; imports amounts, design.types, design.words, design.explain (the surcharge of a market). Used by
         design.checks and design.checks_rules.
Not here keys of a layer that contradict each other (design.coherence_layers).
Held to  this by tests/design/test_checks.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from seawall.amounts import PPM, ppm_down, ppm_up
from seawall.design.explain import surcharge_ppm
from seawall.design.types import UNFUNDED, Asset, Design, Layer, Market
from seawall.design.words import Warning, amount, duration, percent, times

_LIMITS = (
    "event_limit",
    "block_limit",
    "account_limit",
    "owner_limit",
    "market_limit",
    "window_limit",
    "lifetime_limit",
)


def has_income(design: Design, layer: Layer | None) -> bool:
    """Whether money is ever routed to a bucket, from its markets' liquidations, or to the fund as a whole (None)."""
    markets = None if layer is None or layer.kind != "market_bucket" else (layer.market, *layer.markets)
    rates = [surcharge_ppm(design, each) for each in design.markets if markets is None or each.id in markets]
    money = design.accumulation
    surcharged = money.surcharge_split_ppm.fund and (any(rates) or design.liquidation.surcharge_growth_ppm)
    commissions = money.commission_share_ppm and money.revenue_pool is None
    return bool(surcharged or money.residual_split_ppm.fund or commissions)


def _is_filled(design: Design, layer: Layer) -> bool:
    """Whether anything ever adds to the layer's balance."""
    money = design.accumulation
    pool = money.revenue_pool
    if pool is not None and layer.id in (pool.layer, pool.to):
        return bool(money.commission_share_ppm)
    if layer.kind == "vault":
        return bool(money.surcharge_split_ppm.vault or money.residual_split_ppm.vault)
    return layer.kind in ("market_bucket", "shared_fund") and layer.target != 0 and has_income(design, layer)


def _means(layer: Layer) -> int:
    """What the layer can pay at the start: its balance, or its commitment where it holds no money."""
    return layer.commitment or 0 if layer.kind in UNFUNDED else layer.balance


def warn_layers(design: Design) -> Iterator[Warning]:
    """Every layer, and the order in which they stand."""
    if not any(layer.kind == "shared_fund" for layer in design.layers):
        text = "there is no shared fund: income beyond the buckets is all excess, none of it is kept for deficits"
        yield Warning("no-shared-fund", "layers", text, "SPEC 5")
    for position, layer in enumerate(design.layers):
        path = f"layers[{position}]"
        yield from _warn_filling(design, layer, path)
        yield from _warn_limits(design, layer, path)
        yield from _warn_drawdown(design, layer, path)
        yield from _warn_draw_mode(design, layer, path)
        yield from _warn_rank(design, layer, path)
        yield from _warn_unfunded(design, layer, path)
        yield from _warn_stake(design, layer, path)
        yield from _warn_holdings(design, layer, path)
    yield from _warn_order(design)


# -- filling ---------------------------------------------------------------------------------------------------------


def _warn_filling(design: Design, layer: Layer, path: str) -> Iterator[Warning]:
    asset, fillable = design.asset, layer.kind in ("market_bucket", "shared_fund")
    if layer.kind == "market_bucket" and layer.target is None and layer.target_of is None:
        markets = ", ".join(filter(None, (layer.market, *layer.markets)))
        text = f"{layer.id} has no target: it takes all income of {markets} for ever, the shared fund 0 %"
        yield Warning("bucket-without-target", f"{path}.target", text, "SPEC 5")
    wanted = layer.target is not None or layer.target_of is not None
    if not fillable and wanted and layer.refill_ms is None:
        target = f"{percent(layer.target_ppm)} of {layer.target_of}"
        if layer.target is not None:
            target = amount(asset, layer.target)
        text = f"no income is routed to {layer.id} ({layer.kind}): its target of {target} has no effect"
        yield Warning("target-without-effect", f"{path}.target", text, "SPEC 5")
    if _means(layer) or (layer.draw_mode != "block" and _is_filled(design, layer)):
        return
    key = "commitment" if layer.kind in UNFUNDED else "balance"
    if layer.draw_mode == "block":
        text = f"{layer.id} holds 0 {asset.id} and blocks: every liquidation that ends in a deficit waits for ever"
        if _is_filled(design, layer):
            text = text.removesuffix(" for ever") + " until income has filled it"
        yield Warning("blocked-while-empty", f"{path}.{key}", text, "SPEC 6")
    else:
        text = f"{layer.id} starts with 0 {asset.id} and nothing ever fills it: it can never pay"
        yield Warning("layer-empty", f"{path}.{key}", text, "SPEC 6")


# -- limits ----------------------------------------------------------------------------------------------------------


def _most_ever(design: Design, layer: Layer) -> int | None:
    """The most that the layer can ever hold; None where that is unknown or without end."""
    if layer.kind in UNFUNDED or not _is_filled(design, layer):
        return _means(layer)
    return None if layer.target is None else max(layer.balance, layer.target)


def _warn_limits(design: Design, layer: Layer, path: str) -> Iterator[Warning]:
    asset, most = design.asset, _most_ever(design, layer)
    for key in _LIMITS:
        limit = getattr(layer, key)
        if limit == 0:
            text = f"it is 0 {asset.id}: {layer.id} can never pay"
            yield Warning("limit-of-nothing", f"{path}.{key}", text, "SPEC 6")
        elif limit is not None and most is not None and most and limit > most:
            text = (
                f"{amount(asset, limit)} is above the {amount(asset, most)} that {layer.id} ever has: it can never bind"
            )
            yield Warning("limit-above-balance", f"{path}.{key}", text, "SPEC 6")
    if layer.event_limit_ppm == 0:
        text = f"0 % of its balance: {layer.id} can never pay"
        yield Warning("limit-of-nothing", f"{path}.event_limit_ppm", text, "SPEC 6")
    event, window, left = layer.event_limit, layer.window_limit, layer.minimum_left
    if event and window and window < event:
        text = f"{amount(asset, window)} is below the event_limit, so that {amount(asset, event)} can never bind"
        yield Warning("limits-crossed", f"{path}.window_limit", text, "SPEC 6")
    if left and left >= layer.balance:
        text = (
            f"{amount(asset, left)} is never drawn and {layer.id} starts with {amount(asset, layer.balance)}: "
            "it pays nothing until income has filled it further"
        )
        yield Warning("minimum-above-balance", f"{path}.minimum_left", text, "SPEC 6")


def _warn_drawdown(design: Design, layer: Layer, path: str) -> Iterator[Warning]:
    asset, falls = design.asset, layer.drawdown_ppm
    if falls is None:
        return
    if falls == PPM:
        text = f"{layer.id} may fall 100 % below its peak: the drawdown can never bind"
        yield Warning("drawdown-never-binds", f"{path}.drawdown_ppm", text, "SPEC 6")
    most, floor = _most_ever(design, layer), layer.drawdown_floor
    if most is not None and floor >= most and floor:
        text = (
            f"peaks up to {amount(asset, floor)} do not count, and {layer.id} never has more than {amount(asset, most)}"
        )
        yield Warning("drawdown-never-binds", f"{path}.drawdown_floor", text, "SPEC 6")
    window, reset = duration(layer.drawdown_window_ms or 0), falls
    if layer.drawdown_reset_ppm is not None:
        reset = layer.drawdown_reset_ppm
    needed = layer.balance - ppm_down(layer.balance, reset)
    if not _is_filled(design, layer):
        text = (
            f"once {layer.id} has fallen {percent(falls)}, nothing fills it back to within {percent(reset)}: it pays "
            f"nothing more until its peak is {window} old"
        )
        yield Warning("drawdown-never-resets", f"{path}.drawdown_ppm", text, "SPEC 6")
    elif layer.target is not None and layer.target < needed:
        text = (
            f"income fills {layer.id} up to {amount(asset, layer.target)}, and back within {percent(reset)} of its "
            f"peak is {amount(asset, needed)}: once shut it pays nothing until its peak is {window} old"
        )
        yield Warning("drawdown-never-resets", f"{path}.target", text, "SPEC 6")


# -- how it is drawn -------------------------------------------------------------------------------------------------


def _warn_draw_mode(design: Design, layer: Layer, path: str) -> Iterator[Warning]:
    if layer.draw_mode != "all_or_nothing" or not _means(layer):
        return
    losses = [_position_loss(market) for market in design.markets if market.tiers]
    insured = (layer.market, *layer.markets)
    if layer.kind == "market_bucket":
        losses = [_position_loss(market) for market in design.markets if market.id in insured]
    loss, notional, name = max(losses, default=(0, 0, ""))
    if loss > _means(layer):
        asset = design.asset
        text = (
            f"it pays a deficit whole or not at all and holds {amount(asset, _means(layer))}: a {name} position of "
            f"{amount(asset, notional)} that falls through its bankruptcy price by its maintenance margin owes "
            f"{amount(asset, loss)}"
        )
        yield Warning("whole-or-nothing-small", f"{path}.draw_mode", text, "SPEC 6")


def _position_loss(market: Market) -> tuple[int, int, str]:
    """The deficit of the largest position below the last tier when the price gaps by its maintenance margin."""
    found = (0, 0, market.id)
    for tier in market.tiers:
        if tier.up_to_notional is not None:
            loss = ppm_up(tier.up_to_notional, tier.maintenance_margin_ppm) - tier.maintenance_deducted
            found = max(found, (loss, tier.up_to_notional, market.id))
    return found


def _warn_rank(design: Design, layer: Layer, path: str) -> Iterator[Warning]:
    if layer.rank is not None and sum(each.rank == layer.rank for each in design.layers) == 1:
        text = f"1 layer has rank {layer.rank}: {layer.id} is drawn alone, as without it"
        yield Warning("rank-alone", f"{path}.rank", text, "SPEC 6")


def _warn_unfunded(design: Design, layer: Layer, path: str) -> Iterator[Warning]:
    asset, called = design.asset, layer.commitment or 0
    if layer.kind == "token_sale":
        text = (
            f"up to {amount(asset, called)} is to come from selling the venue's own token on the day that the venue "
            "fails: in coverage it counts 0"
        )
        yield Warning("own-token-cover", f"{path}.kind", text, "SPEC 2")
    base = next((each for each in design.layers if each.id == layer.multiple_of), None)
    if base is None:
        return
    for key in ("event_multiple_ppm", "window_multiple_ppm"):
        multiple = getattr(layer, key)
        callable_units = ppm_down(base.balance, multiple or 0)
        if multiple is not None and callable_units * 10 < called:
            text = (
                f"{times(multiple)} {base.id}'s {amount(asset, base.balance)} is {amount(asset, callable_units)}: "
                f"less than a tenth of the commitment of {amount(asset, called)} can be called"
            )
            yield Warning("assessment-of-little", f"{path}.{key}", text, "SPEC 6")


def _warn_order(design: Design) -> Iterator[Warning]:
    """Layers behind one that lets nothing through."""
    paying = [(n, layer) for n, layer in enumerate(design.layers) if layer.kind != "revenue_pool"]
    if paying and all(layer.kind in UNFUNDED for _, layer in paying):
        called = amount(design.asset, sum(layer.commitment or 0 for _, layer in paying))
        text = f"0 {design.asset.id} is held: all cover, {called}, is somebody's promise to pay"
        yield Warning("promises-alone", "layers", text, "SPEC 6")
    block = next((n for n, layer in paying if layer.draw_mode == "block" and layer.kind != "market_bucket"), None)
    for position, layer in paying:
        if block is not None and position > block:
            text = (
                f"{layer.id} is never reached: what {design.layers[block].id}, with "
                f"{amount(design.asset, _means(design.layers[block]))}, cannot pay whole waits there"
            )
            yield Warning("never-reached", f"layers[{position}]", text, "SPEC 6")
    closed = {m for layer in design.layers if not layer.spill_over for m in (layer.market, *layer.markets)}
    traded = [market.id for market in design.markets if market.kind != "collateral"]
    buckets = [position for position, layer in paying if layer.kind == "market_bucket"]
    behind = [layer for position, layer in paying if buckets and position > buckets[-1]]
    if behind and closed.issuperset(traded):
        text = (
            f"all {len(traded)} markets have buckets without spill_over: {behind[0].id}, with "
            f"{amount(design.asset, _means(behind[0]))}, is reached only by deficits without losses in any market"
        )
        yield Warning("never-reached", f"layers[{design.layers.index(behind[0])}]", text, "SPEC 6")


# -- whose money it is -----------------------------------------------------------------------------------------------


def _loss_window(design: Design) -> tuple[int, str]:
    """The longest time over which losses are counted, and the key that counts them."""
    times_ms = [(design.exhaustion.deadline_ms, "exhaustion.deadline_ms")]
    for position, layer in enumerate(design.layers):
        for key in ("window_ms", "drawdown_window_ms"):
            times_ms.append((getattr(layer, key) or 0, f"layers[{position}].{key}"))
    return max(times_ms, key=lambda each: each[0])


def _warn_stake(design: Design, layer: Layer, path: str) -> Iterator[Warning]:
    stake = layer.stake
    if stake is None:
        return
    window_ms, key = _loss_window(design)
    if stake.cooldown_ms < window_ms:
        text = (
            f"stakers are out {duration(stake.cooldown_ms)} after asking, and losses are counted over "
            f"{duration(window_ms)} ({key}): they leave while a series of losses goes on"
        )
        yield Warning("cooldown-too-short", f"{path}.stake.cooldown_ms", text, "SPEC 9")
    if stake.window_ms is None and not stake.pays_lower:
        text = (
            f"a request to leave never lapses: {duration(stake.cooldown_ms)} after asking once, stakers can go at any "
            "moment, before a loss too; state window_ms, or pays_lower"
        )
        yield Warning("exit-always-open", f"{path}.stake.window_ms", text, "SPEC 9")


def _warn_holdings(design: Design, layer: Layer, path: str) -> Iterator[Warning]:
    asset: Asset = design.asset
    insured = {each.underlying or each.id: each.id for each in design.markets} | {
        each.id: each.id for each in design.markets
    }
    for number, holding in enumerate(layer.holdings):
        here, part = f"{path}.holdings[{number}]", amount(asset, ppm_down(layer.balance, holding.part_ppm))
        if holding.own_token:
            text = (
                f"{percent(holding.part_ppm)} of {layer.id}, {part}, is the venue's own token: it falls with the venue "
                "and counts 0 in coverage"
            )
            yield Warning("own-token", f"{here}.own_token", text, "SPEC 2")
        if holding.asset in insured:
            text = (
                f"{percent(holding.part_ppm)} of {layer.id}, {part}, is held in {holding.asset}, and "
                f"insures {insured[holding.asset]}: it falls with the losses (wrong-way risk)"
            )
            yield Warning("wrong-way-holding", f"{here}.asset", text, "SPEC 6")
        if holding.days_to_cash * 86_400_000 > design.exhaustion.deadline_ms:
            days = f"{holding.days_to_cash:,} day{'' if holding.days_to_cash == 1 else 's'}"
            text = (
                f"{percent(holding.part_ppm)} of {layer.id}, {part}, takes {days} to become cash, and severity is "
                f"carried after {duration(design.exhaustion.deadline_ms)}"
            )
            yield Warning("slow-to-cash", f"{here}.days_to_cash", text, "SPEC 6")
