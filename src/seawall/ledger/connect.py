"""Connect: the store that a name stands for: a folder, or a PostgreSQL URL.

Layer    ledger; imports ledger.sqlite, and ledger.postgres when a URL asks for it.
Not here the verbs that use it (cli).
Held to  this by tests/ledger/test_store.py and test_connect.py.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from urllib.parse import unquote

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


def shown(where: str) -> str:
    """A store's name for people: of a URL its host and database, never its user, password or options."""
    if not where.startswith(SCHEMES):
        return where
    scheme, _, rest = where.partition("://")
    place, _, options = rest.partition("?")
    # An @ behind a question mark: options, or a password that was not escaped. Neither is shown.
    return f"{scheme}://{'***' if '@' in options else place.rpartition('@')[2]}"


def without_secrets(text: str, where: str) -> str:
    """A text, e.g. of an error of the database's driver, in which no part of a store's URL gives anything away."""
    if not where.startswith(SCHEMES):
        return text
    text = text.replace(where, shown(where))
    rest = where.partition("://")[2]
    secrets: list[str] = []
    for place in (place for place, mark in enumerate(rest) if mark == "@"):  # whichever of them ends the password
        given = rest[:place]
        secrets += [given, given.partition(":")[2], unquote(given.partition(":")[2])]
    secrets += [value for part in where.partition("?")[2].split("&") for value in _secret(part)]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secret(part: str) -> tuple[str, ...]:
    name, _, value = part.partition("=")
    return (value, unquote(value)) if "pass" in name.lower() else ()


def driver_errors() -> tuple[type[Exception], ...]:
    """What the stores' drivers raise when their medium fails; PostgreSQL's only where it is loaded already."""
    psycopg = sys.modules.get("psycopg")
    return (sqlite3.Error,) if psycopg is None else (sqlite3.Error, psycopg.Error)
