"""Tally: what a run's events come to, counted as they happen, so that no log has to be kept or read again.

Layer    stress; imports fund.events, venue_events, design, report.summary (types). Called by stress.{run,sweep}.
Not here figures of final states (stress.{summary,sweep}).
Held to  this by tests/stress/test_run.py, which recomputes every figure from the two logs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from seawall.amounts import Units
from seawall.fund.events import Event, InventoryLost, ShortfallsDrawn
from seawall.fund.state import FundState
from seawall.report.summary import HaircutTotals
from seawall.venue_events import (
    AccountsClosed,
    Deleveraged,
    GainsTaken,
    HaircutTaken,
    PositionsTornUp,
    RoundFilled,
    VenueEvent,
)


@dataclass(slots=True)
class Tally:
    """Counts over both machines' events.

    liquidated, induced, bankrupt, deleveraged, haircut  accounts
    by_way           what traders paid, base units, by the word of the events
    severity, largest  base units: left by layers in all; the largest deficit
    bounds           layer -> what bound its draws
    ended            layers that were brought to their end: a draw, or a loss of positions that it held, left it no more
                     than what must stay in it (of a layer without money: nothing to be called), or what it had was
                     less than what a draw asked of it
    """

    rounds: int = 0
    liquidated: set[str] = field(default_factory=set)
    induced: set[str] = field(default_factory=set)
    bankrupt: set[str] = field(default_factory=set)
    deleveraged: set[str] = field(default_factory=set)
    haircut: set[str] = field(default_factory=set)
    by_way: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HaircutTotals.__struct_fields__, 0))
    severity: int = 0
    largest: int = 0
    bounds: dict[str, set[str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def venue(self, event: VenueEvent) -> None:
        """Take in one event of the venue."""
        match event:
            case RoundFilled():
                self.rounds += 1
                self.liquidated |= {item.account for item in event.triggered}
                self.induced |= {item.account for item in event.triggered if item.induced}
            case AccountsClosed():
                self.bankrupt |= {row.account for row in event.rows if row.deficit}
            case Deleveraged():
                self.deleveraged |= {row.account for row in event.haircuts}
                self.haircut |= {row.account for row in event.haircuts if row.haircut}
                self.by_way["adl"] += sum(row.haircut for row in event.haircuts)
            case HaircutTaken():
                self.haircut |= {row.account for row in event.rows}
                self.by_way[event.how] += sum(row.amount for row in event.rows)
            case GainsTaken():
                self.haircut |= {row.account for row in event.rows if row.amount}
                self.by_way["gains_haircut"] += sum(row.amount for row in event.rows)
            case PositionsTornUp():
                self.haircut |= {row.account for row in event.haircuts if row.haircut}
                self.by_way["tear_up"] += sum(row.haircut for row in event.haircuts)
            case _:
                pass

    def fund(self, state: FundState, event: Event) -> None:
        """Take in one event of the fund. state: of whose layers only what the design says is read."""
        match event:
            case ShortfallsDrawn():
                self.severity += sum(row.amount for row in event.severity)
                self.largest = max(self.largest, *(deficit.amount for deficit in event.shortfalls.deficits))
                for draw in event.draws:
                    if draw.bound_by:
                        self.bounds.setdefault(draw.layer, set()).add(draw.bound_by)
                    minimum = state.layers[draw.layer].spec.minimum_left
                    if draw.balance_after <= minimum or draw.bound_by in ("capacity", "minimum_left"):
                        self.ended.add(draw.layer)
            case InventoryLost():
                layer = event.inventory_loss.layer
                if event.balance_after <= state.layers[layer].spec.minimum_left:
                    self.ended.add(layer)
            case _:
                pass

    @property
    def haircuts(self) -> HaircutTotals:
        """What traders paid, by way."""
        return HaircutTotals(**{way: Units(units) for way, units in self.by_way.items()})
