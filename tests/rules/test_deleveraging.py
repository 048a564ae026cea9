"""Deleveraging: the water-fill, the queue, caps in lots, and the worked tables of deleveraging policies.

The example book: five shorts at mark 80; one line is lots, profit w, notional N, entry notional EN, equity e.
"""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.deleveraging import (
    Gap,
    Winner,
    capped_water_fill,
    lot_cap,
    plan_lots,
    profit_leverage_score,
    ranked_queue,
    return_excess,
)
from tests.rules.references import allocate_by_units, water_level

LOTS = (50, 40, 25, 9, 10)
W = (1000, 400, 250, 90, 10)
N = (4000, 3200, 2000, 720, 800)
EN = (5000, 3600, 2250, 810, 810)
E = (1600, 640, 2000, 120, 25)
BOOK = tuple(Winner(str(i + 1), *row) for i, row in enumerate(zip(LOTS, W, E, N, EN)))
BITMEX = (500_000_000_000, 555_555_555_555, 111_111_111_111, 666_666_666_666, 395_061_728_395)
BINANCE = (208_333_333_333, 416_666_666_666, 7_142_857_142, 900_000_000_000, 1_066_666_666_666)

GROUP = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 25)), min_size=1, max_size=6)
HUGE_GROUP = st.lists(st.tuples(st.integers(0, 10**30), st.integers(0, 10**30)), min_size=1, max_size=6)

# --- capped water-fill --------------------------------------------------------------------------------------------


def capacity(weights, caps):
    return sum(cap for weight, cap in zip(weights, caps) if weight)


@given(st.integers(0, 120), GROUP)
@example(5, [(1, 1), (1, 1), (1, 9)])
@example(6, [(29, 9), (3, 9), (30, 9), (5, 9)])
def test_I10_a_water_fill_adds_up_to_the_amount_or_to_its_capacity(amount, group):
    weights, caps = zip(*group)
    assert sum(capped_water_fill(amount, weights, caps)) == min(amount, capacity(weights, caps))


@given(st.integers(0, 10**31), HUGE_GROUP)
def test_I6_a_water_fill_breaks_no_cap_and_gives_weight_zero_nothing(amount, group):
    weights, caps = zip(*group)
    for share, weight, cap in zip(capped_water_fill(amount, weights, caps), weights, caps):
        assert 0 <= share <= cap
        assert weight or not share


@given(st.integers(0, 120), GROUP)
@example(5, [(1, 1), (1, 1), (1, 9)])
def test_a_water_fill_equals_the_real_water_level_to_less_than_a_unit(amount, group):
    weights, caps = zip(*group)
    for share, real in zip(capped_water_fill(amount, weights, caps), water_level(amount, weights, caps)):
        assert abs(share - real) < 1


@given(st.integers(0, 10**31), HUGE_GROUP)
def test_a_water_fill_of_any_size_stays_at_the_real_water_level(amount, group):
    weights, caps = zip(*group)
    for share, real in zip(capped_water_fill(amount, weights, caps), water_level(amount, weights, caps)):
        assert abs(share - real) < 1


@given(st.integers(0, 60), st.lists(st.integers(0, 12), min_size=1, max_size=6).filter(any))
def test_without_binding_caps_a_water_fill_is_allocate(amount, weights):
    assert capped_water_fill(amount, weights, [10**6] * len(weights)) == allocate_by_units(amount, weights)


@given(st.integers(0, 14), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=3))
def test_a_water_fill_is_the_nearest_whole_point_to_the_water_level(amount, group):
    """Searched over every whole vector within the caps that adds up: none lies nearer to the real level."""
    weights, caps = zip(*group)
    real = water_level(amount, weights, caps)
    shares = capped_water_fill(amount, weights, caps)

    def distance(point):
        return sum((x - r) ** 2 for x, r in zip(point, real))

    total = min(amount, capacity(weights, caps))
    allowed = [range(cap + 1) if weight else range(1) for weight, cap in zip(weights, caps)]
    assert distance(shares) == min(distance(point) for point in product(*allowed) if sum(point) == total)


