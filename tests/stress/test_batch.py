"""Batch: every run's candidates hold whoever the integers find among its own accounts, at its own marks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from seawall.stress import kernel
from seawall.stress.batch import MOST_PATHS, Batch
from seawall.stress.bounds import Marks, PathMarks, tiers_of
from tests.generators import play, squeezes, stories
from tests.stress.test_screen import MARKETS, START, Accounts, walk
from tests.venue.mechanisms import mechanisms


def batch(accounts, ticks=START):
    return Batch(accounts.cash, accounts.cost, accounts.lots, accounts.instruments, ticks)


def covers(screen, accounts, ticks):
    """The run's candidates, after a look at what they must be."""
    found = screen.candidates(ticks)
    assert list(found) == sorted(set(found.tolist()))
    assert set(accounts.lost(ticks)) <= set(found.tolist())
    return found


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3_000),
    st.integers(0, 2**32),
    st.sampled_from([np.int64, object]),
    st.sampled_from([0.0, 0.002, 0.02, 0.4]),
    st.sampled_from([0, 3, 300]),
)
def test_whoever_the_integers_find_is_a_candidate_of_its_run(n, seed, kind, size, changes):
    """Runs that change their accounts each for itself, walk to marks of their own, end and are followed by others."""
    opening = Accounts(n, seed, kind)
    shared = batch(opening)
    runs = [[shared.open(), copy.deepcopy(opening), START] for _ in range(5)]
    draw = np.random.default_rng(seed + 1)
    for step in range(10):
        for run in runs:
            screen, accounts, ticks = run
            run[2] = walk(draw, ticks, size)
            if changes and draw.random() < 0.5:
                screen.update(accounts.change(changes), accounts.cash, accounts.cost, accounts.lots)
        asking = [run for run in runs if draw.random() < 0.8]
        if asking:
            shared.answer([run[0] for run in asking], [run[2] for run in asking])
        for screen, accounts, ticks in runs:
            covers(screen, accounts, ticks)
        if step == 5:
            shared.close(runs[2][0])
            runs[2] = [shared.open(), copy.deepcopy(opening), START]


def test_few_others_are_candidates_and_calm_runs_cost_no_rows():
    """At marks that nobody can be liquidated at no row is looked at; at others the undecided are few."""
    accounts = Accounts(20_000, 3, levered=3.0)
    shared = batch(accounts)
    screens = [shared.open() for _ in range(3)]
    near = tuple(at + (at // 1_000) for at in START)
    shared.answer(screens, [START, START, near])
    assert shared.looked < 20_000
    far = tuple(at * 9 // 10 for at in START)
    shared.answer(screens, [START, far, near])
    found = covers(screens[1], accounts, far)
    extra = np.setdiff1d(found, accounts.lost(far))
    assert len(extra) < 20
    assert accounts.few_units_above(far, extra, 20 * float(np.finfo(shared.dtype).eps)).all()
    assert len(found) > 500 > 2 * len(covers(screens[0], accounts, START))


def test_a_run_does_not_see_what_another_changed():
    accounts = Accounts(500, 5)
    shared = batch(accounts)
    one, two = shared.open(), shared.open()
    low = tuple(at // 3 for at in START)
    before = set(one.candidates(low).tolist())
    gone = copy.deepcopy(accounts)
    gone.lots[:] = 0
    two.update(np.arange(500), gone.cash, gone.cost, gone.lots)
    assert before and two.candidates(low).size == 0
    assert set(one.candidates(low).tolist()) == before
    shared.close(two)
    assert set(shared.open().candidates(low).tolist()) == before


def test_an_answer_is_void_once_an_account_changed():
    accounts = Accounts(200, 8)
    shared = batch(accounts)
    screen = shared.open()
    shared.answer([screen], [START])
    poor = int(np.flatnonzero(np.isin(np.arange(200), accounts.lost(START), invert=True) & (accounts.lots[0] != 0))[0])
    accounts.cash[poor] = -(10**9)
    screen.update([poor], accounts.cash, accounts.cost, accounts.lots)
    assert poor in screen.candidates(START)


def test_a_batch_has_64_runs_at_most():
    shared = batch(Accounts(10, 1))
    screens = [shared.open() for _ in range(MOST_PATHS)]
    assert sorted(screen.slot for screen in screens) == list(range(64))
    with pytest.raises(ValueError, match="64"):
        shared.open()


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 2**40), min_size=5, max_size=5), min_size=1, max_size=9), st.integers(0, 4))
def test_constants_of_many_marks_are_those_of_each(ticks, wide):
    """One mark beyond int64, or none: both ways of working them out."""
    if wide == 0:
        ticks[0][0] = 2**70
    tiers = tiers_of(MARKETS)
    single, reference = Marks(MARKETS, tiers, np.float32, 1e-6, 1), np.array(single_exact(tiers))
    many = PathMarks(MARKETS, tiers, np.float32, 1e-6, reference).at_all(ticks)
    moved = np.empty((2, len(MARKETS)))
    for path, marks in enumerate(ticks):
        kernel.moves(single.at(marks).exact, reference, moved)
        assert np.array_equal(many.move[..., path], moved)
        for mine, wanted in zip(many.of(path), single.at(marks).all):
            assert np.array_equal(mine, wanted, equal_nan=True)


def single_exact(tiers):
    return Marks(MARKETS, tiers, np.float64, 1e-6, 1).at(START).exact.copy()


def logs(played):
    return played.venue.lines, played.journal.lines


@settings(max_examples=60)
@given(st.one_of(mechanisms(), stories(), squeezes()))
def test_a_run_with_a_batch_writes_the_bytes_of_the_exact_venue(story):
    def screen(state):
        marks = [max(1, ticks) for ticks in state.ticks]
        return Batch(state.cash, state.cost, state.lots, state.instruments, marks).open()

    assert logs(play(story, screen)) == logs(play(story))
