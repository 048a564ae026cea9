"""The real tables as exact numbers: how a float64 of a table becomes base units, and the winners of 10 October 2025.

Layer    tests; imports amounts, rules.adl_scores.
Not here any figure that is asserted.

A float64 is read as the shortest decimal text that gives it back (Python's `repr`), which is what the makers of the
tables had before they stored it; from there on everything is exact. One USD is 10^6 base units. What is owed is rounded
up to the unit, what somebody has is rounded down, each value once: over n values a sum is off by less than n units.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import polars as pl

from seawall.amounts import format_decimal
from seawall.rules.adl_scores import Participant

DECIMALS = 6
ONE = 10**DECIMALS

SHOCKS = "adl_paper_2025_10_10/per_shock_queue.parquet"
WAVES = "adl_paper_2025_10_10/bad_debt_loser_waves.csv"
WAVE_INPUTS = "adl_paper_2025_10_10/wave_inputs.csv"
WAVE_GAPS = "adl_paper_2025_10_10/wave_coin_gap_per_contract.parquet"
REACTIONS = "adl_paper_2025_10_10/per_user_reaction.parquet"
USERS = "hyperliquid_adl_2025_10_10/adl_by_user_realtime.parquet"
COINS = "hyperliquid_adl_2025_10_10/adl_by_coin_realtime.parquet"
NET = "hyperliquid_adl_2025_10_10/adl_net_volume_full_12min.parquet"

MAINTENANCE_DIVISOR = 20
"""A stand-in: the tables have no maintenance margin, so it is 5 % of notional for all."""


def exact(value: float) -> Fraction:
    """The shortest decimal text of a float64, as a fraction."""
    return Fraction(repr(value))


def exact_total(values: Iterable[float]) -> Fraction:
    return sum((exact(value) for value in values), Fraction(0))


def owed_units(value: float) -> int:
    """Base units, rounded up: a deficit."""
    return math.ceil(exact(value) * ONE)


def held_units(value: float) -> int:
    """Base units, rounded down: a capacity, what was taken, a profit, an equity."""
    return math.floor(exact(value) * ONE)


def usd(units: int) -> str:
    """Base units as a decimal string in USD, exact."""
    return format_decimal(units, DECIMALS, places=2)


def cents(amount: Fraction) -> str:
    """An exact amount to the cent, half to even: as the published sums are written."""
    return format_decimal(round(amount * 100), 2, places=2)


def read(data_dir: Path, name: str) -> pl.DataFrame:
    """A table as it is."""
    return pl.read_csv(data_dir / name) if name.endswith(".csv") else pl.read_parquet(data_dir / name)


def winners(data_dir: Path) -> list[Participant]:
    """The 19,337 deleveraged accounts, by ascending address, as a deleveraging rule sees them.

    profit       closed PnL of the event; 107 of them lost
    equity       account value when deleveraged, as the table has it (one figure an account)
    notional     what was closed
    entry        notional + profit: that of a short, as nearly all were; at least 0
    lots         a stand-in: one lot a base unit of notional, since coins have no common lot
    maintenance  a stand-in, see above
    cap          min(profit, equity), at least 0: the rules' own
    """
    rows = read(data_dir, USERS).sort("user")
    columns = (
        [held_units(value) for value in rows[name]] for name in ("adl_notional", "closed_pnl", "account_value_realtime")
    )
    return [
        Participant(user, closed, profit, equity, closed, max(0, closed + profit), None, closed // MAINTENANCE_DIVISOR)
        for user, closed, profit, equity in zip(rows["user"], *columns, strict=True)
    ]


def wave_severities(data_dir: Path) -> dict[str, int]:
    """What is taken from the winners, by name, in base units, rounded up.

    wave 1 to 28  the 16 waves, each alone, as if it came first
    waves         all of them together
    waves_once    the same with the loser who recurs in nine of them counted once
    shocks        the 1,125 shocks together: the other notion of deficit
    """
    waves = read(data_dir, WAVES)
    found = {f"wave_{wave}": owed_units(usd_) for wave, usd_ in zip(waves["wave"], waves["deficit_usd"], strict=True)}
    recurring = max(waves["max_loss_usd"])
    times = waves["max_loss_usd"].to_list().count(recurring)
    total = exact_total(waves["deficit_usd"])
    return found | {
        "waves": math.ceil(total * ONE),
        "waves_once": math.ceil((total - (times - 1) * exact(recurring)) * ONE),
        "shocks": math.ceil(exact_total(read(data_dir, SHOCKS)["deficit_usd"]) * ONE),
    }
