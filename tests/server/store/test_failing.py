"""A store that fails: it says so and why, keeps what must last, and writes it when it is back. With real failures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.store import database
from server.store.address import StoreAddress
from server.store.keeper import Keeper
from server.store.queue import Queue
from server.store.rows import StoreError
from tests.databases import PostgreSQL, Server
from tests.server.store.conftest import Servers
from tests.stored import CHAIN, NOW, Keepers, line, ruling, said, until, written

SMALL = 600_000
"""Bytes of a disk that is soon full."""


async def lines_of(keeper: Keeper) -> list[int]:
    return [row.n async for row in keeper.chain(CHAIN)]


async def fails(keeper: Keeper, why: str = "") -> None:
    """Wait until a store says that it fails; it is asked to write so that it notices."""
    await until(lambda: keeper.failing and why in keeper.failing)
    assert keeper.state.since == NOW


async def works(keeper: Keeper) -> None:
    """Wait until it is back and has written all that waited."""
    await until(lambda: not keeper.failing and not keeper.state.waiting)


# A server that is gone.


async def test_a_server_that_dies_and_comes_back_has_everything(
    server: Server, keep: Keepers, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = await keep(await server.fresh())
    keeper.save(line(1))
    await keeper.settled()
    server.kill()
    try:
        for n in range(2, 50):
            keeper.save(line(n))
            keeper.save(said(n))
        keeper.save(ruling())
        with pytest.raises(StoreError):
            await keeper.settled()
        await fails(keeper)
        with pytest.raises(StoreError):
            await keeper.rulings()
        keeper.save(ruling(number=2))
        with pytest.raises(StoreError):
            await keeper.settled()
        assert keeper.state.waiting == 2 * 48 + 2
    finally:
        server.start()
    await works(keeper)
    assert await lines_of(keeper) == [*range(1, 50)]
    assert [row.number for row in await keeper.rulings()] == [2]
    assert len(await keeper.history("lobby", 0, NOW + 1)) == 48
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len([words for words in told if "fails" in words]) == 1
    assert len([words for words in told if "works again" in words]) == 1


async def test_an_idle_store_notices_that_its_server_is_gone(
    server: Server, keep: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.store.keeper.LOOK_SECONDS", 0.1)
    keeper = await keep(await server.fresh())
    server.kill()
    try:
        await fails(keeper)
    finally:
        server.start()
    await works(keeper)


async def test_a_server_that_hangs_counts_as_gone(
    server: Server, keep: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(database, "CONNECT_SECONDS", 0.5)
    keeper = await keep(await server.fresh())
    stopped = processes_of(server)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        keeper.save(line(1))
        with pytest.raises(StoreError):
            await keeper.settled()
        await fails(keeper)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    await works(keeper)
    assert await lines_of(keeper) == [1]


async def test_a_server_that_only_reads_is_said_to(servers: Servers, keep: Keepers) -> None:
    server = servers.of(PostgreSQL)
    address = await server.fresh()
    keeper = await keep(address)
    name = address.url.rpartition("/")[2]
    await server.tell(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await server.tell(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    keeper.save(line(1))
    await fails(keeper, "read-only")
    await server.tell(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    await works(keeper)
    assert await lines_of(keeper) == [1]


async def test_a_wrong_password_is_one_sentence_without_it(server: Server) -> None:
    address = await server.fresh()
    wrong = StoreAddress(address.kind, address.url.replace("4711", "0815"), address.shown)
    with pytest.raises(StoreError) as raised:
        await Keeper(wrong, history_days=1, wall_ms=lambda: NOW).open()
    assert "0815" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "switchboard" in str(raised.value)  # whom it did not let in


async def test_a_server_that_is_not_there_cannot_be_opened(server: Server) -> None:
    address = server.address("any")
    nobody = StoreAddress(address.kind, address.url.replace(str(server.port), "1"), address.shown)
    with pytest.raises(StoreError):
        await Keeper(nobody, history_days=1, wall_ms=lambda: NOW).open()


# A disk that is full, or only read.


@contextlib.contextmanager
def limited_files(_: Path) -> Iterator[Callable[[], None]]:
    """No file of this process grows beyond so much; what is given ends that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, hard))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """A file system of its own with so much room; what is given makes it larger."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)], check=True)
    try:
        yield lambda: remount(folder, "size=64m")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def may_mount() -> bool:
    """Whether this process may make file systems: root may, but not in every container."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


FULL = [limited_files, *([small_disk] if may_mount() else [])]


