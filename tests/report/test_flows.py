"""Flows, months and breaks: beside the replayed state, for any run of a fund, with and without stakers."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from hypothesis.stateful import rule

from seawall.amounts import Units
from seawall.fund.events import KINDS as EVENT_KINDS
from seawall.fund.journal import FUND_CODEC, replay
from seawall.fund.messages import Correct, LayerDifference
from seawall.report.flows import KINDS, layer_flows, money_units
from seawall.report.reconciling import DAY_MS, Break, Line, MoneyByAccount, breaks
from seawall.report.statement import StatementRows, month_bounds_ms
from tests.fund import golden_correction, golden_log, golden_staking
from tests.fund.test_machine import play, runs
from tests.fund.test_staking_machine import StakingBesideSecondLedger
from tests.generators import DesignSpec, LayerSpec, batch, inflow, rich_designs, shortfall

GOLDENS = [golden.GOLDEN.read_bytes().splitlines() for golden in (golden_log, golden_staking, golden_correction)]


def held(lines):
    """(what the events add up to, what the state holds) by layer, after every event."""
    sums = {}
    for_each = []

    def take(state, recorded):
        for layer, kind, amount in layer_flows(recorded.event):
            assert kind in KINDS
            sums[layer] = sums.get(layer, 0) + amount
        for_each.append((dict(sums), {name: money_units(layer) for name, layer in state.layers.items()}))

    replay(lines, take)
    return for_each


def assert_flows(lines):
    for added, state in held(lines):
        assert {name: added.get(name, 0) for name in state} == state


def month(lines, start_ms, end_ms):
    rows = StatementRows(start_ms, end_ms)
    replay(lines, rows.take)
    return rows.statement()


def assert_months(lines, cuts):
    """Months join without a gap, each adds up, and what came in less what went out is what is there."""
    last, closing = 0, {}
    income = paid = recovered = drawn = 0
    for cut in [*sorted(cuts), 10**18]:
        one = month(lines, last, cut)
        assert one.adds_up
        assert one.opening == closing
        last, closing = cut, one.closing
        income += sum(one.income.values())
        paid += sum(one.paid_out.values())
        recovered -= one.carried.changes.get("repaid", 0)
        drawn += sum(amount for (_, kind), amount in one.flows.items() if kind in ("draws", "inventory_loss"))
    state = replay(lines)
    called = state.totals.called  # came in and was paid at once: no layer held it
    assert sum(closing.values()) == income - called - paid - recovered + drawn
    assert closing == {name: money_units(layer) for name, layer in state.layers.items()}


@pytest.mark.parametrize("lines", GOLDENS, ids=["fund", "staking", "correction"])
def test_the_golden_logs_flows_and_months(lines):
    assert_flows(lines)
    times = [recorded.stamp.t_ms for recorded in FUND_CODEC.read(lines)]
    for cut in sorted(set(times)):
        assert_months(lines, [cut])
        assert_months(lines, [cut + 1, cut + 2])


def test_the_golden_logs_have_every_kind_of_flow_but_those_of_positions():
    seen = {
        kind for lines in GOLDENS for recorded in FUND_CODEC.read(lines) for _, kind, _ in layer_flows(recorded.event)
    }
    assert seen >= set(KINDS) - {"inventory", "recovery", "commission"}
    assert {recorded.event.__class__ for lines in GOLDENS for recorded in FUND_CODEC.read(lines)} == set(
        EVENT_KINDS.values()
    )


@given(st.one_of(runs(), runs(designs=rich_designs)), st.lists(st.integers(0, 200), max_size=2))
def test_any_funds_flows_and_months(run, cuts):
    journal, _ = play(*run)
    assert_flows(journal.lines)
    assert_months(journal.lines, cuts)


class StakersFlows(StakingBesideSecondLedger):
    """The flows and months of whatever stakers did."""

    @rule()
    def nothing(self):
        """So that a machine of one rule more is another machine."""

    def teardown(self):
        if getattr(self, "journal", None) is not None:
            assert_flows(self.journal.lines)
            assert_months(self.journal.lines, [self.journal.state.last_t_ms])
        super().teardown()


TestStakersFlows = StakersFlows.TestCase


# --- the month, by hand -------------------------------------------------------------------------------------------


def small():
    """A fund of 500 and a bucket of 100; times in ms."""
    spec = DesignSpec(
        layers=(
            LayerSpec("bucket", "market_bucket", 100, market="BTC", target=120),
            LayerSpec("shared", "shared_fund", 500),
        ),
        policy="carry",
    )
    journal = spec.journal()
    journal.submit(inflow("i1", 50, "yield", "BTC"), 10)  # 20 to the bucket, 30 to the shared fund
    journal.submit(batch("b1", shortfall("d1", 700, {"BTC": 1})), 20)  # 120, 530, and 50 is carried
    journal.submit(inflow("i2", 60, "yield"), 30)  # 50 repaid, 10 to the shared fund
    journal.submit(
        Correct(
            id="k1",
            wrong="i2",
            proposer="ann",
            approver="bob",
            reason="two of it were another's",
            layers=(LayerDifference("shared", Units(-2)),),
        ),
        30,
    )
    return journal


def test_a_month_by_hand():
    lines = small().lines
    one = month(lines, 10, 30)
    assert one.opening == {"bucket": 100, "shared": 500} and one.closing == {"bucket": 0, "shared": 0}
    assert dict(one.flows) == {
        ("bucket", "yield"): 20,
        ("shared", "yield"): 30,
        ("bucket", "draws"): -120,
        ("shared", "draws"): -530,
    }
    assert (one.pending.opening, one.pending.changes, one.pending.closing) == (0, {"severity": 50, "carried": -50}, 0)
    assert (one.carried.opening, one.carried.changes, one.carried.closing) == (0, {"carried": 50}, 50)
    assert dict(one.income) == {"yield": 50} and not one.paid_out and one.seq == 4
    two = month(lines, 30, 31)
    assert two.opening == {"bucket": 0, "shared": 0}
    assert dict(two.flows) == {("shared", "yield"): 10, ("shared", "correction"): -2}
    assert (two.carried.opening, two.carried.changes, two.carried.closing) == (50, {"repaid": -50}, 0)
    assert dict(two.income) == {"yield": 60, "correction": -2} and two.closing == {"bucket": 0, "shared": 8}
    assert month(lines, 31, 40).opening == month(lines, 31, 40).closing == two.closing


def test_a_month_that_does_not_add_up_says_so():
    one = month(small().lines, 10, 30)
    assert one.adds_up
    assert not replace(one, closing=one.closing | {"shared": 1}).adds_up
    assert not replace(one, carried=replace(one.carried, closing=51)).adds_up
    assert not replace(one, pending=replace(one.pending, opening=1)).adds_up


def test_months_of_the_calendar():
    assert month_bounds_ms("1970-01") == (0, 31 * DAY_MS)
    assert month_bounds_ms("2026-10") == (1_790_812_800_000, 1_790_812_800_000 + 31 * DAY_MS)
    assert month_bounds_ms("2024-02")[1] - month_bounds_ms("2024-02")[0] == 29 * DAY_MS
    assert month_bounds_ms("2026-12")[1] == month_bounds_ms("2027-01")[0]


# --- breaks -------------------------------------------------------------------------------------------------------


def money_of(lines, accounts=None):
    money = MoneyByAccount(accounts or {})
    replay(lines, money.take)
    return money


def balance(t_ms, units, account="shared"):
    return Line(1, t_ms, account, "balance", units)


def movement(t_ms, units, reference, account="shared"):
    return Line(1, t_ms, account, "movement", units, reference)


def test_breaks_by_hand():
    money = money_of(small().lines)
    assert [money.units_at("shared", t_ms) for t_ms in (-1, 0, 9, 10, 20, 30, 99)] == [0, 500, 500, 530, 0, 8, 8]
    assert breaks(money, [balance(9, 500), balance(10, 530), balance(30, 8)]) == []
    assert breaks(money, [balance(9, 501), balance(10, 531), balance(20, 0)]) == []  # late by a day, and over
    late = breaks(money, [balance(9, 500), balance(20, 3), balance(10, 533), balance(30, 10)])
    assert late == [Break("balance", "shared", "", 10, 8, 10)]  # since the first of the run that differs
    right = [movement(10, 30, "i1"), movement(21, -530, "b1"), movement(31, 10, "i2"), movement(31, -2, "k1")]
    assert breaks(money, right) == []
    wrong = [movement(11, 31, "i1"), movement(21, -530, "b1"), movement(31, 8, "i2"), movement(31, 4, "fee")]
    assert breaks(money, wrong) == [
        Break("amount", "shared", "i1", 10, 30, 31),
        Break("amount", "shared", "i2", 30, 10, 8),
        Break("not_in_ledger", "shared", "fee", 31, 0, 4),
        Break("not_on_statement", "shared", "k1", 30, -2, 0),
    ]
    assert breaks(money, [movement(10, 20, "i1"), movement(10, 10, "i1")]) == []  # two lines of one command
    assert breaks(money, [movement(10, 20, "i1", "bucket")]) == []  # nothing is asked of another account, or later


def test_what_one_account_holds_together_moves_only_as_a_whole():
    money = money_of(small().lines, {"shared": "0xab", "bucket": "0xab"})
    assert money.units_at("0xab", 10) == 650
    assert breaks(money, [movement(10, 50, "i1", "0xab"), movement(20, -650, "b1", "0xab")]) == []


def test_ages_are_whole_days_and_a_break_is_named_by_its_content():
    one = Break("balance", "shared", "", 1_000, 5, 6)
    assert [one.age_days(at) for at in (0, 1_000, 1_000 + DAY_MS - 1, 1_000 + DAY_MS, 1_000 + 9 * DAY_MS)] == [
        0,
        0,
        0,
        1,
        9,
    ]
    others = [
        replace(one, what="amount"),
        replace(one, account="bucket"),
        replace(one, reference="x"),
        replace(one, since_ms=1_001),
        replace(one, ledger=6),
        replace(one, statement=5),
    ]
    assert len({one.id, *(other.id for other in others)}) == 7 and replace(one).id == one.id


@given(st.one_of(runs(top=60), runs(top=60, designs=rich_designs)), st.data())
def test_a_statement_from_the_ledger_has_no_break_and_any_change_of_it_has_one(run, data):
    journal, _ = play(*run)
    names = list(journal.state.layers)
    accounts = {name: data.draw(st.sampled_from(["one", "two"])) for name in names if data.draw(st.booleans())}
    money = money_of(journal.lines, accounts)
    moved = money.movements
    lines = [Line(n, one.t_ms, one.account, "movement", one.units, one.reference) for n, one in enumerate(moved, 1)]
    for account in {accounts.get(name, name) for name in names}:
        for t_ms in data.draw(st.lists(st.integers(0, 160), max_size=2)):
            lines.append(Line(0, t_ms, account, "balance", money.units_at(account, t_ms)))
    lines = data.draw(st.permutations(lines))
    assert breaks(money, lines) == []
    if not lines:
        return
    place = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(-9, 9).filter(bool))
    odd = replace(lines[place], units=lines[place].units + other)
    found = breaks(money, [*lines[:place], odd, *lines[place + 1 :]])
    if odd.kind == "movement":
        assert [(one.what, one.reference, one.statement - one.ledger) for one in found] == [
            ("amount", odd.reference, other)
        ]
    else:
        later = [one for one in lines if one.kind == "balance" and one.account == odd.account and one.t_ms >= odd.t_ms]
        assert all(one.what == "balance" and one.account == odd.account for one in found)
        assert found or len(later) > 1
