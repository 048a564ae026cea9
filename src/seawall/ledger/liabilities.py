"""Liabilities: what the fund owes at a position of its log, under one root, and the proof that one claim is in it.

Layer    ledger; imports fund.state, rules, amounts. Called by the CLI; a publisher of roots keeps a `Book`. SPEC 11.
Not here files (cli.prove), when a root is published, what a venue owes its traders: of those the fund knows no account.
Held to  this by tests/ledger/test_liabilities.py: a tree by recursion over words of the fund's second ledger, every
         known forgery, every byte of a proof; tests/cases/test_proof.py.

Owed are: to each staker what its shares are worth, those in a cooldown among them, and recoveries it has not taken, of
all tranches together; each severity that is pending; each debt that is carried. The last two are owed to the venue's
claimants, whom the fund does not know: they stand under the id of the deficit. Rewards that nobody has earned yet, and
the odd units that shares rounded down leave in a tranche, are owed to nobody in particular and not counted.

A leaf's body is its pseudonym, 32 bytes, its number the units (rules.sum_tree says what is hashed around them). Leaves
stand in the order of their pseudonyms, so that a neighbour's units in a proof say nothing of who the neighbour is:

    key        HMAC-SHA256(secret, "seawall liabilities" 0x0a epoch)      the publisher's
    salt       HMAC-SHA256(key, kind "/" id)                              given to the holder, with the proof
    pseudonym  SHA-256(0x03, salt, kind "/" id)                           may be shown to everybody, with the units

The context in the root's hash is SHA-256 over what stands beside the tree (`Position`), so the root binds all of that.
A root says that what was shown to each holder is in the total. It says nothing of holders who never check: if p of all
claims are left out and k holders look, somebody sees it with probability 1 - (1 - p)^k.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from msgspec import Struct
from msgspec.structs import asdict

from seawall.amounts import MAX_AMOUNT, Units, check_id, ppm_up
from seawall.fund.journal import state_digest
from seawall.fund.state import FundState
from seawall.fund.tranches import figures_in, open_tranches
from seawall.rules.sum_tree import Beside, Form, ProofError, SumTree, climb, pseudonym_bytes, root_hash

Kind = Literal["staker", "pending", "carried"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
NO_ROOT: Final = ""
"""In place of a root where nothing is owed: there is no tree without a leaf."""

_FORM: Final = Form(32, ("units",))
_MANY: Final = 20
"""Where more than one leaf in so many changes, all is hashed anew: that costs less than so many paths."""


@dataclass(frozen=True, slots=True)
class Liability:
    """One claim on the fund.

    kind   `staker`, `pending`, `carried`
    id     of the staker, or of the deficit
    units  owed, base units, 0 <= units < 10^38
    """

    kind: Kind
    id: str
    units: int

    @property
    def name(self) -> str:
        """Who is owed and why; each once."""
        return f"{self.kind}/{self.id}"


def liabilities(state: FundState) -> Iterator[Liability]:
    """What the fund owes, in no order, nothing of 0 units.

    Rounding  a staker's shares down, once for each tranche: as if all of them were redeemed together.
    Rule      as the next command at the position's own time would find it: rewards earned by then are in, requests
              that are over have lapsed. Of a request that is paid the lower of two values the higher is counted: taken
              back, it is worth that.
    """
    owed: dict[str, int] = {}
    for one in open_tranches(state, state.last_t_ms).values():
        for name in one.stakes.stakers:
            found = figures_in(one, name)
            owed[name] = owed.get(name, 0) + found.value_units + found.claims_units
    yield from (Liability("staker", name, units) for name, units in owed.items() if units)
    for batch in state.pending.values():
        yield from (Liability("pending", name, int(units)) for name, units in batch.severity.items() if units)
    yield from (Liability("carried", name, int(debt.amount)) for name, debt in state.carried.items() if debt.amount)


# --- what is published ----------------------------------------------------------------------------------------------


class Position(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where in a log a figure was taken, and the fund there: anybody with the log finds the same.

    seq, t_ms  number and time of the last event
    state      SHA-256 of the fund's state after it
    asset      that all amounts are in
    layers     base units in all layers, the venue's own token left out
    held       base units held for stakers beside the layers: rewards not earned yet, recoveries not taken
    own_token  what layers hold in the venue's own token by their design, rounded up; counts as nothing
    """

    seq: int
    t_ms: int
    state: str
    asset: str
    layers: Units
    held: Units
    own_token: Units


