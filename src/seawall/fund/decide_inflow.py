"""Decide inflow: money that comes in, moves between layers, or flows on from the revenue pool.

Layer    fund; imports rules, amounts, fund.{events,messages,refusal,standing,state,tranches}. Called by fund.decide
         and fund.recovery.
Not here money that goes out for deficits (fund.decide_shortfalls).
Held to  this by tests/fund/test_machine.py and tests/fund/test_flows.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from seawall.amounts import Units, ppm_down
from seawall.fund.events import (
    NOTHING,
    Credit,
    Event,
    InflowRouted,
    InventoryLost,
    InventoryMarked,
    LayerMigrated,
    MarketClosed,
    PaidOut,
    PoolReleased,
    Repaid,
    RewardRow,
)
from seawall.fund.messages import (
    NAMES_A_LAYER,
    AnyCommand,
    CloseMarket,
    Inflow,
    Inventory,
    InventoryLoss,
    Migrate,
    Receiver,
    Refused,
    Release,
)
from seawall.fund.refusal import amount_problem, refused
from seawall.fund.standing import target_units
from seawall.fund.state import FundState, LayerState
from seawall.fund.tranches import open_tranches, seen_with
from seawall.rules.accumulation import Routed, Sink, commission_share_units, release_units, route, split_units

EXCESS: tuple[Receiver, ...] = ("stakers", "treasury", "fee_rebate", "hedges", "buyback")
"""Receivers of excess, in allocate order."""


@dataclass(frozen=True, slots=True)
class Split:
    """Who gets what of an inflow. Base units."""

    fund: int
    treasury: int = 0
    liquidator: int = 0
    vault: int = 0


def decide_inflow(state: FundState, inflow: Inflow, t_ms: int) -> tuple[Event, ...] | Refused:
    """Money that arrived: split by its source, and the fund's part routed. Errors: StakingRefused."""
    design = state.design
    if inflow.asset != design.asset.id:
        return refused(inflow, "invalid", "asset", f"wanted {design.asset.id}; found {inflow.asset}")
    if problem := amount_problem(inflow.amount):
        return refused(inflow, "invalid", "amount", problem)
    if inflow.market is not None and inflow.market not in {market.id for market in design.markets}:
        return refused(inflow, "invalid", "market", f"wanted a market of the design; found {inflow.market}")
    if problem := _parts_problem(inflow):
        return refused(inflow, "invalid", "parts", problem)
    if wrong := _named_layer_problem(state, inflow):
        return wrong
    split, vault = _split(state, inflow), _vault(state)
    to_fund = split.fund + (split.vault if vault is None else 0)  # a design without a vault has nobody else for it
    repaid, credits, paid_out = placed(state, _routed(state, inflow, to_fund))
    if vault is not None and split.vault:
        credits += (_credit(state, vault, split.vault),)
    credits, rewards = _with_rewards(state, credits, t_ms)
    if wrong := overfull(inflow, credits, "amount"):
        return wrong
    parts: tuple[tuple[Receiver, int], ...] = (("treasury", split.treasury), ("liquidator", split.liquidator))
    if inflow.layer is not None and not state.layers[inflow.layer].funded:
        parts = (("lender", inflow.amount),)  # what positions of a backstop gained is its providers'
    at_once = tuple(PaidOut(receiver, "split", Units(part)) for receiver, part in parts if part)
    return (InflowRouted(inflow=inflow, repaid=repaid, credits=credits, paid_out=at_once + paid_out, rewards=rewards),)


def _parts_problem(inflow: Inflow) -> str:
    """Parts are for a residual, which the venue splits since the trader's part stays in the account."""
    if not inflow.parts:
        return ""
    if inflow.source != "residual":
        return f"wanted parts of a residual only; found a {inflow.source}"
    if len({part.receiver for part in inflow.parts}) < len(inflow.parts):
        return "wanted each receiver once"
    if any(part.amount < 0 for part in inflow.parts) or sum(part.amount for part in inflow.parts) != inflow.amount:
        return f"wanted parts >= 0 that add up to {inflow.amount}"
    return ""


