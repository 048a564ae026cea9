"""PostgreSQL: a server killed in mid-commit, writers that are paused and wake, replicas that take over."""

import signal
import time

import pytest

from seawall.ledger.connect import connect
from seawall.ledger.log import Ledger, init
from seawall.ledger.store import Taken
from tests.ledger.server import NO_SERVER, Server, binaries
from tests.ledger.worlds import COUNTER, sound
from tests.ledger.writers import Writer, hold


@pytest.fixture
def mortal():
    """A server of the test's own, to be killed."""
    found = binaries()
    if found is None:
        pytest.skip(NO_SERVER)
    running = Server(found)
    yield running
    running.stop()


def test_a_server_killed_in_mid_commit_loses_no_answer(mortal, world, capsys):
    place, acks = mortal.place(), {}
    for turn in range(2):
        writer = Writer(place, world, f"k{turn}")
        assert writer.enough.wait(60)
        time.sleep(0.03 * turn)
        mortal.kill()
        assert writer.ended() == 5, writer.errors
        assert all(said.startswith("stopped") for said in writer.said) and writer.said
        acks |= writer.acks
        mortal.start()
    with Ledger(world.machine, connect(place), wait_s=20) as ledger:
        again = ledger.submit(world.command("k0.0", 0))
        assert again.repeated and (again.first_seq, again.last_seq, again.hash) == acks["k0.0.0"]
    reader = connect(place)
    found = sound(world, reader)
    hold(acks, found)
    reader.close()
    with capsys.disabled():
        unanswered = len(found) - 1 - len(acks)
        print(
            f"\n{world.name}: 2 servers killed; {len(acks)} answered: 0 lost; {unanswered} unanswered and kept", end=" "
        )


@pytest.mark.parametrize("plan", ["", "store.begun=stop@15", "store.committed=stop@15", "batch.applied=stop@15"])
def test_a_stopped_writer_that_wakes_after_failover_writes_nothing(server, world, plan, capsys):
    """Stopped at any moment, in front of its commit, and between its commit and its answers."""
    place = server.place()
    old = Writer(place, world, "old", plan=plan, lease_s=1.5)
    assert old.enough.wait(60) if not plan else old.ready.wait(60)
    if not plan:
        old.signal(signal.SIGSTOP)
    began = time.monotonic()
    with Ledger(world.machine, connect(place), wait_s=25) as ledger:
        took_s, taken_over = time.monotonic() - began, ledger.head
        ours = [ledger.submit(world.command("new", number)) for number in range(5)]
        old.signal(signal.SIGCONT)
        assert old.ended() == 5, old.errors
        assert set(old.said) <= {f"stopped {name}" for name in ("Fenced", "OperationalError", "IdleSessionTimeout")}
        assert old.said, "it knows that it has ended"
        ours += [ledger.submit(world.command("new", number)) for number in range(5, 9)]
        assert ledger.stopped is None and ours[0].first_seq == taken_over.seq + 1
    reader = connect(place)
    found = sound(world, reader)
    hold(old.acks, found)
    theirs = [receipt for name, receipt in found.items() if name.startswith("old")]
    assert all(receipt.last_seq <= taken_over.seq for receipt in theirs), "written after the failover"
    assert {receipt.first_seq for name, receipt in found.items() if name.startswith("new")} == {
        receipt.first_seq for receipt in ours
    }
    reader.close()
    with capsys.disabled():
        print(
            f"\n{world.name}: failover {took_s:.1f} s at a lease of 1.5 s; nothing of the old writer after it", end=" "
        )


def test_an_idle_writer_keeps_its_lease_and_a_busy_reader_needs_none(server):
    place = server.place()
    store = connect(place, create=True)
    init(COUNTER.machine, store, COUNTER.first)
    store.close()
    store = connect(place)
    store.beat_s, store._lease_ms = 0.1, 400
    with Ledger(COUNTER.machine, store) as ledger:
        standby = connect(place)
        with pytest.raises(Taken):
            standby.claim(wait_s=1.2)
        assert ledger.stopped is None and ledger.submit(COUNTER.command("c", 1)).first_seq == 2
        standby.close()


def test_a_standby_takes_over_when_the_writer_is_killed(server, world):
    place = server.place()
    first = Writer(place, world, "first")
    assert first.enough.wait(60)
    second = Writer(place, world, "second")
    assert not second.ready.wait(0.5), "there is one writer"
    first.killed()
    assert second.enough.wait(60)
    second.killed()
    reader = connect(place)
    found = sound(world, reader)
    hold(first.acks | second.acks, found)
    assert max(found[name].last_seq for name in first.acks) < min(found[name].first_seq for name in second.acks)
    reader.close()


def test_a_stopped_writer_of_a_folder_keeps_it(tmp_path, world):
    """One machine has no failover: who holds the lock is asked for, and goes on when it wakes."""
    place = str(tmp_path / "ledger")
    writer = Writer(place, world, "only")
    assert writer.enough.wait(60)
    writer.signal(signal.SIGSTOP)
    time.sleep(0.05)
    store = connect(place)
    with pytest.raises(Taken, match=str(writer.process.pid)):
        store.claim()
    store.close()
    before = len(writer.acks)
    writer.signal(signal.SIGCONT)
    until = time.monotonic() + 60
    while len(writer.acks) < before + 20 and time.monotonic() < until:
        time.sleep(0.01)
    writer.killed()
    assert len(writer.acks) >= before + 20
    reader = connect(place)
    hold(writer.acks, sound(world, reader))
    reader.close()
