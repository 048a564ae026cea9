"""A counter as a `Machine`: the smallest thing that a ledger can keep, so that what fails is the ledger.

`Add` makes one event a part, so that a command can have several. Each has the total after it, so that lost, doubled or
swapped events do not apply.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from seawall.amounts import Units, sha256_hex
from seawall.ledger.machine import GENESIS_ID, Codec

MOST = 10**30


class Add(msgspec.Struct, frozen=True):
    """Count up (or down, but not below zero) by `amount`, `parts` times."""

    id: str
    amount: int
    parts: int = 1


class Began(msgspec.Struct, frozen=True):
    name: str


class Added(msgspec.Struct, frozen=True):
    add: Add
    part: int
    total: Units


class No(msgspec.Struct, frozen=True):
    id: str
    why: str


@dataclass
class Count:
    name: str
    total: int = 0
    last_seq: int = 0
    last_t_ms: int = 0
    answered: dict[str, tuple[Add, int]] = field(default_factory=dict)


class CounterMachine:
    """See the module."""

    codec: Codec[Began | Added] = Codec({"began": Began, "added": Added})
    rules_version = 1

    def begin(self, event):
        if not isinstance(event, Began):
            raise ValueError("wanted `began`")
        return Count(event.name)

    def design(self, state):
        return sha256_hex(state.name.encode())

    def decide(self, state, command, t_ms):
        if command.id in state.answered:
            first, seq = state.answered[command.id]
            return seq if first == command else No(command.id, "conflict")
        if command.amount == 666:
            raise KeyError("a defect of decide")
        if state.total + command.amount * command.parts < 0 or command.parts < 1:
            return No(command.id, "below zero")
        totals = [state.total + command.amount * (part + 1) for part in range(command.parts)]
        return tuple(Added(command, part, Units(total)) for part, total in enumerate(totals))

    def apply(self, state, stamp, event):
        if stamp.seq != state.last_seq + 1:
            raise ValueError(f"event {stamp.seq} after {state.last_seq}")
        if isinstance(event, Added):
            if event.total != state.total + event.add.amount:
                raise ValueError(f"total {event.total} after {state.total}")
            state.total = int(event.total)
            state.answered.setdefault(event.add.id, (event.add, stamp.seq))
        state.last_seq, state.last_t_ms = stamp.seq, stamp.t_ms

    def check(self, state, stamp, event):
        if state.total > MOST:
            raise AssertionError("the counter is too high")

    def digest(self, state):
        return sha256_hex(self.snapshot(state))

    def snapshot(self, state):
        rows = [(add.id, add.amount, add.parts, seq) for add, seq in state.answered.values()]
        return msgspec.json.encode([state.name, state.total, state.last_seq, state.last_t_ms, rows])

    def restore(self, data):
        name, total, seq, t_ms, rows = msgspec.json.decode(data, type=tuple[str, int, int, int, list])
        answered = {key: (Add(key, amount, parts), first) for key, amount, parts, first in rows}
        return Count(name, total, seq, t_ms, answered)

    def command_id(self, command):
        return command.id


assert GENESIS_ID == "genesis"
