"""Ids, owners and places answer like tuples and dicts of strings."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, strategies as st

from seawall.amounts import in_id_order
from seawall.venue import ids as module
from seawall.venue.ids import Ids, Owners, Places

NAMES = st.text("abAB09._:-", min_size=1, max_size=5)
SETS = st.sets(NAMES, max_size=12).map(in_id_order)


@given(SETS, NAMES, st.data())
def test_ids_are_like_a_tuple_of_strings(names, other, data):
    found = Ids(names)
    assert (len(found), list(found), found) == (len(names), names, tuple(names))
    assert [found[place] for place in range(-len(names), len(names))] == names * 2
    assert [found.find(name) for name in names] == list(range(len(names)))
    assert found.find(other) == (names.index(other) if other in names else -1)
    assert (other in found) == (other in names)
    begin, end = data.draw(st.integers(-3, 15)), data.draw(st.integers(-3, 15))
    assert found[begin:end] == tuple(names[begin:end])
    places = data.draw(st.lists(st.integers(0, len(names) - 1), max_size=6)) if names else []
    assert found.take(np.array(places, dtype=np.int64)) == [names[place] for place in places]


@given(SETS, SETS)
def test_ids_are_equal_as_their_names_are(one, other):
    assert (Ids(one) == Ids(other)) == (one == other) == (Ids(one) == tuple(other))
    assert Ids(one) == Ids(np.array([name.encode() for name in one], dtype="S64")), "whatever their width"
    assert pickle.loads(pickle.dumps(Ids(one))) == Ids(one)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("b", "a"), "found b before a"),
        (("a", "a"), "found a before a"),
        (("aa", "b"), "found aa before b"),
        (("a", "B", "c"), "found a before B"),
    ],
)
def test_ids_out_of_order_are_refused(names, words):
    with pytest.raises(ValueError, match=f"wanted ids lowest first, each once; {words}"):
        Ids(names)


def test_a_name_that_no_id_can_be_is_not_found():
    names = Ids(("a", "bb"))
    assert [names.find(name) for name in ("", "é", "ccc", "b", "a\0", None, 7)] == [-1] * 7


@given(st.data())
def test_owners_are_like_a_tuple_of_strings(data):
    names = data.draw(SETS)
    owners = [data.draw(st.sampled_from([name, *names, "x", "yy"])) for name in names]
    found = Owners.of(Ids(names), owners)
    assert (len(found), list(found), found) == (len(owners), owners, tuple(owners))
    assert [found[place] for place in range(len(names))] == owners and found[1:4] == tuple(owners[1:4])
    for place, owner in enumerate(owners):
        assert found.same(place) == [other for other, name in enumerate(owners) if name == owner]
    others = [data.draw(st.sampled_from([owner, *names[:1]])) for owner in owners]
    assert (found == Owners.of(Ids(names), others)) == (owners == others)
    assert (found.places is None) == (owners == names), "who is their own owner takes no room"
    assert found.others == tuple(in_id_order({o for o, name in zip(owners, names, strict=True) if o != name}))


def test_owners_must_be_as_many_as_accounts():
    with pytest.raises(ValueError):
        Owners.of(Ids(("a", "b")), ("a",))


@given(SETS, st.lists(NAMES, max_size=20))
def test_places_are_like_a_dict(names, asked):
    wanted = {name: place for place, name in enumerate(names)}
    found = Places(Ids(names))
    for name in asked + asked:
        assert found.get(name) == wanted.get(name) and (name in found) == (name in wanted)
    assert dict(found) == wanted and len(found) == len(wanted)
    with pytest.raises(KeyError):
        found["none of these"]


def test_places_forget_before_they_grow(monkeypatch):
    monkeypatch.setattr(module, "_MOST_MEMORY", 3)
    names = [f"n{number}" for number in range(10)]
    found = Places(Ids(names))
    assert [found[name] for name in names * 2] == list(range(10)) * 2
    assert len(found._known) <= 3


def test_long_sequences_are_gone_through_in_parts(monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 2)
    names = [f"n{number}" for number in range(7)]
    owners = ["n0", "n0", "n2", "o", "n4", "o", "n3"]
    assert list(Ids(names)) == names and list(Owners.of(Ids(names), owners)) == owners
