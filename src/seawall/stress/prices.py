"""Prices: a path of prices in ticks, and the cells that it is made of.

Layer    stress; imports amounts, design.instruments, design.types, stress.tables; filled by candles and shocks.
Not here which file or window a path comes from (stress.paths) and whether a price may be used (rules.marks).
Held to  this by tests/stress/test_paths.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from seawall.amounts import AmountError, parse_decimal, sha256_hex
from seawall.design.instruments import Instrument, instruments
from seawall.design.types import Design
from seawall.stress.tables import Findings, nearest, shown

MAX_TICKS: Final = 2**53
"""Bound of the prices of a path, in ticks, and of its times, in ms."""

_NUMBERS = "SPEC 1"


@dataclass(frozen=True, slots=True)
class PricePath:
    """Prices by step and market.

    name     of the window, the file or the shock vector
    source   where the prices come from
    licence  of the prices, with the attribution that it asks for
    intrabar order of a bar's extremes: `low_first`, `high_first`; `none`: the path is not made of bars
    markets  shape (m,), ids of the design's markets that have prices, in its order
    t_ms     shape (n,), ms UTC, strictly rising
    ticks    shape (n, m), >= 1; None: no new observation of that market at that step
    """

    name: str
    source: str
    licence: str
    intrabar: str
    markets: tuple[str, ...]
    t_ms: tuple[int, ...]
    ticks: tuple[tuple[int | None, ...], ...]

    @property
    def first_ticks(self) -> dict[str, int]:
        """The first price of each market, by id: where a generated book stands and ladders are compiled."""
        first: dict[str, int] = {}
        for prices in self.ticks:
            for market, price in zip(self.markets, prices, strict=True):
                if price is not None:
                    first.setdefault(market, price)
            if len(first) == len(self.markets):
                break
        return first

    @property
    def digest(self) -> str:
        """SHA-256 over a plain text form, a line a step, `-` for None: what was run, not where it came from."""
        lines = [f"path {self.name}", f"intrabar {self.intrabar}", "markets " + " ".join(self.markets)]
        for t, prices in zip(self.t_ms, self.ticks, strict=True):
            lines.append(f"{t} " + " ".join("-" if price is None else str(price) for price in prices))
        return sha256_hex(("\n".join(lines) + "\n").encode())


def path_name(text: str) -> str:
    """A file's stem as a name: an id, other characters as `_`."""
    return re.sub(r"[^A-Za-z0-9._:-]", "_", text)[:64] or "path"


def priced_markets(
    findings: Findings, field: str, design: Design, symbols: Collection[str], markets_needed: Collection[str]
) -> list[Instrument]:
    """The design's markets whose symbol is among `symbols`; findings for needed ones that are not, or if none is."""
    known = instruments(design)
    for instrument in known:
        if instrument.id in markets_needed and instrument.symbol not in symbols:
            wanted = f"prices of {instrument.symbol}, the symbol of market {instrument.id}"
            found = f"only {', '.join(sorted(symbols)[:12])}"
            findings.add(0, field, wanted, found, hint=nearest(instrument.symbol, symbols))
    priced = [instrument for instrument in known if instrument.symbol in symbols]
    if not priced and not markets_needed:
        wanted = f"a symbol of the design ({', '.join(sorted({instrument.symbol for instrument in known}))})"
        findings.add(0, field, wanted, f"only {', '.join(sorted(symbols)[:12])}")
    return priced


def price_text(findings: Findings, row: int, name: str, cell: str | Decimal | int | None) -> str | None:
    """A price above zero as a decimal string; None, and a finding, when it is none."""
    if cell is None or cell == "":
        findings.add(row, name, "a price above zero", "nothing", _NUMBERS)
        return None
    text = cell if isinstance(cell, str) else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    try:
        if parse_decimal(text, min(len(text.partition(".")[2]), 36)) > 0:
            return text
        findings.add(row, name, "a price above zero", text, _NUMBERS)
    except AmountError as error:
        findings.add(row, name, error.wanted, error.found, _NUMBERS, error.hint)
    return None


def price_ticks(findings: Findings, row: int, field: str, instrument: Instrument, text: str) -> int | None:
    try:
        ticks = instrument.nearest_ticks(text)
    except AmountError as error:
        findings.add(row, field, f"{error.wanted} in {instrument.id}", error.found, _NUMBERS, error.hint)
        return None
    if ticks >= MAX_TICKS:
        findings.add(row, field, f"a price below 2^53 ticks in {instrument.id}", shown(text), _NUMBERS)
        return None
    return ticks
