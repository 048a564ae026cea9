"""Ledger store: which store a command line names, and what its failures are to a user.

Layer    cli; imports ledger.{connect,store}. Used by every verb that opens a ledger.
Not here the stores (ledger), and exit codes (cli.main).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from seawall.amounts import sha256_hex
from seawall.cli.ledger_documents import HeadRow
from seawall.design.errors import BadInput, Problem
from seawall.ledger.connect import connect, driver_errors, shown, without_secrets
from seawall.ledger.log import LedgerStopped
from seawall.ledger.store import Head, NotThere, Reader, Store, StoreError

STORE = Annotated[str | None, typer.Argument(metavar="[STORE]", help="A folder, or postgresql://…")]
ENV_STORE = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="SEAWALL_STORE",
        show_envvar=True,
        help="The store, where STORE is left out: a URL in the environment is not seen by others.",
    ),
]
JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def store_name(positional: str | None, option: str | None) -> str:
    """The store that a command means: STORE, or --store, or SEAWALL_STORE. Errors: BadInput when there is none."""
    name = positional or option
    if not name:
        wanted = "a folder or a postgresql:// URL: STORE, --store or SEAWALL_STORE"
        raise BadInput(Problem("", 0, "STORE", wanted, "none"))
    return name


def store_and_file(first: str, second: str | None, option: str | None) -> tuple[str, Path]:
    """The two words of `VERB [STORE] FILE`. Errors: BadInput."""
    if second is None:
        return store_name(None, option), Path(first)
    return store_name(first, None), Path(second)


@contextmanager
def opened(where: str, *, create: bool = False) -> Iterator[Store]:
    """A store, closed in the end.

    Errors  BadInput where there is no ledger; StoreError for whatever else fails, without secrets.
    """
    store: Store | None = None
    try:
        store = connect(where, create=create)
        yield store
    except NotThere:
        wanted, hint = "a ledger", "`seawall ledger init` begins one"
        raise BadInput(Problem(shown(where), 0, "STORE", wanted, "none there", hint=hint)) from None
    except Exception as error:
        if not isinstance(error, (StoreError, LedgerStopped, *driver_errors())):
            raise
        raise StoreError(without_secrets(str(error).strip(), where)) from error
    finally:
        if store is not None:
            store.close()


def head_at(store: Reader, seq: int) -> Head:
    """The head as it was after a line. Errors: StoreError."""
    for line in store.lines(seq, seq):
        return Head(seq, sha256_hex(line))
    raise StoreError(f"there is no event {seq}")


def head_row(head: Head) -> HeadRow:
    """A head as documents have it."""
    return HeadRow(head.seq, head.hash)
