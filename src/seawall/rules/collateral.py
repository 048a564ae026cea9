"""Collateral: what it counts for, how much of it is sold for a debt, and what is owed when it is gone.

Layer    rules; imports amounts; called by the venue. SPEC 2, 4.5.
Not here its price (rules.marks), the book (venue.ladder), who pays a deficit (rules.waterfall).
Held to  this by tests/rules/test_collateral.py: lot by lot, Fractions; cases ORA-03, LEN-01.

A haircut decides margin, never debt: a debt is reduced by what a sale paid, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.amounts import PPM, allocate, ppm_down

Depth = Sequence[tuple[int, int]]
"""(lots, price ticks > 0) that a sale would get, in the order in which it gets them."""


def collateral_value_units(lots: int, ticks: int, lot_tick_units: int, haircut_ppm: int) -> int:
    """What collateral counts for where margin is decided, base units.

    Rounding  once, down: floor(lots x ticks x lot_tick_units x (10^6 - haircut) / 10^6).
    Source    SPEC 1 («collateral value down»), case ORA-03.
    """
    return ppm_down(lots * ticks * lot_tick_units, PPM - haircut_ppm)


@dataclass(frozen=True, slots=True)
class Settled:
    """A debt after its collateral was sold; at most one of deficit and residual is positive. Base units.

    repaid    of the debt
    deficit   still owed
    residual  recovered beyond the debt: the account's
    """

    repaid: int
    deficit: int
    residual: int


def settle_debt(debt_units: int, recovered_units: int) -> Settled:
    """Debt minus everything recovered, never the whole debt; nobody else is served before the debt is paid.

    debt_units       >= 0; also a deficit that was recognised before, when dust is sold later: `repaid` is then the
                     recovery
    recovered_units  >= 0, what the sale paid
    Source           SPEC 2 «deficit»; case LEN-01.
    """
    repaid = min(debt_units, recovered_units)
    return Settled(repaid, debt_units - repaid, recovered_units - repaid)


@dataclass(frozen=True, slots=True)
class Holding:
    """One collateral asset of an account, with the depth its sale would meet.

    lots            held, >= 0
    lot_tick_units  >= 1
    depth           what the book would pay, best first or not
    """

    lots: int
    lot_tick_units: int
    depth: Depth


@dataclass(frozen=True, slots=True)
class Sold:
    """What is to be sold of one asset: lots, and the base units they are expected to pay."""

    lots: int
    proceeds_units: int


def lots_to_sell(debt_units: int, holdings: Sequence[Holding]) -> tuple[Sold, ...]:
    """The collateral to sell for a debt: asset by asset in the design's order, of each the fewest lots that suffice.

    holdings  shape (n,), in the design's order; an asset is touched only when all before it do not suffice
    returns   shape (n,); what lies past the depth stays unsold, never sold at 0
    Rounding  lots up to the first whole lot that reaches what is left of the debt.
    Source    SPEC 4.5.
    """
    left, sold = max(0, debt_units), []
    for holding in holdings:
        part = _sale(left, holding)
        left = max(0, left - part.proceeds_units)
        sold.append(part)
    return tuple(sold)


def _sale(wanted_units: int, holding: Holding) -> Sold:
    """The fewest lots of one asset that pay `wanted_units`, or all that can be sold."""
    lots = proceeds = 0
    for size, ticks in holding.depth:
        lot_units = ticks * holding.lot_tick_units
        needed = -((proceeds - wanted_units) // lot_units)  # the missing amount over a lot's price, rounded up
        part = min(size, holding.lots - lots, max(0, needed))
        lots += part
        proceeds += part * lot_units
    return Sold(lots, proceeds)


def delays_recognition(values_units: Sequence[int], dust_units: Sequence[int]) -> bool:
    """Whether collateral is left that must be sold before a deficit is recognised.

    values_units  shape (n,), each asset at its mark, no haircut
    dust_units    shape (n,), the design's floors: an asset worth less does not delay; its later sale is a recovery
    Source        SPEC 2 «deficit»; Morpho and Euler v2 wait until collateral is exactly zero: a floor of 0 does that.
    """
    return any(value > 0 and value >= dust for value, dust in zip(values_units, dust_units, strict=True))


def recourse_units(
    deficit_units: int, equities_units: Sequence[int], initial_margins_units: Sequence[int]
) -> tuple[int, ...]:
    """What an owner's other accounts pay of the deficit of one of its accounts, where the design has recourse.

    equities_units         shape (n,), the owner's other accounts by ascending id
    initial_margins_units  shape (n,): an account gives only what is above its initial margin, so that recourse makes
                           nobody liquidatable
    returns                shape (n,), adding up to min(deficit, sum of max(0, equity - initial margin))
    Rounding               `allocate` over the room, so that the account's name does not decide; ties lowest id. No part
                           is above its room.
    Source                 SPEC 2 «account, owner».
    """
    rooms = [max(0, equity - margin) for equity, margin in zip(equities_units, initial_margins_units, strict=True)]
    return allocate(min(max(0, deficit_units), sum(rooms)), rooms)
