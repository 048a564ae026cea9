"""Every ADL policy on arrays gives what it gives on objects, entry for entry."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from seawall.rules.adl_arrays import WinnersArrays, haircut_array, scores_array
from seawall.rules.adl_policies import haircuts
from seawall.rules.adl_scores import SCORES, Participant, PolicyParameters
from tests.rules.test_adl_policies import BOOK, NAMES, TABLE_3, sparse_books

SIZES = st.sampled_from([4, 50, 10**6, 2**40, 2**52, 2**61, 2**63 - 1])
PARAMETERS = st.builds(
    PolicyParameters,
    beta_ppm=st.sampled_from([0, 1, 400_000, 10**6, 2 * 10**6]),
    leverage_power=st.sampled_from([0, 1, 2, 9]),
    leverage_offset_ppm=st.sampled_from([0, 1_500_000]),
    wallet_floor_units=st.sampled_from([1, 1000]),
    seed=st.sampled_from(["", "D1"]),
    literal_price_ratio=st.booleans(),
)


@st.composite
def books(draw):
    """Winners and losers of one size; now and then all alike."""
    size = draw(SIZES)
    own, signed = st.integers(0, size), st.integers(-size, size)
    row = st.tuples(st.integers(1, size), signed, signed, own, own, own, own)
    if draw(st.booleans()):
        row = st.just(draw(row))
    return [Participant(str(i), *fields) for i, fields in enumerate(draw(st.lists(row, min_size=1, max_size=12)))]


@given(st.data(), books(), PARAMETERS)
def test_haircut_array_equals_haircuts(data, book, parameters):
    capacity = sum(p.cap for p in book)
    severity = data.draw(
        st.integers(0, capacity) | st.sampled_from([capacity, max(0, capacity - 1), capacity + 1, capacity // 2])
    )
    winners = WinnersArrays.of(book)
    for policy in NAMES:
        found = haircut_array(policy, winners, severity, parameters)
        assert found.dtype == np.int64
        assert found.tolist() == list(haircuts(policy, book, severity, parameters)), policy


@given(st.data(), sparse_books(), PARAMETERS)
def test_haircut_array_equals_haircuts_where_leverage_is_below_a_millionth(data, book, parameters):
    capacity = sum(p.cap for p in book)
    severity = data.draw(st.integers(0, capacity + 1) | st.sampled_from([capacity, max(0, capacity - 1)]))
    winners = WinnersArrays.of(book)
    for policy in ("risk_levered", "risk_levered_squared", "rap"):
        found = haircut_array(policy, winners, severity, parameters).tolist()
        assert found == list(haircuts(policy, book, severity, parameters)), policy
        if policy != "rap":
            assert sum(found) == min(severity, capacity)


@given(books(), PARAMETERS)
def test_scores_array_equals_the_scores(book, parameters):
    winners = WinnersArrays.of(book)
    for policy, score in SCORES.items():
        assert scores_array(policy, winners, parameters).tolist() == [score(p, parameters) for p in book], policy


@pytest.mark.parametrize(("policy", "h500", "h1234"), TABLE_3)
def test_table_3_on_arrays(policy, h500, h1234):
    winners = WinnersArrays.of(BOOK)
    assert tuple(haircut_array(policy, winners, 500).tolist()) == h500
    assert tuple(haircut_array(policy, winners, 1234).tolist()) == h1234


def crowd(people, seed):
    """A book of real shape: heavy-tailed sizes, leverage 1 to 25, two in ten at a loss."""
    dice = np.random.default_rng(seed)
    notional = np.minimum((dice.pareto(1.2, people) * 10**9).astype(np.int64) + 10**6, 10**14)
    entry = (notional * (1 + dice.uniform(-0.1, 0.4, people))).astype(np.int64)
    profit = entry - notional
    equity = (notional / dice.uniform(1, 25, people)).astype(np.int64) + np.maximum(profit, 0)
    cap = np.maximum(0, np.minimum(profit, equity))
    ids = tuple(f"a{i}" for i in range(people))
    lots = notional // 10**5 + 1
    return WinnersArrays(ids, lots, profit, equity, notional, entry, equity - profit, notional // 20, cap)


@pytest.mark.parametrize("part", [3, 40, 2])
def test_a_crowd_of_twenty_thousand_pays_the_same_to_the_unit(part):
    winners = crowd(20_000, part)
    book = winners.participants()
    severity = int(winners.cap_units.sum()) // part
    for policy in NAMES:
        found = haircut_array(policy, winners, severity)
        assert found.tolist() == list(haircuts(policy, book, severity)), policy


def test_a_part_of_a_profit_beyond_what_int64_holds_times_a_million():
    book = [Participant(str(i), 1, 2**60 - i, 2**61, 1, 1) for i in range(3)]
    for beta_ppm in (999_999, 400_000, 1):
        parameters = PolicyParameters(beta_ppm=beta_ppm)
        found = haircut_array("capped_pro_rata", WinnersArrays.of(book), 2**62, parameters).tolist()
        assert found == [(2**60 - i) * beta_ppm // 10**6 for i in range(3)]


def test_objects_to_arrays_and_back():
    winners = WinnersArrays.of(BOOK)
    assert winners.participants() == [
        Participant(
            p.id, p.lots, p.profit_units, p.equity_units, p.notional_units, p.entry_units, p.wallet,
            p.maintenance_units, p.cap,
        )
        for p in BOOK
    ]  # fmt: skip
    with pytest.raises(OverflowError):
        WinnersArrays.of([Participant("a", 1, 2**63, 1, 1, 1)])


def test_what_the_rule_refuses_is_refused():
    winners = WinnersArrays.of(BOOK)
    with pytest.raises(ValueError, match="severity >= 0; found -1"):
        haircut_array("cel", winners, -1)
    with pytest.raises(ValueError, match="wanted one of queue_bitmex"):
        haircut_array("equal", winners, 1)