def test_what_a_cap_cuts_off_flows_on_to_the_others():
    assert capped_water_fill(10, [1, 1, 1], [2, 9, 9]) == (2, 4, 4)
    assert capped_water_fill(9, [1, 1, 1], [2, 9, 9]) == (2, 4, 3)  # the odd unit goes to the lowest id
    assert capped_water_fill(100, [1, 1, 1], [2, 9, 9]) == (2, 9, 9)


def test_the_order_of_caps_does_not_decide_who_is_named_first():
    """After sorting by cap over weight the odd units still go by id, not by the sorted order."""
    assert capped_water_fill(6, [2, 2, 2, 1], [9, 8, 7, 0]) == (2, 2, 2, 0)
    assert capped_water_fill(8, [2, 2, 2, 9], [9, 8, 7, 1]) == (3, 2, 2, 1)


# --- queue --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 120), st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 25)), min_size=1, max_size=6))
def test_a_queue_takes_the_best_score_whole_before_the_next(amount, group):
    scores, caps = zip(*group)
    shares = ranked_queue(amount, scores, caps)
    assert sum(shares) == min(amount, sum(caps))
    for i, j in product(range(len(scores)), repeat=2):
        assert 0 <= shares[i] <= caps[i]
        ahead = scores[i] > scores[j] or (scores[i] == scores[j] and i < j)
        assert not (ahead and shares[j]) or shares[i] == caps[i]


@pytest.mark.parametrize(
    ("scores", "severity", "haircuts"),
    [
        (BITMEX, 500, (10, 400, 0, 90, 0)),
        (BITMEX, 1234, (744, 400, 0, 90, 0)),
        (BINANCE, 500, (0, 400, 0, 90, 10)),
        (BINANCE, 1234, (734, 400, 0, 90, 10)),
    ],
)
def test_table_3_queues_in_money(scores, severity, haircuts):
    assert ranked_queue(severity, scores, W) == haircuts


def test_the_scores_of_the_example_book():
    assert tuple(map(profit_leverage_score, BOOK)) == BITMEX


