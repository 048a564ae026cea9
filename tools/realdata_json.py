#!/usr/bin/env python3
"""Write docs/validation/realdata.json from the tests on real data, or show it.

    tools/realdata_json.py                    run the tests on real data, write what they found (make realdata WRITE=1)
    tools/realdata_json.py --show             the single figures of every test
    tools/realdata_json.py --policies NAME    every policy's measures for one severity, such as `waves`

Writing needs SEAWALL_DATA, the folder of the real data sets. All tests must pass, with none skipped: then the file is
replaced as a whole, so an entry never outlives its test. Nothing else writes that file.

Exit: 0 written or shown, 1 a test failed or was skipped (nothing written), 2 no data folder or no such severity.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docs" / "validation" / "realdata.json"
FORMAT = "seawall.realdata/1"
NOTE = "Written by `make realdata WRITE=1`, never by hand. What each figure is: README.md beside this file."
MEASURES = {
    "largest_ppm": "largest",
    "top_ten_ppm": "top ten",
    "gini_ppm": "Gini",
    "hit": "accounts",
    "largest_of_equity_ppm": "of equity",
}


def run_tests(parts: Path) -> bool:
    """Run the tests on real data, each leaving its entry in `parts`; true when all passed and none was skipped."""
    command = [sys.executable, "-m", "pytest", "-p", "xdist", "-p", "_hypothesis_pytestplugin", "-n", "2", "-rs"]
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "SEAWALL_REALDATA_PARTS": str(parts)}
    done = subprocess.run(
        [*command, "-m", "realdata", "tests/realdata"], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    )
    print(done.stdout, end="")
    passed = re.search(r"(\d+) passed", done.stdout)
    written = len(list(parts.glob("*.json")))
    return done.returncode == 0 and "skipped" not in done.stdout and passed is not None and int(passed[1]) == written


def write() -> int:
    """Replace the file by what the tests found."""
    folder = os.environ.get("SEAWALL_DATA")
    if not folder or not Path(folder).is_dir():
        print(f"SEAWALL_DATA: wanted the folder of the real data sets; found {folder!r}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="seawall-realdata-") as name:
        parts = Path(name)
        if not run_tests(parts):
            print("not every test on real data passed and left its entry: nothing written", file=sys.stderr)
            return 1
        tests: dict[str, Any] = {}
        for part in parts.glob("*.json"):
            tests |= json.loads(part.read_text(encoding="utf-8"))
    document = {"format": FORMAT, "note": NOTE, "tests": dict(sorted(tests.items()))}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {FILE.relative_to(ROOT)}: {len(tests)} tests")
    return 0


def show(tests: dict[str, Any]) -> int:
    """Single figures by test; a row of several on one line; tables only counted. Policies have `--policies`."""
    for test, entry in tests.items():
        if "[" in test:
            continue
        print(test.removeprefix("tests/realdata/"))
        for name, figure in entry["values"].items():
            if not isinstance(figure, dict):
                print(f"  {name:42} {figure!s:>20}")
            elif len(figure) <= 4:
                print(f"  {name:42} " + "  ".join(f"{key} {value}" for key, value in figure.items()))
            else:
                print(f"  {name:42} {len(figure):>17} in realdata.json")
    return 0


def show_policies(tests: dict[str, Any], severity: str) -> int:
    """One line a policy."""
    rows = {
        test[test.index("[") + 1 : -1]: entry["values"]["by_severity"].get(severity)
        for test, entry in tests.items()
        if "by_severity" in entry["values"]
    }
    if not rows or None in rows.values():
        print(f"wanted a severity of realdata.json; found {severity!r}", file=sys.stderr)
        return 2
    print(f"{'policy':22}" + "".join(f"{title:>13}" for title in MEASURES.values()))
    for policy, row in rows.items():
        cells = (f"{row[name]:,}" if name == "hit" else f"{row[name] / 10_000:.2f} %" for name in MEASURES)
        print(f"{policy:22}" + "".join(f"{cell:>13}" for cell in cells))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Write, or show."""
    parser = argparse.ArgumentParser(description="Write or show docs/validation/realdata.json.")
    parser.add_argument("--show", action="store_true", help="print the figures, run nothing")
    parser.add_argument("--policies", metavar="NAME", help="print every policy's measures for a severity, run nothing")
    args = parser.parse_args(argv)
    if not args.show and args.policies is None:
        return write()
    tests = json.loads(FILE.read_text(encoding="utf-8"))["tests"]
    return show(tests) if args.show else show_policies(tests, args.policies)


if __name__ == "__main__":
    sys.exit(main())
