"""Assertions: figures of a machine's state that a scenario states; those of the fund, which every driver knows.

Layer    scenario; imports fund.{available,standing,state}, scenario.{parse,checks,vocabulary}.
Not here what follows from a statement (the drivers), accounts and positions (scenario.venue_assertions).
Held to  this by tests/scenario/test_fund_driver.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, get_args

from seawall.amounts import MAX_AMOUNT, id_key
from seawall.fund.available import rooms
from seawall.fund.messages import Receiver
from seawall.fund.standing import market_shut_after, overdue, shut_after, target_units
from seawall.fund.state import FundState, LayerState
from seawall.scenario.checks import Check
from seawall.scenario.parse import Statement, Words
from seawall.scenario.vocabulary import Vocabulary

Action = Callable[[], list[Check]]
"""What running a statement does, and the checks that it gives."""

RECEIVERS: Final[tuple[str, ...]] = get_args(Receiver)
NOBODY: Final = "nobody"

LayerFigure = Callable[[FundState, LayerState, int], int | None]
"""A figure of a layer at a time (ms)."""


def _available(state: FundState, layer: LayerState, t_ms: int) -> int:
    """What the layer could pay to one deficit that arrived now, limits by account, owner and market aside."""
    room = next((room for room in rooms(state, t_ms) if room.id == layer.spec.id), None)
    if room is None:
        return 0
    limits = [units for units, _ in room.all_caps(MAX_AMOUNT)]
    if room.event_limit_units is not None:
        limits.append(room.event_limit_units)
    return min(limits)


LAYER_FIGURES: Final[dict[str, LayerFigure]] = {
    "balance": lambda _, layer, __: layer.balance,
    "drawn": lambda _, layer, __: layer.drawn,
    "credited": lambda _, layer, __: layer.credited,
    "moved_out": lambda _, layer, __: layer.moved_out,
    "commitment": lambda _, layer, __: layer.commitment,
    "returned": lambda _, layer, __: layer.returned,
    "offset_left": lambda _, layer, __: layer.offset_left,
    "available": _available,
    "target": lambda state, layer, _: target_units(layer.spec, state.measures),
    "maintenance": lambda _, layer, __: layer.inventory.maintenance,
    "open_loss": lambda _, layer, __: layer.inventory.open_loss,
    "notional": lambda _, layer, __: layer.inventory.notional,
}

_TOTALS: Final[dict[str, Callable[[FundState], int]]] = {
    "layers": lambda state: state.layers_units,
    "deficits": lambda state: state.totals.deficits,
    "drawn": lambda state: state.totals.drawn,
    "called": lambda state: state.totals.called,
    "haircuts": lambda state: state.totals.haircuts,
    "recovered": lambda state: state.totals.recovered,
    "inventory_lost": lambda state: state.totals.inventory_lost,
    "carried": lambda state: state.carried_units,
    "pending": lambda state: state.pending_units,
    "paid_out": lambda state: state.totals.paid_out,
    "redeemed": lambda state: state.totals.redeemed,
    "held": lambda state: state.held_units,
    "money_in": lambda state: state.totals.money_in,
    "events": lambda state: state.last_seq - 1,
}
"""Subjects that are one figure. `events` leaves out the opening: it counts what the statements wrote."""


def _shut(state: FundState, t_ms: int) -> Iterable[str]:
    """Layers that a drawdown keeps from being drawn; of one that looks at markets each `LAYER MARKET`."""
    for name, layer in state.layers.items():
        if layer.spec.drawdown_of == "balance" and shut_after(layer, layer.balance, t_ms):
            yield name
        for market in sorted(layer.results):
            if market_shut_after(layer, market, 0, layer.balance, t_ms):
                yield f"{name} {market}"


_LISTS: Final[dict[str, Callable[[FundState, int], Iterable[str]]]] = {
    "overdue": overdue,
    "shut": _shut,
    "below_target": lambda state, _: [n for n, layer in state.layers.items() if layer.below_since_ms is not None],
}
"""Subjects that are a list of layers, in the design's order."""

