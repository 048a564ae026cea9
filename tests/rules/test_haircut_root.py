"""Haircut root: a recursive twin to the byte, every forgery tried, and what a trader can check of its own row."""

import hashlib
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, example, given, strategies as st

from seawall.amounts import AmountError
from seawall.rules.deleveraging import capped_water_fill
from seawall.rules.haircut_root import (
    NO_SALT,
    Level,
    Proof,
    ProofError,
    Published,
    Row,
    Sibling,
    Sums,
    build_tree,
    check_row,
    pseudonym,
    root_of,
    verify,
    water_level,
)
from tests.rules import references

LIMIT = 2**128
SMALL = st.integers(0, 60)


def rows_of(numbers, salt=NO_SALT):
    """Rows 1, 2, 3, ... with (cap, weight, haircut)."""
    return [Row(str(i + 1), *three, salt) for i, three in enumerate(numbers)]


NUMBERS = st.lists(st.tuples(SMALL, SMALL, SMALL), min_size=1, max_size=20)


# --- a twin, by recursion and by hand -------------------------------------------------------------------------------


def u(value, size):
    return bytes((value >> (8 * (size - 1 - k))) & 255 for k in range(size))


def twin(rows, first=0):
    """(hash, cap, weight, haircut) over rows, split at the largest power of two below their number."""
    if len(rows) == 1:
        row = rows[0]
        numbers = (row.cap_units, row.weight, row.haircut_units)
        leaf = b"\0" + u(first, 8) + hashlib.sha256(row.id.encode()).digest() + row.salt
        return (hashlib.sha256(leaf + b"".join(u(n, 16) for n in numbers)).digest(), *numbers)
    half = 1
    while half * 2 < len(rows):
        half *= 2
    sides = twin(rows[:half], first), twin(rows[half:], first + half)
    node = b"\1" + b"".join(side[0] + b"".join(u(n, 16) for n in side[1:]) for side in sides)
    return (hashlib.sha256(node).digest(), *(a + b for a, b in zip(sides[0][1:], sides[1][1:])))


@given(NUMBERS, st.binary(min_size=32, max_size=32))
def test_a_tree_equals_its_recursive_definition_reference(numbers, salt):
    rows = rows_of(numbers, salt)
    top, *sums = twin(rows)
    found = root_of(rows)
    assert found.sums == Sums(*sums) and found.count == len(rows)
    assert found.root == hashlib.sha256(b"\2" + u(len(rows), 8) + top + b"".join(u(n, 16) for n in sums)).digest()


def test_the_root_of_two_rows_byte_by_byte():
    """Pinned, so that another implementation can be held to it."""
    rows = [Row("1", 1000, 1000, 286, bytes([7]) * 32), Row("2", 400, 400, 114, bytes([8]) * 32)]
    assert root_of(rows).root.hex() == PINNED
    assert build_tree(rows).levels[0][:32] == twin(rows[:1])[0]


PINNED = "bc6a294552fa3f224a26c8f3efe70cbb69ca2b872127b1a9850244cc92b7a0d8"


@given(NUMBERS)
@example([(1, 1, 1)])
@example([(1, 1, 1)] * 7)
def test_every_row_of_every_tree_verifies_at_its_place(numbers):
    rows = rows_of(numbers)
    tree = build_tree(rows)
    for index, row in enumerate(rows):
        verify(tree.published(), row, tree.prove(index))


# --- forgeries --------------------------------------------------------------------------------------------------------


def bent(data, proof, row, published):
    """One thing changed in what is shown to the verifier; the kind of change, and the three again."""
    number = st.sampled_from([-1, 1, 5, LIMIT])
    kinds = ["cap", "weight", "haircut", "id", "salt", "index", "count", "root", "sums", "longer"]
    if proof.siblings:
        kinds += ["hash", "sibling", "shorter"]
    kind = data.draw(st.sampled_from(kinds))
    by = data.draw(number)
    if kind in ("cap", "weight", "haircut"):
        name = kind if kind == "weight" else f"{kind}_units"
        row = replace(row, **{name: getattr(row, name) + by})
    elif kind == "id":
        row = replace(row, id=row.id + "x")
    elif kind == "salt":
        row = replace(row, salt=bytes([1]) + row.salt[1:])
    elif kind == "index":
        proof = replace(proof, index=proof.index + by)
    elif kind == "count":
        proof, published = replace(proof, count=proof.count + by), replace(published, count=published.count + by)
    elif kind == "root":
        published = replace(published, root=published.root[:31] + bytes([published.root[31] ^ 1]))
    elif kind == "sums":
        part = data.draw(st.sampled_from(["cap_units", "weight", "haircut_units"]))
        sums = replace(published.sums, **{part: getattr(published.sums, part) + by})
        published = replace(published, sums=sums)
    elif kind == "longer":
        proof = replace(proof, siblings=(*proof.siblings, Sibling(bytes(32), Sums(0, 0, 0))))
    else:
        place = data.draw(st.integers(0, len(proof.siblings) - 1))
        beside = list(proof.siblings)
        if kind == "hash":
            beside[place] = replace(beside[place], hash=beside[place].hash[::-1] + b"")
            assume(beside[place] != proof.siblings[place])
        elif kind == "sibling":
            part = data.draw(st.sampled_from(["cap_units", "weight", "haircut_units"]))
            sums = replace(beside[place].sums, **{part: getattr(beside[place].sums, part) + by})
            beside[place] = replace(beside[place], sums=sums)
            if data.draw(st.booleans()):  # and the published sums bent to agree
                total = replace(published.sums, **{part: getattr(published.sums, part) + by})
                published = replace(published, sums=total)
        else:
            del beside[place]
        proof = replace(proof, siblings=tuple(beside))
    return published, row, proof


