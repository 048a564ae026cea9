"""Apply: the only place that changes a venue's state. It calls no rule; an event is a fact.

Layer    venue; imports venue_events, venue.state, fund.apply (the stamp). Used live and in replay alike (I7).
Not here deciding (venue.plan, venue.machine) and checking (venue.invariants).
"""

from __future__ import annotations

from collections.abc import Iterable

from seawall.fund.apply import BrokenLog, Stamp
from seawall.venue.state import INT64_SAFE, Begun, OpenBatch, VenueState
from seawall.venue_events import (
    AccountsClosed,
    BookRow,
    CashRow,
    ClosedAgainstLayer,
    DeficitsCovered,
    Deleveraged,
    Deposited,
    EndedMarket,
    EndedRow,
    FundingPaid,
    GainsTaken,
    HaircutTaken,
    InventoryMoved,
    InventoryRow,
    InventorySettled,
    LossesSeen,
    Marked,
    MarketSettled,
    MoneyRow,
    PeriodBegan,
    PositionRow,
    PositionsTornUp,
    RecourseTaken,
    Recovered,
    RoundFilled,
    VenueEvent,
    VenueOpened,
    Withdrawn,
)


def apply(state: VenueState, stamp: Stamp, event: VenueEvent) -> None:
    """Take in one event. Errors: BrokenLog when its number or time does not follow."""
    if stamp.seq != state.last_seq + 1 or stamp.t_ms < state.last_t_ms:
        raise BrokenLog(f"event {stamp.seq} at {stamp.t_ms} after event {state.last_seq} at {state.last_t_ms}")
    match event:
        case VenueOpened():
            pass
        case Marked():
            _marked(state, stamp, event)
        case RoundFilled():
            _round_filled(state, stamp, event)
        case AccountsClosed():
            _accounts_closed(state, event)
        case DeficitsCovered():
            _covered(state, event)
        case Deleveraged():
            _deleveraged(state, event)
        case HaircutTaken():
            _money_taken(state, event.rows)
            if event.over == "period_profit":
                for money in event.rows:
                    account = state.index[money.account]
                    state.period_taken[account] = state.period_taken.get(account, 0) + money.amount
        case GainsTaken():
            _gains_taken(state, event)
        case _:
            _apply_rest(state, stamp, event)
    state.last_seq = stamp.seq
    state.last_t_ms = stamp.t_ms


def _apply_rest(state: VenueState, stamp: Stamp, event: VenueEvent) -> None:
    """Events beside the rounds: positions that end, funding, money in and out."""
    match event:
        case PositionsTornUp():
            _ended(state, event.markets, event.positions, event.cash)
            _inventory(state, event.inventory)
            for torn in event.haircuts:
                state.booked -= torn.haircut
                state.deleveraged.add(state.index[torn.account])
        case MarketSettled():
            _ended(state, (event.market,), event.positions, event.cash)
            _inventory(state, event.inventory)
            market = _markets(state)[event.market.market]
            state.ticks[market] = state.anchor[market] = event.market.ticks
            state.stale.pop(market, None)
            state.settled.add(market)
        case FundingPaid():
            markets = _markets(state)
            for paid in event.rows:
                _realise(state, state.index[paid.account], markets[paid.market], int(paid.amount))
            state.outside_cash = int(event.outside_cash_after)
            _inventory(state, event.inventory)
            _set_cash(state, event.cash)
            _widen_if_needed(state)
        case PeriodBegan():
            state.period_ms = event.start_ms
            state.period_realised.clear()
            state.period_taken.clear()
        case LossesSeen():
            state.losses_seen_ms = stamp.t_ms
        case Withdrawn():
            for row in event.rows:
                _put_cash(state, state.index[row.account], int(row.cash_after))
                state.money_out += row.paid
                state.to_fund += row.borne
                state.requests[row.id] = ("withdraw", row.account, int(row.asked), stamp.seq)
        case Deposited():
            _put_cash(state, state.index[event.account], int(event.cash_after))
            state.money_in += event.amount
            state.requests[event.id] = ("deposit", event.account, int(event.amount), stamp.seq)
            _widen_if_needed(state)
        case RecourseTaken():
            for given in event.rows:
                _put_cash(state, state.index[given.account], int(given.account_cash_after))
                _put_cash(state, state.index[given.payer], int(given.payer_cash_after))
        case InventoryMoved() | InventorySettled() | ClosedAgainstLayer():
            _layers_moved(state, event)
        case Recovered():
            for back in event.rows:
                account = state.index[back.account]
                _put_cash(state, account, int(back.cash_after))
                state.owed[account] = int(back.owed_after)
                if not back.owed_after:
                    del state.owed[account]
                state.to_fund += back.amount
        case _:
            raise AssertionError(f"no apply for {type(event).__name__}")


def _put_cash(state: VenueState, account: int, units: int) -> None:
    state.cash[account] = units
    state.changed.add(account)


def _put_cost(state: VenueState, market: int, account: int, units: int) -> None:
    """The cost of a position; whoever changes lots says what they cost by this."""
    state.cost[market, account] = units
    state.changed.add(account)


