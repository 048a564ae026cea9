"""Events: facts of the venue, each balanced in itself: positions sum to zero and money is conserved after every one.

Layer    venue; imports amounts, fund.events (the zero that is left out of the bytes). Written by venue.machine, read by
         venue.apply, and as plain JSON by report. Long because it is the log's vocabulary, each word once.
Not here rules; a replay applies these and calls none. The fund's own facts are in its own log.
Held to  this by the shared envelope of fund.codec. Fields are only ever added. Money in base units, lots signed where
         they are a position or a trade, prices in ticks.
"""

from __future__ import annotations

from msgspec import Struct

from seawall.amounts import Units
from seawall.fund.events import NOTHING


class LadderRow(Struct, frozen=True):
    """One side of a market's book: (ticks away, lots) by level."""

    market: str
    side: str
    levels: tuple[tuple[int, int], ...]


class OutsideRow(Struct, frozen=True):
    """The outside book in one market: its lots, and its part of open interest in ppm."""

    market: str
    lots: int
    share_ppm: int


class VenueOpened(Struct, frozen=True):
    """The venue begins: which book and path, by name and digest, and what the run assumes."""

    book_digest: str
    path_name: str
    path_digest: str
    intrabar: str
    seed: int
    pass_through_ppm: int
    recovery_ppm: int
    accounts: int
    equity: Units
    outside: tuple[OutsideRow, ...]
    ladders: tuple[LadderRow, ...]


class MarkRow(Struct, frozen=True):
    """A market's mark: the step's price, the mark after own displacement, when seen, why it is stale ("" if not)."""

    market: str
    anchor_ticks: int
    ticks: int
    observed_ms: int
    stale: str


class UsedRow(Struct, frozen=True):
    """Used lots of each level of one side of a market's book."""

    market: str
    side: str
    used: tuple[int, ...]


class Marked(Struct, frozen=True):
    """New marks: at the start of a step (round 0, with the depth that came back) or after own displacement."""

    step: int
    round: int
    marks: tuple[MarkRow, ...]
    depth: tuple[UsedRow, ...]


class Triggered(Struct, frozen=True):
    """Why an account is liquidated. `induced`: deleveraging earlier in the step touched it."""

    account: str
    owner: str
    equity: Units
    maintenance: Units
    induced: bool
    first: bool


class FillRow(Struct, frozen=True, omit_defaults=True):
    """What one account traded in one market in a round.

    cross_lots, book_lots  signed, bought > 0
    amount      what they cost (negative: what they fetched); of a linear contract signed like the lots
    surcharge   moved from cash to pending fees
    taken_lots  signed, bought > 0: with a layer, at the mark
    notional    of all these lots at the mark, where the design limits what a step or a window liquidates
    """

    account: str
    market: str
    bankruptcy_ticks: int
    cross_lots: int
    book_lots: int
    amount: Units
    realised: Units
    surcharge: Units
    lots_after: int
    cost_after: Units
    taken_lots: int = 0
    notional: Units = NOTHING


class BookRow(Struct, frozen=True):
    """What one side of a market's book took in a round; the outside book is the counterparty."""

    market: str
    side: str
    lots: int
    amount: Units
    worst_ticks: int
    away_ticks: int
    used: tuple[int, ...]
    outside_lots_after: int
    outside_cash_after: Units


class CashRow(Struct, frozen=True):
    """An account's cash after an event."""

    account: str
    cash: Units


class ReservedRow(Struct, frozen=True):
    """What fills below the bankruptcy price have cost an account whose liquidation goes on; 0 ends the entry."""

    account: str
    amount: Units


class InventoryRow(Struct, frozen=True):
    """A layer's trade in one market: lots bought > 0, what they cost, what that realised, and what it holds after."""

    layer: str
    market: str
    lots: int
    amount: Units
    realised: Units
    lots_after: int
    cost_after: Units


