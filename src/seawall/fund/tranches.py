"""Tranches: those with stakers, brought up to date for one command, and their figures for whoever reads.

Layer    fund; imports rules, design, amounts, fund.{events,state}. Only reads the state.
Not here the commands of stakers (fund.staking), recoveries (fund.recovery), the change itself (fund.apply).
Held to  this by tests/fund/test_staking.py and tests/fund/test_staking_machine.py: a second book of prices.

Before anything else happens to such a tranche, its rewards are earned up to now, then requests whose window is over
lapse, oldest first. What happened of that is a part of the event that follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from seawall.amounts import Units
from seawall.design.types import Design
from seawall.fund.events import (
    NOTHING,
    HeldRow,
    LapsedRow,
    RequestAfter,
    RewardRow,
    SlashRow,
    StakerAfter,
    StreamAfter,
    TrancheAfter,
)
from seawall.fund.state import FundState, LayerState
from seawall.rules.cohort import Staker
from seawall.rules.staking import Request, lapse
from seawall.rules.tranche import Stream, Tranche, accrue, reward, slash, value_units

VENUE = "venue"
"""The staker to whom a tranche's opening balance belongs, one share a base unit."""


def noted(units: int) -> Units:
    """An amount that is left out of the bytes when it is 0."""
    return Units(units) if units else NOTHING


def opening_tranches(design: Design) -> tuple[TrancheAfter, ...]:
    """The tranches with stakers that begin with money."""
    return tuple(
        TrancheAfter(spec.id, spec.balance, spec.balance, 1, stakers=(StakerAfter(VENUE, 1, spec.balance),))
        for spec in design.layers
        if spec.kind == "tranche" and spec.stake is not None and spec.balance
    )


class OpenTranche:
    """A working copy of one tranche while a command is decided, up to date at a time, and the rows that changed.

    layer    with stakers
    tranche  as it stands now
    lapsed   requests that lapsed on the way
    """

    def __init__(self, layer: LayerState, t_ms: int) -> None:
        self.layer, self.t_ms = layer, t_ms
        if layer.stakes is None or layer.spec.stake is None:
            raise KeyError(f"{layer.spec.id} has no stakers")
        self.stakes, self.terms = layer.stakes, layer.spec.stake
        self.lapsed: list[LapsedRow] = []
        self._stakers: dict[str, Staker] = {}
        self._requests: dict[str, tuple[str, Request] | None] = {}
        accrued = accrue(self.stakes.tranche, t_ms)
        self.tranche, self._earned = accrued.tranche, accrued.earned_units
        self._lapse_due()

    def _lapse_due(self) -> None:
        # All requests of a layer wait equally long, so that the oldest is the first to be over.
        for name, (who, request) in self.stakes.requests.items():
            if request.end_ms is None or self.t_ms < request.end_ms:
                break
            done = lapse(self.tranche, self.staker(who), request, self.t_ms, self.terms)
            self.lapsed.append(LapsedRow(name, who, Units(done.freed_shares), Units(done.burnt_shares)))
            self.end(name)
            self.take(done.tranche, {who: done.staker})

    @property
    def changed(self) -> bool:
        """Whether anything is otherwise than in the state, but for a clock that stood still."""
        now, before = replace(self.tranche, stream=Stream()), replace(self.stakes.tranche, stream=Stream())
        return now != before or bool(self._earned or self._stakers or self._requests)

    def staker(self, name: str) -> Staker:
        """A staker's row, as it stands now."""
        return self._stakers.get(name) or self.stakes.stakers.get(name) or Staker()

    def request(self, name: str) -> tuple[str, Request] | None:
        """(staker, request); None: there is none, or none any more."""
        return self._requests[name] if name in self._requests else self.stakes.requests.get(name)

    def take(self, tranche: Tranche, stakers: dict[str, Staker]) -> None:
        """Keep what an operation returned."""
        self.tranche = tranche
        self._stakers |= stakers

    def put(self, who: str, request: Request) -> None:
        """Keep a request, new or in part redeemed."""
        self._requests[request.id] = who, request

    def end(self, request: str) -> None:
        """A request is no more."""
        self._requests[request] = None

    def slash(self, deficit: str, amount: int) -> SlashRow:
        """Take a loss out of the tranche."""
        done = slash(self.tranche, amount, self.t_ms)
        self.tranche, cohort = done.tranche, done.cohort
        return SlashRow(
            deficit,
            self.layer.spec.id,
            Units(amount),
            cohort.number,
            cohort.series,
            Units(cohort.shares),
            done.wound_up,
        )

    def reward(self, amount: int) -> RewardRow:
        """Credit the stakers' income. Errors: StakingRefused `nobody_staked`."""
        self.tranche = reward(self.tranche, amount, self.t_ms, self.terms).tranche
        return RewardRow(Units(amount), self.after())

    def after(self) -> TrancheAfter:
        """The facts for an event."""
        tranche, stream = self.tranche, self.tranche.stream
        waiting = None
        if stream.unearned_units:
            waiting = StreamAfter(Units(stream.total_units), noted(stream.earned_units), stream.start_ms, stream.end_ms)
        kept = [row for row in self._requests.values() if row is not None]
        return TrancheAfter(
            layer=self.layer.spec.id,
            assets=Units(tranche.assets_units),
            shares=Units(tranche.shares),
            series=tranche.series,
            slashes=tranche.slashes,
            earned=noted(self._earned),
            stream=waiting,
            lapsed=tuple(self.lapsed),
            stakers=tuple(self._row(name, staker) for name, staker in self._stakers.items()),
            requests=tuple(_request_row(who, request) for who, request in kept),
            ended=tuple(name for name, row in self._requests.items() if row is None),
        )

    def _row(self, name: str, staker: Staker) -> StakerAfter:
        before = len(self.stakes.stakers.get(name, Staker()).history)
        held = [HeldRow(row.last_slash, row.series, Units(row.shares)) for row in staker.history[before:]]
        return staker_row(name, staker, held[0] if held else None)


