"""Events: facts of the fund, with amounts and balances after. Replay needs nothing else.

Layer    fund; imports amounts and fund.messages. Written by fund.decide, read by fund.apply, report, verify.
Not here rules: `apply` calls none, so mending a rule never rewrites history (SPEC 10).
Held to  this by fund.codec and tests/golden/log_v1.jsonl. Fields are only ever added.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from seawall.amounts import Units
from seawall.fund.messages import (
    CancelRedeem,
    CloseMarket,
    Correct,
    Inflow,
    Inventory,
    InventoryLoss,
    Lapse,
    LapseRequests,
    Measure,
    Migrate,
    Receiver,
    Recover,
    Redeem,
    Release,
    RequestRedeem,
    Reward,
    Settle,
    Shortfalls,
    Stake,
    TakeClaims,
    TransferShares,
)

NOTHING = Units(0)
"""The default of amounts added since logs began: left out of the bytes when it is this very object."""


class LayerBalance(Struct, frozen=True):
    """A layer's balance at the start. Base units."""

    layer: str
    balance: Units


class Credit(Struct, frozen=True):
    """Money into a layer. Base units."""

    layer: str
    amount: Units
    balance_after: Units


class Repaid(Struct, frozen=True):
    """Carried bad debt that an inflow repaid. Base units."""

    deficit: str
    amount: Units
    carried_after: Units


class PaidOut(Struct, frozen=True, omit_defaults=True):
    """Money that leaves the fund: a receiver's part of an inflow, excess, or a loan paid back. Base units.

    layer  for `repaid`: the credit line whose commitment grows by it
    """

    receiver: Receiver
    why: Literal["split", "excess", "repaid"]
    amount: Units
    layer: str | None = None


class MarketPart(Struct, frozen=True):
    """A part of a draw by the market that it is attributed to. Base units, > 0."""

    market: str
    amount: Units


class DrawRow(Struct, frozen=True, omit_defaults=True):
    """Money out of a layer for a deficit, and what bound it ("" when nothing did). Base units.

    balance_before, balance_after  of a layer without money: what can still be called
    called   money that came in for this draw, of a layer without money: all of it
    markets  where a limit of the design counts by market; nothing of a deficit without losses
    """

    deficit: str
    layer: str
    amount: Units
    balance_before: Units
    balance_after: Units
    bound_by: str
    called: Units = NOTHING
    markets: tuple[MarketPart, ...] = ()


class OffsetLeft(Struct, frozen=True):
    """What is left of a layer's offset after deficits reached it. Base units."""

    layer: str
    left: Units


class Status(Struct, frozen=True, omit_defaults=True):
    """A standing of a layer that this event changed.

    what    `shut`: its drawdown keeps it from being drawn until it is back within reset; `below_target`
    on      it begins, or it ends
    market  for a drawdown by market
    """

    layer: str
    what: Literal["shut", "below_target"]
    on: bool
    market: str | None = None


class SeverityRow(Struct, frozen=True):
    """What no layer covered of a deficit. Base units, > 0."""

    deficit: str
    amount: Units


class SettledRow(Struct, frozen=True, omit_defaults=True):
    """What became of a deficit's severity: haircuts, what is carried, what is still pending. Base units."""

    deficit: str
    haircut: Units
    carried: Units
    pending: Units = NOTHING


# --- tranches with stakers: shares are whole numbers, written like amounts ------------------------------------------


class StreamAfter(Struct, frozen=True):
    """A reward on its way into the assets, evenly from start to end. Base units, ms."""

    total: Units
    earned: Units
    start_ms: int
    end_ms: int


class HeldRow(Struct, frozen=True):
    """What a staker held at its last slashes, up to number `last_slash`, written down as its shares change."""

    last_slash: int
    series: int
    shares: Units


class StakerAfter(Struct, frozen=True, omit_defaults=True):
    """A staker's row after an event that changed it.

    claims  recoveries not taken yet, base units
    held    an entry that its history grows by
    """

    staker: str
    series: int
    free: Units
    locked: Units = NOTHING
    claims: Units = NOTHING
    held: HeldRow | None = None


