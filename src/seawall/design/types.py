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
    """An instrument with a mark price.

    id           the market's name in books, paths and events
    kind         `linear_perp`: profit in the asset is lots x change of price; `inverse_perp`: contracts of a fixed
                 value in the price's currency, settled in the asset itself (the coin), by the harmonic formula;
                 `collateral`: an asset that accounts hold as margin, sold through its own ladder, never deleveraged
    tick_size    the price step: asset units for one unit of the underlying; of an inverse perp, units of the price's
                 currency for one asset unit
    lot_size     the quantity step, in units of the underlying; of an inverse perp in units of the price's currency
    tiers        margin tiers by rising notional; none for collateral
    underlying   the symbol that price paths use; the market's own id when left out
    feed_floor   the price feed's own lower bound: a price at or below it is stale
    feed_ceiling the price feed's own upper bound: a price at or above it is stale
    surcharge_ppm  the market's own surcharge in place of the design's
    haircut_ppm  collateral only: taken off its value where margin is decided, never where debt is
    dust         collateral worth less than this does not delay the recognition of a deficit
    adl_exempt   positions here are never deleveraged
    cover_limit  the most that layers other than the market's bucket may ever pay for it (its tier); none: no limit
    """

    id: Id
    kind: Literal["linear_perp", "inverse_perp", "collateral"] = "linear_perp"
    tick_size: PlainDecimal
    lot_size: PlainDecimal
    tiers: tuple[Tier, ...] = ()
    underlying: Id | None = None
    feed_floor: PlainDecimal | None = None
    feed_ceiling: PlainDecimal | None = None
    surcharge_ppm: Ppm | None = None
    haircut_ppm: Ppm = 0
    dust: Units = Units(0)
    adl_exempt: bool = False
    cover_limit: Units | None = None


class Mark(_Table, frozen=True, kw_only=True):
    """When a price may be used: positive, not from the future, at most `max_age_ms` old, inside the feed's bounds.

    stale_max_ms  a market without a usable price for longer than this settles at its last good one; none: never
    sources       the independent sources whose median is the index
    """

    max_age_ms: Milliseconds = 3_600_000
    stale_max_ms: Milliseconds | None = None
    sources: tuple[Id, ...] = ()


class Accounts(_Table, frozen=True, kw_only=True):
    """How accounts of one owner stand to each other.

    recourse  what an account owes is first taken from its owner's other accounts, as far as their equity exceeds their
              initial margin; otherwise each account stands alone
    """

    recourse: bool = False


class Takeover(_Table, frozen=True, kw_only=True):
    """The fund, a vault or a backstop that takes positions over, at the mark; what they lost is the account's deficit.

    layer                  the layer that holds them: their later profit and loss is its own
    when                   `unsold`: lots that the book does not take; `below`: all lots of an account whose equity is
                           below `below_maintenance_ppm` of its maintenance margin, instead of the book
    below_maintenance_ppm  for `below`; 666667 is two thirds of the maintenance margin
    notional_limit_ppm     net notional held, at most this part of the layer's balance (1,000,000: its own size)
    notional_limit         net notional held, at most this
    unwind_ppm             the part of the lots held that is sold into the book at each step, rounded up
    unwind_worst_ppm       no lot is sold further below the mark, or bought back further above it, than this part of it;
                           what the book does not take so is held; none: at any price
    """

    layer: Id
    when: Literal["unsold", "below"] = "unsold"
    below_maintenance_ppm: Ppm = PPM
    notional_limit_ppm: Count | None = None
    notional_limit: Units | None = None
    unwind_ppm: Ppm = PPM
    unwind_worst_ppm: Ppm | None = None


