"""Compact lines, presets and changed keys become a design; what the loader finds stands at the scenario's own line."""

from pathlib import Path

import pytest

from seawall.design.errors import BadInput
from seawall.design.loader import design_digest, parse_design
from seawall.design.presets import preset_text
from seawall.design.types import Design
from seawall.scenario.design import build_design
from seawall.scenario.parse import parse_scenario
from tests.scenario.conftest import FUND, Refuse

HEAD = "title T\nspec 6\ndriver fund\n"


def built(lines: str, path: Path = Path("the-file.scn")) -> Design:
    return build_design(parse_scenario(f"{HEAD}{lines}\nevents -> 0\n", path.name, path))[0]


COMPACT = """\
asset USDC decimals 6
market BTC tick 0.5 lot 0.001 underlying XBT floor 10 ceiling 100000 surcharge_ppm 7000
  tier up_to 1000 maintenance_ppm 50000 initial_ppm 100000
  tier maintenance_ppm 60000 initial_ppm 110000 deducted 10
market ETH
layer bucket kind market_bucket market BTC balance 100.25 target 200 event_limit 30
  window_limit 40 window_ms 24h minimum_left 5
layer shared kind shared_fund
trigger at_or_below
surcharge_ppm 5000
capacity 3
max_age_ms 1min
commission_share_ppm 50000
surcharge_split fund 600000 treasury 400000
residual_split trader 1000000
excess_split stakers 250000 hedges 750000
exhaustion socialised_loss fallback carry ranking pro_rata_lots eligible capped_at_mark deadline_ms 90s
depth BTC bids 1x5 3x5 asks 2x10
depth ETH distance ppm asks 100x7
pass_through_ppm 250000
recovery_ppm 0
"""

TOML = """\
schema = "seawall.design/1"
name = "the-file"
asset = { id = "USDC", decimals = 6 }
[[markets]]
id = "BTC"
tick_size = "0.5"
lot_size = "0.001"
underlying = "XBT"
feed_floor = "10"
feed_ceiling = "100000"
surcharge_ppm = 7000
tiers = [
  { up_to_notional = "1000", maintenance_margin_ppm = 50000, initial_margin_ppm = 100000 },
  { maintenance_margin_ppm = 60000, initial_margin_ppm = 110000, maintenance_deducted = "10" },
]
[[markets]]
id = "ETH"
tick_size = "1"
lot_size = "1"
tiers = [{ maintenance_margin_ppm = 50000, initial_margin_ppm = 100000 }]
[mark]
max_age_ms = 60000
[liquidation]
trigger = "at_or_below"
surcharge_ppm = 5000
max_accounts_per_step = 3
[accumulation]
commission_share_ppm = 50000
surcharge_split_ppm = { fund = 600000, treasury = 400000 }
residual_split_ppm = { fund = 0, treasury = 0, trader = 1000000 }
excess_split_ppm = { stakers = 250000, treasury = 0, fee_rebate = 0, hedges = 750000 }
[[layers]]
id = "bucket"
kind = "market_bucket"
market = "BTC"
balance = "100.25"
target = "200"
event_limit = "30"
window_limit = "40"
window_ms = 86400000
minimum_left = "5"
[[layers]]
id = "shared"
kind = "shared_fund"
[exhaustion]
policy = "socialised_loss"
adl_ranking = "pro_rata_lots"
adl_eligible = "capped_at_mark"
deadline_ms = 90000
[stress]
pass_through_ppm = 250000
recovery_ppm = 0
[[stress.depth]]
market = "BTC"
bids = [[1, 5], [3, 5]]
asks = [[2, 10]]
[[stress.depth]]
market = "ETH"
distance = "ppm"
bids = [[100, 7]]
asks = [[100, 7]]
"""


def test_compact_lines_are_the_same_design_as_the_file() -> None:
    assert design_digest(built(COMPACT)) == design_digest(parse_design(TOML, "x.toml"))


