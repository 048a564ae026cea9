"""Socialised loss: over net profit, the rest carried; and debt that nobody covered does not disappear."""

from fractions import Fraction

import pytest

from seawall.amounts import Units
from seawall.fund.apply import Stamp
from seawall.fund.invariants import InvariantBroken
from seawall.rules.socialisation import positive_pnl_haircuts
from seawall.venue.apply import apply
from seawall.venue.invariants import check
from seawall.venue_events import CoverRow, DeficitsCovered
from tests.generators import DesignSpec, LayerSpec, Story, batch, inflow, play, shortfall


def test_SOC_01_the_base_is_net_profit_over_all_contracts(case):
    given, wanted = case["inputs"], case["expected"]
    net = {trader: max(0, sum(by_contract)) for trader, by_contract in given["pnl_by_contract"].items()}
    assert net == wanted["net"] and sum(net.values()) == wanted["base"]
    for name in ("a", "b"):
        severity = given[f"severity_{name}"]
        haircuts = positive_pnl_haircuts(
            severity, [sum(pnl) for pnl in given["pnl_by_contract"].values()], [10**9] * len(net)
        )
        assert dict(zip(net, haircuts)) == wanted[name]["haircuts"]
        assert severity - sum(haircuts) == wanted[name]["carried"]
        assert min(Fraction(1), Fraction(severity, wanted["base"])) == Fraction(wanted[name]["factor"])


def test_SOC_03_debt_that_nobody_covered_is_carried_and_repaid_first(case):
    given, wanted = case["inputs"]["start"], case["expected"]
    journal = DesignSpec(layers=(LayerSpec("fund", "shared_fund", given["fund"]),), policy="carry").journal()
    deficit = -given["account_equity"]
    journal.submit(batch("close", shortfall("d", deficit)), 1)
    state = journal.state
    assert state.totals.deficits == wanted["after_close"]["deficit"]
    assert state.totals.drawn == wanted["after_close"]["draws"]
    assert state.totals.haircuts == wanted["after_close"]["haircuts"]
    assert {name: debt.amount for name, debt in state.carried.items()} == {"d": wanted["after_close"]["carried"]}
    for number, amount in enumerate((60, 70), start=2):
        before = state.totals.recovered
        journal.submit(inflow(f"i{number}", amount, "recovery"), number)
        after = wanted[f"after_inflow_{amount}"]
        assert state.totals.recovered - before == after["recoveries"]
        assert state.carried_units == after["carried"]
        assert state.layers["fund"].balance == after["fund"]

    # Writing the account to zero without a counterpart: the venue's writer refuses the event.
    spec = DesignSpec(layers=(LayerSpec("fund", "shared_fund", 0),))
    played = play(Story(spec, {"a": ("a", given["account_equity"], ())}, {}, ({"BTC": 1},)))
    stamp = Stamp(played.venue.state.last_seq + 1, 2000, "attempt")
    event = DeficitsCovered(1, 1, "b", (CoverRow("a", "d", Units(0), Units(0), Units(0)),))
    lines = list(played.venue.lines)
    apply(played.venue.state, stamp, event)
    with pytest.raises(InvariantBroken, match="I1"):
        check(played.venue.state, stamp, event)
    assert played.venue.lines == lines, "nothing was written"
