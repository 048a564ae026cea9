"""Deleveraging as it reads: a winner is an object, each is closed by `trade`, and who suffices is found by placing.

The venue does the same on arrays, and asks winners' capacity before it places anybody (venue.pools, venue.deleverage).
"""

from dataclasses import dataclass, field, replace

from seawall.amounts import allocate
from seawall.rules.contracts import notional_units, pnl_units, value_units
from seawall.rules.deleveraging import Gap, Winner, plan_lots
from seawall.rules.margin import maintenance_margin_units, trade
from seawall.venue.deleverage import QUEUES, Closing, Deleveraging, Winning, closing_ticks, policy_parameters
from seawall.venue.sales import share_value
from seawall.venue.scan import safe


def deleverage_by_hand(state, design, values, accounts, bankrupt):
    """What `deleverage` gives."""
    left = {
        account: [sale for sale in sales if sale.left]
        for account, sales in accounts.items()
        if account in bankrupt and any(sale.left for sale in sales)
    }
    pools = Pools(state, design, values, accounts)
    serve = _one_by_one if design.exhaustion.adl_ranking in QUEUES else _together
    return serve(state, design, pools, left)


def _one_by_one(state, design, pools, left):
    closings = []
    winnings = []
    served = set()
    unplaced = {}
    for account, sales in left.items():
        attempt = pools.copy()
        placed = _place(state, design, attempt, sales)
        if placed.missing:
            for market, lots in placed.missing.items():
                unplaced[market] = unplaced.get(market, 0) + lots
            continue
        pools = attempt
        closings += placed.closings
        winnings += placed.winnings
        served.add(account)
    return Deleveraging(tuple(closings), tuple(winnings), frozenset(served), unplaced)


def _together(state, design, pools, left):
    def place(accounts):
        return _place(state, design, pools.copy(), [sale for account in accounts for sale in left[account]])

    everybody = list(left)
    best = place(everybody)
    unplaced = best.missing
    served = everybody
    if unplaced:
        low, high, best = 0, len(everybody) - 1, _Placed()
        while low < high:
            middle = (low + high + 1) // 2
            placed = place(everybody[:middle])
            if placed.missing:
                high = middle - 1
            else:
                low, best = middle, placed
        served = everybody[:low]
        for account in everybody[low:]:  # one that winners do not suffice for does not keep the others waiting
            placed = place([*served, account])
            if not placed.missing:
                served, best = [*served, account], placed
    return Deleveraging(tuple(best.closings), tuple(best.winnings), frozenset(served), unplaced)


@dataclass(slots=True)
class _Placed:
    """Closings of some positions and their winners. `missing`: market index -> lots that winners do not suffice for."""

    closings: list = field(default_factory=list)
    winnings: list = field(default_factory=list)
    missing: dict = field(default_factory=dict)


def _place(state, design, pools, sales):
    """Match positions, market by market, with the winners of the other side; `pools` are used up by it."""
    rules = design.exhaustion
    parameters = policy_parameters(design, f"b{state.step}.{state.round + 1}")
    placed = _Placed()
    groups = {}
    for sale in sales:
        price = closing_ticks(state, design, sale)
        value = sale.value_at(sale.left, price)
        gap = value - sale.value_at(sale.left, state.ticks[sale.market])
        closing = Closing(sale.account, sale.market, sale.side, sale.left, price, value, gap)
        groups.setdefault((sale.market, sale.side), []).append(closing)
    for (market, side), closings in sorted(groups.items()):
        gap_all = Gap(sum(closing.gap for closing in closings), sum(closing.lots for closing in closings))
        inverse = state.instruments[market].contract.inverse
        winners = list(pools.winners(market, -side).values())
        plan = plan_lots(winners, gap_all, rules.adl_ranking, rules.adl_eligible, parameters)
        missing = gap_all.lots - sum(plan)
        if missing:
            placed.missing[market] = placed.missing.get(market, 0) + missing
            continue
        hit = [(state.index[winner.id], lots) for winner, lots in zip(winners, plan, strict=True) if lots]
        shares = [lots for _, lots in hit]
        for (account, lots), (value, taken) in zip(hit, _shares(closings, gap_all.units, shares, inverse), strict=True):
            winning = Winning(account, market, -side, lots, value, taken)
            pools.take(winning)
            placed.winnings.append(winning)
        placed.closings += closings
    return placed


