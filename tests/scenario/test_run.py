"""Choosing a driver, and a machine that breaks."""

from pathlib import Path

import pytest

from seawall.design.errors import BadInput
from seawall.fund.invariants import InvariantBroken
from seawall.fund.journal import Journal
from seawall.scenario import run_scenario
from seawall.scenario.parse import parse_scenario
from seawall.scenario.run import run_parsed
from tests.scenario.conftest import FUND, Run

TEXT = FUND.replace("driver  fund", "driver  contract, fund, ledger") + "events -> 0\n"


def test_the_first_driver_that_is_here_runs_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.scn").write_text(TEXT, encoding="utf-8")
    assert run_scenario(tmp_path / "x.scn").driver == "fund"
    assert run_scenario(tmp_path / "x.scn", "fund").driver == "fund"
    assert run_scenario(tmp_path / "x.scn", "ledger").driver == "ledger"


@pytest.mark.parametrize(
    ("driver", "wanted", "hint"),
    [
        ("venue", "a driver that the file lists: contract, fund, ledger", ""),
        ("contract", "one of the drivers fund, venue, kernel, ledger (contract is planned)", ""),
        ("fnud", "one of the drivers fund, venue, kernel, ledger", 'did you mean "fund"?'),
    ],
)
def test_another_driver_is_refused(driver: str, wanted: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        run_parsed(parse_scenario(TEXT, "x.scn", Path("x.scn")), driver)
    (problem,) = caught.value.problems
    assert (problem.wanted, problem.hint) == (wanted, hint)


def test_a_broken_invariant_is_a_check_that_does_not_hold(fund: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise InvariantBroken("I1 broken by event 2")

    monkeypatch.setattr(Journal, "submit", broken)
    result = fund("inflow I1 yield 5 -> shared 5\nevents -> 1\n")
    assert result.lines() == ["x.scn:10 inflow I1: wanted every invariant holds; found I1 broken by event 2"]
    assert len(result.checks) == 1


def test_the_log_of_every_scenario_is_replayed(fund: Run) -> None:
    assert fund("events -> 0\n").checks[-1].what == "the log, replayed"
