"""Recovery: the state that a store's lines stand for, from the latest fit snapshot and the lines after it.

Layer    ledger; imports ledger.{machine,store}. Used at start-up, for snapshots, by `verify`.
Not here repair: a line that does not fit refuses to open, and is named.
Held to  this by replay from the first line, which gives the same digest; tests/ledger/test_damage.py.

A snapshot is a shortcut and no source: one that is damaged, of another version, or beside the chain is passed over and
said so. Lines before the snapshot are not read at start-up, so damage there is found by `recover(from_start=True)` and
by whoever reads them (`chained`), not by opening.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic

from seawall.amounts import sha256_hex
from seawall.ledger.failpoints import NO_FAILPOINTS, Failpoints
from seawall.ledger.machine import (
    E_,
    FIRST_SEQ,
    GENESIS_HASH,
    S_,
    C_contra,
    Codec,
    CorruptLog,
    Machine,
    R_co,
    Recorded,
)
from seawall.ledger.store import EMPTY, Head, Reader, Snapshot, Store, StoreError, decode_snapshot


@dataclass(slots=True)
class Recovered(Generic[S_]):
    """A state and how it was found.

    state         after the line at `head`
    head, t_ms    the last line, and its time
    snapshot_seq  of the snapshot that was used; 0: none, replayed from the first line
    replayed      lines read and applied after it
    passed_over   (sequence number, why) of later snapshots that were not used
    """

    state: S_
    head: Head
    t_ms: int
    snapshot_seq: int = 0
    replayed: int = 0
    passed_over: list[tuple[int, str]] = field(default_factory=list)


def chained(
    codec: Codec[E_], reader: Reader, first: int = FIRST_SEQ, prev: str | None = None
) -> Iterator[tuple[bytes, Recorded[E_]]]:
    """Every durable line from a number to the head, with what it says, held to the chain and to the stored head.

    prev    the hash of the line before the first, where the caller knows it; None: as that line stands now
    Errors  CorruptLog naming the first record that does not hold.
    """
    head, record = reader.head(), first - 1
    prev = _hash_before(reader, first) if prev is None else prev
    for record, line in enumerate(reader.lines(first, head.seq), start=first):
        recorded = codec.decode(record, line, prev)
        prev = sha256_hex(line)
        if record == head.seq and prev != head.hash:
            raise CorruptLog(record, f"its hash is {prev[:12]}, not {head.hash[:12]} as the log's head says")
        yield line, recorded
    if record < head.seq:
        raise CorruptLog(record + 1, f"missing; the log's head is {head.seq}")


def _hash_before(reader: Reader, record: int) -> str:
    if record <= FIRST_SEQ:
        return GENESIS_HASH
    for line in reader.lines(record - 1, record - 1):
        return sha256_hex(line)
    raise CorruptLog(record - 1, "missing")


def recover(
    machine: Machine[S_, C_contra, E_, R_co],
    reader: Reader,
    *,
    from_start: bool = False,
    on_event: Callable[[S_, Recorded[E_]], None] | None = None,
) -> Recovered[S_]:
    """The state at the durable head.

    from_start  pass over every snapshot, and check every invariant after every event: what `verify` does
    on_event    called after each event that is replayed
    Errors      StoreError: a store without lines; CorruptLog naming the first record that does not hold.
    """
    head = reader.head()
    if head == EMPTY:
        raise StoreError("the store has no events yet: its first was never written")
    found, passed_over = (None, []) if from_start else _from_snapshot(machine, reader, head)
    if found is None:
        found = _begun(machine, reader)
    found.passed_over = passed_over
    catch_up(machine, reader, found, checked=from_start, on_event=on_event)
    return found


def catch_up(
    machine: Machine[S_, C_contra, E_, R_co],
    reader: Reader,
    found: Recovered[S_],
    *,
    checked: bool = False,
    on_event: Callable[[S_, Recorded[E_]], None] | None = None,
) -> None:
    """Take in the lines that became durable since. Errors: as `recover`.

    checked  hold every event to the invariants, as the writer did
    """
    for line, recorded in chained(machine.codec, reader, found.head.seq + 1, found.head.hash):
        stamp = recorded.stamp
        try:
            if recorded.design != machine.design(found.state):
                raise ValueError(f"design {recorded.design[:12]}, not {machine.design(found.state)[:12]}")
            if stamp.t_ms < found.t_ms:
                raise ValueError(f"time {stamp.t_ms} after {found.t_ms}")
            machine.apply(found.state, stamp, recorded.event)
            if checked:
                machine.check(found.state, stamp, recorded.event)
        except Exception as error:  # whatever a machine says of an event that does not follow: do not open
            raise CorruptLog(stamp.seq, str(error) or type(error).__name__) from error
        found.head, found.t_ms = Head(stamp.seq, sha256_hex(line)), stamp.t_ms
        found.replayed += 1
        if on_event is not None:
            on_event(found.state, recorded)


def _begun(machine: Machine[S_, C_contra, E_, R_co], reader: Reader) -> Recovered[S_]:
    """The state before the first event."""
    for line in reader.lines(FIRST_SEQ, FIRST_SEQ):
        recorded = machine.codec.decode(FIRST_SEQ, line, GENESIS_HASH)
        try:
            return Recovered(machine.begin(recorded.event), EMPTY, recorded.stamp.t_ms)
        except ValueError as error:
            raise CorruptLog(FIRST_SEQ, str(error)) from error
    raise CorruptLog(FIRST_SEQ, "missing")


def _from_snapshot(
    machine: Machine[S_, C_contra, E_, R_co], reader: Reader, head: Head
) -> tuple[Recovered[S_] | None, list[tuple[int, str]]]:
    passed_over: list[tuple[int, str]] = []
    for seq, data in reader.snapshots():
        try:
            snapshot = decode_snapshot(data)
            if snapshot.head.seq > head.seq:
                raise ValueError(f"it is later than the log, which ends at {head.seq}")
            if _hash_before(reader, snapshot.head.seq + 1) != snapshot.head.hash:
                raise ValueError("it is of another log, or its line was changed")
            state = machine.restore(snapshot.body)
        except ValueError as error:
            passed_over.append((seq, str(error)))
            continue
        if snapshot.head.seq == head.seq and snapshot.head.hash != head.hash:
            raise CorruptLog(head.seq, "its hash is not as the log's head says")
        return Recovered(state, snapshot.head, snapshot.t_ms, snapshot.head.seq), passed_over
    return None, passed_over


def take_snapshot(
    machine: Machine[S_, C_contra, E_, R_co], store: Store, failpoints: Failpoints = NO_FAILPOINTS
) -> Snapshot:
    """Make a snapshot of the durable log and keep it. Needs no claim: a writer may go on meanwhile, in its process.

    Errors  as `recover`; StoreError when the snapshot does not give back its state, so that none such is ever kept.
    """
    found = recover(machine, store)
    return keep(machine, store, found.state, found.head, found.t_ms, failpoints)


def keep(
    machine: Machine[S_, C_contra, E_, R_co],
    store: Store,
    state: S_,
    head: Head,
    t_ms: int,
    failpoints: Failpoints = NO_FAILPOINTS,
) -> Snapshot:
    """Keep a snapshot of a state after a durable line; it is restored once, and its digest compared, before."""
    snapshot = Snapshot(head, t_ms, machine.digest(state), machine.snapshot(state))
    failpoints.passing("snapshot.made")
    restored = machine.digest(machine.restore(snapshot.body))
    if restored != snapshot.digest:
        raise StoreError(f"a snapshot at {head.seq} gives back {restored[:12]}, not {snapshot.digest[:12]}: not kept")
    store.keep_snapshot(head.seq, snapshot.encode())
    return snapshot
