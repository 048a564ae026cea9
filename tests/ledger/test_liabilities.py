"""Liabilities: what is owed beside the fund's second ledger; the tree by recursion; proofs, and all that is refused."""

import copy
import hashlib
from fractions import Fraction
from math import floor
from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, example, given, settings, strategies as st
from hypothesis.stateful import invariant

from seawall.amounts import AmountError, Units
from seawall.fund.journal import replay, state_digest
from seawall.fund.messages import Recover, RequestRedeem, Reward, Stake
from seawall.ledger.liabilities import (
    NO_ROOT,
    Book,
    LiabilitiesRoot,
    Liability,
    Position,
    Step,
    check,
    liabilities,
    position_of,
)
from seawall.rules.sum_tree import ProofError, SumTree
from tests.fund.test_staking_machine import StakingBesideSecondLedger
from tests.generators import DesignSpec, LayerSpec, batch, inflow, shortfall
from tests.rules.test_sum_tree import number, twin

SECRET = b"a secret of the publisher"
HERE = Position(
    seq=41, t_ms=1_000, state="5a" * 32, asset="USDC", layers=Units(900), held=Units(20), own_token=Units(3)
)
GOLDEN = Path(__file__).parents[1] / "golden" / "log_v1_staking.jsonl"

NAMES = st.tuples(st.sampled_from(["staker", "pending", "carried"]), st.sampled_from([str(k) for k in range(40)]))
UNITS = st.one_of(st.integers(0, 9), st.integers(0, 10**30), st.just(2**64 - 1))


@st.composite
def claims(draw, least=1):
    """Claims of different names; some of nothing."""
    names = draw(st.lists(NAMES, min_size=least, max_size=40, unique=True))
    return [Liability(kind, name, draw(UNITS)) for kind, name in names]


# --- what is owed, beside the fund's second ledger ------------------------------------------------------------------


class OwedBesideSecondLedger(StakingBesideSecondLedger):
    """After every command, what the fund owes is what a book of prices and copies says it owes."""

    @invariant()
    def what_is_owed_is_the_same(self):
        state, second = self.journal.state, copy.deepcopy(self.second)
        wanted = {}
        for name in second.books:
            book = second.touch(name, max(state.last_t_ms, second.touched[name]))
            for who in {*book.free, *(row[0] for row in book.asked.values())}:
                wanted["staker", who] = wanted.get(("staker", who), 0) + floor(Fraction(book.of(who)) * book.price)
        for (_, who), units in second.open("claims").items():
            wanted["staker", who] = wanted.get(("staker", who), 0) + units
        wanted |= {("pending", deficit): units for (_, deficit), units in second.open("pending").items()}
        wanted |= {("carried", deficit): units for (deficit,), units in second.open("carried").items()}
        owed = list(liabilities(state))
        assert {(one.kind, one.id): one.units for one in owed} == {key: units for key, units in wanted.items() if units}
        stakers = sum(one.units for one in owed if one.kind == "staker")
        assert stakers <= state.layers_units + state.held_units, "what stakers are owed is there"
        assert len(owed) == Book(owed, SECRET, state.last_seq).root(position_of(state)).count


TestOwedBesideSecondLedger = OwedBesideSecondLedger.TestCase
TestOwedBesideSecondLedger.settings = settings(stateful_step_count=25)


def test_two_tranches_owe_one_staker_one_claim_with_requests_and_recoveries_in_it():
    """400 shares of junior lose 41: 300 are worth 269.25, 100 are worth 89.75. 20 come back: 15 and 5."""
    stake = {"stake.cooldown_ms": 1_000}
    layers = [LayerSpec(name, "tranche", 0, extra=stake) for name in ("junior", "senior")]
    journal = DesignSpec(layers=tuple(layers)).journal()
    for number_, (layer, who, units) in enumerate(
        [("junior", "ann", 300), ("junior", "bob", 100), ("senior", "ann", 50)]
    ):
        journal.submit(Stake(id=f"s.{number_}", layer=layer, staker=who, amount=Units(units)), 1)
    journal.submit(RequestRedeem(id="r", layer="junior", staker="ann", shares=Units(120)), 2)
    journal.submit(batch("b", shortfall("d", 41)), 3)
    journal.submit(Recover(id="back", deficit="d", amount=Units(20)), 4)
    assert {one.name: one.units for one in liabilities(journal.state)} == {"staker/ann": 334, "staker/bob": 94}
    assert position_of(journal.state).held == 20 and position_of(journal.state).layers == 409


