"""Draft: a parsed TOML document turned into the design's types as far as it goes, with every problem on the way.

Layer    design; imports amounts, design.types, design.errors, design.locator. Used by design.loader only.
Not here reading files (design.loader) and what the tables mean together (design.coherence).
Held to  this by tests/design/test_loader.py: whatever converts equals what msgspec.convert makes of the whole.

The types are the only list of tables and keys: the walk below reads them by introspection, so a key added to
design.types is known, checked and suggested here without another line. A table with a problem is left out of
`converted`; its neighbours are not, so that one file's problems are all found in one reading.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from seawall.amounts import AmountError, Units, parse_decimal
from seawall.design.errors import Problem
from seawall.design.locator import KeyPath, Locations, path_text, quoted
from seawall.design.types import SCHEMA, Design, PlainDecimal

RULE_AMOUNTS: Final = "SPEC 1"
RULE_SCHEMA: Final = f"schema {SCHEMA}"
MISSING: Final = "nothing: the key is missing"
RULE_FLOAT: Final = "SPEC 1: a TOML float is an error"
PLAIN_DECIMALS: Final = 18
"""Most decimals of a tick size, lot size or feed bound."""

_BROKEN: Final = object()
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TomlFloat:
    """A float as the file writes it: always an error, kept as text so that the remedy can quote it."""

    text: str


class Draft:
    """A design file as far as it could be converted.

    converted  every table, array and key that is right by itself, in its final type, by path
    problems   what is not, in the order found
    design     the whole, None when any part of it is missing or wrong
    """

    def __init__(self, raw: Mapping[str, object], file: str, locations: Locations) -> None:
        self.problems: list[Problem] = []
        self.converted: dict[KeyPath, object] = {}
        self._file = file
        self._locations = locations
        self._stated: set[KeyPath] = set()
        self._defaults: dict[KeyPath, object] = {}
        self._lengths: dict[KeyPath, int] = {}
        self._dec_hook = _dec_hook(_decimals(raw))
        whole = self._table((), Design, raw)
        self.design = whole if isinstance(whole, Design) else None

    def line(self, path: KeyPath) -> int:
        """The 1-based line on which `path`, or its nearest known ancestor, stands."""
        return self._locations.line(path)

    def add(self, path: KeyPath, wanted: str, found: str, rule: str = RULE_SCHEMA, hint: str = "") -> None:
        """Note a problem at `path`."""
        self.problems.append(Problem(self._file, self.line(path), path_text(path), wanted, found, rule, hint))

    def get(self, path: KeyPath, kind: type[_T]) -> _T | None:
        """What was converted at `path`, None where nothing was."""
        value = self.converted.get(path)
        return value if isinstance(value, kind) else None

    def states(self, path: KeyPath) -> bool:
        """Whether the file states a key at `path`, right or wrong."""
        return path in self._stated

    def says(self, path: KeyPath) -> bool:
        """Whether the file states a key at `path` and it is not its default: a key at its default says nothing."""
        return self.states(path) and self.converted.get(path, _BROKEN) != self._defaults.get(path, NODEFAULT)

    def elements(self, path: KeyPath) -> list[KeyPath]:
        """The paths of the elements of the array at `path`, whole or broken; none where there is no array."""
        return [(*path, position) for position in range(self._lengths.get(path, 0))]

    # -- the walk: one method a shape ------------------------------------------------------------------------

    def _any(self, path: KeyPath, kind: Any, raw: object) -> object:
        """`raw` as `kind`, noted in `converted`, or _BROKEN with at least one problem noted."""
        self._stated.add(path)
        base, items = _base(kind), _item_types(kind)
        if isinstance(base, type) and issubclass(base, Struct):
            value = self._table(path, base, raw)
        elif items is not None:
            value = self._array(path, kind, items, raw)
        else:
            value = self._leaf(path, kind, raw)
        if value is not _BROKEN:
            self.converted[path] = value
        return value

    def _table(self, path: KeyPath, table: type[Struct], raw: object) -> object:
        if not isinstance(raw, dict):
            hint = f"write [{path_text(path)}]" if isinstance(raw, list) else ""
            self.add(path, "a table", describe(raw), hint=hint)
            return _BROKEN
        fields = {field.encode_name: field for field in msgspec.structs.fields(table)}
        values: dict[str, object] = {}
        for key, item in raw.items():
            if key in fields:
                self._defaults[(*path, key)] = fields[key].default
                values[fields[key].name] = self._any((*path, key), fields[key].type, item)
            else:
                self._unknown((*path, key), table)
        for key, field in fields.items():
            if field.default is NODEFAULT and field.default_factory is NODEFAULT and key not in raw:
                wanted, heading = wanted_text(field.type), path_text((*path, key))
                hints = {"a table": f"add [{heading}]", "an array of tables": f"add [[{heading}]]"}
                self.add((*path, key), wanted, MISSING, hint=hints.get(wanted, ""))
                values[field.name] = _BROKEN
        return _BROKEN if any(value is _BROKEN for value in values.values()) else table(**values)

    def _array(self, path: KeyPath, kind: Any, items: _Items, raw: object) -> object:
        if not isinstance(raw, list):
            of_tables = isinstance(raw, dict) and wanted_text(kind) == "an array of tables"
            self.add(path, wanted_text(kind), describe(raw), hint=f"write [[{path_text(path)}]]" if of_tables else "")
            return _BROKEN
        if items.length is not None and len(raw) != items.length:
            self.add(path, wanted_text(kind), f"{len(raw)} elements")
            return _BROKEN
        if len(raw) < _min_length(kind):
            self.add(path, f"{wanted_text(kind)}, at least one", "an empty array")
            return _BROKEN
        self._lengths[path] = len(raw)
        values = [self._any((*path, i), items.kind(i), item) for i, item in enumerate(raw)]
        return _BROKEN if any(value is _BROKEN for value in values) else tuple(values)

    def _leaf(self, path: KeyPath, kind: Any, raw: object) -> object:
        try:
            return msgspec.convert(raw, kind, dec_hook=self._dec_hook)
        except msgspec.ValidationError as error:
            wanted, hint = wanted_text(kind), _hint(kind, path, raw)
            of_amounts = _base(kind) in (Units, PlainDecimal, int) or wanted.startswith("an id")
            rule = RULE_FLOAT if isinstance(raw, TomlFloat) else RULE_AMOUNTS if of_amounts else RULE_SCHEMA
            if isinstance(error.__cause__, AmountError):
                wanted, hint = error.__cause__.wanted, error.__cause__.hint or hint
            self.add(path, wanted, describe(raw), rule, hint)
            return _BROKEN

    def _unknown(self, path: KeyPath, table: type[Struct]) -> None:
        key, known = str(path[-1]), [field.encode_name for field in msgspec.structs.fields(table)]
        near = difflib.get_close_matches(key.lower(), known, n=1)
        homes = [name for name, other in _TABLES if key in {f.encode_name for f in msgspec.structs.fields(other)}]
        hint = f'did you mean "{near[0]}"?' if near else f"it is a key of {', '.join(homes)}" if homes else ""
        self.add(path, f"one of the keys {', '.join(known)}", "an unknown key", hint=hint)


# -- what the types say --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Items:
    """Element types of an array: `length` elements, one type each, or any number of one type."""

    kinds: tuple[Any, ...]
    length: int | None

    def kind(self, position: int) -> Any:
        return self.kinds[0] if self.length is None else self.kinds[position]


def _base(kind: Any) -> Any:
    """A type without its Annotated and Optional wrappings."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _base(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        (only,) = (arg for arg in get_args(kind) if arg is not types.NoneType)
        return _base(only)
    return kind


