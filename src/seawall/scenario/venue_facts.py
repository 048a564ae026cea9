"""Venue facts: what one step did, read from both logs as facts.

Layer    scenario; imports fund.events, venue_events, scenario.{checks,vocabulary}.
Not here what is expected of a step (scenario.venue_expected), making it and asking the state (scenario.venue_driver).
Held to  this by tests/scenario/test_venue_driver.py.

A step may have several rounds; the figures of one kind and key add up over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from seawall.fund.events import Event, InflowRouted, PoolReleased, Settled, SeverityCarried, ShortfallsDrawn
from seawall.scenario.checks import Fact
from seawall.scenario.vocabulary import OUTSIDE, Vocabulary
from seawall.venue_events import (
    AccountsClosed,
    ClosedAgainstLayer,
    DeficitsCovered,
    Deleveraged,
    EndedRow,
    FillRow,
    FundingPaid,
    InventoryMoved,
    InventorySettled,
    Marked,
    MarketSettled,
    PositionsTornUp,
    RecourseTaken,
    Recovered,
    RoundFilled,
    VenueEvent,
)

WHOLE: Final = (
    "liquidated", "waiting", "stale", "induced", "crossed", "sold", "bought", "surcharge", "fees_used", "residual",
    "deficit", "drawn", "severity", "closed", "deleveraged", "haircut", "carried", "credited", "paid_out", "repaid",
    "taken", "unwound", "realised", "closed_against", "premium", "recovered", "recourse", "torn_up", "settled", "ended",
    "beyond_profit", "funding",
)  # fmt: skip
"""Kinds of which all has to be stated once one of them is, or once `nothing else` is."""
SINGLE: Final = frozenset(("bankruptcy", "mark", "rounds", "overshoot", "rounding", "fee_deficit"))
"""Kinds of which any may be stated."""
TRADES: Final = ("sold", "bought", "crossed", "deleveraged", "unwound")
"""Kinds with lots and what these were worth."""

Key = tuple[str, tuple[str, ...]]


@dataclass(slots=True)
class Tally:
    """The facts of one step under way.

    marks  market -> ticks, as they stand; carried over from step to step
    account_of  deficit -> account, of every deficit so far
    """

    vocabulary: Vocabulary
    marks: dict[str, int]
    account_of: dict[str, str]
    sums: dict[Key, list[int]] = field(default_factory=dict)
    notes: dict[Key, set[str]] = field(default_factory=dict)

    def add(self, kind: str, key: tuple[str, ...], *numbers: int, note: str = "") -> None:
        """Add to a fact's figures."""
        here = self.sums.setdefault((kind, key), [0] * len(numbers))
        for i, number in enumerate(numbers):
            here[i] += number
        if note:
            self.notes.setdefault((kind, key), set()).add(note)

    def take(self, event: VenueEvent) -> None:
        """Take in one event of the venue."""
        match event:
            case Marked():
                self.marks |= {mark.market: mark.ticks for mark in event.marks}
            case RoundFilled():
                self.add("rounds", (), 1)
                self.add("rounding", (), int(event.rounding))
                for trigger in event.triggered:
                    if trigger.induced:
                        self.add("induced", (trigger.account,))
                for fill in event.fills:
                    self._fill(fill, [row.layer for row in event.inventory])
            case AccountsClosed():
                for row in event.rows:
                    self.add("fees_used", (row.account,), int(row.fees_used))
                    self.add("residual", (row.account,), int(row.residual))
                    self.add("deficit", (row.account,), int(row.deficit))
                    self.add("premium", (row.account,), int(row.premium))
                    self.add("fee_deficit", (row.account,), int(row.fee_deficit))
            case Deleveraged():
                self._deleveraged(event)
            case _:
                self._take_rest(event)

    def _take_rest(self, event: VenueEvent) -> None:
        """Events beside liquidations: markets that end, funding, what layers hold, what others pay."""
        match event:
            case DeficitsCovered():
                for owed in event.rows:
                    if owed.layer:
                        self.add("deficit", (owed.account,), int(owed.drawn + owed.severity))
            case PositionsTornUp():
                for market in event.markets:
                    self.sums[("torn_up", (market.market,))] = [market.ticks]
                self._ended(event.positions)
            case MarketSettled():
                self.marks[event.market.market] = event.market.ticks
                self.sums[("settled", (event.market.market,))] = [event.market.ticks]
                self._ended(event.positions)
            case FundingPaid():
                for rate in event.rates:
                    self.add("funding", (OUTSIDE, rate.market), int(rate.outside))
                for paid in event.rows:
                    self.add("funding", (paid.account, paid.market), int(paid.amount))
                for inventory in event.inventory:
                    self.add("funding", (inventory.layer, inventory.market), int(inventory.realised))
            case RecourseTaken():
                for given in event.rows:
                    self.add("recourse", (given.account, given.payer), int(given.amount))
            case Recovered():
                for back in event.rows:
                    self.add("recovered", (back.account,), int(back.amount))
            case InventoryMoved():
                for moved in event.rows:
                    self.add("unwound", (moved.layer, moved.market), abs(moved.lots), abs(int(moved.amount)))
            case InventorySettled():
                for result in event.rows:
                    self.add("realised", (result.layer, result.market), int(result.gain - result.loss))
            case ClosedAgainstLayer():
                for closed in event.rows:
                    key = (closed.account, closed.market, str(closed.price_ticks))
                    self.add("closed_against", key, closed.lots, int(closed.payout), note=event.why)

    def _deleveraged(self, event: Deleveraged) -> None:
        self.add("overshoot", (), int(event.overshoot))
        for closing in event.closings:
            key = (closing.account, closing.market)
            self.add("liquidated", key[:1])
            self.add("closed", (*key, str(closing.price_ticks)), closing.lots)
            self.sums.setdefault(("bankruptcy", key), [closing.price_ticks])
        for winner in event.haircuts:
            self.add("deleveraged", (winner.account, winner.market), winner.lots, int(winner.amount))
            self.add("beyond_profit", (winner.account,), int(winner.beyond_profit))

    def _ended(self, positions: Iterable[EndedRow]) -> None:
        for row in positions:
            self.add("ended", (row.account, row.market), abs(row.lots), int(row.realised))

    def _fill(self, fill: FillRow, layers: Sequence[str]) -> None:
        """One account's fill. Crossed lots and those taken over are worth the mark; the book's are the rest."""
        key = (fill.account, fill.market)
        mark = self.marks[fill.market]
        taken = self.vocabulary.worth_closed(fill.market, fill.taken_lots, mark)
        crossed = self.vocabulary.worth_closed(fill.market, fill.cross_lots, mark)
        if not fill.book_lots:
            crossed = int(fill.amount) - taken  # inverse contracts: several sellers share a rounded value
        self.add("liquidated", (fill.account,))
        self.sums.setdefault(("bankruptcy", key), [fill.bankruptcy_ticks])
        self.add("surcharge", (fill.account,), int(fill.surcharge))
        if fill.cross_lots:
            self.add("crossed", key, abs(fill.cross_lots), abs(crossed))
        if fill.taken_lots:
            self.add("taken", (*key, layers[0]), abs(fill.taken_lots), abs(taken))
        if fill.book_lots:
            kind = "sold" if fill.book_lots < 0 else "bought"
            self.add(kind, key, abs(fill.book_lots), abs(int(fill.amount) - crossed - taken))

    def take_fund(self, event: Event) -> None:
        """Take in one event of the fund."""
        match event:
            case InflowRouted() | PoolReleased():
                for repaid in event.repaid:
                    self.add("repaid", (self.account_of[repaid.deficit],), int(repaid.amount))
                for credit in event.credits:
                    self.add("credited", (credit.layer,), int(credit.amount))
                for paid in event.paid_out:
                    self.add("paid_out", (paid.receiver,), int(paid.amount))
            case ShortfallsDrawn():
                self.account_of |= {each.id: each.account for each in event.shortfalls.deficits}
                for draw in event.draws:
                    key = (draw.layer, self.account_of[draw.deficit])
                    bound = draw.bound_by or "unbound"
                    self.add("drawn", key[:1], int(draw.amount), note=bound)
                    self.add("drawn for", key, int(draw.amount), note=bound)
                for severity in event.severity:
                    self.add("severity", (), int(severity.amount))
                    self.add("severity of", (self.account_of[severity.deficit],), int(severity.amount))
            case Settled() | SeverityCarried():
                for settled in event.rows:
                    self.add("carried", (), int(settled.carried))
                    self.add("carried of", (self.account_of[settled.deficit],), int(settled.carried))
                for haircut in event.settle.haircuts if isinstance(event, Settled) else ():
                    self.add("haircut", (haircut.account,), int(haircut.amount), note=haircut.how)

    def facts(self) -> list[Fact]:
        """Everything that was taken in."""
        return [self._fact(kind, key, numbers) for (kind, key), numbers in self.sums.items()]

    def _fact(self, kind: str, key: tuple[str, ...], numbers: Sequence[int]) -> Fact:
        note = ", ".join(sorted(self.notes.get((kind, key), ()))) or None
        text = fact_text(self.vocabulary, kind, key, numbers, note)
        return Fact(kind, key, tuple(numbers), text, note)


