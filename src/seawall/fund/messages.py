"""Messages: what a venue asks of the fund, and what the fund answers. The narrow door of SPEC 3.

Layer    fund; imports amounts. Commands are what HTTP, scenarios and the stress run submit.
Not here the facts that follow from a command (fund.events).
Held to  this by fund.decide and by the JSON forms in docs/reference/contracts.md.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from msgspec import Struct, field

from seawall.amounts import Units

InflowSource = Literal["surcharge", "commission", "residual", "top_up", "yield", "recovery", "inventory"]
NAMES_A_LAYER = ("top_up", "inventory", "yield", "recovery")
"""Sources of inflows that may name the one layer that they are meant for."""

Receiver = Literal["stakers", "treasury", "fee_rebate", "hedges", "buyback", "liquidator", "lender"]

T_ = TypeVar("T_")


def written(default: T_) -> T_:
    """A default that is written out, as it was when logs began; fields added since are left out at their default.

    So the bytes of an old log and of a new one that uses nothing new are the same, and so are their digests.
    """
    made: T_ = field(default_factory=lambda: default)
    return made


class Loss(Struct, frozen=True, array_like=False, forbid_unknown_fields=True):
    """An account's loss in one market since it was last flat, base units, > 0."""

    market: str
    amount: Units


class Shortfall(Struct, frozen=True, forbid_unknown_fields=True):
    """One deficit: debt of an account after everything recovered from it.

    id      of the deficit: the thing that is settled; never used twice
    amount  base units, > 0
    losses  by market, for the attribution to buckets; empty: the shared fund
    """

    id: str
    account: str
    owner: str
    asset: str
    amount: Units
    losses: tuple[Loss, ...] = ()


class Haircut(Struct, frozen=True, forbid_unknown_fields=True):
    """What one trader paid towards a batch's severity: facts, filled by whoever owns the positions.

    how     `adl`: lots closed at the design's price; `adl_money`: money, where no position was left to close against;
            `socialised_loss`: money over the design's base; `gains_haircut`: from the gains of a step; `tear_up`: from
            contracts ended at the mark; `withdrawal_haircut`: left behind at a withdrawal
    lots    closed lots (0 for money)
    amount  base units, >= 0, after any excess went back
    """

    account: str
    owner: str
    market: str
    how: Literal["adl", "adl_money", "socialised_loss", "gains_haircut", "tear_up", "withdrawal_haircut"]
    lots: int
    amount: Units


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of an inflow as the venue split it. Base units, >= 0."""

    receiver: Literal["fund", "treasury", "vault"]
    amount: Units


class Command(Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """Something to decide. `id` is the idempotency key and never expires."""

    id: str


class Inflow(Command, frozen=True, kw_only=True, tag="inflow", omit_defaults=True, repr_omit_defaults=True):
    """Money that arrived.

    source  what it is; decides the split between fund, treasury, liquidator and vault. `inventory`: what positions
            held by a layer gained
    amount  base units actually taken, > 0 (for a commission: the whole fee)
    market  whose bucket it fills first; None: the shared fund
    layer   the one layer that a top-up, a yield, a recovery or an inventory's gain is meant for
    parts   of a residual, as the venue split it already: they add up to the amount. None: the fund splits it
    """

    source: InflowSource
    asset: str
    amount: Units
    market: str | None = written(None)
    layer: str | None = written(None)
    parts: tuple[Part, ...] = ()


class Shortfalls(Command, frozen=True, kw_only=True, tag="shortfalls"):
    """The deficits of one round: one batch, drawn together."""

    deficits: tuple[Shortfall, ...]


class Settle(Command, frozen=True, kw_only=True, tag="settle", omit_defaults=True, repr_omit_defaults=True):
    """What actually filled of a batch's severity.

    final  the rest becomes carried bad debt; False: the rest stays pending, to be settled further until its deadline
    """

    batch: str
    haircuts: tuple[Haircut, ...] = written(())
    final: bool = True


class Lapse(Command, frozen=True, kw_only=True, tag="lapse"):
    """The deadline of a pending batch has passed: what is pending becomes carried."""

    batch: str


class CloseMarket(Command, frozen=True, kw_only=True, tag="close_market"):
    """A market is closed for good: its bucket is routed on and ends at zero."""

    market: str


class Migrate(Command, frozen=True, kw_only=True, tag="migrate"):
    """A bucket's market is upgraded: all it holds moves into another layer, and the bucket pays and takes no more."""

    from_layer: str
    to_layer: str


class Release(Command, frozen=True, kw_only=True, tag="release"):
    """The revenue pool's period is over: what the design lets flow on is moved. Decides itself how much."""


class Measure(Command, frozen=True, kw_only=True, tag="measure"):
    """A figure that targets are a part of, as measured or approved.

    name    `open_interest`, `open_interest.MARKET`, `cover_2`, ...: as the design's `target_of` names it
    amount  base units, >= 0
    """

    name: str
    amount: Units


class Inventory(Command, frozen=True, kw_only=True, tag="inventory"):
    """Positions that a layer holds, as they stand at the marks: what of its balance they tie up. Replaces the last.

    maintenance  their maintenance margin, >= 0
    open_loss    their open loss, >= 0; an open profit is 0
    notional     net, >= 0, for reports
    """

    layer: str
    maintenance: Units
    open_loss: Units
    notional: Units = Units(0)