class Liquidation(_Table, frozen=True, kw_only=True):
    """When an account is liquidated, how much of it, at which price, and what that costs it.

    trigger                 `below`: equity < maintenance margin; `at_or_below`: also at equality
    surcharge_ppm           of the liquidated notional at the fill, rounded up, at most the gain above the bankruptcy
                            price and the equity left
    max_accounts_per_step   the engine's capacity; the rest waits, lowest equity/maintenance first
    amount                  how much is closed: `whole`; `steps`: `step_ppm` of each position at a time; `close_factor`:
                            `close_factor_ppm` of each position; `fewest_lots`: the fewest that restore maintenance and
                            buffer
    step_ppm                for `steps`, of the lots at the start, rounded up
    step_above_notional     for `steps`: a smaller position is closed whole
    step_wait_ms            for `steps`: time between two
    step_within_wait        for `steps`: within that time `nothing` is closed, or what is left is closed `whole`
    close_factor_ppm        for `close_factor`, rounded up
    full_below_maintenance_ppm  for `close_factor`: an account with at most this part of its maintenance margin as
                            equity is closed whole
    full_below_notional     for `close_factor`: a smaller position is closed whole
    buffer_ppm              for `fewest_lots`: equity wanted above the maintenance margin, as a part of it
    position_limit_ppm      of each position, the most that a step closes, rounded up; none: no limit
    position_limit_least    with `position_limit_ppm`: a notional that a step may always close
    account_notional_per_step  the most notional that a step closes of one account; none: no limit
    rate_notional, rate_window_ms  of each market, the most notional liquidated within any window
    worst_price             `any`; `bankruptcy_price`: no fill below it; `fillable`: no fill further from the mark than
                            the bankruptcy rating times `fillable_spread_ppm` of the maintenance margin a lot;
                            `auction`: a discount that grows with the time since the liquidation began
    fillable_spread_ppm     for `fillable`; 1500000 is one and a half
    auction_start_ppm, auction_end_ppm, auction_ms  for `auction`: discount to the mark at the start and after that time
    surcharge_grace_ms, surcharge_growth_ppm, surcharge_growth_every_ms, surcharge_max_ppm  the surcharge grows by that
                            much in every such time after the grace, up to the maximum; none without a growth
    assumption_premium_ppm  of a deficit, rounded up, paid on top to whoever assumes the debt
    fees_final              surcharges are the fund's at once: they do not go back to the account's own deficit
    takeover                who takes positions over
    """

    surcharge_ppm: Ppm
    trigger: Literal["below", "at_or_below"] = "below"
    max_accounts_per_step: PositiveCount | None = None
    amount: Literal["whole", "steps", "close_factor", "fewest_lots"] = "whole"
    step_ppm: Ppm = 200_000
    step_above_notional: Units = Units(0)
    step_wait_ms: Milliseconds = 0
    step_within_wait: Literal["nothing", "whole"] = "nothing"
    close_factor_ppm: Ppm = 500_000
    full_below_maintenance_ppm: Ppm = 0
    full_below_notional: Units = Units(0)
    buffer_ppm: Count = 0
    position_limit_ppm: Ppm | None = None
    position_limit_least: Units = Units(0)
    account_notional_per_step: Units | None = None
    rate_notional: Units | None = None
    rate_window_ms: Milliseconds | None = None
    worst_price: Literal["any", "bankruptcy_price", "fillable", "auction"] = "any"
    fillable_spread_ppm: Count = PPM
    auction_start_ppm: Ppm = 0
    auction_end_ppm: Ppm = PPM
    auction_ms: Milliseconds = 3_600_000
    surcharge_grace_ms: Milliseconds = 0
    surcharge_growth_ppm: Ppm = 0
    surcharge_growth_every_ms: Annotated[int, Meta(ge=1, lt=2**53)] = 60_000
    surcharge_max_ppm: Ppm | None = None
    assumption_premium_ppm: Ppm = 0
    fees_final: bool = False
    takeover: Takeover | None = None


class SurchargeSplit(_Table, frozen=True, kw_only=True):
    """Receivers of a surcharge, in allocate order; the parts add up to 1,000,000.

    liquidator  whoever executed the liquidation
    vault       the layer of kind `vault`
    """

    fund: Ppm = PPM
    treasury: Ppm = 0
    liquidator: Ppm = 0
    vault: Ppm = 0


class ResidualSplit(_Table, frozen=True, kw_only=True):
    """Receivers of what is left of a liquidated account's equity, in allocate order; adds up to 1,000,000.

    vault  the layer of kind `vault`
    """

    fund: Ppm = 0
    treasury: Ppm = 0
    trader: Ppm = PPM
    vault: Ppm = 0


