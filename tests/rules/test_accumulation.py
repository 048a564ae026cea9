"""Accumulation: where an inflow goes, held to routing unit by unit."""

from fractions import Fraction

from hypothesis import example, given, strategies as st

from seawall.rules.accumulation import Sink, commission_share_units, route, split_units
from tests.rules.references import allocate_by_units, route_by_units

SMALL = st.integers(0, 60)
CARRIED = st.lists(st.integers(1, 30), max_size=3).map(lambda debts: [(f"d{i}", debt) for i, debt in enumerate(debts)])
SINKS = st.lists(st.tuples(SMALL, st.one_of(st.none(), SMALL)), max_size=3)


def sinks_of(rows):
    return [(f"layer{i}", balance, target) for i, (balance, target) in enumerate(rows)]


@given(SMALL, CARRIED, SINKS)
@example(10, [("d0", 3)], [(5, 8), (9, 4), (0, None)])
def test_routing_equals_unit_by_unit_reference(amount, carried, rows):
    placed = route(amount, carried, [Sink(*row) for row in sinks_of(rows)])
    repaid, credited, excess = route_by_units(amount, carried, sinks_of(rows))
    assert dict(placed.repaid) == repaid
    assert dict(placed.credits) == credited
    assert placed.excess == excess


@given(
    st.integers(0, 10**30),
    st.lists(st.integers(1, 10**30), max_size=3),
    st.lists(st.tuples(st.integers(0, 10**30), st.one_of(st.none(), st.integers(0, 10**30))), max_size=4),
)
def test_I1_a_routed_inflow_adds_up_at_any_size(amount, debts, rows):
    placed = route(amount, [(f"d{i}", debt) for i, debt in enumerate(debts)], [Sink(*row) for row in sinks_of(rows)])
    parts = [part for _, part in (*placed.repaid, *placed.credits)]
    assert sum(parts) + placed.excess == amount
    assert min([*parts, placed.excess]) >= 0 and 0 not in parts


@given(st.integers(1, 10**30), st.integers(0, 10**30), st.integers(0, 10**30))
def test_a_layer_above_a_lowered_target_takes_nothing_and_gives_nothing_back(offered, target, above):
    assert Sink("bucket", target + above, target).room_units(offered) == 0


def test_carried_debt_is_repaid_oldest_first():
    placed = route(70, [("old", 40), ("new", 40)], [Sink("shared", 0, None)])
    assert placed.repaid == (("old", 40), ("new", 30)) and placed.credits == () and placed.excess == 0


@given(st.integers(-(10**30), 10**30), st.integers(0, 10**6))
def test_a_commission_share_is_the_floor_and_a_rebate_contributes_and_takes_nothing(fee, share):
    part = commission_share_units(fee, share)
    assert part == (Fraction(fee * share, 10**6).__floor__() if fee > 0 else 0)
    assert 0 <= part <= max(0, fee)


@given(SMALL, st.lists(st.integers(0, 1_000_000), min_size=2, max_size=4).filter(any))
def test_a_split_equals_unit_by_unit_reference(amount, parts):
    assert split_units(amount, parts) == allocate_by_units(amount, parts)
