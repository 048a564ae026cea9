"""Limits: what one layer may pay to each deficit of a batch, cut by every limit in SPEC's order, and which one bound.

Layer    rules; imports amounts; called by rules.waterfall, which puts layers in order. SPEC 6, I2.
Not here how much of a limit is used up already (the fund keeps that) and drawdown from a peak (rules.drawdown).
Held to  this by tests/rules/test_limits.py: a payer of single units that asks every limit before each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from seawall.amounts import allocate, id_key

Bound = Literal[
    "",
    "capacity",
    "event_limit",
    "block_limit",
    "account_limit",
    "owner_limit",
    "market_limit",
    "lifetime_limit",
    "window_limit",
    "drawdown",
    "notional",
    "minimum_left",
    "offset",
    "own_credits",
]
"""What kept a layer from paying all that was left of a deficit; "" when nothing did."""

_RANK: Final = {bound: place for place, bound in enumerate(get_args(Bound))}
"""Of equal bounds the first in SPEC 6's list is named."""

UNATTRIBUTED: Final = ""
"""The market of what is attributed to none: no limit of a market counts it."""

_Left = Callable[[str], int | None]

Cells = Mapping[str, int]
"""A deficit's units by market, or all of them under UNATTRIBUTED."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One deficit of a batch.

    id       deficit id
    units    base units owed, > 0
    losses   (market, base units >= 0): the account's losses by market since it was last flat
    account, owner  whose deficit it is
    """

    id: str
    units: int
    losses: tuple[tuple[str, int], ...]
    account: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit that every account, owner or market has for itself.

    limit_units  base units
    used         by account, owner or market: base units of it that are used up; nobody else used any
    """

    limit_units: int
    used: Mapping[str, int] = field(default_factory=dict)

    def left_units(self, key: str) -> int:
        """What is left for one of them, never below 0."""
        return max(0, self.limit_units - self.used.get(key, 0))


@dataclass(frozen=True, slots=True)
class Room:
    """A layer as it stands when the batch arrives.

    id                 layer id
    market             for a market's bucket: it pays only the part attributed to this market
    balance_units      now; of a layer without money what can still be called
    minimum_left_units never drawn
    event_limit_units  the most one deficit may draw; None: no such limit
    window_left_units  what the rolling window still allows; None: no such limit
    markets            for a bucket of several markets, in place of `market`
    spill_over         False: what a bucket leaves of its part goes to no later layer
    rank               layers next to each other with one rank are drawn in proportion to what each has
    draw_mode          `partial`, `all_or_nothing`, `block`
    caps               (bound, base units): further limits of all that it pays in this batch
    offset_units       the first units of what reaches it that are not its to pay
    accounts, owners   limits by account and owner
    per_market         limits by market: (bound, quota)
    """

    id: str
    market: str | None
    balance_units: int
    minimum_left_units: int
    event_limit_units: int | None
    window_left_units: int | None
    markets: tuple[str, ...] = ()
    spill_over: bool = True
    rank: int | None = None
    draw_mode: Literal["partial", "all_or_nothing", "block"] = "partial"
    caps: tuple[tuple[Bound, int], ...] = ()
    offset_units: int = 0
    accounts: Quota | None = None
    owners: Quota | None = None
    per_market: tuple[tuple[Bound, Quota], ...] = ()

    @property
    def insures(self) -> tuple[str, ...]:
        """The markets of a bucket; none for any other layer."""
        return self.markets if self.market is None else (self.market, *self.markets)

    def all_caps(self, reached_units: int) -> list[tuple[int, Bound]]:
        """Every limit of all that it pays, given how much reached it."""
        caps: list[tuple[int, Bound]] = [(self.balance_units, "capacity")]
        if self.minimum_left_units:
            caps.append((max(0, self.balance_units - self.minimum_left_units), "minimum_left"))
        if self.window_left_units is not None:
            caps.append((max(0, self.window_left_units), "window_limit"))
        if self.offset_units:
            caps.append((max(0, reached_units - self.offset_units), "offset"))
        return caps + [(max(0, units), bound) for bound, units in self.caps]


def window_left_units(limit_units: int, length_ms: int, draws: Iterable[tuple[int, int]], t_ms: int) -> int:
    """What a rolling window still allows at `t_ms`.

    draws   (time, base units) of every draw, gross of replenishment, charged with what was drawn
    Rule    half-open (t - w, t]: a draw at s counts while t - s < w. Never below 0.
    Source  SPEC 6, case WF-04.
    """
    used = sum(amount for time, amount in draws if t_ms - time < length_ms)
    return max(0, limit_units - used)


def used_units(draws: Iterable[tuple[int, str, int]], length_ms: int, t_ms: int) -> dict[str, int]:
    """What is used up of a limit by account, owner or market.

    draws      (time, account or owner or market, base units)
    length_ms  0: at one time, t itself; else half-open (t - w, t]
    """
    used: dict[str, int] = {}
    for time, key, amount in draws:
        if t_ms - time < length_ms or time == t_ms:
            used[key] = used.get(key, 0) + amount
    return used


def _spread(units: int, cells: Cells) -> dict[str, int]:
    """A deficit's cells cut to `units` in all, by `allocate`, lowest market id first; no cell grows."""
    if units == sum(cells.values()):
        return dict(cells)
    if len(cells) == 1:
        return dict.fromkeys(cells, units)
    by_id = sorted(cells, key=id_key)
    return dict(zip(by_id, allocate(units, [cells[market] for market in by_id]), strict=True))


