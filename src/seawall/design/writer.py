"""Writer: values of a design file changed in place, with its comments, order and layout kept.

Layer    design; imports amounts and design.locator. Used where a tool recommends a design (sizing) or edits one.
Not here composing a file from nothing (start from a preset's text) and checking the result (design.loader).
Held to  this by tests/design/test_writer.py: comments survive, and only the named values differ.

tomlkit replaces values. A key that is new it would set behind the comments that head the *next* table, so a new key of
a table with a header is a line inserted behind the table's last key. What comes out is read back and compared with what
was asked: a layout that cannot be edited is refused, never written wrong.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from seawall.amounts import Units
from seawall.design.locator import KeyPath, Locations, locate, path_text

TomlValue = str | int | bool | list[Any]
"""What may be written: no float, no table; amounts as decimal strings in asset units (amounts.format_decimal)."""

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def set_values(text: str, changes: Mapping[KeyPath, TomlValue]) -> str:
    """The document with some values changed.

    text     a TOML document
    changes  new values by path, e.g. {("layers", 2, "target"): "1500000"}; a key that its table lacks is added to it,
             a table that the document lacks at its end, but array elements have to be there; an array set as a whole
             is written on one line, without the comments inside it: set its elements to keep them
    returns  the text, otherwise as it was: comments, blank lines, order, ways to write other values
    Errors   ValueError: not TOML, no such element, a value of another kind, or a layout that cannot be edited.
    """
    mark, text = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    try:
        wanted = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"set_values: wanted a TOML document; found {error}") from None
    for path, value in changes.items():
        _check_value(path, value)
        if _set(wanted, path, copy.deepcopy(value)):
            text = _insert_line(text, path, value)
    written = _replace(text, changes)
    if written is None or _read(written) != wanted:
        raise ValueError(f"set_values: cannot change {', '.join(map(path_text, changes))} in this layout")
    return mark + written


def _check_value(path: KeyPath, value: object) -> None:
    if isinstance(value, list):
        for element in value:
            _check_value(path, element)
    elif isinstance(value, Units) or not isinstance(value, str | int | bool):
        raise ValueError(
            f"set_values: {path_text(path)}: wanted a string, whole number, true, false or an array of them; "
            f"found {type(value).__name__} {value!r}"
        )


def _set(root: Any, path: KeyPath, value: TomlValue) -> bool:
    """root[path] = value, in a plain or a tomlkit document alike, tables made on the way; whether the key is new."""
    table, parents = root, path[:-1]
    for length, part in enumerate(parents, start=1):
        try:
            table = table.setdefault(part, {}) if isinstance(part, str) else table[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            where = path_text(path[:length])
            raise ValueError(f"set_values: {where}: wanted a table of the document; found none") from None
    last = path[-1] if path else None
    if isinstance(last, int) and isinstance(table, list) and 0 <= last < len(table):
        new, old = False, table[last]
    elif isinstance(last, str) and isinstance(table, dict):
        new, old = last not in table, table.get(last)
    else:
        raise ValueError(f"set_values: {path_text(path)}: wanted a key or array element; found none")
    if isinstance(old, dict) or (isinstance(old, list) and any(isinstance(element, dict) for element in old)):
        raise ValueError(f"set_values: {path_text(path)}: wanted a value; found a table")
    table[last] = value
    return new


def _replace(text: str, changes: Mapping[KeyPath, TomlValue]) -> str | None:
    """The text with the values of keys that are there changed; None where tomlkit cannot."""
    try:
        document = tomlkit.parse(text)
        for path, value in changes.items():
            _set(document, path, value)
        return tomlkit.dumps(document)
    except TOMLKitError:
        return None


def _insert_line(text: str, path: KeyPath, value: TomlValue) -> str:
    """The text with a line for a new key behind the last key of its table.

    A table that is not there is added at the end; one that only the headers below it imply gets its own header, before
    them; one that is inline or made of dotted keys is left to tomlkit.
    """
    table, where, lines = path[:-1], locate(text), _LINE.findall(text)
    end = "\r\n" if "\r\n" in text else "\n"
    entry = tomlkit.dumps({str(path[-1]): value}).rstrip("\n") + end
    names = [part for part in table if isinstance(part, str)]
    if table and table not in where.lines:
        gap = end if text.endswith("\n") else end + end
        return f"{text}{gap}[{path_text(tuple(names))}]{end}{entry}"
    header = where.line(table) if table else 0
    if table and not _is_header(lines, header):
        return text
    if table and len(_header_names(lines[header - 1])) > len(names):
        lines.insert(header - 1, f"[{path_text(tuple(names))}]{end}{entry}{end}")
        return "".join(lines)
    last = max((line for line in _children(where, table) if not _is_header(lines, line)), default=0)
    after = _end_of_statement(lines, last) if last else header
    body = lines[last - 1] if last else ""
    if after and not lines[after - 1].endswith("\n"):
        lines[after - 1] += end
    lines.insert(after, body[: len(body) - len(body.lstrip())] + entry)
    return "".join(lines)


def _is_header(lines: list[str], line: int) -> bool:
    return lines[line - 1].lstrip().startswith("[")


def _header_names(header: str) -> list[str]:
    """The keys of a table header: ["a", "b"] of `[[a.b]]`."""
    return [part for part in max(locate(header).lines, key=len, default=()) if isinstance(part, str)]


def _children(where: Locations, table: KeyPath) -> list[int]:
    """The lines of a table's own keys and subtables."""
    return [line for path, line in where.lines.items() if path[:-1] == table and len(path) == len(table) + 1]


def _end_of_statement(lines: list[str], start: int) -> int:
    """The line on which the statement that starts on line `start` ends: the first at which it is TOML by itself."""
    for end in range(start, len(lines) + 1):
        if _read("".join(lines[start - 1 : end])) is not None:
            return end
    return start


def _read(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
