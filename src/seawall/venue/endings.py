"""Endings: what an account's fills of a round come to: surcharges, and how its liquidation ends if it ends.

Layer    venue; imports rules, design, venue.{collateral,sales,scan,sizes,state}. Called by venue.plan.
Not here what fills (venue.sales), the events (venue.facts).
Held to  this by tests/venue/test_worked.py, test_fees.py, test_collateral.py; SPEC 4.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from seawall.design.types import Design
from seawall.rules.liquidation import Closed, assumption_units, close_out, surcharge_units
from seawall.venue import collateral
from seawall.venue.sales import Sale
from seawall.venue.scan import Values
from seawall.venue.sizes import surcharge_ppm
from seawall.venue.state import VenueState

Losses = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Liquidated:
    """A liquidated account within a round. Base units.

    reserved     losses below the bankruptcy price so far, where the liquidation goes on
    premium      on top of the deficit, to whoever assumes it
    fee_deficit  the part of the deficit that surcharges made which were final
    recovered    what the sale of dust paid towards a deficit that was recognised before; the account is not liquidated
    dust         the account sells dust for the fund
    """

    account: int
    equity: int
    maintenance: int
    sales: tuple[Sale, ...]
    surcharges: tuple[int, ...]
    closed: Closed
    losses: Losses
    ends: bool
    reserved: int
    premium: int = 0
    fee_deficit: int = 0
    recovered: int = 0
    dust: bool = False


def liquidated(
    state: VenueState, design: Design, account: int, sales: Sequence[Sale], values: Values, deleveraged: bool
) -> Liquidated:
    """What one account's fills come to: surcharges, and how it ends if it ends.

    deleveraged  left lots are closed at the bankruptcy price; here they count at the mark, so that the deficit holds
                 what winners lose against the mark by that
    """
    worths = [sale.worth(state.ticks[sale.market]) for sale in sales]
    backing = collateral.worth_units(state, account)
    base = int(state.cash[account]) + backing
    equity = base + sum(worths)
    surcharges, charged = [], 0
    for sale in sales:
        gain = sale.value - sale.value_at(sale.filled, sale.px)
        rate = surcharge_ppm(state, design, account, sale.market)
        fee = surcharge_units(abs(sale.value), rate, gain, equity - charged) if sale.filled else 0
        surcharges.append(fee)
        charged += fee
    flat = all(sale.left == 0 for sale in sales)
    # Collateral counts for a debt when it is sold; what winners are closed for is what it does not cover at the mark.
    left = equity - charged - (0 if deleveraged else backing)
    waits = left < 0 and not deleveraged and collateral.is_saleable(state, account, {})
    pending = 0 if design.liquidation.fees_final else sum(state.fees.get(account, {}).values()) + charged
    closed = close_out(left, pending)
    ends = deleveraged or (flat and not waits)
    final = state.final_fees.get(account, 0) + charged if design.liquidation.fees_final else 0
    return Liquidated(
        account=account,
        equity=values.equity(account),
        maintenance=values.maintenance(account),
        sales=tuple(replace(sale) for sale in sales),
        surcharges=tuple(surcharges),
        closed=closed,
        losses=_losses(state, account, sales, worths),
        ends=ends,
        reserved=0 if flat or deleveraged else max(0, below_units(state, account, sales)),
        premium=0 if deleveraged else premium_units(design, closed.deficit),
        fee_deficit=min(closed.deficit, final),
    )


def settled(state: VenueState, design: Design, account: int, sales: Sequence[Sale], values: Values) -> Liquidated:
    """An account without a position that sold collateral for what it owes. A sale of collateral bears no surcharge.

    Its deficit is recognised when nothing saleable is left; until then it waits for depth.
    """
    cash = int(state.cash[account]) + sum(sale.value - _part_of_cost(sale) for sale in sales)
    sold = {sale.market: sale.filled for sale in sales}
    pending = 0 if design.liquidation.fees_final else sum(state.fees.get(account, {}).values())
    closed = close_out(cash, pending)
    return Liquidated(
        account=account,
        equity=values.equity(account),
        maintenance=values.maintenance(account),
        sales=tuple(replace(sale) for sale in sales),
        surcharges=(0,) * len(sales),
        closed=closed,
        losses=_losses(state, account, (), ()),
        ends=cash >= 0 or not collateral.is_saleable(state, account, sold),
        reserved=0,
        premium=premium_units(design, closed.deficit),
        fee_deficit=min(closed.deficit, state.final_fees.get(account, 0)),
    )


def recovered(state: VenueState, account: int, sales: Sequence[Sale], values: Values) -> Liquidated:
    """A later sale of dust: what it pays is the fund's, up to the deficit that was recognised."""
    gained = sum(sale.value - _part_of_cost(sale) for sale in sales)
    return Liquidated(
        account=account,
        equity=values.equity(account),
        maintenance=values.maintenance(account),
        sales=tuple(replace(sale) for sale in sales),
        surcharges=(0,) * len(sales),
        closed=Closed(0, 0, 0, 0),
        losses=(),
        ends=False,
        reserved=0,
        recovered=max(0, min(gained, state.owed[account])),
        dust=True,
    )


