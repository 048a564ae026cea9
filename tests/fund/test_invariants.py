"""Invariants of the fund: an event is forged for each check, fits everything else, and must be refused."""

import hashlib

import pytest

from seawall.amounts import Units
from seawall.fund.apply import Stamp, apply
from seawall.fund.codec import GENESIS_HASH, CorruptLog, Recorded
from seawall.fund.events import (
    Credit,
    DrawRow,
    Event,
    InflowRouted,
    InventoryLost,
    MarketPart,
    PaidOut,
    Repaid,
    Settled,
    SettledRow,
    SeverityRow,
    ShortfallsDrawn,
)
from seawall.fund.invariants import InvariantBroken, check
from seawall.fund.journal import FUND_CODEC, Journal, replay
from seawall.fund.messages import InventoryLoss, Settle
from tests.fund.test_machine import pay
from tests.generators import DesignSpec, LayerSpec, MarketSpec, batch, inflow, shortfall

SPEC = DesignSpec(
    markets=(MarketSpec("BTC"), MarketSpec("ETH")),
    layers=(
        LayerSpec("btc", "market_bucket", 20, market="BTC"),
        LayerSpec("shared", "shared_fund", 100, minimum_left=10, event_limit=30, window_limit=40, window_ms=100),
        LayerSpec("skin", "venue_capital", 50),
    ),
    policy="adl",
)


def fund(*commands) -> Journal:
    journal = SPEC.journal()
    for command in commands:
        assert isinstance(journal.submit(command, 1), tuple)
    return journal


def credit(layer, amount, after):
    return Credit(layer, Units(amount), Units(after))


def row(deficit, layer, amount, before, after=None):
    return DrawRow(deficit, layer, Units(amount), Units(before), Units(before - amount if after is None else after), "")


def drawn(deficits, rows, severity=()) -> ShortfallsDrawn:
    return ShortfallsDrawn(
        shortfalls=batch("forged", *(shortfall(name, amount, losses) for name, amount, losses in deficits)),
        draws=tuple(rows),
        severity=tuple(SeverityRow(name, Units(amount)) for name, amount in severity),
        policy="adl",
        fallback="carry",
        price_rule="bankruptcy_price",
        deadline_ms=60_001,
    )


def routed(amount, credits=(), repaid=(), paid=()) -> InflowRouted:
    return InflowRouted(
        inflow=inflow("forged", amount), repaid=tuple(repaid), credits=tuple(credits), paid_out=tuple(paid)
    )


def broken(event: Event, why: str, journal: Journal | None = None) -> None:
    """Apply a forged event as the next one and want the invariant named with the event."""
    journal = journal or fund()
    stamp = Stamp(journal.state.last_seq + 1, 1, "forged")
    apply(journal.state, stamp, event)
    with pytest.raises(InvariantBroken, match=f"^{why}") as caught:
        check(journal.state, stamp, event)
    assert f"event {stamp.seq} (forged)" in str(caught.value)


OWED = batch("b", shortfall("x", 130), shortfall("y", 20))
"""Takes 40 of the shared fund (its window), all of skin, nothing of the bucket; 58 of x and 2 of y stay pending."""


def test_the_setting_is_what_the_forgeries_assume():
    state = fund(OWED).state
    assert {name: layer.balance for name, layer in state.layers.items()} == {"btc": 20, "shared": 60, "skin": 0}
    assert state.pending["b"].severity == {"x": 58, "y": 2}


def test_I1_an_inflow_that_lost_a_unit():
    broken(routed(10, [credit("skin", 9, 59)]), "I1 .*layers 179 != in - out 180")


def test_I1_an_inflow_that_made_a_unit():
    broken(routed(10, [credit("skin", 10, 60)], paid=[PaidOut("treasury", "excess", Units(1))]), "I1 .*layers")


def test_I1_a_deficit_of_which_a_unit_vanished():
    broken(drawn([("d", 5, {})], [], [("d", 4)]), "I1 .*deficits 5 != draws")


def test_I2_a_layer_below_zero():
    broken(drawn([("d", 60, {})], [row("d", "skin", 60, 50)]), "I2 .*layer skin stands at -10")


