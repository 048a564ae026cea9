"""Sales: positions of liquidated accounts, crossed with each other and sold into the book.

Layer    venue; imports rules, design, venue.{ladder,state}. venue.plan decides how much meets the book.
Not here who is liquidated and what the layers can pay for (venue.plan), how many lots (venue.sizes), lots that a layer
         takes over (venue.takeovers), closing against winners (venue.deleverage).
Held to  this by tests/venue: sellers of a round share lots and proceeds by `allocate`, no lot is filled twice, none
         beyond its worst price.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from seawall.amounts import allocate
from seawall.design.instruments import Contract
from seawall.rules.contracts import bankruptcy_ticks, notional_units, value_units
from seawall.rules.liquidation_price import accepts
from seawall.rules.margin import maintenance_margin_units
from seawall.venue.ladder import Side, Taken, free_levels, take
from seawall.venue.state import VenueState


@dataclass(slots=True)
class Sale:
    """One position of a liquidated account, and what becomes of it.

    side         +1 long, -1 short
    size         lots, > 0
    wanted       lots that are to trade now, at most all
    px           bankruptcy price, ticks
    limit        worst price, ticks; None: any
    margin       maintenance margin of the position, base units
    equity       the account's equity at the marks, with what is reserved for it, base units
    weight, weights  the position's part of it: its maintenance margin, or notional, and the account's
    cross, book, taken     lots crossed at the mark, sold to or bought from the book, taken over by a layer at the mark
    *_value      what those lots are worth at these prices, base units, signed as rules.contracts.value_units
    """

    account: int
    market: int
    contract: Contract
    side: int
    size: int
    wanted: int
    cost: int
    px: int
    limit: int | None = None
    margin: int = 0
    equity: int = 0
    weight: int = 0
    weights: int = 1
    cross: int = 0
    cross_value: int = 0
    book: int = 0
    book_value: int = 0
    taken: int = 0
    taken_value: int = 0

    @property
    def filled(self) -> int:
        """Lots that traded."""
        return self.cross + self.book + self.taken

    @property
    def left(self) -> int:
        """Lots that did not trade."""
        return self.size - self.filled

    @property
    def open(self) -> int:
        """Lots that are to trade now and did not yet."""
        return self.wanted - self.filled

    @property
    def value(self) -> int:
        """What traded lots are worth, signed."""
        return self.cross_value + self.book_value + self.taken_value

    def value_at(self, lots: int, ticks: int) -> int:
        """What some of the position's lots are worth at a price, signed."""
        return value_units(self.contract, self.side * lots, ticks)

    def worth(self, left_ticks: int) -> int:
        """The position's contribution to equity with its left lots at a price: proceeds + value left - cost."""
        return self.value + self.value_at(self.left, left_ticks) - self.cost

    def used_units(self) -> int:
        """The part of the account's equity that belongs to the lots that traded, base units, rounded down."""
        return self.equity * self.weight * self.filled // (self.weights * self.size)

    def accepts(self, ticks: int) -> bool:
        """Whether it may trade at a price."""
        return accepts(self.side, ticks, self.limit)


@dataclass(slots=True)
class Phase:
    """Levels of a ladder that the same sellers accept: the deeper the level, the fewer they are.

    lots   that these levels can take
    sales  the sellers, lowest id first
    """

    lots: int
    sales: list[Sale]


@dataclass(slots=True)
class Orders:
    """The round's orders in one market: sellers and buyers by lowest id, and the net that meets the book.

    phases    what the net meets, best levels first
    fillable  lots of the net that the book can take
    rounding  what both sides of the cross were rounded by, base units, >= 0
    """

    sales: list[Sale] = field(default_factory=list)
    net: list[Sale] = field(default_factory=list)
    book_side: Side = "bids"
    phases: list[Phase] = field(default_factory=list)
    fillable: int = 0
    rounding: int = 0


def positions(state: VenueState, account: int, equity: int) -> list[Sale]:
    """The account's positions with their bankruptcy prices, in the design's market order; collateral is none."""
    held = [m for m in range(len(state.instruments)) if state.lots[m, account] and not state.is_collateral(m)]
    notional, margin = {}, {}
    for market in held:
        instrument = state.instruments[market]
        lots = int(state.lots[market, account])
        notional[market] = notional_units(instrument.contract, lots, state.ticks[market])
        margin[market] = maintenance_margin_units(notional[market], instrument.market.tiers)
    weights = margin if sum(margin.values()) > 0 else notional
    whole, sales = sum(weights.values()), []
    for market in held:
        lots = int(state.lots[market, account])
        contract = state.instruments[market].contract
        weight = weights[market]
        px = bankruptcy_ticks(contract, lots, state.ticks[market], equity, weight, whole)
        cost, size = int(state.cost[market, account]), abs(lots)
        side = 1 if lots > 0 else -1
        own = {"margin": margin[market], "equity": equity, "weight": weight, "weights": whole}
        sales.append(Sale(account, market, contract, side, size, size, cost, max(1, px), **own))
    return sales


def cross(state: VenueState, accounts: Mapping[int, list[Sale]]) -> dict[int, Orders]:
    """Opposite liquidation orders of a market cross at the mark; what is left is the market's net order.

    Rounding  both sides against themselves; the difference is the venue's.
    """
    orders: dict[int, Orders] = {}
    for sales in accounts.values():
        for sale in sales:
            orders.setdefault(sale.market, Orders()).sales.append(sale)
    for market, order in orders.items():
        _cross_one(order, state.ticks[market])
        _net(state, market, order)
    return dict(sorted(orders.items()))


