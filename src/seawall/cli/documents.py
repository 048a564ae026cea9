"""Documents: what `--json` prints, as types; their JSON Schemas are generated from these.

Layer    cli; imports stress.summary for the summary's own types.
Held to  this by tests/cli, which validates every document it sees against `json_schema`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from seawall.amounts import Units
from seawall.cli.haircut_proof import HaircutProof
from seawall.cli.ledger_documents import (
    LedgerApplyDocument,
    LedgerExportDocument,
    LedgerInitDocument,
    LedgerSnapshotDocument,
    LedgerStatementDocument,
    LedgerTailDocument,
    LedgerVerifyDocument,
    ReconcileDocument,
)
from seawall.design.errors import Problem
from seawall.ledger.liabilities import LiabilitiesRoot, LiabilityProof
from seawall.report.adl_table import AdlRow
from seawall.report.bracket_table import BracketRow
from seawall.report.policy_table import PolicyRow
from seawall.report.reverse_table import ReverseRow, ScanRow
from seawall.report.summary import AssetName, DesignName, PathName, Summary


class ProblemRow(Struct, frozen=True):
    """One problem: where, wanted, found, rule, remedy. `line` 0: none."""

    file: str
    line: int
    field: str
    wanted: str
    found: str
    rule: str
    hint: str


class ErrorDocument(Struct, frozen=True, kw_only=True):
    """Why nothing was done. `exit` is the process's exit code."""

    schema: Literal["seawall.error/1"] = "seawall.error/1"
    exit: int
    message: str
    problems: tuple[ProblemRow, ...] = ()


class WarningRow(Struct, frozen=True):
    """One warning about a design."""

    field: str
    text: str
    rule: str


class CheckDocument(Struct, frozen=True, kw_only=True):
    """A design, explained."""

    schema: Literal["seawall.check/1"] = "seawall.check/1"
    design: str
    digest: str
    explanation: tuple[str, ...]
    warnings: tuple[WarningRow, ...]


class BookDocument(Struct, frozen=True, kw_only=True):
    """A book that was generated or checked."""

    schema: Literal["seawall.book/1"] = "seawall.book/1"
    file: str
    digest: str
    accounts: int
    positions: int
    cash: Units
    outside: tuple[OutsideRow, ...]


class OutsideRow(Struct, frozen=True):
    """The outside book in one market."""

    market: str
    lots: int
    share_ppm: int


class VerifyRow(Struct, frozen=True):
    """One thing that was verified; `problem` is "" when it holds."""

    what: str
    detail: str
    problem: str


class VerifyDocument(Struct, frozen=True, kw_only=True):
    """A run folder, verified."""

    schema: Literal["seawall.verify/1"] = "seawall.verify/1"
    folder: str
    holds: bool
    checks: tuple[VerifyRow, ...]


class ScenarioCheckRow(Struct, frozen=True):
    """One expectation of a scenario."""

    line: int
    what: str
    wanted: str
    found: str
    holds: bool


class ScenarioRow(Struct, frozen=True):
    """One scenario under one driver."""

    file: str
    title: str
    driver: str
    holds: bool
    checks: tuple[ScenarioCheckRow, ...]


class ScenarioDocument(Struct, frozen=True, kw_only=True):
    """Scenarios that were run."""

    schema: Literal["seawall.scenario/1"] = "seawall.scenario/1"
    holds: bool
    scenarios: tuple[ScenarioRow, ...]


class WrittenDocument(Struct, frozen=True, kw_only=True):
    """A file or folder that was written."""

    schema: Literal["seawall.written/1"] = "seawall.written/1"
    path: str
    what: str


class DemoDocument(Struct, frozen=True, kw_only=True):
    """The demo's runs, in order."""

    schema: Literal["seawall.demo/1"] = "seawall.demo/1"
    folder: str
    runs: tuple[Summary, ...]


class CompareDocument(Struct, frozen=True, kw_only=True):
    """One crash under several designs and policies: a row a run, and the runs' summaries, in the same order."""

    schema: Literal["seawall.compare/1"] = "seawall.compare/1"
    rows: tuple[PolicyRow, ...]
    runs: tuple[Summary, ...]