def _item_types(kind: Any) -> _Items | None:
    base = _base(kind)
    if get_origin(base) is not tuple:
        return None
    args = get_args(base)
    return _Items(args[:1], None) if len(args) == 2 and args[1] is ... else _Items(args, len(args))


def _min_length(kind: Any) -> int:
    metas = [arg for arg in get_args(kind) if isinstance(arg, Meta)] if get_origin(kind) is Annotated else []
    return max((meta.min_length or 0 for meta in metas), default=0)


def tables(kind: Any = Design, name: str = "") -> list[tuple[str, type[Struct]]]:
    """Every table that a document may hold, as people head it, with its type: [("[asset]", Asset), ...]."""
    found: list[tuple[str, type[Struct]]] = []
    for field in msgspec.structs.fields(kind):
        items = _item_types(field.type)
        inner = _base(items.kinds[0]) if items else _base(field.type)
        if isinstance(inner, type) and issubclass(inner, Struct):
            path = f"{name}.{field.encode_name}" if name else field.encode_name
            found += [(f"[[{path}]]" if items else f"[{path}]", inner), *tables(inner, path)]
    return found


_TABLES: Final = tables()


def wanted_text(kind: Any) -> str:
    """What a key of this type wants, in words."""
    base, items = _base(kind), _item_types(kind)
    if items is not None:
        inner = wanted_text(items.kinds[0])
        if items.length is not None:
            return f"an array of {items.length}, each {inner}"
        return {"a table": "an array of tables"}.get(inner) or f"an array, each {inner}"
    if get_origin(base) is Literal:
        names = [f'"{name}"' for name in get_args(base)]
        return names[0] if len(names) == 1 else f"one of {', '.join(names)}"
    if base is Units:
        return 'an amount in asset units as a decimal string such as "12500000.00"'
    if base is PlainDecimal:
        return 'a positive decimal string such as "0.1"'
    if base is int:
        return _int_text(kind)
    if base is str:
        info = _info(kind)
        is_id = isinstance(info, msgspec.inspect.StrType) and info.pattern is not None
        return "an id of 1 to 64 characters A-Z a-z 0-9 . _ : -" if is_id else "a string"
    return "a table"