class InventoryLoss(Command, frozen=True, kw_only=True, tag="inventory_loss"):
    """What positions held by a layer lost when they were closed; at most its balance. Gains are an `inflow`.

    amount  base units, > 0
    """

    layer: str
    market: str
    amount: Units


class Stake(Command, frozen=True, kw_only=True, tag="stake"):
    """Stake money in a tranche for as many shares as it buys; what is left of it is not taken.

    amount  base units offered, > 0
    """

    layer: str
    staker: str
    amount: Units


class RequestRedeem(Command, frozen=True, kw_only=True, tag="request_redeem"):
    """Ask to redeem shares of a tranche. The request's id is the command's.

    shares  free ones, > 0; written like amounts
    """

    layer: str
    staker: str
    shares: Units


class CancelRedeem(Command, frozen=True, kw_only=True, tag="cancel_redeem"):
    """Take a request back before its window is over."""

    layer: str
    request: str


class LapseRequests(Command, frozen=True, kw_only=True, tag="lapse_requests"):
    """Let the requests of a tranche lapse whose window is over. Any other command of the tranche does it first, too."""

    layer: str


class Redeem(Command, frozen=True, kw_only=True, tag="redeem", omit_defaults=True):
    """Pay a request out, whole or in part: `shares` of it, or as few as pay `amount`; one of the two."""

    layer: str
    request: str
    shares: Units | None = None
    amount: Units | None = None


class TransferShares(Command, frozen=True, kw_only=True, tag="transfer_shares"):
    """Free shares change hands; what was recovered of earlier slashes stays the sender's."""

    layer: str
    sender: str
    receiver: str
    shares: Units


class Reward(Command, frozen=True, kw_only=True, tag="reward"):
    """Income of a tranche's stakers, whole: it repays no debt. At once or over the design's `reward_ms`.

    amount  base units, > 0
    """

    layer: str
    amount: Units


class Recover(Command, frozen=True, kw_only=True, tag="recover"):
    """What was recovered of one deficit that stakers paid a part of: it goes back to those who bore it.

    amount  base units, > 0
    """

    deficit: str
    amount: Units


class TakeClaims(Command, frozen=True, kw_only=True, tag="take_claims"):
    """Pay a staker all that was recovered for it in a tranche."""

    layer: str
    staker: str


class LayerDifference(Struct, frozen=True, forbid_unknown_fields=True):
    """What a layer's money is to be corrected by: base units, not 0; > 0 where the log has too little."""

    layer: str
    amount: Units


class DebtDifference(Struct, frozen=True, forbid_unknown_fields=True):
    """What a deficit's carried debt is to be corrected by: base units, not 0; > 0 where the log has too little."""

    deficit: str
    amount: Units


class Correct(Command, frozen=True, kw_only=True, tag="correct", omit_defaults=True):
    """Post the difference that a wrong event left: the event itself stays as it is. Two people answer for it.

    wrong     id of the command that the wrong event answers, or `genesis`
    proposer, approver  two people; ids that differ, upper and lower case being the same
    reason    for people, not empty
    layers    money of layers without stakers
    debts     carried debt
    """

    wrong: str
    proposer: str
    approver: str
    reason: str
    layers: tuple[LayerDifference, ...] = ()
    debts: tuple[DebtDifference, ...] = ()


OfATranche = Stake | RequestRedeem | CancelRedeem | LapseRequests | Redeem | TransferShares | Reward
"""Commands of one tranche with stakers, which bring it up to date first."""

AnyCommand = (
    Inflow
    | Shortfalls
    | Settle
    | Lapse
    | CloseMarket
    | Migrate
    | Release
    | Measure
    | Inventory
    | InventoryLoss
    | Stake
    | RequestRedeem
    | CancelRedeem
    | LapseRequests
    | Redeem
    | TransferShares
    | Reward
    | Recover
    | TakeClaims
    | Correct
)


class Refused(Struct, frozen=True, kw_only=True):
    """Nothing happened, and the id is not used up.

    code    `conflict`: the id was used with other content; `invalid`: the command makes no sense; `state`: not now
    field   the field that is wrong
    reason  wanted and found, for people; where a rule of staking refuses, it begins with a word as `zero_shares: `
    """

    id: str
    code: Literal["conflict", "invalid", "state"]
    field: str
    reason: str


class Repeated(Struct, frozen=True, kw_only=True):
    """The same id with the same content was decided before: the first answer stands, nothing changes.

    seq  the sequence number of the first event that answered it
    """

    id: str
    seq: int


class Exhausted(Struct, frozen=True, kw_only=True):
    """The layers did not suffice: severity is booked pending until `Settle` or the deadline.

    severity    (deficit id, base units > 0), lowest id first
    policy, fallback  what the design does now
    price_rule  the price at which positions are closed: the design's `adl_price`
    """

    batch: str
    severity: tuple[tuple[str, Units], ...]
    policy: str
    fallback: str
    price_rule: str
    deadline_ms: int
