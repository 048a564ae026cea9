"""Summary: the shape of summary.json; its JSON Schema is generated from these types.

Layer    report; imports amounts, fund.codec. Filled by stress.summary; read by report.reading and report.terminal.
Not here the figures themselves: report.reading holds them to the logs.
Held to  this by tests/report/test_reading.py. Money is an integer string of base units (SPEC 1); keys are only added.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

from seawall.amounts import Units
from seawall.fund.codec import decode_hook

SUMMARY_SCHEMA: Final = "seawall.stress.summary/1"


class DesignName(Struct, frozen=True):
    """Which design."""

    name: str
    digest: str


class AssetName(Struct, frozen=True):
    """Which asset, and its decimals."""

    id: str
    decimals: int


class BookName(Struct, frozen=True):
    """Which book."""

    digest: str
    accounts: int
    positions: int


class PathName(Struct, frozen=True):
    """Which prices, from where, and over which time."""

    name: str
    digest: str
    intrabar: str
    source: str
    licence: str
    first_t_ms: int
    last_t_ms: int


class OutsideShare(Struct, frozen=True):
    """The outside book in one market."""

    market: str
    lots: int
    share_ppm: int


class AccountCounts(Struct, frozen=True):
    """Accounts by what happened to them, each counted once in a column; `waiting`: liquidatable at the end."""

    liquidated: int
    bankrupt: int
    deleveraged: int
    induced: int
    waiting: int
    haircut: int


class LayerRow(Struct, frozen=True):
    """One layer over the run; `bound_by`: everything that bound it, without "". Base units."""

    layer: str
    kind: str
    before: Units
    credited: Units
    drawn: Units
    after: Units
    bound_by: tuple[str, ...]


class DeficitTotals(Struct, frozen=True):
    """All deficits; `covered_ppm` is what layers paid of them, rounded down; all of it where there was none."""

    count: int
    amount: Units
    covered_ppm: int
    largest: Units


def _zero() -> Units:
    """A default that a JSON Schema need not write."""
    return Units(0)


class HaircutTotals(Struct, frozen=True):
    """What traders in profit paid, by way. Base units."""

    adl: Units
    adl_money: Units
    socialised_loss: Units
    gains_haircut: Units = msgspec.field(default_factory=_zero)
    tear_up: Units = msgspec.field(default_factory=_zero)
    withdrawal_haircut: Units = msgspec.field(default_factory=_zero)

    def by_way(self) -> dict[str, int]:
        """By the word of the events."""
        return {name: int(getattr(self, name)) for name in self.__struct_fields__}

    @property
    def total(self) -> int:
        """All ways together."""
        return sum(self.by_way().values())


class Conservation(Struct, frozen=True):
    """Whether both machines' books add up to the unit: `money` at the end is `opening` at the start (SPEC 7)."""

    exact: bool
    money: Units
    opening: Units


class Summary(Struct, frozen=True):
    """A run in figures. Money in base units.

    carried    bad debt outstanding at the end; `recovered`: what income has repaid of bad debt before
    overshoot  haircuts beyond the severity
    unrecognised  negative equity of accounts that still hold positions at the end: not yet a deficit
    unrecognised_peak  the same after the worst step: what layers would have faced had nothing recovered
    stale_steps   steps at which some market's mark could not be used
    """

    schema: Literal["seawall.stress.summary/1"]
    design: DesignName
    asset: AssetName
    book: BookName
    path: PathName
    seed: int
    steps: int
    rounds: int
    pass_through_ppm: int
    recovery_ppm: int
    outside: tuple[OutsideShare, ...]
    accounts: AccountCounts
    layers: tuple[LayerRow, ...]
    receivers: dict[str, Units]
    deficits: DeficitTotals
    drawn: Units
    severity: Units
    haircuts: HaircutTotals
    overshoot: Units
    carried: Units
    recovered: Units
    pending: Units
    pending_fees: Units
    policy: str
    fallback: str
    verdict: Literal["survives", "exhausted"]
    conservation: Conservation
    state: dict[str, str]
    unrecognised: Units
    unrecognised_peak: Units
    unrecognised_peak_t_ms: int
    stale_steps: int

    @property
    def covered_ppm(self) -> int:
        """What layers paid of all deficits, ppm rounded down (SPEC 1); all of it where there was none."""
        return self.drawn * 1_000_000 // self.deficits.amount if self.deficits.amount else 1_000_000


_decoder = msgspec.json.Decoder(Summary, dec_hook=decode_hook)


def decode_summary(data: bytes) -> Summary:
    """A summary from JSON. Errors: msgspec.DecodeError (ValidationError names the key)."""
    return _decoder.decode(data)
