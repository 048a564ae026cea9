"""Fund facts: the fund's events as facts, expectations as facts, and its answers other than events.

Layer    scenario; imports fund.{events,messages}, scenario.{assertions,checks,parse,vocabulary}.
Not here commands and running them (scenario.fund_driver).
Held to  this by tests/scenario/test_fund_driver.py.

Kinds: draw, severity, pending, carried in all, of a deficit; repaid, credit, split, excess, from, of money that is
placed; carried, haircut, carried in all, of a batch that ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from seawall.fund.events import Event, InflowRouted, MarketClosed, Settled, SettledRow, SeverityCarried, ShortfallsDrawn
from seawall.fund.messages import Refused, Repeated
from seawall.scenario.assertions import RECEIVERS
from seawall.scenario.checks import Fact
from seawall.scenario.parse import Item, Statement, Words, near
from seawall.scenario.vocabulary import Vocabulary

BOUNDS: Final = (
    "capacity", "event_limit", "block_limit", "account_limit", "owner_limit", "market_limit", "lifetime_limit",
    "window_limit", "drawdown", "notional", "minimum_left", "unbound",
)  # fmt: skip
"""What can bind a draw (SPEC 6), and the word for a draw that nothing bound."""

_PLACED = frozenset({"repaid", "credit", "split", "excess"})
COMPLETE: Final[dict[str, frozenset[str]]] = {
    "deficit": frozenset({"draw", "severity"}),
    "inflow": _PLACED,
    "top_up": _PLACED,
    "close_market": _PLACED,
    "settle": frozenset({"carried"}),
    "lapse": frozenset({"carried"}),
}
"""Kinds of facts that the expectation of a statement has to state in full."""


# -- what happened -----------------------------------------------------------------------------------------------


def facts_of(vocabulary: Vocabulary, events: Sequence[Event], deficit: str) -> list[Fact]:
    """What the events of one command say; of a batch of deficits only what concerns the one that is named."""
    facts: list[Fact] = []
    for event in events:
        match event:
            case ShortfallsDrawn():
                facts += _draws(vocabulary, event, deficit)
            case InflowRouted() | MarketClosed():
                facts += _placed(vocabulary, event)
            case Settled():
                facts += _settled(vocabulary, event.rows)
            case SeverityCarried():
                if event.why == "policy":  # on the heels of its draws: nothing stays pending, all is carried
                    rows = [row for row in event.rows if row.deficit == deficit]
                    facts = [fact for fact in facts if fact.kind not in ("pending", "carried in all")]
                    facts += [_amount(vocabulary, "pending", (), 0), *_settled(vocabulary, rows)]
                else:
                    facts += _settled(vocabulary, event.rows)
    return facts


def _amount(vocabulary: Vocabulary, kind: str, key: tuple[str, ...], units: int, head: str = "") -> Fact:
    words = [head or kind.partition(" ")[0], *key, vocabulary.text(units)]
    return Fact(kind, key, (units,), " ".join(words))


def _draws(vocabulary: Vocabulary, event: ShortfallsDrawn, deficit: str) -> list[Fact]:
    facts = []
    for draw in event.draws:
        if draw.deficit == deficit:
            facts.append(_draw(vocabulary, draw.layer, int(draw.amount), draw.bound_by or "unbound"))
    severity = sum(int(row.amount) for row in event.severity if row.deficit == deficit)
    facts.append(_amount(vocabulary, "severity", (), severity))
    facts.append(_amount(vocabulary, "pending", (), severity))
    return [*facts, _amount(vocabulary, "carried in all", (), 0)]


def _draw(vocabulary: Vocabulary, layer: str, units: int, bound: str | None) -> Fact:
    text = f"{layer} {vocabulary.text(units)}" + (f" ({bound})" if bound else "")
    return Fact("draw", (layer,), (units,), text, bound)


def _placed(vocabulary: Vocabulary, event: InflowRouted | MarketClosed) -> list[Fact]:
    facts = []
    if isinstance(event, MarketClosed) and event.layer is not None:
        facts.append(_amount(vocabulary, "from", (event.layer,), int(event.moved)))
    facts += [_amount(vocabulary, "repaid", (row.deficit,), int(row.amount)) for row in event.repaid]
    for credit in event.credits:
        text = f"{credit.layer} {vocabulary.text(credit.amount)}"
        facts.append(Fact("credit", (credit.layer,), (int(credit.amount),), text))
    for paid in event.paid_out:
        text = f"{'excess ' * (paid.why == 'excess')}{paid.receiver} {vocabulary.text(paid.amount)}"
        facts.append(Fact(paid.why, (paid.receiver,), (int(paid.amount),), text))
    return facts


def _settled(vocabulary: Vocabulary, rows: Sequence[SettledRow]) -> list[Fact]:
    facts = []
    for row in rows:
        facts.append(_amount(vocabulary, "carried", (row.deficit,), int(row.carried)))
        facts.append(_amount(vocabulary, "haircut", (row.deficit,), int(row.haircut)))
    return [*facts, _amount(vocabulary, "carried in all", (), sum(int(row.carried) for row in rows))]


# -- what is expected --------------------------------------------------------------------------------------------

Reader = Callable[[Vocabulary, Words], Fact]


@dataclass(slots=True)
class Expected:
    """What is expected of one command.

    answer  accepted, duplicate, conflict, refused, or any
    line    of the first expectation
    words   of the answer: the field of a conflict, the reason of a refusal
    still   nothing may move
    """

    answer: str
    line: int
    words: tuple[str, ...] = ()
    still: bool = False
    facts: list[Fact] = field(default_factory=list)

    @property
    def text(self) -> str:
        """As people write it."""
        if self.answer in ("accepted", "any"):
            return ", ".join(fact.text for fact in self.facts) or "accepted"
        return " ".join((self.answer, *self.words))


_ANSWER_WORDS: Final[dict[str, tuple[int, int]]] = {"duplicate": (0, 0), "conflict": (0, 1), "refused": (1, 4)}
"""Answers other than acceptance, and how many words may stand behind them."""


def read_expected(vocabulary: Vocabulary, statement: Statement, read: Reader) -> Expected | None:
    """What stands behind a statement's arrow; None without one. Errors: BadInput."""
    if statement.expected is None:
        return None
    if not statement.expected:
        raise vocabulary.words(statement).bad("something behind the arrow", "nothing")
    expected = Expected("any", statement.expected[0].line)
    for item in statement.expected:
        words = vocabulary.item(statement.what, item)
        first = words.peek()
        if first in _ANSWER_WORDS:
            _read_answer(words, item, expected)
        elif words.take("nothing"):
            words.one_of("`nothing moves`", ("moves",))
            words.end()
            expected.still = True
        else:
            fact = read(vocabulary, words)
            words.end()
            if any((fact.kind, fact.key) == (other.kind, other.key) for other in expected.facts):
                raise words.bad("each thing once", f"{item} again")
            expected.facts.append(replace(fact, line=item.line))
    if expected.facts and (expected.answer != "any" or expected.still):
        raise vocabulary.words(statement).bad("either an answer or amounts behind the arrow", "both")
    if expected.facts:
        expected.answer = "accepted"
    return expected