def test_what_is_earned_and_what_has_lapsed_is_of_the_positions_own_time():
    """50 are earned over 100 ms from 10: 25 by 60, when nobody has touched the tranche since. The request is over."""
    stake = {"stake.reward_ms": 100, "stake.window_ms": 5, "stake.cancel_forfeits": True}
    layers = (LayerSpec("junior", "tranche", 0, extra=stake), LayerSpec("shared", "shared_fund", 0))
    journal = DesignSpec(layers=layers).journal()
    journal.submit(Stake(id="s", layer="junior", staker="ann", amount=Units(60)), 1)
    journal.submit(Stake(id="t", layer="junior", staker="bob", amount=Units(40)), 1)
    journal.submit(Reward(id="r", layer="junior", amount=Units(50)), 10)
    owed = {one.name: one.units for one in liabilities(journal.state)}
    assert owed == {"staker/ann": 60, "staker/bob": 40} and position_of(journal.state).held == 50
    journal.submit(inflow("i", 7, "top_up", layer="shared"), 60)
    assert {one.name: one.units for one in liabilities(journal.state)} == {"staker/ann": 75, "staker/bob": 50}
    journal.submit(RequestRedeem(id="q", layer="junior", staker="bob", shares=Units(40)), 60)
    journal.submit(inflow("j", 7, "top_up", layer="shared"), 110)
    # All 150 are booked. Bob's 40 shares were worth 50; of 40 shares floor(50 x 60 / 100) = 30 come back: 90 in all.
    assert {one.name: one.units for one in liabilities(journal.state)} == {"staker/ann": 100, "staker/bob": 50}


def test_a_position_names_what_anybody_with_the_log_finds():
    lines = GOLDEN.read_bytes().split(b"\n")[:-1]
    for seq in (1, 12, len(lines)):
        state = replay(lines[:seq])
        position = position_of(state)
        assert (position.seq, position.t_ms) == (seq, msgspec.json.decode(lines[seq - 1])["t"])
        assert (position.state, position.asset) == (state_digest(state), "USDC")
        assert position.layers == sum(layer.balance for layer in state.layers.values())


def test_the_venues_own_token_is_apart_and_rounded_up():
    def token(ppm):
        return {"holdings": [{"asset": "VENUE", "part_ppm": ppm, "own_token": True}]}

    halves = {"holdings": [{"asset": f"V{k}", "part_ppm": 500_000, "own_token": True} for k in (1, 2)]}
    cash = {"holdings": [{"asset": "BILLS", "part_ppm": 500_000}]}
    for extra, apart in ((token(333_333), 4), (token(10**6), 11), (halves, 11), (cash, 0), ({}, 0)):
        text = "".join(
            "\n[[layers.holdings]]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in row.items())
            for row in extra.get("holdings", [])
        )
        spec = DesignSpec(layers=(LayerSpec("shared", "shared_fund", 11),), extra_text=text)
        position = position_of(spec.journal().state)
        assert (position.own_token, position.layers) == (apart, 11 - apart)


def toml(value):
    return {True: "true"}.get(value, value) if isinstance(value, bool | int) else f'"{value}"'


# --- the tree ---------------------------------------------------------------------------------------------------------


def hmac_sha256(key, message):
    """RFC 2104, by hand."""
    key = key.ljust(64, b"\0") if len(key) <= 64 else hashlib.sha256(key).digest().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()


def reference(owed, secret, epoch, position):
    """Root, salts and order by the definitions alone."""
    key = hmac_sha256(secret, f"seawall liabilities\n{epoch}".encode())
    rows = []
    for one in owed:
        if one.units:
            name = f"{one.kind}/{one.id}".encode()
            salt = hmac_sha256(key, name)
            rows.append((hashlib.sha256(b"\3" + salt + name).digest(), one.units, name, salt))
    rows.sort()
    hash, (total,) = twin([(body, (units,)) for body, units, _, _ in rows])
    beside = ["seawall.liabilities_root/1", position.seq, position.t_ms, position.state, position.asset]
    beside += [position.layers, position.held, position.own_token, epoch]
    context = hashlib.sha256("\n".join(str(one) for one in beside).encode()).digest()
    root = hashlib.sha256(b"\4" + number(len(rows), 8) + hash + number(total, 16) + context).hexdigest()
    return root, total, {name.decode(): (place, salt) for place, (_, _, name, salt) in enumerate(rows)}


