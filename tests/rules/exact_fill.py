"""Reference of the capped water-fill, to the unit: the real level first, then quotas of whoever is below its cap.

Layer    tests; imports tests.rules.references only. Used by tests of rules that spread a loss over a base.
"""

from collections.abc import Sequence
from fractions import Fraction

from tests.rules.references import allocate_by_quota, water_level


def exact_fill(amount: int, weights: Sequence[int], caps: Sequence[int]) -> tuple[int, ...]:
    """Whom the real-valued level brings to its cap pays that; the others share the rest by largest remainder."""
    real = water_level(amount, weights, caps)
    total = min(amount, sum(cap for cap, weight in zip(caps, weights) if weight))
    full = [level == Fraction(cap) for level, cap in zip(real, caps)]
    shares = [cap if weight and is_full else 0 for cap, weight, is_full in zip(caps, weights, full)]
    open_weights = [0 if is_full else weight for weight, is_full in zip(weights, full)]
    if sum(open_weights):
        rest = allocate_by_quota(total - sum(shares), open_weights)
        shares = [share + part for share, part in zip(shares, rest)]
    return tuple(shares)
