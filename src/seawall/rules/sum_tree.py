"""Sum tree: a Merkle tree whose every node binds the hashes and the sums of both its children.

Layer    rules; imports NumPy and nothing of ours. Called by rules.haircut_root, ledger.liabilities. SPEC 11.
Not here what a leaf stands for: its body is bytes to this file, its numbers have names and are added up.
Held to  this by tests/rules/test_sum_tree.py: a tree by recursion, every known forgery; test_haircut_root.py.

Bytes, all integers unsigned big-endian, hash = SHA-256; k numbers a leaf, 16 bytes each:

    entry  hash 32, sums 16 k                        stands for a leaf or a node in the level above
    leaf   0x00, index 8, body, numbers 16 k         its entry: hash, numbers
    node   0x01, left entry, right entry             its entry: hash, the children's sums added
    root   0x02, count 8, top entry                  its hash is what is published
    root   0x04, count 8, top entry, context 32      the same, where more than the tree is published

Levels are built from the left in pairs; the last entry of an odd level moves up as it is, so nothing is duplicated. A
leaf's hash holds its index and the root's hash the count, so each proof has one shape and each leaf one place. A node
that hashes only the total of its children (Maxwell's first tree) can be opened with another split of that total to each
account, so that all but one are hidden (Hu, Zhang, Guo, eprint 2018/1139): here both numbers are in the hash. None is
negative and none reaches 2^128, at the leaves, beside the path and above it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

NUMBER_LIMIT: Final = 1 << 128
"""Numbers of a leaf and sums of a tree are below this and not negative."""

COUNT_LIMIT: Final = 1 << 64
HASH_BYTES: Final = 32
_NUMBER_BYTES = 16
_LEAF, _NODE, _ROOT, _PSEUDONYM, _ROOT_IN_CONTEXT = b"\x00", b"\x01", b"\x02", b"\x03", b"\x04"
_FEW: Final = 128
"""Leaves, or pairs, from which on a level is laid out in arrays: below, that costs more than it saves."""

_CHUNK: Final = 512
"""Rows that are made into bytes at once: more of them leave the processor's cache before they are hashed."""

Bytes = NDArray[np.uint8]


class ProofError(ValueError):
    """A leaf, proof or tree is not what it should be; says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the leaves of a tree are made of.

    body_bytes  bytes that say who and what, one width for all leaves
    names       of the numbers of a leaf, as they are called where one is refused
    sums_bytes, entry_bytes  bytes of a leaf's numbers, and of a hash and sums
    """

    body_bytes: int
    names: tuple[str, ...]
    sums_bytes: int = field(init=False)
    entry_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sums_bytes", _NUMBER_BYTES * len(self.names))
        object.__setattr__(self, "entry_bytes", HASH_BYTES + self.sums_bytes)

    def pack(self, where: str, numbers: Sequence[int]) -> bytes:
        """Numbers as bytes. Errors: ProofError that says where, when one is not whole or not 0 <= n < 2^128."""
        self.check(where, numbers)
        return b"".join([number.to_bytes(_NUMBER_BYTES, "big") for number in numbers])

    def check(self, where: str, numbers: Sequence[int]) -> None:
        """Numbers that can stand in a tree. Errors: as `pack`."""
        for name, number in zip(self.names, numbers, strict=True):
            if type(number) is not int or not 0 <= number < NUMBER_LIMIT:
                raise ProofError(f"{where}: wanted {name} of 0 to 2^128 - 1; found {number!r}")

    def numbers(self, entry: bytes) -> tuple[int, ...]:
        """The numbers at the end of an entry."""
        return tuple(
            int.from_bytes(entry[at : at + _NUMBER_BYTES], "big")
            for at in range(HASH_BYTES, self.entry_bytes, _NUMBER_BYTES)
        )


@dataclass(frozen=True, slots=True)
class Beside:
    """An entry beside a path: its hash (32 bytes) and the sums under it."""

    hash: bytes
    numbers: tuple[int, ...]


def pseudonym(account_id: str, salt: bytes) -> str:
    """An id that only who knows the salt can tie to the account: sha256(0x03, salt, account id), hexadecimal."""
    return pseudonym_bytes(account_id, salt).hex()


def pseudonym_bytes(account_id: str, salt: bytes) -> bytes:
    """The same, 32 bytes."""
    return hashlib.sha256(_PSEUDONYM + salt + account_id.encode("ascii")).digest()


# --- building -----------------------------------------------------------------------------------------------------


