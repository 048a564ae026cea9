"""Machine: the fund as the durable log drives it. It only adapts: deciding, applying and checking stand elsewhere.

Layer    fund; imports fund.{decide,apply,invariants,journal,snapshot}, design.loader. Knows no ledger; whoever opens
         one hands this in.
Not here durability, and any rule.
Held to  this by tests/ledger: the lines of a ledger are those of a journal, byte for byte.
"""

from __future__ import annotations

from seawall.design.errors import BadInput
from seawall.design.loader import design_digest, parse_design
from seawall.design.types import Design
from seawall.fund.apply import Stamp, apply, command_of
from seawall.fund.codec import Codec
from seawall.fund.decide import decide, genesis
from seawall.fund.events import Event, Opened
from seawall.fund.invariants import check
from seawall.fund.journal import FUND_CODEC, state_digest
from seawall.fund.messages import AnyCommand, Refused, Repeated
from seawall.fund.snapshot import restore, snapshot
from seawall.fund.state import FundState
from seawall.rules import RULES_VERSION


def opening(design: Design, design_text: str) -> Opened:
    """The event that a fund's log begins with. design_text: the file that the design was read from, verbatim."""
    return genesis(FundState(design, design_digest(design)), design_text)


class FundMachine:
    """The fund, over a state that is handed in."""

    codec: Codec[Event] = FUND_CODEC
    rules_version: int = RULES_VERSION

    def begin(self, event: Event) -> FundState:
        """The state before the first event. Errors: ValueError: not `opened`, or with a design that does not load."""
        if not isinstance(event, Opened):
            raise ValueError("the first event is not `opened`")
        try:
            design = parse_design(event.design_text, "design in the log")
        except BadInput as error:
            raise ValueError(str(error)) from None
        return FundState(design, design_digest(design))

    def design(self, state: FundState) -> str:
        """The design's hash."""
        return state.design_digest

    def decide(self, state: FundState, command: AnyCommand, t_ms: int) -> tuple[Event, ...] | int | Refused:
        """Events; the number of the event that answered the command before; or a refusal."""
        decided = decide(state, command, t_ms)
        return decided.seq if isinstance(decided, Repeated) else decided

    def apply(self, state: FundState, stamp: Stamp, event: Event) -> None:
        """Take in one event."""
        apply(state, stamp, event)

    def check(self, state: FundState, stamp: Stamp, event: Event) -> None:
        """Every invariant that the event could have broken."""
        check(state, stamp, event)

    def digest(self, state: FundState) -> str:
        """SHA-256 over everything the fund's future depends on."""
        return state_digest(state)

    def snapshot(self, state: FundState) -> bytes:
        """The state as bytes."""
        return snapshot(state)

    def restore(self, data: bytes) -> FundState:
        """The state of a snapshot. Errors: UnfitSnapshot, a ValueError."""
        return restore(data)

    def command_of(self, event: Event) -> AnyCommand | None:
        """The command that an event answers; None for one that follows from another event of the same command."""
        return command_of(event)

    def command_id(self, command: AnyCommand) -> str:
        """The id that a command is settled under."""
        return command.id
