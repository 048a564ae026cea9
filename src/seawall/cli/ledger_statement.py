"""ledger statement: a month's balance sheet and income, by replay of the ledger.

Layer    cli; imports fund.machine, ledger.recovery, report.{flows,statement,terminal}.
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.console import Console

from seawall.amounts import Units, format_decimal
from seawall.cli.console import CHECK_FAILED, OK, print_document, progress_bar, stdout
from seawall.cli.ledger_documents import (
    DebtMonthRow,
    FlowRow,
    LayerMonthRow,
    LedgerStatementDocument,
    SumRow,
)
from seawall.cli.ledger_store import ENV_STORE, JSON, STORE, head_at, head_row, opened, store_name
from seawall.design.errors import BadInput, Problem
from seawall.fund.codec import Recorded
from seawall.fund.events import Event
from seawall.fund.machine import FundMachine
from seawall.fund.state import FundState
from seawall.ledger.connect import shown
from seawall.ledger.recovery import recover
from seawall.ledger.store import EMPTY, Reader
from seawall.report.flows import KINDS
from seawall.report.statement import Debt, Statement, StatementRows, month_bounds_ms
from seawall.report.terminal import Fitting

EVERY = 1_024
"""Events between two moves of the progress bar."""


def register(group: typer.Typer) -> None:
    """Add `seawall ledger statement`."""

    @group.command("statement")
    def statement(
        month: Annotated[str, typer.Option(help="A month in UTC, such as 2026-10.")],
        store: STORE = None,
        env_store: ENV_STORE = None,
        as_json: JSON = False,
    ) -> int:
        """A month's balance sheet and income by replay. Exit 1 when it does not add up to the last unit."""
        where = store_name(store, env_store)
        try:
            start_ms, end_ms = month_bounds_ms(month)
        except ValueError as error:
            wanted, _, given = str(error).removeprefix("wanted ").partition("; found ")
            raise BadInput(Problem("", 0, "--month", wanted, given)) from None
        with opened(where) as log:
            found = _document(log, shown(where), month, start_ms, end_ms)
        if as_json:
            print_document(found)
        else:
            _show(found)
        return OK if found.adds_up else CHECK_FAILED


def _document(log: Reader, name: str, month: str, start_ms: int, end_ms: int) -> LedgerStatementDocument:
    rows, last = StatementRows(start_ms, end_ms), log.head().seq
    with progress_bar("statement", "events") as progress:

        def on_event(state: FundState, recorded: Recorded[Event]) -> None:
            rows.take(state, recorded)
            if recorded.stamp.seq % EVERY == 0:
                progress(recorded.stamp.seq, last)

        state = recover(FundMachine(), log, from_start=True, on_event=on_event).state
    made = rows.statement()
    return LedgerStatementDocument(
        store=name,
        month=month,
        asset=state.design.asset.id,
        decimals=state.design.asset.decimals,
        start_ms=start_ms,
        end_ms=end_ms,
        head=head_row(head_at(log, made.seq) if made.seq else EMPTY),
        layers=tuple(_layer(made, layer) for layer in made.closing),
        flows=tuple(
            FlowRow(layer, kind, Units(made.flows[layer, kind]))
            for layer in made.closing
            for kind in KINDS
            if made.flows[layer, kind]
        ),
        debts=(_debt("pending", made.pending), _debt("carried", made.carried)),
        income=tuple(SumRow(kind, Units(amount)) for kind, amount in made.income.items()),
        paid_out=tuple(SumRow(receiver, Units(amount)) for receiver, amount in made.paid_out.items()),
        adds_up=made.adds_up,
    )


def _layer(made: Statement, layer: str) -> LayerMonthRow:
    opening, flows, closing = made.opening.get(layer, 0), made.flow_of(layer), made.closing[layer]
    return LayerMonthRow(layer, Units(opening), Units(flows), Units(closing), opening + flows == closing)


def _debt(what: Literal["pending", "carried"], debt: Debt) -> DebtMonthRow:
    changes = tuple(SumRow(name, Units(amount)) for name, amount in debt.changes.items())
    return DebtMonthRow(what, Units(debt.opening), changes, Units(debt.closing), debt.adds_up)


def _show(found: LedgerStatementDocument) -> None:
    console = stdout()

    def text(units: int) -> str:
        return format_decimal(units, found.decimals, group=True)

    kinds = [kind for kind in KINDS if any(row.kind == kind for row in found.flows)]
    by_layer = {(row.layer, row.kind): row.amount for row in found.flows}
    rows = [
        (row.layer, text(row.opening), *(text(by_layer.get((row.layer, kind), 0)) for kind in kinds), text(row.closing))
        for row in found.layers
    ]
    console.print(f"{found.store}: {found.month}, {found.asset}, up to event {found.head.seq}", markup=False)
    if rows:
        console.print(Fitting(("layer", "opening", *kinds, "closing"), rows, words_last=False))
    for debt in found.debts:
        changes = "".join(f", {change.name} {text(change.amount)}" for change in debt.changes)
        console.print(f"{debt.what}: opening {text(debt.opening)}{changes}, closing {text(debt.closing)}", markup=False)
    for title, sums in (("income", found.income), ("paid out", found.paid_out)):
        parts = ", ".join(f"{row.name} {text(row.amount)}" for row in sums)
        console.print(f"{title}: {parts or 'nothing'}", markup=False)
    _verdict(console, found)


def _verdict(console: Console, found: LedgerStatementDocument) -> None:
    wrong = [row.layer for row in found.layers if not row.adds_up] + [
        row.what for row in found.debts if not row.adds_up
    ]
    console.print(f"does NOT add up: {', '.join(wrong)}" if wrong else "adds up to the last unit", markup=False)
