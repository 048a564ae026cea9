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
        (f"{STEP} -> haircut B 5 (adk)", "one of adl, adl_money, socialised_loss in brackets", "'adk'"),
        (f"{STEP} -> nobody stale", "whom: liquidated, waiting, induced", "'stale'"),
        (f"{STEP} -> nothing at all", "what about it: else, happens", "'at'"),
        (f"{STEP} ->", "something behind the arrow", "nothing"),
        ("step BTC 95 BTC 96 -> nothing happens", "each market once", "BTC again"),
        ("step XRP 95 -> nothing happens", "a market of the design: BTC", "'XRP'"),
        (f"{STEP}\naccount C cash 5\nevents -> 0", "every account before the first step", "an account behind it"),
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
