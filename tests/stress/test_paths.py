"""Paths: what a name means, and the windows that come with Seawall."""

from __future__ import annotations

import csv
import hashlib
import tomllib
from importlib.resources import files
from itertools import pairwise

import pytest

from seawall.design.errors import BadInput
from seawall.stress.paths import PricePath, read_path, window_names


def problem(spec, design, needed=()):
    with pytest.raises(BadInput) as caught:
        read_path(spec, design, intrabar="low_first", markets_needed=needed)
    return str(caught.value)


def test_a_name_that_is_neither_a_window_nor_a_file(design, tmp_path):
    wanted = "path: wanted a packaged window (2020-03-12, 2025-10-10) or a file that ends with .csv, .parquet or .toml"
    assert problem("2020-03-21", design) == f"{wanted}; found '2020-03-21'; did you mean \"2020-03-12\"?"
    assert problem("crash", design) == f"{wanted}; found 'crash'"
    assert problem(f"{tmp_path}/none.csv", design) == f"{tmp_path}/none.csv: wanted a file; found no such file"


def test_a_needed_market_without_prices_in_a_window(design):
    wanted = "prices of ETH, the symbol of market ETH-PERP"
    assert problem("2020-03-12", design, ["ETH-PERP"]) == f"window 2020-03-12  symbol: wanted {wanted}; found only BTC"


@pytest.mark.parametrize("intrabar", ["low_first", "high_first"])
def test_the_window_of_march_2020(design, intrabar):
    path = read_path("2020-03-12", design, intrabar=intrabar, markets_needed=["BTC-PERP"])
    assert (path.name, path.intrabar, path.markets) == ("2020-03-12", intrabar, ("BTC-PERP", "BTC-MINI"))
    assert path.licence == "ISC; Copyright (c) 2019-2021 Han Lin Yap"
    assert path.source == "GitHub codler/bitmex-data, commit 9c8be80e932b9a30e097f8fe901953af05c76530"
    midnight = 1_583_971_200_000  # 2020-03-12 00:00 UTC
    closes = [t for t in path.t_ms if (t - midnight) % 60_000 == 45_000]
    assert closes == [midnight + 60_000 * minute + 45_000 for minute in range(2_880)]
    lowest = min((row[0], t) for t, row in zip(path.t_ms, path.ticks, strict=True))
    assert lowest[0] == 2 * 3_596  # on 13 March at 02:16
    assert (lowest[1] - midnight) // 60_000 == 24 * 60 + 2 * 60 + 16


def test_the_window_of_october_2025(design):
    path = read_path("2025-10-10", design, intrabar="low_first", markets_needed=["BTC-PERP", "ETH-PERP"])
    assert path.markets == ("BTC-PERP", "ETH-PERP", "BTC-MINI")
    assert path.licence.startswith("The Unlicense; ")
    assert all(None not in row for row in path.ticks)
    at = path.t_ms.index(1_760_130_000_000 + 900_000)  # 21:00, first extreme
    assert path.ticks[at] == (2 * 101_516 + 1, 340_000, 10_152)


def test_steps_of_the_windows_rise_and_repeat_only_at_a_close(design):
    for name in window_names():
        path = read_path(name, design, intrabar="low_first", markets_needed=[])
        assert all(earlier < later for earlier, later in pairwise(path.t_ms))
        bar = 60_000 if name == "2020-03-12" else 3_600_000
        for (before, after), t in zip(pairwise(path.ticks), path.t_ms[1:], strict=True):
            assert before != after or t % bar == 3 * bar // 4


def test_the_digest_is_of_a_plain_text(design):
    path = PricePath("n", "s", "l", "none", ("A", "B"), (1, 2), ((5, None), (6, 7)))
    text = "path n\nintrabar none\nmarkets A B\n1 5 -\n2 6 7\n"
    assert path.digest == hashlib.sha256(text.encode()).hexdigest()
    assert path.digest == PricePath("n", "x", "y", "none", ("A", "B"), (1, 2), ((5, None), (6, 7))).digest


@pytest.mark.parametrize("name", window_names())
def test_a_window_has_its_sidecar_and_its_licence(name):
    folder = files("seawall.stress").joinpath("windows")
    sidecar = tomllib.loads(folder.joinpath(f"{name}.csv.toml").read_text())
    rows = list(csv.reader(folder.joinpath(f"{name}.csv").read_text().splitlines()))[1:]
    assert sidecar["symbols"] == list(dict.fromkeys(row[1] for row in rows))
    times = sorted({int(row[0]) for row in rows})
    assert {later - earlier for earlier, later in pairwise(times)} == {sidecar["bar_ms"]}
    notice = folder.joinpath("NOTICE.txt").read_text()
    assert f"{name}.csv" in notice and sidecar["source"].split()[1].rstrip(",") in notice
