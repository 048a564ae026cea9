"""Venue statements: what each may say, and how what does not hold is shown. The figures are held by tests/scenarios."""

import pytest

from tests.scenario.conftest import VENUE, Refuse, Run

STEP = "step BTC 95"


@pytest.mark.parametrize(
    "lines",
    [
        f"{STEP} -> liquidated A, sold A BTC 6 for 564, waiting A, nothing else",
        f"{STEP} -> liquidated A, sold A BTC 6 at 94, waiting A, nothing else",
        f"{STEP}\n  sold A BTC 6\n  waiting A, mark BTC 95, rounds 1, nobody induced, surcharge A 0",
        f"{STEP} at 5s\naccount A -> cash 24 lots BTC 4 equity 4, margin 19, cost BTC 400, profit BTC -20, fees 0",
        f"{STEP}\nwaiting -> A\noutside BTC -> lots 0\noutside -> cash -564\nmark BTC -> 95\nlayers -> 20",
        "step BTC 100 -> nothing happens, nobody liquidated, nobody waiting\nwaiting -> nobody",
    ],
)
def test_statements_that_hold(venue: Run, lines: str) -> None:
    assert venue(lines + "\nevents -> 0\n").lines() == []


@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        (f"{STEP} -> sold A BTC 5 for 564", "step 1: wanted sold A BTC 5 for 564; found sold A BTC 6 for 564"),
        (f"{STEP} -> sold A BTC 6 at 93", "step 1: wanted sold A BTC 6 for 558; found sold A BTC 6 for 564"),
        (f"{STEP} -> bankruptcy A BTC 95", "step 1: wanted bankruptcy A BTC 95; found bankruptcy A BTC 94"),
        (f"{STEP} -> bankruptcy B BTC 95", "step 1: wanted bankruptcy B BTC 95; found nothing"),
        (f"{STEP} -> liquidated B", "step 1: wanted liquidated B; found nothing"),
        (f"{STEP} -> liquidated B", "step 1: wanted nothing that is not stated; found liquidated A"),
        (f"{STEP} -> sold A BTC 6, nothing else", "step 1: wanted nothing that is not stated; found liquidated A"),
        (f"{STEP} -> nobody liquidated", "step 1: wanted nobody liquidated; found A liquidated"),
        (f"{STEP} -> nothing happens", "step 1: wanted nothing happens; found rounds 1"),
        (f"{STEP} -> stale BTC", "step 1: wanted stale BTC; found nothing"),
        (f"{STEP} -> severity A 5", "step 1: wanted severity A 5; found nothing"),
        (f"{STEP}\nwaiting -> nobody", "waiting: wanted nobody; found A"),
        (f"{STEP}\nwaiting -> B", "waiting: wanted B; found A"),
        (f"{STEP}\naccount A -> cash 25", "account A: wanted cash 25; found cash 24"),
        (f"{STEP}\naccount A -> lots BTC 5", "account A: wanted lots BTC 5; found lots BTC 4"),
        (f"{STEP}\nmark BTC -> 94", "mark BTC: wanted 94; found 95"),
        ("mark BTC -> 94", "mark BTC: wanted 94; found no such thing"),
        ("outside BTC -> lots 1", "outside BTC: wanted lots 1; found lots -6"),
        ("carried A -> 0", "carried A: wanted 0; found no such thing"),
    ],
)
def test_what_does_not_hold_is_shown(venue: Run, lines: str, failure: str) -> None:
    result = venue(lines + "\nevents -> 0\n")
    assert any(line.partition(" ")[2] == failure for line in result.lines()), result.lines()


