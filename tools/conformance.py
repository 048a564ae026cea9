#!/usr/bin/env python3
"""Write docs/conformance.md: mechanism by driver; a cell is how many scenarios hold it, or the reason for none.

    tools/conformance.py [--check]

The mechanisms and their reasons stand in tools/conformance.toml; the counts are those of tests/scenarios/*.scn that
name the mechanism in their line `mechanism N, N`. --check compares with what is written there.
Exit: 0 equal or written, 1 not.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seawall.scenario.parse import BUILT_DRIVERS, PLANNED_DRIVERS, read_scenario

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "conformance.md"
DRIVERS = (*BUILT_DRIVERS, *PLANNED_DRIVERS)
OF = {"ledger": "fund", "contract": "fund", "kernel": "venue"}
"""What a driver runs files of: where that one has a reason, it has the same."""
HEAD = """# Conformance: mechanisms of real venues

Written by `tools/conformance.py`; do not edit. A cell is the number of scenarios of `tests/scenarios/` that hold a
driver to the mechanism, or the reason why there is none; of a driver that is planned, how many files wait for it. The
keys of the design file that express a mechanism are explained by `seawall check` and in `src/seawall/design/types.py`;
rules have property tests in `tests/rules/`.

"""


def counts() -> dict[int, Counter[str]]:
    """Mechanism -> driver -> scenarios."""
    found: dict[int, Counter[str]] = {}
    for file in sorted((ROOT / "tests" / "scenarios").glob("*.scn")):
        scenario = read_scenario(file)
        for number in scenario.mechanisms:
            found.setdefault(number, Counter()).update(scenario.drivers)
    return found


def cell(driver: str, count: int, mechanism: Mapping[str, Any], planned: Mapping[str, str]) -> str:
    """A driver's scenarios of a mechanism, or why it has none. Errors: SystemExit where it has neither."""
    if count:
        return f"{planned[driver]} ({count})" if driver in planned else str(count)
    reason = mechanism.get(driver) or mechanism.get(OF.get(driver, ""))
    if not reason:
        raise SystemExit(f"mechanism {mechanism['number']}, driver {driver}: neither a scenario nor a reason")
    return str(reason)


def text() -> str:
    """The page."""
    known = tomllib.loads((ROOT / "tools" / "conformance.toml").read_text(encoding="utf-8"))
    found = counts()
    stated = {mechanism["number"] for mechanism in known["mechanism"]}
    unknown = sorted(set(found) - stated)
    if unknown:
        raise SystemExit(f"scenarios name mechanisms {unknown}, which tools/conformance.toml does not have")
    lines = [f"| # | mechanism | {' | '.join(DRIVERS)} |", "| --- " * (len(DRIVERS) + 2) + "|"]
    notes = []
    for mechanism in known["mechanism"]:
        number = mechanism["number"]
        cells = []
        for driver in DRIVERS:
            cells.append(cell(driver, found.get(number, Counter())[driver], mechanism, known["drivers"]))
        lines.append(f"| {number} | {mechanism['name']} | {' | '.join(cells)} |")
        if "keys" in mechanism:
            notes.append(f"- **{number} {mechanism['name']}**: {mechanism['keys']}")
    parts = [HEAD, "\n".join(lines), "\n\n## Where the design file says it\n\n", "\n".join(notes)]
    parts += ["\n\n## What cannot be expressed\n\n", "\n".join(f"- {line}" for line in known["not_expressed"]), "\n"]
    return "".join(parts)


def main() -> int:
    """Write or check the page."""
    wanted = text()
    if "--check" in sys.argv[1:]:
        same = TARGET.exists() and TARGET.read_text(encoding="utf-8") == wanted
        print("docs/conformance.md is current" if same else "docs/conformance.md differs: run tools/conformance.py")
        return 0 if same else 1
    TARGET.write_text(wanted, encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
