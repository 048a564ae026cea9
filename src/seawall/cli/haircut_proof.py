"""Haircut proof: one trader's row of a published haircut root, as a file, and its check without anything else.

Layer    cli; imports design.errors, rules.{adl_policies,haircut_root}. The same file will be read by other checkers.
Not here the tree itself (rules.haircut_root).
Held to  this by tests/cli/test_deleverage.py: every byte of a proof that is changed makes the check say no.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from seawall.design.errors import BadInput, Problem
from seawall.rules.adl_policies import WEIGHTS
from seawall.rules.haircut_root import (
    Level,
    Proof,
    ProofError,
    Published,
    Row,
    Sibling,
    Sums,
    Tree,
    check_row,
    verify,
    water_level,
)


class SumsText(Struct, frozen=True, forbid_unknown_fields=True):
    """Caps, weights and haircuts as integer strings; up to 128 bits."""

    cap: str
    weight: str
    haircut: str


class SiblingText(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry beside the path."""

    hash: str
    sums: SumsText


class HaircutProof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trader's row and its path to the root. Hashes and salt in hexadecimal, numbers as integer strings.

    level_units, level_weight  the water level of a pro rata policy, units / weight a unit of weight; "" for others
    """

    schema: Literal["seawall.haircut_proof/1"] = "seawall.haircut_proof/1"
    policy: str
    severity: str
    account: str
    salt: str
    row: SumsText
    index: int
    count: int
    siblings: tuple[SiblingText, ...]
    sums: SumsText
    level_units: str = ""
    level_weight: str = ""


def make_proof(
    tree: tuple[Tree, list[Row]], index: int, account: str, policy: str, severity_units: int
) -> HaircutProof:
    """The proof of one row of a built tree."""
    built, rows = tree
    row, proof = rows[index], built.prove(index)
    level = None
    if policy in WEIGHTS:
        level = water_level(severity_units, [each.cap_units for each in rows], [each.weight for each in rows])
    return HaircutProof(
        policy=policy,
        severity=str(severity_units),
        account=account,
        salt=row.salt.hex(),
        row=_text(row.sums()),
        index=proof.index,
        count=proof.count,
        siblings=tuple(SiblingText(sibling.hash.hex(), _text(sibling.sums)) for sibling in proof.siblings),
        sums=_text(built.sums),
        level_units="" if level is None else str(level.units),
        level_weight="" if level is None else str(level.weight),
    )


def read_proof(path: Path) -> HaircutProof:
    """A proof from a file. Errors: BadInput when it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=HaircutProof)
    except FileNotFoundError:
        raise BadInput(Problem(str(path), 0, "", "a proof file", "no such file", "SPEC 11")) from None
    except msgspec.DecodeError as error:
        raise BadInput(Problem(str(path), 0, "", "a seawall.haircut_proof/1 document", str(error), "SPEC 11")) from None


def check_proof(proof: HaircutProof, root: str) -> str:
    """Why a proof does not hold against a published root; "" when it holds."""
    if re.fullmatch(r"[0-9a-f]{64}", root) is None:
        return f"root: wanted 64 hexadecimal digits; found {root[:70]!r}"
    try:
        row = Row(proof.account, *_numbers(proof.row), salt=_bytes("salt", proof.salt))
        published = Published(bytes.fromhex(root), proof.count, Sums(*_numbers(proof.sums)))
        siblings = tuple(Sibling(_bytes("sibling", s.hash), Sums(*_numbers(s.sums))) for s in proof.siblings)
        verify(published, row, Proof(proof.index, proof.count, siblings))
        if proof.policy in WEIGHTS:
            level = Level(_number("level", proof.level_units), _number("level", proof.level_weight))
            check_row(published, _number("severity", proof.severity), row, level)
    except (ProofError, ValueError) as error:
        return str(error)
    return ""


def _text(sums: Sums) -> SumsText:
    return SumsText(str(sums.cap_units), str(sums.weight), str(sums.haircut_units))


def _numbers(sums: SumsText) -> tuple[int, int, int]:
    return _number("cap", sums.cap), _number("weight", sums.weight), _number("haircut", sums.haircut)


def _number(name: str, text: str) -> int:
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,39})", text, re.ASCII) is None:
        raise ProofError(f"{name}: wanted an integer string; found {text[:50]!r}")
    return int(text)


def _bytes(name: str, text: str) -> bytes:
    if re.fullmatch(r"[0-9a-f]{64}", text) is None:
        raise ProofError(f"{name}: wanted 64 hexadecimal digits; found {text[:70]!r}")
    return bytes.fromhex(text)
