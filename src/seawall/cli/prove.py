"""prove: what a fund owes under one root, the proof of one claim as a file, and its check without anything else.

Layer    cli; imports ledger, fund.journal, stress.verify (how a log is read).
Not here the tree (rules.sum_tree), what is owed (ledger.liabilities), haircuts (cli.haircut_proof).
Held to  this by tests/cli/test_prove.py: every byte of a proof that is changed makes the check say no.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from seawall.amounts import AmountError, check_id, format_decimal, parse_integer
from seawall.cli.console import CHECK_FAILED, OK, print_document, stdout
from seawall.cli.deleverage import read_salt
from seawall.cli.documents import ProofCheckDocument
from seawall.cli.ledger_store import opened
from seawall.design.errors import BadInput, Problem
from seawall.fund.codec import CorruptLog, decode_hook
from seawall.fund.journal import replay
from seawall.fund.state import FundState
from seawall.ledger.connect import shown
from seawall.ledger.liabilities import (
    KINDS,
    Book,
    Kind,
    LiabilitiesRoot,
    LiabilityProof,
    check,
    liabilities,
    position_of,
)
from seawall.ledger.sqlite import DATABASE
from seawall.rules.sum_tree import ProofError
from seawall.stress.run import encode_document
from seawall.stress.verify import read_lines


def register(app: typer.Typer) -> None:
    """Add `seawall prove`."""

    @app.command("prove")
    def prove(
        folder: Annotated[
            str | None, typer.Argument(help="A run's folder, or a ledger: its folder, or postgresql://…")
        ] = None,
        account: Annotated[
            str | None, typer.Argument(help="A staker, or the deficit of pending severity or carried debt.")
        ] = None,
        at: Annotated[int | None, typer.Option(help="The position: an event's number. Left out: the last.")] = None,
        epoch: Annotated[int | None, typer.Option(help="Of the salts. Left out: the position's number.")] = None,
        kind: Annotated[str, typer.Option(help=f"Where one id has several claims: {', '.join(KINDS)}.")] = "",
        salt_file: Annotated[
            Path | None, typer.Option(help="A file with the publisher's secret, for the salts.")
        ] = None,
        out: Annotated[Path | None, typer.Option(help="A new file for the proof, or for the root.")] = None,
        check_file: Annotated[Path | None, typer.Option("--check", help="A proof to be checked, offline.")] = None,
        root: Annotated[
            str | None, typer.Option(help="With --check: the published root, 64 hexadecimal digits.")
        ] = None,
        total: Annotated[str | None, typer.Option(help="With --check: the published total, base units.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Publish what a fund owes under one root, prove one claim under it, or --check a proof (exit 1: it fails)."""
        if check_file is not None:
            if folder is not None or root is None:
                raise BadInput(Problem("", 0, "--check", "--root R beside it, and no folder", _found(folder, root)))
            return _check(check_file, _root(root), _total(total), as_json)
        if folder is None or root is not None or total is not None:
            raise BadInput(
                Problem("", 0, "DIR", "a folder; or --check FILE --root R", "neither" if folder is None else "a mix")
            )
        if out is not None and out.exists():
            raise BadInput(Problem(str(out), 0, "--out", "a new file", "a file that is there", hint="nothing written"))
        state = _state(folder, at)
        book = _book(state, read_salt(salt_file), state.last_seq if epoch is None else epoch)
        document: LiabilitiesRoot | LiabilityProof = book.root(position_of(state))
        if account is not None:
            document = book.prove(_kind(state, _id(account), kind), account, position_of(state))
        if out is not None:
            out.write_bytes(encode_document(document))
        if as_json:
            print_document(document)
            return OK
        _tell(state, document, salted=salt_file is not None)
        if out is not None:
            stdout().print(f"wrote {out}", markup=False, soft_wrap=True)
        return OK


def _log(where: str) -> tuple[str, list[bytes]]:
    """(what an error calls it, the lines) of a run's log, or of a ledger's. Errors: BadInput; StoreError."""
    if "://" in where or (Path(where) / DATABASE).exists():
        with opened(where) as store:
            return shown(where), list(store.lines(1))
    log = Path(where) / "events.jsonl"
    return str(log), read_lines(log)


def _state(where: str, at: int | None) -> FundState:
    """The fund at a position of a log. Errors: BadInput: no log, a damaged one, or no such position; StoreError."""
    name, lines = _log(where)
    if at is not None and not 1 <= at <= len(lines):
        raise BadInput(Problem(name, 0, "--at", f"an event's number, 1 to {len(lines)}", str(at)))
    try:
        return replay(lines[:at])
    except CorruptLog as error:
        raise BadInput(Problem(name, 0, "", "a log whose chain and balances hold", str(error), "SPEC 10")) from None


