"""The manual names every word of the language: statements, figures, expectations."""

import re
from pathlib import Path

import pytest

from seawall.scenario.assertions import FUND_SUBJECTS, LAYER_FIGURES, RECEIVERS
from seawall.scenario.design import RESERVED
from seawall.scenario.fund_commands import HOWS, PARTS, SOURCES, FundCommands
from seawall.scenario.fund_facts import BOUNDS, EXCESS, SPLIT
from seawall.scenario.parse import DESIGN_WORDS, HEADER, OPTIONAL_HEADER
from seawall.scenario.staking import STAKER_FIGURES, STAKING_FACTS, STAKING_SUBJECTS, TRANCHE_FIGURES
from seawall.scenario.venue_assertions import ACCOUNT_FIGURES, INVENTORY_FIGURES, VENUE_SUBJECTS
from seawall.scenario.venue_driver import ACTIONS
from seawall.scenario.venue_facts import SINGLE, WHOLE

MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "scenario.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\d)\. .*?\n(.*?)(?=^## |\Z)", MANUAL, re.DOTALL | re.MULTILINE))


def words_of(section: str) -> set[str]:
    """Words in code of a section of the manual."""
    return {word for code in re.findall(r"`([^`]+)`", SECTIONS[section]) for word in re.findall(r"[a-z_]+", code)}


COMMANDS = FundCommands(None, None).keywords  # type: ignore[arg-type]
LISTS = {
    "3": (HEADER, OPTIONAL_HEADER),
    "4": (DESIGN_WORDS, RESERVED),
    "5": (COMMANDS, SOURCES, HOWS, PARTS, BOUNDS, EXCESS, SPLIT, STAKING_FACTS),
    "6": (ACTIONS, ACCOUNT_FIGURES, INVENTORY_FIGURES, VENUE_SUBJECTS, WHOLE, SINGLE, RECEIVERS),
    "7": (FUND_SUBJECTS, LAYER_FIGURES, STAKING_SUBJECTS, STAKER_FIGURES, TRANCHE_FIGURES),
}


@pytest.mark.parametrize("section", LISTS)
def test_the_manual_has_every_word(section: str) -> None:
    known = {word for words in LISTS[section] for word in words}
    assert known - words_of(section) == ({"t", "restart"} if section == "6" else set())
