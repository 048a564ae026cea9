"""Coherence of markets: grids, feed bounds, margin tiers, and what belongs to collateral alone.

Layer    design; imports amounts, design.types, design.instruments, design.draft, design.coherence_pairs. Used by
         design.coherence only.
Not here margins that are allowed but unwise (design.checks).
Held to  this by tests/design/test_coherence.py: tiers are refused exactly when some margin is negative or falls.
"""

from __future__ import annotations

from typing import Final, Literal, cast

from seawall.amounts import MAX_AMOUNT, AmountError, format_decimal, ppm_up
from seawall.design.coherence_pairs import chosen, found_text, refused, unique, units_text
from seawall.design.draft import MISSING, RULE_AMOUNTS, RULE_SCHEMA, Draft
from seawall.design.instruments import instrument, lot_tick_units
from seawall.design.locator import KeyPath, path_text, quoted
from seawall.design.types import Asset, Market, PlainDecimal, Tier

RULE_MARGIN: Final = "SPEC 2, maintenance margin"
RULE_MARK: Final = "SPEC 2, mark price"
RULE_COLLATERAL: Final = "SPEC 4.5"
_DEFAULT_KIND: Final = "linear_perp"


def check_markets(draft: Draft) -> None:
    """Note what markets say that does not go together."""
    kinds = []
    for path in draft.elements(("markets",)):
        kind = chosen(draft, (*path, "kind"), _DEFAULT_KIND)
        kinds.append(kind)
        if kind is not None:
            _grid(draft, path, kind)
            _kind_keys(draft, path, kind)
        _tiers(draft, (*path, "tiers"))
    if kinds and set(kinds) == {"collateral"}:
        draft.add(("markets",), "at least one market that is not collateral", "collateral alone", RULE_COLLATERAL)
    unique(draft, draft.elements(("mark", "sources")), RULE_MARK, "source")


def _kind_keys(draft: Draft, path: KeyPath, kind: str) -> None:
    """Tiers for what is traded, haircut and dust for what is only held."""
    tiers = (*path, "tiers")
    if kind == "collateral":
        hint = "leave it out: collateral has a haircut_ppm, and is sold, never deleveraged"
        refused(draft, path, ("adl_exempt", "cover_limit"), "collateral", RULE_COLLATERAL, hint)
        if draft.says(tiers):
            hint = "leave them out: what collateral counts for margin is its value less haircut_ppm"
            draft.add(tiers, "no tiers in collateral", _tiers_text(draft, tiers), RULE_COLLATERAL, hint)
        return
    for key in ("haircut_ppm", "dust"):
        if draft.says((*path, key)):
            wanted, found = f'no {key} while kind is "{kind}"', found_text(draft, (*path, key))
            draft.add((*path, key), wanted, found, RULE_COLLATERAL, 'leave it out, or set kind = "collateral"')
    if not draft.states(tiers):
        draft.add(tiers, "an array of tables", MISSING, RULE_SCHEMA, f"add [[{path_text(tiers)}]]")
    elif draft.get(tiers, tuple) == ():
        draft.add(tiers, "an array of tables, at least one", "an empty array", RULE_SCHEMA)


def _tiers_text(draft: Draft, path: KeyPath) -> str:
    count = len(draft.elements(path))
    return "1 tier" if count == 1 else f"{count} tiers"


def _grid(draft: Draft, path: KeyPath, kind: str) -> None:
    """A lot's value is exact at every tick; the feed's bounds are whole ticks, floor below ceiling."""
    asset = draft.get(("asset",), Asset)
    tick, lot = draft.get((*path, "tick_size"), PlainDecimal), draft.get((*path, "lot_size"), PlainDecimal)
    if asset is None or tick is None or lot is None:
        return
    of_kind = cast(Literal["linear_perp", "inverse_perp", "collateral"], kind)
    market = Market(id="grid", kind=of_kind, tick_size=tick, lot_size=lot)
    try:
        units = lot_tick_units(asset, market)
        if units >= MAX_AMOUNT:
            raise AmountError("a tick of a lot below 10^38 base units", f"ticks of {tick}, lots of {lot}")
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
        draft.add(path, "no upper end in the last tier", units_text(asset, end), RULE_MARGIN, hint)
    elif before is not None and before.up_to_notional is not None and end <= before.up_to_notional:
        wanted = f"more than {units_text(asset, before.up_to_notional)}, where the tier before ends"
        draft.add(path, wanted, units_text(asset, end), RULE_MARGIN)


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
        wanted = f"at least {units_text(asset, before.maintenance_deducted)}, the tier before's"
        draft.add((*here, "maintenance_deducted"), wanted, units_text(asset, tier.maintenance_deducted), RULE_MARGIN)


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
        wanted = (
            f"a maintenance margin of at least {units_text(asset, least)} at a notional of {units_text(asset, begins)}"
        )
        if before is not None:
            wanted += ", as just below it (non-monotone tiers)"
        found = units_text(asset, most_deducted + least - tier.maintenance_deducted)
        hint = f'deduct at most "{format_decimal(most_deducted, asset.decimals)}"' if most_deducted >= 0 else ""
        draft.add((*here, "maintenance_deducted"), wanted, found, RULE_MARGIN, hint)
