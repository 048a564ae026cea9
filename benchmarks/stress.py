"""Claim: the screen finds who can be liquidated quicker than any other way here, and leaves nobody out.

Prints, in one run, in one process and on one thread, account-steps a second of a path of falling prices over one book
from which nobody is removed: the screen looking at every row (full) and passing over rows (skipping; with the cost of
laying them out, and on a screen laid out before), beside lrvx (the peer: a C++ simulator of venues with cross margin,
in numbers of 8 decimals), a NumPy float64 version, a plain Numba loop with one margin rate, the exact scan, and the
time to read once the screen's arrays and the venue's (the limits of memory). lrvx walks each account once for every
market that it holds: five markets are its worst case here and one market its best, so both are printed. Then books of
one position an account, by sorted triggers; the time of an account in larger books, skipping by fall, the first call's
compile time, a whole cascade by lrvx and by `run`, and a round of 10^4 deficits among 10^6 accounts with the share of
it spent in the fund. Says whether the answers agree.
Minimum of several repeats. What is not done: skipping gains least where many are below, since whoever is must be given
back at every step.

    pip install lrvx==0.11.0            (MIT; without it the peer is left out)
    .venv/bin/python benchmarks/stress.py [accounts] [steps]          default: 50000 200
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
import numpy.typing as npt

from seawall.amounts import format_decimal
from seawall.design.instruments import instruments
from seawall.design.loader import parse_design
from seawall.design.presets import preset_text
from seawall.design.types import Design, Tier
from seawall.design.writer import set_values
from seawall.fund.journal import Journal
from seawall.stress.generate import generate_book
from seawall.stress.paths import read_path
from seawall.stress.prices import PricePath
from seawall.stress.run import Inputs, run, world
from seawall.stress.screened import Scan, open_venue
from seawall.stress.sweep import sweep
from seawall.stress.triggers import Triggers
from seawall.venue.book import Book
from seawall.venue.machine import Venue
from seawall.venue.scan import value_all, value_some
from seawall.venue.state import VenueState, open_state
from seawall.venue_events import VENUE_CODEC, AccountsClosed, RoundFilled

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Ticks = list[list[int]]
"""Prices by step and market."""

UNITS = 10**6
"""Base units of one asset unit, in the designs used here."""
FALL_PPM = 350_000
ONE_RATE_PPM = 15_625
"""1/64: float64 takes it of a whole number below 2^53 exactly. lrvx keeps 8 decimals and rounds a margin down; here a
margin and an equity that differ do so by 6.25 of those at least, so that it decides as the exact rule does."""
OUT_OF_REACH = 1e10
"""Asset units with which lrvx liquidates nobody: it would close whom it finds, and a scan leaves everybody in."""

failures: list[str] = []


def best(job: Callable[[], object], repeats: int) -> float:
    """Least seconds of several repeats."""
    return min(timed(job) for _ in range(repeats))


def timed(job: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def agree(text: str, same: bool) -> None:
    """Say whether answers agree; `main` exits at the end if any did not."""
    print(f"  {text}: {same}")
    if not same:
        failures.append(text)


def falling(first: Sequence[int], steps: int, fall_ppm: int = FALL_PPM) -> Ticks:
    """All markets down in a straight line; the first price is not a step. Prices down to a tick, at least one."""
    return [[max(1, p - p * fall_ppm * k // (steps * 10**6)) for p in first] for k in range(1, steps + 1)]


# --- books --------------------------------------------------------------------------------------------------------


def built_book(design: Design, accounts: int) -> tuple[Book, list[int]]:
    """A generated book, 10,000 asset units of open interest an account, and the first prices."""
    path = read_path("2025-10-10", design, intrabar="low_first", markets_needed=())
    prices = path.first_ticks
    book = generate_book(design, accounts=accounts, seed=7, prices=prices, notional_units=10_000 * accounts * 10**6)
    return book, [prices[item.id] for item in instruments(design)]


def opened(design: Design, book: Book, first: Sequence[int]) -> VenueState:
    """The book's arrays, int64."""
    state = open_state(book, instruments(design), {}, [2 * ticks for ticks in first])
    assert state.cash.dtype == np.int64
    state.ticks = list(first)
    return state


def one_rate(design: Design) -> Design:
    """The design with one tier at one rate in every market: the margin that lrvx's engine can hold for all of them."""
    tier = (Tier(initial_margin_ppm=2 * ONE_RATE_PPM, maintenance_margin_ppm=ONE_RATE_PPM),)
    return msgspec.structs.replace(
        design, markets=tuple(msgspec.structs.replace(m, tiers=tier) for m in design.markets)
    )


