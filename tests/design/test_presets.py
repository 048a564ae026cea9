"""The presets: each loads, warns of exactly what is listed here, and its figures hang together."""

import tomllib

import pytest

from seawall.amounts import ppm_up
from seawall.design import parse_design
from seawall.design.checks import warnings
from seawall.design.instruments import instruments
from seawall.design.presets import preset_names, preset_text


def preset(name):
    return parse_design(preset_text(name), name)


OURS = ("clearing-house", "small-perp")
"""Presets that are designs of their own, not a venue's."""

WARNED = {
    "binance-like": ["surcharge-above-margin", "surcharge-above-margin", "beyond-profit"],
    "bitmex-like": ["wrong-way-fund", "beyond-profit"],
    "bybit-like": ["beyond-profit", "debt-not-shown"],
    "ccp-waterfall": [],
    "clearing-house": [],
    "drift-v2": ["no-shared-fund", "charges-losers"],
    "dydx-v4": ["beyond-profit"],
    "gmx-like": ["no-shared-fund", "never-repaid"],
    "hyperliquid-like": ["no-shared-fund", "beyond-profit", "never-repaid"],
    "lighter-like": ["no-shared-fund", "queue-without-cap", "never-repaid"],
    "okx-like": [
        "no-shared-fund",
        "bucket-without-target",
        "bucket-without-target",
        "beyond-profit",
        "places-nothing",
    ],
    "paradex-like": [],
    "small-perp": [],
}


def test_the_presets_are_named():
    assert preset_names() == tuple(sorted(WARNED))


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(KeyError, match="small-perp"):
        preset_text("large-perp")
    with pytest.raises(KeyError):
        preset_text("../types")


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_carries_its_own_name_and_warns_of_what_is_listed(name):
    assert preset(name).name == name
    assert [warning.id for warning in warnings(preset(name))] == WARNED[name]


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_s_margins_are_continuous_and_cover_its_surcharge(name):
    design = preset(name)
    for market in design.markets:
        for lower, upper in zip(market.tiers, market.tiers[1:]):
            edge = lower.up_to_notional
            margins = [ppm_up(edge, tier.maintenance_margin_ppm) - tier.maintenance_deducted for tier in (lower, upper)]
            assert margins[0] == margins[1]
        surcharge = market.surcharge_ppm or design.liquidation.surcharge_ppm
        assert "surcharge-above-margin" in WARNED[name] or surcharge < min(
            tier.maintenance_margin_ppm for tier in market.tiers
        )


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_has_an_order_book_for_each_market_on_an_exact_grid(name):
    design = preset(name)
    assert {depth.market for depth in design.stress.depth} == {market.id for market in design.markets}
    assert {each.lot_tick_units for each in instruments(design)} == ({2 * 10**10} if name == "bitmex-like" else {100})


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


@pytest.mark.parametrize("name", OURS)
def test_every_key_of_small_perp_is_commented_and_every_table_of_a_preset_is_there(name):
    raw = tomllib.loads(preset_text(name))
    assert {"asset", "markets", "mark", "liquidation", "accumulation", "layers", "exhaustion", "stress"} <= set(raw)
