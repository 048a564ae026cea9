"""Checks: a design in plain words, and what in it is allowed but unwise.

Layer    design; imports amounts and design.types. Used by `seawall check` and by reports.
Not here what makes a file unusable (design.coherence): a design that gets here has loaded.
Held to  this by tests/design/test_checks.py: each warning has a design that earns it, and the presets earn none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import asdict

from seawall.amounts import PPM, format_decimal, ppm_down, ppm_up
from seawall.design.types import Asset, Design, Exhaustion, Layer, Liquidation, Market, Tier


@dataclass(frozen=True, slots=True)
class Warning:
    """Something allowed but unsafe.

    field  the key that makes it so, e.g. `layers[2].window_limit`
    text   what happens, with the figure that makes it unsafe
    rule   the rule that it plays against
    """

    field: str
    text: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text} ({self.rule})"


# -- words for figures -----------------------------------------------------------------------------------------


def percent(ppm: int) -> str:
    """Parts per million as an exact percentage: 12500 is "1.25 %"."""
    return f"{format_decimal(ppm, 4)} %"


def duration(ms: int) -> str:
    """Milliseconds in the largest unit that they are whole in: 86400000 is "24 hours"."""
    for unit_ms, name in ((3_600_000, "hour"), (60_000, "minute"), (1_000, "second")):
        if ms >= unit_ms and ms % unit_ms == 0:
            count = ms // unit_ms
            return f"{count} {name}" if count == 1 else f"{count:,} {name}s"
    return f"{ms:,} ms"


def amount(asset: Asset, units: int) -> str:
    """Base units in asset units with the asset's name: "250,000 USDC"."""
    return f"{format_decimal(units, asset.decimals, group=True)} {asset.id}"


def _shares(split: Struct) -> str:
    """A split in words: "80 % to the fund, 20 % to the treasury"."""
    names = {"trader": "the trader", "fund": "the fund", "treasury": "the treasury", "stakers": "stakers"}
    names |= {"fee_rebate": "a rebate of fees", "hedges": "hedges"}
    parts = [(names[key], part) for key, part in asdict(split).items() if part]
    if len(parts) == 1:
        return f"to {parts[0][0]}"
    return ", ".join(f"{percent(part)} to {name}" for name, part in parts)


# -- the design in plain words -----------------------------------------------------------------------------------


def explain(design: Design) -> list[str]:
    """The design in plain words, a line each; lines that go into detail are indented, two spaces a step."""
    return [
        f"{design.name}: {design.description}" if design.description else design.name,
        f"Margin, profit and the fund are held in {design.asset.id}, counted in units of 10^-{design.asset.decimals}.",
        *_explain_markets(design),
        *_explain_liquidation(design),
        *_explain_income(design),
        *_explain_waterfall(design),
        *_explain_exhaustion(design.exhaustion),
        *_explain_stress(design),
    ]


def _explain_markets(design: Design) -> Iterator[str]:
    yield f"Markets ({len(design.markets)}):"
    for market in design.markets:
        name = f"{market.id}, linear perpetual on {market.underlying or market.id}"
        yield f"  {name}: price steps of {market.tick_size} {design.asset.id}, lots of {market.lot_size}."
        lower = 0
        for tier in market.tiers:
            yield f"    {_explain_tier(design.asset, tier, lower)}"
            lower = tier.up_to_notional or 0
    bounds = [m.id for m in design.markets if m.feed_floor is not None or m.feed_ceiling is not None]
    inside = f" and strictly inside the feed's bounds ({', '.join(bounds)})" if bounds else ""
    age = duration(design.mark.max_age_ms)
    yield f"A price is used when it is at most {age} old{inside}; else no decision is made on it."


