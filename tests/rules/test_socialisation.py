"""Socialisation: every base from one snapshot, and the two indices that a contract can afford."""

from fractions import Fraction
from math import ceil
from typing import get_args

import pytest
from hypothesis import assume, example, given, strategies as st

from seawall.rules.accumulation import Sink, route
from seawall.rules.socialisation import (
    INDEX_ONE,
    Base,
    Participant,
    deposit_claim_units,
    deposit_index_after,
    deposit_index_cut,
    haircut_by_market,
    open_interest_charge_units,
    open_interest_delta_ppm,
    open_interest_index,
    open_interest_split,
    positive_pnl_haircuts,
    socialise,
)
from tests.rules.exact_fill import exact_fill
from tests.rules.references import allocate_by_quota, allocate_by_units, water_level

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


# --- every base ----------------------------------------------------------------------------------------------------

BASES = st.sampled_from(get_args(Base))
SIGNED, PLAIN = st.integers(-30, 60), st.integers(0, 60)


@st.composite
def participants(draw, most=6):
    ids = draw(st.lists(st.sampled_from(["1", "2", "3", "10", "11", "a", "b"]), min_size=1, max_size=most, unique=True))
    return [
        Participant(name, draw(SIGNED), draw(SIGNED), draw(PLAIN), draw(PLAIN), draw(SIGNED), draw(PLAIN), draw(PLAIN))
        for name in ids
    ]


def part_of(base, one):
    """What the base is, spelled out once more."""
    if base in ("positive_pnl", "equity", "period_profit"):
        signed = {"positive_pnl": one.pnl_units, "equity": one.equity_units, "period_profit": one.period_pnl_units}
        return signed[base] if signed[base] > 0 else 0
    if base.startswith("open_interest"):
        longs = 0 if base.endswith("_shorts") else one.long_units
        return longs + (0 if base.endswith("_longs") else one.short_units)
    return one.deposit_units if base == "deposits" else one.lp_shares


def cap_of(base, one):
    equity_left = one.equity_units if one.equity_units > 0 else 0
    return equity_left if base == "lp_shares" else min(equity_left, part_of(base, one))


@given(BASES, st.integers(0, 300), participants())
def test_socialise_equals_one_level_in_fractions_reference(base, severity, people):
    in_order = sorted(people, key=lambda one: (len(one.id), one.id))
    weights = [part_of(base, one) for one in in_order]
    wanted = exact_fill(severity, weights, [cap_of(base, one) for one in in_order])
    found = socialise(base, severity, people)
    assert {one.id: units for one, units in zip(people, found.haircuts)} == {
        one.id: units for one, units in zip(in_order, wanted)
    }
    assert found.base_units == sum(weights)
    assert found.carried == severity - sum(wanted)


@given(BASES, st.integers(0, 10**30), participants(), st.randoms())
def test_socialise_gives_the_same_whatever_the_order_of_the_snapshot(base, severity, people, random):
    plain = dict(zip((one.id for one in people), socialise(base, severity, people).haircuts))
    mixed = list(people)
    random.shuffle(mixed)
    assert dict(zip((one.id for one in mixed), socialise(base, severity, mixed).haircuts)) == plain


@pytest.mark.parametrize("order", [("1", "2", "10"), ("10", "2", "1"), ("2", "10", "1")])
def test_the_odd_unit_is_the_lowest_ids_wherever_it_stands(order):
    found = socialise("equity", 1, [Participant(name, 5) for name in order])
    assert dict(zip(order, found.haircuts)) == {"1": 1, "2": 0, "10": 0}


@given(BASES, st.integers(0, 10**30), participants())
def test_I6_no_base_takes_more_than_equity_left_nor_from_outside_the_base(base, severity, people):
    for one, haircut in zip(people, socialise(base, severity, people).haircuts):
        assert 0 <= haircut <= max(0, one.equity_units)
        assert haircut == 0 or part_of(base, one) > 0


@given(BASES, st.integers(1, 300), participants())
def test_the_published_factor_is_severity_over_base_rounded_up_and_at_most_one(base, severity, people):
    money = sum(max(0, one.equity_units) if base == "lp_shares" else part_of(base, one) for one in people)
    factor = min(Fraction(1), Fraction(severity, money)) if money else Fraction(0)
    assert socialise(base, severity, people).factor_ppm_up == ceil(factor * 10**6)


@given(st.integers(0, 300), participants())
def test_positive_pnl_by_participant_equals_the_plain_function(severity, people):
    people.sort(key=lambda one: (len(one.id), one.id))
    plain = positive_pnl_haircuts(severity, [p.pnl_units for p in people], [p.equity_units for p in people])
    assert socialise("positive_pnl", severity, people).haircuts == plain