def repeated(state: VenueState, times: int) -> VenueState:
    """The same accounts several times over: a larger book of the same make."""
    return replace(
        state,
        accounts=tuple(state.accounts) * times,
        cash=np.tile(state.cash, times),
        lots=np.tile(state.lots, (1, times)),
        cost=np.tile(state.cost, (1, times)),
    )


# --- the screen ---------------------------------------------------------------------------------------------------


def screen(state: VenueState, **how: Any) -> Any:
    """A screen of the state's accounts, on one thread."""
    from seawall.stress.screen import Screen

    return Screen(state.cash, state.cost, state.lots, state.instruments, threads=1, **how)


def walked(made: Any, state: VenueState, path: Ticks, closing: bool) -> float:
    """Seconds of a path. closing: whoever is found is closed, and the screen told, as a run would; else all stay."""
    if not closing:
        return timed(lambda: [made.candidates(ticks) for ticks in path])
    lots = state.lots.copy()

    def close_as_found() -> None:
        for ticks in path:
            found = made.candidates(ticks)
            if found.size:
                lots[:, found] = 0
                made.update(found, state.cash, state.cost, lots)

    return timed(close_as_found)


def screen_path(state: VenueState, path: Ticks, *, skip: bool, closing: bool = False) -> float:
    """Seconds of a whole path through a new screen, the making of it not counted; it lays rows out when it will."""
    return walked(screen(state, skip=skip), state, path, closing)


def laid_out_path(state: VenueState, first: Sequence[int], path: Ticks, closing: bool) -> tuple[float, float]:
    """Seconds to lay rows out, with one scan, and seconds of the path after it."""
    made = screen(state, wait=0)
    return timed(lambda: made.candidates(first)), walked(made, state, path, closing)


def three_ways(
    state: VenueState, first: Sequence[int], path: Ticks, repeats: int, closing: bool = False
) -> tuple[float, float, float, float]:
    """Least seconds of the path: full, skipping, skipping on a screen laid out before; and of laying out."""
    laid = [laid_out_path(state, first, path, closing) for _ in range(repeats)]
    full, skipping = (
        min(screen_path(state, path, skip=skip, closing=closing) for _ in range(repeats)) for skip in (False, True)
    )
    return full, skipping, min(seconds for _, seconds in laid), min(seconds for seconds, _ in laid)


def screen_arrays(made: Any) -> list[np.ndarray]:
    """What a full scan of a screen reads at every step: base and lots."""
    return [made._base, made._lots]


def read_once(arrays: Sequence[np.ndarray], repeats: int) -> float:
    """Least seconds to read arrays once: the quickest of several ways to reduce them."""
    flat = [array.reshape(-1) for array in arrays if array.size]
    ways: list[Callable[[np.ndarray], object]] = [np.sum, np.max, np.bitwise_or.reduce]
    whole = [array if array.dtype.kind in "iu" else array.view(f"i{array.itemsize}") for array in flat]
    return min(best(lambda way=way: [way(array) for array in whole], repeats) for way in ways)


# --- float64: NumPy and a plain loop --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FloatBook:
    """The book in float64, by column and by row (account `a` has the positions offsets[a] to offsets[a + 1])."""

    cash: Floats
    lots: Floats
    cost: Floats
    offsets: Indices
    row_market: Indices
    row_lots: Floats
    row_cost: Floats
    unit: Floats

    @classmethod
    def of(cls, state: VenueState) -> FloatBook:
        account, market = np.nonzero(state.lots.T)
        counts = np.bincount(account, minlength=len(state.cash))
        return cls(
            state.cash.astype(np.float64),
            state.lots.astype(np.float64),
            state.cost.astype(np.float64),
            np.concatenate([[0], np.cumsum(counts)]),
            market.astype(np.int64),
            state.lots[market, account].astype(np.float64),
            state.cost[market, account].astype(np.float64),
            np.array([float(item.lot_tick_units) for item in state.instruments]),
        )


def numpy_step(book: FloatBook, prices: Floats, rate: float) -> np.ndarray:
    """What a first draft would do: columns, one rate, no rounding."""
    equity = book.cash.copy()
    margin = np.zeros_like(equity)
    for market, price in enumerate(prices):
        value = book.lots[market] * price
        equity += value - book.cost[market]
        margin += np.abs(value) * rate
    below: np.ndarray = equity < margin
    return below


def plain_loop() -> Any:
    """What a second draft would do: a loop over accounts and their positions, compiled."""
    import numba

    @numba.njit
    def step(cash, offsets, row_market, row_lots, row_cost, prices, rate, below):
        for account in range(len(cash)):
            equity, margin = cash[account], 0.0
            for p in range(offsets[account], offsets[account + 1]):
                value = row_lots[p] * prices[row_market[p]]
                equity += value - row_cost[p]
                margin += abs(value) * rate
            below[account] = equity < margin

    return step