class RequestAfter(Struct, frozen=True):
    """A request that is new, or that a part of was redeemed. `value` in base units, at the request."""

    id: str
    staker: str
    series: int
    shares: Units
    value: Units
    ready_ms: int
    end_ms: int | None


class LapsedRow(Struct, frozen=True):
    """A request whose window was over: shares that are free again, and shares that stay behind."""

    request: str
    staker: str
    freed: Units
    burnt: Units


class TrancheAfter(Struct, frozen=True, omit_defaults=True):
    """A tranche after an event, and what the event changed of its rows.

    assets   base units: the layer's balance
    shares   free and locked; both zero once the tranche is wound up, with `series` one higher and all requests void
    slashes  so far
    earned   of rewards on their way, before anything else happened; base units
    stream   rewards on their way; none: none
    lapsed   requests that lapsed after that, oldest first
    ended    requests that are no more, the lapsed ones included
    """

    layer: str
    assets: Units
    shares: Units
    series: int
    slashes: int = 0
    earned: Units = NOTHING
    stream: StreamAfter | None = None
    lapsed: tuple[LapsedRow, ...] = ()
    stakers: tuple[StakerAfter, ...] = ()
    requests: tuple[RequestAfter, ...] = ()
    ended: tuple[str, ...] = ()


class SlashRow(Struct, frozen=True, omit_defaults=True):
    """A draw on a tranche with stakers: who bore it is its cohort.

    deficit   "": a loss of positions that the layer held
    slashed   base units
    cohort    number of the slash, 1, 2, ... of this layer
    series, shares  as they were at it
    wound_up  it took all there was
    """

    deficit: str
    layer: str
    slashed: Units
    cohort: int
    series: int
    shares: Units
    wound_up: bool = False


class RewardRow(Struct, frozen=True):
    """A part of an inflow that is its stakers' income. Base units."""

    amount: Units
    tranche: TrancheAfter


class RecoveryPart(Struct, frozen=True, omit_defaults=True):
    """What a layer got back of what it paid for a deficit. Base units.

    cohort  of a tranche with stakers: the slash whose bearers have a claim now
    """

    layer: str
    amount: Units
    cohort: int = 0


class ClaimRow(Struct, frozen=True):
    """A bearer's part of a recovery. Base units."""

    layer: str
    cohort: int
    staker: str
    amount: Units
    claims_after: Units


class Opened(Struct, frozen=True, omit_defaults=True):
    """The fund begins: the design file verbatim, and what is in each layer.

    tranches  with stakers: what they hold at the start belongs to the staker `venue`
    """

    design_text: str
    asset: str
    layers: tuple[LayerBalance, ...]
    status: tuple[Status, ...] = ()
    tranches: tuple[TrancheAfter, ...] = ()


class InflowRouted(Struct, frozen=True, omit_defaults=True):
    """An inflow found its place: parts of it add up to its amount."""

    inflow: Inflow
    repaid: tuple[Repaid, ...]
    credits: tuple[Credit, ...]
    paid_out: tuple[PaidOut, ...]
    status: tuple[Status, ...] = ()
    rewards: tuple[RewardRow, ...] = ()


class ShortfallsDrawn(Struct, frozen=True, omit_defaults=True):
    """A batch of deficits was drawn; severity, if any, is pending until `deadline_ms`.

    waiting  deficits of the batch that a layer could not pay whole, so that their liquidation waits: nothing is drawn
             for them, they are no severity, and their ids are not used up
    offsets  of layers whose offset was reached
    slashes  of tranches with stakers, a row for every draw that took something
    tranches  that were slashed or earned something, after it
    """

    shortfalls: Shortfalls
    draws: tuple[DrawRow, ...]
    severity: tuple[SeverityRow, ...]
    policy: str
    fallback: str
    price_rule: str
    deadline_ms: int
    waiting: tuple[str, ...] = ()
    offsets: tuple[OffsetLeft, ...] = ()
    status: tuple[Status, ...] = ()
    slashes: tuple[SlashRow, ...] = ()
    tranches: tuple[TrancheAfter, ...] = ()


