"""Bounds: accounts, tiers and marks as the floats that the kernel's proof speaks of.

Layer    stress; imports amounts, design.instruments and, when first asked, stress.kernel (with it Numba). Called by
         stress.screen, benchmarks.
Not here the proof (stress.kernel), who is looked at when (stress.screen), who is liquidatable (venue.scan).
Held to  this by tests/stress/test_kernel.py: tiers at every edge, Fractions, accounts at -1, 0 and 1 units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.amounts import PPM
from seawall.design.instruments import Instrument

Integers = NDArray[Any]
"""int64 or object array of integers."""

Floats = NDArray[Any]
"""float32 or float64."""

SAFE, LIQUIDATABLE, UNDECIDED = 0, 1, 2

_MOST_BASE: Final = 2.0**120
_MOST_EXACT: Final = 2**53 - 1
"""Whole numbers up to it are floats, so that a quotient of two is rounded once."""
_MOST_PRODUCT: Final = 2**62


@dataclass(frozen=True, slots=True)
class Tiers:
    """Margin tiers of all markets as the edges passed, shape (m, edges); what does not exist begins at infinity.

    begins             notional beyond which the edge is passed; None: there is none. Exact integers
    rate               shape (m,): of the lowest tier
    rise, fall         what the rate and the amount deducted change by
    jump_up, jump_down what the margin jumps by there, base units, >= 0
    """

    begins: tuple[tuple[int | None, ...], ...]
    rate: NDArray[np.float64]
    rise: NDArray[np.float64]
    fall: NDArray[np.float64]
    jump_up: NDArray[np.float64]
    jump_down: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Constants:
    """What the kernel multiplies lots by at some marks, shape (m,) or (m, edges); `exact` is float64 without margin."""

    exact: NDArray[np.float64]
    factor: Floats
    charge: Floats
    edge: Floats
    rise: Floats
    fall: Floats

    @property
    def all(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """In the kernel's order."""
        return self.factor, self.charge, self.edge, self.rise, self.fall


def kernel() -> ModuleType:
    """The compiled code; Numba is not loaded before."""
    from seawall.stress import kernel

    return kernel


def tiers_of(instruments: Sequence[Instrument]) -> Tiers:
    """The markets' tiers as edges. An amount deducted in the lowest tier is an edge that any position passes."""
    rows: list[list[tuple[int, int, int]]] = []
    rates = []
    for instrument in instruments:
        edges, rate, deducted = [], 0, 0
        begins: int | None = 0
        for number, tier in enumerate(instrument.market.tiers):
            if begins is None:
                break
            rise = tier.maintenance_margin_ppm - rate if number else 0
            fall = int(tier.maintenance_deducted) - deducted
            if rise or fall:
                edges.append((begins, rise, fall))
            if not number:
                rates.append(tier.maintenance_margin_ppm)
            rate, deducted = tier.maintenance_margin_ppm, int(tier.maintenance_deducted)
            begins = None if tier.up_to_notional is None else int(tier.up_to_notional)
        if not instrument.market.tiers:
            rates.append(0)
        rows.append(edges)
    shape = (len(rows), max(map(len, rows), default=0))
    rises, falls, up, down = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for market, row in enumerate(rows):
        for place, (begins_at, rise, fall) in enumerate(row):
            jump = (begins_at * rise - fall * PPM) / PPM
            rises[market, place], falls[market, place] = rise / PPM, fall
            up[market, place], down[market, place] = max(jump, 0.0), max(-jump, 0.0)
    begins_at_all = tuple(tuple(row[j][0] if j < len(row) else None for j in range(shape[1])) for row in rows)
    return Tiers(begins_at_all, np.array(rates, float) / PPM, rises, falls, up, down)


def roundings(tiers: Tiers) -> int:
    """k of the bound: roundings that any term of a margin passes through."""
    edges = max(map(len, tiers.begins), default=0)
    return len(tiers.begins) * (1 + edges) + 3


def width(k: int, dtype: Any) -> float:
    """g of the bound."""
    return float((k + 5) * np.finfo(dtype).eps / 2)


def most_lots(dtype: Any) -> float:
    """The most lots that are whole numbers in floats, with all below."""
    return 2.0**24 if dtype == np.float32 else 2.0**53 - 1


