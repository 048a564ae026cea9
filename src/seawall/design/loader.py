"""Loader: a fund-design file to a `Design`, or every problem of the file at once; a design's hash.

Layer    design; imports amounts, design.types, design.errors, design.locator, design.draft, design.coherence.
Not here converting one table (design.draft), what tables mean together (design.coherence), warnings (design.checks),
         writing a file (design.writer).
Held to  this by tests/design/test_loader.py and the presets' pinned digests in tests/golden/design_digests.txt.
"""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import NoReturn

import msgspec

from seawall.amounts import Units, sha256_hex
from seawall.design.coherence import check_coherence
from seawall.design.draft import RULE_SCHEMA, Draft, TomlFloat
from seawall.design.errors import BadInput, Problem
from seawall.design.locator import locate, quoted
from seawall.design.types import SCHEMA, Design

_TOML_RULE = "TOML 1.0"
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")
_PRESET_HINT = "start from a preset, e.g. small-perp"


def load_design(path: Path) -> Design:
    """The design in a file.

    path     a UTF-8 TOML file; a byte-order mark is passed over
    Errors   BadInput with every problem of the file: it cannot be read, is not TOML, or breaks a rule.
    """
    name = str(path)
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        _refuse(name, 0, "a design file", "no such file", "", _PRESET_HINT)
    except IsADirectoryError:
        _refuse(name, 0, "a design file", "a directory")
    except PermissionError:
        _refuse(name, 0, "a design file that may be read", "permission denied")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _refuse(name, line, "UTF-8 text", f"byte 0x{data[error.start]:02x}", _TOML_RULE, "save the file as UTF-8")
    return parse_design(text, name)


def parse_design(text: str, file: str) -> Design:
    """The design in a text.

    text     the TOML document
    file     its name, for the problems
    Errors   BadInput with every problem of the text, by line.
    Source   SPEC 1; every table's own rule is named in its problems.
    """
    text = text.removeprefix("\ufeff")
    locations = locate(text)
    try:
        raw = tomllib.loads(text, parse_float=TomlFloat)
    except RecursionError:
        _refuse(file, locations.stopped, "arrays nested a few levels deep", "hundreds of levels", RULE_SCHEMA)
    except ValueError as error:  # TOMLDecodeError, and int() on thousands of digits
        _refuse_toml(file, locations.stopped, text.rstrip().count("\n") + 1, error)
    if not raw:
        _refuse(file, 0, "a fund design", "an empty file", RULE_SCHEMA, _PRESET_HINT)
    schema = raw.get("schema")
    if isinstance(schema, str) and schema != SCHEMA:  # another version's keys would only be noise
        line, hint = locations.line(("schema",)), "this version of seawall reads no other"
        raise BadInput(Problem(file, line, "schema", f'"{SCHEMA}"', quoted(schema), RULE_SCHEMA, hint))
    draft = Draft(raw, file, locations)
    check_coherence(draft)
    if draft.problems or draft.design is None:
        raise BadInput(sorted(draft.problems, key=lambda problem: problem.line))
    return draft.design


def _refuse(file: str, line: int, wanted: str, found: str, rule: str = "", hint: str = "") -> NoReturn:
    raise BadInput(Problem(file, line, "", wanted, found, rule, hint)) from None


def _refuse_toml(file: str, stopped: int, last: int, error: ValueError) -> NoReturn:
    """A text that is not TOML: tomllib's own words and line.

    stopped  where the locator stopped: what is never closed tomllib reports "at end of document", but it opened here
    last     the last line of the text
    """
    if not isinstance(error, tomllib.TOMLDecodeError):
        _refuse(file, 0, "a TOML document", "a number of thousands of digits", _TOML_RULE)
    message, place = _TOML_PLACE.sub("", str(error)), _TOML_PLACE.search(str(error))
    found = message[:1].lower() + message[1:]
    if place and place.group(1):
        _refuse(file, int(place.group(1)), "a TOML document", found, _TOML_RULE)
    hint = "what begins on this line is never closed" if stopped else ""
    _refuse(file, stopped or last, "a TOML document", f"{found} at the end of the document", _TOML_RULE, hint)


# -- the hash --------------------------------------------------------------------------------------------------


def canonical_json(design: Design) -> bytes:
    """The design as canonical JSON: what its hash is over.

    returns  UTF-8: keys sorted, no whitespace, no key that stands at its default; amounts as integer strings of base
             units, plain decimals without trailing zeros, other integers as numbers (all below 2^53)
    Source   SPEC 1, hashes. Comments, order of keys and ways to write a number do not show.
    """
    plain = _plain(design)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def design_digest(design: Design) -> str:
    """The design's SHA-256, 64 hexadecimal digits: its name in events, runs and on chain."""
    return sha256_hex(canonical_json(design))


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """A type's fields: msgspec works their annotations out anew each time, and many runs share a design."""
    return msgspec.structs.fields(kind)


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        stated = {field.encode_name: (getattr(value, field.name), field.default) for field in _fields(type(value))}
        return {key: _plain(item) for key, (item, default) in stated.items() if item != default}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Units | str) else value
