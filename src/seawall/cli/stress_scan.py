"""stress_scan: `seawall stress --bracket` and `--reverse`: one book and path run several times, and one table.

Layer    cli; imports stress.{bracket,reverse,run}, report.{bracket_table,reverse_table}. Called by cli.stress.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seawall.amounts import PPM
from seawall.cli.console import CHECK_FAILED, OK, print_document, progress_bar, stdout
from seawall.cli.documents import BracketDocument, ReverseDocument
from seawall.design.errors import BadInput, Problem
from seawall.design.loader import design_digest
from seawall.report.bracket_table import CASES, BracketRow, bracket_report, folder_name
from seawall.report.reverse_table import reverse_report, scan_table
from seawall.report.summary import AssetName, DesignName, Summary
from seawall.stress.bracket import bracket, check_bracket
from seawall.stress.paths import read_path
from seawall.stress.reverse import multiples, outcomes, scan
from seawall.stress.run import Inputs, aside, encode_document, markets_held, write_run
from seawall.stress.summary import named

DEFAULT_MAX_PPM, DEFAULT_STEP_PPM = 2 * PPM, PPM // 10
"""Multiples of a scan where none are stated: 0 to 2.0 by 0.1."""


def check_flags(bracketed: bool, reversed_: bool, max_ppm: int | None, step_ppm: int | None, survival: bool) -> None:
    """Refuse flags that do not go together. Errors: BadInput."""
    if bracketed and reversed_:
        raise BadInput(Problem("", 0, "--reverse", "one of --bracket and --reverse", "both"))
    if reversed_ and survival:
        raise BadInput(Problem("", 0, "--require-survival", "a run, or --bracket", "--reverse: no one verdict"))
    for name, value in (("--reverse-max-ppm", max_ppm), ("--reverse-step-ppm", step_ppm)):
        if value is not None and not reversed_:
            raise BadInput(Problem("", 0, name, "--reverse beside it", "none"))


def run_bracket(inputs: Inputs, out: Path, command: Sequence[str], as_json: bool, require_survival: bool) -> int:
    """Run the three cases, write a run folder each and bracket.json, print the table."""
    check_bracket(inputs)
    rows: list[BracketRow] = []
    summaries: list[Summary] = []
    with progress_bar(f"bracket {inputs.design.name}", "runs") as progress, aside(out) as folder:
        progress(0, len(CASES))
        began = time.monotonic()
        for case in bracket(inputs):
            own = folder / folder_name(case.row.case)
            own.mkdir()
            write_run(case.finished, case.inputs, own, command, time.monotonic() - began)
            rows.append(case.row)
            summaries.append(case.finished.summary)
            progress(len(rows), len(CASES))
            began = time.monotonic()
        document = BracketDocument(rows=tuple(rows), runs=tuple(summaries))
        (folder / "bracket.json").write_bytes(encode_document(document))
    if as_json:
        print_document(document)
    else:
        console = stdout()
        console.print(bracket_report(rows, summaries))
        names = " ".join(f"{folder_name(case)}/" for case in CASES)
        console.print(f"wrote {out}/: {names} bracket.json", markup=False)
    survived = all(summary.verdict == "survives" for summary in summaries)
    return CHECK_FAILED if require_survival and not survived else OK


def run_reverse(inputs: Inputs, path: str, out: Path, max_ppm: int | None, step_ppm: int | None, as_json: bool) -> int:
    """Run every multiple under every intrabar order, write the scan as JSON, CSV and Parquet, print the table."""
    most = DEFAULT_MAX_PPM if max_ppm is None else max_ppm
    step = min(DEFAULT_STEP_PPM, max(1, most)) if step_ppm is None else step_ppm
    planned = multiples(step, most)
    orders = intrabar_orders(inputs, path)
    design = inputs.design
    with progress_bar(f"reverse {design.name}", "runs") as progress, aside(out) as folder:
        rows = scan(orders, planned, progress)
        found = outcomes(design, rows)
        document = ReverseDocument(
            design=DesignName(design.name, design_digest(design)),
            asset=AssetName(design.asset.id, design.asset.decimals),
            book_digest=inputs.book.digest(),
            paths=tuple(named(each.path) for each in orders),
            seed=inputs.seed,
            pass_through_ppm=design.stress.pass_through_ppm,
            step_ppm=step,
            max_ppm=most,
            outcomes=found,
            scan=rows,
        )
        (folder / "reverse.json").write_bytes(encode_document(document))
        table = scan_table(rows)
        table.write_csv(folder / "scan.csv")
        table.write_parquet(folder / "scan.parquet", compression="zstd", compression_level=3, statistics=False)
    if as_json:
        print_document(document)
        return OK
    console = stdout()
    console.print(reverse_report(found, design.exhaustion.policy, step, most))
    console.print(f"wrote {out}/: reverse.json scan.csv scan.parquet", markup=False)
    return OK


def intrabar_orders(inputs: Inputs, path: str) -> list[Inputs]:
    """The inputs under both orders of a bar's extremes; alone where the path is not made of bars. Errors: BadInput."""
    if inputs.path.intrabar == "none":
        return [inputs]
    needed = sorted(markets_held(inputs.book))
    return [
        replace(inputs, path=read_path(path, inputs.design, intrabar="low_first", markets_needed=needed)),
        replace(inputs, path=read_path(path, inputs.design, intrabar="high_first", markets_needed=needed)),
    ]
