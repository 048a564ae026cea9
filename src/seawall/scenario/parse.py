"""Parse: the text of a scenario as statements with line numbers, and the words of a statement one by one.

Layer    scenario; imports amounts, design.errors. Read by scenario.design and the drivers, which give words a meaning.
Not here what a statement means, and whether its ids exist.
Held to  this by tests/scenario/test_parse.py: every problem names file, line, statement, wanted and found.

A line is a statement. An indented line goes on with the statement above it. `->` stands between what happens and what
is expected; `#` begins a comment; commas part the items of a list.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from seawall.amounts import AmountError, check_id, parse_decimal, parse_integer
from seawall.design.errors import BadInput, Problem

RULE: Final = "scenario language"
ARROW: Final = "->"
HEADER: Final = ("title", "spec", "driver")
OPTIONAL_HEADER: Final = ("mechanism",)
DESIGN_WORDS: Final = (
    "design", "set", "unset", "asset", "market", "layer", "trigger", "surcharge_ppm", "capacity", "max_age_ms",
    "commission_share_ppm", "surcharge_split", "residual_split", "excess_split", "exhaustion", "depth",
    "pass_through_ppm", "recovery_ppm", "liquidation", "mark", "accounts", "withdrawals", "publishing", "stress",
    "takeover", "pool", "revenue_pool", "staking", "holding",
)  # fmt: skip
"""Statements that state the design: without an arrow, and before anything happens."""

PARENTS: Final = {"batch": "deficit", "withdraw_batch": "withdraw"}
"""Statements whose indented lines are statements of their own, and the word with which each of these begins."""

BUILT_DRIVERS: Final = ("fund", "venue", "kernel", "ledger")
PLANNED_DRIVERS: Final = ("contract",)
"""Words of the language that this version cannot run yet."""

_TOKEN = re.compile(r"\([^()]*\)|[^\s,()]+|,|[()]")
_THOUSANDS = re.compile(r"[0-9],[0-9]")
_TIME = re.compile(r"(0|[1-9][0-9]{0,15})(ms|s|min|h|d)?", re.ASCII)
_UNIT_MS = {None: 1, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is expected: its words, a bracketed remark being one word."""

    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


@dataclass(slots=True)
class Statement:
    """One statement.

    words     what happens (or, for an assertion, what is looked at), indented lines included
    expected  the items behind the arrow; None without an arrow: nothing is compared
    children  the statements under it: deficits of a batch, withdrawals paid together
    parent    how messages name the statement that this one is a part of
    """

    line: int
    words: list[str]
    expected: list[Item] | None = None
    children: list[Statement] = field(default_factory=list)
    parent: str = ""

    @property
    def keyword(self) -> str:
        """The first word."""
        return self.words[0]

    @property
    def what(self) -> str:
        """How messages name the statement, e.g. `deficit D1`."""
        return " ".join([self.parent, *self.words[:2]]).strip()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario file, read.

    file      as the user named it
    path      where design files are looked up from
    spec      the sections it holds the machines to
    drivers   that can run it, the preferred one first
    mechanisms  of docs/conformance.md that it is an example of, by number
    design    the statements of the design, in order
    statements  what happens and what is asserted, in order
    """

    file: str
    path: Path
    title: str
    spec: tuple[str, ...]
    drivers: tuple[str, ...]
    mechanisms: tuple[int, ...]
    design: tuple[Statement, ...]
    statements: tuple[Statement, ...]


def near(word: str, known: Iterable[str]) -> str:
    """A remedy for a word that is not known: the nearest one that is."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f'did you mean "{found[0]}"?' if found else ""


def time_ms(text: str) -> int | None:
    """A time or duration in ms: `60000`, `60s`, `1min`, `24h`, `1d`; None where it is not written so."""
    match = _TIME.fullmatch(text)
    return int(match.group(1)) * _UNIT_MS[match.group(2)] if match else None


