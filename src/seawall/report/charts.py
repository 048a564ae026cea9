"""Charts: which charts a run has, and those over time, as Vega-Lite specs.

Layer    report; imports design, report.{axes,bars,drawing,reading,thinning,wording}. Called by report.{page,folder}.
Not here rendering and palettes (report.drawing), bars (report.bars), captions in HTML (report.markup).
Held to  this by tests/report/test_charts.py, which validates every spec against the schema that Altair ships.

Money becomes a float in `Currency.value`, at the last moment and only to be drawn. Long series are thinned to the
points that a picture can show (report.thinning).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from seawall.design.instruments import Instrument
from seawall.report.axes import amount_axis, bin_ms, bin_text, time_x
from seawall.report.bars import who_paid, worst_deficit
from seawall.report.drawing import SERIES, Frame, Spec, colours, whole_spec
from seawall.report.reading import RunFolder
from seawall.report.thinning import thin_to
from seawall.report.wording import Currency, currency, utc_text

MOST_POINTS: Final = 5_000
"""Points of all lines of one chart together: an SVG of some 100 kB."""

_LEFT: Final[Spec] = {"minExtent": 46, "maxExtent": 46}  # panels of one chart begin at the same pixel


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of a run.

    name     file name without suffix, and prefix of ids
    caption  what to read from it, in a sentence or two
    spec     the chart for a frame
    """

    name: str
    title: str
    caption: str
    spec: Callable[[Frame], Spec]


def run_charts(run: RunFolder) -> tuple[Chart, ...]:
    """Every chart that a run has something to show in, in the order of the money's way."""
    money = currency(run.summary)
    last = run.summary.path.last_t_ms
    charts = []
    if run.venue.steps.height:
        charts.append(
            Chart(
                "price",
                "Prices and liquidations",
                "Mark at the end of each step, and accounts whose liquidation began.",
                lambda frame: price_and_liquidations(run.venue.steps, run.instruments, money, frame),
            )
        )
    charts.append(
        Chart(
            "layers",
            "The layers over time",
            "Balance of each layer at the end of each step; the first to be drawn is on top.",
            lambda frame: layers_over_time(run.fund.layers, run.design.layers, money, last, frame),
        )
    )
    if run.fund.deficits.height:
        charts += [
            Chart(
                "who-paid",
                "Who paid",
                "What each layer was drawn for all deficits, and who bore what no layer covered.",
                lambda frame: who_paid(run.fund, [layer.id for layer in run.design.layers], money, frame),
            ),
            Chart(
                "worst-deficit",
                "The worst deficit",
                "From the deficit down to nothing: each layer's draw in order with what bound it, then severity.",
                lambda frame: worst_deficit(run.fund, money, frame),
            ),
        ]
    return tuple(charts)


