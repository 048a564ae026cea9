"""Candles: bars as steps by hand, and each bad bar by its exact line."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from seawall.design.errors import BadInput
from seawall.stress.paths import read_path

HEADER = "t_ms,symbol,open,high,low,close\n"
FIRST = "1000,BTC,100,110,90,105\n"


def read(tmp_path, design, text, *, intrabar="low_first", needed=("BTC-PERP",), sidecar=""):
    path = tmp_path / "bars.csv"
    path.write_text(text)
    if sidecar:
        (tmp_path / "bars.csv.toml").write_text(sidecar)
    return read_path(str(path), design, intrabar=intrabar, markets_needed=needed)


def problem(tmp_path, design, text, **options):
    with pytest.raises(BadInput) as caught:
        read(tmp_path, design, text, **options)
    return str(caught.value).replace(f"{tmp_path}/", "")


TWO_BARS = HEADER + "0,BTC,100,110,90,105\n0,ETH,10,10.5,9,10\n400,BTC,105,106,100,100\n"


def test_a_bar_gives_four_steps_low_first(tmp_path, design):
    """Ticks: BTC-PERP 0.5, ETH-PERP 0.01, BTC-MINI 10, half up; ETH has no bar at 400."""
    path = read(tmp_path, design, TWO_BARS)
    assert path.markets == ("BTC-PERP", "ETH-PERP", "BTC-MINI")
    assert list(zip(path.t_ms, path.ticks, strict=True)) == [
        (0, (200, 1000, 10)),
        (100, (180, 900, 9)),
        (200, (220, 1050, 11)),
        (300, (210, 1000, 11)),
        # the open of 400 repeats the close before: left out
        (500, (200, None, 10)),
        (600, (212, None, 11)),
        (700, (200, None, 10)),
    ]
    assert (path.name, path.source, path.licence, path.intrabar) == ("bars", "file bars.csv", "not stated", "low_first")


def test_high_first_swaps_the_extremes_and_changes_the_digest(tmp_path, design):
    low, high = read(tmp_path, design, TWO_BARS), read(tmp_path, design, TWO_BARS, intrabar="high_first")
    assert high.intrabar == "high_first"
    assert [row[0] for row in high.ticks] == [200, 220, 180, 210, 212, 200, 200]
    assert low.digest != high.digest


def test_a_flat_bar_keeps_its_close_as_a_fresh_observation(tmp_path, design):
    path = read(tmp_path, design, HEADER + "0,BTC,100,100,100,100\n60000,BTC,100,100,100,100\n")
    assert path.t_ms == (0, 45_000, 105_000)


def test_bars_need_not_be_in_one_order_gaps_are_allowed_and_the_smallest_is_the_bar(tmp_path, design):
    text = HEADER + "0,ETH,10,10,10,10\n1000,ETH,11,11,11,11\n9000,ETH,12,12,12,12\n5000,BTC,9,9,9,9\n"
    path = read(tmp_path, design, text)
    assert path.t_ms == (0, 750, 1000, 1750, 5000, 5750, 9000, 9750)
    assert [row[0] for row in path.ticks] == [None, None, None, None, 18, 18, None, None]


def test_symbols_that_no_market_uses_are_left_out_with_their_times(tmp_path, design):
    path = read(tmp_path, design, HEADER + "0,BTC,9,9,9,9\n10,SOL,1,1,1,1\n100,BTC,9,9,9,9\n")
    assert path.markets == ("BTC-PERP", "BTC-MINI") and path.t_ms == (0, 75, 175)


@pytest.mark.parametrize(
    ("bar", "line"),
    [
        ("2000,BTC,100,99,90,95\n", "high: wanted at least the open 100; found 99 (candle format)"),
        ("2000,BTC,100,110,90,111\n", "high: wanted at least the close 111; found 110 (candle format)"),
        ("2000,BTC,100,110,101,105\n", "low: wanted at most the open 100; found 101 (candle format)"),
        ("2000,BTC,100,110,96,95\n", "low: wanted at most the close 95; found 96 (candle format)"),
        ("2000,BTC,100,90,110,100\n", "high: wanted at least the low 110; found 90 (candle format)"),
        ("2000,BTC,0,110,90,100\n", "open: wanted a price above zero; found 0 (SPEC 1)"),
        ("2000,BTC,100,110,0.0,100\n", "low: wanted a price above zero; found 0.0 (SPEC 1)"),
        ("2000,BTC,100,110,-1,100\n", "low: wanted an amount that is not negative; found '-1' (SPEC 1)"),
        ("2000,BTC,100,110,90,NaN\n",
         "close: wanted a decimal string such as \"12500000.00\"; found 'NaN' (SPEC 1)"),
        ("2000,BTC,100,inf,90,100\n",
         "high: wanted a decimal string such as \"12500000.00\"; found 'inf' (SPEC 1)"),
        ("2000,BTC,1e2,110,90,100\n",
         "open: wanted a decimal string such as \"12500000.00\"; found '1e2' (SPEC 1)"),
        ("2000,BTC,100,110,90,\n", "close: wanted a price above zero; found nothing (SPEC 1)"),
        ("2000,BTC,0.2,0.2,0.2,0.2\n",
         "open: wanted a price of at least one tick of 0.5 in BTC-PERP; found '0.2' (SPEC 1)"),
        ("1000,BTC,100,110,90,105\n",
         "t_ms: wanted bars of BTC at rising times, after 1000 in row 2; found 1000 again (candle format)"),
        ("999,BTC,100,110,90,105\n",
         "t_ms: wanted bars of BTC at rising times, after 1000 in row 2; found 999 (candle format)"),
        ("2020-03-12,BTC,100,110,90,105\n",
         "t_ms: wanted whole ms UTC below 2^53; found '2020-03-12' (SPEC 1)"),
        ("1.5,BTC,100,110,90,105\n", "t_ms: wanted whole ms UTC below 2^53; found '1.5' (SPEC 1)"),
        ("9007199254740992,BTC,100,110,90,105\n",
         "t_ms: wanted whole ms UTC below 2^53; found '9007199254740992' (SPEC 1)"),
        ("2000,,100,110,90,105\n",
         "symbol: wanted an id of 1 to 64 characters A-Z a-z 0-9 . _ : -; found nothing (SPEC 1)"),
        ("2000,BTC/USD,100,110,90,105\n",
         "symbol: wanted an id of 1 to 64 characters A-Z a-z 0-9 . _ : -; found 'BTC/USD' (SPEC 1)"),
    ],
)  # fmt: skip
def test_a_bad_bar_is_one_located_line(tmp_path, design, bar, line):
    found = problem(tmp_path, design, HEADER + FIRST + bar).splitlines()
    assert found[0] == f"bars.csv:3  {line}"
    assert len(found) == (2 if "one tick" in line else 1)  # a price too small for both markets of BTC


def test_an_open_at_the_close_before_may_lie_outside_where_the_sidecar_says_so(tmp_path, design):
    text = HEADER + FIRST + "2000,BTC,105,104,90,100\n"
    assert problem(tmp_path, design, text) == (
        "bars.csv:3  high: wanted at least the open 105; found 104 (candle format); where bars open at the close "
        "before, say so in bars.csv.toml: open_is_previous_close = true"
    )
    head = 'schema = "seawall.candles/1"\nname = "n"\nsource = "s"\nlicence = "l"\nattribution = "by x"\n'
    path = read(tmp_path, design, text, sidecar=head + "open_is_previous_close = true\n")
    assert (path.name, path.source, path.licence) == ("n", "s", "l; by x")
    assert path.ticks[4:] == ((180, 9), (208, 10), (200, 10))
    other = problem(tmp_path, design, HEADER + FIRST + "2000,BTC,106,104,90,100\n")
    assert other == "bars.csv:3  high: wanted at least the open 106; found 104 (candle format)"


@pytest.mark.parametrize(
    ("sidecar", "line"),
    [
        ('schema = "seawall.shock/1"\n',
         "bars.csv.toml:1  schema: wanted \"seawall.candles/1\"; found 'seawall.shock/1' (candle format)"),
        ("", 'bars.csv.toml:3  bar_ms: wanted a bar\'s length in ms, at least 4; found 0 (candle format)'),
        ("licens = 1\n",
         "bars.csv.toml:5  licens: wanted one of schema, name, source, licence, attribution, about, caveats, symbols, "
         'bar_ms, open_is_previous_close; found an unknown key (candle format); did you mean "licence"?'),
        ("open_is_previous_close = 1\n",
         "bars.csv.toml:5  open_is_previous_close: wanted true or false; found int 1 (candle format)"),
    ],
)  # fmt: skip
def test_a_bad_sidecar_is_one_line(tmp_path, design, sidecar, line):
    head = 'schema = "seawall.candles/1"\nname = "n"\n'
    rest = 'source = "s"\nlicence = "l"\n'
    whole = sidecar if "schema" in sidecar else head + (rest + sidecar if sidecar else "bar_ms = 0\n" + rest)
    assert problem(tmp_path, design, HEADER + FIRST, sidecar=whole) == line


def test_the_sidecar_says_how_long_a_bar_is(tmp_path, design):
    head = 'schema = "seawall.candles/1"\nname = "n"\nsource = "s"\nlicence = "l"\n'
    path = read(tmp_path, design, HEADER + FIRST, sidecar=head + "bar_ms = 60000\n")
    assert path.t_ms == (1000, 16_000, 31_000, 46_000)
    assert problem(tmp_path, design, HEADER + FIRST + "2000,BTC,10,10,10,10\n") == (
        "bars.csv  t_ms: wanted bars at least 60000 ms apart; found a gap of 1000 ms (candle format)"
    )


def test_bars_that_cannot_make_a_path(tmp_path, design):
    assert problem(tmp_path, design, HEADER + FIRST) == (
        "bars.csv  t_ms: wanted at least two bars, to know how long one is; found one (candle format)"
    )
    assert problem(tmp_path, design, HEADER + FIRST + "1003,BTC,100,110,90,105\n") == (
        "bars.csv  t_ms: wanted bars at least 4 ms apart; found a gap of 3 ms (candle format)"
    )
    assert problem(tmp_path, design, HEADER + FIRST, needed=("ETH-PERP",)) == (
        "bars.csv  symbol: wanted prices of ETH, the symbol of market ETH-PERP; found only BTC"
    )
    assert problem(tmp_path, design, HEADER + "1000,SOL,1,1,1,1\n", needed=()) == (
        "bars.csv  symbol: wanted a symbol of the design (BTC, ETH); found only SOL"
    )
    assert problem(tmp_path, design, "t_ms,symbol,open,hihg,low,close\n" + FIRST) == (
        "bars.csv:1  high: wanted this column; found columns t_ms, symbol, open, hihg, low, close; "
        "is column hihg meant?"
    )
    assert problem(tmp_path, design, HEADER + FIRST + "2000,BTC,10,9007199254740992,9,9\n").splitlines()[0] == (
        "bars.csv:3  high: wanted a price below 2^53 ticks in BTC-PERP; found '9007199254740992' (SPEC 1)"
    )


def parquet(tmp_path, design, **columns):
    path = tmp_path / "bars.parquet"
    pl.DataFrame(columns).write_parquet(path)
    return read_path(str(path), design, intrabar="low_first", markets_needed=("BTC-PERP",))


def test_parquet_takes_strings_and_decimals_and_refuses_floats(tmp_path, design):
    texts = {"open": ["100", "105"], "high": ["110", "106"], "low": ["90", "100"], "close": ["105", "100"]}
    times = {"t_ms": [0, 400], "symbol": ["BTC", "BTC"], "volume": [1.5, 2.5]}
    decimals = {name: pl.Series([Decimal(t) for t in cells], dtype=pl.Decimal(20, 4)) for name, cells in texts.items()}
    as_texts = parquet(tmp_path, design, **times, **texts)
    assert parquet(tmp_path, design, **times, **decimals) == as_texts
    assert as_texts == read(tmp_path, design, HEADER + "0,BTC,100,110,90,105\n400,BTC,105,106,100,100\n").__class__(
        name="bars", source="file bars.parquet", licence="not stated", intrabar="low_first",
        markets=as_texts.markets, t_ms=as_texts.t_ms, ticks=as_texts.ticks,
    )  # fmt: skip
    with pytest.raises(BadInput) as caught:
        parquet(tmp_path, design, **times, **{name: [float(t) for t in cells] for name, cells in texts.items()})
    assert (
        str(caught.value)
        .splitlines()[0]
        .endswith("bars.parquet  open: wanted decimals or decimal strings; found a column of Float64 (SPEC 1)")
    )
    assert len(caught.value.problems) == 4
    with pytest.raises(BadInput) as caught:
        parquet(tmp_path, design, **{**times, "t_ms": [0.0, 1.0]}, **texts)
    assert "t_ms: wanted whole ms UTC as integers; found a column of Float64 (SPEC 1)" in str(caught.value)
    with pytest.raises(BadInput) as caught:
        parquet(tmp_path, design, **times, **{**texts, "low": ["90", None]})
    assert str(caught.value).endswith("bars.parquet:2  low: wanted a price above zero; found nothing (SPEC 1)")


BARS = st.lists(st.lists(st.integers(1, 5), min_size=4, max_size=4), min_size=2, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(BARS, st.sampled_from(["low_first", "high_first"]))
def test_steps_rise_never_repeat_but_at_a_close_and_hold_every_price(tmp_path, design, bars, intrabar):
    """Bars in whole ticks of BTC-PERP; the path's last price at any time is the bar's."""
    text = HEADER
    whole = []
    for number, (a, b, c, d) in enumerate(bars):
        opened, high, low, close = a, max(a, b, c, d), min(a, b, c, d), d
        whole.append((opened, low, high, close) if intrabar == "low_first" else (opened, high, low, close))
        text += f"{number * 60_000},BTC," + ",".join(f"{10 * p}" for p in (opened, high, low, close)) + "\n"
    path = read(tmp_path, design, text, intrabar=intrabar)
    assert all(earlier < later for earlier, later in pairwise(path.t_ms))
    seen = dict(zip(path.t_ms, (row[0] for row in path.ticks), strict=True))
    last = None
    for number, steps in enumerate(whole):
        for quarter, price in enumerate(steps):
            t = number * 60_000 + quarter * 15_000
            if t in seen:
                assert quarter == 3 or seen[t] != last
                last = seen[t]
            else:
                assert quarter < 3
            assert last == 20 * price
