"""Design: the types of a fund-design file, in base units.

Layer    design; imports amounts. The loader fills these from TOML, the rules read them, nobody changes them.
Not here reading or explaining a file (design.loader, design.checks) and any decision (rules).
Held to  this by every machine; the names are the file's keys, and defaults never change within a schema version,
         since a design's hash leaves out fields that stand at their default (SPEC 1).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from seawall.amounts import PPM, Units

SCHEMA = "seawall.design/1"

Ppm = Annotated[int, Meta(ge=0, le=PPM, description="parts per million")]
Count = Annotated[int, Meta(ge=0, lt=2**53)]
PositiveCount = Annotated[int, Meta(ge=1, lt=2**53)]
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}$(?!\n)", description="an id")]  # `$` alone lets a last \n in
Milliseconds = Annotated[int, Meta(ge=0, lt=2**53, description="milliseconds")]


class PlainDecimal(str):
    """A positive decimal number kept as text without trailing zeros: tick sizes, lot sizes, feed bounds."""

    __slots__ = ()


class _Table(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every table of the file has in common: unknown keys are errors, defaults are left out of the hash."""


class Asset(_Table, frozen=True, kw_only=True):
    """The one asset that the fund holds and owes.

    id        e.g. USDC
    decimals  10^decimals base units an asset unit
    """

    id: Id
    decimals: Annotated[int, Meta(ge=0, le=18)]


class Tier(_Table, frozen=True, kw_only=True):
    """One margin tier of a market: positions whose notional is at most `up_to_notional`.

    up_to_notional          asset units, the tier's upper end, included; the last tier has none
    initial_margin_ppm      of the position's notional, rounded up
    maintenance_margin_ppm  of the position's notional, rounded up
    maintenance_deducted    asset units taken off the maintenance margin, so that it does not jump at the tier's edge
    """

    initial_margin_ppm: Annotated[int, Meta(ge=1, le=PPM)]
    maintenance_margin_ppm: Annotated[int, Meta(ge=1, le=PPM)]
    up_to_notional: Units | None = None
    maintenance_deducted: Units = Units(0)


class Market(_Table, frozen=True, kw_only=True):
    """A linear perpetual: profit in the asset is lots x change of price.

    id           the market's name in books, paths and events
    tick_size    the price step, in asset units for one unit of the underlying
    lot_size     the quantity step, in units of the underlying
    tiers        margin tiers by rising notional
    underlying   the symbol that price paths use; the market's own id when left out
    feed_floor   the price feed's own lower bound: a price at or below it is stale
    feed_ceiling the price feed's own upper bound: a price at or above it is stale
    surcharge_ppm  the market's own surcharge in place of the design's
    """

    id: Id
    kind: Literal["linear_perp"] = "linear_perp"
    tick_size: PlainDecimal
    lot_size: PlainDecimal
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]
    underlying: Id | None = None
    feed_floor: PlainDecimal | None = None
    feed_ceiling: PlainDecimal | None = None
    surcharge_ppm: Ppm | None = None


class Mark(_Table, frozen=True, kw_only=True):
    """When a price may be used: positive, not from the future, at most `max_age_ms` old, inside the feed's bounds."""

    max_age_ms: Milliseconds = 3_600_000


class Liquidation(_Table, frozen=True, kw_only=True):
    """When an account is liquidated and what that costs it. This version closes the whole account.

    trigger                 `below`: equity < maintenance margin; `at_or_below`: also at equality
    surcharge_ppm           of the liquidated notional at the fill, rounded up, at most the gain above the bankruptcy
                            price and the equity left
    max_accounts_per_step   the engine's capacity; the rest waits, lowest equity/maintenance first
    """

    surcharge_ppm: Ppm
    trigger: Literal["below", "at_or_below"] = "below"
    max_accounts_per_step: PositiveCount | None = None


class SurchargeSplit(_Table, frozen=True, kw_only=True):
    """Receivers of a surcharge, in allocate order; the parts add up to 1,000,000."""

    fund: Ppm = PPM
    treasury: Ppm = 0


class ResidualSplit(_Table, frozen=True, kw_only=True):
    """Receivers of what is left of a liquidated account's equity, in allocate order; adds up to 1,000,000."""

    fund: Ppm = 0
    treasury: Ppm = 0
    trader: Ppm = PPM


class ExcessSplit(_Table, frozen=True, kw_only=True):
    """Receivers of income above every target, in allocate order; adds up to 1,000,000."""

    stakers: Ppm = 0
    treasury: Ppm = PPM
    fee_rebate: Ppm = 0
    hedges: Ppm = 0


