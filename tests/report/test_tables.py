"""Tables: every figure added up again from the logs' own JSON, without the code under test."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, strategies as st

from seawall.amounts import Units
from seawall.design.instruments import instruments
from seawall.design.loader import parse_design
from seawall.fund.codec import CorruptLog
from seawall.fund.journal import Journal
from seawall.fund.messages import CloseMarket, Inflow, Shortfall, Shortfalls
from seawall.report.rows import exact_text
from seawall.report.tables import WRITTEN, fund_tables, venue_tables, write_tables
from tests.report.runs import design_text

POLICIES = ["adl", "social", "carry", "survives", "calm"]


def events(lines):
    """(t, kind, data) of a log as plain JSON."""
    for line in lines:
        envelope = json.loads(line)
        yield envelope["t"], envelope["kind"], envelope["data"]


def column(frame, name):
    return [None if value is None else int(value) for value in frame.get_column(name).to_list()]


def lines_of(made, name):
    return made[name].venue.fund.lines, made[name].venue.lines


@pytest.mark.parametrize("name", POLICIES)
def test_deficits_equal_the_events(made, runs, name):
    deficits = {}
    for t, kind, data in events(lines_of(made, name)[0]):
        if kind == "shortfalls_drawn":
            for row in data["shortfalls"]["deficits"]:
                deficits[row["id"]] = {**row, "t": t, "batch": data["shortfalls"]["id"], "drawn": 0}
            for draw in data["draws"]:
                deficits[draw["deficit"]]["drawn"] += int(draw["amount"])
            for row in data["severity"]:
                deficits[row["deficit"]]["severity"] = int(row["amount"])
        if kind in ("settled", "severity_carried"):
            for row in data["rows"]:
                deficits[row["deficit"]].update(haircut=int(row["haircut"]), carried=int(row["carried"]))
        for row in data.get("repaid", ()):
            deficit = deficits[row["deficit"]]
            deficit["recovered"] = deficit.get("recovered", 0) + int(row["amount"])
    frame = runs[name].fund.deficits
    assert frame.get_column("deficit").to_list() == list(deficits)
    for row in frame.iter_rows(named=True):
        wanted = deficits[row["deficit"]]
        for key in ("account", "owner", "asset", "batch"):
            assert row[key] == wanted[key]
        assert row["t_ms"] == wanted["t"]
        for key in ("amount", "drawn", "severity", "haircut", "carried", "recovered"):
            assert int(row[key]) == int(wanted.get(key, 0))
        assert row["amount"] == row["drawn"] + row["severity"]
        assert row["severity"] == row["haircut"] + row["carried"] + row["pending"]
    assert (name in ("calm", "survives")) == (sum(column(frame, "severity")) == 0)


@pytest.mark.parametrize("name", POLICIES)
def test_draws_haircuts_and_inflows_equal_the_events(made, runs, name):
    draws, haircuts, inflows = [], [], []
    for t, kind, data in events(lines_of(made, name)[0]):
        if kind == "shortfalls_drawn":
            for row in data["draws"]:
                money = [int(row[key]) for key in ("amount", "balance_before", "balance_after")]
                draws.append((t, data["shortfalls"]["id"], row["deficit"], row["layer"], *money, row["bound_by"]))
        if kind == "settled":
            for row in data["settle"]["haircuts"]:
                who = (row["account"], row["owner"], row["market"], row["how"])
                haircuts.append((t, data["settle"]["batch"], *who, row["lots"], int(row["amount"])))
        if kind == "inflow_routed":
            row = data["inflow"]
            parts = [sum(int(part["amount"]) for part in data[key]) for key in ("credits", "repaid", "paid_out")]
            assert sum(parts) == int(row["amount"])
            inflows.append((t, row["id"], row["source"], row["market"], int(row["amount"]), *parts))
    fund = runs[name].fund
    assert fund.draws.rows() == draws
    assert fund.haircuts.rows() == haircuts
    assert fund.inflows.rows() == inflows


@pytest.mark.parametrize("name", POLICIES)
def test_layers_follow_every_posting(made, runs, name):
    balances, rows = {}, []
    for seq, (t, kind, data) in enumerate(events(lines_of(made, name)[0]), start=1):
        if kind == "opened":
            for row in data["layers"]:
                balances[row["layer"]] = int(row["balance"])
                rows.append((t, seq, row["layer"], int(row["balance"])))
        for row in data.get("credits", ()):
            balances[row["layer"]] += int(row["amount"])
            rows.append((t, seq, row["layer"], balances[row["layer"]]))
        for row in data.get("draws", ()):
            if int(row["amount"]):
                balances[row["layer"]] -= int(row["amount"])
                rows.append((t, seq, row["layer"], balances[row["layer"]]))
    assert runs[name].fund.layers.rows() == rows
    assert balances == {key: layer.balance for key, layer in made[name].venue.fund.state.layers.items()}


@pytest.mark.parametrize("name", POLICIES)
def test_liquidations_and_closings_equal_the_events(made, runs, name):
    units = {instrument.id: instrument for instrument in runs[name].instruments}
    wanted, closings = [], []
    for t, kind, data in events(lines_of(made, name)[1]):
        if kind == "round_filled":
            for row in data["triggered"]:
                head = (t, data["step"], data["round"], row["account"], row["owner"])
                head += (int(row["equity"]), int(row["maintenance"]), row["induced"])
                fills = [fill for fill in data["fills"] if fill["account"] == row["account"]]
                wanted += [(head, fill) for fill in fills] or [(head, None)]
        if kind == "accounts_closed":
            for row in data["rows"]:
                fees = sum(int(fee["amount"]) for fee in row["fees"])
                closings.append((row["account"], int(row["equity"]), int(row["deficit"]), fees, row["deficit_id"]))
    table = runs[name].venue.liquidations
    assert table.height == len(wanted)
    for row, (head, fill) in zip(table.iter_rows(named=True), wanted):
        keys = ("t_ms", "step", "round", "account", "owner", "equity", "maintenance", "induced")
        assert tuple(row[key] for key in keys) == head
        if fill is None:
            assert row["market"] is None and row["cross_lots"] == row["book_lots"] == 0
            continue
        for key in ("market", "bankruptcy_ticks", "cross_lots", "book_lots", "lots_after"):
            assert row[key] == fill[key]
        lots = fill["cross_lots"] + fill["book_lots"]
        ticks = Fraction(int(fill["amount"]), lots * units[fill["market"]].lot_tick_units)
        tick_size = Fraction(units[fill["market"]].market.tick_size)
        assert Fraction(row["fill_price"]) == ticks * tick_size
        assert row["side"] == ("long" if lots < 0 else "short")
    frame = runs[name].venue.closings
    found = zip(*(frame.get_column(key).to_list() for key in ("account", "equity", "deficit", "fees", "deficit_id")))
    assert [(a, int(e), int(d), int(f), i or "") for a, e, d, f, i in found] == closings


@pytest.mark.parametrize("name", POLICIES)
def test_steps_count_lots_rounds_and_begun_liquidations(made, runs, name):
    under_way, steps = set(), {}
    for t, kind, data in events(lines_of(made, name)[1]):
        if kind == "marked":
            step = steps.setdefault(data["step"], {"t": t, "marks": {}, "rounds": 0, "began": 0, "lots": {}})
            for mark in data["marks"]:
                step["marks"][mark["market"]] = mark
        if kind == "round_filled":
            step = steps[data["step"]]
            step["rounds"] += 1
            new = {row["account"] for row in data["triggered"]} - under_way
            under_way |= new
            step["began"] += len(new)
            for fill in data["fills"]:
                lots = step["lots"].setdefault(fill["market"], [0, 0, 0])
                lots[0] += max(fill["cross_lots"], 0)
                lots[1] += abs(fill["book_lots"])
        if kind == "accounts_closed":
            under_way -= {row["account"] for row in data["rows"]}
        if kind == "deleveraged":
            for row in data["closings"]:
                steps[data["step"]]["lots"].setdefault(row["market"], [0, 0, 0])[2] += row["lots"]
    rows = [
        (
            *(number, step["t"], market, mark["anchor_ticks"], mark["ticks"], mark["stale"]),
            *(step["rounds"], step["began"], *step["lots"].get(market, [0, 0, 0])),
        )
        for number, step in steps.items()
        for market, mark in step["marks"].items()
    ]
    assert runs[name].venue.steps.rows() == rows


def test_deleveraged_lots_and_winners_pair_up(runs):
    venue, fund = runs["adl"].venue, runs["adl"].fund
    assert venue.winners.height
    for key in ("batch", "market"):
        lots = [
            frame.group_by(key).agg(pl.col("lots").sum()).sort(key).rows()
            for frame in (venue.deleveraged, venue.winners)
        ]
        assert lots[0] == lots[1]
    paid = fund.haircuts.filter(pl.col("how") == "adl")
    assert sum(column(paid, "amount")) == sum(column(venue.winners, "haircut")) > 0


def test_money_is_decimal_and_lots_are_int64(runs):
    schema = runs["adl"].venue.liquidations.schema
    assert schema["equity"] == schema["surcharge"] == pl.Decimal(38, 0)
    assert schema["book_lots"] == schema["bankruptcy_ticks"] == pl.Int64
    assert runs["calm"].fund.haircuts.schema == runs["adl"].fund.haircuts.schema


def test_amounts_of_38_digits_survive(tmp_path):
    huge = 10**38 - 1
    text = design_text()
    fund = Journal(parse_design(text, "x"), text, 0)
    inflow = Inflow(id="i", source="top_up", asset="USDC", amount=Units(huge - 10**30), layer="shared")
    assert isinstance(fund.submit(inflow, 1), tuple)
    tables = fund_tables(fund.lines)
    assert column(tables.inflows, "amount") == [huge - 10**30]
    frame = pl.DataFrame({"x": pl.Series([huge, -huge], dtype=pl.Decimal(38, 0))})
    frame.write_parquet(tmp_path / "x.parquet")
    assert column(pl.read_parquet(tmp_path / "x.parquet"), "x") == [huge, -huge]


def test_a_closed_market_and_pending_severity_are_shown():
    text = design_text("adl", shared="0")
    fund = Journal(parse_design(text, "x"), text, 0)
    owed = Shortfall("D1", "a", "a", "USDC", Units(1_000_000), ())
    fund.submit(Shortfalls(id="b1", deficits=(owed,)), 1)
    fund.submit(CloseMarket(id="c", market="BTC-PERP"), 2)
    tables = fund_tables(fund.lines)
    assert column(tables.deficits, "pending") == column(tables.deficits, "severity") == [960_000]  # 400.00 of capital
    assert tables.layers.filter(pl.col("layer") == "btc-bucket").get_column("balance").to_list()[-1] == 0
    assert tables.inflows.height == 0


def test_written_tables_are_the_same_bytes_each_time(made, runs, tmp_path):
    digests = []
    for attempt in ("one", "two"):
        folder = tmp_path / attempt
        folder.mkdir()
        fund_lines, venue_lines = lines_of(made, "adl")
        known = instruments(runs["adl"].design)
        write_tables(folder, fund_tables(fund_lines), venue_tables(venue_lines, known))
        assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.parquet" for name in WRITTEN)
        digests.append([hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest() for name in WRITTEN])
    assert digests[0] == digests[1]
    for name in WRITTEN:
        table = getattr(runs["adl"].fund, name, None)
        table = getattr(runs["adl"].venue, name) if table is None else table
        assert pl.read_parquet(tmp_path / "one" / f"{name}.parquet").equals(table)


def test_a_broken_chain_is_refused(made):
    lines = list(made["adl"].venue.lines)
    del lines[3]
    with pytest.raises(CorruptLog, match="record 4"):
        venue_tables(lines, ())


@given(st.fractions(max_denominator=10**6))
def test_exact_text_reads_back_and_is_a_decimal_where_one_ends(value):
    text = exact_text(value)
    assert Fraction(text) == value
    ends = value.denominator
    for prime in (2, 5):
        while ends % prime == 0:
            ends //= prime
    assert ("/" in text) == (ends != 1)
