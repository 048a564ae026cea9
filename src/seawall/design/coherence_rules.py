"""Coherence of the rules: liquidation, money in, exhaustion, the pool, withdrawals, publishing.

Layer    design; imports design.draft, design.coherence_pairs, design.coherence_layers (kinds of layers). Used by
         design.coherence only.
Not here layers (design.coherence_layers), and rules that are allowed but unwise (design.checks).
Held to  this by tests/design/test_coherence.py, one broken rule a test.

`adl_ranking` and `adl_eligible` under another policy are a warning, as they have been since the first version: a file
that loaded goes on loading.
"""

from __future__ import annotations

from typing import Final

from seawall.amounts import PPM
from seawall.design.coherence_layers import FUNDED, RULE_TARGET, RULE_WATERFALL
from seawall.design.coherence_pairs import Only, at_most, chosen, found_text, known_layer, needs, only_while
from seawall.design.draft import Draft
from seawall.design.locator import KeyPath, path_text, quoted

RULE_LIQUIDATION: Final = "SPEC 4.5"
RULE_SURCHARGE: Final = "SPEC 4.6"
RULE_TAKEOVER: Final = "SPEC 4.7"
RULE_EXHAUSTION: Final = "SPEC 7"
RULE_PUBLISHING: Final = "SPEC 11"

HOLDERS: Final = ("shared_fund", "venue_capital", "vault", "backstop")
"""Kinds of layers that can take positions over."""

_LIQUIDATION: Final = ("liquidation",)
_LIQUIDATION_ONLY: Final = (
    Only("step_ppm", "amount", ("steps",)),
    Only("step_above_notional", "amount", ("steps",)),
    Only("step_wait_ms", "amount", ("steps",)),
    Only("step_within_wait", "amount", ("steps",)),
    Only("close_factor_ppm", "amount", ("close_factor",)),
    Only("full_below_maintenance_ppm", "amount", ("close_factor",)),
    Only("full_below_notional", "amount", ("close_factor",)),
    Only("buffer_ppm", "amount", ("fewest_lots",)),
    Only("fillable_spread_ppm", "worst_price", ("fillable",)),
    Only("auction_start_ppm", "worst_price", ("auction",)),
    Only("auction_end_ppm", "worst_price", ("auction",)),
    Only("auction_ms", "worst_price", ("auction",)),
)
_LIQUIDATION_DEFAULTS: Final = {"amount": "whole", "worst_price": "any"}
_EXHAUSTION: Final = ("exhaustion",)
_EXHAUSTION_ONLY: Final = (
    Only("adl_price", "policy", ("adl",)),
    Only("adl_beta_ppm", "adl_ranking", ("capped_pro_rata",)),
    Only("period_ms", "socialised_base", ("period_profit",)),
    Only("gains_max_rounds", "policy", ("gains_haircut",)),
    Only("gains_cap", "policy", ("gains_haircut",)),
)
_EXHAUSTION_DEFAULTS: Final = {"policy": "adl", "adl_ranking": "pro_rata_pnl", "socialised_base": "positive_pnl"}


def check_liquidation(draft: Draft) -> None:
    """Note what [liquidation] says that does not go together."""
    at = _LIQUIDATION
    only_while(draft, at, _LIQUIDATION_ONLY, _LIQUIDATION_DEFAULTS, RULE_LIQUIDATION)
    for key, least in (("step_ppm", "steps"), ("close_factor_ppm", "close_factor")):
        if draft.get((*at, "amount"), str) == least and draft.get((*at, key), int) == 0:
            draft.add((*at, key), f"at least 1: {least} of nothing never end", "0", RULE_LIQUIDATION)
    needs(draft, at, "step_wait_ms", "step_within_wait", "it is about that time", RULE_LIQUIDATION)
    why = "it is what a step may always close, whatever the limit"
    needs(draft, at, "position_limit_ppm", "position_limit_least", why, RULE_LIQUIDATION)
    for key, other in (("rate_window_ms", "rate_notional"), ("rate_notional", "rate_window_ms")):
        needs(draft, at, key, other, "a rate needs both", RULE_LIQUIDATION)
    defaults = {"auction_start_ppm": 0, "auction_end_ppm": PPM}
    at_most(draft, at, "auction_start_ppm", "auction_end_ppm", defaults, RULE_LIQUIDATION)
    _surcharge_growth(draft, at)
    _takeover(draft, (*at, "takeover"))


def _surcharge_growth(draft: Draft, at: KeyPath) -> None:
    for key in ("surcharge_grace_ms", "surcharge_growth_every_ms", "surcharge_max_ppm"):
        needs(draft, at, "surcharge_growth_ppm", key, "without it the surcharge does not grow", RULE_SURCHARGE)
    most = draft.get((*at, "surcharge_max_ppm"), int)
    rates = [(*at, "surcharge_ppm"), *((*path, "surcharge_ppm") for path in draft.elements(("markets",)))]
    for path in rates:
        rate = draft.get(path, int)
        if most is not None and rate is not None and rate > most:
            wanted = f"at least {path_text(path)} = {rate}, where the surcharge begins"
            draft.add((*at, "surcharge_max_ppm"), wanted, str(most), RULE_SURCHARGE)
            return


