"""Ledger driver: a fund's scenario through a durable ledger in a temporary folder; else as scenario.fund_driver.

Layer    scenario; imports fund.machine, ledger, scenario.fund_driver.
Not here what words mean: every statement is read and compared by the fund driver.
Held to  this by tests/scenario/test_ledger_driver.py: the lines in the store are the journal's, byte for byte.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from seawall.design.types import Design
from seawall.fund.codec import CorruptLog
from seawall.fund.journal import state_digest
from seawall.fund.machine import FundMachine, opening
from seawall.fund.messages import AnyCommand, Refused, Repeated
from seawall.fund.state import FundState
from seawall.ledger.log import Ledger, LedgerStopped, init
from seawall.ledger.recovery import recover
from seawall.ledger.sqlite import SqliteStore
from seawall.scenario.checks import Check
from seawall.scenario.fund_driver import Answer, FundDriver, Log


class LedgerLog:
    """A ledger that answers as a journal does. Its clock says what the scenario says."""

    def __init__(self, design: Design, text: str) -> None:
        self._folder = TemporaryDirectory(prefix="seawall-scenario-")
        self._t_ms = 0
        with ExitStack() as undo:
            undo.callback(self._folder.cleanup)
            store = SqliteStore.create(Path(self._folder.name))
            undo.callback(store.close)
            init(FundMachine(), store, opening(design, text), clock=lambda: 0)
            store.close()  # a writer ends with the events that it began with; the next one finds them
            self._ledger = Ledger(FundMachine(), SqliteStore(Path(self._folder.name)), clock=lambda: self._t_ms)
            undo.pop_all()

    @property
    def state(self) -> FundState:
        """The live state: nothing is submitted while a scenario looks at it."""
        return self._ledger.read(lambda state: state)

    @property
    def lines(self) -> list[bytes]:
        """The durable lines, read as another process would."""
        reader = SqliteStore(Path(self._folder.name))
        try:
            return list(reader.lines(1))
        finally:
            reader.close()

    def submit(self, command: AnyCommand, t_ms: int) -> Answer:
        """Decide a command at a time; the answer is durable."""
        self._t_ms = t_ms
        try:
            answer = self._ledger.submit(command)
        except LedgerStopped as stopped:
            raise stopped.__cause__ or stopped from None
        if isinstance(answer, Refused):
            return answer
        return Repeated(id=command.id, seq=answer.first_seq) if answer.repeated else answer.events

    def reopened(self) -> str:
        """The digest of the state that a new process finds, every invariant checked. Errors: CorruptLog."""
        reader = SqliteStore(Path(self._folder.name))
        try:
            return state_digest(recover(FundMachine(), reader, from_start=True).state)
        finally:
            reader.close()

    def close(self) -> None:
        """End the writer and remove the folder."""
        self._ledger.close()
        self._folder.cleanup()


class LedgerDriver(FundDriver):
    """One fund in a ledger of its own."""

    name = "ledger"

    _log: LedgerLog | None = None

    def _begun(self) -> Log:
        self.close()  # a scenario that restarts begins another fund
        self._log = LedgerLog(self._design, self._text)
        return self._log

    def finish(self) -> list[Check]:
        """The log replayed, and the ledger opened anew, give the same fund (I7)."""
        checks = super().finish()
        if self._log is None:
            return checks
        try:
            same = self._log.reopened() == state_digest(self._log.state)
            found = "the same state" if same else "another state"
        except CorruptLog as error:
            same, found = False, str(error)
        return [*checks, replace(checks[0], what="the ledger, opened anew", found=found, ok=same)]

    def close(self) -> None:
        """End the writer; the folder goes."""
        if self._log is not None:
            self._log.close()
            self._log = None
