"""Decide shortfalls: a batch of deficits, drawn through the layers.

Layer    fund; imports rules, amounts, fund.{available,events,messages,refusal,state,tranches}. Called by fund.decide
         only.
Not here who bears the severity: the venue settles it, or the deadline does.
Held to  this by tests/fund/test_machine.py and tests/fund/test_limits.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seawall.amounts import MAX_AMOUNT, AmountError, Units, check_id, id_key
from seawall.fund.available import cover_left, rooms
from seawall.fund.events import (
    NOTHING,
    DrawRow,
    Event,
    MarketPart,
    OffsetLeft,
    SettledRow,
    SeverityCarried,
    SeverityRow,
    ShortfallsDrawn,
    SlashRow,
)
from seawall.fund.messages import Refused, Shortfalls
from seawall.fund.refusal import amount_problem, refused
from seawall.fund.state import FundState
from seawall.fund.tranches import OpenTranche, open_tranches, seen_with
from seawall.rules.waterfall import Claim, Covered, Draw, draw_batch
from seawall.rules.waterfall_arrays import Ints, is_quoted, severity_units

CARRIED_AT_ONCE = ("carry", "withdrawal_haircut")
"""Policies under which nobody settles a severity: it is carried debt from the beginning."""


def decide_shortfalls(state: FundState, command: Shortfalls, t_ms: int) -> tuple[Event, ...] | Refused:
    """A batch: what each layer pays, which deficits wait, and what is left as severity."""
    if problem := _problem(state, command):
        return refused(command, "invalid", *problem)
    design = state.design
    deficits = sorted(command.deficits, key=lambda deficit: id_key(deficit.id))
    opened = open_tranches(state, t_ms)
    covered = draw_batch(
        [
            Claim(d.id, d.amount, tuple((loss.market, loss.amount) for loss in d.losses), d.account, d.owner)
            for d in deficits
        ],
        rooms(seen_with(state, opened), t_ms),
        cover_left(state),
    )
    if len(covered.waiting) == len(deficits):
        return _all_wait(command, covered)
    severity = tuple(SeverityRow(deficit, Units(amount)) for deficit, amount in covered.severity if amount)
    drawn = ShortfallsDrawn(
        shortfalls=command,
        draws=tuple(_row(state, draw) for draw in covered.draws),
        severity=severity,
        policy=design.exhaustion.policy,
        fallback=design.exhaustion.fallback,
        price_rule=design.exhaustion.adl_price,
        deadline_ms=t_ms + design.exhaustion.deadline_ms,
        waiting=covered.waiting,
        offsets=tuple(OffsetLeft(layer, Units(left)) for layer, left in covered.offsets),
        slashes=_slashes(opened, covered),
        tranches=tuple(one.after() for one in opened.values() if one.changed),
    )
    if severity and design.exhaustion.policy in CARRIED_AT_ONCE:
        rows = tuple(SettledRow(row.deficit, Units(0), row.amount) for row in severity)
        return drawn, SeverityCarried(batch=command.id, why="policy", rows=rows)
    return (drawn,)


def quoter(state: FundState, t_ms: int, markets: Sequence[str]) -> Callable[[Ints, Ints], int] | None:
    """The severity that batches of deficits would leave now, by arrays: for a search that asks often.

    markets  shape (m,), the ids of the rows of losses
    returns  a function of (units, losses), see rules.waterfall_arrays.severity_units, good for as long as the state
             stays as it is. None where layers ask what only a draw knows: then decide.
    """
    layers = rooms(seen_with(state, open_tranches(state, t_ms)), t_ms)
    if not is_quoted(layers, cover_left(state)):
        return None
    return lambda units, losses: severity_units(units, losses, markets, layers)


def _slashes(opened: dict[str, OpenTranche], covered: Covered) -> tuple[SlashRow, ...]:
    """Every draw of a tranche with stakers is a slash of its own."""
    return tuple(
        opened[draw.layer].slash(draw.deficit, draw.amount)
        for draw in covered.draws
        if draw.amount and draw.layer in opened
    )


def _all_wait(command: Shortfalls, covered: Covered) -> Refused:
    """Nothing of the batch can be drawn now: no event, so that the batch's id can be used again."""
    first = covered.waiting[0]
    index = next(place for place, deficit in enumerate(command.deficits) if deficit.id == first)
    return refused(
        command, "state", f"deficits[{index}]", f"{first} waits: a layer that must pay it whole cannot pay it now"
    )


def _row(state: FundState, draw: Draw) -> DrawRow:
    amount = Units(draw.amount)
    return DrawRow(
        draw.deficit,
        draw.layer,
        amount,
        Units(draw.balance_before),
        Units(draw.balance_after),
        draw.bound_by,
        called=amount if amount and not state.layers[draw.layer].funded else NOTHING,
        markets=tuple(MarketPart(market, Units(part)) for market, part in draw.markets),
    )


def _problem(state: FundState, command: Shortfalls) -> tuple[str, str] | None:
    """(field, reason) of the first thing wrong with a batch."""
    asset = state.design.asset.id
    markets = {market.id for market in state.design.markets}
    if not command.deficits:
        return "deficits", "wanted at least one deficit; found none"
    seen: set[str] = set()
    for index, deficit in enumerate(command.deficits):
        where = f"deficits[{index}]"
        try:
            for name in ("id", "account", "owner"):
                check_id(getattr(deficit, name))
        except AmountError as error:
            return where, str(error)
        if deficit.asset != asset:
            return f"{where}.asset", f"wanted {asset}; found {deficit.asset}"
        if problem := amount_problem(deficit.amount):
            return f"{where}.amount", problem
        if deficit.id in seen or deficit.id in state.deficits:
            return f"{where}.id", f"deficit {deficit.id} was drawn before"
        seen.add(deficit.id)
        lost: set[str] = set()
        for loss in deficit.losses:
            if loss.market not in markets:
                return f"{where}.losses", f"wanted a market of the design; found {loss.market}"
            if loss.market in lost or not 0 <= loss.amount < MAX_AMOUNT:
                return f"{where}.losses", f"wanted one loss of 0 to 10^38 a market; found {loss.market} {loss.amount}"
            lost.add(loss.market)
    return None
