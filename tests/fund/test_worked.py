"""Worked cases of the fund: small enough to be followed by hand, one sentence of the specification each."""

import json

import pytest

from seawall.amounts import Units
from seawall.fund.messages import CloseMarket, Lapse, Refused, Repeated, Settle, Shortfalls
from tests.fund.test_machine import pay
from tests.generators import DesignSpec, LayerSpec, MarketSpec, batch, inflow, shortfall

EMPTY = (LayerSpec("shared", "shared_fund", 0),)


def fund(*layers, **spec):
    spec.setdefault("policy", "adl")
    spec.setdefault("markets", (MarketSpec("BTC"), MarketSpec("ETH")))
    return DesignSpec(layers=layers or EMPTY, **spec).journal()


def balances(journal):
    return {name: layer.balance for name, layer in journal.state.layers.items()}


# --- deadlines ----------------------------------------------------------------------------------------------------


def pending(deadline_ms=100):
    """9 of severity, booked at 1000."""
    journal = fund(deadline_ms=deadline_ms)
    journal.submit(batch("b", shortfall("d", 9)), 1000)
    return journal


def test_severity_waits_until_the_designs_deadline():
    journal = pending()
    assert journal.state.pending["b"].deadline_ms == 1100
    assert journal.state.pending_units == 9 and journal.state.carried_units == 0


def test_a_batch_can_be_settled_up_to_its_deadline_and_not_after():
    late = pending().submit(Settle(id="s", batch="b"), 1101)
    assert isinstance(late, Refused) and late.code == "state" and "deadline 1100" in late.reason
    journal = pending()
    (event,) = journal.submit(Settle(id="s", batch="b", haircuts=(pay(4), pay(1))), 1100)
    assert [(row.deficit, row.haircut, row.carried) for row in event.rows] == [("d", 5, 4)]
    assert journal.state.carried["d"].since_ms == 1100 and not journal.state.pending


def test_a_batch_lapses_after_its_deadline_and_not_at_it():
    journal = pending()
    early = journal.submit(Lapse(id="l", batch="b"), 1100)
    assert isinstance(early, Refused) and early.field == "batch"
    (event,) = journal.submit(Lapse(id="l", batch="b"), 1101)
    assert (event.why, [(row.haircut, row.carried) for row in event.rows]) == ("deadline", [(0, 9)])
    assert journal.state.carried_units == 9


def test_a_batch_is_settled_once():
    journal = pending()
    assert isinstance(journal.submit(Settle(id="s", batch="b"), 1001), tuple)
    for command in (Settle(id="s2", batch="b"), Lapse(id="l", batch="b")):
        assert journal.submit(command, 5000).code == "state"


def test_haircuts_beyond_the_severity_are_refused():
    journal = pending()
    refused = journal.submit(Settle(id="s", batch="b", haircuts=(pay(6), pay(4))), 1001)
    assert isinstance(refused, Refused) and "overshoot" in refused.reason
    assert isinstance(journal.submit(Settle(id="s", batch="b", haircuts=(pay(6), pay(3))), 1001), tuple)
    assert journal.state.carried_units == 0 and journal.state.totals.haircuts == 9


@pytest.mark.parametrize("haircut", [pay(-1), pay(1, -1)])
def test_a_haircut_is_not_negative(haircut):
    refused = pending().submit(Settle(id="s", batch="b", haircuts=(pay(1), haircut)), 1001)
    assert isinstance(refused, Refused) and refused.field == "haircuts[1]"


def test_haircuts_pay_the_deficits_of_a_batch_pro_rata():
    journal = fund()
    journal.submit(batch("b", shortfall("d2", 30), shortfall("d1", 10)), 1)
    (event,) = journal.submit(Settle(id="s", batch="b", haircuts=(pay(10),)), 1)
    assert [(row.deficit, row.haircut, row.carried) for row in event.rows] == [("d1", 3, 7), ("d2", 7, 23)]


def test_the_carry_policy_carries_at_once_in_the_same_breath():
    journal = fund(policy="carry")
    _, carried = journal.submit(batch("b", shortfall("d", 9)), 1000)
    assert carried.why == "policy" and journal.state.carried["d"].amount == 9 and not journal.state.pending
    assert [json.loads(line)["kind"] for line in journal.lines[1:]] == ["shortfalls_drawn", "severity_carried"]


# --- ids and time -------------------------------------------------------------------------------------------------


