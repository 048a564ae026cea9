"""Waterfall: which layer pays how much of each deficit of one batch, and what bound it.

Layer    rules; imports amounts, rules.limits; called by fund.decide_shortfalls only. SPEC 6, I2, I3.
Not here what one layer's limits allow (rules.limits), whether a deficit exists (rules.liquidation), who bears severity
         (rules.deleveraging, rules.socialisation).
Held to  this by the fund, the ledger and the contract; tests/rules/test_waterfall.py holds it to a second bookkeeper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from seawall.amounts import allocate, id_key
from seawall.rules.limits import (
    UNATTRIBUTED,
    Bound as Bound,
    Claim as Claim,
    Room as Room,
    Tally,
    window_left_units as window_left_units,
)


@dataclass(frozen=True, slots=True)
class Draw:
    """Money out of one layer for one deficit; a layer that was reached and gave nothing has amount 0. Base units.

    markets  the amount by market, lowest id first, where the batch was drawn by market; else nothing
    """

    deficit: str
    layer: str
    amount: int
    balance_before: int
    balance_after: int
    bound_by: Bound
    markets: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Covered:
    """The batch, drawn.

    draws     in the order in which they were made
    severity  of each deficit that did not wait, in claim order: what no layer covered
    waiting   deficits that a layer of draw mode `block` could not pay whole: nothing was drawn for them
    offsets   (layer, base units of its offset that are left), of layers whose offset was reached
    """

    draws: tuple[Draw, ...]
    severity: tuple[tuple[str, int], ...]
    waiting: tuple[str, ...] = ()
    offsets: tuple[tuple[str, int], ...] = ()


def attribute(units: int, losses: Sequence[tuple[str, int]]) -> Mapping[str, int]:
    """A deficit's parts by market: `allocate` over the losses there; profitable markets 0; no losses: no parts.

    Source  SPEC 6: an account without losses in any market goes to the shared fund whole.
    """
    if not any(loss for _, loss in losses):
        return {}
    by_id = sorted(losses, key=lambda item: id_key(item[0]))  # ties go to the lowest market id
    parts = allocate(units, [loss for _, loss in by_id])
    return {market: part for (market, _), part in zip(by_id, parts, strict=True)}


def draw_batch(claims: Sequence[Claim], layers: Sequence[Room], cover_left: Mapping[str, int] | None = None) -> Covered:
    """Draw the layers in order for a batch of simultaneous deficits.

    claims      lowest id first
    layers      in the design's order; consecutive buckets split what is left of each deficit by its losses
    cover_left  by market with a limit on its cover: what layers other than its bucket may still pay for it
    returns     draws layer by layer, within a layer lowest deficit id first; severities in claim order
    Rule        `partial` layers: claims cut by account, owner, market, event and layer limits in turn, each by
                `allocate`, so that simultaneous deficits share and their order does not matter; then a sweep in id
                order offers what is still free. Layers of one rank share what they pay by `allocate` over what each
                has available to these deficits. `all_or_nothing` and `block` layers go deficit by deficit, lowest id
                first. Where `block` keeps a deficit waiting it is as if it had not come: lowest id first, a deficit
                joins the batch where all of it can then be paid without anybody waiting.
    Source      SPEC 6.
    """
    batch = _Batch(claims, layers, cover_left or {})
    if not batch.draw(layers):
        return batch.covered()
    joined: list[Claim] = []
    waiting: list[str] = []
    for claim in claims:
        batch = _Batch([*joined, claim], layers, cover_left or {})
        if batch.draw(layers) or batch.waiting:
            waiting.append(claim.id)
        else:
            joined.append(claim)
    batch = _Batch(joined, layers, cover_left or {})
    batch.draw(layers)
    batch.waiting = waiting
    return batch.covered()


class _Batch:
    """One pass over the layers. `cells` is what is left of each deficit, by market where that matters."""

    def __init__(self, claims: Sequence[Claim], layers: Sequence[Room], cover_left: Mapping[str, int]) -> None:
        self.claims = list(claims)
        self.waiting: list[str] = []
        self._by_market = bool(cover_left) or any(layer.per_market for layer in layers)
        self._cover_left = dict(cover_left)
        self._closed: set[str] = set()  # markets whose bucket lets nothing go on
        self._kept = {claim.id: 0 for claim in claims}  # severity at once: what such buckets left of their part
        self._cells = {claim.id: self._first_cells(claim) for claim in claims}
        self._draws: list[Draw] = []
        self._reached: set[str] = set()
        self._offsets: dict[str, int] = {}

    def covered(self) -> Covered:
        """The outcome, once every layer had its turn."""
        severity = tuple((claim.id, self._left(claim.id) + self._kept[claim.id]) for claim in self.claims)
        waiting = tuple(sorted(self.waiting, key=id_key))
        return Covered(tuple(self._draws), severity, waiting, tuple(self._offsets.items()))

    def draw(self, layers: Sequence[Room]) -> bool:
        """Draw all layers; True when a deficit waits that left a trace in an earlier one: then this is no outcome."""
        for is_bucket, stage in groupby(layers, key=lambda layer: bool(layer.insures)):
            if is_bucket:
                self._split_over_markets()
                for layer in stage:
                    if self._bucket(layer):
                        return True
                self._join_markets()
                continue
            for _, ranked in groupby(enumerate(stage), key=lambda item: _group(*item)):
                group = [layer for _, layer in ranked]
                if len(group) > 1:
                    self._together(group)
                elif self._alone(group[0], self._cells):
                    return True
        return False

    # --- what is left ------------------------------------------------------------------------------------------

    def _left(self, deficit: str) -> int:
        return sum(self._cells[deficit].values())

    def _first_cells(self, claim: Claim) -> dict[str, int]:
        parts = dict(attribute(claim.units, claim.losses)) if self._by_market else {}
        return parts or {UNATTRIBUTED: claim.units}

    def _split_over_markets(self) -> None:
        """At the first of consecutive buckets: what is then left of each deficit, over its losses."""
        for claim in self.claims:
            losses = [(market, loss) for market, loss in claim.losses if market not in self._closed]
            parts = dict(attribute(self._left(claim.id), losses))
            if parts:
                self._cells[claim.id] = parts

    def _join_markets(self) -> None:
        """After the last of them: one sum again, where no limit asks for the market."""
        if not self._by_market:
            self._cells = {deficit: {UNATTRIBUTED: sum(cells.values())} for deficit, cells in self._cells.items()}

    # --- layers ------------------------------------------------------------------------------------------------

    def _bucket(self, layer: Room) -> bool:
        """A bucket for its markets' parts; what it may not let go on is severity."""
        insured = layer.insures
        cells = {
            deficit: {market: units for market, units in cells.items() if market in insured}
            for deficit, cells in self._cells.items()
        }
        if self._alone(layer, cells):
            return True
        if not layer.spill_over:
            self._closed.update(insured)
            for deficit, left in self._cells.items():
                for market in insured:
                    self._kept[deficit] += left.pop(market, 0)
        return False

    def _tally(self, layer: Room, cells: Mapping[str, Mapping[str, int]], times: int = 1) -> Tally:
        """A layer's turn for what reaches it; `times` as much as really does."""
        reaching = [claim for claim in self.claims if sum(cells[claim.id].values()) > 0]
        reached = sum(sum(cells[claim.id].values()) for claim in reaching) // times
        if layer.offset_units and reached:
            self._offsets[layer.id] = max(0, layer.offset_units - reached)
        return Tally(layer, reaching, cells, {} if layer.insures else self._cover_left, reached)

    def _alone(self, layer: Room, cells: Mapping[str, Mapping[str, int]]) -> bool:
        """One layer for all claims that reach it. True when a deficit waits that left a trace before."""
        tally = self._tally(layer, cells)
        if layer.draw_mode != "partial":
            return self._one_by_one(tally)
        tally.pay_shares()
        tally.sweep()
        self._book(tally, {deficit: _bound(tally, deficit) for deficit in tally.claims})
        return False

    def _one_by_one(self, tally: Tally) -> bool:
        """Deficit by deficit, lowest id first; whole or not at all."""
        bounds: dict[str, Bound] = {}
        for deficit in list(tally.claims):
            if tally.pay_whole(deficit):
                bounds[deficit] = ""
            elif tally.room.draw_mode == "all_or_nothing":
                bounds[deficit] = tally.bound(deficit)
            else:
                self.waiting.append(deficit)
                if deficit in self._reached or tally.room.offset_units:
                    return True
        self._drop(self.waiting)
        self._book(tally, bounds)
        return False

    def _drop(self, deficits: Sequence[str]) -> None:
        for deficit in deficits:
            self._cells.pop(deficit, None)
            self._kept.pop(deficit, None)
        self.claims = [claim for claim in self.claims if claim.id in self._cells]

    def _together(self, group: Sequence[Room]) -> None:
        """Layers of one rank: each pays its share, by what it could pay alone; then whoever still can pays the rest."""
        alone = [self._available(layer) for layer in group]
        wanted = sum(self._left(claim.id) for claim in self.claims)
        tallies = [self._tally(layer, self._cells) for layer in group]
        for tally, share in zip(tallies, allocate(min(wanted, sum(alone)), alone), strict=True):
            tally.beside = [other for other in tallies if other is not tally]
            tally.pay_shares(share)
        for tally in tallies:
            tally.sweep()
        for tally in tallies:
            self._book(tally, {deficit: _bound(tally, deficit) for deficit in tally.claims})

    def _available(self, layer: Room) -> int:
        """What a layer has for these deficits, were each as large as it likes."""
        times = layer.balance_units + 1
        cells = {name: {market: part * times for market, part in left.items()} for name, left in self._cells.items()}
        tally = self._tally(layer, cells, times)
        tally.pay_shares()
        tally.sweep()
        return tally.total_units()

    def _book(self, tally: Tally, bounds: Mapping[str, Bound]) -> None:
        """What a layer paid, as draws; what is left, less of it."""
        balance = tally.room.balance_units
        for deficit, bound in bounds.items():
            amount, parts = tally.amount(deficit), tally.paid[deficit]
            by_market: tuple[tuple[str, int], ...] = ()
            if self._by_market:
                named = [market for market, part in parts.items() if part and market != UNATTRIBUTED]
                by_market = tuple((market, parts[market]) for market in sorted(named, key=id_key))
            after = balance - amount
            self._draws.append(Draw(deficit, tally.room.id, amount, balance, after, bound, by_market))
            self._reached.add(deficit)
            balance = after
            for market, part in parts.items():
                self._cells[deficit][market] -= part
                if market in self._cover_left and not tally.room.insures:
                    self._cover_left[market] -= part


def _group(place: int, layer: Room) -> tuple[str, int]:
    """Layers next to each other with the same key are drawn together; one that pays whole deficits stands alone."""
    if layer.rank is None or layer.draw_mode != "partial":
        return "alone", place
    return "rank", layer.rank


def _bound(tally: Tally, deficit: str) -> Bound:
    return tally.bound(deficit) if any(tally.unmet(deficit).values()) else ""