class Accumulation(_Table, frozen=True, kw_only=True):
    """Money in: who gets which part of a surcharge, a commission, a residual, and of the excess.

    commission_share_ppm   the fund's part of every fee, rounded down, fee by fee
    """

    surcharge_split_ppm: SurchargeSplit = SurchargeSplit()
    residual_split_ppm: ResidualSplit = ResidualSplit()
    excess_split_ppm: ExcessSplit = ExcessSplit()
    commission_share_ppm: Ppm = 0


LayerKind = Literal["market_bucket", "shared_fund", "venue_capital", "guaranty_fund", "tranche"]


class Layer(_Table, frozen=True, kw_only=True):
    """One source of cover. Layers are drawn in the order in which the file states them.

    kind          `market_bucket` pays only the part of a deficit attributed to its market; `shared_fund` is the
                  fund itself, at most one; `venue_capital` is the venue's skin in the game; `guaranty_fund` is the
                  members' mutual fund; `tranche` is stakers' capital
    market        the market that a bucket insures
    balance       at the start
    target        income fills a bucket and the shared fund up to here; none: without end
    event_limit   the most that one deficit may draw
    window_limit  the most that may be drawn within any `window_ms`, half-open (t - w, t], gross of replenishment
    minimum_left  is never drawn
    """

    id: Id
    kind: LayerKind
    market: Id | None = None
    balance: Units = Units(0)
    target: Units | None = None
    event_limit: Units | None = None
    window_limit: Units | None = None
    window_ms: Annotated[int, Meta(ge=1, lt=2**53)] | None = None
    minimum_left: Units = Units(0)


class Exhaustion(_Table, frozen=True, kw_only=True):
    """Who bears what no layer covered.

    policy        `adl`: positions of the opposite side are closed against the bankrupt account's at its bankruptcy
                  price; `socialised_loss`: money from positive profit; `carry`: nobody, the debt is carried
    fallback      what happens to severity that the policy could not place
    adl_ranking   `pro_rata_pnl` and `pro_rata_lots` spread the lots; `queue_pnl_leverage` takes whole positions in
                  order of profit x leverage
    adl_eligible  `profit_at_close`: winners still in profit at the closing price; `capped_at_mark`: lots capped so
                  that nobody loses more than profit and equity
    deadline_ms   pending severity that nobody settled by then becomes carried
    """

    policy: Literal["adl", "socialised_loss", "carry"]
    fallback: Literal["socialised_loss", "carry"] = "carry"
    adl_ranking: Literal["pro_rata_pnl", "pro_rata_lots", "queue_pnl_leverage"] = "pro_rata_pnl"
    adl_eligible: Literal["profit_at_close", "capped_at_mark"] = "profit_at_close"
    deadline_ms: Milliseconds = 60_000


Level = tuple[Annotated[int, Meta(ge=0, lt=2**53)], Annotated[int, Meta(ge=1, lt=2**53)]]


class Depth(_Table, frozen=True, kw_only=True):
    """The order book that a stress run sells into, as one ladder a side.

    bids, asks  levels (distance, lots), distances rising; `bids` take sales, `asks` take purchases
    distance    `ticks` away from the step's price, or `ppm` of the path's first price, rounded up to ticks
    """

    market: Id
    bids: Annotated[tuple[Level, ...], Meta(min_length=1)]
    asks: Annotated[tuple[Level, ...], Meta(min_length=1)]
    distance: Literal["ticks", "ppm"] = "ticks"


class Stress(_Table, frozen=True, kw_only=True):
    """What a stress run assumes about the world around the venue.

    pass_through_ppm  the part of the venue's own-book displacement that moves the next mark; 0 is a foreign index
    recovery_ppm      the part of used depth that returns at each step, rounded down
    """

    depth: tuple[Depth, ...] = ()
    pass_through_ppm: Ppm = 0
    recovery_ppm: Ppm = PPM


class Design(_Table, frozen=True, kw_only=True):
    """A whole fund design. Everything that a machine decides follows from this and from facts."""

    schema: Literal["seawall.design/1"]
    name: Id
    asset: Asset
    markets: Annotated[tuple[Market, ...], Meta(min_length=1)]
    liquidation: Liquidation
    layers: Annotated[tuple[Layer, ...], Meta(min_length=1)]
    exhaustion: Exhaustion
    description: str = ""
    mark: Mark = Mark()
    accumulation: Accumulation = Accumulation()
    stress: Stress = Stress()
