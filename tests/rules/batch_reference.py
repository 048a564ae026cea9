"""A batch drawn once more by another idea: units of deficits and markets, and limits as sets of them with a room.

Layer    tests; imports nothing of ours but the unit-by-unit references. Used by tests/rules and tests/fund.

A *cell* is (deficit, market). A limit is a function from a cell to a key ("this account", "this market", "all") and the
room of every key. Shares are Fractions rounded by largest remainders; everything else goes unit by unit.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.rules.references import allocate_by_quota

Cell = tuple[str, str]
WHOLE = ""
"""The market of what is attributed to none."""


@dataclass(frozen=True)
class RefClaim:
    """A deficit."""

    id: str
    units: int
    losses: Mapping[str, int]
    account: str = ""
    owner: str = ""


@dataclass(frozen=True)
class RefLimit:
    """A limit: `room` of each key; `stage` says what its keys are."""

    stage: str
    room: Callable[[Any], int]


@dataclass
class RefLayer:
    """A layer as a set of limits. `offset` units of what reaches it are not its to pay."""

    id: str
    limits: Sequence[RefLimit]
    insures: tuple[str, ...] = ()
    spill_over: bool = True
    rank: int | None = None
    mode: str = "partial"
    offset: int = 0


def lowest(names: Sequence[str]) -> list[str]:
    """Ids, lowest first: shorter, then bytewise."""
    return sorted(names, key=lambda name: (len(name), name))


@dataclass
class Turn:
    """One layer's turn: the cells that reached it and what it paid of them."""

    layer: RefLayer
    reached: dict[Cell, int]
    paid: dict[Cell, int] = field(default_factory=dict)
    share: int | None = None
    reach: int = 0

    def key(self, stage: str, cell: Cell, claims: Mapping[str, RefClaim]) -> Any:
        """What a cell counts towards; None where it counts towards nothing."""
        claim = claims[cell[0]]
        named = {"account": claim.account, "owner": claim.owner, "event": claim.id, "layer": "all"}
        return (cell[1] or None) if stage == "market" else named[stage]


