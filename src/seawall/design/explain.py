"""Explain: a design in plain words, every key that it states.

Layer    design; imports amounts, design.types, design.words, design.explain_layers. Used by `seawall check`.
Not here what is unsafe in it (design.checks).
Held to  this by tests/design/test_explain.py: changing any value of a design that states every key changes its words.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import asdict

from seawall.amounts import PPM, format_decimal
from seawall.design.explain_layers import explain_waterfall
from seawall.design.types import Asset, Design, Exhaustion, Liquidation, Market, Tier
from seawall.design.words import amount, duration, leverage, listed, percent


def explain(design: Design) -> list[str]:
    """The design in plain words, a line each; lines that go into detail are indented, two spaces a step."""
    return [
        f"{design.name}: {design.description}" if design.description else design.name,
        f"Margin, profit and the fund are held in {design.asset.id}, counted in units of 10^-{design.asset.decimals}.",
        *_markets(design),
        *_mark(design),
        *_liquidation(design),
        *_income(design),
        *explain_waterfall(design),
        *_exhaustion(design),
        *_pool(design),
        *_withdrawals(design),
        *_publishing(design),
        *_stress(design),
    ]


# -- markets and prices ----------------------------------------------------------------------------------------------


def _markets(design: Design) -> Iterator[str]:
    yield f"Markets ({len(design.markets)}):"
    for market in design.markets:
        yield f"  {_market(design.asset, market)}"
        lower = 0
        for tier in market.tiers:
            yield f"    {_tier(design.asset, tier, lower)}"
            lower = tier.up_to_notional or 0
        yield from (f"    {line}" for line in _market_notes(design.asset, market))


def _market(asset: Asset, market: Market) -> str:
    symbol = market.underlying or market.id
    if market.kind == "inverse_perp":
        kind, steps = "inverse perpetual", f"price steps of {market.tick_size} for one {asset.id}"
        return f"{market.id}, {kind} on {symbol}, settled in {asset.id}: {steps}, contracts of {market.lot_size}."
    kind = "collateral valued at" if market.kind == "collateral" else "linear perpetual on"
    return f"{market.id}, {kind} {symbol}: price steps of {market.tick_size} {asset.id}, lots of {market.lot_size}."


def _market_notes(asset: Asset, market: Market) -> Iterator[str]:
    if market.kind == "collateral":
        less = f"less {percent(market.haircut_ppm)}" if market.haircut_ppm else "in full"
        dust = f" Less than {amount(asset, market.dust)} of it does not delay a deficit." if market.dust else ""
        yield f"It counts for margin {less}, and is sold before a deficit is recognised.{dust}"
    if market.feed_floor is not None:
        yield f"A price at or below {market.feed_floor} is the feed's own floor."
    if market.feed_ceiling is not None:
        yield f"A price at or above {market.feed_ceiling} is the feed's own ceiling."
    if market.adl_exempt:
        yield "Positions here are never deleveraged."
    if market.cover_limit is not None:
        yield f"Layers other than its bucket never pay more than {amount(asset, market.cover_limit)} for it in all."


def _tier(asset: Asset, tier: Tier, lower: int) -> str:
    if tier.up_to_notional is not None:
        sizes = f"up to {amount(asset, tier.up_to_notional)}"
    else:
        sizes = f"above {amount(asset, lower)}" if lower else "any size"
    less = f" less {amount(asset, tier.maintenance_deducted)}" if tier.maintenance_deducted else ""
    initial, maintenance = percent(tier.initial_margin_ppm), percent(tier.maintenance_margin_ppm)
    opens = f"{initial} of notional to open (leverage {leverage(tier.initial_margin_ppm)})"
    return f"{sizes}: {opens}, {maintenance}{less} to keep."


def _mark(design: Design) -> Iterator[str]:
    rule = design.mark
    bounds = [m.id for m in design.markets if m.feed_floor is not None or m.feed_ceiling is not None]
    inside = f" and strictly inside the feed's bounds ({', '.join(bounds)})" if bounds else ""
    yield f"A price is used when it is at most {duration(rule.max_age_ms)} old{inside}; else no decision is made on it."
    if rule.sources:
        yield f"  The index is the median of {', '.join(rule.sources)}."
    if rule.stale_max_ms is not None:
        after = duration(rule.stale_max_ms)
        yield f"  A market without such a price for longer than {after} settles at its last good one."


# -- liquidation -----------------------------------------------------------------------------------------------------


def _liquidation(design: Design) -> Iterator[str]:
    rule, asset = design.liquidation, design.asset
    when = "falls below" if rule.trigger == "below" else "is at or below"
    yield f"An account is liquidated, {_how_much(rule)}, when its equity {when} its maintenance margin."
    yield from (f"  {line}" for line in _amounts_closed(asset, rule))
    if rule.max_accounts_per_step is not None:
        capacity = f"{rule.max_accounts_per_step:,}"
        yield f"  At most {capacity} accounts a step; the rest waits, lowest equity to maintenance first."
    yield from (f"  {line}" for line in _prices(rule))
    yield from (f"  {line}" for line in _surcharges(design))
    residual = shares(design.accumulation.residual_split_ppm)
    yield f"  What is left of its equity once it is flat goes {residual}."
    if design.accounts.recourse:
        yield "  What it owes is first taken from its owner's other accounts, down to their initial margin."
    yield from (f"  {line}" for line in _takeover(design))


def _how_much(rule: Liquidation) -> str:
    return {
        "whole": "all of it",
        "steps": f"{percent(rule.step_ppm)} of each position at a time",
        "close_factor": f"{percent(rule.close_factor_ppm)} of each position",
        "fewest_lots": "by the fewest lots that restore its margin",
    }[rule.amount]


def _amounts_closed(asset: Asset, rule: Liquidation) -> Iterator[str]:
    if rule.step_above_notional:
        yield f"A position of less than {amount(asset, rule.step_above_notional)} is closed whole."
    if rule.step_wait_ms:
        within = "nothing is closed" if rule.step_within_wait == "nothing" else "what is left is closed whole"
        yield f"Within {duration(rule.step_wait_ms)} after such a closing {within}."
    if rule.full_below_maintenance_ppm:
        least = percent(rule.full_below_maintenance_ppm)
        yield f"With equity of at most {least} of its maintenance margin it is closed whole."
    if rule.full_below_notional:
        yield f"A position of less than {amount(asset, rule.full_below_notional)} is closed whole."
    if rule.buffer_ppm:
        yield f"Its equity then is to exceed the maintenance margin by {percent(rule.buffer_ppm)} of it."
    if rule.position_limit_ppm is not None:
        least = f", or {amount(asset, rule.position_limit_least)} if that is more" if rule.position_limit_least else ""
        yield f"A step closes at most {percent(rule.position_limit_ppm)} of a position{least}."
    if rule.account_notional_per_step is not None:
        yield f"A step closes at most {amount(asset, rule.account_notional_per_step)} of an account."
    if rule.rate_notional is not None:
        within = duration(rule.rate_window_ms or 0)
        yield f"Of a market at most {amount(asset, rule.rate_notional)} is liquidated within any {within}."


def _prices(rule: Liquidation) -> Iterator[str]:
    if rule.worst_price == "bankruptcy_price":
        yield "Nothing is sold below the bankruptcy price."
    elif rule.worst_price == "fillable":
        spread = format_decimal(rule.fillable_spread_ppm, 6)
        yield f"Nothing is sold further from the mark than the bankruptcy rating x {spread} x the maintenance margin."
    elif rule.worst_price == "auction":
        start, end = percent(rule.auction_start_ppm), percent(rule.auction_end_ppm)
        within = duration(rule.auction_ms)
        yield f"It is auctioned: the discount to the mark grows from {start} to {end} within {within}."


def _surcharges(design: Design) -> Iterator[str]:
    rule = design.liquidation
    own = [f"{m.id}: {percent(m.surcharge_ppm)}" for m in design.markets if m.surcharge_ppm is not None]
    exceptions = f" ({', '.join(own)})" if own else ""
    if any(surcharge_ppm(design, market) for market in design.markets) or rule.surcharge_growth_ppm:
        yield (
            f"It pays a surcharge of {percent(rule.surcharge_ppm)}{exceptions} of the notional closed, at most what "
            "the fill gains over the bankruptcy price and the equity left."
        )
        if rule.surcharge_growth_ppm:
            grace = f" after {duration(rule.surcharge_grace_ms)}" if rule.surcharge_grace_ms else ""
            most = "" if rule.surcharge_max_ppm is None else f", up to {percent(rule.surcharge_max_ppm)}"
            every = duration(rule.surcharge_growth_every_ms)
            yield f"It grows by {percent(rule.surcharge_growth_ppm)} every {every}{grace}{most}."
        yield f"The surcharge goes {shares(design.accumulation.surcharge_split_ppm)}."
        if rule.fees_final:
            yield "Surcharges are final: the account's own deficit does not get them back."
    else:
        yield "It pays no surcharge."
    if rule.assumption_premium_ppm:
        yield f"Whoever assumes a deficit is paid {percent(rule.assumption_premium_ppm)} of it on top."


def surcharge_ppm(design: Design, market: Market) -> int:
    """The market's own surcharge, else the design's."""
    return design.liquidation.surcharge_ppm if market.surcharge_ppm is None else market.surcharge_ppm


def _takeover(design: Design) -> Iterator[str]:
    rule = design.liquidation.takeover
    if rule is None:
        return
    if rule.when == "unsold":
        what = "What the book does not take"
    else:
        share = percent(rule.below_maintenance_ppm)
        what = f"All of an account with equity below {share} of its maintenance margin"
    yield f"{what} is taken over by {rule.layer}, at the mark: what it loses until there is the account's deficit."
    limits = []
    if rule.notional_limit_ppm is not None:
        limits.append(f"{percent(rule.notional_limit_ppm)} of its balance")
    if rule.notional_limit is not None:
        limits.append(amount(design.asset, rule.notional_limit))
    most = f"holds at most {listed(limits)} net and " if limits else ""
    worst = "" if rule.unwind_worst_ppm is None else f", at most {percent(rule.unwind_worst_ppm)} away from the mark"
    yield f"  {rule.layer} {most}sells {percent(rule.unwind_ppm)} of it at each step{worst}."


# -- money in --------------------------------------------------------------------------------------------------------

_RECEIVERS = {
    "trader": "the trader",
    "fund": "the fund",
    "treasury": "the treasury",
    "stakers": "stakers",
    "fee_rebate": "a rebate of fees",
    "hedges": "hedges",
    "liquidator": "the liquidator",
    "vault": "the vault",
    "buyback": "a buyback of the venue's token",
}


def shares(split: Struct) -> str:
    """A split in words: "80 % to the fund, 20 % to the treasury"."""
    parts = [(_RECEIVERS[key], part) for key, part in asdict(split).items() if part]
    if len(parts) == 1 and parts[0][1] == PPM:
        return f"to {parts[0][0]}"
    return ", ".join(f"{percent(part)} to {name}" for name, part in parts)


def _income(design: Design) -> Iterator[str]:
    share, pool = design.accumulation.commission_share_ppm, design.accumulation.revenue_pool
    yield f"Of every trading fee {percent(share)} is the fund's." if share else "The fund has no part of trading fees."
    if pool is not None:
        cap = (
            ""
            if pool.yearly_cap_ppm is None
            else f", within a year at most {percent(pool.yearly_cap_ppm)} of {pool.to}"
        )
        least = f"every {duration(pool.period_ms)} at most {percent(pool.share_ppm)} of it"
        yield f"  It waits in {pool.layer}: {least} goes on to {pool.to}{cap}."
        if pool.protocol_ppm:
            yield f"  {percent(pool.protocol_ppm)} of that is the treasury's."
    steps = ["carried debt"]
    buckets = [layer.id for layer in design.layers if layer.kind == "market_bucket"]
    if buckets:
        steps.append(f"the bucket of its market ({', '.join(buckets)})")
    steps += [layer.id for layer in design.layers if layer.kind == "shared_fund"]
    if len(steps) == 1:
        yield "Income first repays carried debt."
    else:
        yield f"Income goes first to {', then to '.join(steps)}, each up to its target."
    yield f"  Income above every target goes {shares(design.accumulation.excess_split_ppm)}."


# -- exhaustion ------------------------------------------------------------------------------------------------------

_POLICIES = {
    "adl": "closing positions of the other side at {price} (auto-deleveraging)",
    "socialised_loss": "{base}",
    "gains_haircut": "the gains of each step since, cut until it is paid (variation margin gains haircutting)",
    "tear_up": "ending the contracts of the markets concerned at the mark, from what they gained (tear-up)",
    "withdrawal_haircut": "withdrawals: the debt is carried, and they are paid in part until the venue is whole",
    "carry": "nobody: it is carried as debt, shown, and repaid first from later income",
}
_PRICES = {
    "bankruptcy_price": "the bankruptcy price",
    "mark": "the mark",
    "previous_mark": "the mark of the step before",
    "oracle": "the oracle's price",
}
_BASES = {
    "positive_pnl": "a cut of positive profits, all by the same factor (socialised loss)",
    "equity": "a cut of every account's equity, all by the same factor (socialised loss)",
    "open_interest": "a charge on open positions of both sides, by notional (socialised loss)",
    "open_interest_longs": "a charge on open long positions, by notional (socialised loss)",
    "open_interest_shorts": "a charge on open short positions, by notional (socialised loss)",
    "period_profit": "a cut of net profits over all contracts, realised within {period} (clawback)",
    "deposits": "a cut of every deposit, all by the same factor (socialised loss)",
}
_RANKINGS = {
    "pro_rata_pnl": "winners share it in proportion to profit",
    "pro_rata_lots": "winners share it in proportion to position",
    "pro_rata_equity": "winners share it in proportion to equity",
    "pro_rata_notional": "winners share it in proportion to notional",
    "capped_pro_rata": "winners share it in proportion to profit, each up to {beta} of it",
    "risk_levered": "winners share it in proportion to profit x leverage",
    "risk_levered_squared": "winners share it in proportion to profit x leverage squared",
    "cel": "winners lose the same, each up to its profit (constrained equal losses)",
    "cea": "winners keep the same, each up to its profit (constrained equal awards)",
    "talmud": "winners share it by the Talmud rule over profits",
    "min_max": "the largest loss in proportion to equity is kept smallest",
    "queue_pnl_leverage": "whole positions are taken in order of profit x leverage",
    "queue_bitmex": "whole positions are taken in BitMEX's order, profit in percent x effective leverage",
    "queue_binance": "whole positions are taken in Binance's order, profit over wallet x margin ratio",
    "queue_hyperliquid": "whole positions are taken in Hyperliquid's order, mark over entry x leverage",
    "queue_roi_mr": "whole positions are taken in order of return over margin ratio",
    "queue_random": "whole positions are taken from a random start on",
    "queue_profit": "whole positions are taken in order of profit",
}
_ELIGIBLE = {
    "profit_at_close": "only those still in profit at the closing price are taken",
    "capped_at_mark": "lots are capped so that nobody loses more than their profit and equity",
    "any": "whatever that costs them, beyond profit too",
}


def _borne_by(rule: Exhaustion, policy: str) -> str:
    base = _BASES[rule.socialised_base].format(period=duration(rule.period_ms))
    return _POLICIES[policy].format(price=_PRICES[rule.adl_price], base=base)


def _exhaustion(design: Design) -> Iterator[str]:
    rule = design.exhaustion
    yield f"What no layer covered is borne by {_borne_by(rule, rule.policy)}."
    if rule.policy == "adl":
        ranking = _RANKINGS[rule.adl_ranking].format(beta=percent(rule.adl_beta_ppm))
        yield f"  {ranking[0].upper()}{ranking[1:]}; {_ELIGIBLE[rule.adl_eligible]}."
    if rule.policy == "gains_haircut":
        cap = "" if rule.gains_cap is None else f", one account pays at most {amount(design.asset, rule.gains_cap)}"
        yield f"  For at most {rule.gains_max_rounds:,} steps{cap}."
    if rule.policy not in ("carry", "withdrawal_haircut"):
        yield f"  What that cannot place is borne by {_borne_by(rule, rule.fallback)}."
        yield f"  What nobody has settled within {duration(rule.deadline_ms)} is carried."


def _pool(design: Design) -> Iterator[str]:
    rule = design.pool
    if rule is not None:
        start, stop = percent(rule.adl_start_ppm), percent(rule.adl_stop_ppm)
        yield f"Every trader's counterparty is {rule.layer}; liquidations close against it at the mark."
        yield f"  Profits of one side above {start} of it: the largest are closed at the oracle, down to {stop}."
        yield f"  One side's profits are paid at most {percent(rule.payout_cap_ppm)} of it."


def _withdrawals(design: Design) -> Iterator[str]:
    rule = design.withdrawals
    if rule.while_losses == "gate":
        for_long = f", and for {duration(rule.gate_ms)} after the last of them" if rule.gate_ms else ""
        yield f"Nobody withdraws while losses are open{for_long}."
    elif rule.while_losses == "free":
        yield "Withdrawals do not ask whether losses are open."
    else:
        yield "While losses are open a withdrawal leaves behind what the account would have to bear of them now."


def _publishing(design: Design) -> Iterator[str]:
    rule = design.publishing
    if rule is not None:
        late = f", {duration(rule.lag_ms)} late" if rule.lag_ms else ""
        fields = listed(rule.fields) or "nothing"
        yield f"The venue publishes {fields} of its fund every {duration(rule.cadence_ms)}{late}."


def _stress(design: Design) -> Iterator[str]:
    rule = design.stress
    if not rule.depth:
        return
    impact = (
        "prices come from elsewhere and do not move with the venue's own sales"
        if rule.pass_through_ppm == 0
        else f"{percent(rule.pass_through_ppm)} of the venue's own price impact moves the next mark"
    )
    yield f"In stress runs {impact}; {percent(rule.recovery_ppm)} of used depth returns at each step."
