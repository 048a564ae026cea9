"""Moved: movements of an account's cash and positions in words, a line each.

Layer    report; imports report.{facts,wording}. Called by report.explain.
Not here finding them (report.story), liquidations and haircuts of a round (report.explain).
Held to  this by tests/report/test_movements.py.
"""

from __future__ import annotations

from seawall.report.facts import Funding, Moved
from seawall.report.wording import HOW, Currency, count, utc_text


def funding_line(chapter: Funding, money: Currency) -> str:
    """What funding came to in one market."""
    verb = "paid" if chapter.amount < 0 else "received"
    until = f", until {utc_text(chapter.last_t_ms)}" if chapter.times > 1 else ""
    amount = f"{money.text(abs(chapter.amount))} of funding in {chapter.market}"
    return f"{utc_text(chapter.t_ms)}: {verb} {amount} for {count(chapter.times, 'interval')}{until}"


def moved_line(chapter: Moved, money: Currency) -> str:
    """One movement, and the cash after it."""
    return f"{utc_text(chapter.t_ms)}: {_what(chapter, money)}; cash then {money.text(chapter.cash_after)}"


def _what(chapter: Moved, money: Currency) -> str:
    amount = money.text(abs(chapter.amount))
    position = f"{'long' if chapter.lots < 0 else 'short'} {abs(chapter.lots):,} lots of {chapter.market}"
    worth = f"{'lost' if chapter.amount < 0 else 'gained'} {amount}"
    match chapter.kind:
        case "torn_up":
            return f"{position} ended at the mark in a tear-up and {worth}, batch {chapter.batch}"
        case "market_settled":
            return f"{position} ended at the last good price, the market being settled, and {worth}"
        case "closed_against_layer":
            return f"{position} closed against {chapter.other} and {worth}"
        case "tear_up" | "withdrawal_haircut":
            named = f"batch {chapter.batch}" if chapter.batch else f"request {chapter.id}"
            return f"haircut of {amount} through {HOW[chapter.kind]}, {named}"
        case "withdrawal" | "deposit":
            return f"{chapter.kind} of {amount}, request {chapter.id}"
        case "recourse" if chapter.amount < 0:
            return f"{amount} taken for the deficit of {chapter.other}, of the same owner"
        case "recourse":
            return f"{amount} of its deficit paid by {chapter.other}, of the same owner"
        case "recovered":
            return f"{amount} paid towards its old deficit out of what was sold since"
        case _:
            return f"{chapter.kind.replace('_', ' ')}, {worth}"
