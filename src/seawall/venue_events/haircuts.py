"""Haircuts: what traders in profit pay of a severity: deleveraging, money, gains over several steps, tear-ups.

Layer    venue_events; imports amounts, fund.events (the zero that is left out of the bytes).
Not here who pays how much (rules), what the fund notes of it (its own log).
Held to  this by venue.invariants; every event's rows hash to its root (venue.roots). Money in base units.
"""

from __future__ import annotations

from msgspec import Struct

from seawall.amounts import Units
from seawall.fund.events import NOTHING
from seawall.venue_events.rows import CashRow, EndedMarket, EndedRow, FeeRow, InventoryRow, PositionRow


class ClosingRow(Struct, frozen=True):
    """Lots of a liquidated account closed against winners at its bankruptcy price.

    lots  unsigned; in every market both sides fall lot for lot
    gap   what these lots cost their winners against the mark
    """

    account: str
    market: str
    lots: int
    price_ticks: int
    gap: Units


class HaircutRow(Struct, frozen=True, omit_defaults=True):
    """What a winner was closed, and what it paid in the end, after excess went back; profit and equity are before.

    amount  what its closed lots are worth at the closing prices, > 0
    taken   what it lost by them against the mark, before any excess went back
    beyond_profit  the part of the haircut above min(profit, equity): only production queues take it (I6, flagged)
    """

    account: str
    owner: str
    market: str
    lots: int
    amount: Units
    profit: Units
    equity: Units
    taken: Units
    haircut: Units
    beyond_profit: Units = NOTHING


class Deleveraged(Struct, frozen=True, omit_defaults=True):
    """Positions closed against bankrupt accounts' at the design's prices, and what that took.

    overshoot   taken beyond the severity, before it went back
    production  the design takes from whoever its queue says, whatever they lose by it: I6 is not asked of it
    root        hash over (cap, weight, haircut) of every row, see venue.roots
    """

    step: int
    round: int
    batch: str
    severity: Units
    closings: tuple[ClosingRow, ...]
    haircuts: tuple[HaircutRow, ...]
    positions: tuple[PositionRow, ...]
    cash: tuple[CashRow, ...]
    overshoot: Units = NOTHING
    production: bool = False
    root: str = ""


class MoneyRow(Struct, frozen=True, omit_defaults=True):
    """Money taken: the position's cost rises by `amount`, so profit and equity fall by it; or cash falls by it.

    market          "" where cash is taken: the base is no market's
    profit, equity  before: of this market (of the base, where cash is taken), of the account
    cost_after      0 where cash is taken
    cash_after      where cash is taken
    cap, weight     of the account where the base is taken over whole accounts, else of the row: for the root
    """

    account: str
    owner: str
    market: str
    profit: Units
    equity: Units
    amount: Units
    cost_after: Units
    cash_after: Units | None = None
    cap: Units = NOTHING
    weight: Units = NOTHING


class HaircutTaken(Struct, frozen=True, omit_defaults=True):
    """Money taken. `how`: `adl_money` or `socialised_loss`.

    over  the base by name; "": positive profit
    root  hash over (cap, weight, haircut), see venue.roots
    """

    step: int
    round: int
    batch: str
    how: str
    severity: Units
    base: Units
    rows: tuple[MoneyRow, ...]
    over: str = ""
    root: str = ""


class GainsTaken(Struct, frozen=True):
    """One step's gains, haircut for one batch; losers pay in full. A step without a gain counts too.

    cycle     which of the design's rounds this is for the batch, from 1
    severity  before; base is all gains of the step that could still be taken
    markets   the batch's severity by market, as it began
    ends      "": it goes on at the next step; `paid`; `rounds`: what is left goes to the fallback; `deadline`: carried
    """

    step: int
    round: int
    batch: str
    cycle: int
    severity: Units
    base: Units
    rows: tuple[MoneyRow, ...]
    markets: tuple[FeeRow, ...]
    ends: str
    root: str


class TornRow(Struct, frozen=True):
    """What was taken of what one account gained, net, by the contracts that ended; gains and equity are before."""

    account: str
    owner: str
    gains: Units
    equity: Units
    haircut: Units


class PositionsTornUp(Struct, frozen=True, omit_defaults=True):
    """The contracts of the markets concerned ended at the mark, and what was owed was taken from what they gained."""

    step: int
    round: int
    batch: str
    severity: Units
    markets: tuple[EndedMarket, ...]
    positions: tuple[EndedRow, ...]
    haircuts: tuple[TornRow, ...]
    cash: tuple[CashRow, ...]
    root: str
    inventory: tuple[InventoryRow, ...] = ()
