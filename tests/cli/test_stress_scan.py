"""seawall stress --bracket and --reverse: one document, one table, files that can be read again."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from seawall.stress.verify import digest_files
from tests.cli.conftest import SHOCK, Seawall

CANDLES = "t_ms,symbol,open,high,low,close\n0,BTC,100000,100000,100000,100000\n60000,BTC,100000,104000,90000,95000\n"


def test_bracket_writes_three_runs_that_verify(
    seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("stress", design, "--book", book, "--path", shock, "--bracket", "--pass-through-ppm", 400_000)
    done = seawall(*words, "--out", out, "--json")
    assert done.code == 0, done.err
    assert done.document == json.loads((out / "bracket.json").read_text())
    assert done.document["schema"] == "seawall.bracket/1"
    assert {path.name for path in out.iterdir()} == {"as-they-are", "counted-twice", "own-removed", "bracket.json"}
    for row, summary in zip(done.document["rows"], done.document["runs"], strict=True):  # type: ignore[call-overload]
        folder = out / row["case"].replace("_", "-")
        assert seawall("verify", folder).code == 0
        assert json.loads((folder / "summary.json").read_text()) == summary
        assert row["amount"] == summary["deficits"]["amount"]
    alone = tmp_path / "alone"
    assert seawall(*words[:6], "--out", alone, "--pass-through-ppm", 400_000).code == 0
    assert digest_files(alone) == digest_files(out / "counted-twice")
    again = seawall(*words, "--out", tmp_path / "again")
    assert again.code == 0 and "counted twice" in again.out and "taken out: BTC-PERP at" in again.out
    assert digest_files(tmp_path / "again") == digest_files(out)


def test_bracket_exits_1_when_survival_is_required_and_one_case_does_not(
    seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    poor = tmp_path / "poor.toml"
    poor.write_text("\n".join(line for line in design.read_text().splitlines() if not line.startswith("balance")))
    words = ("--book", book, "--path", shock, "--bracket", "--pass-through-ppm", 400_000, "--require-survival")
    assert seawall("stress", poor, *words, "--out", tmp_path / "a").code == 1
    assert seawall("stress", poor, *words[:-1], "--out", tmp_path / "c").code == 0
    assert seawall("stress", design, *words, "--out", tmp_path / "b").code == 0


def test_reverse_over_a_shock_is_every_shock_run_by_itself(
    seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    lines = [line for line in design.read_text().splitlines() if not line.startswith("minimum_left")]
    design.write_text("\n".join('balance = "500"' if line.startswith("balance") else line for line in lines))
    words = ("stress", design, "--book", book, "--path", shock, "--reverse", "--reverse-max-ppm", 3_000_000)
    done = seawall(*words, "--reverse-step-ppm", 500_000, "--out", out, "--json")
    assert done.code == 0, done.err
    document = done.document
    assert document == json.loads((out / "reverse.json").read_text()) and document["schema"] == "seawall.reverse/1"
    assert {path.name for path in out.iterdir()} == {"reverse.json", "scan.csv", "scan.parquet"}
    scan = document["scan"]
    assert isinstance(scan, list) and [row["multiple_ppm"] for row in scan] == list(range(0, 3_000_001, 500_000))
    for row in scan:
        multiple = row["multiple_ppm"]
        own = tmp_path / f"{multiple}.toml"
        text = SHOCK.replace("-20000 ", f"{-20_000 * multiple // 10**6} ")
        own.write_text(text.replace("-100000 ", f"{-100_000 * multiple // 10**6} "), encoding="utf-8")
        alone = tmp_path / f"run-{multiple}"
        summary = seawall("stress", design, "--book", book, "--path", own, "--out", alone, "--json").document
        assert (row["amount"], row["severity"]) == (summary["deficits"]["amount"], summary["severity"])  # type: ignore[index]
        draws = pl.read_parquet(alone / "draws.parquet").filter(pl.col("bound_by").is_in(["capacity", "minimum_left"]))
        assert set(row["layers_ended"]) == set(draws["layer"].to_list())
    assert any(row["layers_ended"] for row in scan) and any(row["amount"] != "0" for row in scan)
    table = pl.read_parquet(out / "scan.parquet")
    assert table.height == len(scan) == pl.read_csv(out / "scan.csv").height
    assert [str(units) for units in table["amount"].to_list()] == [row["amount"] for row in scan]


def test_reverse_over_bars_runs_both_orders(seawall: Seawall, design: Path, book: Path, tmp_path: Path) -> None:
    bars = tmp_path / "bars.csv"
    bars.write_text(CANDLES, encoding="utf-8")
    words = ("stress", design, "--book", book, "--path", bars, "--reverse", "--reverse-step-ppm", 1_000_000)
    done = seawall(*words, "--out", tmp_path / "a", "--json", "--intrabar", "high_first")
    assert done.code == 0, done.err
    scan = done.document["scan"]
    assert isinstance(scan, list)
    assert [(row["intrabar"], row["multiple_ppm"]) for row in scan] == [
        (order, multiple) for order in ("low_first", "high_first") for multiple in (0, 1_000_000, 2_000_000)
    ]
    for row in (row for row in scan if row["multiple_ppm"] == 1_000_000):
        own = ("stress", design, "--book", book, "--path", bars, "--intrabar", row["intrabar"])
        summary = seawall(*own, "--out", tmp_path / row["intrabar"], "--json").document
        assert (row["amount"], row["drawn"]) == (summary["deficits"]["amount"], summary["drawn"])  # type: ignore[index]
    told = seawall(*words, "--out", tmp_path / "b")
    assert told.code == 0 and "low_first" in told.out and "high_first" in told.out
    assert digest_files(tmp_path / "a") == digest_files(tmp_path / "b")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--reverse", "--bracket"), ("--reverse", "both")),
        (("--bracket",), ("--bracket", "pass_through_ppm above 0")),
        (("--reverse", "--require-survival"), ("--require-survival",)),
        (("--reverse-max-ppm", 5), ("--reverse-max-ppm", "--reverse beside it")),
        (("--bracket", "--pass-through-ppm", 5, "--reverse-step-ppm", 5), ("--reverse-step-ppm",)),
        (("--reverse", "--reverse-max-ppm", 0), ("--reverse-max-ppm", "found 0")),
        (("--reverse", "--reverse-step-ppm", 0), ("--reverse-step-ppm", "found 0")),
        (("--reverse", "--reverse-step-ppm", 1), ("--reverse-step-ppm", "at most 1000 multiples")),
        (("--reverse", "--reverse-max-ppm", "two"), ("--reverse-max-ppm", "integer")),
    ],
)
def test_bad_flags_are_one_line_and_nothing_is_written(
    flags: tuple[object, ...],
    words: tuple[str, ...],
    seawall: Seawall,
    design: Path,
    book: Path,
    shock: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    done = seawall("stress", design, "--book", book, "--path", shock, "--out", out, *flags)
    assert done.code == 2 and not out.exists()
    assert len(done.err.strip().splitlines()) <= 2
    for word in words:
        assert word in done.err


def test_a_small_maximum_alone_is_a_scan_of_two(
    seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    words = ("stress", design, "--book", book, "--path", shock, "--reverse", "--reverse-max-ppm", 50_000)
    done = seawall(*words, "--out", tmp_path / "out", "--json")
    assert done.code == 0 and [row["multiple_ppm"] for row in done.document["scan"]] == [0, 50_000]  # type: ignore[attr-defined]