def _named_layer_problem(state: FundState, inflow: Inflow) -> Refused | None:
    if inflow.layer is None:
        if inflow.source == "inventory":
            return refused(inflow, "invalid", "layer", "wanted the layer whose positions gained; found none")
        return None
    if inflow.source not in NAMES_A_LAYER:
        return refused(inflow, "invalid", "layer", f"only {', '.join(NAMES_A_LAYER)} name a layer")
    layer = state.layers.get(inflow.layer)
    if inflow.source == "recovery" and layer is not None and layer.stakes is not None:
        reason = f"a recovery of {inflow.layer} belongs to those who bore the loss: use `recover`, which names it"
        return refused(inflow, "invalid", "layer", reason)
    return _layer_problem(state, inflow, "layer", inflow.layer, unfunded=inflow.source == "inventory")


def _layer_problem(
    state: FundState, command: AnyCommand, field: str, name: str, *, unfunded: bool = False
) -> Refused | None:
    """Why a command cannot name a layer. unfunded: whether one without money of its own will do."""
    layer = state.layers.get(name)
    if layer is None:
        return refused(command, "invalid", field, f"wanted a layer of the design; found {name}")
    if not layer.funded and not unfunded:
        return refused(command, "invalid", field, f"{name} is a {layer.spec.kind}: it holds no money")
    if name in state.retired:
        return refused(command, "state", field, f"{name} has migrated")
    if _is_closed(state, layer):
        return refused(command, "state", field, f"the market of {name} is closed")
    return None


def takes_money(state: FundState, layer: LayerState) -> bool:
    """Whether money may still go into a layer."""
    return layer.spec.id not in state.retired and not _is_closed(state, layer)


def _is_closed(state: FundState, layer: LayerState) -> bool:
    """Whether every market of a bucket is closed."""
    return bool(layer.insures) and state.closed_markets.issuperset(layer.insures)


def _split(state: FundState, inflow: Inflow) -> Split:
    """Who gets what of an inflow, by its source."""
    accumulation = state.design.accumulation
    if inflow.source == "surcharge":
        split = accumulation.surcharge_split_ppm
        weights = (split.fund, split.treasury, split.liquidator, split.vault)
        return Split(*split_units(inflow.amount, weights))
    if inflow.source == "commission":
        fund = commission_share_units(inflow.amount, accumulation.commission_share_ppm)
        return Split(fund, inflow.amount - fund)
    if inflow.parts:
        amounts = {part.receiver: int(part.amount) for part in inflow.parts}
        return Split(amounts.get("fund", 0), amounts.get("treasury", 0), vault=amounts.get("vault", 0))
    if inflow.source == "residual":
        residual = accumulation.residual_split_ppm
        if residual.fund or residual.treasury or residual.vault:
            fund, treasury, vault = split_units(inflow.amount, (residual.fund, residual.treasury, residual.vault))
            return Split(fund, treasury, vault=vault)
    return Split(inflow.amount)


def _routed(state: FundState, inflow: Inflow, amount: int) -> Routed:
    """Where the fund's part goes: debt, loans and targets; a named layer is filled without regard to its target."""
    if inflow.layer is not None and not state.layers[inflow.layer].funded:
        return Routed((), (), 0)
    if inflow.layer is not None and not _is_nobodys(state, inflow):
        # What positions of a layer gained is its own; other money repays debt first.
        carried = [] if inflow.source == "inventory" else _carried(state)
        return route(amount, carried, [Sink(inflow.layer, state.layers[inflow.layer].balance, None)])
    pool = state.design.accumulation.revenue_pool
    if inflow.source == "commission" and pool is not None:
        sinks = [Sink(pool.layer, state.layers[pool.layer].balance, None)]
        return route(amount, _carried(state), sinks, _lenders(state))
    return route(amount, _carried(state), _sinks(state, inflow.market), _lenders(state))


def _is_nobodys(state: FundState, inflow: Inflow) -> bool:
    """Whether positions gained for a tranche that nobody is staked in any more: that is income like any other."""
    stakes = state.layers[inflow.layer or ""].stakes
    return inflow.source == "inventory" and stakes is not None and stakes.tranche.shares == 0


def routed_freely(state: FundState, amount: int, settled: str = "") -> Routed:
    """Where income goes that names no layer and no market. settled: a deficit whose debt is repaid already."""
    carried = [(deficit, owed) for deficit, owed in _carried(state) if deficit != settled]
    return route(amount, carried, _sinks(state, None), _lenders(state))


