"""Candles: bars of several symbols, checked one by one and turned into the steps of a path.

Layer    stress; imports amounts, design.instruments, design.types, stress.documents, stress.prices, stress.tables.
Not here finding and opening the file (stress.paths).
Held to  this by tests/stress/test_candles.py; the packaged windows to their sources by test_windows_realdata.py.

    t_ms,symbol,open,high,low,close            t_ms: when the bar opens, ms UTC; prices: decimal strings
    1583971200000,BTC,7931.5,7945,7931,7939    further columns are passed over

In Parquet t_ms is an integer column, prices are decimals or decimal strings; floats are refused. What the file is may
stand beside it, in FILE.toml: schema = "seawall.candles/1", name, source, licence and, where they apply, attribution,
about, caveats, symbols, bar_ms, open_is_previous_close.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal

import polars as pl

from seawall.amounts import AmountError, check_id, parse_integer
from seawall.design.instruments import Instrument
from seawall.design.types import Design
from seawall.stress.documents import TomlDocument
from seawall.stress.prices import MAX_TICKS, PricePath, path_name, price_text, price_ticks, priced_markets
from seawall.stress.tables import Findings, Table, shown

SCHEMA: Final = "seawall.candles/1"
PRICES: Final = ("open", "high", "low", "close")
COLUMNS: Final = ("t_ms", "symbol", *PRICES)

_CANDLES = "candle format"
_NUMBERS = "SPEC 1"
_ORDER: Final = {"low_first": (0, 2, 1, 3), "high_first": (0, 1, 2, 3)}  # places in PRICES


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What is said beside a candle file.

    open_is_previous_close  bars open at the close before, traded or not, so such an open may lie outside low to high
    bar_ms                  length of a bar; None: the smallest gap between bars
    """

    name: str
    source: str
    licence: str
    open_is_previous_close: bool = False
    bar_ms: int | None = None


def read_sidecar(data: bytes, findings: Findings) -> Sidecar:
    """The sidecar of a candle file. Errors: BadInput."""
    toml = TomlDocument(data, findings, _CANDLES)
    root = toml.root
    toml.schema(SCHEMA)
    known = ("schema", "name", "source", "licence", "attribution", "about", "caveats", "symbols", "bar_ms")
    toml.only((), root, (*known, "open_is_previous_close"))
    name = toml.take(("name",), root, str, "a name")
    source = toml.take(("source",), root, str, "where the prices come from")
    licence = toml.take(("licence",), root, str, "the licence of the prices")
    attribution = toml.take(("attribution",), root, str, "whom the licence asks to name", needed=False)
    bar_ms = toml.take(("bar_ms",), root, int, "a bar's length in ms, at least 4", needed=False)
    carried = toml.take(("open_is_previous_close",), root, bool, "true or false", needed=False)
    if bar_ms is not None and not 4 <= bar_ms < MAX_TICKS:
        toml.add(("bar_ms",), "a bar's length in ms, at least 4", str(bar_ms))
    findings.raise_if_any()
    licence = f"{licence}; {attribution}" if attribution else licence
    return Sidecar(path_name(name), source, licence, bool(carried), bar_ms)


@dataclass(frozen=True, slots=True)
class _Bar:
    """One row: prices as texts in the order of PRICES, each a decimal string above zero."""

    row: int
    t_ms: int
    prices: tuple[str, str, str, str]


