"""seawall reconcile: a statement by hand, its breaks, their age, and two people; bad lines by row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seawall.cli.reconcile_files import parse_time_ms
from seawall.design.loader import parse_design
from seawall.fund.machine import FundMachine, opening
from seawall.fund.messages import Shortfalls
from seawall.ledger.log import Ledger, init
from seawall.ledger.sqlite import SqliteStore
from tests.cli.conftest import Seawall
from tests.fund.golden_log import DESIGN, income, lost, top_up

DAY = 86_400_000
HEAD = "time,account,asset,balance,amount,reference\n"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """On 1970-01-02: 5 from a top-up into `shared`, which begins with 10.000001; on 1970-01-04 a draw of 6."""
    folder = tmp_path / "ledger"
    made = SqliteStore.create(folder)
    init(FundMachine(), made, opening(parse_design(DESIGN, "golden.toml"), DESIGN), clock=lambda: 0)
    made.close()
    now = [DAY]
    with Ledger(FundMachine(), SqliteStore(folder), clock=lambda: now[0]) as ledger:
        ledger.submit(top_up("top-1", 5_000_000, "shared"))
        now[0] = 3 * DAY
        ledger.submit(Shortfalls(id="b1", deficits=(lost("d1", "a", "a", 6_000_000),)))
        ledger.submit(income("fee-1", "commission", 3_000_000, "BTC-PERP"))  # 0.999999 of it to btc-bucket
    return folder


def statement(path: Path, *rows: str) -> Path:
    path.write_text(HEAD + "".join(row + "\n" for row in rows), encoding="utf-8")
    return path


RIGHT = (
    "1970-01-01,shared,USDC,10.000001,,",
    "1970-01-02,shared,USDC,15.000001,,",
    "1970-01-04T01:00:00+01:00,shared,USDC,9.000001,,",
    "1970-01-04,btc-bucket,USDC,3.499999,,",
    "1970-01-02T00:00:00Z,shared,USDC,,5,top-1",
    "1970-01-04T12:00:00Z,shared,USDC,,-6,b1",
)


def test_a_right_statement_has_no_break(seawall: Seawall, store: Path, tmp_path: Path) -> None:
    file = statement(tmp_path / "bank.csv", *RIGHT)
    done = seawall("reconcile", store, file, "--json")
    assert done.code == 0
    assert (done.document["rows"], done.document["open"], done.document["breaks"]) == (6, 0, [])
    assert seawall("reconcile", store, file).out.endswith("bank.csv: 0 breaks, 0 open\n")
    assert not (tmp_path / "bank.csv.clearances.jsonl").exists()


def test_breaks_have_an_age_and_two_people_close_one(seawall: Seawall, store: Path, tmp_path: Path) -> None:
    file = statement(
        tmp_path / "bank.csv",
        "1970-01-02,shared,USDC,15.000001,,",
        "1970-01-05,shared,USDC,9.5,,",
        "1970-01-02T00:00:00Z,shared,USDC,,5,top-1",
        "1970-01-05T00:00:00Z,shared,USDC,,0.5,fee",
    )
    ask = ("reconcile", store, file, "--as-of", "1970-01-08")
    done = seawall(*ask, "--json")
    assert done.code == 1
    rows = done.document["breaks"]
    keys = ("what", "reference", "since_ms", "age_days", "ledger", "statement", "cleared_by", "open")
    assert [tuple(row[key] for key in keys) for row in rows] == [  # type: ignore[attr-defined]
        ("balance", "", 5 * DAY - 1, 3, "9000001", "9500000", [], True),
        ("not_in_ledger", "fee", 4 * DAY, 3, "0", "500000", [], True),
        ("not_on_statement", "b1", 3 * DAY, 4, "-6000000", "0", [], True),
    ]
    assert done.document["open"] == 3
    name = rows[1]["id"]  # type: ignore[index]

    def clear(by: str, why: str = "the custodian's fee", ident: str = name) -> object:
        return seawall(*ask, "--clear", ident, "--by", by, "--why", why, "--json")

    first = clear("ann")
    assert first.code == 1 and first.document["open"] == 3  # type: ignore[attr-defined]
    assert first.document["breaks"][1]["cleared_by"] == ["ann"]  # type: ignore[attr-defined,index]
    for by, why in (("ann", "again"), ("ANN", "again"), ("", "x"), ("bob", " ")):
        assert clear(by, why).code == 2  # type: ignore[attr-defined]
    assert clear("bob", ident="0" * 16).code == 2  # type: ignore[attr-defined]
    second = clear("bob")
    assert second.code == 1 and second.document["open"] == 2  # type: ignore[attr-defined]
    row = second.document["breaks"][1]  # type: ignore[attr-defined,index]
    assert (row["cleared_by"], row["open"]) == (["ann", "bob"], False)
    assert clear("cy").code == 2  # type: ignore[attr-defined]
    lines = (tmp_path / "bank.csv.clearances.jsonl").read_text().splitlines()
    assert [(json.loads(line)["break"], json.loads(line)["by"]) for line in lines] == [(name, "ann"), (name, "bob")]
    shown = seawall(*ask)
    assert shown.code == 1 and "3 breaks, 2 open" in shown.out and "ann, bob (closed)" in shown.out
    file.write_text(file.read_text().replace(",0.5,fee", ",0.6,fee"))  # another figure is another break
    assert seawall(*ask, "--json").document["open"] == 3
    for other in rows[0]["id"], rows[2]["id"]:  # type: ignore[index]
        for by in ("ann", "bob"):
            seawall(*ask, "--clear", other, "--by", by, "--why", "late")
    file.write_text(file.read_text().replace(",0.6,fee", ",0.5,fee"))
    assert seawall(*ask).code == 0


def test_clearances_that_were_changed_by_hand_are_refused(seawall: Seawall, store: Path, tmp_path: Path) -> None:
    file = statement(tmp_path / "bank.csv", "1970-01-05,shared,USDC,9,,")
    done = seawall("reconcile", store, file, "--json")
    (row,) = done.document["breaks"]  # type: ignore[misc]
    assert done.code == 1
    other = tmp_path / "words.jsonl"
    for by in ("ann", "bob"):
        seawall("reconcile", store, file, "--clearances", other, "--clear", row["id"], "--by", by, "--why", "late")
    assert seawall("reconcile", store, file, "--clearances", other).code == 0
    whole = other.read_bytes()
    first, second = whole.splitlines(keepends=True)
    for data, line in (
        (whole.replace(b'"late"', b'"lame"', 1), 2),
        (second, 1),
        (second + first, 1),
        (first + first, 2),
        (whole[:-1], 2),
        (first + b"{}\n", 2),
    ):
        other.write_bytes(data)
        done = seawall("reconcile", store, file, "--clearances", other)
        assert done.code == 2 and done.err.startswith(f"{other}:{line}"), (data, done.err)
    other.write_bytes(whole)
    assert seawall("reconcile", store, file, "--clearances", other).code == 0


def test_an_account_can_hold_several_layers(seawall: Seawall, store: Path, tmp_path: Path) -> None:
    file = statement(tmp_path / "chain.csv", "1970-01-04,0xAb,USDC,12.5,,")
    done = seawall("reconcile", store, file, "--account", "0xAb=shared,btc-bucket")
    assert done.code == 0, done.out
    assert seawall("reconcile", store, file).code == 2
    for text in ("0xAb", "=shared", "0xAb=sharde", "0xAb=shared,shared"):
        done = seawall("reconcile", store, file, "--account", text)
        assert done.code == 2 and "--account: wanted" in done.err


@pytest.mark.parametrize(
    ("row", "field", "found"),
    [
        ("yesterday,shared,USDC,1,,", "time", "'yesterday'"),
        ("1970-01-02T00:00:00,shared,USDC,1,,", "time", "'1970-01-02T00:00:00'"),
        ("1970-02-30,shared,USDC,1,,", "time", "'1970-02-30'"),
        ("1970-01-02,sharde,USDC,1,,", "account", "'sharde'"),
        ("1970-01-02,shared,USDT,1,,", "asset", "'USDT'"),
        ("1970-01-02,shared,USDC,1,1,x", "balance", "both"),
        ("1970-01-02,shared,USDC,,,x", "balance", "neither"),
        ("1970-01-02,shared,USDC,,1,", "reference", "nothing"),
        ("1970-01-02,shared,USDC,1.0000001,,", "balance", "1.0000001"),
        ("1970-01-02,shared,USDC,,1e3,x", "amount", "1e3"),
        (f"1970-01-02,shared,USDC,{10**32},,", "balance", "39 digits"),
    ],
)
def test_a_bad_line_is_named(row: str, field: str, found: str, seawall: Seawall, store: Path, tmp_path: Path) -> None:
    file = statement(tmp_path / "bank.csv", RIGHT[0], row)
    done = seawall("reconcile", store, file)
    assert done.code == 2
    problem, last = done.err.splitlines()
    assert problem.startswith(f"{file}:3  {field}: wanted ") and found in problem
    assert last == "1 problem, nothing written"


def test_a_statement_needs_its_columns_and_the_ledger_must_be_there(
    seawall: Seawall, store: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bank.csv"
    file.write_text("time,account,balance\n1970-01-02,shared,1\n")
    done = seawall("reconcile", store, file)
    assert done.code == 2 and f"{file}:1  asset: wanted this column" in done.err
    assert seawall("reconcile", store, tmp_path / "none.csv").code == 2
    assert seawall("reconcile", tmp_path / "nowhere", statement(file, *RIGHT)).code == 2
    assert seawall("reconcile", store, file, "--as-of", "soon").code == 2


def test_times_of_a_statement() -> None:
    assert parse_time_ms("1970-01-01") == DAY - 1  # a day's balance is that at its end
    assert parse_time_ms("1970-01-01T00:00:00.001Z") == 1
    assert parse_time_ms("1970-01-01T02:00:00+02:00") == 0
    moment = datetime(2026, 10, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    assert parse_time_ms("2026-10-31") == round(moment.timestamp() * 1000)
