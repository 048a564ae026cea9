"""Funding and interest: what positions and debts pay for time, and who gets it.

Layer    rules; imports amounts; called by the venue at the start of a step. SPEC 4.1.
Not here the rate (the path's or the design's), carried bad debt (fund), deficits (rules.liquidation).
Held to  this by tests/rules/test_funding.py: Fractions, unit by unit; case LEN-04.

Rates are in 10^-12 per interval. Payers pay rounded up, receivers share what was collected: no unit is made or lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from seawall.amounts import Round, allocate, mul_div

RATE_ONE: Final = 10**12
"""Rates and indices are integers in 10^-12."""


@dataclass(frozen=True, slots=True)
class Accrual:
    """One interval's payments. Shape (n,), base units >= 0, by ascending account id; sum paid = sum received.

    paid      collected from each
    received  credited to each
    unpaid    due but not collected: a debt of the account, part of its deficit, that nobody has received
    """

    paid: tuple[int, ...]
    received: tuple[int, ...]
    unpaid: tuple[int, ...]


def share_collected(due_units: Sequence[int], payable_units: Sequence[int] | None, weights: Sequence[int]) -> Accrual:
    """Collect what is due as far as it can be paid, and share that among receivers.

    due_units      shape (n,), >= 0
    payable_units  shape (n,), the most that each can pay, negative counts as 0; None: everything is collected, an
                   account's cash may fall below zero, and that is its debt
    weights        shape (n,), >= 0; where all are zero there is no receiver, and nothing is due
    Rounding       `allocate`: floor, then largest remainders, ties lowest id.
    Source         SPEC 4.1.
    """
    if sum(weights) == 0:
        nothing = (0,) * len(due_units)
        return Accrual(nothing, nothing, nothing)
    if payable_units is None:
        paid = tuple(due_units)
    else:
        paid = tuple(min(due, max(0, most)) for due, most in zip(due_units, payable_units, strict=True))
    unpaid = tuple(due - part for due, part in zip(due_units, paid, strict=True))
    return Accrual(paid, allocate(sum(paid), weights), unpaid)


def accrue_funding(notionals_units: Sequence[int], rate: int, payable_units: Sequence[int] | None = None) -> Accrual:
    """Funding of one market for one interval.

    notionals_units  shape (n,), at the mark, signed: long > 0, short < 0, by ascending account id; every position of
                     the market, outside book and layers included, since positions add up to zero
    rate             10^-12 per interval; positive: longs pay shorts, negative: shorts pay longs
    Rounding         a payer pays ceil(notional x |rate| / 10^12); receivers share by `allocate` over notional.
    Source           SPEC 4.1.
    """
    side = 1 if rate > 0 else -1
    due = [mul_div(max(0, side * notional), abs(rate), RATE_ONE, Round.UP) for notional in notionals_units]
    return share_collected(due, payable_units, [max(0, -side * notional) for notional in notionals_units])


def accrue_interest(
    debts_units: Sequence[int],
    recognised_units: Sequence[int],
    deposits_units: Sequence[int],
    rate: int,
    payable_units: Sequence[int] | None = None,
) -> Accrual:
    """Interest of one asset for one interval, from debtors to depositors.

    debts_units       shape (n,), >= 0, by ascending account id
    recognised_units  shape (n,), the part of each debt that was recognised as a deficit: it bears no interest, and
                      nobody earns income on it
    deposits_units    shape (n,), >= 0
    rate              10^-12 per interval, >= 0
    Rounding          a debtor pays ceil((debt - recognised) x rate / 10^12); depositors share by `allocate`.
    Source            SPEC 4.1, 7; case LEN-04.
    """
    due = [
        mul_div(max(0, debt - dead), rate, RATE_ONE, Round.UP)
        for debt, dead in zip(debts_units, recognised_units, strict=True)
    ]
    return share_collected(due, payable_units, deposits_units)


def funding_index_after(index: int, lot_value_units: int, rate: int) -> int:
    """The funding index after one interval: index + value of a lot x rate, in 10^-12 base units a lot, exact.

    lot_value_units  one lot at the mark: mark_ticks x lot_tick_units
    rate             10^-12 per interval, signed
    """
    return index + lot_value_units * rate


def index_change_units(lots: int, index_then: int, index_now: int) -> int:
    """What a position's cash changes by when funding is settled through the index, base units, signed.

    lots      signed, held unchanged since `index_then`
    Rounding  down: a payer pays up, a receiver gets down. One settlement is less than a unit below the exact amount,
              whatever the number of intervals in it; k settlements are less than k units below. Over positions that
              add up to zero the changes add up to at most 0: the difference, less than a unit a position, goes to the
              account `rounding`.
    Source    SPEC 1, 4.1; Drift v2 and dYdX v4 settle funding by such an index.
    """
    return mul_div(-lots, index_now - index_then, RATE_ONE, Round.DOWN)
