"""Kernel: a lower bound of every account's margin above maintenance, in floats. Compiled by Numba.

Layer    stress; imports NumPy, Numba. Called by stress.{bounds,screen} alone, which load it when a screen
         is made.
Not here money: what these floats leave over is decided in integers (venue.scan). Where the constants come from and
         which rows lie where (stress.screen).
Held to  this by tests/stress/test_kernel.py (Fractions; accounts at -1, 0, 1 units) and test_screen.py (venue.scan).

Exact. Base b = cash - sum of costs, lots l, and for each market a rational factor F with value v = l F (linear ticks x
unit; inverse -unit / ticks; collateral ticks x unit x (1 - haircut)) and n = |l F|. The venue rounds a value down by
less than 1, a notional up by less than 1 and a margin up by less than 1, rates are at most 1: in integers
    equity - maintenance > X - 3 h,   X = b + sum of v - r_0 n - sum over the tier edges passed of (rise n - fall),
with h of m markets held, and <= X; rise and fall are what rate and deducted change by at an edge E. An edge is passed
when the notional is above E, and that is |l| >= floor(E / |F|) + 1, a comparison of whole numbers: lots are whole and
at most 2^24 (float32), below 2^53 (float64): so a float knows the tier exactly, and no margin may jump unseen.

Bound. A sum of these terms in floats, fused or not, is the sum of the terms each times (1 + t), |t| <= k u / (1 - k u),
with u the unit roundoff and k = m (1 + edges) + 3 roundings (Higham, Accuracy and Stability of Numerical Algorithms,
sections 3.1 and 4.2). g = (k + 5) u covers it and the roundings of the constants, which are moved against the account:
    base    B - 3 g |B|, B = b - 3 h            rise    (rise + 3 g |rise|) |F|
    charge  (r_0 + 3 g) |F| (1 + 3 g)           fall    fall - 3 g |fall|
B (1 - 3 g)(1 + g) <= B, and for B < 0 (1 + 3 g)(1 - g) >= 1 where g < 1/3: base, rise and fall each count against the
account after their errors. The value's error is at most 2 g n, and charge takes 3 g n (1 - g) more than r_0 n. So a
computed sum above 0 proves equity > maintenance: SAFE. All signs of g turned round and without 3 h, the sum is an upper
bound: below 0 proves equity < maintenance. Factors outside [2^-100, 2^80] are NaN, bases beyond 2^120 -inf, so nothing
overflows to a false + or underflows; NaN and -inf are not above 0: candidates.

Reach. From reference marks to others let q = |F'| / |F|. A position of positive value (linear long, inverse short,
collateral) loses at most n (1 - q) when q < 1; one of negative value at most n (q - 1)(1 + r) when q > 1, r the largest
rate of a tier that begins below 2 n, as long as q <= 2; a rise of the notional asks no more of a positive value than it
brings, since r <= 1. Where the margin of a tier begins above (below) the end of the one before, that jump is taken off
whole for edges within n to 2 n (below n). With S = the computed sum - jumps, W = sum of n (1 + r) or n, and x = the
largest move against the account in any market that it holds: margin >= S - x W > 0 while x < S / W. The reach of an
account is S / W, less errors, at most 0.99; q > 1.99 counts as a move of 2. The reach of a block is its least, and
its move counts the sides that any of its accounts has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seawall.stress.compiled import end_cache, use_cache

Floats = NDArray[Any]
"""float32 or float64, one type in a call."""

BLOCK = 256
"""Most rows of a block: what is summed stays in the first cache."""

MOST_REACH = 0.99
LEAST_FACTOR, MOST_FACTOR = 2.0**-100, 2.0**80

_DE_BRUIJN = np.uint64(0x022FDD63CC95386D)
"""Every 6 bits of it differ: shifted by p they say p, the place of a bit that stands alone."""
_PLACES = np.zeros(64, np.int64)
for _place in range(64):
    _PLACES[((int(_DE_BRUIJN) << _place) % 2**64) >> 58] = _place


_FOLDER_BEFORE = use_cache(__file__)


# contract: a x b + c may be rounded once, which the bound allows. Sums are not reordered, NaN stays NaN.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def add_up(
    sums: Floats,
    base: Floats,
    lots: Floats,
    low: int,
    size: int,
    most: Floats,
    factor: Floats,
    charge: Floats,
    edge: Floats,
    rise: Floats,
    fall: Floats,
) -> None:
    """Bounds of the margins of rows low to low + size into `sums`.

    most  shape (m,): the most lots, unsigned, of any of these rows; what nobody holds or reaches is passed over
    """
    nothing = base.dtype.type(0)
    for i in range(size):
        sums[i] = base[low + i]
    for market in range(lots.shape[0]):
        if most[market] == nothing:
            continue
        row = lots[market, low : low + size]
        value, asked = factor[market], charge[market]
        for i in range(size):
            sums[i] += row[i] * value - abs(row[i]) * asked
        for tier in range(edge.shape[1]):
            begins = edge[market, tier]
            if most[market] < begins:
                continue
            more, less = rise[market, tier], fall[market, tier]
            for i in range(size):
                held = abs(row[i])
                sums[i] -= (held * more - less) if held >= begins else nothing


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def scan(
    base: Floats,
    lots: Floats,
    starts: NDArray[np.int64],
    most: Floats,
    sides: NDArray[np.uint8],
    reach: Floats,
    move: NDArray[np.float64],
    factor: Floats,
    charge: Floats,
    edge: Floats,
    rise: Floats,
    fall: Floats,
    first: int,
    stride: int,
    found: NDArray[np.int64],
) -> tuple[int, int]:
    """Rows not proved safe, in `found`; returns (how many, rows looked at).

    starts  shape (blocks + 1,): block b is rows starts[b] to starts[b + 1]
    most    shape (blocks, m); sides  shape (blocks, m): 1 somebody is long, 2 somebody is short, 3 both
    reach   shape (blocks,): a block whose move is less is safe
    move    shape (2, m): how far each market has moved against longs, against shorts
    first, stride  blocks first, first + stride, ...: one thread's part
    """
    count, looked = 0, 0
    nothing = base.dtype.type(0)
    sums = np.empty(BLOCK, base.dtype)
    for block in range(first, starts.size - 1, stride):
        moved = 0.0
        for market in range(lots.shape[0]):
            if sides[block, market] & 1:
                moved = max(moved, move[0, market])
            if sides[block, market] & 2:
                moved = max(moved, move[1, market])
        if moved < reach[block]:
            continue
        low = starts[block]
        size = starts[block + 1] - low
        looked += size
        add_up(sums, base, lots, low, size, most[block], factor, charge, edge, rise, fall)
        unsafe = 0
        for i in range(size):
            unsafe += 0 if sums[i] > nothing else 1
        if unsafe:
            for i in range(size):
                if not sums[i] > nothing:
                    found[count] = low + i
                    count += 1
    return count, looked


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def reaches(
    base: Floats,
    lots: Floats,
    starts: NDArray[np.int64],
    most: Floats,
    factor: Floats,
    charge: Floats,
    edge: Floats,
    rise: Floats,
    fall: Floats,
    jump_up: Floats,
    jump_down: Floats,
    g: Any,
    reach: Floats,
) -> None:
    """How far markets may move against each row before it may be unsafe, into `reach`, shape (rows,).

    jump_up, jump_down  shape (m, edges): what the margin jumps by where a tier begins, upwards or downwards, >= 0
    g                   the bound's g, of the arrays' type
    """
    nothing, one, four, eight = base.dtype.type(0), base.dtype.type(1), base.dtype.type(4), base.dtype.type(8)
    furthest = base.dtype.type(MOST_REACH)
    sums, weight, jumps = np.empty(BLOCK, base.dtype), np.empty(BLOCK, base.dtype), np.empty(BLOCK, base.dtype)
    for block in range(starts.size - 1):
        low = starts[block]
        size = starts[block + 1] - low
        add_up(sums, base, lots, low, size, most[block], factor, charge, edge, rise, fall)
        weight[:] = nothing
        jumps[:] = nothing
        for market in range(lots.shape[0]):
            if most[block, market] == nothing:
                continue
            row = lots[market, low : low + size]
            value, asked = factor[market], charge[market]
            for i in range(size):
                worth = row[i] * value
                weight[i] += abs(worth) + (abs(row[i]) * asked if worth < nothing else nothing)
            for tier in range(edge.shape[1]):
                begins = edge[market, tier]
                if most[block, market] + most[block, market] < begins:
                    continue
                more = max(rise[market, tier], nothing)
                up, down = jump_up[market, tier], jump_down[market, tier]
                for i in range(size):
                    held = abs(row[i])
                    within = held + held >= begins
                    weight[i] += held * more if within and row[i] * value < nothing else nothing
                    jumps[i] += down if held >= begins else (up if within else nothing)
        for i in range(size):
            left = sums[i] - jumps[i] * (one + four * g)
            far = left / weight[i] * (one - eight * g) if weight[i] > nothing else furthest
            reach[low + i] = min(far, furthest) if left > nothing else -one


@njit(cache=True, nogil=True, error_model="numpy")
def patterns(lots: Floats, edge: Floats, code: NDArray[np.int64]) -> None:
    """Which markets each row holds and on which side, as a number in base 3, times 2, + 1 if a tier edge is within 2 x.

    code  shape (rows,), out. Wraps round for many markets: it only says which rows may lie together.
    """
    nothing, one = lots.dtype.type(0), lots.dtype.type(1)
    for low in range(0, lots.shape[1], BLOCK):
        high = min(low + BLOCK, lots.shape[1])
        part = code[low:high]
        part[:] = 0
        for market in range(lots.shape[0]):
            row = lots[market, low:high]
            for i in range(part.size):
                part[i] = part[i] * 3 + (1 if row[i] > nothing else 0) + (2 if row[i] < nothing else 0)
        part *= 2
        for market in range(lots.shape[0]):
            nearest = lots.dtype.type(np.inf)
            for tier in range(edge.shape[1]):
                if one < edge[market, tier] < nearest:
                    nearest = edge[market, tier]
            row = lots[market, low:high]
            for i in range(part.size):
                part[i] |= 1 if abs(row[i]) + abs(row[i]) >= nearest else 0


@njit(cache=True, nogil=True)
def places(key: NDArray[np.int64], counts: NDArray[np.int64], order: NDArray[np.int64]) -> None:
    """Rows by rising key, ties by row, into `order`: a counting sort. counts: shape (keys,), rows of each key."""
    after = np.cumsum(counts) - counts
    for row in range(key.size):
        order[after[key[row]]] = row
        after[key[row]] += 1


@njit(cache=True, nogil=True)
def reorder(column: Floats, order: NDArray[np.int64], out: Floats) -> None:
    """A column in another order, `out[i] = column[order[i]]`; out may be longer."""
    for i in range(order.size):
        out[i] = column[order[i]]


@njit(cache=True, nogil=True)
def where(order: NDArray[np.int64], row: NDArray[np.int64]) -> None:
    """The order turned round, `row[order[i]] = i`."""
    for i in range(order.size):
        row[order[i]] = i


# Lots are numbers, and which zero it is does not matter: the greatest and the least may be found eight at a time.
@njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc"})
def summaries(lots: Floats, starts: NDArray[np.int64], most: Floats, sides: NDArray[np.uint8]) -> None:
    """The most lots of any row of a block, and which sides its rows have, into shape (blocks, m) each."""
    nothing = lots.dtype.type(0)
    for block in range(starts.size - 1):
        for market in range(lots.shape[0]):
            highest, lowest = nothing, nothing
            row = lots[market, starts[block] : starts[block + 1]]
            for i in range(row.size):
                highest = row[i] if row[i] > highest else highest
                lowest = row[i] if row[i] < lowest else lowest
            most[block, market] = max(highest, -lowest)
            sides[block, market] = (1 if highest > nothing else 0) | (2 if lowest < nothing else 0)


@njit(cache=True, nogil=True)
def mark(found: NDArray[np.int64], count: int, account: NDArray[np.int64], bits: NDArray[np.uint64]) -> None:
    """Set the bit of the account of each of the first rows found."""
    for i in range(count):
        which = account[found[i]]
        bits[which >> 6] |= np.uint64(1) << np.uint64(which & 63)


@njit(cache=True, nogil=True)
def listed(bits: NDArray[np.uint64], out: NDArray[np.int64]) -> int:
    """Positions of the bits that are set, rising, into `out`; returns how many. Clears them."""
    count = 0
    for word in range(bits.size):
        left = bits[word]
        bits[word] = 0
        while left != np.uint64(0):
            lowest = left & (~left + np.uint64(1))
            out[count] = 64 * word + _PLACES[(lowest * _DE_BRUIJN) >> np.uint64(58)]
            count += 1
            left ^= lowest
    return count


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def margins(
    base: Floats, lots: Floats, factor: Floats, charge: Floats, edge: Floats, rise: Floats, fall: Floats, out: Floats
) -> None:
    """The bound of every row's margin into `out`, shape (rows,): lower or upper, as the constants are."""
    most = np.full(lots.shape[0], np.inf).astype(lots.dtype)
    for low in range(0, base.size, BLOCK):
        size = min(BLOCK, base.size - low)
        add_up(out[low : low + size], base, lots, low, size, most, factor, charge, edge, rise, fall)


