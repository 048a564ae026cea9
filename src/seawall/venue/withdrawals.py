"""Withdrawals: what may leave while losses are open, and money into an account.

Layer    venue; imports rules.withdrawal, design, fund.{messages,state}, venue.{haircuts,recourse,scan,settlement}.
         Called by venue.machine.
Not here the rules themselves (rules.withdrawal), screening, redemption of tranche shares (fund).
Held to  this by tests/venue/test_withdrawals.py: order of withdrawing and closing, worked numbers; SPEC 7.

Open loss U: what layers could not pay of all negative equity now (the fund's own quote), and what is carried or
pending. An account has equity - initial margin. While U > 0 it leaves behind, by the design:

    `haircut`  what the policy would take from it, were U closed now: over the base that is socialised; under `adl` by
               the ranking, market by market, and of what has no market over net profit; under `gains_haircut` and
               `tear_up` over net profit; what that cannot place over the fallback's base. `carry` takes nothing.
    `gate`     everything: nobody withdraws, nor for `gate_ms` after U was last above 0
    `free`     nothing

Paid is cash: at most cash + unrealised profit of perpetuals, less the account's part of U. Collateral backs margin; it
is never paid out as cash that is not there.

Under the policy `withdrawal_haircut` a claim is given up whole and paid in part, claims x max(0, L - U) / L, L being
all positive equity; what is given up is money of the fund: it repays carried debt. A batch that would be paid nothing,
as where U is L or more, is refused: nothing is given up for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from seawall.amounts import MAX_AMOUNT, AmountError, Units, allocate, check_id, id_key
from seawall.design.types import Design
from seawall.fund.messages import Refused, Repeated
from seawall.fund.state import FundState
from seawall.rules.adl_policies import Policy, haircuts
from seawall.rules.adl_scores import Participant
from seawall.rules.contracts import notional_units, pnl_units
from seawall.rules.margin import maintenance_margin_units
from seawall.rules.waterfall import attribute
from seawall.rules.withdrawal import allowed_units, gated, pay_batch
from seawall.venue.deleverage import policy_parameters
from seawall.venue.exhaust import UNPLACED
from seawall.venue.haircuts import Payers, Standing, Taking, over_profit, socialised
from seawall.venue.plan import Owed
from seawall.venue.recourse import has_marks, initial_margin
from seawall.venue.scan import value_all, value_one
from seawall.venue.settlement import losses_of
from seawall.venue.state import VenueState
from seawall.venue_events import Deposited, WithdrawalRow, Withdrawn

Answer = Withdrawn | Deposited | Refused | Repeated


@dataclass(frozen=True, slots=True)
class Request:
    """A withdrawal that is asked for. `amount`: base units, > 0."""

    id: str
    account: str
    amount: int


def negative_accounts(state: VenueState) -> list[Owed]:
    """Accounts whose equity is below zero at the marks, as deficits would be: what closing them now would leave."""
    full = value_all(state).full
    found = [account for account, units in enumerate(full) if units < 0]
    return [(account, -int(full[account]), losses_of(state, account)) for account in found]


def open_loss(state: VenueState, fund: FundState, quote: Callable[[Sequence[Owed]], int]) -> int:
    """U, base units: negative equity that layers could not pay now, carried debt, pending severity.

    quote  what the fund would leave uncovered of deficits
    """
    owed = negative_accounts(state)
    return (quote(owed) if owed else 0) + fund.carried_units + fund.pending_units


def haircuts_now(state: VenueState, design: Design, open_units: int) -> dict[int, int]:
    """Account index -> what the design's policy would take from it, were the open loss closed now. Base units."""
    rules = design.exhaustion
    if not open_units or rules.policy in UNPLACED:
        return {}
    rows: list[Taking] = []
    if rules.policy == "adl":
        rows += _by_ranking(state, design, open_units)
    elif rules.policy in ("gains_haircut", "tear_up"):
        rows += over_profit(state, design, open_units, Standing()).rows
    left = open_units - sum(row.amount for row in rows)
    if left and "socialised_loss" in (rules.policy, rules.fallback):
        rows += socialised(state, design, left, Standing(ceilings=_left_of_profits(rows))).rows
    taken: dict[int, int] = {}
    for row in rows:
        taken[row.account] = taken.get(row.account, 0) + row.amount
    return taken


def _left_of_profits(rows: Sequence[Taking]) -> dict[tuple[int, int], int]:
    return {(row.account, row.market): row.profit - row.amount for row in rows if row.market is not None}


def _by_ranking(state: VenueState, design: Design, open_units: int) -> list[Taking]:
    """The open loss in money by the design's ranking: among winners of the markets in which negative accounts lost.

    What has no market (carried debt, losses of nobody's position) goes over net profit.
    """
    owed = negative_accounts(state)
    here = min(open_units, sum(units for _, units, _ in owed))
    by_market: dict[str, int] = {}
    for (_, _, losses), part in zip(owed, allocate(here, [units for _, units, _ in owed]), strict=True):
        for name, units in attribute(part, losses).items():
            by_market[name] = by_market.get(name, 0) + units
    payers = Payers(state, design, Standing())
    room = dict(zip(payers.accounts, payers.equities, strict=True))
    rows: list[Taking] = []
    for market, instrument in enumerate(state.instruments):
        severity = by_market.get(instrument.id, 0)
        if severity and not instrument.market.adl_exempt:
            rows += _ranked(state, design, market, severity, room)
    left = open_units - sum(row.amount for row in rows)
    standing = Standing(ceilings=_left_of_profits(rows))
    return rows + list(over_profit(state, design, left, standing).rows if left else ())


