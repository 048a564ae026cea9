"""ledger apply: the commands of a file, one after another, each with its durable answer.

Layer    cli; imports fund.{codec,machine,messages}, ledger.log, stress.tables (bad lines).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import typer

from seawall.cli.console import CHECK_FAILED, OK, print_document, progress_bar, stderr, stdout
from seawall.cli.ledger_documents import Answer, AnswerRow, LedgerApplyDocument
from seawall.cli.ledger_store import ENV_STORE, JSON, head_row, opened, store_and_file
from seawall.fund.codec import decode_command
from seawall.fund.machine import FundMachine
from seawall.fund.messages import AnyCommand, Refused
from seawall.ledger.connect import shown
from seawall.ledger.log import Ledger, LedgerStopped
from seawall.report.terminal import Fitting
from seawall.stress.tables import Findings, read_bytes

AHEAD = 8_192
"""Commands that wait at once: enough for two of the writer's batches, and a bound on memory."""


def register(group: typer.Typer) -> None:
    """Add `seawall ledger apply`."""

    @group.command("apply")
    def apply(
        first: Annotated[str, typer.Argument(metavar="[STORE]", help="A folder, or postgresql://…")],
        second: Annotated[
            str | None, typer.Argument(metavar="COMMANDS", help="Commands, one JSON object a line.")
        ] = None,
        store: ENV_STORE = None,
        as_json: JSON = False,
    ) -> int:
        """Decide the commands of a file in order; every answer is durable. Exit 1 when any was not taken."""
        where, file = store_and_file(first, second, store)
        commands = read_commands(file)
        with (
            opened(where) as kept,
            progress_bar("apply", "commands") as progress,
            Ledger(FundMachine(), kept) as ledger,
        ):
            _tell(ledger)
            answers = tuple(_answers(ledger, commands, progress))
            head, torn_bytes = ledger.head, ledger.torn_bytes
        counts: Counter[Answer] = Counter(answer.answer for answer in answers)
        taken = counts["receipt"] + counts["repeated"]
        if as_json:
            print_document(
                LedgerApplyDocument(
                    store=shown(where),
                    file=str(file),
                    receipts=counts["receipt"],
                    repeated=counts["repeated"],
                    refused=counts["refused"],
                    conflicts=counts["conflict"],
                    failed=counts["failed"],
                    torn_bytes=torn_bytes,
                    head=head_row(head),
                    answers=answers,
                )
            )
        else:
            _show(answers, counts, f"{shown(where)}: event {head.seq} {head.hash[:12]}")
        return OK if taken == len(answers) else CHECK_FAILED


def _tell(ledger: Ledger[Any, AnyCommand, Any, Refused]) -> None:
    """What opening found that somebody should know, before anything is appended."""
    console = stderr()
    if ledger.torn_bytes:
        console.print(f"a last write was cut short: {ledger.torn_bytes:,} bytes of it were trimmed", markup=False)
    for seq, why in ledger.recovered.passed_over:
        console.print(f"the snapshot after event {seq} was passed over: {why}", markup=False, soft_wrap=True)


def read_commands(file: Path) -> list[tuple[int, AnyCommand]]:
    """(line, command) of a file in the wire form of fund.codec; blank lines are passed over.

    Errors  BadInput: every line that is no command, so that nothing of such a file is applied.
    """
    findings = Findings(str(file))
    commands: list[tuple[int, AnyCommand]] = []
    for number, line in enumerate(read_bytes(file, findings).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            commands.append((number, decode_command(line)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            found, _, path = str(error).partition(" - at `$")
            findings.add(number, path.rstrip("`").lstrip("."), "a command of the fund", found, "SPEC 3")
    findings.raise_if_any()
    return commands


def _answers(
    ledger: Ledger[Any, AnyCommand, Any, Refused],
    commands: Sequence[tuple[int, AnyCommand]],
    progress: Callable[[int, int], None],
) -> Iterator[AnswerRow]:
    """Answers in order, while the writer makes those that wait durable together."""
    waiting: deque[tuple[int, AnyCommand, Future[Any]]] = deque()
    done = 0
    for number, command in commands:
        waiting.append((number, command, ledger.begin((command,))))
        if len(waiting) >= AHEAD:
            yield _answer(*waiting.popleft())
            done += 1
            progress(done, len(commands))
    while waiting:
        yield _answer(*waiting.popleft())
        done += 1
        progress(done, len(commands))


def _answer(line: int, command: AnyCommand, future: Future[Any]) -> AnswerRow:
    try:
        (answer,) = future.result()
    except LedgerStopped:
        raise
    except Exception as error:  # this command could not be decided or written; others are not touched
        return AnswerRow(line, command.id, "failed", code=type(error).__name__, reason=str(error))
    if isinstance(answer, Refused):
        word: Answer = "conflict" if answer.code == "conflict" else "refused"
        return AnswerRow(line, command.id, word, code=answer.code, field=answer.field, reason=answer.reason)
    return AnswerRow(
        line,
        command.id,
        "repeated" if answer.repeated else "receipt",
        answer.first_seq,
        answer.last_seq,
        answer.t_ms,
        answer.hash,
    )


def _show(answers: Sequence[AnswerRow], counts: Counter[Answer], end: str) -> None:
    console = stdout()
    rows = [
        (str(row.line), row.id, row.answer, row.field, row.reason)
        for row in answers
        if row.answer not in ("receipt", "repeated")
    ]
    if rows:
        console.print(Fitting(("line", "command", "answer", "field", "why"), rows))
    words = ", ".join(f"{counts[word]:,} {word}" for word in get_args(Answer))
    console.print(f"{len(answers):,} commands: {words}", markup=False)
    console.print(end, markup=False, soft_wrap=True)
