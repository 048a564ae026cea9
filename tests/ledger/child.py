"""A writer in a process of its own, under load, for tests that kill it.

    python -m tests.ledger.child PLACE WORLD CALLER THREADS FAILPOINTS [LEASE_S]

Says `ready SEQ` when it is elected, then `ID FIRST_SEQ LAST_SEQ HASH` for every answer, each in one write; at the end
why it ended. A snapshot is taken now and then. Threads submit commands of their own, one after another, for ever.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading

from seawall.ledger.connect import connect
from seawall.ledger.failpoints import Failpoints
from seawall.ledger.log import Ledger, LedgerStopped, init
from seawall.ledger.receipt import Receipt
from seawall.ledger.store import EMPTY, StoreError, Taken
from tests.ledger.worlds import WORLDS


def say(text: str) -> None:
    os.write(1, (text + "\n").encode())


def begun(place: str, world, failpoints: Failpoints, lease_s: float):
    """A store with a first event; made where there is none, as `init` is repeated after a crash."""
    store = connect(place, create=True, failpoints=failpoints)
    shorten(store, lease_s)
    if store.head() == EMPTY:
        init(world.machine, store, world.first)
        store.close()
        store = connect(place, failpoints=failpoints)
        shorten(store, lease_s)
    return store


def shorten(store, lease_s: float) -> None:
    """A lease short enough for a test; a folder has none."""
    if store.beat_s is not None:
        store.beat_s, store._lease_ms = lease_s / 3, round(lease_s * 1000)


def load(ledger, world, caller: str, thread: int) -> None:
    """Commands one after another; every fifth again."""
    try:
        for number in itertools.count():
            command = world.command(f"{caller}.{thread}", number)
            answers = [ledger.submit(command)] + ([ledger.submit(command)] if number % 5 == 0 else [])
            for answer in answers:
                assert isinstance(answer, Receipt), answer
                say(f"{command.id} {answer.first_seq} {answer.last_seq} {answer.hash}")
            if thread == 0 and number % 9 == 8:
                ledger.snapshot()
    except LedgerStopped as error:
        say(f"stopped {type(error.__cause__).__name__}")


def main(place: str, name: str, caller: str, threads: int, plan: str, lease_s: float = 60.0) -> int:
    world, failpoints = WORLDS[name], Failpoints(plan)
    try:
        store = begun(place, world, failpoints, lease_s)
        ledger = Ledger(world.machine, store, failpoints=failpoints, wait_s=30.0)
    except (OSError, StoreError) as error:
        say(f"failed {type(error).__name__} {error}")
        return 3 if isinstance(error, Taken) else 4
    say(f"ready {ledger.head.seq} torn {ledger.torn_bytes}")
    workers = [threading.Thread(target=load, args=(ledger, world, caller, i), daemon=True) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return 5


if __name__ == "__main__":
    where, machine, caller_name, count, points, *lease = sys.argv[1:]
    sys.exit(main(where, machine, caller_name, int(count), points, *(float(text) for text in lease)))
