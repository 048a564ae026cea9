"""Dilution: a loss paid by making shares or tokens, so that owners hold a smaller part instead of paying cash.

Layer    rules; imports amounts, rules.water_fill; called by fund.decide and scenarios. SPEC 7.
Not here deposits into and redemptions from a pool, the token's value as cover (it counts zero, SPEC 2).
Held to  this by tests/rules/test_dilution.py: search over every number of shares, tokens and bids; worked numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seawall.amounts import PPM, Round, allocate, mul_div
from seawall.rules.water_fill import capped_water_fill

# --- shares of a pool ---------------------------------------------------------------------------------------------


def lp_loss_parts_units(loss_units: int, nav_units: int, shares: Sequence[int]) -> tuple[int, ...]:
    """A pool's loss as each holder bears it: pro rata to shares, nobody above its part of the net asset value.

    loss_units  base units, 0 <= loss < nav: a pool without value left is wound up instead
    nav_units   net asset value before the loss
    shares      shape (n,), >= 0, some > 0, by ascending id
    returns     shape (n,), base units, adding up to the loss
    Rounding    floor, then largest remainder, ties lowest id.
    Errors      ValueError outside these ranges.
    """
    _check_loss("lp_loss_parts_units", loss_units, nav_units)
    return capped_water_fill(loss_units, shares, allocate(nav_units, shares))


def new_shares(loss_units: int, nav_units: int, shares_total: int) -> int:
    """Shares that claimants of a loss get instead of cash: floor(loss x shares / (nav - loss)).

    loss_units    base units, 0 <= loss < nav
    nav_units     net asset value; it does not change, nothing leaves the pool
    shares_total  before, > 0
    returns       the most new shares that are worth no more than the loss once they exist; 0: carry the loss instead
    Rounding      down: the holders never lose more than the loss.
    Errors        ValueError outside these ranges.
    """
    _check_loss("new_shares", loss_units, nav_units)
    if shares_total <= 0:
        raise ValueError(f"new_shares: wanted shares > 0; found {shares_total}")
    return mul_div(loss_units, shares_total, nav_units - loss_units, Round.DOWN)


def shares_for_claims(claims_units: Sequence[int], nav_units: int, shares_total: int) -> tuple[int, ...]:
    """`new_shares` of all claims together, split over them by `allocate`; shape (n,), by ascending id."""
    return allocate(new_shares(sum(claims_units), nav_units, shares_total), claims_units)


def _check_loss(rule: str, loss_units: int, nav_units: int) -> None:
    if not 0 <= loss_units < nav_units:
        raise ValueError(f"{rule}: wanted 0 <= loss < net asset value {nav_units}; found {loss_units}")


# --- the venue's own token: mint and sell ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Minted:
    """Tokens made and sold at an executed price.

    tokens         base units of the token
    raised_units   base units of the asset that is owed, what the sale brought
    missing_units  needed and not raised: the mint's limit was reached
    """

    tokens: int
    raised_units: int
    missing_units: int


def tokens_to_mint(needed_units: int, price_units: int, token_decimals: int) -> int:
    """The fewest tokens whose sale brings what is needed: ceil(needed x 10^decimals / price), token base units.

    needed_units    base units of the asset that is owed, >= 0
    price_units     base units of that asset for one whole token, > 0: a price at which the sale was executed
    token_decimals  >= 0
    Rounding        up.
    Errors          ValueError outside these ranges.
    """
    if needed_units < 0 or price_units <= 0 or token_decimals < 0:
        raise ValueError(f"tokens_to_mint: wanted needed >= 0, a price > 0; found {needed_units}, {price_units}")
    return mul_div(needed_units, 10**token_decimals, price_units, Round.UP)


def mint_and_sell(needed_units: int, price_units: int, token_decimals: int, mint_limit: int | None = None) -> Minted:
    """Mint what is needed, no more than the limit, and sell it at the executed price.

    mint_limit  token base units that may still be made; None: no limit
    returns     raised >= needed, or what the limit allows; what is raised beyond is below one token base unit's worth,
                rounded up, and the fund's
    Rounding    tokens up, money down.
    Errors      as `tokens_to_mint`; ValueError for a negative limit.
    Source      Maker (flop), Perp v1 (mint of the venue's token when the fund was empty).
    """
    tokens = tokens_to_mint(needed_units, price_units, token_decimals)
    if mint_limit is not None:
        if mint_limit < 0:
            raise ValueError(f"mint_and_sell: wanted a limit >= 0; found {mint_limit}")
        tokens = min(tokens, mint_limit)
    raised = mul_div(tokens, price_units, 10**token_decimals, Round.DOWN)
    return Minted(tokens, raised, max(0, needed_units - raised))


# --- reverse auction ------------------------------------------------------------------------------------------------

BidAnswer = Literal["accepted", "no_tokens", "not_lower_enough", "auction_over", "last_bid_won"]
"""What became of a bid."""


@dataclass(frozen=True, slots=True)
class AuctionTerms:
    """A reverse auction: a fixed amount of money for ever fewer tokens.

    amount_units      base units the winner pays, > 0
    start_tokens      token base units offered at first, > 0
    min_decrease_ppm  each bid asks for at least this much less than the one before, 1..10^6 - 1
    start_ms          when it opens
    auction_ms        it ends at start + this at the latest
    bid_ms            it ends this long after the last accepted bid
    """

    amount_units: int
    start_tokens: int
    min_decrease_ppm: int
    start_ms: int
    auction_ms: int
    bid_ms: int


@dataclass(frozen=True, slots=True)
class Bid:
    """One offer: so many token base units for the whole amount. `t_ms` is when it was written down."""

    bidder: str
    tokens: int
    t_ms: int


@dataclass(frozen=True, slots=True)
class Auctioned:
    """How an auction ended.

    winner        bidder of the last accepted bid; None: no bid, nothing is sold and nothing raised
    tokens        token base units minted for the winner
    raised_units  the fixed amount, or 0
    answers       shape (bids,), what became of each
    """

    winner: str | None
    tokens: int
    raised_units: int
    answers: tuple[BidAnswer, ...]


def reverse_auction(terms: AuctionTerms, bids: Sequence[Bid]) -> Auctioned:
    """Run a reverse auction over its bids: the last valid one wins.

    bids      in the order in which they were written down; at equal times that order decides
    returns   a bid is valid when 0 < tokens <= floor(standing tokens x (10^6 - decrease) / 10^6), before the end; the
              first bid may ask for all that is offered
    Rounding  the limit down: against the bidder.
    Errors    ValueError: terms outside their ranges, bids that go back in time or come before the start.
    Source    Maker, flop auction (`beg`, `ttl`, `tau`).
    """
    _check_terms(terms, bids)
    standing: Bid | None = None
    answers: list[BidAnswer] = []
    for bid in bids:
        answer = _answer(terms, standing, bid)
        answers.append(answer)
        if answer == "accepted":
            standing = bid
    if standing is None:
        return Auctioned(None, 0, 0, tuple(answers))
    return Auctioned(standing.bidder, standing.tokens, terms.amount_units, tuple(answers))


def _answer(terms: AuctionTerms, standing: Bid | None, bid: Bid) -> BidAnswer:
    """Whether a bid is accepted over the standing one, and if not why."""
    if bid.t_ms >= terms.start_ms + terms.auction_ms:
        return "auction_over"
    if standing is not None and bid.t_ms >= standing.t_ms + terms.bid_ms:
        return "last_bid_won"
    if bid.tokens <= 0:
        return "no_tokens"
    most = terms.start_tokens
    if standing is not None:
        most = mul_div(standing.tokens, PPM - terms.min_decrease_ppm, PPM, Round.DOWN)
    return "accepted" if bid.tokens <= most else "not_lower_enough"


def _check_terms(terms: AuctionTerms, bids: Sequence[Bid]) -> None:
    if terms.amount_units <= 0 or terms.start_tokens <= 0 or not 0 < terms.min_decrease_ppm < PPM:
        raise ValueError(f"reverse_auction: wanted amount, tokens > 0, a decrease of 1 to 10^6 - 1 ppm; found {terms}")
    times = [terms.start_ms, *(bid.t_ms for bid in bids)]
    if times != sorted(times):
        raise ValueError("reverse_auction: wanted bids in the order of their times, none before the start")


def restart_tokens(start_tokens: int, increase_ppm: int) -> int:
    """Tokens offered when an auction without a bid is opened again: floor(start x (10^6 + increase) / 10^6).

    Rounding  down: no more is minted than stated.
    Source    Maker, flop `tick` (`pad` 1.5 is an increase of 500000).
    """
    return mul_div(start_tokens, PPM + increase_ppm, PPM, Round.DOWN)
