"""Accumulation: what is credited is what was taken, and where it goes."""

from seawall.fund.messages import CloseMarket
from seawall.rules.accumulation import split_units
from seawall.rules.liquidation import surcharge_units
from tests.generators import DesignSpec, LayerSpec, inflow


def test_ACC_01_the_fund_is_credited_with_what_was_taken_never_with_what_was_asked(case):
    parts = tuple(case["inputs"]["split_ppm"].values())
    spec = DesignSpec(layers=(LayerSpec("bucket", "market_bucket", 0, market="BTC"),), surcharge_split=parts)
    journal, credited = spec.journal(), 0
    for number, (close, wanted) in enumerate(zip(case["inputs"]["closes"], case["expected"]["closes"], strict=True)):
        equity = close["equity_left"]
        taken = surcharge_units(close["notional"], close["surcharge_ppm"], close["notional"], equity)
        bucket, treasury = split_units(taken, parts)
        assert taken == wanted["surcharge_charged"] and equity - taken == wanted["equity_after"]
        assert (bucket, treasury) == (wanted["market_bucket_credit"], wanted["treasury_credit"])
        if taken:
            before = journal.state.layers["bucket"].balance, journal.state.receivers.get("treasury", 0)
            journal.submit(inflow(f"close.{number}", taken, "surcharge", "BTC"), number)
            after = journal.state.layers["bucket"].balance, journal.state.receivers.get("treasury", 0)
            assert tuple(b - a for a, b in zip(before, after)) == (bucket, treasury)
        credited += bucket + treasury
    assert credited == case["expected"]["total_credited"] == journal.state.totals.money_in


def test_ACC_04_an_inflow_fills_bucket_then_shared_fund_and_the_excess_is_split(case):
    stakers, treasury, rebate = case["inputs"]["excess_split_ppm"].values()

    def fund(bucket, bucket_target, shared, shared_target):
        layers = (
            LayerSpec("bucket", "market_bucket", bucket, market="BTC", target=bucket_target),
            LayerSpec("shared", "shared_fund", shared, target=shared_target),
        )
        return DesignSpec(layers=layers, excess_split=(stakers, treasury, rebate, 0)).journal()

    for name in ("a", "b"):
        given, wanted = case["inputs"][name], case["expected"][name]
        journal = fund(given["bucket"], given["bucket_target"], given["shared"], given["shared_target"])
        journal.submit(inflow("i", given["inflow"], "yield", "BTC"), 1)
        state = journal.state
        assert state.layers["bucket"].balance - given["bucket"] == wanted["to_market_bucket"]
        assert state.layers["shared"].balance - given["shared"] == wanted["to_shared_fund"]
        assert state.totals.paid_out == wanted["excess"]
        assert [state.receivers[r] for r in ("stakers", "treasury", "fee_rebate")] == list(
            wanted["excess_split"].values()
        )
    given, wanted = case["inputs"]["c"], case["expected"]["c"]
    journal = fund(given["closed_market_bucket"], 0, given["shared"], given["shared_target"])
    journal.submit(CloseMarket(id="close", market="BTC"), 1)
    state = journal.state
    assert state.layers["bucket"].balance == wanted["bucket_after"]
    assert state.layers["shared"].balance - given["shared"] == wanted["to_shared_fund"]
    assert [state.receivers[r] for r in ("stakers", "treasury", "fee_rebate")] == list(wanted["excess_split"].values())
    assert state.totals.paid_out == wanted["excess"]
