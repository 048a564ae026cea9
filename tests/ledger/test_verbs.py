"""The command line over either store: the same lines, the same digests, and nothing that must not be seen."""

import json

import pytest

from seawall.cli.main import main
from seawall.fund.codec import encode_command
from seawall.fund.journal import FUND_CODEC, replay, state_digest
from seawall.ledger.connect import connect
from seawall.ledger.log import Ledger
from tests.fund.golden_log import DESIGN
from tests.ledger.worlds import FUND


@pytest.fixture
def seawall(place, capfd, monkeypatch):
    """Run a verb on the place that the environment names."""
    monkeypatch.setenv("SEAWALL_STORE", place)

    def run(*words, code=0):
        capfd.readouterr()
        assert main([str(word) for word in words]) == code
        out, err = capfd.readouterr()
        assert place not in out + err or not place.startswith("postgresql")
        return out

    return run


def test_a_ledger_is_begun_filled_verified_exported_and_followed(seawall, place, tmp_path):
    (tmp_path / "design.toml").write_text(DESIGN)
    commands = [FUND.command("a", number) for number in range(60)]
    (tmp_path / "c.jsonl").write_bytes(b"".join(encode_command(command) + b"\n" for command in commands))
    seawall("ledger", "verify", code=2)
    begun = json.loads(seawall("ledger", "init", "--design", tmp_path / "design.toml", "--json"))
    applied = json.loads(seawall("ledger", "apply", tmp_path / "c.jsonl", "--json"))
    assert begun["head"]["seq"] == 1 and applied["receipts"] == 60
    assert json.loads(seawall("ledger", "apply", tmp_path / "c.jsonl", "--json"))["repeated"] == 60
    lines = seawall("ledger", "tail", "--from", 1).encode().splitlines()
    assert [recorded.stamp.id for recorded in FUND_CODEC.read(lines)][1:] == [command.id for command in commands]
    digest = state_digest(replay(lines))
    assert json.loads(seawall("ledger", "snapshot", "--json"))["digest"] == digest
    verified = json.loads(seawall("ledger", "verify", "--redecide", "--json"))
    assert (verified["digest"], verified["head"], verified["snapshots"]) == (digest, applied["head"], [61])
    exported = json.loads(seawall("ledger", "export", "--out", tmp_path / "out", "--json"))
    assert exported["head"] == applied["head"] and {row["file"]: row["rows"] for row in exported["tables"]} == {
        "deficits.parquet": 4, "draws.parquet": 4, "haircuts.parquet": 0, "layers.parquet": 63,
        "inflows.parquet": 56, "corrections.parquet": 0, "events.parquet": 61,
    }  # fmt: skip
    with Ledger(FUND.machine, connect(place)):
        seawall("ledger", "apply", tmp_path / "c.jsonl", code=3)
        seawall("ledger", "verify")
