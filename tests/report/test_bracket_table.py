"""Bracket table: a column a case, and what was taken out in words."""

from __future__ import annotations

from seawall.report.bracket_table import (
    CASES,
    BracketRow,
    RemovedRow,
    bracket_report,
    bracket_rows,
    folder_name,
    removed_text,
)
from seawall.report.comparison import compared
from seawall.report.terminal import text


def row(case, summary, pass_through_ppm, *removed):
    return BracketRow(
        case=case,
        pass_through_ppm=pass_through_ppm,
        deficits=summary.deficits.count,
        amount=summary.deficits.amount,
        covered_ppm=summary.covered_ppm,
        drawn=summary.drawn,
        severity=summary.severity,
        haircuts=summary.haircuts.adl,
        carried=summary.carried,
        verdict=summary.verdict,
        conservation_exact=True,
        removed=removed,
    )


def test_a_column_a_case(runs):
    summaries = [runs[name].summary for name in ("adl", "carry", "survives")]
    removed = RemovedRow("BTC-PERP", 3, 25, 0)
    rows = [
        row("as_they_are", summaries[0], 0),
        row("counted_twice", summaries[1], 255_000),
        row("own_removed", summaries[2], 255_000, removed),
    ]
    found = bracket_rows(rows, summaries)
    assert found[0] == ("pass-through", "0.00 %", "25.50 %", "25.50 %") and found[1:] == compared(summaries)
    told = text(bracket_report(rows, summaries))
    assert told.splitlines()[0].split("  ")[0].strip() == summaries[0].asset.id
    for words in (*CASES.values(), "taken out: BTC-PERP at 3 steps, up to 25 ticks back up", "verdict"):
        assert words in told
    assert [folder_name(case) for case in CASES] == ["as-they-are", "counted-twice", "own-removed"]


def test_what_was_taken_out_in_words():
    assert removed_text(()) == "taken out: nothing, no own fill touched a level away from the price"
    assert removed_text([RemovedRow("A", 1, 0, 1), RemovedRow("B", 2, 3, 4)]) == (
        "taken out: A at 1 step, up to 1 tick back down; B at 2 steps, up to 3 ticks back up and 4 ticks back down"
    )
