"""Screen: which accounts may be liquidatable at given marks, cheaply and never too few.

Layer    stress; imports design.instruments, stress.bounds and, when a screen is made, stress.kernel (with it Numba).
         Called by stress only.
Not here who is liquidatable: candidates are valued in integers (venue.scan). The bound and its proof (stress.kernel).
Held to  this by tests/stress/test_screen.py: every account that venue.scan finds is a candidate, at any marks, in any
         order of updates, with and without skipping, on any number of threads.

A screen keeps its own rows in floats. They lie by market and side, then by how far the markets may move against them,
in blocks; a scan passes over blocks that the markets have not moved far enough for. Rows that changed lie at the end,
in blocks that every scan looks at, until there is no room left and all rows are laid out anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.design.instruments import Instrument
from seawall.stress.bounds import (
    Constants,
    Floats,
    Integers,
    constants,
    float_rows,
    kernel,
    narrow,
    positions_of,
    roundings,
    tiers_of,
    width,
)

_FLOAT32_ROUNDINGS: Final = 100  # beyond, float32 would leave too many accounts undecided
_FEW: Final = 10_000  # one account in so many may have lots beyond float32: always a candidate
_CLASSES: Final = 256  # of reach, within rows of the same markets and sides
_SMALL_GROUP: Final = 128  # fewer rows of the same markets and sides lie with the other small groups
_LOOKS_BEFORE_RENEWAL: Final = 8  # rows looked at since reaches were renewed, in multiples of all rows


class Screen:
    """The accounts of a venue, ready to be asked who may be liquidatable.

    cash   shape (n,), base units; cost, lots: shape (m, n), base units and signed lots; int64 or Python integers
    skip   pass over blocks that markets have not moved far enough for; without, every scan looks at every row
    threads  >= 1; the answer is the same for any number
    """

    def __init__(
        self,
        cash: Integers,
        cost: Integers,
        lots: Integers,
        instruments: Sequence[Instrument],
        *,
        skip: bool = True,
        threads: int = 1,
    ) -> None:
        self._instruments, self._skip, self._threads = tuple(instruments), skip, max(1, threads)
        self._kernel = kernel()
        self._tiers = tiers_of(instruments)
        self._positions = positions_of(instruments)
        k = roundings(self._tiers)
        beyond = int((np.abs(lots) > 2**24).any(axis=0).sum())
        small = beyond <= len(cash) // _FEW and k <= _FLOAT32_ROUNDINGS
        self.dtype: Any = np.float32 if small else np.float64
        self._g = width(k, self.dtype)
        n, m = len(cash), len(lots)
        self._n, self._hot = n, max(4 * self._kernel.BLOCK, n // 32)
        base, held = float_rows(cash, cost, lots, self._positions, self.dtype, self._g, 1)
        self._base = np.full(n + self._hot, np.inf, self.dtype)
        self._lots = np.zeros((m, n + self._hot), self.dtype)
        self._base[:n], self._lots[:, :n] = base, held
        self._account = np.arange(n + self._hot)  # of each row
        self._row = np.arange(n)  # of each account
        self._used = 0  # rows at the end
        self._laid_out = False
        self._looked = 0  # rows, since reaches were renewed
        self.looked = 0  # rows, ever
        self._found = [np.empty(n + self._hot, np.int64) for _ in range(self._threads)]

    def update(
        self, accounts: Sequence[int] | NDArray[np.int64], cash: Integers, cost: Integers, lots: Integers
    ) -> None:
        """These accounts' rows changed.

        accounts          indices, in any order
        cash, cost, lots  all accounts, as at the beginning
        """
        changed = np.unique(np.asarray(accounts, dtype=np.int64))
        if not changed.size:
            return
        base, held = float_rows(
            cash[changed], cost[:, changed], lots[:, changed], self._positions, self.dtype, self._g, 1
        )
        if self._laid_out:
            rows = self._row[changed]
            moving = (rows < self._n) & (base < np.inf)  # a row that is out for good can stay where it is
            fresh = int(moving.sum())
            if self._used + fresh > self._hot:
                self._laid_out = False
            else:
                self._base[rows[moving]], self._lots[:, rows[moving]] = np.inf, 0
                slots = self._n + self._used + np.arange(fresh)
                self._row[changed[moving]], self._account[slots] = slots, changed[moving]
                self._used += fresh
        rows = self._row[changed]
        self._base[rows], self._lots[:, rows] = base, held
        if self._laid_out:
            hot = rows >= self._n
            blocks = self._cold + (rows[hot] - self._n) // self._kernel.BLOCK
            np.maximum.at(self._most, blocks, np.abs(held[:, hot]).T)
            sides = ((held[:, hot] > 0) + 2 * (held[:, hot] < 0)).T.astype(np.uint8)
            np.bitwise_or.at(self._sides, blocks, sides)

    def candidates(self, ticks: Sequence[int]) -> NDArray[np.int64]:
        """Accounts with positions that may have equity <= maintenance at these marks, sorted; no such is left out.

        ticks  shape (m,), >= 0; 0: a market without a mark, whose positions count for nothing
        """
        now = constants(self._instruments, self._tiers, ticks, self.dtype, self._g, 1)
        if not self._laid_out:
            self._lay_out(now)
        elif self._skip and self._looked > _LOOKS_BEFORE_RENEWAL * self._n:
            self._renew(now)
        blocks = self._cold + -(-self._used // self._kernel.BLOCK)
        move = np.zeros((2, len(self._lots)))
        if self._skip:
            self._kernel.moves(now.exact, self._reference, move)

        def part(thread: int) -> tuple[int, int]:
            count, looked = self._kernel.scan(
                self._base,
                self._lots,
                self._starts[: blocks + 1],
                self._most,
                self._sides,
                self._reach,
                move,
                *now.all,
                thread,
                self._threads,
                self._found[thread],
            )
            return int(count), int(looked)

        if self._threads == 1:
            parts = [part(0)]
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                parts = list(pool.map(part, range(self._threads)))
        looked = sum(rows for _, rows in parts)
        self._looked += looked
        self.looked += looked
        rows = np.concatenate([part_found[:count] for part_found, (count, _) in zip(self._found, parts, strict=True)])
        found = np.sort(self._account[rows])
        # A row given up is found again where a factor is not a number.
        once: NDArray[np.int64] = found[np.diff(found, prepend=-1) != 0]
        return once

    def _lay_out(self, now: Constants) -> None:
        """All rows anew: by market and side, then by reach at these marks, in blocks; ties by account."""
        compiled, n = self._kernel, self._n
        row = self._row
        base, lots = self._base[row], np.take(self._lots, row, axis=1)
        plain = np.append(np.arange(0, n, compiled.BLOCK), n)
        code = np.empty(n, np.int64)
        compiled.patterns(lots, now.edge, code)
        group, groups = _grouped(code)
        key = group * _CLASSES
        if self._skip:
            reach = self._reaches(base, lots, plain, now)
            key += (np.maximum(reach, 0) * (_CLASSES / (compiled.MOST_REACH + 0.01))).astype(np.int64)
        counts = np.bincount(key, minlength=groups * _CLASSES)
        order = np.empty(n, np.int64)
        compiled.places(key, counts, order)
        self._base[:n], self._base[n:] = base[order], np.inf
        for market in range(len(lots)):
            np.take(lots[market], order, out=self._lots[market, :n])
        self._lots[:, n:] = 0
        self._account[:n] = order
        self._row = np.empty(n, np.int64)
        self._row[order] = np.arange(n)
        ends = np.cumsum(counts.reshape(groups, _CLASSES).sum(axis=1))
        starts = [np.arange(low, high, compiled.BLOCK) for low, high in zip([0, *ends[:-1]], ends, strict=True)]
        hot = np.append(np.arange(n, n + self._hot, compiled.BLOCK), n + self._hot)
        cold = np.concatenate([*starts, hot[:0]])
        self._cold, self._used = len(cold), 0
        self._starts = np.concatenate([cold, hot])
        self._most = np.zeros((len(self._starts) - 1, len(lots)), self.dtype)
        self._sides = np.zeros((len(self._starts) - 1, len(lots)), np.uint8)
        compiled.summaries(self._lots, self._starts, self._most, self._sides)
        self._laid_out = True
        if self._skip:
            self._refer(reach[order], now)
        else:
            self._reach, self._reference = np.full(len(self._starts) - 1, -1.0, self.dtype), now.exact

    def _renew(self, now: Constants) -> None:
        """Reaches from these marks on, rows where they are."""
        self._refer(self._reaches(self._base, self._lots, self._starts[: self._cold + 1], now)[: self._n], now)

    def _refer(self, reach: Floats, now: Constants) -> None:
        """Let blocks have the least reach of their rows; those at the end have none."""
        self._reach = np.full(len(self._starts) - 1, -1.0, self.dtype)
        if self._cold:
            self._reach[: self._cold] = np.minimum.reduceat(reach, self._starts[: self._cold])
        self._reference, self._looked = now.exact, 0

    def _reaches(self, base: Floats, lots: Floats, starts: NDArray[np.int64], now: Constants) -> Floats:
        """Every row's reach from these marks, shape (rows,)."""
        blocks = len(starts) - 1
        most, sides = np.zeros((blocks, len(lots)), self.dtype), np.zeros((blocks, len(lots)), np.uint8)
        self._kernel.summaries(lots, starts, most, sides)
        reach = np.empty(len(base), self.dtype)
        more = 1 + 3 * self._g
        up, down = (narrow(jump * more, self.dtype) for jump in (self._tiers.jump_up, self._tiers.jump_down))
        self._kernel.reaches(base, lots, starts, most, *now.all, up, down, self.dtype(self._g), reach)
        return reach


def _grouped(code: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """(group of each row, groups): rows of one code are a group, but small ones lie together in the last."""
    if not code.size:
        return code, 1
    inverse = code
    if int(code.min()) < 0 or int(code.max()) >= 2**20:
        inverse = np.unique(code, return_inverse=True)[1]
    counts = np.bincount(inverse)
    large = counts >= _SMALL_GROUP
    name = np.where(large, np.cumsum(large) - 1, int(large.sum()))
    return name[inverse], int(large.sum()) + 1
