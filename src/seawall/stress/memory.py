"""Memory: what a book needs, against what the machine has, while its first rows are read.

Layer    stress; imports nothing of ours. Called by stress.{books,sweep}.
Not here reading. The figures are measured upper bounds of a run, not a law.
Held to  this by tests/stress/test_memory.py, which reads a book in a process of its own and looks at what it took.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

BYTES_A_ROW: Final = 130
"""Of a book's file: cash, place and market of it, its text in Parquet, read, sorted and taken over."""

BYTES_A_MARKET: Final = 40
"""Of a row and market of the design: lots, cost, realised in int64, the screen's copy, and what a scan works in."""

BYTES_AN_ID_BYTE: Final = 3
"""Of a row and byte of the longest ids: as read, sorted, and packed."""

WIDE_BYTES_A_ROW: Final = 300
"""More, where int64 does not do for a book's sums: Python integers of cash, cost and what is made of them."""

BYTES_A_ROW_READ: Final = 500
"""Of a row of the part of a file that is being read, beside all of these."""

PART_ROWS: Final = 200_000
"""Rows of a Parquet file that are read at a time."""

PATH_BYTES_A_ROW: Final = 40
PATH_BYTES_A_MARKET: Final = 44
PATH_WIDE_BYTES: Final = 40
"""Of an account, of an account and market, and more a number where int64 does not do: what a path of a sweep keeps."""

PATH_BYTES: Final = 32_000_000
"""Of a path beside its accounts: a step's events, the fund."""

_CGROUP: Final = Path("/sys/fs/cgroup/memory.max")
_MEMINFO: Final = Path("/proc/meminfo")


def needed_bytes(rows: int, markets: int, id_bytes: int, wide: bool = False) -> int:
    """What a run over a book of so many rows takes at most, bytes.

    id_bytes  of the longest account's id and, where owners have ids of their own, of the longest owner's
    wide      whether the venue takes Python integers, because sums of the book may be beyond int64
    """
    each = BYTES_A_ROW + BYTES_A_MARKET * markets + BYTES_AN_ID_BYTE * id_bytes + WIDE_BYTES_A_ROW * wide
    return rows * each + min(rows, PART_ROWS) * BYTES_A_ROW_READ


def paths_at_once(accounts: int, markets: int, available: int | None, wide: bool = False) -> int:
    """How many paths of a sweep fit in half of the memory available, at least one.

    wide  whether the venue takes Python integers
    """
    numbers = 1 + 3 * markets
    each = accounts * (PATH_BYTES_A_ROW + PATH_BYTES_A_MARKET * markets + PATH_WIDE_BYTES * numbers * wide) + PATH_BYTES
    return max(1, (2**63 if available is None else available // 2) // each)


def available_bytes() -> int | None:
    """What the machine can still give, bytes; None where it does not say."""
    limits = []
    try:
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
        limit = _CGROUP.read_text(encoding="ascii").strip() if _CGROUP.exists() else "max"
        if limit.isdigit():
            limits.append(int(limit))
    except (OSError, ValueError):
        pass
    if not limits and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits, default=None)


def too_large(needed: int, available: int | None, rows: int, markets: int) -> tuple[str, str] | None:
    """(wanted, found) of a book that does not fit; None where it does, or where nobody knows what there is."""
    if available is None or needed <= available:
        return None
    found = f"{rows:,} rows in {markets} markets, which need about {needed / 1e9:.1f} GB"
    return f"a book that fits the {available / 1e9:.1f} GB of memory available", found
