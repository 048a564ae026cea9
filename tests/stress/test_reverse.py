"""Reverse: a tiny book by hand, moves that are milder when they are larger, and every multiple as a file of its own."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, strategies as st

from seawall.design.errors import BadInput
from seawall.design.loader import parse_design
from seawall.report.reverse_table import MoveRow, Reached, ReverseRow, ScanRow
from seawall.report.tables import fund_tables
from seawall.stress.books import read_book
from seawall.stress.paths import read_path
from seawall.stress.prices import MAX_TICKS, PricePath
from seawall.stress.reverse import MAX_MULTIPLES, moves, multiples, outcomes, scaled, scan
from seawall.stress.run import Inputs, run

DESIGN = """schema = "seawall.design/1"
name = "tiny"
[asset]
id = "USDC"
decimals = 0
[[markets]]
id = "BTC-PERP"
underlying = "BTC"
tick_size = "1"
lot_size = "1"
feed_floor = "FLOOR"
tiers = [{ initial_margin_ppm = 100000, maintenance_margin_ppm = 50000 }]
[liquidation]
surcharge_ppm = 0
[[layers]]
id = "shared"
kind = "shared_fund"
balance = "300"
[[layers]]
id = "venue"
kind = "venue_capital"
balance = "400"
minimum_left = "100"
[exhaustion]
policy = "POLICY"
fallback = "carry"
[stress]
pass_through_ppm = 0
depth = [{ market = "BTC-PERP", bids = [[0, 1000]], asks = [[0, 1000]] }]
"""

BOOK = """account,owner,cash,market,side,lots,entry_price
L,L,1000,BTC-PERP,long,10,1000
S,S,SHORT,BTC-PERP,short,10,1000
"""

SHOCK = """schema = "seawall.shock/1"
name = "fall"
start_t_ms = 0
step_ms = 60000
[start]
BTC = "1000"
"""


def tiny(folder: Path, *falls_ppm: int, policy: str = "carry", feed_floor: int = 1, short: int = 100_000) -> Inputs:
    """One long that 1,000 of cash carries down to 900, one short, 300 in a layer and 300 that may leave another."""
    text = DESIGN.replace("POLICY", policy).replace("FLOOR", str(feed_floor))
    design = parse_design(text, "tiny")
    book, path = folder / "book.csv", folder / "fall.toml"
    book.write_text(BOOK.replace("SHORT", str(short)), encoding="utf-8")
    steps = "".join(f"[[steps]]\nmove_ppm = {{ BTC = {fall} }}\n" for fall in falls_ppm)
    path.write_text(SHOCK + steps, encoding="utf-8")
    prices = read_path(str(path), design, intrabar="low_first", markets_needed=["BTC-PERP"])
    return Inputs(design, text, read_book(book, design), prices, 0)


def when(rows: tuple[ReverseRow, ...], order: int = 0) -> dict[str, tuple[int | None, tuple[int, ...]]]:
    """By outcome or layer: the first multiple, and the larger ones without it."""
    found = [(row.layer or row.outcome, row.reached[order]) for row in rows]
    return {name: (one.at_ppm, one.not_at_ppm) for name, one in found}


def test_a_fall_by_hand(tmp_path: Path) -> None:
    """At 1,000 - 200 k the long owes 10 x (900 - price) = 2,000 k - 1,000: 200 at 0.6, then 200 more each tenth.

    The shared fund's 300 end at 0.7 (400 owed), the 300 that may leave the venue's at 0.8 (600 owed); at 0.9 (800
    owed) 200 are left over.
    """
    inputs = tiny(tmp_path, -200_000)
    rows = scan([inputs], multiples(100_000, 1_000_000))
    assert [row.amount for row in rows] == [0, 0, 0, 0, 0, 0, 200, 400, 600, 800, 1000]
    assert [row.drawn for row in rows] == [0, 0, 0, 0, 0, 0, 200, 400, 600, 600, 600]
    assert [row.carried for row in rows] == [0] * 9 + [200, 400]
    assert [row.layers_ended for row in rows[5:]] == [(), (), ("shared",), *[("shared", "venue")] * 3]
    assert all(row.conservation_exact and row.haircuts == 0 for row in rows)
    assert rows[7].moves == (MoveRow("BTC-PERP", -140_000, 0),)
    found = outcomes(inputs.design, rows)
    assert when(found) == {
        "shared": (700_000, ()),
        "venue": (800_000, ()),
        "traders_pay": (None, ()),
        "debt_carried": (900_000, ()),
    }
    assert found[0].reached[0].moves == rows[7].moves


def test_a_layer_that_pays_its_last_unit_ends_though_nothing_was_asked_beyond_it(tmp_path: Path) -> None:
    """At 870 the long owes 300: all of the shared fund, and no more; at 840 600, down to the venue's minimum."""
    inputs = tiny(tmp_path, -200_000)
    rows = scan([inputs], (649_999, 650_000, 795_000, 800_000))  # 870.0002 rounds the price down to 870 already
    assert [row.amount for row in rows] == [300, 300, 590, 600]
    assert [row.layers_ended for row in rows] == [("shared",), ("shared",), ("shared",), ("shared", "venue")]
    assert scan([inputs], (645_000,))[0].layers_ended == ()  # 871, 290 owed


