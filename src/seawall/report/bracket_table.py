"""Bracket table: one crash as its prices are, with own impact counted twice, and with own impact taken out; rows, text.

Layer    report; imports report.{comparison,summary,terminal,wording}. Called by the CLI.
Not here the runs (stress.bracket). No case is called the true one: the three say how much the assumption matters.
Held to  this by tests/report/test_bracket_table.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct
from rich.console import Group, RenderableType

from seawall.amounts import Units
from seawall.report.comparison import compared
from seawall.report.summary import Summary
from seawall.report.terminal import Fitting, Line
from seawall.report.wording import count, currency, percent

BracketCase = Literal["as_they_are", "counted_twice", "own_removed"]

CASES: Final[Mapping[BracketCase, str]] = {
    "as_they_are": "as they are",
    "counted_twice": "counted twice",
    "own_removed": "own removed",
}
"""The cases in order, and the words of the table. Folders have the names with `-` for `_`."""

WORDS: Final[Sequence[str]] = (
    "as they are: real prices hold the cascade already, own sales do not move them",
    "counted twice: the design's pass-through moves these prices once more",
    "own removed: what the run as they are touched is taken out of each price, then passed through; one pass, no fixed "
    "point",
)


class RemovedRow(Struct, frozen=True):
    """What was taken out of one market's prices: at how many steps, the largest rise and the largest fall in ticks."""

    market: str
    steps: int
    raised_ticks: int
    lowered_ticks: int


class BracketRow(Struct, frozen=True, kw_only=True):
    """One case's run. Money in base units.

    amount    of all deficits; `covered_ppm` is what layers paid of them, rounded down
    haircuts  what traders paid, by any way
    carried   bad debt outstanding at the end
    removed   markets whose prices differ from the path's
    """

    case: BracketCase
    pass_through_ppm: int
    deficits: int
    amount: Units
    covered_ppm: int
    drawn: Units
    severity: Units
    haircuts: Units
    carried: Units
    verdict: str
    conservation_exact: bool
    removed: tuple[RemovedRow, ...]


def folder_name(case: BracketCase) -> str:
    """The name of a case's run folder."""
    return case.replace("_", "-")


def bracket_rows(rows: Sequence[BracketRow], summaries: Sequence[Summary]) -> list[tuple[str, ...]]:
    """Figures as rows, a column a case: the pass-through, then what any comparison of runs tells."""
    return [("pass-through", *(percent(row.pass_through_ppm) for row in rows)), *compared(summaries)]


def bracket_report(rows: Sequence[BracketRow], summaries: Sequence[Summary]) -> RenderableType:
    """The table for a terminal, what its columns are, and what was taken out."""
    heads = (currency(summaries[0]).id, *(CASES[row.case] for row in rows))
    return Group(
        Fitting(heads, bracket_rows(rows, summaries), words_last=False),
        *map(Line, WORDS),
        Line(removed_text(rows[-1].removed)),
    )


def removed_text(removed: Sequence[RemovedRow]) -> str:
    """`taken out: BTC-PERP at 3 steps, up to 25 ticks back up`; says so where there was nothing to take out."""
    if not removed:
        return "taken out: nothing, no own fill touched a level away from the price"
    parts = []
    for row in removed:
        ways = [(row.raised_ticks, "back up"), (row.lowered_ticks, "back down")]
        most = " and ".join(f"{count(ticks, 'tick')} {way}" for ticks, way in ways if ticks)
        parts.append(f"{row.market} at {count(row.steps, 'step')}, up to {most}")
    return "taken out: " + "; ".join(parts)
