"""Events: facts of the fund, with amounts and balances after. Replay needs nothing else.

Layer    fund; imports amounts and fund.messages. Written by fund.decide, read by fund.apply, report, verify.
Not here rules: `apply` calls none, so mending a rule never rewrites history (SPEC 10).
Held to  this by fund.codec and tests/golden/log_v1.jsonl. Fields are only ever added.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from seawall.amounts import Units
from seawall.fund.messages import CloseMarket, Inflow, Lapse, Settle, Shortfalls


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


class PaidOut(Struct, frozen=True):
    """Money that leaves the fund: the treasury's part of an inflow, or excess. Base units."""

    receiver: Literal["stakers", "treasury", "fee_rebate", "hedges"]
    why: Literal["split", "excess"]
    amount: Units


class DrawRow(Struct, frozen=True):
    """Money out of a layer for a deficit, and what bound it ("" when nothing did). Base units."""

    deficit: str
    layer: str
    amount: Units
    balance_before: Units
    balance_after: Units
    bound_by: str


class SeverityRow(Struct, frozen=True):
    """What no layer covered of a deficit. Base units, > 0."""

    deficit: str
    amount: Units


class SettledRow(Struct, frozen=True):
    """How a deficit's severity ended: haircuts, and what is carried. Base units."""

    deficit: str
    haircut: Units
    carried: Units


class Opened(Struct, frozen=True):
    """The fund begins: the design file verbatim, and what is in each layer."""

    design_text: str
    asset: str
    layers: tuple[LayerBalance, ...]


class InflowRouted(Struct, frozen=True):
    """An inflow found its place: parts of it add up to its amount."""

    inflow: Inflow
    repaid: tuple[Repaid, ...]
    credits: tuple[Credit, ...]
    paid_out: tuple[PaidOut, ...]


class ShortfallsDrawn(Struct, frozen=True):
    """A batch of deficits was drawn; severity, if any, is pending until `deadline_ms`."""

    shortfalls: Shortfalls
    draws: tuple[DrawRow, ...]
    severity: tuple[SeverityRow, ...]
    policy: str
    fallback: str
    price_rule: str
    deadline_ms: int


class Settled(Struct, frozen=True):
    """A pending batch ended: who paid, and what is carried."""

    settle: Settle
    rows: tuple[SettledRow, ...]


class SeverityCarried(Struct, frozen=True):
    """A pending batch became carried bad debt, by the design's policy or because its deadline passed."""

    batch: str
    why: Literal["policy", "deadline"]
    rows: tuple[SettledRow, ...]
    lapse: Lapse | None = None


class MarketClosed(Struct, frozen=True):
    """A closed market's bucket was routed on. `moved` is what it held; its balance after is 0."""

    close_market: CloseMarket
    layer: str | None
    moved: Units
    repaid: tuple[Repaid, ...]
    credits: tuple[Credit, ...]
    paid_out: tuple[PaidOut, ...]


Event = Opened | InflowRouted | ShortfallsDrawn | Settled | SeverityCarried | MarketClosed

KINDS: dict[str, type[Event]] = {
    "opened": Opened,
    "inflow_routed": InflowRouted,
    "shortfalls_drawn": ShortfallsDrawn,
    "settled": Settled,
    "severity_carried": SeverityCarried,
    "market_closed": MarketClosed,
}
"""The kind that an envelope names, and the type of its data."""
