"""Codec: events and commands as bytes, one JSON line an event, each naming the hash of the line before.

Layer    fund; imports amounts, fund.{messages,events,apply}. The venue's log uses the same envelope with its own kinds.
Not here files and durability (stress.run, ledger) and replay (fund.journal).
Held to  this by tests/golden/log_v1.jsonl: stored bytes are hashed, never re-encoded, and old bytes decode for ever.

Money is an integer string on the wire (SPEC 1): the types' `Units` fields refuse a JSON number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from seawall.amounts import AmountError, Units, check_amount, parse_integer, sha256_hex
from seawall.fund.apply import Stamp
from seawall.fund.messages import AnyCommand

VERSION: Final = 1
"""Version of the envelope and of every event in it. Changes only add; a newer version is refused."""

Upcast = Callable[[str, dict[str, Any]], tuple[str, dict[str, Any]]]
"""(kind, data) of an event of one version as the next version would have written it; a pure function, for ever."""

GENESIS_HASH: Final = "0" * 64
"""`prev` of the first line."""


class CorruptLog(Exception):
    """A log that must not be opened: damaged, of a newer version, or of unknown kind. Names the record."""

    def __init__(self, record: int, reason: str) -> None:
        super().__init__(f"record {record}: {reason}")
        self.record = record
        self.reason = reason


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What surrounds every event on disk."""

    v: int
    seq: int
    t: int
    id: str
    kind: str
    design: str
    rules_version: int
    prev: str
    data: msgspec.Raw


def encode_hook(value: Any) -> str:
    """`Units` as an integer string. Errors: AmountError at 10^38 and beyond, before anything is written."""
    if isinstance(value, Units):
        return str(check_amount(int(value)))
    raise NotImplementedError(f"no wire form for {type(value).__name__}")


def decode_hook(wanted: type, value: Any) -> Any:
    """An integer string as `Units`; anything else is an error that msgspec prefixes with the field's path."""
    if wanted is Units:
        if not isinstance(value, str):
            raise ValueError(f"wanted an integer string in base units; found {type(value).__name__} {value!r}")
        try:
            return Units(parse_integer(value, signed=True))
        except AmountError as error:
            raise ValueError(str(error)) from None
    raise NotImplementedError(f"no wire form for {wanted.__name__}")


_encoder = msgspec.json.Encoder(enc_hook=encode_hook)
_envelopes = msgspec.json.Decoder(Envelope)
_commands = msgspec.json.Decoder(AnyCommand, dec_hook=decode_hook)

E_ = TypeVar("E_")


@dataclass(frozen=True, slots=True)
class Recorded(Generic[E_]):
    """One event with its stamp and the design that was in force."""

    stamp: Stamp
    event: E_
    design: str
    rules_version: int


class Codec(Generic[E_]):
    """Encodes and decodes the events of one machine, chained by hash.

    kinds    kind name -> event type; the inverse is used for writing
    version  of what is written; what is read may be older
    upcasts  version -> how its events become those of the next; one for each version before `version`
    Errors   ValueError where one is missing: then there would be logs that nobody can read.
    """

    def __init__(
        self, kinds: Mapping[str, type[E_]], version: int = VERSION, upcasts: Mapping[int, Upcast] | None = None
    ) -> None:
        self._version, self._upcasts = version, dict(upcasts or {})
        if sorted(self._upcasts) != list(range(1, version)):
            raise ValueError(f"wanted an upcast of each version from 1 to {version - 1}; found {sorted(self._upcasts)}")
        self._kind_of = {event_type: kind for kind, event_type in kinds.items()}
        self._decoders = {
            kind: msgspec.json.Decoder(event_type, dec_hook=decode_hook) for kind, event_type in kinds.items()
        }

    def kind_of(self, event: E_) -> str:
        """The kind that an event is written as."""
        return self._kind_of[type(event)]

    def encode(self, recorded: Recorded[E_], prev: str) -> bytes:
        """One line without its newline. `prev` is the SHA-256 of the line before, as hexadecimal digits."""
        return _encoder.encode(
            Envelope(
                v=self._version,
                seq=recorded.stamp.seq,
                t=recorded.stamp.t_ms,
                id=recorded.stamp.id,
                kind=self.kind_of(recorded.event),
                design=recorded.design,
                rules_version=recorded.rules_version,
                prev=prev,
                data=msgspec.Raw(_encoder.encode(recorded.event)),
            )
        )

    def decode(self, record: int, line: bytes, prev: str) -> Recorded[E_]:
        """The inverse of `encode`.

        record  1-based position in the log, for the error
        Errors  CorruptLog: not an envelope, broken chain, wrong number, newer version, unknown kind, wrong content.
        """
        try:
            envelope = _envelopes.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CorruptLog(record, f"not an event: {error}") from None
        if envelope.v > self._version or envelope.v < 1:
            raise CorruptLog(record, f"version {envelope.v}; this program reads up to {self._version}")
        if envelope.prev != prev:
            raise CorruptLog(record, f"prev {envelope.prev[:12]} is not the hash {prev[:12]} of the record before")
        if envelope.seq != record:
            raise CorruptLog(record, f"sequence number {envelope.seq}")
        kind, data = envelope.kind, envelope.data
        if envelope.v < self._version:
            kind, data = self._upcast(record, envelope)
        decoder = self._decoders.get(kind)
        if decoder is None:
            raise CorruptLog(record, f"unknown kind {kind!r}")
        try:
            event = decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CorruptLog(record, f"{kind}: {error}") from None
        stamp = Stamp(envelope.seq, envelope.t, envelope.id)
        return Recorded(stamp, event, envelope.design, envelope.rules_version)

    def _upcast(self, record: int, envelope: Envelope) -> tuple[str, msgspec.Raw]:
        """An older event as this version has it. The stored bytes stay what is hashed."""
        kind = envelope.kind
        try:
            data = msgspec.json.decode(envelope.data)
            for version in range(envelope.v, self._version):
                kind, data = self._upcasts[version](kind, data)
        except Exception as error:  # whatever a pure function says of data that it does not fit
            raise CorruptLog(record, f"{envelope.kind} of version {envelope.v}: {error}") from None
        return kind, msgspec.Raw(msgspec.json.encode(data))

    def read(self, lines: Iterable[bytes]) -> Iterator[Recorded[E_]]:
        """Every event of a log, checking the chain as it goes. `lines` without newlines. Errors: CorruptLog."""
        prev = GENESIS_HASH
        for record, line in enumerate(lines, start=1):
            yield self.decode(record, line, prev)
            prev = sha256_hex(line)


def encode_command(command: AnyCommand) -> bytes:
    """A command as JSON, money as integer strings."""
    return _encoder.encode(command)


def decode_command(data: bytes) -> AnyCommand:
    """A command from JSON. Errors: msgspec.ValidationError naming the field, e.g. for a JSON number as an amount."""
    command: AnyCommand = _commands.decode(data)
    return command
