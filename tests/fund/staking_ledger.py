"""A second bookkeeper of tranches with stakers: prices as fractions, copies of all holdings at every slash. SPEC 9.

Layer    tests; the second ledger of tests/fund/second_ledger.py, with a book of tests/rules/test_tranche.py for each
         tranche; no rule and no decision of the fund. Amounts are found by search where the rules have a formula.
Held to  each other: tests/fund/test_staking_machine.py lets the fund and this follow the same commands.

Accounts beside the others: ("unearned", layer) for rewards on their way, ("claims", layer, staker) for recoveries not
taken, ("redeemed",) for what stakers were paid. ("layer", id) is what all shares of a tranche are worth.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor
from typing import Any

import msgspec

from seawall.amounts import in_id_order
from seawall.fund.messages import (
    AnyCommand,
    CancelRedeem,
    Inflow,
    InventoryLoss,
    LapseRequests,
    Migrate,
    Recover,
    Redeem,
    RequestRedeem,
    Reward,
    Shortfalls,
    Stake,
    TakeClaims,
    TransferShares,
)
from tests.fund.second_ledger import UNFUNDED, SecondLedger
from tests.generators import DesignSpec, LayerSpec
from tests.rules.references import allocate_by_quota
from tests.rules.test_tranche import Book

KEPT = ("spec", "layers")
"""What no command changes."""


class Refusal(Exception):
    """Not like this: everything stands as it stood."""


def terms_of(layer: LayerSpec) -> dict[str, Any] | None:
    """How stakers come and go; None: no tranche with stakers."""
    keys = {key.removeprefix("stake."): value for key, value in layer.extra.items() if key.startswith("stake")}
    return (keys if "stake" not in keys else {}) if keys else None


def most(bound: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 0 to `bound` that fits, where all smaller ones do."""
    low, high = 0, bound
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


