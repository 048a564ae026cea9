"""Receipt: the durable answer to a command, the same for ever.

Layer    ledger; imports ledger.{machine,store}. Made by ledger.log, or read back from the lines of the first time.
Not here refusals: a machine's own, and never stored.
Held to  this by tests/ledger/test_log.py: whoever asks again is given the receipt of the first time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic

from seawall.amounts import sha256_hex
from seawall.ledger.machine import E_, FIRST_SEQ, GENESIS_HASH, S_, C_contra, CorruptLog, Machine, R_co
from seawall.ledger.store import Reader


@dataclass(frozen=True, slots=True)
class Receipt(Generic[E_]):
    """What followed from a command.

    first_seq, last_seq  the numbers of its events
    t_ms       the time that the writer gave it
    events     what followed
    hash       SHA-256 of its last line: by the chain it commits to everything before
    repeated   whether it had been decided before this time of asking; makes no difference between receipts
    """

    first_seq: int
    last_seq: int
    t_ms: int
    events: tuple[E_, ...]
    hash: str
    repeated: bool = field(default=False, compare=False)


def stored_receipt(machine: Machine[S_, C_contra, E_, R_co], reader: Reader, seq: int) -> Receipt[E_]:
    """The receipt of a command whose first event is a durable line. Errors: CorruptLog."""
    prev = sha256_hex(_line(reader, seq - 1)) if seq > FIRST_SEQ else GENESIS_HASH
    end = reader.head().seq
    line = _line(reader, seq)
    first = machine.codec.decode(seq, line, prev)
    events, last_seq, last_hash = [first.event], seq, sha256_hex(line)
    while last_seq < end:
        line = _line(reader, last_seq + 1)
        following = machine.codec.decode(last_seq + 1, line, last_hash)
        if following.stamp.id != first.stamp.id:
            break
        events.append(following.event)
        last_seq, last_hash = last_seq + 1, sha256_hex(line)
    return Receipt(seq, last_seq, first.stamp.t_ms, tuple(events), last_hash, repeated=True)


def _line(reader: Reader, seq: int) -> bytes:
    for line in reader.lines(seq, seq):
        return line
    raise CorruptLog(seq, "missing")
