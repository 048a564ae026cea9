"""Screened: the exact venue with a screen before its scan: sorted triggers, or the kernel's.

Layer    stress; imports venue (the machine, its state) and stress.{screen,triggers}. Called by stress.run and scenario.
Not here the screens and their proofs (stress.{screen,kernel,triggers}); rounds and money, the venue's and the fund's.
Held to  this by the conformance suite *venue*: same events, same bytes, on stories, scenarios and both windows.
"""

from __future__ import annotations

from typing import Final, Literal

from seawall.design.types import Design
from seawall.fund.journal import Journal
from seawall.stress.screen import Screen
from seawall.stress.triggers import Triggers, hold_one
from seawall.venue.book import Book
from seawall.venue.machine import Venue, World
from seawall.venue.state import VenueState

Scan = Literal["auto", "exact", "kernel"]
"""How accounts are scanned; every way gives the same bytes."""

SCANS: Final[tuple[Scan, ...]] = ("auto", "exact", "kernel")
KERNEL_FROM: Final = 20_000
"""Accounts from which `auto` takes the kernel: below, loading it costs more than a run's scans."""


def open_venue(
    design: Design, book: Book, fund: Journal, world: World, t_ms: int, scan: Scan = "auto", threads: int = 1
) -> Venue:
    """A venue whose scan values every account (`exact`) or a screen's candidates alone (`kernel`).

    scan     `auto`: a screen for books of KERNEL_FROM accounts and more. Where nobody holds more than one position
             that is sorted triggers, which need no kernel: nothing to compile, and quicker
    threads  of the kernel; changes no byte
    """
    if scan == "exact" or (scan == "auto" and len(book.accounts) < KERNEL_FROM):
        return Venue(design, book, fund, world, t_ms)

    def screen(state: VenueState) -> Screen | Triggers:
        if hold_one(state.lots, state.instruments):
            return Triggers(state.cash, state.cost, state.lots, state.instruments)
        return Screen(state.cash, state.cost, state.lots, state.instruments, threads=threads)

    return Venue(design, book, fund, world, t_ms, screen=screen)
