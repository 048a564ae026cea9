"""Accrual: what time costs positions: funding of an interval; and the periods over which profit is counted.

Layer    venue; imports rules.funding, venue_events, venue.state. Called by venue.machine before a step's marks (4.1).
Not here rates (the caller's), the split (rules.funding), deficits (venue.plan).
Held to  this by tests/venue/test_accrual.py; I1.

Funding is worked out at the marks that stood through the interval, those with which the step before ended; a market
whose mark is stale or that is closed accrues nothing. All that is due is collected at once: an account that cannot pay
it owes it, its cash falls below zero, and the debt is part of its deficit. The outside book and layers that hold
positions take part by their lots.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seawall.amounts import Units
from seawall.design.types import Design
from seawall.rules.contracts import notional_units
from seawall.rules.funding import accrue_funding
from seawall.venue.state import VenueState
from seawall.venue_events import CashRow, FundingPaid, FundingRow, InventoryRow, PeriodBegan, RateRow


def period_began(state: VenueState, design: Design, t_ms: int) -> PeriodBegan | None:
    """The period of realised profit that contains a time, when it is not the one that is kept; where it is a base."""
    rules = design.exhaustion
    used = rules.socialised_base == "period_profit" and "socialised_loss" in (rules.policy, rules.fallback)
    start = t_ms // rules.period_ms * rules.period_ms
    return PeriodBegan(start) if used and start != state.period_ms else None


def funding_paid(state: VenueState, rates: Mapping[str, int]) -> FundingPaid | None:
    """Funding of one interval.

    rates    market id -> rate in 10^-12, positive: longs pay shorts
    returns  None when no market accrues
    Rounding payers up; receivers share what was paid by `allocate` over notional, ties lowest id, layers, outside book.
    Errors   ValueError: a market that is not the venue's.
    Source   SPEC 4.1.
    """
    unknown = set(rates) - {instrument.id for instrument in state.instruments}
    if unknown:
        raise ValueError(f"funding: wanted markets of the venue; found {', '.join(sorted(unknown))}")
    rows: list[FundingRow] = []
    totals: list[RateRow] = []
    inventory: list[InventoryRow] = []
    cash: dict[int, int] = {}
    outside_cash = state.outside_cash
    for market, instrument in enumerate(state.instruments):
        rate = rates.get(instrument.id, 0)
        if not rate or not _accrues(state, market):
            continue
        accounts = [int(account) for account in np.flatnonzero(state.lots[market])]
        layers = [(layer, *position) for (layer, held), position in sorted(state.held.items()) if held == market]
        lots = [int(state.lots[market, account]) for account in accounts]
        lots += [held for _, held, _ in layers] + [state.outside_lots[market]]
        ticks, contract = state.ticks[market], instrument.contract
        notionals = [notional_units(contract, n, ticks) * (1 if n > 0 else -1) for n in lots]
        accrual = accrue_funding(notionals, rate)
        amounts = [got - paid for got, paid in zip(accrual.received, accrual.paid, strict=True)]
        inventory += [
            InventoryRow(layer, instrument.id, 0, Units(-amount), Units(amount), held, Units(cost))
            for (layer, held, cost), amount in zip(layers, amounts[len(accounts) : -1], strict=True)
        ]
        for account, amount in zip(accounts, amounts[: len(accounts)], strict=True):
            if amount:
                rows.append(FundingRow(state.accounts[account], instrument.id, Units(amount)))
                cash[account] = cash.get(account, int(state.cash[account])) + amount
        outside_cash += amounts[-1]
        totals.append(RateRow(instrument.id, rate, Units(sum(accrual.paid)), Units(amounts[-1])))
    if not totals:
        return None
    after = tuple(CashRow(state.accounts[account], Units(units)) for account, units in sorted(cash.items()))
    return FundingPaid(state.step + 1, tuple(totals), tuple(rows), after, Units(outside_cash), tuple(inventory))


def _accrues(state: VenueState, market: int) -> bool:
    """Whether a market's positions pay funding: it is open, and its mark can be used."""
    open_market = market not in state.settled and not state.is_collateral(market)
    return open_market and state.ticks[market] > 0 and market not in state.stale
