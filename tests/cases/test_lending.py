"""Lending, as far as the exact core goes: the deficit is what was not recovered, and carried debt does not grow."""

from seawall.rules.liquidation import close_out
from tests.generators import DesignSpec, LayerSpec, batch, inflow, shortfall

YEAR_MS = 365 * 86_400_000


def test_LEN_01_the_deficit_is_debt_minus_everything_recovered(case):
    given, wanted = case["inputs"], case["expected"]
    closed = [close_out(recovered - given["debt"], 0) for recovered in given["recovered"]]
    assert [end.deficit for end in closed] == wanted["deficit"]
    assert [end.residual for end in closed] == wanted["residual"]
    assert [end.deficit > 0 for end in closed] == wanted["is_bad_debt"]


def test_LEN_04_carried_debt_bears_no_interest_and_earns_nobody_income(case):
    """The age in days belongs to a report: the fund keeps since when."""
    given, wanted = case["inputs"], case["expected"]
    journal = DesignSpec(layers=(LayerSpec("fund", "shared_fund", 0),), policy="carry").journal()
    journal.submit(batch("b", shortfall("d", given["carried"])), 1000)
    journal.submit(inflow("later", 1, "recovery"), 1000 + given["years"] * YEAR_MS)
    state = journal.state
    assert state.carried["d"].amount == wanted["carried_after"] - 1
    assert state.layers["fund"].balance + state.totals.paid_out == wanted["income_booked_on_it"]
    assert (state.last_t_ms - state.carried["d"].since_ms) // 86_400_000 == wanted["age_shown_days"]
