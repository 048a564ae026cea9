"""The venue's log: damage is found and named, as in the fund's, whose envelope it shares."""

import json

import pytest

from seawall.design.loader import design_digest
from seawall.fund.codec import CorruptLog
from seawall.venue.replay import replay, venue_digest
from seawall.venue_events import VENUE_CODEC
from tests.generators import LayerSpec, play
from tests.venue.test_worked import WINNERS, account, long, story

STORY = story(
    {"a": account(120, long(10, 100)), **WINNERS},
    [100, 80, 80],
    bids=[(20, 99)],
    policy="adl",
    layers=(LayerSpec("shared", "shared_fund", 30),),
)
PLAYED = play(STORY)
LINES = PLAYED.venue.lines


def again(lines, book=None, digest=None):
    design = STORY.spec.design
    return replay(lines, design, book or STORY.book(), digest or design_digest(design))


def flipped(record: int, byte: int, bit: int) -> list[bytes]:
    """The log with one bit of one record (from 1) changed."""
    line = bytearray(LINES[record - 1])
    line[byte] ^= 1 << bit
    return [*LINES[: record - 1], bytes(line), *LINES[record:]]


def test_the_log_holds_what_matters_and_replays_to_the_same_state():
    kinds = [json.loads(line)["kind"] for line in LINES]
    assert set(kinds) == {
        "venue_opened", "marked", "round_filled", "accounts_closed", "deficits_covered", "deleveraged",
    }  # fmt: skip
    assert venue_digest(again(LINES)) == venue_digest(PLAYED.venue.state)


def test_every_flipped_bit_before_the_last_record_is_refused_by_the_chain():
    for record, line in enumerate(LINES[:-1], start=1):
        for byte in range(len(line)):
            for bit in range(8):
                with pytest.raises(CorruptLog) as caught:
                    list(VENUE_CODEC.read(flipped(record, byte, bit)))
                assert caught.value.record in (record, record + 1)


def test_every_flipped_bit_before_the_last_record_is_refused_by_replay_too():
    """Whatever the damage does to the state on the way, what comes out is a corrupt log and the record."""
    for record in range(2, len(LINES)):
        for byte in range(0, len(LINES[record - 1]), 3):
            for bit in (0, 1, 4):
                with pytest.raises(CorruptLog) as caught:
                    again(flipped(record, byte, bit))
                assert caught.value.record in (record, record + 1)


def test_a_log_belongs_to_its_book_and_its_design():
    other = story({"a": account(121, long(10, 100)), **WINNERS}, [100]).book()
    with pytest.raises(CorruptLog, match="book") as caught:
        again(LINES, book=other)
    assert caught.value.record == 1
    with pytest.raises(CorruptLog, match="design"):
        again(LINES, digest="0" * 64)


@pytest.mark.parametrize(("lines", "record"), [([], 1), (LINES[1:], 1), ([LINES[0], *LINES[2:]], 2)])
def test_a_log_without_its_beginning_or_with_a_gap_is_refused(lines, record):
    with pytest.raises(CorruptLog) as caught:
        again(lines)
    assert caught.value.record == record


def test_a_log_begins_with_the_venues_opening():
    first = json.loads(LINES[1]) | {"seq": 1, "prev": "0" * 64}
    with pytest.raises(CorruptLog, match="venue_opened"):
        again([json.dumps(first).encode()])
