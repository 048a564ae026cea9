"""Triggers: the mark at which an account with one position becomes liquidatable, and accounts sorted by it.

Layer    stress; imports amounts, design.instruments, venue.{book,scan,state}. Called by stress.screened.
Not here accounts with several positions or collateral, whose mark depends on other marks (stress.screen); who is
         liquidatable in the end: candidates are valued in integers (venue.scan).
Held to  this by tests/stress/test_triggers.py: a search over ticks by the rules themselves, and the venue's own bytes.

Of one position, base b = cash - cost, let N be the notional, W = lots x unit: N = W p of a linear contract at p ticks,
ceil(W / p) of an inverse one. A tier asks ceil(N r / P) - d, P = 10^6, 1 <= r <= P, for N above the end of the one
before, up to its own. What is left above maintenance is, exactly, for

    a linear long    b + N - ceil(N r / P) + d = b + floor(N (P - r) / P) + d           never falls with N
    an inverse short the same, or 1 more: its value W / p is rounded down, N up         (1 more unless p divides W)
    a linear short   b - N - ceil(N r / P) + d = b - ceil(N (P + r) / P) + d            falls with N
    an inverse long  the same: it owes ceil(W / p) = N

Within a tier it is so monotone in N, and N in p: it is at most 0 exactly up to some notional (the first two), or from
some notional on (the last two), which is a division of whole numbers (`_largest`, `_least`), and the ticks of the tier
on that side of it are found by another. A long is hurt by falling marks and a short by rising ones, whichever the
contract. Over all tiers the trigger is the highest tick of a long, the lowest of a short, at which equity is at most
the maintenance margin: beyond it nobody is liquidatable, in any design. So candidates are never too few.

All the way up to the trigger an account is liquidatable where the margin above maintenance is monotone over the edges
too. Let the margin asked for go from A at an edge to B one base unit above it. For N <= edge < N' the slopes above give
what is left at N' less what is left at N: at least 1 + A - B for the first two, at most A - B - 1 for the last two.
So a linear long has one side in tiers whose margin jumps by at most B - A = 1, which is how tiers of an exact deduction
round; others, on which the loader warns, may have a healthy stretch below the trigger. A margin that falls, which alone
would spoil the last two, is refused when a design is read. An inverse short is counted as if it had the 1 less: its
trigger is early by what one base unit is worth. `one_sided` says which of it is so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.amounts import PPM
from seawall.design.instruments import Instrument
from seawall.rules.margin import maintenance_margin_units
from seawall.venue.book import Integers
from seawall.venue.scan import Indices
from seawall.venue.state import INT64_SAFE

ANY_TICKS: Final = INT64_SAFE
"""A long with this trigger is liquidatable at any mark; marks and triggers beyond it are taken to be at it."""
NEVER_TICKS: Final = {1: 0, -1: 2**63 - 1}
"""The trigger of a long, of a short, that no mark makes liquidatable."""

_EVERYBODY: Final = 2**63 - 1
_WAITING: Final = 64  # one account in so many may wait before they are sorted in
_FEWEST_WAITING: Final = 1_024


def one_sided(instrument: Instrument, side: int) -> bool:
    """Whether an account with one position here is liquidatable at every mark from its trigger on, and only there.

    side  1 long, -1 short. False: some marks beyond the trigger may be healthy; none before it is not
    """
    inverse, tiers = instrument.contract.inverse, instrument.market.tiers
    if inverse and side < 0:
        return False
    edges = [tier.up_to_notional for tier in tiers if tier.up_to_notional is not None]
    jumps = [maintenance_margin_units(end + 1, tiers) - maintenance_margin_units(end, tiers) for end in edges]
    rising = (side > 0) != inverse
    return all(jump <= 1 if rising else jump >= -1 for jump in jumps)


def trigger_ticks(
    instrument: Instrument,
    side: int,
    sizes: Integers,
    base_units: Integers,
    trigger: Literal["below", "at_or_below"] = "at_or_below",
) -> Indices:
    """The mark at which accounts with one position become liquidatable: highest for longs, lowest for shorts.

    side        of all of them: 1 long, -1 short
    sizes       shape (n,), lots, > 0; int64 within the venue's range, or Python integers
    base_units  shape (n,), cash less the position's cost
    trigger     the design's: liquidatable below the maintenance margin, or at it too
    returns     shape (n,), ticks >= 1, at most ANY_TICKS; NEVER_TICKS[side] where no mark does
    Rounding    none: whole ticks by whole divisions; an inverse short may be early (see above), never late.
    """
    if not len(sizes):  # a lot may be worth more than int64 holds where nobody has one
        return np.zeros(0, dtype=np.int64)
    base = base_units + 1 if trigger == "below" else base_units
    if any((tier.up_to_notional or 0) >= INT64_SAFE for tier in instrument.market.tiers):
        sizes, base = sizes.astype(object), base.astype(object)
    inverse = instrument.contract.inverse
    rising = (side > 0) != inverse  # what is left rises with the notional
    whole = sizes * instrument.contract.unit
    far = INT64_SAFE if whole.dtype != object else 2**512
    found = np.full(len(sizes), NEVER_TICKS[side], dtype=np.int64)
    for begins, end, rate, deducted in _tiers(instrument):
        if rising:
            edge = _largest(base - inverse, rate, deducted, far)
            edge = edge if end is None else np.minimum(edge, end)
            ticks, notional = _ticks_up_to(edge, whole, inverse)
            everywhere = (edge >= far) & (side > 0)
            ticks = np.where(everywhere, ANY_TICKS, ticks)
            lost = (ticks > 0) & ((notional > begins) | everywhere)
        else:
            edge = np.maximum(_least(base, rate, deducted), begins + 1)
            ticks, notional = _ticks_from(edge, whole, inverse)
            lost = ticks > 0 if end is None else (ticks > 0) & (notional <= end)
        near = np.minimum(ticks, ANY_TICKS)[lost].astype(np.int64)
        found[lost] = np.maximum(found[lost], near) if side > 0 else np.minimum(found[lost], near)
    return found


def _tiers(instrument: Instrument) -> Iterator[tuple[int, int | None, int, int]]:
    """(end of the tier before, own end, rate in ppm, deducted)."""
    begins = 0
    for tier in instrument.market.tiers:
        end = None if tier.up_to_notional is None else int(tier.up_to_notional)
        yield begins, end, tier.maintenance_margin_ppm, int(tier.maintenance_deducted)
        begins = end or 0


def _largest(base: Integers, rate: int, deducted: int, far: int) -> Integers:
    """The largest N <= far with base + floor(N (P - r) / P) + d <= 0; below 1 where there is none.

    That is N (P - r) < room P with room = 1 - base - d; room = q (P - r) + s keeps every product in range.
    """
    room, kept = 1 - base - deducted, PPM - rate
    if not kept:
        return np.where(room > 0, np.full_like(room, far), 0)
    quotient, rest = np.clip(room // kept, -1, far // PPM + 1), room % kept
    largest: Integers = np.minimum(quotient * PPM + (rest * PPM - 1) // kept, far)
    return largest


def _least(base: Integers, rate: int, deducted: int) -> Integers:
    """The least N with base - ceil(N (P + r) / P) + d <= 0, perhaps below 1: N (P + r) > (base + d - 1) P."""
    room, asked = base + deducted - 1, PPM + rate
    least: Integers = room // asked * PPM + room % asked * PPM // asked + 1
    return least


def _ticks_up_to(edge: Integers, whole: Integers, inverse: bool) -> tuple[Integers, Integers]:
    """The mark nearest to healthy at which the notional is at most the edge, and the notional there; 0 ticks: none."""
    if not inverse:
        ticks = edge // whole
        return ticks, ticks * whole
    ticks = np.where(edge > 0, -(-whole // np.maximum(edge, 1)), 0)
    return ticks, -(-whole // np.maximum(ticks, 1))


def _ticks_from(edge: Integers, whole: Integers, inverse: bool) -> tuple[Integers, Integers]:
    """The mark nearest to healthy at which the notional is at least the edge, >= 1, and the notional there."""
    if not inverse:
        ticks = -(-edge // whole)
        return ticks, ticks * whole
    # ceil(W / p) >= edge is p (edge - 1) < W: at edge 1 any p.
    ticks = np.where(edge == 1, ANY_TICKS, (whole - 1) // np.maximum(edge - 1, 1))
    return ticks, -(-whole // np.maximum(ticks, 1))


def hold_one(lots: Integers, instruments: Sequence[Instrument]) -> bool:
    """Whether every account holds one position at most and no collateral. lots: shape (m, n), signed."""
    held = lots != 0
    collateral = [place for place, item in enumerate(instruments) if item.market.kind == "collateral"]
    return bool((held.sum(axis=0) <= 1).all() and not held[collateral].any())


class Triggers:
    """Accounts sorted by trigger, for each market and side: a venue.scan.Screen for books of one position an account.

    cash   shape (n,), base units; cost, lots: shape (m, n), base units and signed lots; int64 or Python integers
    Any account that holds more than one position, or a position and collateral, is always a candidate.

    Group 2 m holds the longs of market m, 2 m + 1 the shorts, the last one whoever is always a candidate, -1 nobody. A
    key is the trigger, negative for longs: a group's candidates are those with keys up to the mark's, a prefix. Rows of
    accounts that changed are dropped when a scan comes by; changed accounts wait in a list until they are sorted in.
    """

    def __init__(self, cash: Integers, cost: Integers, lots: Integers, instruments: Sequence[Instrument]) -> None:
        self._instruments, n = tuple(instruments), len(cash)
        self._groups = 2 * len(self._instruments) + 1
        self._keys: list[Indices] = [np.zeros(0, dtype=np.int64)] * self._groups
        self._rows: list[Indices] = [np.zeros(0, dtype=np.int64)] * self._groups
        self._old = np.zeros(n, dtype=np.bool_)  # what is sorted in of the account, if anything, no longer holds
        self._waits = np.ones(n, dtype=np.bool_)
        self._waiting = np.arange(n)  # accounts to be sorted in, each once
        self._group, self._key = self._placed(self._waiting, cash, cost, lots)
        self._sort_in()

    def update(self, accounts: Sequence[int] | Indices, cash: Integers, cost: Integers, lots: Integers) -> None:
        """These accounts changed; indices in any order. cash, cost, lots: all accounts as they are now."""
        changed = np.unique(np.asarray(accounts, dtype=np.int64))
        self._group[changed], self._key[changed] = self._placed(changed, cash, cost, lots)
        self._old[changed] = True
        fresh = changed[~self._waits[changed] & (self._group[changed] >= 0)]  # who closed has nothing to wait for
        self._waits[fresh] = True
        self._waiting = np.concatenate([self._waiting, fresh])
        if self._waiting.size > max(_FEWEST_WAITING, len(self._key) // _WAITING):
            self._sort_in()

    def candidates(self, ticks: Sequence[int]) -> Indices:
        """Accounts with positions that may have equity <= maintenance at these marks, sorted; no such is left out.

        ticks  shape (m,), >= 0; 0: a market without a mark, all of whose accounts are candidates
        """
        bounds = self._bounds(ticks)
        group = self._group[self._waiting]
        changed = self._waiting[(group >= 0) & (self._key[self._waiting] <= bounds[group])]
        accounts = np.concatenate(
            [*(self._prefix(place, int(bounds[place])) for place in range(self._groups)), changed]
        )
        accounts.sort()
        return accounts

    def _prefix(self, place: int, bound: int) -> Indices:
        """A group's rows up to a key; those that no longer hold are dropped, so that each is passed once."""
        keys, rows = self._keys[place], self._rows[place]
        end = int(np.searchsorted(keys, bound, side="right"))
        stay = ~self._old[rows[:end]]
        begin = end - int(np.count_nonzero(stay))
        if begin:
            keys[begin:end], rows[begin:end] = keys[:end][stay], rows[:end][stay]
            self._keys[place], self._rows[place] = keys[begin:], rows[begin:]
        return rows[begin:end]

    def _bounds(self, ticks: Sequence[int]) -> NDArray[np.int64]:
        """The largest key of a candidate in each group."""
        bounds = np.full(self._groups, _EVERYBODY, dtype=np.int64)
        for market, at in enumerate(ticks):
            if at:
                mark = min(at, ANY_TICKS)
                bounds[2 * market], bounds[2 * market + 1] = -mark, mark
        return bounds

    def _placed(
        self, accounts: Indices, cash: Integers, cost: Integers, lots: Integers
    ) -> tuple[NDArray[np.int32], Indices]:
        """Group and key of these accounts, shape (k,) each."""
        group = np.full(len(accounts), -1, dtype=np.int32)
        key = np.zeros(len(accounts), dtype=np.int64)
        held = lots[:, accounts] != 0
        count = held.sum(axis=0)
        for market, item in enumerate(self._instruments):
            if item.market.kind == "collateral":
                continue
            group[held[market] & (count > 1)] = self._groups - 1
            for side in (1, -1):
                where = np.flatnonzero((count == 1) & (side * lots[market, accounts] > 0))
                of = accounts[where]
                at = trigger_ticks(item, side, abs(lots[market, of]), cash[of] - cost[market, of])
                group[where], key[where] = 2 * market + (side < 0), -side * at
        return group, key

    def _sort_in(self) -> None:
        """Merge the accounts that wait into their groups, and drop all rows that no longer hold."""
        group = self._group[self._waiting]
        for place in range(self._groups):
            stay = ~self._old[self._rows[place]]
            keys, rows = self._keys[place][stay], self._rows[place][stay]
            fresh = self._waiting[group == place]
            fresh = fresh[np.argsort(self._key[fresh])]
            to = np.searchsorted(keys, self._key[fresh])
            self._keys[place], self._rows[place] = np.insert(keys, to, self._key[fresh]), np.insert(rows, to, fresh)
        self._old[:] = self._waits[:] = False
        self._waiting = self._waiting[:0]
