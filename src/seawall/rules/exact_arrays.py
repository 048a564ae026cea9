"""Exact arithmetic on int64 arrays: sums, quotients and comparisons that no overflow and no float can bend.

Layer    rules; imports NumPy. Called by rules.{split_arrays,adl_arrays}. SPEC 1.
Not here any rule: only what Python's integers do, for a million entries at once.
Held to  this by tests/rules/test_split_arrays.py: Python's own integers, `==`, edges of int64 included.

A float only screens. It carries a stated bound of its error; where that bound leaves a floor, a comparison or an order
open, the entry is decided in integers: products modulo 2^64, 128-bit halves, or Python's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[Any]

MOST_AMOUNT: Final = 2**52
MOST_TOTAL: Final = 2**60
"""Up to here a float quotient is off by few units, and what is left over after it fits int64."""

BLOCK: Final = 1 << 13
"""Entries worked on together: they stay in the cache from one operation to the next."""

SMALL: Final = 1 << 10
"""So few entries are simply sorted."""

LIMB_BITS: Final = 30
DIGIT_BITS: Final = 11


def slack(dtype: npt.DTypeLike) -> Any:
    """A bound of the relative error of up to a dozen operations in this float type."""
    return 16 * np.finfo(dtype).eps


def exact_sum(values: Ints) -> int:
    """Sum of an int64 array of any values, which may well not fit int64.

    A sum modulo 2^64 is right where the true one fits; NumPy's pairwise float sum of up to 2^27 entries is off by less
    than 2^52, which is enough to know.
    """
    if abs(float(values.sum(dtype=np.float64))) < 2.0**62:
        return int(values.sum())
    high, low = values >> 32, values & 0xFFFFFFFF
    return (int(high.sum()) << 32) + int(low.sum())


def long_ratio(top: int, bottom: int) -> np.longdouble:
    """top / bottom, > 0, as a long double, off by no more than a few of its last places."""
    near = top / bottom
    return np.longdouble(near) + np.longdouble(float(Fraction(top, bottom) - Fraction(near)))


class Weights:
    """Non-negative weights, each a product of int64 factors; exact in sum and one by one, floats beside.

    factors  arrays of one length; a weight is the product of its entries and may be far beyond int64
    narrow   one factor whose sum is at most MOST_TOTAL: everything fits the fast path
    approx   the weights themselves when narrow, else float64, off by less than `slack`
    total    their sum, exact
    """

    __slots__ = ("approx", "factors", "narrow", "total")

    def __init__(self, factors: tuple[Ints, ...], total: int | None = None) -> None:
        self.factors = factors
        self.total = exact_total(factors) if total is None else total
        self.narrow = len(factors) == 1 and self.total <= MOST_TOTAL
        self.approx: Floats | Ints = factors[0] if self.narrow else self.near(slice(None), np.float64)

    def without(self, gone: Bools) -> Weights:
        """The weights of the other entries."""
        less = exact_total([factor[gone] for factor in self.factors])
        keep = ~gone
        return Weights(tuple(factor[keep] for factor in self.factors), self.total - less)

    def near(self, part: slice, dtype: type[np.floating[Any]]) -> Floats:
        """A part of the weights as floats of this type, off by less than `slack`."""
        return product_near([factor[part] for factor in self.factors], dtype)

    def at(self, i: int) -> int:
        """One weight, exact."""
        return prod(int(factor[i]) for factor in self.factors)

    def tolist(self) -> list[int]:
        """All of them as Python's integers."""
        return [prod(parts) for parts in zip(*(factor.tolist() for factor in self.factors), strict=True)]

    def positive(self) -> Bools:
        """Where a weight is above 0."""
        where = self.factors[0] > 0
        for factor in self.factors[1:]:
            where &= factor > 0
        return where


def exact_total(factors: Sequence[Ints]) -> int:
    """Sum of products of non-negative int64, of any size."""
    if len(factors) == 1:
        return exact_sum(factors[0])
    total = 0
    for start in range(0, len(factors[0]), BLOCK):
        limbs = _limbs_of_product([factor[start : start + BLOCK] for factor in factors])
        total += sum(int(limb.sum()) << (LIMB_BITS * place) for place, limb in enumerate(limbs))
    return total


