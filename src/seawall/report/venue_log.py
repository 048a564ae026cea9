"""Venue log: the shapes of the venue's events as a reader of JSON sees them.

Layer    report; imports amounts and fund.codec. Its own types on purpose: a report reads any writer's log (DESIGN).
Not here the venue's rules and state; fields that no report needs are left out and passed over.
Held to  this by tests/report/test_tables.py, which reads logs that the venue wrote.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from seawall.amounts import Units
from seawall.fund.codec import Codec, Recorded


class Outside(Struct, frozen=True):
    """The outside book in one market: signed lots, and its part of open interest."""

    market: str
    lots: int
    share_ppm: int


class Ladder(Struct, frozen=True):
    """One side of a market's book: (ticks away, lots) by level."""

    market: str
    side: str
    levels: tuple[tuple[int, int], ...]


class VenueOpened(Struct, frozen=True):
    """The venue begins: book, path, and what the run assumes."""

    book_digest: str
    path_name: str
    path_digest: str
    intrabar: str
    seed: int
    pass_through_ppm: int
    recovery_ppm: int
    accounts: int
    equity: Units
    outside: tuple[Outside, ...]
    ladders: tuple[Ladder, ...]


class Mark(Struct, frozen=True):
    """A market's mark; `stale` says why it may not be used ("": it may)."""

    market: str
    anchor_ticks: int
    ticks: int
    observed_ms: int
    stale: str


class Marked(Struct, frozen=True):
    """New marks: of a step (round 0), or after the venue's own displacement."""

    step: int
    round: int
    marks: tuple[Mark, ...]


class Trigger(Struct, frozen=True):
    """Why an account is liquidated. Base units."""

    account: str
    owner: str
    equity: Units
    maintenance: Units
    induced: bool


class Fill(Struct, frozen=True):
    """What one account traded in one market in a round; lots signed, bought > 0; amount is what they cost.

    taken_lots  with a layer that took them over, at the mark
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
    taken_lots: int = 0

    @property
    def lots(self) -> int:
        """All lots, signed."""
        return self.cross_lots + self.book_lots + self.taken_lots


class Book(Struct, frozen=True):
    """What one side of a market's book took in a round."""

    market: str
    side: str
    lots: int
    worst_ticks: int


class RoundFilled(Struct, frozen=True):
    """One round of liquidations, crossed and sold."""

    step: int
    round: int
    triggered: tuple[Trigger, ...]
    fills: tuple[Fill, ...]
    book: tuple[Book, ...]


class MarketMoney(Struct, frozen=True):
    """Money of one market: a fee, or a loss. Base units."""

    market: str
    amount: Units


class Closing(Struct, frozen=True):
    """How one liquidation ended; see the venue's ClosedRow."""

    account: str
    owner: str
    equity: Units
    fees_used: Units
    fees: tuple[MarketMoney, ...]
    residual: Units
    residual_taken: Units
    deficit: Units
    deficit_id: str
    losses: tuple[MarketMoney, ...]


class AccountsClosed(Struct, frozen=True):
    """The liquidations that ended in a round."""

    step: int
    round: int
    rows: tuple[Closing, ...]


class DeficitsCovered(Struct, frozen=True):
    """A batch of deficits left the accounts; what it came to is in the fund's log."""

    step: int
    round: int
    batch: str


class ClosedAgainst(Struct, frozen=True):
    """Lots of a liquidated account closed against winners at its bankruptcy price; `gap`: their cost at the mark."""

    account: str
    market: str
    lots: int
    price_ticks: int
    gap: Units


class Winner(Struct, frozen=True):
    """What a winner was closed in one market and paid in the end; profit and equity are those before. Base units.

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
    """Positions closed against bankrupt accounts' at their bankruptcy prices."""

    step: int
    round: int
    batch: str
    severity: Units
    closings: tuple[ClosedAgainst, ...]
    haircuts: tuple[Winner, ...]


class Money(Struct, frozen=True):
    """Profit taken in money; profit of the market and equity of the account are those before. Base units."""

    account: str
    owner: str
    market: str
    profit: Units
    equity: Units
    amount: Units


class HaircutTaken(Struct, frozen=True):
    """Money taken from profit. `how`: `adl_money` or `socialised_loss`."""

    step: int
    round: int
    batch: str
    how: str
    severity: Units
    base: Units
    rows: tuple[Money, ...]


class Passed(Struct, frozen=True):
    """An event of which no report shows more than the money that reached the fund's log: passed over."""


VenueEvent = VenueOpened | Marked | RoundFilled | AccountsClosed | DeficitsCovered | Deleveraged | HaircutTaken | Passed

KINDS: dict[str, type[VenueEvent]] = {
    "venue_opened": VenueOpened,
    "marked": Marked,
    "round_filled": RoundFilled,
    "accounts_closed": AccountsClosed,
    "deficits_covered": DeficitsCovered,
    "deleveraged": Deleveraged,
    "haircut_taken": HaircutTaken,
    "gains_taken": Passed,
    "positions_torn_up": Passed,
    "market_settled": Passed,
    "funding_paid": Passed,
    "period_began": Passed,
    "losses_seen": Passed,
    "withdrawn": Passed,
    "deposited": Passed,
    "recourse_taken": Passed,
    "inventory_moved": Passed,
    "inventory_settled": Passed,
    "closed_against_layer": Passed,
    "recovered": Passed,
}

VENUE_LOG: Final[Codec[VenueEvent]] = Codec(KINDS)
"""Reads a venue's log and checks its chain. For reading only: left-out fields would be lost on the way back."""

RecordedVenue = Recorded[VenueEvent]