def test_I1_money_that_moved_between_layers_without_a_posting():
    broken(routed(10, [credit("shared", 10, 105), credit("skin", 0, 55)]), "I1 .*layer shared: 105 != opening")


def test_I1_more_repaid_than_was_carried():
    journal = fund(OWED, Settle(id="s", batch="b"))
    owed = journal.state.carried["x"].amount
    broken(
        routed(owed + 1, repaid=[Repaid("x", Units(owed + 1), Units(-1))]),
        "I1 .*carried debt of x stands at -1",
        journal,
    )


def test_I1_a_draw_whose_balances_do_not_follow():
    rows = [row("d", "skin", 5, 50, 44), row("e", "skin", 5, 45, 40)]
    broken(drawn([("d", 5, {}), ("e", 5, {})], rows), "I1 .*skin: 50 - 5 != 44")


def test_I1_a_draw_that_puts_money_in():
    rows = [row("d", "skin", 15, 50), row("e", "skin", -5, 35)]
    broken(drawn([("d", 10, {}), ("e", 0, {})], rows), "I1 .*skin: 35 - -5 != 40")


def test_I2_a_draw_below_the_minimum_left():
    broken(drawn([("d", 95, {})], [row("d", "shared", 95, 100)]), "I2 .*shared left with 5, minimum 10")


def test_I2_a_draw_beyond_the_limit_per_event():
    broken(drawn([("d", 31, {})], [row("d", "shared", 31, 100)]), "I2 .*shared paid 31 to d, limit 30")


def test_I2_draws_beyond_the_window():
    rows = [row("d", "shared", 30, 100), row("e", "shared", 11, 70)]
    broken(drawn([("d", 30, {}), ("e", 11, {})], rows), "I2 .*shared paid 41 within its window, limit 40")


def test_I2_a_draw_of_an_earlier_event_counts_within_the_window():
    journal = fund(batch("b", shortfall("x", 30)))
    rows = [row("d", "shared", 11, 70)]
    broken(drawn([("d", 11, {})], rows), "I2 .*shared paid 41 within its window", journal)


def test_I1_a_draw_for_one_deficit_booked_on_another():
    rows = [row("d", "shared", 6, 100), row("e", "shared", 4, 94)]
    broken(drawn([("d", 5, {}), ("e", 5, {})], rows), "I1 .*deficit d: draws and severity do not add up to 5")


def test_I3_a_layer_that_was_passed_over():
    broken(drawn([("d", 5, {})], [row("d", "skin", 5, 50)]), "I3 .*shared could still pay 5 of d")


def test_I3_severity_while_a_layer_has_room():
    rows = [row("d", "shared", 30, 100), row("d", "skin", 49, 50)]
    broken(drawn([("d", 80, {})], rows, [("d", 1)]), "I3 .*skin could still pay 1 of d")


def test_I3_a_bucket_that_did_not_pay_its_markets_part():
    """9 over BTC and ETH by 1:2: the bucket of BTC owes 3 of it, no more and no less."""
    broken(
        drawn([("d", 9, {"BTC": 1, "ETH": 2})], [row("d", "btc", 2, 20), row("d", "shared", 7, 100)]),
        "I3 .*btc could still pay 1 of d",
    )
    sound = drawn([("d", 9, {"BTC": 1, "ETH": 2})], [row("d", "btc", 3, 20), row("d", "shared", 6, 100)])
    journal = fund()
    apply(journal.state, Stamp(2, 1, "forged"), sound)
    check(journal.state, Stamp(2, 1, "forged"), sound)


def settled(haircuts, rows) -> Settled:
    return Settled(
        settle=Settle(id="forged", batch="b", haircuts=tuple(pay(amount) for amount in haircuts)),
        rows=tuple(SettledRow(name, Units(paid), Units(left)) for name, paid, left in rows),
    )


def test_I10_haircuts_that_were_not_settled():
    journal = fund(batch("b", shortfall("x", 85), shortfall("y", 25)))
    x, y = (int(amount) for amount in journal.state.pending["b"].severity.values())
    broken(settled([x + y], [("x", x, 0), ("y", y - 1, 1)]), "I10 .*haircuts", journal)


