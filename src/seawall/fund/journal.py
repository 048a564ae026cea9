"""Journal: one writer's fund in memory: decide, apply, check, chain. And the way back: replay.

Layer    fund; imports fund.{decide,apply,invariants,codec}, design.loader for replay. Used by stress, scenario, verify.
Not here durability, idempotent answers across restarts, many writers (ledger).
Held to  this by replay: `replay(journal.lines)` gives the same digest (I7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from seawall.amounts import sha256_hex
from seawall.design.errors import BadInput
from seawall.design.loader import design_digest, parse_design
from seawall.design.types import Design
from seawall.fund.apply import GENESIS_ID, BrokenLog, Stamp, apply
from seawall.fund.codec import GENESIS_HASH, Codec, CorruptLog, Recorded, encode_hook
from seawall.fund.decide import decide, genesis
from seawall.fund.events import KINDS, Event, Opened
from seawall.fund.invariants import InvariantBroken, check
from seawall.fund.messages import AnyCommand, Refused, Repeated
from seawall.fund.state import FundState, Inventory, LayerState, Stakes
from seawall.rules import RULES_VERSION

FUND_CODEC: Codec[Event] = Codec(KINDS)


_TOTALS = ("money_in", "paid_out", "deficits", "drawn", "haircuts", "recovered")
"""The totals that a digest always counts, in this order; later ones are among what is added when there is something."""


def state_digest(state: FundState) -> str:
    """SHA-256 over everything the fund's future depends on: equal states have equal digests.

    What later versions keep is counted only where there is something, so that an old log's digest is the same for ever.
    """
    parts: tuple[object, ...] = (
        state.design_digest,
        {
            name: (layer.balance, list(layer.recent), layer.drawn, layer.credited)
            for name, layer in state.layers.items()
        },
        state.receivers,
        {name: (debt.amount, debt.since_ms, debt.account) for name, debt in state.carried.items()},
        {name: (batch.deadline_ms, batch.severity, batch.accounts) for name, batch in state.pending.items()},
        {name: (repr(command), seq) for name, (command, seq) in state.answered.items()},
        state.deficits,
        sorted(state.closed_markets),
        [getattr(state.totals, name) for name in _TOTALS],
        state.last_t_ms,
        state.last_seq,
    )
    added = _added(state)
    if added:
        parts = (*parts, added)
    return sha256_hex(msgspec.json.encode(msgspec.to_builtins(parts, builtin_types=(), enc_hook=encode_hook)))


def _added(state: FundState) -> dict[str, object]:
    """What a fund keeps beyond what logs began with, nothing empty."""
    parts: dict[str, object] = {
        "retired": sorted(state.retired),
        "covered": state.covered,
        "measures": state.measures,
        "called": state.totals.called,
        "inventory_lost": state.totals.inventory_lost,
        "redeemed": state.totals.redeemed,
        "corrected": state.totals.corrected,
        "debt_corrected": state.totals.debt_corrected,
        "paid_by": {
            deficit: [[paid.layer, paid.amount, paid.cohort, paid.returned] for paid in rows]
            for deficit, rows in state.paid_by.items()
        },
    }
    if state.released_ms is not None:
        parts["released_ms"] = [state.released_ms]
    for name, layer in state.layers.items():
        parts[f"layer {name}"] = {key: value for key, value in _layer_parts(layer).items() if value}
    return {key: value for key, value in parts.items() if value}


def _layer_parts(layer: LayerState) -> dict[str, object]:
    """What a layer with newer keys keeps; of one without them all is empty."""
    spec = layer.spec
    usages = (layer.accounts, layer.owners, layer.markets)
    held = layer.inventory
    return {
        "commitment": layer.commitment,
        "returned": layer.returned,
        "offset_left": layer.offset_left,
        "drawn_at": layer.drawn_at if spec.block_limit is not None else None,
        "credited_at": layer.credited_at if spec.own_credits == "later" else None,
        "left_ms": list(layer.left_ms),
        "results": layer.results,
        "results_left_ms": {market: list(history) for market, history in layer.results_left_ms.items()},
        "used": [(list(usage.recent), usage.ever) for usage in usages if usage is not None],
        "inventory": [held.maintenance, held.open_loss, held.notional] if held != Inventory() else None,
        "shut": sorted(layer.shut),
        "below_since_ms": None if layer.below_since_ms is None else [layer.below_since_ms],
        "stakes": None if layer.stakes is None else _stakes_parts(layer.stakes),
    }


def _stakes_parts(stakes: Stakes) -> list[object]:
    """Everything of a tranche with stakers but the sums of its rows."""
    tranche, stream = stakes.tranche, stakes.tranche.stream
    return [
        [tranche.assets_units, tranche.shares, tranche.series, tranche.slashes],
        [stream.total_units, stream.earned_units, stream.start_ms, stream.end_ms],
        stakes.stakers,
        stakes.requests,
        list(stakes.cohorts.values()),
        [[number, name, units] for (number, name), units in stakes.received.items()],
    ]


class Journal:
    """A fund and its log, owned by one writer.

    state  the fund now
    lines  every event as bytes, without newlines; events: the same as they are. Whoever wants neither may clear them
    """

    def __init__(
        self, design: Design, design_text: str, t_ms: int, sink: Callable[[bytes], None] | None = None
    ) -> None:
        self.state = FundState(design, design_digest(design))
        self._prev = GENESIS_HASH
        self._sink = sink
        self.lines: list[bytes] = []
        self.events: list[Event] = []
        self._record(Stamp(1, t_ms, GENESIS_ID), genesis(self.state, design_text))

    def submit(self, command: AnyCommand, t_ms: int) -> tuple[Event, ...] | Refused | Repeated:
        """Decide a command, then apply, check and record what follows. Errors: InvariantBroken stops the writer."""
        decided = decide(self.state, command, t_ms)
        if isinstance(decided, Refused | Repeated):
            return decided
        for event in decided:
            self._record(Stamp(self.state.last_seq + 1, t_ms, command.id), event)
        return decided

    def _record(self, stamp: Stamp, event: Event) -> None:
        # Encoded first: what has no wire form changes nothing.
        line = FUND_CODEC.encode(Recorded(stamp, event, self.state.design_digest, RULES_VERSION), self._prev)
        apply(self.state, stamp, event)
        check(self.state, stamp, event)
        self._prev = sha256_hex(line)
        self.lines.append(line)
        self.events.append(event)
        if self._sink is not None:
            self._sink(line)


def replay(lines: Iterable[bytes], on_event: Callable[[FundState, Recorded[Event]], None] | None = None) -> FundState:
    """The state after a log, checking chain, design and invariants on the way.

    on_event  called after each event with the state and the event
    Errors    CorruptLog naming the first record that does not hold.
    """
    state: FundState | None = None
    for recorded in FUND_CODEC.read(lines):
        record = recorded.stamp.seq
        if state is None:
            if not isinstance(recorded.event, Opened):
                raise CorruptLog(record, "the first event is not `opened`")
            try:
                design = parse_design(recorded.event.design_text, "design in the log")
            except BadInput as error:
                raise CorruptLog(record, str(error)) from None
            state = FundState(design, design_digest(design))
        if recorded.design != state.design_digest:
            raise CorruptLog(record, f"design {recorded.design[:12]}, not {state.design_digest[:12]} of the genesis")
        try:
            apply(state, recorded.stamp, recorded.event)
            check(state, recorded.stamp, recorded.event)
        except (BrokenLog, InvariantBroken, KeyError, StopIteration) as error:
            raise CorruptLog(record, str(error)) from None
        if on_event is not None:
            on_event(state, recorded)
    if state is None:
        raise CorruptLog(1, "the log is empty")
    return state