def test_traders_pay_what_layers_did_not(tmp_path: Path) -> None:
    rows = scan([inputs := tiny(tmp_path, -200_000, policy="adl")], multiples(100_000, 1_000_000))
    assert [(row.haircuts, row.deleveraged, row.carried) for row in rows[8:]] == [(0, 0, 0), (200, 1, 0), (400, 1, 0)]
    found = when(outcomes(inputs.design, rows))
    assert found["traders_pay"] == (900_000, ()) and found["debt_carried"] == (None, ())


def test_a_larger_move_is_milder_where_it_liquidates_before_the_gap(tmp_path: Path) -> None:
    """The long is liquidated below 948. At 1.0 the first step stops at 950 and the second takes it from 950 to 800:
    1,000 owed. From 1.1 the first step is 945 or lower: sold there, at 900 or above, and nothing is owed at all.
    """
    inputs = tiny(tmp_path, -50_000, -200_000)
    rows = scan([inputs], multiples(100_000, 2_000_000))
    assert [row.amount for row in rows] == [0, 0, 0, 0, 0, 0, 200, 400, 600, 800, 1000, *[0] * 10]
    milder = tuple(range(1_100_000, 2_000_001, 100_000))
    assert when(outcomes(inputs.design, rows)) == {
        "shared": (700_000, milder),
        "venue": (800_000, milder),
        "traders_pay": (None, ()),
        "debt_carried": (900_000, milder),
    }


def test_a_larger_move_is_milder_where_the_feed_sits_at_its_floor(tmp_path: Path) -> None:
    """Floor 840: from 0.8 on the price is stale, and nobody is liquidated on it."""
    inputs = tiny(tmp_path, -200_000, feed_floor=840)
    rows = scan([inputs], multiples(100_000, 1_000_000))
    assert [row.amount for row in rows[6:]] == [200, 400, 0, 0, 0]
    assert [row.stale_steps for row in rows[6:]] == [0, 0, 1, 1, 1]
    assert when(outcomes(inputs.design, rows))["shared"] == (700_000, (800_000, 900_000, 1_000_000))


