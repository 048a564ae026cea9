"""Waterfall on arrays: what layers would leave of a batch of deficits, for a search that asks hundreds of times.

Layer    rules; imports rules.{limits,split_arrays,exact_arrays}, amounts, NumPy. Called by fund.decide_shortfalls.
Not here any draw: what a layer pays to whom is rules.waterfall's alone, and a batch that is posted goes through that.
         Limits that ask whose a deficit is, or what a market has had: those layers are quoted by a whole draw.
Held to  this by tests/rules/test_waterfall_arrays.py: the severity of `draw_batch` with `==`, ties included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from seawall.amounts import id_key
from seawall.rules.exact_arrays import exact_sum, floor_quotients
from seawall.rules.limits import Room
from seawall.rules.split_arrays import allocate_array

Ints = npt.NDArray[np.int64]


def is_quoted(layers: Sequence[Room], cover_left: Mapping[str, int]) -> bool:
    """Whether `severity_units` knows all that these layers ask."""
    return not cover_left and all(
        layer.draw_mode == "partial"
        and layer.rank is None
        and layer.accounts is None
        and layer.owners is None
        and not layer.per_market
        for layer in layers
    )


def severity_units(units: Ints, losses: Ints, markets: Sequence[str], layers: Sequence[Room]) -> int:
    """What layers would leave of simultaneous deficits, base units.

    units    shape (n,), int64, >= 0, lowest deficit id first; each and in all below 2^62
    losses   shape (m, n), int64, >= 0: each account's losses by market, in all below 2^62 an account
    markets  shape (m,), the ids of the rows of `losses`
    layers   that `is_quoted`, in the design's order
    returns  the sum of `draw_batch(...).severity`
    Source   SPEC 6.
    """
    owing = np.flatnonzero(units)
    order = sorted(range(len(markets)), key=lambda m: id_key(markets[m]))  # ties of a split go to the lowest market id
    left, losses = units[owing].copy(), losses[order][:, owing].copy()
    row = {markets[market]: place for place, market in enumerate(order)}
    kept = 0
    for is_bucket, stage in groupby(layers, key=lambda layer: bool(layer.insures)):
        if not is_bucket:
            for layer in stage:
                left -= _paid(layer, left)
            continue
        parts = attributed(left, losses)
        rest = left - parts.sum(axis=0)  # of accounts without a loss anywhere: no bucket's
        for layer in stage:
            insured = sorted({row[market] for market in layer.insures if market in row})
            cells = parts[insured]
            reached = cells.sum(axis=0)
            paid = _paid(layer, reached)
            parts[insured] = cells - _spread(paid, reached, cells)
            if not layer.spill_over:
                kept += int(parts[insured].sum())
                parts[insured], losses[insured] = 0, 0
        left = rest + parts.sum(axis=0)
    return int(left.sum()) + kept


def attributed(units: Ints, losses: Ints) -> Ints:
    """Deficits' parts by market, `allocate` over the losses there: shape (m, n); nothing where there is no loss.

    losses   rows lowest market id first
    Source   SPEC 6; rules.waterfall.attribute.
    """
    return _split_columns(units, losses)


def _paid(layer: Room, reached: Ints) -> Ints:
    """What a layer pays of what reaches it, shape (n,): cut by the limit of an event, then by the layer's."""
    wanted = reached if layer.event_limit_units is None else np.minimum(reached, min(layer.event_limit_units, 2**62))
    room = min(units for units, _ in layer.all_caps(exact_sum(reached)))
    return wanted if exact_sum(wanted) <= room else allocate_array(room, wanted)


def _spread(paid: Ints, reached: Ints, cells: Ints) -> Ints:
    """What was paid of each deficit, over the cells that it was paid for."""
    if len(cells) == 1:
        return paid[np.newaxis]
    spread = cells.copy()
    cut = np.flatnonzero(paid < reached)
    if cut.size:
        spread[:, cut] = _split_columns(paid[cut], cells[:, cut])
    return spread


def _split_columns(units: Ints, weights: Ints) -> Ints:
    """`allocate(units[i], weights[:, i])` for each column i; 0 where its weights are all 0. Shape (m, n)."""
    total = weights.sum(axis=0)
    shares = np.zeros_like(weights)
    several = (weights > 0).sum(axis=0) > 1
    shares[:, ~several] = np.where(weights[:, ~several] > 0, units[~several], 0)
    split = np.flatnonzero(several)
    if not split.size:
        return shares
    amount, weight, whole = units[split], weights[:, split], total[split]
    floors = np.stack([floor_quotients([amount, one], [whole], 1) for one in weight]).astype(np.int64)
    with np.errstate(over="ignore"):
        rests = amount * weight - floors * whole  # below the total, so right however the products wrap
    odd = amount - floors.sum(axis=0)
    places = np.argsort(-rests, axis=0, kind="stable")
    ranks = np.empty_like(places)
    np.put_along_axis(ranks, places, np.arange(len(weight))[:, np.newaxis], axis=0)
    shares[:, split] = floors + (ranks < odd)
    return shares
