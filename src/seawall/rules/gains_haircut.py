"""Gains haircuts: a clearing house's variation margin gains cut cycle by cycle, then the book torn up.

Layer    rules; imports rules.water_fill, rules.margin (what a position is worth); called by
         fund.decide and scenarios. SPEC 7, I6, I10.
Not here a perpetual venue's one-off haircut (rules.socialisation), assessments and other layers (rules.waterfall).
Held to  this by tests/rules/test_gains_haircut.py: a unit at a time, one factor in Fractions, ISDA's worked numbers.

Variation margin gains haircutting (VMGH): while a shortfall is open, members who gain in a cycle get less; members who
lose pay in full. It ends when the shortfall is paid, or with the last cycle the rulebook allows; then positions end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.rules.water_fill import capped_water_fill


@dataclass(frozen=True, slots=True)
class GainsHaircuts:
    """Cycles of gains haircutting. Taken in all plus `left_units` is the shortfall.

    haircuts    shape (cycles used, n), base units off each member's gain
    payments    shape (cycles used, n), base units, signed: gain - haircut, or the loss in full
    left_units  shortfall that the cycles did not pay: the tear-up's
    """

    haircuts: tuple[tuple[int, ...], ...]
    payments: tuple[tuple[int, ...], ...]
    left_units: int


def cycle_haircuts(shortfall_units: int, variation_units: Sequence[int], room_units: Sequence[int]) -> tuple[int, ...]:
    """One cycle: min(shortfall, gains) spread over the gains, nobody beyond its gain nor the room under its cap.

    variation_units  shape (n,), members by ascending id, signed: gain > 0, loss < 0
    room_units       shape (n,), what may still be taken from each, >= 0
    returns          shape (n,), base units; losers pay no haircut, their loss stays due in full
    Rounding         floor, then largest remainder, ties lowest id.
    Errors           ValueError: a negative shortfall.
    Source           ISDA, CCP Loss Allocation at the End of the Waterfall (2013).
    """
    if shortfall_units < 0:
        raise ValueError(f"cycle_haircuts: wanted a shortfall >= 0; found {shortfall_units}")
    gains = [max(0, variation) for variation in variation_units]
    return capped_water_fill(shortfall_units, gains, [min(pair) for pair in zip(gains, room_units, strict=True)])


def gains_haircuts(
    shortfall_units: int,
    cycles: Sequence[Sequence[int]],
    member_caps_units: Sequence[int] | None = None,
    max_cycles: int | None = None,
) -> GainsHaircuts:
    """Haircut gains cycle after cycle, until the shortfall is paid, the cycles are over or `max_cycles` were used.

    shortfall_units    base units, >= 0
    cycles             shape (m, n), each member's variation of each cycle, signed, by ascending id
    member_caps_units  shape (n,), the most that is taken from each over all cycles; None: no such cap
    max_cycles         >= 0; None: no such limit
    returns            rows of the cycles that were used, a cycle without a gain among them: it counts as one
    Rounding           as `cycle_haircuts`, each cycle for itself.
    Errors             ValueError: a negative shortfall or cap, rows of unequal length.
    Source             ISDA (2013); LCH and CME rulebooks cap what one member loses and how many days it goes on.
    """
    haircuts: list[tuple[int, ...]] = []
    payments: list[tuple[int, ...]] = []
    left = shortfall_units
    taken = [0] * (len(cycles[0]) if cycles else 0)
    if member_caps_units is not None and min(member_caps_units, default=0) < 0:
        raise ValueError("gains_haircuts: wanted caps >= 0")
    for variation in cycles[:max_cycles]:
        if left == 0:
            break
        caps = [left + before for before in taken] if member_caps_units is None else member_caps_units
        row = cycle_haircuts(left, variation, [cap - before for cap, before in zip(caps, taken, strict=True)])
        haircuts.append(row)
        payments.append(tuple(due - haircut for due, haircut in zip(variation, row, strict=True)))
        taken = [before + haircut for before, haircut in zip(taken, row, strict=True)]
        left -= sum(row)
    return GainsHaircuts(tuple(haircuts), tuple(payments), left)


# --- tear-up ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TornUp:
    """Positions ended at one price. Base units.

    haircuts    shape (n,), off the claims of those in profit
    payments    shape (n,), signed: claim - haircut; a loss is due in full
    left_units  severity beyond all claims: carried (closure: nothing else is left)
    """

    haircuts: tuple[int, ...]
    payments: tuple[int, ...]
    left_units: int


def tear_up_lots(defaulter_lots: int, lots: Sequence[int]) -> tuple[int, ...]:
    """Whole lots of each opposite position that a partial tear-up ends against the defaulter's, pro rata to size.

    defaulter_lots  > 0 or 0, size of the position nobody bid for
    lots            shape (n,), sizes of the opposite positions, >= 0, by ascending id
    returns         shape (n,), lots, adding up to min(defaulter_lots, sum of lots)
    Rounding        floor, then largest remainder, ties lowest id.
    """
    return capped_water_fill(defaulter_lots, lots, lots)


def tear_up_claims_units(
    lots: Sequence[int], costs_units: Sequence[int], price_ticks: int, lot_tick_units: int
) -> tuple[int, ...]:
    """Each position's claim at the tear-up price: lots x price x value - cost, base units, signed, exact.

    lots         shape (n,), signed
    costs_units  shape (n,), the integer cost of those lots, signed like them
    """
    pairs = zip(lots, costs_units, strict=True)
    return tuple(lot * price_ticks * lot_tick_units - cost for lot, cost in pairs)


def tear_up(severity_units: int, claims_units: Sequence[int]) -> TornUp:
    """End positions at the tear-up price; what no layer paid is spread over the claims in profit.

    severity_units  base units, >= 0
    claims_units    shape (n,), signed, by ascending id (`tear_up_claims_units`); negative: owed by the member, in full
    returns         haircuts add up to min(severity, claims in profit), nobody pays more than its claim
    Rounding        floor, then largest remainder, ties lowest id.
    Errors          ValueError: a negative severity.
    Source          ISDA (2013), tear-up and closure; SPEC 7.
    """
    haircuts = cycle_haircuts(severity_units, claims_units, [severity_units] * len(claims_units))
    payments = tuple(claim - haircut for claim, haircut in zip(claims_units, haircuts, strict=True))
    return TornUp(haircuts, payments, severity_units - sum(haircuts))
