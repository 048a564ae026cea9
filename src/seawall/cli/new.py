"""new: write a fund-design file from a preset, to be edited.

Layer    cli; imports design.presets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seawall.cli.console import OK, print_document, stdout
from seawall.cli.documents import WrittenDocument
from seawall.design.errors import BadInput, Problem
from seawall.design.presets import preset_names, preset_text


def register(app: typer.Typer) -> None:
    """Add `seawall new`."""

    @app.command("new")
    def new(
        preset: Annotated[str, typer.Argument(help="Which preset: " + ", ".join(preset_names()) + ".")] = "small-perp",
        out: Annotated[Path | None, typer.Option(help="Where to write it. Left out: printed.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document (with --out).")] = False,
    ) -> int:
        """Write a commented fund-design file to start from."""
        if preset not in preset_names():
            raise BadInput(Problem("", 0, "preset", f"one of {', '.join(preset_names())}", preset))
        text = preset_text(preset)
        if out is None:
            if as_json:
                raise BadInput(Problem("", 0, "--json", "--out FILE beside it", "no --out"))
            typer.echo(text, nl=False)
            return OK
        if out.exists():
            raise BadInput(Problem(str(out), 0, "--out", "a new file", "a file that is there", hint="nothing written"))
        out.write_text(text, encoding="utf-8")
        if as_json:
            print_document(WrittenDocument(path=str(out), what="design"))
        else:
            stdout().print(f"wrote {out}: edit it, then `seawall check {out}`", markup=False)
        return OK
