"""SQLite: the store of one machine, embedded: a folder with a database in WAL mode, every commit synced.

Layer    ledger; imports ledger.{store,failpoints}.
Not here replicas (ledger.postgres), and the medium itself: a sync is issued and its failure ends the writer; what a
         disk does with it nobody can see from here.
Held to  this by tests/ledger/test_store.py, test_kills.py and test_damage.py.

The key of a line is its number, so rows are only ever added at the end: an index over random ids would cost more than
all the rest. Whether an id was used is known to the machine's state, and durably by the line that answered it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from seawall.ledger.failpoints import NO_FAILPOINTS, Failpoints
from seawall.ledger.store import Fenced, Head, NotThere, StoreError, Taken

DATABASE: Final = "ledger.db"
LOCK: Final = "writer.lock"
SNAPSHOTS: Final = "snapshots"
APPLICATION_ID: Final = 0x5EA3A11
SCHEMA_VERSION: Final = 1
CHUNK: Final = 2_000
"""Lines read at once, so that a reader of a long log never keeps the writer's file from being folded in."""

_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE events (seq INTEGER PRIMARY KEY, line BLOB NOT NULL) STRICT;
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, 0, '{"0" * 64}');
CREATE TRIGGER events_never_change BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are facts'); END;
CREATE TRIGGER events_never_go BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are facts'); END;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


