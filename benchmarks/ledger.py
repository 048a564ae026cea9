"""Claim: a durable command costs little more than the sync it waits for, and many callers share one.

Prints, in one run and turn by turn, so that a busy disk is busy for all: commands a second, decided and durable, for 1,
8 and 64 callers and in batches, of a counter and of the fund, on SQLite and on PostgreSQL; beside appending such lines
to a file with `fdatasync` (the physical limit) and beside a transfer with two legs written by hand on the same
PostgreSQL (what a service without a ledger does). Then replay beside hashing and decoding the same lines (its limit).
Says whether answers, lines and states agree.

    make bench, or: .venv/bin/python benchmarks/ledger.py [rounds]
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # tests.ledger: a counter, and a PostgreSQL to use

from seawall.amounts import sha256_hex
from seawall.ledger.connect import connect
from seawall.ledger.log import Ledger, init
from seawall.ledger.machine import GENESIS_HASH
from seawall.ledger.recovery import recover, take_snapshot
from tests.ledger.server import Server, binaries
from tests.ledger.worlds import WORLDS, World

BATCH = 1_024
CALLERS = (1, 8, 64)
SLICE_S = 0.4


class Row:
    """Something done by a number of threads, measured in slices: `job(thread, turn)` says how many it did."""

    def __init__(self, name: str, callers: int, job: Callable[[int, int], int]) -> None:
        self.name, self.callers, self.job = name, callers, job
        self.done, self.seconds = 0, 0.0
        self.turns = [0] * callers

    def slice(self) -> None:
        """Go on for a while."""
        done, until = [0] * self.callers, [0.0]
        go = threading.Event()

        def work(thread: int) -> None:
            go.wait()
            while time.perf_counter() < until[0]:
                done[thread] += self.job(thread, self.turns[thread])
                self.turns[thread] += 1

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(self.callers)]
        for one in threads:
            one.start()
        began = time.perf_counter()
        until[0] = began + SLICE_S
        go.set()
        for one in threads:
            one.join()
        self.done += sum(done)
        self.seconds += time.perf_counter() - began

    @property
    def rate(self) -> float:
        """A second."""
        return self.done / self.seconds


class Kept:
    """A ledger under measurement, with its rows."""

    def __init__(self, store_name: str, place: str, world: World) -> None:
        store = connect(place, create=True)
        init(world.machine, store, world.first)
        store.close()
        self.name, self.place, self.world = f"{store_name}, {world.name}", place, world
        self.ledger: Ledger[Any, Any, Any, Any] = Ledger(world.machine, connect(place))
        self.answers: list[tuple[str, int, Any]] = []
        self.rows = [Row(str(callers), callers, self._one(callers)) for callers in CALLERS]
        self.rows.append(Row("batch", 1, self._batch))

    def _one(self, callers: int) -> Callable[[int, int], int]:
        def job(thread: int, turn: int) -> int:
            receipt = self.ledger.submit(self.world.command(f"{callers}.{thread}", turn))
            if turn < 3:
                self.answers.append((f"{callers}.{thread}", turn, receipt))
            return 1

        return job

    def _batch(self, _: int, turn: int) -> int:
        commands = [self.world.command("b", turn * BATCH + at) for at in range(BATCH)]
        return len(self.ledger.submit_all(commands))

    def close(self) -> bool:
        """Whether whoever asks again is answered as before, and replay gives the state."""
        machine = self.world.machine
        agree = all(
            self.ledger.submit(self.world.command(name, turn)) == receipt for name, turn, receipt in self.answers
        )
        digest = self.ledger.read(machine.digest)
        self.ledger.close()
        reader = connect(self.place)
        agree = agree and machine.digest(recover(machine, reader).state) == digest
        reader.close()
        return agree


def appending(folder: Path, size: int, line: bytes) -> Row:
    """Lines appended to a file, `size` at a time, each time with fdatasync."""
    handle = os.open(folder / f"append{size}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    block = (line + b"\n") * size

    def job(_: int, __: int) -> int:
        os.write(handle, block)
        os.fdatasync(handle)
        return size

    return Row(f"append {size}", 1, job)


class Transfers:
    """Two-leg transfers by hand: a row with the id, a debit, a credit, in one transaction each."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._setup = psycopg.connect(url, autocommit=True)
        self._setup.execute("CREATE TABLE balance (account int PRIMARY KEY, units numeric(38) NOT NULL)")
        self._setup.execute("CREATE TABLE transfer (id text PRIMARY KEY, debit int, credit int, units numeric(38))")
        self._setup.execute("INSERT INTO balance SELECT i, 10^30 FROM generate_series(0, 999) i")
        self._sessions = [psycopg.connect(url, autocommit=True) for _ in range(max(CALLERS))]
        self.rows = [Row(str(callers), callers, self._one(callers)) for callers in CALLERS]

    def _one(self, callers: int) -> Callable[[int, int], int]:
        def job(thread: int, turn: int) -> int:
            session, name = self._sessions[thread], f"{callers}.{thread}.{turn}"
            debit = (thread * 7 + turn) % 999
            with session.transaction(), session.cursor() as cursor:
                cursor.execute("INSERT INTO transfer VALUES (%s, %s, %s, %s)", (name, debit, debit + 1, turn))
                cursor.execute("UPDATE balance SET units = units - %s WHERE account = %s", (turn, debit))
                cursor.execute("UPDATE balance SET units = units + %s WHERE account = %s", (turn, debit + 1))
            return 1

        return job

    def close(self) -> bool:
        """Whether no unit was lost."""
        row = self._setup.execute("SELECT sum(units) = 1000 * 10::numeric^30 FROM balance").fetchone()
        for session in (*self._sessions, self._setup):
            session.close()
        return row == (True,)


