"""Withdrawals while losses are open: worked numbers of each rule, order of leaving and closing, conservation."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, strategies as st

from seawall.fund.journal import replay as replay_fund, state_digest
from seawall.fund.messages import Refused, Repeated
from seawall.venue.replay import replay, venue_digest
from seawall.venue.scan import value_all
from seawall.venue_events import Deposited, Withdrawn
from tests.generators import LayerSpec, MarketSpec, TierSpec, play, squeezes, stories
from tests.venue.mechanisms import mechanisms, with_collateral
from tests.venue.second_book import follow
from tests.venue.test_rankings import RANKINGS
from tests.venue.test_worked import account, cash, long, short, story

TENTH = (TierSpec(10_000, initial_ppm=100_000),)


def venue_of(rows, steps=(80,), fund=0, asked=None, **spec):
    spec.setdefault("markets", (MarketSpec("BTC", 1, TENTH),))
    spec.setdefault("policy", "socialised_loss")
    layers = (LayerSpec("shared", "shared_fund", fund),)
    base = story(rows, steps, layers=layers, **spec)
    return replace(base, asked=asked or {})


WAITING = {
    "Z": account(70, long(11, 100)),
    "w": account(400, short(6, 100)),
    "v": account(800, short(4, 100)),
    "f": account(300),
}
"""At 80 without bids: Z has -150 and waits, also under `adl`: shorts of 10 lots do not suffice for its 11. w has 520,
margin 48, profit 120; v 880, 32, 80; f is flat."""


def paid(answers):
    """What each answer paid: base units, or the reason of a refusal."""
    return [int(a.rows[0].paid) if isinstance(a, Withdrawn) else getattr(a, "reason", a) for a in answers]


# --- haircut ------------------------------------------------------------------------------------------------------


def test_an_account_leaves_its_margin_and_its_part_of_the_open_loss():
    """150 over profits of 120 and 80: w leaves 90 and its margin of 48 of 520; v 60 and 32 of 880; f nothing."""
    asked = {1: (("withdraw", "w", 1_000), ("withdraw", "v", 1_000), ("withdraw", "f", 1_000))}
    played = play(venue_of(WAITING, asked=asked))
    assert paid(played.answers) == [520 - 48 - 90, 880 - 32 - 60, 300]
    (row,) = played.answers[0].rows
    assert (row.haircut, row.borne, row.equity, row.margin, row.cash_after) == (90, 0, 520, 48, 18)
    assert played.answers[0].open_loss == 150 and played.venue.state.money_out == 382 + 788 + 300


def test_what_layers_could_pay_is_no_open_loss():
    asked = {1: (("withdraw", "w", 1_000),)}
    assert paid(play(venue_of(WAITING, fund=100, asked=asked)).answers) == [520 - 48 - 30]
    assert paid(play(venue_of(WAITING, fund=150, asked=asked)).answers) == [520 - 48]


def test_less_than_allowed_is_paid_whole():
    assert paid(play(venue_of(WAITING, asked={1: (("withdraw", "w", 99),)})).answers) == [99]


def test_carried_debt_is_open_until_it_is_repaid():
    """Z was sold and 150 are carried, nobody's position any more: over profits 120 and 80 again."""
    base = venue_of(
        WAITING, policy="adl", fallback="carry", markets=(MarketSpec("BTC", 1, TENTH, extra={"adl_exempt": True}),)
    )
    base = replace(base, ladders={("BTC", "bids"): ((0, 500),)}, asked={1: (("withdraw", "w", 1_000),)})
    played = play(base)
    assert played.journal.state.carried_units == 150 and paid(played.answers) == [520 - 48 - 90]


