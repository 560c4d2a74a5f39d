"""Secrets stay in their files: not in logs, the process list, the environment of children, or what a crash leaves."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from bus.secret import Secret
from bus.zeromq_curve import Key as MeshKey
from server.config import Config
from server.identity import Key, Tokens, load_key, mint
from server.resumption import Resumption
from tests.guest import Guest
from tests.processes import ROOT, Process, environment, started
from tests.processes import typed_node as node

TOKEN = re.compile(rb"eyJ[\w-]{8,}\.")


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def run(*arguments: str) -> None:
    """Run a command that succeeds."""
    subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *arguments], check=True, env=environment(), capture_output=True
    )


def secrets_in(folder: Path) -> set[bytes]:
    """All that the files of a folder hold that nobody else may know."""
    found: set[bytes] = set()
    for file in folder.rglob("*"):
        if file.name in ("auth.key", "cluster.key"):
            found.add(file.read_bytes().strip())
        elif file.name == "key.pem":
            found |= set(file.read_bytes().splitlines()[1:-1])
        elif file.name == "resume.keys":
            found |= {secret.encode() for secret in json.loads(file.read_bytes())}
    return found


def open_to_all(folder: Path) -> list[str]:
    """Files and folders that others than their owner may read or change."""
    return [
        f"{path} {stat.S_IMODE(path.stat().st_mode):o}"
        for path in (folder, *folder.rglob("*"))
        if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)
    ]


def seen_from_outside(process: psutil.Process) -> bytes:
    """What anybody, or a child, sees of a process: its command line and its environment."""
    return b"\0".join(Path(f"/proc/{process.pid}/{file}").read_bytes() for file in ("cmdline", "environ"))


async def test_nothing_that_a_node_keeps_is_open_to_others_whatever_the_umask_is(
    tmp_path: Path, no_umask: None
) -> None:
    folder = tmp_path / "new" / "data"
    run("cluster-key", "make", "--cluster-key-file", str(make(folder / "mesh") / "cluster.key"))
    run("tls", "self-signed", "--host=127.0.0.1", f"--out={folder / 'tls'}")
    with_key = f"--cluster-key-file={folder / 'mesh' / 'cluster.key'}"
    async with node(folder, with_key), node(folder / "n2"):
        assert open_to_all(folder) == []
        assert {path.name for path in folder.rglob("*")} >= {"auth.key", "resume.keys", "cluster.key", "key.pem"}


def make(folder: Path) -> Path:
    """A folder that an operator made, with care."""
    run("tls", "self-signed", "--host=a", f"--out={folder}")
    return folder


async def test_no_secret_is_seen_in_the_process_list_or_in_the_environment_of_children(tmp_path: Path) -> None:
    """A demo: a console, two nodes that it launched, and people of whom some have tokens."""
    async with started("--demo", "--port=0", "--log-format=json", env=environment(TMPDIR=str(tmp_path))) as console:
        await console.until_ready()
        await console.until_said("on stage")
        family = [psutil.Process(console.pid), *psutil.Process(console.pid).children(recursive=True)]
        assert len(family) == 4
        secrets = secrets_in(tmp_path)
        assert len(secrets) >= 2
        for process in family:
            seen = seen_from_outside(process)
            assert seen
            assert not [secret for secret in secrets if secret in seen]
            assert TOKEN.search(seen) is None


async def test_no_log_holds_a_secret_or_a_token_that_was_issued(tmp_path: Path) -> None:
    run("cluster-key", "make", "--cluster-key-file", str(make(tmp_path / "mesh") / "cluster.key"))
    options = (
        f"--cluster-key-file={tmp_path / 'mesh' / 'cluster.key'}",
        f"--tls-cert={tmp_path / 'mesh' / 'cert.pem'}",
        f"--tls-key={tmp_path / 'mesh' / 'key.pem'}",
        f"--auth-key-file={tmp_path / 'a' / 'auth.key'}",
    )
    issued: set[str] = set()
    said = ""
    async with contextlib.AsyncExitStack() as stack:
        key = load_key(None, tmp_path / "a")
        nodes: list[Process] = []
        for name in ("a", "b"):
            peer = [f"--peer={nodes[0].ready['bus']}"] if nodes else []
            nodes.append(await stack.enter_async_context(node(tmp_path / name, "--auth=token", *options, *peer)))
        for number, process in enumerate(nodes):
            token = mint(key, user=f"user{number}")
            guest = await Guest.enter(process.url, token=token)
            await guest.join()
            issued |= {token, guest.token}
            refused = await Guest.connect(process.url)
            await refused.ask("hello", token=token + "x")
            lost = await Guest.connect(process.url)
            await lost.ask("hello", resume=guest.token + "x", cursors={})
            with contextlib.suppress(InvalidStatus):
                await Guest.connect(f"{process.url}?token={token}")
            with contextlib.suppress(InvalidStatus):
                await Guest.connect(process.url.replace("/ws", f"/{token}"))
            guest.vanish()
        for process in nodes:
            process.send(15)
        for process in nodes:
            said += "".join((await process.end())[1:])
    secrets = {secret.decode() for secret in secrets_in(tmp_path)} | {token.rpartition(".")[2] for token in issued}
    assert len(secrets) >= 7
    assert [secret for secret in secrets if secret and secret in said] == []
    assert TOKEN.search(said.encode()) is None


def test_what_holds_a_secret_does_not_show_it() -> None:
    secret = b"a secret of more than 32 bytes, for tests"
    mesh = MeshKey.of(Secret(secret))
    holders = [
        Secret(secret),
        Key("HS256", secret),
        Tokens(Key("HS256", secret)),
        Resumption([secret[:32]]),
        mesh,
        Config(name="n", data_dir=Path(), auth_key_file=Path("auth.key"), cluster_key_file=Path("cluster.key")),
    ]
    hidden = [repr(each)[2:-1] for each in (secret[:32], mesh.secret, mesh.raw)]
    for holder in holders:
        for shown in (repr(holder), str(holder), repr([holder]), f"{holder}"):
            assert not [each for each in hidden if each in shown]


def test_a_crash_leaves_no_secret_in_what_it_says(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from server import journal
from server.identity import Tokens, load_key, mint
folder = Path(sys.argv[1])
journal.start("text", folder)
key = load_key(None, folder)
raise RuntimeError(key, Tokens(key), mint(key, user="ann"), (folder / "auth.key"))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, env=environment(), capture_output=True, check=False
    )
    assert ended.returncode == 1
    assert b"RuntimeError" in ended.stderr
    assert not [secret for secret in secrets_in(tmp_path) if secret in ended.stderr]
    assert TOKEN.search(ended.stderr) is None
    assert not list(tmp_path.glob("core*"))
