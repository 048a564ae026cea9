"""Tables: each kind of file that is no table, by its exact line."""

from __future__ import annotations

import io

import polars as pl
import pytest
from hypothesis import given, strategies as st

from seawall.design.errors import BadInput
from seawall.stress.tables import MOST_PROBLEMS, Findings, nearest, read_bytes, read_csv, read_parquet, shown


def csv_problem(data, needed=("a", "b"), optional=("c",), **options):
    findings = Findings("t.csv")

    def read():
        read_csv(data, findings, needed, optional, **options)
        findings.raise_if_any()

    with pytest.raises(BadInput) as caught:
        read()
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a,b\n1,2\n1\n", "t.csv:3: wanted 2 cells, as in the header; found 1 (RFC 4180)"),
        (b"a,b\n1,2\n\n1,2,3\n", "t.csv:4: wanted 2 cells, as in the header; found 3 (RFC 4180)"),
        (b'a,b\n"1\n1",2\n1\n', "t.csv:4: wanted 2 cells, as in the header; found 1 (RFC 4180)"),
        (b"a,b\n1,2\n1,\xe4\n", "t.csv:3: wanted text in UTF-8; found byte 0xe4; save the file as UTF-8"),
        (b"\xff\xfea\x00,\x00b\x00", "t.csv:1: wanted text in UTF-8; found byte 0xff; save the file as UTF-8"),
        (b"a,b\n1,\x002\n", "t.csv:2: wanted text; found a null byte"),
        (b'a,b\n1,2\n1,"2\n', "t.csv:3: wanted well-formed CSV; found unexpected end of data (RFC 4180)"),
        (b'a,b\n1,"2"3\n', "t.csv:2: wanted well-formed CSV; found ',' expected after '\"' (RFC 4180)"),
        (b"a,b\n", "t.csv: wanted at least one row below the header; found none"),
        (b"\n\n", "t.csv: wanted at least one row below the header; found none"),
        (b"a;b\n1;2\n", "t.csv:1: wanted columns separated by commas; found 'a;b' (RFC 4180)"),
        (b"a\n1\n", "t.csv:1  b: wanted this column; found columns a"),
        (b"a,b,a\n1,2,3\n", "t.csv:1  a: wanted each column once; found a second one of that name"),
        (b"a,b,zz\n1,2,3\n", "t.csv:1  zz: wanted only columns a, b, c; found an unknown column"),
        (b"a,b,\n1,2,\n", "t.csv:1  nothing: wanted only columns a, b, c; found an unknown column"),
        (b"a,b,\x1b[31m\n1,2,3\n", "t.csv:1  '\\x1b[31m': wanted only columns a, b, c; found an unknown column"),
    ],
)
def test_a_bad_csv_is_one_located_line(data, line):
    assert csv_problem(data) == line


def test_a_misspelt_column_is_one_problem_with_the_name_that_is_meant():
    found = csv_problem(b"account,chash\n1,2\n", needed=("account", "cash"))
    assert found == "t.csv:1  cash: wanted this column; found columns account, chash; is column chash meant?"
    optional = csv_problem(b"account,ownr\n1,2\n", needed=("account",), optional=("owner",))
    wanted = "only columns account, owner"
    assert optional == f't.csv:1  ownr: wanted {wanted}; found an unknown column; did you mean "owner"?'


def test_rows_are_numbered_as_an_editor_does_and_a_byte_order_mark_is_dropped():
    data = b'\xef\xbb\xbfb,a,x\r\n1,2,\r\n\r\n"3\r\n3",4,\r\n5,6,\r\n'
    table = read_csv(data, Findings("t"), ("a", "b"), others=True)
    assert list(table.rows) == [2, 4, 6]
    assert table.columns == {"a": ["2", "4", "6"], "b": ["1", "3\r\n3", "5"]}


def test_twenty_problems_are_shown_and_the_rest_is_counted():
    lines = csv_problem(b"a,b\n" + b"1\n" * (MOST_PROBLEMS + 3)).splitlines()
    assert len(lines) == MOST_PROBLEMS + 1
    assert lines[-2] == "t.csv:21: wanted 2 cells, as in the header; found 1 (RFC 4180)"
    assert lines[-1] == "t.csv: wanted no problems; found the 20 above and 3 more"
    assert len(csv_problem(b"a,b\n" + b"1\n" * MOST_PROBLEMS).splitlines()) == MOST_PROBLEMS


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_problem(data):
    findings = Findings("t.csv")
    try:
        table = read_csv(data, findings, ("a",), others=True)
    except BadInput:
        return
    assert len(table.rows) == len(table.columns["a"])


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


WHOLE = parquet(pl.DataFrame({"a": list(range(200)), "b": [f"x{i}" for i in range(200)]}))


def parquet_problem(data, needed=("a", "b")):
    with pytest.raises(BadInput) as caught:
        read_parquet(data, Findings("t.parquet"), needed)
    return str(caught.value)


def test_a_bad_parquet_is_one_line():
    assert parquet_problem(b"a,b\n1,2\n") == "t.parquet: wanted a Parquet file; found a file that begins with b'a,b\\n'"
    cut = "t.parquet: wanted a whole Parquet file; found one that is cut short: no PAR1 at its end"
    assert parquet_problem(WHOLE[:-1]) == cut
    assert parquet_problem(WHOLE[: len(WHOLE) // 2]) == cut
    assert parquet_problem(b"PAR1PAR1").startswith("t.parquet: wanted a whole Parquet file; found damage: ")
    empty = parquet(pl.DataFrame({"a": [], "b": []}))
    assert parquet_problem(empty) == "t.parquet: wanted at least one row; found none"
    assert parquet_problem(WHOLE, ("a", "lots")) == (
        "t.parquet  lots: wanted this column; found columns a, b\n"
        "t.parquet  b: wanted only columns a, lots; found an unknown column"
    )


def test_a_damaged_parquet_is_a_table_or_a_problem():
    """Fixed places, not random ones: about one damage in three thousand makes the Parquet reader end the process."""
    refused = 0
    for place in range(4, len(WHOLE) - 4, 7):
        data = bytearray(WHOLE)
        data[place] ^= 0x55
        try:
            table = read_parquet(bytes(data), Findings("t"), ("a", "b"), others=True)
        except BadInput:
            refused += 1
        else:
            assert len(table.columns["a"]) == len(table.rows)
    assert refused > 0


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    def problem(path):
        with pytest.raises(BadInput) as caught:
            read_bytes(path, Findings("book.csv"))
        return str(caught.value)

    (tmp_path / "boook.csv").write_bytes(b" \n")
    assert problem(tmp_path / "book.csv") == 'book.csv: wanted a file; found no such file; did you mean "boook.csv"?'
    assert problem(tmp_path / "none" / "x") == "book.csv: wanted a file; found no such file"
    assert problem(tmp_path) == "book.csv: wanted a file that can be read; found Is a directory"
    assert problem(tmp_path / "boook.csv") == "book.csv: wanted a file with rows; found an empty file"


def test_cells_are_shown_short_and_quoted_and_hints_ignore_case():
    assert shown("") == shown(None) == "nothing"
    assert shown("x" * 70) == repr("x" * 57 + "...")
    assert shown("a\nb\x1b") == "'a\\nb\\x1b'"
    assert nearest("btc-perp", ["ETH", "BTC-PERP"]) == 'did you mean "BTC-PERP"?'
    assert nearest("zzz", ["ETH"]) == ""