def _with_rewards(
    state: FundState, credits: tuple[Credit, ...], t_ms: int
) -> tuple[tuple[Credit, ...], tuple[RewardRow, ...]]:
    """Credits, those of tranches with stakers as the rewards that they are."""
    opened = open_tranches(state, t_ms, [credit.layer for credit in credits])
    plain = tuple(credit for credit in credits if credit.layer not in opened)
    return plain, tuple(opened[credit.layer].reward(credit.amount) for credit in credits if credit.layer in opened)


def _carried(state: FundState) -> list[tuple[str, int]]:
    return [(deficit, debt.amount) for deficit, debt in state.carried.items()]


def _lenders(state: FundState) -> list[tuple[str, int]]:
    """Credit lines and what they lent, in the design's order."""
    return [
        (name, (layer.spec.commitment or 0) - layer.commitment)
        for name, layer in state.layers.items()
        if layer.spec.kind == "credit_line"
    ]


def _sinks(state: FundState, market: str | None) -> list[Sink]:
    """Where income may go: the market's bucket, then the shared fund."""
    open_market = market if market not in state.closed_markets else None
    buckets, shared = [], []
    for name, layer in state.layers.items():
        sink = Sink(name, layer.balance, target_units(layer.spec, state.measures))
        if layer.spec.kind == "shared_fund":
            shared.append(sink)
        if open_market in layer.insures and name not in state.retired:
            buckets.append(sink)
    return buckets + shared


def placed(state: FundState, routed: Routed) -> tuple[tuple[Repaid, ...], tuple[Credit, ...], tuple[PaidOut, ...]]:
    """A routing as event rows, with balances after."""
    repaid = tuple(
        Repaid(deficit, Units(part), Units(state.carried[deficit].amount - part)) for deficit, part in routed.repaid
    )
    credits = tuple(_credit(state, layer, part) for layer, part in routed.credits)
    returned = tuple(PaidOut("lender", "repaid", Units(part), layer) for layer, part in routed.lenders)
    split = state.design.accumulation.excess_split_ppm
    parts = split_units(routed.excess, [getattr(split, receiver) for receiver in EXCESS])
    excess = tuple(
        PaidOut(receiver, "excess", Units(part)) for receiver, part in zip(EXCESS, parts, strict=True) if part
    )
    return repaid, credits, returned + excess


def _credit(state: FundState, layer: str, amount: int) -> Credit:
    return Credit(layer, Units(amount), Units(state.layers[layer].balance + amount))


def _vault(state: FundState) -> str | None:
    """The layer of kind vault."""
    return next((name for name, layer in state.layers.items() if layer.spec.kind == "vault"), None)


def overfull(command: AnyCommand, credits: tuple[Credit, ...], field: str) -> Refused | None:
    for credit in credits:
        if problem := amount_problem(credit.balance_after):
            return refused(command, "invalid", field, f"{credit.layer} after it: {problem}")
    return None


def decide_close_market(state: FundState, command: CloseMarket) -> tuple[Event, ...] | Refused:
    """A market is closed; its bucket, once all of its markets are, is routed on and ends at zero."""
    if command.market not in {market.id for market in state.design.markets}:
        return refused(command, "invalid", "market", f"wanted a market of the design; found {command.market}")
    if command.market in state.closed_markets:
        return refused(command, "state", "market", f"{command.market} is closed already")
    bucket = next((layer for layer in state.layers.values() if command.market in layer.insures), None)
    if bucket is not None and not state.closed_markets.issuperset(set(bucket.insures) - {command.market}):
        bucket = None
    moved = bucket.balance if bucket else 0
    repaid, credits, paid_out = placed(state, route(moved, _carried(state), _sinks(state, None)))
    if wrong := overfull(command, credits, "market"):
        return wrong
    return (
        MarketClosed(
            close_market=command,
            layer=bucket.spec.id if bucket else None,
            moved=Units(moved),
            repaid=repaid,
            credits=credits,
            paid_out=paid_out,
        ),
    )


