"""Posting: one round's plan, written: events to the venue's log and messages to the fund, as money moves.

Layer    venue; imports design, fund, venue_events, venue.{exhaust,facts,haircut_facts,holdings,plan}. Called by
         venue.machine once a round.
Not here what a round does (venue.plan), who bears what (venue.exhaust), the logs themselves (venue.machine).
Held to  this by the conformance suite *venue*; venue.machine checks the door between both machines after every round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from seawall.amounts import Units
from seawall.design.types import Design
from seawall.fund.decide import decide
from seawall.fund.events import Event, ShortfallsDrawn
from seawall.fund.messages import AnyCommand, Inflow, InflowSource, Loss, Part, Settle, Shortfall, Shortfalls
from seawall.fund.state import FundState
from seawall.venue.endings import premium_units
from seawall.venue.exhaust import UNPLACED, Exhaustion, Open
from seawall.venue.facts import closed, filled, recovered_rows, residual_parts, shortfall, some
from seawall.venue.haircut_facts import deleveraged, haircuts_of
from seawall.venue.haircuts import Standing
from seawall.venue.holdings import Holdings
from seawall.venue.inventory import owed_by
from seawall.venue.plan import RoundPlan, blocks
from seawall.venue.recourse import recourse_taken
from seawall.venue.state import VenueState
from seawall.venue_events import AccountsClosed, CoverRow, DeficitsCovered, Deleveraged, VenueEvent


class VenueError(Exception):
    """The fund refused what the venue posted: a defect in the venue, never the user's input."""


@dataclass(frozen=True, slots=True)
class Writers:
    """What a round may do beside reading the state; all of it at the round's time.

    record    write an event under a name; the state has taken it in when it returns
    ask       post a command to the fund; Errors: VenueError when it refuses
    holdings  what layers hold, in this step
    """

    record: Callable[[str, VenueEvent], None]
    ask: Callable[[AnyCommand], tuple[Event, ...]]
    holdings: Callable[[], Holdings]


def settle(ask: Callable[[AnyCommand], tuple[Event, ...]], name: str, exhaustion: Exhaustion) -> None:
    """Tell the fund what filled; nothing is said of a step in which nothing did while the batch goes on."""
    if exhaustion.final or exhaustion.haircuts:
        rows = tuple(exhaustion.haircuts)
        ask(Settle(id=name, batch=exhaustion.batch, haircuts=rows, final=exhaustion.final))


@dataclass(frozen=True, slots=True)
class _LayerDebt:
    """What a layer lost on positions that it held, beyond its money; losses by market. Base units."""

    layer: str
    units: int
    losses: tuple[tuple[str, int], ...]


