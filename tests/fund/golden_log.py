"""The commands whose log is pinned in tests/golden/log_v1.jsonl: every kind of event, every kind of command.

    python -m tests.fund.golden_log        shows whether the file still fits; exit 1 if not
    python -m tests.fund.golden_log write  writes it anew: only when a change of bytes was decided on

Old bytes decode for ever: a version 1 log that was written once must replay to the same digest in every later version.
"""

from __future__ import annotations

import sys
from pathlib import Path

from seawall.amounts import Units
from seawall.design.loader import parse_design
from seawall.fund.journal import Journal, state_digest
from seawall.fund.messages import AnyCommand, CloseMarket, Haircut, Inflow, Lapse, Loss, Settle, Shortfall, Shortfalls

GOLDEN = Path(__file__).parents[1] / "golden" / "log_v1.jsonl"

DESIGN = """\
# A fund that meets everything once.
schema = "seawall.design/1"
name = "golden"

[asset]
id = "USDC"
decimals = 6

[[markets]]
id = "BTC-PERP"
tick_size = "0.1"
lot_size = "0.001"
tiers = [{ initial_margin_ppm = 20000, maintenance_margin_ppm = 10000 }]

[[markets]]
id = "ETH-PERP"
tick_size = "0.01"
lot_size = "0.01"
tiers = [{ initial_margin_ppm = 50000, maintenance_margin_ppm = 25000 }]

[liquidation]
surcharge_ppm = 5000

[accumulation]
commission_share_ppm = 333333

[accumulation.surcharge_split_ppm]
fund = 900000
treasury = 100000

[accumulation.residual_split_ppm]
fund = 200000
treasury = 100000
trader = 700000

[accumulation.excess_split_ppm]
stakers = 500000
treasury = 300000
fee_rebate = 150000
hedges = 50000

[[layers]]
id = "btc-bucket"
kind = "market_bucket"
market = "BTC-PERP"
balance = "2.5"
target = "8"

[[layers]]
id = "shared"
kind = "shared_fund"
balance = "10.000001"
target = "12"
event_limit = "6"
window_limit = "9"
window_ms = 86400000
minimum_left = "1"

[[layers]]
id = "skin"
kind = "venue_capital"
balance = "85070591730234615865843651857942.052864"
minimum_left = "85070591730234615865843651857941"

[exhaustion]
policy = "adl"
fallback = "socialised_loss"
deadline_ms = 5000
"""


def top_up(name: str, amount: int, layer: str) -> Inflow:
    return Inflow(id=name, source="top_up", asset="USDC", amount=Units(amount), layer=layer)


def income(name: str, source: str, amount: int, market: str | None = None) -> Inflow:
    return Inflow(id=name, source=source, asset="USDC", amount=Units(amount), market=market)  # type: ignore[arg-type]


def lost(name: str, account: str, owner: str, amount: int, **losses: int) -> Shortfall:
    rows = tuple(Loss(market.replace("_", "-"), Units(loss)) for market, loss in losses.items())
    return Shortfall(name, account, owner, "USDC", Units(amount), rows)


COMMANDS: tuple[tuple[int, AnyCommand], ...] = (
    (1_000, income("fee-1", "surcharge", 1_000_003, "BTC-PERP")),
    (1_000, income("fee-2", "commission", 7, "ETH-PERP")),
    (1_500, income("rest-1", "residual", 10_000_000, "BTC-PERP")),
    (2_000, Shortfalls(id="round-1", deficits=(lost("d1", "acct:7", "owner-7", 12_000_000, BTC_PERP=1, ETH_PERP=2),))),
    (
        3_000,
        Shortfalls(
            id="round-2",
            deficits=(
                lost("d10", "acct:9", "owner-9", 9_000_001, BTC_PERP=50),
                lost("d2", "acct:8", "owner-7", 9_000_000),
                lost("d3", "acct:3", "owner-3", 1, ETH_PERP=4, BTC_PERP=0),
            ),
        ),
    ),
    (
        4_000,
        Settle(
            id="settle-2",
            batch="round-2",
            haircuts=(
                Haircut("acct:1", "owner-1", "BTC-PERP", "adl", 12, Units(400_000)),
                Haircut("acct:2", "owner-2", "BTC-PERP", "adl_money", 0, Units(5)),
                Haircut("acct:2", "owner-2", "ETH-PERP", "socialised_loss", 0, Units(1)),
            ),
        ),
    ),
    (4_001, income("fee-3", "surcharge", 500_000, "ETH-PERP")),
    (9_000, Shortfalls(id="round-3", deficits=(lost("d11", "acct:9", "owner-9", 20_000_000),))),
    (14_001, Lapse(id="lapse-3", batch="round-3")),
    (86_402_000, top_up("top-1", 9_007_199_254_740_993, "skin")),
    (86_402_001, income("yield-1", "yield", 30_000_001)),
    (86_402_002, income("fee-5", "surcharge", 5_000_000, "BTC-PERP")),
    (86_403_000, CloseMarket(id="close-btc", market="BTC-PERP")),
    (86_403_001, income("fee-4", "recovery", 44_444_444, "BTC-PERP")),
)


def written() -> Journal:
    """A fund that was sent the commands, each at its time."""
    journal = Journal(parse_design(DESIGN, "golden.toml"), DESIGN, 0)
    for now, command in COMMANDS:
        answer = journal.submit(command, now)
        if not isinstance(answer, tuple):
            raise AssertionError(f"a golden command was not taken: {answer}")
    return journal


def main(arguments: list[str]) -> int:
    journal = written()
    data = b"".join(line + b"\n" for line in journal.lines)
    print(f"{len(journal.lines)} events, digest {state_digest(journal.state)}")
    if arguments == ["write"]:
        GOLDEN.write_bytes(data)
        print(f"wrote {GOLDEN}")
        return 0
    fits = GOLDEN.is_file() and GOLDEN.read_bytes() == data
    print("the golden log fits" if fits else "the golden log does not fit")
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
