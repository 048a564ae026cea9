"""Exhaust: what no layer paid, placed by the design's policy and fallback, event by event.

Layer    venue; imports design, rules, venue.{gains,haircut_facts,haircuts,tear_up}. Called by
         venue.posting for a round's batch once positions were closed, by venue.machine at each step for batches that
         gains go on paying.
Not here closing positions against winners (venue.deleverage), what the fund books (fund.decide).
Held to  this by tests/venue/test_gains.py, test_tear_up.py, test_worked.py; I4, I10.

Every policy places what it can; what is left goes to the fallback; what that leaves is carried. Under `adl` severity
without a position left is taken in money from winners of its markets first; of accounts that were closed at another
price than their bankruptcy price, what the closing did not pay is the fallback's at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from seawall.amounts import allocate
from seawall.design.types import Design
from seawall.fund.messages import Haircut
from seawall.rules.waterfall import attribute
from seawall.venue.gains import cycle, gains_taken
from seawall.venue.haircut_facts import haircut_taken, haircuts_of
from seawall.venue.haircuts import Standing, Takings, from_market_winners, socialised
from seawall.venue.state import OpenBatch, VenueState
from seawall.venue.tear_up import torn_up
from seawall.venue_events import VenueEvent

Losses = tuple[tuple[str, int], ...]

UNPLACED = ("carry", "withdrawal_haircut")
"""Policies by which nobody pays: the fund carries the debt at once; income pays it, or those who withdraw do."""


@dataclass(frozen=True, slots=True)
class Open:
    """What one account of a batch owes that no layer paid.

    closed  its positions were closed against winners
    """

    units: int
    losses: Losses
    closed: bool


@dataclass(slots=True)
class Exhaustion:
    """One batch whose severity is placed. `haircuts` grow as events are recorded.

    record  writes an event; the state has taken it in when it returns
    final   what is left is carried now; False: the gains of the next step go on paying
    """

    state: VenueState
    design: Design
    number: int
    batch: str
    standing: Standing
    record: Callable[[VenueEvent], None]
    haircuts: list[Haircut] = field(default_factory=list)
    final: bool = True

    def place(self, left: int, severity: Mapping[int, Open], ceilings: Mapping[tuple[int, int], int]) -> None:
        """Place what closings left of a round's severity.

        left      base units, of `severity` together
        severity  account index -> what it owed, as it began
        ceilings  (account, market) -> what deleveraging left of a winner's profit: money may take no more
        """
        self.standing = Standing(self.standing.liquidated, dict(ceilings))
        policy = self.design.exhaustion.policy
        markets = _by_market(left, severity)
        if policy == "adl":
            left -= self._adl_money(left, severity)
        elif policy == "gains_haircut":
            self.cycle(OpenBatch(left, 0, {}, markets))
            return
        else:
            left -= self._by_rule(policy, left, markets)
        self._fallback(left, markets)

    def cycle(self, batch: OpenBatch) -> None:
        """One step's gains for a batch, and the fallback when its steps are used up."""
        takings = cycle(self.state, self.design, batch, batch.left, self.standing)
        left = batch.left - takings.amount
        ends = "" if left else "paid"
        if left and batch.cycles + 1 >= self.design.exhaustion.gains_max_rounds:
            ends = "rounds"
        event = gains_taken(self.state, self.number, self.batch, batch, takings, ends)
        self.record(event)
        self.haircuts += haircuts_of(event)
        self.final = bool(ends)
        if ends == "rounds":
            weights = list(batch.markets.values())
            parts = allocate(min(left, sum(weights)), weights) if weights else ()
            self._fallback(left, dict(zip(batch.markets, parts, strict=True)))

    def _fallback(self, left: int, markets: Mapping[str, int]) -> None:
        fallback = self.design.exhaustion.fallback
        if left and fallback != self.design.exhaustion.policy:
            self._by_rule(fallback, left, markets)

    def _by_rule(self, rule: str, left: int, markets: Mapping[str, int]) -> int:
        """Socialise or tear up; returns what that took."""
        if rule == "socialised_loss":
            base = self.design.exhaustion.socialised_base
            over = "" if base == "positive_pnl" else base
            takings = socialised(self.state, self.design, left, self.standing)
            return self._taken("socialised_loss", left, takings, over)
        if rule == "tear_up":
            event = torn_up(self.state, self.number, self.batch, left, markets, self.standing)
            if event is not None:
                self.record(event)
                self.haircuts += haircuts_of(event)
                return sum(row.haircut for row in event.haircuts)
        return 0

    def _adl_money(self, left: int, severity: Mapping[int, Open]) -> int:
        """Severity that no closed lot paid, in money from winners of its markets."""
        if self.design.exhaustion.adl_price != "bankruptcy_price":
            severity = {account: owed for account, owed in severity.items() if not owed.closed}
            left = min(left, sum(owed.units for owed in severity.values()))
        if not left:
            return 0
        takings = from_market_winners(self.state, self.design, _by_market(left, severity), self.standing)
        ceilings = dict(self.standing.ceilings)
        for row in takings.rows:
            if row.market is not None and (row.account, row.market) in ceilings:
                ceilings[row.account, row.market] -= row.amount
        taken = self._taken("adl_money", left, takings, "")
        self.standing = Standing(self.standing.liquidated, ceilings)
        return taken

    def _taken(self, how: str, left: int, takings: Takings, over: str) -> int:
        if not takings.rows:
            return 0
        event = haircut_taken(self.state, self.number, self.batch, how, left, takings, over)
        self.record(event)
        self.haircuts += haircuts_of(event)
        return takings.amount


def _by_market(left: int, severity: Mapping[int, Open]) -> dict[str, int]:
    """What is left of a batch's severity, by the markets in which its accounts lost."""
    by_market: dict[str, int] = {}
    owed = list(severity.values())
    for one, share in zip(owed, allocate(left, [one.units for one in owed]) if owed else (), strict=True):
        for market, part in attribute(share, one.losses).items():
            by_market[market] = by_market.get(market, 0) + part
    return by_market
