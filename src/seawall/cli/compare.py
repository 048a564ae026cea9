"""compare: the same crash under several designs, and each design under several exhaustion policies.

Layer    cli; imports what `seawall stress` imports, stress.policies, report.policy_table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seawall.cli.console import OK, print_document, progress_bar, stdout
from seawall.cli.documents import CompareDocument
from seawall.cli.stress import read_inputs
from seawall.design.errors import BadInput, Problem
from seawall.design.loader import parse_design
from seawall.report.drawing import PICTURE, WIDE, png, svg_file
from seawall.report.policy_table import PolicyRow, policy_chart, policy_report, render_policies
from seawall.report.summary import Summary
from seawall.stress.policies import chosen, policy_row, variant
from seawall.stress.run import Inputs, aside, check_out, encode_document, run


def register(app: typer.Typer) -> None:
    """Add `seawall compare`."""

    @app.command("compare")
    def compare(
        designs: Annotated[list[Path], typer.Argument(help="Fund-design files (TOML), in one asset.")],
        book: Annotated[Path, typer.Option(help="The book of accounts (.csv or .parquet).")],
        path: Annotated[str, typer.Option(help="Prices: a packaged window, candles or a shock vector.")],
        out: Annotated[Path, typer.Option(help="A new or empty folder for table, chart and page.")],
        policies: Annotated[
            str, typer.Option(help="all, adl, socialised, or names by commas; left out: each design's own.")
        ] = "",
        intrabar: Annotated[str, typer.Option(help="low_first or high_first.")] = "low_first",
        seed: Annotated[int, typer.Option(help="Recorded with the runs.")] = 0,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Run one crash under every policy, and say who paid under each, and how evenly."""
        check_out(out)
        inputs = [read_inputs(design, book, path, seed, intrabar, None) for design in designs]
        assets = {(each.design.asset.id, each.design.asset.decimals) for each in inputs}
        if len(assets) > 1:
            raise BadInput(
                Problem("", 0, "designs", "designs in one asset", ", ".join(name for name, _ in sorted(assets)))
            )
        planned = [pair for each in inputs for pair in variants(each, policies)]
        rows: list[PolicyRow] = []
        summaries: list[Summary] = []
        with progress_bar("compare", "runs") as progress:
            for done, (policy, one) in enumerate(planned):
                progress(done, len(planned))
                finished = run(one)
                rows.append(policy_row(policy, finished))
                summaries.append(finished.summary)
        document = CompareDocument(rows=tuple(rows), runs=tuple(summaries))
        with aside(out) as folder:
            chart = policy_chart(rows, summaries)
            (folder / "comparison.json").write_bytes(encode_document(document))
            (folder / "comparison.html").write_text(render_policies(rows, summaries), encoding="utf-8")
            (folder / "policies.svg").write_text(svg_file(chart.spec(WIDE), chart.name), encoding="utf-8")
            (folder / "policies.png").write_bytes(png(chart.spec(PICTURE)))
        if as_json:
            print_document(document)
            return OK
        console = stdout()
        console.print(policy_report(rows, summaries))
        console.print(f"wrote {out}/: comparison.html comparison.json policies.svg policies.png", markup=False)
        return OK


def variants(inputs: Inputs, policies: str) -> list[tuple[str, Inputs]]:
    """(policy, inputs) of each run: the design's own policy, or the ones asked for. Errors: BadInput."""
    design = inputs.design
    if not policies:
        own = design.exhaustion
        kind = {"adl": f"adl.{own.adl_ranking}", "socialised_loss": f"socialised.{own.socialised_base}"}
        return [(kind.get(own.policy, own.policy), inputs)]
    planned = []
    for policy in chosen(policies):
        text = variant(inputs.design_text, design.name, policy)
        other = parse_design(text, f"{design.name} under {policy}")
        planned.append((policy, Inputs(other, text, inputs.book, inputs.path, inputs.seed)))
    return planned
