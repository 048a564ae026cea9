"""Kinds: the union of a venue's events, their names on the wire, and the codec that writes and reads them.

Layer    venue_events; imports fund.codec (the envelope), and every file of events. Written by venue.machine, read by
         venue.replay and by report.
Not here the events' shapes, applying them (venue.apply).
Held to  this by tests/golden/runs.txt: the bytes of whole logs. Kinds and fields are only ever added, a default is
         left out of the bytes, and an unknown kind is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seawall.fund.codec import Codec, Recorded
from seawall.venue_events.haircuts import Deleveraged, GainsTaken, HaircutTaken, PositionsTornUp
from seawall.venue_events.layers import ClosedAgainstLayer, InventoryMoved, InventorySettled
from seawall.venue_events.marks import Marked, PeriodBegan, VenueOpened
from seawall.venue_events.money import Deposited, FundingPaid, LossesSeen, MarketSettled, Withdrawn
from seawall.venue_events.rounds import AccountsClosed, DeficitsCovered, RecourseTaken, Recovered, RoundFilled

VenueEvent = (
    VenueOpened
    | Marked
    | RoundFilled
    | AccountsClosed
    | DeficitsCovered
    | Deleveraged
    | HaircutTaken
    | GainsTaken
    | PositionsTornUp
    | MarketSettled
    | FundingPaid
    | PeriodBegan
    | LossesSeen
    | Withdrawn
    | Deposited
    | RecourseTaken
    | InventoryMoved
    | InventorySettled
    | ClosedAgainstLayer
    | Recovered
)

KINDS: Final[Mapping[str, type[VenueEvent]]] = {
    "venue_opened": VenueOpened,
    "marked": Marked,
    "round_filled": RoundFilled,
    "accounts_closed": AccountsClosed,
    "deficits_covered": DeficitsCovered,
    "deleveraged": Deleveraged,
    "haircut_taken": HaircutTaken,
    "gains_taken": GainsTaken,
    "positions_torn_up": PositionsTornUp,
    "market_settled": MarketSettled,
    "funding_paid": FundingPaid,
    "period_began": PeriodBegan,
    "losses_seen": LossesSeen,
    "withdrawn": Withdrawn,
    "deposited": Deposited,
    "recourse_taken": RecourseTaken,
    "inventory_moved": InventoryMoved,
    "inventory_settled": InventorySettled,
    "closed_against_layer": ClosedAgainstLayer,
    "recovered": Recovered,
}

VENUE_CODEC: Final[Codec[VenueEvent]] = Codec(KINDS)
"""Writes and reads a venue's log, and checks its chain."""

RecordedVenue = Recorded[VenueEvent]
"""One event of a venue's log, with its stamp."""
