"""Failpoints: named places in every write, at which a test can kill, stop or fail the process.

Layer    ledger; imports nothing of ours. Handed in by whoever opens a store; without that nothing ever happens.
Not here when a real disk or network fails: tests/ledger does that with full disks, limits and killed servers.
Held to  this by tests/ledger/test_kills.py, which wants each point of a store hit.
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from typing import Final

POINTS: Final = (
    "store.created",  # a store without events
    "store.claimed",  # one writer is elected, nothing read yet
    "batch.taken",  # commands are taken, none decided
    "batch.applied",  # applied in memory, nothing written
    "store.begun",  # a transaction has begun (PostgreSQL: the one statement is about to be sent)
    "store.inserted",  # lines are in it, the head is not (SQLite)
    "store.moved",  # lines and head are in it (SQLite)
    "store.committed",  # durable, nobody was answered
    "batch.answered",  # the first of a batch was answered
    "snapshot.made",  # bytes of a snapshot, not stored
    "snapshot.written",  # stored aside, not in its place (SQLite)
    "snapshot.kept",  # in its place, older ones not removed
)
_ACTIONS: Final = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Failpoints:
    """What happens at which point, and when.

    plan  `point=action@count`, separated by commas: at the count-th time that the point is passed. Actions: `kill` and
          `stop` (signals to this process), `fail` (OSError, as a failed sync). Empty: nothing, ever.
    """

    def __init__(self, plan: str = "") -> None:
        self.passed: Counter[str] = Counter()
        self._plan: dict[str, tuple[str, int]] = {}
        for part in filter(None, plan.split(",")):
            point, _, rest = part.partition("=")
            action, _, count = rest.partition("@")
            if point not in POINTS or action not in (*_ACTIONS, "fail") or not (count or "1").isdecimal():
                raise ValueError(f"failpoint {part!r}: wanted POINT=kill|stop|fail@COUNT with a point of {POINTS}")
            self._plan[point] = (action, int(count or "1"))

    def passing(self, point: str) -> None:
        """The process is at a point."""
        if not self._plan:
            return
        self.passed[point] += 1
        action, count = self._plan.get(point, ("", 0))
        if self.passed[point] != count:
            return
        if action == "fail":
            raise OSError(errno.EIO, f"failpoint {point}")
        os.kill(os.getpid(), _ACTIONS[action])


NO_FAILPOINTS: Final = Failpoints()