def test_a_deficit_is_drawn_once_whatever_batch_names_it():
    journal = fund(LayerSpec("shared", "shared_fund", 100))
    journal.submit(batch("b1", shortfall("d", 9)), 1)
    again = journal.submit(batch("b2", shortfall("d", 9)), 2)
    assert isinstance(again, Refused) and again.field == "deficits[0].id"
    twice = journal.submit(batch("b3", shortfall("e", 9), shortfall("e", 9)), 2)
    assert isinstance(twice, Refused) and twice.field == "deficits[1].id"
    assert balances(journal) == {"shared": 91}


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (batch("b", shortfall("d", 8)), "deficits"),
        (batch("b", shortfall("d", 9, account="x")), "deficits"),
        (batch("b", shortfall("d", 9), shortfall("e", 1)), "deficits"),
        (inflow("b", 9), "kind"),
        (Lapse(id="b", batch="b"), "kind"),
    ],
)
def test_the_same_id_with_other_content_is_a_conflict_that_names_the_field(other, field):
    journal = fund()
    journal.submit(batch("b", shortfall("d", 9)), 1)
    refused = journal.submit(other, 1)
    assert isinstance(refused, Refused) and refused.code == "conflict" and refused.id == "b"
    assert refused.field.startswith(field) and "b" in refused.reason
    assert len(journal.lines) == 2


def test_an_id_never_expires_and_its_answer_is_the_first():
    journal = fund()
    command = inflow("i", 5)
    journal.submit(command, 1)
    journal.submit(inflow("j", 5), 2)
    assert journal.submit(command, 10**12) == Repeated(id="i", seq=2)
    assert balances(journal) == {"shared": 10} and len(journal.lines) == 3


def test_time_may_stand_still_but_not_run_back():
    journal = fund()
    journal.submit(inflow("i", 5), 7)
    assert isinstance(journal.submit(inflow("j", 5), 7), tuple)
    refused = journal.submit(inflow("k", 5), 6)
    assert isinstance(refused, Refused) and (refused.code, refused.field) == ("state", "t")


def test_a_refused_id_is_free():
    journal = fund()
    assert isinstance(journal.submit(inflow("i", 0), 1), Refused)
    assert isinstance(journal.submit(inflow("i", 5), 1), tuple)


@pytest.mark.parametrize("name", ["", "a b", "é", "a" * 65, "a\n"])
def test_an_id_that_is_none_is_refused(name):
    journal = fund()
    for command in (inflow(name, 5), batch(name, shortfall("d", 5)), batch("b", shortfall(name, 5))):
        assert isinstance(journal.submit(command, 1), Refused)
    assert len(journal.lines) == 1


# --- money in -----------------------------------------------------------------------------------------------------


def test_every_source_has_its_split():
    spec = {
        "surcharge_split": (900_000, 100_000),
        "residual_split": (200_000, 50_000, 750_000),
        "commission_ppm": 333_333,
    }
    for source, to_fund in (
        ("surcharge", 90),
        ("residual", 80),
        ("commission", 33),
        ("top_up", 100),
        ("yield", 100),
        ("recovery", 100),
    ):
        journal = fund(**spec)
        journal.submit(inflow("i", 100, source), 1)
        assert balances(journal) == {"shared": to_fund}, source
        assert journal.state.receivers.get("treasury", 0) == 100 - to_fund


def test_a_residual_that_is_all_the_traders_is_the_funds_when_it_comes():
    """The trader's part never leaves the account; where fund and treasury have no part, nothing is split."""
    journal = fund(residual_split=(0, 0, 1_000_000))
    journal.submit(inflow("i", 7, "residual"), 1)
    assert balances(journal) == {"shared": 7}


def test_the_excess_is_split_among_receivers_in_their_order():
    journal = fund(LayerSpec("shared", "shared_fund", 10, target=10), excess_split=(500_000, 250_000, 200_000, 50_000))
    (event,) = journal.submit(inflow("i", 101, "yield"), 1)
    assert [(row.receiver, row.why, row.amount) for row in event.paid_out] == [
        ("stakers", "excess", 51),  # 50.5, 25.25, 20.2, 5.05
        ("treasury", "excess", 25),
        ("fee_rebate", "excess", 20),
        ("hedges", "excess", 5),
    ]


def test_income_fills_the_markets_bucket_then_the_shared_fund():
    layers = (
        LayerSpec("btc", "market_bucket", 5, market="BTC", target=9),
        LayerSpec("eth", "market_bucket", 5, market="ETH", target=9),
        LayerSpec("shared", "shared_fund", 0, target=3),
        LayerSpec("skin", "venue_capital", 0, target=50),
    )
    journal = fund(*layers)
    journal.submit(inflow("i", 10, "yield", "BTC"), 1)
    assert balances(journal) == {"btc": 9, "eth": 5, "shared": 3, "skin": 0}
    assert journal.state.receivers == {"treasury": 3}


def test_a_top_up_fills_its_layer_beyond_the_target_but_repays_carried_debt_first():
    journal = fund(LayerSpec("skin", "venue_capital", 5, target=6), policy="carry")
    journal.submit(batch("b", shortfall("d", 9)), 1)
    journal.submit(inflow("i", 24, "top_up", layer="skin"), 2)
    assert balances(journal) == {"skin": 20} and journal.state.totals.recovered == 4


