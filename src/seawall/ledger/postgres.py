"""PostgreSQL: the store beyond one machine. Replicas stand by; one is elected writer and fenced by its epoch.

Layer    ledger; imports ledger.{store,failpoints}; psycopg 3 from the extra `[postgres]`, loaded by this module alone.
Not here a second try: a connection that breaks ends the writer, for nobody knows whether its last commit arrived.
Held to  this by tests/ledger/test_store.py, the suite of every store, and test_failover.py.

The election is an advisory lock of the writer's session. The server ends a session that has been silent for the lease:
so a writer that was paused, or cut off, loses the lock without anybody judging whether it lives. Should it wake, its
session is gone; and had it one, its epoch is over: every append moves the head only where the epoch is still its own,
in the one statement that also inserts, so there is no moment in between.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import psycopg

from seawall.ledger.failpoints import NO_FAILPOINTS, Failpoints
from seawall.ledger.store import Fenced, Head, NotThere, StoreError, Taken

SCHEMA_VERSION: Final = 1
OLDEST_SERVER: Final = 14_00_00
"""The first with `idle_session_timeout`, which the lease rests on."""
LEASE_S: Final = 6.0
"""Seconds of silence after which the server ends a writer's session; it beats three times as often."""
CHUNK: Final = 2_000

_SCHEMA: Final = f"""
CREATE TABLE seawall_ledger (
    one int PRIMARY KEY CHECK (one = 1), version int NOT NULL, epoch bigint NOT NULL, seq bigint NOT NULL,
    hash text NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE seawall_events (seq bigint PRIMARY KEY, line bytea NOT NULL);
CREATE TABLE seawall_snapshots (seq bigint PRIMARY KEY, data bytea NOT NULL);
INSERT INTO seawall_ledger VALUES (1, {SCHEMA_VERSION}, 0, 0, '{"0" * 64}');
CREATE FUNCTION seawall_facts() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'events are facts'; END $$;
CREATE TRIGGER seawall_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON seawall_events
    FOR EACH STATEMENT EXECUTE FUNCTION seawall_facts();
"""

_APPEND: Final = """
WITH moved AS (
    UPDATE seawall_ledger SET seq = %s, hash = %s WHERE epoch = %s AND seq = %s AND hash = %s RETURNING seq
)
INSERT INTO seawall_events
SELECT %s + place, line FROM unnest(%s::bytea[]) WITH ORDINALITY AS given (line, place)
WHERE EXISTS (SELECT FROM moved)
"""


