"""Sweep: one design and book through many paths, each by the exact machines, their scans answered together.

Layer    stress; imports venue, fund, stress.{batch,memory,run,screened,tally}. Called by stress.reverse.
Not here making paths (stress.{reverse,paths}), tables of what came out (report), runs that keep their log (stress.run).
Held to  this by tests/stress/test_sweep.py: every outcome is that of `run` on the path alone.

Every path is a venue and a fund of its own: every deficit goes to the same `fund`, and a path's outcome depends on no
other path, nor on how many run at once. What they share is the book: the runs stop at each scan, and one pass over its
rows answers for up to 64 of them (stress.batch). Logs are counted as they are written and not kept, so that a path
takes the memory of its accounts (stress.memory), and as many run at once as fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from seawall.fund.journal import Journal
from seawall.stress.batch import MOST_PATHS, Batch, PathScreen
from seawall.stress.memory import available_bytes, paths_at_once
from seawall.stress.prices import PricePath
from seawall.stress.run import Inputs, world
from seawall.stress.screened import KERNEL_FROM, Scan
from seawall.stress.summary import money_units
from seawall.stress.tally import Tally
from seawall.venue.machine import Venue
from seawall.venue.state import VenueState

Progress = Callable[[int, int], None]
"""Called with (paths done, paths in all)."""


@dataclass(frozen=True, slots=True)
class LayerOutcome:
    """One layer at a path's end: base units; `ended`: see stress.tally."""

    name: str
    drawn: int
    balance: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one path came to. Base units but counts.

    number       of the path, from 0
    severity     what layers left of deficits; haircuts: what traders paid, by any way
    carried      bad debt that was left, whether or not later income repaid it
    stale_steps  steps at which some market's mark could not be used
    conservation_exact  whether both machines' books add up to the unit
    """

    number: int
    deficits: int
    amount: int
    drawn: int
    severity: int
    haircuts: int
    liquidated: int
    bankrupt: int
    deleveraged: int
    carried: int
    layers: tuple[LayerOutcome, ...]
    stale_steps: int
    conservation_exact: bool

    @property
    def verdict(self) -> str:
        """As in a run's summary."""
        return "exhausted" if self.severity else "survives"

    @property
    def layers_ended(self) -> tuple[str, ...]:
        """In the design's order."""
        return tuple(layer.name for layer in self.layers if layer.ended)


class _Running:
    """One path under way: it goes from scan to scan."""

    def __init__(self, number: int, inputs: Inputs, screen: Callable[[VenueState], PathScreen] | None) -> None:
        path, self.number = inputs.path, number
        self._inputs, self._tally = inputs, Tally()
        self._fund = Journal(inputs.design, inputs.design_text, path.t_ms[0])
        self.screen: PathScreen | None = None

        def opened(state: VenueState) -> PathScreen:
            assert screen is not None
            self.screen = screen(state)
            return self.screen

        made = None if screen is None else opened
        self.venue = Venue(inputs.design, inputs.book, self._fund, world(inputs), path.t_ms[0], screen=made)
        self._steps = self._go()

    def goes_on(self) -> bool:
        """Run to the next scan; False at the path's end."""
        return next(self._steps, None) is not None

    def _go(self) -> Iterator[bool]:
        path, venue = self._inputs.path, self.venue
        for t_ms, prices in zip(path.t_ms, path.ticks, strict=True):
            seen = {m: ticks for m, ticks in zip(path.markets, prices, strict=True) if ticks is not None}
            for _ in venue.scans(t_ms, seen):
                yield True
            self._count()

    def _count(self) -> None:
        """Take the step's events into the tally, and let them go."""
        for event in self.venue.events:
            self._tally.venue(event)
        for known in self._fund.events:
            self._tally.fund(self._fund.state, known)
        for log in (self.venue.events, self.venue.lines, self._fund.events, self._fund.lines):
            log.clear()

    def outcome(self) -> Outcome:
        """What the path came to."""
        state, totals, tally, venue = self._fund.state, self._fund.state.totals, self._tally, self.venue.state
        money, opening = money_units(venue, state)
        return Outcome(
            number=self.number,
            deficits=len(state.deficits),
            amount=totals.deficits,
            drawn=totals.drawn,
            severity=tally.severity,
            haircuts=sum(tally.by_way.values()),
            liquidated=len(tally.liquidated),
            bankrupt=len(tally.bankrupt),
            deleveraged=len(tally.deleveraged),
            carried=state.carried_units + totals.recovered,
            layers=tuple(
                LayerOutcome(name, layer.drawn, layer.balance, name in tally.ended)
                for name, layer in state.layers.items()
            ),
            stale_steps=self.venue.stale_steps,
            conservation_exact=money == opening,
        )


def sweep(
    inputs: Inputs,
    paths: Iterable[PricePath],
    *,
    count: int = 0,
    scan: Scan = "auto",
    at_once: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """Run a book through many paths.

    inputs    design, book and seed; its own path is not run
    paths     taken one by one, so that they may be made as they are needed
    count     how many there are, for `progress`
    scan      `kernel`: scans answered together; `exact`: path by path; `auto`: by the book's size (stress.screened)
    at_once   paths under way; None: as many as memory suffices for, at most MOST_PATHS. It changes no outcome
    returns   an outcome a path, in their order
    Errors    as stress.run.run, of the first path under way that has one
    """
    if scan == "exact" or (scan == "auto" and len(inputs.book.accounts) < KERNEL_FROM):
        outcomes = _one_by_one(inputs, paths)
    else:
        outcomes = _together(inputs, paths, at_once)
    if progress is not None:
        progress(0, count)
    for done, outcome in enumerate(outcomes):
        if progress is not None:
            progress(done + 1, count)
        yield outcome


def _one_by_one(inputs: Inputs, paths: Iterable[PricePath]) -> Iterator[Outcome]:
    for number, path in enumerate(paths):
        running = _Running(number, replace(inputs, path=path), None)
        while running.goes_on():
            pass
        yield running.outcome()


def _together(inputs: Inputs, paths: Iterable[PricePath], at_once: int | None) -> Iterator[Outcome]:
    """Runs stop at each scan; when all under way wait, one pass answers them. Outcomes are held back into order."""
    todo = enumerate(paths)
    batch: Batch | None = None
    running: list[_Running] = []
    done: dict[int, Outcome] = {}
    following, most = 0, 1

    def begin() -> bool:
        nonlocal batch, most
        number, path = next(todo, (0, None))
        if path is None:
            return False

        def screen(state: VenueState) -> PathScreen:
            nonlocal batch, most
            if batch is None:
                first = [path.first_ticks.get(instrument.id, 0) for instrument in state.instruments]
                batch = Batch(state.cash, state.cost, state.lots, state.instruments, first)
                wide = state.cash.dtype == np.dtype(object)
                fitting = paths_at_once(batch.n, batch.m, available_bytes(), wide=wide)
                most = min(MOST_PATHS, max(1, fitting if at_once is None else at_once))
            return batch.open()

        running.append(_Running(number, replace(inputs, path=path), screen))
        return True

    while True:
        while len(running) < most and begin():
            pass
        if not running:
            return
        waiting = []
        for one in running:
            if one.goes_on():
                waiting.append(one)
                continue
            done[one.number] = one.outcome()
            if batch is not None and one.screen is not None:
                batch.close(one.screen)
        running = waiting
        while following in done:
            yield done.pop(following)
            following += 1
        screens = [one.screen for one in running if one.screen is not None]
        if batch is not None and screens:
            batch.answer(screens, [one.venue.state.ticks for one in running])
