"""Console: where text goes, how a progress bar looks, how documents and errors are printed.

Layer    cli; imports design.errors, cli.documents. With `--json`, stdout is one document and all else goes to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seawall.stress.run import encode_document

OK, CHECK_FAILED, BAD_INPUT, ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: done (even if the fund fails); a check said no; bad input or usage; environment; interrupted."""


def width() -> int:
    """Columns of output: the terminal's, COLUMNS, or 100 when piped, so that piped output is the same everywhere."""
    return int(os.environ["COLUMNS"]) if os.environ.get("COLUMNS", "").isdigit() else 0


def stdout() -> Console:
    """The console for results."""
    return Console(width=width() or (None if sys.stdout.isatty() else 100), highlight=False, soft_wrap=False)


def stderr() -> Console:
    """The console for progress and problems."""
    return Console(stderr=True, width=width() or None, highlight=False)


def print_document(document: Struct) -> None:
    """One JSON document on stdout."""
    sys.stdout.buffer.write(encode_document(document))
    sys.stdout.buffer.flush()


@contextmanager
def progress_bar(label: str, unit: str = "steps") -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr: none when stderr is not a terminal, nothing left of it when done."""
    console = stderr()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
