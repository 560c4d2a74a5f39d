"""The commands as scripts meet them: real processes, their two streams and their exit codes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import main
from bus.keys import claim
from server.client import Client
from server.config import CertificateRequest, Config
from server.identity import Tokens, load_key, mint
from server.launched import Launched, write_launched
from server.naming import authority_of, default_name
from server.selfsigned import make
from server.session import Role
from server.wire import moderation, native
from server.wire.native import Refused
from server.wire.websocket import text_frame
from tests.guest import Guest, fetch
from tests.processes import END_SECONDS, ROOT, environment, full_pipe, started
from tests.processes import typed_node as node


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        check=False,
    )


def one_line(text: str) -> str:
    assert text.endswith("\n")
    assert text.count("\n") == 1
    return text[:-1]


@pytest.fixture
def taken() -> Any:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


# Exit codes.


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("node", "--port", "70000"), "--port: 70000 is not a port"),
        (("node", "--bus", "redis"), "--bus: redis is not available"),
        (("node", "--bus-host", "0.0.0.0"), "--bus-host: '0.0.0.0' is not loopback"),
        (("node", "--name", "a\nb"), "--name: "),
        (
            ("node", "--public-url", "ws://a.example/" + "x" * 1000),
            "--public-url: a URL of 1015 characters is too long",
        ),
        (("node", "--bus-host", "::1%" + "x" * 1000), "--bus-host: "),
        (("node", "--no\nsuch\x1b[31m"), "is not an option here"),
        (("--nonsense",), "--nonsense is not an option here"),
        (("bench",), "'bench' is not a command"),
        (("players",), "players are started by a console"),
        (("token",), "--user is required"),
        (("node", "--tls-cert", "c.pem"), "--tls-key is missing"),
        (("node", "--tls-key", "k.pem"), "--tls-cert is missing"),
        (("tls",), "tls self-signed --host NAME"),
        (("tls", "self-signed"), "--host is required"),
        (("token", "--user", "ann", "--role", "king"), "--role: 'king' is none of"),
        (("node", "--store", "oracle://u:secret@h/n"), "--store: oracle is not a kind of store"),
        (("node", "--history-days", "-1"), "--history-days: -1 is not a number from 0"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_2(
    arguments: tuple[str, ...], why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """In this process, for one after the other; the next test shows that they reach a script so."""
    code = main.main(arguments)
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    said = one_line(err)
    assert why in said
    assert said.isprintable()
    assert "usage" not in said


def test_a_wrong_option_a_wrong_variable_and_a_wrong_file_are_exit_2(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text("port = 'x'\n")
    for ended in (run("node", "--port=x"), run("node", SWITCHBOARD_PORT="x"), run("node", "--config", str(file))):
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "port" in one_line(ended.stderr).lower()


@pytest.mark.parametrize("command", [(), ("node",), ("token",)])
def test_help_is_exit_0(command: tuple[str, ...]) -> None:
    ended = run(*command, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--data-dir" in ended.stdout


def test_a_port_in_use_is_one_line_and_exit_3(tmp_path: Path, taken: int) -> None:
    ended = run("node", f"--port={taken}", "--bus-port=0", f"--data-dir={tmp_path}")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert f"port {taken} on 127.0.0.1 is in use" in one_line(ended.stderr)


def test_a_mesh_port_in_use_is_one_line_and_exit_3(tmp_path: Path, taken: int) -> None:
    ended = run("node", "--port=0", f"--bus-port={taken}", f"--data-dir={tmp_path}")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert f"{taken}" in one_line(ended.stderr)


def test_a_host_that_is_not_ours_is_exit_3(tmp_path: Path) -> None:
    ended = run("node", "--host=192.0.2.1", "--port=0", "--bus=memory", f"--data-dir={tmp_path}")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "192.0.2.1" in one_line(ended.stderr)


@pytest.mark.parametrize(
    ("store", "why"),
    [
        ("sqlite:////proc/store.db", "/proc/store.db cannot be opened: "),
        ("mariadb://u:secret@127.0.0.1:1/n", "mariadb://u@127.0.0.1:1/n cannot be opened: "),
        ("postgresql://u:secret@127.0.0.1:1/n", "postgresql://u@127.0.0.1:1/n cannot be opened: "),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_line_and_exit_3(tmp_path: Path, store: str, why: str) -> None:
    ended = run("node", "--port=0", "--bus=memory", f"--data-dir={tmp_path}", SWITCHBOARD_STORE=store)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert why in one_line(ended.stderr)
    assert "secret" not in ended.stderr


def test_a_key_that_cannot_be_used_is_one_line_and_exit_3(tmp_path: Path) -> None:
    short, open_to_all = tmp_path / "short", tmp_path / "open"
    short.write_bytes(b"k" * 31)
    open_to_all.write_bytes(b"k" * 32)
    short.chmod(0o600)
    open_to_all.chmod(0o644)
    for file, why in ((tmp_path / "none", "No such file"), (short, "needs 32"), (open_to_all, "chmod 600")):
        for command in (("node", "--port=0", "--bus=memory"), ("token", "--user=ann")):
            ended = run(*command, f"--data-dir={tmp_path}", f"--auth-key-file={file}")
            assert (ended.returncode, ended.stdout) == (3, "")
            assert why in one_line(ended.stderr)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for loopback as the helper makes it, and its key."""
    make(CertificateRequest(hosts=("127.0.0.1",), out=tmp_path / "tls"))
    return tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "key.pem"