@pytest.mark.parametrize(
    ("lines", "wanted", "found"),
    [
        ("deficit D1 5 -> shared 5", "one of the statements", "'deficit'"),
        ("account A cash 5 -> cash 5", "the end of the statement", "'cash'"),
        ("account A cash 5\nevents -> 0", "each account once", "A again"),
        ("account C cash 5 long 0 BTC at 100\nevents -> 0", "one position a market", "0 BTC"),
        ("account C long 5 BTC at 100 short 5 BTC at 100\nevents -> 0", "one position a market", "5 BTC"),
        ("account C long 5 BTC at 100.5\nevents -> 0", "a positive price in whole ticks of 1", "'100.5'"),
        ("account C long 5 BTC for 100\nevents -> 0", "the entry: at, cost", "'for'"),
        ("account C long 5 BTC at 0\nevents -> 0", "a positive price", "'0'"),
        (f"{STEP} -> liquidatd A", "an expectation: liquidated", "'liquidatd'"),
        (f"{STEP} -> liquidated C", "an account of the book: A, B", "'C'"),
        (f"{STEP} -> liquidated A, A", "each thing once", "A again"),
        (f"{STEP} -> sold A BTC 5 of 3", "`for` an amount or `at` a price", "'of'"),
        (f"{STEP} -> drawn shared 5 (capcity)", "one of capacity", "'capcity'"),
        (f"{STEP} -> haircut B 5 (adk)", "one of adl, adl_money, socialised_loss, gains_haircut", "'adk'"),
        (f"{STEP} -> nobody stale", "whom: liquidated, waiting, induced", "'stale'"),
        (f"{STEP} -> nothing at all", "what about it: else, happens", "'at'"),
        (f"{STEP} ->", "something behind the arrow", "nothing"),
        ("step BTC 95 BTC 96 -> nothing happens", "each market once", "BTC again"),
        ("step XRP 95 -> nothing happens", "a market of the design: BTC", "'XRP'"),
        (f"{STEP}\naccount C cash 5\nevents -> 0", "every account before anything happens", "an account behind it"),
        (f"{STEP}\naccount A -> cush 5", "a figure of an account: cash", "'cush'"),
        (f"{STEP}\noutside -> lots 5", "a figure of the outside book: cash", "'lots'"),
        ("waiting\nevents -> 0", '"->" and what waiting is expected to be', "no arrow"),
        (f"{STEP} at 5s\n{STEP} at 4s -> nothing happens", "a time not before 5000 ms", "4000 ms"),
    ],
)
def test_problems_are_located(refuse: Refuse, lines: str, wanted: str, found: str) -> None:
    problems = refuse(VENUE + lines + "\n")
    assert [(p.file, 11 <= p.line <= 12) for p in problems] == [("x.scn", True)]
    assert problems[0].wanted.startswith(wanted) and problems[0].found.startswith(found), problems[0]


def test_a_ladder_in_ppm_is_of_the_first_price_of_the_scenario(venue: Run, run: Run) -> None:
    # 1 % of the first price, 100: one tick away, at 95 as well
    text = VENUE.replace("depth   BTC bids 1x6", "depth BTC distance ppm bids 10000x6")
    assert run(text + "step BTC 100\nstep BTC 95 -> sold A BTC 6 at 94\n").lines() == []


def test_restart_begins_again_with_the_same_book(venue: Run) -> None:
    again = f"{STEP} at 7s -> sold A BTC 6 at 94\naccount A -> lots BTC 4\n"
    assert venue(f"{again}restart\naccount A -> lots BTC 10\n{again}").lines() == []


# -- what takeovers, collateral, funding and withdrawals add ---------------------------------------------------------

MORE = """\
title   A scenario of a test
spec    4
driver  venue
asset   USDC decimals 0
market  BTC
market  GOLD kind collateral
market  XBT kind inverse_perp
layer   shared kind shared_fund balance 20
layer   lp kind vault balance 500
takeover lp when unsold
exhaustion carry
depth   BTC bids 1x6
account A cash 60 long 10 BTC at 100
account B cash 500 short 4 BTC at 100
account C cash 90 holds 5 GOLD
"""
"""Fifteen lines: what a test adds begins on line 16. At 95 A sells 6 at 94, the vault takes 4."""


@pytest.mark.parametrize(
    "lines",
    [
        f"{STEP} -> sold A BTC 6 at 94, taken A BTC 4 by lp at 95, liquidated A, residual A 4, nothing else",
        f"{STEP} -> taken A BTC 4 by lp for 380, rounding 0, overshoot 0\n"
        "inventory lp BTC -> lots 4 cost 380, profit 0",
        f"{STEP}\nstep BTC 94 -> unwound lp BTC 4 at 93, realised lp BTC -8, nothing else\nlayer lp -> balance 492",
        "step BTC 100 GOLD 3\naccount C -> equity 105, lots GOLD 5\nwithdraw W1 C 106 -> paid 90, haircut 0",
        "withdraw W1 C 1 -> refused stale\ndeposit P1 C 5 -> cash 95\ndeposit P1 C 5 -> duplicate\ndeposited -> 5",
        "step BTC 100 GOLD 3\nwithdraw_batch at 5s\n  withdraw W1 C 60 -> paid 60, haircut 0\n"
        "  withdraw W2 C 60 -> paid 30, haircut 0\n"
        "withdrawn -> 90\nsettled -> nobody\nopen_loss -> 0\nrounding -> 0",
        "step BTC 100\nstep BTC 100 funding BTC 10000000000 at 1h -> funding A BTC -10, funding B BTC 4,"
        " funding outside BTC 6, nothing else",
        "account D cash 5 long 3 XBT cost 9\nstep BTC 100 XBT 1\naccount D -> cost XBT -9, profit XBT 6, initial 1",
        "account D owner O cash 5\naccount D -> owed 0, initial 0\naccount A -> cost BTC 1000",
    ],
)
def test_statements_of_the_rest_that_hold(run: Run, lines: str) -> None:
    assert run(MORE + lines + "\nlayers -> 520\n" * ("balance 492" not in lines)).lines() == []


