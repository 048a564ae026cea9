"""The presets of venues: a source behind every value, the document made of them, the mechanisms that define each."""

import re
import tomllib
from pathlib import Path

import pytest

from seawall.design import parse_design
from seawall.design.presets import preset_names, preset_text
from tools.venue_table import CONFIDENCE, DOCUMENT, filled, rows, sources, venues

OURS = {"clearing-house", "small-perp"}
UNSOURCED = {"schema", "name", "description", "asset", "id", "underlying", "tick_size", "lot_size"}
UNSOURCED |= {"feed_floor", "feed_ceiling", "market", "markets", "layer", "to"}
"""Names, and the grid of a market: not a figure of the venue's."""


def design(name):
    return parse_design(preset_text(name), name)


def test_every_preset_but_our_own_lists_its_sources():
    assert set(venues()) == set(preset_names()) - OURS


@pytest.mark.parametrize("name", venues())
def test_every_value_of_a_venue_names_a_source_that_the_file_lists(name):
    listed, used = sources(name), set()
    for row in rows(name):
        grid = row.path[-1] in UNSOURCED or (row.path[0] == "markets" and row.path[-1] == "kind")
        if row.path[0] == "stress" or grid:
            continue
        assert row.bracket in listed, row.path
        used.add(row.bracket)
    assert used == set(listed)
    for source in listed.values():
        assert source.confidence in CONFIDENCE
        assert source.what and re.fullmatch(r"-|\d{4}(-\d\d)?(, \d{4}(-\d\d)?)*", source.date)


def leaves(value, path=()):
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [leaf for number, item in enumerate(value) for leaf in leaves(item, (*path, number))]
    return [path]


@pytest.mark.parametrize("name", venues())
def test_no_value_of_the_file_is_outside_the_table(name):
    found = {row.path for row in rows(name)}
    for path in leaves(tomllib.loads(preset_text(name))):
        assert any(path[:length] in found for length in range(1, len(path) + 1)), path


def test_the_document_is_what_the_presets_say():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert filled(text) == text
    assert re.findall(r"<!-- table ([a-z0-9-]+) -->", text) == sorted(venues())
    assert filled(text.replace("| from memory |", "| read |", 1)) == text


def test_no_code_asks_for_a_venue():
    source = Path(__file__).parents[2] / "src" / "seawall"
    names = {name.partition("-")[0] for name in venues()} - {"ccp"}
    for file in source.rglob("*.py"):
        for line in file.read_text(encoding="utf-8").splitlines():
            asks = re.search(r"\b(if|match|case)\b.*\b(venue|preset|design\.name)\b\s*==", line)
            assert asks is None, f"{file}: {line}"
            assert not any(f'== "{name}' in line for name in names), f"{file}: {line}"


# -- what makes each of them itself ----------------------------------------------------------------------------------


def test_dydx_pays_a_deficit_whole_or_deleverages_from_a_random_start():
    it = design("dydx-v4")
    (fund,) = it.layers
    assert (fund.draw_mode, fund.account_limit, fund.account_limit_ms) == ("all_or_nothing", 10**12, 0)
    assert (it.exhaustion.adl_ranking, it.exhaustion.adl_price) == ("queue_random", "bankruptcy_price")
    assert (it.liquidation.worst_price, it.liquidation.fillable_spread_ppm) == ("fillable", 1_500_000)
    assert it.withdrawals.while_losses == "gate"


def test_drift_fills_stakers_from_a_revenue_pool_and_charges_open_interest():
    it = design("drift-v2")
    assert [layer.kind for layer in it.layers] == ["revenue_pool", "tranche", "market_bucket", "market_bucket"]
    assert it.accumulation.revenue_pool.to == "insurance-vault"
    assert it.layers[1].stake.cooldown_ms == 13 * 86_400_000 and it.layers[1].minimum_left == 1
    assert {market.cover_limit for market in it.markets} == {100 * 10**12}
    assert (it.exhaustion.policy, it.exhaustion.socialised_base) == ("socialised_loss", "open_interest")


def test_hyperliquid_s_vault_takes_over_below_two_thirds_of_the_maintenance_margin():
    it = design("hyperliquid-like")
    assert [layer.kind for layer in it.layers] == ["vault"]
    takeover = it.liquidation.takeover
    assert (takeover.layer, takeover.when, takeover.below_maintenance_ppm) == ("hlp", "below", 666_667)
    assert (it.exhaustion.adl_ranking, it.exhaustion.adl_price) == ("queue_hyperliquid", "previous_mark")


def test_bitmex_has_an_inverse_contract_and_a_fund_in_the_coin():
    it = design("bitmex-like")
    assert (it.asset.id, it.asset.decimals, it.markets[0].kind) == ("XBT", 8, "inverse_perp")
    assert it.layers[0].balance == 35_500 * 10**8
    assert it.accumulation.residual_split_ppm.fund == 1_000_000


def test_binance_s_fund_holds_no_more_than_itself():
    it = design("binance-like")
    assert (it.liquidation.takeover.when, it.liquidation.takeover.notional_limit_ppm) == ("unsold", 1_000_000)
    assert [len(market.tiers) for market in it.markets] == [12, 12]
    assert it.layers[0].target_of == "var_999"


def test_bybit_and_okx_stop_at_a_drawdown_of_the_symbol_and_of_the_balance():
    pool, okx = design("bybit-like").layers[0], design("okx-like")
    assert (pool.drawdown_of, pool.drawdown_ppm, pool.drawdown_reset_ppm) == ("market", 300_000, 250_000)
    assert {layer.drawdown_of for layer in okx.layers} == {"balance"}
    assert {layer.drawdown_window_ms for layer in (pool, *okx.layers)} == {8 * 3_600_000}
    assert okx.exhaustion.adl_price == "mark" and not any(layer.spill_over for layer in okx.layers)


def test_gmx_s_band_and_paradex_s_factor():
    band, factor = design("gmx-like").pool, design("paradex-like")
    assert (band.adl_start_ppm, band.adl_stop_ppm, band.payout_cap_ppm) == (850_000, 770_000, 900_000)
    assert (factor.exhaustion.policy, factor.withdrawals.while_losses) == ("withdrawal_haircut", "haircut")


def test_the_ccp_s_waterfall_is_the_standard_one_to_its_end():
    it = design("ccp-waterfall")
    kinds = ["venue_capital", "guaranty_fund", "venue_capital", "assessment", "shared_fund"]
    assert [layer.kind for layer in it.layers] == kinds
    assert [layer.rank for layer in it.layers] == [None, 2, 2, None, None]
    guaranty, calls = it.layers[1], it.layers[3]
    assert calls.commitment * 1_000_000 == guaranty.balance * calls.window_multiple_ppm
    assert (calls.event_multiple_ppm, calls.window_multiple_ppm) == (2_750_000, 5_500_000)
    assert (it.exhaustion.policy, it.exhaustion.fallback) == ("gains_haircut", "tear_up")
