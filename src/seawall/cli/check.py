"""check: read a design file, say in plain words what it does, and warn of what is unsafe.

Layer    cli; imports design.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from seawall.cli.console import OK, print_document, stdout
from seawall.cli.documents import CheckDocument, WarningRow
from seawall.design import design_digest, load_design
from seawall.design.checks import warnings
from seawall.design.errors import BadInput, Problem
from seawall.design.explain import explain
from seawall.design.schema import design_json_schema


def register(app: typer.Typer) -> None:
    """Add `seawall check`."""

    @app.command("check")
    def check(
        design: Annotated[Path | None, typer.Argument(help="The fund-design file (TOML).")] = None,
        schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a design file.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Explain a design in plain words and warn of unsafe ones. Exit 2 when it cannot be used."""
        if schema:
            typer.echo(json.dumps(design_json_schema(), indent=2))
            return OK
        if design is None:
            raise BadInput(Problem("", 0, "DESIGN", "a fund-design file", "none"))
        parsed = load_design(design)
        found = warnings(parsed)
        if as_json:
            print_document(
                CheckDocument(
                    design=parsed.name,
                    digest=design_digest(parsed),
                    explanation=tuple(explain(parsed)),
                    warnings=tuple(WarningRow(w.field, w.text, w.rule) for w in found),
                )
            )
            return OK
        console = stdout()
        for line in explain(parsed):
            console.print(line, markup=False)
        for warning in found:
            console.print(f"warning: {warning.field}: {warning.text} ({warning.rule})", markup=False, style="yellow")
        count = f"{len(found) or 'no'} warning{'' if len(found) == 1 else 's'}"
        console.print(f"design {parsed.name} {design_digest(parsed)[:12]}: valid, {count}", markup=False)
        return OK