@pytest.mark.parametrize(
    ("policy", "extra", "left"),
    [
        ("adl", {}, {"w": 90, "v": 60}),
        ("gains_haircut", {}, {"w": 90, "v": 60}),
        ("tear_up", {}, {"w": 90, "v": 60}),
        ("carry", {}, {"w": 0, "v": 0}),
        ("socialised_loss", {"socialised_base": "equity"}, {"w": 46, "v": 78}),  # 150 over 520, 880, 300
        ("socialised_loss", {"socialised_base": "open_interest_shorts"}, {"w": 90, "v": 60}),
        ("socialised_loss", {"socialised_base": "deposits"}, {"w": 40, "v": 80}),  # over 400, 800, 300
    ],
)
def test_each_policy_says_what_it_would_take_now(policy, extra, left):
    for name, free in (("w", 520 - 48), ("v", 880 - 32)):
        asked = {1: (("withdraw", name, 1_000),)}
        assert paid(play(venue_of(WAITING, policy=policy, exhaustion=extra, asked=asked)).answers) == [
            free - left[name]
        ]


def test_a_queue_asks_the_first_of_it():
    """By profit: w's 120 first, then 30 of v's 80."""
    asked = {1: (("withdraw", "w", 1_000), ("withdraw", "v", 1_000))}
    played = play(venue_of(WAITING, policy="adl", ranking="queue_profit", asked=asked))
    assert paid(played.answers) == [520 - 48 - 120, 880 - 32 - 30]


def test_what_the_policy_cannot_place_is_asked_of_the_fallbacks_base():
    """Profits are 120 + 80 of 350 open: 150 more over equities 520, 880, 300."""
    rows = {**WAITING, "Z": account(-150, long(10, 100))}
    spec = {"policy": "adl", "fallback": "socialised_loss", "exhaustion": {"socialised_base": "equity"}}
    for name, left in (("w", 520 - 48 - 120 - 46), ("f", 300 - 26)):
        assert paid(play(venue_of(rows, asked={1: (("withdraw", name, 1_000),)}, **spec)).answers) == [left]


# --- gate and free ------------------------------------------------------------------------------------------------


def gate(ms):
    return f'[withdrawals]\nwhile_losses = "gate"\ngate_ms = {ms}\n'


def test_a_gate_shuts_for_all_while_a_loss_is_open_and_for_its_time_after():
    """Open at 1000 and 2000, paid at 3000 by a better price; shut until 4000, with 2000 after the last open loss."""
    asks = (("withdraw", "f", 1),)
    asked = dict.fromkeys((1, 2, 3, 4), asks)
    played = play(venue_of(WAITING, (80, 80, 96, 96), asked=asked, extra_text=gate(2_000)))
    shut = "withdrawals are shut: a loss is open"
    assert paid(played.answers) == [shut, shut, shut, 1]
    assert [(event["step"], event["amount"]) for event in played.data("losses_seen")] == [(1, "150"), (2, "150")]


def test_without_a_gate_nothing_is_noted():
    assert not play(venue_of(WAITING)).data("losses_seen")


def test_free_withdrawals_ask_only_for_margin():
    asked = {1: (("withdraw", "w", 1_000),)}
    played = play(venue_of(WAITING, asked=asked, extra_text='[withdrawals]\nwhile_losses = "free"\n'))
    assert paid(played.answers) == [520 - 48]


# --- withdrawal haircut -------------------------------------------------------------------------------------------

SHORT_OF = {"Z": account(50, long(10, 100)), "s": account(0, short(10, 100)), "a": account(333), "b": account(333)}
SHORT_OF |= {"c": account(334)}
"""Z is sold at 80 and owes 150: carried. s has 200, a, b, c 1000 together: L 1200, 150 open; margin of s 80."""


def factor(**spec):
    base = venue_of(SHORT_OF, policy="withdrawal_haircut", **spec)
    return replace(base, ladders={("BTC", "bids"): ((0, 500),)})


def test_the_debt_is_carried_and_a_claim_is_paid_in_part():
    """333 x 1050 / 1200 = 291.375; the 42 given up repay carried debt: 867 of claims, 759 held."""
    played = play(factor(asked={1: (("withdraw", "a", 500),)}))
    (row,) = played.answers[0].rows
    assert (row.asked, row.paid, row.borne, row.cash_after) == (500, 291, 42, 0)
    assert played.journal.state.carried_units == 150 - 42
    assert played.answers[0].claims == 1200 and played.answers[0].open_loss == 150


