"""Memory: what a book needs, against what the machine has, before it is read.

Layer    stress; imports nothing of ours. Called by stress.books.
Not here reading. The figures are measured upper bounds of a run, not a law.
Held to  this by tests/stress/test_memory.py, which reads a book in a process of its own and looks at what it took.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

BYTES_A_ROW: Final = 1_000
"""Of a book's file, with ids, Python integers and the venue's state: 700 measured at 300,000 accounts, 5 markets."""

BYTES_A_MARKET: Final = 40
"""Of a row and market of the design: lots, cost, realised in int64, the screen's copy, and what a scan works in."""

_CGROUP: Final = Path("/sys/fs/cgroup/memory.max")
_MEMINFO: Final = Path("/proc/meminfo")


def needed_bytes(rows: int, markets: int) -> int:
    """What a run over a book of so many rows takes at most, bytes."""
    return rows * (BYTES_A_ROW + BYTES_A_MARKET * markets)


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


def too_large(rows: int, markets: int) -> tuple[str, str] | None:
    """(wanted, found) of a book that does not fit; None where it does, or where nobody knows."""
    needed, available = needed_bytes(rows, markets), available_bytes()
    if available is None or needed <= available:
        return None
    found = f"{rows:,} rows in {markets} markets, which need about {needed / 1e9:.1f} GB"
    return f"a book that fits the {available / 1e9:.1f} GB of memory available", found
