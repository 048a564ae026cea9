"""Main: the `seawall` command; maps what went wrong to an exit code and one clear line a problem.

Layer    cli; imports every job's file. Exit codes: docs/reference/contracts.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import Abort, Exit, TyperException

from seawall.amounts import AmountError
from seawall.cli import (
    book,
    check,
    compare,
    deleverage,
    demo,
    explain,
    ledger,
    new,
    prove,
    reconcile,
    report,
    scenario,
    stress,
    verify,
)
from seawall.cli.console import BAD_INPUT, ENVIRONMENT, INTERRUPTED, print_document, stderr
from seawall.cli.documents import ErrorDocument, problem_row
from seawall.design.errors import BadInput
from seawall.fund.codec import CorruptLog
from seawall.fund.invariants import InvariantBroken
from seawall.ledger.store import StoreError
from seawall.venue.posting import VenueError

app = typer.Typer(
    name="seawall",
    help="The insurance fund of a derivatives venue, exact to the base unit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from seawall import __version__

        typer.echo(f"seawall {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    """The insurance fund of a derivatives venue, exact to the base unit."""


JOBS = (new, check, book, stress, compare, deleverage, verify, prove, explain, report, scenario, demo, ledger)
for job in (*JOBS, reconcile):
    job.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        result = app(words, standalone_mode=False, prog_name="seawall")
        return result if isinstance(result, int) else 0
    except BadInput as error:
        return _failed(as_json, BAD_INPUT, str(error), error)
    except Exit as error:
        return error.exit_code
    except Abort:
        return _failed(as_json, INTERRUPTED, "interrupted")
    except TyperException as error:
        context = getattr(error, "ctx", None)
        told = getattr(error, "format_message", error.__str__)()
        return _failed(as_json, BAD_INPUT, told + (f" (see {context.command_path} --help)" if context else ""))
    except KeyboardInterrupt:
        return _failed(as_json, INTERRUPTED, "interrupted")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (InvariantBroken, VenueError, AmountError) as error:
        message = f"a defect in seawall, nothing was written: {error}"
        return _failed(as_json, ENVIRONMENT, message)
    except CorruptLog as error:
        return _failed(as_json, ENVIRONMENT, f"the ledger does not open: {error}")
    except StoreError as error:
        return _failed(as_json, ENVIRONMENT, str(error))
    except (OSError, MemoryError) as error:
        return _failed(as_json, ENVIRONMENT, str(error) or type(error).__name__)


def _failed(as_json: bool, code: int, message: str, error: BadInput | None = None) -> int:
    if as_json:
        rows = tuple(problem_row(problem) for problem in error.problems) if error else ()
        print_document(ErrorDocument(exit=code, message=message.splitlines()[0] if message else "", problems=rows))
        return code
    console = stderr()
    for line in message.splitlines():
        console.print(line, markup=False, soft_wrap=True)
    if error is not None:
        count = len(error.problems)
        console.print(f"{count} problem{'s' if count > 1 else ''}, nothing written", markup=False)
    return code


def entry() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
