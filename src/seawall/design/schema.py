"""Schema: the JSON Schema of a fund-design document, made from the types.

Layer    design; imports design.types. Printed by `seawall check`, read by editors and by reviewers' tools.
Not here the rules between keys (design.coherence): a document can satisfy the schema and still not load.
Held to  this by tests/design/test_schema.py: the presets satisfy it, and what the loader refuses as a shape it refuses.

A document holds amounts as decimal strings where the types hold base units. So each type is mapped to its twin in
the document, and msgspec writes the schema of the twins; the names, bounds and defaults come from design.types alone.
"""

from __future__ import annotations

import inspect
import types
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from seawall.amounts import Units
from seawall.design.types import SCHEMA, Design, PlainDecimal

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_Amount = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9][0-9]*)(\.[0-9]+)?$(?!\n)",
        description="an amount in asset units, at most the asset's decimals",
        examples=["12500000.00"],
    ),
]
_PlainDecimal = Annotated[
    str,
    Meta(
        pattern=r"^(0\.[0-9]*[1-9][0-9]*|[1-9][0-9]*(\.[0-9]+)?)$(?!\n)",
        description="a positive decimal number of at most 18 decimals",
        examples=["0.1"],
    ),
]


def design_json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the TOML document as a parser gives it: unknown keys are refused in every table."""
    schema = msgspec.json.schema(_twin(Design, {}))
    return {"$schema": DIALECT, "$id": f"urn:{SCHEMA.replace('/', ':')}", "title": "Seawall fund design", **schema}


def _twin(kind: Any, made: dict[type, type]) -> Any:
    """The type that a document holds where the design holds `kind`."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Units:
        return _Amount
    if kind is PlainDecimal:
        return _PlainDecimal
    if origin is Annotated:
        return Annotated[(_twin(args[0], made), *args[1:])]
    if origin in (Union, types.UnionType):  # an optional key: TOML has no null, so the key is there or it is not
        (only,) = (arg for arg in args if arg is not types.NoneType)
        return Union[_twin(only, made), msgspec.UnsetType]  # noqa: UP007
    if origin is tuple:
        return tuple[tuple(arg if arg is ... else _twin(arg, made) for arg in args)]  # type: ignore[misc]
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _twin_table(kind, made)
    return kind


def _twin_table(table: type[Struct], made: dict[type, type]) -> type[Struct]:
    if table not in made:
        fields: list[Any] = []
        for field in msgspec.structs.fields(table):
            twin = _twin(field.type, made)
            if field.default is NODEFAULT:
                fields.append((field.name, twin))
            else:
                fields.append((field.name, twin, _twin_default(field.default, twin)))
        made[table] = msgspec.defstruct(
            table.__name__, fields, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True
        )
        made[table].__doc__ = inspect.cleandoc(table.__doc__ or "")
    return made[table]


def _twin_default(default: Any, twin: Any) -> Any:
    if default is None:
        return msgspec.UNSET
    if isinstance(default, Struct):
        return twin()
    if isinstance(default, Units):
        return str(int(default))  # only zero is a default, and zero is written alike in every unit
    return default
