"""Deficits: one deficit's way through the fund's log: what layers paid, what traders paid, what is left of it.

Layer    report; imports fund.{events,messages}, report.{facts,reading}. Called by report.story.
Not here how the account came to owe it (report.story), words (report.explain).
Held to  this by tests/report/test_explain.py and test_movements.py, against the table of deficits.
"""

from __future__ import annotations

from seawall.amounts import Units
from seawall.fund.events import (
    InflowRouted,
    MarketClosed,
    PoolReleased,
    RecoveryPlaced,
    Settled,
    SettledRow,
    SeverityCarried,
    ShortfallsDrawn,
)
from seawall.fund.messages import Haircut
from seawall.report.facts import Deficit, LayerDraw, Loss, Paid
from seawall.report.reading import RunFolder


def deficit_of(run: RunFolder, name: str) -> Deficit | None:
    """A deficit's way through the fund's log; None when the fund never heard of it."""
    drawn: ShortfallsDrawn | None = None
    t_ms, recovered = 0, 0
    settled: list[SettledRow] = []
    haircuts: list[Haircut] = []
    for recorded in run.fund_log:
        event = recorded.event
        match event:
            case ShortfallsDrawn() if any(item.id == name for item in event.shortfalls.deficits):
                drawn, t_ms = event, recorded.stamp.t_ms
            case Settled() if drawn is not None and event.settle.batch == drawn.shortfalls.id:
                settled += [row for row in event.rows if row.deficit == name]
                haircuts += event.settle.haircuts
            case SeverityCarried() if drawn is not None and event.batch == drawn.shortfalls.id:
                settled += [row for row in event.rows if row.deficit == name]
            case InflowRouted() | MarketClosed() | PoolReleased() | RecoveryPlaced():
                recovered += sum(row.amount for row in event.repaid if row.deficit == name)
            case _:
                pass
    if drawn is None:
        return None
    owed = next(item for item in drawn.shortfalls.deficits if item.id == name)
    severity = next((row.amount for row in drawn.severity if row.deficit == name), Units(0))
    ways = dict.fromkeys(cut.how for cut in haircuts)
    return Deficit(
        id=name,
        batch=drawn.shortfalls.id,
        t_ms=t_ms,
        amount=owed.amount,
        losses=tuple(Loss(loss.market, loss.amount) for loss in owed.losses),
        draws=tuple(
            LayerDraw(row.layer, row.amount, row.balance_before, row.balance_after, row.bound_by)
            for row in drawn.draws
            if row.deficit == name
        ),
        severity=severity,
        haircut=Units(sum(row.haircut for row in settled)),
        carried=settled[-1].carried if settled else Units(0),
        pending=settled[-1].pending if settled else severity,
        recovered=Units(recovered),
        batch_severity=Units(sum(row.amount for row in drawn.severity)),
        batch_paid=tuple(
            Paid(
                way,
                Units(sum(cut.amount for cut in haircuts if cut.how == way)),
                len({cut.account for cut in haircuts if cut.how == way and cut.amount}),
            )
            for way in ways
        ),
    )
