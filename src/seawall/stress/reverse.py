"""Reverse: at which multiple of a path's move a layer ends, traders pay, debt is carried.

Layer    stress; imports design, report.reverse_table (the rows), stress.{prices,run,sweep}.
Not here what a path comes to (stress.sweep), the table (report.reverse_table), reading a path in both orders (cli).
Held to  this by tests/stress/test_reverse.py: the same moves written as files of their own, run one by one.

It is a scan, never a bisection: more of the same move is not always worse. At a larger multiple a feed may sit at its
bound, a lot's loss may no longer fit a layer, accounts may cross that met the book before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

from seawall.amounts import PPM, Units
from seawall.design.errors import BadInput, Problem
from seawall.design.types import Design
from seawall.report.reverse_table import MoveRow, Reached, ReverseRow, ScanRow
from seawall.stress.prices import MAX_TICKS, PricePath
from seawall.stress.run import Inputs, Progress, markets_held
from seawall.stress.sweep import Outcome, sweep

MAX_MULTIPLE_PPM: Final = 100 * PPM
"""Bound of a multiple."""

MAX_MULTIPLES: Final = 1_000
"""Bound of the multiples of one scan, each a whole run."""


def multiples(step_ppm: int, max_ppm: int) -> tuple[int, ...]:
    """The multiples of a scan, ppm: 0, one step, two, and so on, and the maximum as the last.

    Errors  BadInput when the maximum is not 1 to MAX_MULTIPLE_PPM, the step not 1 to the maximum, or they are more than
            MAX_MULTIPLES.
    """
    if not 1 <= max_ppm <= MAX_MULTIPLE_PPM:
        raise BadInput(Problem("", 0, "--reverse-max-ppm", f"1 to {MAX_MULTIPLE_PPM}", str(max_ppm)))
    if not 1 <= step_ppm <= max_ppm:
        raise BadInput(Problem("", 0, "--reverse-step-ppm", f"1 to the maximum, {max_ppm}", str(step_ppm)))
    count = -(-max_ppm // step_ppm) + 1
    if count > MAX_MULTIPLES:
        wanted = f"a step that makes at most {MAX_MULTIPLES} multiples up to {max_ppm}"
        raise BadInput(Problem("", 0, "--reverse-step-ppm", wanted, f"{step_ppm}, which makes {count}"))
    return (*range(0, max_ppm, step_ppm), max_ppm)


def scaled(path: PricePath, multiple_ppm: int) -> PricePath:
    """A path whose moves are a multiple of another's.

    multiple_ppm  >= 0; 0: every price is the first of its market; PPM: the same prices
    returns       the same steps; each price p of a market whose first is p0 as p0 + floor((p - p0) x multiple / 10^6),
                  at least 1 tick
    Rounding      down, a fall further, a rise less far.
    Errors        BadInput when a price reaches 2^53 ticks.
    """
    first = path.first_ticks
    starts = [first.get(market, 1) for market in path.markets]
    ticks = tuple(
        tuple(
            None if price is None else max(1, start + (price - start) * multiple_ppm // PPM)
            for price, start in zip(prices, starts, strict=True)
        )
        for prices in path.ticks
    )
    for market, column in zip(path.markets, zip(*ticks, strict=True), strict=True):
        highest = max((price for price in column if price is not None), default=1)
        if highest >= MAX_TICKS:
            wanted = f"multiples whose prices stay below 2^53 ticks in {market}"
            raise BadInput(Problem("", 0, "--reverse-max-ppm", wanted, f"{highest} ticks at {multiple_ppm}"))
    return replace(
        path,
        name=f"{path.name[:48]}:{multiple_ppm}ppm",
        source=f"{path.source}; its moves times {multiple_ppm} ppm",
        ticks=ticks,
    )


def moves(path: PricePath, markets: Collection[str]) -> tuple[MoveRow, ...]:
    """How far each of some markets goes from its first price, in the path's order. Rounding: ppm down."""
    rows = []
    for market, column in zip(path.markets, zip(*path.ticks, strict=True), strict=True):
        seen = [price for price in column if price is not None]
        if market in markets and seen:
            low, high = ((price - seen[0]) * PPM // seen[0] for price in (min(seen), max(seen)))
            rows.append(MoveRow(market, low, high))
    return tuple(rows)


def scan(orders: Sequence[Inputs], planned: Sequence[int], progress: Progress | None = None) -> tuple[ScanRow, ...]:
    """Run every multiple of every order.

    orders   the same inputs, once for each intrabar order of the path: one design and one book
    planned  multiples, ppm, rising
    returns  a row a run: order by order, by rising multiple
    Errors   BadInput before the first run when the largest multiple has no path; else as stress.run.run.
    """
    for inputs in orders:
        scaled(inputs.path, planned[-1])
    runs = list(product(orders, planned))
    paths = (scaled(inputs.path, multiple) for inputs, multiple in runs)
    outcomes = sweep(orders[0], paths, count=len(runs), progress=progress)
    held = markets_held(orders[0].book)
    return tuple(
        _scan_row(moves(scaled(inputs.path, multiple), held), inputs.path.intrabar, multiple, outcome)
        for (inputs, multiple), outcome in zip(runs, outcomes, strict=True)
    )


def _scan_row(moved: tuple[MoveRow, ...], intrabar: str, multiple_ppm: int, outcome: Outcome) -> ScanRow:
    return ScanRow(
        intrabar=intrabar,
        multiple_ppm=multiple_ppm,
        verdict=outcome.verdict,
        deficits=outcome.deficits,
        amount=Units(outcome.amount),
        drawn=Units(outcome.drawn),
        severity=Units(outcome.severity),
        haircuts=Units(outcome.haircuts),
        deleveraged=outcome.deleveraged,
        carried=Units(outcome.carried),
        layers_ended=outcome.layers_ended,
        stale_steps=outcome.stale_steps,
        conservation_exact=outcome.conservation_exact,
        moves=moved,
    )


def outcomes(design: Design, rows: Sequence[ScanRow]) -> tuple[ReverseRow, ...]:
    """Every layer that pays deficits, in the design's order, then traders, then debt: when each first happens."""
    layers = [layer.id for layer in design.layers if layer.kind != "revenue_pool"]
    return (
        *(ReverseRow(outcome="layer_ends", layer=name, reached=_layer(rows, name)) for name in layers),
        ReverseRow(
            outcome="traders_pay",
            layer="",
            reached=_reached(rows, [bool(row.haircuts or row.deleveraged) for row in rows]),
        ),
        ReverseRow(outcome="debt_carried", layer="", reached=_reached(rows, [row.carried > 0 for row in rows])),
    )


def _layer(rows: Sequence[ScanRow], name: str) -> tuple[Reached, ...]:
    return _reached(rows, [name in row.layers_ended for row in rows])


def _reached(rows: Sequence[ScanRow], happens: Sequence[bool]) -> tuple[Reached, ...]:
    """The first row of each order at which something happens, and the later ones at which it does not."""
    return tuple(_first(order, rows, happens) for order in _orders(rows))


def _orders(rows: Sequence[ScanRow]) -> Iterator[str]:
    return iter(dict.fromkeys(row.intrabar for row in rows))


def _first(order: str, rows: Sequence[ScanRow], happens: Sequence[bool]) -> Reached:
    own = [(row, does) for row, does in zip(rows, happens, strict=True) if row.intrabar == order]
    place = next((place for place, (_, does) in enumerate(own) if does), None)
    if place is None:
        return Reached(intrabar=order, at_ppm=None, moves=(), not_at_ppm=())
    first = own[place][0]
    milder = tuple(row.multiple_ppm for row, does in own[place:] if not does)
    return Reached(intrabar=order, at_ppm=first.multiple_ppm, moves=first.moves, not_at_ppm=milder)
