"""Design: a fund-design file read, checked, explained, written.

Layer    design; imports amounts only. One file a job: types (the schema), loader (with draft, coherence, locator),
         instruments, checks, writer, schema, presets.
Not here any decision about money: rules read the types, never the loader.
Held to  this by import-linter and tests/design/.
"""

from seawall.design.errors import BadInput, Problem
from seawall.design.loader import canonical_json, design_digest, load_design, parse_design
from seawall.design.types import Design

__all__ = ["BadInput", "Design", "Problem", "canonical_json", "design_digest", "load_design", "parse_design"]
