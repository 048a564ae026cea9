"""Apply: the only place that changes the fund's state. It calls no rule; an event is a fact.

Layer    fund; imports fund.{events,state,messages}, of rules records only. Used for live events and for replay alike
         (I7).
Not here deciding (fund.decide) and checking (fund.invariants).
Held to  this by replay: the same log gives the same state, byte for byte.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from seawall.fund.events import (
    ClaimsTaken,
    Corrected,
    DrawRow,
    Event,
    InflowRouted,
    InventoryLost,
    InventoryMarked,
    LayerMigrated,
    MarketClosed,
    Measured,
    Opened,
    PoolReleased,
    RecoveryPlaced,
    RedeemCancelled,
    Redeemed,
    RedeemRequested,
    RequestsLapsed,
    Rewarded,
    RewardRow,
    Settled,
    SettledRow,
    SeverityCarried,
    SharesTransferred,
    ShortfallsDrawn,
    SlashRow,
    Staked,
    StakerAfter,
    Status,
    TrancheAfter,
    tranches_in,
)
from seawall.fund.messages import AnyCommand, Shortfall
from seawall.fund.state import (
    Carried,
    FundState,
    Inventory as Held,
    LayerState,
    PaidBy,
    Pending,
    Stakes,
    Usage,
    open_layer,
)
from seawall.rules.cohort import Cohort, Held as HeldAt, Staker
from seawall.rules.staking import Request
from seawall.rules.tranche import Stream, Tranche


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where an event stands: its number (from 1, no gaps), the writer's time (ms UTC) and the command's id."""

    seq: int
    t_ms: int
    id: str


GENESIS_ID = "genesis"
"""The id under which a log begins; no command has it."""


class BrokenLog(Exception):
    """An event does not follow from the state it is applied to: the log is damaged or out of order."""


def apply(state: FundState, stamp: Stamp, event: Event) -> None:
    """Take in one event. Errors: BrokenLog when its number or time does not follow."""
    if stamp.seq != state.last_seq + 1 or stamp.t_ms < state.last_t_ms:
        raise BrokenLog(f"event {stamp.seq} at {stamp.t_ms} after event {state.last_seq} at {state.last_t_ms}")
    if stamp.id != command_id(event):
        raise BrokenLog(f"event {stamp.seq} stands under {stamp.id}, but answers {command_id(event)}")
    if not isinstance(event, Opened):  # before it there are no layers
        for tranche in tranches_in(event):
            _earned(state.layers[tranche.layer], stamp, tranche.earned)
    _take_in(state, stamp, event)
    for tranche in tranches_in(event):
        _tranche(_stakes(state, tranche.layer), tranche)
    for status in getattr(event, "status", ()):
        _standing(state, stamp, status)
    state.last_seq = stamp.seq
    state.last_t_ms = stamp.t_ms


def _take_in(state: FundState, stamp: Stamp, event: Event) -> None:
    match event:
        case Opened():
            for opening in event.layers:
                spec = next(layer for layer in state.design.layers if layer.id == opening.layer)
                state.layers[opening.layer] = open_layer(spec, opening.balance)
                state.totals.money_in += opening.balance
        case InflowRouted():
            state.totals.money_in += event.inflow.amount
            _placed(state, stamp, event, event.inflow.market)
            _rewarded(state, stamp, event.rewards)
        case ShortfallsDrawn():
            _drawn(state, stamp, event)
        case Settled():
            _settled(state, event.settle.batch, event.rows, stamp)
        case SeverityCarried():
            _settled(state, event.batch, event.rows, stamp)
        case MarketClosed():
            if event.layer is not None:
                _move_out(state.layers[event.layer], stamp, event.moved)
            state.closed_markets.add(event.close_market.market)
            _placed(state, stamp, event, None)
        case LayerMigrated():
            _move_out(state.layers[event.migrate.from_layer], stamp, event.moved)
            _credit(state.layers[event.migrate.to_layer], stamp, event.moved, event.balance_after)
            state.retired.add(event.migrate.from_layer)
        case PoolReleased():
            _move_out(state.layers[event.layer], stamp, event.moved)
            _placed(state, stamp, event, None)
            _rewarded(state, stamp, event.rewards)
            state.released_ms = stamp.t_ms
        case Measured():
            state.measures[event.measure.name] = event.measure.amount
        case InventoryMarked():
            held = event.inventory
            state.layers[held.layer].inventory = Held(held.maintenance, held.open_loss, held.notional)
        case InventoryLost():
            loss = event.inventory_loss
            layer = state.layers[loss.layer]
            layer.moved_out += loss.amount
            state.totals.inventory_lost += loss.amount
            state.totals.called += event.called
            if layer.funded:
                _stand_at(layer, stamp, event.balance_after)
            else:
                layer.commitment = event.balance_after
            _result(layer, stamp, loss.market, -loss.amount)
            if event.slash is not None:
                _slashed(state, event.slash)
        case Staked():
            state.totals.money_in += event.taken
            _credit(state.layers[event.tranche.layer], stamp, event.taken, event.tranche.assets)
        case Redeemed():
            state.totals.redeemed += event.paid
            _move_out(state.layers[event.tranche.layer], stamp, event.paid)
        case Rewarded():
            state.totals.money_in += event.reward.amount
            _grown(state.layers[event.tranche.layer], stamp, event.tranche)
        case RecoveryPlaced():
            state.totals.money_in += event.recover.amount
            _recovered(state, event)
            _placed(state, stamp, event, None)
        case ClaimsTaken():
            state.totals.redeemed += event.paid
            _staker(_stakes(state, event.take_claims.layer), event.row)
        case Corrected():
            _corrected(state, stamp, event)
        case RedeemRequested() | RedeemCancelled() | RequestsLapsed() | SharesTransferred():
            pass  # rows of stakers and requests only
    command = command_of(event)
    if command is not None:
        state.answered[command.id] = (command, stamp.seq)


