"""What the tests of `scenario` share: a scenario from a few lines, run or refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seawall.design.errors import BadInput, Problem
from seawall.scenario.parse import parse_scenario
from seawall.scenario.run import ScenarioResult, run_parsed

FUND = """\
title   A scenario of a test
spec    6
driver  fund
asset   USDC decimals 2
market  BTC
market  ETH
layer   bucket kind market_bucket market BTC balance 100 target 200
layer   shared kind shared_fund balance 500 event_limit 300 target 600
exhaustion adl fallback carry
"""
"""Nine lines: what a test adds begins on line 10."""

VENUE = """\
title   A scenario of a test
spec    4
driver  venue
asset   USDC decimals 0
market  BTC
layer   shared kind shared_fund balance 20
exhaustion carry
depth   BTC bids 1x6
account A cash 60 long 10 BTC at 100
account B cash 500 short 4 BTC at 100
"""
"""Ten lines: what a test adds begins on line 11. At 95 A is liquidated: 6 lots at 94, 4 wait."""

Run = Callable[[str], ScenarioResult]
Refuse = Callable[[str], list[Problem]]


def parsed(text: str) -> ScenarioResult:
    return run_parsed(parse_scenario(text, "x.scn", Path("x.scn")))


@pytest.fixture
def run() -> Run:
    """Runs a whole scenario text."""
    return parsed


@pytest.fixture
def fund() -> Run:
    """Runs statements under a small fund."""
    return lambda lines: parsed(FUND + lines)


@pytest.fixture
def venue() -> Run:
    """Runs statements under a small venue."""
    return lambda lines: parsed(VENUE + lines)


@pytest.fixture
def refuse() -> Refuse:
    """The problems of a scenario text that cannot be read."""

    def problems(text: str) -> list[Problem]:
        with pytest.raises(BadInput) as caught:
            parsed(text)
        return list(caught.value.problems)

    return problems