def test_only_money_for_a_layer_names_one_and_only_one_there_is():
    journal = fund()
    for source in ("surcharge", "commission", "residual"):
        assert journal.submit(inflow("i", 5, source, layer="shared"), 1).field == "layer"
    assert journal.submit(inflow("i", 5, "inventory"), 1).field == "layer"
    assert journal.submit(inflow("i", 5, "top_up", layer="nobody"), 1).field == "layer"


def test_a_closed_market_is_routed_on_and_takes_nothing_more():
    layers = (
        LayerSpec("btc", "market_bucket", 50, market="BTC"),
        LayerSpec("shared", "shared_fund", 0, target=30),
    )
    journal = fund(*layers)
    (event,) = journal.submit(CloseMarket(id="c", market="BTC"), 1)
    assert (event.layer, event.moved) == ("btc", 50)
    assert balances(journal) == {"btc": 0, "shared": 30} and journal.state.receivers == {"treasury": 20}
    journal.submit(inflow("i", 10, "yield", "BTC"), 2)
    assert balances(journal) == {"btc": 0, "shared": 30} and journal.state.receivers == {"treasury": 30}
    assert journal.submit(CloseMarket(id="c2", market="BTC"), 3).code == "state"
    assert journal.submit(inflow("t", 5, "top_up", layer="btc"), 3).code == "state"


def test_a_market_without_a_bucket_can_close_too():
    (event,) = fund().submit(CloseMarket(id="c", market="ETH"), 1)
    assert (event.layer, event.moved, event.credits) == (None, 0, ())


def test_a_closed_markets_bucket_repays_carried_debt_first():
    journal = fund(LayerSpec("btc", "market_bucket", 50, market="BTC"), policy="carry")
    journal.submit(batch("b", shortfall("d", 9, {"ETH": 1})), 1)
    journal.submit(CloseMarket(id="c", market="BTC"), 2)
    assert journal.state.carried == {} and journal.state.receivers == {"treasury": 41}


# --- money out ----------------------------------------------------------------------------------------------------


def test_a_window_remembers_every_draw_until_its_own_time_has_passed():
    """Limit 10 within 100 ms: 6 at 0, 4 at 50; at 99 nothing, at 100 six again, at 150 all of it."""
    layer = LayerSpec("shared", "shared_fund", 1000, window_limit=10, window_ms=100)
    journal = fund(layer)
    drawn = []
    for number, (now, amount) in enumerate([(0, 6), (50, 9), (99, 9), (100, 9), (149, 9), (150, 9)]):
        (event,) = journal.submit(batch(f"b{number}", shortfall(f"d{number}", amount)), now)
        drawn.append(int(event.draws[0].amount))
    assert drawn == [6, 4, 0, 6, 0, 4]


def test_ties_within_a_batch_go_to_the_lowest_deficit_whatever_its_place():
    journal = fund(LayerSpec("shared", "shared_fund", 3))
    (event,) = journal.submit(batch("b", shortfall("d10", 2), shortfall("d9", 2)), 1)
    assert [(draw.deficit, draw.amount) for draw in event.draws] == [("d9", 2), ("d10", 1)]
    assert [row.deficit for row in event.severity] == ["d10"]


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (inflow("x", 5, asset="EUR"), "asset"),
        (inflow("x", -5), "amount"),
        (inflow("x", 10**38), "amount"),
        (inflow("x", 5, market="DOGE"), "market"),
        (Shortfalls(id="x", deficits=()), "deficits"),
        (batch("x", shortfall("d", 5), shortfall("e", 0)), "deficits[1].amount"),
        (batch("x", shortfall("d", 10**38)), "deficits[0].amount"),
        (batch("x", shortfall("d", 5, {"DOGE": 1})), "deficits[0].losses"),
        (batch("x", shortfall("d", 5, {"BTC": -1})), "deficits[0].losses"),
        (CloseMarket(id="x", market="DOGE"), "market"),
        (Settle(id="x", batch="none"), "batch"),
        (Lapse(id="x", batch="none"), "batch"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_and_names_the_field(command, field):
    journal = fund()
    refused = journal.submit(command, 1)
    assert isinstance(refused, Refused) and refused.field == field and len(journal.lines) == 1


def test_what_is_pending_is_not_repaid_by_income_but_what_is_carried_is():
    journal = fund()
    journal.submit(batch("b", shortfall("d", 9)), 1)
    journal.submit(inflow("i", 5, "yield"), 2)
    assert journal.state.pending_units == 9 and balances(journal) == {"shared": 5}
    journal.submit(Settle(id="s", batch="b"), 3)
    journal.submit(inflow("j", 5, "yield"), 4)
    assert journal.state.carried_units == 4 and balances(journal) == {"shared": 5}
    assert Units(5) == journal.state.totals.recovered
