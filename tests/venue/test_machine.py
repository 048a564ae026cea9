"""The venue and its fund over any design, book, depth and prices: invariants asked of the emitted events alone."""

import json
from dataclasses import replace

from hypothesis import assume, given, strategies as st

from seawall.amounts import in_id_order
from seawall.design.loader import design_digest
from seawall.fund.journal import replay as replay_fund, state_digest
from seawall.venue.replay import replay, venue_digest
from seawall.venue_events import VENUE_CODEC
from tests.fund.second_ledger import SecondLedger
from tests.generators import play, squeezes, stories
from tests.venue.second_book import before, follow

ANY = st.one_of(stories(), squeezes(1), squeezes(2))


def severities(drawn):
    """Severity by deficit of a batch as the fund recorded it."""
    return {row["deficit"]: int(row["amount"]) for row in drawn["severity"]} if drawn else {}


def paid(this):
    """Haircuts of a round in all."""
    return sum(int(row["haircut"]) for row in this.haircuts) + sum(int(row["amount"]) for row in this.money)


# --- conservation -------------------------------------------------------------------------------------------------


@given(ANY)
def test_I1_a_second_bookkeeper_comes_to_the_same_money_after_every_event(story):
    """The bookkeeper checks the sum after each event; at the end every account's purse is its cash and costs."""
    played = play(story)
    book, state = follow(played), played.venue.state
    for place, name in enumerate(state.accounts):
        assert book.purse[name] == int(state.cash[place]) - int(state.cost[:, place].sum())
        for market, instrument in enumerate(state.instruments):
            assert book.held(name, instrument.id) == int(state.lots[market, place])
            if book.held(name, instrument.id):
                assert book.cost[name, instrument.id] == int(state.cost[market, place])


@given(ANY)
def test_I1_venue_and_fund_together_hold_what_they_began_with(story):
    played = play(story)
    book, fund = follow(played), played.journal.state
    opening = sum(layer.balance for layer in story.spec.layers)
    assert (
        fund.layers_units + fund.totals.paid_out + fund.totals.drawn + fund.totals.recovered == opening + book.to_fund
    )
    assert book.from_fund == fund.totals.drawn
    assert book.severity_open == fund.carried_units + fund.pending_units + fund.totals.recovered
    everything = (
        sum(map(book.equity, book.purse))
        + sum(book.outside_lots[m] * book.marks.get(m, 0) * unit for m, unit in book.units.items())
        + book.outside_purse
        + sum(book.fees.values())
        + fund.layers_units
        + fund.totals.paid_out
        - fund.carried_units
        - fund.pending_units
    )
    assert everything == book.opening + opening


@given(ANY)
def test_I1_every_deficit_ends_as_draws_haircuts_pending_or_carried(story):
    played = play(story)
    deficits = played.data("shortfalls_drawn")
    owed = sum(int(row["amount"]) for data in deficits for row in data["shortfalls"]["deficits"])
    drawn = sum(int(row["amount"]) for data in deficits for row in data["draws"])
    ended = [row for kind in ("settled", "severity_carried") for data in played.data(kind) for row in data["rows"]]
    assert owed == drawn + sum(int(row["haircut"]) + int(row["carried"]) for row in ended)
    assert played.journal.state.pending_units == 0, "the venue settles every batch in its own round"


@given(ANY)
def test_an_account_that_ended_is_flat_and_owes_nothing(story):
    for this in follow(played := play(story)).rounds:
        for name, row in this.closed.items():
            place = played.venue.state.index[name]
            assert not row["healthy"] and not played.venue.state.lots[:, place].any()
            own = int(row["residual"]) - int(row["residual_taken"])
            assert own >= 0
            assert not (int(row["residual"]) and int(row["deficit"]))
            assert (name in this.covered) == (row["deficit"] != "0") == (row["deficit_id"] != "")
            if name in this.covered:
                assert int(this.covered[name]["drawn"]) + int(this.covered[name]["severity"]) == int(row["deficit"])
    book = follow(played)
    for this in book.rounds:
        for name in this.closed:
            assert book.purse[name] == int(played.venue.state.cash[played.venue.state.index[name]]) >= 0


# --- the fund's part ----------------------------------------------------------------------------------------------


@given(ANY)
def test_I2_no_layer_is_below_zero_or_its_minimum_after_any_draw(story):
    limits = {layer.id: layer for layer in story.spec.layers}
    for data in play(story).data("shortfalls_drawn"):
        for row in data["draws"]:
            layer, amount = limits[row["layer"]], int(row["amount"])
            assert int(row["balance_after"]) >= 0
            assert not amount or int(row["balance_after"]) >= layer.minimum_left
            assert layer.event_limit is None or amount <= layer.event_limit