def candle_path(
    table: Table,
    findings: Findings,
    sidecar: Sidecar,
    design: Design,
    intrabar: Literal["low_first", "high_first"],
    markets_needed: Collection[str],
) -> PricePath:
    """Bars as a path; see `read_path`."""
    bars = _bars(table, findings, sidecar.open_is_previous_close)
    findings.raise_if_any()
    priced = priced_markets(findings, "symbol", design, bars, markets_needed)
    findings.raise_if_any()
    ticks = [_bar_ticks(bars[instrument.symbol], instrument, findings) for instrument in priced]
    findings.raise_if_any()
    times = sorted({t for market in ticks for t in market})
    gaps = [later - earlier for earlier, later in pairwise(times)]
    smallest = min(gaps, default=0)
    bar_ms = sidecar.bar_ms or smallest
    if not bar_ms:
        findings.add(0, "t_ms", "at least two bars, to know how long one is", "one", _CANDLES)
    elif bar_ms < 4 or (gaps and smallest < bar_ms):
        wanted = f"bars at least {sidecar.bar_ms or 4} ms apart"
        findings.add(0, "t_ms", wanted, f"a gap of {smallest} ms", _CANDLES)
    findings.raise_if_any()

    t_ms: list[int] = []
    steps: list[tuple[int | None, ...]] = []
    last: list[int | None] = [None] * len(priced)
    for t in times:
        here = [market.get(t) for market in ticks]
        for quarter, part in enumerate(_ORDER[intrabar]):
            step = tuple(None if bar is None else bar[part] for bar in here)
            if quarter < 3 and all(new is None or new == old for new, old in zip(step, last, strict=True)):
                continue
            last = [old if new is None else new for new, old in zip(step, last, strict=True)]
            t_ms.append(t + quarter * bar_ms // 4)
            steps.append(step)
    return PricePath(
        name=sidecar.name,
        source=sidecar.source,
        licence=sidecar.licence,
        intrabar=intrabar,
        markets=tuple(instrument.id for instrument in priced),
        t_ms=tuple(t_ms),
        ticks=tuple(steps),
    )


def _bars(table: Table, findings: Findings, open_is_previous_close: bool) -> dict[str, list[_Bar]]:
    """Symbol -> its bars by rising time; findings for cells and bars that are amiss."""
    _check_types(table, findings)
    bars: dict[str, list[_Bar]] = {}
    columns = table.columns
    for row, t_cell, symbol_cell, *price_cells in zip(
        table.rows, columns["t_ms"], columns["symbol"], *(columns[name] for name in PRICES), strict=True
    ):
        t = _time(findings, row, t_cell)
        prices = [price_text(findings, row, name, cell) for name, cell in zip(PRICES, price_cells, strict=True)]
        try:
            symbol = check_id(symbol_cell or "")
        except AmountError as error:
            findings.add(row, "symbol", error.wanted, error.found if symbol_cell else "nothing", _NUMBERS)
            continue
        series = bars.setdefault(symbol, [])
        before = series[-1] if series else None
        if t is not None and before is not None and t <= before.t_ms:
            found = f"{t} again" if t == before.t_ms else str(t)
            wanted = f"bars of {symbol} at rising times, after {before.t_ms} in row {before.row}"
            findings.add(row, "t_ms", wanted, found, _CANDLES)
            continue
        opened, high, low, close = prices
        if t is None or opened is None or high is None or low is None or close is None:
            continue
        _check_bar(
            findings, row, (opened, high, low, close), before.prices[3] if before else "", open_is_previous_close
        )
        series.append(_Bar(row, t, (opened, high, low, close)))
    return bars


def _check_types(table: Table, findings: Findings) -> None:
    """Raise BadInput when a Parquet column has a type that cannot hold what it should exactly."""
    for name, dtype in table.dtypes.items():
        if name == "t_ms":
            wanted, right = "whole ms UTC as integers", dtype.is_integer()
        elif name == "symbol":
            wanted, right = "strings", isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
        else:
            wanted = "decimals or decimal strings"
            right = isinstance(dtype, pl.String | pl.Decimal) or dtype.is_integer()
        if not right:
            findings.add(0, name, wanted, f"a column of {dtype}", _NUMBERS)
    findings.raise_if_any()


def _time(findings: Findings, row: int, cell: str | int | None) -> int | None:
    """A time in ms from a CSV text or a Parquet integer; None, and a finding, when it is none."""
    try:
        t = parse_integer(str(cell))
    except AmountError:
        t = MAX_TICKS
    if t < MAX_TICKS:
        return t
    findings.add(row, "t_ms", "whole ms UTC below 2^53", shown(cell), _NUMBERS)
    return None


def _check_bar(
    findings: Findings, row: int, prices: tuple[str, str, str, str], close_before: str, open_is_previous_close: bool
) -> None:
    """A finding when the high is not the highest or the low not the lowest of a bar."""
    opened, high, low, close = map(Decimal, prices)
    carried = close_before != "" and opened == Decimal(close_before)
    if high < low:
        findings.add(row, "high", f"at least the low {prices[2]}", prices[1], _CANDLES)
        return
    ends = [(close, f"the close {prices[3]}")]
    if not (carried and open_is_previous_close):
        ends.insert(0, (opened, f"the open {prices[0]}"))
    hint = ""
    if carried and low <= close <= high:
        hint = f"where bars open at the close before, say so in {findings.file}.toml: open_is_previous_close = true"
    top, bottom = max(ends), min(ends)
    if high < top[0]:
        findings.add(row, "high", f"at least {top[1]}", prices[1], _CANDLES, hint)
    if low > bottom[0]:
        findings.add(row, "low", f"at most {bottom[1]}", prices[2], _CANDLES, hint)


def _bar_ticks(bars: Sequence[_Bar], instrument: Instrument, findings: Findings) -> dict[int, tuple[int, ...]]:
    """Time -> the four prices of one market in ticks; a finding for a bar with a price that is none on its grid."""
    found: dict[int, tuple[int, ...]] = {}
    for bar in bars:
        prices: list[int] = []
        for name, text in zip(PRICES, bar.prices, strict=True):
            ticks = price_ticks(findings, bar.row, name, instrument, text)
            if ticks is None:
                break
            prices.append(ticks)
        if len(prices) == 4:
            found[bar.t_ms] = tuple(prices)
    return found
