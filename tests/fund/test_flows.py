"""Flows of the fund beside deficits: splits, loans, the revenue pool, inventory, migration, rounds of settlement."""

import pytest

from seawall.amounts import Units
from seawall.fund.decide_shortfalls import CARRIED_AT_ONCE
from seawall.fund.journal import replay, state_digest
from seawall.fund.messages import CloseMarket, Inventory, InventoryLoss, Lapse, Migrate, Part, Refused, Release, Settle
from tests.fund.test_machine import pay
from tests.generators import DesignSpec, LayerSpec, MarketSpec, batch, inflow, shortfall

MARKETS = (MarketSpec("BTC"), MarketSpec("ETH"))
SHARED = LayerSpec("shared", "shared_fund", 0)
LINE = LayerSpec("line", "credit_line", 0, extra={"commitment": "100"})


def fund(*layers, policy="adl", **spec):
    return DesignSpec(layers=layers, markets=MARKETS, policy=policy, **spec).journal()


def submit(journal, command, now=1):
    """Its one event; the log replays to the same state after it."""
    answer = journal.submit(command, now)
    assert isinstance(answer, tuple), answer
    assert state_digest(replay(journal.lines)) == state_digest(journal.state)
    return answer[0]


def paid(event):
    return [(row.receiver, row.why, int(row.amount)) for row in event.paid_out]


# --- splits -------------------------------------------------------------------------------------------------------


def test_a_surcharge_goes_to_fund_treasury_liquidator_and_vault():
    vault = LayerSpec("pool", "vault", 0)
    journal = fund(SHARED, vault, surcharge_split=(500_000, 250_000, 125_000, 125_000))
    event = submit(journal, inflow("i", 81))
    assert [(row.layer, int(row.amount)) for row in event.credits] == [("shared", 41), ("pool", 10)]
    assert paid(event) == [("treasury", "split", 20), ("liquidator", "split", 10)]


def test_a_residual_is_split_once_where_the_venue_says_how():
    """The venue's parts stand, whatever another split of 7 would round to; the trader kept its part already."""
    vault = LayerSpec("pool", "vault", 0)
    journal = fund(SHARED, vault, residual_split=(500_000, 250_000, 0, 250_000))
    parts = (Part("fund", Units(3)), Part("treasury", Units(2)), Part("vault", Units(2)))
    event = submit(journal, inflow("i", 7, "residual", parts=parts))
    assert [(row.layer, int(row.amount)) for row in event.credits] == [("shared", 3), ("pool", 2)]
    assert paid(event) == [("treasury", "split", 2)]
    wrong = journal.submit(inflow("j", 8, "residual", parts=parts), 2)
    assert isinstance(wrong, Refused) and wrong.field == "parts"
    assert journal.submit(inflow("j", 7, "surcharge", parts=parts), 2).field == "parts"


def test_excess_buys_the_venues_token_back():
    full = LayerSpec("shared", "shared_fund", 10, target=10)
    journal = fund(full, excess_split=(0, 400_000, 0, 0, 600_000))
    assert paid(submit(journal, inflow("i", 5))) == [("treasury", "excess", 2), ("buyback", "excess", 3)]


# --- layers without money -----------------------------------------------------------------------------------------


def test_a_credit_line_is_repaid_from_income_after_carried_debt_and_before_targets():
    journal = fund(SHARED, LINE, policy="carry")
    event = submit(journal, batch("b", shortfall("d", 130)))
    (_, draw) = event.draws
    assert (draw.layer, draw.amount, draw.called, draw.balance_before, draw.balance_after) == ("line", 100, 100, 100, 0)
    assert journal.state.layers_units == 0 and journal.state.totals.money_in == 0
    event = submit(journal, inflow("i", 70), 2)
    assert [int(row.amount) for row in event.repaid] == [30]
    assert [(row.receiver, row.layer, int(row.amount)) for row in event.paid_out] == [("lender", "line", 40)]
    assert journal.state.layers["line"].commitment == 40
    event = submit(journal, inflow("top", 5, "top_up", layer="shared"), 3)  # capital for a layer is not income
    assert not event.paid_out and journal.state.layers["shared"].balance == 5
    event = submit(journal, inflow("j", 70), 4)
    assert [(row.receiver, int(row.amount)) for row in event.paid_out] == [("lender", 60)]
    assert journal.state.layers["shared"].balance == 15 and journal.state.layers["line"].commitment == 100


