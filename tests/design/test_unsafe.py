"""Unsafe designs of every mechanism: each is warned of by its id with its figure, and its safe twin is not."""

import pytest

from seawall.design import parse_design
from seawall.design.checks import warnings

MARKET = 'lot_size = "0.01"\n'  # the second market's
FIRST = 'lot_size = "0.001"\n'
LIQUIDATION = "surcharge_ppm = 5000\n"
BUCKET = 'market = "BTC-PERP"\nbalance = "1000"\ntarget = "2000"\n'
SHARED = 'kind = "shared_fund"\nbalance = "5000.50"\n'
SKIN = 'kind = "venue_capital"\nbalance = "700"\n'
POLICY = 'policy = "adl"\n'
ADL = "[exhaustion]\n" + POLICY
ETH_TIERS = "[[markets.tiers]]\ninitial_margin_ppm = 50000\nmaintenance_margin_ppm = 25000\n"
SPLIT = "[accumulation.surcharge_split_ppm]\nfund = 900000\ntreasury = 100000\n"
TAKEOVER = '\n[liquidation.takeover]\nlayer = "shared"\n'
VAULT = '\n[[layers]]\nid = "lp"\nkind = "vault"\nbalance = "9"\n'
WAITING = '\n[[layers]]\nid = "waiting"\nkind = "revenue_pool"\n'
FLOW = '\n[accumulation.revenue_pool]\nlayer = "waiting"\nto = "shared"\n'
COMMISSION = "[accumulation]\ncommission_share_ppm = 50000\n\n"
TRANCHE = 'kind = "tranche"\nbalance = "700"\n\n[layers.stake]\n'
HOLD = "\n[[layers.holdings]]\npart_ppm = 500000\n"
STEEP = "drawdown_ppm = 300000\ndrawdown_window_ms = 28800000\n"
CALL = 'kind = "assessment"\ncommitment = "2000"\nmultiple_of = "shared"\n'


def edited(base, *edits):
    for old, new in edits:
        assert old in base
        base = base.replace(old, new, 1)
    return parse_design(base, "d.toml")


def after(part, more):
    return (part, part + more)


def grow(most):
    return [after(LIQUIDATION, f"surcharge_growth_ppm = 10\nsurcharge_max_ppm = {most}\n")]


def taken(more):
    return [after(LIQUIDATION, TAKEOVER + more)]


def inverse(kind):
    return [(MARKET, f'kind = "{kind}"\nlot_size = "0.01"\n')]


def eth_collateral(haircut):
    return [(ETH_TIERS, ""), after(MARKET, f'kind = "collateral"\nhaircut_ppm = {haircut}\n')]


def exempt(fallback):
    return [after(MARKET, "adl_exempt = true\n"), after(POLICY, f'fallback = "{fallback}"\n')]


def sources(names):
    return [after("decimals = 6\n", f"\n[mark]\nsources = [{names}]\n")]


def stale(ms):
    return [after("decimals = 6\n", f"\n[mark]\nstale_max_ms = {ms}\n")]


def split(text):
    return [("fund = 900000\ntreasury = 100000\n", text)]


def residual(text):
    return [after(SPLIT, f"\n[accumulation.residual_split_ppm]\n{text}\n")]


def excess(kind):
    stakes = "\n[accumulation.excess_split_ppm]\nstakers = 400000\ntreasury = 600000\n"
    return [after(SPLIT, stakes), (SKIN, f'kind = "{kind}"\nbalance = "700"\n')]


def pooled(commission, more="", to_balance="5000.50"):
    head = COMMISSION if commission else ""
    return [(SPLIT, head + SPLIT + FLOW + more), after(ADL, WAITING), ('"5000.50"', f'"{to_balance}"')]


def skin(more):
    return [(SKIN, SKIN + more)]


def shared(more):
    return [(SHARED, SHARED + more)]


def stake(text, deadline=60_000):
    """A tranche; no window of losses but the shared fund's, of 24 hours."""
    return [(SKIN, TRANCHE + text), after(POLICY, f"deadline_ms = {deadline}\n")]


