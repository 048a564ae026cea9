"""Kernel: what the floats say of an account is never at odds with the integers, closest to the boundary above all."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from seawall.amounts import PPM, Units
from seawall.design.instruments import Instrument
from seawall.design.types import Market, PlainDecimal, Tier
from seawall.rules.collateral import collateral_value_units
from seawall.rules.contracts import notional_units, value_units
from seawall.rules.margin import maintenance_margin_units
from seawall.stress import compiled, kernel
from seawall.stress.bounds import LIQUIDATABLE, SAFE, UNDECIDED, Marks, classify, constants, tiers_of
from seawall.stress.screen import Screen


def instrument(kind="linear_perp", unit=1, tiers=((10_000, None, 0),), haircut_ppm=0, name="BTC"):
    """A market; a tier is (maintenance ppm, up to, deducted)."""
    market = Market(
        id=name,
        kind=kind,
        tick_size=PlainDecimal("1"),
        lot_size=PlainDecimal("1"),
        tiers=()
        if kind == "collateral"
        else tuple(
            Tier(
                initial_margin_ppm=PPM,
                maintenance_margin_ppm=ppm,
                up_to_notional=None if up_to is None else Units(up_to),
                maintenance_deducted=Units(deducted),
            )
            for ppm, up_to, deducted in tiers
        ),
        haircut_ppm=haircut_ppm,
    )
    return Instrument(market, unit, 1, 0, None, None)


def margin_units(instruments, lots, ticks, cash=0, cost=()):
    """equity - maintenance of one account by the rules."""
    left = cash - sum(cost)
    for item, held, at in zip(instruments, lots, ticks, strict=True):
        if not held or not at:
            continue
        if item.market.kind == "collateral":
            left += collateral_value_units(held, at, item.contract.unit, item.market.haircut_ppm)
        else:
            left += value_units(item.contract, held, at)
            left -= maintenance_margin_units(notional_units(item.contract, held, at), item.market.tiers)
    return left


@st.composite
def tier_lists(draw, most):
    """One to four tiers, of any rates and deductions, coherent or not."""
    edges = sorted(draw(st.sets(st.integers(1, max(4, most)), max_size=3)))
    ppm = st.one_of(st.integers(1, PPM), st.sampled_from([1, 5_000, 10_000, PPM]))
    deducted = st.one_of(st.just(0), st.integers(0, max(1, most // 20)))
    return tuple((draw(ppm), edge, draw(deducted)) for edge in [*edges, None])


@st.composite
def markets(draw, most_ticks, most_lots):
    """(instrument, ticks, lots): the position often exactly at a tier's edge."""
    kind = draw(st.sampled_from(["linear_perp", "linear_perp", "inverse_perp", "collateral"]))
    unit = draw(st.one_of(st.integers(1, 10), st.integers(1, 10**9)))
    ticks = draw(st.one_of(st.integers(1, 50), st.integers(1, most_ticks)))
    lots = draw(st.one_of(st.integers(1, 40), st.integers(1, most_lots)))
    size = lots * unit // ticks if kind == "inverse_perp" else lots * unit * ticks
    tiers = draw(tier_lists(2 * size))
    made = instrument(kind, unit, tiers, draw(st.sampled_from([0, 1, 333_333, PPM])) if kind == "collateral" else 0)
    if kind != "collateral":
        if tiers[0][1] is not None and draw(st.booleans()):  # the last lots before the edge, or the first beyond
            top = tiers[0][1]
            last = top * ticks // unit if kind == "inverse_perp" else top // (unit * ticks)
            lots = max(1, min(most_lots, last + draw(st.integers(0, 1))))
        lots *= draw(st.sampled_from([1, -1]))
    return made, draw(st.sampled_from([ticks] * 9 + [0])), lots


ACCOUNTS = st.one_of(
    st.lists(markets(200, 1000), min_size=1, max_size=5),
    st.lists(markets(10**6, 2**24), min_size=1, max_size=5),
    st.lists(markets(10**8, 2**53 - 1), min_size=1, max_size=3),
)


