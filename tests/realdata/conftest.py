"""Tests on real data: each hands its figures to `publish`, which compares them with docs/validation/realdata.json.

SEAWALL_REALDATA_PARTS  set by tools/realdata_json.py: a folder where entries are written, one file a test, not compared
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.realdata.published import problems, read_published, sha256_of

PUBLISHED = pytest.StashKey[bool]()


@pytest.fixture
def publish(request: pytest.FixtureRequest, data_dir: Path) -> Callable[..., None]:
    """publish(values, *files): the figures of this test and the data files, below SEAWALL_DATA, they come from."""

    def compare_or_write(values: dict[str, Any], *files: str) -> None:
        request.node.stash[PUBLISHED] = True
        assert files and problems(values) == []
        entry = {"data": {name: sha256_of(data_dir / name) for name in sorted(files)}, "values": values}
        name, parts = request.node.nodeid, os.environ.get("SEAWALL_REALDATA_PARTS")
        if parts:
            part = Path(parts) / f"{sha256(name.encode()).hexdigest()}.json"
            part.write_text(json.dumps({name: entry}), encoding="utf-8")
            return
        written = read_published().get(name)
        assert written is not None, f"{name} has no entry in docs/validation/realdata.json: make realdata WRITE=1"
        assert written["data"] == entry["data"], "the data files are not those of docs/validation/realdata.json"
        assert written["values"] == entry["values"]

    return compare_or_write


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test on real data that published nothing fails."""
    result = yield
    if pyfuncitem.get_closest_marker("realdata") and not pyfuncitem.stash.get(PUBLISHED, False):
        pytest.fail("a test on real data publishes its figures: publish(values, files)")
    return result