# --- the peer -----------------------------------------------------------------------------------------------------


def peer() -> Any:
    """lrvx, or None where it cannot be loaded; before Numba, after which its library finds no room of its kind."""
    try:
        import lrvx
    except ImportError as error:
        print(f"lrvx is left out: {error}")
        return None
    return lrvx


def peer_engine(lrvx: Any, fund: float = 0.0, adl: bool = False) -> Any:
    """One rate, fills at the mark; the marks stay the path's, which is lrvx's default."""
    engine = lrvx.LiquidationEngine()
    engine.add_tier(0.0, ONE_RATE_PPM / 10**6)
    engine.set_liquidation_slippage_bps(0.0)
    engine.set_insurance_fund_capital(fund)
    engine.set_adl_enabled(adl)
    return engine


def peer_positions(state: VenueState, account: int) -> list[tuple[int, float, float]]:
    """(market from 1, size, entry price), in asset units: decimals that lrvx keeps whole."""
    found = []
    for market in np.flatnonzero(state.lots[:, account]):
        lots, cost, item = int(state.lots[market, account]), int(state.cost[market, account]), state.instruments[market]
        entry, rest = divmod(cost, lots * item.lot_tick_units)
        assert rest == 0
        found.append((int(market) + 1, float(lots * Decimal(item.market.lot_size)), float(item.price_text(entry))))
    return found


def peer_cross(lrvx: Any, engine: Any, state: VenueState, more_cash: float = 0.0) -> list[Any]:
    """Every account with cross margin, kept by the caller."""
    accounts = []
    for number in range(len(state.cash)):
        account = lrvx.Account(number + 1, int(state.cash[number]) / UNITS + more_cash)
        for market, size, entry in peer_positions(state, number):
            account.open_position(market, size, entry)
        engine.attach_account(account)
        accounts.append(account)
    return accounts


def peer_isolated(engine: Any, state: VenueState) -> None:
    """Every position on its own, out of reach: lrvx's quickest way, which knows no cross margin."""
    for number in range(len(state.cash)):
        for market, size, entry in peer_positions(state, number):
            engine.open_position(number + 1, market, size, entry, OUT_OF_REACH)


def peer_marks(state: VenueState, path: Ticks) -> list[list[tuple[int, float]]]:
    """The path as lrvx takes it."""
    return [
        [(m + 1, float(i.price_text(t))) for m, (t, i) in enumerate(zip(ticks, state.instruments, strict=True))]
        for ticks in path
    ]


def peer_steps(engine: Any, marks: list[list[tuple[int, float]]]) -> list[list[int]]:
    """Who was liquidated at each step, indices from 0; an account once for every position that was closed."""
    return [[number - 1 for number in engine.on_marks(now)["liquidated"]] for now in marks]


# --- sections -----------------------------------------------------------------------------------------------------


def engines(lrvx: Any, state: VenueState, plain: VenueState, first: Sequence[int], path: Ticks) -> None:
    """The same book and path through every engine, nobody removed."""
    accounts, steps = len(state.cash), len(path)
    held = int(np.count_nonzero(state.lots))
    print(f"{accounts:,} accounts, {held:,} positions, {len(state.instruments)} markets, {steps} steps to -35 %")
    full, skipping, after, layout = three_ways(state, first, path, 5)
    rows = [("screen, full scan", full), ("screen, skipping", skipping), ("screen, laid out before", after)]
    if lrvx is not None:
        rows += peer_rows(lrvx, plain, path)
    floats = FloatBook.of(state)
    rate = ONE_RATE_PPM / 10**6
    prices = [np.array(ticks, dtype=np.float64) * floats.unit for ticks in path]
    rows.append(("NumPy float64, one rate", best(lambda: [numpy_step(floats, p, rate) for p in prices], 3)))
    loop, below = plain_loop(), np.zeros(accounts, dtype=np.bool_)
    by_row = (floats.cash, floats.offsets, floats.row_market, floats.row_lots, floats.row_cost)
    loop(*by_row, prices[0], rate, below)
    rows.append(("Numba loop, one rate", best(lambda: [loop(*by_row, p, rate, below) for p in prices], 5)))
    rows.append(("exact scan", best(lambda: [exact_step(state, ticks) for ticks in path], 2)))
    bounds = (("screen's", screen_arrays(screen(state, skip=False))), ("venue's", [state.cash, state.lots, state.cost]))
    for whose, arrays in bounds:
        size = sum(array.nbytes for array in arrays)
        rows.append((f"read {whose} {size / 1e6:.1f} MB", read_once(arrays, 50) * steps))
    print_rows(rows, accounts * steps, full)
    print(
        f"  laying rows out, with one scan: {layout * 1e3:.2f} ms, the time of {layout / full * steps:.0f} full scans"
    )
    check_engines(state, plain, path)
    check_floats(plain, FloatBook.of(plain), path)
    if lrvx is not None:
        check_peer(lrvx, plain, path)