def _money_taken(state: VenueState, rows: Iterable[MoneyRow]) -> None:
    markets = _markets(state)
    for money in rows:
        account = state.index[money.account]
        if money.cash_after is None:
            _put_cost(state, markets[money.market], account, int(money.cost_after))
        else:
            _put_cash(state, account, int(money.cash_after))
        state.booked -= money.amount
        state.deleveraged.add(account)


def _gains_taken(state: VenueState, event: GainsTaken) -> None:
    _money_taken(state, event.rows)
    batch = state.open_batches.setdefault(
        event.batch, OpenBatch(0, 0, {}, {row.market: int(row.amount) for row in event.markets})
    )
    batch.left, batch.cycles = int(event.severity), event.cycle
    for row in event.rows:
        account = state.index[row.account]
        batch.left -= row.amount
        batch.taken[account] = batch.taken.get(account, 0) + row.amount
        state.gains_taken[account] = state.gains_taken.get(account, 0) + row.amount
    if event.ends:
        del state.open_batches[event.batch]


def _realise(state: VenueState, account: int, market: int, units: int) -> None:
    """A result in a market: since the account was flat, and within the period where one is kept."""
    state.realised[market, account] += units
    if state.period_ms >= 0 and units:
        key = (account, market)
        state.period_realised[key] = state.period_realised.get(key, 0) + units


def _ended(
    state: VenueState, ended: Iterable[EndedMarket], positions: Iterable[EndedRow], cash: Iterable[CashRow]
) -> None:
    """Positions that ended at a price, with their counterparty, the outside book."""
    markets = _markets(state)
    touched = set()
    for market in ended:
        state.outside_lots[markets[market.market]] = 0
        state.outside_cash = int(market.outside_cash_after)
    for row in positions:
        account, place = state.index[row.account], markets[row.market]
        state.lots[place, account] = 0
        _put_cost(state, place, account, 0)
        _realise(state, account, place, int(row.realised))
        touched.add(account)
    _set_cash(state, cash)
    for account in touched:
        _flat(state, account)


def _flat(state: VenueState, account: int) -> None:
    """Close the books of an account that is flat, or note that a debt or a liquidation under way keeps them open."""
    if not state.is_flat(account):
        return
    if state.cash[account] < 0 and state.has_collateral(account):
        return  # it is sold first
    if state.cash[account] < 0 or account in state.fees or account in state.reserved:
        state.unsettled.add(account)
    else:
        state.realised[:, account] = 0


def _widen_if_needed(state: VenueState) -> None:
    """Go over to Python integers when money from elsewhere comes near what int64 was checked for: a float screen."""
    if state.cash.dtype != object and float(abs(state.cash.astype(float)).sum()) > INT64_SAFE / 16:
        state.widen()


def _markets(state: VenueState) -> dict[str, int]:
    return {instrument.id: market for market, instrument in enumerate(state.instruments)}


def _set_cash(state: VenueState, rows: Iterable[CashRow]) -> None:
    for row in rows:
        _put_cash(state, state.index[row.account], int(row.cash))


def _marked(state: VenueState, stamp: Stamp, event: Marked) -> None:
    markets = _markets(state)
    if event.step != state.step:
        state.step = event.step
        state.previous_ticks = list(state.ticks)
        state.gains_taken.clear()
        state.step_lots.clear()
        state.step_notional.clear()
        state.touched.clear()
        state.liquidated.clear()
        state.deleveraged.clear()
    state.round = event.round
    for mark in event.marks:
        market = markets[mark.market]
        state.anchor[market] = mark.anchor_ticks
        state.ticks[market] = mark.ticks
        state.observed_ms[market] = mark.observed_ms
        if mark.stale:
            state.stale[market] = mark.stale
        else:
            state.stale.pop(market, None)
            state.good_ticks[market], state.good_ms[market] = mark.anchor_ticks, stamp.t_ms
        if mark.ticks > state.ceiling_ticks[market]:
            state.widen()
    for depth in event.depth:
        state.used[markets[depth.market], depth.side] = depth.used


def _begun(state: VenueState, stamp: Stamp, event: RoundFilled) -> None:
    for name in event.begun:
        account = state.index[name]
        lots = {market: abs(int(state.lots[market, account])) for market in range(len(state.instruments))}
        state.begun[account] = Begun(stamp.t_ms, {market: held for market, held in lots.items() if held})
    for name in event.sliced:
        state.sliced[state.index[name]] = stamp.t_ms


def _counted(state: VenueState, stamp: Stamp, event: RoundFilled, markets: dict[str, int]) -> None:
    """What limits of a step and of a window count."""
    closed: dict[int, int] = {}
    for fill in event.fills:
        if fill.notional:
            account, market = state.index[fill.account], markets[fill.market]
            lots = abs(fill.cross_lots + fill.book_lots + fill.taken_lots)
            state.step_lots[account, market] = state.step_lots.get((account, market), 0) + lots
            state.step_notional[account] = state.step_notional.get(account, 0) + fill.notional
            closed[market] = closed.get(market, 0) + fill.notional
    if event.window_ms:
        for market, notional in closed.items():
            before = state.closed_notional.get(market, [])
            kept = [(t_ms, units) for t_ms, units in before if stamp.t_ms - t_ms < event.window_ms]
            state.closed_notional[market] = [*kept, (stamp.t_ms, notional)]


