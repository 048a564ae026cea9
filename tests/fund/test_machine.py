"""The fund machine over any design and any sequence of commands, beside a second bookkeeper that follows every unit."""

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from seawall.amounts import Units, in_id_order
from seawall.fund.apply import BrokenLog, Stamp, apply
from seawall.fund.decide import decide, exhausted
from seawall.fund.events import ShortfallsDrawn
from seawall.fund.journal import replay, state_digest
from seawall.fund.messages import (
    CloseMarket,
    Correct,
    DebtDifference,
    Haircut,
    Inventory,
    InventoryLoss,
    Lapse,
    LayerDifference,
    Loss,
    Measure,
    Migrate,
    Part,
    Refused,
    Release,
    Repeated,
    Settle,
    Shortfall,
    Shortfalls,
)
from tests.fund.second_ledger import SecondLedger
from tests.generators import batch, fund_designs, inflow, rich_designs, shortfall

SOURCES = ("surcharge", "commission", "residual", "top_up", "yield", "recovery", "inventory")
AMOUNT = st.integers(1, 40)
MARKETS = ("BTC", "ETH", "A")
NAMES = st.sampled_from(["d1", "d2", "d3", "e", "ff", "d10", "D1"])


def pay(amount, lots=0):
    return Haircut("winner", "winner", "BTC", "socialised_loss", lots, Units(amount))


