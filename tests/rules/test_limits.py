"""Limits: every cut of a batch by account, owner, market, event and layer, ranks and draw modes, held to cells."""

import pytest
from hypothesis import given, strategies as st

from seawall.rules.limits import Claim, Quota, Room, used_units
from seawall.rules.waterfall import draw_batch
from tests.rules.batch_reference import RefClaim, RefLayer, RefLimit, draw_by_cells

MARKETS = ("A", "B", "C")
CAPS = ("block_limit", "lifetime_limit", "drawdown", "notional", "own_credits")
NAMES = st.sampled_from(["x", "y"])


@st.composite
def quotas(draw, keys, top):
    return Quota(draw(st.integers(0, top)), draw(st.dictionaries(st.sampled_from(keys), st.integers(0, top // 2))))


@st.composite
def claims_of(draw, top):
    claims = []
    for number in range(draw(st.integers(1, 4))):
        losses = draw(st.dictionaries(st.sampled_from(MARKETS), st.integers(0, 9), max_size=3))
        name = draw(st.sampled_from(["d", "dd"])) + str(number)
        units = draw(st.integers(1, top))
        claims.append(Claim(name, units, tuple(losses.items()), draw(NAMES), draw(NAMES)))
    return sorted(claims, key=lambda claim: (len(claim.id), claim.id))


def rooms_of(draw, top, modes=("partial",) * 4 + ("all_or_nothing", "block")):
    """Any layers: buckets in runs and apart, ranks, draw modes, each limit sometimes."""
    rooms, markets = [], list(MARKETS)
    some = st.one_of(st.none(), st.integers(0, top))
    for number in range(draw(st.integers(1, 4))):
        insured = []
        while markets and draw(st.integers(0, 3)) == 0:
            insured.append(markets.pop())
        per_market = []
        for bound in ("market_limit", "drawdown"):
            if draw(st.integers(0, 4)) == 0:
                per_market.append((bound, draw(quotas(MARKETS, top))))
        rooms.append(
            Room(
                f"l{number}",
                insured[0] if insured else None,
                draw(st.integers(0, top)),
                draw(st.sampled_from([0, 0, 0, 5])),
                draw(some),
                draw(some),
                markets=tuple(insured[1:]),
                spill_over=draw(st.booleans()) or not insured,
                rank=None if insured else draw(st.sampled_from([None, 1, 1, 2])),
                draw_mode=draw(st.sampled_from(modes)),
                caps=tuple((cap, draw(st.integers(-2, top))) for cap in CAPS if draw(st.integers(0, 6)) == 0),
                offset_units=draw(st.sampled_from([0, 0, 0, 7])),
                accounts=draw(quotas(["x", "y"], top)) if draw(st.integers(0, 2)) == 0 else None,
                owners=draw(quotas(["x", "y"], top)) if draw(st.integers(0, 3)) == 0 else None,
                per_market=tuple(per_market),
            )
        )
    return rooms


@st.composite
def batches(draw, top=25):
    covers = st.dictionaries(st.sampled_from(MARKETS), st.integers(0, top), max_size=2)
    return draw(claims_of(top)), rooms_of(draw, top), draw(st.one_of(st.just({}), covers))


def reference(claims, rooms, cover):
    layers = []
    for room in rooms:
        limits = [RefLimit("layer", lambda _, u=room.balance_units: u)]
        limits.append(RefLimit("layer", lambda _, u=room.balance_units - room.minimum_left_units: max(0, u)))
        if room.window_left_units is not None:
            limits.append(RefLimit("layer", lambda _, u=room.window_left_units: u))
        limits += [RefLimit("layer", lambda _, u=units: max(0, u)) for _, units in room.caps]
        if room.event_limit_units is not None:
            limits.append(RefLimit("event", lambda _, u=room.event_limit_units: u))
        named = [
            ("account", room.accounts),
            ("owner", room.owners),
            *(("market", quota) for _, quota in room.per_market),
        ]
        for stage, quota in named:
            if quota is not None:
                limits.append(RefLimit(stage, lambda key, q=quota: max(0, q.limit_units - q.used.get(key, 0))))
        layers.append(
            RefLayer(room.id, limits, room.insures, room.spill_over, room.rank, room.draw_mode, room.offset_units)
        )
    owed = [RefClaim(c.id, c.units, dict(c.losses), c.account, c.owner) for c in claims]
    return draw_by_cells(owed, layers, cover)


@given(batches())
def test_a_batch_under_every_limit_equals_the_reference_of_cells(batch):
    claims, rooms, cover = batch
    covered = draw_batch(claims, rooms, cover)
    paid, severity, waiting, offsets = reference(claims, rooms, cover)
    assert {(d.deficit, d.layer): d.amount for d in covered.draws if d.amount} == {
        key: sum(row.values()) for key, row in paid.items() if sum(row.values())
    }
    assert dict(covered.severity) == severity
    assert list(covered.waiting) == waiting
    assert dict(covered.offsets) == offsets
    if cover or any(room.per_market for room in rooms):
        assert {(d.deficit, d.layer): dict(d.markets) for d in covered.draws if d.amount} == {
            key: {market: units for market, units in row.items() if units and market}
            for key, row in paid.items()
            if sum(row.values())
        }


@given(batches(10**30))
def test_I1_I2_every_limit_holds_at_any_size_and_nothing_is_lost(batch):
    claims, rooms, cover = batch
    covered = draw_batch(claims, rooms, cover)
    severity = dict(covered.severity)
    by_id = {claim.id: claim for claim in claims}
    assert set(severity) | set(covered.waiting) == set(by_id) and not set(severity) & set(covered.waiting)
    for name, units in severity.items():
        assert units + sum(draw.amount for draw in covered.draws if draw.deficit == name) == by_id[name].units
    assert not {draw.deficit for draw in covered.draws} & set(covered.waiting)
    for_market = dict.fromkeys(MARKETS, 0)
    for room in rooms:
        draws = [draw for draw in covered.draws if draw.layer == room.id]
        total = sum(draw.amount for draw in draws)
        assert min([draw.amount for draw in draws], default=0) >= 0
        assert total <= max(0, room.balance_units - room.minimum_left_units)
        assert all(total <= max(0, units) for _, units in room.caps)
        for of, quota in (("account", room.accounts), ("owner", room.owners)):
            for key in ("x", "y") if quota is not None else ():
                mine = sum(draw.amount for draw in draws if getattr(by_id[draw.deficit], of) == key)
                assert mine <= quota.left_units(key)
        for market in MARKETS:
            mine = sum(dict(draw.markets).get(market, 0) for draw in draws)
            assert all(mine <= quota.left_units(market) for _, quota in room.per_market)
            for_market[market] += 0 if room.insures else mine
    assert all(for_market[market] <= left for market, left in cover.items())


@given(batches())
def test_what_bound_a_draw_left_it_nothing_and_a_paid_deficit_names_nothing(batch):
    claims, rooms, cover = batch
    covered = draw_batch(claims, rooms, cover)
    for room in rooms:
        draws = [draw for draw in covered.draws if draw.layer == room.id]
        total = sum(draw.amount for draw in draws)
        caps = {}
        for bound, units in room.caps:
            caps[bound] = min(max(0, units), caps.get(bound, 10**9))
        caps["capacity"] = room.balance_units
        if room.minimum_left_units:
            caps["minimum_left"] = max(0, room.balance_units - room.minimum_left_units)
        if room.window_left_units is not None:
            caps["window_limit"] = room.window_left_units
        if room.draw_mode != "partial":
            continue
        for draw in draws:
            if draw.bound_by in caps and not (draw.bound_by == "drawdown" and room.per_market):
                assert total == caps[draw.bound_by]
            if draw.bound_by == "event_limit":
                assert draw.amount == room.event_limit_units and total < room.balance_units


@given(batches(), st.randoms())
def test_a_deficit_that_waits_is_as_if_it_had_not_come(batch, random):
    claims, rooms, cover = batch
    covered = draw_batch(claims, rooms, cover)
    rest = [claim for claim in claims if claim.id not in covered.waiting]
    if rest and covered.waiting:
        again = draw_batch(rest, rooms, cover)
        assert again.waiting == () and again.draws == covered.draws and again.severity == covered.severity


# --- worked, one limit a test -------------------------------------------------------------------------------------


def layer(name="l", balance=100, **more):
    return Room(name, None, balance, 0, None, None, **more)


def drawn(claims, *rooms, cover=None):
    covered = draw_batch(claims, rooms, cover)
    return [(d.deficit, d.layer, d.amount, d.bound_by) for d in covered.draws], dict(covered.severity), covered.waiting


def owed(name, units, losses=(), account="x", owner="o"):
    return Claim(name, units, tuple(losses), account, owner)


def test_the_deficits_of_one_account_share_what_is_left_to_it_and_the_sweep_leaves_the_rest_alone():
    rows, severity, _ = drawn(
        [owed("d1", 30), owed("d2", 10), owed("d3", 10, account="y")], layer(accounts=Quota(25, {"x": 5}))
    )
    assert rows == [("d1", "l", 15, "account_limit"), ("d2", "l", 5, "account_limit"), ("d3", "l", 10, "")]
    assert severity == {"d1": 15, "d2": 5, "d3": 0}


def test_an_owners_limit_counts_all_of_its_accounts():
    rows, _, _ = drawn([owed("d1", 30), owed("d2", 30, account="y")], layer(owners=Quota(20)))
    assert rows == [("d1", "l", 10, "owner_limit"), ("d2", "l", 10, "owner_limit")]


def test_the_sweep_offers_what_one_cut_freed_for_another():
    """A's room 10 is cut 7 to 3; the limit per event leaves 4 of the 7, and of what that frees d2 gets its own 4th."""
    room = Room("l", None, 100, 0, 4, None, per_market=(("market_limit", Quota(10)),))
    rows, severity, _ = drawn([owed("d1", 20, [("A", 1)]), owed("d2", 10, [("A", 1)])], room)
    assert rows == [("d1", "l", 4, "event_limit"), ("d2", "l", 4, "event_limit")]
    assert severity == {"d1": 16, "d2": 6}


def test_drift_a_tier_limits_what_all_layers_but_the_bucket_ever_pay_for_a_market():
    """Drift: tiers A 100 M, B 1 M, C 100 k, others 0; a bucket of the market's own is not counted."""
    bucket = Room("bucket", "C", 50_000, 0, None, None)
    rows, severity, _ = drawn(
        [owed("d", 2_000_000, [("C", 1), ("D", 1)])],
        bucket,
        layer("fund", 10_000_000),
        layer("stake", 10_000_000),
        cover={"C": 100_000, "D": 0},
    )
    assert rows == [
        ("d", "bucket", 50_000, "capacity"),
        ("d", "fund", 100_000, "market_limit"),
        ("d", "stake", 0, "market_limit"),
    ]
    assert severity == {"d": 1_850_000}


def test_dydx_all_or_nothing_a_deficit_that_it_cannot_pay_whole_goes_on_whole():
    """Lowest id first; d2 is too large for what d1 left, d3 is not."""
    fund = layer("fund", 100, draw_mode="all_or_nothing")
    rows, severity, _ = drawn([owed("d1", 60), owed("d2", 41), owed("d3", 40)], fund)
    assert rows == [("d1", "fund", 60, ""), ("d2", "fund", 0, "capacity"), ("d3", "fund", 40, "")]
    assert severity == {"d1": 0, "d2": 41, "d3": 0}


def test_dydx_an_isolated_market_has_no_spill_over():
    """The bucket pays its part or nothing, and no later layer sees what it left."""
    isolated = Room("iso", "A", 50, 0, None, None, spill_over=False, draw_mode="all_or_nothing")
    rows, severity, _ = drawn([owed("d", 90, [("A", 2), ("B", 1)])], isolated, layer("cross", 1000))
    assert rows == [("d", "iso", 0, "capacity"), ("d", "cross", 30, "")]
    assert severity == {"d": 60}


def test_perp_v2_a_deficit_that_the_fund_cannot_pay_whole_waits_and_leaves_no_trace():
    """The skin before it would have shared with d2: as d2 waits, d1 has it all."""
    rows, severity, waiting = drawn(
        [owed("d1", 30), owed("d2", 90)], layer("skin", 20), layer("fund", 15, draw_mode="block")
    )
    assert waiting == ("d2",)
    assert rows == [("d1", "skin", 20, "capacity"), ("d1", "fund", 10, "")] and severity == {"d1": 0}


def test_umbrella_the_offset_is_not_the_stakers_and_a_million_units_stay():
    """Offset 100 k USDC; 10^6 base units stay. Of 150,000 USDC 50,000 are slashed, and of the next 10 all 10."""
    usdc = 10**6
    stake = Room("stake", None, 60_000 * usdc, 10**6, None, None, offset_units=100_000 * usdc)
    covered = draw_batch([owed("d", 150_000 * usdc)], [stake])
    assert [(d.amount, d.bound_by) for d in covered.draws] == [(50_000 * usdc, "offset")]
    assert covered.offsets == (("stake", 0),)
    after = Room("stake", None, 10_000 * usdc, 10**6, None, None)
    covered = draw_batch([owed("e", 10_000 * usdc)], [after])
    assert [(d.amount, d.balance_after, d.bound_by) for d in covered.draws] == [(9_999 * usdc, usdc, "minimum_left")]


def test_eurex_the_fund_is_drawn_with_the_second_skin_in_proportion():
    """57 M EUR of SSITG beside a fund of 5,643 M: of 100 M the CCP bears 1 M and members 99 M."""
    fund, skin = layer("fund", 5_643_000_000, rank=1), layer("ssitg", 57_000_000, rank=1)
    rows, severity, _ = drawn([owed("d", 100_000_000)], fund, skin)
    assert rows == [("d", "fund", 99_000_000, ""), ("d", "ssitg", 1_000_000, "")] and severity == {"d": 0}
    rows, severity, _ = drawn([owed("d", 6_000_000_000)], fund, skin)
    assert [row[2:] for row in rows] == [(5_643_000_000, "capacity"), (57_000_000, "capacity")]
    assert severity == {"d": 300_000_000}


def test_layers_of_one_rank_pass_on_to_each_other_what_a_limit_keeps_one_from_paying():
    one, other = layer("one", 100, rank=1, accounts=Quota(10)), layer("other", 100, rank=1)
    rows, severity, _ = drawn([owed("d1", 40), owed("d2", 40, account="y")], one, other)
    assert severity == {"d1": 0, "d2": 0}
    assert sum(amount for _, name, amount, _ in rows if name == "one") == 13  # 80 x 20/120


@pytest.mark.parametrize(("now", "used"), [(4, 5), (5, 0), (9, 0)])
def test_a_limit_of_no_length_counts_one_time_and_any_other_is_half_open(now, used):
    assert used_units([(4, "x", 5)], 0, now).get("x", 0) == used
    assert used_units([(4, "x", 5)], 5, now + 4).get("x", 0) == (5 if now + 4 < 9 else 0)


def test_who_waits_joins_nobody_whether_it_left_a_trace_or_not():
    """d2 left a trace in the bucket, d1 in nothing; neither can be paid whole, d3 can."""
    bucket, block = Room("b", "A", 5, 0, None, None), layer("fund", 50, draw_mode="block")
    claims = [owed("d1", 100), owed("d2", 100, [("A", 1)]), owed("d3", 50)]
    rows, severity, waiting = drawn(claims, bucket, block)
    assert waiting == ("d1", "d2") and rows == [("d3", "fund", 50, "")] and severity == {"d3": 0}


def test_what_a_bucket_without_spill_over_left_reaches_no_later_bucket_either():
    """90 is 60 of A and 30 of B. A's bucket leaves 50 of its 60 to nobody; of B's 30 its own bucket pays all."""
    closed = Room("a", "A", 10, 0, None, None, spill_over=False)
    rows, severity, _ = drawn(
        [owed("d", 90, [("A", 2), ("B", 1)])], closed, layer("empty", 0), Room("b", "B", 99, 0, None, None)
    )
    assert rows == [("d", "a", 10, "capacity"), ("d", "empty", 0, "capacity"), ("d", "b", 30, "")]
    assert severity == {"d": 50}


def test_layers_of_one_rank_share_what_may_be_paid_for_a_market():
    one, other = layer("one", 100, rank=1), layer("other", 100, rank=1)
    rows, severity, _ = drawn([owed("d", 40, [("A", 1)])], one, other, cover={"A": 11})
    assert sum(amount for _, _, amount, _ in rows) == 11 and severity == {"d": 29}
    assert {bound for _, _, _, bound in rows} == {"market_limit"}
