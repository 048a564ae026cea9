"""Staking: the statements by which stakers of a tranche come and go, what they are paid, and figures of theirs.

Layer    scenario; imports amounts, fund.{events,messages,state,tranches}, scenario.{assertions,checks,parse,
         vocabulary}. Used by fund_commands, fund_facts and fund_driver.
Not here deficits that slash a tranche: they are deficits like any other.
Held to  this by tests/scenario/test_fund_driver.py and by the scenarios of cases STK-01 to STK-07.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from seawall.amounts import Units
from seawall.fund.events import (
    ClaimsTaken,
    Event,
    RecoveryPlaced,
    RedeemCancelled,
    Redeemed,
    Rewarded,
    Staked,
    TrancheAfter,
    tranches_in,
)
from seawall.fund.messages import (
    AnyCommand,
    CancelRedeem,
    LapseRequests,
    Recover,
    Redeem,
    RequestRedeem,
    Reward,
    Stake,
    TakeClaims,
    TransferShares,
)
from seawall.fund.state import FundState
from seawall.fund.tranches import staker_figures, tranche_figures
from seawall.scenario.assertions import Action, Figure, figures
from seawall.scenario.checks import Fact
from seawall.scenario.parse import Statement, Words
from seawall.scenario.vocabulary import Vocabulary

STAKING: Final = (
    "stake", "request", "cancel", "lapse_requests", "redeem", "transfer", "reward", "recover", "take_claims",
)  # fmt: skip
"""Statements of stakers, each one command."""
STAKING_SUBJECTS: Final = ("staker", "tranche")
STAKING_FACTS: Final = ("shares", "taken", "freed", "burnt", "paid", "left")
"""Figures that may be expected; shares are written like amounts."""
STAKER_FIGURES: Final = {
    "shares": lambda one: one.free_shares + one.locked_shares,
    "free": lambda one: one.free_shares,
    "locked": lambda one: one.locked_shares,
    "value": lambda one: one.value_units,
    "claims": lambda one: one.claims_units,
}
TRANCHE_FIGURES: Final = {
    "assets": lambda one: one.assets_units,
    "shares": lambda one: one.shares,
    "asked": lambda one: one.asked_shares,
    "unearned": lambda one: one.unearned_units,
    "claims": lambda one: one.claims_units,
    "outstanding": lambda one: one.outstanding_units,
    "series": lambda one: one.series,
    "slashes": lambda one: one.slashes,
}
_COUNTS: Final = ("series", "slashes")


class StakingCommands:
    """The commands of stakers in one scenario; requests are known by their ids once they are stated."""

    def __init__(self, vocabulary: Vocabulary, count: Callable[[str], str]) -> None:
        """count: gives the next id for statements of a kind that state none."""
        self._vocabulary, self._count = vocabulary, count
        self._requests: dict[str, tuple[str, int]] = {}

    def read(self, keyword: str, words: Words, statement: Statement) -> AnyCommand:
        """The command of a statement whose first word was read. Errors: BadInput."""
        refused = any(item.words[:1] == ("refused",) for item in statement.expected or ())
        if keyword in ("cancel", "redeem"):
            return self._of_request(keyword, words)
        if keyword == "recover":
            deficit, amount = words.id("a deficit"), self._amount(words, "what was recovered")
            return Recover(id=self._id(words, "recover", deficit), deficit=deficit, amount=amount)
        layer = words.id("a layer") if refused else self._vocabulary.layer(words)
        if keyword == "lapse_requests":
            return LapseRequests(id=self._id(words, keyword, layer), layer=layer)
        if keyword == "reward":
            amount = self._amount(words, "the reward")
            return Reward(id=self._id(words, keyword, layer), layer=layer, amount=amount)
        staker = words.id("a staker")
        if keyword == "take_claims":
            return TakeClaims(id=self._id(words, keyword, layer), layer=layer, staker=staker)
        if keyword == "stake":
            amount = self._amount(words, "the stake")
            return Stake(id=self._id(words, keyword, layer), layer=layer, staker=staker, amount=amount)
        if keyword == "transfer":
            receiver, shares = words.id("a staker"), self._amount(words, "shares")
            ident = self._id(words, keyword, layer)
            return TransferShares(id=ident, layer=layer, sender=staker, receiver=receiver, shares=shares)
        shares = self._amount(words, "shares")
        ident = self._id(words, keyword, layer)
        self._requests[ident] = layer, shares
        return RequestRedeem(id=ident, layer=layer, staker=staker, shares=shares)

    def _amount(self, words: Words, wanted: str) -> Units:
        return Units(self._vocabulary.money(words, wanted, signed=True))

    def _id(self, words: Words, keyword: str, name: str) -> str:
        stated = self._vocabulary.clauses(words, ("id",)).get("id")
        return self._count(f"{keyword}.{name}"[:60]) if stated is None else stated

    def _of_request(self, keyword: str, words: Words) -> AnyCommand:
        """`cancel R`, `redeem R`, `redeem R shares 50`, `redeem R amount 40`."""
        request = words.id("a request")
        layer, shares = self._requests.get(request, ("", 0))
        if not layer:
            raise words.bad("a request that is stated above", repr(request))
        if keyword == "cancel":
            return CancelRedeem(id=self._id(words, keyword, request), layer=layer, request=request)
        if words.take("amount"):
            amount = self._amount(words, "the amount")
            return Redeem(id=self._id(words, keyword, request), layer=layer, request=request, amount=amount)
        part = self._amount(words, "shares") if words.take("shares") else Units(shares)
        return Redeem(id=self._id(words, keyword, request), layer=layer, request=request, shares=part)


def _fact(vocabulary: Vocabulary, kind: str, units: int, *key: str) -> Fact:
    return Fact(kind, key, (int(units),), " ".join([kind, *key, vocabulary.text(int(units))]))


def staking_facts(vocabulary: Vocabulary, event: Event) -> list[Fact]:
    """What an event says of stakers; of a recovery only whose claims it is."""
    facts = []
    match event:
        case Staked():
            facts = [_fact(vocabulary, "shares", event.minted), _fact(vocabulary, "taken", event.taken)]
        case RedeemCancelled():
            facts = [_fact(vocabulary, "freed", event.freed), _fact(vocabulary, "burnt", event.burnt)]
        case Redeemed():
            facts = [
                _fact(vocabulary, "paid", event.paid),
                _fact(vocabulary, "burnt", event.burnt),
                _fact(vocabulary, "left", event.left),
            ]
        case RecoveryPlaced():
            facts = [_fact(vocabulary, "claim", row.amount, row.layer, row.staker) for row in event.claims]
        case ClaimsTaken():
            facts = [_fact(vocabulary, "paid", event.paid)]
        case Rewarded():
            pass
    return facts + _lapsed(vocabulary, tranches_in(event))


def _lapsed(vocabulary: Vocabulary, tranches: tuple[TrancheAfter, ...]) -> list[Fact]:
    """Requests whose window was over: how many of their shares are free again."""
    return [_fact(vocabulary, "lapsed", row.freed, row.request) for one in tranches for row in one.lapsed]


def read_staking(vocabulary: Vocabulary, words: Words) -> Fact:
    """`shares 50`, `taken 50`, `paid 40`, `burnt 50`, `left 10`, `freed 50`, `lapsed R 50`."""
    kind = words.one_of("an expectation", (*STAKING_FACTS, "lapsed"))
    key = (words.id("a request"),) if kind == "lapsed" else ()
    return _fact(vocabulary, kind, vocabulary.money(words, kind), *key)


def read_claim(vocabulary: Vocabulary, words: Words) -> Fact:
    """`claim tranche A 60`, behind its first word."""
    layer, staker = vocabulary.layer(words), words.id("a staker")
    return _fact(vocabulary, "claim", vocabulary.money(words, "the claim"), layer, staker)


def staking_assertion(vocabulary: Vocabulary, statement: Statement, fund: Callable[[], FundState]) -> Action:
    """`staker tranche A -> shares 50, value 40, claims 10`, `tranche tranche -> assets 700`."""
    words = vocabulary.words(statement)
    subject = words.next("a subject")
    layer = vocabulary.layer(words)
    if next(spec.stake is None for spec in vocabulary.design.layers if spec.id == layer):
        raise words.bad("a tranche that states how stakers come and go", repr(layer))
    staker = words.id("a staker") if subject == "staker" else ""
    words.end()
    t_ms = vocabulary.clock

    def of_staker(item: Words) -> Figure:
        name = item.one_of("a figure of a staker", tuple(STAKER_FIGURES))
        wanted = vocabulary.money(item, name)
        return Figure(
            name,
            wanted,
            lambda: STAKER_FIGURES[name](staker_figures(fund(), layer, staker, t_ms)),
            vocabulary.text,
        )

    def of_tranche(item: Words) -> Figure:
        name = item.one_of("a figure of a tranche", tuple(TRANCHE_FIGURES))
        counted = name in _COUNTS
        wanted = item.integer(name) if counted else vocabulary.money(item, name)
        return Figure(
            name,
            wanted,
            lambda: TRANCHE_FIGURES[name](tranche_figures(fund(), layer, t_ms)),
            str if counted else vocabulary.text,
        )

    return figures(vocabulary, statement, of_staker if staker else of_tranche)
