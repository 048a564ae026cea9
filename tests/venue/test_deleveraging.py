"""Lots meet the book first; what layers cannot pay for is closed against winners: asked of one crash at a time."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations

from hypothesis import assume, given, strategies as st

from seawall.amounts import in_id_order
from tests.generators import TierSpec, play, squeezes
from tests.rules.references import UnitLayer, allocate_by_quota, pay_by_units
from tests.venue.second_book import before, follow


def first_round(story):
    """The first round of a crash, and a bookkeeper set to what was before it."""
    book = follow(play(story))
    assume(book.rounds)
    this = book.rounds[0]
    return this, before(story, this)


class Seller:
    """What one liquidated account holds in the one market, and its bankruptcy price by plain division."""

    def __init__(self, book, name):
        ((_, self.lots),) = [(m, n) for (account, m), n in book.lots.items() if account == name and n]
        self.name, self.size, self.side = name, abs(self.lots), 1 if self.lots > 0 else -1
        self.purse, self.cost = book.purse[name], book.cost[name, "BTC"]
        self.unit, mark = book.units["BTC"], book.marks["BTC"]
        whole, rest = divmod(book.equity(name), self.size * self.unit)
        self.px = max(1, mark - whole if self.side > 0 else mark + whole)
        assert rest >= 0
        self.rest_at_mark = mark if book.equity(name) < 0 else self.px  # what layers are asked for, if bankrupt

    def gained(self, sold, money, price):
        """The position's result with what was sold for `money` and the rest worth a price."""
        return self.side * (money + (self.size - sold) * price * self.unit) - self.cost


def ladder_lots(story, side, mark):
    """Every lot of one side of the book, best first, as its price."""
    for away, lots in story.ladders.get(("BTC", side), ()):
        price = mark + (away if side == "asks" else -away)
        yield from [price] * (lots if price >= 1 else 0)


def uncovered(story, sellers, prices, lots):
    """Whether the untouched layers leave severity if `lots` lots meet the book, safest account first."""
    parts, left = {}, lots
    for seller in sorted(sellers, key=lambda seller: seller.side * seller.px):
        parts[seller.name] = min(seller.size, left)
        left -= parts[seller.name]
    sold = [parts[seller.name] for seller in sellers]  # sellers come lowest id first: theirs are the odd units
    money = allocate_by_quota(sum(prices[:lots]) * sellers[0].unit, sold) if lots else sold
    return _leaves_severity(story, sellers, {seller.name: pair for seller, *pair in zip(sellers, sold, money)})


def _leaves_severity(story, sellers, filled, *, at_mark=False):
    """Whether layers leave severity of these fills, the rest worth the bankruptcy price (a bankrupt's: the mark)."""
    claims = []
    for number, seller in enumerate(sellers):
        sold, money = filled[seller.name]
        result = seller.gained(sold, money, seller.rest_at_mark if at_mark else seller.px)
        owed = -(seller.purse + seller.cost + result)
        if owed > 0:
            claims.append((f"q{number}", owed, {"BTC": max(0, -result)}))
    layers = [
        UnitLayer(layer.id, layer.balance, layer.market, layer.minimum_left, layer.event_limit, layer.window_limit)
        for layer in story.spec.layers
    ]
    return any(pay_by_units(claims, layers, allocate_by_quota).values())


@given(squeezes(1))
def test_a_lot_is_sold_while_layers_can_pay_its_loss_and_all_others_are_deleveraged(story):
    """What was sold is covered, with one more lot it would not be; more is sold only where winners do not suffice."""
    this, book = first_round(story)
    sellers = [Seller(book, name) for name in this.triggered]
    prices = list(ladder_lots(story, "bids" if sellers[0].side > 0 else "asks", book.marks["BTC"]))
    full = min(len(prices), sum(seller.size for seller in sellers))
    filled = {seller.name: this.sold.get((seller.name, "BTC"), [0, 0]) for seller in sellers}
    sold = sum(lots for lots, _ in filled.values())
    if not _leaves_severity(story, sellers, _pro_rata(sellers, prices, full), at_mark=True):
        assert sold == full and not this.closings, "no deleveraging while layers can pay for all, sold or not"
        return
    if not _leaves_severity(story, sellers, filled):
        assert sold == full or uncovered(story, sellers, prices, sold + 1)
    elif story.spec.ranking != "queue_pnl_leverage":
        lines = [k for k in range(sold) if not uncovered(story, sellers, prices, k) or k == 0]
        assert any(
            _short_of_winners(story, this, sellers, k) for k in lines if uncovered(story, sellers, prices, k + 1)
        )
    for seller in sellers:
        if seller.name not in this.closed:
            left = seller.size - filled[seller.name][0]
            solvent = book.equity(seller.name) >= 0
            assert left and (solvent or sold == full), "a bankrupt account waits only where the depth is used up"