@given(st.one_of(stories(markets=2), squeezes(1)))
def test_I3_the_fund_pays_as_the_second_bookkeeper_pays_unit_by_unit(story):
    """Every inflow, batch and settlement of a venue's whole life, layer by layer, a unit at a time."""
    played = play(story)
    second = SecondLedger(story.spec)
    commands = {seq: command for command, seq in played.journal.state.answered.values()}
    assume(sum(abs(int(getattr(command, "amount", 0))) for command in commands.values()) < 2_000)
    assume(played.journal.state.totals.deficits < 2_000)
    for machine, envelope in played.records:
        if machine == "fund" and envelope["seq"] in commands:
            assert second.take(commands[envelope["seq"]], envelope["t"]) == ""
    state, picture = played.journal.state, second.picture()
    assert {name: layer.balance for name, layer in state.layers.items()} == picture["layers"]
    assert {name: units for name, units in state.receivers.items() if units} == picture["receivers"]
    assert [(name, debt.amount) for name, debt in state.carried.items()] == picture["carried"]


@given(ANY)
def test_I4_no_haircut_while_a_layer_could_still_pay(story):
    """Whoever pays, pays severity: what I3 says no layer had capacity for. Never a unit more."""
    for this in follow(play(story)).rounds:
        severity = sum(severities(this.drawn).values())
        assert paid(this) <= severity
        if story.spec.policy == "carry":
            assert not this.haircuts and not this.money
        if story.spec.policy != "adl":
            assert not this.closings


# --- who pays -----------------------------------------------------------------------------------------------------


@given(ANY)
def test_I5_a_trader_with_no_open_position_pays_nothing(story):
    for this in follow(play(story)).rounds:
        for row in this.haircuts:
            assert this.lots.get((row["account"], row["market"]))
        for row in this.money:
            assert not row["flat"]


@given(ANY)
def test_I6_a_haircut_exceeds_neither_profit_nor_equity(story):
    for this in follow(play(story)).rounds:
        for row in this.haircuts:
            assert int(row["profit"]) == this.profit[row["account"], row["market"]]
            assert int(row["equity"]) == this.equity[row["account"]]
            assert 0 <= int(row["haircut"]) <= max(0, min(int(row["profit"]), int(row["equity"])))
        for row in this.money:
            assert 0 < int(row["amount"]) <= min(int(row["profit"]), int(row["equity"]))


@given(ANY)
def test_I6_all_haircuts_of_a_round_together_exceed_nobodys_equity(story):
    for this in follow(play(story)).rounds:
        total: dict[str, int] = {}
        for row in this.haircuts:
            total[row["account"]] = total.get(row["account"], 0) + int(row["haircut"])
        for row in this.money:
            total[row["account"]] = total.get(row["account"], 0) + int(row["amount"])
        assert all(units <= this.equity[name] for name, units in total.items())


@given(ANY)
def test_I6_all_haircuts_of_a_round_together_exceed_no_positions_profit(story):
    for this in follow(play(story)).rounds:
        total: dict[tuple[str, str], int] = {}
        for row in this.haircuts:
            key = row["account"], row["market"]
            total[key] = total.get(key, 0) + int(row["haircut"])
        for row in this.money:
            key = row["account"], row["market"]
            total[key] = total.get(key, 0) + int(row["amount"])
        assert all(units <= max(0, this.profit[key]) for key, units in total.items())


@given(ANY)
def test_what_a_winner_loses_against_the_mark_is_what_its_row_says(story):
    """Closed at the bankruptcy price and given back the excess: its equity falls by the haircut, to the unit."""
    for this in follow(play(story)).rounds:
        for row in this.haircuts:
            side = 1 if this.lots[row["account"], row["market"]] > 0 else -1
            unit = next(market.unit for market in story.spec.markets if market.id == row["market"])
            worth = row["lots"] * this.marks[row["market"]] * unit
            assert side * (worth - int(row["amount"])) == int(row["taken"])


@given(ANY)
def test_I10_haircuts_and_carried_debt_are_the_severity_exactly(story):
    played = play(story)
    settled = {data["settle"]["batch"]: data["rows"] for data in played.data("settled")}
    settled |= {data["batch"]: data["rows"] for data in played.data("severity_carried")}
    for this in follow(played).rounds:
        severity = severities(this.drawn)
        rows = settled.get(f"b{this.step}.{this.number}", [])
        assert {r["deficit"]: int(r["haircut"]) + int(r["carried"]) for r in rows} == severity
        assert sum(int(r["haircut"]) for r in rows) == paid(this)


