"""The JSON Schema against the presets, against what the loader refuses, and against the schema of schemas."""

import tomllib

import jsonschema
import pytest

from seawall.design import BadInput, parse_design
from seawall.design.presets import preset_names, preset_text
from seawall.design.schema import design_json_schema

SCHEMA = design_json_schema()


def complaints(raw):
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(raw)]


def test_it_is_a_json_schema_of_2020_12():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_table_refuses_unknown_keys_and_every_amount_is_a_string():
    for table in SCHEMA["$defs"].values():
        assert table["additionalProperties"] is False
    layer = SCHEMA["$defs"]["Layer"]["properties"]
    amounts = ("balance", "target", "event_limit", "window_limit", "minimum_left")
    assert {layer[key]["type"] for key in amounts} == {"string"}
    assert layer["balance"]["default"] == "0"
    assert "null" not in str(SCHEMA)


@pytest.mark.parametrize("name", preset_names())
def test_the_presets_satisfy_it(name):
    assert complaints(tomllib.loads(preset_text(name))) == []


def test_the_base_design_satisfies_it(base):
    assert complaints(tomllib.loads(base)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "base"', 'name = "base"\nnames = "x"'),
        ('balance = "700"', 'balance = "700"\nbalances = "1"'),
        ('balance = "700"', "balance = 700"),
        ('balance = "700"', "balance = 700.0"),
        ('balance = "700"', 'balance = "-700"'),
        ('balance = "700"', 'balance = "700\\n"'),
        ('balance = "700"', 'balance = "0700"'),
        ('tick_size = "0.1"', 'tick_size = "0.0"'),
        ('tick_size = "0.1"', 'tick_size = "0"'),
        ('tick_size = "0.1"', 'tick_size = ".1"'),
        ('id = "skin"', 'id = "skin\\n"'),
        ("surcharge_ppm = 5000", "surcharge_ppm = 1000001"),
        ("surcharge_ppm = 5000", ""),
        ('policy = "adl"', 'policy = "all"'),
        ("[[1, 10], [5, 20]]", "[[1, 10], [5]]"),
        ("[[1, 10], [5, 20]]", "[[1, 10], [5, 20, 30]]"),
        ("[[1, 10], [5, 20]]", "[]"),
        ("seawall.design/1", "seawall.design/2"),
    ],
)
def test_a_shape_that_the_loader_refuses_it_refuses(base, old, new):
    assert old in base
    text = base.replace(old, new, 1)
    with pytest.raises(BadInput):
        parse_design(text, "d.toml")
    assert complaints(tomllib.loads(text))


@pytest.mark.parametrize("text", ["0.1", "0.10", "10", "10.00", "0.00001", "100.5"])
def test_plain_decimals_that_load_satisfy_it(base, text):
    raw = tomllib.loads(base)
    raw["markets"][0]["tick_size"] = text
    assert complaints(raw) == []
