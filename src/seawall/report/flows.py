"""Flows: what each event moves into and out of each layer, by kind; what layers hold, beside it.

Layer    report; imports fund.{events,state}. Called by report.statement, `seawall ledger verify` and `reconcile`.
Not here rules: an event's rows are read as they stand. A flow is a second bookkeeping beside the state.
Held to  this by tests/report/test_flows.py: after any events the flows of a layer add up to its money.
"""

from __future__ import annotations

from collections.abc import Iterator

from seawall.fund.events import (
    ClaimsTaken,
    Corrected,
    Event,
    InflowRouted,
    InventoryLost,
    LayerMigrated,
    MarketClosed,
    Opened,
    PoolReleased,
    RecoveryPlaced,
    Redeemed,
    Rewarded,
    ShortfallsDrawn,
    Staked,
)
from seawall.fund.state import LayerState

KINDS = (
    "seed",
    "surcharge",
    "commission",
    "residual",
    "top_up",
    "yield",
    "recovery",
    "inventory",
    "rewards",
    "staked",
    "moved",
    "draws",
    "inventory_loss",
    "redeemed",
    "claims",
    "correction",
)
"""Kinds of flows, in the order of a statement; the sources of inflows under their own names. `seed`: what the design
begins with; `moved`: between layers, when a market closes or migrates or a revenue pool flows on; `claims`: recoveries
that stakers took."""


def layer_flows(event: Event) -> Iterator[tuple[str, str, int]]:
    """(layer, kind, base units: > 0 in, < 0 out) of every flow of an event; layers without money have none.

    A tranche's money is its assets, rewards on their way, and claims of its stakers: what moves between these is none.
    """
    match event:
        case Opened():
            yield from ((row.layer, "seed", row.balance) for row in event.layers)
        case InflowRouted():
            yield from ((row.layer, event.inflow.source, row.amount) for row in event.credits)
            yield from ((row.tranche.layer, event.inflow.source, row.amount) for row in event.rewards)
        case ShortfallsDrawn():
            yield from ((row.layer, "draws", -row.amount) for row in event.draws if row.amount and not row.called)
        case MarketClosed():
            if event.layer is not None:
                yield event.layer, "moved", -event.moved
            yield from ((row.layer, "moved", row.amount) for row in event.credits)
        case LayerMigrated():
            yield event.migrate.from_layer, "moved", -event.moved
            yield event.migrate.to_layer, "moved", event.moved
        case PoolReleased():
            yield event.layer, "moved", -event.moved
            yield from ((row.layer, "moved", row.amount) for row in event.credits)
            yield from ((row.tranche.layer, "moved", row.amount) for row in event.rewards)
        case InventoryLost() if not event.called:
            yield event.inventory_loss.layer, "inventory_loss", -event.inventory_loss.amount
        case Staked():
            yield event.tranche.layer, "staked", event.taken
        case Redeemed():
            yield event.tranche.layer, "redeemed", -event.paid
        case Rewarded():
            yield event.tranche.layer, "rewards", event.reward.amount
        case RecoveryPlaced():
            yield from ((row.layer, "recovery", row.amount) for row in event.credits)
            yield from ((row.layer, "recovery", row.amount) for row in event.parts if row.cohort)
        case ClaimsTaken():
            yield event.take_claims.layer, "claims", -event.paid
        case Corrected():
            yield from ((row.layer, "correction", row.amount) for row in event.layers)


def money_units(layer: LayerState) -> int:
    """All money that a layer holds: its balance, and what is held for its stakers beside it."""
    return layer.balance + (0 if layer.stakes is None else layer.stakes.held_units)