class LiabilitiesRoot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is published: a position, and the tree over what is owed there.

    epoch  under which salts were derived
    count  of claims
    total  owed, base units
    root   64 hexadecimal digits, which bind all of the above; "" where nothing is owed
    """

    schema: Literal["seawall.liabilities_root/1"] = "seawall.liabilities_root/1"
    position: Position
    epoch: int
    count: int
    total: Units
    root: str


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry beside a path: its hash in hexadecimal, and the base units under it."""

    hash: str
    sum: Units


class LiabilityProof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That one claim is under a root.

    kind, id, units, salt  of the claim; the salt is its holder's alone, and of this epoch
    index                  its place among all, from 0
    path                   entries beside its path, from the leaf up
    """

    schema: Literal["seawall.proof/1"] = "seawall.proof/1"
    published: LiabilitiesRoot
    kind: Kind
    id: str
    units: Units
    salt: str
    index: int
    path: tuple[Step, ...]


def position_of(state: FundState) -> Position:
    """The position that a state stands at, and its figures."""
    own = sum(
        ppm_up(layer.balance, sum(holding.part_ppm for holding in layer.spec.holdings if holding.own_token))
        for layer in state.layers.values()
    )
    return Position(
        seq=state.last_seq,
        t_ms=state.last_t_ms,
        state=state_digest(state),
        asset=state.design.asset.id,
        layers=Units(state.layers_units - own),
        held=Units(state.held_units),
        own_token=Units(own),
    )


def _context(position: Position, epoch: int) -> bytes:
    """SHA-256 over everything that is published beside the tree: no field holds a line's end."""
    fields = [str(value) for value in asdict(position).values()]
    return hashlib.sha256("\n".join(["seawall.liabilities_root/1", *fields, str(epoch)]).encode()).digest()


# --- the tree -------------------------------------------------------------------------------------------------------


class Book:
    """What is owed now, and the tree over it: kept between roots of one epoch.

    owed    each claim once; those of 0 units have no leaf
    secret  the publisher's; without one whoever knows an id finds its claim in a published tree
    epoch   of the salts, >= 0. A new one hides how a holder's claim moved from root to root
    Errors  ProofError naming the claim: twice there, no id, units out of range, or all together out of range.
    """

    def __init__(self, owed: Iterable[Liability], secret: bytes, epoch: int) -> None:
        if epoch < 0:
            raise ProofError(f"epoch: wanted 0 or more; found {epoch}")
        self.epoch = epoch
        self._key = hmac.digest(secret, f"seawall liabilities\n{epoch}".encode("ascii"), "sha256")
        self._units: dict[str, int] = {}
        self._pseudonyms: dict[str, bytes] = {}
        for claim in owed:
            name = _checked_name(claim)
            if name in self._units:
                raise ProofError(f"{name}: wanted each claim once; found it twice")
            self._put(name, claim.units)
        self._check_total(sum(self._units.values()))
        self._build()

    def _put(self, name: str, units: int) -> None:
        if not units:
            self._units.pop(name, None)
            return
        self._units[name] = units
        if name not in self._pseudonyms:
            self._pseudonyms[name] = pseudonym_bytes(name, self._salt(name))

    def _build(self) -> None:
        """All leaves and nodes."""
        names = sorted(self._units, key=self._pseudonyms.__getitem__)
        self._places = dict(zip(names, range(len(names)), strict=True))
        bodies = b"".join([self._pseudonyms[name] for name in names])
        sums = b"".join([self._units[name].to_bytes(_FORM.sums_bytes, "big") for name in names])
        self._tree = SumTree(_FORM, bodies, sums) if names else None

    def _salt(self, name: str) -> bytes:
        return hmac.digest(self._key, name.encode("ascii"), "sha256")

    def _check_total(self, total: int) -> None:
        if total >= MAX_AMOUNT:
            raise ProofError(f"total: wanted units of 0 to 10^38 - 1; found {total}")

    @property
    def count(self) -> int:
        """Claims."""
        return len(self._units)

    @property
    def total_units(self) -> int:
        """Owed in all, base units."""
        return self._tree.totals[0] if self._tree else 0

    def change(self, changed: Iterable[Liability]) -> None:
        """Take in claims that are new, gone (0 units) or of other units than before.

        A path each where only units change; where claims come or go, or very many change, all is hashed anew.
        Errors  as of a new book; the book is as it was then.
        """
        self._change({_checked_name(claim): claim.units for claim in changed})

    def _change(self, now: dict[str, int]) -> None:
        self._check_total(self.total_units + sum(units - self._units.get(name, 0) for name, units in now.items()))
        same_places = all(units and name in self._places for name, units in now.items())
        for name, units in now.items():
            self._put(name, units)
        if self._tree is None or not same_places or len(now) * _MANY > self.count:
            self._build()
            return
        for name, units in now.items():
            self._tree.change(self._places[name], self._pseudonyms[name], (units,))

    def follow(self, owed: Iterable[Liability]) -> None:
        """Become a book of these claims. Errors: as `change`."""
        now = {_checked_name(claim): claim.units for claim in owed}
        changed = {name: units for name, units in now.items() if self._units.get(name) != units}
        self._change(changed | {name: 0 for name in self._units if name not in now})

    def root(self, position: Position) -> LiabilitiesRoot:
        """What to publish of this book at a position."""
        root = self._tree.root(_context(position, self.epoch)).hex() if self._tree else NO_ROOT
        return LiabilitiesRoot(
            position=position, epoch=self.epoch, count=self.count, total=Units(self.total_units), root=root
        )

    def prove(self, kind: Kind, claim_id: str, position: Position) -> LiabilityProof:
        """The proof of one claim, for its holder. Errors: ProofError, nothing is owed under this id."""
        name = f"{kind}/{claim_id}"
        if self._tree is None or name not in self._places:
            raise ProofError(f"{name}: wanted a claim at this position; found none")
        place = self._places[name]
        return LiabilityProof(
            published=self.root(position),
            kind=kind,
            id=claim_id,
            units=Units(self._units[name]),
            salt=self._salt(name).hex(),
            index=place,
            path=tuple(Step(entry.hash.hex(), Units(entry.numbers[0])) for entry in self._tree.beside(place)),
        )


