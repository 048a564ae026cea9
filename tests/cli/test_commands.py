"""new, check, book, scenario, help: every command answers as the documents say."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from seawall.cli.documents import DOCUMENTS, json_schema
from seawall.design.presets import preset_names
from tests.cli.conftest import Seawall

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_can_be_written_checked_and_is_valid_by_its_own_schema(
    preset: str, seawall: Seawall, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    assert seawall("new", preset, "--out", file, "--json").document["path"] == str(file)
    done = seawall("check", file, "--json")
    assert done.code == 0
    found = done.document["warnings"]
    assert isinstance(found, list)
    assert (found == []) == (preset in {"ccp-waterfall", "clearing-house", "paradex-like", "small-perp"})
    shown = seawall("check", file).out
    assert shown.count("\n") > 5
    assert shown.count("warning: ") == len(found)


def test_new_does_not_overwrite(seawall: Seawall, design: Path) -> None:
    before = design.read_text()
    done = seawall("new", "small-perp", "--out", design)
    assert done.code == 2
    assert design.read_text() == before


def test_check_prints_a_json_schema(seawall: Seawall) -> None:
    schema = json.loads(seawall("check", "--schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_check_warns_with_the_figure_that_makes_it_unsafe(seawall: Seawall, design: Path) -> None:
    text = design.read_text()
    loud = [row if not row.startswith("surcharge_ppm") else "surcharge_ppm = 60000" for row in text.splitlines()]
    design.write_text("\n".join(loud))
    done = seawall("check", design)
    assert done.code == 0
    assert "warning" in done.out and "6 %" in done.out


def test_a_generated_book_is_the_same_for_the_same_seed(seawall: Seawall, design: Path, tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        file = tmp_path / f"{name}.parquet"
        done = seawall(
            "book",
            "generate",
            design,
            "--path",
            "2025-10-10",
            "--accounts",
            100,
            "--seed",
            seed,
            "--out",
            file,
            "--json",
        )
        assert done.code == 0
        digests.append(done.document["digest"])
        assert seawall("book", "check", design, file, "--json").document["digest"] == digests[-1]
    assert digests[0] == digests[1] != digests[2]


def test_book_prices_can_be_stated_by_market(seawall: Seawall, design: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    done = seawall(
        "book", "generate", design, "--price", "BTC-PERP=100000.1", "--accounts", 10, "--out", file, "--json"
    )
    assert done.code == 0
    rows = {row["market"]: row["lots"] for row in done.document["outside"]}  # type: ignore[index,attr-defined]
    assert rows["BTC-PERP"] < 0 and rows["ETH-PERP"] == 0
    done = seawall(
        "book", "generate", design, "--price", "BTC-PERP=1.05", "--accounts", 10, "--out", tmp_path / "b.parquet"
    )
    assert done.code == 2


def test_scenarios_hold_and_a_wrong_one_exits_1(seawall: Seawall, tmp_path: Path) -> None:
    files = sorted((ROOT / "tests" / "scenarios").glob("*.scn"))
    done = seawall("scenario", *files, "--json")
    assert done.code == 0
    assert done.document["holds"] is True
    assert len(files) >= 25


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_document_has_a_valid_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(name))


@pytest.mark.parametrize(
    "command",
    [
        "new",
        "check",
        "book",
        "stress",
        "compare",
        "deleverage",
        "verify",
        "prove",
        "explain",
        "report",
        "scenario",
        "demo",
        "ledger",
        "reconcile",
    ],
)
def test_every_command_has_help_and_is_documented(command: str, seawall: Seawall) -> None:
    done = seawall(command, "--help")
    assert done.code == 0
    text = (ROOT / "docs" / "reference" / "cli.md").read_text()
    assert f"## `seawall {command}`" in text


def test_version_and_no_arguments(seawall: Seawall) -> None:
    assert seawall("--version").out.startswith("seawall 0.")
    assert seawall().code in (0, 2)
