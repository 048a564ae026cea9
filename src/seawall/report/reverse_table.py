"""Reverse table: at which multiple of a path's move each layer ends, traders pay, debt is carried; rows and text.

Layer    report; imports report.{rows,terminal,wording}. Called by the CLI.
Not here the runs (stress.reverse). No interpolation: a multiple is one that was run.
Held to  this by tests/report/test_reverse_table.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import polars as pl
from msgspec import Struct
from rich.console import Group, RenderableType

from seawall.amounts import Units, format_decimal
from seawall.report.rows import MONEY, frame
from seawall.report.terminal import Fitting, Line
from seawall.report.wording import HOW, listed, percent

Outcome = Literal["layer_ends", "traders_pay", "debt_carried"]


class MoveRow(Struct, frozen=True):
    """How far one market goes from its first price: its lowest and its highest, ppm, rounded down; 0 where it stays."""

    market: str
    low_ppm: int
    high_ppm: int

    @property
    def farthest_ppm(self) -> int:
        """The larger of both moves; the fall where they are equal."""
        return self.low_ppm if -self.low_ppm >= self.high_ppm else self.high_ppm


class ScanRow(Struct, frozen=True, kw_only=True):
    """One multiple under one intrabar order, run. Money in base units.

    multiple_ppm  of the path's moves
    amount        of all deficits
    haircuts      what traders paid, by any way
    deleveraged   accounts closed against bankrupt ones
    carried       bad debt that was left, whether or not later income repaid it
    layers_ended  in the design's order: had no more to give, or not enough when asked
    stale_steps   steps at which some market's mark could not be used, so that nobody was liquidated there
    """

    intrabar: str
    multiple_ppm: int
    verdict: str
    deficits: int
    amount: Units
    drawn: Units
    severity: Units
    haircuts: Units
    deleveraged: int
    carried: Units
    layers_ended: tuple[str, ...]
    stale_steps: int
    conservation_exact: bool
    moves: tuple[MoveRow, ...]


class Reached(Struct, frozen=True, kw_only=True):
    """When one outcome first happens under one order.

    at_ppm      the least multiple that was run at which it does; None: at none of them
    moves       of the markets, at that multiple
    not_at_ppm  larger multiples that were run at which it does not: then more of the same move is not always worse
    """

    intrabar: str
    at_ppm: int | None
    moves: tuple[MoveRow, ...]
    not_at_ppm: tuple[int, ...]


class ReverseRow(Struct, frozen=True, kw_only=True):
    """One outcome. `layer`: of `layer_ends`, which; else "". `reached`: one for each intrabar order."""

    outcome: Outcome
    layer: str
    reached: tuple[Reached, ...]


def times(multiple_ppm: int) -> str:
    """`1.2x`: a multiple with every digit that is not zero, at least one decimal."""
    return format_decimal(multiple_ppm, 6, places=1) + "x"


def outcome_text(row: ReverseRow, policy: str) -> str:
    """`layer shared ends`, `deleveraging starts`, `debt is carried`. policy: the design's."""
    if row.outcome == "layer_ends":
        return f"layer {row.layer} ends"
    return f"{HOW.get(policy, 'a haircut')} starts" if row.outcome == "traders_pay" else "debt is carried"


def heads(rows: Sequence[ReverseRow]) -> tuple[str, ...]:
    """The terminal's columns: the multiple under each order, and how far markets go at the least of them."""
    orders = [one.intrabar for one in rows[0].reached]
    return ("outcome", *("multiple" if order == "none" else order for order in orders), "markets go to")


def reverse_rows(rows: Sequence[ReverseRow], policy: str, max_ppm: int) -> list[tuple[str, ...]]:
    """The rows as texts, under `heads`."""
    return [
        (
            outcome_text(row, policy),
            *(f"not up to {times(max_ppm)}" if one.at_ppm is None else times(one.at_ppm) for one in row.reached),
            _moves_text(row),
        )
        for row in rows
    ]


def _moves_text(row: ReverseRow) -> str:
    first = min((one for one in row.reached if one.at_ppm is not None), key=lambda one: one.at_ppm or 0, default=None)
    if first is None:
        return "-"
    return ", ".join(f"{move.market} {_signed(move.farthest_ppm)}" for move in first.moves) or "-"


def _signed(move_ppm: int) -> str:
    return f"+{percent(move_ppm)}" if move_ppm > 0 else percent(move_ppm)


def exceptions(rows: Sequence[ReverseRow], policy: str) -> list[str]:
    """A sentence for each outcome that a larger multiple does not have; none where all are monotone."""
    told = []
    for row in rows:
        for one in row.reached:
            if one.not_at_ppm:
                order = "" if one.intrabar == "none" else f" ({one.intrabar})"
                multiples = listed([times(multiple) for multiple in one.not_at_ppm])
                told.append(f"not monotone: {outcome_text(row, policy)}{order}, yet not at {multiples}")
    return told


def reverse_report(rows: Sequence[ReverseRow], policy: str, step_ppm: int, max_ppm: int) -> RenderableType:
    """The table for a terminal, and where a larger multiple is milder."""
    return Group(
        Fitting(heads(rows), reverse_rows(rows, policy, max_ppm)),
        *map(Line, exceptions(rows, policy)),
        Line(
            f"multiples of the path's moves, run from 0 to {times(max_ppm)} by {times(step_ppm)}; a layer that a limit "
            "holds back has not ended"
        ),
    )


_SCAN: Final[Mapping[str, Any]] = {
    "intrabar": pl.String,
    "multiple_ppm": pl.Int64,
    "verdict": pl.String,
    "deficits": pl.Int64,
    "amount": MONEY,
    "drawn": MONEY,
    "severity": MONEY,
    "haircuts": MONEY,
    "deleveraged": pl.Int64,
    "carried": MONEY,
    "layers_ended": pl.String,
    "stale_steps": pl.Int64,
    "conservation_exact": pl.Boolean,
}


def scan_table(scan: Sequence[ScanRow]) -> pl.DataFrame:
    """The scan, a row a run; layers by spaces. Moves of the markets are in the document alone."""
    return frame(
        [
            tuple(" ".join(row.layers_ended) if name == "layers_ended" else getattr(row, name) for name in _SCAN)
            for row in scan
        ],
        _SCAN,
    )
