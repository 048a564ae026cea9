"""The venue with the kernel's screen writes the bytes that the exact venue writes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from seawall.design.instruments import instruments
from seawall.stress.generate import generate_book
from seawall.stress.run import Inputs, run
from seawall.stress.screen import Screen
from seawall.stress.screened import KERNEL_FROM, open_venue
from seawall.venue.machine import World
from seawall.venue.scan import Values, liquidatable, unrecognised_units, value_all, value_some
from seawall.venue.state import open_state
from tests.generators import play, squeezes, stories
from tests.stress.test_run import inputs
from tests.venue.mechanisms import mechanisms
from tests.venue.test_collateral import MARKETS
from tests.venue.test_worked import account, story


def kernel(state, **keys):
    return Screen(state.cash, state.cost, state.lots, state.instruments, **keys)


class Copies:
    """A screen that lets nobody out and wants its own copies of the accounts to be the venue's."""

    def __init__(self, state):
        self.state, self.rounds = state, 0
        self.cash, self.cost, self.lots = state.cash.copy(), state.cost.copy(), state.lots.copy()

    def update(self, accounts, cash, cost, lots):
        assert sorted(set(accounts)) == list(accounts)
        for mine, now in ((self.cash, cash), (self.cost, cost), (self.lots, lots)):
            mine[..., accounts] = now[..., accounts]

    def candidates(self, ticks):
        state = self.state
        self.rounds += 1
        for mine, now in ((self.cash, state.cash), (self.cost, state.cost), (self.lots, state.lots)):
            assert (mine == now).all(), "an account changed and nobody was told"
        assert list(ticks) == list(state.ticks)
        return np.arange(len(state.accounts))


def logs(played):
    return played.venue.lines, played.journal.lines


@settings(max_examples=150)
@given(mechanisms())
def test_a_screen_is_told_of_every_change(story):
    seen = []

    def screen(state):
        seen.append(Copies(state))
        return seen[0]

    assert logs(play(story, screen)) == logs(play(story))
    assert seen[0].rounds >= len(story.steps)


@settings(max_examples=100)
@given(mechanisms())
def test_any_mechanism_writes_the_same_bytes(story):
    exact, screened = play(story), play(story, kernel)
    assert logs(screened) == logs(exact)
    assert screened.venue.unrecognised_peak == exact.venue.unrecognised_peak


@settings(max_examples=100)
@given(stories())
def test_any_story_writes_the_same_bytes_on_any_number_of_threads_with_and_without_skipping(story):
    exact = logs(play(story))
    for keys in ({"threads": 1}, {"threads": 3}, {"skip": False}):
        assert logs(play(story, lambda state, keys=keys: kernel(state, **keys))) == exact


@settings(max_examples=50)
@given(squeezes())
def test_a_squeeze_writes_the_same_bytes(story):
    """Rounds that exhaust the fund: winners are valued although no candidate says so."""
    assert logs(play(story, kernel)) == logs(play(story))


@pytest.mark.slow
@pytest.mark.parametrize("window", ["2025-10-10", "2020-03-12"])
def test_a_window_writes_the_same_bytes(window: str) -> None:
    """A fund that is exhausted and one that is not; the summary holds the states' digests."""
    for part in (50_000, 6_000_000):
        given_ = inputs(window, part)
        exact, screened = run(given_, scan="exact"), run(given_, scan="kernel")
        assert screened.venue.lines == exact.venue.lines and screened.fund.lines == exact.fund.lines
        assert screened.summary == exact.summary
        assert screened.venue._screen is not None and exact.venue._screen is None


@pytest.mark.slow
def test_a_large_book_takes_the_kernel_of_itself() -> None:
    given_ = inputs("2025-10-10")
    few = Inputs(given_.design, given_.design_text, given_.book, given_.path, 7)
    book = generate_book(
        given_.design, accounts=KERNEL_FROM, seed=7, prices=given_.path.first_ticks, notional_units=10_000_000 * 10**6
    )
    assert len(few.book.accounts) < KERNEL_FROM
    made = run(few)
    many = open_venue(given_.design, book, made.fund, World(), 0)
    assert made.venue._screen is None and isinstance(many._screen, Screen)


# --- values ---------------------------------------------------------------------------------------------------------


@given(stories())
def test_some_accounts_are_worth_what_all_of_them_are(story):
    state, design = play(story).venue.state, story.spec.design
    everybody = value_all(state)
    odd = np.arange(1, len(state.accounts), 2)
    some = value_some(state, odd)
    for name in ("equity", "maintenance", "full", "decidable"):
        assert (getattr(some, name) == getattr(everybody, name)[odd]).all()
    values = Values(state, design, kernel(state))
    assert list(values.found) == list(np.flatnonzero(liquidatable(everybody, design)))
    for place in range(len(state.accounts)):
        assert values.equity(place) == everybody.equity[place]
        assert values.maintenance(place) == everybody.maintenance[place]
        assert values.full(place) == everybody.full[place]
    assert unrecognised_units(state, kernel(state)) == unrecognised_units(state)


def test_who_holds_collateral_alone_and_owes_is_counted_though_no_candidate():
    """Cash -500, 10 tokens worth 10 each: -400 that nobody recognised; no position, so the kernel passes it over."""
    base = story({"a": account(-500, (1, 10, 0)), "b": account(9_000, (0, -1, -80))}, [{}], markets=MARKETS)
    state = open_state(base.book(), instruments(base.spec.design), {}, [1_000, 1_000])
    state.ticks = [80, 10]
    assert list(kernel(state).candidates(state.ticks)) == []
    assert unrecognised_units(state, kernel(state)) == unrecognised_units(state) == 400


def test_values_of_a_state_that_went_on_are_refused():
    class Nobody:
        def candidates(self, ticks):
            return np.zeros(0, dtype=np.int64)

    state = run(inputs("2025-10-10")).venue.state
    design = inputs("2025-10-10").design
    values = Values(state, design, Nobody())
    known = values.equity(0)
    state.last_seq += 1
    assert values.equity(0) == known, "what was worked out stands"
    with pytest.raises(RuntimeError, match="asked for at event"):
        values.equity(1)
    with pytest.raises(RuntimeError, match="asked for at event"):
        values.arrays


def test_numba_is_loaded_by_whoever_needs_it_alone(tmp_path: Path) -> None:
    """The command line, a design, a small run: no Numba; a screen: Numba."""
    text = (
        "import sys; import seawall.cli.main, seawall.stress.run, seawall.stress.screen, seawall.scenario.run\n"
        "assert 'numba' not in sys.modules\n"
        "import numpy as np; z = np.zeros(1, dtype=np.int64)\n"
        "seawall.stress.screen.Screen(z, np.zeros((0, 1), z.dtype), np.zeros((0, 1), z.dtype), ())\n"
        "assert 'numba' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", text], check=True, cwd=tmp_path)
