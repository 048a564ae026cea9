"""Problems with what people hand us: where it stands, what was wanted, what was found.

Layer    design; imports nothing of ours. Raised by every reader of a file (design, book, path, scenario, run folder).
Not here failures of the machine (disk, missing library) and broken invariants: those are not the user's input.
Held to  this by the CLI, which prints one line a problem and exits with 2, nothing written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one input.

    file    the file as the user named it ("" when it is an option)
    line    1-based line or row, 0 when there is none (a whole file, a Parquet column)
    field   the key, column or option, e.g. `layers[2].window_limit`
    wanted  what the rule wants
    found   what stands there
    rule    which rule asks for it, e.g. "SPEC 1"
    hint    a remedy, e.g. the nearest known key
    """

    file: str
    line: int
    field: str
    wanted: str
    found: str
    rule: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        head = "  ".join(part for part in (place, self.field) if part)
        text = f"{head}: wanted {self.wanted}; found {self.found}"
        if self.rule:
            text += f" ({self.rule})"
        if self.hint:
            text += f"; {self.hint}"
        return text


class BadInput(Exception):
    """Input that cannot be used; carries every problem found, at least one. Exit code 2."""

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
