"""The 1,125 shocks: what the venue's queue took, too much and too little, and what pro rata takes instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from seawall.rules.socialisation import positive_pnl_haircuts
from seawall.rules.split_arrays import allocate_array
from seawall.rules.water_fill import capped_water_fill
from tests.realdata.tables import SHOCKS, USERS, cents, exact, exact_total, held_units, owed_units, read, usd, winners

pytestmark = pytest.mark.realdata


@dataclass(frozen=True, slots=True)
class Shock:
    """One coin's deleveraging up to a pause of 5 s. Base units."""

    coin: str
    deficit: int
    capacity: int
    taken: int


def shocks(data_dir: Path) -> list[Shock]:
    rows = read(data_dir, SHOCKS).select("coin", "deficit_usd", "total_capacity_usd", "budget_queue_usd").iter_rows()
    return [Shock(coin, owed_units(d), held_units(c), held_units(t)) for coin, d, c, t in rows]


def test_shocks_give_the_published_sums(data_dir, publish):
    table = read(data_dir, SHOCKS)
    deficit, capacity, taken = (table[name] for name in ("deficit_usd", "total_capacity_usd", "budget_queue_usd"))
    found = {
        "shocks": len(table),
        "coins": table["coin"].n_unique(),
        "with_deficit": sum(d > 0 for d in deficit),
        "without_capacity": sum(c == 0 for c in capacity),
        "deficit_without_capacity": sum(d > 0 and c == 0 for d, c in zip(deficit, capacity, strict=True)),
        "deficit_above_capacity": sum(d > c for d, c in zip(deficit, capacity, strict=True)),
        "taken_above_capacity": sum(t > c for t, c in zip(taken, capacity, strict=True)),
        "deficit_usd": cents(exact_total(deficit)),
        "capacity_usd": cents(exact_total(capacity)),
        "taken_usd": cents(exact_total(taken)),
    }
    assert (found["shocks"], found["with_deficit"], found["without_capacity"]) == (1_125, 170, 35)
    assert (found["deficit_usd"], found["capacity_usd"]) == ("23191104.48", "2888243818.11")
    assert found["taken_usd"] == "660053504.15"
    assert found["taken_above_capacity"] == 0
    publish(found, SHOCKS)


