"""Checks: what in a design is allowed but unwise, each with the figure that makes it so.

Layer    design; imports design.types, design.words and its own parts: checks_layers, checks_markets, checks_rules.
         Used by `seawall check` and by reports.
Not here what makes a file unusable (design.coherence): a design that gets here has loaded; its words (design.explain).
Held to  this by tests/design/test_checks.py: each warning has a design that earns it and a safe twin that does not.
"""

from __future__ import annotations

from seawall.design.checks_layers import warn_layers
from seawall.design.checks_markets import warn_markets, warn_stress
from seawall.design.checks_rules import warn_exhaustion, warn_income, warn_liquidation, warn_world
from seawall.design.types import Design
from seawall.design.words import Warning

__all__ = ["Warning", "warnings"]


def warnings(design: Design) -> list[Warning]:
    """What the design allows that is unsafe or without effect; empty when there is nothing to say."""
    return [
        *warn_markets(design),
        *warn_liquidation(design),
        *warn_income(design),
        *warn_layers(design),
        *warn_exhaustion(design),
        *warn_world(design),
        *warn_stress(design),
    ]
