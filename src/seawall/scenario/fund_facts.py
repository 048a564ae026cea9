"""Fund facts: the fund's events as facts, expectations as facts, and its answers other than events.

Layer    scenario; imports fund.{events,messages}, scenario.{assertions,checks,parse,vocabulary}.
Not here commands and running them (scenario.fund_driver).
Held to  this by tests/scenario/test_fund_driver.py.

Kinds: draw, severity, pending, carried in all, waits, of a deficit; repaid, lent, credit, split, excess, from, of money
that is placed; carried, pending of, haircut, carried in all, pending, of a batch that is settled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, get_args

from seawall.fund.events import (
    Event,
    InflowRouted,
    LayerMigrated,
    MarketClosed,
    PoolReleased,
    RecoveryPlaced,
    Settled,
    SettledRow,
    SeverityCarried,
    ShortfallsDrawn,
)
from seawall.fund.messages import Refused, Repeated
from seawall.rules.limits import Bound
from seawall.scenario.checks import Fact
from seawall.scenario.parse import Item, Statement, Words, near
from seawall.scenario.staking import STAKING, read_claim, read_staking, staking_facts
from seawall.scenario.vocabulary import Vocabulary

BOUNDS: Final = (*(bound for bound in get_args(Bound) if bound), "unbound")
"""What can bind a draw (SPEC 6), and the word for a draw that nothing bound."""
EXCESS: Final = ("stakers", "treasury", "fee_rebate", "hedges", "buyback")
"""Receivers of excess."""
SPLIT: Final = ("treasury", "liquidator", "lender")
"""Receivers of a part of an inflow; `lender` also of what a credit line lent."""

_PLACED = frozenset({"repaid", "lent", "credit", "split", "excess", "claim"})
_SETTLED = frozenset({"carried", "pending of"})
COMPLETE: Final[dict[str, frozenset[str]]] = {
    "deficit": frozenset({"draw", "severity", "waits"}),
    "inflow": _PLACED,
    "top_up": _PLACED,
    "close_market": _PLACED,
    "migrate": _PLACED,
    "release": _PLACED,
    "settle": _SETTLED,
    "lapse": _SETTLED,
    "recover": _PLACED,
    "stake": frozenset({"shares", "taken"}),
    "cancel": frozenset({"freed", "burnt"}),
    "redeem": frozenset({"paid", "left"}),
    "take_claims": frozenset({"paid"}),
    "lapse_requests": frozenset({"lapsed"}),
}
"""Kinds of facts that the expectation of a statement has to state in full; of other statements there are none."""
IN_ALL: Final = {"carried in all": "carried", "pending": "pending of"}
"""A total states what every single one of its kind would."""


# -- what happened -----------------------------------------------------------------------------------------------


def facts_of(vocabulary: Vocabulary, events: Sequence[Event], deficit: str) -> list[Fact]:
    """What the events of one command say; of a batch of deficits only what concerns the one that is named."""
    facts: list[Fact] = []
    for event in events:
        match event:
            case ShortfallsDrawn():
                facts += _draws(vocabulary, event, deficit)
            case InflowRouted() | MarketClosed() | PoolReleased() | RecoveryPlaced():
                facts += _placed(vocabulary, event)
            case LayerMigrated():
                facts.append(_amount(vocabulary, "from", (event.migrate.from_layer,), int(event.moved)))
                facts.append(_credit(vocabulary, event.migrate.to_layer, int(event.moved)))
            case Settled():
                facts += _settled(vocabulary, event.rows)
            case SeverityCarried():
                if event.why == "policy":  # on the heels of its draws: nothing stays pending, all is carried
                    rows = [row for row in event.rows if row.deficit == deficit]
                    facts = [fact for fact in facts if fact.kind not in ("pending", "carried in all")]
                    facts += _settled(vocabulary, rows)
                else:
                    facts += _settled(vocabulary, event.rows)
        facts += staking_facts(vocabulary, event)
    return facts


def _amount(vocabulary: Vocabulary, kind: str, key: tuple[str, ...], units: int, head: str = "") -> Fact:
    words = [head or kind.partition(" ")[0], *key, vocabulary.text(units)]
    return Fact(kind, key, (units,), " ".join(words))


WAITS: Final = Fact("waits", (), (), "waits")
"""Of a deficit that a layer of draw mode `block` keeps waiting."""


def _draws(vocabulary: Vocabulary, event: ShortfallsDrawn, deficit: str) -> list[Fact]:
    if deficit in event.waiting:
        return [WAITS]
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


def _credit(vocabulary: Vocabulary, layer: str, units: int) -> Fact:
    return Fact("credit", (layer,), (units,), f"{layer} {vocabulary.text(units)}")


def _split(vocabulary: Vocabulary, receiver: str, units: int) -> Fact:
    return Fact("split", (receiver,), (units,), f"{receiver} {vocabulary.text(units)}")


def _lent(vocabulary: Vocabulary, layer: str, units: int) -> Fact:
    return _amount(vocabulary, "lent", (layer,), units, head="lender")


def _placed(vocabulary: Vocabulary, event: InflowRouted | MarketClosed | PoolReleased | RecoveryPlaced) -> list[Fact]:
    facts = []
    if isinstance(event, MarketClosed | PoolReleased) and event.layer is not None:
        facts.append(_amount(vocabulary, "from", (event.layer,), int(event.moved)))
    facts += [_amount(vocabulary, "repaid", (row.deficit,), int(row.amount)) for row in event.repaid]
    if isinstance(event, InflowRouted | PoolReleased):  # income of a tranche with stakers is theirs
        facts += [_credit(vocabulary, row.tranche.layer, int(row.amount)) for row in event.rewards]
    facts += [_credit(vocabulary, row.layer, int(row.amount)) for row in event.credits]
    for paid in event.paid_out:
        if paid.why == "excess":
            facts.append(_amount(vocabulary, "excess", (paid.receiver,), int(paid.amount)))
        elif paid.why == "repaid":
            facts.append(_lent(vocabulary, paid.layer or "", int(paid.amount)))
        else:
            facts.append(_split(vocabulary, paid.receiver, int(paid.amount)))
    return facts


def _settled(vocabulary: Vocabulary, rows: Sequence[SettledRow]) -> list[Fact]:
    facts = []
    for row in rows:
        facts.append(_amount(vocabulary, "carried", (row.deficit,), int(row.carried)))
        facts.append(_amount(vocabulary, "pending of", (row.deficit,), int(row.pending)))
        facts.append(_amount(vocabulary, "haircut", (row.deficit,), int(row.haircut)))
    facts.append(_amount(vocabulary, "pending", (), sum(int(row.pending) for row in rows)))
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
    """`bucket 100 (capacity)`, `severity 50`, `pending 50`, `carried 50`, `waits`."""
    if words.take("waits"):
        return WAITS
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
    """`repaid D1 50`, `bucket 70`, `treasury 5`, `excess stakers 3`, `lender line 20`, `claim tranche A 5`."""
    if words.take("repaid"):
        return _amount(vocabulary, "repaid", (words.id("a deficit"),), vocabulary.money(words, "what was repaid"))
    if words.take("claim"):
        return read_claim(vocabulary, words)
    if words.take("excess"):
        receiver = words.one_of("a receiver", EXCESS)
        return _amount(vocabulary, "excess", (receiver,), vocabulary.money(words, "the excess"))
    if words.peek() in SPLIT:
        receiver = words.next("a receiver")
        if receiver == "lender" and words.left > 1:
            return _lent(vocabulary, vocabulary.layer(words), vocabulary.money(words, "what was paid back"))
        return _split(vocabulary, receiver, vocabulary.money(words, f"the part of {receiver}"))
    if words.take("from"):
        return _amount(vocabulary, "from", (vocabulary.layer(words),), vocabulary.money(words, "what it held"))
    wanted = f"a layer of the design, repaid, {', '.join(SPLIT)}, excess, from or an answer"
    layer = vocabulary.layer(words, wanted)
    return _credit(vocabulary, layer, vocabulary.money(words, f"what {layer} takes"))


def read_settled(vocabulary: Vocabulary, words: Words) -> Fact:
    """`carried D1 50`, `pending D1 10`, `haircut D1 40`; `carried 50` and `pending 10` for all."""
    word = words.one_of("an expectation", ("carried", "pending", "haircut"))
    if word != "haircut" and words.left == 1:
        kind = "carried in all" if word == "carried" else word
        return _amount(vocabulary, kind, (), vocabulary.money(words, f"what is {word}"))
    kind = "pending of" if word == "pending" else word
    return _amount(vocabulary, kind, (words.id("a deficit"),), vocabulary.money(words, f"the {word}"))


def read_answer_only(vocabulary: Vocabulary, words: Words) -> Fact:
    """The line of a batch, whose amounts stand on the lines of its deficits; or of what moves no money."""
    wanted = "an answer, or `nothing moves`; amounts of a batch stand on the lines of its deficits"
    raise words.bad(wanted, repr(words.peek()))


READERS: Final[dict[str, Reader]] = {
    "deficit": read_draw,
    "batch": read_answer_only,
    "inflow": read_placed,
    "top_up": read_placed,
    "close_market": read_placed,
    "migrate": read_placed,
    "release": read_placed,
    "settle": read_settled,
    "lapse": read_settled,
    "measure": read_answer_only,
    "inventory": read_answer_only,
    "inventory_loss": read_answer_only,
    **dict.fromkeys(STAKING, read_staking),
    "request": read_answer_only,
    "transfer": read_answer_only,
    "reward": read_answer_only,
    "recover": read_placed,
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
