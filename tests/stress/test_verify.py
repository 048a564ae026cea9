"""Verify: a folder that was damaged in any of these ways does not pass, and what is wrong is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl
import pytest

from seawall.design.errors import BadInput
from seawall.stress.run import aside, run, write_run
from seawall.stress.verify import verify
from tests.stress.test_run import inputs


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = inputs("2025-10-10", 50_000)
    finished = run(given)
    folder = tmp_path_factory.mktemp("runs") / "run"
    with aside(folder) as target:
        write_run(finished, given, target, (), 0.0)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "run"
    shutil.copytree(whole, copy)
    return copy


def _lines(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def _summary(folder: Path, change: Callable[[dict[str, dict[str, str]]], None]) -> None:
    document = msgspec.json.decode((folder / "summary.json").read_bytes())
    change(document)
    (folder / "summary.json").write_bytes(msgspec.json.encode(document))


def _rows(folder: Path, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = folder / f"{name}.parquet"
    change(pl.read_parquet(path)).write_parquet(path)


def _book(folder: Path) -> None:
    path = folder / "book.parquet"
    table = pl.read_parquet(path)
    first = table["cash_units"][0]
    table.with_columns(
        pl.when(pl.col("cash_units") == first)
        .then(first + 1)
        .otherwise(pl.col("cash_units"))
        .cast(pl.Decimal(38, 0))
        .alias("cash_units")
    ).write_parquet(path)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a fund event left out": (lambda f: _lines(f / "events.jsonl", lambda x: x[:3] + x[4:]), "events.jsonl"),
    "two fund events swapped": (
        lambda f: _lines(f / "events.jsonl", lambda x: [*x[:3], x[4], x[3], *x[5:]]),
        "events.jsonl",
    ),
    "an amount changed in place": (
        lambda f: _lines(f / "events.jsonl", lambda x: [*x[:-1], x[-1].replace(b'"amount":"', b'"amount":"1', 1)]),
        "events.jsonl",
    ),
    "the log cut after an event": (lambda f: _lines(f / "events.jsonl", lambda x: x[:-1]), "conservation"),
    "a venue event left out": (lambda f: _lines(f / "venue.jsonl", lambda x: x[:5] + x[6:]), "venue.jsonl"),
    "the venue's log cut": (lambda f: _lines(f / "venue.jsonl", lambda x: x[:-1]), "summary.json"),
    "another book": (_book, "venue.jsonl"),
    "another design beside the log": (
        lambda f: (f / "design.toml").write_text((f / "design.toml").read_text() + "\n# later\n") and None,
        "design.toml",
    ),
    "another state in the summary": (lambda f: _summary(f, lambda d: d["state"].update(fund="0" * 64)), "summary.json"),
    "no summary": (lambda f: (f / "summary.json").unlink(), "summary.json"),
    "a deficit left out of the table": (lambda f: _rows(f, "deficits", lambda t: t.slice(1)), "deficits.parquet"),
    "haircuts in another order": (lambda f: _rows(f, "haircuts", lambda t: t.reverse()), "haircuts.parquet"),
    "no table of steps": (lambda f: (f / "steps.parquet").unlink(), "steps.parquet"),
    "a table that is no Parquet": (lambda f: (f / "draws.parquet").write_bytes(b"PAR1") and None, "draws.parquet"),
}


def test_a_whole_folder_passes(folder: Path) -> None:
    checks = verify(folder)
    assert [check.what for check in checks if check.problem] == []
    assert {"events.jsonl", "venue.jsonl", "conservation", "summary.json"} <= {check.what for check in checks}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named(damage: str, folder: Path) -> None:
    change, where = DAMAGES[damage]
    change(folder)
    assert where in {check.what for check in verify(folder) if check.problem}


@pytest.mark.parametrize("name", ["events.jsonl", "venue.jsonl"])
def test_a_torn_last_record_is_bad_input(name: str, folder: Path) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match="a newline at the end of the last event; found a torn record"):
        verify(folder)


def test_an_empty_log_is_bad_input(folder: Path) -> None:
    (folder / "events.jsonl").write_bytes(b"")
    with pytest.raises(BadInput, match="an empty file"):
        verify(folder)
