"""Keys that belong together: each pair broken once, whole once; a key at its default is never a problem."""

import tomllib

import msgspec
import pytest
from hypothesis import given, strategies as st

from seawall.amounts import Units, format_decimal
from seawall.design import BadInput, parse_design
from seawall.design.types import UNFUNDED, Exhaustion, Layer, Liquidation, Market


def problems(text):
    try:
        parse_design(text, "d.toml")
    except BadInput as error:
        return list(error.problems)
    return []


def edited(base, *edits):
    for old, new in edits:
        assert old in base
        base = base.replace(old, new, 1)
    return base


MARKET = 'lot_size = "0.01"\n'  # the second market's
LIQUIDATION = "surcharge_ppm = 5000\n"
BUCKET = 'market = "BTC-PERP"\nbalance = "1000"\ntarget = "2000"\n'
SHARED = 'kind = "shared_fund"\n'
SKIN = 'kind = "venue_capital"\nbalance = "700"\n'
POLICY = 'policy = "adl"\n'
ETH_TIERS = "[[markets.tiers]]\ninitial_margin_ppm = 50000\nmaintenance_margin_ppm = 25000\n"
TAKEOVER = '\n[liquidation.takeover]\nlayer = "shared"\n'
VAULT = '\n[[layers]]\nid = "lp"\nkind = "vault"\nbalance = "9"\n'
WAITING = '\n[[layers]]\nid = "waiting"\nkind = "revenue_pool"\n'
FLOW = '[accumulation.revenue_pool]\nlayer = "waiting"\nto = "shared"\n\n'
SPLIT = "[accumulation.surcharge_split_ppm]\nfund = 900000\ntreasury = 100000\n"
CALL = 'kind = "assessment"\ncommitment = "500"\n'
OF = 'multiple_of = "shared"\nevent_multiple_ppm = 1000000\n'
STEEP = "drawdown_ppm = 300000\ndrawdown_window_ms = 28800000\n"
HOLD = '\n[[layers.holdings]]\nasset = "ETH"\npart_ppm = '


def after(part, more):
    """`more` written behind `part`."""
    return (part, part + more)


def in_kind(kind):
    """The last layer with another kind."""
    return (SKIN, kind)


# -- one broken pair, one problem at its key -------------------------------------------------------------------------

