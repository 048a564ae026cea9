"""The loader: each slip of a file on its line with a remedy, all of them at once, and nothing but BadInput."""

import copy
import tomllib
from datetime import date

import msgspec
import pytest
from hypothesis import given, strategies as st

from seawall.amounts import AmountError, Units, parse_decimal
from seawall.design import BadInput, Design, load_design, parse_design
from seawall.design.draft import Draft, TomlFloat, tables
from seawall.design.locator import locate
from seawall.design.presets import preset_names, preset_text
from seawall.design.types import PlainDecimal


def problems(text):
    with pytest.raises(BadInput) as caught:
        parse_design(text, "d.toml")
    return caught.value.problems


def edited(base, old, new, count=1):
    assert old in base
    return base.replace(old, new, count)


def first_difference(text, other):
    pairs = zip(text.split("\n"), other.split("\n"))
    return next(number for number, (line, changed) in enumerate(pairs, start=1) if line != changed)


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


# -- what is right ---------------------------------------------------------------------------------------------------


def test_amounts_are_base_units_and_plain_decimals_lose_trailing_zeros(base):
    text = edited(edited(base, '"5000.50"', '"5000.5"'), 'tick_size = "0.1"', 'tick_size = "0.100"')
    design = parse_design(text, "d.toml")
    assert design.layers[1].balance == 5_000_500_000
    assert type(design.layers[1].balance) is Units
    assert design.markets[0].tick_size == "0.1"
    assert design.markets[0].tiers[1].maintenance_deducted == 1_000_000_000


def test_what_is_left_out_stands_at_its_default(base):
    design = parse_design(base, "d.toml")
    assert design.mark.max_age_ms == 3_600_000
    assert design.accumulation.residual_split_ppm.trader == 1_000_000
    assert design.layers[2].target is None and design.layers[2].minimum_left == 0
    assert design.markets[0].surcharge_ppm is None


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_loads_alike(base, tmp_path):
    path = tmp_path / "d.toml"
    path.write_bytes(b"\xef\xbb\xbf" + base.replace("\n", "\r\n").encode())
    assert load_design(path) == parse_design(base, "d.toml")


# -- one slip, one problem -------------------------------------------------------------------------------------------

