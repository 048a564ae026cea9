"""Thinning: what a pixel column shows survives."""

from __future__ import annotations

from hypothesis import given, strategies as st

from seawall.report.thinning import thin, thin_to

SERIES = st.lists(st.tuples(st.integers(0, 50), st.integers(-1000, 1000), st.integers(-5, 5)), min_size=1, max_size=300)


@given(SERIES, st.integers(1, 40))
def test_every_column_keeps_first_lowest_highest_last(rows, buckets):
    times, a, b, now = [], [], [], 0
    for gap, x, y in rows:
        now += gap
        times.append(now)
        a.append(float(x))
        b.append(float(y))
    kept = thin(times, [a, b], buckets)
    assert kept == sorted(set(kept))
    assert kept[0] == 0 and kept[-1] == len(times) - 1
    span = max(1, times[-1] - times[0])
    columns = {}
    for i, t in enumerate(times):
        columns.setdefault((t - times[0]) * buckets // span, []).append(i)
    for column in columns.values():
        mine = [i for i in column if i in set(kept)]
        assert column[0] in mine and column[-1] in mine
        for line in (a, b):
            assert min(line[i] for i in mine) == min(line[i] for i in column)
            assert max(line[i] for i in mine) == max(line[i] for i in column)


def test_thin_to_stays_below_a_number_of_points():
    times = list(range(100_000))
    ups = [float((i * 7919) % 1000) for i in times]
    assert 1000 < len(thin_to(times, [ups], 800, 2_000)) <= 2_000
    assert thin_to([1, 2, 3], [[1.0, 2.0, 3.0]], 800, 2_000) == [0, 1, 2]
