"""Evolution: old versions are lifted by pure functions; a newer version or an unknown kind does not open; SPEC 10."""

import json
from hashlib import sha256

import pytest
from msgspec import Struct

from seawall.amounts import Units
from seawall.fund.apply import Stamp
from seawall.fund.codec import GENESIS_HASH, VERSION, Codec, CorruptLog, Recorded
from seawall.fund.journal import FUND_CODEC


class Paid(Struct, frozen=True, forbid_unknown_fields=True):
    """An event as version 3 has it: version 1 called it `payment` with `sum`, version 2 `paid` with `amount`."""

    amount: Units
    to: str


def first_to_second(kind, data):
    return ("paid", {"amount": data["sum"]}) if kind == "payment" else (kind, data)


def second_to_third(kind, data):
    return (kind, data | {"to": "treasury"}) if kind == "paid" else (kind, data)


CODEC = Codec({"paid": Paid}, 3, {1: first_to_second, 2: second_to_third})


def line(version, kind, data, seq=1, prev=GENESIS_HASH):
    envelope = {"v": version, "seq": seq, "t": 5, "id": "x", "kind": kind, "design": "d", "rules_version": 1}
    return json.dumps(envelope | {"prev": prev, "data": data}).encode()


def test_a_log_of_three_versions_reads_as_one():
    lines = [line(1, "payment", {"sum": "7"})]
    for version, data in ((2, {"amount": "8"}), (3, {"amount": "9", "to": "lender"})):
        lines.append(line(version, "paid", data, len(lines) + 1, sha256(lines[-1]).hexdigest()))
    events = [recorded.event for recorded in CODEC.read(lines)]
    assert events == [Paid(Units(7), "treasury"), Paid(Units(8), "treasury"), Paid(Units(9), "lender")]


def test_stored_bytes_stay_what_is_hashed():
    """The line after an old one names the hash of its stored bytes, not of what it was lifted to."""
    old = line(1, "payment", {"sum": "7"})
    lifted = line(3, "paid", {"amount": "7", "to": "treasury"})
    for prev, holds in ((old, True), (lifted, False)):
        lines = [old, line(3, "paid", {"amount": "1", "to": "x"}, 2, sha256(prev).hexdigest())]
        if holds:
            assert len(list(CODEC.read(lines))) == 2
        else:
            with pytest.raises(CorruptLog, match="of the record before"):
                list(CODEC.read(lines))


def test_what_is_written_is_of_the_latest_version():
    written = json.loads(CODEC.encode(Recorded(Stamp(1, 5, "x"), Paid(Units(1), "a"), "d", 1), GENESIS_HASH))
    assert (written["v"], written["kind"]) == (3, "paid")
    assert CODEC.kind_of(Paid(Units(1), "a")) == "paid"


@pytest.mark.parametrize(
    ("version", "kind", "data", "why"),
    [
        (4, "paid", {"amount": "1", "to": "x"}, "version 4; this program reads up to 3"),
        (0, "paid", {"amount": "1", "to": "x"}, "version 0"),
        (3, "payment", {"sum": "1"}, "unknown kind 'payment'"),
        (2, "payment", {"sum": "1"}, "unknown kind 'payment'"),
        (1, "paid", {"sum": "1"}, "paid: Object missing required field `amount`|paid: .*unknown field `sum`"),
        (1, "payment", {"total": "1"}, "payment of version 1: 'sum'"),
        (1, "payment", {"sum": 1}, "integer string"),
        (1, "payment", {"sum": "1.0"}, "paid: "),
    ],
)
def test_what_does_not_fit_its_version_does_not_open(version, kind, data, why):
    with pytest.raises(CorruptLog, match=why) as caught:
        list(CODEC.read([line(version, kind, data)]))
    assert caught.value.record == 1


@pytest.mark.parametrize(
    ("version", "upcasts"), [(2, {}), (3, {2: second_to_third}), (1, {1: first_to_second}), (3, {1: first_to_second})]
)
def test_a_codec_can_lift_every_version_or_is_none(version, upcasts):
    with pytest.raises(ValueError, match="wanted an upcast of each version"):
        Codec({"paid": Paid}, version, upcasts)


def test_the_funds_log_is_of_version_1_still():
    """Kinds and fields were only added, so nothing needs lifting; whatever comes, log_v1*.jsonl replays."""
    assert VERSION == 1 and FUND_CODEC._version == 1 and FUND_CODEC._upcasts == {}
