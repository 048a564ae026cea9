"""Facts: marks and a plan's fills and closes as events, with amounts and balances after; deficits as messages.

Layer    venue; imports venue_events, venue.{inventory,ladder,plan,state}, rules, design, fund.messages. Called by
         venue.{machine,posting,holdings}.
Not here any decision that moves money between accounts: that is in the plan. What winners pay: venue.haircut_facts.
Held to  this by venue.invariants after every event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seawall.amounts import Units, allocate, id_key
from seawall.design.types import Design, ResidualSplit
from seawall.fund.events import NOTHING
from seawall.fund.messages import Loss, Shortfall
from seawall.rules.accumulation import split_units
from seawall.rules.contracts import notional_units, value_units
from seawall.rules.margin import trade
from seawall.rules.marks import displaced_ticks, stale_reason
from seawall.venue.inventory import Moved, moved
from seawall.venue.ladder import Taken, recover
from seawall.venue.plan import Liquidated, RoundPlan
from seawall.venue.sizes import limits_lots
from seawall.venue.state import VenueState
from seawall.venue_events import (
    AccountsClosed,
    BookRow,
    CashRow,
    ClosedRow,
    FeeRow,
    FillRow,
    FinalRow,
    InventoryRow,
    Marked,
    MarkRow,
    Recovered,
    RecoveredRow,
    ReservedRow,
    RoundFilled,
    Triggered,
    UsedRow,
)


def marked(state: VenueState, design: Design, t_ms: int, prices: Mapping[str, int]) -> Marked:
    """A step's opening: its marks, why any of them is stale, and the depth that came back.

    prices  market id -> ticks observed now; a market left out keeps its last price, which ages
    """
    marks = []
    for market, instrument in enumerate(state.instruments):
        seen = prices.get(instrument.id)
        if market in state.settled or (seen is None and state.anchor[market] == 0):
            continue  # closed; or no price yet: nobody with a position there is decided
        ticks = state.anchor[market] if seen is None else seen
        observed = state.observed_ms[market] if seen is None else t_ms
        stale = stale_reason(
            ticks, observed, t_ms, design.mark.max_age_ms, instrument.floor_ticks, instrument.ceiling_ticks
        )
        marks.append(MarkRow(instrument.id, ticks, ticks, observed, stale))
    depth = []
    for (market, side), used in state.used.items():
        after = recover(used, design.stress.recovery_ppm)
        if after != used:
            depth.append(UsedRow(state.instruments[market].id, side, after))
    return Marked(step=state.step + 1, round=0, marks=tuple(marks), depth=tuple(depth))


def displaced(state: VenueState, design: Design) -> Marked | None:
    """The next round's marks: the step's price moved by the passed-through part of own-book displacement (SPEC 4.2).

    returns  None when no mark moves
    """
    marks = []
    for market, instrument in enumerate(state.instruments):
        down = state.touched.get((market, "bids"), 0) - state.touched.get((market, "asks"), 0)
        anchor = state.anchor[market]
        ticks = displaced_ticks(anchor, down, design.stress.pass_through_ppm)
        if anchor and ticks != state.ticks[market] and market not in state.settled:
            stale = state.stale.get(market, "")
            marks.append(MarkRow(instrument.id, anchor, ticks, state.observed_ms[market], stale))
    if not marks:
        return None
    return Marked(step=state.step, round=state.round, marks=tuple(marks), depth=())


def filled(state: VenueState, design: Design, plan: RoundPlan, number: int) -> RoundFilled:
    """A round's fills: who was liquidated and why, what each traded, what the book and layers took."""
    fills, cash_rows = [], []
    limited = limits_lots(design)
    for item in plan.liquidated:
        cash = int(state.cash[item.account])
        for sale, surcharge in zip(item.sales, item.surcharges, strict=True):
            if not sale.filled:
                continue
            bought = -sale.side
            traded = trade(sale.side * sale.size, sale.cost, bought * sale.filled, -sale.value)
            cash += traded.realised_units - surcharge
            fills.append(
                FillRow(
                    account=state.accounts[item.account],
                    market=state.instruments[sale.market].id,
                    bankruptcy_ticks=sale.px,
                    cross_lots=bought * sale.cross,
                    book_lots=bought * sale.book,
                    amount=Units(-sale.value),
                    realised=Units(traded.realised_units),
                    surcharge=Units(surcharge),
                    lots_after=traded.lots,
                    cost_after=Units(traded.cost_units),
                    taken_lots=bought * sale.taken,
                    notional=some(notional_units(sale.contract, sale.filled, state.ticks[sale.market]) * limited),
                )
            )
        cash_rows.append(CashRow(state.accounts[item.account], Units(cash)))
    triggered = tuple(
        Triggered(
            account=state.accounts[item.account],
            owner=state.owners[item.account],
            equity=Units(item.equity),
            maintenance=Units(item.maintenance),
            induced=item.account in state.deleveraged,
            first=item.account not in state.liquidated,
        )
        for item in plan.liquidated
        if not item.dust
    )
    reserved = tuple(
        ReservedRow(state.accounts[item.account], Units(item.reserved))
        for item in plan.liquidated
        if item.reserved != state.reserved.get(item.account, 0)
    )
    by_steps = design.liquidation.amount == "steps"
    return RoundFilled(
        step=state.step,
        round=number,
        triggered=triggered,
        fills=tuple(fills),
        book=book_rows(state, plan.book, plan.sides),
        cash=tuple(cash_rows),
        reserved=reserved,
        rounding=some(plan.rounding),
        begun=tuple(state.accounts[account] for account in plan.begun),
        sliced=tuple(state.accounts[i.account] for i in plan.liquidated if by_steps and any(s.filled for s in i.sales)),
        window_ms=(design.liquidation.rate_window_ms or 0) if design.liquidation.rate_notional is not None else 0,
        inventory=_taken_over(state, design, plan),
    )


