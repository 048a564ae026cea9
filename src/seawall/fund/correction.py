"""Correction: a wrong event is never edited. Another one names it and posts the difference; two people answer for it.

Layer    fund; imports amounts, fund.{apply,decide_inflow,events,messages,refusal,state}. Called by fund.decide only.
Not here who may propose and approve (service), and undoing a draw: what limits count of it stays.
Held to  this by tests/fund/test_correction.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from seawall.amounts import AmountError, Units, check_id
from seawall.fund.apply import GENESIS_ID
from seawall.fund.decide_inflow import takes_money
from seawall.fund.events import Corrected, DebtCorrected, Event, LayerCorrected
from seawall.fund.messages import Correct, Refused
from seawall.fund.refusal import amount_problem, refused
from seawall.fund.state import FundState

MOST_CHARACTERS = 1_000
"""Of a reason: it stays in the log for ever."""


def decide_correct(state: FundState, correct: Correct) -> tuple[Event, ...] | Refused:
    """The difference as asked, or why not. Nothing is routed: it goes where it was missing.

    Refused  unless two people are named, the wrong command was answered, every difference is of a layer without stakers
             or of a debt that is carried now, and none takes more than is there
    """
    if wrong := _people_problem(correct) or _rows_problem(correct):
        return refused(correct, "invalid", *wrong)
    if correct.wrong == GENESIS_ID:
        wrong_seq = 1
    elif correct.wrong in state.answered:
        wrong_seq = state.answered[correct.wrong][1]
    else:
        reason = f"wanted the id of a command that was answered, or {GENESIS_ID}; found {correct.wrong}"
        return refused(correct, "state", "wrong", reason)
    layers: list[LayerCorrected] = []
    for index, row in enumerate(correct.layers):
        layer, field = state.layers.get(row.layer), f"layers[{index}]"
        if layer is None:
            return refused(correct, "invalid", field, f"wanted a layer of the design; found {row.layer}")
        if not layer.funded or layer.stakes is not None:
            why = "stakers, whose claims a difference would change" if layer.funded else "no money of its own"
            return refused(
                correct, "invalid", field, f"wanted a layer with money and without stakers; {row.layer} has {why}"
            )
        if row.amount > 0 and not takes_money(state, layer):
            reason = f"wanted a layer that takes money still; {row.layer} has migrated, or its markets are closed"
            return refused(correct, "state", field, reason)
        after = layer.balance + row.amount
        if problem := amount_problem(after, zero=True):
            return refused(correct, "state", f"{field}.amount", f"{row.layer} after it: {problem}")
        layers.append(LayerCorrected(row.layer, row.amount, Units(after)))
    debts: list[DebtCorrected] = []
    for index, debt in enumerate(correct.debts):
        carried, field = state.carried.get(debt.deficit), f"debts[{index}]"
        if carried is None:
            return refused(correct, "state", field, f"wanted a deficit that is carried now; found {debt.deficit}")
        after = carried.amount + debt.amount
        if problem := amount_problem(after, zero=True):
            return refused(correct, "state", f"{field}.amount", f"{debt.deficit} after it: {problem}")
        debts.append(DebtCorrected(debt.deficit, debt.amount, Units(after)))
    return (Corrected(correct=correct, wrong_seq=wrong_seq, layers=tuple(layers), debts=tuple(debts)),)


def _people_problem(correct: Correct) -> tuple[str, str] | None:
    """(field, reason) where not two people answer for it, or nobody says why."""
    for field in ("proposer", "approver"):
        try:
            check_id(getattr(correct, field))
        except AmountError as error:
            return field, str(error)
    if correct.proposer.casefold() == correct.approver.casefold():
        return "approver", f"wanted another person than the proposer {correct.proposer}; found {correct.approver}"
    if not 0 < len(correct.reason.strip()) <= MOST_CHARACTERS:
        return "reason", f"wanted 1 to {MOST_CHARACTERS:,} characters; found {len(correct.reason.strip()):,}"
    return None


def _rows_problem(correct: Correct) -> tuple[str, str] | None:
    """(field, reason) where the differences make no sense by themselves."""
    if not correct.layers and not correct.debts:
        return "layers", "wanted at least one difference; found none"
    layers = [(row.layer, row.amount) for row in correct.layers]
    debts = [(row.deficit, row.amount) for row in correct.debts]
    return _each_once("layers", layers) or _each_once("debts", debts)


def _each_once(field: str, rows: Iterable[tuple[str, Units]]) -> tuple[str, str] | None:
    seen: set[str] = set()
    for index, (name, amount) in enumerate(rows):
        if problem := amount_problem(abs(amount)):
            return f"{field}[{index}].amount", problem.replace("an amount > 0", "a difference that is not 0")
        if name in seen:
            return f"{field}[{index}]", f"wanted {name} once; found it twice"
        seen.add(name)
    return None
