"""Ledger documents: what the ledger's verbs print with `--json`. Listed with all others in cli.documents.

Layer    cli; imports amounts.
Held to  this by tests/cli, which validates every document it sees.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Raw, Struct

from seawall.amounts import Units


class HeadRow(Struct, frozen=True):
    """Where a log ends: the number of its last event, and the SHA-256 of its line, which commits to all before."""

    seq: int
    hash: str


class LedgerInitDocument(Struct, frozen=True, kw_only=True):
    """A ledger that was begun. `store` never shows a user or password."""

    schema: Literal["seawall.ledger.init/1"] = "seawall.ledger.init/1"
    store: str
    design: str
    digest: str
    head: HeadRow


Answer = Literal["receipt", "repeated", "refused", "conflict", "failed"]


class AnswerRow(Struct, frozen=True, omit_defaults=True):
    """The answer to one command.

    line    of the file
    answer  `receipt`: done now; `repeated`: done before, the same receipt; `refused`; `conflict`: the id was used with
            another content; `failed`: it could not be decided or written
    first_seq, last_seq, hash  of a receipt: its events and the last one's line
    code, field, reason        of any other
    """

    line: int
    id: str
    answer: Answer
    first_seq: int = 0
    last_seq: int = 0
    t_ms: int = 0
    hash: str = ""
    code: str = ""
    field: str = ""
    reason: str = ""


class LedgerApplyDocument(Struct, frozen=True, kw_only=True):
    """Commands of a file, each with its durable answer, in the order of the file.

    torn_bytes  of a last write that was cut short before, and trimmed; no command in it had been answered
    """

    schema: Literal["seawall.ledger.apply/1"] = "seawall.ledger.apply/1"
    store: str
    file: str
    receipts: int
    repeated: int
    refused: int
    conflicts: int
    failed: int
    torn_bytes: int
    head: HeadRow
    answers: tuple[AnswerRow, ...]


class RedecidedRow(Struct, frozen=True):
    """A command that today's rules answer otherwise.

    then, now  what followed and what would: kinds of events, or a refusal
    field      the first field in which they differ; "" where one is a refusal
    """

    seq: int
    t_ms: int
    id: str
    rules_version: int
    then: str
    now: str
    field: str


class RulesRow(Struct, frozen=True):
    """Commands decided under one version of the rules, and how many today's rules answer otherwise."""

    rules_version: int
    commands: int
    differ: int


class LedgerVerifyDocument(Struct, frozen=True, kw_only=True):
    """A ledger, replayed from its first event.

    holds      chain, invariants, balances and snapshots do; differences of `--redecide` are no problem
    bad_seq    the first event that does not hold; 0: none
    snapshots  sequence numbers of the snapshots that were compared
    rules, redecided  of `--redecide`: by version of the rules, and the first thousand differences
    """

    schema: Literal["seawall.ledger.verify/1"] = "seawall.ledger.verify/1"
    store: str
    holds: bool
    events: int
    digest: str
    head: HeadRow
    bad_seq: int
    problem: str
    snapshots: tuple[int, ...]
    rules: tuple[RulesRow, ...] = ()
    redecided: tuple[RedecidedRow, ...] = ()


class TableRow(Struct, frozen=True):
    """A table that was written."""

    file: str
    rows: int


class LedgerExportDocument(Struct, frozen=True, kw_only=True):
    """A ledger as flat tables."""

    schema: Literal["seawall.ledger.export/1"] = "seawall.ledger.export/1"
    store: str
    folder: str
    head: HeadRow
    tables: tuple[TableRow, ...]


class LedgerSnapshotDocument(Struct, frozen=True, kw_only=True):
    """A snapshot that was kept. `replayed`: events after the snapshot before it."""

    schema: Literal["seawall.ledger.snapshot/1"] = "seawall.ledger.snapshot/1"
    store: str
    head: HeadRow
    digest: str
    bytes: int


class LedgerTailDocument(Struct, frozen=True, kw_only=True):
    """Events as they are stored."""

    schema: Literal["seawall.ledger.tail/1"] = "seawall.ledger.tail/1"
    store: str
    head: HeadRow
    events: tuple[Raw, ...]


class FlowRow(Struct, frozen=True):
    """Money of one kind into a layer (> 0) or out of it (< 0) in a month. Base units."""

    layer: str
    kind: str
    amount: Units


class LayerMonthRow(Struct, frozen=True):
    """A layer over a month, base units: opening + flows = closing."""

    layer: str
    opening: Units
    flows: Units
    closing: Units
    adds_up: bool


class SumRow(Struct, frozen=True):
    """A sum by name. Base units."""

    name: str
    amount: Units


class DebtMonthRow(Struct, frozen=True):
    """Debt over a month, base units: `pending` severity or `carried` bad debt; opening + rows = closing."""

    what: Literal["pending", "carried"]
    opening: Units
    changes: tuple[SumRow, ...]
    closing: Units
    adds_up: bool


class LedgerStatementDocument(Struct, frozen=True, kw_only=True):
    """A month by replay: each layer's opening, flows by kind and closing; debts; and income of the fund.

    start_ms, end_ms  half-open, UTC
    head              the last event before the end
    income            money that came in, by kind
    paid_out          money that left the fund, by receiver
    """

    schema: Literal["seawall.ledger.statement/1"] = "seawall.ledger.statement/1"
    store: str
    month: str
    asset: str
    decimals: int
    start_ms: int
    end_ms: int
    head: HeadRow
    layers: tuple[LayerMonthRow, ...]
    flows: tuple[FlowRow, ...]
    debts: tuple[DebtMonthRow, ...]
    income: tuple[SumRow, ...]
    paid_out: tuple[SumRow, ...]
    adds_up: bool


class BreakRow(Struct, frozen=True):
    """A difference between the ledger and a statement.

    id       names it by its content: another figure is another break
    what     `balance`: at a time they differ; `not_in_ledger`, `not_on_statement`: a movement that only one has;
             `amount`: a movement that both have, of another amount
    ledger, statement  base units; 0 where there is none
    age_days  whole days since `since_ms`
    cleared_by  who has cleared it: two people close it
    """

    id: str
    what: Literal["balance", "not_in_ledger", "not_on_statement", "amount"]
    account: str
    reference: str
    since_ms: int
    age_days: int
    ledger: Units
    statement: Units
    cleared_by: tuple[str, ...]
    open: bool


class ReconcileDocument(Struct, frozen=True, kw_only=True):
    """A ledger beside a statement."""

    schema: Literal["seawall.reconcile/1"] = "seawall.reconcile/1"
    store: str
    statement: str
    as_of_ms: int
    head: HeadRow
    rows: int
    open: int
    breaks: tuple[BreakRow, ...]