def _cross_one(order: Orders, mark_ticks: int) -> None:
    groups = [[s for s in order.sales if s.side == side and s.accepts(mark_ticks)] for side in (1, -1)]
    crossed = min(sum(sale.open for sale in group) for group in groups)
    if not crossed:
        return
    for group in groups:
        lots = allocate(crossed, [sale.open for sale in group])
        value = group[0].value_at(crossed, mark_ticks)
        order.rounding -= value
        for sale, part, share in zip(group, lots, share_value(value, lots), strict=True):
            sale.cross, sale.cross_value = part, share


def _net(state: VenueState, market: int, order: Orders) -> None:
    """The side that meets the book: the one that has lots left, or else the one of which the book takes more."""
    nets: list[tuple[int, list[Sale], Side, list[Phase]]] = []
    for sign, side in ((1, "bids"), (-1, "asks")):
        net = [sale for sale in order.sales if sale.side == sign]
        if not any(sale.open for sale in net):
            continue
        phases = _phases(state, market, side, net)  # type: ignore[arg-type]
        nets.append((_fillable(phases), net, side, phases))  # type: ignore[arg-type]
    if nets:
        order.fillable, order.net, order.book_side, order.phases = max(nets, key=lambda item: item[0])


def _phases(state: VenueState, market: int, side: Side, net: Sequence[Sale]) -> list[Phase]:
    key = (market, side)
    if key not in state.ladders:
        return []
    levels = free_levels(state.ladders[key], state.used[key], state.anchor[market], side)
    if all(sale.limit is None for sale in net):
        return [Phase(sum(lots for lots, _ in levels), list(net))] if levels else []
    phases: list[Phase] = []
    for lots, price in levels:
        willing = [sale for sale in net if sale.accepts(price)]
        if not willing:
            break
        if phases and len(phases[-1].sales) == len(willing):
            phases[-1].lots += lots
        else:
            phases.append(Phase(lots, willing))
    return phases


def _fillable(phases: Sequence[Phase]) -> int:
    """Lots that the book takes of a net order."""
    wanted = sum(sale.open for phase in phases[:1] for sale in phase.sales)
    return sum(sum(shares) for shares in _hand_out(phases, wanted))


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

    Levels that the same sellers accept are shared as one.

    lots          lots of each market that meet the book, on top of what is crossed and taken over already
    safest_first  whose lots these are: pro rata over sizes, or, where layers cannot pay for all, those with the most
                  room between bankruptcy price and fill first, ties lowest id: a lot without a loss is always sold
    forced        further lots of each market, of bankrupt accounts alone, in the same order: nobody else takes them
    """
    book = {}
    for market, order in orders.items():
        for sale in order.sales:
            sale.book = sale.book_value = 0
        more = forced.get(market, 0) if forced else 0
        parts = _hand_out(order.phases, lots[market], more, safest_first=safest_first, bankrupt=bankrupt)
        sold = sum(map(sum, parts))
        if not sold:
            continue
        key = (market, order.book_side)
        taken = take(state.ladders[key], state.used[key], state.anchor[market], order.book_side, sold)
        fills = iter(taken.fills)
        for phase, shares in zip(order.phases, parts, strict=True):
            _share(phase, shares, fills)
        book[market] = taken
    return book


def _share(phase: Phase, shares: Sequence[int], fills: Iterable[tuple[int, int]]) -> None:
    """Give a phase's sellers their lots, and the proceeds of the levels that these came from."""
    left, proceeds = sum(shares), 0
    if not left:
        return
    for ticks, lots in fills:
        proceeds += phase.sales[0].value_at(lots, ticks)
        left -= lots
        if not left:
            break
    for sale, part, value in zip(phase.sales, shares, share_value(proceeds, shares), strict=True):
        sale.book += part
        sale.book_value += value


def share_value(value_units: int, lots: Sequence[int]) -> tuple[int, ...]:
    """A signed value of several sellers' lots, shared by `allocate` over lots."""
    parts = allocate(abs(value_units), lots)
    return parts if value_units >= 0 else tuple(-part for part in parts)


def _hand_out(
    phases: Sequence[Phase],
    lots: int,
    more: int = 0,
    *,
    safest_first: bool = False,
    bankrupt: Collection[int] = (),
) -> list[list[int]]:
    """Lots of each phase's sellers, phase by phase.

    more  lots of bankrupt accounts beyond `lots`
    Whoever accepts a deeper level accepts those before it, so levels are taken without a gap.
    """
    open_lots = {id(sale): sale.open for phase in phases[:1] for sale in phase.sales}
    parts = []
    for phase in phases:
        wanted = [open_lots[id(sale)] for sale in phase.sales]
        part = min(lots, phase.lots, sum(wanted))
        shares = _in_turn(phase.sales, wanted, part) if safest_first else _pro_rata(wanted, part)
        lots -= part
        if more:
            rest = [
                open_part - share if sale.account in bankrupt else 0
                for sale, open_part, share in zip(phase.sales, wanted, shares, strict=True)
            ]
            extra = min(more, phase.lots - part, sum(rest))
            more -= extra
            forced = _in_turn(phase.sales, rest, extra)
            shares = [one + two for one, two in zip(shares, forced, strict=True)]
        for sale, share in zip(phase.sales, shares, strict=True):
            open_lots[id(sale)] -= share
        parts.append(shares)
    return parts


def _pro_rata(wanted: Sequence[int], lots: int) -> list[int]:
    return list(allocate(lots, wanted)) if lots else [0] * len(wanted)


def _in_turn(sales: Sequence[Sale], wanted: Sequence[int], lots: int) -> list[int]:
    """Fill sales in order of their room until the lots are used up."""
    shares = [0] * len(sales)
    for place in sorted(range(len(sales)), key=lambda place: sales[place].side * sales[place].px):
        shares[place] = min(lots, wanted[place])
        lots -= shares[place]
    return shares