# The example book: longs 60 and 74 lots, shorts 1..5 of 50, 40, 25, 9, 10; profit, notional, equity of the shorts.
W, N, E = (1000, 400, 250, 90, 10), (4000, 3200, 2000, 720, 800), (1600, 640, 2000, 120, 25)
SHORTS = [Participant(str(i + 1), E[i], pnl_units=W[i], short_units=N[i], period_pnl_units=W[i]) for i in range(5)]


@pytest.mark.parametrize(
    ("base", "severity", "wanted"),
    [
        ("positive_pnl", 500, (286, 114, 71, 26, 3)),
        ("positive_pnl", 1234, (705, 282, 176, 64, 7)),
        ("period_profit", 500, (286, 114, 71, 26, 3)),  # clawback: the same over realised profit
        ("equity", 500, (182, 73, 228, 14, 3)),
        # over notional the limit is equity, not profit: 5 pays its 25 of the 37 that are its part, the others the rest
        ("open_interest_shorts", 500, (192, 153, 96, 34, 25)),
        ("open_interest_longs", 500, (0, 0, 0, 0, 0)),
    ],
)
def test_the_worked_book_over_each_base(base, severity, wanted):
    found = socialise(base, severity, SHORTS)
    assert found.haircuts == wanted and found.carried == severity - sum(wanted)


def test_lp_shares_pay_by_shares_up_to_what_the_shares_are_worth():
    holders = [Participant(str(i), value, lp_shares=s) for i, (value, s) in enumerate(((5000, 5000), (3000, 3000)))]
    holders.append(Participant("2", 2010, lp_shares=2010))
    found = socialise("lp_shares", 1000, holders)
    assert found.haircuts == (499, 300, 201) and found.carried == 0 and found.base_units == 10_010


def test_SOC_01_the_base_is_the_net_result_over_all_contracts_of_the_period():
    contracts = {"1": (500_000, -600_000, 0), "2": (300_001, 50_000, 0), "3": (649_999, 0, 0)}
    people = [Participant(name, 10**9, period_pnl_units=sum(results)) for name, results in contracts.items()]
    one = socialise("period_profit", 170_001, people)
    assert (one.haircuts, one.base_units, one.factor_ppm_up, one.carried) == ((0, 59_501, 110_500), 10**6, 170_001, 0)
    two = socialise("period_profit", 1_200_000, people)
    assert (two.haircuts, two.factor_ppm_up, two.carried) == ((0, 350_001, 649_999), 10**6, 200_000)


@given(BASES, st.integers(0, 500), participants())
@example("positive_pnl", 100, [Participant("1", 0)])
def test_SOC_03_what_nobody_pays_is_carried_and_repaid_before_anything_else(base, severity, people):
    found = socialise(base, severity, people)
    assert sum(found.haircuts) + found.carried == severity
    fund = Sink("fund", 0, None)
    inflow = 60
    routed = route(inflow, (("d", found.carried),), (fund,))
    assert dict(routed.repaid).get("d", 0) == min(inflow, found.carried)
    assert dict(routed.credits).get("fund", 0) == max(0, inflow - found.carried)


def test_SOC_03_worked_100_carried_then_60_and_70_come_in():
    debt = socialise("positive_pnl", 100, ()).carried
    assert debt == 100
    first = route(60, (("d", debt),), (Sink("fund", 0, None),))
    assert first.repaid == (("d", 60),) and first.credits == ()
    second = route(70, (("d", debt - 60),), (Sink("fund", 0, None),))
    assert second.repaid == (("d", 40),) and second.credits == (("fund", 30),)


@pytest.mark.parametrize(
    ("severity", "people", "text"),
    [
        (-1, [Participant("1", 1)], "severity >= 0"),
        (1, [Participant("1", 1), Participant("1", 2)], "an id twice"),
        (1, [Participant("1", 1, deposit_units=-1)], "parts of the base 'deposits' >= 0; found -1"),
    ],
)
def test_socialise_refuses_what_is_no_snapshot(severity, people, text):
    with pytest.raises(ValueError, match=text):
        socialise("deposits", severity, people)


# --- open interest by an index ----------------------------------------------------------------------------------------

LOTS = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=7).filter(any)
WORKED_LOTS = (60, 74, -50, -40, -25, -9, -10)


def test_the_worked_index_charges_503_for_500_and_the_exact_split_500():
    found = open_interest_index(500, WORKED_LOTS)
    assert found.delta_ppm == 1_865_672
    assert found.charges == (112, 139, 94, 75, 47, 17, 19) and found.surplus_units == 3
    assert open_interest_split(500, WORKED_LOTS) == (112, 138, 93, 74, 47, 17, 19)


@given(st.integers(0, 10**12), LOTS)
def test_open_interest_index_equals_ceilings_of_fractions_reference(loss, lots):
    found = open_interest_index(loss, lots)
    delta = ceil(Fraction(loss, sum(map(abs, lots))) * 10**6)
    assert found.delta_ppm == delta
    assert found.charges == tuple(ceil(Fraction(abs(lot) * delta, 10**6)) for lot in lots)


