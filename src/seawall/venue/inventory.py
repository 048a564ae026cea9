"""Inventory: positions that a layer holds: what they tie up, what it can take over, what it sells, who closes it.

Layer    venue; imports rules, design, venue.{ladder,pools,sales,scan,state}. Called by venue.{plan,holdings}.
Not here money of the layer (fund), events (venue.holdings).
Held to  this by tests/venue/test_inventory.py; I11 counts what layers hold.

A layer takes positions over at the mark and holds them at its own risk (SPEC 4.7); a pool holds the other side of every
account from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seawall.design.types import Design
from seawall.rules.contracts import notional_units, value_units
from seawall.rules.deleveraging import Gap
from seawall.rules.liquidation import stage
from seawall.rules.liquidation_price import accepts, auction_limit_ticks
from seawall.rules.margin import maintenance_margin_units, trade
from seawall.rules.pool_band import PoolBand, SidePosition, band_closings
from seawall.rules.takeover import (
    Holder,
    available_units,
    layer_is_liquidatable,
    takeover_lots,
    unwind_lots,
)
from seawall.venue.deleverage import policy_parameters
from seawall.venue.ladder import Levels, Side, Taken, take
from seawall.venue.pools import Pools, shares
from seawall.venue.sales import Sale
from seawall.venue.scan import Values
from seawall.venue.state import VenueState


@dataclass(frozen=True, slots=True)
class Tied:
    """What a layer's positions tie up at the marks. Base units.

    open_pnl  unrealised, signed
    """

    maintenance: int = 0
    open_pnl: int = 0
    notional: int = 0


def taker(design: Design) -> str:
    """The layer that is the counterparty of takeovers, or of everything; "" where there is none."""
    if design.pool is not None:
        return design.pool.layer
    takeover = design.liquidation.takeover
    return "" if takeover is None else takeover.layer


def held_markets(state: VenueState, layer: str) -> list[int]:
    """Markets in which a layer holds something, in the design's order; a pool may hold both sides: no lots net."""
    return sorted(market for (name, market) in state.held if name == layer)


def margin_units(state: VenueState, market: int, lots: int) -> tuple[int, int]:
    """(maintenance margin, notional) of lots held in a market at its mark."""
    instrument, ticks = state.instruments[market], state.ticks[market]
    if not lots or not ticks:
        return 0, 0
    notional = notional_units(instrument.contract, lots, ticks)
    return maintenance_margin_units(notional, instrument.market.tiers), notional


def tied(state: VenueState, layer: str) -> Tied:
    """What all of a layer's positions tie up; a market without a mark yet counts nothing."""
    maintenance = pnl = net = 0
    for market in held_markets(state, layer):
        lots, cost = state.held[layer, market]
        margin, notional = margin_units(state, market, lots)
        maintenance += margin
        net += notional
        if state.ticks[market]:
            pnl += value_units(state.instruments[market].contract, lots, state.ticks[market]) - cost
    return Tied(maintenance, pnl, net)


# --- takeover ---------------------------------------------------------------------------------------------------------


def is_below(design: Design, values: Values, account: int) -> bool:
    """Whether an account is so far down that it is taken over instead of sold."""
    takeover = design.liquidation.takeover
    if takeover is None or takeover.when != "below" or design.pool is not None:
        return False
    equity, maintenance = values.equity(account), values.maintenance(account)
    return stage(equity, maintenance, (takeover.below_maintenance_ppm,)) > 0