BROKEN = [
    # markets
    ([(ETH_TIERS, "")], "markets[1].tiers", ["an array of tables", "nothing: the key", "add [[markets[1].tiers]]"]),
    ([(ETH_TIERS, "tiers = []\n")], "markets[1].tiers", ["at least one", "an empty array"]),
    ([after(MARKET, "haircut_ppm = 1\n")], "markets[1].haircut_ppm", ['while kind is "linear_perp"', "found 1"]),
    ([after(MARKET, 'dust = "2.5"\n')], "markets[1].dust", ['found "2.5"', 'set kind = "collateral"']),
    ([after(MARKET, 'kind = "collateral"\n')], "markets[1].tiers", ["no tiers in collateral", "1 tier", "haircut_ppm"]),
    (
        [(ETH_TIERS, ""), after(MARKET, 'kind = "collateral"\nadl_exempt = true\n')],
        "markets[1].adl_exempt",
        ["in collateral", "found true"],
    ),
    (
        [(MARKET, 'kind = "inverse_perp"\nlot_size = "0.000000001"\n')],
        "markets[1].tick_size",
        ["lot_size / tick_size a whole number", "0.000000001 / 0.01"],
    ),
    ([("[liquidation]", '[mark]\nsources = ["a", "a"]\n\n[liquidation]')], "mark.sources[1]", ["another source"]),
    # liquidation
    (
        [after(LIQUIDATION, "step_ppm = 100000\n")],
        "liquidation.step_ppm",
        ['while amount is "whole"', 'set amount = "steps"', "found 100000", "SPEC 4.5"],
    ),
    ([after(LIQUIDATION, 'step_above_notional = "5"\n')], "liquidation.step_above_notional", ['found "5"']),
    ([after(LIQUIDATION, 'amount = "steps"\nbuffer_ppm = 1\n')], "liquidation.buffer_ppm", ['"fewest_lots"']),
    ([after(LIQUIDATION, "step_wait_ms = 1\n")], "liquidation.step_wait_ms", ["no step_wait_ms"]),
    ([after(LIQUIDATION, 'step_within_wait = "whole"\nstep_wait_ms = 0\n')], "liquidation.step_within_wait", ["steps"]),
    (
        [after(LIQUIDATION, 'amount = "steps"\nstep_within_wait = "whole"\n')],
        "liquidation.step_wait_ms",
        ["since step_within_wait is stated"],
    ),
    ([after(LIQUIDATION, "close_factor_ppm = 1\n")], "liquidation.close_factor_ppm", ['amount = "close_factor"']),
    ([after(LIQUIDATION, "full_below_maintenance_ppm = 1\n")], "liquidation.full_below_maintenance_ppm", ["close_"]),
    ([after(LIQUIDATION, 'full_below_notional = "1"\n')], "liquidation.full_below_notional", ["close_factor"]),
    ([after(LIQUIDATION, 'amount = "steps"\nstep_ppm = 0\n')], "liquidation.step_ppm", ["at least 1", "never end"]),
    (
        [after(LIQUIDATION, 'amount = "close_factor"\nclose_factor_ppm = 0\n')],
        "liquidation.close_factor_ppm",
        ["at least 1"],
    ),
    ([after(LIQUIDATION, "fillable_spread_ppm = 2\n")], "liquidation.fillable_spread_ppm", ['worst_price is "any"']),
    ([after(LIQUIDATION, "auction_ms = 1\n")], "liquidation.auction_ms", ['worst_price = "auction"']),
    ([after(LIQUIDATION, "auction_start_ppm = 1\n")], "liquidation.auction_start_ppm", ["auction"]),
    ([after(LIQUIDATION, "auction_end_ppm = 1\n")], "liquidation.auction_end_ppm", ["auction"]),
    (
        [after(LIQUIDATION, 'worst_price = "auction"\nauction_start_ppm = 3\nauction_end_ppm = 2\n')],
        "liquidation.auction_start_ppm",
        ["at most auction_end_ppm = 2; found 3"],
    ),
    ([after(LIQUIDATION, 'position_limit_least = "5"\n')], "liquidation.position_limit_ppm", ["nothing: the key"]),
    ([after(LIQUIDATION, 'rate_notional = "5"\n')], "liquidation.rate_window_ms", ["a rate needs both"]),
    ([after(LIQUIDATION, "rate_window_ms = 5\n")], "liquidation.rate_notional", ["a rate needs both"]),
    ([after(LIQUIDATION, "surcharge_grace_ms = 5\n")], "liquidation.surcharge_growth_ppm", ["does not grow"]),
    ([after(LIQUIDATION, "surcharge_max_ppm = 6000\n")], "liquidation.surcharge_growth_ppm", ["does not grow"]),
    (
        [after(LIQUIDATION, "surcharge_growth_ppm = 1\nsurcharge_max_ppm = 4999\n")],
        "liquidation.surcharge_max_ppm",
        ["at least liquidation.surcharge_ppm = 5000", "found 4999"],
    ),
    (
        [
            after(LIQUIDATION, "surcharge_growth_ppm = 1\nsurcharge_max_ppm = 5000\n"),
            after(MARKET, "surcharge_ppm = 5001\n"),
        ],
        "liquidation.surcharge_max_ppm",
        ["at least markets[1].surcharge_ppm = 5001"],
    ),
    (
        [after(LIQUIDATION, TAKEOVER.replace('"shared"', '"shard"'))],
        "liquidation.takeover.layer",
        ["one of the design's layers: btc-bucket, shared, skin", 'did you mean "shared"?', "SPEC 4.7"],
    ),
    (
        [after(LIQUIDATION, TAKEOVER.replace('"shared"', '"btc-bucket"'))],
        "liquidation.takeover.layer",
        ["of kind shared_fund or venue_capital or vault or backstop", "of kind market_bucket"],
    ),
    (
        [after(LIQUIDATION, TAKEOVER + "below_maintenance_ppm = 5\n")],
        "liquidation.takeover.below_maintenance_ppm",
        ['while when is "unsold"', 'set when = "below"'],
    ),
    (
        [
            after(LIQUIDATION, TAKEOVER.replace("shared", "skin") + "notional_limit_ppm = 5\n"),
            in_kind('kind = "backstop"\ncommitment = "5"\n'),
        ],
        "liquidation.takeover.notional_limit_ppm",
        ["holds none", "state notional_limit"],
    ),
    # money in
    (
        [(SPLIT, SPLIT.replace("treasury = 100000", "vault = 100000"))],
        "accumulation.surcharge_split_ppm.vault",
        ["one layer of kind vault", "no vault"],
    ),
    (
        [
            (SPLIT, SPLIT.replace("treasury = 100000", "vault = 100000")),
            (POLICY, POLICY + VAULT + VAULT.replace('"lp"', '"lp2"')),
        ],
        "accumulation.surcharge_split_ppm.vault",
        ["2 of them"],
    ),
    ([(SPLIT, FLOW.replace("waiting", "skin") + SPLIT)], "accumulation.revenue_pool.layer", ["kind revenue_pool"]),
    (
        [(SPLIT, FLOW.replace('"shared"', '"waiting"') + SPLIT), (POLICY, POLICY + WAITING)],
        "accumulation.revenue_pool.to",
        ["of kind market_bucket or", "kind revenue_pool"],
    ),
    ([(POLICY, POLICY + WAITING)], "layers[3].kind", ["an [accumulation.revenue_pool] that says", "SPEC 5"]),
    (
        [(SPLIT, FLOW + SPLIT), (POLICY, POLICY + WAITING + 'event_limit = "4"\n')],
        "layers[3].event_limit",
        ["no event_limit in a layer of kind revenue_pool", "pays no deficit"],
    ),
    # layers
    (
        [(BUCKET, BUCKET + 'markets = ["ETH-PERP"]\n')],
        "layers[0].market",
        ["market or markets, not both", "move the market into markets"],
    ),
    ([(BUCKET, BUCKET.replace('market = "BTC-PERP"', "markets = []"))], "layers[0].markets", ["at least one"]),
    (
        [(BUCKET, BUCKET.replace('market = "BTC-PERP"', 'markets = ["BTC-PERP", "BTC"]'))],
        "layers[0].markets[1]",
        ["one of the design's markets", "SPEC 6"],
    ),
    (
        [(BUCKET, BUCKET.replace('market = "BTC-PERP"', 'markets = ["ETH-PERP", "ETH-PERP"]'))],
        "layers[0].markets[1]",
        ["another market than layers[0].markets[0]"],
    ),
    (
        [in_kind('kind = "market_bucket"\nmarkets = ["ETH-PERP", "BTC-PERP"]\nbalance = "1"\n')],
        "layers[2].markets[1]",
        ["another market than layers[0].market on line"],
    ),
    ([after(SHARED, 'markets = ["ETH-PERP"]\n')], "layers[1].markets", ["no markets in a layer of kind shared_fund"]),
    ([after(SHARED, "spill_over = false\n")], "layers[1].spill_over", ["found false", "market_bucket"]),
    ([after(BUCKET, "refill_ms = 5\n"), ('target = "2000"\n', "")], "layers[0].target", ["time to be back"]),
    (
        [after(BUCKET, 'target_of = "open_interest"\n')],
        "layers[0].target_of",
        ["target or target_of, not both", '"open_interest"'],
    ),
    ([after(BUCKET, "target_ppm = 5\n")], "layers[0].target_of", ["a part of a measure"]),
    ([after(SKIN, "account_limit_ms = 5\n")], "layers[2].account_limit", ["since account_limit_ms is stated"]),
    ([after(SKIN, "owner_limit_ms = 0\n")], "layers[2].owner_limit", ["since owner_limit_ms is stated"]),
    ([after(SKIN, "market_limit_ms = 5\n")], "layers[2].market_limit", ["since market_limit_ms is stated"]),
    ([after(SKIN, "drawdown_ppm = 5\n")], "layers[2].drawdown_window_ms", ["the peak of a window"]),
    ([after(SKIN, "drawdown_window_ms = 5\n")], "layers[2].drawdown_ppm", ["since drawdown_window_ms is stated"]),
    ([after(SKIN, 'drawdown_of = "market"\n')], "layers[2].drawdown_ppm", ["since drawdown_of is stated"]),
    (
        [after(SKIN, STEEP + "drawdown_reset_ppm = 300001\n")],
        "layers[2].drawdown_reset_ppm",
        ["at most drawdown_ppm = 300000; found 300001"],
    ),
    ([after(SKIN, 'commitment = "5"\n')], "layers[2].commitment", ["pays from its balance", 'found "5"']),
    ([after(SKIN, 'multiple_of = "shared"\n')], "layers[2].multiple_of", ['"assessment"']),
    ([after(SKIN, "\n[layers.stake]\ncooldown_ms = 5\n")], "layers[2].stake", ['"tranche"', "SPEC 9"]),
    ([in_kind(CALL + "event_multiple_ppm = 5\n")], "layers[2].multiple_of", ["multiple of a layer's opening"]),
    ([in_kind(CALL + 'multiple_of = "shared"\n')], "layers[2].event_multiple_ppm", ["window_multiple_ppm, since"]),
    (
        [in_kind(CALL + OF.replace("event", "window"))],
        "layers[2].window_ms",
        ["since window_multiple_ppm is stated"],
    ),
    ([in_kind(CALL + OF.replace('"shared"', '"skin"'))], "layers[2].multiple_of", ["of kind assessment"]),
    ([in_kind(CALL + OF.replace('"shared"', '"gone"'))], "layers[2].multiple_of", ["one of the design's layers"]),
    (
        [after(SKIN, HOLD + "600000\ncap_ppm = 500000\n")],
        "layers[2].holdings[0].part_ppm",
        ["at most cap_ppm = 500000"],
    ),
    ([after(SKIN, HOLD + "600000\n" + HOLD + "400001\n")], "layers[2].holdings", ["at most 1000000; found 1000001"]),
    (
        [after(BUCKET, "rank = 1\n"), after(SKIN, "rank = 1\n")],
        "layers[2].rank",
        ["layers of one rank next to each other: layers[0] on line", "found 1"],
    ),
    ([after(BUCKET, "rank = 1\n"), after(SHARED, "rank = 1\n")], "layers[0].rank", ["no bucket in a rank"]),
    (
        [after(SHARED, "rank = 1\n"), after(SKIN, 'rank = 1\ndraw_mode = "block"\n')],
        "layers[2].draw_mode",
        ['"partial" in a rank of several', 'found "block"'],
    ),
    # exhaustion and the rest
    (
        [(POLICY, 'policy = "carry"\nadl_price = "mark"\n')],
        "exhaustion.adl_price",
        ['while policy is "carry"', 'found "mark"', "SPEC 7"],
    ),
    ([after(POLICY, "adl_beta_ppm = 5\n")], "exhaustion.adl_beta_ppm", ['adl_ranking = "capped_pro_rata"']),
    (
        [(POLICY, 'policy = "socialised_loss"\nperiod_ms = 5\n')],
        "exhaustion.period_ms",
        ['while socialised_base is "positive_pnl"'],
    ),
    ([after(POLICY, "gains_max_rounds = 5\n")], "exhaustion.gains_max_rounds", ['policy = "gains_haircut"']),
    ([after(POLICY, 'gains_cap = "5"\n')], "exhaustion.gains_cap", ['policy = "gains_haircut"']),
    (
        [after(POLICY, 'socialised_base = "equity"\n')],
        "exhaustion.socialised_base",
        ['policy is "adl" and fallback "carry"', 'found "equity"'],
    ),
    ([after(POLICY, "\n[withdrawals]\ngate_ms = 5\n")], "withdrawals.gate_ms", ['while_losses = "gate"']),
    (
        [(POLICY, 'policy = "withdrawal_haircut"\n\n[withdrawals]\nwhile_losses = "free"\n')],
        "withdrawals.while_losses",
        ["withdrawals pay for the debt"],
    ),
    ([after(POLICY, '\n[pool]\nlayer = "shared"\n')], "pool.layer", ["a layer of kind vault"]),
    (
        [after(POLICY, VAULT + '\n[pool]\nlayer = "lp"\nadl_start_ppm = 5\n')],
        "pool.adl_start_ppm",
        ["at least adl_stop_ppm = 1000000, its default; found 5"],
    ),
    (
        [after(POLICY, VAULT + '\n[pool]\nlayer = "lp"\nadl_start_ppm = 5\nadl_stop_ppm = 5\npayout_cap_ppm = 4\n')],
        "pool.adl_start_ppm",
        ["at most payout_cap_ppm = 4; found 5"],
    ),
    (
        [after(POLICY, VAULT + '\n[pool]\nlayer = "lp"\n'), after(LIQUIDATION, TAKEOVER)],
        "liquidation.takeover",
        ["no takeover while there is a [pool]"],
    ),
    (
        [after(POLICY, '\n[publishing]\nfields = ["balance", "draws", "balance"]\n')],
        "publishing.fields[2]",
        ["each field once", '"balance"'],
    ),
]


