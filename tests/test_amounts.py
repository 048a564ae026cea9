"""Amounts: exact splits, directed rounding, decimal strings, ids, and money on the wire."""

import re
from fractions import Fraction
from itertools import pairwise, permutations

import msgspec
import pytest
from hypothesis import assume, example, given, strategies as st

from seawall.amounts import (
    MAX_AMOUNT,
    PPM,
    AmountError,
    Round,
    Units,
    allocate,
    check_amount,
    check_id,
    format_decimal,
    id_key,
    in_id_order,
    mul_div,
    parse_decimal,
    parse_integer,
    ppm_down,
    ppm_up,
    sha256_hex,
)
from seawall.fund.codec import decode_command, decode_hook, encode_command, encode_hook
from seawall.fund.messages import Inflow
from tests.rules.references import allocate_by_quota, allocate_by_units

WEIGHTS = st.lists(st.integers(0, 40), min_size=1, max_size=7).filter(any)
HUGE = 10**30

# --- allocate -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 200), WEIGHTS)
@example(1, [0, 1, 1])  # weight 0 comes first: no odd unit for it
@example(5, [29, 3, 30, 5])
@example(6, [29, 3, 30, 5])
def test_allocate_equals_unit_by_unit_reference(amount, weights):
    assert allocate(amount, weights) == allocate_by_units(amount, weights)


@given(st.integers(0, HUGE), st.lists(st.integers(0, HUGE), min_size=1, max_size=8).filter(any))
def test_I1_allocate_adds_up_at_any_size(amount, weights):
    shares = allocate(amount, weights)
    assert sum(shares) == amount
    assert shares == allocate_by_quota(amount, weights)


@given(st.integers(0, HUGE), st.lists(st.integers(0, HUGE), min_size=1, max_size=8).filter(any))
def test_allocate_stays_within_one_unit_of_the_quota(amount, weights):
    for share, weight in zip(allocate(amount, weights), weights):
        assert abs(share - Fraction(amount * weight, sum(weights))) < 1


@given(st.integers(0, 60), WEIGHTS)
def test_allocate_minimises_the_largest_distance_to_the_quotas(amount, weights):
    """Hamilton's method is the best whole split: no move of one unit from one claimant to another comes nearer."""
    quotas = [Fraction(amount * weight, sum(weights)) for weight in weights]
    shares = list(allocate(amount, weights))
    error = sum((share - quota) ** 2 for share, quota in zip(shares, quotas))
    for giver, taker in permutations(range(len(weights)), 2):
        if shares[giver]:
            moved = shares.copy()
            moved[giver] -= 1
            moved[taker] += 1
            assert sum((share - quota) ** 2 for share, quota in zip(moved, quotas)) >= error


def test_allocate_gives_ties_to_the_lowest_id():
    assert allocate(1, [1, 1, 1]) == (1, 0, 0)
    assert allocate(2, [1, 1, 1]) == (1, 1, 0)
    assert allocate(3, [5, 5]) == (2, 1)


def test_allocate_gives_weight_zero_nothing():
    assert allocate(15, [0, 1, 1]) == (0, 8, 7)
    assert allocate(1, [0, 0, 7]) == (0, 0, 1)


def test_allocate_is_not_monotone_in_the_amount():
    """The trap: one unit more can take a unit from a claimant. Nothing may rely on the opposite."""
    assert allocate(5, [29, 3, 30, 5]) == (2, 0, 2, 1)
    assert allocate(6, [29, 3, 30, 5]) == (3, 0, 3, 0)


@pytest.mark.parametrize(("amount", "weights"), [(1, [0, 0]), (1, []), (-1, [1]), (5, [2, -1]), (0, [-1, 1])])
def test_allocate_refuses_what_it_cannot_split(amount, weights):
    with pytest.raises(ValueError, match="allocate"):
        allocate(amount, weights)


def test_allocate_splits_nothing_into_zeros_whatever_the_weights():
    assert allocate(0, []) == ()
    assert allocate(0, [0, 0]) == (0, 0)
    assert allocate(0, [3, 4]) == (0, 0)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 1000)), min_size=1, max_size=20))
def test_errors_do_not_accumulate_with_the_number_of_splits(splits):
    """However many amounts are split one after the other, all parts add up to all amounts."""
    paid = [0, 0, 0]
    for shift, amount in splits:
        paid = [a + b for a, b in zip(paid, allocate(amount, [shift, 1, 50]))]
    assert sum(paid) == sum(amount for _, amount in splits)


# --- directed rounding --------------------------------------------------------------------------------------------

ANY = st.integers(-HUGE, HUGE)


@given(ANY, ANY, st.integers(1, HUGE))
def test_mul_div_equals_the_floor_and_ceiling_of_the_fraction(x, y, divisor):
    exact = Fraction(x * y, divisor)
    assert mul_div(x, y, divisor, Round.DOWN) == exact.__floor__()
    assert mul_div(x, y, divisor, Round.UP) == exact.__ceil__()


