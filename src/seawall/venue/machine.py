"""Machine: a venue and its log: the step of SPEC 4 in sequence, beside a fund that it asks through three messages.

Layer    venue; imports fund.journal (the door), design, venue.{plan,haircuts,apply,invariants}.
Not here what a round does (venue.plan), layers (fund), reading of books and paths (stress).
Held to  this by the conformance suite *venue*; `check_door` holds both machines to one identity after every round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from seawall.amounts import Units, allocate, sha256_hex
from seawall.design.instruments import instruments
from seawall.design.types import Design
from seawall.fund.apply import Stamp
from seawall.fund.codec import GENESIS_HASH, Recorded
from seawall.fund.decide import decide
from seawall.fund.events import Event, ShortfallsDrawn
from seawall.fund.journal import Journal
from seawall.fund.messages import AnyCommand, Haircut, Inflow, InflowSource, Refused, Repeated, Settle, Shortfalls
from seawall.rules import RULES_VERSION
from seawall.rules.waterfall import attribute
from seawall.venue.apply import apply
from seawall.venue.book import Book
from seawall.venue.events import (
    AccountsClosed,
    CoverRow,
    DeficitsCovered,
    Deleveraged,
    LadderRow,
    OutsideRow,
    VenueEvent,
    VenueOpened,
)
from seawall.venue.facts import closed, deleveraged, displaced, filled, haircut_taken, haircuts_of, marked, shortfall
from seawall.venue.haircuts import Standing, Takings, from_market_winners, socialised
from seawall.venue.invariants import check, check_door
from seawall.venue.ladder import Levels
from seawall.venue.plan import Liquidated, Owed, RoundPlan, plan_round
from seawall.venue.replay import FAST_TICKS, VENUE_CODEC
from seawall.venue.scan import unrecognised_units
from seawall.venue.state import VenueState, open_state

MAX_ROUNDS = 10_000
"""A guard, not a rule: every round with progress closes or sells something, so a step ends long before."""


class VenueError(Exception):
    """The fund refused what the venue posted: a defect in the venue, never the user's input."""


@dataclass(frozen=True, slots=True)
class World:
    """What a run assumes around the venue.

    ladders        (market id, "bids" or "asks") -> levels
    ceiling_ticks  market id -> highest price for which fast integers are wanted
    """

    ladders: Mapping[tuple[str, str], Levels] = field(default_factory=dict)
    ceiling_ticks: Mapping[str, int] = field(default_factory=dict)
    path_name: str = ""
    path_digest: str = ""
    intrabar: str = "none"
    seed: int = 0


