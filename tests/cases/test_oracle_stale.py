"""Oracles: a price that may not be used decides nothing, and one thin book is no index."""

from seawall.amounts import ppm_down
from seawall.rules.liquidation import is_liquidatable
from seawall.rules.marks import index_price, stale_reason
from tests.generators import DesignSpec, LayerSpec, MarketSpec, Story, TierSpec, play


def test_ORA_01_a_price_is_fresh_and_strictly_inside_the_feeds_bounds_or_nothing_happens(case):
    given = case["inputs"]
    bounds = given["max_age"], given["feed_floor"], given["feed_ceiling"]
    usable = [stale_reason(p["price"], p["updated"], given["now"], *bounds) == "" for p in given["prices"]]
    assert usable == case["expected"]["usable"]

    # The whole venue: at the feed's floor everybody is bankrupt, and nothing happens; one tick above it, everything.
    market = MarketSpec("BTC", 1, (TierSpec(50_000),), floor=given["feed_floor"], ceiling=given["feed_ceiling"])
    spec = DesignSpec(markets=(market,), layers=(LayerSpec("shared", "shared_fund", 0),), policy="socialised_loss")
    accounts = {"a": ("a", 0, ((0, 1, 500_000),)), "b": ("b", 0, ((0, -1, -500_000),))}
    for price, done in (
        (given["feed_floor"], False),
        (given["feed_floor"] - 1, False),
        (given["feed_floor"] + 1, True),
    ):
        played = play(Story(spec, accounts, {("BTC", "bids"): ((0, 1),)}, ({"BTC": price},)))
        assert bool(played.data("round_filled")) == done
        assert bool(played.data("marked")[0]["marks"][0]["stale"]) != done


def test_ORA_03_the_index_is_a_median_that_one_thin_book_cannot_move(case):
    """Collateral is not built yet: its value is worked out here, the index and the trigger are the rules'."""
    given, wanted = case["inputs"], case["expected"]
    kept = 1_000_000 - given["haircut_ppm"]

    def judged(price):
        value = ppm_down(given["collateral_tokens"] * price, kept)
        equity = value + given["cash"]
        return value, equity, is_liquidatable(equity, given["maintenance_margin"], "below")

    index = index_price(given["sources_base_units"])
    assert index == wanted["index"]
    assert judged(index) == (wanted["collateral_value"], wanted["equity"], wanted["liquidatable"])
    wrong = wanted["wrong_on_own_book"]
    value, equity, hit = judged(given["sources_base_units"][0])
    assert (value, equity, hit, -equity) == (wrong["collateral_value"], wrong["equity"], True, wrong["false_deficit"])
