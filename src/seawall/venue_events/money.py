"""Money: funding, markets that settle, and traders' money in and out.

Layer    venue_events; imports amounts.
Not here losses that somebody bears (venue_events.haircuts).
Held to  this by venue.invariants: money that comes or goes is counted, all else sums to zero. Money in base units.
"""

from __future__ import annotations

from msgspec import Struct

from seawall.amounts import Units
from seawall.venue_events.rows import CashRow, EndedMarket, EndedRow, InventoryRow


class RateRow(Struct, frozen=True):
    """A market's funding of one interval: rate in 10^-12 (positive: longs pay), what was paid, and by whom outside.

    outside  what the outside book received (negative: paid)
    """

    market: str
    rate: int
    paid: Units
    outside: Units


class FundingRow(Struct, frozen=True):
    """What one account received (negative: paid) in one market."""

    account: str
    market: str
    amount: Units


class FundingPaid(Struct, frozen=True, omit_defaults=True):
    """Funding of one interval, at the marks that stood: payers pay up, receivers share what was paid.

    inventory  what layers received (negative: paid) on what they hold, as realised
    """

    step: int
    rates: tuple[RateRow, ...]
    rows: tuple[FundingRow, ...]
    cash: tuple[CashRow, ...]
    outside_cash_after: Units
    inventory: tuple[InventoryRow, ...] = ()


class MarketSettled(Struct, frozen=True, omit_defaults=True):
    """A market without a usable price for too long ended at its last good one; it stays closed."""

    step: int
    good_ms: int
    market: EndedMarket
    positions: tuple[EndedRow, ...]
    cash: tuple[CashRow, ...]
    inventory: tuple[InventoryRow, ...] = ()


class LossesSeen(Struct, frozen=True):
    """A loss is open that no layer can pay: the gate is shut."""

    step: int
    amount: Units


class WithdrawalRow(Struct, frozen=True):
    """One withdrawal. Base units.

    id       of the request: the same id is never paid twice
    asked    wanted
    paid     left the venue
    haircut  of its part of open losses: left behind in the account (`borne` 0), or given up (`borne`)
    borne    given up towards the open loss: money of the fund
    equity, margin  before: equity and initial margin of the account
    """

    id: str
    account: str
    owner: str
    asked: Units
    paid: Units
    haircut: Units
    borne: Units
    equity: Units
    margin: Units
    cash_after: Units


class Withdrawn(Struct, frozen=True):
    """Withdrawals paid from one snapshot. `open_loss`: what layers could not pay then, `claims`: of everybody."""

    rows: tuple[WithdrawalRow, ...]
    open_loss: Units
    claims: Units


class Deposited(Struct, frozen=True):
    """Money into an account from outside."""

    id: str
    account: str
    amount: Units
    cash_after: Units
