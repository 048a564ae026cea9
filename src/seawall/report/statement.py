"""Statement: a month of the fund by replay: each layer's opening, flows by kind and closing; debts; income.

Layer    report; imports fund.{codec,events,state}, report.flows. Called by `seawall ledger statement`.
Not here reading a store (ledger) and words (cli).
Held to  this by tests/report/test_statement.py: for any log and any month it adds up, and months join without a gap.

Openings and closings are the replayed state's; flows are the events' rows. So that they add up is a check, not a sum.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from seawall.fund.codec import Recorded
from seawall.fund.events import (
    ClaimsTaken,
    Corrected,
    Event,
    InflowRouted,
    InventoryLost,
    MarketClosed,
    Opened,
    PoolReleased,
    RecoveryPlaced,
    Redeemed,
    Rewarded,
    Settled,
    SeverityCarried,
    ShortfallsDrawn,
    Staked,
)
from seawall.fund.state import FundState
from seawall.report.flows import layer_flows, money_units

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


def month_bounds_ms(month: str) -> tuple[int, int]:
    """(start, end) of a month in ms UTC, half-open. month: `2026-10`. Errors: ValueError."""
    matched = _MONTH.fullmatch(month)
    if matched is None or int(matched[1]) < 1:
        raise ValueError(f"wanted a month such as 2026-10; found {month!r}")
    year, number = int(matched[1]), int(matched[2])
    end = (year + number // 12, number % 12 + 1)
    if end[0] > 9999:
        raise ValueError(f"wanted a month before 9999-12; found {month!r}")
    return _ms(year, number), _ms(*end)


def _ms(year: int, month: int) -> int:
    return round(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class Debt:
    """Pending severity or carried debt over a month, base units: opening + changes = closing.

    changes  name -> signed base units, nothing of 0
    """

    opening: int
    changes: dict[str, int]
    closing: int

    @property
    def adds_up(self) -> bool:
        """Whether the changes explain the closing."""
        return self.opening + sum(self.changes.values()) == self.closing


@dataclass(slots=True)
class Statement:
    """A month, half-open `[start_ms, end_ms)`. Base units.

    seq       the last event before the end
    opening, closing  money by layer
    flows     (layer, kind) -> signed
    income    money that came into the fund, by kind, gross; nothing of 0
    paid_out  money that left it, by receiver; nothing of 0
    """

    start_ms: int
    end_ms: int
    seq: int = 0
    opening: dict[str, int] = field(default_factory=dict)
    closing: dict[str, int] = field(default_factory=dict)
    flows: Counter[tuple[str, str]] = field(default_factory=Counter)
    pending: Debt = field(default_factory=lambda: Debt(0, {}, 0))
    carried: Debt = field(default_factory=lambda: Debt(0, {}, 0))
    income: Counter[str] = field(default_factory=Counter)
    paid_out: Counter[str] = field(default_factory=Counter)

    def flow_of(self, layer: str) -> int:
        """All flows of a layer."""
        return sum(amount for (name, _), amount in self.flows.items() if name == layer)

    @property
    def adds_up(self) -> bool:
        """Whether every layer and both debts do."""
        layers = all(self.opening.get(name, 0) + self.flow_of(name) == after for name, after in self.closing.items())
        return layers and self.pending.adds_up and self.carried.adds_up


class StatementRows:
    """Takes in a log, event by event, after each was applied; `statement` when it has gone by."""

    def __init__(self, start_ms: int, end_ms: int) -> None:
        self._statement = Statement(start_ms, end_ms)
        self._before: tuple[int, int] = (0, 0)
        self._now: tuple[int, int] = (0, 0)
        self._pending: Counter[str] = Counter()
        self._carried: Counter[str] = Counter()

    def take(self, state: FundState, recorded: Recorded[Event]) -> None:
        """One event, and the state after it. What came at or after the end is passed over."""
        t_ms, event, made = recorded.stamp.t_ms, recorded.event, self._statement
        if t_ms >= made.end_ms:
            return
        made.seq = recorded.stamp.seq
        made.closing = {name: money_units(layer) for name, layer in state.layers.items()}
        self._now = (state.pending_units, state.carried_units)
        if t_ms < made.start_ms:
            made.opening, self._before = made.closing, self._now
            return
        for layer, kind, amount in layer_flows(event):
            made.flows[layer, kind] += amount
        self._debts(event)
        _add_income(made, event)

    def statement(self) -> Statement:
        """The month. A month without events closes as it opened."""
        made = self._statement
        made.pending = Debt(self._before[0], _named(self._pending), self._now[0])
        made.carried = Debt(self._before[1], _named(self._carried), self._now[1])
        made.income, made.paid_out = Counter(_named(made.income)), Counter(_named(made.paid_out))
        return made

    def _debts(self, event: Event) -> None:
        match event:
            case ShortfallsDrawn():
                self._pending["severity"] += sum(row.amount for row in event.severity)
            case Settled() | SeverityCarried():
                carried = sum(row.carried for row in event.rows)
                self._pending["haircuts"] -= sum(row.haircut for row in event.rows)
                self._pending["carried"] -= carried
                self._carried["carried"] += carried
            case InflowRouted() | MarketClosed() | PoolReleased() | RecoveryPlaced():
                self._carried["repaid"] -= sum(row.amount for row in event.repaid)
            case Corrected():
                self._carried["correction"] += sum(row.amount for row in event.debts)
            case _:
                pass


def _add_income(made: Statement, event: Event) -> None:
    match event:
        case Opened():
            made.income["seed"] += sum(row.balance for row in event.layers)
        case InflowRouted():
            made.income[event.inflow.source] += event.inflow.amount
        case ShortfallsDrawn():
            made.income["called"] += sum(row.called for row in event.draws)
        case InventoryLost():
            made.income["called"] += event.called
        case Staked():
            made.income["staked"] += event.taken
        case Rewarded():
            made.income["rewards"] += event.reward.amount
        case RecoveryPlaced():
            made.income["recovery"] += event.recover.amount
        case Redeemed() | ClaimsTaken():
            made.paid_out["stakers' shares and claims"] += event.paid
        case Corrected():
            made.income["correction"] += sum(row.amount for row in event.layers)
        case _:
            pass
    for payment in getattr(event, "paid_out", ()):
        made.paid_out[payment.receiver] += payment.amount


def _named(changes: Counter[str]) -> dict[str, int]:
    return {name: amount for name, amount in changes.items() if amount}
