"""Instruments: what a market's ticks and lots are worth in base units of the fund's asset.

Layer    design; imports amounts and design.types. Built once from a design, read by rules, venue, stress, report.
Not here margin and profit (rules.margin); parsing of the file itself (design.loader).
Held to  this: the only place that turns prices people write into ticks and back.
"""

from __future__ import annotations

from dataclasses import dataclass

from seawall.amounts import AmountError, format_decimal, parse_decimal
from seawall.design.types import Asset, Design, Market


@dataclass(frozen=True, slots=True)
class Contract:
    """What a lot is worth at a price, in integers.

    inverse  False: a lot is worth price x unit; True: it is worth unit / price of the asset, and a long owes it
    unit     >= 1, exact (SPEC 1). Linear: base units of one lot and one tick; inverse: base units x ticks of one lot
    """

    inverse: bool
    unit: int


@dataclass(frozen=True, slots=True)
class Instrument:
    """A market in integers.

    lot_tick_units  the contract's `unit`
    tick_mantissa, tick_decimals  the tick size is tick_mantissa / 10^tick_decimals asset units
    floor_ticks, ceiling_ticks    the feed's bounds; a price at or beyond one is stale; None: no bound
    """

    market: Market
    lot_tick_units: int
    tick_mantissa: int
    tick_decimals: int
    floor_ticks: int | None
    ceiling_ticks: int | None

    @property
    def id(self) -> str:
        """The market's id."""
        return self.market.id

    @property
    def contract(self) -> Contract:
        """What its lots are worth at a price."""
        return Contract(self.market.kind == "inverse_perp", self.lot_tick_units)

    @property
    def symbol(self) -> str:
        """The symbol that price paths use for this market."""
        return self.market.underlying or self.market.id

    def price_text(self, ticks: int) -> str:
        """A price in ticks as a decimal string in asset units, with the tick's own decimals."""
        return format_decimal(ticks * self.tick_mantissa, self.tick_decimals, places=self.tick_decimals)

    def exact_ticks(self, text: str) -> int:
        """A decimal price that must be a positive whole number of ticks. Errors: AmountError."""
        units = parse_decimal(text, max(self.tick_decimals, _decimals_of(text)))
        scaled: int = units * 10**self.tick_decimals
        step: int = self.tick_mantissa * 10 ** max(self.tick_decimals, _decimals_of(text))
        ticks, rest = divmod(scaled, step)
        if rest or ticks < 1:
            raise AmountError(f"a positive price in whole ticks of {self.market.tick_size}", repr(text))
        return ticks

    def nearest_ticks(self, text: str) -> int:
        """A decimal price from elsewhere to the nearest tick, half up, at least one tick.

        Errors  AmountError when the text is no decimal string, or the price is zero or below half a tick.
        """
        decimals = max(self.tick_decimals, _decimals_of(text))
        units = parse_decimal(text, decimals)
        step: int = self.tick_mantissa * 10 ** (decimals - self.tick_decimals)
        ticks = (2 * units + step) // (2 * step)
        if ticks < 1:
            raise AmountError(f"a price of at least one tick of {self.market.tick_size}", repr(text))
        return ticks


def _decimals_of(text: str) -> int:
    return min(len(text.partition(".")[2]), 36)


def lot_tick_units(asset: Asset, market: Market) -> int:
    """The unit of a market's contract.

    returns  linear: base units of one lot times one tick, tick_size x lot_size x 10^decimals; inverse: base units of
             one lot at a price of one tick, lot_size x 10^decimals / tick_size
    Errors   AmountError when that is not a whole number >= 1 (then profit could not be exact).
    Source   SPEC 1.
    """
    tick_decimals, lot_decimals = _decimals_of(market.tick_size), _decimals_of(market.lot_size)
    tick, lot = parse_decimal(market.tick_size, tick_decimals), parse_decimal(market.lot_size, lot_decimals)
    scaled: int
    if market.kind == "inverse_perp":
        scaled, one, formula = (
            lot * 10 ** (tick_decimals + asset.decimals),
            tick * 10**lot_decimals,
            "lot_size / tick_size",
        )
        found = f"{market.lot_size} / {market.tick_size}"
    else:
        scaled, one, formula = (
            tick * lot * 10**asset.decimals,
            10 ** (tick_decimals + lot_decimals),
            "tick_size x lot_size",
        )
        found = f"{market.tick_size} x {market.lot_size}"
    units, rest = divmod(scaled, one) if one else (0, 1)
    if rest or units < 1:
        raise AmountError(f"{formula} a whole number of base units (10^-{asset.decimals} {asset.id})", found)
    return units


def instrument(asset: Asset, market: Market) -> Instrument:
    """The market in integers. Errors: AmountError (see `lot_tick_units`, and feed bounds off the tick grid)."""
    tick_decimals = _decimals_of(market.tick_size)
    plain = Instrument(
        market=market,
        lot_tick_units=lot_tick_units(asset, market),
        tick_mantissa=parse_decimal(market.tick_size, tick_decimals),
        tick_decimals=tick_decimals,
        floor_ticks=None,
        ceiling_ticks=None,
    )
    if market.feed_floor is None and market.feed_ceiling is None:
        return plain
    return Instrument(
        market=market,
        lot_tick_units=plain.lot_tick_units,
        tick_mantissa=plain.tick_mantissa,
        tick_decimals=tick_decimals,
        floor_ticks=None if market.feed_floor is None else plain.exact_ticks(market.feed_floor),
        ceiling_ticks=None if market.feed_ceiling is None else plain.exact_ticks(market.feed_ceiling),
    )


def instruments(design: Design) -> tuple[Instrument, ...]:
    """Every market of the design in integers, in the design's order."""
    return tuple(instrument(design.asset, market) for market in design.markets)