class Settled(Struct, frozen=True):
    """A pending batch was settled: who paid, what is carried, what is pending still."""

    settle: Settle
    rows: tuple[SettledRow, ...]


class SeverityCarried(Struct, frozen=True):
    """A pending batch became carried bad debt, by the design's policy or because its deadline passed."""

    batch: str
    why: Literal["policy", "deadline"]
    rows: tuple[SettledRow, ...]
    lapse: Lapse | None = None


class MarketClosed(Struct, frozen=True, omit_defaults=True):
    """A closed market's bucket was routed on. `moved` is what it held; its balance after is 0."""

    close_market: CloseMarket
    layer: str | None
    moved: Units
    repaid: tuple[Repaid, ...]
    credits: tuple[Credit, ...]
    paid_out: tuple[PaidOut, ...]
    status: tuple[Status, ...] = ()


class LayerMigrated(Struct, frozen=True, omit_defaults=True):
    """A bucket ended, and what it held moved into another layer. Its balance after is 0. Base units."""

    migrate: Migrate
    moved: Units
    balance_after: Units
    status: tuple[Status, ...] = ()


class PoolReleased(Struct, frozen=True, omit_defaults=True):
    """Commissions flowed on from the revenue pool. The rows add up to `moved`. Base units."""

    release: Release
    layer: str
    moved: Units
    balance_after: Units
    repaid: tuple[Repaid, ...]
    credits: tuple[Credit, ...]
    paid_out: tuple[PaidOut, ...]
    status: tuple[Status, ...] = ()
    rewards: tuple[RewardRow, ...] = ()


class Measured(Struct, frozen=True, omit_defaults=True):
    """A measure has a new value."""

    measure: Measure
    status: tuple[Status, ...] = ()


class InventoryMarked(Struct, frozen=True):
    """What a layer's positions tie up of its balance changed."""

    inventory: Inventory


class InventoryLost(Struct, frozen=True, omit_defaults=True):
    """A layer paid for what its positions lost. Base units.

    balance_after  of a layer without money: what can still be called
    called         what came in for it, of a layer without money: all of it
    """

    inventory_loss: InventoryLoss
    balance_after: Units
    called: Units = NOTHING
    status: tuple[Status, ...] = ()
    slash: SlashRow | None = None
    tranche: TrancheAfter | None = None


class Staked(Struct, frozen=True, omit_defaults=True):
    """Money was staked: `taken` of it, for the shares `minted`; the rest never came in."""

    stake: Stake
    minted: Units
    taken: Units
    tranche: TrancheAfter
    status: tuple[Status, ...] = ()


class RedeemRequested(Struct, frozen=True, omit_defaults=True):
    """Shares wait to be redeemed; they are capital still."""

    request_redeem: RequestRedeem
    tranche: TrancheAfter
    status: tuple[Status, ...] = ()


class RedeemCancelled(Struct, frozen=True, omit_defaults=True):
    """A request was taken back: shares `freed`, and shares `burnt` that stay behind."""

    cancel_redeem: CancelRedeem
    staker: str
    freed: Units
    burnt: Units
    tranche: TrancheAfter
    status: tuple[Status, ...] = ()


class RequestsLapsed(Struct, frozen=True, omit_defaults=True):
    """Requests lapsed; nothing else happened."""

    lapse_requests: LapseRequests
    tranche: TrancheAfter
    status: tuple[Status, ...] = ()


class Redeemed(Struct, frozen=True, omit_defaults=True):
    """A leaver was paid.

    burnt     shares
    paid      base units
    left      what the shares were worth above it, base units: now the others'
    wound_up  they were the last
    """

    redeem: Redeem
    staker: str
    burnt: Units
    paid: Units
    left: Units
    tranche: TrancheAfter
    wound_up: bool = False
    status: tuple[Status, ...] = ()


class SharesTransferred(Struct, frozen=True, omit_defaults=True):
    """Free shares changed hands."""

    transfer_shares: TransferShares
    tranche: TrancheAfter
    status: tuple[Status, ...] = ()


