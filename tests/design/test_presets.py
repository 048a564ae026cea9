"""The presets: each loads, warns of nothing, and its figures hang together."""

import tomllib

import pytest

from seawall.amounts import ppm_up
from seawall.design import parse_design
from seawall.design.checks import warnings
from seawall.design.instruments import instruments
from seawall.design.presets import preset_names, preset_text


def preset(name):
    return parse_design(preset_text(name), name)


def test_the_presets_are_named():
    assert preset_names() == ("clearing-house", "small-perp")


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(KeyError, match="small-perp"):
        preset_text("large-perp")
    with pytest.raises(KeyError):
        preset_text("../types")


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_carries_its_own_name_and_warns_of_nothing(name):
    assert preset(name).name == name
    assert warnings(preset(name)) == []


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_s_margins_are_continuous_and_cover_its_surcharge(name):
    design = preset(name)
    for market in design.markets:
        for lower, upper in zip(market.tiers, market.tiers[1:]):
            edge = lower.up_to_notional
            margins = [ppm_up(edge, tier.maintenance_margin_ppm) - tier.maintenance_deducted for tier in (lower, upper)]
            assert margins[0] == margins[1]
        surcharge = market.surcharge_ppm or design.liquidation.surcharge_ppm
        assert surcharge < min(tier.maintenance_margin_ppm for tier in market.tiers)


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_has_an_order_book_for_each_market_on_an_exact_grid(name):
    design = preset(name)
    assert {depth.market for depth in design.stress.depth} == {market.id for market in design.markets}
    assert {each.lot_tick_units for each in instruments(design)} == {100}


def test_small_perp_is_the_design_its_comments_describe():
    design = preset("small-perp")
    assert [market.id for market in design.markets] == ["BTC-PERP", "ETH-PERP", "SOL-PERP", "HYPE-PERP", "DOGE-PERP"]
    assert [layer.kind for layer in design.layers] == ["market_bucket"] * 5 + ["shared_fund", "venue_capital"]
    assert (design.exhaustion.policy, design.exhaustion.fallback) == ("adl", "socialised_loss")
    assert sum(layer.balance for layer in design.layers) == 1_585_000 * 10**6  # about 3 % of 50 million
    assert (design.stress.pass_through_ppm, design.stress.recovery_ppm) == (0, 500_000)


def test_clearing_house_draws_the_house_first_and_again_behind_its_members():
    design = preset("clearing-house")
    assert [layer.kind for layer in design.layers] == ["venue_capital", "guaranty_fund", "venue_capital", "shared_fund"]
    assert (design.exhaustion.policy, design.exhaustion.fallback) == ("socialised_loss", "carry")


@pytest.mark.parametrize("name", preset_names())
def test_every_key_of_small_perp_is_commented_and_every_table_of_a_preset_is_there(name):
    raw = tomllib.loads(preset_text(name))
    assert {"asset", "markets", "mark", "liquidation", "accumulation", "layers", "exhaustion", "stress"} <= set(raw)
