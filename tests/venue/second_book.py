"""A second bookkeeper of a venue: it reads nothing but the emitted events of both logs, and follows money and lots.

Layer    tests; imports nothing of ours but the story's plain numbers. Money is followed without cash, cost and realised
         profit: an account has one purse, from which it pays for what it buys and into which goes what it sells for. A
         machine's cash and costs must come to the same: cash - costs = purse. Costs are kept beside, for profits only.

Every event is taken in by what it says was traded, charged, drawn, closed or taken; what it says stands *after* is
then compared, never copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.generators import PPM, Played, Story

Data = Mapping[str, Any]


@dataclass
class Round:
    """What one round did, gathered for the questions that are asked after the fact.

    marks, stale, purse, lots  as they stood before it
    profit, equity, safe  (account, market) -> profit, account -> equity, accounts that may win, all before it
    px                  (account, market) -> bankruptcy price, of whatever filled
    sold                (account, market) -> [lots, money] at the book and at the mark, unsigned
    """

    step: int
    number: int
    marks: dict[str, int]
    stale: dict[str, str]
    purse: dict[str, int]
    lots: dict[tuple[str, str], int]
    profit: dict[tuple[str, str], int]
    equity: dict[str, int]
    safe: set[str]
    triggered: list[str] = field(default_factory=list)
    px: dict[tuple[str, str], int] = field(default_factory=dict)
    sold: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    closed: dict[str, Data] = field(default_factory=dict)
    covered: dict[str, Data] = field(default_factory=dict)
    closings: list[Data] = field(default_factory=list)
    haircuts: list[Data] = field(default_factory=list)
    money: list[Data] = field(default_factory=list)
    drawn: Data | None = None
    book: dict[str, Data] = field(default_factory=dict)


class SecondBook:
    """All accounts of a venue, the outside book, and what crossed the door to the fund."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.units = {market.id: market.unit for market in story.spec.markets}
        self.purse: dict[str, int] = {}
        self.lots: dict[tuple[str, str], int] = {}
        self.cost: dict[tuple[str, str], int] = {}
        for name, (_, cash, rows) in story.accounts.items():
            self.purse[name] = cash
            for market, lots, cost in rows:
                self.lots[name, story.spec.markets[market].id] = lots
                self.cost[name, story.spec.markets[market].id] = cost
                self.purse[name] -= cost
        self.outside_lots = {market: -sum(n for (_, m), n in self.lots.items() if m == market) for market in self.units}
        self.outside_purse = 0
        self.fees: dict[str, int] = {}
        self.backed: dict[str, int] = {}
        self.to_fund = self.from_fund = self.severity_open = 0
        self.marks: dict[str, int] = {}
        self.stale: dict[str, str] = {}
        self.step = 0
        self.rounds: list[Round] = []
        self.opening = self.total()

    # --- reading ---------------------------------------------------------------------------------------------------

    def held(self, account: str, market: str) -> int:
        """Signed lots."""
        return self.lots.get((account, market), 0)

    def equity(self, account: str) -> int:
        """The purse and what the position would fetch at the mark."""
        worth = sum(
            n * self.marks.get(m, 0) * self.units[m] for (name, m), n in self.lots.items() if name == account and n
        )
        return self.purse[account] + worth

    def profit(self, account: str, market: str) -> int:
        """Unrealised profit of a position at the mark."""
        worth = self.held(account, market) * self.marks.get(market, 0) * self.units[market]
        return worth - self.cost.get((account, market), 0)

    def story_lots(self, account: str, market: str) -> int:
        """Lots that the account had when the story began."""
        places = {place: spec.id for place, spec in enumerate(self.story.spec.markets)}
        return next((lots for place, lots, _ in self.story.accounts[account][2] if places[place] == market), 0)

    def maintenance(self, account: str) -> int:
        """Margin in whole units, each position's rounded up."""
        total = 0
        for market in self.story.spec.markets:
            notional = abs(self.held(account, market.id)) * self.marks.get(market.id, 0) * market.unit
            if notional:
                tier = next(t for t in market.tiers if t.up_to is None or notional <= t.up_to)
                total += Fraction(notional * tier.maintenance_ppm, PPM).__ceil__() - tier.deducted
        return total

    def is_flat(self, account: str) -> bool:
        return not any(n for (name, _), n in self.lots.items() if name == account)

    def decidable(self, account: str) -> bool:
        """Has positions, every one in a market whose mark may be used."""
        markets = {m for (name, m), n in self.lots.items() if name == account and n}
        return bool(markets) and all(m in self.marks and not self.stale.get(m) for m in markets)

    def liquidatable(self, account: str) -> bool:
        if not self.decidable(account):
            return False
        equity, needed = self.equity(account), self.maintenance(account)
        return equity < needed if self.story.spec.trigger == "below" else equity <= needed

    def total(self) -> int:
        """Everything that is or was in the venue, at any prices (positions add up to zero)."""
        return (
            sum(self.purse.values())
            + self.outside_purse
            + sum(self.fees.values())
            + self.to_fund
            - self.from_fund
            - self.severity_open
        )

    # --- following -------------------------------------------------------------------------------------------------

    def take(self, machine: str, envelope: Data) -> None:
        """Take in one record of either log."""
        data, kind = envelope["data"], envelope["kind"]
        if machine == "venue":
            getattr(self, kind)(data)
            assert self.total() == self.opening, f"money was made or lost by {kind}"
            for market in self.units:
                open_lots = sum(n for (_, m), n in self.lots.items() if m == market) + self.outside_lots[market]
                assert open_lots == 0, f"{market} does not sum to zero after {kind}"
        elif kind == "shortfalls_drawn":
            self.rounds[-1].drawn = data

    def venue_opened(self, data: Data) -> None:
        assert int(data["equity"]) == self.opening
        assert {row["market"]: row["lots"] for row in data["outside"]} == self.outside_lots

    def marked(self, data: Data) -> None:
        self.step = data["step"]
        for row in data["marks"]:
            self.marks[row["market"]] = row["ticks"]
            self.stale[row["market"]] = row["stale"]

    def round_filled(self, data: Data) -> None:
        this = Round(
            data["step"],
            data["round"],
            dict(self.marks),
            dict(self.stale),
            dict(self.purse),
            dict(self.lots),
            {key: self.profit(*key) for key, lots in self.lots.items() if lots},
            {name: self.equity(name) for name in self.purse},
            {name for name in self.purse if self.decidable(name) and not self.liquidatable(name)},
        )
        self.rounds.append(this)
        this.triggered = [row["account"] for row in data["triggered"]]
        for row in data["triggered"]:
            assert int(row["equity"]) == self.equity(row["account"])
            assert int(row["maintenance"]) == self.maintenance(row["account"])
        moved: dict[str, list[int]] = {}
        for row in data["fills"]:
            account, market = row["account"], row["market"]
            lots, amount = row["cross_lots"] + row["book_lots"], int(row["amount"])
            self.trade(account, market, lots, amount)
            self.purse[account] -= int(row["surcharge"])
            self.fees[account] = self.fees.get(account, 0) + int(row["surcharge"])
            assert row["lots_after"] == self.held(account, market)
            assert int(row["cost_after"]) == self.cost[account, market]
            this.px[account, market] = row["bankruptcy_ticks"]
            this.sold[account, market] = [abs(lots), abs(amount)]
            tally = moved.setdefault(market, [0, 0, 0])
            tally[0] += row["cross_lots"]
            tally[1] += row["book_lots"]
            tally[2] += amount
        for row in data["book"]:
            market = row["market"]
            this.book[market] = row
            side = 1 if row["side"] == "bids" else -1  # bids take sales: the outside book buys
            self.outside_lots[market] += side * row["lots"]
            self.outside_purse -= side * int(row["amount"])
            assert self.outside_lots[market] == row["outside_lots_after"]
            assert self.outside_purse == int(row["outside_cash_after"])
            tally = moved.setdefault(market, [0, 0, 0])
            tally[1] += side * row["lots"]
            tally[2] += side * int(row["amount"])
        assert all(tally == [0, 0, 0] for tally in moved.values()), "every fill has a counterparty, to the lot and unit"
        self.backed |= {row["account"]: int(row["amount"]) for row in data["reserved"]}
        self.compare(data["cash"])

    def trade(self, account: str, market: str, lots: int, amount: int) -> None:
        """Signed lots in, signed money out. Only closing happens here: the closed part takes the floor of the cost."""
        held = self.held(account, market)
        assert held * lots < 0 and abs(lots) <= abs(held), "nobody is pushed through zero to the other side"
        self.cost[account, market] -= self.cost[account, market] * abs(lots) // abs(held)
        self.lots[account, market] = held + lots
        self.purse[account] -= amount

    def accounts_closed(self, data: Data) -> None:
        for row in data["rows"]:
            account = row["account"]
            backed = self.backed.pop(account, 0)
            routed = sum(int(fee["amount"]) for fee in row["fees"])
            if row["healthy"]:
                assert self.decidable(account) and not self.liquidatable(account), "healthy is not liquidatable"
                assert routed == self.fees.pop(account, 0) and int(row["equity"]) == self.equity(account)
                assert routed or backed, "nothing was pending"
                self.to_fund += routed
                continue
            assert routed + int(row["fees_used"]) == self.fees.pop(account, 0), "pending fees went nowhere else"
            self.purse[account] += int(row["fees_used"]) - int(row["residual_taken"])
            self.to_fund += routed + int(row["residual_taken"])
            self.rounds[-1].closed[account] = row

    def deficits_covered(self, data: Data) -> None:
        for row in data["rows"]:
            self.purse[row["account"]] += int(row["drawn"]) + int(row["severity"])
            self.from_fund += int(row["drawn"])
            self.severity_open += int(row["severity"])
            self.rounds[-1].covered[row["account"]] = row

    def deleveraged(self, data: Data) -> None:
        this = self.rounds[-1]
        tally: dict[str, list[int]] = {}
        sides: dict[str, int] = {}
        for row in data["closings"]:
            bankrupt, market, lots = row["account"], row["market"], row["lots"]
            held = self.held(bankrupt, market)
            assert abs(held) >= lots > 0, "live lots only"
            side = 1 if held > 0 else -1
            assert sides.setdefault(market, side) == side, "after crossing only one side of a market is left"
            amount = lots * row["price_ticks"] * self.units[market]
            self.trade(bankrupt, market, -side * lots, -side * amount)
            self.purse[bankrupt] -= int(row["gap"])  # its deficit, which the fund took over, already held this loss
            moved = tally.setdefault(market, [0, 0, 0])
            for place, units in enumerate((lots, amount, int(row["gap"]))):
                moved[place] += units
            this.closings.append(row)
        for row in data["haircuts"]:
            winner, market, lots, amount = row["account"], row["market"], row["lots"], int(row["amount"])
            side = sides[market]
            held = self.held(winner, market)
            assert held * side < 0, "a winner holds the opposite side"
            assert abs(held) >= lots > 0, "live lots only"
            self.trade(winner, market, side * lots, side * amount)
            self.purse[winner] += int(row["taken"]) - int(row["haircut"])
            self.severity_open -= int(row["haircut"])
            for place, units in enumerate((lots, amount, int(row["taken"]))):
                tally[market][place] -= units
            this.haircuts.append(row)
        assert all(moved == [0, 0, 0] for moved in tally.values()), "both sides fall lot for lot, unit for unit"
        for row in data["positions"]:
            assert self.held(row["account"], row["market"]) == row["lots"]
            key = row["account"], row["market"]
            # A winner closed in several parts floors its cost several times: at most a unit a lot apart.
            assert abs(self.cost[key] - int(row["cost"])) <= abs(self.story_lots(*key)) and (
                row["lots"] or row["cost"] == "0"
            )
            self.cost[key] = int(row["cost"])
        self.compare(data["cash"])

    def haircut_taken(self, data: Data) -> None:
        seen = [
            {
                "how": data["how"],
                "flat": self.is_flat(row["account"]),
                "safe": self.decidable(row["account"]) and not self.liquidatable(row["account"]),
                **row,
            }
            for row in data["rows"]
        ]
        for row in data["rows"]:
            key = row["account"], row["market"]
            # Of what deleveraging took in the same round already, nothing may be taken again: at most the profit.
            assert int(row["profit"]) <= self.profit(*key)
            assert int(row["profit"]) == self.profit(*key) or any(
                row["account"] == r["account"] for r in self.rounds[-1].haircuts
            )
            self.purse[row["account"]] -= int(row["amount"])
            self.cost[key] += int(row["amount"])
            assert int(row["cost_after"]) == self.cost[key]
            self.severity_open -= int(row["amount"])
        self.rounds[-1].money += seen

    def compare(self, cash: list[Data]) -> None:
        """Flat accounts have nothing but cash: it must be the purse."""
        for row in cash:
            if self.is_flat(row["account"]):
                assert int(row["cash"]) == self.purse[row["account"]]


def before(story: Story, this: Round) -> SecondBook:
    """A bookkeeper set to what was true before a round."""
    book = SecondBook(story)
    book.marks, book.stale, book.purse, book.lots = this.marks, this.stale, this.purse, this.lots
    return book


def follow(played: Played) -> SecondBook:
    """Read both logs from the start."""
    book = SecondBook(played.story)
    for machine, envelope in played.records:
        book.take(machine, envelope)
    return book