def _read_answer(words: Words, item: Item, expected: Expected) -> None:
    answer, rest = item.words[0], item.words[1:]
    fewest, most = _ANSWER_WORDS[answer]
    if not fewest <= len(rest) <= most:
        hint = "e.g. `refused overshoot`, `conflict amount`, `duplicate`"
        raise words.bad(f"`{answer}` and {fewest} to {most} words for what or why", f"{len(rest)}", hint)
    if expected.answer != "any":
        raise words.bad("one answer", f"{item} too")
    expected.answer, expected.words = answer, rest


def read_draw(vocabulary: Vocabulary, words: Words) -> Fact:
    """`bucket 100 (capacity)`, `severity 50`, `pending 50`, `carried 50`."""
    for word, kind in (("severity", "severity"), ("pending", "pending"), ("carried", "carried in all")):
        if words.take(word):
            return _amount(vocabulary, kind, (), vocabulary.money(words, word))
    layer = vocabulary.layer(words, "a layer of the design, `severity` or an answer")
    units = vocabulary.money(words, f"the draw from {layer}")
    bound = words.remark()
    if bound is not None and bound not in BOUNDS:
        raise words.bad(f"one of {', '.join(BOUNDS)} in brackets", repr(bound), near(bound, BOUNDS))
    return _draw(vocabulary, layer, units, bound)


