"""Compiled: where Numba keeps what it compiled, so that no stale machine code is ever loaded.

Layer    stress; imports Numba. Called by stress.{kernel,batch_kernel} alone, at their beginning and end.
Not here the compiled code.
Held to  this by tests/stress/test_kernel.py.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numba

_SETTINGS: Any = numba.config


def cache_folder(*files: str) -> str:
    """A folder of these very texts, since Numba does not see that a callee changed.

    files  of the compiled code and of all that it calls
    """
    text = b"".join(Path(file).read_bytes() for file in files)
    name = "kernel-" + hashlib.sha256(text).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seawall" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError:
        return tempfile.mkdtemp(prefix="seawall-kernel-")  # nobody else may write what we load


def use_cache(*files: str) -> Any:
    """Let what is compiled from here on be kept in that folder, unless Numba was told another; for `end_cache`."""
    before = _SETTINGS.CACHE_DIR
    if not before:
        _SETTINGS.CACHE_DIR = cache_folder(*files)
    return before


def end_cache(before: Any) -> None:
    """Put the setting back: other people's code is kept where they want it."""
    _SETTINGS.CACHE_DIR = before
