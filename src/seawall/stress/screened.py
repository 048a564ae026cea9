"""Screened: the exact venue with the kernel's screen before its scan.

Layer    stress; imports venue (the machine, its state) and stress.screen. Called by stress.run and scenario.
Not here the screen and its proof (stress.screen, stress.kernel); rounds and money are the venue's and the fund's.
Held to  this by the conformance suite *venue*: same events, same bytes, on stories, scenarios and both windows.
"""

from __future__ import annotations

from typing import Final, Literal

from seawall.design.types import Design
from seawall.fund.journal import Journal
from seawall.stress.screen import Screen
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
    """A venue whose scan values every account (`exact`) or the kernel's candidates alone (`kernel`).

    scan     `auto`: the kernel for books of KERNEL_FROM accounts and more
    threads  of the kernel; changes no byte
    """
    if scan == "exact" or (scan == "auto" and len(book.accounts) < KERNEL_FROM):
        return Venue(design, book, fund, world, t_ms)

    def screen(state: VenueState) -> Screen:
        return Screen(state.cash, state.cost, state.lots, state.instruments, threads=threads)

    return Venue(design, book, fund, world, t_ms, screen=screen)
