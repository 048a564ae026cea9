"""Fund statements: what each may say, and how what does not hold is shown. The figures are held by tests/scenarios."""

import pytest

from tests.scenario.conftest import FUND, Refuse, Run

D1 = "deficit D1 450 losses BTC 1"
D1_CONFLICT = "conflict deficits[0].amount"
D1_OTHER = "deficit D1 460 losses BTC 1"
D1_HOLDS = "bucket 100 (capacity), shared 300 (event_limit), severity 50"


def test_a_wrong_expectation_is_shown_with_wanted_and_found(fund: Run) -> None:
    result = fund(f"{D1} -> bucket 90 (event_limit), shared 300, severity 60\n")
    assert not result.ok and result.lines() == [
        "x.scn:10 deficit D1: wanted bucket 90 (event_limit); found bucket 100 (capacity)",
        "x.scn:10 deficit D1: wanted severity 60; found severity 50",
    ]
    assert [(check.line, check.what, check.ok) for check in result.failures] == [(10, "deficit D1", False)] * 2


@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        (f"{D1} -> bucket 100, shared 300", "10 deficit D1: wanted nothing that is not stated; found severity 50"),
        (
            f"{D1} -> bucket 100, severity 50",
            "10 deficit D1: wanted nothing that is not stated; found shared 300 (event_limit)",
        ),
        (f"{D1} -> {D1_HOLDS}, pending 49", "10 deficit D1: wanted pending 49; found pending 50"),
        (f"{D1} -> {D1_HOLDS}, carried 50", "10 deficit D1: wanted carried 50; found carried 0"),
        (f"{D1} -> duplicate", "10 deficit D1: wanted duplicate; found accepted"),
        (f"{D1} -> nothing moves", "10 deficit D1: wanted nothing moves; found something moves"),
        (f"{D1}\n{D1} -> {D1_HOLDS}", f"11 deficit D1: wanted {D1_HOLDS}; found duplicate"),
        (f"{D1}\n{D1_OTHER} -> duplicate", f"11 deficit D1: wanted duplicate; found {D1_CONFLICT}"),
        (f"{D1}\n{D1_OTHER} -> conflict market", f"11 deficit D1: wanted conflict market; found {D1_CONFLICT}"),
        (f"{D1}\n{D1}\nevents -> 1", "11 deficit D1: wanted accepted; found duplicate"),
        ("layer shared -> balance 5", "10 layer shared: wanted balance 5; found balance 500"),
        ("carried D7 -> 0", "10 carried D7: wanted 0; found no such thing"),
        ("pending D7 -> 0", "10 pending D7: wanted 0; found no such thing"),
        ("events -> 1", "10 events: wanted 1; found 0"),
        ("inflow I1 yield 20 -> shared 19", "10 inflow I1: wanted shared 19; found shared 20"),
        ("inflow I1 yield 20 -> bucket 0", "10 inflow I1: wanted nothing that is not stated; found shared 20"),
        ("lapse B1 -> carried 5", "10 lapse B1: wanted carried 5; found refused, state batch:"),
        ("lapse B1 -> refused overshoot", "10 lapse B1: wanted refused overshoot; found refused, state batch:"),
        ("lapse B1\nevents -> 0", "10 lapse B1: wanted accepted; found refused, state batch:"),
        (
            "batch B1\n  deficit D1 0 losses none -> shared 0",
            "10 batch B1: wanted accepted; found refused, invalid deficits[0].amount:",
        ),
    ],
)
def test_what_does_not_hold_is_shown(fund: Run, lines: str, failure: str) -> None:
    result = fund(lines + "\n")
    assert not result.ok and any(line.startswith(f"x.scn:{failure}") for line in result.lines()), result.lines()


@pytest.mark.parametrize(
    "lines",
    [
        "deficit D1 5 account A owner O losses BTC 1 at 5s -> bucket 5 (unbound)\nt 5s\ntop_up T1 1 layer bucket at 6s",
        "deficit D1 5 losses none\nevents -> 1",
        "inflow I1 yield 20 -> shared 20.00\nmoney_in -> 620",
        "deficit D1 950 losses none -> shared 300, severity 650\nsettle D1 -> carried 650\ncarried D1 -> 650",
        "deficit D1 950 account A losses none\nsettle D1 id S1 haircut W 1.25 lots 3 market ETH owner O how adl_money"
        " -> haircut D1 1.25, carried D1 648.75\ncarried A -> 648.75",
        "t 1h\nrestart\ndeficit D1 5 losses none at 1s\nevents -> 1",
    ],
)
def test_statements_that_hold(fund: Run, lines: str) -> None:
    assert fund(lines + "\n").lines() == []