def holding(text):
    return [after(SKIN, HOLD + text)]


def assessed(multiple):
    return [(SKIN, f"{CALL}event_multiple_ppm = {multiple}\n")]


def adl(more):
    return [after(POLICY, more)]


def policy(text):
    return [(POLICY, text)]


def no_income(text):
    return [(LIQUIDATION, "surcharge_ppm = 0\n"), (POLICY, text)]


def pool(start):
    bands = f"adl_start_ppm = {start}\nadl_stop_ppm = 600000\n"
    return [after(POLICY, VAULT + '\n[pool]\nlayer = "lp"\n' + bands)]


UNSAFE = [
    # id, the unsafe edits, the safe twin's, field, parts of the text
    (
        "surcharge-above-margin",
        grow(10_001),
        grow(10_000),
        "liquidation.surcharge_max_ppm",
        ["grows to 1.0001 %", "BTC-PERP", "1 %"],
    ),
    (
        "surcharge-above-margin",
        [after(LIQUIDATION, "surcharge_growth_ppm = 10\n")],
        [],
        "liquidation.surcharge_growth_ppm",
        ["grows to 100 %"],
    ),
    (
        "collateral-in-full",
        eth_collateral(0),
        eth_collateral(1),
        "markets[1].haircut_ppm",
        ["0 % is taken off ETH-PERP"],
    ),
    (
        "wrong-way-fund",
        inverse("inverse_perp"),
        inverse("linear_perp"),
        "markets[1].kind",
        ["settled in USDC", "6,700.5 USDC", "half the price"],
    ),
    (
        "market-uncovered",
        [after(MARKET, 'cover_limit = "0"\n')],
        [after(FIRST, 'cover_limit = "0"\n')],  # its bucket pays
        "markets[1].cover_limit",
        ["0 USDC", "no bucket"],
    ),
    (
        "exempt-and-carried",
        exempt("carry"),
        exempt("socialised_loss"),
        "markets[1].adl_exempt",
        ["100 % of what layers leave"],
    ),
    ("one-source", sources('"a"'), sources('"a", "b", "c"'), "mark.sources", ["1 source, a"]),
    (
        "settled-before-stale",
        stale(3_599_999),
        stale(3_600_000),
        "mark.stale_max_ms",
        ["after 3,599,999 ms without a price", "1 hour old"],
    ),
    (
        "pass-through",
        [("[[stress.depth]]", "[stress]\npass_through_ppm = 50000\n\n[[stress.depth]]")],
        [("[[stress.depth]]", "[stress]\npass_through_ppm = 0\n\n[[stress.depth]]")],
        "stress.pass_through_ppm",
        ["5 %"],
    ),
    (
        "fees-final",
        [after(LIQUIDATION, "fees_final = true\n")],
        [after(LIQUIDATION, "fees_final = false\n")],
        "liquidation.fees_final",
        ["up to 0.5 %"],
    ),
    (
        "never-liquidated",
        [after(LIQUIDATION, "position_limit_ppm = 0\n")],
        [after(LIQUIDATION, 'position_limit_ppm = 0\nposition_limit_least = "1"\n')],
        "liquidation.position_limit_ppm",
        ["0 % of a position"],
    ),
    (
        "auction-to-zero",
        [after(LIQUIDATION, 'worst_price = "auction"\n')],
        [after(LIQUIDATION, 'worst_price = "auction"\nauction_end_ppm = 300000\n')],
        "liquidation.auction_end_ppm",
        ["100 %"],
    ),
    (
        "takeover-never-sold",
        taken("notional_limit_ppm = 1000000\nunwind_ppm = 0\n"),
        taken("notional_limit_ppm = 1000000\nunwind_ppm = 1\n"),
        "liquidation.takeover.unwind_ppm",
        ["0 % of what shared holds"],
    ),
    (
        "takeover-unlimited",
        taken(""),
        taken('notional_limit = "5000.50"\n'),
        "liquidation.takeover",
        ["no limit", "5,000.5 USDC"],
    ),
    (
        "takeover-too-large",
        taken("notional_limit_ppm = 4000000\n"),
        taken("notional_limit_ppm = 1000000\n"),
        "liquidation.takeover.notional_limit_ppm",
        ["4 times its 5,000.5 USDC", "a further move of 25 %"],
    ),
    (
        "takeover-too-large",
        taken('notional_limit = "10001"\n'),
        taken('notional_limit = "10001"\nnotional_limit_ppm = 1000000\n'),
        "liquidation.takeover.notional_limit",
        ["2 times its 5,000.5 USDC", "50 %"],
    ),
    (
        "treasury-first",
        split("fund = 400000\ntreasury = 600000\n"),
        split("fund = 600000\ntreasury = 400000\n"),
        "accumulation.surcharge_split_ppm.treasury",
        ["60 % of every surcharge", "40 % the fund's"],
    ),
    (
        "treasury-takes-residual",
        residual("treasury = 1\ntrader = 999999"),
        residual("fund = 1\ntrader = 999999"),
        "accumulation.residual_split_ppm.treasury",
        ["0.0001 %"],
    ),
    (
        "no-stakers",
        excess("venue_capital"),
        excess("tranche"),
        "accumulation.excess_split_ppm.stakers",
        ["40 % of the"],
    ),
    (
        "pool-never-flows",
        pooled(True, "share_ppm = 0\n"),
        pooled(True, "share_ppm = 1\n"),
        "accumulation.revenue_pool.share_ppm",
        ["0 % of waiting"],
    ),
    (
        "pool-never-flows",
        pooled(True, "yearly_cap_ppm = 5\n", to_balance="0"),
        pooled(True, "yearly_cap_ppm = 5\n"),
        "accumulation.revenue_pool.yearly_cap_ppm",
        ["0.0005 % of shared's 0 USDC"],
    ),
    (
        "limit-above-balance",
        skin('lifetime_limit = "700.000001"\n'),
        skin('lifetime_limit = "700"\n'),
        "layers[2].lifetime_limit",
        ["700.000001 USDC is above the 700 USDC that skin ever has"],
    ),
    (
        "limit-above-balance",
        [(BUCKET, BUCKET + 'account_limit = "2001"\n')],
        [(BUCKET, BUCKET + 'account_limit = "2000"\n')],  # its target
        "layers[0].account_limit",
        ["2,001 USDC is above the 2,000 USDC"],
    ),
    (
        "limit-above-balance",
        [(SKIN, 'kind = "backstop"\ncommitment = "5"\nblock_limit = "6"\n')],
        [(SKIN, 'kind = "backstop"\ncommitment = "5"\nblock_limit = "5"\n')],
        "layers[2].block_limit",
        ["6 USDC", "5 USDC"],
    ),
    ("limit-of-nothing", skin('owner_limit = "0"\n'), skin('owner_limit = "1"\n'), "layers[2].owner_limit", ["0 USDC"]),
    (
        "limit-of-nothing",
        skin("event_limit_ppm = 0\n"),
        skin("event_limit_ppm = 1\n"),
        "layers[2].event_limit_ppm",
        ["0 %"],
    ),
    (
        "bucket-without-target",
        [('target = "2000"\n', "")],
        [('target = "2000"\n', 'target_of = "open_interest"\n')],
        "layers[0].target",
        ["the shared fund 0 %"],
    ),
    (
        "target-without-effect",
        skin('target = "900"\n'),
        skin('target = "900"\nrefill_ms = 2592000000\n'),  # somebody has to fill it by then
        "layers[2].target",
        ["900 USDC"],
    ),
    (
        "target-without-effect",
        skin('target_of = "cover_2"\n'),
        skin('target_of = "cover_2"\nrefill_ms = 2592000000\n'),
        "layers[2].target",
        ["100 % of cover_2"],
    ),
    (
        "blocked-while-empty",
        [(SKIN, 'kind = "venue_capital"\ndraw_mode = "block"\n')],
        skin('draw_mode = "block"\n'),
        "layers[2].balance",
        ["0 USDC and blocks", "waits for ever"],
    ),
    (
        "drawdown-never-resets",
        skin(STEEP),
        shared(STEEP),
        "layers[2].drawdown_ppm",
        ["has fallen 30 %", "within 30 %", "8 hours old"],
    ),
    (
        "drawdown-never-resets",
        shared(STEEP + 'drawdown_reset_ppm = 0\ntarget = "5000"\n'),
        shared(STEEP + 'drawdown_reset_ppm = 0\ntarget = "5000.50"\n'),
        "layers[1].target",
        ["up to 5,000 USDC", "within 0 % of its peak is 5,000.5 USDC"],
    ),
    (
        "drawdown-never-binds",
        shared(STEEP + 'target = "6000"\ndrawdown_floor = "6000"\n'),
        shared(STEEP + 'target = "6000"\ndrawdown_floor = "5999"\n'),
        "layers[1].drawdown_floor",
        ["up to 6,000 USDC do not count"],
    ),
    (
        "drawdown-never-binds",
        shared(STEEP.replace("300000", "1000000")),
        shared(STEEP),
        "layers[1].drawdown_ppm",
        ["100 %"],
    ),
    (
        "whole-or-nothing-small",
        [(SKIN, SKIN.replace("700", "999") + 'draw_mode = "all_or_nothing"\n')],
        [(SKIN, SKIN.replace("700", "1000") + 'draw_mode = "all_or_nothing"\n')],
        "layers[2].draw_mode",
        ["holds 999 USDC", "a BTC-PERP position of 100,000 USDC", "owes 1,000 USDC"],
    ),
    (
        "whole-or-nothing-small",
        [(BUCKET, BUCKET.replace('"1000"', '"999"') + 'draw_mode = "all_or_nothing"\n')],
        [(BUCKET, BUCKET.replace("BTC", "ETH").replace('"1000"', '"999"') + 'draw_mode = "all_or_nothing"\n')],
        "layers[0].draw_mode",
        ["owes 1,000 USDC"],
    ),
    (
        "rank-alone",
        skin("rank = 4\n"),
        [*skin("rank = 4\n"), *shared("rank = 4\n")],
        "layers[2].rank",
        ["1 layer has rank 4"],
    ),
    (
        "own-token-cover",
        [(SKIN, 'kind = "token_sale"\ncommitment = "5"\n')],
        [(SKIN, 'kind = "reinsurance"\ncommitment = "5"\n')],
        "layers[2].kind",
        ["up to 5 USDC", "counts 0"],
    ),
    (
        "assessment-of-little",
        assessed(39_995),
        assessed(39_997),
        "layers[2].event_multiple_ppm",
        ["0.039995 times shared's 5,000.5 USDC", "199.994997 USDC", "a tenth of the commitment of 2,000 USDC"],
    ),
    (
        "never-reached",
        shared('draw_mode = "block"\n'),
        [(BUCKET, BUCKET + 'draw_mode = "block"\n')],  # a bucket blocks its own part alone
        "layers[2]",
        ["skin is never reached", "shared, with 5,000.5 USDC"],
    ),
    (
        "never-reached",
        [
            (
                BUCKET,
                BUCKET.replace('market = "BTC-PERP"', 'markets = ["BTC-PERP", "ETH-PERP"]') + "spill_over = false\n",
            )
        ],
        [(BUCKET, BUCKET + "spill_over = false\n")],
        "layers[1]",
        ["all 2 markets", "shared, with 5,000.5 USDC"],
    ),
    (
        "cooldown-too-short",
        stake("cooldown_ms = 86399999\npays_lower = true\n"),
        stake("cooldown_ms = 86400000\npays_lower = true\n"),
        "layers[2].stake.cooldown_ms",
        ["86,399,999 ms after", "over 24 hours (layers[1].window_ms)"],
    ),
    (
        "cooldown-too-short",
        stake("cooldown_ms = 86400000\npays_lower = true\n", deadline=86_400_001),
        stake("cooldown_ms = 86400001\npays_lower = true\n", deadline=86_400_001),
        "layers[2].stake.cooldown_ms",
        ["86,400,001 ms (exhaustion.deadline_ms)"],
    ),
    (
        "exit-always-open",
        stake("cooldown_ms = 864000000\n"),
        stake("cooldown_ms = 864000000\nwindow_ms = 172800000\n"),
        "layers[2].stake.window_ms",
        ["10 days after asking once"],
    ),
    (
        "own-token",
        holding('asset = "SEA"\nown_token = true\n'),
        holding('asset = "SEA"\n'),
        "layers[2].holdings[0].own_token",
        ["50 % of skin, 350 USDC", "counts 0"],
    ),
    (
        "wrong-way-holding",
        holding('asset = "ETH-PERP"\n'),
        holding('asset = "T-bills"\n'),
        "layers[2].holdings[0].asset",
        ["50 % of skin, 350 USDC, is held in ETH-PERP", "insures ETH-PERP"],
    ),
    (
        "wrong-way-holding",
        [after(MARKET, 'underlying = "ETH"\n'), *holding('asset = "ETH"\n')],
        [after(MARKET, 'underlying = "ETH"\n'), *holding('asset = "EURC"\n')],
        "layers[2].holdings[0].asset",
        ["is held in ETH, and insures ETH-PERP"],
    ),
    (
        "slow-to-cash",
        holding('asset = "T-bills"\ndays_to_cash = 1\n'),
        [*holding('asset = "T-bills"\ndays_to_cash = 1\n'), after(POLICY, "deadline_ms = 86400000\n")],
        "layers[2].holdings[0].days_to_cash",
        ["350 USDC, takes 1 day", "carried after 1 minute"],
    ),
    (
        "beyond-profit",
        adl('adl_eligible = "any"\n'),
        adl('adl_eligible = "profit_at_close"\n'),
        "exhaustion.adl_eligible",
        ["more than 100 % of its profit"],
    ),
    (
        "queue-without-cap",
        adl('adl_ranking = "queue_bitmex"\n'),
        adl('adl_ranking = "queue_bitmex"\nadl_eligible = "capped_at_mark"\n'),
        "exhaustion.adl_ranking",
        ["up to 100 %"],
    ),
    (
        "cap-of-all",
        adl('adl_ranking = "capped_pro_rata"\n'),
        adl('adl_ranking = "capped_pro_rata"\nadl_beta_ppm = 500000\n'),
        "exhaustion.adl_beta_ppm",
        ["100 % of a winner's profit is no cap"],
    ),
    (
        "places-nothing",
        adl('adl_price = "mark"\n'),
        adl('adl_price = "mark"\nfallback = "socialised_loss"\n'),
        "exhaustion.adl_price",
        ["0 % of the severity"],
    ),
    (
        "places-nothing",
        policy('policy = "gains_haircut"\ngains_cap = "0"\n'),
        policy('policy = "gains_haircut"\ngains_cap = "1"\n'),
        "exhaustion.gains_cap",
        ["0 USDC"],
    ),
    (
        "charges-losers",
        policy('policy = "socialised_loss"\nsocialised_base = "open_interest"\n'),
        policy('policy = "socialised_loss"\nsocialised_base = "period_profit"\n'),
        "exhaustion.socialised_base",
        ["0 profit"],
    ),
    (
        "never-repaid",
        no_income('policy = "adl"\n'),
        no_income('policy = "adl"\nfallback = "socialised_loss"\n'),
        "exhaustion.fallback",
        ["0 % of any income"],
    ),
    (
        "never-repaid",
        no_income('policy = "withdrawal_haircut"\n'),
        policy('policy = "withdrawal_haircut"\n'),
        "exhaustion.policy",
        ["(withdrawal_haircut)"],
    ),
    (
        "fallback-unused",
        policy('policy = "tear_up"\nfallback = "tear_up"\n'),
        policy('policy = "tear_up"\nfallback = "socialised_loss"\n'),
        "exhaustion.fallback",
        ["tear_up is the policy already"],
    ),
    ("pool-owed-away", pool(1_000_000), pool(999_999), "pool.adl_start_ppm", ["100 % of lp"]),
    (
        "run-on-the-venue",
        adl('\n[withdrawals]\nwhile_losses = "free"\n'),
        adl('\n[withdrawals]\nwhile_losses = "gate"\n'),
        "withdrawals.while_losses",
        ["100 %"],
    ),
    (
        "debt-not-shown",
        adl('\n[publishing]\nfields = ["balance"]\n'),
        adl('\n[publishing]\nfields = ["balance", "carried"]\n'),
        "publishing.fields",
        ["published, 1: balance"],
    ),
]