def read_placed(vocabulary: Vocabulary, words: Words) -> Fact:
    """`repaid D1 50`, `bucket 70`, `treasury 5`, `excess stakers 3`, `from bucket 70`."""
    if words.take("repaid"):
        return _amount(vocabulary, "repaid", (words.id("a deficit"),), vocabulary.money(words, "what was repaid"))
    if words.take("excess"):
        receiver = words.one_of("a receiver", RECEIVERS)
        return _amount(vocabulary, "excess", (receiver,), vocabulary.money(words, "the excess"))
    if words.take("treasury"):
        units = vocabulary.money(words, "the treasury's part")
        return Fact("split", ("treasury",), (units,), f"treasury {vocabulary.text(units)}")
    if words.take("from"):
        return _amount(vocabulary, "from", (vocabulary.layer(words),), vocabulary.money(words, "what it held"))
    layer = vocabulary.layer(words, "a layer of the design, repaid, treasury, excess, from or an answer")
    units = vocabulary.money(words, f"what {layer} takes")
    return Fact("credit", (layer,), (units,), f"{layer} {vocabulary.text(units)}")


def read_settled(vocabulary: Vocabulary, words: Words) -> Fact:
    """`carried D1 50`, `haircut D1 40`, `carried 50`."""
    kind = words.one_of("an expectation", ("carried", "haircut"))
    if kind == "carried" and words.left == 1:
        return _amount(vocabulary, "carried in all", (), vocabulary.money(words, "what is carried"))
    return _amount(vocabulary, kind, (words.id("a deficit"),), vocabulary.money(words, f"the {kind}"))


def read_answer_only(vocabulary: Vocabulary, words: Words) -> Fact:
    """The line of a batch: amounts stand on the lines of its deficits."""
    raise words.bad("an answer; amounts stand on the lines of the deficits", repr(words.peek()))


READERS: Final[dict[str, Reader]] = {
    "deficit": read_draw,
    "batch": read_answer_only,
    "inflow": read_placed,
    "top_up": read_placed,
    "close_market": read_placed,
    "settle": read_settled,
    "lapse": read_settled,
}


# -- answers -----------------------------------------------------------------------------------------------------


def _parts(text: str) -> set[str]:
    """The words of a field or reason, `haircuts[0]` giving `haircuts`."""
    return set(re.findall(r"[a-z_]+", text.lower()))


def answers(answer: Refused | Repeated, expected: Expected) -> bool:
    """Whether the fund said what was expected instead of doing something."""
    if expected.answer == "any":
        return True
    if isinstance(answer, Repeated):
        return expected.answer == "duplicate"
    said = {word.lower() for word in expected.words}
    if answer.code == "conflict":
        return expected.answer == "conflict" and said <= _parts(answer.field)
    return expected.answer == "refused" and said <= {answer.code} | _parts(answer.field) | _parts(answer.reason)


def answer_text(answer: Refused | Repeated) -> str:
    """The answer as people write it, the fund's own reason behind it."""
    if isinstance(answer, Repeated):
        return "duplicate"
    if answer.code == "conflict":
        return f"conflict {answer.field}"
    return f"refused, {answer.code} {answer.field}: {answer.reason}"
