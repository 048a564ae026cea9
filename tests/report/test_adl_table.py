"""ADL table: text and chart hold every policy and every group."""

from __future__ import annotations

from seawall.amounts import Units
from seawall.report.adl_table import GROUPS, AdlRow, adl_chart, adl_report
from seawall.report.drawing import NARROW, WIDE
from seawall.report.terminal import text
from seawall.report.wording import Currency


def row(policy: str, groups: tuple[int, ...]) -> AdlRow:
    return AdlRow(
        policy=policy,
        paid=Units(sum(groups)),
        carried=Units(0),
        overshoot_whole=Units(12),
        payers=4,
        largest_ppm=500_000,
        top_ten_ppm=1_000_000,
        gini_ppm=250_500,
        deepest_ppm=750_001,
        groups_units=tuple(map(Units, groups)),
    )


def test_every_policy_stands_in_the_table_and_its_groups_in_the_chart():
    rows = [row("cea", (700, 200, 90, 10)), row("cel", (250, 250, 250, 250))]
    money = Currency("USDC", 2)
    told = text(adl_report(rows, money))
    assert "cea" in told and "0.250" in told and "75.00 %" in told and "0.12" in told
    for frame in (WIDE, NARROW):
        spec = adl_chart(rows, money).spec(frame)
        values = spec["layer"][0]["data"]["values"]
        assert len(values) == 2 * len(GROUPS)
        assert sum(value["value"] for value in values if value["row"] == 0) == 10.0
        assert all(group in spec["description"] for group in GROUPS)
