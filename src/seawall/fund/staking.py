"""Staking: the commands by which stakers come and go, and by which they are paid. SPEC 9.

Layer    fund; imports rules, amounts, fund.{events,messages,refusal,state,tranches}. Called by fund.decide only.
Not here what a share is worth and who is paid a recovery (rules); who may act for a staker, and screening: the edge
         asks that, the fund knows ids only.
Held to  this by tests/fund/test_staking.py, tests/fund/test_staking_machine.py and tests/cases/test_staking.py.
"""

from __future__ import annotations

from seawall.amounts import AmountError, Units, check_id
from seawall.fund.events import (
    Event,
    RedeemCancelled,
    Redeemed,
    RedeemRequested,
    RequestsLapsed,
    Rewarded,
    SharesTransferred,
    Staked,
)
from seawall.fund.messages import (
    AnyCommand,
    CancelRedeem,
    LapseRequests,
    OfATranche,
    Redeem,
    Refused,
    RequestRedeem,
    Reward,
    Stake,
    TransferShares,
)
from seawall.fund.refusal import amount_problem, refused
from seawall.fund.state import FundState
from seawall.fund.tranches import OpenTranche
from seawall.rules.staking import Request, cancel, frozen, redeem, request_redeem, shares_to_redeem, stake, transfer
from seawall.rules.tranche import StakingRefused

_FIELDS = {
    "zero_shares": ("amount",),
    "too_many_shares": ("amount",),
    "not_enough_shares": ("shares",),
    "nobody_staked": ("layer", "kind"),
    "too_early": ("request",),
    "lapsed": ("request",),
    "not_lapsed": ("layer",),
    "void": ("request",),
}
"""What a rule refuses, and the field of the command that it is about."""


def staking_refused(command: AnyCommand, error: StakingRefused) -> Refused:
    """What a rule refuses, as an answer: its reason begins with the rule's own code."""
    field = next(name for name in (*_FIELDS[error.code], "kind") if hasattr(command, name) or name == "kind")
    if isinstance(command, Redeem) and field == "shares" and command.shares is None:
        field = "amount"
    return refused(command, "state", field, str(error))


def decide_staking(state: FundState, command: OfATranche, t_ms: int) -> tuple[Event, ...] | Refused:
    """One operation on one tranche. Errors: StakingRefused."""
    if wrong := stakers_problem(state, command, command.layer) or _ids_problem(command) or _amounts_problem(command):
        return wrong
    one = OpenTranche(state.layers[command.layer], t_ms)
    match command:
        case Stake():
            return _frozen(state, command, one) or (_stake(one, command),)
        case RequestRedeem():
            return (_request(one, command),)
        case CancelRedeem():
            return _cancel(one, command)
        case LapseRequests():
            return _lapse(one, command)
        case Redeem():
            return _frozen(state, command, one) or _redeem(one, command)
        case TransferShares():
            return _transfer(one, command)
        case Reward():
            one.reward(command.amount)
            return (Rewarded(reward=command, tranche=one.after()),)


# --- what is wrong with a command ----------------------------------------------------------------------------------


def stakers_problem(state: FundState, command: AnyCommand, layer: str) -> Refused | None:
    """Why a command cannot name a layer as one with stakers."""
    if layer not in state.layers:
        return refused(command, "invalid", "layer", f"wanted a layer of the design; found {layer}")
    if state.layers[layer].stakes is None:
        return refused(command, "invalid", "layer", f"wanted a tranche that states `stake`; found {layer}")
    return None


def _ids_problem(command: OfATranche) -> Refused | None:
    for field in ("staker", "sender", "receiver"):
        if hasattr(command, field):
            try:
                check_id(getattr(command, field))
            except AmountError as error:
                return refused(command, "invalid", field, str(error))
    return None


def _amounts_problem(command: OfATranche) -> Refused | None:
    if isinstance(command, Redeem) and (command.shares is None) == (command.amount is None):
        return refused(command, "invalid", "shares", "wanted either shares or an amount")
    for field in ("amount", "shares"):
        number = getattr(command, field, None)
        if number is not None and (problem := amount_problem(number)):
            return refused(command, "invalid", field, problem)
    return None


