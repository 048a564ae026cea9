"""Policies: every name reads as a design, and under each of them a crash is paid for or carried, to the unit."""

from __future__ import annotations

import msgspec
import pytest

from seawall.design.errors import BadInput
from seawall.design.loader import parse_design
from seawall.design.presets import preset_text
from seawall.rules.concentration import concentration
from seawall.stress.policies import chosen, payments, policy_names, policy_row, variant
from seawall.stress.run import Inputs, run
from tests.stress.test_run import inputs


def test_every_policy_reads_as_a_design_and_changes_nothing_but_the_exhaustion() -> None:
    text = preset_text("small-perp")
    before = parse_design(text, "before")
    seen = set()
    for policy in policy_names():
        after = parse_design(variant(text, before.name, policy), policy)
        assert after.name == f"small-perp:{policy}"
        seen.add(after.exhaustion)
        assert msgspec.structs.replace(after, name=before.name, exhaustion=before.exhaustion) == before
    assert len(seen) == len(policy_names()) == len(set(policy_names()))


def test_policies_are_chosen_by_kind_and_name() -> None:
    assert chosen("all") == policy_names()
    assert chosen("carry, adl.talmud,carry") == ("adl.talmud", "carry")
    assert set(chosen("adl")) == {name for name in policy_names() if name.startswith("adl.")}
    assert set(chosen("socialised")) == {name for name in policy_names() if name.startswith("socialised.")}
    with pytest.raises(BadInput, match=r"--policies.*found talmudic"):
        chosen("carry,talmudic")
    with pytest.raises(BadInput, match="at least one policy"):
        chosen(" ,")


@pytest.mark.slow
def test_one_crash_under_every_policy_is_paid_or_carried_to_the_unit() -> None:
    base = inputs("2025-10-10", 20_000)
    rows = {}
    for policy in policy_names():
        text = variant(base.design_text, base.design.name, policy)
        finished = run(Inputs(parse_design(text, policy), text, base.book, base.path, base.seed))
        summary, row = finished.summary, policy_row(policy, finished)
        assert summary.conservation.exact and row.conservation_exact
        paid = payments(finished)
        assert row.haircuts == sum(paid.values()) and row.payers == len(paid)
        assert row.gini_ppm == concentration(list(paid.values())).gini_ppm
        assert summary.deficits.amount == summary.drawn + summary.severity
        assert summary.severity == row.haircuts + summary.carried + summary.recovered + summary.pending
        rows[policy] = row
    assert all(row.severity > 0 for row in rows.values())
    assert rows["carry"].payers == 0 < rows["socialised.positive_pnl"].payers
    assert len({row.gini_ppm for row in rows.values()}) > len(rows) // 2, "policies differ in who pays"
