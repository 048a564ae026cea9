"""A market without a usable price for too long ends at its last good price, once; its accounts are decided once."""

from dataclasses import replace

from hypothesis import given, strategies as st

from seawall.fund.journal import replay as replay_fund, state_digest
from seawall.venue.replay import replay, venue_digest
from tests.generators import LayerSpec, MarketSpec, TierSpec, play, squeezes, stories
from tests.venue.second_book import follow
from tests.venue.test_worked import account, cash, long, lots, short, story

ONE = (TierSpec(10_000),)
MARKETS = (MarketSpec("BTC", 1, ONE), MarketSpec("ETH", 1, ONE))


def halted(steps, stale_max=2_000, accounts=None, **spec):
    """BTC is priced in the steps that say so; a price is good for the step in which it is seen."""
    rows = accounts or {"l": account(300, long(10, 100)), "s": account(300, short(8, 100))}
    spec.setdefault("markets", MARKETS)
    spec.setdefault("policy", "carry")
    return story(rows, steps, max_age_ms=0, mark={"stale_max_ms": stale_max}, **spec)


def test_a_market_ends_at_its_last_good_price_after_longer_than_the_design_allows():
    """Good at 1000; at 3000 it has been 2000 and waits; at 4000 it ends: 10 lots at 90 lost 100, 8 short won 80."""
    quiet = {"ETH": 50}
    waiting = play(halted([{"BTC": 90}, quiet, quiet]))
    assert not waiting.data("market_settled") and lots(waiting, "l") == 10
    played = play(halted([{"BTC": 90}, quiet, quiet, quiet]))
    (event,) = played.data("market_settled")
    assert (event["step"], event["good_ms"], event["market"]["ticks"]) == (4, 1000, 90)
    assert event["market"] == {"market": "BTC", "ticks": 90, "outside_lots": -2, "outside_cash_after": "-180"}
    assert [cash(played, name) for name in ("l", "s")] == [200, 380]
    assert (lots(played, "l"), lots(played, "s"), played.venue.state.outside_lots[0]) == (0, 0, 0)


def test_a_settled_market_is_closed_for_the_run():
    quiet = {"ETH": 50}
    played = play(halted([{"BTC": 90}, quiet, quiet, quiet, {"BTC": 500}, quiet]))
    assert len(played.data("market_settled")) == 1
    later = [row["market"] for data in played.data("marked")[4:] for row in data["marks"]]
    assert "BTC" not in later and played.venue.state.ticks[0] == 90 and cash(played, "l") == 200


def test_after_a_halt_only_a_price_seen_since_counts():
    """A market that is left out goes on with a price that ages; it is stale until a new one comes, whatever the age."""
    quiet = {"ETH": 50}
    crash = play(halted([{"BTC": 100}, quiet, {"BTC": 40}], stale_max=9_000))
    assert [data["triggered"][0]["account"] for data in crash.data("round_filled")] == []
    assert not play(halted([{"BTC": 40}, quiet], stale_max=9_000)).data("market_settled")
    played = play(halted([{"BTC": 100}, quiet, quiet, {"BTC": 60}], stale_max=2_500))
    assert not played.data("market_settled"), "a price came in time"


def test_a_price_at_the_feeds_floor_is_no_usable_price():
    """The feed repeats its floor of 50: the last good price is the 90 before it."""
    markets = (MarketSpec("BTC", 1, ONE, floor=50), MARKETS[1])
    played = play(halted([{"BTC": 90}, {"BTC": 50}, {"BTC": 50}, {"BTC": 50}], markets=markets))
    assert played.data("market_settled")[0]["market"]["ticks"] == 90


def test_a_market_that_never_had_a_price_waits():
    played = play(halted([{"ETH": 50}] * 5, accounts={"l": account(300, long(1, 100))}))
    assert not played.data("market_settled") and lots(played, "l") == 1


