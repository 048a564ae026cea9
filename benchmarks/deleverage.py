"""Claim: every deleveraging policy, exact to the unit, costs about what the usual float version costs.

Prints each policy over a book of winners beside a plain float64 NumPy version of it (the peer) and a copy of one column
(the physical limit), in one run; says whether the sums equal the severity, and for how many the float version is wrong.
Then whole lots by min-max for 3,000 winners, beside a heap that hands out lot after lot.

    .venv/bin/python benchmarks/deleverage.py [winners...]        default: 19337 1000000
"""

from __future__ import annotations

import heapq
import sys
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from seawall.rules.adl_arrays import WinnersArrays, haircut_array
from seawall.rules.adl_policies import ADL_POLICIES
from seawall.rules.min_max_lots import min_max_lots
from seawall.rules.split_arrays import allocate_array

Floats = npt.NDArray[np.float64]


def best(job: Callable[[], object], repeats: int = 5) -> float:
    """Least seconds of several repeats, after one that is not counted."""
    job()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        job()
        times.append(time.perf_counter() - began)
    return min(times)


def book(people: int) -> WinnersArrays:
    """Heavy-tailed sizes, leverage 1 to 25, one in nine at a loss; the same at every run."""
    dice = np.random.default_rng(7)
    notional = np.minimum((dice.pareto(1.2, people) * 10**9).astype(np.int64) + 10**6, 10**15)
    entry = (notional * (1 + dice.uniform(-0.05, 0.4, people))).astype(np.int64)
    profit = entry - notional
    equity = (notional / dice.uniform(1, 25, people)).astype(np.int64) + np.maximum(profit, 0)
    cap = np.maximum(0, np.minimum(profit, equity))
    ids = tuple(f"a{i}" for i in range(people))
    lots = notional // 10**5 + 1
    return WinnersArrays(ids, lots, profit, equity, notional, entry, equity - profit, notional // 20, cap)


# --- the peer: float64 --------------------------------------------------------------------------------------------


def float_fill(amount: float, weights: Floats, caps: Floats) -> Floats:
    """Raise the level until no more caps bind."""
    full = np.zeros(len(caps), bool)
    while True:
        level = (amount - caps[full].sum()) / max(weights[~full].sum(), 1e-300)
        more = ~full & (caps <= level * weights)
        if not more.any():
            return np.where(full, caps, level * weights)
        full |= more


def float_queue(amount: float, scores: Floats, caps: Floats) -> Floats:
    order = np.argsort(-scores, kind="stable")
    room = caps[order]
    paid = np.empty_like(caps)
    paid[order] = np.clip(amount - (np.cumsum(room) - room), 0, room)
    return paid


def float_haircuts(policy: str, winners: WinnersArrays, severity: int) -> Floats:
    """What a spreadsheet would do."""
    w, e, n, en, cap, mm, cash = (
        column.astype(np.float64)
        for column in (
            np.maximum(winners.profit_units, 0),
            winners.equity_units,
            winners.notional_units,
            winners.entry_units,
            winners.cap_units,
            winners.maintenance_units,
            winners.wallet_units,
        )
    )
    lots = winners.lots.astype(np.float64)
    scores: dict[str, Callable[[], Floats]] = {
        "queue_bitmex": lambda: w / en * n / e,
        "queue_binance": lambda: w / np.maximum(1, cash) * mm / e,
        "queue_hyperliquid": lambda: np.maximum(n, en) / np.minimum(n, en) * n / e,
        "queue_roi_mr": lambda: w / en * mm / e,
        "queue_profit": lambda: w,
        "queue_random": lambda: np.random.default_rng(0).random(len(w)),
        "mean_surplus": lambda: np.zeros(len(w)),
    }
    weights: dict[str, Callable[[], Floats]] = {
        "pro_rata_pnl": lambda: w,
        "capped_pro_rata": lambda: w,
        "pro_rata_equity": lambda: e,
        "min_max": lambda: e,
        "pro_rata_notional": lambda: n,
        "pro_rata_lots": lambda: lots,
        "risk_levered": lambda: w * n / e,
        "risk_levered_squared": lambda: w * (n / e) ** 2,
        "rap": lambda: w * (n / e) ** 2,
        "cel": lambda: np.ones(len(w)),
    }
    if policy == "mean_surplus":
        cap = np.clip(winners.profit_units - winners.profit_units.sum() / lots.sum() * lots, 0, e - mm)
    if policy in scores:
        return float_queue(severity, scores[policy](), cap)
    if policy in weights:
        return float_fill(severity, weights[policy](), cap)
    if policy == "cea":
        return cap - float_fill(cap.sum() - severity, np.ones(len(w)), cap)
    small = min(severity, cap.sum() - severity)
    half = float_fill(small, np.ones(len(w)), cap / 2)
    return half if 2 * severity <= cap.sum() else cap - half


# --- the run ------------------------------------------------------------------------------------------------------


def policies(people: int) -> bool:
    """One line a policy; whether every sum is the severity."""
    winners = book(people)
    capacity = int(winners.cap_units.sum())
    severity = capacity * 2913 // 10_000
    copy = best(winners.cap_units.copy, 20)
    gain = winners.gain
    print(f"{people:,} winners, severity {severity:,} of {capacity:,}; copy of a column {copy * 1e3:.3f} ms")
    print(f"  {'':<22}{'exact':>11}{'float64':>11}{'ratio':>8}{'x copy':>9}   sums equal   float wrong for")
    seconds = best(lambda: allocate_array(severity, gain))
    print(f"  {'allocate (no caps)':<22}{seconds * 1e3:8.2f} ms{'':>19}{seconds / copy:9.1f}")
    whole = True
    for facts in ADL_POLICIES:
        name = facts.name
        exact = best(lambda name=name: haircut_array(name, winners, severity), 3)  # type: ignore[misc]
        peer = best(lambda name=name: float_haircuts(name, winners, severity), 3)  # type: ignore[misc]
        paid = haircut_array(name, winners, severity)
        # Drift's rule takes no more than the profit above the mean: its capacity is its own.
        wanted = min(severity, int(haircut_array(name, winners, capacity).sum()))
        equal = int(paid.sum()) == wanted
        whole &= equal
        wrong = "-"
        if name != "queue_random":  # another draw
            wrong = f"{int(np.sum(np.floor(float_haircuts(name, winners, severity)) != paid)):,}"
        print(
            f"  {name:<22}{exact * 1e3:8.2f} ms{peer * 1e3:8.2f} ms{exact / peer:7.2f}x{exact / copy:9.1f}"
            f"   {'yes' if equal else 'NO':<10}   {wrong}"
        )
    return whole


def lot_after_lot(lots: int, equity: list[int], caps: list[int]) -> tuple[int, ...]:
    """The definition: each lot to whoever then has the smallest lots / equity."""
    handed = [0] * len(equity)
    heap = [(Fraction(1, e), -e, i) for i, (e, cap) in enumerate(zip(equity, caps, strict=True)) if e > 0 and cap > 0]
    heapq.heapify(heap)
    for _ in range(min(lots, sum(caps))):
        _, _, i = heapq.heappop(heap)
        handed[i] += 1
        if handed[i] < caps[i]:
            heapq.heappush(heap, (Fraction(handed[i] + 1, equity[i]), -equity[i], i))
    return tuple(handed)


def whole_lots(people: int = 3000, lots: int = 20_000) -> bool:
    winners = book(people)
    equity = np.maximum(winners.equity_units, 0).tolist()
    caps = np.minimum(winners.lots, 200).tolist()
    seconds = best(lambda: min_max_lots(lots, equity, caps))
    slow = best(lambda: lot_after_lot(lots, equity, caps), 1)
    equal = min_max_lots(lots, equity, caps) == lot_after_lot(lots, equity, caps)
    print(
        f"min-max, {lots:,} lots over {people:,} winners: {seconds * 1e3:.1f} ms; lot after lot {slow * 1e3:.0f} ms "
        f"({slow / seconds:.0f}x); answers equal {'yes' if equal else 'NO'}"
    )
    return equal


def main() -> None:
    whole = True
    for people in [int(text) for text in sys.argv[1:]] or [19_337, 1_000_000]:
        whole &= policies(people)
    whole &= whole_lots()
    if not whole:
        sys.exit("the answers do not agree")


if __name__ == "__main__":
    main()
