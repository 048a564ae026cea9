"""Fund driver: a scenario's statements as commands to a fund, its answers compared with what was expected.

Layer    scenario; imports amounts, design.types, fund, scenario.{assertions,checks,fund_facts,parse,vocabulary}.
Not here any decision: every amount that is found was decided by fund.decide, and the journal checks its invariants.
Held to  this by tests/scenario/test_fund_driver.py and by every scenario with `driver fund`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final, get_args

from seawall.amounts import Units
from seawall.design.types import Design
from seawall.fund.codec import CorruptLog
from seawall.fund.events import Event
from seawall.fund.journal import Journal, replay, state_digest
from seawall.fund.messages import (
    AnyCommand,
    CloseMarket,
    Haircut,
    Inflow,
    InflowSource,
    Lapse,
    Loss,
    Refused,
    Repeated,
    Settle,
    Shortfall,
    Shortfalls,
)
from seawall.scenario.assertions import FUND_SUBJECTS, Action, fund_assertion
from seawall.scenario.checks import Check, compare
from seawall.scenario.fund_facts import COMPLETE, READERS, Expected, answer_text, answers, facts_of, read_expected
from seawall.scenario.parse import Scenario, Statement, Words, near
from seawall.scenario.vocabulary import Vocabulary

ACTIONS: Final = ("deficit", "batch", "inflow", "top_up", "settle", "lapse", "close_market", "t", "restart")
SOURCES: Final[tuple[str, ...]] = get_args(InflowSource)
HOWS: Final = ("adl", "adl_money", "socialised_loss")


class FundDriver:
    """One fund; `read` turns a statement into what running it does."""

    name = "fund"

    def __init__(self, scenario: Scenario, design: Design, text: str) -> None:
        self._design, self._text = design, text
        self._vocabulary = Vocabulary(scenario.file, design)
        self._journal = Journal(design, text, 0)

    def read(self, statement: Statement) -> Action:
        """What a statement does. Errors: BadInput, for words that make no sense here."""
        words = self._vocabulary.words(statement)
        keyword = words.next("a statement")
        if keyword in FUND_SUBJECTS:
            if statement.expected is None:
                raise words.bad(f'"->" and what {keyword} is expected to be', "no arrow")
            return fund_assertion(self._vocabulary, statement, lambda: self._journal.state)
        match keyword:
            case "t" | "restart":
                return self._control(keyword, words, statement)
            case "batch":
                return self._batch(words, statement)
            case "deficit":
                shortfall = self._shortfall(words, statement)
                return self._ask(Shortfalls(id=shortfall.id, deficits=(shortfall,)), statement, shortfall.id)
            case "inflow":
                ident, source = words.id("an inflow id"), words.one_of("a source", SOURCES)
                return self._ask(self._inflow(ident, source, words, statement), statement)
            case "top_up":
                return self._ask(self._inflow(words.id("an inflow id"), "top_up", words, statement), statement)
            case "settle":
                return self._ask(self._settle(words), statement)
            case "lapse":
                batch = words.id("a batch id")
                ident = self._vocabulary.clauses(words, ("id",)).get("id", f"lapse.{batch}")
                return self._ask(Lapse(id=ident, batch=batch), statement)
            case "close_market":
                market = self._market(words, statement)
                ident = self._vocabulary.clauses(words, ("id",)).get("id", f"close.{market}")
                return self._ask(CloseMarket(id=ident, market=market), statement)
        known = sorted({*ACTIONS, *FUND_SUBJECTS})
        raise words.bad(f"one of the statements {', '.join(known)}", repr(keyword), near(keyword, known))

    def finish(self) -> list[Check]:
        """The log, replayed, gives the same fund (I7)."""
        try:
            same = state_digest(replay(self._journal.lines)) == state_digest(self._journal.state)
            found = "the same state" if same else "another state"
        except CorruptLog as error:
            same, found = False, str(error)
        return [Check(0, "the log, replayed", "the same state", found, same)]

    # -- statements as commands --------------------------------------------------------------------------------

    def _control(self, keyword: str, words: Words, statement: Statement) -> Action:
        if statement.expected is not None:
            raise words.bad("no expectation: nothing can follow from it", '"->"')
        if keyword == "t":
            self._vocabulary.at(words)
            words.end()
            return list
        words.end()
        self._vocabulary.clock = 0

        def restart() -> list[Check]:
            checks = [replace(check, line=statement.line) for check in self.finish() if not check.ok]
            self._journal = Journal(self._design, self._text, 0)
            return checks

        return restart

    def _market(self, words: Words, statement: Statement) -> str:
        """A market of the design; any id where the statement expects to be refused."""
        return words.id("a market") if _is_refused(statement) else self._vocabulary.market(words)

    def _layer(self, words: Words, statement: Statement) -> str:
        """A layer of the design; any id where the statement expects to be refused."""
        return words.id("a layer") if _is_refused(statement) else self._vocabulary.layer(words)

    def _shortfall(self, words: Words, statement: Statement) -> Shortfall:
        """`D1 450 account A owner O asset USDC losses BTC 5 ETH 3 at 60s`."""
        ident = words.id("a deficit id")
        amount = self._vocabulary.money(words, "the deficit", signed=True)
        clauses: dict[str, str] = {}
        losses: tuple[Loss, ...] | None = None
        known = ("account", "owner", "asset", "losses", "at")
        while words.left:
            word = words.one_of("a clause", known)
            if word in clauses or (word == "losses" and losses is not None):
                raise words.bad(f"`{word}` once", "it twice")
            if word == "losses":
                losses = self._losses(words, statement, known)
            elif word == "at":
                if statement.parent:
                    raise words.bad("the time of a batch behind the batch's id", "`at` on a deficit of a batch")
                clauses["at"] = str(self._vocabulary.at(words))
            else:
                clauses[word] = words.id(f"a value for `{word}`")
        account = clauses.get("account", ident)
        return Shortfall(
            id=ident,
            account=account,
            owner=clauses.get("owner", account),
            asset=clauses.get("asset", self._design.asset.id),
            amount=Units(amount),
            losses=self._default_losses(words, amount) if losses is None else losses,
        )

    def _losses(self, words: Words, statement: Statement, clauses: Collection[str]) -> tuple[Loss, ...]:
        if words.take("none"):
            return ()
        losses = []
        while words.left and words.peek() not in clauses:
            market = self._market(words, statement)
            losses.append(Loss(market, Units(self._vocabulary.money(words, f"the loss in {market}"))))
        if not losses:
            raise words.bad("markets and losses, such as BTC 5 ETH 3, or `none`", "the end of the clause")
        return tuple(losses)

    def _default_losses(self, words: Words, amount: int) -> tuple[Loss, ...]:
        """Without `losses`: in the only market; in none where no bucket asks. Else the scenario has to say."""
        if not any(layer.kind == "market_bucket" for layer in self._design.layers):
            return ()
        if len(self._vocabulary.markets) == 1:
            return (Loss(self._vocabulary.markets[0], Units(max(amount, 0))),)
        wanted = "`losses MARKET AMOUNT ...` or `losses none`, since the design has several markets and a bucket"
        raise words.bad(wanted, "no `losses`")

    def _batch(self, words: Words, statement: Statement) -> Action:
        ident = words.id("a batch id")
        self._vocabulary.clauses(words, ())
        at = self._vocabulary.clock
        deficits: list[Shortfall] = []
        children: list[tuple[Statement, str, Expected | None]] = []
        for child in statement.children:
            inner = self._vocabulary.words(child)
            inner.one_of("under a batch lines that begin with", ("deficit",))
            deficits.append(self._shortfall(inner, child))
            expected = read_expected(self._vocabulary, child, READERS["deficit"])
            if expected is not None and expected.answer != "accepted":
                raise inner.bad("amounts; an answer such as `duplicate` stands on the batch's line", "an answer")
            children.append((child, deficits[-1].id, expected))
        whole = read_expected(self._vocabulary, statement, READERS["batch"])
        if not deficits and (whole is None or whole.answer != "refused"):
            raise words.bad("indented lines `deficit ...` under the batch", "none")
        command = Shortfalls(id=ident, deficits=tuple(deficits))

        def run() -> list[Check]:
            events, checks = self._submit(command, at, statement, whole)
            for child, deficit, expected in children:
                if expected is not None and isinstance(events, str):
                    checks.append(Check(expected.line, child.what, expected.text, events, False))
                elif expected is not None and not isinstance(events, str):
                    found = facts_of(self._vocabulary, events, deficit)
                    checks += compare(child.what, child.line, expected.facts, found, COMPLETE["deficit"])
            return checks

        return run

    def _inflow(self, ident: str, source: str, words: Words, statement: Statement) -> AnyCommand:
        """`I1 surcharge 120 market BTC asset USDC`, `T1 100 layer shared`; the id and the source were read."""
        amount = self._vocabulary.money(words, "the amount", signed=True)
        clauses: dict[str, str] = {}
        while words.left:
            word = words.one_of("a clause", ("market", "layer", "asset", "at"))
            if word in clauses:
                raise words.bad(f"`{word}` once", "it twice")
            if word == "market":
                clauses[word] = self._market(words, statement)
            elif word == "layer":
                clauses[word] = self._layer(words, statement)
            elif word == "at":
                clauses[word] = str(self._vocabulary.at(words))
            else:
                clauses[word] = words.id("an asset")
        return Inflow(
            id=ident,
            source=source,  # type: ignore[arg-type]
            asset=clauses.get("asset", self._design.asset.id),
            amount=Units(amount),
            market=clauses.get("market"),
            layer=clauses.get("layer"),
        )

    def _settle(self, words: Words) -> AnyCommand:
        """`B1 haircut W1 40 haircut W2 10 id S1`."""
        batch = words.id("a batch id")
        ident, haircuts = f"settle.{batch}", []
        while words.left:
            word = words.one_of("a clause", ("haircut", "id", "at"))
            if word == "at":
                self._vocabulary.at(words)
            elif word == "id":
                ident = words.id("an id")
            else:
                haircuts.append(self._haircut(words))
        return Settle(id=ident, batch=batch, haircuts=tuple(haircuts))

    def _haircut(self, words: Words) -> Haircut:
        """`W1 40 lots 3 market BTC how adl owner O`."""
        account = words.id("an account")
        amount = self._vocabulary.money(words, "the haircut", signed=True)
        how = "socialised_loss" if self._design.exhaustion.policy == "socialised_loss" else "adl"
        owner, market, lots = account, self._vocabulary.markets[0], 0
        while words.peek() in ("owner", "market", "how", "lots"):
            key = words.next("a clause")
            if key == "how":
                how = words.one_of("a way to pay", HOWS)
            elif key == "lots":
                lots = words.integer("lots")
            elif key == "market":
                market = self._vocabulary.market(words)
            else:
                owner = words.id("an owner")
        return Haircut(
            account=account,
            owner=owner,
            market=market,
            how=how,  # type: ignore[arg-type]
            lots=lots,
            amount=Units(amount),
        )

    # -- running -----------------------------------------------------------------------------------------------

    def _ask(self, command: AnyCommand, statement: Statement, deficit: str = "") -> Action:
        """Submit a command when it is its turn, and compare everything that follows."""
        at = self._vocabulary.clock
        expected = read_expected(self._vocabulary, statement, READERS[statement.keyword])

        def run() -> list[Check]:
            events, checks = self._submit(command, at, statement, expected)
            if expected is None or expected.answer != "accepted" or isinstance(events, str):
                return checks
            complete = COMPLETE[statement.keyword]
            if any(fact.kind == "carried in all" for fact in expected.facts):
                complete -= {"carried"}
            found = facts_of(self._vocabulary, events, deficit)
            return checks + compare(statement.what, statement.line, expected.facts, found, complete)

        return run

    def _submit(
        self, command: AnyCommand, at: int, statement: Statement, expected: Expected | None
    ) -> tuple[tuple[Event, ...] | str, list[Check]]:
        """(the events, or what the fund said instead; checks of the answer as such)."""
        state = self._journal.state
        money, digest = self._money(), state_digest(state)
        answer = self._journal.submit(command, at)
        line, what = expected.line if expected else statement.line, statement.what
        wanted = expected.text if expected else "accepted"
        checks = []
        if isinstance(answer, Refused | Repeated):
            if expected is None or expected.answer != "any":
                ok = expected is not None and answers(answer, expected)
                checks.append(Check(line, what, wanted, answer_text(answer), ok))
            if state_digest(state) != digest:
                checks.append(Check(line, what, "a fund unchanged", "a fund changed", False))
        elif expected is not None and expected.answer not in ("accepted", "any"):
            checks.append(Check(line, what, wanted, "accepted", False))
        if expected is not None and expected.still:
            moved = "something moves" if self._money() != money else "nothing moves"
            checks.append(Check(line, what, "nothing moves", moved, moved == "nothing moves"))
        return (answer_text(answer) if isinstance(answer, Refused | Repeated) else answer), checks

    def _money(self) -> object:
        """Everything that money can move, by value."""
        state = self._journal.state
        return (
            {name: layer.balance for name, layer in state.layers.items()},
            dict(state.receivers),
            {name: debt.amount for name, debt in state.carried.items()},
            {name: dict(batch.severity) for name, batch in state.pending.items()},
        )


def _is_refused(statement: Statement) -> bool:
    return any(item.words[:1] == ("refused",) for item in statement.expected or ())
