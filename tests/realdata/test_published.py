"""docs/validation holds a result of every test on real data, and says where it comes from. Needs no data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache

import pytest

from tests.realdata.published import FILE, ROOT, problems, read_published

README = FILE.with_name("README.md")
MARK = "pytest.mark." + "realdata"


@cache
def collected() -> tuple[str, ...]:
    """Ids of all tests marked realdata, as pytest collects them."""
    command = [sys.executable, "-m", "pytest", "-p", "_hypothesis_pytestplugin", "--collect-only", "-q"]
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*command, "-m", "realdata", "tests/realdata"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    return tuple(line for line in done.stdout.splitlines() if "::" in line)


def test_all_tests_on_real_data_are_in_this_folder():
    here = FILE.parents[2] / "tests" / "realdata"
    marked = [path for path in (ROOT / "tests").rglob("test_*.py") if MARK in path.read_text(encoding="utf-8")]
    assert marked
    assert [path for path in marked if path.parent != here] == []


def test_every_test_on_real_data_has_its_result_and_no_other():
    found = collected()
    assert len(found) == len(set(found)) > 30
    assert set(read_published()) == set(found), "make realdata WRITE=1 writes docs/validation/realdata.json"


def test_every_result_names_its_data_by_hash_and_is_not_empty():
    hashes: dict[str, str] = {}
    for test, entry in read_published().items():
        assert set(entry) == {"data", "values"}, test
        assert entry["data"], test
        assert problems(entry["values"]) == [], test
        for name, digest in entry["data"].items():
            assert re.fullmatch(r"[0-9a-f]{64}", digest), test
            assert hashes.setdefault(name, digest) == digest, f"{test}: {name} has two hashes"


def test_no_account_is_published():
    assert not re.search(r"0x[0-9a-fA-F]{8,}", FILE.read_text(encoding="utf-8") + README.read_text(encoding="utf-8"))


def test_the_readme_names_every_test_and_attributes_every_data_set():
    text = README.read_text(encoding="utf-8")
    entries = read_published()
    functions = {test.split("::")[1].split("[")[0] for test in entries}
    folders = {name.split("/")[0] for entry in entries.values() for name in entry["data"]}
    assert [name for name in sorted(functions) if f"`{name}`" not in text] == []
    assert [name for name in sorted(folders) if not re.search(rf"\| `{name}` \|.*@[0-9a-f]{{7,40}}", text)] == []


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, ["no value"]),
        (None, ["no value"]),
        ({"a": 1.5}, ["1.5 is no integer, text or truth value"]),
        ({"a": {"b": None}}, ["None is no integer, text or truth value"]),
        ({"a": ""}, ["a is empty"]),
        ({"a": {}}, ["a is empty"]),
        ({"a": {"b": ""}}, ["a is empty"]),
        ({"a": 0, "b": "0.00", "c": {"d": True}}, []),
    ],
)
def test_what_is_no_result(values, found):
    assert problems(values) == found
