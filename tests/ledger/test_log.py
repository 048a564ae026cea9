"""The one writer: answers are durable, the same for ever, and given once each, over both machines and both stores."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings, strategies as st

from seawall.design.loader import parse_design
from seawall.fund.journal import Journal
from seawall.ledger.connect import connect
from seawall.ledger.failpoints import Failpoints
from seawall.ledger.log import Ledger, LedgerStopped, init
from seawall.ledger.receipt import Receipt
from seawall.ledger.recovery import recover, take_snapshot
from seawall.ledger.store import EMPTY, Fenced, StoreError, Taken
from tests.fund.golden_log import COMMANDS, DESIGN
from tests.ledger.counter import Add
from tests.ledger.test_store import begin_epoch
from tests.ledger.worlds import COUNTER, FUND, answers_of, sound


def begun(place, world, **more):
    """A ledger that has just begun."""
    store = connect(place, create=True)
    if store.head() == EMPTY:
        init(world.machine, store, world.first, clock=lambda: 0)
    store.close()
    return reopened(place, world, **more)


def reopened(place, world, failpoints="", **more):
    points = Failpoints(failpoints)
    return Ledger(world.machine, connect(place, failpoints=points), failpoints=points, **more)


def test_an_answer_is_durable_when_it_is_given_and_the_same_after_a_restart(place, world):
    commands = [world.command("c", number) for number in range(12)]
    with begun(place, world) as ledger:
        receipts = []
        for command in commands:
            receipt = ledger.submit(command)
            other = connect(place)
            assert other.head() == ledger.head and ledger.head.hash == receipt.hash
            assert ledger.head.seq == receipt.last_seq
            other.close()
            receipts.append(receipt)
        assert not any(receipt.repeated for receipt in receipts)
        assert [ledger.submit(command) for command in reversed(commands)] == receipts[::-1]
        before = ledger.read(world.machine.digest)
    with reopened(place, world) as ledger:
        assert ledger.recovered.replayed == ledger.head.seq and ledger.recovered.snapshot_seq == 0
        assert ledger.read(world.machine.digest) == before
        again = [ledger.submit(command) for command in commands]
        assert again == receipts and all(receipt.repeated for receipt in again)
        assert ledger.head.hash == receipts[-1].hash, "asking again writes nothing"
    reader = connect(place)
    found = sound(world, reader)
    assert found == {"genesis": found["genesis"]} | {f"c.{n}": receipt for n, receipt in enumerate(receipts)}
    reader.close()


def test_a_command_of_several_events_is_answered_whole_whenever_it_is_asked(place):
    with begun(place, COUNTER) as ledger:
        first = ledger.submit(Add("many", 2, 5))
        assert (first.first_seq, first.last_seq, len(first.events)) == (2, 6, 5)
        ledger.submit(Add("next", 1))
        together = ledger.submit_all([Add("x", 1, 3), Add("x", 1, 3), Add("many", 2, 5)])
        assert together[0] == together[1] and [one.repeated for one in together] == [False, True, True]
        assert together[2] == first
    with reopened(place, COUNTER) as ledger:
        assert ledger.submit(Add("many", 2, 5)) == first and ledger.submit(Add("x", 1, 3)) == together[0]


def test_a_conflict_and_a_refusal_are_answers_that_write_nothing(place, world):
    with begun(place, world) as ledger:
        ledger.submit(world.command("c", 1))
        head, digest = ledger.head, ledger.read(world.machine.digest)
        assert not isinstance(ledger.submit(world.other("c", 1)), Receipt)
        assert not isinstance(ledger.submit(world.refused("free")), Receipt)
        assert ledger.head == head and ledger.read(world.machine.digest) == digest
        if world is COUNTER:
            assert isinstance(ledger.submit(Add("free", 1)), Receipt), "a refusal does not use up its id"


def test_what_the_machine_cannot_decide_or_write_is_the_callers_error_and_changes_nothing(place):
    """A defect of `decide`, which only reads; and an event that has no wire form, after one that has."""
    with begun(place, COUNTER) as ledger:
        ledger.submit(Add("a", 10**29))
        digest = ledger.read(COUNTER.machine.digest)
        with pytest.raises(KeyError, match="a defect of decide"):
            ledger.submit(Add("b", 666))
        with pytest.raises(ValueError, match="10\\^38"):
            ledger.submit(Add("c", 6 * 10**37, 2))
        assert ledger.read(COUNTER.machine.digest) == digest and ledger.head.seq == 2
        with pytest.raises(KeyError):
            ledger.submit_all([Add("d", 1), Add("b", 666), Add("e", 1)])
        assert ledger.submit(Add("d", 1)).repeated and ledger.submit(Add("e", 1)).repeated
        assert ledger.stopped is None


def test_a_writer_that_was_replaced_answers_nothing_more_not_even_a_refusal_or_a_read(place, world):
    """Its state is of the past, and the new writer may have gone on."""
    asked = {
        "read": lambda ledger: ledger.read(world.machine.digest),
        "refusal": lambda ledger: ledger.submit(world.refused("r")),
        "repeat": lambda ledger: ledger.submit(world.command("c", 1)),
        "command": lambda ledger: ledger.submit(world.command("c", 2)),
    }
    for number, ask in enumerate(asked.values()):
        ended = []
        ledger = begun(place, world, on_stop=ended.append)
        assert ledger.submit(world.command("c", 1)).repeated == (number > 0)
        other = connect(place)
        begin_epoch(other)
        other.close()
        with pytest.raises(LedgerStopped, match="epoch"):
            ask(ledger)
        ledger.close()
        assert len(ended) == 1 and isinstance(ended[0], Fenced) and ledger.stopped is ended[0]


def test_a_standby_follows_what_is_written_and_goes_on_from_there(place, world, monkeypatch):
    monkeypatch.setattr("seawall.ledger.log.FOLLOW_S", 0.05)
    ledger = begun(place, world)
    ledger.submit(world.command("c", 1))
    standby, followed = connect(place), threading.Event()
    real, looked = standby.head, []
    standby.head = lambda: (looked.append(1), len(looked) > 4 and followed.set(), real())[-1]
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(Ledger, world.machine, standby, wait_s=60)
        assert followed.wait(30)
        last = [ledger.submit(world.command("c", number)) for number in range(2, 9)][-1]
        digest = ledger.read(world.machine.digest)
        ledger.close()
        with coming.result(60) as taken_over:
            assert taken_over.head.hash == last.hash and taken_over.read(world.machine.digest) == digest
            assert taken_over.submit(world.command("c", 8)).repeated
            assert taken_over.submit(world.command("c", 9)).first_seq == last.last_seq + 1
    reader = connect(place)
    sound(world, reader)
    reader.close()


def test_a_broken_invariant_stops_the_writer_and_nothing_of_its_batch_is_written(place):
    ledger = begun(place, COUNTER)
    ledger.submit(Add("a", 1))
    with pytest.raises(LedgerStopped, match="too high") as caught:
        ledger.submit_all([Add("b", 1), Add("c", 10**31)])
    assert isinstance(caught.value.__cause__, AssertionError) and isinstance(ledger.stopped, AssertionError)
    for later in (lambda: ledger.submit(Add("a", 1)), lambda: ledger.read(lambda state: state.total), ledger.snapshot):
        with pytest.raises(LedgerStopped):
            later()
    ledger.close()
    with reopened(place, COUNTER) as ledger:
        assert ledger.head.seq == 2 and ledger.read(lambda state: state.total) == 1


@pytest.mark.parametrize("point", ["store.begun", "store.committed"])
def test_a_failed_sync_ends_the_writer_and_every_later_call_raises(place, world, point):
    """Before the commit nothing is there; after it all is: the callers cannot know, and asking again is safe."""
    ledger = begun(place, world)
    ledger.close()
    ledger = reopened(place, world, failpoints=f"{point}=fail@2")
    first = ledger.submit(world.command("c", 1))
    commands = [world.command("c", number) for number in (2, 4)]
    with pytest.raises(LedgerStopped, match="ask again"):
        ledger.submit_all(commands)
    assert ledger.head.hash == first.hash
    for command in (world.command("c", 1), world.command("c", 5)):
        with pytest.raises(LedgerStopped):
            ledger.submit(command)
    ledger.close()
    with reopened(place, world) as ledger:
        again = ledger.submit_all([world.command("c", 1), *commands])
        assert again[0] == first
        assert [one.repeated for one in again[1:]] == [point == "store.committed"] * 2
    reader = connect(place)
    sound(world, reader)
    reader.close()


def test_nobody_is_answered_before_the_sync(place, world):
    """While a batch is being synced neither its callers nor a reader of the state hear of it."""
    ledger = begun(place, world)
    begin, go = threading.Event(), threading.Event()
    append = ledger._store.append

    def slow(*arguments):
        begin.set()
        assert go.wait(20)
        append(*arguments)

    ledger._store.append = slow
    head = ledger.head
    waiting = ledger.begin([world.command("c", 1)])
    refused = ledger.begin([world.other("c", 1)])
    assert begin.wait(20)
    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(ledger.read_at, lambda _, at: at.seq)
        assert not waiting.done() and not refused.done() and not seen.done() and ledger.head == head
        go.set()
        assert seen.result(20) == ledger.head.seq == head.seq + 1
    assert isinstance(waiting.result(20)[0], Receipt) and not isinstance(refused.result(20)[0], Receipt)
    ledger.close()


def test_callers_that_come_during_a_sync_share_the_next_one(place):
    """Group commit: 40 callers behind one slow sync need one more, and each gets its own answer."""
    ledger = begun(place, COUNTER)
    begin, go, sizes = threading.Event(), threading.Event(), []
    append = ledger._store.append

    def slow(before, lines, after):
        sizes.append(len(lines))
        begin.set()
        assert go.wait(20)
        append(before, lines, after)

    ledger._store.append = slow
    first = ledger.begin([Add("first", 1)])
    assert begin.wait(20)
    rest = [ledger.begin([Add(f"c{number}", 1)]) for number in range(40)]
    assert ledger.waiting == 40
    go.set()
    answers = [future.result(20)[0] for future in (first, *rest)]
    assert sizes == [1, 40] and [one.first_seq for one in answers] == list(range(2, 43))
    ledger.close()


def test_many_callers_and_each_its_own_answer(place, world):
    with begun(place, world) as ledger:

        def caller(name):
            return [ledger.submit(world.command(name, number)) for number in range(15)]

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(caller, [f"t{number}" for number in range(8)]))
    reader = connect(place)
    found = sound(world, reader)
    assert len(found) == 121
    for thread, receipts in enumerate(answers):
        assert [found[f"t{thread}.{number}"] for number in range(15)] == receipts
        assert [one.first_seq for one in receipts] == sorted(one.first_seq for one in receipts)
    reader.close()


def test_time_never_runs_back_whatever_the_clock_does(place, world):
    clock = iter([500, 400, 700, 699, 10])
    with begun(place, world, clock=lambda: next(clock)) as ledger:
        times = [ledger.submit(world.command("c", number)).t_ms for number in range(5)]
    assert times == [500, 500, 700, 700, 700]
    with reopened(place, world, clock=lambda: 3) as ledger:
        assert ledger.submit(world.command("c", 6)).t_ms == 700
    with reopened(place, world, clock=lambda: 701) as ledger:
        assert ledger.submit(world.command("c", 7)).t_ms == 701


def test_a_snapshot_makes_start_up_independent_of_the_logs_length(place, world):
    with begun(place, world) as ledger:
        for number in range(30):
            ledger.submit(world.command("c", number))
        at = ledger.snapshot().head.seq
        assert at == ledger.head.seq
        late = [ledger.submit(world.command("late", number)) for number in range(3)]
        digest = ledger.read(world.machine.digest)
    with reopened(place, world) as ledger:
        found = ledger.recovered
        assert (found.snapshot_seq, found.replayed, found.passed_over) == (at, late[-1].last_seq - at, [])
        assert ledger.read(world.machine.digest) == digest
        assert ledger.submit(world.command("c", 3)).repeated and ledger.submit(world.command("late", 1)) == late[1]
    reader = connect(place)
    sound(world, reader)
    assert take_snapshot(world.machine, reader).head == reader.head()
    assert recover(world.machine, reader).replayed == 0
    reader.close()


def test_a_snapshot_that_does_not_give_back_its_state_is_not_kept(place, monkeypatch):
    with begun(place, COUNTER) as ledger:
        ledger.submit(Add("a", 3))
        monkeypatch.setattr(type(COUNTER.machine), "snapshot", lambda self, state: b'["toy",4,2,0,[]]')
        monkeypatch.setattr(type(COUNTER.machine), "digest", lambda self, state: f"{state.total}")
        with pytest.raises(StoreError, match="not kept"):
            ledger.snapshot()
        monkeypatch.undo()
        assert ledger.stopped is None and ledger.submit(Add("b", 1)).first_seq == 3
    reader = connect(place)
    assert list(reader.snapshots()) == []
    reader.close()


def test_two_writers_cannot_be_and_a_log_begins_once(place, world):
    with begun(place, world) as ledger:
        ledger.submit(world.command("c", 1))
        store = connect(place)
        with pytest.raises(Taken):
            Ledger(world.machine, store)
        store.close()
        assert isinstance(ledger.submit(world.command("c", 2)), Receipt)
    store = connect(place)
    with pytest.raises(StoreError, match="has events already"):
        init(world.machine, store, world.first)
    store.close()


def test_a_store_without_a_first_event_does_not_open(place, world):
    store = connect(place, create=True)
    with pytest.raises(StoreError, match="no events yet"):
        Ledger(world.machine, store)
    store.close()


def test_a_closed_ledger_answers_what_it_took_and_nothing_after(place, world):
    ledger = begun(place, world)
    futures = [ledger.begin([world.command("c", number)]) for number in range(20)]
    ledger.close()
    assert all(isinstance(future.result(0)[0], Receipt) for future in futures)
    with pytest.raises(LedgerStopped, match="closed"):
        ledger.submit(world.command("c", 99))


def test_a_caller_that_gives_up_before_its_turn_changes_nothing(place):
    ledger = begun(place, COUNTER)
    begin, go, append = threading.Event(), threading.Event(), ledger._store.append
    ledger._store.append = lambda *given: (begin.set(), go.wait(20), append(*given))
    first = ledger.begin([Add("first", 1)])
    assert begin.wait(20)
    given_up, rest = ledger.begin([Add("never", 1)]), ledger.begin([Add("rest", 1)])
    assert given_up.cancel()
    go.set()
    assert rest.result(20)[0].first_seq == 3 and first.result(20)[0].first_seq == 2
    ledger.close()


def test_a_query_that_fails_is_its_own_error(place, world):
    with begun(place, world) as ledger:
        with pytest.raises(ZeroDivisionError):
            ledger.read(lambda state: 1 // 0)
        assert isinstance(ledger.submit(world.command("c", 1)), Receipt)


def test_the_lines_of_a_ledger_are_those_of_a_journal_byte_for_byte(place):
    """The fund in memory and the fund on a store are one machine: same commands, same times, same bytes."""
    journal = Journal(parse_design(DESIGN, "golden.toml"), DESIGN, 0)
    times = iter([now for now, _ in COMMANDS])
    for now, command in COMMANDS:
        journal.submit(command, now)
    with begun(place, FUND, clock=lambda: next(times)) as ledger:
        for _, command in COMMANDS:
            ledger.submit(command)
    reader = connect(place)
    assert list(reader.lines(1)) == journal.lines
    reader.close()


class Model:
    """What a counter's ledger should answer: the second idea, a dict."""

    def __init__(self):
        self.answered, self.total = {}, 0

    def take(self, add):
        if add.id in self.answered:
            return self.answered[add.id] == add
        if self.total + add.amount * add.parts < 0:
            return False
        self.answered[add.id], self.total = add, self.total + add.amount * add.parts
        return True


