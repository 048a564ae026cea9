"""Amounts: integer base units, directed rounding, exact splits, ids, decimal strings.

Layer    the lowest; imports nothing of ours. SPEC 1.
Not here currency conversion, floats, or any rule about who pays: only arithmetic that loses no unit.
Held to  this by every other layer; tests/test_amounts.py holds `allocate` to a unit-by-unit reference.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

PPM: Final = 1_000_000
"""Parts per million: the denominator of every rate."""

MAX_AMOUNT: Final = 10**38
"""Every amount that crosses an edge satisfies |amount| < MAX_AMOUNT, so it fits decimal128(38, 0)."""

MAX_DECIMALS: Final = 36

_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


class AmountError(ValueError):
    """A text is not the amount, integer or id it should be; says what was wanted and found."""

    def __init__(self, wanted: str, found: str, hint: str = "") -> None:
        super().__init__(f"wanted {wanted}; found {found}" + (f"; {hint}" if hint else ""))
        self.wanted = wanted
        self.found = found
        self.hint = hint


class Units(int):
    """Base units of an asset, as a type of its own where it crosses a machine's edge.

    Arithmetic on `Units` gives plain `int`; a message field typed `Units` therefore has to be wrapped on
    purpose, and is written as a JSON integer string (SPEC 1), never as a JSON number.
    """

    __slots__ = ()


class Round(Enum):
    """Direction of a division, always named by the rule that divides."""

    DOWN = "down"
    UP = "up"


def mul_div(x: int, y: int, divisor: int, direction: Round) -> int:
    """x * y / divisor, rounded in a named direction, exact at any size.

    x, y       integers, any sign
    divisor    > 0
    Rounding   DOWN: towards minus infinity; UP: towards plus infinity.
    Errors     ValueError if divisor <= 0.
    """
    if divisor <= 0:
        raise ValueError(f"mul_div: wanted a divisor > 0; found {divisor}")
    if direction is Round.DOWN:
        return x * y // divisor
    return -(-(x * y) // divisor)


def ppm_down(amount: int, rate_ppm: int) -> int:
    """floor(amount * rate_ppm / 10^6): for what the fund pays or a claimant gets."""
    return mul_div(amount, rate_ppm, PPM, Round.DOWN)


def ppm_up(amount: int, rate_ppm: int) -> int:
    """ceil(amount * rate_ppm / 10^6): for what is owed to the fund, margins and targets."""
    return mul_div(amount, rate_ppm, PPM, Round.UP)


def allocate(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split `amount` among claimants in proportion to `weights`, losing no unit.

    amount   base units, >= 0
    weights  shape (n,), by ascending claimant id, any one unit, >= 0, not all 0 unless amount is 0
    returns  shape (n,), base units, adding up to `amount`; weight 0 gets 0
    Rounding floor, then a unit each to the largest remainders, ties to the lowest id (first position).
    Errors   ValueError outside these ranges.
    Source   SPEC 1; Hamilton's method, Balinski & Young, Fair Representation (1982). Not monotone in `amount`.
    """
    if amount < 0 or any(w < 0 for w in weights):
        raise ValueError(f"allocate: wanted amount >= 0 and weights >= 0; found {amount} over {list(weights)[:8]}")
    total = sum(weights)
    if total == 0:
        if amount == 0:
            return (0,) * len(weights)
        raise ValueError(f"allocate: wanted some weight > 0 to split {amount}; found none")
    if amount == 0:
        return (0,) * len(weights)
    shares: list[int] = []
    remainders: list[int] = []
    for weight in weights:
        share, remainder = divmod(amount * weight, total)
        shares.append(share)
        remainders.append(remainder)
    left = amount - sum(shares)
    if left:
        order = sorted(range(len(weights)), key=lambda i: -remainders[i])  # stable: ties keep the lowest id
        for i in order[:left]:
            shares[i] += 1
    return tuple(shares)


def check_amount(amount: int) -> int:
    """`amount` itself when |amount| < 10^38; AmountError otherwise."""
    if not -MAX_AMOUNT < amount < MAX_AMOUNT:
        raise AmountError("an amount below 10^38 base units", f"{len(str(abs(amount)))} digits")
    return amount


