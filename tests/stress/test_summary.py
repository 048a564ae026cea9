"""Summary: ways to pay and money called that a run of the usual preset does not have."""

from __future__ import annotations

import json

import pytest

from seawall.amounts import format_decimal
from seawall.design.loader import parse_design
from seawall.design.presets import preset_text
from seawall.design.writer import set_values
from seawall.stress.generate import generate_book
from seawall.stress.paths import read_path
from seawall.stress.run import Inputs, markets_held, run
from tests.stress.test_run import inputs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "kind", "rows", "paid"),
    [("gains_haircut", "gains_taken", "rows", "amount"), ("tear_up", "positions_torn_up", "haircuts", "haircut")],
)
def test_what_traders_paid_is_counted_by_its_way(policy: str, kind: str, rows: str, paid: str) -> None:
    finished = run(inputs("2025-10-10", 20_000, policy=policy))
    records = [record for record in map(json.loads, finished.venue.lines) if record["kind"] == kind]
    payers = [(row["account"], int(row[paid])) for record in records for row in record["data"][rows]]
    ways = finished.summary.haircuts.by_way()
    assert ways[policy] == sum(units for _, units in payers) > 0
    assert sum(ways.values()) - ways[policy] == ways["socialised_loss"]
    assert finished.summary.accounts.haircut >= len({account for account, units in payers if units})
    assert sum(ways.values()) - finished.summary.overshoot == finished.fund.state.totals.haircuts
    assert finished.summary.overshoot == 0 and finished.summary.conservation.exact


@pytest.mark.slow
def test_money_that_layers_called_is_no_gap_in_conservation() -> None:
    """A clearing house with very little of its money, so that its members are assessed."""
    text = preset_text("ccp-waterfall")
    design = parse_design(text, "preset")
    decimals = design.asset.decimals
    changes: dict[tuple[str | int, ...], str | int] = {
        ("layers", i, "balance"): format_decimal(layer.balance // 500_000, decimals)
        for i, layer in enumerate(design.layers)
        if layer.balance
    }
    text = set_values(text, changes)
    design = parse_design(text, "poor")
    prices = read_path("2025-10-10", design, intrabar="low_first", markets_needed=()).first_ticks
    book = generate_book(design, accounts=1_400, seed=7, prices=prices, notional_units=400_000_000 * 10**decimals)
    path = read_path("2025-10-10", design, intrabar="low_first", markets_needed=sorted(markets_held(book)))
    finished = run(Inputs(design, text, book, path, 7))
    assert finished.fund.state.totals.called > 0
    assert finished.summary.conservation.exact
    assert finished.summary.conservation.opening == finished.venue.state.opening_units + sum(
        layer.balance for layer in design.layers
    )
