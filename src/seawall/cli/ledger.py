"""ledger: begin a durable ledger of a fund, snapshot it, follow it; and the verbs that have files of their own.

Layer    cli; imports ledger, fund.machine, cli.ledger_*.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from seawall.cli import ledger_apply, ledger_export, ledger_statement, ledger_verify
from seawall.cli.console import OK, print_document, stdout
from seawall.cli.ledger_documents import LedgerInitDocument, LedgerSnapshotDocument, LedgerTailDocument
from seawall.cli.ledger_store import ENV_STORE, JSON, STORE, head_row, opened, store_name
from seawall.design.errors import BadInput, Problem
from seawall.design.loader import design_digest, load_design
from seawall.fund.journal import FUND_CODEC
from seawall.fund.machine import FundMachine, opening
from seawall.ledger.connect import shown
from seawall.ledger.log import init as begin
from seawall.ledger.machine import FIRST_SEQ
from seawall.ledger.recovery import chained, take_snapshot
from seawall.ledger.store import EMPTY, Reader

LAST_SHOWN = 10
"""Events that `tail` shows where it is not told from which on."""
LOOK_S = 0.5
"""Seconds between two looks of `tail --follow`."""


def register(app: typer.Typer) -> None:
    """Add `seawall ledger` and its verbs."""
    group = typer.Typer(
        help="Keep a fund as a durable, replayable ledger.", no_args_is_help=True, rich_markup_mode=None
    )
    app.add_typer(group, name="ledger")
    group.command("init")(init)
    ledger_apply.register(group)
    ledger_verify.register(group)
    ledger_export.register(group)
    group.command("snapshot")(snapshot)
    group.command("tail")(tail)
    ledger_statement.register(group)


def init(
    design: Annotated[Path, typer.Option(help="The fund-design file (TOML).")],
    store: STORE = None,
    env_store: ENV_STORE = None,
    as_json: JSON = False,
) -> int:
    """Begin a ledger: the design file, verbatim, and the layers' opening balances are its first event."""
    where = store_name(store, env_store)
    parsed = load_design(design)
    text = design.read_bytes().decode("utf-8")
    with opened(where, create=True) as made:
        if made.head() != EMPTY:
            found = f"a ledger of {made.head().seq} events"
            raise BadInput(Problem(shown(where), 0, "STORE", "a store without events", found))
        receipt = begin(FundMachine(), made, opening(parsed, text))
        head = head_row(made.head())
    digest = design_digest(parsed)
    if as_json:
        print_document(LedgerInitDocument(store=shown(where), design=parsed.name, digest=digest, head=head))
        return OK
    stdout().print(
        f"{shown(where)}: a ledger of design {parsed.name} {digest[:12]}, event 1 {receipt.hash[:12]}",
        markup=False,
        soft_wrap=True,
    )
    return OK


def snapshot(store: STORE = None, env_store: ENV_STORE = None, as_json: JSON = False) -> int:
    """Keep a snapshot, so that opening does not take longer as the log grows. A writer may go on meanwhile."""
    where = store_name(store, env_store)
    with opened(where) as kept:
        made = take_snapshot(FundMachine(), kept)
    size = len(made.body)
    if as_json:
        print_document(
            LedgerSnapshotDocument(store=shown(where), head=head_row(made.head), digest=made.digest, bytes=size)
        )
        return OK
    stdout().print(
        f"{shown(where)}: snapshot after event {made.head.seq}, state {made.digest[:12]}, {size:,} bytes",
        markup=False,
        soft_wrap=True,
    )
    return OK


def tail(
    store: STORE = None,
    first: Annotated[int | None, typer.Option("--from", help="From this event on; left out: the last ten.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with events as they become durable.")] = False,
    env_store: ENV_STORE = None,
    as_json: JSON = False,
) -> int:
    """Print durable events, a line each as it is stored; each is held to the chain before it is printed."""
    where = store_name(store, env_store)
    if first is not None and first < FIRST_SEQ:
        raise BadInput(Problem("", 0, "--from", "the number of an event, 1 or more", str(first)))
    if follow and as_json:
        raise BadInput(Problem("", 0, "--follow", "lines without end, or one document", "--json too"))
    with opened(where) as log:
        head = log.head()
        start = max(FIRST_SEQ, head.seq - LAST_SHOWN + 1) if first is None else first
        if as_json:
            events = tuple(msgspec.Raw(line) for line in _lines(log, start))
            print_document(LedgerTailDocument(store=shown(where), head=head_row(head), events=events))
            return OK
        while True:
            for line in _lines(log, start):
                sys.stdout.buffer.write(line + b"\n")
                start += 1
            sys.stdout.buffer.flush()
            if not follow:
                return OK
            time.sleep(LOOK_S)


def _lines(log: Reader, start: int) -> Iterator[bytes]:
    """The durable lines from a number on."""
    if start <= log.head().seq:
        yield from (line for line, _ in chained(FUND_CODEC, log, start))
