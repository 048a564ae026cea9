"""Thinning: fewer points of a long series, the same picture.

Layer    report; imports nothing of ours. Called by report.charts.
Not here smoothing or averaging: every point kept is a point of the series.
Held to  this by tests/report/test_thinning.py: within every pixel column first, lowest, highest and last survive.
"""

from __future__ import annotations

from collections.abc import Sequence


def thin(times: Sequence[int], series: Sequence[Sequence[float]], buckets: int) -> list[int]:
    """Positions of the points to draw, rising.

    times    shape (n,), not falling
    series   lines over the same times, each shape (n,)
    buckets  >= 1: columns of equal time into which the picture is cut
    returns  of every column the first, the last, and of each line a lowest and a highest point; everything when that
             would not be fewer
    Source   Jugel et al., M4: A Visualization-Oriented Time Series Data Aggregation (2014): a line drawn through these
             points lights the same pixels as the whole one, when a column is a pixel wide.
    """
    n = len(times)
    if n <= 2 * buckets or n == 0:
        return list(range(n))
    first, span = times[0], max(1, times[-1] - times[0])
    kept: set[int] = set()
    start = 0
    while start < n:
        bucket = (times[start] - first) * buckets // span
        end = start + 1
        while end < n and (times[end] - first) * buckets // span == bucket:
            end += 1
        kept.update((start, end - 1))
        for line in series:
            column = range(start, end)
            kept.add(min(column, key=line.__getitem__))
            kept.add(max(column, key=line.__getitem__))
        start = end
    return sorted(kept)


def thin_to(times: Sequence[int], series: Sequence[Sequence[float]], buckets: int, most: int) -> list[int]:
    """`thin` with as many columns, at most `buckets`, as leave at most `most` points (never fewer than 16 columns)."""
    while True:
        kept = thin(times, series, buckets)
        if len(kept) <= most or buckets <= 16:
            return kept
        buckets = max(16, buckets // 2)