@dataclass
class RefBatch:
    """A batch on its way through the layers.

    left   what is left of each cell; kept: severity at once; cover: what may still be paid by market
    paid   (deficit, layer) -> {market: units}
    """

    claims: dict[str, RefClaim]
    by_market: bool
    cover: dict[str, int]
    left: dict[Cell, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    paid: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    waits: list[str] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)

    def owed(self, deficit: str) -> int:
        return sum(units for (name, _), units in self.left.items() if name == deficit)

    def set_cells(self, deficit: str, parts: Mapping[str, int]) -> None:
        self.left = {cell: units for cell, units in self.left.items() if cell[0] != deficit}
        self.left |= {(deficit, market): units for market, units in parts.items()}

    def split(self, deficit: str) -> None:
        """What is left of a deficit, over its losses in markets that are not closed to later layers."""
        losses = {market: loss for market, loss in self.claims[deficit].losses.items() if market not in self.closed}
        if sum(losses.values()):
            markets = lowest(list(losses))
            parts = allocate_by_quota(self.owed(deficit), [losses[market] for market in markets])
            self.set_cells(deficit, dict(zip(markets, parts)))

    def join(self) -> None:
        for deficit in self.claims:
            self.set_cells(deficit, {WHOLE: self.owed(deficit)})

    # --- one layer -------------------------------------------------------------------------------------------------

    def turn(self, layer: RefLayer) -> Turn:
        reached = {
            cell: units
            for cell, units in self.left.items()
            if units and (not layer.insures or cell[1] in layer.insures)
        }
        return Turn(layer, reached, reach=sum(reached.values()))

    def limits(self, turn: Turn) -> list[RefLimit]:
        limits = list(turn.layer.limits)
        if turn.layer.offset:
            if turn.reach:
                self.offsets[turn.layer.id] = max(0, turn.layer.offset - turn.reach)
            limits.append(RefLimit("layer", lambda _: max(0, turn.reach - turn.layer.offset)))
        return limits

    def used(self, turn: Turn, stage: str, key: Any) -> int:
        return sum(units for cell, units in turn.paid.items() if turn.key(stage, cell, self.claims) == key)

    def would(self, turn: Turn, cell: Cell) -> bool:
        """Whether one unit more for a cell breaks no limit."""
        if not turn.reached.get(cell) or not self.left[cell]:
            return False
        if not turn.layer.insures and cell[1] in self.cover and not self.cover[cell[1]]:
            return False
        for limit in self.limits(turn):
            key = turn.key(limit.stage, cell, self.claims)
            if key is not None and self.used(turn, limit.stage, key) + 1 > limit.room(key):
                return False
        return True

    def pay(self, turn: Turn, cell: Cell, units: int) -> None:
        turn.paid[cell] = turn.paid.get(cell, 0) + units
        self.left[cell] -= units
        if not turn.layer.insures and cell[1] in self.cover:
            self.cover[cell[1]] -= units
        row = self.paid.setdefault((cell[0], turn.layer.id), {})
        row[cell[1]] = row.get(cell[1], 0) + units

    def cut(self, turn: Turn, rows: dict[Cell, int], stage: str) -> dict[Cell, int]:
        """Rows cut so that no key of a stage has more than its room, in proportion. A row is a deficit or a cell."""
        rooms = [limit.room for limit in self.limits(turn) if limit.stage == stage]
        if stage == "layer" and turn.share is not None:
            rooms.append(lambda _: turn.share)
        if stage == "market" and not turn.layer.insures:
            rooms.append(lambda market: self.cover.get(market, 10**40))
        keys = {turn.key(stage, row, self.claims) for row in rows} - {None}
        for key in keys if rooms else ():
            room = max(0, min(room(key) for room in rooms))
            mine = [row for row in rows if turn.key(stage, row, self.claims) == key]
            mine.sort(key=lambda row: (len(row[0]), row[0]))
            if sum(rows[row] for row in mine) > room:
                rows |= dict(zip(mine, allocate_by_quota(room, [rows[row] for row in mine])))
        return rows

    def spread(self, totals: Mapping[Cell, int], cells: Mapping[Cell, int]) -> dict[Cell, int]:
        """What each deficit has in all, over its cells."""
        parts: dict[Cell, int] = {}
        for (deficit, _), units in totals.items():
            markets = lowest([market for name, market in cells if name == deficit])
            split = allocate_by_quota(units, [cells[deficit, market] for market in markets])
            parts |= {(deficit, market): part for market, part in zip(markets, split)}
        return parts

    def totals(self, cells: Mapping[Cell, int]) -> dict[Cell, int]:
        """One row a deficit, lowest id first."""
        names = lowest(list({cell[0] for cell in cells}))
        return {(name, WHOLE): sum(units for cell, units in cells.items() if cell[0] == name) for name in names}

    def shares(self, turn: Turn) -> None:
        """By account and owner the deficits are cut, by market their cells, by event and layer the deficits again."""
        cells = {cell: min(units, self.left[cell]) for cell, units in turn.reached.items()}
        totals = self.cut(turn, self.cut(turn, self.totals(cells), "account"), "owner")
        cells = self.cut(turn, self.spread(totals, cells), "market")
        totals = self.cut(turn, self.cut(turn, self.totals(cells), "event"), "layer")
        for cell, units in self.spread(totals, cells).items():
            self.pay(turn, cell, units)

    def sweep(self, turn: Turn) -> None:
        for deficit in lowest(list(self.claims)):
            for market in lowest([cell[1] for cell in turn.reached if cell[0] == deficit]):
                while self.would(turn, (deficit, market)):
                    self.pay(turn, (deficit, market), 1)

    def whole(self, turn: Turn, deficit: str) -> bool:
        """Try unit by unit; if any unit is refused, undo."""
        before = copy.deepcopy((turn.paid, self.left, self.cover, self.paid))
        for cell in [cell for cell in turn.reached if cell[0] == deficit]:
            while self.left[cell]:
                if not self.would(turn, cell):
                    turn.paid, self.left, self.cover, self.paid = before
                    return False
                self.pay(turn, cell, 1)
        return True

    def alone(self, layer: RefLayer) -> None:
        """One layer by itself."""
        turn = self.turn(layer)
        if layer.mode == "partial":
            self.shares(turn)
            self.sweep(turn)
            return
        self.limits(turn)  # notes the offset
        for deficit in lowest(list({cell[0] for cell in turn.reached})):
            if not self.whole(turn, deficit) and layer.mode == "block":
                self.waits.append(deficit)

    def together(self, group: Sequence[RefLayer]) -> None:
        could = []
        for layer in group:
            trial = copy.deepcopy(self)
            turn = trial.turn(layer)
            trial.left = {cell: units * 10**6 for cell, units in self.left.items()}  # deficits larger than any layer
            turn.reached = {cell: units * 10**6 for cell, units in turn.reached.items()}
            trial.shares(turn)
            trial.sweep(turn)
            could.append(sum(turn.paid.values()))
        shares = allocate_by_quota(min(sum(self.left.values()), sum(could)), could) if sum(could) else could
        turns = [self.turn(layer) for layer in group]
        for turn, share in zip(turns, shares):
            turn.share = share
            self.shares(turn)
            turn.share = None
        for turn in turns:
            self.sweep(turn)