@given(st.integers(-(10**9), 10**9), st.integers(-5, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_score_is_the_floor_of_profit_over_entry_times_leverage(profit, equity, notional, entry):
    """For a loss the percentage is divided by the leverage; without equity, entry or notional there is no score."""
    score = profit_leverage_score(Winner("a", 1, profit, equity, notional, entry))
    if equity <= 0 or entry == 0 or notional == 0:
        assert score == 0
    else:
        leverage = Fraction(notional, equity)
        real = Fraction(profit, entry) * (leverage if profit >= 0 else 1 / leverage)
        assert score == (real * 10**12).__floor__()


# --- money over profit, capped ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "weights", "caps", "h500", "h1234"),
    [
        ("pro rata pnl", W, W, (286, 114, 71, 26, 3), (705, 282, 176, 64, 7)),
        ("capped .75", W, [w * 3 // 4 for w in W], (286, 114, 71, 26, 3), (705, 282, 176, 64, 7)),
        ("capped .4", W, [w * 2 // 5 for w in W], (286, 114, 71, 26, 3), (400, 160, 100, 36, 4)),
        ("equity", E, W, (182, 73, 228, 14, 3), (660, 264, 250, 50, 10)),
        ("notional", N, W, (198, 158, 99, 35, 10), (493, 395, 247, 89, 10)),
        (
            "risk k=1",
            [w * (10**6 * n // e) for w, n, e in zip(W, N, E)],
            W,
            (232, 185, 23, 50, 10),
            (667, 400, 67, 90, 10),
        ),
        (
            "risk k=2",
            [w * (10**6 * n // e) ** 2 for w, n, e in zip(W, N, E)],
            W,
            (155, 248, 6, 81, 10),
            (706, 400, 28, 90, 10),
        ),
        ("equal losses", [1] * 5, W, (134, 133, 133, 90, 10), (484, 400, 250, 90, 10)),
    ],
)
def test_table_3_pro_rata_in_money(name, weights, caps, h500, h1234):
    assert capped_water_fill(500, weights, caps) == h500
    assert capped_water_fill(1234, weights, caps) == h1234


def test_table_3_equal_awards_by_filling_what_survives():
    for severity, haircuts in ((500, (500, 0, 0, 0, 0)), (1234, (861, 261, 112, 0, 0))):
        survives = capped_water_fill(sum(W) - severity, [1] * 5, W)
        assert tuple(w - s for w, s in zip(W, survives)) == haircuts


def test_pro_rata_of_eight_four_and_a_half():
    w = (8_000_000, 4_000_000, 500_000)
    assert capped_water_fill(7_500_000, w, w) == (4_800_000, 2_400_000, 300_000)
    assert ranked_queue(7_500_000, (2, 3, 1), w) == (3_500_000, 4_000_000, 0)


def test_trap_the_water_fill_is_not_monotone_either():
    w = (29, 3, 30, 5)
    assert capped_water_fill(5, w, w) == (2, 0, 2, 1)
    assert capped_water_fill(6, w, w) == (3, 0, 3, 0)


def test_gains_haircut_in_cycles():
    for gains, losses in (((300, 150, 50), (300, 150, 50)), ((0, 400, 200), (0, 133, 67))):
        assert capped_water_fill(700 if sum(gains) == 500 else 200, gains, gains) == losses
    assert capped_water_fill(334, (1000, 1, 0), (1000, 1, 0)) == (334, 0, 0)


# --- lots ---------------------------------------------------------------------------------------------------------


GAPS = st.builds(Gap, st.integers(-60, 200), st.integers(1, 20))
ELIGIBLE = st.sampled_from(["profit_at_close", "capped_at_mark"])


def each(gap: int, lots: int = 1) -> Gap:
    """A gap that is the same whole number for every lot."""
    return Gap(gap * lots, lots)


@given(st.integers(1, 40), st.integers(-100, 400), st.integers(-100, 400), GAPS, ELIGIBLE)
@example(10, 7, 99, Gap(20, 30), "capped_at_mark")  # two thirds a lot: 10 lots lose 6 2/3
@example(11, 7, 99, Gap(20, 30), "profit_at_close")  # 11 lots lose 7 1/3
def test_a_lot_cap_is_the_most_lots_that_break_no_rule(lots, profit, equity, gap, eligible):
    """Lot by lot: one more as long as what all of them lose stays within profit and equity."""
    winner = Winner("a", lots, profit, equity, 1, 1)
    a_lot = Fraction(gap.units, gap.lots)
    most = 0
    while most < lots and (a_lot <= 0 or (most + 1) * a_lot <= min(profit, max(equity, 0))):
        most += 1
    if eligible == "profit_at_close" and profit - lots * a_lot < 0:
        most = 0
    assert lot_cap(winner, gap, eligible) == most


@given(st.data(), GAPS, ELIGIBLE)
def test_I6_no_plan_takes_more_than_profit_or_equity_nor_more_lots_than_are_live(data, gap, eligible):
    row = st.tuples(
        st.integers(1, 30), st.integers(-20, 200), st.integers(-20, 200), st.integers(1, 99), st.integers(1, 99)
    )
    winners = [Winner(str(i), *r) for i, r in enumerate(data.draw(st.lists(row, min_size=1, max_size=5)))]
    ranking = data.draw(st.sampled_from(["pro_rata_pnl", "pro_rata_lots", "queue_pnl_leverage"]))
    lots = plan_lots(winners, gap, ranking, eligible)
    a_lot = Fraction(gap.units, gap.lots)
    caps = [lot_cap(winner, gap, eligible) for winner in winners]
    for winner, closed in zip(winners, lots):
        assert 0 <= closed <= winner.lots
        assert closed == 0 or closed * a_lot <= max(0, min(winner.profit_units, max(0, winner.equity_units)))
    reachable = [c for c, w in zip(caps, winners) if ranking != "pro_rata_pnl" or w.profit_units > 0]
    assert sum(lots) == min(gap.lots, sum(reachable))


@pytest.mark.parametrize(
    ("wanted", "gap", "ranking", "eligible", "lots"),
    [
        (60, 12, "queue_pnl_leverage", "capped_at_mark", (20, 33, 0, 7, 0)),
        (42, 12, "queue_pnl_leverage", "capped_at_mark", (2, 33, 0, 7, 0)),
        (60, 10, "queue_pnl_leverage", "capped_at_mark", (11, 40, 0, 9, 0)),
        (60, 10, "pro_rata_lots", "capped_at_mark", (24, 19, 12, 4, 1)),
        (60, 10, "pro_rata_lots", "profit_at_close", (24, 20, 12, 4, 0)),
        (60, 12, "pro_rata_lots", "profit_at_close", (50, 0, 0, 0, 0)),
        (60, 12, "pro_rata_pnl", "profit_at_close", (50, 0, 0, 0, 0)),
        (60, 12, "queue_pnl_leverage", "profit_at_close", (50, 0, 0, 0, 0)),
    ],
)
def test_table_4_whole_lots(wanted, gap, ranking, eligible, lots):
    assert plan_lots(BOOK, each(gap, wanted), ranking, eligible) == lots


def test_table_4_production_queues_by_the_primitives_alone():
    """What production takes, profit ignored: modelled by the same primitives with live lots as the only cap."""
    assert ranked_queue(60, BITMEX, LOTS) == (11, 40, 0, 9, 0)
    assert capped_water_fill(60, LOTS, LOTS) == (22, 18, 11, 4, 5)


def test_table_4_the_excess_goes_back():
    """Severity 500, gap 12: 42 lots move 504; the 4 too many go back by what was taken."""
    taken = [lots * 12 for lots in plan_lots(BOOK, each(12, 42), "queue_pnl_leverage", "capped_at_mark")]
    assert taken == [24, 396, 0, 84, 0]
    assert return_excess(taken, 500) == (24, 393, 0, 83, 0)


def test_pro_rata_by_profit_weighs_profit_and_by_lots_weighs_lots():
    winners = (Winner("a", 10, 900, 999, 1, 1), Winner("b", 10, 100, 999, 1, 1))
    assert plan_lots(winners, each(1, 10), "pro_rata_pnl", "capped_at_mark") == (9, 1)
    assert plan_lots(winners, each(1, 10), "pro_rata_lots", "capped_at_mark") == (5, 5)


def test_equal_scores_are_closed_lowest_id_first():
    winners = tuple(Winner(name, 5, 50, 100, 200, 100) for name in ("a", "b", "c"))
    assert plan_lots(winners, each(1, 7), "queue_pnl_leverage", "profit_at_close") == (5, 2, 0)


def test_at_a_price_no_worse_than_the_mark_profit_and_equity_are_no_limit():
    assert lot_cap(Winner("a", 5, 0, 0, 1, 1), each(0), "profit_at_close") == 5
    assert lot_cap(Winner("a", 5, -20, 0, 1, 1), each(-4), "profit_at_close") == 5  # in profit at the closing price
    assert lot_cap(Winner("a", 5, -21, 0, 1, 1), each(-4), "profit_at_close") == 0
    assert lot_cap(Winner("a", 5, -99, -99, 1, 1), each(-4), "capped_at_mark") == 5


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.integers(0, 120))
def test_I10_after_the_excess_went_back_the_haircuts_are_the_severity_exactly(taken, severity):
    kept = return_excess(taken, severity)
    assert sum(kept) == min(sum(taken), severity)
    assert all(0 <= after <= before for after, before in zip(kept, taken))
    if sum(taken) > severity:
        back = allocate_by_units(sum(taken) - severity, taken)
        assert kept == tuple(before - part for before, part in zip(taken, back))
