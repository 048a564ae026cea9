"""Generators: designs, commands, books, ladders and price paths, and the machines that they drive.

Layer    tests; imports design, fund, venue through their public functions only. Shared by tests/{fund,venue,cases}.
Not here references (tests/rules/references.py, tests/fund/second_ledger.py, tests/venue/second_book.py).

Amounts are base units of an asset without decimals and a tick is one asset unit, so that `lot_size` is the value of one
lot and one tick: what a test writes is what a machine counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from seawall.amounts import Units, in_id_order
from seawall.design.loader import parse_design
from seawall.design.types import Design
from seawall.fund.journal import Journal
from seawall.fund.messages import Inflow, Loss, Shortfall, Shortfalls
from seawall.venue.book import Book
from seawall.venue.machine import Venue, World
from seawall.venue.scan import Screen
from seawall.venue.state import VenueState

PPM = 1_000_000

# --- designs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TierSpec:
    """A margin tier; the last has no upper end."""

    maintenance_ppm: int
    up_to: int | None = None
    deducted: int = 0
    initial_ppm: int = PPM


@dataclass(frozen=True)
class MarketSpec:
    """A market; `unit` base units are one lot times one tick."""

    id: str = "BTC"
    unit: int = 1
    tiers: tuple[TierSpec, ...] = (TierSpec(50_000),)
    floor: int | None = None
    ceiling: int | None = None
    surcharge_ppm: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerSpec:
    """A layer as the design file states it; `extra` holds further keys: amounts as strings, counts as integers."""

    id: str
    kind: str
    balance: int
    market: str | None = None
    target: int | None = None
    event_limit: int | None = None
    window_limit: int | None = None
    window_ms: int | None = None
    minimum_left: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


def toml_lines(keys: Mapping[str, Any]) -> list[str]:
    """Further keys of a table: texts, whole numbers, booleans and arrays of them look alike in TOML and JSON."""
    return [f"{key} = {json.dumps(value)}" for key, value in keys.items()]


@dataclass(frozen=True)
class DesignSpec:
    """A design in plain numbers; `text` is the file. `extra_text` holds further tables and stands at its end.

    mark, liquidation, exhaustion  further keys of these tables: amounts as strings, counts as integers
    """

    markets: tuple[MarketSpec, ...] = (MarketSpec(),)
    layers: tuple[LayerSpec, ...] = (LayerSpec("shared", "shared_fund", 0),)
    policy: str = "carry"
    fallback: str = "carry"
    ranking: str = "pro_rata_pnl"
    eligible: str = "profit_at_close"
    deadline_ms: int = 60_000
    surcharge_ppm: int = 0
    trigger: str = "below"
    capacity: int | None = None
    max_age_ms: int = 3_600_000
    surcharge_split: tuple[int, ...] = (PPM, 0)
    residual_split: tuple[int, ...] = (0, 0, PPM)
    excess_split: tuple[int, ...] = (0, PPM, 0, 0)
    commission_ppm: int = 0
    pass_through_ppm: int = 0
    recovery_ppm: int = PPM
    extra_text: str = ""
    mark: Mapping[str, Any] = field(default_factory=dict)
    exhaustion: Mapping[str, Any] = field(default_factory=dict)
    liquidation: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """The TOML file."""
        lines = ['schema = "seawall.design/1"', 'name = "generated"', "[asset]", 'id = "USDC"', "decimals = 0"]
        for market in self.markets:
            lines += ["[[markets]]", f'id = "{market.id}"', 'tick_size = "1"', f'lot_size = "{market.unit}"']
            if market.floor is not None:
                lines.append(f'feed_floor = "{market.floor}"')
            if market.ceiling is not None:
                lines.append(f'feed_ceiling = "{market.ceiling}"')
            if market.surcharge_ppm is not None:
                lines.append(f"surcharge_ppm = {market.surcharge_ppm}")
            lines += toml_lines(market.extra)
            for tier in market.tiers:
                lines += ["[[markets.tiers]]", f"initial_margin_ppm = {tier.initial_ppm}"]
                lines.append(f"maintenance_margin_ppm = {tier.maintenance_ppm}")
                if tier.up_to is not None:
                    lines.append(f'up_to_notional = "{tier.up_to}"')
                if tier.deducted:
                    lines.append(f'maintenance_deducted = "{tier.deducted}"')
        lines += ["[mark]", f"max_age_ms = {self.max_age_ms}", *toml_lines(self.mark)]
        lines += ["[liquidation]", f"surcharge_ppm = {self.surcharge_ppm}", f'trigger = "{self.trigger}"']
        if self.capacity is not None:
            lines.append(f"max_accounts_per_step = {self.capacity}")
        lines += toml_lines(self.liquidation)
        lines += ["[accumulation]", f"commission_share_ppm = {self.commission_ppm}"]
        for table, names, parts in (
            ("surcharge", ("fund", "treasury", "liquidator", "vault"), self.surcharge_split),
            ("residual", ("fund", "treasury", "trader", "vault"), self.residual_split),
            ("excess", ("stakers", "treasury", "fee_rebate", "hedges", "buyback"), self.excess_split),
        ):
            lines.append(f"[accumulation.{table}_split_ppm]")
            lines += [f"{name} = {part}" for name, part in zip(names, parts)]
        for layer in self.layers:
            lines += ["[[layers]]", f'id = "{layer.id}"', f'kind = "{layer.kind}"', f'balance = "{layer.balance}"']
            if layer.market is not None:
                lines.append(f'market = "{layer.market}"')
            for key in ("target", "event_limit", "window_limit"):
                if getattr(layer, key) is not None:
                    lines.append(f'{key} = "{getattr(layer, key)}"')
            if layer.window_ms is not None:
                lines.append(f"window_ms = {layer.window_ms}")
            if layer.minimum_left:
                lines.append(f'minimum_left = "{layer.minimum_left}"')
            lines += toml_lines(layer.extra)
        lines += ["[exhaustion]", f'policy = "{self.policy}"', f'fallback = "{self.fallback}"']
        lines += [f'adl_ranking = "{self.ranking}"', f'adl_eligible = "{self.eligible}"']
        lines += [f"deadline_ms = {self.deadline_ms}", *toml_lines(self.exhaustion)]
        lines += ["[stress]", f"pass_through_ppm = {self.pass_through_ppm}", f"recovery_ppm = {self.recovery_ppm}"]
        return "\n".join(lines) + "\n" + self.extra_text

    @cached_property
    def design(self) -> Design:
        """The file, read by the real loader."""
        return parse_design(self.text, "generated.toml")

    def journal(self, t_ms: int = 0) -> Journal:
        """A fund of this design that has just begun."""
        return Journal(self.design, self.text, t_ms)


def splits(parts: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Parts per million that add up to the whole, zeros included."""

    def whole(cuts: list[int]) -> tuple[int, ...]:
        edges = [0, *sorted(cuts), PPM]
        return tuple(high - low for low, high in pairwise(edges))

    cut = st.sampled_from([0, 250_000, 333_333, 500_000, 900_001, PPM])
    return st.lists(cut, min_size=parts - 1, max_size=parts - 1).map(whole)


