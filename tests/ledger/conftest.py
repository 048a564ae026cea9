"""Stores for the ledger's tests: a folder, or a schema of a real PostgreSQL that the tests start."""

from __future__ import annotations

import pytest

from tests.ledger.server import NO_SERVER, Server, binaries
from tests.ledger.worlds import WORLDS
from tests.ledger.writers import kill_left_over


@pytest.fixture(scope="session")
def server():
    """One PostgreSQL for all tests of a process."""
    found = binaries()
    if found is None:
        pytest.skip(NO_SERVER)
    running = Server(found)
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_writer_is_left_over():
    """A test that failed leaves no process behind."""
    yield
    kill_left_over()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    """Where a ledger can be made: a folder or a URL."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger")
    return request.getfixturevalue("server").place()


@pytest.fixture(params=list(WORLDS))
def world(request):
    """A machine and how to speak to it."""
    return WORLDS[request.param]
