"""Every scenario of tests/scenarios holds; with any other figure or bound it fails; the manual's examples hold."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from seawall.design.errors import BadInput
from seawall.scenario.parse import BUILT_DRIVERS, Item, Scenario, Statement, parse_scenario, read_scenario
from seawall.scenario.run import run_parsed, run_scenario

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests" / "scenarios").glob("*.scn"))
MANUAL = ROOT / "docs" / "reference" / "scenario.md"


RUNS = [(path, driver) for path in FILES for driver in read_scenario(path).drivers if driver in BUILT_DRIVERS]


def test_there_are_scenarios_of_every_driver() -> None:
    drivers = [driver for _, driver in RUNS]
    assert drivers.count("fund") >= 20 and drivers.count("venue") >= 30
    assert drivers.count("kernel") == drivers.count("venue")
    assert drivers.count("ledger") == drivers.count("fund")


@pytest.mark.parametrize(("path", "driver"), RUNS, ids=lambda part: getattr(part, "stem", part))
def test_scenario_holds(path: Path, driver: str) -> None:
    result = run_scenario(path, driver)
    assert not result.lines()
    assert result.ok and len(result.checks) > 1 and result.driver == driver


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario_names_its_sections(path: Path) -> None:
    scenario = read_scenario(path)
    part = r"[0-9]+(\.[0-9]+)?|I[0-9]+|[A-Z]+-[0-9]+( [a-z])?"  # a section, an invariant, a case
    assert scenario.title and scenario.spec
    assert [name for name in scenario.spec if not re.fullmatch(part, name)] == []


# -- an expectation that is changed must fail --------------------------------------------------------------------

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def one_more(number: str) -> str:
    """A number with its last digit raised by one, away from zero."""
    digits = str(int(re.sub(r"[-.]", "", number)) + 1)
    places = len(number.partition(".")[2])
    whole = digits.zfill(places + 1)
    return ("-" if number.startswith("-") else "") + (f"{whole[:-places]}.{whole[-places:]}" if places else whole)


def other_remark(remark: str) -> str:
    return "(event_limit)" if remark == "(capacity)" else "(adl_money)" if remark == "(adl)" else "(capacity)"


def changed_items(item: Item) -> Iterator[Item]:
    """The item with each of its figures and remarks changed in turn."""
    for position, word in enumerate(item.words):
        other = one_more(word) if NUMBER.fullmatch(word) else other_remark(word) if word.startswith("(") else None
        if other is not None:
            yield Item(item.line, (*item.words[:position], other, *item.words[position + 1 :]))


def places(scenario: Scenario) -> Iterator[tuple[int, int | None, Statement]]:
    """(position of the statement, of the child in it, the statement itself) wherever something is expected."""
    for i, statement in enumerate(scenario.statements):
        yield i, None, statement
        for j, child in enumerate(statement.children):
            yield i, j, child


def with_items(scenario: Scenario, i: int, j: int | None, items: list[Item]) -> Scenario:
    """A copy of the scenario with other expectations of one statement."""
    changed = copy.deepcopy(scenario)
    statement = changed.statements[i] if j is None else changed.statements[i].children[j]
    statement.expected = items
    return changed


def holds(scenario: Scenario) -> bool:
    try:
        return run_parsed(scenario).ok
    except BadInput:
        return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_changed_figure_or_bound_fails(path: Path) -> None:
    scenario = read_scenario(path)
    survivors = []
    changes = 0
    for i, j, statement in places(scenario):
        for k, item in enumerate(statement.expected or ()):
            for other in changed_items(item):
                changes += 1
                items = [*statement.expected[:k], other, *statement.expected[k + 1 :]]
                if holds(with_items(scenario, i, j, items)):
                    survivors.append(f"{item.line}: {item} -> {other}")
    assert changes and not survivors


IN_FULL = ("deficit", "inflow", "top_up", "close_market", "migrate", "release", "withdraw")
OPTIONAL = ("pending", "carried", "from", "nothing", "borne")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_money_of_the_fund_that_is_left_out_fails(path: Path) -> None:
    scenario = read_scenario(path)
    survivors = []
    for i, j, statement in places(scenario):
        for k, item in enumerate(statement.expected or ()):
            amounts = [word for word in item.words if NUMBER.fullmatch(word)]
            moves = amounts and amounts != ["0"] and item.words[0] not in OPTIONAL
            rest = [*statement.expected[:k], *statement.expected[k + 1 :]]
            if statement.keyword in IN_FULL and moves and rest and holds(with_items(scenario, i, j, rest)):
                survivors.append(f"{item.line}: {item}")
    assert not survivors


# -- the manual --------------------------------------------------------------------------------------------------

EXAMPLES = re.findall(r"```scn\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
SHOWN = "\n".join(re.findall(r"```text\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)).splitlines()


def example(number: int, *changes: tuple[str, str]) -> Scenario:
    text = EXAMPLES[number]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file = ("fund.scn", "venue.scn")[number]
    return parse_scenario(text, file, Path(file))


@pytest.mark.parametrize("number", [0, 1])
def test_the_manuals_examples_hold(number: int) -> None:
    assert run_parsed(example(number)).lines() == []


def test_the_manual_shows_failures_as_they_are() -> None:
    failing = [
        example(0, ("shared 300 (event_limit)", "shared 200 (event_limit)")),
        example(1, ("cash 612", "cash 611")),
        example(0, (", severity 50", "")),
    ]
    found = [line for scenario in failing for line in run_parsed(scenario).lines()]
    with pytest.raises(BadInput) as caught:
        run_parsed(example(0, ("-> bucket", "-> bukcet")))
    assert [*found, str(caught.value)] == [line for line in SHOWN if line]
