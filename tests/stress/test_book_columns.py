"""A Parquet book read by whole columns is the one that its rows give one by one, and so is every word of an error."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from seawall.amounts import id_key
from seawall.design.errors import BadInput
from seawall.stress import books, memory, tables
from seawall.stress.books import read_book, read_by_rows, write_book
from seawall.venue.book import Book
from tests.generators import DesignSpec, MarketSpec

LINEAR, INVERSE, COLLATERAL = "BTC", "XBT", "GOLD"
DESIGN = DesignSpec(
    markets=(
        MarketSpec(LINEAR),
        MarketSpec(INVERSE, 10**8, extra={"kind": "inverse_perp"}),
        MarketSpec(COLLATERAL, 1, (), extra={"kind": "collateral", "haircut_ppm": 0, "dust": "0"}),
        MarketSpec("ETH"),
    )
).design
SCHEMA = {
    "account": pl.String,
    "owner": pl.String,
    "cash_units": pl.Decimal(38, 0),
    "market": pl.String,
    "lots": pl.Int64,
    "cost_units": pl.Decimal(38, 0),
}
TYPES = {
    "account": [pl.String, pl.Categorical],
    "owner": [pl.String, pl.Categorical],
    "cash_units": [pl.Decimal(38, 0), pl.Int64, pl.UInt64],
    "market": [pl.String, pl.Categorical],
    "lots": [pl.Int64, pl.UInt64, pl.Int8],
    "cost_units": [pl.Decimal(38, 0), pl.Int64],
}

NAMES = st.sampled_from(["a", "b", "B", "A.1", "a-_:9", "z" * 64])
BAD_NAMES = st.sampled_from([None, "", "x y", "é", "z" * 65, "a\n", "\na", "a\0"])
WIDE = st.sampled_from([10**38 - 1, -(10**38) + 1, 2**63, -(2**63) - 1, 2**63 - 1, -(2**63)])
CASH = st.integers(-3, 3) | WIDE
SIZES = st.integers(1, 3) | st.sampled_from([2**53 - 1, 2**53])
COSTS = st.integers(1, 3) | WIDE.filter(lambda n: n > 0)
BARE = (None, None, None)
SLIPS = st.sampled_from([""] * 12 + ["account", "owner", "cash", "position", "other cash", "twice"])


@st.composite
def positions(draw):
    """Market, lots and cost that are good together."""
    market = draw(st.sampled_from([LINEAR, INVERSE, COLLATERAL, "ETH"]))
    size, cost = draw(SIZES), draw(COSTS)
    if market == COLLATERAL:
        return market, size, 0
    sign = draw(st.sampled_from([1, -1]))
    return market, sign * size, sign * cost * (-1 if market == INVERSE else 1)


BAD_POSITIONS = st.tuples(
    st.sampled_from([None, "", "SOL", "btc", LINEAR, INVERSE, COLLATERAL]),
    st.none() | st.integers(-2, 2) | st.sampled_from([2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]),
    st.none() | st.integers(-2, 2) | WIDE,
)


@st.composite
def rows(draw, slips=SLIPS):
    """Rows of a file: accounts that agree with themselves, and now and then a slip."""
    found = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=6, unique=True)):
        owner = draw(st.sampled_from([None, "", name, "o", "a"]))
        cash = draw(CASH)
        held = draw(st.lists(positions(), max_size=3, unique_by=lambda one: one[0])) or [BARE]
        found += [[name, owner, cash, *position] for position in held]
    for row in list(found):
        match draw(slips):
            case "account":
                row[0] = draw(BAD_NAMES)
            case "owner":
                row[1] = draw(BAD_NAMES | NAMES)
            case "cash":
                row[2] = None
            case "other cash":
                row[2] = draw(CASH)
            case "position":
                row[3:] = draw(BAD_POSITIONS)
            case "twice":
                found.append([*row[:3], *draw(st.just(BARE) | positions() | st.just(row[3:]))])
    return draw(st.permutations(found))


GOOD_ROWS = rows(st.just(""))


def written(path, found, draw):
    """The rows as a file, in row groups of few rows, in types that hold them."""
    money = [[None if cell is None else Decimal(cell) for cell in (row[2], row[5])] for row in found]
    cells = [[*row[:2], cash, *row[3:5], cost] for row, (cash, cost) in zip(found, money)]
    frame = pl.DataFrame(cells, schema=SCHEMA, orient="row")
    for name, kinds in TYPES.items():
        with suppress(pl.exceptions.InvalidOperationError):
            frame = frame.with_columns(pl.col(name).cast(draw(st.sampled_from(kinds))))
        if frame.get_column(name).null_count() == frame.height and name in ("market", "lots", "cost_units", "owner"):
            frame = frame.with_columns(draw(st.sampled_from([pl.col(name), pl.lit(None).alias(name)])))
    if draw(st.booleans()):
        frame = frame.drop("owner")
    frame.write_parquet(path, row_group_size=draw(st.sampled_from([1, 3, 100])))


def outcome(read, path):
    try:
        return read(path, DESIGN)
    except BadInput as error:
        return str(error)


def same(path):
    """The book, or the error's text, of both ways of reading."""
    by_columns, by_rows = outcome(read_book, path), outcome(read_by_rows, path)
    assert by_columns == by_rows
    if isinstance(by_rows, Book) and isinstance(by_columns, Book):
        assert by_columns.digest() == by_rows.digest()
        for name in ("cash_units", "position_account", "position_market", "lots", "cost_units"):
            assert getattr(by_columns, name).dtype == getattr(by_rows, name).dtype
    return by_columns


FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@FILES
@given(rows(), st.data(), st.sampled_from([1, 2, 5, 200_000]), st.sampled_from([1, 3, 20]))
def test_columns_equal_row_by_row_reference(tmp_path, found, data, part, most):
    path = tmp_path / "book.parquet"
    written(path, found, data.draw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "PART_ROWS", part)
        patch.setattr(tables, "MOST_PROBLEMS", most)
        same(path)


@FILES
@given(GOOD_ROWS, st.data(), st.sampled_from([1, 2, 200_000]))
def test_good_rows_in_any_order_are_a_book(tmp_path, found, data, part):
    path = tmp_path / "book.parquet"
    written(path, found, data.draw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "PART_ROWS", part)
        book = same(path)
    assert isinstance(book, Book)
    names = sorted({row[0] for row in found}, key=id_key)
    assert book.accounts == tuple(names)
    cash = {row[0]: row[2] for row in found}
    assert book.cash_units.tolist() == [cash[name] for name in names]
    order = {market: place for place, market in enumerate(book.markets)}
    held = sorted((names.index(row[0]), order[row[3]], row[4], row[5]) for row in found if row[3] is not None)
    columns = (book.position_account, book.position_market, book.lots, book.cost_units)
    assert list(zip(*(column.tolist() for column in columns))) == held
    write_book(book, path)
    assert read_book(path, DESIGN) == book


def file_of(path, *found):
    cells = [[*row[:2], Decimal(row[2]), *row[3:5], None if row[5] is None else Decimal(row[5])] for row in found]
    pl.DataFrame(cells, schema=SCHEMA, orient="row").write_parquet(path)
    return path


def test_rows_of_one_account_may_be_anywhere(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "PART_ROWS", 2)
    path = file_of(
        tmp_path / "book.parquet",
        ("bb", "o", 7, "ETH", -1, -5),
        ("c", None, 1, None, None, None),
        ("a", "a", 2, "BTC", 3, 9),
        ("bb", "o", 7, "GOLD", 4, 0),
        ("bb", "o", 7, "BTC", 2, 8),
        ("a", "a", 2, "XBT", 3, -9),
    )
    assert same(path) == Book(
        accounts=("a", "c", "bb"),
        owners=("a", "c", "o"),
        cash_units=(2, 1, 7),
        markets=("BTC", "XBT", "GOLD", "ETH"),
        position_account=(0, 0, 2, 2, 2),
        position_market=(0, 1, 0, 2, 3),
        lots=(3, 3, 2, 4, -1),
        cost_units=(9, -9, 8, 0, -5),
    )


A_LONG = ("a", "o", 1, "BTC", 1, 1)
TWICE = "market: wanted a row without market only for an account without any other row; found a also in row 1"


@pytest.mark.parametrize(
    ("one", "other", "line"),
    [
        (A_LONG, ("a", "o", 2, "ETH", 1, 1), "cash_units: wanted 1, the cash of a in row 1; found 2"),
        (A_LONG, ("a", "p", 1, "ETH", 1, 1), "owner: wanted o, the owner of a in row 1; found p"),
        (A_LONG, ("a", None, 1, "ETH", 1, 1), "owner: wanted o, the owner of a in row 1; found a"),
        (("a", "", 1, "BTC", 1, 1), ("a", "o", 1, "ETH", 1, 1), "owner: wanted a, the owner of a in row 1; found o"),
        (A_LONG, A_LONG, "market: wanted one row an account and market; found a in BTC also in row 1"),
        (A_LONG, ("a", "o", 1, None, None, None), TWICE),
        (("a", "o", 1, None, None, None), A_LONG, TWICE),
        (("a", "o", 1, None, None, None), ("a", "o", 1, None, None, None), TWICE),
    ],
)  # fmt: skip
def test_rows_that_contradict_each_other_are_told_of(tmp_path, one, other, line):
    path = file_of(tmp_path / "book.parquet", one, ("b", None, 1, "BTC", 1, 1), other)
    assert same(path) == f"{path}:3  {line} (book format)"


@pytest.mark.parametrize(
    ("position", "line"),
    [
        (("GOLD", -1, 0), "lots: wanted lots above 0: collateral is held, not owed; found -1 (SPEC 1)"),
        (("GOLD", 1, 1), "cost_units: wanted 0: collateral has no cost; found 1 (SPEC 1)"),
        (("GOLD", 1, None), "cost_units: wanted 0: collateral has no cost; found nothing (SPEC 1)"),
        (("XBT", 1, 1), "cost_units: wanted a cost below 0, since an inverse long owes the coin; found 1 (SPEC 1)"),
        (("XBT", -1, -1), "cost_units: wanted a cost above 0, since an inverse long owes the coin; found -1 (SPEC 1)"),
        (("BTC", 1, 0), "cost_units: wanted a cost above 0, as the lots are; found 0 (SPEC 1)"),
    ],
)
def test_costs_of_the_wrong_side_are_told_of(tmp_path, position, line):
    path = file_of(tmp_path / "book.parquet", A_LONG, ("b", None, 1, *position))
    assert same(path) == f"{path}:2  {line}"


