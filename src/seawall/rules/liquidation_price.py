"""Liquidation price: the worst price that a forced order accepts.

Layer    rules; imports amounts, design.instruments, rules.contracts; called by venue.sales. SPEC 2, 4.5.
Not here the bankruptcy price itself (rules.contracts), how many lots are sold (rules.liquidation_size).
Held to  this by tests/rules/test_liquidation_price.py: Fractions, search over ticks, worked examples.

A limit is in ticks, at least 1: the lowest price at which a long is sold, the highest at which a short is bought back.
None stands for any price. Limits are rounded against the fill, up for a long and down for a short, as the bankruptcy
price is: an account never concedes more than the rule says, and a close at the bankruptcy price leaves no deficit.
"""

from __future__ import annotations

from collections.abc import Sequence

from seawall.amounts import PPM
from seawall.design.instruments import Contract
from seawall.rules.contracts import bankruptcy_ticks


def accepts(lots: int, price_ticks: int, limit_ticks: int | None) -> bool:
    """Whether a forced order takes a fill. lots: of the position, signed; limit_ticks: None takes any price."""
    if limit_ticks is None:
        return True
    return price_ticks >= limit_ticks if lots > 0 else price_ticks <= limit_ticks


def bankruptcy_limit_ticks(position_bankruptcy_ticks: int) -> int:
    """No fill beyond the bankruptcy price: an order that can leave no deficit.

    position_bankruptcy_ticks  as rounded by rules.contracts; zero or negative where any price would do for a long, or
                               none for a short
    returns                    ticks, at least 1
    Source                     Lighter, «zero price» orders, immediate or cancel.
    """
    return max(1, position_bankruptcy_ticks)


def fillable_limit_ticks(
    contract: Contract,
    lots: int,
    mark_ticks: int,
    equity_units: int,
    maintenance_units: int,
    position_maintenance_units: int,
    spread_ppm: int,
) -> int:
    """The fillable price: the worse the account stands, the further from the mark.

    lots                        of the position, signed, not 0
    equity_units                of the account; maintenance_units likewise
    position_maintenance_units  the position's part of it
    spread_ppm                  of the position's maintenance margin that a bankrupt account concedes
    returns                     ticks, at least 1: mark -/+ rating x spread x position maintenance / lots, where the
                                rating is 1 - equity / maintenance, within 0 and 1; an inverse contract concedes the
                                same amount by its own formula
    Rounding                    once, up for a long, down for a short.
    Source                      dYdX v4 GetFillablePrice, spread 1.5, bankruptcy adjustment 1.
    """
    missing = min(max(0, maintenance_units - equity_units), max(0, maintenance_units))
    conceded = missing * spread_ppm
    # The price at which the position has lost what is conceded is that at which an account of this equity is bankrupt.
    total = max(1, maintenance_units) * PPM
    return max(1, bankruptcy_ticks(contract, lots, mark_ticks, conceded, position_maintenance_units, total))


def auction_limit_ticks(
    lots: int, mark_ticks: int, start_ppm: int, phases: Sequence[tuple[int, int]], elapsed_ms: int
) -> int:
    """A Dutch auction: the discount to the mark grows with the time since the liquidation began.

    lots        of the position, signed, not 0
    start_ppm   discount at the start
    phases      (duration ms, discount ppm at its end), one after the other; a phase of 0 ms jumps
    elapsed_ms  >= 0; past the last phase its discount stays
    returns     ticks, at least 1: mark x (1 - discount) for a long, mark x (1 + discount) for a short; at one mark
                never stricter later
    Rounding    once, up for a long, down for a short.
    Errors      ValueError for discounts that fall: a seller who waits must not be asked for less.
    Source      Derive v2, liquidation auctions: 5 to 30 % in 15 minutes, to 100 % in 12 hours; theirs is a discount to
                the account's value, here to each position's mark.
    """
    discounts = [start_ppm, *(end_ppm for _, end_ppm in phases)]
    if discounts != sorted(discounts) or start_ppm < 0:
        raise ValueError(f"auction_limit: wanted discounts >= 0 that do not fall; found {discounts}")
    discount, parts = _discount(start_ppm, phases, max(0, elapsed_ms))
    whole = PPM * parts
    if lots > 0:
        return max(1, -(-mark_ticks * (whole - discount) // whole))
    return mark_ticks * (whole + discount) // whole


def _discount(start_ppm: int, phases: Sequence[tuple[int, int]], elapsed_ms: int) -> tuple[int, int]:
    """The discount as (ppm x parts, parts), exact."""
    from_ppm, left = start_ppm, elapsed_ms
    for duration, end_ppm in phases:
        if left < duration:
            return from_ppm * duration + (end_ppm - from_ppm) * left, duration
        from_ppm, left = end_ppm, left - duration
    return from_ppm, 1
