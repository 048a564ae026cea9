"""Warnings: one design for each, and a safe twin that earns none."""

import re

import pytest
from hypothesis import given, strategies as st

from seawall.design import parse_design
from seawall.design.checks import warnings
from seawall.design.words import duration, listed, percent, times


def edited(base, *edits):
    for old, new in edits:
        assert old in base
        base = base.replace(old, new, 1)
    return parse_design(base, "d.toml")


SHARED = 'kind = "shared_fund"\nbalance = "5000.50"\nevent_limit = "2500"'

UNWISE = [
    # edits, field, parts of the warning's text
    (
        [("surcharge_ppm = 5000", "surcharge_ppm = 10001")],
        "liquidation.surcharge_ppm",
        ["1.0001 % is above", "BTC-PERP", "1 %"],
    ),
    ([('"0.01"\n\n', '"0.01"\nsurcharge_ppm = 30000\n\n')], "markets[1].surcharge_ppm", ["3 % is above", "2.5 %"]),
    (
        [('maintenance_deducted = "1000"', 'maintenance_deducted = "400"')],
        "markets[0].tiers[1].maintenance_deducted",
        ["at a notional of 100,000 USDC", "from 1,000 USDC to 1,600 USDC", '"1000" makes it continuous'],
    ),
    (
        [("initial_margin_ppm = 50000", "initial_margin_ppm = 25000")],
        "markets[1].tiers[0].initial_margin_ppm",
        ["2.5 % both to open and to keep"],
    ),
    ([(SHARED, 'kind = "venue_capital"\nbalance = "5000"\nevent_limit = "2500"')], "layers", ["no shared fund"]),
    ([('target = "2000"\n', "")], "layers[0].target", ["all income of BTC-PERP for ever"]),
    ([('balance = "700"', 'balance = "700"\ntarget = "900"')], "layers[2].target", ["900 USDC has no effect"]),
    ([('balance = "700"\n', "")], "layers[2].balance", ["starts with 0 USDC", "never"]),
    ([('balance = "1000"\ntarget = "2000"', 'target = "0"')], "layers[0].balance", ["btc-bucket starts with 0 USDC"]),
    (
        [
            ('balance = "5000.50"\n', ""),
            ("fund = 900000\ntreasury = 100000", "fund = 0\nliquidator = 1000000"),
            ('policy = "adl"', 'policy = "adl"\nfallback = "socialised_loss"'),
        ],
        "layers[1].balance",
        ["nothing ever fills it"],
    ),
    (
        [
            ('balance = "1000"\n', ""),
            ("surcharge_ppm = 5000", "surcharge_ppm = 0"),
            ('"adl"', '"adl"\nfallback = "socialised_loss"'),
        ],
        "layers[0].balance",
        ["nothing ever fills it"],
    ),
    (
        [('balance = "1000"\n', ""), ('lot_size = "0.001"', 'lot_size = "0.001"\nsurcharge_ppm = 0')],
        "layers[0].balance",
        ["nothing ever fills it"],  # the other market's surcharge goes elsewhere
    ),
    ([('event_limit = "2500"', 'event_limit = "3001"')], "layers[1].window_limit", ["3,000 USDC", "3,001 USDC"]),
    ([('event_limit = "2500"', 'event_limit = "0"')], "layers[1].event_limit", ["0 USDC", "can never pay"]),
    ([('window_limit = "3000"', 'window_limit = "0"')], "layers[1].window_limit", ["0 USDC", "can never pay"]),
    ([('balance = "700"', 'balance = "700"\nminimum_left = "700"')], "layers[2].minimum_left", ["700 USDC", "nothing"]),
    ([('"adl"', '"carry"\nfallback = "socialised_loss"')], "exhaustion.fallback", ["never used"]),
    ([('"adl"', '"socialised_loss"\nfallback = "socialised_loss"')], "exhaustion.fallback", ["already"]),
    ([('"adl"', '"carry"\nadl_ranking = "pro_rata_lots"')], "exhaustion.adl_ranking", ["no effect"]),
    ([('"adl"', '"carry"\nadl_eligible = "capped_at_mark"')], "exhaustion.adl_eligible", ["no effect"]),
    ([("    [200, 10]", "    [1000000, 10]")], "stress.depth[1].bids", ["100 % below ETH-PERP's first price"]),
]


@pytest.mark.parametrize(("edits", "field", "parts"), UNWISE, ids=[f"{case[1]}: {case[2][0][:40]}" for case in UNWISE])
def test_an_unwise_design_is_warned_of_with_its_figure(base, edits, field, parts):
    found = warnings(edited(base, *edits))
    assert [warning.field for warning in found] == [field]
    for part in parts:
        assert part in found[0].text
    assert re.fullmatch("[a-z]+(-[a-z]+)+", found[0].id)
    assert str(found[0]) == f"{field}: {found[0].text} ({found[0].rule})"


def test_a_market_without_an_order_book_is_warned_of(base):
    (found,) = warnings(parse_design(base[: base.rindex("[[stress.depth]]")], "d.toml"))
    assert (found.field, "no order book for ETH-PERP" in found.text) == ("stress.depth", True)


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [("surcharge_ppm = 5000", "surcharge_ppm = 10000")],
        [('maintenance_deducted = "1000"', 'maintenance_deducted = "999.999998"')],  # two units: rounding
        [('event_limit = "2500"', 'event_limit = "3000"')],
        [('balance = "5000.50"\n', "")],
        [('policy = "adl"', 'policy = "carry"')],
    ],
)
def test_a_sound_design_is_warned_of_nothing(base, edits):
    assert warnings(edited(base, *edits)) == []


@given(st.integers(0, 10**6))
def test_a_percentage_is_exact(ppm):
    whole, _, fraction = percent(ppm).removesuffix(" %").partition(".")
    assert int(whole + fraction.ljust(4, "0")) == ppm


@given(st.integers(0, 10**12))
def test_a_duration_is_exact(ms):
    count, unit = duration(ms).split()
    sizes = {"m": 1, "second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
    assert int(count.replace(",", "")) * sizes[unit.removesuffix("s")] == ms


def test_multiples_and_lists_in_words():
    assert times(2_750_000) == "2.75 times"
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
