"""verify: recompute a run folder from its logs, and say whether it is what it claims.

Layer    cli; imports stress.verify.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seawall.cli.console import CHECK_FAILED, OK, print_document, stdout
from seawall.cli.documents import VerifyDocument, VerifyRow
from seawall.stress.verify import verify as verify_folder


def register(app: typer.Typer) -> None:
    """Add `seawall verify`."""

    @app.command("verify")
    def verify(
        folder: Annotated[Path, typer.Argument(help="A folder that `seawall stress` wrote.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Check chains, invariants, balances, tables and summary. Exit 1 naming the first thing that does not hold."""
        checks = verify_folder(folder)
        holds = all(not check.problem for check in checks)
        if as_json:
            rows = tuple(VerifyRow(check.what, check.detail, check.problem) for check in checks)
            print_document(VerifyDocument(folder=str(folder), holds=holds, checks=rows))
            return OK if holds else CHECK_FAILED
        console = stdout()
        for check in checks:
            verdict = f"BROKEN: {check.problem}" if check.problem else "holds"
            console.print(f"{check.what:<22} {check.detail}: {verdict}", markup=False, soft_wrap=True)
        console.print("verified: everything holds" if holds else "NOT verified", markup=False)
        return OK if holds else CHECK_FAILED
