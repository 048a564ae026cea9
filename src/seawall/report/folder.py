"""Folder: what report adds to a run folder: the page and the charts.

Layer    report; imports report.{charts,drawing,page,reading}. Called by stress.run and the CLI.
Not here reading a folder (report.reading, whose names are passed on here), the flat tables (report.tables).
Held to  this by tests/report/test_page.py: the same folder gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from seawall.report.charts import run_charts
from seawall.report.drawing import PICTURE, WIDE, png, svg_file
from seawall.report.page import render_page
from seawall.report.reading import RunFolder, read_run

__all__ = ["RunFolder", "read_run", "write_report"]


def write_report(folder: Path) -> None:
    """Write report.html, charts/*.svg and charts/*.png into a run folder, over what is there.

    Errors  BadInput when the folder is no run (report.reading); OSError.
    """
    run = read_run(folder)
    (folder / "report.html").write_text(render_page(run), encoding="utf-8")
    charts = folder / "charts"
    charts.mkdir(exist_ok=True)
    for chart in run_charts(run):
        (charts / f"{chart.name}.svg").write_text(svg_file(chart.spec(WIDE), chart.name), encoding="utf-8")
        (charts / f"{chart.name}.png").write_bytes(png(chart.spec(PICTURE)))
