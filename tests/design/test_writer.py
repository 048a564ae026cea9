"""The writer: only the named values differ, comments and layout stay, and nothing else is ever written."""

import copy
import tomllib

import pytest
from hypothesis import given, settings, strategies as st

from seawall.amounts import Units
from seawall.design import parse_design
from seawall.design.locator import locate
from seawall.design.presets import preset_names, preset_text
from seawall.design.writer import set_values


def leaves(value, path=()):
    """Every path of a parsed document that holds no table and no array."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    return [path] if items is None else [leaf for key, item in items for leaf in leaves(item, (*path, key))]


def with_values(raw, changes):
    raw = copy.deepcopy(raw)
    for path, value in changes.items():
        table = raw
        for part in path[:-1]:
            table = table[part]
        table[path[-1]] = value
    return raw


def comment_of(line):
    """A preset's comment on a line: no string in a preset holds a `#`."""
    return line[line.index("#") :] if "#" in line else ""


NEW_VALUES = st.one_of(st.integers(-(2**53), 2**53), st.booleans(), st.text(max_size=20))


@given(st.sampled_from(preset_names()), st.data())
def test_only_the_named_values_differ_and_every_comment_survives(name, data):
    text = preset_text(name)
    raw, where = tomllib.loads(text), locate(text)
    paths = data.draw(st.lists(st.sampled_from(leaves(raw)), min_size=1, max_size=4, unique=True))
    changes = {path: data.draw(NEW_VALUES) for path in paths}
    written = set_values(text, changes)
    assert tomllib.loads(written) == with_values(raw, changes)
    before, after = text.split("\n"), written.split("\n")
    touched = {where.line(path) for path in paths}
    assert len(after) == len(before)
    for number, (old, new) in enumerate(zip(before, after), start=1):
        assert new.endswith(comment_of(old))
        assert new == old or number in touched


@settings(max_examples=30)  # tomlkit reads a preset in some 30 ms
@given(st.sampled_from(preset_names()), st.data())
def test_setting_what_stands_there_changes_no_design(name, data):
    text = preset_text(name)
    raw = tomllib.loads(text)
    for path in data.draw(st.lists(st.sampled_from(leaves(raw)), min_size=1, max_size=3)):
        value = raw
        for part in path:
            value = value[part]
        text = set_values(text, {path: value})
    assert parse_design(text, name) == parse_design(preset_text(name), name)


@given(st.sampled_from(["clearing-house", "small-perp"]), st.data())  # every table of theirs has a header
def test_a_new_key_is_one_new_line_among_its_table_s_keys(name, data):
    text = preset_text(name)
    raw = tomllib.loads(text)
    path, key = data.draw(st.sampled_from([
        (("layers", 0), "minimum_left"), (("layers", 2), "event_limit"), (("markets", 1), "surcharge_ppm"),
        (("markets", 0, "tiers", 1), "note"), (("stress", "depth", 0), "x.y"), (("exhaustion",), "note"), ((), "note"),
    ]))  # fmt: skip
    written = set_values(text, {(*path, key): "12"})
    assert tomllib.loads(written) == with_values(raw, {(*path, key): "12"})
    before, after = text.split("\n"), written.split("\n")
    (number,) = [line for line, part in enumerate(after) if part.endswith(' = "12"') and part not in before]
    assert after[:number] + after[number + 1 :] == before
    above = after[number - 1].lstrip()
    assert above and not above.startswith("#")  # behind a key or its header, never behind the next table's comments


@given(st.data())
def test_any_layout_is_edited_without_losing_a_line(documents, data):
    text, _ = data.draw(documents)
    raw = tomllib.loads(text)
    value = data.draw(st.sampled_from(["12", 12]))
    path = data.draw(st.sampled_from([*sorted(leaves_and_tables(raw), key=repr), ("new",)]))
    written = set_values(text, {path: value})
    assert tomllib.loads(written) == with_values(raw, {path: value})
    for line in text.split("\n"):
        if line.lstrip().startswith("#"):
            assert line in written


def leaves_and_tables(value, path=()):
    """Every path of a value, and of a new key in each table."""
    if isinstance(value, dict):
        below = [found for key, item in value.items() for found in leaves_and_tables(item, (*path, key))]
        return [(*path, "new"), *below]
    if isinstance(value, list):
        return [found for key, item in enumerate(value) for found in leaves_and_tables(item, (*path, key))]
    return [path]


