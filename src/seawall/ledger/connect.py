"""Connect: the store that a name stands for: a folder, or a PostgreSQL URL.

Layer    ledger; imports ledger.sqlite, and ledger.postgres when a URL asks for it.
Not here the verbs that use it (cli).
Held to  this by tests/ledger/test_store.py.
"""

from __future__ import annotations

from pathlib import Path

from seawall.ledger.failpoints import NO_FAILPOINTS, Failpoints
from seawall.ledger.sqlite import SqliteStore
from seawall.ledger.store import Store, StoreError

SCHEMES = ("postgresql://", "postgres://")


def connect(where: str, *, create: bool = False, failpoints: Failpoints = NO_FAILPOINTS) -> Store:
    """A store, not yet claimed.

    where   a folder, or a URL that begins with postgresql://
    create  make it where there is none
    Errors  StoreError, also when PostgreSQL's driver is not installed.
    """
    if not where.startswith(SCHEMES):
        folder = Path(where)
        return SqliteStore.create(folder, failpoints) if create else SqliteStore(folder, failpoints)
    try:
        from seawall.ledger.postgres import PostgresStore
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs psycopg: pip install 'seawall[postgres]' ({error})") from None
    return PostgresStore.create(where, failpoints) if create else PostgresStore(where, failpoints)
