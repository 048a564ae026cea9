"""A book that memory does not suffice for is refused with what it needs; the stated need is above what a run takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from seawall.design.errors import BadInput
from seawall.design.loader import parse_design
from seawall.design.presets import preset_text
from seawall.stress import books, memory
from seawall.stress.books import read_book, write_book
from seawall.stress.generate import generate_book
from seawall.stress.paths import read_path

DESIGN = parse_design(preset_text("small-perp"), "small-perp")


def book(file: Path, accounts: int) -> Path:
    first = read_path("2025-10-10", DESIGN, intrabar="low_first", markets_needed=()).first_ticks
    notional = 10_000 * accounts * 10**6
    write_book(generate_book(DESIGN, accounts=accounts, seed=7, prices=first, notional_units=notional), file)
    return file


def test_a_book_that_does_not_fit_is_refused_with_the_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = book(tmp_path / "book.parquet", 500)
    monkeypatch.setattr(books, "available_bytes", lambda: 200_000)
    with pytest.raises(BadInput) as caught:
        read_book(file, DESIGN)
    (problem,) = caught.value.problems
    assert problem.wanted == "a book that fits the 0.0 GB of memory available"
    assert problem.found.endswith(" rows in 5 markets, which need about 0.0 GB")
    monkeypatch.setattr(books, "available_bytes", lambda: None)
    assert len(read_book(file, DESIGN).accounts) == 500, "where nobody knows, nothing is refused"


def test_the_last_byte_decides() -> None:
    """10^7 rows in 5 markets with ids of 9 bytes: 10^7 x (130 + 5 x 40 + 3 x 9), 200,000 x 500; 300 more if wide."""
    needed = memory.needed_bytes(10**7, 5, 9)
    assert needed == 3_670_000_000 == memory.needed_bytes(10**7, 5, 9, wide=True) - 3_000_000_000
    assert memory.too_large(needed, needed, 10**7, 5) is None
    wanted, found = memory.too_large(needed, needed - 1, 10**7, 5) or ("", "")
    assert wanted == "a book that fits the 3.7 GB of memory available"
    assert found == "10,000,000 rows in 5 markets, which need about 3.7 GB"


def test_the_least_of_what_the_machine_says_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   2048 kB\n")
    (tmp_path / "max").write_text("max\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "max")
    assert memory.available_bytes() == 2048 * 1024
    (tmp_path / "max").write_text("1000\n")
    assert memory.available_bytes() == 1000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for a process's largest size")
def test_a_run_takes_less_than_is_stated(tmp_path: Path) -> None:
    """40,000 accounts more, in a process each: what they add is below `needed_bytes` of their rows, above a quarter."""
    few, many = book(tmp_path / "few.parquet", 2_000), book(tmp_path / "many.parquet", 42_000)
    text = (
        "import sys, pathlib\n"
        "from seawall.design.loader import parse_design\n"
        "from seawall.design.presets import preset_text\n"
        "from seawall.stress.books import read_book\n"
        "from seawall.design.instruments import instruments\n"
        "from seawall.venue.state import open_state\n"
        "from seawall.stress.screen import Screen\n"
        "from seawall.venue.scan import value_all\n"
        "design = parse_design(preset_text('small-perp'), 'x')\n"
        "book = read_book(pathlib.Path(sys.argv[1]), design)\n"
        "state = open_state(book, instruments(design), {}, [10**6] * 5)\n"
        "state.ticks = [10**5] * 5\n"
        "screen = Screen(state.cash, state.cost, state.lots, state.instruments)\n"
        "screen.candidates(state.ticks), value_all(state)\n"
        "lines = pathlib.Path('/proc/self/status').read_text().splitlines()\n"  # ru_maxrss counts the parent's size too
        "peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith('VmHWM'))\n"
        "print(max(1, len(book.lots)), peak)\n"
    )
    rows, took = [], []
    for file in (few, few, many):  # the first may compile the screen and keep it, which takes memory of its own
        out = subprocess.run([sys.executable, "-c", text, str(file)], check=True, capture_output=True, text=True)
        rows.append(int(out.stdout.split()[0]))
        took.append(int(out.stdout.split()[1]))
    stated = memory.needed_bytes(rows[2] - rows[1], 5, id_bytes=12)  # a00001, o00001
    assert stated / 4 < took[2] - took[1] < stated
