"""Venue expected: what a scenario expects of a step, a withdrawal, a deposit, read from its items.

Layer    scenario; imports scenario.{assertions,checks,fund_facts,parse,venue_facts,vocabulary}, venue_events.
Not here what happened (scenario.venue_facts), making it happen (scenario.venue_driver).
Held to  this by tests/scenario/test_venue_driver.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from seawall.scenario.assertions import RECEIVERS
from seawall.scenario.checks import Check, Fact, compare
from seawall.scenario.fund_commands import HOWS
from seawall.scenario.fund_facts import BOUNDS
from seawall.scenario.parse import Item, Statement, Words, near
from seawall.scenario.venue_facts import SINGLE, WHOLE, fact_text
from seawall.scenario.vocabulary import Vocabulary
from seawall.venue_events import Deposited, Withdrawn


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
    lots = words.integer("lots")
    return kind, (account, market), (lots, _for_or_at(vocabulary, kind, market, lots, words)), None


def _for_or_at(vocabulary: Vocabulary, kind: str, market: str, lots: int, words: Words) -> int | None:
    """`for 158`, `at 79`, or nothing."""
    if not words.left:
        return None
    if words.one_of("`for` an amount or `at` a price", ("for", "at")) == "for":
        return vocabulary.money(words, "what the lots were worth")
    if vocabulary.instruments[market].contract.inverse and kind not in ("sold", "bought"):
        raise words.bad("`for` an amount: what inverse lots are worth is rounded by their side", "`at`")
    bought = lots if kind == "bought" else -lots
    return abs(vocabulary.worth_closed(market, bought, vocabulary.price(words, market)))


def _taken(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`taken A BTC 5 by vault at 80`, `taken A BTC 5 by vault for 400`."""
    account, market = vocabulary.account(words), vocabulary.market(words)
    lots = words.integer("lots")
    words.one_of("the layer", ("by",))
    layer = vocabulary.layer(words)
    return kind, (account, market, layer), (lots, _for_or_at(vocabulary, kind, market, lots, words)), None


def _unwound(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`unwound vault BTC 5 for 395`."""
    layer, market = vocabulary.layer(words), vocabulary.market(words)
    lots = words.integer("lots")
    return kind, (layer, market), (lots, _for_or_at(vocabulary, kind, market, lots, words)), None


def _ended(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`ended A BTC 5 realised -100`."""
    key, lots = (vocabulary.account(words), vocabulary.market(words)), words.integer("lots")
    if not words.left:
        return kind, key, (lots, None), None
    words.one_of("what it realised", ("realised",))
    return kind, key, (lots, vocabulary.money(words, "what it realised", signed=True)), None


def _ending(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`torn_up BTC at 80`, `settled BTC at 80`."""
    market = vocabulary.market(words)
    words.one_of("the price", ("at",))
    return kind, (market,), (vocabulary.price(words, market),), None


def _in_market(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`funding A BTC -5`, `funding outside BTC 5`, `realised vault BTC -30`."""
    name = vocabulary.layer(words) if kind == "realised" else vocabulary.anybody(words)
    return kind, (name, vocabulary.market(words)), (vocabulary.money(words, kind, signed=True),), None


def _recourse(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`recourse A from B 30`."""
    account = vocabulary.account(words)
    words.one_of("the account that pays", ("from",))
    return kind, (account, vocabulary.account(words)), (vocabulary.money(words, kind),), None


def _of_account(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`surcharge A 5`, `residual A 7`, `premium A 1`."""
    return kind, (vocabulary.account(words),), (vocabulary.money(words, kind),), None


def _of_party(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`deficit A 5`, `repaid A 5`: of an account, or of a layer for what it held."""
    return kind, (vocabulary.party(words),), (vocabulary.money(words, kind),), None


def _of_step(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`overshoot 100`, `rounding 1`."""
    return kind, (), (vocabulary.money(words, kind),), None


def _haircut(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`haircut S1 78 (adl)`."""
    kind, key, numbers, _ = _of_account(vocabulary, kind, words)
    return kind, key, numbers, _remark(words, HOWS)


def _total(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`severity 104`, or of one account: `severity A 64`."""
    if words.left == 1:
        return kind, (), (vocabulary.money(words, kind),), None
    return f"{kind} of", (vocabulary.party(words),), (vocabulary.money(words, kind),), None


def _drawn(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`drawn bucket 20 (capacity)`, `drawn bucket 12 for A (capacity)`."""
    layer, units = vocabulary.layer(words), vocabulary.money(words, kind)
    if words.take("for"):
        return "drawn for", (layer, vocabulary.party(words)), (units,), _remark(words, BOUNDS)
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


def _closed_against(vocabulary: Vocabulary, kind: str, words: Words) -> Parts:
    """`closed_against A BTC 8 at 88 paid 40 (band)`."""
    kind, key, numbers, _ = _closed(vocabulary, kind, words)
    paid = vocabulary.money(words, "what it was paid", signed=True) if words.take("paid") else None
    return kind, key, (*numbers, paid), _remark(words, ("band", "maintenance"))


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
    **dict.fromkeys(
        ("surcharge", "fees_used", "residual", "premium", "fee_deficit", "recovered", "beyond_profit"), _of_account
    ),
    **dict.fromkeys(("deficit", "repaid"), _of_party),
    **dict.fromkeys(("overshoot", "rounding"), _of_step),
    **dict.fromkeys(("torn_up", "settled"), _ending),
    **dict.fromkeys(("funding", "realised"), _in_market),
    **dict.fromkeys(("severity", "carried"), _total),
    **dict.fromkeys(("bankruptcy", "mark"), _price),
    "haircut": _haircut,
    "drawn": _drawn,
    "credited": _credited,
    "paid_out": _paid_out,
    "closed": _closed,
    "closed_against": _closed_against,
    "taken": _taken,
    "unwound": _unwound,
    "ended": _ended,
    "recourse": _recourse,
    "rounds": _rounds,
}
_ITEMS: Final = (*_LISTS, *_READERS, "nobody", "nothing")


# -- withdrawals and deposits ------------------------------------------------------------------------------------

PAID: Final = frozenset({"paid", "haircut", "cash"})
"""What has to be stated of a withdrawal in full; `borne` may be."""


def _units(vocabulary: Vocabulary, kind: str, units: int) -> Fact:
    return Fact(kind, (), (units,), f"{kind} {vocabulary.text(units)}")


def read_withdrawal(vocabulary: Vocabulary, words: Words) -> Fact:
    """`paid 90`, `haircut 10`, `borne 10`."""
    kind = words.one_of("an expectation", ("paid", "haircut", "borne"))
    return _units(vocabulary, kind, vocabulary.money(words, kind))


def read_deposit(vocabulary: Vocabulary, words: Words) -> Fact:
    """`cash 150`: what the account has then."""
    words.one_of("an expectation", ("cash",))
    return _units(vocabulary, "cash", vocabulary.money(words, "cash", signed=True))


def money_facts(vocabulary: Vocabulary, event: Withdrawn | Deposited, ident: str) -> list[Fact]:
    """What a withdrawal or a deposit came to."""
    if isinstance(event, Deposited):
        return [_units(vocabulary, "cash", int(event.cash_after))]
    row = next(row for row in event.rows if row.id == ident)
    return [
        _units(vocabulary, "paid", int(row.paid)),
        _units(vocabulary, "haircut", int(row.haircut)),
        _units(vocabulary, "borne", int(row.borne)),
    ]