ADDS = st.builds(Add, st.sampled_from("abcdefgh"), st.integers(-4, 6), st.integers(1, 3))


@settings(max_examples=25)
@given(
    st.lists(st.one_of(st.lists(ADDS, min_size=1, max_size=6), st.sampled_from(["restart", "snapshot"])), max_size=12)
)
def test_any_batches_restarts_and_snapshots_equal_the_model(tmp_path_factory, steps):
    place, model, first = str(tmp_path_factory.mktemp("any")), Model(), {}
    ledger = begun(place, COUNTER)
    for step in steps:
        if step == "restart":
            ledger.close()
            ledger = reopened(place, COUNTER)
        elif step == "snapshot":
            ledger.snapshot()
        else:
            for add, answer in zip(step, ledger.submit_all(step)):
                known = add.id in model.answered
                assert isinstance(answer, Receipt) == model.take(add)
                if isinstance(answer, Receipt):
                    assert answer.repeated == known and first.setdefault(add.id, answer) == answer
                    assert [event.add for event in answer.events] == [add] * add.parts
        assert ledger.read(lambda state: state.total) == model.total
    ledger.close()
    reader = connect(place)
    assert answers_of(COUNTER, reader).keys() - {"genesis"} == model.answered.keys()
    sound(COUNTER, reader)
    reader.close()
