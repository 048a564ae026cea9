"""docs/conformance.md is what the scenarios say: every mechanism has scenarios under a driver, or a reason why not."""

import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = runpy.run_path(str(ROOT / "tools" / "conformance.py"))


def test_the_page_is_what_the_tool_writes() -> None:
    assert (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8") == TOOL["text"]()


def test_every_mechanism_of_the_list_is_there_once() -> None:
    known = tomllib.loads((ROOT / "tools" / "conformance.toml").read_text(encoding="utf-8"))
    assert [mechanism["number"] for mechanism in known["mechanism"]] == list(range(1, 28))


def test_a_built_driver_with_a_scenario_needs_no_reason_and_one_without_does() -> None:
    cell = TOOL["cell"]
    assert cell("fund", 3, {"number": 1}, {}) == "3"
    assert cell("kernel", 3, {"number": 1}, {"kernel": "planned"}) == "planned (3)"
    assert cell("kernel", 0, {"number": 1, "venue": "why"}, {"kernel": "planned"}) == "why"
    with pytest.raises(SystemExit, match="mechanism 1, driver fund: neither a scenario nor a reason"):
        cell("fund", 0, {"number": 1, "venue": "why"}, {})
