"""Deleveraging: which winners are closed against a bankrupt account, and what that takes from each.

Layer    rules; imports amounts; called by venue.deleverage. SPEC 7, 8; I4, I6, I10.
Not here whether a layer still has money (rules.waterfall), haircuts in money over all profit (rules.socialisation).
Held to  this by tests/rules/test_deleveraging.py: unit by unit, Fractions, worked tables.

Two primitives carry every policy of this file: `capped_water_fill` (pro rata under caps) and `ranked_queue` (whole
positions in order of a score). Both work on money and on whole lots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Literal

from seawall.amounts import allocate

SCORE_ONE = 10**12
"""Scores are integers in 10^-12."""


def capped_water_fill(amount: int, weights: Sequence[int], caps: Sequence[int]) -> tuple[int, ...]:
    """Split `amount` in proportion to weights, nobody above its cap; what caps cut off flows on to the others.

    amount   >= 0
    weights  shape (n,), >= 0, by ascending id; weight 0 gets 0
    caps     shape (n,), >= 0, same unit as amount
    returns  shape (n,), adding up to min(amount, sum of caps over positive weights)
    Rounding whoever is not at its cap gets the floor, then a unit each to the largest remainders, ties lowest id. Only
             non-zero remainders gain a unit, so no cap is broken.
    Source   real-valued: h = min(c, t v) with one t; exact: saturate in order of c/v by cross-multiplying.
    """
    shares = [0] * len(weights)
    live = [i for i, (weight, cap) in enumerate(zip(weights, caps, strict=True)) if weight > 0 and cap > 0]
    left = min(amount, sum(caps[i] for i in live))
    weight_left = sum(weights[i] for i in live)
    if left == 0:
        return tuple(shares)

    def lower_cap_first(a: int, b: int) -> int:
        difference = caps[a] * weights[b] - caps[b] * weights[a]
        return difference if difference else a - b

    # Fast path: when no cap binds the order is irrelevant and sorting would be the whole cost.
    if any(caps[i] * weight_left < left * weights[i] for i in live):
        live.sort(key=cmp_to_key(lower_cap_first))
        saturated = 0
        for i in live:
            if caps[i] * weight_left > left * weights[i]:
                break
            shares[i] = caps[i]
            left -= caps[i]
            weight_left -= weights[i]
            saturated += 1
        live = sorted(live[saturated:])
    if left:
        for i, part in zip(live, allocate(left, [weights[i] for i in live]), strict=True):
            shares[i] = part
    return tuple(shares)


def ranked_queue(amount: int, scores: Sequence[int], caps: Sequence[int]) -> tuple[int, ...]:
    """Take from the highest score on, each as much as its cap allows, until `amount` is reached.

    scores   shape (n,), any integers, by ascending id; ties go to the lowest id
    caps     shape (n,), >= 0; cap 0 is skipped
    returns  shape (n,), adding up to min(amount, sum of caps)
    """
    shares = [0] * len(scores)
    left = amount
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        if left == 0:
            break
        shares[i] = min(caps[i], left)
        left -= shares[i]
    return tuple(shares)


@dataclass(frozen=True, slots=True)
class Winner:
    """A position of the opposite side, at the mark, after the round's fills. Base units but `lots`.

    id                 account id
    lots               size, > 0, whatever the side
    profit_units       the position's unrealised profit at the mark
    equity_units       the account's equity at the mark
    notional_units     lots x mark
    entry_units        |cost| of the position
    """

    id: str
    lots: int
    profit_units: int
    equity_units: int
    notional_units: int
    entry_units: int


def profit_leverage_score(winner: Winner) -> int:
    """Rank by profit percentage x effective leverage, in 10^-12, rounded down; 0 without equity.

    profit > 0: (profit / entry) x (notional / equity); profit < 0: (profit / entry) / (notional / equity)
    Source  BitMEX, «What is auto-deleveraging»; in the account's own terms, leverage = notional / equity.
    """
    if winner.equity_units <= 0 or winner.entry_units <= 0 or winner.notional_units <= 0:
        return 0
    if winner.profit_units >= 0:
        numerator = winner.profit_units * winner.notional_units
        denominator = winner.entry_units * winner.equity_units
    else:
        numerator = winner.profit_units * winner.equity_units
        denominator = winner.entry_units * winner.notional_units
    return numerator * SCORE_ONE // denominator


@dataclass(frozen=True, slots=True)
class Gap:
    """What closing `lots` lots costs their winners against the mark: `units` in all, so units / lots a lot, exactly.

    units  base units; zero or negative when the closing prices are no worse than the mark
    lots   > 0
    """

    units: int
    lots: int


def lot_cap(winner: Winner, gap: Gap, eligible: Literal["profit_at_close", "capped_at_mark"]) -> int:
    """The most lots of a winner that may be closed at a gap to the mark.

    returns  min(lots, floor(min(profit, max(equity, 0)) / gap a lot)); 0 when `profit_at_close` wants the whole
             position to still be in profit at the closing price and it would not be
    Source   SPEC 7, I6.
    """
    if eligible == "profit_at_close" and winner.profit_units * gap.lots < winner.lots * gap.units:
        return 0
    if gap.units <= 0:
        return winner.lots
    payable = max(0, min(winner.profit_units, winner.equity_units))
    return min(winner.lots, payable * gap.lots // gap.units)


def plan_lots(
    winners: Sequence[Winner],
    gap: Gap,
    ranking: Literal["pro_rata_pnl", "pro_rata_lots", "queue_pnl_leverage"],
    eligible: Literal["profit_at_close", "capped_at_mark"],
) -> tuple[int, ...]:
    """Whole lots of each winner to close against the `gap.lots` lots of a bankrupt account, or of several together.

    winners  live positions of the opposite side, lowest id first; accounts liquidatable at the mark are not among them
    returns  shape (n,), lots, adding up to min(gap.lots, capacity); nobody is closed beyond its live lots
    Source   SPEC 7, 8.
    """
    caps = [lot_cap(winner, gap, eligible) for winner in winners]
    if ranking == "queue_pnl_leverage":
        return ranked_queue(gap.lots, [profit_leverage_score(winner) for winner in winners], caps)
    if ranking == "pro_rata_lots":
        return capped_water_fill(gap.lots, [winner.lots for winner in winners], caps)
    return capped_water_fill(gap.lots, [max(0, winner.profit_units) for winner in winners], caps)


def return_excess(taken_units: Sequence[int], severity_units: int) -> tuple[int, ...]:
    """Haircuts after what was taken beyond the severity went back, by `allocate` over the money taken.

    taken_units  shape (n,), base units, >= 0
    returns      shape (n,), base units, adding up to min(sum taken, severity): no overshoot (I10)
    Source       SPEC 7.
    """
    excess = sum(taken_units) - severity_units
    if excess <= 0:
        return tuple(taken_units)
    back = allocate(excess, taken_units)
    return tuple(taken - part for taken, part in zip(taken_units, back, strict=True))
