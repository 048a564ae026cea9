"""Generate: a synthetic book, the same bytes for the same seed on every machine.

Layer    stress; imports amounts, design.errors, design.instruments, design.types, rules.margin, venue.book.
Not here reading real books (stress.books). No claim that a venue's book looks like this: it is a plausible one, whose
         concentration, leverage, direction and outside share, which decide how a fund fares, are arguments.
Held to  this by tests/stress/test_generate.py (sums, margins, shares) and tests/golden/generated_book.txt (bytes).

Reproducible: all draws are raw 64-bit words of NumPy's Philox counter generator, six an account in account order, and
all arithmetic is on Python integers. Powers of two come from `decimal`, whose ln and exp are correctly rounded. No
float, no library function of the platform, no set or hash order enters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from itertools import accumulate
from typing import Final, Literal

import numpy as np

from seawall.amounts import PPM, allocate, check_amount, ppm_down
from seawall.design.errors import BadInput, Problem
from seawall.design.instruments import Contract, Instrument, instruments
from seawall.design.types import Design
from seawall.rules.contracts import notional_units as notional_units_of, opening_cost_units, pnl_units
from seawall.rules.margin import initial_margin_units
from seawall.venue.book import Book

MAX_ACCOUNTS: Final = 10_000_000
MAX_LOTS: Final = 2**53

LEVERAGE_QUANTILES: Final = (
    (0, 200),
    (50_000, 300),
    (200_000, 560),
    (500_000, 1_000),
    (800_000, 1_700),
    (920_000, 2_600),
    (980_000, 5_000),
    (1_000_000, 20_000),
)
"""(part of accounts in ppm, leverage in thousandths of the median), straight lines in between: at a median of 5x nearly
three accounts in four have 2x to 10x, one in fifty more than 25x."""

_PHILOX_DOMAIN: Final = 0x736561_77616C6C  # "seawall": high half of the key, apart from other users of the same seed
_WORDS: Final = 6  # random words an account
_POSITIONS_PPM: Final = (600_000, 850_000)  # up to here one position, two, else three
_SAME_OWNER_PPM: Final = 120_000  # an account belongs to the owner of the account before it
_PNL_PPM: Final = 600_000  # unrealised profit and loss stay within this part of the equity behind a position
_ENTRY_PPM: Final = 250_000  # an entry price stays within this part of the given price
_OCTAVES: Final = 64
_STEPS: Final = 1024  # of one octave of the size distribution
_SCALE: Final = 1 << 24
_CHUNK: Final = 50_000  # accounts whose words are drawn at once; the stream is the same for any number
_QUANTILES: Final = tuple(part for part, _ in LEVERAGE_QUANTILES)

SizeTables = tuple[tuple[int, ...], tuple[int, ...]]


def generate_book(
    design: Design,
    *,
    accounts: int,
    seed: int,
    prices: Mapping[str, int],
    notional_units: Mapping[str, int] | int,
    outside_share_ppm: int = 200_000,
    net_side: Literal["long", "short"] = "long",
    long_share_ppm: int = 600_000,
    size_tail_ppm: int = 1_200_000,
    median_leverage_ppm: int = 5_000_000,
    max_leverage_ppm: int = 100_000_000,
) -> Book:
    """A book of margined accounts, healthy at the given prices.

    accounts            at least two for every market with open interest
    seed                0 to 2^64 - 1
    prices              market id -> ticks: entries lie near these, and margins hold at these
    notional_units      open interest (one side, at `prices`), base units: of each market named, or in all, then in
                        equal parts over the markets of `prices`; markets not named stay empty
    outside_share_ppm   the outside book's part of each market's open interest. It bounds ADL capacity and how much of a
                        deficit has no winner among the accounts; 20 % is a venue whose makers mostly post margin
    net_side            the side on which the accounts hold more; the outside book holds the difference
    long_share_ppm      chance that a position is long, by count. Lots of a side are fixed by the shares above: with
                        60 % long, longs are more and smaller, as retail books are
    size_tail_ppm       Pareto tail index of account sizes: P(size > s) = s^-index. Lower is more concentrated: at 1.2
                        the top 1 % of accounts hold some 40 % (and one alone, by chance, a tenth), at 3 some 5 %
    median_leverage_ppm leverage (notional / equity) that half the accounts do not exceed, spread around it as
                        LEVERAGE_QUANTILES says; 5x by default
    max_leverage_ppm    no account is above this, nor above what its tiers' initial margins allow
    returns             for every market with open interest, exactly:
                          lots of the larger side   O = floor(notional / value of a lot)
                          lots of the other side    O - X with X = floor(O x outside_share_ppm / 10^6), held outside,
                                                    so the outside share is at most the one asked, short by < 1 lot
                        for every account:
                          equity at `prices` = max(sum of its initial margins, ceil(notional / leverage)); cash > 0;
                          1 to 3 positions; |unrealised PnL| <= 60 % of equity, of either sign
                        about one account in eight has the owner of the account before it
    Rounding            equity up, entries towards the price, lots by `allocate` after one lot for each position.
    Errors              BadInput, one problem an argument, when no such book exists or an argument is out of range.
    Source              SPEC 2 (outside book, owner), SPEC 4.3.
    """
    known = instruments(design)
    interest = _open_interest_lots(known, prices, notional_units)
    _check(
        ("accounts", accounts, 2 * len(interest), MAX_ACCOUNTS),
        ("seed", seed, 0, 2**64 - 1),
        ("outside_share_ppm", outside_share_ppm, 0, PPM),
        ("long_share_ppm", long_share_ppm, 1, PPM - 1),
        ("size_tail_ppm", size_tail_ppm, 500_000, 10_000_000),
        ("median_leverage_ppm", median_leverage_ppm, 100_000, 1_000_000_000),
        ("max_leverage_ppm", max_leverage_ppm, 100_000, 1_000_000_000),
    )
    net_long = net_side == "long"
    if outside_share_ppm == PPM:  # the whole other side is outside
        long_share_ppm = PPM if net_long else 0
    value = {
        place: notional_units_of(known[place].contract, lots, prices[known[place].id])
        for place, lots in interest.items()
    }
    draws = _draw(value, accounts, seed, long_share_ppm, _size_tables(size_tail_ppm))
    lots = _deal_lots(known, interest, draws, outside_share_ppm, net_long)
    cash, cost = _back(known, prices, draws, lots, median_leverage_ppm, max_leverage_ppm)
    width = len(str(accounts))
    names = [str(number).rjust(width, "0") for number in range(1, accounts + 1)]
    return Book(
        accounts=tuple("a" + name for name in names),
        owners=tuple("o" + names[first] for first in draws.owner),
        cash_units=tuple(cash),
        markets=tuple(instrument.id for instrument in known),
        position_account=tuple(draws.account),
        position_market=tuple(draws.market),
        lots=tuple(lots),
        cost_units=tuple(cost),
    )


def _problem(field: str, wanted: str, found: object, hint: str = "") -> BadInput:
    return BadInput(Problem("", 0, field, wanted, str(found), "book generator", hint))


def _check(*ranges: tuple[str, int, int, int]) -> None:
    """Raise BadInput with every argument (name, value, least, most) that is out of its range."""
    problems = [
        Problem("", 0, name, f"{least} to {most}", str(value), "book generator")
        for name, value, least, most in ranges
        if not least <= value <= most
    ]
    if problems:
        raise BadInput(problems)


def _open_interest_lots(
    known: tuple[Instrument, ...], prices: Mapping[str, int], notional_units: Mapping[str, int] | int
) -> dict[int, int]:
    """Place of each market with open interest -> lots of one side, >= 1, in the design's order."""
    place = {instrument.id: m for m, instrument in enumerate(known)}
    for name, ticks in prices.items():
        if name not in place:
            raise _problem(f"prices[{name}]", f"a market of the design ({', '.join(place)})", name)
        if ticks < 1:
            raise _problem(f"prices[{name}]", "a price of at least one tick", ticks)
    if isinstance(notional_units, int):
        priced = [market.id for market in known if market.id in prices and market.market.kind != "collateral"]
        parts = allocate(max(notional_units, 0), [1] * len(priced)) if priced else ()
        notional_units = dict(zip(priced, parts, strict=True))
    interest: dict[int, int] = {}
    for name in sorted(notional_units, key=lambda name: place.get(name, -1)):
        if name not in prices:
            raise _problem(f"notional_units[{name}]", "a market with a price", name)
        contract = known[place[name]].contract
        if contract.inverse:
            lots = notional_units[name] * prices[name] // contract.unit
        else:
            lots = notional_units[name] // (prices[name] * contract.unit)
        if not 1 <= lots <= MAX_LOTS:
            raise _problem(f"notional_units[{name}]", "open interest of 1 to 2^53 lots", f"{lots} lots")
        interest[place[name]] = lots
    if not interest:
        raise _problem("notional_units", "open interest in at least one market", "none")
    return interest


