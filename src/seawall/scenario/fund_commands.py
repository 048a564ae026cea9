"""Fund commands: what the statements of a fund scenario ask of the fund, word by word.

Layer    scenario; imports amounts, design.types, fund.messages, scenario.{parse,vocabulary}. Used by fund_driver.
Not here submitting a command and comparing what follows (scenario.fund_driver), stakers (scenario.staking).
Held to  this by tests/scenario/test_fund_driver.py and by every scenario with `driver fund`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, Literal, cast, get_args

from seawall.amounts import Units
from seawall.design.types import Design
from seawall.fund.messages import (
    AnyCommand,
    CloseMarket,
    Haircut,
    Inflow,
    InflowSource,
    Inventory,
    InventoryLoss,
    Lapse,
    Loss,
    Measure,
    Migrate,
    Part,
    Release,
    Settle,
    Shortfall,
)
from seawall.scenario.parse import Statement, Words
from seawall.scenario.staking import STAKING, StakingCommands
from seawall.scenario.vocabulary import Vocabulary

SOURCES: Final[tuple[str, ...]] = get_args(InflowSource)
How = Literal["adl", "adl_money", "socialised_loss", "gains_haircut", "tear_up", "withdrawal_haircut"]
HOWS: Final[tuple[str, ...]] = get_args(How)
PARTS: Final = ("fund", "treasury", "vault")
"""Receivers of a residual that the venue split already."""
_HOW_OF_POLICY: Final[dict[str, How]] = {
    "socialised_loss": "socialised_loss",
    "gains_haircut": "gains_haircut",
    "tear_up": "tear_up",
    "withdrawal_haircut": "withdrawal_haircut",
}
"""How a haircut is taken where the scenario does not say; under the others `adl`."""


class FundCommands:
    """The commands of one scenario. `read` of a statement moves the clock where the statement says so."""

    def __init__(self, vocabulary: Vocabulary, design: Design) -> None:
        self._vocabulary, self._design = vocabulary, design
        self._counts: dict[str, int] = {}
        self._staking = StakingCommands(vocabulary, self._count)
        self._readers: Final[dict[str, Callable[[Words, Statement], AnyCommand]]] = {
            "inflow": self._inflow,
            "top_up": self._top_up,
            "settle": self._settle,
            "lapse": self._lapse,
            "close_market": self._close_market,
            "migrate": self._migrate,
            "release": self._release,
            "measure": self._measure,
            "inventory": self._inventory,
            "inventory_loss": self._inventory_loss,
        }

    @property
    def keywords(self) -> tuple[str, ...]:
        """Statements that are one command each; deficits and batches are read by `shortfall`."""
        return (*self._readers, *STAKING)

    def read(self, keyword: str, words: Words, statement: Statement) -> AnyCommand:
        """The command of a statement whose first word was read. Errors: BadInput."""
        if keyword in STAKING:
            return self._staking.read(keyword, words, statement)
        return self._readers[keyword](words, statement)

    # -- words that several statements have ---------------------------------------------------------------------

    def _market(self, words: Words, statement: Statement) -> str:
        """A market of the design; any id where the statement expects to be refused."""
        return words.id("a market") if is_refused(statement) else self._vocabulary.market(words)

    def _layer(self, words: Words, statement: Statement) -> str:
        """A layer of the design; any id where the statement expects to be refused."""
        return words.id("a layer") if is_refused(statement) else self._vocabulary.layer(words)

    def _id(self, words: Words, default: str) -> str:
        """`id ID` and `at TIME`, or the id that the statement has without."""
        return self._vocabulary.clauses(words, ("id",)).get("id", default)

    def _count(self, what: str) -> str:
        """An id for the next statement of its kind, so that two that say the same are two events."""
        self._counts[what] = self._counts.get(what, 0) + 1
        return f"{what}.{self._counts[what]}"

    # -- deficits -----------------------------------------------------------------------------------------------

    def shortfall(self, words: Words, statement: Statement) -> Shortfall:
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

    # -- money in -----------------------------------------------------------------------------------------------

    def _inflow(self, words: Words, statement: Statement) -> AnyCommand:
        """`I1 surcharge 120 market BTC asset USDC`."""
        ident, source = words.id("an inflow id"), words.one_of("a source", SOURCES)
        return self._money_in(ident, source, words, statement)

    def _top_up(self, words: Words, statement: Statement) -> AnyCommand:
        """`T1 100 layer shared`."""
        return self._money_in(words.id("an inflow id"), "top_up", words, statement)

    def _money_in(self, ident: str, source: str, words: Words, statement: Statement) -> AnyCommand:
        amount = self._vocabulary.money(words, "the amount", signed=True)
        clauses: dict[str, str] = {}
        parts: tuple[Part, ...] = ()
        while words.left:
            word = words.one_of("a clause", ("market", "layer", "asset", "parts", "at"))
            if word in clauses or (word == "parts" and parts):
                raise words.bad(f"`{word}` once", "it twice")
            if word == "market":
                clauses[word] = self._market(words, statement)
            elif word == "layer":
                clauses[word] = self._layer(words, statement)
            elif word == "parts":
                parts = self._parts(words)
            elif word == "at":
                clauses[word] = str(self._vocabulary.at(words))
            else:
                clauses[word] = words.id("an asset")
        return Inflow(
            id=ident,
            source=cast(InflowSource, source),
            asset=clauses.get("asset", self._design.asset.id),
            amount=Units(amount),
            market=clauses.get("market"),
            layer=clauses.get("layer"),
            parts=parts,
        )

    def _parts(self, words: Words) -> tuple[Part, ...]:
        """`fund 6 vault 4`: what each gets of a residual that was split already."""
        parts: list[Part] = []
        while not parts or words.peek() in PARTS:
            receiver = cast(Literal["fund", "treasury", "vault"], words.one_of("a receiver", PARTS))
            amount = self._vocabulary.money(words, f"the part of {receiver}", signed=True)
            parts.append(Part(receiver, Units(amount)))
        return tuple(parts)

    def _release(self, words: Words, statement: Statement) -> AnyCommand:
        """`R1 at 60s`."""
        ident = words.id("an id")
        self._vocabulary.clauses(words, ())
        return Release(id=ident)

    # -- severity -----------------------------------------------------------------------------------------------

    def _settle(self, words: Words, statement: Statement) -> AnyCommand:
        """`B1 haircut W1 40 haircut W2 10 partial id S1`."""
        batch = words.id("a batch id")
        ident, haircuts, final = f"settle.{batch}", [], True
        while words.left:
            word = words.one_of("a clause", ("haircut", "partial", "id", "at"))
            if word == "at":
                self._vocabulary.at(words)
            elif word == "id":
                ident = words.id("an id")
            elif word == "partial":
                final = False
            else:
                haircuts.append(self._haircut(words))
        return Settle(id=ident, batch=batch, haircuts=tuple(haircuts), final=final)

    def _haircut(self, words: Words) -> Haircut:
        """`W1 40 lots 3 market BTC how adl owner O`."""
        account = words.id("an account")
        amount = self._vocabulary.money(words, "the haircut", signed=True)
        how = _HOW_OF_POLICY.get(self._design.exhaustion.policy, "adl")
        owner, market, lots = account, self._vocabulary.markets[0], 0
        while words.peek() in ("owner", "market", "how", "lots"):
            key = words.next("a clause")
            if key == "how":
                how = cast(How, words.one_of("a way to pay", HOWS))
            elif key == "lots":
                lots = words.integer("lots")
            elif key == "market":
                market = self._vocabulary.market(words)
            else:
                owner = words.id("an owner")
        return Haircut(account=account, owner=owner, market=market, how=how, lots=lots, amount=Units(amount))

    def _lapse(self, words: Words, statement: Statement) -> AnyCommand:
        """`B1`, `B1 id L1`."""
        batch = words.id("a batch id")
        return Lapse(id=self._id(words, f"lapse.{batch}"), batch=batch)

    # -- markets, measures, positions that a layer holds ----------------------------------------------------------

    def _close_market(self, words: Words, statement: Statement) -> AnyCommand:
        """`BTC`."""
        market = self._market(words, statement)
        return CloseMarket(id=self._id(words, f"close.{market}"), market=market)

    def _migrate(self, words: Words, statement: Statement) -> AnyCommand:
        """`old new`: the bucket that ends, the layer that gets what it holds."""
        from_layer, to_layer = self._layer(words, statement), self._layer(words, statement)
        return Migrate(id=self._id(words, f"migrate.{from_layer}"), from_layer=from_layer, to_layer=to_layer)

    def _measure(self, words: Words, statement: Statement) -> AnyCommand:
        """`open_interest.BTC 5000`."""
        name = words.next("the name of a measure")
        amount = self._vocabulary.money(words, "the measure", signed=True)
        return Measure(id=self._id(words, self._count(f"measure.{name}"[:60])), name=name, amount=Units(amount))

    def _inventory(self, words: Words, statement: Statement) -> AnyCommand:
        """`vault maintenance 40 open_loss 10 notional 800`; what is not named is 0."""
        layer = self._layer(words, statement)
        figures = {"maintenance": 0, "open_loss": 0, "notional": 0}
        while words.peek() in figures:
            figure = words.next("a figure")
            figures[figure] = self._vocabulary.money(words, figure, signed=True)
        return Inventory(
            id=self._id(words, self._count(f"inventory.{layer}"[:60])),
            layer=layer,
            maintenance=Units(figures["maintenance"]),
            open_loss=Units(figures["open_loss"]),
            notional=Units(figures["notional"]),
        )

    def _inventory_loss(self, words: Words, statement: Statement) -> AnyCommand:
        """`vault BTC 30`."""
        layer, market = self._layer(words, statement), self._market(words, statement)
        amount = self._vocabulary.money(words, "the loss", signed=True)
        ident = self._id(words, self._count(f"inventory_loss.{layer}"[:60]))
        return InventoryLoss(id=ident, layer=layer, market=market, amount=Units(amount))


def is_refused(statement: Statement) -> bool:
    """Whether a statement expects to be refused: then it may name what does not exist."""
    return any(item.words[:1] == ("refused",) for item in statement.expected or ())
