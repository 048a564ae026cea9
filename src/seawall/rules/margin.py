"""Margin: what a position must be backed by, and what a fill does to it.

Layer    rules; imports amounts, design.types; called by venue.sales, venue.facts. SPEC 1, 2.
Not here what lots are worth and the bankruptcy price (rules.contracts), who is liquidated (rules.liquidation).
Held to  this by venue.scan (arrays) and tests/rules/test_margin.py (Fractions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.amounts import ppm_up
from seawall.design.types import Tier


def tier_at(notional: int, tiers: Sequence[Tier]) -> Tier:
    """The tier of a position: the first whose `up_to_notional` is not below its notional.

    notional  base units, >= 0
    tiers     by rising notional; the last has no upper end
    """
    for tier in tiers:
        if tier.up_to_notional is None or notional <= tier.up_to_notional:
            return tier
    return tiers[-1]


def maintenance_margin_units(notional: int, tiers: Sequence[Tier]) -> int:
    """Maintenance margin of one position: ceil(notional x ppm / 10^6) - deducted, base units, rounded up (SPEC 2)."""
    tier = tier_at(notional, tiers)
    return ppm_up(notional, tier.maintenance_margin_ppm) - tier.maintenance_deducted


def initial_margin_units(notional: int, tiers: Sequence[Tier]) -> int:
    """Initial margin of one position: ceil(notional x ppm / 10^6) of its tier, base units, rounded up (SPEC 2)."""
    return ppm_up(notional, tier_at(notional, tiers).initial_margin_ppm)


@dataclass(frozen=True, slots=True)
class Traded:
    """A position after a fill, and the profit that the fill realised. All base units but `lots`."""

    lots: int
    cost_units: int
    realised_units: int


def trade(lots: int, cost_units: int, fill_lots: int, amount_units: int) -> Traded:
    """Apply one fill to a position.

    lots, cost_units  the position, signed; cost 0 when flat
    fill_lots         signed, bought > 0, sold < 0, never 0
    amount_units      what the fill is worth, lots x price in base units, signed like fill_lots
    returns           the position after it; what closed realises its part of the amount minus its part of the cost
    Rounding          the closed part of the cost is floor(cost x closed / all); of a fill that turns the position,
                      the closing part takes floor(amount x closed / fill lots). Nothing is lost: the rest stays.
    Errors            ValueError when fill_lots is 0.
    Source            SPEC 1.
    """
    if fill_lots == 0:
        raise ValueError("trade: wanted lots other than 0; found 0")
    if lots == 0 or (lots > 0) == (fill_lots > 0):
        return Traded(lots + fill_lots, cost_units + amount_units, 0)
    closed = min(abs(lots), abs(fill_lots))
    closed_cost = cost_units * closed // abs(lots)
    closed_amount = amount_units * closed // abs(fill_lots)
    realised = -closed_amount - closed_cost  # a sale has a negative amount: money in
    return Traded(
        lots + fill_lots,
        cost_units - closed_cost + (amount_units - closed_amount),
        realised,
    )
