"""Venue facts: what one step did, read from both logs as facts, and what is expected of it, read from its items.

Layer    scenario; imports amounts, fund.events, venue.events, scenario.{assertions,checks,parse,vocabulary}.
Not here making the step and asking the state (scenario.venue_driver).
Held to  this by tests/scenario/test_venue_driver.py.

A step may have several rounds; the figures of one kind and key add up over them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from seawall.fund.events import Event, InflowRouted, Settled, SeverityCarried, ShortfallsDrawn
from seawall.scenario.assertions import RECEIVERS
from seawall.scenario.checks import Check, Fact, compare
from seawall.scenario.fund_facts import BOUNDS
from seawall.scenario.parse import Item, Statement, Words, near
from seawall.scenario.vocabulary import Vocabulary
from seawall.venue.events import AccountsClosed, Deleveraged, FillRow, Marked, RoundFilled, VenueEvent

WHOLE: Final = (
    "liquidated", "waiting", "stale", "induced", "crossed", "sold", "bought", "surcharge", "fees_used", "residual",
    "deficit", "drawn", "severity", "closed", "deleveraged", "haircut", "carried", "credited", "paid_out", "repaid",
)  # fmt: skip
"""Kinds of which all has to be stated once one of them is, or once `nothing else` is."""
SINGLE: Final = frozenset(("bankruptcy", "mark", "rounds"))
"""Kinds of which any may be stated."""

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
                for trigger in event.triggered:
                    if trigger.induced:
                        self.add("induced", (trigger.account,))
                for fill in event.fills:
                    self._fill(fill)
            case AccountsClosed():
                for row in event.rows:
                    self.add("fees_used", (row.account,), int(row.fees_used))
                    self.add("residual", (row.account,), int(row.residual))
                    self.add("deficit", (row.account,), int(row.deficit))
            case Deleveraged():
                for closing in event.closings:
                    key = (closing.account, closing.market)
                    self.add("liquidated", key[:1])
                    self.add("closed", (*key, str(closing.price_ticks)), closing.lots)
                    self.sums.setdefault(("bankruptcy", key), [closing.price_ticks])
                for winner in event.haircuts:
                    self.add("deleveraged", (winner.account, winner.market), winner.lots, int(winner.amount))

    def _fill(self, fill: FillRow) -> None:
        key = (fill.account, fill.market)
        crossed = self.vocabulary.worth(fill.market, fill.cross_lots, self.marks[fill.market])
        self.add("liquidated", (fill.account,))
        self.sums.setdefault(("bankruptcy", key), [fill.bankruptcy_ticks])
        self.add("surcharge", (fill.account,), int(fill.surcharge))
        if fill.cross_lots:
            self.add("crossed", key, abs(fill.cross_lots), abs(crossed))
        if fill.book_lots:
            kind = "sold" if fill.book_lots < 0 else "bought"
            self.add(kind, key, abs(fill.book_lots), abs(int(fill.amount) - crossed))

    def take_fund(self, event: Event) -> None:
        """Take in one event of the fund."""
        match event:
            case InflowRouted():
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
    if kind in ("sold", "bought", "crossed", "deleveraged"):
        worth = numbers[1]
        words += [str(first), *(() if worth is None else ("for", vocabulary.text(worth)))]
    elif kind == "closed":
        account, market, ticks = key
        words = [kind, account, market, str(first), "at", vocabulary.price_text(market, int(ticks))]
    elif kind in ("bankruptcy", "mark") and first is not None:
        words.append(vocabulary.price_text(key[-1], first))
    elif kind == "drawn for" and first is not None:
        words = ["drawn", key[0], vocabulary.text(first), "for", key[1]]
    elif kind == "rounds":
        words.append(str(first))
    elif first is not None:
        words.append(vocabulary.text(first))
    return " ".join(words) + (f" ({note})" if note else "")


# -- what is expected --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ExpectedStep:
    """What is expected of one step.

    nobody  (line, kind) of `nobody liquidated` and its like
    quiet   lines of `nothing happens`
    whole   `nothing else` was stated
    """

    facts: list[Fact] = field(default_factory=list)
    nobody: list[tuple[int, str]] = field(default_factory=list)
    quiet: list[int] = field(default_factory=list)
    whole: bool = False

    def check(self, what: str, line: int, found: Sequence[Fact]) -> list[Check]:
        """The expectations against what the step did."""
        stated = {fact.kind for fact in self.facts}
        complete = stated - SINGLE
        if self.whole:  # parts by account say it all too
            complete |= {kind for kind in WHOLE if not {f"{kind} for", f"{kind} of"} & stated}
        checks = compare(what, line, self.facts, found, complete - {kind for _, kind in self.nobody})
        for at, kind in self.nobody:
            names = " ".join(fact.key[0] for fact in found if fact.kind == kind) or "nobody"
            checks.append(Check(at, what, f"nobody {kind}", f"{names} {kind}", names == "nobody"))
        for at in self.quiet:
            rounds = sum(fact.numbers[0] or 0 for fact in found if fact.kind == "rounds")
            checks.append(Check(at, what, "nothing happens", f"rounds {rounds}", not rounds))
        return checks


_LISTS: Final = ("liquidated", "waiting", "induced", "stale")


def read_step(vocabulary: Vocabulary, statement: Statement, what: str) -> ExpectedStep | None:
    """What stands behind a step's arrow; None without one. Errors: BadInput."""
    if statement.expected is None:
        return None
    if not statement.expected:
        raise vocabulary.words(statement).bad("something behind the arrow", "nothing")
    expected = ExpectedStep()
    kind, facts = "", list[Fact]()
    for item in statement.expected:
        words = vocabulary.item(what, item)
        if len(item.words) == 1 and kind in _LISTS and item.words[0] not in _ITEMS:
            facts = _read_list(vocabulary, kind, words)
        else:
            kind = words.one_of("an expectation", _ITEMS)
            facts = _read_item(vocabulary, kind, words, item, expected)
        words.end()
        for fact in facts:
            if any((fact.kind, fact.key) == (other.kind, other.key) for other in expected.facts):
                raise words.bad("each thing once", f"{item} again")
            expected.facts.append(replace(fact, line=item.line))
    return expected