def _book(state: FundState, secret: bytes, epoch: int) -> Book:
    try:
        return Book(liabilities(state), secret, epoch)
    except ProofError as error:
        raise BadInput(
            Problem("", 0, "--epoch" if epoch < 0 else "DIR", "claims that fit a tree", str(error))
        ) from None


def _id(account: str) -> str:
    try:
        return check_id(account)
    except AmountError as error:
        raise BadInput(Problem("", 0, "ACCOUNT", error.wanted, error.found, "SPEC 1")) from None


def _kind(state: FundState, account: str, wanted: str) -> Kind:
    """Which claim of an id is meant. Errors: BadInput: there is none, or there are several."""
    kinds = [claim.kind for claim in liabilities(state) if claim.id == account and wanted in ("", claim.kind)]
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        raise BadInput(Problem("", 0, "--kind", f"one of {', '.join(kinds)}: {account} has several claims", "none"))
    of = f"a claim of kind {wanted}" if wanted else "a staker, or a deficit pending or carried"
    raise BadInput(Problem("", 0, "ACCOUNT", f"{of} that is owed something at {state.last_seq}", account, "SPEC 11"))


def _tell(state: FundState, document: LiabilitiesRoot | LiabilityProof, *, salted: bool) -> None:
    asset, console = state.design.asset, stdout()

    def money(units: int) -> str:
        return f"{format_decimal(units, asset.decimals, group=True)} {asset.id}"

    published = document.published if isinstance(document, LiabilityProof) else document
    if isinstance(document, LiabilityProof):
        place = f"claim {document.index + 1:,} of {published.count:,}"
        console.print(f"{document.kind} {document.id} is owed {money(document.units)}, {place}", markup=False)
    at = published.position
    beside = f", {money(at.held)} beside them for stakers" if at.held else ""
    apart = f"; apart, in the venue's own token: {money(at.own_token)}" if at.own_token else ""
    console.print(f"owed   {money(published.total)} to {published.count:,} claims", markup=False)
    console.print(f"held   {money(at.layers)} in all layers{beside}{apart}", markup=False)
    console.print(f"at     event {at.seq:,}, state {at.state}", markup=False, soft_wrap=True)
    note = "" if salted else ", not salted: --salt-file"
    root = published.root or "none: nothing is owed"
    console.print(f"root   {root}  epoch {published.epoch}{note}", markup=False, soft_wrap=True)


# --- checking -------------------------------------------------------------------------------------------------------


def read_proof(data: bytes) -> LiabilityProof:
    """A proof from a file's bytes. Errors: ProofError when they are none, or not as `prove` writes it, to the byte."""
    try:
        proof = msgspec.json.decode(data, type=LiabilityProof, dec_hook=decode_hook)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProofError(f"file: wanted a seawall.proof/1 document; found {error}") from None
    if encode_document(proof) != data:
        raise ProofError("file: wanted the bytes that prove writes; found the same document in others")
    return proof


def _check(file: Path, root: str, total_units: int | None, as_json: bool) -> int:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(Problem(str(file), 0, "--check", "a proof file", error.strerror or "an error")) from None
    proof, problem = None, ""
    try:
        proof = read_proof(data)
        check(proof, root, total_units)
    except (ProofError, AmountError) as error:
        problem = str(error)
    if as_json:
        claim = f"{proof.kind}/{proof.id}" if proof else ""
        print_document(ProofCheckDocument(claim=claim, holds=not problem, problem=problem))
    elif proof is None or problem:
        stdout().print(f"does not hold: {problem}", markup=False, soft_wrap=True)
    else:
        stdout().print(_verdict(proof), markup=False, soft_wrap=True)
    return CHECK_FAILED if problem else OK


def _verdict(proof: LiabilityProof) -> str:
    published = proof.published
    return (
        f"holds: {proof.kind} {proof.id} is owed {proof.units} of {published.total} base units of "
        f"{published.position.asset}, claim {proof.index + 1:,} of {published.count:,}, "
        f"at event {published.position.seq:,}"
    )


def _found(folder: str | None, root: str | None) -> str:
    return "no --root" if root is None else f"the folder {folder}"


def _root(text: str) -> str:
    if len(text) != 64 or text.strip("0123456789abcdef"):
        raise BadInput(Problem("", 0, "--root", "64 hexadecimal digits, lower case", repr(text[:70]), "SPEC 11"))
    return text


def _total(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_integer(text)
    except AmountError as error:
        raise BadInput(Problem("", 0, "--total", error.wanted, error.found, "SPEC 1")) from None
