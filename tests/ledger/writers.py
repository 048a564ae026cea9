"""Writers in processes of their own, and what they said before they ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHILD = "tests.ledger.child"
LIMITED = """
import resource, runpy, signal, sys
limit = int(sys.argv.pop(1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
runpy.run_module("tests.ledger.child", run_name="__main__", alter_sys=True)
"""


LIVING: list[subprocess.Popen[str]] = []
"""Every child that was begun; what a test left over, stopped ones too, is killed after it."""


def kill_left_over() -> None:
    """End what a test that failed did not."""
    while LIVING:
        process = LIVING.pop()
        process.kill()
        process.wait(60)


class Writer:
    """A child that writes under load.

    acks        id -> (first, last sequence number, hash) of every answer it gave
    file_bytes  how long a file of its can become; 0: any
    """

    def __init__(self, place, world, caller, threads=4, plan="", lease_s=60.0, file_bytes=0) -> None:
        self.acks: dict[str, tuple[int, int, str]] = {}
        self.said: list[str] = []
        self.torn_bytes = -1
        self.ready = threading.Event()
        self.enough = threading.Event()
        arguments = [place, world.name, caller, str(threads), plan, str(lease_s)]
        self.process = subprocess.Popen(
            [sys.executable, *(["-c", LIMITED, str(file_bytes)] if file_bytes else ["-m", CHILD]), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in (str(ROOT), *sys.path) if path)},
        )
        LIVING.append(self.process)
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            words = line.split()
            if not line.endswith("\n"):
                continue
            if words[0] == "ready":
                self.torn_bytes = int(words[3])
                self.ready.set()
            elif len(words) == 4:
                answer = (int(words[1]), int(words[2]), words[3])
                assert self.acks.setdefault(words[0], answer) == answer, "two answers to one command"
                if len(self.acks) > 25:
                    self.enough.set()
            else:
                self.said.append(line.strip())
        self.ready.set()
        self.enough.set()

    def signal(self, number: int) -> None:
        """Send a signal to the child."""
        self.process.send_signal(number)

    def ended(self, timeout_s: float = 60.0) -> int:
        """Its exit status, once it has ended and all that it said is heard."""
        status = self.process.wait(timeout_s)
        self._listener.join(timeout_s)
        self.process.stdout.close()
        self.errors = self.process.stderr.read()
        self.process.stderr.close()
        return status

    def killed(self) -> int:
        """Kill it, and wait."""
        self.signal(signal.SIGKILL)
        return self.ended()


def hold(acks, found) -> None:
    """Every answer that was given stands in the log, as it was given."""
    for name, answer in acks.items():
        assert name in found, f"{name} was acknowledged and is lost"
        receipt = found[name]
        assert (receipt.first_seq, receipt.last_seq, receipt.hash) == answer