def command_of(event: Event) -> AnyCommand | None:
    """The command that an event answers; None for one that follows from another event of the same command."""
    match event:
        case Opened():
            return None
        case InflowRouted():
            return event.inflow
        case ShortfallsDrawn():
            return event.shortfalls
        case Settled():
            return event.settle
        case SeverityCarried():
            return event.lapse
        case MarketClosed():
            return event.close_market
        case LayerMigrated():
            return event.migrate
        case PoolReleased():
            return event.release
        case Measured():
            return event.measure
        case InventoryMarked():
            return event.inventory
        case InventoryLost():
            return event.inventory_loss
        case Staked():
            return event.stake
        case RedeemRequested():
            return event.request_redeem
        case RedeemCancelled():
            return event.cancel_redeem
        case RequestsLapsed():
            return event.lapse_requests
        case Redeemed():
            return event.redeem
        case SharesTransferred():
            return event.transfer_shares
        case Rewarded():
            return event.reward
        case RecoveryPlaced():
            return event.recover
        case ClaimsTaken():
            return event.take_claims
        case Corrected():
            return event.correct


def command_id(event: Event) -> str:
    """The id of the command that an event answers."""
    command = command_of(event)
    if command is not None:
        return command.id
    return event.batch if isinstance(event, SeverityCarried) else GENESIS_ID


# --- balances ---------------------------------------------------------------------------------------------------


def _left(history: deque[tuple[int, int]], t_ms: int, value: int, length_ms: int | None) -> None:
    """A value is left: kept for a drawdown, with the time, where no later one makes it pointless."""
    while history and history[-1][1] <= value:
        history.pop()
    history.append((t_ms, value))
    while length_ms is not None and t_ms - history[0][0] > length_ms:
        history.popleft()


def _stand_at(layer: LayerState, stamp: Stamp, balance: int) -> None:
    if layer.spec.drawdown_ppm is not None and balance != layer.balance:
        _left(layer.left_ms, stamp.t_ms, layer.balance, layer.spec.drawdown_window_ms)
    layer.balance = balance


def _result(layer: LayerState, stamp: Stamp, market: str | None, change: int) -> None:
    """What came in or went out for a market, where a drawdown counts it."""
    if layer.spec.drawdown_of != "market" or layer.spec.drawdown_ppm is None or market is None:
        return
    before = layer.results.get(market, 0)
    history = layer.results_left_ms.setdefault(market, deque())
    _left(history, stamp.t_ms, before, layer.spec.drawdown_window_ms)
    layer.results[market] = before + change


def _move_out(layer: LayerState, stamp: Stamp, amount: int) -> None:
    layer.moved_out += amount
    _stand_at(layer, stamp, layer.balance - amount)


def _credit(layer: LayerState, stamp: Stamp, amount: int, balance_after: int) -> None:
    _stand_at(layer, stamp, balance_after)
    layer.credited += amount
    at, before = layer.credited_at
    layer.credited_at = (stamp.t_ms, amount + (before if at == stamp.t_ms else 0))


