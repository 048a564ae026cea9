"""Liquidation: who is liquidated, in which order, what it is charged, and what is left or owed in the end.

Layer    rules; imports amounts, design.types; called by venue.plan. SPEC 2, 4.5, 4.6.
Not here fills (venue.ladder) and who pays a deficit (rules.waterfall).
Held to  this by tests/rules/test_liquidation.py; the scan of venue.scan decides the trigger in arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from seawall.amounts import id_key, ppm_up


def is_liquidatable(equity_units: int, maintenance_units: int, trigger: Literal["below", "at_or_below"]) -> bool:
    """Whether an account with open positions is liquidated: equity < maintenance, or <= where the design says so."""
    if trigger == "below":
        return equity_units < maintenance_units
    return equity_units <= maintenance_units


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
