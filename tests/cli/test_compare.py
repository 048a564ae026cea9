"""seawall compare: one crash, several policies, one table, one document, one page."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Seawall


def test_one_crash_under_named_policies(
    seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    out = tmp_path / "compared"
    words = ("compare", design, "--book", book, "--path", shock, "--out", out)
    done = seawall(*words, "--policies", "adl.talmud,socialised.equity,carry", "--json")
    assert done.code == 0, done.err
    document = done.document
    assert [row["policy"] for row in document["rows"]] == ["adl.talmud", "socialised.equity", "carry"]
    assert len(document["runs"]) == 3 and document == json.loads((out / "comparison.json").read_text())
    assert {file.name for file in out.iterdir()} == {
        "comparison.html",
        "comparison.json",
        "policies.png",
        "policies.svg",
    }
    again = seawall(*words[:-1], tmp_path / "again", "--policies", "adl.talmud,socialised.equity,carry")
    assert again.code == 0 and "adl.talmud" in again.out and "carry" in again.out
    for file in out.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_designs_under_their_own_policy(
    seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    text = design.read_text(encoding="utf-8").replace('name = "small-perp"', 'name = "other"')
    other.write_text(text, encoding="utf-8")
    done = seawall("compare", design, other, "--book", book, "--path", shock, "--out", tmp_path / "o", "--json")
    assert done.code == 0, done.err
    assert [row["design"] for row in done.document["rows"]] == ["small-perp", "other"]


def test_a_policy_that_is_none_is_refused_and_nothing_written(
    seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = seawall("compare", design, "--book", book, "--path", shock, "--out", out, "--policies", "talmudic")
    assert done.code == 2 and "--policies" in done.err and "talmudic" in done.err and not out.exists()