class RoundFilled(Struct, frozen=True, omit_defaults=True):
    """One round of liquidations, crossed and sold. `reserved`: what layers will be asked for by accounts that wait.

    rounding   what crosses rounded against both sides: the venue's
    begun      accounts whose liquidation begins, where the design asks for its time
    sliced     accounts that traded a slice, where it liquidates by steps
    window_ms  notional liquidated longer ago counts no more; 0: nothing is limited within a window
    inventory  lots that layers took over
    """

    step: int
    round: int
    triggered: tuple[Triggered, ...]
    fills: tuple[FillRow, ...]
    book: tuple[BookRow, ...]
    cash: tuple[CashRow, ...]
    reserved: tuple[ReservedRow, ...]
    rounding: Units = NOTHING
    begun: tuple[str, ...] = ()
    sliced: tuple[str, ...] = ()
    window_ms: int = 0
    inventory: tuple[InventoryRow, ...] = ()


class FeeRow(Struct, frozen=True):
    """Pending surcharge of one market, routed to the fund."""

    market: str
    amount: Units


class ClosedRow(Struct, frozen=True, omit_defaults=True):
    """How one liquidation ended. `equity` is what the account is worth flat, before fees go back.

    healthy     it ended because the account is liquidatable no more: it keeps its positions, `equity` is at the mark
    fees_used   pending surcharges that went back to the account's own deficit
    fees        pending surcharges that are routed to the fund, by market
    residual    equity left; `residual_taken` of it goes to the fund and treasury by the design's split
    deficit     owed after all that; `deficit_id` names it in the fund's log
    losses      by market since the account was last flat: whose bucket pays
    premium     on top of the deficit, for whoever assumes it
    fee_deficit the part of the deficit that surcharges made which were final
    """

    account: str
    owner: str
    healthy: bool
    equity: Units
    fees_used: Units
    fees: tuple[FeeRow, ...]
    residual: Units
    residual_taken: Units
    deficit: Units
    deficit_id: str
    losses: tuple[FeeRow, ...]
    cash_after: Units
    premium: Units = NOTHING
    fee_deficit: Units = NOTHING


class FinalRow(Struct, frozen=True):
    """Surcharges of an account that are the fund's at once, by market: they do not go back to a deficit."""

    account: str
    fees: tuple[FeeRow, ...]


class AccountsClosed(Struct, frozen=True, omit_defaults=True):
    """The liquidations that ended in a round, and surcharges that are final."""

    step: int
    round: int
    rows: tuple[ClosedRow, ...]
    final: tuple[FinalRow, ...] = ()


class CoverRow(Struct, frozen=True, omit_defaults=True):
    """A deficit that the fund took over: drawn from layers, or booked as severity.

    premium  in `drawn` and `severity`, on top of the deficit: paid to the outside book, which assumes the debt
    layer    it is a layer's, for what it held: `account` names the layer, and `cash_after` says nothing
    """

    account: str
    deficit_id: str
    drawn: Units
    severity: Units
    cash_after: Units
    premium: Units = NOTHING
    layer: bool = False


class DeficitsCovered(Struct, frozen=True):
    """A batch of deficits left the accounts."""

    step: int
    round: int
    batch: str
    rows: tuple[CoverRow, ...]


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


class PositionRow(Struct, frozen=True):
    """A position after an event; `realised` is what the event realised on it."""

    account: str
    market: str
    lots: int
    cost: Units
    realised: Units


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


class EndedRow(Struct, frozen=True):
    """A position that ended at a price: what it was worth there, and what it realised."""

    account: str
    market: str
    lots: int
    value: Units
    realised: Units


class EndedMarket(Struct, frozen=True):
    """A market whose positions all ended. `outside_*`: what the outside book held, and its cash afterwards."""

    market: str
    ticks: int
    outside_lots: int
    outside_cash_after: Units


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