@given(NUMBERS, st.data())
def test_whatever_is_bent_the_proof_is_refused(numbers, data):
    rows = rows_of(numbers)
    tree = build_tree(rows)
    index = data.draw(st.integers(0, len(rows) - 1))
    with pytest.raises(ProofError):
        verify(*bent(data, tree.prove(index), rows[index], tree.published()))


def test_PRF_01_building_names_the_negative_leaf():
    with pytest.raises(ProofError, match=r"^row 3: wanted a cap of 0 to .* found -300"):
        build_tree(rows_of([(100, 0, 0), (250, 0, 0), (-300, 0, 0), (40, 0, 0)]))
    honest = rows_of([(100, 0, 0), (250, 0, 0), (0, 0, 0), (40, 0, 0)])
    del honest[2]
    assert root_of(honest).sums.cap_units == 390


@pytest.mark.parametrize("part", [0, 1, 2])
def test_PRF_01_a_negative_number_is_refused_wherever_it_stands(part):
    numbers = [0, 0, 0]
    numbers[part] = -1
    name = ("cap", "weight", "haircut")[part]
    with pytest.raises(ProofError, match=rf"^row 2: wanted a {name} .* found -1"):
        build_tree(rows_of([(1, 1, 1), tuple(numbers)]))
    tree = build_tree(rows_of([(1, 1, 1), (2, 2, 2)]))
    beside = Sibling(tree.prove(0).siblings[0].hash, Sums(*numbers))
    with pytest.raises(ProofError, match=rf"^sibling 0: wanted a {name} .* found -1"):
        verify(tree.published(), Row("1", 1, 1, 1), Proof(0, 2, (beside,)))


def test_PRF_01_a_negative_sibling_is_refused_by_the_maker_of_the_tree_too():
    """Whoever builds by hand an honest-looking tree with -300 in it can show no path past it."""
    rows = rows_of([(100, 0, 0), (250, 0, 0)])
    tree = build_tree(rows)
    forged = Published(tree.root, 3, Sums(50, 0, 0))
    path = Proof(0, 3, (tree.prove(0).siblings[0], Sibling(bytes(32), Sums(-300, 0, 0))))
    with pytest.raises(ProofError, match=r"^sibling 1: wanted a cap"):
        verify(forged, rows[0], path)


def test_PRF_01_no_sum_wraps_around():
    given = [(115792089237316195423570985008687907853269984665640564039457584007913129639935, 0, 0), (1, 0, 0)]
    with pytest.raises(ProofError, match=r"^row 1: wanted a cap of 0 to 2\^128 - 1"):
        build_tree(rows_of(given))
    with pytest.raises(ProofError, match=r"^sums of all rows: wanted a weight"):
        build_tree(rows_of([(0, LIMIT - 1, 0), (0, 1, 0)]))
    assert root_of(rows_of([(0, LIMIT - 2, 0), (0, 1, 0)])).sums.weight == LIMIT - 1
    one = build_tree(rows_of([(0, 0, 1), (0, 0, 2)]))
    huge = Proof(0, 2, (Sibling(one.prove(0).siblings[0].hash, Sums(0, 0, LIMIT - 1)),))
    with pytest.raises(ProofError, match=r"^sums above sibling 0: wanted a haircut"):
        verify(replace(one.published(), sums=Sums(0, 0, 0)), Row("1", 0, 0, 1), huge)


