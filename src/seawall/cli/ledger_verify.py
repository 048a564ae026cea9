"""ledger verify: replay a whole ledger, hold it to everything it must hold to, and name the first event that does not.

Layer    cli; imports fund.{decide,machine}, ledger.{recovery,redecide}, report.flows.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from seawall.cli.console import CHECK_FAILED, OK, print_document, progress_bar, stdout
from seawall.cli.ledger_documents import LedgerVerifyDocument, RedecidedRow, RulesRow
from seawall.cli.ledger_store import ENV_STORE, JSON, STORE, head_row, opened, store_name
from seawall.fund.codec import CorruptLog, Recorded
from seawall.fund.decide import difference
from seawall.fund.events import Event
from seawall.fund.journal import FUND_CODEC
from seawall.fund.machine import FundMachine
from seawall.fund.messages import Refused
from seawall.fund.state import FundState
from seawall.ledger.connect import shown
from seawall.ledger.recovery import recover
from seawall.ledger.redecide import Redecided, redecide
from seawall.ledger.store import Reader, decode_snapshot
from seawall.report.flows import layer_flows, money_units
from seawall.report.terminal import Fitting

MOST_SHOWN = 1_000
"""Differences of `--redecide` that are listed; all are counted."""
EVERY = 1_024
"""Events between two moves of the progress bar."""


def register(group: typer.Typer) -> None:
    """Add `seawall ledger verify`."""

    @group.command("verify")
    def verify(
        store: STORE = None,
        redecided: Annotated[
            bool, typer.Option("--redecide", help="Decide every command again and list what today's rules change.")
        ] = False,
        env_store: ENV_STORE = None,
        as_json: JSON = False,
    ) -> int:
        """Check chain, invariants, balances and snapshots. Exit 1 naming the first event that does not hold."""
        where = store_name(store, env_store)
        with opened(where) as log:
            found = verified(log, shown(where), redecided)
        if as_json:
            print_document(found)
        else:
            _show(found, redecided)
        return OK if found.holds else CHECK_FAILED


def verified(log: Reader, name: str, again: bool) -> LedgerVerifyDocument:
    """What a store's log holds. Errors: StoreError when it has no events."""
    replayed, bad_seq = _Replayed(log), 0
    rules: tuple[RulesRow, ...] = ()
    rows: tuple[RedecidedRow, ...] = ()
    try:
        replayed.run()
        if again:
            rules, rows = _again(log, replayed.head.seq)
    except CorruptLog as error:
        bad_seq, replayed.problem = error.record, str(error)
    return LedgerVerifyDocument(
        store=name,
        holds=not replayed.problem,
        events=replayed.head.seq,
        digest=replayed.digest,
        head=head_row(replayed.head),
        bad_seq=bad_seq,
        problem=replayed.problem,
        snapshots=tuple(replayed.compared),
        rules=rules,
        redecided=rows,
    )


class _Replayed:
    """A replay from the first event, and all that it is held to beside chain and invariants."""

    def __init__(self, log: Reader) -> None:
        self._log, self._machine = log, FundMachine()
        self._sums: dict[str, int] = {}
        self._kept, self.problem = _snapshots(log)
        self.head = log.head()
        self.compared: list[int] = []
        self.digest = ""

    def run(self) -> None:
        """Errors: CorruptLog, StoreError."""
        with progress_bar("verify", "events") as self._progress:
            state = recover(self._machine, self._log, from_start=True, on_event=self._on_event).state
        self.digest = self._machine.digest(state)
        self.problem = self.problem or _balances(state, self._sums)

    def _on_event(self, state: FundState, recorded: Recorded[Event]) -> None:
        seq = recorded.stamp.seq
        for layer, _, amount in layer_flows(recorded.event):
            self._sums[layer] = self._sums.get(layer, 0) + amount
        if seq in self._kept:
            self.compared.append(seq)
            if not self.problem and self._machine.digest(state) != self._kept[seq]:
                self.problem = f"the snapshot after event {seq} is of another state"
        if seq % EVERY == 0:
            self._progress(seq, self.head.seq)


def _snapshots(log: Reader) -> tuple[dict[int, str], str]:
    """(digest by sequence number, what is wrong with one of them)."""
    kept: dict[int, str] = {}
    for seq, data in log.snapshots():
        try:
            one = decode_snapshot(data)
        except ValueError as error:
            return kept, f"the snapshot after event {seq}: {error}"
        kept[one.head.seq] = one.digest
    return kept, ""


def _balances(state: FundState, held: dict[str, int]) -> str:
    """A second bookkeeping: what every event says it moved adds up to each layer's money."""
    for name, layer in state.layers.items():
        if held.get(name, 0) != money_units(layer):
            return f"layer {name} holds {money_units(layer)}; its events add up to {held.get(name, 0)}"
    return ""


def _again(log: Reader, last: int) -> tuple[tuple[RulesRow, ...], tuple[RedecidedRow, ...]]:
    """By version of the rules, and the first differences. Errors: CorruptLog."""
    machine = FundMachine()
    commands: Counter[int] = Counter()
    differ: Counter[int] = Counter()
    rows: list[RedecidedRow] = []
    with progress_bar("redecide", "events") as progress:

        def on_command(seq: int, version: int) -> None:
            commands[version] += 1
            if commands.total() % EVERY == 0:
                progress(seq, last)

        for one in redecide(machine, log, machine.command_of, on_command):
            differ[one.rules_version] += 1
            if len(rows) < MOST_SHOWN:
                rows.append(_row(one))
    rules = tuple(RulesRow(version, commands[version], differ[version]) for version in sorted(commands))
    return rules, tuple(rows)


def _row(one: Redecided[Event]) -> RedecidedRow:
    events = isinstance(one.now, tuple)
    field = _field(one.then, one.now) if events else ""
    return RedecidedRow(one.seq, one.t_ms, one.id, one.rules_version, _words(one.then), _words(one.now), field)


def _field(then: tuple[Event, ...], now: tuple[Event, ...]) -> str:
    """`inflow_routed.credits[0].amount`."""
    for first, second in zip(then, now, strict=False):
        if first != second:
            within = difference(first, second)
            return ".".join(filter(None, (FUND_CODEC.kind_of(first), within)))
    return "events"


def _words(answer: Any) -> str:
    if isinstance(answer, tuple):
        return " ".join(FUND_CODEC.kind_of(event) for event in answer)
    if isinstance(answer, Refused):
        return f"refused, {answer.code} {answer.field}: {answer.reason}"
    return f"{type(answer).__name__}: {answer}"


def _show(found: LedgerVerifyDocument, again: bool) -> None:
    console = stdout()
    verdict = f"BROKEN: {found.problem}" if found.problem else "holds"
    what = "chain, invariants, balances" + (f", {len(found.snapshots)} snapshots" if found.snapshots else "")
    console.print(f"{found.store}: {found.events:,} events: {what}: {verdict}", markup=False, soft_wrap=True)
    if found.holds:
        console.print(f"event {found.head.seq} {found.head.hash}, state {found.digest}", markup=False, soft_wrap=True)
    if not again or not found.holds:
        return
    for rule in found.rules:
        console.print(
            f"rules {rule.rules_version}: {rule.commands:,} commands, {rule.differ:,} answered otherwise today",
            markup=False,
        )
    if found.redecided:
        rows = [(str(row.seq), row.id, str(row.rules_version), row.field, row.now) for row in found.redecided]
        console.print(Fitting(("event", "command", "rules", "differs in", "would be"), rows))
