"""Run: a scenario file under one driver: every expectation, and what became of it.

Layer    scenario; imports scenario.{parse,design,checks} and the drivers. Called by cli.scenario and by tests.
Not here printing, JSON and exit codes (cli).
Held to  this by tests/scenario/: every file of tests/scenarios holds, and with any other figure fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from seawall.design.errors import BadInput, Problem
from seawall.design.loader import design_digest
from seawall.design.types import Design
from seawall.fund.apply import BrokenLog
from seawall.fund.invariants import InvariantBroken
from seawall.scenario.assertions import Action
from seawall.scenario.checks import Check
from seawall.scenario.design import build_design
from seawall.scenario.fund_driver import FundDriver
from seawall.scenario.ledger_driver import LedgerDriver
from seawall.scenario.parse import BUILT_DRIVERS, PLANNED_DRIVERS, RULE, Scenario, Statement, near, read_scenario
from seawall.scenario.venue_driver import KernelDriver, VenueDriver
from seawall.venue.posting import VenueError


class Driver(Protocol):
    """What runs the statements of a scenario."""

    name: str

    def __init__(self, scenario: Scenario, design: Design, text: str) -> None: ...

    def read(self, statement: Statement) -> Action:
        """What a statement does when it is its turn. Errors: BadInput."""

    def finish(self) -> list[Check]:
        """What must hold at the end of every scenario."""

    def close(self) -> None:
        """Give back what it holds."""


DRIVERS: Final[dict[str, type[Driver]]] = {
    "fund": FundDriver,
    "venue": VenueDriver,
    "kernel": KernelDriver,
    "ledger": LedgerDriver,
}


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """One scenario under one driver.

    file    as the user named it
    design  the design's digest
    checks  every expectation, in order, and at last that the log replays
    """

    file: str
    title: str
    spec: tuple[str, ...]
    driver: str
    design: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every expectation holds."""
        return all(check.ok for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The expectations that do not hold."""
        return tuple(check for check in self.checks if not check.ok)

    def lines(self) -> list[str]:
        """A line a failure: `WF-01.scn:14 deficit D1: wanted bucket 100 (capacity); found bucket 90 (event_limit)`."""
        places = ((f"{self.file}:{check.line}" if check.line else self.file, check) for check in self.failures)
        return [f"{place} {check}" for place, check in places]


def run_scenario(path: Path, driver: str | None = None) -> ScenarioResult:
    """Run a scenario file.

    driver   one that the file lists; None: the first that it lists and this version has
    returns  the result, whether or not everything holds; a broken invariant is a check that does not hold, and ends it
    Errors   BadInput with every problem of the file; nothing was run then.
    """
    return run_parsed(read_scenario(path), driver)


def run_parsed(scenario: Scenario, driver: str | None = None) -> ScenarioResult:
    """Run a scenario that was read already. As `run_scenario`."""
    kind = DRIVERS[_pick(scenario, driver)]
    design, text = build_design(scenario)
    machine = kind(scenario, design, text)
    try:
        checks = _checks(scenario, machine)
    finally:
        machine.close()
    return ScenarioResult(scenario.file, scenario.title, scenario.spec, kind.name, design_digest(design), tuple(checks))


def _checks(scenario: Scenario, machine: Driver) -> list[Check]:
    """Every statement, read before any is run."""
    problems: list[Problem] = []
    actions: list[tuple[Statement, Action]] = []
    for statement in scenario.statements:
        try:
            actions.append((statement, machine.read(statement)))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)
    checks: list[Check] = []
    for statement, action in actions:
        try:
            checks += action()
        except (InvariantBroken, BrokenLog, VenueError) as error:
            checks.append(Check(statement.line, statement.what, "every invariant holds", str(error), False))
            break
    else:
        checks += machine.finish()
    return checks


def _pick(scenario: Scenario, driver: str | None) -> str:
    """The driver to run with."""
    listed = ", ".join(scenario.drivers)
    have = ", ".join(BUILT_DRIVERS)
    if driver is not None:
        if driver not in BUILT_DRIVERS:
            later = f" ({', '.join(PLANNED_DRIVERS)} is planned)" if driver in PLANNED_DRIVERS else ""
            wanted, hint = f"one of the drivers {have}{later}", near(driver, BUILT_DRIVERS)
            raise BadInput(Problem(scenario.file, 0, "--driver", wanted, repr(driver), RULE, hint))
        if driver not in scenario.drivers:
            wanted = f"a driver that the file lists: {listed}"
            raise BadInput(Problem(scenario.file, 0, "--driver", wanted, repr(driver), RULE))
        return driver
    for name in scenario.drivers:
        if name in BUILT_DRIVERS:
            return name
    raise BadInput(Problem(scenario.file, 0, "driver", f"one that this version has: {have}", listed, RULE))