class Taker:
    """A layer that takes positions over in a round, as it goes on, as if it paid what they lost below bankruptcy."""

    def __init__(self, state: VenueState, design: Design, layer: str, balance: int) -> None:
        self._state, self._balance, self._loss = state, balance, max(0, -tied(state, layer).open_pnl)
        self._pool = design.pool is not None
        self._takeover = design.liquidation.takeover
        self._lots = {market: state.held[layer, market][0] for market in held_markets(state, layer)}

    def take(self, sales: Iterable[Sale]) -> None:
        """Take over what is open of these positions, one after the other, as far as the layer can."""
        for sale in sales:
            lots = sale.open
            if lots and not self._pool:
                lots = self._most(sale, lots)
            if not lots:
                continue
            mark = self._state.ticks[sale.market]
            sale.taken += lots
            sale.taken_value += sale.value_at(lots, mark)
            self._lots[sale.market] = self._lots.get(sale.market, 0) + sale.side * lots
            self._balance -= _gap_units(sale, lots, mark)

    def _holder(self, market: int) -> Holder:
        takeover = self._takeover
        own = margin_units(self._state, market, self._lots.get(market, 0))[0]
        others = [margin_units(self._state, m, lots) for m, lots in self._lots.items() if m != market]
        maintenance = sum(margin for margin, _ in others)
        return Holder(
            lots=self._lots.get(market, 0),
            balance_units=self._balance,
            draw_room_units=available_units(self._balance, maintenance + own, -self._loss),
            open_loss_units=self._loss,
            other_maintenance_units=maintenance,
            other_notional_units=sum(notional for _, notional in others),
            notional_limit_ppm=None if takeover is None else takeover.notional_limit_ppm,
            notional_limit_units=None if takeover is None else takeover.notional_limit,
        )

    def _most(self, sale: Sale, lots: int) -> int:
        holder, mark = self._holder(sale.market), self._state.ticks[sale.market]
        tiers = self._state.instruments[sale.market].market.tiers
        if not sale.contract.inverse:
            return takeover_lots(holder, sale.side * lots, sale.px, mark, sale.contract.unit, tiers)
        low, high = 0, lots  # what an inverse contract ties up is not linear in its lots, but it never falls
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(holder, sale, middle):
                low = middle
            else:
                high = middle - 1
        return low

    def _fits(self, holder: Holder, sale: Sale, lots: int) -> bool:
        """Whether so many lots of an inverse contract are within the layer's means and limits."""
        after = holder.lots + sale.side * lots
        margin, notional = margin_units(self._state, sale.market, after)
        gap = _gap_units(sale, lots, self._state.ticks[sale.market])
        balance = holder.balance_units - gap
        if gap > holder.draw_room_units:
            return False
        if balance - holder.open_loss_units < holder.other_maintenance_units + margin:
            return False
        if abs(after) <= abs(holder.lots):
            return True  # lots that reduce what is held are within any notional limit
        net = holder.other_notional_units + notional
        if holder.notional_limit_units is not None and net > holder.notional_limit_units:
            return False
        return holder.notional_limit_ppm is None or net * 1_000_000 <= holder.notional_limit_ppm * balance


def _gap_units(sale: Sale, lots: int, mark_ticks: int) -> int:
    """What lots have lost below their bankruptcy price at the mark, base units, >= 0."""
    return max(0, sale.value_at(lots, sale.px) - sale.value_at(lots, mark_ticks))


# --- what a layer does with what it holds -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moved:
    """A layer's trade in one market: lots bought > 0, what they cost (signed), what that realised; and after it."""

    layer: str
    market: int
    lots: int
    amount: int
    realised: int
    lots_after: int
    cost_after: int


def moved(
    state: VenueState, layer: str, market: int, parts: Iterable[tuple[int, int]], mirrored: int | None = None
) -> Moved:
    """A layer's position after trades.

    parts     (lots bought > 0, what they cost), one after the other
    mirrored  of a pool: what the accounts' positions of the market cost after it. A pool is everybody's other side, so
              its cost is minus theirs: it realises what they do, not the average of what it holds net; what haircuts
              took from them by then is its loss, since the debt that they paid was booked as its gain
    """
    lots, cost = state.held.get((layer, market), (0, 0))
    bought = paid = realised = 0
    if mirrored is not None:
        parts = tuple(parts)
        bought, paid = sum(part for part, _ in parts), sum(amount for _, amount in parts)
        return Moved(layer, market, bought, paid, -mirrored - cost - paid, lots + bought, -mirrored)
    for part, amount in parts:
        after = trade(lots, cost, part, amount)
        lots, cost = after.lots, after.cost_units
        bought += part
        paid += amount
        realised += after.realised_units
    return Moved(layer, market, bought, paid, realised, lots, cost)


def unwound(state: VenueState, design: Design) -> dict[int, tuple[Side, Taken]]:
    """What the layer that took positions over sells (or buys back) in this step: its part of each, as depth allows.

    No further from the mark than the design says; what is not sold so stays with the layer.
    """
    takeover = design.liquidation.takeover
    if takeover is None or design.pool is not None:
        return {}
    found: dict[int, tuple[Side, Taken]] = {}
    for market in held_markets(state, takeover.layer):
        lots = state.held[takeover.layer, market][0]
        side: Side = "bids" if lots > 0 else "asks"
        key = (market, side)
        if market in state.stale or key not in state.ladders:
            continue
        wanted = unwind_lots(lots, takeover.unwind_ppm)
        levels = _accepted(state, market, lots, state.ladders[key], takeover.unwind_worst_ppm)
        taken = take(levels, state.used[key], state.anchor[market], side, wanted)
        if taken.lots:
            found[market] = side, taken
    return found


