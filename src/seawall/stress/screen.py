"""Screen: which accounts may be liquidatable at given marks, cheaply and never too few.

Layer    stress; imports design.instruments, stress.bounds and, when a screen is made, stress.kernel (with it Numba).
         Called by stress only.
Not here who is liquidatable: candidates are valued in integers (venue.scan). The bound and its proof (stress.kernel).
Held to  this by tests/stress/test_screen.py: every account that venue.scan finds is a candidate, at any marks, in any
         order of updates, with and without skipping, on any number of threads.

A screen keeps its own rows in floats, at first by account. Once scans have looked at so many rows that laying them out
would have cost no more, they are laid out: by market and side, then by how far the markets may move against them, in
blocks; a scan then passes over blocks that the markets have not moved far enough for. Rows that changed move to the
end, into blocks that every scan looks at; when there is no room left they stay where they are and wake their blocks,
until scans have again looked at so many rows that laying all out anew costs no more. So skipping costs at most about
twice what looking at every row would have, however few the scans, however many the changes, wherever the markets go.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.design.instruments import Instrument
from seawall.stress.bounds import (
    Constants,
    Floats,
    Integers,
    Marks,
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
_PIECE: Final = 128  # rows of a block of laid out rows, at most the kernel's BLOCK
_SMALL_GROUP: Final = 128  # fewer rows of the same markets and sides lie with the other small groups
# Measured in scans of all rows (benchmarks/stress.py): what laying rows out costs, and renewing their reaches.
_LAYOUT_SCANS: Final = 24
_RENEWAL_SCANS: Final = 8


@dataclass(frozen=True, slots=True)
class Laid:
    """Rows as a screen lays them out.

    base, lots  shapes (n,), (m, n): the kernel's rows
    starts, sides, reach  blocks, see kernel.scan
    reference   shape (m,): F at the marks that reaches are measured from
    account     shape (n,): of each row; row: of each account
    """

    base: Floats
    lots: Floats
    starts: NDArray[np.int64]
    sides: NDArray[np.uint8]
    reach: Floats
    reference: NDArray[np.float64]
    account: NDArray[np.int64]
    row: NDArray[np.int64]


class Screen:
    """The accounts of a venue, ready to be asked who may be liquidatable.

    cash   shape (n,), base units; cost, lots: shape (m, n), base units and signed lots; int64 or Python integers
    skip   pass over blocks that markets have not moved far enough for; without, every scan looks at every row
    threads  >= 1; the answer is the same for any number
    wait     lay rows out once scans have looked at so many times all rows; 0: at the first scan
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
        wait: int = _LAYOUT_SCANS,
    ) -> None:
        self._instruments, self._skip, self._threads = tuple(instruments), skip, max(1, threads)
        self._kernel = kernel()
        self._tiers = tiers_of(instruments)
        self._positions = positions_of(instruments)
        k = roundings(self._tiers)
        beyond = int((np.abs(lots) > 2**24).any(axis=0).sum())
        small = beyond <= len(cash) // _FEW and k <= _FLOAT32_ROUNDINGS
        self.dtype: Any = np.float32 if small else np.float64
        self.g = width(k, self.dtype)
        n, m = len(cash), len(lots)
        self._marks = Marks(instruments, self._tiers, self.dtype, self.g, 1)
        more = 1 + 3 * self.g
        self._jumps = [narrow(jump * more, self.dtype) for jump in (self._tiers.jump_up, self._tiers.jump_down)]
        self._n, self._hot = n, max(4 * self._kernel.BLOCK, n // 32) if skip else 0
        self._base, self._lots = float_rows(cash, cost, lots, self._positions, self.dtype, self.g, 1)
        self._account = np.arange(n + self._hot)  # of each row
        self._row = np.arange(n)  # of each account
        self._used = 0  # rows at the end
        self._laid_out, self._wait = False, wait
        self._full = False  # no room at the end: to be laid out anew once that pays
        self._looked = 0  # rows, since reaches were renewed
        self.looked = 0  # rows, ever
        self._move = np.zeros((2, m))
        self._bits = np.zeros(n // 64 + 1, np.uint64)
        self._found = [np.empty(n + self._hot, np.int64) for _ in range(self._threads)]
        self._pool: ThreadPoolExecutor | None = None
        self._block(np.append(np.arange(0, n, self._kernel.BLOCK), n))
        self._reach = np.full(len(self._starts) - 1, -1.0, self.dtype)
        self._cold, self._scanned = len(self._starts) - 1, self._starts

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
            cash[changed], cost[:, changed], lots[:, changed], self._positions, self.dtype, self.g, 1
        )
        if self._laid_out and not self._full:  # a full end takes no more, so that what lies there stays in order
            rows = self._row[changed]
            moving = (rows < self._n) & (base < np.inf)  # a row that is out for good can stay where it is
            fresh = int(moving.sum())
            self._full = self._used + fresh > self._hot
            if not self._full:
                self._base[rows[moving]], self._lots[:, rows[moving]] = np.inf, 0
                slots = self._n + self._used + np.arange(fresh)
                self._row[changed[moving]], self._account[slots] = slots, changed[moving]
                self._used += fresh
        rows = self._row[changed]
        self._base[rows], self._lots[:, rows] = base, held
        lives = base < np.inf  # one that is out for good wakes nobody
        held, blocks = held[:, lives], np.searchsorted(self._starts, rows[lives], side="right") - 1
        self._reach[blocks] = -1.0  # looked at by every scan; blocks at the end are so already
        np.maximum.at(self._most, blocks, np.abs(held).T)
        np.bitwise_or.at(self._sides, blocks, ((held > 0) + 2 * (held < 0)).T.astype(np.uint8))
        self._scanned = self._starts[: self._cold + -(-self._used // self._kernel.BLOCK) + 1]

    def candidates(self, ticks: Sequence[int]) -> NDArray[np.int64]:
        """Accounts with positions that may have equity <= maintenance at these marks, sorted; no such is left out.

        ticks  shape (m,), >= 0; 0: a market without a mark, whose positions count for nothing
        """
        now = self._marks.at(ticks)
        if self._skip:
            self._make_ready(now)
        if self._threads == 1:
            parts = [self._scan(now, 0)]
        else:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads)
            parts = list(self._pool.map(lambda thread: self._scan(now, thread), range(self._threads)))
        counts = 0
        for found, (count, looked) in zip(self._found, parts, strict=True):
            self._kernel.mark(found, count, self._account, self._bits)
            counts += count
            self._looked += looked
            self.looked += looked
        # A row given up is found again where a factor is not a number: fewer accounts than rows.
        accounts = np.empty(counts, np.int64)
        return accounts[: self._kernel.listed(self._bits, accounts)]

    def laid_out(self, ticks: Sequence[int]) -> Laid:
        """Its rows by market, side and reach at these marks, for whoever scans them for many marks at once."""
        self._lay_out(self._marks.at(ticks))
        n, blocks = self._n, self._cold
        return Laid(
            self._base[:n].copy(),
            np.ascontiguousarray(self._lots[:, :n]),
            self._starts[: blocks + 1].copy(),
            self._sides[:blocks].copy(),
            self._reach[:blocks].copy(),
            self._reference.copy(),
            self._account[:n].copy(),
            self._row.copy(),
        )

    def _scan(self, now: Constants, thread: int) -> tuple[int, int]:
        """One thread's part of a scan: (rows found, rows looked at)."""
        found: tuple[int, int] = self._kernel.scan(
            self._base,
            self._lots,
            self._scanned,
            self._most,
            self._sides,
            self._reach,
            self._move,
            *now.all,
            thread,
            self._threads,
            self._found[thread],
        )
        return found

    def _make_ready(self, now: Constants) -> None:
        """Lay rows out or renew their reaches where that pays, and measure how far the markets have moved."""
        if self._full or not self._laid_out:
            if self._looked >= self._wait * self._n:
                self._lay_out(now)
        elif self._looked > _RENEWAL_SCANS * self._n:
            self._renew(now)
        if self._laid_out:
            self._kernel.moves(now.exact, self._reference, self._move)

    def _lay_out(self, now: Constants) -> None:
        """All rows anew: by market and side, then by reach at these marks, in blocks; ties by account."""
        compiled, n = self._kernel, self._n
        base, lots = self._base, self._lots
        if len(base) > n:  # laid out before
            base, lots = base[self._row], np.take(lots, self._row, axis=1)
            self._block(np.append(np.arange(0, n, compiled.BLOCK), n), lots)
        code = np.empty(n, np.int64)
        compiled.patterns(lots, now.edge, code)
        group, groups = _grouped(code)
        reach = self._reaches(base, lots, self._starts, now)
        key = (np.maximum(reach, 0) * (_CLASSES / (compiled.MOST_REACH + 0.01))).astype(np.int64)
        key += group * _CLASSES
        counts = np.bincount(key, minlength=groups * _CLASSES)
        order = np.empty(n, np.int64)
        compiled.places(key, counts, order)
        self._base, self._lots = np.empty(n + self._hot, self.dtype), np.empty((len(lots), n + self._hot), self.dtype)
        compiled.reorder(base, order, self._base)
        for market in range(len(lots)):
            compiled.reorder(lots[market], order, self._lots[market])
        self._base[n:], self._lots[:, n:] = np.inf, 0
        self._account[:n] = order
        compiled.where(order, self._row)
        ends = np.cumsum(counts.reshape(groups, _CLASSES).sum(axis=1))
        starts = [np.arange(low, high, _PIECE) for low, high in zip([0, *ends[:-1]], ends, strict=True)]
        cold = np.concatenate(starts)
        self._cold, self._used = len(cold), 0
        self._laid_out, self._full = True, False
        self._block(np.concatenate([cold, np.arange(n, n + self._hot, compiled.BLOCK), [n + self._hot]]))
        self._scanned = self._starts[: self._cold + 1]
        self._refer(reach[order], now)

    def _block(self, starts: NDArray[np.int64], lots: Floats | None = None) -> None:
        """Let rows (the screen's own, if no other lots are given) lie in these blocks."""
        self._starts = starts
        self._most = np.zeros((len(starts) - 1, len(self._lots)), self.dtype)
        self._sides = np.zeros((len(starts) - 1, len(self._lots)), np.uint8)
        self._kernel.summaries(self._lots if lots is None else lots, starts, self._most, self._sides)

    def _renew(self, now: Constants) -> None:
        """Reaches from these marks on, rows where they are."""
        self._refer(self._reaches(self._base, self._lots, self._starts[: self._cold + 1], now)[: self._n], now)

    def _refer(self, reach: Floats, now: Constants) -> None:
        """Let blocks have the least reach of their rows; those at the end have none."""
        self._reach = np.full(len(self._starts) - 1, -1.0, self.dtype)
        if self._cold:
            self._reach[: self._cold] = np.minimum.reduceat(reach, self._starts[: self._cold])
        self._reference, self._looked = now.exact.copy(), 0

    def _reaches(self, base: Floats, lots: Floats, starts: NDArray[np.int64], now: Constants) -> Floats:
        """Every row's reach from these marks, shape (rows,); the blocks are the screen's first."""
        reach = np.empty(len(base), self.dtype)
        self._kernel.reaches(base, lots, starts, self._most, *now.all, *self._jumps, self.dtype(self.g), reach)
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