@st.composite
def layer_lists(draw: st.DrawFn, markets: Sequence[str], top: int) -> tuple[LayerSpec, ...]:
    """One to six layers in any order, balances up to `top`, with every limit sometimes."""
    kinds = ["market_bucket"] * len(markets) + ["shared_fund", "venue_capital", "guaranty_fund", "tranche"]
    chosen = draw(st.lists(st.sampled_from(range(len(kinds))), min_size=1, max_size=6, unique=True))
    some = st.one_of(st.none(), st.integers(0, top))
    layers = []
    for number, place in enumerate(chosen):
        kind = kinds[place]
        market = markets[place] if kind == "market_bucket" else None
        window = draw(some) if draw(st.booleans()) else None
        layers.append(
            LayerSpec(
                id=f"{kind[:2]}{number}",
                kind=kind,
                market=market,
                balance=draw(st.integers(0, top)),
                target=draw(some),
                event_limit=draw(some) if draw(st.booleans()) else None,
                window_limit=window,
                window_ms=None if window is None else draw(st.integers(1, 40)),
                minimum_left=draw(st.integers(0, top // 3)) if draw(st.booleans()) else 0,
            )
        )
    return tuple(layers)


@st.composite
def fund_designs(draw: st.DrawFn, top: int = 40) -> DesignSpec:
    """Any design whose layers hold up to `top` base units each."""
    names = ("BTC", "ETH", "A")[: draw(st.integers(1, 3))]
    return DesignSpec(
        markets=tuple(MarketSpec(name) for name in names),
        layers=draw(layer_lists(names, top)),
        policy=draw(st.sampled_from(["adl", "socialised_loss", "carry"])),
        deadline_ms=draw(st.sampled_from([0, 1, 5, 20])),
        surcharge_split=draw(splits(2)),
        residual_split=draw(splits(3)),
        excess_split=draw(splits(4)),
        commission_ppm=draw(st.sampled_from([0, 333_333, 500_000, PPM])),
    )


@st.composite
def limit_keys(draw: st.DrawFn, kind: str, top: int) -> dict[str, Any]:
    """Further keys of one layer: each limit sometimes, together only what makes sense together."""
    amount = st.integers(0, top).map(str)
    keys: dict[str, Any] = {}
    for key in ("block_limit", "lifetime_limit"):
        if draw(st.integers(0, 4)) == 0:
            keys[key] = draw(amount)
    for key in ("account_limit", "owner_limit", "market_limit"):
        if draw(st.integers(0, 4)) == 0:
            keys[key] = draw(amount)
            length = draw(st.sampled_from([None, 0, 1, 13]))
            if length is not None:
                keys[f"{key}_ms"] = length
    if draw(st.integers(0, 5)) == 0:
        keys["event_limit_ppm"] = draw(st.sampled_from([0, 333_333, PPM]))
    if draw(st.integers(0, 5)) == 0:
        keys["offset"] = draw(amount)
    if draw(st.integers(0, 5)) == 0:
        keys["own_credits"] = "later"
    if draw(st.integers(0, 2)) == 0:
        keys["drawdown_ppm"] = draw(st.sampled_from([300_000, 100_001, PPM]))
        if draw(st.booleans()):
            keys["drawdown_reset_ppm"] = draw(st.sampled_from([0, 50_000, 100_000]))
        keys["drawdown_window_ms"] = draw(st.sampled_from([1, 9, 30]))
        if draw(st.booleans()):
            keys["drawdown_floor"] = draw(amount)
        keys["drawdown_of"] = "balance" if kind == "market_bucket" else draw(st.sampled_from(["balance", "market"]))
    if kind == "market_bucket":
        keys["spill_over"] = draw(st.booleans())
    else:
        keys |= draw(st.sampled_from([{}, {}, {"rank": 1}]))
    if "rank" not in keys:
        keys["draw_mode"] = draw(st.sampled_from(["partial", "partial", "all_or_nothing", "block"]))
    return keys


def together(layers: Sequence[LayerSpec]) -> list[LayerSpec]:
    """Layers with those of a rank next to each other, where the first of them stood."""
    ranked = [layer for layer in layers if "rank" in layer.extra]
    if not ranked:
        return list(layers)
    place = list(layers).index(ranked[0])
    before = [layer for layer in layers[:place] if "rank" not in layer.extra]
    return [*before, *ranked, *(layer for layer in layers[place:] if "rank" not in layer.extra)]


@st.composite
def rich_designs(draw: st.DrawFn, top: int = 40) -> DesignSpec:
    """Any design with every mechanism of the waterfall and of accumulation, each sometimes."""
    spec = draw(fund_designs(top))
    layers = []
    for layer in spec.layers:
        extra = draw(limit_keys(layer.kind, top))
        if draw(st.integers(0, 2)) == 0:
            if layer.target is None:
                extra |= {"target_of": draw(st.sampled_from(["open_interest", "cover_2"])), "target_ppm": 333_333}
            extra["refill_ms"] = draw(st.sampled_from([0, 10]))
        layers.append(replace(layer, extra=extra))
    names = [layer.id for layer in layers]
    for kind in ("credit_line", "assessment", "backstop"):
        if draw(st.integers(0, 2)) == 0:
            extra: dict[str, Any] = {"commitment": str(draw(st.integers(0, top)))}
            if kind == "assessment":
                extra |= {"multiple_of": names[0], "event_multiple_ppm": 2_750_000, "window_multiple_ppm": 5_500_000}
                extra |= {"rank": 1}
            window = 20 if kind == "assessment" else None
            layers.insert(draw(st.integers(0, len(layers))), LayerSpec(kind, kind, 0, window_ms=window, extra=extra))
    layers = together(layers)
    text = ""
    vault = draw(st.booleans())
    if vault:
        layers.append(LayerSpec("vault", "vault", draw(st.integers(0, top))))
    if draw(st.booleans()):
        layers.append(LayerSpec("pool", "revenue_pool", draw(st.integers(0, top))))
        text = f'[accumulation.revenue_pool]\nlayer = "pool"\nto = "{names[-1]}"\nperiod_ms = 10\n'
        text += f"share_ppm = {draw(st.sampled_from([PPM, 100_000]))}\n"
        text += f"protocol_ppm = {draw(st.sampled_from([0, 250_000]))}\n"
        if draw(st.booleans()):
            text += "yearly_cap_ppm = 3000000000000\n"
    markets = tuple(
        replace(market, extra={"cover_limit": str(draw(st.integers(0, top)))} if draw(st.integers(0, 3)) == 0 else {})
        for market in spec.markets
    )
    return replace(
        spec,
        markets=markets,
        layers=tuple(layers),
        extra_text=text,
        policy=draw(st.sampled_from(["adl", "socialised_loss", "carry", "withdrawal_haircut"])),
        surcharge_split=draw(splits(4 if vault else 3)),
        residual_split=draw(splits(4 if vault else 3)),
        excess_split=draw(splits(5)),
    )


# --- commands -----------------------------------------------------------------------------------------------------


def inflow(name: str, amount: int, source: str = "surcharge", market: str | None = None, **more: Any) -> Inflow:
    """An inflow in USDC."""
    more.setdefault("asset", "USDC")
    return Inflow(id=name, source=source, amount=Units(amount), market=market, **more)  # type: ignore[arg-type]


def shortfall(
    name: str, amount: int, losses: Mapping[str, int] | None = None, account: str = "acct", owner: str = ""
) -> Shortfall:
    """A deficit in USDC; losses by market; the account is its own owner unless one is named."""
    rows = tuple(Loss(market, Units(loss)) for market, loss in (losses or {}).items())
    return Shortfall(name, account, owner or account, "USDC", Units(amount), rows)


def batch(name: str, *deficits: Shortfall) -> Shortfalls:
    """Deficits of one round."""
    return Shortfalls(id=name, deficits=deficits)


# --- books, ladders, paths ----------------------------------------------------------------------------------------

Rows = tuple[tuple[int, int, int], ...]
"""(market index, lots, cost), a row a position."""


@dataclass(frozen=True)
class Story:
    """A venue's whole life: design, book, depth, and the prices of every step (a market left out keeps its last).

    funding  rates in 10^-12 of every step, by market; shorter than `steps`: none for the rest
    asked    after the step of a number: (withdraw or deposit, account, amount); the id is number and place
    """

    spec: DesignSpec
    accounts: Mapping[str, tuple[str, int, Rows]]
    ladders: Mapping[tuple[str, str], tuple[tuple[int, int], ...]]
    steps: tuple[Mapping[str, int], ...]
    step_ms: int = 1000
    ceilings: Mapping[str, int] = field(default_factory=dict)
    funding: tuple[Mapping[str, int], ...] = ()
    asked: Mapping[int, tuple[tuple[str, str, int], ...]] = field(default_factory=dict)

    def book(self) -> Book:
        """The accounts, lowest id first, as struct of arrays."""
        ids = in_id_order(self.accounts)
        places: list[tuple[int, int, int, int]] = []
        for index, name in enumerate(ids):
            places += [(index, market, lots, cost) for market, lots, cost in sorted(self.accounts[name][2])]
        columns: Any = tuple(zip(*places)) or ((), (), (), ())
        return Book(
            accounts=tuple(ids),
            owners=tuple(self.accounts[name][0] for name in ids),
            cash_units=tuple(self.accounts[name][1] for name in ids),
            markets=tuple(market.id for market in self.spec.markets),
            position_account=columns[0],
            position_market=columns[1],
            lots=columns[2],
            cost_units=columns[3],
        )

    def but(self, **changes: Any) -> Story:
        """This story with a different design: keywords are fields of its spec."""
        return replace(self, spec=replace(self.spec, **changes))


@dataclass
class Played:
    """A story that was played to its end.

    records  (machine, envelope) of every event of both logs in the order of writing, decoded from their bytes
    """

    story: Story
    journal: Journal
    venue: Venue
    records: list[tuple[str, dict[str, Any]]]
    answers: list[Any] = field(default_factory=list)

    def data(self, kind: str) -> list[dict[str, Any]]:
        """The data of every event of a kind."""
        return [envelope["data"] for _, envelope in self.records if envelope["kind"] == kind]


def play(story: Story, screen: Callable[[VenueState], Screen] | None = None) -> Played:
    """Run both machines over a story. Errors of the machines pass through: to a test they are findings.

    screen  what the venue's scan is narrowed down by, if anything
    """
    records: list[tuple[str, dict[str, Any]]] = []
    design = story.spec.design
    journal = Journal(design, story.spec.text, 0, lambda line: records.append(("fund", json.loads(line))))
    world = World(ladders=story.ladders, ceiling_ticks=story.ceilings)

    def sink(line: bytes) -> None:
        records.append(("venue", json.loads(line)))

    venue = Venue(design, story.book(), journal, world, 0, sink, screen)
    played = Played(story, journal, venue, records)
    rates = iter(story.funding)
    for number, prices in enumerate(story.steps, start=1):
        t_ms = number * story.step_ms
        venue.step(t_ms, prices, next(rates, {}))
        for place, (what, account, amount) in enumerate(story.asked.get(number, ())):
            ask = venue.withdraw if what == "withdraw" else venue.deposit
            played.answers.append(ask(t_ms, f"{what}.{number}.{place}", account, amount))
    return played


def ladder(max_levels: int = 4, max_lots: int = 12, reach: int = 12) -> st.SearchStrategy[tuple[tuple[int, int], ...]]:
    """Levels (ticks away, lots), distances rising; sometimes none at all."""
    step = st.tuples(st.integers(0, reach), st.integers(1, max_lots))

    def build(steps: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        levels, away = [], 0
        for number, (further, lots) in enumerate(steps):
            away += further if number == 0 else further + 1
            levels.append((away, lots))
        return tuple(levels)

    return st.lists(step, max_size=max_levels).map(build)


@st.composite
def tiers(draw: st.DrawFn, notional: int) -> tuple[TierSpec, ...]:
    """One or two coherent tiers, the edge somewhere below `notional`."""
    first = draw(st.sampled_from([1, 5_000, 20_000, 50_000, 100_000, 333_333]))
    if draw(st.integers(0, 2)):
        return (TierSpec(first),)
    second = draw(st.sampled_from([first, min(PPM, 2 * first), 400_000]))
    edge = draw(st.integers(1, max(1, notional)))
    at_edge = -(-edge * first // PPM)
    most = max(0, -(-(edge + 1) * second // PPM) - at_edge)
    return (TierSpec(first, edge), TierSpec(second, None, draw(st.integers(0, most))))


IDS = ("a", "b", "c", "Z", "aa", "ab", "B1", "b0", "acct", "acc2", "long-name", "zz:9", "q.1", "0", "_x"[1:] + "7")


@st.composite
def stories(
    draw: st.DrawFn,
    policies: Sequence[str] = ("adl", "socialised_loss", "carry"),
    markets: int = 3,
    pass_through: bool = True,
    surcharges: bool = True,
    limits: bool = True,
) -> Story:
    """A crash, a squeeze, or both: leveraged accounts, thin layers, and a few steps of prices."""
    names = ("BTC", "ETH", "A")[: draw(st.integers(1, markets))]
    base = {name: draw(st.integers(30, 120)) for name in names}
    units = {name: draw(st.sampled_from([1, 1, 3, 7])) for name in names}
    accounts: dict[str, tuple[str, int, Rows]] = {}
    ids = draw(st.permutations(IDS))[: draw(st.integers(2, 12))]
    total = 0
    for name in ids:
        rows: dict[int, tuple[int, int, int]] = {}
        notional = 0
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
            market = draw(st.integers(0, len(names) - 1))
            lots = draw(st.integers(1, 15)) * draw(st.sampled_from([1, -1]))
            price = base[names[market]]
            entry = draw(st.integers(max(1, price * 6 // 10), price * 14 // 10))
            odd = draw(st.integers(-2, 2))
            cost = lots * entry * units[names[market]] + (odd if abs(lots * entry) > 2 else 0)
            rows[market] = (market, lots, cost)
        worth = 0
        for market, lots, cost in rows.values():
            value = lots * base[names[market]] * units[names[market]]
            notional += abs(value)
            worth += value - cost
        equity = notional * draw(st.sampled_from([1, 3, 6, 11, 20, 50, 150])) // 100
        cash = equity - worth + draw(st.integers(-3, 3))
        owner = draw(st.sampled_from([name, name, name, "owner"]))
        accounts[name] = (owner, cash, tuple(rows.values()))
        total += notional
    top = max(1, draw(st.sampled_from([0, total // 200, total // 40, total // 10])))
    layers = draw(layer_lists(names, top))
    if not limits:
        layers = tuple(
            replace(layer, event_limit=None, window_limit=None, window_ms=None, minimum_left=0) for layer in layers
        )
    moves = st.sampled_from([30, 55, 70, 80, 88, 94, 97, 100, 103, 108, 115, 130, 180])
    steps: list[dict[str, int]] = [dict(base)] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 4))):
        prices = {}
        for name in names:
            if draw(st.integers(0, 11)):
                prices[name] = max(1, base[name] * draw(moves) // 100 + draw(st.integers(-1, 1)))
        steps.append(prices)
    spec = DesignSpec(
        markets=tuple(
            MarketSpec(
                name,
                units[name],
                draw(tiers(base[name] * 20)),
                floor=2 if draw(st.integers(0, 5)) == 0 else None,
                ceiling=base[name] * 17 // 10 if draw(st.integers(0, 5)) == 0 else None,
                surcharge_ppm=draw(st.sampled_from([None, None, 0, 30_000])) if surcharges else None,
            )
            for name in names
        ),
        layers=layers,
        policy=draw(st.sampled_from(policies)),
        fallback=draw(st.sampled_from(["carry", "socialised_loss"])),
        ranking=draw(st.sampled_from(["pro_rata_pnl", "pro_rata_lots", "queue_pnl_leverage"])),
        eligible=draw(st.sampled_from(["profit_at_close", "capped_at_mark"])),
        surcharge_ppm=draw(st.sampled_from([0, 1, 5_000, 60_000])) if surcharges else 0,
        trigger=draw(st.sampled_from(["below", "below", "at_or_below"])),
        capacity=draw(st.sampled_from([None, None, None, 1, 2])),
        max_age_ms=draw(st.sampled_from([3_600_000, 1_000, 0])),
        surcharge_split=draw(splits(2)),
        residual_split=draw(splits(3)),
        excess_split=draw(splits(4)),
        pass_through_ppm=draw(st.sampled_from([0, 0, 400_000, PPM])) if pass_through else 0,
        recovery_ppm=draw(st.sampled_from([PPM, 0, 333_333])),
    )
    ladders = {}
    for name in names:
        for side in ("bids", "asks"):
            kind = draw(st.sampled_from(["none", "thin", "thick", "any"]))
            if kind == "thick":
                ladders[name, side] = ((draw(st.integers(0, 6)), 500),)
            elif kind == "thin":
                ladders[name, side] = draw(ladder(2, 3))
            elif kind == "any":
                ladders[name, side] = draw(ladder())
    return Story(spec, accounts, ladders, tuple(steps))


@st.composite
def squeezes(draw: st.DrawFn, markets: int = 1, limits: bool = True, most_losers: int = 4) -> Story:
    """One crash (or one squeeze upwards) against thin margin: winners enough, a deep but costly book, little cover.

    Nearly every one of these deleverages somebody in its first round.
    """
    names = ("BTC", "ETH")[:markets]
    side = draw(st.sampled_from([1, -1]))
    base = {name: draw(st.integers(60, 120)) for name in names}
    fall = {name: draw(st.integers(10, 40)) for name in names}
    units = {name: draw(st.sampled_from([1, 2, 5])) for name in names}
    accounts: dict[str, tuple[str, int, Rows]] = {}
    losers, winners = draw(st.integers(1, most_losers)), draw(st.integers(1, 4))
    ids = list(draw(st.permutations(IDS)))
    lots_lost = dict.fromkeys(names, 0)
    for _ in range(losers):
        name = ids.pop()
        rows = []
        equity = 0
        for place in sorted(draw(st.sets(st.integers(0, markets - 1), min_size=1))):
            market = names[place]
            lots = draw(st.integers(1, 12))
            lots_lost[market] += lots
            rows.append((place, side * lots, side * lots * base[market] * units[market]))
            # The loss at the crash, and a little more or less than that as margin.
            equity += lots * units[market] * (fall[market] + draw(st.integers(-8, 4)))
        accounts[name] = (name, equity, tuple(rows))
    for number in range(winners):
        name = ids.pop()
        rows = []
        for place, market in enumerate(names):
            lots = draw(st.integers(1, 10)) + (lots_lost[market] if number == 0 else 0)
            entry = base[market] + side * draw(st.integers(-3, 25))
            rows.append((place, -side * lots, -side * lots * entry * units[market]))
        accounts[name] = (name, draw(st.sampled_from([500, 5_000, 50_000])), tuple(rows))
    top = draw(st.sampled_from([0, 5, 60, 400]))
    layers = (
        draw(layer_lists(names, top)) if limits else (LayerSpec("shared", "shared_fund", draw(st.integers(0, top))),)
    )
    ladders = {}
    for name in names:
        for depth_side in ("bids", "asks"):
            first = draw(st.integers(0, 4))
            ladders[name, depth_side] = ((first, draw(st.integers(1, 8))), (first + draw(st.integers(3, 9)), 500))
    spec = DesignSpec(
        markets=tuple(
            MarketSpec(name, units[name], (TierSpec(draw(st.sampled_from([1, 20_000, 50_000]))),)) for name in names
        ),
        layers=layers,
        policy="adl",
        fallback=draw(st.sampled_from(["carry", "socialised_loss"])),
        ranking=draw(st.sampled_from(["pro_rata_pnl", "pro_rata_lots", "queue_pnl_leverage"])),
        eligible=draw(st.sampled_from(["profit_at_close", "capped_at_mark"])),
        surcharge_ppm=draw(st.sampled_from([0, 0, 20_000])),
        residual_split=draw(st.sampled_from([(0, 0, PPM), (400_000, 100_000, 500_000)])),
    )
    crash = {name: base[name] - side * fall[name] for name in names}
    return Story(spec, accounts, ladders, (crash,))