def _takeover(draft: Draft, at: KeyPath) -> None:
    known_layer(draft, (*at, "layer"), HOLDERS, RULE_TAKEOVER)
    only_while(draft, at, (Only("below_maintenance_ppm", "when", ("below",)),), {"when": "unsold"}, RULE_TAKEOVER)
    if draft.states((*at, "notional_limit_ppm")) and _kind_of(draft, (*at, "layer")) == "backstop":
        found, hint = found_text(draft, (*at, "notional_limit_ppm")), "state notional_limit"
        wanted = "no part of the balance of a backstop: it holds none"
        draft.add((*at, "notional_limit_ppm"), wanted, found, RULE_TAKEOVER, hint)


def _kind_of(draft: Draft, path: KeyPath) -> str | None:
    """The kind of the layer that is named at `path`."""
    named = draft.get(path, str)
    for layer in draft.elements(("layers",)):
        if named is not None and draft.get((*layer, "id"), str) == named:
            return draft.get((*layer, "kind"), str)
    return None


def check_accumulation(draft: Draft) -> None:
    """Note shares for a vault that is not there, and a revenue pool that names the wrong layers."""
    vaults = [path for path in draft.elements(("layers",)) if draft.get((*path, "kind"), str) == "vault"]
    kinds = [draft.get((*path, "kind"), str) for path in draft.elements(("layers",))]
    for split in ("surcharge_split_ppm", "residual_split_ppm"):
        path = ("accumulation", split, "vault")
        if draft.get(path, int) and len(vaults) != 1 and None not in kinds and kinds:
            found = "no vault" if not vaults else f"{len(vaults)} of them"
            draft.add(path, "one layer of kind vault that receives this part", found, RULE_TARGET)
    pool = ("accumulation", "revenue_pool")
    known_layer(draft, (*pool, "layer"), ("revenue_pool",), RULE_TARGET)
    known_layer(draft, (*pool, "to"), FUNDED, RULE_TARGET)


def check_exhaustion(draft: Draft) -> None:
    """Note what [exhaustion] says that does not go together."""
    at = _EXHAUSTION
    only_while(draft, at, _EXHAUSTION_ONLY, _EXHAUSTION_DEFAULTS, RULE_EXHAUSTION)
    policy, fallback = chosen(draft, (*at, "policy"), "adl"), chosen(draft, (*at, "fallback"), "carry")
    base = (*at, "socialised_base")
    if draft.says(base) and None not in (policy, fallback) and "socialised_loss" not in (policy, fallback):
        wanted = f'no socialised_base while policy is "{policy}" and fallback "{fallback}"'
        hint = 'leave it out, or set one of them to "socialised_loss"'
        draft.add(base, wanted, found_text(draft, base), RULE_EXHAUSTION, hint)
    gate = (Only("gate_ms", "while_losses", ("gate",)),)
    only_while(draft, ("withdrawals",), gate, {"while_losses": "haircut"}, RULE_EXHAUSTION)
    free = ("withdrawals", "while_losses")
    if policy == "withdrawal_haircut" and draft.get(free, str) == "free":
        wanted = 'another than "free" while policy is "withdrawal_haircut": withdrawals pay for the debt'
        draft.add(free, wanted, quoted("free"), RULE_EXHAUSTION)


def check_world(draft: Draft) -> None:
    """Note what [pool] and [publishing] say that does not go together."""
    pool: KeyPath = ("pool",)
    known_layer(draft, (*pool, "layer"), ("vault",), RULE_WATERFALL)
    if draft.states(pool):
        defaults = {"adl_start_ppm": PPM, "adl_stop_ppm": PPM, "payout_cap_ppm": PPM}
        at_most(draft, pool, "adl_stop_ppm", "adl_start_ppm", defaults, RULE_EXHAUSTION)
        at_most(draft, pool, "adl_start_ppm", "payout_cap_ppm", defaults, RULE_EXHAUSTION)
    takeover = (*_LIQUIDATION, "takeover")
    if draft.states(pool) and draft.states(takeover):
        wanted = "no takeover while there is a [pool]: the pool is every position's counterparty already"
        draft.add(takeover, wanted, "a table", RULE_TAKEOVER)
    fields = draft.elements(("publishing", "fields"))
    seen: set[str] = set()
    for path in fields:
        name = draft.get(path, str)
        if name in seen:
            draft.add(path, "each field once", quoted(name or ""), RULE_PUBLISHING)
        seen.add(name or "")
