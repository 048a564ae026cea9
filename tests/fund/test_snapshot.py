"""A snapshot restores a state whose digest is equal and whose future is equal, for every fund and every sequence."""

import json
from collections import deque
from dataclasses import fields, is_dataclass
from typing import get_args, get_type_hints

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, rule

from seawall.amounts import Units
from seawall.design.loader import parse_design
from seawall.design.presets import preset_names, preset_text
from seawall.fund.journal import Journal, replay, state_digest
from seawall.fund.snapshot import UnfitSnapshot, restore, shape, snapshot
from seawall.fund.state import FundState
from tests.fund import golden_correction, golden_log, golden_staking
from tests.fund.test_machine import RichFundBesideSecondLedger
from tests.fund.test_staking_machine import StakingBesideSecondLedger


def same(one, other):
    """Equal in every value and in the class of every value, orders of dicts and all: more than a digest looks at."""
    if type(one) is not type(other):
        return False
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


class RestoresNowAndThen:
    """A fund whose writer restarts from a snapshot at any moment; the second bookkeeper does not notice."""

    @rule()
    def restart(self):
        data = snapshot(self.journal.state)
        restored = restore(data)
        assert same(restored, self.journal.state) and restored is not self.journal.state
        assert state_digest(restored) == state_digest(self.journal.state)
        assert snapshot(restored) == data
        self.journal.state = restored

    @invariant()
    def any_state_is_restored_to_its_digest(self):
        assert state_digest(restore(snapshot(self.journal.state))) == state_digest(self.journal.state)


class RichFundRestarts(RestoresNowAndThen, RichFundBesideSecondLedger):
    """Every limit, rank, draw mode, kind of layer and split."""


class StakingRestarts(RestoresNowAndThen, StakingBesideSecondLedger):
    """Tranches with stakers."""


# At the end each replays its whole log and wants the digest of the state that restarted: the same events, the same end.
TestRichFundRestarts = RichFundRestarts.TestCase
TestRichFundRestarts.settings = settings(stateful_step_count=12)
TestStakingRestarts = StakingRestarts.TestCase
TestStakingRestarts.settings = settings(stateful_step_count=15)


@pytest.mark.parametrize("golden", [golden_log, golden_staking, golden_correction])
def test_a_golden_log_gives_the_same_bytes_with_a_restart_after_any_command(golden):
    """The same events and the same digest as without."""
    whole = golden.written()
    for stop in range(len(golden.COMMANDS) + 1):
        journal = Journal(parse_design(golden.DESIGN, "golden.toml"), golden.DESIGN, 0)
        for number, (now, command) in enumerate(golden.COMMANDS):
            if number == stop:
                journal.state = restore(snapshot(journal.state))
            journal.submit(command, now)
        assert journal.lines == whole.lines
        assert state_digest(journal.state) == state_digest(whole.state)


@pytest.mark.parametrize("name", preset_names())
def test_every_packaged_design_survives(name):
    text = preset_text(name)
    journal = Journal(parse_design(text, name), text, 5)
    restored = restore(snapshot(journal.state))
    assert same(restored, journal.state) and restored.design == journal.state.design


def test_the_golden_logs_have_something_in_almost_every_field_at_some_time():
    """So that a restart after any command of theirs leaves no field out because nothing was ever in it."""
    seen = set()
    for golden in (golden_log, golden_staking):
        replay(golden.GOLDEN.read_bytes().splitlines(), lambda state, _: seen.update(filled(state)))
    names = {(FundState.__name__, field.name) for field in fields(FundState)}
    assert names - seen <= {("FundState", name) for name in ("retired", "covered", "measures")}


def filled(value):
    """(record, field) of all that is not at nothing."""
    found = set()
    if is_dataclass(value):
        for field in fields(value):
            item = getattr(value, field.name)
            if item:
                found.add((type(value).__name__, field.name))
            found |= filled(item)
    elif isinstance(value, dict):
        for item in value.values():
            found |= filled(item)
    return found


def test_a_restored_state_shares_nothing_with_the_one_it_was_taken_of():
    journal = golden_log.written()
    digest = state_digest(journal.state)
    restored = restore(snapshot(journal.state))
    restored.layers["shared"].balance += 1
    restored.deficits["new"] = "x"
    restored.layers["shared"].recent.append((1, 2))
    assert state_digest(journal.state) == digest


def test_units_and_integers_are_told_apart_as_the_digest_does():
    state = golden_log.written().state
    state.layers["shared"].balance = Units(7)
    one = snapshot(state)
    state.layers["shared"].balance = 7
    assert snapshot(state) != one
    assert type(restore(one).layers["shared"].balance) is Units


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain | {"format": 2},
        lambda plain: plain | {"shape": "0" * 64},
        lambda plain: plain | {"rest": {}},
        lambda plain: plain | {"rest": plain["rest"] | {"layers": {"shared": {}}}},
        lambda plain: plain | {"rest": plain["rest"] | {"design_digest": "0" * 64}},
        lambda plain: plain | {"more": 1},
        lambda plain: plain | {"answered": [[{"kind": "unheard_of"}, 1]]},
        lambda plain: plain | {"design": plain["design"] | {"name": "other"}},
        lambda plain: {},
    ],
)
def test_bytes_of_another_program_are_unfit(change):
    plain = json.loads(snapshot(golden_log.written().state))
    with pytest.raises(UnfitSnapshot):
        restore(json.dumps(change(plain)).encode())


def test_the_shape_covers_every_record_of_the_state():
    """A record reached through any type of any field: one whose fields change gives another shape."""
    reached, waiting = set(), [FundState]
    while waiting:
        hint = waiting.pop()
        waiting += get_args(hint)
        if is_dataclass(hint) and hint not in reached:
            reached.add(hint)
            waiting += get_type_hints(hint).values()
    assert {kind.__name__ for kind in reached} >= {"FundState", "LayerState", "Usage", "Stakes", "Cohort", "Staker"}
    assert {"Request", "Held", "Tranche", "Stream", "Pending", "Carried", "PaidBy", "Totals", "Inventory"} <= {
        kind.__name__ for kind in reached
    }
    assert len(shape()) == 64


def test_a_field_that_is_added_changes_the_shape(monkeypatch):
    before = shape()
    shape.cache_clear()
    monkeypatch.setitem(FundState.__annotations__, "name_of_it", int)
    from seawall.fund import snapshot as module

    monkeypatch.setattr(module, "_names", lambda record: tuple(get_type_hints(record)))
    module._hints.cache_clear()
    try:
        assert shape() != before
    finally:
        shape.cache_clear()
        module._hints.cache_clear()