@given(ANY)
def test_I10_what_deleveraging_took_beyond_the_severity_went_back(story):
    for this in follow(play(story)).rounds:
        taken = sum(int(row["taken"]) for row in this.haircuts)
        severity = sum(severities(this.drawn).values())
        assert sum(int(row["haircut"]) for row in this.haircuts) == min(taken, severity)
        assert all(int(row["haircut"]) <= int(row["taken"]) for row in this.haircuts)


@given(stories(policies=("socialised_loss",)))
def test_I10_debt_is_carried_only_once_nobody_has_profit_and_equity_left(story):
    """Socialised loss takes min(severity, what the base can pay): net profit of safe accounts, within their equity."""
    played = play(story)
    for this in follow(played).rounds:
        if set(this.triggered) - set(this.closed):
            continue  # who was sold in part may be safe by now
        severity = sum(severities(this.drawn).values())
        base = 0
        for name in this.safe:
            net = sum(profit for (account, _), profit in this.profit.items() if account == name)
            base += max(0, min(net, this.equity[name]))
        assert paid(this) == min(severity, base)


@given(ANY)
def test_I11_positions_of_a_market_sum_to_zero(story):
    """The bookkeeper asserts it after every event; here once more of the machine's own state."""
    played = play(story)
    book, state = follow(played), played.venue.state
    for market, instrument in enumerate(state.instruments):
        assert int(state.lots[market].sum()) + state.outside_lots[market] == 0
        assert book.outside_lots[instrument.id] == state.outside_lots[market]


# --- who is liquidated and what is sold ---------------------------------------------------------------------------


@given(ANY)
def test_who_is_triggered_is_exactly_who_is_liquidatable_at_the_marks(story):
    for this in follow(play(story)).rounds:
        decided = this.safe | set(this.triggered)
        assert not this.safe & set(this.triggered)
        assert this.triggered == in_id_order(this.triggered)
        if story.spec.capacity is None:
            book = before(story, this)
            assert this.triggered == [name for name in in_id_order(book.purse) if book.liquidatable(name)]
            assert decided == {name for name in book.purse if book.decidable(name)}


@given(ANY)
def test_no_winner_is_liquidatable_at_the_mark_or_was_liquidated_in_the_round(story):
    for this in follow(play(story)).rounds:
        for row in this.haircuts:
            assert row["account"] in this.safe
        for row in this.money:
            assert row["safe"] and row["account"] not in this.triggered


@given(ANY)
def test_no_lot_is_both_sold_and_deleveraged(story):
    for this in follow(play(story)).rounds:
        closed: dict[tuple[str, str], int] = {}
        for row in this.closings:
            key = row["account"], row["market"]
            closed[key] = closed.get(key, 0) + row["lots"]
        for key, lots in closed.items():
            sold = this.sold.get(key, [0, 0])[0]
            assert sold + lots == abs(this.lots[key]), "what was not sold was closed: all of an account or nothing"
            assert key[0] in this.closed


@given(ANY)
def test_an_account_waits_only_where_depth_is_exhausted(story):
    """At the end of a step whoever is still liquidatable faces an empty book in every market it holds.

    Under `adl` an account that is solvent with what layers owe it waits rather than sell what they cannot pay for; a
    bankrupt one is closed whole or not at all, so one position that nobody can take makes its others wait too.
    """
    assume(story.spec.capacity is None)
    for length in range(1, len(story.steps) + 1):
        played = play(replace(story, steps=story.steps[:length]))
        book, state = follow(played), played.venue.state
        for name in filter(book.liquidatable, book.purse):
            held = [(m, i.id) for m, i in enumerate(state.instruments) if book.held(name, i.id)]
            empty = [_exhausted(state, market, book.held(name, symbol) > 0) for market, symbol in held]
            if story.spec.policy != "adl":
                assert all(empty)
            elif book.equity(name) + book.backed.get(name, 0) < 0:
                assert any(empty)


def _exhausted(state, market, long):
    """Whether a market's book can take no more of a long's sale, or of a short's purchase."""
    key = market, "bids" if long else "asks"
    for (away, lots), used in zip(state.ladders.get(key, ()), state.used.get(key, ())):
        if used < lots and (not long or state.anchor[market] - away >= 1):
            return False
    return True