def test_one_by_one_everybody_is_paid_by_the_same_factor_to_a_unit():
    asked = {1: tuple(("withdraw", name, 999) for name in "abc")}
    played = play(factor(asked=asked))
    assert paid(played.answers) == [291, 291, 292]  # 291.375, 291.4..., 292.3...
    assert played.journal.state.carried_units == 150 - 42 - 42 - 42


def test_a_batch_is_paid_from_one_snapshot():
    """1000 x 1050 / 1200 = 875, over 333, 333, 334: 291.4, 291.4, 292.2: the odd unit to `a`, the lowest id."""
    venue = play(factor()).venue
    answers = venue.withdraw_batch(2_000, [("3", "c", 999), ("1", "a", 333), ("2", "b", 333)])
    rows = {row.account: int(row.paid) for row in answers[0].rows}
    assert answers[0] is answers[1] is answers[2] and rows == {"a": 292, "b": 291, "c": 292}
    assert venue.fund.state.carried_units == 25


def test_two_claims_of_one_account_are_together_no_more_than_it_has():
    """200 and what is left of 333: 133; 333 x 1050 / 1200 = 291.375 over both."""
    venue = play(factor()).venue
    answers = venue.withdraw_batch(2_000, [("1", "a", 200), ("2", "a", 200)])
    rows = answers[0].rows
    assert [(int(row.paid), int(row.borne)) for row in rows] == [(175, 25), (116, 17)] and cash_of(venue, "a") == 0


def test_once_the_debt_is_repaid_claims_are_paid_whole():
    """All that can leave leaves; s is closed by hand: nothing is stranded but its margin's part."""
    venue = play(factor(asked={1: tuple(("withdraw", name, 999) for name in "abc")})).venue
    venue.deposit(2_000, "d", "s", 1)
    last = venue.withdraw(2_000, "s1", "s", 121)
    assert isinstance(last, Withdrawn)
    assert venue.fund.state.carried_units == 24 - int(last.rows[0].borne) > 0
    venue.step(3_000, {"BTC": 80})
    assert venue.state.money_out - venue.state.money_in == 291 + 291 + 292 + int(last.rows[0].paid) - 1


@pytest.mark.parametrize(("lots", "carried"), [(17, 340), (18, 360), (100, 2000)])
def test_where_open_losses_are_all_equity_or_more_a_claim_is_refused_and_nothing_given_up(lots, carried):
    """A lot of the default owes 20; s has 1 + 20, f 319: 340 of claims, as much as 17 lots owe."""
    rows = {"Z": account(0, long(lots, 100)), "s": account(1, short(1, 100)), "f": account(319)}
    venue = play(replace(venue_of(rows, policy="withdrawal_haircut"), ladders={("BTC", "bids"): ((0, 500),)})).venue
    answer = venue.withdraw(2_000, "x", "f", 319)
    assert (answer.code, answer.field) == ("state", "amount")
    assert answer.reason == "wanted at most what it may take now, 0; found 319"
    assert cash_of(venue, "f") == 319 and venue.fund.state.carried_units == carried
    assert "x" not in venue.state.requests and venue.state.money_out == 0
    last = venue.deposit(2_000, "d", "s", carried)
    assert isinstance(last, Deposited) and isinstance(venue.withdraw(2_000, "x", "f", 319), Withdrawn)


def test_a_unit_short_of_all_equity_a_claim_is_paid_in_part():
    """340 open. Of 341 of claims f's 320 are paid 320 x 1 / 341, nothing: refused. Of 342 its 321: 642 / 342, 1."""
    rows = {"Z": account(0, long(17, 100)), "s": account(1, short(1, 100)), "f": account(319)}
    base = replace(venue_of(rows, policy="withdrawal_haircut"), ladders={("BTC", "bids"): ((0, 500),)})
    venue = play(base).venue
    venue.deposit(2_000, "d", "f", 1)
    assert venue.withdraw(2_000, "x", "f", 320).code == "state" and venue.fund.state.carried_units == 340
    venue.deposit(2_000, "e", "f", 1)
    (row,) = venue.withdraw(2_000, "x", "f", 321).rows
    assert (row.paid, row.borne) == (1, 320) and venue.fund.state.carried_units == 20