class Posting:
    """The sequence of one round's events and messages, in the order in which money moves (docs/spec.md 13.1)."""

    def __init__(
        self, state: VenueState, design: Design, fund: FundState, t_ms: int, plan: RoundPlan, writers: Writers
    ) -> None:
        self.state, self.design, self.fund = state, design, fund
        self.t_ms, self.plan, self.writers = t_ms, plan, writers
        self.number = state.round + 1
        self.name = f"{state.step}.{self.number}"
        self.batch = f"b{self.name}"
        self.ended = [item for item in plan.liquidated if item.ends]
        self.owing = [item for item in self.ended if item.closed.deficit]
        self.ceilings: dict[tuple[int, int], int] = {}
        self.ids = {item.account: f"d{self.name}.{i}" for i, item in enumerate(self.owing, start=1)}
        self.debts: dict[int, _LayerDebt] = {}

    def post(self) -> None:
        """Fill, recover, hold, close, collect, draw, deleverage, take, settle."""
        if self.plan.liquidated:
            self._record(filled(self.state, self.design, self.plan, self.number))
            self._recover()
        self._hold()
        end = closed(self.state, self.design, self.plan, self.ended, self.ids, self.number)
        if end.rows or end.final:
            self._record(end)
            self._collect(end)
        if self.owing and self.design.accounts.recourse:
            self._recourse()
        severity = self._draw() if self.owing or self.debts else {}
        left = sum(severity.values())
        standing = Standing(frozenset(item.account for item in self.plan.liquidated))
        exhaustion = Exhaustion(self.state, self.design, self.number, self.batch, standing, self._record)
        if self.plan.deleveraging.closings:
            production = self.design.exhaustion.adl_eligible == "any"
            event = deleveraged(self.state, self.plan, self.number, self.batch, left, production)
            self._record(event)
            exhaustion.haircuts += haircuts_of(event)
            left -= sum(haircut.amount for haircut in exhaustion.haircuts)
            self.ceilings = self._ceilings(event)
        if severity and self.design.exhaustion.policy not in UNPLACED:
            if left:
                exhaustion.place(left, self._open(severity), self.ceilings)
                if self.state.due:  # layers held what was torn up
                    self.writers.holdings().settle()
            settle(self.writers.ask, f"s{self.name}", exhaustion)

    def _recover(self) -> None:
        """What sales of dust paid is the fund's."""
        event = recovered_rows(self.state, self.plan, self.number)
        if event is None:
            return
        self._record(event)
        asset, units = self.design.asset.id, sum(row.amount for row in event.rows)
        self._ask(Inflow(id=f"r{self.name}", source="recovery", asset=asset, amount=Units(units)))

    def _hold(self) -> None:
        """Layers settle what their positions realised in the round; what one cannot pay joins the batch."""
        if not self.plan.taker:
            return
        holdings = self.writers.holdings()
        holdings.settle()
        holdings.post()
        for i, (layer, owed) in enumerate(owed_by(self.state).items(), start=1):
            losses = tuple((self.state.instruments[market].id, units) for market, units in owed.items())
            self.debts[-i] = _LayerDebt(layer, sum(owed.values()), losses)
            self.ids[-i] = f"d{self.name}.{len(self.ids) + 1}"
        command = Shortfalls(id=self.batch, deficits=self._deficits())
        if self.debts and blocks(self.design) and self._waits(command):
            for key in self.debts:  # it stays due, and is asked for again in a later round
                del self.ids[key]
            self.debts = {}

    def _waits(self, command: Shortfalls) -> bool:
        """Whether something of a batch would wait."""
        decided = decide(self.fund, command, self.t_ms)
        return not isinstance(decided, tuple) or any(isinstance(e, ShortfallsDrawn) and e.waiting for e in decided)

    def _recourse(self) -> None:
        """Deficits that other accounts of their owners pay; what is left of them goes on to the fund."""
        item_of = {item.account: item for item in self.owing}
        event = recourse_taken(self.state, self.number, self.owing, [item.account for item in self.plan.liquidated])
        if event is None:
            return
        self._record(event)
        for row in event.rows:
            item = item_of[self.state.index[row.account]]
            end = replace(item.closed, deficit=item.closed.deficit - row.amount)
            item_of[item.account] = replace(item, closed=end, premium=premium_units(self.design, end.deficit))
        self.owing = [item for item in item_of.values() if item.closed.deficit]

    def _open(self, severity: Mapping[int, int]) -> dict[int, Open]:
        """What each account of the batch owes that no layer paid."""
        losses = {item.account: item.losses for item in self.owing}
        losses |= {key: debt.losses for key, debt in self.debts.items()}
        closed = self.plan.deleveraging.accounts
        return {account: Open(units, losses[account], account in closed) for account, units in severity.items()}

    def _collect(self, end: AccountsClosed) -> None:
        """Fees and residuals go to the fund before any deficit of the round is drawn."""
        inflows: list[tuple[InflowSource, str | None, int, tuple[Part, ...]]] = []
        sales = {self.state.accounts[item.account]: item.sales for item in self.ended}
        for fees in (charged.fees for charged in end.final):
            inflows += [("surcharge", fee.market, int(fee.amount), ()) for fee in fees]
        for row in end.rows:
            inflows += [("surcharge", fee.market, int(fee.amount), ()) for fee in row.fees]
            if row.residual_taken:
                held = sales[row.account]
                single = self.state.instruments[held[0].market].id if len(held) == 1 else None
                inflows.append(("residual", single, int(row.residual_taken), self._parts(int(row.residual))))
        asset = self.design.asset.id
        for i, (source, market, amount, parts) in enumerate(inflows, start=1):
            name = f"f{self.name}.{i}"
            self._ask(Inflow(id=name, source=source, asset=asset, amount=Units(amount), market=market, parts=parts))

    def _parts(self, residual: int) -> tuple[Part, ...]:
        """Who gets what of a residual, where a vault is among them; else the fund splits what it gets."""
        split = self.design.accumulation.residual_split_ppm
        if not split.vault:
            return ()
        fund, treasury, _, vault = residual_parts(residual, split)
        parts: tuple[tuple[Literal["fund", "treasury", "vault"], int], ...] = (
            ("fund", fund),
            ("treasury", treasury),
            ("vault", vault),
        )
        return tuple(Part(receiver, Units(units)) for receiver, units in parts)

    def _deficits(self) -> tuple[Shortfall, ...]:
        """The round's batch: accounts by lowest id, then layers."""
        asset = self.design.asset.id
        deficits = [
            shortfall(self.state, asset, self.ids[i.account], i.account, i.closed.deficit + i.premium, i.losses)
            for i in self.owing
        ]
        for key, debt in self.debts.items():
            losses = tuple(Loss(market, Units(loss)) for market, loss in debt.losses)
            deficits.append(Shortfall(self.ids[key], debt.layer, debt.layer, asset, Units(debt.units), losses))
        return tuple(deficits)

    def _draw(self) -> dict[int, int]:
        """Post the round's deficits as one batch; returns severity by account index, only where there is some.

        A layer's is under a negative index.
        """
        events = self._ask(Shortfalls(id=self.batch, deficits=self._deficits()))
        drawn = next(event for event in events if isinstance(event, ShortfallsDrawn))
        if drawn.waiting:
            raise VenueError(f"deficits {drawn.waiting} wait, which a quote had not said")
        by_deficit = {row.deficit: int(row.amount) for row in drawn.severity}
        severity = {key: by_deficit.get(name, 0) for key, name in self.ids.items()}
        rows = [
            CoverRow(
                account=self.state.accounts[item.account],
                deficit_id=self.ids[item.account],
                drawn=Units(item.closed.deficit + item.premium - severity[item.account]),
                severity=Units(severity[item.account]),
                cash_after=Units(int(self.state.cash[item.account]) + item.closed.deficit),
                premium=some(item.premium),
            )
            for item in self.owing
        ]
        rows += [
            CoverRow(
                account=debt.layer,
                deficit_id=self.ids[key],
                drawn=Units(debt.units - severity[key]),
                severity=Units(severity[key]),
                cash_after=Units(0),
                layer=True,
            )
            for key, debt in self.debts.items()
        ]
        self._record(DeficitsCovered(self.state.step, self.number, self.batch, tuple(rows)))
        return {account: units for account, units in severity.items() if units}

    def _ceilings(self, event: Deleveraged) -> dict[tuple[int, int], int]:
        """What deleveraging left of each winner's profit: money may take no more."""
        market_of = {instrument.id: market for market, instrument in enumerate(self.state.instruments)}
        return {
            (self.state.index[row.account], market_of[row.market]): row.profit - row.haircut for row in event.haircuts
        }

    def _record(self, event: VenueEvent) -> None:
        self.writers.record(f"round.{self.name}", event)

    def _ask(self, command: AnyCommand) -> tuple[Event, ...]:
        return self.writers.ask(command)
