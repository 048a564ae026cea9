"""Facts: the types in which one account's story is told.

Layer    report; imports amounts. Filled by report.story, put into words by report.explain.
Not here finding them.
Held to  this by tests/report/test_explain.py; `seawall explain --json` prints them, so fields are only added.

Money in base units; prices as exact text in asset units; lots unsigned where a word says which way they went.
"""

from __future__ import annotations

from msgspec import Struct

from seawall.amounts import Units


class Held(Struct, frozen=True):
    """A position: signed lots, and the mark at that time ("" before the first)."""

    market: str
    lots: int
    mark: str


class Traded(Struct, frozen=True, omit_defaults=True):
    """What was closed of a position by trading in a round: crossed with other liquidations, taken by the order book.

    taken  by a layer, at the mark
    """

    market: str
    side: str
    crossed: int
    sold: int
    average_price: str
    bankruptcy_price: str
    amount: Units
    realised: Units
    surcharge: Units
    lots_after: int
    taken: int = 0


class ClosedLots(Struct, frozen=True):
    """Lots closed against winners at the bankruptcy price; `gap` is what these cost the winners against the mark."""

    market: str
    lots: int
    price: str
    gap: Units
    winners: int


class Round(Struct, frozen=True):
    """One round in which the account was liquidatable."""

    t_ms: int
    step: int
    round: int
    equity: Units
    maintenance: Units
    induced: bool
    held: tuple[Held, ...]
    traded: tuple[Traded, ...]
    deleveraged: tuple[ClosedLots, ...] = ()


class End(Struct, frozen=True, omit_defaults=True):
    """How a liquidation ended: what the flat account was worth, and where that went.

    healthy         it is not flat: it was liquidatable no more, and `equity` is at the mark
    residual_taken  of the residual: to the fund and the treasury; the rest stays with the trader
    """

    t_ms: int
    step: int
    round: int
    equity: Units
    fees_used: Units
    fees: Units
    residual: Units
    residual_taken: Units
    healthy: bool = False


class LayerDraw(Struct, frozen=True):
    """What one layer paid of the deficit, and what bound it ("" when nothing did)."""

    layer: str
    amount: Units
    balance_before: Units
    balance_after: Units
    bound_by: str


class Loss(Struct, frozen=True):
    """A loss in one market since the account was last flat."""

    market: str
    amount: Units


class Paid(Struct, frozen=True):
    """What traders in profit paid for the whole batch, in one way."""

    how: str
    amount: Units
    traders: int


class Deficit(Struct, frozen=True):
    """The account's deficit and everything that paid it: amount = draws + haircut + carried + pending.

    recovered   of what was carried: repaid by later income
    batch_paid  what traders paid for the batch of which this deficit is a part; `haircut` is this deficit's share
    """

    id: str
    batch: str
    t_ms: int
    amount: Units
    losses: tuple[Loss, ...]
    draws: tuple[LayerDraw, ...]
    severity: Units
    haircut: Units
    carried: Units
    pending: Units
    recovered: Units
    batch_severity: Units
    batch_paid: tuple[Paid, ...]


class Liquidation(Struct, frozen=True, tag="liquidation", tag_field="what"):
    """From the first trigger until the account is flat or healthy; `end` is None when the run ends before that."""

    rounds: tuple[Round, ...]
    end: End | None
    deficit: Deficit | None


class Against(Struct, frozen=True):
    """A liquidated account whose lots were closed in the same batch and market."""

    account: str
    lots: int
    price: str


class WasDeleveraged(Struct, frozen=True, tag="deleveraged", tag_field="what"):
    """Lots of the account closed against liquidated accounts'. Profit and equity are those before.

    taken, haircut  lost against the mark; kept of that, after any excess went back
    """

    t_ms: int
    step: int
    round: int
    batch: str
    market: str
    lots: int
    average_price: str
    mark: str
    profit: Units
    equity: Units
    taken: Units
    haircut: Units
    against: tuple[Against, ...]


class PaidMoney(Struct, frozen=True, tag="haircut", tag_field="what"):
    """Money taken from the account's profit. Profit and equity are those before; severity and base are the batch's.

    market  "" where the base is no market's, and cash was taken
    """

    t_ms: int
    step: int
    round: int
    batch: str
    how: str
    market: str
    amount: Units
    profit: Units
    equity: Units
    severity: Units
    base: Units


class Funding(Struct, frozen=True, tag="funding", tag_field="what"):
    """Funding of all intervals in one market, received > 0; `t_ms` of the first, `last_t_ms` of the last."""

    t_ms: int
    market: str
    times: int
    amount: Units
    last_t_ms: int


class Moved(Struct, frozen=True, tag="moved", tag_field="what"):
    """What else changed cash or a position; see report.movements.Movement. `lots` signed, bought > 0."""

    t_ms: int
    kind: str
    market: str
    lots: int
    amount: Units
    cash_after: Units
    batch: str
    id: str
    other: str


Chapter = Liquidation | WasDeleveraged | PaidMoney | Funding | Moved