class Marks:
    """Turns marks into the kernel's constants; what does not depend on marks is worked out once.

    side  1: margins from below, -1: from above
    """

    def __init__(self, instruments: Sequence[Instrument], tiers: Tiers, dtype: Any, g: float, side: int) -> None:
        self._instruments, self._tiers, self._g, self._side = tuple(instruments), tiers, g, side
        self._kernel = kernel()
        self._most_lots = int(most_lots(dtype))
        m, shape = len(self._instruments), tiers.rise.shape
        self._times, self._over = np.zeros(m, np.int64), np.ones(m, np.int64)
        self._inverse, self._most_ticks = np.zeros(m, np.bool_), np.full(m, -1)
        self._begins = np.full(shape, -1)
        for market, instrument in enumerate(self._instruments):
            self._prepare(market, instrument)
        self._now = Constants(
            np.empty(m),
            np.empty(m, dtype),
            np.empty(m, dtype),
            np.empty(shape, dtype),
            np.empty(shape, dtype),
            np.empty(shape, dtype),
        )

    def _prepare(self, market: int, instrument: Instrument) -> None:
        """A market's integers for the compiled way, if they all fit."""
        inverse = instrument.contract.inverse
        times, over = (instrument.contract.unit, 1) if inverse else _ratio(instrument, 1)
        begins = [begin for begin in self._tiers.begins[market] if begin is not None]
        most = max(begins, default=0)
        if times > _MOST_EXACT or most * over > _MOST_PRODUCT:
            return
        self._times[market], self._over[market], self._inverse[market] = times, over, inverse
        self._begins[market, : len(begins)] = begins
        self._most_ticks[market] = min(_MOST_EXACT, _MOST_PRODUCT // max(most, 1)) if inverse else _MOST_EXACT
        if not inverse and times:
            self._most_ticks[market] = _MOST_EXACT // times

    def at(self, ticks: Sequence[int]) -> Constants:
        """The kernel's constants at these marks; the next call overwrites them.

        ticks  shape (m,), >= 0; 0: no mark, positions count for nothing
        """
        now, tiers = self._now, self._tiers
        if not self._compiled(ticks):
            self._at_length(ticks)
        self._kernel.weigh(
            now.exact,
            tiers.rate,
            tiers.rise,
            tiers.fall,
            self._g,
            self._side,
            now.factor,
            now.charge,
            now.rise,
            now.fall,
        )
        return now

    def _compiled(self, ticks: Sequence[int]) -> bool:
        """The factors and edges in int64; False where something does not fit."""
        try:
            whole = np.array(ticks, np.int64)
        except OverflowError:
            return False
        fits: bool = self._kernel.edges(
            whole,
            self._times,
            self._over,
            self._inverse,
            self._most_ticks,
            self._begins,
            self._most_lots,
            self._now.exact,
            self._now.edge,
        )
        return fits

    def _at_length(self, ticks: Sequence[int]) -> None:
        """The factors and edges in Python's integers."""
        exact, edge = self._now.exact, self._now.edge
        exact[:], edge[:] = 0.0, np.inf
        for market, instrument in enumerate(self._instruments):
            at = int(ticks[market])
            if at == 0:
                continue
            above, below = _ratio(instrument, at)
            try:
                exact[market] = above / below
            except OverflowError:
                exact[market] = np.inf
            if above == 0:
                continue
            for place, begins in enumerate(self._tiers.begins[market]):
                if begins is not None and (lots := begins * below // abs(above) + 1) <= self._most_lots:
                    edge[market, place] = lots


@dataclass(frozen=True, slots=True)
class PathConstants:
    """The constants of several sets of marks side by side, the path last: shape (m, paths) or (m, edges, paths).

    move  shape (2, m, paths): how far each path has moved against longs, against shorts
    """

    move: NDArray[np.float64]
    factor: Floats
    charge: Floats
    edge: Floats
    rise: Floats
    fall: Floats

    def in_order(self, order: NDArray[np.int64]) -> PathConstants:
        """The same with the paths in another order."""
        parts = (self.move, self.factor, self.charge, self.edge, self.rise, self.fall)
        return PathConstants(*(np.ascontiguousarray(part[..., order]) for part in parts))

    def of(self, path: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """One path's, in the kernel's order."""
        every = (self.factor, self.charge, self.edge, self.rise, self.fall)
        parts = [np.ascontiguousarray(part[..., path]) for part in every]
        return parts[0], parts[1], parts[2], parts[3], parts[4]


class PathMarks(Marks):
    """Turns many sets of marks into constants at once, margins from below.

    reference  shape (m,): F at the marks that reaches are measured from
    """

    def __init__(
        self, instruments: Sequence[Instrument], tiers: Tiers, dtype: Any, g: float, reference: NDArray[np.float64]
    ) -> None:
        super().__init__(instruments, tiers, dtype, g, 1)
        self._reference, self._dtype = reference, dtype
        from seawall.stress import batch_kernel

        self._batch = batch_kernel

    def at_all(self, ticks: Sequence[Sequence[int]]) -> PathConstants:
        """The constants at these marks, shape (paths, m): see `Marks.at`."""
        paths, m, tiers = len(ticks), len(self._instruments), self._tiers
        shape = (*tiers.rise.shape, paths)
        made = PathConstants(
            np.zeros((2, m, paths)),
            *(np.empty((m, paths), self._dtype) for _ in range(2)),
            *(np.empty(shape, self._dtype) for _ in range(3)),
        )
        try:
            whole = np.array(ticks, np.int64).reshape(paths, m)
        except OverflowError:
            return self._one_by_one(ticks, made)
        fitted = self._batch.weigh_paths(
            whole,
            self._times,
            self._over,
            self._inverse,
            self._most_ticks,
            self._begins,
            self._most_lots,
            tiers.rate,
            tiers.rise,
            tiers.fall,
            self._g,
            self._reference,
            *(made.move, made.factor, made.charge, made.edge, made.rise, made.fall),
        )
        return made if fitted else self._one_by_one(ticks, made)

    def _one_by_one(self, ticks: Sequence[Sequence[int]], made: PathConstants) -> PathConstants:
        """Where int64 does not do for all of them."""
        moved = np.empty((2, len(self._instruments)))
        for path, marks in enumerate(ticks):
            now = self.at(marks)
            self._kernel.moves(now.exact, self._reference, moved)
            made.move[..., path] = moved
            for part, one in zip((made.factor, made.charge, made.edge, made.rise, made.fall), now.all, strict=True):
                part[..., path] = one
        return made


def constants(
    instruments: Sequence[Instrument], tiers: Tiers, ticks: Sequence[int], dtype: Any, g: float, side: int
) -> Constants:
    """The kernel's constants at one set of marks (`Marks`)."""
    return Marks(instruments, tiers, dtype, g, side).at(ticks)


def _ratio(instrument: Instrument, ticks: int) -> tuple[int, int]:
    """What a lot is worth at a price, as a fraction; of collateral, what it counts for."""
    contract = instrument.contract
    if contract.inverse:
        return -contract.unit, ticks
    if instrument.market.kind == "collateral":
        return ticks * contract.unit * (PPM - instrument.market.haircut_ppm), PPM
    return ticks * contract.unit, 1


def narrow(units: NDArray[np.float64], dtype: Any) -> Floats:
    """Amounts in the kernel's type; what is too large becomes infinite, with its sign."""
    with np.errstate(over="ignore"):
        return np.where(np.abs(units) > _MOST_BASE, np.copysign(np.inf, units), units).astype(dtype)


def _float64(whole: Integers) -> NDArray[np.float64]:
    """Integers as the nearest floats; infinite where there is none."""
    try:
        return whole.astype(np.float64)
    except OverflowError:
        flat = [float(max(-(2**1000), min(2**1000, int(x)))) for x in whole.ravel()]
        return np.array(flat).reshape(whole.shape)


def _owed(cash: Integers, cost: Integers) -> NDArray[np.float64]:
    """cash - sum of costs, in integers, rounded once, shape (n,)."""
    if cash.dtype != object:
        largest = max([0, *(max(int(part.max()), -int(part.min())) for part in (cash, cost) if part.size)])
        if largest * (1 + len(cost)) >= 2**63:
            cash, cost = cash.astype(object), cost.astype(object)
    return _float64(cash - cost.sum(axis=0) if len(cost) else cash)


def float_rows(
    cash: Integers, cost: Integers, lots: Integers, positions: NDArray[np.bool_], dtype: Any, g: float, side: int
) -> tuple[Floats, Floats]:
    """(base, lots) of accounts as the kernel wants them, shapes (n,), (m, n). A cost counts where lots are held.

    An account without positions is +inf: never a candidate. One with lots beyond the floats is -inf: always one.
    """
    held = _float64(lots)
    base = _owed(cash, cost * (lots != 0)) - (3 * (held != 0).sum(axis=0) if side > 0 else 0)
    base -= side * 3 * g * np.abs(base)
    too_large = (np.abs(held) > most_lots(dtype)).any(axis=0) | (np.abs(base) > _MOST_BASE)
    open_rows = (held[positions] != 0).any(axis=0)
    base[too_large] = -np.inf * side
    base[~open_rows] = np.inf
    held[:, too_large | ~open_rows] = 0.0
    return base.astype(dtype), held.astype(dtype)


def positions_of(instruments: Sequence[Instrument]) -> NDArray[np.bool_]:
    return np.array([instrument.market.kind != "collateral" for instrument in instruments], dtype=np.bool_)


def classify(
    cash: Integers, cost: Integers, lots: Integers, instruments: Sequence[Instrument], ticks: Sequence[int]
) -> NDArray[np.int8]:
    """Every account in float64: SAFE (equity above maintenance), LIQUIDATABLE (below it) or UNDECIDED, shape (n,).

    cash, cost, lots  shapes (n,), (m, n), (m, n), as in VenueState; ticks: shape (m,), 0 for a market without a mark
    Accounts without positions are SAFE: nothing of theirs can be liquidated. For tests and benchmarks.
    """
    tiers = tiers_of(instruments)
    g = width(roundings(tiers), np.float64)
    bounds = []
    for side in (1, -1):
        base, held = float_rows(cash, cost, lots, positions_of(instruments), np.float64, g, side)
        margins = np.empty(len(base))
        kernel().margins(base, held, *constants(instruments, tiers, ticks, np.float64, g, side).all, margins)
        bounds.append(margins)
    return np.where(bounds[0] > 0, SAFE, np.where(bounds[1] < 0, LIQUIDATABLE, UNDECIDED)).astype(np.int8)
