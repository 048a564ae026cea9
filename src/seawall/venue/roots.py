"""Roots: the hash that an event publishes over (cap, weight, haircut) of everybody who paid in it.

Layer    venue; imports rules.haircut_root, venue_events. Called by venue.{facts,gains,tear_up}.
Not here the tree, its proofs and what a trader can check with them (rules.haircut_root).
Held to  this by tests/venue/test_roots.py, which proves rows of real events against the published roots.

A row is one trader's: of the account where a base is taken over whole accounts, of one position where it is not. Caps
and weights are those by which the haircut was shared: of lots closed against winners both are the money they took,
since what is beyond the severity goes back in proportion to that. Rows stand by pseudonym, as the tree wants them.
Salts follow from batch and account, so that a replay finds the same root: they hide an account from whoever does not
know its id, and from nobody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from seawall.amounts import id_key
from seawall.rules.haircut_root import NUMBER_LIMIT, Row, pseudonym, root_of
from seawall.venue_events import HaircutRow, MoneyRow, TornRow


def leaf_salt(batch: str, account: str) -> bytes:
    """32 bytes that belong to an account in a batch."""
    return hashlib.sha256(f"seawall haircut salt\n{batch}\n{account}".encode("ascii")).digest()


def leaf(batch: str, account: str, part: str, cap: int, weight: int, haircut: int) -> Row:
    """One trader's row. `part`: the market, "" for the whole account."""
    salt = leaf_salt(batch, account)
    return Row(pseudonym(f"{account}/{part}", salt), int(cap), int(weight), int(haircut), salt)


def root_hex(rows: Iterable[Row]) -> str:
    """The root of rows in any order, as 64 hexadecimal digits; "" without a row, or where a sum is beyond 2^128."""
    ordered = sorted(rows, key=lambda row: id_key(row.id))
    most = max(sum(row.cap_units for row in ordered), sum(row.weight for row in ordered))
    return root_of(ordered).root.hex() if ordered and most < NUMBER_LIMIT else ""


def deleveraged_rows(batch: str, rows: Iterable[HaircutRow]) -> list[Row]:
    """Rows of a `deleveraged` event."""
    return [leaf(batch, row.account, row.market, row.taken, row.taken, row.haircut) for row in rows]


def money_rows(batch: str, how: str, rows: Iterable[MoneyRow]) -> list[Row]:
    """Rows of a `haircut_taken` or `gains_taken` event: by account, or by position for `adl_money`."""
    rows = list(rows)
    if how == "adl_money":
        return [leaf(batch, row.account, row.market, row.cap, row.weight, row.amount) for row in rows]
    first: dict[str, MoneyRow] = {}
    paid: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.account, row)
        paid[row.account] = paid.get(row.account, 0) + row.amount
    return [leaf(batch, name, "", row.cap, row.weight, paid[name]) for name, row in first.items()]


def torn_rows(batch: str, rows: Iterable[TornRow]) -> list[Row]:
    """Rows of a `positions_torn_up` event: the weight is what an account gained, the cap that within its equity."""
    return [leaf(batch, row.account, "", min(row.gains, row.equity), row.gains, row.haircut) for row in rows]
