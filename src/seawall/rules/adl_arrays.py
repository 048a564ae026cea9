"""ADL policies on arrays: every policy for a million winners, to the same unit as the Python rule.

Layer    rules; imports rules.{adl_policies,adl_scores,split_arrays,exact_arrays}, NumPy. Called by rules.lots_arrays,
         stress, benchmarks. SPEC 8.
Not here what the policies are (rules.adl_policies): this file says the same for arrays.
Held to  this by tests/rules/test_adl_arrays.py: `==` to `haircuts`, every policy, ties and edges of int64 included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from seawall.amounts import PPM
from seawall.rules.adl_policies import WEIGHTS, Policy, haircuts
from seawall.rules.adl_scores import SCORE_ONE, SCORES, Participant, PolicyParameters, random_score
from seawall.rules.exact_arrays import (
    MOST_AMOUNT,
    MOST_TOTAL,
    Bools,
    Ints,
    Weights,
    add_to_largest,
    divide,
    exact_sum,
    floor_quotients,
)
from seawall.rules.split_arrays import below_caps_array, queue_array, water_fill_array

AnyInts = npt.NDArray[Any]
"""int64, or Python's integers as objects."""

MOST_FACTORS: Final = 8
"""More factors of a weight than this are left to Python."""


class TooWide(ArithmeticError):
    """Something does not fit int64: the Python rule decides."""


