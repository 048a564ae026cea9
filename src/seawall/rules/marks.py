"""Marks: whether a price may be used to decide anything, and the index of several sources.

Layer    rules; imports amounts; called by venue.facts, stress.fixed_points. SPEC 2 «mark price».
Not here where prices come from (stress.paths, the service).
Held to  this by cases ORA-01 and ORA-03.
"""

from __future__ import annotations

from collections.abc import Sequence

from seawall.amounts import PPM


def stale_reason(
    price: int, observed_ms: int, now_ms: int, max_age_ms: int, floor: int | None, ceiling: int | None
) -> str:
    """Why a price is stale; "" when it may be used.

    price        ticks
    observed_ms  when the source saw it; a price from the future is no price
    max_age_ms   an age equal to it is still fresh
    floor, ceiling  the feed's own bounds: a feed that stands at one repeats it while the market is beyond
    """
    if price <= 0:
        return "not positive"
    if observed_ms > now_ms:
        return "from the future"
    if now_ms - observed_ms > max_age_ms:
        return "too old"
    if floor is not None and price <= floor:
        return "at the feed's floor"
    if ceiling is not None and price >= ceiling:
        return "at the feed's ceiling"
    return ""


def displaced_ticks(price_ticks: int, down_ticks: int, pass_through_ppm: int) -> int:
    """The mark that a venue's own sales leave, at least one tick.

    price_ticks  the step's price
    down_ticks   own-book displacement: the deepest bid touched less the deepest ask, above 0 where sales push it down
    Rounding     the move that is passed through, down.
    Source       SPEC 4.2.
    """
    moved = abs(down_ticks) * pass_through_ppm // PPM
    return max(1, price_ticks - moved if down_ticks > 0 else price_ticks + moved)


def index_price(sources: Sequence[int]) -> int:
    """Median of independent sources; of an even number the lower of the two in the middle.

    sources  positive prices, at least one. Errors: ValueError when empty.
    """
    if not sources:
        raise ValueError("index_price: wanted at least one source; found none")
    return sorted(sources)[(len(sources) - 1) // 2]
