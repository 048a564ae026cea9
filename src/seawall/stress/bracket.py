"""Bracket: one crash as its prices are, with own impact counted twice, and with own impact taken out first.

Layer    stress; imports design, report.bracket_table (the rows), stress.{prices,run}, venue_events.
Not here what a run does (stress.run), how own sales move a mark (venue.facts), the table (report.bracket_table).
Held to  this by tests/stress/test_bracket.py, by hand and by a second reading of the log.

Real crash prices already hold the cascade of that day. Under the design's pass-through a run moves these prices once
more. The third case takes out of each price what a run of our own would have added to the fall, and lets the run add
it again. It is one pass, not a fixed point: what is taken out is what fills touched on the prices as they are, and
once it is taken out, fills differ. Nothing orders the three by proof; they are told side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from seawall.amounts import PPM, Units
from seawall.design.errors import BadInput, Problem
from seawall.design.loader import parse_design
from seawall.design.writer import set_values
from seawall.report.bracket_table import BracketCase, BracketRow, RemovedRow
from seawall.stress.prices import MAX_TICKS, PricePath
from seawall.stress.run import Finished, Inputs, run
from seawall.venue_events import InventoryMoved, RoundFilled, VenueEvent


@dataclass(frozen=True, slots=True)
class Case:
    """One case, run: its row, what went in, what came of it."""

    row: BracketRow
    inputs: Inputs
    finished: Finished


def displacement_ticks(events: Iterable[VenueEvent]) -> dict[tuple[int, str], int]:
    """How far a venue's own sales and purchases reached into the book, ticks.

    events   of its log, in order
    returns  (step from 1, market id) -> deepest bid level touched within the step less the deepest ask level: above 0
             where its sales pushed the price down. Sales of liquidated accounts and of layers alike (SPEC 4.2); steps
             and markets without any are left out
    """
    touched: dict[tuple[int, str, str], int] = {}
    for event in events:
        if isinstance(event, RoundFilled | InventoryMoved):
            for row in event.book:
                key = event.step, row.market, row.side
                touched[key] = max(touched.get(key, 0), row.away_ticks)
    down: dict[tuple[int, str], int] = {}
    for (step, market, side), away in touched.items():
        down[step, market] = down.get((step, market), 0) + (away if side == "bids" else -away)
    return down


def own_removed(path: PricePath, displacement: Mapping[tuple[int, str], int], pass_through_ppm: int) -> PricePath:
    """A path without the part of a run's own displacement that a design passes through to the mark.

    displacement  (step from 1, market id) -> ticks, above 0 where sales pushed the price down
    returns       the same steps; each price observed at a step with d > 0 higher by floor(ppm x d / 10^6), with d < 0
                  lower by floor(ppm x -d / 10^6) and at least 1 tick. A market's first price stays, since it stands
                  before anything was sold and ladders are compiled at it; a step without an observation has no price
                  to change
    Rounding      the move down to a tick, as the venue's own next mark (SPEC 4.2): so that a run which touches the same
                  levels is displaced back to the price that was observed.
    Errors        BadInput when a price reaches 2^53 ticks.
    """
    rows = []
    seen: set[str] = set()
    for step, prices in enumerate(path.ticks, start=1):
        row: list[int | None] = []
        for market, price in zip(path.markets, prices, strict=True):
            if price is None or market not in seen:
                row.append(price)
            else:
                row.append(_moved(price, displacement.get((step, market), 0), pass_through_ppm, market))
            if price is not None:
                seen.add(market)
        rows.append(tuple(row))
    return replace(
        path,
        name=f"{path.name[:48]}:own-removed",
        source=f"{path.source}; own displacement taken out at {pass_through_ppm} ppm",
        ticks=tuple(rows),
    )


def _moved(price: int, down_ticks: int, pass_through_ppm: int, market: str) -> int:
    moved = abs(down_ticks) * pass_through_ppm // PPM
    ticks = price + moved if down_ticks > 0 else max(1, price - moved)
    if ticks >= MAX_TICKS:
        wanted = f"prices below 2^53 ticks in {market} once own displacement is taken out"
        raise BadInput(Problem("", 0, "--bracket", wanted, f"{ticks} ticks"))
    return ticks


def removed_rows(before: PricePath, after: PricePath) -> tuple[RemovedRow, ...]:
    """What was taken out, by market in the path's order: at how many steps, and the largest rise and fall in ticks."""
    rows = []
    for place, market in enumerate(before.markets):
        pairs = zip(before.ticks, after.ticks, strict=True)
        changes = [(new[place] or 0) - (old[place] or 0) for old, new in pairs]
        if any(changes):
            steps = sum(map(bool, changes))
            rows.append(RemovedRow(market, steps, max(0, *changes), max(0, *(-change for change in changes))))
    return tuple(rows)


def check_bracket(inputs: Inputs) -> None:
    """Refuse a design whose own sales do not move the mark: all three cases are one. Errors: BadInput."""
    if inputs.design.stress.pass_through_ppm == 0:
        wanted = "a design with stress.pass_through_ppm above 0"
        raise BadInput(Problem("", 0, "--bracket", wanted, "0", "SPEC 4.2", "state one with --pass-through-ppm"))


def bracket(inputs: Inputs) -> Iterator[Case]:
    """The three cases, each as soon as it has run: prices as they are, own impact counted twice, own impact removed.

    Errors  BadInput (check_bracket, own_removed); else as stress.run.run.
    """
    check_bracket(inputs)
    text = set_values(inputs.design_text, {("stress", "pass_through_ppm"): 0})
    still = replace(inputs, design=parse_design(text, inputs.design.name), design_text=text)
    finished = run(still)
    displacement = displacement_ticks(finished.venue.events)
    yield _case("as_they_are", still, finished, ())
    del finished
    yield _case("counted_twice", inputs, run(inputs), ())
    path = own_removed(inputs.path, displacement, inputs.design.stress.pass_through_ppm)
    without = replace(inputs, path=path)
    yield _case("own_removed", without, run(without), removed_rows(inputs.path, path))


def _case(case: BracketCase, inputs: Inputs, finished: Finished, removed: tuple[RemovedRow, ...]) -> Case:
    summary = finished.summary
    row = BracketRow(
        case=case,
        pass_through_ppm=summary.pass_through_ppm,
        deficits=summary.deficits.count,
        amount=summary.deficits.amount,
        covered_ppm=summary.covered_ppm,
        drawn=summary.drawn,
        severity=summary.severity,
        haircuts=Units(summary.haircuts.total),
        carried=summary.carried,
        verdict=summary.verdict,
        conservation_exact=summary.conservation.exact,
        removed=removed,
    )
    return Case(row, inputs, finished)