def _cut(room_units: int, wanted: Sequence[int]) -> Sequence[int]:
    """Claims cut to a room that they share, by `allocate`; unchanged where it suffices."""
    return wanted if sum(wanted) <= room_units else allocate(room_units, wanted)


class Tally:
    """One layer within one batch: what it paid to whom, and what every limit still allows.

    beside  other layers that pay the same deficits together with it
    """

    def __init__(
        self,
        room: Room,
        claims: Sequence[Claim],
        wanted: Mapping[str, Cells],
        cover_left: Mapping[str, int],
        reached_units: int,
    ) -> None:
        """Begin a layer's turn.

        claims         those that reach it, lowest id first
        wanted         by deficit id: what reaches it, by market
        cover_left     by market, what layers other than its bucket may still pay for it; nothing for a bucket
        reached_units  all that reaches it, for its offset
        """
        self.room = room
        self.claims = {claim.id: claim for claim in claims}
        self.wanted = {claim.id: dict(wanted[claim.id]) for claim in claims}
        self.paid: dict[str, dict[str, int]] = {claim.id: {} for claim in claims}
        self.beside: list[Tally] = []
        self._accounts: dict[str, int] = {}
        self._owners: dict[str, int] = {}
        self._markets: dict[str, int] = {}
        self._total = 0
        self._caps = room.all_caps(reached_units)
        self._cover_left = cover_left

    def total_units(self) -> int:
        """All that it paid in this batch."""
        return self._total

    def amount(self, deficit: str) -> int:
        """What it paid for one deficit."""
        return sum(self.paid[deficit].values())

    def unmet(self, deficit: str) -> dict[str, int]:
        """What neither it nor a layer beside it paid of what reached them, by market."""
        unmet = dict(self.wanted[deficit])
        for tally in (self, *self.beside):
            for market, part in tally.paid[deficit].items():
                unmet[market] -= part
        return unmet

    # --- cuts --------------------------------------------------------------------------------------------------

    def pay_shares(self, budget_units: int | None = None) -> None:
        """Pay a share of every claim: cut by account, owner, market, event and layer in turn, each by `allocate`.

        budget_units  the most it pays in all, of layers that are drawn together; None: what its limits allow
        """
        names = list(self.claims)
        wanted = [self.unmet(name) for name in names]
        units = [sum(cells.values()) for cells in wanted]
        if self.room.accounts is not None:
            units = self._cut_groups(units, [claim.account for claim in self.claims.values()], self._account_left)
        if self.room.owners is not None:
            units = self._cut_groups(units, [claim.owner for claim in self.claims.values()], self._owner_left)
        cells = [_spread(most, row) for row, most in zip(wanted, units, strict=True)]
        self._cut_markets(cells)
        limit = self.room.event_limit_units
        units = [sum(row.values()) for row in cells]
        units = units if limit is None else [min(most, limit) for most in units]
        room = self._room_left() if budget_units is None else min(budget_units, self._room_left())
        for name, amount, row in zip(names, _cut(room, units), cells, strict=True):
            self._take(name, _spread(amount, row))

    def _cut_groups(self, units: list[int], keys: Sequence[str], left: _Left) -> list[int]:
        """Claims of one account, or of one owner, share what is left to it."""
        groups: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            groups.setdefault(key, []).append(place)
        cut = list(units)
        for key, places in groups.items():
            room = left(key)
            if room is not None:
                for place, part in zip(places, _cut(room, [units[place] for place in places]), strict=True):
                    cut[place] = part
        return cut

    def _cut_markets(self, cells: Sequence[dict[str, int]]) -> None:
        """The parts of a batch in one market share what is left to it. Changes `cells`."""
        if not self._by_market:
            return
        for market in {market for row in cells for market in row}:
            rows = [row for row in cells if market in row]
            units = [row[market] for row in rows]
            room = self._market_left(market, sum(units))[0]
            for row, part in zip(rows, _cut(room, units), strict=True):
                row[market] = part

    def sweep(self) -> None:
        """Offer what is still free, lowest deficit id first.

        Limits per event and of the layer alone leave no room beside an unmet claim, so there is nothing to offer then.
        """
        if not (self.beside or self._by_market or self.room.accounts or self.room.owners):
            return
        for name in self.claims:
            self._take_up_to(name, self.could(name))

    def pay_whole(self, deficit: str) -> bool:
        """Pay all of one deficit that reached the layer, or nothing of it; whether it was paid."""
        whole = sum(self.wanted[deficit].values())
        if self.could(deficit) < whole:
            return False
        self._take(deficit, self.wanted[deficit])
        return True

    # --- what is left ------------------------------------------------------------------------------------------

    def could(self, deficit: str) -> int:
        """The most that it could pay to a deficit beyond what it has."""
        return min(units for units, _ in self._bounds(deficit))

    def bound(self, deficit: str) -> Bound:
        """The limit that leaves least to a deficit beyond what it has; of equal ones the first in SPEC's list."""
        return min(self._bounds(deficit), key=lambda item: (item[0], _RANK[item[1]]))[1]

    def _bounds(self, deficit: str) -> list[tuple[int, Bound]]:
        """What each limit leaves to a deficit, and all that is unmet of it under ""."""
        claim, unmet = self.claims[deficit], self.unmet(deficit)
        bounds: list[tuple[int, Bound]] = [(sum(unmet.values()), "")]
        bounds += [(units - self._total, bound) for units, bound in self._caps]
        if self.room.event_limit_units is not None:
            bounds.append((self.room.event_limit_units - self.amount(deficit), "event_limit"))
        account, owner = self._account_left(claim.account), self._owner_left(claim.owner)
        if account is not None:
            bounds.append((account, "account_limit"))
        if owner is not None:
            bounds.append((owner, "owner_limit"))
        if self._by_market:
            first = {market: self._market_left(market, units) for market, units in unmet.items()}
            names = [bound for market, (left, bound) in first.items() if left < unmet[market]]
            if names:
                bounds.append((sum(left for left, _ in first.values()), min(names, key=_RANK.__getitem__)))
        return bounds

    def _room_left(self) -> int:
        return min(units for units, _ in self._caps) - self._total

    def _account_left(self, account: str) -> int | None:
        quota = self.room.accounts
        return None if quota is None else max(0, quota.left_units(account) - self._accounts.get(account, 0))

    def _owner_left(self, owner: str) -> int | None:
        quota = self.room.owners
        return None if quota is None else max(0, quota.left_units(owner) - self._owners.get(owner, 0))

    @property
    def _by_market(self) -> bool:
        return bool(self.room.per_market or self._cover_left)

    def _market_left(self, market: str, unmet_units: int) -> tuple[int, Bound]:
        """(what it may still pay of a market's unmet part, what bounds that)."""
        if market == UNATTRIBUTED:
            return unmet_units, ""
        paid = self._markets.get(market, 0)
        lefts: list[tuple[int, Bound]] = [(unmet_units, "")]
        lefts += [(max(0, quota.left_units(market) - paid), bound) for bound, quota in self.room.per_market]
        if market in self._cover_left:
            together = paid + sum(tally._markets.get(market, 0) for tally in self.beside)
            lefts.append((max(0, self._cover_left[market] - together), "market_limit"))
        return min(lefts, key=lambda item: (item[0], _RANK[item[1]]))

    # --- paying ------------------------------------------------------------------------------------------------

    def _take_up_to(self, deficit: str, units: int) -> None:
        """Pay so much more of a deficit, lowest market id first."""
        parts: dict[str, int] = {}
        unmet = self.unmet(deficit)
        for market in sorted(unmet, key=id_key):
            most = self._market_left(market, unmet[market])[0]
            parts[market] = min(units, most)
            units -= parts[market]
        self._take(deficit, parts)

    def _take(self, deficit: str, parts: Cells) -> None:
        claim, paid, amount = self.claims[deficit], self.paid[deficit], sum(parts.values())
        for market, part in parts.items():
            paid[market] = paid.get(market, 0) + part
            self._markets[market] = self._markets.get(market, 0) + part
        self._accounts[claim.account] = self._accounts.get(claim.account, 0) + amount
        self._owners[claim.owner] = self._owners.get(claim.owner, 0) + amount
        self._total += amount
