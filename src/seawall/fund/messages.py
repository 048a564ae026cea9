"""Messages: what a venue asks of the fund, and what the fund answers. The narrow door of SPEC 3.

Layer    fund; imports amounts. Commands are what HTTP, scenarios and the stress run submit.
Not here the facts that follow from a command (fund.events).
Held to  this by fund.decide and by the JSON forms in docs/reference/contracts.md.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from seawall.amounts import Units

InflowSource = Literal["surcharge", "commission", "residual", "top_up", "yield", "recovery"]


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

    how     `adl`: lots closed at the bankruptcy price; `adl_money`: money, where no position was left to close against;
            `socialised_loss`: money from positive profit
    lots    closed lots (0 for money)
    amount  base units, >= 0, after any excess went back
    """

    account: str
    owner: str
    market: str
    how: Literal["adl", "adl_money", "socialised_loss"]
    lots: int
    amount: Units


class Command(Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """Something to decide. `id` is the idempotency key and never expires."""

    id: str


class Inflow(Command, frozen=True, kw_only=True, tag="inflow"):
    """Money that arrived.

    source  what it is; decides the split between fund and treasury
    amount  base units actually taken, > 0 (for a commission: the whole fee)
    market  whose bucket it fills first; None: the shared fund
    layer   the one layer that a top-up is meant for
    """

    source: InflowSource
    asset: str
    amount: Units
    market: str | None = None
    layer: str | None = None


class Shortfalls(Command, frozen=True, kw_only=True, tag="shortfalls"):
    """The deficits of one round: one batch, drawn together."""

    deficits: tuple[Shortfall, ...]


class Settle(Command, frozen=True, kw_only=True, tag="settle"):
    """What actually filled of a batch's severity; the rest becomes carried bad debt."""

    batch: str
    haircuts: tuple[Haircut, ...] = ()


class Lapse(Command, frozen=True, kw_only=True, tag="lapse"):
    """The deadline of a pending batch has passed: what is pending becomes carried."""

    batch: str


class CloseMarket(Command, frozen=True, kw_only=True, tag="close_market"):
    """A market is closed for good: its bucket is routed on and ends at zero."""

    market: str


AnyCommand = Inflow | Shortfalls | Settle | Lapse | CloseMarket


class Refused(Struct, frozen=True, kw_only=True):
    """Nothing happened, and the id is not used up.

    code    `conflict`: the id was used with other content; `invalid`: the command makes no sense; `state`: not now
    field   the field that is wrong
    reason  wanted and found, for people
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
    price_rule  the price at which positions are closed
    """

    batch: str
    severity: tuple[tuple[str, Units], ...]
    policy: str
    fallback: str
    price_rule: str
    deadline_ms: int
