"""Checks of markets: margins, surcharges, collateral, prices, and the world of a stress run.

Layer    design; imports amounts, design.types, design.words, design.explain (the surcharge of a market). Used by
         design.checks only.
Not here margins that cannot be used at all (design.coherence_markets).
Held to  this by tests/design/test_checks.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from seawall.amounts import PPM, format_decimal, ppm_down, ppm_up
from seawall.design.explain import surcharge_ppm
from seawall.design.types import Asset, Design, Market
from seawall.design.words import Warning, amount, duration, percent


def warn_markets(design: Design) -> Iterator[Warning]:
    """Margins that jump or leave nothing, exposures that nobody covers, prices of one source."""
    for position, market in enumerate(design.markets):
        path = f"markets[{position}]"
        if market.kind == "collateral":
            yield from _warn_collateral(market, path)
            continue
        yield from _warn_surcharge(design, market, path)
        yield from _warn_jumps(design.asset, market, path)
        for number, tier in enumerate(market.tiers):
            if tier.initial_margin_ppm == tier.maintenance_margin_ppm and not tier.maintenance_deducted:
                text = (
                    f"{percent(tier.initial_margin_ppm)} both to open and to keep: a position opened in full is "
                    "liquidated at the first move against it"
                )
                yield Warning("margin-equal", f"{path}.tiers[{number}].initial_margin_ppm", text, "SPEC 2")
        yield from _warn_wrong_way(design, market, path)
        yield from _warn_uncovered(design, market, path)
    yield from _warn_mark(design)


def _warn_surcharge(design: Design, market: Market, path: str) -> Iterator[Warning]:
    surcharge, maintenance = surcharge_ppm(design, market), market.tiers[0].maintenance_margin_ppm
    if surcharge > maintenance:
        text = (
            f"{percent(surcharge)} is above the maintenance margin of {market.id}'s lowest tier, "
            f"{percent(maintenance)}: a liquidation at the mark takes all that the trader had left"
        )
        field = "liquidation.surcharge_ppm" if market.surcharge_ppm is None else f"{path}.surcharge_ppm"
        yield Warning("surcharge-above-margin", field, text, "SPEC 4.6")


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
            yield Warning("margin-jump", f"{path}.tiers[{number}].maintenance_deducted", text, "SPEC 2")


def _warn_collateral(market: Market, path: str) -> Iterator[Warning]:
    if not market.haircut_ppm:
        text = f"0 % is taken off {market.id}: an account that it margins is in debt as soon as its price falls"
        yield Warning("collateral-in-full", f"{path}.haircut_ppm", text, "SPEC 2")


def _warn_wrong_way(design: Design, market: Market, path: str) -> Iterator[Warning]:
    if market.kind == "inverse_perp":
        held = amount(design.asset, sum(layer.balance for layer in design.layers))
        text = (
            f"{market.id} is settled in {design.asset.id}, which the fund's {held} are too: at half the price a "
            "contract costs twice as much of it, while what the fund holds is worth half (wrong-way risk)"
        )
        yield Warning("wrong-way-fund", f"{path}.kind", text, "SPEC 6")


def _warn_uncovered(design: Design, market: Market, path: str) -> Iterator[Warning]:
    insured = any(market.id in (layer.market, *layer.markets) for layer in design.layers)
    if market.cover_limit == 0 and not insured:
        text = f"0 {design.asset.id} is the most that layers pay for {market.id}, and it has no bucket: none ever pays"
        yield Warning("market-uncovered", f"{path}.cover_limit", text, "SPEC 6")
    rule = design.exhaustion
    if market.adl_exempt and rule.policy == "adl" and rule.fallback == "carry":
        text = (
            f"{market.id} is never deleveraged and the fallback is carry: 100 % of what layers leave there is carried"
        )
        yield Warning("exempt-and-carried", f"{path}.adl_exempt", text, "SPEC 7")


def _warn_mark(design: Design) -> Iterator[Warning]:
    rule = design.mark
    if len(rule.sources) == 1:
        text = (
            f"1 source, {rule.sources[0]}: whoever moves that book can make any account bankrupt; state three or more"
        )
        yield Warning("one-source", "mark.sources", text, "SPEC 2")
    if rule.stale_max_ms is not None and rule.stale_max_ms < rule.max_age_ms:
        text = (
            f"a market settles after {duration(rule.stale_max_ms)} without a price, although one that is "
            f"{duration(rule.max_age_ms)} old is still good to decide on"
        )
        yield Warning("settled-before-stale", "mark.stale_max_ms", text, "SPEC 2")


def warn_stress(design: Design) -> Iterator[Warning]:
    """Markets without an order book, books below zero, prices that the venue's own sales move."""
    rule = design.stress
    ladders = {depth.market for depth in rule.depth}
    sold = [market for market in design.markets if design.pool is None or market.kind == "collateral"]
    missing = [market.id for market in sold if market.id not in ladders]
    if missing:
        text = f"no order book for {', '.join(missing)}: a stress run refuses a design without one for each market"
        yield Warning("no-order-book", "stress.depth", text, "SPEC 4.4")
    for position, depth in enumerate(rule.depth):
        deepest = depth.bids[-1][0]
        if depth.distance == "ppm" and deepest >= PPM:
            text = f"a bid {percent(deepest)} below {depth.market}'s first price is at zero or less: nothing sells"
            yield Warning("bid-below-zero", f"stress.depth[{position}].bids", text, "SPEC 4.4")
    if rule.pass_through_ppm:
        text = (
            f"{percent(rule.pass_through_ppm)} of the venue's own price impact moves the next mark: its own "
            "liquidations can make further accounts liquidatable"
        )
        yield Warning("pass-through", "stress.pass_through_ppm", text, "SPEC 4.2")
