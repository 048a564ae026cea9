"""Staking: how stakers come to a tranche and go: stake, transfer, request, redeem, cancel, lapse.

Layer    rules; imports amounts, design.types, rules.cohort, rules.tranche; called by fund.decide. SPEC 9, I9.
Not here what a share is worth (rules.tranche), ids, screening, and the rows of all stakers: the fund keeps those and
         hands in the ones that an operation is about.
Held to  this by tests/rules/test_tranche.py: Fractions, searches, a state machine beside a book of prices;
         tests/cases/test_staking.py.

Every operation takes the tranche and the rows concerned and returns them as they are after, with the amounts moved:
the facts that an event records.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from seawall.amounts import MAX_AMOUNT, Round, mul_div
from seawall.design.types import Stake
from seawall.rules.cohort import Staker, brought_up_to
from seawall.rules.tranche import (
    StakingRefused,
    Tranche,
    accrue,
    check_positive,
    cost_units,
    shares_for_deposit,
    value_units,
    wind_up,
)

# --- coming -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Staked:
    """A deposit. Base units but the shares.

    minted_shares   > 0
    taken_units     what they cost; only this is the tranche's
    returned_units  what is left of the money offered: it bought no share
    earned_units    accrued before
    """

    minted_shares: int
    taken_units: int
    returned_units: int
    earned_units: int
    staker: Staker
    tranche: Tranche


def stake(tranche: Tranche, staker: Staker, amount_units: int, t_ms: int) -> Staked:
    """Stake money for as many shares as it buys.

    amount_units  base units offered, > 0
    returns       only the price of the shares minted is taken, so at once they are worth at most a unit less: a share
                  price driven up by rewards costs a later staker nothing
    Rounding      shares down, their cost up.
    Errors        StakingRefused `zero_shares`, `too_many_shares`; ValueError.
    Source        SPEC 9, SPEC 5.1 (what was taken, not what was asked); case STK-01; openzeppelin-contracts 5223.
    """
    check_positive("stake", "base units", amount_units)
    accrued = accrue(tranche, t_ms)
    tranche = accrued.tranche
    minted = shares_for_deposit(tranche, amount_units)
    if minted == 0:
        raise StakingRefused("zero_shares", f"{amount_units} buys no share; one costs {cost_units(tranche, 1)}")
    if tranche.shares + minted >= MAX_AMOUNT:
        raise StakingRefused("too_many_shares", f"{amount_units} would buy {minted} shares, beyond 10^38 in all")
    taken = cost_units(tranche, minted)
    staker = _with_shares(tranche, staker, free=minted)
    tranche = replace(tranche, assets_units=tranche.assets_units + taken, shares=tranche.shares + minted)
    return Staked(minted, taken, amount_units - taken, accrued.earned_units, staker, tranche)


def transfer(tranche: Tranche, sender: Staker, receiver: Staker, shares: int) -> tuple[Staker, Staker]:
    """Move free shares from one staker to another; returns both rows after. Earlier slashes stay the sender's.

    sender, receiver  rows of two stakers: that they are two is the caller's to see
    Errors            StakingRefused `not_enough_shares`: shares in a request do not move; ValueError.
    """
    check_positive("transfer", "shares", shares)
    sender = _with_free(tranche, sender, shares)
    return _with_shares(tranche, sender, free=-shares), _with_shares(tranche, receiver, free=shares)


# --- going --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """Shares asked to be redeemed. They stay capital: a slash hits them like all others.

    id           of the request
    series       of the shares
    shares       still in it, > 0
    value_units  what these were worth at the request, base units, rounded down
    ready_ms     can be redeemed from here
    end_ms       until before here; None: without end
    """

    id: str
    series: int
    shares: int
    value_units: int
    ready_ms: int
    end_ms: int | None


def payable_units(tranche: Tranche, request: Request, shares: int, terms: Stake) -> int:
    """What `shares` of a request are paid now.

    returns   their value now; where the design `pays_lower`, at most their part of the value at the request. The last
              shares of a tranche are paid all that is there: nobody is left to whom a difference could belong.
    Rounding  both down.
    Source    Drift (min of value at request and now); case STK-05 (the last holder gets what is left).
    """
    now = value_units(tranche, shares)
    if not terms.pays_lower or shares == tranche.shares:
        return now
    return min(now, mul_div(request.value_units, shares, request.shares, Round.DOWN))


def shares_to_redeem(tranche: Tranche, request: Request, wanted_units: int, terms: Stake) -> int:
    """The fewest shares of a request that are paid at least a wanted amount.

    tranche       accrued
    wanted_units  base units, > 0
    Rounding      up. What those shares are worth above the wanted amount is paid too, so nothing is given away.
    Errors        StakingRefused `not_enough_shares`: the whole request is paid less.
    """
    check_positive("shares_to_redeem", "base units", wanted_units)
    if payable_units(tranche, request, request.shares, terms) < wanted_units:
        raise StakingRefused("not_enough_shares", f"request {request.id} is paid less than {wanted_units}")
    needed = mul_div(wanted_units, tranche.shares, tranche.assets_units, Round.UP)
    if terms.pays_lower and wanted_units <= request.value_units:
        return max(needed, mul_div(wanted_units, request.shares, request.value_units, Round.UP))
    return request.shares if terms.pays_lower else needed  # more than at the request only the last shares are paid


def frozen(terms: Stake, pending_units: int, carried_units: int) -> bool:
    """Whether nobody stakes or redeems: the design says so and severity is pending or debt is carried.

    Requests, cancellations and transfers go on, and so do the clocks of cooldown and window. Claims are paid.
    Source  Aave Safety Module (between a slash and its settlement nobody enters; here nobody leaves either).
    """
    return terms.frozen_by_losses and (pending_units > 0 or carried_units > 0)


@dataclass(frozen=True, slots=True)
class Requested:
    """A request to leave, and what was accrued before, base units."""

    request: Request
    earned_units: int
    staker: Staker
    tranche: Tranche


def request_redeem(
    tranche: Tranche, staker: Staker, request_id: str, shares: int, t_ms: int, terms: Stake
) -> Requested:
    """Ask to redeem free shares. Asking fixes no price; the times are fixed, whatever the design says later.

    returns   a request that can be redeemed in [t + cooldown, t + cooldown + window), half-open
    Errors    StakingRefused `not_enough_shares`; ValueError.
    Source    SPEC 9; Aave Umbrella (cooldown, then a window), Drift (no window).
    """
    check_positive("request_redeem", "shares", shares)
    accrued = accrue(tranche, t_ms)
    tranche = accrued.tranche
    staker = _with_free(tranche, staker, shares)
    ready = t_ms + terms.cooldown_ms
    end = None if terms.window_ms is None else ready + terms.window_ms
    request = Request(request_id, tranche.series, shares, value_units(tranche, shares), ready, end)
    staker = _with_shares(tranche, staker, free=-shares, locked=shares)
    return Requested(request, accrued.earned_units, staker, tranche)


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A payment to a leaver. Base units but the shares.

    burnt_shares  of the request
    paid_units    to the staker
    left_units    what the shares were worth above it: now the others'
    wound_up      they were the last: the next deposit starts a new series
    earned_units  accrued before
    request       what is left of it; None: nothing
    """

    burnt_shares: int
    paid_units: int
    left_units: int
    wound_up: bool
    earned_units: int
    request: Request | None
    staker: Staker
    tranche: Tranche