# --- collateral ---------------------------------------------------------------------------------------------------

TOKEN = MarketSpec("TOK", 1, (), extra={"kind": "collateral", "haircut_ppm": 100_000, "dust": "0"})


def tokens(cash, lots, *rows):
    return account(cash, *rows, (1, lots, 0))


def venue_with_tokens(rows, price=80, **spec):
    markets = (MarketSpec("BTC", 1, TENTH), TOKEN)
    return venue_of(rows, ({"BTC": price, "TOK": 10},), markets=markets, **spec)


@pytest.mark.parametrize(
    ("cash_units", "lots", "rows", "most"),
    [
        (90, 5, (), 90),  # flat: equity 90 + 45, of which 45 is no cash
        (0, 5, (), 0),
        (-10, 5, (), 0),  # owes already
        (100, 20, (short(6, 100),), 220),  # 100 and a profit of 120: the tokens' 180 back the margin of 48
        (100, 2, (short(6, 100),), 190),  # 18 of the margin of 48 are backed by tokens, 30 by cash and profit
        (-100, 20, (short(6, 100),), 20),  # cash goes on falling as far as profit backs it
        (200, 20, (long(6, 100),), 80),  # 200 less a loss of 120
        (100, 20, (long(6, 100),), 0),
    ],
)
def test_collateral_backs_margin_and_is_never_paid_out_as_cash(cash_units, lots, rows, most):
    """At 80, tokens at 10 less a tenth: paid is cash with the positions' profit or loss; nothing is open."""
    side = sum(row[1] for row in rows)
    book = {"A": tokens(cash_units, lots, *rows), "B": account(10_000, (0, -side, -side * 100))}
    venue = play(venue_with_tokens(book)).venue
    answer = venue.withdraw(2_000, "x", "A", 1_000)
    if not most:
        assert isinstance(answer, Refused) and (answer.code, answer.field) == ("state", "amount")
        return
    assert paid([answer]) == [most] and cash_of(venue, "A") == cash_units - most
    assert isinstance(venue.withdraw(2_000, "y", "A", 1), Refused)


def test_the_part_of_the_open_loss_is_left_in_cash_or_profit_and_not_in_tokens():
    """Z's -150 over profits 120 and 80: w leaves 90 of 100 + 120, whatever its tokens are worth; requests share it."""
    rows = {**WAITING, "w": tokens(100, 20, short(6, 100))}
    venue = play(venue_with_tokens(rows)).venue
    answers = venue.withdraw_batch(2_000, [("x", "w", 100), ("y", "w", 100), ("z", "w", 1)])
    assert [(int(row.paid), int(row.haircut)) for row in answers[0].rows] == [(100, 90), (30, 90)]
    assert cash_of(venue, "w") == -30 and isinstance(answers[2], Refused)


def test_under_a_withdrawal_haircut_tokens_are_no_claim_on_cash():
    """150 open of 200 + 333 + 333 + 334 + 45 of tokens: c claims its cash of 334, 334 x 1095 / 1245 = 293.7."""
    rows = {**SHORT_OF, "c": tokens(334, 5)}
    base = venue_with_tokens(rows, policy="withdrawal_haircut", asked={1: (("withdraw", "c", 999),)})
    played = play(replace(base, ladders={("BTC", "bids"): ((0, 500),)}))
    (row,) = played.answers[0].rows
    assert (row.paid, row.borne, row.cash_after) == (293, 41, 0) and played.answers[0].claims == 1245


# --- identity and refusals ----------------------------------------------------------------------------------------


