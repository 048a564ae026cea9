"""The commands whose log is pinned in tests/golden/log_v1_staking.jsonl: every kind of event that was added to logs.

    python -m tests.fund.golden_staking        shows whether the file still fits; exit 1 if not
    python -m tests.fund.golden_staking write  writes it anew: only when a change of bytes was decided on

Stakers of two tranches, one with every term; a revenue pool, measures, positions held, a migration, a credit line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from seawall.amounts import Units
from seawall.design.loader import parse_design
from seawall.fund.journal import Journal, state_digest
from seawall.fund.messages import (
    AnyCommand,
    CancelRedeem,
    Inventory,
    InventoryLoss,
    LapseRequests,
    Measure,
    Migrate,
    Recover,
    Redeem,
    Release,
    RequestRedeem,
    Reward,
    Settle,
    Shortfalls,
    Stake,
    TakeClaims,
    TransferShares,
)
from tests.fund.golden_log import income, lost, top_up

GOLDEN = Path(__file__).parents[1] / "golden" / "log_v1_staking.jsonl"

DESIGN = """\
# Stakers, and everything else that logs did not begin with.
schema = "seawall.design/1"
name = "golden-staking"

[asset]
id = "USDC"
decimals = 6

[[markets]]
id = "BTC-PERP"
tick_size = "0.1"
lot_size = "0.001"
cover_limit = "1000000"
tiers = [{ initial_margin_ppm = 20000, maintenance_margin_ppm = 10000 }]

[[markets]]
id = "ETH-PERP"
tick_size = "0.01"
lot_size = "0.01"
tiers = [{ initial_margin_ppm = 50000, maintenance_margin_ppm = 25000 }]

[liquidation]
surcharge_ppm = 5000

[accumulation]
commission_share_ppm = 500000

[accumulation.revenue_pool]
layer = "fees"
to = "senior"
period_ms = 1000
share_ppm = 900000
protocol_ppm = 100000

[[layers]]
id = "eth-bucket"
kind = "market_bucket"
market = "ETH-PERP"
balance = "1.5"

[[layers]]
id = "junior"
kind = "tranche"
balance = "3"

[layers.stake]
cooldown_ms = 100
window_ms = 50
pays_lower = true
cancel_forfeits = true
reward_ms = 400

[[layers]]
id = "shared"
kind = "shared_fund"
balance = "2"
target_of = "open_interest"
target_ppm = 10000
refill_ms = 86400000
drawdown_ppm = 900000
drawdown_reset_ppm = 100000
drawdown_window_ms = 86400000
account_limit = "1.9"

[[layers]]
id = "line"
kind = "credit_line"
commitment = "1"

[[layers]]
id = "senior"
kind = "tranche"
balance = "0"

[layers.stake]
frozen_by_losses = true

[[layers]]
id = "fees"
kind = "revenue_pool"
balance = "0.000007"

[exhaustion]
policy = "adl"
fallback = "socialised_loss"
deadline_ms = 5000
"""

A_UNIT = 1_000_000


def stake(name: str, layer: str, who: str, amount: int) -> Stake:
    return Stake(id=name, layer=layer, staker=who, amount=Units(amount))


def ask(name: str, layer: str, who: str, shares: int) -> RequestRedeem:
    return RequestRedeem(id=name, layer=layer, staker=who, shares=Units(shares))


def batch(name: str, deficit: str, amount: int, **losses: int) -> Shortfalls:
    return Shortfalls(id=name, deficits=(lost(deficit, f"of-{deficit}", f"owner-{deficit}", amount, **losses),))


COMMANDS: tuple[tuple[int, AnyCommand], ...] = (
    (10, Measure(id="oi-1", name="open_interest", amount=Units(300 * A_UNIT))),
    (20, stake("stake-1", "junior", "ann", 2 * A_UNIT)),
    (20, stake("stake-2", "senior", "bob", 2 * A_UNIT)),
    (30, Reward(id="reward-1", layer="junior", amount=Units(400_001))),
    (130, ask("leave-1", "junior", "ann", 700_000)),
    (140, TransferShares(id="sell-1", layer="junior", sender="venue", receiver="cy", shares=Units(1_000_000))),
    (230, Redeem(id="paid-1", layer="junior", request="leave-1", shares=Units(300_000))),
    (240, Redeem(id="paid-2", layer="junior", request="leave-1", amount=Units(100_000))),
    (250, batch("loss-1", "d1", A_UNIT, ETH_PERP=3, BTC_PERP=1)),
    (300, ask("leave-2", "junior", "cy", 500_000)),
    (350, CancelRedeem(id="stay-2", layer="junior", request="leave-2")),
    (400, ask("leave-3", "junior", "cy", 500_000)),
    (600, LapseRequests(id="over-3", layer="junior")),
    (700, income("fee-1", "commission", 40)),
    (710, Release(id="release-1")),
    (800, top_up("gift-1", 11, "senior")),
    (900, Inventory(id="held-1", layer="shared", maintenance=Units(5), open_loss=Units(1), notional=Units(70))),
    (910, InventoryLoss(id="closed-1", layer="shared", market="BTC-PERP", amount=Units(7))),
    (920, Inventory(id="held-2", layer="senior", maintenance=Units(3), open_loss=Units(0))),
    (930, InventoryLoss(id="closed-2", layer="senior", market="BTC-PERP", amount=Units(9))),
    (1_000, Migrate(id="move-1", from_layer="eth-bucket", to_layer="shared")),
    (2_000, batch("loss-2", "d2", 12 * A_UNIT, BTC_PERP=2)),
    (2_500, Settle(id="settle-2", batch="loss-2", final=False)),
    (2_600, Settle(id="settle-3", batch="loss-2")),
    (3_000, stake("stake-3", "junior", "dee", 500_000)),
    (3_100, Recover(id="back-1", deficit="d2", amount=Units(10 * A_UNIT))),
    (3_200, Recover(id="back-2", deficit="d1", amount=Units(2 * A_UNIT))),
    (3_300, TakeClaims(id="claims-1", layer="senior", staker="bob")),
    (3_310, TakeClaims(id="claims-2", layer="junior", staker="cy")),
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
