"""Sales: positions of liquidated accounts, crossed with each other and sold into the book.

Layer    venue; imports rules, design, venue.{ladder,state}. venue.plan decides how much meets the book.
Not here who is liquidated and what the layers can pay for (venue.plan), closing against winners (venue.deleverage).
Held to  this by tests/venue: sellers of a round share lots and proceeds by `allocate`, no lot is filled twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from seawall.amounts import allocate
from seawall.rules.margin import bankruptcy_price_ticks, maintenance_margin_units, notional_units
from seawall.venue.ladder import Side, Taken, depth_lots, take
from seawall.venue.state import VenueState


@dataclass(slots=True)
class Sale:
    """One position of a liquidated account, and what becomes of it.

    side         +1 long, -1 short
    size         lots, > 0
    px           bankruptcy price, ticks
    cross, book  lots crossed at the mark, sold to or bought from the book
    amount       what crossed and booked lots are worth, base units, > 0
    """

    account: int
    market: int
    side: int
    size: int
    cost: int
    px: int
    cross: int = 0
    cross_amount: int = 0
    book: int = 0
    book_amount: int = 0

    @property
    def filled(self) -> int:
        """Lots that traded."""
        return self.cross + self.book

    @property
    def left(self) -> int:
        """Lots that did not trade."""
        return self.size - self.filled

    @property
    def amount(self) -> int:
        """What traded lots are worth."""
        return self.cross_amount + self.book_amount

    def worth(self, left_ticks: int, lot_tick_units: int) -> int:
        """The position's contribution to equity with its left lots at a price: proceeds + value left - cost."""
        return self.side * (self.amount + self.left * left_ticks * lot_tick_units) - self.cost


@dataclass(slots=True)
class Orders:
    """The round's orders in one market: sellers and buyers by lowest id, and the net that meets the book."""

    sales: list[Sale] = field(default_factory=list)
    net: list[Sale] = field(default_factory=list)
    book_side: Side = "bids"
    depth: int = 0

    @property
    def net_lots(self) -> int:
        """Lots that did not cross."""
        return sum(sale.size - sale.cross for sale in self.net)


def positions(state: VenueState, account: int, equity: int) -> list[Sale]:
    """The account's positions with their bankruptcy prices, in the design's market order."""
    held = [market for market in range(len(state.instruments)) if state.lots[market, account]]
    notional, margin = {}, {}
    for market in held:
        instrument = state.instruments[market]
        lots = int(state.lots[market, account])
        notional[market] = notional_units(lots, state.ticks[market], instrument.lot_tick_units)
        margin[market] = maintenance_margin_units(notional[market], instrument.market.tiers)
    weights = margin if sum(margin.values()) > 0 else notional
    sales = []
    for market in held:
        lots = int(state.lots[market, account])
        px = bankruptcy_price_ticks(
            lots,
            state.ticks[market],
            state.instruments[market].lot_tick_units,
            equity,
            weights[market],
            sum(weights.values()),
        )
        cost = int(state.cost[market, account])
        sales.append(Sale(account, market, 1 if lots > 0 else -1, abs(lots), cost, max(1, px)))
    return sales


def cross(state: VenueState, accounts: Mapping[int, list[Sale]]) -> dict[int, Orders]:
    """Opposite liquidation orders of a market cross at the mark; what is left is the market's net order."""
    orders: dict[int, Orders] = {}
    for sales in accounts.values():
        for sale in sales:
            orders.setdefault(sale.market, Orders()).sales.append(sale)
    for market, order in sorted(orders.items()):
        longs = [sale for sale in order.sales if sale.side > 0]
        shorts = [sale for sale in order.sales if sale.side < 0]
        long_lots, short_lots = sum(s.size for s in longs), sum(s.size for s in shorts)
        crossed = min(long_lots, short_lots)
        value = state.ticks[market] * state.instruments[market].lot_tick_units
        for group in (longs, shorts):
            if crossed:
                for sale, lots in zip(group, allocate(crossed, [s.size for s in group]), strict=True):
                    sale.cross, sale.cross_amount = lots, lots * value
        order.net, order.book_side = (longs, "bids") if long_lots >= short_lots else (shorts, "asks")
        key = (market, order.book_side)
        if key in state.ladders:
            order.depth = depth_lots(
                state.ladders[key],
                state.used[key],
                state.anchor[market],
                order.book_side,
            )
    return dict(sorted(orders.items()))


def fill(
    state: VenueState,
    orders: Mapping[int, Orders],
    lots: Mapping[int, int],
    *,
    safest_first: bool = False,
    forced: Mapping[int, int] | None = None,
    bankrupt: Collection[int] = (),
) -> dict[int, Taken]:
    """Each market's net order takes its ladder once; sellers share proceeds by `allocate` over lots (SPEC 4.4).

    lots          lots of each market that meet the book
    safest_first  whose lots these are: pro rata over sizes, or, where layers cannot pay for all, those with the most
                  room between bankruptcy price and fill first, ties lowest id: a lot without a loss is always sold
    forced        further lots of each market, of bankrupt accounts alone, in the same order: nobody else takes them
    """
    book = {}
    for market, order in orders.items():
        key = (market, order.book_side)
        for sale in order.net:
            sale.book = sale.book_amount = 0
        more = forced.get(market, 0) if forced else 0
        if lots[market] + more == 0 or key not in state.ladders:
            continue
        taken = take(state.ladders[key], state.used[key], state.anchor[market], order.book_side, lots[market] + more)
        if safest_first:
            by_room = sorted(order.net, key=lambda sale: sale.side * sale.px)  # stable: ties keep the lowest id
            _hand_out(by_room, lots[market])
            _hand_out([sale for sale in by_room if sale.account in bankrupt], taken.lots - lots[market])
        else:
            open_lots = [sale.size - sale.cross for sale in order.net]
            for sale, part in zip(order.net, allocate(taken.lots, open_lots), strict=True):
                sale.book = part
        amount = taken.lot_ticks * state.instruments[market].lot_tick_units
        for sale, share in zip(order.net, allocate(amount, [sale.book for sale in order.net]), strict=True):
            sale.book_amount = share
        book[market] = taken
    return book


def _hand_out(sales: Sequence[Sale], lots: int) -> None:
    """Fill sales in order until the lots are used up."""
    for sale in sales:
        part = min(lots, sale.left)
        sale.book += part
        lots -= part


def lot_value(state: VenueState, sale: Sale) -> int:
    """Base units that one lot of the sale's market gains by one tick."""
    return state.instruments[sale.market].lot_tick_units
