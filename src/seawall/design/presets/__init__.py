"""Presets: complete fund designs that ship with the package, to start from. A preset is data: this reads its text.

Layer    design; imports nothing of ours.
Not here parsing them (design.loader); no preset has code of its own.
Held to  this by tests/design/test_presets.py: each loads, warns of nothing, and its digest is pinned.
"""

from __future__ import annotations

from importlib.resources import files


def preset_names() -> tuple[str, ...]:
    """The presets' names, in alphabetical order."""
    here = files(__name__)
    return tuple(sorted(item.name.removesuffix(".toml") for item in here.iterdir() if item.name.endswith(".toml")))


def preset_text(name: str) -> str:
    """A preset's TOML text, comments and all. Errors: KeyError with the known names for another name."""
    if name not in preset_names():
        raise KeyError(f"preset {name!r}: wanted one of {', '.join(preset_names())}")
    return files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