class SumTree:
    """A tree with all its levels, in which a leaf can be changed: 2 x entry bytes a leaf.

    form    of its leaves
    bodies  one after another, in the leaves' order
    sums    their numbers, packed by `form.pack`, one after another
    Errors  ProofError: no leaf, more or fewer numbers than bodies, a sum of all that reaches 2^128.
    """

    def __init__(self, form: Form, bodies: bytes, sums: bytes) -> None:
        self.form = form
        self.count = len(bodies) // form.body_bytes
        if self.count == 0:
            raise ProofError("leaves: wanted at least one; an empty tree proves nothing")
        if len(bodies) != self.count * form.body_bytes or len(sums) != self.count * form.sums_bytes:
            raise ProofError(f"leaves: wanted as many numbers as bodies; found {len(sums)} and {len(bodies)} bytes")
        # No leaf is negative, so no partial sum exceeds the total: checked here, it holds at every node.
        form.check("sums of all leaves", _totals(form, sums))
        level = _leaves(form, bodies, sums)
        self.levels = [bytearray(level)]
        while len(level) > form.entry_bytes:
            level = _level_above(form, level)
            self.levels.append(bytearray(level))

    @property
    def top(self) -> bytes:
        """The entry over all leaves."""
        return bytes(self.levels[-1])

    @property
    def totals(self) -> tuple[int, ...]:
        """The sums over all leaves."""
        return self.form.numbers(self.top)

    def root(self, context: bytes = b"") -> bytes:
        """The hash to publish. context: a hash of what is published beside it, or nothing."""
        return root_hash(self.count, self.top, context)

    def change(self, index: int, body: bytes, numbers: Sequence[int]) -> None:
        """Put another leaf in one's place: one hash a level, so 10^6 leaves take twenty.

        Errors  ProofError: no such place, a number or sum out of range; nothing is changed then.
        """
        self._check_index(index)
        sums = self.form.pack(f"leaf {index}", numbers)
        before = self.form.numbers(self._entry(0, index))
        totals = [total - old + new for total, old, new in zip(self.totals, before, numbers, strict=True)]
        self.form.check("sums of all leaves", totals)
        entry = leaf_entry(self.form, index, body, sums)
        size = self.form.entry_bytes
        self.levels[0][index * size : (index + 1) * size] = entry
        for depth in range(len(self.levels) - 1):
            left = index & ~1
            pair = bytes(self.levels[depth][left * size : (left + 2) * size])
            index //= 2
            self.levels[depth + 1][index * size : (index + 1) * size] = (
                _node_entry(self.form, pair) if len(pair) == 2 * size else pair
            )

    def beside(self, index: int) -> list[Beside]:
        """The entries beside a leaf's path, from the leaf up. Errors: ProofError outside 0..count - 1."""
        self._check_index(index)
        entries = []
        for depth, level in enumerate(self.levels[:-1]):
            if (index ^ 1) * self.form.entry_bytes < len(level):
                entry = self._entry(depth, index ^ 1)
                entries.append(Beside(entry[:HASH_BYTES], self.form.numbers(entry)))
            index //= 2
        return entries

    def _entry(self, depth: int, place: int) -> bytes:
        size = self.form.entry_bytes
        return bytes(self.levels[depth][place * size : (place + 1) * size])

    def _check_index(self, index: int) -> None:
        if not 0 <= index < self.count:
            raise ProofError(f"index: wanted 0 to {self.count - 1}; found {index}")


def leaf_entry(form: Form, index: int, body: bytes, sums: bytes) -> bytes:
    """The entry of one leaf at its place. Errors: ProofError for a body of another width."""
    if len(body) != form.body_bytes:
        raise ProofError(f"leaf {index}: wanted a body of {form.body_bytes} bytes; found {len(body)}")
    return hashlib.sha256(_LEAF + index.to_bytes(8, "big") + body + sums).digest() + sums


def root_hash(count: int, top: bytes, context: bytes = b"") -> bytes:
    """The hash to publish over so many leaves. context: 32 bytes, or nothing."""
    tag = _ROOT_IN_CONTEXT if context else _ROOT
    return hashlib.sha256(tag + count.to_bytes(8, "big") + top + context).digest()


def _node_entry(form: Form, pair: bytes) -> bytes:
    size = form.entry_bytes
    # All sums in one addition: none reaches 2^128, so nothing is carried from one into the next.
    sums = int.from_bytes(pair[HASH_BYTES:size], "big") + int.from_bytes(pair[size + HASH_BYTES :], "big")
    return hashlib.sha256(_NODE + pair).digest() + sums.to_bytes(form.sums_bytes, "big")


def _leaves(form: Form, bodies: bytes, sums: bytes) -> bytes:
    """Entries of all leaves."""
    count, width, size = len(sums) // form.sums_bytes, form.body_bytes, form.sums_bytes
    if count < _FEW:
        parts = [(bodies[at * width : (at + 1) * width], sums[at * size : (at + 1) * size]) for at in range(count)]
        return b"".join([leaf_entry(form, at, *part) for at, part in enumerate(parts)])
    places = np.arange(count, dtype=">u8").view(np.uint8).reshape(count, 8)
    who, numbers = _table(bodies, width), _table(sums, size)
    return b"".join(
        [_entries(_LEAF, np.hstack([places[at], who[at], numbers[at]]), numbers[at]) for at in _chunks(count)]
    )


