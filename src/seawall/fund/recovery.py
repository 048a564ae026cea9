"""Recovery: what comes back of one deficit, to those who bore it; and the claims that stakers then have. SPEC 9.

Layer    fund; imports rules, amounts, fund.{decide_inflow,events,messages,refusal,state,staking,tranches}. Called by
         fund.decide only.
Not here a recovery that names no deficit: that is an inflow.
Held to  this by tests/fund/test_staking.py and tests/fund/test_staking_machine.py.

The waterfall is read backwards. What no layer covered is the last that was borne, so carried debt of the deficit comes
first; then its layers, the last that was drawn first, none above what it lost; what is left is an inflow of source
recovery. What traders paid as haircuts is final.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from seawall.amounts import AmountError, Units, check_id, id_key
from seawall.fund.decide_inflow import overfull, placed, routed_freely, takes_money
from seawall.fund.events import ClaimRow, ClaimsTaken, Credit, Event, PaidOut, RecoveryPart, RecoveryPlaced, Repaid
from seawall.fund.messages import Recover, Refused, TakeClaims
from seawall.fund.refusal import amount_problem, refused
from seawall.fund.staking import stakers_problem
from seawall.fund.state import FundState, PaidBy, Stakes
from seawall.fund.tranches import staker_row
from seawall.rules.cohort import Member, credit_claim, members, pay_claims, recover, recovery_by_seniority


def decide_recover(state: FundState, command: Recover) -> tuple[Event, ...] | Refused:
    """Place what was recovered of a deficit."""
    if problem := amount_problem(command.amount):
        return refused(command, "invalid", "amount", problem)
    paid_by = state.paid_by.get(command.deficit)
    if paid_by is None:
        wanted = "wanted a deficit that a tranche with stakers paid a part of"
        return refused(command, "invalid", "deficit", f"{wanted}; found {command.deficit}")
    if any(command.deficit in batch.severity for batch in state.pending.values()):
        return refused(command, "state", "deficit", f"{command.deficit} is pending: who bears it is not settled yet")
    debt = state.carried[command.deficit].amount if command.deficit in state.carried else 0
    to_debt = min(debt, command.amount)
    repaid = (Repaid(command.deficit, Units(to_debt), Units(debt - to_debt)),) if to_debt else ()
    backwards = paid_by[::-1]
    parts, excess = recovery_by_seniority(command.amount - to_debt, [_can_get_back(state, paid) for paid in backwards])
    back = _Back(state)
    for paid, part in zip(backwards, parts, strict=True):
        if part:
            back.give(paid, part)
    seen = back.seen()
    further, credits, paid_out = placed(seen, routed_freely(seen, excess, settled=command.deficit))
    credits = (*back.credits, *credits)
    if wrong := overfull(command, credits, "amount"):
        return wrong
    if any(amount_problem(row.claims_after) for row in back.claims):
        return refused(command, "invalid", "amount", "a staker's claims would leave the range of amounts")
    return (
        RecoveryPlaced(
            recover=command,
            repaid=(*repaid, *further),
            parts=tuple(back.parts),
            claims=tuple(back.claims),
            credits=credits,
            paid_out=(*back.paid_out, *paid_out),
        ),
    )


def _can_get_back(state: FundState, paid: PaidBy) -> int:
    """What a layer lost of a deficit and has not got back; nothing where it takes no more money."""
    left = paid.amount - paid.returned
    layer = state.layers[paid.layer]
    if paid.cohort or (layer.funded and takes_money(state, layer)):
        return left
    if layer.spec.kind == "credit_line":  # income may have repaid the loan already
        return min(left, (layer.spec.commitment or 0) - layer.commitment)
    return 0 if layer.funded else left


@dataclass(slots=True)
class _Back:
    """Rows of what layers get back, as they add up."""

    state: FundState
    parts: list[RecoveryPart] = field(default_factory=list)
    claims: list[ClaimRow] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)
    paid_out: list[PaidOut] = field(default_factory=list)

    def give(self, paid: PaidBy, amount: int) -> None:
        """A layer's part: to its bearers, into it, or to its lender."""
        layer = self.state.layers[paid.layer]
        self.parts.append(RecoveryPart(paid.layer, Units(amount), paid.cohort))
        if layer.stakes is not None:
            self.claims += _claims(paid, layer.stakes, amount)
        elif layer.funded:
            self.credits.append(Credit(paid.layer, Units(amount), Units(layer.balance + amount)))
        elif layer.spec.kind == "credit_line":
            self.paid_out.append(PaidOut("lender", "repaid", Units(amount), paid.layer))
        else:
            self.paid_out.append(PaidOut("lender", "split", Units(amount)))

    def seen(self) -> FundState:
        """The state with these rows in the layers, so that the excess is routed after them."""
        layers = dict(self.state.layers)
        for credit in self.credits:
            layers[credit.layer] = replace(layers[credit.layer], balance=credit.balance_after)
        for payment in self.paid_out:
            if payment.layer is not None:
                line = layers[payment.layer]
                layers[payment.layer] = replace(line, commitment=line.commitment + payment.amount)
        return replace(self.state, layers=layers)


def _claims(paid: PaidBy, stakes: Stakes, amount: int) -> list[ClaimRow]:
    cohort = stakes.cohorts[paid.cohort]
    held = sorted(members(cohort, stakes.stakers.items()), key=lambda one: id_key(one[0]))
    rows = [Member(name, shares, stakes.received.get((cohort.number, name), 0)) for name, shares in held]
    done = recover(cohort, rows, amount)
    claims = []
    for (name, _), part in zip(held, done.parts, strict=True):
        if part:
            after = credit_claim(stakes.stakers[name], part)
            claims.append(ClaimRow(paid.layer, cohort.number, name, Units(part), Units(after.claims_units)))
    return claims


def decide_take_claims(state: FundState, command: TakeClaims) -> tuple[Event, ...] | Refused:
    """Pay a staker what was recovered for it. Nothing freezes it: it is its own money, and no part of the tranche."""
    if wrong := stakers_problem(state, command, command.layer):
        return wrong
    try:
        check_id(command.staker)
    except AmountError as error:
        return refused(command, "invalid", "staker", str(error))
    stakes = state.layers[command.layer].stakes or Stakes()
    staker = stakes.stakers.get(command.staker)
    if staker is None or staker.claims_units == 0:
        return refused(command, "state", "staker", f"no_claims: nothing was recovered for {command.staker}")
    paid, after = pay_claims(staker)
    return (ClaimsTaken(take_claims=command, paid=Units(paid), row=staker_row(command.staker, after)),)
