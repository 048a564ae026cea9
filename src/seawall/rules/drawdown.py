"""Drawdown: how far a balance, or one market's result, may fall below its rolling peak, with hysteresis.

Layer    rules; imports amounts; called by fund.available. SPEC 6; OKX, Bybit.
Not here the history itself (fund.state keeps it) and what a layer then pays (rules.limits).
Held to  this by tests/rules/test_drawdown.py: a walk over every millisecond of the window.
"""

from __future__ import annotations

from collections.abc import Iterable

from seawall.amounts import PPM, ppm_down


def peak_units(now_units: int, before: Iterable[tuple[int, int]], length_ms: int | None, t_ms: int) -> int:
    """The highest value within the window (t - w, t], the one it began with included.

    now_units  the value that stands now
    before     (time at which it was left, value) of earlier values; one counts while t - that time < w
    length_ms  w; None: since the start
    """
    peak = now_units
    for left_ms, units in before:
        if length_ms is None or t_ms - left_ms < length_ms:
            peak = max(peak, units)
    return peak


def fall_left_units(now_units: int, peak_units: int, base_units: int, drawdown_ppm: int) -> int:
    """How much further the value may fall: it may stand floor(base x drawdown / 10^6) below its peak, no lower.

    base_units  what the drawdown is a part of: the peak itself, or for a market's result the pool's peak
    Rounding    the fall allowed is rounded down. Never below 0.
    """
    return max(0, now_units - peak_units + ppm_down(base_units, drawdown_ppm))


def is_shut(
    was_shut: bool, now_units: int, peak_units: int, base_units: int, drawdown_ppm: int, reset_ppm: int
) -> bool:
    """Whether nothing is drawn: from the moment no further fall is allowed until it is nearer to the peak than reset.

    was_shut  before now
    Rounding  none: fall / base is compared with reset_ppm / 10^6 by cross-multiplying; at equality it stays shut; at
              the peak it is open
    Source    Bybit, notice of 2025-12-19: on at r < -30 %, off at r > -25 %. Here draws stop at -30 % to the unit.
    """
    fall = peak_units - now_units
    if fall > 0 and fall_left_units(now_units, peak_units, base_units, drawdown_ppm) == 0:
        return True
    return was_shut and fall > 0 and fall * PPM >= reset_ppm * base_units