EVERY_TABLE = """\
asset USDC decimals 0
market BTC kind inverse_perp adl_exempt true cover_limit 5
market GOLD kind collateral haircut_ppm 50000 dust 2
layer bucket kind market_bucket markets BTC spill_over false
layer shared kind shared_fund balance 100 target_of cover_2 target_ppm 500000 refill_ms 30d
layer stakers kind tranche rank 3
layer hlp kind vault drawdown_ppm 300000 drawdown_reset_ppm 200000 drawdown_window_ms 8h drawdown_of market
layer line kind credit_line commitment 40 draw_mode block
layer waits kind revenue_pool
staking stakers cooldown_ms 20d window_ms 2d pays_lower true
holding shared asset USDT part_ppm 200000 issuer Tether haircut_ppm 10000
holding shared asset VEN part_ppm 100000 own_token true
liquidation amount steps step_ppm 100000 worst_price fillable fillable_spread_ppm 1500000
takeover hlp when below below_maintenance_ppm 666667
mark sources a+b+c stale_max_ms 1d
accounts recourse true
withdrawals while_losses gate gate_ms 60s
publishing fields balance+draws cadence_ms 1min
revenue_pool waits to shared period_ms 1h share_ppm 100000
exhaustion adl ranking queue_binance eligible any price previous_mark
stress recovery_ppm 5
"""


def test_every_table_of_the_file_has_a_line() -> None:
    design = built(EVERY_TABLE.replace("layer waits", "layer pool").replace("revenue_pool waits", "revenue_pool pool"))
    gold, shared, stakers, hlp = design.markets[1], *design.layers[1:4]
    assert (gold.tiers, gold.haircut_ppm, gold.dust) == ((), 50_000, 2)
    assert (shared.target_of, shared.target_ppm, shared.refill_ms) == ("cover_2", 500_000, 30 * 86_400_000)
    assert [(holding.asset, holding.issuer, holding.own_token) for holding in shared.holdings] == [
        ("USDT", "Tether", False),
        ("VEN", "", True),
    ]
    assert stakers.stake is not None and stakers.stake.window_ms == 2 * 86_400_000 and stakers.stake.pays_lower
    assert (hlp.drawdown_of, design.layers[4].draw_mode, design.layers[0].markets) == ("market", "block", ("BTC",))
    assert design.liquidation.takeover is not None and design.liquidation.takeover.below_maintenance_ppm == 666_667
    assert (design.mark.sources, design.mark.stale_max_ms) == (("a", "b", "c"), 86_400_000)
    assert design.accounts.recourse and design.withdrawals.while_losses == "gate"
    assert design.publishing is not None and design.publishing.fields == ("balance", "draws")
    assert design.accumulation.revenue_pool is not None and design.accumulation.revenue_pool.to == "shared"
    assert (design.exhaustion.adl_ranking, design.exhaustion.adl_price) == ("queue_binance", "previous_mark")
    assert design.stress.recovery_ppm == 5


def test_a_layer_may_not_be_called_as_an_expectation_begins(refuse: Refuse) -> None:
    (problem,) = refuse(HEAD + EVERY_TABLE + "events -> 0\n")
    assert (problem.wanted, problem.found) == ("a layer id that does not begin an expectation", "'waits'")


def test_little_is_needed() -> None:
    design = built("asset USDC decimals 0\nmarket BTC\nlayer a kind shared_fund")
    assert (design.exhaustion.policy, design.exhaustion.fallback) == ("adl", "carry")
    assert design.liquidation.surcharge_ppm == 0
    assert design.markets[0].tiers[0].maintenance_margin_ppm == 50_000


def test_a_preset_with_changes() -> None:
    design = built(
        "design preset small-perp\nset layers.shared.balance 12.5\nset layers[0].target 7\nset mark.max_age_ms 5s\n"
        "set markets.BTC-PERP.surcharge_ppm 9\nset liquidation.max_accounts_per_step 4\n"
        "unset layers.shared.event_limit\nset stress.depth.BTC-PERP.bids 100x5 200x6\n"
        "set accumulation.residual_split_ppm.fund 0"
    )
    shared = next(layer for layer in design.layers if layer.id == "shared")
    assert (shared.balance, shared.event_limit, design.layers[0].target) == (12_500_000, None, 7_000_000)
    assert (design.mark.max_age_ms, design.markets[0].surcharge_ppm) == (5_000, 9)
    assert design.stress.depth[0].bids == ((100, 5), (200, 6))


