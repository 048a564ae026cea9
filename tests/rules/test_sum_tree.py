"""Sum tree: a tree by recursion, to the byte, at every form and size; changes beside new trees; known forgeries."""

import hashlib
import random

import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.sum_tree import Beside, Form, ProofError, SumTree, climb, leaf_entry, root_hash

LIMIT = 2**128
PAIR = Form(3, ("a stake", "a debt"))
ONE = Form(32, ("units",))
SIZES = st.one_of(st.integers(1, 20), st.sampled_from([127, 128, 129, 255, 256, 257, 300]))


def leaves_of(form, count, seed):
    """(body, numbers) with numbers of every length, so that sums carry from every byte into the next."""
    dice = random.Random(seed)
    most = LIMIT // count - 1

    def number():
        return min(most, dice.getrandbits(dice.choice([0, 8, 32, 63, 64, 65, 128])))

    return [(dice.randbytes(form.body_bytes), tuple(number() for _ in form.names)) for _ in range(count)]


def tree_of(form, leaves):
    sums = b"".join(form.pack("leaf", numbers) for _, numbers in leaves)
    return SumTree(form, b"".join(body for body, _ in leaves), sums)


# --- a twin by recursion ----------------------------------------------------------------------------------------------


def number(value, size):
    return bytes((value >> (8 * (size - 1 - k))) & 255 for k in range(size))


def twin(leaves, first=0):
    """(hash, numbers) over leaves, split at the largest power of two below their number; adds in whole numbers."""
    if len(leaves) == 1:
        body, numbers = leaves[0]
        text = b"\0" + number(first, 8) + body + b"".join(number(n, 16) for n in numbers)
        return hashlib.sha256(text).digest(), numbers
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    sides = twin(leaves[:half], first), twin(leaves[half:], first + half)
    text = b"\1" + b"".join(hash + b"".join(number(n, 16) for n in numbers) for hash, numbers in sides)
    return hashlib.sha256(text).digest(), tuple(a + b for a, b in zip(sides[0][1], sides[1][1]))


@given(st.sampled_from([PAIR, ONE]), SIZES, st.integers(0, 2**32))
@example(ONE, 1, 0)
@example(ONE, 256, 1)
@example(PAIR, 300, 2)
@example(ONE, 1_100, 3)
@example(PAIR, 1_537, 4)
def test_a_tree_equals_its_recursive_definition_reference(form, count, seed):
    leaves = leaves_of(form, count, seed)
    tree = tree_of(form, leaves)
    top, sums = twin(leaves)
    entry = top + b"".join(number(n, 16) for n in sums)
    assert (tree.top, tree.totals, tree.count) == (entry, sums, count)
    assert tree.root() == hashlib.sha256(b"\2" + number(count, 8) + entry).digest()
    assert tree.root(bytes(32)) == hashlib.sha256(b"\4" + number(count, 8) + entry + bytes(32)).digest()


@given(st.sampled_from([PAIR, ONE]), SIZES, st.integers(0, 2**32), st.data())
def test_every_leaf_leads_to_the_top_of_its_tree(form, count, seed, data):
    leaves = leaves_of(form, count, seed)
    tree = tree_of(form, leaves)
    for index in {0, count - 1, data.draw(st.integers(0, count - 1))}:
        body, numbers = leaves[index]
        beside = tree.beside(index)
        assert climb(form, body, form.pack("leaf", numbers), index, count, beside) == tree.top
        for part in range(len(form.names)):
            assert numbers[part] + sum(one.numbers[part] for one in beside) == tree.totals[part]


@given(st.sampled_from([PAIR, ONE]), SIZES, st.integers(0, 2**32), st.data())
def test_a_changed_tree_equals_a_new_one(form, count, seed, data):
    leaves, others = leaves_of(form, count, seed), leaves_of(form, count, seed + 1)
    tree = tree_of(form, leaves)
    for index in data.draw(st.lists(st.integers(0, count - 1), max_size=6)):
        leaves[index] = others[index]
        tree.change(index, *others[index])
    assert tree.levels == tree_of(form, leaves).levels


