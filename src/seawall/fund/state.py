"""State: what the fund knows. Owned by one writer; only fund.apply changes it.

Layer    fund; imports design, amounts, fund.messages, and of rules records only. Read by fund.decide, fund.invariants.
Not here any rule. Totals beside balances are a second bookkeeping that the invariants hold the first to.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from seawall.design.types import UNFUNDED, Design, Layer
from seawall.fund.messages import AnyCommand
from seawall.rules.cohort import Cohort, Staker
from seawall.rules.staking import Request
from seawall.rules.tranche import Tranche


@dataclass(slots=True)
class Usage:
    """What was drawn under a limit that each account, owner or market has for itself. Base units.

    length_ms  the limit's time: 0 at one time, None since the start
    recent     (time ms, key, base units) of draws that it may still count, where it has a time
    ever       by key, where it has none
    """

    length_ms: int | None
    recent: deque[tuple[int, str, int]] = field(default_factory=deque)
    ever: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Inventory:
    """Positions that a layer holds, as last posted. Base units."""

    maintenance: int = 0
    open_loss: int = 0
    notional: int = 0


@dataclass(slots=True)
class Stakes:
    """What a tranche with stakers keeps beside the layer's balance, which is its assets.

    stakers   by id; a row whose series is not the tranche's holds no shares any more
    requests  (staker, request) by the request's id, oldest first
    cohorts   every slash by its number
    received  (number of the slash, staker) -> base units that it got back of it
    live_shares, locked_shares, asked_shares, claims_units  sums of the rows: all shares, those locked, those in
              requests, and recoveries not taken yet, counted as rows change
    """

    tranche: Tranche = field(default_factory=Tranche)
    stakers: dict[str, Staker] = field(default_factory=dict)
    requests: dict[str, tuple[str, Request]] = field(default_factory=dict)
    cohorts: dict[int, Cohort] = field(default_factory=dict)
    received: dict[tuple[int, str], int] = field(default_factory=dict)
    live_shares: int = 0
    locked_shares: int = 0
    asked_shares: int = 0
    claims_units: int = 0

    @property
    def held_units(self) -> int:
        """Held for stakers beside the assets: rewards not earned yet, and recoveries not taken yet."""
        return self.tranche.stream.unearned_units + self.claims_units


@dataclass(slots=True)
class LayerState:
    """One layer. Base units.

    balance      money in it; 0 of a layer without money
    recent       (time ms, base units) of draws that the rolling window may still count
    drawn, credited, moved_out  since the start; `moved_out` went to other layers, out of the fund, or was lost by
                 positions held
    commitment   of a layer without money: what can still be called
    returned     of a credit line: what was paid back
    offset_left  the part of its offset that no deficit has reached
    drawn_at, credited_at  (time ms, base units) of all draws, all credits at the last time there were any
    left_ms      (time ms at which it was left, balance) of earlier balances that a drawdown may still count
    results, results_left_ms  the same by market, for a drawdown by market: what came in and went out for it
    accounts, owners, markets  what is used of such limits, where the layer has them
    shut         what a drawdown keeps from being drawn: markets, or "" for the layer
    below_since_ms  since when it is below its target, where the design says when it is overdue
    stakes       of a tranche that states how stakers come and go; None: a balance and nothing else
    """

    spec: Layer
    balance: int
    recent: deque[tuple[int, int]] = field(default_factory=deque)
    drawn: int = 0
    credited: int = 0
    moved_out: int = 0
    commitment: int = 0
    returned: int = 0
    offset_left: int = 0
    drawn_at: tuple[int, int] = (0, 0)
    credited_at: tuple[int, int] = (0, 0)
    left_ms: deque[tuple[int, int]] = field(default_factory=deque)
    results: dict[str, int] = field(default_factory=dict)
    results_left_ms: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)
    accounts: Usage | None = None
    owners: Usage | None = None
    markets: Usage | None = None
    inventory: Inventory = field(default_factory=Inventory)
    shut: set[str] = field(default_factory=set)
    below_since_ms: int | None = None
    stakes: Stakes | None = None

    @property
    def funded(self) -> bool:
        """Whether it holds money of its own."""
        return self.spec.kind not in UNFUNDED

    @property
    def insures(self) -> tuple[str, ...]:
        """The markets of a bucket; none for any other layer."""
        if self.spec.kind != "market_bucket":
            return ()
        return self.spec.markets if self.spec.market is None else (self.spec.market, *self.spec.markets)


def open_layer(spec: Layer, balance: int) -> LayerState:
    """A layer at the start."""
    layer = LayerState(spec, balance, commitment=spec.commitment or 0, offset_left=spec.offset)
    if spec.account_limit is not None:
        layer.accounts = Usage(spec.account_limit_ms)
    if spec.owner_limit is not None:
        layer.owners = Usage(spec.owner_limit_ms)
    if spec.market_limit is not None:
        layer.markets = Usage(spec.market_limit_ms)
    if spec.kind == "tranche" and spec.stake is not None:
        layer.stakes = Stakes()
    return layer


@dataclass(slots=True)
class Carried:
    """Bad debt that nobody covered; bears no interest. Base units."""

    amount: int
    since_ms: int
    account: str


@dataclass(slots=True)
class PaidBy:
    """What a layer paid for a deficit, and what it got back of it. Base units.

    cohort  of a tranche with stakers: the number of the slash; 0: another layer
    """

    layer: str
    amount: int
    cohort: int = 0
    returned: int = 0


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
    """To treasury, stakers, fee rebate, hedges, buyback, liquidators, lenders."""
    deficits: int = 0
    drawn: int = 0
    haircuts: int = 0
    recovered: int = 0
    """Carried debt repaid by later inflow."""
    called: int = 0
    """Money called by layers without money, for the draw that it went into; not in `money_in`."""
    inventory_lost: int = 0
    """What positions held by layers lost when they were closed."""
    redeemed: int = 0
    """To stakers: for their shares, and as recoveries; not in `paid_out`."""
    corrected: int = 0
    """What corrections added to layers' money, less what they took; not in `money_in` nor `paid_out`."""
    debt_corrected: int = 0
    """What corrections added to carried debt, less what they took; not in `deficits` nor `recovered`."""


