"""A slow, readable venue for the plain case: no deleveraging of positions, no displacement of marks.

Layer    tests; imports no decision of the venue. One account is one dictionary entry, one lot is one turn of a loop,
         shares are Fractions; the fund is the tests' own second ledger. SPEC 4, 5, 7.
Held to  each other: tests/venue/test_reference.py wants the machine equal to this with `==`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from seawall.amounts import Units, in_id_order
from seawall.fund.messages import Haircut, Inflow, Loss, Settle, Shortfall, Shortfalls
from tests.fund.second_ledger import SecondLedger
from tests.generators import PPM, Story
from tests.rules.references import allocate_by_quota, water_level


@dataclass
class Account:
    """What one account has.

    pot     what a market took and gave since the account was last flat
    backed  what fills below the bankruptcy price have cost so far: layers owe that, so the price of the rest stands
    """

    cash: int
    lots: dict[str, int] = field(default_factory=dict)
    cost: dict[str, int] = field(default_factory=dict)
    pot: dict[str, int] = field(default_factory=dict)
    fees: dict[str, int] = field(default_factory=dict)
    backed: int = 0

    def markets(self) -> list[str]:
        return [market for market, lots in self.lots.items() if lots]


class PlainVenue:
    """A venue that sells or waits, and asks winners for money; policies `socialised_loss` and `carry` only."""

    def __init__(self, story: Story) -> None:
        self.story, self.spec = story, story.spec
        self.markets = {market.id: market for market in story.spec.markets}
        self.accounts: dict[str, Account] = {}
        for name in in_id_order(story.accounts):
            _, cash, rows = story.accounts[name]
            account = Account(cash)
            for place, lots, cost in sorted(rows):
                market = story.spec.markets[place].id
                account.lots[market], account.cost[market], account.pot[market] = lots, cost, -cost
            self.accounts[name] = account
        self.fund = SecondLedger(story.spec)
        self.outside = {m: -sum(a.lots.get(m, 0) for a in self.accounts.values()) for m in self.markets}
        self.books = {key: [(away, lots) for away, lots in levels] for key, levels in story.ladders.items()}
        self.used = {key: [0] * len(levels) for key, levels in self.books.items()}
        self.marks: dict[str, int] = {}
        self.seen: dict[str, int] = {}
        self.good: set[str] = set()
        self.last_markets: dict[str, list[str]] = {}
        self.step = self.asked = self.charged = 0

    def run(self) -> PlainVenue:
        for number, prices in enumerate(self.story.steps, start=1):
            self.one_step(number * self.story.step_ms, prices)
        return self

    # --- worth -----------------------------------------------------------------------------------------------------

    def equity(self, account: Account) -> int:
        worth = sum(account.lots[m] * self.marks[m] * self.markets[m].unit - account.cost[m] for m in account.markets())
        return account.cash + worth

    def margins(self, account: Account) -> dict[str, int]:
        found = {}
        for market in account.markets():
            spec = self.markets[market]
            notional = abs(account.lots[market]) * self.marks[market] * spec.unit
            tier = next(tier for tier in spec.tiers if tier.up_to is None or notional <= tier.up_to)
            found[market] = Fraction(notional * tier.maintenance_ppm, PPM).__ceil__() - tier.deducted
        return found

    def decidable(self, account: Account) -> bool:
        return bool(account.markets()) and set(account.markets()) <= self.good

    def hit(self, account: Account) -> bool:
        if not self.decidable(account):
            return False
        equity, needed = self.equity(account), sum(self.margins(account).values())
        return equity < needed or (equity == needed and self.spec.trigger != "below")

    def ratio(self, name: str) -> Fraction:
        return Fraction(self.equity(self.accounts[name]), max(1, sum(self.margins(self.accounts[name]).values())))

    # --- a step ----------------------------------------------------------------------------------------------------

    def one_step(self, now: int, prices: dict[str, int]) -> None:
        for market, price in prices.items():
            self.marks[market], self.seen[market] = price, now
        self.good = set()
        for market, spec in self.markets.items():
            if market in self.marks:
                price, age = self.marks[market], now - self.seen[market]
                above = spec.floor is None or price > spec.floor
                below = spec.ceiling is None or price < spec.ceiling
                if price > 0 and age <= self.spec.max_age_ms and above and below:
                    self.good.add(market)
        for used in self.used.values():
            for level, lots in enumerate(used):
                used[level] = lots - lots * self.spec.recovery_ppm // PPM
        self.step += 1
        engaged: set[str] = set()
        moved = True
        while moved:
            moved = self.one_round(now, engaged)

    def one_round(self, now: int, engaged: set[str]) -> bool:
        healthy = [n for n, a in self.accounts.items() if a.fees and self.decidable(a) and not self.hit(a)]
        hit = [name for name, account in self.accounts.items() if self.hit(account)]
        if self.spec.capacity is not None:
            new = [name for name in hit if name not in engaged]
            new.sort(key=self.ratio)  # stable: accounts are in id order
            new = new[: max(0, self.spec.capacity - len(engaged))]
            hit = [name for name in hit if name in engaged or name in new]
        orders = {}
        self.last_markets = {name: self.accounts[name].markets() for name in hit}
        prices = {name: self.bankruptcy_prices(self.accounts[name]) for name in hit}
        for market in self.markets:
            orders |= self.trades(market, hit)
        if not any(orders.values()) and not healthy:
            return False
        engaged |= set(hit)
        for name in hit:
            self.fill(name, prices[name], {market: trades for (who, market), trades in orders.items() if who == name})
            account = self.accounts[name]
            at_px = account.cash + sum(
                account.lots[m] * prices[name][m] * self.markets[m].unit - account.cost[m] for m in account.markets()
            )
            account.backed = max(0, -at_px - self.charged) if account.markets() else 0
        self.close([name for name in hit if not self.accounts[name].markets()], healthy, now)
        return True

    def bankruptcy_prices(self, account: Account) -> dict[str, int]:
        """Where a position's part of the equity, by margin or else by notional, is zero; towards solvency."""
        weights = self.margins(account)
        if not sum(weights.values()):
            weights = {m: abs(account.lots[m]) * self.marks[m] * self.markets[m].unit for m in account.markets()}
        found = {}
        for market in account.markets():
            part = Fraction((self.equity(account) + account.backed) * weights[market], sum(weights.values()))
            lots, unit, mark = account.lots[market], self.markets[market].unit, self.marks[market]
            exact = mark - part / (lots * unit)
            found[market] = max(1, exact.__ceil__() if lots > 0 else exact.__floor__())
        return found

    def trades(self, market: str, hit: list[str]) -> dict[tuple[str, str], list[tuple[int, int]]]:
        """What each account trades in a market this round: (lots, money) at the mark, then with the book; unsigned."""
        sizes = {name: self.accounts[name].lots.get(market, 0) for name in hit}
        longs = {name: lots for name, lots in sizes.items() if lots > 0}
        shorts = {name: -lots for name, lots in sizes.items() if lots < 0}
        crossed = min(sum(longs.values()), sum(shorts.values()))
        value = self.marks.get(market, 0) * self.markets[market].unit
        done: dict[tuple[str, str], list[tuple[int, int]]] = {}
        left = {}
        for group in (longs, shorts):
            parts = allocate_by_quota(crossed, list(group.values())) if crossed else (0,) * len(group)
            for (name, lots), part in zip(group.items(), parts):
                done[name, market] = [(part, part * value)] if part else []
                left[name] = lots - part
        sellers = longs if sum(longs.values()) >= sum(shorts.values()) else shorts
        side = "bids" if sellers is longs else "asks"
        key = market, side
        wanted = sum(left[name] for name in sellers)
        got, money = 0, 0
        while got < wanted and key in self.books:
            best = self.best_lot(key)
            if best is None:
                break
            level, price = best
            self.used[key][level] += 1
            got, money = got + 1, money + price * self.markets[market].unit
        if got:
            lots = allocate_by_quota(got, [left[name] for name in sellers])
            for name, part, share in zip(sellers, lots, allocate_by_quota(money, lots)):
                if part:
                    done[name, market].append((part, share))
            self.outside[market] += got if side == "bids" else -got
        return done

    def best_lot(self, key: tuple[str, str]) -> tuple[int, int] | None:
        """The best lot that is left on one side of a book: (level, price)."""
        market, side = key
        for level, (away, lots) in enumerate(self.books[key]):
            price = self.marks[market] + (away if side == "asks" else -away)
            if self.used[key][level] < lots and price >= 1:
                return level, price
        return None

    def fill(self, name: str, prices: dict[str, int], trades: dict[str, list[tuple[int, int]]]) -> None:
        """Book an account's trades, then charge its surcharges, market by market, out of what equity there is."""
        account = self.accounts[name]
        rates = {}
        for market in self.markets:
            parts = trades.get(market, [])
            lots, money = sum(n for n, _ in parts), sum(amount for _, amount in parts)
            if not lots:
                continue
            side = 1 if account.lots[market] > 0 else -1
            gone = account.cost[market] * lots // abs(account.lots[market])
            account.cost[market] -= gone
            account.lots[market] -= side * lots
            account.cash += side * money - gone
            account.pot[market] += side * money
            spec = self.markets[market]
            rate = self.spec.surcharge_ppm if spec.surcharge_ppm is None else spec.surcharge_ppm
            gain = side * (money - lots * prices[market] * spec.unit)
            rates[market] = (Fraction(money * rate, PPM).__ceil__(), gain)
        self.charged = 0
        for market, (asked, gain) in rates.items():
            fee = max(0, min(asked, gain, self.equity(account)))
            account.cash -= fee
            self.charged += fee
            if fee:
                account.fees[market] = account.fees.get(market, 0) + fee

    # --- how liquidations end --------------------------------------------------------------------------------------

    def send(self, command: object, now: int) -> None:
        assert self.fund.take(command, now) == "", command  # type: ignore[arg-type]

    def close(self, flat: list[str], healthy: list[str], now: int) -> None:
        self.asked += 1
        owing: dict[str, tuple[int, dict[str, int]]] = {}
        income: list[tuple[str, str | None, int]] = []
        for name in healthy:
            fees = self.accounts[name].fees
            income += [("surcharge", market, fees[market]) for market in in_id_order(fees)]
            self.accounts[name].fees = {}
            self.accounts[name].backed = 0
        for name in flat:
            account = self.accounts[name]
            losses = {m: -account.pot[m] for m in self.markets if account.pot.get(m, 0) < 0}
            fees = account.fees
            pending = sum(fees.values())
            if account.cash < 0:
                back = min(pending, -account.cash)
                account.cash += back
                if pending > back:
                    by_id = in_id_order(fees)
                    parts = allocate_by_quota(pending - back, [fees[market] for market in by_id])
                    income += [("surcharge", market, part) for market, part in zip(by_id, parts) if part]
                if account.cash < 0:
                    owing[name] = (-account.cash, losses)
                    account.cash = 0
            else:
                income += [("surcharge", market, fees[market]) for market in in_id_order(fees)]
                fund, treasury, _ = allocate_by_quota(account.cash, self.spec.residual_split)
                if fund + treasury:
                    sold = self.last_markets[name]
                    income.append(("residual", sold[0] if len(sold) == 1 else None, fund + treasury))
                account.cash -= fund + treasury
            account.lots, account.cost, account.pot, account.fees, account.backed = {}, {}, {}, {}, 0
        for number, (source, market, units) in enumerate(income):
            name = f"in{self.step}.{self.asked}.{number}"
            self.send(Inflow(id=name, source=source, asset="USDC", amount=Units(units), market=market), now)  # type: ignore[arg-type]
        if owing:
            self.draw(owing, now)

    def draw(self, owing: dict[str, tuple[int, dict[str, int]]], now: int) -> None:
        batch = f"b{self.step}.{self.asked}"
        rows = []
        for number, (name, (units, losses)) in enumerate(owing.items(), start=1):
            lost = tuple(Loss(market, Units(loss)) for market, loss in losses.items())
            rows.append(Shortfall(f"{batch}.{number}", name, self.story.accounts[name][0], "USDC", Units(units), lost))
        self.send(Shortfalls(id=batch, deficits=tuple(rows)), now)
        severity = sum(self.fund.severity(batch).values())
        if severity:
            haircuts = self.socialise(severity)
            self.send(Settle(id=f"s{batch}", batch=batch, haircuts=haircuts), now)

    def socialise(self, severity: int) -> tuple[Haircut, ...]:
        engaged = self.last_markets  # who was liquidated in this round
        payers = [n for n, a in self.accounts.items() if self.decidable(a) and not self.hit(a) and n not in engaged]
        profits = {}
        for name in payers:
            a = self.accounts[name]
            profits[name] = {m: a.lots[m] * self.marks[m] * self.markets[m].unit - a.cost[m] for m in a.markets()}
        net = [max(0, sum(profits[name].values())) for name in payers]
        caps = [min(gain, max(0, self.equity(self.accounts[name]))) for name, gain in zip(payers, net)]
        level = water_level(severity, net, caps)
        shares = [int(real) for real in level]
        for _ in range(min(severity, sum(caps)) - sum(shares)):
            short = [real - share for real, share in zip(level, shares)]
            shares[short.index(max(short))] += 1
        paid = []
        for name, share in zip(payers, shares):
            if share:
                gains = {market: max(0, profit) for market, profit in profits[name].items()}
                in_order = {market: gains[market] for market in in_id_order(gains)}
                for market, part in zip(in_order, allocate_by_quota(share, list(in_order.values()))):
                    self.accounts[name].cost[market] += part
                    self.accounts[name].pot[market] -= part
                    paid.append(Haircut(name, self.story.accounts[name][0], market, "socialised_loss", 0, Units(part)))
        return tuple(paid)
