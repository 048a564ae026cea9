"""explain: what happened to one account in a run, and why.

Layer    cli; imports report.explain.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seawall.amounts import AmountError, check_id
from seawall.cli.console import OK, print_document, stdout
from seawall.cli.documents import ExplainDocument
from seawall.design.errors import BadInput, Problem
from seawall.report.explain import explain as explain_account


def register(app: typer.Typer) -> None:
    """Add `seawall explain`."""

    @app.command("explain")
    def explain(
        folder: Annotated[Path, typer.Argument(help="A folder that `seawall stress` wrote.")],
        account: Annotated[str, typer.Argument(help="The account's id.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Say why an account was liquidated, at what price, who paid; or what it paid for others."""
        try:
            check_id(account)
        except AmountError as error:
            raise BadInput(Problem("", 0, "ACCOUNT", error.wanted, error.found, "SPEC 1")) from None
        found = explain_account(folder, account)
        if as_json:
            print_document(ExplainDocument(account=account, lines=tuple(found.lines()), facts=found.facts()))
            return OK
        console = stdout()
        for line in found.lines():
            console.print(line, markup=False, soft_wrap=True)
        return OK