def fact_text(
    vocabulary: Vocabulary, kind: str, key: tuple[str, ...], numbers: Sequence[int | None], note: str | None
) -> str:
    """A fact as people write it; figures that an expectation does not state are left out."""
    first = numbers[0] if numbers else None
    words = [kind.partition(" ")[0], *key]
    if kind in TRADES:
        words += [str(first), *_worth(vocabulary, "for", numbers[1])]
    elif kind == "taken":
        words = [kind, *key[:2], str(first), "by", key[2], *_worth(vocabulary, "for", numbers[1])]
    elif kind == "ended":
        words += [str(first), *_worth(vocabulary, "realised", numbers[1])]
    elif kind in ("closed", "closed_against"):
        account, market, ticks = key
        words = [kind, account, market, str(first), "at", vocabulary.price_text(market, int(ticks))]
        words += _worth(vocabulary, "paid", numbers[1]) if kind == "closed_against" else ()
    elif kind in ("bankruptcy", "mark", "torn_up", "settled") and first is not None:
        words += ["at"] * (kind in ("torn_up", "settled")) + [vocabulary.price_text(key[-1], first)]
    elif kind == "drawn for" and first is not None:
        words = ["drawn", key[0], vocabulary.text(first), "for", key[1]]
    elif kind == "recourse" and first is not None:
        words = [kind, key[0], "from", key[1], vocabulary.text(first)]
    elif kind == "rounds":
        words.append(str(first))
    elif first is not None:
        words.append(vocabulary.text(first))
    return " ".join(words) + (f" ({note})" if note else "")


def _worth(vocabulary: Vocabulary, word: str, units: int | None) -> Sequence[str]:
    return () if units is None else (word, vocabulary.text(units))
