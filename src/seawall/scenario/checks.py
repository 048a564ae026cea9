"""Checks: what a scenario wants beside what the machines did, and the verdict on each.

Layer    scenario; imports nothing of ours. Made by the drivers, shown by scenario.run.
Not here reading either side: the drivers turn items and events into facts.
Held to  this by tests/scenario/test_checks.py and by the mutation tests: an expectation with another figure fails.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation and what became of it.

    line           of the scenario file
    what           the statement, e.g. `deficit D1`
    wanted, found  as people write them
    """

    line: int
    what: str
    wanted: str
    found: str
    ok: bool

    def __str__(self) -> str:
        return f"{self.what}: wanted {self.wanted}; found {self.found}"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, or that is expected to.

    kind, key  what it is about, e.g. `draw` of layer `bucket`
    numbers    amounts, lots, prices; None in an expectation: not stated
    note       a bracketed remark; None in an expectation: not stated
    text       as people write it
    line       of the expectation; 0 for what happened
    """

    kind: str
    key: tuple[str, ...]
    numbers: tuple[int | None, ...]
    text: str
    note: str | None = None
    line: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether it comes to nothing: all figures are zero. What has no figures is something."""
        return bool(self.numbers) and not any(self.numbers) and self.note is None

    def met_by(self, found: Fact) -> bool:
        """Whether what happened is what this expectation states."""
        figures = zip(self.numbers, found.numbers, strict=True)
        return all(a is None or a == b for a, b in figures) and self.note in (None, found.note)


def compare(
    what: str, line: int, wanted: Sequence[Fact], found: Sequence[Fact], complete: Collection[str]
) -> list[Check]:
    """Each expectation against the facts, then every fact that should have been stated and was not.

    line      of the statement, for facts that nobody stated
    complete  kinds of which everything that comes to more than nothing has to be stated
    """
    by_key = {(fact.kind, fact.key): fact for fact in found}
    checks = []
    for item in wanted:
        fact = by_key.pop((item.kind, item.key), None)
        ok = item.is_nothing if fact is None else item.met_by(fact)
        checks.append(Check(item.line, what, item.text, NOTHING if fact is None else fact.text, ok))
    for fact in by_key.values():
        if fact.kind in complete and not _comes_to_nothing(fact):
            checks.append(Check(line, what, "nothing that is not stated", fact.text, False))
    return checks


def _comes_to_nothing(fact: Fact) -> bool:
    return bool(fact.numbers) and not any(fact.numbers)
