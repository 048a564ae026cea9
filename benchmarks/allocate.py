"""Claim: an exact split of any size costs about a sort; the usual float split is wrong by units.

Prints `allocate` and `capped_water_fill` beside a NumPy float64 largest-remainder split (the peer that most code uses)
and a copy of the weights (the physical limit), in one run; says whether the float split agrees, and where it does not.

    make bench, or: .venv/bin/python benchmarks/allocate.py [claimants]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

import numpy as np

from seawall.amounts import allocate
from seawall.rules.deleveraging import capped_water_fill


def best(job: Callable[[], object], repeats: int = 5) -> float:
    """Least seconds of several repeats."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        job()
        times.append(time.perf_counter() - began)
    return min(times)


def float_split(amount: int, weights: np.ndarray) -> np.ndarray:
    """Largest remainder in float64."""
    quota = amount * (weights / weights.sum())
    parts = np.floor(quota).astype(np.int64)
    order = np.argsort(-(quota - parts), kind="stable")
    parts[order[: amount - int(parts.sum())]] += 1
    return parts


def main() -> None:
    claimants = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    dice = random.Random(7)
    weights = [int(dice.paretovariate(1.2) * 10**6) for _ in range(claimants)]
    caps = [weight // 2 for weight in weights]
    amount = sum(weights) // 3
    array = np.array(weights, dtype=np.int64)
    exact = best(lambda: allocate(amount, weights))
    water = best(lambda: capped_water_fill(amount, weights, caps))
    floats = best(lambda: float_split(amount, array))
    copy = best(lambda: list(weights))
    print(f"split of {amount:,} over {claimants:,} claimants")
    for name, seconds in (
        ("allocate", exact),
        ("capped_water_fill", water),
        ("NumPy float64 split", floats),
        ("copy of the weights", copy),
    ):
        print(f"  {name:<22} {seconds * 1e3:9.2f} ms  {seconds / exact:6.2f}x")
    parts = allocate(amount, weights)
    other = float_split(amount, array)
    differ = int(np.sum(np.array(parts) != other))
    adds_up = sum(parts) == amount and sum(capped_water_fill(amount, weights, caps)) == amount
    print(
        f"  exact splits add up: {adds_up}; the float split is wrong for {differ:,} claimants, sums to {other.sum():,}"
    )
    if not adds_up:
        sys.exit("the answers do not agree")


if __name__ == "__main__":
    main()
