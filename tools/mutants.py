#!/usr/bin/env python3
"""Plant the one-line faults of mutants.toml one at a time and demand that a test fails for each.

    tools/mutants.py [ID...] [--part K/N] [--list] [--jobs 2]

A mutant gets its own copy of src/, put before the installed package by PYTHONPATH; a plugin in each pytest run checks
that this copy is the one imported and notes which test failed. Killed means: a test ran and failed. A fault that merely
breaks an import, a collection or a name is an error of the list, not a kill, as is a `find` that no longer fits.

Exit: 0 all killed; 1 a survivor, or fewer mutants than `minimum`; 2 the list or the run is broken.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "seawall"
LIST = Path(__file__).with_name("mutants.toml")
ACCIDENTS = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "UnboundLocalError")

# Runs inside each pytest: refuses a run on the wrong package, writes one JSON line a failure.
PLUGIN = """
import importlib.util, json, os, pathlib, pytest

def note(kind, report):
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message if crash else str(report.longrepr)
    with open(os.environ["SEAWALL_MUTANT_NOTES"], "a", encoding="utf-8") as notes:
        notes.write(json.dumps({"kind": kind, "test": report.nodeid, "message": message[-2000:]}) + "\\n")

def pytest_configure(config):
    spec = importlib.util.find_spec("seawall")
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations)
    wanted = pathlib.Path(os.environ["SEAWALL_MUTANT_SRC"])
    if not all(pathlib.Path(place).is_relative_to(wanted) for place in places[:1]):
        raise pytest.UsageError(f"seawall would be imported from {places}, not from {wanted}")

def pytest_collectreport(report):
    if report.failed:
        note("collect", report)

def pytest_runtest_logreport(report):
    if report.failed:
        note("test", report)
"""


class ListError(Exception):
    """mutants.toml does not fit the sources, or is malformed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One entry of mutants.toml, checked against the file it changes."""

    id: str
    file: str
    line: int
    text: str  # the whole file with the fault in it
    why: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run: `killed` and `timeout` are good, `survived` and `error` are not."""

    verdict: Literal["killed", "timeout", "survived", "error"]
    detail: str
    seconds: float


# --- the list ----------------------------------------------------------------------------------------------------


def read_mutant(entry: dict[str, Any], default_tests: Sequence[str]) -> Mutant:
    """Check one entry and apply it to the text of its file.

    Errors  ListError, which names the mutant, when a key is missing or unknown, or `find` is not there exactly once.
    """
    name = entry.get("id", "without id")

    def fail(message: str) -> ListError:
        return ListError(f"mutant {name}: {message}")

    needed, known = {"id", "file", "find", "replace", "why"}, {"line_contains", "tests"}
    if missing := needed - entry.keys():
        raise fail(f"lacks {', '.join(sorted(missing))}")
    if unknown := entry.keys() - needed - known:
        raise fail(f"has unknown keys {', '.join(sorted(unknown))}")
    find, replace, context = entry["find"], entry["replace"], entry.get("line_contains", "")
    if "\n" in find or "\n" in replace or not find:
        raise fail("`find` and `replace` are parts of one line")
    path = PACKAGE / entry["file"]
    if not path.is_file():
        raise fail(f"no file src/seawall/{entry['file']}")

    before = path.read_text(encoding="utf-8")
    lines = before.split("\n")
    hits = [number for number, line in enumerate(lines) if context in line for _ in range(line.count(find))]
    if len(hits) != 1:
        among = f" among lines with {context!r}" if context else ""
        places = f" (lines {', '.join(str(hit + 1) for hit in hits)})" if hits else ""
        raise fail(f"wanted {find!r} once in {entry['file']}{among}; found it {len(hits)} times{places}")
    lines[hits[0]] = lines[hits[0]].replace(find, replace)
    after = "\n".join(lines)
    if path.suffix == ".py":
        try:
            unchanged = ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))
        except SyntaxError as error:
            raise fail(f"the changed file is no Python: {error}") from error
    else:
        unchanged = before == after
    if unchanged:
        raise fail("changes nothing that runs")

    tests = tuple(entry.get("tests", default_tests))
    if not tests or not all((ROOT / test.split("::")[0]).exists() for test in tests):
        raise fail(f"a test path does not exist: {', '.join(tests) or 'none given'}")
    return Mutant(entry["id"], entry["file"], hits[0] + 1, after, entry["why"], tests)


def read_list(document: dict[str, Any]) -> list[Mutant]:
    """All mutants, or one ListError with every finding."""
    mutants, problems = [], []
    for entry in document.get("mutant", []):
        try:
            mutants.append(read_mutant(entry, document["default_tests"]))
        except ListError as error:
            problems.append(str(error))
    ids = [mutant.id for mutant in mutants]
    problems += [f"mutant {twice}: the id is used twice" for twice in sorted({i for i in ids if ids.count(i) > 1})]
    if problems:
        raise ListError("\n".join(problems))
    return mutants


# --- one run -----------------------------------------------------------------------------------------------------


