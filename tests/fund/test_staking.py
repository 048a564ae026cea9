"""Tranches with stakers in the fund: worked numbers, what is refused and why, and forged events that are."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from seawall.amounts import Units
from seawall.fund.apply import BrokenLog, Stamp, apply
from seawall.fund.codec import GENESIS_HASH, decode_command, encode_command
from seawall.fund.events import (
    KINDS,
    ClaimRow,
    DrawRow,
    HeldRow,
    InventoryLost,
    LapsedRow,
    PaidOut,
    RecoveryPart,
    RecoveryPlaced,
    Redeemed,
    Rewarded,
    RewardRow,
    SlashRow,
    Staked,
    StakerAfter,
    StreamAfter,
    TrancheAfter,
)
from seawall.fund.invariants import check
from seawall.fund.journal import FUND_CODEC, replay, state_digest
from seawall.fund.messages import (
    AnyCommand,
    CancelRedeem,
    Inventory,
    InventoryLoss,
    Lapse,
    LapseRequests,
    Migrate,
    Recover,
    Redeem,
    Refused,
    Release,
    Repeated,
    RequestRedeem,
    Reward,
    Settle,
    Stake,
    TakeClaims,
    TransferShares,
)
from seawall.fund.tranches import StakerFigures, TrancheFigures, staker_figures, staker_value, tranche_figures
from tests.fund import golden_correction, golden_log, golden_staking
from tests.fund.test_invariants import broken, drawn
from tests.fund.test_machine import pay
from tests.generators import DesignSpec, LayerSpec, MarketSpec, batch, inflow, shortfall


class Fund:
    """A fund of one design that answers as short as a test wants."""

    def __init__(self, *layers, policy="carry", text="", **stake):
        """Without layers: one tranche `pool` with these terms."""
        layers = layers or (tranche("pool", **stake),)
        self.journal = DesignSpec(layers=layers, policy=policy, markets=(MarketSpec("BTC"),), extra_text=text).journal()
        self.state, self.now, self.number = self.journal.state, 0, 0

    def send(self, command, now=None):
        self.now = self.now if now is None else now
        return self.journal.submit(command, self.now)

    def do(self, kind, now=None, **fields):
        """Send a command of a tranche that must be taken; its only event."""
        self.number += 1
        fields = {name: Units(value) if isinstance(value, int) else value for name, value in fields.items()}
        answer = self.send(kind(id=fields.pop("id", f"c{self.number}"), **{"layer": "pool"} | fields), now)
        assert isinstance(answer, tuple) and len(answer) == 1, answer
        return answer[0]

    def refused(self, kind, now=None, **fields):
        """Send one that must not; its (code, field, first word of the reason), and nothing has changed."""
        self.number += 1
        fields = {name: Units(value) if isinstance(value, int) else value for name, value in fields.items()}
        fields = {"id": f"c{self.number}"} | ({} if kind is Recover else {"layer": "pool"}) | fields
        before, lines = state_digest(self.state), len(self.journal.lines)
        answer = self.send(kind(**fields), now)
        assert isinstance(answer, Refused), answer
        assert (state_digest(self.state), len(self.journal.lines)) == (before, lines)
        return answer.code, answer.field, answer.reason.split(":")[0]

    def stake(self, who, amount, layer="pool"):
        return self.do(Stake, staker=who, amount=amount, layer=layer)

    def lose(self, amount, name=None):
        """A deficit."""
        self.number += 1
        return self.send(batch(f"b{self.number}", shortfall(name or f"d{self.number}", amount)))[0]

    def recover(self, deficit, amount):
        self.number += 1
        answer = self.send(Recover(id=f"c{self.number}", deficit=deficit, amount=Units(amount)))
        assert isinstance(answer, tuple), answer
        return answer[0]

    def leave(self, who, layer="pool"):
        """Ask for everything, redeem it at once, take what was recovered: base units in all."""
        free = staker_figures(self.state, layer, who, self.now).free_shares
        got = 0
        if free:
            asked = self.do(RequestRedeem, staker=who, shares=free, layer=layer)
            got = int(self.do(Redeem, request=asked.request_redeem.id, shares=free, layer=layer).paid)
        if staker_figures(self.state, layer, who, self.now).claims_units:
            got += int(self.do(TakeClaims, staker=who, layer=layer).paid)
        return got

    def of(self, who, layer="pool"):
        return staker_figures(self.state, layer, who, self.now)

    def figures(self, layer="pool"):
        return tranche_figures(self.state, layer, self.now)


def tranche(name, balance=0, minimum_left=0, **stake):
    keys = {f"stake.{key}": value for key, value in stake.items()} or {"stake": {}}
    return LayerSpec(name, "tranche", balance, minimum_left=minimum_left, extra=keys)


# --- the given cases, through the fund ----------------------------------------------------------------------------

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parents[1] / "cases" / "given.json").read_text(encoding="utf-8"))["cases"]
}


def test_the_first_staker_gains_from_a_recorded_reward_and_costs_later_ones_nothing():
    """STK-01. Money that no command records cannot reach a fund, so that A is a fund without it."""
    given, wanted = CASES["STK-01"]["inputs"], CASES["STK-01"]["expected"]
    a = Fund()
    a.stake("first", given["first_stake"])
    minted = [a.stake(f"s{n}", amount).minted for n, amount in enumerate(given["later_stakes"])]
    assert minted == wanted["a_unrecorded_transfer"]["shares_minted"]
    assert all(a.of(f"s{n}").value_units >= 49 for n in range(3))
    assert a.leave("first") == wanted["a_unrecorded_transfer"]["first_staker_redeems"]
    b = Fund()
    b.stake("first", given["first_stake"])
    b.do(Reward, amount=given["surprise"])
    for amount in given["later_stakes"]:
        assert b.refused(Stake, staker="later", amount=amount) == ("state", "amount", "zero_shares")
    assert b.leave("first") == wanted["b_recorded_reward_without_virtual_shares"]["first_staker_redeems"]


@pytest.mark.parametrize("name", ["a", "b"])
def test_what_is_recovered_of_a_deficit_is_the_holders_at_its_slash(name):
    """STK-03."""
    given, wanted = CASES["STK-03"]["inputs"], CASES["STK-03"]["expected"]
    fund = Fund()
    fund.stake("A", given["assets"])
    fund.lose(given["slash"], "d")
    fund.stake("B", given["stake_B"])
    fund.recover("d", given[f"recovery_{name}"])
    assert {who: fund.leave(who) for who in ("A", "B")} == wanted[name]
    assert fund.state.layers_units == 0 == fund.state.held_units


def test_shares_that_wait_to_leave_are_slashed_like_the_others():
    """STK-05."""
    given, wanted = CASES["STK-05"]["inputs"], CASES["STK-05"]["expected"]
    fund = Fund(cooldown_ms=1000)
    for who, shares in given["shares"].items():
        fund.stake(who, shares)
    fund.do(RequestRedeem, id="leave-A", staker="A", shares=given["shares"]["A"])
    fund.now = 999
    fund.lose(given["slash"])
    assert fund.figures().assets_units == wanted["assets_after_slash"]
    assert fund.refused(Redeem, request="leave-A", shares=1) == ("state", "request", "too_early")
    assert fund.do(Redeem, 1000, request="leave-A", shares=given["shares"]["A"]).paid == wanted["A_redeems"]
    fund.do(RequestRedeem, id="leave-B", staker="B", shares=given["shares"]["B"])
    done = fund.do(Redeem, 2000, request="leave-B", shares=given["shares"]["B"])
    assert done.paid == wanted["then_B_redeems"] and done.wound_up


@pytest.mark.parametrize("reward_ms", [0, 500])
def test_income_is_earned_before_shares_are_minted(reward_ms):
    """STK-07."""
    given, wanted = CASES["STK-07"]["inputs"], CASES["STK-07"]["expected"]
    fund = Fund(reward_ms=reward_ms)
    fund.stake("A", given["stake_A"])
    fund.do(Reward, amount=given["earned_before_t1"])
    fund.now = 500
    staked = fund.stake("B", given["stake_B"])
    assert staked.tranche.earned == (given["earned_before_t1"] if reward_ms else 0)
    got = {who: fund.leave(who) for who in ("B", "A")}
    returned = given["stake_B"] - staked.taken
    assert wanted["A_at_least"] <= got["A"] <= wanted["A_at_most"]
    assert wanted["B_at_least"] <= got["B"] + returned <= wanted["B_at_most"]
    assert got["A"] + got["B"] + returned <= wanted["sum_at_most"]


# --- worked -------------------------------------------------------------------------------------------------------


def test_an_opening_balance_is_the_venues_a_share_a_unit_and_a_tranche_without_stake_is_a_plain_balance():
    fund = Fund(tranche("pool", 70), LayerSpec("plain", "tranche", 30))
    assert fund.of("venue") == StakerFigures(70, 0, 70, 0)
    assert fund.figures() == TrancheFigures(70, 70, 0, 1, 0, 0, 0, 0)
    assert fund.state.layers["plain"].stakes is None and fund.state.layers["plain"].balance == 30
    assert fund.refused(Stake, layer="plain", staker="a", amount=5)[:2] == ("invalid", "layer")
    assert fund.leave("venue") == 70 and fund.figures().series == 2


def test_every_draw_is_a_slash_of_its_own_and_says_who_bears_it():
    """Two deficits at once: 60 and 40 of 100, so that the second winds the tranche up; the next stake starts anew."""
    fund = Fund()
    fund.stake("a", 75)
    fund.stake("b", 25)
    event = fund.send(batch("x", shortfall("d1", 60), shortfall("d2", 50)))[0]
    assert [(row.deficit, row.slashed, row.cohort, row.shares, row.wound_up) for row in event.slashes] == [
        ("d1", 55, 1, 100, False),
        ("d2", 45, 2, 100, True),
    ]
    assert event.tranches[0].series == 2 and event.tranches[0].shares == 0
    assert fund.of("a") == StakerFigures(0, 0, 0, 0)
    assert fund.stake("c", 10).minted == 10 and fund.figures().outstanding_units == 100
    fund.recover("d2", 5 + 20)  # 5 were carried
    assert [fund.of(who).claims_units for who in ("a", "b", "c")] == [15, 5, 0]


def test_a_recovery_goes_backwards_through_what_was_drawn_and_the_excess_is_income():
    """A deficit of 100: junior 40, the line 20, the fund 10, senior 25, and 5 carried: back in the other order."""
    fund = Fund(
        tranche("junior", 40),
        LayerSpec("line", "credit_line", 0, extra={"commitment": "20"}),
        LayerSpec("fund", "shared_fund", 10, target=12),
        tranche("senior", 25),
    )
    fund.lose(100, "d")
    assert fund.state.carried_units == 5
    event = fund.recover("d", 5 + 25 + 10 + 20)
    assert [(row.deficit, row.amount, row.carried_after) for row in event.repaid] == [("d", 5, 0)]
    assert [(row.layer, row.amount, row.cohort) for row in event.parts] == [
        ("senior", 25, 1), ("fund", 10, 0), ("line", 20, 0),
    ]  # fmt: skip
    assert event.paid_out == (PaidOut("lender", "repaid", Units(20), "line"),)
    assert fund.of("venue", "senior").claims_units == 25 and fund.state.layers["line"].commitment == 20
    event = fund.recover("d", 40 + 2 + 3)
    assert fund.of("venue", "junior").claims_units == 40
    assert [(row.layer, row.amount, row.balance_after) for row in event.credits] == [("fund", 2, 12)]
    assert [(row.receiver, row.why, row.amount) for row in event.paid_out] == [("treasury", "excess", 3)]
    assert [(row.layer, row.amount) for row in event.parts] == [("junior", 40)]


def test_a_fund_that_got_its_part_back_takes_the_excess_after_it():
    """The fund paid 10 and gets them back; of the excess of 7 it takes 2 more, up to its target of 12."""
    fund = Fund(LayerSpec("fund", "shared_fund", 10, target=12), tranche("pool", 40))
    fund.lose(50, "d")
    event = fund.recover("d", 57)
    assert [(row.layer, row.amount, row.balance_after) for row in event.credits] == [("fund", 10, 10), ("fund", 2, 12)]
    assert fund.state.layers["fund"].balance == 12


def test_a_loan_that_income_repaid_is_not_repaid_again():
    fund = Fund(tranche("pool", 40), LayerSpec("line", "credit_line", 0, extra={"commitment": "20"}))
    fund.lose(60, "d")
    fund.send(inflow("i", 15))
    event = fund.recover("d", 50)
    assert [(row.layer, row.amount) for row in event.parts] == [("line", 5), ("pool", 40)]
    assert [(row.why, row.amount) for row in event.paid_out] == [("repaid", 5), ("excess", 5)]


def test_a_recovery_waits_for_the_settlement_and_needs_a_deficit_that_stakers_bore():
    fund = Fund(tranche("pool", 10), policy="adl")
    fund.lose(15, "d")
    assert fund.refused(Recover, deficit="d", amount=5)[:2] == ("state", "deficit")
    fund.send(Settle(id="s", batch="b1", haircuts=(pay(5),)))
    assert fund.recover("d", 4).claims[0].amount == 4
    assert fund.refused(Recover, deficit="e", amount=5)[:2] == ("invalid", "deficit")
    assert fund.refused(Recover, deficit="d", amount=0)[:2] == ("invalid", "amount")
    assert fund.send(inflow("r", 5, "recovery", layer="pool")).field == "layer"


def test_a_request_lapses_before_anything_else_happens_and_is_a_part_of_that_event():
    fund = Fund(cooldown_ms=10, window_ms=10)
    fund.stake("a", 100)
    fund.do(RequestRedeem, id="r", staker="a", shares=40)
    assert fund.refused(LapseRequests, 19) == ("state", "layer", "not_lapsed")
    assert fund.of("a") == StakerFigures(60, 40, 100, 0)
    fund.now = 20
    assert fund.of("a") == StakerFigures(100, 0, 100, 0) and fund.figures().asked_shares == 0
    assert fund.refused(Redeem, request="r", shares=40) == ("state", "request", "lapsed")
    assert fund.refused(CancelRedeem, request="r") == ("state", "request", "lapsed")
    event = fund.lose(30)
    assert event.tranches[0].lapsed == (LapsedRow("r", "a", Units(40), Units(0)),)
    assert event.tranches[0].ended == ("r",) and not fund.state.layers["pool"].stakes.requests
    assert fund.refused(Redeem, request="r", shares=40) == ("state", "request", "unknown_request")
    fund.do(RequestRedeem, id="q", staker="a", shares=40)
    assert fund.do(LapseRequests, 40).tranche.ended == ("q",)


def test_requests_lapse_in_a_batch_that_does_not_reach_their_tranche_too():
    fund = Fund(LayerSpec("shared", "shared_fund", 90), tranche("pool", 50, window_ms=10))
    fund.do(RequestRedeem, id="r", staker="venue", shares=40)
    fund.now = 10
    assert fund.lose(5).tranches[0].ended == ("r",)
    assert fund.lose(5).tranches == ()


def test_a_recovery_in_pieces_gives_each_bearer_its_part_of_the_whole():
    """Three units over two equal holders, one at a time; then 27 that are left of the loss, and one that is not."""
    fund = Fund()
    for who in ("a", "b"):
        fund.stake(who, 50)
    fund.lose(30, "d")
    assert [fund.recover("d", 1).claims[0].staker for _ in range(3)] == ["a", "b", "a"]
    event = fund.recover("d", 28)
    assert [(row.staker, row.amount) for row in event.claims] == [("a", 13), ("b", 14)]
    assert [(row.why, row.amount) for row in event.paid_out] == [("excess", 1)]
    assert fund.refused(Recover, deficit="e", amount=1)[1] == "deficit"
    assert fund.recover("d", 1).parts == ()


def test_a_drawdown_counts_what_was_earned_before_the_draw():
    """50 and 50 earned: half of the peak of 100 can be drawn, and then the tranche is shut."""
    drawdown = {"drawdown_ppm": 500_000, "drawdown_reset_ppm": 100_000, "drawdown_window_ms": 1000}
    pool = tranche("pool", 50, reward_ms=100)
    fund = Fund(replace(pool, extra={**pool.extra, **drawdown}))
    fund.do(Reward, amount=50)
    fund.now = 100
    event = fund.lose(70)
    assert event.draws[0].amount == 50 and [(row.what, row.on) for row in event.status] == [("shut", True)]
    fund.do(Reward, amount=45)
    fund.now = 200
    event = fund.do(TransferShares, sender="venue", receiver="a", shares=1)
    assert event.tranche.earned == 45 and [(row.what, row.on) for row in event.status] == [("shut", False)]


def test_a_stream_is_earned_before_a_draw_and_the_draw_can_take_it():
    fund = Fund(reward_ms=100)
    fund.stake("a", 50)
    rewarded = fund.do(Reward, amount=40)
    assert rewarded.tranche.assets == 50 and rewarded.tranche.stream == StreamAfter(Units(40), Units(0), 0, 100)
    assert fund.state.held_units == 40
    fund.now = 50
    event = fund.lose(1000)
    assert event.draws[0].balance_before == 70 and event.tranches[0].earned == 20 and event.slashes[0].wound_up
    assert fund.state.held_units == 20 and fund.state.carried_units == 930
    fund.now = 75
    fund.stake("b", 10)
    fund.now = 100
    assert staker_value(fund.state, "pool", "b", fund.now) == 10 + 10


def test_who_holds_nothing_is_worth_nothing_and_a_plain_layer_has_no_figures():
    fund = Fund(tranche("pool", 5), LayerSpec("shared", "shared_fund", 5))
    assert fund.of("nobody") == StakerFigures(0, 0, 0, 0)
    with pytest.raises(KeyError, match="shared has no stakers"):
        tranche_figures(fund.state, "shared", 0)


def test_income_of_a_tranche_repays_debt_as_an_inflow_and_nothing_as_a_reward():
    fund = Fund(tranche("pool", 50, minimum_left=40))
    fund.lose(17)  # 10 drawn, 7 carried
    assert fund.do(Reward, amount=5).tranche.assets == 45 and fund.state.carried_units == 7
    event = fund.send(inflow("i", 10, "yield", layer="pool"))[0]
    assert event.repaid[0].amount == 7 and event.credits == ()
    assert [(row.amount, row.tranche.assets) for row in event.rewards] == [(3, 48)]
    assert fund.of("venue").value_units == 48


def test_nobody_is_given_a_reward_that_nobody_staked_for():
    fund = Fund()
    assert fund.refused(Reward, amount=5) == ("state", "layer", "nobody_staked")
    answer = fund.send(inflow("i", 5, "top_up", layer="pool"))
    assert (answer.code, answer.field) == ("state", "layer") and answer.reason.startswith("nobody_staked: ")


def test_positions_that_a_tranche_holds_slash_it_reward_it_and_tie_up_what_they_need():
    fund = Fund(tranche("pool", 50), LayerSpec("fund", "shared_fund", 0))
    fund.do(Inventory, maintenance=20, open_loss=5)
    fund.do(RequestRedeem, id="r", staker="venue", shares=50)
    assert fund.refused(Redeem, request="r", shares=26) == ("state", "shares", "tied_up")
    assert fund.refused(Redeem, request="r", amount=26) == ("state", "amount", "tied_up")
    assert fund.do(Redeem, request="r", amount=25).burnt == 25
    event = fund.do(InventoryLoss, market="BTC", amount=5)
    assert (event.slash.deficit, event.slash.slashed, event.slash.cohort) == ("", 5, 1) and event.tranche.assets == 20
    gained = fund.send(inflow("i", 10, "inventory", layer="pool"))[0]
    assert gained.rewards[0].tranche.assets == 30
    fund.do(InventoryLoss, market="BTC", amount=30)
    gained = fund.send(inflow("j", 10, "inventory", layer="pool"))[0]
    assert gained.rewards == () and [row.layer for row in gained.credits] == ["fund"]


def test_the_revenue_pool_flows_to_stakers_while_there_are_any():
    text = '[accumulation.revenue_pool]\nlayer = "fees"\nto = "pool"\nperiod_ms = 10\nprotocol_ppm = 250000\n'
    fund = Fund(tranche("pool", 10, reward_ms=10), LayerSpec("fees", "revenue_pool", 40), text=text)
    event = fund.send(Release(id="r1"))[0]
    assert [(row.amount, row.tranche.stream.total) for row in event.rewards] == [(30, 30)] and event.credits == ()
    fund.now = 20
    assert fund.leave("venue") == 40
    fund.send(inflow("c", 8, "commission"))
    fund.send(inflow("t", 8, "top_up", layer="fees"))
    assert fund.send(Release(id="r2")).reason.startswith("nobody_staked: ")
    assert fund.send(Release(id="r2")).field == "kind"


def test_a_bucket_does_not_migrate_into_a_tranche_with_stakers():
    fund = Fund(tranche("pool", 10), LayerSpec("btc", "market_bucket", 5, market="BTC"))
    answer = fund.send(Migrate(id="m", from_layer="btc", to_layer="pool"))
    assert (answer.code, answer.field) == ("invalid", "to_layer") and "stakers" in answer.reason


def test_losses_freeze_who_comes_and_who_is_paid_and_nothing_else():
    fund = Fund(tranche("pool", 50, frozen_by_losses=True, minimum_left=10), policy="adl")
    fund.do(RequestRedeem, id="r", staker="venue", shares=10)
    fund.lose(45, "d")  # 40 drawn, 5 pending
    for _ in ("pending", "carried"):
        assert fund.refused(Stake, staker="a", amount=5) == ("state", "layer", "frozen")
        assert fund.refused(Redeem, request="r", shares=5) == ("state", "layer", "frozen")
        fund.do(TransferShares, sender="venue", receiver="b", shares=1)
        if fund.state.pending:
            fund.send(Lapse(id="l", batch="b2"), 10**6)
    fund.recover("d", 5 + 1)
    assert fund.do(Redeem, request="r", shares=10).paid == 2 and fund.do(TakeClaims, staker="venue").paid == 1


def test_what_no_rule_can_mean_is_invalid_and_names_the_field():
    fund = Fund(tranche("pool", 50))
    fund.do(RequestRedeem, id="r", staker="venue", shares=10)
    for kind, fields, field in (
        (Stake, {"staker": "a b", "amount": 5}, "staker"),
        (Stake, {"staker": "a", "amount": 0}, "amount"),
        (Stake, {"staker": "a", "amount": 10**38}, "amount"),
        (Reward, {"amount": 10**38 - 1}, "amount"),
        (Stake, {"layer": "none", "staker": "a", "amount": 5}, "layer"),
        (RequestRedeem, {"staker": "venue", "shares": -1}, "shares"),
        (Redeem, {"request": "r"}, "shares"),
        (Redeem, {"request": "r", "shares": 1, "amount": 1}, "shares"),
        (Redeem, {"request": "r", "amount": 0}, "amount"),
        (TransferShares, {"sender": "venue", "receiver": "venue", "shares": 1}, "receiver"),
        (TransferShares, {"sender": "", "receiver": "venue", "shares": 1}, "sender"),
        (TakeClaims, {"staker": "?"}, "staker"),
        (TakeClaims, {"layer": "none", "staker": "a"}, "layer"),
    ):
        assert fund.refused(kind, **fields)[:2] == ("invalid", field)
    for kind, fields, field, word in (
        (Stake, {"staker": "a", "amount": 10**38 - 1}, "amount", "too_many_shares"),
        (RequestRedeem, {"staker": "venue", "shares": 41}, "shares", "not_enough_shares"),
        (TransferShares, {"sender": "a", "receiver": "venue", "shares": 1}, "shares", "not_enough_shares"),
        (Redeem, {"request": "r", "shares": 11}, "shares", "not_enough_shares"),
        (Redeem, {"request": "r", "amount": 11}, "amount", "not_enough_shares"),
        (CancelRedeem, {"request": "x"}, "request", "unknown_request"),
        (TakeClaims, {"staker": "venue"}, "staker", "no_claims"),
    ):
        assert fund.refused(kind, **fields) == ("state", field, word)


def test_ids_are_used_once_and_a_request_has_its_commands():
    fund = Fund(tranche("pool", 50))
    asked = RequestRedeem(id="r", layer="pool", staker="venue", shares=Units(10))
    fund.send(asked)
    digest = state_digest(fund.state)
    assert fund.send(asked) == Repeated(id="r", seq=2)
    other = fund.send(Redeem(id="r", layer="pool", request="r", shares=Units(10)))
    assert isinstance(other, Refused) and other.code == "conflict"
    assert state_digest(fund.state) == digest
    assert list(fund.state.layers["pool"].stakes.requests) == ["r"]


def test_a_staker_row_written_down_at_a_slash_survives_replay():
    fund = Fund(tranche("pool", 50))
    fund.lose(10, "d")
    event = fund.do(TransferShares, sender="venue", receiver="b", shares=50)
    assert event.tranche.stakers[0].held == HeldRow(1, 1, Units(50))
    fund.lose(10, "e")
    fund.do(TransferShares, sender="b", receiver="venue", shares=50)
    fund.lose(10, "f")
    fund.recover("d", 10)
    fund.recover("e", 7)
    fund.recover("f", 5)
    again = replay(fund.journal.lines)
    assert state_digest(again) == state_digest(fund.state)
    assert (fund.of("venue").claims_units, fund.of("b").claims_units) == (15, 7)
    fund.do(TransferShares, sender="venue", receiver="b", shares=50)
    fund.recover("d", 1)
    fund.recover("e", 3)
    assert (fund.of("venue").claims_units, fund.of("b").claims_units) == (15, 10)
    fund.recover("f", 5)
    assert (fund.of("venue").claims_units, fund.of("b").claims_units) == (20, 10)


def busy():
    """Two stakers, a request, a stream, a recovery that one has not taken."""
    fund = Fund(tranche("pool", 50, cooldown_ms=5, reward_ms=100), LayerSpec("shared", "shared_fund", 0))
    fund.do(TransferShares, sender="venue", receiver="b", shares=20)
    fund.do(RequestRedeem, id="r", staker="b", shares=5)
    fund.do(Reward, amount=40)
    fund.lose(10, "d")
    fund.recover("d", 5)
    fund.do(TakeClaims, staker="venue")
    return fund


def state_of_pool(state):
    return state.layers["pool"].stakes


CHANGES = {
    "tranche": lambda state: setattr(state_of_pool(state), "tranche", replace(state_of_pool(state).tranche, shares=51)),
    "stream": lambda state: setattr(
        state_of_pool(state),
        "tranche",
        replace(state_of_pool(state).tranche, stream=replace(state_of_pool(state).tranche.stream, end_ms=101)),
    ),
    "staker": lambda state: state_of_pool(state).stakers.update(
        b=replace(state_of_pool(state).stakers["b"], claims_units=9)
    ),
    "request": lambda state: state_of_pool(state).requests.clear(),
    "cohort": lambda state: state_of_pool(state).cohorts.clear(),
    "received": lambda state: state_of_pool(state).received.clear(),
    "paid_by": lambda state: state.paid_by.clear(),
    "redeemed": lambda state: setattr(state.totals, "redeemed", 4),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_digest_counts_everything_of_a_tranche(change):
    fund = busy()
    before = state_digest(fund.state)
    assert state_digest(replay(fund.journal.lines)) == before
    change(fund.state)
    assert state_digest(fund.state) != before


# --- golden -------------------------------------------------------------------------------------------------------

PINNED = "1c76317c6b4d55a675d1234d56ac77098d3537799a1fe098d8ae434a61bfb3e6"


def test_the_golden_log_of_stakers_keeps_its_bytes_and_replays_to_a_pinned_digest():
    assert b"".join(line + b"\n" for line in golden_staking.written().lines) == golden_staking.GOLDEN.read_bytes()
    state = replay(golden_staking.GOLDEN.read_bytes().splitlines())
    assert state_digest(state) == PINNED and state.last_seq == len(golden_staking.COMMANDS) + 1


def test_every_kind_of_event_and_of_command_stands_in_a_golden_log():
    goldens = (golden_log, golden_staking, golden_correction)
    logs = [golden.GOLDEN for golden in goldens]
    kinds = {json.loads(line)["kind"] for log in logs for line in log.read_bytes().splitlines()}
    assert kinds == set(KINDS)
    commands = [command for golden in goldens for _, command in golden.COMMANDS]
    assert {type(command) for command in commands} == set(get_args(AnyCommand))
    for command in commands:
        assert decode_command(encode_command(command)) == command


def test_every_event_of_stakers_survives_a_round_trip_to_the_same_bytes():
    prev, lines = GENESIS_HASH, golden_staking.GOLDEN.read_bytes().splitlines()
    for line, recorded in zip(lines, FUND_CODEC.read(lines), strict=True):
        assert FUND_CODEC.encode(recorded, prev) == line
        prev = hashlib.sha256(line).hexdigest()


# --- forged events: each fits everything else, and must be refused ------------------------------------------------


def after(assets, shares, *stakers, series=1, slashes=1, stream=None, **more):
    """The busy tranche after a forged event: its stream goes on unless another is given."""
    stream = StreamAfter(Units(40), Units(0), 0, 100) if stream is None else stream
    rows = tuple(
        StakerAfter(who, series, Units(free), Units(locked), Units(claims)) for who, free, locked, claims in stakers
    )
    return TrancheAfter("pool", Units(assets), Units(shares), series, slashes, stream=stream, stakers=rows, **more)


def stake_of(amount):
    return Stake(id="forged", layer="pool", staker="venue", amount=Units(amount))


def staked(minted, taken, tranche, amount=10):
    return Staked(stake=stake_of(amount), minted=Units(minted), taken=Units(taken), tranche=tranche)


def test_the_busy_tranche_is_what_the_forgeries_assume():
    stakes = busy().state.layers["pool"].stakes
    assert (stakes.tranche.assets_units, stakes.tranche.shares, stakes.tranche.slashes) == (40, 50, 1)
    assert stakes.tranche.stream.unearned_units == 40
    assert {who: (row.free_shares, row.locked_shares, row.claims_units) for who, row in stakes.stakers.items()} == {
        "venue": (30, 0, 0), "b": (15, 5, 2),
    }  # fmt: skip
    sound = staked(12, 10, after(50, 62, ("venue", 42, 0, 0)))
    journal = busy().journal
    apply(journal.state, Stamp(journal.state.last_seq + 1, 1, "forged"), sound)
    check(journal.state, Stamp(journal.state.last_seq, 1, "forged"), sound)


def forged(event, why):
    broken(event, why, busy().journal)


def test_I9_shares_for_less_than_they_cost_or_for_more_than_was_offered():
    forged(staked(13, 10, after(50, 63, ("venue", 43, 0, 0))), "I9 .*13 shares for 10 beside 50 of 40")
    forged(staked(12, 11, after(51, 62, ("venue", 42, 0, 0))), "I9 .*12 shares for 11")
    forged(staked(0, 1, after(41, 50)), "I9 .*0 shares for 1")


def test_I1_rows_that_do_not_add_up_to_the_tranche():
    forged(staked(12, 10, after(50, 62, ("venue", 43, 0, 0))), "I1 .*stakers hold 63 shares of 62")
    forged(staked(12, 10, after(50, 62, ("venue", 40, 2, 0))), "I1 .*7 shares are locked, 5 in requests")
    forged(staked(12, 10, after(50, 62, ("venue", 42, 0, 1))), "I1 .*layers")
    forged(staked(12, 10, after(50, 62, ("venue", 42, 0, -1))), "I1 |I2 ")
    forged(staked(12, 10, after(50, 62, ("venue", 43, -1, 0), ("b", 14, 6, 2))), "I2 .*a row of pool is below zero")


def test_I1_assets_that_are_not_the_layers_money():
    rewarded = Rewarded(reward=Reward(id="forged", layer="pool", amount=Units(5)), tranche=after(44, 50))
    forged(rewarded, "I1 .*layers 86 != in - out 87")
    forged(Rewarded(reward=rewarded.reward, tranche=after(45, 0, ("venue", 0, 0, 0))), "I1 .*0 shares of 45")


def redeemed(burnt, paid, tranche, wound_up=False):
    command = Redeem(id="forged", layer="pool", request="r", shares=Units(burnt))
    return Redeemed(
        redeem=command,
        staker="b",
        burnt=Units(burnt),
        paid=Units(paid),
        left=Units(0),
        tranche=tranche,
        wound_up=wound_up,
    )


def test_I9_a_leaver_that_is_paid_more_than_its_part():
    forged(redeemed(5, 5, after(35, 45, ("b", 15, 0, 2), ended=("r",))), "I9 .*5 paid for 5 shares of 50 of 40")
    forged(redeemed(0, 0, after(40, 50)), "I9 .*0 paid for 0 shares")


def test_I9_a_draw_that_is_no_slash_a_slash_that_is_no_draw_and_one_of_another_amount():
    row = DrawRow("e", "pool", Units(10), Units(40), Units(30), "")
    slash = SlashRow("e", "pool", Units(10), 2, 1, Units(50))
    plain = drawn([("e", 10, {})], [row])
    for slashes in ((), (slash, slash), (msgspec.structs.replace(slash, slashed=Units(9)),)):
        event = msgspec.structs.replace(plain, slashes=slashes, tranches=(after(30, 50, slashes=2),))
        forged(event, "I9 .*slashes do not follow")
    loss = InventoryLoss(id="forged", layer="pool", market="BTC", amount=Units(10))
    forged(
        InventoryLost(inventory_loss=loss, balance_after=Units(30), tranche=after(30, 50, slashes=2)),
        "I9 .*slashes do not follow",
    )


def recovered(amount, part, *claims):
    rows = tuple(ClaimRow("pool", 1, who, Units(units), Units(claim)) for who, units, claim in claims)
    return RecoveryPlaced(
        recover=Recover(id="forged", deficit="d", amount=Units(amount)),
        repaid=(),
        parts=(RecoveryPart("pool", Units(part), 1),),
        claims=rows,
        credits=(),
        paid_out=(),
    )


def test_I9_a_tranche_lifted_above_what_it_lost_and_a_part_that_is_not_its_bearers():
    forged(recovered(6, 6, ("venue", 6, 6)), "I9 .*pool paid 10 and got back 11")
    forged(recovered(4, 3, ("venue", 4, 4)), "I9 .*pool got back 3, its bearers 4")
    forged(recovered(4, 4, ("venue", 4, 3)), "I1 .*layers")


def test_a_log_that_speaks_of_stakers_where_there_are_none_is_broken():
    journal = busy().journal
    event = Rewarded(
        reward=Reward(id="forged", layer="shared", amount=Units(5)),
        tranche=TrancheAfter("shared", Units(5), Units(5), 1),
    )
    with pytest.raises(BrokenLog, match="shared has no stakers"):
        apply(journal.state, Stamp(journal.state.last_seq + 1, 1, "forged"), event)


def test_I1_a_reward_of_an_inflow_that_did_not_arrive():
    event = msgspec.structs.replace(
        busy().send(inflow("forged", 5, "top_up", layer="pool"))[0],
        rewards=(RewardRow(Units(5), after(40, 50, stream=StreamAfter(Units(44), Units(0), 0, 100))),),
    )
    forged(event, "I1 .*layers")