def test_the_root_of_three_leaves_byte_by_byte():
    """Pinned, so that another implementation can be held to it."""
    tree = tree_of(ONE, [(bytes([k]) * 32, (k * 10**18,)) for k in (1, 2, 3)])
    assert tree.totals == (6 * 10**18,)
    assert tree.root().hex() == "ad10f1669e02c04bb92bfe4efe9d798242b45a2d32ed2669f09a2ddc1ce41679"
    assert tree.root(b"c" * 32).hex() == "6f41f89124599b918c93637bc156ce520084c291a6b2ea4a690fef2d00c0a48b"


# --- what is refused --------------------------------------------------------------------------------------------------


def test_maxwells_forgery_one_total_split_differently_for_each():
    """Where only the children's total is hashed, each of two accounts can be shown the other as nothing."""
    tree = tree_of(ONE, [(b"a" * 32, (100,)), (b"b" * 32, (250,))])
    (beside,) = tree.beside(0)
    for shown, other in ((100, 249), (100, 251), (99, 251), (350, 0)):
        top = climb(ONE, b"a" * 32, ONE.pack("leaf", (shown,)), 0, 2, [Beside(beside.hash, (other,))])
        assert top[:32] != tree.top[:32]


def test_sums_are_bound_even_where_they_add_up_to_the_same():
    """Two numbers moved from one side of a node to the other leave the total and change the hash."""
    one, two = ([(b"a" * 32, (left,)), (b"b" * 32, (right,))] for left, right in ((5, 7), (6, 6)))
    assert tree_of(ONE, one).totals == tree_of(ONE, two).totals
    assert tree_of(ONE, one).root() != tree_of(ONE, two).root()


@pytest.mark.parametrize("bad", [-1, -300, LIMIT, LIMIT + 5, 1.0, True, None, "1"])
def test_a_number_that_cannot_be_is_refused_at_every_step(bad):
    tree = tree_of(ONE, [(b"a" * 32, (1,)), (b"b" * 32, (2,))])
    with pytest.raises(ProofError, match=r"^leaf 3: wanted units of 0 to 2\^128 - 1; found"):
        ONE.pack("leaf 3", (bad,))
    with pytest.raises(ProofError, match=r"^sibling 0: wanted units"):
        climb(ONE, b"a" * 32, ONE.pack("leaf", (1,)), 0, 2, [Beside(tree.beside(0)[0].hash, (bad,))])
    before = [bytes(level) for level in tree.levels]
    with pytest.raises(ProofError, match=r"^leaf 1: wanted units"):
        tree.change(1, b"b" * 32, (bad,))
    assert before == [bytes(level) for level in tree.levels]


def test_no_sum_wraps_around():
    half = LIMIT // 2
    most = tree_of(ONE, [(b"a" * 32, (half,)), (b"b" * 32, (half - 1,))])
    assert most.totals == (LIMIT - 1,)
    with pytest.raises(ProofError, match=rf"^sums of all leaves: wanted units of 0 to 2\^128 - 1; found {LIMIT}"):
        tree_of(ONE, [(b"a" * 32, (half,)), (b"b" * 32, (half,))])
    before = [bytes(level) for level in most.levels]
    with pytest.raises(ProofError, match=r"^sums of all leaves"):
        most.change(1, b"b" * 32, (half,))
    assert before == [bytes(level) for level in most.levels]
    with pytest.raises(ProofError, match=r"^sums above sibling 0: wanted units"):
        climb(ONE, b"a" * 32, ONE.pack("leaf", (half,)), 0, 2, [Beside(bytes(32), (half,))])
    # Of two numbers the lower one carries nothing into the other: it cannot reach 2^128.
    with pytest.raises(ProofError, match=r"^sums of all leaves: wanted a debt"):
        tree_of(PAIR, [(b"abc", (0, half)), (b"def", (0, half))])


