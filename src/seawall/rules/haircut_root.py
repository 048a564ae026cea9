"""Haircut root: one hash over all (cap, weight, haircut) rows of an exhaustion, with their sums: a Merkle-sum tree.

Layer    rules; imports amounts, rules.water_fill; called by fund.decide, report, the CLI. SPEC 7, 11.
Not here how a haircut is found (rules.deleveraging, rules.socialisation), files and JSON (cli), on-chain claims.
Held to  this by tests/rules/test_haircut_root.py: a recursive twin, every forgery tried; case PRF-01.

Bytes, all integers unsigned big-endian, hash = SHA-256:

    sums   48 bytes: cap 16, weight 16, haircut 16
    leaf   121 bytes: 0x00, index 8, sha256(id) 32, salt 32, sums 48     its entry: hash 32, sums 48 = 80 bytes
    node   161 bytes: 0x01, left entry 80, right entry 80                 its entry: hash 32, the children's sums added
    root   89 bytes:  0x02, count 8, top entry 80                         its hash is what is published

Levels are built from the left in pairs; the last entry of an odd level moves up as it is, so nothing is duplicated. A
leaf's hash holds its index and the root's hash the count, so each proof has one shape and each row one place.

What a trader can check with its row, its proof and what is published: that its row is in the sums once, that the sums
are no less than its own numbers, and (`check_row`) that its haircut is what one level gives, to less than a unit. What
it cannot: whether other rows are real or missing (each trader finds only its own), whether its weight and cap are right
(its own records say that), who got odd units of equal remainder, whether the severity is true (the ledger says that).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from seawall.amounts import check_id, id_key
from seawall.rules.water_fill import below_caps

NUMBER_LIMIT: Final = 1 << 128
"""Numbers of a row and sums of a tree are below this and not negative."""

COUNT_LIMIT: Final = 1 << 64
NO_SALT: Final = bytes(32)

_LEAF, _NODE, _ROOT, _PSEUDONYM = b"\x00", b"\x01", b"\x02", b"\x03"
_HASH_BYTES, _SUMS_BYTES, _ENTRY_BYTES = 32, 48, 80


class ProofError(ValueError):
    """A row, proof or tree is not what it should be; says why."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Caps, weights and haircuts added up: of one row, of a part of the tree, or of all."""

    cap_units: int
    weight: int
    haircut_units: int


@dataclass(frozen=True, slots=True)
class Row:
    """One trader's line.

    id             pseudonym, see `pseudonym`; an id of SPEC 1
    cap_units      the most that could be taken, base units
    weight         what it was weighed by, any one unit
    haircut_units  taken, base units
    salt           32 bytes, random, known to the trader; without it anybody can try numbers against a leaf's hash
    """

    id: str
    cap_units: int
    weight: int
    haircut_units: int
    salt: bytes = NO_SALT

    def sums(self) -> Sums:
        """The row's numbers, as sums of one."""
        return Sums(self.cap_units, self.weight, self.haircut_units)


@dataclass(frozen=True, slots=True)
class Published:
    """What the venue publishes: root (32 bytes), number of rows, sums over all rows. The root binds all of it."""

    root: bytes
    count: int
    sums: Sums