@given(claims(), st.integers(0, 2**70), st.binary(max_size=70))
def test_a_book_equals_its_definition_reference(owed, epoch, secret):
    assume(any(one.units for one in owed))
    root, total, rows = reference(owed, secret, epoch, HERE)
    book = Book(owed, secret, epoch)
    assert book.root(HERE) == LiabilitiesRoot(
        position=HERE, epoch=epoch, count=len(rows), total=Units(total), root=root
    )
    for one in owed:
        if one.units:
            proof = book.prove(one.kind, one.id, HERE)
            assert (proof.index, proof.salt) == (rows[one.name][0], rows[one.name][1].hex())


WORKED = [Liability("staker", "ann", 1_250_000), Liability("staker", "bob", 400), Liability("carried", "d.7", 90)]


def test_worked_book_of_three_claims():
    """Pinned, so that another implementation can be held to it: by hand from the definitions above."""
    assert reference(WORKED, SECRET, 41, HERE)[0] == PINNED
    published = Book(WORKED, SECRET, 41).root(HERE)
    assert (published.root, published.count, published.total) == (PINNED, 3, 1_250_490)


PINNED = "9e0145a58a9d2f0aa799582f1cd85a409ac74a62b2226024fec0335ef60018e2"


@given(claims(), st.data())
def test_every_claim_checks_and_sums_add_up(owed, data):
    assume(any(one.units for one in owed))
    book = Book(owed, SECRET, 3)
    published = book.root(HERE)
    places = []
    for one in owed:
        if not one.units:
            with pytest.raises(ProofError, match=rf"^{one.name}: wanted a claim at this position; found none"):
                book.prove(one.kind, one.id, HERE)
            continue
        proof = book.prove(one.kind, one.id, HERE)
        check(proof, published.root)
        check(proof, published.root, published.total)
        places.append(proof.index)
        assert proof.units == one.units and proof.units + sum(step.sum for step in proof.path) == published.total
    assert sorted(places) == list(range(published.count)) and published.total == sum(one.units for one in owed)


@given(claims(least=0), claims(least=0), st.booleans())
@example([Liability("staker", str(k), 1) for k in range(40)], [Liability("staker", "7", 5)], False)
@example([Liability("staker", str(k), 1) for k in range(40)], [Liability("staker", "7", 0)], False)
@example([Liability("staker", str(k), 1) for k in range(39)], [Liability("staker", "39", 5)], False)
@example([Liability("staker", "7", 1)], [Liability("staker", "7", 0)], False)
def test_a_book_that_changed_equals_a_new_one(before, changed, whole):
    book = Book(before, SECRET, 3)
    if whole:
        book.follow(changed)
        after = changed
    else:
        book.change(changed)
        names = {one.name for one in changed}
        after = [one for one in before if one.name not in names] + changed
    fresh = Book(after, SECRET, 3)
    assert book.root(HERE) == fresh.root(HERE) and book.count == fresh.count
    for one in after:
        if one.units:
            assert book.prove(one.kind, one.id, HERE) == fresh.prove(one.kind, one.id, HERE)


def test_one_change_hashes_a_path_and_not_the_tree(monkeypatch):
    owed = [Liability("staker", str(k), k + 1) for k in range(300)]
    book = Book(owed, SECRET, 3)
    built = []
    monkeypatch.setattr(SumTree, "__init__", lambda self, *rest: built.append(rest))
    book.change([Liability("staker", "7", 1_000)])
    monkeypatch.undo()
    owed[7] = Liability("staker", "7", 1_000)
    assert not built and book.root(HERE) == Book(owed, SECRET, 3).root(HERE)


def test_where_nothing_is_owed_there_is_no_root_and_no_proof():
    for owed in ([], [Liability("staker", "ann", 0)]):
        book = Book(owed, SECRET, 1)
        assert (book.root(HERE).root, book.count, book.total_units) == (NO_ROOT, 0, 0) == ("", 0, 0)
        with pytest.raises(ProofError, match=r"^staker/ann: wanted a claim at this position; found none"):
            book.prove("staker", "ann", HERE)
    proof = Book(WORKED, SECRET, 1).prove("staker", "ann", HERE)
    empty = msgspec.structs.replace(proof, published=Book([], SECRET, 1).root(HERE), index=0, path=())
    with pytest.raises(ProofError, match=r"^count: wanted 1 to"):
        check(empty, "")


