"""The list of launched nodes: kept safely, and never trusted with another's process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from server.launched import FILE, Launched, find_process, meeting_points, read_launched, write_launched


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose command line names the folder, as that of a node does."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", "node", f"--data-dir={tmp_path}"],
        stdin=subprocess.PIPE,
    ) as running:
        yield running
        assert running.stdin is not None
        running.stdin.close()


def entry(process: subprocess.Popen[bytes], folder: Path) -> Launched:
    return Launched(
        name="n2",
        pid=process.pid,
        created=psutil.Process(process.pid).create_time(),
        started=1_700_000_000_000,
        kept=True,
        folder=str(folder),
        host="127.0.0.1",
        port=8770,
        bus_host="127.0.0.1",
        bus_port=8771,
        peer="127.0.0.1:8766",
    )


def test_the_list_is_read_as_it_was_written(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    launched = [entry(process, tmp_path)]
    write_launched(tmp_path, launched)
    assert read_launched(tmp_path) == launched
    write_launched(tmp_path, [])
    assert read_launched(tmp_path) == []


def test_nobody_else_may_read_the_list(tmp_path: Path) -> None:
    (tmp_path / FILE).touch(0o644)
    before = os.umask(0)
    try:
        write_launched(tmp_path, [])
    finally:
        os.umask(before)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'[{"name":"n2"}]', b"\xff"])
def test_a_damaged_list_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert read_launched(tmp_path) == []


def test_no_list_is_an_empty_one(tmp_path: Path) -> None:
    assert read_launched(tmp_path) == []


def test_the_process_of_a_node_is_found(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    found = find_process(entry(process, tmp_path))
    assert found is not None
    assert found.pid == process.pid


def test_a_process_that_only_has_the_same_number_is_not_the_node(
    tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    launched = entry(process, tmp_path)
    assert find_process(msgspec.structs.replace(launched, created=launched.created - 3600)) is None
    assert find_process(msgspec.structs.replace(launched, folder=str(tmp_path / "other"))) is None


def test_a_process_that_ended_is_not_found(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    launched = entry(process, tmp_path)
    process.kill()
    process.wait()
    assert find_process(launched) is None


def test_the_meeting_points_are_those_of_the_nodes_that_run(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    runs = msgspec.structs.replace(entry(process, tmp_path), bus="127.0.0.1:8771")
    ended = msgspec.structs.replace(runs, created=0.0, bus="127.0.0.1:8773")
    starting = msgspec.structs.replace(runs, bus="")
    write_launched(tmp_path, [runs, ended, starting])
    assert meeting_points(tmp_path) == ("127.0.0.1:8771",)


def test_meeting_points_off_loopback_are_for_consoles_with_a_key(
    tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    away = msgspec.structs.replace(entry(process, tmp_path), bus="10.0.0.1:8771")
    write_launched(tmp_path, [away])
    assert meeting_points(tmp_path) == ()
    assert meeting_points(tmp_path, keyed=True) == ("10.0.0.1:8771",)
