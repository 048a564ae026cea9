"""Seawall: the insurance fund of a derivatives venue, exact to the base unit.

The names here are stable; everything else may move between versions. They load when first used, so that a program that
wants the fund alone never loads the stress side.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seawall.amounts import allocate
    from seawall.design import BadInput, Design, load_design
    from seawall.fund.journal import Journal
    from seawall.stress.books import read_book
    from seawall.stress.paths import read_path
    from seawall.stress.run import Inputs, run
    from seawall.venue.book import Book
    from seawall.venue.machine import Venue

_HOME = {
    "BadInput": "seawall.design",
    "Book": "seawall.venue.book",
    "Design": "seawall.design",
    "Inputs": "seawall.stress.run",
    "Journal": "seawall.fund.journal",
    "Venue": "seawall.venue.machine",
    "allocate": "seawall.amounts",
    "load_design": "seawall.design",
    "read_book": "seawall.stress.books",
    "read_path": "seawall.stress.paths",
    "run": "seawall.stress.run",
}

__all__ = [
    "BadInput",
    "Book",
    "Design",
    "Inputs",
    "Journal",
    "Venue",
    "allocate",
    "load_design",
    "read_book",
    "read_path",
    "run",
]

__version__ = version("seawall")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'seawall' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
