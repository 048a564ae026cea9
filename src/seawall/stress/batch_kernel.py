"""Batch kernel: the kernel's lower bound for many sets of marks in one pass over the accounts. Compiled by Numba.

Layer    stress; imports NumPy, Numba, stress.kernel. Called by stress.batch alone, which loads it when a batch is made.
Not here the bound and its proof (stress.kernel): these are the same terms, added in the same order for each path, with
         the same number of roundings; a row is a path's candidate unless its sum is above 0.
Held to  this by tests/stress/test_batch.py: every path's candidates hold those of the exact scan.

An account's row is read once and kept in registers while its sums for up to 64 paths stand side by side, the path
innermost: what a single scan waits for, rows from memory, is shared by all of them. A block is passed over when no path
has moved as far as it reaches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seawall.stress import compiled, kernel
from seawall.stress.kernel import edges, moves, weigh

Floats = NDArray[Any]
"""float32 or float64, one type in a call."""

_FOLDER_BEFORE = compiled.use_cache(kernel.__file__, __file__)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def scan_paths(
    base: Floats,
    lots: Floats,
    starts: NDArray[np.int64],
    sides: NDArray[np.uint8],
    reach: Floats,
    move: NDArray[np.float64],
    factor: Floats,
    charge: Floats,
    edge: Floats,
    rise: Floats,
    fall: Floats,
    first_edge: Floats,
    slots: NDArray[np.int64],
    gone: NDArray[np.uint64],
    rows: NDArray[np.int64],
    words: NDArray[np.uint64],
) -> tuple[int, int]:
    """Rows not proved safe for some path, and for which, in `rows` and `words`; returns (how many, rows looked at).

    starts, sides, reach  blocks, see kernel.scan
    move        shape (2, m, paths): how far each has moved against longs, against shorts; paths that moved furthest
                come first, since a block is looked at for all paths up to the last that has moved as far as it reaches
    factor, charge  shape (m, paths); edge, rise, fall  shape (m, edges, paths)
    first_edge  shape (m, edges): the least of any path
    slots       shape (paths,), 0 to 63: the bit of each path
    gone        shape (rows,): a set bit says that this path has a row of its own for the account
    """
    nothing = base.dtype.type(0)
    paths = slots.size
    sums, moved = np.empty(paths, base.dtype), np.empty(paths)
    asked = np.uint64(0)
    for path in range(paths):
        asked |= np.uint64(1) << np.uint64(slots[path])
    count, looked = 0, 0
    for block in range(starts.size - 1):
        moved[:] = 0.0
        for market in range(lots.shape[0]):
            for side in range(2):
                if sides[block, market] & (1 + side):
                    against = move[side, market]
                    for path in range(slots.size):
                        moved[path] = max(moved[path], against[path])
        paths = slots.size
        while paths > 0 and moved[paths - 1] < reach[block]:
            paths -= 1
        if paths == 0:
            continue
        looked += starts[block + 1] - starts[block]
        for row in range(starts[block], starts[block + 1]):
            begin = base[row]
            if begin == np.inf or gone[row] & asked == asked:
                continue
            for path in range(paths):
                sums[path] = begin
            for market in range(lots.shape[0]):
                signed = lots[market, row]
                if signed == nothing:
                    continue
                held = abs(signed)
                value, margin = factor[market], charge[market]
                for path in range(paths):
                    sums[path] += signed * value[path] - held * margin[path]
                for tier in range(edge.shape[1]):
                    if held < first_edge[market, tier]:
                        continue
                    begins, more, less = edge[market, tier], rise[market, tier], fall[market, tier]
                    for path in range(paths):
                        sums[path] -= (held * more[path] - less[path]) if held >= begins[path] else nothing
            unsafe = 0
            for path in range(paths):
                unsafe += 0 if sums[path] > nothing else 1
            if unsafe == 0:
                continue
            word = np.uint64(0)
            for path in range(paths):
                if not sums[path] > nothing:
                    word |= np.uint64(1) << np.uint64(slots[path])
            word &= ~gone[row]
            if word != np.uint64(0):
                rows[count], words[count] = row, word
                count += 1
    return count, looked


@njit(cache=True, nogil=True)
def of_slot(rows: NDArray[np.int64], words: NDArray[np.uint64], count: int, slot: int, out: NDArray[np.int64]) -> int:
    """The rows found for one path, into `out`; returns how many."""
    mine = 0
    for i in range(count):
        if words[i] >> np.uint64(slot) & np.uint64(1):
            out[mine] = rows[i]
            mine += 1
    return mine


@njit(cache=True, nogil=True)
def give_up(gone: NDArray[np.uint64], rows: NDArray[np.int64], slot: int) -> None:
    """Say that a path has rows of its own for these."""
    for i in range(rows.size):
        gone[rows[i]] |= np.uint64(1) << np.uint64(slot)


@njit(cache=True, nogil=True)
def take_back(gone: NDArray[np.uint64], slot: int) -> None:
    """Clear a path's bit in every row: another path takes its place."""
    keep = ~(np.uint64(1) << np.uint64(slot))
    for row in range(gone.size):
        gone[row] &= keep


@njit(cache=True, nogil=True, error_model="numpy")
def weigh_paths(
    ticks: NDArray[np.int64],
    times: NDArray[np.int64],
    over: NDArray[np.int64],
    inverse: NDArray[np.bool_],
    most_ticks: NDArray[np.int64],
    begins: NDArray[np.int64],
    most_lots: int,
    rates: NDArray[np.float64],
    rises: NDArray[np.float64],
    falls: NDArray[np.float64],
    g: float,
    reference: NDArray[np.float64],
    move: NDArray[np.float64],
    factor: Floats,
    charge: Floats,
    edge: Floats,
    rise: Floats,
    fall: Floats,
) -> int:
    """The constants of the lower bound for each path, see kernel.{edges,weigh,moves}; 0 where int64 cannot say, else 1.

    ticks      shape (paths, m)
    reference  shape (m,): F at the marks that reaches are measured from
    move       shape (2, m, paths), out; the rest: shapes (m, paths) and (m, edges, paths), out
    """
    paths, markets = ticks.shape
    exact, moved = np.empty(markets), np.empty((2, markets))
    value, asked = np.empty(markets, factor.dtype), np.empty(markets, factor.dtype)
    at, more, less = np.empty_like(edge[..., 0]), np.empty_like(edge[..., 0]), np.empty_like(edge[..., 0])
    for path in range(paths):
        if not edges(ticks[path], times, over, inverse, most_ticks, begins, most_lots, exact, at):
            return 0
        weigh(exact, rates, rises, falls, g, 1, value, asked, more, less)
        moves(exact, reference, moved)
        for market in range(markets):
            factor[market, path], charge[market, path] = value[market], asked[market]
            for side in range(2):
                move[side, market, path] = moved[side, market]
            for tier in range(begins.shape[1]):
                edge[market, tier, path] = at[market, tier]
                rise[market, tier, path] = more[market, tier]
                fall[market, tier, path] = less[market, tier]
    return 1


compiled.end_cache(_FOLDER_BEFORE)