@pytest.mark.parametrize(("name", "unsafe", "safe", "field", "parts"), UNSAFE, ids=[f"{c[0]}:{c[3]}" for c in UNSAFE])
def test_an_unsafe_design_is_warned_of_and_its_safe_twin_is_not(base, name, unsafe, safe, field, parts):
    found = [warning for warning in warnings(edited(base, *unsafe)) if (warning.id, warning.field) == (name, field)]
    assert len(found) == 1
    for part in parts:
        assert part in found[0].text
    assert any(character.isdigit() for character in found[0].text) or name in {"fallback-unused"}
    assert name not in {warning.id for warning in warnings(edited(base, *safe))}


def test_an_empty_layer_that_blocks_and_is_filled_waits_for_income(base):
    design = edited(base, ('kind = "shared_fund"\nbalance = "5000.50"', 'kind = "shared_fund"\ndraw_mode = "block"'))
    found = {warning.id: warning.text for warning in warnings(design)}
    assert found["blocked-while-empty"].endswith("waits until income has filled it")


def test_a_pool_of_commissions_is_never_filled_without_them(base):
    ids = {warning.id for warning in warnings(edited(base, *pooled(False)))}
    assert {"pool-never-filled", "layer-empty"} <= ids
    assert warnings(edited(base, *pooled(True))) == []