@pytest.mark.parametrize("divisor", [0, -1])
def test_mul_div_refuses_a_divisor_that_is_not_positive(divisor):
    with pytest.raises(ValueError, match="divisor"):
        mul_div(1, 1, divisor, Round.DOWN)


@given(st.integers(0, HUGE), st.integers(0, PPM))
def test_ppm_rounds_what_is_paid_down_and_what_is_owed_up(amount, rate):
    exact = Fraction(amount * rate, PPM)
    assert ppm_down(amount, rate) <= exact <= ppm_up(amount, rate)
    assert ppm_up(amount, rate) - ppm_down(amount, rate) == (0 if exact.denominator == 1 else 1)


# --- decimal strings ----------------------------------------------------------------------------------------------

GRAMMAR = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
NEARLY = st.text(alphabet="0123456789.-+eE_, \n१", max_size=8)


def value_of(text: str, decimals: int) -> int | None:
    """What SPEC 1 makes of a text in a field that may be negative, worked out with Fraction; None: an error."""
    if not GRAMMAR.fullmatch(text) or not text.isascii():
        return None
    exact = Fraction(text) * 10**decimals
    if len(text.partition(".")[2]) > decimals or (text.startswith("-") and exact == 0) or abs(exact) >= 10**38:
        return None
    return int(exact)


@given(NEARLY, st.integers(0, 8))
def test_parse_decimal_accepts_exactly_the_grammar(text, decimals):
    wanted = value_of(text, decimals)
    if wanted is None:
        with pytest.raises(AmountError):
            parse_decimal(text, decimals, signed=True)
    else:
        assert parse_decimal(text, decimals, signed=True) == wanted


@given(st.from_regex(GRAMMAR, fullmatch=True), st.integers(0, 18))
def test_parse_decimal_reads_what_the_grammar_generates(text, decimals):
    assume(text.isascii())
    wanted = value_of(text, decimals)
    if wanted is None:
        with pytest.raises(AmountError):
            parse_decimal(text, decimals, signed=True)
    else:
        assert parse_decimal(text, decimals, signed=True) == wanted


@pytest.mark.parametrize(
    "text",
    ["+1", "1e3", "1E3", " 1", "1 ", "1\n", "-0", "-0.00", "1_000", "1,000", "01", "00", "1.", ".5", "-.5", "-", "",
     "NaN", "Infinity", "0x10", "１２", "1٫5", "१", "--1", "1.2.3", "−1", "1.-2"],
)  # fmt: skip
def test_parse_decimal_refuses_every_other_way_to_write_a_number(text):
    with pytest.raises(AmountError):
        parse_decimal(text, 6, signed=True)


def test_parse_decimal_never_cuts_decimals_off():
    assert parse_decimal("0.000001", 6) == 1
    with pytest.raises(AmountError, match="at most 6 decimals"):
        parse_decimal("0.0000010", 6)
    with pytest.raises(AmountError, match="at most 0 decimals"):
        parse_decimal("1.0", 0)


def test_parse_decimal_takes_a_sign_only_where_the_field_can_be_negative():
    assert parse_decimal("-1.5", 2, signed=True) == -150
    with pytest.raises(AmountError, match="not negative"):
        parse_decimal("-1.5", 2)


def test_amounts_stay_below_ten_to_the_thirty_eighth():
    assert parse_decimal("9" * 38, 0) == MAX_AMOUNT - 1
    assert parse_decimal("9" * 32 + "." + "9" * 6, 6) == MAX_AMOUNT - 1
    assert parse_decimal("-" + "9" * 38, 0, signed=True) == -(MAX_AMOUNT - 1)
    assert check_amount(MAX_AMOUNT - 1) == MAX_AMOUNT - 1
    assert check_amount(1 - MAX_AMOUNT) == 1 - MAX_AMOUNT
    for text, decimals in ((str(10**38), 0), ("1" + "0" * 32, 6), ("-1" + "0" * 38, 0), ("7" * 9000, 0)):
        with pytest.raises(AmountError, match="10\\^38"):
            parse_decimal(text, decimals, signed=True)
    for amount in (MAX_AMOUNT, -MAX_AMOUNT):
        with pytest.raises(AmountError):
            check_amount(amount)


@given(st.integers(1 - MAX_AMOUNT, MAX_AMOUNT - 1), st.integers(0, 18))
def test_decimal_strings_survive_a_round_trip(units, decimals):
    text = format_decimal(units, decimals)
    assert parse_decimal(text, decimals, signed=True) == units
    assert not text.endswith(".") and not (decimals and "." in text and text.endswith("0"))


