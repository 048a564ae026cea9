"""Wanted beside found: what has to be stated, what may be left out."""

from seawall.scenario.checks import Fact, compare


def fact(kind: str, *key: str, units: int | None = None, note: str | None = None) -> Fact:
    text = " ".join([kind, *key, *([] if units is None else [str(units)])]) + (f" ({note})" if note else "")
    return Fact(kind, key, () if units is None else (units,), text, note, line=7)


def verdicts(wanted: list[Fact], found: list[Fact], complete: set[str]) -> list[tuple[str, str, bool]]:
    return [(check.wanted, check.found, check.ok) for check in compare("it", 3, wanted, found, complete)]


def test_equal_facts_hold_and_others_do_not() -> None:
    found = [fact("draw", "a", units=5, note="capacity")]
    assert verdicts([fact("draw", "a", units=5)], found, {"draw"}) == [("draw a 5", "draw a 5 (capacity)", True)]
    assert verdicts([fact("draw", "a", units=6)], found, {"draw"}) == [("draw a 6", "draw a 5 (capacity)", False)]
    assert verdicts([fact("draw", "a", units=5, note="x")], found, {"draw"})[0][2] is False


def test_what_did_not_happen_is_nothing() -> None:
    assert verdicts([fact("draw", "a", units=5)], [], {"draw"}) == [("draw a 5", "nothing", False)]
    assert verdicts([fact("draw", "a", units=0)], [], {"draw"}) == [("draw a 0", "nothing", True)]
    assert verdicts([fact("draw", "a", units=0, note="capacity")], [], {"draw"})[0][2] is False
    assert verdicts([fact("liquidated", "a")], [], {"liquidated"})[0][2] is False


def test_what_happened_has_to_be_stated_in_a_complete_kind() -> None:
    found = [fact("draw", "a", units=5), fact("draw", "b", units=0), fact("other", "c", units=9)]
    assert verdicts([], found, {"draw"}) == [("nothing that is not stated", "draw a 5", False)]
    assert verdicts([], found, set()) == []
    assert verdicts([], [fact("liquidated", "a")], {"liquidated"})[0][2] is False


def test_a_check_stands_at_the_line_of_its_expectation() -> None:
    checks = compare("it", 3, [fact("draw", "a", units=5)], [fact("draw", "b", units=5)], {"draw"})
    assert [check.line for check in checks] == [7, 3]
