"""Winners: CSV and Parquet give equal arrays, in id order; each slip is named with its place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, strategies as st

from seawall.amounts import format_decimal, id_key
from seawall.design.errors import BadInput
from seawall.stress import winners as module
from seawall.stress.tables import Findings
from seawall.stress.winners import MONEY, SIGNED, read_winners

GOOD = """account,profit,equity,notional,entry_notional,wallet,maintenance,lots
b2,400.5,640,3200,3600,239.5,160,40
a,1000,1600,4000,5000,600,200,50
c1,-3.000001,2000,2000,2250,1750,100,25
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_sorted_lowest_id_first_and_amounts_are_base_units(tmp_path: Path) -> None:
    read = read_winners(write(tmp_path / "w.csv", GOOD), 6)
    assert read.ids == ("a", "b2", "c1")
    assert read.arrays.profit_units.tolist() == [1_000_000_000, 400_500_000, -3_000_001]
    assert read.arrays.cap_units.tolist() == [1_000_000_000, 400_500_000, 0]
    assert read.arrays.lots.tolist() == [50, 40, 25]
    assert "entry_notional" in read.columns and "cap" not in read.columns


def test_what_is_left_out_follows_from_profit(tmp_path: Path) -> None:
    read = read_winners(write(tmp_path / "w.csv", "account,profit\nx,5\ny,7\n"), 0)
    assert read.arrays.equity_units.tolist() == read.arrays.cap_units.tolist() == [5, 7]
    assert read.arrays.wallet_units.tolist() == [0, 0]


names = st.text("abcXY019._:-", min_size=1, max_size=5)


@given(
    st.dictionaries(names, st.lists(st.integers(0, 10**15), min_size=7, max_size=7), min_size=1, max_size=8),
    st.integers(0, 6),
    st.randoms(use_true_random=False),
)
def test_both_forms_and_both_readings_are_equal(tmp_path_factory, people, decimals, chance) -> None:
    folder = tmp_path_factory.mktemp("winners")
    rows = list(people.items())
    chance.shuffle(rows)
    signed = [
        [
            -units if name in SIGNED and units % 3 == 0 and units else units
            for name, units in zip(MONEY, row, strict=True)
        ]
        for _, row in rows
    ]
    lines = [
        ",".join([account, *(format_decimal(units, decimals) for units in row)])
        for (account, _), row in zip(rows, signed, strict=True)
    ]
    csv = write(folder / "w.csv", "\n".join([",".join(["account", *MONEY]), *lines]) + "\n")
    columns = {
        f"{name}_units": pl.Series([Decimal(row[i]) for row in signed], dtype=pl.Decimal(38, 0))
        for i, name in enumerate(MONEY)
    }
    pl.DataFrame({"account": [account for account, _ in rows], **columns}).write_parquet(folder / "w.parquet")
    first, second = read_winners(csv, decimals), read_winners(folder / "w.parquet", decimals)
    slow = module._slow(csv.read_bytes(), ".csv", Findings("w.csv"), decimals)
    assert first.ids == second.ids == tuple(sorted(people, key=id_key))
    by_id = dict(zip((account for account, _ in rows), signed, strict=True))
    for name, attribute in zip(
        MONEY, ("profit", "equity", "notional", "entry", "wallet", "maintenance", "cap"), strict=True
    ):
        place = MONEY.index(name)
        values = getattr(first.arrays, f"{attribute}_units").tolist()
        assert values == getattr(second.arrays, f"{attribute}_units").tolist()
        assert values == [by_id[account][place] for account in first.ids]
        assert slow.get_column(name).to_list() == [row[place] for row in signed]


@pytest.mark.parametrize(
    ("text", "line", "field", "found"),
    [
        ("account,profit\na,1\nb,1e3\n", 3, "profit", "'1e3'"),
        ("account,profit\na,-0\n", 2, "profit", "'-0'"),
        ("account,profit\na,1\n\nb,\n", 4, "profit", "nothing"),
        ("account,profit,notional\na,1,-4\n", 2, "notional", "'-4'"),
        ("account,profit\na b,1\n", 2, "account", "'a b'"),
        ("account,profit,lots\na,1,1.5\n", 2, "lots", "'1.5'"),
        ("account,profit\na,0.12345678\n", 2, "profit", "'0.12345678' with 8"),
        ("account,profit\na,5000000000000000000\n", 2, "profit", "'5000000000000000000'"),
        ("account,profit\na,1\na,2\n", 0, "account", "a twice"),
    ],
)
def test_each_slip_is_named_with_its_place(tmp_path: Path, text: str, line: int, field: str, found: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_winners(write(tmp_path / "w.csv", text), 6)
    problem = caught.value.problems[0]
    assert (problem.line, problem.field, problem.found) == (line, field, found)


def test_a_column_that_is_missing_or_unknown_and_a_parquet_of_floats(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="profit"):
        read_winners(write(tmp_path / "w.csv", "account,pnl\na,1\n"), 6)
    with pytest.raises(BadInput, match="entry_notional"):
        read_winners(write(tmp_path / "w.csv", "account,profit,entry_notionl\na,1,2\n"), 6)
    pl.DataFrame({"account": ["a"], "profit_units": [1.5]}).write_parquet(tmp_path / "w.parquet")
    with pytest.raises(BadInput, match=r"profit_units.*1\.5"):
        read_winners(tmp_path / "w.parquet", 6)
    with pytest.raises(BadInput, match=r"\.csv or \.parquet"):
        read_winners(tmp_path / "w.txt", 6)
