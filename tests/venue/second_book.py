"""A second bookkeeper of a venue: it reads nothing but the emitted events of both logs, and follows money and lots.

Layer    tests; imports nothing of ours but the story's plain numbers. Money is followed without cash, cost and realised
         profit: an account has one purse, from which it pays for what it buys and into which goes what it sells for. A
         machine's cash and costs must come to the same: cash - costs = purse. Costs are kept beside, for profits only.

Every event is taken in by what it says was traded, charged, drawn, closed or taken; what it says stands *after* is
then compared, never copied.
"""

from __future__ import annotations

import math
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
        kinds = {market.id: market.extra.get("kind", "linear_perp") for market in story.spec.markets}
        self.inverse = {market for market, kind in kinds.items() if kind == "inverse_perp"}
        self.collateral = {
            m.id: m.extra.get("haircut_ppm", 0) for m in story.spec.markets if kinds[m.id] == "collateral"
        }
        self.rounding = 0
        self.begun: set[str] = set()
        self.layer_purse: dict[str, int] = {}
        self.layer_lots: dict[tuple[str, str], int] = {}
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
        pool = story.spec.design.pool
        for market in self.units if pool is not None else ():
            if market not in self.collateral:
                self.layer_lots[pool.layer, market], self.outside_lots[market] = self.outside_lots[market], 0
                self.layer_purse[pool.layer] = sum(n for (_, m), n in self.cost.items() if m not in self.collateral)
        self.fees: dict[str, int] = {}
        self.backed: dict[str, int] = {}
        self.to_fund = self.from_fund = self.severity_open = self.paid_out = self.paid_in = 0
        self.previous: dict[str, int] = {}
        self.marks: dict[str, int] = {}
        self.stale: dict[str, str] = {}
        self.step = 0
        self.rounds: list[Round] = []
        self.last_drawn: Data = {}
        self.opening = self.total()

    # --- reading ---------------------------------------------------------------------------------------------------

    def held(self, account: str, market: str) -> int:
        """Signed lots."""
        return self.lots.get((account, market), 0)

    def worth(self, market: str, lots: int, price: int) -> int:
        """What lots fetch at a price: lots x price, or of an inverse contract what they owe, against the trader."""
        if market in self.inverse:
            return math.floor(Fraction(-lots * self.units[market], price)) if price else 0
        return lots * price * self.units[market]

    def equity(self, account: str) -> int:
        """The purse and what the position would fetch at the mark; collateral less its haircut."""
        total = self.purse[account]
        for (name, m), n in self.lots.items():
            if name == account and n:
                kept = PPM - self.collateral.get(m, 0)
                total += math.floor(Fraction(self.worth(m, n, self.marks.get(m, 0)) * kept, PPM))
        return total

    def profit(self, account: str, market: str) -> int:
        """Unrealised profit of a position at the mark."""
        worth = self.worth(market, self.held(account, market), self.marks.get(market, 0))
        return worth - self.cost.get((account, market), 0)

    def story_lots(self, account: str, market: str) -> int:
        """Lots that the account had when the story began."""
        places = {place: spec.id for place, spec in enumerate(self.story.spec.markets)}
        return next((lots for place, lots, _ in self.story.accounts[account][2] if places[place] == market), 0)

    def maintenance(self, account: str) -> int:
        """Margin in whole units, each position's rounded up."""
        total = 0
        for market in self.story.spec.markets:
            notional = abs(self.worth(market.id, -abs(self.held(account, market.id)), self.marks.get(market.id, 0)))
            if market.id in self.inverse:
                owed = abs(self.held(account, market.id)) * market.unit
                notional = math.ceil(Fraction(owed, self.marks[market.id])) if market.id in self.marks else 0
            if notional and market.id not in self.collateral:
                tier = next(t for t in market.tiers if t.up_to is None or notional <= t.up_to)
                total += Fraction(notional * tier.maintenance_ppm, PPM).__ceil__() - tier.deducted
        return total

    def equity_shares(self, account: str) -> dict[str, Fraction]:
        """An account's equity, collateral whole and what is reserved for it added, over its positions, by margin."""
        equity, weights, notionals = self.purse[account] + self.backed.get(account, 0), {}, {}
        for market in self.story.spec.markets:
            lots = self.held(account, market.id)
            if not lots:
                continue
            equity += self.worth(market.id, lots, self.marks.get(market.id, 0))
            if market.id in self.collateral:
                continue
            notional = abs(self.worth(market.id, -abs(lots), self.marks.get(market.id, 0)))
            if market.id in self.inverse:
                notional = math.ceil(Fraction(abs(lots) * market.unit, self.marks[market.id]))
            tier = next(t for t in market.tiers if t.up_to is None or notional <= t.up_to)
            weights[market.id] = Fraction(notional * tier.maintenance_ppm, PPM).__ceil__() - tier.deducted
            notionals[market.id] = notional
        weights = weights if sum(weights.values()) > 0 else notionals
        return {name: Fraction(equity * weight, sum(weights.values())) for name, weight in weights.items()}

    def is_flat(self, account: str) -> bool:
        return not any(n for (name, m), n in self.lots.items() if name == account and m not in self.collateral)

    def decidable(self, account: str) -> bool:
        """Has positions, every one in a market whose mark may be used."""
        markets = {m for (name, m), n in self.lots.items() if name == account and n}
        return not self.is_flat(account) and all(m in self.marks and not self.stale.get(m) for m in markets)

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
            + sum(self.layer_purse.values())
            + self.rounding
            + sum(self.fees.values())
            + self.to_fund
            - self.from_fund
            - self.severity_open
            + self.paid_out
            - self.paid_in
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
                open_lots += sum(n for (_, m), n in self.layer_lots.items() if m == market)
                assert open_lots == 0, f"{market} does not sum to zero after {kind}"
        elif kind == "shortfalls_drawn":
            self.last_drawn = data

    def venue_opened(self, data: Data) -> None:
        assert int(data["equity"]) == self.opening
        assert {row["market"]: row["lots"] for row in data["outside"]} == self.outside_lots

    def marked(self, data: Data) -> None:
        if data["step"] != self.step:
            self.previous = dict(self.marks)
        self.step = data["step"]
        for row in data["marks"]:
            self.marks[row["market"]] = row["ticks"]
            self.stale[row["market"]] = row["stale"]

    def begin_round(self, data: Data) -> Round:
        """The round of an event that is its first."""
        if self.rounds and (data["step"], data["round"]) <= (self.rounds[-1].step, self.rounds[-1].number):
            raise AssertionError(f"round {data['step']}.{data['round']} is not the next")
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
        return this

    def round_of(self, data: Data) -> Round:
        """The round of an event; one in which layers alone owe begins with what was covered."""
        last = self.rounds[-1] if self.rounds else None
        same = last is not None and (last.step, last.number) == (data["step"], data["round"])
        return last if same and last is not None else self.begin_round(data)

    def round_filled(self, data: Data) -> None:
        this = self.begin_round(data)
        this.triggered = [row["account"] for row in data["triggered"]]
        for row in data["triggered"]:
            assert int(row["equity"]) == self.equity(row["account"])
            assert int(row["maintenance"]) == self.maintenance(row["account"])
        moved: dict[str, list[int]] = {}
        lost = {account: Fraction(0) for account in this.triggered}
        shares = {account: self.equity_shares(account) for account in this.triggered}
        for row in data["fills"]:
            account, market = row["account"], row["market"]
            taken = row.get("taken_lots", 0)
            lots, amount = row["cross_lots"] + row["book_lots"] + taken, int(row["amount"])
            self.trade(account, market, lots, amount)
            self.purse[account] -= int(row["surcharge"])
            self.fees[account] = self.fees.get(account, 0) + int(row["surcharge"])
            assert row["lots_after"] == self.held(account, market)
            assert int(row["cost_after"]) == self.cost[account, market]
            this.px[account, market] = row["bankruptcy_ticks"]
            if account in lost and market not in self.collateral:
                before = abs(lots) + abs(row["lots_after"])
                lost[account] += self.worth(market, -lots, self.marks[market]) + amount
                lost[account] -= shares[account][market] * Fraction(abs(lots), before)
            this.sold[account, market] = [abs(lots), abs(amount)]
            tally = moved.setdefault(market, [0, 0, 0, 0])
            tally[0] += row["cross_lots"]
            tally[1] += row["book_lots"]
            tally[2] += taken
            tally[3] += amount
        for row in data["book"]:
            this.book[row["market"]] = row
            lots, amount = self.outside_trade(row)
            tally = moved.setdefault(row["market"], [0, 0, 0, 0])
            tally[1] += lots
            tally[3] += amount
        for row in data.get("inventory", []):
            self.layer_trade(row)
            tally = moved.setdefault(row["market"], [0, 0, 0, 0])
            tally[2] += row["lots"]
            tally[3] += int(row["amount"])
        self.rounding += int(data.get("rounding", 0))
        assert sum(tally.pop() for tally in moved.values()) == int(data.get("rounding", 0)) >= 0, "to the unit"
        assert all(tally == [0, 0, 0] for tally in moved.values()), "every fill has a counterparty, to the lot"
        self.begun |= set(data.get("begun", []))
        reserved = {row["account"]: int(row["amount"]) for row in data["reserved"]}
        for account in this.triggered:
            kept = self.backed.get(account, 0)
            after = reserved.get(account, kept)
            exact = max(Fraction(0), kept + lost[account])
            gone = not after  # flat, or closed against winners, which comes later
            assert gone or 0 <= after - exact < max(1, len(shares[account])), "a reserve moves with fills alone"
        self.backed |= reserved
        self.compare(data["cash"])

    def outside_trade(self, row: Data) -> tuple[int, int]:
        """What the outside book bought, and what it paid."""
        market = row["market"]
        side = 1 if row["side"] == "bids" else -1  # bids take sales: the outside book buys
        paid = side * int(row["amount"]) * (-1 if market in self.inverse else 1)
        self.outside_lots[market] += side * row["lots"]
        self.outside_purse -= paid
        assert self.outside_lots[market] == row["outside_lots_after"]
        assert self.outside_purse == int(row["outside_cash_after"])
        return side * row["lots"], paid

    def layer_trade(self, row: Data) -> None:
        """What a layer bought, and what it paid. What it realised is in its purse until the fund has it."""
        key = row["layer"], row["market"]
        self.layer_lots[key] = self.layer_lots.get(key, 0) + row["lots"]
        self.layer_purse[row["layer"]] = self.layer_purse.get(row["layer"], 0) - int(row["amount"])
        assert self.layer_lots[key] == row["lots_after"]
        if self.story.spec.design.pool is None:
            assert row["lots_after"] or row["cost_after"] == "0"

    def inventory_moved(self, data: Data) -> None:
        sold = [self.outside_trade(row) for row in data["book"]]
        for row, (lots, paid) in zip(data["rows"], sold, strict=True):
            before = self.layer_lots[row["layer"], row["market"]]
            assert (row["lots"], int(row["amount"])) == (-lots, -paid) and before * row["lots"] < 0
            self.layer_trade(row)

    def inventory_settled(self, data: Data) -> None:
        for row in data["rows"]:
            gain, loss = int(row["gain"]), int(row["loss"])
            assert (gain > 0) != (loss > 0)
            self.layer_purse[row["layer"]] += loss - gain
            self.to_fund += gain
            self.from_fund += loss

    def closed_against_layer(self, data: Data) -> None:
        lots, paid = {}, 0
        for row in data["rows"]:
            held = self.held(row["account"], row["market"])
            bought = row["lots"] * (-1 if held > 0 else 1)
            self.trade(row["account"], row["market"], bought, int(row["amount"]))
            kept = int(row["realised"]) - int(row["payout"])
            assert kept >= 0
            self.purse[row["account"]] -= kept
            lots[row["market"]] = lots.get(row["market"], 0) + bought
            paid += int(row["amount"])
        for row in data["inventory"]:
            assert row["lots"] == -lots[row["market"]]
            paid += int(row["amount"])
            self.layer_trade(row)
            kept = [int(r["realised"]) - int(r["payout"]) for r in data["rows"] if r["market"] == row["market"]]
            self.layer_purse[row["layer"]] += sum(kept)
        assert paid == 0
        for row in data["positions"]:
            assert self.held(row["account"], row["market"]) == row["lots"]
            assert self.cost[row["account"], row["market"]] == int(row["cost"])
        self.compare(data["cash"])

    def recovered(self, data: Data) -> None:
        for row in data["rows"]:
            self.purse[row["account"]] -= int(row["amount"])
            self.to_fund += int(row["amount"])

    def trade(self, account: str, market: str, lots: int, amount: int) -> None:
        """Signed lots in, signed money out. Only closing happens here: the closed part takes the floor of the cost."""
        held = self.held(account, market)
        assert held * lots < 0 and abs(lots) <= abs(held), "nobody is pushed through zero to the other side"
        self.cost[account, market] -= self.cost[account, market] * abs(lots) // abs(held)
        self.lots[account, market] = held + lots
        self.purse[account] -= amount

    def accounts_closed(self, data: Data) -> None:
        for row in data.get("final", []):
            charged = sum(int(fee["amount"]) for fee in row["fees"])
            assert charged == self.fees.pop(row["account"])
            self.to_fund += charged
        for row in data["rows"]:
            account = row["account"]
            backed = self.backed.pop(account, 0) or account in self.begun
            self.begun.discard(account)
            routed = sum(int(fee["amount"]) for fee in row["fees"])
            if row["healthy"]:
                flat = self.is_flat(account)  # by another event than a liquidation
                assert flat or (self.decidable(account) and not self.liquidatable(account)), "healthy is safe"
                assert routed == self.fees.pop(account, 0)
                assert int(row["equity"]) == (self.purse[account] if flat else self.equity(account))
                assert routed or backed, "nothing was pending"
                self.to_fund += routed
                continue
            assert routed + int(row["fees_used"]) == self.fees.pop(account, 0), "pending fees went nowhere else"
            self.purse[account] += int(row["fees_used"]) - int(row["residual_taken"])
            self.to_fund += routed + int(row["residual_taken"])
            self.rounds[-1].closed[account] = row

    def deficits_covered(self, data: Data) -> None:
        this = self.round_of(data)
        this.drawn = self.last_drawn
        for row in data["rows"]:
            self.from_fund += int(row["drawn"])
            self.severity_open += int(row["severity"])
            premium, covered = int(row.get("premium", 0)), int(row["drawn"]) + int(row["severity"])
            self.outside_purse += premium
            if row.get("layer"):
                self.layer_purse[row["account"]] += covered
                continue
            self.purse[row["account"]] += covered - premium
            this.covered[row["account"]] = row

    def deleveraged(self, data: Data) -> None:
        this = self.rounds[-1]
        tally: dict[tuple[str, int], list[int]] = {}
        for row in data["closings"]:
            bankrupt, market, lots = row["account"], row["market"], row["lots"]
            held = self.held(bankrupt, market)
            assert abs(held) >= lots > 0, "live lots only"
            side = 1 if held > 0 else -1
            any_price = self.story.spec.liquidation.get("worst_price", "any") == "any"
            assert (market, -side) not in tally or not any_price, "after crossing only one side of a market is left"
            worth = self.worth(market, side * lots, row["price_ticks"])
            self.trade(bankrupt, market, -side * lots, -worth)
            amount = abs(worth)
            self.purse[bankrupt] -= int(row["gap"])  # its deficit, which the fund took over, already held this loss
            moved = tally.setdefault((market, side), [0, 0, 0])
            for place, units in enumerate((lots, amount, int(row["gap"]))):
                moved[place] += units
            this.closings.append(row)
        for row in data["haircuts"]:
            winner, market, lots, amount = row["account"], row["market"], row["lots"], int(row["amount"])
            held = self.held(winner, market)
            side = -1 if held > 0 else 1  # of the bankrupt account
            assert (market, side) in tally, "a winner holds the opposite side"
            assert abs(held) >= lots > 0, "live lots only"
            self.trade(winner, market, side * lots, side * amount * (-1 if market in self.inverse else 1))
            self.purse[winner] += int(row["taken"]) - int(row["haircut"])
            self.severity_open -= int(row["haircut"])
            for place, units in enumerate((lots, amount, int(row["taken"]))):
                tally[market, side][place] -= units
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
            if "cash_after" in row:
                self.in_cash(data, row)
                continue
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

    def in_cash(self, data: Data, row: Data) -> None:
        """A haircut over a base that is no position's: at most the part of the base, at most equity."""
        account, amount = row["account"], int(row["amount"])
        parts = {
            "equity": self.equity(account),
            "deposits": self.purse[account] + sum(n for (name, _), n in self.cost.items() if name == account),
            "open_interest": sum(self.notional(account)),
            "open_interest_longs": self.notional(account)[0],
            "open_interest_shorts": self.notional(account)[1],
        }
        assert int(row["profit"]) == parts.get(data["over"], int(row["profit"]))
        assert int(row["equity"]) == self.equity(account)
        assert 0 < amount <= min(int(row["profit"]), self.equity(account))
        self.purse[account] -= amount
        self.severity_open -= amount

    def notional(self, account: str) -> tuple[int, int]:
        """(longs, shorts) at the marks: lots x price, or of an inverse contract what they come to, rounded up."""
        sides = {1: 0, -1: 0}
        for (name, market), lots in self.lots.items():
            if name == account and lots and market not in self.collateral:
                price, size = self.marks[market], abs(lots) * self.units[market]
                worth = math.ceil(Fraction(size, price)) if market in self.inverse else size * price
                sides[1 if lots > 0 else -1] += worth
        return sides[1], sides[-1]

    def gains_taken(self, data: Data) -> None:
        paid: dict[str, int] = {}
        for row in data["rows"]:
            key, amount = (row["account"], row["market"]), int(row["amount"])
            assert self.decidable(row["account"]) and not self.liquidatable(row["account"]), "only who is safe pays"
            before = self.previous[row["market"]]
            now, then = (self.worth(row["market"], self.held(*key), price) for price in (self.marks[key[1]], before))
            assert int(row["profit"]) == now - then >= amount > 0
            paid[key[0]] = paid.get(key[0], 0) + amount
        for row in data["rows"]:
            key, amount = (row["account"], row["market"]), int(row["amount"])
            assert paid[key[0]] <= int(row["equity"])
            self.purse[key[0]] -= amount
            self.cost[key] += amount
            assert int(row["cost_after"]) == self.cost[key]
            self.severity_open -= amount

    def ended(self, markets: list[Data], positions: list[Data], inventory: list[Data]) -> None:
        """Every position of these markets ends at one price each; the outside book has what is left."""
        prices = {row["market"]: row["ticks"] for row in markets}
        tally = dict.fromkeys(prices, 0)
        for row in positions:
            key, lots = (row["account"], row["market"]), row["lots"]
            assert self.held(*key) == lots != 0
            value = self.worth(key[1], lots, prices[key[1]])
            assert (int(row["value"]), int(row["realised"])) == (value, value - self.cost[key])
            self.purse[key[0]] += value
            tally[key[1]] += value
            self.lots[key] = self.cost[key] = 0
        for row in inventory:
            tally[row["market"]] -= int(row["amount"])
            self.layer_trade(row)
            assert row["lots_after"] == 0
        for row in markets:
            assert self.outside_lots[row["market"]] == row["outside_lots"]
            self.outside_lots[row["market"]] = 0
            self.outside_purse -= tally[row["market"]]
            assert self.outside_purse == int(row["outside_cash_after"])
        assert not any(n for (_, m), n in self.lots.items() if m in prices)

    def positions_torn_up(self, data: Data) -> None:
        assert all(row["ticks"] == self.marks[row["market"]] for row in data["markets"])
        for row in data["haircuts"]:
            assert int(row["equity"]) == self.equity(row["account"])
            gains = sum(self.profit(row["account"], market["market"]) for market in data["markets"])
            assert 0 < int(row["haircut"]) <= min(int(row["gains"]), int(row["equity"])) and gains == int(row["gains"])
        self.ended(data["markets"], data["positions"], data.get("inventory", []))
        for row in data["haircuts"]:
            self.purse[row["account"]] -= int(row["haircut"])
            self.severity_open -= int(row["haircut"])
        self.compare(data["cash"])

    def market_settled(self, data: Data) -> None:
        assert self.stale[data["market"]["market"]]
        self.ended([data["market"]], data["positions"], data.get("inventory", []))
        self.marks[data["market"]["market"]] = data["market"]["ticks"]
        self.stale[data["market"]["market"]] = ""
        self.compare(data["cash"])

    def funding_paid(self, data: Data) -> None:
        for rate in data["rates"]:
            market, per = rate["market"], Fraction(rate["rate"], 10**12)
            paid = 0
            for row in (row for row in data["rows"] if row["market"] == market):
                due = self.worth(market, self.held(row["account"], market), self.marks[market]) * per
                if market not in self.inverse:
                    assert int(row["amount"]) == -math.ceil(due) if due > 0 else int(row["amount"]) >= math.floor(-due)
                self.purse[row["account"]] += int(row["amount"])
                paid += int(row["amount"])
            for row in (row for row in data.get("inventory", []) if row["market"] == market):
                assert row["lots"] == 0
                self.layer_trade(row)
                paid += int(row["realised"])
            assert paid + int(rate["outside"]) == 0
            self.outside_purse += int(rate["outside"])
        self.compare(data["cash"])

    def period_began(self, data: Data) -> None:
        assert data["start_ms"] >= 0

    def losses_seen(self, data: Data) -> None:
        assert int(data["amount"]) > 0

    def withdrawn(self, data: Data) -> None:
        for row in data["rows"]:
            paid, borne = int(row["paid"]), int(row["borne"])
            assert int(row["equity"]) == self.equity(row["account"]) and 0 <= paid <= int(row["asked"])
            self.purse[row["account"]] -= paid + borne
            self.paid_out += paid
            self.to_fund += borne
            assert self.equity(row["account"]) >= int(row["margin"])

    def deposited(self, data: Data) -> None:
        self.purse[data["account"]] += int(data["amount"])
        self.paid_in += int(data["amount"])

    def recourse_taken(self, data: Data) -> None:
        for row in data["rows"]:
            amount = int(row["amount"])
            assert 0 < amount <= int(row["room"]) <= self.equity(row["payer"])
            self.purse[row["payer"]] -= amount
            self.purse[row["account"]] += amount

    def compare(self, cash: list[Data]) -> None:
        """Flat accounts have nothing but cash: it must be the purse."""
        for row in cash:
            if not any(n for (name, _), n in self.lots.items() if name == row["account"]):
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
