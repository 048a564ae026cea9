"""report: draw a run folder's page and charts again, or set several runs side by side.

Layer    cli; imports report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seawall.cli.console import OK, print_document, stdout
from seawall.cli.documents import WrittenDocument
from seawall.design.errors import BadInput, Problem
from seawall.report.folder import write_report
from seawall.report.page import render_comparison
from seawall.report.reading import read_run
from seawall.report.terminal import comparison_report, run_report


def register(app: typer.Typer) -> None:
    """Add `seawall report`."""

    @app.command("report")
    def report(
        folders: Annotated[list[Path], typer.Argument(help="Run folders: one to draw again, several to compare.")],
        out: Annotated[Path | None, typer.Option(help="Where to write the comparison (.html); for several.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Draw report.html and charts/ of a run again from its logs, or compare several runs on one page."""
        console = stdout()
        if len(folders) == 1:
            if out is not None:
                raise BadInput(Problem("", 0, "--out", "several run folders beside it", "one"))
            write_report(folders[0])
            if as_json:
                print_document(WrittenDocument(path=str(folders[0] / "report.html"), what="report"))
            else:
                console.print(run_report(read_run(folders[0])))
                console.print(f"wrote {folders[0]}/report.html and charts/", markup=False, soft_wrap=True)
            return OK
        runs = [read_run(folder) for folder in folders]
        page = render_comparison(runs)
        if out is not None:
            if out.exists():
                raise BadInput(Problem(str(out), 0, "--out", "a new file", "a file that is there"))
            out.write_text(page, encoding="utf-8")
        if as_json:
            print_document(WrittenDocument(path=str(out or ""), what="comparison"))
            return OK
        console.print(comparison_report(runs))
        if out is not None:
            console.print(f"wrote {out}", markup=False, soft_wrap=True)
        return OK
