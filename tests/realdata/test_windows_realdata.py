"""The packaged windows are their sources, row by row. SEAWALL_DATA names the folder of the data sets."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from importlib.resources import files

import polars as pl
import pytest

pytestmark = pytest.mark.realdata

WINDOWS = files("seawall.stress").joinpath("windows")
MARCH = "bitmex_xbtusd_minute/xbtusd_1m_crash_windows.parquet"
OCTOBER = "perp_multi_venue_2025_2026/candles_1h.parquet"


def packaged(name):
    """(t_ms, symbol, open, high, low, close) of each row, prices as the nearest float of their text."""
    rows = list(csv.reader(WINDOWS.joinpath(f"{name}.csv").read_text().splitlines()))
    assert rows[0] == ["t_ms", "symbol", "open", "high", "low", "close"]
    return [(int(t), symbol, *prices) for t, symbol, *prices in rows[1:]]


def source(path, time, between, columns, **only):
    """The same from a data set; a price is written as the shortest text that gives the float back."""
    first, last = (datetime(*day, tzinfo=UTC) for day in between)
    frame = pl.read_parquet(path).filter(pl.col(time).is_between(first, last, closed="left"))
    for name, value in only.items():
        frame = frame.filter(pl.col(name) == value)
    return [
        (int(row[time].timestamp()) * 1_000, *(v if isinstance(v, str) else repr(v) for v in map(row.get, columns)))
        for row in frame.iter_rows(named=True)
    ]


def test_march_2020_equals_its_source(data_dir, publish):
    rows = source(
        data_dir / MARCH,
        "ts",
        ((2020, 3, 12), (2020, 3, 14)),
        ("symbol", "open", "high", "low", "close"),
    )
    assert {row[1] for row in rows} == {"XBTUSD"}
    assert packaged("2020-03-12") == [(t, "BTC", *prices) for t, _, *prices in sorted(rows)]
    assert len(rows) == 2_880
    publish({"rows_equal": len(rows)}, MARCH)


def test_march_2020_is_as_its_sidecar_says(data_dir, publish):
    path = data_dir / MARCH
    outage = [datetime(2020, 3, 13, 2, minute, tzinfo=UTC) for minute in (17, 30, 31, 46)]
    frame = pl.read_parquet(path)
    quiet = frame.filter(pl.col("ts").is_between(outage[0], outage[1]))
    thin = frame.filter(pl.col("ts").is_between(outage[2], outage[3]))
    assert (quiet["trades"].max(), quiet["low"].min(), quiet["high"].max()) == (13, 3607.0, 3614.5)
    assert (thin["low"].min(), thin["high"].max()) == (3606.0, 4952.0)
    outside = [row for row in packaged("2020-03-12") if not float(row[4]) <= float(row[2]) <= float(row[3])]
    assert len(outside) == 93
    publish(
        {
            "most_trades_a_minute_in_the_outage": quiet["trades"].max(),
            "low_in_the_outage": repr(quiet["low"].min()),
            "high_in_the_outage": repr(quiet["high"].max()),
            "low_after_it": repr(thin["low"].min()),
            "high_after_it": repr(thin["high"].max()),
            "opens_outside_their_bar": len(outside),
        },
        MARCH,
    )


def test_october_2025_equals_its_source(data_dir, publish):
    rows = source(
        data_dir / OCTOBER,
        "timestamp",
        ((2025, 10, 10), (2025, 10, 12)),
        ("coin", "o", "h", "l", "c"),
        venue="binance",
    )
    assert sorted(packaged("2025-10-10")) == sorted(rows)
    assert len(rows) == 5 * 48
    publish({"rows_equal": len(rows)}, OCTOBER)