def peer_rows(lrvx: Any, plain: VenueState, path: Ticks) -> list[tuple[str, float]]:
    """lrvx over the path, nobody within reach of liquidation."""
    marks = peer_marks(plain, path)
    engine = peer_engine(lrvx)
    kept = peer_cross(lrvx, engine, plain, OUT_OF_REACH)
    rows = [("lrvx, cross margin", best(lambda: peer_steps(engine, marks), 2))]
    agree(
        "lrvx, cash out of reach, liquidates nobody", engine.liquidations_count() == 0 and len(kept) == len(plain.cash)
    )
    alone = peer_engine(lrvx)
    peer_isolated(alone, plain)
    return [*rows, ("lrvx, isolated positions", best(lambda: peer_steps(alone, marks), 2))]


def print_rows(rows: Sequence[tuple[str, float]], account_steps: int, reference: float) -> None:
    """Seconds as a rate, as time of an account and step, and against the full scan."""
    for name, seconds in rows:
        each = seconds / account_steps * 1e9
        print(f"  {name:<26} {1e3 / each:10.2f} M account-steps/s/thread  {each:9.2f} ns  {seconds / reference:8.2f}x")
    print("  ratios to the full scan of the screen")


def one_market(lrvx: Any, accounts: int, steps: int) -> None:
    """The peer's best case: every account in one market."""
    if lrvx is None:
        return
    design = parse_design(PEER_DESIGN, "one-market")
    book, first = built_book(design, accounts)
    state, path = opened(design, book, first), falling(first, steps)
    print(f"{accounts:,} accounts, {np.count_nonzero(state.lots):,} positions, one market, {steps} steps to -35 %")
    full, skipping, after, _ = three_ways(state, first, path, 5)
    rows = [("screen, full scan", full), ("screen, skipping", skipping), ("screen, laid out before", after)]
    print_rows([*rows, *peer_rows(lrvx, state, path)], accounts * steps, full)


def closing_path(make: Callable[[VenueState], Any], given: VenueState, path: Ticks) -> tuple[float, int]:
    """Seconds that a screen takes of a path on which whoever is found is closed, and how many are."""
    state = replace(given, cash=given.cash.copy(), lots=given.lots.copy(), cost=given.cost.copy())
    made, seconds, closed = make(state), 0.0, 0
    for ticks in path:
        state.ticks = list(ticks)
        began = time.perf_counter()
        candidates = made.candidates(ticks)
        seconds += time.perf_counter() - began
        values = value_some(state, candidates)
        found = candidates[values.decidable & (values.equity <= values.maintenance)]
        state.lots[:, found] = state.cost[:, found] = 0
        closed += len(found)
        began = time.perf_counter()
        made.update(found, state.cash, state.cost, state.lots)
        seconds += time.perf_counter() - began
    return seconds, closed