@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        (f"{STEP} -> taken A BTC 4 by shared at 95", "step 1: wanted taken A BTC 4 by shared for 380; found nothing"),
        (
            f"{STEP} -> sold A BTC 6, nothing else",
            "step 1: wanted nothing that is not stated; found taken A BTC 4 by lp for",
        ),
        (f"{STEP} -> torn_up BTC at 95", "step 1: wanted torn_up BTC at 95; found nothing"),
        (f"{STEP} -> funding A BTC 1", "step 1: wanted funding A BTC 1; found nothing"),
        (f"{STEP} -> recourse A from B 5", "step 1: wanted recourse A from B 5; found nothing"),
        (f"{STEP} -> ended A BTC 5 realised 5", "step 1: wanted ended A BTC 5 realised 5; found nothing"),
        (f"{STEP} -> closed_against A BTC 5 at 95", "step 1: wanted closed_against A BTC 5 at 95; found nothing"),
        (f"{STEP}\ninventory lp BTC -> lots 5", "inventory lp: wanted lots 5; found lots 4"),
        ("inventory lp BTC -> profit 5", "inventory lp: wanted profit 5; found profit no such thing"),
        ("settled -> BTC", "settled: wanted BTC; found nobody"),
        ("deposit P1 C 5 -> cash 96", "deposit P1: wanted cash 96; found cash 95"),
        ("withdraw W1 C 5\nevents -> 0", "withdraw W1: wanted accepted; found refused, state account:"),
        ("withdraw W1 C 5 -> paid 5", "withdraw W1: wanted paid 5; found refused, state account:"),
        ("withdraw W1 C 5 -> refused shut", "withdraw W1: wanted refused shut; found refused, state account:"),
        ("deposit P1 C 5 -> duplicate", "deposit P1: wanted duplicate; found accepted"),
    ],
)
def test_what_does_not_hold_of_the_rest_is_shown(run: Run, lines: str, failure: str) -> None:
    result = run(MORE + lines + "\nlayers -> 520\n")
    assert any(line.partition(" ")[2].startswith(failure) for line in result.lines()), result.lines()


@pytest.mark.parametrize(
    ("lines", "wanted", "found"),
    [
        ("account D long 5 GOLD at 3\nevents -> 0", "`holds` of collateral", "`long` 5 GOLD"),
        ("account D holds 5 BTC\nevents -> 0", "`holds` of collateral", "`holds` 5 BTC"),
        ("account lp cash 5\nevents -> 0", "an account id that is no layer's", "'lp'"),
        ("account outside cash 5\nevents -> 0", "an account id that is no layer's", "'outside'"),
        ("step BTC 95 funding BTC 5 BTC 6 -> nothing happens", "each market once", "BTC again"),
        ("step BTC 95 funding BTC 1.5 -> nothing happens", "a rate of funding in 10^-12", "'1.5'"),
        ("step XBT 95 -> deleveraged A XBT 5 at 95", "`for` an amount", "`at`"),
        ("step BTC 95 -> funding D BTC 5", "an account, a layer or `outside`", "'D'"),
        ("withdraw_batch -> duplicate", "what is expected on the lines", '"->"'),
        ("withdraw_batch\nevents -> 0", "indented lines `withdraw ...`", "none"),
        ("withdraw_batch\n  withdraw W1 A 5 at 5s -> paid 5", "the time of withdrawals", "'at'"),
        ("withdraw W1 D 5 -> paid 5", "an account of the book", "'D'"),
        ("withdraw W1 A 5 -> pays 5", "an expectation: paid", "'pays'"),
        ("inventory shared -> lots 5", "a market of the design", "the end of the statement"),
        ("settled -> nowhere", "a market of the design", "'nowhere'"),
    ],
)
def test_problems_of_the_rest_are_located(refuse: Refuse, lines: str, wanted: str, found: str) -> None:
    problems = refuse(MORE + lines + "\n")
    assert problems[0].wanted.startswith(wanted) and problems[0].found.startswith(found), problems[0]