def _limbs_of(values: Ints) -> list[Ints]:
    """Digits of base 2^LIMB_BITS, lowest first; leading zeros of all entries are left out."""
    limbs = []
    most = int(values.max(initial=0))
    while True:
        limbs.append(values & ((1 << LIMB_BITS) - 1))
        values, most = values >> LIMB_BITS, most >> LIMB_BITS
        if not most:
            return limbs


def _limbs_of_product(factors: Sequence[Ints]) -> list[Ints]:
    """Digits of the products. A column adds at most three products below 2^60: it fits int64."""
    limbs = _limbs_of(factors[0])
    for factor in factors[1:]:
        others = _limbs_of(factor)
        columns = [np.zeros(len(factor), np.int64) for _ in range(len(limbs) + len(others) - 1)]
        for i, limb in enumerate(limbs):
            for j, other in enumerate(others):
                columns[i + j] += limb * other
        limbs = _carried(columns)
    return limbs


def _carried(columns: list[Ints]) -> list[Ints]:
    """Columns below 2^63 as digits again."""
    limbs = []
    carry: Ints | None = None
    for column in columns:
        whole = column if carry is None else column + carry
        limbs.append(whole & ((1 << LIMB_BITS) - 1))
        carry = whole >> LIMB_BITS
    while carry is not None and carry.any():
        limbs.append(carry & ((1 << LIMB_BITS) - 1))
        carry = carry >> LIMB_BITS
    return limbs


def products_at_most(a: Ints, b: int, c: int, d: Ints) -> Bools:
    """a x b <= c x d, entry by entry, all of them in [0, 2^63): 128-bit products in two halves."""
    high, low = _product(a.astype(np.uint64), np.uint64(b))
    other_high, other_low = _product(d.astype(np.uint64), np.uint64(c))
    at_most: Bools = (high < other_high) | ((high == other_high) & (low <= other_low))
    return at_most


def _product(a: npt.NDArray[np.uint64], b: np.uint64) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    a0, a1, b0, b1 = a & mask, a >> half, b & mask, b >> half
    low, left, right = a0 * b0, a1 * b0, a0 * b1
    middle = (low >> half) + (left & mask) + (right & mask)
    return a1 * b1 + (left >> half) + (right >> half) + (middle >> half), (middle << half) | (low & mask)


def divide(amount: int, weights: Ints, total: int) -> tuple[Ints, Ints]:
    """floor(amount x weight / total) and what is left over, for weights <= total.

    amount, total  0 <= amount <= MOST_AMOUNT, 0 < total <= MOST_TOTAL
    The float quotient is off by at most three, so amount x weight - quotient x total, though computed modulo 2^64, is
    right; one correction at a time until it lies in [0, total). One step is not always enough.
    """
    quotients, rests = np.empty_like(weights), np.empty_like(weights)
    factor = amount / total
    for start in range(0, len(weights), BLOCK):
        part = slice(start, start + BLOCK)
        weight, quotient, rest = weights[part], quotients[part], rests[part]
        quotient[...] = weight * factor  # towards zero
        np.multiply(weight, amount, out=rest)
        rest -= quotient * total
        while rest.min() < 0:
            low = rest < 0
            quotient -= low
            rest += low * total
        while rest.max() >= total:
            high = rest >= total
            quotient += high
            rest -= high * total
    return quotients, rests


