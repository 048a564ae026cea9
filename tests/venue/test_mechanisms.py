"""Every mechanism of liquidation over any design, book, depth and prices: what must hold whatever is combined."""

import json
from dataclasses import replace

from hypothesis import given, strategies as st

from seawall.design.loader import design_digest
from seawall.fund.journal import replay as replay_fund, state_digest
from seawall.venue.replay import replay, venue_digest
from seawall.venue_events import VENUE_CODEC
from tests.generators import play
from tests.venue.mechanisms import mechanisms
from tests.venue.second_book import follow


@given(mechanisms())
def test_I1_I11_a_second_bookkeeper_comes_to_the_same_money_after_every_event(story):
    played = play(story)
    book, state = follow(played), played.venue.state
    for place, name in enumerate(state.accounts):
        assert book.purse[name] == int(state.cash[place]) - int(state.cost[:, place].sum())
    assert book.rounding == state.rounding >= 0
    for (layer, market), lots in book.layer_lots.items():
        place = next(i for i, instrument in enumerate(state.instruments) if instrument.id == market)
        assert state.held.get((layer, place), (0, 0))[0] == lots
    fund = played.journal.state
    assert book.from_fund == fund.totals.drawn + fund.totals.inventory_lost
    assert book.severity_open == fund.carried_units + fund.pending_units + fund.totals.recovered


@given(mechanisms())
def test_I7_the_logs_replay_to_the_same_state_and_bytes(story):
    played = play(story)
    design = story.spec.design
    again = replay(played.venue.lines, design, story.book(), design_digest(design))
    assert venue_digest(again) == venue_digest(played.venue.state)
    assert state_digest(replay_fund(played.journal.lines)) == state_digest(played.journal.state)
    prevs = [json.loads(line)["prev"] for line in played.venue.lines]
    for line, prev, recorded in zip(played.venue.lines, prevs, VENUE_CODEC.read(played.venue.lines), strict=True):
        assert VENUE_CODEC.encode(recorded, prev) == line


@given(mechanisms(), st.sampled_from([2**70, 1, 40]))
def test_python_integers_and_64_bits_give_the_same_bytes(story, ceiling):
    plain = play(story)
    other = play(replace(story, ceilings={market.id: ceiling for market in story.spec.markets}))
    assert plain.venue.lines == other.venue.lines and plain.journal.lines == other.journal.lines
