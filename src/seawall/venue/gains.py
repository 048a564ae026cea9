"""Gains: what accounts gained in a step, haircut for a batch whose severity no layer paid; step after step.

Layer    venue; imports rules, design, venue.{haircuts,roots,state}. Called by venue.exhaust.
Not here the split itself (rules.gains_haircut), what follows when the steps are used up (venue.exhaust).
Held to  this by tests/venue/test_gains.py: ISDA's worked cycles as a run of the venue.

A gain is what an account's positions are worth at the marks minus what the same lots were worth at the marks with which
the step before ended, net over its markets. It is taken by raising the cost of the positions that gained, so that the
fallback cannot take it again. Losers pay in full: a loss is in the account's equity whatever is open. The step in which
the severity arises is the first of its cycles, and a step without a gain counts as one.
"""

from __future__ import annotations

from seawall.amounts import Units, id_key
from seawall.design.types import Design
from seawall.rules.contracts import value_units
from seawall.rules.gains_haircut import cycle_haircuts
from seawall.venue.haircut_facts import money_rows
from seawall.venue.haircuts import Payers, Standing, Taking, Takings, rows_by_market
from seawall.venue.roots import money_rows as root_rows, root_hex
from seawall.venue.state import OpenBatch, VenueState
from seawall.venue_events import FeeRow, GainsTaken


def step_gains(state: VenueState, account: int) -> dict[int, int]:
    """Market index -> what an account gained there since the step before, negative: lost; markets by id."""
    gains = {}
    for market in sorted(range(len(state.instruments)), key=lambda market: id_key(state.instruments[market].id)):
        before, now, lots = state.previous_ticks[market], state.ticks[market], int(state.lots[market, account])
        if lots and before and now and not state.is_collateral(market):
            contract = state.instruments[market].contract
            gains[market] = value_units(contract, lots, now) - value_units(contract, lots, before)
    return gains


def cycle(state: VenueState, design: Design, batch: OpenBatch, severity: int, standing: Standing) -> Takings:
    """One step's gains for one batch: nobody pays more than what is left of its gain, its equity and the design's cap.

    batch  as it stands; what other batches took of this step's gains already is gone from them
    """
    payers = Payers(state, design, standing)
    by_market = [step_gains(state, account) for account in payers.accounts]
    nets = [
        sum(gains.values()) - state.gains_taken.get(account, 0)
        for account, gains in zip(payers.accounts, by_market, strict=True)
    ]
    cap = design.exhaustion.gains_cap
    rooms = []
    for account, equity in zip(payers.accounts, payers.equities, strict=True):
        most = severity if cap is None else max(0, cap - batch.taken.get(account, 0))
        rooms.append(max(0, min(equity, most)))
    rows: list[Taking] = []
    for place, haircut in enumerate(cycle_haircuts(severity, nets, rooms)):
        if haircut:
            net, equity = nets[place], payers.equities[place]
            rows += rows_by_market(
                payers.accounts[place], haircut, by_market[place], equity, net, min(net, rooms[place])
            )
    return Takings(sum(max(0, net) for net in nets), tuple(rows))


def gains_taken(state: VenueState, number: int, name: str, batch: OpenBatch, takings: Takings, ends: str) -> GainsTaken:
    """The event of one cycle.

    name  of the batch; `ends`: why the batch ends by it, "" when it goes on
    """
    rows = money_rows(state, takings)
    return GainsTaken(
        step=state.step,
        round=number,
        batch=name,
        cycle=batch.cycles + 1,
        severity=Units(batch.left),
        base=Units(takings.base),
        rows=rows,
        markets=tuple(FeeRow(market, Units(units)) for market, units in batch.markets.items()),
        ends=ends,
        root=root_hex(root_rows(name, "gains_haircut", rows)),
    )