class SqliteStore:
    """A ledger in a folder: `ledger.db` (and SQLite's -wal, -shm beside it), `writer.lock`, `snapshots/`.

    Errors  StoreError: no ledger there, or of a newer version.
    """

    beat_s: float | None = None

    def __init__(self, folder: Path, failpoints: Failpoints = NO_FAILPOINTS) -> None:
        self._folder = folder
        self._failpoints = failpoints
        self._lock: TextIO | None = None
        self._epoch = 0
        self.torn_bytes = 0
        if not (folder / DATABASE).is_file():
            raise NotThere(f"{folder}: no ledger there")
        self._wal_salts = _wal_salts(self._wal)
        self._connection = _connect(folder / DATABASE)
        application, version = self._pragma("application_id"), self._pragma("user_version")
        if application != APPLICATION_ID or not 1 <= version <= SCHEMA_VERSION:
            self._connection.close()
            raise StoreError(f"{folder / DATABASE}: no ledger, or of version {version}; this reads up to 1")

    @classmethod
    def create(cls, folder: Path, failpoints: Failpoints = NO_FAILPOINTS) -> SqliteStore:
        """A store without lines in a folder that has none; what an earlier attempt left half made is finished."""
        (folder / SNAPSHOTS).mkdir(parents=True, exist_ok=True)
        connection = _connect(folder / DATABASE)
        try:
            if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,):
                connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise StoreError(f"{folder / DATABASE}: {error}") from error
        finally:
            connection.close()
        _sync_folder(folder)
        _sync_folder(folder.parent)
        failpoints.passing("store.created")
        return cls(folder, failpoints)

    @property
    def _wal(self) -> Path:
        return self._folder / f"{DATABASE}-wal"

    def _pragma(self, name: str) -> int:
        row = self._connection.execute(f"PRAGMA {name}").fetchone()
        return int(row[0])

    # --- reading ----------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """Where the durable log ends."""
        seq, line_hash = self._connection.execute("SELECT seq, hash FROM head").fetchone()
        return Head(seq, line_hash)

    def lines(self, first: int, last: int | None = None) -> Iterator[bytes]:
        """Lines by number, `first` to `last` (None: the head now)."""
        end = self.head().seq if last is None else last
        query = "SELECT line FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq"
        for start in range(first, end + 1, CHUNK):
            for (line,) in self._connection.execute(query, (start, min(end, start + CHUNK - 1))).fetchall():
                yield line

    def snapshots(self) -> Iterator[tuple[int, bytes]]:
        """(sequence number, bytes) of the snapshots kept, latest first."""
        for seq, path in self._snapshot_paths():
            yield seq, path.read_bytes()

    def _snapshot_paths(self) -> list[tuple[int, Path]]:
        paths = (self._folder / SNAPSHOTS).glob("*.snapshot")
        return sorted(((int(path.stem), path) for path in paths if path.stem.isdecimal()), reverse=True)

    def close(self) -> None:
        """Close the database and let another writer in."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    # --- writing ----------------------------------------------------------------------------------------------------

    def claim(self, wait_s: float = 0.0) -> int:
        """Become the one writer. A lock on a file is given back by the system when its process ends, however it ends.

        Errors  Taken.
        """
        lock = (self._folder / LOCK).open("a+", encoding="ascii")
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    lock.seek(0)
                    holder = lock.read(32).strip()
                    lock.close()
                    raise Taken(f"{self._folder}: process {holder or 'unknown'} writes it") from None
                time.sleep(0.05)
        self._lock = lock
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._settle_last_write()
        self._epoch = self._connection.execute("UPDATE head SET epoch = epoch + 1 RETURNING epoch").fetchone()[0]
        self._failpoints.passing("store.claimed")
        return self._epoch

    def _settle_last_write(self) -> None:
        """Fold the write-ahead log into the database, synced: what is read from here on does not rest on a page that
        a failed sync of an earlier process left in memory only. Counts what a write that was cut short left there."""
        _, frames, _ = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self.torn_bytes = _torn_bytes(self._wal, self._wal_salts, self._pragma("page_size"), max(frames, 0))
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def append(self, before: Head, lines: Sequence[bytes], after: Head) -> None:
        """All lines or none, durable when this returns. Errors: Fenced; sqlite3.Error, after which the writer ends."""
        execute, passing = self._connection.execute, self._failpoints.passing
        execute("BEGIN IMMEDIATE")
        try:
            passing("store.begun")
            self._connection.executemany("INSERT INTO events VALUES (?, ?)", enumerate(lines, before.seq + 1))
            passing("store.inserted")
            moved = execute(
                "UPDATE head SET seq = ?, hash = ? WHERE epoch = ? AND seq = ? AND hash = ?",
                (after.seq, after.hash, self._epoch, before.seq, before.hash),
            ).rowcount
            if moved != 1:
                raise Fenced(f"{self._folder}: epoch {self._epoch} has ended, or the log does not end at {before.seq}")
            passing("store.moved")
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise
        passing("store.committed")

    def beat(self) -> None:
        """The lock is held as long as the process lives. Errors: Fenced, where a file system lost it."""
        if self._connection.execute("SELECT epoch FROM head").fetchone() != (self._epoch,):
            raise Fenced(f"{self._folder}: epoch {self._epoch} has ended")

    def keep_snapshot(self, seq: int, data: bytes) -> None:
        """Written aside, synced, renamed; then all but the last two are removed."""
        path = self._folder / SNAPSHOTS / f"{seq:020d}.snapshot"
        path.parent.mkdir(exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.part")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._failpoints.passing("snapshot.written")
        aside.replace(path)
        _sync_folder(path.parent)
        self._failpoints.passing("snapshot.kept")
        for _, old in self._snapshot_paths()[2:]:
            old.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    # One thread at a time uses it: the opener's, then the writer's.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30.0)
    try:
        for setting in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON"):
            connection.execute(f"PRAGMA {setting}").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path}: {error}") from error
    return connection


def _sync_folder(folder: Path) -> None:
    """So that a file made or renamed in it is found after a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- the tail of SQLite's write-ahead log: https://sqlite.org/fileformat2.html#the_write_ahead_log -------------------

_WAL_HEADER, _FRAME_HEADER = 32, 24


def _wal_salts(wal: Path) -> bytes:
    """The salts that frames of the log's present round carry; empty when there is no log."""
    try:
        with wal.open("rb") as file:
            header = file.read(_WAL_HEADER)
    except FileNotFoundError:
        return b""
    return header[16:24] if len(header) == _WAL_HEADER else b""


def _torn_bytes(wal: Path, salts: bytes, page_size: int, frames: int) -> int:
    """Bytes after the last committed frame that are of the same round: of a transaction that never committed."""
    if not salts or not wal.is_file():
        return 0
    torn, step = 0, _FRAME_HEADER + page_size
    with wal.open("rb") as file:
        file.seek(_WAL_HEADER + frames * step)
        while (frame := file.read(step)) and frame[8:16] == salts[: len(frame[8:16])]:
            torn += len(frame)
    return torn