def draw_by_cells(
    claims: Sequence[RefClaim], layers: Sequence[RefLayer], cover: Mapping[str, int]
) -> tuple[dict[tuple[str, str], dict[str, int]], dict[str, int], list[str], dict[str, int]]:
    """(paid by deficit and layer and market, severity by deficit, who waits, offsets left).

    Who waits is found by the definition: unless nobody does, deficits join one by one, lowest id first.
    """
    batch = walk(claims, layers, cover)
    waits: list[str] = []
    if batch.waits:
        joined: list[RefClaim] = []
        for claim in claims:
            if walk([*joined, claim], layers, cover).waits:
                waits.append(claim.id)
            else:
                joined.append(claim)
        batch = walk(joined, layers, cover)
    severity = {deficit: batch.owed(deficit) + batch.kept[deficit] for deficit in batch.claims}
    return batch.paid, severity, waits, batch.offsets


def walk(claims: Sequence[RefClaim], layers: Sequence[RefLayer], cover: Mapping[str, int]) -> RefBatch:
    """All layers in order; buckets in a row split what is then left of a deficit over its losses."""
    by_market = bool(cover) or any(limit.stage == "market" for layer in layers for limit in layer.limits)
    batch = RefBatch({claim.id: claim for claim in claims}, by_market, dict(cover))
    batch.kept = dict.fromkeys(batch.claims, 0)
    for deficit, claim in batch.claims.items():
        batch.set_cells(deficit, {WHOLE: claim.units})
        if by_market:
            batch.split(deficit)
    place = 0
    while place < len(layers) and not batch.waits:
        layer = layers[place]
        group = [layer]
        if layer.insures:
            if place == 0 or not layers[place - 1].insures:
                for deficit in batch.claims:
                    batch.split(deficit)
        elif layer.rank is not None and layer.mode == "partial":
            for other in layers[place + 1 :]:
                if other.rank != layer.rank or other.mode != "partial" or other.insures:
                    break
                group.append(other)
        if len(group) > 1:
            batch.together(group)
        else:
            batch.alone(layer)
        if layer.insures and not layer.spill_over:
            batch.closed |= set(layer.insures)
            for cell in [cell for cell in batch.left if cell[1] in layer.insures]:
                batch.kept[cell[0]] += batch.left.pop(cell)
        place += len(group)
        if layer.insures and not by_market and (place == len(layers) or not layers[place].insures):
            batch.join()
    return batch
