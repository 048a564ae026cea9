"""demo: real crashes through a linear and an inverse venue, under a fund too small and one large enough.

Layer    cli; imports what `seawall stress` imports, design.presets, stress.generate, report.{comparison,terminal}.
Not here anything that a user cannot do with `new`, `book generate` and `stress`; it prints these commands.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from seawall.amounts import format_decimal
from seawall.cli.console import OK, print_document, progress_bar, stdout
from seawall.cli.documents import DemoDocument
from seawall.design.loader import parse_design
from seawall.design.locator import KeyPath
from seawall.design.presets import preset_text
from seawall.design.writer import TomlValue, set_values
from seawall.report.page import render_comparison
from seawall.report.reading import read_run
from seawall.report.summary import Summary
from seawall.report.terminal import comparison_report
from seawall.stress.books import write_book
from seawall.stress.generate import generate_book
from seawall.stress.paths import read_path
from seawall.stress.run import Inputs, aside, check_out, markets_held, run, write_run

SEED = 7
ACCOUNTS = 5_000


@dataclass(frozen=True, slots=True)
class Crash:
    """A packaged window through one preset's markets, and the book that meets it.

    name       of the files
    funds      the designs' names begin with this
    notional   open interest of the book, asset units, one side
    small_ppm  the small fund holds this part of every layer of the large one
    """

    name: str
    title: str
    preset: str
    funds: str
    window: str
    notional: int
    small_ppm: int = 200_000


CRASHES = (
    Crash("2020-03-12", "12-13 March 2020, BTC, minute bars", "small-perp", "fund", "2020-03-12", 20_000_000),
    Crash(
        "2020-03-12-inverse",
        "12-13 March 2020, inverse BTC contracts settled in coin, minute bars",
        "bitmex-like",
        "coin-fund",
        "2020-03-12",
        30_000,
        small_ppm=20_000,
    ),
    Crash("2025-10-10", "10-11 October 2025, five coins, hourly bars", "small-perp", "fund", "2025-10-10", 10_000_000),
)


def designs(crash: Crash) -> dict[str, str]:
    """A crash's two design files, by name: one preset, once with a part of the money in every layer."""
    large = set_values(preset_text(crash.preset), {("name",): f"{crash.funds}-large"})
    design = parse_design(large, crash.preset)
    parts: dict[KeyPath, TomlValue] = {
        ("layers", i, "balance"): format_decimal(layer.balance * crash.small_ppm // 10**6, design.asset.decimals)
        for i, layer in enumerate(design.layers)
        if layer.balance
    }
    small = set_values(large, {("name",): f"{crash.funds}-small", **parts})
    return {f"{crash.funds}-small": small, f"{crash.funds}-large": large}


def register(app: typer.Typer) -> None:
    """Add `seawall demo`."""

    @app.command("demo")
    def demo(
        out: Annotated[Path, typer.Option(help="A new or empty folder.")] = Path("demo"),
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Run real crashes under a small and a large fund and compare them; under a minute."""
        check_out(out)
        summaries: list[Summary] = []
        console = stdout()
        with aside(out) as folder:
            (folder / "designs").mkdir()
            (folder / "books").mkdir()
            tables = []
            for crash in CRASHES:
                files = designs(crash)
                for name, text in files.items():
                    (folder / "designs" / f"{name}.toml").write_text(text, encoding="utf-8")
                runs = _crash(folder, crash, files, summaries)
                tables.append((crash, comparison_report([read_run(run) for run in runs])))
        if as_json:
            print_document(DemoDocument(folder=str(out), runs=tuple(summaries)))
            return OK
        for crash, table in tables:
            console.print(f"\n{crash.title}: {ACCOUNTS:,} accounts, seed {SEED}", markup=False, style="bold")
            console.print(table)
        console.print(
            f"\nwrote {out}/: open {out}/2025-10-10.html, or any {out}/runs/*/report.html in a browser\n"
            f"next:  edit {out}/designs/fund-small.toml, then (after `make demo`, seawall is .venv/bin/seawall)\n"
            f"  seawall stress {out}/designs/fund-small.toml --book {out}/books/2025-10-10.parquet "
            f"--path 2025-10-10 --out my-run",
            markup=False,
            soft_wrap=True,
        )
        return OK


def _crash(folder: Path, crash: Crash, files: dict[str, str], summaries: list[Summary]) -> list[Path]:
    """Both designs through one crash; returns the run folders."""
    runs = []
    for name, text in files.items():
        design = parse_design(text, f"{name}.toml")
        prices = read_path(crash.window, design, intrabar="low_first", markets_needed=())
        book = generate_book(
            design,
            accounts=ACCOUNTS,
            seed=SEED,
            prices=prices.first_ticks,
            notional_units=crash.notional * 10**design.asset.decimals,
        )
        file = folder / "books" / f"{crash.name}.parquet"
        if not file.exists():
            write_book(book, file)
        path = read_path(crash.window, design, intrabar="low_first", markets_needed=sorted(markets_held(book)))
        inputs = Inputs(design, text, book, path, SEED)
        target = folder / "runs" / f"{crash.name}-{name}"
        target.mkdir(parents=True)
        began = time.monotonic()
        with progress_bar(f"{crash.name} {name}") as progress:
            finished = run(inputs, progress)
        write_run(finished, inputs, target, ("demo",), time.monotonic() - began)
        summaries.append(finished.summary)
        runs.append(target)
    page = render_comparison([read_run(run) for run in runs])
    (folder / f"{crash.name}.html").write_text(page, encoding="utf-8")
    return runs