def price_and_liquidations(
    steps: pl.DataFrame, instruments: Sequence[Instrument], money: Currency, frame: Frame
) -> Spec:
    """Price lines above, liquidations below, on one time axis.

    steps  `VenueTables.steps`, at least one row
    Prices are in the market's own unit for one market and indexed to 100 at the start for several; at most eight
    markets are drawn, those that fell or rose the most. Bars count accounts in equal spans of time.
    """
    lines = _prices(steps, instruments)
    chosen = [name for name, _ in sorted(lines.items(), key=lambda item: -_swing(item[1]))[:SERIES]]
    markets = [name for name in lines if name in chosen]
    indexed = len(lines) > 1
    plot = frame.width - 70
    values = []
    for name in markets:
        times, prices = [t for t, _ in lines[name]], [price for _, price in lines[name]]
        ys = [100 * price / prices[0] for price in prices] if indexed else prices
        for i in thin_to(times, [ys], plot, MOST_POINTS // len(markets)):
            values.append({"t": times[i], "price": ys[i], "market": name})
    per_step = steps.unique("step", keep="first", maintain_order=True).select("t_ms", "liquidated").rows()
    first, last = per_step[0][0], per_step[-1][0]
    width = bin_ms(last - first, plot // 5)
    bars: dict[int, int] = {}
    for t_ms, liquidated in per_step:
        if liquidated:
            bars[t_ms // width * width] = bars.get(t_ms // width * width, 0) + liquidated
    start, end = min([first, *bars]), max([last, *(t + width for t in bars)])
    title = "price, 100 at the start" if indexed else _price_title(markets[0], instruments, money)
    price: Spec = {
        "width": plot,
        "height": 200 if frame.narrow else 240,
        "title": title,
        "data": {"values": values},
        "mark": {"type": "line", "strokeWidth": 1.5, "point": len(values) < 40, "strokeJoin": "round"},
        "encoding": {
            "x": time_x(start, end, frame, labels=not bars),
            "y": _y("price", zero=False),
            "color": colours(markets, frame.all_series(len(markets)), "market", frame, "stroke" if indexed else ""),
        },
    }
    panels = [price]
    if bars:
        panels.append(
            {
                "width": plot,
                "height": 80,
                "title": f"accounts liquidated {bin_text(width)}",
                "data": {"values": [{"t": t, "end": t + width, "n": n} for t, n in bars.items()]},
                "mark": {"type": "bar", "color": frame.colour("liquidated"), "minBandSize": 1},
                "encoding": {
                    "x": time_x(start, end, frame, labels=True),
                    "x2": {"field": "end"},
                    "y": _y("n", zero=True, whole=True),
                    "y2": {"datum": 0},
                },
            }
        )
    total = sum(bars.values())
    swings = ", ".join(f"{name} {_swing_text(lines[name])}" for name in markets)
    description = f"Prices from {utc_text(first)} to {utc_text(last)}: {swings}. {total:,} liquidations began."
    return whole_spec({"vconcat": panels, "spacing": 14}, description, frame)


def layers_over_time(layers: pl.DataFrame, specs: Sequence[Any], money: Currency, last_t_ms: int, frame: Frame) -> Spec:
    """Balances of all layers, stacked, as steps in time.

    layers     `FundTables.layers`
    specs      the design's layers, in its order
    last_t_ms  the end of the run
    Beyond eight layers the markets' buckets are drawn as one. A layer that never held anything is left out.
    """
    groups = {spec.id: spec.id for spec in specs}
    buckets = [spec.id for spec in specs if spec.kind == "market_bucket"]
    if len(specs) > SERIES:
        groups.update(dict.fromkeys(buckets, f"{len(buckets)} market buckets"))
    names = list(dict.fromkeys(groups.values()))
    balance = dict.fromkeys(names, 0)
    held = {spec.id: 0 for spec in specs}
    states: dict[int, list[int]] = {}
    for t_ms, layer, units in layers.select("t_ms", "layer", "balance").iter_rows():
        balance[groups[layer]] += int(units) - held[layer]
        held[layer] = int(units)
        states[t_ms] = list(balance.values())
    times = sorted(states)
    end = max(last_t_ms, times[-1])
    if end > times[-1]:
        states[end] = states[times[-1]]
        times.append(end)
    rows = [[money.value(units) for units in states[t]] for t in times]
    shown = [i for i in range(len(names)) if any(row[i] for row in rows)]
    totals = [sum(row) for row in rows]
    plot = frame.width - 76
    kept = thin_to(times, [*([row[i] for row in rows] for i in shown), totals], plot, MOST_POINTS // max(1, len(shown)))
    values = [{"t": times[k], "layer": names[i], "balance": rows[k][i], "order": i} for k in kept for i in shown]
    drawn = [names[i] for i in shown]
    first_total, last_total = (money.text(sum(states[t])) for t in (times[0], times[-1]))
    body = {
        "width": plot,
        "height": 240 if frame.narrow else 280,
        "title": f"balance, {money.id}",
        "data": {"values": values},
        "mark": {"type": "area", "interpolate": "step-after", "fillOpacity": 0.9},
        "encoding": {
            "x": time_x(times[0], max(end, times[0] + 1), frame, labels=True),
            "y": {**_y("balance", zero=True), "axis": {**amount_axis(frame), **_LEFT}, "stack": "zero"},
            "color": colours(drawn, frame.all_series(len(drawn)), "layer", frame, "square"),
            "order": {"field": "order", "type": "quantitative", "sort": "descending"},
        },
    }
    return whole_spec(body, f"All layers together held {first_total} at the start and {last_total} at the end.", frame)


def _y(field: str, *, zero: bool, whole: bool = False) -> Spec:
    axis: Spec = {"title": None, "tickCount": 5, **_LEFT}
    if whole:
        axis |= {"tickMinStep": 1, "format": ",d", "tickCount": 3}
    return {"field": field, "type": "quantitative", "scale": {"zero": zero, "nice": True}, "axis": axis}


def _price_title(market: str, instruments: Sequence[Instrument], money: Currency) -> str:
    """What a single price is in: the fund's asset; of an inverse contract, what one unit of that asset costs."""
    inverse = any(each.id == market and each.contract.inverse for each in instruments)
    return f"price of {market}, for one {money.id}" if inverse else f"price of {market}, {money.id}"


def _prices(steps: pl.DataFrame, instruments: Sequence[Instrument]) -> dict[str, list[tuple[int, float]]]:
    """(time, price in the market's own unit) of each market that has prices, in the design's order."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for instrument in instruments:
        tick = instrument.tick_mantissa / 10**instrument.tick_decimals
        rows = steps.filter(pl.col("market") == instrument.id).select("t_ms", "ticks").rows()
        if rows:
            lines[instrument.id] = [(t_ms, ticks * tick) for t_ms, ticks in rows]
    return lines


def _swing(line: Sequence[tuple[int, float]]) -> float:
    prices = [price for _, price in line]
    return max(max(prices) / prices[0], prices[0] / min(prices))


def _swing_text(line: Sequence[tuple[int, float]]) -> str:
    prices = [price for _, price in line]
    low, high = (100 * (extreme / prices[0] - 1) for extreme in (min(prices), max(prices)))
    return f"between {low:+.1f} % and {high:+.1f} % of its start"