@dataclass(frozen=True, slots=True)
class Sibling:
    """An entry beside the path: its hash (32 bytes) and the sums under it."""

    hash: bytes
    sums: Sums


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a row stands and what is beside its path, from the leaf up."""

    index: int
    count: int
    siblings: tuple[Sibling, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """A built tree. `levels`: entries of 80 bytes one after another, leaves first, the last level one entry."""

    root: bytes
    sums: Sums
    count: int
    levels: tuple[bytes, ...] = field(repr=False)

    def published(self) -> Published:
        """What goes out to everybody."""
        return Published(self.root, self.count, self.sums)

    def prove(self, index: int) -> Proof:
        """The proof of the row at an index, 0-based. Errors: ProofError outside 0..count - 1."""
        if not 0 <= index < self.count:
            raise ProofError(f"index: wanted 0 to {self.count - 1}; found {index}")
        siblings = []
        place = index
        for level in self.levels[:-1]:
            beside = place ^ 1
            if beside * _ENTRY_BYTES < len(level):
                siblings.append(_sibling(level[beside * _ENTRY_BYTES : (beside + 1) * _ENTRY_BYTES]))
            place //= 2
        return Proof(index, self.count, tuple(siblings))


def pseudonym(account_id: str, salt: bytes) -> str:
    """An id that only who knows the salt can tie to the account: sha256(0x03, salt, account id), hexadecimal."""
    return hashlib.sha256(_PSEUDONYM + salt + account_id.encode("ascii")).hexdigest()


# --- building -----------------------------------------------------------------------------------------------------


def build_tree(rows: Sequence[Row]) -> Tree:
    """Build the tree of all rows.

    rows     at least one, lowest id first, each id once; numbers 0 <= n < 2^128, sums too; salts of 32 bytes
    returns  the tree with all its levels: 160 bytes a row; a million rows take seconds
    Errors   ProofError: no row, an id out of order or twice, a number or sum out of range; names the row.
             AmountError: a text that is no id.
    Source   SPEC 11; Maxwell's summation tree as mended after proof-of-reserves-merkle-tree-tool#5 (case PRF-01).
    """
    if not rows:
        raise ProofError("rows: wanted at least one; an empty tree proves nothing")
    for before, after in pairwise(rows):
        if id_key(before.id) >= id_key(after.id):
            raise ProofError(f"rows: wanted ids lowest first, each once; found {after.id!r} after {before.id!r}")
    leaves = [_leaf_entry(index, row) for index, row in enumerate(rows)]
    # No row is negative, so no partial sum exceeds the total: checked here, it holds at every node.
    total = _checked_sums("sums of all rows", _added(rows))
    levels = [b"".join(leaves)]
    while len(levels[-1]) > _ENTRY_BYTES:
        levels.append(_level_above(levels[-1]))
    return Tree(_root_hash(len(rows), levels[-1]), total, len(rows), tuple(levels))


def root_of(rows: Sequence[Row]) -> Published:
    """What would be published of these rows. Errors: as `build_tree`."""
    return build_tree(rows).published()


def _level_above(level: bytes) -> bytes:
    """Entries of the next level: pairs from the left, an odd last one as it is."""
    sha256 = hashlib.sha256
    number = int.from_bytes
    entries = []
    whole = len(level) - len(level) % (2 * _ENTRY_BYTES)
    for at in range(0, whole, 2 * _ENTRY_BYTES):
        pair = level[at : at + 2 * _ENTRY_BYTES]
        # All three sums in one addition: none reaches 2^128, so nothing is carried from one into the next.
        sums = number(pair[32:80], "big") + number(pair[112:160], "big")
        entries.append(sha256(_NODE + pair).digest() + sums.to_bytes(_SUMS_BYTES, "big"))
    entries.append(level[whole:])
    return b"".join(entries)


def _leaf_entry(index: int, row: Row) -> bytes:
    """The 80 bytes of a row at a place. Errors: ProofError that names the row."""
    if len(row.salt) != _HASH_BYTES:
        raise ProofError(f"row {row.id}: wanted a salt of 32 bytes; found {len(row.salt)}")
    name = hashlib.sha256(check_id(row.id).encode("ascii")).digest()
    sums = _sums_bytes("row " + row.id, row.sums())
    return hashlib.sha256(_LEAF + index.to_bytes(8, "big") + name + row.salt + sums).digest() + sums


def _root_hash(count: int, top: bytes) -> bytes:
    return hashlib.sha256(_ROOT + count.to_bytes(8, "big") + top).digest()


# --- verifying ----------------------------------------------------------------------------------------------------


def verify(published: Published, row: Row, proof: Proof) -> None:
    """Check that a row is in what was published, at the proof's place.

    returns  nothing: the row is there, and the published sums are those of the tree it is in
    Errors   ProofError with the reason: wrong count, index or number of siblings, a negative or too large number or
             sum at any step, sums that are not the published ones, another root.
    Source   SPEC 11.
    """
    if not 0 < published.count < COUNT_LIMIT or proof.count != published.count:
        raise ProofError(f"count: wanted the published {published.count}; found {proof.count}")
    if type(proof.index) is not int or not 0 <= proof.index < proof.count:
        raise ProofError(f"index: wanted 0 to {proof.count - 1}; found {proof.index!r}")
    entry = _climb(_leaf_entry(proof.index, row), proof)
    if _sums_of(entry) != published.sums:
        raise ProofError(f"sums: wanted the published {published.sums}; found {_sums_of(entry)}")
    if _root_hash(proof.count, entry) != published.root:
        raise ProofError("root: wanted the published one; found another")


def _climb(entry: bytes, proof: Proof) -> bytes:
    """The top entry to which a leaf's entry and its siblings lead. Errors: ProofError."""
    beside = _sides(proof.index, proof.count)
    if len(beside) != len(proof.siblings):
        raise ProofError(f"siblings: wanted {len(beside)}; found {len(proof.siblings)}")
    for step, (on_left, sibling) in enumerate(zip(beside, proof.siblings, strict=True)):
        where = f"sibling {step}"
        if len(sibling.hash) != _HASH_BYTES:
            raise ProofError(f"{where}: wanted a hash of 32 bytes; found {len(sibling.hash)}")
        other = sibling.hash + _sums_bytes(where, sibling.sums)
        pair = other + entry if on_left else entry + other
        sums = _sums_bytes(f"sums above {where}", _added([_sums_of(entry), sibling.sums]))
        entry = hashlib.sha256(_NODE + pair).digest() + sums
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


