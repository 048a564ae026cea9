"""State: what the fund knows. Owned by one writer; only fund.apply changes it.

Layer    fund; imports design, amounts, fund.messages. Read by fund.decide and fund.invariants.
Not here any rule. Totals beside balances are a second bookkeeping that the invariants hold the first to.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from seawall.design.types import Design, Layer
from seawall.fund.messages import AnyCommand


@dataclass(slots=True)
class LayerState:
    """One layer. Base units.

    recent  (time ms, base units) of draws that the rolling window may still count
    """

    spec: Layer
    balance: int
    recent: deque[tuple[int, int]] = field(default_factory=deque)
    drawn: int = 0
    credited: int = 0


@dataclass(slots=True)
class Carried:
    """Bad debt that nobody covered; bears no interest. Base units."""

    amount: int
    since_ms: int
    account: str


@dataclass(slots=True)
class Pending:
    """Severity of a batch that waits for `Settle`."""

    deadline_ms: int
    severity: dict[str, int]
    accounts: dict[str, str]


@dataclass(slots=True)
class Totals:
    """Sums since the start, base units; every flow has one kind."""

    money_in: int = 0
    """Opening balances and inflows, whole."""
    paid_out: int = 0
    """To treasury, stakers, fee rebate, hedges."""
    deficits: int = 0
    drawn: int = 0
    haircuts: int = 0
    recovered: int = 0
    """Carried debt repaid by later inflow."""


@dataclass(slots=True)
class FundState:
    """Everything the fund's future depends on.

    layers     by id, in the design's order
    receivers  what has been paid out, by receiver
    carried    by deficit id, oldest first
    pending    by batch id
    answered   every command by id, with the sequence number of the first event that answered it
    deficits   every deficit id ever drawn, with its batch
    """

    design: Design
    design_digest: str
    layers: dict[str, LayerState] = field(default_factory=dict)
    receivers: dict[str, int] = field(default_factory=dict)
    carried: dict[str, Carried] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    answered: dict[str, tuple[AnyCommand, int]] = field(default_factory=dict)
    deficits: dict[str, str] = field(default_factory=dict)
    closed_markets: set[str] = field(default_factory=set)
    totals: Totals = field(default_factory=Totals)
    last_t_ms: int = 0
    last_seq: int = 0

    @property
    def layers_units(self) -> int:
        """Sum of all layers."""
        return sum(layer.balance for layer in self.layers.values())

    @property
    def carried_units(self) -> int:
        """Carried bad debt outstanding."""
        return sum(debt.amount for debt in self.carried.values())

    @property
    def pending_units(self) -> int:
        """Severity booked and not yet settled."""
        return sum(sum(batch.severity.values()) for batch in self.pending.values())
