"""Coherence, the shapes: rules between keys that occur in every table, each written once.

Layer    design; imports design.draft, design.locator and design.types. Used by the other coherence modules only.
Not here which keys of which table they hold for (design.coherence_markets, _layers, _rules).
Held to  this by tests/design/test_coherence.py through the rules that use them.

What did not convert is passed over: it has its own problem already. A key that stands at its default says nothing, so
stating it is never a problem: the design's hash does not see it either.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from seawall.amounts import Units, format_decimal
from seawall.design.draft import MISSING, Draft, describe
from seawall.design.locator import KeyPath, path_text, quoted
from seawall.design.types import Asset


@dataclass(frozen=True, slots=True)
class Only:
    """A key that says something only while another key of its table has one of these values.

    key     the key
    choice  the key that decides
    values  values of `choice` for which `key` means something, the usual one first
    """

    key: str
    choice: str
    values: tuple[str, ...]


def chosen(draft: Draft, path: KeyPath, default: str) -> str | None:
    """The value of a key that chooses: its default where it is left out, None where it is wrong."""
    return draft.get(path, str) if draft.states(path) else default


def found_text(draft: Draft, path: KeyPath) -> str:
    """What stands at a key that should not be there."""
    value, asset = draft.converted.get(path), draft.get(("asset",), Asset)
    if isinstance(value, Units):
        return f'"{format_decimal(value, asset.decimals)}"' if asset is not None else "an amount"
    return describe(value) if isinstance(value, str | int) else "it"


def units_text(asset: Asset, units: int) -> str:
    """Base units in asset units with the asset's name."""
    return f"{format_decimal(units, asset.decimals, group=True)} {asset.id}"


def only_while(draft: Draft, table: KeyPath, rules: Sequence[Only], defaults: dict[str, str], rule: str) -> None:
    """A key stated while the key that gives it a meaning says otherwise is a problem at that key."""
    for only in rules:
        path, choice = (*table, only.key), chosen(draft, (*table, only.choice), defaults[only.choice])
        if draft.says(path) and choice is not None and choice not in only.values:
            wanted = f'no {only.key} while {only.choice} is "{choice}"'
            hint = f'leave it out, or set {only.choice} = "{only.values[0]}"'
            draft.add(path, wanted, found_text(draft, path), rule, hint)


def needs(draft: Draft, table: KeyPath, key: str, other: str, why: str, rule: str) -> None:
    """`key` is missing although `other`, which needs it, is stated."""
    if draft.says((*table, other)) and not draft.states((*table, key)):
        draft.add((*table, key), f"{key}, since {other} is stated: {why}", MISSING, rule)


def refused(draft: Draft, table: KeyPath, keys: Sequence[str], where: str, rule: str, hint: str = "") -> None:
    """None of these keys is stated in a table of this sort."""
    for key in keys:
        if draft.says((*table, key)):
            draft.add((*table, key), f"no {key} in {where}", found_text(draft, (*table, key)), rule, hint)


def at_most(draft: Draft, table: KeyPath, low: str, high: str, defaults: dict[str, int], rule: str) -> None:
    """The first key's value is at most the second's, each at its default where it is left out."""
    lower, upper = _stands_at(draft, (*table, low), defaults[low]), _stands_at(draft, (*table, high), defaults[high])
    if lower is None or upper is None or lower <= upper:
        return
    if draft.states((*table, low)):
        default = "" if draft.states((*table, high)) else ", its default"
        draft.add((*table, low), f"at most {high} = {upper}{default}", str(lower), rule)
    else:
        draft.add((*table, high), f"at least {low} = {lower}, its default", str(upper), rule)


def _stands_at(draft: Draft, path: KeyPath, default: int) -> int | None:
    return draft.get(path, int) if draft.states(path) else default


def unique(draft: Draft, paths: list[KeyPath], rule: str, what: str = "") -> None:
    """No two of these keys have the same value."""
    first: dict[str, KeyPath] = {}
    for path in paths:
        value = draft.get(path, str)
        if value is None:
            continue
        if value in first:
            wanted = f"another {what or path[-1]} than {path_text(first[value])} on line {draft.line(first[value])}"
            draft.add(path, wanted, quoted(value), rule)
        else:
            first[value] = path


def known_market(draft: Draft, path: KeyPath, rule: str) -> None:
    """The market named at `path` is one of the design's. Passed over while any market's own id is unreadable."""
    named = draft.get(path, str)
    ids = [draft.get((*market, "id"), str) or "" for market in draft.elements(("markets",))]
    if named is not None and ids and "" not in ids and named not in ids:
        draft.add(path, f"one of the design's markets: {', '.join(ids)}", quoted(named), rule, _near(named, ids))


def known_layer(draft: Draft, path: KeyPath, kinds: Sequence[str], rule: str) -> None:
    """The layer named at `path` is one of the design's, of one of these kinds. Passed over while one is unreadable."""
    named, layers = draft.get(path, str), draft.elements(("layers",))
    ids = [draft.get((*layer, "id"), str) or "" for layer in layers]
    if named is None or not ids or "" in ids:
        return
    if named not in ids:
        draft.add(path, f"one of the design's layers: {', '.join(ids)}", quoted(named), rule, _near(named, ids))
        return
    kind = draft.get((*layers[ids.index(named)], "kind"), str)
    if kind is not None and kind not in kinds:
        wanted = f"a layer of kind {' or '.join(kinds)}"
        draft.add(path, wanted, f"{quoted(named)}, of kind {kind}", rule)


def _near(named: str, ids: Sequence[str]) -> str:
    near = difflib.get_close_matches(named, ids, n=1)
    return f'did you mean "{near[0]}"?' if near else ""