def test_shocks_of_a_coin_are_five_seconds_apart(data_dir, publish):
    table = read(data_dir, SHOCKS)
    last: dict[str, datetime] = {}
    pauses = []
    for coin, start, end in sorted(table.select("coin", "t_start", "t_end").iter_rows()):
        if coin in last:
            pauses.append(datetime.fromisoformat(start) - last[coin])
        last[coin] = datetime.fromisoformat(end)
    assert min(pauses) > timedelta(seconds=5)
    publish({"shortest_pause_ms": min(pauses) // timedelta(milliseconds=1), "pauses": len(pauses)}, SHOCKS)


def test_overshoot_and_residual_of_the_venue_s_queue(data_dir, publish):
    """overshoot = max(taken - deficit, 0), residual = max(deficit - taken, 0), shock by shock."""
    found = shocks(data_dir)
    over = [max(s.taken - s.deficit, 0) for s in found]
    left = [max(s.deficit - s.taken, 0) for s in found]
    for_nothing = sum(o for o, s in zip(over, found, strict=True) if s.deficit == 0)
    beyond_all = sum(max(s.deficit - s.capacity, 0) for s in found)
    assert sum(over) - sum(left) == sum(s.taken for s in found) - sum(s.deficit for s in found)
    # Another way to the same: exact fractions of the table, off by less than two units a shock.
    table = read(data_dir, SHOCKS)
    pairs = [(exact(t), exact(d)) for t, d in zip(table["budget_queue_usd"], table["deficit_usd"], strict=True)]
    exact_over = sum((max(t - d, Fraction(0)) for t, d in pairs), Fraction(0))
    exact_left = sum((max(d - t, Fraction(0)) for t, d in pairs), Fraction(0))
    assert abs(exact_over * 10**6 - sum(over)) < 2 * len(found)
    assert abs(exact_left * 10**6 - sum(left)) < 2 * len(found)
    publish(
        {
            "overshoot_usd": usd(sum(over)),
            "overshoot_exact_to_the_cent_usd": cents(exact_over),
            "overshoot_in_shocks_without_deficit_usd": usd(for_nothing),
            "overshoot_in_shocks_with_deficit_usd": usd(sum(over) - for_nothing),
            "shocks_with_overshoot": sum(o > 0 for o in over),
            "shocks_without_deficit_but_taken_from": sum(s.deficit == 0 < s.taken for s in found),
            "residual_usd": usd(sum(left)),
            "residual_exact_to_the_cent_usd": cents(exact_left),
            "shocks_with_residual": sum(r > 0 for r in left),
            "residual_beyond_capacity_usd": usd(beyond_all),
            "residual_within_capacity_usd": usd(sum(left) - beyond_all),
            "largest_residual_usd": usd(max(left)),
        },
        SHOCKS,
    )


def test_pro_rata_and_water_fill_over_every_shock(data_dir, publish):
    """Each shock, alone, against the real winners with the shock's capacity split over them by their real caps.

    A shock's own winners are not in the tables, only their capacity. Pro rata weighs by profit, so that caps bind only
    by a unit of rounding before all are full; the water-fill weighs by equity under the same caps, where they do bind.
    """
    book = winners(data_dir)
    weights = np.array([winner.cap for winner in book], np.int64)
    equities = [max(0, winner.equity_units) for winner in book]
    paid = {"pro_rata": 0, "water_fill": 0}
    at_cap = {"pro_rata": 0, "water_fill": 0}
    deficits, residual, full = 0, 0, 0
    for shock in shocks(data_dir):
        caps = allocate_array(shock.capacity, weights).tolist()
        wanted = min(shock.deficit, shock.capacity)
        split = {
            "pro_rata": positive_pnl_haircuts(shock.deficit, caps, caps),
            "water_fill": capped_water_fill(shock.deficit, equities, caps),
        }
        for name, haircuts in split.items():
            assert sum(haircuts) == wanted  # to the unit: no overshoot, and only what nobody has is left
            assert all(0 <= haircut <= cap for haircut, cap in zip(haircuts, caps, strict=True))
            paid[name] += sum(haircuts)
            if 0 < shock.deficit < shock.capacity:
                at_cap[name] += sum(0 < haircut == cap for haircut, cap in zip(haircuts, caps, strict=True))
        deficits += shock.deficit
        residual += shock.deficit - wanted
        full += shock.deficit > shock.capacity
    assert paid["pro_rata"] == paid["water_fill"] == deficits - residual
    assert at_cap["pro_rata"] < at_cap["water_fill"]
    publish(
        {
            "paid_usd": usd(paid["pro_rata"]),
            "overshoot_usd": usd(paid["pro_rata"] + residual - deficits),
            "residual_usd": usd(residual),
            "shocks_that_take_all": full,
            "winners_at_cap_in_other_shocks": at_cap,
        },
        SHOCKS,
        USERS,
    )


def test_shocks_pooled(data_dir, publish):
    """The same deficits against the capacity of the coin's other shocks too, and of all coins: what a border costs.

    A bound in hindsight: later capacity is counted, and a winner in several shocks counts in each.
    """
    found = shocks(data_dir)
    by_coin: dict[str, list[Shock]] = {}
    for shock in found:
        by_coin.setdefault(shock.coin, []).append(shock)

    def residual(pool: list[Shock]) -> int:
        caps = [shock.capacity for shock in pool]
        owed = sum(shock.deficit for shock in pool)
        return owed - sum(capped_water_fill(owed, caps, caps))

    left = [residual(pool) for pool in by_coin.values()]
    alone = sum(residual([shock]) for shock in found)
    assert residual(found) == 0 < sum(left) < alone
    publish(
        {
            "residual_by_shock_usd": usd(alone),
            "residual_by_coin_usd": usd(sum(left)),
            "coins_with_residual": sum(units > 0 for units in left),
            "residual_in_one_pool_usd": usd(residual(found)),
        },
        SHOCKS,
    )
