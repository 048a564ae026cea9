"""Run folders for the tests of report: real venues and funds, written as `seawall stress --out` writes them.

The summary is added up here from the machines' own states, so that report.folder has a second bookkeeper to agree with.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seawall.design.loader import parse_design
from seawall.design.types import Design
from seawall.fund.journal import Journal, state_digest
from seawall.stress.books import write_book
from seawall.venue.book import Book
from seawall.venue.machine import Venue, World
from seawall.venue_events import Deleveraged, HaircutTaken, RoundFilled

BTC_TIERS = "tiers = [{ initial_margin_ppm = 100000, maintenance_margin_ppm = 50000 }]"

DESIGN = """schema = "seawall.design/1"
name = "NAME"
[asset]
id = "USDC"
decimals = 2
[[markets]]
id = "BTC-PERP"
underlying = "BTC"
tick_size = "0.5"
lot_size = "0.1"
TIERS
[[markets]]
id = "ETH-PERP"
underlying = "ETH"
tick_size = "0.1"
lot_size = "1"
TIERS
[liquidation]
surcharge_ppm = 5000
[accumulation.residual_split_ppm]
fund = 500000
treasury = 100000
trader = 400000
[[layers]]
id = "btc-bucket"
kind = "market_bucket"
market = "BTC-PERP"
balance = "BUCKET"
target = "90000"
[[layers]]
id = "shared"
kind = "shared_fund"
balance = "SHARED"
event_limit = "EVENT"
[[layers]]
id = "venue"
kind = "venue_capital"
balance = "500"
minimum_left = "100"
[exhaustion]
policy = "POLICY"
fallback = "FALLBACK"
"""
"""Two markets, three layers; NAME, BUCKET, SHARED, EVENT, POLICY, FALLBACK are filled in by `design_text`."""


def design_text(
    policy: str = "adl",
    fallback: str = "socialised_loss",
    *,
    name: str = "tests",
    bucket: str = "2000",
    shared: str = "30000",
    event: str = "9000",
) -> str:
    """The tests' design."""
    text = DESIGN.replace("TIERS", BTC_TIERS)
    blanks = {"NAME": name, "BUCKET": bucket, "SHARED": shared, "POLICY": policy, "FALLBACK": fallback, "EVENT": event}
    for key, value in blanks.items():
        text = text.replace(key, value)
    return text


def random_book(design: Design, accounts: int, seed: int, prices: Mapping[str, int]) -> Book:
    """Accounts long and short in one or two markets at up to 10x, the last few with cash only."""
    rng = random.Random(seed)
    markets = tuple(market.id for market in design.markets)
    value = {"BTC-PERP": 5, "ETH-PERP": 10}
    cash: list[int] = []
    rows: list[tuple[int, int, int, int]] = []
    for account in range(accounts):
        equity = 0
        held = [] if account >= accounts - 3 else rng.sample(range(len(markets)), rng.choice((1, 1, 2)))
        for market in sorted(held):
            lots = rng.choice((1, 1, -1)) * rng.randint(1, 400)
            price, units = prices[markets[market]], value[markets[market]]
            entry = price * rng.randint(95, 105) // 100
            rows.append((account, market, lots, lots * entry * units))
            equity += abs(lots) * price * units * rng.randint(105, 400) // 1000 - lots * (price - entry) * units
        cash.append(max(equity, 1000))
    width = len(str(accounts))
    names = tuple(f"a{account:0{width}d}" for account in range(1, accounts + 1))
    return Book(
        accounts=names,
        owners=tuple("o" + name[1:] for name in names),
        cash_units=tuple(cash),
        markets=markets,
        position_account=tuple(row[0] for row in rows),
        position_market=tuple(row[1] for row in rows),
        lots=tuple(row[2] for row in rows),
        cost_units=tuple(row[3] for row in rows),
    )


@dataclass(frozen=True)
class Made:
    """A run folder and the machines that made it."""

    path: Path
    venue: Venue


T0 = 1_760_130_000_000  # 2025-10-10 21:00 UTC
START = {"BTC-PERP": 240_000, "ETH-PERP": 43_000}
FALL = (1_000_000, 990_000, 930_000, 860_000, 880_000, 820_000, 870_000, 905_000)
"""Prices of the tests' crash, ppm of the start."""

LADDERS = {
    ("BTC-PERP", "bids"): ((10, 300), (1_000, 700), (6_000, 900), (20_000, 800)),
    ("BTC-PERP", "asks"): ((10, 900), (2_000, 900)),
    ("ETH-PERP", "bids"): ((10, 300), (500, 500), (3_000, 700), (8_000, 900)),
    ("ETH-PERP", "asks"): ((10, 900), (500, 900)),
}


