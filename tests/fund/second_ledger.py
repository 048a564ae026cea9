"""A second bookkeeper of a fund: every unit stands in one named account and moves from one to another.

Layer    tests; imports the messages and the unit-by-unit references, no decision of the fund. SPEC 5, 6, 7.
Held to  each other: tests/fund/test_machine.py lets the fund and this follow the same commands.

Accounts are tuples: ("layer", id), ("called", id) for what a layer without money was called for, ("out", receiver),
("pending", batch, deficit), ("carried", deficit), ("covered",) for what draws paid, ("haircuts",) for what traders
paid, ("repaid",), ("lost",) for losses of positions held, and ("world",) for everything else. They always sum to 0.

Limits are never counted up: every one is read anew from every draw ever made, and every peak from every moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from seawall.amounts import in_id_order
from seawall.fund.messages import (
    AnyCommand,
    CloseMarket,
    Correct,
    Inflow,
    Inventory,
    InventoryLoss,
    Lapse,
    Measure,
    Migrate,
    Release,
    Settle,
    Shortfalls,
)
from tests.generators import DesignSpec, LayerSpec
from tests.rules.batch_reference import RefClaim, RefLayer, RefLimit, draw_by_cells
from tests.rules.references import allocate_by_units, route_by_units, window_left_naive

RECEIVERS = ("stakers", "treasury", "fee_rebate", "hedges", "buyback")
UNFUNDED = ("credit_line", "assessment", "backstop", "reinsurance", "token_sale")
YEAR_MS = 31_536_000_000


@dataclass(frozen=True)
class PastDraw:
    """One draw: who for, and its parts by market where there are any."""

    layer: str
    time: int
    account: str
    owner: str
    amount: int
    markets: Mapping[str, int]


class SecondLedger:
    """Money by account, every draw ever made, and what was decided under which id."""

    def __init__(self, spec: DesignSpec) -> None:
        self.spec = spec
        self.layers = {layer.id: layer for layer in spec.layers}
        self.money: dict[tuple[str, ...], int] = {}
        self.draws: list[PastDraw] = []
        self.credits: list[tuple[str, int, int]] = []
        self.moments: list[tuple[int, dict[str, int], dict[tuple[str, str], int]]] = []
        self.results: dict[tuple[str, str], int] = {}
        self.measures: dict[str, int] = {}
        self.held: dict[str, tuple[int, int]] = {}
        self.offset = {layer.id: int(layer.extra.get("offset", "0")) for layer in spec.layers}
        self.migrated: set[str] = set()
        self.released: int | None = None
        self.pool = "[accumulation.revenue_pool]" in spec.extra_text
        self.deadline: dict[str, int] = {}
        self.closed: set[str] = set()
        self.deficits: set[str] = set()
        self.seen: dict[str, AnyCommand] = {}
        self.now = 0
        for layer in spec.layers:
            self.move(("world",), ("layer", layer.id), layer.balance)
        self.note(0)

    def note(self, now: int) -> None:
        """A moment: every balance and every market's result as they stand after an event."""
        self.moments.append((now, {name: self.of("layer", name) for name in self.layers}, dict(self.results)))

    def insures(self, layer: LayerSpec) -> tuple[str, ...]:
        """The markets of a bucket."""
        return (*((layer.market,) if layer.market else ()), *layer.extra.get("markets", ()))

    def move(self, source: tuple[str, ...], target: tuple[str, ...], units: int) -> None:
        """One transfer; the only place where money changes."""
        assert units >= 0
        self.money[source] = self.money.get(source, 0) - units
        self.money[target] = self.money.get(target, 0) + units

    def of(self, *account: str) -> int:
        """What stands in an account."""
        return self.money.get(account, 0)

    def open(self, kind: str) -> dict[tuple[str, ...], int]:
        """Accounts of a kind that hold something, in the order in which they came to be."""
        return {name[1:]: units for name, units in self.money.items() if name[0] == kind and units}

    # --- commands: each returns "" when done, else why not ---------------------------------------------------------

    def take(self, command: AnyCommand, now: int) -> str:
        """Follow one command at a time. "repeated" and "conflict" as the fund would say; "refused" with no reason."""
        first = self.seen.get(command.id)
        if first is not None:
            return "repeated" if first == command else "conflict"
        if now < self.now:
            return "refused"
        done = {
            Inflow: self.inflow,
            Shortfalls: self.shortfalls,
            Settle: self.settle,
            Lapse: self.lapse,
            CloseMarket: self.close_market,
            Migrate: self.migrate,
            Release: self.release,
            Measure: self.measure,
            Inventory: self.inventory,
            InventoryLoss: self.inventory_loss,
            Correct: self.correct,
        }[type(command)](command, now)  # type: ignore[operator]
        if not done:
            return "refused"
        self.seen[command.id] = command
        self.now = now
        self.note(now)
        return ""

    def correct(self, command: Correct, now: int) -> bool:
        """Units from the world to where they were missing, or back; what was drawn stays drawn."""
        rows = [("layer", row.layer, int(row.amount)) for row in command.layers]
        rows += [("carried", row.deficit, int(row.amount)) for row in command.debts]
        if command.proposer.lower() == command.approver.lower() or not command.reason.strip():
            return False
        if not rows or len({row[:2] for row in rows}) < len(rows):
            return False
        if command.wrong != "genesis" and command.wrong not in self.seen:
            return False
        for kind, name, units in rows:
            if kind == "layer" and (
                not self.open_layer(name) or any(k.startswith("stake.") for k in self.layers[name].extra)
            ):
                return False
            if not units or self.of(kind, name) + units < 0 or (kind == "carried" and not self.of(kind, name)):
                return False
        for kind, name, units in rows:
            if units < 0:
                self.move((kind, name), ("world",), -units)
            elif kind == "layer":
                self.credit(("world",), name, units, now, None)
            else:
                self.move(("world",), (kind, name), units)
        return True

    def inflow(self, command: Inflow, now: int) -> bool:
        names = {market.id for market in self.spec.markets}
        if command.asset != "USDC" or not 0 < command.amount < 10**38:
            return False
        if command.market is not None and command.market not in names:
            return False
        named = command.layer
        if named is None and command.source == "inventory":
            return False
        if named is not None:
            if command.source not in ("top_up", "inventory", "yield", "recovery"):
                return False
            if not self.open_layer(named, unfunded=command.source == "inventory"):
                return False
            if self.layers[named].kind in UNFUNDED:
                self.move(("world",), ("out", "lender"), command.amount)
                return True
        split = self.split(command)
        if split is None:
            return False
        vault = [name for name, layer in self.layers.items() if layer.kind == "vault"]
        self.move(("world",), ("out", "treasury"), split.get("treasury", 0))
        self.move(("world",), ("out", "liquidator"), split.get("liquidator", 0))
        fund = split["fund"] + (0 if vault else split.get("vault", 0))
        if vault and split.get("vault", 0):
            self.credit(("world",), vault[0], split["vault"], now, command.market)
        targets, lenders = self.sinks(command.market), True
        if command.source == "commission" and self.pool:
            targets = {"pool": None}
        if named is not None:
            targets, lenders = {named: None}, False
        debts = command.source != "inventory"
        self.place(("world",), fund, targets, now, command.market, debts=debts, lenders=lenders)
        return True

    def split(self, command: Inflow) -> dict[str, int] | None:
        """Who gets what."""
        amount = int(command.amount)
        if command.parts:
            parts = {part.receiver: int(part.amount) for part in command.parts}
            sound = len(parts) == len(command.parts) and sum(parts.values()) == amount and min(parts.values()) >= 0
            return {"fund": 0, **parts} if sound and command.source == "residual" else None
        if command.source == "surcharge":
            names = ("fund", "treasury", "liquidator", "vault")
            return dict(zip(names, allocate_by_units(amount, self.spec.surcharge_split)))
        if command.source == "commission":
            fund = amount * self.spec.commission_ppm // 1_000_000
            return {"fund": fund, "treasury": amount - fund}
        if command.source == "residual":
            shares = dict(zip(("fund", "treasury", "trader", "vault"), self.spec.residual_split))
            shares.pop("trader")
            if any(shares.values()):
                return dict(zip(shares, allocate_by_units(amount, list(shares.values()))))
        return {"fund": amount}

    def open_layer(self, name: str, unfunded: bool = False) -> bool:
        """Whether a command may name a layer."""
        if name not in self.layers or name in self.migrated:
            return False
        layer = self.layers[name]
        markets = self.insures(layer)
        return (unfunded or layer.kind not in UNFUNDED) and not (markets and set(markets) <= self.closed)

    def sinks(self, market: str | None) -> dict[str, int | None]:
        """Layers that income fills, in order, with their targets."""
        market = None if market in self.closed else market
        names = [n for n, layer in self.layers.items() if market in self.insures(layer) and n not in self.migrated]
        names += [name for name, layer in self.layers.items() if layer.kind == "shared_fund"]
        return {name: self.target(self.layers[name]) for name in names}

    def target(self, layer: LayerSpec) -> int | None:
        """Its target now; without end while what it is measured by is unknown."""
        if "target_of" not in layer.extra:
            return layer.target
        name = layer.extra["target_of"]
        own = [self.measures.get(f"{name}.{market}") for market in self.insures(layer)]
        figure = sum(own) if name == "open_interest" and own and None not in own else self.measures.get(name)
        return None if figure is None else -(-figure * layer.extra["target_ppm"] // 1_000_000)

    def credit(self, source: tuple[str, ...], layer: str, units: int, now: int, market: str | None) -> None:
        self.move(source, ("layer", layer), units)
        self.credits.append((layer, now, units))
        if market is not None:
            self.results[layer, market] = self.results.get((layer, market), 0) + units

    def place(
        self,
        source: tuple[str, ...],
        units: int,
        targets: Mapping[str, int | None],
        now: int,
        market: str | None = None,
        debts: bool = True,
        lenders: bool = True,
    ) -> None:
        """Carried debt first, then loans, then layers to their targets, the rest by the excess split."""
        owed = [(name[0], debt) for name, debt in self.open("carried").items()] if debts else []
        lent = {name: self.of("called", name) for name, layer in self.layers.items() if layer.kind == "credit_line"}
        owed += [(f"loan of {name}", amount) for name, amount in lent.items() if lenders]
        rows = [(name, self.of("layer", name), target) for name, target in targets.items()]
        repaid, credited, excess = route_by_units(units, owed, rows)
        for debt, part in repaid.items():
            if debt.startswith("loan of "):
                self.move(source, ("out", "lender"), part)
                self.move(("called", debt.removeprefix("loan of ")), ("world",), part)
                continue
            self.move(source, ("repaid",), part)
            self.move(("carried", debt), ("world",), part)
        for layer, part in credited.items():
            self.credit(source, layer, part, now, market)
        for receiver, part in zip(RECEIVERS, allocate_by_units(excess, self.spec.excess_split)):
            self.move(source, ("out", receiver), part)

    def shortfalls(self, command: Shortfalls, now: int) -> bool:
        names = {market.id for market in self.spec.markets}
        ids = [deficit.id for deficit in command.deficits]
        if not ids or len(set(ids)) < len(ids) or self.deficits & set(ids):
            return False
        for deficit in command.deficits:
            markets = [loss.market for loss in deficit.losses]
            if deficit.asset != "USDC" or not 0 < deficit.amount < 10**38:
                return False
            if (
                set(markets) - names
                or len(set(markets)) < len(markets)
                or any(loss.amount < 0 for loss in deficit.losses)
            ):
                return False
        by_id = {deficit.id: deficit for deficit in command.deficits}
        claims = [
            RefClaim(
                name,
                int(by_id[name].amount),
                {loss.market: int(loss.amount) for loss in by_id[name].losses},
                by_id[name].account,
                by_id[name].owner,
            )
            for name in in_id_order(ids)
        ]
        layers = [self.as_limits(name, now) for name in self.layers if self.layers[name].kind != "revenue_pool"]
        layers = [layer for layer in layers if layer.id not in self.migrated]
        paid, left, waits, offsets = draw_by_cells(claims, layers, self.cover())
        if len(waits) == len(ids):
            return False
        self.offset |= offsets
        for (deficit, layer), parts in paid.items():
            self.draw(by_id[deficit], layer, parts, now)
        self.deficits |= set(ids) - set(waits)
        at_once = self.spec.policy in ("carry", "withdrawal_haircut")
        for deficit, severity in left.items():
            if at_once:
                self.move(("world",), ("carried", deficit), severity)
            else:
                self.move(("world",), ("pending", command.id, deficit), severity)
        if not at_once:
            self.deadline[command.id] = now + self.spec.deadline_ms
        return True

    def draw(self, deficit: Any, layer: str, parts: Mapping[str, int], now: int) -> None:
        amount = sum(parts.values())
        if self.layers[layer].kind in UNFUNDED:
            self.move(("world",), ("called", layer), amount)
            self.move(("world",), ("covered",), amount)
        else:
            self.move(("layer", layer), ("covered",), amount)
        markets = {market: units for market, units in parts.items() if market}
        self.draws.append(PastDraw(layer, now, deficit.account, deficit.owner, amount, markets))
        for market, units in markets.items():
            self.results[layer, market] = self.results.get((layer, market), 0) - units

    def cover(self) -> dict[str, int]:
        """What layers other than buckets may still pay for each market that has a limit."""
        left = {m.id: int(m.extra["cover_limit"]) for m in self.spec.markets if "cover_limit" in m.extra}
        for draw in self.draws:
            for market, units in draw.markets.items():
                if market in left and not self.insures(self.layers[draw.layer]):
                    left[market] -= units
        return left

    def as_limits(self, name: str, now: int) -> RefLayer:
        """A layer as the sum of its limits, each read from every draw ever made."""
        layer = self.layers[name]
        extra = layer.extra
        held = int(extra.get("commitment", "0")) - self.of("called", name)
        balance = self.of("layer", name) if layer.kind not in UNFUNDED else held
        mine = [draw for draw in self.draws if draw.layer == name]
        total = [balance, max(0, balance - layer.minimum_left)]
        if layer.window_limit is not None and layer.window_ms is not None:
            past = [(draw.time, draw.amount) for draw in mine]
            total.append(window_left_naive(layer.window_limit, layer.window_ms, past, now))
        if "window_multiple_ppm" in extra and layer.window_ms is not None:
            past = [(draw.time, draw.amount) for draw in mine]
            limit = self.layers[extra["multiple_of"]].balance * extra["window_multiple_ppm"] // 1_000_000
            total.append(window_left_naive(limit, layer.window_ms, past, now))
        if "block_limit" in extra:
            total.append(int(extra["block_limit"]) - sum(draw.amount for draw in mine if draw.time == now))
        if "lifetime_limit" in extra:
            total.append(int(extra["lifetime_limit"]) - sum(draw.amount for draw in mine))
        if name in self.held:
            total.append(balance - sum(self.held[name]))
        if extra.get("own_credits") == "later":
            total.append(balance - sum(units for to, time, units in self.credits if to == name and time == now))
        if "drawdown_ppm" in extra and extra["drawdown_of"] == "balance":
            fall = self.fall_left(layer, now, lambda moment: moment[1][name])
            total += [] if fall is None else [fall]
        limits = [RefLimit("layer", lambda _: max(0, min(total)))]
        event = [] if layer.event_limit is None else [layer.event_limit]
        if "event_limit_ppm" in extra:
            event.append(balance * extra["event_limit_ppm"] // 1_000_000)
        if "event_multiple_ppm" in extra:
            event.append(self.layers[extra["multiple_of"]].balance * extra["event_multiple_ppm"] // 1_000_000)
        if event:
            limits.append(RefLimit("event", lambda _: min(event)))
        for stage in ("account", "owner", "market"):
            if f"{stage}_limit" in extra:
                limits.append(RefLimit(stage, self.quota(mine, stage, extra, now)))
        if "drawdown_ppm" in extra and extra["drawdown_of"] == "market":
            limits.append(RefLimit("market", lambda market: self.market_fall_left(layer, now, market)))
        return RefLayer(
            name,
            limits,
            self.insures(layer),
            extra.get("spill_over", True),
            extra.get("rank"),
            extra.get("draw_mode", "partial"),
            self.offset[name],
        )

    def quota(self, mine: list[PastDraw], stage: str, extra: Mapping[str, Any], now: int) -> Callable[[str], int]:
        """What is left of a limit of an account, owner or market."""
        length = extra.get(f"{stage}_limit_ms")

        def left(key: str) -> int:
            used = 0
            for draw in mine:
                counts = length is None or draw.time == now or now - length < draw.time <= now
                if counts and stage == "market":
                    used += draw.markets.get(key, 0)
                elif counts and getattr(draw, stage) == key:
                    used += draw.amount
            return max(0, int(extra[f"{stage}_limit"]) - used)

        return left

    # --- drawdowns, moment by moment -------------------------------------------------------------------------------

    def within(self, layer: LayerSpec, until: int, now: int) -> list[Any]:
        """The moments of a window that ends at `now`, of the first `until` moments: with the one that it began with."""
        window = layer.extra["drawdown_window_ms"]
        before = [moment for moment in self.moments[:until] if moment[0] <= now - window]
        return before[-1:] + [moment for moment in self.moments[:until] if moment[0] > now - window]

    def fall_left(
        self, layer: LayerSpec, now: int, value: Callable[[Any], int], base: Callable[[Any], int] | None = None
    ) -> int | None:
        """How much further a value may fall; None where its peak does not count. Hysteresis: every moment is lived."""
        ppm, floor = layer.extra["drawdown_ppm"], int(layer.extra.get("drawdown_floor", "0"))
        reset = layer.extra.get("drawdown_reset_ppm")
        base = base or value
        steps = [(self.moments[0][0], 1, self.moments[0])]
        for place, moment in enumerate(self.moments[1:], start=1):
            steps.append((moment[0], place, self.moments[place - 1]))  # time alone passes
            steps.append((moment[0], place + 1, moment))
        steps.append((now, len(self.moments), self.moments[-1]))
        shut, left = False, None
        for clock, seen, at in steps:
            window = self.within(layer, seen, clock)
            pool, peak = max(map(base, window)), max(map(value, window))
            fall, may = peak - value(at), pool * ppm // 1_000_000
            left = None if pool <= floor else max(0, may - fall)
            if reset is None or left is None or fall == 0:
                shut = False
            else:
                shut = left == 0 or (shut and Fraction(fall, pool) >= Fraction(reset, 1_000_000))
        return 0 if shut else left

    def market_fall_left(self, layer: LayerSpec, now: int, market: str) -> int:
        """The same for one market's result, as a part of the pool's peak."""
        name = layer.id
        left = self.fall_left(layer, now, lambda m: m[2].get((name, market), 0), lambda m: m[1][name])
        return 10**40 if left is None else left

    def severity(self, batch: str) -> dict[str, int]:
        """What is pending of a batch, by deficit."""
        return {name[1]: units for name, units in self.open("pending").items() if name[0] == batch}

    def settle(self, command: Settle, now: int) -> bool:
        pending = self.severity(command.batch)
        paid = sum(haircut.amount for haircut in command.haircuts)
        if not pending or now > self.deadline[command.batch] or paid > sum(pending.values()):
            return False
        if any(haircut.amount < 0 or haircut.lots < 0 for haircut in command.haircuts):
            return False
        for (deficit, units), part in zip(pending.items(), allocate_by_units(paid, list(pending.values()))):
            self.move(("pending", command.batch, deficit), ("haircuts",), part)
            if command.final:
                self.move(("pending", command.batch, deficit), ("carried", deficit), units - part)
        return True

    def lapse(self, command: Lapse, now: int) -> bool:
        pending = self.severity(command.batch)
        if not pending or now <= self.deadline[command.batch]:
            return False
        for deficit, units in pending.items():
            self.move(("pending", command.batch, deficit), ("carried", deficit), units)
        return True

    def close_market(self, command: CloseMarket, now: int) -> bool:
        names = {market.id for market in self.spec.markets}
        if command.market not in names or command.market in self.closed:
            return False
        self.closed.add(command.market)
        shared = {n: self.target(layer) for n, layer in self.layers.items() if layer.kind == "shared_fund"}
        for name, layer in self.layers.items():
            markets = self.insures(layer)
            if command.market in markets and set(markets) <= self.closed:
                self.place(("layer", name), self.of("layer", name), shared, now, lenders=False)
        return True

    def migrate(self, command: Migrate, now: int) -> bool:
        names = (command.from_layer, command.to_layer)
        if not all(self.open_layer(name) for name in names) or names[0] == names[1]:
            return False
        if not self.insures(self.layers[names[0]]):
            return False
        self.credit(("layer", names[0]), names[1], self.of("layer", names[0]), now, None)
        self.migrated.add(names[0])
        return True

    def release(self, command: Release, now: int) -> bool:
        if not self.pool:
            return False
        keys = dict(line.split(" = ") for line in self.spec.extra_text.splitlines() if " = " in line)
        to = keys["to"].strip('"')
        period = int(keys["period_ms"])
        if self.released is not None and now < self.released + period:
            return False
        held = Fraction(self.of("layer", "pool"))
        moved = int(held * int(keys["share_ppm"]) / 1_000_000)
        if "yearly_cap_ppm" in keys:
            cap = Fraction(self.of("layer", to) * int(keys["yearly_cap_ppm"]), 1_000_000) * Fraction(period, YEAR_MS)
            moved = min(moved, int(cap))
        if not moved:
            return False
        protocol = int(Fraction(moved * int(keys["protocol_ppm"]), 1_000_000))
        self.move(("layer", "pool"), ("out", "treasury"), protocol)
        self.place(("layer", "pool"), moved - protocol, {to: self.target(self.layers[to])}, now)
        self.released = now
        return True

    def measure(self, command: Measure, now: int) -> bool:
        if command.amount < 0:
            return False
        self.measures[command.name] = int(command.amount)
        return True

    def inventory(self, command: Inventory, now: int) -> bool:
        if not self.open_layer(command.layer, unfunded=True) or min(command.maintenance, command.open_loss) < 0:
            return False
        self.held[command.layer] = (int(command.maintenance), int(command.open_loss))
        return True

    def inventory_loss(self, command: InventoryLoss, now: int) -> bool:
        name, market = command.layer, command.market
        if not self.open_layer(name, unfunded=True) or market not in {m.id for m in self.spec.markets}:
            return False
        layer = self.layers[name]
        unfunded = layer.kind in UNFUNDED
        most = int(layer.extra["commitment"]) - self.of("called", name) if unfunded else self.of("layer", name)
        if not 0 < command.amount <= most:
            return False
        if unfunded:
            self.move(("world",), ("called", name), command.amount)
        self.move(("world",) if unfunded else ("layer", name), ("lost",), command.amount)
        self.results[name, market] = self.results.get((name, market), 0) - command.amount
        return True

    # --- comparing --------------------------------------------------------------------------------------------------

    def picture(self) -> dict[str, Any]:
        """What both bookkeepers must agree on, orders included."""
        return {
            "layers": {name: self.of("layer", name) for name in self.layers},
            "receivers": {name[0]: units for name, units in self.open("out").items()},
            "carried": [(name[0], units) for name, units in self.open("carried").items()],
            "pending": dict(self.open("pending")),
        }
