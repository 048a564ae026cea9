"""A book of arrays says of itself what a book of tuples says: digest, sums, shares; and opens the same state."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from seawall.amounts import in_id_order
from seawall.design.instruments import instruments
from seawall.venue import book as module
from seawall.venue.book import Book, integers, total, total_size
from seawall.venue.state import open_state
from tests.generators import DesignSpec, MarketSpec

NAMES = st.text("abAB09._:-", min_size=1, max_size=5)
EDGES = st.sampled_from([2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 10**38 - 1])
AMOUNTS = st.integers(-(10**38) + 1, 10**38 - 1) | st.integers(-(2**63), 2**63 - 1) | EDGES | EDGES.map(lambda n: -n)
MARKETS = ("BTC", "ETH", "SOL")
DESIGN = DesignSpec(markets=tuple(MarketSpec(name, unit) for name, unit in zip(MARKETS, (1, 7, 10**6)))).design


@st.composite
def columns(draw, amounts=AMOUNTS):
    """Arguments of a book, plain."""
    names = in_id_order(draw(st.sets(NAMES, min_size=1, max_size=6)))
    pairs = sorted(draw(st.sets(st.tuples(st.integers(0, len(names) - 1), st.integers(0, 2)), max_size=9)))
    lots = [draw(amounts.filter(bool)) for _ in pairs]
    return {
        "accounts": tuple(names),
        "owners": tuple(draw(st.sampled_from([name, "own"])) for name in names),
        "cash_units": tuple(draw(amounts) for _ in names),
        "markets": MARKETS,
        "position_account": tuple(a for a, _ in pairs),
        "position_market": tuple(m for _, m in pairs),
        "lots": tuple(lots),
        "cost_units": tuple(draw(amounts) for _ in pairs),
    }


def plain_digest(c):
    """The text form, line by line."""
    text = "markets " + " ".join(c["markets"]) + "\n"
    for account, owner, cash in zip(c["accounts"], c["owners"], c["cash_units"], strict=True):
        text += f"{account} {owner} {cash}\n"
    for row in zip(c["position_account"], c["position_market"], c["lots"], c["cost_units"], strict=True):
        text += "{} {} {} {}\n".format(*row)
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(params=[1 << 18, 2])
def chunk(request, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", request.param)
    return request.param


@given(c=columns())
def test_digest_sums_and_shares_equal_the_tuples_reference(c):
    book = Book(**c)
    assert book.digest() == plain_digest(c) == book.digest()
    held = list(zip(c["position_market"], c["lots"], strict=True))
    longs = [sum(lots for m, lots in held if m == market and lots > 0) for market in range(3)]
    shorts = [-sum(lots for m, lots in held if m == market and lots < 0) for market in range(3)]
    assert book.outside_lots() == tuple(short - long for long, short in zip(longs, shorts, strict=True))
    for share, long, short in zip(book.outside_share_ppm(), longs, shorts, strict=True):
        interest, outside = max(long, short), abs(long - short)
        assert share * interest >= outside * 10**6 > (share - 1) * interest or share == interest == 0
    assert total(book.cash_units) == sum(c["cash_units"])
    assert total_size(book.cost_units) == sum(map(abs, c["cost_units"]))


def test_the_digest_of_a_book_is_that_of_its_text():
    """Made once by hand with `printf 'markets BTC\\na a 5\\nb o -1\\n0 0 3 7\\n' | sha256sum`."""
    book = Book(
        accounts=("a", "b"), owners=("a", "o"), cash_units=(5, -1), markets=("BTC",),
        position_account=(0,), position_market=(0,), lots=(3,), cost_units=(7,),
    )  # fmt: skip
    assert book.digest() == hashlib.sha256(b"markets BTC\na a 5\nb o -1\n0 0 3 7\n").hexdigest()
    assert book.digest() == "75f633cbc4cb2e31105a60d9e21ec8ae478b8c141a856e32356ec367e6d7ac7f"


def test_sums_go_beyond_int64_part_by_part(chunk):
    size = 2**62
    many = Book(
        accounts=[f"a{n}" for n in range(7)], owners=[f"a{n}" for n in range(7)], cash_units=[-size] * 7,
        markets=("BTC",), position_account=range(7), position_market=[0] * 7,
        lots=[size + n for n in range(7)], cost_units=[n - size for n in range(7)],
    )  # fmt: skip
    assert many.lots.dtype == many.cash_units.dtype == np.int64
    assert (total(many.cash_units), total_size(many.cash_units)) == (-7 * size, 7 * size)
    assert many.outside_lots() == (-7 * size - 21,) and many.outside_share_ppm() == (10**6,)
    rows = {name: getattr(many, name) for name in ("accounts", "owners", "cash_units", "markets", "position_account",
                                                    "position_market", "lots", "cost_units")}  # fmt: skip
    assert many.digest() == plain_digest({name: tuple(values) for name, values in rows.items()})


@given(st.lists(AMOUNTS, max_size=5))
@example([2**63 - 1, -(2**63)])
@example([2**63])
def test_whole_numbers_become_int64_where_all_fit(values):
    array = integers(values)
    assert array.tolist() == values
    assert (array.dtype == np.int64) == all(-(2**63) <= value < 2**63 for value in values)
    with pytest.raises(ValueError, match="read-only"):
        array[:] = 0


@given(columns(), columns(), st.data())
def test_books_are_equal_as_their_columns_are(one, other, data):
    changed = {**one, **{name: other[name] for name in data.draw(st.sets(st.sampled_from(["cash_units", "owners"])))}}
    if len(changed["cash_units"]) == len(changed["owners"]) == len(one["accounts"]):
        assert (Book(**one) == Book(**changed)) == (one == changed)
    assert (Book(**one) == Book(**other)) == (one == other)
    assert Book(**one) != 7
    assert pickle.loads(pickle.dumps(Book(**one))) == Book(**one) == dataclasses.replace(Book(**one))


@pytest.mark.parametrize("name", ["owners", "cash_units", "position_account", "position_market", "lots", "cost_units"])
def test_columns_of_other_lengths_are_refused(name):
    c = {
        "accounts": ("a", "b"), "owners": ("a", "b"), "cash_units": (0, 0), "markets": ("BTC",),
        "position_account": (0, 1), "position_market": (0, 0), "lots": (1, -1), "cost_units": (1, -1),
    }  # fmt: skip
    assert len(Book(**c).lots) == 2
    with pytest.raises(ValueError):
        Book(**{**c, name: c[name][:1]})


@given(columns() | columns(st.integers(-(10**6), 10**6)), st.sampled_from([1, 2**40]))
def test_a_state_opens_as_the_tuples_say(c, ceiling):
    state = open_state(Book(**c), instruments(DESIGN), {}, [ceiling] * 3)
    lots, cost = {}, {}
    for a, m, n, units in zip(c["position_account"], c["position_market"], c["lots"], c["cost_units"], strict=True):
        lots[m, a], cost[m, a] = n, units
    n = len(c["accounts"])
    assert state.cash.tolist() == list(c["cash_units"])
    assert state.lots.tolist() == [[lots.get((m, a), 0) for a in range(n)] for m in range(3)]
    assert state.cost.tolist() == [[cost.get((m, a), 0) for a in range(n)] for m in range(3)]
    assert not state.realised.any() and state.realised.shape == (3, n)
    assert state.opening_units == sum(c["cash_units"]) - sum(c["cost_units"])
    assert (state.accounts, state.owners) == (c["accounts"], c["owners"])
    assert dict(state.index) == {name: place for place, name in enumerate(c["accounts"])}
    worth = sum(abs(n) * unit * ceiling for (m, _), n in lots.items() for unit in [(1, 7, 10**6)[m]])
    bound = sum(map(abs, c["cash_units"])) + sum(map(abs, c["cost_units"])) + worth
    assert (state.cash.dtype == np.int64) == (8 * bound < 2**62) == (state.lots.dtype == np.int64)
    state.cash[0] += 1  # the state's own


def test_the_bound_is_exact_to_the_unit():
    """8 x (|cash| + |cost| + lots x unit x ceiling) just below 2^62: int64; one unit more: Python integers."""
    for more, kind in ((0, np.int64), (1, object)):
        cash = 2**59 - 1 - 12 - 3 * 7 * 10 + more
        book = Book(
            accounts=("a",), owners=("a",), cash_units=(-cash,), markets=MARKETS,
            position_account=(0,), position_market=(1,), lots=(-3,), cost_units=(-12,),
        )  # fmt: skip
        assert open_state(book, instruments(DESIGN), {}, [99, 10, 99]).cash.dtype == kind