@pytest.mark.parametrize(("edits", "field", "parts"), BROKEN, ids=[f"{case[1]}: {case[2][0][:40]}" for case in BROKEN])
def test_a_broken_pair_is_one_problem_at_its_key(base, edits, field, parts):
    found = problems(edited(base, *edits))
    assert [problem.field for problem in found] == [field]
    for part in parts:
        assert part in str(found[0])


def test_collateral_alone_is_nothing_to_trade(base):
    start, end = base.index("[[markets]]\nid"), base.index("[liquidation]")
    only = '[[markets]]\nid = "BTC-PERP"\nkind = "collateral"\ntick_size = "1"\nlot_size = "1"\n\n'
    text = base[:start] + only + base[end : base.rindex("[[stress.depth]]")]
    (problem,) = problems(text)
    assert (problem.field, problem.found) == ("markets", "collateral alone")


@pytest.mark.parametrize("kind", UNFUNDED)
def test_a_layer_without_money_has_a_commitment_and_nothing_of_a_balance(base, kind):
    assert problems(edited(base, in_kind(f'kind = "{kind}"\ncommitment = "5"\nevent_limit = "3"\n'))) == []
    (problem,) = problems(edited(base, in_kind(f'kind = "{kind}"\n')))
    assert (problem.field, problem.found) == ("layers[2].commitment", "nothing: the key is missing")
    money = (
        'balance = "1"\ntarget = "5"\nrefill_ms = 1\nminimum_left = "1"\nevent_limit_ppm = 5\nown_credits = "later"\n'
    )
    text = edited(base, in_kind(f'kind = "{kind}"\ncommitment = "5"\n{money}{STEEP}{HOLD}5\n'))
    found = [problem.field for problem in problems(text)]
    keys = ["balance", "target", "refill_ms", "minimum_left", "event_limit_ppm", "own_credits"]
    keys += ["drawdown_ppm", "drawdown_window_ms", "holdings"]
    assert sorted(found) == sorted(f"layers[2].{key}" for key in keys)