def test_I10_a_settled_row_below_zero():
    journal = fund(batch("b", shortfall("x", 85), shortfall("y", 25)))
    x, y = (int(amount) for amount in journal.state.pending["b"].severity.values())
    broken(settled([y - 1], [("x", -1, x + 1), ("y", y, 0)]), "I10 .*negative", journal)


def test_a_forged_log_with_a_sound_chain_is_refused_by_replay():
    """Whoever can recompute hashes still cannot make an event that breaks an invariant."""
    journal = fund()
    prev = hashlib.sha256(journal.lines[0]).hexdigest()
    assert prev != GENESIS_HASH
    event = routed(10, [credit("skin", 9, 59)])
    line = FUND_CODEC.encode(Recorded(Stamp(2, 1, "forged"), event, journal.state.design_digest, 1), prev)
    with pytest.raises(CorruptLog, match="I1") as caught:
        replay([*journal.lines, line])
    assert caught.value.record == 2


# --- layers with every limit --------------------------------------------------------------------------------------

RICH = DesignSpec(
    markets=(MarketSpec("BTC", extra={"cover_limit": "30"}), MarketSpec("ETH")),
    layers=(
        LayerSpec(
            "shared",
            "shared_fund",
            100,
            extra={
                "block_limit": "50",
                "lifetime_limit": "60",
                "account_limit": "40",
                "owner_limit": "45",
                "market_limit": "35",
                "event_limit_ppm": 500_000,
                "drawdown_ppm": 550_000,
                "drawdown_window_ms": 100,
            },
        ),
        LayerSpec("line", "credit_line", 0, extra={"commitment": "20"}),
        LayerSpec("whole", "venue_capital", 30, extra={"draw_mode": "all_or_nothing"}),
    ),
    policy="adl",
)


def rich_drawn(deficits, rows, severity=(), **more) -> ShortfallsDrawn:
    """(id, amount, account, owner) deficits without losses; rows (deficit, layer, amount, before, called, markets)."""
    return ShortfallsDrawn(
        shortfalls=batch("forged", *(shortfall(name, units, {}, acc, own) for name, units, acc, own in deficits)),
        draws=tuple(
            DrawRow(
                name,
                layer,
                Units(amount),
                Units(before),
                Units(before - amount),
                "",
                Units(called),
                tuple(MarketPart(market, Units(part)) for market, part in markets),
            )
            for name, layer, amount, before, called, markets in rows
        ),
        severity=tuple(SeverityRow(name, Units(amount)) for name, amount in severity),
        policy="adl",
        fallback="carry",
        price_rule="bankruptcy_price",
        deadline_ms=60_001,
        **more,
    )


def rich_broken(event, why, *before):
    journal = RICH.journal()
    for command in before:
        assert isinstance(journal.submit(command, 1), tuple)
    broken(event, why, journal)


def two(first, second, accounts=("a", "b"), owners=("o", "p")):
    """Two deficits, paid by the shared fund."""
    return rich_drawn(
        [("d", first, accounts[0], owners[0]), ("e", second, accounts[1], owners[1])],
        [("d", "shared", first, 100, 0, ()), ("e", "shared", second, 100 - first, 0, ())],
    )


def test_I2_limits_of_a_time_a_life_an_account_an_owner_and_a_part_of_the_balance():
    rich_broken(two(26, 25), "I2 .*shared paid 51 at one time, limit 50")
    rich_broken(two(21, 20, accounts=("a", "a")), "I2 .*shared paid 41 for account a, limit 40")
    rich_broken(two(23, 23, owners=("o", "o")), "I2 .*shared paid 46 for owner o, limit 45")
    rich_broken(rich_drawn([("d", 51, "a", "o")], [("d", "shared", 51, 100, 0, ())]), "I2 .*paid 51 to d, limit 50")
    journal = RICH.journal()
    journal.submit(batch("b", shortfall("x", 38)), 0)
    event = rich_drawn([("d", 23, "z", "z")], [("d", "shared", 23, 62, 0, ())])
    broken(event, "I2 .*shared ever paid 61, limit 60", journal)