def test_salts_and_pseudonyms_are_of_the_secret_the_epoch_and_the_claim():
    def salt(secret=SECRET, epoch=3, name="ann", kind="staker"):
        return Book([Liability(kind, name, 1)], secret, epoch).prove(kind, name, HERE).salt

    assert len({salt(), salt(b"another secret"), salt(epoch=4), salt(name="bob"), salt(kind="carried"), salt(b"")}) == 6
    assert salt() == salt()


# --- what is refused --------------------------------------------------------------------------------------------------


def test_claims_that_cannot_be_are_named():
    def refused(match, *owed, error=ProofError):
        with pytest.raises(error, match=match):
            Book(owed, SECRET, 1)
        book = Book(WORKED, SECRET, 1)
        before = book.root(HERE)
        if "twice" not in match:
            with pytest.raises(error, match=match):
                book.change(owed)
            assert book.root(HERE) == before
            assert book.prove("staker", "bob", HERE) == Book(WORKED, SECRET, 1).prove("staker", "bob", HERE)

    good = Liability("staker", "bob", 500)
    refused(r"^staker/x: wanted units of 0 to 10\^38 - 1; found -300", good, Liability("staker", "x", -300))
    refused(r"^staker/x: wanted units of 0 to 10\^38 - 1; found 1000", good, Liability("staker", "x", 10**38))
    refused(r"^staker/x: wanted units .*; found True", good, Liability("staker", "x", True))
    refused(r"^staker/x: wanted units .*; found 1.0", good, Liability("staker", "x", 1.0))
    refused(r"^friend/x: wanted a kind of staker, pending, carried", good, Liability("friend", "x", 1))
    refused(r"wanted an id of", good, Liability("staker", "a/b", 1), error=AmountError)
    refused(r"^staker/bob: wanted each claim once; found it twice", good, good)
    most = 10**38 - 1
    refused(r"^total: wanted units of 0 to 10\^38 - 1; found 1000", good, Liability("carried", "x", most))
    book = Book([Liability("carried", "x", most)], SECRET, 1)
    assert book.total_units == most
    for changed in ([Liability("staker", "y", 1)], [Liability("carried", "x", most), Liability("staker", "y", 1)]):
        with pytest.raises(ProofError, match=r"^total: wanted units of 0 to 10\^38 - 1; found 1000"):
            book.change(changed)
        assert (book.total_units, book.count) == (most, 1)
    book.change([Liability("carried", "x", most - 1), Liability("staker", "y", 1)])
    assert (book.total_units, book.count) == (most, 2)
    with pytest.raises(ProofError, match=r"^epoch: wanted 0 or more; found -1"):
        Book([good], SECRET, -1)


def proven():
    """A proof with two steps, the claim's neighbours unequal, and its root."""
    owed = [*WORKED, Liability("pending", "d.9", 7)]
    book = Book(owed, SECRET, 41)
    return book.prove("staker", "bob", HERE), book.root(HERE).root


def put(proof, path, value):
    """The proof with one field, however deep, replaced."""
    head, *rest = path
    if isinstance(proof, tuple):
        return tuple(put(one, rest, value) if rest and at == head else one for at, one in enumerate(proof))
    inner = put(getattr(proof, head), rest, value) if rest else value
    return msgspec.structs.replace(proof, **{head: inner})


POSITION = ("published", "position")
FORGED = [
    ("units", Units(401)),
    ("units", Units(-1)),
    ("units", Units(399)),
    ("units", Units(2**128)),
    ("id", "ann"),
    ("id", "a b"),
    ("kind", "pending"),
    ("salt", "00" * 32),
    ("salt", "0A" * 32),
    ("salt", "00" * 31),
    ("salt", ""),
    ("index", 0),
    ("index", -1),
    ("index", 4),
    ("path", ()),
    ("path", 0, "hash", "00" * 32),
    ("path", 0, "hash", "zz" * 32),
    ("path", 1, "hash", "00" * 33),
    ("path", 0, "sum", Units(-300)),
    ("path", 1, "sum", Units(2**128)),
    ("path", 0, "sum", Units(2**128 - 1)),
    ("path", 1, "sum", Units(0)),
    ("published", "count", 3),
    ("published", "count", 5),
    ("published", "count", 0),
    ("published", "total", Units(1_250_496)),
    ("published", "total", Units(0)),
    ("published", "epoch", 42),
    ("published", "root", "00" * 32),
    ("published", "root", ""),
    (*POSITION, "seq", 42),
    (*POSITION, "t_ms", 1_001),
    (*POSITION, "state", "5b" * 32),
    (*POSITION, "asset", "USDT"),
    (*POSITION, "layers", Units(901)),
    (*POSITION, "held", Units(21)),
    (*POSITION, "own_token", Units(0)),
]


