"""Axes: times in UTC and amounts, with ticks that people can read at 340 and at 880 pixels.

Layer    report; imports report.drawing. Called by report.charts.
Not here marks and colours.
Held to  this by tests/report/test_charts.py.
"""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Final

from seawall.report.drawing import Frame, Spec

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000

SPANS_MS: Final = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 28, 91, 182, 364, 1820, 3640, 36400)),
)
"""Spans of time that people think in, ms."""

_AMOUNT: Final = (
    "abs(datum.value) > 0 && abs(datum.value) < 1 ? format(datum.value, '~g') "
    ": replace(format(datum.value, '~s'), 'G', 'B')"
)


def span_ms(whole_ms: int, most: int) -> int:
    """The smallest of `SPANS_MS` that goes at most `most` times into a time of `whole_ms`."""
    return next((span for span in SPANS_MS if whole_ms <= span * most), SPANS_MS[-1])


def bin_ms(whole_ms: int, most: int) -> int:
    """Width of the bins that count liquidations: a minute or more, at most `most` of them."""
    return max(_MINUTE, span_ms(whole_ms, most))


def bin_text(width_ms: int) -> str:
    """`per minute`, `per 15 minutes`, `per hour`, `per 2 days`."""
    for unit, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if width_ms % unit == 0:
            number = width_ms // unit
            return f"per {word}" if number == 1 else f"per {number:,} {word}s"
    return f"per {width_ms:,} ms"


def time_x(first_ms: int, last_ms: int, frame: Frame, *, labels: bool) -> Spec:
    """A time axis in UTC from first to last, with the day written under each time of day.

    labels  False where another panel below carries them
    """
    span = span_ms(last_ms - first_ms, 4 if frame.narrow else 9)
    ticks = list(range(-(-first_ms // span) * span, last_ms + 1, span)) or [first_ms]
    formats = ("%d %b", "%Y") if span >= _DAY else ("%H:%M", "%d %b")
    if span < _MINUTE:
        formats = ("%H:%M:%S" if span >= _SECOND else "%H:%M:%S.%L", "%d %b")
    return {
        "field": "t",
        "type": "temporal",
        "scale": {"type": "utc", "domain": [first_ms, max(last_ms, first_ms + 1)], "nice": False},
        "axis": {
            "title": "UTC" if labels else None,
            "values": ticks,
            "labels": labels,
            "ticks": labels,
            "grid": True,
            "labelOverlap": False,
            "labelExpr": f"[utcFormat(datum.value, '{formats[0]}'), utcFormat(datum.value, '{formats[1]}')]",
        },
    }


def amount_axis(frame: Frame) -> Spec:
    """An axis of amounts in asset units: 250k, 1.5M, 2B."""
    return {"title": None, "labelExpr": _AMOUNT, "tickCount": 4 if frame.narrow else 6}


def log_ticks(least: float, most: float, number: int) -> list[float]:
    """Zero and powers of ten between two positive values, at most about `number`."""
    powers = range(ceil(log10(least)), floor(log10(most)) + 1)
    every = max(1, ceil(len(powers) / number))
    return [0.0, *(10.0**power for power in powers if (powers[-1] - power) % every == 0)]