def account(drawn, margin, cost_units):
    """(instruments, ticks, lots, cash, cost) of an account whose margin above maintenance is exactly this."""
    instruments, ticks, lots = zip(*drawn, strict=True)
    cost = tuple(cost_units * (-1) ** place for place in range(len(lots)))
    return instruments, ticks, lots, margin - margin_units(instruments, lots, ticks, 0, cost), cost


def arrays(cash, cost, lots, kind=object):
    """One account's (cash, cost, lots) as a venue holds them."""
    column = [np.array([[x] for x in part], dtype=kind) for part in (cost, lots)]
    return np.array([cash], dtype=kind), *column


@settings(max_examples=400)
@given(ACCOUNTS, st.one_of(st.integers(-2, 2), st.integers(-(10**6), 10**6)), st.integers(-(2**61), 2**61))
def test_no_account_at_the_boundary_is_decided_wrongly(drawn, margin, cost_units):
    instruments, ticks, lots, cash, cost = account(drawn, margin, cost_units)
    rows = arrays(cash, cost, lots)
    opened = any(held and item.market.kind != "collateral" for item, held in zip(instruments, lots))
    found = int(classify(*rows, instruments, ticks)[0])
    for skip in (False, True):
        candidates = list(Screen(*rows, instruments, skip=skip).candidates(ticks))
        assert candidates in ([], [0])
        if opened and margin <= 0:
            assert candidates == [0]
    if not opened:
        assert found == SAFE
    elif found == SAFE:
        assert margin > 0
    elif found == LIQUIDATABLE:
        assert margin < 0


@settings(max_examples=200)
@given(st.integers(2**22, 2**24), st.integers(1, 10**6), st.integers(-2, 2), st.booleans())
def test_positions_that_cancel_leave_their_errors(lots, ticks, margin, inverse):
    """A long and a short of nearly one value: nothing is left of it in the base, whose own room is then nothing."""
    drawn = [
        (instrument(unit=7, tiers=((1, None, 0),)), ticks, lots),
        (instrument(tiers=((1, None, 0),)), ticks, -lots),
    ]
    drawn.append((drawn[1][0], 6 * ticks + 1, -lots))
    if inverse:
        tied = instrument("inverse_perp", 10**15, ((1, None, 0),))
        drawn = [(tied, 3 * ticks, lots), (tied, 6 * ticks + 1, -lots), (tied, 6 * ticks - 1, -lots)]
    instruments, at, held, cash, cost = account(drawn, margin, 0)
    screen = Screen(*arrays(cash, cost, held), instruments)
    assert screen.dtype == np.float32
    assert margin > 0 or list(screen.candidates(at)) == [0]
    found = int(classify(*arrays(cash, cost, held), instruments, at)[0])
    assert found == UNDECIDED or (found == SAFE) == (margin > 0)


@settings(max_examples=200)
@given(ACCOUNTS, st.sampled_from([1, -1]), st.integers(-(2**61), 2**61))
def test_an_account_well_beyond_the_bound_is_decided(drawn, sign, cost_units):
    """Well beyond: ten times g of all that is added up, by Fractions, and the roundings' units."""
    instruments, ticks, lots, cash, cost = account(drawn, 0, cost_units)
    gross = Fraction(abs(cash - sum(cost)))
    for item, held, at in zip(instruments, lots, ticks):
        if at:
            above = item.contract.unit if item.contract.inverse else at * item.contract.unit
            most = sum(2 * tier.maintenance_margin_ppm for tier in item.market.tiers)
            gross += abs(held) * Fraction(above, at if item.contract.inverse else 1) * (3 + Fraction(most, PPM))
            gross += sum(2 * tier.maintenance_deducted for tier in item.market.tiers)
    tiers = tiers_of(instruments)
    k = len(lots) * (1 + tiers.rise.shape[1]) + 8
    margin = sign * (4 * len(lots) + int(gross * 10 * k / 2**53) + 1)
    rows = arrays(cash + margin, cost, lots)
    if all(item.market.kind == "collateral" for item in instruments):
        return
    assert int(classify(*rows, instruments, ticks)[0]) == (SAFE if sign > 0 else LIQUIDATABLE)
    screen = Screen(*arrays(cash + sign * (4 * len(lots) + int(gross * 10 * k / 2**24) + 1), cost, lots), instruments)
    assert list(screen.candidates(ticks)) == ([] if sign > 0 else [0])


