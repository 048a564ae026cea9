"""Splits on arrays: `allocate`, the capped water-fill and the ranked queue for a million entries, to the same unit.

Layer    rules; imports amounts, rules.{water_fill,exact_arrays}, NumPy. Called by rules.adl_arrays, stress. SPEC 1, 8.
Not here the policies (rules.adl_arrays), the arithmetic (rules.exact_arrays).
Held to  this by tests/rules/test_split_arrays.py: `==` to the Python rules, ties and edges of int64 included.

Each function gives what the Python rule of the same name gives, entry for entry. Arrays are int64; what does not fit
the fast paths goes by slower ones, in the end by the Python rule itself.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from seawall.amounts import allocate
from seawall.rules.exact_arrays import (
    BLOCK,
    MOST_AMOUNT,
    Bools,
    Ints,
    Weights,
    add_to_largest,
    divide,
    exact_sum,
    long_ratio,
    products_at_most,
    slack,
)
from seawall.rules.water_fill import capped_water_fill, ranked_queue

MOST_DOUBTS: Final = 1 << 16
"""More entries than this that floats cannot decide: the Python rule does them all, once."""


MOST_PASSES: Final = 64
"""Passes of a water-fill before the Python rule, which then sorts, takes over."""


def allocate_array(amount: int, weights: Ints) -> Ints:
    """`allocate` on an array.

    weights  shape (n,), int64, >= 0
    returns  shape (n,), int64, equal to `allocate(amount, weights)`
    Errors   ValueError as `allocate`; OverflowError where a part does not fit int64.
    """
    if amount < 0 or (len(weights) and int(weights.min()) < 0):
        raise ValueError(f"allocate_array: wanted amount >= 0 and weights >= 0; found {amount}")
    book = Weights((weights,))
    if not book.total and amount:
        raise ValueError(f"allocate_array: wanted some weight > 0 to split {amount}; found none")
    return _split(amount, book)


def _split(amount: int, book: Weights) -> Ints:
    """A split without caps; weights 0 get 0."""
    if amount == 0:
        return np.zeros(len(book.factors[0]), np.int64)
    if book.narrow and amount <= MOST_AMOUNT:
        shares, rests = divide(amount, book.factors[0], book.total)
        add_to_largest(shares, rests, amount - int(shares.sum()), book.total)
        return shares
    screened = _split_screened(amount, book)
    return np.array(allocate(amount, book.tolist()), np.int64) if screened is None else screened


def _split_screened(amount: int, book: Weights) -> Ints | None:
    """A split by long doubles that say where they do not know; None if they know too little."""
    most = float(book.approx.max()) * (amount / book.total)
    error = most * 2 * float(slack(np.longdouble)) + 2.0**-50
    if error > 0.125:
        return None
    factor = long_ratio(amount, book.total)
    shares = np.empty(len(book.approx), np.int64)
    parts = np.empty(len(book.approx), np.float64)
    for start in range(0, len(shares), BLOCK):
        block = slice(start, start + BLOCK)
        real = book.near(block, np.longdouble) * factor
        shares[block] = real  # towards zero
        parts[block] = real - shares[block]
    doubts = np.flatnonzero((parts < error) | (parts > 1 - error))
    doubts = doubts[book.approx[doubts] > 0]
    if len(doubts) > MOST_DOUBTS:
        return None
    for i in doubts.tolist():
        share, rest = divmod(amount * book.at(i), book.total)
        shares[i] = share
        parts[i] = rest / book.total
    return _add_to_largest_screened(shares, parts, error, amount, book)


def _add_to_largest_screened(
    shares: Ints, parts: npt.NDArray[np.float64], error: float, amount: int, book: Weights
) -> Ints | None:
    """Odd units to the largest fractional parts; those that the error leaves open are ranked in integers."""
    units = amount - int(shares.sum())
    if not units:
        return shares
    last = float(np.partition(parts, len(parts) - units)[len(parts) - units])
    sure = parts > last + 2 * error
    beside = np.flatnonzero(~sure & (parts >= last - 2 * error))
    if len(beside) > MOST_DOUBTS:
        return None
    shares += sure
    missing = units - int(np.count_nonzero(sure))
    ranked = sorted(beside.tolist(), key=lambda i: (-(amount * book.at(i) % book.total), i))
    shares[ranked[:missing]] += 1
    return shares


def water_fill_array(amount: int, weights: Ints | tuple[Ints, ...], caps: Ints) -> Ints:
    """`capped_water_fill` on arrays.

    weights  shape (n,), int64, >= 0; or factors of such shape: the weights are their products, of any size
    caps     shape (n,), int64, >= 0
    returns  shape (n,), int64, equal to `capped_water_fill(amount, weights, caps)`
    Errors   ValueError for a negative amount.
    """
    if amount < 0:
        raise ValueError(f"water_fill_array: wanted an amount >= 0; found {amount}")
    book = Weights(weights if isinstance(weights, tuple) else (weights,))
    if amount == 0 or book.total == 0:
        return np.zeros(len(caps), np.int64)
    if not _some_cap_may_bind(amount, book, caps):
        return _split(amount, book)
    found = below_caps_array(amount, book, caps)
    if found is None:
        return np.array(capped_water_fill(amount, book.tolist(), caps.tolist()), np.int64)
    under, left, rest = found
    shares = np.where(book.positive(), caps, 0)
    if len(under):
        shares[under] = _split(left, rest)
    return shares


def _some_cap_may_bind(amount: int, book: Weights, caps: Ints) -> bool:
    """Whether somebody with a weight may have c <= t v at the first level; False is certain."""
    level = amount / book.total * (1 + float(slack(np.float64)))
    return any(
        bool(np.less(caps[start : start + BLOCK], book.approx[start : start + BLOCK] * level).any())
        for start in range(0, len(caps), BLOCK)
    )


def below_caps_array(amount: int, book: Weights, caps: Ints) -> tuple[Ints, int, Weights] | None:
    """Who does not reach its cap: indices, what they share, their weights. None: too many doubts, or passes."""
    gone = ~book.positive()
    gone |= caps <= 0
    under = np.flatnonzero(~gone)
    left, left_caps = amount, caps[under]
    if amount >= exact_sum(left_caps):
        return under[:0], 0, Weights((under[:0],))
    rest = book.without(gone)
    for _ in range(MOST_PASSES):
        full = _at_cap(left, rest, left_caps)
        if full is None:
            return None
        if not full.any():
            return under, left, rest
        left -= exact_sum(left_caps[full])
        keep = ~full
        under, left_caps, rest = under[keep], left_caps[keep], rest.without(full)
    return None


def _at_cap(left: int, book: Weights, caps: Ints) -> Bools | None:
    """c V <= R v, exact. None: floats know too little."""
    full = np.zeros(len(caps), np.bool_)
    if left == 0:
        return full
    factor, room = left / book.total, float(slack(np.float64))
    near = np.zeros(len(caps), np.bool_)
    for start in range(0, len(caps), BLOCK):
        block = slice(start, start + BLOCK)
        level = book.approx[block] * factor
        np.less(caps[block], level * (1 - room), out=full[block])
        np.less_equal(caps[block], level * (1 + room), out=near[block])
    doubts = np.flatnonzero(near & ~full)
    if not len(doubts):
        return full
    if book.narrow and left < 2**63:
        full[doubts] = products_at_most(caps[doubts], book.total, left, book.factors[0][doubts])
    elif len(doubts) > MOST_DOUBTS:
        return None
    else:
        full[doubts] = [int(caps[i]) * book.total <= left * book.at(i) for i in doubts.tolist()]
    return full


def queue_array(amount: int, scores: npt.NDArray[Any], caps: Ints) -> Ints:
    """`ranked_queue` on arrays.

    scores   shape (n,), int64, or Python's integers in an object array
    caps     shape (n,), int64, >= 0
    returns  shape (n,), int64, equal to `ranked_queue(amount, scores, caps)`
    """
    total = exact_sum(caps)
    if amount >= total:
        return caps.copy()
    if total >= 2**62:
        return np.array(ranked_queue(amount, scores.tolist(), caps.tolist()), np.int64)
    shares = np.zeros(len(caps), np.int64)
    live = np.flatnonzero(caps > 0)
    keys, room = _keys(scores[live]), caps[live]
    digits = _log_digits(keys)
    above = _sums_by_digit(digits, room)[::-1].cumsum()
    place = int(np.searchsorted(above, amount))
    last = len(above) - 1 - place
    before = int(above[place - 1]) if place else 0
    sure = digits > last
    shares[live[sure]] = room[sure]
    beside = np.flatnonzero(digits == last)
    order = beside[np.argsort(-keys[beside], kind="stable")]
    taken = np.cumsum(room[order])
    shares[live[order]] = np.clip(amount - before - (taken - room[order]), 0, room[order])
    return shares


def _keys(scores: npt.NDArray[Any]) -> Ints:
    """int64 >= 0 that order as the scores do."""
    small = scores.dtype != object and (not len(scores) or int(scores.min()) >= 0)
    if small:
        return scores
    order = {score: rank for rank, score in enumerate(sorted(set(scores.tolist())))}
    return np.array([order[score] for score in scores.tolist()], np.int64)


def _log_digits(keys: Ints) -> Ints:
    """Leading digits of keys >= 0: exponent and eight binary places, so that a heavy tail is spread out."""
    bits = keys.astype(np.float64).view(np.int64) >> 44
    digits: Ints = np.maximum(bits - (1022 << 8), 0)
    return digits


def _sums_by_digit(digits: Ints, values: Ints) -> Ints:
    """Sum of values by digit, exact: each half stays below 2^53, where float sums of integers are exact."""
    if not len(digits):
        return np.zeros(1, np.int64)
    low = np.bincount(digits, weights=values & ((1 << 26) - 1)).astype(np.int64)
    if int(values.max()) < 1 << 26:
        return low
    return low + (np.bincount(digits, weights=values >> 26).astype(np.int64) << 26)