def decide_migrate(state: FundState, command: Migrate) -> tuple[Event, ...] | Refused:
    """A bucket's market is upgraded: the bucket ends, what it holds moves on."""
    for field, name in (("from_layer", command.from_layer), ("to_layer", command.to_layer)):
        if wrong := _layer_problem(state, command, field, name):
            return wrong
    bucket, other = state.layers[command.from_layer], state.layers[command.to_layer]
    if not bucket.insures:
        reason = f"wanted a market_bucket; found a {bucket.spec.kind}"
        return refused(command, "invalid", "from_layer", reason)
    if other.stakes is not None:
        reason = f"wanted a layer without stakers; found {command.to_layer}: it would be their gain"
        return refused(command, "invalid", "to_layer", reason)
    if bucket is other:
        return refused(command, "invalid", "to_layer", f"wanted another layer than {command.from_layer}")
    after = other.balance + bucket.balance
    if problem := amount_problem(after, zero=True):
        return refused(command, "invalid", "to_layer", f"{command.to_layer} after it: {problem}")
    return (LayerMigrated(migrate=command, moved=Units(bucket.balance), balance_after=Units(after)),)


def decide_release(state: FundState, command: Release, t_ms: int) -> tuple[Event, ...] | Refused:
    """The revenue pool flows on: at most so much, so often. Errors: StakingRefused."""
    pool = state.design.accumulation.revenue_pool
    if pool is None:
        return refused(command, "invalid", "kind", "the design has no revenue_pool")
    if state.released_ms is not None and t_ms - state.released_ms < pool.period_ms:
        reason = f"the next release is at {state.released_ms + pool.period_ms}; now {t_ms}"
        return refused(command, "state", "t", reason)
    seen = seen_with(state, open_tranches(state, t_ms, [pool.to]))
    source, to = seen.layers[pool.layer], seen.layers[pool.to]
    moved = release_units(source.balance, pool.share_ppm, to.balance, pool.yearly_cap_ppm, pool.period_ms)
    if moved == 0:
        return refused(command, "state", "kind", f"nothing to release: {pool.layer} holds {source.balance}")
    protocol = ppm_down(moved, pool.protocol_ppm)
    sink = Sink(pool.to, to.balance, target_units(to.spec, state.measures))
    routed = route(moved - protocol, _carried(state), [sink], _lenders(state))
    repaid, credits, paid_out = placed(state, routed)
    credits, rewards = _with_rewards(state, credits, t_ms)
    if wrong := overfull(command, credits, "kind"):
        return wrong
    split = (PaidOut("treasury", "split", Units(protocol)),) if protocol else ()
    return (
        PoolReleased(
            release=command,
            layer=pool.layer,
            moved=Units(moved),
            balance_after=Units(source.balance - moved),
            repaid=repaid,
            credits=credits,
            paid_out=split + paid_out,
            rewards=rewards,
        ),
    )


def decide_inventory(state: FundState, command: Inventory) -> tuple[Event, ...] | Refused:
    """What positions tie up of a layer's balance, or of what can be called from it."""
    if wrong := _layer_problem(state, command, "layer", command.layer, unfunded=True):
        return wrong
    for field in ("maintenance", "open_loss", "notional"):
        if problem := amount_problem(getattr(command, field), zero=True):
            return refused(command, "invalid", field, problem)
    return (InventoryMarked(inventory=command),)


def decide_inventory_loss(state: FundState, command: InventoryLoss, t_ms: int) -> tuple[Event, ...] | Refused:
    """What positions lost, out of the layer that held them; what it cannot pay is the venue's to post as a deficit."""
    if wrong := _layer_problem(state, command, "layer", command.layer, unfunded=True):
        return wrong
    if command.market not in {market.id for market in state.design.markets}:
        return refused(command, "invalid", "market", f"wanted a market of the design; found {command.market}")
    if problem := amount_problem(command.amount):
        return refused(command, "invalid", "amount", problem)
    opened = open_tranches(state, t_ms, [command.layer])
    layer = seen_with(state, opened).layers[command.layer]
    balance = layer.balance if layer.funded else layer.commitment
    if command.amount > balance:
        reason = f"wanted at most the balance {balance} of {command.layer}; found {command.amount}"
        return refused(command, "state", "amount", reason)
    called = NOTHING if layer.funded else command.amount
    after = Units(balance - command.amount)
    if not opened:
        return (InventoryLost(inventory_loss=command, balance_after=after, called=called),)
    one = opened[command.layer]
    slash = one.slash("", command.amount)
    return (InventoryLost(inventory_loss=command, balance_after=after, slash=slash, tranche=one.after()),)