@given(ACCOUNTS, st.sampled_from([np.float32, np.float64]))
def test_the_edge_of_a_tier_in_lots_is_the_tier_of_the_notional(drawn, dtype):
    instruments, ticks, _ = zip(*drawn, strict=True)
    tiers = tiers_of(instruments)
    edge = constants(instruments, tiers, ticks, dtype, 1e-6, 1).edge
    for market, (item, at) in enumerate(zip(instruments, ticks)):
        for place, begins in enumerate(tiers.begins[market]):
            first = edge[market, place]
            if at and begins is not None and np.isfinite(first):
                assert notional_units(item.contract, int(first), at) > begins
                assert first == 1 or notional_units(item.contract, int(first) - 1, at) <= begins
            elif at and begins is not None:
                assert notional_units(item.contract, 2**24 if dtype == np.float32 else 2**53 - 1, at) <= begins


@settings(max_examples=300)
@given(
    st.sampled_from(["linear_perp", "inverse_perp", "collateral"]),
    st.one_of(st.integers(1, 10**6), st.integers(1, 2**64), st.sampled_from([2**53 - 1, 2**53, 2**53 + 1])),
    st.one_of(st.integers(1, 10**6), st.integers(1, 2**64), st.sampled_from([2**53 - 1, 2**53, 2**62, 2**63])),
    st.one_of(st.integers(1, 10**9), st.integers(1, 2**66), st.sampled_from([2**62, 2**63 - 1, 2**63])),
    st.integers(0, PPM),
    st.sampled_from([np.float32, np.float64]),
)
@example("linear_perp", 3, 2**53 + 2, 10**9, 0, np.float64)
@example("inverse_perp", 1, 2**40, 2**40, 0, np.float64)
@example("linear_perp", 1, 1, 2**63 - 1, 0, np.float64)
def test_factors_and_edges_are_the_fractions_of_any_size(kind, unit, ticks, begins, haircut_ppm, dtype):
    """In int64 where all fits and in Python's integers where not: F to nearest, floor(E / |F|) + 1 exactly."""
    tiers = () if kind == "collateral" else ((10_000, begins, 0), (20_000, None, 0))
    item = instrument(kind, unit, tiers, haircut_ppm if kind == "collateral" else 0)
    plain = instrument(tiers=((10_000, None, 0),), name="ETH")
    factor = Fraction(-unit, ticks) if kind == "inverse_perp" else Fraction(unit * ticks)
    factor *= 1 - Fraction(item.market.haircut_ppm, PPM)
    marks = Marks((item, plain), tiers_of((item, plain)), dtype, 1e-6, 1)
    for at, first in ((ticks, factor), (0, Fraction(0)), (ticks, factor)):
        now = marks.at((at, 7))
        assert list(now.exact) == [float(first), 7.0]
        if tiers:
            lots = begins // abs(first) + 1 if first else np.inf
            assert now.edge[0, 0] == (lots if lots <= (2**24 if dtype == np.float32 else 2**53 - 1) else np.inf)
            assert now.edge[1, 0] == np.inf