def test_an_id_is_paid_once():
    venue = play(venue_of(WAITING)).venue
    first = venue.withdraw(2_000, "x", "f", 100)
    again = venue.withdraw(2_000, "x", "f", 100)
    assert isinstance(first, Withdrawn) and again == Repeated(id="x", seq=venue.state.last_seq)
    other = [venue.withdraw(2_000, "x", *rest) for rest in (("f", 99), ("w", 100))]
    assert [(answer.code, answer.field) for answer in other] == [("conflict", "amount"), ("conflict", "account")]
    assert venue.deposit(2_000, "x", "f", 100).field == "kind" and venue.state.money_out == 100


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        (("x", "nobody", 1), "invalid", "account"),
        (("x", "f", 0), "invalid", "amount"),
        (("x", "f", 10**38), "invalid", "amount"),
        (("", "f", 1), "invalid", "id"),
        (("x", "Z", 1), "state", "amount"),
    ],
)
def test_what_is_refused_uses_up_no_id(request_, code, field):
    venue = play(venue_of(WAITING)).venue
    answer = venue.withdraw(2_000, *request_)
    assert isinstance(answer, Refused) and (answer.code, answer.field) == (code, field)
    assert "x" not in venue.state.requests and venue.state.money_out == 0


def test_not_before_the_last_event_nor_on_a_stale_mark_nor_within_a_liquidation():
    venue = play(venue_of(WAITING)).venue
    assert venue.withdraw(500, "x", "f", 1).field == "t"
    stale = play(venue_of(WAITING, ({"BTC": 80}, {}), max_age_ms=500)).venue
    assert stale.withdraw(2_000, "x", "w", 1).reason == "a mark of its positions is stale"
    half = {**WAITING, "Z": account(230, long(10, 100))}
    under = play(replace(venue_of(half, surcharge_ppm=10_000), ladders={("BTC", "bids"): ((0, 5),)})).venue
    assert under.state.fees or under.withdraw(2_000, "x", "Z", 1).code == "state"


def test_a_batch_names_each_id_once():
    venue = play(venue_of(WAITING)).venue
    first, second = venue.withdraw_batch(2_000, [("x", "f", 10), ("x", "f", 10)])
    assert isinstance(first, Withdrawn) and (second.code, second.field) == ("conflict", "id")


def test_two_withdrawals_of_one_account_share_its_room():
    venue = play(venue_of(WAITING)).venue
    answers = venue.withdraw_batch(2_000, [("x", "f", 200), ("y", "f", 200)])
    assert [int(row.paid) for row in answers[0].rows] == [200, 100] and cash_of(venue, "f") == 0


def cash_of(venue, name):
    return int(venue.state.cash[venue.state.index[name]])


def test_a_deposit_is_money_in():
    played = play(venue_of(WAITING, asked={1: (("deposit", "Z", 7),)}))
    assert isinstance(played.answers[0], Deposited) and cash(played, "Z") == 77 and played.venue.state.money_in == 7


# --- properties ---------------------------------------------------------------------------------------------------

UNMOVED = ("positive_pnl", "open_interest", "open_interest_longs", "open_interest_shorts")


