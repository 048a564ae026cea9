"""Comparison: several runs on one page and in one table."""

from __future__ import annotations

from html import unescape

import msgspec
import pytest

from seawall.design.errors import BadInput
from seawall.report.comparison import check_comparable, compared, differences, labels
from seawall.report.page import render_comparison
from seawall.report.reading import read_run
from seawall.report.wording import currency
from tests.report.runs import design_text, make_run


def test_a_page_names_every_run_and_its_figures(runs):
    chosen = [runs[name] for name in ("adl", "social", "survives")]
    text = unescape(render_comparison(chosen))
    for run in chosen:
        assert run.design.name in text
        assert currency(run.summary).plain(run.summary.deficits.amount) in text
    assert "Not only the designs differ" not in text
    assert render_comparison(chosen) == render_comparison(chosen)


def test_the_rows_are_the_summaries_figures(runs):
    summaries = [runs["adl"].summary, runs["carry"].summary]
    rows = {row[0]: row[1:] for row in compared(summaries)}
    assert rows["verdict"] == ("exhausted", "exhausted")
    assert rows["severity"] == tuple(currency(s).plain(s.severity) for s in summaries)
    assert rows["bad debt outstanding"] == tuple(currency(s).plain(s.carried) for s in summaries)
    assert rows["deleveraging"][0] == currency(summaries[0]).plain(summaries[0].haircuts.adl)
    assert rows["traders who paid"] == tuple(f"{s.accounts.haircut:,}" for s in summaries)


def test_what_else_differs_is_said(runs, tmp_path):
    other = read_run(make_run(tmp_path / "other", design_text(name="other"), seed=8).path)
    assert differences([runs["adl"].summary, other.summary]) == ["the book"]
    assert "Not only the designs differ: the book too." in render_comparison([runs["adl"], other])


def test_runs_of_one_name_are_told_apart(runs):
    summary = runs["adl"].summary
    named = msgspec.structs.replace(summary, design=msgspec.structs.replace(summary.design, digest="fe" * 32))
    assert labels([summary, named]) == [f"adl {summary.design.digest[:6]}", "adl fefefe"]
    assert len(set(labels([summary, summary]))) == 2


def test_one_run_or_two_assets_cannot_be_compared(runs):
    summary = runs["adl"].summary
    with pytest.raises(BadInput, match="two runs or more"):
        check_comparable([summary])
    euros = msgspec.structs.replace(summary, asset=msgspec.structs.replace(summary.asset, id="EURC"))
    with pytest.raises(BadInput, match="runs in one asset"):
        check_comparable([summary, euros])
