"""Deleveraging: which winners are closed against a bankrupt account, and what that takes from each.

Layer    rules; imports amounts, rules.{water_fill,adl_scores,adl_policies,min_max_lots}; called by venue.deleverage.
         SPEC 7, 8; I4, I6, I10.
Not here whether a layer still has money (rules.waterfall), haircuts in money (rules.adl_policies, rules.socialisation).
Held to  this by tests/rules/test_deleveraging.py, test_contract_space.py: unit by unit, Fractions, worked tables.

Contract space: policies split whole lots, and money follows from the gap between closing price and mark. `plan_lots` is
the venue's entry; `close_lots` closes a stated number of lots and says what that does beyond the severity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from seawall.amounts import allocate
from seawall.rules.adl_policies import Policy, policy_limits, share
from seawall.rules.adl_scores import SCORE_ONE, Participant, PolicyParameters, profit_leverage_score
from seawall.rules.min_max_lots import min_max_lots
from seawall.rules.water_fill import capped_water_fill, ranked_queue

__all__ = [
    "SCORE_ONE",
    "Eligible",
    "Gap",
    "LotsOutcome",
    "Ranking",
    "Winner",
    "capped_water_fill",
    "close_lots",
    "gap_in_whole_ticks",
    "lot_cap",
    "minimal_lots",
    "plan_lots",
    "policy_of",
    "profit_leverage_score",
    "ranked_queue",
    "return_excess",
]

Winner: TypeAlias = Participant
"""A live position of the opposite side; accounts liquidatable at the mark are not among them."""

Eligible = Literal["profit_at_close", "capped_at_mark", "any"]
"""`any`: as production queues do, whatever the winner loses by it; what they take beyond profit breaks I6."""

Ranking = Policy | Literal["queue_pnl_leverage"]
"""A policy by name; `queue_pnl_leverage` is the older name of `queue_bitmex`."""


def policy_of(ranking: Ranking) -> Policy:
    """The policy that a ranking names."""
    return "queue_bitmex" if ranking == "queue_pnl_leverage" else ranking


@dataclass(frozen=True, slots=True)
class Gap:
    """What closing `lots` lots costs their winners against the mark: `units` in all, so units / lots a lot, exactly.

    units  base units; zero or negative when the closing prices are no worse than the mark
    lots   > 0
    """

    units: int
    lots: int


def lot_cap(winner: Winner, gap: Gap, eligible: Eligible) -> int:
    """The most lots of a winner that may be closed at a gap to the mark.

    returns  min(lots, floor(min(profit, max(equity, 0)) / gap a lot)); 0 when `profit_at_close` wants the whole
             position to still be in profit at the closing price and it would not be; all lots when `any` is eligible
    Source   SPEC 7, I6.
    """
    if eligible == "profit_at_close" and winner.profit_units * gap.lots < winner.lots * gap.units:
        return 0
    if eligible == "any":
        return winner.lots
    return min(winner.lots, _lots_for(winner.cap, winner.lots, gap))


def _lots_for(payable_units: int, lots: int, gap: Gap) -> int:
    """The most of `lots` that an amount pays for, rounded down; all where closing costs nothing against the mark."""
    return lots if gap.units <= 0 else min(lots, payable_units * gap.lots // gap.units)


def plan_lots(
    winners: Sequence[Winner],
    gap: Gap,
    ranking: Ranking,
    eligible: Eligible,
    parameters: PolicyParameters | None = None,
) -> tuple[int, ...]:
    """Whole lots of each winner to close against the `gap.lots` lots of a bankrupt account, or of several together.

    winners  live positions of the opposite side, lowest id first; accounts liquidatable at the mark are not among them
    returns  shape (n,), lots, adding up to min(gap.lots, capacity); nobody is closed beyond its live lots, nor beyond
             what the policy itself spares (beta, the side's mean profit), in whole lots rounded down
    Source   SPEC 7, 8.
    """
    policy, parameters = policy_of(ranking), parameters or PolicyParameters()
    caps = [lot_cap(winner, gap, eligible) for winner in winners]
    limits = policy_limits(policy, winners, parameters)
    if limits is not None:
        caps = [min(cap, _lots_for(limit, cap, gap)) for cap, limit in zip(caps, limits, strict=True)]
    if policy == "min_max":
        return min_max_lots(gap.lots, [winner.equity_units for winner in winners], caps)
    return share(policy, gap.lots, winners, caps, parameters)


@dataclass(frozen=True, slots=True)
class LotsOutcome:
    """What closing whole lots did. Shape (n,) by winner; base units but lots.

    lots           closed
    money          lots x gap: what each loses against the mark, before anything goes back
    returned       of that, what goes back because it is beyond the severity; zeros where production keeps it
    beyond_profit  money is more than the winner's positive profit (breaks I6)
    overshoot      sum of money beyond the severity, whether it goes back or not
    left_lots      that no winner was closed for: the fallback's
    """

    lots: tuple[int, ...]
    money: tuple[int, ...]
    returned: tuple[int, ...]
    beyond_profit: tuple[bool, ...]
    overshoot: int
    left_lots: int

    @property
    def haircuts(self) -> tuple[int, ...]:
        """What each loses in the end."""
        return tuple(taken - back for taken, back in zip(self.money, self.returned, strict=True))


def close_lots(
    winners: Sequence[Winner],
    lots: int,
    gap_units: int,
    severity_units: int,
    ranking: Ranking,
    eligible: Eligible,
    parameters: PolicyParameters | None = None,
) -> LotsOutcome:
    """Close `lots` of a bankrupt account against winners, each lot costing them `gap_units` against the mark.

    lots       all of the account, or the fewest (`minimal_lots`), > 0
    gap_units  base units a lot, |closing price - mark|, >= 0
    eligible   `any` is production: live lots are the only cap and an overshoot stays taken; the others are safe: nobody
               pays beyond its cap, and what is beyond the severity goes back by `allocate` over the money taken
    Source     SPEC 7, 8; I6, I10. Production: min(lots, lots left), profit ignored (BitMEX, Binance, Hyperliquid).
    """
    closed = plan_lots(winners, Gap(lots * gap_units, lots), ranking, eligible, parameters)
    money = tuple(part * gap_units for part in closed)
    kept = money if eligible == "any" else return_excess(money, severity_units)
    return LotsOutcome(
        lots=closed,
        money=money,
        returned=tuple(taken - part for taken, part in zip(money, kept, strict=True)),
        beyond_profit=tuple(taken > winner.gain for taken, winner in zip(money, winners, strict=True)),
        overshoot=max(0, sum(money) - severity_units),
        left_lots=lots - sum(closed),
    )


def minimal_lots(severity_units: int, gap_units: int) -> int:
    """The fewest lots whose gap covers a severity: ceil(severity / gap); the overshoot is less than one lot's gap.

    Errors  ValueError if gap_units <= 0: no number of lots covers anything.
    """
    if gap_units <= 0:
        raise ValueError(f"minimal_lots: wanted a gap > 0; found {gap_units}")
    return -(-severity_units // gap_units)


def gap_in_whole_ticks(severity_units: int, lots: int, tick_units: int) -> tuple[int, int]:
    """The gap a lot when the closing price is a whole tick, so that winners pay no more than the severity.

    lots        closed, > 0
    tick_units  base units that one tick moves one lot, > 0
    returns     gap a lot, and what is left to carry, < lots x tick_units
    Rounding    towards the mark: winners pay less.
    """
    gap_units = severity_units // (lots * tick_units) * tick_units
    return gap_units, severity_units - lots * gap_units


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
