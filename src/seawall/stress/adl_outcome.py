"""ADL outcome: winners under a policy, in figures: what each pays, how unevenly, and the root over it.

Layer    stress; imports rules.{adl_arrays,adl_policies,adl_scores,concentration,haircut_root}, report.adl_table,
         stress.winners.
Not here reading files (stress.winners), text and pictures (report.adl_table).
Held to  this by tests/stress/test_adl_outcome.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np

from seawall.amounts import PPM, Units
from seawall.report.adl_table import AdlRow
from seawall.rules.adl_arrays import haircut_array
from seawall.rules.adl_policies import WEIGHTS, Policy
from seawall.rules.adl_scores import PolicyParameters
from seawall.rules.concentration import concentration
from seawall.rules.exact_arrays import Ints, exact_sum
from seawall.rules.haircut_root import NO_SALT, NUMBER_LIMIT, Row, Tree, build_tree
from seawall.stress.winners import Winners

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "queue_bitmex": ("equity", "notional", "entry_notional"),
    "queue_binance": ("equity", "maintenance"),
    "queue_hyperliquid": ("equity", "notional", "entry_notional"),
    "queue_roi_mr": ("equity", "entry_notional", "maintenance"),
    "pro_rata_equity": ("equity",),
    "min_max": ("equity",),
    "pro_rata_notional": ("notional",),
    "pro_rata_lots": ("lots",),
    "risk_levered": ("equity", "notional"),
    "risk_levered_squared": ("equity", "notional"),
    "rap": ("equity", "notional"),
    "mean_surplus": ("equity", "lots"),
}
"""Columns without which a policy has nothing to go by."""


def missing_columns(policy: str, winners: Winners) -> tuple[str, ...]:
    """Columns that a policy needs and the file lacks."""
    return tuple(name for name in NEEDS.get(policy, ()) if name not in winners.columns)


def adl_row(policy: Policy, winners: Winners, severity_units: int, haircuts: Ints, root: str = "") -> AdlRow:
    """The figures of one policy's haircuts. Source: SPEC 8, I10; Gini over all winners."""
    caps = winners.arrays.cap_units
    paid = exact_sum(haircuts)
    hit = haircuts > 0
    whole = exact_sum(caps[hit] - haircuts[hit]) if policy.startswith("queue_") else 0
    spread = concentration(haircuts.tolist())
    return AdlRow(
        policy=policy,
        paid=Units(paid),
        carried=Units(severity_units - paid),
        overshoot_whole=Units(whole),
        payers=spread.hit,
        largest_ppm=spread.largest_ppm,
        top_ten_ppm=spread.top_ten_ppm,
        gini_ppm=spread.gini_ppm,
        deepest_ppm=_deepest_ppm(haircuts[hit], caps[hit]),
        groups_units=_groups(winners, haircuts),
        root=root,
    )


def _deepest_ppm(haircuts: Ints, caps: Ints) -> int:
    """The largest haircut / cap, ppm rounded down: the float only picks candidates, integers decide."""
    if not haircuts.size:
        return 0
    parts = haircuts / caps
    near = np.flatnonzero(parts >= parts.max() * (1 - 1e-12))
    return max(int(haircuts[i]) * PPM // int(caps[i]) for i in near[:1000])


def _groups(winners: Winners, haircuts: Ints) -> tuple[Units, ...]:
    """Haircuts of the largest 1 %, the next 9 %, the next 40 % and the rest of winners, by profit; ties lowest id."""
    order = np.argsort(-winners.arrays.profit_units, kind="stable")
    n = len(order)
    ends = [0, n // 100, n // 10, n // 2, n]
    return tuple(Units(exact_sum(haircuts[order[begin:end]])) for begin, end in pairwise(ends))


def haircuts_of(policy: Policy, winners: Winners, severity_units: int, parameters: PolicyParameters) -> Ints:
    """What each winner pays, shape (n,), base units."""
    return haircut_array(policy, winners.arrays, severity_units, parameters)


def haircut_tree(
    policy: Policy, winners: Winners, haircuts: Ints, parameters: PolicyParameters, salt: bytes
) -> tuple[Tree, list[Row]]:
    """The tree over (cap, weight, haircut) of every winner.

    salt     the venue's secret: each row's own salt is sha256(salt, account); empty: rows are not salted
    weights  what the policy weighs winners by; their caps for policies that do not weigh, or beyond 128 bits
    """
    caps = winners.arrays.cap_units.tolist()
    weights: list[int] = caps
    if policy in WEIGHTS:
        weigh = WEIGHTS[policy]
        weighed = [weigh(winner, parameters) for winner in winners.arrays.participants()]
        weights = weighed if sum(weighed) < NUMBER_LIMIT else caps
    rows = [
        Row(
            id=account,
            cap_units=cap,
            weight=weight,
            haircut_units=haircut,
            salt=hashlib.sha256(salt + account.encode()).digest() if salt else NO_SALT,
        )
        for account, cap, weight, haircut in zip(winners.ids, caps, weights, haircuts.tolist(), strict=True)
    ]
    return build_tree(rows), rows
