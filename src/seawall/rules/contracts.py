"""Contracts: what lots are worth at a price, linear and inverse, and the price at which an account is bankrupt.

Layer    rules; imports design.instruments (the contract's shape). Called by the venue wherever lots become money.
Not here margin rates (rules.margin), fills (venue.ladder), collateral haircuts (rules.collateral).
Held to  this by tests/rules/test_contracts.py (Fractions, search over ticks) and venue.scan (arrays).

Value is signed: what the position adds to the account's equity before its cost is taken off. A linear long is worth
lots x price; an inverse long owes lots / price of the coin, which is less the higher the price.
"""

from __future__ import annotations

from seawall.design.instruments import Contract


def value_units(contract: Contract, lots: int, ticks: int) -> int:
    """What a position is worth at a price, base units, signed.

    lots      signed; ticks > 0
    Rounding  linear: exact. Inverse: -lots x unit / ticks, down: against the trader on either side.
    Source    SPEC 1; BitMEX, inverse contracts: profit in coin = contracts x (1/entry - 1/exit).
    """
    if contract.inverse:
        return -lots * contract.unit // ticks
    return lots * ticks * contract.unit


def notional_units(contract: Contract, lots: int, ticks: int) -> int:
    """|lots| at a price, base units. Rounding: linear exact; inverse up, since margin is asked on it."""
    if contract.inverse:
        return -(-abs(lots) * contract.unit // ticks)
    return abs(lots) * ticks * contract.unit


def pnl_units(contract: Contract, lots: int, ticks: int, cost_units: int) -> int:
    """Unrealised profit (negative: loss): value - cost, base units. cost: the value at which the lots were opened."""
    return value_units(contract, lots, ticks) - cost_units


def opening_cost_units(contract: Contract, lots: int, ticks: int) -> int:
    """The cost of opening lots at a price. Rounding: linear exact; inverse up, against the trader."""
    if contract.inverse:
        return -(lots * contract.unit // ticks)
    return lots * ticks * contract.unit


def bankruptcy_ticks(
    contract: Contract, lots: int, mark_ticks: int, equity_units: int, weight: int, weights_total: int
) -> int:
    """The price of the whole position at which the account's equity, apportioned to it, is zero.

    lots           signed, not 0
    mark_ticks     > 0
    equity_units   the account's equity at the marks, negative included
    weight         the position's maintenance margin, base units
    weights_total  the account's maintenance margin, base units; where it is 0 the caller weighs by notional
    returns        ticks; may be zero or negative where equity exceeds a long's value (linear), or where a short's debt
                   exceeds what any price would pay; NEVER_TICKS for an inverse short that no price makes bankrupt, and
                   for an inverse long that owes more than any price pays
    Rounding       up for a long, down for a short, so that a close there never leaves a deficit.
    Errors         ValueError for lots 0 or weights_total <= 0.
    Source         SPEC 2 (dYdX and Lighter apportion by maintenance margin); inverse: the harmonic formula, each side
                   its own.
    """
    if lots == 0 or weights_total <= 0:
        raise ValueError(f"bankruptcy_price: wanted lots and a weight; found lots {lots}, total {weights_total}")
    share = equity_units * weight
    if contract.inverse:
        # Equity of the share is zero where |lots| unit / p = |lots| unit / mark + share (long), - share (short).
        size = abs(lots) * contract.unit
        at_mark = size * weights_total
        debt = at_mark + share * mark_ticks if lots > 0 else at_mark - share * mark_ticks
        if debt <= 0:
            return NEVER_TICKS
        exact = size * weights_total * mark_ticks
        return -(-exact // debt) if lots > 0 else exact // debt
    value = abs(lots) * contract.unit * weights_total
    if lots > 0:
        return -((share - mark_ticks * value) // value)
    return (mark_ticks * value + share) // value


NEVER_TICKS = 2**62
"""A price that stands for none: no price is high enough."""
