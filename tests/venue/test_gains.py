"""Gains haircuts over the steps of a venue: ISDA's cycles, caps, the fallback, the deadline; and any story."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from seawall.fund.journal import replay as replay_fund, state_digest
from seawall.venue.replay import replay, venue_digest
from tests.generators import MarketSpec, TierSpec, play, squeezes, stories
from tests.venue.second_book import follow
from tests.venue.test_worked import account, cash, long, lots, short, story

TINY = (TierSpec(1),)
MARKETS = (MarketSpec("X", 1, TINY), MarketSpec("Y", 1, TINY))


def isda(steps=((100, 100), (90, 100), (90, 110)), exhaustion=None, **spec):
    """D, long 71 of X from 100 with 10, owes 700 at 90. A, B, C are short 30, 15, 5 of X and long 0, 40, 20 of Y."""
    rows = {
        "A": account(5_000, short(30, 100)),
        "B": account(5_000, short(15, 100), long(40, 100, 1)),
        "C": account(5_000, short(5, 100), long(20, 100, 1)),
        "D": account(10, long(71, 100)),
    }
    spec = {"markets": MARKETS, "policy": "gains_haircut", "exhaustion": exhaustion or {}, **spec}
    base = story(rows, [{"X": x, "Y": y} for x, y in steps], **spec)
    return replace(base, ladders={("X", "bids"): ((0, 500),), ("Y", "bids"): ((0, 500),)})


def cycles(played):
    """Of each gains event: cycle, severity before, what A, B, C paid, how it ends."""
    found = []
    for event in played.data("gains_taken"):
        paid = dict.fromkeys("ABC", 0)
        for row in event["rows"]:
            paid[row["account"]] += int(row["amount"])
        found.append((event["cycle"], int(event["severity"]), tuple(paid.values()), event["ends"]))
    return found


def test_isda_gains_of_two_cycles_pay_a_shortfall_of_700():
    """(300, 150, 50) and (0, 400, 200): 500 at first, then 200 as 133 and 67."""
    played = play(isda())
    assert cycles(played) == [(1, 700, (300, 150, 50), ""), (2, 200, (0, 133, 67), "paid")]
    assert [data["settle"].get("final", True) for data in played.data("settled")] == [False, True]
    assert played.venue.state.open_batches == {} and played.journal.state.pending_units == 0
    assert played.journal.state.carried_units == 0
    assert [cash(played, name) for name in "ABC"] == [5_000] * 3, "the cost of what gained rises, cash stands"


def test_a_step_without_a_gain_is_a_round_and_nothing_is_settled():
    played = play(isda(((100, 100), (90, 100), (90, 100), (90, 110))))
    assert cycles(played) == [(1, 700, (300, 150, 50), ""), (2, 200, (0, 0, 0), ""), (3, 200, (0, 133, 67), "paid")]
    assert len(played.data("settled")) == 2


def test_losers_pay_in_full_and_a_net_loss_is_no_gain():
    """In step three B gains 400 in Y and loses 450 in X: nothing is taken from it, and nothing given back."""
    played = play(isda(((100, 100), (90, 100), (120, 110))))
    assert cycles(played)[1] == (2, 200, (0, 0, 50), "")  # C: 200 - 150


def test_a_cap_holds_over_all_cycles_of_a_batch():
    """200 each: 200, 150, 50, then 50 more of B and 150 more of C; 100 are left when the rounds are over."""
    played = play(isda(exhaustion={"gains_cap": "200", "gains_max_rounds": 2}))
    assert cycles(played) == [(1, 700, (200, 150, 50), ""), (2, 300, (0, 50, 150), "rounds")]
    assert played.journal.state.carried_units == 100


@pytest.mark.parametrize(("fallback", "carried"), [("carry", 200), ("socialised_loss", 0), ("tear_up", 200)])
def test_what_the_rounds_leave_goes_to_the_fallback(fallback, carried):
    """After one round 200 are left. All profit of X is taken: a tear-up of X finds none; B and C have none in Y yet."""
    played = play(isda(exhaustion={"gains_max_rounds": 1}, fallback=fallback))
    assert cycles(played) == [(1, 700, (300, 150, 50), "rounds")]
    assert played.journal.state.carried_units == (carried if fallback != "socialised_loss" else 200)
    assert lots(played, "A") == (0 if fallback == "tear_up" else -30)


def test_a_deadline_ends_the_rounds():
    played = play(isda(((100, 100), (90, 100), (90, 100), (90, 110)), deadline_ms=1500))
    assert [end for *_, end in cycles(played)] == ["", "", "deadline"]
    (lapsed,) = [data for data in played.data("severity_carried") if data["why"] == "deadline"]
    assert lapsed["batch"] == "b2.1" and played.journal.state.carried_units == 200
    assert played.venue.state.open_batches == {}


def test_two_batches_share_a_steps_gains_oldest_first():
    """E owes 100 of its own at the third step: of B's 400 and C's 200 the first batch takes 200, the second what is
    left of each by what is left: 267 and 133 of 400."""
    base = isda()
    rows = {**base.accounts, "E": ("E", 101, (short(20, 100, 1),))}
    played = play(replace(base, accounts=rows, ladders={**base.ladders, ("Y", "asks"): ((0, 500),)}))
    _, second, third = cycles(played)
    assert second == (2, 200, (0, 133, 67), "paid")
    assert third == (1, 99, (0, 66, 33), "paid")


def test_what_one_batch_took_of_a_steps_gains_is_gone_for_the_next():
    """E owes 500 at the third step; of 400 and 200 the first batch took 133 and 67: 267 and 133 are left for it."""
    base = isda()
    rows = {**base.accounts, "E": ("E", 100, (short(60, 100, 1),))}
    played = play(replace(base, accounts=rows, ladders={**base.ladders, ("Y", "asks"): ((0, 500),)}))
    assert cycles(played)[2] == (1, 500, (0, 267, 133), "")
    assert list(played.venue.state.open_batches) == ["b3.1"]


def test_gains_since_the_step_before_not_since_entry():
    """A was short from 500 long ago: that profit is not of this step."""
    base = isda()
    rows = {**base.accounts, "A": ("A", 5_000, (short(30, 500),))}
    assert cycles(play(replace(base, accounts=rows)))[0] == (1, 700, (300, 150, 50), "")


@given(
    st.one_of(stories(policies=("gains_haircut",)), squeezes(1), squeezes(2)),
    st.sampled_from(["carry", "socialised_loss", "tear_up"]),
    st.integers(1, 3),
    st.one_of(st.none(), st.integers(0, 200)),
    st.sampled_from([60_000, 0, 1_500]),
)
def test_I1_I7_I10_gains_over_any_steps(story, fallback, rounds, cap, deadline):
    """Haircuts and what is carried or pending are the severity; nobody pays more than its gain; the log replays."""
    extra = {"gains_max_rounds": rounds} | ({} if cap is None else {"gains_cap": str(cap)})
    story = story.but(policy="gains_haircut", fallback=fallback, exhaustion=extra, deadline_ms=deadline)
    story = replace(story, steps=(*story.steps, *story.steps[::-1]))
    played = play(story)
    follow(played)
    fund, state = played.journal.state, played.venue.state
    assert sum(batch.left for batch in state.open_batches.values()) == fund.pending_units
    paid: dict[tuple[str, str], int] = {}
    for event in played.data("gains_taken"):
        assert event["cycle"] <= rounds or event["ends"] == "deadline"
        for row in event["rows"]:
            assert 0 < int(row["amount"]) <= int(row["profit"])
            key = event["batch"], row["account"]
            paid[key] = paid.get(key, 0) + int(row["amount"])
    assert cap is None or all(units <= cap for units in paid.values())
    assert venue_digest(
        replay(played.venue.lines, story.spec.design, story.book(), fund.design_digest)
    ) == venue_digest(state)
    assert state_digest(replay_fund(played.journal.lines)) == state_digest(fund)
