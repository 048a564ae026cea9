"""Lines become statements; what is not a line of the language is a problem with its place."""

from pathlib import Path

import pytest

from seawall.design.errors import BadInput
from seawall.scenario.parse import Item, parse_scenario, read_scenario, time_ms
from tests.scenario.conftest import FUND, Refuse

HEAD = "title T\nspec 6, I3\ndriver fund, ledger\n"


def statements(lines: str) -> list[object]:
    scenario = parse_scenario(HEAD + lines, "x.scn", Path("x.scn"))
    return [(s.line, s.words, s.expected and [str(item) for item in s.expected]) for s in scenario.statements]


def test_head_is_read() -> None:
    scenario = parse_scenario(HEAD.replace("title T", "title\tOne, two: # three") + "a -> b", "x.scn", Path("x.scn"))
    assert (scenario.title, scenario.spec, scenario.drivers) == ("One, two:", ("6", "I3"), ("fund", "ledger"))


def test_statement_comment_and_empty_line() -> None:
    assert statements("\n# nothing\ndeficit  D1\t450 # why\n  # nothing\nx -> y 1, z 2 (a b)\n") == [
        (6, ["deficit", "D1", "450"], None),
        (8, ["x"], ["y 1", "z 2 (a b)"]),
    ]


def test_commas_in_front_of_the_arrow_are_only_for_the_eye() -> None:
    assert statements("deficit D1 5 losses BTC 5, ETH 3 -> a 1") == [
        (4, ["deficit", "D1", "5", "losses", "BTC", "5", "ETH", "3"], ["a 1"])
    ]


@pytest.mark.parametrize(
    "lines",
    [
        "x 1 -> a 1, b 2, c 3",
        "x 1 -> a 1,\n  b 2, c 3",
        "x 1\n  -> a 1\n  -> b 2, c 3",
        "x 1\n-> a 1, b 2\n\tc 3",
        "x\n  1\n  -> a 1, b 2\n\n  c 3",
        "x 1 ->\n  a 1, b 2\n  c 3",
    ],
)
def test_indented_lines_go_on(lines: str) -> None:
    assert statements(lines) == [(4, ["x", "1"], ["a 1", "b 2", "c 3"])]


def test_lines_under_a_step_are_expectations() -> None:
    assert statements("step BTC 80\n  a 1, b 2\n  c 3") == [(4, ["step", "BTC", "80"], ["a 1", "b 2", "c 3"])]


def test_a_batch_holds_its_deficits() -> None:
    text = HEAD + "batch B1 -> nothing moves\n  deficit D1 1 -> a 1,\n    b 2\n  deficit D2 2\n    -> c 3\n"
    (batch,) = parse_scenario(text, "x.scn", Path("x.scn")).statements
    assert [(c.line, c.what, c.expected) for c in batch.children] == [
        (5, "batch B1 deficit D1", [Item(5, ("a", "1")), Item(6, ("b", "2"))]),
        (7, "batch B1 deficit D2", [Item(8, ("c", "3"))]),
    ]
    assert batch.expected == [Item(4, ("nothing", "moves"))]


def test_withdrawals_of_a_batch_are_statements_of_their_own() -> None:
    text = HEAD + "withdraw_batch at 5s\n  withdraw W1 A 1 -> a 1\n  withdraw W2 B 2\n    -> c 3\n"
    (batch,) = parse_scenario(text, "x.scn", Path("x.scn")).statements
    assert [(c.line, c.words, c.expected) for c in batch.children] == [
        (5, ["withdraw", "W1", "A", "1"], [Item(5, ("a", "1"))]),
        (6, ["withdraw", "W2", "B", "2"], [Item(7, ("c", "3"))]),
    ]


def test_mechanisms_are_numbers() -> None:
    scenario = parse_scenario(HEAD + "mechanism 3, 14 20\nx -> a 1", "x.scn", Path("x.scn"))
    assert scenario.mechanisms == (3, 14, 20)
    with pytest.raises(BadInput) as caught:
        parse_scenario(HEAD + "mechanism ADL, 3\nx -> a 1", "x.scn", Path("x.scn"))
    assert [(p.field, p.found, p.line) for p in caught.value.problems] == [("mechanism", "'ADL'", 4)]


def test_a_design_line_with_an_arrow_is_an_assertion() -> None:
    scenario = parse_scenario(HEAD + "layer a kind shared_fund\nlayer a -> balance 3\n", "x.scn", Path("x.scn"))
    assert [s.line for s in scenario.design] == [4] and [s.line for s in scenario.statements] == [5]


@pytest.mark.parametrize(
    ("lines", "line", "wanted", "found"),
    [
        ("x 1,000 -> a 1", 4, "a comma between two items", "'1,0'"),
        ("x -> a -> b", 4, 'one "->"', "another"),
        ("x → a 1", 4, '"->" in front', "'→'"),
        ("  x -> a", 4, "a statement above", "none"),
        ("-> a", 4, "a statement above", "none"),
        ("step BTC 80\n  a -> b", 5, '"->" in front of the expectations', "'a'"),
        ("x -> a (b", 4, "brackets in pairs", "'a (b'"),
        ("x -> a (b (c))", 4, "brackets in pairs", "'a (b (c))'"),
        ("x -> a 1\nasset USDC decimals 0", 5, "the design before anything happens", "a line of the design"),
        ("title again\nx -> a", 4, "one line `title`", "another on line 1"),
        ("x 1", 0, "at least one expectation", "none"),
    ],
)
def test_problems_have_a_place(lines: str, line: int, wanted: str, found: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_scenario(HEAD + lines, "x.scn", Path("x.scn"))
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("x.scn", line)
    assert problem.wanted.startswith(wanted) and problem.found == found


def test_every_problem_of_the_head_is_named(refuse: Refuse) -> None:
    problems = refuse("driver fnud\nx -> a 1\n")
    assert [p.field for p in problems] == ["title", "spec", "driver"]
    assert problems[-1].line == 1 and "fund, venue, kernel, ledger, contract" in problems[-1].wanted
    assert problems[-1].hint == 'did you mean "fund"?'


def test_a_driver_of_a_later_version_is_known_but_not_here(refuse: Refuse) -> None:
    (problem,) = refuse(FUND.replace("driver  fund", "driver contract") + "events -> 0\n")
    assert problem.field == "driver" and problem.wanted == "one that this version has: fund, venue, kernel, ledger"


@pytest.mark.parametrize(
    ("text", "ms"),
    [("0", 0), ("86300s", 86_300_000), ("5ms", 5), ("1min", 60_000), ("24h", 86_400_000), ("1d", 86_400_000)],
)
def test_times(text: str, ms: int) -> None:
    assert time_ms(text) == ms


@pytest.mark.parametrize("text", ["", "01", "-1", "1.5s", "1m", "1 s", "s", "١s"])
def test_not_times(text: str) -> None:
    assert time_ms(text) is None


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.scn").write_bytes(b"title x\nspec \xe9\n")
    for name, found in (("none.scn", "no such file"), (".", "a directory"), ("latin.scn", "byte 0xe9")):
        with pytest.raises(BadInput) as caught:
            read_scenario(tmp_path / name)
        assert caught.value.problems[0].found == found
    assert caught.value.problems[0].line == 2


def test_a_byte_order_mark_and_other_line_ends_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x.scn").write_bytes(b"\xef\xbb\xbf" + (HEAD + "x 1 -> a 1\n").replace("\n", "\r\n").encode())
    assert read_scenario(tmp_path / "x.scn").title == "T"
