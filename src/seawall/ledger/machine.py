"""Machine: what the ledger asks of whatever it keeps: a fund, or a counter in a test.

Layer    ledger; imports of fund the generic envelope alone (Codec, Recorded, Stamp, CorruptLog), for all of ledger.
Not here insurance. The ledger never looks into a state, a command, an event or a refusal.
Held to  this by tests/ledger/counter.py, a toy, and fund.machine: every test of the log runs over both.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from seawall.fund.apply import GENESIS_ID as GENESIS_ID, Stamp as Stamp
from seawall.fund.codec import (
    GENESIS_HASH as GENESIS_HASH,
    Codec as Codec,
    CorruptLog as CorruptLog,
    Recorded as Recorded,
)

S_ = TypeVar("S_")
"""A machine's state: owned by the one writer."""
E_ = TypeVar("E_")
"""Its events: facts, frozen."""
C_contra = TypeVar("C_contra", contravariant=True)
"""Its commands: frozen; each has the id under which it is settled."""
R_co = TypeVar("R_co", covariant=True)
"""Its refusals: answers that change nothing; neither a tuple nor an int."""

FIRST_SEQ = 1
"""Sequence number of the first event."""


class Machine(Protocol[S_, C_contra, E_, R_co]):
    """A deterministic machine. Equal states and equal commands at equal times give equal events, in any process."""

    @property
    def codec(self) -> Codec[E_]:
        """Events as bytes. What it cannot write it refuses before anything changed."""

    @property
    def rules_version(self) -> int:
        """Version of the rules that `decide` follows now; stored beside each event."""

    def begin(self, event: E_) -> S_:
        """The state before a log's first event, from what the event says. It is applied next, like any other.

        Errors  ValueError: no event that a log can begin with.
        """

    def design(self, state: S_) -> str:
        """What the machine is configured by, as a hash; stored beside each event and compared at replay."""

    def decide(self, state: S_, command: C_contra, t_ms: int) -> tuple[E_, ...] | int | R_co:
        """What follows from a command; only reads.

        returns  events, at least one; or, for an id decided before with the same content, the sequence number of the
                 first event that answered it; or a refusal
        """

    def apply(self, state: S_, stamp: Stamp, event: E_) -> None:
        """Take in one event: the only change of a state. Calls no rule. Raises when it does not follow."""

    def check(self, state: S_, stamp: Stamp, event: E_) -> None:
        """Raises when an invariant does not hold after the event."""

    def digest(self, state: S_) -> str:
        """SHA-256 over everything the future depends on."""

    def snapshot(self, state: S_) -> bytes:
        """The state as bytes that `restore` reads. No code in them."""

    def restore(self, data: bytes) -> S_:
        """A state with the digest and the future of the one that was written. Errors: ValueError."""

    def command_id(self, command: C_contra) -> str:
        """The id that a command is settled under."""
