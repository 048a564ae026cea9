"""ADL policies in money: the worked tables, the same by Fractions, and what each policy is known to do.

The example book: five shorts at mark 80. The reference finds the real level between two kinks and rounds it at the end;
scores are quotients of Fractions.
"""

import hashlib
from fractions import Fraction
from itertools import permutations, product

import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.adl_policies import ADL_POLICIES, WEIGHTS, equal_awards, haircuts, money_caps, talmud
from seawall.rules.adl_scores import SCORES, Participant, PolicyParameters, leverage_ppm
from seawall.rules.water_fill import capped_water_fill, ranked_queue
from tests.rules.references import water_level

LOTS = (50, 40, 25, 9, 10)
W = (1000, 400, 250, 90, 10)
N = (4000, 3200, 2000, 720, 800)
EN = (5000, 3600, 2250, 810, 810)
E = (1600, 640, 2000, 120, 25)
BOOK = tuple(
    Participant(str(i + 1), lots, w, e, n, en, maintenance_units=n // 20)
    for i, (lots, w, e, n, en) in enumerate(zip(LOTS, W, E, N, EN))
)
NAMES = tuple(facts.name for facts in ADL_POLICIES)
DEFAULT = PolicyParameters()

# --- the worked tables --------------------------------------------------------------------------------------------

TABLE_3 = [
    ("queue_bitmex", (10, 400, 0, 90, 0), (744, 400, 0, 90, 0)),
    ("queue_binance", (0, 400, 0, 90, 10), (734, 400, 0, 90, 10)),
    ("queue_hyperliquid", (0, 400, 0, 90, 10), (734, 400, 0, 90, 10)),
    ("pro_rata_pnl", (286, 114, 71, 26, 3), (705, 282, 176, 64, 7)),
    ("pro_rata_equity", (182, 73, 228, 14, 3), (660, 264, 250, 50, 10)),
    ("min_max", (182, 73, 228, 14, 3), (660, 264, 250, 50, 10)),
    ("pro_rata_notional", (198, 158, 99, 35, 10), (493, 395, 247, 89, 10)),
    ("risk_levered", (232, 185, 23, 50, 10), (667, 400, 67, 90, 10)),
    ("risk_levered_squared", (155, 248, 6, 81, 10), (706, 400, 28, 90, 10)),
    ("rap", (155, 248, 6, 81, 10), (706, 400, 28, 90, 10)),
    ("cel", (134, 133, 133, 90, 10), (484, 400, 250, 90, 10)),
    ("cea", (500, 0, 0, 0, 0), (861, 261, 112, 0, 0)),
    ("talmud", (163, 162, 125, 45, 5), (830, 229, 125, 45, 5)),
    # Not in the table of the spec: at one mark lots are notional; profit by size; OKX ranks here as BitMEX does.
    ("pro_rata_lots", (198, 158, 99, 35, 10), (493, 395, 247, 89, 10)),
    ("queue_profit", (500, 0, 0, 0, 0), (1000, 234, 0, 0, 0)),
    ("queue_roi_mr", (10, 400, 0, 90, 0), (744, 400, 0, 90, 0)),
]


@pytest.mark.parametrize(("policy", "h500", "h1234"), TABLE_3)
def test_table_3(policy, h500, h1234):
    assert haircuts(policy, BOOK, 500) == h500
    assert haircuts(policy, BOOK, 1234) == h1234


def test_table_3_capped_pro_rata_and_what_is_beyond_its_capacity_is_not_taken():
    for beta_ppm, h1234 in ((750_000, (705, 282, 176, 64, 7)), (400_000, (400, 160, 100, 36, 4))):
        parameters = PolicyParameters(beta_ppm=beta_ppm)
        assert haircuts("capped_pro_rata", BOOK, 500, parameters) == (286, 114, 71, 26, 3)
        assert haircuts("capped_pro_rata", BOOK, 1234, parameters) == h1234
    assert 1234 - sum(haircuts("capped_pro_rata", BOOK, 1234, PolicyParameters(beta_ppm=400_000))) == 534


@pytest.mark.parametrize(
    ("policy", "scores"),
    [
        ("queue_bitmex", (500_000_000_000, 555_555_555_555, 111_111_111_111, 666_666_666_666, 395_061_728_395)),
        ("queue_binance", (208_333_333_333, 416_666_666_666, 7_142_857_142, 900_000_000_000, 1_066_666_666_666)),
        (
            "queue_hyperliquid",
            (3_125_000_000_000, 5_625_000_000_000, 1_125_000_000_000, 6_750_000_000_000, 32_400_000_000_000),
        ),
    ],
)
def test_the_scores_of_the_example_book(policy, scores):
    assert tuple(SCORES[policy](winner, DEFAULT) for winner in BOOK) == scores


def test_talmud_of_100_200_300():
    for severity, haircut in ((100, (34, 33, 33)), (200, (50, 75, 75)), (300, (50, 100, 150))):
        assert talmud(severity, (100, 200, 300)) == haircut


def test_eight_four_and_a_half_million_by_queue_and_by_parts():
    """Chitra et al.: leverage puts the second first; H = 7.5 of w = 8, 4, .5."""
    book = [
        Participant(str(i), 1, w, w, notional, 10)
        for i, (w, notional) in enumerate(((8_000_000, 2), (4_000_000, 3), (500_000, 1)))
    ]
    assert haircuts("queue_bitmex", book, 7_500_000) == (3_500_000, 4_000_000, 0)
    assert haircuts("pro_rata_pnl", book, 7_500_000) == (4_800_000, 2_400_000, 300_000)


def test_the_price_ratio_read_literally_ranks_a_less_profitable_short_higher():
    """Shorts with leverage 2 at mark 80, entries 100 and 160."""
    little, much = (Participant(str(entry), 1, entry - 80, 40, 80, entry) for entry in (100, 160))
    literal = PolicyParameters(literal_price_ratio=True)
    score = SCORES["queue_hyperliquid"]
    assert (score(little, literal), score(much, literal)) == (1_600_000_000_000, 1_000_000_000_000)
    assert (score(little, DEFAULT), score(much, DEFAULT)) == (2_500_000_000_000, 4_000_000_000_000)


def test_a_long_is_ranked_by_mark_over_entry_and_a_loser_by_the_inverse():
    score = SCORES["queue_hyperliquid"]
    assert score(Participant("long", 1, 60, 80, 160, 100), DEFAULT) == 3_200_000_000_000
    assert score(Participant("short", 1, -60, 80, 160, 100), DEFAULT) == 1_250_000_000_000


def test_the_lottery_is_a_hash_of_seed_and_account():
    def digest(account):
        return int.from_bytes(hashlib.sha256(b"D7\n" + account.encode()).digest()[:8], "big")

    d7 = PolicyParameters(seed="D7")
    drawn = sorted(BOOK, key=lambda winner: -digest(winner.id))
    for severity in range(1, sum(W) + 1, 100):
        paid = dict(zip(drawn, ranked_queue(severity, [0] * 5, [winner.cap for winner in drawn])))
        assert haircuts("queue_random", BOOK, severity, d7) == tuple(paid[winner] for winner in BOOK)
    assert all(SCORES["queue_random"](winner, d7) == digest(winner.id) >> 1 for winner in BOOK)
    orders = {haircuts("queue_random", BOOK, 1, PolicyParameters(seed=str(seed))) for seed in range(60)}
    assert len(orders) == 5, "another seed, another order: everybody comes first for some"


def test_mean_surplus_takes_profit_above_the_sides_mean_in_id_order():
    """Mean 1750 / 134 a lot: the first is 1000 - 653.0 above it, all others below."""
    assert haircuts("mean_surplus", BOOK, 200) == (200, 0, 0, 0, 0)
    assert haircuts("mean_surplus", BOOK, 500) == (346 + 1, 0, 0, 0, 0)
    poor = (Participant("1", 10, 900, 1000, 1, 1, maintenance_units=800), Participant("2", 10, 100, 999, 1, 1))
    assert haircuts("mean_surplus", poor, 500) == (200, 0), "no more than the equity beyond maintenance"


def test_binance_counts_cash_as_at_least_the_floor():
    winner = Participant("a", 1, 50, 100, 1000, 950, wallet_units=3, maintenance_units=20)
    score = SCORES["queue_binance"]
    assert score(winner, DEFAULT) == 50 * 20 * 10**12 // (3 * 100)
    assert score(winner, PolicyParameters(wallet_floor_units=10)) == 50 * 20 * 10**12 // (10 * 100)


def test_risk_aware_weights_power_and_offset():
    weight = WEIGHTS["rap"]
    winner = Participant("a", 1, 7, 100, 350, 1)  # leverage 3.5
    assert leverage_ppm(winner) == 3_500_000
    assert weight(winner, PolicyParameters(leverage_power=0)) == 7 * 3_500_000
    assert weight(winner, PolicyParameters(leverage_power=2)) == 7 * 3_500_000**3
    assert weight(winner, PolicyParameters(leverage_offset_ppm=1_000_000)) == 7 * 3_500_000 * 2_500_000
    assert weight(winner, PolicyParameters(leverage_offset_ppm=4_000_000)) == 0


def test_every_policy_has_its_line():
    assert len(set(NAMES)) == len(NAMES) == 19
    assert {f.name for f in ADL_POLICIES if f.kind == "queue"} == set(SCORES)
    assert {f.name for f in ADL_POLICIES if f.breaks_i6} == {
        "queue_bitmex", "queue_binance", "queue_hyperliquid", "queue_roi_mr", "queue_random", "queue_profit",
        "pro_rata_lots",
    }  # fmt: skip


def test_an_unknown_policy_and_a_negative_severity_are_refused():
    with pytest.raises(ValueError, match="wanted one of queue_bitmex"):
        haircuts("queue_bitmax", BOOK, 1)
    for policy in NAMES:
        with pytest.raises(ValueError, match="wanted an amount >= 0"):
            haircuts(policy, BOOK, -1)


# --- the reference: Fractions, rounded at the end -----------------------------------------------------------------


def rounded(parts, total):
    """Floors, then a unit each to the largest fractional parts, ties to the lowest id."""
    whole = [part.__floor__() for part in parts]
    while sum(whole) < total:
        short = [part - share for part, share in zip(parts, whole)]
        whole[short.index(max(short))] += 1
    return tuple(whole)


def filled(amount, weights, caps):
    return rounded(water_level(amount, weights, caps), min(amount, sum(c for c, w in zip(caps, weights) if w > 0)))


def real_talmud(amount, claims):
    """min(half of the claim, y) of what is lost, or of what is kept where more than half is lost."""
    total = sum(claims)
    small = min(amount, total - amount)
    halves = [Fraction(claim, 2) for claim in claims]
    parts = water_level(small, [1] * len(claims), halves)
    return parts if 2 * amount <= total else [claim - part for claim, part in zip(claims, parts)]


def reference_score(policy, p):
    """The venue's words, as Fractions; leverage 0 for whoever has no equity."""
    if policy == "queue_profit":
        return max(p.profit_units, 0)
    if p.equity_units <= 0:
        return Fraction(0)
    leverage = Fraction(p.notional_units, p.equity_units)
    percentage = Fraction(p.profit_units, p.entry_units)
    at_risk = Fraction(p.maintenance_units, p.equity_units)
    if policy == "queue_bitmex":
        return percentage * leverage if p.profit_units >= 0 else percentage / leverage
    if policy == "queue_roi_mr":
        return max(percentage, 0) * at_risk
    if policy == "queue_binance":
        return Fraction(max(p.profit_units, 0), max(1, p.equity_units - p.profit_units)) * at_risk
    prices = sorted((Fraction(p.notional_units, p.entry_units), Fraction(p.entry_units, p.notional_units)))
    return prices[p.profit_units >= 0] * leverage


def reference(policy, book, severity):
    caps = [max(0, min(p.profit_units, p.equity_units)) for p in book]
    severity = min(severity, sum(caps))
    gains = [max(p.profit_units, 0) for p in book]
    leverages = [max(1, 10**6 * p.notional_units // p.equity_units) if p.equity_units > 0 else 0 for p in book]
    if policy.startswith("queue"):
        taken, left = [0] * len(book), severity
        ranks = [(reference_score(policy, p) * (1 if policy == "queue_profit" else 10**12)).__floor__() for p in book]
        for i in sorted(range(len(book)), key=lambda i: (-ranks[i], i)):
            taken[i] = min(caps[i], left)
            left -= taken[i]
        return tuple(taken)
    if policy == "cea":
        kept = filled(sum(caps) - severity, [1] * len(caps), caps)
        return tuple(cap - part for cap, part in zip(caps, kept))
    if policy == "talmud":
        return rounded(real_talmud(severity, caps), severity)
    weights = {
        "pro_rata_pnl": gains,
        "capped_pro_rata": gains,
        "pro_rata_equity": [max(0, p.equity_units) for p in book],
        "min_max": [max(0, p.equity_units) for p in book],
        "pro_rata_notional": [p.notional_units for p in book],
        "pro_rata_lots": [p.lots for p in book],
        "risk_levered": [w * x for w, x in zip(gains, leverages)],
        "risk_levered_squared": [w * x * x for w, x in zip(gains, leverages)],
        "rap": [w * x * x for w, x in zip(gains, leverages)],
        "cel": [1] * len(book),
    }
    return filled(severity, weights[policy], caps)


def books(most):
    row = st.tuples(
        st.integers(1, most), st.integers(-most // 3, most), st.integers(-most // 3, most), st.integers(1, most),
        st.integers(1, most), st.integers(0, most),
    )  # fmt: skip
    return st.lists(row, min_size=1, max_size=6).map(
        lambda rows: [Participant(str(i), *row[:5], maintenance_units=row[5]) for i, row in enumerate(rows)]
    )


REFERRED = [name for name in NAMES if name not in ("queue_random", "mean_surplus")]


@given(st.data(), st.sampled_from([6, 60, 10**30]))
def test_haircuts_equal_the_fractions_of_the_reference(data, most):
    book = data.draw(books(most))
    severity = data.draw(st.integers(0, 2 * most))
    for policy in REFERRED:
        assert haircuts(policy, book, severity) == reference(policy, book, severity), policy


@given(st.data(), st.sampled_from([6, 10**30]), st.integers(0, 10**6))
def test_I6_I10_haircuts_add_up_to_the_severity_or_the_capacity_and_break_no_cap(data, most, beta_ppm):
    book = data.draw(books(most))
    severity = data.draw(st.integers(0, 2 * most))
    parameters = PolicyParameters(beta_ppm=beta_ppm)
    for policy in NAMES:
        paid = haircuts(policy, book, severity, parameters)
        caps = [max(0, min(p.profit_units, p.equity_units)) for p in book]
        if policy in ("capped_pro_rata", "rap"):
            caps = [min(cap, beta_ppm * max(0, p.profit_units) // 10**6) for cap, p in zip(caps, book)]
        assert all(0 <= h <= cap for h, cap in zip(paid, caps)), policy
        if policy != "mean_surplus":
            assert sum(paid) == min(severity, sum(caps)), policy
        assert sum(paid) <= severity


def sparse_books():
    """Equity up to 10^12 times notional, and none: leverages from below a millionth on, beside ordinary ones."""
    size = st.sampled_from([1, 7, 10**3, 10**6, 10**9, 10**12])
    row = st.tuples(size, st.integers(-20, 10**4), st.one_of(size, st.integers(-20, 10**4)), size, size)
    return st.lists(row, min_size=1, max_size=6).map(
        lambda rows: [Participant(str(i), lots, w, e, n, en) for i, (lots, w, e, n, en) in enumerate(rows)]
    )


@given(
    st.data(),
    sparse_books(),
    st.sampled_from([10**6, 400_000]),
    st.integers(0, 3),
    st.sampled_from([0, 0, 1, 2 * 10**6]),
)
def test_I10_the_whole_capacity_is_placed_however_little_leverage_a_winner_has(data, book, beta_ppm, power, offset):
    """`rap` spares leverage up to an offset, as it spares what is beyond beta: no capacity."""
    parameters = PolicyParameters(beta_ppm=beta_ppm, leverage_power=power, leverage_offset_ppm=offset)
    for policy in NAMES:
        caps = money_caps(policy, book, parameters)
        severity = data.draw(st.integers(0, sum(caps) + 2) | st.sampled_from([sum(caps), max(0, sum(caps) - 1)]))
        paid = haircuts(policy, book, severity, parameters)
        assert sum(paid) == min(severity, sum(caps)), policy
        assert all(0 <= h <= cap for h, cap in zip(paid, caps)), policy
        if policy == "rap" and power:
            spared = [p.notional_units * 10**6 <= offset * p.equity_units for p in book]
            assert not any(h for h, out in zip(paid, spared) if out and offset)
        elif policy not in ("mean_surplus", "capped_pro_rata", "rap"):
            assert caps == [max(0, min(p.profit_units, p.equity_units)) for p in book], policy


def test_a_winner_with_a_leverage_below_a_millionth_pays_last_and_pays_its_cap():
    """Weights of 1 and 2: 100 x 10^6 and 30 x 1; what is beyond 100 is the second's, up to its 30."""
    book = [Participant("1", 1, 100, 1_000, 1_000, 1), Participant("2", 1, 30, 10**9, 999, 1)]
    assert [leverage_ppm(winner) for winner in book] == [1_000_000, 1]
    for policy in ("risk_levered", "risk_levered_squared", "rap"):
        for severity, paid in ((99, (99, 0)), (100, (100, 0)), (101, (100, 1)), (130, (100, 30)), (140, (100, 30))):
            assert haircuts(policy, book, severity) == paid, (policy, severity)


def test_rap_spares_leverage_up_to_its_offset():
    book = [Participant(str(n), 1, 50, 100, n, 1) for n in (100, 150, 200)]
    parameters = PolicyParameters(leverage_offset_ppm=1_500_000)
    assert money_caps("rap", book, parameters) == [0, 0, 50]
    assert haircuts("rap", book, 60, parameters) == (0, 0, 50)
    every = PolicyParameters(leverage_offset_ppm=1_500_000, leverage_power=0)
    assert money_caps("rap", book, every) == [50, 50, 50] and sum(haircuts("rap", book, 60, every)) == 60


@given(books(40), st.integers(0, 60))
def test_mean_surplus_by_fractions(book, severity):
    mean = Fraction(sum(p.profit_units for p in book), sum(p.lots for p in book))
    left, paid = severity, []
    for p in book:
        own = (p.profit_units - mean * p.lots).__floor__()
        free = min(p.equity_units - p.maintenance_units, p.profit_units, p.equity_units)
        paid.append(max(0, min(own, free, left)))
        left -= paid[-1]
    assert haircuts("mean_surplus", book, severity) == tuple(paid)


def test_a_cap_of_its_own_replaces_profit_and_equity():
    book = [Participant("a", 1, 900, 900, 1, 1, cap_units=3), Participant("b", 1, 900, 900, 1, 1, cap_units=9)]
    assert [haircuts(policy, book, 8) for policy in ("pro_rata_pnl", "talmud", "cea")] == [(3, 5), (2, 6), (1, 7)]


# --- what the policies are known to do ----------------------------------------------------------------------------

CLAIMS = st.lists(st.integers(0, 400), min_size=1, max_size=6)
CLASSICAL = ("pro_rata_pnl", "cel", "cea", "talmud")


def classical(policy, severity, claims):
    return haircuts(policy, [Participant(str(i), 1, w, w, 1, 1) for i, w in enumerate(claims)], severity)


@given(CLAIMS, st.integers(0, 2500), st.sampled_from(CLASSICAL))
def test_survivors_keep_their_order(claims, severity, policy):
    kept = [w - h for w, h in zip(claims, classical(policy, severity, claims))]
    for i, j in permutations(range(len(claims)), 2):
        assert claims[i] < claims[j] or kept[i] >= kept[j] - 1


def test_survivors_of_queues_and_risk_weights_do_not_keep_their_order():
    for policy in ("queue_bitmex", "queue_binance", "queue_hyperliquid"):
        kept = [w - h for w, h in zip(W, haircuts(policy, BOOK, 500))]
        assert kept[1] < kept[2], "400 is left with less than 250"
    kept = [w - h for w, h in zip(W, haircuts("risk_levered_squared", BOOK, 500))]
    assert kept[1] < kept[2]


@given(CLAIMS, st.integers(0, 2500), st.sampled_from(CLASSICAL))
def test_two_of_a_split_alone_would_split_their_part_alike(claims, severity, policy):
    """Consistency, to the units that rounding moves between the two."""
    paid = classical(policy, severity, claims)
    for i, j in permutations(range(len(claims)), 2):
        if i < j:
            alone = classical(policy, paid[i] + paid[j], (claims[i], claims[j]))
            assert abs(alone[0] - paid[i]) <= 1


def contested_garment(severity, a, b):
    """Two claims on what is left of both: each concedes what is beyond its own, the rest is halved. In losses."""
    only_a, only_b = max(0, severity - b), max(0, severity - a)
    both = Fraction(severity - only_a - only_b, 2)
    return only_a + both, only_b + both


@given(st.lists(st.integers(0, 60), min_size=2, max_size=5), st.integers(0, 300))
def test_talmud_is_the_contested_garment_for_every_two(claims, severity):
    real = real_talmud(min(severity, sum(claims)), claims)
    for i, j in permutations(range(len(claims)), 2):
        assert contested_garment(real[i] + real[j], claims[i], claims[j]) == (real[i], real[j])
    for share, exact in zip(talmud(severity, claims), real):
        assert abs(share - exact) < 1


@given(CLAIMS, st.integers(0, 2500))
@example([3, 3], 3)
def test_pro_rata_and_talmud_are_their_own_duals_and_equal_awards_that_of_equal_losses(claims, severity):
    severity = min(severity, sum(claims))
    for policy in ("pro_rata_pnl", "talmud"):
        lost, gained = classical(policy, severity, claims), classical(policy, sum(claims) - severity, claims)
        assert all(abs(h - (w - g)) <= 1 for h, g, w in zip(lost, gained, claims))
    awards, losses = classical("cea", severity, claims), classical("cel", sum(claims) - severity, claims)
    assert awards == tuple(w - g for w, g in zip(claims, losses))


@given(CLAIMS, st.integers(0, 900), st.integers(0, 900), st.sampled_from(("pro_rata_pnl", "cel", "cea")))
def test_two_severities_one_after_the_other_take_what_both_together_take(claims, first, second, policy):
    paid = classical(policy, first, claims)
    again = classical(policy, second, [w - h for w, h in zip(claims, paid)])
    together = classical(policy, first + second, claims)
    assert all(abs(a + b - c) <= 2 for a, b, c in zip(paid, again, together))


def test_talmud_one_after_the_other_is_not_talmud_together():
    first = talmud(500, W)
    again = talmud(734, [w - h for w, h in zip(W, first)])
    together = talmud(1234, W)
    assert max(abs(a + b - c) for a, b, c in zip(first, again, together)) > 100


@given(CLAIMS, st.integers(0, 2500), st.integers(2, 9), st.sampled_from(CLASSICAL))
def test_in_other_units_the_haircuts_are_the_same(claims, severity, scale, policy):
    small = classical(policy, severity, claims)
    large = classical(policy, scale * severity, [scale * w for w in claims])
    assert all(abs(b - scale * a) <= scale for a, b in zip(small, large))


def after(policy, severity, claims, parts):
    """What the first `parts` pay together."""
    return sum(classical(policy, severity, claims)[:parts])


def test_splitting_pays_under_equal_awards_and_merging_under_equal_losses():
    """Winner 1 in ten accounts with the lowest ids; winners 2 and 3 in one."""
    ten = (100,) * 10 + W[1:]
    assert (after("cel", 500, W, 1), after("cel", 500, ten, 10)) == (134, 379)
    assert (after("cea", 500, W, 1), after("cea", 500, ten, 10)) == (500, 40)
    assert sum(classical("cel", 500, W)[1:3]) == 266
    assert classical("cel", 500, (W[0], W[1] + W[2], *W[3:]))[1] == 200


def test_pro_rata_is_indifferent_to_splitting_and_merging():
    ten = (100,) * 10 + W[1:]
    assert abs(after("pro_rata_pnl", 500, W, 1) - after("pro_rata_pnl", 500, ten, 10)) <= 10
    merged = classical("pro_rata_pnl", 500, (W[0], W[1] + W[2], *W[3:]))[1]
    assert abs(sum(classical("pro_rata_pnl", 500, W)[1:3]) - merged) <= 1


def test_under_talmud_splitting_pays_only_where_more_than_half_is_lost_and_merging_only_where_less():
    ten = (100,) * 10 + W[1:]
    merged = (W[0], W[1] + W[2], *W[3:])
    assert after("talmud", 1234, ten, 10) < after("talmud", 1234, W, 1)
    assert after("talmud", 500, ten, 10) > after("talmud", 500, W, 1)
    assert talmud(500, merged)[1] < sum(talmud(500, W)[1:3])
    assert talmud(1234, merged)[1] > sum(talmud(1234, W)[1:3])


def test_splitting_an_account_in_equal_ratios_keeps_its_rank():
    for policy in ("queue_bitmex", "queue_hyperliquid", "queue_roi_mr", "queue_binance"):
        half = Participant("1a", 25, 500, 800, 2000, 2500, maintenance_units=100)
        assert SCORES[policy](half, DEFAULT) == SCORES[policy](BOOK[0], DEFAULT)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.data())
def test_a_queue_by_size_is_worst_for_the_top_winner(claims, data):
    """While the top winner can pay it all, pro rata leaves it H (1 - w1 / U) more."""
    top = claims.index(max(claims))
    severity = data.draw(st.integers(0, max(claims)))
    queue, parts = classical("queue_profit", severity, claims), classical("pro_rata_pnl", severity, claims)
    more = queue[top] - parts[top]
    assert abs(more - severity * (1 - Fraction(claims[top], sum(claims)))) < 1
    assert all(classical(policy, severity, claims)[top] <= queue[top] for policy in CLASSICAL)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.integers(0, 2500))
def test_pro_rata_spreads_pain_most_evenly(claims, severity):
    """It has the least sum of w (h / w)^2; whole units cost at most 1 / w each."""

    def pain(paid):
        return sum(Fraction(h * h, w) for h, w in zip(paid, claims))

    least = pain(classical("pro_rata_pnl", severity, claims)) - sum(Fraction(1, w) for w in claims)
    assert all(pain(classical(policy, severity, claims)) >= least for policy in (*CLASSICAL, "queue_profit"))


def test_trap_a_larger_severity_may_take_less_from_somebody():
    assert classical("pro_rata_pnl", 5, (29, 3, 30, 5)) == (2, 0, 2, 1)
    assert classical("pro_rata_pnl", 6, (29, 3, 30, 5)) == (3, 0, 3, 0)


# --- the primitives on books that are hard on them ----------------------------------------------------------------


@given(st.integers(2, 40), st.integers(1, 3), st.data())
def test_a_water_fill_with_more_levels_than_passes_stays_at_the_real_level(people, base, data):
    """Caps over weights in a steep series: one more is full with every pass, so that the sort has to finish."""
    caps = [(base + 1) ** i for i in range(people)]
    caps = data.draw(st.permutations(caps))
    amount = data.draw(st.integers(0, sum(caps)))
    assert capped_water_fill(amount, [1] * people, caps) == filled(amount, [1] * people, caps)


def test_a_water_fill_of_thirty_doublings_is_sorted_to_the_end():
    caps = [2**i for i in range(30)]
    amount = sum(caps) - 7
    assert capped_water_fill(amount, [1] * 30, caps) == (*caps[:-1], caps[-1] - 7)
    weights = [3**i for i in range(30)]
    assert capped_water_fill(amount, weights, caps) == filled(amount, weights, caps)


def slow_caps(people, steps, amount):
    """Caps of which each pass fills one more: each lies between the levels before and after the one before it."""
    caps, left, before = [1], amount, Fraction(amount, people)
    for filled_already in range(1, steps):
        left -= caps[-1]
        level = Fraction(left, people - filled_already)
        caps.append(int((before + level) / 2) + 1)
        assert before < caps[-1] <= level
        before = level
    return caps + [amount - i for i in range(people - steps)]


def test_after_the_sort_odd_units_still_go_by_id():
    """Sixteen fill one by one, more than there are passes; of the others the lowest ids get the odd units."""
    amount = 2**200 + 1
    caps = slow_caps(20, 16, amount)
    shares = capped_water_fill(amount, [1] * 20, caps)
    assert shares == filled(amount, [1] * 20, caps)
    odd = (amount - sum(caps[:16])) % 4
    assert 0 < odd < 4
    assert [share - shares[-1] for share in shares[16:]] == [1] * odd + [0] * (4 - odd)


def test_equal_awards_leave_the_same_to_all_and_odd_units_to_the_lowest_ids():
    assert [equal_awards(h, (5, 5, 5)) for h in (1, 2, 15, 99)] == [(0, 0, 1), (0, 1, 1), (5, 5, 5), (5, 5, 5)]


def test_the_queue_by_brute_force():
    for scores in product(range(3), repeat=3):
        order = sorted(range(3), key=lambda i: (-scores[i], i))
        paid = [0, 0, 0]
        for unit in range(5):
            paid[order[unit // 2]] += 1
        assert ranked_queue(5, scores, (2, 2, 2)) == tuple(paid)
