"""A node as a process and its store: its file, its password, and a death of all of them."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import stat
from pathlib import Path

from server.child import Spec
from server.childcommand import Commands
from server.config import Config
from server.exposure import Exposure
from server.settings import settings
from tests.databases import PASSWORD, Server
from tests.guest import Guest, fetch
from tests.processes import START_SECONDS, Process, environment, node
from tests.stored import until

WARNING = "is shown to everybody on this machine"


class Log:
    """All that a process says, in the order in which it is waited for."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.text = ""

    async def until(self, words: str) -> None:
        async with asyncio.timeout(START_SECONDS):
            while words not in self.text:
                line = await self.process.stderr.readline()
                assert line, self.text
                self.text += line.decode()

    async def end(self) -> str:
        self.process.send(signal.SIGTERM)
        code, _, rest = await self.process.end()
        assert code == 0, rest
        return self.text + rest


async def test_a_file_is_for_its_user_alone(tmp_path: Path) -> None:
    async with node(tmp_path) as process:
        guest = await Guest.enter(process.url, name="Ann")
        await guest.join()
        await guest.say("hello")
        guest.vanish()
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("store.db*")}
        await Log(process).end()
    assert files["store.db"] == 0o600
    assert set(files.values()) == {0o600}
    assert b"hello" in b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))


async def test_the_password_of_a_store_is_told_nobody(tmp_path: Path, server: Server) -> None:
    address = await server.fresh()
    async with node(tmp_path / "a", f"--store={address.url}") as process:
        log = Log(process)
        server.kill()
        try:
            await log.until("fails")
        finally:
            server.start()
        await log.until("works again")
        said = await log.end()
    assert PASSWORD not in said
    assert WARNING in said
    async with node(tmp_path / "b", env=environment(SWITCHBOARD_STORE=address.url)) as process:
        said = await Log(process).end()
    assert WARNING not in said
    assert PASSWORD not in said
    config = Config(name="n", data_dir=tmp_path, store=address, history_days=7)
    told = {setting.flag: setting.value for setting in settings(config, Exposure(), "")}
    assert told["store"] == address.shown
    assert PASSWORD not in str(told)
    spec = Spec(name="c", host="127.0.0.1", port=0, bus_host="127.0.0.1", bus_port=0, peer="")
    command = Commands(config, tmp_path / "key", ["main.py"]).arguments(spec)
    assert not [word for word in command if PASSWORD in word or "--store" in word]
    assert "--history-days=7" in command


async def test_a_node_that_is_killed_finds_what_it_was_given(tmp_path: Path) -> None:
    async with node(tmp_path) as process:
        guest = await Guest.enter(process.url, name="Ann")
        await guest.join()
        for number in range(50):
            await guest.say(f"text {number}")
        guest.vanish()

        async def all_written() -> bool:
            told = (await fetch(process.url, "/metrics")).body
            return b"switchboard_store_written_total 50.0\n" in told

        await until(all_written)  # texts of the last moment may go
        process.send(signal.SIGKILL)
        await process.end()
    async with node(tmp_path) as process:
        await Log(process).end()
    found = b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    assert all(f"text {number}".encode() in found for number in range(50))


def test_a_config_without_a_store_has_a_file_in_its_folder(tmp_path: Path) -> None:
    config = Config(name="n", data_dir=tmp_path)
    assert config.store_address.url == str(tmp_path / "store.db")
    assert dataclasses.replace(config, data_dir=tmp_path / "x").store_address.url == str(tmp_path / "x" / "store.db")
