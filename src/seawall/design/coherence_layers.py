"""Coherence of layers: which keys a kind of layer has, which of them go together, and which layers another one names.

Layer    design; imports design.types, design.draft, design.coherence_pairs. Used by design.coherence only.
Not here layers that are allowed but can never pay (design.checks).
Held to  this by tests/design/test_coherence.py, one broken rule a test.
"""

from __future__ import annotations

from itertools import groupby
from typing import Final, get_args

from msgspec.structs import fields

from seawall.amounts import PPM
from seawall.design.coherence_pairs import (
    at_most,
    chosen,
    found_text,
    known_layer,
    known_market,
    needs,
    refused,
    unique,
)
from seawall.design.draft import MISSING, Draft
from seawall.design.locator import KeyPath, path_text, quoted
from seawall.design.types import UNFUNDED, Layer, LayerKind

RULE_WATERFALL: Final = "SPEC 6"
RULE_TARGET: Final = "SPEC 5"
RULE_STAKING: Final = "SPEC 9"
PAYING: Final = tuple(kind for kind in get_args(LayerKind) if kind != "revenue_pool")
"""Every kind of layer but the pool in which commissions wait."""
FUNDED: Final = tuple(kind for kind in PAYING if kind not in UNFUNDED)
"""Kinds of layers that hold money and pay deficits."""

_LIMITS: Final = ("account", "owner", "market")
_OF_A_BALANCE: Final = (
    *("balance", "holdings", "minimum_left", "event_limit_ppm", "own_credits"),
    *("target", "target_of", "target_ppm", "refill_ms"),
    *("drawdown_ppm", "drawdown_reset_ppm", "drawdown_window_ms", "drawdown_floor", "drawdown_of"),
)
_SAID_OF_THE_POOL: Final = (
    *("id", "kind", "balance", "holdings"),  # it has these, and what follows is refused with a remedy of its own
    *("commitment", "multiple_of", "event_multiple_ppm", "window_multiple_ppm"),
    *("stake", "market", "markets", "spill_over"),
)


def check_layers(draft: Draft) -> None:
    """Note what layers say that does not go together."""
    _one_shared_fund(draft)
    _ranks(draft)
    buckets: list[KeyPath] = []
    for path in draft.elements(("layers",)):
        kind = draft.get((*path, "kind"), str)
        if kind is not None:
            _kind_keys(draft, path, kind)
            buckets += _bucket(draft, path, kind)
        _limits(draft, path)
        _target(draft, path)
        _drawdown(draft, path)
        if kind == "assessment":
            _multiples(draft, path)
        _holdings(draft, path)
    unique(draft, buckets, RULE_WATERFALL, "market")


def _one_shared_fund(draft: Draft) -> None:
    shared: KeyPath | None = None
    for path in draft.elements(("layers",)):
        if draft.get((*path, "kind"), str) == "shared_fund":
            if shared is not None:
                wanted = f"at most one shared_fund: {path_text(shared)} on line {draft.line(shared)} is one"
                draft.add((*path, "kind"), wanted, quoted("shared_fund"), RULE_WATERFALL)
            shared = shared or path


def _kind_keys(draft: Draft, path: KeyPath, kind: str) -> None:
    """Keys that a layer of this kind needs, and keys that it has no use for."""
    where = f"a layer of kind {kind}"
    if kind in UNFUNDED:
        hint = "it holds no money: what it may be called for is its commitment"
        refused(draft, path, _OF_A_BALANCE, where, RULE_WATERFALL, hint)
        if not draft.states((*path, "commitment")):
            wanted = f"the most that can be called in all, since kind is {quoted(kind)}"
            draft.add((*path, "commitment"), wanted, MISSING, RULE_WATERFALL)
    else:
        hint = "leave it out: such a layer pays from its balance"
        refused(draft, path, ("commitment",), where, RULE_WATERFALL, hint)
    if kind != "assessment":
        keys = ("multiple_of", "event_multiple_ppm", "window_multiple_ppm")
        refused(draft, path, keys, where, RULE_WATERFALL, 'leave it out, or make the layer an "assessment"')
    if kind != "tranche" and draft.states((*path, "stake")):
        hint = 'leave it out, or make the layer a "tranche"'
        draft.add((*path, "stake"), f"no stake in {where}", "a table", RULE_STAKING, hint)
    if kind == "revenue_pool":
        _revenue_pool(draft, path, where)


def _revenue_pool(draft: Draft, path: KeyPath, where: str) -> None:
    """A pool that pays nothing has no limits, and something says where its money flows."""
    keys = [field.encode_name for field in fields(Layer) if field.encode_name not in _SAID_OF_THE_POOL]
    refused(draft, path, keys, where, RULE_TARGET, "leave it out: it pays no deficit")
    if not draft.states(("accumulation", "revenue_pool")):
        wanted = "an [accumulation.revenue_pool] that says what fills it and where it flows"
        draft.add((*path, "kind"), wanted, quoted("revenue_pool"), RULE_TARGET)


def _bucket(draft: Draft, path: KeyPath, kind: str) -> list[KeyPath]:
    """A bucket names the markets that it insures, nobody else does. Returns where it names them."""
    market, markets = (*path, "market"), (*path, "markets")
    if kind != "market_bucket":
        hint = 'leave it out, or make the layer a "market_bucket"'
        for at, what in ((market, "a market"), (markets, "markets")):
            if draft.says(at):
                draft.add(at, f"no {at[-1]} in a layer of kind {kind}", what, RULE_WATERFALL, hint)
        refused(draft, path, ("spill_over",), f"a layer of kind {kind}", RULE_WATERFALL, hint)
        return []
    named = draft.elements(markets)
    if draft.states(market) and draft.says(markets):
        wanted, hint = "market or markets, not both", "move the market into markets"
        draft.add(market, wanted, found_text(draft, market), RULE_WATERFALL, hint)
    elif draft.get(markets, tuple) == () and not draft.states(market):
        draft.add(markets, "the markets that the bucket insures, at least one", "an empty array", RULE_WATERFALL)
    elif not draft.states(market) and not draft.states(markets):
        draft.add(market, "the market that the bucket insures", MISSING, RULE_WATERFALL)
    for at in (market, *named):
        known_market(draft, at, RULE_WATERFALL)
    return [market, *named]