class StakingLedger(SecondLedger):
    """The second ledger, with holders."""

    def __init__(self, spec: DesignSpec) -> None:
        super().__init__(spec)
        self.terms = {layer.id: terms_of(layer) or {} for layer in spec.layers if terms_of(layer) is not None}
        self.books = {name: Book() for name in self.terms}
        self.touched = dict.fromkeys(self.terms, 0)
        self.times: dict[str, tuple[int, int | None]] = {}
        self.slashed: dict[tuple[str, str], dict[str, Any]] = {}
        self.paid: dict[str, dict[str, list[int]]] = {}
        for name, book in self.books.items():
            if self.layers[name].balance:
                book.free["venue"] = self.layers[name].balance

    def take(self, command: AnyCommand, now: int) -> str:
        """Follow one command; what is refused leaves no trace."""
        before = {key: copy.deepcopy(value) for key, value in vars(self).items() if key not in KEPT}
        done = {
            Stake: self.stake,
            RequestRedeem: self.request,
            CancelRedeem: self.cancel,
            LapseRequests: self.lapse_requests,
            Redeem: self.redeem,
            TransferShares: self.transfer,
            Reward: self.reward,
            Recover: self.recover,
            TakeClaims: self.take_claims,
        }.get(type(command))
        try:
            if done is None:
                verdict = super().take(command, now)
            elif command.id in self.seen:
                verdict = "repeated" if self.seen[command.id] == command else "conflict"
            elif now < self.now:
                verdict = "refused"
            else:
                done(command, now)  # type: ignore[operator]
                verdict, self.now = "", now
                self.seen[command.id] = command
                self.note(now)
        except Refusal:
            verdict = "refused"
        if verdict:
            vars(self).update(before)
        return verdict

    # --- a tranche, up to date -------------------------------------------------------------------------------------

    def touch(self, name: str, now: int) -> Book:
        """Rewards are earned up to now; then what is over lapses, oldest first."""
        if name not in self.books:
            raise Refusal
        book = self.books[name]
        earned = book.pass_time(now - self.touched[name])
        self.touched[name] = now
        if earned:
            self.move(("unearned", name), ("layer", name), earned)
            self.note(now)
        for request in list(book.asked):
            end = self.times[request][1]
            if end is not None and now >= end:
                self.give_back(name, request)
        return book

    def give_back(self, name: str, request: str) -> None:
        """A request ends without a payment; what it gained since may stay behind."""
        book = self.books[name]
        who, shares, value = book.asked.pop(request)
        assets = self.of("layer", name)
        others = book.total
        freed = shares
        if self.terms[name].get("cancel_forfeits") and others and floor(shares * book.price) > value:
            freed = most(shares, lambda n: Fraction(n * assets, others + n) <= value)
        book.free[who] = book.free.get(who, 0) + freed
        book.set_assets(assets)

    def settle_at(self, name: str, units: int) -> None:
        """The book follows the layer's money."""
        self.books[name].set_assets(units)
        assert self.of("layer", name) == units

    # --- commands --------------------------------------------------------------------------------------------------

    def wanted(self, sound: bool) -> None:
        if not sound:
            raise Refusal

    def thawed(self, name: str) -> None:
        losses = self.open("pending") or self.open("carried")
        self.wanted(not (losses and self.terms[name].get("frozen_by_losses")))

    def stake(self, command: Stake, now: int) -> None:
        name, who = command.layer, command.staker
        book = self.touch(name, now)
        self.thawed(name)
        self.wanted(command.amount > 0)
        bought = floor(command.amount / book.price)
        self.wanted(bought > 0 and book.total + bought < 10**38)
        cost = ceil(bought * book.price)
        self.move(("world",), ("layer", name), cost)
        self.credits.append((name, now, cost))
        book.free[who] = book.free.get(who, 0) + bought
        self.settle_at(name, self.of("layer", name))

    def request(self, command: RequestRedeem, now: int) -> None:
        book, who, shares = self.touch(command.layer, now), command.staker, int(command.shares)
        self.wanted(0 < shares <= book.free.get(who, 0))
        terms = self.terms[command.layer]
        ready = now + terms.get("cooldown_ms", 0)
        self.times[command.id] = ready, ready + terms["window_ms"] if "window_ms" in terms else None
        book.asked[command.id] = who, shares, floor(shares * book.price)
        book.free[who] -= shares

    def cancel(self, command: CancelRedeem, now: int) -> None:
        book = self.touch(command.layer, now)
        self.wanted(command.request in book.asked)
        self.give_back(command.layer, command.request)

    def lapse_requests(self, command: LapseRequests, now: int) -> None:
        self.wanted(command.layer in self.books)
        before = len(self.books[command.layer].asked)
        self.wanted(len(self.touch(command.layer, now).asked) < before)

    def owed(self, name: str, request: str, shares: int) -> int:
        """What is paid for shares of a request."""
        book = self.books[name]
        _, asked, value = book.asked[request]
        worth = floor(shares * book.price)
        if shares == book.total or not self.terms[name].get("pays_lower"):
            return worth
        return min(worth, floor(Fraction(value, asked) * shares))

    def redeem(self, command: Redeem, now: int) -> None:
        name, key = command.layer, command.request
        book = self.touch(name, now)
        self.thawed(name)
        self.wanted((command.shares is None) != (command.amount is None))
        self.wanted(key in book.asked and now >= self.times[key][0])
        who, asked, value = book.asked[key]
        if command.shares is not None:
            shares = int(command.shares)
        else:
            wanted = int(command.amount or 0)
            self.wanted(0 < wanted <= self.owed(name, key, asked))
            shares = 1 + most(asked - 1, lambda n: n == 0 or self.owed(name, key, n) < wanted)
        self.wanted(0 < shares <= asked)
        owed = self.owed(name, key, shares)
        assert owed <= shares * book.price, "I9: never more than the pro-rata share of what is held"
        tied_up = sum(self.held.get(name, (0, 0)))
        self.wanted(self.of("layer", name) - owed >= tied_up or not tied_up)
        self.move(("layer", name), ("redeemed",), owed)
        if shares < asked:
            book.asked[key] = who, asked - shares, value - floor(Fraction(value, asked) * shares)
        else:
            del book.asked[key]
        self.settle_at(name, self.of("layer", name))

    def transfer(self, command: TransferShares, now: int) -> None:
        book, shares = self.touch(command.layer, now), int(command.shares)
        self.wanted(command.sender != command.receiver and 0 < shares <= book.free.get(command.sender, 0))
        book.free[command.sender] -= shares
        book.free[command.receiver] = book.free.get(command.receiver, 0) + shares

    def reward(self, command: Reward, now: int) -> None:
        self.wanted(command.amount > 0)
        self.income(("world",), command.layer, int(command.amount), now)

    def income(self, source: tuple[str, ...], name: str, units: int, now: int) -> None:
        """Stakers' income: at once or on its way."""
        book = self.touch(name, now)
        self.wanted(book.total > 0)
        length = self.terms[name].get("reward_ms", 0)
        if not length:
            self.move(source, ("layer", name), units)
            self.credits.append((name, now, units))
            self.settle_at(name, self.of("layer", name))
            return
        self.move(source, ("unearned", name), units)
        whole = book.unearned + units
        weighted = book.unearned * (book.stream[3] - book.clock) + units * length
        book.stream = (whole, 0, book.clock, book.clock + ceil(Fraction(weighted, whole)))

    def recover(self, command: Recover, now: int) -> None:
        deficit, left = command.deficit, int(command.amount)
        paid = self.paid.get(deficit, {})
        self.wanted(left > 0 and bool(set(paid) & set(self.books)))
        self.wanted(not any(name[1] == deficit for name in self.open("pending")))
        to_debt = min(left, self.of("carried", deficit))
        self.move(("world",), ("repaid",), to_debt)
        self.move(("carried", deficit), ("world",), to_debt)
        left -= to_debt
        for name in [name for name in reversed(list(self.layers)) if name in paid]:
            part = min(left, self.can_get_back(name, paid[name]))
            paid[name][1] += part
            left -= part
            self.give(deficit, name, part, now)
        self.place(("world",), left, self.sinks(None), now)

    def can_get_back(self, name: str, paid: list[int]) -> int:
        short = paid[0] - paid[1]
        if self.layers[name].kind == "credit_line":
            return min(short, self.of("called", name))
        if name in self.books or self.layers[name].kind in UNFUNDED or self.open_layer(name):
            return short
        return 0

    def give(self, deficit: str, name: str, part: int, now: int) -> None:
        if not part:
            return
        if name in self.books:
            return self.to_bearers(self.slashed[deficit, name], name, part)
        if self.layers[name].kind not in UNFUNDED:
            return self.credit(("world",), name, part, now, None)
        if self.layers[name].kind == "credit_line":
            self.move(("called", name), ("world",), part)
        return self.move(("world",), ("out", "lender"), part)

    def to_bearers(self, slash: dict[str, Any], name: str, part: int) -> None:
        """Each up to its part of all that ever came back, by the quota of what it is short of that."""
        slash["back"] += part
        bearers = in_id_order(slash["copy"])
        whole = sum(slash["copy"].values())
        short = [
            max(0, Fraction(slash["back"] * slash["copy"][who], whole) - slash["got"].get(who, 0)) for who in bearers
        ]
        for who, units in zip(bearers, allocate_by_quota(part, [int(one * whole) for one in short])):
            slash["got"][who] = slash["got"].get(who, 0) + units
            self.move(("world",), ("claims", name, who), units)

    def take_claims(self, command: TakeClaims, now: int) -> None:
        account = ("claims", command.layer, command.staker)
        self.wanted(self.of(*account) > 0)
        self.move(account, ("redeemed",), self.of(*account))

    # --- what other commands do to a tranche -----------------------------------------------------------------------

    def credit(self, source: tuple[str, ...], layer: str, units: int, now: int, market: str | None) -> None:
        if layer not in self.books:
            super().credit(source, layer, units, now, market)
        elif units:
            self.income(source, layer, units, now)

    def inflow(self, command: Inflow, now: int) -> bool:
        if command.layer in self.books and command.amount > 0:
            self.wanted(command.source != "recovery")
            if command.source == "inventory" and not self.books[command.layer].total:
                command = msgspec.structs.replace(command, source="yield", layer=None)
        return super().inflow(command, now)

    def migrate(self, command: Migrate, now: int) -> bool:
        return command.to_layer not in self.books and super().migrate(command, now)

    def shortfalls(self, command: Shortfalls, now: int) -> bool:
        for name in self.books:
            self.touch(name, now)
        return super().shortfalls(command, now)

    def draw(self, deficit: Any, layer: str, parts: Any, now: int) -> None:
        amount = sum(parts.values())
        if amount:
            self.paid.setdefault(deficit.id, {})[layer] = [amount, 0]
        super().draw(deficit, layer, parts, now)
        if layer in self.books and amount:
            self.slash(deficit.id, layer, amount)

    def slash(self, deficit: str, name: str, amount: int) -> None:
        book = self.books[name]
        holders = {who for who, _, _ in book.asked.values()} | set(book.free)
        held = {who: book.of(who) for who in holders if book.of(who)}
        self.slashed[deficit, name] = {"copy": held, "lost": amount, "back": 0, "got": {}}
        self.settle_at(name, self.of("layer", name))

    def inventory_loss(self, command: InventoryLoss, now: int) -> bool:
        if command.layer in self.books:
            self.touch(command.layer, now)
        done = super().inventory_loss(command, now)
        if done and command.layer in self.books:
            self.slash(f"positions.{command.id}", command.layer, int(command.amount))
        return done
