"""Contract space: whole lots of a bankrupt long, closed against the example book's shorts; the worked table."""

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from seawall.rules.adl_policies import ADL_POLICIES, haircuts
from seawall.rules.adl_scores import PolicyParameters
from seawall.rules.deleveraging import (
    Gap,
    Winner,
    close_lots,
    gap_in_whole_ticks,
    lot_cap,
    minimal_lots,
    plan_lots,
)
from tests.rules.test_adl_policies import BOOK, NAMES, W, books


def test_table_4_production_with_a_gap_of_10_overshoots_what_the_fund_had_paid():
    outcome = close_lots(BOOK, 60, 10, 500, "queue_bitmex", "any")
    assert outcome.lots == (11, 40, 0, 9, 0)
    assert outcome.money == outcome.haircuts == (110, 400, 0, 90, 0)
    assert (outcome.overshoot, outcome.returned, outcome.left_lots) == (100, (0,) * 5, 0)
    assert not any(outcome.beyond_profit)


def test_table_4_production_with_a_gap_of_12_takes_more_than_profit():
    outcome = close_lots(BOOK, 60, 12, 720, "queue_bitmex", "any")
    assert outcome.lots == (11, 40, 0, 9, 0)
    assert outcome.money == (132, 480, 0, 108, 0)
    assert outcome.beyond_profit == (False, True, False, True, False)


def test_table_4_the_same_in_safe_mode():
    outcome = close_lots(BOOK, 60, 12, 720, "queue_bitmex", "capped_at_mark")
    assert outcome.lots == (20, 33, 0, 7, 0)
    assert outcome.money == outcome.haircuts == (240, 396, 0, 84, 0)
    assert (outcome.overshoot, outcome.left_lots) == (0, 0)
    assert not any(outcome.beyond_profit)


def test_table_4_the_fewest_lots_overshoot_by_less_than_a_lot_and_that_goes_back():
    lots = minimal_lots(500, 12)
    assert lots == 42
    outcome = close_lots(BOOK, lots, 12, 500, "queue_bitmex", "capped_at_mark")
    assert outcome.lots == (2, 33, 0, 7, 0)
    assert outcome.money == (24, 396, 0, 84, 0)
    assert (outcome.overshoot, outcome.returned) == (4, (0, 3, 0, 1, 0))
    assert outcome.haircuts == (24, 393, 0, 83, 0)


def test_table_4_contract_pro_rata():
    outcome = close_lots(BOOK, 60, 10, 600, "pro_rata_lots", "any")
    assert outcome.lots == (22, 18, 11, 4, 5)
    assert outcome.money == (220, 180, 110, 40, 50)
    assert outcome.beyond_profit == (False, False, False, False, True)


def test_table_4_contract_pro_rata_with_safe_caps():
    assert [lot_cap(winner, Gap(600, 60), "capped_at_mark") for winner in BOOK] == [50, 40, 25, 9, 1]
    outcome = close_lots(BOOK, 60, 10, 600, "pro_rata_lots", "capped_at_mark")
    assert outcome.lots == (24, 19, 12, 4, 1)
    assert outcome.money == (240, 190, 120, 40, 10)


def test_who_would_lose_at_the_closing_price_is_left_out_and_the_rest_is_the_fallbacks():
    outcome = close_lots(BOOK, 60, 12, 720, "queue_bitmex", "profit_at_close")
    assert (outcome.lots, outcome.left_lots) == ((50, 0, 0, 0, 0), 10)
    assert close_lots(BOOK, 60, 10, 600, "pro_rata_lots", "profit_at_close").lots == (24, 20, 12, 4, 0)


@given(st.integers(0, 5000), st.integers(1, 60))
def test_the_fewest_lots_are_the_fewest(severity, gap):
    lots = minimal_lots(severity, gap)
    assert lots * gap >= severity and (lots == 0 or (lots - 1) * gap < severity)


