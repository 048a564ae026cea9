"""A design's hash: pinned for the presets, blind to how a file is written, awake to what it says."""

import hashlib
import json
from pathlib import Path

import msgspec
from hypothesis import given, strategies as st

from seawall.amounts import Units, format_decimal
from seawall.design import canonical_json, design_digest, parse_design
from seawall.design.presets import preset_names, preset_text
from seawall.design.types import PlainDecimal

GOLDEN = Path(__file__).parents[1] / "golden" / "design_digests.txt"


def toml(value):
    """A value in TOML, all on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def document(value, decimals, draw):
    """A design as a parsed document, written another way: keys in any order, defaults stated, zeros appended."""
    if isinstance(value, msgspec.Struct):
        items = [(key, item) for key, item in msgspec.structs.asdict(value).items() if item is not None]
        return {key: document(item, decimals, draw) for key, item in draw(st.permutations(items))}
    if isinstance(value, tuple):
        return [document(item, decimals, draw) for item in value]
    if isinstance(value, Units):
        return format_decimal(value, decimals, places=draw(st.integers(0, decimals)))
    if isinstance(value, PlainDecimal):
        zeros = "0" * draw(st.integers(0, 3))
        return str(value) + (zeros if "." in value else f".{zeros}" if zeros else "")
    return value


def test_the_presets_digests_are_the_pinned_ones():
    found = [f"{name} {design_digest(parse_design(preset_text(name), name))}" for name in preset_names()]
    assert "\n".join(found) + "\n" == GOLDEN.read_text(encoding="utf-8")


@given(st.sampled_from(preset_names()), st.data())
def test_a_digest_is_independent_of_comments_order_zeros_layout_and_stated_defaults(name, data):
    design = parse_design(preset_text(name), name)
    plain = document(design, design.asset.decimals, data.draw)
    comment = data.draw(st.sampled_from(["", "# a comment\n", "\n\n"]))
    text = "".join(f"{comment}{key} = {toml(item)}\n" for key, item in plain.items())
    assert design_digest(parse_design(text, "other.toml")) == design_digest(design)


def changed(value, draw):
    """The design with one value, somewhere, changed."""
    if isinstance(value, msgspec.Struct):
        stated = [key for key, item in msgspec.structs.asdict(value).items() if item is not None and item != ()]
        key = draw(st.sampled_from(stated))
        return msgspec.structs.replace(value, **{key: changed(getattr(value, key), draw)})
    if isinstance(value, tuple):
        position = draw(st.integers(0, len(value) - 1))
        return (*value[:position], changed(value[position], draw), *value[position + 1 :])
    if isinstance(value, bool):
        return not value
    return type(value)(value + 1) if isinstance(value, int) else type(value)(value + "1")


@given(st.sampled_from(preset_names()), st.data())
def test_a_digest_changes_with_any_value(name, data):
    design = parse_design(preset_text(name), name)
    assert design_digest(changed(design, data.draw)) != design_digest(design)


def leaves(value):
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if items is None else [leaf for item in items for leaf in leaves(item)]


def test_canonical_json_is_the_stated_form(base):
    text = canonical_json(parse_design(base, "d.toml"))
    plain = json.loads(text)
    assert json.dumps(plain, sort_keys=True, separators=(",", ":")).encode() == text
    assert plain["layers"][1] == {
        "balance": "5000500000",
        "event_limit": "2500000000",
        "id": "shared",
        "kind": "shared_fund",
        "window_limit": "3000000000",
        "window_ms": 86400000,
    }
    assert plain["markets"][0]["tick_size"] == "0.1"
    assert "mark" not in plain and "kind" not in plain["markets"][0]
    assert not [leaf for leaf in leaves(plain) if type(leaf) not in (str, int)]
    assert design_digest(parse_design(base, "d.toml")) == hashlib.sha256(text).hexdigest()


def test_text_outside_ascii_is_hashed_as_utf_8(base):
    text = base.replace('name = "base"', 'name = "base"\ndescription = "Größe ≤ 1"')
    assert '"description":"Größe ≤ 1"'.encode() in canonical_json(parse_design(text, "d.toml"))