def _level_above(form: Form, level: bytes) -> bytes:
    """Entries of the next level: pairs from the left, an odd last one as it is."""
    size = 2 * form.entry_bytes
    pairs, odd = len(level) // size, level[len(level) - len(level) % size :]
    if pairs < _FEW:
        return b"".join([_node_entry(form, level[at * size : (at + 1) * size]) for at in range(pairs)]) + odd
    table = _table(level[: pairs * size], size)
    sums = _pair_sums(table.reshape(pairs, 2, form.entry_bytes)[:, :, HASH_BYTES:])
    return b"".join([_entries(_NODE, table[at], sums[at]) for at in _chunks(pairs)]) + odd


def _chunks(rows: int) -> list[slice]:
    """Slices that cover so many rows."""
    return [slice(at, at + _CHUNK) for at in range(0, rows, _CHUNK)]


def _entries(tag: bytes, texts: Bytes, sums: Bytes) -> bytes:
    """Entries of rows: SHA-256 of tag and text, and the sums beside it."""
    sha256 = hashlib.sha256
    tagged = np.hstack([np.full((len(texts), 1), tag[0], np.uint8), texts])
    rows = struct.iter_unpack(f"{tagged.shape[1]}s", tagged.tobytes())
    hashes = b"".join([sha256(row).digest() for (row,) in rows])
    return np.hstack([_table(hashes, HASH_BYTES), sums]).tobytes()


def _pair_sums(pairs: Bytes) -> Bytes:
    """Sums of pairs, shape (pairs, 2, bytes) to (pairs, bytes): each number in two words, the carry between them."""
    words = np.ascontiguousarray(pairs).view(">u8").astype(np.uint64)
    left, right = words[:, 0], words[:, 1]
    low = left[:, 1::2] + right[:, 1::2]
    added = np.empty(left.shape, ">u8")
    added[:, 0::2] = left[:, 0::2] + right[:, 0::2] + (low < left[:, 1::2])
    added[:, 1::2] = low
    return added.view(np.uint8)


def _totals(form: Form, sums: bytes) -> list[int]:
    """Sums over all leaves, exact: words of four bytes, added in eight."""
    words = np.frombuffer(sums, ">u4").reshape(-1, form.sums_bytes // 4).sum(axis=0, dtype=np.uint64).tolist()
    parts = [words[at : at + 4] for at in range(0, len(words), 4)]
    return [sum(word << (32 * (3 - place)) for place, word in enumerate(part)) for part in parts]


def _table(data: bytes, width: int) -> Bytes:
    return np.frombuffer(data, np.uint8).reshape(-1, width)


# --- verifying ----------------------------------------------------------------------------------------------------


def climb(form: Form, body: bytes, sums: bytes, index: int, count: int, siblings: Sequence[Beside]) -> bytes:
    """The top entry to which a leaf and the entries beside its path lead.

    body, sums    of the leaf, its numbers packed by `form.pack`
    index, count  of the leaf, and of all: with them a path has one shape
    returns       the top entry; its sums, and the root over it, are for the caller to compare
    Errors        ProofError with the reason: count, index or number of siblings, a hash of another size, a negative or
                  too large number or sum at any step.
    """
    if type(count) is not int or not 0 < count < COUNT_LIMIT:
        raise ProofError(f"count: wanted 1 to 2^64 - 1; found {count!r}")
    if type(index) is not int or not 0 <= index < count:
        raise ProofError(f"index: wanted 0 to {count - 1}; found {index!r}")
    sides = _sides(index, count)
    if len(sides) != len(siblings):
        raise ProofError(f"siblings: wanted {len(sides)}; found {len(siblings)}")
    entry = leaf_entry(form, index, body, sums)
    for step, (on_left, sibling) in enumerate(zip(sides, siblings, strict=True)):
        where = f"sibling {step}"
        if len(sibling.hash) != HASH_BYTES:
            raise ProofError(f"{where}: wanted a hash of 32 bytes; found {len(sibling.hash)}")
        other = sibling.hash + form.pack(where, sibling.numbers)
        above = [below + beside for below, beside in zip(form.numbers(entry), sibling.numbers, strict=True)]
        form.check(f"sums above {where}", above)
        entry = _node_entry(form, other + entry if on_left else entry + other)
    return entry


def _sides(index: int, count: int) -> list[bool]:
    """For each level at which the path has a sibling: whether it is on the left."""
    sides = []
    while count > 1:
        if index ^ 1 < count:
            sides.append(index % 2 == 1)
        index //= 2
        count = (count + 1) // 2
    return sides
