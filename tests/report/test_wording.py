"""Wording: amounts, times, and the sentences of the verdict."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from seawall.amounts import parse_decimal
from seawall.report.wording import Currency, bound_text, count, listed, percent, utc_text, verdict_sentences
from tests.report.examples import DOCUMENT, calm, example


@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1), min_size=1), st.integers(0, 18))
def test_columns_align_and_lose_no_digit(amounts, decimals):
    texts = Currency("X", decimals).column(amounts)
    assert len({len(text.partition(".")[2]) for text in texts}) == 1
    assert [parse_decimal(text.replace(",", ""), decimals, signed=True) for text in texts if text != "-0"] == amounts


@pytest.mark.parametrize(
    ("t_ms", "text"),
    [
        (0, "1970-01-01 00:00 UTC"),
        (1_760_130_900_000, "2025-10-10 21:15 UTC"),
        (1_760_130_901_000, "2025-10-10 21:15:01 UTC"),
        (1_760_130_900_007, "2025-10-10 21:15:00.007 UTC"),
        (-1, "t = -1 ms"),
        (2**53, f"t = {2**53} ms"),
    ],
)
def test_times(t_ms, text):
    assert utc_text(t_ms) == text


def test_small_words():
    assert [percent(ppm) for ppm in (1_000_000, 933_643, 99, 0)] == ["100.00 %", "93.36 %", "0.00 %", "0.00 %"]
    assert [count(n, "deficit") for n in (0, 1, 1312)] == ["0 deficits", "1 deficit", "1,312 deficits"]
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c" and listed([]) == ""
    assert listed(list("abcdefg")) == "a, b, c and 4 more"
    assert bound_text(["capacity", "", "event_limit"]) == "capacity, event limit" and bound_text([]) == "-"


def test_the_verdict_of_every_ending():
    assert verdict_sentences(example()) == [
        "The fund is exhausted: of 13 deficits of 127,253.93 USDC in all, its layers (btc-bucket, shared and venue) "
        "covered 118,809.79 USDC, 93.36 %.",
        "Severity was 8,444.14 USDC: 44 traders paid 8,444.14 USDC through deleveraging.",
    ]
    nothing = {"adl": "0", "adl_money": "0", "socialised_loss": "0"}
    carried = verdict_sentences(example(haircuts=nothing, carried="800000", recovered="44414"))
    assert carried[1:] == [
        "Severity was 8,444.14 USDC: 8,444.14 USDC became bad debt.",
        "Later income repaid 444.14 USDC of the bad debt.",
    ]
    covered = example(drawn=DOCUMENT["deficits"]["amount"], severity="0", verdict="survives")
    assert verdict_sentences(covered) == [
        "The fund survives: 13 deficits of 127,253.93 USDC in all were covered in full by btc-bucket, shared and "
        "venue.",
        "No trader paid, and nothing is left as bad debt.",
    ]
    assert verdict_sentences(calm()) == ["The fund survives: no account ended in deficit; no layer was drawn."]


def test_mixed_severity_names_every_part():
    mixed = example(haircuts={"adl": "100", "adl_money": "0", "socialised_loss": "200"}, pending="300", carried="400")
    assert verdict_sentences(mixed)[1] == (
        "Severity was 8,444.14 USDC: 44 traders paid 1.00 USDC through deleveraging and 2.00 USDC through socialised "
        "loss; 4.00 USDC became bad debt; 3.00 USDC is still pending."
    )
