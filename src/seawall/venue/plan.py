"""Plan: what one round of liquidations does, worked out before anything changes.

Layer    venue; imports rules, design, venue.{collateral,deleverage,inventory,sales,scan,sizes}. venue.machine turns a
         plan into events.
Not here the fund's answer (asked through the `Door`), how an account ends (venue.endings), money haircuts
         (venue.haircuts), any change of state.
Held to  this by the conformance suite *venue*: the kernel must give the same rounds.

A round: list who is liquidatable; opposite orders cross at the mark; the rest meets the book once; what the book leaves
is taken over by a layer where the design has one; what the layers cannot pay for below the bankruptcy price is not sold
but deleveraged at that price (SPEC 4.8). A lot is sold, taken over, deleveraged, or waits: none is two of these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from seawall.design.types import Design
from seawall.rules.liquidation import queue_key
from seawall.venue import collateral
from seawall.venue.affordable import Owing, QuoteArray, affordable_lots, fits
from seawall.venue.deleverage import Deleveraging, deleverage
from seawall.venue.endings import Liquidated, Losses, liquidated, owes_units, recovered, settled
from seawall.venue.inventory import Taker, is_below, owed_by, taker
from seawall.venue.ladder import Taken
from seawall.venue.sales import Orders, cross, fill, positions
from seawall.venue.scan import Candidates, Values
from seawall.venue.sizes import needs_time, set_sizes, set_worst_prices
from seawall.venue.state import VenueState

__all__ = ["Door", "Liquidated", "Losses", "Owed", "Quote", "RoundPlan", "plan_round"]

Owed = tuple[int, int, Losses]
"""(account index, base units owed, losses by market)."""
MAX_FORCINGS = 64
"""A guard: each forcing sells what winners did not suffice for, so two or three are the usual number."""

Quote = Callable[[Sequence[Owed]], int]
"""The severity that the fund would leave of these deficits, asked without changing anything."""


@dataclass(frozen=True, slots=True)
class Door:
    """What a plan may ask the fund, without changing anything.

    quote    the severity it would leave of deficits
    waiting  the accounts whose deficit a layer in draw mode `block` could not pay whole
    balance  a layer's money
    quote_array  makes the same quote by arrays, where the layers can be asked so; else None
    """

    quote: Quote
    waiting: Callable[[Sequence[Owed]], frozenset[int]]
    balance: Callable[[str], int]
    quote_array: Callable[[], QuoteArray | None] = lambda: None


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """Everything one round does before the fund is asked to pay.

    healthy   accounts under liquidation that are no longer liquidatable, with their equity: their fees are routed
    book      market index -> what its book took
    sides     market index -> "bids" or "asks"
    deleveraging  who is closed against whom
    values    the accounts at the marks before the round
    rounding  what both sides of crosses were rounded by, base units
    taker     the layer that took lots over; "" where none did
    begun     accounts whose liquidation begins, where the design asks for its time
    debts     layers owe for what they held
    """

    liquidated: tuple[Liquidated, ...]
    healthy: tuple[tuple[int, int], ...]
    book: Mapping[int, Taken]
    sides: Mapping[int, str]
    deleveraging: Deleveraging
    values: Values
    rounding: int = 0
    taker: str = ""
    begun: tuple[int, ...] = ()
    debts: bool = False

    @property
    def progress(self) -> bool:
        """Whether anything happens at all."""
        moved = any(item.ends or any(sale.filled for sale in item.sales) for item in self.liquidated)
        return moved or bool(self.healthy) or bool(self.begun) or self.debts


def plan_round(state: VenueState, design: Design, door: Door, screen: Candidates | None = None) -> RoundPlan | None:
    """One round at the state's marks; None when nobody is liquidatable and no liquidation has ended.

    screen   who narrows the scan down; None: every account is valued
    returns  a plan whose `progress` may be False: everybody who is liquidatable waits for depth
    Source   SPEC 4.2 to 4.8.
    """
    values = Values(state, design, screen)
    chosen = _choose(state, design, values)
    healthy = _healthy(state, design, values) if state.fees or state.reserved or state.begun else ()
    debtors = collateral.debtors(state)
    debts = bool(owed_by(state)) and not blocks(design)
    if not chosen and not healthy and not debtors and not collateral.recoverers(state) and not debts:
        return None  # the usual step: the scan was all its cost
    while True:
        plan = _Making(state, design, door, values, chosen).plan(healthy, debtors, debts)
        waiting = door.waiting(_asked(state, design, plan)) if blocks(design) else frozenset()
        if not waiting:
            return plan
        chosen = [account for account in chosen if account not in waiting]  # their liquidation waits, others go on
        debtors = [account for account in debtors if account not in waiting]


def blocks(design: Design) -> bool:
    """Whether a deficit that a layer cannot pay whole waits, with its liquidation."""
    return any(layer.draw_mode == "block" for layer in design.layers)


def without_waiting(design: Design, door: Door, made: RoundPlan | None, plan: RoundPlan | None) -> RoundPlan | None:
    """A plan with accounts that were flat before, but for those whose deficit would make something wait."""
    if plan is None or made is plan or not blocks(design):
        return plan
    owed = [(i.account, i.closed.deficit + i.premium, i.losses) for i in plan.liquidated if i.ends and i.closed.deficit]
    return made if door.waiting(owed) else plan


def _asked(state: VenueState, design: Design, plan: RoundPlan) -> list[Owed]:
    """What a round would ask of the fund, and what it would be asked for accounts whose liquidation goes on."""
    owed: list[Owed] = []
    for item in plan.liquidated:
        if item.ends:
            units, losses = item.closed.deficit + item.premium, item.losses
        elif item.dust or state.is_flat(item.account):
            continue
        else:
            units, losses = owes_units(state, design, item.account, item.sales, at_marks=False)
        if units > 0:
            owed.append((item.account, units, losses))
    return owed


def _healthy(state: VenueState, design: Design, values: Values) -> tuple[tuple[int, int], ...]:
    """Accounts whose liquidation ended because they are no longer liquidatable, with their equity (SPEC 4.6)."""
    under_way = sorted(state.fees.keys() | state.reserved.keys() | state.begun.keys())
    return tuple((account, values.equity(account)) for account in under_way if values.is_safe(account, design))


def _choose(state: VenueState, design: Design, values: Values) -> list[int]:
    """Accounts liquidated in this round, lowest id first, within the engine's capacity for the step."""
    found = [int(account) for account in values.found]
    capacity = design.liquidation.max_accounts_per_step
    if capacity is None:
        return found
    known = [account for account in found if account in state.liquidated]
    new = sorted(
        (account for account in found if account not in state.liquidated),
        key=lambda a: queue_key(state.accounts[a], values.equity(a), values.maintenance(a)),
    )
    return sorted(known + new[: max(0, capacity - len(state.liquidated))])


