"""Water-fill and queue: the two primitives under every policy that takes something from many, nobody above its cap.

Layer    rules; imports amounts. Called by rules.{adl_policies,deleveraging,min_max_lots,socialisation}.
         SPEC 8; I6, I10.
Not here what the weights, scores and caps are (rules.adl_policies), the same on arrays (rules.split_arrays).
Held to  this by tests/rules/test_deleveraging.py, test_adl_policies.py: a real level in Fractions, search.
"""

from __future__ import annotations

from collections.abc import Sequence

from seawall.amounts import allocate

PASSES = 12
"""Passes over whoever is not at its cap before what is left is sorted: books need a few, made-up ones up to n."""


def capped_water_fill(amount: int, weights: Sequence[int], caps: Sequence[int]) -> tuple[int, ...]:
    """Split `amount` in proportion to weights, nobody above its cap; what caps cut off flows on to the others.

    amount   >= 0
    weights  shape (n,), >= 0, by ascending id; weight 0 gets 0
    caps     shape (n,), >= 0, same unit as amount
    returns  shape (n,), adding up to min(amount, sum of caps over positive weights)
    Rounding whoever is not at its cap gets the floor, then a unit each to the largest remainders, ties lowest id. Only
             non-zero remainders gain a unit, so no cap is broken.
    Errors   ValueError for a negative amount or lengths that differ.
    Source   real-valued: h = min(c, t v) with one t; exact: everybody with c V <= R v is at its cap, R and V being what
             is left of amount and weights.
    """
    if amount < 0:
        raise ValueError(f"capped_water_fill: wanted an amount >= 0; found {amount}")
    shares = [cap if weight > 0 else 0 for weight, cap in zip(weights, caps, strict=True)]
    under, left = below_caps(amount, weights, caps)
    if under:
        for i, part in zip(under, allocate(left, [weights[i] for i in under]), strict=True):
            shares[i] = part
    return tuple(shares)


def below_caps(amount: int, weights: Sequence[int], caps: Sequence[int]) -> tuple[list[int], int]:
    """Who does not reach its cap in a water-fill, and what they share; all others with a weight are at their cap.

    returns  indices, ascending, and the amount left for them by the others; nobody and 0 if amount >= capacity
    The level t = R / V rises with every pass, so whoever is at its cap once stays there: no order is needed.
    """
    live = [i for i, (weight, cap) in enumerate(zip(weights, caps, strict=True)) if weight > 0 and cap > 0]
    room = sum(caps[i] for i in live)
    if amount >= room:
        return [], 0
    left, weight_left = amount, sum(weights[i] for i in live)
    for _ in range(PASSES):
        under = [i for i in live if caps[i] * weight_left > left * weights[i]]
        if len(under) == len(live):
            return live, left
        still = sum(caps[i] for i in under)
        left -= room - still
        live, room, weight_left = under, still, sum(weights[i] for i in under)
    return _below_caps_sorted(live, left, weights, caps)


def _below_caps_sorted(
    live: list[int], left: int, weights: Sequence[int], caps: Sequence[int]
) -> tuple[list[int], int]:
    """The same by one sort over cap / weight: no more passes than people, whatever the book.

    The key is floor(cap 2^s / weight) with 2^s above any product of two weights: quotients that differ at all differ by
    more than 2^-s, so the keys order as the quotients do.
    """
    shift = 2 * max(weights[i] for i in live).bit_length()
    order = sorted(live, key=lambda i: (caps[i] << shift) // weights[i])
    weight_left = sum(weights[i] for i in live)
    full = 0
    for i in order:
        if caps[i] * weight_left > left * weights[i]:
            break
        left -= caps[i]
        weight_left -= weights[i]
        full += 1
    return sorted(order[full:]), left


def ranked_queue(amount: int, scores: Sequence[int], caps: Sequence[int]) -> tuple[int, ...]:
    """Take from the highest score on, each as much as its cap allows, until `amount` is reached.

    scores   shape (n,), any integers, by ascending id; ties go to the lowest id
    caps     shape (n,), >= 0; cap 0 is skipped
    returns  shape (n,), adding up to min(amount, sum of caps)
    """
    shares = [0] * len(scores)
    left = amount
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        if left == 0:
            break
        shares[i] = min(caps[i], left)
        left -= shares[i]
    return tuple(shares)