SLIPS = [
    # what stands there, what is written instead, field, parts of the problem's text
    ('balance = "1000"', 'balance = "12.5m"', "layers[0].balance", ['"12.5m"', 'did you mean "12500000"?', "SPEC 1"]),
    ('balance = "1000"', "balance = 1000", "layers[0].balance", ["found 1000", 'write "1000", in quotes', "SPEC 1"]),
    ('balance = "1000"', "balance = 1000.50", "layers[0].balance", ["float 1000.50", 'write "1000.50", in quotes']),
    ('balance = "1000"', "balance = 1e3", "layers[0].balance", ["a TOML float is an error", 'write "1000", in quotes']),
    ('balance = "1000"', "balance = 1_000.5", "layers[0].balance", ["float 1_000.5", 'write "1000.5", in quotes']),
    ('balance = "1000"', "balance = inf", "layers[0].balance", ["TOML float inf"]),
    ('balance = "1000"', 'balance = "-1"', "layers[0].balance", ["not negative", '"-1"']),
    ('balance = "1000"', 'balance = "0.0000001"', "layers[0].balance", ["at most 6 decimals"]),
    ('balance = "1000"', 'balance = "1,000"', "layers[0].balance", ['did you mean "1000"?']),
    ('balance = "1000"', 'balance = "+5"', "layers[0].balance", ['did you mean "5"?']),
    ('balance = "1000"', 'balance = "1e3"', "layers[0].balance", ["a decimal string"]),
    ('balance = "1000"', 'balance = "٣"', "layers[0].balance", ["a decimal string"]),
    ('balance = "1000"', f'balance = "1{"0" * 32}"', "layers[0].balance", ["below 10^38"]),
    ('balance = "1000"', "balance = true", "layers[0].balance", ["found true"]),
    ('balance = "1000"', "balance = 2025-10-10", "layers[0].balance", ["found the date or time 2025-10-10"]),
    ('balance = "1000"', 'balance = ["1000"]', "layers[0].balance", ["found an array of 1"]),
    ('tick_size = "0.1"', "tick_size = 0.1", "markets[0].tick_size", ["TOML float 0.1", 'write "0.1", in quotes']),
    ('tick_size = "0.1"', 'tick_size = "0.00"', "markets[0].tick_size", ["positive"]),
    ('tick_size = "0.1"', 'tick_size = "-0.1"', "markets[0].tick_size", ["not negative"]),
    ('tick_size = "0.1"', f'tick_size = "0.{"0" * 18}1"', "markets[0].tick_size", ["at most 18 decimals"]),
    ("surcharge_ppm = 5000", "surcharge_ppm = 0.005", "liquidation.surcharge_ppm", ["float 0.005", "write 5000"]),
    ("surcharge_ppm = 5000", "surcharge_ppm = 5000.0", "liquidation.surcharge_ppm", ["float 5000.0", "write 5000"]),
    ("surcharge_ppm = 5000", 'surcharge_ppm = "5000"', "liquidation.surcharge_ppm", ["write 5000, without quotes"]),
    ("surcharge_ppm = 5000", "surcharge_ppm = 1000001", "liquidation.surcharge_ppm", ["from 0 to 1000000", "1000001"]),
    ("surcharge_ppm = 5000", "surcharge_ppm = -1", "liquidation.surcharge_ppm", ["from 0 to 1000000", "found -1"]),
    ("surcharge_ppm = 5000", "surcharge_ppm = true", "liquidation.surcharge_ppm", ["found true"]),
    ("surcharge_ppm = 5000", f"surcharge_ppm = 0x{'f' * 5000}", "liquidation.surcharge_ppm", ["20000 bits"]),
    ("decimals = 6", "decimals = 19", "asset.decimals", ["from 0 to 18"]),
    ('id = "skin"', 'id = "the skin"', "layers[2].id", ["an id of 1 to 64 characters", '"the skin"', "SPEC 1"]),
    ('id = "skin"', 'id = "skin\\n"', "layers[2].id", ["an id", '"skin\\u000a"']),
    ('id = "skin"', 'id = ""', "layers[2].id", ["an id"]),
    ('id = "skin"', f'id = "{"x" * 65}"', "layers[2].id", ["an id"]),
    ('id = "skin"', "id = 7", "layers[2].id", ["an id", 'write "7", in quotes']),
    ('policy = "adl"', 'policy = "ADL"', "exhaustion.policy", ['one of "adl", "soc', 'did you mean "adl"?']),
    ('kind = "venue_capital"', 'kind = "venue"', "layers[2].kind", ['"venue"', "guaranty_fund"]),
    ("bids = [[1, 10], [5, 20]]", "bids = [[1, 10], [5]]", "stress.depth[0].bids[1]", ["an array of 2", "1 elements"]),
    ("bids = [[1, 10], [5, 20]]", "bids = [[1, 10], [5, 0]]", "stress.depth[0].bids[1][1]", ["at least 1", "found 0"]),
    ("bids = [[1, 10], [5, 20]]", "bids = []", "stress.depth[0].bids", ["at least one", "an empty array"]),
    ("    [200, 10],", "    [200, 10.0],", "stress.depth[1].bids[1][1]", ["TOML float 10.0", "write 10"]),
    ("window_limit", "window_limt", "layers[1].window_limt", ["an unknown key", 'did you mean "window_limit"?']),
    ("surcharge_ppm = 5000", "surcharge_ppm = 5000\nbalance = 1.5", "liquidation.balance", ["key of [[layers]]"]),
    ('policy = "adl"', 'policy = "adl"\n[governance]\nx = 1.5', "governance", ["an unknown key", "exhaustion"]),
    ('policy = "adl"', 'policy = "adl"\n"a b" = 1', 'exhaustion."a b"', ["an unknown key"]),
    ('policy = "adl"', 'fallback = "carry"', "exhaustion.policy", ["nothing: the key is missing", '"socialised_loss"']),
    ('tick_size = "0.1"\n', "", "markets[0].tick_size", ["nothing: the key is missing"]),
    ('name = "base"\n', "", "name", ["nothing: the key is missing", "an id"]),
]


@pytest.mark.parametrize(("old", "new", "field", "parts"), SLIPS, ids=[f"{slip[2]}: {slip[1][:30]}" for slip in SLIPS])
def test_a_slip_is_named_with_its_key_and_line_and_a_remedy(base, old, new, field, parts):
    text = edited(base, old, new)
    found = [problem for problem in problems(text) if problem.field == field]
    assert len(found) == 1
    for part in parts:
        assert part in str(found[0])
    assert str(found[0]).startswith(f"d.toml:{found[0].line}  {field}: wanted ")
    if found[0].found != "nothing: the key is missing":  # those stand at their table, see below
        assert found[0].line == first_difference(base, text)