def test_no_number_of_lots_covers_anything_without_a_gap():
    with pytest.raises(ValueError, match="wanted a gap > 0"):
        minimal_lots(1, 0)


@given(st.integers(0, 5000), st.integers(1, 60), st.integers(1, 9))
def test_a_price_in_whole_ticks_takes_no_more_than_the_severity_and_one_tick_more_would(severity, lots, tick):
    gap, carried = gap_in_whole_ticks(severity, lots, tick)
    assert gap % tick == 0 and gap * lots + carried == severity
    assert 0 <= carried < lots * tick


@given(st.data(), st.integers(1, 50), st.integers(0, 60), st.sampled_from(["capped_at_mark", "profit_at_close"]))
def test_I6_I10_in_safe_mode_no_policy_breaks_a_cap_or_keeps_an_overshoot(data, lots, gap, eligible):
    book = data.draw(books(60))
    severity = data.draw(st.integers(0, lots * gap))
    for policy in NAMES:
        outcome = close_lots(book, lots, gap, severity, policy, eligible)
        assert not any(outcome.beyond_profit), policy
        assert sum(outcome.haircuts) == min(severity, sum(outcome.money)), policy
        assert sum(outcome.lots) + outcome.left_lots == lots
        for p, closed, paid in zip(book, outcome.lots, outcome.haircuts):
            assert 0 <= closed <= p.lots and 0 <= paid <= (p.cap if gap else 0), policy


@given(st.data(), st.integers(1, 50), st.integers(0, 60))
def test_in_production_live_lots_are_the_only_cap(data, lots, gap):
    book = data.draw(books(60))
    for facts in ADL_POLICIES:
        if facts.kind == "queue" and facts.name != "mean_surplus":
            outcome = close_lots(book, lots, gap, 0, facts.name, "any")
            assert sum(outcome.lots) == min(lots, sum(p.lots for p in book))
            assert outcome.overshoot == sum(outcome.lots) * gap and not any(outcome.returned)
            assert outcome.beyond_profit == tuple(n * gap > max(0, p.profit_units) for n, p in zip(outcome.lots, book))


@given(st.data(), st.integers(1, 80))
def test_with_a_gap_of_one_lots_are_money(data, lots):
    """Where positions are large enough, closing whole lots at one unit each is the policy in money."""
    book = [
        Winner(p.id, 10**6, p.profit_units, p.equity_units, p.notional_units, p.entry_units, None, p.maintenance_units)
        for p in data.draw(books(60))
    ]
    parameters = PolicyParameters(beta_ppm=600_000, seed="x")
    for policy in NAMES:
        if policy != "min_max":
            planned = plan_lots(book, Gap(lots, lots), policy, "capped_at_mark", parameters)
            assert planned == haircuts(policy, book, lots, parameters), policy


def test_what_a_policy_spares_limits_lots_too():
    """Beta .4 of 1000, 400, 250, 90, 10 at a gap of 12 a lot: 33, 13, 8, 3, 0 lots."""
    parameters = PolicyParameters(beta_ppm=400_000)
    planned = plan_lots(BOOK, Gap(1200, 100), "capped_pro_rata", "capped_at_mark", parameters)
    assert planned == tuple(int(Fraction(w * 2, 5) / 12) for w in W) == (33, 13, 8, 3, 0)


def test_the_older_name_of_a_queue_stands():
    for eligible in ("any", "capped_at_mark", "profit_at_close"):
        old, new = (plan_lots(BOOK, Gap(720, 60), name, eligible) for name in ("queue_pnl_leverage", "queue_bitmex"))
        assert old == new


def test_min_max_in_lots():
    """Equities 1600, 640, 2000, 120, 25: the third is at its 25 lots; 25/1600 = 10/640, so the first goes first."""
    assert plan_lots(BOOK, Gap(60, 60), "min_max", "capped_at_mark") == (25, 9, 25, 1, 0)
