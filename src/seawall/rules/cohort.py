"""Cohort: who bore a slash, and who therefore gets what is recovered of it.

Layer    rules; imports amounts; called by rules.tranche and by fund.decide. SPEC 9 «cohort».
Not here the slash itself (rules.tranche), which deficit a recovery is of and whether a claim may be paid (the fund).
Held to  this by tests/rules/test_tranche.py: a copy of all holdings at each slash, Fractions, a state machine.

A slash touches nobody's row: the tranche counts its slashes, and each staker's row keeps what it held at them, written
down when its shares next change. A recovery is money of the holders at the slash, who may have left or sold since. It
stands beside the tranche as a claim in cash: no part of its assets, not slashed again, never a later staker's. Who
wants it back in the tranche stakes it like any other money.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from seawall.amounts import allocate


@dataclass(frozen=True, slots=True)
class Cohort:
    """One slash, and what came back of it.

    number           1, 2, ... in the order of the tranche's slashes
    series           the series whose shares were slashed
    shares           all shares at the slash, > 0, those in cooldown among them
    slashed_units    base units taken, > 0
    recovered_units  base units that came back, at most what was taken
    """

    number: int
    series: int
    shares: int
    slashed_units: int
    recovered_units: int = 0

    @property
    def outstanding_units(self) -> int:
        """What was taken and has not come back: the most that a recovery can give this cohort."""
        return self.slashed_units - self.recovered_units


@dataclass(frozen=True, slots=True)
class Held:
    """What a staker held at every slash after the entry before, up to and with number `last_slash`."""

    last_slash: int
    series: int
    shares: int


@dataclass(frozen=True, slots=True)
class Staker:
    """One staker's shares, now and at every slash.

    series         the series they are of: void when the tranche's is another
    free_shares    can be transferred or asked to be redeemed
    locked_shares  in requests, slashable like the others
    history        what it held at earlier slashes, oldest first
    claims_units   recoveries that it has not taken yet, base units
    """

    series: int = 0
    free_shares: int = 0
    locked_shares: int = 0
    history: tuple[Held, ...] = ()
    claims_units: int = 0

    @property
    def shares(self) -> int:
        """Free and locked."""
        return self.free_shares + self.locked_shares


def brought_up_to(staker: Staker, series: int, slashes: int) -> Staker:
    """A staker's row before its shares change: what it held at the slashes since is written down, void shares go.

    series, slashes  the tranche's: its series now and the number of its slashes so far
    """
    written = staker.history[-1].last_slash if staker.history else 0
    if slashes > written:
        staker = replace(staker, history=(*staker.history, Held(slashes, staker.series, staker.shares)))
    if staker.series != series:
        staker = replace(staker, series=series, free_shares=0, locked_shares=0)
    return staker


def shares_at(staker: Staker, cohort: Cohort) -> int:
    """The shares that a staker held at a slash; 0 when they were void or not yet there."""
    index = bisect_left(staker.history, cohort.number, key=lambda held: held.last_slash)
    if index < len(staker.history):
        held = staker.history[index]
        return held.shares if held.series == cohort.series else 0
    return staker.shares if staker.series == cohort.series else 0


@dataclass(frozen=True, slots=True)
class Member:
    """A holder at a slash.

    staker          id
    shares          held at the slash, > 0
    received_units  what it got of this slash's recoveries so far
    """

    staker: str
    shares: int
    received_units: int = 0


def members(cohort: Cohort, stakers: Iterable[tuple[str, Staker]]) -> tuple[tuple[str, int], ...]:
    """(staker id, shares at the slash) of those who held any; order kept. stakers: everybody who was ever staked."""
    held = ((name, shares_at(staker, cohort)) for name, staker in stakers)
    return tuple((name, shares) for name, shares in held if shares)


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recovery, placed.

    parts   shape (members,), base units that each is owed, adding up to what the cohort took
    excess  base units above what was slashed: not this cohort's
    cohort  after
    """

    parts: tuple[int, ...]
    excess: int
    cohort: Cohort


def recover(cohort: Cohort, members: Sequence[Member], amount_units: int) -> Recovered:
    """Give what was recovered of a slash to those who held shares at it.

    members       everybody who did, by ascending id: their shares add up to the cohort's
    amount_units  base units, >= 0; above what is outstanding it is excess
    returns       by `allocate` over what each is still short of its part of all recoveries of this slash so far: in
                  however many pieces it comes back, nobody gets a unit more than its part of the whole
    Rounding      largest remainder, ties to the lowest id; no unit is lost.
    Errors        ValueError: a negative amount, members that are not the cohort's.
    Source        SPEC 9; percolator-stake 145, 159 (recoveries shared with later stakers).
    """
    whole = sum(one.shares for one in members), sum(one.received_units for one in members)
    if amount_units < 0 or whole != (cohort.shares, cohort.recovered_units):
        raise ValueError(
            f"recover: wanted an amount >= 0 and members with {cohort.shares} shares and {cohort.recovered_units}"
            f" received; found {amount_units}, {whole[0]} and {whole[1]}"
        )
    taken = min(amount_units, cohort.outstanding_units)
    after = cohort.recovered_units + taken
    short = [max(0, after * one.shares - one.received_units * cohort.shares) for one in members]
    parts = allocate(taken, short if taken else [0] * len(members))
    return Recovered(parts, amount_units - taken, replace(cohort, recovered_units=after))


def recovery_by_seniority(amount_units: int, lost_units: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Place what was recovered of one deficit over the layers that paid it, the last that was drawn first.

    lost_units  shape (layers,), most senior first: what each paid of the deficit and has not got back, >= 0
    returns     (what each gets, what is above all their losses); none is lifted above what it lost
    Errors      ValueError for a negative number.
    Source      SPEC 9; the default waterfall read backwards, as a loss allocated junior first is.
    """
    if min(amount_units, *lost_units, 0) < 0:
        raise ValueError(f"recovery_by_seniority: wanted units >= 0; found {amount_units} over {list(lost_units)[:8]}")
    parts = []
    for lost in lost_units:
        parts.append(min(amount_units, lost))
        amount_units -= parts[-1]
    return tuple(parts), amount_units


def credit_claim(staker: Staker, units: int) -> Staker:
    """A staker's row after a part of a recovery."""
    return replace(staker, claims_units=staker.claims_units + units)


def pay_claims(staker: Staker) -> tuple[int, Staker]:
    """(all that a staker may take of recoveries, its row after). Nothing freezes it: it is its own money."""
    return staker.claims_units, replace(staker, claims_units=0)
