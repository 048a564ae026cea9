"""Corrections: two people, a named event, the difference to the unit; the wrong event and its windows stay."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, strategies as st

from seawall.amounts import MAX_AMOUNT, Units
from seawall.fund.apply import Stamp, apply
from seawall.fund.codec import decode_command, encode_command
from seawall.fund.decide import decide
from seawall.fund.decide_inflow import takes_money
from seawall.fund.events import Corrected, DebtCorrected, LayerCorrected
from seawall.fund.invariants import InvariantBroken, check
from seawall.fund.journal import replay, state_digest
from seawall.fund.messages import CloseMarket, Correct, DebtDifference, LayerDifference, Migrate, Refused
from seawall.fund.snapshot import restore, snapshot
from tests.fund import golden_correction
from tests.fund.test_machine import play, runs
from tests.fund.test_staking_machine import staking_designs
from tests.generators import DesignSpec, LayerSpec, batch, inflow, rich_designs, shortfall

SPEC = DesignSpec(
    layers=(
        LayerSpec("bucket", "market_bucket", 100, market="BTC"),
        LayerSpec("shared", "shared_fund", 500, window_limit=300, window_ms=1000),
        LayerSpec("line", "credit_line", 0, extra={"commitment": "50"}),
        LayerSpec("junior", "tranche", 40, extra={"stake.cooldown_ms": 0}),
    ),
    policy="carry",
)


def correct(name="k1", wrong="b1", layers=(), debts=(), **more):
    people = {"proposer": "ann", "approver": "bob", "reason": "the deficit was entered twice"} | more
    return Correct(
        id=name,
        wrong=wrong,
        layers=tuple(LayerDifference(layer, Units(amount)) for layer, amount in layers),
        debts=tuple(DebtDifference(deficit, Units(amount)) for deficit, amount in debts),
        **people,
    )


def drawn():
    """100 of the bucket, 300 of the shared fund up to its window, 50 of the line, 40 of the junior; 110 is carried."""
    journal = SPEC.journal()
    (first, _) = journal.submit(batch("b1", shortfall("d1", 600, {"BTC": 1})), 10)
    assert {row.layer: row.amount for row in first.draws} == {"bucket": 100, "shared": 300, "line": 50, "junior": 40}
    assert journal.state.carried_units == 110
    return journal


def test_the_worked_example():
    """D1 was 450 and not 600: 110 of it is no debt, and 40 of the shared fund should be there still."""
    journal = drawn()
    (event,) = journal.submit(correct(layers=[("shared", 40)], debts=[("d1", -110)]), 20)
    assert event.wrong_seq == 2
    assert event.layers == (LayerCorrected("shared", Units(40), Units(240)),)
    assert event.debts == (DebtCorrected("d1", Units(-110), Units(0)),)
    state = journal.state
    assert state.layers["shared"].balance == 240 and state.carried == {}
    assert (state.totals.corrected, state.totals.debt_corrected) == (40, -110)
    assert (state.totals.money_in, state.totals.drawn, state.totals.deficits) == (640, 490, 600)
    assert state_digest(replay(journal.lines)) == state_digest(state)
    assert state_digest(restore(snapshot(state))) == state_digest(state)


def test_a_window_keeps_the_draw():
    journal = drawn()
    journal.submit(correct(layers=[("shared", 300)]), 20)
    assert journal.state.layers["shared"].balance == 500
    (again, *_) = journal.submit(batch("b2", shortfall("d2", 10)), 30)
    shared = next(row for row in again.draws if row.layer == "shared")
    assert (shared.amount, shared.bound_by) == (0, "window_limit")
    (later, *_) = journal.submit(batch("b3", shortfall("d3", 10)), 1010)
    assert next(row for row in later.draws if row.layer == "shared").amount == 10


def test_money_that_a_correction_finds_repays_no_debt_and_is_routed_nowhere():
    journal = drawn()
    (event,) = journal.submit(correct(layers=[("bucket", 70), ("shared", -200)]), 20)
    assert journal.state.carried_units == 110
    assert [(row.layer, row.balance_after) for row in event.layers] == [("bucket", 70), ("shared", 0)]


def test_the_opening_and_a_correction_can_be_corrected():
    journal = drawn()
    (event,) = journal.submit(correct("k1", "genesis", [("shared", -1)]), 20)
    assert event.wrong_seq == 1
    (event,) = journal.submit(correct("k2", "k1", [("shared", 1)]), 20)
    assert event.wrong_seq == 4 and journal.state.totals.corrected == 0


def test_a_correction_is_decided_once():
    journal = drawn()
    journal.submit(correct(layers=[("shared", 40)]), 20)
    assert journal.submit(correct(layers=[("shared", 40)]), 21).seq == 4
    answer = journal.submit(correct(layers=[("shared", 41)]), 21)
    assert (answer.code, answer.field) == ("conflict", "layers[0].amount")


def test_no_money_goes_where_none_may_go():
    """A bucket whose market is closed ends at zero, and so does one that migrated; what is left there can be taken."""
    journal = SPEC.journal()
    journal.submit(CloseMarket(id="x", market="BTC"), 5)
    answer = journal.submit(correct(wrong="x", layers=[("bucket", 1)]), 20)
    assert (answer.code, answer.field) == ("state", "layers[0]") and "closed" in answer.reason
    journal = SPEC.journal()
    journal.submit(Migrate(id="x", from_layer="bucket", to_layer="shared"), 5)
    answer = journal.submit(correct(wrong="x", layers=[("bucket", 1)]), 20)
    assert (answer.code, answer.field) == ("state", "layers[0]") and "migrated" in answer.reason


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (correct(layers=[("shared", 1)], approver="ann"), "invalid", "approver"),
        (correct(layers=[("shared", 1)], approver="ANN"), "invalid", "approver"),
        (correct(layers=[("shared", 1)], proposer=""), "invalid", "proposer"),
        (correct(layers=[("shared", 1)], approver="bob b"), "invalid", "approver"),
        (correct(layers=[("shared", 1)], reason=" "), "invalid", "reason"),
        (correct(layers=[("shared", 1)], reason="x" * 1001), "invalid", "reason"),
        (correct(), "invalid", "layers"),
        (correct(layers=[("shared", 0)]), "invalid", "layers[0].amount"),
        (correct(layers=[("shared", MAX_AMOUNT)]), "invalid", "layers[0].amount"),
        (correct(layers=[("shared", 1), ("shared", 2)]), "invalid", "layers[1]"),
        (correct(debts=[("d1", 0)]), "invalid", "debts[0].amount"),
        (correct(debts=[("d1", 1), ("d1", 2)]), "invalid", "debts[1]"),
        (correct(wrong="b2", layers=[("shared", 1)]), "state", "wrong"),
        (correct(wrong="k1", layers=[("shared", 1)]), "state", "wrong"),
        (correct(layers=[("sharde", 1)]), "invalid", "layers[0]"),
        (correct(layers=[("bucket", 1), ("line", 1)]), "invalid", "layers[1]"),
        (correct(layers=[("junior", 1)]), "invalid", "layers[0]"),
        (correct(layers=[("shared", -201)]), "state", "layers[0].amount"),
        (correct(layers=[("shared", MAX_AMOUNT - 1)]), "state", "layers[0].amount"),
        (correct(debts=[("d2", 1)]), "state", "debts[0]"),
        (correct(debts=[("d1", -111)]), "state", "debts[0].amount"),
    ],
)
def test_what_is_refused(command, code, field):
    journal = drawn()
    before = state_digest(journal.state)
    answer = journal.submit(command, 20)
    assert isinstance(answer, Refused)
    assert (answer.code, answer.field) == (code, field), answer.reason
    assert state_digest(journal.state) == before
    assert isinstance(journal.submit(correct(layers=[("shared", -200)]), 20), tuple)  # the id is not used up


def test_the_wire_form():
    command = correct(layers=[("shared", -5)])
    text = (
        b'{"kind":"correct","id":"k1","wrong":"b1","proposer":"ann","approver":"bob",'
        b'"reason":"the deficit was entered twice","layers":[{"layer":"shared","amount":"-5"}]}'
    )
    assert encode_command(command) == text and decode_command(text) == command
    with pytest.raises(msgspec.ValidationError):
        decode_command(text.replace(b'"-5"', b"-5"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda e: {"correct": msgspec.structs.replace(e.correct, approver="Ann")}, "approved it"),
        (lambda e: {"wrong_seq": 4}, "it corrects event 4"),
        (lambda e: {"wrong_seq": 0}, "it corrects event 0"),
        (lambda e: {"layers": (LayerCorrected("shared", Units(39), Units(239)),)}, "it posts"),
        (lambda e: {"layers": (LayerCorrected("shared", Units(40), Units(241)),)}, "I1"),
        (lambda e: {"debts": (DebtCorrected("d1", Units(-110), Units(1)),)}, "I1"),
        (lambda e: {"debts": ()}, "it posts"),
    ],
)
def test_a_forged_correction_is_broken(change, why):
    journal = drawn()
    state = journal.state
    (event,) = decide(state, correct(layers=[("shared", 40)], debts=[("d1", -110)]), 20)
    stamp = Stamp(4, 20, "k1")
    forged = msgspec.structs.replace(event, **change(event))
    apply(state, stamp, forged)
    with pytest.raises(InvariantBroken, match=why):
        check(state, stamp, forged)


@st.composite
def corrected_runs(draw):
    """Any run of a fund, then a correction of anything that is there."""
    spec, commands = draw(st.one_of(runs(top=60, designs=rich_designs), runs(top=60, designs=staking_designs)))
    journal, _ = play(spec, commands)
    state, now = journal.state, commands[-1][1]
    plain = [name for name, layer in state.layers.items() if layer.funded and layer.stakes is None]
    layers = [(name, draw(st.integers(-60, 60).filter(bool))) for name in plain if draw(st.booleans())]
    debts = [(name, draw(st.integers(-60, 60).filter(bool))) for name in state.carried if draw(st.booleans())]
    wrong = draw(st.sampled_from(["genesis", *state.answered]))
    return journal, correct("k", wrong, layers, debts), now


@given(corrected_runs())
def test_a_correction_moves_what_it_says_and_nothing_else(run):
    journal, command, now = run
    state = journal.state
    before = {name: layer.balance for name, layer in state.layers.items()}
    debts = {name: debt.amount for name, debt in state.carried.items()}
    kept = {name: (list(layer.recent), layer.drawn, layer.drawn_at) for name, layer in state.layers.items()}
    totals = replace(state.totals)
    digest = state_digest(state)
    answer = journal.submit(command, now)
    wanted = before | {row.layer: before[row.layer] + row.amount for row in command.layers}
    owed = debts | {row.deficit: debts[row.deficit] + row.amount for row in command.debts}
    possible = bool(command.layers or command.debts) and min([*wanted.values(), *owed.values()], default=0) >= 0
    possible = possible and all(row.amount < 0 or takes_money(state, state.layers[row.layer]) for row in command.layers)
    assert isinstance(answer, tuple) == possible
    if not possible:
        assert state_digest(state) == digest
        return
    assert isinstance(answer[0], Corrected)
    assert {name: layer.balance for name, layer in state.layers.items()} == wanted
    assert {name: debt.amount for name, debt in state.carried.items()} == {k: v for k, v in owed.items() if v}
    assert {name: (list(layer.recent), layer.drawn, layer.drawn_at) for name, layer in state.layers.items()} == kept
    corrected, debt_corrected = sum(r.amount for r in command.layers), sum(r.amount for r in command.debts)
    assert state.totals == replace(totals, corrected=corrected, debt_corrected=debt_corrected)
    assert state_digest(replay(journal.lines)) == state_digest(state)
    assert isinstance(journal.submit(inflow("after", 5, "yield"), now), tuple)


def test_the_golden_log_of_corrections_keeps_its_bytes():
    """Worked: 20,000,000 of 30,000,000 was owed; then one more: and of what is left of the debt 4,500,000 is repaid."""
    assert b"".join(line + b"\n" for line in golden_correction.written().lines) == golden_correction.GOLDEN.read_bytes()
    state = replay(golden_correction.GOLDEN.read_bytes().splitlines())
    assert (state.totals.corrected, state.totals.debt_corrected) == (1, -10_000_001)