def add_to_largest(shares: Ints, rests: Ints, units: int, total: int) -> None:
    """One unit more to the `units` largest rests, ties to the lowest index. Changes `shares`.

    rests  each in [0, total)
    A histogram of the leading digits finds the rest that is the last to gain; only those beside it are looked at again.
    """
    if not units:
        return
    shift = max(0, total.bit_length() - DIGIT_BITS)
    digits = np.empty(len(rests), np.uint16)
    counts = np.zeros(1 << DIGIT_BITS, np.int64)
    for start in range(0, len(rests), BLOCK):
        digit = rests[start : start + BLOCK] >> shift
        digits[start : start + BLOCK] = digit
        counts += np.bincount(digit, minlength=1 << DIGIT_BITS)
    above = counts[::-1].cumsum()
    place = int(np.searchsorted(above, units))
    last = len(counts) - 1 - place
    missing = units - int(above[place] - counts[last])
    shares += digits > last
    beside = np.flatnonzero(digits == last)
    shares[beside[_largest(rests[beside], missing)]] += 1


def _largest(values: Ints, units: int) -> Ints:
    """Positions of the `units` largest, ties to the lowest index. Zooms in on a crowd rather than sort it."""
    found: list[Ints] = []
    place = np.arange(len(values))
    while len(place) > SMALL and units < len(place):
        low, high = int(values.min()), int(values.max())
        if low == high:
            return np.concatenate([*found, place[:units]])
        digits = (values - low) >> max(0, (high - low).bit_length() - DIGIT_BITS)
        above = np.bincount(digits)[::-1].cumsum()
        step = int(np.searchsorted(above, units))
        last = len(above) - 1 - step
        found.append(place[digits > last])
        units -= int(above[step - 1]) if step else 0
        beside = digits == last
        place, values = place[beside], values[beside]
    return np.concatenate([*found, place[np.argsort(-values, kind="stable")[:units]]])


def floor_quotients(tops: Sequence[Ints], bottoms: Sequence[Ints], scale: int) -> npt.NDArray[Any]:
    """floor(scale x product of tops / product of bottoms), bottoms > 0; tops may be negative.

    returns  int64, or Python's integers in an object array when one does not fit
    """
    floors = np.empty(len(tops[0]), np.int64)
    doubts = []
    with np.errstate(invalid="ignore"):
        for start in range(0, len(floors), BLOCK):
            block = slice(start, start + BLOCK)
            above, below = [top[block] for top in tops], [bottom[block] for bottom in bottoms]
            floors[block], sure = _screened_floors(above, below, scale, np.float64)
            if sure.all():
                continue
            open_ = np.flatnonzero(~sure)
            again, sure = _screened_floors([f[open_] for f in above], [f[open_] for f in below], scale, np.longdouble)
            floors[start + open_] = again
            doubts.append(start + open_[~sure])
    return _decided(floors, np.concatenate(doubts), tops, bottoms, scale) if doubts else floors


def _screened_floors(
    tops: Sequence[Ints], bottoms: Sequence[Ints], scale: int, dtype: type[np.floating[Any]]
) -> tuple[Ints, Bools]:
    """Floors by floats, and where they are certain."""
    near = product_near(tops, dtype)
    near *= dtype(scale)
    near /= product_near(bottoms, dtype)
    room = np.abs(near) * slack(dtype)
    low, high = _floor(near - room), _floor(near + room)
    return low, (low == high) & (room < 2.0**61 * slack(dtype))


def product_near(factors: Sequence[Ints], dtype: type[np.floating[Any]]) -> Floats:
    """Products as floats of this type, off by less than `slack`."""
    result: Floats = factors[0].astype(dtype)
    for factor in factors[1:]:
        result *= factor
    return result


def _floor(values: Floats) -> Ints:
    """Floor as int64; of what does not fit, anything."""
    whole = values.astype(np.int64)
    whole -= whole > values
    return whole


def _decided(floors: Ints, open_: Ints, tops: Sequence[Ints], bottoms: Sequence[Ints], scale: int) -> npt.NDArray[Any]:
    """The floors that no float decided, in Python's integers."""
    exact = [scale * prod(int(f[i]) for f in tops) // prod(int(f[i]) for f in bottoms) for i in open_.tolist()]
    if all(-(2**63) <= value < 2**63 for value in exact):
        floors[open_] = exact
        return floors
    wide = floors.astype(object)
    wide[open_] = exact
    return wide
