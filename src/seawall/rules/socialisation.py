"""Socialisation: money taken from positive profit, pro rata, when no layer is left.

Layer    rules; imports amounts, rules.deleveraging (the water-fill); called by venue.haircuts. SPEC 7; I5, I6, I10.
Not here closing of positions (rules.deleveraging).
Held to  this by tests/rules/test_socialisation.py; case SOC-01.
"""

from __future__ import annotations

from collections.abc import Sequence

from seawall.amounts import allocate
from seawall.rules.deleveraging import capped_water_fill


def positive_pnl_haircuts(
    severity_units: int, net_pnl_units: Sequence[int], equity_units: Sequence[int]
) -> tuple[int, ...]:
    """Haircuts over positive net profit: factor = severity / base, at most 1; the rest is the caller's to carry.

    severity_units  base units, >= 0
    net_pnl_units   shape (n,), each participant's net profit over all markets, by ascending id; losers pay nothing
    equity_units    shape (n,), nobody pays more than its equity
    returns         shape (n,), base units, adding up to min(severity, what the base can pay)
    Rounding        floor, then largest remainder, ties lowest id; independent of order: one snapshot.
    Source          SPEC 7 «Socialised loss»; OKX clawback of 2018 nets over all contracts (case SOC-01).
    """
    gains = [max(0, pnl) for pnl in net_pnl_units]
    caps = [min(gain, max(0, equity)) for gain, equity in zip(gains, equity_units, strict=True)]
    return capped_water_fill(severity_units, gains, caps)


def haircut_by_market(haircut_units: int, pnl_units: Sequence[int]) -> tuple[int, ...]:
    """A participant's haircut, split over its profitable markets by `allocate` over the profits there.

    pnl_units  shape (m,), profit by market; at least one positive where haircut_units > 0
    """
    return allocate(haircut_units, [max(0, pnl) for pnl in pnl_units])