# -- whole pairs ---------------------------------------------------------------------------------------------------

WHOLE = [
    [(ETH_TIERS, ""), after(MARKET, 'kind = "collateral"\nhaircut_ppm = 50000\ndust = "1"\n')],
    [(MARKET, 'kind = "inverse_perp"\nlot_size = "0.01"\n')],
    [after(LIQUIDATION, 'amount = "steps"\nstep_ppm = 1\nstep_above_notional = "5"\nstep_wait_ms = 5\n')],
    [after(LIQUIDATION, 'amount = "close_factor"\nclose_factor_ppm = 1\nfull_below_notional = "2"\n')],
    [after(LIQUIDATION, 'amount = "fewest_lots"\nbuffer_ppm = 1\n')],
    [after(LIQUIDATION, 'worst_price = "fillable"\nfillable_spread_ppm = 1500000\n')],
    [after(LIQUIDATION, 'worst_price = "auction"\nauction_start_ppm = 2\nauction_end_ppm = 2\nauction_ms = 5\n')],
    [after(LIQUIDATION, 'position_limit_ppm = 5\nposition_limit_least = "5"\n')],
    [after(LIQUIDATION, 'rate_notional = "5"\nrate_window_ms = 5\n')],
    [after(LIQUIDATION, "surcharge_growth_ppm = 1\nsurcharge_max_ppm = 5000\nsurcharge_grace_ms = 9\n")],
    [after(LIQUIDATION, TAKEOVER + 'when = "below"\nbelow_maintenance_ppm = 5\nnotional_limit_ppm = 5\n')],
    [(SPLIT, SPLIT.replace("treasury = 100000", "vault = 100000")), (POLICY, POLICY + VAULT)],
    [(SPLIT, FLOW + SPLIT), (POLICY, POLICY + WAITING)],
    [(BUCKET, BUCKET.replace('market = "BTC-PERP"', 'markets = ["BTC-PERP", "ETH-PERP"]') + "spill_over = false\n")],
    [(BUCKET, BUCKET.replace('target = "2000"', 'target_of = "open_interest"\ntarget_ppm = 5\nrefill_ms = 5'))],
    [after(SKIN, 'account_limit = "5"\naccount_limit_ms = 0\nowner_limit = "5"\nmarket_limit = "5"\n')],
    [after(SKIN, STEEP + 'drawdown_reset_ppm = 300000\ndrawdown_floor = "1"\ndrawdown_of = "market"\n')],
    [after(SKIN, STEEP)],
    [in_kind(CALL + OF + "window_multiple_ppm = 5\nwindow_ms = 5\n")],
    [in_kind('kind = "tranche"\nbalance = "5"\n\n[layers.stake]\ncooldown_ms = 5\n')],
    [after(SKIN, HOLD + "600000\n" + HOLD + "400000\n")],
    [after(SHARED, "rank = 1\n"), after(SKIN, "rank = 1\n")],
    [after(SHARED, "rank = 1\n"), after(SKIN, 'rank = 2\ndraw_mode = "all_or_nothing"\n')],
    [after(POLICY, 'adl_price = "mark"\nadl_ranking = "capped_pro_rata"\nadl_beta_ppm = 5\n')],
    [(POLICY, 'policy = "gains_haircut"\ngains_max_rounds = 5\ngains_cap = "5"\n')],
    [after(POLICY, 'fallback = "socialised_loss"\nsocialised_base = "equity"\n')],
    [after(POLICY, '\n[withdrawals]\nwhile_losses = "gate"\ngate_ms = 5\n')],
    [after(POLICY, VAULT + '\n[pool]\nlayer = "lp"\nadl_start_ppm = 5\nadl_stop_ppm = 4\npayout_cap_ppm = 5\n')],
]