@dataclass(slots=True)
class FundState:
    """Everything the fund's future depends on.

    layers     by id, in the design's order
    receivers  what has been paid out, by receiver
    carried    by deficit id, oldest first
    pending    by batch id
    answered   every command by id, with the sequence number of the first event that answered it
    deficits   every deficit id ever drawn, with its batch
    retired    buckets that migrated: they pay and take no more
    covered    by market: what layers other than its bucket ever paid for it, where a limit of the design counts it
    measures   by name, as last posted
    released_ms  when the revenue pool last flowed on
    paid_by    by deficit id, of those that a tranche with stakers paid a part of: who paid, first drawn first
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
    retired: set[str] = field(default_factory=set)
    covered: dict[str, int] = field(default_factory=dict)
    measures: dict[str, int] = field(default_factory=dict)
    released_ms: int | None = None
    paid_by: dict[str, list[PaidBy]] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    last_t_ms: int = 0
    last_seq: int = 0

    @property
    def layers_units(self) -> int:
        """Money in all layers; what could be called is not money."""
        return sum(layer.balance for layer in self.layers.values())

    @property
    def held_units(self) -> int:
        """Held for stakers beside the layers' money."""
        return sum(layer.stakes.held_units for layer in self.layers.values() if layer.stakes is not None)

    @property
    def carried_units(self) -> int:
        """Carried bad debt outstanding."""
        return sum(debt.amount for debt in self.carried.values())

    @property
    def pending_units(self) -> int:
        """Severity booked and not yet settled."""
        return sum(sum(batch.severity.values()) for batch in self.pending.values())
