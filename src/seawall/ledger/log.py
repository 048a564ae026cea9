"""Log: the one writer. Commands are decided in order, applied, made durable together, and only then answered.

Layer    ledger; imports ledger.{machine,store,recovery,receipt}. Driven by the CLI and by the service.
Not here what a command means (the machine), where bytes go (the store), HTTP.
Held to  this by tests/ledger/test_log.py and test_kills.py: no command that was answered is lost, none is applied
         twice, and the state equals the replay of the lines.

Group commit: while one batch is synced, the commands of other callers gather; the next batch takes them all. A refusal,
a repeated answer or a read can rest on a command of the same batch, so these wait for the sync as well. After an error
between the first change and the last answer nobody knows what is durable: the writer ends, every later call raises, and
the process should end. Asking again with the same id, of whoever writes then, is always safe.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, Generic, TypeVar

from seawall.amounts import sha256_hex
from seawall.ledger.failpoints import NO_FAILPOINTS, Failpoints
from seawall.ledger.machine import (
    E_,
    FIRST_SEQ,
    GENESIS_ID,
    S_,
    C_contra,
    Machine,
    R_co,
    Recorded,
    Stamp,
)
from seawall.ledger.receipt import Receipt, stored_receipt
from seawall.ledger.recovery import Recovered, catch_up, keep, recover
from seawall.ledger.store import EMPTY, Head, Snapshot, Store, StoreError, Taken

T_ = TypeVar("T_")

MAX_BATCH: Final = 4_096
"""Commands in a batch, about: a bound on what one transaction holds and on how long the first of them waits."""


FOLLOW_S: Final = 1.0
"""Seconds between two looks of a standby at what was written."""


def clock_ms() -> int:
    """Milliseconds UTC now."""
    return time.time_ns() // 1_000_000


class LedgerStopped(Exception):
    """The writer has ended. A command that was waiting may be durable or not: ask again with the same id."""


class _Commands(Generic[C_contra]):
    """Commands of one caller, to be answered together."""

    __slots__ = ("answers", "commands", "future")

    def __init__(self, commands: Sequence[C_contra]) -> None:
        self.commands = commands
        self.answers: list[Any] = []
        self.future: Future[list[Any]] = Future()


class _Query:
    """Something to do with the state when it is durable."""

    __slots__ = ("future", "job")

    def __init__(self, job: Callable[[], Any]) -> None:
        self.job = job
        self.future: Future[Any] = Future()


def init(
    machine: Machine[S_, C_contra, E_, R_co], store: Store, first: E_, *, clock: Callable[[], int] = clock_ms
) -> Receipt[E_]:
    """Write a log's first event into a store without any; the store is claimed and stays open.

    Errors  Taken; StoreError: the store has events; what the machine raises for an event that no log begins with.
    """
    store.claim()
    if store.head() != EMPTY:
        raise StoreError("the store has events already")
    state, stamp = machine.begin(first), Stamp(FIRST_SEQ, clock(), GENESIS_ID)
    line = machine.codec.encode(Recorded(stamp, first, machine.design(state), machine.rules_version), EMPTY.hash)
    machine.apply(state, stamp, first)
    machine.check(state, stamp, first)
    head = Head(FIRST_SEQ, sha256_hex(line))
    store.append(EMPTY, [line], head)
    return Receipt(FIRST_SEQ, FIRST_SEQ, stamp.t_ms, (first,), head.hash)


class Ledger(Generic[S_, C_contra, E_, R_co]):
    """A machine whose every event is durable.

    recovered  how the state was found at start-up; its `state` is the live one, the writer's own
    torn_bytes what of a last write that was cut short the store trimmed before anything was appended
    """

    def __init__(
        self,
        machine: Machine[S_, C_contra, E_, R_co],
        store: Store,
        *,
        clock: Callable[[], int] = clock_ms,
        failpoints: Failpoints = NO_FAILPOINTS,
        on_stop: Callable[[BaseException], None] | None = None,
        wait_s: float = 0.0,
    ) -> None:
        """Recover, be elected, and begin to write.

        clock    ms UTC; read for every command, and never trusted to run forwards
        on_stop  called once, by the writer, when it ends by an error: a service ends its process here
        wait_s   how long to stand by while another process writes, following what it writes: so what is left to read
                 when it ends is a moment's
        Errors   Taken, StoreError, CorruptLog: then nothing was appended; the caller closes the store.
        """
        self.recovered: Recovered[S_] = recover(machine, store)
        self._be_elected(machine, store, wait_s)
        self.torn_bytes, self._on_stop = store.torn_bytes, on_stop
        self._machine, self._store, self._clock, self._failpoints = machine, store, clock, failpoints
        self._state, self._t_ms = self.recovered.state, self.recovered.t_ms
        self._head = self._durable = self.recovered.head
        self._stopped: BaseException | None = None
        self._waiting: queue.SimpleQueue[_Commands[C_contra] | _Query | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="ledger-writer", daemon=True)
        self._writer.start()

    def _be_elected(self, machine: Machine[S_, C_contra, E_, R_co], store: Store, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while True:
            try:
                store.claim(min(FOLLOW_S, max(0.0, until - time.monotonic())))
                break
            except Taken:
                if time.monotonic() >= until:
                    raise
                catch_up(machine, store, self.recovered)
        catch_up(machine, store, self.recovered)

    # --- callers ----------------------------------------------------------------------------------------------------

    @property
    def head(self) -> Head:
        """The last durable line."""
        return self._durable

    @property
    def stopped(self) -> BaseException | None:
        """Why the writer ended; None while it writes."""
        return self._stopped

    @property
    def waiting(self) -> int:
        """Calls that no batch has taken yet, about: for whoever bounds what may wait."""
        return self._waiting.qsize()

    def submit(self, command: C_contra) -> Receipt[E_] | R_co:
        """Decide a command; returns when the answer is durable. Any number of threads may call.

        returns  a receipt, also for a command that was decided before; or the machine's refusal
        Errors   LedgerStopped. What the machine raises for a command that it cannot decide or write; nothing changed.
        """
        return self.submit_all((command,))[0]

    def submit_all(self, commands: Sequence[C_contra]) -> list[Receipt[E_] | R_co]:
        """Decide commands in order, each as if alone, and wait for all. Errors: as `submit`, of the first that fails;
        the others are decided all the same, and asking again tells how."""
        return self.begin(commands).result()

    def begin(self, commands: Sequence[C_contra]) -> Future[list[Receipt[E_] | R_co]]:
        """`submit_all` without waiting: for event loops (`asyncio.wrap_future`)."""
        return self._enqueue(_Commands(commands))

    def read(self, query: Callable[[S_], T_]) -> T_:
        """What a query finds in the state, at a position that is durable, after all that was submitted before it.

        query  only reads, keeps nothing of the state, and is quick: the writer waits for it
        """
        return self.read_at(lambda state, _: query(state))

    def read_at(self, query: Callable[[S_, Head], T_]) -> T_:
        """As `read`; the query is told the position too."""
        future: Future[T_] = self._enqueue(_Query(lambda: query(self._state, self._durable)))
        return future.result()

    def snapshot(self) -> Snapshot:
        """Keep a snapshot of the durable state. The writer waits: for a large state use `take_snapshot`, in a process
        of its own, which costs the writer nothing."""
        return self.read_at(
            lambda state, head: keep(self._machine, self._store, state, head, self._t_ms, self._failpoints)
        )

    def close(self) -> None:
        """Answer what was submitted, end the writer and close the store."""
        self._waiting.put(None)
        self._writer.join()
        self._store.close()

    def __enter__(self) -> Ledger[S_, C_contra, E_, R_co]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _enqueue(self, item: Any) -> Future[Any]:
        self._waiting.put(item)
        if self._stopped is not None:  # the writer may have gone before it could see this
            self._fail_waiting()
        future: Future[Any] = item.future
        return future

    # --- the writer -------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        items: list[_Commands[C_contra] | _Query] = []
        try:
            going = True
            while going:
                items, going = self._take()
                if items:
                    self._one_batch(items)
            self._stopped = LedgerStopped("the ledger was closed")
        except BaseException as error:
            self._stopped = error
            for item in items:
                self._fail(item)
        self._fail_waiting()
        if self._on_stop is not None and not isinstance(self._stopped, LedgerStopped):
            self._on_stop(self._stopped)

    def _take(self) -> tuple[list[_Commands[C_contra] | _Query], bool]:
        """Whatever waits, up to a batch's size, and whether to go on after it; sleeps while nothing waits."""
        items: list[_Commands[C_contra] | _Query] = []
        size = 0
        while size < MAX_BATCH:
            try:
                item = self._waiting.get_nowait() if items else self._waiting.get(timeout=self._store.beat_s)
            except queue.Empty:
                if items:
                    break
                self._store.beat()
                continue
            if item is None:
                return items, False
            if not item.future.set_running_or_notify_cancel():
                continue  # given up by its caller before anything happened; from here on it can no longer be
            items.append(item)
            size += len(item.commands) if isinstance(item, _Commands) else 1
        return items, True

    def _one_batch(self, items: list[_Commands[C_contra] | _Query]) -> None:
        self._failpoints.passing("batch.taken")
        lines: list[bytes] = []
        receipts: dict[int, Receipt[E_]] = {}
        for item in items:
            if isinstance(item, _Commands):
                for command in item.commands:
                    item.answers.append(self._decide(command, lines, receipts))
        self._failpoints.passing("batch.applied")
        if lines:
            self._store.append(self._durable, lines, self._head)
            self._durable = self._head
        else:
            self._store.beat()  # a refusal or a read of a writer that was replaced meanwhile would be of the past
        for item in items:
            _answer(item)
            self._failpoints.passing("batch.answered")

    def _decide(
        self, command: C_contra, lines: list[bytes], receipts: dict[int, Receipt[E_]]
    ) -> Receipt[E_] | R_co | Exception:
        machine, state = self._machine, self._state
        t_ms = max(self._t_ms, self._clock())
        try:
            decided = machine.decide(state, command, t_ms)
            if isinstance(decided, tuple):
                # Encoded first, all of them: what has no wire form changes nothing.
                stamped, encoded, head = self._encoded(command, decided, t_ms)
        except Exception as error:  # nothing was changed yet: the caller's, not the writer's
            return error
        if isinstance(decided, int):
            return self._first_answer(decided, receipts)
        if not isinstance(decided, tuple):
            return decided
        for stamp, event in stamped:
            machine.apply(state, stamp, event)
            machine.check(state, stamp, event)
        lines += encoded
        receipt = Receipt(self._head.seq + 1, head.seq, t_ms, decided, head.hash)
        receipts[receipt.first_seq] = receipt
        self._head, self._t_ms = head, t_ms
        return receipt

    def _encoded(
        self, command: C_contra, events: tuple[E_, ...], t_ms: int
    ) -> tuple[list[tuple[Stamp, E_]], list[bytes], Head]:
        machine, head = self._machine, self._head
        design, name = machine.design(self._state), machine.command_id(command)
        stamped: list[tuple[Stamp, E_]] = []
        lines: list[bytes] = []
        for event in events:
            stamp = Stamp(head.seq + 1, t_ms, name)
            line = machine.codec.encode(Recorded(stamp, event, design, machine.rules_version), head.hash)
            head = Head(stamp.seq, sha256_hex(line))
            stamped.append((stamp, event))
            lines.append(line)
        return stamped, lines, head

    def _first_answer(self, seq: int, receipts: dict[int, Receipt[E_]]) -> Receipt[E_]:
        """The receipt of a command that was decided before: of this batch, or read back from its lines."""
        if seq in receipts:
            first = receipts[seq]
            return Receipt(first.first_seq, first.last_seq, first.t_ms, first.events, first.hash, repeated=True)
        return stored_receipt(self._machine, self._store, seq)

    def _fail(self, item: _Commands[C_contra] | _Query) -> None:
        stopped = LedgerStopped(f"the writer has ended: {self._stopped}; ask again with the same id")
        stopped.__cause__ = self._stopped
        if not item.future.done():  # some of a batch were answered before it ended
            item.future.set_exception(stopped)

    def _fail_waiting(self) -> None:
        while True:
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return
            if item is not None:
                self._fail(item)


def _answer(item: _Commands[Any] | _Query) -> None:
    """Give a caller what it waits for; all that it rests on is durable."""
    if isinstance(item, _Query):
        try:
            item.future.set_result(item.job())
        except Exception as error:  # the query's own
            item.future.set_exception(error)
        return
    failed = next((answer for answer in item.answers if isinstance(answer, Exception)), None)
    if failed is not None:
        item.future.set_exception(failed)
    else:
        item.future.set_result(item.answers)