@pytest.mark.parametrize("what", ["no certificate", "no pair", "a key for everybody"])
def test_a_pair_that_cannot_be_used_is_one_line_and_exit_3(
    tmp_path: Path, pair: tuple[Path, Path], what: str
) -> None:
    match what:
        case "no certificate":
            pair[0].unlink()
        case "no pair":
            pair[1].write_bytes(pair[0].read_bytes())
        case _:
            pair[1].chmod(0o644)
    options = (f"--tls-cert={pair[0]}", f"--tls-key={pair[1]}", "--port=0", "--bus=memory", f"--data-dir={tmp_path}")
    ended = run("node", *options)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert str(pair[1] if what != "no certificate" else pair[0]) in one_line(ended.stderr)
    assert "tls-cert" in ended.stderr or "tls-key" in ended.stderr or "chmod" in ended.stderr


async def test_a_node_speaks_tls_and_reads_its_certificate_again_on_sighup(
    tmp_path: Path, pair: tuple[Path, Path]
) -> None:
    async with node(tmp_path / "n", "--bus=memory", f"--tls-cert={pair[0]}", f"--tls-key={pair[1]}") as process:
        assert process.ready["url"].startswith("wss://127.0.0.1:")
        assert process.ready["http"].startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(pair[0]))
        ann = await Guest.connect(process.ready["url"], tls=trusting)
        assert (await ann.ask("hello"))["type"] == "welcome"
        made = run("tls", "self-signed", "--host=127.0.0.1", f"--out={pair[0].parent}", "--force")
        assert (made.returncode, made.stderr) == (0, "")
        process.send(signal.SIGHUP)
        await process.until_said("new connections get the certificate")
        bob = await Guest.connect(process.ready["url"], tls=ssl.create_default_context(cafile=str(pair[0])))
        assert (await bob.ask("hello"))["type"] == "welcome"
        await ann.join()
        await bob.join()
        await ann.say("still here")
        assert (await bob.next("message"))["text"] == "still here"
        answer = await fetch(process.ready["http"], "/healthz")
        assert answer.status == 200


async def test_a_node_reads_the_keys_of_tokens_again_on_sighup(tmp_path: Path) -> None:
    file, before = tmp_path / "key", tmp_path / "key.previous"

    def put(path: Path, content: bytes) -> None:
        path.write_bytes(content)
        path.chmod(0o600)

    def token() -> str:
        made = run("token", "--user=mo", "--role=moderator", "--rooms=team-*", f"--auth-key-file={file}")
        return one_line(made.stdout)

    put(file, b"1" * 32)
    first = token()
    async with node(tmp_path / "n", "--bus=memory", "--auth=token", f"--auth-key-file={file}") as process:

        async def hello(token: str) -> str:
            async with await Guest.connect(process.ready["url"]) as guest:
                return str((await guest.ask("hello", token=token))["type"])

        stays = await Guest.enter(process.ready["url"], token=first)
        put(before, b"1" * 32)
        put(file, b"2" * 32)
        second = token()
        assert await hello(second) == "error"
        process.send(signal.SIGHUP)
        await process.until_said("access tokens are checked with")
        assert [await hello(first), await hello(second)] == ["welcome", "welcome"]
        before.unlink()
        process.send(signal.SIGHUP)
        await process.until_said("access tokens are checked with")
        assert [await hello(first), await hello(second)] == ["error", "welcome"]
        put(file, b"short")
        process.send(signal.SIGHUP)
        await process.until_said("the keys of access tokens in use stay so")
        assert await hello(second) == "welcome"
        assert (await stays.join())["type"] == "joined", "who is in stays in"
        await stays.leave_for_good()