@pytest.mark.parametrize("policy", ["adl", "carry", "socialised_loss"])
def test_every_multiple_is_what_the_moves_written_down_give(policy: str, tmp_path: Path) -> None:
    """The same moves as shock files of their own; what a layer paid is counted from the flat tables."""
    falls = (-30_000, 50_000, -110_000, -230_000)
    inputs = tiny(tmp_path, *falls, policy=policy)
    for row in scan([inputs], multiples(200_000, 2_000_000)):
        one = tiny(tmp_path, *(fall * row.multiple_ppm // 10**6 for fall in falls), policy=policy)
        finished = run(one)
        summary = finished.summary
        assert (row.deficits, row.amount, row.drawn, row.severity) == (
            summary.deficits.count,
            summary.deficits.amount,
            summary.drawn,
            summary.severity,
        )
        assert (row.verdict, row.carried) == (summary.verdict, summary.carried + summary.recovered)
        assert row.severity == row.haircuts + row.carried + summary.pending
        lowest = dict.fromkeys(("shared", "venue"), 1)
        for draw in fund_tables(finished.fund.lines).draws.iter_rows(named=True):
            left = int(draw["balance_after"]) - (100 if draw["layer"] == "venue" else 0)
            lowest[draw["layer"]] = min(lowest[draw["layer"]], left)
        assert row.layers_ended == tuple(layer for layer, left in lowest.items() if left == 0)


def test_each_intrabar_order_has_its_own_multiples(tmp_path: Path) -> None:
    """One bar, 800 to 1,060. The short has 500: at 1,060 it owes 100, and once it is gone nobody is left to be closed
    against the long, which owes 1,000 at 800 where layers have 500. With the low first the short pays for the long.
    """
    base = tiny(tmp_path, -1, policy="adl", short=500)
    candles = tmp_path / "bar.csv"
    candles.write_text(
        "t_ms,symbol,open,high,low,close\n0,BTC,1000,1000,1000,1000\n60000,BTC,1000,1060,800,1000\n", encoding="utf-8"
    )

    def ordered(order: Literal["low_first", "high_first"]) -> Inputs:
        return replace(base, path=read_path(str(candles), base.design, intrabar=order, markets_needed=["BTC-PERP"]))

    rows = scan([ordered("low_first"), ordered("high_first")], (0, 500_000, 1_000_000))
    assert [(row.intrabar, row.multiple_ppm) for row in rows] == [
        (order, multiple) for order in ("low_first", "high_first") for multiple in (0, 500_000, 1_000_000)
    ]
    assert {row.moves for row in rows[2::3]} == {(MoveRow("BTC-PERP", -200_000, 60_000),)}
    found = outcomes(base.design, rows)
    assert when(found, 0)["debt_carried"] == (None, ()) and when(found, 0)["traders_pay"] == (1_000_000, ())
    assert when(found, 1)["debt_carried"] == (1_000_000, ()) and when(found, 1)["traders_pay"] == (None, ())
    assert (rows[5].amount, rows[5].carried) == (1_100, 500)


PRICES = st.lists(st.tuples(st.none() | st.integers(1, 10**6), st.none() | st.integers(1, 50)), min_size=1, max_size=8)


def path_of(ticks: list[tuple[int | None, int | None]]) -> PricePath:
    return PricePath("p", "s", "l", "none", ("A", "B"), tuple(range(len(ticks))), tuple(ticks))


@given(PRICES, st.integers(0, 3_000_000))
def test_a_scaled_path_is_the_definition_over_fractions(ticks: list[tuple[int | None, int | None]], k: int) -> None:
    path = path_of(ticks)
    new = scaled(path, k)
    for place in (0, 1):
        column = [row[place] for row in ticks]
        first = next((price for price in column if price is not None), None)
        for price, found in zip(column, (row[place] for row in new.ticks), strict=True):
            if price is None or first is None:
                assert found is None
            else:
                assert found == max(1, floor(first + (price - first) * Fraction(k, 10**6)))
    assert new.t_ms == path.t_ms and new.markets == path.markets
    assert (scaled(path, 10**6).ticks == path.ticks) and scaled(path, 0).first_ticks == path.first_ticks


@given(PRICES)
def test_moves_are_from_the_first_price(ticks: list[tuple[int | None, int | None]]) -> None:
    found = {row.market: row for row in moves(path_of(ticks), {"A"})}
    seen = [row[0] for row in ticks if row[0] is not None]
    assert set(found) == ({"A"} if seen else set())
    if seen:
        parts = [floor(Fraction(price - seen[0], seen[0]) * 10**6) for price in seen]
        assert (found["A"].low_ppm, found["A"].high_ppm) == (min(parts), max(parts))


@given(st.integers(1, 5_000_000), st.integers(1, 5_000_000))
def test_multiples_rise_from_zero_to_the_maximum_by_the_step(step: int, most: int) -> None:
    if step > most or -(-most // step) >= MAX_MULTIPLES:
        with pytest.raises(BadInput, match="--reverse-step-ppm"):
            multiples(step, most)
        return
    found = multiples(step, most)
    assert found[0] == 0 and found[-1] == most
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert set(gaps[:-1]) <= {step} and 0 < gaps[-1] <= step


@pytest.mark.parametrize(
    ("step", "most", "words"),
    [
        (1, 0, "--reverse-max-ppm"),
        (1, 100_000_001, "--reverse-max-ppm"),
        (0, 10, "--reverse-step-ppm"),
        (11, 10, "--reverse-step-ppm"),
        (-1, 10, "--reverse-step-ppm"),
        (1, 1_000_000, "at most 1000 multiples"),
    ],
)
def test_bad_multiples_are_refused(step: int, most: int, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        multiples(step, most)


def test_a_price_beyond_the_bound_is_refused_before_the_first_run(tmp_path: Path) -> None:
    inputs = tiny(tmp_path, -1)
    far = replace(inputs, path=replace(inputs.path, ticks=((1000,), (MAX_TICKS - 1,))))
    done: list[int] = []
    with pytest.raises(BadInput, match="2\\^53 ticks in BTC-PERP"):
        scan([far], (0, 1_000_000, 1_000_001_000), lambda now, _: done.append(now))
    assert done == []
    assert scaled(far.path, 1_000_000).ticks == far.path.ticks


def test_progress_counts_runs(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    rows = scan([tiny(tmp_path, -1)], (0, 1, 2), lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)] and len(rows) == 3 and isinstance(rows[0], ScanRow)
    assert isinstance(outcomes(tiny(tmp_path, -1).design, rows)[0].reached[0], Reached)