def _explain_tier(asset: Asset, tier: Tier, lower: int) -> str:
    if tier.up_to_notional is not None:
        sizes = f"up to {amount(asset, tier.up_to_notional)}"
    else:
        sizes = f"above {amount(asset, lower)}" if lower else "any size"
    less = f" less {amount(asset, tier.maintenance_deducted)}" if tier.maintenance_deducted else ""
    leverage = format_decimal(PPM * 10 // tier.initial_margin_ppm, 1)
    initial, maintenance = percent(tier.initial_margin_ppm), percent(tier.maintenance_margin_ppm)
    return f"{sizes}: {initial} of notional to open (leverage {leverage}), {maintenance}{less} to keep."


def _explain_liquidation(design: Design) -> Iterator[str]:
    rule: Liquidation = design.liquidation
    when = "falls below" if rule.trigger == "below" else "is at or below"
    yield f"An account is liquidated, all of it, when its equity {when} its maintenance margin."
    if rule.max_accounts_per_step is not None:
        capacity = f"{rule.max_accounts_per_step:,}"
        yield f"  At most {capacity} accounts a step; the rest waits, lowest equity to maintenance first."
    own = [f"{m.id}: {percent(m.surcharge_ppm)}" for m in design.markets if m.surcharge_ppm is not None]
    exceptions = f" ({', '.join(own)})" if own else ""
    if any(_surcharge(design, market) for market in design.markets):
        yield (
            f"  It pays a surcharge of {percent(rule.surcharge_ppm)}{exceptions} of the notional closed, at most what "
            "the fill gains over the bankruptcy price and the equity left."
        )
        yield f"  The surcharge goes {_shares(design.accumulation.surcharge_split_ppm)}."
    else:
        yield "  It pays no surcharge."
    yield f"  What is left of its equity once it is flat goes {_shares(design.accumulation.residual_split_ppm)}."


def _explain_income(design: Design) -> Iterator[str]:
    share = design.accumulation.commission_share_ppm
    yield f"Of every trading fee {percent(share)} is the fund's." if share else "The fund has no part of trading fees."
    steps = ["carried debt"]
    buckets = [layer.id for layer in design.layers if layer.kind == "market_bucket"]
    if buckets:
        steps.append(f"the bucket of its market ({', '.join(buckets)})")
    steps += [layer.id for layer in design.layers if layer.kind == "shared_fund"]
    yield f"Income goes first to {', then to '.join(steps)}, each up to its target."
    yield f"  Income above every target goes {_shares(design.accumulation.excess_split_ppm)}."


def _explain_waterfall(design: Design) -> Iterator[str]:
    total = sum(layer.balance for layer in design.layers)
    yield f"A deficit is covered by these layers, in this order; they hold {amount(design.asset, total)} at the start:"
    for position, layer in enumerate(design.layers, start=1):
        yield f"  {position}. {_explain_layer(design.asset, layer)}"


_KINDS = {
    "shared_fund": "the shared fund",
    "venue_capital": "the venue's own capital",
    "guaranty_fund": "the members' guaranty fund",
    "tranche": "stakers' capital",
}


def _explain_layer(asset: Asset, layer: Layer) -> str:
    parts = [f"{amount(asset, layer.balance)} at the start"]
    if layer.kind in ("market_bucket", "shared_fund"):
        parts.append("filled without end" if layer.target is None else f"filled up to {amount(asset, layer.target)}")
    if layer.event_limit is not None:
        parts.append(f"at most {amount(asset, layer.event_limit)} a deficit")
    if layer.window_limit is not None and layer.window_ms is not None:
        parts.append(f"at most {amount(asset, layer.window_limit)} within any {duration(layer.window_ms)}")
    if layer.minimum_left:
        parts.append(f"the last {amount(asset, layer.minimum_left)} is never drawn")
    kind = f"the bucket of {layer.market}, for its part of a deficit alone" if layer.market else _KINDS[layer.kind]
    return f"{layer.id}, {kind}: {', '.join(parts)}."


_POLICIES = {
    "adl": "closing positions of the other side at the bankruptcy price (auto-deleveraging)",
    "socialised_loss": "a cut of positive profits, all by the same factor (socialised loss)",
    "carry": "nobody: it is carried as debt, shown, and repaid first from later income",
}
_RANKINGS = {
    "pro_rata_pnl": "winners share it in proportion to profit",
    "pro_rata_lots": "winners share it in proportion to position",
    "queue_pnl_leverage": "whole positions are taken in order of profit x leverage",
}


def _explain_exhaustion(rule: Exhaustion) -> Iterator[str]:
    yield f"What no layer covered is borne by {_POLICIES[rule.policy]}."
    if rule.policy == "adl":
        eligible = (
            "only those still in profit at the closing price are taken"
            if rule.adl_eligible == "profit_at_close"
            else "lots are capped so that nobody loses more than their profit and equity"
        )
        yield f"  {_RANKINGS[rule.adl_ranking].capitalize()}; {eligible}."
    if rule.policy != "carry":
        yield f"  What that cannot place is borne by {_POLICIES[rule.fallback]}."
        yield f"  What nobody has settled within {duration(rule.deadline_ms)} is carried."


def _explain_stress(design: Design) -> Iterator[str]:
    rule = design.stress
    if not rule.depth:
        return
    impact = (
        "prices come from elsewhere and do not move with the venue's own sales"
        if rule.pass_through_ppm == 0
        else f"{percent(rule.pass_through_ppm)} of the venue's own price impact moves the next mark"
    )
    yield f"In stress runs {impact}; {percent(rule.recovery_ppm)} of used depth returns at each step."


# -- what is unwise ------------------------------------------------------------------------------------------------


def warnings(design: Design) -> list[Warning]:
    """What the design allows that is unsafe or without effect; empty when there is nothing to say."""
    return [
        *_warn_markets(design),
        *_warn_layers(design),
        *_warn_exhaustion(design.exhaustion),
        *_warn_stress(design),
    ]


def _warn_markets(design: Design) -> Iterator[Warning]:
    for position, market in enumerate(design.markets):
        path = f"markets[{position}]"
        yield from _warn_surcharge(design, market, path)
        yield from _warn_jumps(design.asset, market, path)
        for number, tier in enumerate(market.tiers):
            if tier.initial_margin_ppm == tier.maintenance_margin_ppm and not tier.maintenance_deducted:
                text = (
                    f"{percent(tier.initial_margin_ppm)} both to open and to keep: a position opened in full is "
                    "liquidated at the first move against it"
                )
                yield Warning(f"{path}.tiers[{number}].initial_margin_ppm", text, "SPEC 2")


def _surcharge(design: Design, market: Market) -> int:
    return design.liquidation.surcharge_ppm if market.surcharge_ppm is None else market.surcharge_ppm


def _warn_surcharge(design: Design, market: Market, path: str) -> Iterator[Warning]:
    surcharge, maintenance = _surcharge(design, market), market.tiers[0].maintenance_margin_ppm
    if surcharge > maintenance:
        text = (
            f"{percent(surcharge)} is above the maintenance margin of {market.id}'s lowest tier, "
            f"{percent(maintenance)}: a liquidation at the mark takes all that the trader had left"
        )
        field = "liquidation.surcharge_ppm" if market.surcharge_ppm is None else f"{path}.surcharge_ppm"
        yield Warning(field, text, "SPEC 4.6")


def _warn_jumps(asset: Asset, market: Market, path: str) -> Iterator[Warning]:
    for number, (lower, upper) in enumerate(pairwise(market.tiers), start=1):
        edge = lower.up_to_notional or 0
        below = ppm_up(edge, lower.maintenance_margin_ppm) - lower.maintenance_deducted
        above = ppm_up(edge, upper.maintenance_margin_ppm) - upper.maintenance_deducted
        if above - below > 2:  # two roundings: of the margin and of what is deducted
            rise = ppm_down(edge, upper.maintenance_margin_ppm - lower.maintenance_margin_ppm)
            smooth = format_decimal(lower.maintenance_deducted + rise, asset.decimals)
            text = (
                f"at a notional of {amount(asset, edge)} the maintenance margin jumps from {amount(asset, below)} to "
                f"{amount(asset, above)}, so one lot more can make a healthy account liquidatable; "
                f'"{smooth}" makes it continuous'
            )
            yield Warning(f"{path}.tiers[{number}].maintenance_deducted", text, "SPEC 2")


def _has_income(design: Design, market: str | None) -> bool:
    """Whether anything is ever routed to the fund: from one market's liquidations, or from any (None)."""
    rates = [_surcharge(design, each) for each in design.markets if market in (None, each.id)]
    money = design.accumulation
    surcharged = money.surcharge_split_ppm.fund and any(rates)
    return bool(surcharged or money.residual_split_ppm.fund or money.commission_share_ppm)


def _warn_layers(design: Design) -> Iterator[Warning]:
    asset = design.asset
    if not any(layer.kind == "shared_fund" for layer in design.layers):
        text = "there is no shared fund: income beyond the buckets is all excess, none of it is kept for deficits"
        yield Warning("layers", text, "SPEC 5")
    for position, layer in enumerate(design.layers):
        path = f"layers[{position}]"
        fillable = layer.kind in ("market_bucket", "shared_fund")
        if layer.kind == "market_bucket" and layer.target is None:
            text = f"{layer.id} has no target: it takes all income of {layer.market} for ever, the shared fund none"
            yield Warning(f"{path}.target", text, "SPEC 5")
        if not fillable and layer.target is not None:
            target = amount(asset, layer.target)
            text = f"no income is routed to {layer.id} ({layer.kind}): its target of {target} has no effect"
            yield Warning(f"{path}.target", text, "SPEC 5")
        can_fill = fillable and layer.target != 0 and _has_income(design, layer.market)
        if layer.balance == 0 and not can_fill:
            text = f"{layer.id} starts with 0 {asset.id} and nothing ever fills it: it can never pay"
            yield Warning(f"{path}.balance", text, "SPEC 6")
        yield from _warn_limits(asset, layer, path)


def _warn_limits(asset: Asset, layer: Layer, path: str) -> Iterator[Warning]:
    event, window, left = layer.event_limit, layer.window_limit, layer.minimum_left
    for key, limit in (("event_limit", event), ("window_limit", window)):
        if limit == 0:
            yield Warning(f"{path}.{key}", f"it is 0 {asset.id}: {layer.id} can never pay", "SPEC 6")
    if event and window and window < event:
        text = f"{amount(asset, window)} is below the event_limit, so that {amount(asset, event)} can never bind"
        yield Warning(f"{path}.window_limit", text, "SPEC 6")
    if left and left >= layer.balance:
        text = (
            f"{amount(asset, left)} is never drawn and {layer.id} starts with {amount(asset, layer.balance)}: "
            "it pays nothing until income has filled it further"
        )
        yield Warning(f"{path}.minimum_left", text, "SPEC 6")


def _warn_exhaustion(rule: Exhaustion) -> Iterator[Warning]:
    if rule.policy == rule.fallback == "socialised_loss":
        text = "socialised_loss is the policy already: what it could not place is carried, not placed again"
        yield Warning("exhaustion.fallback", text, "SPEC 7")
    if rule.policy == "carry" and rule.fallback != "carry":
        text = f"policy carry bears everything, so the fallback {rule.fallback} is never used"
        yield Warning("exhaustion.fallback", text, "SPEC 7")
    if rule.policy != "adl":
        for key, default in (("adl_ranking", "pro_rata_pnl"), ("adl_eligible", "profit_at_close")):
            value = getattr(rule, key)
            if value != default:
                yield Warning(f"exhaustion.{key}", f"{value} has no effect: the policy is {rule.policy}", "SPEC 7")


def _warn_stress(design: Design) -> Iterator[Warning]:
    ladders = {depth.market for depth in design.stress.depth}
    missing = [market.id for market in design.markets if market.id not in ladders]
    if missing:
        text = f"no order book for {', '.join(missing)}: a stress run refuses a design without one for each market"
        yield Warning("stress.depth", text, "SPEC 4.4")
    for position, depth in enumerate(design.stress.depth):
        deepest = depth.bids[-1][0]
        if depth.distance == "ppm" and deepest >= PPM:
            text = f"a bid {percent(deepest)} below {depth.market}'s first price is at zero or less: nothing sells"
            yield Warning(f"stress.depth[{position}].bids", text, "SPEC 4.4")
