"""Terminal: a run, and several side by side, as text tables.

Layer    report; imports report.{comparison,reading,summary,wording}, Rich. Called by the CLI.
Not here the page (report.page); a terminal gets the summary, not the charts.
Held to  this by tests/report/test_terminal.py. Nothing depends on the terminal but the width that its console has;
         `text` renders at a given width, the same everywhere.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from seawall.report.comparison import check_comparable, compared, differences, labels
from seawall.report.reading import RunFolder, read_summary
from seawall.report.summary import Summary
from seawall.report.wording import HOW, bound_text, count, currency, haircuts_by_way, percent

WIDTH = 100
_GAP = 2  # spaces between columns


def run_report(run: RunFolder | Path) -> RenderableType:
    """What ran, the layers, who paid, and the verdict.

    run     a run that was read, or its folder: then summary.json alone is read
    Errors  BadInput when that cannot be read.
    """
    summary = run.summary if isinstance(run, RunFolder) else read_summary(run)
    return Group(
        Line(_head(summary)),
        layer_table(summary),
        *map(Line, _payers(summary)),
        Line(verdict_line(summary)),
    )


def comparison_report(runs: Sequence[RunFolder]) -> RenderableType:
    """Two or more runs side by side. Errors: BadInput when they cannot be compared."""
    return comparison_table([run.summary for run in runs])


def layer_table(summary: Summary) -> RenderableType:
    """Layers in the order in which they are drawn: before, credited, drawn, after, bound by; no digit is ever cut."""
    money = currency(summary)
    names = ("before", "credited", "drawn", "after")
    columns = [money.column([int(getattr(row, name)) for row in summary.layers]) for name in names]
    heads = ("layer", *names, "bound by")
    rows = [
        (row.layer, *amounts, bound_text(row.bound_by)) for row, *amounts in zip(summary.layers, *columns, strict=True)
    ]
    return Fitting(heads, rows)


class Line:
    """A sentence, broken between words at the console's width; no trailing spaces."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text("\n".join(_wrapped(self._text, options.max_width)))


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width`; a word breaks only where it is longer than a line."""
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


class Fitting:
    """A table where the console is wide enough; where it is not, a block of lines for each row, so that nothing is cut.

    The first column is to the left, the others to the right; a last column of words to the left, broken between words
    where that makes the table fit. No line has trailing spaces.
    """

    def __init__(self, heads: Sequence[str], rows: Sequence[Sequence[str]], *, words_last: bool = True) -> None:
        self._heads, self._rows, self._words_last = heads, rows, words_last

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = self._table(options.max_width) or self._blocks()
        yield Text("\n".join(line.rstrip() for line in lines), overflow="fold")

    def _table(self, width: int) -> list[str]:
        """The table's lines; none when it does not fit."""
        widths = [max(map(len, column)) for column in zip(self._heads, *self._rows, strict=True)]
        last = widths[-1]
        if self._words_last:
            words = " ".join([self._heads[-1], *(row[-1] for row in self._rows)]).split()
            last = min(last, max(width - sum(widths[:-1]) - _GAP * (len(widths) - 1), *map(len, words)))
        if sum(widths[:-1]) + last + _GAP * (len(widths) - 1) > width:
            return []
        lines = []
        for first, *figures, end in (self._heads, *self._rows):
            cells = [f"{first:<{widths[0]}}", *(f"{text:>{w}}" for text, w in zip(figures, widths[1:-1], strict=True))]
            head, *more = _wrapped(end, last) if self._words_last else [f"{end:>{last}}"]
            lines.append((" " * _GAP).join([*cells, head]))
            lines += [" " * (sum(widths[:-1]) + _GAP * (len(widths) - 1)) + text for text in more]
        return lines

    def _blocks(self) -> Iterator[str]:
        width = max(map(len, self._heads[1:]))
        figures = max((len(text) for row in self._rows for text in row[1:]), default=0)
        for first, *rest in self._rows:
            yield first
            for head, text in zip(self._heads[1:], rest, strict=True):
                yield f"  {head:<{width}}  {text:>{figures}}"


def verdict_line(summary: Summary) -> str:
    """`312 deficits, covered 100.00 %, severity 0.00: the fund SURVIVES; conservation exact`."""
    money = currency(summary)
    verdict = "SURVIVES" if summary.verdict == "survives" else "is EXHAUSTED"
    conservation = "exact" if summary.conservation.exact else "BROKEN"
    found = count(summary.deficits.count, "deficit")
    if summary.deficits.count:
        found += f", covered {percent(summary.covered_ppm)}, severity {money.plain(summary.severity)}"
    return f"{found}: the fund {verdict}; conservation {conservation}"


def comparison_table(summaries: Sequence[Summary]) -> RenderableType:
    """Runs as columns, figures as rows; says what else than the design differs. Errors: BadInput (check_comparable)."""
    check_comparable(summaries)
    heads = (currency(summaries[0]).id, *labels(summaries))
    table = Fitting(heads, compared(summaries), words_last=False)
    also = differences(summaries)
    if not also:
        return table
    return Group(table, Line(f"not only the designs differ: {', '.join(also)} too"))


def text(renderable: RenderableType, width: int = WIDTH) -> str:
    """A renderable as plain text of a given width, without colours or trailing spaces."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(renderable, markup=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _head(summary: Summary) -> str:
    parts = (
        count(summary.book.accounts, "account"),
        count(summary.steps, "step"),
        f"path {summary.path.name}",
        f"design {summary.design.name} {summary.design.digest[:6]}",
        f"seed {summary.seed}",
        summary.asset.id,
    )
    return "  ".join(parts)


def _payers(summary: Summary) -> list[str]:
    """Who bore the severity: a line each, nothing for nobody."""
    money = currency(summary)
    named = {f"paid through {HOW[way]}": amount for way, amount in haircuts_by_way(summary).items()}
    named |= {"carried as bad debt": summary.carried, "bad debt repaid": summary.recovered, "pending": summary.pending}
    rows = [(name, amount) for name, amount in named.items() if amount]
    if not rows:
        return []
    width = max(len(name) for name, _ in rows)
    amounts = money.column([amount for _, amount in rows])
    return [
        f"{name:<{width}}  {amount:>{max(map(len, amounts))}}" for (name, _), amount in zip(rows, amounts, strict=True)
    ]
