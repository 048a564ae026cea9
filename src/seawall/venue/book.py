"""Book: accounts and positions as struct of arrays, the input of a venue.

Layer    venue; imports amounts. Filled by stress.books (files, generator) and by scenarios.
Not here reading files (stress.books) and state that changes (venue.state).
Held to  this by the venue's opening and by the digest that a run's log names.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Book:
    """Accounts and their positions; the outside book is what makes each market sum to zero.

    accounts    shape (n,), ids, lowest first, unique
    owners      shape (n,), ids; accounts of one owner are one participant
    cash_units  shape (n,), base units, may be negative
    markets     shape (m,), market ids in the design's order
    position_account  shape (p,), index into accounts; (account, market) pairs unique, rising
    position_market   shape (p,), index into markets
    lots        shape (p,), signed, never 0: long > 0, short < 0
    cost_units  shape (p,), base units, signed like lots: what the position cost; PnL = lots x ticks x value - cost
    """

    accounts: tuple[str, ...]
    owners: tuple[str, ...]
    cash_units: tuple[int, ...]
    markets: tuple[str, ...]
    position_account: tuple[int, ...]
    position_market: tuple[int, ...]
    lots: tuple[int, ...]
    cost_units: tuple[int, ...]

    def outside_lots(self) -> tuple[int, ...]:
        """Lots that the outside book holds in each market, shape (m,): minus the sum of the accounts' lots (I11)."""
        totals = [0] * len(self.markets)
        for market, lots in zip(self.position_market, self.lots, strict=True):
            totals[market] -= lots
        return tuple(totals)

    def outside_share_ppm(self) -> tuple[int, ...]:
        """The outside book's part of each market's open interest, shape (m,), ppm rounded up.

        Open interest is the lots of one side, the outside book included (both sides are equal by I11).
        """
        longs = [0] * len(self.markets)
        shorts = [0] * len(self.markets)
        for market, lots in zip(self.position_market, self.lots, strict=True):
            if lots > 0:
                longs[market] += lots
            else:
                shorts[market] -= lots
        shares = []
        for long_lots, short_lots in zip(longs, shorts, strict=True):
            interest = max(long_lots, short_lots)
            shares.append(-(-abs(long_lots - short_lots) * 1_000_000 // interest) if interest else 0)
        return tuple(shares)

    def digest(self) -> str:
        """SHA-256 over a plain text form, one line an account or position: names the book in a log."""
        text = hashlib.sha256()
        text.update(("markets " + " ".join(self.markets) + "\n").encode())
        for account, owner, cash in zip(self.accounts, self.owners, self.cash_units, strict=True):
            text.update(f"{account} {owner} {cash}\n".encode())
        for row in zip(self.position_account, self.position_market, self.lots, self.cost_units, strict=True):
            text.update("{} {} {} {}\n".format(*row).encode())
        return text.hexdigest()
