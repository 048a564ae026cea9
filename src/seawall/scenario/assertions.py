"""Assertions: figures of a machine's state that a scenario states; those of the fund, which every driver knows.

Layer    scenario; imports fund.state, scenario.{parse,checks,vocabulary}.
Not here what follows from a statement (the drivers), accounts and positions (scenario.venue_driver).
Held to  this by tests/scenario/test_fund_driver.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from seawall.fund.state import FundState
from seawall.scenario.checks import Check
from seawall.scenario.parse import Statement, Words
from seawall.scenario.vocabulary import Vocabulary

Action = Callable[[], list[Check]]
"""What running a statement does, and the checks that it gives."""

RECEIVERS: Final = ("stakers", "treasury", "fee_rebate", "hedges")
LAYER_FIGURES: Final = ("balance", "drawn", "credited")

_TOTALS: Final[dict[str, Callable[[FundState], int]]] = {
    "layers": lambda state: state.layers_units,
    "deficits": lambda state: state.totals.deficits,
    "drawn": lambda state: state.totals.drawn,
    "haircuts": lambda state: state.totals.haircuts,
    "recovered": lambda state: state.totals.recovered,
    "carried": lambda state: state.carried_units,
    "pending": lambda state: state.pending_units,
    "paid_out": lambda state: state.totals.paid_out,
    "money_in": lambda state: state.totals.money_in,
    "events": lambda state: state.last_seq - 1,
}
"""Subjects that are one figure. `events` leaves out the opening: it counts what the statements wrote."""

FUND_SUBJECTS: Final = ("layer", *_TOTALS)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that is stated.

    name  in front of it, "" where the subject says it all
    find  how it is found; None: there is no such thing
    show  the figure as people write it
    """

    name: str
    wanted: int
    find: Callable[[], int | None]
    show: Callable[[int], str]

    def check(self, line: int, what: str) -> Check:
        """The figure beside what is found."""
        found = self.find()
        wanted_text, found_text = (
            f"{self.name} {'no such thing' if n is None else self.show(n)}".strip() for n in (self.wanted, found)
        )
        return Check(line, what, wanted_text, found_text, self.wanted == found)


def figures(vocabulary: Vocabulary, statement: Statement, read: Callable[[Words], Figure]) -> Action:
    """An assertion over figures; commas between them may be left out."""
    stated: list[tuple[int, Figure]] = []
    for item in statement.expected or ():
        words = vocabulary.item(statement.what, item)
        while words.left:
            stated.append((item.line, read(words)))
    if not stated:
        raise vocabulary.words(statement).bad("a figure behind the arrow", "nothing")
    return lambda: [figure.check(line, statement.what) for line, figure in stated]


def fund_assertion(vocabulary: Vocabulary, statement: Statement, fund: Callable[[], FundState]) -> Action:
    """`layer shared -> balance 200`, `carried D1 -> 50`, `paid_out treasury -> 5`, `events -> 4`.

    fund  the state when the scenario gets there
    """
    words = vocabulary.words(statement)
    subject = words.one_of("a subject", FUND_SUBJECTS)
    if subject == "layer":
        layer = vocabulary.layer(words)
        words.end()

        def of_layer(item: Words) -> Figure:
            name = item.one_of("a figure of a layer", LAYER_FIGURES)
            wanted = vocabulary.money(item, name)
            return Figure(name, wanted, lambda: int(getattr(fund().layers[layer], name)), vocabulary.text)

        return figures(vocabulary, statement, of_layer)
    find = _one_figure(subject, words)
    words.end()

    def of_subject(item: Words) -> Figure:
        if subject == "events":
            return Figure("", item.integer("a number of events"), lambda: find(fund()), str)
        return Figure("", vocabulary.money(item, subject), lambda: find(fund()), vocabulary.text)

    return figures(vocabulary, statement, of_subject)


def _one_figure(subject: str, words: Words) -> Callable[[FundState], int | None]:
    """How the figure of a subject is found: all of it, or the part of one deficit, batch, account or receiver."""
    if not words.left or subject not in ("carried", "pending", "paid_out"):
        return _TOTALS[subject]
    if subject == "paid_out":
        receiver = words.one_of("a receiver", RECEIVERS)
        return lambda state: state.receivers.get(receiver, 0)
    part = words.next("an id")
    return lambda state: _carried(state, part) if subject == "carried" else _pending(state, part)


def _carried(state: FundState, part: str) -> int | None:
    """Carried debt of a deficit, or of all deficits of an account; None where neither was ever heard of."""
    if part in state.deficits:
        return state.carried[part].amount if part in state.carried else 0
    commands = (command for command, _ in state.answered.values())
    accounts = {each.account for command in commands for each in getattr(command, "deficits", ())}
    if part not in accounts:
        return None
    return sum(debt.amount for debt in state.carried.values() if debt.account == part)


def _pending(state: FundState, part: str) -> int | None:
    """Pending severity of a batch or a deficit; None where neither was ever heard of."""
    if part in state.deficits.values():
        return sum(state.pending[part].severity.values()) if part in state.pending else 0
    if part in state.deficits:
        batch = state.pending.get(state.deficits[part])
        return batch.severity.get(part, 0) if batch else 0
    return None