def _pro_rata(sellers, prices, lots):
    """Lots and money of each seller when all of them share the book by size."""
    if not lots:
        return {seller.name: (0, 0) for seller in sellers}
    parts = allocate_by_quota(lots, [seller.size for seller in sellers])
    shares = allocate_by_quota(sum(prices[:lots]) * sellers[0].unit, parts)
    return {seller.name: pair for seller, *pair in zip(sellers, parts, shares)}


def _short_of_winners(story, this, sellers, line):
    """Whether winners do not suffice for what bankrupt accounts have left once `line` lots are sold, safest first."""
    mark, unit, left = this.marks["BTC"], sellers[0].unit, []
    for seller in sorted(sellers, key=lambda seller: seller.side * seller.px):
        part = min(seller.size, line)
        line -= part
        if this.equity[seller.name] < 0 and seller.size > part:
            left.append((seller.size - part, (seller.size - part) * seller.side * (seller.px - mark) * unit))
    wanted, gap = sum(lots for lots, _ in left), sum(units for _, units in left)
    room = 0
    for name in this.safe:
        lots, profit = this.lots.get((name, "BTC"), 0), this.profit.get((name, "BTC"), 0)
        if lots * sellers[0].side >= 0 or not wanted:
            continue
        a_lot = Fraction(gap, wanted)
        if story.spec.eligible == "profit_at_close" and profit < abs(lots) * a_lot:
            continue
        if story.spec.ranking == "pro_rata_pnl" and profit <= 0:
            continue
        payable = max(0, min(profit, this.equity[name]))
        room += min(abs(lots), int(payable / a_lot)) if a_lot else abs(lots)
    return room < wanted


@given(squeezes(1))
def test_the_book_serves_first_who_has_most_room_when_layers_do_not_suffice(story):
    """A lot is not kept from the book while one of a worse bankruptcy price is sold; solvent accounts take no more."""
    this, book = first_round(story)
    assume(this.closings)
    sellers = {name: Seller(book, name) for name in this.triggered if book.equity(name) < 0}
    for one, two in permutations(sellers.values(), 2):
        sold_one = this.sold.get((one.name, "BTC"), [0, 0])[0]
        sold_two = this.sold.get((two.name, "BTC"), [0, 0])[0]
        if one.side * one.px < two.side * two.px and sold_two:
            assert sold_one == one.size


