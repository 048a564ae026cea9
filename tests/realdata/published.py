"""Published figures: what docs/validation/realdata.json says a test on real data found, and from which bytes.

Layer    tests; imports nothing of Seawall. Used by tests/realdata/conftest.py and test_published.py.
Not here the figures themselves; the tool that writes the file (tools/realdata_json.py).

An entry is named by its test: {"data": {file: sha256}, "values": {name: figure}}. A figure is an integer, a text, a
truth value, or a dictionary of such; money is a decimal string, a part an integer in ppm. No float: every figure is
compared with `==`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "validation" / "realdata.json"
FORMAT = "seawall.realdata/1"


def read_published(path: Path = FILE) -> dict[str, Any]:
    """Entries by test id; none where the file is missing."""
    if not path.is_file():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["format"] == FORMAT
    return dict(document["tests"])


@cache
def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def leaves(figure: Any) -> Iterator[Any]:
    """Every single figure of an entry's values."""
    if isinstance(figure, dict):
        for inner in figure.values():
            yield from leaves(inner)
    else:
        yield figure


def problems(values: Any) -> list[str]:
    """Why values cannot be published; none for a filled dictionary of integers, texts and truth values."""
    if not isinstance(values, dict) or not values:
        return ["no value"]
    found = [
        f"{leaf!r} is no integer, text or truth value" for leaf in leaves(values) if type(leaf) not in (int, str, bool)
    ]
    empty = [f"{name} is empty" for name, figure in values.items() if figure in ("", {}) or "" in list(leaves(figure))]
    return found + empty
