"""Holdings: what layers hold, in sequence: sold, closed, settled with the fund, and told to it.

Layer    venue; imports design, fund.messages, rules, venue_events, venue.{facts,inventory,scan,state}. For the machine.
Not here how much is sold or closed (venue.inventory), deficits of layers (venue.posting: they join a round's batch).
Held to  this by tests/venue/test_inventory.py, test_pool.py; the door holds both machines to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from seawall.amounts import Units
from seawall.design.types import Design
from seawall.fund.events import Event
from seawall.fund.messages import AnyCommand, Inflow, Inventory, InventoryLoss
from seawall.fund.state import FundState
from seawall.rules.margin import trade
from seawall.rules.takeover import inventory_result
from seawall.venue.facts import book_rows, inventory_row
from seawall.venue.inventory import Closed, closed_for, moved, out_of_band, taker, tied, unwound
from seawall.venue.scan import unscanned
from seawall.venue.state import VenueState
from seawall.venue_events import (
    CashRow,
    ClosedAgainstLayer,
    ClosedAgainstRow,
    InventoryMoved,
    InventorySettled,
    InventorySettledRow,
    PositionRow,
    VenueEvent,
)


def money_units(fund: FundState, layer: str) -> int:
    """What a layer has, or of one without money what can be called from it. Base units."""
    stands = fund.layers[layer]
    return stands.balance if stands.funded else stands.commitment


class Holdings:
    """The layer that takes positions over, or the pool: its events and messages.

    record  writes an event; the state has taken it in when it returns
    ask     posts a command to the fund
    """

    def __init__(
        self,
        state: VenueState,
        design: Design,
        fund: FundState,
        record: Callable[[VenueEvent], None],
        ask: Callable[[AnyCommand], tuple[Event, ...]],
    ) -> None:
        self._state, self._design, self._fund, self._record, self._ask = state, design, fund, record, ask
        self._layer = taker(design)

    def begin_step(self) -> None:
        """After the marks: sell part of what was taken over; close winners whose profit is too much for a pool."""
        if not self._layer:
            return
        self._unwind()
        if self._design.pool is not None:
            for market in range(len(self._state.instruments)):
                for side in (1, -1):
                    self._close(out_of_band(self._state, self._design, market, side, self._balance), "band")
        self.settle()

    def begin_round(self) -> None:
        """Tell the fund what is tied up; close winners against a layer that holds more than it can bear."""
        if not self._layer:
            return
        self.post()
        values = unscanned(self._state, self._design)
        closings = closed_for(self._state, self._design, values, self._layer, self._balance)
        if closings:
            self._close(closings, "maintenance")
            self.settle()
            self.post()

    @property
    def _balance(self) -> int:
        return money_units(self._fund, self._layer)

    # --- trades -------------------------------------------------------------------------------------------------------

    def _unwind(self) -> None:
        found = unwound(self._state, self._design)
        if not found:
            return
        book = {market: taken for market, (_, taken) in found.items()}
        sides = {market: side for market, (side, _) in found.items()}
        rows = book_rows(self._state, book, sides)
        outside = self._state.outside_cash
        trades = []
        for row, (market, taken) in zip(rows, book.items(), strict=True):
            sold = taken.lots if sides[market] == "bids" else -taken.lots
            paid = int(row.outside_cash_after) - outside  # what the outside book does not have, the layer has
            outside = int(row.outside_cash_after)
            trades.append(inventory_row(self._state, moved(self._state, self._layer, market, [(-sold, paid)])))
        self._record(InventoryMoved(self._state.step, tuple(trades), rows))

    def _close(self, closings: Sequence[Closed], why: str) -> None:
        """Accounts' lots closed against the layer, and what each is paid for it."""
        if not closings:
            return
        state, layer = self._state, self._layer
        rows, positions = [], []
        parts: dict[int, list[tuple[int, int]]] = {}
        kept: dict[int, int] = {}  # of what was realised and is not paid: the layer's
        costs: dict[int, int] = {}
        cash: dict[int, int] = {}
        for one in closings:
            held, cost = int(state.lots[one.market, one.account]), int(state.cost[one.market, one.account])
            after = trade(held, cost, -one.side * one.lots, -one.value)
            payout = after.realised_units - (one.profit - one.payout)
            costs[one.market] = costs.get(one.market, int(state.cost[one.market].sum())) + after.cost_units - cost
            kept[one.market] = kept.get(one.market, 0) + one.profit - one.payout
            cash[one.account] = cash.get(one.account, int(state.cash[one.account])) + payout
            parts.setdefault(one.market, []).append((one.side * one.lots, one.value))
            name, market = state.accounts[one.account], state.instruments[one.market].id
            rows.append(
                ClosedAgainstRow(
                    account=name,
                    owner=state.owners[one.account],
                    market=market,
                    lots=one.lots,
                    price_ticks=one.ticks,
                    amount=Units(-one.value),
                    realised=Units(after.realised_units),
                    payout=Units(payout),
                )
            )
            positions.append(PositionRow(name, market, after.lots, Units(after.cost_units), Units(payout)))
        pool = self._design.pool is not None
        trades = [
            moved(state, layer, market, parts[market], costs[market] if pool else None) for market in sorted(parts)
        ]
        inventory = [inventory_row(state, replace(one, realised=one.realised + kept[one.market])) for one in trades]
        self._record(
            ClosedAgainstLayer(
                step=state.step,
                round=state.round,
                why=why,
                rows=tuple(rows),
                inventory=tuple(inventory),
                positions=tuple(positions),
                cash=tuple(CashRow(state.accounts[account], Units(units)) for account, units in sorted(cash.items())),
            )
        )

    # --- the fund -----------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """What was realised becomes money of the layer: gains, then losses as far as it can pay; the rest stays due."""
        state, layer = self._state, self._layer
        due = sorted((market, units) for (name, market), units in state.due.items() if name == layer)
        rows: list[InventorySettledRow] = []
        for market, units in sorted(due, key=lambda item: item[1] < 0):
            id_of, name = state.instruments[market].id, f"v{state.last_seq}.{len(rows) + 1}"
            if units > 0:
                rows.append(InventorySettledRow(layer, id_of, Units(units), Units(0)))
                asset = self._design.asset.id
                self._ask(
                    Inflow(id=name, source="inventory", asset=asset, amount=Units(units), market=id_of, layer=layer)
                )
                continue
            loss = inventory_result(units, self._balance).loss
            if loss:
                rows.append(InventorySettledRow(layer, id_of, Units(0), Units(loss)))
                self._ask(InventoryLoss(id=name, layer=layer, market=id_of, amount=Units(loss)))
        if rows:
            self._record(InventorySettled(state.step, tuple(rows)))

    def post(self) -> None:
        """Tell the fund what the layer's positions tie up, where that changed. A pool keeps no margin for them."""
        now = tied(self._state, self._layer)
        maintenance = 0 if self._design.pool is not None else now.maintenance
        loss = max(0, -now.open_pnl)
        known = self._fund.layers[self._layer].inventory
        if (known.maintenance, known.open_loss, known.notional) != (maintenance, loss, now.notional):
            self._ask(
                Inventory(
                    id=f"i{self._state.last_seq}.{self._fund.last_seq}",
                    layer=self._layer,
                    maintenance=Units(maintenance),
                    open_loss=Units(loss),
                    notional=Units(now.notional),
                )
            )
