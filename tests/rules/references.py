"""References: the rules once more, slowly and by another idea: a unit at a time, Fractions, search over everything.

Layer    tests; imports nothing of ours, so that it cannot repeat a mistake. Used by tests/{rules,fund,venue}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise


def allocate_by_units(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """The definition, slowly: a unit at a time to whoever is furthest below quota; ties to the lowest id."""
    shares = [0] * len(weights)
    for _ in range(amount):
        short = [Fraction(amount * w, sum(weights)) - s if w else Fraction(-1) for w, s in zip(weights, shares)]
        shares[short.index(max(short))] += 1  # index(): the lowest id wins a tie
    return tuple(shares)


def allocate_by_quota(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """The same at any size: quotas as Fractions, whole parts first, then the largest fractional parts."""
    quotas = [Fraction(amount * w, sum(weights)) for w in weights] if amount else [Fraction(0)] * len(weights)
    shares = [int(quota) for quota in quotas]
    while sum(shares) < amount:
        short = [quota - share for quota, share in zip(quotas, shares)]
        shares[short.index(max(short))] += 1
    return tuple(shares)


def water_level(amount: int, weights: Sequence[int], caps: Sequence[int]) -> list[Fraction]:
    """Real-valued capped water-fill: h = min(c, t w) with the one level t at which they add up, between two kinks."""
    live = [i for i, w in enumerate(weights) if w > 0]
    total = min(amount, sum(caps[i] for i in live))

    def filled(level: Fraction) -> Fraction:
        return sum((min(Fraction(caps[i]), level * weights[i]) for i in live), Fraction(0))

    kinks = sorted({Fraction(0), *(Fraction(caps[i], weights[i]) for i in live)})
    level = Fraction(0)
    for low, high in pairwise(kinks):
        if filled(high) >= total:  # the level lies on this straight piece: one division finds it
            slope = (filled(high) - filled(low)) / (high - low)
            level = low + (total - filled(low)) / slope if slope else low
            break
        level = high
    return [min(Fraction(caps[i]), level * weights[i]) if i in live else Fraction(0) for i in range(len(weights))]


# --- the waterfall, a unit at a time -------------------------------------------------------------------------------


@dataclass
class UnitLayer:
    """A layer that hands out single units and asks every limit before each."""

    id: str
    balance: int
    market: str | None = None
    minimum_left: int = 0
    event_limit: int | None = None
    window_left: int | None = None
    paid: dict[str, int] = field(default_factory=dict)

    def would(self, deficit: str, paid_now: Mapping[str, int]) -> bool:
        """Whether one more unit for this deficit breaks no limit, `paid_now` being what it has paid so far."""
        out = sum(paid_now.values())
        if self.balance - out - 1 < self.minimum_left or self.balance - out - 1 < 0:
            return False
        if self.event_limit is not None and paid_now[deficit] + 1 > self.event_limit:
            return False
        return self.window_left is None or out + 1 <= self.window_left


def pay_by_units(
    claims: Sequence[tuple[str, int, Mapping[str, int]]],
    layers: Sequence[UnitLayer],
    share: Callable[[int, Sequence[int]], tuple[int, ...]] = allocate_by_units,
) -> dict[str, int]:
    """Pay a batch, layer after layer, unit after unit; returns what is left of each deficit.

    claims  (deficit, units, losses by market), lowest id first; consecutive buckets are one stage: each deficit is
            first split over markets by its losses, and a bucket pays at most its market's part
    layers  `paid` of each is filled in
    """
    left = {deficit: units for deficit, units, _ in claims}
    parts: dict[tuple[str, str], int] = {}
    stage_open = False
    for layer in layers:
        if layer.market is None:
            stage_open = False
            wanted = dict(left)
        else:
            if not stage_open:
                parts = {}
                for deficit, _, losses in claims:
                    if sum(losses.values()):
                        markets = sorted(losses, key=lambda market: (len(market), market))  # ties to the lowest id
                        split = share(left[deficit], [losses[market] for market in markets])
                        parts |= {(deficit, market): part for market, part in zip(markets, split)}
            stage_open = True
            wanted = {deficit: parts.get((deficit, layer.market), 0) for deficit in left}
        # How many units could leave the layer at all: hand them to anybody who may still have one.
        tried = dict.fromkeys(left, 0)
        moved = True
        while moved:
            moved = False
            for deficit in left:
                while tried[deficit] < wanted[deficit] and layer.would(deficit, tried):
                    tried[deficit] += 1
                    moved = True
        # Who gets them: pro rata to what each may have of this layer when alone.
        alone = {}
        for deficit in left:
            most = wanted[deficit]
            if layer.event_limit is not None:
                most = min(most, layer.event_limit)
            alone[deficit] = most
        total = sum(tried.values())
        given = share(total, list(alone.values())) if total else (0,) * len(alone)
        layer.paid = dict(zip(alone, given))
        for deficit, units in layer.paid.items():
            left[deficit] -= units
    return left


def window_left_naive(limit: int, length_ms: int, draws: Sequence[tuple[int, int]], now_ms: int) -> int:
    """A window's room by looking at every millisecond of it: the instants of (now - length, now]."""
    spent = 0
    for instant in range(now_ms - length_ms + 1, now_ms + 1):
        spent += sum(amount for time, amount in draws if time == instant)
    return max(0, limit - spent)


# --- routing, a unit at a time -------------------------------------------------------------------------------------


def route_by_units(
    amount: int, carried: Sequence[tuple[str, int]], sinks: Sequence[tuple[str, int, int | None]]
) -> tuple[dict[str, int], dict[str, int], int]:
    """Each unit asks anew where it belongs: oldest debt, first sink below its target, else excess.

    sinks    (layer, balance, target or None)
    returns  (repaid by deficit, credited by layer, excess)
    """
    owed = dict(carried)
    repaid: dict[str, int] = {}
    credited: dict[str, int] = {}
    balances = {layer: balance for layer, balance, _ in sinks}
    excess = 0
    for _ in range(amount):
        debtor = next((deficit for deficit, units in owed.items() if units > 0), None)
        if debtor is not None:
            owed[debtor] -= 1
            repaid[debtor] = repaid.get(debtor, 0) + 1
            continue
        open_to = (layer for layer, _, target in sinks if target is None or balances[layer] < target)
        sink = next(open_to, None)
        if sink is None:
            excess += 1
        else:
            balances[sink] += 1
            credited[sink] = credited.get(sink, 0) + 1
    return repaid, credited, excess