@given(st.integers(0, 10**12), LOTS)
def test_the_index_collects_the_loss_and_its_surplus_is_bounded(loss, lots):
    found = open_interest_index(loss, lots)
    assert sum(found.charges) == loss + found.surplus_units
    assert 0 <= found.surplus_units < len(lots) + ceil(Fraction(sum(map(abs, lots)), 10**6))


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=4), LOTS)
def test_several_losses_charged_at_once_still_bring_in_their_sum(losses, lots):
    moved = sum(open_interest_delta_ppm(loss, sum(map(abs, lots))) for loss in losses)
    assert sum(open_interest_charge_units(lot, moved) for lot in lots) >= sum(losses)


@given(st.integers(0, 200), LOTS)
def test_the_exact_split_equals_quotas_of_both_sides_reference(loss, lots):
    assert open_interest_split(loss, lots) == allocate_by_quota(loss, [abs(lot) for lot in lots])


def test_a_loss_needs_a_lot_to_charge():
    assert open_interest_delta_ppm(0, 0) == 0
    for loss, lots in ((1, 0), (-1, 1), (1, -1)):
        with pytest.raises(ValueError, match="wanted a loss >= 0 over lots > 0"):
            open_interest_delta_ppm(loss, lots)


# --- deposits by an index ---------------------------------------------------------------------------------------------

SCALED = st.lists(st.integers(0, 10**12), min_size=1, max_size=6)
INDEX = st.integers(1, 5 * INDEX_ONE)


@given(st.integers(0, 10**13), SCALED, INDEX, st.integers(0, 10))
def test_the_index_after_a_loss_is_the_highest_that_the_assets_left_can_pay(loss, scaled, index, dust):
    assume(sum(scaled))
    assets = sum(scaled) * index // INDEX_ONE + dust
    after = deposit_index_after(loss, assets, index, sum(scaled))
    left = max(0, assets - loss)

    def payable(at):
        return Fraction(sum(scaled) * at, INDEX_ONE) <= left

    assert 0 <= after <= index and payable(after)
    assert after == index or not payable(after + 1)


@given(st.integers(0, 10**13), SCALED, INDEX, st.integers(0, 10))
def test_depositors_lose_pro_rata_and_dust_stays_in_the_pool(loss, scaled, index, dust):
    assets = sum(scaled) * index // INDEX_ONE + dust
    found = deposit_index_cut(loss, assets, index, scaled)
    left = max(0, assets - loss)
    assert found.claims == tuple(int(Fraction(one * found.index, INDEX_ONE)) for one in scaled)
    assert sum(found.claims) + found.dust_units == left and found.dust_units >= 0
    assert found.carried == loss - (assets - left)
    if found.index < index:
        for one, claim in zip(scaled, found.claims):
            exact = Fraction(left * one, sum(scaled))
            assert exact - 1 - Fraction(one, INDEX_ONE) < claim <= exact


@pytest.mark.parametrize(
    ("loss", "index", "claims", "dust", "carried"),
    [
        (0, 1_100_000_000_000, (550, 330, 220), 0, 0),
        (100, 1_000_000_000_000, (500, 300, 200), 0, 0),
        (1, 1_099_000_000_000, (549, 329, 219), 2, 0),  # three floors: 3 units less for a loss of 1, 2 stay
        (1099, 1_000_000_000, (0, 0, 0), 1, 0),
        (1200, 0, (0, 0, 0), 0, 100),
    ],
)
def test_worked_index_cuts_of_1100_held_for_three(loss, index, claims, dust, carried):
    found = deposit_index_cut(loss, 1100, 1_100_000_000_000, (500, 300, 200))
    assert (found.index, found.claims, found.dust_units, found.carried) == (index, claims, dust, carried)


def test_assets_above_the_claims_bear_a_loss_first():
    found = deposit_index_cut(5, 1005, INDEX_ONE, (600, 400))
    assert found.index == INDEX_ONE and found.claims == (600, 400) and found.dust_units == 0
    found = deposit_index_cut(2, 1005, INDEX_ONE, (600, 400))  # nor does what is left of them lift the index
    assert found.index == INDEX_ONE and found.claims == (600, 400) and found.dust_units == 3


def test_an_index_cut_refuses_claims_that_nothing_stands_behind():
    with pytest.raises(ValueError, match="assets of at least the claims 1000; found 999"):
        deposit_index_cut(1, 999, INDEX_ONE, (600, 400))
    with pytest.raises(ValueError, match="wanted deposits >= 0"):
        deposit_index_cut(1, 999, INDEX_ONE, (600, -1))
    with pytest.raises(ValueError, match="wanted numbers >= 0"):
        deposit_index_after(-1, 1, INDEX_ONE, 1)
    assert deposit_index_after(5, 5, INDEX_ONE, 0) == INDEX_ONE
    assert deposit_claim_units(3, INDEX_ONE // 2) == 1
