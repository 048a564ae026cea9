"""Lots on arrays: which winners are closed in whole lots, for a million of them, to the same lot as the Python rule.

Layer    rules; imports rules.{adl_arrays,adl_policies,adl_scores,deleveraging,min_max_lots,exact_arrays,split_arrays},
         NumPy. Called by venue.pools. SPEC 7, 8; I6.
Not here what a cap and a plan are (rules.deleveraging): this file says the same for arrays.
Held to  this by tests/rules/test_lots_arrays.py: `==` to `plan_lots`, every policy, ties and edges of int64 included.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from seawall.rules.adl_arrays import TooWide, WinnersArrays, limits_array, share_array, weights_array
from seawall.rules.adl_policies import WEIGHTS, Policy
from seawall.rules.adl_scores import PolicyParameters
from seawall.rules.deleveraging import Eligible, Gap, Ranking, plan_lots, policy_of
from seawall.rules.exact_arrays import (
    MOST_AMOUNT,
    Ints,
    Weights,
    divide,
    exact_sum,
    floor_quotients,
    products_at_most,
    slack,
)
from seawall.rules.min_max_lots import hand_out
from seawall.rules.split_arrays import below_caps_array

MOST_GAP: Final = 2**62
"""Gaps from here on, in units or lots, are left to Python."""


def plan_lots_array(
    winners: WinnersArrays,
    gap: Gap,
    ranking: Ranking,
    eligible: Eligible,
    parameters: PolicyParameters | None = None,
) -> Ints:
    """`plan_lots` on arrays.

    winners  int64, or Python's integers as objects: then the Python rule does it
    returns  shape (n,), lots, equal to `plan_lots(winners.participants(), gap, ranking, eligible, parameters)`
    """
    policy, parameters = policy_of(ranking), parameters or PolicyParameters()
    try:
        caps = _caps(policy, winners, gap, eligible, parameters)
        if policy == "min_max":
            return _min_max(gap.lots, winners.equity_units, caps)
        return share_array(policy, gap.lots, winners, caps, parameters)
    except TooWide:
        found = plan_lots(winners.participants(), gap, ranking, eligible, parameters)
        return np.array(found, winners.lots.dtype)


def capacity_lots(
    winners: WinnersArrays,
    gap: Gap,
    ranking: Ranking,
    eligible: Eligible,
    parameters: PolicyParameters | None = None,
) -> int | None:
    """The most lots that winners could be closed for at a gap a lot: a plan adds up to this, or to `gap.lots` if less.

    returns  None where something does not fit int64
    """
    policy, parameters = policy_of(ranking), parameters or PolicyParameters()
    try:
        caps = _caps(policy, winners, gap, eligible, parameters)
        if policy not in WEIGHTS:
            return exact_sum(caps)
        weights = weights_array(policy, winners, parameters)
    except TooWide:
        return None
    factors = weights if isinstance(weights, tuple) else (weights,)
    return exact_sum(np.where(np.all([factor > 0 for factor in factors], axis=0), caps, 0))


def _caps(policy: Policy, winners: WinnersArrays, gap: Gap, eligible: Eligible, parameters: PolicyParameters) -> Ints:
    """Most lots of each: `lot_cap`, and what the policy itself spares."""
    if winners.lots.dtype == object or not 0 <= gap.units < MOST_GAP or not 0 < gap.lots < MOST_GAP:
        raise TooWide
    caps = lot_caps(winners, gap, eligible)
    limits = limits_array(policy, winners, parameters)
    return caps if limits is None else _lots_for(limits, caps, gap)


def lot_caps(winners: WinnersArrays, gap: Gap, eligible: Eligible) -> Ints:
    """`lot_cap` of each, shape (n,), for a gap with 0 <= units < MOST_GAP and 0 < lots < MOST_GAP.

    Errors  TooWide where a cap does not fit.
    """
    caps = winners.lots if eligible == "any" else _lots_for(winners.cap_units, winners.lots, gap)
    if eligible != "profit_at_close":
        return caps
    if not gap.units:
        return np.where(winners.profit_units >= 0, caps, 0)
    # Lots are > 0, so that whoever is at a loss fails this as one without profit does.
    return np.where(products_at_most(winners.lots, gap.units, gap.lots, winners.gain), caps, 0)


def _lots_for(payable_units: Ints, lots: Ints, gap: Gap) -> Ints:
    """min(lots, floor(payable x gap lots / gap units)): all where closing costs nothing against the mark.

    Floats say who can surely pay for all of its lots: their quotient might not fit. The others' are exact.
    """
    if not gap.units:
        return lots
    near = payable_units * (gap.lots / gap.units)
    open_ = np.flatnonzero(near * (1 - float(slack(np.float64))) <= lots)
    top, bottom = (np.broadcast_to(np.int64(part), len(open_)) for part in (gap.lots, gap.units))
    found = floor_quotients((payable_units[open_], top), (bottom,), 1)
    if found.dtype == object:
        raise TooWide
    caps = lots.copy()
    caps[open_] = np.minimum(lots[open_], found)
    return caps


def _min_max(lots: int, equity_units: Ints, caps: Ints) -> Ints:
    """`min_max_lots`: what lies below the level at once, the rest, fewer than one a winner, by its heap."""
    weights = Weights((np.maximum(equity_units, 0),))
    handed = np.where(equity_units > 0, caps, 0)
    found = below_caps_array(lots, weights, caps)
    if found is None:
        raise TooWide
    under, room, rest = found
    if not len(under):
        return handed
    if not rest.narrow or room > MOST_AMOUNT:
        raise TooWide
    handed[under], _ = divide(room, rest.factors[0], rest.total)
    plan = handed.tolist()
    hand_out(room - int(handed[under].sum()), under.tolist(), plan, equity_units.tolist(), caps.tolist())
    return np.array(plan, np.int64)
