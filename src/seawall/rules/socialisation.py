"""Socialisation: severity spread over a base, pro rata, from one snapshot, when no layer is left.

Layer    rules; imports amounts, rules.water_fill; called by venue.haircuts, rules.withdrawal.
         SPEC 7; I5, I6, I10.
Not here closing of positions (rules.deleveraging), new shares for claimants (rules.dilution), gains of a clearing
         cycle (rules.gains_haircut), what may be withdrawn meanwhile (rules.withdrawal).
Held to  this by tests/rules/test_socialisation.py: one factor in Fractions, unit by unit; cases SOC-01, SOC-03.

`socialise` is exact and needs every participant. The two index forms are what a contract can afford: one number moves,
each position pays when it is next touched, and what rounding costs is stated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from seawall.amounts import PPM, Round, allocate, id_key, mul_div
from seawall.rules.water_fill import capped_water_fill

INDEX_ONE: Final = 10**12
"""A deposit index of 1: indices are integers in 10^-12 (SPEC 1)."""

Base = Literal[
    "positive_pnl",
    "equity",
    "open_interest",
    "open_interest_longs",
    "open_interest_shorts",
    "period_profit",
    "deposits",
    "lp_shares",
]
"""What a loss is spread over (SPEC 7). Only `positive_pnl` and `period_profit` never charge a loser."""


def positive_pnl_haircuts(
    severity_units: int, net_pnl_units: Sequence[int], equity_units: Sequence[int]
) -> tuple[int, ...]:
    """Haircuts over positive net profit: factor = severity / base, at most 1; the rest is the caller's to carry.

    severity_units  base units, >= 0
    net_pnl_units   shape (n,), each participant's net profit over all markets, by ascending id; losers pay nothing
    equity_units    shape (n,), nobody pays more than its equity
    returns         shape (n,), base units, adding up to min(severity, what the base can pay)
    Rounding        floor, then largest remainder, ties lowest id; independent of order: one snapshot.
    Source          SPEC 7 «Socialised loss»; OKX clawback of 2018 nets over all contracts (case SOC-01).
    """
    gains = [max(0, pnl) for pnl in net_pnl_units]
    caps = [min(gain, max(0, equity)) for gain, equity in zip(gains, equity_units, strict=True)]
    return capped_water_fill(severity_units, gains, caps)


def haircut_by_market(haircut_units: int, pnl_units: Sequence[int]) -> tuple[int, ...]:
    """A participant's haircut, split over its profitable markets by `allocate` over the profits there.

    pnl_units  shape (m,), profit by market; at least one positive where haircut_units > 0
    """
    return allocate(haircut_units, [max(0, pnl) for pnl in pnl_units])


# --- every base ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Participant:
    """One owner in the snapshot over which a loss is spread. Base units but `lp_shares`.

    id                 owner or account id; ties go to the lowest
    equity_units       equity at the marks, negative as it is; for `lp_shares` the value of the shares at the pool's
                       net asset value, for `deposits` the deposits minus what the depositor owes
    pnl_units          unrealised profit over all markets, net
    long_units         open notional of long positions at the marks, >= 0
    short_units        open notional of short positions at the marks, >= 0
    period_pnl_units   realised result of the session over all contracts, net
    deposit_units      deposits of the asset that is owed, >= 0
    lp_shares          shares of the pool, >= 0
    """

    id: str
    equity_units: int
    pnl_units: int = 0
    long_units: int = 0
    short_units: int = 0
    period_pnl_units: int = 0
    deposit_units: int = 0
    lp_shares: int = 0


@dataclass(frozen=True, slots=True)
class Socialised:
    """A loss, spread. `sum(haircuts) + carried` is the severity.

    haircuts       shape (n,), base units, in the order the participants were given in
    base_units     the base: base units, or shares for `lp_shares`
    factor_ppm_up  severity / base, at most 10^6, rounded up: a figure to publish, nothing is computed from it; 0 over
                   an empty base. For `lp_shares` it is severity / value of the shares
    carried        base units that the base could not pay
    """

    haircuts: tuple[int, ...]
    base_units: int
    factor_ppm_up: int
    carried: int


_BASES: Final[Mapping[Base, Callable[[Participant], int]]] = {
    "positive_pnl": lambda one: max(0, one.pnl_units),
    "equity": lambda one: max(0, one.equity_units),
    "open_interest": lambda one: one.long_units + one.short_units,
    "open_interest_longs": lambda one: one.long_units,
    "open_interest_shorts": lambda one: one.short_units,
    "period_profit": lambda one: max(0, one.period_pnl_units),
    "deposits": lambda one: one.deposit_units,
    "lp_shares": lambda one: one.lp_shares,
}


def socialise(base: Base, severity_units: int, participants: Sequence[Participant]) -> Socialised:
    """Spread a severity over a base: factor = severity / base, at most 1; what the base cannot pay is carried.

    base            what is charged, see `Base`
    severity_units  base units, >= 0
    participants    one snapshot, each id once, in any order: the order changes nothing, ties included
    returns         nobody pays more than its part of the base, nor more than its equity left (I6); what one's equity
                    cannot pay flows on to the others up to theirs. A base that charges losers leaves equity >= 0, but
                    may leave an account below its margin: that is the next round's
    Rounding        floor, then largest remainder, ties lowest id (`capped_water_fill`).
    Errors          ValueError: negative severity, notional, deposit or shares; an id twice.
    Source          SPEC 7 «Socialised loss»; Drift (open interest), OKX and Deribit clawbacks (period_profit: realised,
                    net over all contracts, case SOC-01), Morpho and Euler (deposits), Hyperliquid HLP (lp_shares).
    """
    if severity_units < 0:
        raise ValueError(f"socialise: wanted a severity >= 0; found {severity_units}")
    order = sorted(range(len(participants)), key=lambda i: id_key(participants[i].id))
    if len({one.id for one in participants}) < len(participants):
        raise ValueError("socialise: wanted each participant once; found an id twice")
    part_of = _BASES[base]
    weights = [part_of(participants[i]) for i in order]
    lowest = min(weights, default=0)
    if lowest < 0:
        raise ValueError(f"socialise: wanted parts of the base {base!r} >= 0; found {lowest}")
    equities = [max(0, participants[i].equity_units) for i in order]
    # Shares are no money: of a pool the stake is worth its equity, of every other base a part is its own limit.
    limits = equities if base == "lp_shares" else weights
    taken = capped_water_fill(severity_units, weights, [min(pair) for pair in zip(limits, equities, strict=True)])
    haircuts = [0] * len(participants)
    for place, haircut in zip(order, taken, strict=True):
        haircuts[place] = haircut
    return Socialised(
        tuple(haircuts), sum(weights), _factor_ppm_up(severity_units, sum(limits)), severity_units - sum(taken)
    )


def _factor_ppm_up(severity_units: int, base_units: int) -> int:
    """min(severity, base) / base in ppm, rounded up; 0 over an empty base."""
    if base_units == 0:
        return 0
    return mul_div(min(severity_units, base_units), PPM, base_units, Round.UP)


# --- open interest: one number a loss ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IndexCharges:
    """A loss charged to open interest through an index.

    delta_ppm      what the index moves: base units a lot, in 10^-6
    charges        shape (n,), base units each position pays
    surplus_units  charged beyond the loss by rounding, >= 0: the fund's
    """

    delta_ppm: int
    charges: tuple[int, ...]
    surplus_units: int


def open_interest_delta_ppm(loss_units: int, open_lots: int) -> int:
    """How far the index moves for a loss: ceil(loss x 10^6 / (long + short lots)), base units a lot in 10^-6.

    loss_units  >= 0
    open_lots   |lots| of both sides together, > 0 (0 only without a loss)
    Rounding    up: the index never collects less than the loss.
    Errors      ValueError: a negative loss, or a loss without a lot to charge.
    Source      Drift protocol-v2, social loss per open interest (it rounded down at first, and fell short).
    """
    if loss_units < 0 or open_lots < 0 or (loss_units and not open_lots):
        raise ValueError(f"open_interest_delta_ppm: wanted a loss >= 0 over lots > 0; found {loss_units}, {open_lots}")
    return mul_div(loss_units, PPM, open_lots, Round.UP) if loss_units else 0


def open_interest_charge_units(lots: int, delta_ppm: int) -> int:
    """What a position pays when it is touched: ceil(|lots| x delta / 10^6), base units, rounded up.

    delta_ppm  the index now minus the index when the position was last touched: several losses are charged at once
               and still bring in no less than their sum, since each moved the index up
    """
    return mul_div(abs(lots), delta_ppm, PPM, Round.UP)


def open_interest_index(loss_units: int, lots: Sequence[int]) -> IndexCharges:
    """Charge a loss to both sides' open interest by one index: O(1) on chain, losers pay too, equity is not looked at.

    lots      shape (n,), signed or not: each is charged by |lots|
    returns   sum(charges) = loss + surplus; the surplus is below n + ceil(open lots / 10^6) units and the fund's
    Rounding  delta up, charges up.
    Errors    as `open_interest_delta_ppm`.
    Source    Drift protocol-v2. The exact split is `open_interest_split`.
    """
    delta = open_interest_delta_ppm(loss_units, sum(abs(lot) for lot in lots))
    charges = tuple(open_interest_charge_units(lot, delta) for lot in lots)
    return IndexCharges(delta, charges, sum(charges) - loss_units)


def open_interest_split(loss_units: int, lots: Sequence[int]) -> tuple[int, ...]:
    """The same loss split exactly: `allocate` over |lots| of both sides; adds up to the loss, no surplus."""
    return allocate(loss_units, [abs(lot) for lot in lots])


# --- deposits: one index for all depositors ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IndexCut:
    """Depositors after a loss. `sum(claims) + dust_units` is what the pool holds then.

    index         the new index, in 10^-12, never above the old one
    claims        shape (n,), base units each depositor can claim
    dust_units    base units held above all claims: stays in the pool, nobody's, bears the next loss first
    carried       base units of the loss beyond all that the pool held
    """

    index: int
    claims: tuple[int, ...]
    dust_units: int
    carried: int


def deposit_claim_units(scaled: int, index: int) -> int:
    """A depositor's claim: floor(scaled deposit x index / 10^12), base units, rounded down."""
    return mul_div(scaled, index, INDEX_ONE, Round.DOWN)


