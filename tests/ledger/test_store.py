"""Every store, by one suite: all lines or none, one writer, and a head that says where the log ends."""

import sqlite3
import subprocess
import sys
from hashlib import sha256

import pytest
from hypothesis import given, strategies as st

from seawall.ledger.connect import connect
from seawall.ledger.failpoints import Failpoints
from seawall.ledger.store import EMPTY, Fenced, Head, Snapshot, StoreError, Taken, decode_snapshot


def head_of(seq, line):
    return Head(seq, sha256(line).hexdigest())


def test_a_store_begins_empty_and_gives_back_the_bytes_it_was_given(place):
    store = connect(place, create=True)
    assert store.head() == EMPTY and list(store.lines(1)) == [] and list(store.snapshots()) == []
    assert store.claim() == 1
    lines = [b"one", b"\x00\xff", b"", "drei \u20ac".encode()]
    store.append(EMPTY, lines[:3], head_of(3, lines[2]))
    store.append(head_of(3, lines[2]), lines[3:], head_of(4, lines[3]))
    assert list(store.lines(1)) == lines and list(store.lines(2, 3)) == lines[1:3] and list(store.lines(5)) == []
    store.close()
    again = connect(place, create=True)  # create finds it
    assert again.head() == head_of(4, lines[3]) and list(again.lines(1)) == lines
    again.close()


def test_many_lines_are_read_in_order_across_chunks(place):
    store = connect(place, create=True)
    store.claim()
    lines = [b"%d" % number for number in range(1, 4_502)]
    store.append(EMPTY, lines, head_of(4_501, lines[-1]))
    assert list(store.lines(1)) == lines and list(store.lines(1_999, 4_001)) == lines[1_998:4_001]
    store.close()


def test_there_is_one_writer_and_the_next_begins_a_new_epoch(place):
    first, second = connect(place, create=True), connect(place)
    assert first.claim() == 1
    with pytest.raises(Taken):
        second.claim()
    assert second.head() == EMPTY  # it may read all the same
    first.close()
    assert second.claim(wait_s=20) == 2
    second.close()


def test_a_writer_whose_epoch_is_over_writes_nothing(place):
    """The lock is one guard; this is the other, for a writer that believes it still holds it."""
    old, new = connect(place, create=True), connect(place)
    old.claim()
    old.append(EMPTY, [b"a"], head_of(1, b"a"))
    begin_epoch(new)
    with pytest.raises(Fenced):
        old.append(head_of(1, b"a"), [b"b"], head_of(2, b"b"))
    assert new.head() == head_of(1, b"a") and list(new.lines(1, 9)) == [b"a"]
    old.close()
    new.close()


def begin_epoch(store):
    """As `claim` does once it is elected; here without an election."""
    table = "head" if "Sqlite" in type(store).__name__ else "seawall_ledger"
    store._connection.execute(f"UPDATE {table} SET epoch = epoch + 1")


@pytest.mark.parametrize("before", [EMPTY, Head(1, "0" * 64), Head(2, sha256(b"a").hexdigest())])
def test_lines_go_where_the_log_ends_and_nowhere_else(place, before):
    store = connect(place, create=True)
    store.claim()
    store.append(EMPTY, [b"a"], head_of(1, b"a"))
    with pytest.raises(Exception) as caught:  # a second line 1 is refused by its key already
        store.append(before, [b"b"], head_of(before.seq + 1, b"b"))
    assert isinstance(caught.value, Fenced) or "unique" in str(caught.value).lower()
    assert store.head() == head_of(1, b"a") and list(store.lines(1, 9)) == [b"a"]
    store.close()


def test_a_write_that_fails_leaves_nothing_behind(place):
    """At every point before the commit, where the store has it."""
    for number, point in enumerate(("store.begun", "store.inserted", "store.moved")):
        store = connect(place, create=True, failpoints=Failpoints(f"{point}=fail"))
        store.claim()
        before = store.head()
        try:
            store.append(before, [b"x%d" % number, b"y"], head_of(before.seq + 2, b"y"))
        except OSError:
            assert store.head() == before and list(store.lines(before.seq + 1, 99)) == []
        else:
            assert "Sqlite" not in type(store).__name__ and point != "store.begun"
        store.close()


