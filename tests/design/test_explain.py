"""The design in plain words: what the presets say, and that no value of a design goes unsaid."""

import json

import msgspec
import pytest

from seawall.amounts import Units, format_decimal
from seawall.design import BadInput, parse_design
from seawall.design.explain import explain
from seawall.design.presets import preset_names, preset_text
from seawall.design.types import Exhaustion, Layer, Liquidation, Market


def edited(base, *edits):
    for old, new in edits:
        assert old in base
        base = base.replace(old, new, 1)
    return parse_design(base, "d.toml")


def test_the_explanation_says_who_is_liquidated_what_it_costs_and_who_pays_in_order():
    text = "\n".join(explain(parse_design(preset_text("small-perp"), "small-perp")))
    for part in (
        "  BTC-PERP, linear perpetual on BTC: price steps of 0.1 USDC, lots of 0.001.",
        "    up to 250,000 USDC: 2 % of notional to open (leverage 50), 1 % to keep.",
        "    above 5,000,000 USDC: 10 % of notional to open (leverage 10), 5 % less 138,125 USDC to keep.",
        "liquidated, all of it, when its equity falls below its maintenance margin.",
        "a surcharge of 0.5 % (HYPE-PERP: 1 %, DOGE-PERP: 1 %) of the notional closed",
        "The surcharge goes 80 % to the fund, 20 % to the treasury.",
        "once it is flat goes to the trader.",
        "Of every trading fee 5 % is the fund's.",
        "Income above every target goes 70 % to the treasury, 30 % to a rebate of fees.",
        "they hold 1,585,000 USDC at the start:",
        "  1. btc-bucket, the bucket of BTC-PERP, for its part of a deficit alone: 200,000 USDC at the start, filled",
        "  6. shared, the shared fund: 750,000 USDC at the start, filled up to 1,500,000 USDC, at most 250,000 USDC a "
        "deficit, at most 500,000 USDC within any 24 hours, the last 50,000 USDC is never drawn.",
        "  7. venue-capital, the venue's own capital: 250,000 USDC at the start.",
        "auto-deleveraging",
        "What nobody has settled within 1 minute is carried.",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("edits", "part"),
    [
        ([("[liquidation]", '[liquidation]\ntrigger = "at_or_below"')], "equity is at or below its maintenance margin"),
        ([("[liquidation]", "[liquidation]\nmax_accounts_per_step = 1500")], "At most 1,500 accounts a step"),
        ([('policy = "adl"', 'policy = "carry"')], "borne by nobody: it is carried as debt"),
        ([('"adl"', '"adl"\nadl_eligible = "capped_at_mark"')], "nobody loses more than their profit"),
        ([("surcharge_ppm = 5000", "surcharge_ppm = 0")], "It pays no surcharge."),
        ([('feed_ceiling = "1000000"\n', ""), ('feed_floor = "100"\n', "")], "at most 1 hour old; else"),
    ],
)
def test_the_explanation_follows_the_design(base, edits, part):
    assert part in "\n".join(explain(edited(base, *edits)))


@pytest.mark.parametrize("name", preset_names())
def test_every_layer_market_and_line_is_explained_once_and_short(name):
    design = parse_design(preset_text(name), name)
    lines = explain(design)
    for position, layer in enumerate(design.layers, start=1):
        assert len([line for line in lines if line.startswith(f"  {position}. {layer.id}, ")]) == 1
    assert all(line.isprintable() and line == line.rstrip() for line in lines)


# -- every value of a design that states every key ------------------------------------------------------------------