def _placed(
    state: FundState,
    stamp: Stamp,
    event: InflowRouted | MarketClosed | PoolReleased | RecoveryPlaced,
    market: str | None,
) -> None:
    for repayment in event.repaid:
        debt = state.carried[repayment.deficit]
        debt.amount = repayment.carried_after
        state.totals.recovered += repayment.amount
        if debt.amount == 0:
            del state.carried[repayment.deficit]
    for credit in event.credits:
        layer = state.layers[credit.layer]
        _credit(layer, stamp, credit.amount, credit.balance_after)
        _result(layer, stamp, market, credit.amount)
    for payment in event.paid_out:
        state.receivers[payment.receiver] = state.receivers.get(payment.receiver, 0) + payment.amount
        state.totals.paid_out += payment.amount
        if payment.layer is not None:
            line = state.layers[payment.layer]
            line.commitment += payment.amount
            line.returned += payment.amount


def _corrected(state: FundState, stamp: Stamp, event: Corrected) -> None:
    """Differences are money in or out like any other to a layer; no draw is undone, so that windows keep it."""
    for row in event.layers:
        layer = state.layers[row.layer]
        if row.amount > 0:
            _credit(layer, stamp, row.amount, row.balance_after)
        else:
            layer.moved_out -= row.amount
            _stand_at(layer, stamp, row.balance_after)
        state.totals.corrected += row.amount
    for debt in event.debts:
        state.carried[debt.deficit].amount = debt.carried_after
        state.totals.debt_corrected += debt.amount
        if debt.carried_after == 0:
            del state.carried[debt.deficit]


# --- draws --------------------------------------------------------------------------------------------------------


def _drawn(state: FundState, stamp: Stamp, event: ShortfallsDrawn) -> None:
    batch = event.shortfalls.id
    deficits = {deficit.id: deficit for deficit in event.shortfalls.deficits if deficit.id not in event.waiting}
    for deficit in deficits.values():
        state.deficits[deficit.id] = batch
        state.totals.deficits += deficit.amount
    for draw in event.draws:
        _draw(state, stamp, draw, deficits[draw.deficit])
    for slash in event.slashes:
        _slashed(state, slash)
    cohorts = {(slash.deficit, slash.layer): slash.cohort for slash in event.slashes}
    borne = {slash.deficit for slash in event.slashes}
    for draw in event.draws:
        if draw.deficit in borne and draw.amount:
            paid = PaidBy(draw.layer, draw.amount, cohorts.get((draw.deficit, draw.layer), 0))
            state.paid_by.setdefault(draw.deficit, []).append(paid)
    for offset in event.offsets:
        state.layers[offset.layer].offset_left = offset.left
    if event.severity:
        state.pending[batch] = Pending(
            event.deadline_ms,
            {row.deficit: row.amount for row in event.severity},
            {row.deficit: deficits[row.deficit].account for row in event.severity},
        )


def _draw(state: FundState, stamp: Stamp, draw: DrawRow, deficit: Shortfall) -> None:
    layer = state.layers[draw.layer]
    if layer.funded:
        _stand_at(layer, stamp, draw.balance_after)
    else:
        layer.commitment = draw.balance_after
    layer.drawn += draw.amount
    state.totals.drawn += draw.amount
    state.totals.called += draw.called
    if not draw.amount:
        return
    at, before = layer.drawn_at
    layer.drawn_at = (stamp.t_ms, draw.amount + (before if at == stamp.t_ms else 0))
    if layer.spec.window_ms is not None:
        layer.recent.append((stamp.t_ms, draw.amount))
        while stamp.t_ms - layer.recent[0][0] >= layer.spec.window_ms:
            layer.recent.popleft()
    _use(layer.accounts, stamp, deficit.account, draw.amount)
    _use(layer.owners, stamp, deficit.owner, draw.amount)
    for part in draw.markets:
        _use(layer.markets, stamp, part.market, part.amount)
        _result(layer, stamp, part.market, -part.amount)
        if not layer.insures:
            state.covered[part.market] = state.covered.get(part.market, 0) + part.amount


def _use(usage: Usage | None, stamp: Stamp, key: str, amount: int) -> None:
    """A limit of an account, owner or market is used up by so much; what it no longer counts is forgotten."""
    if usage is None:
        return
    if usage.length_ms is None:
        usage.ever[key] = usage.ever.get(key, 0) + amount
        return
    usage.recent.append((stamp.t_ms, key, amount))
    while stamp.t_ms - usage.recent[0][0] >= max(1, usage.length_ms):
        usage.recent.popleft()


