"""Tranche, staking, cohort: worked numbers, searches, and a state machine beside a book of prices and copies."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import assume, given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from seawall.design.types import Stake
from seawall.rules.cohort import (
    Cohort,
    Member,
    Staker,
    credit_claim,
    members,
    pay_claims,
    recover,
    recovery_by_seniority,
    shares_at,
)
from seawall.rules.staking import (
    Request,
    cancel,
    frozen,
    lapse,
    payable_units,
    redeem,
    request_redeem,
    shares_to_redeem,
    stake,
    transfer,
)
from seawall.rules.tranche import (
    StakingRefused,
    Stream,
    Tranche,
    accrue,
    cost_units,
    reward,
    shares_for_deposit,
    slash,
    value_units,
)
from tests.rules.references import allocate_by_quota, allocate_by_units

NOBODY = Staker()
AT_ONCE = Stake()
LOWER = Stake(pays_lower=True)
FORFEITS = Stake(cancel_forfeits=True)
AMOUNT = st.integers(1, 10**12)


def refused(code):
    return pytest.raises(StakingRefused, match=f"^{code}: ")


def holder(shares, series=1):
    return Staker(series=series, free_shares=shares)


# --- what a share is worth ----------------------------------------------------------------------------------------


def test_the_first_deposit_of_a_series_buys_a_share_a_unit_and_later_ones_at_the_price():
    first = stake(Tranche(), NOBODY, 1000, 0)
    assert (first.minted_shares, first.taken_units, first.returned_units) == (1000, 1000, 0)
    assert first.tranche == Tranche(1000, 1000) and first.staker == holder(1000)
    second = stake(Tranche(1500, 1000), NOBODY, 1000, 0)  # 1.5 a share: 666 shares cost 999
    assert (second.minted_shares, second.taken_units, second.returned_units) == (666, 999, 1)
    assert second.tranche == Tranche(2499, 1666)


@given(AMOUNT, AMOUNT, AMOUNT)
def test_shares_minted_are_the_most_that_cost_no_more_than_the_amount(assets, shares, amount):
    tranche, price = Tranche(assets, shares), Fraction(assets, shares)
    minted = shares_for_deposit(tranche, amount)
    assert minted * price <= amount < (minted + 1) * price
    assert cost_units(tranche, minted) == ceil(minted * price) <= amount
    assert value_units(tranche, shares) == assets


@given(AMOUNT, AMOUNT, AMOUNT)
def test_a_deposit_is_at_once_worth_at_most_a_unit_less_and_costs_the_others_nothing(assets, shares, amount):
    before = Tranche(assets, shares)
    assume(shares_for_deposit(before, amount))
    done = stake(before, NOBODY, amount, 0)
    assert done.taken_units - 1 <= value_units(done.tranche, done.minted_shares) <= done.taken_units
    assert done.taken_units + done.returned_units == amount
    assert Fraction(done.tranche.assets_units, done.tranche.shares) >= Fraction(assets, shares)


def test_a_deposit_that_buys_no_share_is_refused_and_says_what_one_costs():
    with refused("zero_shares") as caught:
        stake(Tranche(101, 1), NOBODY, 100, 0)
    assert caught.value.code == "zero_shares" and "one costs 101" in caught.value.reason
    assert stake(Tranche(101, 1), NOBODY, 201, 0).returned_units == 100


def test_shares_that_leave_the_range_of_amounts_are_refused():
    """After a slash to one unit of 10^37 shares, ten units buy 10^38 more."""
    with refused("too_many_shares"):
        stake(Tranche(1, 10**37), NOBODY, 9, 0)
    assert stake(Tranche(1, 10**37), NOBODY, 8, 0).tranche.shares == 9 * 10**37


@pytest.mark.parametrize("number", [0, -1])
def test_nothing_and_less_is_no_operation(number):
    tranche, request = Tranche(10, 10), Request("r", 1, 5, 5, 0, None)
    for operation in (
        lambda: stake(tranche, NOBODY, number, 0),
        lambda: transfer(tranche, holder(5), NOBODY, number),
        lambda: request_redeem(tranche, holder(5), "r", number, 0, AT_ONCE),
        lambda: redeem(tranche, holder(5), request, number, 0, AT_ONCE),
        lambda: shares_to_redeem(tranche, request, number, AT_ONCE),
        lambda: reward(tranche, number, 0, AT_ONCE),
        lambda: slash(tranche, number, 0),
    ):
        with pytest.raises(ValueError, match=f"> 0; found {number}"):
            operation()


# --- requests -----------------------------------------------------------------------------------------------------


def asked(tranche, shares, terms, t_ms=0, others=0):
    """A request for `shares` by a staker that holds them and `others` more."""
    return request_redeem(tranche, holder(shares + others), "r", shares, t_ms, terms)


def test_a_request_can_be_redeemed_after_the_cooldown_and_before_the_window_ends():
    terms = Stake(cooldown_ms=100, window_ms=50)
    done = asked(Tranche(1000, 1000), 400, terms, 7, others=100)
    assert done.request == Request("r", 1, 400, 400, 107, 157)
    assert (done.staker.free_shares, done.staker.locked_shares) == (100, 400)
    with refused("too_early"):
        redeem(done.tranche, done.staker, done.request, 400, 106, terms)
    for t_ms in (107, 156):
        paid = redeem(done.tranche, done.staker, done.request, 400, t_ms, terms)
        assert (paid.paid_units, paid.left_units, paid.request, paid.wound_up) == (400, 0, None, False)
        assert paid.tranche == Tranche(600, 600) and paid.staker == holder(100)
    with refused("lapsed"):
        redeem(done.tranche, done.staker, done.request, 400, 157, terms)


def test_a_request_without_a_window_never_ends():
    done = asked(Tranche(1000, 1000), 400, Stake(cooldown_ms=100))
    assert done.request.end_ms is None
    assert redeem(done.tranche, done.staker, done.request, 1, 10**15, AT_ONCE).paid_units == 1
    with refused("not_lapsed"):
        lapse(done.tranche, done.staker, done.request, 10**15, AT_ONCE)


def test_no_more_is_asked_or_redeemed_than_there_is():
    with refused("not_enough_shares"):
        request_redeem(Tranche(1000, 1000), holder(399), "r", 400, 0, AT_ONCE)
    done = asked(Tranche(1000, 1000), 400, AT_ONCE)
    with refused("not_enough_shares"):
        request_redeem(done.tranche, done.staker, "again", 1, 0, AT_ONCE)
    with refused("not_enough_shares"):
        redeem(done.tranche, done.staker, done.request, 401, 0, AT_ONCE)


def test_a_request_is_redeemed_in_parts_and_its_value_goes_with_them():
    done = asked(Tranche(1001, 1000), 400, LOWER)
    assert done.request.value_units == 400
    part = redeem(done.tranche, done.staker, done.request, 3, 0, LOWER)
    assert part.paid_units == 3 and part.request == replace(done.request, shares=397, value_units=397)


def test_shares_worth_less_than_a_unit_can_leave_for_nothing_so_that_the_last_unit_is_not_locked():
    first = asked(Tranche(1, 10), 5, AT_ONCE)
    gone = redeem(first.tranche, first.staker, first.request, 5, 0, AT_ONCE)
    assert gone.paid_units == 0 and gone.tranche == Tranche(1, 5)
    last = asked(gone.tranche, 5, AT_ONCE)
    assert redeem(last.tranche, last.staker, last.request, 5, 0, AT_ONCE).paid_units == 1


def test_the_lower_value_is_paid_and_the_difference_is_the_others():
    done = asked(Tranche(1000, 1000), 400, LOWER)
    richer = reward(done.tranche, 500, 0, LOWER).tranche
    paid = redeem(richer, done.staker, done.request, 400, 0, LOWER)
    assert (paid.paid_units, paid.left_units, paid.tranche) == (400, 200, Tranche(1100, 600))
    poorer = slash(done.tranche, 500, 0).tranche
    assert redeem(poorer, done.staker, done.request, 400, 0, LOWER).paid_units == 200
    assert redeem(richer, done.staker, done.request, 400, 0, AT_ONCE).paid_units == 600


def test_the_last_shares_are_paid_all_that_is_left_and_wind_the_tranche_up():
    done = asked(Tranche(400, 400), 400, LOWER)
    richer = reward(done.tranche, 77, 0, LOWER).tranche
    paid = redeem(richer, done.staker, done.request, 400, 0, LOWER)
    assert (paid.paid_units, paid.left_units, paid.wound_up) == (477, 0, True)
    assert paid.tranche == Tranche(0, 0, series=2)


@given(
    st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(0, 90), st.integers(1, 70), st.booleans()
)
def test_shares_to_redeem_equals_the_first_that_suffices_reference(assets, others, shares, value, wanted, lower):
    tranche, terms = Tranche(assets, shares + others - 1), Stake(pays_lower=lower)
    request = Request("r", 1, shares, value, 0, None)
    enough = [n for n in range(1, shares + 1) if payable_units(tranche, request, n, terms) >= wanted]
    if enough:
        assert shares_to_redeem(tranche, request, wanted, terms) == enough[0]
    else:
        with refused("not_enough_shares"):
            shares_to_redeem(tranche, request, wanted, terms)


def test_a_cancelled_request_leaves_its_gain_to_the_others_where_the_design_says_so():
    """400 of 1,000 shares at 1; assets double: 400 are to be worth 400 among 600 others with 1,600: 150 shares."""
    done = asked(Tranche(1000, 1000), 400, FORFEITS)
    richer = reward(done.tranche, 1000, 0, FORFEITS).tranche
    back = cancel(richer, done.staker, done.request, 0, FORFEITS)
    assert (back.freed_shares, back.burnt_shares, back.tranche) == (150, 250, Tranche(2000, 750))
    assert back.staker == holder(150) and value_units(back.tranche, 150) == 400
    kept = cancel(richer, done.staker, done.request, 0, AT_ONCE)
    assert (kept.freed_shares, kept.burnt_shares, kept.tranche) == (400, 0, richer)
    poorer = slash(done.tranche, 1, 0).tranche
    assert cancel(poorer, done.staker, done.request, 0, FORFEITS).burnt_shares == 0
    alone = asked(Tranche(2000, 400), 400, FORFEITS)  # nobody else: nothing to leave, nobody to leave it to
    assert cancel(alone.tranche, alone.staker, replace(alone.request, value_units=400), 0, FORFEITS).burnt_shares == 0


@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 80), st.integers(0, 200))
def test_forfeited_shares_equal_the_fewest_that_take_the_gain_away_reference(shares, others, value, gain):
    tranche = Tranche(value + gain + others, shares + others)
    request = Request("r", 1, shares, value, 0, None)
    back = cancel(tranche, Staker(1, 0, shares), request, 0, FORFEITS)
    burnt = 0
    while (
        floor(Fraction(shares * tranche.assets_units, shares + others)) > value
        and Fraction((shares - burnt) * tranche.assets_units, shares + others - burnt) > value
    ):
        burnt += 1
    assert (back.burnt_shares, back.freed_shares) == (burnt, shares - burnt)
    assert back.staker == holder(shares - burnt) and back.tranche.shares == shares + others - burnt


def test_a_request_lapses_when_its_window_ends_and_forfeits_as_if_it_was_cancelled():
    terms = Stake(cooldown_ms=10, window_ms=10, cancel_forfeits=True)
    done = asked(Tranche(1000, 1000), 400, terms)
    richer = reward(done.tranche, 1000, 0, terms).tranche
    with refused("not_lapsed"):
        lapse(richer, done.staker, done.request, 19, terms)
    with refused("lapsed"):
        cancel(richer, done.staker, done.request, 20, terms)
    assert lapse(richer, done.staker, done.request, 20, terms) == cancel(richer, done.staker, done.request, 19, terms)
    assert lapse(richer, done.staker, done.request, 20, terms).freed_shares == 150


def test_shares_in_a_request_do_not_move():
    done = asked(Tranche(1000, 1000), 400, AT_ONCE, others=100)
    sender, receiver = transfer(done.tranche, done.staker, NOBODY, 100)
    assert (sender.free_shares, sender.locked_shares, receiver) == (0, 400, holder(100))
    with refused("not_enough_shares"):
        transfer(done.tranche, done.staker, NOBODY, 101)


@pytest.mark.parametrize(
    ("by_losses", "pending", "carried", "is_frozen"),
    [(True, 0, 0, False), (True, 1, 0, True), (True, 0, 1, True), (False, 1, 1, False)],
)
def test_a_design_may_freeze_a_tranche_while_losses_are_open(by_losses, pending, carried, is_frozen):
    assert frozen(Stake(frozen_by_losses=by_losses), pending, carried) is is_frozen


# --- slashes ------------------------------------------------------------------------------------------------------


def test_a_slash_takes_assets_leaves_shares_and_numbers_its_cohort():
    done = slash(Tranche(1000, 500, slashes=3), 300, 0)
    assert done.cohort == Cohort(4, 1, 500, 300) and done.cohort.outstanding_units == 300
    assert done.tranche == Tranche(700, 500, slashes=4) and not done.wound_up
    with pytest.raises(ValueError, match="at most the assets, 1000; found 1001"):
        slash(Tranche(1000, 500), 1001, 0)


def test_at_zero_assets_shares_and_requests_are_void_and_the_next_deposit_starts_a_series():
    asking = asked(Tranche(1000, 1000), 400, AT_ONCE, others=600)
    gone = slash(asking.tranche, 1000, 0)
    assert gone.wound_up and gone.tranche == Tranche(0, 0, series=2, slashes=1)
    for operation in (
        lambda: redeem(gone.tranche, asking.staker, asking.request, 400, 0, AT_ONCE),
        lambda: cancel(gone.tranche, asking.staker, asking.request, 0, AT_ONCE),
    ):
        with refused("void"):
            operation()
    with refused("not_enough_shares"):
        transfer(gone.tranche, asking.staker, NOBODY, 1)
    again = stake(gone.tranche, asking.staker, 50, 0)
    assert (again.minted_shares, again.staker.shares, again.tranche.shares) == (50, 50, 50)
    assert shares_at(again.staker, gone.cohort) == 1000  # its right to what is recovered lives on


# --- rewards ------------------------------------------------------------------------------------------------------


def test_a_reward_raises_assets_and_belongs_to_nobody_when_nobody_is_staked():
    assert reward(Tranche(1000, 500), 7, 0, AT_ONCE).tranche == Tranche(1007, 500)
    for terms in (AT_ONCE, Stake(reward_ms=10)):
        with refused("nobody_staked"):
            reward(Tranche(), 7, 0, terms)


def test_a_streamed_reward_is_earned_evenly_rounded_down_and_whole_at_the_end():
    tranche = reward(Tranche(1000, 500), 10, 100, Stake(reward_ms=30)).tranche
    assert tranche == Tranche(1000, 500, stream=Stream(10, 0, 100, 130))
    seen = [accrue(tranche, t_ms).tranche.assets_units - 1000 for t_ms in (100, 102, 103, 115, 129, 130, 500)]
    assert seen == [0, 0, 1, 5, 9, 10, 10]
    late = stake(tranche, NOBODY, 1005, 115)  # after 5 were earned: 500 shares at 2.01
    assert late.earned_units == 5 and late.minted_shares == 500
    with pytest.raises(ValueError, match="wanted a time >= 100 ms; found 99"):
        accrue(tranche, 99)


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.lists(st.integers(0, 12_000), max_size=6))
def test_how_often_a_stream_is_accrued_changes_nothing(amount, length, times):
    tranche = reward(Tranche(5, 5), amount, 0, Stake(reward_ms=length)).tranche
    earned = 0
    stepped = tranche
    for t_ms in sorted(times):
        step = accrue(stepped, t_ms)
        stepped, earned = step.tranche, earned + step.earned_units
        assert step.tranche.assets_units == accrue(tranche, t_ms).tranche.assets_units
        assert earned == min(amount, floor(Fraction(amount * t_ms, length)))


def test_rewards_join_in_one_stream_over_their_mean_time_and_a_small_one_puts_off_nothing():
    terms = Stake(reward_ms=1000)
    first = reward(Tranche(1, 1), 1000, 0, terms).tranche
    even = reward(first, 500, 500, terms)  # 500 over 500 and 500 over 1,000: 1,000 over 750
    assert even.earned_units == 500 and even.tranche.stream == Stream(1000, 0, 500, 1250)
    small = reward(first, 1, 500, terms)
    assert small.tranche.stream == Stream(501, 0, 500, 1001)


def test_a_stream_waits_while_nobody_is_staked():
    terms = Stake(reward_ms=100)
    gone = slash(reward(Tranche(50, 50), 10, 0, terms).tranche, 54, 40)
    assert gone.earned_units == 4 and gone.wound_up
    assert gone.tranche.stream == Stream(6, 0, 40, 100)
    first = stake(gone.tranche, NOBODY, 20, 1000)
    assert first.earned_units == 0 and first.tranche.stream == Stream(6, 0, 1000, 1060)
    assert accrue(first.tranche, 1030).tranche.assets_units == 23


def test_the_rest_of_a_stream_is_spread_evenly_over_the_time_left():
    """10 over 25 ms: 0.8 were earned when the series ended, so 10 are left over 23: a unit after 3 ms, not two."""
    gone = slash(reward(Tranche(1, 1), 10, 0, Stake(reward_ms=25)).tranche, 1, 2).tranche
    assert gone.stream == Stream(10, 0, 2, 25)
    back = stake(gone, NOBODY, 1, 2).tranche
    assert [accrue(back, t_ms).earned_units for t_ms in (4, 5, 24, 25)] == [0, 1, 9, 10]


# --- cohorts ------------------------------------------------------------------------------------------------------


def test_a_recovery_is_the_holders_at_the_slash_who_may_have_sold_or_left():
    """`seller` holds 600 and `stayer` 400 at the slash of 500; then all of `seller` goes to `buyer`."""
    seller, stayer, buyer = holder(600), holder(400), NOBODY
    hit = slash(Tranche(1000, 1000), 500, 0)
    seller, buyer = transfer(hit.tranche, seller, buyer, 600)
    assert members(hit.cohort, [("seller", seller), ("stayer", stayer), ("buyer", buyer)]) == (
        ("seller", 600), ("stayer", 400),
    )  # fmt: skip
    second = slash(hit.tranche, 100, 0).cohort
    assert [shares_at(one, second) for one in (seller, stayer, buyer)] == [0, 400, 600]
    back = recover(hit.cohort, [Member("seller", 600), Member("stayer", 400)], 501)
    assert (back.parts, back.excess, back.cohort.outstanding_units) == ((300, 200), 1, 0)


def test_void_shares_bear_no_later_slash_and_new_ones_no_earlier():
    """`old` loses all at slash 1; `new` starts series 2 and is slashed; `old` stakes again, both are slashed."""
    old = holder(10)
    first = slash(Tranche(10, 10), 10, 0)
    new = stake(first.tranche, NOBODY, 20, 0)
    second = slash(new.tranche, 5, 0)
    again = stake(second.tranche, old, 15, 0)
    third = slash(again.tranche, 1, 0)
    cohorts = (first.cohort, second.cohort, third.cohort)
    assert [shares_at(old, cohort) for cohort in cohorts] == [10, 0, 0]
    assert [shares_at(again.staker, cohort) for cohort in cohorts] == [10, 0, 20]
    assert [shares_at(new.staker, cohort) for cohort in cohorts] == [0, 20, 20]


def test_a_recovery_in_many_pieces_gives_nobody_more_than_its_part_of_the_whole():
    """Three units over two equal holders, one at a time: the odd unit is one of three, not three of three."""
    cohort, received = Cohort(1, 1, 2, 3), [0, 0]
    for _ in range(3):
        done = recover(cohort, [Member("a", 1, received[0]), Member("b", 1, received[1])], 1)
        cohort, received = done.cohort, [got + part for got, part in zip(received, done.parts)]
    assert received == [2, 1]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(1, 300), st.data())
def test_recoveries_equal_quotas_of_what_is_short_reference_and_stay_below_the_part_of_the_whole(shares, loss, data):
    cohort, received = Cohort(1, 1, sum(shares), loss), [0] * len(shares)
    for piece in data.draw(st.lists(st.integers(0, 120), min_size=1, max_size=8)):
        rows = [Member(str(i), held, got) for i, (held, got) in enumerate(zip(shares, received))]
        done = recover(cohort, rows, piece)
        quotas = [Fraction(done.cohort.recovered_units * held, sum(shares)) for held in shares]
        short = [max(Fraction(0), quota - got) * sum(shares) for quota, got in zip(quotas, received)]
        assert done.parts == allocate_by_quota(piece - done.excess, [int(one) for one in short])
        if not any(received):
            assert done.parts == allocate_by_units(piece - done.excess, shares)
        received = [got + part for got, part in zip(received, done.parts)]
        assert sum(received) == done.cohort.recovered_units <= loss
        assert all(got <= ceil(quota) for got, quota in zip(received, quotas))
        assert done.excess == max(0, piece - cohort.outstanding_units)
        cohort = done.cohort


def test_members_that_are_not_the_cohorts_are_an_error():
    cohort = Cohort(1, 1, 10, 5, 2)
    for rows, amount in (
        ([Member("a", 9, 2)], 1),
        ([Member("a", 10, 1)], 1),
        ([Member("a", 10, 2)], -1),
    ):
        with pytest.raises(ValueError, match="members with 10 shares and 2 received"):
            recover(cohort, rows, amount)
    assert recover(cohort, [Member("a", 10, 2)], 0).parts == (0,)


def test_what_comes_back_of_a_deficit_lifts_no_layer_above_what_it_lost():
    """A senior tranche lost 30, a junior one 100: the senior is whole first, and never more than whole."""
    assert recovery_by_seniority(20, (30, 100)) == ((20, 0), 0)
    assert recovery_by_seniority(90, (30, 100)) == ((30, 60), 0)
    assert recovery_by_seniority(140, (30, 100)) == ((30, 100), 10)
    assert recovery_by_seniority(5, ()) == ((), 5)
    with pytest.raises(ValueError, match="wanted units >= 0"):
        recovery_by_seniority(5, (3, -1))
    with pytest.raises(ValueError, match="wanted units >= 0"):
        recovery_by_seniority(-1, (3,))


def test_a_claim_is_paid_once():
    owed = credit_claim(credit_claim(holder(5), 7), 3)
    assert pay_claims(owed) == (10, holder(5)) and pay_claims(holder(5))[0] == 0


# --- I9 -----------------------------------------------------------------------------------------------------------

MOVES = st.sampled_from(["stake", "request", "redeem", "cancel"])


@given(AMOUNT, AMOUNT, st.lists(st.tuples(MOVES, st.integers(1, 10**6)), max_size=12), st.booleans(), st.booleans())
def test_I9_who_comes_and_goes_in_any_way_takes_out_no_more_than_it_put_in(assets, shares, moves, lower, forfeits):
    """Without rewards and slashes: the others' share is worth no less after, whatever the price and the roundings."""
    terms = Stake(pays_lower=lower, cancel_forfeits=forfeits)
    tranche, attacker, requests, put_in, out = Tranche(assets, shares), NOBODY, [], 0, 0
    for number, (move, size) in enumerate(moves):
        if move == "stake" and shares_for_deposit(tranche, size):
            done = stake(tranche, attacker, size, 0)
            put_in += done.taken_units
        elif move == "request" and attacker.free_shares:
            part = 1 + size % attacker.free_shares
            done = request_redeem(tranche, attacker, str(number), part, 0, terms)
            requests.append(done.request)
        elif move == "redeem" and requests:
            request = requests.pop()
            done = redeem(tranche, attacker, request, 1 + size % request.shares, 0, terms)
            out += done.paid_units
            requests += [done.request] if done.request else []
        elif move == "cancel" and requests:
            done = cancel(tranche, attacker, requests.pop(), 0, terms)
        else:
            continue
        tranche, attacker = done.tranche, done.staker
        assert Fraction(tranche.assets_units, tranche.shares) >= Fraction(assets, shares)
        assert out + value_units(tranche, attacker.shares) <= put_in


