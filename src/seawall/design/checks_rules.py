"""Checks of the rules: liquidation, money in, exhaustion, pool, withdrawals, publishing.

Layer    design; imports amounts, design.types, design.words, design.checks_layers (who is ever filled). Used by
         design.checks only.
Not here rules that contradict each other (design.coherence_rules).
Held to  this by tests/design/test_checks.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seawall.amounts import PPM, format_decimal
from seawall.design.checks_layers import has_income
from seawall.design.types import UNFUNDED, Design, Exhaustion
from seawall.design.words import Warning, amount, percent

CHARGES_LOSERS: Final = ("equity", "open_interest", "open_interest_longs", "open_interest_shorts", "deposits")
"""Bases of socialised loss that charge accounts without a profit."""


# -- liquidation -----------------------------------------------------------------------------------------------------


def warn_liquidation(design: Design) -> Iterator[Warning]:
    """Fees that make deficits, closings that never end, positions larger than their holder."""
    rule = design.liquidation
    yield from _warn_growth(design)
    if rule.fees_final:
        text = (
            f"a surcharge of up to {percent(_largest_surcharge(design))} is kept even where the same liquidation ends "
            "in a deficit: layers then pay for a fee"
        )
        yield Warning("fees-final", "liquidation.fees_final", text, "SPEC 4.6")
    if rule.position_limit_ppm == 0 and not rule.position_limit_least:
        text = "a step closes at most 0 % of a position: nobody can be liquidated"
        yield Warning("never-liquidated", "liquidation.position_limit_ppm", text, "SPEC 4.5")
    if rule.worst_price == "auction" and rule.auction_end_ppm == PPM:
        text = "the discount grows to 100 %: who waits is given the position, and the layers pay its whole value"
        yield Warning("auction-to-zero", "liquidation.auction_end_ppm", text, "SPEC 4.5")
    yield from _warn_takeover(design)


def _largest_surcharge(design: Design) -> int:
    rates = [design.liquidation.surcharge_ppm, *(market.surcharge_ppm or 0 for market in design.markets)]
    if design.liquidation.surcharge_growth_ppm:
        most = design.liquidation.surcharge_max_ppm
        rates.append(PPM if most is None else most)
    return max(rates)


def _warn_growth(design: Design) -> Iterator[Warning]:
    rule = design.liquidation
    least, market = min((m.tiers[0].maintenance_margin_ppm, m.id) for m in design.markets if m.tiers)
    most = PPM if rule.surcharge_max_ppm is None else rule.surcharge_max_ppm
    if rule.surcharge_growth_ppm and most > least:
        key = "surcharge_growth_ppm" if rule.surcharge_max_ppm is None else "surcharge_max_ppm"
        text = (
            f"the surcharge grows to {percent(most)}, above the maintenance margin of {market}'s lowest tier, "
            f"{percent(least)}: a liquidation that takes long leaves the trader nothing"
        )
        yield Warning("surcharge-above-margin", f"liquidation.{key}", text, "SPEC 4.6")


def _warn_takeover(design: Design) -> Iterator[Warning]:
    rule, path = design.liquidation.takeover, "liquidation.takeover"
    if rule is None:
        return
    layer = next(each for each in design.layers if each.id == rule.layer)
    held = layer.commitment or 0 if layer.kind in UNFUNDED else layer.balance
    if rule.unwind_ppm == 0:
        text = f"0 % of what {rule.layer} holds is sold at each step: it holds every position for ever"
        yield Warning("takeover-never-sold", f"{path}.unwind_ppm", text, "SPEC 4.7")
    if rule.notional_limit is None and rule.notional_limit_ppm is None:
        text = (
            f"no limit on what {rule.layer} holds with its {amount(design.asset, held)}: one crash can take all of it"
        )
        yield Warning("takeover-unlimited", path, text, "SPEC 4.7")
    parts = [] if rule.notional_limit_ppm is None else [("notional_limit_ppm", rule.notional_limit_ppm)]
    if rule.notional_limit is not None and held:
        parts.append(("notional_limit", -(-rule.notional_limit * PPM // held)))
    if parts and min(part for _, part in parts) > PPM:
        key, part = min(parts, key=lambda each: each[1])
        text = (
            f"{rule.layer} may hold {format_decimal(part * 100 // PPM, 2)} times its {amount(design.asset, held)}: "
            f"a further move of {percent(PPM * PPM // part)} takes all of it"
        )
        yield Warning("takeover-too-large", f"{path}.{key}", text, "SPEC 4.7")


# -- money in --------------------------------------------------------------------------------------------------------


def warn_income(design: Design) -> Iterator[Warning]:
    """A venue that earns by liquidating, receivers that are not there, a pool that never flows."""
    money = design.accumulation
    split, residual = money.surcharge_split_ppm, money.residual_split_ppm
    if split.treasury > split.fund + split.vault and design.liquidation.surcharge_ppm:
        text = (
            f"{percent(split.treasury)} of every surcharge is the treasury's, {percent(split.fund)} the fund's: the "
            "venue earns by liquidating more than the fund that pays for it"
        )
        yield Warning("treasury-first", "accumulation.surcharge_split_ppm.treasury", text, "SPEC 5")
    if residual.treasury:
        text = (
            f"{percent(residual.treasury)} of what a trader has left is the treasury's: the venue earns by liquidating"
        )
        yield Warning("treasury-takes-residual", "accumulation.residual_split_ppm.treasury", text, "SPEC 5")
    stakers = money.excess_split_ppm.stakers
    if stakers and not any(layer.kind == "tranche" for layer in design.layers):
        text = f"{percent(stakers)} of the excess goes to stakers, and no layer is a tranche"
        yield Warning("no-stakers", "accumulation.excess_split_ppm.stakers", text, "SPEC 5")
    yield from _warn_revenue_pool(design)


def _warn_revenue_pool(design: Design) -> Iterator[Warning]:
    money, pool = design.accumulation, design.accumulation.revenue_pool
    if pool is None:
        return
    if not money.commission_share_ppm:
        text = f"0 % of fees is the fund's, so nothing ever fills {pool.layer}"
        yield Warning("pool-never-filled", "accumulation.commission_share_ppm", text, "SPEC 5")
    if not pool.share_ppm or pool.yearly_cap_ppm == 0:
        key = "yearly_cap_ppm" if pool.share_ppm else "share_ppm"
        text = f"0 % of {pool.layer} ever flows on to {pool.to}"
        yield Warning("pool-never-flows", f"accumulation.revenue_pool.{key}", text, "SPEC 5")
    to = next(layer for layer in design.layers if layer.id == pool.to)
    if pool.yearly_cap_ppm and not to.balance:
        text = (
            f"{percent(pool.yearly_cap_ppm)} of {to.id}'s 0 {design.asset.id} is nothing: releases wait for other money"
        )
        yield Warning("pool-never-flows", "accumulation.revenue_pool.yearly_cap_ppm", text, "SPEC 5")


# -- exhaustion and the rest -----------------------------------------------------------------------------------------


def warn_exhaustion(design: Design) -> Iterator[Warning]:
    """Policies that never act, that place nothing, that take beyond profit or from those without any."""
    rule = design.exhaustion
    yield from _warn_fallback(rule)
    yield from _warn_adl(rule)
    if "socialised_loss" in (rule.policy, rule.fallback) and rule.socialised_base in CHARGES_LOSERS:
        text = (
            f"{rule.socialised_base} charges accounts with 0 profit too: a charge can make a healthy account bankrupt, "
            "whose deficit is charged again"
        )
        yield Warning("charges-losers", "exhaustion.socialised_base", text, "I5, I6")
    if rule.policy == "gains_haircut" and rule.gains_cap == 0:
        text = f"0 {design.asset.id} is the most that an account pays: the gains haircut places nothing"
        yield Warning("places-nothing", "exhaustion.gains_cap", text, "SPEC 7")
    ends = rule.policy if rule.policy in ("carry", "withdrawal_haircut") else rule.fallback
    if ends in ("carry", "withdrawal_haircut") and not has_income(design, None):
        key = "policy" if ends == rule.policy else "fallback"
        text = f"what remains is carried, and 0 % of any income is the fund's: nothing ever repays it ({ends})"
        yield Warning("never-repaid", f"exhaustion.{key}", text, "SPEC 7")


def _warn_fallback(rule: Exhaustion) -> Iterator[Warning]:
    if rule.policy == rule.fallback and rule.policy != "carry":
        text = f"{rule.policy} is the policy already: what it could not place is carried, not placed again"
        yield Warning("fallback-unused", "exhaustion.fallback", text, "SPEC 7")
    if rule.policy in ("carry", "withdrawal_haircut") and rule.fallback != "carry":
        text = f"policy {rule.policy} bears everything, so the fallback {rule.fallback} is never used"
        yield Warning("fallback-unused", "exhaustion.fallback", text, "SPEC 7")


def _warn_adl(rule: Exhaustion) -> Iterator[Warning]:
    if rule.policy != "adl":
        for key, default in (("adl_ranking", "pro_rata_pnl"), ("adl_eligible", "profit_at_close")):
            value = getattr(rule, key)
            if value != default:
                text = f"{value} has no effect: the policy is {rule.policy}"
                yield Warning("no-effect", f"exhaustion.{key}", text, "SPEC 7")
        return
    if rule.adl_eligible == "any":
        text = "a winner closed past its entry pays more than 100 % of its profit, out of its own margin"
        yield Warning("beyond-profit", "exhaustion.adl_eligible", text, "I6")
    elif rule.adl_ranking.startswith("queue_") and rule.adl_eligible == "profit_at_close":
        text = (
            f"{rule.adl_ranking} has no cap: the first in it lose up to 100 % of their profit while the last lose 0 %"
        )
        yield Warning("queue-without-cap", "exhaustion.adl_ranking", text, "SPEC 8")
    if rule.adl_ranking == "capped_pro_rata" and rule.adl_beta_ppm == PPM:
        text = "at most 100 % of a winner's profit is no cap: it equals pro_rata_pnl"
        yield Warning("cap-of-all", "exhaustion.adl_beta_ppm", text, "SPEC 8")
    if rule.adl_price == "mark" and rule.fallback == "carry":
        text = (
            "winners closed at the mark lose nothing against it, so 0 % of the severity is placed: all of it is carried"
        )
        yield Warning("places-nothing", "exhaustion.adl_price", text, "SPEC 7")


def warn_world(design: Design) -> Iterator[Warning]:
    """A pool that traders can empty, withdrawals ahead of losses, debt that is not shown."""
    pool = design.pool
    if pool is not None and pool.adl_start_ppm == PPM:
        text = f"winners are closed once their profits are above 100 % of {pool.layer}: it can be owed away whole"
        yield Warning("pool-owed-away", "pool.adl_start_ppm", text, "SPEC 7")
    if design.withdrawals.while_losses == "free":
        text = "withdrawals are paid 100 % while losses are open: the first out are whole, the others bear it all"
        yield Warning("run-on-the-venue", "withdrawals.while_losses", text, "SPEC 7")
    publishing = design.publishing
    if publishing is not None and "carried" not in publishing.fields:
        shown = ", ".join(publishing.fields) or "nothing"
        text = f"carried debt is not among the fields published, {len(publishing.fields)}: {shown}"
        yield Warning("debt-not-shown", "publishing.fields", text, "SPEC 7")
