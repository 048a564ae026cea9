"""Reconciling: the fund's money beside what a custodian or a chain says, and where the two differ.

Layer    report; imports amounts, fund.{codec,events,state}, report.flows. Called by `seawall reconcile`.
Not here files (cli.reconcile_files) and who clears a break (cli.reconcile).
Held to  this by tests/report/test_reconciling.py: no break for a statement made from the ledger; one for each change.

Two kinds of lines. A **balance** is compared with the ledger's money in the account at that time, after every event up
to it; a difference is a break since the first balance of the run that differs, and over when a later one agrees. A
**movement** is compared with the ledger's by reference, the command's id; what only one of the two has is a break. Of
an account without movements on the statement none are asked for, nor of a time beyond the statement's last line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from seawall.amounts import sha256_hex
from seawall.fund.codec import Recorded
from seawall.fund.events import Event
from seawall.fund.state import FundState
from seawall.report.flows import layer_flows

DAY_MS: Final = 86_400_000
What = Literal["balance", "not_in_ledger", "not_on_statement", "amount"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a statement. Base units; a movement is > 0 into the account.

    row  address in the file
    """

    row: int
    t_ms: int
    account: str
    kind: Literal["balance", "movement"]
    units: int
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """A difference. Base units; 0 where there is none.

    since_ms  when it began
    """

    what: What
    account: str
    reference: str
    since_ms: int
    ledger: int
    statement: int

    @property
    def id(self) -> str:
        """Names it by its content: another figure is another break, which nobody has cleared."""
        parts = (self.what, self.account, self.reference, self.since_ms, self.ledger, self.statement)
        return sha256_hex("\n".join(map(str, parts)).encode())[:16]

    def age_days(self, as_of_ms: int) -> int:
        """Whole days since it began, rounded down; 0 for one that begins later."""
        return max(0, as_of_ms - self.since_ms) // DAY_MS


@dataclass(frozen=True, slots=True)
class Moved:
    """What one command moved in one account, net. Base units."""

    t_ms: int
    account: str
    reference: str
    units: int


class MoneyByAccount:
    """What the ledger says: each account's money over time, and movements by command.

    accounts  layer -> the account that holds its money; a layer that is not there is its own
    """

    def __init__(self, accounts: Mapping[str, str]) -> None:
        self._accounts = accounts
        self._moved: dict[tuple[str, str], Moved] = {}
        self._times: dict[str, list[int]] = {}
        self._money: dict[str, list[int]] = {}

    def take(self, state: FundState, recorded: Recorded[Event]) -> None:
        """One event of a replay, in order."""
        stamp = recorded.stamp
        for layer, _, units in layer_flows(recorded.event):
            account = self._accounts.get(layer, layer)
            before = self._moved.get((account, stamp.id))
            sum_units = units + (before.units if before is not None else 0)
            self._moved[account, stamp.id] = Moved(stamp.t_ms, account, stamp.id, sum_units)
            money = self._money.setdefault(account, [])
            money.append(units + (money[-1] if money else 0))
            self._times.setdefault(account, []).append(stamp.t_ms)

    @property
    def movements(self) -> list[Moved]:
        """Every command's in every account that it moved, in order; what nets to 0 is none."""
        return [one for one in self._moved.values() if one.units]

    def units_at(self, account: str, t_ms: int) -> int:
        """An account's money after every event up to a time."""
        before = bisect_right(self._times.get(account, ()), t_ms)
        return self._money[account][before - 1] if before else 0


def breaks(money: MoneyByAccount, lines: Sequence[Line]) -> list[Break]:
    """Every difference, balances first, in the order of the statement, then what is missing on it."""
    found = [*_balances(money, [line for line in lines if line.kind == "balance"])]
    found += _movements(money, [line for line in lines if line.kind == "movement"])
    return found


def _balances(money: MoneyByAccount, lines: Sequence[Line]) -> Iterable[Break]:
    for account in dict.fromkeys(line.account for line in lines):
        since: int | None = None
        ledger = 0
        own = sorted((line for line in lines if line.account == account), key=lambda line: line.t_ms)
        for line in own:
            ledger = money.units_at(account, line.t_ms)
            if ledger == line.units:
                since = None
            elif since is None:
                since = line.t_ms
        if since is not None:
            yield Break("balance", account, "", since, ledger, own[-1].units)


def _movements(money: MoneyByAccount, lines: Sequence[Line]) -> Iterable[Break]:
    if not lines:
        return
    first, last = min(line.t_ms for line in lines), max(line.t_ms for line in lines)
    accounts = {line.account for line in lines}
    ledger = {(one.account, one.reference): one for one in money.movements}
    stated: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        stated.setdefault((line.account, line.reference), []).append(line)
    for (account, reference), own in stated.items():
        units, since = sum(line.units for line in own), min(line.t_ms for line in own)
        one = ledger.get((account, reference))
        if one is None:
            yield Break("not_in_ledger", account, reference, since, 0, units)
        elif one.units != units:
            yield Break("amount", account, reference, min(since, one.t_ms), one.units, units)
    for key, one in ledger.items():
        if key not in stated and one.account in accounts and first <= one.t_ms <= last:
            yield Break("not_on_statement", one.account, one.reference, one.t_ms, one.units, 0)
