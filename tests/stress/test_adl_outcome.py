"""ADL outcome: figures of a policy's haircuts, recounted one by one, and the root that binds them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from seawall.rules.adl_arrays import WinnersArrays
from seawall.rules.adl_policies import ADL_POLICIES, haircuts
from seawall.rules.adl_scores import Participant, PolicyParameters
from seawall.rules.haircut_root import verify
from seawall.stress.adl_outcome import adl_row, haircut_tree, haircuts_of, missing_columns
from seawall.stress.winners import Winners, read_winners

COLUMNS = frozenset(("profit", "equity", "notional", "entry_notional", "wallet", "maintenance", "lots"))


def winners(rows: list[tuple[int, int]]) -> Winners:
    people = [
        Participant(f"w{i:02}", 5 + i, gain, equity, 4 * gain + i, 3 * gain + 1)
        for i, (gain, equity) in enumerate(rows)
    ]
    return Winners(tuple(p.id for p in people), WinnersArrays.of(people), COLUMNS)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 900)), min_size=1, max_size=30), st.integers(0, 5_000))
def test_figures_are_those_of_the_haircuts(rows, severity) -> None:
    book = winners(rows)
    for facts in ADL_POLICIES:
        array = haircuts_of(facts.name, book, severity, PolicyParameters())
        paid = haircuts(facts.name, book.arrays.participants(), severity)
        assert array.tolist() == list(paid)
        row = adl_row(facts.name, book, severity, array)
        caps = book.arrays.cap_units.tolist()
        assert row.paid == sum(paid) and row.carried == severity - sum(paid)
        assert row.payers == sum(map(bool, paid)) and sum(row.groups_units) == sum(paid)
        deepest = max((Fraction(h, c) for h, c in zip(paid, caps, strict=True) if c), default=Fraction(0))
        assert row.deepest_ppm == int(deepest * 1_000_000)
        if facts.name.startswith("queue_"):
            assert row.overshoot_whole == sum(c - h for h, c in zip(paid, caps, strict=True) if h)
        else:
            assert row.overshoot_whole == 0
        by_profit = sorted(range(len(rows)), key=lambda i: (-rows[i][0], i))
        half = by_profit[: len(rows) // 2]
        assert sum(row.groups_units[:3]) == sum(paid[i] for i in half)


def test_every_row_is_in_the_root_and_its_salt_is_the_account_s_own(tmp_path: Path) -> None:
    book = winners([(100, 90), (40, 400), (7, 7)])
    array = haircuts_of("cel", book, 60, PolicyParameters())
    tree, rows = haircut_tree("cel", book, array, PolicyParameters(), b"0123456789abcdef")
    assert len({row.salt for row in rows}) == 3
    for index, row in enumerate(rows):
        verify(tree.published(), row, tree.prove(index))
    assert tree.sums.haircut_units == 60 and tree.sums.weight == 3
    plain, _ = haircut_tree("cel", book, array, PolicyParameters(), b"")
    assert plain.root != tree.root


def test_a_policy_says_which_columns_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("account,profit\na,5\n", encoding="utf-8")
    book = read_winners(tmp_path / "w.csv", 0)
    assert missing_columns("queue_bitmex", book) == ("equity", "notional", "entry_notional")
    assert missing_columns("talmud", book) == ()


@pytest.mark.parametrize("policy", ["risk_levered_squared", "rap"])
def test_weights_beyond_128_bits_give_way_to_caps(policy) -> None:
    people = [Participant(f"w{i}", 1, 2**60, 1, 2**60, 2**60, cap_units=2**40) for i in range(3)]
    book = Winners(tuple(p.id for p in people), WinnersArrays.of(people), COLUMNS)
    tree, _ = haircut_tree(policy, book, haircuts_of(policy, book, 30, PolicyParameters()), PolicyParameters(), b"")
    assert tree.sums.weight == 3 * 2**40
