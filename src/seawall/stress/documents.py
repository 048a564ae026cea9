"""Documents: the TOML files of a stress run, taken key by key, each with its line.

Layer    stress; imports design.locator, stress.tables; read by stress.candles and stress.shocks.
Not here the fund design, which has a loader of its own (design.loader).
Held to  this by tests/stress/test_shocks.py.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

from seawall.design.locator import KeyPath, locate, path_text
from seawall.stress.tables import Findings, decode_text, nearest, shown


class TomlDocument:
    """A TOML document whose keys are taken one by one, each with its line in errors."""

    def __init__(self, data: bytes, findings: Findings, rule: str) -> None:
        self.findings = findings
        self.rule = rule
        text = decode_text(data, findings)
        try:
            self.root: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            place = re.search(r" ?\(at (?:line (\d+), column \d+|end of document)\)", str(error))
            line = int(place.group(1) or text.count("\n") + 1) if place else 0
            message = str(error).replace(place.group(0), "") if place else str(error)
            raise findings.stop(line, "", "well-formed TOML", message, "TOML 1.0") from None
        self._lines = locate(text)

    def add(self, path: KeyPath, wanted: str, found: str, hint: str = "") -> None:
        """A finding at a key."""
        self.findings.add(self._lines.line(path), path_text(path), wanted, found, self.rule, hint)

    def line(self, path: KeyPath) -> int:
        """The key's line."""
        return self._lines.line(path)

    def only(self, path: KeyPath, table: Mapping[str, Any], known: Collection[str]) -> None:
        """A finding for each key of a table that is not known."""
        for key in table:
            if key not in known:
                self.add((*path, key), f"one of {', '.join(known)}", "an unknown key", nearest(key, known))

    def schema(self, wanted: str) -> None:
        """Raise BadInput when the document is of another kind."""
        found = self.root.get("schema")
        if found != wanted:
            self.add(("schema",), f'"{wanted}"', shown(found))
            raise self.findings.error()

    def take(self, path: KeyPath, table: Mapping[str, Any], kind: type, wanted: str, *, needed: bool = True) -> Any:
        """The value at a key when it is of the kind; None, and a finding, when it is not or is missing."""
        value = table.get(str(path[-1]))
        if value is None:
            if needed:
                self.add(path, wanted, "nothing")
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.add(path, wanted, f"{type(value).__name__} {value!r}"[:80])
            return None
        return value