@given(squeezes(2))
def test_a_position_closes_at_its_accounts_bankruptcy_price(story):
    """The price at which the account's equity, by margin over its positions, is zero; towards solvency."""
    this, book = first_round(story)
    for row in this.closings:
        name, market = row["account"], row["market"]
        margins = {}
        for spec in story.spec.markets:
            notional = abs(book.held(name, spec.id)) * book.marks[spec.id] * spec.unit
            if notional:
                margins[spec.id] = -(-notional * spec.tiers[0].maintenance_ppm // 1_000_000)
        lots, unit = book.held(name, market), book.units[market]
        part = book.equity(name) * margins[market]
        whole = part // (abs(lots) * unit * sum(margins.values()))
        px = max(1, book.marks[market] - whole if lots > 0 else book.marks[market] + whole)
        assert row["price_ticks"] == px
        side = 1 if lots > 0 else -1
        assert int(row["gap"]) == side * (px - book.marks[market]) * row["lots"] * unit >= 0


@given(squeezes(2))
def test_the_deficit_of_a_deleveraged_account_holds_what_winners_lose_against_the_mark(story):
    """Its lots that are closed count at the mark; what was sold counts at what it fetched."""
    this, book = first_round(story)
    for name in {row["account"] for row in this.closings}:
        equity = book.equity(name)
        assert equity < 0, "only a bankrupt account is deleveraged"
        for market, unit in book.units.items():
            lots, mark = book.held(name, market), book.marks[market]
            sold, money = this.sold.get((name, market), [0, 0])
            equity += (money - sold * mark * unit) * (1 if lots > 0 else -1)
        assert int(this.closed[name]["equity"]) == equity
        assert int(this.closed[name]["deficit"]) == -equity


@given(squeezes(2))
def test_a_winner_is_closed_by_no_more_than_its_live_lots_and_profit_allows(story):
    this, _ = first_round(story)
    for row in this.haircuts:
        key = row["account"], row["market"]
        assert 0 < row["lots"] <= abs(this.lots[key])
        assert int(row["taken"]) <= max(0, min(this.profit[key], this.equity[row["account"]])) + 1
        assert row["account"] not in this.triggered


@given(squeezes(1, limits=False), st.randoms())
def test_pro_rata_does_not_depend_on_the_order_of_the_bankrupt_accounts(story, random):
    """Bankrupt accounts swap their names: every winner is closed by the same lots and pays the same, but for units.

    Of accounts of one bankruptcy price the lowest id sells first, so prices are wanted apart.
    """
    story = story.but(ranking=random.choice(["pro_rata_pnl", "pro_rata_lots"]))
    this, book = first_round(story)
    assume(this.closings and len(this.triggered) > 1)
    assume(len({Seller(book, name).px for name in this.triggered}) == len(this.triggered))
    names = list(this.triggered)
    random.shuffle(names)
    swap = dict(zip(this.triggered, names))
    swapped = replace(
        story, accounts={swap.get(n, n): (swap.get(n, n), *rest) for n, (_, *rest) in story.accounts.items()}
    )
    other, _ = first_round(swapped)
    assert [(r["account"], r["lots"], r["taken"]) for r in this.haircuts] == [
        (r["account"], r["lots"], r["taken"]) for r in other.haircuts
    ]
    for one, two in zip(this.haircuts, other.haircuts):
        assert abs(int(one["haircut"]) - int(two["haircut"])) <= len(this.triggered)


@given(squeezes(1))
def test_a_queue_closes_the_best_ranked_whole_before_it_touches_the_next(story):
    """Rank: profit over entry times notional over equity, at the mark; one bankrupt account, so one price."""
    story = story.but(ranking="queue_pnl_leverage", eligible="profit_at_close")
    this, book = first_round(story)
    assume(len({row["account"] for row in this.closings}) == 1)
    gap = this.closings[0]["price_ticks"] - book.marks["BTC"]
    score, allowed, closed = {}, {}, {row["account"]: row["lots"] for row in this.haircuts}
    for name in in_id_order(this.safe):
        lots, cost = book.held(name, "BTC"), book.cost.get((name, "BTC"), 0)
        side = 1 if book.held(this.closings[0]["account"], "BTC") > 0 else -1
        if lots * side >= 0:
            continue
        profit, equity = this.profit[name, "BTC"], this.equity[name]
        lost = max(0, side * gap) * book.units["BTC"]
        fits = profit >= side * gap * book.units["BTC"] * abs(lots)
        allowed[name] = min(abs(lots), max(0, min(profit, equity)) // lost if lost else abs(lots)) if fits else 0
        worth = abs(lots) * book.marks["BTC"] * book.units["BTC"]
        up, down = (worth, equity) if profit >= 0 else (equity, worth)
        score[name] = profit * up * 10**12 // (abs(cost) * down) if equity > 0 else 0
    before_last = True
    for name in sorted(score, key=lambda name: (-score[name], len(name), name)):
        took = closed.get(name, 0)
        assert took <= allowed[name]
        assert before_last or took == 0
        before_last = before_last and took == allowed[name]


# --- up is down in a mirror ---------------------------------------------------------------------------------------

CENTRE = 500


def mirrored(story):
    """Every long a short and every price as far on the other side of the centre: so all profits are equal."""
    units = [market.unit for market in story.spec.markets]
    accounts = {
        name: (owner, cash, tuple((m, -lots, cost - 2 * lots * CENTRE * units[m]) for m, lots, cost in rows))
        for name, (owner, cash, rows) in story.accounts.items()
    }
    other = {"bids": "asks", "asks": "bids"}
    ladders = {(market, other[side]): levels for (market, side), levels in story.ladders.items()}
    steps = tuple({m: 2 * CENTRE - ticks for m, ticks in prices.items()} for prices in story.steps)
    return replace(story, accounts=accounts, ladders=ladders, steps=steps)


@given(squeezes(1, most_losers=1), st.sampled_from([0, 300_000, 1_000_000]))
def test_a_squeeze_upwards_mirrors_a_crash(story, pass_through):
    """Margin and surcharge of one unit, whatever the notional, and one seller: nothing is rounded."""
    markets = tuple(replace(market, tiers=(TierSpec(1),), surcharge_ppm=1) for market in story.spec.markets)
    story = story.but(markets=markets, pass_through_ppm=pass_through, ranking="pro_rata_pnl")
    one, two = follow(play(story)), follow(play(mirrored(story)))
    assert {n: one.equity(n) for n in one.purse} == {n: two.equity(n) for n in two.purse}
    assert {key: -lots for key, lots in one.lots.items()} == two.lots
    assert one.marks["BTC"] - CENTRE == CENTRE - two.marks["BTC"]
    assert (one.to_fund, one.from_fund, one.severity_open) == (two.to_fund, two.from_fund, two.severity_open)
    assert len(one.rounds) == len(two.rounds)
    for this, that in zip(one.rounds, two.rounds):
        assert this.triggered == that.triggered
        assert [(r["account"], r["lots"], r["gap"]) for r in this.closings] == [
            (r["account"], r["lots"], r["gap"]) for r in that.closings
        ]
        assert [(r["account"], r["lots"], r["haircut"]) for r in this.haircuts] == [
            (r["account"], r["lots"], r["haircut"]) for r in that.haircuts
        ]
        assert [(r["account"], r["amount"]) for r in this.money] == [(r["account"], r["amount"]) for r in that.money]
