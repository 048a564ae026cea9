"""Venue driver: a book and prices as a venue with its fund, its steps compared with what was expected.

Layer    scenario; imports amounts, design.types, fund, rules.liquidation (who still waits), stress.ladder, venue,
         scenario.{assertions,checks,parse,venue_facts,vocabulary}.
Not here any decision: every fact is read from the two logs, and the machines check their invariants after every event.
Held to  this by tests/scenario/test_venue_driver.py and by every scenario with `driver venue`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from seawall.amounts import id_key, sha256_hex
from seawall.design.types import Design
from seawall.fund.codec import CorruptLog
from seawall.fund.journal import FUND_CODEC, Journal, replay, state_digest
from seawall.rules.liquidation import is_liquidatable
from seawall.scenario.assertions import FUND_SUBJECTS, Action, Figure, figures, fund_assertion
from seawall.scenario.checks import Check, Fact
from seawall.scenario.parse import Scenario, Statement, Words, near
from seawall.scenario.venue_facts import Tally, read_step
from seawall.scenario.vocabulary import Vocabulary
from seawall.stress.ladder import compile_ladder
from seawall.venue.book import Book
from seawall.venue.ladder import Levels
from seawall.venue.machine import Venue, World
from seawall.venue.replay import replay as replay_venue, venue_digest
from seawall.venue.scan import value_all, value_one

ACTIONS: Final = ("account", "step", "t", "restart")
SUBJECTS: Final = (*FUND_SUBJECTS, "account", "outside", "mark", "waiting")
ACCOUNT_FIGURES: Final = ("cash", "equity", "margin", "fees", "lots", "cost", "profit")


@dataclass(slots=True)
class _Account:
    """One account of the book; positions: market -> (signed lots, cost in base units, signed like the lots)."""

    owner: str
    cash: int = 0
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)


class VenueDriver:
    """One venue and its fund; `read` turns a statement into what running it does."""

    name = "venue"

    def __init__(self, scenario: Scenario, design: Design, text: str) -> None:
        self._design, self._design_text = design, text
        self._vocabulary = Vocabulary(scenario.file, design)
        self._accounts: dict[str, _Account] = {}
        self._first_ticks: dict[str, int] = {}
        self._steps = 0
        self._opened: Venue | None = None
        self._marks: dict[str, int] = {}
        self._account_of: dict[str, str] = {}

    def read(self, statement: Statement) -> Action:
        """What a statement does. Errors: BadInput, for words that make no sense here."""
        words = self._vocabulary.words(statement)
        known = sorted({*ACTIONS, *SUBJECTS})
        keyword = words.next("a statement")
        if keyword in SUBJECTS and statement.expected is not None:
            return self._assertion(keyword, words, statement)
        if keyword in SUBJECTS and keyword not in ACTIONS:
            raise words.bad(f'"->" and what {keyword} is expected to be', "no arrow")
        if keyword not in ACTIONS:
            raise words.bad(f"one of the statements {', '.join(known)}", repr(keyword), near(keyword, known))
        if keyword == "step":
            return self._step(words, statement)
        if statement.expected is not None:
            raise words.bad("no expectation: nothing can follow from it", '"->"')
        if keyword == "account":
            self._account(words)
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
            again = replay_venue(venue.lines, self._design, self._book(), venue.fund.state.design_digest)
            same = state_digest(fund) == state_digest(venue.fund.state)
            same = same and venue_digest(again) == venue_digest(venue.state)
            found = "the same state" if same else "another state"
        except CorruptLog as error:
            same, found = False, str(error)
        return [Check(0, "the logs, replayed", "the same state", found, same)]

    # -- the book ----------------------------------------------------------------------------------------------

    def _account(self, words: Words) -> None:
        """`account A owner O cash 120 long 10 BTC at 100 short 3 ETH at 20`."""
        if self._steps:
            raise words.bad("every account before the first step", "an account behind it")
        name = words.id("an account id")
        if name in self._accounts:
            raise words.bad("each account once", f"{name} again")
        account = _Account(name)
        while words.left:
            word = words.one_of("a clause", ("owner", "cash", "long", "short"))
            if word == "owner":
                account.owner = words.id("an owner")
            elif word == "cash":
                account.cash = self._vocabulary.money(words, "the account's cash", signed=True)
            else:
                self._position(words, account, 1 if word == "long" else -1)
        self._accounts[name] = account
        self._vocabulary.accounts.append(name)

    def _position(self, words: Words, account: _Account, side: int) -> None:
        """`10 BTC at 100`, `10 BTC cost 1003`."""
        lots = words.integer("lots")
        market = self._vocabulary.market(words)
        if lots == 0 or market in account.positions:
            raise words.bad("one position a market, of at least one lot", f"{lots} {market}")
        if words.one_of("the entry", ("at", "cost")) == "at":
            cost = self._vocabulary.worth(market, lots, self._vocabulary.price(words, market))
        else:
            cost = self._vocabulary.money(words, "what the position cost")
        account.positions[market] = side * lots, side * cost

    def _book(self) -> Book:
        names = sorted(self._accounts, key=id_key)
        rows = [
            (i, j, *self._accounts[name].positions[market])
            for i, name in enumerate(names)
            for j, market in enumerate(self._vocabulary.markets)
            if market in self._accounts[name].positions
        ]
        return Book(
            accounts=tuple(names),
            owners=tuple(self._accounts[name].owner for name in names),
            cash_units=tuple(self._accounts[name].cash for name in names),
            markets=tuple(self._vocabulary.markets),
            position_account=tuple(row[0] for row in rows),
            position_market=tuple(row[1] for row in rows),
            lots=tuple(row[2] for row in rows),
            cost_units=tuple(row[3] for row in rows),
        )

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
            self._opened = Venue(self._design, self._book(), fund, World(ladders=ladders), 0)
        return self._opened

    def _restart(self, line: int) -> list[Check]:
        checks = [replace(check, line=line) for check in self.finish() if not check.ok]
        self._opened = None
        self._marks, self._account_of = {}, {}
        return checks

    # -- a step ------------------------------------------------------------------------------------------------

    def _step(self, words: Words, statement: Statement) -> Action:
        """`step BTC 80 ETH 19 at 60s`."""
        prices: dict[str, int] = {}
        while words.left:
            if words.take("at"):
                self._vocabulary.at(words)
                continue
            market = self._vocabulary.market(words)
            if market in prices:
                raise words.bad("each market once", f"{market} again")
            prices[market] = self._vocabulary.price(words, market, zero=True)
            if prices[market]:
                self._first_ticks.setdefault(market, prices[market])
        self._steps += 1
        at, what = self._vocabulary.clock, f"step {self._steps}"
        expected = read_step(self._vocabulary, statement, what)

        def run() -> list[Check]:
            found = self._run(at, prices)
            return [] if expected is None else expected.check(what, statement.line, found)

        return run

    def _run(self, at: int, prices: Mapping[str, int]) -> list[Fact]:
        """Make the step; returns what both logs say of it, read as anybody would read them."""
        venue, log = self._venue, self._venue.fund.lines
        before, entries = len(venue.events), len(log)
        venue.step(at, prices)
        tally = Tally(self._vocabulary, self._marks, self._account_of)
        for event in venue.events[before:]:
            tally.take(event)
        for i in range(entries, len(log)):
            tally.take_fund(FUND_CODEC.decode(i + 1, log[i], sha256_hex(log[i - 1])).event)
        for market, reason in sorted(venue.state.stale.items()):
            tally.add("stale", (self._vocabulary.markets[market],), note=reason)
        for account in self._waiting():
            tally.add("waiting", (account,))
        for name, ticks in self._marks.items():
            tally.add("mark", (name,), ticks)
        tally.add("rounds", (), 0)
        return tally.facts()

    def _waiting(self) -> list[str]:
        """Accounts that are liquidatable at the marks as they stand and still hold positions, lowest id first."""
        state = self._venue.state
        values, trigger = value_all(state), self._design.liquidation.trigger
        return [
            account
            for i, account in enumerate(state.accounts)
            if values.decidable[i] and is_liquidatable(int(values.equity[i]), int(values.maintenance[i]), trigger)
        ]

    # -- assertions --------------------------------------------------------------------------------------------

    def _assertion(self, subject: str, words: Words, statement: Statement) -> Action:
        vocabulary = self._vocabulary
        if subject in FUND_SUBJECTS:
            return fund_assertion(vocabulary, statement, lambda: self._venue.fund.state)
        if subject == "waiting":
            words.end()
            return self._who_waits(statement)
        if subject == "account":
            account = vocabulary.account(words)
            words.end()
            return figures(vocabulary, statement, lambda item: self._account_figure(account, item))
        market = vocabulary.market(words) if words.left or subject == "mark" else ""
        words.end()
        if subject == "mark":
            return figures(vocabulary, statement, lambda item: self._mark_figure(market, item))
        return figures(vocabulary, statement, lambda item: self._outside_figure(market, item))

    def _who_waits(self, statement: Statement) -> Action:
        """`waiting -> A B`, `waiting -> nobody`."""
        names = []
        for item in statement.expected or ():
            words = self._vocabulary.item(statement.what, item)
            while words.left:
                if not words.take("nobody"):
                    names.append(self._vocabulary.account(words))
        wanted = " ".join(sorted(set(names), key=id_key)) or "nobody"

        def check() -> list[Check]:
            found = " ".join(self._waiting()) or "nobody"
            return [Check(statement.line, statement.what, wanted, found, wanted == found)]

        return check

    def _account_figure(self, account: str, words: Words) -> Figure:
        """`cash 782`, `lots BTC -3`, `profit ETH 40`."""
        name = words.one_of("a figure of an account", ACCOUNT_FIGURES)
        vocabulary = self._vocabulary
        if name == "lots":
            market = vocabulary.market(words)
            wanted = words.integer("lots", signed=True)
            return Figure(f"lots {market}", wanted, lambda: self._held(account, market)[0], str)
        if name in ("cost", "profit"):
            market = vocabulary.market(words)
            wanted, at = vocabulary.money(words, name, signed=True), 1 if name == "cost" else 2
            return Figure(f"{name} {market}", wanted, lambda: self._held(account, market)[at], vocabulary.text)
        wanted = vocabulary.money(words, name, signed=True)
        return Figure(name, wanted, lambda: self._money(account)[name], vocabulary.text)

    def _held(self, account: str, market: str) -> tuple[int, int, int]:
        """(lots, cost, profit at the mark) of a position."""
        state, index = self._venue.state, self._vocabulary.markets.index(market)
        i = state.index[account]
        lots, cost = int(state.lots[index, i]), int(state.cost[index, i])
        return lots, cost, self._vocabulary.worth(market, lots, state.ticks[index]) - cost

    def _money(self, account: str) -> dict[str, int]:
        state = self._venue.state
        i = state.index[account]
        equity, margin = value_one(state, i)
        fees = sum(state.fees.get(i, {}).values())
        return {"cash": int(state.cash[i]), "equity": equity, "margin": margin, "fees": fees}

    def _mark_figure(self, market: str, words: Words) -> Figure:
        wanted = self._vocabulary.price(words, market)
        show = self._vocabulary.instruments[market].price_text
        return Figure("", wanted, lambda: self._marks.get(market), show)

    def _outside_figure(self, market: str, words: Words) -> Figure:
        """`lots -3` of a market, or `cash -316` of all."""
        if market:
            words.one_of("a figure of the outside book in a market", ("lots",))
            index = self._vocabulary.markets.index(market)
            wanted = words.integer("lots", signed=True)
            return Figure("lots", wanted, lambda: self._venue.state.outside_lots[index], str)
        words.one_of("a figure of the outside book", ("cash",))
        wanted = self._vocabulary.money(words, "cash", signed=True)
        return Figure("cash", wanted, lambda: self._venue.state.outside_cash, self._vocabulary.text)
