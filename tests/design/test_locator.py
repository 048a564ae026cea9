"""The locator against documents written with known lines, against tomllib's keys, and against broken text."""

import tomllib

import pytest
from hypothesis import given, strategies as st

from seawall.design.locator import locate, path_text, quoted
from seawall.design.presets import preset_names, preset_text


def paths_of(value, path=()):
    """Every path of a parsed document: keys, tables and array elements."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = set()
    for key, item in items:
        found |= {(*path, key)} | paths_of(item, (*path, key))
    return found


@given(st.data())
def test_every_part_is_found_on_the_line_on_which_it_was_written(documents, data):
    text, lines = data.draw(documents)
    found = locate(text)
    assert found.stopped == 0
    assert dict(found.lines) == lines


@given(st.data())
def test_the_parts_found_are_those_that_tomllib_finds(documents, data):
    text, _ = data.draw(documents)
    assert set(locate(text).lines) == paths_of(tomllib.loads(text))


@given(st.data())
def test_windows_line_ends_change_no_line(documents, data):
    text = data.draw(documents)[0].replace("\r\n", "\n")
    assert locate(text.replace("\n", "\r\n")) == locate(text)


# -- text that nobody chose --------------------------------------------------------------------------------------


@given(st.text(alphabet="ab.=[]{}\"'#\\\n\r ,1-", max_size=60))
def test_any_text_is_read_without_an_error_and_any_toml_like_tomllib(text):
    found = locate(text)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert found.stopped == 0
    assert set(found.lines) == paths_of(parsed)


@given(st.sampled_from(preset_names()), st.data())
def test_a_preset_with_a_slip_is_read_like_tomllib_or_stops_in_the_text(name, data):
    text = preset_text(name)
    cut = data.draw(st.integers(0, len(text)))
    slip = data.draw(st.sampled_from(["", '"', "'", "[", "]", "#", "\n", "=", '"""', "{"]))
    text = text[:cut] + slip + text[cut + 1 :]
    found = locate(text)
    assert 0 <= found.stopped <= text.count("\n") + 1
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert found.stopped == 0 and set(found.lines) == paths_of(parsed)


def test_nesting_beyond_any_design_stops_the_locator_without_an_error():
    assert locate("a = 1\nb = " + "[" * 100_000).stopped == 2


# -- one nasty case a line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ('a = "#"\nb = 1', ("b",), 2),
        ("a = '[x]'\n[b]\nc = 1", ("b", "c"), 3),
        ('a = """\n[[layers]]\nx = 1\n"""\n[[layers]]\nx = 2', ("layers", 0, "x"), 6),
        ("a = '''\n# \"\"\"\n[b]'''\nb = 1", ("b",), 4),
        ('a = """x\\"""\n"""\nb = 1', ("b",), 3),
        ("[[a]]\n[[a]]\n[a.b]\nc = 1", ("a", 1, "b", "c"), 4),
        ("[[a]]\n[[a.b]]\n[[a]]\n[[a.b]]\n[[a.b]]\nc = 1", ("a", 1, "b", 1, "c"), 6),
        ("[a.b]\nx = 1\n[a]\ny = 1", ("a",), 3),
        ("a.b.c = 1\na.b.d = 2", ("a", "b", "d"), 2),
        ("a.b.c = 1\na.b.d = 2", ("a", "b"), 1),
        ('"a.b" = 1\n\'c d\'."e" = 2', ("c d", "e"), 2),
        ('"a.b" = 1', ("a.b",), 1),
        ("a = [ # ]\n  1, # ,\n  2 ]\n", ("a", 1), 3),
        ("a = [\n  [1,\n 2],\n  [3],\n]\n", ("a", 1, 0), 4),
        ("a = [{b = 1}, {b = 2,\n}]", ("a", 1, "b"), 1),
        ("# [a]\n\n\n[a] # [b]\nb = 1 # c = 2", ("a", "b"), 5),
        ("a = 'x\x0b\x0c\u2028y'\nb = 1", ("b",), 2),  # none of these ends a line
        ("a = 1\n\n", (), 1),
    ],
)
def test_nasty_cases_are_found_on_their_lines(text, path, line):
    assert locate(text).line(path) == line


def test_an_unknown_part_stands_where_its_nearest_known_ancestor_stands():
    found = locate("x = 1\n[[layers]]\nid = 'a'\n\n[[layers]]\nid = 'b'\n")
    assert found.line(("layers", 1, "window_limit")) == 5
    assert found.line(("layers", 7, "id")) == 2
    assert found.line(("exhaustion", "policy")) == 1


@pytest.mark.parametrize(
    ("text", "stopped"),
    [
        ("a = 1\nb = [\n1,\n2\n", 2),
        ("a = 1\nb = '''\n\n", 2),
        ("a = 1\nb = {c = 1\n\n", 2),
        ("a = 1\n[b\nc = 1", 2),
        ("a", 1),
    ],
)
def test_what_is_never_closed_stops_where_it_was_opened(text, stopped):
    assert locate(text).stopped == stopped


def test_paths_are_written_as_people_write_them():
    assert path_text(("layers", 2, "window_limit")) == "layers[2].window_limit"
    assert path_text(("a b", "c.d", 0, "e")) == '"a b"."c.d"[0].e'
    assert path_text(()) == ""


@given(st.text())
def test_a_quoted_text_is_short_and_fit_for_a_terminal(text):
    assert quoted(text).isprintable()
    assert len(quoted(text)) <= 3 + 81 * 10