def test_facts_cannot_be_changed_by_accident(place):
    store = connect(place, create=True)
    store.claim()
    store.append(EMPTY, [b"a"], head_of(1, b"a"))
    table = "events" if "Sqlite" in type(store).__name__ else "seawall_events"
    for change in (f"UPDATE {table} SET line = line", f"DELETE FROM {table}"):
        with pytest.raises(Exception, match="events are facts"):
            store._connection.execute(change)
    store.close()


def test_two_snapshots_are_kept_the_latest_first(place):
    store = connect(place, create=True)
    for seq in (5, 7, 9, 9):
        store.keep_snapshot(seq, b"at %d\x00" % seq)
    assert list(store.snapshots()) == [(9, b"at 9\x00"), (7, b"at 7\x00")]
    store.close()


def test_a_place_without_a_ledger_is_named(place, tmp_path):
    with pytest.raises(StoreError, match="no ledger there"):
        connect(place)


def test_a_newer_or_foreign_store_is_refused(tmp_path):
    connect(str(tmp_path), create=True).close()
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(StoreError, match="version 2"):
        connect(str(tmp_path))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "ledger.db").write_bytes(b"no database at all, but long enough to be looked at" * 99)
    with pytest.raises(StoreError, match="not a database"):
        connect(str(tmp_path / "other"))


def test_a_newer_postgres_ledger_and_a_missing_server_are_refused(server):
    place = server.place()
    store = connect(place, create=True)
    store._connection.execute("UPDATE seawall_ledger SET version = 2")
    store.close()
    with pytest.raises(StoreError, match="version 2"):
        connect(place)
    with pytest.raises(StoreError, match="connect"):
        connect("postgresql://seawall@/postgres?host=/nowhere")


def test_a_server_that_does_not_sync_is_no_store(server, monkeypatch):
    store = connect(server.place(), create=True)
    real = store._row
    monkeypatch.setattr(store, "_row", lambda query: ("off",) if query == "SHOW fsync" else real(query))
    with pytest.raises(StoreError, match="fsync"):
        store.claim()
    store.close()


def test_every_commit_is_synced_whatever_the_database_or_its_owner_prefers(place):
    """A kill does not show it, only a loss of power would: so the settings themselves are looked at."""
    store = connect(place, create=True)
    store.claim()
    if "Sqlite" in type(store).__name__:
        assert (store._pragma("synchronous"), store._pragma("fullfsync")) == (2, 1)
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    else:
        store._connection.execute("SET synchronous_commit = off")
        store._check_durable()
        assert store._row("SHOW synchronous_commit") == ("on",)
    store.close()


def test_the_ledger_and_its_embedded_store_load_without_psycopg():
    code = "import sys; sys.modules['psycopg'] = None\n"
    code += "import seawall.ledger.log, seawall.fund.machine\nfrom seawall.ledger.connect import connect\n"
    code += "assert not [name for name in sys.modules if 'numba' in name or 'seawall.stress' in name]\n"
    code += "try: connect('postgresql://x')\nexcept Exception as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "pip install 'seawall[postgres]'" in done.stdout, done.stderr


@given(st.integers(0, 10**9), st.binary(max_size=60), st.data())
def test_a_snapshot_is_read_back_and_no_bit_of_it_can_change(seq, body, data):
    snapshot = Snapshot(Head(seq, "ab" * 32), 7, "cd" * 32, body)
    encoded = snapshot.encode()
    assert decode_snapshot(encoded) == snapshot
    place, bit = data.draw(st.integers(0, len(encoded) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(encoded)
    changed[place] ^= 1 << bit
    with pytest.raises(ValueError):
        decode_snapshot(bytes(changed))


@pytest.mark.parametrize("plan", ["nowhere=kill", "store.begun=sleep", "store.begun=kill@x", "store.begun"])
def test_a_failpoint_that_does_not_exist_is_refused(plan):
    with pytest.raises(ValueError, match="wanted POINT"):
        Failpoints(plan)