def _checked_name(claim: Liability) -> str:
    """The name of a claim that can stand in a tree. Errors: ProofError or AmountError that names it."""
    if claim.kind not in KINDS:
        raise ProofError(f"{claim.name}: wanted a kind of {', '.join(KINDS)}")
    check_id(claim.id)
    if type(claim.units) is not int or not 0 <= claim.units < MAX_AMOUNT:
        raise ProofError(f"{claim.name}: wanted units of 0 to 10^38 - 1; found {claim.units!r}")
    return claim.name


# --- verifying ------------------------------------------------------------------------------------------------------


def check(proof: LiabilityProof, root: str, total_units: int | None = None) -> None:
    """Check, with nothing else at hand, that a claim is under a root.

    root         as published, 64 hexadecimal digits
    total_units  as published, where the holder has it from elsewhere
    returns      nothing: the claim is in the total, once, at this position
    Errors       ProofError with the first reason.
    Source       SPEC 11.
    """
    published = proof.published
    if len(root) == 64 and not root.strip("0"):
        raise ProofError("root: wanted a hash; found zeros")
    if published.root != root:
        raise ProofError(f"root: wanted the published {root}; found {published.root[:70]!r}")
    if total_units is not None and published.total != total_units:
        raise ProofError(f"total: wanted the published {total_units}; found {published.total}")
    name = f"{proof.kind}/{check_id(proof.id)}"
    body = pseudonym_bytes(name, _digest("salt", proof.salt))
    path = [Beside(_digest(f"path {step}", one.hash), (int(one.sum),)) for step, one in enumerate(proof.path)]
    sums = _FORM.pack("claim", (int(proof.units),))
    top = climb(_FORM, body, sums, proof.index, published.count, path)
    if (found := _FORM.numbers(top)[0]) != published.total:
        raise ProofError(f"total: wanted {published.total}, which the root is said to bind; found {found} in the path")
    if root_hash(published.count, top, _context(published.position, published.epoch)).hex() != root:
        raise ProofError("root: wanted the published one; another follows from this claim, path and position")


def _digest(where: str, text: str) -> bytes:
    """32 bytes from 64 lower-case hexadecimal digits. Errors: ProofError."""
    if len(text) != 64 or text.strip("0123456789abcdef"):
        raise ProofError(f"{where}: wanted 64 hexadecimal digits; found {text[:70]!r}")
    return bytes.fromhex(text)
