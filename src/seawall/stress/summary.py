"""Summary: what a stress run came to, counted from both machines' final states and events.

Layer    stress; imports amounts, fund, venue, report.summary (the document's types). Written as summary.json.
Not here tables and pictures (report) and anything that depends on the machine or the clock (run.json).
Held to  this by tests/stress/test_run.py, which recomputes every figure from the two logs.
"""

from __future__ import annotations

from seawall.amounts import PPM, Round, Units, mul_div
from seawall.design.types import Design
from seawall.fund.events import Event, ShortfallsDrawn
from seawall.fund.journal import Journal, state_digest
from seawall.report.summary import (
    SUMMARY_SCHEMA,
    AccountCounts,
    AssetName,
    BookName,
    Conservation,
    DeficitTotals,
    DesignName,
    HaircutTotals,
    LayerRow,
    OutsideShare,
    PathName,
    Summary,
)
from seawall.stress.prices import PricePath
from seawall.venue.book import Book
from seawall.venue.invariants import equity_units
from seawall.venue.machine import Venue
from seawall.venue.replay import venue_digest
from seawall.venue.scan import liquidatable, unrecognised_units, value_all
from seawall.venue_events import AccountsClosed, Deleveraged, HaircutTaken, RoundFilled


def named(path: PricePath) -> PathName:
    """A path as a document names it."""
    return PathName(path.name, path.digest, path.intrabar, path.source, path.licence, path.t_ms[0], path.t_ms[-1])


def summarise(
    design: Design, book: Book, path: PricePath, seed: int, venue: Venue, fund: Journal, fund_events: list[Event]
) -> Summary:
    """The document of a run, from its final states and its events."""
    state, totals = fund.state, fund.state.totals
    liquidated, bankrupt, deleveraged, haircut, induced = set(), set(), set(), set(), set()
    by_kind = dict.fromkeys(HaircutTotals.__struct_fields__, 0)
    rounds = 0
    for event in venue.events:
        match event:
            case RoundFilled():
                rounds += 1
                liquidated |= {item.account for item in event.triggered}
                induced |= {item.account for item in event.triggered if item.induced}
            case AccountsClosed():
                bankrupt |= {row.account for row in event.rows if row.deficit}
            case Deleveraged():
                deleveraged |= {row.account for row in event.haircuts}
                haircut |= {row.account for row in event.haircuts if row.haircut}
                by_kind["adl"] += sum(row.haircut for row in event.haircuts)
            case HaircutTaken():
                haircut |= {row.account for row in event.rows}
                by_kind[event.how] += sum(row.amount for row in event.rows)
            case _:
                pass
    severity, largest = 0, 0
    bounds: dict[str, set[str]] = {layer: set() for layer in state.layers}
    for drawn in fund_events:
        if isinstance(drawn, ShortfallsDrawn):
            severity += sum(row.amount for row in drawn.severity)
            largest = max(largest, *(deficit.amount for deficit in drawn.shortfalls.deficits))
            for draw in drawn.draws:
                if draw.bound_by:
                    bounds[draw.layer].add(draw.bound_by)
    waiting = liquidatable(value_all(venue.state), design)
    opening = venue.state.opening_units + sum(layer.balance for layer in design.layers)
    money = (
        equity_units(venue.state)
        + venue.state.pending_fees_units
        + state.layers_units
        + totals.paid_out
        - state.carried_units
        - state.pending_units
    )
    return Summary(
        schema=SUMMARY_SCHEMA,
        design=DesignName(design.name, state.design_digest),
        asset=AssetName(design.asset.id, design.asset.decimals),
        book=BookName(book.digest(), len(book.accounts), len(book.lots)),
        path=named(path),
        seed=seed,
        steps=venue.state.step,
        rounds=rounds,
        stale_steps=venue.stale_steps,
        pass_through_ppm=design.stress.pass_through_ppm,
        recovery_ppm=design.stress.recovery_ppm,
        outside=tuple(
            OutsideShare(market, lots, share)
            for market, lots, share in zip(book.markets, book.outside_lots(), book.outside_share_ppm(), strict=True)
        ),
        accounts=AccountCounts(
            liquidated=len(liquidated),
            bankrupt=len(bankrupt),
            deleveraged=len(deleveraged),
            haircut=len(haircut),
            induced=len(induced),
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
                tuple(sorted(bounds[name])),
            )
            for name, layer in state.layers.items()
        ),
        receivers={name: Units(amount) for name, amount in sorted(state.receivers.items())},
        deficits=DeficitTotals(
            count=len(state.deficits),
            amount=Units(totals.deficits),
            covered_ppm=mul_div(totals.drawn, PPM, totals.deficits, Round.DOWN) if totals.deficits else PPM,
            largest=Units(largest),
        ),
        drawn=Units(totals.drawn),
        severity=Units(severity),
        haircuts=HaircutTotals(**{way: Units(units) for way, units in by_kind.items()}),
        overshoot=Units(sum(by_kind.values()) - totals.haircuts),
        carried=Units(state.carried_units),
        recovered=Units(totals.recovered),
        pending=Units(state.pending_units),
        pending_fees=Units(venue.state.pending_fees_units),
        unrecognised=Units(unrecognised_units(venue.state)),
        unrecognised_peak=Units(venue.unrecognised_peak[0]),
        unrecognised_peak_t_ms=venue.unrecognised_peak[1],
        policy=design.exhaustion.policy,
        fallback=design.exhaustion.fallback,
        verdict="exhausted" if severity else "survives",
        conservation=Conservation(money == opening, Units(money), Units(opening)),
        state={"fund": state_digest(state), "venue": venue_digest(venue.state)},
    )