def some(units: int) -> Units:
    """An amount of a field that is left out of the bytes where it is 0."""
    return Units(units) if units else NOTHING


def _taken_over(state: VenueState, design: Design, plan: RoundPlan) -> tuple[InventoryRow, ...]:
    """What a layer took over, market by market; its part of a fill is what the account's is not, to the unit."""
    parts: dict[int, list[tuple[int, int]]] = {}
    costs: dict[int, int] = {}
    for item in plan.liquidated:
        for sale in item.sales:
            if sale.taken:
                parts.setdefault(sale.market, []).append((sale.side * sale.taken, sale.taken_value))
                after = trade(sale.side * sale.size, sale.cost, -sale.side * sale.filled, -sale.value)
                before = costs.get(sale.market, int(state.cost[sale.market].sum()))
                costs[sale.market] = before + after.cost_units - sale.cost
    return tuple(
        inventory_row(
            state, moved(state, plan.taker, market, parts[market], costs[market] if design.pool is not None else None)
        )
        for market in sorted(parts)
    )


def inventory_row(state: VenueState, trade_of: Moved) -> InventoryRow:
    """A layer's trade as a row."""
    return InventoryRow(
        layer=trade_of.layer,
        market=state.instruments[trade_of.market].id,
        lots=trade_of.lots,
        amount=Units(trade_of.amount),
        realised=Units(trade_of.realised),
        lots_after=trade_of.lots_after,
        cost_after=Units(trade_of.cost_after),
    )


def book_rows(state: VenueState, book: Mapping[int, Taken], sides: Mapping[int, str]) -> tuple[BookRow, ...]:
    """What each market's book took, and the outside book after it. sides: market index -> "bids" or "asks"."""
    rows = []
    outside_cash = state.outside_cash
    for market, taken in book.items():
        instrument = state.instruments[market]
        buys = sides[market] == "bids"  # the outside book buys what liquidated accounts sell
        side = 1 if buys else -1
        value = sum(value_units(instrument.contract, side * lots, ticks) for ticks, lots in taken.fills)
        outside_cash -= value
        rows.append(
            BookRow(
                market=instrument.id,
                side=sides[market],
                lots=taken.lots,
                amount=Units(abs(value)),
                worst_ticks=taken.worst_ticks,
                away_ticks=taken.away_ticks,
                used=taken.used,
                outside_lots_after=state.outside_lots[market] + (taken.lots if buys else -taken.lots),
                outside_cash_after=Units(outside_cash),
            )
        )
    return tuple(rows)


