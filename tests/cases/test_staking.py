"""Staking tranches: the price of a share, recoveries, requests that are slashed, income before shares."""

import pytest

from seawall.design.types import Stake
from seawall.rules.cohort import Member, Staker, credit_claim, members, pay_claims, recover
from seawall.rules.staking import redeem, request_redeem, stake
from seawall.rules.tranche import StakingRefused, Tranche, reward, slash

TERMS = Stake()


def leave(tranche, staker, t_ms=0):
    """Ask for everything and redeem it at once: (base units paid, the tranche after)."""
    asked = request_redeem(tranche, staker, "leave", staker.free_shares, t_ms, TERMS)
    paid = redeem(asked.tranche, asked.staker, asked.request, asked.request.shares, t_ms, TERMS)
    return paid.paid_units, paid.tranche


def test_STK_01_a_deposit_of_no_share_is_refused_and_unrecorded_money_moves_no_price(case):
    given, wanted = case["inputs"], case["expected"]
    first = stake(Tranche(), Staker(), given["first_stake"], 0)
    # A: the surprise is recorded by no operation, so it does not exist
    tranche, minted, later = first.tranche, [], []
    for amount in given["later_stakes"]:
        done = stake(tranche, Staker(), amount, 0)
        tranche = done.tranche
        minted.append(done.minted_shares)
        later.append(done)
    a = wanted["a_unrecorded_transfer"]
    assert minted == a["shares_minted"]
    assert all(leave(tranche, done.staker)[0] >= done.taken_units - 1 >= 49 for done in later)
    assert leave(tranche, first.staker)[0] == a["first_staker_redeems"]
    held = given["first_stake"] + given["surprise"] + sum(given["later_stakes"])
    assert held - tranche.assets_units == a["unassigned_money"]
    # B: it is a recorded reward
    b = wanted["b_recorded_reward_without_virtual_shares"]
    tranche = reward(first.tranche, given["surprise"], 0, TERMS).tranche
    assert (tranche.assets_units, tranche.shares) == (b["assets_before"], b["shares_before"])
    for amount in given["later_stakes"]:
        with pytest.raises(StakingRefused, match=r"^zero_shares"):
            stake(tranche, Staker(), amount, 0)
    assert leave(tranche, first.staker) == (b["first_staker_redeems"], Tranche(series=2))


@pytest.mark.parametrize("name", ["a", "b"])
def test_STK_03_a_recovery_belongs_to_the_holders_at_the_slash(case, name):
    given, wanted = case["inputs"], case["expected"][name]
    early = Staker(series=1, free_shares=given["shares"]["A"])
    hit = slash(Tranche(given["assets"], given["shares"]["A"]), given["slash"], 0)
    done = stake(hit.tranche, Staker(), given["stake_B"], 0)
    rows = {"A": early, "B": done.staker}
    held = members(hit.cohort, rows.items())
    back = recover(hit.cohort, [Member(*one) for one in held], given[f"recovery_{name}"])
    for (who, _), part in zip(held, back.parts):
        rows[who] = credit_claim(rows[who], part)
    got, tranche = {}, done.tranche
    for who, row in rows.items():
        paid, tranche = leave(tranche, row)
        got[who] = paid + pay_claims(row)[0]
    assert got == wanted and got["B"] <= case["expected"]["B_never_above"]
    assert back.excess == 0 and tranche.assets_units == 0


def test_STK_05_shares_in_cooldown_are_slashed_with_the_rest(case):
    given, wanted = case["inputs"], case["expected"]
    leaver, stayer = (Staker(series=1, free_shares=shares) for shares in given["shares"].values())
    terms = Stake(cooldown_ms=1000)
    tranche = Tranche(given["assets"], sum(given["shares"].values()))
    asked = request_redeem(tranche, leaver, "r", leaver.free_shares, 0, terms)
    tranche = slash(asked.tranche, given["slash"], 999).tranche
    assert tranche.assets_units == wanted["assets_after_slash"]
    paid = redeem(tranche, asked.staker, asked.request, asked.request.shares, 1000, terms)
    assert paid.paid_units == wanted["A_redeems"] != wanted["wrong_if_price_fixed_at_request"]
    assert leave(paid.tranche, stayer) == (wanted["then_B_redeems"], Tranche(series=2, slashes=1))


@pytest.mark.parametrize("reward_ms", [0, 500])
@pytest.mark.parametrize("first_to_leave", ["A", "B"])
def test_STK_07_income_is_credited_before_shares_are_minted_or_burnt(case, reward_ms, first_to_leave):
    given, wanted = case["inputs"], case["expected"]
    early = stake(Tranche(), Staker(), given["stake_A"], 0)
    tranche = reward(early.tranche, given["earned_before_t1"], 0, Stake(reward_ms=reward_ms)).tranche
    late = stake(tranche, Staker(), given["stake_B"], 500)
    assert late.earned_units == (given["earned_before_t1"] if reward_ms else 0)
    rows, got, tranche = {"A": early.staker, "B": late.staker}, {}, late.tranche
    for who in sorted(rows, key=lambda name: name != first_to_leave):
        got[who], tranche = leave(tranche, rows[who], 500)
    assert wanted["A_at_least"] <= got["A"] <= wanted["A_at_most"]
    assert wanted["B_at_least"] <= got["B"] <= wanted["B_at_most"]
    assert sum(got.values()) <= wanted["sum_at_most"] and got != wanted["wrong_if_minted_first"]
