"""Sizes: how many lots of each liquidated account's positions are to trade now, and at which worst price.

Layer    venue; imports rules, design, venue.{ladder,sales,scan,state}. Called by venue.plan before anything trades.
Not here who is liquidated (venue.plan) and what then fills (venue.sales).
Held to  this by tests/venue/test_sizes.py. A bankrupt account is always closed whole, whatever the limits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from seawall.amounts import ppm_up
from seawall.design.types import Design
from seawall.rules.contracts import notional_units
from seawall.rules.limits import window_left_units
from seawall.rules.liquidation import grown_surcharge_ppm, queue_key, surcharge_units
from seawall.rules.liquidation_price import auction_limit_ticks, bankruptcy_limit_ticks, fillable_limit_ticks
from seawall.rules.liquidation_size import (
    Exposure,
    after_reduction,
    close_factor_lots,
    fewest_lots,
    lots_within_notional,
    position_limit_lots,
    step_lots,
)
from seawall.rules.margin import maintenance_margin_units
from seawall.venue.ladder import Side, free_levels
from seawall.venue.sales import Sale
from seawall.venue.scan import Values
from seawall.venue.state import VenueState


def needs_time(design: Design) -> bool:
    """Whether the design asks when a liquidation began."""
    rules = design.liquidation
    return rules.amount == "steps" or rules.worst_price == "auction" or rules.surcharge_growth_ppm > 0


def limits_lots(design: Design) -> bool:
    """Whether the design limits what a step or a window liquidates."""
    rules = design.liquidation
    limits = (rules.position_limit_ppm, rules.account_notional_per_step, rules.rate_notional)
    return any(limit is not None for limit in limits)


def elapsed_ms(state: VenueState, account: int) -> int:
    """Time since an account's liquidation began; 0 when it begins now."""
    begun = state.begun.get(account)
    return 0 if begun is None else state.last_t_ms - begun.t_ms


def surcharge_ppm(state: VenueState, design: Design, account: int, market: int) -> int:
    """The surcharge's rate now: the market's own or the design's, grown with the time since the liquidation began."""
    rules = design.liquidation
    own = state.instruments[market].market.surcharge_ppm
    base = rules.surcharge_ppm if own is None else own
    if not rules.surcharge_growth_ppm:
        return base
    return grown_surcharge_ppm(
        base,
        elapsed_ms(state, account),
        rules.surcharge_grace_ms,
        rules.surcharge_growth_ppm,
        rules.surcharge_growth_every_ms,
        rules.surcharge_max_ppm,
    )


def set_worst_prices(state: VenueState, design: Design, values: Values, accounts: Mapping[int, list[Sale]]) -> None:
    """The worst price that each position's order accepts (rules.liquidation_price)."""
    if design.liquidation.worst_price != "any":
        for account, sales in accounts.items():
            for sale in sales:
                sale.limit = _worst_price(state, design, values, account, sale)


def _worst_price(state: VenueState, design: Design, values: Values, account: int, sale: Sale) -> int:
    rules, mark = design.liquidation, state.ticks[sale.market]
    if rules.worst_price == "bankruptcy_price":
        return bankruptcy_limit_ticks(sale.px)
    if rules.worst_price == "auction":
        phases = ((rules.auction_ms, rules.auction_end_ppm),)
        return auction_limit_ticks(sale.side, mark, rules.auction_start_ppm, phases, elapsed_ms(state, account))
    return fillable_limit_ticks(
        sale.contract,
        sale.side * sale.size,
        mark,
        values.equity(account) + state.reserved.get(account, 0),
        values.maintenance(account),
        sale.margin,
        rules.fillable_spread_ppm,
    )


def set_sizes(
    state: VenueState,
    design: Design,
    values: Values,
    accounts: Mapping[int, list[Sale]],
    bankrupt: Collection[int],
) -> None:
    """Lots of every position that are to trade now: `Sale.wanted`.

    bankrupt  accounts that owe: closed whole, beyond every limit
    """
    cut = {account: sales for account, sales in accounts.items() if account not in bankrupt}
    for account, sales in cut.items():
        _amounts(state, design, values, account, sales)
        _limits(state, design, account, sales)
    if design.liquidation.rate_notional is not None:
        _rates(state, design, values, cut)


# --- how much ---------------------------------------------------------------------------------------------------------


def _amounts(state: VenueState, design: Design, values: Values, account: int, sales: Sequence[Sale]) -> None:
    rules = design.liquidation
    if rules.amount == "fewest_lots":
        _fewest(state, design, values, account, sales)
    for sale in sales:
        notional = notional_units(sale.contract, sale.size, state.ticks[sale.market])
        if rules.amount == "steps":
            begun, last = state.begun.get(account), state.sliced.get(account)
            sale.wanted = step_lots(
                sale.size,
                sale.size if begun is None else begun.lots.get(sale.market, sale.size),
                notional,
                rules.step_ppm,
                rules.step_above_notional,
                rules.step_wait_ms,
                None if last is None else state.last_t_ms - last,
                rules.step_within_wait,
            )
        elif rules.amount == "close_factor":
            sale.wanted = close_factor_lots(
                sale.size,
                notional,
                values.equity(account),
                values.maintenance(account),
                rules.close_factor_ppm,
                rules.full_below_maintenance_ppm,
                rules.full_below_notional,
            )


@dataclass(frozen=True, slots=True)
class _Stand:
    """An account while its positions are reduced one after the other, as expected. Base units."""

    equity: int
    maintenance: int


