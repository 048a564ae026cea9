"""Damage: a torn tail is trimmed and reported, anything else refuses to open and names the record; full disks."""

import os
import shutil
import sqlite3
import subprocess
from hashlib import sha256

import pytest

from seawall.amounts import Units
from seawall.ledger.connect import connect
from seawall.ledger.log import Ledger, LedgerStopped, init
from seawall.ledger.machine import CorruptLog, Recorded, Stamp
from seawall.ledger.receipt import Receipt
from seawall.ledger.recovery import chained, recover, take_snapshot
from seawall.ledger.store import EMPTY, StoreError
from tests.ledger.counter import Add, Added
from tests.ledger.test_log import begun, reopened
from tests.ledger.worlds import COUNTER, answers_of, sound
from tests.ledger.writers import Writer, hold

NOT_ROOT = "mounting a small disk needs root"


def written(place, world, count=12):
    """A closed ledger with so many commands; the receipts."""
    with begun(place, world) as ledger:
        return [ledger.submit(world.command("c", number)) for number in range(count)]


def altered(place, statement, *values):
    """Change the store's tables behind its back, as a bad disk or a bad person would."""
    store = connect(place)
    if "Sqlite" in type(store).__name__:
        store.close()
        with sqlite3.connect(f"{place}/ledger.db") as database:
            for trigger in ("events_never_change", "events_never_go"):
                database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            database.execute(statement.format(events="events", head="head", mark="?"), values)
        database.close()
        return
    store._connection.execute("DROP TRIGGER IF EXISTS seawall_facts ON seawall_events")
    store._connection.execute(statement.format(events="seawall_events", head="seawall_ledger", mark="%s"), values)
    store.close()


def flipped(place, record, at=-10):
    """One bit of one line is another."""
    store = connect(place)
    (line,) = store.lines(record, record)
    store.close()
    changed = bytearray(line)
    changed[at] ^= 1
    altered(place, "UPDATE {events} SET line = {mark} WHERE seq = {mark}", bytes(changed), record)


def refused(place, world):
    """The error with which the place refuses to open; nothing is appended by trying."""
    store = connect(place)
    before = store.head()
    with pytest.raises(CorruptLog) as caught:
        Ledger(world.machine, store)
    assert store.head() == before
    store.close()
    return caught.value


@pytest.mark.parametrize("record", [1, 2, 7])
def test_a_flipped_bit_in_the_middle_refuses_to_open(place, world, record):
    written(place, world)
    flipped(place, record)
    assert refused(place, world).record in (record, record + 1)


def test_a_flipped_bit_of_the_last_record_is_noticed(place, world):
    """No line after it names its hash; the stored head does. Even where the event makes sense either way: its time."""
    last = written(place, world)[-1].last_seq
    store = connect(place)
    (line,) = store.lines(last, last)
    store.close()
    flipped(place, last, line.index(b'"t":') + 16)
    error = refused(place, world)
    assert error.record == last and "head" in error.reason


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM {events} WHERE seq = 5", "sequence number|record before"),
        ("DELETE FROM {events} WHERE seq > 9", "missing"),
        ("DELETE FROM {events}", "missing"),
        ("UPDATE {head} SET seq = seq - 1", "head"),
        ("UPDATE {head} SET hash = 'ab'", "head"),
        ("UPDATE {head} SET seq = seq + 1", "missing"),
    ],
)
def test_lines_that_are_gone_and_a_head_that_is_not_theirs_refuse_to_open(place, world, statement, reason):
    written(place, world)
    altered(place, statement)
    with pytest.raises(CorruptLog, match=reason):
        raise refused(place, world)


def test_lines_swapped_refuse_to_open(place, world):
    written(place, world)
    for one, other in ((5, -1), (6, 5), (-1, 6)):
        altered(place, "UPDATE {events} SET seq = {mark} WHERE seq = {mark}", other, one)
    assert refused(place, world).record == 5


