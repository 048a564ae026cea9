"""seawall stress, verify, explain, report: one run, from files to files."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from seawall.stress.verify import digest_files
from tests.cli.conftest import Seawall

FILES = {
    "book.parquet",
    "deficits.parquet",
    "design.toml",
    "draws.parquet",
    "events.jsonl",
    "haircuts.parquet",
    "liquidations.parquet",
    "report.html",
    "run.json",
    "steps.parquet",
    "summary.json",
    "venue.jsonl",
}


@pytest.fixture
def run(seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path) -> Path:
    out = tmp_path / "run"
    done = seawall("stress", design, "--book", book, "--path", shock, "--out", out, "--seed", 7)
    assert done.code == 0, done.err
    assert done.err == ""  # no progress bar where stderr is no terminal
    return out


def test_a_run_writes_its_folder_and_says_who_paid(run: Path, seawall: Seawall) -> None:
    assert {path.name for path in run.iterdir() if path.is_file()} == FILES
    assert any((run / "charts").glob("*.png"))
    summary = json.loads((run / "summary.json").read_text())
    assert summary["schema"] == "seawall.stress.summary/1"
    assert summary["accounts"]["liquidated"] == 2
    assert summary["conservation"]["exact"] is True


def test_same_inputs_give_the_same_bytes_in_everything_but_run_json(
    run: Path, seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    assert seawall("stress", design, "--book", book, "--path", shock, "--out", again, "--seed", 7).code == 0
    assert digest_files(again) == digest_files(run)


def test_the_json_document_is_the_summary_file(
    run: Path, seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    done = seawall(
        "stress", design, "--book", book, "--path", shock, "--out", tmp_path / "again", "--seed", 7, "--json"
    )
    assert done.document == json.loads((run / "summary.json").read_text())


def test_require_survival_exits_1_when_severity_is_left(
    seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    poor = tmp_path / "poor.toml"
    lines = [line for line in design.read_text().splitlines() if not line.startswith("balance")]
    poor.write_text("\n".join(lines))
    arguments = ("--book", book, "--path", shock)
    done = seawall("stress", poor, *arguments, "--out", tmp_path / "a", "--require-survival", "--json")
    assert done.document["verdict"] == "exhausted"
    assert done.code == 1
    assert seawall("stress", poor, *arguments, "--out", tmp_path / "b").code == 0
    assert seawall("stress", design, *arguments, "--out", tmp_path / "c", "--require-survival").code == 0


def test_verify_holds_and_every_damaged_file_is_named(run: Path, seawall: Seawall) -> None:
    done = seawall("verify", run, "--json")
    assert done.code == 0
    assert done.document["holds"] is True
    for name in ("events.jsonl", "venue.jsonl"):
        data = (run / name).read_bytes()
        lines = data.splitlines(keepends=True)
        (run / name).write_bytes(b"".join([lines[0].replace(b'"seq":1', b'"seq":9'), *lines[1:]]))
        done = seawall("verify", run)
        assert done.code == 1
        assert f"{name}" in done.out and "BROKEN: record 1" in done.out
        (run / name).write_bytes(data)
    draws = run / "draws.parquet"
    table = pl.read_parquet(draws)
    table.head(max(0, table.height - 1)).write_parquet(draws)
    done = seawall("verify", run)
    assert done.code == 1
    assert "draws.parquet" in done.out and "rows differ from the logs" in done.out


def test_verify_takes_a_fund_log_alone(run: Path, seawall: Seawall, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "events.jsonl").write_bytes((run / "events.jsonl").read_bytes())
    assert seawall("verify", alone).code == 0


def test_explain_says_why_and_at_what_price(run: Path, seawall: Seawall) -> None:
    done = seawall("explain", run, "long1")
    assert done.code == 0
    assert "liquidated" in done.out and "BTC-PERP" in done.out
    assert seawall("explain", run, "long1", "--json").document["account"] == "long1"
    done = seawall("explain", run, "long9")
    assert done.code == 2
    assert "long9" in done.err


def test_report_draws_the_same_page_again(run: Path, seawall: Seawall) -> None:
    before = digest_files(run)
    (run / "report.html").unlink()
    assert seawall("report", run).code == 0
    assert digest_files(run) == before


def test_report_sets_runs_side_by_side(
    run: Path, seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    done = seawall("stress", design, "--book", book, "--path", shock, "--out", other, "--pass-through-ppm", 1_000_000)
    assert done.code == 0
    page = tmp_path / "compare.html"
    done = seawall("report", run, other, "--out", page)
    assert done.code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert json.loads((other / "summary.json").read_text())["pass_through_ppm"] == 1_000_000
    assert seawall("verify", other).code == 0


def test_how_accounts_are_scanned_changes_no_byte_and_is_one_of_three(
    run: Path, seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    arguments = ("stress", design, "--book", book, "--path", shock, "--seed", 7)
    for scan in ("exact", "kernel"):
        assert seawall(*arguments, "--out", tmp_path / scan, "--scan", scan).code == 0
        assert digest_files(tmp_path / scan) == digest_files(run)
    done = seawall(*arguments, "--out", tmp_path / "x", "--scan", "quick")
    assert done.code == 2 and "--scan: wanted auto, exact or kernel; found quick" in done.err
    assert not (tmp_path / "x").exists()