@dataclass
class Book:
    """The reference: a price as a Fraction, holdings as plain numbers, a copy of all of them at every slash.

    Streams run on a clock that stands while nobody is staked.
    """

    price: Fraction = Fraction(1)
    free: dict[str, int] = field(default_factory=dict)
    asked: dict[str, tuple[str, int, int]] = field(default_factory=dict)  # request: staker, shares, value
    copies: list[dict[str, int]] = field(default_factory=list)
    clock: int = 0
    stream: tuple[int, int, int, int] = (0, 0, 0, 0)  # units, given, from, to

    @property
    def total(self):
        return sum(self.free.values()) + sum(shares for _, shares, _ in self.asked.values())

    @property
    def assets(self):
        return self.price * self.total

    @property
    def unearned(self):
        return self.stream[0] - self.stream[1]

    def of(self, name):
        return self.free.get(name, 0) + sum(shares for who, shares, _ in self.asked.values() if who == name)

    def pass_time(self, by):
        """Time passes; while somebody is staked, a stream is earned."""
        if not self.total:
            return 0
        self.clock += by
        units, given_units, begin, end = self.stream
        if not units:
            return 0
        due = units if self.clock >= end else floor(Fraction(units * (self.clock - begin), end - begin))
        self.price += Fraction(due - given_units, self.total)
        self.stream = (units, due, begin, end)
        return due - given_units

    def set_assets(self, assets):
        """Assets and holdings have changed: the price follows, and without either the series is over."""
        if assets == 0 or self.total == 0:
            assert assets == 0, "nothing is left behind"
            self.free, self.asked, self.price = {}, {}, Fraction(1)
            self.stream = (self.unearned, 0, self.clock, self.stream[3])  # the rest, evenly over the time left
        else:
            self.price = Fraction(assets) / self.total