def _limits(draft: Draft, path: KeyPath) -> None:
    """Windows belong to limits, limits to windows."""
    needs(draft, path, "window_ms", "window_limit", "a rolling window needs both", RULE_WATERFALL)
    needs(draft, path, "window_ms", "window_multiple_ppm", "a rolling window needs both", RULE_WATERFALL)
    if not draft.states((*path, "window_multiple_ppm")):
        needs(draft, path, "window_limit", "window_ms", "a rolling window needs both", RULE_WATERFALL)
    for each in _LIMITS:
        needs(draft, path, f"{each}_limit", f"{each}_limit_ms", "the time is that of the limit", RULE_WATERFALL)


def _target(draft: Draft, path: KeyPath) -> None:
    """One target: a number, or a part of a measure; a time to refill needs one."""
    if draft.states((*path, "target")) and draft.states((*path, "target_of")):
        wanted, found = "target or target_of, not both", found_text(draft, (*path, "target_of"))
        draft.add((*path, "target_of"), wanted, found, RULE_TARGET)
    needs(draft, path, "target_of", "target_ppm", "it is a part of a measure", RULE_TARGET)
    if not draft.states((*path, "target_of")):
        needs(draft, path, "target", "refill_ms", "it is the time to be back at the target", RULE_TARGET)


def _drawdown(draft: Draft, path: KeyPath) -> None:
    """A drawdown needs its window; every other key of it needs the drawdown."""
    why = "a drawdown is measured from the peak of a window"
    needs(draft, path, "drawdown_window_ms", "drawdown_ppm", why, RULE_WATERFALL)
    for key in ("drawdown_reset_ppm", "drawdown_window_ms", "drawdown_floor", "drawdown_of"):
        if draft.says((*path, key)) and not draft.states((*path, "drawdown_ppm")):
            needs(draft, path, "drawdown_ppm", key, "nothing is measured without it", RULE_WATERFALL)
            break
    if draft.states((*path, "drawdown_ppm")):
        defaults = {"drawdown_reset_ppm": 0, "drawdown_ppm": PPM}
        at_most(draft, path, "drawdown_reset_ppm", "drawdown_ppm", defaults, RULE_WATERFALL)


def _multiples(draft: Draft, path: KeyPath) -> None:
    """Multiples are of another layer's balance; that layer without a multiple says nothing."""
    base = (*path, "multiple_of")
    for key in ("event_multiple_ppm", "window_multiple_ppm"):
        needs(draft, path, "multiple_of", key, "it is a multiple of a layer's opening balance", RULE_WATERFALL)
    multiples = [draft.states((*path, key)) for key in ("event_multiple_ppm", "window_multiple_ppm")]
    if draft.states(base) and not any(multiples):
        wanted = "event_multiple_ppm or window_multiple_ppm, since multiple_of is stated"
        draft.add((*path, "event_multiple_ppm"), wanted, MISSING, RULE_WATERFALL)
    known_layer(draft, base, FUNDED, RULE_WATERFALL)


def _holdings(draft: Draft, path: KeyPath) -> None:
    """Each holding within its cap, all of them within the balance."""
    parts = 0
    for here in draft.elements((*path, "holdings")):
        at_most(draft, here, "part_ppm", "cap_ppm", {"part_ppm": 0, "cap_ppm": PPM}, RULE_WATERFALL)
        parts += draft.get((*here, "part_ppm"), int) or 0
    if parts > PPM:
        draft.add((*path, "holdings"), f"parts that add up to at most {PPM}", str(parts), RULE_WATERFALL)


def _ranks(draft: Draft) -> None:
    """Layers of one rank stand next to each other, pay in part, and no bucket is among others."""
    layers = draft.elements(("layers",))
    ranks = [draft.get((*path, "rank"), int) for path in layers]
    groups = [(rank, list(group)) for rank, group in groupby(zip(ranks, layers, strict=True), key=lambda each: each[0])]
    seen: dict[int, KeyPath] = {}
    for rank, group in groups:
        if rank is None:
            continue
        first = group[0][1]
        if rank in seen:
            wanted = f"layers of one rank next to each other: {path_text(seen[rank])} on line {draft.line(seen[rank])}"
            draft.add((*first, "rank"), f"{wanted} has it too", str(rank), RULE_WATERFALL)
        seen[rank] = group[-1][1]
        if len(group) > 1:
            _rank(draft, [path for _, path in group])


def _rank(draft: Draft, group: list[KeyPath]) -> None:
    kinds = [draft.get((*path, "kind"), str) for path in group]
    for path, kind in zip(group, kinds, strict=True):
        if kind == "market_bucket" and set(kinds) - {"market_bucket", None}:
            hint = "leave it out: buckets next to each other are drawn together anyway"
            wanted = "no bucket in a rank with other kinds: it pays only its markets' part"
            draft.add((*path, "rank"), wanted, "a bucket", RULE_WATERFALL, hint)
        mode = chosen(draft, (*path, "draw_mode"), "partial")
        if mode not in ("partial", None):
            wanted = 'draw_mode "partial" in a rank of several layers: they share each deficit'
            draft.add((*path, "draw_mode"), wanted, quoted(mode or ""), RULE_WATERFALL)
