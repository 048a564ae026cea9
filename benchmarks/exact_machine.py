"""Claim: the exact machine's scan costs a few passes over memory, and a real crash runs in seconds.

Prints, in one run and on one thread: the scan of all accounts in exact integers, beside a NumPy float64 version of the
same arithmetic without tiers or rounding, the readable rule, and the time to read the arrays once (the physical limit);
then a whole run through a packaged window. Says whether the answers agree. Minimum of several repeats.

    make bench, or: .venv/bin/python benchmarks/exact_machine.py [accounts]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from seawall.design.instruments import instruments
from seawall.design.loader import parse_design
from seawall.design.presets import preset_text
from seawall.stress.generate import generate_book
from seawall.stress.paths import read_path
from seawall.stress.run import Inputs, run
from seawall.venue.scan import value_all, value_one
from seawall.venue.state import VenueState, open_state


def best(job: Callable[[], object], repeats: int) -> float:
    """Least seconds of several repeats."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        job()
        times.append(time.perf_counter() - began)
    return min(times)


def float_scan(state: VenueState, ppm: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """What a first draft would do: float64, one tier, no rounding."""
    equity = state.cash.astype(np.float64)
    margin = np.zeros(len(equity))
    for market, instrument in enumerate(state.instruments):
        value = state.lots[market] * float(state.ticks[market] * instrument.lot_tick_units)
        equity += value - state.cost[market]
        margin += np.abs(value) * ppm[market]
    return equity, margin


def main() -> None:
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    text = preset_text("small-perp")
    design = parse_design(text, "small-perp")
    path = read_path("2025-10-10", design, intrabar="low_first", markets_needed=())
    prices = path.first_ticks
    book = generate_book(design, accounts=accounts, seed=7, prices=prices, notional_units=10_000 * accounts * 10**6)
    built = instruments(design)
    state = open_state(book, built, {}, [2 * prices[item.id] for item in built])
    state.ticks = [prices[item.id] for item in built]
    print(f"scan, {accounts:,} accounts, {len(book.lots):,} positions, {len(built)} markets, dtype {state.cash.dtype}")
    arrays = [state.cash, state.lots, state.cost]
    read = best(lambda: [array.sum() for array in arrays], 15)
    exact = best(lambda: value_all(state), 15)
    ppm = [item.market.tiers[0].maintenance_margin_ppm / 1e6 for item in built]
    floats = best(lambda: float_scan(state, ppm), 15)
    sample = range(0, accounts, max(1, accounts // 2_000))
    rule = best(lambda: [value_one(state, account) for account in sample], 3) / len(sample) * accounts
    values = value_all(state)
    agree = all((int(values.equity[a]), int(values.maintenance[a])) == value_one(state, a) for a in sample)
    toy, _ = float_scan(state, ppm)
    drift = float(np.max(np.abs(toy - values.equity.astype(np.float64)) / np.maximum(np.abs(toy), 1)))
    for name, seconds in (
        ("exact scan", exact),
        ("NumPy float64, toy margins", floats),
        ("readable rule (sampled)", rule),
        ("read the arrays once", read),
    ):
        each = seconds / accounts * 1e9
        print(f"  {name:<28} {seconds * 1e3:9.2f} ms  {each:8.1f} ns/account  {seconds / exact:8.2f}x")
    print(f"  scan == rule on {len(sample):,} accounts: {agree}; float64 equity off by up to {drift:.1e} of its size")

    few = 5_000
    crash = generate_book(design, accounts=few, seed=7, prices=prices, notional_units=50_000_000 * 10**6)
    began = time.perf_counter()
    finished = run(Inputs(design, text, crash, path, 7))
    seconds = time.perf_counter() - began
    summary = finished.summary
    print(
        f"run, {few:,} accounts x {summary.steps:,} steps, every event checked: {seconds:.2f} s, "
        f"{few * summary.steps / seconds / 1e6:.2f} M account-steps/s, {summary.deficits.count:,} deficits, "
        f"conservation exact: {summary.conservation.exact}"
    )
    if not (agree and summary.conservation.exact):
        sys.exit("the answers do not agree")


if __name__ == "__main__":
    main()
