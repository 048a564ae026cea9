"""Dilution: a pool's loss in shares, tokens minted and sold, and the auction for ever fewer tokens."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given, strategies as st

from seawall.rules.dilution import (
    Auctioned,
    AuctionTerms,
    Bid,
    lp_loss_parts_units,
    mint_and_sell,
    new_shares,
    restart_tokens,
    reverse_auction,
    shares_for_claims,
    tokens_to_mint,
)
from tests.rules.exact_fill import exact_fill
from tests.rules.references import allocate_by_quota, allocate_by_units

# --- shares of a pool ---------------------------------------------------------------------------------------------


def test_worked_parts_and_new_shares():
    assert lp_loss_parts_units(1000, 10_010, (5000, 3000, 2010)) == (499, 300, 201)
    assert new_shares(2500, 10_000, 1000) == 333
    assert new_shares(1000, 10_010, 1001) == 111
    assert shares_for_claims((1500, 1000), 10_000, 1000) == (200, 133)


@given(st.integers(0, 80), st.integers(1, 90), st.lists(st.integers(0, 30), min_size=1, max_size=5).filter(any))
def test_a_pools_loss_equals_one_level_in_fractions_reference(loss, nav, shares):
    assume(loss < nav)
    parts = lp_loss_parts_units(loss, nav, shares)
    values = allocate_by_units(nav, shares)
    assert sum(parts) == loss
    assert parts == exact_fill(loss, shares, values)
    assert all(part <= value for part, value in zip(parts, values))  # nobody loses more than its shares are worth


@given(st.integers(0, 300), st.integers(1, 400), st.integers(1, 60))
def test_new_shares_equal_the_most_that_are_worth_no_more_than_the_loss(loss, nav, shares):
    assume(loss < nav)
    found = 0
    while Fraction(nav * (found + 1), shares + found + 1) <= loss:
        found += 1
    assert new_shares(loss, nav, shares) == found


@given(st.integers(0, 10**30), st.integers(1, 10**31), st.integers(1, 10**30))
def test_holders_lose_no_more_than_the_loss_and_less_than_one_share_of_it_is_lost(loss, nav, shares):
    assume(loss < nav)
    made = new_shares(loss, nav, shares)
    assert Fraction(nav * made, shares + made) <= loss < Fraction(nav * (made + 1), shares + made + 1)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), st.integers(1, 300), st.integers(1, 99))
def test_claimants_share_the_new_shares_by_their_claims(claims, nav, shares):
    assume(sum(claims) < nav)
    made = new_shares(sum(claims), nav, shares)
    wanted = allocate_by_quota(made, claims) if made else (0,) * len(claims)
    assert shares_for_claims(claims, nav, shares) == wanted


@pytest.mark.parametrize("loss", [-1, 100, 101])
def test_a_loss_of_all_that_there_is_cannot_be_diluted(loss):
    with pytest.raises(ValueError, match="wanted 0 <= loss < net asset value 100"):
        new_shares(loss, 100, 10)
    with pytest.raises(ValueError, match="wanted 0 <= loss < net asset value 100"):
        lp_loss_parts_units(loss, 100, (1, 2))


def test_a_pool_without_shares_cannot_be_diluted():
    with pytest.raises(ValueError, match="wanted shares > 0"):
        new_shares(1, 100, 0)


# --- mint and sell ----------------------------------------------------------------------------------------------------


@given(st.integers(0, 200), st.integers(1, 60), st.integers(0, 2))
def test_tokens_to_mint_equal_the_fewest_that_bring_what_is_needed(needed, price, decimals):
    tokens = 0
    while Fraction(tokens * price, 10**decimals) < needed:
        tokens += 1
    assert tokens_to_mint(needed, price, decimals) == tokens


@given(st.integers(0, 10**20), st.integers(1, 10**12), st.integers(0, 18), st.none() | st.integers(0, 10**20))
def test_what_is_raised_and_missing_covers_what_is_needed(needed, price, decimals, limit):
    found = mint_and_sell(needed, price, decimals, limit)
    assert found.raised_units == int(Fraction(found.tokens * price, 10**decimals))
    assert found.missing_units == max(0, needed - found.raised_units)
    if limit is None or found.tokens < limit:
        assert found.missing_units == 0
        # one token base unit fewer would not have been enough
        assert found.tokens == 0 or Fraction((found.tokens - 1) * price, 10**decimals) < needed
    else:
        assert found.tokens == limit


def test_worked_mint():
    """1,000 at 7.50 a token of 18 decimals: 133.33.. tokens rounded up raise 1,000; a limit of 100 tokens 750."""
    found = mint_and_sell(1_000_000_000, 7_500_000, 18)
    assert found.tokens == 133_333_333_333_333_333_334 and found.raised_units == 1_000_000_000
    cut = mint_and_sell(1_000_000_000, 7_500_000, 18, 100 * 10**18)
    assert (cut.tokens, cut.raised_units, cut.missing_units) == (100 * 10**18, 750_000_000, 250_000_000)
    coarse = mint_and_sell(10, 7, 0)
    assert (coarse.tokens, coarse.raised_units) == (2, 14)  # 4 above what was needed are the fund's


def test_a_mint_needs_a_price():
    for needed, price, decimals in ((-1, 1, 0), (1, 0, 0), (1, 1, -1)):
        with pytest.raises(ValueError, match="wanted needed >= 0, a price > 0"):
            tokens_to_mint(needed, price, decimals)
    with pytest.raises(ValueError, match="wanted a limit >= 0"):
        mint_and_sell(1, 1, 0, -1)


# --- reverse auction --------------------------------------------------------------------------------------------------

TERMS = AuctionTerms(50_000, 1000, 50_000, 100, 300, 90)  # each bid 5 % lower


def standing_after(terms, bids):
    """The last valid bid, by its definition: the bid before it is the last valid one of those before."""
    if not bids:
        return None
    before, bid = standing_after(terms, bids[:-1]), bids[-1]
    most = Fraction(terms.start_tokens)
    end = terms.start_ms + terms.auction_ms
    if before is not None:
        most = before.tokens * (1 - Fraction(terms.min_decrease_ppm, 10**6))
        end = min(end, before.t_ms + terms.bid_ms)
    return bid if 0 < bid.tokens <= most and bid.t_ms < end else before


@st.composite
def bid_lists(draw):
    times = sorted(draw(st.lists(st.integers(100, 460), max_size=8)))
    numbers = st.integers(-1, 30) | st.integers(0, 1100)
    return [Bid(f"b{i}", draw(numbers), t) for i, t in enumerate(times)]


@given(bid_lists(), st.integers(1, 400_000))
def test_an_auction_equals_its_recursive_definition_reference(bids, decrease):
    terms = AuctionTerms(50_000, 1000, decrease, 100, 300, 90)
    winner = standing_after(terms, bids)
    found = reverse_auction(terms, bids)
    assert (found.winner, found.tokens) == ((None, 0) if winner is None else (winner.bidder, winner.tokens))
    assert found.raised_units == (0 if winner is None else 50_000)
    for k, answer in enumerate(found.answers):
        assert (answer == "accepted") == (standing_after(terms, bids[: k + 1]) is bids[k])


@given(bid_lists())
def test_each_accepted_bid_asks_for_at_least_the_decrease_less(bids):
    found = reverse_auction(TERMS, bids)
    accepted = [bid.tokens for bid, answer in zip(bids, found.answers) if answer == "accepted"]
    assert all(later * 10**6 <= earlier * 950_000 for earlier, later in pairwise(accepted))
    assert found.tokens == min(accepted, default=0)


def test_worked_auction():
    bids = [
        Bid("a", 1001, 100),  # above what is offered
        Bid("a", 1000, 110),
        Bid("b", 951, 120),  # 4.9 % lower
        Bid("b", 950, 120),
        Bid("c", 902, 130),  # 5 % of 950 is 47.5: at most 902
        Bid("d", 0, 140),
        Bid("d", 800, 220),  # 90 ms after c's bid: c has won
        Bid("d", 700, 400),
    ]
    answers = ("not_lower_enough", "accepted", "not_lower_enough", "accepted", "accepted", "no_tokens")
    found = reverse_auction(TERMS, bids)
    assert found == Auctioned("c", 902, 50_000, (*answers, "last_bid_won", "auction_over"))
    assert reverse_auction(TERMS, [Bid("a", 903, 110), Bid("b", 858, 120)]).winner == "a"  # 857.85 is the most


def test_an_auction_without_a_bid_raises_nothing_and_may_be_opened_for_more():
    assert reverse_auction(TERMS, []) == Auctioned(None, 0, 0, ())
    assert restart_tokens(1001, 500_000) == 1501


@pytest.mark.parametrize(
    ("terms", "bids", "text"),
    [
        (AuctionTerms(0, 1000, 1, 0, 1, 1), [], "wanted amount, tokens > 0"),
        (AuctionTerms(1, 0, 1, 0, 1, 1), [], "wanted amount, tokens > 0"),
        (AuctionTerms(1, 1, 0, 0, 1, 1), [], "a decrease of 1 to"),
        (AuctionTerms(1, 1, 10**6, 0, 1, 1), [], "a decrease of 1 to"),
        (TERMS, [Bid("a", 900, 200), Bid("b", 800, 199)], "in the order of their times"),
        (TERMS, [Bid("a", 900, 99)], "none before the start"),
    ],
)
def test_an_auction_refuses_terms_and_bids_without_meaning(terms, bids, text):
    with pytest.raises(ValueError, match=text):
        reverse_auction(terms, bids)