class Rewarded(Struct, frozen=True, omit_defaults=True):
    """Income of a tranche's stakers came in."""

    reward: Reward
    tranche: TrancheAfter
    status: tuple[Status, ...] = ()


class RecoveryPlaced(Struct, frozen=True, omit_defaults=True):
    """What was recovered of a deficit found its place: carried debt of it, what layers paid, and the excess routed.

    parts    what layers got back, the last that was drawn first: a `claims` row for each bearer of a cohort, a credit
             for any other layer with money, a payment to the lender for one without
    credits  those, and where the excess went
    """

    recover: Recover
    repaid: tuple[Repaid, ...]
    parts: tuple[RecoveryPart, ...]
    claims: tuple[ClaimRow, ...]
    credits: tuple[Credit, ...]
    paid_out: tuple[PaidOut, ...]
    status: tuple[Status, ...] = ()


class ClaimsTaken(Struct, frozen=True):
    """A staker was paid what had been recovered for it. Base units; its claims after are 0."""

    take_claims: TakeClaims
    paid: Units
    row: StakerAfter


class LayerCorrected(Struct, frozen=True):
    """A layer's money was wrong by so much; > 0 where it was too little. Base units."""

    layer: str
    amount: Units
    balance_after: Units


class DebtCorrected(Struct, frozen=True):
    """A deficit's carried debt was wrong by so much; > 0 where it was too little. Base units."""

    deficit: str
    amount: Units
    carried_after: Units


class Corrected(Struct, frozen=True, omit_defaults=True):
    """The difference that a wrong event left was posted. What limits count of draws stays as it is.

    wrong_seq  the first event of the command that was wrong
    """

    correct: Correct
    wrong_seq: int
    layers: tuple[LayerCorrected, ...] = ()
    debts: tuple[DebtCorrected, ...] = ()
    status: tuple[Status, ...] = ()


Event = (
    Opened
    | InflowRouted
    | ShortfallsDrawn
    | Settled
    | SeverityCarried
    | MarketClosed
    | LayerMigrated
    | PoolReleased
    | Measured
    | InventoryMarked
    | InventoryLost
    | Staked
    | RedeemRequested
    | RedeemCancelled
    | RequestsLapsed
    | Redeemed
    | SharesTransferred
    | Rewarded
    | RecoveryPlaced
    | ClaimsTaken
    | Corrected
)

KINDS: dict[str, type[Event]] = {
    "opened": Opened,
    "inflow_routed": InflowRouted,
    "shortfalls_drawn": ShortfallsDrawn,
    "settled": Settled,
    "severity_carried": SeverityCarried,
    "market_closed": MarketClosed,
    "layer_migrated": LayerMigrated,
    "pool_released": PoolReleased,
    "measured": Measured,
    "inventory_marked": InventoryMarked,
    "inventory_lost": InventoryLost,
    "staked": Staked,
    "redeem_requested": RedeemRequested,
    "redeem_cancelled": RedeemCancelled,
    "requests_lapsed": RequestsLapsed,
    "redeemed": Redeemed,
    "shares_transferred": SharesTransferred,
    "rewarded": Rewarded,
    "recovery_placed": RecoveryPlaced,
    "claims_taken": ClaimsTaken,
    "correction": Corrected,
}
"""The kind that an envelope names, and the type of its data."""

_WITH_A_TRANCHE = (
    Staked,
    RedeemRequested,
    RedeemCancelled,
    RequestsLapsed,
    Redeemed,
    SharesTransferred,
    Rewarded,
)


def tranches_in(event: Event) -> tuple[TrancheAfter, ...]:
    """Every tranche with stakers that an event leaves otherwise than it was; claims apart."""
    match event:
        case Opened() | ShortfallsDrawn():
            return event.tranches
        case InflowRouted() | PoolReleased():
            return tuple(row.tranche for row in event.rewards)
        case InventoryLost():
            return () if event.tranche is None else (event.tranche,)
    return (event.tranche,) if isinstance(event, _WITH_A_TRANCHE) else ()
