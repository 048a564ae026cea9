"""Wording: amounts, times and verdicts as people read them.

Layer    report; imports amounts, report.summary. Shared by page, terminal and `explain`, so that all say the same.
Not here HTML, Rich, drawing. No digit is rounded away, but of shares in percent, which are rounded down.
Held to  this by tests/report/test_wording.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from seawall.amounts import format_decimal
from seawall.report.summary import Summary

HOW: Final[Mapping[str, str]] = {
    "adl": "deleveraging",
    "adl_money": "deleveraging in money",
    "socialised_loss": "socialised loss",
    "gains_haircut": "haircut on gains",
    "tear_up": "tear-up",
    "withdrawal_haircut": "withdrawal haircut",
}
"""Ways in which a trader pays, by the word of the events."""

BOUND: Final[Mapping[str, str]] = {
    "": "nothing",
    "capacity": "capacity",
    "event_limit": "event limit",
    "block_limit": "block limit",
    "account_limit": "account limit",
    "owner_limit": "owner limit",
    "market_limit": "market limit",
    "lifetime_limit": "lifetime limit",
    "window_limit": "window limit",
    "drawdown": "drawdown",
    "notional": "notional",
    "minimum_left": "minimum left",
    "offset": "offset",
    "own_credits": "own credits",
}
"""What bound a draw, by the word of the events (SPEC 6)."""

INTRABAR: Final[Mapping[str, str]] = {
    "low_first": "every bar reaches its low before its high",
    "high_first": "every bar reaches its high before its low",
    "none": "the path is not made of bars",
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_999  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Currency:
    """An asset, to say amounts in. Amounts are base units, shown in asset units with every digit that is not zero."""

    id: str
    decimals: int

    def plain(self, units: int) -> str:
        """`1,234.50`: thousands separated, at least two decimals where the asset has them."""
        return format_decimal(units, self.decimals, group=True, places=2)

    def text(self, units: int) -> str:
        """`1,234.50 USDC`."""
        return f"{self.plain(units)} {self.id}"

    def column(self, amounts: Sequence[int]) -> list[str]:
        """Amounts with one number of decimals, so that they align: two, or what the most precise of them needs."""
        texts = [self.plain(units) for units in amounts]
        places = max((len(text.partition(".")[2]) for text in texts), default=0)
        return [format_decimal(units, self.decimals, group=True, places=places) for units in amounts]

    def value(self, units: int) -> float:
        """Asset units as a float, for drawing and nothing else: only a picture may lose digits."""
        return float(units / 10**self.decimals)


def currency(summary: Summary) -> Currency:
    """The currency of a run."""
    return Currency(summary.asset.id, summary.asset.decimals)


def percent(ppm: int, places: int = 2) -> str:
    """Parts per million as percent, `62.17 %`, further digits cut off (rounded down for what is not negative)."""
    scale = 10 ** (4 - places)
    return f"{format_decimal(ppm // scale, places, places=places)} %"


def utc_text(t_ms: int) -> str:
    """`2025-10-10 21:15 UTC`, with seconds and milliseconds where there are some; `t = 5 ms` beyond the year 9999."""
    if not 0 <= t_ms <= _LAST_MS:
        return f"t = {t_ms} ms"
    when = _EPOCH + timedelta(milliseconds=t_ms)
    seconds = f":{when:%S}" if t_ms % 60_000 else ""
    part = f".{t_ms % 1000:03d}" if t_ms % 1000 else ""
    return f"{when:%Y-%m-%d %H:%M}{seconds}{part} UTC"


def count(number: int, one: str, many: str = "") -> str:
    """`1 deficit`, `1,312 deficits`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: Sequence[str], most: int = 4) -> str:
    """`a, b and c`; beyond `most` words, `a, b, c and 5 more`."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))


def bound_text(bounds: Sequence[str]) -> str:
    """What bound a layer, `capacity, event limit`; `-` when nothing did."""
    return ", ".join(BOUND.get(bound, bound) for bound in bounds if bound) or "-"


def verdict_word(summary: Summary) -> str:
    """`survives` or `is exhausted`."""
    return "survives" if summary.verdict == "survives" else "is exhausted"


def verdict_sentences(summary: Summary) -> list[str]:
    """Does the fund survive; how much deficit there was, what covered it, who paid the rest."""
    money = currency(summary)
    total = summary.deficits
    if total.count == 0:
        head = f"The fund {verdict_word(summary)}: no account ended in deficit"
        if summary.accounts.liquidated:
            head += f", though {count(summary.accounts.liquidated, 'account was', 'accounts were')} liquidated"
        return [head + "; no layer was drawn."]
    paying = [row.layer for row in summary.layers if row.drawn]
    whole = f"{count(total.count, 'deficit')} of {money.text(total.amount)}" + (" in all" if total.count > 1 else "")
    if summary.severity == 0:
        were = "was" if total.count == 1 else "were"
        return [
            f"The fund {verdict_word(summary)}: {whole} {were} covered in full by {listed(paying)}.",
            "No trader paid, and nothing is left as bad debt.",
        ]
    by = f" ({listed(paying)})" if paying else ""
    sentences = [
        f"The fund {verdict_word(summary)}: of {whole}, its layers{by} covered {money.text(summary.drawn)}, "
        f"{percent(summary.covered_ppm)}.",
        _severity_sentence(summary),
    ]
    if summary.recovered:
        sentences.append(f"Later income repaid {money.text(summary.recovered)} of the bad debt.")
    return sentences


def _severity_sentence(summary: Summary) -> str:
    money = currency(summary)
    ways = {HOW[way]: amount for way, amount in haircuts_by_way(summary).items() if amount}
    who = count(summary.accounts.haircut, "trader") if summary.accounts.haircut else "traders in profit"
    ends = []
    if len(ways) == 1:
        ends.append(f"{who} paid {money.text(sum(ways.values()))} through {next(iter(ways))}")
    elif ways:
        each = listed([f"{money.text(amount)} through {word}" for word, amount in ways.items()])
        ends.append(f"{who} paid {each}")
    if carried := summary.carried + summary.recovered:
        ends.append(f"{money.text(carried)} became bad debt")
    if summary.pending:
        ends.append(f"{money.text(summary.pending)} is still pending")
    return f"Severity was {money.text(summary.severity)}: {'; '.join(ends)}."


def haircuts_by_way(summary: Summary) -> dict[str, int]:
    """What traders paid, by way, in the order in which a venue tries them. Base units."""
    cuts = summary.haircuts
    return cuts.by_way()
