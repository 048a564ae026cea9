"""seawall prove: roots and proofs of a fund's log, and a check that nothing fools, to the byte."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from seawall.amounts import AmountError, Units
from seawall.cli.prove import read_proof
from seawall.design.presets import preset_text
from seawall.design.writer import set_values
from seawall.fund.codec import encode_command
from seawall.fund.messages import Shortfall, Shortfalls
from seawall.ledger.liabilities import check
from seawall.rules.sum_tree import ProofError
from tests.cli.conftest import Seawall

GOLDEN = Path(__file__).parents[1] / "golden" / "log_v1_staking.jsonl"
ZEROS = "0" * 64


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A folder with a fund's log alone."""
    folder = tmp_path / "fund"
    folder.mkdir()
    (folder / "events.jsonl").write_bytes(GOLDEN.read_bytes())
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"a secret of the publisher\n")
    return path


def test_a_root_is_published_and_each_claim_proves_under_it(seawall: Seawall, log: Path, secret: Path) -> None:
    words = ("--salt-file", secret, "--json")
    published = seawall("prove", log, *words).document
    assert published["schema"] == "seawall.liabilities_root/1" and published["count"] == 4
    total = 0
    for account in ("venue", "ann", "dee", "bob"):
        out = log / f"proof-{account}.json"
        done = seawall("prove", log, account, *words, "--out", out)
        proof = done.document
        assert out.read_text() == done.out and proof["published"] == published
        total += int(proof["units"])
        at = ("--root", published["root"], "--total", published["total"])
        checked = seawall("prove", "--check", out, *at, "--json")
        assert checked.code == 0 and checked.document == {
            "schema": "seawall.proof_check/1",
            "claim": f"{proof['kind']}/{account}",
            "holds": True,
            "problem": "",
        }
    assert total == int(published["total"])


def test_what_people_read(seawall: Seawall, log: Path, secret: Path, tmp_path: Path) -> None:
    out = tmp_path / "proof.json"
    told = seawall("prove", log, "venue", "--salt-file", secret, "--out", out)
    assert told.code == 0 and told.out.startswith("staker venue is owed 1.303665 USDC, claim ")
    assert "owed   2.847878 USDC to 4 claims" in told.out and "not salted" not in told.out
    assert "at     event 30, state 1c76317c" in told.out and f"wrote {out}" in told.out
    assert ", not salted: --salt-file" in seawall("prove", log).out
    root = json.loads(out.read_text())["published"]["root"]
    held = seawall("prove", "--check", out, "--root", root)
    assert held.code == 0
    assert held.out.startswith("holds: staker venue is owed 1303665 of 2847878 base units of USDC, claim ")
    broken = seawall("prove", "--check", out, "--root", ZEROS)
    assert broken.code == 1 and broken.out == "does not hold: root: wanted a hash; found zeros\n"
    other = seawall("prove", "--check", out, "--root", root, "--total", 1)
    assert other.code == 1 and other.out == "does not hold: total: wanted the published 1; found 2847878\n"


def test_where_nothing_is_owed_there_is_no_root(seawall: Seawall, log: Path) -> None:
    """A fund without stakers, at its beginning."""
    (log / "events.jsonl").write_bytes((GOLDEN.parent / "log_v1.jsonl").read_bytes())
    done = seawall("prove", log, "--at", 1)
    assert done.code == 0 and "root   none: nothing is owed" in done.out
    assert seawall("prove", log, "--at", 1, "--json").document["root"] == ""
    assert seawall("prove", log, "d1", "--at", 1).code == 2


def test_a_position_an_epoch_and_the_secret_make_the_root(seawall: Seawall, log: Path, secret: Path) -> None:
    def root(*words: object) -> object:
        return seawall("prove", log, "--json", *words).document["root"]

    assert root() == root("--at", 30) == root("--epoch", 30)
    assert len({root(), root("--epoch", 7), root("--at", 20), root("--salt-file", secret)}) == 4


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A proof's bytes and its root."""
    from seawall.cli.main import main

    folder = tmp_path_factory.mktemp("log")
    (folder / "events.jsonl").write_bytes(GOLDEN.read_bytes())
    assert main(["prove", str(folder), "venue", "--out", str(folder / "proof.json")]) == 0
    data = (folder / "proof.json").read_bytes()
    return data, json.loads(data)["published"]["root"]


def holds(data: bytes, root: str) -> bool:
    try:
        check(read_proof(data), root)
    except (ProofError, AmountError):
        return False
    return True


@pytest.mark.parametrize("by", [1, 2, 16, 32, 128])
def test_any_byte_that_is_changed_makes_the_check_say_no(proof: tuple[bytes, str], by: int) -> None:
    data, root = proof
    assert holds(data, root)
    assert [at for at in range(len(data)) if holds(data[:at] + bytes([data[at] ^ by]) + data[at + 1 :], root)] == []


@given(data=st.data())
def test_any_bytes_cut_out_or_put_in_make_the_check_say_no(proof: tuple[bytes, str], data: st.DataObject) -> None:
    whole, root = proof
    at = data.draw(st.integers(0, len(whole)))
    to = data.draw(st.integers(at, min(len(whole), at + 80)))
    put_in = data.draw(st.one_of(st.binary(max_size=20), st.sampled_from([b" ", b"\n", b'"units": "0",', b"{", b"}"])))
    bent = whole[:at] + put_in + whole[to:]
    assert holds(bent, root) == (bent == whole)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'  "kind"', b'  "note": "",\n  "kind"'),
        (b'"index": 2', b'"index": 2.0'),
        (b'"units": "1303665"', b'"units": 1303665'),
        (b'"units": "1303665"', b'"units": "01303665"'),
        (b'"units": "1303665"', b'"units": "9",\n  "units": "1303665"'),
        (b"seawall.proof/1", b"seawall.proof/2"),
    ],
)
def test_the_same_in_other_words_is_no_proof_either(proof: tuple[bytes, str], old: bytes, new: bytes) -> None:
    data, root = proof
    assert data.count(old) == 1
    assert not holds(data.replace(old, new), root)