def test_shorter_ids_are_lower_whatever_their_letters(tmp_path):
    """In a file by text `aa` is before `b`."""
    path = file_of(tmp_path / "book.parquet", *((name, None, 1, None, None, None) for name in ("B", "aa", "b", "bb")))
    assert same(path).accounts == ("B", "b", "aa", "bb")


def test_a_problem_far_from_its_account_s_first_row_names_both(tmp_path, monkeypatch):
    """Only the rows of `b` are gone through; they keep their places in the file."""
    monkeypatch.setattr(tables, "PART_ROWS", 2)
    gone = []
    take = books._take_parquet
    monkeypatch.setattr(books, "_take_parquet", lambda table, rows: (gone.extend(table.rows), take(table, rows)))
    good = [(f"a{number}", None, 1, "BTC", 1, 1) for number in range(6)]
    path = file_of(tmp_path / "book.parquet", ("b", "o", 1, "BTC", 1, 1), *good, ("b", "o", 2, "ETH", 1, 1))
    assert outcome(read_book, path) == (
        f"{path}:8  cash_units: wanted 1, the cash of b in row 1; found 2 (book format)"
    )
    assert gone == [1, 8]


def test_damage_is_a_problem_or_a_book(tmp_path):
    """Fixed places, not random ones, as in test_tables; what the rows are read in is flipped, never a size."""
    path = file_of(tmp_path / "book.parquet", *((f"a{n:03d}", "o", n, "BTC", n + 1, n + 1) for n in range(300)))
    whole = path.read_bytes()
    refused = 0
    for place in range(4, len(whole) - 4, 29):
        data = bytearray(whole)
        data[place] ^= 0x55
        path.write_bytes(data)
        refused += isinstance(outcome(read_book, path), str)
    assert refused > 0
    path.write_bytes(whole)
    assert isinstance(outcome(read_book, path), Book)


def test_fewer_rows_than_the_file_states_are_damage(tmp_path, monkeypatch):
    """Never a smaller book: a reader that stops at a damaged place says nothing of it."""
    monkeypatch.setattr(tables, "PART_ROWS", 2)
    path = file_of(tmp_path / "book.parquet", *((name, None, 1, None, None, None) for name in "abc"))
    findings = tables.Findings("book.parquet")
    file = tables.open_parquet(path, findings, list(SCHEMA))
    assert [part.height for part in file.parts(findings)] == [2, 1]
    parts = dataclasses.replace(file, rows=4).parts(findings)
    assert next(parts).height == 2
    with pytest.raises(BadInput, match=r"a whole Parquet file; found damage: 1 rows from 3 on, where"):
        next(parts)


def test_a_file_s_name_is_taken_at_its_word(tmp_path):
    for name in ("b[0-9].parquet", "b*.parquet", "account=z/book.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        path = file_of(tmp_path / name, ("a", None, 1, None, None, None))
        assert same(path).accounts == ("a",)


@pytest.mark.parametrize(
    ("row", "each"),
    [
        (("a", None, 1, "BTC", 1, 1), 630 + 4 * 40 + 3),
        (("abc", "owner", 1, "BTC", 1, 1), 630 + 4 * 40 + 3 * 8),
        (("a", "a", 2**63, "BTC", 1, 1), 630 + 4 * 40 + 3 + 300),
        (("a", "a", 2**59 - 4, "BTC", 1, 1), 630 + 4 * 40 + 3 + 300),  # 8 x (cash + 4 x cost) = 2^62
        (("a", "a", 2**59 - 5, "BTC", 1, 1), 630 + 4 * 40 + 3),
    ],
)
def test_the_need_counts_ids_and_amounts_as_they_are(tmp_path, monkeypatch, row, each):
    path = file_of(tmp_path / "book.parquet", row)
    monkeypatch.setattr(books, "available_bytes", lambda: each)
    assert len(read_book(path, DESIGN).lots) == 1
    monkeypatch.setattr(books, "available_bytes", lambda: each - 1)
    assert "1 rows in 4 markets, which need about 0.0 GB" in outcome(read_book, path)


def test_a_book_is_refused_as_soon_as_its_ids_are_seen_to_be_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "PART_ROWS", 1)
    path = file_of(tmp_path / "book.parquet", *((name, None, 1, None, None, None) for name in ("a", "bbbb", "c")))
    seen = []
    monkeypatch.setattr(books, "available_bytes", lambda: memory.needed_bytes(3, 4, 3))
    monkeypatch.setattr(
        books.Columns, "take", lambda self, part, take=books.Columns.take: (seen.append(1), take(self, part))
    )
    assert "a book that fits" in outcome(read_book, path) and len(seen) == 2