class MarketSettled(Struct, frozen=True, omit_defaults=True):
    """A market without a usable price for too long ended at its last good one; it stays closed."""

    step: int
    good_ms: int
    market: EndedMarket
    positions: tuple[EndedRow, ...]
    cash: tuple[CashRow, ...]
    inventory: tuple[InventoryRow, ...] = ()


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


class PeriodBegan(Struct, frozen=True):
    """A period over whose realised profit losses are taken began."""

    start_ms: int


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


class RecourseRow(Struct, frozen=True):
    """What one account paid for a deficit of its owner's; room is its equity above its initial margin, before."""

    account: str
    owner: str
    payer: str
    room: Units
    amount: Units
    account_cash_after: Units
    payer_cash_after: Units


class RecourseTaken(Struct, frozen=True):
    """Deficits paid by other accounts of the same owners, before any layer is asked."""

    step: int
    round: int
    rows: tuple[RecourseRow, ...]


class InventoryMoved(Struct, frozen=True):
    """A layer sold (or bought back) part of what it holds through the book."""

    step: int
    rows: tuple[InventoryRow, ...]
    book: tuple[BookRow, ...]


class InventorySettledRow(Struct, frozen=True):
    """What a layer's positions realised in a market, settled with the fund: base units >= 0, one of them 0."""

    layer: str
    market: str
    gain: Units
    loss: Units


class InventorySettled(Struct, frozen=True):
    """Realised results of what layers hold became money of theirs. What a layer cannot pay is a deficit."""

    step: int
    rows: tuple[InventorySettledRow, ...]


class ClosedAgainstRow(Struct, frozen=True):
    """An account's lots closed against a layer: lots unsigned, what they cost it to close, what that realised.

    payout  paid of what was realised: less where the design caps what a pool pays
    """

    account: str
    owner: str
    market: str
    lots: int
    price_ticks: int
    amount: Units
    realised: Units
    payout: Units


class ClosedAgainstLayer(Struct, frozen=True):
    """Winners closed against a layer. `why`: `maintenance`, of what it holds; `band`, of profits that a pool owes."""

    step: int
    round: int
    why: str
    rows: tuple[ClosedAgainstRow, ...]
    inventory: tuple[InventoryRow, ...]
    positions: tuple[PositionRow, ...]
    cash: tuple[CashRow, ...]


class RecoveredRow(Struct, frozen=True):
    """What a later sale of dust paid towards a recognised deficit, and what of it is still owed."""

    account: str
    amount: Units
    owed_after: Units
    cash_after: Units


class Recovered(Struct, frozen=True):
    """Recoveries, which are the fund's."""

    step: int
    round: int
    rows: tuple[RecoveredRow, ...]


VenueEvent = (
    VenueOpened
    | Marked
    | RoundFilled
    | AccountsClosed
    | DeficitsCovered
    | Deleveraged
    | HaircutTaken
    | GainsTaken
    | PositionsTornUp
    | MarketSettled
    | FundingPaid
    | PeriodBegan
    | LossesSeen
    | Withdrawn
    | Deposited
    | RecourseTaken
    | InventoryMoved
    | InventorySettled
    | ClosedAgainstLayer
    | Recovered
)

KINDS: dict[str, type[VenueEvent]] = {
    "venue_opened": VenueOpened,
    "marked": Marked,
    "round_filled": RoundFilled,
    "accounts_closed": AccountsClosed,
    "deficits_covered": DeficitsCovered,
    "deleveraged": Deleveraged,
    "haircut_taken": HaircutTaken,
    "gains_taken": GainsTaken,
    "positions_torn_up": PositionsTornUp,
    "market_settled": MarketSettled,
    "funding_paid": FundingPaid,
    "period_began": PeriodBegan,
    "losses_seen": LossesSeen,
    "withdrawn": Withdrawn,
    "deposited": Deposited,
    "recourse_taken": RecourseTaken,
    "inventory_moved": InventoryMoved,
    "inventory_settled": InventorySettled,
    "closed_against_layer": ClosedAgainstLayer,
    "recovered": Recovered,
}