FUND_SUBJECTS: Final = ("layer", "measure", *_TOTALS, *_LISTS)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that is stated.

    name  in front of it, "" where the subject says it all
    find  how it is found; None: there is no such thing
    show  the figure as people write it
    """

    name: str
    wanted: int
    find: Callable[[], int | None]
    show: Callable[[int], str]

    def check(self, line: int, what: str) -> Check:
        """The figure beside what is found."""
        found = self.find()
        wanted_text, found_text = (
            f"{self.name} {'no such thing' if n is None else self.show(n)}".strip() for n in (self.wanted, found)
        )
        return Check(line, what, wanted_text, found_text, self.wanted == found)


def figures(vocabulary: Vocabulary, statement: Statement, read: Callable[[Words], Figure]) -> Action:
    """An assertion over figures; commas between them may be left out."""
    stated: list[tuple[int, Figure]] = []
    for item in statement.expected or ():
        words = vocabulary.item(statement.what, item)
        while words.left:
            stated.append((item.line, read(words)))
    if not stated:
        raise vocabulary.words(statement).bad("a figure behind the arrow", "nothing")
    return lambda: [figure.check(line, statement.what) for line, figure in stated]


def names(
    vocabulary: Vocabulary, statement: Statement, read: Callable[[Words], str], find: Callable[[], Iterable[str]]
) -> Action:
    """An assertion over a list: `waiting -> A B`, `overdue -> nobody`. Its order does not matter."""
    wanted = []
    for item in statement.expected or ():
        words = vocabulary.item(statement.what, item)
        while words.left:
            if not words.take(NOBODY):
                wanted.append(read(words))
    if not statement.expected:
        raise vocabulary.words(statement).bad(f"names behind the arrow, or `{NOBODY}`", "nothing")

    def check() -> list[Check]:
        found = list(find())
        wanted_text, found_text = (", ".join(sorted(each, key=id_key)) or NOBODY for each in (wanted, found))
        return [Check(statement.line, statement.what, wanted_text, found_text, sorted(wanted) == sorted(found))]

    return check


def fund_assertion(vocabulary: Vocabulary, statement: Statement, fund: Callable[[], FundState]) -> Action:
    """`layer shared -> balance 200`, `carried D1 -> 50`, `paid_out treasury -> 5`, `overdue -> shared`, `events -> 4`.

    fund  the state when the scenario gets there
    """
    words = vocabulary.words(statement)
    subject = words.one_of("a subject", FUND_SUBJECTS)
    t_ms = vocabulary.clock
    if subject == "layer":
        layer = vocabulary.layer(words)
        words.end()
        return figures(vocabulary, statement, lambda item: _layer_figure(vocabulary, layer, item, fund, t_ms))
    if subject in _LISTS:
        words.end()
        find = _LISTS[subject]
        read = partial(_layer, vocabulary, of_markets=subject == "shut")
        return names(vocabulary, statement, read, lambda: find(fund(), t_ms))
    one = _one_figure(subject, words)
    words.end()

    def of_subject(item: Words) -> Figure:
        if subject == "events":
            return Figure("", item.integer("a number of events"), lambda: one(fund()), str)
        return Figure("", vocabulary.money(item, subject), lambda: one(fund()), vocabulary.text)

    return figures(vocabulary, statement, of_subject)


def _layer(vocabulary: Vocabulary, words: Words, *, of_markets: bool) -> str:
    """`shared`, or `pool BTC` where a layer looks at markets."""
    layer = vocabulary.layer(words)
    looks = next(spec.drawdown_of == "market" for spec in vocabulary.design.layers if spec.id == layer)
    return f"{layer} {vocabulary.market(words)}" if of_markets and looks else layer


def _layer_figure(vocabulary: Vocabulary, layer: str, words: Words, fund: Callable[[], FundState], t_ms: int) -> Figure:
    """`balance 200`."""
    name = words.one_of("a figure of a layer", tuple(LAYER_FIGURES))
    wanted, find = vocabulary.money(words, name), LAYER_FIGURES[name]
    return Figure(name, wanted, lambda: find(fund(), fund().layers[layer], t_ms), vocabulary.text)


def _one_figure(subject: str, words: Words) -> Callable[[FundState], int | None]:
    """How the figure of a subject is found: all of it, or the part of one deficit, batch, account or receiver."""
    if subject == "measure":
        name = words.next("the name of a measure")
        return lambda state: state.measures.get(name)
    if not words.left or subject not in ("carried", "pending", "paid_out"):
        return _TOTALS[subject]
    if subject == "paid_out":
        receiver = words.one_of("a receiver", RECEIVERS)
        return lambda state: state.receivers.get(receiver, 0)
    part = words.next("an id")
    return lambda state: _carried(state, part) if subject == "carried" else _pending(state, part)


def _carried(state: FundState, part: str) -> int | None:
    """Carried debt of a deficit, or of all deficits of an account; None where neither was ever heard of."""
    if part in state.deficits:
        return state.carried[part].amount if part in state.carried else 0
    commands = (command for command, _ in state.answered.values())
    accounts = {each.account for command in commands for each in getattr(command, "deficits", ())}
    if part not in accounts:
        return None
    return sum(debt.amount for debt in state.carried.values() if debt.account == part)


def _pending(state: FundState, part: str) -> int | None:
    """Pending severity of a batch or a deficit; None where neither was ever heard of."""
    if part in state.deficits.values():
        return sum(state.pending[part].severity.values()) if part in state.pending else 0
    if part in state.deficits:
        batch = state.pending.get(state.deficits[part])
        return batch.severity.get(part, 0) if batch else 0
    return None