@dataclass(frozen=True, slots=True, eq=False)
class WinnersArrays:
    """Participants as arrays, lowest id first: shape (n,), int64, base units but lots. See `Participant`.

    ids  needed by queue_random only; may be empty otherwise
    """

    ids: tuple[str, ...]
    lots: Ints
    profit_units: Ints
    equity_units: Ints
    notional_units: Ints
    entry_units: Ints
    wallet_units: Ints
    maintenance_units: Ints
    cap_units: Ints

    @classmethod
    def of(cls, participants: Sequence[Participant]) -> WinnersArrays:
        """From objects. Errors: OverflowError where a field does not fit int64."""

        def column(values: Sequence[int]) -> Ints:
            return np.array(values, np.int64)

        return cls(
            tuple(p.id for p in participants),
            column([p.lots for p in participants]),
            column([p.profit_units for p in participants]),
            column([p.equity_units for p in participants]),
            column([p.notional_units for p in participants]),
            column([p.entry_units for p in participants]),
            column([p.wallet for p in participants]),
            column([p.maintenance_units for p in participants]),
            column([p.cap for p in participants]),
        )

    def participants(self) -> list[Participant]:
        """As objects."""
        ids = self.ids or [str(i) for i in range(len(self.lots))]
        columns = (
            self.lots,
            self.profit_units,
            self.equity_units,
            self.notional_units,
            self.entry_units,
            self.wallet_units,
            self.maintenance_units,
            self.cap_units,
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [Participant(name, *row) for name, row in zip(ids, rows, strict=True)]

    @property
    def gain(self) -> Ints:
        """Positive profit."""
        return np.maximum(self.profit_units, 0)


def haircut_array(
    policy: Policy, winners: WinnersArrays, severity_units: int, parameters: PolicyParameters | None = None
) -> Ints:
    """`haircuts` on arrays.

    returns  shape (n,), int64, equal to `haircuts(policy, winners.participants(), severity_units, parameters)`
    Errors   ValueError for a negative severity.
    """
    if severity_units < 0:
        raise ValueError(f"haircut_array: wanted a severity >= 0; found {severity_units}")
    parameters = parameters or PolicyParameters()
    try:
        return share_array(policy, severity_units, winners, _caps(policy, winners, parameters), parameters)
    except TooWide:
        return np.array(haircuts(policy, winners.participants(), severity_units, parameters), np.int64)


def share_array(policy: Policy, amount: int, winners: WinnersArrays, caps: Ints, parameters: PolicyParameters) -> Ints:
    """`share` on arrays: an amount, of money or of lots, under a policy, with caps in the same unit.

    amount   >= 0
    caps     shape (n,), int64, >= 0
    returns  shape (n,), int64, equal to `share(policy, amount, winners.participants(), caps, parameters)`
    Errors   TooWide where something does not fit, and for an unknown policy: the Python rule says what it is.
    """
    if policy in SCORES:
        return queue_array(amount, scores_array(policy, winners, parameters), caps)
    if policy in WEIGHTS:
        return water_fill_array(amount, weights_array(policy, winners, parameters), caps)
    ones = np.ones(len(caps), np.int64)
    if policy == "cea":
        return caps - water_fill_array(max(0, exact_sum(caps) - amount), ones, caps)
    if policy == "talmud":
        return _talmud(amount, caps, ones)
    raise TooWide


def _caps(policy: Policy, winners: WinnersArrays, parameters: PolicyParameters) -> Ints:
    limits = limits_array(policy, winners, parameters)
    return winners.cap_units if limits is None else np.minimum(winners.cap_units, limits)


def limits_array(policy: Policy, winners: WinnersArrays, parameters: PolicyParameters) -> Ints | None:
    """`policy_limits` on arrays: shape (n,), base units; None: the policy has no limit of its own.

    What `rap` spares altogether weighs nothing, so that it is not made 0 here.
    Errors  TooWide where something does not fit.
    """
    if policy in ("capped_pro_rata", "rap"):
        return _ppm_down(winners.gain, parameters.beta_ppm)
    if policy == "mean_surplus":
        return _mean_surpluses(winners)
    return None


def _ppm_down(values: Ints, rate_ppm: int) -> Ints:
    """floor(value x rate / 10^6), value >= 0: whole millions apart, so that nothing overflows."""
    if rate_ppm == PPM:
        return values
    if not 0 <= rate_ppm < PPM:
        raise TooWide
    millions = values // PPM
    return millions * rate_ppm + (values - millions * PPM) * rate_ppm // PPM


def _mean_surpluses(winners: WinnersArrays) -> Ints:
    lots, profit = exact_sum(winners.lots), exact_sum(winners.profit_units)
    columns = (winners.profit_units, winners.equity_units, winners.maintenance_units)
    wide = any(int(c.max(initial=0)) >= 2**61 or int(c.min(initial=0)) <= -(2**61) for c in columns)
    if wide or abs(profit) > MOST_AMOUNT or not 0 < lots <= MOST_TOTAL:
        raise TooWide
    parts, rests = divide(abs(profit), winners.lots, lots)
    means = parts + (rests > 0) if profit > 0 else -parts
    free = winners.equity_units - winners.maintenance_units
    surplus: Ints = np.minimum(winners.profit_units - means, free)
    return np.maximum(surplus, 0)


def _talmud(amount: int, claims: Ints, ones: Ints) -> Ints:
    total = exact_sum(claims)
    amount = min(amount, total)
    beyond_half = 2 * amount > total
    found = below_caps_array(2 * min(amount, total - amount), Weights((ones,)), claims)
    if found is None or total >= MOST_TOTAL:
        raise TooWide
    under, left, _ = found
    # Parts over `whole`: the floor and what is left over of each, never the product itself.
    half = max(1, len(under))
    whole = 2 * half
    parts, rests = claims >> 1, (claims & 1) * half
    if beyond_half:
        up = -(-left // whole)
        parts[under], rests[under] = claims[under] - up, up * whole - left
    else:
        parts[under], rests[under] = divmod(left, whole)
    add_to_largest(parts, rests, amount - int(parts.sum()), whole)
    return parts


def scores_array(policy: str, winners: WinnersArrays, parameters: PolicyParameters | None = None) -> AnyInts:
    """The scores of a queue, equal to `SCORES[policy]` of each: int64, or objects where one does not fit."""
    return _SCORES[policy](winners, parameters or PolicyParameters())


def _quotients(where: Bools, tops: Sequence[Ints], bottoms: Sequence[Ints], scale: int) -> AnyInts:
    """floor(scale x tops / bottoms) where that is defined, else 0."""
    if where.all():
        return floor_quotients(tops, bottoms, scale)
    index = np.flatnonzero(where)
    found = floor_quotients([f[index] for f in tops], [f[index] for f in bottoms], scale)
    result: AnyInts = np.zeros(len(where), found.dtype)
    result[index] = found
    return result


def _bitmex(winners: WinnersArrays, _: PolicyParameters) -> AnyInts:
    profit, equity, entry, notional = (
        winners.profit_units,
        winners.equity_units,
        winners.entry_units,
        winners.notional_units,
    )
    whole = (equity > 0) & (entry > 0) & (notional > 0)
    in_profit = profit >= 0
    top, bottom = np.where(in_profit, notional, equity), np.where(in_profit, equity, notional)
    return _quotients(whole, (profit, top), (entry, bottom), SCORE_ONE)


def _binance(winners: WinnersArrays, parameters: PolicyParameters) -> AnyInts:
    cash = np.maximum(winners.wallet_units, parameters.wallet_floor_units)
    where = (winners.equity_units > 0) & (winners.profit_units > 0) & (cash > 0)
    return _quotients(where, (winners.gain, winners.maintenance_units), (cash, winners.equity_units), SCORE_ONE)


def _hyperliquid(winners: WinnersArrays, parameters: PolicyParameters) -> AnyInts:
    at_mark, at_entry = winners.notional_units, winners.entry_units
    top, bottom = at_mark, at_entry
    if not parameters.literal_price_ratio:
        in_favour = winners.profit_units >= 0
        better, worse = np.maximum(at_mark, at_entry), np.minimum(at_mark, at_entry)
        top, bottom = np.where(in_favour, better, worse), np.where(in_favour, worse, better)
    where = (winners.equity_units > 0) & (bottom > 0)
    return _quotients(where, (top, at_mark), (bottom, winners.equity_units), SCORE_ONE)


def _roi_mr(winners: WinnersArrays, _: PolicyParameters) -> AnyInts:
    where = (winners.equity_units > 0) & (winners.profit_units > 0) & (winners.entry_units > 0)
    tops, bottoms = (winners.gain, winners.maintenance_units), (winners.entry_units, winners.equity_units)
    return _quotients(where, tops, bottoms, SCORE_ONE)


def _random(winners: WinnersArrays, parameters: PolicyParameters) -> AnyInts:
    return np.fromiter((random_score(name, parameters.seed) for name in winners.ids), np.int64, len(winners.lots))


_SCORES: Final[dict[str, Callable[[WinnersArrays, PolicyParameters], AnyInts]]] = {
    "queue_bitmex": _bitmex,
    "queue_binance": _binance,
    "queue_hyperliquid": _hyperliquid,
    "queue_roi_mr": _roi_mr,
    "queue_random": _random,
    "queue_profit": lambda winners, _: winners.gain,
    "mean_surplus": lambda winners, _: np.zeros(len(winners.lots), np.int64),
}


def _leverage(winners: WinnersArrays) -> Ints:
    found = _quotients(winners.equity_units > 0, (winners.notional_units,), (winners.equity_units,), PPM)
    if found.dtype == object:
        raise TooWide
    return np.maximum(found, winners.equity_units > 0)  # at least 1 ppm with equity


def weights_array(policy: Policy, winners: WinnersArrays, parameters: PolicyParameters) -> Ints | tuple[Ints, ...]:
    """The weights of a water-fill, equal to `WEIGHTS[policy]` of each, as factors; only leverage has more than one.

    Errors  TooWide where a factor does not fit.
    """
    if policy in _PLAIN_WEIGHTS:
        return _PLAIN_WEIGHTS[policy](winners)
    leverage = _leverage(winners)
    powers = {"risk_levered": 0, "risk_levered_squared": 1, "rap": parameters.leverage_power}[policy]
    offset = parameters.leverage_offset_ppm if policy == "rap" else 0
    if powers + 2 > MOST_FACTORS or not 0 <= offset < 2**62:
        raise TooWide
    return (winners.gain, leverage, *[np.maximum(leverage - offset, 0)] * powers)


_PLAIN_WEIGHTS: Final[dict[str, Callable[[WinnersArrays], Ints]]] = {
    "pro_rata_pnl": lambda winners: winners.gain,
    "capped_pro_rata": lambda winners: winners.gain,
    "pro_rata_equity": lambda winners: np.maximum(winners.equity_units, 0),
    "min_max": lambda winners: np.maximum(winners.equity_units, 0),
    "pro_rata_notional": lambda winners: winners.notional_units,
    "pro_rata_lots": lambda winners: winners.lots,
    "cel": lambda winners: np.ones(len(winners.lots), np.int64),
}