def run_tests(tests: Sequence[str], timeout_s: float, change: Mutant | None, workers: int = 0) -> Outcome:
    """Run `tests` on a copy of src/ with `change` in it (None: the baseline). workers: processes; 0: this one alone."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="seawall-mutant-") as folder:
        home = Path(folder)
        shutil.copytree(ROOT / "src", home / "src", ignore=shutil.ignore_patterns("__pycache__"))
        (home / "plugin").mkdir()
        (home / "plugin" / "seawall_mutant_plugin.py").write_text(PLUGIN, encoding="utf-8")
        notes = home / "notes"
        notes.touch()
        if change:
            (home / "src" / "seawall" / change.file).write_text(change.text, encoding="utf-8")
        env = {k: v for k, v in os.environ.items() if k not in {"PYTEST_ADDOPTS", "SEAWALL_DATA", "CI"}}
        env |= {
            "PYTHONPATH": os.pathsep.join([str(home / "src"), str(home / "plugin")]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "HYPOTHESIS_PROFILE": "mutants",
            "SEAWALL_MUTANT_SRC": str(home / "src"),
            "SEAWALL_MUTANT_NOTES": str(notes),
        }  # fmt: skip
        plugins = ["-p", "_hypothesis_pytestplugin", "-p", "seawall_mutant_plugin", "-p", "no:cacheprovider"]
        plugins += ["-p", "xdist", "-n", str(workers)] if workers else []
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=short", *plugins, "-m", "not realdata", *tests]
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Outcome("timeout", f"ran longer than {timeout_s:g} s", time.monotonic() - start)
        found = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
    return judge(process.returncode, found, output, time.monotonic() - start)


def judge(code: int, found: Sequence[dict[str, str]], output: str, seconds: float) -> Outcome:
    """A verdict from pytest's exit code and what the plugin noted; pytest -x leaves 1 after a collection error too."""
    if code == 0:
        return Outcome("survived", "no test failed", seconds)
    first = found[0] if found else None
    if code == 1 and first and first["kind"] == "test":
        message = first["message"]
        if message.startswith(ACCIDENTS):
            return Outcome("error", f"fails by accident, not by a rule: {message.splitlines()[0]}", seconds)
        return Outcome("killed", first["test"], seconds)
    if first and first["kind"] == "collect":
        tail = first["message"].strip().splitlines()
        return Outcome("error", f"tests could not be collected: {first['test']}: {tail[-1] if tail else ''}", seconds)
    return Outcome("error", f"pytest ended with {code}:\n" + "\n".join(output.splitlines()[-15:]), seconds)


# --- all of them -------------------------------------------------------------------------------------------------


def part(text: str) -> tuple[int, int]:
    """`K/N` as two numbers. Errors: ValueError, which argparse shows."""
    number, _, parts = text.partition("/")
    if not 0 <= int(number) < int(parts):
        raise ValueError(text)
    return int(number), int(parts)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the list, run the baseline, then every mutant; print a line each."""
    parser = argparse.ArgumentParser(description="Plant one-line faults; every one must fail a test.")
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these (the minimum is then not asked for)")
    parser.add_argument("--list", action="store_true", help="check and list the mutants, run nothing")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time (default 2)")
    parser.add_argument("--part", type=part, default=(0, 1), metavar="K/N", help="every N-th, from the K-th, 0 first")
    args = parser.parse_args(argv)

    document = tomllib.loads(LIST.read_text(encoding="utf-8"))
    try:
        mutants = read_list(document)
    except ListError as error:
        print(f"tools/mutants.toml does not fit the sources:\n{error}", file=sys.stderr)
        return 2
    if unknown := set(args.ids) - {mutant.id for mutant in mutants}:
        print(f"no such mutant: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    if args.ids:
        mutants = [mutant for mutant in mutants if mutant.id in args.ids]
    number, parts = args.part
    mutants = mutants[number::parts]
    if args.list:
        for mutant in mutants:
            print(f"{mutant.id:8} {mutant.file}:{mutant.line}  {mutant.why}")
        print(f"mutants: {len(mutants)} listed")
        return 0
    too_few = not args.ids and len(mutants) < document["minimum"] // parts
    return run_all(mutants, document["timeout_s"], args.jobs, document["minimum"] if too_few else 0)


def run_all(mutants: Sequence[Mutant], timeout_s: float, jobs: int, short_of: int) -> int:
    """Baseline, then the mutants, two at a time; the exit code."""
    if mutants:
        every_test = sorted({test for mutant in mutants for test in mutant.tests})
        baseline = run_tests(every_test, 8 * timeout_s, None, workers=max(1, jobs))
        if baseline.verdict != "survived":
            print(f"the tests fail without any mutant: {baseline.detail}", file=sys.stderr)
            return 2
        print(f"baseline passes, {baseline.seconds:.0f} s: {' '.join(every_test)}", flush=True)

    bad = {"survived": 0, "error": 0}
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        outcomes = pool.map(lambda mutant: run_tests(mutant.tests, timeout_s, mutant), mutants)
        for mutant, outcome in zip(mutants, outcomes, strict=True):
            if outcome.verdict in bad:
                bad[outcome.verdict] += 1
            good = outcome.verdict in {"killed", "timeout"}
            verdict = "killed" if good else outcome.verdict.upper()
            detail = outcome.detail if good else f"{outcome.detail}  [{mutant.why}]"
            print(f"{mutant.id:8} {verdict}  {mutant.file}:{mutant.line}  {detail}", flush=True)
    killed = len(mutants) - sum(bad.values())
    if short_of:
        print(f"mutants: wanted at least {short_of}, the list has {len(mutants)}")
    print(f"mutants: {killed}/{len(mutants)} killed")
    if bad["error"]:
        return 2
    return 1 if bad["survived"] or short_of else 0


if __name__ == "__main__":
    sys.exit(main())
