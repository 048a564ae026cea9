"""Waterfall: which layer pays how much of each deficit of one batch, and what bound it.

Layer    rules; imports amounts; called by fund.decide only. SPEC 6, I2, I3.
Not here whether a deficit exists (rules.liquidation), who bears severity (rules.deleveraging, rules.socialisation).
Held to  this by the fund, the ledger and the contract; tests/rules/test_waterfall.py holds it to a second bookkeeper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from seawall.amounts import allocate, id_key

Bound = Literal["", "capacity", "event_limit", "window_limit", "minimum_left"]
"""What kept a layer from paying all that was left of a deficit; "" when nothing did."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One deficit of a batch.

    id      deficit id
    units   base units owed, > 0
    losses  (market, base units >= 0): the account's losses by market since it was last flat
    """

    id: str
    units: int
    losses: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Room:
    """A layer as it stands when the batch arrives.

    id                 layer id
    market             for a market's bucket: it pays only the part attributed to this market
    balance_units      now
    minimum_left_units never drawn
    event_limit_units  the most one deficit may draw; None: no such limit
    window_left_units  what the rolling window still allows; None: no such limit
    """

    id: str
    market: str | None
    balance_units: int
    minimum_left_units: int
    event_limit_units: int | None
    window_left_units: int | None

    def room(self) -> tuple[int, Bound]:
        """What the layer can pay in all, and what bounds that; of equal bounds the first in SPEC 6's list is named."""
        above_minimum = max(0, self.balance_units - self.minimum_left_units)
        bounds: list[tuple[int, Bound]] = []
        if self.minimum_left_units == 0:
            bounds.append((above_minimum, "capacity"))
        if self.window_left_units is not None:
            bounds.append((max(0, self.window_left_units), "window_limit"))
        if self.minimum_left_units > 0:
            bounds.append((above_minimum, "minimum_left" if above_minimum < self.balance_units else "capacity"))
        return min(bounds, key=lambda bound: bound[0])


@dataclass(frozen=True, slots=True)
class Draw:
    """Money out of one layer for one deficit; a layer that was reached and gave nothing has amount 0. Base units."""

    deficit: str
    layer: str
    amount: int
    balance_before: int
    balance_after: int
    bound_by: Bound


@dataclass(frozen=True, slots=True)
class Covered:
    """The batch, drawn: every draw in order, and the severity of each deficit (what no layer covered)."""

    draws: tuple[Draw, ...]
    severity: tuple[tuple[str, int], ...]


def attribute(units: int, losses: Sequence[tuple[str, int]]) -> Mapping[str, int]:
    """A deficit's parts by market: `allocate` over the losses there; profitable markets 0; no losses: no parts.

    Source  SPEC 6: an account without losses in any market goes to the shared fund whole.
    """
    if not any(loss for _, loss in losses):
        return {}
    by_id = sorted(losses, key=lambda item: id_key(item[0]))  # ties go to the lowest market id
    parts = allocate(units, [loss for _, loss in by_id])
    return {market: part for (market, _), part in zip(by_id, parts, strict=True)}


def draw_batch(claims: Sequence[Claim], layers: Sequence[Room]) -> Covered:
    """Draw the layers in order for a batch of simultaneous deficits.

    claims   lowest id first
    layers   in the design's order; consecutive buckets split what is left of each deficit by its losses
    returns  draws layer by layer, within a layer lowest deficit id first; severities in claim order
    Rule     per layer each claim is cut to the limit per event; if the layer cannot pay the cut claims, its room is
             split by `allocate` over them, so simultaneous deficits share and their order does not matter. After these
             two cuts no room is left beside an unmet claim, so the sweep of SPEC 6 has nothing to offer.
    Source   SPEC 6.
    """
    left = {claim.id: claim.units for claim in claims}
    draws: list[Draw] = []
    for is_bucket, stage in groupby(layers, key=lambda layer: layer.market is not None):
        parts = {c.id: attribute(left[c.id], c.losses) for c in claims} if is_bucket else {}
        for layer in stage:
            if layer.market is None:
                wanted = dict(left)
            else:
                wanted = {c.id: parts[c.id].get(layer.market, 0) for c in claims}
            for draw in _draw_layer(layer, [(c.id, wanted[c.id]) for c in claims if wanted[c.id] > 0]):
                left[draw.deficit] -= draw.amount
                draws.append(draw)
    return Covered(tuple(draws), tuple(left.items()))


def _draw_layer(layer: Room, wanted: Sequence[tuple[str, int]]) -> list[Draw]:
    """One layer for all claims that reach it (each > 0)."""
    limit = layer.event_limit_units
    cut = [units if limit is None else min(units, limit) for _, units in wanted]
    room, room_bound = layer.room()
    paid = cut if sum(cut) <= room else list(allocate(room, cut))
    exhausted = sum(paid) == room
    draws = []
    balance = layer.balance_units
    for (deficit, units), amount in zip(wanted, paid, strict=True):
        bound: Bound = ""
        if amount < units:
            at_limit = amount == limit and not (exhausted and room_bound == "capacity")
            bound = "event_limit" if at_limit else room_bound
        draws.append(Draw(deficit, layer.id, amount, balance, balance - amount, bound))
        balance -= amount
    return draws


def window_left_units(limit_units: int, length_ms: int, draws: Sequence[tuple[int, int]], t_ms: int) -> int:
    """What a rolling window still allows at `t_ms`.

    draws   (time, base units) of every draw, gross of replenishment, charged with what was drawn
    Rule    half-open (t - w, t]: a draw at s counts while t - s < w. Never below 0.
    Source  SPEC 6, case WF-04.
    """
    used = sum(amount for time, amount in draws if t_ms - time < length_ms)
    return max(0, limit_units - used)