class Words:
    """The words of one statement or item, taken one by one; every error is a located Problem."""

    def __init__(self, file: str, line: int, what: str, words: Sequence[str]) -> None:
        self._file, self._line, self._what, self._words = file, line, what, words
        self._here = 0

    @property
    def left(self) -> int:
        """How many words were not taken yet."""
        return len(self._words) - self._here

    def peek(self) -> str:
        """The next word; "" at the end."""
        return self._words[self._here] if self.left else ""

    def next(self, wanted: str) -> str:
        """The next word, whatever it is."""
        if not self.left:
            raise self.bad(wanted, "the end of the statement")
        self._here += 1
        return self._words[self._here - 1]

    def take(self, word: str) -> bool:
        """Whether the next word is this one; if so it is taken."""
        if self.peek() != word:
            return False
        self._here += 1
        return True

    def one_of(self, wanted: str, known: Sequence[str]) -> str:
        """One of some words."""
        word = self.next(f"{wanted}: {', '.join(known)}")
        if word not in known:
            raise self.bad(f"{wanted}: {', '.join(known)}", repr(word), near(word, known))
        return word

    def id(self, wanted: str) -> str:
        """An id, whether or not it is known."""
        return self._amount(wanted, check_id)

    def integer(self, wanted: str, *, signed: bool = False) -> int:
        """A whole number."""
        return self._amount(wanted, lambda word: parse_integer(word, signed=signed))

    def amount(self, wanted: str, decimals: int, *, signed: bool = False) -> int:
        """An amount in asset units, as base units."""
        return self._amount(wanted, lambda word: parse_decimal(word, decimals, signed=signed))

    def time(self, wanted: str) -> int:
        """A time or duration, as ms."""
        word = self.next(wanted)
        found = time_ms(word)
        if found is None:
            raise self.bad(f"{wanted} in ms, or with a unit: 60000, 60s, 1min, 24h, 1d", repr(word))
        return found

    def remark(self) -> str | None:
        """What stands in brackets next, without them; None where nothing does."""
        if not self.peek().startswith("("):
            return None
        return " ".join(self.next("a remark")[1:-1].split())

    def end(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise self.bad("the end of the statement, or a comma", repr(self.peek()))

    def bad(self, wanted: str, found: str, hint: str = "") -> BadInput:
        """The error for this statement."""
        return BadInput(Problem(self._file, self._line, self._what, wanted, found, RULE, hint))

    def _amount(self, wanted: str, read: Callable[[str], _T]) -> _T:
        word = self.next(wanted)
        try:
            return read(word)
        except AmountError as error:
            raise self.bad(f"{wanted}: {error.wanted}", repr(word), error.hint) from None


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file. Errors: BadInput with every problem of its lines and of its header."""
    name = str(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(Problem(name, 0, "", "a scenario file", "no such file")) from None
    except IsADirectoryError:
        raise BadInput(Problem(name, 0, "", "a scenario file", "a directory")) from None
    except PermissionError:
        raise BadInput(Problem(name, 0, "", "a scenario file that may be read", "permission denied")) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadInput(Problem(name, line, "", "UTF-8 text", f"byte 0x{error.object[error.start]:02x}")) from None
    return parse_scenario(text.removeprefix("\ufeff"), name, path)


def parse_scenario(text: str, file: str, path: Path) -> Scenario:
    """The scenario in a text; `file` names it in problems, `path` is where its design files are looked up from."""
    lines = _Lines(file)
    for number, line in enumerate(text.splitlines(), start=1):
        lines.read(number, line)
    header = _header(file, lines)
    design: list[Statement] = []
    statements: list[Statement] = []
    for statement in lines.statements:
        if statement.keyword in DESIGN_WORDS and statement.expected is None:
            if statements:
                first = statements[0]
                wanted = f"the design before anything happens, that is before line {first.line} ({first.what})"
                lines.problem(statement.line, statement.what, wanted, "a line of the design")
            design.append(statement)
        else:
            statements.append(statement)
    expecting = (each for s in statements for each in (s, *s.children) if each.expected is not None)
    if not lines.problems and not any(expecting):
        lines.problem(0, "", f'at least one expectation, behind "{ARROW}"', "none")
    if lines.problems:
        raise BadInput(sorted(lines.problems, key=lambda problem: problem.line))
    return Scenario(file, path, *header, tuple(design), tuple(statements))


def _header(file: str, lines: _Lines) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """(title, spec, drivers, mechanisms); what is missing or wrong is noted among the problems."""
    for keyword in HEADER:
        if not lines.header.get(keyword):
            lines.problem(0, keyword, f"a line `{keyword} ...`", "none")
    drivers = tuple(lines.header.get("driver", "").replace(",", " ").split())
    known = BUILT_DRIVERS + PLANNED_DRIVERS
    for driver in drivers:
        if driver not in known:
            wanted = f"one of the drivers {', '.join(known)}"
            lines.problem(lines.header_lines["driver"], "driver", wanted, repr(driver), near(driver, known))
    spec = tuple(part.strip() for part in lines.header.get("spec", "").split(",") if part.strip())
    numbers = lines.header.get("mechanism", "").replace(",", " ").split()
    for number in numbers:
        if re.fullmatch(r"[1-9][0-9]?", number, re.ASCII) is None:
            lines.problem(lines.header_lines["mechanism"], "mechanism", "numbers of mechanisms", repr(number))
    mechanisms = tuple(int(number) for number in numbers if number.isascii() and number.isdigit())
    return lines.header.get("title", ""), spec, drivers, mechanisms


class _Lines:
    """The lines of a file, put together as statements."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.header: dict[str, str] = {}
        self.header_lines: dict[str, int] = {}
        self.statements: list[Statement] = []
        self._above: Statement | None = None  # the statement that an indented line goes on with
        self._child: Statement | None = None  # the statement above, among those under another

    def problem(self, line: int, what: str, wanted: str, found: str, hint: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(self.file, line, what, wanted, found, RULE, hint))

    def read(self, number: int, line: str) -> None:
        """Take in one line."""
        text = line.partition("#")[0].rstrip()
        if not text.strip():
            return
        indented = text[0].isspace() or text.startswith(ARROW)
        text = text.strip()
        keyword, *rest = text.split(maxsplit=1)
        if keyword in HEADER + OPTIONAL_HEADER and not indented:
            self._above = self._child = None
            if keyword in self.header:
                self.problem(number, keyword, f"one line `{keyword}`", f"another on line {self.header_lines[keyword]}")
            self.header[keyword], self.header_lines[keyword] = "".join(rest), number
            return
        if match := _THOUSANDS.search(text):
            hint = "write amounts without separators of thousands, and a space behind a comma between items"
            self.problem(number, keyword, "a comma between two items, or none", repr(match.group()), hint)
            return
        for wrong in ("→", "=>"):
            if wrong in text:
                self.problem(number, keyword, f'"{ARROW}" in front of what is expected', repr(wrong))
                return
        before, arrow, after = text.partition(ARROW)
        if ARROW in after:
            self.problem(number, keyword, f'one "{ARROW}"', "another", "expectations are parted by commas")
            return
        words = self._tokens(number, keyword, before)
        items = _items(number, self._tokens(number, keyword, after)) if arrow else None
        if indented:
            self._go_on(number, words, items)
        elif not _plain(words):
            self.problem(number, "", "a statement", repr(text))
        else:
            self._above, self._child = Statement(number, _plain(words), items), None
            self.statements.append(self._above)

    def _go_on(self, number: int, words: list[str], items: list[Item] | None) -> None:
        """An indented line: more words of the statement above, or more of what is expected of it."""
        above = self._above
        if above is None:
            self.problem(number, "", "a statement above an indented line", "none")
            return
        child = PARENTS.get(above.keyword)
        if child is not None and words and (words[0] == child or self._child is None):
            parent = " ".join(word for word in above.words[:2] if word != "at")
            self._child = Statement(number, _plain(words), items, parent=parent)
            above.children.append(self._child)
            return
        target = self._child or above
        if words and (target.expected is not None or target.keyword == "step"):
            if items is not None:
                self.problem(number, target.what, f'"{ARROW}" in front of the expectations', repr(" ".join(words)))
                return
            items, words = _items(number, words), []
        target.words.extend(_plain(words))
        if items is not None:
            target.expected = (target.expected or []) + items

    def _tokens(self, number: int, keyword: str, text: str) -> list[str]:
        words = _TOKEN.findall(text)
        if "(" in words or ")" in words:
            self.problem(number, keyword, "brackets in pairs, none within another", repr(text.strip()))
        return words


def _plain(words: Sequence[str]) -> list[str]:
    """Words in front of an arrow: commas only make them easier to read."""
    return [word for word in words if word != ","]


def _items(line: int, words: Sequence[str]) -> list[Item]:
    """The items of a list: commas part them."""
    items: list[list[str]] = [[]]
    for word in words:
        if word == ",":
            items.append([])
        else:
            items[-1].append(word)
    return [Item(line, tuple(item)) for item in items if item]
