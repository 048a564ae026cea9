"""Movements: what a venue's event did to accounts and layers outside liquidations: funding, ends, money in and out.

Layer    report; imports venue_events. Called by report.{venue_rows,story}.
Not here liquidations, closings and deleveraged lots: they have tables and chapters of their own.
Held to  this by tests/report/test_movements.py, a case for each kind of event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seawall.amounts import Units
from seawall.venue_events import (
    CashRow,
    ClosedAgainstLayer,
    Deposited,
    EndedRow,
    FundingPaid,
    GainsTaken,
    InventoryMoved,
    InventoryRow,
    InventorySettled,
    MarketSettled,
    PositionsTornUp,
    RecourseTaken,
    Recovered,
    VenueEvent,
    Withdrawn,
)


@dataclass(frozen=True, slots=True)
class Movement:
    """One account or layer, and what an event did to it.

    what        `funding`, `gains_haircut`, `torn_up`, `tear_up`, `market_settled`, `withdrawal`, `withdrawal_haircut`,
                `deposit`, `recourse`, `inventory`, `inventory_settled`, `closed_against_layer`, `recovered`
    account, layer  whose, the other ""
    market      "" where it is money of no market
    lots        signed, bought > 0; 0 where it is money alone
    amount      base units, received > 0: realised, paid in or out, or taken; of `gains_haircut` out of open profit
    cash_after  after the event, or, of several deficits that one account pays, after this one; None where its cash
                stood still, and of a layer
    batch, id   of the severity; of the request
    other       who stood on the other side, where one did
    """

    what: str
    account: str
    layer: str
    market: str
    lots: int
    amount: Units
    cash_after: Units | None = None
    batch: str = ""
    id: str = ""
    other: str = ""


def movements(event: VenueEvent) -> Iterator[Movement]:
    """An event's movements, in the order of its rows; none of an event that other tables show."""
    match event:
        case FundingPaid():
            after = _cash(event.cash)
            for paid in event.rows:
                yield Movement("funding", paid.account, "", paid.market, 0, paid.amount, after.get(paid.account))
            yield from _inventory("funding", event.inventory)
        case GainsTaken():
            for taken in event.rows:
                less = Units(-taken.amount)
                yield Movement("gains_haircut", taken.account, "", taken.market, 0, less, taken.cash_after, event.batch)
        case PositionsTornUp():
            yield from _ended("torn_up", event.positions, event.cash, event.batch)
            after = _cash(event.cash)
            for torn in event.haircuts:
                less = Units(-torn.haircut)
                yield Movement("tear_up", torn.account, "", "", 0, less, after.get(torn.account), event.batch)
            yield from _inventory("torn_up", event.inventory, event.batch)
        case MarketSettled():
            yield from _ended("market_settled", event.positions, event.cash)
            yield from _inventory("market_settled", event.inventory)
        case InventoryMoved():
            yield from _inventory("inventory", event.rows)
        case InventorySettled():
            for settled in event.rows:
                net = Units(settled.gain - settled.loss)
                yield Movement("inventory_settled", "", settled.layer, settled.market, 0, net)
        case ClosedAgainstLayer():
            yield from _closed_against(event)
        case _:
            yield from _traders_money(event)


def _traders_money(event: VenueEvent) -> Iterator[Movement]:
    """Money of accounts alone: in and out, between accounts of an owner, and to a deficit of before."""
    match event:
        case Withdrawn():
            for row in event.rows:
                if row.paid:
                    less = Units(-row.paid)
                    yield Movement("withdrawal", row.account, "", "", 0, less, row.cash_after, id=row.id)
                if row.borne:
                    less = Units(-row.borne)
                    yield Movement("withdrawal_haircut", row.account, "", "", 0, less, row.cash_after, id=row.id)
        case Deposited():
            yield Movement("deposit", event.account, "", "", 0, event.amount, event.cash_after, id=event.id)
        case RecourseTaken():
            for given in event.rows:
                less, got, paid = Units(-given.amount), given.account_cash_after, given.payer_cash_after
                yield Movement("recourse", given.account, "", "", 0, given.amount, got, other=given.payer)
                yield Movement("recourse", given.payer, "", "", 0, less, paid, other=given.account)
        case Recovered():
            for back in event.rows:
                yield Movement("recovered", back.account, "", "", 0, Units(-back.amount), back.cash_after)
        case _:
            pass


def _cash(rows: Iterable[CashRow]) -> dict[str, Units]:
    return {row.account: row.cash for row in rows}


def _ended(what: str, rows: Iterable[EndedRow], cash: Iterable[CashRow], batch: str = "") -> Iterator[Movement]:
    """Positions that ended: to end a long is to sell it."""
    after = _cash(cash)
    for row in rows:
        yield Movement(what, row.account, "", row.market, -row.lots, row.realised, after.get(row.account), batch)


def _inventory(what: str, rows: Iterable[InventoryRow], batch: str = "") -> Iterator[Movement]:
    for row in rows:
        yield Movement(what, "", row.layer, row.market, row.lots, row.realised, batch=batch)


def _closed_against(event: ClosedAgainstLayer) -> Iterator[Movement]:
    """Winners sell what the layer buys; their payout is what was realised, less what a pool's cap keeps."""
    layer = {row.market: row for row in event.inventory}
    after = _cash(event.cash)
    for row in event.rows:
        taker = layer[row.market]
        lots = -row.lots if taker.lots > 0 else row.lots
        yield Movement(
            "closed_against_layer",
            row.account,
            "",
            row.market,
            lots,
            row.payout,
            after.get(row.account),
            other=taker.layer,
        )
    yield from _inventory("closed_against_layer", event.inventory)