def staker_row(name: str, staker: Staker, held: HeldRow | None = None) -> StakerAfter:
    """A staker's row as a fact."""
    return StakerAfter(
        name,
        staker.series,
        Units(staker.free_shares),
        noted(staker.locked_shares),
        noted(staker.claims_units),
        held,
    )


def _request_row(who: str, request: Request) -> RequestAfter:
    return RequestAfter(
        request.id,
        who,
        request.series,
        Units(request.shares),
        Units(request.value_units),
        request.ready_ms,
        request.end_ms,
    )


def open_tranches(state: FundState, t_ms: int, names: Iterable[str] | None = None) -> dict[str, OpenTranche]:
    """The tranches with stakers, by layer, up to date at a time. names: only these; None: all."""
    return {
        name: OpenTranche(state.layers[name], t_ms)
        for name in (state.layers if names is None else names)
        if state.layers[name].stakes is not None
    }


def seen_with(state: FundState, tranches: dict[str, OpenTranche]) -> FundState:
    """The state with what these tranches earned in their layers: to read, never to change."""
    if not tranches:
        return state
    balances = {name: replace(one.layer, balance=one.tranche.assets_units) for name, one in tranches.items()}
    return replace(state, layers={**state.layers, **balances})


# --- figures ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TrancheFigures:
    """A tranche at a time. Base units but the shares.

    assets_units       what all shares are worth, and the layer's balance
    shares             free and locked
    asked_shares       of them, in requests
    series, slashes    the series now, slashes so far
    unearned_units     rewards that are not earned yet
    claims_units       recoveries that nobody has taken yet
    outstanding_units  slashed and not recovered
    """

    assets_units: int
    shares: int
    asked_shares: int
    series: int
    slashes: int
    unearned_units: int
    claims_units: int
    outstanding_units: int


@dataclass(frozen=True, slots=True)
class StakerFigures:
    """A staker at a time. value_units: what all its shares are worth; claims_units: recoveries not taken yet."""

    free_shares: int
    locked_shares: int
    value_units: int
    claims_units: int


def tranche_figures(state: FundState, layer: str, t_ms: int) -> TrancheFigures:
    """A tranche with stakers, as the next command would find it. Errors: KeyError: no such layer with stakers."""
    one = OpenTranche(state.layers[layer], t_ms)
    stakes = one.stakes
    asked = stakes.asked_shares - sum(row.freed + row.burnt for row in one.lapsed)
    return TrancheFigures(
        one.tranche.assets_units,
        one.tranche.shares,
        asked,
        one.tranche.series,
        one.tranche.slashes,
        one.tranche.stream.unearned_units,
        stakes.claims_units,
        sum(cohort.outstanding_units for cohort in stakes.cohorts.values()),
    )


def staker_figures(state: FundState, layer: str, staker: str, t_ms: int) -> StakerFigures:
    """A staker of a tranche, as the next command would find it; all zero for one that never staked.

    Rounding  the value down.
    Errors    KeyError: no such layer with stakers.
    """
    return figures_in(OpenTranche(state.layers[layer], t_ms), staker)


def figures_in(one: OpenTranche, staker: str) -> StakerFigures:
    """The same, of a tranche that is up to date already: for whoever asks about many."""
    row = one.staker(staker)
    if row.series != one.tranche.series:
        return StakerFigures(0, 0, 0, row.claims_units)
    value = value_units(one.tranche, row.shares)
    return StakerFigures(row.free_shares, row.locked_shares, value, row.claims_units)


def staker_value(state: FundState, layer: str, staker: str, t_ms: int) -> int:
    """What a staker's shares are worth, base units, rounded down; claims apart."""
    return staker_figures(state, layer, staker, t_ms).value_units