def one_position(accounts: int, steps: int) -> None:
    """One position an account: sorted triggers against the screen, closing whoever is found."""
    design = parse_design(PEER_DESIGN, "one-market")
    book, first = built_book(design, min(accounts, 50_000))
    state = repeated(opened(design, book, first), max(1, accounts // 50_000))
    ways: dict[str, Callable[[VenueState], Any]] = {
        "triggers": lambda s: Triggers(s.cash, s.cost, s.lots, s.instruments),
        "full scan": lambda s: screen(s, skip=False),
        "skipping": screen,
    }
    print(f"{len(state.cash):,} accounts of one position, {steps} steps, whoever is found is closed")
    for fall_ppm in (100_000, 350_000):
        path = falling(first, steps, fall_ppm)
        runs = {name: min(closing_path(make, state, path) for _ in range(2)) for name, make in ways.items()}
        times = ", ".join(f"{name} {seconds / steps * 1e3:.3f} ms" for name, (seconds, _) in runs.items())
        print(f"  -{fall_ppm / 10_000:.0f} %: {times} a step")
        agree(f"all close the same {runs['triggers'][1]:,} accounts", len({n for _, n in runs.values()}) == 1)


def exact_step(state: VenueState, ticks: Sequence[int]) -> np.ndarray:
    """Who has at most the maintenance margin, exactly."""
    state.ticks = list(ticks)
    values = value_all(state)
    at_most: np.ndarray = values.decidable & (values.equity <= values.maintenance)
    return at_most


def check_engines(state: VenueState, plain: VenueState, path: Ticks) -> None:
    """The screen leaves nobody out, full or skipping, with tiers and without."""
    for name, book in (("tiers", state), ("one rate", plain)):
        made = {skip: screen(book, skip=skip) for skip in (False, True)}
        missed, extra, wanted = 0, 0, 0
        for ticks in path:
            exact = exact_step(book, ticks)
            wanted += int(np.count_nonzero(exact))
            for some in made.values():
                found = np.zeros(len(exact), dtype=np.bool_)
                found[some.candidates(ticks)] = True
                missed += int(np.count_nonzero(exact & ~found))
                extra += int(np.count_nonzero(found & ~exact))
        agree(
            f"the screen, full and skipping, missed none of {wanted:,} ({name}; {extra:,} more to decide)", not missed
        )


def check_floats(plain: VenueState, floats: FloatBook, path: Ticks) -> None:
    """The NumPy version and the loop against the exact scan at one rate, where all three state the same rule."""
    loop, below, same = plain_loop(), np.zeros(len(plain.cash), dtype=np.bool_), True
    rate = ONE_RATE_PPM / 10**6
    for ticks in path[:: max(1, len(path) // 20)]:
        prices = np.array(ticks, dtype=np.float64) * floats.unit
        plain.ticks = list(ticks)
        values = value_all(plain)
        exact = values.decidable & (values.equity < values.maintenance)
        loop(floats.cash, floats.offsets, floats.row_market, floats.row_lots, floats.row_cost, prices, rate, below)
        same = same and bool((numpy_step(floats, prices, rate) == exact).all() and (below == exact).all())
    agree("NumPy == loop == exact scan at one rate of 1/64", same)


def check_peer(lrvx: Any, plain: VenueState, path: Ticks) -> None:
    """The step at which each account is first liquidatable, by lrvx's own run and by the exact scan at one rate."""
    engine = peer_engine(lrvx)
    kept = peer_cross(lrvx, engine, plain)
    began = time.perf_counter()
    steps = peer_steps(engine, peer_marks(plain, path))
    seconds = time.perf_counter() - began
    by_peer = np.full(len(kept), -1)
    ours = np.full(len(kept), -1)
    for step in reversed(range(len(path))):
        by_peer[steps[step]] = step
        plain.ticks = path[step]
        values = value_all(plain)
        ours[values.decidable & (values.equity < values.maintenance)] = step
    text = f"lrvx first liquidates the same accounts at the same steps ({np.count_nonzero(ours >= 0):,} accounts"
    agree(f"{text}; its own run {seconds:.2f} s)", bool((by_peer == ours).all()))


def sizes(state: VenueState, first: Sequence[int]) -> None:
    """Time of an account in the book and in larger ones of the same make."""
    path = falling(first, 40)
    print("time of an account and step, by size of the book, 40 steps to -35 %")
    for times in (1, 4, 20):
        book = repeated(state, times)
        full, skipping, after, layout = three_ways(book, first, path, 3)
        count = len(book.cash)
        scale = 1e9 / count / len(path)
        print(
            f"  {count:>9,} accounts: full {full * scale:5.2f} ns, skipping {skipping * scale:5.2f} ns, "
            f"laid out before {after * scale:5.2f} ns; laying out {layout / count * 1e9:.0f} ns an account, once"
        )


def falls(state: VenueState, first: Sequence[int], steps: int, falls_ppm: Sequence[int], repeats: int) -> None:
    """Skipping against the full scan, by how far prices fall in the same number of steps; nobody closed, and all."""
    print(f"skipping against the full scan, {len(state.cash):,} accounts, {steps} steps")
    for fall_ppm, closing in product(falls_ppm, (False, True)):
        path = falling(first, steps, fall_ppm)
        full, skipping, after, _ = three_ways(state, first, path, repeats, closing)
        last = np.count_nonzero(exact_step(state, path[-1]))
        print(
            f"  -{fall_ppm / 10_000:3.0f} %, {'closed as found' if closing else 'nobody closed':15}: "
            f"full {full * 1e3:7.2f} ms {len(state.cash) * steps / full / 1e6:5.0f} M/s, "
            f"skipping {skipping * 1e3:7.2f} ms {full / skipping:5.2f}x, "
            f"laid out before {after * 1e3:7.2f} ms {full / after:5.2f}x; "
            f"{last / len(state.cash):.1%} at or below at the end"
        )


def many_paths(state: VenueState, first: Sequence[int], steps: int, fall_ppm: int) -> None:
    """64 paths a pass against as many scans one by one, nobody removed: falls of 1/64, 2/64, ... of `fall_ppm`."""
    from seawall.stress.batch import MOST_PATHS, Batch

    paths = [falling(first, steps, fall_ppm * k // MOST_PATHS) for k in range(1, MOST_PATHS + 1)]
    batch = Batch(state.cash, state.cost, state.lots, state.instruments, first)
    screens = [batch.open() for _ in paths]
    every = paths[:: MOST_PATHS // 8]  # of the single scans an eighth is run, and counted eight times

    def pass_over() -> None:
        for step in range(steps):
            batch.answer(screens, [path[step] for path in paths])

    def one_by_one(made: Any) -> None:
        for path in every:
            for ticks in path:
                made.candidates(ticks)

    seconds = best(pass_over, 3)
    single = screen(state, skip=False)
    skipping = screen(state, wait=0)
    full, least = (8 * best(lambda made=made: one_by_one(made), 3) for made in (single, skipping))  # type: ignore[misc]
    scale = 1e9 / len(state.cash) / steps / MOST_PATHS
    print(
        f"  {len(state.cash):>9,} accounts, {steps} steps to -{fall_ppm / 10_000:.0f} % at the worst: "
        f"{seconds * scale:5.3f} ns an account, step and path; one by one, full {full * scale:5.3f} ns "
        f"{full / seconds:5.2f}x, skipping {least * scale:5.3f} ns {least / seconds:5.2f}x"
    )
    batch.answer(screens, [path[-1] for path in paths])
    found = [set(one.candidates(path[-1]).tolist()) for one, path in zip(screens, paths, strict=True)]
    wanted = [np.flatnonzero(exact_step(state, path[-1])) for path in paths]
    agree("every account that the exact scan finds is a candidate of its path", all(map(set.issuperset, found, wanted)))


def sweeps(design: Design, accounts: int, steps: int, count: int) -> None:
    """A whole sweep: every path by the exact machines, scans together; against whole runs of the same paths."""
    book, first = built_book(design, accounts)
    text = preset_text("small-perp")
    window = read_path("2025-10-10", design, intrabar="low_first", markets_needed=())
    ids = [item.id for item in instruments(design)]

    def path_of(number: int) -> PricePath:
        ticks = [first, *falling(first, steps, 25_000 * number // count)]
        rows = tuple(tuple(row[ids.index(market)] for market in window.markets) for row in ticks)
        times = tuple(window.t_ms[0] + 60_000 * step for step in range(steps + 1))
        return replace(window, t_ms=times, ticks=rows)

    paths = [path_of(number) for number in range(1, count + 1)]
    inputs = Inputs(design, text, book, paths[0], 7)
    outcomes: list[Any] = []
    seconds = timed(lambda: outcomes.extend(sweep(inputs, paths, scan="kernel")))
    every = paths[7::8]
    summaries: list[Any] = []
    alone = timed(lambda: summaries.extend(run(replace(inputs, path=path), scan="kernel").summary for path in every))
    alone *= len(paths) / len(every)
    print(
        f"a sweep, {accounts:,} accounts, {steps} steps, {count} paths, falls to 2.5 %: {seconds:.2f} s, "
        f"{accounts * steps * count / seconds / 1e6:,.0f} M account-steps/s; as whole runs {alone:.2f} s "
        f"{alone / seconds:.2f}x; {sum(outcome.deficits for outcome in outcomes)} deficits"
    )
    same = [(o.amount, o.drawn, o.severity) for o in outcomes[7::8]] == [
        (int(s.deficits.amount), int(s.drawn), int(s.severity)) for s in summaries
    ]
    agree("a path's deficits, draws and severity are those of its run", same)


def near_its_end(accounts: int, steps: int, design: Design) -> None:
    """A crash that takes nearly all that a poor fund has: quotes by arrays, against whole draws of the fund."""
    book, first = built_book(design, accounts)
    layers = {("layers", i, "balance"): format_decimal(row.balance // 20, 6) for i, row in enumerate(design.layers)}
    text = set_values(preset_text("small-perp"), layers)
    poor = parse_design(text, "poor")
    window = read_path("2025-10-10", poor, intrabar="low_first", markets_needed=())
    ids = [item.id for item in instruments(poor)]
    ticks = [first, *falling(first, steps, 100_000)]
    rows = tuple(tuple(row[ids.index(market)] for market in window.markets) for row in ticks)
    times = tuple(window.t_ms[0] + 60_000 * step for step in range(steps + 1))
    inputs = Inputs(poor, text, book, replace(window, t_ms=times, ticks=rows), 7)
    done: list[Any] = []
    seconds = timed(lambda: done.append(run(inputs)))
    with patch.object(Venue, "_quote_array", lambda self, t_ms: None):
        slow = timed(lambda: done.append(run(inputs)))
    deficits = done[0].summary.deficits.count
    print(
        f"a fund near its end, {accounts:,} accounts, {steps} steps to -10 %, {deficits} deficits: "
        f"{seconds:.2f} s, quoted by whole draws {slow:.2f} s {slow / seconds:.1f}x"
    )
    agree("the same log", done[0].venue.lines == done[1].venue.lines)


FIRST_CALL = """
import time
began = time.perf_counter()
import numpy as np
from seawall.design.instruments import instruments
from seawall.design.loader import parse_design
from seawall.design.presets import preset_text
built = instruments(parse_design(preset_text("small-perp"), "small-perp"))
lots = np.ones((len(built), 8), dtype=np.int64)
ready = time.perf_counter()
from seawall.stress.screen import Screen
loaded = time.perf_counter()
made = Screen(np.full(8, 10**12), 10**9 * lots, lots, built, skip=True, threads=1, wait=0)
made.candidates([10**4] * len(built))
print(loaded - ready, time.perf_counter() - loaded)
"""


def first_call() -> None:
    """Import and first call in a new process, without and with what Numba kept of an earlier one."""
    with tempfile.TemporaryDirectory() as folder:
        around = {**os.environ, "NUMBA_CACHE_DIR": folder}
        for name, repeats in (("empty cache", 1), ("from the cache", 3)):
            found = []
            for _ in range(repeats):
                done = subprocess.run([sys.executable, "-c", FIRST_CALL], env=around, capture_output=True, text=True)
                if done.returncode:
                    failures.append("first call")
                    print(done.stderr)
                    return
                found.append(tuple(float(part) for part in done.stdout.split()))
            load, call = (min(column) for column in zip(*found, strict=True))
            print(f"first call, {name}: import {load:.2f} s; Numba, screen and first step {call:.2f} s")


PEER_DESIGN = """
schema = "seawall.design/1"
name = "one-market"
[asset]
id = "USDC"
decimals = 6
[[markets]]
id = "BTC-PERP"
underlying = "BTC"
tick_size = "0.1"
lot_size = "0.001"
[[markets.tiers]]
initial_margin_ppm = 31250
maintenance_margin_ppm = 15625
[mark]
max_age_ms = 3600000
[liquidation]
trigger = "below"
surcharge_ppm = 0
[[layers]]
id = "shared"
kind = "shared_fund"
balance = "1000000000"
[exhaustion]
policy = "adl"
[[stress.depth]]
market = "BTC-PERP"
bids = [[0, 1000000000000]]
asks = [[0, 1000000000000]]
"""


def cascade(lrvx: Any, accounts: int, steps: int) -> None:
    """A whole crash by lrvx and by `run`, on a design whose rules both state: one market, one rate, fills at the mark.

    Ten stairs of 3.5 %, so that there are deficits. A fund large enough pays them all, so that nobody is deleveraged:
    lrvx closes winners whole, and what nobody pays is lost. `run` also writes and checks every event; lrvx keeps
    totals.
    """
    if lrvx is None:
        return
    design = parse_design(PEER_DESIGN, "one-market")
    book, first = built_book(design, accounts)
    state = opened(design, book, first)
    line, stair = falling(first, steps), max(1, steps // 10)
    path = [line[k - k % stair] for k in range(steps)]
    marks = peer_marks(state, path)
    found = []
    for _ in range(3):
        engine = peer_engine(lrvx, fund=1e9, adl=True)
        kept = peer_cross(lrvx, engine, state)
        began = time.perf_counter()
        steps_liquidated = peer_steps(engine, marks)
        found.append((time.perf_counter() - began, [sorted(step) for step in steps_liquidated], engine))
    theirs, liquidated, engine = min(found, key=lambda row: row[0])
    prices = PricePath(
        name="falling",
        source="ten stairs",
        licence="none",
        intrabar="none",
        markets=(design.markets[0].id,),
        t_ms=tuple(60_000 * k for k in range(1, steps + 1)),
        ticks=tuple(tuple(row) for row in path),
    )
    inputs = Inputs(design, PEER_DESIGN, book, prices, 7)
    ours = best(lambda: run(inputs), 2)
    finished = run(inputs)
    summary = finished.summary
    by_step: list[list[int]] = [[] for _ in path]
    owed = [0] * len(path)
    for recorded in VENUE_CODEC.read(finished.venue.lines):
        event = recorded.event
        if isinstance(event, RoundFilled):
            by_step[event.step - 1] += [state.index[row.account] for row in event.triggered if row.first]
        elif isinstance(event, AccountsClosed):
            owed[event.step - 1] += sum(row.deficit for row in event.rows)
    paid = [round(amount * UNITS) for amount in engine.deficits_paid_by_fund()]  # of each step that had any
    print(f"whole cascade, {len(kept):,} accounts x {steps} steps, one market, one rate, fills at the mark")
    rows = [("lrvx", theirs), ("run, every event checked", ours)]
    rows.append(("screen alone, full scan", min(screen_path(state, path, skip=False) for _ in range(5))))
    for name, seconds in rows:
        print(f"  {name:<26} {seconds * 1e3:10.1f} ms  {accounts * steps / seconds / 1e6:8.2f} M account-steps/s")
    agree(
        f"the same {sum(map(len, liquidated)):,} accounts liquidated at the same steps",
        liquidated == [sorted(step) for step in by_step],
    )
    agree(
        f"the same debt of each step ({summary.deficits.count:,} deficits, {sum(owed) / UNITS:,.6f} in all)",
        paid == [amount for amount in owed if amount] and sum(owed) == summary.deficits.amount,
    )
    agree("conservation exact, nobody deleveraged", summary.conservation.exact and engine.adl_closeouts_count() == 0)


def deficit_round(accounts: int, wanted: int) -> None:
    """One crash step that makes about so many accounts bankrupt at once, with depth for all of them at the mark."""
    design = parse_design(PEER_DESIGN, "one-market")
    book, first = built_book(design, accounts)
    crash = bankrupting(opened(design, book, first), first[0], wanted)
    prices = PricePath(
        name="crash",
        source="one step",
        licence="none",
        intrabar="none",
        markets=(design.markets[0].id,),
        t_ms=(60_000, 120_000),
        ticks=((first[0],), (crash,)),
    )
    print(f"one round of deficits, {accounts:,} accounts, one step of {crash / first[0] - 1:.2%}")
    last_lines = {one_round(Inputs(design, PEER_DESIGN, book, prices, 7), how) for how in ("exact", "kernel")}
    agree("the same last line of both logs", len(last_lines) == 1)


def one_round(inputs: Inputs, scan: Scan) -> tuple[bytes, bytes]:
    """Time of a calm step and of the crash, by one way to scan; the last line of the venue's log and of the fund's."""
    path = inputs.path
    fund = Journal(inputs.design, inputs.design_text, 0)
    venue = open_venue(inputs.design, inputs.book, fund, world(inputs), 0, scan)
    calm_marks, crash_marks = ({path.markets[0]: row[0]} for row in path.ticks)
    calm = timed(lambda: venue.step(path.t_ms[0], calm_marks))
    spent, submit = [], fund.submit

    def watched(command: Any, t_ms: int) -> Any:
        began = time.perf_counter()
        answer = submit(command, t_ms)
        spent.append(time.perf_counter() - began)
        return answer

    fund.submit = watched
    seconds = timed(lambda: venue.step(path.t_ms[1], crash_marks))
    closed = [r.event for r in VENUE_CODEC.read(venue.lines) if isinstance(r.event, AccountsClosed)]
    count = sum(row.deficit > 0 for event in closed for row in event.rows)
    print(
        f"  scan {scan:<6} {count:,} deficits: {seconds * 1e3:8.1f} ms, in the fund {sum(spent) * 1e3:7.1f} ms, "
        f"{sum(spent) / seconds:.1%} ({len(spent)} commands); a calm step {calm * 1e3:.1f} ms"
    )
    return venue.lines[-1], fund.lines[-1]


def bankrupting(state: VenueState, first: int, wanted: int) -> int:
    """The highest price, in ticks, at which at least so many accounts have lost all equity."""
    low, high = 1, first
    while low < high:
        middle = (low + high + 1) // 2
        state.ticks = [middle]
        if np.count_nonzero(value_all(state).full < 0) >= wanted:
            low = middle
        else:
            high = middle - 1
    return low


def main() -> None:
    os.environ["NUMBA_NUM_THREADS"] = "1"
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    lrvx = peer()
    design = parse_design(preset_text("small-perp"), "small-perp")
    book, first = built_book(design, accounts)
    state = opened(design, book, first)
    plain = opened(one_rate(design), book, first)
    engines(lrvx, state, plain, first, falling(first, steps))
    one_market(lrvx, accounts, steps)
    one_position(20 * accounts, steps)
    sizes(state, first)
    falls(state, first, steps, (20_000, 50_000, 100_000, 200_000, 350_000), 3)
    falls(repeated(state, 20), first, steps, (100_000,), 2)
    print("64 paths a pass, nobody removed")
    for times, fall_ppm in ((1, 100_000), (1, 350_000), (20, 100_000)):
        many_paths(repeated(state, times), first, 40, fall_ppm)
    sweeps(design, accounts, steps // 2, 64)
    near_its_end(accounts, steps, design)
    first_call()
    cascade(lrvx, max(2, accounts // 5), steps)
    deficit_round(20 * accounts, accounts // 5)
    if failures:
        sys.exit(f"the answers do not agree: {'; '.join(failures)}")


if __name__ == "__main__":
    main()