def closed(
    state: VenueState, design: Design, plan: RoundPlan, ended: Sequence[Liquidated], ids: Mapping[int, str], number: int
) -> AccountsClosed:
    """The liquidations that ended: fees back to the own deficit or on to the fund, residual split, deficit named.

    ended  accounts that are flat, or will be by this round's deleveraging; those that became healthy are the plan's
    ids    account index -> deficit id, for accounts that owe
    """
    split = design.accumulation.residual_split_ppm
    final = _final_rows(state, plan) if design.liquidation.fees_final else ()
    rows = [
        ClosedRow(
            account=state.accounts[account],
            owner=state.owners[account],
            healthy=True,
            equity=Units(equity),
            fees_used=Units(0),
            fees=_fees(state, account, sum(state.fees.get(account, {}).values())),
            residual=Units(0),
            residual_taken=Units(0),
            deficit=Units(0),
            deficit_id="",
            losses=(),
            cash_after=Units(int(state.cash[account])),
        )
        for account, equity in plan.healthy
    ]
    for item in ended:
        end = item.closed
        taken = end.residual - residual_parts(end.residual, split)[2]
        rows.append(
            ClosedRow(
                account=state.accounts[item.account],
                owner=state.owners[item.account],
                healthy=False,
                equity=Units(end.residual - end.deficit - end.fees_used),
                fees_used=Units(end.fees_used),
                fees=_fees(state, item.account, end.fees_routed),
                residual=Units(end.residual),
                residual_taken=Units(taken),
                deficit=Units(end.deficit),
                deficit_id=ids.get(item.account, ""),
                losses=tuple(FeeRow(market, Units(loss)) for market, loss in item.losses),
                cash_after=Units(int(state.cash[item.account]) + end.fees_used - taken),
                premium=some(item.premium),
                fee_deficit=some(item.fee_deficit),
            )
        )
    return AccountsClosed(state.step, number, tuple(rows), final)


def residual_parts(units: int, split: ResidualSplit) -> tuple[int, ...]:
    """A residual's parts: fund, treasury, trader, vault."""
    return split_units(units, (split.fund, split.treasury, split.trader, split.vault))


def _final_rows(state: VenueState, plan: RoundPlan) -> tuple[FinalRow, ...]:
    """Surcharges that the round charged, where they are the fund's at once."""
    rows = []
    for item in plan.liquidated:
        pending = sum(state.fees.get(item.account, {}).values())
        if pending:
            rows.append(FinalRow(state.accounts[item.account], _fees(state, item.account, pending)))
    return tuple(rows)


def recovered_rows(state: VenueState, plan: RoundPlan, number: int) -> Recovered | None:
    """What sales of dust paid towards recognised deficits; None where nothing did."""
    rows = tuple(
        RecoveredRow(
            account=state.accounts[item.account],
            amount=Units(item.recovered),
            owed_after=Units(state.owed[item.account] - item.recovered),
            cash_after=Units(int(state.cash[item.account]) - item.recovered),
        )
        for item in plan.liquidated
        if item.recovered
    )
    return Recovered(state.step, number, rows) if rows else None


def _fees(state: VenueState, account: int, routed: int) -> tuple[FeeRow, ...]:
    """Pending fees that go to the fund, by the market in which they were charged, split by `allocate`."""
    if not routed:
        return ()
    pending = state.fees[account]
    markets = sorted(pending, key=lambda market: id_key(state.instruments[market].id))
    parts = allocate(routed, [pending[market] for market in markets])
    return tuple(
        FeeRow(state.instruments[market].id, Units(part)) for market, part in zip(markets, parts, strict=True) if part
    )


def shortfall(
    state: VenueState, asset: str, deficit: str, account: int, units: int, losses: Sequence[tuple[str, int]]
) -> Shortfall:
    """One deficit as the fund's message."""
    return Shortfall(
        id=deficit,
        account=state.accounts[account],
        owner=state.owners[account],
        asset=asset,
        amount=Units(units),
        losses=tuple(Loss(market, Units(loss)) for market, loss in losses),
    )
