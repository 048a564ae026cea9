"""Generated books: exact sums, exact margins, the shares asked for, the same bytes everywhere."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from seawall.amounts import PPM
from seawall.design.errors import BadInput
from seawall.design.instruments import instruments
from seawall.stress.books import read_book, write_book
from seawall.stress.generate import LEVERAGE_QUANTILES, generate_book
from seawall.venue.book import Book

GOLDEN = Path(__file__).parents[1] / "golden" / "generated_book.txt"
USD = 10**6
PRICES = {"BTC-PERP": 130_001, "ETH-PERP": 430_017, "BTC-MINI": 6_500}  # ticks
INTEREST = {"BTC-PERP": 900_000_000 * USD, "ETH-PERP": 300_000_000 * USD, "BTC-MINI": 100_000_000 * USD}


def generated(design, **changes) -> Book:
    return generate_book(
        design, **{"accounts": 500, "seed": 7, "prices": PRICES, "notional_units": INTEREST, **changes}
    )


def positions(book: Book) -> list[tuple[int, int, int, int]]:
    """Account, market, lots and cost of each position, as Python integers."""
    columns = (book.position_account, book.position_market, book.lots, book.cost_units)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def accounts_of(design, book: Book, prices=PRICES):
    """Of each account: notional, equity, initial margin by definition, profit; in base units at the prices."""
    known = instruments(design)
    rows = [[0, cash, 0, 0] for cash in book.cash_units.tolist()]
    for a, m, lots, cost in positions(book):
        worth = lots * prices[known[m].id] * known[m].lot_tick_units
        tiers = known[m].market.tiers
        rate = next(t.initial_margin_ppm for t in tiers if t.up_to_notional is None or abs(worth) <= t.up_to_notional)
        rows[a][0] += abs(worth)
        rows[a][1] += worth - cost
        rows[a][2] += (abs(worth) * rate + PPM - 1) // PPM
        rows[a][3] += worth - cost
    return rows


def lots_by_market(book: Book):
    longs, shorts = [0] * len(book.markets), [0] * len(book.markets)
    for _, m, lots, _ in positions(book):
        longs[m] += max(lots, 0)
        shorts[m] += max(-lots, 0)
    return longs, shorts


ARGUMENTS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**64 - 1),
        "accounts": st.integers(6, 80),
        "outside_share_ppm": st.sampled_from([0, 1, 137_000, 500_000, 990_000, PPM]),
        "net_side": st.sampled_from(["long", "short"]),
        "long_share_ppm": st.sampled_from([1, 200_000, 600_000, PPM - 1]),
        "size_tail_ppm": st.sampled_from([500_000, 1_200_000, 10_000_000]),
        "median_leverage_ppm": st.sampled_from([100_000, 5_000_000, 50_000_000]),
        "max_leverage_ppm": st.sampled_from([1_000_000, 20_000_000, 1_000_000_000]),
    }
)


@settings(deadline=None, max_examples=100)
@given(ARGUMENTS)
def test_I11_sums_shares_and_margins_are_exact(design, arguments):
    book = generated(design, **arguments)
    known = instruments(design)
    longs, shorts = lots_by_market(book)
    share = arguments["outside_share_ppm"]
    for m, instrument in enumerate(known):
        interest = INTEREST[instrument.id] // (PRICES[instrument.id] * instrument.lot_tick_units)
        larger, smaller = (longs[m], shorts[m]) if arguments["net_side"] == "long" else (shorts[m], longs[m])
        assert larger == interest
        assert larger - smaller == interest * share // PPM
        assert abs(book.outside_lots()[m]) == larger - smaller
        assert book.outside_share_ppm()[m] <= share
    for notional, equity, margin, profit in accounts_of(design, book):
        assert equity >= margin > 0
        assert notional * PPM <= equity * arguments["max_leverage_ppm"]
        assert abs(profit) * 10 <= equity * 6
    assert min(book.cash_units) > 0


@settings(deadline=None, max_examples=50)
@given(ARGUMENTS)
def test_a_generated_book_is_in_the_books_order(design, arguments):
    book = generated(design, **arguments)
    assert book.accounts == tuple(sorted(set(book.accounts), key=lambda name: (len(name), name)))
    rows = positions(book)
    pairs = [(a, m) for a, m, _, _ in rows]
    assert pairs == sorted(set(pairs))
    assert {a for a, _ in pairs} == set(range(len(book.accounts)))
    assert all(lots != 0 and (lots > 0) == (cost > 0) for _, _, lots, cost in rows)
    assert max(Counter(a for a, _ in pairs).values()) <= 3


def test_same_seed_same_bytes_as_the_golden(design):
    """The digest in tests/golden/generated_book.txt, made once; every machine and Python must give it."""
    found = "".join(
        f"accounts {accounts} seed {seed} digest {generated(design, accounts=accounts, seed=seed).digest()}\n"
        for accounts, seed in [(6, 0), (500, 7), (500, 2**64 - 1), (3_000, 7)]
    )
    assert found == GOLDEN.read_text()


def test_the_draws_do_not_depend_on_how_many_are_taken_at_once(design, monkeypatch):
    whole = generated(design)
    monkeypatch.setattr("seawall.stress.generate._CHUNK", 7)
    assert generated(design) == whole


def test_other_chance_in_the_process_changes_nothing(design):
    whole = generated(design)
    random.seed(1)
    assert generated(design) == whole
    assert generated(design, seed=8) != whole


def test_an_account_draws_the_same_whatever_comes_after_it(design):
    """Owners, markets and sides of the first accounts do not depend on how many accounts there are."""
    few, many = generated(design, accounts=100), generated(design, accounts=1_000)
    firsts = [(a, m, lots > 0) for a, m, lots, _ in positions(many) if a < 100]
    assert [(a, m, lots > 0) for a, m, lots, _ in positions(few)] == firsts


def test_the_shape_is_the_documented_one(design):
    """Shares of a book of 5,000 accounts, within what chance allows (about four standard deviations)."""
    small = {"BTC-PERP": 90_000_000 * USD, "ETH-PERP": 30_000_000 * USD}  # most positions in the tier that allows 50x
    book = generated(design, accounts=5_000, notional_units=small, max_leverage_ppm=1_000_000_000)
    rows = accounts_of(design, book)
    leverage = sorted(notional / equity for notional, equity, _, _ in rows)
    assert 0.70 < sum(2 <= x <= 10 for x in leverage) / 5_000 < 0.78
    assert 4.7 < leverage[2_500] < 5.3
    assert sum(x > 25 for x in leverage) / 5_000 < 0.03
    at_margin = sum(equity == margin for _, equity, margin, _ in rows)
    assert at_margin > 50  # some at the tier's maximum
    profits = [profit for *_, profit in rows]
    assert 0.45 < sum(p > 0 for p in profits) / 5_000 < 0.55
    assert 0.57 < sum(lots > 0 for lots in book.lots) / len(book.lots) < 0.63
    assert 0.10 < 1 - len(set(book.owners)) / 5_000 < 0.14
    sizes = sorted((notional for notional, *_ in rows), reverse=True)
    assert 0.25 < sum(sizes[:50]) / sum(sizes) < 0.60
    thin = sorted(row[0] for row in accounts_of(design, generated(design, accounts=5_000, size_tail_ppm=3_000_000)))
    assert sum(thin[-50:]) / sum(thin) < 0.10


def test_leverage_quantiles_rise_from_nothing_to_all():
    parts, multiples = zip(*LEVERAGE_QUANTILES, strict=True)
    assert parts[0] == 0 and parts[-1] == PPM and list(parts) == sorted(set(parts))
    assert list(multiples) == sorted(set(multiples)) and dict(LEVERAGE_QUANTILES)[500_000] == 1_000


def test_one_market_or_a_total_may_be_asked_for(design):
    one = generated(design, notional_units={"ETH-PERP": 10**9 * USD})
    assert set(one.position_market) == {1} and one.markets == ("BTC-PERP", "ETH-PERP", "BTC-MINI")
    total = generated(design, notional_units=3 * 10**8 * USD)
    assert set(total.position_market) == {0, 1, 2}
    assert max(lots_by_market(total)[0][1], lots_by_market(total)[1][1]) == 10**8 * USD // (430_017 * 100)


def test_a_generated_book_survives_its_file(tmp_path, design):
    book = generated(design)
    write_book(book, tmp_path / "book.parquet")
    assert read_book(tmp_path / "book.parquet", design) == book


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"accounts": 5}, "accounts: wanted 6 to 10000000; found 5 (book generator)"),
        ({"seed": -1}, "seed: wanted 0 to 18446744073709551615; found -1 (book generator)"),
        ({"outside_share_ppm": 1_000_001}, "outside_share_ppm: wanted 0 to 1000000; found 1000001 (book generator)"),
        ({"long_share_ppm": 0}, "long_share_ppm: wanted 1 to 999999; found 0 (book generator)"),
        ({"size_tail_ppm": 1}, "size_tail_ppm: wanted 500000 to 10000000; found 1 (book generator)"),
        ({"median_leverage_ppm": 0}, "median_leverage_ppm: wanted 100000 to 1000000000; found 0 (book generator)"),
        ({"max_leverage_ppm": 0}, "max_leverage_ppm: wanted 100000 to 1000000000; found 0 (book generator)"),
        ({"prices": {"SOL": 5}},
         "prices[SOL]: wanted a market of the design (BTC-PERP, ETH-PERP, BTC-MINI); found SOL (book generator)"),
        ({"prices": {"BTC-PERP": 0}},
         "prices[BTC-PERP]: wanted a price of at least one tick; found 0 (book generator)"),
        ({"prices": {}, "notional_units": 5},
         "notional_units: wanted open interest in at least one market; found none (book generator)"),
        ({"prices": {"BTC-PERP": 5}},
         "notional_units[ETH-PERP]: wanted a market with a price; found ETH-PERP (book generator)"),
        ({"notional_units": {"SOL": 5}},
         "notional_units[SOL]: wanted a market with a price; found SOL (book generator)"),
        ({"notional_units": 0},
         "notional_units[BTC-PERP]: wanted open interest of 1 to 2^53 lots; found 0 lots (book generator)"),
        ({"notional_units": -5},
         "notional_units[BTC-PERP]: wanted open interest of 1 to 2^53 lots; found 0 lots (book generator)"),
    ],
)  # fmt: skip
def test_an_argument_out_of_range_is_one_line(design, changes, line):
    with pytest.raises(BadInput) as caught:
        generated(design, **changes)
    assert str(caught.value) == line


def test_too_little_open_interest_for_the_accounts_is_one_line(design):
    with pytest.raises(BadInput) as caught:
        generated(design, accounts=3_000, notional_units={"BTC-MINI": 6_500_000 * USD})
    head, found = str(caught.value).split("; ", 1)
    assert head.startswith("notional_units[BTC-MINI]: wanted at least a lot for each of 1")  # some 1,800 longs
    assert head.endswith(" positions on the long side")
    assert found == "found 1000 lots (book generator); more open interest, fewer accounts or a smaller outside share"
