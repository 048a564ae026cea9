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
        ("batch B1 -> shared 5\n  deficit D1 5 losses none", "an answer, or `nothing moves`; amounts", "'shared'"),
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


# -- what layers without money, measures, drawdowns and stakers add ------------------------------------------------

MORE = """\
title   A scenario of a test
spec    6
driver  fund
asset   USDC decimals 2
market  BTC
layer   old kind market_bucket market BTC balance 10
layer   shared kind shared_fund balance 100 target_of cover_2 refill_ms 1h draw_mode block
layer   pool kind revenue_pool
layer   stakers kind tranche
staking stakers cooldown_ms 1h window_ms 1h
commission_share_ppm 1000000
revenue_pool pool to shared period_ms 1h
exhaustion gains_haircut
"""
"""Thirteen lines: what a test adds begins on line 14."""


@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        ("deficit D1 120 -> waits, old 10", "14 deficit D1: wanted old 10; found nothing"),
        ("deficit D1 50 -> waits", "14 deficit D1: wanted waits; found nothing"),
        ("deficit D1 120 -> shared 100", "14 deficit D1: wanted shared 100; found refused, state deficits[0]:"),
        ("deficit D1 120\nevents -> 0", "14 deficit D1: wanted accepted; found refused, state deficits[0]:"),
        ("batch B1\n  deficit D1 120 -> waits\n  deficit D2 5 -> waits", "16 batch B1 deficit D2: wanted waits; found"),
        ("migrate old shared -> shared 9", "14 migrate old: wanted shared 9; found shared 10"),
        ("migrate old shared -> from old 10", "14 migrate old: wanted nothing that is not stated; found shared 10"),
        ("release R1 -> shared 5", "14 release R1: wanted shared 5; found refused, state kind:"),
        ("measure cover_2 5\nmeasure cover_2 -> 6", "15 measure cover_2: wanted 6; found 5"),
        ("measure cover_2 -> 6", "14 measure cover_2: wanted 6; found no such thing"),
        ("layer shared -> available 99", "14 layer shared: wanted available 99; found available 100"),
        ("layer shared -> target 99", "14 layer shared: wanted target 99; found target no such thing"),
        ("measure cover_2 200\noverdue -> shared", "15 overdue: wanted shared; found nobody"),
        ("measure cover_2 200\nbelow_target -> nobody", "15 below_target: wanted nobody; found shared"),
        ("shut -> shared", "14 shut: wanted shared; found nobody"),
        (
            "inventory shared open_loss 5\nlayer shared -> available 96",
            "15 layer shared: wanted available 96; found avail",
        ),
        ("stake stakers A 5 -> shares 4", "14 stake stakers: wanted shares 4; found shares 5"),
        ("stake stakers A 5 -> shares 5", "14 stake stakers: wanted nothing that is not stated; found taken 5"),
        ("stake stakers A 5\nstaker stakers A -> value 4", "15 staker stakers: wanted value 4; found value 5"),
        ("tranche stakers -> series 2", "14 tranche stakers: wanted series 2; found series 1"),
        ("request stakers A 5 id R\nevents -> 0", "14 request stakers: wanted accepted; found refused, state shares:"),
    ],
)
def test_what_does_not_hold_of_the_rest_is_shown(run: Run, lines: str, failure: str) -> None:
    result = run(MORE + lines + "\n")
    assert not result.ok and any(line.startswith(f"x.scn:{failure}") for line in result.lines()), result.lines()


@pytest.mark.parametrize(
    "lines",
    [
        "deficit D1 120 losses none -> waits\nbatch B1\n  deficit D2 120 -> waits\n  deficit D3 140 -> waits\n"
        "events -> 0",
        "measure cover_2 5\nmeasure cover_2 5\nevents -> 2\n"
        "measure cover_2 6 id M\nmeasure cover_2 6 id M -> duplicate",
        "inventory shared\ninventory shared maintenance 1.25\n"
        "layer shared -> maintenance 1.25, notional 0\nevents -> 2",
        "inflow C1 commission 5 -> pool 5\nrelease R1 at 1h -> from pool 5, shared 5\nrelease R1 -> duplicate",
        "top_up T1 50 layer stakers -> refused nobody_staked",
        "stake stakers A 5 id S\nstake stakers A 6 id S -> conflict amount\ntop_up T1 5 layer stakers -> stakers 5\n"
        "request stakers A 4 id R\nredeem R amount 4 at 1h -> paid 4, burnt 2, left 0\n"
        "redeem R -> refused not_enough_shares",
        "migrate shared old -> refused market_bucket\ninventory nowhere -> refused layer\n"
        "stake old A 5 -> refused tranche",
        "deficit D1 50 losses none\nlayer shared -> available 50 moved_out 0, commitment 0\ncalled -> 0\nheld -> 0",
    ],
)
def test_statements_of_the_rest_that_hold(run: Run, lines: str) -> None:
    assert run(MORE + lines + "\nheld -> 0\n").lines() == []


@pytest.mark.parametrize(
    ("lines", "wanted", "found"),
    [
        ("inflow I1 residual 5 parts trader 5 -> shared 5", "a receiver: fund, treasury, vault", "'trader'"),
        ("inflow I1 residual 5 parts fund 5 parts fund 5 -> shared 5", "`parts` once", "it twice"),
        ("measure cover_2 5 -> balance 5", "an answer, or `nothing moves`", "'balance'"),
        ("inventory shared cash 5 -> duplicate", "a clause: at, id", "'cash'"),
        ("overdue -> nowhere", "a layer of the design: old", "'nowhere'"),
        ("overdue ->", "names behind the arrow, or `nobody`", "nothing"),
        ("cancel R -> freed 5", "a request that is stated above", "'R'"),
        ("stake stakers A 5 -> share 5", "an expectation: shares", "'share'"),
        ("staker shared A -> shares 5", "a tranche that states how stakers come and go", "'shared'"),
        ("staker stakers A -> shares", "shares", "the end of the statement"),
        ("tranche stakers -> serie 1", "a figure of a tranche: assets", "'serie'"),
        ("inflow I1 yield 5 -> lender nowhere 5", "a layer of the design", "'nowhere'"),
    ],
)
def test_problems_of_the_rest_are_located(refuse: Refuse, lines: str, wanted: str, found: str) -> None:
    (problem,) = refuse(MORE + lines + "\n")
    assert problem.line == 14 and problem.wanted.startswith(wanted) and problem.found == found, problem