async def test_a_node_in_plain_text_off_loopback_warns_once_with_the_ways_out(tmp_path: Path) -> None:
    async with node(tmp_path, "--bus=memory", "--host=0.0.0.0") as process:
        process.send(signal.SIGTERM)
        _, _, said = await process.end()
    lines = [json.loads(line) for line in said.splitlines()]
    warnings = [line["message"] for line in lines if line["level"] == "warning"]
    assert len(warnings) == 1
    assert "microphone" in warnings[0]
    assert "--tls-cert" in warnings[0]
    assert "--trusted-proxy" in warnings[0]
    assert any("--public-url" in line["message"] for line in lines)


def test_a_data_folder_that_cannot_be_written_is_one_line_and_exit_3(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for command in (("node", "--port=0", "--bus=memory"), ("token", "--user=ann")):
        ended = run(*command, f"--data-dir={tmp_path / 'file'}")
        assert (ended.returncode, ended.stdout) == (3, "")
        assert "--data-dir" in one_line(ended.stderr)


def test_a_missing_library_of_qt_is_one_line_and_exit_3(tmp_path: Path) -> None:
    """As on a system without libEGL; the package is replaced by one that fails as Qt then does."""
    package = tmp_path / "packages" / "PySide6"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "raise ImportError('libEGL.so.1: cannot open shared object file: No such file or directory')\n"
    )
    ended = run("--port=0", "--bus=memory", f"--data-dir={tmp_path}", PYTHONPATH=str(package.parent))
    assert (ended.returncode, ended.stdout) == (3, "")
    said = one_line(ended.stderr)
    assert "libEGL.so.1" in said
    assert "make run" in said


# The token.


def test_token_prints_a_token_and_nothing_else(tmp_path: Path) -> None:
    ended = run("token", "--user=ann", "--role=moderator", "--name=Ann", "--ttl=60", f"--data-dir={tmp_path}")
    assert (ended.returncode, ended.stderr) == (0, "")
    found = Tokens(load_key(None, tmp_path)).verify(one_line(ended.stdout))
    assert (found.user, found.name, found.role) == ("ann", "Ann", Role.MODERATOR)


def test_token_uses_the_key_that_it_is_given(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"k" * 32)
    file.chmod(0o600)
    ended = run("token", "--user=ann", f"--data-dir={tmp_path}", SWITCHBOARD_AUTH_KEY_FILE=str(file))
    assert Tokens(load_key(file, tmp_path)).verify(one_line(ended.stdout)).user == "ann"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_token_that_cannot_be_printed_is_one_line_and_exit_3(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, str(ROOT / "main.py"), "token", "--user=ann", f"--data-dir={tmp_path}"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 3
    assert "cannot be printed" in one_line(ended.stderr)


# A node.


async def test_the_ready_line_is_all_that_stdout_ever_says(tmp_path: Path) -> None:
    async with node(tmp_path, "--name=n1") as process:
        ready = process.ready
        assert list(ready) == ["event", "name", "node", "url", "http", "bus", "pid"]
        assert (ready["event"], ready["name"], ready["pid"]) == ("ready", "n1", process.pid)
        port = urllib.parse.urlsplit(ready["http"]).port
        assert ready["url"] == f"ws://127.0.0.1:{port}/ws"
        assert ready["http"] == f"http://127.0.0.1:{port}/"
        assert ready["bus"].startswith("127.0.0.1:")
        async with Client(process.url, resume=False) as client:
            assert client.welcome.node == "n1"
        process.send(signal.SIGTERM)
        code, out, err = await process.end()
    assert (code, out) == (0, "")
    assert all(json.loads(line)["level"] == "info" for line in err.splitlines())


async def test_a_node_to_whom_nobody_listens_serves_all_the_same(tmp_path: Path) -> None:
    async with started("node", "--name=n1", "--port=0", "--bus=memory", f"--data-dir={tmp_path}") as process:
        for transport in (process.stdout, process.stderr):
            transport._transport.close()  # type: ignore[attr-defined]  # there is no other way to close our end
        seen = psutil.Process(process.pid)
        while not (found := seen.net_connections()):  # noqa: ASYNC110  # the only sign of life that is left
            await asyncio.sleep(0.05)
        async with Client(f"ws://127.0.0.1:{found[0].laddr.port}/ws", resume=False) as client:
            process.send(signal.SIGTERM)
            assert (await client.wait_closed()).code == 1001
        assert (await process.end())[0] == 0


async def test_a_node_without_standard_streams_keeps_its_files_clean(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "main.py"), "node", "--name=n1", "--port=0", f"--data-dir={tmp_path}"]
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command, "--bus=memory", env=environment()
    )
    try:
        seen = psutil.Process(process.pid)
        while not (found := seen.net_connections()):  # noqa: ASYNC110  # the only sign of life
            await asyncio.sleep(0.05)
        async with Client(f"ws://127.0.0.1:{found[0].laddr.port}/ws", resume=False) as client:
            process.send_signal(signal.SIGTERM)
            assert (await client.wait_closed()).code == 1001
        assert await process.wait() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    assert [path.name for path in tmp_path.iterdir() if b"ready" in path.read_bytes()] == []


