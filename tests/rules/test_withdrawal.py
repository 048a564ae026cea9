"""Withdrawal: factors one by one and by batch, what may leave while losses are open, and the gate."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import assume, given, strategies as st

from seawall.rules.socialisation import Participant, socialise
from seawall.rules.withdrawal import (
    Pool,
    allowed_units,
    gated,
    open_loss_haircuts,
    open_loss_units,
    pay_batch,
    pay_next,
)
from tests.rules.references import allocate_by_quota

CLAIMS = st.lists(st.integers(0, 40), min_size=1, max_size=5)


def one_by_one(pool, claims):
    paid = []
    for claim in claims:
        units, pool = pay_next(pool, claim)
        paid.append(units)
    return paid, pool


# --- a factor, one by one -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assets", "claims", "wanted"),
    [
        (900, (333, 333, 334), [299, 300, 301]),
        (2_000_001, (1_000_000, 500_001, 1_499_999), [666_667, 333_334, 1_000_000]),
        (1200, (333, 333, 334), [333, 333, 334]),  # a surplus is nobody's claim
        (0, (333, 333, 334), [0, 0, 0]),
    ],
)
def test_worked_factors_one_by_one(assets, claims, wanted):
    assert one_by_one(Pool(assets, sum(claims)), claims)[0] == wanted


def test_early_leavers_lose_what_comes_in_later():
    first, pool = pay_next(Pool(900, 1000), 333)
    later, rest = one_by_one(Pool(pool.assets_units + 60, pool.claims_units), (333, 334))
    assert (first, *later) == (299, 330, 331) and rest.claims_units == 0 and rest.assets_units == 0


@given(st.integers(0, 200), CLAIMS)
def test_pay_next_equals_the_factor_in_fractions_reference(assets, claims):
    total = sum(claims)
    left, owed = Fraction(assets), total
    for claim, paid in zip(claims, one_by_one(Pool(assets, total), claims)[0]):
        factor = min(Fraction(1), left / owed) if owed else Fraction(0)
        assert paid == int(claim * factor)
        left, owed = left - paid, owed - claim


@given(st.integers(0, 200), CLAIMS)
def test_one_by_one_all_that_is_owed_is_paid_in_the_end(assets, claims):
    paid, pool = one_by_one(Pool(assets, sum(claims)), claims)
    assert sum(paid) == min(assets, sum(claims))
    assert pool == Pool(assets - sum(paid), 0)


@given(st.integers(0, 200), CLAIMS)
def test_one_by_one_the_order_moves_nobody_by_a_whole_part_but_only_by_units(assets, claims):
    total = sum(claims)
    for order in permutations(range(len(claims))):
        paid, _ = one_by_one(Pool(assets, total), [claims[i] for i in order])
        for place, i in enumerate(order):
            quota = claims[i] * min(Fraction(1), Fraction(assets, total)) if total else 0
            assert abs(paid[place] - quota) <= len(claims)
        if len(claims) > 3:
            break  # every order of a few, one order of many


def test_a_claim_beyond_all_claims_is_refused():
    for claim in (-1, 1001):
        with pytest.raises(ValueError, match="wanted a claim of 0 to 1000"):
            pay_next(Pool(900, 1000), claim)
    assert pay_next(Pool(900, 0), 0) == (0, Pool(900, 0))


# --- a batch from one snapshot ----------------------------------------------------------------------------------------


@given(CLAIMS, st.integers(0, 60), st.integers(0, 300))
def test_a_batch_equals_quotas_of_the_factor_reference(claims, others, loss):
    total = sum(claims) + others
    found = pay_batch(claims, total, loss)
    factor = max(Fraction(0), 1 - Fraction(loss, total)) if total else Fraction(0)
    budget = int(sum(claims) * factor)
    assert found.payouts == (allocate_by_quota(budget, claims) if budget else (0,) * len(claims))
    assert all(payout <= claim for payout, claim in zip(found.payouts, claims))
    assert found.claims_left_units == others
    assert found.loss_left_units == loss - (sum(claims) - budget)


@given(st.lists(CLAIMS, min_size=1, max_size=4), st.integers(0, 300))
def test_in_whatever_batches_nothing_is_stranded(batches, loss):
    total = sum(map(sum, batches))
    claims, left, paid = total, loss, 0
    for batch in batches:
        found = pay_batch(batch, claims, left)
        claims, left, paid = found.claims_left_units, found.loss_left_units, paid + sum(found.payouts)
    assert claims == 0 and paid == max(0, total - loss) and left == max(0, loss - total)


@given(CLAIMS, st.integers(0, 60), st.integers(0, 300), st.randoms())
def test_within_a_batch_the_order_moves_only_odd_units_between_equal_claims(claims, others, loss, random):
    order = list(range(len(claims)))
    random.shuffle(order)
    plain = pay_batch(claims, sum(claims) + others, loss).payouts
    mixed = pay_batch([claims[i] for i in order], sum(claims) + others, loss).payouts
    assert sum(plain) == sum(mixed)
    assert all(abs(mixed[place] - plain[i]) <= 1 for place, i in enumerate(order))


@pytest.mark.parametrize(
    ("claims", "total", "loss", "payouts", "left"),
    [
        ((333, 333, 334), 1000, 100, (300, 300, 300), 0),
        ((333, 333), 1000, 100, (300, 299), 33),
        ((333, 333, 334), 1000, 0, (333, 333, 334), 0),
        ((10, 20), 1000, 2000, (0, 0), 1970),
        ((), 1000, 100, (), 100),
    ],
)
def test_worked_batches(claims, total, loss, payouts, left):
    found = pay_batch(claims, total, loss)
    assert found.payouts == payouts and found.loss_left_units == left


def test_a_batch_refuses_claims_above_all_claims():
    for claims, total, loss in (((600, 401), 1000, 0), ((-1,), 1000, 0), ((1,), 1000, -1)):
        with pytest.raises(ValueError, match="wanted claims >= 0 of at most 1000"):
            pay_batch(claims, total, loss)


# --- while losses are open --------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-50, 50), max_size=6), st.integers(0, 50), st.integers(0, 120))
def test_open_loss_is_what_layers_do_not_cover(equities, carried, available):
    debts = carried - sum(equity for equity in equities if equity < 0)
    assert open_loss_units(equities, carried, available) == (debts - available if debts > available else 0)


@given(st.integers(0, 99), st.integers(-50, 99), st.integers(0, 50), st.integers(0, 50))
def test_allowed_is_the_most_that_leaves_margin_and_haircut_behind(wanted, equity, margin, haircut):
    fits = [x for x in range(wanted + 1) if equity - x >= margin + haircut]
    assert allowed_units(wanted, equity, margin, haircut) == max(fits, default=0)


STEADY = ("positive_pnl", "period_profit", "open_interest", "open_interest_longs", "open_interest_shorts")


@st.composite
def venues(draw, least_margin):
    """Accounts (participant, margin), one of them bankrupt, carried debt and layers."""
    people = [Participant("0", -draw(st.integers(1, 60)))]
    margins = [0]
    for i in range(draw(st.integers(1, 5))):
        number = st.integers(0, 60)
        signed = st.integers(-20, 60)
        long, short = draw(number), draw(number)
        people.append(Participant(str(i + 1), draw(number), draw(signed), long, short, draw(signed)))
        margins.append(draw(st.integers(least_margin, 9)))
    return people, margins, draw(st.integers(0, 20)), draw(st.integers(0, 20))


def close_and_leave(base, venue, wanted, order, close_after):
    """Accounts leave in `order`; after `close_after` of them the loss is closed. What each took, what each has left."""
    people, margins, carried, available = venue
    people, took = list(people), [0] * len(people)
    for step in range(len(order) + 1):
        if step == close_after:
            haircuts = open_loss_haircuts(base, people, carried, available).haircuts
            people = [
                replace(one, equity_units=max(0, one.equity_units) - cut, pnl_units=one.pnl_units - cut)
                for one, cut in zip(people, haircuts)
            ]
            carried = 0
        if step < len(order):
            i = order[step]
            found = open_loss_haircuts(base, people, carried, available)
            took[i] = allowed_units(wanted[i], people[i].equity_units, margins[i], found.haircuts[i])
            people[i] = replace(people[i], equity_units=people[i].equity_units - took[i])
    return took, [one.equity_units for one in people]


@given(st.sampled_from(STEADY), venues(least_margin=1), st.data())
def test_the_order_of_withdrawal_and_closing_does_not_matter(base, venue, data):
    people = venue[0]
    assume(open_loss_haircuts(base, people, *venue[2:]).carried == 0)
    wanted = data.draw(st.lists(st.integers(0, 99), min_size=len(people), max_size=len(people)))
    plain = close_and_leave(base, venue, wanted, range(len(people)), 0)
    order = data.draw(st.permutations(range(len(people))))
    close_after = data.draw(st.integers(0, len(people)))
    assert close_and_leave(base, venue, wanted, order, close_after) == plain


@given(st.sampled_from(STEADY), venues(least_margin=0), st.integers(1, 99))
def test_who_leaves_first_pays_the_same_to_the_unit_even_without_margin(base, venue, wanted):
    people, margins, carried, available = venue
    before = open_loss_haircuts(base, people, carried, available)
    took = allowed_units(wanted, people[1].equity_units, margins[1], before.haircuts[1])
    gone = [people[0], replace(people[1], equity_units=people[1].equity_units - took), *people[2:]]
    after = open_loss_haircuts(base, gone, carried, available)
    assert after.haircuts[1] == before.haircuts[1]
    assert after.carried == before.carried


def test_over_equity_a_leaver_shrinks_its_part_so_that_base_takes_the_factor_instead():
    """Two of 100 share a loss of 20. One takes 90 first: 2 and 18 instead of 10 and 10. By factor it is 10 and 10."""
    people = [Participant("1", 100), Participant("2", 100), Participant("3", -20)]
    assert open_loss_haircuts("equity", people, 0, 0).haircuts == (10, 10, 0)
    assert allowed_units(100, 100, 0, 10) == 90
    assert socialise("equity", 20, [Participant("1", 10), people[1]]).haircuts == (2, 18)
    first = pay_batch((100,), 200, 20)
    assert first.payouts == (90,) and pay_batch((100,), first.claims_left_units, first.loss_left_units).payouts == (90,)


# --- the gate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "now", "last", "hold", "shut"),
    [
        (0, 1000, None, 500, False),
        (1, 1000, None, 0, True),
        (0, 1499, 1000, 500, True),
        (0, 1500, 1000, 500, False),  # half-open
        (0, 1000, 1000, 0, False),
    ],
)
def test_the_gate_is_shut_while_a_loss_is_open_and_for_a_while_after(loss, now, last, hold, shut):
    assert gated(loss, now, last, hold) is shut


@given(st.integers(0, 5), st.integers(0, 50), st.none() | st.integers(0, 50), st.integers(0, 20))
def test_the_gate_equals_looking_at_every_instant_reference(loss, now, last, hold):
    instants = set() if last is None else set(range(last, last + hold))
    early = last is not None and now < last  # a clock behind the last sighting does not open it
    assert gated(loss, now, last, hold) == (loss > 0 or now in instants or early)
