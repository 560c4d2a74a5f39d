"""Real database servers for tests: made in a folder of their own, on a free port of loopback, ended by their ids."""

from __future__ import annotations

import abc
import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from server.store.address import StoreAddress

START_SECONDS = 60.0
USER, PASSWORD = "switchboard", "pw-of-the-tests-4711"

_numbers = itertools.count(1)


class Server(abc.ABC):
    """One server of a kind. It may be killed and started again; its data stay until `remove`."""

    kind = ""
    scheme = ""
    user = ""
    """The system's user whom it runs as where the tests are root, which no server wants to be."""
    ready = ""
    """What it writes to its log when it is."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"switchboard-{self.kind}-"))
        self._data = self._folder / "data"
        self._log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        if os.getuid() == 0:
            shutil.chown(self._folder, self.user)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @abc.abstractmethod
    def make(self) -> None:
        """Make its data."""

    @abc.abstractmethod
    def command(self) -> Sequence[str]:
        """What starts it."""

    def start(self) -> None:
        """Start it, and wait until it can be used."""
        before = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self._folder,
                **self._as_user(),
            )
        due = time.monotonic() + START_SECONDS
        while self.ready.encode() not in self._log.read_bytes()[before:]:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < due, self._log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """Let it die without a word, with all of its processes."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def remove(self) -> None:
        """End it and let its data go."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def address(self, database: str) -> StoreAddress:
        """The place of one of its databases."""
        return StoreAddress.read(f"{self.scheme}://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}")

    async def tell(self, statement: str) -> None:
        """Have it do something."""
        engine = create_async_engine(make_url(self.address(self.first).url), isolation_level="AUTOCOMMIT")
        try:
            async with engine.connect() as connection:
                await connection.execute(text(statement))
        finally:
            await engine.dispose()

    first = ""
    """A database that is always there."""

    async def fresh(self) -> StoreAddress:
        """An empty database."""
        name = f"store{next(_numbers)}_{secrets.token_hex(2)}"
        await self.tell(f"CREATE DATABASE {name}")
        return self.address(name)

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, cwd=self._folder, check=False, **self._as_user())
        assert done.returncode == 0, (done.stdout + done.stderr).decode()

    def _as_user(self) -> dict[str, Any]:
        if os.getuid() != 0:
            return {}
        found = pwd.getpwnam(self.user)
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}

    def _write(self, name: str, words: str) -> Path:
        """A file that the server can read and nobody else."""
        path = self._folder / name
        path.touch(0o600)
        path.write_text(words)
        if os.getuid() == 0:
            shutil.chown(path, self.user)
        return path


class PostgreSQL(Server):
    kind = scheme = "postgresql"
    user = "postgres"
    ready = "database system is ready to accept connections"
    first = "postgres"

    def make(self) -> None:
        password = self._write("password", PASSWORD)
        options = (f"--username={USER}", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8")
        self._run(_postgres("initdb"), "-D", str(self._data), "--locale=C", "--no-sync", *options)

    def command(self) -> Sequence[str]:
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=32MB", "fsync=off")
        options = [word for setting in settings for word in ("-c", setting)]
        return (_postgres("postgres"), "-D", str(self._data), "-p", str(self.port), *options)


class MariaDB(Server):
    kind = scheme = "mariadb"
    user = "mysql"
    ready = "ready for connections"
    first = "mysql"

    def __init__(self) -> None:
        with contextlib.suppress(KeyError):
            pwd.getpwnam(self.user)
            super().__init__()
            return
        self.user = "nobody"  # the package that has the server alone makes no user
        super().__init__()

    def make(self) -> None:
        self._write(
            "init.sql",
            f"CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;\n",
        )
        self._run(
            *(_program("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}"),
            *("--skip-test-db", "--auth-root-authentication-method=normal"),
        )

    def command(self) -> Sequence[str]:
        return (
            *(_program("mariadbd"), "--no-defaults", f"--datadir={self._data}", f"--port={self.port}"),
            *("--bind-address=127.0.0.1", f"--socket={self._folder / 'socket'}", "--skip-name-resolve"),
            *(f"--init-file={self._folder / 'init.sql'}", "--innodb-flush-log-at-trx-commit=2"),
        )


def _postgres(name: str) -> str:
    """A program of PostgreSQL: Debian puts those of each version into a folder of their own."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else _program(name)


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found is not None, f"{name} is missing: make test installs it"
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