@given(squeezes(1), st.sampled_from(UNMOVED), st.randoms())
def test_it_does_not_matter_who_withdraws_before_the_loss_is_closed(story, base, random):
    """Everybody who can takes all it may, or half, before the crash is closed; all pay for it what they would have.

    The loss is closed at the price at which it was open: first without depth, so that it waits, then at the mark.
    """
    fund = LayerSpec("shared", "shared_fund", random.choice([0, 20]))
    spec = {"policy": "socialised_loss", "exhaustion": {"socialised_base": base}, "layers": (fund,), "surcharge_ppm": 0}
    story = story.but(**spec, residual_split=(0, 0, 1_000_000), fallback="carry")
    crash = story.steps[0]
    waits = replace(story, ladders={}, steps=(crash,))
    names = sorted(story.accounts)
    venue, stays = play(waits).venue, play(waits).venue
    before = {name: cash_of(venue, name) for name in names}
    for number, name in enumerate(random.sample(names, len(names))):
        venue.withdraw(1_500, f"x{number}", name, random.choice([10**9, 50, 7]))
    taken = {name: before[name] - cash_of(venue, name) for name in names}
    for one in (venue, stays):
        for market in one.state.instruments:
            for side in ("bids", "asks"):
                key = (one.state.instruments.index(market), side)
                one.state.ladders[key], one.state.used[key] = ((0, 10**6),), (0,)
        one.step(2_000, crash)
    assert {name: cash_of(venue, name) + taken[name] for name in names} == {
        name: cash_of(stays, name) for name in names
    }
    assert (venue.state.cost == stays.state.cost).all() and (venue.state.lots == stays.state.lots).all()
    assert venue.fund.state.carried_units == stays.fund.state.carried_units


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.integers(1, 60), st.randoms())
def test_withdrawal_haircuts_pay_a_batch_by_one_factor_whatever_the_order(claims, lots, random):
    """All claims in one batch: each within a unit of claim x (L - U) / L; U is what a default of 20 a lot left."""
    rows = {f"c{i}": account(claim) for i, claim in enumerate(claims)}
    rows |= {"Z": account(0, long(lots, 100)), "s": account(1, short(lots, 100))}
    base = replace(venue_of(rows, policy="withdrawal_haircut"), ladders={("BTC", "bids"): ((0, 500),)})
    requests = [(f"x{i}", f"c{i}", claim) for i, claim in enumerate(claims)]
    results = []
    for order in [requests, random.sample(requests, len(requests))]:
        venue = play(base).venue
        owed, total = 20 * lots, sum(claims) + 1 + 20 * lots
        answers = venue.withdraw_batch(2_000, order)
        if sum(claims) * (total - owed) < total:  # not a unit for all of them: nobody gives anything up
            assert all(isinstance(answer, Refused) for answer in answers) and venue.fund.state.carried_units == owed
            continue
        got = {row.account: int(row.paid) for row in answers[0].rows}
        for i, claim in enumerate(claims):
            assert abs(got[f"c{i}"] - Fraction(claim * (total - owed), total)) < 1 + Fraction(claim, sum(claims))
        results.append(got)
        assert venue.fund.state.carried_units == owed - (sum(claims) - sum(got.values()))
    assert all(got == results[0] for got in results)


@st.composite
def eventful(draw):
    """Any mechanism, policy, base, ranking and rule of withdrawals; requests and funding between the steps."""
    base = draw(st.one_of(stories(), squeezes(1), squeezes(2), mechanisms()))
    policy = draw(
        st.sampled_from(["adl", "socialised_loss", "carry", "gains_haircut", "tear_up", "withdrawal_haircut"])
    )
    fallback = draw(st.sampled_from(["carry", "socialised_loss", "tear_up"]))
    exhaustion = {}
    if "socialised_loss" in (policy, fallback):
        bases = [*UNMOVED, "equity", "period_profit", "deposits"]
        exhaustion["socialised_base"] = draw(st.sampled_from(bases))
    if policy == "adl":
        exhaustion["adl_price"] = draw(st.sampled_from(["bankruptcy_price", "mark", "previous_mark", "oracle"]))
    if policy == "gains_haircut":
        exhaustion["gains_max_rounds"] = draw(st.integers(1, 3))
    rules = ["haircut", "gate"] if policy == "withdrawal_haircut" else ["haircut", "gate", "free"]
    rule = draw(st.sampled_from(rules))
    text = gate(draw(st.sampled_from([0, 1_500]))) if rule == "gate" else f'[withdrawals]\nwhile_losses = "{rule}"\n'
    if draw(st.booleans()):
        text += "[accounts]\nrecourse = true\n"
    steps = base.steps * draw(st.integers(1, 2))
    request = st.tuples(
        st.sampled_from(["withdraw", "withdraw", "deposit"]),
        st.sampled_from(sorted(base.accounts)),
        st.sampled_from([1, 30, 500, 10**6]),
    )
    asked = {number: tuple(draw(st.lists(request, max_size=4))) for number in range(1, len(steps) + 1)}
    rate = st.sampled_from([0, 0, 10**10, -(10**11)])
    funding = tuple({market.id: draw(rate) for market in base.spec.markets} for _ in steps)
    mark = {"stale_max_ms": draw(st.sampled_from([0, 1_500]))} if draw(st.booleans()) else {}
    story = base.but(
        policy=policy, fallback=fallback, exhaustion=exhaustion, extra_text=base.spec.extra_text + text, mark=mark,
        ranking=draw(st.sampled_from(RANKINGS)), eligible=draw(st.sampled_from(["profit_at_close", "any"])),
    )  # fmt: skip
    return replace(story, steps=steps, asked=asked, funding=funding)