@cache
def _size_tables(size_tail_ppm: int) -> SizeTables:
    """Pareto quantiles in units of 2^-24: of 2^-(k+1), and the factor of going up by (1 + m/1024) within an octave."""
    exact = Context(prec=60)
    power = exact.divide(Decimal(PPM), Decimal(size_tail_ppm))

    def scaled(base: Decimal) -> int:
        return int(exact.multiply(exact.exp(exact.multiply(exact.ln(base), power)), Decimal(_SCALE)))

    octaves = tuple(scaled(Decimal(2 ** (k + 1))) for k in range(_OCTAVES))
    steps = tuple(scaled(exact.divide(Decimal(_STEPS), Decimal(_STEPS + m))) for m in range(_STEPS))
    return octaves, steps


@dataclass(slots=True)
class _Draws:
    """What chance decides. Shapes: owner, leverage, ends (accounts,); the others (positions,), in the book's order."""

    owner: list[int]  # first account of the same owner
    leverage: list[int]  # quantile, ppm
    ends: list[int]  # positions up to and with this account
    account: list[int]
    market: list[int]
    long: list[bool]
    weight: list[int]  # of the position's size
    pnl_ppm: list[int]  # of the equity behind the position, signed


def _draw(interest: Mapping[int, int], accounts: int, seed: int, long_share_ppm: int, sizes: SizeTables) -> _Draws:
    """Owners, sizes, leverage, directions and results, independent of each other.

    interest  market's place -> weight of its being chosen, > 0
    The first accounts hold each market once long and once short (unless the share is nothing or all), so that both
    sides of each exist; all other positions choose a market in proportion to its weight (to one part in 2^21), never
    twice in an account.
    """
    draws = _Draws([], [], [], [], [], [], [], [])
    octaves, steps = sizes
    markets = list(interest)
    starts = [0, *accumulate(interest.values())]
    total = starts.pop()
    stream = np.random.Philox(key=np.array([seed, _PHILOX_DOMAIN], dtype=np.uint64))
    words: list[int] = []
    for account in range(accounts):
        if account % _CHUNK == 0:
            words = stream.random_raw(_WORDS * min(_CHUNK, accounts - account)).tolist()
        base = account % _CHUNK * _WORDS
        size, leverage, choice, split, side, pnl = words[base : base + _WORDS]
        octave = min(_OCTAVES - size.bit_length(), _OCTAVES - 1)
        weight = octaves[octave] * steps[(size << octave) >> 53 & 1023] // _SCALE
        draws.leverage.append((leverage >> 32) * PPM >> 32)
        same = account > 0 and (split >> 20 & 0xFFFFF) * PPM >> 20 < _SAME_OWNER_PPM
        draws.owner.append(draws.owner[-1] if same else account)

        first = bisect_right(_POSITIONS_PPM, (split & 0xFFFFF) * PPM >> 20) + 1
        chosen: list[int] = []  # places in `markets`
        left = total
        for number in range(min(first, len(markets))):
            if number == 0 and account < 2 * len(markets):
                pick = account // 2
            else:
                at = (choice >> 21 * number & 0x1FFFFF) * left >> 21
                for other in sorted(chosen):  # a market already taken is stepped over
                    if at >= starts[other]:
                        at += interest[markets[other]]
                pick = bisect_right(starts, at) - 1
            chosen.append(pick)
            left -= interest[markets[pick]]
        parts = [256 + (split >> 40 + 8 * number & 0xFF) for number in range(len(chosen))]
        for number in sorted(range(len(chosen)), key=chosen.__getitem__):
            is_long = (side >> 20 * number & 0xFFFFF) * PPM >> 20 < long_share_ppm
            if number == 0 and account < 2 * len(markets) and 0 < long_share_ppm < PPM:
                is_long = account % 2 == 0
            tent = (pnl >> 20 * number & 0x3FF) + (pnl >> 20 * number + 10 & 0x3FF) - 0x3FF
            draws.account.append(account)
            draws.market.append(markets[chosen[number]])
            draws.long.append(is_long)
            draws.weight.append(max(1, weight * parts[number] // sum(parts)))
            draws.pnl_ppm.append(tent * _PNL_PPM // 0x3FF)
        draws.ends.append(len(draws.account))
    return draws


def _deal_lots(
    known: Sequence[Instrument], interest: Mapping[int, int], draws: _Draws, outside_share_ppm: int, net_long: bool
) -> list[int]:
    """Signed lots of each position: a lot each, the rest of a side by weight. Errors: BadInput if there are too few."""
    sides: dict[tuple[int, bool], list[int]] = {(place, long): [] for place in interest for long in (True, False)}
    for position, side in enumerate(zip(draws.market, draws.long, strict=True)):
        sides[side].append(position)
    lots = [0] * len(draws.market)
    for (place, long), positions in sides.items():
        total = interest[place]
        if long != net_long:
            total -= ppm_down(total, outside_share_ppm)
        if len(positions) > total or (total and not positions):
            wanted = f"at least a lot for each of {len(positions)} positions on the {'long' if long else 'short'} side"
            field = f"notional_units[{known[place].id}]"
            raise _problem(
                field, wanted, f"{total} lots", "more open interest, fewer accounts or a smaller outside share"
            )
        parts = allocate(total - len(positions), [draws.weight[p] for p in positions])
        for position, part in zip(positions, parts, strict=True):
            lots[position] = (1 + part) * (1 if long else -1)
    return lots


def _leverage_ppm(quantile: int, median_leverage_ppm: int) -> int:
    """Leverage at a quantile (ppm) of LEVERAGE_QUANTILES, ppm, rounded down, at least 1."""
    above = min(bisect_right(_QUANTILES, quantile), len(_QUANTILES) - 1)
    (low, at_low), (high, at_high) = LEVERAGE_QUANTILES[above - 1 : above + 1]
    return max(
        1,
        median_leverage_ppm * (at_low * (high - low) + (at_high - at_low) * (quantile - low)) // ((high - low) * 1000),
    )


def _back(
    known: Sequence[Instrument],
    prices: Mapping[str, int],
    draws: _Draws,
    lots: Sequence[int],
    median_leverage_ppm: int,
    max_leverage_ppm: int,
) -> tuple[list[int], list[int]]:
    """Cash of each account and cost of each position, base units, so that leverage, margin and results are as drawn."""
    ticks = [prices.get(instrument.id, 0) for instrument in known]
    contracts = [instrument.contract for instrument in known]
    cash: list[int] = []
    cost: list[int] = []
    begins = 0
    for quantile, ends in zip(draws.leverage, draws.ends, strict=True):
        mine = range(begins, ends)
        begins = ends
        notionals = [notional_units_of(contracts[draws.market[p]], lots[p], ticks[draws.market[p]]) for p in mine]
        notional = sum(notionals)
        margins = (known[draws.market[p]].market.tiers for p in mine)
        margin = sum(map(initial_margin_units, notionals, margins))
        leverage_ppm = min(_leverage_ppm(quantile, median_leverage_ppm), max_leverage_ppm)
        equity = max(margin, -(-notional * PPM // leverage_ppm))
        profit = 0
        for p, part in zip(mine, notionals, strict=True):
            price, contract, held, aim_ppm = (
                ticks[draws.market[p]],
                contracts[draws.market[p]],
                lots[p],
                draws.pnl_ppm[p],
            )
            aim = equity * part * abs(aim_ppm) // (notional * PPM)
            entry = _entry_ticks(contract, held, price, aim if aim_ppm > 0 else -aim)
            cost.append(check_amount(opening_cost_units(contract, held, entry)))
            profit += pnl_units(contract, held, price, cost[-1])
        cash.append(check_amount(equity - profit))
    return cash, cost


def _entry_ticks(contract: Contract, lots: int, price: int, aim_units: int) -> int:
    """The entry price nearest to the one that makes the profit `aim_units` at `price`, rounded towards the price.

    Source  linear: profit = lots x unit x (price - entry); inverse: lots x unit x (1/entry - 1/price).
    """
    size = abs(lots) * contract.unit
    below = (aim_units > 0) == (lots > 0)
    if not contract.inverse:
        away = abs(aim_units) // size
    elif below:
        away = abs(aim_units) * price * price // (size + abs(aim_units) * price)
    else:
        left = size - abs(aim_units) * price
        away = abs(aim_units) * price * price // left if left > 0 else price
    away = min(away, price * _ENTRY_PPM // PPM)
    return price - away if below else price + away
