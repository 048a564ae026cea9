"""Summary: what a stress run came to, counted from both machines' final states and events.

Layer    stress; imports amounts, fund, venue, report.summary (the document's types). Written as summary.json.
Not here tables and pictures (report) and anything that depends on the machine or the clock (run.json).
Held to  this by tests/stress/test_run.py, which recomputes every figure from the two logs.
"""

from __future__ import annotations

from seawall.amounts import PPM, Round, Units, mul_div
from seawall.design.types import Design
from seawall.fund.journal import Journal, state_digest
from seawall.fund.state import FundState
from seawall.report.summary import (
    SUMMARY_SCHEMA,
    AccountCounts,
    AssetName,
    BookName,
    Conservation,
    DeficitTotals,
    DesignName,
    LayerRow,
    OutsideShare,
    PathName,
    Summary,
)
from seawall.stress.prices import PricePath
from seawall.stress.tally import Tally
from seawall.venue.book import Book
from seawall.venue.invariants import equity_units
from seawall.venue.machine import Venue
from seawall.venue.replay import venue_digest
from seawall.venue.scan import liquidatable, unrecognised_units, value_all
from seawall.venue.state import VenueState


def named(path: PricePath) -> PathName:
    """A path as a document names it."""
    return PathName(path.name, path.digest, path.intrabar, path.source, path.licence, path.t_ms[0], path.t_ms[-1])


def money_units(venue: VenueState, fund: FundState) -> tuple[int, int]:
    """(what both machines hold or have paid out, what they began with), base units: equal, to the unit (SPEC 7).

    What layers without money of their own called came in from outside, and is taken off what is held.
    """
    money = equity_units(venue) + venue.pending_fees_units + fund.layers_units + fund.totals.paid_out
    money -= fund.carried_units + fund.pending_units + fund.totals.called
    return money, venue.opening_units + sum(layer.balance for layer in fund.design.layers)


def summarise(design: Design, book: Book, path: PricePath, seed: int, venue: Venue, fund: Journal) -> Summary:
    """The document of a run, from its final states and its events."""
    state, totals = fund.state, fund.state.totals
    tally = Tally()
    for event in venue.events:
        tally.venue(event)
    for drawn in fund.events:
        tally.fund(state, drawn)
    waiting = liquidatable(value_all(venue.state), design)
    money, opening = money_units(venue.state, state)
    return Summary(
        schema=SUMMARY_SCHEMA,
        design=DesignName(design.name, state.design_digest),
        asset=AssetName(design.asset.id, design.asset.decimals),
        book=BookName(book.digest(), len(book.accounts), len(book.lots)),
        path=named(path),
        seed=seed,
        steps=venue.state.step,
        rounds=tally.rounds,
        stale_steps=venue.stale_steps,
        pass_through_ppm=design.stress.pass_through_ppm,
        recovery_ppm=design.stress.recovery_ppm,
        outside=tuple(
            OutsideShare(market, lots, share)
            for market, lots, share in zip(book.markets, book.outside_lots(), book.outside_share_ppm(), strict=True)
        ),
        accounts=AccountCounts(
            liquidated=len(tally.liquidated),
            bankrupt=len(tally.bankrupt),
            deleveraged=len(tally.deleveraged),
            haircut=len(tally.haircut),
            induced=len(tally.induced),
            waiting=int(waiting.sum()),
        ),
        layers=tuple(
            LayerRow(
                name,
                layer.spec.kind,
                Units(layer.spec.balance),
                Units(layer.credited),
                Units(layer.drawn),
                Units(layer.balance),
                tuple(sorted(tally.bounds.get(name, ()))),
            )
            for name, layer in state.layers.items()
        ),
        receivers={name: Units(amount) for name, amount in sorted(state.receivers.items())},
        deficits=DeficitTotals(
            count=len(state.deficits),
            amount=Units(totals.deficits),
            covered_ppm=mul_div(totals.drawn, PPM, totals.deficits, Round.DOWN) if totals.deficits else PPM,
            largest=Units(tally.largest),
        ),
        drawn=Units(totals.drawn),
        severity=Units(tally.severity),
        haircuts=tally.haircuts,
        overshoot=Units(tally.haircuts.total - totals.haircuts),
        carried=Units(state.carried_units),
        recovered=Units(totals.recovered),
        pending=Units(state.pending_units),
        pending_fees=Units(venue.state.pending_fees_units),
        unrecognised=Units(unrecognised_units(venue.state)),
        unrecognised_peak=Units(venue.unrecognised_peak[0]),
        unrecognised_peak_t_ms=venue.unrecognised_peak[1],
        policy=design.exhaustion.policy,
        fallback=design.exhaustion.fallback,
        verdict="exhausted" if tally.severity else "survives",
        conservation=Conservation(money == opening, Units(money), Units(opening)),
        state={"fund": state_digest(state), "venue": venue_digest(venue.state)},
    )