def _settled(state: FundState, batch: str, rows: Sequence[SettledRow], stamp: Stamp) -> None:
    pending = state.pending[batch]
    for row in rows:
        state.totals.haircuts += row.haircut
        pending.severity[row.deficit] = row.pending
        if row.pending == 0:
            del pending.severity[row.deficit]
        if row.carried:
            state.carried[row.deficit] = Carried(row.carried, stamp.t_ms, pending.accounts[row.deficit])
    if not pending.severity:
        del state.pending[batch]


def _standing(state: FundState, stamp: Stamp, status: Status) -> None:
    layer = state.layers[status.layer]
    if status.what == "below_target":
        layer.below_since_ms = stamp.t_ms if status.on else None
    elif status.on:
        layer.shut.add(status.market or "")
    else:
        layer.shut.discard(status.market or "")


# --- tranches with stakers ----------------------------------------------------------------------------------------


def _stakes(state: FundState, layer: str) -> Stakes:
    stakes = state.layers[layer].stakes
    if stakes is None:
        raise BrokenLog(f"layer {layer} has no stakers")
    return stakes


def _earned(layer: LayerState, stamp: Stamp, earned: int) -> None:
    """A part of a reward arrives. It came in before: it is no credit of this time."""
    if earned:
        layer.credited += earned
        _stand_at(layer, stamp, layer.balance + earned)


def _rewarded(state: FundState, stamp: Stamp, rewards: Sequence[RewardRow]) -> None:
    for row in rewards:
        _grown(state.layers[row.tranche.layer], stamp, row.tranche)


def _grown(layer: LayerState, stamp: Stamp, after: TrancheAfter) -> None:
    """A reward is in the assets at once, or on its way."""
    if after.assets != layer.balance:
        _credit(layer, stamp, after.assets - layer.balance, after.assets)


def _slashed(state: FundState, row: SlashRow) -> None:
    cohort = Cohort(row.cohort, row.series, row.shares, row.slashed)
    _stakes(state, row.layer).cohorts[row.cohort] = cohort


def _tranche(stakes: Stakes, after: TrancheAfter) -> None:
    """A tranche and its rows as they stand after an event; a new series begins without shares and requests."""
    if after.series != stakes.tranche.series:
        stakes.requests.clear()
        stakes.live_shares = stakes.locked_shares = stakes.asked_shares = 0
    waiting = after.stream
    stream = Stream()
    if waiting is not None:
        stream = Stream(waiting.total, waiting.earned, waiting.start_ms, waiting.end_ms)
    stakes.tranche = Tranche(after.assets, after.shares, after.series, after.slashes, stream)
    for row in after.stakers:
        _staker(stakes, row)
    for name in after.ended:
        if name in stakes.requests:
            stakes.asked_shares -= stakes.requests.pop(name)[1].shares
    for one in after.requests:
        if one.id in stakes.requests:
            stakes.asked_shares -= stakes.requests[one.id][1].shares
        request = Request(one.id, one.series, one.shares, one.value, one.ready_ms, one.end_ms)
        stakes.requests[one.id] = (one.staker, request)
        stakes.asked_shares += one.shares


def _staker(stakes: Stakes, row: StakerAfter) -> None:
    before = stakes.stakers.get(row.staker, Staker())
    noted = () if row.held is None else (HeldAt(row.held.last_slash, row.held.series, row.held.shares),)
    after = Staker(row.series, row.free, row.locked, before.history + noted, row.claims)
    for staker, sign in ((before, -1), (after, 1)):
        stakes.claims_units += sign * staker.claims_units
        if staker.series == stakes.tranche.series:
            stakes.live_shares += sign * staker.shares
            stakes.locked_shares += sign * staker.locked_shares
    stakes.stakers[row.staker] = after


def _recovered(state: FundState, event: RecoveryPlaced) -> None:
    """What layers got back, and the claims of those who bore it."""
    paid_by = {paid.layer: paid for paid in state.paid_by[event.recover.deficit]}
    for part in event.parts:
        paid_by[part.layer].returned += part.amount
        if part.cohort:
            cohorts = _stakes(state, part.layer).cohorts
            cohort = cohorts[part.cohort]
            cohorts[part.cohort] = replace(cohort, recovered_units=cohort.recovered_units + part.amount)
    for claim in event.claims:
        stakes = _stakes(state, claim.layer)
        staker = stakes.stakers[claim.staker]
        stakes.claims_units += claim.claims_after - staker.claims_units
        stakes.stakers[claim.staker] = replace(staker, claims_units=claim.claims_after)
        key = (claim.cohort, claim.staker)
        stakes.received[key] = stakes.received.get(key, 0) + claim.amount
