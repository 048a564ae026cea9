"""Liquidation: who is liquidated, in which order, what it is charged, and what is left or owed in the end.

Layer    rules; imports amounts, design.types; called by venue.plan. SPEC 2, 4.5, 4.6.
Not here how much is sold (rules.liquidation_size) and at which worst price (rules.liquidation_price), fills
         (venue.ladder), who pays a deficit (rules.waterfall).
Held to  this by tests/rules/test_liquidation.py; the scan of venue.scan decides the trigger in arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from seawall.amounts import PPM, Round, id_key, mul_div, ppm_up


def is_liquidatable(equity_units: int, maintenance_units: int, trigger: Literal["below", "at_or_below"]) -> bool:
    """Whether an account with open positions is liquidated: equity < maintenance, or <= where the design says so."""
    if trigger == "below":
        return equity_units < maintenance_units
    return equity_units <= maintenance_units


def stage(
    equity_units: int,
    base_units: int,
    thresholds_ppm: Sequence[int],
    trigger: Literal["below", "at_or_below"] = "below",
) -> int:
    """How far down an account is: the number of thresholds that equity / base is below.

    base_units      >= 0: the maintenance margin, or what the venue measures against (FTX: notional)
    thresholds_ppm  falling: (1,000,000, 666,667) is liquidated, then taken over
    trigger         `at_or_below`: a threshold is passed at equality too
    returns         0 (healthy) to the number of thresholds; ratios are compared by cross-multiplying, exactly
    Source          Hyperliquid (maintenance, two thirds of it), Lighter (maintenance, close-out), FTX (10, 4, 2 %).
    """
    return sum(is_liquidatable(equity_units * PPM, base_units * level, trigger) for level in thresholds_ppm)


def queue_key(account: str, equity_units: int, maintenance_units: int) -> tuple[Fraction, tuple[int, str]]:
    """Sort key of accounts that wait for the engine: lowest equity / maintenance first, ties lowest id (SPEC 4.2)."""
    return Fraction(equity_units, max(maintenance_units, 1)), id_key(account)


def surcharge_units(notional: int, surcharge_ppm: int, gain_units: int, equity_left_units: int) -> int:
    """The liquidation surcharge of one slice: what is taken, never what the formula asks for.

    notional           base units liquidated, at the fill
    surcharge_ppm      the market's or the design's rate
    gain_units         lots x (fill - bankruptcy price) in the account's favour; a loss counts as 0
    equity_left_units  the account's equity after the fill and earlier surcharges; negative counts as 0
    returns            base units, >= 0
    Rounding           up: it is owed to the fund. The two caps keep it from making or enlarging a deficit.
    Source             SPEC 4.6.
    """
    return max(0, min(ppm_up(notional, surcharge_ppm), gain_units, equity_left_units))


def grown_surcharge_ppm(
    base_ppm: int, elapsed_ms: int, grace_ms: int, growth_ppm: int, growth_every_ms: int, max_ppm: int | None
) -> int:
    """The surcharge's rate, the higher the longer a liquidation is not finished.

    elapsed_ms       since it began
    grace_ms         before it grows; at exactly this time it has not grown yet
    growth_ppm       added for every full `growth_every_ms` after the grace
    growth_every_ms  > 0
    max_ppm          the rate's end, where it is above the base; None: 10^6
    Rounding         the number of periods down: only full periods count.
    Source           Drift v2 get_liquidation_fee, which counts the grace as well once it is over.
    """
    periods = max(0, elapsed_ms - grace_ms) // growth_every_ms
    most = PPM if max_ppm is None else max_ppm
    return max(base_ppm, min(base_ppm + growth_ppm * periods, most))


def room_capped_fee_ppm(
    set_ppm: int,
    margin_ppm: int,
    liquidator_fee_ppm: int,
    shortage_units: int,
    notional_units: int,
    room_share_ppm: int = 950_000,
) -> int:
    """The fund's fee where it must leave room for the liquidation to restore the account.

    set_ppm             the market's rate
    margin_ppm          the maintenance margin that closing frees
    liquidator_fee_ppm  goes first
    shortage_units      maintenance margin - equity, >= 0
    notional_units      of the position at the mark
    room_share_ppm      of the room that the fee may take
    returns             ppm, 0 to set_ppm: share x (margin - liquidator fee - shortage / notional); 0 without notional
    Rounding            once, down: a fee above the room would not restore.
    Source              Drift v2 calculate_perp_if_fee, 19/20 of the room.
    """
    if notional_units <= 0:
        return 0
    room = (margin_ppm - liquidator_fee_ppm) * notional_units - shortage_units * PPM
    return max(0, min(set_ppm, mul_div(room, room_share_ppm, notional_units * PPM, Round.DOWN)))


def assumption_units(debt_units: int, premium_ppm: int) -> int:
    """What whoever assumes a debt is paid for it: ceil(debt x (1 + premium)), base units.

    Rounding  up: a payment below the debt would leave a part of it with nobody.
    Source    Mango v4, token bankruptcy: ceil(debt x (1 + liquidation fee)) from the insurance fund.
    """
    return ppm_up(debt_units, PPM + premium_ppm)


def assumable_debt_units(available_units: int, debt_units: int, premium_ppm: int) -> int:
    """The most of a debt that `available_units` pays somebody to assume, base units, rounded down.

    Rule  the largest d <= debt with ceil(d x (1 + premium)) <= available.
    """
    return min(debt_units, max(0, mul_div(available_units, PPM, PPM + premium_ppm, Round.DOWN)))


@dataclass(frozen=True, slots=True)
class Closed:
    """How a flat account ends; exactly one of residual and deficit can be positive. Base units.

    fees_used      pending fees of this liquidation that went back to its own deficit
    fees_routed    pending fees that are the fund's to route
    residual       equity left
    deficit        debt after the account's own margin and pending fees
    """

    fees_used: int
    fees_routed: int
    residual: int
    deficit: int


def close_out(equity_units: int, pending_fee_units: int) -> Closed:
    """Settle a flat account: its own deficit takes its pending fees first, the rest of them is routed.

    equity_units       of the flat account, signed
    pending_fee_units  surcharges charged since the liquidation began, >= 0
    Source             SPEC 4.6, 6 («engine recovery and pending fees»).
    """
    if equity_units >= 0:
        return Closed(0, pending_fee_units, equity_units, 0)
    used = min(pending_fee_units, -equity_units)
    return Closed(used, pending_fee_units - used, 0, -equity_units - used)
