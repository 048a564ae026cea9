"""Haircut root: one hash over all (cap, weight, haircut) rows of an exhaustion, with their sums: a Merkle-sum tree.

Layer    rules; imports amounts, rules.{sum_tree,water_fill}; called by fund.decide, report, the CLI. SPEC 7, 11.
Not here the tree and its bytes (rules.sum_tree), how a haircut is found (rules.deleveraging, rules.socialisation),
         files and JSON (cli), on-chain claims.
Held to  this by tests/rules/test_haircut_root.py: a recursive twin, every forgery tried; case PRF-01.

A leaf of the tree, its body and its numbers (rules.sum_tree says what is hashed around them):

    body   64 bytes: sha256(id) 32, salt 32
    sums   48 bytes: cap 16, weight 16, haircut 16

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
from seawall.rules.sum_tree import (
    NUMBER_LIMIT as NUMBER_LIMIT,
    Beside,
    Form,
    ProofError as ProofError,
    SumTree,
    climb,
    pseudonym as pseudonym,
    root_hash,
)
from seawall.rules.water_fill import below_caps

NO_SALT: Final = bytes(32)
_FORM: Final = Form(64, ("a cap", "a weight", "a haircut"))


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
    """A built tree, which nobody changes."""

    root: bytes
    sums: Sums
    count: int
    tree: SumTree = field(repr=False, compare=False)

    @property
    def levels(self) -> list[bytearray]:
        """Entries of 80 bytes one after another, leaves first, the last level one entry; not to be changed."""
        return self.tree.levels

    def published(self) -> Published:
        """What goes out to everybody."""
        return Published(self.root, self.count, self.sums)

    def prove(self, index: int) -> Proof:
        """The proof of the row at an index, 0-based. Errors: ProofError outside 0..count - 1."""
        siblings = [Sibling(entry.hash, Sums(*entry.numbers)) for entry in self.tree.beside(index)]
        return Proof(index, self.count, tuple(siblings))


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
    bodies, sums = zip(*(_leaf(row) for row in rows), strict=True)
    # No row is negative, so no partial sum exceeds the total: checked here, it holds at every node.
    total = _added(rows)
    _FORM.check("sums of all rows", _numbers(total))
    tree = SumTree(_FORM, b"".join(bodies), b"".join(sums))
    return Tree(tree.root(), total, len(rows), tree)


def root_of(rows: Sequence[Row]) -> Published:
    """What would be published of these rows. Errors: as `build_tree`."""
    return build_tree(rows).published()


def _leaf(row: Row) -> tuple[bytes, bytes]:
    """Body and packed numbers of a row. Errors: ProofError that names the row."""
    if len(row.salt) != len(NO_SALT):
        raise ProofError(f"row {row.id}: wanted a salt of 32 bytes; found {len(row.salt)}")
    name = hashlib.sha256(check_id(row.id).encode("ascii")).digest()
    return name + row.salt, _FORM.pack("row " + row.id, _numbers(row.sums()))


# --- verifying ----------------------------------------------------------------------------------------------------


def verify(published: Published, row: Row, proof: Proof) -> None:
    """Check that a row is in what was published, at the proof's place.

    returns  nothing: the row is there, and the published sums are those of the tree it is in
    Errors   ProofError with the reason: wrong count, index or number of siblings, a negative or too large number or
             sum at any step, sums that are not the published ones, another root.
    Source   SPEC 11.
    """
    if proof.count != published.count:
        raise ProofError(f"count: wanted the published {published.count}; found {proof.count}")
    beside = [Beside(sibling.hash, _numbers(sibling.sums)) for sibling in proof.siblings]
    body, sums = _leaf(row)
    entry = climb(_FORM, body, sums, proof.index, proof.count, beside)
    if (found := Sums(*_FORM.numbers(entry))) != published.sums:
        raise ProofError(f"sums: wanted the published {published.sums}; found {found}")
    if root_hash(proof.count, entry) != published.root:
        raise ProofError("root: wanted the published one; found another")


def _added(rows: Sequence[Row]) -> Sums:
    return Sums(
        sum([row.cap_units for row in rows]),
        sum([row.weight for row in rows]),
        sum([row.haircut_units for row in rows]),
    )


def _numbers(sums: Sums) -> tuple[int, int, int]:
    return sums.cap_units, sums.weight, sums.haircut_units


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