def _ranked(state: VenueState, design: Design, market: int, severity: int, room: dict[int, int]) -> list[Taking]:
    """One market's part, among its winners; `room` is what equity the markets before left them."""
    contract, ticks = state.instruments[market].contract, state.ticks[market]
    people, profits = [], []
    for account, equity in room.items():
        lots, cost = int(state.lots[market, account]), int(state.cost[market, account])
        if not lots:
            continue
        notional = notional_units(contract, lots, ticks)
        profit = pnl_units(contract, lots, ticks, cost)
        profits.append((account, profit, equity))
        people.append(
            Participant(
                id=state.accounts[account],
                lots=abs(lots),
                profit_units=profit,
                equity_units=equity,
                notional_units=notional,
                entry_units=abs(cost),
                wallet_units=int(state.cash[account]),
                maintenance_units=maintenance_margin_units(notional, state.instruments[market].market.tiers),
            )
        )
    named = design.exhaustion.adl_ranking
    ranking: Policy = "queue_bitmex" if named == "queue_pnl_leverage" else named
    rows = []
    seed = f"b{state.step}.{state.round + 1}"
    taken = haircuts(ranking, people, severity, policy_parameters(design, seed))
    for (account, profit, equity), amount in zip(profits, taken, strict=True):
        if amount:
            rows.append(Taking(account, market, profit, equity, amount))
            room[account] -= amount
    return rows


# --- answers --------------------------------------------------------------------------------------------------------


def deposited(state: VenueState, t_ms: int, name: str, account: str, amount: int) -> Answer:
    """A deposit as an event, or why there is none."""
    before = _before(state, t_ms, name, "deposit", account, amount)
    if before is not None:
        return before
    return Deposited(name, account, Units(amount), Units(int(state.cash[state.index[account]]) + amount))


def _before(state: VenueState, t_ms: int, name: str, what: str, account: str, amount: int) -> Refused | Repeated | None:
    """What speaks against a request whatever the account has: an id that was used, or no sense."""
    try:
        check_id(name)
    except AmountError as error:
        return Refused(id=name, code="invalid", field="id", reason=str(error))
    if name in state.requests:
        kind, whose, units, seq = state.requests[name]
        if (kind, whose, units) == (what, account, amount):
            return Repeated(id=name, seq=seq)
        field = "amount" if (kind, whose) == (what, account) else "account" if kind == what else "kind"
        return Refused(id=name, code="conflict", field=field, reason=f"id {name} was used with another {field}")
    if t_ms < state.last_t_ms:
        reason = f"wanted a time not before {state.last_t_ms}; found {t_ms}"
        return Refused(id=name, code="state", field="t", reason=reason)
    if account not in state.index:
        reason = f"wanted an account of the venue; found {account}"
        return Refused(id=name, code="invalid", field="account", reason=reason)
    if not 0 < amount < MAX_AMOUNT:
        reason = f"wanted an amount above 0 and below 10^38; found {amount}"
        return Refused(id=name, code="invalid", field="amount", reason=reason)
    return None


@dataclass(frozen=True, slots=True)
class _Claim:
    """A request that may be paid. Base units.

    liquid  cash and unrealised profit or loss of perpetuals: what can be paid in cash
    free    the least of liquid and equity above initial margin, of it what requests before left
    """

    request: Request
    account: int
    equity: int
    margin: int
    liquid: int
    free: int


def answer_withdrawals(
    state: VenueState, design: Design, t_ms: int, requests: Sequence[Request], open_units: int
) -> tuple[Answer, ...]:
    """Withdrawals as one event, from one snapshot; refusals and repetitions beside it.

    open_units  U now
    returns     by request: the event, or why it has no row in it
    """
    answers: dict[int, Answer] = {}
    claims: dict[int, _Claim] = {}
    used: dict[int, int] = {}
    seen: set[str] = set()
    order = sorted(range(len(requests)), key=lambda i: (id_key(requests[i].account), id_key(requests[i].id), i))
    shut = _gate(state, design, t_ms, open_units)
    for place in order:
        request = requests[place]
        problem = _before(state, t_ms, request.id, "withdraw", request.account, request.amount)
        if problem is None and request.id in seen:
            problem = Refused(id=request.id, code="conflict", field="id", reason="wanted each id once in a batch")
        if problem is None:
            account = state.index[request.account]
            reason = shut or _not_now(state, design, account)
            if reason:
                problem = Refused(id=request.id, code="state", field="account", reason=reason)
        if problem is not None:
            answers[place] = problem
            continue
        seen.add(request.id)
        equity, margin = value_one(state, account)[0], initial_margin(state, account)
        liquid = _liquid(state, account)
        free = max(0, min(equity - margin, liquid) - used.get(account, 0))
        claims[place] = _Claim(request, account, equity, margin, liquid, free)
        used[account] = used.get(account, 0) + min(request.amount, claims[place].free)
    return _answers(state, design, requests, answers, claims, open_units)