def test_I2_a_balance_too_far_below_its_peak():
    journal = RICH.journal()
    journal.submit(batch("b", shortfall("x", 38)), 0)
    event = rich_drawn([("d", 18, "z", "z")], [("d", "shared", 18, 62, 0, ())])
    broken(event, "I2 .*shared left with 44, peak 100", journal)


def test_I2_limits_of_a_market():
    parts = (("BTC", 31),)
    rich_broken(rich_drawn([("d", 31, "a", "o")], [("d", "shared", 31, 100, 0, parts)]), "I2 .*31 was paid for BTC")
    parts = (("ETH", 36),)
    event = rich_drawn([("d", 36, "a", "o")], [("d", "shared", 36, 100, 0, parts)])
    rich_broken(event, "I2 .*shared paid 36 for market ETH, limit 35")
    event = rich_drawn([("d", 36, "a", "o")], [("d", "shared", 36, 100, 0, (("ETH", 30),))])
    rich_broken(event, "I1 .*the markets of d do not add up to 36")


def test_I1_money_that_was_called_and_not_paid_or_paid_and_not_called():
    event = rich_drawn([("d", 45, "a", "o")], [("d", "shared", 40, 100, 0, ()), ("d", "line", 5, 20, 4, ())])
    rich_broken(event, "I1 ")
    event = rich_drawn([("d", 45, "a", "o")], [("d", "shared", 40, 100, 0, ()), ("d", "line", 5, 20, 0, ())])
    rich_broken(event, "I1 ")
    event = rich_drawn([("d", 45, "a", "o")], [("d", "shared", 40, 100, 5, ()), ("d", "line", 5, 20, 0, ())])
    rich_broken(event, "I1 .*shared paid 40 and called 5")
    sound = rich_drawn([("d", 45, "a", "o")], [("d", "shared", 40, 100, 0, ()), ("d", "line", 5, 20, 5, ())])
    journal = RICH.journal()
    apply(journal.state, Stamp(2, 1, "forged"), sound)
    check(journal.state, Stamp(2, 1, "forged"), sound)


def test_I2_more_called_than_was_committed():
    event = rich_drawn([("d", 61, "a", "o")], [("d", "shared", 40, 100, 0, ()), ("d", "line", 21, 20, 21, ())])
    rich_broken(event, "I2 .*of line -1 can be called")


def test_I3_a_part_where_all_or_nothing_was_owed_and_nothing_where_all_could_be_paid():
    rows = [("d", "shared", 40, 100, 0, ()), ("d", "line", 20, 20, 20, ())]
    event = rich_drawn([("d", 70, "a", "o")], [*rows, ("d", "whole", 5, 30, 0, ())], [("d", 5)])
    rich_broken(event, "I3 .*whole paid a part of d")
    rich_broken(rich_drawn([("d", 70, "a", "o")], rows, [("d", 10)]), "I3 .*whole could still pay 10 of d")


def test_I1_the_same_layer_twice_for_one_deficit():
    rows = [("d", "shared", 20, 100, 0, ()), ("d", "shared", 20, 80, 0, ())]
    rich_broken(rich_drawn([("d", 40, "a", "o")], rows), "I1 .*twice")


def test_I10_a_settlement_that_says_it_is_final_and_leaves_something_pending():
    journal = fund(batch("b", shortfall("x", 85), shortfall("y", 25)))
    x, y = (int(amount) for amount in journal.state.pending["b"].severity.values())
    event = Settled(
        settle=Settle(id="forged", batch="b"),
        rows=(SettledRow("x", Units(0), Units(0), Units(x)), SettledRow("y", Units(0), Units(y))),
    )
    broken(event, "I10 .*final True", journal)


def test_I1_an_inventory_loss_that_was_not_taken_from_the_layer():
    loss = InventoryLoss(id="forged", layer="skin", market="BTC", amount=Units(5))
    broken(InventoryLost(inventory_loss=loss, balance_after=Units(46)), "I1 .*layers")
