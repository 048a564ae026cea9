"""Golden logs: every log that a version once wrote opens through a store for ever, with the digest it had then."""

from pathlib import Path

import pytest

from seawall.amounts import Units, sha256_hex
from seawall.fund.journal import replay, state_digest
from seawall.fund.machine import FundMachine
from seawall.fund.messages import Inflow
from seawall.ledger.connect import connect
from seawall.ledger.log import Ledger
from seawall.ledger.recovery import recover, take_snapshot
from seawall.ledger.redecide import redecide
from seawall.ledger.store import EMPTY, Head

FOLDER = Path(__file__).parents[1] / "golden"
PINNED = {
    "log_v1.jsonl": "a7eeb4e873cfdc66d9c59218aa75f9ab9340cea6243a7103ea7dc75f43ebb580",
    "log_v1_staking.jsonl": "1c76317c6b4d55a675d1234d56ac77098d3537799a1fe098d8ae434a61bfb3e6",
    "log_v1_correction.jsonl": "0d9137fab0cbc0157a91d5ef99874bd3773f12f765af156606106f0adaadfe35",
}
"""File -> the state's digest. A line here is never changed, only added."""


def test_every_golden_log_is_pinned():
    assert {path.name for path in FOLDER.glob("log_v*.jsonl")} == set(PINNED)


@pytest.mark.parametrize("name", sorted(PINNED))
def test_a_golden_log_opens_through_a_store_and_goes_on(name, place):
    lines = (FOLDER / name).read_bytes().splitlines()
    store, machine = connect(place, create=True), FundMachine()
    store.claim()
    store.append(EMPTY, lines, Head(len(lines), sha256_hex(lines[-1])))
    store.close()
    reader = connect(place)
    found = recover(machine, reader, from_start=True)
    assert machine.digest(found.state) == PINNED[name] == state_digest(replay(lines))
    assert list(redecide(machine, reader, machine.command_of)) == []
    take_snapshot(machine, reader)
    quick = recover(machine, reader)
    assert (quick.snapshot_seq, machine.digest(quick.state)) == (len(lines), PINNED[name])
    reader.close()
    with Ledger(machine, connect(place)) as ledger:
        asset = found.state.design.asset.id
        receipt = ledger.submit(Inflow(id="next", source="yield", asset=asset, amount=Units(1)))
        assert receipt.first_seq == len(lines) + 1