class BracketDocument(Struct, frozen=True, kw_only=True):
    """One crash under three readings of its prices: a row a case, and the runs' summaries, in the same order."""

    schema: Literal["seawall.bracket/1"] = "seawall.bracket/1"
    rows: tuple[BracketRow, ...]
    runs: tuple[Summary, ...]


class ReverseDocument(Struct, frozen=True, kw_only=True):
    """Multiples of a path's moves, run one by one: when each outcome first happens, and every run.

    paths     the path at its own moves, once for each intrabar order
    step_ppm, max_ppm  of the multiples
    """

    schema: Literal["seawall.reverse/1"] = "seawall.reverse/1"
    design: DesignName
    asset: AssetName
    book_digest: str
    paths: tuple[PathName, ...]
    seed: int
    pass_through_ppm: int
    step_ppm: int
    max_ppm: int
    outcomes: tuple[ReverseRow, ...]
    scan: tuple[ScanRow, ...]


class DeleverageDocument(Struct, frozen=True, kw_only=True):
    """One severity taken from winners under one or more policies.

    capacity  all that the winners could pay
    salted    whether rows of the root are salted with a secret
    skipped   policies that the file has no columns for, and which
    """

    schema: Literal["seawall.deleverage/1"] = "seawall.deleverage/1"
    winners: int
    severity: Units
    capacity: Units
    salted: bool
    rows: tuple[AdlRow, ...]
    skipped: tuple[str, ...]


class HaircutCheckDocument(Struct, frozen=True, kw_only=True):
    """Whether one trader's haircut is in a published root; `problem` is "" when it is."""

    schema: Literal["seawall.haircut_check/1"] = "seawall.haircut_check/1"
    account: str
    holds: bool
    problem: str


class ProofCheckDocument(Struct, frozen=True, kw_only=True):
    """Whether one claim (kind/id; "" where the file is no proof) is under a root; `problem` is "" when it is."""

    schema: Literal["seawall.proof_check/1"] = "seawall.proof_check/1"
    claim: str
    holds: bool
    problem: str


class ExplainDocument(Struct, frozen=True, kw_only=True):
    """What happened to one account: facts by section, and the same in words."""

    schema: Literal["seawall.explain/1"] = "seawall.explain/1"
    account: str
    lines: tuple[str, ...]
    facts: dict[str, Any]


DOCUMENTS: dict[str, type[Struct]] = {
    "seawall.error/1": ErrorDocument,
    "seawall.check/1": CheckDocument,
    "seawall.book/1": BookDocument,
    "seawall.stress.summary/1": Summary,
    "seawall.verify/1": VerifyDocument,
    "seawall.scenario/1": ScenarioDocument,
    "seawall.written/1": WrittenDocument,
    "seawall.demo/1": DemoDocument,
    "seawall.explain/1": ExplainDocument,
    "seawall.compare/1": CompareDocument,
    "seawall.bracket/1": BracketDocument,
    "seawall.reverse/1": ReverseDocument,
    "seawall.deleverage/1": DeleverageDocument,
    "seawall.haircut_check/1": HaircutCheckDocument,
    "seawall.haircut_proof/1": HaircutProof,
    "seawall.liabilities_root/1": LiabilitiesRoot,
    "seawall.proof/1": LiabilityProof,
    "seawall.proof_check/1": ProofCheckDocument,
    "seawall.ledger.init/1": LedgerInitDocument,
    "seawall.ledger.apply/1": LedgerApplyDocument,
    "seawall.ledger.verify/1": LedgerVerifyDocument,
    "seawall.ledger.export/1": LedgerExportDocument,
    "seawall.ledger.snapshot/1": LedgerSnapshotDocument,
    "seawall.ledger.tail/1": LedgerTailDocument,
    "seawall.ledger.statement/1": LedgerStatementDocument,
    "seawall.reconcile/1": ReconcileDocument,
}


def problem_row(problem: Problem) -> ProblemRow:
    """A problem as a row of the error document."""
    return ProblemRow(
        problem.file, problem.line, problem.field, problem.wanted, problem.found, problem.rule, problem.hint
    )


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a document, by its `schema` id."""

    def hook(kind: type) -> dict[str, Any]:
        if kind is Units:
            return {"type": "string", "pattern": "^-?(0|[1-9][0-9]*)$", "description": "base units"}
        raise NotImplementedError(kind.__name__)

    return msgspec.json.schema(DOCUMENTS[name], schema_hook=hook)