class PostgresStore:
    """A ledger in a PostgreSQL database, in the schema that the connection's search path begins with.

    url      as libpq takes it
    lease_s  seconds of silence after which the server lets another writer in
    Errors   StoreError: no server, no ledger there, of a newer version, or a server that does not sync.
    """

    torn_bytes = 0  # PostgreSQL trims its own log before it lets anybody in

    def __init__(self, url: str, failpoints: Failpoints = NO_FAILPOINTS, lease_s: float = LEASE_S) -> None:
        self._connection = _connect(url)
        self._failpoints = failpoints
        self._lease_ms = round(lease_s * 1000)
        self._epoch = 0
        self.beat_s: float | None = lease_s / 3
        try:
            row = self._connection.execute("SELECT version FROM seawall_ledger").fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
        if row is None or not 1 <= row[0] <= SCHEMA_VERSION:
            self._connection.close()
            if row is None:
                raise NotThere(f"{_where(self._connection)}: no ledger there")
            raise StoreError(f"{_where(self._connection)}: a ledger of version {row[0]}; this reads up to 1")

    @classmethod
    def create(cls, url: str, failpoints: Failpoints = NO_FAILPOINTS, lease_s: float = LEASE_S) -> PostgresStore:
        """A store without lines where there is none."""
        connection = _connect(url)
        try:
            if connection.execute("SELECT to_regclass('seawall_ledger')").fetchone() == (None,):
                with connection.transaction():
                    connection.execute(_SCHEMA)
        except psycopg.Error as error:
            raise StoreError(f"{_where(connection)}: {error}") from error
        finally:
            connection.close()
        failpoints.passing("store.created")
        return cls(url, failpoints, lease_s)

    # --- reading ----------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """Where the durable log ends."""
        seq, line_hash = self._row("SELECT seq, hash FROM seawall_ledger")
        return Head(seq, line_hash)

    def lines(self, first: int, last: int | None = None) -> Iterator[bytes]:
        """Lines by number, `first` to `last` (None: the head now)."""
        end = self.head().seq if last is None else last
        query = "SELECT line FROM seawall_events WHERE seq BETWEEN %s AND %s ORDER BY seq"
        for start in range(first, end + 1, CHUNK):
            span = (start, min(end, start + CHUNK - 1))
            for (line,) in self._connection.execute(query, span, binary=True).fetchall():
                yield bytes(line)

    def snapshots(self) -> Iterator[tuple[int, bytes]]:
        """(sequence number, bytes) of the snapshots kept, latest first."""
        for (seq,) in self._connection.execute("SELECT seq FROM seawall_snapshots ORDER BY seq DESC").fetchall():
            query = "SELECT data FROM seawall_snapshots WHERE seq = %s"
            for (data,) in self._connection.execute(query, (seq,), binary=True).fetchall():
                yield seq, bytes(data)

    def close(self) -> None:
        """Let another writer in, and end the session."""
        if self._epoch and not self._connection.broken:
            with contextlib.suppress(psycopg.Error):  # gone already: so is the lock
                self._connection.execute("SELECT pg_advisory_unlock_all()")  # a session ends only some time after
        self._connection.close()

    def _row(self, query: str) -> tuple[Any, ...]:
        row = self._connection.execute(query).fetchone()
        if row is None:
            raise StoreError(f"{_where(self._connection)}: the ledger's own row is missing")
        return row

    # --- writing ----------------------------------------------------------------------------------------------------

    def claim(self, wait_s: float = 0.0) -> int:
        """Become the one writer: hold the lock, then begin an epoch, which waits for a commit of the one before.

        Errors  Taken.
        """
        self._check_durable()
        until = time.monotonic() + wait_s
        locked = "SELECT pg_try_advisory_lock(1397048641, 'seawall_events'::regclass::oid::int)"
        while self._row(locked) != (True,):
            if time.monotonic() >= until:
                raise Taken(f"{_where(self._connection)}: another session writes it")
            time.sleep(0.1)
        for setting in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
            self._connection.execute(f"SET {setting} = {self._lease_ms}")
        self._connection.execute(f"SET tcp_user_timeout = {self._lease_ms}")
        self._epoch = self._row("UPDATE seawall_ledger SET epoch = epoch + 1 RETURNING epoch")[0]
        self._failpoints.passing("store.claimed")
        return self._epoch

    def _check_durable(self) -> None:
        """A server that answers before it synced is no store."""
        if self._connection.info.server_version < OLDEST_SERVER:
            raise StoreError(f"wanted PostgreSQL 14 or later; found {self._connection.info.server_version}")
        self._connection.execute("SET synchronous_commit = on")
        for setting in ("fsync", "full_page_writes"):
            if self._row(f"SHOW {setting}") != ("on",):
                raise StoreError(f"{_where(self._connection)}: wanted {setting} on; found it off")

    def append(self, before: Head, lines: Sequence[bytes], after: Head) -> None:
        """All lines or none, in one statement, durable when this returns.

        Errors  Fenced; psycopg.Error, after which the writer ends.
        """
        moved = (after.seq, after.hash, self._epoch, before.seq, before.hash)
        self._failpoints.passing("store.begun")
        inserted = self._connection.execute(_APPEND, (*moved, before.seq, list(lines)), prepare=True).rowcount
        if inserted != len(lines):
            raise Fenced(f"epoch {self._epoch} has ended, or the log does not end at {before.seq}")
        self._failpoints.passing("store.committed")

    def beat(self) -> None:
        """Say something, so that the server keeps the session. Errors: psycopg.Error: it is gone; Fenced."""
        if self._row("SELECT epoch FROM seawall_ledger") != (self._epoch,):
            raise Fenced(f"epoch {self._epoch} has ended")

    def keep_snapshot(self, seq: int, data: bytes) -> None:
        """Keep it and the one before; forget older ones."""
        put = "INSERT INTO seawall_snapshots VALUES (%s, %s) ON CONFLICT (seq) DO UPDATE SET data = excluded.data"
        old = (
            "DELETE FROM seawall_snapshots WHERE seq NOT IN (SELECT seq FROM seawall_snapshots ORDER BY 1 DESC LIMIT 2)"
        )
        with self._connection.transaction():
            self._connection.execute(put, (seq, data))
            self._connection.execute(old)
        self._failpoints.passing("snapshot.kept")


def _connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    try:
        return psycopg.connect(url, autocommit=True, application_name="seawall-ledger", connect_timeout=10)
    except psycopg.Error as error:
        raise StoreError(str(error).strip()) from error


def _where(connection: psycopg.Connection[Any]) -> str:
    """The database for an error's text, without what may be secret in its URL."""
    try:
        return f"database {connection.info.dbname}"
    except psycopg.Error:
        return "the database"
