"""Coherence: what the tables of a design must mean together, beyond each key being right by itself.

Layer    design; imports amounts, design.types, design.instruments, design.draft. Used by design.loader only.
Not here what is allowed but unwise (design.checks): everything noted here makes the file unusable.
Held to  this by tests/design/test_coherence.py, one broken rule a test.

Every check reads what converted and passes over what did not, so a slip in one key hides nothing in another.
"""

from __future__ import annotations

import difflib
from itertools import pairwise
from typing import Final

import msgspec

from seawall.amounts import MAX_AMOUNT, PPM, AmountError, format_decimal, ppm_up
from seawall.design.draft import MISSING, RULE_AMOUNTS, Draft
from seawall.design.instruments import instrument, lot_tick_units
from seawall.design.locator import KeyPath, path_text, quoted
from seawall.design.types import Accumulation, Asset, Market, PlainDecimal, Tier

RULE_MARGIN: Final = "SPEC 2, maintenance margin"
RULE_MARK: Final = "SPEC 2, mark price"
RULE_DEPTH: Final = "SPEC 4.4"
RULE_SPLITS: Final = "SPEC 5"
RULE_WATERFALL: Final = "SPEC 6"


def check_coherence(draft: Draft) -> None:
    """Note every incoherence of a draft among its problems."""
    _unique(draft, [(*path, "id") for path in draft.elements(("markets",))], RULE_AMOUNTS)
    _unique(draft, [(*path, "id") for path in draft.elements(("layers",))], RULE_AMOUNTS)
    for path in draft.elements(("markets",)):
        _grid(draft, path)
        _tiers(draft, (*path, "tiers"))
    _splits(draft)
    _layers(draft)
    _depth(draft)


def _unique(draft: Draft, paths: list[KeyPath], rule: str) -> None:
    """No two of these keys have the same value."""
    first: dict[str, KeyPath] = {}
    for path in paths:
        value = draft.get(path, str)
        if value is None:
            continue
        if value in first:
            wanted = f"another {path[-1]} than {path_text(first[value])} on line {draft.line(first[value])}"
            draft.add(path, wanted, quoted(value), rule)
        else:
            first[value] = path


def _known_market(draft: Draft, path: KeyPath, rule: str) -> None:
    """The market named at `path` is one of the design's. Passed over while any market's own id is unreadable."""
    named = draft.get(path, str)
    ids = [draft.get((*market, "id"), str) or "" for market in draft.elements(("markets",))]
    if named is not None and ids and "" not in ids and named not in ids:
        near = difflib.get_close_matches(named, ids, n=1)
        hint = f'did you mean "{near[0]}"?' if near else ""
        draft.add(path, f"one of the design's markets: {', '.join(ids)}", quoted(named), rule, hint)


def _grid(draft: Draft, path: KeyPath) -> None:
    """A lot times a tick is a whole number of base units; the feed's bounds are whole ticks, floor below ceiling."""
    asset = draft.get(("asset",), Asset)
    tick, lot = draft.get((*path, "tick_size"), PlainDecimal), draft.get((*path, "lot_size"), PlainDecimal)
    if asset is None or tick is None or lot is None:
        return
    market = Market(id="grid", tick_size=tick, lot_size=lot, tiers=())
    try:
        units = lot_tick_units(asset, market)
        if units >= MAX_AMOUNT:
            raise AmountError("tick_size x lot_size below 10^38 base units", f"{tick} x {lot}")
    except AmountError as error:
        draft.add((*path, "tick_size"), error.wanted, error.found, RULE_AMOUNTS)
        return
    ticks = instrument(asset, market)
    bounds: dict[str, int] = {}
    for key in ("feed_floor", "feed_ceiling"):
        text = draft.get((*path, key), PlainDecimal)
        if text is not None:
            try:
                bounds[key] = ticks.exact_ticks(text)
            except AmountError as error:
                draft.add((*path, key), error.wanted, quoted(text), RULE_MARK)
    if len(bounds) == 2 and bounds["feed_floor"] >= bounds["feed_ceiling"]:
        floor, ceiling = (ticks.price_text(bounds[key]) for key in ("feed_floor", "feed_ceiling"))
        draft.add((*path, "feed_ceiling"), f"a price above feed_floor = {floor}", ceiling, RULE_MARK)


def _tiers(draft: Draft, path: KeyPath) -> None:
    """Tiers rise, none asks for less than the one before, and the margin neither falls nor turns negative."""
    asset, tiers = draft.get(("asset",), Asset), draft.get(path, tuple)
    if asset is None or tiers is None:
        return
    before: Tier | None = None
    for position, tier in enumerate(tiers):
        here = (*path, position)
        _tier_end(draft, here, asset, tier, before, last=position == len(tiers) - 1)
        _tier_rates(draft, here, asset, tier, before)
        _tier_margin(draft, here, asset, tier, before)
        before = tier


def _tier_end(draft: Draft, here: KeyPath, asset: Asset, tier: Tier, before: Tier | None, *, last: bool) -> None:
    path, end = (*here, "up_to_notional"), tier.up_to_notional
    if end is None:
        if not last:
            draft.add(path, "an upper end in every tier but the last", MISSING, RULE_MARGIN)
    elif last:
        hint = "leave the key out, so that a position of any size has a tier"
        draft.add(path, "no upper end in the last tier", _amount(asset, end), RULE_MARGIN, hint)
    elif before is not None and before.up_to_notional is not None and end <= before.up_to_notional:
        wanted = f"more than {_amount(asset, before.up_to_notional)}, where the tier before ends"
        draft.add(path, wanted, _amount(asset, end), RULE_MARGIN)


