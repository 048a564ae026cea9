"""A pool as everybody's counterparty: liquidations at the mark, results, the band, and what the pool cannot pay."""

from hypothesis import given

from tests.generators import LayerSpec, play
from tests.venue.mechanisms import mechanisms
from tests.venue.second_book import follow
from tests.venue.test_worked import account, cash, lots, story


def pool(balance):
    return (LayerSpec("pool", "vault", balance),)


def made(steps, accounts, balance=10_000, start=1_000_000, stop=1_000_000, cap=1_000_000, **more):
    text = f'[pool]\nlayer = "pool"\nadl_start_ppm = {start}\nadl_stop_ppm = {stop}\npayout_cap_ppm = {cap}\n'
    more.setdefault("layers", pool(balance))
    return play(story(accounts, steps, extra_text=text, **more))


def money(played):
    return played.journal.state.layers["pool"].balance


def held(played, market=0):
    return played.venue.state.held.get(("pool", market), (0, 0))


ALONE = {"a": account(239, (0, 10, 1000)), "b": account(500, (0, -4, -480))}


def test_the_pool_holds_the_other_side_from_the_start():
    played = made([100], ALONE)
    assert held(played) == (-6, -520)  # minus the accounts' lots, minus their costs
    assert played.data("venue_opened")[0]["outside"] == [{"market": "BTC", "lots": 0, "share_ppm": 0}]
    assert played.venue.state.opening_units == 739
    follow(played)


def test_a_liquidation_is_closed_against_the_pool_at_the_mark_without_a_ladder():
    """At 80 `a` has 39 of 40: ten lots at 80. The pool is left with b's other side: it has lost 0 on it."""
    played = made([80], ALONE)
    follow(played)
    (fill,) = played.data("round_filled")[0]["fills"]
    assert (fill["taken_lots"], fill["book_lots"], fill["cross_lots"], fill["amount"]) == (-10, 0, 0, "-800")
    assert cash(played, "a") == 39 and lots(played, "b") == -4
    # It holds b's other side, at b's cost; a's loss of 200 is its gain.
    assert held(played) == (4, 480) and money(played) == 10_200


def test_the_pool_bears_what_an_insolvent_account_does_not_pay():
    """At 70 `a` owes 61: the pool has gained 300 on it, of which 61 are drawn from itself."""
    accounts = {"a": account(239, (0, 10, 1000))}
    played = made([70], accounts, balance=0)
    follow(played)
    assert played.data("accounts_closed")[0]["rows"][0]["deficit"] == "61"
    assert money(played) == 300 - 61 and held(played) == (0, 0)


def test_the_result_of_a_winner_is_paid_by_the_pool_and_what_it_lacks_is_a_deficit():
    """`s` made 200 and has 30 of 60; `l` lost 100, so that the band is not left: 200 are due of 150."""
    accounts = {"s": account(-170, (0, 10, 1000)), "l": account(5_000, (0, 10, 1300))}
    layers = (*pool(150), LayerSpec("shared", "shared_fund", 30))
    played = made([120], accounts, layers=layers)
    follow(played)
    assert cash(played, "s") == 30
    (row,) = [row for data in played.data("deficits_covered") for row in data["rows"]]
    assert (row["account"], row["drawn"], row["severity"]) == ("pool", "30", "20")
    assert money(played) == 0 and played.venue.state.due == {}


BAND = {"w": account(5_000, (0, 10, 500)), "x": account(5_000, (0, 10, 900)), "l": account(5_000, (0, -1, -100))}
"""At 100: w has 500 of profit, x 100: 600 against the pool."""


def test_profits_above_the_band_are_closed_at_the_oracle_largest_first_until_it_is_left():
    """Of 1,000: 60 % > 50 %. w's lots of 50: (600 - 50 n) / (1,000 - 50 n) >= 40 % holds up to n = 6 (300 / 700).

    Then x's of 10: (300 - 10 n) / (700 - 10 n) >= 40 % up to n = 3 (270 / 670).
    """
    played = made([100], BAND, balance=1_000, start=500_000, stop=400_000)
    follow(played)
    (data,) = played.data("closed_against_layer")
    assert data["why"] == "band"
    rows = [(row["account"], row["lots"], row["price_ticks"], row["payout"]) for row in data["rows"]]
    assert rows == [("w", 6, 100, "300"), ("x", 3, 100, "30")]
    assert money(played) == 670 and lots(played, "w") == 4 and cash(played, "w") == 5_300


def test_within_the_band_nobody_is_closed():
    assert not made([100], BAND, balance=1_000, start=600_000, stop=400_000).data("closed_against_layer")


def test_the_payout_is_capped_and_the_pool_keeps_the_rest():
    """600 against a cap of 500: w's 500 are worth 417 (416.7). Six lots realise 300: floor(300 x 417 / 500) is paid.

    (600 - 300) / (1,000 - 250) is 40 %; a lot of x (290 / 742) would leave the band.
    """
    played = made([100], BAND, balance=1_000, start=500_000, stop=400_000, cap=500_000)
    follow(played)
    (row,) = played.data("closed_against_layer")[0]["rows"]
    assert (row["lots"], row["realised"], row["payout"]) == (6, "300", "250")
    assert money(played) == 750 and cash(played, "w") == 5_250


def test_a_pool_without_money_closes_nobody():
    assert not made([100], BAND, balance=0).data("closed_against_layer")


@given(mechanisms())
def test_with_a_pool_nothing_meets_a_book(story):
    if not story.spec.extra_text.startswith("[pool]"):
        story = story.but(
            layers=(
                *(one for one in story.spec.layers if one.id not in ("pool", "taker")),
                LayerSpec("pool", "vault", 700),
            ),
            extra_text='[pool]\nlayer = "pool"\nadl_start_ppm = 400000\nadl_stop_ppm = 300000\n',
        )
    played = play(story)
    follow(played)
    for data in played.data("round_filled"):
        assert not [row for row in data["book"] if row["market"] != "TOK"]
        assert all(fill["cross_lots"] == 0 for fill in data["fills"])
    for (layer, market), (held_lots, _) in played.venue.state.held.items():
        assert layer == "pool" and held_lots == -int(played.venue.state.lots[market].sum())
