#!/usr/bin/env python3
"""Write the tables of docs/venues/README.md from the presets, or compare them.

    tools/venue_table.py [--write]

A preset of a venue heads its file with its sources, a line each, `#   [bracket]  what | date | confidence`, and names a
bracket behind each value: `surcharge_ppm = 15000 # [genesis] what it is`. The document has, for each preset, a line
`<!-- table NAME -->`; what stands between it and `<!-- end -->` is made here, so the preset is the one place where a
figure and its source are written. Between `<!-- warnings -->` and its end stands what `seawall check` warns of.

Exit: 0 equal (or written), 1 a difference.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from seawall.design import parse_design
from seawall.design.checks import warnings
from seawall.design.locator import KeyPath, locate, path_text
from seawall.design.presets import preset_names, preset_text

DOCUMENT = Path(__file__).parents[1] / "docs" / "venues" / "README.md"
CONFIDENCE = ("read", "press", "third party", "from memory", "assumed")

_SOURCE = re.compile(r"#   \[([a-z]+)\] +(.+) \| (.+) \| (.+)")
_VALUE = re.compile(r"([A-Za-z_]+) = (.*?)(?:\s+# ?(.*))?")
_NOTE = re.compile(r"\[([a-z]+)\] ?(.*)")
_WARNINGS = re.compile(r"(<!-- warnings -->\n)(.*?)(<!-- end warnings -->)", re.DOTALL)
_TABLE = re.compile(r"(<!-- table ([a-z0-9-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures of a preset come from, of which date, and how far to trust that."""

    what: str
    date: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a preset: its key, how it is written, the bracket behind it ("" where there is none), what it is."""

    path: KeyPath
    value: str
    bracket: str
    note: str


def sources(name: str) -> dict[str, Source]:
    """The sources that a preset lists at its head, by bracket; empty for a preset that is no venue's."""
    found = (_SOURCE.fullmatch(line) for line in preset_text(name).splitlines())
    return {match[1]: Source(match[2], match[3], match[4]) for match in found if match}


def rows(name: str) -> list[Row]:
    """Every key of a preset that has a line of its own, in the file's order."""
    text = preset_text(name)
    lines, found = text.splitlines(), []
    for path, line in sorted(locate(text).lines.items(), key=lambda item: (item[1], len(item[0]))):
        match = _VALUE.fullmatch(lines[line - 1])
        if match is None or match[1] != path[-1]:
            continue
        note = _NOTE.fullmatch(match[3] or "")
        value = f"{len(_at(text, path))} tiers" if match[2] == "[" else match[2]
        found.append(Row(path, value, note[1] if note else "", note[2] if note else match[3] or ""))
    return found


def _at(text: str, path: KeyPath) -> list[object]:
    value: object = tomllib.loads(text)
    for part in path:
        value = value[part]  # type: ignore[index]
    assert isinstance(value, list)
    return value


def table(name: str) -> str:
    """The table of one preset: parameter, value, source, date, confidence, what it is."""
    listed = sources(name)
    out = ["| parameter | value | source | date | confidence | |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows(name):
        if row.bracket:
            source = listed[row.bracket]
            what = "" if source.confidence in ("assumed", "from memory") else source.what
            cells = (f"`{path_text(row.path)}`", f"`{row.value}`", what, source.date, source.confidence, row.note)
            out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out) + "\n"


def warning_table() -> str:
    """What is warned of in each preset of a venue."""
    out = ["| preset | warning | key | |", "| --- | --- | --- | --- |"]
    for name in venues():
        found = warnings(parse_design(preset_text(name), name))
        out += [f"| {name} | {each.id} | `{each.field}` | {each.text} |" for each in found]
        if not found:
            out.append(f"| {name} | none | | |")
    return "\n".join(out) + "\n"


def filled(document: str) -> str:
    """The document with every table made anew."""
    tables = _TABLE.sub(lambda match: f"{match[1]}{table(match[2])}{match[4]}", document)
    return _WARNINGS.sub(lambda match: f"{match[1]}{warning_table()}{match[3]}", tables)


def venues() -> tuple[str, ...]:
    """The presets that list sources."""
    return tuple(name for name in preset_names() if sources(name))


def main() -> int:
    """Compare, or write with --write."""
    parser = argparse.ArgumentParser(description="tables of docs/venues/README.md")
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    text = DOCUMENT.read_text(encoding="utf-8")
    new = filled(text)
    if write:
        DOCUMENT.write_text(new, encoding="utf-8")
    elif new != text:
        print("docs/venues/README.md: tables differ from the presets; tools/venue_table.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
