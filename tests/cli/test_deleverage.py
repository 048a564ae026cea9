"""seawall deleverage and check-haircut: the worked book, every policy, and a trader's own check that nothing fools."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.cli.conftest import Seawall

BOOK = """account,profit,equity,notional,entry_notional,wallet,maintenance,lots
1,1000,1600,4000,5000,600,200,50
2,400,640,3200,3600,240,160,40
3,250,2000,2000,2250,1750,100,25
4,90,120,720,810,30,36,9
5,10,25,800,810,15,40,10
"""


@pytest.fixture
def winners(tmp_path: Path) -> Path:
    path = tmp_path / "winners.csv"
    path.write_text(BOOK, encoding="utf-8")
    return path


def test_the_worked_book_under_every_policy(seawall: Seawall, winners: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = seawall("deleverage", winners, "--severity", 500, "--decimals", 0, "--out", out, "--json")
    assert done.code == 0, done.err
    rows = {row["policy"]: row for row in done.document["rows"]}
    frame = pl.read_parquet(out / "haircuts.parquet")
    wanted = {
        "queue_bitmex": [10, 400, 0, 90, 0],
        "pro_rata_pnl": [286, 114, 71, 26, 3],
        "cel": [134, 133, 133, 90, 10],
        "cea": [500, 0, 0, 0, 0],
        "talmud": [163, 162, 125, 45, 5],
    }
    for policy, haircuts in wanted.items():
        assert [int(value) for value in frame.get_column(policy)] == haircuts
        assert rows[policy]["paid"] == "500" and rows[policy]["carried"] == "0"
    assert rows["queue_bitmex"]["overshoot_whole"] == "990"
    assert rows["pro_rata_pnl"]["largest_ppm"] == 572_000
    assert done.document["capacity"] == "1750"
    assert {path.name for path in out.iterdir()} == {
        "deleverage.json",
        "deleverage.png",
        "deleverage.svg",
        "haircuts.parquet",
    }
    assert json.loads((out / "deleverage.json").read_text()) == done.document


def test_what_winners_cannot_bear_is_carried(seawall: Seawall, winners: Path) -> None:
    done = seawall("deleverage", winners, "--severity", 2000, "--decimals", 0, "--policy", "pro_rata_pnl")
    assert done.code == 0 and "1,750" in done.out and "250" in done.out


def proven(seawall: Seawall, winners: Path, tmp_path: Path, policy: str) -> tuple[Path, str]:
    salt = tmp_path / "salt"
    salt.write_bytes(b"a secret of the venue")
    out = tmp_path / policy
    words = ("--policy", policy, "--out", out, "--prove", 3, "--prove", 5, "--salt-file", salt, "--json")
    done = seawall("deleverage", winners, "--severity", 500, "--decimals", 0, *words)
    assert done.code == 0, done.err
    assert done.document["salted"] is True
    return out / "proof-3.json", done.document["rows"][0]["root"]


@pytest.mark.parametrize("policy", ["pro_rata_pnl", "pro_rata_equity", "cel", "talmud", "queue_bitmex"])
def test_a_trader_checks_its_own_haircut(seawall: Seawall, winners: Path, tmp_path: Path, policy: str) -> None:
    proof, root = proven(seawall, winners, tmp_path, policy)
    done = seawall("check-haircut", proof, "--root", root, "--json")
    assert done.code == 0 and done.document == {
        "schema": "seawall.haircut_check/1",
        "account": "3",
        "holds": True,
        "problem": "",
    }
    assert seawall("check-haircut", proof, "--root", root).out.startswith("holds: 3 pays ")


@pytest.mark.parametrize("policy", ["pro_rata_pnl", "queue_bitmex"])
def test_whatever_is_changed_in_a_proof_the_check_says_no(
    seawall: Seawall, winners: Path, tmp_path: Path, policy: str
) -> None:
    proof, root = proven(seawall, winners, tmp_path, policy)
    text = proof.read_text(encoding="utf-8")
    document = json.loads(text)
    forged = tmp_path / "forged.json"

    def refused(changed: dict[str, object], at: str = root) -> str:
        forged.write_text(json.dumps(changed), encoding="utf-8")
        done = seawall("check-haircut", forged, "--root", at)
        assert done.code == 1, changed
        return done.out

    for group in ("row", "sums"):
        for name, value in document[group].items():
            for other in (str(int(value) + 1), "-1", str(2**128), "1.0"):
                refused({**document, group: {**document[group], name: other}})
    for i, sibling in enumerate(document["siblings"]):
        for name, value in sibling["sums"].items():
            changed = {**sibling, "sums": {**sibling["sums"], name: str(int(value) - 500)}}
            refused({**document, "siblings": [*document["siblings"][:i], changed, *document["siblings"][i + 1 :]]})
    for name, value in (("index", 1), ("count", 6), ("account", "4"), ("salt", "00" * 32), ("siblings", [])):
        refused({**document, name: value})
    assert "root" in refused(document, "0" * 64)
    assert "root" in refused(document, "not a root")


def test_two_hands_on_the_same_severity_give_the_same_bytes(seawall: Seawall, winners: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert seawall("deleverage", winners, "--severity", 7, "--decimals", 0, "--out", tmp_path / name).code == 0
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("--severity", "1e3"), "--severity"),
        (("--severity", "-5"), "--severity"),
        (("--severity", "5", "--policy", "cell"), "--policy"),
        (("--severity", "5", "--decimals", "40"), "--decimals"),
        (("--severity", "5", "--beta-ppm", "1000001"), "--beta-ppm"),
        (("--severity", "5", "--prove", "1"), "--prove"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(seawall: Seawall, winners: Path, words: tuple[str, ...], field: str) -> None:
    done = seawall("deleverage", winners, *words)
    assert done.code == 2 and field in done.err


def test_a_named_policy_without_its_columns_is_refused_and_all_leaves_it_out(seawall: Seawall, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("account,profit\na,5\nb,9\n", encoding="utf-8")
    done = seawall("deleverage", path, "--severity", 4, "--decimals", 0, "--policy", "queue_bitmex")
    assert done.code == 2 and "entry_notional" in done.err
    every = seawall("deleverage", path, "--severity", 4, "--decimals", 0, "--json")
    assert every.code == 0 and any("queue_bitmex" in line for line in every.document["skipped"])