@pytest.mark.parametrize("edits", WHOLE, ids=[case[-1][1].strip().replace("\n", " ")[-60:] for case in WHOLE])
def test_a_whole_pair_is_no_problem(base, edits):
    assert problems(edited(base, *edits)) == []


def toml_default(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Units):
        return f'"{format_decimal(value, 6)}"'
    return f'"{value}"' if isinstance(value, str) else "[]" if value == () else str(value)


def defaults(table):
    fields = msgspec.structs.fields(table)
    plain = [(f.encode_name, f.default) for f in fields if f.default is not msgspec.NODEFAULT and f.default is not None]
    return [(key, value) for key, value in plain if not isinstance(value, msgspec.Struct) and key != "tiers"]


PLACES = [(Market, MARKET), (Liquidation, LIQUIDATION), (Layer, BUCKET), (Layer, SKIN), (Exhaustion, POLICY)]


@given(st.data())
def test_a_key_that_stands_at_its_default_is_never_a_problem(base, data):
    text = base
    for table, place in data.draw(st.lists(st.sampled_from(PLACES), unique=True)):
        keys = [item for item in defaults(table) if f"\n{item[0]} =" not in f"\n{place}"]
        chosen = data.draw(st.lists(st.sampled_from(keys), unique=True))
        text = edited(text, after(place, "".join(f"{key} = {toml_default(value)}\n" for key, value in chosen)))
    assert problems(text) == []
    assert parse_design(text, "d.toml") == parse_design(base, "d.toml")