def redeem(tranche: Tranche, staker: Staker, request: Request, shares: int, t_ms: int, terms: Stake) -> Redeemed:
    """Pay a request out, whole or in part.

    shares    of the request, 1 to all of it
    returns   paid as `payable_units` says. A payment of 0 is possible, for shares worth less than a unit: refusing it
              could lock the last unit of a tranche for ever.
    Rounding  down.
    Errors    StakingRefused `void`, `too_early`, `lapsed`, `not_enough_shares`; ValueError.
    Source    SPEC 9; case STK-05.
    """
    check_positive("redeem", "shares", shares)
    _live(tranche, request)
    if t_ms < request.ready_ms:
        raise StakingRefused("too_early", f"request {request.id} can be redeemed from {request.ready_ms} ms")
    if _is_over(request, t_ms):
        raise StakingRefused("lapsed", f"request {request.id} could be redeemed before {request.end_ms} ms")
    if shares > request.shares:
        raise StakingRefused("not_enough_shares", f"request {request.id} holds {request.shares}; found {shares}")
    accrued = accrue(tranche, t_ms)
    tranche = accrued.tranche
    paid = payable_units(tranche, request, shares, terms)
    left = value_units(tranche, shares) - paid
    staker = _with_shares(tranche, staker, locked=-shares)
    after = replace(tranche, assets_units=tranche.assets_units - paid, shares=tranche.shares - shares)
    wound_up = after.shares == 0
    return Redeemed(
        shares,
        paid,
        left,
        wound_up,
        accrued.earned_units,
        _rest(request, shares),
        staker,
        wind_up(after, t_ms) if wound_up else after,
    )


