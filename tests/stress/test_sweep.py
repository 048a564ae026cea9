"""Sweep: every path's outcome is that of a run of its own, however many run at once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from seawall.stress import memory
from seawall.stress.generate import generate_book
from seawall.stress.reverse import scaled
from seawall.stress.run import run
from seawall.stress.sweep import sweep
from tests.stress.test_run import inputs

MULTIPLES = (0, 300_000, 700_000, 900_000, 1_000_000, 1_300_000)


def paths(given_):
    return [scaled(given_.path, multiple) for multiple in MULTIPLES]


def layers_ended(finished):
    """Layers that a draw left no more than their minimum, or that were asked for more than they had: from the log."""
    ended = set()
    minimum = {layer.id: int(layer.minimum_left) for layer in finished.fund.state.design.layers}
    for line in map(json.loads, finished.fund.lines):
        for draw in line["data"].get("draws", []):
            if int(draw["balance_after"]) <= minimum[draw["layer"]] or draw["bound_by"] in ("capacity", "minimum_left"):
                ended.add(draw["layer"])
    return tuple(layer.id for layer in finished.fund.state.design.layers if layer.id in ended)


def of_run(given_):
    """A run's figures, from its summary and its logs."""
    finished = run(given_, scan="exact")
    summary = finished.summary
    return (
        summary.deficits.count,
        int(summary.deficits.amount),
        int(summary.drawn),
        int(summary.severity),
        summary.haircuts.total,
        summary.accounts.liquidated,
        summary.accounts.bankrupt,
        summary.accounts.deleveraged,
        int(summary.carried + summary.recovered),
        tuple((row.layer, int(row.drawn), int(row.after)) for row in summary.layers),
        layers_ended(finished),
        summary.stale_steps,
        summary.conservation.exact,
        summary.verdict,
    )


def of_outcome(outcome):
    return (
        outcome.deficits,
        outcome.amount,
        outcome.drawn,
        outcome.severity,
        outcome.haircuts,
        outcome.liquidated,
        outcome.bankrupt,
        outcome.deleveraged,
        outcome.carried,
        tuple((layer.name, layer.drawn, layer.balance) for layer in outcome.layers),
        outcome.layers_ended,
        outcome.stale_steps,
        outcome.conservation_exact,
        outcome.verdict,
    )


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["adl", "socialised_loss", "carry"])
def test_every_path_comes_to_what_it_comes_to_alone(policy: str) -> None:
    given_ = inputs("2025-10-10", 50_000, policy=policy)
    wanted = [of_run(replace(given_, path=path)) for path in paths(given_)]
    assert len(set(wanted)) > 3 and any(row[3] for row in wanted) and not all(row[3] for row in wanted)
    for keys in ({"scan": "exact"}, {"scan": "auto"}, {"scan": "kernel"}, {"scan": "kernel", "at_once": 2}):
        outcomes = list(sweep(given_, iter(paths(given_)), **keys))
        assert [outcome.number for outcome in outcomes] == list(range(len(MULTIPLES)))
        assert [of_outcome(outcome) for outcome in outcomes] == wanted, keys


def test_paths_of_different_lengths_are_given_back_in_order() -> None:
    """The first is the longest: the others end before it, and wait."""
    given_ = inputs("2025-10-10", 50_000)
    path = given_.path
    cut = [replace(path, t_ms=path.t_ms[:n], ticks=path.ticks[:n]) for n in (60, 3, 1, 40, 2)]
    told: list[tuple[int, int]] = []
    outcomes = list(sweep(given_, cut, count=5, scan="kernel", at_once=3, progress=lambda *at: told.append(at)))
    assert [of_outcome(one) for one in outcomes] == [of_run(replace(given_, path=one)) for one in cut]
    assert told == [(done, 5) for done in range(6)]


def test_no_path_is_no_outcome() -> None:
    given_ = inputs("2025-10-10", 50_000)
    assert list(sweep(given_, [], scan="kernel")) == list(sweep(given_, [], scan="exact")) == []


def test_a_large_book_takes_the_batch_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    given_ = inputs("2025-10-10")
    first = given_.path.first_ticks
    book = generate_book(given_.design, accounts=20_000, seed=7, prices=first, notional_units=10_000_000 * 10**6)
    path = replace(given_.path, t_ms=given_.path.t_ms[:2], ticks=given_.path.ticks[:2])
    asked: list[int] = []
    monkeypatch.setattr("seawall.stress.sweep.paths_at_once", lambda n, m, *_, **__: asked.append(n) or 2)
    for one, count in ((given_, 0), (replace(given_, book=book), 1)):
        list(sweep(one, [path, path, path]))
        assert len(asked) == count
    assert asked == [20_000]


def test_as_many_paths_run_at_once_as_half_of_the_memory_holds() -> None:
    """A million accounts in five markets: 40 + 5 x 44 bytes each and 32 MB: 292 MB a path; 16 numbers of 40 more."""
    assert memory.paths_at_once(10**6, 5, 2 * 292_000_000 * 7) == 7
    assert memory.paths_at_once(10**6, 5, 2 * 292_000_000 * 7 - 1) == 6
    assert memory.paths_at_once(10**6, 5, 2 * 932_000_000 * 3, wide=True) == 3
    assert memory.paths_at_once(10**6, 5, 0) == 1 and memory.paths_at_once(10, 1, None) > 64