def test_numbers_of_another_kind_are_refused():
    for odd in (1.0, True, "1"):
        with pytest.raises(ProofError, match=r"^row 1: wanted a weight"):
            build_tree([Row("1", 1, odd, 1)])
    tree = build_tree(rows_of([(1, 1, 1), (2, 2, 2)]))
    with pytest.raises(ProofError, match=r"^index"):
        verify(tree.published(), Row("1", 1, 1, 1), replace(tree.prove(0), index=0.0))
    with pytest.raises(ProofError, match=r"^sibling 0: wanted a hash of 32 bytes; found 31"):
        verify(tree.published(), Row("1", 1, 1, 1), Proof(0, 2, (Sibling(bytes(31), Sums(2, 2, 2)),)))


def test_an_inner_node_cannot_stand_for_a_leaf():
    """Second preimage: two rows shown as one row of their sums, with the rest of the path as it is."""
    rows = rows_of([(1, 2, 1), (3, 4, 1), (5, 6, 1), (7, 8, 1)])
    tree = build_tree(rows)
    both = Row("1", 4, 6, 2)
    shortened = Proof(0, 4, tree.prove(0).siblings[1:])
    with pytest.raises(ProofError, match=r"^siblings: wanted 2; found 1"):
        verify(tree.published(), both, shortened)
    with pytest.raises(ProofError, match=r"^root"):
        verify(replace(tree.published(), count=2), both, replace(shortened, count=2))
    # Same bytes under the leaf's tag give another hash than under the node's.
    pair = tree.levels[0][:160]
    assert tree.levels[1][:32] == hashlib.sha256(b"\1" + pair).digest() != hashlib.sha256(b"\0" + pair).digest()


def test_no_leaf_is_doubled_to_fill_a_level():
    three = rows_of([(1, 1, 1), (2, 2, 2), (3, 3, 3)])
    four = [*three, Row("4", 3, 3, 3)]
    assert root_of(three).root != root_of(four).root and root_of(three).sums.cap_units == 6
    assert len(build_tree(three).prove(2).siblings) == 1  # the odd leaf moved up alone
    with pytest.raises(ProofError, match="each once; found '3' after '3'"):
        build_tree([*three, three[2]])


def test_two_traders_cannot_be_shown_one_leaf():
    """Equal numbers, one salt: the leaf still holds who and where."""
    rows = [Row("1", 5, 5, 5), Row("2", 5, 5, 5)]
    tree = build_tree(rows)
    with pytest.raises(ProofError, match=r"^root"):
        verify(tree.published(), rows[1], tree.prove(0))
    with pytest.raises(ProofError, match=r"^root"):
        verify(tree.published(), rows[0], replace(tree.prove(0), index=1))


def test_index_count_and_length_are_held():
    rows = rows_of([(1, 1, 1), (2, 2, 2), (3, 3, 3)])
    tree = build_tree(rows)
    for index in (-1, 3):
        with pytest.raises(ProofError, match=r"^index: wanted 0 to 2"):
            tree.prove(index)
        with pytest.raises(ProofError, match=r"^index: wanted 0 to 2"):
            verify(tree.published(), rows[0], replace(tree.prove(0), index=index))
    with pytest.raises(ProofError, match=r"^count: wanted the published 3; found 4"):
        verify(tree.published(), rows[0], replace(tree.prove(0), count=4))
    for count in (0, -1, 2**64):
        with pytest.raises(ProofError, match=r"^count"):
            verify(replace(tree.published(), count=count), rows[0], replace(tree.prove(0), count=count))
    with pytest.raises(ProofError, match=r"^root"):  # four leaves would have the same path for the first
        verify(replace(tree.published(), count=4), rows[0], replace(tree.prove(0), count=4))
    for siblings in (tree.prove(0).siblings * 2, tree.prove(0).siblings[:1], ()):
        with pytest.raises(ProofError, match=rf"^siblings: wanted 2; found {len(siblings)}"):
            verify(tree.published(), rows[0], replace(tree.prove(0), siblings=siblings))
    with pytest.raises(ProofError, match=r"^sums: wanted the published"):
        verify(replace(tree.published(), sums=Sums(6, 6, 5)), rows[0], tree.prove(0))


def test_an_empty_tree_is_refused():
    with pytest.raises(ProofError, match=r"^rows: wanted at least one"):
        build_tree([])


def test_rows_stand_lowest_id_first_with_salts_of_32_bytes_and_ids_of_the_grammar():
    with pytest.raises(ProofError, match=r"^rows: wanted ids lowest first"):
        build_tree([Row("10", 1, 1, 1), Row("9", 1, 1, 1)])
    assert root_of([Row("9", 1, 1, 1), Row("10", 1, 1, 1)]).count == 2
    with pytest.raises(ProofError, match=r"^row 1: wanted a salt of 32 bytes; found 31"):
        build_tree([Row("1", 1, 1, 1, bytes(31))])
    with pytest.raises(AmountError, match="wanted an id"):
        build_tree([Row("é", 1, 1, 1)])


