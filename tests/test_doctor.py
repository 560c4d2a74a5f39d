"""`main.py doctor` as a person meets it: each thing made wrong for real, one line for each, and the exit code."""

from __future__ import annotations

import http.server
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.processes import ROOT, environment
from tests.processes import typed_node as node

KEY = b"k" * 40


def doctor(
    *arguments: str, before: Callable[[], None] | None = None, env: Mapping[str, str] | None = None
) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit code, and of each thing how it stands and what is said of it."""
    ended = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "doctor", *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        env=environment(**(env or {})),
        check=False,
        preexec_fn=before,
    )
    assert ended.stderr == ""
    lines = [(line[:6].strip(), line[6:18].strip(), line[18:]) for line in ended.stdout.splitlines()]
    assert len({thing for _, thing, _ in lines}) == len(lines)
    assert all(standing in {"ok", "warn", "wrong"} and said for standing, _, said in lines)
    assert ended.returncode == any(standing == "wrong" for standing, _, _ in lines)
    return ended.returncode, {thing: (standing, said) for standing, thing, said in lines}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_where_all_is_well_it_says_so_of_everything_and_exits_with_0(folder: Path) -> None:
    code, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}")
    assert code == 0
    assert list(found) == [
        "Python", "event loop", "port", "mesh", "cluster key", "data folder", "store", "key", "clock", "open files",
        "Qt", "display", "sound",
    ]  # fmt: skip
    assert list(folder.iterdir()) == []


def test_help_lists_the_options() -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "doctor", "--help"], capture_output=True, text=True, check=True
    )
    for option in ("--port", "--data-dir", "--config", "--peer"):
        assert option in ended.stdout


def test_a_wrong_option_is_exit_2(folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "doctor", "--port=x"], capture_output=True, check=False
    )
    assert ended.returncode == 2


# Ports.


def test_a_port_in_use_is_wrong_and_its_holder_is_named(folder: Path, taken: int) -> None:
    code, found = doctor(f"--port={taken}", "--bus-port=0", f"--data-dir={folder}")
    standing, said = found["port"]
    assert (code, standing) == (1, "wrong")
    assert f"Port {taken} is in use by" in said
    assert f"process {os.getpid()}" in said
    assert "give --port " in said


async def test_a_port_held_by_a_node_says_that(folder: Path, tmp_path: Path) -> None:
    async with node(tmp_path / "n1") as process:
        port = process.url.rpartition(":")[2].removesuffix("/ws")
        bus = process.ready["bus"].rpartition(":")[2]
        code, found = doctor(f"--port={port}", f"--bus-port={bus}", f"--data-dir={folder}", f"--peer=127.0.0.1:{bus}")
    assert code == 1
    assert "which is a Switchboard node" in found["port"][1]
    assert found["mesh"][0] == "wrong"
    assert f"process {process.pid}" in found["mesh"][1]
    assert found["peer"][0] == "ok"


def test_an_address_that_is_not_ours_is_wrong(folder: Path) -> None:
    code, found = doctor("--host=192.0.2.1", "--port=0", "--bus-port=0", f"--data-dir={folder}")
    assert (code, found["port"][0]) == (1, "wrong")
    assert "no address 192.0.2.1" in found["port"][1]


def test_a_peer_that_is_not_there_is_wrong(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    code, found = doctor(f"--peer=127.0.0.1:{port}", "--port=0", "--bus-port=0", f"--data-dir={folder}")
    assert (code, found["peer"][0]) == (1, "wrong")
    assert "does not answer" in found["peer"][1]


def test_a_peer_that_is_no_mesh_is_wrong(folder: Path) -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        code, found = doctor(
            f"--peer=127.0.0.1:{server.server_port}", "--port=0", "--bus-port=0", f"--data-dir={folder}"
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (code, found["peer"][0]) == (1, "wrong")
    assert "no mesh address" in found["peer"][1]


# Keys and the data folder.


@pytest.mark.parametrize(
    ("content", "mode", "standing", "why"),
    [
        (KEY, 0o600, "ok", "HS256"),
        (KEY, 0o640, "warn", "chmod 600"),
        (KEY, 0o644, "wrong", "chmod 600"),
        (b"short", 0o600, "wrong", "needs 32"),
        (b"-----BEGIN nonsense", 0o600, "wrong", "no PEM public key"),
    ],
)
def test_a_key_is_looked_at(folder: Path, content: bytes, mode: int, standing: str, why: str) -> None:
    file = folder / "auth.key"
    file.write_bytes(content)
    file.chmod(mode)
    code, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}")
    assert found["key"][0] == standing
    assert why in found["key"][1]
    assert code == (standing == "wrong")


def test_a_key_that_is_not_there_is_wrong_where_it_was_named(folder: Path) -> None:
    _, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}", f"--auth-key-file={folder / 'none'}")
    assert found["key"][0] == "wrong"


def test_a_store_that_cannot_be_used_is_wrong_and_stays_as_it_is(folder: Path) -> None:
    code, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}")
    assert found["store"] == ("ok", f"{folder}/store.db, made at the first start")
    notes = folder / "notes"
    notes.write_bytes(b"these are notes " * 100)
    code, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}", f"--store=sqlite:///{notes}")
    assert (code, found["store"][0]) == (1, "wrong")
    assert "file is not a database" in found["store"][1]
    assert "--store" in found["store"][1]
    assert notes.read_bytes() == b"these are notes " * 100
    code, found = doctor(
        "--port=0", "--bus-port=0", f"--data-dir={folder}", "--store=mariadb://u:secret@127.0.0.1:1/n"
    )
    assert (code, found["store"][0]) == (1, "wrong")
    assert "secret" not in str(found)


def test_a_data_folder_that_is_open_to_others_is_a_warning(folder: Path) -> None:
    folder.chmod(0o755)
    code, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}")
    assert (code, found["data folder"][0]) == (0, "warn")
    assert f"chmod 700 {folder}" in found["data folder"][1]


def test_a_data_folder_that_cannot_be_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/switchboard")):
        code, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}")
        assert (code, found["data folder"][0]) == (1, "wrong")
        assert "--data-dir" in found["data folder"][1]


def test_a_data_folder_where_nothing_can_be_written_is_wrong(folder: Path) -> None:
    """As on a full disk: the system refuses the write, not the opening."""
    code, found = doctor(
        "--port=0",
        "--bus-port=0",
        f"--data-dir={folder}",
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (code, found["data folder"][0]) == (1, "wrong")
    assert "cannot be written" in found["data folder"][1]


# The machine.


@pytest.mark.parametrize(
    ("limit", "standing", "says"),
    [(128, "wrong", "enough for 96 clients"), (1024, "warn", "enough for 768 clients"), (4096, "ok", "4096 at once")],
)
def test_open_files_are_counted_against_the_limit(folder: Path, limit: int, standing: str, says: str) -> None:
    code, found = doctor(
        "--port=0",
        "--bus-port=0",
        f"--data-dir={folder}",
        before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )
    assert found["open files"][0] == standing
    assert code == (standing == "wrong")
    assert says in found["open files"][1]
    assert ("hard limit" in found["open files"][1]) == (standing != "ok")


# Qt and the display.


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("libEGL.so.1: cannot open shared object file: No such file or directory", "apt-get install libegl1"),
        ("libnone.so.7: cannot open shared object file: No such file or directory", "`make run`"),
        ("No module named 'PySide6'", "`make run`"),
    ],
)
def test_without_qt_it_says_what_is_missing_and_looks_at_the_rest(
    tmp_path: Path, folder: Path, error: str, said: str
) -> None:
    package = tmp_path / "packages" / "PySide6"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"raise ImportError({error!r})\n")
    code, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}", env={"PYTHONPATH": str(package.parent)})
    assert (code, found["Qt"][0]) == (1, "wrong")
    assert said in found["Qt"][1]
    assert found["port"][0] == found["key"][0] == "ok"


def test_a_qt_that_ends_the_process_is_wrong(folder: Path) -> None:
    code, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}", env={"QT_QPA_PLATFORM": "nonsense"})
    assert (code, found["Qt"][0]) == (1, "wrong")
    assert "makes no window" in found["Qt"][1]


@pytest.mark.parametrize(
    ("variables", "standing", "said"),
    [
        ({"DISPLAY": ":987"}, "warn", "the display :987 does not answer"),
        ({"DISPLAY": ""}, "warn", "there is no display"),
        ({"DISPLAY": "", "QT_QPA_PLATFORM": "offscreen"}, "ok", "offscreen"),
    ],
)
def test_a_display_that_does_not_answer_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], standing: str, said: str
) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    code, found = doctor("--port=0", "--bus-port=0", f"--data-dir={folder}", env={"WAYLAND_DISPLAY": "", **variables})
    assert (code, found["display"][0]) == (0, standing)
    assert said in found["display"][1]


# Python packages.


@pytest.mark.parametrize(("command", "code"), [((), 3), (("node",), 3), (("doctor",), 1)])
def test_without_its_packages_it_says_so_in_one_line(command: tuple[str, ...], code: int) -> None:
    """As with the system's Python: `-S` leaves out what was installed."""
    ended = subprocess.run(
        [sys.executable, "-S", str(ROOT / "main.py"), *command], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.count("\n") == 1
    assert "msgspec" in ended.stderr
    assert "`make run`" in ended.stderr