def test_cover_that_is_nothing_but_promises_is_warned_of(base):
    start, end = base.index("[[layers]]"), base.index("[exhaustion]")
    promise = '[[layers]]\nid = "a"\nkind = "backstop"\ncommitment = "5"\n\n'
    money = '[[layers]]\nid = "b"\nkind = "vault"\nbalance = "5"\n\n'
    design = parse_design(base[:start] + promise + base[end:], "d.toml")
    assert "0 USDC is held: all cover, 5 USDC" in {w.id: w.text for w in warnings(design)}["promises-alone"]
    design = parse_design(base[:start] + promise + money + base[end:], "d.toml")
    assert "promises-alone" not in {warning.id for warning in warnings(design)}


def test_a_pool_needs_no_order_book_but_collateral_does(base):
    without = base[: base.rindex("[[stress.depth]]")]
    lp = VAULT + '\n[pool]\nlayer = "lp"\nadl_start_ppm = 1\nadl_stop_ppm = 1\n'
    design = edited(without, after(POLICY, lp))
    assert "no-order-book" not in {warning.id for warning in warnings(design)}
    design = edited(without, after(POLICY, lp), *eth_collateral(1))
    assert "no-order-book" in {warning.id for warning in warnings(design)}


@pytest.mark.parametrize("kind", ["tranche", "vault"])
def test_a_vault_is_filled_by_its_part_of_surcharges(base, kind):
    empty = [(SKIN, f'kind = "{kind}"\n')]
    part = [*split("fund = 900000\nvault = 100000\n"), after(POLICY, VAULT)] if kind == "tranche" else []
    part = part or split("fund = 900000\nvault = 100000\n")
    found = [warning.field for warning in warnings(edited(base, *empty, *part)) if warning.id == "layer-empty"]
    assert found == (["layers[2].balance"] if kind == "tranche" else [])
