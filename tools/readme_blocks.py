#!/usr/bin/env python3
"""Rerun the command blocks of README.md and docs/ and compare their output with what is written there.

    tools/readme_blocks.py [--write] [FILE...]

A block is checked when the line before its fence is `<!-- check -->`:

    <!-- check -->
    ```console
    $ seawall --version
    seawall 0.1.0
    ```

Each document has its own temporary copy of the checkout, and its blocks run in it one after the other, so a later block
may read what an earlier one wrote. Standard error is part of the output. A command that fails ends with a line
`[exit 2]`, which the document must show. A line `...` in the document stands for any number of lines. A block may hold
several `$` commands; a command goes on over lines that end with a backslash.

Exit: 0 all equal (or written), 1 a difference, 2 a document that cannot be read so.
"""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK, FENCE, END, ANY = "<!-- check -->", "```console", "```", "..."
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", "build", "dist", "__pycache__", ".hypothesis", ".*_cache")
TIMEOUT_S = 300
COLUMNS = 100  # a code block on the web shows about this much without a scroll bar


class DocumentError(Exception):
    """A marked block that is not written as the docstring above says."""


@dataclass(frozen=True, slots=True)
class Block:
    """One checked block: the lines between its fences, and where the first of them is (from 0)."""

    start: int
    lines: tuple[str, ...]


def find_blocks(name: str, lines: Sequence[str]) -> Iterator[Block]:
    """The marked blocks of a document, in order."""
    for number, line in enumerate(lines):
        if line.strip() != MARK:
            continue
        if number + 1 >= len(lines) or lines[number + 1].rstrip() != FENCE:
            raise DocumentError(f"{name}:{number + 1}  {MARK} must stand right before {FENCE}")
        start = number + 2
        ends = [at for at in range(start, len(lines)) if lines[at].rstrip() == END]
        if not ends:
            raise DocumentError(f"{name}:{number + 2}  the block has no end")
        if start == ends[0] or not lines[start].startswith("$ "):
            raise DocumentError(f"{name}:{start + 1}  the block's first line must be `$ command`")
        yield Block(start, tuple(lines[start : ends[0]]))


def split_commands(block: Block) -> Iterator[tuple[list[str], list[str]]]:
    """(lines of a command, lines of output written below it), in order."""
    command: list[str] = []
    output: list[str] = []
    for line in block.lines:
        if line.startswith("$ "):
            if command:
                yield command, output
            command, output = [line], []
        elif command[-1].endswith("\\") and not output:
            command.append(line)
        else:
            output.append(line)
    yield command, output


def run(command: Sequence[str], folder: Path) -> list[str]:
    """Output lines of a command in `folder`, trailing blanks off, with `[exit N]` when it fails."""
    dropped = ("SEAWALL_", "MAKE", "MFLAGS", "PYTHONPATH", "FORCE_COLOR")
    env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    path = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    env |= {"PATH": path, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": str(COLUMNS), "PYTHONUNBUFFERED": "1"}
    text = "\n".join(command).removeprefix("$ ")
    try:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", text], cwd=folder, env=env, timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [f"[no end after {TIMEOUT_S} s]"]
    lines = [line.rstrip() for line in done.stdout.rstrip().splitlines()]
    return [*lines, f"[exit {done.returncode}]"] if done.returncode else lines


def matches(written: Sequence[str], found: Sequence[str]) -> bool:
    """True when `found` is `written`, where a written `...` stands for any number of lines."""
    pieces: list[list[str]] = [[]]
    for line in written:
        if line.strip() == ANY:
            pieces.append([])
        else:
            pieces[-1].append(line.rstrip())
    if len(pieces) == 1:
        return pieces[0] == list(found)
    head, *middle, tail = pieces
    if len(head) + len(tail) > len(found) or list(found[: len(head)]) != head:
        return False
    end = len(found) - len(tail)
    if list(found[end:]) != tail:
        return False
    at = len(head)
    for piece in middle:  # the earliest fit leaves most room for the next piece
        while at + len(piece) <= end and list(found[at : at + len(piece)]) != piece:
            at += 1
        if at + len(piece) > end:
            return False
        at += len(piece)
    return True


def check(path: Path, write: bool) -> tuple[int, list[str]]:
    """Run the blocks of one document; how many there are, and the diffs (none when `write` put them right)."""
    name = str(path.relative_to(ROOT))
    lines = path.read_text(encoding="utf-8").split("\n")
    blocks = list(find_blocks(name, lines))
    if not blocks:
        return 0, []
    diffs: list[str] = []
    replaced: list[tuple[Block, list[str]]] = []
    with tempfile.TemporaryDirectory(prefix="seawall-docs-") as folder:
        copy = Path(folder) / "seawall"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED, symlinks=True)
        if (venv := Path(sys.prefix)).is_relative_to(ROOT):
            (copy / venv.relative_to(ROOT)).symlink_to(venv)  # so that a block may say `make demo`
        for block in blocks:
            now: list[str] = []
            equal = True
            for command, written in split_commands(block):
                found = run(command, copy)
                while written and not written[-1].strip():
                    written = written[:-1]
                fits = matches(written, found)
                equal = equal and fits
                now += [*command, *(written if fits else found)]
            if not equal:
                replaced.append((block, now))
                where = f"{name}:{block.start + 1}"
                diffs += difflib.unified_diff(block.lines, now, f"{where} (written)", f"{where} (found)", lineterm="")
    if write and replaced:
        for block, now in reversed(replaced):
            lines[block.start : block.start + len(block.lines)] = now
        path.write_text("\n".join(lines), encoding="utf-8")
        print(f"wrote {name}: {len(replaced)} blocks")
        diffs = []
    return len(blocks), diffs


def main(argv: Sequence[str] | None = None) -> int:
    """Check all documents, or those named."""
    parser = argparse.ArgumentParser(description="Rerun the marked command blocks of README.md and docs/.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: README.md and docs/**/*.md")
    parser.add_argument("--write", action="store_true", help="put what was found into the documents")
    args = parser.parse_args(argv)
    paths = [path.resolve() for path in args.files] or [
        path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))] if path.is_file()
    ]
    count, diffs = 0, []
    try:
        for path in paths:
            blocks, differences = check(path, args.write)
            count += blocks
            diffs += differences
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 2
    for line in diffs:
        print(line)
    print(f"{count} blocks checked" + (", they differ: run tools/readme_blocks.py --write" if diffs else ""))
    return 1 if diffs else 0


if __name__ == "__main__":
    sys.exit(main())