def test_the_exit_code_is_the_same_when_nobody_reads_why() -> None:
    source, target = os.pipe()
    os.close(source)
    ended = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "node", "--port=x"], stderr=target, env=environment(), check=False
    )
    os.close(target)
    assert ended.returncode == 2


async def test_a_node_whose_log_stands_still_serves_and_ends_all_the_same(tmp_path: Path) -> None:
    command = (sys.executable, str(ROOT / "main.py"), "node", "--port=0", "--bus=memory", f"--data-dir={tmp_path}")
    with full_pipe() as (_, target):
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=target, env=environment()
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(END_SECONDS):
                async with Client(json.loads(await process.stdout.readline())["url"], resume=False) as client:
                    await client.join("lobby")
                    process.send_signal(signal.SIGTERM)
                    assert (await client.wait_closed()).code == 1001
                assert await process.wait() == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def test_a_node_keeps_its_id_and_its_name(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        async with node(tmp_path, "--bus=memory") as process:
            seen.append((process.ready["node"], process.ready["name"]))
            assert process.ready["name"].endswith("-" + process.ready["node"][:4])
            assert process.ready["bus"] == ""
    assert seen[0] == seen[1]


async def test_every_source_of_options_reaches_the_node(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('name = "file"\nbus = "memory"\npublic-url = "wss://file.example/ws"\n')
    env = environment(SWITCHBOARD_NAME="variable", SWITCHBOARD_CONFIG=str(file))
    async with node(tmp_path, env=env) as process:
        assert (process.ready["name"], process.url) == ("variable", "wss://file.example/ws")
    async with node(tmp_path, "--name=line", env=env) as process:
        assert (process.ready["name"], process.ready["bus"]) == ("line", "")


async def test_a_node_serves_the_browser_client_and_never_loads_qt(tmp_path: Path) -> None:
    async with node(tmp_path) as process:

        def fetch(path: str) -> tuple[str, bytes]:
            with urllib.request.urlopen(process.ready["http"] + path) as answer:
                return answer.headers["Content-Type"], answer.read()

        assert await asyncio.to_thread(fetch, "") == (
            "text/html; charset=utf-8",
            (ROOT / "resources/web/index.html").read_bytes(),
        )
        assert (await asyncio.to_thread(fetch, "app.js"))[0] == "text/javascript; charset=utf-8"
        maps = Path(f"/proc/{process.pid}/maps").read_text()
    assert "libzmq" in maps
    assert "Qt6" not in maps
    assert "shiboken" not in maps


def test_what_a_node_imports_has_no_qt() -> None:
    code = (
        "import sys, main, server.serving, bus.zeromq, bus.memory;"
        " print([m for m in sys.modules if 'PySide' in m or 'qasync' in m])"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


async def test_no_token_reaches_the_log(tmp_path: Path) -> None:
    token = one_line(run("token", "--user=ann", f"--data-dir={tmp_path}").stdout)
    async with node(tmp_path, "--bus=memory", "--auth=token") as process:
        async with Client(process.url, token=token, resume=False) as client:
            assert client.welcome.user == "ann"
        with pytest.raises(Refused):
            await Client(process.url, token=token + "x").open()
        process.send(signal.SIGTERM)
        _, out, err = await process.end()
    assert token.rpartition(".")[2][:20] not in out + err


# The end.


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_before_anything_is_loaded_ends_in_silence(tmp_path: Path, signum: int) -> None:
    """The first library is replaced by one that never has loaded."""
    (tmp_path / "msgspec.py").write_text("import os, signal\nos.write(1, b'loading\\n')\nsignal.pause()\n")
    async with started("node", env=environment(PYTHONPATH=str(tmp_path))) as process:
        assert await process.stdout.readline() == b"loading\n"
        process.send(signum)
        assert await process.end() == (0, "", "")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_takes_leave_of_the_clients(tmp_path: Path, signum: int) -> None:
    async with node(tmp_path, "--bus=memory") as process, Client(process.url, resume=False) as client:
        await client.join("lobby")
        process.send(signum)
        assert (await client.next(moderation.GoingAway)).urls == []
        assert (await client.wait_closed()).code == 1001
        assert (await process.end())[0] == 0


async def test_clients_are_sent_to_a_node_that_lives(tmp_path: Path) -> None:
    async with (
        node(tmp_path / "a") as stays,
        node(tmp_path / "b", f"--peer={stays.ready['bus']}", "--drain-seconds=1") as leaves,
    ):
        client = await client_of_two_nodes(leaves.url)
        leaves.send(signal.SIGTERM)
        assert (await client.next(moderation.GoingAway)).urls == [stays.url]
        assert (await client.wait_closed()).code == 1012
        assert (await leaves.end())[0] == 0


async def test_nodes_that_are_all_told_to_end_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async with (
        node(tmp_path / "a", "--drain-seconds=600") as one,
        node(tmp_path / "b", f"--peer={one.ready['bus']}", "--drain-seconds=600") as other,
    ):
        await (await client_of_two_nodes(other.url)).close()
        async with await Guest.enter(other.url, name="Ann") as guest:
            one.send(signal.SIGTERM)
            other.send(signal.SIGTERM)
            assert (await guest.closed())[0] == 1001
        assert (await one.end())[0] == 0
        assert (await other.end())[0] == 0


async def client_of_two_nodes(url: str) -> Client:
    """A client of the node at `url` from when that node knows another one."""
    client = Client(url, resume=False)
    while len((await client.open()).urls) < 2:
        await client.close()
    return client


@contextlib.asynccontextmanager
async def deaf_client(url: str) -> AsyncIterator[asyncio.StreamReader]:
    """A client that never answers a close, so that its node has to wait for it."""
    address = urllib.parse.urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    key = base64.b64encode(os.urandom(16)).decode()
    hello = bytearray(text_frame(b'{"type":"hello"}'))
    hello[1] |= 0x80  # masked, as a client's frames are, with four zeros
    hello[2:2] = bytes(4)
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        + hello
    )
    try:
        await reader.readuntil(b'"welcome"')
        yield reader
    finally:
        writer.close()


async def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    async with (
        node(tmp_path / "a") as stays,
        node(tmp_path / "b", f"--peer={stays.ready['bus']}", "--drain-seconds=600") as leaves,
    ):
        await client_of_two_nodes(leaves.url)
        async with deaf_client(leaves.url) as reader:
            leaves.send(signal.SIGTERM)
            await reader.readuntil(b"going_away")
            leaves.send(signal.SIGINT)
            assert (await leaves.end())[0] == 128 + signal.SIGINT


async def test_a_client_that_does_not_answer_holds_nobody_up(tmp_path: Path) -> None:
    async with node(tmp_path, "--bus=memory") as process, deaf_client(process.url):
        process.send(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert (await process.end())[0] == 0


async def test_peers_are_told_whatever_else_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.serving.CLOSING_SECONDS", 0.0)

    async def hang(within: float) -> None:
        await asyncio.Event().wait()

    async with node(tmp_path / "b") as peer, Client(peer.url, resume=False) as client:
        config = Config(
            name="n1", port=0, bus_port=0, drain_seconds=0.0, data_dir=tmp_path, peers=(peer.ready["bus"],)
        )
        with claim(tmp_path) as identity:
            async with main.serving(config, identity, Tokens(load_key(None, tmp_path)), beside=hang) as leaves:
                assert (await client.next(native.Urls)).urls == [peer.url, leaves.url]
        assert (await client.next(native.Urls)).urls == [peer.url]
        token = mint(load_key(None, tmp_path / "b"), user="mo", role=Role.MODERATOR)
        async with Client(peer.url, token=token, resume=False) as moderator:
            found = await moderator.list("nodes")
    assert [each["node"] for each in found.items] == [peer.ready["node"]]  # without a word it would stay, as down


async def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    async with (
        node(tmp_path, "--bus=memory", "--ends-with-parent") as process,
        Client(process.url, resume=False) as client,
    ):
        assert process.stdin is not None
        process.stdin.write(b"what a parent says is of no matter\n")
        process.stdin.close()
        assert (await client.wait_closed()).code == 1001
        assert (await process.end())[0] == 0


def test_a_child_needs_a_parent(tmp_path: Path) -> None:
    ended = run("node", "--port=0", "--bus=memory", f"--data-dir={tmp_path}", "--ends-with-parent")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "standard input" in one_line(ended.stderr)


# The console.


@pytest.mark.parametrize("display", ["", ":987"])
async def test_a_console_without_a_display_serves_in_full(tmp_path: Path, display: str) -> None:
    env = environment(DISPLAY=display, WAYLAND_DISPLAY="")
    del env["QT_QPA_PLATFORM"]
    async with started("--port=0", "--bus-port=0", f"--data-dir={tmp_path}", env=env) as process:
        await process.until_ready()
        async with Client(process.url, name="Ann", resume=False) as client:
            assert (await client.join("lobby")).members[0].name == "Ann"
            process.send(signal.SIGTERM)
            assert (await client.wait_closed()).code == 1001
        code, out, err = await process.end()
    assert (code, out) == (0, "")
    warned = [json.loads(line)["message"] for line in err.splitlines() if json.loads(line)["level"] != "info"]
    assert len(warned) == 1
    assert warned[0].endswith("the console runs off screen, the node serves in full")


async def test_a_console_ends_in_time_and_with_it_a_child_that_hangs(tmp_path: Path) -> None:
    folder = tmp_path / "nodes" / "n2"
    async with node(folder) as child:
        launched = Launched(
            name="n2",
            pid=child.pid,
            created=psutil.Process(child.pid).create_time(),
            started=0,
            kept=False,
            folder=str(folder),
            host="127.0.0.1",
            port=0,
            bus_host="127.0.0.1",
            bus_port=0,
            peer="",
        )
        write_launched(tmp_path, [launched])
        async with started("--port=0", "--bus-port=0", f"--data-dir={tmp_path}") as console:
            await console.until_ready()
            child.send(signal.SIGSTOP)
            console.send(signal.SIGTERM)
            async with asyncio.timeout(10):
                assert (await console.end())[0] == 0
        assert (await child.end())[0] == -signal.SIGKILL


async def test_a_console_on_a_port_in_use_that_it_was_given_is_exit_3(tmp_path: Path, taken: int) -> None:
    async with started(f"--port={taken}", "--bus-port=0", f"--data-dir={tmp_path}") as process:
        code, out, err = await process.end()
    assert (code, out) == (3, "")
    assert f"port {taken}" in one_line(err)


async def test_a_console_takes_the_next_free_port_and_says_so(
    tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In this process, for the port that is tried first has to be one of the test's own."""
    monkeypatch.setattr("server.gateway.PORT", taken)
    monkeypatch.setattr("server.serving.PORT", taken)
    config = Config(name="n1", bus="memory", data_dir=tmp_path)
    with claim(tmp_path) as identity, caplog.at_level(logging.WARNING):
        tokens = Tokens(load_key(None, tmp_path))
        async with main.serving(config, identity, tokens, next_free=True) as node:
            port = urllib.parse.urlsplit(node.url).port
            assert port is not None
            assert port > taken
    assert f"port {taken} is in use: clients are served on port {port}" in caplog.text


# Names and addresses.


@pytest.mark.parametrize(("host", "authority"), [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80")])
def test_an_address_in_a_url(host: str, authority: str) -> None:
    assert authority_of(host, 80) == authority


def test_an_address_of_all_addresses_is_one_that_can_be_reached() -> None:
    assert not authority_of("0.0.0.0", 80).startswith("0.0.0.0")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("box.example.org", "box-0123"),
        ("h" * 60, "h" * 27 + "-0123"),
        ("", "node-0123"),
        ("\x1b[31m", "node-0123"),
    ],
)
def test_a_node_is_named_after_its_machine(monkeypatch: pytest.MonkeyPatch, host: str, name: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert default_name("0123456789abcdef") == name
