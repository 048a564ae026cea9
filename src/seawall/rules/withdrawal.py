"""Withdrawal: what may leave while losses are open, so that leaving early is no way out of a loss.

Layer    rules; imports amounts, rules.socialisation; called by venue and fund machines. SPEC 7 «Withdrawals», I6.
Not here redemption of tranche shares, screening of a payee, whether a loss is socialised at all (rules.socialisation).
Held to  this by tests/rules/test_withdrawal.py: Fractions, orders of leaving tried out, worked numbers.

Four rules, one a design:
- `pay_next`: a factor, one by one, as leavers come. Later ones gain or lose by what happens in between.
- `pay_batch`: a factor, all of a batch from one snapshot.
- `allowed_units`: everybody may take what it keeps after its part of the open loss. The order of leaving and closing
  changes nothing, as long as leaving does not change the base: true of positive_pnl, open_interest* and period_profit.
  Over equity, deposits or lp_shares a leaver shrinks its own part of the base; there the factor is the right rule.
- `gated`: nobody takes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.amounts import Round, allocate, mul_div
from seawall.rules.socialisation import Base, Participant, Socialised, socialise


@dataclass(frozen=True, slots=True)
class Pool:
    """What is held against what is claimed. Base units.

    assets_units  cash that can be paid out, >= 0
    claims_units  sum of max(equity, 0), >= 0
    """

    assets_units: int
    claims_units: int


def pay_next(pool: Pool, claim_units: int) -> tuple[int, Pool]:
    """Pay one leaver the factor of the moment: floor(claim x min(assets, claims) / claims).

    claim_units  0..claims
    returns      base units paid, the pool after it: assets - paid, claims - claim
    Rounding     down; the unit lost stays for those after.
    Errors       ValueError: a claim below 0 or above all claims, negative assets.
    Source       Paradex and Derive, withdrawal factor while the venue is short.
    """
    if not 0 <= claim_units <= pool.claims_units or pool.assets_units < 0:
        raise ValueError(f"pay_next: wanted a claim of 0 to {pool.claims_units} on assets >= 0; found {claim_units}")
    if claim_units == 0:
        return 0, pool
    paid = mul_div(claim_units, min(pool.assets_units, pool.claims_units), pool.claims_units, Round.DOWN)
    return paid, Pool(pool.assets_units - paid, pool.claims_units - claim_units)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of withdrawals, paid from one snapshot. Base units.

    payouts            shape (n,), none above its claim
    claims_left_units  claims of those who stay
    loss_left_units    open loss that they still share: what the leavers bore is gone from it
    """

    payouts: tuple[int, ...]
    claims_left_units: int
    loss_left_units: int


def pay_batch(claims_units: Sequence[int], claims_total_units: int, open_loss_units: int) -> Batch:
    """Pay a batch of leavers together: `allocate` of floor(their claims x max(0, L - U) / L) over their claims.

    claims_units        shape (n,), by ascending id, each >= 0, together at most L
    claims_total_units  L, sum of max(equity, 0) of everybody, leavers among them
    open_loss_units     U, see `open_loss_units`; >= 0
    returns             nothing is stranded: once all claims left, in whatever batches, exactly max(0, L - U) was paid
    Rounding            what the batch gets down, the unit stays with those who stay; within it largest remainder,
                        ties lowest id. With U = 0 every claim is paid whole.
    Errors              ValueError: a negative number, claims above L.
    Source              SPEC 7 «Withdrawal haircut».
    """
    leaving = sum(claims_units)
    if min(open_loss_units, *claims_units, claims_total_units) < 0 or leaving > claims_total_units:
        raise ValueError(f"pay_batch: wanted claims >= 0 of at most {claims_total_units} in all; found {leaving}")
    if leaving == 0:
        return Batch((0,) * len(claims_units), claims_total_units, open_loss_units)
    kept = max(0, claims_total_units - open_loss_units)
    paid = mul_div(leaving, kept, claims_total_units, Round.DOWN)
    borne = leaving - paid  # at most U: what leavers bore is no longer open
    return Batch(allocate(paid, claims_units), claims_total_units - leaving, open_loss_units - borne)


def open_loss_units(equities_units: Sequence[int], carried_units: int, available_units: int) -> int:
    """Open loss U = max(0, sum of max(-equity, 0) + carried - available layers), base units, exact.

    equities_units   every account's equity, negative as it is
    carried_units    carried bad debt, >= 0
    available_units  what layers could pay of these losses, >= 0
    """
    return max(0, sum(max(0, -equity) for equity in equities_units) + carried_units - available_units)


def open_loss_haircuts(
    base: Base, participants: Sequence[Participant], carried_units: int, available_units: int
) -> Socialised:
    """What each would pay if the open loss were socialised now: the h of `allowed_units`, by the design's base."""
    equities = [one.equity_units for one in participants]
    return socialise(base, open_loss_units(equities, carried_units, available_units), participants)


def allowed_units(wanted_units: int, equity_units: int, initial_margin_units: int, haircut_units: int) -> int:
    """What an account may take while losses are open: min(wanted, equity - initial margin - haircut), never below 0.

    wanted_units          base units, >= 0
    equity_units          now, may be negative
    initial_margin_units  of its open positions, >= 0 (rounded up)
    haircut_units         its part of the open loss (`open_loss_haircuts`), >= 0
    Source                SPEC 7: what it leaves behind still pays its part, whenever the loss is closed.
    """
    return max(0, min(wanted_units, equity_units - initial_margin_units - haircut_units))


def gated(open_loss_units: int, now_ms: int, last_open_ms: int | None, hold_ms: int) -> bool:
    """Whether all withdrawals wait: a loss is open, or was within the last `hold_ms`.

    last_open_ms  when a loss was last seen open; None: never
    hold_ms       how long the gate stays shut afterwards: in [last, last + hold), half-open; 0: it opens at once
    Source        dYdX v4 blocks withdrawals and transfers for 50 blocks after a negative account was seen.
    """
    return open_loss_units > 0 or (last_open_ms is not None and now_ms < last_open_ms + hold_ms)
