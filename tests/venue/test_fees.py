"""Surcharges that grow, surcharges that are final, and the premium of whoever assumes a debt: worked cases."""

from tests.generators import LayerSpec, MarketSpec, TierSpec, play
from tests.venue.second_book import follow
from tests.venue.test_worked import HALF, account, cash, story

RICH = (LayerSpec("shared", "shared_fund", 1_000),)


def balance(played, layer="shared"):
    return played.journal.state.layers[layer].balance


def surcharges(played):
    return [fill["surcharge"] for data in played.data("round_filled") for fill in data["fills"]]


GROWS = {"surcharge_growth_ppm": 20_000, "surcharge_growth_every_ms": 1_000, "surcharge_max_ppm": 40_000}


def grown(**keys):
    """16 lots of 60 (960) a step of an account far above its bankruptcy price of 40, and never healthy."""
    accounts = {"a": account(60_000, (0, 1_000, 100_000)), "b": account(9_000_000, (0, -1_000, -100_000))}
    markets = (MarketSpec("BTC", 1, (TierSpec(500_000),)),)
    more = {**GROWS, "account_notional_per_step": "1000", **keys}
    played = play(story(accounts, [60] * 4, bids=[(0, 500)], surcharge_ppm=10_000, markets=markets, liquidation=more))
    follow(played)
    return surcharges(played)


def test_the_surcharge_grows_with_the_time_since_the_liquidation_began_up_to_its_maximum():
    """1 % of 960 at once, 3 % after 1 s, then 4 %: 9.6, 28.8, 38.4, rounded up."""
    assert grown() == ["10", "29", "39", "39"]


def test_the_surcharge_does_not_grow_within_the_grace():
    """Grace 1 s: at exactly 1 s it has not grown yet."""
    assert grown(surcharge_grace_ms=1_000) == ["10", "10", "29", "39"]


def test_final_surcharges_are_the_funds_at_once_and_enlarge_a_later_deficit():
    """As in test_worked: 4 are charged on the first half; the second half leaves 39 of debt, all of it a deficit."""
    base = story(HALF, [80, 70], bids=[(0, 5)], surcharge_ppm=10_000, layers=RICH)
    pending, final = play(base), play(base.but(liquidation={"fees_final": True}))
    follow(final)
    (before,) = pending.data("accounts_closed")[0]["rows"]
    assert (before["fees_used"], before["deficit"]) == ("4", "35")
    first, second = final.data("accounts_closed")
    assert first["rows"] == [] and first["final"] == [{"account": "a", "fees": [{"market": "BTC", "amount": "4"}]}]
    (row,) = second["rows"]
    assert (row["fees_used"], row["deficit"], row["fee_deficit"]) == ("0", "39", "4")
    assert balance(final) == 1_000 + 4 - 39 and balance(pending) == 1_000 - 35
    inflows = [(data["inflow"]["source"], data["inflow"]["amount"]) for data in final.data("inflow_routed")]
    assert inflows == [("surcharge", "4")] and final.venue.state.pending_fees_units == 0


def test_final_surcharges_without_a_deficit_add_nothing_to_it():
    final = play(story(HALF, [80, 80], bids=[(0, 5)], surcharge_ppm=10_000, liquidation={"fees_final": True}))
    rows = [row for data in final.data("accounts_closed") for row in data["rows"]]
    assert [("fee_deficit" in row, row["deficit"]) for row in rows] == [(False, "0")]
    assert balance(final) == 8 and final.venue.state.final_fees == {}


def test_whoever_assumes_a_debt_is_paid_a_premium_on_top():
    """35 of debt and 10 %: 38.5, so 39; the account owes 35, the outside book gets 4."""
    accounts = {"a": account(165, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
    base = story(accounts, [80], bids=[(0, 50)], layers=RICH)
    played = play(base.but(liquidation={"assumption_premium_ppm": 100_000}))
    follow(played)
    (row,) = played.data("accounts_closed")[0]["rows"]
    assert (row["deficit"], row["premium"]) == ("35", "4")
    (covered,) = played.data("deficits_covered")[0]["rows"]
    assert (covered["drawn"], covered["severity"], covered["premium"], covered["cash_after"]) == ("39", "0", "4", "0")
    assert balance(played) == 1_000 - 39 and cash(played, "a") == 0
    assert played.venue.state.outside_cash == play(base).venue.state.outside_cash + 4


def test_nobody_assumes_the_debt_of_who_is_deleveraged():
    """-35 at 80, PX 83.5: closed against b at 84; no premium on top of what b loses."""
    accounts = {"a": account(165, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
    played = play(story(accounts, [80], bids=[(9, 50)], policy="adl", liquidation={"assumption_premium_ppm": 100_000}))
    assert played.data("deleveraged")
    assert "premium" not in played.data("accounts_closed")[0]["rows"][0]


def test_a_vault_gets_its_part_of_a_residual():
    """39 of residual: 30 % fund, 20 % vault, the rest the trader's: 11.7, 7.8, 19.5."""
    accounts = {"a": account(239, (0, 10, 1000)), "b": account(9_000, (0, -10, -1000))}
    layers = (LayerSpec("shared", "shared_fund", 0), LayerSpec("vault", "vault", 0))
    split = (300_000, 0, 500_000, 200_000)
    played = play(story(accounts, [80], bids=[(0, 50)], layers=layers, residual_split=split))
    assert (balance(played), balance(played, "vault"), cash(played, "a")) == (12, 8, 19)
