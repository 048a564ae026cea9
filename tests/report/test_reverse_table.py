"""Reverse table: what a row says in words, and where a larger multiple is milder."""

from __future__ import annotations

import polars as pl

from seawall.amounts import Units
from seawall.report.reverse_table import (
    MoveRow,
    Reached,
    ReverseRow,
    ScanRow,
    exceptions,
    heads,
    outcome_text,
    reverse_report,
    reverse_rows,
    scan_table,
    times,
)
from seawall.report.terminal import text

MOVES = (MoveRow("BTC-PERP", -141_234, 20_000), MoveRow("ETH-PERP", 0, 50_000))


def reached(order: str, at_ppm: int | None, *not_at_ppm: int) -> Reached:
    return Reached(intrabar=order, at_ppm=at_ppm, moves=MOVES if at_ppm else (), not_at_ppm=not_at_ppm)


ROWS = (
    ReverseRow(
        outcome="layer_ends",
        layer="shared",
        reached=(reached("low_first", 1_300_000), reached("high_first", 700_000, 800_000, 1_500_000)),
    ),
    ReverseRow(outcome="traders_pay", layer="", reached=(reached("low_first", None), reached("high_first", 1))),
    ReverseRow(outcome="debt_carried", layer="", reached=(reached("low_first", None), reached("high_first", None))),
)


def test_multiples_keep_every_digit() -> None:
    assert [times(ppm) for ppm in (0, 100_000, 1_000_000, 1_250_000, 1, 2_000_000)] == [
        "0.0x",
        "0.1x",
        "1.0x",
        "1.25x",
        "0.000001x",
        "2.0x",
    ]


def test_the_farthest_move_is_the_larger_of_both_ways() -> None:
    assert [MoveRow("A", low, high).farthest_ppm for low, high in ((-5, 4), (-5, 5), (-5, 6), (0, 0))] == [-5, -5, 6, 0]


def test_rows_say_multiple_order_and_moves() -> None:
    assert heads(ROWS) == ("outcome", "low_first", "high_first", "markets go to")
    assert heads([ReverseRow(outcome="debt_carried", layer="", reached=(reached("none", None),))])[1] == "multiple"
    assert reverse_rows(ROWS, "adl", 2_000_000) == [
        ("layer shared ends", "1.3x", "0.7x", "BTC-PERP -14.13 %, ETH-PERP +5.00 %"),
        ("deleveraging starts", "not up to 2.0x", "0.000001x", "BTC-PERP -14.13 %, ETH-PERP +5.00 %"),
        ("debt is carried", "not up to 2.0x", "not up to 2.0x", "-"),
    ]
    assert outcome_text(ROWS[1], "carry") == "a haircut starts"
    assert outcome_text(ROWS[1], "tear_up") == "tear-up starts"


def test_the_report_says_where_a_larger_multiple_is_milder() -> None:
    assert exceptions(ROWS, "adl") == ["not monotone: layer shared ends (high_first), yet not at 0.8x and 1.5x"]
    told = text(reverse_report(ROWS, "adl", 100_000, 2_000_000))
    assert "not monotone: layer shared ends (high_first), yet not at 0.8x and 1.5x" in told
    assert "run from 0 to 2.0x by 0.1x" in told and "layer shared ends" in told
    assert exceptions(ROWS[1:], "adl") == []


def test_the_moves_shown_are_those_of_the_least_multiple_over_both_orders() -> None:
    other = (MoveRow("BTC-PERP", -500_000, 0),)
    later = Reached(intrabar="low_first", at_ppm=9, moves=other, not_at_ppm=())
    row = ReverseRow(outcome="debt_carried", layer="", reached=(later, reached("high_first", 2)))
    assert reverse_rows([row], "adl", 10)[0][-1].startswith("BTC-PERP -14.13 %")


def test_the_scan_is_a_row_a_run_and_keeps_large_money() -> None:
    row = ScanRow(
        intrabar="none",
        multiple_ppm=100_000,
        verdict="exhausted",
        deficits=1,
        amount=Units(2**70),
        drawn=Units(0),
        severity=Units(2**70),
        haircuts=Units(3),
        deleveraged=2,
        carried=Units(4),
        layers_ended=("a", "b"),
        stale_steps=5,
        conservation_exact=True,
        moves=MOVES,
    )
    table = scan_table([row])
    assert table.rows() == [
        ("none", 100_000, "exhausted", 1, 2**70, 0, 2**70, 3, 2, 4, "a b", 5, True),
    ]
    assert table.schema["amount"] == pl.Decimal(38, 0)
