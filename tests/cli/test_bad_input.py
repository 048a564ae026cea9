"""Bad input: one clear line that names file, line, field, wanted and found; exit 2; nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import BOOK, SHOCK, Seawall


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("long1,long1,5000", "long1,long1,NaN", 2, ("cash", "NaN")),
        ("long,1000,", "long,-1000,", 2, ("lots", "-1000")),
        ("BTC-PERP,long,1000", "BTC-PREP,long,1000", 2, ("market", "BTC-PREP", "BTC-PERP")),
        ("long2,long2,4000", "long1,long1,5000", 3, ("long1", "BTC-PERP")),
        ("1000,100000", "1000,0", 2, ("entry_price", "0")),
        ("1000,100000", "1000,100000.05", 2, ("entry_price", "100000.05")),
        ("long1,long1,5000", "long1,long1,5000.0000001", 2, ("cash", "5000.0000001")),
    ],
)
def test_a_bad_book_is_one_line(
    old: str, new: str, line: int, words: tuple[str, ...], seawall: Seawall, design: Path, shock: Path, tmp_path: Path
) -> None:
    book = tmp_path / "book.csv"
    assert BOOK.count(old) >= 1
    book.write_text(BOOK.replace(old, new, 1), encoding="utf-8")
    _refused(seawall, design, book, shock, tmp_path, f"{book}:{line}", words)


def test_a_missing_column_is_one_line(seawall: Seawall, design: Path, shock: Path, tmp_path: Path) -> None:
    book = tmp_path / "book.csv"
    rows = [line.split(",") for line in BOOK.splitlines()]
    book.write_text("\n".join(",".join(row[:2] + row[3:]) for row in rows) + "\n", encoding="utf-8")
    _refused(seawall, design, book, shock, tmp_path, f"{book}:1", ("cash",))


def test_a_truncated_parquet_book_is_one_line(seawall: Seawall, design: Path, shock: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    assert seawall("book", "generate", design, "--path", shock, "--accounts", 20, "--out", whole).code == 0
    book = tmp_path / "cut.parquet"
    book.write_bytes(whole.read_bytes()[:-40])
    _refused(seawall, design, book, shock, tmp_path, str(book), ("Parquet",))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('balance = "750000"', "balance = 750000.0", ("balance", "float", "SPEC 1")),
        ('balance = "750000"', 'ballance = "750000"', ("ballance", "balance")),
        ('up_to_notional = "1000000"', 'up_to_notional = "200000"', ("up_to_notional", "200,000")),
        ('policy = "adl"', 'policy = "ald"', ("exhaustion.policy", "ald")),
    ],
)
def test_a_bad_design_is_one_line(
    old: str, new: str, words: tuple[str, ...], seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    text = design.read_text(encoding="utf-8")
    assert old in text
    line = text[: text.index(old)].count("\n") + 1
    design.write_text(text.replace(old, new, 1), encoding="utf-8")
    # A tier that ends too early also makes the margin fall at the next tier's start: two problems, two lines.
    _refused(seawall, design, book, shock, tmp_path, f"{design}:{line}", words, 2 if "notional" in old else 1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('BTC = "100000"', 'BTC = "0"', ("BTC", "0")),
        ("-20000", "-1000000", ("-1000000",)),
        ("start_t_ms", "start_ms", ("start_ms", "start_t_ms")),
    ],
)
def test_a_bad_shock_is_named(
    old: str, new: str, words: tuple[str, ...], seawall: Seawall, design: Path, book: Path, tmp_path: Path
) -> None:
    shock = tmp_path / "bad.toml"
    shock.write_text(SHOCK.replace(old, new, 1), encoding="utf-8")
    out = tmp_path / "run"
    done = seawall("stress", design, "--book", book, "--path", shock, "--out", out)
    assert done.code == 2
    assert all(word in done.err for word in words)
    assert not out.exists()


def test_a_path_that_is_not_there_names_the_windows(seawall: Seawall, design: Path, book: Path, tmp_path: Path) -> None:
    done = seawall("stress", design, "--book", book, "--path", "2020-03-13", "--out", tmp_path / "run")
    assert done.code == 2
    assert "2020-03-12" in done.err and "2025-10-10" in done.err


def test_a_folder_with_files_in_it_is_refused_and_untouched(
    seawall: Seawall, design: Path, book: Path, shock: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    done = seawall("stress", design, "--book", book, "--path", shock, "--out", out)
    assert done.code == 2
    assert done.err.splitlines()[0].startswith(f"{out}  --out: wanted a new or empty folder")
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("arguments", [("stress",), ("stress", "--nonsense"), ("nonsense",), ("check",)])
def test_wrong_usage_exits_2(arguments: tuple[str, ...], seawall: Seawall) -> None:
    assert seawall(*arguments).code == 2


def test_errors_are_documents_with_json(seawall: Seawall, tmp_path: Path) -> None:
    done = seawall("check", tmp_path / "none.toml", "--json")
    assert done.code == 2
    assert done.document["schema"] == "seawall.error/1"
    assert done.document["exit"] == 2
    done = seawall("stress", "--json")
    assert (done.code, done.document["exit"]) == (2, 2)


def _refused(
    seawall: Seawall,
    design: Path,
    book: Path,
    shock: Path,
    tmp_path: Path,
    place: str,
    words: tuple[str, ...],
    problems: int = 1,
) -> None:
    out = tmp_path / "run"
    done = seawall("stress", design, "--book", book, "--path", shock, "--out", out)
    assert done.code == 2
    problem, *others, last = done.err.splitlines()
    assert problem.startswith(place), problem
    assert all(word in problem for word in words), problem
    assert len(others) == problems - 1
    assert last == f"{problems} problem{'s' if problems > 1 else ''}, nothing written"
    assert done.out == ""
    assert not out.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".run")]
