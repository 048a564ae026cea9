"""Bracket: three readings of one crash by hand, and what is taken out read a second time from the log."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from seawall.amounts import Units
from seawall.design.errors import BadInput
from seawall.design.loader import parse_design
from seawall.report.bracket_table import RemovedRow
from seawall.stress.books import read_book
from seawall.stress.bracket import Case, bracket, displacement_ticks, own_removed, removed_rows
from seawall.stress.paths import read_path
from seawall.stress.prices import MAX_TICKS, PricePath
from seawall.stress.run import Inputs, run
from seawall.venue_events import BookRow, InventoryMoved, RoundFilled
from tests.stress.test_reverse import DESIGN, SHOCK
from tests.stress.test_run import inputs as window

DEEP = 'depth = [{ market = "BTC-PERP", bids = [[10, 4], [50, 100]], asks = [[10, 4], [50, 100]] }]'

LONGS = """account,owner,cash,market,side,lots,entry_price
L1,L1,1000,BTC-PERP,long,10,1000
L2,L2,1690,BTC-PERP,long,10,1000
S,S,100000,BTC-PERP,short,20,1000
"""

SHORTS = """account,owner,cash,market,side,lots,entry_price
S1,S1,1000,BTC-PERP,short,10,1000
L,L,100000,BTC-PERP,long,10,1000
"""


def made(folder: Path, book: str, *moves_ppm: int, pass_through_ppm: int = 500_000) -> Inputs:
    text = DESIGN.replace("POLICY", "carry").replace("FLOOR", "1").replace('"300"', '"30000"')
    text = text.replace("pass_through_ppm = 0", f"pass_through_ppm = {pass_through_ppm}")
    text = text[: text.index("depth = ")] + DEEP + "\n"
    design = parse_design(text, "tiny")
    book_file, path = folder / "book.csv", folder / "fall.toml"
    book_file.write_text(book, encoding="utf-8")
    steps = "".join(f"[[steps]]\nmove_ppm = {{ BTC = {move} }}\n" for move in moves_ppm)
    path.write_text(SHOCK + steps, encoding="utf-8")
    prices = read_path(str(path), design, intrabar="low_first", markets_needed=["BTC-PERP"])
    return Inputs(design, text, read_book(book_file, design), prices, 0)


def cases(inputs: Inputs) -> dict[str, Case]:
    return {case.row.case: case for case in bracket(inputs)}


def test_three_readings_by_hand(tmp_path: Path) -> None:
    """880, then 900; half of what is touched is passed through.

    as they are    L1 is sold at 880: 4 at 870 and 6 at 830, 8,460, and owes 540. L2 has 490 where 440 are wanted.
    counted twice  the deepest fill was 50 away, so the mark is 855: L2 has 240, is sold at 830, and owes 10 too.
    own removed    880 becomes 905: L1 is sold, 4 at 895 and 6 at 855, 8,710, and owes 290; the mark is 880 again,
                   the price that was observed, and L2 stays.
    """
    inputs = made(tmp_path, LONGS, -120_000, -100_000)
    found = cases(inputs)
    assert list(found) == ["as_they_are", "counted_twice", "own_removed"]
    assert [(case.row.deficits, case.row.amount) for case in found.values()] == [(1, 540), (2, 550), (1, 290)]
    assert [case.row.pass_through_ppm for case in found.values()] == [0, 500_000, 500_000]
    assert [case.inputs.path.ticks for case in found.values()] == [
        ((1000,), (880,), (900,)),
        ((1000,), (880,), (900,)),
        ((1000,), (905,), (900,)),
    ]
    left = found["own_removed"].finished.venue.state
    assert {name: int(left.lots[0, place]) for name, place in left.index.items()} == {"L1": 0, "L2": 10, "S": -20}
    assert [case.row.removed for case in found.values()] == [(), (), (RemovedRow("BTC-PERP", 1, 25, 0),)]
    assert all(case.row.conservation_exact and case.row.verdict == "survives" for case in found.values())
    marks = [event.marks[0].ticks for event in found["own_removed"].finished.venue.events if hasattr(event, "marks")]
    assert marks == [1000, 905, 880, 900]


def test_a_rally_is_taken_out_downwards(tmp_path: Path) -> None:
    """1,120: the short is bought back, 4 at 1,130 and 6 at 1,170, 11,540: 540 owed. 25 out: 1,095, 290 owed."""
    found = cases(made(tmp_path, SHORTS, 120_000, pass_through_ppm=510_000))
    assert found["own_removed"].inputs.path.ticks == ((1000,), (1095,))  # 25.5 ticks, rounded down
    assert [case.row.amount for case in found.values()] == [540, 540, 290]
    assert found["own_removed"].row.removed == (RemovedRow("BTC-PERP", 1, 0, 25),)


def test_each_case_is_a_run_of_its_own_inputs(tmp_path: Path) -> None:
    inputs = made(tmp_path, LONGS, -120_000, -100_000)
    found = cases(inputs)
    assert found["counted_twice"].finished.summary == run(inputs).summary
    still = made(tmp_path, LONGS, -120_000, -100_000, pass_through_ppm=0)
    assert found["as_they_are"].finished.summary == run(still).summary


@pytest.mark.slow
def test_what_is_taken_out_of_a_real_crash_is_in_its_log() -> None:
    """Displacement read from the log's text, and every price of the third path from that."""
    base = window("2020-03-12", 200_000)
    text = base.design_text.replace("pass_through_ppm = 0", "pass_through_ppm = 300000")
    inputs = replace(base, design=parse_design(text, "w"), design_text=text)
    first, _, third = bracket(inputs)
    deepest: dict[tuple[int, str, str], int] = {}
    for line in first.finished.venue.lines:
        event = json.loads(line)
        if event["kind"] in ("round_filled", "inventory_moved"):
            for row in event["data"]["book"]:
                key = event["data"]["step"], row["market"], row["side"]
                deepest[key] = max(deepest.get(key, 0), row["away_ticks"])
    changed = 0
    seen: set[str] = set()
    pairs = zip(inputs.path.ticks, third.inputs.path.ticks, strict=True)
    for step, (before, after) in enumerate(pairs, start=1):
        for market, old, new in zip(inputs.path.markets, before, after, strict=True):
            if old is None or market not in seen:
                assert new == old
            else:
                down = deepest.get((step, market, "bids"), 0) - deepest.get((step, market, "asks"), 0)
                assert new == max(1, old + int(down * 300_000 / 1_000_000))
                changed += new != old
            seen |= {market} if old is not None else set()
    assert changed > 10 and sum(row.steps for row in third.row.removed) == changed
    assert third.row.conservation_exact


