"""Mechanisms: stories of the generator with every way of liquidating, of holding margin, and of taking positions over.

Layer    tests; imports tests.generators. Shared by tests/venue/test_mechanisms.py and the tests of one mechanism each.
Not here the mechanisms' worked cases (test_sizes, test_worst_price, test_inventory, test_pool, test_collateral).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.generators import PPM, LayerSpec, Story, ladder, squeezes, stories

SCALE = 10**6
"""An inverse lot is worth so many base units x ticks."""


@st.composite
def liquidation_keys(draw: st.DrawFn, times: bool = True) -> dict[str, Any]:
    """How much, at which worst price, for which surcharge."""
    keys: dict[str, Any] = {}
    keys["amount"] = draw(st.sampled_from(["whole", "steps", "close_factor", "fewest_lots"]))
    if keys["amount"] == "steps":
        keys["step_ppm"] = draw(st.sampled_from([1, 200_000, 333_333, PPM]))
        keys["step_above_notional"] = str(draw(st.sampled_from([0, 100, 1_000])))
        if draw(st.booleans()):
            keys["step_wait_ms"] = draw(st.sampled_from([0, 1, 1_000, 1_500]))
            keys["step_within_wait"] = draw(st.sampled_from(["nothing", "whole"]))
    elif keys["amount"] == "close_factor":
        keys["close_factor_ppm"] = draw(st.sampled_from([1, 500_000, PPM]))
        keys["full_below_maintenance_ppm"] = draw(st.sampled_from([0, 500_000, PPM]))
        keys["full_below_notional"] = str(draw(st.sampled_from([0, 300])))
    elif keys["amount"] == "fewest_lots":
        keys["buffer_ppm"] = draw(st.sampled_from([0, 100_000, PPM]))
    keys["worst_price"] = draw(st.sampled_from(["any", "any", "bankruptcy_price", "fillable", "auction"]))
    if keys["worst_price"] == "fillable":
        keys["fillable_spread_ppm"] = draw(st.sampled_from([0, PPM, 1_500_000]))
    elif keys["worst_price"] == "auction":
        keys["auction_start_ppm"] = draw(st.sampled_from([0, 50_000]))
        keys["auction_end_ppm"] = draw(st.sampled_from([100_000, PPM]))
        keys["auction_ms"] = draw(st.sampled_from([1, 1_500, 10_000]))
    if draw(st.integers(0, 2)) == 0:
        keys["position_limit_ppm"] = draw(st.sampled_from([1, 100_000, 600_000]))
        keys["position_limit_least"] = str(draw(st.sampled_from([0, 200])))
    if draw(st.integers(0, 2)) == 0:
        keys["account_notional_per_step"] = str(draw(st.sampled_from([0, 150, 1_000, 10_000])))
    if draw(st.integers(0, 2)) == 0:
        keys["rate_notional"] = str(draw(st.sampled_from([0, 200, 2_000, 20_000])))
        keys["rate_window_ms"] = draw(st.sampled_from([1, 1_000, 1_001, 5_000]))
    if draw(st.integers(0, 3)) == 0:
        keys["surcharge_growth_ppm"] = draw(st.sampled_from([1_000, 100_000]))
        keys["surcharge_grace_ms"] = draw(st.sampled_from([0, 1_000]))
        keys["surcharge_growth_every_ms"] = draw(st.sampled_from([1, 1_000]))
    keys["assumption_premium_ppm"] = draw(st.sampled_from([0, 0, 50_000, PPM]))
    keys["fees_final"] = draw(st.booleans())
    return keys


def inverted(story: Story, market: int) -> Story:
    """The story with one market inverse: the same entries, and the same equity for the same notional."""
    spec = story.spec.markets[market]
    unit = spec.unit * SCALE
    price = next((step[spec.id] for step in story.steps if spec.id in step), 100)
    accounts = {}
    for name, (owner, cash, rows) in story.accounts.items():
        made = []
        for place, lots, cost in rows:
            if place != market:
                made.append((place, lots, cost))
                continue
            entry = max(1, abs(cost) // (abs(lots) * spec.unit))
            changed = -lots * unit // entry
            worth = lots * price * spec.unit
            # What the account had above the position's worth stays, measured by the position's notional.
            cash += (worth - cost) * (abs(lots) * unit // price) // max(1, abs(worth))
            cash -= (-lots * unit // price) - changed
            made.append((place, lots, changed))
        accounts[name] = (owner, cash, tuple(made))
    markets = tuple(
        replace(other, unit=unit, extra={**other.extra, "kind": "inverse_perp"}) if place == market else other
        for place, other in enumerate(story.spec.markets)
    )
    return replace(story, accounts=accounts, spec=replace(story.spec, markets=markets))


@st.composite
def with_collateral(draw: st.DrawFn, story: Story) -> Story:
    """The story with a token as margin: part of what accounts have is in it instead of cash."""
    place = len(story.spec.markets)
    haircut, dust = draw(st.sampled_from([0, 50_000, 500_000])), draw(st.sampled_from([0, 30, 300]))
    extra = {"kind": "collateral", "haircut_ppm": haircut, "dust": str(dust)}
    spec = replace(story.spec.markets[0], id="TOK", unit=1, tiers=(), floor=None, ceiling=None, extra=extra)
    spec = replace(spec, surcharge_ppm=None)
    price = draw(st.integers(2, 50))
    accounts = {}
    for name, (owner, cash, rows) in story.accounts.items():
        lots = draw(st.sampled_from([0, 1, 3, 20]))
        accounts[name] = (owner, cash - lots * price, (*rows, (place, lots, 0)) if lots else rows)
    steps = tuple(
        {**step, "TOK": max(1, price * draw(st.sampled_from([60, 90, 100, 120])) // 100)} for step in story.steps
    )
    ladders = dict(story.ladders)
    if draw(st.integers(0, 4)):
        ladders["TOK", "bids"] = draw(ladder(3, 30, 6)) or ((1, 5),)
    spec_after = replace(story.spec, markets=(*story.spec.markets, spec))
    return replace(story, accounts=accounts, steps=steps, ladders=ladders, spec=spec_after)


def takeover_text(layer: str, **keys: Any) -> str:
    """The table [liquidation.takeover]."""
    lines = [f"{key} = " + (f'"{value}"' if isinstance(value, str) else str(value)) for key, value in keys.items()]
    return "\n".join(["[liquidation.takeover]", f'layer = "{layer}"', *lines]) + "\n"


@st.composite
def takeovers(draw: st.DrawFn, layers: tuple[LayerSpec, ...]) -> tuple[tuple[LayerSpec, ...], str]:
    """A layer that takes positions over: the shared fund, a vault, or providers without money of their own."""
    balance = draw(st.sampled_from([0, 50, 2_000, 10**6]))
    kind = draw(st.sampled_from(["vault", "shared_fund", "backstop"]))
    others = tuple(layer for layer in layers if layer.kind != kind)
    if kind == "backstop":
        holder = LayerSpec("taker", kind, 0, extra={"commitment": str(balance)})
    else:
        holder = LayerSpec("taker", kind, balance)
    at = draw(st.integers(0, len(others)))
    keys: dict[str, Any] = {"when": draw(st.sampled_from(["unsold", "below"]))}
    if keys["when"] == "below":
        keys["below_maintenance_ppm"] = draw(st.sampled_from([666_667, PPM]))
    if kind != "backstop" and draw(st.booleans()):
        keys["notional_limit_ppm"] = draw(st.sampled_from([200_000, PPM, 5 * PPM]))
    if draw(st.booleans()):
        keys["notional_limit"] = str(draw(st.sampled_from([100, 3_000])))
    keys["unwind_ppm"] = draw(st.sampled_from([1, 300_000, PPM]))
    worst = draw(st.sampled_from([None, 0, 20_000, 300_000]))
    if worst is not None:
        keys["unwind_worst_ppm"] = worst
    return (*others[:at], holder, *others[at:]), takeover_text("taker", **keys)


@st.composite
def mechanisms(draw: st.DrawFn, base: st.SearchStrategy[Story] | None = None) -> Story:
    """Any story with any mechanism of liquidation."""
    story = draw(st.one_of(stories(), squeezes(1), squeezes(2)) if base is None else base)
    if draw(st.integers(0, 2)) == 0:
        story = inverted(story, draw(st.integers(0, len(story.spec.markets) - 1)))
    if draw(st.integers(0, 2)) == 0:
        story = draw(with_collateral(story))
    story = story.but(liquidation=draw(liquidation_keys()))
    kind = draw(st.integers(0, 4))
    if kind <= 1:
        layers, text = draw(takeovers(story.spec.layers))
        story = story.but(layers=layers, extra_text=text)
    elif kind == 2:
        cap = draw(st.sampled_from([900_000, PPM]))
        start = draw(st.sampled_from([300_000, 900_000]))
        pool = LayerSpec("pool", "vault", draw(st.sampled_from([0, 500, 5_000, 10**7])))
        text = f'[pool]\nlayer = "pool"\nadl_start_ppm = {start}\nadl_stop_ppm = {start - 100_000}\n'
        text += f"payout_cap_ppm = {cap}\n"
        story = story.but(layers=(*story.spec.layers, pool), extra_text=text)
    elif kind == 3:
        layers = tuple(
            replace(layer, extra={"draw_mode": "block"})
            if layer.kind != "market_bucket" and draw(st.booleans())
            else layer
            for layer in story.spec.layers
        )
        story = story.but(layers=layers)
    if draw(st.booleans()):
        once = story.steps[-1]
        story = replace(story, steps=(*story.steps, once, once))
    return story