def replayed(place: str, world: World) -> str:
    """Start-up without a snapshot beside hash and decode of the same lines, then with one."""
    reader = connect(place)
    lines, prev = list(reader.lines(1)), GENESIS_HASH
    began = time.perf_counter()
    for record, line in enumerate(lines, start=1):
        world.machine.codec.decode(record, line, prev)
        prev = sha256_hex(line)
    limit_s = time.perf_counter() - began
    began = time.perf_counter()
    found = recover(world.machine, reader)
    replay_s = time.perf_counter() - began
    take_snapshot(world.machine, reader)
    began = time.perf_counter()
    quick = recover(world.machine, reader)
    start_s = time.perf_counter() - began
    agree = world.machine.digest(found.state) == world.machine.digest(quick.state)
    reader.close()
    return (
        f"replay of {len(lines):,} events {len(lines) / replay_s:,.0f}/s, {limit_s / replay_s:.2f} of hash + decode; "
        f"from a snapshot {start_s * 1e3:.0f} ms, {replay_s / start_s:.1f}x faster; same digest: {agree}"
    )


def compare(folder: Path, server: Server | None, rounds: int) -> None:
    """All rows, turn by turn."""
    kept = [Kept("SQLite", str(folder / world.name), world) for world in WORLDS.values()]
    transfers = None
    if server is not None:
        kept += [Kept("PostgreSQL", server.place(), world) for world in WORLDS.values()]
        transfers = Transfers(server.place())
    one, many = appending(folder, 1, b"x" * 300), appending(folder, BATCH, b"x" * 300)
    for _ in range(rounds):
        for row in (one, many, *(transfers.rows if transfers else ()), *(row for item in kept for row in item.rows)):
            row.slice()
    print(f"limit: append + fdatasync of 300 B: {one.rate:,.0f}/s; {many.rate:,.0f}/s in batches of {BATCH}")
    for item in kept:
        alone, eight, sixty, batch = (row.rate for row in item.rows)
        print(f"{item.name}: 1 caller {alone:,.0f}/s, {alone / one.rate:.2f} of the limit; 8: {eight:,.0f}", end="; ")
        print(f"64: {sixty:,.0f}, {sixty / alone:.1f}x; in batches {batch:,.0f}", end="; ")
        print(f"answers and replay agree: {item.close()}")
        print(f"  {replayed(item.place, item.world)}")
    if transfers is None:
        print("PostgreSQL: no pgserver for this Python, left out")
    else:
        rates = "; ".join(f"{row.callers}: {row.rate:,.0f}/s" for row in transfers.rows)
        print(f"PostgreSQL, transfer by hand: {rates}; no unit lost: {transfers.close()}")


def main() -> None:
    bin_folder = binaries()
    server = Server(bin_folder, connections=90) if bin_folder else None
    try:
        with tempfile.TemporaryDirectory(prefix="seawall-bench-", dir="/tmp") as name:  # one disk for all
            compare(Path(name), server, int(sys.argv[1]) if len(sys.argv) > 1 else 6)
    finally:
        if server is not None:
            server.stop()


if __name__ == "__main__":
    main()
