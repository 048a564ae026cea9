"""Worlds: what the same test says to a counter and to the fund; and what must be true of any log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seawall.amounts import Units, sha256_hex
from seawall.design.loader import parse_design
from seawall.fund.machine import FundMachine, opening
from seawall.fund.messages import Inflow, Settle, Shortfall, Shortfalls
from seawall.ledger.receipt import Receipt
from seawall.ledger.recovery import chained, recover
from tests.fund.golden_log import DESIGN
from tests.ledger.counter import Add, Began, CounterMachine


@dataclass(frozen=True)
class World:
    """A machine and how to speak to it. Commands of one number and caller are the same in every process."""

    name: str
    machine: Any
    first: Any

    def command(self, caller: str, number: int) -> Any:
        """A command that is taken, under an id of its own."""
        name = f"{caller}.{number}"
        if self.name == "counter":
            return Add(name, number % 7, 1 + (number % 5 == 3))
        if number % 16 == 3:
            return Shortfalls(
                id=name, deficits=(Shortfall(f"d-{name}", "acct", "acct", "USDC", Units(40 + number % 60)),)
            )
        return Inflow(id=name, source="surcharge", asset="USDC", amount=Units(1_000 + number), market="BTC-PERP")

    def other(self, caller: str, number: int) -> Any:
        """Another command under the same id: a conflict once the first was taken."""
        name = f"{caller}.{number}"
        if self.name == "counter":
            return Add(name, 1_000_003)
        return Inflow(id=name, source="yield", asset="USDC", amount=Units(5))

    def refused(self, name: str) -> Any:
        """A command that is refused."""
        return Add(name, -(10**20)) if self.name == "counter" else Settle(id=name, batch="none")


COUNTER = World("counter", CounterMachine(), Began("toy"))
FUND = World("fund", FundMachine(), opening(parse_design(DESIGN, "golden.toml"), DESIGN))
WORLDS = {"counter": COUNTER, "fund": FUND}


def answers_of(world: World, reader: Any) -> dict[str, Receipt[Any]]:
    """Every command that stands in a log with its receipt, made from the lines alone; each stands there once."""
    found: dict[str, list[tuple[int, int, Any, str]]] = {}
    names: list[str] = []
    for line, recorded in chained(world.machine.codec, reader):
        name, stamp = recorded.stamp.id, recorded.stamp
        if names[-1:] != [name]:
            names.append(name)
        found.setdefault(name, []).append((stamp.seq, stamp.t_ms, recorded.event, sha256_hex(line)))
    assert len(names) == len(set(names)), "a command was applied twice"
    return {
        name: Receipt(rows[0][0], rows[-1][0], rows[0][1], tuple(row[2] for row in rows), rows[-1][3])
        for name, rows in found.items()
    }


def sound(world: World, reader: Any) -> dict[str, Receipt[Any]]:
    """What must hold of any log: replay from the first line with all invariants gives the state that start-up finds."""
    whole = recover(world.machine, reader, from_start=True)
    quick = recover(world.machine, reader)
    assert whole.head == quick.head == reader.head()
    assert world.machine.digest(whole.state) == world.machine.digest(quick.state)
    return answers_of(world, reader)