def _gate(state: VenueState, design: Design, t_ms: int, open_units: int) -> str:
    """Why nobody withdraws; "" when the gate is open or there is none."""
    rules = design.withdrawals
    if rules.while_losses != "gate":
        return ""
    last = None if state.losses_seen_ms < 0 else state.losses_seen_ms
    return "withdrawals are shut: a loss is open" if gated(open_units, t_ms, last, rules.gate_ms) else ""


def _not_now(state: VenueState, design: Design, account: int) -> str:
    """Why an account cannot withdraw whatever it has: nothing is decided on a stale mark, nor in a liquidation."""
    if not has_marks(state, account):
        return "a mark of its positions is stale"
    if account in state.fees or account in state.reserved or account in state.unsettled:
        return "its liquidation is under way"
    return ""


def _liquid(state: VenueState, account: int) -> int:
    """Cash and unrealised profit or loss of perpetuals: equity without collateral, base units, may be negative."""
    units = int(state.cash[account])
    for market, instrument in enumerate(state.instruments):
        lots = int(state.lots[market, account])
        if lots and not state.is_collateral(market):
            units += pnl_units(instrument.contract, lots, state.ticks[market], int(state.cost[market, account]))
    return units


def _answers(
    state: VenueState,
    design: Design,
    requests: Sequence[Request],
    answers: dict[int, Answer],
    claims: Mapping[int, _Claim],
    open_units: int,
) -> tuple[Answer, ...]:
    if design.exhaustion.policy == "withdrawal_haircut":
        total = sum(max(0, int(units)) for units in value_all(state).equity)
        rows = _in_part(state, claims, total, open_units)
    else:
        total = 0
        taken = haircuts_now(state, design, open_units) if design.withdrawals.while_losses == "haircut" else {}
        rows = _in_whole(state, claims, taken)
    for place, claim in claims.items():
        if place not in rows:
            reason = f"wanted at most what it may take now, 0; found {claim.request.amount}"
            answers[place] = Refused(id=claim.request.id, code="state", field="amount", reason=reason)
    if rows:
        event = Withdrawn(tuple(rows.values()), Units(open_units), Units(total))
        answers |= dict.fromkeys(rows, event)
    return tuple(answers[place] for place in range(len(requests)))


def _in_whole(
    state: VenueState, claims: Mapping[int, _Claim], haircut_of: Mapping[int, int]
) -> dict[int, WithdrawalRow]:
    """Each up to what is left above its initial margin and its part of the open loss, which stays in the account.

    Of what backs that part collateral is none: closed now, the loss would be taken from cash and profit.
    """
    rows: dict[int, WithdrawalRow] = {}
    cash: dict[int, int] = {}
    for place, claim in claims.items():
        account = claim.account
        before = cash.get(account, int(state.cash[account]))
        spent = int(state.cash[account]) - before
        haircut = haircut_of.get(account, 0)
        most = min(claim.request.amount, claim.liquid - spent - haircut)
        paid = allowed_units(most, claim.equity - spent, claim.margin, haircut)
        if paid:
            cash[account] = before - paid
            rows[place] = _row(state, claim, paid, haircut, 0, claim.equity - spent, cash[account])
    return rows


def _in_part(state: VenueState, claims: Mapping[int, _Claim], total: int, open_units: int) -> dict[int, WithdrawalRow]:
    """Claims given up whole and paid in part, together: what they bear is no longer open."""
    wanted = {place: min(claim.request.amount, claim.free) for place, claim in claims.items()}
    places = [place for place, units in wanted.items() if units]
    if not places:
        return {}
    # Beyond all claims there is nothing to bear: what U exceeds them by stays carried.
    batch = pay_batch([wanted[place] for place in places], total, min(open_units, total))
    if not any(batch.payouts):
        return {}
    rows: dict[int, WithdrawalRow] = {}
    cash: dict[int, int] = {}
    for place, paid in zip(places, batch.payouts, strict=True):
        claim = claims[place]
        before = cash.get(claim.account, int(state.cash[claim.account]))
        cash[claim.account] = before - wanted[place]
        equity = claim.equity - int(state.cash[claim.account]) + before
        borne = wanted[place] - paid
        rows[place] = _row(state, claim, paid, borne, borne, equity, cash[claim.account])
    return rows


def _row(
    state: VenueState, claim: _Claim, paid: int, haircut: int, borne: int, equity: int, cash_after: int
) -> WithdrawalRow:
    return WithdrawalRow(
        id=claim.request.id,
        account=claim.request.account,
        owner=state.owners[claim.account],
        asked=Units(claim.request.amount),
        paid=Units(paid),
        haircut=Units(haircut),
        borne=Units(borne),
        equity=Units(equity),
        margin=Units(claim.margin),
        cash_after=Units(cash_after),
    )
