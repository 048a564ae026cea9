"""Invariants: what must hold after every event, asserted in production. A broken one stops the writer.

Layer    fund; imports fund.{available,events,state}. Called after every apply, by `verify` too. SPEC 7, 12.
Not here repair: a broken invariant is a defect, and nothing more may be written.
Held to  this by tests/fund/test_invariants.py, which forges an event for each check and wants it refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from seawall.fund.apply import Stamp
from seawall.fund.available import cover_left, drawn_layers, layer_caps, window_limit_units
from seawall.fund.events import (
    Corrected,
    DrawRow,
    Event,
    InventoryLost,
    Opened,
    RecoveryPlaced,
    Redeemed,
    Settled,
    ShortfallsDrawn,
    Staked,
    tranches_in,
)
from seawall.fund.messages import Shortfall
from seawall.fund.standing import pool_peak_units
from seawall.fund.state import FundState, LayerState, Stakes, Usage
from seawall.rules.limits import used_units, window_left_units
from seawall.rules.waterfall import attribute


class InvariantBroken(Exception):
    """An invariant of SPEC 12 does not hold; names it, the event and the figures."""


def check(state: FundState, stamp: Stamp, event: Event) -> None:
    """Check every invariant that one event could have broken. Errors: InvariantBroken."""
    totals = state.totals
    layers = state.layers_units + state.held_units
    flows = totals.money_in + totals.called - totals.paid_out - totals.recovered - totals.drawn - totals.inventory_lost
    flows += totals.corrected - totals.redeemed
    if layers != flows:
        _broken("I1", stamp, f"layers {layers} != in - out {flows}")
    ends = totals.drawn + totals.haircuts + state.pending_units + state.carried_units + totals.recovered
    deficits = totals.deficits + totals.debt_corrected
    if deficits != ends:
        _broken("I1", stamp, f"deficits {deficits} != draws + haircuts + pending + carried + repaid {ends}")
    for layer in state.layers.values():
        _check_layer(layer, stamp)
    for deficit, debt in state.carried.items():
        if debt.amount <= 0:
            _broken("I1", stamp, f"carried debt of {deficit} stands at {debt.amount}")
    if isinstance(event, ShortfallsDrawn):
        _Drawn(state, stamp, event).check()
    if isinstance(event, Settled):
        _check_settled(stamp, event)
    if isinstance(event, Corrected):
        _check_corrected(stamp, event)
    if isinstance(event, InventoryLost) and event.inventory_loss.amount <= 0:
        _broken("I1", stamp, f"an inventory loss of {event.inventory_loss.amount}")
    _check_staking(state, stamp, event)
    if isinstance(event, Opened) and any(layer.balance for layer in state.layers.values() if not layer.funded):
        _broken("I1", stamp, "a layer without money begins with some")


def _check_corrected(stamp: Stamp, event: Corrected) -> None:
    """I1: a correction has two people, names an event before it, and posts what it was asked to."""
    correct = event.correct
    if correct.proposer.casefold() == correct.approver.casefold():
        _broken("I1", stamp, f"{correct.proposer} proposed the correction and approved it")
    if not 1 <= event.wrong_seq < stamp.seq:
        _broken("I1", stamp, f"it corrects event {event.wrong_seq}")
    posted = [(row.layer, row.amount) for row in event.layers] + [(row.deficit, row.amount) for row in event.debts]
    asked = [(row.layer, row.amount) for row in correct.layers] + [(row.deficit, row.amount) for row in correct.debts]
    if posted != asked:
        _broken("I1", stamp, f"it posts {posted}, not {asked}")


def _broken(invariant: str, stamp: Stamp, why: str) -> None:
    raise InvariantBroken(f"{invariant} broken by event {stamp.seq} ({stamp.id}): {why}")


def _check_layer(layer: LayerState, stamp: Stamp) -> None:
    """I1, I2: a layer is what came in less what went out, and never below zero; nor is what can still be called."""
    name, spec = layer.spec.id, layer.spec
    if layer.balance < 0:
        _broken("I2", stamp, f"layer {name} stands at {layer.balance}")
    if not layer.funded:
        left = (spec.commitment or 0) - layer.drawn - layer.moved_out + layer.returned
        if layer.balance or layer.commitment != left:
            _broken("I1", stamp, f"layer {name}: {layer.commitment} != commitment - called + paid back")
        if not 0 <= layer.commitment <= (spec.commitment or 0):
            _broken("I2", stamp, f"of {name} {layer.commitment} can be called")
    elif layer.stakes is not None and (why := _stakes_problem(layer, layer.stakes)):
        _broken("I1", stamp, f"layer {name}: {why}")
    elif layer.balance != spec.balance + layer.credited - layer.drawn - layer.moved_out:
        _broken("I1", stamp, f"layer {name}: {layer.balance} != opening + credits - draws - what moved out")


def _stakes_problem(layer: LayerState, stakes: Stakes) -> str:
    """I1: a tranche's rows add up to it, and its assets are the layer's balance."""
    tranche = stakes.tranche
    if layer.balance != tranche.assets_units:
        return f"{layer.balance} != the assets {tranche.assets_units}"
    if (tranche.assets_units > 0) != (tranche.shares > 0):
        return f"{tranche.shares} shares of {tranche.assets_units}"
    if stakes.live_shares != tranche.shares:
        return f"stakers hold {stakes.live_shares} shares of {tranche.shares}"
    if stakes.locked_shares != stakes.asked_shares:
        return f"{stakes.locked_shares} shares are locked, {stakes.asked_shares} in requests"
    if stakes.claims_units < 0 or tranche.stream.unearned_units < 0:
        return f"claims {stakes.claims_units}, unearned {tranche.stream.unearned_units}"
    return ""


def _check_staking(state: FundState, stamp: Stamp, event: Event) -> None:
    """I2, I9: no row below zero; nobody gets more than its part of what is there when it comes or goes."""
    for row in tranches_in(event):
        if row.earned < 0 or any(min(one.free, one.locked, one.claims) < 0 for one in row.stakers):
            _broken("I2", stamp, f"a row of {row.layer} is below zero")
    if isinstance(event, ShortfallsDrawn | InventoryLost):
        _check_slashes(state, stamp, event)
    if isinstance(event, RecoveryPlaced):
        _check_recovery(state, stamp, event)
    if isinstance(event, Staked):
        assets, shares = event.tranche.assets - event.taken, event.tranche.shares - event.minted
        if event.minted <= 0 or event.taken * shares < event.minted * assets or event.taken > event.stake.amount:
            _broken("I9", stamp, f"{event.minted} shares for {event.taken} beside {shares} of {assets}")
    if isinstance(event, Redeemed) and not event.wound_up:
        assets, shares = event.tranche.assets + event.paid, event.tranche.shares + event.burnt
        if event.burnt <= 0 or event.paid * shares > event.burnt * assets:
            _broken("I9", stamp, f"{event.paid} paid for {event.burnt} shares of {shares} of {assets}")


def _check_slashes(state: FundState, stamp: Stamp, event: ShortfallsDrawn | InventoryLost) -> None:
    """I9: what was taken of a tranche with stakers is a slash with its cohort, draw by draw."""
    if isinstance(event, InventoryLost):
        taken = [("", event.inventory_loss.layer, event.inventory_loss.amount)]
        rows = [event.slash] if event.slash is not None else []
    else:
        taken = [(draw.deficit, draw.layer, draw.amount) for draw in event.draws if draw.amount]
        rows = list(event.slashes)
    wanted = [one for one in taken if state.layers[one[1]].stakes is not None]
    if wanted != [(row.deficit, row.layer, row.slashed) for row in rows]:
        _broken("I9", stamp, f"slashes do not follow the draws {wanted}")


def _check_recovery(state: FundState, stamp: Stamp, event: RecoveryPlaced) -> None:
    """I9: nobody is lifted above what it lost, and a cohort's part is its bearers', to the unit."""
    for paid in state.paid_by[event.recover.deficit]:
        if not 0 <= paid.returned <= paid.amount:
            _broken("I9", stamp, f"{paid.layer} paid {paid.amount} and got back {paid.returned}")
    for part in event.parts:
        claims = sum(row.amount for row in event.claims if (row.layer, row.cohort) == (part.layer, part.cohort))
        if part.cohort and claims != part.amount:
            _broken("I9", stamp, f"{part.layer} got back {part.amount}, its bearers {claims}")


class _Drawn:
    """The checks of one drawn batch, from its rows and from what is used of every limit afterwards."""

    def __init__(self, state: FundState, stamp: Stamp, event: ShortfallsDrawn) -> None:
        self.state, self.stamp, self.event = state, stamp, event
        self.layers = drawn_layers(state)
        self.deficits = [deficit for deficit in event.shortfalls.deficits if deficit.id not in event.waiting]
        self.paid: dict[tuple[str, str], DrawRow] = {(draw.deficit, draw.layer): draw for draw in event.draws}
        self.before = {draw.layer: draw.balance_before for draw in reversed(event.draws)}
        self.severity = {row.deficit: int(row.amount) for row in event.severity}
        self.covered = cover_left(state)

    def check(self) -> None:
        """I1 each deficit, I2 every limit, I3 the order."""
        if len(self.paid) != len(self.event.draws):
            self._broken("I1", "a layer paid the same deficit twice")
        for draw in self.event.draws:
            self._row(draw)
        for layer in self.layers:
            self._limits(layer)
        for market in self.state.design.markets:
            used = self.state.covered.get(market.id, 0)
            if market.cover_limit is not None and used > market.cover_limit:
                self._broken("I2", f"{used} was paid for {market.id}, limit {market.cover_limit}")
        drawn: dict[str, int] = {}
        for draw in self.event.draws:
            drawn[draw.deficit] = drawn.get(draw.deficit, 0) + draw.amount
        for deficit in self.deficits:
            if drawn.get(deficit.id, 0) + self.severity.get(deficit.id, 0) != deficit.amount:
                self._broken("I1", f"deficit {deficit.id}: draws and severity do not add up to {deficit.amount}")
            self._order(deficit)

    def _broken(self, invariant: str, why: str) -> None:
        _broken(invariant, self.stamp, why)

    def _row(self, draw: DrawRow) -> None:
        layer = self.state.layers[draw.layer]
        if draw.balance_before - draw.amount != draw.balance_after or draw.amount < 0:
            self._broken("I1", f"{draw.layer}: {draw.balance_before} - {draw.amount} != {draw.balance_after}")
        if draw.called != (0 if layer.funded else draw.amount):
            self._broken("I1", f"{draw.layer} paid {draw.amount} and called {draw.called}")
        if draw.markets and sum(part.amount for part in draw.markets) != draw.amount:
            self._broken("I1", f"{draw.layer}: the markets of {draw.deficit} do not add up to {draw.amount}")
        if draw.balance_after < 0 or (draw.amount and draw.balance_after < layer.spec.minimum_left):
            self._broken("I2", f"{draw.layer} left with {draw.balance_after}, minimum {layer.spec.minimum_left}")
        limit = self._event_limit(layer)
        if limit is not None and draw.amount > limit:
            self._broken("I2", f"{draw.layer} paid {draw.amount} to {draw.deficit}, limit {limit}")

    def _event_limit(self, layer: LayerState) -> int | None:
        """The limit as it was when the batch arrived."""
        spec, limits = layer.spec, []
        if spec.event_limit is not None:
            limits.append(int(spec.event_limit))
        if spec.event_limit_ppm is not None:
            now = layer.balance if layer.funded else layer.commitment
            limits.append(self.before.get(spec.id, now) * spec.event_limit_ppm // 10**6)
        if spec.event_multiple_ppm is not None and spec.multiple_of is not None:
            limits.append(self.state.layers[spec.multiple_of].spec.balance * spec.event_multiple_ppm // 10**6)
        return min(limits, default=None)

    def _limits(self, layer: LayerState) -> None:
        """I2: no limit of the layer as a whole, of an account, an owner or a market was passed."""
        spec, t_ms = layer.spec, self.stamp.t_ms
        window = window_limit_units(self.state, layer)
        if window is not None and spec.window_ms is not None:
            used = sum(amount for time, amount in layer.recent if t_ms - time < spec.window_ms)
            if used > window:
                self._broken("I2", f"{spec.id} paid {used} within its window, limit {window}")
        at_once = layer.drawn_at[1] if layer.drawn_at[0] == t_ms else 0
        if spec.block_limit is not None and at_once > spec.block_limit:
            self._broken("I2", f"{spec.id} paid {at_once} at one time, limit {spec.block_limit}")
        if spec.lifetime_limit is not None and layer.drawn > spec.lifetime_limit:
            self._broken("I2", f"{spec.id} ever paid {layer.drawn}, limit {spec.lifetime_limit}")
        if spec.drawdown_ppm is not None and spec.drawdown_of == "balance" and spec.id in self.before:
            self._drawdown(layer, self.before[spec.id])
        for what, limit, usage in (
            ("account", spec.account_limit, layer.accounts),
            ("owner", spec.owner_limit, layer.owners),
            ("market", spec.market_limit, layer.markets),
        ):
            for key, used in _used(usage, t_ms).items():
                if limit is not None and used > limit:
                    self._broken("I2", f"{spec.id} paid {used} for {what} {key}, limit {limit}")

    def _drawdown(self, layer: LayerState, before: int) -> None:
        """I2: no draw took the balance further below its peak than the design allows."""
        spec, t_ms = layer.spec, self.stamp.t_ms
        peak = pool_peak_units(layer, layer.balance, t_ms)
        lowest = peak - peak * (spec.drawdown_ppm or 0) // 10**6
        if peak > spec.drawdown_floor and layer.balance < min(before, lowest):
            self._broken("I2", f"{spec.id} left with {layer.balance}, peak {peak}")

    def _free(self, layer: LayerState) -> int:
        """What the layer could still pay in all, as far as its state afterwards tells."""
        spec, t_ms = layer.spec, self.stamp.t_ms
        balance = layer.balance if layer.funded else layer.commitment
        free = [balance - spec.minimum_left, *(units for _, units in layer_caps(layer, t_ms))]
        window = window_limit_units(self.state, layer)
        if window is not None and spec.window_ms is not None:
            free.append(window_left_units(window, spec.window_ms, layer.recent, t_ms))
        return max(0, min(free))

    def _order(self, deficit: Shortfall) -> None:
        """I3: what each layer could still have paid to a deficit that went on."""
        losses = [(loss.market, int(loss.amount)) for loss in deficit.losses]
        left, closed = int(deficit.amount), set[str]()
        stage_left, in_buckets = left, False
        for group in self._groups():
            bucket = bool(group[0].insures)
            if bucket and not in_buckets:
                stage_left = left
                parts = attribute(stage_left, [(market, loss) for market, loss in losses if market not in closed])
            in_buckets = bucket
            reaching = sum(parts.get(market, 0) for market in group[0].insures) if bucket else left
            paid = sum(self._amount(deficit, layer) for layer in group)
            for layer in group:
                self._could(deficit, layer, reaching - paid, reaching)
            left -= paid
            if bucket and not group[0].spec.spill_over:
                left -= reaching - paid
                closed.update(group[0].insures)

    def _groups(self) -> Iterator[list[LayerState]]:
        """Layers that are drawn together, in order."""
        group: list[LayerState] = []
        for layer in self.layers:
            spec = layer.spec
            alone = spec.rank is None or spec.draw_mode != "partial" or layer.insures
            if group and (alone or group[-1].spec.rank != spec.rank or group[-1].spec.draw_mode != "partial"):
                yield group
                group = []
            group.append(layer)
            if alone:
                yield group
                group = []
        if group:
            yield group

    def _amount(self, deficit: Shortfall, layer: LayerState) -> int:
        draw = self.paid.get((deficit.id, layer.spec.id))
        return int(draw.amount) if draw is not None else 0

    def _could(self, deficit: Shortfall, layer: LayerState, unmet: int, reaching: int) -> None:
        """Whether the layer had room for more of this deficit, by every limit whose state says so."""
        spec, amount = layer.spec, self._amount(deficit, layer)
        if spec.draw_mode != "partial":
            unmet = reaching if amount == 0 else reaching - amount
            if 0 < amount < reaching:
                self._broken("I3", f"{spec.id} paid a part of {deficit.id}")
        could = min(self._free(layer), unmet)
        limit = self._event_limit(layer)
        if limit is not None:
            could = min(could, limit - amount)
        for key, cap, usage in (
            (deficit.account, spec.account_limit, layer.accounts),
            (deficit.owner, spec.owner_limit, layer.owners),
        ):
            if cap is not None:
                could = min(could, cap - _used(usage, self.stamp.t_ms).get(key, 0))
        if could <= 0 or self._hidden_limit(layer, deficit):
            return
        if spec.draw_mode == "partial" or could >= reaching > 0:
            self._broken("I3", f"{spec.id} could still pay {could} of {deficit.id}")

    def _hidden_limit(self, layer: LayerState, deficit: Shortfall) -> bool:
        """Limits that hang on the split over markets or on what came before, which the state does not show."""
        spec = layer.spec
        by_market = spec.market_limit is not None or spec.drawdown_of == "market"
        by_market = by_market or bool(self.covered and not layer.insures)
        draw = self.paid.get((deficit.id, spec.id))
        offset = spec.offset > 0 and draw is not None and draw.bound_by == "offset"
        return offset or (by_market and bool(deficit.losses))


def _used(usage: Usage | None, t_ms: int) -> dict[str, int]:
    if usage is None:
        return {}
    return usage.ever if usage.length_ms is None else used_units(usage.recent, usage.length_ms, t_ms)


def _check_settled(stamp: Stamp, event: Settled) -> None:
    """I10: haircuts add up to what was settled, never more than the severity; a final one leaves nothing pending."""
    taken = sum(haircut.amount for haircut in event.settle.haircuts)
    settled = sum(row.haircut for row in event.rows)
    if taken != settled:
        _broken("I10", stamp, f"haircuts {taken} != settled {settled}")
    if any(row.haircut < 0 or row.carried < 0 or row.pending < 0 for row in event.rows):
        _broken("I10", stamp, "a settled row is negative")
    if any(row.pending if event.settle.final else row.carried for row in event.rows):
        _broken("I10", stamp, f"a settlement with final {event.settle.final} leaves the wrong kind of rest")
