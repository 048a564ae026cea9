"""The command line as a user meets it: arguments in, exit code, stdout and stderr out, files on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from seawall.cli.documents import json_schema
from seawall.cli.main import main
from seawall.design.presets import preset_text


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, object]:
        """stdout as one JSON document, validated against the schema that it names."""
        document = json.loads(self.out)
        jsonschema.validate(document, json_schema(document["schema"]))
        return document


Seawall = Callable[..., Done]


@pytest.fixture
def seawall(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Seawall:
    """Run the command line in this process."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: object) -> Done:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return run


@pytest.fixture
def design(tmp_path: Path) -> Path:
    """The small-perp preset as a file."""
    path = tmp_path / "design.toml"
    path.write_text(preset_text("small-perp"), encoding="utf-8")
    return path


BOOK = """account,owner,cash,market,side,lots,entry_price
long1,long1,5000,BTC-PERP,long,1000,100000
long2,long2,4000,BTC-PERP,long,500,105000
short1,short1,90000,BTC-PERP,short,1200,110000
idle,idle,10,,,,
"""

SHOCK = """schema = "seawall.shock/1"
name = "fall"
start_t_ms = 0
step_ms = 60000
[start]
BTC = "100000"
[[steps]]
move_ppm = { BTC = -20000 }
[[steps]]
move_ppm = { BTC = -100000 }
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A small book in CSV."""
    path = tmp_path / "book.csv"
    path.write_text(BOOK, encoding="utf-8")
    return path


@pytest.fixture
def shock(tmp_path: Path) -> Path:
    """A fall of a tenth in two steps."""
    path = tmp_path / "fall.toml"
    path.write_text(SHOCK, encoding="utf-8")
    return path