def test_a_missing_key_stands_on_its_table_s_line(base):
    text = edited(edited(base, 'policy = "adl"\n', ""), 'lot_size = "0.01"\n', "")
    lines = {problem.field: problem.line for problem in problems(text)}
    assert lines == {
        "markets[1].lot_size": line_of(text, '[[markets]]\nid = "ETH-PERP"'),
        "exhaustion.policy": line_of(text, "[exhaustion]"),
    }


def test_a_missing_table_says_how_to_add_it(base):
    text = edited(base, "[liquidation]\nsurcharge_ppm = 5000\n", "")
    (problem,) = problems(text)
    assert (problem.line, problem.field, problem.hint) == (1, "liquidation", "add [liquidation]")


def test_a_table_written_as_an_array_of_tables_loses_its_brackets(base):
    text = edited(base, "[exhaustion]", "[[exhaustion]]")
    (problem,) = problems(text)
    assert (problem.line, problem.wanted, problem.hint) == (line_of(text, "[[exh"), "a table", "write [exhaustion]")


def test_an_array_of_tables_written_as_a_table_gets_its_brackets(base):
    text = base[: base.index("[[stress.depth]]")] + "[stress.depth]\nmarket = 'BTC-PERP'\n"
    (problem,) = problems(text)
    assert (problem.field, problem.found, problem.hint) == ("stress.depth", "a table", "write [[stress.depth]]")
    assert problem.line == line_of(text, "[stress.depth]")


def test_every_problem_of_a_file_is_reported_at_once_by_line(base):
    text = edited(base, 'tick_size = "0.1"', "tick_size = 0.1")  # a shape
    text = edited(text, "fund = 900000", "fund = 800000")  # a sum
    text = edited(text, 'id = "shared"', 'id = "btc-bucket"')  # a duplicate
    text = edited(text, "window_ms = 86400000", "window_mss = 86400000")  # an unknown key, and so a missing one
    text = edited(text, "[[1, 10], [5, 20]]", "[[1, 10], [1, 20]]")  # an order
    found = problems(text)
    lines = [problem.line for problem in found]
    assert lines == sorted(lines)
    assert {problem.field for problem in found} == {
        "markets[0].tick_size",
        "accumulation.surcharge_split_ppm",
        "layers[1].id",
        "layers[1].window_ms",
        "layers[1].window_mss",
        "stress.depth[0].bids[1][0]",
    }
    assert len(found) == 6


def test_decimals_that_are_wrong_themselves_make_no_amount_wrong(base):
    text = edited(edited(base, "decimals = 6", "decimals = 60"), '"5000.50"', '"5000.123456789"')
    assert [problem.field for problem in problems(text)] == ["asset.decimals"]


def test_another_schema_is_one_problem_and_nothing_else_of_the_file_is_judged(base):
    text = edited(edited(base, "seawall.design/1", "seawall.design/2"), "decimals = 6", "digits = 6")
    (problem,) = problems(text)
    assert (problem.line, problem.field, problem.wanted) == (1, "schema", '"seawall.design/1"')


# -- files that are no design ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a = 1\nb = \n", 2, "invalid value"),
        ("a = 1\na = 2\n", 2, "cannot overwrite a value"),
        ("a = 1\na = 2", 2, "cannot overwrite a value"),
        ("a = 1\nb = [\n1,\n\n\n", 2, "invalid value at the end of the document"),
        ("a = 1\nb = '''\n\n\n", 2, "expected \"'''\""),
        ("\n\nx = 01\n", 3, "expected newline"),
        ("x = " + "1" * 5000, 0, "a number of thousands of digits"),
        ("x = " + "[" * 100_000, 1, "hundreds of levels"),
        ("\x00", 1, "invalid statement"),
        ("", 0, "an empty file"),
        ("# only\n# comments\n", 0, "an empty file"),
    ],
)
def test_a_text_that_is_no_design_is_one_problem(text, line, found):
    (problem,) = problems(text)
    assert (problem.line, problem.field) == (line, "")
    assert problem.found.startswith(found)