NAMES = ("a", "b", "c", "d")
SMALL = st.integers(1, 300)


class TrancheBesideABook(RuleBasedStateMachine):
    """Every operation on rows as a fund would keep them; after each the book of prices says the same."""

    @initialize(
        cooldown=st.sampled_from([0, 0, 20]),
        window=st.sampled_from([None, 15, 60]),
        lower=st.booleans(),
        forfeits=st.booleans(),
        reward_ms=st.sampled_from([0, 0, 25, 90]),
    )
    def begin(self, cooldown, window, lower, forfeits, reward_ms):
        self.terms = Stake(
            cooldown_ms=cooldown, window_ms=window, pays_lower=lower, cancel_forfeits=forfeits, reward_ms=reward_ms
        )
        self.tranche, self.rows, self.requests = Tranche(), {name: Staker() for name in NAMES}, {}
        self.cohorts, self.received = [], []
        self.now = self.number = self.money_in = self.money_out = 0
        self.book = Book()

    def take(self, name, done, earned=0):
        """Keep what an operation returns; shares of a series that is over are dropped as a fund drops them."""
        assert done.earned_units == earned
        self.tranche = done.tranche
        if name:
            self.rows[name] = done.staker
        self.requests = {key: row for key, row in self.requests.items() if row[1].series == self.tranche.series}

    def up_to_date(self):
        """As a fund does first: requests whose window is over lapse, oldest first."""
        for key, (name, request) in sorted(self.requests.items(), key=lambda item: (item[1][1].ready_ms, item[0])):
            if request.end_ms is not None and self.now >= request.end_ms:
                self.give_back(lapse, key, name, request)

    def give_back(self, operation, key, name, request):
        book, before = self.book, self.book.assets
        done = operation(self.tranche, self.rows[name], request, self.now, self.terms)
        del self.requests[key]
        self.take(name, done)
        others, value = book.total - request.shares, request.value_units
        assert done.freed_shares + done.burnt_shares == request.shares
        if self.terms.cancel_forfeits and others and floor(request.shares * book.price) > value:
            assert Fraction(done.freed_shares * before, others + done.freed_shares) <= value
            assert Fraction((done.freed_shares + 1) * before, others + done.freed_shares + 1) > value
        else:
            assert done.burnt_shares == 0
        del book.asked[key]
        book.free[name] = book.free.get(name, 0) + done.freed_shares
        book.set_assets(before)

    @rule(by=st.integers(1, 30))
    def time_passes(self, by):
        self.now += by
        earned = self.book.pass_time(by)
        done = accrue(self.tranche, self.now)
        assert done.earned_units == earned
        self.tranche = done.tranche
        self.up_to_date()

    @rule(name=st.sampled_from(NAMES), amount=SMALL)
    def somebody_stakes(self, name, amount):
        book = self.book
        bought = floor(amount / book.price)
        if bought == 0:
            with refused("zero_shares"):
                stake(self.tranche, self.rows[name], amount, self.now)
            return
        done = stake(self.tranche, self.rows[name], amount, self.now)
        self.take(name, done)
        cost = ceil(bought * book.price)
        assert (done.minted_shares, done.taken_units, done.returned_units) == (bought, cost, amount - cost)
        assets = book.assets + cost
        book.free[name] = book.free.get(name, 0) + bought
        book.set_assets(assets)
        assert floor(bought * book.price) >= cost - 1
        self.money_in += cost

    @rule(name=st.sampled_from(NAMES), ppm=st.integers(1, 10**6))
    def somebody_asks_to_leave(self, name, ppm):
        held = self.book.free.get(name, 0)
        with refused("not_enough_shares"):
            request_redeem(self.tranche, self.rows[name], "x", held + 1, self.now, self.terms)
        if held == 0:
            return
        shares, key = max(1, held * ppm // 10**6), f"r{self.number}"
        self.number += 1
        done = request_redeem(self.tranche, self.rows[name], key, shares, self.now, self.terms)
        self.take(name, done)
        ready = self.now + self.terms.cooldown_ms
        end = None if self.terms.window_ms is None else ready + self.terms.window_ms
        value = floor(shares * self.book.price)
        assert done.request == Request(key, self.tranche.series, shares, value, ready, end)
        self.requests[key] = (name, done.request)
        self.book.asked[key] = (name, shares, value)
        self.book.free[name] -= shares

    def pick(self, data):
        return data.draw(st.sampled_from(sorted(self.requests)))

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), ppm=st.sampled_from([1, 300_000, 700_000, 10**6]))
    def somebody_redeems(self, data, ppm):
        key = self.pick(data)
        shares = max(1, self.requests[key][1].shares * ppm // 10**6)
        self.pay(key, shares)

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), wanted=SMALL)
    def somebody_redeems_an_amount(self, data, wanted):
        key = self.pick(data)
        request = self.requests[key][1]
        if self.owed(key, request.shares) < wanted:
            with refused("not_enough_shares"):
                shares_to_redeem(self.tranche, request, wanted, self.terms)
            return
        shares = shares_to_redeem(self.tranche, request, wanted, self.terms)
        assert self.owed(key, shares) >= wanted and (shares == 1 or self.owed(key, shares - 1) < wanted)
        self.pay(key, shares)

    def owed(self, key, shares):
        """What the book pays for shares of a request."""
        book, (_, request) = self.book, self.requests[key]
        worth = shares * book.price
        if shares == book.total or not self.terms.pays_lower:
            return floor(worth)
        return min(floor(worth), floor(Fraction(request.value_units, request.shares) * shares))

    def pay(self, key, shares):
        book, (name, request) = self.book, self.requests[key]
        if self.now < request.ready_ms:
            with refused("too_early"):
                redeem(self.tranche, self.rows[name], request, shares, self.now, self.terms)
            return
        done = redeem(self.tranche, self.rows[name], request, shares, self.now, self.terms)
        owed, worth, before = self.owed(key, shares), shares * book.price, book.assets
        assert done.paid_units == owed <= worth, "I9: never more than the pro-rata share of what is held"
        assert done.paid_units + done.left_units == floor(worth)
        assert done.wound_up == (shares == book.total)
        del self.requests[key], book.asked[key]
        if done.request:
            self.requests[key] = (name, done.request)
            book.asked[key] = (name, done.request.shares, done.request.value_units)
        assert (done.request.shares if done.request else 0) == request.shares - shares
        self.take(name, done)
        self.money_out += owed
        book.set_assets(before - owed)

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def somebody_cancels(self, data):
        key = self.pick(data)
        self.give_back(cancel, key, *self.requests[key])

    @rule(sender=st.sampled_from(NAMES), receiver=st.sampled_from(NAMES), ppm=st.integers(1, 10**6))
    def shares_change_hands(self, sender, receiver, ppm):
        held = self.book.free.get(sender, 0)
        if sender == receiver or held == 0:
            return
        shares = max(1, held * ppm // 10**6)
        rows = transfer(self.tranche, self.rows[sender], self.rows[receiver], shares)
        self.rows[sender], self.rows[receiver] = rows
        self.book.free[sender] -= shares
        self.book.free[receiver] = self.book.free.get(receiver, 0) + shares

    @precondition(lambda self: self.book.total)
    @rule(ppm=st.sampled_from([1, 10_000, 500_000, 999_000, 10**6, 10**6]))
    def a_slash(self, ppm):
        book, assets = self.book, self.book.assets
        amount = max(1, floor(assets) * ppm // 10**6)
        copy = {name: book.of(name) for name in NAMES if book.of(name)}
        book.copies.append(copy)
        done = slash(self.tranche, amount, self.now)
        assert done.cohort == Cohort(len(book.copies), self.tranche.series, book.total, amount)
        assert done.wound_up == (amount == assets)
        self.cohorts.append(done.cohort)
        self.received.append(dict.fromkeys(copy, 0))
        self.take(None, done)
        self.money_out += amount
        book.set_assets(assets - amount)

    @rule(amount=SMALL)
    def a_reward(self, amount):
        book = self.book
        if not book.total:
            with refused("nobody_staked"):
                reward(self.tranche, amount, self.now, self.terms)
            return
        self.take(None, reward(self.tranche, amount, self.now, self.terms))
        self.money_in += amount
        if not self.terms.reward_ms:
            book.set_assets(book.assets + amount)
            return
        unit_ms = book.unearned * (book.stream[3] - book.clock) + amount * self.terms.reward_ms
        whole = book.unearned + amount
        book.stream = (whole, 0, book.clock, book.clock + ceil(Fraction(unit_ms, whole)))

    @precondition(lambda self: self.cohorts)
    @rule(data=st.data(), amount=SMALL)
    def a_recovery(self, data, amount):
        index = data.draw(st.integers(0, len(self.cohorts) - 1))
        cohort, received, copy = self.cohorts[index], self.received[index], self.book.copies[index]
        found = members(cohort, sorted(self.rows.items()))
        done = recover(cohort, [Member(name, shares, received[name]) for name, shares in found], amount)
        assert sum(done.parts) + done.excess == amount
        for (name, _), part in zip(found, done.parts):
            received[name] += part
            self.rows[name] = credit_claim(self.rows[name], part)
        self.cohorts[index] = done.cohort
        assert sum(received.values()) == done.cohort.recovered_units <= cohort.slashed_units
        for name, shares in copy.items():
            assert 0 <= received[name] <= ceil(Fraction(done.cohort.recovered_units * shares, sum(copy.values())))
        self.money_in += amount - done.excess

    @rule(name=st.sampled_from(NAMES))
    def somebody_takes_its_claims(self, name):
        units, self.rows[name] = pay_claims(self.rows[name])
        self.money_out += units

    @invariant()
    def the_book_says_the_same(self):
        if not hasattr(self, "book"):
            return
        tranche, book = self.tranche, self.book
        assert tranche.assets_units == book.assets and tranche.shares == book.total
        assert (tranche.assets_units > 0) == (tranche.shares > 0)
        for name, row in self.rows.items():
            live = row if row.series == tranche.series else Staker()
            locked = sum(shares for who, shares, _ in book.asked.values() if who == name)
            assert (live.free_shares, live.locked_shares) == (book.free.get(name, 0), locked)
        claims = sum(row.claims_units for row in self.rows.values())
        assert tranche.stream.unearned_units == book.unearned >= 0
        assert self.money_in - self.money_out == tranche.assets_units + book.unearned + claims

    @invariant()
    def every_slash_remembers_who_bore_it(self):
        if hasattr(self, "book"):
            for cohort, copy in zip(self.cohorts, self.book.copies):
                assert dict(members(cohort, self.rows.items())) == copy

    def teardown(self):
        """Everybody leaves: nothing is left but what no staker has earned yet."""
        if not hasattr(self, "book"):
            return
        for key in sorted(self.requests):
            self.give_back(cancel, key, *self.requests[key])
        for name in NAMES:
            self.somebody_asks_to_leave(name, 10**6)
        earned = self.book.pass_time(self.terms.cooldown_ms)
        self.now += self.terms.cooldown_ms
        done = accrue(self.tranche, self.now)
        assert done.earned_units == earned
        self.tranche = done.tranche
        for key in sorted(self.requests):
            self.pay(key, self.requests[key][1].shares)
        for name in NAMES:
            self.somebody_takes_its_claims(name)
        assert (self.tranche.assets_units, self.tranche.shares) == (0, 0)
        assert self.money_in - self.money_out == self.tranche.stream.unearned_units


TestTrancheBesideABook = TrancheBesideABook.TestCase
TestTrancheBesideABook.settings = settings(stateful_step_count=50)
