"""Books: CSV and Parquet give equal books, and each slip is one exact line."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from seawall.amounts import format_decimal, id_key
from seawall.design.errors import BadInput
from seawall.design.instruments import instruments
from seawall.stress.books import read_book, write_book
from seawall.venue.book import Book

HEADER = "account,owner,cash,market,side,lots,entry_price\n"
GOOD = HEADER + (
    "t10,fund-a,1000.50,ETH-PERP,short,7,2000.01\n"
    "t10,fund-a,1000.5,BTC-PERP,long,3,65000.5\n"
    "t9,,-20.000001,,,,\n"
    "T2,T2,0,BTC-MINI,short,1,65010\n"
)


def csv_book(tmp_path, design, text, name="book.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_book(path, design)


def problem(tmp_path, design, text, name="book.csv"):
    """The lines of the error, without the folder."""
    with pytest.raises(BadInput) as caught:
        csv_book(tmp_path, design, text, name)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_a_csv_book_becomes_base_units_in_id_and_market_order(tmp_path, design):
    assert csv_book(tmp_path, design, GOOD) == Book(
        accounts=("T2", "t9", "t10"),
        owners=("T2", "t9", "fund-a"),
        cash_units=(0, -20_000_001, 1_000_500_000),
        markets=("BTC-PERP", "ETH-PERP", "BTC-MINI"),
        position_account=(0, 2, 2),
        position_market=(2, 0, 1),
        lots=(-1, 3, -7),
        # lots x ticks x base units of a lot and a tick: 10 x 0.1, 0.5 x 0.001, 0.01 x 0.01 asset units
        cost_units=(-1 * 6501 * 1_000_000, 3 * 130_001 * 500, -7 * 200_001 * 100),
    )


def test_cost_is_lots_times_price_exactly(tmp_path, design):
    book = csv_book(tmp_path, design, GOOD)
    by_hand = [
        -1 * Decimal("0.1") * 65010,
        3 * Decimal("0.001") * Decimal("65000.5"),
        -7 * Decimal("0.01") * Decimal("2000.01"),
    ]
    assert [Decimal(units) / 10**6 for units in book.cost_units.tolist()] == by_hand


def test_columns_in_any_order_and_without_owner(tmp_path, design):
    text = "lots,side,account,entry_price,cash,market\n3,long,a,65000,5,BTC-PERP\n,,b,,7,\n"
    book = csv_book(tmp_path, design, text)
    assert book.owners == ("a", "b")
    assert (book.cash_units.tolist(), book.lots.tolist()) == ([5_000_000, 7_000_000], [3])


ROW = "a,o,100,BTC-PERP,long,5,65000\n"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("a,o,100,BTC-PERP,long,-5,65000\n", "lots: wanted whole lots from 1 to 2^53; found '-5' (SPEC 1); "
         'a short position has side "short" and lots without a sign'),
        ("a,o,100,BTC-PERP,long,0,65000\n", "lots: wanted whole lots from 1 to 2^53; found '0' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,0.5,65000\n", "lots: wanted whole lots from 1 to 2^53; found '0.5' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,5.0,65000\n", "lots: wanted whole lots from 1 to 2^53; found '5.0' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,1e3,65000\n", "lots: wanted whole lots from 1 to 2^53; found '1e3' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,9007199254740993,65000\n",
         "lots: wanted whole lots from 1 to 2^53; found '9007199254740993' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,,65000\n", "lots: wanted whole lots from 1 to 2^53; found nothing (SPEC 1)"),
        ("a,o,100,BTC-PERP,Long,5,65000\n",
         "side: wanted long or short; found 'Long' (SPEC 1); did you mean \"long\"?"),
        ("a,o,100,BTC-PERP,,5,65000\n", "side: wanted long or short; found nothing (SPEC 1)"),
        ("a,o,100,BTC-PRP,long,5,65000\n",
         "market: wanted a market of the design; found 'BTC-PRP' (book format); did you mean \"BTC-PERP\"?"),
        ("a,o,100,,long,5,65000\n", "market: wanted a market of the design; found nothing (book format)"),
        ("a,o,100,BTC-PERP,long,5,0\n",
         "entry_price: wanted a positive price in whole ticks of 0.5; found '0' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,5,-1\n", "entry_price: wanted an amount that is not negative; found '-1' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,5,65000.25\n",
         "entry_price: wanted a positive price in whole ticks of 0.5; found '65000.25' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,5,nan\n",
         "entry_price: wanted a decimal string such as \"12500000.00\"; found 'nan' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,5,\n",
         'entry_price: wanted a decimal string such as "12500000.00"; found nothing (SPEC 1)'),
        ("a,o,NaN,,,,\n", "cash: wanted a decimal string such as \"12500000.00\"; found 'NaN' (SPEC 1)"),
        ("a,o,inf,,,,\n", "cash: wanted a decimal string such as \"12500000.00\"; found 'inf' (SPEC 1)"),
        ("a,o,,,,,\n", 'cash: wanted a decimal string such as "12500000.00"; found nothing (SPEC 1)'),
        ("a,o,1.0000001,,,,\n", "cash: wanted at most 6 decimals; found '1.0000001' with 7 (SPEC 1)"),
        ("a,o,-0,,,,\n", "cash: wanted zero without a sign; found '-0' (SPEC 1)"),
        ('a,o,"1,000",,,,\n', "cash: wanted a decimal string such as \"12500000.00\"; found '1,000' (SPEC 1); "
         'did you mean "1000"?'),
        ("a,o," + "9" * 33 + ",,,,\n", "cash: wanted an amount below 10^38 base units; found 39 digits (SPEC 1)"),
        ("a b,o,1,,,,\n",
         "account: wanted an id of 1 to 64 characters A-Z a-z 0-9 . _ : -; found 'a b' (SPEC 1)"),
        (",o,1,,,,\n",
         "account: wanted an id of 1 to 64 characters A-Z a-z 0-9 . _ : -; found nothing (SPEC 1)"),
        ("a,é,1,,,,\n",
         "owner: wanted an id of 1 to 64 characters A-Z a-z 0-9 . _ : -; found 'é' (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,9007199254740992,9" + "0" * 27 + "\n",
         f"entry_price: wanted lots x price below 10^38 base units; found 9007199254740992 x 9{'0' * 27} (SPEC 1)"),
        ("a,o,100,BTC-PERP,long,5\n", "wanted 7 cells, as in the header; found 6 (RFC 4180)"),
    ],
)  # fmt: skip
def test_a_bad_csv_row_is_one_located_line(tmp_path, design, rows, line):
    joint = ": " if line.startswith("wanted") else "  "
    assert problem(tmp_path, design, HEADER + "z,z,1,,,,\n" + rows) == f"book.csv:3{joint}{line}"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (ROW + "a,o,100,BTC-PERP,short,1,65000\n",
         "market: wanted one row an account and market; found a in BTC-PERP also in row 2 (book format)"),
        (ROW + "a,o,99,ETH-PERP,long,5,2000\n", "cash: wanted 100, the cash of a in row 2; found 99 (book format)"),
        (ROW + "a,p,100,ETH-PERP,long,5,2000\n", "owner: wanted o, the owner of a in row 2; found p (book format)"),
        (ROW + "a,o,100,,,,\n", "market: wanted a row without market only for an account without any other row; "
         "found a also in row 2 (book format)"),
        ("a,o,100,,,,\n" + ROW, "market: wanted a row without market only for an account without any other row; "
         "found a also in row 2 (book format)"),
        ("a,o,100,,,,\na,o,100,,,,\n", "market: wanted a row without market only for an account without any other row; "
         "found a also in row 2 (book format)"),
    ],
)  # fmt: skip
def test_rows_that_contradict_each_other_are_one_line(tmp_path, design, rows, line):
    assert problem(tmp_path, design, HEADER + rows) == f"book.csv:3  {line}"


def test_every_problem_is_found_at_once_and_counted_past_twenty(tmp_path, design):
    lines = problem(tmp_path, design, HEADER + "a,o,x,BTC-PRP,up,0,1\n" * 6).splitlines()
    assert len(lines) == 21
    assert [line.split(":")[1].split("  ") for line in lines[:4]] == [
        ["2", "cash"],
        ["2", "market"],
        ["2", "side"],
        ["2", "lots"],
    ]
    assert lines[-1] == "book.csv: wanted no problems; found the 20 above and 4 more"


def test_a_file_that_is_no_book(tmp_path, design):
    assert problem(tmp_path, design, "x", "book.txt") == (
        "book.txt: wanted a book that ends with .csv or .parquet; found 'book.txt' (book format)"
    )
    assert problem(tmp_path, design, "", "book.csv") == "book.csv: wanted a file with rows; found an empty file"
    assert problem(tmp_path, design, HEADER) == "book.csv: wanted at least one row below the header; found none"
    assert problem(tmp_path, design, "account,cash\na,1\n").splitlines()[0] == (
        "book.csv:1  market: wanted this column; found columns account, cash"
    )
    assert problem(tmp_path, design, GOOD, "book.parquet") == (
        "book.parquet: wanted a Parquet file; found a file that begins with b'acco'"
    )
    with pytest.raises(BadInput, match="wanted a file; found no such file"):
        read_book(tmp_path / "none.csv", design)


# -- Parquet

SCHEMA = {
    "account": pl.String,
    "owner": pl.String,
    "cash_units": pl.Decimal(38, 0),
    "market": pl.String,
    "lots": pl.Int64,
    "cost_units": pl.Decimal(38, 0),
}


def parquet_problem(tmp_path, design, frame):
    path = tmp_path / "book.parquet"
    frame.write_parquet(path)
    with pytest.raises(BadInput) as caught:
        read_book(path, design)
    return str(caught.value).replace(f"{tmp_path}/", "")


def frame(*rows):
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


LONG = ("a", "o", Decimal(100), "BTC-PERP", 5, Decimal(325_000_000))


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (("b", "o", Decimal(1), "BTC-PERP", 0, Decimal(1)),
         "lots: wanted whole lots other than 0, from -2^53 to 2^53; found 0 (SPEC 1)"),
        (("b", "o", Decimal(1), "BTC-PERP", 2**53 + 1, Decimal(1)),
         "lots: wanted whole lots other than 0, from -2^53 to 2^53; found 9007199254740993 (SPEC 1)"),
        (("b", "o", Decimal(1), "BTC-PERP", None, Decimal(1)),
         "lots: wanted whole lots other than 0, from -2^53 to 2^53; found nothing (SPEC 1)"),
        (("b", "o", Decimal(1), "BTC-PERP", 5, Decimal(-1)),
         "cost_units: wanted a cost above 0, as the lots are; found -1 (SPEC 1)"),
        (("b", "o", Decimal(1), "BTC-PERP", -5, Decimal(0)),
         "cost_units: wanted a cost below 0, as the lots are; found 0 (SPEC 1)"),
        (("b", "o", Decimal(1), "BTC-PERP", 5, None),
         "cost_units: wanted a cost above 0, as the lots are; found nothing (SPEC 1)"),
        (("b", "o", Decimal(1), "SOL-PERP", 5, Decimal(1)),
         "market: wanted a market of the design; found 'SOL-PERP' (book format); did you mean \"ETH-PERP\"?"),
        (("b", "o", Decimal(1), None, 5, Decimal(1)),
         "market: wanted a market of the design; found nothing (book format)"),
        (("b", "o", None, "BTC-PERP", 5, Decimal(1)), "cash_units: wanted an amount; found nothing (SPEC 1)"),
        ((None, "o", Decimal(1), None, None, None),
         "account: wanted an id of 1 to 64 characters A-Z a-z 0-9 . _ : -; found nothing (SPEC 1)"),
        (("b", "x y", Decimal(1), None, None, None),
         "owner: wanted an id of 1 to 64 characters A-Z a-z 0-9 . _ : -; found 'x y' (SPEC 1)"),
        (("a", "o", Decimal(100), "BTC-PERP", 1, Decimal(1)),
         "market: wanted one row an account and market; found a in BTC-PERP also in row 1 (book format)"),
        (("a", "o", Decimal(101), "ETH-PERP", 1, Decimal(1)),
         "cash_units: wanted 100, the cash of a in row 1; found 101 (book format)"),
    ],
)  # fmt: skip
def test_a_bad_parquet_row_is_one_located_line(tmp_path, design, row, line):
    assert parquet_problem(tmp_path, design, frame(LONG, row)) == f"book.parquet:2  {line}"


def test_a_parquet_column_of_the_wrong_type_is_one_line(tmp_path, design):
    floats = frame(LONG).with_columns(pl.col("cash_units").cast(pl.Float64), pl.col("lots").cast(pl.Float64))
    assert parquet_problem(tmp_path, design, floats) == (
        "book.parquet  cash_units: wanted decimal128(38,0); found a column of Float64 (SPEC 1)\n"
        "book.parquet  lots: wanted int64; found a column of Float64 (SPEC 1)"
    )
    scaled = frame(LONG).with_columns(pl.col("cost_units").cast(pl.Decimal(38, 2)))
    assert parquet_problem(tmp_path, design, scaled) == (
        "book.parquet  cost_units: wanted decimal128(38,0); found a column of Decimal(precision=38, scale=2) (SPEC 1)"
    )
    assert parquet_problem(tmp_path, design, frame(LONG).rename({"cash_units": "cash"})) == (
        "book.parquet  cash_units: wanted this column; found columns account, owner, cash, market, lots, cost_units; "
        "is column cash meant?"
    )


def test_a_parquet_cut_short_is_one_line(tmp_path, design):
    path = tmp_path / "book.parquet"
    frame(LONG).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInput, match="wanted a whole Parquet file; found one that is cut short"):
        read_book(path, design)


def test_integers_and_an_empty_column_of_no_type_are_exact_and_taken(tmp_path, design):
    path = tmp_path / "book.parquet"
    pl.DataFrame(
        {"account": ["a"], "cash_units": [7], "market": [None], "lots": [None], "cost_units": [None]}
    ).write_parquet(path)
    book = read_book(path, design)
    assert (book.accounts, book.owners) == (("a",), ("a",))
    assert (book.cash_units.tolist(), book.lots.tolist()) == ([7], [])


# -- properties

IDS = st.text("abAB09._:-", min_size=1, max_size=6)
MONEY = st.integers(-(10**38) + 1, 10**38 - 1)


@st.composite
def books(draw):
    accounts = sorted(draw(st.sets(IDS, min_size=1, max_size=6)), key=id_key)
    pairs = sorted(draw(st.sets(st.tuples(st.integers(0, len(accounts) - 1), st.integers(0, 2)), max_size=8)))
    lots = [draw(st.integers(1, 2**53)) * draw(st.sampled_from([1, -1])) for _ in pairs]
    cost = [draw(st.integers(1, 10**38 - 1)) * (1 if n > 0 else -1) for n in lots]
    return Book(
        accounts=tuple(accounts),
        owners=tuple(draw(IDS) for _ in accounts),
        cash_units=tuple(draw(MONEY) for _ in accounts),
        markets=("BTC-PERP", "ETH-PERP", "BTC-MINI"),
        position_account=tuple(a for a, _ in pairs),
        position_market=tuple(m for _, m in pairs),
        lots=tuple(lots),
        cost_units=tuple(cost),
    )


ONCE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@ONCE
@given(books())
def test_a_written_book_reads_back_equal(tmp_path, design, book):
    path = tmp_path / "book.parquet"
    write_book(book, path)
    assert read_book(path, design) == book
    assert [item.name for item in tmp_path.iterdir()] == ["book.parquet"]


@ONCE
@given(st.data())
def test_csv_and_parquet_give_equal_books(tmp_path, design, data):
    """A book whose costs are whole lots at whole ticks, written by hand as CSV in any order of rows."""
    book = data.draw(books())
    known = instruments(design)
    held = list(zip(*(column.tolist() for column in (book.position_account, book.position_market, book.lots))))
    ticks = [data.draw(st.integers(1, 10**12)) for _ in held]
    cost = [n * t * known[m].lot_tick_units for (_, m, n), t in zip(held, ticks, strict=True)]
    rows = []
    for (a, m, n), t in zip(held, ticks, strict=True):
        side = "long" if n > 0 else "short"
        rows.append((a, f"{known[m].id},{side},{abs(n)},{known[m].price_text(t)}"))
    rows += [(a, ",,,") for a in range(len(book.accounts)) if a not in book.position_account]
    text = HEADER + "".join(
        f"{book.accounts[a]},{book.owners[a]},{format_decimal(int(book.cash_units[a]), 6)},{rest}\n"
        for a, rest in data.draw(st.permutations(rows))
    )
    (tmp_path / "book.csv").write_text(text)
    read = read_book(tmp_path / "book.csv", design)
    assert read.cost_units.tolist() == cost
    write_book(read, tmp_path / "book.parquet")
    assert read_book(tmp_path / "book.parquet", design) == read
    assert (read.accounts, read.owners) == (book.accounts, book.owners)
    assert (read.cash_units.tolist(), read.lots.tolist()) == (book.cash_units.tolist(), book.lots.tolist())


@ONCE
@given(st.binary(max_size=120))
def test_any_bytes_are_a_book_or_a_problem(tmp_path, design, tail):
    (tmp_path / "book.csv").write_bytes(HEADER.encode() + tail)
    try:
        book = read_book(tmp_path / "book.csv", design)
    except BadInput:
        return
    assert book.accounts


def test_a_book_is_written_as_parquet_only(tmp_path, design):
    book = csv_book(tmp_path, design, GOOD)
    with pytest.raises(BadInput, match=r"wanted a book that ends with \.parquet; found 'b\.csv'"):
        write_book(book, tmp_path / "b.csv")
