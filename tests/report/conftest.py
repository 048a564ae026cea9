"""Runs that the tests of report look at, each made once a session and copied by those that damage it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seawall.report.reading import RunFolder, read_run
from tests.report.runs import Made, design_text, make_run

DESIGNS = {
    "adl": design_text("adl", name="adl"),
    "social": design_text("socialised_loss", name="social"),
    "carry": design_text("carry", "carry", name="carry"),
    "survives": design_text("adl", name="survives", bucket="4000000", shared="9000000", event="9000000"),
    "calm": design_text("adl", name="calm"),
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """By name: the tests' crash under every policy, under a fund that survives it, and a calm day (one step)."""
    root = tmp_path_factory.mktemp("runs")
    return {
        name: make_run(root / name, text, **({"fall": (1_000_000,)} if name == "calm" else {}))
        for name, text in DESIGNS.items()
    }


@pytest.fixture(scope="session")
def runs(made: dict[str, Made]) -> dict[str, RunFolder]:
    """The same, read."""
    return {name: read_run(one.path) for name, one in made.items()}


@pytest.fixture
def copy_of(made: dict[str, Made], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a run's folder, to be damaged."""

    def copy(name: str = "adl") -> Path:
        return Path(shutil.copytree(made[name].path, tmp_path / "run"))

    return copy
