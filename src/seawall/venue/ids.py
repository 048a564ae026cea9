"""Ids: the names of accounts and owners, packed, found by bisection.

Layer    venue; imports numpy only. Held by venue.book and venue.state.
Not here what an id may look like (amounts.check_id) and who reads them (stress.book_columns packs a file's).
Held to  this by tests/venue/test_ids.py: like tuples of strings, in every way in which a venue asks.

Ten million Python strings and a dict of their places take 1.6 GB; packed, as bytes of the longest id's width, they take
that width each, and a place is found in about a microsecond.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt

Packed = npt.NDArray[np.bytes_]
"""Ids as bytes of one width, padded with zero bytes; shape (n,)."""

_CHUNK: Final = 1 << 16
_MOST_MEMORY: Final = 1 << 17


class Ids(Sequence[str]):
    """Ids, lowest first (shorter first, then bytewise), each once. Behaves like a tuple of strings."""

    __slots__ = ("_names", "_starts")

    def __init__(self, names: Iterable[str] | Packed) -> None:
        """names  strings, or packed bytes, which are taken as they are.

        Errors  ValueError when they are not ASCII, not lowest first or not each once.
        """
        if isinstance(names, np.ndarray):
            self._names: Packed = names.astype(np.bytes_, copy=False)
        else:
            self._names = np.array([name.encode("ascii") for name in names], dtype=np.bytes_)
        lengths = np.strings.str_len(self._names)
        before, after = self._names[:-1], self._names[1:]
        rising = (lengths[1:] > lengths[:-1]) | ((lengths[1:] == lengths[:-1]) & (after > before))
        if not rising.all():
            at = int(np.argmin(rising))
            raise ValueError(f"wanted ids lowest first, each once; found {self[at]} before {self[at + 1]}")
        counts = np.bincount(lengths, minlength=self._names.itemsize + 1)
        self._starts: list[int] = [0, *np.cumsum(counts).tolist()]  # of each length, the first place

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        if isinstance(place, slice):
            return tuple(name.decode() for name in self._names[place].tolist())
        return bytes(self._names[place]).decode()

    def __iter__(self) -> Iterator[str]:
        for begin in range(0, len(self), _CHUNK):
            yield from self[begin : begin + _CHUNK]

    def __contains__(self, name: object) -> bool:
        return self.find(name) >= 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Ids):
            return np.array_equal(self._names, other._names)
        return isinstance(other, tuple | list) and len(self) == len(other) and tuple(self) == tuple(other)

    def __repr__(self) -> str:
        return f"Ids({list(self[:4])}{' ...' if len(self) > 4 else ''}, {len(self):,})"

    def find(self, name: object) -> int:
        """The place of an id; -1 when it is none of these."""
        if not isinstance(name, str) or not name.isascii() or len(name) > self._names.itemsize:
            return -1
        begin, end = self._starts[len(name)], self._starts[len(name) + 1]
        key = name.encode()
        place = begin + int(np.searchsorted(self._names[begin:end], np.bytes_(key)))
        return place if place < end and bytes(self._names[place]) == key else -1

    def take(self, places: npt.NDArray[Any]) -> list[str]:
        """The ids at places, shape of `places`."""
        return [name.decode() for name in self._names[places].tolist()]


class Owners(Sequence[str]):
    """The owner of each account. An account that is its own owner takes no room; all of them, not even a place.

    accounts  shape (n,)
    others    ids of owners that are not the account itself, lowest first, each once
    places    shape (n,), int32: index into others, -1 where the account is its own owner; None where all are
    """

    __slots__ = ("accounts", "others", "places")

    def __init__(self, accounts: Ids, others: Ids, places: npt.NDArray[np.int32] | None) -> None:
        self.accounts, self.others, self.places = accounts, others, places

    @classmethod
    def of(cls, accounts: Ids, owners: Iterable[str]) -> Owners:
        """From one owner's id for each account. Errors: ValueError when they are not as many."""
        named = list(owners)
        own = [account == owner for account, owner in zip(accounts, named, strict=True)]
        if all(own):
            return cls(accounts, Ids(()), None)
        others = sorted({owner for owner, same in zip(named, own, strict=True) if not same}, key=lambda n: (len(n), n))
        place = {name: number for number, name in enumerate(others)}
        places = [-1 if same else place[owner] for owner, same in zip(named, own, strict=True)]
        return cls(accounts, Ids(others), np.array(places, dtype=np.int32))

    def __len__(self) -> int:
        return len(self.accounts)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        if self.places is None:
            return self.accounts[place]
        if isinstance(place, slice):
            return self._texts(place)
        other = int(self.places[place])
        return self.accounts[place] if other < 0 else self.others[other]

    def _texts(self, within: slice) -> tuple[str, ...]:
        assert self.places is not None
        places = self.places[within]
        names = list(self.accounts[within])
        named = np.flatnonzero(places >= 0)
        for at, name in zip(named.tolist(), self.others.take(places[named]), strict=True):
            names[at] = name
        return tuple(names)

    def __iter__(self) -> Iterator[str]:
        for begin in range(0, len(self), _CHUNK):
            yield from self[begin : begin + _CHUNK]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Owners):
            mine, theirs = (np.array(-1) if one.places is None else one.places for one in (self, other))
            return self.accounts == other.accounts and self.others == other.others and bool(np.all(mine == theirs))
        return isinstance(other, tuple | list) and len(self) == len(other) and tuple(self) == tuple(other)

    def __repr__(self) -> str:
        return f"Owners({list(self[:4])}{' ...' if len(self) > 4 else ''}, {len(self):,})"

    def same(self, account: int) -> list[int]:
        """Accounts of the owner of an account, itself among them, lowest first."""
        if self.places is None:
            return [account]
        owner = self[account]
        other, own = self.others.find(owner), self.accounts.find(owner)
        found: list[int] = np.flatnonzero(self.places == other).tolist() if other >= 0 else []
        if own >= 0 and self.places[own] < 0:
            found.insert(bisect_left(found, own), own)
        return found


class Places(Mapping[str, int]):
    """The place of each id: like a dict of them, without its room; the ids asked for last are remembered."""

    __slots__ = ("_ids", "_known")

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._known: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        place = self._known.get(name)
        if place is not None:
            return place
        place = self._ids.find(name)
        if place < 0:
            raise KeyError(name)
        if len(self._known) >= _MOST_MEMORY:
            self._known.clear()
        self._known[name] = place
        return place

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
