"""ADL: live positions only, and no overshoot."""

from seawall.rules.deleveraging import Gap, Winner, capped_water_fill, plan_lots, return_excess
from seawall.rules.socialisation import positive_pnl_haircuts
from tests.generators import DesignSpec, LayerSpec, MarketSpec, Story, TierSpec, play


def test_ADL_01_positions_are_closed_as_they_are_not_as_they_were_planned(case):
    given = case["inputs"]
    unit, mark, px = given["lot_tick_value"], given["mark"], given["bankruptcy_price"]
    gap = (px - mark) * unit
    for name in ("a", "b"):
        live, wanted = given[f"live_lots_{name}"], case["expected"][name]
        winners = []
        for winner in given["queue"]:
            entry, lots = given["entries"][winner], live[winner]
            profit, notional = lots * (entry - mark) * unit, lots * mark * unit
            winners.append(Winner(winner, lots, profit, notional, notional, lots * entry * unit))
        need = Gap(given["bankrupt_lots"] * gap, given["bankrupt_lots"])
        closed = dict(zip(given["queue"], plan_lots(winners, need, "queue_pnl_leverage", "profit_at_close")))
        assert closed == wanted["closed_lots"]
        assert {winner: lots * gap for winner, lots in closed.items()} == wanted["haircuts"]
        assert given["bankrupt_lots"] - sum(closed.values()) == wanted["left_lots"]

        # The whole venue: one lot of depth far below the bankruptcy price, and no layer that could pay for it.
        accounts = {"bankrupt": ("bankrupt", 0, ((0, given["bankrupt_lots"], given["bankrupt_lots"] * px * unit),))}
        for winner in given["queue"]:
            lots, entry = live[winner], given["entries"][winner]
            equity = lots * mark * unit
            accounts[winner] = (winner, equity - lots * (entry - mark) * unit, ((0, -lots, -lots * entry * unit),))
        spec = DesignSpec(
            markets=(MarketSpec("BTC", unit, (TierSpec(50_000),)),),
            layers=(LayerSpec("shared", "shared_fund", 0),),
            policy="adl",
            ranking="queue_pnl_leverage",
        )
        played = play(Story(spec, accounts, {("BTC", "bids"): ((40, 1),)}, ({"BTC": mark},)))
        (event,) = played.data("deleveraged")
        rows = {row["account"]: row for row in event["haircuts"]}
        assert {w: rows[w]["lots"] if w in rows else 0 for w in given["queue"]} == wanted["closed_lots"]
        assert {w: int(rows[w]["haircut"]) if w in rows else 0 for w in given["queue"]} == wanted["haircuts"]
        assert int(event["severity"]) == wanted["severity"]
        state = played.venue.state
        for winner in given["queue"]:
            left = int(state.lots[0, state.index[winner]])
            assert left == -(live[winner] - wanted["closed_lots"][winner]) <= 0, "nobody is pushed through zero"
        assert int(state.lots[0, state.index["bankrupt"]]) == -wanted["left_lots"]


def test_ADL_03_haircuts_are_the_severity_to_the_unit_and_a_whole_position_queue_overshoots(case):
    given, wanted = case["inputs"], case["expected"]
    for name in ("pro_rata_a", "pro_rata_b"):
        pnl = list(given[name]["pnl"].values())
        haircuts = positive_pnl_haircuts(given[name]["severity"], pnl, pnl)
        assert dict(zip(given[name]["pnl"], haircuts)) == wanted[name]
        assert haircuts == capped_water_fill(given[name]["severity"], pnl, pnl)
        assert sum(haircuts) == given[name]["severity"]
    pnl = list(given["pro_rata_c"]["pnl"].values())
    haircuts = positive_pnl_haircuts(given["pro_rata_c"]["severity"], pnl, pnl)
    assert dict(zip(given["pro_rata_c"]["pnl"], haircuts)) == wanted["pro_rata_c"]["haircuts"]
    assert given["pro_rata_c"]["severity"] - sum(haircuts) == wanted["pro_rata_c"]["left_severity"]
    # A queue that takes whole positions is not one of the policies: what it would take, and what is given back here.
    queue = given["whole_position_queue"]
    taken: dict[str, int] = {}
    for winner in queue["queue"]:
        if sum(taken.values()) < queue["severity"]:
            taken[winner] = queue["pnl"][winner]
    assert taken == wanted["whole_position_queue"]["haircuts"]
    assert sum(taken.values()) - queue["severity"] == wanted["whole_position_queue"]["overshoot"]
    assert sum(return_excess(list(taken.values()), queue["severity"])) == queue["severity"]