EVERY_KEY = """\
schema = "seawall.design/1"
name = "every-key"
description = "states every key that goes together"
asset = { id = "USDC", decimals = 6 }

[[markets]]
id = "BTC-PERP"
tick_size = "0.1"
lot_size = "0.001"
underlying = "BTC"
feed_floor = "100"
feed_ceiling = "1000000"
surcharge_ppm = 6000
adl_exempt = true
cover_limit = "900"
tiers = [
    { up_to_notional = "100000", initial_margin_ppm = 20000, maintenance_margin_ppm = 10000 },
    { initial_margin_ppm = 40000, maintenance_margin_ppm = 20000, maintenance_deducted = "1000" },
]

[[markets]]
id = "INVERSE"
kind = "inverse_perp"
tick_size = "0.5"
lot_size = "100"
tiers = [{ initial_margin_ppm = 40000, maintenance_margin_ppm = 20000 }]

[[markets]]
id = "ETH"
kind = "collateral"
tick_size = "0.01"
lot_size = "0.01"
haircut_ppm = 50000
dust = "2"

[mark]
max_age_ms = 60000
stale_max_ms = 120000
sources = ["a", "b", "c"]

[accounts]
recourse = true

[liquidation]
trigger = "at_or_below"
surcharge_ppm = 5000
max_accounts_per_step = 7
amount = "steps"
step_ppm = 300000
step_above_notional = "5"
step_wait_ms = 30000
step_within_wait = "whole"
position_limit_ppm = 100000
position_limit_least = "6"
account_notional_per_step = "7"
rate_notional = "8"
rate_window_ms = 36000
worst_price = "auction"
auction_start_ppm = 10000
auction_end_ppm = 300000
auction_ms = 900000
surcharge_grace_ms = 5000
surcharge_growth_ppm = 10
surcharge_growth_every_ms = 1000
surcharge_max_ppm = 9000
assumption_premium_ppm = 25000
fees_final = true

[liquidation.takeover]
layer = "lp"
when = "below"
below_maintenance_ppm = 666667
notional_limit_ppm = 1000000
notional_limit = "99"
unwind_ppm = 10000
unwind_worst_ppm = 20000

[accumulation]
commission_share_ppm = 50000
surcharge_split_ppm = { fund = 400000, treasury = 300000, liquidator = 200000, vault = 100000 }
residual_split_ppm = { fund = 400000, treasury = 300000, trader = 200000, vault = 100000 }
excess_split_ppm = { stakers = 100000, treasury = 200000, fee_rebate = 300000, hedges = 150000, buyback = 250000 }

[accumulation.revenue_pool]
layer = "waiting"
to = "stakers"
period_ms = 3600000
share_ppm = 100000
yearly_cap_ppm = 10000000
protocol_ppm = 20000

[[layers]]
id = "waiting"
kind = "revenue_pool"
balance = "1"

[[layers]]
id = "bucket"
kind = "market_bucket"
market = "BTC-PERP"
balance = "2"
target_of = "open_interest"
target_ppm = 3000
refill_ms = 86400001
spill_over = false

[[layers]]
id = "both"
kind = "market_bucket"
markets = ["INVERSE", "ETH"]
target = "5"

[[layers]]
id = "shared"
kind = "shared_fund"
balance = "1000"
target = "2000"
event_limit = "10"
event_limit_ppm = 20000
block_limit = "11"
account_limit = "12"
account_limit_ms = 10
owner_limit = "13"
owner_limit_ms = 20
market_limit = "14"
market_limit_ms = 30
lifetime_limit = "15"
window_limit = "16"
window_ms = 40
minimum_left = "17"
drawdown_ppm = 300000
drawdown_reset_ppm = 250000
drawdown_window_ms = 28800000
drawdown_floor = "18"
drawdown_of = "market"
offset = "19"
own_credits = "later"

[[layers.holdings]]
asset = "USDT"
part_ppm = 10000
issuer = "Tether"
custodian = "a bank"
cap_ppm = 20000
days_to_cash = 2
haircut_ppm = 30000
own_token = true

[[layers]]
id = "stakers"
kind = "tranche"
balance = "100"
rank = 3
draw_mode = "partial"

[layers.stake]
cooldown_ms = 1000
window_ms = 2000
pays_lower = true
cancel_forfeits = true
frozen_by_losses = true
reward_ms = 3000

[[layers]]
id = "lp"
kind = "vault"
balance = "100"
rank = 3

[[layers]]
id = "calls"
kind = "assessment"
commitment = "100"
draw_mode = "block"
multiple_of = "stakers"
event_multiple_ppm = 2750000
window_multiple_ppm = 5500000
window_limit = "7"
window_ms = 50

[exhaustion]
policy = "gains_haircut"
fallback = "socialised_loss"
socialised_base = "open_interest"
gains_max_rounds = 5
gains_cap = "100"
deadline_ms = 5000

[withdrawals]
while_losses = "gate"
gate_ms = 7000

[publishing]
fields = ["balance", "coverage"]
cadence_ms = 60000
lag_ms = 1000

[stress]
pass_through_ppm = 1
recovery_ppm = 2

[[stress.depth]]
market = "BTC-PERP"
bids = [[1, 10]]
asks = [[1, 10]]
"""


