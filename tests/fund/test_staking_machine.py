"""The fund machine with several tranches of stakers and any commands, beside a second bookkeeper with holders."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

from hypothesis import settings, strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from seawall.amounts import Units
from seawall.fund.journal import replay, state_digest
from seawall.fund.messages import (
    CancelRedeem,
    LapseRequests,
    Recover,
    Redeem,
    Refused,
    RequestRedeem,
    Reward,
    Stake,
    TakeClaims,
    TransferShares,
)
from seawall.fund.tranches import staker_figures, staker_value, tranche_figures
from seawall.rules.cohort import members
from tests.fund.staking_ledger import StakingLedger
from tests.fund.test_machine import FundBesideSecondLedger
from tests.generators import LayerSpec, batch, fund_designs, inflow, limit_keys, shortfall, together

PEOPLE = ("ann", "bob", "cy", "venue")
UNITS = st.integers(1, 60)


@st.composite
def stake_keys(draw):
    """How stakers come and go."""
    keys = {
        "stake.cooldown_ms": draw(st.sampled_from([0, 0, 12])),
        "stake.pays_lower": draw(st.booleans()),
        "stake.cancel_forfeits": draw(st.booleans()),
        "stake.frozen_by_losses": draw(st.integers(0, 4)) == 0,
        "stake.reward_ms": draw(st.sampled_from([0, 0, 25])),
    }
    window = draw(st.sampled_from([None, 10, 40]))
    return keys if window is None else keys | {"stake.window_ms": window}


@st.composite
def staking_designs(draw, top=40):
    """One to three tranches with stakers among other layers, sometimes with limits; sometimes a pool and a lender."""
    spec = draw(fund_designs(top))
    layers = [layer for layer in spec.layers if layer.kind != "tranche"][: draw(st.integers(0, 2))]
    if draw(st.booleans()):
        layers.append(LayerSpec("line", "credit_line", 0, extra={"commitment": str(draw(st.integers(0, top)))}))
    if draw(st.integers(0, 3)) == 0:
        layers.append(LayerSpec("backstop", "backstop", 0, extra={"commitment": str(draw(st.integers(0, top)))}))
    for name in ("junior", "mezz", "senior")[: draw(st.integers(1, 3))]:
        extra = draw(stake_keys()) | (draw(limit_keys("tranche", top)) if draw(st.integers(0, 2)) == 0 else {})
        balance, minimum = draw(st.integers(0, top)), draw(st.sampled_from([0, 0, 0, 2]))
        layers.insert(
            draw(st.integers(0, len(layers))), LayerSpec(name, "tranche", balance, minimum_left=minimum, extra=extra)
        )
    layers, text = together(layers), ""
    if draw(st.booleans()):
        to = draw(st.sampled_from([layer.id for layer in layers if layer.kind == "tranche"]))
        layers.append(LayerSpec("pool", "revenue_pool", draw(st.integers(0, top))))
        text = f'[accumulation.revenue_pool]\nlayer = "pool"\nto = "{to}"\nperiod_ms = 10\n'
        text += f"share_ppm = {draw(st.sampled_from([1_000_000, 300_000]))}\nprotocol_ppm = 250000\n"
    return replace(spec, layers=tuple(layers), extra_text=text)


class StakingBesideSecondLedger(FundBesideSecondLedger):
    """Every rule of the fund, and every rule of stakers; after each both books must be the same."""

    @initialize(spec=staking_designs())
    def begin(self, spec):
        self.spec = spec
        self.journal = spec.journal()
        self.second = StakingLedger(spec)
        self.commands = []
        self.now = 0
        self.number = 0

    # Held to the second ledger by the other machines: left out, so that stakers come and go more often.
    something_is_measured = a_bucket_migrates = a_residual_comes_in_parts = a_command_that_makes_no_sense = None
    a_market_closes = None

    def a_layer(self, data):
        """Mostly a tranche with stakers."""
        return data.draw(st.sampled_from([*self.second.books, *self.second.books, *self.second.layers, "nobody"]))

    @rule(data=st.data(), who=st.sampled_from(PEOPLE), amount=st.integers(-1, 60))
    def somebody_stakes(self, data, who, amount):
        self.send(Stake(id=self.fresh(), layer=self.a_layer(data), staker=who, amount=Units(amount)))

    @rule(data=st.data(), ppm=st.sampled_from([1, 400_000, 10**6, 10**6, 1_100_000]))
    def somebody_asks_to_leave(self, data, ppm):
        held = [(name, who, free) for name, book in self.second.books.items() for who, free in book.free.items()]
        name, who, free = data.draw(st.sampled_from([*held, (next(iter(self.second.books)), "nobody", 0)]))
        shares = Units(max(1, free * ppm // 10**6))
        self.send(RequestRedeem(id=self.fresh(), layer=name, staker=who, shares=shares))

    def a_request(self, data):
        asked = [(name, key, row[1]) for name, book in self.second.books.items() for key, row in book.asked.items()]
        return data.draw(st.sampled_from([*asked, (self.a_layer(data), "no-request", 1)]))

    @rule(data=st.data(), ppm=st.sampled_from([1, 300_000, 10**6, 10**6, 1_100_000]))
    def somebody_redeems(self, data, ppm):
        name, key, shares = self.a_request(data)
        self.send(Redeem(id=self.fresh(), layer=name, request=key, shares=Units(max(1, shares * ppm // 10**6))))

    @rule(data=st.data(), amount=st.integers(0, 60), both=st.integers(0, 9))
    def somebody_redeems_an_amount(self, data, amount, both):
        name, key, _ = self.a_request(data)
        shares = Units(1) if both == 0 else None
        self.send(Redeem(id=self.fresh(), layer=name, request=key, shares=shares, amount=Units(amount)))

    @rule(data=st.data())
    def somebody_cancels(self, data):
        name, key, _ = self.a_request(data)
        self.send(CancelRedeem(id=self.fresh(), layer=name, request=key))

    @rule(data=st.data())
    def requests_lapse(self, data):
        self.send(LapseRequests(id=self.fresh(), layer=self.a_layer(data)))

    @precondition(lambda self: any(book.asked for book in self.second.books.values()))
    @rule(data=st.data(), by=st.integers(-1, 0), end=st.booleans())
    def a_clock_of_a_request_runs_out(self, data, by, end):
        """To the moment at which a request can be redeemed, or can no longer be, or one before."""
        _, key, _ = data.draw(st.sampled_from([(n, k, 0) for n, book in self.second.books.items() for k in book.asked]))
        ready, over = self.second.times[key]
        self.now = max(self.now, (over if end and over is not None else ready) + by)

    @rule(data=st.data(), sender=st.sampled_from(PEOPLE), receiver=st.sampled_from(PEOPLE), ppm=st.integers(1, 10**6))
    def shares_change_hands(self, data, sender, receiver, ppm):
        name = self.a_layer(data)
        held = self.second.books[name].free.get(sender, 0) if name in self.second.books else 0
        shares = Units(max(1, held * ppm // 10**6))
        self.send(TransferShares(id=self.fresh(), layer=name, sender=sender, receiver=receiver, shares=shares))

    @rule(data=st.data(), amount=st.integers(0, 60), how=st.sampled_from(["reward", "top_up", "yield"]))
    def stakers_have_income(self, data, amount, how):
        name = self.a_layer(data)
        if how == "reward":
            self.send(Reward(id=self.fresh(), layer=name, amount=Units(amount)))
        else:
            self.send(inflow(self.fresh(), amount, how, layer=name))

    @rule(data=st.data(), amount=UNITS)
    def something_is_recovered(self, data, amount):
        deficit = data.draw(st.sampled_from([*sorted(self.second.paid), "no-deficit"]))
        self.send(Recover(id=self.fresh(), deficit=deficit, amount=Units(amount)))

    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def somebody_takes_its_claims(self, data, who):
        owed = [(name[0], name[1]) for name in self.second.open("claims")]
        layer, who = data.draw(st.sampled_from([*owed, (self.a_layer(data), who)]))
        self.send(TakeClaims(id=self.fresh(), layer=layer, staker=who))

    @rule(data=st.data(), amount=UNITS)
    def a_loss_takes_a_tranche(self, data, amount):
        """As much as a tranche has, and more: it is wound up."""
        name = data.draw(st.sampled_from(list(self.second.books)))
        units = self.second.of("layer", name) + amount % 3
        self.send(batch(self.fresh(), shortfall(f"big.{self.number}", max(1, units))))

    # --- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def test_I1_conservation(self):
        """No unit is made or lost; what is held for stakers stands beside the layers."""
        state, second = self.journal.state, self.second
        assert sum(second.money.values()) == 0
        unearned, claims = sum(second.open("unearned").values()), sum(second.open("claims").values())
        assert state.held_units == unearned + claims
        flows = state.totals
        left = flows.money_in + flows.called - flows.paid_out - flows.recovered - flows.drawn - flows.inventory_lost
        left += flows.corrected
        assert state.layers_units + unearned + claims == left - flows.redeemed
        assert flows.redeemed == second.of("redeemed") and flows.recovered == second.of("repaid")
        assert flows.drawn == second.of("covered") and flows.inventory_lost == second.of("lost")
        ends = flows.drawn + flows.haircuts + state.pending_units + state.carried_units + flows.recovered
        assert flows.deficits + flows.debt_corrected == ends
        for name, layer in state.layers.items():
            if not layer.funded:
                assert layer.commitment == (layer.spec.commitment or 0) - second.of("called", name)

    @invariant()
    def holders_are_the_same(self):
        for name, book in self.second.books.items():
            stakes = self.journal.state.layers[name].stakes
            tranche = stakes.tranche
            assert tranche.assets_units == book.assets == self.second.of("layer", name)
            assert tranche.shares == book.total and tranche.stream.unearned_units == book.unearned
            rows = {who: row for who, row in stakes.stakers.items() if row.series == tranche.series and row.shares}
            locked = {}
            for who, shares, _ in book.asked.values():
                locked[who] = locked.get(who, 0) + shares
            holders = {who for who, free in book.free.items() if free} | set(locked)
            assert {who: (row.free_shares, row.locked_shares) for who, row in rows.items()} == {
                who: (book.free.get(who, 0), locked.get(who, 0)) for who in holders
            }
            assert [(key, who, one.shares, one.value_units) for key, (who, one) in stakes.requests.items()] == [
                (key, *row) for key, row in book.asked.items()
            ]

    @invariant()
    def every_slash_remembers_who_bore_it_and_what_came_back(self):
        state, second = self.journal.state, self.second
        for (deficit, name), slash in second.slashed.items():
            if deficit.startswith("positions."):
                continue
            stakes = state.layers[name].stakes
            number = next(paid.cohort for paid in state.paid_by[deficit] if paid.layer == name)
            cohort = stakes.cohorts[number]
            assert dict(members(cohort, stakes.stakers.items())) == slash["copy"]
            assert (cohort.slashed_units, cohort.recovered_units) == (slash["lost"], slash["back"])
            got = {who: units for (one, who), units in stakes.received.items() if one == number}
            assert got == {who: units for who, units in slash["got"].items() if units}
            whole = sum(slash["copy"].values())
            for who, shares in slash["copy"].items():
                assert slash["got"].get(who, 0) <= ceil(Fraction(slash["back"] * shares, whole))
            assert slash["back"] <= slash["lost"], "nobody is lifted above what it lost"

    @invariant()
    def test_I9_figures_for_readers_add_up(self):
        state, second = self.journal.state, self.second
        for name in second.books:
            figures = tranche_figures(state, name, self.now)
            rows = {who: staker_figures(state, name, who, self.now) for who in state.layers[name].stakes.stakers}
            assert sum(row.free_shares + row.locked_shares for row in rows.values()) == figures.shares
            assert sum(row.locked_shares for row in rows.values()) == figures.asked_shares
            worth = sum(row.value_units for row in rows.values())
            assert figures.assets_units - len(rows) < worth <= figures.assets_units or not rows
            assert sum(row.claims_units for row in rows.values()) == figures.claims_units
            owed = {who: units for (one, who), units in second.open("claims").items() if one == name}
            assert {who: row.claims_units for who, row in rows.items() if row.claims_units} == owed
            assert staker_value(state, name, "never-staked", self.now) == 0
            lost = sum(one["lost"] - one["back"] for (_, one_name), one in second.slashed.items() if one_name == name)
            assert figures.outstanding_units == lost

    def teardown(self):
        """Everybody leaves: nothing is left in a tranche. Then the log replays to the same state."""
        if not hasattr(self, "journal"):
            return
        second = self.second
        for name, book in second.books.items():
            if (
                self.journal.state.layers[name].inventory.maintenance
                or self.journal.state.layers[name].inventory.open_loss
            ):
                continue
            if second.terms[name].get("frozen_by_losses") and (second.open("pending") or second.open("carried")):
                continue
            self.everybody_leaves(name)
            book = second.books[name]
            assert second.of("layer", name) == 0 == self.journal.state.layers[name].balance and book.total == 0
        for layer, who in list(second.open("claims")):
            self.send(TakeClaims(id=self.fresh(), layer=layer, staker=who))
        assert all(not isinstance(command, Refused) for command in self.commands)
        assert state_digest(replay(self.journal.lines)) == state_digest(self.journal.state)

    def everybody_leaves(self, name):
        second = self.second
        if name not in second.books:
            return
        for key in list(second.books[name].asked):
            self.send(CancelRedeem(id=self.fresh(), layer=name, request=key))
        self.send(LapseRequests(id=self.fresh(), layer=name))
        for who, free in list(second.books[name].free.items()):
            if free:
                self.send(RequestRedeem(id=self.fresh(), layer=name, staker=who, shares=Units(free)))
        self.now += second.terms[name].get("cooldown_ms", 0)
        for key, (_, shares, _) in list(second.books[name].asked.items()):
            self.send(Redeem(id=self.fresh(), layer=name, request=key, shares=Units(shares)))


TestStakingBesideSecondLedger = StakingBesideSecondLedger.TestCase
TestStakingBesideSecondLedger.settings = settings(stateful_step_count=40)