def deposit_index_after(loss_units: int, assets_units: int, index: int, scaled_total: int) -> int:
    """The depositors' index after a loss, from four numbers: min(index, floor((assets - loss) x 10^12 / scaled)).

    loss_units    base units, >= 0; what is above the assets is the caller's to carry
    assets_units  base units the pool owns for its depositors before the loss, >= 0
    index         before, in 10^-12
    scaled_total  all deposits divided by the index at which they came; 0: the index stays
    Rounding      down: all claims together never exceed the assets left. Assets above the claims bear first.
    Errors        ValueError: a negative number.
    Source        Morpho and Euler (loss off the total supply assets), Mango and Vertex (deposit index).
    """
    if min(loss_units, assets_units, index, scaled_total) < 0:
        raise ValueError("deposit_index_after: wanted numbers >= 0")
    if scaled_total == 0:
        return index
    return min(index, mul_div(max(0, assets_units - loss_units), INDEX_ONE, scaled_total, Round.DOWN))


def deposit_index_cut(loss_units: int, assets_units: int, index: int, scaled: Sequence[int]) -> IndexCut:
    """Cut a loss off all depositors by their index, and list what each can claim then.

    scaled    shape (n,), each depositor's deposit divided by the index at which it came, >= 0
    returns   each claim is within 1 unit + scaled x 10^-12 below its exact part of the assets left, never above it
    Rounding  index down, claims down; the difference is `dust_units`.
    Errors    ValueError: a negative number, or claims before the loss above the assets.
    Source    as `deposit_index_after`. Unlike base `deposits` of `socialise` it does not look at anybody's equity.
    """
    if min(scaled, default=0) < 0:
        raise ValueError("deposit_index_cut: wanted deposits >= 0")
    owed = sum(deposit_claim_units(one, index) for one in scaled)
    if owed > assets_units:
        raise ValueError(f"deposit_index_cut: wanted assets of at least the claims {owed}; found {assets_units}")
    after = deposit_index_after(loss_units, assets_units, index, sum(scaled))
    claims = tuple(deposit_claim_units(one, after) for one in scaled)
    taken = min(loss_units, assets_units)
    return IndexCut(after, claims, assets_units - taken - sum(claims), loss_units - taken)
