"""Policy table: rows, text and page say the same figures."""

from __future__ import annotations

from html import unescape

from seawall.amounts import Units
from seawall.report.drawing import WIDE
from seawall.report.policy_table import HEADS, PolicyRow, policy_chart, policy_report, policy_rows, render_policies
from seawall.report.terminal import text
from seawall.report.wording import currency


def row(policy: str, severity: int, paid: int, *, design: str = "d", payers: int = 3) -> PolicyRow:
    return PolicyRow(
        design=f"{design}:{policy}",
        policy=policy,
        deficits=Units(severity + 5),
        drawn=Units(5),
        severity=Units(severity),
        haircuts=Units(paid),
        carried=Units(severity - paid),
        payers=payers,
        largest_ppm=612_345,
        top_ten_ppm=1_000_000,
        gini_ppm=333_999,
        largest_payment=Units(paid // 2),
        liquidated=7,
        induced=1,
        overshoot=Units(0),
        placed_ppm=paid * 1_000_000 // severity,
        unrecognised_peak=Units(0),
        conservation_exact=True,
    )


def test_rows_say_who_paid_and_how_evenly(runs):
    summaries = [runs["adl"].summary, runs["carry"].summary]
    rows = [row("adl.talmud", 12_345, 12_000), row("carry", 12_345, 0, payers=0)]
    first, second = policy_rows(rows, summaries)
    assert len(first) == len(HEADS)
    assert first[0] == "adl.talmud" and first[4] == "3" and first[5].startswith("61.23") and first[7] == "0.333"
    money = currency(summaries[0])
    assert (first[1], first[2], first[3]) == (money.plain(12_345), money.plain(12_000), money.plain(345))
    assert second[5:8] == ("-", "-", "-")
    other = [rows[0], row("carry", 9, 0, design="e", payers=0)]
    assert [line[0] for line in policy_rows(other, summaries)] == ["d:adl.talmud", "e:carry"]


def test_terminal_page_and_chart_hold_every_policy(runs):
    summaries = [runs["adl"].summary, runs["carry"].summary]
    rows = [row("adl.talmud", 12_345, 12_000), row("carry", 12_345, 0, payers=0)]
    told = text(policy_report(rows, summaries))
    page = unescape(render_policies(rows, summaries))
    for name in ("adl.talmud", "carry"):
        assert name in told and name in page
    assert page == unescape(render_policies(rows, summaries))
    assert "carry" in policy_chart(rows, summaries).spec(WIDE)["description"]