def _accepted(state: VenueState, market: int, lots: int, levels: Levels, worst_ppm: int | None) -> Levels:
    """The first levels of a ladder, as far as their prices are within a part of the mark; all where there is none.

    lots      held, signed
    Rounding  the worst price up for a long, down for a short, at least a tick: against the fill.
    """
    if worst_ppm is None:
        return levels
    worst = auction_limit_ticks(lots, state.ticks[market], worst_ppm, (), 0)  # a discount that does not grow
    towards = -1 if lots > 0 else 1
    return tuple(level for level in levels if accepts(lots, state.anchor[market] + towards * level[0], worst))


@dataclass(frozen=True, slots=True)
class Closed:
    """An account's lots closed against a layer.

    side    of the account's lots; lots unsigned
    ticks   the price
    value   what the lots are worth at it, signed as rules.contracts.value_units
    profit  that these lots had, and what is paid for it
    """

    account: int
    market: int
    side: int
    lots: int
    ticks: int
    value: int
    profit: int
    payout: int


def closed_for(state: VenueState, design: Design, values: Values, layer: str, balance: int) -> list[Closed]:
    """Winners closed at the mark against a layer that its inventory's maintenance margin is too much for (SPEC 4.7).

    returns  by the design's ranking, as far as winners suffice; they lose nothing against the mark
    """
    takeover = design.liquidation.takeover
    if takeover is None or design.pool is not None:
        return []
    now = tied(state, layer)
    if not now.maintenance and not now.notional:
        return []
    if not layer_is_liquidatable(balance, now.open_pnl, now.maintenance, design.liquidation.trigger):
        return []
    seed = f"l{state.step}.{state.round + 1}.{layer}"
    pools = Pools(state, design, values, {}, policy_parameters(design, seed))
    found: list[Closed] = []
    for market in held_markets(state, layer):
        if market not in state.stale:
            found += _closed_in(state, design, pools, layer, market)
    return found


def _closed_in(state: VenueState, design: Design, pools: Pools, layer: str, market: int) -> list[Closed]:
    lots = state.held[layer, market][0]
    side = 1 if lots > 0 else -1
    contract, ticks = state.instruments[market].contract, state.ticks[market]
    hit = pools.plan(market, -side, Gap(0, abs(lots)))
    # The layer's lots and theirs are each other's opposite.
    value = -value_units(contract, side * int(hit.lots.sum()), ticks)
    rows = zip(hit.accounts.tolist(), hit.lots.tolist(), shares(value, hit.lots).tolist(), strict=True)
    return [Closed(account, market, -side, part, ticks, share, 0, 0) for account, part, share in rows]


def out_of_band(state: VenueState, design: Design, market: int, side: int, balance: int) -> list[Closed]:
    """Winners of one side of a market closed at the oracle because their profit is too large a part of the pool.

    Rounding  rules.pool_band's; of an inverse contract what is realised may be a unit from its profit.
    """
    pool, ticks = design.pool, state.anchor[market]
    if pool is None or balance <= 0 or market in state.stale or not ticks or state.is_collateral(market):
        return []
    contract = state.instruments[market].contract
    rows: dict[int, SidePosition] = {}
    for account, held in enumerate(state.lots[market]):
        lots = int(held) * side
        if lots > 0:
            profit = value_units(contract, side * lots, ticks) - int(state.cost[market, account])
            rows[account] = SidePosition(state.accounts[account], lots, profit)
    if not rows:
        return []
    band = PoolBand(pool.adl_start_ppm, pool.adl_stop_ppm, pool.payout_cap_ppm)
    closings = band_closings(list(rows.values()), balance, band)
    parts = zip(rows, closings.lots, closings.profit_units, closings.payout_units, strict=True)
    return [
        Closed(
            account, market, side, lots, ticks, value_units(contract, side * lots, ticks), profit, min(profit, payout)
        )
        for account, lots, profit, payout in parts
        if lots
    ]


def owed_by(state: VenueState) -> Mapping[str, Mapping[int, int]]:
    """What layers lost beyond their money and still owe: layer -> market index -> base units."""
    owed: dict[str, dict[int, int]] = {}
    for (layer, market), units in sorted(state.due.items()):
        if units < 0:
            owed.setdefault(layer, {})[market] = -units
    return owed
