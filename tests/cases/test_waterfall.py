"""Waterfall: a layer at its limit has no capacity, and a window knows no calendar."""

from seawall.fund.decide import exhausted
from seawall.rules.waterfall import Claim, Room, draw_batch
from tests.generators import DesignSpec, LayerSpec, batch, inflow, shortfall

DAY_MS = 86_400_000


def test_WF_01_a_layer_at_its_limit_sends_the_deficit_on_though_it_holds_money(case):
    given, wanted = case["inputs"], case["expected"]
    rooms = [
        Room(layer["name"], None, layer["capacity"], 0, layer["limit_per_event"], layer["window_left"])
        for layer in given["layers"]
    ]
    covered = draw_batch([Claim("d", given["deficit"], ())], rooms)
    assert [
        {
            "layer": draw.layer,
            "amount": draw.amount,
            "balance_before": draw.balance_before,
            "balance_after": draw.balance_after,
            "bound_by": draw.bound_by,
        }
        for draw in covered.draws
    ] == wanted["draws"]
    assert dict(covered.severity) == {"d": wanted["severity"]}

    # The same through a fund; the window is partly used by an earlier draw, so that as much is left of it.
    used = 500_000_000_000
    kinds = ("market_bucket", "shared_fund", "venue_capital", "tranche")
    layers = []
    for layer, kind in zip(given["layers"], kinds, strict=True):
        window = layer["window_left"]
        layers.append(
            LayerSpec(
                layer["name"],
                kind,
                layer["capacity"] + (used if window else 0),
                market="BTC" if kind == "market_bucket" else None,
                event_limit=layer["limit_per_event"],
                window_limit=window + used if window else None,
                window_ms=DAY_MS if window else None,
            )
        )
    journal = DesignSpec(layers=tuple(layers), policy="adl").journal()
    journal.submit(batch("before", shortfall("b", used)), 1)
    (event,) = journal.submit(batch("event", shortfall("d", given["deficit"], {"BTC": 1})), 2)
    assert [(draw.layer, draw.amount, draw.balance_after, draw.bound_by) for draw in event.draws] == [
        (draw["layer"], draw["amount"], draw["balance_after"], draw["bound_by"]) for draw in wanted["draws"]
    ]
    asked = exhausted(event, "event")
    assert (asked is not None) == wanted["loss_policy_starts"]
    assert dict(asked.severity) == {"d": wanted["severity"]}


def test_WF_04_a_rolling_window_has_no_calendar_and_a_replenishment_gives_no_limit_back(case):
    given = case["inputs"]
    layer = LayerSpec(
        "fund",
        "venue_capital",
        given["capacity"],
        window_limit=given["window_limit"],
        window_ms=given["window_seconds"] * 1000,
    )
    journal = DesignSpec(layers=(layer,), policy="carry").journal()
    for number, (event, wanted) in enumerate(zip(given["events"], case["expected"]["events"], strict=True)):
        now = event["t"] * 1000
        assert event["t"] == wanted["t"]
        if event["kind"] == "replenish":
            # Carried debt is repaid first, so what replenishes the layer is sent on top of it.
            owed = journal.state.carried_units
            journal.submit(inflow(f"e{number}", event["amount"] + owed, "top_up", layer="fund"), now)
        else:
            answer = journal.submit(batch(f"e{number}", shortfall(f"d{number}", event["amount"])), now)
            assert sum(draw.amount for draw in answer[0].draws) == wanted["drawn"]
            assert sum(row.amount for row in answer[0].severity) == wanted["passed_on"]
        assert journal.state.layers["fund"].balance == wanted["capacity_after"]