def _frozen(state: FundState, command: Stake | Redeem, one: OpenTranche) -> Refused | None:
    if not frozen(one.terms, state.pending_units, state.carried_units):
        return None
    open_units = f"{state.pending_units} pending and {state.carried_units} carried"
    return refused(command, "state", "layer", f"frozen: nobody enters or leaves {command.layer} with {open_units}")


def _asked(one: OpenTranche, command: CancelRedeem | Redeem) -> tuple[str, Request] | Refused:
    found = one.request(command.request)
    if found is not None:
        return found
    late = one.stakes.requests.get(command.request)
    if late is not None:
        raise StakingRefused("lapsed", f"request {command.request} ended at {late[1].end_ms} ms")
    wanted = f"unknown_request: wanted a request of {command.layer} that is open; found {command.request}"
    return refused(command, "state", "request", wanted)


# --- operations ---------------------------------------------------------------------------------------------------


def _stake(one: OpenTranche, command: Stake) -> Event:
    done = stake(one.tranche, one.staker(command.staker), command.amount, one.t_ms)
    one.take(done.tranche, {command.staker: done.staker})
    return Staked(stake=command, minted=Units(done.minted_shares), taken=Units(done.taken_units), tranche=one.after())


def _request(one: OpenTranche, command: RequestRedeem) -> Event:
    done = request_redeem(one.tranche, one.staker(command.staker), command.id, command.shares, one.t_ms, one.terms)
    one.take(done.tranche, {command.staker: done.staker})
    one.put(command.staker, done.request)
    return RedeemRequested(request_redeem=command, tranche=one.after())


def _cancel(one: OpenTranche, command: CancelRedeem) -> tuple[Event, ...] | Refused:
    asked = _asked(one, command)
    if isinstance(asked, Refused):
        return asked
    who, request = asked
    done = cancel(one.tranche, one.staker(who), request, one.t_ms, one.terms)
    one.take(done.tranche, {who: done.staker})
    one.end(request.id)
    freed, burnt = Units(done.freed_shares), Units(done.burnt_shares)
    return (RedeemCancelled(cancel_redeem=command, staker=who, freed=freed, burnt=burnt, tranche=one.after()),)


def _lapse(one: OpenTranche, command: LapseRequests) -> tuple[Event, ...] | Refused:
    if not one.lapsed:
        return refused(command, "state", "layer", f"not_lapsed: no request of {command.layer} is over")
    return (RequestsLapsed(lapse_requests=command, tranche=one.after()),)


def _redeem(one: OpenTranche, command: Redeem) -> tuple[Event, ...] | Refused:
    asked = _asked(one, command)
    if isinstance(asked, Refused):
        return asked
    who, request = asked
    shares = command.shares
    if shares is None:
        wanted = command.amount or 0
        shares = Units(shares_to_redeem(one.tranche, request, wanted, one.terms))
    done = redeem(one.tranche, one.staker(who), request, shares, one.t_ms, one.terms)
    held = one.layer.inventory
    tied_up = held.maintenance + held.open_loss
    if tied_up and done.tranche.assets_units < tied_up:
        reason = f"tied_up: positions of {command.layer} need {tied_up}; {done.tranche.assets_units} would be left"
        return refused(command, "state", "shares" if command.amount is None else "amount", reason)
    one.take(done.tranche, {who: done.staker})
    if done.request is None:
        one.end(request.id)
    else:
        one.put(who, done.request)
    return (
        Redeemed(
            redeem=command,
            staker=who,
            burnt=Units(done.burnt_shares),
            paid=Units(done.paid_units),
            left=Units(done.left_units),
            tranche=one.after(),
            wound_up=done.wound_up,
        ),
    )


def _transfer(one: OpenTranche, command: TransferShares) -> tuple[Event, ...] | Refused:
    if command.sender == command.receiver:
        return refused(command, "invalid", "receiver", f"wanted another staker than {command.sender}")
    sender, receiver = one.staker(command.sender), one.staker(command.receiver)
    after = transfer(one.tranche, sender, receiver, command.shares)
    one.take(one.tranche, {command.sender: after[0], command.receiver: after[1]})
    return (SharesTransferred(transfer_shares=command, tranche=one.after()),)
