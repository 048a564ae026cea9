"""A second bookkeeper of a fund: every unit stands in one named account and moves from one to another.

Layer    tests; imports the messages and the unit-by-unit references, no decision of the fund. SPEC 5, 6, 7.
Held to  each other: tests/fund/test_machine.py lets the fund and this follow the same commands.

Accounts are tuples: ("layer", id), ("out", receiver), ("pending", batch, deficit), ("carried", deficit),
("covered",) for what draws paid, ("haircuts",) for what traders paid, ("repaid",), and ("world",) for everything else.
They always sum to 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seawall.amounts import in_id_order
from seawall.fund.messages import AnyCommand, CloseMarket, Inflow, Lapse, Settle, Shortfalls
from tests.generators import DesignSpec
from tests.rules.references import UnitLayer, allocate_by_units, pay_by_units, route_by_units, window_left_naive

RECEIVERS = ("stakers", "treasury", "fee_rebate", "hedges")


class SecondLedger:
    """Money by account, every draw ever made, and what was decided under which id."""

    def __init__(self, spec: DesignSpec) -> None:
        self.spec = spec
        self.layers = {layer.id: layer for layer in spec.layers}
        self.money: dict[tuple[str, ...], int] = {}
        self.draws: list[tuple[str, int, int]] = []
        self.deadline: dict[str, int] = {}
        self.closed: set[str] = set()
        self.deficits: set[str] = set()
        self.seen: dict[str, AnyCommand] = {}
        self.now = 0
        for layer in spec.layers:
            self.move(("world",), ("layer", layer.id), layer.balance)

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
        }[type(command)](command, now)  # type: ignore[operator]
        if not done:
            return "refused"
        self.seen[command.id] = command
        self.now = now
        return ""

    def inflow(self, command: Inflow, now: int) -> bool:
        names = {market.id for market in self.spec.markets}
        if command.asset != "USDC" or not 0 < command.amount < 10**38:
            return False
        if command.market is not None and command.market not in names:
            return False
        if command.layer is not None:
            if command.source != "top_up" or command.layer not in self.layers:
                return False
            if self.layers[command.layer].market in self.closed:
                return False
        fund = int(command.amount)
        if command.source == "surcharge":
            fund = allocate_by_units(fund, self.spec.surcharge_split)[0]
        elif command.source == "commission":
            fund = fund * self.spec.commission_ppm // 1_000_000
        elif command.source == "residual" and any(self.spec.residual_split[:2]):
            fund = allocate_by_units(fund, self.spec.residual_split[:2])[0]
        self.move(("world",), ("out", "treasury"), command.amount - fund)
        market = None if command.market in self.closed else command.market
        sinks = [layer.id for layer in self.layers.values() if layer.kind == "market_bucket" and layer.market == market]
        sinks += [layer.id for layer in self.layers.values() if layer.kind == "shared_fund"]
        targets = {name: self.layers[name].target for name in sinks}
        if command.layer is not None:
            targets = {command.layer: None}
        self.place(("world",), fund, targets)
        return True

    def place(self, source: tuple[str, ...], units: int, targets: Mapping[str, int | None]) -> None:
        """Carried debt first, then layers to their targets, the rest by the excess split."""
        carried = [(name[0], debt) for name, debt in self.open("carried").items()]
        rows = [(name, self.of("layer", name), target) for name, target in targets.items()]
        repaid, credited, excess = route_by_units(units, carried, rows)
        for deficit, part in repaid.items():
            self.move(source, ("repaid",), part)
            self.move(("carried", deficit), ("world",), part)
        for layer, part in credited.items():
            self.move(source, ("layer", layer), part)
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
            (name, int(by_id[name].amount), {loss.market: int(loss.amount) for loss in by_id[name].losses})
            for name in in_id_order(ids)
        ]
        units = [self.unit_layer(name, now) for name in self.layers]
        left = pay_by_units(claims, units)
        for layer in units:
            for paid in layer.paid.values():
                self.move(("layer", layer.id), ("covered",), paid)
                self.draws.append((layer.id, now, paid))
        self.deficits |= set(ids)
        for deficit, severity in left.items():
            if self.spec.policy == "carry":
                self.move(("world",), ("carried", deficit), severity)
            else:
                self.move(("world",), ("pending", command.id, deficit), severity)
        if self.spec.policy != "carry":
            self.deadline[command.id] = now + self.spec.deadline_ms
        return True

    def unit_layer(self, name: str, now: int) -> UnitLayer:
        """A layer as it stands, its window read from every draw ever made."""
        layer = self.layers[name]
        window = None
        if layer.window_limit is not None and layer.window_ms is not None:
            past = [(time, paid) for drawn, time, paid in self.draws if drawn == name]
            window = window_left_naive(layer.window_limit, layer.window_ms, past, now)
        return UnitLayer(
            name, self.of("layer", name), layer.market, layer.minimum_left, layer.event_limit, window_left=window
        )

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
        bucket = next((name for name, layer in self.layers.items() if layer.market == command.market), None)
        shared = {name: layer.target for name, layer in self.layers.items() if layer.kind == "shared_fund"}
        if bucket is not None:
            self.place(("layer", bucket), self.of("layer", bucket), shared)
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
