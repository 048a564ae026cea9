"""Batch: the screens of up to 64 runs of one book, answered together in one pass over its accounts.

Layer    stress; imports design.instruments, stress.{bounds,screen} and, when a batch is made, both kernels (Numba).
         Called by stress.sweep.
Not here the runs (stress.sweep), the bound (stress.kernel), who is liquidatable (venue.scan, in integers).
Held to  this by tests/stress/test_batch.py: every run's candidates hold whoever the exact scan finds, at any marks.

The book's rows are laid out once and shared. Where a run changed an account, the shared row is given up for that run,
which keeps a row of its own, so that a run's memory grows with what happens in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seawall.design.instruments import Instrument
from seawall.stress.bounds import Floats, Integers, PathConstants, PathMarks, float_rows, kernel, positions_of, tiers_of
from seawall.stress.screen import Screen

MOST_PATHS: Final = 64
"""Runs of a batch: each is a bit of a word."""

_FEW: Final = 512
"""Fewer than one account in so many are sorted; more are marked in a bitmap and read off it."""


class Batch:
    """The accounts of a book, for many runs that begin with it.

    cash, cost, lots  as in `Screen`
    ticks             shape (m,): marks near those that the runs begin with
    """

    def __init__(
        self, cash: Integers, cost: Integers, lots: Integers, instruments: Sequence[Instrument], ticks: Sequence[int]
    ) -> None:
        screen = Screen(cash, cost, lots, instruments)
        self.dtype, self.g = screen.dtype, screen.g
        self._rows = screen.laid_out(ticks)
        self.positions = positions_of(instruments)
        self._marks = PathMarks(instruments, tiers_of(instruments), self.dtype, self.g, self._rows.reference)
        from seawall.stress import batch_kernel

        self._kernel, self._single = batch_kernel, kernel()
        self.n, self.m = len(cash), len(lots)
        self._gone = np.zeros(self.n, np.uint64)
        self._free = list(range(MOST_PATHS))
        self._found, self._words = np.empty(self.n, np.int64), np.empty(self.n, np.uint64)
        self._out, self._bits = np.empty(self.n, np.int64), np.zeros(self.n // 64 + 1, np.uint64)
        self.looked = 0  # rows, ever: each for all runs that asked

    def open(self) -> PathScreen:
        """The screen of one more run. Errors: ValueError when MOST_PATHS are open."""
        if not self._free:
            raise ValueError(f"wanted at most {MOST_PATHS} runs at once")
        return PathScreen(self, self._free.pop())

    def close(self, screen: PathScreen) -> None:
        """A run is over; another may take its place."""
        self._kernel.take_back(self._gone, screen.slot)
        self._free.append(screen.slot)

    def give_up(self, accounts: NDArray[np.int64], slot: int) -> None:
        """A run has rows of its own for these accounts."""
        self._kernel.give_up(self._gone, self._rows.row[accounts], slot)

    def answer(self, screens: Sequence[PathScreen], ticks: Sequence[Sequence[int]]) -> None:
        """Find every run's candidates at its marks, for the screens to give when they are asked.

        ticks  shape (screens, m), see `Screen.candidates`
        """
        asked = self._marks.at_all(ticks)
        order = np.argsort(-asked.move.max(axis=(0, 1)), kind="stable")
        now = asked.in_order(order)
        first = now.edge.min(axis=-1) if now.edge.size else np.empty(now.edge.shape[:-1], self.dtype)
        slots = np.array([screens[place].slot for place in order], np.int64)
        rows = self._rows
        count, looked = self._kernel.scan_paths(
            rows.base,
            rows.lots,
            rows.starts,
            rows.sides,
            rows.reach,
            *(now.move, now.factor, now.charge, now.edge, now.rise, now.fall, first),
            slots,
            self._gone,
            self._found,
            self._words,
        )
        self.looked += looked
        for place, screen in enumerate(screens):
            mine = self._kernel.of_slot(self._found, self._words, count, screen.slot, self._out)
            screen.take(ticks[place], self.in_order(self._out, mine, rows.account), asked, place)

    def in_order(self, found: NDArray[np.int64], count: int, account: NDArray[np.int64]) -> NDArray[np.int64]:
        """The accounts of the first rows found, rising."""
        if count < self.n // _FEW:
            return np.sort(account[found[:count]])
        self._single.mark(found, count, account, self._bits)
        accounts = np.empty(count, np.int64)
        return accounts[: self._single.listed(self._bits, accounts)]


class PathScreen:
    """One run's screen: what the batch found for it, and the accounts that it changed."""

    def __init__(self, batch: Batch, slot: int) -> None:
        self.slot = slot
        self._batch, self._kernel = batch, kernel()
        self._place = np.full(batch.n, -1, np.int32)  # of each account among those changed
        self._account = np.empty(0, np.int64)
        self._base: Floats = np.empty(0, batch.dtype)
        self._lots: Floats = np.empty((batch.m, 0), batch.dtype)
        self._count = 0
        self._ticks: Sequence[int] = ()
        self._candidates = np.empty(0, np.int64)

    def update(
        self, accounts: Sequence[int] | NDArray[np.int64], cash: Integers, cost: Integers, lots: Integers
    ) -> None:
        """These accounts' rows changed; see `Screen.update`. What was answered before is void."""
        batch, changed = self._batch, np.unique(np.asarray(accounts, dtype=np.int64))
        self._ticks = ()
        new = changed[self._place[changed] < 0]
        if new.size:
            batch.give_up(new, self.slot)
            self._make_room(self._count + new.size)
            self._place[new] = np.arange(self._count, self._count + new.size)
            self._account[self._count : self._count + new.size] = new
            self._count += new.size
        base, held = float_rows(
            cash[changed], cost[:, changed], lots[:, changed], batch.positions, batch.dtype, batch.g, 1
        )
        places = self._place[changed]
        self._base[places], self._lots[:, places] = base, held

    def candidates(self, ticks: Sequence[int]) -> NDArray[np.int64]:
        """See `Screen.candidates`; the batch is asked for one run alone where it was not asked before."""
        if not self._ticks or list(ticks) != list(self._ticks):
            self._batch.answer([self], [ticks])
        return self._candidates

    def take(self, ticks: Sequence[int], shared: NDArray[np.int64], now: PathConstants, path: int) -> None:
        """The batch's answer at these marks: the candidates among accounts that did not change here, and constants."""
        self._ticks = list(ticks)
        own = self._own(now.of(path)) if self._count else shared[:0]
        self._candidates = np.sort(np.concatenate([shared, own])) if own.size else shared

    def _own(self, now: tuple[Floats, Floats, Floats, Floats, Floats]) -> NDArray[np.int64]:
        """The candidates among accounts that changed."""
        batch, size = self._batch, self._kernel.BLOCK
        starts = np.append(np.arange(0, self._count, size), self._count)
        blocks = len(starts) - 1
        found = np.empty(self._count, np.int64)
        count, _ = self._kernel.scan(
            self._base,
            self._lots,
            starts,
            np.full((blocks, batch.m), np.inf, batch.dtype),
            np.full((blocks, batch.m), 3, np.uint8),
            np.full(blocks, -1.0, batch.dtype),
            np.zeros((2, batch.m)),
            *now,
            0,
            1,
            found,
        )
        return batch.in_order(found, count, self._account)

    def _make_room(self, rows: int) -> None:
        if rows <= len(self._account):
            return
        more = max(rows, 2 * len(self._account), 256) - len(self._account)
        self._account = np.append(self._account, np.zeros(more, np.int64))
        self._base = np.append(self._base, np.full(more, np.inf, self._batch.dtype))
        self._lots = np.append(self._lots, np.zeros((self._batch.m, more), self._batch.dtype), axis=1)