@given(st.integers(1, 60), st.integers(1, 30), st.booleans())
@example(20, 5, False)
def test_one_bitcoin_long_at_20_percent_falls_to_its_maintenance(lots, ticks, short):
    """Worked: equity 200 - cost + value, maintenance 1 %: every margin from the rule is met to the unit."""
    item = instrument(tiers=((10_000, 300, 0), (20_000, None, 3)))
    held = -lots if short else lots
    exact = margin_units((item,), (held,), (ticks,), 200, (held * 20,))
    found = int(classify(*arrays(200, (held * 20,), (held,)), (item,), (ticks,))[0])
    assert found == (UNDECIDED if -1 <= exact <= 3 and found == UNDECIDED else SAFE if exact > 0 else LIQUIDATABLE)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("big", [2**80, 10**30, 10**320])
def test_amounts_beyond_the_floats_are_candidates(dtype, big):
    item = instrument()
    lots = 1 if dtype == np.float32 else 2**30
    for cash, cost, price in ((big, 0, 10**40), (big, big, 2**90), (-big, -big, 10**400)):
        screen = Screen(*arrays(cash, (cost,), (lots,)), (item,))
        assert screen.dtype == dtype
        assert list(screen.candidates((price,))) == [0]
    screen = Screen(*arrays(2**200, (0,), (2**60,)), (item,))
    assert list(screen.candidates((1,))) == [0]


@given(st.integers(1, 3000), st.integers(0, 2**32), st.sampled_from([np.float32, np.float64]))
def test_rows_of_many_blocks_are_the_rows_one_at_a_time(n, seed, dtype):
    draw = np.random.default_rng(seed)
    items = (instrument(tiers=((10_000, 4_000, 0), (50_000, None, 160))), instrument("inverse_perp", 10**6))
    lots = draw.integers(-500, 500, (2, n)).astype(dtype)
    base = draw.integers(-5_000, 5_000, n).astype(dtype)
    given_constants = constants(items, tiers_of(items), (17, 1_003), dtype, 0.0, 1)
    out, one = np.empty(n, dtype), np.empty(1, dtype)
    kernel.margins(base, lots, *given_constants.all, out)
    slack = 40 * np.finfo(dtype).eps * 1_000_000
    for row in range(0, n, 97):
        kernel.margins(base[row : row + 1], np.ascontiguousarray(lots[:, row : row + 1]), *given_constants.all, one)
        assert abs(one[0] - out[row]) <= slack
        exact = margin_units(items, [int(x) for x in lots[:, row]], (17, 1_003), int(base[row]))
        assert abs(out[row] - exact) <= 6 + slack


def test_numba_is_loaded_when_a_screen_is_made_and_not_before():
    code = "import sys, seawall.stress.screen, seawall.stress.bounds; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_compiled_code_is_kept_in_a_folder_of_its_text_or_else_in_a_private_one(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiled.cache_folder(kernel.__file__).startswith(str(tmp_path / "seawall" / "kernel-"))
    assert compiled.cache_folder(kernel.__file__) == compiled.cache_folder(kernel.__file__)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "seawall-kernel-" in compiled.cache_folder(kernel.__file__)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_constant_is_moved_against_the_account_on_one_side_and_for_it_on_the_other(side, dtype):
    """The proof wants each off by at least 2 g: charge and rise up, what is deducted down; from above the other way."""
    markets = [instrument(unit=7, tiers=((10_000, 1_000, 0), (30_000, 90_000, 20), (70_000, None, 3_620)))]
    g = 1e-4  # wide, so that a rounding of the constants themselves cannot hide the sign
    made = constants(markets, tiers_of(markets), [13], dtype, g, side)
    size = Fraction(7 * 13)
    assert side * (Fraction(float(made.charge[0])) - Fraction(1, 100) * size) > 2 * Fraction(g) * size
    for tier, (rise, fall) in enumerate([(Fraction(2, 100), 20), (Fraction(4, 100), 3_600)]):
        assert side * (Fraction(float(made.rise[0, tier])) - rise * size) > 2 * Fraction(g) * rise * size
        assert side * (fall - Fraction(float(made.fall[0, tier]))) > 2 * Fraction(g) * fall
