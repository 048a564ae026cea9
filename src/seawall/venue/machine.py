"""Machine: a venue and its log: the step of SPEC 4 in sequence, beside a fund that it asks through three messages.

Layer    venue; imports fund.journal (the door), design, and every part of the venue: here they are put in sequence.
Not here what a round does (venue.plan) and posts (venue.posting), layers (fund), books and paths (stress).
Held to  this by the conformance suite *venue*; `check_door` holds both machines to one identity after every round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from seawall.amounts import Units, sha256_hex
from seawall.design.instruments import instruments
from seawall.design.types import Design
from seawall.fund.apply import Stamp
from seawall.fund.codec import GENESIS_HASH, Recorded
from seawall.fund.decide import decide
from seawall.fund.decide_shortfalls import quoter
from seawall.fund.events import Event, ShortfallsDrawn
from seawall.fund.journal import Journal
from seawall.fund.messages import AnyCommand, Inflow, Lapse, Refused, Repeated, Shortfalls
from seawall.rules import RULES_VERSION
from seawall.venue.accrual import funding_paid, period_began
from seawall.venue.affordable import QuoteArray
from seawall.venue.apply import apply
from seawall.venue.book import Book
from seawall.venue.exhaust import Exhaustion
from seawall.venue.facts import displaced, marked, shortfall
from seawall.venue.gains import gains_taken
from seawall.venue.haircuts import Standing, Takings
from seawall.venue.holdings import Holdings, money_units
from seawall.venue.invariants import check, check_door
from seawall.venue.ladder import Levels
from seawall.venue.plan import Door, Owed, plan_round, without_waiting
from seawall.venue.posting import Posting, VenueError, Writers, settle
from seawall.venue.recourse import after_recourse
from seawall.venue.replay import FAST_TICKS
from seawall.venue.scan import Screen, unrecognised_units
from seawall.venue.settlement import due_markets, market_settled, with_unsettled
from seawall.venue.state import VenueState, open_state
from seawall.venue.withdrawals import Answer, Request, answer_withdrawals, deposited, open_loss
from seawall.venue_events import (
    VENUE_CODEC,
    Deposited,
    LadderRow,
    LossesSeen,
    OutsideRow,
    VenueEvent,
    VenueOpened,
    Withdrawn,
)

MAX_ROUNDS = 10_000
"""A guard, not a rule: every round with progress closes or sells something, so a step ends long before."""


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
        screen: Callable[[VenueState], Screen] | None = None,
    ) -> None:
        """A venue at its opening.

        sink    takes every line of the log as it is written
        screen  makes a screen of the opened state: the scan then values its candidates alone. Nothing else changes
        """
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
            None if design.pool is None else design.pool.layer,
        )
        self._screen = None if screen is None else screen(self.state)
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
                    OutsideRow(market, lots, share if lots else 0)
                    for market, lots, share in zip(
                        book.markets, self.state.outside_lots, book.outside_share_ppm(), strict=True
                    )
                ),
                ladders=tuple(LadderRow(market, side, levels) for (market, side), levels in world.ladders.items()),
            ),
        )

    def step(self, t_ms: int, prices: Mapping[str, int], funding: Mapping[str, int] | None = None) -> None:
        """One step: funding, new marks, then rounds until nobody new is liquidatable or nothing moves any more.

        t_ms     the step's time, not before the last
        prices   market id -> ticks observed at this step; a market left out keeps its last price, which ages
        funding  market id -> rate in 10^-12 of the interval that ends now, positive: longs pay; at the marks that stood
        Errors   InvariantBroken; VenueError. Either ends the run: nothing more is written.
        """
        for _ in self.scans(t_ms, prices, funding):
            pass

    def scans(self, t_ms: int, prices: Mapping[str, int], funding: Mapping[str, int] | None = None) -> Iterator[None]:
        """The same step, which stops before each scan: the screen is then asked about the state's marks.

        For whoever runs many venues and has answers for all of them at once (stress.sweep). What is not run to its end
        is no step.
        """
        self._begin(t_ms, funding or {})
        opening = marked(self.state, self.design, t_ms, prices)
        self._record(t_ms, f"step.{opening.step}", opening)
        self.stale_steps += bool(self.state.stale)
        for market in due_markets(self.state, self.design, t_ms):
            self._record(t_ms, f"step.{opening.step}", market_settled(self.state, market))
        self._holdings(t_ms).begin_step()
        self._go_on(t_ms)
        yield from self._rounds(t_ms)
        self._see_losses(t_ms)

    def _begin(self, t_ms: int, funding: Mapping[str, int]) -> None:
        """What comes before the marks: funding of the interval that ends, and a new period of realised profit."""
        name = f"step.{self.state.step + 1}"
        began = period_began(self.state, self.design, t_ms)
        if began is not None:
            self._record(t_ms, name, began)
        paid = funding_paid(self.state, funding)
        if paid is not None:
            self._record(t_ms, name, paid)

    def _go_on(self, t_ms: int) -> None:
        """Batches that the gains of further steps pay, oldest first; or whose deadline has passed."""
        self._see_losses(t_ms)
        for name, batch in list(self.state.open_batches.items()):
            number = f"{self.state.step}.{self.state.round}"
            record = partial(self._record, t_ms, f"round.{number}")
            if t_ms > self.fund.state.pending[name].deadline_ms:
                record(gains_taken(self.state, self.state.round, name, batch, Takings(0, ()), "deadline"))
                self._ask(Lapse(id=f"l{name}", batch=name), t_ms)
                continue
            exhaustion = Exhaustion(self.state, self.design, self.state.round, name, Standing(), record)
            exhaustion.cycle(batch)
            settle(lambda command: self._ask(command, t_ms), f"s{name}.{batch.cycles}", exhaustion)
        if self.state.open_batches:
            check_door(self.state, self.fund.state, self._opening_layers)

    def _see_losses(self, t_ms: int) -> None:
        """Note that a loss is open, where the design has a gate for withdrawals: once a step."""
        if self.design.withdrawals.while_losses != "gate" or self.state.losses_seen_ms == t_ms:
            return
        units = self.open_loss_units(t_ms)
        if units:
            self._record(t_ms, f"step.{self.state.step}", LossesSeen(self.state.step, Units(units)))

    def open_loss_units(self, t_ms: int) -> int:
        """What accounts owe beyond what layers could pay now, with what is carried and pending (SPEC 7, U)."""
        return open_loss(self.state, self.fund.state, self._quote(t_ms))

    def _rounds(self, t_ms: int) -> Iterator[None]:
        holdings = self._holdings(t_ms)
        for _ in range(MAX_ROUNDS):
            holdings.begin_round()
            door = self._door(t_ms)
            self._tell_screen()
            yield
            made = plan_round(self.state, self.design, door, self._screen)
            plan = without_waiting(self.design, door, made, with_unsettled(self.state, self.design, made))
            if plan is None or not plan.progress:
                self._watch(t_ms, waiting=plan is not None)
                return
            Posting(self.state, self.design, self.fund.state, t_ms, plan, self._writers(t_ms)).post()
            check_door(self.state, self.fund.state, self._opening_layers)
            moved = displaced(self.state, self.design)
            if moved is not None:
                self._record(t_ms, f"step.{moved.step}", moved)
        raise VenueError(f"step {self.state.step} did not end after {MAX_ROUNDS} rounds")

    def _writers(self, t_ms: int) -> Writers:
        """What a round's posting may do."""
        return Writers(
            record=partial(self._record, t_ms),
            ask=lambda command: self._ask(command, t_ms),
            holdings=lambda: self._holdings(t_ms),
        )

    def _tell_screen(self) -> None:
        """Let the screen know whose money or positions changed since the last round."""
        state = self.state
        if self._screen is not None and state.changed:
            self._screen.update(sorted(state.changed), state.cash, state.cost, state.lots)
        state.changed.clear()

    def _holdings(self, t_ms: int) -> Holdings:
        """What layers hold, in this step."""
        record = partial(self._record, t_ms, f"step.{self.state.step}")
        return Holdings(self.state, self.design, self.fund.state, record, lambda command: self._ask(command, t_ms))

    # --- money of traders in and out ------------------------------------------------------------------------------

    def deposit(self, t_ms: int, name: str, account: str, amount: int) -> Answer:
        """Money into an account. `name`: the id, which is used once."""
        answer = deposited(self.state, t_ms, name, account, amount)
        if isinstance(answer, Deposited):
            self._record(t_ms, name, answer)
        return answer

    def withdraw(self, t_ms: int, name: str, account: str, amount: int) -> Answer:
        """Pay an account what it asks for, or what it may have now: see venue.withdrawals."""
        return self.withdraw_batch(t_ms, [(name, account, amount)])[0]

    def withdraw_batch(self, t_ms: int, requests: Sequence[tuple[str, str, int]]) -> tuple[Answer, ...]:
        """Pay several withdrawals from one snapshot; rows of (id, account, amount).

        returns  by request, in their order: the event that it is a row of, a refusal, or that it was paid before
        """
        asked = [Request(*request) for request in requests]
        answers = answer_withdrawals(self.state, self.design, t_ms, asked, self.open_loss_units(t_ms))
        event = next((answer for answer in answers if isinstance(answer, Withdrawn)), None)
        if event is not None:
            self._record(t_ms, event.rows[0].id, event)
            borne = sum(row.borne for row in event.rows)
            if borne:
                asset, name = self.design.asset.id, f"w{self.state.last_seq}"
                self._ask(Inflow(id=name, source="recovery", asset=asset, amount=Units(borne)), t_ms)
            check_door(self.state, self.fund.state, self._opening_layers)
        return answers

    def _watch(self, t_ms: int, *, waiting: bool) -> None:
        """Keep the worst step's unrecognised negative equity; there is none where nobody waits."""
        if waiting or self.design.liquidation.max_accounts_per_step is not None or self.state.stale:
            units = unrecognised_units(self.state, self._screen)
            if units > self.unrecognised_peak[0]:
                self.unrecognised_peak = (units, t_ms)

    def _door(self, t_ms: int) -> Door:
        """What a plan may ask the fund: its own decisions, not applied."""
        return Door(
            quote=lambda owed: self._would_draw(owed, t_ms).severity,
            waiting=lambda owed: frozenset(self._would_draw(owed, t_ms).waiting),
            balance=partial(money_units, self.fund.state),
            quote_array=lambda: self._quote_array(t_ms),
        )

    def _quote_array(self, t_ms: int) -> QuoteArray | None:
        """The severity by arrays; None where recourse, or a layer, asks whose a deficit is."""
        if self.design.accounts.recourse:
            return None
        return quoter(self.fund.state, t_ms, [instrument.id for instrument in self.state.instruments])

    def _quote(self, t_ms: int) -> Callable[[Sequence[Owed]], int]:
        """What the fund would leave uncovered, deficits that wait included: its own decision, not applied."""

        def quote(owed: Sequence[Owed]) -> int:
            drawn = self._would_draw(owed, t_ms)
            return drawn.severity + sum(drawn.waiting.values())

        return quote

    def _would_draw(self, owed: Sequence[Owed], t_ms: int) -> _Quoted:
        """The fund's decision on deficits, not applied."""
        if self.design.accounts.recourse:
            owed = after_recourse(self.state, owed)
        asset, seen = self.design.asset.id, self.fund.state
        name = "q"
        while name in seen.answered or any(f"{name}{i}" in seen.deficits for i in range(len(owed))):
            name += "q"
        asked = {f"{name}{i}": one for i, one in enumerate(owed)}
        deficits = tuple(shortfall(self.state, asset, deficit, *one) for deficit, one in asked.items())
        if not deficits:
            return _Quoted(0, {})
        decided = decide(seen, Shortfalls(id=name, deficits=deficits), t_ms)
        if isinstance(decided, Refused) and decided.code == "state":
            return _Quoted(0, {account: units for account, units, _ in owed})  # all of them would wait
        if not isinstance(decided, tuple):
            raise VenueError(f"the fund would not quote: {decided}")
        drawn = next(event for event in decided if isinstance(event, ShortfallsDrawn))
        waiting = [asked[deficit] for deficit in drawn.waiting]
        return _Quoted(sum(row.amount for row in drawn.severity), {account: units for account, units, _ in waiting})

    def _ask(self, command: AnyCommand, t_ms: int) -> tuple[Event, ...]:
        answer = self.fund.submit(command, t_ms)
        if isinstance(answer, Refused | Repeated):
            raise VenueError(f"the fund refused {command.id}: {answer}")
        return answer

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


@dataclass(frozen=True, slots=True)
class _Quoted:
    """What the fund would do with deficits: the severity it would leave, and those that would wait, by account."""

    severity: int
    waiting: dict[int, int]