class ExcessSplit(_Table, frozen=True, kw_only=True):
    """Receivers of income above every target, in allocate order; adds up to 1,000,000."""

    stakers: Ppm = 0
    treasury: Ppm = PPM
    fee_rebate: Ppm = 0
    hedges: Ppm = 0
    buyback: Ppm = 0


class RevenuePool(_Table, frozen=True, kw_only=True):
    """Commissions wait in a pool and flow on from it, at most so fast.

    layer           the layer of kind `revenue_pool` that they fill; it pays no deficit
    to              the layer that releases fill
    period_ms       between two releases
    share_ppm       of the pool, the most that one release moves, rounded down
    yearly_cap_ppm  of the receiving layer's balance, the most that releases of a year move; none: no cap
    protocol_ppm    of each release, the treasury's part, rounded down
    """

    layer: Id
    to: Id
    period_ms: Annotated[int, Meta(ge=1, lt=2**53)] = 3_600_000
    share_ppm: Ppm = PPM
    yearly_cap_ppm: Count | None = None
    protocol_ppm: Ppm = 0


class Accumulation(_Table, frozen=True, kw_only=True):
    """Money in: who gets which part of a surcharge, a commission, a residual, and of the excess.

    commission_share_ppm   the fund's part of every fee, rounded down, fee by fee
    revenue_pool           where the fund's part of commissions waits; none: it is routed at once
    """

    surcharge_split_ppm: SurchargeSplit = SurchargeSplit()
    residual_split_ppm: ResidualSplit = ResidualSplit()
    excess_split_ppm: ExcessSplit = ExcessSplit()
    commission_share_ppm: Ppm = 0
    revenue_pool: RevenuePool | None = None


class Stake(_Table, frozen=True, kw_only=True):
    """How stakers come and go in a tranche (SPEC 9).

    cooldown_ms       between a request to leave and the payment
    window_ms         after the cooldown, how long the request can be paid; none: without end
    pays_lower        a redemption pays the lower of the value at the request and now
    cancel_forfeits   who cancels a request leaves what its shares gained since to the others
    frozen_by_losses  nobody enters or leaves while severity is pending or debt is carried
    reward_ms         a reward is credited evenly over this time; 0: at once
    """

    cooldown_ms: Milliseconds = 0
    window_ms: Milliseconds | None = None
    pays_lower: bool = False
    cancel_forfeits: bool = False
    frozen_by_losses: bool = False
    reward_ms: Milliseconds = 0


class Holding(_Table, frozen=True, kw_only=True):
    """A part of a layer's money that is not cash in the fund's own asset: shown, warned of, valued for coverage.

    asset, issuer, custodian  what it is, who owes it, who keeps it
    part_ppm       of the layer's balance
    cap_ppm        the most that this part may be
    days_to_cash   until it pays
    haircut_ppm    taken off in coverage, rounded down
    own_token      the venue's own token: counts zero
    """

    asset: Id
    part_ppm: Ppm
    issuer: str = ""
    custodian: str = ""
    cap_ppm: Ppm = PPM
    days_to_cash: Count = 0
    haircut_ppm: Ppm = 0
    own_token: bool = False


LayerKind = Literal[
    "market_bucket",
    "shared_fund",
    "venue_capital",
    "guaranty_fund",
    "tranche",
    "vault",
    "backstop",
    "credit_line",
    "reinsurance",
    "assessment",
    "token_sale",
    "revenue_pool",
]
UNFUNDED = ("backstop", "credit_line", "reinsurance", "assessment", "token_sale")
"""Layers that hold no money: what they pay is called from others at that moment, up to their commitment."""


