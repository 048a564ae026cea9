"""Runs: both packaged windows, whole folders, equal bytes, and nothing left of a run that fails."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from seawall.amounts import format_decimal
from seawall.design.errors import BadInput
from seawall.design.loader import parse_design
from seawall.design.presets import preset_text
from seawall.design.writer import set_values
from seawall.fund.codec import decode_hook
from seawall.fund.events import InflowRouted, Settled, SeverityCarried, ShortfallsDrawn
from seawall.fund.journal import FUND_CODEC, replay
from seawall.report.summary import Summary
from seawall.stress.generate import generate_book
from seawall.stress.paths import read_path
from seawall.stress.run import Finished, Inputs, aside, markets_held, run, write_run
from seawall.stress.verify import digest_files, verify

GOLDEN = Path(__file__).parents[1] / "golden" / "runs.txt"
Intrabar = Literal["low_first", "high_first"]


def inputs(window: str, part_ppm: int = 1_000_000, intrabar: Intrabar = "low_first", policy: str = "adl") -> Inputs:
    """A small book through a window, with a part of the preset's money in every layer."""
    text = preset_text("small-perp")
    layers = parse_design(text, "preset").layers
    changes: dict[tuple[str | int, ...], str | int] = {
        ("layers", i, "balance"): format_decimal(layer.balance * part_ppm // 10**6, 6) for i, layer in enumerate(layers)
    }
    text = set_values(text, {**changes, ("exhaustion", "policy"): policy})
    design = parse_design(text, "small-perp.toml")
    prices = read_path(window, design, intrabar=intrabar, markets_needed=()).first_ticks
    book = generate_book(design, accounts=300, seed=7, prices=prices, notional_units=20_000_000 * 10**6)
    path = read_path(window, design, intrabar=intrabar, markets_needed=sorted(markets_held(book)))
    return Inputs(design, text, book, path, 7)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["adl", "socialised_loss", "carry"])
@pytest.mark.parametrize("part_ppm", [20_000, 1_000_000])
@pytest.mark.parametrize("intrabar", ["low_first", "high_first"])
def test_I1_money_is_conserved_through_a_real_crash(intrabar: Intrabar, part_ppm: int, policy: str) -> None:
    finished = run(inputs("2025-10-10", part_ppm, intrabar, policy))
    summary = finished.summary
    assert summary.conservation.exact
    assert summary.deficits.count > 0
    assert summary.deficits.amount == summary.drawn + summary.severity
    paid = summary.haircuts.adl + summary.haircuts.adl_money + summary.haircuts.socialised_loss
    assert summary.severity == paid + summary.carried + summary.recovered + summary.pending
    assert (summary.verdict == "exhausted") == (summary.severity > 0)
    if policy == "carry":
        assert paid == 0


@pytest.mark.slow
def test_a_larger_fund_survives_what_a_smaller_does_not() -> None:
    verdicts = [run(inputs("2025-10-10", part)).summary.verdict for part in (20_000, 6_000_000)]
    assert verdicts == ["exhausted", "survives"]


@pytest.mark.slow
def test_the_summary_says_what_the_log_says() -> None:
    """A second bookkeeper that reads the fund's events alone."""
    finished = run(inputs("2025-10-10", 50_000))
    deficits = drawn = severity = haircuts = carried = paid_out = credited = repaid = 0
    for recorded in FUND_CODEC.read(finished.fund.lines):
        match recorded.event:
            case ShortfallsDrawn() as event:
                deficits += sum(item.amount for item in event.shortfalls.deficits)
                drawn += sum(row.amount for row in event.draws)
                severity += sum(row.amount for row in event.severity)
            case Settled() as event:
                haircuts += sum(row.amount for row in event.settle.haircuts)
                carried += sum(row.carried for row in event.rows)
            case SeverityCarried() as event:
                carried += sum(row.carried for row in event.rows)
            case InflowRouted() as event:
                credited += sum(row.amount for row in event.credits)
                paid_out += sum(row.amount for row in event.paid_out)
                repaid += sum(row.amount for row in event.repaid)
            case _:
                pass
    summary = finished.summary
    assert (summary.deficits.amount, summary.drawn, summary.severity) == (deficits, drawn, severity)
    assert summary.haircuts.adl + summary.haircuts.adl_money + summary.haircuts.socialised_loss == haircuts
    assert (summary.carried, summary.recovered) == (carried - repaid, repaid)
    assert sum(row.credited for row in summary.layers) == credited
    assert sum(summary.receivers.values()) == paid_out
    assert severity > 0 and haircuts > 0


def test_I7_replay_gives_the_same_state() -> None:
    finished = run(inputs("2025-10-10", 50_000))
    assert replay(finished.fund.lines).totals == finished.fund.state.totals


@pytest.mark.slow
def test_same_inputs_same_bytes_on_every_python(tmp_path: Path) -> None:
    """Golden: the digest of whole run folders, pictures included; CI compares it on more than one Python."""
    found = []
    for window, part in (("2025-10-10", 50_000), ("2020-03-12", 50_000)):
        given = inputs(window, part)
        finished = run(given)
        for name in ("one", "two"):
            with aside(tmp_path / window / name) as folder:
                write_run(finished, given, folder, (), 0.0)
        digests = {digest_files(tmp_path / window / name) for name in ("one", "two")}
        assert len(digests) == 1
        assert all(not check.problem for check in verify(tmp_path / window / "one"))
        found.append(f"{window} {digests.pop()}")
    assert found == GOLDEN.read_text().splitlines()


def test_nothing_is_left_of_a_run_that_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with aside(tmp_path / "run") as folder:
            (folder / "half").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_market_without_depth_is_named() -> None:
    given = inputs("2025-10-10")
    bare = msgspec.structs.replace(given.design, stress=msgspec.structs.replace(given.design.stress, depth=()))
    with pytest.raises(BadInput, match=r"stress\.depth: wanted a \[\[stress\.depth\]\] entry for every market"):
        run(Inputs(bare, given.design_text, given.book, given.path, 7))


def test_the_summary_decodes_as_the_type_it_is_made_of(tmp_path: Path) -> None:
    given = inputs("2025-10-10")
    finished: Finished = run(given)
    with aside(tmp_path / "run") as folder:
        write_run(finished, given, folder, (), 0.0)
    data = (tmp_path / "run" / "summary.json").read_bytes()
    assert msgspec.json.decode(data, type=Summary, dec_hook=decode_hook) == finished.summary


def test_progress_is_told_at_every_step() -> None:
    given = inputs("2025-10-10")
    told: list[tuple[int, int]] = []
    run(given, lambda done, total: told.append((done, total)))
    steps = len(given.path.t_ms)
    assert told == [(done, steps) for done in range(1, steps + 1)]