PRICES = st.lists(st.none() | st.integers(1, 300), min_size=1, max_size=8)


@given(PRICES, st.data())
def test_displacing_again_gives_the_observed_price_back(prices: list[int | None], data: st.DataObject) -> None:
    """As the venue's own next mark does (SPEC 4.2), wherever no price was held at 1 tick."""
    path = PricePath("p", "s", "l", "none", ("A",), tuple(range(len(prices))), tuple((p,) for p in prices))
    steps = range(1, len(prices) + 1)
    down = {(step, "A"): data.draw(st.integers(-400, 400)) for step in steps if data.draw(st.booleans())}
    ppm = data.draw(st.integers(0, 1_000_000))
    new = own_removed(path, down, ppm)
    first = next((place for place, price in enumerate(prices) if price is not None), len(prices))
    for place, (old, (found,)) in enumerate(zip(prices, new.ticks, strict=True)):
        if old is None or place <= first:
            assert found == old
            continue
        assert found is not None and found >= 1
        ticks = down.get((place + 1, "A"), 0)
        moved = abs(ticks) * ppm // 1_000_000
        again = found - moved if ticks > 0 else found + moved
        assert again == old or found == 1
    changed = [(a, b) for a, (b,) in zip(prices, new.ticks, strict=True) if a is not None and b is not None and a != b]
    assert sum(row.steps for row in removed_rows(path, new)) == len(changed)


def test_a_design_without_pass_through_has_no_bracket(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--bracket.*pass_through_ppm above 0"):
        next(bracket(made(tmp_path, LONGS, -120_000, pass_through_ppm=0)))


def test_a_price_beyond_the_bound_is_refused() -> None:
    path = PricePath("p", "s", "l", "none", ("A",), (0, 1), ((5,), (MAX_TICKS - 1,)))
    with pytest.raises(BadInput, match="2\\^53 ticks in A"):
        own_removed(path, {(2, "A"): 1}, 1_000_000)
    assert own_removed(path, {(2, "A"): 1}, 999_999).ticks == path.ticks


def test_two_rounds_of_a_step_count_the_deepest(tmp_path: Path) -> None:
    """Counted twice, L1 and L2 are sold in two rounds of one step, both 50 away: 50, not 100."""
    finished = run(made(tmp_path, LONGS, -120_000))
    assert finished.summary.rounds == 2
    assert displacement_ticks(finished.venue.events) == {(2, "BTC-PERP"): 50}


def test_sides_are_set_against_each_other_and_layers_sales_count() -> None:
    def book(market: str, side: str, away: int) -> BookRow:
        return BookRow(market, side, 1, Units(1), 1, away, (1,), 0, Units(0))

    def filled(step: int, *rows: BookRow) -> RoundFilled:
        return RoundFilled(step, 1, (), (), rows, (), ())

    events = [
        InventoryMoved(3, (), (book("A", "bids", 70),)),
        filled(3, book("A", "bids", 20), book("B", "asks", 5)),
        filled(3, book("A", "asks", 30)),
        filled(4, book("A", "bids", 9)),
    ]
    assert displacement_ticks(events) == {(3, "A"): 40, (3, "B"): -5, (4, "A"): 9}
