"""Refusal: how a command is turned down. Nothing happened, and the id is not used up.

Layer    fund; imports amounts, fund.messages. Used by fund.decide and its parts.
Not here what makes a command wrong: that stands where it is decided.
"""

from __future__ import annotations

from typing import Literal

from seawall.amounts import AmountError, check_amount
from seawall.fund.messages import AnyCommand, Refused


def refused(command: AnyCommand, code: Literal["conflict", "invalid", "state"], field: str, reason: str) -> Refused:
    """The answer to a command that is not carried out."""
    return Refused(id=command.id, code=code, field=field, reason=reason)


def amount_problem(amount: int, *, zero: bool = False) -> str:
    """Why an amount cannot be booked; "" when it can. zero: whether 0 will do."""
    try:
        check_amount(amount)
    except AmountError as error:
        return str(error)
    if amount < 0 or (amount == 0 and not zero):
        return f"wanted an amount {'>=' if zero else '>'} 0; found {amount}"
    return ""