class Layer(_Table, frozen=True, kw_only=True):
    """One source of cover. Layers are drawn in the order in which the file states them.

    kind          `market_bucket` pays only the part of a deficit attributed to its markets; `shared_fund` is the
                  fund itself, at most one; `venue_capital` is the venue's skin in the game; `guaranty_fund` is the
                  members' mutual fund; `tranche` is stakers' capital; `vault` is liquidity providers' capital;
                  `revenue_pool` holds commissions that wait and pays nothing. Without money of their own, up to a
                  commitment: `backstop` (providers), `credit_line` (repaid from income), `reinsurance`, `assessment`
                  (members' further contributions), `token_sale` (the venue's own token, at an executed price)
    market        the market that a bucket insures
    markets       several markets that one bucket insures together
    balance       at the start
    target        income fills a bucket and the shared fund up to here; none: without end
    target_of, target_ppm  a target that is a part of a measure, rounded up: `open_interest`, or a name under which an
                  approved figure is posted (`cover_2`, `cvar_999`)
    refill_ms     below its target for longer than this, the layer is overdue
    spill_over    false: what a bucket leaves of its part goes to no later layer
    rank          layers next to each other with the same rank are drawn together, in proportion to what each has
    draw_mode     `partial`; `all_or_nothing`: a deficit that it cannot pay whole is left to the next; `block`: such a
                  deficit waits, with its liquidation
    event_limit   the most that one deficit may draw
    event_limit_ppm  of the balance when the batch arrives, the most that one deficit may draw, rounded down
    block_limit   the most that may be drawn at one time
    account_limit, owner_limit, market_limit  the most that may be drawn for one account, owner, market, within
                  `account_limit_ms`, `owner_limit_ms`, `market_limit_ms`: 0 is at one time; none: since the start
    lifetime_limit  the most that may ever be drawn
    window_limit  the most that may be drawn within any `window_ms`, half-open (t - w, t], gross of replenishment
    minimum_left  is never drawn
    drawdown_ppm  the balance may not fall further than this below its peak of the last `drawdown_window_ms`; once it
                  has, nothing is drawn until it is back within `drawdown_reset_ppm`; peaks at or below
                  `drawdown_floor` do not count
    drawdown_of   `balance`, or `market`: the result of each market against its own peak, over the pool's peak
    offset        the first units of deficits that ever reached it are not its to pay
    own_credits   `at_once`, or `later`: money credited at the same time cannot be drawn
    commitment    for kinds without money: the most that can be called in all
    multiple_of   a layer whose opening balance `event_multiple_ppm` and `window_multiple_ppm` are multiples of: limits
                  of an assessment per deficit and per `window_ms`
    stake         for a tranche: how stakers come and go
    holdings      what its money is held in, where not in cash
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
    markets: tuple[Id, ...] = ()
    target_of: Id | None = None
    target_ppm: Count = PPM
    refill_ms: Milliseconds | None = None
    spill_over: bool = True
    rank: Count | None = None
    draw_mode: Literal["partial", "all_or_nothing", "block"] = "partial"
    event_limit_ppm: Ppm | None = None
    block_limit: Units | None = None
    account_limit: Units | None = None
    account_limit_ms: Milliseconds | None = None
    owner_limit: Units | None = None
    owner_limit_ms: Milliseconds | None = None
    market_limit: Units | None = None
    market_limit_ms: Milliseconds | None = None
    lifetime_limit: Units | None = None
    drawdown_ppm: Ppm | None = None
    drawdown_reset_ppm: Ppm | None = None
    drawdown_window_ms: Milliseconds | None = None
    drawdown_floor: Units = Units(0)
    drawdown_of: Literal["balance", "market"] = "balance"
    offset: Units = Units(0)
    own_credits: Literal["at_once", "later"] = "at_once"
    commitment: Units | None = None
    multiple_of: Id | None = None
    event_multiple_ppm: Count | None = None
    window_multiple_ppm: Count | None = None
    stake: Stake | None = None
    holdings: tuple[Holding, ...] = ()


AdlRanking = Literal[
    "pro_rata_pnl",
    "pro_rata_lots",
    "queue_pnl_leverage",
    "queue_bitmex",
    "queue_binance",
    "queue_hyperliquid",
    "queue_roi_mr",
    "queue_random",
    "queue_profit",
    "capped_pro_rata",
    "pro_rata_equity",
    "pro_rata_notional",
    "risk_levered",
    "risk_levered_squared",
    "cel",
    "cea",
    "talmud",
    "min_max",
]
SocialisedBase = Literal[
    "positive_pnl",
    "equity",
    "open_interest",
    "open_interest_longs",
    "open_interest_shorts",
    "period_profit",
    "deposits",
]


class Exhaustion(_Table, frozen=True, kw_only=True):
    """Who bears what no layer covered.

    policy        `adl`: positions of the opposite side are closed against the bankrupt account's; `socialised_loss`:
                  money, over `socialised_base`; `gains_haircut`: the gains of each step since the last one, until the
                  severity is paid (variation margin gains haircutting); `tear_up`: the contracts of the markets
                  concerned end at the mark, what is owed is taken from what they gained; `withdrawal_haircut`: the
                  debt is carried, and withdrawals are paid in part until the venue is whole; `carry`: nobody, the debt
                  is carried
    fallback      what happens to severity that the policy could not place
    adl_ranking   who is closed, and for how many lots: queues take whole positions in order of a score, the others
                  spread the lots (docs/spec.md 8)
    adl_eligible  `profit_at_close`: winners still in profit at the closing price; `capped_at_mark`: lots capped so
                  that nobody loses more than profit and equity; `any`: as production queues do, whatever the winner
                  loses by it: what they take beyond profit is reported
    adl_price     the price at which positions are closed: the bankruptcy price, the `mark`, the `previous_mark` of the
                  step before, or the `oracle` price before the venue's own displacement
    adl_beta_ppm  for `capped_pro_rata`: the most of a winner's profit
    socialised_base  over which money is taken
    gains_max_rounds  for `gains_haircut`: steps until what is left goes to the fallback
    gains_cap     for `gains_haircut`: the most that one account pays for one batch; none: no cap
    period_ms     for `period_profit`: periods begin at its multiples; profit realised since then is the base
    deadline_ms   pending severity that nobody settled by then becomes carried
    """

    policy: Literal["adl", "socialised_loss", "carry", "gains_haircut", "tear_up", "withdrawal_haircut"]
    fallback: Literal["socialised_loss", "carry", "tear_up"] = "carry"
    adl_ranking: AdlRanking = "pro_rata_pnl"
    adl_eligible: Literal["profit_at_close", "capped_at_mark", "any"] = "profit_at_close"
    adl_price: Literal["bankruptcy_price", "mark", "previous_mark", "oracle"] = "bankruptcy_price"
    adl_beta_ppm: Ppm = PPM
    socialised_base: SocialisedBase = "positive_pnl"
    gains_max_rounds: PositiveCount = 10
    gains_cap: Units | None = None
    period_ms: Annotated[int, Meta(ge=1, lt=2**53)] = 604_800_000
    deadline_ms: Milliseconds = 60_000


class Pool(_Table, frozen=True, kw_only=True):
    """A pool of liquidity that is the counterparty of every trader, in place of an order book.

    layer           the layer that is the pool; liquidations close against it at the mark
    adl_start_ppm   profits of one side of a market above this part of the pool: the largest are closed at the oracle
    adl_stop_ppm    until they are at or just above this part, never below
    payout_cap_ppm  of the pool, the most that one side's profits are paid
    """

    layer: Id
    adl_start_ppm: Ppm = PPM
    adl_stop_ppm: Ppm = PPM
    payout_cap_ppm: Ppm = PPM


class Withdrawals(_Table, frozen=True, kw_only=True):
    """What may leave while losses are open.

    while_losses  `haircut`: an account leaves behind what the exhaustion policy would take from it now; `gate`: nobody
                  withdraws; `free`: withdrawals do not ask
    gate_ms       for `gate`: how long it stays shut after the last open loss
    """

    while_losses: Literal["haircut", "gate", "free"] = "haircut"
    gate_ms: Milliseconds = 0


PublishedField = Literal["balance", "draws", "carried", "pending", "inflows", "coverage"]


class Publishing(_Table, frozen=True, kw_only=True):
    """What the venue shows of its fund, how often and how late.

    fields      of each layer or the whole: `balance`, `draws`, `carried`, `pending`, `inflows`, `coverage`
    cadence_ms  between two publications
    lag_ms      how old the figures are when they are shown
    """

    fields: tuple[Literal["balance", "draws", "carried", "pending", "inflows", "coverage"], ...] = (
        "balance",
        "carried",
    )
    cadence_ms: Annotated[int, Meta(ge=1, lt=2**53)] = 86_400_000
    lag_ms: Milliseconds = 0


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
    accounts: Accounts = Accounts()
    pool: Pool | None = None
    withdrawals: Withdrawals = Withdrawals()
    publishing: Publishing | None = None