class Venue:
    """A venue, its fund and both logs, owned by one writer.

    state  the venue now; `fund.state` the fund now
    lines  the venue's events as bytes, without newlines
    stale_steps  steps at which some market's mark could not be used
    unrecognised_peak  (base units, t_ms) of the step that ended with most negative equity in open positions: what
                 would have become deficits had nothing recovered; figures of the run, not of the state
    """

    def __init__(
        self,
        design: Design,
        book: Book,
        fund: Journal,
        world: World,
        t_ms: int,
        sink: Callable[[bytes], None] | None = None,
    ) -> None:
        self.design = design
        self.fund = fund
        self._opening_layers = fund.state.layers_units
        built = instruments(design)
        where = {instrument.id: market for market, instrument in enumerate(built)}
        self.state: VenueState = open_state(
            book,
            built,
            {(where[market], side): levels for (market, side), levels in world.ladders.items()},
            [world.ceiling_ticks.get(instrument.id, FAST_TICKS) for instrument in built],
        )
        self._prev = GENESIS_HASH
        self._sink = sink
        self.lines: list[bytes] = []
        self.events: list[VenueEvent] = []
        self.stale_steps = 0
        self.unrecognised_peak = (0, t_ms)
        self._record(
            t_ms,
            "genesis",
            VenueOpened(
                book_digest=book.digest(),
                path_name=world.path_name,
                path_digest=world.path_digest,
                intrabar=world.intrabar,
                seed=world.seed,
                pass_through_ppm=design.stress.pass_through_ppm,
                recovery_ppm=design.stress.recovery_ppm,
                accounts=len(book.accounts),
                equity=Units(self.state.opening_units),
                outside=tuple(
                    OutsideRow(market, lots, share)
                    for market, lots, share in zip(
                        book.markets, book.outside_lots(), book.outside_share_ppm(), strict=True
                    )
                ),
                ladders=tuple(LadderRow(market, side, levels) for (market, side), levels in world.ladders.items()),
            ),
        )

    def step(self, t_ms: int, prices: Mapping[str, int]) -> None:
        """One step: new marks, then rounds until nobody new is liquidatable or nothing moves any more.

        t_ms    the step's time, not before the last
        prices  market id -> ticks observed at this step; a market left out keeps its last price, which ages
        Errors  InvariantBroken; VenueError. Either ends the run: nothing more is written.
        """
        opening = marked(self.state, self.design, t_ms, prices)
        self._record(t_ms, f"step.{opening.step}", opening)
        self.stale_steps += bool(self.state.stale)
        for _ in range(MAX_ROUNDS):
            plan = plan_round(self.state, self.design, self._quote(t_ms))
            if plan is None or not plan.progress:
                self._watch(t_ms, waiting=plan is not None)
                return
            _Round(self, t_ms, plan).post()
            check_door(self.state, self.fund.state, self._opening_layers)
            moved = displaced(self.state, self.design)
            if moved is not None:
                self._record(t_ms, f"step.{moved.step}", moved)
        raise VenueError(f"step {self.state.step} did not end after {MAX_ROUNDS} rounds")

    def _watch(self, t_ms: int, *, waiting: bool) -> None:
        """Keep the worst step's unrecognised negative equity; there is none where nobody waits."""
        if waiting or self.design.liquidation.max_accounts_per_step is not None or self.state.stale:
            units = unrecognised_units(self.state)
            if units > self.unrecognised_peak[0]:
                self.unrecognised_peak = (units, t_ms)

    def _quote(self, t_ms: int) -> Callable[[Sequence[Owed]], int]:
        """What the fund would leave uncovered: its own decision, not applied."""
        asset = self.design.asset.id

        def quote(owed: Sequence[Owed]) -> int:
            seen = self.fund.state
            name = "q"
            while name in seen.answered or any(f"{name}{i}" in seen.deficits for i in range(len(owed))):
                name += "q"
            deficits = tuple(
                shortfall(self.state, asset, f"{name}{i}", account, units, losses)
                for i, (account, units, losses) in enumerate(owed)
            )
            decided = decide(self.fund.state, Shortfalls(id=name, deficits=deficits), t_ms)
            if not isinstance(decided, tuple):
                raise VenueError(f"the fund would not quote: {decided}")
            return sum(sum(row.amount for row in e.severity) for e in decided if isinstance(e, ShortfallsDrawn))

        return quote

    def _record(self, t_ms: int, name: str, event: VenueEvent) -> None:
        stamp = Stamp(self.state.last_seq + 1, t_ms, name)
        line = VENUE_CODEC.encode(Recorded(stamp, event, self.fund.state.design_digest, RULES_VERSION), self._prev)
        apply(self.state, stamp, event)
        check(self.state, stamp, event)
        self._prev = sha256_hex(line)
        self.lines.append(line)
        self.events.append(event)
        if self._sink is not None:
            self._sink(line)


