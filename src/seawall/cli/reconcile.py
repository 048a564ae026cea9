"""reconcile: the ledger beside a custodian's statement or a chain's balances; breaks, their age, and two people's word.

Layer    cli; imports fund.machine, ledger.recovery, report.reconciling, cli.reconcile_files.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from seawall.amounts import AmountError, Units, check_id, format_decimal
from seawall.cli.console import CHECK_FAILED, OK, print_document, progress_bar, stdout
from seawall.cli.ledger_documents import BreakRow, ReconcileDocument
from seawall.cli.ledger_store import ENV_STORE, JSON, head_row, opened, store_and_file
from seawall.cli.reconcile_files import Clearances, parse_time_ms, read_statement
from seawall.design.errors import BadInput, Problem
from seawall.design.types import Asset, Design
from seawall.fund.codec import Recorded
from seawall.fund.events import Event
from seawall.fund.machine import FundMachine
from seawall.fund.state import FundState
from seawall.ledger.connect import shown
from seawall.ledger.recovery import Recovered, chained, recover
from seawall.ledger.store import Reader
from seawall.report.reconciling import Break, MoneyByAccount, breaks
from seawall.report.terminal import Fitting

NEEDED_PEOPLE = 2
"""Who must clear a break before it is closed."""
EVERY = 1_024
"""Events between two moves of the progress bar."""


def register(app: typer.Typer) -> None:
    """Add `seawall reconcile`."""

    @app.command("reconcile")
    def reconcile(
        first: Annotated[str, typer.Argument(metavar="[STORE]", help="A folder, or postgresql://…")],
        second: Annotated[
            str | None,
            typer.Argument(metavar="STATEMENT", help="CSV: time, account, asset, balance or amount, reference."),
        ] = None,
        account: Annotated[
            list[str] | None,
            typer.Option(
                help="ACCOUNT=LAYER,LAYER: which layers' money an account holds; left out: a layer is its own."
            ),
        ] = None,
        as_of: Annotated[str, typer.Option(help="The time at which ages are told, ISO 8601; left out: now.")] = "",
        clear: Annotated[str, typer.Option(help="Clear the break of this id; two people close it.")] = "",
        by: Annotated[str, typer.Option(help="Who clears it.")] = "",
        why: Annotated[str, typer.Option(help="Why it is no difference of money.")] = "",
        clearances: Annotated[
            Path | None, typer.Option(help="Who has cleared what; left out: STATEMENT.clearances.jsonl.")
        ] = None,
        store: ENV_STORE = None,
        as_json: JSON = False,
    ) -> int:
        """Compare the ledger with a statement. Exit 1 while a break is open."""
        where, file = store_and_file(first, second, store)
        as_of_ms = _as_of(as_of)
        cleared = Clearances(clearances or file.with_name(f"{file.name}.clearances.jsonl"))
        with opened(where) as log:
            found, money, design, accounts = _replayed(log, account or [])
        lines = read_statement(file, design, accounts)
        differences = breaks(money, lines)
        if clear or by or why:
            _clear(cleared, differences, clear, by, why)
        rows = tuple(_row(one, cleared.of(one.id), as_of_ms) for one in differences)
        document = ReconcileDocument(
            store=shown(where),
            statement=str(file),
            as_of_ms=as_of_ms,
            head=head_row(found.head),
            rows=len(lines),
            open=sum(row.open for row in rows),
            breaks=rows,
        )
        if as_json:
            print_document(document)
        else:
            _show(document, design.asset)
        return CHECK_FAILED if document.open else OK


def _as_of(text: str) -> int:
    if not text:
        return time.time_ns() // 1_000_000
    try:
        return parse_time_ms(text)
    except (ValueError, OverflowError):
        raise BadInput(Problem("", 0, "--as-of", "a day, or a time with its offset or Z, ISO 8601", text)) from None


def _replayed(
    log: Reader, named: Sequence[str]
) -> tuple[Recovered[FundState], MoneyByAccount, Design, tuple[str, ...]]:
    """The ledger, its money by account, its design, and every account that a statement may name."""
    machine, last = FundMachine(), log.head().seq
    opening = next(chained(machine.codec, log), None)
    # A log without an event is refused by `recover` below.
    layers = [] if opening is None else [layer.id for layer in machine.begin(opening[1].event).design.layers]
    by_layer = _accounts(named, layers)
    money = MoneyByAccount(by_layer)
    with progress_bar("reconcile", "events") as progress:

        def on_event(state: FundState, recorded: Recorded[Event]) -> None:
            money.take(state, recorded)
            if recorded.stamp.seq % EVERY == 0:
                progress(recorded.stamp.seq, last)

        found = recover(machine, log, from_start=True, on_event=on_event)
    accounts = tuple(dict.fromkeys(by_layer.get(layer, layer) for layer in layers))
    return found, money, found.state.design, accounts


def _accounts(named: Sequence[str], layers: Sequence[str]) -> dict[str, str]:
    """Layer -> account. Errors: BadInput."""
    by_layer: dict[str, str] = {}
    for text in named:
        account, sign, parts = text.partition("=")
        own = parts.split(",")
        if not sign or not account or any(layer not in layers for layer in own):
            wanted = f"ACCOUNT=LAYER,LAYER with layers of {', '.join(layers)}"
            raise BadInput(Problem("", 0, "--account", wanted, text))
        for layer in own:
            if layer in by_layer:
                raise BadInput(Problem("", 0, "--account", f"layer {layer} in one account", "two"))
            by_layer[layer] = account
    return by_layer


def _clear(cleared: Clearances, differences: Sequence[Break], clear: str, by: str, why: str) -> None:
    """One person's word for one open break. Errors: BadInput."""
    known = {one.id for one in differences}
    if clear not in known:
        wanted = f"the id of a break: {', '.join(sorted(known)) or 'there is none'}"
        raise BadInput(Problem("", 0, "--clear", wanted, clear or "none"))
    try:
        check_id(by)
    except AmountError as error:
        raise BadInput(Problem("", 0, "--by", error.wanted, error.found, hint=error.hint)) from None
    if not why.strip():
        raise BadInput(Problem("", 0, "--why", "a reason", "none"))
    if len(cleared.of(clear)) >= NEEDED_PEOPLE:
        raise BadInput(Problem("", 0, "--clear", "a break that is open", f"{clear}: two people have cleared it"))
    cleared.add(clear, by, time.time_ns() // 1_000_000, why)


def _row(one: Break, people: tuple[str, ...], as_of_ms: int) -> BreakRow:
    return BreakRow(
        id=one.id,
        what=one.what,
        account=one.account,
        reference=one.reference,
        since_ms=one.since_ms,
        age_days=one.age_days(as_of_ms),
        ledger=Units(one.ledger),
        statement=Units(one.statement),
        cleared_by=people,
        open=len(people) < NEEDED_PEOPLE,
    )


def _show(found: ReconcileDocument, asset: Asset) -> None:
    console = stdout()
    if found.breaks:
        heads = ("break", "what", "account", "reference", "days", "ledger", "statement", "cleared by")
        console.print(Fitting(heads, [_texts(row, asset) for row in found.breaks]))
    console.print(
        f"{found.store} up to event {found.head.seq}, {found.rows} lines of {found.statement}: "
        f"{len(found.breaks)} breaks, {found.open} open",
        markup=False,
        soft_wrap=True,
    )


def _texts(row: BreakRow, asset: Asset) -> tuple[str, ...]:
    amounts = (format_decimal(units, asset.decimals, group=True) for units in (row.ledger, row.statement))
    people = ", ".join(row.cleared_by) + ("" if row.open else " (closed)")
    return (row.id, row.what, row.account, row.reference, str(row.age_days), *amounts, people)
