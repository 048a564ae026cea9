"""Tranche: stakers' capital. What a share is worth, and what a slash and a reward do to it.

Layer    rules; imports amounts, design.types, rules.cohort; called by rules.staking and fund.decide. SPEC 9, I9.
Not here how stakers come and go (rules.staking), who is paid a recovery (rules.cohort), how much is drawn of a tranche
         (rules.waterfall, rules.limits).
Held to  this by tests/rules/test_tranche.py: Fractions, searches, a state machine beside a book of prices;
         tests/cases/test_staking.py.

One valuation: a share is worth assets / shares, for whoever comes and whoever goes, and every rounding stays with the
shares that are there. So the value of a share falls by slashes only, and no sequence of the other operations takes out
more than was put in and earned. Assets are what these operations recorded: money that arrives otherwise does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from seawall.amounts import Round, mul_div
from seawall.design.types import Stake
from seawall.rules.cohort import Cohort

RefusalCode = Literal[
    "zero_shares",  # the money buys no share
    "too_many_shares",  # shares would leave the range of amounts, as they can after a slash to almost nothing
    "not_enough_shares",  # the staker, or the request, has fewer
    "nobody_staked",  # income without anybody to earn it
    "too_early",  # the cooldown runs
    "lapsed",  # the window to redeem is over
    "not_lapsed",  # it is not
    "void",  # the request is of a series that was wound up
]


class StakingRefused(ValueError):
    """An operation that is turned down; nothing is taken and nothing changes. `code` says why."""

    def __init__(self, code: RefusalCode, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Stream:
    """A reward on its way into the assets, evenly from `start_ms` to `end_ms`. Base units.

    total_units   at the start
    earned_units  of it, in the assets by now
    """

    total_units: int = 0
    earned_units: int = 0
    start_ms: int = 0
    end_ms: int = 0

    @property
    def unearned_units(self) -> int:
        """Held for stakers, but not theirs yet: no part of the assets, not slashed."""
        return self.total_units - self.earned_units


@dataclass(frozen=True, slots=True)
class Tranche:
    """A tranche without its rows: assets and shares are both zero or both positive.

    assets_units  what can be drawn and what all shares together are worth, base units
    shares        free and locked
    series        grows by one when the tranche is wound up: shares of an earlier series are void
    slashes       number of slashes so far
    stream        rewards that are not earned yet
    """

    assets_units: int = 0
    shares: int = 0
    series: int = 1
    slashes: int = 0
    stream: Stream = Stream()


def check_positive(rule: str, unit: str, number: int) -> None:
    """ValueError, naming the rule that was asked, unless number > 0."""
    if number <= 0:
        raise ValueError(f"{rule}: wanted {unit} > 0; found {number}")


# --- valuation ----------------------------------------------------------------------------------------------------


def shares_for_deposit(tranche: Tranche, amount_units: int) -> int:
    """Shares that an amount buys: floor(amount x shares / assets); the first of a series one share a unit."""
    if tranche.shares == 0:
        return amount_units
    return mul_div(amount_units, tranche.shares, tranche.assets_units, Round.DOWN)


def cost_units(tranche: Tranche, shares: int) -> int:
    """What new shares cost: ceil(shares x assets / shares there); the first of a series one unit a share."""
    if tranche.shares == 0:
        return shares
    return mul_div(shares, tranche.assets_units, tranche.shares, Round.UP)


def value_units(tranche: Tranche, shares: int) -> int:
    """What shares are worth: floor(shares x assets / all shares). All of them are worth all assets."""
    return mul_div(shares, tranche.assets_units, tranche.shares, Round.DOWN) if shares else 0


# --- rewards ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accrued:
    """What was earned up to a time, base units, and the tranche after."""

    earned_units: int
    tranche: Tranche


def accrue(tranche: Tranche, t_ms: int) -> Accrued:
    """Move what a stream has earned up to `t_ms` into the assets. Every operation begins with it.

    returns   earned in all: floor(total x time passed / whole time), so how often this is called changes nothing.
              While nobody is staked the stream's clock stands still.
    Rounding  down; the last unit comes with the end.
    Errors    ValueError: a time before the stream's start.
    Source    SPEC 5 «Income is accrued before shares are minted or burnt»; case STK-07.
    """
    stream = tranche.stream
    if stream.unearned_units == 0:
        return Accrued(0, tranche)
    passed = t_ms - stream.start_ms
    if passed < 0:
        raise ValueError(f"accrue: wanted a time >= {stream.start_ms} ms; found {t_ms}")
    if tranche.shares == 0:
        return Accrued(0, replace(tranche, stream=replace(stream, start_ms=t_ms, end_ms=stream.end_ms + passed)))
    whole = stream.end_ms - stream.start_ms
    earned = mul_div(stream.total_units, min(passed, whole), whole, Round.DOWN) - stream.earned_units
    stream = replace(stream, earned_units=stream.earned_units + earned)
    return Accrued(earned, replace(tranche, assets_units=tranche.assets_units + earned, stream=stream))


@dataclass(frozen=True, slots=True)
class Rewarded:
    """A recorded reward: what earlier ones earned on the way, base units, and the tranche after."""

    earned_units: int
    tranche: Tranche


def reward(tranche: Tranche, amount_units: int, t_ms: int, terms: Stake) -> Rewarded:
    """Record income of the stakers: at once, or evenly over `reward_ms`.

    amount_units  base units, > 0
    returns       it joins what is unearned in one stream, over the mean of the time left and `reward_ms`, weighted by
                  the units: a small reward does not put off a large one
    Rounding      the mean time up, to a whole millisecond.
    Errors        StakingRefused `nobody_staked`: it is nobody's here, route it elsewhere. ValueError.
    Source        Yearn v3 (profit unlocking); Synthetix staking rewards restart the whole time instead.
    """
    check_positive("reward", "base units", amount_units)
    accrued = accrue(tranche, t_ms)
    tranche = accrued.tranche
    if tranche.shares == 0:
        raise StakingRefused("nobody_staked", f"nobody earns a reward of {amount_units}")
    if terms.reward_ms == 0:
        return Rewarded(accrued.earned_units, replace(tranche, assets_units=tranche.assets_units + amount_units))
    unearned = tranche.stream.unearned_units
    total = unearned + amount_units
    weighted = unearned * (tranche.stream.end_ms - t_ms) + amount_units * terms.reward_ms
    stream = Stream(total, 0, t_ms, t_ms + mul_div(weighted, 1, total, Round.UP))
    return Rewarded(accrued.earned_units, replace(tranche, stream=stream))


# --- slashes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slashed:
    """A draw on a tranche: who bore it, whether it was all there was, what was accrued before (base units)."""

    cohort: Cohort
    wound_up: bool
    earned_units: int
    tranche: Tranche


def slash(tranche: Tranche, amount_units: int, t_ms: int) -> Slashed:
    """Take a loss out of the assets: shares stay, each is worth less, whether free or in a request. O(1).

    amount_units  base units, 1 to the assets accrued
    returns       at zero assets the tranche is wound up: its shares are void, the next deposit starts a new series; the
                  cohort's right to recoveries lives on
    Errors        ValueError: outside that range. What a slash may take at most is the layer's limits' business.
    Source        SPEC 9; case STK-05; Aave Umbrella (slash lowers the exchange rate).
    """
    check_positive("slash", "base units", amount_units)
    accrued = accrue(tranche, t_ms)
    tranche = accrued.tranche
    if amount_units > tranche.assets_units:
        raise ValueError(f"slash: wanted at most the assets, {tranche.assets_units}; found {amount_units}")
    cohort = Cohort(tranche.slashes + 1, tranche.series, tranche.shares, amount_units)
    after = replace(tranche, assets_units=tranche.assets_units - amount_units, slashes=cohort.number)
    wound_up = after.assets_units == 0
    return Slashed(cohort, wound_up, accrued.earned_units, wind_up(after, t_ms) if wound_up else after)


def wind_up(tranche: Tranche, t_ms: int) -> Tranche:
    """No assets or no shares are left: the series ends. A stream waits for the next: its rest over the time left."""
    stream = tranche.stream
    waiting = Stream(stream.unearned_units, 0, t_ms, stream.end_ms) if stream.unearned_units else Stream()
    return replace(tranche, assets_units=0, shares=0, series=tranche.series + 1, stream=waiting)
