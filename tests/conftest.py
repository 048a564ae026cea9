"""Settings shared by all tests: Hypothesis profiles, the real-data folder, and no unexpected skip in CI.

HYPOTHESIS_PROFILE  default | ci | mutants | quick (make check) | soak; unset: ci when CI=true, else default
SEAWALL_DATA        folder of the real data sets; unset: tests marked realdata skip and say so
CI=true             a skip whose reason is not listed in tests/allowed_skips.txt fails the run
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
NO_DATA = "SEAWALL_DATA is not set: it names the folder of the real data sets"
ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")

# deadline=None: a time limit per example fails on a busy machine, not on a wrong rule. Nor is "generation was slow"
# a finding, least of all when it would count as a mutant killed.
settings.register_profile(
    "default",
    max_examples=100,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("default"), max_examples=150, derandomize=True, database=None)
# Whether a mutant dies is asked, not of what smallest example: to shrink one can take minutes.
settings.register_profile(
    "mutants", settings.get_profile("ci"), max_examples=40, phases=[Phase.explicit, Phase.generate]
)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)
settings.register_profile("soak", settings.get_profile("default"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if IN_CI else "default"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data sets; skips when SEAWALL_DATA is unset, fails when it names no folder."""
    named = os.environ.get("SEAWALL_DATA")
    if not named:
        pytest.skip(NO_DATA)
    folder = Path(named)
    assert folder.is_dir(), f"SEAWALL_DATA: wanted a folder; found {named!r}"
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A realdata test is skipped as a whole, before its module-level reads, when there is no data folder."""
    if os.environ.get("SEAWALL_DATA"):
        return
    for item in items:
        if item.get_closest_marker("realdata"):
            item.add_marker(pytest.mark.skip(reason=NO_DATA))


# --- no unexpected skips in CI -----------------------------------------------------------------------------------


def allowed_skips() -> list[str]:
    lines = ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def unexpected_skips(config: pytest.Config) -> Iterator[str]:
    """`where: reason` for every skip of this run that no line of allowed_skips.txt is part of."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    allowed = allowed_skips()
    for report in reporter.stats.get("skipped", []) if reporter else []:
        if hasattr(report, "wasxfail"):
            continue
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(part in reason for part in allowed):
            yield f"{report.nodeid}: {reason}"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    is_worker = hasattr(session.config, "workerinput")  # with xdist the controller counts, not the workers
    if IN_CI and not is_worker and session.exitstatus in (0, 5) and any(unexpected_skips(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = list(unexpected_skips(config)) if IN_CI else []
    if found:
        terminalreporter.section("unexpected skips: the run fails", red=True)
        for line in found:
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"allow a reason in tests/{ALLOWED_SKIPS.name}")