def _read_item(vocabulary: Vocabulary, kind: str, words: Words, item: Item, expected: ExpectedStep) -> list[Fact]:
    """One item behind its first word; words that state no fact are noted in `expected`."""
    if kind == "nobody":
        expected.nobody.append((item.line, words.one_of("whom", _LISTS[:3])))
    elif kind == "nothing" and words.one_of("what about it", ("else", "happens")) == "else":
        expected.whole = True
    elif kind == "nothing":
        expected.quiet.append(item.line)
    elif kind in _LISTS:
        return _read_list(vocabulary, kind, words)
    else:
        kind, key, numbers, note = _READERS[kind](vocabulary, kind, words)
        return [Fact(kind, key, numbers, fact_text(vocabulary, kind, key, numbers, note), note)]
    return []


def _read_list(vocabulary: Vocabulary, kind: str, words: Words) -> list[Fact]:
    """`liquidated A B`, `stale BTC (too old)`."""
    facts: list[Fact] = []
    while not facts or words.left:
        name = vocabulary.market(words) if kind == "stale" else vocabulary.account(words)
        note = words.remark() if kind == "stale" else None
        facts.append(Fact(kind, (name,), (), fact_text(vocabulary, kind, (name,), (), note), note))
    return facts


Parts = tuple[str, tuple[str, ...], tuple[int | None, ...], str | None]
"""(kind, key, figures, note) of an expectation."""


def _trade(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`sold A BTC 2 for 158`, `sold A BTC 2 at 79`, `crossed A BTC 5`, `deleveraged S1 BTC 12 for 1038`."""
    account, market = vocabulary.account(words), vocabulary.market(words)
    lots, worth = words.integer("lots"), None
    if words.left:
        if words.one_of("`for` an amount or `at` a price", ("for", "at")) == "for":
            worth = vocabulary.money(words, "what the lots were worth")
        else:
            worth = vocabulary.worth(market, lots, vocabulary.price(words, market))
    return kind, (account, market), (lots, worth), None


def _of_account(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`surcharge A 5`, `residual A 7`, `repaid A 5`."""
    return kind, (vocabulary.account(words),), (vocabulary.money(words, kind),), None


def _haircut(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`haircut S1 78 (adl)`."""
    kind, key, numbers, _ = _of_account(vocabulary, kind, words)
    return kind, key, numbers, _remark(words, ("adl", "adl_money", "socialised_loss"))


def _total(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`severity 104`, or of one account: `severity A 64`."""
    if words.left == 1:
        return kind, (), (vocabulary.money(words, kind),), None
    return f"{kind} of", (vocabulary.account(words),), (vocabulary.money(words, kind),), None


def _drawn(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`drawn bucket 20 (capacity)`, `drawn bucket 12 for A (capacity)`."""
    layer, units = vocabulary.layer(words), vocabulary.money(words, kind)
    if words.take("for"):
        return "drawn for", (layer, vocabulary.account(words)), (units,), _remark(words, BOUNDS)
    return kind, (layer,), (units,), _remark(words, BOUNDS)


def _remark(words: Words, known: Sequence[str]) -> str | None:
    """A bracketed remark; several words of it are parted by spaces."""
    remark = words.remark()
    if remark is None:
        return None
    for word in remark.split():
        if word not in known:
            raise words.bad(f"one of {', '.join(known)} in brackets", repr(word), near(word, known))
    return ", ".join(sorted(remark.split()))


def _credited(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`credited shared 5`."""
    return kind, (vocabulary.layer(words),), (vocabulary.money(words, kind),), None


def _paid_out(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`paid_out treasury 5`."""
    return kind, (words.one_of("a receiver", RECEIVERS),), (vocabulary.money(words, kind),), None


def _closed(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`closed A BTC 8 at 88`."""
    account, market = vocabulary.account(words), vocabulary.market(words)
    lots = words.integer("lots")
    words.one_of("the price", ("at",))
    return kind, (account, market, str(vocabulary.price(words, market))), (lots,), None


def _price(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`bankruptcy A BTC 88`, `mark BTC 89`."""
    key = (vocabulary.account(words),) if kind == "bankruptcy" else ()
    market = vocabulary.market(words)
    return kind, (*key, market), (vocabulary.price(words, market),), None


def _rounds(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`rounds 3`."""
    return kind, (), (words.integer("a number of rounds"),), None


_READERS: Final[dict[str, Callable[[Vocabulary, str, Words], Parts]]] = {
    **dict.fromkeys(("sold", "bought", "crossed", "deleveraged"), _trade),
    **dict.fromkeys(("surcharge", "fees_used", "residual", "deficit", "repaid"), _of_account),
    **dict.fromkeys(("severity", "carried"), _total),
    **dict.fromkeys(("bankruptcy", "mark"), _price),
    "haircut": _haircut,
    "drawn": _drawn,
    "credited": _credited,
    "paid_out": _paid_out,
    "closed": _closed,
    "rounds": _rounds,
}
_ITEMS: Final = (*_LISTS, *_READERS, "nobody", "nothing")
