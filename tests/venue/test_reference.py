"""The machine equals a slow, readable venue, to the last unit, where nobody is deleveraged and no mark is displaced."""

from hypothesis import given

from tests.generators import play, squeezes, stories
from tests.venue.reference import PlainVenue


def same(story):
    played = play(story)
    plain = PlainVenue(story).run()
    state = played.venue.state
    for place, name in enumerate(state.accounts):
        account = plain.accounts[name]
        for market, instrument in enumerate(state.instruments):
            assert int(state.lots[market, place]) == account.lots.get(instrument.id, 0)
            assert int(state.cost[market, place]) == account.cost.get(instrument.id, 0)
        assert int(state.cash[place]) == account.cash
        fees = {state.instruments[market].id: units for market, units in state.fees.get(place, {}).items()}
        assert fees == account.fees
    for market, instrument in enumerate(state.instruments):
        assert state.outside_lots[market] == plain.outside[instrument.id]
    for (market, side), used in state.used.items():
        assert list(used) == plain.used[state.instruments[market].id, side]
    fund, picture = played.journal.state, plain.fund.picture()
    assert {name: layer.balance for name, layer in fund.layers.items()} == picture["layers"]
    assert {name: units for name, units in fund.receivers.items() if units} == picture["receivers"]
    assert [debt.amount for debt in fund.carried.values()] == [units for _, units in picture["carried"]]
    return played


@given(stories(policies=("socialised_loss", "carry"), markets=1, pass_through=False))
def test_one_market_equals_the_plain_reference(story):
    same(story)


@given(stories(policies=("socialised_loss", "carry"), markets=3, pass_through=False))
def test_several_markets_equal_the_plain_reference(story):
    same(story)


@given(squeezes(2).map(lambda story: story.but(policy="socialised_loss")))
def test_socialised_losses_equal_the_plain_reference(story):
    same(story)
