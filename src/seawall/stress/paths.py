"""Paths: where the prices of a stress run come from.

Layer    stress; imports design.types, stress.candles, stress.prices, stress.shocks, stress.tables.
Not here whether a price may be used (rules.marks), the venue's own displacement of it (venue), random paths.
Held to  this by tests/stress/test_paths.py.

A path is a packaged window (real bars that come with Seawall, see windows/), a file of candles (stress.candles has the
format), or a shock vector (stress.shocks).
"""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Literal

from seawall.design.types import Design
from seawall.stress.candles import COLUMNS, Sidecar, candle_path, read_sidecar
from seawall.stress.prices import PricePath, path_name
from seawall.stress.shocks import shock_path
from seawall.stress.tables import Findings, nearest, read_bytes, read_csv, read_parquet, shown

__all__ = ["PricePath", "read_path", "window_names"]


def window_names() -> tuple[str, ...]:
    """Names of the packaged windows, in order."""
    folder = files("seawall.stress").joinpath("windows")
    return tuple(sorted(item.name.removesuffix(".csv") for item in folder.iterdir() if item.name.endswith(".csv")))


def read_path(
    spec: str, design: Design, *, intrabar: Literal["low_first", "high_first"], markets_needed: Collection[str]
) -> PricePath:
    """A path from a packaged window's name or from a file (.csv, .parquet: candles; .toml: a shock vector).

    design          its markets take the prices of their symbol; several may share one; symbols of no market are unused
    intrabar        whether a bar reaches its low or its high first, the same for all symbols at once; without meaning
                    for a shock vector
    markets_needed  markets of the design that must have prices, e.g. those with positions; others may be missing, and
                    are then left out of the path's `markets`
    returns         candles: a bar at t gives its open at t, its extremes at t + 1/4 and + 1/2 of a bar, its close at
                    t + 3/4, a bar being the smallest gap between bars (or the sidecar's `bar_ms`). A step at which
                    every observed price equals the one before is left out, but never a close: so every bar leaves a
                    fresh observation. A market without a bar at t has None in all of t's steps. Gaps are allowed.
                    shock: the start prices at start_t_ms, then a step each step_ms; every market at every step, a
                    symbol that a step does not name keeps its last move
    Rounding        to the nearest tick, half up; a shock is max(1, start + floor(start x move_ppm / 10^6)) ticks;
                    quarters of a bar down to a ms.
    Errors          BadInput: every problem of the file (the first 20, and how many more), with row or line and column.
    """
    windows = window_names()
    if spec in windows:
        folder = files("seawall.stress").joinpath("windows")
        sidecar = read_sidecar(folder.joinpath(f"{spec}.csv.toml").read_bytes(), Findings(f"{spec}.csv.toml"))
        findings = Findings(f"window {spec}")
        table = read_csv(folder.joinpath(f"{spec}.csv").read_bytes(), findings, COLUMNS)
        return candle_path(table, findings, sidecar, design, intrabar, markets_needed)
    path = Path(spec)
    suffix = path.suffix.lower()
    findings = Findings(spec)
    if suffix not in (".csv", ".parquet", ".toml"):
        wanted = f"a packaged window ({', '.join(windows)}) or a file that ends with .csv, .parquet or .toml"
        raise Findings("").stop(0, "path", wanted, shown(spec), hint=nearest(spec, windows))
    data = read_bytes(path, findings)
    if suffix == ".toml":
        return shock_path(data, findings, design, markets_needed)
    beside = path.with_name(path.name + ".toml")
    sidecar = Sidecar(name=path_name(path.stem), source=f"file {path.name}", licence="not stated")
    if beside.exists():
        other = Findings(str(beside))
        sidecar = read_sidecar(read_bytes(beside, other), other)
    read = read_csv if suffix == ".csv" else read_parquet
    table = read(data, findings, COLUMNS, others=True)
    return candle_path(table, findings, sidecar, design, intrabar, markets_needed)
