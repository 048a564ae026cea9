"""The given cases, by id."""

import json
from pathlib import Path

import pytest

GIVEN = json.loads(Path(__file__).with_name("given.json").read_text(encoding="utf-8"))


@pytest.fixture
def case(request):
    """The case whose id the test's name begins with: test_ACC_01_... is ACC-01."""
    kind, number = request.node.originalname.split("_")[1:3]
    return next(case for case in GIVEN["cases"] if case["id"] == f"{kind}-{number}")
