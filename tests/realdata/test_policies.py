"""Every policy on the 19,337 real winners: sums to the unit, and on whom the haircuts fall."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path

import pytest

from seawall.rules.adl_arrays import WinnersArrays, haircut_array
from seawall.rules.adl_policies import ADL_POLICIES, haircuts, money_caps
from seawall.rules.adl_scores import Participant, PolicyParameters
from seawall.rules.concentration import concentration
from tests.realdata.tables import ONE, SHOCKS, USERS, WAVES, usd, wave_severities, winners

pytestmark = pytest.mark.realdata

PARAMETERS = PolicyParameters(beta_ppm=750_000, wallet_floor_units=ONE, seed="2025-10-10")


@cache
def book_of(data_dir: Path) -> list[Participant]:
    return winners(data_dir)


@cache
def arrays_of(data_dir: Path) -> WinnersArrays:
    return WinnersArrays.of(book_of(data_dir))


def test_the_winners(data_dir, publish):
    book = book_of(data_dir)
    found = {
        "accounts": len(book),
        "in_profit": sum(winner.gain > 0 for winner in book),
        "with_capacity": sum(winner.cap > 0 for winner in book),
        "profit_usd": usd(sum(winner.gain for winner in book)),
        "capacity_usd": usd(sum(winner.cap for winner in book)),
    }
    assert (found["accounts"], found["in_profit"], found["with_capacity"]) == (19_337, 19_230, 19_106)
    publish(found, USERS)


@pytest.mark.parametrize("policy", [facts.name for facts in ADL_POLICIES])
def test_policy_takes_the_deficit_to_the_unit(data_dir, publish, policy):
    """Each severity alone, as if it came first. The array twin gives the same haircuts, one by one."""
    book = book_of(data_dir)
    caps = money_caps(policy, book, PARAMETERS)
    found = {}
    for name, severity in wave_severities(data_dir).items():
        paid = haircuts(policy, book, severity, PARAMETERS)
        assert sum(paid) == severity < sum(caps)
        assert all(0 <= haircut <= cap for haircut, cap in zip(paid, caps, strict=True))
        assert tuple(haircut_array(policy, arrays_of(data_dir), severity, PARAMETERS).tolist()) == paid
        of_equity = max(h * 10**6 // w.equity_units for h, w in zip(paid, book, strict=True) if h)
        found[name] = asdict(concentration(paid)) | {"largest_of_equity_ppm": of_equity}
    assert sum(haircuts(policy, book, sum(caps) + 1, PARAMETERS)) == sum(caps)  # a unit is left, and carried
    publish({"capacity_usd": usd(sum(caps)), "by_severity": found}, USERS, WAVES, SHOCKS)