def test_a_flipped_byte_in_the_database_file_refuses_to_open(tmp_path, world):
    """On the disk itself: SQLite does not check what is in a row; the chain does."""
    place = str(tmp_path / "ledger")
    receipts = written(place, world)
    path = tmp_path / "ledger" / "ledger.db"
    data = bytearray(path.read_bytes())
    at = data.index(receipts[5].hash.encode())  # `prev` of the line after it
    data[at] ^= 1
    path.write_bytes(data)
    assert refused(place, world).record == receipts[5].last_seq + 1


def test_damage_before_a_snapshot_is_found_by_whoever_reads_it_and_after_it_at_start_up(place, world):
    receipts = written(place, world)
    store = connect(place)
    take_snapshot(world.machine, store)
    store.close()
    with reopened(place, world) as ledger:
        late = ledger.submit(world.command("late", 0))
    flipped(place, 3)
    with reopened(place, world) as ledger:
        assert ledger.recovered.snapshot_seq == receipts[-1].last_seq
    reader = connect(place)
    for reading in (lambda: recover(world.machine, reader, from_start=True), lambda: answers_of(world, reader)):
        with pytest.raises(CorruptLog) as caught:
            reading()
        assert caught.value.record in (3, 4)
    assert len(list(chained(world.machine.codec, reader, 5))) == reader.head().seq - 4
    reader.close()
    flipped(place, late.first_seq)
    assert refused(place, world).record >= late.first_seq


def test_a_line_that_a_snapshot_stands_on_is_looked_at(place, world):
    """The head's own line with a snapshot exactly there: nothing is replayed, and a flip is noticed all the same."""
    last = written(place, world)[-1].last_seq
    store = connect(place)
    take_snapshot(world.machine, store)
    store.close()
    flipped(place, last)
    assert refused(place, world).record == last


def test_a_snapshot_that_does_not_fit_is_passed_over_and_said_so(place, world):
    receipts = written(place, world)
    store = connect(place)
    good = take_snapshot(world.machine, store)
    others = {
        1001: good.encode()[:-1],
        1002: b"rubbish",
    }
    for (seq, data), reason in zip(others.items(), ("bytes", "bytes"), strict=True):
        store.keep_snapshot(seq, data)
        found = recover(world.machine, store)
        assert found.snapshot_seq in (good.head.seq, 0) and found.passed_over[0][0] == seq
        assert reason in found.passed_over[0][1]
        assert world.machine.digest(found.state) == good.digest and found.head == good.head
    assert found.snapshot_seq == 0 and found.replayed == receipts[-1].last_seq, "two are kept: both damaged"
    store.close()


def test_a_snapshot_of_another_log_or_of_a_longer_one_is_passed_over(place, world, tmp_path):
    written(place, world)
    other = str(tmp_path / "other")
    with begun(other, world, clock=lambda: 5) as ledger:
        for number in range(40):
            ledger.submit(world.command("o", number))
            if number == 3:
                early = ledger.snapshot()
        late = ledger.snapshot()
    store = connect(place)
    for snapshot in (late, early):
        store.keep_snapshot(snapshot.head.seq, snapshot.encode())
    reasons = [why for _, why in recover(world.machine, store).passed_over]
    assert len(reasons) == 2 and "later than the log" in reasons[0] and "another log" in reasons[1]
    store.close()


def test_a_machine_that_cannot_apply_an_event_refuses_to_open(place):
    """A sound chain over an event that does not follow."""
    store = connect(place, create=True)
    init(COUNTER.machine, store, COUNTER.first)
    head = store.head()
    for stamp, total, design, why in (
        (Stamp(2, 10**14, "a"), 5, COUNTER.machine.design(COUNTER.machine.begin(COUNTER.first)), "total 5 after 0"),
        (Stamp(2, 10**14, "a"), 1, "0" * 64, "design"),
        (Stamp(2, 1, "a"), 1, COUNTER.machine.design(COUNTER.machine.begin(COUNTER.first)), "time 1 after"),
    ):
        line = COUNTER.machine.codec.encode(Recorded(stamp, Added(Add("a", 1), 0, Units(total)), design, 1), head.hash)
        altered(place, "DELETE FROM {events} WHERE seq = 2")
        altered(place, "INSERT INTO {events} VALUES ({mark}, {mark})", 2, line)
        altered(place, "UPDATE {head} SET seq = 2, hash = {mark}", sha256(line).hexdigest())
        with pytest.raises(CorruptLog, match=why) as caught:
            recover(COUNTER.machine, store)
        assert caught.value.record == 2
    store.close()