def test_a_table_that_is_only_implied_gets_a_header_of_its_own(base):
    written = set_values(base, {("accumulation", "commission_share_ppm"): 1000})
    assert "[accumulation]\ncommission_share_ppm = 1000\n\n[accumulation.surcharge_split_ppm]\nfund = 9" in written
    assert parse_design(written, "d.toml").accumulation.commission_share_ppm == 1000


def test_a_table_that_is_not_there_is_added_at_the_end(base):
    written = set_values(base, {("mark", "max_age_ms"): 5000, ("accumulation", "excess_split_ppm", "stakers"): 0})
    assert written == base + "\n[mark]\nmax_age_ms = 5000\n\n[accumulation.excess_split_ppm]\nstakers = 0\n"
    assert parse_design(written, "d.toml").mark.max_age_ms == 5000
    assert set_values("a = 1", {("b", "c d", "e"): 2}) == 'a = 1\n\n[b."c d"]\ne = 2\n'
    before_depth = base[: base.index("[[stress.depth]]")]
    assert parse_design(set_values(before_depth, {("stress", "recovery_ppm"): 5}), "d.toml").stress.recovery_ppm == 5


def test_a_byte_order_mark_stays(base):
    assert set_values("\ufeff" + base, {("name",): "x"}) == "\ufeff" + base.replace('"base"', '"x"', 1)


def test_an_edit_that_does_not_read_back_as_asked_is_refused(base, monkeypatch):
    monkeypatch.setattr("seawall.design.writer.tomlkit.dumps", lambda document: base)
    with pytest.raises(ValueError, match=r"cannot change layers\[0\].balance in this layout"):
        set_values(base, {("layers", 0, "balance"): "5"})


def test_windows_line_ends_and_indents_stay():
    text = "[a]\r\n  x = 1 # one\r\n\r\n# next\r\n[b]\r\ny = 2\r\n"
    assert set_values(text, {("a", "x"): 5, ("a", "z"): 3}) == (
        "[a]\r\n  x = 5 # one\r\n  z = 3\r\n\r\n# next\r\n[b]\r\ny = 2\r\n"
    )


def test_elements_of_an_array_over_many_lines_keep_their_comments():
    text = "bids = [\n  [1, 10], # near\n  [5, 20], # far\n] # end\n"
    assert set_values(text, {("bids", 1, 1): 7}) == "bids = [\n  [1, 10], # near\n  [5, 7], # far\n] # end\n"


def test_inline_tables_and_dotted_keys_are_set_and_added_to():
    text = "a = { x = 1, y = 2 } # c\nb.c = 1 # d\nlast = 1\n"
    written = set_values(text, {("a", "y"): 3, ("a", "z"): 4, ("b", "c"): 5, ("b", "d"): 6})
    assert tomllib.loads(written) == {"a": {"x": 1, "y": 3, "z": 4}, "b": {"c": 5, "d": 6}, "last": 1}
    assert "# c" in written and "# d" in written


def test_a_last_line_without_an_end_gets_one_before_a_new_key():
    assert set_values("[a]\nx = 1", {("a", "y"): "2"}) == '[a]\nx = 1\ny = "2"\n'
    assert set_values("[a]", {("a", "y"): "2"}) == '[a]\ny = "2"\n'
    assert set_values("", {("y",): "2"}) == 'y = "2"\n'


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({("layers", 9, "target"): "1"}, r"layers\[9\]: wanted a table"),
        ({("name", "target"): "1"}, "name.target: wanted a key"),
        ({("name", "target", "x"): "1"}, "name.target: wanted a table"),
        ({("layers", 0, "sub", "x"): "1"}, r"layers\[0\].sub.x in this layout"),  # would be the last layer's
        ({("layers", "sub"): "1"}, "layers.sub: wanted a key"),
        ({("layers",): "1"}, "layers: wanted a value; found a table"),
        ({("asset",): "1"}, "asset: wanted a value; found a table"),
        ({("layers", 0): "1"}, r"layers\[0\]: wanted a value; found a table"),
        ({(): "1"}, "wanted a key or array element"),
        ({("layers", 0, "balance"): 1.5}, "found float 1.5"),
        ({("layers", 0, "balance"): Units(5)}, "found Units 5"),
        ({("layers", 0, "balance"): {"a": 1}}, "found dict"),
        ({("stress", "depth", 0, "bids"): [[1, 0.5]]}, "found float 0.5"),
    ],
)
def test_what_cannot_be_set_is_refused(base, changes, found):
    with pytest.raises(ValueError, match=found):
        set_values(base, changes)


def test_a_text_that_is_not_toml_is_refused():
    with pytest.raises(ValueError, match="wanted a TOML document"):
        set_values("a = ", {("a",): 1})
