"""Store: where lines are kept. One writer appends, fenced by its epoch; anybody reads what is durable.

Layer    ledger; imports amounts and ledger.machine. Implemented by ledger.sqlite and ledger.postgres.
Not here what a line says: a store knows its number, its bytes, and the hash of the last one.
Held to  this by tests/ledger/test_store.py, one suite over every store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from seawall.amounts import sha256_hex
from seawall.ledger.machine import GENESIS_HASH

SNAPSHOT_SCHEMA = "seawall.ledger.snapshot/1"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends: the number of its last line and the line's SHA-256. `EMPTY` before the first."""

    seq: int
    hash: str


EMPTY = Head(0, GENESIS_HASH)


class StoreError(Exception):
    """A store that cannot be used as asked: missing, of another version, not durable, or its medium failed."""


class NotThere(StoreError):
    """There is no ledger where one was looked for."""


class Taken(StoreError):
    """Another writer has it. Nothing was written."""


class Fenced(StoreError):
    """Another writer took over since, so this one may not write any more. Nothing was written."""


class Reader(Protocol):
    """Reads durable lines; any number of them, in any process, also while a writer writes."""

    def head(self) -> Head:
        """Where the durable log ends."""

    def lines(self, first: int, last: int | None = None) -> Iterator[bytes]:
        """Lines by number, `first` to `last` (None: the head now), as they were written. Lines missing are left out."""

    def snapshots(self) -> Iterator[tuple[int, bytes]]:
        """(sequence number, bytes) of the snapshots kept, latest first."""

    def close(self) -> None:
        """Give everything back."""


class Store(Reader, Protocol):
    """A reader that can be elected writer."""

    beat_s: float | None
    """Seconds after which an idle writer must call `beat` to stay one; None: never."""

    torn_bytes: int
    """What `claim` found of a last write that was not finished, and trimmed."""

    def claim(self, wait_s: float = 0.0) -> int:
        """Become the one writer; what was written before is durable when this returns.

        wait_s   how long to wait while another one is
        returns  the epoch: one higher than any writer's before
        Errors   Taken.
        """

    def append(self, before: Head, lines: Sequence[bytes], after: Head) -> None:
        """All lines or none, durable when this returns.

        before, after  the head that this writer left last, and the head with these lines
        Errors         Fenced: another writer has written or was elected. Any other error: unknown whether it is
                       written; the writer must end.
        """

    def beat(self) -> None:
        """Stay the writer, and know that one still is. Errors: Fenced, or any other; the writer must end."""

    def keep_snapshot(self, seq: int, data: bytes) -> None:
        """Keep a snapshot, durable when this returns, and the one before it; forget older ones. Needs no claim."""


# --- snapshots ------------------------------------------------------------------------------------------------------


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    seq: int
    hash: str
    t_ms: int
    digest: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as it was after a line.

    head    the line
    t_ms    its time
    digest  the machine's digest of the state
    body    the machine's bytes
    """

    head: Head
    t_ms: int
    digest: str
    body: bytes

    def encode(self) -> bytes:
        """The SHA-256 of all that follows it, a line of JSON, the body."""
        header = _Header(SNAPSHOT_SCHEMA, self.head.seq, self.head.hash, self.t_ms, self.digest)
        content = msgspec.json.encode(header) + b"\n" + self.body
        return sha256_hex(content).encode() + b"\n" + content


def decode_snapshot(data: bytes) -> Snapshot:
    """The inverse of `Snapshot.encode`. Errors: ValueError for anything but the bytes that were written."""
    vouched, _, content = data.partition(b"\n")
    if sha256_hex(content).encode() != vouched:
        raise ValueError("its bytes are not those that were written")
    line, _, body = content.partition(b"\n")
    header = msgspec.json.decode(line, type=_Header)  # its errors are ValueErrors
    if header.schema != SNAPSHOT_SCHEMA:
        raise ValueError(f"schema {header.schema!r}; this program reads {SNAPSHOT_SCHEMA}")
    return Snapshot(Head(header.seq, header.hash), header.t_ms, header.digest, body)
