"""Venue events: the words of a venue's log, each balanced in itself: positions sum to zero, money is conserved.

Layer    venue_events, between fund and `venue | report`: the venue writes them, reports read them, and neither knows
         the other. Imports amounts, fund.{codec,events}.
Not here rules and state; a replay applies these and calls none. The fund's own facts are in its own log.
Held to  this by the shared envelope of fund.codec. Fields are only ever added. Money in base units, lots signed where
         they are a position or a trade, prices in ticks.
"""

from seawall.venue_events.haircuts import (
    ClosingRow,
    Deleveraged,
    GainsTaken,
    HaircutRow,
    HaircutTaken,
    MoneyRow,
    PositionsTornUp,
    TornRow,
)
from seawall.venue_events.kinds import KINDS, VENUE_CODEC, RecordedVenue, VenueEvent
from seawall.venue_events.layers import (
    ClosedAgainstLayer,
    ClosedAgainstRow,
    InventoryMoved,
    InventorySettled,
    InventorySettledRow,
)
from seawall.venue_events.marks import LadderRow, Marked, MarkRow, OutsideRow, PeriodBegan, UsedRow, VenueOpened
from seawall.venue_events.money import (
    Deposited,
    FundingPaid,
    FundingRow,
    LossesSeen,
    MarketSettled,
    RateRow,
    WithdrawalRow,
    Withdrawn,
)
from seawall.venue_events.rounds import (
    AccountsClosed,
    ClosedRow,
    CoverRow,
    DeficitsCovered,
    FillRow,
    FinalRow,
    RecourseRow,
    RecourseTaken,
    Recovered,
    RecoveredRow,
    ReservedRow,
    RoundFilled,
    Triggered,
)
from seawall.venue_events.rows import BookRow, CashRow, EndedMarket, EndedRow, FeeRow, InventoryRow, PositionRow

__all__ = [
    "KINDS",
    "VENUE_CODEC",
    "AccountsClosed",
    "BookRow",
    "CashRow",
    "ClosedAgainstLayer",
    "ClosedAgainstRow",
    "ClosedRow",
    "ClosingRow",
    "CoverRow",
    "DeficitsCovered",
    "Deleveraged",
    "Deposited",
    "EndedMarket",
    "EndedRow",
    "FeeRow",
    "FillRow",
    "FinalRow",
    "FundingPaid",
    "FundingRow",
    "GainsTaken",
    "HaircutRow",
    "HaircutTaken",
    "InventoryMoved",
    "InventoryRow",
    "InventorySettled",
    "InventorySettledRow",
    "LadderRow",
    "LossesSeen",
    "MarkRow",
    "Marked",
    "MarketSettled",
    "MoneyRow",
    "OutsideRow",
    "PeriodBegan",
    "PositionRow",
    "PositionsTornUp",
    "RateRow",
    "RecordedVenue",
    "RecourseRow",
    "RecourseTaken",
    "Recovered",
    "RecoveredRow",
    "ReservedRow",
    "RoundFilled",
    "TornRow",
    "Triggered",
    "UsedRow",
    "VenueEvent",
    "VenueOpened",
    "WithdrawalRow",
    "Withdrawn",
]