class _Making:
    """One round's plan for the accounts chosen, as it is made."""

    def __init__(self, state: VenueState, design: Design, door: Door, values: Values, chosen: Sequence[int]) -> None:
        self._state, self._design, self._door, self._values = state, design, door, values
        # Losses below the bankruptcy price are the layers' to pay: the price of what is left does not move with them.
        backed = {account: values.full(account) + state.reserved.get(account, 0) for account in chosen}
        self._bankrupt = frozenset(account for account, equity in backed.items() if equity < 0)
        self._accounts = {account: positions(state, account, equity) for account, equity in backed.items()}
        set_worst_prices(state, design, values, self._accounts)
        set_sizes(state, design, values, self._accounts, self._bankrupt)
        self._taker = taker(design)
        self._balance = door.balance(self._taker) if self._taker else 0
        takeover = design.liquidation.takeover
        self._takes_unsold = takeover is not None and takeover.when == "unsold" and design.pool is None
        self._quote_array = door.quote_array() if fits(state, self._accounts) else None
        self._take_instead()
        self._orders: dict[int, Orders] = {} if design.pool is not None else cross(state, self._accounts)
        self._full = {market: order.fillable for market, order in self._orders.items()}
        self._book = fill(state, self._orders, self._full)
        self._take_unsold(self._accounts)
        self._deleveraging = Deleveraging()
        if design.exhaustion.policy == "adl" and self._too_much():
            self._deleverage()

    # --- takeover -----------------------------------------------------------------------------------------------------

    def _take_instead(self) -> None:
        """A pool takes everything at the mark; a backstop takes over whom the design gives it instead of the book."""
        layer = Taker(self._state, self._design, self._taker, self._balance)
        for account, sales in self._accounts.items():
            if self._design.pool is not None or is_below(self._design, self._values, account):
                layer.take(sales)

    def _take_unsold(self, accounts: Iterable[int]) -> None:
        """What the book leaves of some accounts' orders, taken over at the mark as far as the layer can."""
        if not self._takes_unsold:
            return
        for sales in self._accounts.values():
            for sale in sales:
                sale.taken = sale.taken_value = 0
        layer = Taker(self._state, self._design, self._taker, self._balance)
        for account in sorted(accounts):
            layer.take(self._accounts[account])

    def _take_affordable(self) -> None:
        """The same where layers cannot pay for everybody: solvent accounts, and the most bankrupt ones, lowest ids
        first, that layers pay for."""
        if not self._takes_unsold:
            return
        solvent = [account for account in self._accounts if account not in self._bankrupt]
        owing = sorted(self._bankrupt)
        low, high = 0, len(owing)
        while low < high:
            middle = (low + high + 1) // 2
            self._take_unsold([*solvent, *owing[:middle]])
            if self._uncovered():
                high = middle - 1
            else:
                low = middle
        self._take_unsold([*solvent, *owing[:low]])

    # --- what layers can pay for --------------------------------------------------------------------------------------

    def _owed(self, *, at_mark: bool) -> list[Owed]:
        """What layers would be asked for now, were all left lots closed at their bankruptcy prices.

        at_mark  those of bankrupt accounts at the mark: so their deficits are posted
        """
        owed: list[Owed] = []
        for account, sales in self._accounts.items():
            at_marks = at_mark and account in self._bankrupt
            deficit, losses = owes_units(self._state, self._design, account, sales, at_marks=at_marks)
            if deficit > 0:
                owed.append((account, deficit, losses))
        return owed

    def _uncovered(self) -> bool:
        """Whether layers could not pay the losses below the bankruptcy prices.

        Nor may they leave more of the deficits that are posted than closing at these prices takes off: a layer that
        draws all or nothing is asked for the whole.
        """
        if self._quote_array is not None:
            return self._owing().is_uncovered(self._quote_array)
        below = self._owed(at_mark=False)
        if below and self._door.quote(below) > 0:
            return True
        posted = self._owed(at_mark=True)
        gaps = _units(posted) - _units(below)
        return bool(posted) and self._door.quote(posted) > gaps

    def _too_much(self) -> bool:
        """Whether somebody has to be deleveraged: layers could not pay for what bankrupt accounts owe at the mark.

        That holds too where nothing of it is realised, because the book has no depth left or is not sold into beyond a
        worst price.
        """
        if self._quote_array is not None:
            return self._owing().is_too_much(self._quote_array)
        posted = self._owed(at_mark=True)
        return bool(posted) and self._door.quote(posted) > 0

    def _owing(self) -> Owing:
        """The accounts as their orders stand, in arrays."""
        return Owing(self._state, self._design, self._accounts, self._bankrupt)

    def _affordable(self) -> dict[int, int]:
        """How many lots each market may sell so that layers pay every loss below the bankruptcy price (SPEC 4.8).

        Markets are taken in the design's order, each by bisection with the later ones at nothing: a lot of an earlier
        market is sold before one of a later (venue.affordable; here by whole draws, where arrays will not do).
        """
        if self._quote_array is not None:
            return affordable_lots(self._state, self._orders, self._full, self._owing(), self._quote_array)
        lots = dict.fromkeys(self._full, 0)
        for market in self._full:
            low, high = 0, self._full[market]
            while low < high:
                middle = (low + high + 1) // 2
                lots[market] = middle
                fill(self._state, self._orders, lots, safest_first=True)
                if self._uncovered():
                    high = middle - 1
                else:
                    low = middle
            lots[market] = low
        return lots

    def _deleverage(self) -> None:
        self._take_unsold(())
        lots, full = self._affordable(), self._full
        forced = dict.fromkeys(full, 0)
        for _ in range(MAX_FORCINGS):
            self._take_unsold(())
            self._book = fill(
                self._state, self._orders, lots, safest_first=True, forced=forced, bankrupt=self._bankrupt
            )
            self._take_affordable()
            self._deleveraging = deleverage(self._state, self._design, self._values, self._accounts, self._bankrupt)
            unplaced = self._deleveraging.unplaced
            room = {m: min(full[m] - lots[m], _left(self._orders[m], self._bankrupt) + forced[m]) for m in full}
            more = {m: min(room[m], forced[m] + unplaced.get(m, 0)) for m in full}
            if more == forced:
                break  # winners suffice for the rest, or the depth is used up and what is left waits
            forced = more

    # --- the plan -----------------------------------------------------------------------------------------------------

    def plan(self, healthy: tuple[tuple[int, int], ...], debtors: Sequence[int], debts: bool) -> RoundPlan:
        """The round, with the sales of collateral beside it."""
        state, design = self._state, self._design
        items = [
            liquidated(state, design, account, sales, self._values, account in self._deleveraging.accounts)
            for account, sales in self._accounts.items()
        ]
        sold, book = self._sell_collateral(debtors)
        sides: dict[int, str] = {market: order.book_side for market, order in self._orders.items()}
        return RoundPlan(
            liquidated=tuple(sorted([*items, *sold], key=lambda item: item.account)),
            healthy=healthy,
            book=dict(sorted({**self._book, **book}.items())),
            sides=sides | dict.fromkeys(book, "bids"),
            deleveraging=self._deleveraging,
            values=self._values,
            rounding=sum(order.rounding for order in self._orders.values()),
            taker=self._taker,
            begun=tuple(a for a in self._accounts if a not in state.begun) if needs_time(design) else (),
            debts=debts,
        )

    def _sell_collateral(self, debtors: Sequence[int]) -> tuple[list[Liquidated], dict[int, Taken]]:
        """Accounts without a position that owe cash sell collateral; dust of settled ones is sold for the fund."""
        state, design = self._state, self._design
        others = collateral.recoverers(state)
        if not debtors and not others:
            return [], {}
        sales = {account: collateral.sales_for(state, account, -int(state.cash[account])) for account in debtors}
        sales |= {account: collateral.sales_for(state, account, state.owed[account]) for account in others}
        orders = cross(state, dict(sorted(sales.items())))
        book = fill(state, orders, {market: order.fillable for market, order in orders.items()})
        found = [settled(state, design, account, sales[account], self._values) for account in debtors]
        return found + [recovered(state, account, sales[account], self._values) for account in others], book


def _units(owed: Sequence[Owed]) -> int:
    return sum(units for _, units, _ in owed)


def _left(order: Orders, bankrupt: Collection[int]) -> int:
    """Lots of bankrupt accounts in a market's net order that have not traded."""
    return sum(sale.open for sale in order.net if sale.account in bankrupt)
