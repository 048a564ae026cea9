"""Venue assertions: figures of accounts, the outside book, marks, and of what layers hold.

Layer    scenario; imports rules.{contracts,liquidation}, venue, scenario.{assertions,parse,vocabulary}.
Not here figures of the fund (scenario.assertions), what follows from a step (scenario.venue_expected).
Held to  this by tests/scenario/test_venue_driver.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from seawall.rules.contracts import pnl_units
from seawall.scenario.assertions import Action, Figure, figures, names
from seawall.scenario.parse import Statement, Words
from seawall.scenario.vocabulary import Vocabulary
from seawall.venue.machine import Venue
from seawall.venue.recourse import initial_margin
from seawall.venue.scan import liquidatable, value_all, value_one

ACCOUNT_FIGURES: Final = ("cash", "equity", "margin", "initial", "fees", "owed", "lots", "cost", "profit")
INVENTORY_FIGURES: Final = ("lots", "cost", "profit")
VENUE_TOTALS: Final = ("rounding", "open_loss", "deposited", "withdrawn")
VENUE_SUBJECTS: Final = ("account", "outside", "mark", "waiting", "settled", "inventory", *VENUE_TOTALS)


class VenueAssertions:
    """What a scenario may state of its venue; `venue` and `marks` are asked when it gets there."""

    def __init__(self, vocabulary: Vocabulary, venue: Callable[[], Venue], marks: Mapping[str, int]) -> None:
        self._vocabulary, self._find_venue, self._marks = vocabulary, venue, marks

    @property
    def _venue(self) -> Venue:
        return self._find_venue()

    def read(self, subject: str, words: Words, statement: Statement) -> Action:
        """An assertion whose subject was read. Errors: BadInput."""
        vocabulary = self._vocabulary
        if subject == "waiting":
            words.end()
            return names(vocabulary, statement, vocabulary.account, lambda: waiting(self._venue))
        if subject == "settled":
            words.end()
            return names(vocabulary, statement, vocabulary.market, self._settled)
        if subject == "account":
            account = vocabulary.account(words)
            words.end()
            return figures(vocabulary, statement, lambda item: self._account(account, item))
        if subject == "inventory":
            layer, market = vocabulary.layer(words), vocabulary.market(words)
            words.end()
            return figures(vocabulary, statement, lambda item: self._inventory(layer, market, item))
        if subject in VENUE_TOTALS:
            words.end()
            return figures(vocabulary, statement, lambda item: self._total(subject, item))
        market = vocabulary.market(words) if words.left or subject == "mark" else ""
        words.end()
        read = self._mark if subject == "mark" else self._outside
        return figures(vocabulary, statement, lambda item: read(market, item))

    def _settled(self) -> list[str]:
        return [self._vocabulary.markets[market] for market in self._venue.state.settled]

    def _account(self, account: str, words: Words) -> Figure:
        """`cash 782`, `lots BTC -3`, `profit ETH 40`."""
        name = words.one_of("a figure of an account", ACCOUNT_FIGURES)
        vocabulary = self._vocabulary
        if name == "lots":
            market = vocabulary.market(words)
            wanted = words.integer("lots", signed=True)
            return Figure(f"lots {market}", wanted, lambda: self._position(account, market)[0], str)
        if name in ("cost", "profit"):
            market = vocabulary.market(words)
            wanted = vocabulary.money(words, name, signed=True)
            if name == "cost":
                return Figure(f"cost {market}", wanted, lambda: self._position(account, market)[1], vocabulary.text)
            return Figure(
                f"profit {market}",
                wanted,
                lambda: self._profit(market, self._position(account, market)),
                vocabulary.text,
            )
        wanted = vocabulary.money(words, name, signed=True)
        return Figure(name, wanted, lambda: self._money(account, name), vocabulary.text)

    def _position(self, account: str, market: str) -> tuple[int, int]:
        """(lots, cost) of an account."""
        state, index = self._venue.state, self._vocabulary.markets.index(market)
        i = state.index[account]
        return int(state.lots[index, i]), int(state.cost[index, i])

    def _profit(self, market: str, position: tuple[int, int]) -> int | None:
        """Profit of a position at the mark; None before there is one."""
        ticks = self._venue.state.ticks[self._vocabulary.markets.index(market)]
        contract = self._vocabulary.instruments[market].contract
        return pnl_units(contract, position[0], ticks, position[1]) if ticks else None

    def _money(self, account: str, name: str) -> int:
        state = self._venue.state
        i = state.index[account]
        if name in ("equity", "margin"):
            return value_one(state, i)[name == "margin"]
        if name == "initial":
            return initial_margin(state, i)
        if name == "fees":
            return sum(state.fees.get(i, {}).values())
        return int(state.cash[i]) if name == "cash" else state.owed.get(i, 0)

    def _inventory(self, layer: str, market: str, words: Words) -> Figure:
        """`lots 5`, `cost 400`, `profit -10`: what a layer holds."""
        name = words.one_of("a figure of what a layer holds", INVENTORY_FIGURES)
        index = self._vocabulary.markets.index(market)

        def held() -> tuple[int, int]:
            return self._venue.state.held.get((layer, index), (0, 0))

        if name == "lots":
            return Figure(name, words.integer("lots", signed=True), lambda: held()[0], str)
        wanted = self._vocabulary.money(words, name, signed=True)
        if name == "cost":
            return Figure(name, wanted, lambda: held()[1], self._vocabulary.text)
        return Figure(name, wanted, lambda: self._profit(market, held()), self._vocabulary.text)

    def _total(self, subject: str, words: Words) -> Figure:
        """`rounding -> 1`, `open_loss -> 40`."""
        wanted = self._vocabulary.money(words, subject)

        def find() -> int:
            venue = self._venue
            if subject == "open_loss":
                return venue.open_loss_units(venue.state.last_t_ms)
            if subject == "rounding":
                return venue.state.rounding
            return venue.state.money_in if subject == "deposited" else venue.state.money_out

        return Figure("", wanted, find, self._vocabulary.text)

    def _mark(self, market: str, words: Words) -> Figure:
        wanted = self._vocabulary.price(words, market)
        show = self._vocabulary.instruments[market].price_text
        return Figure("", wanted, lambda: self._marks.get(market), show)

    def _outside(self, market: str, words: Words) -> Figure:
        """`lots -3` of a market, or `cash -316` of all."""
        if market:
            words.one_of("a figure of the outside book in a market", ("lots",))
            index = self._vocabulary.markets.index(market)
            wanted = words.integer("lots", signed=True)
            return Figure("lots", wanted, lambda: self._venue.state.outside_lots[index], str)
        words.one_of("a figure of the outside book", ("cash",))
        wanted = self._vocabulary.money(words, "cash", signed=True)
        return Figure("cash", wanted, lambda: self._venue.state.outside_cash, self._vocabulary.text)


def waiting(venue: Venue) -> list[str]:
    """Accounts that are liquidatable at the marks as they stand and still hold positions, lowest id first."""
    hit = liquidatable(value_all(venue.state), venue.design)
    return [account for account, waits in zip(venue.state.accounts, hit, strict=True) if waits]