def test_a_file_that_is_no_proof_is_told_and_exits_1(seawall: Seawall, tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(b"{}")
    done = seawall("prove", "--check", path, "--root", "1" * 64, "--json")
    assert done.code == 1 and done.document["claim"] == ""
    assert done.document["problem"].startswith("file: wanted a seawall.proof/1 document; found ")
    assert seawall("prove", "--check", path, "--root", "1" * 64).out.startswith("does not hold: file: wanted")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "DIR"),
        (("--check", "proof.json"), "--check: wanted --root R beside it, and no folder; found no --root"),
        (("LOG", "--check", "proof.json", "--root", "1" * 64), "--check: wanted --root R beside it, and no folder"),
        (("LOG", "--root", "1" * 64), "DIR: wanted"),
        (("LOG", "--total", "1"), "DIR: wanted"),
        (("--check", "nowhere.json", "--root", "1" * 64), "nowhere.json  --check: wanted a proof file"),
        (("--check", "nowhere.json", "--root", "1" * 63), "--root: wanted 64 hexadecimal digits"),
        (("--check", "nowhere.json", "--root", "A" * 64), "--root: wanted 64 hexadecimal digits"),
        (("--check", "nowhere.json", "--root", "1" * 64, "--total", "1.5"), "--total: wanted an integer string"),
        (("LOG", "nobody"), "ACCOUNT: wanted a staker, or a deficit pending or carried that is owed something at 30"),
        (("LOG", "venue", "--kind", "carried"), "ACCOUNT: wanted a claim of kind carried that is owed something"),
        (("LOG", "a b"), "ACCOUNT: wanted an id"),
        (("LOG", "--at", "0"), "--at: wanted an event's number, 1 to 30; found 0"),
        (("LOG", "--at", "31"), "--at: wanted an event's number, 1 to 30; found 31"),
        (("LOG", "--epoch", "-1"), "--epoch: wanted"),
        (("LOG", "--salt-file", "nowhere"), "nowhere  --salt-file: wanted a file"),
        (("LOG", "--out", "LOG"), "--out: wanted a new file"),
        (("nowhere",), "wanted a log"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(seawall: Seawall, log: Path, words: tuple[str, ...], told: str) -> None:
    before = sorted(log.iterdir())
    done = seawall("prove", *(log if word == "LOG" else word for word in words))
    assert done.code == 2 and told in done.err and done.out == ""
    assert done.err.endswith("1 problem, nothing written\n") and sorted(log.iterdir()) == before


def test_a_damaged_log_is_refused_by_its_record(seawall: Seawall, log: Path) -> None:
    data = (log / "events.jsonl").read_bytes()
    (log / "events.jsonl").write_bytes(data.replace(b'"seq":7', b'"seq":8', 1))
    done = seawall("prove", log)
    assert done.code == 2 and "wanted a log whose chain and balances hold; found record 7" in done.err


def test_one_id_with_several_claims_asks_which(seawall: Seawall, log: Path) -> None:
    """A staker may be called like a deficit: one leaf each, and the reader says which."""
    from seawall.amounts import Units
    from seawall.fund.messages import Stake
    from tests.generators import DesignSpec, LayerSpec, batch, shortfall

    journal = DesignSpec(layers=(LayerSpec("junior", "tranche", 0, extra={"stake.cooldown_ms": 5}),)).journal()
    journal.submit(batch("b", shortfall("x", 40)), 1)
    journal.submit(Stake(id="s", layer="junior", staker="x", amount=Units(30)), 2)
    (log / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in journal.lines))
    done = seawall("prove", log, "x")
    assert done.code == 2 and "--kind: wanted one of staker, carried: x has several claims; found none" in done.err
    units = {
        kind: seawall("prove", log, "x", "--kind", kind, "--json").document["units"] for kind in ("staker", "carried")
    }
    assert units == {"staker": "30", "carried": "40"}


def test_a_ledger_is_proved_as_its_log_is(seawall: Seawall, tmp_path: Path) -> None:
    """A severity that is carried, decided by a ledger: the root over the store is the root over its exported lines."""
    text = set_values(preset_text("small-perp"), {("exhaustion", "policy"): "carry"})
    (tmp_path / "design.toml").write_text(text)
    store, owed = tmp_path / "ledger", Units(10**14)
    assert seawall("ledger", "init", store, "--design", tmp_path / "design.toml").code == 0
    command = Shortfalls(id="b1", deficits=(Shortfall("d1", "a", "a", "USDC", owed, ()),))
    (tmp_path / "commands.jsonl").write_bytes(encode_command(command) + b"\n")
    assert seawall("ledger", "apply", store, tmp_path / "commands.jsonl").code == 0
    done = seawall("prove", store, "d1", "--out", tmp_path / "proof.json", "--json")
    assert done.code == 0, done.err
    proof = json.loads(done.out)
    lines = seawall("ledger", "tail", store, "--from", "1").out
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events.jsonl").write_text(lines)
    assert json.loads(seawall("prove", tmp_path / "run", "d1", "--json").out) == proof
    root = json.loads(seawall("prove", store, "--json").out)["root"]
    assert seawall("prove", "--check", tmp_path / "proof.json", "--root", root).code == 0
    assert seawall("prove", store, "--at", "99").code == 2