@given(eventful())
def test_I1_I7_whatever_happens_no_unit_is_made_or_lost_and_the_log_replays(story):
    """A second bookkeeper follows every event to the unit; both logs give the same states again, byte for byte."""
    played = play(story)
    book = follow(played)
    assert {name: book.purse[name] for name in book.purse if book.is_flat(name)} == {
        name: cash(played, name) for name in book.purse if book.is_flat(name)
    }
    state, fund = played.venue.state, played.journal.state
    out = sum(int(row["paid"]) for event in played.data("withdrawn") for row in event["rows"])
    into = sum(int(event["amount"]) for event in played.data("deposited"))
    assert (state.money_out, state.money_in) == (out, into)
    again = replay(played.venue.lines, story.spec.design, story.book(), fund.design_digest)
    assert venue_digest(again) == venue_digest(state)
    assert state_digest(replay_fund(played.journal.lines)) == state_digest(fund)


@given(eventful())
def test_nobody_withdraws_what_backs_positions_or_open_losses(story):
    played = play(story)
    for event in played.data("withdrawn"):
        for row in event["rows"]:
            kept = int(row["equity"]) - int(row["paid"]) - int(row["borne"])
            assert kept >= int(row["margin"]) + (0 if int(row["borne"]) else int(row["haircut"]))
            assert 0 <= int(row["paid"]) <= int(row["asked"])


def liquid(state, name):
    """Cash and profit or loss of perpetuals, by the scan's arrays: whole equity less what collateral is worth."""
    account = state.index[name]
    tokens = sum(
        int(state.lots[market, account]) * state.ticks[market] * state.instruments[market].contract.unit
        for market in range(len(state.instruments))
        if state.is_collateral(market)
    )
    return int(value_all(state).full[account]) - tokens


@given(st.data(), st.one_of(stories(), squeezes(1)))
def test_nobody_takes_cash_that_collateral_would_have_to_pay(data, base):
    """All that can be taken is: what is left of cash, profit and loss still pays the part of the open loss."""
    rule = data.draw(st.sampled_from(["haircut", "free"]))
    policy = data.draw(st.sampled_from(["adl", "socialised_loss", "carry", "withdrawal_haircut"]))
    text = '[withdrawals]\nwhile_losses = "' + ("haircut" if policy == "withdrawal_haircut" else rule) + '"\n'
    made = data.draw(with_collateral(base)).but(
        policy=policy, fallback="carry", extra_text=base.spec.extra_text + text, exhaustion={}
    )
    venue = play(made).venue
    for name in data.draw(st.permutations(sorted(made.accounts))):
        before = liquid(venue.state, name)
        request = data.draw(st.sampled_from([10**9, 10**9, 20]))
        answer = venue.withdraw(venue.state.last_t_ms, f"x{name}", name, request)
        after = liquid(venue.state, name)
        if not isinstance(answer, Withdrawn):
            assert after == before
            continue
        (row,) = answer.rows
        assert after == before - row.paid - row.borne >= (0 if row.borne else row.haircut)
        assert row.paid > 0


def test_withdrawing_order_of_three_against_a_factor():
    """Whoever comes first, second or third: within two units of its part, and the debt is paid by all of them."""
    got = set()
    for order in permutations("abc"):
        played = play(factor(asked={1: tuple(("withdraw", name, 999) for name in order)}))
        got |= {(a.rows[0].account, int(a.rows[0].paid)) for a in played.answers}
    for name, claim in (("a", 333), ("b", 333), ("c", 334)):
        assert all(abs(units - Fraction(claim * 1050, 1200)) < 2 for who, units in got if who == name)