def _tier_rates(draft: Draft, here: KeyPath, asset: Asset, tier: Tier, before: Tier | None) -> None:
    initial, maintenance = tier.initial_margin_ppm, tier.maintenance_margin_ppm
    if initial < maintenance:
        wanted = f"at least maintenance_margin_ppm = {maintenance}"
        draft.add((*here, "initial_margin_ppm"), wanted, str(initial), RULE_MARGIN)
    if before is None:
        return
    for key, rate, rate_before in (
        ("initial_margin_ppm", initial, before.initial_margin_ppm),
        ("maintenance_margin_ppm", maintenance, before.maintenance_margin_ppm),
    ):
        if rate < rate_before:
            draft.add((*here, key), f"at least {rate_before}, the tier before's", str(rate), RULE_MARGIN)
    if tier.maintenance_deducted < before.maintenance_deducted:
        wanted = f"at least {_amount(asset, before.maintenance_deducted)}, the tier before's"
        draft.add((*here, "maintenance_deducted"), wanted, _amount(asset, tier.maintenance_deducted), RULE_MARGIN)


def _tier_margin(draft: Draft, here: KeyPath, asset: Asset, tier: Tier, before: Tier | None) -> None:
    """The margin where the tier begins: not below zero, nor below what the tier before asks for at its end.

    Within a tier the margin rises with notional, so its beginning decides. Passed over after a rate that falls: that
    is the problem then.
    """
    begins, least = 0, 0
    if before is not None:
        if before.up_to_notional is None or tier.maintenance_margin_ppm < before.maintenance_margin_ppm:
            return
        begins = before.up_to_notional + 1
        at_edge = ppm_up(before.up_to_notional, before.maintenance_margin_ppm) - before.maintenance_deducted
        least = max(0, at_edge)
    most_deducted = ppm_up(begins, tier.maintenance_margin_ppm) - least
    if tier.maintenance_deducted > most_deducted:
        wanted = f"a maintenance margin of at least {_amount(asset, least)} at a notional of {_amount(asset, begins)}"
        if before is not None:
            wanted += ", as just below it (non-monotone tiers)"
        found = _amount(asset, most_deducted + least - tier.maintenance_deducted)
        hint = f'deduct at most "{format_decimal(most_deducted, asset.decimals)}"' if most_deducted >= 0 else ""
        draft.add((*here, "maintenance_deducted"), wanted, found, RULE_MARGIN, hint)


def _amount(asset: Asset, units: int) -> str:
    return f"{format_decimal(units, asset.decimals, group=True)} {asset.id}"


def _splits(draft: Draft) -> None:
    """The parts of every split add up to the whole."""
    for field in msgspec.structs.fields(Accumulation):
        path: KeyPath = ("accumulation", field.encode_name)
        split = draft.get(path, msgspec.Struct)
        if split is None:
            continue
        parts = msgspec.structs.asdict(split)
        total = sum(parts.values())
        if total != PPM:
            unstated = [f"{name} = {part}" for name, part in parts.items() if part and not draft.states((*path, name))]
            hint = f"{', '.join(unstated)} is its default: state it too" if unstated else ""
            draft.add(path, f"parts that add up to {PPM}", str(total), RULE_SPLITS, hint)


def _layers(draft: Draft) -> None:
    """One shared fund at most; every bucket has a market of its own, nobody else has one; limits are whole."""
    shared: KeyPath | None = None
    buckets: list[KeyPath] = []
    for path in draft.elements(("layers",)):
        kind, market = draft.get((*path, "kind"), str), (*path, "market")
        if kind == "shared_fund":
            if shared is not None:
                wanted = f"at most one shared_fund: {path_text(shared)} on line {draft.line(shared)} is one"
                draft.add((*path, "kind"), wanted, quoted(kind), RULE_WATERFALL)
            shared = shared or path
        if kind == "market_bucket":
            buckets.append(market)
            if not draft.states(market):
                draft.add(market, "the market that the bucket insures", MISSING, RULE_WATERFALL)
            _known_market(draft, market, RULE_WATERFALL)
        elif kind is not None and draft.states(market):
            hint = 'leave it out, or make the layer a "market_bucket"'
            draft.add(market, f"no market in a layer of kind {kind}", "a market", RULE_WATERFALL, hint)
        for key, other in (("window_limit", "window_ms"), ("window_ms", "window_limit")):
            if draft.states((*path, other)) and not draft.states((*path, key)):
                wanted = f"{key}, since {other} is stated: a rolling window needs both"
                draft.add((*path, key), wanted, MISSING, RULE_WATERFALL)
    _unique(draft, buckets, RULE_WATERFALL)


def _depth(draft: Draft) -> None:
    """One ladder a market, of the design's markets, distances strictly rising on each side."""
    paths = draft.elements(("stress", "depth"))
    _unique(draft, [(*path, "market") for path in paths], RULE_DEPTH)
    for path in paths:
        _known_market(draft, (*path, "market"), RULE_DEPTH)
        for side in ("bids", "asks"):
            distances = [draft.get((*level, 0), int) for level in draft.elements((*path, side))]
            for position, (nearer, farther) in enumerate(pairwise(distances), start=1):
                if nearer is not None and farther is not None and farther <= nearer:
                    wanted = f"a distance above {nearer}, that of the level before"
                    draft.add((*path, side, position, 0), wanted, str(farther), RULE_DEPTH)