@given(st.integers(-HUGE, HUGE), st.integers(0, 18), st.integers(0, 18))
def test_format_decimal_shows_every_digit_and_places_is_a_minimum(units, decimals, places):
    shown = format_decimal(units, decimals, group=True, places=places)
    assert Fraction(shown.replace(",", "")) * 10**decimals == units
    assert len(shown.partition(".")[2]) >= min(places, decimals)


def test_format_decimal_groups_thousands_for_people_only():
    assert format_decimal(1234567890, 6, group=True, places=2) == "1,234.56789"
    assert format_decimal(-5, 2) == "-0.05"
    with pytest.raises(AmountError):
        parse_decimal(format_decimal(10**9, 0, group=True), 0)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("1_000", '"1000"'), ("12.5m", '"12500000"'), ("1,000.5", '"1000.5"'), ("+1", '"1"'), ("3k", '"3000"'), ("x", "")],
)
def test_a_refused_decimal_hints_at_what_was_meant(text, hint):
    with pytest.raises(AmountError) as caught:
        parse_decimal(text, 2)
    assert hint in caught.value.hint
    assert bool(hint) == bool(caught.value.hint)


@given(NEARLY)
def test_parse_integer_accepts_exactly_plain_integers(text):
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", text) and text.isascii() and text != "-0":
        assert parse_integer(text, signed=True) == int(text)
    else:
        with pytest.raises(AmountError):
            parse_integer(text, signed=True)


def test_parse_integer_takes_a_sign_only_where_asked_and_nothing_beyond_the_range():
    with pytest.raises(AmountError, match="not negative"):
        parse_integer("-1")
    for text in (str(MAX_AMOUNT), "8" * 5000, "-0"):
        with pytest.raises(AmountError):
            parse_integer(text, signed=True)


# --- ids ----------------------------------------------------------------------------------------------------------


@given(st.text(max_size=70))
@example("a\n")
@example("é")
@example("a" * 64)
@example("a" * 65)
@example("")
def test_ids_are_one_to_64_plain_characters(text):
    if 1 <= len(text) <= 64 and all(c.isascii() and (c.isalnum() or c in "._:-") for c in text):
        assert check_id(text) == text
    else:
        with pytest.raises(AmountError):
            check_id(text)


def test_the_lowest_id_is_shorter_first_then_bytewise():
    assert in_id_order(["b", "aa", "B", "10", "9", "a", "-"]) == ["-", "9", "B", "a", "b", "10", "aa"]


@given(st.lists(st.from_regex(r"[A-Za-z0-9._:-]{1,4}", fullmatch=True), min_size=2, max_size=6, unique=True))
def test_id_order_is_the_order_of_length_and_bytes(ids):
    """Whatever goes before has fewer bytes, or as many and an earlier first difference."""
    ordered = in_id_order(ids)
    assert sorted(ids) == sorted(ordered)
    for low, high in pairwise(ordered):
        assert id_key(low) < id_key(high)
        assert len(low) < len(high) or (len(low) == len(high) and low.encode() < high.encode())


def test_sha256_is_the_published_one():
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# --- money on the wire --------------------------------------------------------------------------------------------


def wire(amount: str) -> bytes:
    """A top-up as another machine would write it; `amount` is JSON."""
    return b'{"kind":"inflow","id":"i","source":"top_up","asset":"USDC","amount":' + amount.encode() + b"}"


@given(st.integers(1 - MAX_AMOUNT, MAX_AMOUNT - 1))
@example(2**53 + 1)
@example(MAX_AMOUNT - 1)
def test_units_cross_the_edge_as_integer_strings_unchanged(amount):
    sent = encode_command(Inflow(id="i", source="top_up", asset="USDC", amount=Units(amount)))
    assert f'"amount":"{amount}"'.encode() in sent
    received = decode_command(sent)
    assert received.amount == amount and isinstance(received.amount, Units)


@pytest.mark.parametrize("number", ["100", "100.5", "1e3", "9007199254740993.0", "true", "null", '["1"]', "-1"])
def test_a_json_number_is_no_money(number):
    with pytest.raises(msgspec.ValidationError, match=r"\$\.amount"):
        decode_command(wire(number))


@pytest.mark.parametrize("text", ["100.5", "1e3", "+1", " 1", "01", "-0", "", "1_0", "1" + "0" * 38, "１"])
def test_money_in_a_string_must_be_a_plain_integer(text):
    with pytest.raises(msgspec.ValidationError, match=r"\$\.amount"):
        decode_command(wire(f'"{text}"'))


def test_the_codec_has_a_wire_form_for_units_only():
    with pytest.raises(NotImplementedError):
        encode_hook(object())
    with pytest.raises(NotImplementedError):
        decode_hook(Fraction, "1")


def test_arithmetic_on_units_gives_plain_integers():
    assert type(Units(2) + Units(3)) is int
    assert isinstance(Units(2), int) and Units(2) == 2
