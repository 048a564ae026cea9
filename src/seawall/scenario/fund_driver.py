"""Fund driver: a scenario's statements as commands to a fund, its answers compared with what was expected.

Layer    scenario; imports design.types, fund, scenario.{assertions,checks,fund_commands,fund_facts,parse,staking,
         vocabulary}.
Not here any decision: every amount that is found was decided by fund.decide, and the journal checks its invariants.
Held to  this by tests/scenario/test_fund_driver.py and by every scenario with `driver fund`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from seawall.design.types import Design
from seawall.fund.codec import CorruptLog
from seawall.fund.events import Event
from seawall.fund.journal import Journal, replay, state_digest
from seawall.fund.messages import AnyCommand, Refused, Repeated, Shortfall, Shortfalls
from seawall.fund.state import FundState
from seawall.scenario.assertions import FUND_SUBJECTS, Action, fund_assertion
from seawall.scenario.checks import Check, Fact, compare
from seawall.scenario.fund_commands import FundCommands
from seawall.scenario.fund_facts import (
    COMPLETE,
    IN_ALL,
    READERS,
    WAITS,
    Expected,
    answer_text,
    answers,
    facts_of,
    read_expected,
)
from seawall.scenario.parse import Scenario, Statement, Words, near
from seawall.scenario.staking import STAKING_SUBJECTS, staking_assertion
from seawall.scenario.vocabulary import Vocabulary

Answer = tuple[Event, ...] | Refused | Repeated


class Log(Protocol):
    """A fund and its log: a journal, or what answers as one does."""

    @property
    def state(self) -> FundState:
        """The fund now."""

    @property
    def lines(self) -> list[bytes]:
        """Every event as bytes."""

    def submit(self, command: AnyCommand, t_ms: int) -> Answer:
        """Decide a command at a time, and apply what follows."""


class FundDriver:
    """One fund; `read` turns a statement into what running it does."""

    name = "fund"

    def __init__(self, scenario: Scenario, design: Design, text: str) -> None:
        self._design, self._text = design, text
        self._vocabulary = Vocabulary(scenario.file, design)
        self._commands = FundCommands(self._vocabulary, design)
        self._journal = self._begun()

    def _begun(self) -> Log:
        """A fund and its log, at the time 0."""
        return Journal(self._design, self._text, 0)

    def read(self, statement: Statement) -> Action:
        """What a statement does. Errors: BadInput, for words that make no sense here."""
        words = self._vocabulary.words(statement)
        keyword = words.next("a statement")
        subjects = (*FUND_SUBJECTS, *STAKING_SUBJECTS)
        known = sorted({"deficit", "batch", "t", "restart", *self._commands.keywords, *subjects})
        if keyword in subjects and (keyword != "measure" or words.left == 1):
            if statement.expected is None:
                raise words.bad(f'"->" and what {keyword} is expected to be', "no arrow")
            about = staking_assertion if keyword in STAKING_SUBJECTS else fund_assertion
            return about(self._vocabulary, statement, lambda: self._journal.state)
        if keyword in ("t", "restart"):
            return self._control(keyword, words, statement)
        if keyword == "batch":
            return self._batch(words, statement)
        if keyword == "deficit":
            shortfall = self._commands.shortfall(words, statement)
            return self._ask(Shortfalls(id=shortfall.id, deficits=(shortfall,)), statement, shortfall.id)
        if keyword in self._commands.keywords:
            return self._ask(self._commands.read(keyword, words, statement), statement)
        raise words.bad(f"one of the statements {', '.join(known)}", repr(keyword), near(keyword, known))

    def finish(self) -> list[Check]:
        """The log, replayed, gives the same fund (I7)."""
        try:
            same = state_digest(replay(self._journal.lines)) == state_digest(self._journal.state)
            found = "the same state" if same else "another state"
        except CorruptLog as error:
            same, found = False, str(error)
        return [Check(0, "the log, replayed", "the same state", found, same)]

    def close(self) -> None:
        """Nothing is open."""

    # -- statements that are no single command -------------------------------------------------------------------

    def _control(self, keyword: str, words: Words, statement: Statement) -> Action:
        if statement.expected is not None:
            raise words.bad("no expectation: nothing can follow from it", '"->"')
        if keyword == "t":
            self._vocabulary.at(words)
            words.end()
            return list
        words.end()
        self._vocabulary.clock = 0

        def restart() -> list[Check]:
            checks = [replace(check, line=statement.line) for check in self.finish() if not check.ok]
            self._journal = self._begun()
            return checks

        return restart

    def _batch(self, words: Words, statement: Statement) -> Action:
        ident = words.id("a batch id")
        self._vocabulary.clauses(words, ())
        at = self._vocabulary.clock
        deficits: list[Shortfall] = []
        children: list[tuple[Statement, str, Expected | None]] = []
        for child in statement.children:
            inner = self._vocabulary.words(child)
            inner.one_of("under a batch lines that begin with", ("deficit",))
            deficits.append(self._commands.shortfall(inner, child))
            expected = read_expected(self._vocabulary, child, READERS["deficit"])
            if expected is not None and expected.answer != "accepted":
                raise inner.bad("amounts; an answer such as `duplicate` stands on the batch's line", "an answer")
            children.append((child, deficits[-1].id, expected))
        whole = read_expected(self._vocabulary, statement, READERS["batch"])
        if not deficits and (whole is None or whole.answer != "refused"):
            raise words.bad("indented lines `deficit ...` under the batch", "none")
        command = Shortfalls(id=ident, deficits=tuple(deficits))

        def run() -> list[Check]:
            answer, checks = self._submit(command, at, statement, whole)
            for child, deficit, expected in children:
                if expected is None:
                    continue
                if isinstance(answer, Refused | Repeated) and not _waits(answer):
                    checks.append(Check(expected.line, child.what, expected.text, answer_text(answer), False))
                else:
                    checks += self._compared(child, expected, answer, deficit)
            return checks

        return run

    # -- running -----------------------------------------------------------------------------------------------

    def _ask(self, command: AnyCommand, statement: Statement, deficit: str = "") -> Action:
        """Submit a command when it is its turn, and compare everything that follows."""
        at = self._vocabulary.clock
        expected = read_expected(self._vocabulary, statement, READERS[statement.keyword])

        def run() -> list[Check]:
            answer, checks = self._submit(command, at, statement, expected)
            if expected is None or expected.answer != "accepted":
                return checks
            return checks + self._compared(statement, expected, answer, deficit)

        return run

    def _compared(self, statement: Statement, expected: Expected, answer: Answer, deficit: str) -> list[Check]:
        """What a statement expects beside what the fund said. A batch that waits whole says so by refusing it."""
        if _waits(answer):
            found: list[Fact] = [WAITS]
        elif isinstance(answer, Refused | Repeated):
            return []
        else:
            found = facts_of(self._vocabulary, answer, deficit)
        totals = {IN_ALL[fact.kind] for fact in expected.facts if fact.kind in IN_ALL}
        complete = COMPLETE.get(statement.keyword, frozenset()) - totals
        return compare(statement.what, statement.line, expected.facts, found, complete)

    def _submit(
        self, command: AnyCommand, at: int, statement: Statement, expected: Expected | None
    ) -> tuple[Answer, list[Check]]:
        """(the events, or what the fund said instead; checks of the answer as such)."""
        state = self._journal.state
        money, digest = self._money(), state_digest(state)
        answer = self._journal.submit(command, at)
        line, what = expected.line if expected else statement.line, statement.what
        wanted = expected.text if expected else "accepted"
        checks = []
        if isinstance(answer, Refused | Repeated):
            if not _waits(answer) or not _expects_to_wait(statement):
                ok = expected is not None and answers(answer, expected)
                checks.append(Check(line, what, wanted, answer_text(answer), ok))
            if state_digest(state) != digest:
                checks.append(Check(line, what, "a fund unchanged", "a fund changed", False))
        elif expected is not None and expected.answer not in ("accepted", "any"):
            checks.append(Check(line, what, wanted, "accepted", False))
        if expected is not None and expected.still:
            moved = "something moves" if self._money() != money else "nothing moves"
            checks.append(Check(line, what, "nothing moves", moved, moved == "nothing moves"))
        return answer, checks

    def _money(self) -> object:
        """Everything that money can move, by value."""
        state = self._journal.state
        return (
            {name: (layer.balance, layer.commitment) for name, layer in state.layers.items()},
            state.held_units,
            dict(state.receivers),
            {name: debt.amount for name, debt in state.carried.items()},
            {name: dict(batch.severity) for name, batch in state.pending.items()},
        )


def _waits(answer: Answer) -> bool:
    """Whether a whole batch waits: a layer that must pay its deficits whole cannot pay them now."""
    return isinstance(answer, Refused) and answer.code == "state" and answer.field.startswith("deficits[")


def _expects_to_wait(statement: Statement) -> bool:
    """Whether what waits is stated: on the statement, or on the deficits of a batch."""
    items = [item for each in (statement, *statement.children) for item in each.expected or ()]
    return any(item.words == ("waits",) for item in items)