@pytest.mark.parametrize("full", FULL)
async def test_a_full_disk_keeps_rulings_and_audit_until_there_is_room(
    full: Callable[[Path], contextlib.AbstractContextManager[Callable[[], None]]],
    tmp_path: Path,
    keep: Keepers,
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with full(folder) as make_room:
        keeper = await keep(StoreAddress.of_file(str(folder / "store.db")))
        keeper._queue = Queue(most_texts=300)
        count = 0
        while not keeper.failing:
            for _ in range(20):
                count += 1
                keeper.save(said(count, text="x" * 2000))
                keeper.save(line(count))
            with contextlib.suppress(StoreError):
                await keeper.settled()
            assert count < 5000
        with pytest.raises(StoreError):
            await keeper.settled()
        for _ in range(500):
            count += 1
            keeper.save(said(count, text="x" * 2000))
            keeper.save(line(count))
        dropped = keeper.state.dropped
        assert dropped >= 200
        make_room()
        await works(keeper)
        assert await lines_of(keeper) == [*range(1, count + 1)]
        assert len(await keeper.history("lobby", 0, NOW + 1, limit=9999)) == count - dropped
        await keeper.close()


if may_mount():

    async def test_a_disk_that_is_full_and_then_only_read_says_what_it_is_now(tmp_path: Path, keep: Keepers) -> None:
        folder = tmp_path / "disk"
        folder.mkdir()
        with small_disk(folder) as make_room:
            keeper = await keep(StoreAddress.of_file(str(folder / "store.db")))
            count = 0
            while not keeper.failing:
                count += 1
                keeper.save(line(count, line="x" * 20_000))
                with contextlib.suppress(StoreError):
                    await keeper.settled()
            assert "full" in keeper.failing
            await until(lambda: keeper._database._engine is None)
            remount(folder, "ro")
            await fails(keeper, "read")
            remount(folder, "rw")
            make_room()
            await works(keeper)
            assert await lines_of(keeper) == [*range(1, count + 1)]
            await keeper.close()


async def test_a_folder_that_cannot_be_written_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "store.db", Path("/proc/store.db"), tmp_path):
        with pytest.raises(StoreError) as raised:
            await Keeper(StoreAddress.of_file(str(path)), history_days=1, wall_ms=lambda: NOW).open()
        assert "\n" not in str(raised.value)


async def test_what_is_no_database_cannot_be_opened_and_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are my notes" * 100)
    with pytest.raises(StoreError, match="not a database"):
        await Keeper(StoreAddress.of_file(str(file)), history_days=1, wall_ms=lambda: NOW).open()
    assert file.read_text() == "these are my notes" * 100


# A file that others hold, or take away.


async def test_a_file_that_another_process_holds_is_waited_for(
    tmp_path: Path, keep: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    path = tmp_path / "store.db"
    keeper = await keep(StoreAddress.of_file(str(path)))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        keeper.save(line(1))
        with pytest.raises(StoreError, match="locked"):
            await keeper.settled()
        await fails(keeper, "locked")
        other.execute("ROLLBACK")
    await works(keeper)
    assert await lines_of(keeper) == [1]


async def test_a_file_that_is_gone_is_not_made_anew(
    tmp_path: Path, keep: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.store.keeper.LOOK_SECONDS", 0.1)
    path, aside = tmp_path / "store.db", tmp_path / "aside.db"
    keeper = await keep(StoreAddress.of_file(str(path)))
    keeper.save(line(1))
    await keeper.settled()
    path.rename(aside)
    await fails(keeper, "gone")
    keeper.save(line(2))
    assert not path.exists()
    aside.rename(path)
    await works(keeper)
    assert await lines_of(keeper) == [1, 2]


# While it fails, and in the end.


async def test_what_is_lost_at_the_end_is_told(
    tmp_path: Path, keep: Keepers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("server.store.keeper.LOOK_SECONDS", 0.1)
    path = tmp_path / "store.db"
    keeper = await keep(StoreAddress.of_file(str(path)))
    path.unlink()
    await fails(keeper)
    keeper.save(line(1))
    await keeper.close()
    assert "1 rows are lost" in caplog.text


async def test_who_waits_when_it_begins_to_fail_hears_it_at_once(tmp_path: Path, keep: Keepers) -> None:
    keeper = await keep(StoreAddress.of_file(str(tmp_path / "store.db")))
    (tmp_path / "store.db").unlink()
    for n in range(1, 3):  # when it begins, and while it goes on
        keeper.save(line(n))
        with pytest.raises(StoreError, match="gone"):
            await keeper.settled(timeout=60)


async def test_a_file_that_was_replaced_is_written_to_from_then_on(tmp_path: Path, keep: Keepers) -> None:
    path, other = tmp_path / "store.db", tmp_path / "other.db"
    await (await keep(StoreAddress.of_file(str(other)))).close()
    keeper = await keep(StoreAddress.of_file(str(path)))
    other.replace(path)
    keeper.save(line(1))
    await works(keeper)
    await keeper.close()
    assert await lines_of(await keep(StoreAddress.of_file(str(path)))) == [1]


async def test_texts_are_not_waited_for(keep: Keepers, tmp_path: Path) -> None:
    keeper = await keep(StoreAddress.of_file(str(tmp_path / "store.db")))
    keeper.save(said(1))
    await keeper.settled(timeout=0)
    await written(keeper)


def processes_of(server: Server) -> list[int]:
    import psutil

    found = psutil.Process(server.pid)
    return [found.pid, *(child.pid for child in found.children(recursive=True))]


async def test_a_node_does_not_wait_for_ever_for_a_store_that_hangs_when_it_ends(
    server: Server, keep: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.store.keeper.CLOSING_SECONDS", 0.3)
    monkeypatch.setattr(database, "CONNECT_SECONDS", 0.3)
    keeper = await keep(await server.fresh())
    stopped = processes_of(server)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        keeper.save(line(1))
        async with asyncio.timeout(10):
            await keeper.close()
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