def test_an_inner_node_cannot_stand_for_a_leaf_nor_a_leaf_for_a_node():
    tree = tree_of(ONE, [(bytes([k]) * 32, (k,)) for k in range(4)])
    pair = bytes(tree.levels[0][: 2 * ONE.entry_bytes])
    assert tree.levels[1][:32] == hashlib.sha256(b"\1" + pair).digest() != hashlib.sha256(b"\0" + pair).digest()
    # A form with leaves as long as another's nodes: the tag still tells them apart.
    long = Form(2 * ONE.entry_bytes - 8 - 16, ("units",))
    text = pair[8:]
    assert leaf_entry(long, int.from_bytes(pair[:8], "big"), text[:-16], text[-16:])[:32] != tree.levels[1][:32]
    with pytest.raises(ProofError, match=r"^leaf 0: wanted a body of 32 bytes; found 31"):
        leaf_entry(ONE, 0, bytes(31), bytes(16))


def test_no_leaf_is_doubled_to_fill_a_level():
    """The forgery of CVE-2012-2459: three leaves and the same with the last one twice have two roots, and two sums."""
    three = [(bytes([k]) * 32, (k,)) for k in (1, 2, 3)]
    tree, four = tree_of(ONE, three), tree_of(ONE, [*three, three[2]])
    assert tree.root() != four.root() and (tree.totals, four.totals) == ((6,), (9,))
    assert len(tree.beside(2)) == 1 and len(four.beside(2)) == 2


def test_two_holders_cannot_be_shown_one_leaf():
    tree = tree_of(ONE, [(b"a" * 32, (5,)), (b"a" * 32, (5,))])
    assert tree.levels[0][:32] != tree.levels[0][48:80]  # the place is in the hash
    assert climb(ONE, b"a" * 32, ONE.pack("leaf", (5,)), 1, 2, tree.beside(0)) != tree.top


def test_index_count_and_length_are_held():
    leaves = [(bytes([k]) * 32, (k,)) for k in (1, 2, 3)]
    tree = tree_of(ONE, leaves)
    first = ONE.pack("leaf", (1,))
    for index in (-1, 3, 1.0, True, None):
        with pytest.raises(ProofError, match=r"^index: wanted 0 to 2; found"):
            climb(ONE, leaves[0][0], first, index, 3, tree.beside(0))
    for index in (-1, 3):
        with pytest.raises(ProofError, match=r"^index: wanted 0 to 2; found"):
            tree.beside(index)
        with pytest.raises(ProofError, match=r"^index: wanted 0 to 2; found"):
            tree.change(index, *leaves[0])
    for count in (0, -1, 2**64, 3.0):
        with pytest.raises(ProofError, match=r"^count: wanted 1 to 2\^64 - 1; found"):
            climb(ONE, leaves[0][0], first, 0, count, tree.beside(0))
    for siblings in ([], tree.beside(0)[:1], [*tree.beside(0), tree.beside(0)[0]]):
        with pytest.raises(ProofError, match=rf"^siblings: wanted 2; found {len(siblings)}"):
            climb(ONE, leaves[0][0], first, 0, 3, siblings)
    with pytest.raises(ProofError, match=r"^sibling 1: wanted a hash of 32 bytes; found 31"):
        climb(ONE, leaves[0][0], first, 0, 3, [tree.beside(0)[0], Beside(bytes(31), (3,))])
    # The first of three and the first of four have paths of one shape: the count is in the root's hash.
    assert climb(ONE, leaves[0][0], first, 0, 4, tree.beside(0)) == tree.top
    assert root_hash(3, tree.top) != root_hash(4, tree.top)


def test_an_empty_tree_and_leaves_without_numbers_are_refused():
    with pytest.raises(ProofError, match=r"^leaves: wanted at least one; an empty tree proves nothing"):
        SumTree(ONE, b"", b"")
    for bodies, sums in ((bytes(33), bytes(16)), (bytes(32), bytes(32)), (bytes(64), bytes(16))):
        with pytest.raises(ProofError, match=r"^leaves: wanted as many numbers as bodies"):
            SumTree(ONE, bodies, sums)


def test_a_root_in_a_context_is_no_root_without_one():
    """The same bytes as top and context, or as a longer top: the tag tells the two apart."""
    top, context = bytes(range(48)), bytes(range(32))
    assert root_hash(7, top, context) != root_hash(7, top + context)
    assert root_hash(7, top, context) != root_hash(7, top, context[::-1])