# --- torn tails ---------------------------------------------------------------------------------------------------


def test_a_tail_cut_anywhere_is_trimmed_and_reported_before_anything_is_appended(tmp_path, world):
    """A loss of power in the middle of a write: SQLite's log ends at any byte. What is found are whole batches."""
    place = tmp_path / "ledger"
    ledger = begun(str(place), world)
    heads = [ledger.head]
    for number in range(6):
        ledger.submit_all([world.command("c", 10 * number + turn) for turn in range(8)])
        heads.append(ledger.head)
    wal = (place / "ledger.db-wal").read_bytes()
    seen, torn = set(), 0
    for cut in sorted({*range(0, len(wal) + 1, 3_337), *range(0, 600, 97), len(wal) - 1, len(wal)}):
        copy = tmp_path / f"cut{cut}"
        copy.mkdir()
        shutil.copy(place / "ledger.db", copy)
        (copy / "ledger.db-wal").write_bytes(wal[:cut])
        with reopened(str(copy), world) as opened:
            assert opened.head in heads
            seen.add(opened.head.seq)
            torn += opened.torn_bytes > 0
            if cut == len(wal):
                assert opened.torn_bytes == 0 and opened.head == heads[-1]
            if cut == len(wal) - 1:
                assert opened.torn_bytes > 0 and opened.head == heads[-2]
            opened.submit(world.command("after", 1))
        reader = connect(str(copy))
        sound(world, reader)
        reader.close()
        shutil.rmtree(copy)
    ledger.close()
    assert len(seen) == len(heads) and torn > 5


# --- full disks -----------------------------------------------------------------------------------------------------


def test_a_store_that_is_full_ends_the_writer_and_loses_nothing(tmp_path, world):
    place = str(tmp_path / "ledger")
    ledger = begun(place, world)
    pages = ledger._store._pragma("page_count")
    ledger._store._connection.execute(f"PRAGMA max_page_count = {pages + 3}").fetchone()
    receipts = {}

    def fill():
        for number in range(10_000):
            receipts[f"c.{number}"] = ledger.submit(world.command("c", number))

    with pytest.raises(LedgerStopped, match="full"):
        fill()
    assert len(receipts) > 5
    ledger.close()
    reader = connect(place)
    found = sound(world, reader)
    assert {name: found[name] for name in receipts} == receipts and len(found) == len(receipts) + 1
    reader.close()
    with reopened(place, world) as ledger:
        assert isinstance(ledger.submit(world.command("c", len(receipts))), Receipt)


def test_a_file_that_cannot_grow_ends_the_writer_and_loses_no_answer(tmp_path, world):
    """A real error of the system under load: files end at 200,000 bytes."""
    place = str(tmp_path / "ledger")
    writer = Writer(place, world, "full", file_bytes=200_000)
    assert writer.ended() == 5 and {"stopped OperationalError"} == set(writer.said), (writer.said, writer.errors)
    assert len(writer.acks) > 20
    reader = connect(place)
    hold(writer.acks, sound(world, reader))
    reader.close()
    with reopened(place, world) as ledger:
        assert ledger.submit(world.command("full.0", 0)).repeated


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason=NOT_ROOT)
def test_a_disk_that_is_full_ends_the_writer_and_loses_no_answer(tmp_path, world):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(NOT_ROOT)
    try:
        place = str(disk / "ledger")
        writer = Writer(place, world, "full")
        assert writer.ended() == 5 and {"stopped OperationalError"} <= set(writer.said), (writer.said, writer.errors)
        assert len(writer.acks) > 20
        copy = tmp_path / "copy"
        shutil.copytree(place, copy)
        reader = connect(str(copy))
        hold(writer.acks, sound(world, reader))
        reader.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises((StoreError, OSError)):
        connect(str(tmp_path / "file"), create=True)
    store = connect(str(tmp_path / "made" / "deep"), create=True)
    assert store.head() == EMPTY
    store.close()
