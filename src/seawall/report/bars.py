"""Bars: who paid, as rows of a name, an amount and a bar, legible at any width.

Layer    report; imports report.{axes,drawing,summary,tables,wording}. Called by report.{charts,comparison}.
Not here charts over time (report.charts).
Held to  this by tests/report/test_charts.py.

Money becomes a float in `Currency.value`, at the last moment and only to be drawn; the amounts that are written beside
the bars come from the integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from seawall.report.axes import amount_axis, log_ticks
from seawall.report.drawing import Frame, Spec, colours, whole_spec
from seawall.report.summary import Summary
from seawall.report.tables import FundTables
from seawall.report.wording import HOW, Currency, bound_text, count, utc_text

_ROW: Final = 40  # pixels of a row of bars: a line of text and the bar beneath


@dataclass(frozen=True, slots=True)
class _Bar:
    """One row of a bar chart: base units from `start` to `end`, and what is written above it."""

    name: str
    start: int
    end: int
    role: str

    @property
    def units(self) -> int:
        return abs(self.end - self.start)


def who_paid(fund: FundTables, layers: Sequence[str], money: Currency, frame: Frame) -> Spec:
    """Bars of what each layer was drawn, each way of haircut took, and what is carried or pending.

    layers  layer ids in the design's order
    The axis is logarithmic when sizes span more than two decades.
    """
    bars = []
    bounds: dict[str, list[str]] = {}
    drawn = dict.fromkeys(layers, 0)
    for layer, amount, bound in fund.draws.select("layer", "amount", "bound_by").iter_rows():
        drawn[layer] += int(amount)
        if bound and bound not in bounds.setdefault(layer, []):
            bounds[layer].append(bound)
    for layer, units in drawn.items():
        note = f" ({bound_text(bounds[layer])})" if layer in bounds else ""
        bars.append(_Bar(layer + note, 0, units, "series-1"))
    for way, word in HOW.items():
        paid = fund.haircuts.filter(pl.col("how") == way)
        units = sum(map(int, paid.get_column("amount").to_list()))
        if units:
            who = paid.filter(pl.col("amount") > 0).get_column("account").n_unique()
            bars.append(_Bar(f"{word} ({who:,})" if frame.narrow else f"{word}, {count(who, 'trader')}", 0, units, way))
    for column, word in (("carried", "carried as bad debt"), ("pending", "pending")):
        units = sum(map(int, fund.deficits.get_column(column).to_list()))
        if units:
            bars.append(_Bar(word, 0, units, column))
    return _bars(bars, money, frame, "Who paid", log=True)


def worst_deficit(fund: FundTables, money: Currency, frame: Frame) -> Spec:
    """The largest deficit of the run (the first of equals) as a waterfall.

    fund  with at least one deficit
    """
    amounts = list(map(int, fund.deficits.get_column("amount").to_list()))
    worst = fund.deficits.row(amounts.index(max(amounts)), named=True)
    left = int(worst["amount"])
    bars = [_Bar(f"deficit {worst['deficit']} of {worst['account']}", 0, left, "deficit")]
    draws = fund.draws.filter(pl.col("deficit") == worst["deficit"])
    for layer, amount, bound in draws.select("layer", "amount", "bound_by").iter_rows():
        note = f" ({bound_text([bound])})" if bound else ""
        bars.append(_Bar(layer + note, left - int(amount), left, "series-1"))
        left -= int(amount)
    if left:
        bars.append(_Bar("severity: no layer covered it", 0, left, "severity"))
    ways = set(fund.haircuts.filter(pl.col("batch") == worst["batch"]).get_column("how").to_list())
    way = next((name for name in HOW if name in ways), "adl")
    for column, word, role in (
        ("haircut", "paid by traders in profit", way),
        ("carried", "carried as bad debt", "carried"),
        ("pending", "pending", "pending"),
    ):
        units = int(worst[column])
        if units:
            bars.append(_Bar(word, left - units, left, role))
            left -= units
    return _bars(bars, money, frame, f"The worst deficit, at {utc_text(worst['t_ms'])}", log=False)


def _bars(bars: Sequence[_Bar], money: Currency, frame: Frame, what: str, *, log: bool) -> Spec:
    """Rows of a name and an amount with a bar beneath; readable at any width."""
    sizes = [bar.units for bar in bars if bar.units]
    log = log and bool(sizes) and max(sizes) > 100 * min(sizes)
    top = money.value(max([bar.end for bar in bars], default=0)) or 1.0
    scale: Spec = {"domain": [0, top], "nice": False}
    axis = {**amount_axis(frame), "title": f"{money.id}, logarithmic" if log else money.id, "grid": True}
    if log:
        scale |= {"type": "symlog", "constant": money.value(min(sizes))}
        axis["values"] = log_ticks(money.value(min(sizes)), top, 4 if frame.narrow else 8)
    plot = frame.width - 36
    values = [
        {
            "row": i,
            "name": bar.name,
            "amount": money.plain(bar.units),
            "start": money.value(bar.start),
            "end": money.value(bar.end),
            "colour": frame.colour(bar.role),
        }
        for i, bar in enumerate(bars)
    ]
    row = {"field": "row", "type": "ordinal", "axis": None}
    lines = "; ".join(f"{bar.name} {money.text(bar.units)}" for bar in bars)
    body = {
        "width": plot,
        "height": {"step": _ROW},
        "data": {"values": values},
        "layer": [
            {
                "mark": {"type": "bar", "height": 12, "yOffset": 9},
                "encoding": {
                    "x": {"field": "start", "type": "quantitative", "scale": scale, "axis": axis},
                    "x2": {"field": "end"},
                    "y": row,
                    "color": {"field": "colour", "type": "nominal", "scale": None},
                },
            },
            {
                "transform": [{"filter": "datum.start == datum.end"}],
                "mark": {"type": "tick", "height": 12, "yOffset": 9, "thickness": 2, "color": frame.colour("muted")},
                "encoding": {"x": {"field": "end", "type": "quantitative"}, "y": row},
            },
            {
                "mark": {"type": "text", "align": "left", "yOffset": -7, "limit": _room(plot, values)},
                "encoding": {"x": {"value": 0}, "y": row, "text": {"field": "name"}},
            },
            {
                "mark": {"type": "text", "align": "right", "yOffset": -7},
                "encoding": {"x": {"value": plot}, "y": row, "text": {"field": "amount"}},
            },
        ],
    }
    return whole_spec(body, f"{what}: {lines}.", frame)


def runs_compared(runs: Sequence[tuple[str, Summary]], money: Currency, frame: Frame) -> Spec:
    """One bar a run: what layers, traders and nobody paid of its deficits.

    runs  (label, summary), all in the same asset
    """
    ways = {word: way for way, word in HOW.items()}
    parts = {"layers": "series-1", **ways, "bad debt": "carried", "pending": "pending"}
    values, lines = [], []
    for i, (label, summary) in enumerate(runs):
        cuts = summary.haircuts
        paid = (summary.drawn, *cuts.by_way().values())
        units = dict(zip(parts, (*paid, summary.carried + summary.recovered, summary.pending), strict=True))
        for order, (part, amount) in enumerate(units.items()):
            values.append({"row": i, "part": part, "value": money.value(amount), "order": order})
        said = ", ".join(f"{part} {money.text(amount)}" for part, amount in units.items() if amount)
        lines.append(f"{label}: {said or 'no deficit'}")
    used = [part for part in parts if any(row["part"] == part and row["value"] for row in values)]
    names = [
        {"row": i, "name": label, "amount": money.plain(summary.deficits.amount)}
        for i, (label, summary) in enumerate(runs)
    ]
    plot = frame.width - 36
    row = {"field": "row", "type": "ordinal", "axis": None}
    body = {
        "width": plot,
        "height": {"step": _ROW},
        "layer": [
            {
                "data": {"values": values},
                "mark": {"type": "bar", "height": 12, "yOffset": 9},
                "encoding": {
                    "x": {
                        "field": "value",
                        "type": "quantitative",
                        "stack": "zero",
                        "axis": {**amount_axis(frame), "title": f"deficits, {money.id}", "grid": True},
                    },
                    "y": row,
                    "order": {"field": "order", "type": "quantitative"},
                    "color": colours(used, [frame.colour(parts[part]) for part in used], "part", frame, "square"),
                },
            },
            {
                "data": {"values": names},
                "mark": {"type": "text", "align": "left", "yOffset": -7, "limit": _room(plot, names)},
                "encoding": {"x": {"value": 0}, "y": row, "text": {"field": "name"}},
            },
            {
                "data": {"values": names},
                "mark": {"type": "text", "align": "right", "yOffset": -7},
                "encoding": {"x": {"value": plot}, "y": row, "text": {"field": "amount"}},
            },
        ],
    }
    return whole_spec(body, "Deficits and who paid them, " + "; ".join(lines) + ".", frame)


def _room(plot: int, rows: Sequence[Spec]) -> int:
    """Pixels for names beside the longest amount, at some 7 a digit."""
    return plot - 10 - 7 * max((len(row["amount"]) for row in rows), default=0)
