"""Socialisation: haircuts over positive net profit from one snapshot."""

from fractions import Fraction

from hypothesis import given, strategies as st

from seawall.rules.socialisation import haircut_by_market, positive_pnl_haircuts
from tests.rules.references import allocate_by_units, water_level

PEOPLE = st.lists(st.tuples(st.integers(-40, 60), st.integers(-40, 60)), min_size=1, max_size=6)


def caps_of(people):
    return [min(max(0, pnl), max(0, equity)) for pnl, equity in people]


@given(st.integers(0, 300), PEOPLE)
def test_I10_haircuts_add_up_to_the_severity_or_to_what_the_base_can_pay(severity, people):
    haircuts = positive_pnl_haircuts(severity, *zip(*people))
    assert sum(haircuts) == min(severity, sum(caps_of(people)))


@given(st.integers(0, 300), PEOPLE)
def test_I6_no_haircut_exceeds_profit_or_equity_and_losers_pay_nothing(severity, people):
    for haircut, (pnl, equity) in zip(positive_pnl_haircuts(severity, *zip(*people)), people):
        assert 0 <= haircut <= max(0, pnl) and haircut <= max(0, equity)


@given(st.integers(0, 300), PEOPLE)
def test_haircuts_equal_one_factor_of_the_base_to_less_than_a_unit(severity, people):
    real = water_level(severity, [max(0, pnl) for pnl, _ in people], caps_of(people))
    for haircut, share in zip(positive_pnl_haircuts(severity, *zip(*people)), real):
        assert abs(haircut - share) < 1


@given(st.integers(0, 10**30), st.lists(st.integers(-(10**30), 10**30), min_size=1, max_size=6))
def test_with_equity_enough_the_factor_is_severity_over_base_at_most_one(severity, pnl):
    base = sum(max(0, p) for p in pnl)
    haircuts = positive_pnl_haircuts(severity, pnl, [10**31] * len(pnl))
    for haircut, profit in zip(haircuts, pnl):
        factor = min(Fraction(1), Fraction(severity, base)) if base else Fraction(0)
        assert abs(haircut - factor * max(0, profit)) < 1


@given(st.integers(0, 80), PEOPLE, st.randoms())
def test_one_snapshot_the_order_of_claimants_changes_nothing_but_ties(severity, people, random):
    order = list(range(len(people)))
    random.shuffle(order)
    plain = positive_pnl_haircuts(severity, *zip(*people))
    mixed = positive_pnl_haircuts(severity, *zip(*(people[i] for i in order)))
    for place, i in enumerate(order):
        assert abs(mixed[place] - plain[i]) <= 1


@given(st.integers(0, 60), st.lists(st.integers(-30, 30), min_size=1, max_size=4).filter(lambda p: max(p) > 0))
def test_a_haircut_is_split_over_the_markets_in_profit(haircut, pnl):
    parts = haircut_by_market(haircut, pnl)
    assert parts == allocate_by_units(haircut, [max(0, p) for p in pnl])
    if haircut <= sum(pnl):  # never more than net profit is taken, so no market gives more than it made
        assert all(part <= max(0, p) for part, p in zip(parts, pnl))
