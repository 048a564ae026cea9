"""stress: run a book through a crash under a design, and write the folder that shows who paid.

Layer    cli; imports stress.{books,paths,run}, design, report.terminal.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from seawall.amounts import PPM
from seawall.cli.console import CHECK_FAILED, OK, print_document, progress_bar, stdout
from seawall.cli.stress_scan import check_flags, run_bracket, run_reverse
from seawall.design.errors import BadInput, Problem
from seawall.design.loader import load_design, parse_design
from seawall.design.types import Design
from seawall.design.writer import set_values
from seawall.report.terminal import run_report
from seawall.stress.books import read_book
from seawall.stress.paths import read_path, window_names
from seawall.stress.run import Finished, Inputs, aside, check_out, markets_held, run, write_run
from seawall.stress.screened import SCANS

Intrabar = Literal["low_first", "high_first"]


def register(app: typer.Typer) -> None:
    """Add `seawall stress`."""

    @app.command("stress")
    def stress(
        design: Annotated[Path, typer.Argument(help="The fund-design file (TOML).")],
        book: Annotated[Path, typer.Option(help="The book of accounts (.csv or .parquet).")],
        path: Annotated[
            str,
            typer.Option(
                help=f"Prices: a packaged window ({', '.join(window_names())}), candles (.csv, .parquet) "
                "or a shock vector (.toml)."
            ),
        ],
        out: Annotated[Path, typer.Option(help="A new or empty folder for everything that came of it.")],
        seed: Annotated[int, typer.Option(help="Recorded with the run; this version draws nothing.")] = 0,
        intrabar: Annotated[
            str, typer.Option(help="Which extreme of a bar comes first: low_first or high_first.")
        ] = "low_first",
        pass_through_ppm: Annotated[
            int | None, typer.Option(help="In place of the design's: how far own sales move the next mark.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON document.")] = False,
        require_survival: Annotated[
            bool, typer.Option("--require-survival", help="Exit 1 when layers did not cover every deficit.")
        ] = False,
        scan: Annotated[
            str,
            typer.Option(
                help="How accounts are scanned: exact, kernel, or auto (by the book's size); changes no byte."
            ),
        ] = "auto",
        bracket: Annotated[
            bool, typer.Option("--bracket", help="Run prices as they are, counted twice, and with own impact removed.")
        ] = False,
        reverse: Annotated[
            bool, typer.Option("--reverse", help="Run multiples of the path's moves: at which does a layer end?")
        ] = False,
        reverse_max_ppm: Annotated[
            int | None, typer.Option(help="The largest multiple of --reverse; left out: 2000000, twice the moves.")
        ] = None,
        reverse_step_ppm: Annotated[
            int | None, typer.Option(help="The step between multiples of --reverse; left out: 100000.")
        ] = None,
    ) -> int:
        """Run a book through a price path; write events, tables, charts and a page; say whether the fund survives."""
        check_out(out)
        check_flags(bracket, reverse, reverse_max_ppm, reverse_step_ppm, require_survival)
        way = next((one for one in SCANS if one == scan), None)
        if way is None:
            raise BadInput(Problem("", 0, "--scan", "auto, exact or kernel", scan))
        inputs = read_inputs(design, book, path, seed, intrabar, pass_through_ppm)
        if bracket:
            return run_bracket(inputs, out, sys.argv[1:], as_json, require_survival)
        if reverse:
            return run_reverse(inputs, path, out, reverse_max_ppm, reverse_step_ppm, as_json)
        began = time.monotonic()
        with progress_bar(f"stress {inputs.design.name}") as progress, aside(out) as folder:
            finished = run(inputs, progress, way)
            write_run(finished, inputs, folder, sys.argv[1:], time.monotonic() - began)
        show(finished, out, as_json)
        return CHECK_FAILED if require_survival and finished.summary.verdict != "survives" else OK


def read_inputs(design: Path, book: Path, path: str, seed: int, intrabar: str, pass_through_ppm: int | None) -> Inputs:
    """Read and check everything a run depends on. Errors: BadInput."""
    order: Intrabar
    if intrabar == "low_first":
        order = "low_first"
    elif intrabar == "high_first":
        order = "high_first"
    else:
        raise BadInput(Problem("", 0, "--intrabar", "low_first or high_first", intrabar))
    if not 0 <= seed < 2**53:
        raise BadInput(Problem("", 0, "--seed", "0 to 2^53 - 1", str(seed)))
    parsed: Design = load_design(design)
    text = design.read_text(encoding="utf-8")
    if pass_through_ppm is not None:
        if not 0 <= pass_through_ppm <= PPM:
            raise BadInput(Problem("", 0, "--pass-through-ppm", f"0 to {PPM}", str(pass_through_ppm)))
        text = set_values(text, {("stress", "pass_through_ppm"): pass_through_ppm})
        parsed = parse_design(text, str(design))
    accounts = read_book(book, parsed)
    prices = read_path(path, parsed, intrabar=order, markets_needed=sorted(markets_held(accounts)))
    return Inputs(parsed, text, accounts, prices, seed)


def show(finished: Finished, out: Path, as_json: bool) -> None:
    """The result: one document, or a table, a verdict and where everything is."""
    if as_json:
        print_document(finished.summary)
        return
    console = stdout()
    console.print(run_report(out))
    console.print(f"wrote {out}/: report.html summary.json events.jsonl *.parquet charts/", markup=False)
