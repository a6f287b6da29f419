"""A real PostgreSQL in a temporary folder, on a unix socket and nowhere else; a database of its own for every test.

The server refuses to run as root, so that as root it runs as the user `postgres`. Nothing survives it: it keeps
nothing safe on disk, which makes it fast.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

MISSING = "PostgreSQL is not installed; `make servers` installs it on Debian, as root"
_USER = "postgres"
_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB -c max_connections=40"


class Postgres:
    """A running server; every call of `database` creates an empty one."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._numbers = count()

    def url(self, database: str) -> str:
        """Return the URL of a database, as an operator would write it."""
        return f"postgresql+psycopg://{_USER}@/{database}?host={quote(str(self._socket), safe='')}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """Create an empty database and return its URL; it is gone at the end, whoever is still connected."""
        name = f"ledger_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run a statement of the superuser, outside a transaction."""
        with psycopg.connect(host=str(self._socket), user=_USER, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running() -> Iterator[Postgres]:
    """Run a server until the end of the block; skips the test if there is none to run."""
    programs = _programs()
    # A socket's path may have 107 characters, which a folder of pytest's can exceed.
    folder = Path(tempfile.mkdtemp(prefix="bingx-pg-"))
    data, log = folder / "data", folder / "log"
    try:
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam(_USER).pw_uid, -1)
        _run(programs / "initdb", "--auth=trust", f"--username={_USER}", "--no-sync", "--encoding=UTF8", "-D", data)
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' {_FAST}"
        _run(programs / "pg_ctl", "start", "--wait", "--silent", "-D", data, "-l", log, "-o", options)
        try:
            yield Postgres(folder)
        finally:
            _run(programs / "pg_ctl", "stop", "--wait", "--silent", "-D", data, "--mode=immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    path = str(found[-1]) if found else shutil.which("initdb")
    if path is None:
        pytest.skip(MISSING)
    if os.geteuid() == 0:
        with suppress(KeyError):
            pwd.getpwnam(_USER)
            return Path(path).resolve().parent
        pytest.skip(f"PostgreSQL does not run as root, and there is no user {_USER}")
    return Path(path).resolve().parent


def _run(*command: str | Path) -> None:
    as_user: Sequence[str] = ()
    if os.geteuid() == 0:
        as_user = ("setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", "--")
    with tempfile.TemporaryFile() as output:  # not a pipe, which the server would inherit and keep open
        done = subprocess.run(
            [*as_user, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=60,
            check=False,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )
        output.seek(0)
        assert done.returncode == 0, f"{Path(command[0]).name} failed: {output.read().decode(errors='replace')}"
