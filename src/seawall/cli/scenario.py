"""scenario: run tables of what should happen against the machines, and say where they differ.

Layer    cli; imports scenario.run. The language: docs/reference/scenario.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seawall.cli.console import CHECK_FAILED, OK, print_document, stdout
from seawall.cli.documents import ScenarioCheckRow, ScenarioDocument, ScenarioRow
from seawall.design.errors import BadInput, Problem
from seawall.scenario.run import ScenarioResult, run_scenario


def register(app: typer.Typer) -> None:
    """Add `seawall scenario`."""

    @app.command("scenario")
    def scenario(
        files: Annotated[list[Path], typer.Argument(help="Scenario files (*.scn).")],
        driver: Annotated[
            str | None, typer.Option(help="fund, ledger, venue or kernel; left out: the first that the file lists.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Run scenarios. Exit 1, with wanted and found, when a stated result does not hold."""
        problems: list[Problem] = []
        results: list[ScenarioResult] = []
        for file in files:
            try:
                results.append(run_scenario(file, driver))
            except BadInput as error:
                problems += error.problems
        if problems:
            raise BadInput(problems)
        holds = all(result.ok for result in results)
        if as_json:
            print_document(ScenarioDocument(holds=holds, scenarios=tuple(_row(result) for result in results)))
            return OK if holds else CHECK_FAILED
        console = stdout()
        for result in results:
            verdict = "holds" if result.ok else "FAILS"
            console.print(
                f"{verdict}  {result.file}  {result.title} [{result.driver}, {len(result.checks)} checks]",
                markup=False,
                soft_wrap=True,
            )
            for line in result.lines():
                console.print(f"  {line}", markup=False, soft_wrap=True)
        held = sum(result.ok for result in results)
        console.print(f"{held} of {len(results)} scenarios hold", markup=False)
        return OK if holds else CHECK_FAILED


def _row(result: ScenarioResult) -> ScenarioRow:
    return ScenarioRow(
        file=result.file,
        title=result.title,
        driver=result.driver,
        holds=result.ok,
        checks=tuple(
            ScenarioCheckRow(check.line, check.what, check.wanted, check.found, check.ok) for check in result.checks
        ),
    )