def _inventory(state: VenueState, rows: Iterable[InventoryRow]) -> None:
    """What layers hold after trades, and what these realised: due to them, or by them."""
    markets = _markets(state)
    for row in rows:
        key = (row.layer, markets[row.market])
        state.held[key] = (row.lots_after, int(row.cost_after))
        if not row.lots_after and not row.cost_after:
            del state.held[key]
        _due(state, key, int(row.realised))


def _due(state: VenueState, key: tuple[str, int], units: int) -> None:
    state.due[key] = state.due.get(key, 0) + units
    if not state.due[key]:
        del state.due[key]


def _book(state: VenueState, rows: Iterable[BookRow]) -> None:
    markets = _markets(state)
    for book in rows:
        market = markets[book.market]
        key = (market, book.side)
        state.used[key] = book.used
        state.touched[key] = max(state.touched.get(key, 0), book.away_ticks)
        state.outside_lots[market] = book.outside_lots_after
        state.outside_cash = int(book.outside_cash_after)


def _covered(state: VenueState, event: DeficitsCovered) -> None:
    state.round = event.round  # a round in which layers alone owe has no other event that says so
    for row in event.rows:
        state.from_fund += row.drawn
        state.booked += row.severity
        state.outside_cash += row.premium
        if not row.layer:
            _put_cash(state, state.index[row.account], int(row.cash_after))
            continue
        for key in [key for key, units in state.due.items() if key[0] == row.account and units < 0]:
            del state.due[key]


def _round_filled(state: VenueState, stamp: Stamp, event: RoundFilled) -> None:
    markets = _markets(state)
    state.round = event.round
    _begun(state, stamp, event)
    _counted(state, stamp, event, markets)
    state.rounding += event.rounding
    for trigger in event.triggered:
        state.liquidated.add(state.index[trigger.account])
    for fill in event.fills:
        account, market = state.index[fill.account], markets[fill.market]
        state.lots[market, account] = fill.lots_after
        _put_cost(state, market, account, int(fill.cost_after))
        _realise(state, account, market, int(fill.realised))
        if fill.surcharge:
            fees = state.fees.setdefault(account, {})
            fees[market] = fees.get(market, 0) + fill.surcharge
    _book(state, event.book)
    _inventory(state, event.inventory)
    for reserve in event.reserved:
        if reserve.amount:
            state.reserved[state.index[reserve.account]] = int(reserve.amount)
        else:
            state.reserved.pop(state.index[reserve.account], None)
    _set_cash(state, event.cash)


def _accounts_closed(state: VenueState, event: AccountsClosed) -> None:
    state.round = event.round
    for charged in event.final:
        account, units = state.index[charged.account], sum(fee.amount for fee in charged.fees)
        state.fees.pop(account, None)
        state.final_fees[account] = state.final_fees.get(account, 0) + units
        state.to_fund += units
    for row in event.rows:
        account = state.index[row.account]
        _put_cash(state, account, int(row.cash_after))
        state.fees.pop(account, None)
        state.reserved.pop(account, None)
        for memory in (state.begun, state.sliced, state.final_fees):
            memory.pop(account, None)
        if row.deficit and state.has_collateral(account):
            state.owed[account] = state.owed.get(account, 0) + int(row.deficit)
        state.unsettled.discard(account)
        state.to_fund += sum(fee.amount for fee in row.fees) + row.residual_taken
        if state.is_flat(account):
            state.realised[:, account] = 0


def _layers_moved(state: VenueState, event: InventoryMoved | InventorySettled | ClosedAgainstLayer) -> None:
    """What layers hold, and what it realised."""
    match event:
        case InventoryMoved():
            _book(state, event.book)
            _inventory(state, event.rows)
        case InventorySettled():
            for settled in event.rows:
                _due(state, (settled.layer, _markets(state)[settled.market]), int(settled.loss - settled.gain))
                state.to_fund += settled.gain
                state.from_fund += settled.loss
        case ClosedAgainstLayer():
            _inventory(state, event.inventory)
            _traded(state, event.positions, event.cash)
            state.deleveraged.update(state.index[closed.account] for closed in event.rows)


def _deleveraged(state: VenueState, event: Deleveraged) -> None:
    _traded(state, event.positions, event.cash)
    for haircut in event.haircuts:
        state.booked -= haircut.haircut
        state.deleveraged.add(state.index[haircut.account])


def _traded(state: VenueState, positions: Iterable[PositionRow], cash: Iterable[CashRow]) -> None:
    """Positions and cash of accounts after something closed them."""
    markets = _markets(state)
    _set_cash(state, cash)
    for position in positions:
        account, market = state.index[position.account], markets[position.market]
        state.lots[market, account] = position.lots
        _put_cost(state, market, account, int(position.cost))
        _realise(state, account, market, int(position.realised))
        _flat(state, account)
