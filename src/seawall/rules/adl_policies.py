"""ADL policies: how a severity is taken from winners, by name, in money; the same split in lots.

Layer    rules; imports amounts, rules.{water_fill,adl_scores}. Called by rules.{deleveraging,split_arrays}, venue, cli.
         SPEC 8; I6, I10.
Not here closing of positions (rules.deleveraging), the same on arrays (rules.split_arrays).
Held to  this by tests/rules/test_adl_policies.py: worked tables, Fractions, duality and the other known properties.

Three families: queues take whole caps in order of a score; pro rata policies are one water-fill and differ in its
weights; awards (equal losses, equal awards, Talmud) are the classical answers to claims on too small an estate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from seawall.amounts import ppm_down
from seawall.rules.adl_scores import SCORES, Participant, PolicyParameters, leverage_ppm
from seawall.rules.water_fill import below_caps, capped_water_fill, ranked_queue

Policy = Literal[
    "queue_bitmex",
    "queue_binance",
    "queue_hyperliquid",
    "queue_roi_mr",
    "queue_random",
    "queue_profit",
    "pro_rata_pnl",
    "capped_pro_rata",
    "pro_rata_equity",
    "min_max",
    "pro_rata_notional",
    "pro_rata_lots",
    "risk_levered",
    "risk_levered_squared",
    "rap",
    "cel",
    "cea",
    "talmud",
    "mean_surplus",
]

Kind = Literal["queue", "pro_rata", "awards"]
Sybil = Literal["proof", "split", "merge", "split_or_merge", "shape"]


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """One line on a policy, for lists and pages.

    sybil      what lowers a winner's part: `proof` nothing that only renames money; `split` or `merge` accounts;
               `shape` moving cash, hedging, choosing leverage (or an id, where the draw is known)
    breaks_i6  as venues run it in whole lots it may take more than profit (eligible = "any")
    """

    name: Policy
    text: str
    kind: Kind
    sybil: Sybil
    breaks_i6: bool = False


ADL_POLICIES: Final = (
    PolicyFacts("queue_bitmex", "profit percentage x leverage, highest first (BitMEX)", "queue", "shape", True),
    PolicyFacts("queue_binance", "profit over wallet x margin ratio, highest first (Binance)", "queue", "shape", True),
    PolicyFacts("queue_hyperliquid", "price gain x leverage, highest first (Hyperliquid)", "queue", "shape", True),
    PolicyFacts("queue_roi_mr", "return over margin ratio, highest first (OKX)", "queue", "shape", True),
    PolicyFacts("queue_random", "in an order drawn by hash (dYdX)", "queue", "shape", True),
    PolicyFacts("queue_profit", "largest profit first (a keeper's choice, GMX)", "queue", "split", True),
    PolicyFacts("pro_rata_pnl", "one part of everybody's profit", "pro_rata", "proof"),
    PolicyFacts("capped_pro_rata", "one part of everybody's profit, at most beta", "pro_rata", "proof"),
    PolicyFacts("pro_rata_equity", "one part of everybody's equity: the least largest part", "pro_rata", "shape"),
    PolicyFacts("min_max", "as pro_rata_equity; in whole lots the least largest loss over equity", "pro_rata", "shape"),
    PolicyFacts("pro_rata_notional", "in proportion to notional", "pro_rata", "shape"),
    PolicyFacts("pro_rata_lots", "in proportion to lots", "pro_rata", "shape", True),
    PolicyFacts("risk_levered", "in proportion to profit x leverage", "pro_rata", "shape"),
    PolicyFacts("risk_levered_squared", "in proportion to profit x leverage squared", "pro_rata", "shape"),
    PolicyFacts("rap", "risk-aware: profit x leverage x excess leverage^p, at most beta", "pro_rata", "shape"),
    PolicyFacts("cel", "equal losses", "awards", "merge"),
    PolicyFacts("cea", "equal awards: levels the top", "awards", "split"),
    PolicyFacts("talmud", "equal losses up to half of each profit, equal awards beyond", "awards", "split_or_merge"),
    PolicyFacts("mean_surplus", "profit above the side's mean, in id order (Drift)", "queue", "shape"),
)
"""Every policy by name; the order is that of the tables in the docs."""

Weight = Callable[[Participant, PolicyParameters], int]


def _risk_aware_weight(winner: Participant, parameters: PolicyParameters) -> int:
    leverage = leverage_ppm(winner)
    excess = max(0, leverage - parameters.leverage_offset_ppm)
    return int(winner.gain * leverage * excess**parameters.leverage_power)


WEIGHTS: Final[dict[str, Weight]] = {
    "pro_rata_pnl": lambda winner, _: winner.gain,
    "capped_pro_rata": lambda winner, _: winner.gain,
    "pro_rata_equity": lambda winner, _: max(0, winner.equity_units),
    "min_max": lambda winner, _: max(0, winner.equity_units),
    "pro_rata_notional": lambda winner, _: winner.notional_units,
    "pro_rata_lots": lambda winner, _: winner.lots,
    "risk_levered": lambda winner, _: winner.gain * leverage_ppm(winner),
    "risk_levered_squared": lambda winner, _: winner.gain * leverage_ppm(winner) ** 2,
    "rap": _risk_aware_weight,
    "cel": lambda winner, _: 1,
}
"""Water-fills by name: what each winner weighs. Leverage is in ppm, so weights are large; only their ratios count."""


def haircuts(
    policy: Policy,
    participants: Sequence[Participant],
    severity_units: int,
    parameters: PolicyParameters | None = None,
) -> tuple[int, ...]:
    """Haircuts in money under a policy.

    participants    one side, lowest id first
    severity_units  base units, >= 0
    returns         shape (n,), base units, 0 <= h <= cap, adding up to min(severity, capacity); what is beyond the
                    capacity is the caller's to carry. Capacity: `money_caps` of those who weigh something. Without
                    caps of their own (`cap_units`) those are all: who has profit and equity weighs something
    Rounding        floor, then largest remainder, ties lowest id; queues round nothing
    Errors          ValueError for a negative severity or an unknown policy.
    Source          SPEC 8; Chitra et al., arXiv 2512.01112; O'Neill (1982); Aumann and Maschler (1985); venues' pages.
    """
    parameters = parameters or PolicyParameters()
    return share(policy, severity_units, participants, money_caps(policy, participants, parameters), parameters)


def money_caps(policy: Policy, participants: Sequence[Participant], parameters: PolicyParameters) -> list[int]:
    """The most that each pays under a policy: its cap, and what the policy itself spares."""
    caps = [winner.cap for winner in participants]
    own = policy_limits(policy, participants, parameters)
    return caps if own is None else [min(cap, limit) for cap, limit in zip(caps, own, strict=True)]


def policy_limits(
    policy: Policy, participants: Sequence[Participant], parameters: PolicyParameters
) -> list[int] | None:
    """What the policy itself lets each keep from being taken, beside the caps; None: no limit of its own."""
    if policy in ("capped_pro_rata", "rap"):
        limits = [ppm_down(winner.gain, parameters.beta_ppm) for winner in participants]
        if policy == "rap" and parameters.leverage_offset_ppm:
            pays = [_risk_aware_weight(winner, parameters) > 0 for winner in participants]
            return [limit if some else 0 for limit, some in zip(limits, pays, strict=True)]
        return limits
    if policy == "mean_surplus":
        return _mean_surpluses(participants)
    return None


def _mean_surpluses(participants: Sequence[Participant]) -> list[int]:
    """Profit above the side's mean a lot, x lots, rounded down, at most the equity beyond maintenance, at least 0.

    Source  Drift v2: clamp((own - side's mean profit per base) x base, 0, free collateral).
    """
    lots = sum(winner.lots for winner in participants)
    profit = sum(winner.profit_units for winner in participants)
    return [
        max(0, min((w.profit_units * lots - profit * w.lots) // lots, w.equity_units - w.maintenance_units))
        for w in participants
    ]


def share(
    policy: Policy, amount: int, participants: Sequence[Participant], caps: Sequence[int], parameters: PolicyParameters
) -> tuple[int, ...]:
    """Split an amount, of money or of lots, under a policy, with caps in the same unit. See `haircuts`."""
    if amount < 0:
        raise ValueError(f"share: wanted an amount >= 0; found {amount}")
    if policy in SCORES:
        score = SCORES[policy]
        return ranked_queue(amount, [score(winner, parameters) for winner in participants], caps)
    if policy in WEIGHTS:
        weight = WEIGHTS[policy]
        return capped_water_fill(amount, [weight(winner, parameters) for winner in participants], caps)
    if policy == "cea":
        return equal_awards(amount, caps)
    if policy == "talmud":
        return talmud(amount, caps)
    raise ValueError(f"share: wanted one of {', '.join(facts.name for facts in ADL_POLICIES)}; found {policy}")


def equal_awards(amount: int, claims: Sequence[int]) -> tuple[int, ...]:
    """Constrained equal awards: everybody keeps the same, at most its claim; the rest is taken. Levels the top.

    returns  shape (n,), adding up to min(amount, sum of claims)
    Rounding what is kept gets the floor, odd units to the lowest ids: they pay a unit less.
    Source   Herrero and Villar, The three musketeers (2001): the dual of equal losses.
    """
    kept = capped_water_fill(max(0, sum(claims) - amount), [1] * len(claims), claims)
    return tuple(claim - part for claim, part in zip(claims, kept, strict=True))


def talmud(amount: int, claims: Sequence[int]) -> tuple[int, ...]:
    """The contested garment's rule for many: equal losses up to half of each claim, equal awards beyond.

    returns  shape (n,), adding up to min(amount, sum of claims)
    Rounding the real-valued parts, exact, get their floors, then a unit each to the largest remainders, ties lowest id.
    Source   Aumann and Maschler, Game theoretic analysis of a bankruptcy problem from the Talmud (1985).
    """
    total = sum(claims)
    amount = min(amount, total)
    beyond_half = 2 * amount > total
    # In half units x = min(claim, y): the level y is what is left for `under` by those at half their claim.
    under, left = below_caps(2 * min(amount, total - amount), [1] * len(claims), claims)
    whole = 2 * max(1, len(under))
    quotas = [claim * (whole // 2) for claim in claims]  # numerators over `whole`
    for i in under:
        quotas[i] = claims[i] * whole - left if beyond_half else left
    parts = [quota // whole for quota in quotas]
    by_remainder = sorted(range(len(claims)), key=lambda i: -(quotas[i] % whole))
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    return tuple(parts)
