"""Locator: on which line of a TOML document a table, key or array element stands.

Layer    design; imports nothing of ours. Used by design.loader, since tomllib gives values without their places.
Not here parsing: tomllib decides what a document means and whether it is TOML at all. On a text that is not, the
         locator stops where it is lost and keeps the lines it has; it raises nothing.
Held to  this by tests/design/test_locator.py: documents written with known lines, and the same keys as tomllib.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""Keys and 0-based array positions from the document's root, e.g. ("layers", 2, "window_limit")."""

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LINE_STRING = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"' "|" r"'[^'\n]*'")
_BLOCK_STRING = re.compile(  # up to two quotes may stand before the closing three
    r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}' "|" r"'''(?:[^']|'{1,2}(?!'))*'{3,5}"
)
_SCALAR = re.compile(r"[^,\[\]{}#\n\"']+")
_MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Locations:
    """Lines of a document's parts.

    lines    1-based line of each table header, key and array element; a table that is only implied by its children
             stands where it is first mentioned
    stopped  line at which the locator was lost, 0 if it read to the end: the text is not TOML from there on
    """

    lines: Mapping[KeyPath, int]
    stopped: int = 0

    def line(self, path: KeyPath) -> int:
        """The 1-based line of `path`, or of its nearest ancestor that is known; the root is line 1."""
        for length in range(len(path), 0, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return 1


def locate(text: str) -> Locations:
    """Where everything in a TOML document stands. Raises nothing; see `Locations.stopped`."""
    scan = _Scan(text)
    try:
        scan.document()
    except _Lost as lost:
        return Locations(scan.lines, scan.line_at(lost.position))
    return Locations(scan.lines)


def path_text(path: KeyPath) -> str:
    """A path as people write it, `layers[2].window_limit`; keys that are not bare stand in quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE_KEY.fullmatch(part) else quoted(part))
    return text


def quoted(text: str, limit: int = 80) -> str:
    """A text in double quotes on one line: cut after `limit` characters, what a terminal would not print escaped."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    plain = (f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)
    return '"' + "".join(plain) + '"'


class _Lost(Exception):
    """The text at `position` is not what TOML wants there."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class _Scan:
    """One pass over a text; `here` is the offset reached, `lines` what was found so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.here = 0
        self.lines: dict[KeyPath, int] = {}
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._lengths: dict[KeyPath, int] = {}  # of each array of tables so far
        self._headers: set[KeyPath] = set()  # tables that have had their own [header]

    def line_at(self, position: int) -> int:
        return bisect_right(self._line_starts, position)

    def document(self) -> None:
        table: KeyPath = ()
        self._skip(_GAP)
        while self.here < len(self.text):
            if self.text[self.here] == "[":
                table = self._header()
            else:
                self._pair(table, 0)
            self._end_of_statement()

    def _header(self) -> KeyPath:
        """[a.b] or [[a.b]]: the path of the table that it opens."""
        start = self.here
        bracket = "]]" if self.text.startswith("[[", start) else "]"
        self.here += len(bracket)
        keys = self._key()
        self._expect(bracket)
        line = self.line_at(start)
        path: KeyPath = ()
        for key in keys[:-1]:
            path += (key,)
            self.lines.setdefault(path, line)
            if path in self._lengths:
                path += (self._lengths[path] - 1,)
        path += (keys[-1],)
        if bracket == "]]":
            self.lines.setdefault(path, line)
            position = self._lengths.get(path, 0)
            self._lengths[path] = position + 1
            path += (position,)
        if path not in self._headers:  # an implied table moves to its own header
            self._headers.add(path)
            self.lines[path] = line
        return path

    def _pair(self, table: KeyPath, depth: int) -> None:
        """key = value, in a table or an inline table."""
        line = self.line_at(self.here)
        path = table
        for key in self._key():
            path += (key,)
            self.lines.setdefault(path, line)
        self._expect("=")
        self._value(path, depth)

    def _key(self) -> tuple[str, ...]:
        """A dotted key, bare and quoted parts mixed, with the spaces around it."""
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            bare = _BARE_KEY.match(self.text, self.here)
            quote = None if bare else _LINE_STRING.match(self.text, self.here)
            if bare:
                parts.append(bare.group())
                self.here = bare.end()
            elif quote:
                parts.append(self._unquoted(quote.group()))
                self.here = quote.end()
            else:
                raise _Lost(self.here)
            self._skip(_SPACE)
            if not self.text.startswith(".", self.here):
                return tuple(parts)
            self.here += 1

    def _unquoted(self, string: str) -> str:
        try:
            return str(tomllib.loads(f"key = {string}")["key"])
        except tomllib.TOMLDecodeError:
            raise _Lost(self.here) from None

    def _value(self, path: KeyPath, depth: int) -> None:
        self._skip(_SPACE)
        if depth > _MAX_DEPTH:
            raise _Lost(self.here)
        if self.text.startswith("[", self.here):
            self._array(path, depth)
        elif self.text.startswith("{", self.here):
            self._inline_table(path, depth)
        else:
            match = self._string() or _SCALAR.match(self.text, self.here)
            if match is None:
                raise _Lost(self.here)
            self.here = match.end()

    def _string(self) -> re.Match[str] | None:
        if self.text.startswith(('"""', "'''"), self.here):
            return _BLOCK_STRING.match(self.text, self.here)
        return _LINE_STRING.match(self.text, self.here)

    def _array(self, path: KeyPath, depth: int) -> None:
        opened = self.here
        self.here += 1
        self._skip(_GAP)
        position = 0
        while not self.text.startswith("]", self.here):
            if self.here >= len(self.text):
                raise _Lost(opened)
            element = (*path, position)
            self.lines[element] = self.line_at(self.here)
            self._value(element, depth + 1)
            position += 1
            self._skip(_GAP)
            if self.text.startswith(",", self.here):
                self.here += 1
                self._skip(_GAP)
            elif not self.text.startswith("]", self.here):
                raise _Lost(opened if self.here >= len(self.text) else self.here)
        self.here += 1

    def _inline_table(self, path: KeyPath, depth: int) -> None:
        opened = self.here
        self.here += 1
        self._skip(_GAP)
        while not self.text.startswith("}", self.here):
            if self.here >= len(self.text):
                raise _Lost(opened)
            self._pair(path, depth + 1)
            self._skip(_GAP)
            if self.text.startswith(",", self.here):
                self.here += 1
                self._skip(_GAP)
            elif not self.text.startswith("}", self.here):
                raise _Lost(opened if self.here >= len(self.text) else self.here)
        self.here += 1

    def _end_of_statement(self) -> None:
        self._skip(_SPACE)
        if self.here < len(self.text) and self.text[self.here] not in "#\r\n":
            raise _Lost(self.here)
        self._skip(_GAP)

    def _expect(self, mark: str) -> None:
        self._skip(_SPACE)
        if not self.text.startswith(mark, self.here):
            raise _Lost(self.here)
        self.here += len(mark)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.here)
        if match:
            self.here = match.end()
