"""Rounds: one round's liquidations: what traded, how they ended, who covered deficits, what was recovered.

Layer    venue_events; imports amounts, fund.events (the zero that is left out of the bytes).
Not here what winners pay (venue_events.haircuts), a layer's own positions (venue_events.layers).
Held to  this by venue.invariants. Money in base units, lots signed where they are a position or a trade.
"""

from __future__ import annotations

from msgspec import Struct

from seawall.amounts import Units
from seawall.fund.events import NOTHING
from seawall.venue_events.rows import BookRow, CashRow, FeeRow, InventoryRow


class Triggered(Struct, frozen=True):
    """Why an account is liquidated. `induced`: deleveraging earlier in the step touched it."""

    account: str
    owner: str
    equity: Units
    maintenance: Units
    induced: bool
    first: bool


class FillRow(Struct, frozen=True, omit_defaults=True):
    """What one account traded in one market in a round.

    cross_lots, book_lots  signed, bought > 0
    amount      what they cost (negative: what they fetched); of a linear contract signed like the lots
    surcharge   moved from cash to pending fees
    taken_lots  signed, bought > 0: with a layer, at the mark
    notional    of all these lots at the mark, where the design limits what a step or a window liquidates
    """

    account: str
    market: str
    bankruptcy_ticks: int
    cross_lots: int
    book_lots: int
    amount: Units
    realised: Units
    surcharge: Units
    lots_after: int
    cost_after: Units
    taken_lots: int = 0
    notional: Units = NOTHING

    @property
    def lots(self) -> int:
        """All lots, signed."""
        return self.cross_lots + self.book_lots + self.taken_lots


class ReservedRow(Struct, frozen=True):
    """What fills below the bankruptcy price have cost an account whose liquidation goes on; 0 ends the entry."""

    account: str
    amount: Units


class RoundFilled(Struct, frozen=True, omit_defaults=True):
    """One round of liquidations, crossed and sold. `reserved`: what layers will be asked for by accounts that wait.

    rounding   what crosses rounded against both sides: the venue's
    begun      accounts whose liquidation begins, where the design asks for its time
    sliced     accounts that traded a slice, where it liquidates by steps
    window_ms  notional liquidated longer ago counts no more; 0: nothing is limited within a window
    inventory  lots that layers took over
    """

    step: int
    round: int
    triggered: tuple[Triggered, ...]
    fills: tuple[FillRow, ...]
    book: tuple[BookRow, ...]
    cash: tuple[CashRow, ...]
    reserved: tuple[ReservedRow, ...]
    rounding: Units = NOTHING
    begun: tuple[str, ...] = ()
    sliced: tuple[str, ...] = ()
    window_ms: int = 0
    inventory: tuple[InventoryRow, ...] = ()


class ClosedRow(Struct, frozen=True, omit_defaults=True):
    """How one liquidation ended. `equity` is what the account is worth flat, before fees go back.

    healthy     it ended because the account is liquidatable no more: it keeps its positions, `equity` is at the mark
    fees_used   pending surcharges that went back to the account's own deficit
    fees        pending surcharges that are routed to the fund, by market
    residual    equity left; `residual_taken` of it goes to the fund and treasury by the design's split
    deficit     owed after all that; `deficit_id` names it in the fund's log
    losses      by market since the account was last flat: whose bucket pays
    premium     on top of the deficit, for whoever assumes it
    fee_deficit the part of the deficit that surcharges made which were final
    """

    account: str
    owner: str
    healthy: bool
    equity: Units
    fees_used: Units
    fees: tuple[FeeRow, ...]
    residual: Units
    residual_taken: Units
    deficit: Units
    deficit_id: str
    losses: tuple[FeeRow, ...]
    cash_after: Units
    premium: Units = NOTHING
    fee_deficit: Units = NOTHING


class FinalRow(Struct, frozen=True):
    """Surcharges of an account that are the fund's at once, by market: they do not go back to a deficit."""

    account: str
    fees: tuple[FeeRow, ...]


class AccountsClosed(Struct, frozen=True, omit_defaults=True):
    """The liquidations that ended in a round, and surcharges that are final."""

    step: int
    round: int
    rows: tuple[ClosedRow, ...]
    final: tuple[FinalRow, ...] = ()


class CoverRow(Struct, frozen=True, omit_defaults=True):
    """A deficit that the fund took over: drawn from layers, or booked as severity.

    premium  in `drawn` and `severity`, on top of the deficit: paid to the outside book, which assumes the debt
    layer    it is a layer's, for what it held: `account` names the layer, and `cash_after` says nothing
    """

    account: str
    deficit_id: str
    drawn: Units
    severity: Units
    cash_after: Units
    premium: Units = NOTHING
    layer: bool = False


class DeficitsCovered(Struct, frozen=True):
    """A batch of deficits left the accounts."""

    step: int
    round: int
    batch: str
    rows: tuple[CoverRow, ...]


class RecourseRow(Struct, frozen=True):
    """What one account paid for a deficit of its owner's; room is its equity above its initial margin, before."""

    account: str
    owner: str
    payer: str
    room: Units
    amount: Units
    account_cash_after: Units
    payer_cash_after: Units


class RecourseTaken(Struct, frozen=True):
    """Deficits paid by other accounts of the same owners, before any layer is asked."""

    step: int
    round: int
    rows: tuple[RecourseRow, ...]


class RecoveredRow(Struct, frozen=True):
    """What a later sale of dust paid towards a recognised deficit, and what of it is still owed."""

    account: str
    amount: Units
    owed_after: Units
    cash_after: Units


class Recovered(Struct, frozen=True):
    """Recoveries, which are the fund's."""

    step: int
    round: int
    rows: tuple[RecoveredRow, ...]
