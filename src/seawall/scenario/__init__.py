"""Scenario: tables that a risk officer reads and writes, run against the machines (docs/reference/scenario.md).

Layer    scenario; imports design, fund, venue, stress (the ladder). One file a job: parse (lines and words), design
         (its compact lines), checks (wanted and found), assertions; fund_driver with fund_commands, fund_facts,
         staking; venue_driver with venue_book, venue_facts, venue_expected, venue_assertions; run.
Not here any rule about money: a scenario states what must follow, the machines say what does.
"""

from seawall.scenario.checks import Check
from seawall.scenario.parse import read_scenario
from seawall.scenario.run import ScenarioResult, run_scenario

__all__ = ["Check", "ScenarioResult", "read_scenario", "run_scenario"]