def test_a_layer_without_money_takes_none():
    journal = fund(SHARED, LINE)
    assert journal.submit(inflow("i", 5, "top_up", layer="line"), 1).field == "layer"


# --- the revenue pool ---------------------------------------------------------------------------------------------


def pool(**keys):
    text = '[accumulation.revenue_pool]\nlayer = "fees"\nto = "shared"\n'
    text += "".join(f"{key} = {value}\n" for key, value in keys.items())
    return fund(
        LayerSpec("shared", "shared_fund", 1000, target=1020),
        LayerSpec("fees", "revenue_pool", 0),
        commission_ppm=500_000,
        extra_text=text,
    )


def test_drift_commissions_wait_in_a_pool_that_pays_no_deficit():
    """A tenth of the pool each hour, a quarter of that to the protocol; what is above the target is excess."""
    journal = pool(share_ppm=100_000, protocol_ppm=250_000)
    event = submit(journal, inflow("i", 401, "commission"))
    assert [(row.layer, int(row.amount)) for row in event.credits] == [("fees", 200)]
    event = submit(journal, Release(id="r1"), 10)
    assert (event.moved, event.balance_after) == (20, 180) and paid(event) == [("treasury", "split", 5)]
    assert [(row.layer, int(row.amount), int(row.balance_after)) for row in event.credits] == [("shared", 15, 1015)]
    early = journal.submit(Release(id="r2"), 10 + 3_600_000 - 1)
    assert isinstance(early, Refused) and early.field == "t"
    event = submit(journal, Release(id="r2"), 10 + 3_600_000)
    assert event.moved == 18 and paid(event) == [("treasury", "split", 4), ("treasury", "excess", 9)]
    event = submit(journal, batch("b", shortfall("d", 5000)), 10 + 3_600_000)
    assert [row.layer for row in event.draws] == ["shared"] and journal.state.layers["fees"].balance == 162


def test_drift_a_release_is_capped_by_a_yearly_rate_on_the_receivers_balance():
    """1,000 % a year of 1,000, an hour of it: floor(10,000 / 8,760) = 1."""
    journal = pool(yearly_cap_ppm=10_000_000)
    submit(journal, inflow("i", 400, "commission"))
    assert submit(journal, Release(id="r")).moved == 1


def test_nothing_is_released_from_an_empty_pool_and_the_period_does_not_begin():
    journal = pool()
    assert isinstance(journal.submit(Release(id="r"), 1), Refused)
    submit(journal, inflow("i", 4, "commission"), 2)
    assert submit(journal, Release(id="r"), 2).moved == 2
    assert isinstance(fund(SHARED).submit(Release(id="r"), 1), Refused)


# --- inventory ----------------------------------------------------------------------------------------------------


def test_what_positions_of_a_layer_lose_and_gain_is_its_own():
    vault = LayerSpec("vault", "vault", 50)
    journal = fund(SHARED, vault, policy="carry")
    submit(journal, batch("b", shortfall("d", 60)))
    assert journal.state.carried_units == 10 and journal.state.layers["vault"].balance == 0
    submit(journal, inflow("gain", 30, "inventory", "BTC", layer="vault"), 2)
    assert journal.state.layers["vault"].balance == 30 and journal.state.carried_units == 10
    event = submit(journal, InventoryLoss(id="l", layer="vault", market="BTC", amount=Units(20)), 3)
    assert event.balance_after == 10 and journal.state.totals.inventory_lost == 20
    beyond = journal.submit(InventoryLoss(id="m", layer="vault", market="BTC", amount=Units(11)), 4)
    assert isinstance(beyond, Refused) and (beyond.code, beyond.field) == ("state", "amount")


def test_ftx_what_positions_of_a_backstop_lose_is_called_and_what_they_gain_is_its_providers():
    backstop = LayerSpec("lps", "backstop", 0, extra={"commitment": "100"})
    journal = fund(SHARED, backstop)
    submit(journal, Inventory(id="held", layer="lps", maintenance=Units(40), open_loss=Units(0)))
    event = submit(journal, batch("b", shortfall("d", 90)), 2)
    assert [(draw.layer, int(draw.amount), draw.bound_by) for draw in event.draws][1] == ("lps", 60, "notional")
    event = submit(journal, InventoryLoss(id="l", layer="lps", market="BTC", amount=Units(15)), 3)
    assert (event.called, event.balance_after, journal.state.totals.called) == (15, 25, 75)
    assert paid(submit(journal, inflow("gain", 8, "inventory", layer="lps"), 4)) == [("lender", "split", 8)]
    assert journal.state.layers["lps"].commitment == 25 and journal.state.layers_units == 0