def _shares(closings, gap, lots, inverse):
    """(value at the closing prices, what that costs against the mark) of each winner; the costs add up to the gap.

    Both sides' values are each other's opposite. Winners share the closing prices by `allocate` over lots, as sellers
    share the book's proceeds: at the mark a linear lot is worth a whole number, so every cost is >= 0. An inverse one
    is not, and there they share the cost itself.
    """
    closed = -sum(closing.value for closing in closings)
    at_mark = share_value(closed + gap, lots)
    if inverse:
        return [(value - cost, cost) for value, cost in zip(at_mark, allocate(gap, lots), strict=True)]
    at_close = share_value(closed, lots)
    return [(value, mark - value) for value, mark in zip(at_close, at_mark, strict=True)]


class Pools:
    """Live winners by (market, side), as deleveraging goes on: fewer lots, less profit, less equity everywhere."""

    def __init__(self, state, design, values, bankrupt):
        self._state, self._design, self._values, self._bankrupt = state, design, values, bankrupt
        self._pools = {}
        self._taken = {}
        self._cost = {}

    def copy(self):
        """As it stands, to come back to."""
        other = Pools(self._state, self._design, self._values, self._bankrupt)
        other._pools = {key: dict(pool) for key, pool in self._pools.items()}
        other._taken = dict(self._taken)
        other._cost = dict(self._cost)
        return other

    def winners(self, market, side):
        """Positions of one side by account, lowest id first; nobody who is liquidatable or cannot be decided."""
        if (market, side) not in self._pools:
            self._pools[market, side] = self._load(market, side)
        return self._pools[market, side]

    def _load(self, market, side):
        state, values = self._state, self._values
        instrument = state.instruments[market]
        if instrument.market.adl_exempt:
            return {}
        arrays = values.arrays
        fine = safe(arrays, self._design)
        contract, ticks = instrument.contract, state.ticks[market]
        winners = {}
        for account in range(len(state.accounts)):
            if account in self._bankrupt or not fine[account] or state.lots[market, account] * side <= 0:
                continue
            equity = int(arrays.equity[account])
            lots, cost = int(state.lots[market, account]), int(state.cost[market, account])
            notional = notional_units(contract, lots, ticks)
            winners[account] = Winner(
                id=state.accounts[account],
                lots=abs(lots),
                profit_units=pnl_units(contract, lots, ticks, cost),
                equity_units=equity - self._taken.get(account, 0),
                notional_units=notional,
                entry_units=abs(cost),
                wallet_units=int(state.cash[account]),
                maintenance_units=maintenance_margin_units(notional, instrument.market.tiers),
            )
        return winners

    def take(self, winning):
        """Take in what one winner was closed."""
        state, account = self._state, winning.account
        self._taken[account] = self._taken.get(account, 0) + winning.taken
        for (market, side), pool in self._pools.items():
            winner = pool.get(account)
            if winner is None:
                continue
            equity = winner.equity_units - winning.taken
            if market != winning.market:
                pool[account] = replace(winner, equity_units=equity)
                continue
            lots = winner.lots - winning.lots
            if lots == 0:
                del pool[account]
                continue
            instrument = state.instruments[market]
            contract, ticks = instrument.contract, state.ticks[market]
            held = self._cost.get((account, market), int(state.cost[market, account]))
            after = trade(side * winner.lots, held, -side * winning.lots, -winning.value)
            self._cost[account, market] = after.cost_units
            notional = notional_units(contract, lots, ticks)
            pool[account] = replace(
                winner,
                lots=lots,
                # What was taken counts against the profit of the whole position, so that no sum of takings exceeds it.
                profit_units=min(
                    value_units(contract, after.lots, ticks) - after.cost_units, winner.profit_units - winning.taken
                ),
                equity_units=equity,
                notional_units=notional,
                entry_units=abs(after.cost_units),
                wallet_units=winner.wallet + after.realised_units,
                maintenance_units=maintenance_margin_units(notional, instrument.market.tiers),
            )
