"""Comparison: several runs side by side, on one page.

Layer    report; imports report.{bars,charts,markup,reading,wording}, design.errors. Called by the CLI and
         report.terminal; passed on by report.page.
Not here one run's page (report.page). No ranking: a design that carries debt and one that takes profit differ in kind.
Held to  this by tests/report/test_comparison.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from seawall.design.errors import BadInput, Problem
from seawall.report.bars import runs_compared
from seawall.report.charts import Chart
from seawall.report.markup import Column, figure, heading, items, page, paragraph, table
from seawall.report.reading import RunFolder
from seawall.report.summary import Summary
from seawall.report.wording import (
    HOW,
    count,
    currency,
    percent,
    utc_text,
    verdict_sentences,
)

Money = Callable[[Summary], int]
Words = Callable[[Summary], str]

ROWS: Final[Sequence[tuple[str, Words | None, Money | None]]] = (
    ("verdict", lambda s: s.verdict, None),
    ("deficits", lambda s: f"{s.deficits.count:,}", None),
    ("amount of deficits", None, lambda s: s.deficits.amount),
    ("covered by layers", None, lambda s: s.drawn),
    ("covered, %", lambda s: percent(s.covered_ppm), None),
    ("severity", None, lambda s: s.severity),
    (HOW["adl"], None, lambda s: s.haircuts.adl),
    (HOW["adl_money"], None, lambda s: s.haircuts.adl_money),
    (HOW["socialised_loss"], None, lambda s: s.haircuts.socialised_loss),
    (HOW["gains_haircut"], None, lambda s: s.haircuts.gains_haircut),
    (HOW["tear_up"], None, lambda s: s.haircuts.tear_up),
    (HOW["withdrawal_haircut"], None, lambda s: s.haircuts.withdrawal_haircut),
    ("bad debt outstanding", None, lambda s: s.carried),
    ("bad debt repaid", None, lambda s: s.recovered),
    ("pending", None, lambda s: s.pending),
    ("not yet recognised at worst", None, lambda s: s.unrecognised_peak),
    ("layers at the start", None, lambda s: sum(row.before for row in s.layers)),
    ("layers at the end", None, lambda s: sum(row.after for row in s.layers)),
    ("accounts liquidated", lambda s: f"{s.accounts.liquidated:,}", None),
    ("accounts bankrupt", lambda s: f"{s.accounts.bankrupt:,}", None),
    ("traders deleveraged", lambda s: f"{s.accounts.deleveraged:,}", None),
    ("traders who paid", lambda s: f"{s.accounts.haircut:,}", None),
    ("conservation", lambda s: "exact" if s.conservation.exact else "BROKEN", None),
)
"""What is compared, in the order of the money's way: a name with words, or with base units."""


QUIET: Final = frozenset({*(word for way, word in HOW.items() if way != "adl"), "bad debt repaid", "pending"})
"""Rows that are left out where they are zero in every run."""


def compared(summaries: Sequence[Summary]) -> list[tuple[str, ...]]:
    """The rows of ROWS, a text a run; all amounts of a run with one number of decimals."""
    rows = [
        (name, words, money)
        for name, words, money in ROWS
        if name not in QUIET or money is None or any(money(summary) for summary in summaries)
    ]
    columns = []
    for summary in summaries:
        amounts = iter(currency(summary).column([money(summary) for _, _, money in rows if money is not None]))
        columns.append([words(summary) if words is not None else next(amounts) for _, words, _ in rows])
    return [(name, *texts) for (name, _, _), *texts in zip(rows, *columns, strict=True)]


def labels(summaries: Sequence[Summary]) -> list[str]:
    """A name for each run: its design's, with what tells it from others of that name."""
    names = [summary.design.name for summary in summaries]
    if len(set(names)) < len(names):
        names = [f"{name} {summary.design.digest[:6]}" for name, summary in zip(names, summaries, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for number, name in enumerate(names, start=1)]
    return names


def differences(summaries: Sequence[Summary]) -> list[str]:
    """What else than the design differs between runs, in words: such runs do not compare designs alone."""
    same: Sequence[tuple[str, Words]] = (
        ("the book", lambda s: s.book.digest),
        ("the path", lambda s: s.path.digest),
        ("the pass-through", lambda s: str(s.pass_through_ppm)),
        ("the recovery of depth", lambda s: str(s.recovery_ppm)),
    )
    return [what for what, of in same if len({of(summary) for summary in summaries}) > 1]


def check_comparable(summaries: Sequence[Summary]) -> None:
    """Errors: BadInput unless there are two runs or more, all in the same asset."""
    if len(summaries) < 2:
        found = count(len(summaries), "run")
        raise BadInput(Problem("", 0, "runs", "two runs or more to compare", found, "run folder"))
    assets = {(summary.asset.id, summary.asset.decimals) for summary in summaries}
    if len(assets) > 1:
        found = ", ".join(f"{name} with {decimals} decimals" for name, decimals in sorted(assets))
        raise BadInput(Problem("", 0, "asset", "runs in one asset", found, "run folder"))


def render_comparison(runs: Sequence[RunFolder]) -> str:
    """A page of two or more runs side by side. Errors: BadInput when they cannot be compared (see check_comparable)."""
    summaries = [run.summary for run in runs]
    check_comparable(summaries)
    names = labels(summaries)
    money = currency(summaries[0])
    first = summaries[0]
    chart = Chart(
        "compared",
        "Who paid",
        "One bar a run: what layers, traders and nobody paid of its deficits. The figure is the sum of its deficits.",
        lambda frame: runs_compared(list(zip(names, summaries, strict=True)), money, frame),
    )
    also = differences(summaries)
    parts = [
        heading("Runs compared: " + ", ".join(names), 1),
        paragraph(
            f"{count(first.book.accounts, 'account')}, path {first.path.name} from {utc_text(first.path.first_t_ms)} "
            f"to {utc_text(first.path.last_t_ms)}, amounts in {money.id}.",
            "muted",
        ),
        paragraph(f"Not only the designs differ: {', '.join(also)} too.", "verdict exhausted") if also else "",
        items([f"{name}. {' '.join(verdict_sentences(s))}" for name, s in zip(names, summaries, strict=True)]),
        heading(chart.title),
        figure(chart),
        heading("Side by side"),
        table(
            f"The runs in figures, amounts in {money.id}",
            [Column(""), *(Column(name, True) for name in names)],
            compared(summaries),
        ),
    ]
    return page("Runs compared", parts)
