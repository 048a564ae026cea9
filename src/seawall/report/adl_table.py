"""ADL table: one severity under several deleveraging policies, side by side: figures, text, chart.

Layer    report; imports amounts, report.{axes,charts,drawing,terminal,wording}. Called by the CLI.
Not here the haircuts (rules.adl_arrays). No ranking of policies: it says who pays under each, and how unevenly.
Held to  this by tests/report/test_adl_table.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from rich.console import RenderableType

from seawall.amounts import Units
from seawall.report.axes import amount_axis
from seawall.report.charts import Chart
from seawall.report.drawing import Frame, Spec, colours, whole_spec
from seawall.report.terminal import Fitting
from seawall.report.wording import Currency, percent

GROUPS: Final = ("largest 1 %", "next 9 %", "next 40 %", "smaller half")
"""Winners by profit, largest first; a group of few winners may be empty."""


class AdlRow(Struct, frozen=True, kw_only=True):
    """One policy's haircuts. Money in base units, shares in ppm rounded down.

    carried        what the winners could not bear
    overshoot_whole  what a queue that closes whole positions would take beyond the severity; 0 for all others
    largest_ppm, top_ten_ppm, gini_ppm  how unevenly, over all winners
    deepest_ppm    the largest part of one winner's cap
    groups_units   haircuts of GROUPS
    root           over (cap, weight, haircut); "" where none was built
    """

    policy: str
    paid: Units
    carried: Units
    overshoot_whole: Units
    payers: int
    largest_ppm: int
    top_ten_ppm: int
    gini_ppm: int
    deepest_ppm: int
    groups_units: tuple[Units, ...]
    root: str = ""


def adl_report(rows: Sequence[AdlRow], money: Currency) -> RenderableType:
    """The table for a terminal; columns of money that say nothing (all paid, no overshoot) are left out."""
    shown = [
        (head, name)
        for head, name, wanted in (
            ("paid", "paid", any(row.carried for row in rows)),
            ("carried", "carried", any(row.carried for row in rows)),
            ("overshoot", "overshoot_whole", any(row.overshoot_whole for row in rows)),
        )
        if wanted
    ]
    columns = [money.column([getattr(row, name) for row in rows]) for _, name in shown]
    amounts: list[tuple[str, ...]] = list(zip(*columns, strict=True)) if columns else [()] * len(rows)
    texts = [
        (
            row.policy,
            *money_texts,
            f"{row.payers:,}",
            percent(row.largest_ppm),
            percent(row.top_ten_ppm),
            f"{row.gini_ppm // 1000 / 1000:.3f}",
            percent(row.deepest_ppm),
        )
        for row, money_texts in zip(rows, amounts, strict=True)
    ]
    heads = ("policy", *(head for head, _ in shown), "payers", "largest", "top ten", "Gini", "deepest")
    return Fitting(heads, texts, words_last=False)


def adl_chart(rows: Sequence[AdlRow], money: Currency) -> Chart:
    """A bar a policy, parted by the size of those who pay."""
    return Chart(
        "deleverage",
        "Who pays under each policy",
        "One bar a policy, all of the same severity: what winners of each size pay, the largest by profit first.",
        lambda frame: _spec(rows, money, frame),
    )


def _spec(rows: Sequence[AdlRow], money: Currency, frame: Frame) -> Spec:
    values, lines = [], []
    for i, row in enumerate(rows):
        parts = dict(zip(GROUPS, row.groups_units, strict=True))
        values += [
            {"row": i, "part": part, "value": money.value(units), "order": order}
            for order, (part, units) in enumerate(parts.items())
        ]
        lines.append(f"{row.policy}: " + ", ".join(f"{part} {money.text(units)}" for part, units in parts.items()))
    names = [{"row": i, "name": row.policy, "amount": f"{row.payers:,} pay"} for i, row in enumerate(rows)]
    plot = frame.width - 36
    place = {"field": "row", "type": "ordinal", "axis": None}
    body = {
        "width": plot,
        "height": {"step": 40},
        "layer": [
            {
                "data": {"values": values},
                "mark": {"type": "bar", "height": 12, "yOffset": 9},
                "encoding": {
                    "x": {
                        "field": "value",
                        "type": "quantitative",
                        "stack": "zero",
                        "axis": {**amount_axis(frame), "title": f"haircuts, {money.id}", "grid": True},
                    },
                    "y": place,
                    "order": {"field": "order", "type": "quantitative"},
                    "color": colours(GROUPS, frame.all_series(len(GROUPS)), "part", frame, "square"),
                },
            },
            *(
                {
                    "data": {"values": names},
                    "mark": {"type": "text", "align": align, "yOffset": -7},
                    "encoding": {"x": {"value": at}, "y": place, "text": {"field": field}},
                }
                for align, at, field in (("left", 0, "name"), ("right", plot, "amount"))
            ),
        ],
    }
    return whole_spec(body, "Haircuts by policy and size of winner, " + "; ".join(lines) + ".", frame)
