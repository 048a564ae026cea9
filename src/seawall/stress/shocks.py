"""Shocks: a path written by hand, as moves of a start price.

Layer    stress; imports amounts, design.locator, design.types, stress.documents, stress.prices, stress.tables.
Not here finding and opening the file (stress.paths).
Held to  this by tests/stress/test_shocks.py.

    schema = "seawall.shock/1"
    name = "two-steps-down"
    start_t_ms = 1583971200000
    step_ms = 60000
    [start]
    BTC = "65000.00"                     # the first step, at start_t_ms
    [[steps]]
    move_ppm = { BTC = -100000 }         # of the start price; a symbol left out keeps its last move
    [[steps]]
    move_ppm = { BTC = -250000 }
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from seawall.amounts import PPM
from seawall.design.locator import KeyPath, path_text
from seawall.design.types import Design
from seawall.stress.documents import TomlDocument
from seawall.stress.prices import MAX_TICKS, PricePath, path_name, price_text, price_ticks, priced_markets
from seawall.stress.tables import Findings, nearest, shown

SCHEMA: Final = "seawall.shock/1"

_SHOCK = "shock format"


def shock_path(data: bytes, findings: Findings, design: Design, markets_needed: Collection[str]) -> PricePath:
    """A shock vector as a path; see `read_path`."""
    toml = TomlDocument(data, findings, _SHOCK)
    root = toml.root
    toml.schema(SCHEMA)
    toml.only((), root, ("schema", "name", "start_t_ms", "step_ms", "start", "steps"))
    name = toml.take(("name",), root, str, "a name")
    begins = toml.take(("start_t_ms",), root, int, "whole ms UTC")
    step_ms = toml.take(("step_ms",), root, int, "whole ms above zero")
    start = toml.take(("start",), root, dict, 'a table of start prices, e.g. BTC = "65000.00"') or {}
    steps = toml.take(("steps",), root, list, "a list of steps, [[steps]]") or []
    if begins is not None and not 0 <= begins < MAX_TICKS:
        toml.add(("start_t_ms",), "whole ms UTC below 2^53", str(begins))
    if step_ms is not None and not 1 <= step_ms < MAX_TICKS:
        toml.add(("step_ms",), "whole ms above zero", str(step_ms))
    if "start" in root and root["start"] == {}:
        toml.add(("start",), 'a start price, e.g. BTC = "65000.00"', "none")
    if root.get("steps") == []:
        toml.add(("steps",), "at least one step, [[steps]]", "none")
    start_texts = _start_prices(toml, start)
    moves = _moves(toml, steps, start)
    findings.raise_if_any()

    priced = priced_markets(findings, "start", design, start, markets_needed)
    first: list[int] = []
    for instrument in priced:
        key: KeyPath = ("start", instrument.symbol)
        ticks = price_ticks(findings, toml.line(key), path_text(key), instrument, start_texts[instrument.symbol])
        first.append(ticks or 1)
    rows: list[tuple[int | None, ...]] = []
    for number, step in enumerate([{}, *moves]):
        ticks_now = [
            max(1, ticks + ticks * step.get(instrument.symbol, 0) // PPM)
            for instrument, ticks in zip(priced, first, strict=True)
        ]
        for instrument, ticks in zip(priced, ticks_now, strict=True):
            if ticks >= MAX_TICKS:
                toml.add(("steps", number - 1), f"a price below 2^53 ticks in {instrument.id}", f"{ticks} ticks")
        rows.append(tuple(ticks_now))
    findings.raise_if_any()
    return PricePath(
        name=path_name(name),
        source=f"shock vector {name}",
        licence="not stated",
        intrabar="none",
        markets=tuple(instrument.id for instrument in priced),
        t_ms=tuple(begins + number * step_ms for number in range(len(rows))),
        ticks=tuple(rows),
    )


def _start_prices(toml: TomlDocument, start: Mapping[str, Any]) -> dict[str, str]:
    """Symbol -> its start price, a decimal string above zero; findings for those that are none."""
    texts: dict[str, str] = {}
    for symbol in start:
        path: KeyPath = ("start", symbol)
        text = toml.take(path, start, str, 'a price as a decimal string, e.g. "65000.00"')
        if text is not None:
            found = price_text(toml.findings, toml.line(path), path_text(path), text)
            if found is not None:
                texts[symbol] = found
    return texts


def _moves(toml: TomlDocument, steps: Sequence[Any], start: Collection[str]) -> list[dict[str, int]]:
    """Of each step, symbol -> move in ppm of the start price, earlier moves kept; findings for what is amiss."""
    moves: list[dict[str, int]] = []
    now: dict[str, int] = {}
    for number, step in enumerate(steps):
        path: KeyPath = ("steps", number)
        if not isinstance(step, dict):
            toml.add(path, "a table with move_ppm", shown(step))
            continue
        toml.only(path, step, ("move_ppm",))
        table = (
            toml.take((*path, "move_ppm"), step, dict, "moves in ppm of the start price, e.g. { BTC = -100000 }") or {}
        )
        for symbol in table:
            here: KeyPath = (*path, "move_ppm", symbol)
            if symbol not in start:
                toml.add(here, "a symbol with a start price", shown(symbol), nearest(symbol, start))
                continue
            move = toml.take(here, table, int, "a whole number of ppm above -1000000")
            if move is not None and move <= -PPM:
                toml.add(here, "a whole number of ppm above -1000000, since a price stays above zero", str(move))
            elif move is not None:
                now[symbol] = move
        moves.append(dict(now))
    return moves
