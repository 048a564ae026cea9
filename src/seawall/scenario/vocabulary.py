"""Vocabulary: the ids, amounts, prices and times that a scenario may name, read from its words and written back.

Layer    scenario; imports amounts, design, scenario.parse. One a run, made from the design; a venue adds accounts.
Not here what a statement does (the drivers).
Held to  this by tests/scenario/test_fund_driver.py: a word that is not known is answered with the nearest one that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from seawall.amounts import AmountError, format_decimal
from seawall.design.instruments import Instrument, instruments
from seawall.design.types import Design
from seawall.rules.contracts import opening_cost_units, value_units
from seawall.scenario.parse import Item, Statement, Words

OUTSIDE: Final = "outside"
"""The outside book, where it is named beside accounts; no account is called so."""


class Vocabulary:
    """What words may name, and the running clock.

    accounts  ids of the venue's book, in the order in which the scenario states them
    clock     ms: the time of every statement that does not state another; it only runs forwards
    """

    def __init__(self, file: str, design: Design) -> None:
        self.file, self.design = file, design
        self.instruments: dict[str, Instrument] = {each.id: each for each in instruments(design)}
        self.markets = list(self.instruments)
        self.layers = [layer.id for layer in design.layers]
        self.accounts: list[str] = []
        self.clock = 0

    def words(self, statement: Statement) -> Words:
        """The words of a statement."""
        return Words(self.file, statement.line, statement.what, statement.words)

    def item(self, what: str, item: Item) -> Words:
        """The words of one expectation."""
        return Words(self.file, item.line, what, item.words)

    def at(self, words: Words) -> int:
        """A time, to which the clock moves on."""
        at = words.time("a time")
        if at < self.clock:
            raise words.bad(f"a time not before {self.clock} ms: the clock only runs forwards", f"{at} ms")
        self.clock = at
        return at

    def market(self, words: Words) -> str:
        """A market of the design."""
        return words.one_of("a market of the design", self.markets)

    def layer(self, words: Words, wanted: str = "a layer of the design") -> str:
        """A layer of the design."""
        return words.one_of(wanted, self.layers)

    def account(self, words: Words) -> str:
        """An account of the book."""
        return words.one_of("an account of the book", self.accounts)

    def party(self, words: Words) -> str:
        """An account, or a layer that owes for what it held."""
        return words.one_of("an account of the book, or a layer", [*self.accounts, *self.layers])

    def anybody(self, words: Words) -> str:
        """Whoever can hold a position: an account, a layer, the outside book."""
        return words.one_of("an account, a layer or `outside`", [*self.accounts, *self.layers, OUTSIDE])

    def money(self, words: Words, wanted: str, *, signed: bool = False) -> int:
        """An amount in asset units, as base units."""
        return words.amount(wanted, self.design.asset.decimals, signed=signed)

    def text(self, units: int) -> str:
        """Base units in asset units, as people write them."""
        return format_decimal(units, self.design.asset.decimals)

    def price(self, words: Words, market: str, *, zero: bool = False) -> int:
        """A price of a market, as ticks; `zero` lets the broken price 0 pass."""
        word = words.next(f"a price of {market}")
        if zero and word == "0":
            return 0
        try:
            return self.instruments[market].exact_ticks(word)
        except AmountError as error:
            raise words.bad(error.wanted, error.found, error.hint) from None

    def worth(self, market: str, lots: int, ticks: int) -> int:
        """What opening lots (bought > 0) costs at a price, base units, as rules.contracts.opening_cost_units."""
        return opening_cost_units(self.instruments[market].contract, lots, ticks)

    def worth_closed(self, market: str, lots: int, ticks: int) -> int:
        """What lots that close a position (bought > 0) cost at a price: minus what they were worth, base units."""
        return -value_units(self.instruments[market].contract, -lots, ticks)

    def price_text(self, market: str, ticks: int) -> str:
        """A price as people write it."""
        return self.instruments[market].price_text(ticks)

    def clauses(self, words: Words, known: Sequence[str]) -> dict[str, str]:
        """Clauses of one word each until the end, `at` among them, which moves the clock."""
        found: dict[str, str] = {}
        while words.left:
            word = words.one_of("a clause", ("at", *known))
            if word in found:
                raise words.bad(f"`{word}` once", "it twice")
            found[word] = str(self.at(words)) if word == "at" else words.next(f"a value for `{word}`")
        return found
