"""Redecide: what today's rules would have made of every command in a log, beside what was made of it then.

Layer    ledger; imports ledger.{machine,recovery,store}. Called by `seawall ledger verify --redecide`.
Not here a judgement: an event is a fact, and mending a rule never rewrites it (SPEC 10). A difference is told.
Held to  this by tests/ledger/test_redecide.py: none in a log of today's rules; with a rule changed, each that it moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic

from seawall.ledger.machine import E_, FIRST_SEQ, S_, C_contra, CorruptLog, Machine, R_co
from seawall.ledger.recovery import chained
from seawall.ledger.store import EMPTY, Reader, StoreError


@dataclass(frozen=True, slots=True)
class Redecided(Generic[E_]):
    """A command that today's rules answer otherwise.

    seq            of its first event
    rules_version  of the rules that decided it
    then           what followed
    now            what would follow: events, or a refusal, or the error that the rules end with
    """

    seq: int
    t_ms: int
    id: str
    rules_version: int
    then: tuple[E_, ...]
    now: Any


def redecide(
    machine: Machine[S_, C_contra, E_, R_co],
    reader: Reader,
    command_of: Callable[[E_], C_contra | None],
    on_command: Callable[[int, int], None] | None = None,
) -> Iterator[Redecided[E_]]:
    """Decide every command again, from the state that its own facts left behind, at the time it was given.

    command_of  the command that an event answers; None for one that follows from another event of the same command
    on_command  called after each with its last sequence number and its rules' version
    returns     those whose events differ, in order; one at a time, so a long log needs no memory
    Errors      StoreError, CorruptLog: as replay.
    """
    if reader.head() == EMPTY:
        raise StoreError("the store has no events yet: its first was never written")
    state: S_ | None = None
    recorded = (each for _, each in chained(machine.codec, reader))
    for name, group in groupby(recorded, key=lambda each: each.stamp.id):
        events = list(group)
        first = events[0]
        try:
            if state is None:
                state = machine.begin(first.event)
            command = command_of(first.event)
            then = tuple(each.event for each in events)
            now: Any = then if command is None else _decide(machine, state, command, first.stamp.t_ms)
            if first.stamp.seq > FIRST_SEQ and command is None:
                raise ValueError(f"no event of {name} holds its command")
            for each in events:
                machine.apply(state, each.stamp, each.event)
        except Exception as error:  # whatever a machine says of an event that does not follow
            raise CorruptLog(first.stamp.seq, str(error) or type(error).__name__) from error
        if on_command is not None and command is not None:
            on_command(events[-1].stamp.seq, first.rules_version)
        if now != then:
            yield Redecided(first.stamp.seq, first.stamp.t_ms, name, first.rules_version, then, now)


def _decide(machine: Machine[S_, C_contra, E_, R_co], state: S_, command: C_contra, t_ms: int) -> Any:
    """What follows now; an error of the rules is an answer too: the log is not to blame for it."""
    try:
        return machine.decide(state, command, t_ms)
    except Exception as error:
        return error