def _rest(request: Request, shares: int) -> Request | None:
    """A request without some of its shares; its value at the request goes with them, rounded down."""
    if shares == request.shares:
        return None
    part = mul_div(request.value_units, shares, request.shares, Round.DOWN)
    return replace(request, shares=request.shares - shares, value_units=request.value_units - part)


@dataclass(frozen=True, slots=True)
class Returned:
    """A request that ended without a payment.

    freed_shares  are free again
    burnt_shares  stay behind, so that the others have what they gained since the request
    earned_units  accrued before, base units
    """

    freed_shares: int
    burnt_shares: int
    earned_units: int
    staker: Staker
    tranche: Tranche


def cancel(tranche: Tranche, staker: Staker, request: Request, t_ms: int, terms: Stake) -> Returned:
    """Take a request back, before its window is over.

    returns   all its shares are free again; where the design says `cancel_forfeits`, as many as are then worth at most
              what they were at the request. The others are all shares that were not in this request.
    Rounding  shares that come back down.
    Errors    StakingRefused `void`, `lapsed`.
    Source    Drift, cancelled unstake: new shares = floor(value at request x others / (assets - value at request)).
    """
    if _is_over(request, t_ms):
        raise StakingRefused("lapsed", f"request {request.id} ended at {request.end_ms} ms")
    return _give_back(tranche, staker, request, t_ms, terms)


def lapse(tranche: Tranche, staker: Staker, request: Request, t_ms: int, terms: Stake) -> Returned:
    """End a request that nobody redeemed within its window: a cancellation by the clock, forfeits included.

    Otherwise a staker could keep a request open for ever and lose nothing by not cancelling it. Whoever keeps the rows
    lets due requests lapse, oldest first, before it does anything else with the tranche.
    Errors  StakingRefused `void`, `not_lapsed`.
    """
    if not _is_over(request, t_ms):
        raise StakingRefused("not_lapsed", f"request {request.id} ends at {request.end_ms} ms")
    return _give_back(tranche, staker, request, t_ms, terms)


def _give_back(tranche: Tranche, staker: Staker, request: Request, t_ms: int, terms: Stake) -> Returned:
    _live(tranche, request)
    accrued = accrue(tranche, t_ms)
    tranche = accrued.tranche
    freed = request.shares
    others = tranche.shares - request.shares
    if terms.cancel_forfeits and others and value_units(tranche, request.shares) > request.value_units:
        freed = mul_div(request.value_units, others, tranche.assets_units - request.value_units, Round.DOWN)
    burnt = request.shares - freed
    staker = _with_shares(tranche, staker, free=freed, locked=-request.shares)
    return Returned(freed, burnt, accrued.earned_units, staker, replace(tranche, shares=tranche.shares - burnt))


# --- shared by the operations -------------------------------------------------------------------------------------


def _live(tranche: Tranche, request: Request) -> None:
    if request.series != tranche.series:
        raise StakingRefused("void", f"request {request.id} is of series {request.series}, which was wound up")


def _is_over(request: Request, t_ms: int) -> bool:
    return request.end_ms is not None and t_ms >= request.end_ms


def _with_free(tranche: Tranche, staker: Staker, shares: int) -> Staker:
    """The staker's row brought up to date, when it has that many free shares."""
    staker = brought_up_to(staker, tranche.series, tranche.slashes)
    if shares > staker.free_shares:
        raise StakingRefused("not_enough_shares", f"wanted {shares} free shares; found {staker.free_shares}")
    return staker


def _with_shares(tranche: Tranche, staker: Staker, free: int = 0, locked: int = 0) -> Staker:
    """The staker's row with more or fewer shares, what it held at the slashes since written down first."""
    staker = brought_up_to(staker, tranche.series, tranche.slashes)
    return replace(staker, free_shares=staker.free_shares + free, locked_shares=staker.locked_shares + locked)
