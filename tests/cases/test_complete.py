"""No case without a test, and no test without a case."""

import json
import re
from pathlib import Path

HERE = Path(__file__).parent


def test_every_given_case_has_exactly_one_test():
    given = {case["id"] for case in json.loads((HERE / "given.json").read_text(encoding="utf-8"))["cases"]}
    named = [
        f"{kind}-{number}"
        for path in HERE.glob("test_*.py")
        for kind, number in re.findall(r"^def test_([A-Z]{2,3})_([0-9]{2})_", path.read_text(encoding="utf-8"), re.M)
    ]
    assert sorted(named) == sorted(given)
