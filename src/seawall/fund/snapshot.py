"""Snapshot: the fund's whole state as bytes, and back. A shortcut for whoever would replay the log; never its source.

Layer    fund; imports design, amounts, fund.{state,messages,codec}.
Not here when one is taken, and the chain that it stands beside (ledger).
Held to  this by tests/fund/test_snapshot.py: the restored state has the same digest and the same future.

Every field of every record is written because it is a field: one that is added cannot be forgotten. The shape of all
records together is hashed into the bytes, so that a program whose state has other fields refuses an older snapshot and
replays the log. FORMAT is for what the shape does not show: another meaning of the same fields.

`Units` are integer strings and plain integers are numbers: the state's digest tells the two apart, and so must this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from seawall.amounts import Units, sha256_hex
from seawall.design.loader import canonical_json, design_digest
from seawall.design.types import Design, Layer, PlainDecimal
from seawall.fund.codec import decode_hook, encode_hook
from seawall.fund.messages import AnyCommand
from seawall.fund.state import FundState

FORMAT: Final = 1
"""Grows when fields keep their names and types but not their meaning."""

_APART = ("design", "answered", "deficits")
"""Fields of the state that are written by other means: all that grows with the log's length is typed, and fast."""


class UnfitSnapshot(ValueError):
    """Bytes that are no snapshot of this program's fund."""


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """format, shape  what wrote it; design: canonical JSON; answered: (command, sequence number), first first."""

    format: int
    shape: str
    design: Design
    deficits: dict[str, str]
    answered: list[tuple[AnyCommand, int]]
    rest: dict[str, Any]


def _decode_hook(wanted: type, value: Any) -> Any:
    return PlainDecimal(value) if wanted is PlainDecimal else decode_hook(wanted, value)


_encoder = msgspec.json.Encoder(enc_hook=encode_hook)
_decoder = msgspec.json.Decoder(_Written, dec_hook=_decode_hook)


def snapshot(state: FundState) -> bytes:
    """The state as JSON, deterministic. Reads only."""
    rest = {name: _plain(getattr(state, name)) for name in _names(FundState) if name not in _APART}
    return _encoder.encode(
        {
            "format": FORMAT,
            "shape": shape(),
            "design": msgspec.Raw(canonical_json(state.design)),
            "deficits": state.deficits,
            "answered": list(state.answered.values()),
            "rest": rest,
        }
    )


def restore(data: bytes) -> FundState:
    """The inverse of `snapshot`: a state of its own, equal to the one that was written.

    Errors  UnfitSnapshot: damaged, or of a program whose state is of another shape.
    """
    try:
        written = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnfitSnapshot(str(error)) from None
    if written.format != FORMAT or written.shape != shape():
        raise UnfitSnapshot(f"of format {written.format}, shape {written.shape[:12]}; this is {FORMAT}, {shape()[:12]}")
    made = _Maker(written.design)
    hints = _hints(FundState)
    try:
        rest = {name: made.value(hints[name], written.rest[name]) for name in _names(FundState) if name not in _APART}
    except (KeyError, TypeError, ValueError) as error:
        raise UnfitSnapshot(f"{type(error).__name__}: {error}") from None
    if rest["design_digest"] != design_digest(written.design):
        raise UnfitSnapshot("its design is not the one whose hash it names")
    answered = {command.id: (command, seq) for command, seq in written.answered}
    return FundState(design=written.design, deficits=written.deficits, answered=answered, **rest)


# --- values ---------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """A value of the state as JSON has it: records by field, sets in order, dicts with odd keys as pairs."""
    if value is None or isinstance(value, int | str):  # `Units` are left for the encoder's hook
        return value
    if isinstance(value, Layer):
        return value.id
    if _is_record(value):
        record: Any = type(value)
        return {name: _plain(getattr(value, name)) for name in _names(record)}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _plain(item) for key, item in value.items()}
        return [[_plain(key), _plain(item)] for key, item in value.items()]
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, list | tuple | deque):
        return [_plain(item) for item in value]
    raise TypeError(f"no way to write a {type(value).__name__} into a snapshot")


class _Maker:
    """Values of the state from JSON, by the types that the state declares."""

    def __init__(self, design: Design) -> None:
        self._layers = {layer.id: layer for layer in design.layers}

    def value(self, hint: Any, plain: Any) -> Any:
        """A value of a type. Errors: KeyError, TypeError, ValueError."""
        if hint is int:
            return Units(plain) if isinstance(plain, str) else plain
        if hint is str:
            return plain
        if hint is Layer:
            return self._layers[plain]
        if _is_record(hint):
            hints: dict[str, Any] = _hints(hint)
            return hint(**{name: self.value(hints[name], plain[name]) for name in _names(hint)})
        origin, args = get_origin(hint), get_args(hint)
        if origin in (Union, UnionType):
            (some,) = (arg for arg in args if arg is not NoneType)
            return None if plain is None else self.value(some, plain)
        return self._many(origin, args, plain)

    def _many(self, origin: Any, args: tuple[Any, ...], plain: Any) -> Any:
        if origin is dict:
            pairs = plain.items() if args[0] is str else plain
            return {self.value(args[0], key): self.value(args[1], item) for key, item in pairs}
        if origin is tuple and args[-1] is not Ellipsis:
            return tuple(self.value(arg, item) for arg, item in zip(args, plain, strict=True))
        make: Callable[[Any], Any] = origin
        return make(self.value(args[0], item) for item in plain)


def _is_record(value: Any) -> bool:
    return is_dataclass(value)


@cache
def _names(record: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record))


@cache
def _hints(record: Any) -> dict[str, Any]:
    return get_type_hints(record)


@cache
def shape() -> str:
    """A hash over the names and types of all that a state is made of, commands apart: those only ever grow."""
    seen: dict[str, list[str]] = {}
    waiting: list[Any] = [FundState]
    while waiting:
        hint = waiting.pop()
        waiting += get_args(hint)
        if _is_record(hint) and hint.__name__ not in seen:
            hints = _hints(hint)
            seen[hint.__name__] = [f"{name}: {hints[name]}" for name in _names(hint)]
            waiting += hints.values()
    return sha256_hex(repr(sorted(seen.items())).encode())
