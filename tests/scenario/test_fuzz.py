"""Whatever stands in a file, it is run or refused with its place: nothing else comes out, and no invariant breaks."""

from pathlib import Path

from hypothesis import given, strategies as st

from seawall.design.errors import BadInput
from seawall.scenario.parse import parse_scenario
from seawall.scenario.run import ScenarioResult, run_parsed
from tests.scenario.conftest import FUND, VENUE

WORDS = st.sampled_from(
    """deficit batch inflow top_up settle lapse close_market t restart account step layer carried pending paid_out
    events outside mark waiting design set unset market asset depth exhaustion preset small-perp D1 D2 B1 A B W1 bucket
    shared layers.shared.balance BTC ETH USDC 0 1 5 450 1.5 -3 99999999999999999999999999999999999999 60s 1d 5x3 at
    owner losses none account cash long short cost haircut how adl id surcharge yield commission treasury excess for
    stakers severity repaid duplicate conflict refused nothing moves else happens liquidated sold bought crossed
    migrate release measure inventory inventory_loss stake request cancel redeem transfer reward recover take_claims
    lapse_requests staker tranche withdraw withdraw_batch deposit funding holds taken by unwound realised closed_against
    torn_up settled ended recourse from parts partial waits overdue shut below_target available target
    (capacity) (too old) balance lots equity fees nobody drawn credited closed deleveraged rounds , -> # ( )""".split()  # noqa: SIM905
)
SOUP = st.lists(st.tuples(st.sampled_from(["", "", "", "  "]), st.lists(WORDS, min_size=1, max_size=9).map(" ".join)))
SOUP_LINES = SOUP.map(lambda lines: "\n".join(indent + words for indent, words in lines[:6]))

IDS, MARKETS = st.sampled_from(["D1", "D2", "D3", "B1"]), st.sampled_from(["BTC", "ETH"])
AMOUNTS = st.sampled_from(["0", "0.01", "1", "7.5", "99.99", "450", "1000000000000000000000000000000", "-1"])
STAKERS, REQUESTS = st.sampled_from(["A", "C"]), st.sampled_from(["R1", "R2"])
SOURCES = st.sampled_from(["surcharge", "commission", "residual", "top_up", "yield", "recovery"])
FUND_LINE = st.one_of(
    st.builds("deficit {} {} losses {} {}".format, IDS, AMOUNTS, MARKETS, AMOUNTS.filter(lambda a: a != "-1")),
    st.builds("batch {}\n  deficit {} {} losses none\n  deficit X {} losses BTC 1".format, IDS, IDS, AMOUNTS, AMOUNTS),
    st.builds("inflow {} {} {} market {}".format, IDS, SOURCES, AMOUNTS, MARKETS),
    st.builds("settle {} haircut W {} haircut V {}".format, IDS, AMOUNTS, AMOUNTS),
    st.builds("lapse {}".format, IDS),
    st.builds("close_market {}".format, MARKETS),
    st.builds("migrate bucket {}".format, st.sampled_from(["shared", "bucket", "stakers", "line"])),
    st.builds("measure cover_2 {}".format, AMOUNTS),
    st.builds("inventory shared maintenance {} open_loss {}".format, AMOUNTS, AMOUNTS),
    st.builds("inventory_loss {} {} {}".format, st.sampled_from(["shared", "stakers", "line"]), MARKETS, AMOUNTS),
    st.builds("stake stakers {} {}".format, STAKERS, AMOUNTS),
    st.builds("request stakers {} {} id {}".format, STAKERS, AMOUNTS, REQUESTS),
    st.builds("transfer stakers {} C {}".format, STAKERS, AMOUNTS),
    st.builds("reward stakers {}".format, AMOUNTS),
    st.builds("recover {} {}".format, IDS, AMOUNTS),
    st.builds("take_claims stakers {}".format, STAKERS),
    st.sampled_from(["t 1min", "t 1h", "restart"]),
)
SIDES = st.sampled_from(["long", "short"])
POSITION = st.builds("{} {} BTC at {}".format, SIDES, st.integers(1, 40), st.integers(50, 150))
ACCOUNT = st.builds("cash {} {}".format, st.integers(-200, 800), POSITION)
STEP = st.builds("step BTC {}".format, st.integers(0, 200))


def run_or_refuse(text: str) -> ScenarioResult | None:
    """What comes of a text; None where it is refused, with every problem in its place."""
    try:
        return run_parsed(parse_scenario(text, "x.scn", Path("x.scn")))
    except BadInput as error:
        problems = error.problems
    assert problems and all(problem.file and problem.wanted and problem.found for problem in problems)
    return None


def sound(result: ScenarioResult | None) -> bool:
    """Whether it was run to its end: no invariant broke, and the logs replay."""
    return result is not None and result.checks[-1].wanted == "the same state" and result.checks[-1].ok


@given(SOUP_LINES, st.sampled_from([FUND, VENUE]))
def test_words_of_the_language_in_any_order(lines: str, head: str) -> None:
    run_or_refuse(f"{head}{lines}\nevents -> 0\n")


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    run_or_refuse(text)


@given(st.integers(0, 8), SOUP_LINES)
def test_a_head_or_design_with_a_line_broken(position: int, line: str) -> None:
    lines = FUND.splitlines()
    lines[position] = line
    run_or_refuse("\n".join(lines) + "\nevents -> 0\n")


LAYERS = """\
layer   stakers kind tranche balance 50 offset 5
layer   line kind credit_line commitment 70
staking stakers cooldown_ms 1min pays_lower true reward_ms 1h
"""


@given(st.lists(FUND_LINE, max_size=8).map("\n".join))
def test_any_commands_run_to_their_end(lines: str) -> None:
    head = FUND.replace("exhaustion", f"{LAYERS}exhaustion")
    clocked = lines.replace("t 1min", "restart\nt 1min").replace("t 1h", "restart\nt 1h")  # the clock runs forwards
    assert sound(run_or_refuse(f"{head}{clocked}\nevents -> 0\n"))


@given(
    st.lists(ACCOUNT, min_size=2, max_size=6),
    st.lists(STEP, min_size=1, max_size=4).map("\n".join),
    st.sampled_from(["exhaustion carry", "exhaustion adl fallback socialised_loss", "exhaustion socialised_loss"]),
    st.sampled_from(["pro_rata_pnl", "pro_rata_lots", "queue_pnl_leverage"]),
    st.sampled_from(["0x1000", "1x6", "1x6 9x9 40x1000"]),
)
def test_any_book_and_prices_run_to_their_end(
    accounts: list[str], steps: str, policy: str, ranking: str, depth: str
) -> None:
    head = VENUE.partition("exhaustion")[0] + f"{policy} ranking {ranking}\ndepth BTC bids {depth}\n"
    book = "\n".join(f"account A{i} {account}" for i, account in enumerate(accounts))
    extras = "surcharge_ppm 20000\nresidual_split fund 400000 trader 600000\npass_through_ppm 500000\n"
    assert sound(run_or_refuse(f"{head}{extras}{book}\n{steps}\nevents -> 0\n"))