def test_a_pseudonym_is_an_id_that_changes_with_the_salt():
    one, two = pseudonym("trader-7", bytes(32)), pseudonym("trader-7", bytes([1]) * 32)
    assert one == hashlib.sha256(b"\3" + bytes(32) + b"trader-7").hexdigest() != two
    assert root_of([Row(one, 1, 1, 1)]).count == 1


# --- one's own haircut ----------------------------------------------------------------------------------------------

POLICY = st.lists(st.tuples(SMALL, SMALL), min_size=1, max_size=8)


def pro_rata(severity, group):
    """Published rows of a water-fill over (cap, weight); a weight of 0 has no cap."""
    caps, weights = [cap if weight else 0 for cap, weight in group], [weight for _, weight in group]
    haircuts = capped_water_fill(severity, weights, caps)
    rows = rows_of(zip(caps, weights, haircuts))
    return rows, root_of(rows), water_level(severity, caps, weights)


@given(st.integers(0, 300), POLICY)
def test_water_level_equals_the_real_valued_level_reference(severity, group):
    caps, weights = zip(*group)
    level = water_level(severity, caps, weights)
    for real, cap, weight in zip(references.water_level(severity, weights, caps), caps, weights):
        share = level.units * Fraction(weight, level.weight) if level.weight else Fraction(cap)
        assert real == (min(Fraction(cap), share) if weight else 0)


@given(st.integers(0, 300), POLICY)
def test_every_row_of_an_honest_pro_rata_passes_its_own_check(severity, group):
    rows, published, level = pro_rata(severity, group)
    for row in rows:
        check_row(published, severity, row, level)
        if row.weight:
            assert abs(row.haircut_units - min(Fraction(row.cap_units), level_of(level, row))) < 1


def level_of(level, row):
    return level.units * Fraction(row.weight, level.weight) if level.weight else Fraction(row.cap_units)


@given(st.integers(1, 300), POLICY, st.data())
def test_two_units_moved_from_one_trader_to_another_fail_a_check_of_theirs(severity, group, data):
    rows, _, level = pro_rata(severity, group)
    assume(len(rows) > 1)
    payer = data.draw(st.integers(0, len(rows) - 1))
    spared = data.draw(st.integers(0, len(rows) - 1).filter(lambda i: i != payer))
    assume(rows[spared].haircut_units >= 2)
    rows[payer] = replace(rows[payer], haircut_units=rows[payer].haircut_units + 2)
    rows[spared] = replace(rows[spared], haircut_units=rows[spared].haircut_units - 2)
    published = root_of(rows)
    for i in (payer, spared):
        with pytest.raises(ProofError):
            check_row(published, severity, rows[i], level)


def test_worked_check_of_the_example_book():
    caps = (1000, 400, 250, 90, 10)
    rows = rows_of(zip(caps, caps, (286, 114, 71, 26, 3)))
    published = root_of(rows)
    for row in rows:
        check_row(published, 500, row)
    with pytest.raises(ProofError, match=r"^row 1: wanted a haircut of 285 to 286; found 287"):
        check_row(published, 500, replace(rows[0], haircut_units=287))
    with pytest.raises(ProofError, match=r"^haircuts: wanted 501 in all"):
        check_row(published, 501, rows[0])
    with pytest.raises(ProofError, match=r"^row 1: wanted a haircut of 0 to its cap 200; found 286"):
        check_row(published, 500, replace(rows[0], cap_units=200))
    with pytest.raises(ProofError, match=r"^row 1: wanted a haircut of 0 to 0; found 286"):
        check_row(published, 500, replace(rows[0], weight=0))
    with pytest.raises(ProofError, match=r"^row 5: wanted a haircut of 10 to 10; found 3"):
        check_row(published, 500, rows[4], Level(0, 0))


def test_a_whole_quota_is_paid_exactly_and_a_level_beside_it_is_held():
    rows = rows_of([(10, 1, 5), (10, 1, 5)])
    check_row(root_of(rows), 10, rows[0], Level(10, 2))
    for haircut in (4, 6):
        with pytest.raises(ProofError, match=rf"^row 1: wanted a haircut of 5 to 5; found {haircut}"):
            check_row(root_of(rows), 10, replace(rows[0], haircut_units=haircut))


def test_overshoot_is_seen_in_the_sums_alone():
    rows = rows_of([(100, 1, 60), (100, 1, 60)])
    with pytest.raises(ProofError, match=r"^haircuts: wanted 100 in all, severity or all caps; found 120"):
        check_row(root_of(rows), 100, rows[0])
