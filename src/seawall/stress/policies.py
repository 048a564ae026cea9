"""Policies: one design under every exhaustion policy, so that the same crash can be told by each.

Layer    stress; imports design, fund, report.policy_table (the rows), rules.concentration, stress.run.
Not here what a policy does (venue, rules) and the page (report.policy_table).
Held to  this by tests/stress/test_policies.py: every variant reads as a design, and differs from the first in nothing
         but its name and its exhaustion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from seawall.amounts import PPM, Units
from seawall.design.errors import BadInput, Problem
from seawall.design.types import AdlRanking, SocialisedBase
from seawall.design.writer import TomlValue, set_values
from seawall.fund.events import Settled
from seawall.fund.journal import FUND_CODEC
from seawall.report.policy_table import PolicyRow
from seawall.rules.concentration import concentration
from seawall.stress.run import Finished

_ALIASES: Final = ("queue_pnl_leverage",)
"""Names of a ranking that another name stands for."""


def policy_names() -> tuple[str, ...]:
    """Every exhaustion policy that a design can name: `adl.RANKING`, `socialised.BASE`, and the single ones."""
    rankings = tuple(f"adl.{ranking}" for ranking in get_args(AdlRanking) if ranking not in _ALIASES)
    bases = tuple(f"socialised.{base}" for base in get_args(SocialisedBase))
    return (*rankings, *bases, "gains_haircut", "tear_up", "withdrawal_haircut", "carry")


def chosen(spec: str) -> tuple[str, ...]:
    """The policies that a list names: `all`, `adl` or `socialised` for every one of the kind, names, by commas.

    returns  each once, in the order of `policy_names`
    Errors   BadInput naming the first word that is none.
    """
    known = policy_names()
    wanted: set[str] = set()
    for word in filter(None, (part.strip() for part in spec.split(","))):
        found = {name for name in known if word in ("all", name, name.partition(".")[0])}
        if not found:
            listed = f"all, adl, socialised or names of {', '.join(known)}"
            raise BadInput(Problem("", 0, "--policies", listed, word, "SPEC 7"))
        wanted |= found
    if not wanted:
        raise BadInput(Problem("", 0, "--policies", "at least one policy", "none", "SPEC 7"))
    return tuple(name for name in known if name in wanted)


def variant(design_text: str, design_name: str, policy: str) -> str:
    """The design file under another exhaustion policy, named after both. Errors: as design.writer.set_values."""
    kind, _, which = policy.partition(".")
    values: dict[tuple[str | int, ...], TomlValue] = {("name",): f"{design_name}:{policy}"[:64]}
    values["exhaustion", "policy"] = "socialised_loss" if kind == "socialised" else kind
    if kind == "adl":
        values["exhaustion", "adl_ranking"] = which
    if kind == "socialised":
        values["exhaustion", "socialised_base"] = which
    return set_values(design_text, values)


def payments(finished: Finished) -> Mapping[str, int]:
    """What each account paid towards severity in a run, base units, as the fund settled it; only those who paid."""
    paid: dict[str, int] = {}
    for recorded in FUND_CODEC.read(finished.fund.lines):
        if isinstance(recorded.event, Settled):
            for haircut in recorded.event.settle.haircuts:
                if haircut.amount:
                    paid[haircut.account] = paid.get(haircut.account, 0) + haircut.amount
    return paid


def policy_row(policy: str, finished: Finished) -> PolicyRow:
    """One policy's run in figures: who paid, and how evenly among those who paid."""
    summary = finished.summary
    paid: Sequence[int] = list(payments(finished).values())
    spread = concentration(paid)
    return PolicyRow(
        design=summary.design.name,
        policy=policy,
        deficits=summary.deficits.amount,
        drawn=summary.drawn,
        severity=summary.severity,
        haircuts=Units(sum(paid)),
        carried=summary.carried,
        payers=len(paid),
        largest_ppm=spread.largest_ppm,
        top_ten_ppm=spread.top_ten_ppm,
        gini_ppm=spread.gini_ppm,
        largest_payment=Units(max(paid, default=0)),
        liquidated=summary.accounts.liquidated,
        induced=summary.accounts.induced,
        overshoot=summary.overshoot,
        placed_ppm=PPM if not summary.severity else sum(paid) * PPM // summary.severity,
        unrecognised_peak=summary.unrecognised_peak,
        conservation_exact=summary.conservation.exact,
    )
