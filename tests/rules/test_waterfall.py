"""Waterfall: who pays how much of a batch, held to a payer of single units that asks every limit before each."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import example, given, strategies as st

from seawall.rules.waterfall import Claim, Room, attribute, draw_batch, window_left_units
from tests.rules.references import UnitLayer, pay_by_units, window_left_naive

MARKETS = ("A", "B")


@st.composite
def batches(draw, top=30):
    """Claims with losses, and layers of every kind of limit, buckets in runs and apart."""
    claims = []
    for number in range(draw(st.integers(1, 4))):
        losses = {market: draw(st.integers(0, 9)) for market in MARKETS if draw(st.booleans())}
        claims.append((f"d{number}", draw(st.integers(1, top)), losses))
    layers = []
    open_markets = list(MARKETS)
    for number in range(draw(st.integers(1, 4))):
        market = open_markets.pop() if open_markets and draw(st.booleans()) else None
        limit = st.one_of(st.none(), st.integers(0, top))
        layers.append(
            UnitLayer(
                f"l{number}",
                draw(st.integers(0, top)),
                market,
                draw(st.sampled_from([0, 0, 0, 5])),
                draw(limit),
                draw(limit),
            )
        )
    return claims, layers


def rooms(layers):
    return [Room(r.id, r.market, r.balance, r.minimum_left, r.event_limit, r.window_left) for r in layers]


def claims_of(claims):
    return [Claim(deficit, units, tuple(losses.items())) for deficit, units, losses in claims]


def paid_by(covered):
    return {(draw.deficit, draw.layer): draw.amount for draw in covered.draws if draw.amount}


@given(batches())
@example(([("d0", 5, {}), ("d1", 1, {})], [UnitLayer("l0", 4, None, 0, 3, None)]))
@example(([("d0", 9, {"A": 2, "B": 1})], [UnitLayer("l0", 4, "A"), UnitLayer("l1", 9, "B"), UnitLayer("l2", 3)]))
def test_a_batch_equals_unit_by_unit_reference(batch):
    claims, layers = batch
    covered = draw_batch(claims_of(claims), rooms(layers))
    severity = pay_by_units(claims, layers)
    wanted = {(deficit, layer.id): units for layer in layers for deficit, units in layer.paid.items() if units}
    assert paid_by(covered) == wanted
    assert dict(covered.severity) == severity


@given(batches(10**30))
def test_I1_draws_and_severity_add_up_to_each_deficit_at_any_size(batch):
    claims, layers = batch
    covered = draw_batch(claims_of(claims), rooms(layers))
    for deficit, units, _ in claims:
        drawn = sum(draw.amount for draw in covered.draws if draw.deficit == deficit)
        assert drawn + dict(covered.severity)[deficit] == units


@given(batches(10**30))
def test_I2_no_layer_falls_below_its_minimum_and_no_draw_passes_a_limit(batch):
    claims, layers = batch
    covered = draw_batch(claims_of(claims), rooms(layers))
    for layer in layers:
        draws = [draw for draw in covered.draws if draw.layer == layer.id]
        balance = layer.balance
        for draw in draws:
            assert draw.balance_before == balance and draw.balance_after == balance - draw.amount
            balance = draw.balance_after
            assert draw.amount >= 0
            assert draw.balance_after >= (min(layer.balance, layer.minimum_left) if draw.amount else 0)
            assert layer.event_limit is None or draw.amount <= layer.event_limit
        if layer.window_left is not None:
            assert layer.balance - balance <= layer.window_left


@given(batches())
def test_I3_no_layer_could_pay_another_unit_of_a_deficit_that_went_on(batch):
    """For every layer and deficit: one unit more breaks a limit, or the deficit wanted no more of this layer."""
    claims, layers = batch
    covered = draw_batch(claims_of(claims), rooms(layers))
    pay_by_units(claims, layers)  # only for `would`, which asks every limit
    paid = {layer.id: dict.fromkeys((deficit for deficit, _, _ in claims), 0) for layer in layers}
    for draw in covered.draws:
        paid[draw.layer][draw.deficit] += draw.amount
    left = {deficit: units for deficit, units, _ in claims}
    for layer in layers:
        for deficit, _, losses in claims:
            left[deficit] -= paid[layer.id][deficit]
            if layer.market is not None and not losses.get(layer.market):
                continue
            if layer.market is None and left[deficit]:
                assert not layer.would(deficit, paid[layer.id])


@given(st.integers(0, 60), st.dictionaries(st.sampled_from("ABCD"), st.integers(0, 20), max_size=4), st.randoms())
def test_the_order_in_which_losses_are_listed_changes_nothing(units, losses, random):
    rows = list(losses.items())
    random.shuffle(rows)
    assert dict(attribute(units, tuple(losses.items()))) == dict(attribute(units, rows))


@given(st.lists(st.integers(1, 30), min_size=2, max_size=4, unique=True), st.integers(0, 60), st.randoms())
def test_simultaneous_deficits_share_and_their_order_does_not_matter(units, balance, random):
    """Relabelling claims moves their draws with them, up to a tie of remainders (one unit)."""
    labels = [f"d{i}" for i in range(len(units))]
    random.shuffle(labels)
    one = draw_batch([Claim(f"d{i}", u, ()) for i, u in enumerate(units)], [Room("l", None, balance, 0, None, None)])
    other_claims = sorted(zip(labels, units))
    other = draw_batch([Claim(d, u, ()) for d, u in other_claims], [Room("l", None, balance, 0, None, None)])
    first, second = dict(one.severity), dict(other.severity)
    for place, label in enumerate(labels):
        assert abs(first[f"d{place}"] - second[label]) <= 1
    assert sum(first.values()) == sum(second.values())


@given(batches())
def test_what_bound_a_draw_was_tight(batch):
    claims, layers = batch
    covered = draw_batch(claims_of(claims), rooms(layers))
    for layer in layers:
        draws = [draw for draw in covered.draws if draw.layer == layer.id]
        total = sum(draw.amount for draw in draws)
        wanted = {deficit: units for deficit, units, _ in claims}
        for earlier in layers[: layers.index(layer)]:
            for draw in covered.draws:
                if draw.layer == earlier.id:
                    wanted[draw.deficit] -= draw.amount
        for draw in draws:
            if draw.bound_by == "":
                assert layer.market is not None or draw.amount == wanted[draw.deficit]
            elif draw.bound_by == "event_limit":
                assert draw.amount == layer.event_limit
            elif draw.bound_by == "window_limit":
                assert total == layer.window_left
            elif draw.bound_by == "minimum_left":
                assert layer.balance - total == min(layer.balance, layer.minimum_left) > 0
            else:
                assert draw.bound_by == "capacity" and layer.balance - total == 0


@pytest.mark.parametrize(
    ("room", "amount", "bound"),
    [
        (Room("l", None, 100, 0, None, None), 50, ""),
        (Room("l", None, 40, 0, None, None), 40, "capacity"),
        (Room("l", None, 0, 0, None, None), 0, "capacity"),
        (Room("l", None, 0, 9, None, None), 0, "capacity"),
        (Room("l", None, 40, 15, None, None), 25, "minimum_left"),
        (Room("l", None, 9, 15, None, None), 0, "minimum_left"),
        (Room("l", None, 100, 0, 30, None), 30, "event_limit"),
        (Room("l", None, 100, 0, 0, None), 0, "event_limit"),
        (Room("l", None, 100, 0, None, 20), 20, "window_limit"),
        (Room("l", None, 100, 0, None, 0), 0, "window_limit"),
        (Room("l", None, 100, 70, 45, 20), 20, "window_limit"),
        (Room("l", None, 100, 90, 45, 20), 10, "minimum_left"),
        (Room("l", None, 100, 40, 45, 47), 45, "event_limit"),
        (Room("l", None, 100, 0, 50, 50), 50, ""),
        (Room("l", None, 100, 0, 30, 100), 30, "event_limit"),
        (Room("l", None, 100, 0, 30, 30), 30, "event_limit"),  # of equal bounds the first of SPEC 6's list
        (Room("l", None, 100, 70, 30, None), 30, "event_limit"),
        (Room("l", None, 30, 0, 30, 30), 30, "capacity"),
        (Room("l", None, 100, 70, None, 30), 30, "window_limit"),
    ],
)
def test_a_draw_names_what_bound_it(room, amount, bound):
    (draw,) = draw_batch([Claim("d", 50, ())], [room]).draws
    assert (draw.amount, draw.bound_by) == (amount, bound)


def test_a_used_up_limit_sends_the_deficit_on_though_the_layer_holds_money():
    layers = [
        Room("first", None, 1000, 0, 30, None),
        Room("second", None, 1000, 0, None, 5),
        Room("third", None, 9, 0, None, None),
    ]
    covered = draw_batch([Claim("d", 50, ())], layers)
    assert [(draw.layer, draw.amount) for draw in covered.draws] == [("first", 30), ("second", 5), ("third", 9)]
    assert covered.severity == (("d", 6),)


def test_layers_are_drawn_in_the_designs_order_and_a_covered_deficit_reaches_no_further():
    layers = [Room("first", None, 60, 0, None, None), Room("second", None, 60, 0, None, None)]
    covered = draw_batch([Claim("d1", 10, ()), Claim("d2", 70, ())], layers)
    assert [(d.deficit, d.layer, d.amount, d.balance_before, d.balance_after) for d in covered.draws] == [
        ("d1", "first", 8, 60, 52),  # 60 x 10/80 is 7.5, and 52.5: of equal remainders the lowest id gets the unit
        ("d2", "first", 52, 52, 0),
        ("d1", "second", 2, 60, 58),
        ("d2", "second", 18, 58, 40),
    ]
    assert covered.severity == (("d1", 0), ("d2", 0))


# --- attribution to markets ---------------------------------------------------------------------------------------


def test_a_deficit_is_attributed_to_markets_by_the_losses_there():
    assert dict(attribute(10, (("A", 3), ("B", 1), ("C", 0)))) == {"A": 8, "B": 2, "C": 0}
    assert dict(attribute(10, ())) == {}
    assert dict(attribute(10, (("A", 0),))) == {}


def test_a_bucket_pays_only_its_markets_part_and_none_without_losses():
    layers = [Room("A", "A", 100, 0, None, None), Room("shared", None, 100, 0, None, None)]
    covered = draw_batch([Claim("d", 10, (("A", 3), ("B", 1)))], layers)
    assert paid_by(covered) == {("d", "A"): 8, ("d", "shared"): 2}
    covered = draw_batch([Claim("d", 10, ())], layers)
    assert paid_by(covered) == {("d", "shared"): 10}


def test_buckets_in_a_row_split_what_is_left_at_the_first_of_them():
    """90 over A and B by 1:2, whichever bucket stands first; the rest goes on whole."""
    claim = [Claim("d", 90, (("A", 1), ("B", 2)))]
    a, b, rest = (
        Room("a", "A", 25, 0, None, None),
        Room("b", "B", 70, 0, None, None),
        Room("s", None, 99, 0, None, None),
    )
    assert paid_by(draw_batch(claim, [a, b, rest])) == {("d", "a"): 25, ("d", "b"): 60, ("d", "s"): 5}
    assert paid_by(draw_batch(claim, [b, a, rest])) == {("d", "a"): 25, ("d", "b"): 60, ("d", "s"): 5}


@given(st.integers(0, 10**30), st.lists(st.integers(0, 10**9), min_size=1, max_size=5))
def test_I1_an_attribution_adds_up(units, losses):
    parts = attribute(units, [(f"m{i}", loss) for i, loss in enumerate(losses)])
    assert sum(parts.values()) == (units if any(losses) else 0)
    for place, loss in enumerate(losses):
        part = parts.get(f"m{place}", 0)
        assert abs(part - Fraction(units * loss, max(1, sum(losses)))) < 1


# --- rolling windows ----------------------------------------------------------------------------------------------


@given(
    st.integers(0, 50),
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 25), st.integers(0, 20)), max_size=6),
    st.integers(0, 30),
)
def test_a_window_equals_a_walk_over_every_millisecond(limit, length, draws, now):
    draws = [(time, amount) for time, amount in draws if time <= now]
    assert window_left_units(limit, length, draws, now) == window_left_naive(limit, length, draws, now)


def test_a_window_is_half_open():
    """A draw at s counts while t - s < w: not any more at s + w."""
    for now, left in ((0, 0), (9, 0), (10, 7), (11, 7)):
        assert window_left_units(7, 10, [(0, 7)], now) == left


def test_a_window_charged_beyond_a_lowered_limit_has_no_room_but_no_debt():
    assert window_left_units(5, 10, [(0, 9)], 3) == 0


# --- all of it, over small integers --------------------------------------------------------------------------------


def test_two_claims_over_one_limited_layer_for_every_small_figure():
    """Exhaustively: the draws are the only pair that is whole, within the limits, and nearest to the shares."""
    for a, b, balance, limit in product(range(1, 5), range(1, 5), range(0, 7), (None, 1, 2, 3)):
        covered = draw_batch([Claim("a", a, ()), Claim("b", b, ())], [Room("l", None, balance, 0, limit, None)])
        got = {draw.deficit: draw.amount for draw in covered.draws}
        cut = {"a": a if limit is None else min(a, limit), "b": b if limit is None else min(b, limit)}
        room = min(balance, cut["a"] + cut["b"])
        exact = Fraction(room * cut["a"], cut["a"] + cut["b"])
        pairs = [(x, room - x) for x in range(room + 1) if x <= cut["a"] and room - x <= cut["b"]]
        best = min(pairs, key=lambda pair: (abs(pair[0] - exact), -pair[0]))
        assert (got["a"], got["b"]) == best
