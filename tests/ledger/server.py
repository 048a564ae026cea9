"""A PostgreSQL of the tests' own, from the package pgserver: found without importing it, run as nobody when root."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

NO_SERVER = "pgserver has no wheel for this Python: the PostgreSQL store is not tested"


def binaries() -> Path | None:
    """Where initdb and pg_ctl are; None without pgserver."""
    spec = importlib.util.find_spec("pgserver")
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) / "pginstall" / "bin" if places else None


class Server:
    """One server, in a folder of its own, reached by a socket in it."""

    def __init__(self, bin_folder: Path, connections: int = 40) -> None:
        self.bin, self.connections = bin_folder, connections
        self.folder = Path(tempfile.mkdtemp(prefix="seawall-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        self._run(
            "initdb", "-D", str(self.data), "-U", "seawall", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"
        )
        self.start()
        self._schemas = 0

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.bin / name), *arguments], user=self.user, cwd="/", capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def start(self) -> None:
        """Up, and answering."""
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c max_connections={self.connections}"
        )
        # Output to a file: a pipe that the server inherits would never end.
        self._run(
            "pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def kill(self) -> None:
        """SIGKILL to every process of it, as when the machine dies; returns when all are gone."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        family = [pid, *children(pid)]
        for one in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        until = time.monotonic() + 60
        while any(Path(f"/proc/{one}").exists() for one in family):
            assert time.monotonic() < until, "a killed server does not go away"
            time.sleep(0.02)

    def stop(self) -> None:
        """Down, and its folder removed."""
        with contextlib.suppress(AssertionError):
            self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, schema: str = "public") -> str:
        """A URL whose search path is a schema."""
        return f"postgresql://seawall@/postgres?host={self.folder}&options=-csearch_path%3D{schema}"

    def place(self) -> str:
        """The URL of a new schema."""
        self._schemas += 1
        name = f"t{os.getpid()}_{self._schemas}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")  # type: ignore[arg-type]
        return self.url(name)


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found
