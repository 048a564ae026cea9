"""Venue driver: a book and prices as a venue with its fund, its steps compared with what was expected.

Layer    scenario; imports amounts, design.types, fund, stress.ladder, venue, scenario.{assertions,checks,fund_facts,
         parse,venue_*,vocabulary}.
Not here any decision: every fact is read from the two logs, and the machines check their invariants after every event.
Held to  this by tests/scenario/test_venue_driver.py and by every scenario with `driver venue`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from seawall.amounts import sha256_hex
from seawall.design.types import Design
from seawall.fund.codec import CorruptLog
from seawall.fund.journal import FUND_CODEC, Journal, replay, state_digest
from seawall.fund.messages import Refused, Repeated
from seawall.scenario.assertions import FUND_SUBJECTS, Action, fund_assertion
from seawall.scenario.checks import Check, Fact, compare
from seawall.scenario.fund_facts import Expected, Reader, answer_text, answers, read_answer_only, read_expected
from seawall.scenario.parse import Scenario, Statement, Words, near
from seawall.scenario.venue_assertions import VENUE_SUBJECTS, VenueAssertions, waiting
from seawall.scenario.venue_book import Accounts
from seawall.scenario.venue_expected import PAID, money_facts, read_deposit, read_step, read_withdrawal
from seawall.scenario.venue_facts import Tally
from seawall.scenario.vocabulary import Vocabulary
from seawall.stress.ladder import compile_ladder
from seawall.stress.screened import Scan, open_venue
from seawall.venue.ladder import Levels
from seawall.venue.machine import Venue, World
from seawall.venue.replay import replay as replay_venue, venue_digest
from seawall.venue.withdrawals import Answer

ACTIONS: Final = ("account", "step", "withdraw", "withdraw_batch", "deposit", "t", "restart")
SUBJECTS: Final = (*FUND_SUBJECTS, *VENUE_SUBJECTS)


@dataclass(frozen=True, slots=True)
class _Request:
    """A withdrawal or a deposit, and what is expected of it. Amount in base units."""

    statement: Statement
    id: str
    account: str
    amount: int
    expected: Expected | None


class VenueDriver:
    """One venue and its fund; `read` turns a statement into what running it does."""

    name = "venue"
    scan: Scan = "exact"

    def __init__(self, scenario: Scenario, design: Design, text: str) -> None:
        self._design, self._design_text = design, text
        self._vocabulary = Vocabulary(scenario.file, design)
        self._accounts = Accounts(self._vocabulary)
        self._first_ticks: dict[str, int] = {}
        self._steps = 0
        self._begun = False
        self._opened: Venue | None = None
        self._marks: dict[str, int] = {}
        self._account_of: dict[str, str] = {}
        self._assertions = VenueAssertions(self._vocabulary, lambda: self._venue, self._marks)

    def read(self, statement: Statement) -> Action:
        """What a statement does. Errors: BadInput, for words that make no sense here."""
        words = self._vocabulary.words(statement)
        known = sorted({*ACTIONS, *SUBJECTS})
        keyword = words.next("a statement")
        if keyword in SUBJECTS and statement.expected is not None:
            if keyword in FUND_SUBJECTS:
                return fund_assertion(self._vocabulary, statement, lambda: self._venue.fund.state)
            return self._assertions.read(keyword, words, statement)
        if keyword in SUBJECTS and keyword not in ACTIONS:
            raise words.bad(f'"->" and what {keyword} is expected to be', "no arrow")
        if keyword not in ACTIONS:
            raise words.bad(f"one of the statements {', '.join(known)}", repr(keyword), near(keyword, known))
        if keyword == "step":
            return self._step(words, statement)
        if keyword in ("withdraw", "deposit"):
            return self._money(keyword, words, statement)
        if keyword == "withdraw_batch":
            return self._withdrawals(words, statement)
        return self._quiet(keyword, words, statement)

    def _quiet(self, keyword: str, words: Words, statement: Statement) -> Action:
        """Statements of which nothing can follow."""
        if statement.expected is not None:
            raise words.bad("no expectation: nothing can follow from it", '"->"')
        if keyword == "account":
            if self._begun:
                raise words.bad("every account before anything happens", "an account behind it")
            self._accounts.read(words)
        elif keyword == "t":
            self._vocabulary.at(words)
            words.end()
        else:
            words.end()
            self._vocabulary.clock = 0
            return lambda: self._restart(statement.line)
        return list

    def finish(self) -> list[Check]:
        """Both logs, replayed, give the same machines (I7)."""
        venue = self._venue
        try:
            fund = replay(venue.fund.lines)
            again = replay_venue(venue.lines, self._design, self._accounts.book(), venue.fund.state.design_digest)
            same = state_digest(fund) == state_digest(venue.fund.state)
            same = same and venue_digest(again) == venue_digest(venue.state)
            found = "the same state" if same else "another state"
        except CorruptLog as error:
            same, found = False, str(error)
        return [Check(0, "the logs, replayed", "the same state", found, same)]

    def close(self) -> None:
        """Nothing is open."""

    @property
    def _venue(self) -> Venue:
        """The venue, opened when it is first needed: by then every account and price of the file has been read."""
        if self._opened is None:
            ladders: dict[tuple[str, str], Levels] = {}
            for depth in self._design.stress.depth:
                reference = 1 if depth.distance == "ticks" else self._first_ticks.get(depth.market, 0)
                if reference:
                    bids, asks = compile_ladder(depth, reference)
                    ladders[depth.market, "bids"], ladders[depth.market, "asks"] = bids, asks
            fund = Journal(self._design, self._design_text, 0)
            self._opened = open_venue(self._design, self._accounts.book(), fund, World(ladders=ladders), 0, self.scan)
        return self._opened

    def _restart(self, line: int) -> list[Check]:
        checks = [replace(check, line=line) for check in self.finish() if not check.ok]
        self._opened = None
        self._marks.clear()
        self._account_of.clear()
        return checks

    # -- a step ------------------------------------------------------------------------------------------------

    def _step(self, words: Words, statement: Statement) -> Action:
        """`step BTC 80 ETH 19 funding BTC 100000000 at 60s`."""
        prices: dict[str, int] = {}
        funding: dict[str, int] = {}
        rates = False
        while words.left:
            if words.take("at"):
                self._vocabulary.at(words)
                continue
            if words.take("funding"):
                rates = True
                continue
            market = self._vocabulary.market(words)
            if market in (funding if rates else prices):
                raise words.bad("each market once", f"{market} again")
            if rates:
                funding[market] = words.integer("a rate of funding in 10^-12", signed=True)
                continue
            prices[market] = self._vocabulary.price(words, market, zero=True)
            if prices[market]:
                self._first_ticks.setdefault(market, prices[market])
        self._steps += 1
        self._begun = True
        at, what = self._vocabulary.clock, f"step {self._steps}"
        expected = read_step(self._vocabulary, statement, what)

        def run() -> list[Check]:
            found = self._run(at, prices, funding)
            return [] if expected is None else expected.check(what, statement.line, found)

        return run

    def _run(self, at: int, prices: Mapping[str, int], funding: Mapping[str, int]) -> list[Fact]:
        """Make the step; returns what both logs say of it, read as anybody would read them."""
        venue, log = self._venue, self._venue.fund.lines
        before, entries = len(venue.events), len(log)
        venue.step(at, prices, funding)
        tally = Tally(self._vocabulary, self._marks, self._account_of)
        for event in venue.events[before:]:
            tally.take(event)
        for i in range(entries, len(log)):
            tally.take_fund(FUND_CODEC.decode(i + 1, log[i], sha256_hex(log[i - 1])).event)
        for market, reason in sorted(venue.state.stale.items()):
            tally.add("stale", (self._vocabulary.markets[market],), note=reason)
        for account in waiting(venue):
            tally.add("waiting", (account,))
        for name, ticks in self._marks.items():
            tally.add("mark", (name,), ticks)
        tally.add("rounds", (), 0)
        return tally.facts()

    # -- money of traders --------------------------------------------------------------------------------------

    def _request(self, words: Words, statement: Statement, read: Reader) -> _Request:
        """`W1 A 100 at 60s`: an id, an account (any where it is to be refused), an amount."""
        ident = words.id("an id")
        refused = any(item.words[:1] == ("refused",) for item in statement.expected or ())
        account = words.id("an account") if refused else self._vocabulary.account(words)
        amount = self._vocabulary.money(words, "the amount", signed=True)
        while words.left:
            if statement.parent:
                raise words.bad("the time of withdrawals on their own line", repr(words.peek()))
            words.one_of("a clause", ("at",))
            self._vocabulary.at(words)
        self._begun = True
        return _Request(statement, ident, account, amount, read_expected(self._vocabulary, statement, read))

    def _money(self, keyword: str, words: Words, statement: Statement) -> Action:
        """`withdraw W1 A 100`, `deposit P1 A 100`."""
        reader = read_withdrawal if keyword == "withdraw" else read_deposit
        request = self._request(words, statement, reader)
        at = self._vocabulary.clock

        def run() -> list[Check]:
            ask = self._venue.withdraw if keyword == "withdraw" else self._venue.deposit
            return self._answered(request, ask(at, request.id, request.account, request.amount))

        return run

    def _withdrawals(self, words: Words, statement: Statement) -> Action:
        """Withdrawals paid together, from one snapshot: one indented line each."""
        self._vocabulary.clauses(words, ())
        at = self._vocabulary.clock
        if read_expected(self._vocabulary, statement, read_answer_only) is not None:
            raise words.bad("what is expected on the lines of the withdrawals", '"->"')
        requests = []
        for child in statement.children:
            inner = self._vocabulary.words(child)
            inner.one_of("under `withdraw_batch` lines that begin with", ("withdraw",))
            requests.append(self._request(inner, child, read_withdrawal))
        if not requests:
            raise words.bad("indented lines `withdraw ...` under it", "none")

        def run() -> list[Check]:
            rows = [(request.id, request.account, request.amount) for request in requests]
            told = self._venue.withdraw_batch(at, rows)
            return [check for pair in zip(requests, told, strict=True) for check in self._answered(*pair)]

        return run

    def _answered(self, request: _Request, answer: Answer) -> list[Check]:
        """What the venue said beside what was expected."""
        expected, statement = request.expected, request.statement
        if isinstance(answer, Refused | Repeated):
            ok = expected is not None and answers(answer, expected)
            wanted = expected.text if expected else "accepted"
            return [Check(statement.line, statement.what, wanted, answer_text(answer), ok)]
        if expected is None:
            return []
        if expected.answer != "accepted":
            return [Check(statement.line, statement.what, expected.text, "accepted", False)]
        found: Sequence[Fact] = money_facts(self._vocabulary, answer, request.id)
        return compare(statement.what, statement.line, expected.facts, found, PAID)


class KernelDriver(VenueDriver):
    """The same venue, its scan narrowed down by the kernel."""

    name = "kernel"
    scan: Scan = "kernel"
