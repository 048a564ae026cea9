"""Facts: a plan as events, with amounts and balances after; and as the messages that the fund gets.

Layer    venue; imports venue.{events,haircuts,plan,state}, rules, design, fund.messages. Called by venue.machine.
Not here any decision that moves money between accounts but the return of excess: that is in the plan.
Held to  this by venue.invariants after every event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seawall.amounts import PPM, Units, allocate, id_key
from seawall.design.types import Design
from seawall.fund.messages import Haircut, Loss, Shortfall
from seawall.rules.accumulation import split_units
from seawall.rules.deleveraging import return_excess
from seawall.rules.margin import trade
from seawall.rules.marks import stale_reason
from seawall.venue.events import (
    AccountsClosed,
    BookRow,
    CashRow,
    ClosedRow,
    ClosingRow,
    Deleveraged,
    FeeRow,
    FillRow,
    HaircutRow,
    HaircutTaken,
    Marked,
    MarkRow,
    MoneyRow,
    PositionRow,
    ReservedRow,
    RoundFilled,
    Triggered,
    UsedRow,
)
from seawall.venue.haircuts import Takings
from seawall.venue.ladder import recover
from seawall.venue.plan import Liquidated, RoundPlan
from seawall.venue.state import VenueState


def marked(state: VenueState, design: Design, t_ms: int, prices: Mapping[str, int]) -> Marked:
    """A step's opening: its marks, why any of them is stale, and the depth that came back.

    prices  market id -> ticks observed now; a market left out keeps its last price, which ages
    """
    marks = []
    for market, instrument in enumerate(state.instruments):
        seen = prices.get(instrument.id)
        if seen is None and state.anchor[market] == 0:
            continue  # no price yet: nobody with a position there is decided
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
        moved = abs(down) * design.stress.pass_through_ppm // PPM
        anchor = state.anchor[market]
        ticks = max(1, anchor - moved if down > 0 else anchor + moved)
        if anchor and ticks != state.ticks[market]:
            stale = state.stale.get(market, "")
            marks.append(MarkRow(instrument.id, anchor, ticks, state.observed_ms[market], stale))
    if not marks:
        return None
    return Marked(step=state.step, round=state.round, marks=tuple(marks), depth=())


def filled(state: VenueState, plan: RoundPlan, number: int) -> RoundFilled:
    """A round's fills: who was liquidated and why, what each traded, what the book took."""
    fills, cash_rows = [], []
    for item in plan.liquidated:
        cash = int(state.cash[item.account])
        for sale, surcharge in zip(item.sales, item.surcharges, strict=True):
            if not sale.filled:
                continue
            bought = -sale.side
            traded = trade(sale.side * sale.size, sale.cost, bought * sale.filled, bought * sale.amount)
            cash += traded.realised_units - surcharge
            fills.append(
                FillRow(
                    account=state.accounts[item.account],
                    market=state.instruments[sale.market].id,
                    bankruptcy_ticks=sale.px,
                    cross_lots=bought * sale.cross,
                    book_lots=bought * sale.book,
                    amount=Units(bought * sale.amount),
                    realised=Units(traded.realised_units),
                    surcharge=Units(surcharge),
                    lots_after=traded.lots,
                    cost_after=Units(traded.cost_units),
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
    )
    reserved = tuple(
        ReservedRow(state.accounts[item.account], Units(item.reserved))
        for item in plan.liquidated
        if item.reserved != state.reserved.get(item.account, 0)
    )
    books = _book_rows(state, plan)
    return RoundFilled(state.step, number, triggered, tuple(fills), books, tuple(cash_rows), reserved)


def _book_rows(state: VenueState, plan: RoundPlan) -> tuple[BookRow, ...]:
    rows = []
    outside_cash = state.outside_cash
    for market, taken in plan.book.items():
        instrument = state.instruments[market]
        amount = taken.lot_ticks * instrument.lot_tick_units
        buys = plan.sides[market] == "bids"  # the outside book buys what liquidated accounts sell
        outside_cash += -amount if buys else amount
        rows.append(
            BookRow(
                market=instrument.id,
                side=plan.sides[market],
                lots=taken.lots,
                amount=Units(amount),
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
        to_fund, to_treasury, _ = split_units(end.residual, (split.fund, split.treasury, split.trader))
        taken = to_fund + to_treasury
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
            )
        )
    return AccountsClosed(state.step, number, tuple(rows))


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


class _Fills:
    """Positions and cash of the accounts that a deleveraging touches, as it goes on."""

    def __init__(self, state: VenueState) -> None:
        self._state = state
        self.cash: dict[int, int] = {}
        self.positions: dict[tuple[int, int], tuple[int, int, int]] = {}

    def fill(self, account: int, market: int, lots: int, amount: int) -> None:
        """One fill, signed: bought > 0."""
        state, key = self._state, (account, market)
        held, cost, realised = self.positions.get(
            key, (int(state.lots[market, account]), int(state.cost[market, account]), 0)
        )
        after = trade(held, cost, lots, amount)
        self.positions[key] = (after.lots, after.cost_units, realised + after.realised_units)
        self.add(account, after.realised_units)

    def add(self, account: int, units: int) -> None:
        """Money in (or, negative, out)."""
        self.cash[account] = self.cash.get(account, int(self._state.cash[account])) + units


def deleveraged(state: VenueState, plan: RoundPlan, number: int, batch: str, severity: int) -> Deleveraged:
    """The planned closings at bankruptcy prices; what they took beyond the severity goes back (SPEC 7)."""
    fills = _Fills(state)
    closings = []
    for closing in plan.deleveraging.closings:
        amount = closing.lots * closing.price * state.instruments[closing.market].lot_tick_units
        fills.fill(closing.account, closing.market, -closing.side * closing.lots, -closing.side * amount)
        fills.add(closing.account, -closing.gap)
        closings.append(
            ClosingRow(
                account=state.accounts[closing.account],
                market=state.instruments[closing.market].id,
                lots=closing.lots,
                price_ticks=closing.price,
                gap=Units(closing.gap),
            )
        )
    won: dict[tuple[int, int], tuple[int, int, int]] = {}
    for winning in plan.deleveraging.winnings:
        key = (winning.account, winning.market)
        fills.fill(*key, -winning.side * winning.lots, -winning.side * winning.amount)
        lots, amount, taken = won.get(key, (0, 0, 0))
        won[key] = (lots + winning.lots, amount + winning.amount, taken + winning.taken)
    winners = sorted(won)
    rows = []
    for key, haircut in zip(winners, return_excess([won[key][2] for key in winners], severity), strict=True):
        account, market = key
        lots, amount, taken = won[key]
        fills.add(account, taken - haircut)
        value = state.ticks[market] * state.instruments[market].lot_tick_units
        rows.append(
            HaircutRow(
                account=state.accounts[account],
                owner=state.owners[account],
                market=state.instruments[market].id,
                lots=lots,
                amount=Units(amount),
                profit=Units(int(state.lots[market, account]) * value - int(state.cost[market, account])),
                equity=Units(int(plan.values.equity[account])),
                taken=Units(taken),
                haircut=Units(haircut),
            )
        )
    return Deleveraged(
        step=state.step,
        round=number,
        batch=batch,
        severity=Units(severity),
        closings=tuple(closings),
        haircuts=tuple(rows),
        positions=tuple(
            PositionRow(state.accounts[account], state.instruments[market].id, lots, Units(cost), Units(realised))
            for (account, market), (lots, cost, realised) in sorted(fills.positions.items())
        ),
        cash=tuple(CashRow(state.accounts[account], Units(units)) for account, units in sorted(fills.cash.items())),
    )


def haircut_taken(
    state: VenueState, number: int, batch: str, how: str, severity: int, takings: Takings
) -> HaircutTaken:
    """Money taken from profit: the position's cost rises by it. `how`: `adl_money` or `socialised_loss`."""
    rows = tuple(
        MoneyRow(
            account=state.accounts[row.account],
            owner=state.owners[row.account],
            market=state.instruments[row.market].id,
            profit=Units(row.profit),
            equity=Units(row.equity),
            amount=Units(row.amount),
            cost_after=Units(int(state.cost[row.market, row.account]) + row.amount),
        )
        for row in takings.rows
    )
    return HaircutTaken(state.step, number, batch, how, Units(severity), Units(takings.base), rows)


def haircuts_of(event: Deleveraged | HaircutTaken) -> tuple[Haircut, ...]:
    """What traders paid in an event, as the rows of the fund's `settle`."""
    if isinstance(event, Deleveraged):
        return tuple(
            Haircut(
                account=row.account, owner=row.owner, market=row.market, how="adl", lots=row.lots, amount=row.haircut
            )
            for row in event.haircuts
        )
    return tuple(
        Haircut(
            account=row.account,
            owner=row.owner,
            market=row.market,
            how="adl_money" if event.how == "adl_money" else "socialised_loss",
            lots=0,
            amount=row.amount,
        )
        for row in event.rows
    )