def parse_decimal(text: str, decimals: int, *, signed: bool = False) -> int:
    """A decimal string in asset units, as people write it, to base units.

    text      grammar -?(0|[1-9][0-9]*)(\\.[0-9]+)?, ASCII; no `+`, exponent, space, separator, negative zero
    decimals  the asset's decimals: 10^decimals base units an asset unit
    signed    whether the field can be negative; `-` is an error otherwise
    returns   base units, exact; more decimals than the asset has are an error, never cut off
    Errors    AmountError.
    Source    SPEC 1.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise AmountError('a decimal string such as "12500000.00"', repr(text), _decimal_hint(text))
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    if len(fraction) > decimals:
        raise AmountError(f"at most {decimals} decimals", f"{text!r} with {len(fraction)}")
    if len(whole) > 40:
        raise AmountError("an amount below 10^38 base units", f"{len(whole)} digits")
    units = int(whole) * 10**decimals + int((fraction + "0" * (decimals - len(fraction))) or "0")
    if sign:
        if not signed:
            raise AmountError("an amount that is not negative", repr(text))
        if units == 0:
            raise AmountError("zero without a sign", repr(text))
        units = -units
    return check_amount(units)


def _decimal_hint(text: str) -> str:
    """A guess at what was meant: separators, `+`, `k`/`m` suffixes, exponents are the usual slips."""
    plain = text.strip().replace("_", "").replace(",", "").removeprefix("+")
    for suffix, power in (("k", 3), ("m", 6), ("b", 9)):
        number = _DECIMAL.fullmatch(plain[:-1]) if plain.lower().endswith(suffix) else None
        if number is not None and len(plain) < 40:
            fraction = number.group(3) or ""
            units = int(number.group(2) + fraction) * 10**power
            return f'did you mean "{number.group(1)}{format_decimal(units, len(fraction))}"?'
    return f'did you mean "{plain}"?' if plain != text and _DECIMAL.fullmatch(plain) else ""


def format_decimal(units: int, decimals: int, *, group: bool = False, places: int | None = None) -> str:
    """Base units as a decimal string in asset units, for people.

    group    thousands separated by commas (tables only: such a string is not valid input)
    places   decimals shown; trailing zeros are dropped down to `places` (default: kept short, none)
    returns  exact text: no digit is rounded away, so `places` is a minimum.
    """
    sign = "-" if units < 0 else ""
    whole, fraction = divmod(abs(units), 10**decimals)
    digits = str(fraction).rjust(decimals, "0") if decimals else ""
    digits = digits.rstrip("0").ljust(min(places or 0, decimals), "0")
    head = f"{whole:,}" if group else str(whole)
    return f"{sign}{head}.{digits}" if digits else f"{sign}{head}"


def parse_integer(text: str, *, signed: bool = False) -> int:
    """A plain integer string (machine files: base units, ppm, lots, ticks). Errors: AmountError."""
    if _INTEGER.fullmatch(text) is None or text == "-0":
        raise AmountError("an integer string", repr(text))
    if len(text) > 40:
        raise AmountError("an amount below 10^38", f"{len(text)} digits")
    value = int(text)
    if value < 0 and not signed:
        raise AmountError("an integer that is not negative", repr(text))
    return check_amount(value)


def check_id(text: str) -> str:
    """`text` itself when it is an id: [A-Za-z0-9._:-]{1,64}. Errors: AmountError."""
    if _ID.fullmatch(text) is None:
        raise AmountError("an id of 1 to 64 characters A-Z a-z 0-9 . _ : -", repr(text[:80]))
    return text


def id_key(text: str) -> tuple[int, str]:
    """Sort key of ids: *lowest* is shorter first, then bytewise (SPEC 1; ids are ASCII)."""
    return len(text), text


def in_id_order(ids: Iterable[str]) -> list[str]:
    """The ids, lowest first."""
    return sorted(ids, key=id_key)


def sha256_hex(data: bytes) -> str:
    """SHA-256 of bytes, as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