@given(stories())
def test_the_engine_takes_the_worst_ratio_first_within_its_capacity(story):
    """Whoever waits for the engine is no worse, in equity over maintenance, than whoever it took new in that round."""
    assume(story.spec.capacity is not None)
    started: dict[int, set[str]] = {}
    for this in follow(play(story)).rounds:
        begun = started.setdefault(this.step, set())
        book = before(story, this)
        new = [name for name in this.triggered if name not in begun]
        waiting = [n for n in book.purse if book.liquidatable(n) and n not in this.triggered]
        for taken in new:
            for other in waiting:
                first = book.equity(taken) * max(1, book.maintenance(other))
                second = book.equity(other) * max(1, book.maintenance(taken))
                assert first < second or (first == second and (len(taken), taken) < (len(other), other))
        begun |= set(this.triggered)
        assert len(begun) <= story.spec.capacity
        if waiting:
            assert len(begun) == story.spec.capacity


@given(stories())
def test_with_a_stale_mark_nothing_is_decided_about_who_holds_that_market(story):
    """Neither liquidated nor deleveraged nor haircut; and the refusal is recorded with its reason."""
    played = play(story)
    for this in follow(played).rounds:
        names = [*this.triggered, *(r["account"] for r in this.haircuts), *(r["account"] for r in this.money)]
        for name in names:
            assert not any(n for (a, m), n in this.lots.items() if a == name and n and this.stale.get(m))


# --- replay, determinism, independence ----------------------------------------------------------------------------


@given(ANY)
def test_I7_both_logs_replay_to_the_same_states(story):
    played = play(story)
    assert state_digest(replay_fund(played.journal.lines)) == state_digest(played.journal.state)
    design = story.spec.design
    again = replay(played.venue.lines, design, story.book(), design_digest(design))
    assert venue_digest(again) == venue_digest(played.venue.state)


@given(ANY)
def test_every_venue_event_survives_a_round_trip_to_the_same_bytes(story):
    played = play(story)
    prevs = [json.loads(line)["prev"] for line in played.venue.lines]
    for line, prev, recorded in zip(played.venue.lines, prevs, VENUE_CODEC.read(played.venue.lines), strict=True):
        assert VENUE_CODEC.encode(recorded, prev) == line


@given(ANY)
def test_the_same_input_gives_the_same_bytes(story):
    one, two = play(story), play(story)
    assert one.venue.lines == two.venue.lines and one.journal.lines == two.journal.lines


@given(ANY, st.sampled_from([2**70, 1, 40]))
def test_python_integers_64_bits_and_a_change_between_them_give_the_same_bytes(story, ceiling):
    plain = play(story)
    other = play(replace(story, ceilings={market.id: ceiling for market in story.spec.markets}))
    assert plain.venue.lines == other.venue.lines and plain.journal.lines == other.journal.lines


@given(ANY, st.randoms())
def test_the_order_of_accounts_in_the_input_changes_nothing(story, random):
    rows = list(story.accounts.items())
    random.shuffle(rows)
    assert play(replace(story, accounts=dict(rows))).venue.lines == play(story).venue.lines


@given(ANY)
def test_only_the_order_of_ids_matters_not_the_ids(story):
    """Other names in the same order: every figure is the same, only the names are others."""
    names = {name: f"n{place:04d}" for place, name in enumerate(in_id_order(story.accounts))}
    renamed = replace(
        story,
        accounts={names[name]: (names.get(owner, owner), *rest) for name, (owner, *rest) in story.accounts.items()},
    )
    plain, other = play(story), play(renamed)
    for (machine, one), (_, two) in zip(plain.records, other.records, strict=True):
        if one["kind"] not in ("opened", "venue_opened"):
            assert _renamed(one["data"], names) == _renamed(two["data"], {}), machine


def _renamed(data, names):
    """An event with other account names, as plain figures: a root is a hash over names, and left out."""
    if isinstance(data, dict):
        return {
            key: names.get(value, value) if key in ("account", "owner") else _renamed(value, names)
            for key, value in data.items()
            if key != "root"
        }
    return [_renamed(value, names) for value in data] if isinstance(data, list) else data


@given(stories(pass_through=False))
def test_a_calm_step_writes_a_mark_and_nothing_else(story):
    """Once everything is done, the same prices again liquidate nobody new."""
    played = play(story)
    book = follow(played)
    assume(not any(map(book.liquidatable, book.purse)) and not any(book.stale.values()))
    lines = len(played.venue.lines)
    played.venue.step(10**7, dict(book.marks))
    assert len(played.venue.lines) == lines + 1