class _Round:
    """The sequence of one round's events and messages, in the order in which money moves (docs/spec.md 13.1)."""

    def __init__(self, venue: Venue, t_ms: int, plan: RoundPlan) -> None:
        self.venue, self.state, self.design = venue, venue.state, venue.design
        self.t_ms, self.plan = t_ms, plan
        self.number = venue.state.round + 1
        self.name = f"{venue.state.step}.{self.number}"
        self.batch = f"b{self.name}"
        self.ended = [item for item in plan.liquidated if item.ends]
        self.owing = [item for item in self.ended if item.closed.deficit]
        self.ceilings: dict[tuple[int, int], int] = {}
        self.ids = {item.account: f"d{self.name}.{i}" for i, item in enumerate(self.owing, start=1)}

    def post(self) -> None:
        """Fill, close, collect, draw, deleverage, take, settle."""
        if self.plan.liquidated:
            self._record(filled(self.state, self.plan, self.number))
        if self.ended or self.plan.healthy:
            end = closed(self.state, self.design, self.plan, self.ended, self.ids, self.number)
            self._record(end)
            self._collect(end)
        severity = self._draw() if self.owing else {}
        left = sum(severity.values())
        haircuts: list[Haircut] = []
        if self.plan.deleveraging.closings:
            event = deleveraged(self.state, self.plan, self.number, self.batch, left)
            self._record(event)
            haircuts += haircuts_of(event)
            left -= sum(haircut.amount for haircut in haircuts)
            self.ceilings = self._ceilings(event)
        if severity and self.design.exhaustion.policy != "carry":
            if left:
                haircuts += self._take_money(left, severity)
            self._ask(Settle(id=f"s{self.name}", batch=self.batch, haircuts=tuple(haircuts)))

    def _collect(self, end: AccountsClosed) -> None:
        """Fees and residuals go to the fund before any deficit of the round is drawn."""
        inflows: list[tuple[InflowSource, str | None, int]] = []
        sales = {self.state.accounts[item.account]: item.sales for item in self.ended}
        for row in end.rows:
            inflows += [("surcharge", fee.market, int(fee.amount)) for fee in row.fees]
            if row.residual_taken:
                held = sales[row.account]
                single = self.state.instruments[held[0].market].id if len(held) == 1 else None
                inflows.append(("residual", single, int(row.residual_taken)))
        asset = self.design.asset.id
        for i, (source, market, amount) in enumerate(inflows, start=1):
            self._ask(Inflow(id=f"f{self.name}.{i}", source=source, asset=asset, amount=Units(amount), market=market))

    def _draw(self) -> dict[int, int]:
        """Post the round's deficits as one batch; returns severity by account index, only where there is some."""
        asset = self.design.asset.id
        deficits = tuple(
            shortfall(self.state, asset, self.ids[item.account], item.account, item.closed.deficit, item.losses)
            for item in self.owing
        )
        events = self._ask(Shortfalls(id=self.batch, deficits=deficits))
        drawn = next(event for event in events if isinstance(event, ShortfallsDrawn))
        by_deficit = {row.deficit: int(row.amount) for row in drawn.severity}
        severity = {item.account: by_deficit.get(self.ids[item.account], 0) for item in self.owing}
        rows = tuple(
            CoverRow(
                account=self.state.accounts[item.account],
                deficit_id=self.ids[item.account],
                drawn=Units(item.closed.deficit - severity[item.account]),
                severity=Units(severity[item.account]),
                cash_after=Units(int(self.state.cash[item.account]) + item.closed.deficit),
            )
            for item in self.owing
        )
        self._record(DeficitsCovered(self.state.step, self.number, self.batch, rows))
        return {account: units for account, units in severity.items() if units}

    def _take_money(self, left: int, severity: Mapping[int, int]) -> list[Haircut]:
        """Severity that no closed lot paid: from winners of its markets under ADL, then by the fallback."""
        haircuts: list[Haircut] = []
        exhaustion = self.design.exhaustion
        standing = Standing(frozenset(item.account for item in self.plan.liquidated), self.ceilings)
        if exhaustion.policy == "adl":
            by_market = self._by_market(left, severity)
            takings = from_market_winners(self.state, self.design, by_market, standing)
            haircuts += self._taken("adl_money", left, takings)
            left -= takings.amount
            for row in takings.rows:
                if (row.account, row.market) in self.ceilings:
                    self.ceilings[row.account, row.market] -= row.amount
        if left and "socialised_loss" in (exhaustion.policy, exhaustion.fallback):
            haircuts += self._taken("socialised_loss", left, socialised(self.state, self.design, left, standing))
        return haircuts

    def _ceilings(self, event: Deleveraged) -> dict[tuple[int, int], int]:
        """What deleveraging left of each winner's profit: money may take no more."""
        market_of = {instrument.id: market for market, instrument in enumerate(self.state.instruments)}
        return {
            (self.state.index[row.account], market_of[row.market]): row.profit - row.haircut for row in event.haircuts
        }

    def _by_market(self, left: int, severity: Mapping[int, int]) -> dict[str, int]:
        """What is left of a batch's severity, by the markets in which its accounts lost."""
        by_market: dict[str, int] = {}
        accounts: list[Liquidated] = [item for item in self.owing if item.account in severity]
        for item, share in zip(accounts, allocate(left, [severity[item.account] for item in accounts]), strict=True):
            for market, part in attribute(share, item.losses).items():
                by_market[market] = by_market.get(market, 0) + part
        return by_market

    def _taken(self, how: str, left: int, takings: Takings) -> tuple[Haircut, ...]:
        if not takings.rows:
            return ()
        event = haircut_taken(self.state, self.number, self.batch, how, left, takings)
        self._record(event)
        return haircuts_of(event)

    def _record(self, event: VenueEvent) -> None:
        self.venue._record(self.t_ms, f"round.{self.name}", event)

    def _ask(self, command: AnyCommand) -> tuple[Event, ...]:
        answer = self.venue.fund.submit(command, self.t_ms)
        if isinstance(answer, Refused | Repeated):
            raise VenueError(f"the fund refused {command.id}: {answer}")
        return answer