@pytest.mark.parametrize("change", FORGED, ids=lambda change: "-".join(str(part)[:12] for part in change))
def test_whatever_field_is_forged_the_proof_is_refused(change):
    *path, value = change
    proof, root = proven()
    check(proof, root)
    forged = put(proof, path, value)
    assert forged != proof
    with pytest.raises((ProofError, AmountError)):
        check(forged, root)


@given(st.data())
def test_forging_several_numbers_so_that_they_add_up_is_refused(data):
    """The total can be kept while the parts move: every number is under a hash."""
    proof, root = proven()
    shifts = data.draw(st.lists(st.integers(-400, 400), min_size=2, max_size=2))
    assume(any(shifts))
    path = tuple(Step(step.hash, Units(step.sum + shift)) for step, shift in zip(proof.path, shifts, strict=True))
    forged = msgspec.structs.replace(proof, units=Units(proof.units - sum(shifts)), path=path)
    with pytest.raises(ProofError):
        check(forged, root)


def test_reasons_are_plain():
    proof, root = proven()
    total = proof.published.total

    def says(match, forged, at=root, wanted=None):
        with pytest.raises(ProofError, match=match):
            check(forged, at, wanted)

    says(r"^root: wanted a hash; found zeros", put(proof, ["published", "root"], "0" * 64), "0" * 64)
    says(rf"^root: wanted the published {root}; found '{'1' * 64}'", put(proof, ["published", "root"], "1" * 64))
    says(rf"^total: wanted the published {total + 1}; found {total}", proof, wanted=total + 1)
    says(rf"^total: wanted {total + 1}, .* found {total}", put(proof, ["published", "total"], Units(total + 1)))
    says(r"^salt: wanted 64 hexadecimal digits; found 'x'", put(proof, ["salt"], "x"))
    says(r"^path 1: wanted 64 hexadecimal digits; found 'x'", put(proof, ["path", 1, "hash"], "x"))
    says(r"^sibling 0: wanted units of 0 to 2\^128 - 1; found -300", put(proof, ["path", 0, "sum"], Units(-300)))
    says(r"^claim: wanted units of 0 to 2\^128 - 1; found -1", put(proof, ["units"], Units(-1)))
    says(r"^siblings: wanted 2; found 0", put(proof, ["path"], ()))
    says(r"^root: wanted the published one; another follows", put(proof, ["published", "epoch"], 42))


def test_two_holders_of_equal_claims_cannot_be_shown_one_leaf():
    """The forgery of equal balances: one leaf for two holders halves what is owed."""
    book = Book([Liability("staker", "ann", 500), Liability("staker", "cy", 1)], SECRET, 41)
    published = book.root(HERE)
    ann = book.prove("staker", "ann", HERE)
    both = Book([Liability("staker", name, 500) for name in ("ann", "bob")], SECRET, 41)
    for forged in (
        put(ann, ["id"], "bob"),
        msgspec.structs.replace(ann, id="bob", salt=both.prove("staker", "bob", HERE).salt),
    ):
        with pytest.raises(ProofError, match=r"^root"):
            check(forged, published.root)


def test_a_neighbour_in_a_proof_says_nothing_of_who_it_is():
    """Pseudonyms' order, not the ids': with another epoch the neighbours are others, and no name is in the file."""
    owed = [Liability("staker", f"name-{k:02}", k + 1) for k in range(30)]
    proofs = [Book(owed, SECRET, epoch).prove("staker", "name-07", HERE) for epoch in range(6)]
    assert len({proof.index for proof in proofs}) > 1 and len({proof.path[0].sum for proof in proofs}) > 1
    assert msgspec.json.encode(proofs[0], enc_hook=str).count(b"name-") == 1