class FundBesideSecondLedger(RuleBasedStateMachine):
    """Every rule is a command; after each both books must be the same."""

    @initialize(spec=fund_designs())
    def begin(self, spec):
        self.spec = spec
        self.journal = spec.journal()
        self.second = SecondLedger(spec)
        self.commands = []
        self.now = 0
        self.number = 0

    def send(self, command):
        """Submit, and want from the fund what the second bookkeeper says."""
        before, lines = state_digest(self.journal.state), len(self.journal.lines)
        quoted = decide(self.journal.state, command, self.now)
        answer = self.journal.submit(command, self.now)
        assert quoted == answer, "a quote is what would happen"
        verdict = self.second.take(command, self.now)
        if verdict:
            assert state_digest(self.journal.state) == before and len(self.journal.lines) == lines
            if verdict == "repeated":
                assert isinstance(answer, Repeated) and answer.id == command.id
                assert json.loads(self.journal.lines[answer.seq - 1])["id"] == command.id
            else:
                assert isinstance(answer, Refused) and answer.id == command.id and answer.field and answer.reason
                assert (answer.code == "conflict") == (verdict == "conflict")
        else:
            assert isinstance(answer, tuple), answer
            self.commands.append(command)
        return answer

    def fresh(self):
        self.number += 1
        return f"c{self.number}"

    @rule(by=st.integers(0, 15))
    def time_passes(self, by):
        self.now += by

    @rule(
        amount=AMOUNT,
        source=st.sampled_from(SOURCES),
        market=st.one_of(st.none(), st.sampled_from(MARKETS)),
        named=st.sampled_from(["", "", "", "layer", "nobody"]),
        data=st.data(),
    )
    def money_comes_in(self, amount, source, market, named, data):
        layer = None
        if named == "layer":
            layer = data.draw(st.sampled_from([layer.id for layer in self.spec.layers]))
        elif named:
            layer = named
        self.send(inflow(self.fresh(), amount, source, market, layer=layer))

    @rule(
        rows=st.lists(
            st.tuples(
                NAMES,
                AMOUNT,
                st.dictionaries(st.sampled_from(MARKETS), st.integers(0, 9), max_size=3),
                st.sampled_from(["", "", "owner"]),
            ),
            min_size=1,
            max_size=3,
        ),
        fresh=st.booleans(),
    )
    def deficits_come(self, rows, fresh):
        """Mostly new deficits; sometimes one that was drawn before, or the same twice."""
        mark = f".{self.number}" if fresh else ""
        deficits = [
            shortfall(name + mark, amount, losses, account=f"of-{name}", owner=owner)
            for name, amount, losses, owner in rows
        ]
        answer = self.send(batch(self.fresh(), *deficits))
        if isinstance(answer, tuple):
            drawn = answer[0]
            assert isinstance(drawn, ShortfallsDrawn)
            asked = exhausted(drawn, drawn.shortfalls.id)
            severity = {row.deficit: row.amount for row in drawn.severity}
            assert (asked is None) == (not severity)
            assert not set(drawn.waiting) & set(self.journal.state.deficits)
            if asked is not None:
                assert dict(asked.severity) == severity and asked.policy == self.spec.policy
                assert list(severity) == in_id_order(severity)
                assert asked.deadline_ms == self.now + self.spec.deadline_ms

    @rule(part=st.integers(0, 12), lots=st.sampled_from([0, 0, 3, -1]), final=st.booleans(), data=st.data())
    def severity_is_settled(self, part, lots, final, data):
        """Part of it, all of it, or more than there is; of a batch that waits, or of none."""
        waiting = sorted(self.journal.state.pending)
        name = data.draw(st.sampled_from([*waiting, "no-such-batch"]))
        owed = sum(self.second.severity(name).values())
        haircuts = (pay(owed * part // 10, lots), pay(0))
        self.send(Settle(id=self.fresh(), batch=name, haircuts=haircuts, final=final))

    @precondition(lambda self: self.journal.state.pending)
    @rule(data=st.data())
    def a_deadline_passes(self, data):
        self.send(Lapse(id=self.fresh(), batch=data.draw(st.sampled_from(sorted(self.journal.state.pending)))))

    @precondition(lambda self: self.journal.state.pending)
    @rule(data=st.data(), past=st.integers(0, 1), how=st.sampled_from(["lapse", "settle"]))
    def at_the_deadline(self, data, past, how):
        """Exactly at it, or one millisecond later."""
        name = data.draw(st.sampled_from(sorted(self.journal.state.pending)))
        self.now = max(self.now, self.journal.state.pending[name].deadline_ms + past)
        command = Lapse(id=self.fresh(), batch=name) if how == "lapse" else Settle(id=self.fresh(), batch=name)
        self.send(command)

    @rule(market=st.sampled_from([*MARKETS, "no-such-market"]))
    def a_market_closes(self, market):
        self.send(CloseMarket(id=self.fresh(), market=market))

    @rule(data=st.data())
    def a_bucket_migrates(self, data):
        layers = st.sampled_from([*(layer.id for layer in self.spec.layers), "nobody"])
        self.send(Migrate(id=self.fresh(), from_layer=data.draw(layers), to_layer=data.draw(layers)))

    @rule()
    def the_pool_flows_on(self):
        self.send(Release(id=self.fresh()))

    @rule(name=st.sampled_from(["open_interest", "open_interest.BTC", "cover_2"]), amount=st.integers(-1, 120))
    def something_is_measured(self, name, amount):
        self.send(Measure(id=self.fresh(), name=name, amount=Units(amount)))

    @rule(data=st.data(), maintenance=st.integers(-1, 20), loss=st.integers(0, 20))
    def a_layer_holds_positions(self, data, maintenance, loss):
        layer = data.draw(st.sampled_from([layer.id for layer in self.spec.layers]))
        self.send(Inventory(id=self.fresh(), layer=layer, maintenance=Units(maintenance), open_loss=Units(loss)))

    @rule(data=st.data(), market=st.sampled_from(MARKETS), amount=st.integers(0, 30))
    def positions_of_a_layer_lost(self, data, market, amount):
        layer = data.draw(st.sampled_from([layer.id for layer in self.spec.layers]))
        self.send(InventoryLoss(id=self.fresh(), layer=layer, market=market, amount=Units(amount)))

    @rule(amount=AMOUNT, to_vault=st.integers(0, 40), to_treasury=st.integers(0, 20))
    def a_residual_comes_in_parts(self, amount, to_vault, to_treasury):
        """Sometimes they do not add up."""
        parts = (Part("vault", Units(to_vault)), Part("treasury", Units(to_treasury)), Part("fund", Units(amount)))
        whole = amount + to_vault + to_treasury
        self.send(inflow(self.fresh(), whole if amount % 5 else whole + 1, "residual", parts=parts))

    @rule(data=st.data(), approver=st.sampled_from(["bob", "bob", "bob", "bob", "Ann"]))
    def something_is_corrected(self, data, approver):
        """Money, debt or both; sometimes of what is not there, or by more than is."""
        by = st.integers(-30, 30)
        layers = st.sampled_from([*(layer.id for layer in self.spec.layers), "nobody"])
        debts = st.sampled_from([*self.journal.state.carried, "nobody"])
        rows = data.draw(st.lists(st.tuples(layers, by), max_size=2))
        owed = data.draw(st.lists(st.tuples(debts, by), max_size=1))
        wrong = data.draw(st.sampled_from(["genesis", "nothing", *(command.id for command in self.commands)]))
        command = Correct(
            id=self.fresh(),
            wrong=wrong,
            proposer="ann",
            approver=approver,
            reason="it was so",
            layers=tuple(LayerDifference(layer, Units(units)) for layer, units in rows),
            debts=tuple(DebtDifference(deficit, Units(units)) for deficit, units in owed),
        )
        self.send(command)

    @precondition(lambda self: self.commands)
    @rule(data=st.data())
    def the_same_command_again(self, data):
        assert isinstance(self.send(data.draw(st.sampled_from(self.commands))), Repeated)

    @precondition(lambda self: self.commands)
    @rule(data=st.data(), other=AMOUNT)
    def the_same_id_with_other_content(self, data, other):
        first = data.draw(st.sampled_from(self.commands))
        command = inflow(first.id, other + 100, "top_up")
        answer = self.send(command)
        assert isinstance(answer, Refused) and answer.code == "conflict" and first.id in answer.reason

    @rule(
        slip=st.sampled_from(
            [
                inflow("slip", 0),
                inflow("slip", -5),
                inflow("slip", 10**38),
                inflow("slip", 5, asset="BTC"),
                inflow("slip", 5, market="DOGE"),
                inflow("slip", 5, "surcharge", layer="x"),
                batch("slip"),
                batch("slip", shortfall("s", 0)),
                batch("slip", shortfall("s", 10**38)),
                batch("slip", shortfall("s", 5, {"DOGE": 1})),
                batch("slip", shortfall("s", 5, {"BTC": -1})),
                batch("slip", shortfall("s", 5), shortfall("s", 6)),
                batch("slip", Shortfall("s", "a", "a", "BTC", Units(5))),
                batch(
                    "slip", Shortfall("s", "a", "a", "USDC", Units(5), (Loss("BTC", Units(1)), Loss("BTC", Units(2))))
                ),
                Settle(id="slip", batch="none"),
                Lapse(id="slip", batch="none"),
                CloseMarket(id="slip", market="DOGE"),
            ]
        )
    )
    def a_command_that_makes_no_sense(self, slip):
        """Refused, and the id is not used up: the next rule to use it is not a repetition."""
        assert isinstance(self.send(slip), Refused)

    @precondition(lambda self: self.now > 0)
    @rule(back=st.integers(1, 5))
    def time_never_runs_back(self, back):
        early = self.journal.state.last_t_ms - back
        answer = self.journal.submit(inflow(self.fresh(), 5), early)
        assert isinstance(answer, Refused) and answer.field == "t"

    @invariant()
    def both_books_agree(self):
        state, picture = self.journal.state, self.second.picture()
        assert {name: layer.balance for name, layer in state.layers.items()} == picture["layers"]
        assert {name: units for name, units in state.receivers.items() if units} == picture["receivers"]
        assert [(name, debt.amount) for name, debt in state.carried.items()] == picture["carried"]
        assert {
            (name, deficit): units
            for name, waiting in state.pending.items()
            for deficit, units in waiting.severity.items()
        } == picture["pending"]

    @invariant()
    def test_I1_conservation(self):
        """No unit is made or lost, and every deficit ends as draws, haircuts, pending, carried or repaid."""
        state, second = self.journal.state, self.second
        assert sum(second.money.values()) == 0
        assert state.layers_units == sum(second.picture()["layers"].values())
        flows = state.totals
        came = flows.money_in + flows.called + flows.corrected
        assert state.layers_units == came - flows.paid_out - flows.recovered - flows.drawn - flows.inventory_lost
        assert flows.inventory_lost == second.of("lost")
        for name, layer in state.layers.items():
            if not layer.funded:
                assert layer.commitment == (layer.spec.commitment or 0) - second.of("called", name)
        assert flows.drawn == second.of("covered") and flows.haircuts == second.of("haircuts")
        assert flows.recovered == second.of("repaid")
        ends = flows.drawn + flows.haircuts + state.pending_units + state.carried_units + flows.recovered
        assert flows.deficits + flows.debt_corrected == ends

    @invariant()
    def test_I2_no_layer_is_below_zero(self):
        assert all(layer.balance >= 0 for layer in self.journal.state.layers.values())

    def teardown(self):
        """I7: the log replays to the same state, and decoding does not depend on having been there."""
        if hasattr(self, "journal"):
            assert state_digest(replay(self.journal.lines)) == state_digest(self.journal.state)


TestFundBesideSecondLedger = FundBesideSecondLedger.TestCase
TestFundBesideSecondLedger.settings = settings(stateful_step_count=20)


class RichFundBesideSecondLedger(FundBesideSecondLedger):
    """The same with every limit, rank, draw mode, kind of layer and split."""

    @initialize(spec=rich_designs())
    def begin(self, spec):
        self.spec = spec
        self.journal = spec.journal()
        self.second = SecondLedger(spec)
        self.commands = []
        self.now = 0
        self.number = 0


TestRichFundBesideSecondLedger = RichFundBesideSecondLedger.TestCase
TestRichFundBesideSecondLedger.settings = settings(stateful_step_count=20)


# --- one property a test ------------------------------------------------------------------------------------------

HUGE = st.integers(1, 10**30)


@st.composite
def runs(draw, top=10**30, designs=fund_designs):
    """A design, and commands with times that never run back; any of them may be refused."""
    spec = draw(designs(top))
    commands, now = [], 0
    for number in range(draw(st.integers(1, 6))):
        now += draw(st.integers(0, 25))
        kind = draw(st.sampled_from(["in", "in", "out", "out", "settle", "lapse", "close"]))
        name = f"c{number}"
        if kind == "in":
            market = draw(st.sampled_from([None, *(market.id for market in spec.markets)]))
            commands.append((inflow(name, draw(st.integers(1, top)), draw(st.sampled_from(SOURCES)), market), now))
        elif kind == "out":
            deficits = [
                shortfall(f"{name}.{i}", draw(st.integers(1, top)), {spec.markets[0].id: draw(st.integers(0, 9))})
                for i in range(draw(st.integers(1, 3)))
            ]
            commands.append((batch(name, *deficits), now))
        elif kind == "settle":
            haircut = pay(draw(st.integers(0, top)))
            commands.append((Settle(id=name, batch=f"c{number - 1}", haircuts=(haircut,)), now))
        elif kind == "lapse":
            commands.append((Lapse(id=name, batch=f"c{number - 1}"), now))
        else:
            commands.append((CloseMarket(id=name, market=spec.markets[0].id), now))
    return spec, commands


def play(spec, commands):
    journal = spec.journal()
    answers = [journal.submit(command, now) for command, now in commands]
    return journal, answers


@given(st.one_of(runs(), runs(designs=rich_designs)))
def test_I1_amounts_far_beyond_64_bits_are_conserved(run):
    journal, _ = play(*run)
    state = journal.state
    opening = sum(layer.balance for layer in run[0].layers)
    came = sum(
        int(command.amount) for command, _ in run[1] if command.id in state.answered and hasattr(command, "amount")
    )
    left = state.layers_units + state.totals.paid_out + state.totals.drawn + state.totals.recovered
    assert left == opening + came + state.totals.called


@given(st.one_of(runs(), runs(designs=rich_designs)))
def test_I7_replay_gives_the_same_state_and_the_same_run_the_same_bytes(run):
    journal, _ = play(*run)
    again, _ = play(*run)
    assert journal.lines == again.lines
    assert state_digest(replay(journal.lines)) == state_digest(journal.state) == state_digest(again.state)


@given(st.one_of(runs(40), runs(40, rich_designs)), st.integers(1, 3))
def test_I8_submitting_every_command_again_changes_nothing(run, times):
    journal, answers = play(*run)
    digest, lines = state_digest(journal.state), list(journal.lines)
    for _ in range(times):
        for (command, _), answer in zip(run[1], answers):
            if isinstance(answer, tuple):
                again = journal.submit(command, 10**6)
                assert isinstance(again, Repeated) and json.loads(lines[again.seq - 1])["id"] == command.id
    assert state_digest(journal.state) == digest and journal.lines == lines


@given(runs(40))
def test_I8_an_event_applied_twice_is_refused_and_changes_nothing(run):
    journal, answers = play(*run)
    digest = state_digest(journal.state)
    last = next((answer[-1] for answer in reversed(answers) if isinstance(answer, tuple)), None)
    assume(last is not None)
    stamp = Stamp(journal.state.last_seq, journal.state.last_t_ms, "again")
    with pytest.raises(BrokenLog, match=f"event {stamp.seq} "):
        apply(journal.state, stamp, last)
    assert state_digest(journal.state) == digest


@given(runs(40))
def test_a_refusal_does_not_use_up_the_id(run):
    """What was refused can be sent again under its id once it makes sense."""
    spec, commands = run
    journal, answers = play(spec, commands)
    for (command, _), answer in zip(commands, answers):
        if isinstance(answer, Refused):
            sound = inflow(command.id, 7, "top_up")
            assert isinstance(journal.submit(sound, 10**6), tuple)


@given(st.one_of(runs(40), runs(40, rich_designs)))
def test_asking_is_not_applying(run):
    """decide only reads: a quote of every command leaves the digest where it was."""
    spec, commands = run
    journal = spec.journal()
    digest = state_digest(journal.state)
    for command, now in commands:
        decide(journal.state, command, now)
    assert state_digest(journal.state) == digest


@given(st.one_of(runs(40), runs(40, rich_designs)), st.randoms())
def test_the_order_of_deficits_within_a_batch_does_not_matter(run, random):
    spec, commands = run
    mixed = []
    for command, now in commands:
        if isinstance(command, Shortfalls):
            rows = list(command.deficits)
            random.shuffle(rows)
            command = Shortfalls(id=command.id, deficits=tuple(rows))
        mixed.append((command, now))
    (one, _), (other, _) = play(spec, commands), play(spec, mixed)
    drawn_1 = [json.loads(line)["data"].get("draws") for line in one.lines]
    drawn_2 = [json.loads(line)["data"].get("draws") for line in other.lines]
    assert drawn_1 == drawn_2
    assert {n: layer.balance for n, layer in one.state.layers.items()} == {
        n: layer.balance for n, layer in other.state.layers.items()
    }


@given(runs(40))
def test_a_draw_is_charged_to_the_window_with_what_was_drawn_not_asked(run):
    """Within any window no layer gives more than its limit, counted over the whole log."""
    spec, commands = run
    journal, _ = play(spec, commands)
    for layer in spec.layers:
        if layer.window_limit is None:
            continue
        times = []
        for line in journal.lines:
            envelope = json.loads(line)
            for draw in envelope["data"].get("draws", ()):
                if draw["layer"] == layer.id:
                    times.append((envelope["t"], int(draw["amount"])))
        for end, _ in times:
            within = sum(amount for time, amount in times if end - layer.window_ms < time <= end)
            assert within <= layer.window_limit


@given(fund_designs(), AMOUNT, st.integers(0, 400))
def test_carried_debt_bears_no_interest_however_long_it_stays(spec, amount, days):
    spec = replace(spec, policy="carry", layers=tuple(replace(layer, balance=0) for layer in spec.layers))
    journal = spec.journal()
    journal.submit(batch("b", shortfall("d", amount)), 1)
    now = 1 + days * 86_400_000
    answer = journal.submit(inflow("i", 1, "yield"), now)
    assert answer[0].repaid[0].amount == 1
    assert journal.state.carried_units == amount - 1
    if amount > 1:
        assert journal.state.carried["d"].since_ms == 1
