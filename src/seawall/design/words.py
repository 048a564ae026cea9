"""Words: figures as people read them, and what is unsafe about a design as one line.

Layer    design; imports amounts and design.types. Used by design.explain and design.checks and its parts.
Not here which figures are said (design.explain) or unsafe (design.checks).
Held to  this by tests/design/test_checks.py: percentages and durations are exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seawall.amounts import PPM, format_decimal
from seawall.design.types import Asset


@dataclass(frozen=True, slots=True)
class Warning:
    """Something allowed but unsafe.

    id     short and stable, e.g. `surcharge-above-margin`
    field  the key that makes it so, e.g. `layers[2].window_limit`
    text   what happens, with the figure that makes it unsafe
    rule   the rule that it plays against
    """

    id: str
    field: str
    text: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text} ({self.rule})"


def percent(ppm: int) -> str:
    """Parts per million as an exact percentage: 12500 is "1.25 %"."""
    return f"{format_decimal(ppm, 4)} %"


def times(ppm: int) -> str:
    """Parts per million as an exact multiple: 2750000 is "2.75 times"."""
    return f"{format_decimal(ppm, 6)} times"


_UNITS = ((86_400_000, "day", 2), (3_600_000, "hour", 1), (60_000, "minute", 1), (1_000, "second", 1))


def duration(ms: int) -> str:
    """Milliseconds in the largest unit that they are whole in, days from two on: 86400000 is "24 hours"."""
    for unit_ms, name, least in _UNITS:
        count, rest = divmod(ms, unit_ms)
        if count >= least and not rest:
            return f"{count} {name}" if count == 1 else f"{count:,} {name}s"
    return f"{ms:,} ms"


def amount(asset: Asset, units: int) -> str:
    """Base units in asset units with the asset's name: "250,000 USDC"."""
    return f"{format_decimal(units, asset.decimals, group=True)} {asset.id}"


def listed(names: Iterable[str]) -> str:
    """Names in a row: "a, b and c"."""
    found = list(names)
    return " and ".join([", ".join(found[:-1]), found[-1]]) if len(found) > 1 else "".join(found)


def leverage(initial_margin_ppm: int) -> str:
    """Notional over initial margin, rounded down to a tenth: 30000 is "33.3"."""
    return format_decimal(PPM * 10 // initial_margin_ppm, 1)