def _fewest(state: VenueState, design: Design, values: Values, account: int, sales: Sequence[Sale]) -> None:
    """Position by position in the design's order, of each the fewest lots that restore the account, or all."""
    stand = _Stand(values.equity(account), values.maintenance(account))
    restored = False
    for sale in sales:
        if restored:
            sale.wanted = 0
            continue
        fills = expected_fills(state, sale)
        rate = surcharge_ppm(state, design, account, sale.market)
        reduce = _reduce_inverse if sale.contract.inverse else _reduce_linear
        sale.wanted, stand, restored = reduce(state, design, stand, sale, fills, rate)


def expected_fills(state: VenueState, sale: Sale) -> list[tuple[int, int]]:
    """(lots, price) that a position's order would get of the present ladder alone, within its worst price."""
    side: Side = "bids" if sale.side > 0 else "asks"
    key = (sale.market, side)
    if key not in state.ladders:
        return []
    levels = free_levels(state.ladders[key], state.used[key], state.anchor[sale.market], side)
    return [(lots, price) for lots, price in levels if sale.accepts(price)]


def _reduce_linear(
    state: VenueState, design: Design, stand: _Stand, sale: Sale, fills: Sequence[tuple[int, int]], rate: int
) -> tuple[int, _Stand, bool]:
    """Lots of one position, the account after them, and whether it is restored."""
    exposure = Exposure(
        lots=sale.side * sale.size,
        mark_ticks=state.ticks[sale.market],
        lot_tick_units=sale.contract.unit,
        bankruptcy_ticks=sale.px,
        tiers=state.instruments[sale.market].market.tiers,
        equity_units=stand.equity,
        other_maintenance_units=stand.maintenance - sale.margin,
        surcharge_ppm=rate,
        buffer_ppm=design.liquidation.buffer_ppm,
        trigger=design.liquidation.trigger,
    )
    lots = fewest_lots(exposure, fills)
    filled = min(lots, sum(part for part, _ in fills))
    after = after_reduction(exposure, fills, filled)
    left = notional_units(sale.contract, sale.size - filled, state.ticks[sale.market])
    margin = maintenance_margin_units(left, exposure.tiers) if left else 0
    return lots, _Stand(after.equity_units, stand.maintenance - sale.margin + margin), after.enough


def _reduce_inverse(
    state: VenueState, design: Design, stand: _Stand, sale: Sale, fills: Sequence[tuple[int, int]], rate: int
) -> tuple[int, _Stand, bool]:
    """The same for a contract whose value is not linear, by halving: where more lots restore less than fewer do, what
    is found restores the account and one lot less does not, but still fewer might."""

    def after(lots: int) -> tuple[_Stand, bool]:
        stand_after = _after_inverse(state, stand, sale, fills, rate, lots)
        maintenance = stand_after.maintenance
        wanted = maintenance + ppm_up(maintenance, design.liquidation.buffer_ppm)
        at_equality = design.liquidation.trigger == "at_or_below"
        return stand_after, stand_after.equity >= wanted + at_equality

    most = min(sale.size, sum(lots for lots, _ in fills))
    if not after(most)[1]:
        return sale.size, after(most)[0], False
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        if after(middle)[1]:
            high = middle
        else:
            low = middle + 1
    return high, *after(high)


def _after_inverse(
    state: VenueState, stand: _Stand, sale: Sale, fills: Sequence[tuple[int, int]], rate: int, lots: int
) -> _Stand:
    mark, left, value = state.ticks[sale.market], lots, 0
    for size, ticks in fills:
        part = min(size, left)
        value += sale.value_at(part, ticks)
        left -= part
    rest = sale.size - lots
    equity = stand.equity + value + sale.value_at(rest, mark) - sale.value_at(sale.size, mark)
    fee = surcharge_units(abs(value), rate, value - sale.value_at(lots, sale.px), equity)
    notional = notional_units(sale.contract, rest, mark)
    tiers = state.instruments[sale.market].market.tiers
    margin = maintenance_margin_units(notional, tiers) if notional else 0
    return _Stand(equity - fee, stand.maintenance - sale.margin + margin)


# --- limits -----------------------------------------------------------------------------------------------------------


def _limits(state: VenueState, design: Design, account: int, sales: Sequence[Sale]) -> None:
    """What a step may close of each position, then of the account."""
    rules = design.liquidation
    one = [notional_units(sale.contract, 1, state.ticks[sale.market]) for sale in sales]
    if rules.position_limit_ppm is not None:
        for sale, lot_notional in zip(sales, one, strict=True):
            done = state.step_lots.get((account, sale.market), 0)
            most = position_limit_lots(
                sale.size + done, rules.position_limit_ppm, rules.position_limit_least, lot_notional
            )
            sale.wanted = min(sale.wanted, max(0, most - done))
    if rules.account_notional_per_step is not None:
        room = rules.account_notional_per_step - state.step_notional.get(account, 0)
        within = lots_within_notional([sale.wanted for sale in sales], one, room)
        for sale, lots in zip(sales, within, strict=True):
            sale.wanted = lots


def _rates(state: VenueState, design: Design, values: Values, accounts: Mapping[int, list[Sale]]) -> None:
    """What each market may liquidate within the window, lowest equity / maintenance first, ties lowest id."""
    rules = design.liquidation
    order = sorted(
        accounts,
        key=lambda a: queue_key(state.accounts[a], values.equity(a), values.maintenance(a)),
    )
    for market in range(len(state.instruments)):
        sales = [sale for account in order for sale in accounts[account] if sale.market == market]
        if not sales:
            continue
        room = window_left_units(
            rules.rate_notional or 0, rules.rate_window_ms or 1, state.closed_notional.get(market, ()), state.last_t_ms
        )
        lot_notional = notional_units(sales[0].contract, 1, state.ticks[market])
        within = lots_within_notional([sale.wanted for sale in sales], [lot_notional] * len(sales), room)
        for sale, lots in zip(sales, within, strict=True):
            sale.wanted = lots