@njit(cache=True, nogil=True, error_model="numpy")
def weigh(
    exact: NDArray[np.float64],
    rates: NDArray[np.float64],
    rises: NDArray[np.float64],
    falls: NDArray[np.float64],
    g: float,
    side: int,
    factor: Floats,
    charge: Floats,
    rise: Floats,
    fall: Floats,
) -> None:
    """The constants of the bound into the last four, shapes (m,), (m,), (m, edges), (m, edges).

    exact  shape (m,): F to the nearest float64
    rates, rises, falls  of the tiers, base units and parts of 1: shapes (m,), (m, edges), (m, edges)
    side   1: margins from below; -1: from above
    """
    kind = factor.dtype.type
    more = side * 3.0 * g
    for market in range(exact.size):
        size = abs(exact[market])
        if size != 0.0 and not LEAST_FACTOR < size < MOST_FACTOR:
            size = np.nan
        factor[market] = kind(exact[market] if size == size else np.nan)
        asked = (rates[market] + more) * size
        charge[market] = kind(asked + more * abs(asked))
        for tier in range(rises.shape[1]):
            rise[market, tier] = kind((rises[market, tier] + more * abs(rises[market, tier])) * size)
            fall[market, tier] = kind(falls[market, tier] - more * abs(falls[market, tier]))


