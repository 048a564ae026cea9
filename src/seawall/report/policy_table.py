"""Policy table: the same crash under several exhaustion policies, side by side, as rows, text and a page.

Layer    report; imports report.{bars,charts,markup,summary,terminal,wording}. Called by the CLI.
Not here the runs (stress.policies). No ranking: who should pay is the venue's choice; this says who did.
Held to  this by tests/report/test_policy_table.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from rich.console import RenderableType

from seawall.amounts import Units
from seawall.report.bars import runs_compared
from seawall.report.charts import Chart
from seawall.report.markup import Column, figure, heading, page, paragraph, table
from seawall.report.summary import Summary
from seawall.report.terminal import Fitting
from seawall.report.wording import currency, percent


class PolicyRow(Struct, frozen=True, kw_only=True):
    """One policy's run. Money in base units; shares of what traders paid in ppm, rounded down.

    haircuts     what traders paid; `placed_ppm` of the severity, rounded down
    largest_ppm, top_ten_ppm, gini_ppm  how evenly among those who paid
    induced      accounts liquidated because deleveraging had touched them
    overshoot    paid beyond the severity
    """

    design: str
    policy: str
    deficits: Units
    drawn: Units
    severity: Units
    haircuts: Units
    carried: Units
    payers: int
    largest_ppm: int
    top_ten_ppm: int
    gini_ppm: int
    largest_payment: Units
    liquidated: int
    induced: int
    overshoot: Units
    placed_ppm: int
    unrecognised_peak: Units
    conservation_exact: bool


HEADS = ("policy", "severity", "traders paid", "carried", "payers", "largest", "top ten", "Gini", "induced")
"""The terminal's columns; the page and the document have all."""


def policy_rows(rows: Sequence[PolicyRow], summaries: Sequence[Summary]) -> list[tuple[str, ...]]:
    """The rows as texts, under HEADS; amounts of a column with one number of decimals."""
    money = currency(summaries[0])
    columns = [money.column([getattr(row, name) for row in rows]) for name in ("severity", "haircuts", "carried")]
    several = len({row.design.partition(":")[0] for row in rows}) > 1
    return [
        (
            row.design if several else row.policy,
            *amounts,
            f"{row.payers:,}",
            percent(row.largest_ppm) if row.payers else "-",
            percent(row.top_ten_ppm) if row.payers else "-",
            f"{row.gini_ppm // 1000 / 1000:.3f}" if row.payers else "-",
            f"{row.induced:,}",
        )
        for row, *amounts in zip(rows, *columns, strict=True)
    ]


def policy_report(rows: Sequence[PolicyRow], summaries: Sequence[Summary]) -> RenderableType:
    """The table for a terminal."""
    return Fitting(HEADS, policy_rows(rows, summaries), words_last=False)


def policy_chart(rows: Sequence[PolicyRow], summaries: Sequence[Summary]) -> Chart:
    """A bar a policy: what layers, traders and nobody paid."""
    money = currency(summaries[0])
    names = [policy_row[0] for policy_row in policy_rows(rows, summaries)]
    return Chart(
        "policies",
        "Who paid",
        "One bar a policy: what layers, traders and nobody paid of the deficits. The figure is their sum.",
        lambda frame: runs_compared(list(zip(names, summaries, strict=True)), money, frame),
    )


def render_policies(rows: Sequence[PolicyRow], summaries: Sequence[Summary]) -> str:
    """A page: the chart, and every figure."""
    first, money = summaries[0], currency(summaries[0])
    chart = policy_chart(rows, summaries)
    amounts = ("deficits", "drawn", "largest_payment", "overshoot", "unrecognised_peak")
    columns = [money.column([getattr(row, name) for row in rows]) for name in amounts]
    more = [
        (policy_row[0], *texts, f"{row.liquidated:,}", percent(row.placed_ppm))
        for policy_row, row, *texts in zip(policy_rows(rows, summaries), rows, *columns, strict=True)
    ]
    parts = [
        heading("One crash under every policy", 1),
        paragraph(
            f"{first.book.accounts:,} accounts, path {first.path.name}, amounts in {money.id}. Everything but the "
            "exhaustion policy is the same; deficits may differ, since a policy that closes positions at another price "
            "leaves other accounts to be liquidated.",
            "muted",
        ),
        heading(chart.title),
        figure(chart),
        heading("Who paid, and how evenly"),
        table(
            "Traders' part",
            [Column(HEADS[0]), *(Column(head, True) for head in HEADS[1:])],
            policy_rows(rows, summaries),
        ),
        paragraph(
            "Largest, top ten and Gini are over those who paid. Induced: accounts liquidated because deleveraging had "
            "touched them in the same step.",
            "muted",
        ),
        heading("The runs"),
        table(
            "The runs in figures",
            [
                Column("policy"),
                *(
                    Column(name, True)
                    for name in (
                        "deficits",
                        "layers paid",
                        "largest payment",
                        "overshoot",
                        "not yet recognised at worst",
                        "liquidated",
                        "severity placed, %",
                    )
                ),
            ],
            more,
        ),
    ]
    return page("Policies compared", parts)