def _part_of_cost(sale: Sale) -> int:
    """The cost of the lots sold, rounded down (SPEC 1); 0 where collateral came in at no cost."""
    return sale.cost * sale.filled // sale.size


def below_units(state: VenueState, account: int, sales: Sequence[Sale]) -> int:
    """What an account's fills lost beyond its own equity, earlier rounds' included, base units; negative: less than it.

    The lots that traded have their part of the equity, as the bankruptcy price apportions it, and all of it once all
    traded. The price itself, rounded in the account's favour in each round anew, plays no part: a reserve that gave way
    by a tick a lot and round would be sold against lot by lot, round after round.
    Rounding  up, by less than a unit a position; none once all traded
    """
    lost = sum(sale.value_at(sale.filled, state.ticks[sale.market]) - sale.value for sale in sales)
    if sales and not any(sale.left for sale in sales):
        used = sales[0].equity
    else:
        used = sum(sale.used_units() for sale in sales)
    return state.reserved.get(account, 0) + lost - used


def owes_units(
    state: VenueState, design: Design, account: int, sales: Sequence[Sale], *, at_marks: bool
) -> tuple[int, Losses]:
    """What layers would be asked for an account, were its left lots closed at their bankruptcy prices (or the marks).

    returns  (base units, the premium on top of a deficit included; losses by market)
    Surcharges cannot matter here: they are taken only from equity, and go back to a deficit first.
    """
    worths = [sale.worth(state.ticks[sale.market] if at_marks else sale.px) for sale in sales]
    if at_marks:
        owed = -(int(state.cash[account]) + collateral.worth_units(state, account) + sum(worths))
    else:
        owed = below_units(state, account, sales)
    deficit = max(0, owed - sum(state.fees.get(account, {}).values()))
    return deficit + premium_units(design, deficit), _losses(state, account, sales, worths)


def premium_units(design: Design, deficit: int) -> int:
    """What whoever assumes a deficit is paid on top of it, rounded up."""
    premium = design.liquidation.assumption_premium_ppm
    return assumption_units(deficit, premium) - deficit if premium else 0


def _losses(state: VenueState, account: int, sales: Sequence[Sale], worths: Sequence[int]) -> Losses:
    """Losses by market since the account was last flat; markets in profit are left out."""
    losses = []
    worth_of = {sale.market: worth for sale, worth in zip(sales, worths, strict=True)}
    for market, instrument in enumerate(state.instruments):
        result = int(state.realised[market, account]) + worth_of.get(market, 0)
        if result < 0:
            losses.append((instrument.id, -result))
    return tuple(losses)
