"""Coherence: what the tables of a design must mean together, beyond each key being right by itself.

Layer    design; imports amounts, design.types, design.draft and its own parts: coherence_markets, coherence_layers,
         coherence_rules, coherence_pairs. Used by design.loader only.
Not here what is allowed but unwise (design.checks): everything noted here makes the file unusable.
Held to  this by tests/design/test_coherence.py, one broken rule a test.

Every check reads what converted and passes over what did not, so a slip in one key hides nothing in another.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec

from seawall.amounts import PPM
from seawall.design.coherence_layers import check_layers
from seawall.design.coherence_markets import check_markets
from seawall.design.coherence_pairs import known_market, unique
from seawall.design.coherence_rules import check_accumulation, check_exhaustion, check_liquidation, check_world
from seawall.design.draft import RULE_AMOUNTS, Draft
from seawall.design.locator import KeyPath
from seawall.design.types import Accumulation

RULE_DEPTH: Final = "SPEC 4.4"
RULE_SPLITS: Final = "SPEC 5"


def check_coherence(draft: Draft) -> None:
    """Note every incoherence of a draft among its problems."""
    unique(draft, [(*path, "id") for path in draft.elements(("markets",))], RULE_AMOUNTS)
    unique(draft, [(*path, "id") for path in draft.elements(("layers",))], RULE_AMOUNTS)
    check_markets(draft)
    check_liquidation(draft)
    _splits(draft)
    check_accumulation(draft)
    check_layers(draft)
    check_exhaustion(draft)
    check_world(draft)
    _depth(draft)


def _splits(draft: Draft) -> None:
    """The parts of every split add up to the whole."""
    for field in msgspec.structs.fields(Accumulation):
        path: KeyPath = ("accumulation", field.encode_name)
        split = draft.get(path, msgspec.Struct)
        if split is None or not field.encode_name.endswith("_split_ppm"):
            continue
        parts = msgspec.structs.asdict(split)
        total = sum(parts.values())
        if total != PPM:
            unstated = [f"{name} = {part}" for name, part in parts.items() if part and not draft.states((*path, name))]
            hint = f"{', '.join(unstated)} is its default: state it too" if unstated else ""
            draft.add(path, f"parts that add up to {PPM}", str(total), RULE_SPLITS, hint)


def _depth(draft: Draft) -> None:
    """One ladder a market, of the design's markets, distances strictly rising on each side."""
    paths = draft.elements(("stress", "depth"))
    unique(draft, [(*path, "market") for path in paths], RULE_DEPTH)
    for path in paths:
        known_market(draft, (*path, "market"), RULE_DEPTH)
        for side in ("bids", "asks"):
            distances = [draft.get((*level, 0), int) for level in draft.elements((*path, side))]
            for position, (nearer, farther) in enumerate(pairwise(distances), start=1):
                if nearer is not None and farther is not None and farther <= nearer:
                    wanted = f"a distance above {nearer}, that of the level before"
                    draft.add((*path, side, position, 0), wanted, str(farther), RULE_DEPTH)