@njit(cache=True, nogil=True, error_model="numpy")
def edges(
    ticks: NDArray[np.int64],
    times: NDArray[np.int64],
    over: NDArray[np.int64],
    inverse: NDArray[np.bool_],
    most_ticks: NDArray[np.int64],
    begins: NDArray[np.int64],
    most_lots: int,
    exact: NDArray[np.float64],
    edge: Floats,
) -> bool:
    """F of every market and the first lots beyond every edge, into the last two; False where int64 cannot say.

    ticks       shape (m,), 0: no mark
    times, over, inverse  shape (m,): |F| = ticks x times / over, or times / ticks
    most_ticks  shape (m,): up to which no product is beyond 2^62 and no side of the fraction 2^53
    begins      shape (m, edges): notional beyond which an edge is passed; -1: there is none
    most_lots   edges beyond it are at infinity
    Rounding    exact: to nearest, once; edge: none, floor(begins / |F|) + 1 is whole
    """
    for market in range(ticks.size):
        at = ticks[market]
        if not 0 <= at <= most_ticks[market]:
            return False
        above = times[market] if inverse[market] else at * times[market]
        below = at if inverse[market] else over[market]
        exact[market] = 0.0 if at == 0 else (-above / below if inverse[market] else above / below)
        for tier in range(begins.shape[1]):
            edge[market, tier] = np.inf
            if at and above and begins[market, tier] >= 0:
                lots = begins[market, tier] * below // above + 1
                if lots <= most_lots:
                    edge[market, tier] = lots
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def moves(exact: NDArray[np.float64], reference: NDArray[np.float64], move: NDArray[np.float64]) -> None:
    """How far markets have moved since the reference marks, against longs and against shorts, into `move`, (2, m).

    exact, reference  shape (m,): F now and then, to the nearest float64; 0: no mark
    Rounding          up, by more than the errors of a quotient of nearest floats: 3 x 2^-53 (1 + q) < 2e-15 (1 + q)
    """
    for market in range(exact.size):
        now, then = exact[market], reference[market]
        q = now / then
        positive, negative = np.inf, np.inf
        if now == then:
            positive, negative = 0.0, 0.0
        elif q >= 0.0:
            positive = 1.0 - q if q <= 1.0 else (2.0 if q > 1.99 else 0.0)
            negative = q - 1.0 if q > 1.0 else 0.0
            positive += 2e-15 * (1.0 + q)
            negative += 2e-15 * (1.0 + q)
        inverse = now < 0.0 or then < 0.0
        move[0, market] = negative if inverse else positive
        move[1, market] = positive if inverse else negative


end_cache(_FOLDER_BEFORE)