def test_a_preset_alone_is_the_preset() -> None:
    assert built("design preset clearing-house") == parse_design(preset_text("clearing-house"), "preset")


def test_a_design_file_is_found_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TOML, encoding="utf-8")
    assert built("design a.toml\nset layers.shared.balance 1", tmp_path / "x.scn").layers[1].balance == 1_000_000
    (tmp_path / "b.toml").write_text(TOML.replace('"shared_fund"', '"shared_fnud"'), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        built("design b.toml", tmp_path / "x.scn")
    assert caught.value.problems[0].file == str(tmp_path / "b.toml")  # a file's own problems stand in that file


@pytest.mark.parametrize(
    ("lines", "line", "field", "hint"),
    [
        ("layer a kind shared_fnud", 6, "layers[0].kind", 'did you mean "shared_fund"?'),
        ("layer a kind market_bucket", 6, "layers[0].market", ""),
        ("layer a kind shared_fund\nlayer a kind tranche", 7, "layers[1].id", ""),
        ("layer a kind shared_fund balance 1.5", 6, "layers[0].balance", ""),
        ("layer a kind shared_fund window_limit 5", 6, "layers[0].window_ms", ""),
        ("layer a kind shared_fund\nsurcharge_ppm 2000000", 7, "liquidation.surcharge_ppm", ""),
        ("layer a kind shared_fund\nsurcharge_split fund 5", 7, "accumulation.surcharge_split_ppm", ""),
        ("layer a kind shared_fund\nexhaustion adk", 7, "exhaustion.policy", 'did you mean "adl"?'),
        ("layer a kind shared_fund\ndepth BTC bids 3x5 2x5", 7, "stress.depth[0].bids[1][0]", ""),
        ("layer a kind shared_fund\ncapacity many", 7, "liquidation.max_accounts_per_step", ""),
    ],
)
def test_the_loaders_problems_stand_at_the_scenarios_line(lines: str, line: int, field: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        built(f"asset USDC decimals 0\nmarket BTC\n{lines}")
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.field, problem.hint) == ("the-file.scn", line, field, hint)


@pytest.mark.parametrize(
    ("lines", "wanted", "hint"),
    [
        ("layer a kynd shared_fund", "a key: ", 'did you mean "kind"?'),
        ("layer a kind shared_fund balance 1 balance 2", "`balance` once", ""),
        ("market ETH tick", "a value for tick", ""),
        ("depth BTC bids 3*5", "a level, distance x lots", ""),
        ("trigger below\ntrigger below", "one line `trigger`", ""),
        ("surcharge_split found 5", "a receiver: fund, treasury", 'did you mean "fund"?'),
        ("design preset small-perp\ntrigger below", "`set` or `unset`", 'e.g. "set layers.shared.balance 500"'),
        ("design preset small-prep", "a preset: binance-like", 'did you mean "small-perp"?'),
        ("design preset small-perp\nset layers.sharde.balance 5", "one of btc-bucket", 'did you mean "shared"?'),
        ("design preset small-perp\nset layers.shared.balanc 5", "a key of a design", 'did you mean "balance"?'),
        ("design preset small-perp\nset layers[9].balance 5", "a position from 0 to 6", ""),
        ("design preset small-perp\nset layers.shared 5", "a key of a design", ""),
        ("design preset small-perp\nunset layers.shared.market", "a key that the design states", ""),
        ("layer severity kind shared_fund\nasset USDC decimals 0\nmarket BTC", "a layer id that does not begin", ""),
    ],
)
def test_words_that_make_no_sense(lines: str, wanted: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        built(lines)
    problem = caught.value.problems[-1]
    assert problem.wanted.startswith(wanted) and problem.hint == hint and problem.line >= 4


def test_a_missing_table_names_the_line_to_write(refuse: Refuse) -> None:
    problems = refuse(HEAD + "layer a kind shared_fund\nevents -> 0\n")
    assert [p.hint for p in problems] == ["write a line `asset USDC decimals 6`", "write a line `market BTC`"]


def test_the_small_fund_of_these_tests_loads() -> None:
    assert built(FUND.partition("driver  fund\n")[2]).layers[0].target == 20_000
