"""Venue book: the accounts that a scenario states, as the book with which a venue opens.

Layer    scenario; imports amounts, venue.book, scenario.{parse,vocabulary}. Used by venue_driver.
Not here what happens to them (scenario.venue_driver).
Held to  this by tests/scenario/test_venue_driver.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from seawall.amounts import id_key
from seawall.scenario.parse import Words
from seawall.scenario.vocabulary import OUTSIDE, Vocabulary
from seawall.venue.book import Book


@dataclass(slots=True)
class _Account:
    """One account of the book; positions: market -> (signed lots, cost in base units, signed like its value)."""

    owner: str
    cash: int = 0
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)


class Accounts:
    """The accounts as the scenario states them, one line each."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._accounts: dict[str, _Account] = {}

    def read(self, words: Words) -> None:
        """`A owner O cash 120 long 10 BTC at 100 short 3 ETH at 20 holds 5 GOLD`. Errors: BadInput."""
        name = words.id("an account id")
        if name in self._accounts:
            raise words.bad("each account once", f"{name} again")
        if name == OUTSIDE or name in self._vocabulary.layers:
            raise words.bad("an account id that is no layer's, nor `outside`", repr(name))
        account = _Account(name)
        while words.left:
            word = words.one_of("a clause", ("owner", "cash", "long", "short", "holds"))
            if word == "owner":
                account.owner = words.id("an owner")
            elif word == "cash":
                account.cash = self._vocabulary.money(words, "the account's cash", signed=True)
            else:
                self._position(words, account, word)
        self._accounts[name] = account
        self._vocabulary.accounts.append(name)

    def _position(self, words: Words, account: _Account, word: str) -> None:
        """`10 BTC at 100`, `10 BTC cost 1003`; of collateral `5 ETH`: it came in at no cost."""
        lots = words.integer("lots")
        market = self._vocabulary.market(words)
        if lots == 0 or market in account.positions:
            raise words.bad("one position a market, of at least one lot", f"{lots} {market}")
        instrument = self._vocabulary.instruments[market]
        if (word == "holds") != (instrument.market.kind == "collateral"):
            raise words.bad("`holds` of collateral, `long` or `short` of a contract", f"`{word}` {lots} {market}")
        if word == "holds":
            account.positions[market] = lots, 0
            return
        signed = lots if word == "long" else -lots
        if words.one_of("the entry", ("at", "cost")) == "at":
            cost = self._vocabulary.worth(market, signed, self._vocabulary.price(words, market))
        else:
            cost = self._vocabulary.money(words, "what the position cost")
            cost = cost if (signed > 0) != instrument.contract.inverse else -cost
        account.positions[market] = signed, cost

    def book(self) -> Book:
        """The book, lowest account first."""
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
