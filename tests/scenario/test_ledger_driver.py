"""The ledger driver: the fund's scenarios through a durable log give the journal's bytes; nothing is left behind."""

import tempfile
from pathlib import Path

import pytest

from seawall.design.errors import BadInput
from seawall.fund.invariants import InvariantBroken
from seawall.fund.machine import FundMachine
from seawall.scenario.design import build_design
from seawall.scenario.fund_driver import FundDriver
from seawall.scenario.ledger_driver import LedgerDriver
from seawall.scenario.parse import BUILT_DRIVERS, parse_scenario, read_scenario
from seawall.scenario.run import run_parsed
from tests.scenario.conftest import FUND

FILES = sorted((Path(__file__).resolve().parents[1] / "scenarios").glob("*.scn"))
OF_THE_FUND = [path for path in FILES if "fund" in read_scenario(path).drivers]


def lines_of(kind: type[FundDriver], path: Path) -> tuple[list[bytes], list[str]]:
    """The log that a driver leaves of a scenario, and what its checks found."""
    scenario = read_scenario(path)
    driver = kind(scenario, *build_design(scenario))
    try:
        actions = [driver.read(statement) for statement in scenario.statements]
        found = [str(check) for action in actions for check in action()]
        return driver._journal.lines, found
    finally:
        driver.close()


@pytest.mark.parametrize("path", OF_THE_FUND, ids=lambda path: path.stem)
def test_a_ledgers_lines_are_a_journals_byte_for_byte(path: Path) -> None:
    lines, found = lines_of(FundDriver, path)
    assert lines_of(LedgerDriver, path) == (lines, found)
    assert len(lines) > 1 or path.stem in ("design-file", "preset-changed", "restart")


def text(lines: str) -> str:
    return FUND.replace("driver  fund", "driver  ledger, fund") + lines


def test_a_scenario_leaves_no_folder_behind_however_it_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held = run_parsed(
        parse_scenario(text("inflow I1 yield 5 -> shared 5\nrestart\nevents -> 0\n"), "x.scn", Path("x.scn"))
    )
    assert held.ok and held.driver == "ledger" and held.checks[-1].what == "the ledger, opened anew"
    with pytest.raises(BadInput):
        run_parsed(parse_scenario(text("inflow I1 nonsense 5\n"), "x.scn", Path("x.scn")))

    def broken(*_: object) -> None:
        raise InvariantBroken("I1 broken by event 2")

    monkeypatch.setattr(FundMachine, "check", broken)
    with pytest.raises(InvariantBroken):  # the opening's own check
        run_parsed(parse_scenario(text("events -> 0\n"), "x.scn", Path("x.scn")))
    assert list(tmp_path.iterdir()) == []


def test_a_broken_invariant_is_a_check_that_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    check = FundMachine.check

    def broken(machine: FundMachine, state: object, stamp: object, event: object) -> None:
        if stamp.seq > 1:  # type: ignore[attr-defined]
            raise InvariantBroken("I1 broken by event 2")
        check(machine, state, stamp, event)  # type: ignore[arg-type]

    monkeypatch.setattr(FundMachine, "check", broken)
    result = run_parsed(parse_scenario(text("inflow I1 yield 5 -> shared 5\nevents -> 1\n"), "x.scn", Path("x.scn")))
    assert result.lines() == ["x.scn:10 inflow I1: wanted every invariant holds; found I1 broken by event 2"]


def test_a_ledger_that_gives_another_state_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from seawall.scenario import ledger_driver

    monkeypatch.setattr(ledger_driver.LedgerLog, "reopened", lambda _: "0" * 64)
    result = run_parsed(parse_scenario(text("inflow I1 yield 5 -> shared 5\n"), "x.scn", Path("x.scn")))
    assert result.lines() == ["x.scn the ledger, opened anew: wanted the same state; found another state"]


def test_the_ledger_is_a_driver() -> None:
    assert "ledger" in BUILT_DRIVERS and len(OF_THE_FUND) >= 60