def replaced(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return type(value)(value - 1 if value == 1_000_000 else value + 1)
    return type(value)(value + "1")


def variants(value, field=None):
    """Every design that differs from this one in a single value, with the name of the key."""
    if isinstance(value, msgspec.Struct):
        for each in msgspec.structs.fields(value):
            for name, other in variants(getattr(value, each.name), each):
                yield name, msgspec.structs.replace(value, **{each.name: other})
    elif isinstance(value, tuple) and field.name not in ("bids", "asks", "fields"):
        for position, item in enumerate(value):
            for name, other in variants(item, field):
                yield name, (*value[:position], other, *value[position + 1 :])
    elif isinstance(value, str) and choices(field):
        for other in choices(field):
            if other != value:
                yield field.name, other
    elif value is not None and not isinstance(value, tuple):
        yield field.name, replaced(value)


def choices(field):
    info = msgspec.inspect.type_info(field.type)
    return sorted(info.values) if isinstance(info, msgspec.inspect.LiteralType) else []


def test_every_key_of_a_design_is_stated_here():
    design = parse_design(EVERY_KEY, "d.toml")
    assert design.layers[6].window_multiple_ppm == 5_500_000
    for table in (Layer,):
        for field in msgspec.structs.fields(table):
            values = {getattr(layer, field.name) for layer in design.layers if field.name != "holdings"}
            assert values - {field.default} or field.name == "holdings"


def written(value, decimals):
    """A design as a document again, on one line a table."""
    if isinstance(value, msgspec.Struct):
        items = [(key, item) for key, item in msgspec.structs.asdict(value).items() if item is not None]
        return "{" + ", ".join(f"{key} = {written(item, decimals)}" for key, item in items) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(written(item, decimals) for item in value) + "]"
    return json.dumps(format_decimal(value, decimals) if isinstance(value, Units) else value)


def words(design):
    """What is said of a design, or of one that could not be loaded."""
    try:
        return explain(design)
    except KeyError:
        return []


def loads(design):
    fields = msgspec.structs.asdict(design).items()
    text = "\n".join(f"{key} = {written(item, 6)}" for key, item in fields if item is not None)
    try:
        return parse_design(text, "d.toml") == design
    except BadInput:
        return False


NO_STEPS = {"step_ppm": 200_000, "step_above_notional": 0, "step_wait_ms": 0, "step_within_wait": "nothing"}
NO_AUCTION = {"auction_start_ppm": 0, "auction_end_ppm": 1_000_000, "auction_ms": 3_600_000}
NO_GAINS = {"policy": "adl", "gains_max_rounds": 10, "gains_cap": None}
OTHERWISE = [
    {},
    {"liquidation": NO_STEPS | {"amount": "close_factor"}},
    {"liquidation": NO_STEPS | {"amount": "fewest_lots"}},
    {"liquidation": NO_AUCTION | {"worst_price": "fillable"}},
    {"exhaustion": NO_GAINS | {"adl_ranking": "capped_pro_rata"}},
    {"exhaustion": {"socialised_base": "period_profit"}},
    {"exhaustion": NO_GAINS | {"adl_ranking": "queue_bitmex"}},
]
SILENT = {"adl_ranking", "adl_eligible", "distance"}
"""Of no effect under another policy (a warning), or of a stress run's book."""


def varied(design, tables):
    """Every variant of the design, or only of these tables."""
    if not tables:
        yield from variants(design)
    for table in tables:
        for name, other in variants(getattr(design, table)):
            yield name, msgspec.structs.replace(design, **{table: other})


def test_no_value_of_a_design_goes_unsaid():
    seen = set()
    for changes in OTHERWISE:
        design = parse_design(EVERY_KEY, "d.toml")
        for table, values in changes.items():
            amounts = {key: Units(value) if key == "step_above_notional" else value for key, value in values.items()}
            other = msgspec.structs.replace(getattr(design, table), **amounts)
            design = msgspec.structs.replace(design, **{table: other})
        assert loads(design)
        said, silent = explain(design), SILENT if design.exhaustion.policy != "adl" else {"distance"}
        for name, other in varied(design, changes):
            if words(other) != said:
                seen.add(name)
            else:
                assert name in silent or not loads(other), name
    keys = {field.name for table in (Layer, Liquidation, Exhaustion, Market) for field in msgspec.structs.fields(table)}
    assert keys - seen == {"stake", "holdings", "tiers", "takeover"}  # tables: their own keys are seen


def test_how_a_layer_sells_what_it_took_over_is_said():
    text = "\n".join(explain(parse_design(EVERY_KEY, "d.toml")))
    assert "sells 1 % of it at each step, at most 2 % away from the mark." in text
    anyhow = "\n".join(explain(parse_design(EVERY_KEY.replace("unwind_worst_ppm = 20000\n", ""), "d.toml")))
    assert "sells 1 % of it at each step." in anyhow


def test_a_pool_and_each_other_policy_is_said(base):
    lp = '\n[[layers]]\nid = "lp"\nkind = "vault"\nbalance = "9"\n\n[pool]\nlayer = "lp"\n'
    bands = "adl_start_ppm = 850000\nadl_stop_ppm = 770000\npayout_cap_ppm = 900000\n"
    lines = "\n".join(explain(edited(base, ('policy = "adl"\n', 'policy = "tear_up"\n' + lp + bands))))
    for part in ("counterparty is lp", "above 85 % of it", "down to 77 %", "at most 90 % of it", "(tear-up)"):
        assert part in lines
    haircut = "\n".join(explain(edited(base, ('"adl"', '"withdrawal_haircut"'))))
    assert "paid in part until the venue is whole" in haircut and "cannot place" not in haircut


def test_a_limit_without_a_time_counts_since_the_start_and_with_time_zero_at_one_time(base):
    limits = 'balance = "700"\naccount_limit = "5"\nowner_limit = "6"\nowner_limit_ms = 0\n'
    lines = "\n".join(explain(edited(base, ('balance = "700"\n', limits))))
    assert "at most 5 USDC for one account in all, at most 6 USDC for one owner at one time" in lines
