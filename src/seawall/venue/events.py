"""Events: facts of the venue, each balanced in itself: positions sum to zero and money is conserved after every one.

Layer    venue; imports amounts. Written by venue.machine, read by venue.apply, and as plain JSON by report.
Not here rules; a replay applies these and calls none. The fund's own facts are in its own log.
Held to  this by the shared envelope of fund.codec. Fields are only ever added. Money in base units, lots signed where
         they are a position or a trade, prices in ticks.
"""

from __future__ import annotations

from msgspec import Struct

from seawall.amounts import Units


class LadderRow(Struct, frozen=True):
    """One side of a market's book: (ticks away, lots) by level."""

    market: str
    side: str
    levels: tuple[tuple[int, int], ...]


class OutsideRow(Struct, frozen=True):
    """The outside book in one market: its lots, and its part of open interest in ppm."""

    market: str
    lots: int
    share_ppm: int


class VenueOpened(Struct, frozen=True):
    """The venue begins: which book and path, by name and digest, and what the run assumes."""

    book_digest: str
    path_name: str
    path_digest: str
    intrabar: str
    seed: int
    pass_through_ppm: int
    recovery_ppm: int
    accounts: int
    equity: Units
    outside: tuple[OutsideRow, ...]
    ladders: tuple[LadderRow, ...]


class MarkRow(Struct, frozen=True):
    """A market's mark: the step's price, the mark after own displacement, when seen, why it is stale ("" if not)."""

    market: str
    anchor_ticks: int
    ticks: int
    observed_ms: int
    stale: str


class UsedRow(Struct, frozen=True):
    """Used lots of each level of one side of a market's book."""

    market: str
    side: str
    used: tuple[int, ...]


class Marked(Struct, frozen=True):
    """New marks: at the start of a step (round 0, with the depth that came back) or after own displacement."""

    step: int
    round: int
    marks: tuple[MarkRow, ...]
    depth: tuple[UsedRow, ...]


class Triggered(Struct, frozen=True):
    """Why an account is liquidated. `induced`: deleveraging earlier in the step touched it."""

    account: str
    owner: str
    equity: Units
    maintenance: Units
    induced: bool
    first: bool


class FillRow(Struct, frozen=True):
    """What one account traded in one market in a round.

    cross_lots, book_lots  signed, bought > 0
    amount      signed like the lots: what they are worth
    surcharge   moved from cash to pending fees
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


class BookRow(Struct, frozen=True):
    """What one side of a market's book took in a round; the outside book is the counterparty."""

    market: str
    side: str
    lots: int
    amount: Units
    worst_ticks: int
    away_ticks: int
    used: tuple[int, ...]
    outside_lots_after: int
    outside_cash_after: Units


class CashRow(Struct, frozen=True):
    """An account's cash after an event."""

    account: str
    cash: Units


class ReservedRow(Struct, frozen=True):
    """What fills below the bankruptcy price have cost an account whose liquidation goes on; 0 ends the entry."""

    account: str
    amount: Units


class RoundFilled(Struct, frozen=True):
    """One round of liquidations, crossed and sold. `reserved`: what layers will be asked for by accounts that wait."""

    step: int
    round: int
    triggered: tuple[Triggered, ...]
    fills: tuple[FillRow, ...]
    book: tuple[BookRow, ...]
    cash: tuple[CashRow, ...]
    reserved: tuple[ReservedRow, ...]


class FeeRow(Struct, frozen=True):
    """Pending surcharge of one market, routed to the fund."""

    market: str
    amount: Units


class ClosedRow(Struct, frozen=True):
    """How one liquidation ended. `equity` is what the account is worth flat, before fees go back.

    healthy     it ended because the account is liquidatable no more: it keeps its positions, `equity` is at the mark
    fees_used   pending surcharges that went back to the account's own deficit
    fees        pending surcharges that are routed to the fund, by market
    residual    equity left; `residual_taken` of it goes to the fund and treasury by the design's split
    deficit     owed after all that; `deficit_id` names it in the fund's log
    losses      by market since the account was last flat: whose bucket pays
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


class AccountsClosed(Struct, frozen=True):
    """The liquidations that ended in a round."""

    step: int
    round: int
    rows: tuple[ClosedRow, ...]


class CoverRow(Struct, frozen=True):
    """A deficit that the fund took over: drawn from layers, or booked as severity."""

    account: str
    deficit_id: str
    drawn: Units
    severity: Units
    cash_after: Units


class DeficitsCovered(Struct, frozen=True):
    """A batch of deficits left the accounts."""

    step: int
    round: int
    batch: str
    rows: tuple[CoverRow, ...]


class ClosingRow(Struct, frozen=True):
    """Lots of a liquidated account closed against winners at its bankruptcy price.

    lots  unsigned; in every market both sides fall lot for lot
    gap   what these lots cost their winners against the mark
    """

    account: str
    market: str
    lots: int
    price_ticks: int
    gap: Units


class PositionRow(Struct, frozen=True):
    """A position after an event; `realised` is what the event realised on it."""

    account: str
    market: str
    lots: int
    cost: Units
    realised: Units


class HaircutRow(Struct, frozen=True):
    """What a winner was closed, and what it paid in the end, after excess went back; profit and equity are before.

    amount  what its closed lots are worth at the closing prices, > 0
    taken   what it lost by them against the mark, before any excess went back
    """

    account: str
    owner: str
    market: str
    lots: int
    amount: Units
    profit: Units
    equity: Units
    taken: Units
    haircut: Units


class Deleveraged(Struct, frozen=True):
    """Positions closed against bankrupt accounts' at their bankruptcy prices, and what that took."""

    step: int
    round: int
    batch: str
    severity: Units
    closings: tuple[ClosingRow, ...]
    haircuts: tuple[HaircutRow, ...]
    positions: tuple[PositionRow, ...]
    cash: tuple[CashRow, ...]


class MoneyRow(Struct, frozen=True):
    """Profit taken in money: the position's cost rises by `amount`, so profit and equity fall by it.

    profit, equity  before: of this market, of the account
    """

    account: str
    owner: str
    market: str
    profit: Units
    equity: Units
    amount: Units
    cost_after: Units


class HaircutTaken(Struct, frozen=True):
    """Money taken from profit. `how`: `adl_money` or `socialised_loss`."""

    step: int
    round: int
    batch: str
    how: str
    severity: Units
    base: Units
    rows: tuple[MoneyRow, ...]


VenueEvent = VenueOpened | Marked | RoundFilled | AccountsClosed | DeficitsCovered | Deleveraged | HaircutTaken

KINDS: dict[str, type[VenueEvent]] = {
    "venue_opened": VenueOpened,
    "marked": Marked,
    "round_filled": RoundFilled,
    "accounts_closed": AccountsClosed,
    "deficits_covered": DeficitsCovered,
    "deleveraged": Deleveraged,
    "haircut_taken": HaircutTaken,
}
