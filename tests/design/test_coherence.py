"""What tables must mean together: one broken rule a test, and a margin ladder held to its definition."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from seawall.amounts import format_decimal
from seawall.design import BadInput, parse_design


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


TIER = 'up_to_notional = "100000"'
DEDUCTED = 'maintenance_deducted = "1000"'

BROKEN = [
    # edits, field, parts of the problem's text
    ([('"0.001"', '"0.0000001"')], "markets[0].tick_size", ["whole number of base units", "0.1 x 0.0000001", "SPEC 1"]),
    ([('"0.1"', '"0.00000001"')], "markets[0].tick_size", ["whole number of base units"]),
    ([('"0.1"', f'"1{"0" * 19}"'), ('"0.001"', f'"1{"0" * 19}"')], "markets[0].tick_size", ["below 10^38"]),
    ([('id = "skin"', 'id = "shared"')], "layers[2].id", ["another id than layers[1].id", '"shared"']),
    ([('kind = "venue_capital"', 'kind = "shared_fund"')], "layers[2].kind", ["at most one shared_fund", "layers[1]"]),
    ([('market = "BTC-PERP"\nbalance', "balance")], "layers[0].market", ["the market that the bucket insures"]),
    ([('"BTC-PERP"\nbalance', '"BTCPERP"\nbalance')], "layers[0].market", ['mean "BTC-PERP"?', "SPEC 6"]),
    (
        [('"venue_capital"', '"market_bucket"\nmarket = "BTC-PERP"')],
        "layers[2].market",
        ["another market than layers[0].market"],
    ),
    ([('"venue_capital"', '"tranche"\nmarket = "BTC-PERP"')], "layers[2].market", ["no market in a layer"]),
    ([("window_ms = 86400000\n", "")], "layers[1].window_ms", ["a rolling window needs both"]),
    ([('window_limit = "3000"\n', "")], "layers[1].window_limit", ["since window_ms is stated"]),
    ([(TIER + "\n", "")], "markets[0].tiers[0].up_to_notional", ["an upper end in every tier but the last"]),
    (
        [(DEDUCTED, DEDUCTED + '\nup_to_notional = "200000"')],
        "markets[0].tiers[1].up_to_notional",
        ["no upper end in the last tier", "200,000 USDC"],
    ),
    (
        [
            (
                DEDUCTED,
                DEDUCTED + f"\n{TIER}\n[[markets.tiers]]\ninitial_margin_ppm = 90000\n"
                'maintenance_margin_ppm = 80000\nmaintenance_deducted = "5000"',
            )
        ],
        "markets[0].tiers[1].up_to_notional",
        ["more than 100,000 USDC"],
    ),
    ([("margin_ppm = 20000", "margin_ppm = 9999")], "markets[0].tiers[0].initial_margin_ppm", ["10000"]),
    ([("margin_ppm = 20000", "margin_ppm = 50000")], "markets[0].tiers[1].initial_margin_ppm", ["50000"]),
    (
        [("maintenance_margin_ppm = 20000", "maintenance_margin_ppm = 9999")],
        "markets[0].tiers[1].maintenance_margin_ppm",
        ["at least 10000, the tier before's", "found 9999"],
    ),
    (
        [(DEDUCTED, 'maintenance_deducted = "1001"')],
        "markets[0].tiers[1].maintenance_deducted",
        ["at least 1,000 USDC", "non-monotone tiers", "found 999", "SPEC 2"],
    ),
    (
        [(TIER, TIER + '\nmaintenance_deducted = "0.000001"')],
        "markets[0].tiers[0].maintenance_deducted",
        ["at least 0 USDC at a notional of 0 USDC", "found -0.000001 USDC", 'at most "0"'],
    ),
    ([('feed_floor = "100"', 'feed_floor = "100.05"')], "markets[0].feed_floor", ["whole ticks of 0.1", '"100.05"']),
    ([('"1000000"', '"1000000.01"')], "markets[0].feed_ceiling", ["whole ticks of 0.1"]),
    ([('"1000000"', '"100"')], "markets[0].feed_ceiling", ["above feed_floor = 100.0", "found 100.0"]),
    ([("fund = 900000", "fund = 900001")], "accumulation.surcharge_split_ppm", ["add up to 1000000", "1000001"]),
    ([("fund = 900000\n", "")], "accumulation.surcharge_split_ppm", ["found 1100000", "fund = 1000000 is its default"]),
    (
        [("[liquidation]", "[accumulation.residual_split_ppm]\ntrader = 0\n\n[liquidation]")],
        "accumulation.residual_split_ppm",
        ["found 0"],
    ),
    (
        [("[liquidation]", "[accumulation.excess_split_ppm]\nstakers = 1\n\n[liquidation]")],
        "accumulation.excess_split_ppm",
        ["found 1000001", "treasury = 1000000 is its default"],
    ),
    ([('market = "ETH-PERP"', 'market = "BTC-PERP"')], "stress.depth[1].market", ["another market", "SPEC 4.4"]),
    ([('market = "ETH-PERP"', 'market = "SOL"')], "stress.depth[1].market", ["BTC-PERP, ETH-PERP", "SPEC 4.4"]),
    ([("[5, 20]]\nasks", "[1, 20]]\nasks")], "stress.depth[0].bids[1][0]", ["above 1", "found 1"]),
    ([("asks = [[1, 10]", "asks = [[6, 10]")], "stress.depth[0].asks[1][0]", ["above 6", "found 5"]),
]


@pytest.mark.parametrize(("edits", "field", "parts"), BROKEN, ids=[f"{case[1]}: {case[2][0][:40]}" for case in BROKEN])
def test_a_broken_rule_is_one_problem_at_its_key(base, edits, field, parts):
    found = problems(edited(base, *edits))
    assert [problem.field for problem in found] == [field]
    for part in parts:
        assert part in str(found[0])


def test_markets_of_one_id_are_a_problem_that_names_the_first(base):
    first, *_ = problems(edited(base, ('id = "ETH-PERP"', 'id = "BTC-PERP"')))
    assert (first.field, first.wanted) == ("markets[1].id", "another id than markets[0].id on line 9")


def test_the_base_design_breaks_no_rule(base):
    assert problems(base) == []


def test_what_is_deducted_may_not_fall_even_where_the_margin_rises(base):
    rates = "initial_margin_ppm = 90000\nmaintenance_margin_ppm = 80000"
    third = f'[[markets.tiers]]\n{rates}\nmaintenance_deducted = "999"'
    text = edited(base, (DEDUCTED, f'{DEDUCTED}\nup_to_notional = "200000"\n{third}'))
    (problem,) = problems(text)
    assert problem.field == "markets[0].tiers[2].maintenance_deducted"
    assert problem.wanted == "at least 1,000 USDC, the tier before's"


def test_a_margin_that_stands_still_just_above_an_edge_is_sound(base):
    assert problems(edited(base, (DEDUCTED, 'maintenance_deducted = "1000.000001"'))) == []
    assert len(problems(edited(base, (DEDUCTED, 'maintenance_deducted = "1000.000002"')))) == 1


def test_a_slip_in_a_table_does_not_hide_what_its_other_keys_break(base):
    text = edited(base, ('balance = "1000"', "balance = 1000.0"), ('"BTC-PERP"\nbalance', '"SOL"\nbalance'))
    text = edited(text, ("surcharge_ppm = 5000", "surcharge = 5000"), ('lot_size = "0.001"', 'lot_size = "0.0000001"'))
    assert {problem.field for problem in problems(text)} == {
        "markets[0].tick_size",
        "liquidation.surcharge",
        "liquidation.surcharge_ppm",
        "layers[0].market",
        "layers[0].balance",
    }


def test_a_market_whose_own_id_is_wrong_makes_no_reference_wrong(base):
    text = edited(base, ('id = "ETH-PERP"', 'id = "ETH PERP"'), ('market = "ETH-PERP"', 'market = "ETH-PERPS"'))
    assert [problem.field for problem in problems(text)] == ["markets[1].id"]


# -- the margin ladder, held to its definition -----------------------------------------------------------------------


def margins(tiers, edges, steps):
    """The maintenance margin by definition, at notionals from 0 up: a list over base units, one tier after another."""
    found = []
    for notional in range(steps):
        tier = sum(notional > edge for edge in edges)
        rate, deducted = tiers[tier]
        found.append(-(-notional * rate // 1_000_000) - deducted)
    return found


@given(
    st.lists(st.integers(1, 40), max_size=3, unique=True),
    st.lists(st.tuples(st.integers(1, 1_000_000), st.integers(0, 30)), min_size=4, max_size=4),
    st.sampled_from([None, 0, 1, 2]),
)
def test_tiers_are_refused_exactly_when_some_margin_is_negative_or_falls(base, edges, tiers, smooth):
    edges = sorted(edges)
    tiers = sorted(tiers[: len(edges) + 1])
    deductions = sorted(deducted for _, deducted in tiers)
    tiers = [(rate, deducted) for (rate, _), deducted in zip(tiers, deductions)]
    if smooth is not None:  # the deductions that make it continuous, rounded down, or a little more
        taken = [0]
        for edge, (rate, _), (rate_above, _) in zip(edges, tiers, tiers[1:]):
            taken.append(taken[-1] + edge * (rate_above - rate) // 1_000_000 + smooth)
        tiers = [(rate, deducted) for (rate, _), deducted in zip(tiers, taken)]
    text = ""
    for (rate, deducted), edge in zip(tiers, [*edges, None]):
        text += f"[[markets.tiers]]\ninitial_margin_ppm = 1000000\nmaintenance_margin_ppm = {rate}\n"
        text += f'maintenance_deducted = "{format_decimal(deducted, 6)}"\n'
        text += "" if edge is None else f'up_to_notional = "{format_decimal(edge, 6)}"\n'
    start, end = base.index("[[markets.tiers]]"), base.index('[[markets]]\nid = "ETH')
    found = problems(base[:start] + text + base[end:])
    ladder = margins(tiers, edges, 60)
    unsound = min(ladder) < 0 or any(later < earlier for earlier, later in pairwise(ladder))
    assert bool(found) == unsound
    assert all(problem.field.endswith("maintenance_deducted") for problem in found)