# --- migration and groups -----------------------------------------------------------------------------------------


def test_dydx_an_upgraded_market_takes_its_bucket_with_it_and_is_insured_by_the_shared_fund():
    bucket = LayerSpec("iso", "market_bucket", 40, market="BTC", extra={"spill_over": False})
    journal = fund(bucket, LayerSpec("shared", "shared_fund", 100))
    event = submit(journal, Migrate(id="m", from_layer="iso", to_layer="shared"))
    assert (event.moved, event.balance_after) == (40, 140)
    event = submit(journal, batch("b", shortfall("d", 90, {"BTC": 1})), 2)
    assert [(row.layer, int(row.amount)) for row in event.draws] == [("shared", 90)] and not event.severity
    assert submit(journal, inflow("i", 9, market="BTC"), 3).credits[0].layer == "shared"
    for command in (
        Migrate(id="n", from_layer="iso", to_layer="shared"),
        Migrate(id="n", from_layer="shared", to_layer="iso"),
        inflow("n", 4, "top_up", layer="iso"),
    ):
        assert isinstance(journal.submit(command, 4), Refused)


def test_a_bucket_of_several_markets_ends_with_the_last_of_them():
    group = LayerSpec("group", "market_bucket", 40, extra={"markets": ["BTC", "ETH"]})
    journal = fund(group, LayerSpec("shared", "shared_fund", 0))
    event = submit(journal, batch("b", shortfall("d", 9, {"BTC": 1, "ETH": 2})))
    assert [(row.layer, int(row.amount)) for row in event.draws] == [("group", 9)]
    assert submit(journal, CloseMarket(id="c1", market="BTC"), 2).layer is None
    assert submit(journal, inflow("i", 5, market="BTC"), 3).credits[0].layer == "shared"
    assert submit(journal, inflow("j", 5, market="ETH"), 3).credits[0].layer == "group"
    event = submit(journal, CloseMarket(id="c2", market="ETH"), 4)
    assert (event.layer, event.moved) == ("group", 36) and journal.state.layers["shared"].balance == 41


# --- settling in several rounds -----------------------------------------------------------------------------------


def test_lch_gains_of_several_steps_pay_a_severity_and_the_rest_is_carried_at_the_end():
    journal = fund(SHARED, deadline_ms=100)
    submit(journal, batch("b", shortfall("d", 60), shortfall("e", 30)), 0)
    event = submit(journal, Settle(id="s1", batch="b", haircuts=(pay(30),), final=False), 1)
    assert [(row.haircut, row.carried, row.pending) for row in event.rows] == [(20, 0, 40), (10, 0, 20)]
    assert journal.state.pending_units == 60 and journal.state.carried_units == 0
    too_much = journal.submit(Settle(id="s2", batch="b", haircuts=(pay(61),), final=False), 2)
    assert isinstance(too_much, Refused) and "overshoot" in too_much.reason
    event = submit(journal, Settle(id="s2", batch="b", haircuts=(pay(30),)), 3)
    assert [(row.haircut, row.carried, row.pending) for row in event.rows] == [(20, 20, 0), (10, 10, 0)]
    assert not journal.state.pending and journal.state.carried_units == 30


def test_a_round_that_pays_everything_ends_the_batch_and_one_past_the_deadline_lapses():
    journal = fund(SHARED, deadline_ms=100)
    submit(journal, batch("b", shortfall("d", 60)), 0)
    submit(journal, Settle(id="s1", batch="b", haircuts=(pay(60),), final=False), 100)
    assert not journal.state.pending and journal.state.carried_units == 0
    submit(journal, batch("c", shortfall("e", 60)), 200)
    submit(journal, Settle(id="s2", batch="c", haircuts=(pay(10),), final=False), 300)
    assert isinstance(journal.submit(Settle(id="s3", batch="c", final=False), 301), Refused)
    submit(journal, Lapse(id="l", batch="c"), 301)
    assert journal.state.carried_units == 50


@pytest.mark.parametrize("policy", CARRIED_AT_ONCE)
def test_nobody_settles_what_the_policy_carries_at_once(policy):
    journal = fund(SHARED, policy=policy)
    submit(journal, batch("b", shortfall("d", 5)))
    assert journal.state.carried_units == 5 and not journal.state.pending