def refused(path):
    with pytest.raises(BadInput) as caught:
        load_design(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    return problem


def test_a_file_that_cannot_be_read_is_one_clear_problem(tmp_path):
    assert refused(tmp_path / "none.toml").found == "no such file"
    assert refused(tmp_path).found == "a directory"
    file = tmp_path / "file.toml"
    file.write_bytes(b"# one\nname = '\xff'\n")
    assert (refused(file).line, refused(file).found, refused(file).hint) == (2, "byte 0xff", "save the file as UTF-8")
    assert refused(file / "below").found == "no such file"
    file.write_bytes("schema = 'x'".encode("utf-16"))
    assert refused(file).wanted == "UTF-8 text"
    file.write_bytes(b"")
    assert refused(file).found == "an empty file"


PIECES = ["", "\n", '"', "0", "-", ".5", "[", "]", "= {", "#", "\x00", "\u202e", "[[layers]]\n", "id = 'x'\n"]


@given(st.sampled_from(preset_names()), st.data())
def test_any_text_gives_a_design_or_problems_and_no_other_error(name, data):
    text = preset_text(name)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 30))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[start + length :]
    try:
        found = ()
        assert isinstance(parse_design(text, "d.toml"), Design)
    except BadInput as error:
        found = error.problems
    for problem in found:
        assert 0 <= problem.line <= text.count("\n") + 1
        assert str(problem).isprintable()


# -- the walk against msgspec's own conversion of the whole ----------------------------------------------------------


def whole_at_once(raw):
    """Another idea of the same conversion: msgspec's decoder over the whole document, stopping at the first slip."""

    def hook(kind, value):
        if not isinstance(value, str):
            raise ValueError("not a string")
        if kind is Units:
            return Units(parse_decimal(value, raw["asset"]["decimals"]))
        if parse_decimal(value, 18) == 0:
            raise ValueError("zero")
        return PlainDecimal(value.rstrip("0").rstrip(".") if "." in value else value)

    try:
        return msgspec.convert(raw, Design, dec_hook=hook)
    except (msgspec.ValidationError, AmountError):
        return None


VALUES = st.one_of(
    st.sampled_from(["", "0", "1.50", "1.0000000", "-1", "adl", "carry", "tranche", "a b", "BTC-PERP", "x\n"]),
    st.sampled_from([0, 1, -1, 6, 1_000_000, 1_000_001, 2**53, 10**40, True, False]),
    st.sampled_from([TomlFloat("0.5"), date(2025, 10, 10)]),
    st.sampled_from([[], {}, [1, 2], [[1, 2]], [{}], {"id": "x"}, [[1, 2], [3]]]),
)


def places(value, path=()):
    """Every path of a parsed document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(*path, key), *places(item, (*path, key))]]


@given(st.data())
def test_a_draft_converts_what_msgspec_converts_and_refuses_what_it_refuses(base, data):
    raw = tomllib.loads(base)
    for _ in range(data.draw(st.integers(0, 2))):
        path = data.draw(st.sampled_from([place for place in places(raw) if place[:2] != ("asset", "decimals")]))
        table = raw
        for part in path[:-1]:
            table = table[part]
        action = data.draw(st.sampled_from(["set", "set", "delete", "add"]))
        if action == "delete":
            del table[path[-1]]
        elif action == "add" and isinstance(table, dict):
            table["unheard_of"] = 1
        else:
            table[path[-1]] = copy.deepcopy(data.draw(VALUES))
        if not isinstance(raw.get("asset"), dict) or "decimals" not in raw["asset"]:
            return
    draft = Draft(raw, "d.toml", locate(base))
    reference = whole_at_once(raw)
    assert (reference is None) == bool(draft.problems)
    assert draft.design == reference or draft.problems


def test_the_tables_are_those_of_the_types():
    assert [name for name, _ in tables()] == [
        "[asset]",
        "[[markets]]",
        "[[markets.tiers]]",
        "[liquidation]",
        "[liquidation.takeover]",
        "[[layers]]",
        "[layers.stake]",
        "[[layers.holdings]]",
        "[exhaustion]",
        "[mark]",
        "[accumulation]",
        "[accumulation.surcharge_split_ppm]",
        "[accumulation.residual_split_ppm]",
        "[accumulation.excess_split_ppm]",
        "[accumulation.revenue_pool]",
        "[stress]",
        "[[stress.depth]]",
        "[accounts]",
        "[pool]",
        "[withdrawals]",
        "[publishing]",
    ]