@pytest.mark.parametrize(
    ("lines", "wanted", "found"),
    [
        ("deficet D1 5 -> shared 5", "one of the statements", "'deficet'"),
        ("deficit D1 5 -> shared 5", "`losses MARKET AMOUNT ...` or `losses none`", "no `losses`"),
        ("deficit D1 5 losses -> shared 5", "markets and losses", "the end of the clause"),
        ("deficit D1 5 losses BCT 5 -> shared 5", "a market of the design: BTC, ETH", "'BCT'"),
        ("deficit D1 5 acount A -> shared 5", "a clause:", "'acount'"),
        ("deficit D1 5 account A account B -> shared 5", "`account` once", "it twice"),
        ("deficit D!1 5 -> shared 5", "a deficit id", "'D!1'"),
        ("deficit D1 5.123 losses none -> shared 5", "the deficit: at most 2 decimals", "'5.123'"),
        ("deficit D1 5 losses none -> sharde 5", "a layer of the design, `severity` or an answer", "'sharde'"),
        ("deficit D1 5 losses none -> shared 5 severity 1", "the end of the statement, or a comma", "'severity'"),
        ("deficit D1 5 losses none -> shared 5 (capcity)", "one of capacity, event_limit", "'capcity'"),
        ("deficit D1 5 losses none -> shared 5, shared 6", "each thing once", "shared 6 again"),
        ("deficit D1 5 losses none -> duplicate, shared 5", "either an answer or amounts", "both"),
        ("deficit D1 5 losses none -> refused", "`refused` and 1 to 4 words", "0"),
        ("deficit D1 5 losses none -> duplicate, conflict", "one answer", "conflict too"),
        ("deficit D1 5 losses none -> nothing mves", "`nothing moves`", "'mves'"),
        ("deficit D1 5 losses none ->", "something behind the arrow", "nothing"),
        ("batch B1 -> nothing moves", "indented lines `deficit ...`", "none"),
        ("batch B1\n  deficit D1 5 losses none at 5 -> shared 5", "the time of a batch", "`at` on a deficit"),
        ("batch B1\n  deficit D1 5 losses none -> duplicate", "amounts; an answer", "an answer"),
        ("batch B1\n  inflow D1 5 -> shared 5", "under a batch lines", "'inflow'"),
        ("batch B1 -> shared 5\n  deficit D1 5 losses none", "an answer; amounts stand", "'shared'"),
        ("inflow I1 surcharg 5 -> shared 5", "a source: surcharge", "'surcharg'"),
        ("top_up I1 5 layer nowhere -> shared 5", "a layer of the design", "'nowhere'"),
        ("inflow I1 yield 5 -> excess tresury 5", "a receiver: stakers", "'tresury'"),
        ("settle B1 haircut W -> carried 0", "the haircut", "the end of the statement"),
        ("settle B1 haircut W 5 how adk -> carried 0", "a way to pay: adl", "'adk'"),
        ("t 5s\nt 4s\nevents -> 0", "a time not before 5000 ms", "4000 ms"),
        ("t soon\nevents -> 0", "a time in ms, or with a unit", "'soon'"),
        ("t 5 -> nothing moves", "no expectation", '"->"'),
        ("carried\nevents -> 0", '"->" and what carried is expected to be', "no arrow"),
        ("carried -> ", "a figure behind the arrow", "nothing"),
        ("paid_out trader -> 5", "a receiver: stakers", "'trader'"),
        ("layer shared -> blance 5", "a figure of a layer: balance", "'blance'"),
        ("account A -> cash 5", "one of the statements", "'account'"),
    ],
)
def test_problems_are_located(refuse: Refuse, lines: str, wanted: str, found: str) -> None:
    problems = refuse(FUND + lines + "\n")
    assert [(p.file, 10 <= p.line <= 11) for p in problems] == [("x.scn", True)]
    assert problems[0].wanted.startswith(wanted) and problems[0].found.startswith(found), problems[0]


def test_all_problems_of_a_file_are_found_at_once(refuse: Refuse) -> None:
    problems = refuse(FUND + "deficit D1 x -> shared 5\ninflow I1 yield y -> shared 5\nevents -> z\n")
    assert [p.line for p in problems] == [10, 11, 12]