def test_a_displacement_of_the_venues_own_does_not_settle():
    """`a` is sold 30 below and moves the mark to 70; the feed's price was 100."""
    rows = {"a": account(5, long(10, 100)), "l": account(900, long(10, 100)), "s": account(900, short(20, 100))}
    base = halted([{"BTC": 100}, {}, {}, {}], accounts=rows, pass_through_ppm=1_000_000)
    played = play(replace(base, ladders={("BTC", "bids"): ((30, 10),)}))
    assert [row["ticks"] for row in played.data("marked")[1]["marks"]] == [70]
    assert played.data("market_settled")[0]["market"]["ticks"] == 100


def test_accounts_that_owe_flat_are_deficits_of_the_same_step_and_others_are_decided_by_what_is_left():
    """`d` cannot be decided while BTC is stale. BTC ends at 80: `e` is flat with -50, `d` is left with ETH and 10."""
    rows = {
        "e": account(150, long(10, 100)),
        "d": account(210, long(10, 100), long(20, 100, 1)),
        "s": account(3_000, short(20, 100)),
        "t": account(3_000, short(20, 100, 1)),
    }
    steps = [{"BTC": 80}, {"ETH": 100}, {"ETH": 100}]
    base = halted(steps, accounts=rows, stale_max=500, layers=(LayerSpec("shared", "shared_fund", 30),))
    played = play(replace(base, ladders={("ETH", "bids"): ((1, 500),)}))
    (settled,) = played.data("market_settled")
    assert settled["step"] == 2
    triggered = [(row["account"], row["equity"]) for data in played.data("round_filled") for row in data["triggered"]]
    assert triggered == [("d", "10"), ("e", "-50")]
    closed = {row["account"]: row["deficit"] for data in played.data("accounts_closed") for row in data["rows"]}
    assert closed == {"d": "10", "e": "50"}
    assert played.journal.state.carried_units == 30 and not played.venue.state.unsettled


def test_fees_of_a_liquidation_that_a_settlement_ends_are_routed():
    """`a` sold half at 80 for a surcharge of 4 and waits; BTC ends at 80: it is flat with 11 and keeps them."""
    rows = {"a": account(215, long(10, 100)), "b": account(900, short(10, 100))}
    base = halted(
        [{"BTC": 80}, {}, {}, {}], accounts=rows, surcharge_ppm=10_000, markets=(MarketSpec("BTC"), MARKETS[1])
    )
    played = play(replace(base, ladders={("BTC", "bids"): ((0, 5),)}))
    assert len(played.data("market_settled")) == 1
    assert cash(played, "a") == 11 and played.journal.state.layers["shared"].balance == 4
    assert not played.venue.state.fees and not played.venue.state.unsettled


@given(st.one_of(stories(), squeezes(2)), st.sampled_from([0, 1_000, 2_500]), st.sampled_from([0, 1_000]))
def test_I1_I7_I11_with_settlements(story, stale_max, max_age):
    """Steps are played twice over, the second time without the first market: it ends once, at a price that was good."""
    first = story.spec.markets[0].id
    quiet = tuple({name: ticks for name, ticks in step.items() if name != first} for step in story.steps * 2)
    story = replace(
        story.but(mark={"stale_max_ms": stale_max}, max_age_ms=max_age), steps=story.steps + quiet + story.steps
    )
    played = play(story)
    follow(played)
    good: dict[str, int] = {}
    ended = []
    for _, envelope in played.records:
        data = envelope["data"]
        if envelope["kind"] == "marked":
            good |= {row["market"]: row["anchor_ticks"] for row in data["marks"] if not row["stale"]}
            assert not any(row["market"] in ended for row in data["marks"])
        elif envelope["kind"] == "market_settled":
            assert data["market"]["ticks"] == good[data["market"]["market"]]
            ended.append(data["market"]["market"])
    assert len(set(ended)) == len(ended) and not played.venue.state.unsettled
    fund = played.journal.state
    again = replay(played.venue.lines, story.spec.design, story.book(), fund.design_digest)
    assert venue_digest(again) == venue_digest(played.venue.state)
    assert state_digest(replay_fund(played.journal.lines)) == state_digest(fund)
