"""seawall ledger: begin, apply, verify, export, snapshot, tail, statement, over a folder; and a store's secrets."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from seawall.amounts import Units, sha256_hex
from seawall.cli import ledger as ledger_cli
from seawall.cli.ledger_store import opened
from seawall.fund.codec import encode_command
from seawall.fund.journal import replay, state_digest
from seawall.fund.machine import FundMachine
from seawall.fund.messages import AnyCommand, Correct, Inflow, LayerDifference, Settle
from seawall.ledger.connect import connect
from seawall.ledger.log import Ledger
from seawall.ledger.sqlite import SqliteStore
from tests.cli.conftest import Seawall
from tests.fund.golden_log import COMMANDS, DESIGN

TAKEN = [command for _, command in COMMANDS if command.id != "lapse-3"]  # its deadline has not passed by then


def written(path: Path, commands: list[AnyCommand]) -> Path:
    path.write_bytes(b"".join(encode_command(command) + b"\n" for command in commands))
    return path


@pytest.fixture
def store(seawall: Seawall, tmp_path: Path) -> Path:
    """A ledger of the golden design, begun."""
    design = tmp_path / "golden.toml"
    design.write_text(DESIGN, encoding="utf-8")
    folder = tmp_path / "ledger"
    assert seawall("ledger", "init", folder, "--design", design).code == 0
    return folder


@pytest.fixture
def filled(seawall: Seawall, store: Path, tmp_path: Path) -> Path:
    """And with commands in it."""
    assert seawall("ledger", "apply", store, written(tmp_path / "all.jsonl", TAKEN)).code == 0
    return store


def lines_of(store: Path) -> list[bytes]:
    with opened(str(store)) as log:
        return list(log.lines(1))


# --- init ---------------------------------------------------------------------------------------------------------


def test_init_writes_the_design_verbatim_and_says_the_head(seawall: Seawall, tmp_path: Path) -> None:
    design = tmp_path / "golden.toml"
    design.write_bytes(DESIGN.replace("\n", "\r\n").encode())  # lines end as they end in the file
    done = seawall("ledger", "init", tmp_path / "ledger", "--design", design, "--json")
    assert done.code == 0
    (line,) = lines_of(tmp_path / "ledger")
    assert json.loads(line)["data"]["design_text"].encode() == design.read_bytes()
    assert done.document["head"] == {"seq": 1, "hash": sha256_hex(line)}
    assert done.document["store"] == str(tmp_path / "ledger") and done.document["design"] == "golden"


def test_init_does_not_begin_twice_nor_with_a_bad_design(seawall: Seawall, store: Path, tmp_path: Path) -> None:
    before = lines_of(store)
    done = seawall("ledger", "init", store, "--design", tmp_path / "golden.toml")
    assert done.code == 2 and "wanted a store without events; found a ledger of 1 events" in done.err
    assert lines_of(store) == before
    (tmp_path / "bad.toml").write_text(DESIGN.replace('policy = "adl"', 'policy = "ald"'), encoding="utf-8")
    done = seawall("ledger", "init", tmp_path / "other", "--design", tmp_path / "bad.toml")
    assert done.code == 2 and "exhaustion.policy" in done.err
    assert not (tmp_path / "other").exists()


def test_an_attempt_to_begin_that_was_cut_short_can_be_repeated(seawall: Seawall, tmp_path: Path) -> None:
    SqliteStore.create(tmp_path / "ledger").close()  # killed before its first event
    (tmp_path / "golden.toml").write_text(DESIGN, encoding="utf-8")
    done = seawall("ledger", "verify", tmp_path / "ledger")
    assert done.code == 3 and "no events yet" in done.err
    assert seawall("ledger", "init", tmp_path / "ledger", "--design", tmp_path / "golden.toml").code == 0
    assert seawall("ledger", "verify", tmp_path / "ledger").code == 0


# --- apply --------------------------------------------------------------------------------------------------------


def test_every_command_is_answered_in_order_and_again_with_the_same_receipt(
    seawall: Seawall, store: Path, tmp_path: Path
) -> None:
    file = written(
        tmp_path / "c.jsonl",
        [
            Inflow(id="i1", source="yield", asset="USDC", amount=Units(7)),
            Inflow(id="i1", source="yield", asset="USDC", amount=Units(7)),
            Inflow(id="i1", source="yield", asset="USDC", amount=Units(8)),
            Settle(id="s1", batch="none"),
            Inflow(id="i2", source="yield", asset="USDC", amount=Units(0)),
        ],
    )
    file.write_bytes(file.read_bytes().replace(b"\n", b"\n\n", 1))  # a blank line counts, and says nothing
    first = seawall("ledger", "apply", store, file, "--json")
    assert first.code == 1
    answers = first.document["answers"]
    assert [(row["line"], row["id"], row["answer"]) for row in answers] == [  # type: ignore[attr-defined,index]
        (1, "i1", "receipt"),
        (3, "i1", "repeated"),
        (4, "i1", "conflict"),
        (5, "s1", "refused"),
        (6, "i2", "refused"),
    ]
    assert answers[0]["first_seq"] == answers[1]["first_seq"] == 2  # type: ignore[index]
    assert answers[0]["hash"] == answers[1]["hash"] == sha256_hex(lines_of(store)[1])  # type: ignore[index]
    assert (answers[2]["field"], answers[4]["field"]) == ("amount", "amount")  # type: ignore[index]
    again = seawall("ledger", "apply", store, file, "--json")
    counts = ("receipts", "repeated", "conflicts", "refused", "failed")
    assert [first.document[name] for name in counts] == [1, 1, 1, 2, 0]
    assert [again.document[name] for name in counts] == [0, 2, 1, 2, 0]
    assert again.document["answers"][0] == answers[0] | {"answer": "repeated"}  # type: ignore[index]
    shown = seawall("ledger", "apply", store, file)
    assert shown.code == 1 and "5 commands: 0 receipt, 2 repeated, 2 refused, 1 conflict, 0 failed" in shown.out
    assert "wanted a batch with pending severity; found none" in shown.out


def test_nothing_is_applied_of_a_file_with_a_bad_line(seawall: Seawall, store: Path, tmp_path: Path) -> None:
    good = encode_command(TAKEN[0])
    bad = (
        good.replace(b'"1000003"', b"1000003"),
        b'{"kind":"inflow","id":"x"}',
        b"\xff",
        b'{"kind":"nonsense","id":"x"}',
        b'{"kind":"shortfalls","id":"b","deficits":[{"id":"d","account":"a","owner":"a","asset":"USDC"}]}',
    )
    file = tmp_path / "c.jsonl"
    file.write_bytes(b"\n".join([good, *bad, b""]))
    done = seawall("ledger", "apply", store, file)
    assert done.code == 2
    problems = done.err.splitlines()
    assert [line.split("  ")[0].split(": ")[0] for line in problems[:-1]] == [
        f"{file}:{number}" for number in range(2, 7)
    ]
    assert "amount: wanted a command of the fund; found" in problems[0] and "integer string" in problems[0]
    assert "deficits[0]" in problems[4] and "missing required field `amount`" in problems[4]
    assert problems[-1] == "5 problems, nothing written"
    assert len(lines_of(store)) == 1
    assert seawall("ledger", "apply", store, tmp_path / "none.jsonl").code == 2
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    assert seawall("ledger", "apply", store, tmp_path / "empty.jsonl").code == 2


def test_a_command_that_cannot_be_decided_leaves_the_others(
    seawall: Seawall, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = FundMachine.decide

    def odd(machine: FundMachine, state: object, command: AnyCommand, t_ms: int) -> object:
        if command.id == "i2":
            raise RuntimeError("a rule that fails")
        return decide(machine, state, command, t_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(FundMachine, "decide", odd)
    commands = [Inflow(id=f"i{n}", source="yield", asset="USDC", amount=Units(n)) for n in (1, 2, 3)]
    done = seawall("ledger", "apply", store, written(tmp_path / "c.jsonl", commands), "--json")
    assert done.code == 1
    rows = [(row["answer"], row.get("reason", "")) for row in done.document["answers"]]  # type: ignore[attr-defined]
    assert rows == [("receipt", ""), ("failed", "a rule that fails"), ("receipt", "")]
    assert len(lines_of(store)) == 3


def test_more_commands_than_wait_at_once_keep_their_order(
    seawall: Seawall, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seawall.cli.ledger_apply.AHEAD", 3)
    commands = [Inflow(id=f"i{n}", source="yield", asset="USDC", amount=Units(n)) for n in range(1, 12)]
    done = seawall("ledger", "apply", store, written(tmp_path / "c.jsonl", commands), "--json")
    assert [row["id"] for row in done.document["answers"]] == [command.id for command in commands]  # type: ignore[attr-defined]
    assert [json.loads(line)["id"] for line in lines_of(store)[1:]] == [command.id for command in commands]


def test_what_opening_found_is_told_before_anything_is_appended(
    seawall: Seawall, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "again.jsonl", TAKEN)
    done = seawall("ledger", "apply", filled, file, "--json")
    assert done.err == "" and done.document["torn_bytes"] == 0
    assert seawall("ledger", "snapshot", filled).code == 0
    (snapshot,) = (filled / "snapshots").iterdir()
    snapshot.write_bytes(snapshot.read_bytes()[:-1])
    monkeypatch.setattr("seawall.ledger.sqlite._torn_bytes", lambda *_: 4_120)
    done = seawall("ledger", "apply", filled, file, "--json")
    assert done.code == 0 and done.document["torn_bytes"] == 4_120
    assert "4,120 bytes of it were trimmed" in done.err
    assert f"the snapshot after event {len(lines_of(filled))} was passed over" in done.err


def test_a_ledger_that_somebody_writes_is_left_alone(seawall: Seawall, store: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "c.jsonl", TAKEN)
    with Ledger(FundMachine(), connect(str(store))):
        done = seawall("ledger", "apply", store, file)
        assert done.code == 3 and "writes it" in done.err
        assert seawall("ledger", "verify", store).code == 0  # readers are always let in
    assert len(lines_of(store)) == 1


# --- where the store is -------------------------------------------------------------------------------------------


def test_the_store_can_be_named_in_three_ways_and_must_be_named(
    seawall: Seawall, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "c.jsonl", TAKEN[:1])
    assert seawall("ledger", "verify").code == 2
    assert seawall("ledger", "apply", file).code == 2
    assert seawall("ledger", "verify", "--store", store).code == 0
    monkeypatch.setenv("SEAWALL_STORE", str(store))
    assert seawall("ledger", "verify").code == 0
    assert seawall("ledger", "apply", file).code == 0 and len(lines_of(store)) == 2
    done = seawall("ledger", "verify", tmp_path / "elsewhere")  # STORE counts before the environment
    assert done.code == 2
    assert done.err.splitlines()[0] == (
        f"{tmp_path / 'elsewhere'}  STORE: wanted a ledger; found none there; `seawall ledger init` begins one"
    )


def test_no_part_of_an_error_gives_a_password_away(seawall: Seawall, tmp_path: Path) -> None:
    for url in (
        "postgresql://ann:hunter2@127.0.0.1:1/x",
        "postgresql://ann:hunter2@127.0.0.1:1/x?nonsense=1",
        "postgresql://ann@127.0.0.1:1/x?password=hunter2",
        "postgresql://ann:hunter2@127.0.0.1:port/x",
    ):
        for words in (("verify", url), ("verify", url, "--json"), ("snapshot", "--store", url)):
            done = seawall("ledger", *words)
            assert done.code == 3
            assert "hunter2" not in done.out + done.err


# --- verify -------------------------------------------------------------------------------------------------------


def test_verify_says_what_replay_says(seawall: Seawall, filled: Path) -> None:
    assert seawall("ledger", "snapshot", filled).code == 0
    done = seawall("ledger", "verify", filled, "--redecide", "--json")
    lines = lines_of(filled)
    assert done.code == 0
    assert done.document["digest"] == state_digest(replay(lines))
    assert done.document["head"] == {"seq": len(lines), "hash": sha256_hex(lines[-1])}
    assert done.document["snapshots"] == [len(lines)]
    assert done.document["rules"] == [{"rules_version": 1, "commands": len(TAKEN), "differ": 0}]
    assert done.document["redecided"] == []


def damaged(store: Path, statement: str, *values: object) -> None:
    """Change a stored ledger behind its back."""
    with sqlite3.connect(store / "ledger.db") as connection:
        connection.execute("DROP TRIGGER IF EXISTS events_never_change")
        connection.execute("DROP TRIGGER IF EXISTS events_never_go")
        connection.execute(statement, values)
    connection.close()


def test_verify_names_the_first_event_that_does_not_hold(seawall: Seawall, filled: Path) -> None:
    line = lines_of(filled)[4].replace(b'"owner-7"', b'"owner-8"')
    damaged(filled, "UPDATE events SET line = ? WHERE seq = 5", line)
    done = seawall("ledger", "verify", filled, "--json")
    assert done.code == 1 and done.document["bad_seq"] == 6  # whose `prev` event 5 no longer is
    damaged(filled, "DELETE FROM events WHERE seq = 4")
    done = seawall("ledger", "verify", filled, "--json")
    assert (done.code, done.document["bad_seq"], done.document["holds"]) == (1, 4, False)
    shown = seawall("ledger", "verify", filled)
    assert shown.code == 1 and "BROKEN: record 4" in shown.out
    done = seawall("ledger", "export", filled, "--out", filled.parent / "out")
    assert done.code == 3 and "does not open" in done.err and not (filled.parent / "out").exists()


def test_verify_holds_snapshots_to_the_replay(seawall: Seawall, filled: Path) -> None:
    assert seawall("ledger", "snapshot", filled).code == 0
    (snapshot,) = (filled / "snapshots").iterdir()
    own, _, content = snapshot.read_bytes().partition(b"\n")
    header, _, body = content.partition(b"\n")
    other = json.loads(header) | {"digest": "0" * 64}
    content = json.dumps(other).encode() + b"\n" + body
    snapshot.write_bytes(sha256_hex(content).encode() + b"\n" + content)
    done = seawall("ledger", "verify", filled, "--json")
    assert done.code == 1 and "of another state" in str(done.document["problem"])
    snapshot.write_bytes(own + b"\n" + content)
    done = seawall("ledger", "verify", filled, "--json")
    assert done.code == 1 and "not those that were written" in str(done.document["problem"])


def test_verify_adds_the_events_up_beside_the_state(
    seawall: Seawall, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seawall.cli.ledger_verify.money_units", lambda layer: layer.balance + 1)
    done = seawall("ledger", "verify", filled, "--json")
    assert done.code == 1 and "its events add up to" in str(done.document["problem"])


def test_redecide_lists_what_another_rule_would_have_done(
    seawall: Seawall, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seawall.fund.decide_inflow.commission_share_units", lambda amount, share_ppm: amount)
    done = seawall("ledger", "verify", filled, "--redecide", "--json")
    assert done.code == 0 and done.document["holds"] is True
    (row,) = done.document["redecided"]  # type: ignore[misc]
    assert (row["id"], row["then"], row["now"]) == ("fee-2", "inflow_routed", "inflow_routed")  # type: ignore[index]
    assert row["field"].startswith("inflow_routed.")  # type: ignore[index]
    assert done.document["rules"] == [{"rules_version": 1, "commands": len(TAKEN), "differ": 1}]
    shown = seawall("ledger", "verify", filled, "--redecide").out
    assert "1 answered otherwise today" in shown and "fee-2" in shown


# --- export, snapshot, tail ---------------------------------------------------------------------------------------


def test_export_writes_tables_that_add_up(seawall: Seawall, filled: Path, tmp_path: Path) -> None:
    correct = Correct(
        id="k1",
        wrong="fee-1",
        proposer="ann",
        approver="bob",
        reason="fees were counted twice",
        layers=(LayerDifference("shared", Units(-5)), LayerDifference("skin", Units(5))),
    )
    assert seawall("ledger", "apply", filled, written(tmp_path / "k.jsonl", [correct])).code == 0
    out = tmp_path / "tables"
    done = seawall("ledger", "export", filled, "--out", out, "--json")
    assert done.code == 0
    lines = lines_of(filled)
    assert done.document["head"] == {"seq": len(lines), "hash": sha256_hex(lines[-1])}
    tables = {path.stem: pl.read_parquet(path) for path in out.iterdir()}
    assert {row["file"]: row["rows"] for row in done.document["tables"]} == {  # type: ignore[attr-defined]
        f"{name}.parquet": table.height for name, table in tables.items()
    }
    assert set(tables) == {"deficits", "draws", "haircuts", "layers", "inflows", "corrections", "events"}
    assert [line.encode() for line in tables["events"]["line"]] == lines
    assert tables["events"]["hash"].to_list() == [sha256_hex(line) for line in lines]
    posted = tables["corrections"].select("layer", "wrong_seq", "amount", "approver").rows()
    assert posted == [("shared", 2, -5, "bob"), ("skin", 2, 5, "bob")]
    drawn = sum(int(row) for row in tables["draws"]["amount"])
    assert drawn == replay(lines).totals.drawn > 0
    last = {row["layer"]: int(row["balance"]) for row in tables["layers"].iter_rows(named=True)}
    assert last == {name: layer.balance for name, layer in replay(lines).layers.items()}
    assert seawall("ledger", "export", filled, "--out", out).code == 2


def test_a_snapshot_is_kept_and_used(seawall: Seawall, filled: Path) -> None:
    done = seawall("ledger", "snapshot", filled, "--json")
    lines = lines_of(filled)
    assert done.document["digest"] == state_digest(replay(lines))
    assert done.document["head"] == {"seq": len(lines), "hash": sha256_hex(lines[-1])}
    with opened(str(filled)) as store, Ledger(FundMachine(), store) as ledger:
        assert ledger.recovered.snapshot_seq == len(lines) and ledger.recovered.replayed == 0


def test_tail_prints_the_stored_bytes(seawall: Seawall, filled: Path) -> None:
    lines = [line.decode() for line in lines_of(filled)]
    assert len(lines) > 10
    assert seawall("ledger", "tail", filled).out.splitlines() == lines[-10:]
    assert seawall("ledger", "tail", filled, "--from", 1).out.splitlines() == lines
    assert seawall("ledger", "tail", filled, "--from", len(lines)).out.splitlines() == lines[-1:]
    assert seawall("ledger", "tail", filled, "--from", len(lines) + 5).out == ""
    assert seawall("ledger", "tail", filled, "--from", 3, "--json").document["events"] == [
        json.loads(line) for line in lines[2:]
    ]
    assert seawall("ledger", "tail", filled, "--from", 0).code == 2
    assert seawall("ledger", "tail", filled, "--follow", "--json").code == 2


def test_tail_follows_what_becomes_durable(
    seawall: Seawall, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([TAKEN[:2], [], TAKEN[2:3]])

    def meanwhile(_: float) -> None:
        commands = next(looks, None)
        if commands is None:
            raise KeyboardInterrupt
        with Ledger(FundMachine(), connect(str(store))) as ledger:
            ledger.submit_all(commands)

    monkeypatch.setattr(ledger_cli.time, "sleep", meanwhile)
    done = seawall("ledger", "tail", store, "--follow")
    assert done.code == 130
    assert done.out.splitlines() == [line.decode() for line in lines_of(store)]
    assert len(lines_of(store)) == 4


# --- the statement of a month -------------------------------------------------------------------------------------


def test_a_statement_by_hand(seawall: Seawall, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    t_ms = json.loads(lines_of(filled)[0])["t"]
    month = datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m")
    done = seawall("ledger", "statement", filled, "--month", month, "--json")
    assert done.code == 0 and done.document["adds_up"] is True
    state = replay(lines_of(filled))
    closing = {row["layer"]: int(row["closing"]) for row in done.document["layers"]}  # type: ignore[attr-defined]
    assert closing == {name: layer.balance for name, layer in state.layers.items()}
    income = {row["name"]: int(row["amount"]) for row in done.document["income"]}  # type: ignore[attr-defined]
    assert sum(income.values()) == state.totals.money_in
    assert income["surcharge"] == 1_000_003 + 500_000 + 5_000_000
    assert seawall("ledger", "statement", filled, "--month", month).out.endswith("adds up to the last unit\n")
    early = seawall("ledger", "statement", filled, "--month", "1999-12", "--json")
    assert early.code == 0 and early.document["layers"] == [] and early.document["head"]["seq"] == 0  # type: ignore[index]
    monkeypatch.setattr("seawall.report.statement.money_units", lambda layer: layer.balance + 1)
    broken = seawall("ledger", "statement", filled, "--month", month)
    assert broken.code == 1 and "does NOT add up: btc-bucket" in broken.out


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "0000-01", "9999-12", "next"])
def test_a_month_is_a_month(month: str, seawall: Seawall, filled: Path) -> None:
    done = seawall("ledger", "statement", filled, "--month", month)
    assert done.code == 2 and "--month: wanted a month" in done.err


# --- loading ------------------------------------------------------------------------------------------------------


def test_the_command_line_does_not_load_the_databases_driver() -> None:
    code = "import sys, seawall.cli.main; sys.exit('psycopg' in sys.modules or 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_verb_has_help(seawall: Seawall) -> None:
    for verb in ("init", "apply", "verify", "export", "snapshot", "tail", "statement"):
        assert seawall("ledger", verb, "--help").code == 0


# --- killed in the middle -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_file_whose_application_was_killed_is_applied_again_and_nothing_twice(
    seawall: Seawall, store: Path, tmp_path: Path
) -> None:
    commands = [Inflow(id=f"i{n}", source="yield", asset="USDC", amount=Units(n)) for n in range(1, 20_001)]
    file = written(tmp_path / "c.jsonl", commands)
    code = "import sys; from seawall.cli.main import main; sys.exit(main(sys.argv[1:]))"
    child = subprocess.Popen([sys.executable, "-c", code, "ledger", "apply", str(store), str(file)])
    try:
        with opened(str(store)) as log:
            while log.head().seq < 100 and child.poll() is None:
                time.sleep(0.001)
    finally:
        child.kill()
        child.wait()
    durable = len(lines_of(store)) - 1
    assert durable >= 99
    done = seawall("ledger", "apply", store, file, "--json")
    assert (done.code, done.document["repeated"], done.document["receipts"]) == (0, durable, len(commands) - durable)
    assert [json.loads(line)["id"] for line in lines_of(store)[1:]] == [command.id for command in commands]
    assert seawall("ledger", "verify", store).code == 0