def _added(parts: Sequence[Sums] | Sequence[Row]) -> Sums:
    return Sums(
        sum([part.cap_units for part in parts]),
        sum([part.weight for part in parts]),
        sum([part.haircut_units for part in parts]),
    )


def _checked_sums(where: str, sums: Sums) -> Sums:
    """The sums themselves when all are whole numbers 0 <= n < 2^128. Errors: ProofError that says where."""
    for name, value in (("cap", sums.cap_units), ("weight", sums.weight), ("haircut", sums.haircut_units)):
        if type(value) is not int or not 0 <= value < NUMBER_LIMIT:
            raise ProofError(f"{where}: wanted a {name} of 0 to 2^128 - 1; found {value!r}")
    return sums


def _sums_bytes(where: str, sums: Sums) -> bytes:
    _checked_sums(where, sums)
    packed = (sums.cap_units << 256) | (sums.weight << 128) | sums.haircut_units
    return packed.to_bytes(_SUMS_BYTES, "big")


def _sums_of(entry: bytes) -> Sums:
    """The sums in an entry's last 48 bytes."""
    return Sums(*(int.from_bytes(entry[at : at + 16], "big") for at in range(_HASH_BYTES, _ENTRY_BYTES, 16)))


def _sibling(entry: bytes) -> Sibling:
    return Sibling(entry[:_HASH_BYTES], _sums_of(entry))


# --- one's own haircut ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Level:
    """The water level of a pro rata haircut: units / weight a unit of weight, exactly.

    units   what rows below their cap pay together, base units
    weight  their weights together; 0: every row is at its cap
    """

    units: int
    weight: int


def water_level(severity_units: int, caps_units: Sequence[int], weights: Sequence[int]) -> Level:
    """The level that `capped_water_fill` reaches, for publishing beside the root.

    severity_units, caps_units and weights as they went into it; exact, nothing is rounded
    """
    under, left = below_caps(severity_units, weights, caps_units)
    return Level(left, sum(weights[i] for i in under))


def check_row(published: Published, severity_units: int, row: Row, level: Level | None = None) -> None:
    """Check one's own haircut against what was published of a pro rata policy (`capped_water_fill`).

    published       sums over all rows; verify the row against it first. Rows of weight 0 have cap 0
    severity_units  published beside it
    level           published where a cap bound somebody; None: none did, the level is all haircuts / all weights
    returns         nothing: all haircuts together are min(severity, all caps); this one is at most its cap, 0 for
                    weight 0, its cap where cap <= level x weight, else its quota level x weight to less than a unit,
                    exactly where the quota is whole
    Errors          ProofError with the reason.
    Not here        whether all rows together give that level: each trader checks its own, the sums bind them.
    """
    sums = published.sums
    wanted = min(severity_units, sums.cap_units)
    if sums.haircut_units != wanted:
        raise ProofError(f"haircuts: wanted {wanted} in all, severity or all caps; found {sums.haircut_units}")
    if not 0 <= row.haircut_units <= row.cap_units:
        raise ProofError(f"row {row.id}: wanted a haircut of 0 to its cap {row.cap_units}; found {row.haircut_units}")
    low, high = _haircut_bounds(row, level or Level(sums.haircut_units, sums.weight))
    if not low <= row.haircut_units <= high:
        raise ProofError(f"row {row.id}: wanted a haircut of {low} to {high}; found {row.haircut_units}")


def _haircut_bounds(row: Row, level: Level) -> tuple[int, int]:
    """Least and most that a row can pay at a level: the quota rounded down and up, or its cap."""
    if row.weight == 0:
        return 0, 0
    if row.cap_units * level.weight <= level.units * row.weight:
        return row.cap_units, row.cap_units
    floor, rest = divmod(level.units * row.weight, level.weight)
    return floor, floor + (rest > 0)
