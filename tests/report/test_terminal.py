"""Terminal: the lines of STYLE habit 10, at a hundred columns and at few."""

from __future__ import annotations

import pytest

from seawall.design.errors import BadInput
from seawall.report.terminal import comparison_report, comparison_table, layer_table, run_report, text, verdict_line
from seawall.report.wording import currency
from tests.report.examples import DOCUMENT, calm, example

WHOLE = """\
120 accounts  8 steps  path crash  design example 487a63  seed 7  USDC
layer          before    credited      drawn       after  bound by
btc-bucket   2,000.00  149,307.72  67,540.09   83,767.63  capacity
shared      30,000.00  171,686.41  50,869.70  150,816.71  event limit
venue          500.00        0.00     400.00      100.00  minimum left
paid through deleveraging  8,444.14
13 deficits, covered 93.36 %, severity 8,444.14: the fund is EXHAUSTED; conservation exact
"""


def with_summary(run, summary):
    """A run that was read, with another summary."""
    other = object.__new__(type(run))
    for name in run.__slots__:
        object.__setattr__(other, name, summary if name == "summary" else getattr(run, name))
    return other


def test_a_run_at_a_hundred_columns(runs):
    assert text(run_report(with_summary(runs["adl"], example()))) == WHOLE


def test_a_folder_and_a_run_say_the_same(runs):
    for run in runs.values():
        assert text(run_report(run.path)) == text(run_report(run))


@pytest.mark.parametrize("width", [100, 80, 66, 60, 40, 24])
def test_no_digit_is_cut_at_any_width(runs, width):
    for summary in (example(), runs["carry"].summary, runs["survives"].summary):
        shown = text(layer_table(summary), width)
        assert all(len(line) <= width and line == line.rstrip() for line in shown.splitlines())
        for row in summary.layers:
            for units in (row.before, row.credited, row.drawn, row.after):
                assert currency(summary).plain(units) in shown


def test_words_break_before_the_table_does():
    assert text(layer_table(example()), 67).splitlines()[-2:] == [
        "venue          500.00        0.00     400.00      100.00  minimum",
        "                                                          left",
    ]


def test_verdicts():
    assert verdict_line(calm()) == "0 deficits: the fund SURVIVES; conservation exact"
    covered = example(drawn=DOCUMENT["deficits"]["amount"], severity="0", verdict="survives")
    assert verdict_line(covered) == (
        "13 deficits, covered 100.00 %, severity 0.00: the fund SURVIVES; conservation exact"
    )
    assert verdict_line(example(conservation={"exact": False, "money": "1", "opening": "2"})).endswith(
        "conservation BROKEN"
    )


def test_runs_side_by_side(runs):
    carried = example(
        design={"name": "other", "digest": "0"},
        haircuts={"adl": "0", "adl_money": "0", "socialised_loss": "0"},
        carried="844414",
    )
    shown = text(comparison_table([example(), carried])).splitlines()
    assert shown[0].split() == ["USDC", "example", "other"]
    rows = {line[:22].strip(): line[22:].split() for line in shown}
    assert rows["severity"] == ["8,444.14", "8,444.14"]
    assert rows["bad debt outstanding"] == ["0.00", "8,444.14"]
    assert text(comparison_report([runs["adl"], runs["carry"]])).splitlines()[0].split() == ["USDC", "adl", "carry"]


def test_what_else_differs_is_said():
    other = example(book={"digest": "other", "accounts": 120, "positions": 150})
    assert text(comparison_table([example(), other])).splitlines()[-1] == "not only the designs differ: the book too"


def test_markup_in_names_is_text(runs):
    named = example(path={**DOCUMENT["path"], "name": "[bold]x[/bold]"})
    assert "path [bold]x[/bold]" in text(run_report(with_summary(runs["adl"], named)))


def test_a_folder_without_summary(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        run_report(tmp_path)