def make_run(
    folder: Path,
    text: str,
    *,
    accounts: int = 120,
    seed: int = 7,
    fall: Sequence[int] = FALL,
    step_ms: int = 60_000,
    book: Book | None = None,
) -> Made:
    """Run the tests' crash and write its folder."""
    design = parse_design(text, "design.toml")
    book = book or random_book(design, accounts, seed, START)
    steps = [
        (T0 + i * step_ms, {market: max(1, ticks * part // 1_000_000) for market, ticks in START.items()})
        for i, part in enumerate(fall)
    ]
    world = World(ladders=LADDERS, path_name="crash", path_digest="ab" * 32, intrabar="low_first", seed=seed)
    return write_run(folder, text, book, world, steps, source="made up for tests", licence="CC0-1.0")


def write_run(
    folder: Path,
    text: str,
    book: Book,
    world: World,
    steps: Sequence[tuple[int, Mapping[str, int]]],
    *,
    source: str,
    licence: str,
) -> Made:
    """Run steps and write everything of a run folder that report does not write itself."""
    design = parse_design(text, "design.toml")
    fund = Journal(design, text, steps[0][0])
    venue = Venue(design, book, fund, world, steps[0][0])
    for t_ms, prices in steps:
        venue.step(t_ms, prices)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "design.toml").write_text(text, encoding="utf-8")
    (folder / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in fund.lines))
    (folder / "venue.jsonl").write_bytes(b"".join(line + b"\n" for line in venue.lines))
    write_book(book, folder / "book.parquet")
    document = summary_document(venue, book, world, steps, source, licence)
    (folder / "summary.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return Made(folder, venue)


def summary_document(
    venue: Venue,
    book: Book,
    world: World,
    steps: Sequence[tuple[int, Mapping[str, int]]],
    source: str,
    licence: str,
) -> dict[str, object]:
    """summary.json of a run, from the states of both machines."""
    fund, design = venue.fund.state, venue.design
    totals = fund.totals
    triggered = [row for event in venue.events if isinstance(event, RoundFilled) for row in event.triggered]
    cuts: dict[str, int] = {"adl": 0, "adl_money": 0, "socialised_loss": 0}
    payers, closed = set(), set()
    for event in venue.events:
        if isinstance(event, Deleveraged):
            cuts["adl"] += sum(row.haircut for row in event.haircuts)
            closed |= {row.account for row in event.haircuts}
            payers |= {row.account for row in event.haircuts if row.haircut}
        if isinstance(event, HaircutTaken):
            cuts[event.how] += sum(row.amount for row in event.rows)
            payers |= {row.account for row in event.rows}
    bound: dict[str, list[str]] = {layer: [] for layer in fund.layers}
    bankrupt, worst = set(), 0
    for command, _ in fund.answered.values():
        for deficit in getattr(command, "deficits", ()):
            bankrupt.add(deficit.account)
            worst = max(worst, deficit.amount)
    for line in venue.fund.lines:
        for draw in json.loads(line)["data"].get("draws", ()):
            if draw["bound_by"] and draw["bound_by"] not in bound[draw["layer"]]:
                bound[draw["layer"]].append(draw["bound_by"])
    severity = totals.deficits - totals.drawn
    return {
        "schema": "seawall.stress.summary/1",
        "design": {"name": design.name, "digest": fund.design_digest},
        "asset": {"id": design.asset.id, "decimals": design.asset.decimals},
        "book": {"digest": book.digest(), "accounts": len(book.accounts), "positions": len(book.lots)},
        "path": {
            "name": world.path_name,
            "digest": world.path_digest,
            "intrabar": world.intrabar,
            "source": source,
            "licence": licence,
            "first_t_ms": steps[0][0],
            "last_t_ms": steps[-1][0],
        },
        "seed": world.seed,
        "steps": len(steps),
        "rounds": sum(isinstance(event, RoundFilled) for event in venue.events),
        "pass_through_ppm": design.stress.pass_through_ppm,
        "recovery_ppm": design.stress.recovery_ppm,
        "outside": [
            {"market": market, "lots": lots, "share_ppm": share}
            for market, lots, share in zip(book.markets, book.outside_lots(), book.outside_share_ppm())
        ],
        "accounts": {
            "liquidated": len({row.account for row in triggered}),
            "bankrupt": len(bankrupt),
            "deleveraged": len(closed),
            "haircut": len(payers),
            "induced": len({row.account for row in triggered if row.induced}),
            "waiting": 0,
        },
        "layers": [
            {
                "layer": name,
                "kind": layer.spec.kind,
                "before": str(int(layer.spec.balance)),
                "credited": str(int(layer.credited)),
                "drawn": str(int(layer.drawn)),
                "after": str(int(layer.balance)),
                "bound_by": bound[name],
            }
            for name, layer in fund.layers.items()
        ],
        "receivers": {name: str(amount) for name, amount in fund.receivers.items()},
        "deficits": {
            "count": len(fund.deficits),
            "amount": str(totals.deficits),
            "largest": str(int(worst)),
            "covered_ppm": totals.drawn * 1_000_000 // totals.deficits if totals.deficits else 1_000_000,
        },
        "drawn": str(totals.drawn),
        "severity": str(severity),
        "haircuts": {way: str(int(amount)) for way, amount in cuts.items()},
        "overshoot": "0",
        "carried": str(fund.carried_units),
        "recovered": str(totals.recovered),
        "pending": str(fund.pending_units),
        "pending_fees": str(venue.state.pending_fees_units),
        "unrecognised": "0",
        "unrecognised_peak": "0",
        "unrecognised_peak_t_ms": 0,
        "stale_steps": 0,
        "policy": design.exhaustion.policy,
        "fallback": design.exhaustion.fallback,
        "verdict": "exhausted" if severity else "survives",
        "conservation": {"exact": True, "money": "0", "opening": "0"},
        "state": {"fund": state_digest(fund), "venue": "00" * 32},
    }