def _info(kind: Any) -> msgspec.inspect.Type:
    """msgspec's own view of a type, without Metadata and the None of an optional key."""
    info = msgspec.inspect.type_info(kind)
    while True:
        if isinstance(info, msgspec.inspect.Metadata):
            info = info.type
        elif isinstance(info, msgspec.inspect.UnionType):
            (info,) = (each for each in info.types if not isinstance(each, msgspec.inspect.NoneType))
        else:
            return info


def _int_text(kind: Any) -> str:
    info = _info(kind)
    low = info.ge if isinstance(info, msgspec.inspect.IntType) else None
    high = info.le if isinstance(info, msgspec.inspect.IntType) else None
    text = f"a whole number from {low} to {high}" if high is not None else f"a whole number of at least {low}"
    return f"{text}, without quotes"


def describe(value: object) -> str:
    """What stands in the file, on one line, short."""
    if isinstance(value, TomlFloat):
        return f"the TOML float {value.text[:80]}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 256 else f"a number of {value.bit_length()} bits"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, date | datetime | time):
        return f"the date or time {value.isoformat()}"
    return "a table"


def _hint(kind: Any, path: KeyPath, raw: object) -> str:
    """A remedy where the slip is a common one."""
    base = _base(kind)
    if get_origin(base) is Literal and isinstance(raw, str):
        near = difflib.get_close_matches(raw.lower(), get_args(base), n=1)
        return f'did you mean "{near[0]}"?' if near else ""
    if base is int:
        return _int_hint(str(path[-1]), raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and raw.bit_length() < 256:
        return f'write "{raw}", in quotes'
    if isinstance(raw, TomlFloat):
        number = _number(raw)
        text = format(number, "f") if number is not None and base is not str else raw.text[:80]
        return f'write "{text}", in quotes'
    return ""


def _int_hint(key: str, raw: object) -> str:
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 40:
        return f"write {raw}, without quotes"
    number = _number(raw) if isinstance(raw, TomlFloat) else None
    if number is None:
        return ""
    if number == number.to_integral_value():
        return f"write {int(number)}"
    parts = number * 1_000_000
    if key.endswith("_ppm") and 0 < number < 1 and parts == parts.to_integral_value():
        return f"as a fraction it is {int(parts)} parts per million: write {int(parts)}"
    return ""


def _number(value: TomlFloat) -> Decimal | None:
    """A float's text as an exact number, None for inf, nan and what is too long, large or small to write out."""
    try:
        number = Decimal(value.text.replace("_", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 30 and len(value.text) <= 28 else None


def _decimals(raw: Mapping[str, object]) -> int:
    """The asset's decimals, read ahead since amounts need them; the most allowed when they are missing or wrong."""
    asset = raw.get("asset")
    decimals = asset.get("decimals") if isinstance(asset, dict) else None
    return decimals if type(decimals) is int and 0 <= decimals <= 18 else 18


def _dec_hook(decimals: int) -> Any:
    """msgspec's hook for the types it does not know: amounts in the asset's units, and plain decimals."""

    def decode(kind: type, value: object) -> object:
        if not isinstance(value, str):
            raise AmountError(wanted_text(kind), describe(value))
        if kind is Units:
            return Units(parse_decimal(value, decimals))
        return plain_decimal(value)

    return decode


def plain_decimal(text: str) -> PlainDecimal:
    """A positive decimal string, without trailing zeros, so that "0.10" and "0.1" are the same design.

    Errors  AmountError: zero, negative, not a decimal string, more than 18 decimals.
    """
    whole, point, fraction = text.partition(".")
    if parse_decimal(text, PLAIN_DECIMALS) == 0:
        raise AmountError("a positive decimal string", repr(text))
    fraction = fraction.rstrip("0")
    return PlainDecimal(f"{whole}{point}{fraction}" if fraction else whole)