# -- any keys together: a design or located problems ------------------------------------------------------------------


def any_value(field, draw):
    """A value of the right kind for a key, so that only its neighbours can make it wrong."""
    info = msgspec.inspect.type_info(field.type)
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    if isinstance(info, msgspec.inspect.UnionType):
        (info,) = (each for each in info.types if not isinstance(each, msgspec.inspect.NoneType))
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    if isinstance(info, msgspec.inspect.LiteralType):
        return f'"{draw(st.sampled_from(sorted(info.values)))}"'
    if isinstance(info, msgspec.inspect.BoolType):
        return draw(st.sampled_from(["true", "false"]))
    if isinstance(info, msgspec.inspect.IntType):
        return str(draw(st.sampled_from([0, 1, 300_000, 1_000_000])))
    if isinstance(info, msgspec.inspect.StrType):
        return f'"{draw(st.sampled_from(["BTC-PERP", "shared", "skin", "open_interest"]))}"'
    if isinstance(info, msgspec.inspect.CustomType):
        return draw(st.sampled_from(['"1"', '"5000"', '"0.01"']))
    return draw(st.sampled_from(["[]", '["BTC-PERP"]', '["ETH-PERP", "ETH-PERP"]']))


@given(st.data())
def test_any_keys_together_give_a_design_or_problems_on_lines_of_the_file(base, data):
    text, raw = base, tomllib.loads(base)
    for table, place in data.draw(st.lists(st.sampled_from(PLACES), min_size=1, unique=True)):
        structs = ("takeover", "stake", "holdings", "tiers", "id")
        fields = [f for f in msgspec.structs.fields(table) if f.encode_name not in structs]
        free = [f for f in fields if f"\n{f.encode_name} =" not in f"\n{place}" and f.encode_name not in raw]
        there = {Market: ("tick_size", "lot_size", "underlying"), Layer: ("kind",)}.get(table, ())
        free = [f for f in free if f.encode_name not in there]
        picked = data.draw(st.lists(st.integers(0, len(free) - 1), min_size=1, max_size=6, unique=True))
        lines = [f"{free[i].encode_name} = {any_value(free[i], data.draw)}\n" for i in picked]
        text = edited(text, after(place, "".join(lines)))
    try:
        found = ()
        parse_design(text, "d.toml")
    except BadInput as error:
        found = error.problems
    lines = text.split("\n")
    for problem in found:
        assert 1 <= problem.line <= len(lines) and problem.field and problem.wanted and problem.found
        assert str(problem).isprintable()
        key = problem.field.rpartition(".")[2].split("[")[0]
        stated = problem.found != "nothing: the key is missing"
        assert not stated or key in lines[problem.line - 1] or f"{key}]" in lines[problem.line - 1]
