"""Claim: ten million accounts are read from Parquet, checked and opened as a venue in seconds, within a stated memory.

Prints, each in a process of its own and of the same file: polars reading the same columns alone (the limit);
`read_book` and `open_state`, with the digest that names the book; seconds, ns a row, bytes a row at the peak, and the
need that `stress.memory` states. Says whether the answer agrees with going through a small book's rows one by one.

    .venv/bin/python benchmarks/book.py [accounts] [shuffled]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from seawall.design.instruments import instruments
from seawall.design.loader import parse_design
from seawall.design.presets import preset_text
from seawall.stress.books import read_book, read_by_rows
from seawall.stress.memory import needed_bytes
from seawall.venue.state import open_state

DESIGN = parse_design(preset_text("small-perp"), "small-perp")
COLUMNS = ["account", "owner", "cash_units", "market", "lots", "cost_units"]
SMALL = 2_000
CEILING_TICKS = 1_000_000


def write_large(accounts: int, path: Path, shuffled: bool) -> int:
    """A book of so many accounts, one or two positions each, one owner in eight another's: rows."""
    rng = np.random.default_rng(7)
    account = np.repeat(np.arange(accounts), 1 + rng.integers(0, 2, accounts))
    second = np.r_[False, account[1:] == account[:-1]]
    market = rng.integers(0, len(DESIGN.markets) - 1, accounts)[account] + second
    lots = rng.integers(1, 500, len(account)) * rng.choice([1, -1], len(account))
    owner = np.where(rng.random(accounts) < 0.125, np.arange(accounts) // 8 * 8, np.arange(accounts))[account]
    width = len(str(accounts))
    frame = pl.DataFrame(
        {
            "account": "a" + pl.Series(account).cast(pl.String).str.zfill(width),
            "owner": "a" + pl.Series(owner).cast(pl.String).str.zfill(width),
            "cash_units": pl.Series(rng.integers(10**8, 10**10, accounts)[account]).cast(pl.Decimal(38, 0)),
            "market": pl.Series([item.id for item in DESIGN.markets]).gather(market),
            "lots": lots,
            "cost_units": pl.Series(lots * rng.integers(10**5, 10**7, len(lots))).cast(pl.Decimal(38, 0)),
        }
    )
    if shuffled:
        frame = frame.sample(fraction=1, shuffle=True, seed=7)
    frame.write_parquet(path)
    return frame.height


def peak_bytes() -> int:
    """The largest size that this process has had, as Linux says it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def measure(what: str, path: Path) -> dict[str, float | str]:
    """Seconds and bytes of one way of reading, in this process, which does nothing else."""
    base, began = peak_bytes(), time.perf_counter()
    if what == "polars":
        frame = pl.read_parquet(path, columns=COLUMNS)
        return {"read": time.perf_counter() - began, "bytes": peak_bytes() - base, "rows": frame.height}
    book = read_book(path, DESIGN)
    read = time.perf_counter()
    state = open_state(book, instruments(DESIGN), {}, [CEILING_TICKS] * len(DESIGN.markets))
    opened, peak = time.perf_counter(), peak_bytes() - base
    digest = book.digest()
    return {
        "read": read - began,
        "open": opened - read,
        "digest": time.perf_counter() - opened,
        "bytes": peak,
        "dtype": str(state.cash.dtype),
        "named": digest[:12],
    }


def apart(what: str, path: Path) -> dict[str, float | str]:
    """`measure` in a fresh process."""
    command = [sys.executable, __file__, "--measure", what, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float | str] = json.loads(done.stdout)
    return found


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]))))
        return
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    shuffled = sys.argv[2:3] == ["shuffled"]
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small.parquet", Path(folder) / "large.parquet"
        write_large(SMALL, small, shuffled=True)
        agree = read_book(small, DESIGN) == read_by_rows(small, DESIGN)
        rows = write_large(accounts, large, shuffled)
        limit, book = apart("polars", large), apart("book", large)
        print(
            f"book, {accounts:,} accounts, {rows:,} rows{' in any order' if shuffled else ''}, "
            f"{len(DESIGN.markets)} markets, file {large.stat().st_size / 1e6:,.0f} MB, dtype {book['dtype']}"
        )
    least = float(limit["read"])
    for name, seconds in (
        ("polars reads the columns", least),
        ("read_book", float(book["read"])),
        ("open_state", float(book["open"])),
        ("digest", float(book["digest"])),
    ):
        print(f"  {name:<26} {seconds:8.2f} s  {seconds / rows * 1e9:8.1f} ns/row  {seconds / least:7.2f}x")
    needed = needed_bytes(rows, len(DESIGN.markets), 2 * (1 + len(str(accounts))))
    taken = float(book["bytes"])
    print(
        f"  peak of read and open {taken / 1e9:.2f} GB, {taken / rows:.0f} bytes a row; polars alone "
        f"{float(limit['bytes']) / rows:.0f}; stated need {needed / 1e9:.2f} GB; within it: {taken < needed}"
    )
    print(f"  read by columns == row by row on {SMALL:,} accounts in any order: {agree}")
    if not (agree and taken < needed):
        sys.exit("the answers do not agree")


if __name__ == "__main__":
    main()
