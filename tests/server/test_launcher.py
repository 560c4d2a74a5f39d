"""Launched nodes are real processes here: started, heard, stopped, crashed, orphaned and found again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from server import doctor
from server.child import Child, ChildState, Spec
from server.config import Config
from server.launched import FILE, read_launched
from server.launcher import PROGRAM, STOP_SECONDS, Launcher, LaunchError
from server.restarts import CRASHES

ROOT = Path(__file__).resolve().parents[2]


def spec(name: str = "n2", *, port: int = 0, keep: bool = False, restart: bool = False) -> Spec:
    return Spec(
        name=name, host="127.0.0.1", port=port, bus_host="127.0.0.1", bus_port=0, peer="", keep=keep, restart=restart
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "auth.key").write_text("0123456789abcdef" * 4)
    (tmp_path / "auth.key").chmod(0o600)
    return Config(name="console", data_dir=tmp_path)


@pytest.fixture
async def launcher(config: Config) -> AsyncIterator[Launcher]:
    made = Launcher(config, config.data_dir / "auth.key")
    yield made
    await made.close()


@pytest.fixture
async def orphans() -> AsyncIterator[list[int]]:
    """Process ids to end after a test that leaves nodes running on purpose."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()


async def seen(launcher: Launcher, holds: Callable[[], bool]) -> None:
    """Wait until `holds()`, looking again whenever the launcher tells of something."""
    changed = asyncio.Event()
    end = launcher.watch(lambda what, key: changed.set())
    try:
        while not holds():
            await changed.wait()
            changed.clear()
    finally:
        end()


def texts(child: Child) -> list[str]:
    return [line.text for line in child.log.since(0)]


def read_by_a_shell(line: str) -> list[str]:
    script = f'set -- {line}; for word in "$@"; do printf "%s\\n" "$word"; done'
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()


async def test_a_node_is_ready_says_things_and_stops(launcher: Launcher, config: Config) -> None:
    child = launcher.launch(spec())
    assert child.state is ChildState.STARTING
    assert launcher.children == (child,)
    await launcher.until(child, ChildState.RUNNING)

    assert child.ready is not None
    assert child.ready.name == "n2"
    assert child.ready.pid == child.pid
    with socket.create_connection(("127.0.0.1", int(child.ready.http.rsplit(":", 1)[1].strip("/")))):
        pass
    await seen(launcher, lambda: child.log.next > 0)
    assert child.log.since(0)[0].level == "info"
    assert [entry.name for entry in read_launched(config.data_dir)] == ["n2"]

    await launcher.stop(child)
    assert (child.state, child.code, child.asked) == (ChildState.EXITED, 0, True)
    assert read_launched(config.data_dir) == []
    launcher.forget(child)
    assert list(launcher.children) == []


async def test_changes_are_told_until_the_watching_ends_and_two_who_stop_a_node_send_one_signal(
    launcher: Launcher,
) -> None:
    told: list[tuple[str, str]] = []
    end = launcher.watch(lambda what, key: told.append((what, key)))
    child = launcher.launch(spec())
    await launcher.until(child, ChildState.RUNNING)
    assert ("child", child.id) in told
    end()
    end()
    told.clear()
    await asyncio.gather(launcher.stop(child), launcher.stop(child))
    assert (child.code, told) == (0, [])


async def test_every_node_has_a_folder_of_its_own_and_the_key_of_the_console(
    launcher: Launcher, config: Config
) -> None:
    one, two = launcher.launch(spec("one")), launcher.launch(spec("two"))
    assert one.folder != two.folder
    await asyncio.gather(launcher.until(one, ChildState.RUNNING), launcher.until(two, ChildState.RUNNING))
    assert one.ready is not None
    assert two.ready is not None
    assert one.ready.node != two.ready.node
    for child in (one, two):
        assert child.folder.is_relative_to(config.data_dir / "nodes")
        assert child.folder.stat().st_mode & 0o777 == 0o700
        assert f"--auth-key-file={config.data_dir / 'auth.key'}" in psutil.Process(child.pid).cmdline()


async def test_nodes_inherit_the_key_of_the_mesh_by_its_file_alone(config: Config, tmp_path: Path) -> None:
    secret = tmp_path / "cluster.key"
    secret.touch(0o600)
    secret.write_text("the secret of this mesh, 32 bytes and more")
    keyed = dataclasses.replace(config, cluster_key_file=secret, bus_advertise="127.0.0.5:9")
    launcher = Launcher(keyed, config.data_dir / "auth.key")
    try:
        child = launcher.launch(spec("one"))
        await launcher.until(child, ChildState.RUNNING)
        assert child.ready is not None
        assert child.ready.bus.startswith("127.0.0.5:")
        assert not child.ready.bus.endswith(":9"), "the port is the console's own"
        process = psutil.Process(child.pid)
        assert f"--cluster-key-file={secret}" in process.cmdline()
        seen = " ".join((*process.cmdline(), *process.environ().values()))
        assert secret.read_text() not in seen
        asked = await asyncio.to_thread(doctor.peer, f"127.0.0.1:{child.ready.bus.rpartition(':')[2]}", keyed=True)
        assert asked.standing is doctor.Standing.OK
    finally:
        await launcher.close()


async def test_a_start_that_fails_says_why_and_is_not_tried_again(launcher: Launcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        child = launcher.launch(spec(port=port, restart=True))
        await launcher.until(child)
    assert (child.code, child.asked, child.ready) == (3, False, None)
    assert (child.again, child.given_up) == (None, False)
    assert str(port) in child.said
    assert child.log.last is not None
    assert child.log.last.level == "error"


async def test_a_crash_is_noticed(launcher: Launcher, config: Config) -> None:
    child = launcher.launch(spec())
    await launcher.until(child, ChildState.RUNNING)
    os.kill(child.pid, signal.SIGKILL)
    await launcher.until(child)
    assert (child.code, child.asked) == (-signal.SIGKILL, False)
    assert child.ended is not None
    assert read_launched(config.data_dir) == []


async def test_a_node_that_does_not_drain_is_killed(launcher: Launcher) -> None:
    child = launcher.launch(spec())
    await launcher.until(child, ChildState.RUNNING)
    os.kill(child.pid, signal.SIGSTOP)
    await launcher.stop(child, patience=0.0)
    assert child.code == -signal.SIGKILL


async def test_the_end_of_a_launcher_kills_whom_it_has_no_time_to_wait_for(config: Config) -> None:
    launcher = Launcher(config, config.data_dir / "auth.key")
    child = launcher.launch(spec())
    await launcher.until(child, ChildState.RUNNING)
    os.kill(child.pid, signal.SIGSTOP)
    async with asyncio.timeout(STOP_SECONDS / 2):
        await launcher.close(within=0.0)
    assert child.code == -signal.SIGKILL


async def test_one_name_runs_once(launcher: Launcher) -> None:
    child = launcher.launch(spec())
    with pytest.raises(LaunchError, match="n2 runs already"):
        launcher.launch(spec())
    assert launcher.children == (child,)


async def test_a_program_that_is_not_there_is_refused_in_words(config: Config) -> None:
    launcher = Launcher(config, config.data_dir / "auth.key", program=(str(config.data_dir / "nothing"),))
    with pytest.raises(LaunchError, match="n2 could not be started"):
        launcher.launch(spec())
    assert launcher.children == ()


@pytest.mark.parametrize("name", ["a b; touch x", "$(touch x) '\"\\", "--help", "../../x", "..", ".", "夜" * 32])
async def test_a_hostile_name_stays_a_name(launcher: Launcher, config: Config, name: str) -> None:
    child = launcher.launch(spec(name))
    await launcher.until(child, ChildState.RUNNING)
    assert child.ready is not None, texts(child)
    assert child.ready.name == name
    assert child.folder.parent == config.data_dir / "nodes"
    assert not Path("x").exists()
    assert not (config.data_dir / "x").exists()


@pytest.mark.parametrize("name", ["n2", "a; touch x", "$(id)", "'"])
async def test_the_command_to_copy_starts_the_same_node(launcher: Launcher, name: str) -> None:
    shown = launcher.command(spec(name))
    said = read_by_a_shell(shown)
    child = launcher.launch(spec(name))
    assert child.process is not None
    started = child.process.args  # what the system says of a process is empty for a moment after its start
    assert isinstance(started, list)
    assert said == started[: len(said)]
    assert said[: len(PROGRAM)] == list(PROGRAM)


async def test_options_of_the_console_that_matter_to_a_cluster_are_handed_on(config: Config) -> None:
    config = Config(
        name="console", data_dir=config.data_dir, auth="token", origins=("https://a.example",), voice_fps=0
    )
    line = Launcher(config, config.data_dir / "auth.key").command(spec())
    assert "--auth=token --origin=https://a.example --voice-fps=0" in line


CONSOLE = """
import asyncio, pathlib, sys
from server.config import Config
from server.child import ChildState, Spec
from server.launcher import Launcher

async def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    launcher = Launcher(Config(name="console", data_dir=folder), folder / "auth.key")
    for name, keep in (("ends", False), ("stays", True)):
        child = launcher.launch(
            Spec(name=name, host="127.0.0.1", port=0, bus_host="127.0.0.1", bus_port=0, peer="", keep=keep)
        )
        await launcher.until(child, ChildState.RUNNING)
    print("both run", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_console_that_is_killed_ends_its_nodes_but_the_kept_one_which_is_found_again(
    launcher: Launcher, config: Config, orphans: list[int]
) -> None:
    console = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONSOLE, str(config.data_dir), stdout=subprocess.PIPE, cwd=ROOT
    )
    assert console.stdout is not None
    assert await console.stdout.readline() == b"both run\n"
    entries = {entry.name: entry for entry in read_launched(config.data_dir)}
    orphans += [entry.pid for entry in entries.values()]
    ending = psutil.Process(entries["ends"].pid)
    console.kill()
    await console.wait()
    await asyncio.to_thread(psutil.wait_procs, [ending], timeout=30)
    assert not ending.is_running() or ending.status() == psutil.STATUS_ZOMBIE

    await launcher.recover()
    (kept,) = launcher.children
    assert (kept.spec.name, kept.spec.keep, kept.earlier) == ("stays", True, True)
    assert kept.state is ChildState.RUNNING
    assert kept.ready is not None
    assert kept.ready.url == entries["stays"].url
    await seen(launcher, lambda: kept.log.next > 0)
    await launcher.stop(kept)
    assert (kept.state, kept.code, kept.asked) == (ChildState.EXITED, None, True)
    assert read_launched(config.data_dir) == []


async def test_a_kept_node_survives_its_launcher_and_the_others_do_not(config: Config, orphans: list[int]) -> None:
    launcher = Launcher(config, config.data_dir / "auth.key")
    ends, stays = launcher.launch(spec("ends")), launcher.launch(spec("stays", keep=True))
    orphans += [ends.pid, stays.pid]
    await launcher.until(ends, ChildState.RUNNING)
    await launcher.close()
    assert ends.code == 0
    assert stays.state is ChildState.RUNNING
    kept = psutil.Process(stays.pid)
    assert kept.status() != psutil.STATUS_ZOMBIE
    assert [entry.name for entry in read_launched(config.data_dir)] == ["stays"]
    assert (stays.folder / "node.log").stat().st_mode & 0o777 == 0o600
    kept.terminate()


async def test_a_list_that_names_another_process_stops_nobody(launcher: Launcher, config: Config) -> None:
    launcher.launch(spec())
    (entry,) = read_launched(config.data_dir)
    mine = msgspec.structs.replace(entry, pid=os.getpid(), created=psutil.Process().create_time())
    other = Launcher(Config(name="other", data_dir=config.data_dir / "other"), config.data_dir / "auth.key")
    (config.data_dir / "other").mkdir()
    (config.data_dir / "other" / FILE).write_bytes(msgspec.json.encode([mine]))
    await other.recover()
    assert other.children == ()
    await other.close()


async def test_a_node_of_before_that_does_not_answer_is_shown_as_that(
    config: Config, launcher: Launcher, orphans: list[int]
) -> None:
    first = Launcher(config, config.data_dir / "auth.key")
    kept = first.launch(spec(keep=True))
    orphans.append(kept.pid)
    await first.until(kept, ChildState.RUNNING)
    await first.close()
    os.kill(kept.pid, signal.SIGSTOP)
    await launcher.recover()
    (found,) = launcher.children
    await seen(launcher, lambda: any("does not answer" in text for text in texts(found)))
    os.kill(kept.pid, signal.SIGCONT)
    await launcher.stop(found)


def kill(child: Child) -> None:
    os.kill(child.pid, signal.SIGKILL)


async def test_a_crashed_node_is_started_again_where_it_was(launcher: Launcher, config: Config) -> None:
    child = launcher.launch(spec(restart=True))
    await launcher.until(child, ChildState.RUNNING)
    before, pid = child.ready, child.pid
    assert before is not None
    kill(child)
    await seen(launcher, lambda: child.again is not None)
    assert child.ended is not None
    assert child.again == pytest.approx(child.ended + 1000, abs=500)
    assert "started again in 1 s" in child.said
    await seen(launcher, lambda: child.state is ChildState.RUNNING)
    assert child.ready is not None
    assert (child.ready.node, child.ready.url, child.ready.bus) == (before.node, before.url, before.bus)
    assert child.pid != pid
    assert child.again is child.ended is child.code is None
    assert launcher.children == (child,)
    assert [entry.pid for entry in read_launched(config.data_dir)] == [child.pid]


async def test_too_many_crashes_are_given_up_until_somebody_starts_it(launcher: Launcher) -> None:
    child = launcher.launch(spec(restart=True))
    for _ in range(CRASHES - 1):
        child.restarts.crashed(asyncio.get_running_loop().time())
    await launcher.until(child, ChildState.RUNNING)
    kill(child)
    await launcher.until(child)
    assert (child.given_up, child.again) == (True, None)
    assert "is not started again" in child.said
    await launcher.restart(child)
    await launcher.until(child, ChildState.RUNNING)
    assert not child.given_up


async def test_a_node_that_waits_for_its_next_start_can_be_stopped_forgotten_or_started_now(
    launcher: Launcher,
) -> None:
    child = launcher.launch(spec(restart=True))
    await launcher.until(child, ChildState.RUNNING)
    kill(child)
    await seen(launcher, lambda: child.timer is not None)
    await launcher.restart(child)
    assert (child.state, child.timer) == (ChildState.STARTING, None)
    await launcher.until(child, ChildState.RUNNING)
    kill(child)
    await seen(launcher, lambda: child.timer is not None)
    timer = child.timer
    assert timer is not None
    await launcher.stop(child)
    assert timer.cancelled()
    assert (child.state, child.again) == (ChildState.EXITED, None)
    launcher.forget(child)
    assert launcher.children == ()


async def test_a_restart_drains_first_and_keeps_name_ports_and_identity(launcher: Launcher) -> None:
    child = launcher.launch(spec())
    await launcher.until(child, ChildState.RUNNING)
    before = child.ready
    assert before is not None
    states: list[ChildState] = []
    end = launcher.watch(lambda what, id: states.append(child.state) if what == "child" else None)
    await launcher.restart(child)
    await launcher.until(child, ChildState.RUNNING)
    end()
    assert list(dict.fromkeys(states)) == [
        ChildState.STOPPING,
        ChildState.EXITED,
        ChildState.STARTING,
        ChildState.RUNNING,
    ]
    assert child.ready is not None
    assert (child.ready.node, child.ready.url, child.ready.bus) == (before.node, before.url, before.bus)


async def test_a_stop_during_a_restart_wins(launcher: Launcher) -> None:
    child = launcher.launch(spec())
    await launcher.until(child, ChildState.RUNNING)
    await asyncio.gather(launcher.restart(child), launcher.stop(child))
    assert (child.state, child.code) == (ChildState.EXITED, 0)


async def test_the_end_of_a_launcher_starts_nothing_again(config: Config) -> None:
    launcher = Launcher(config, config.data_dir / "auth.key")
    child = launcher.launch(spec(restart=True))
    await launcher.until(child, ChildState.RUNNING)
    kill(child)
    await seen(launcher, lambda: child.timer is not None)
    timer = child.timer
    assert timer is not None
    await launcher.close()
    assert timer.cancelled()
    assert child.state is ChildState.EXITED


async def test_a_kept_node_that_crashes_while_its_launcher_ends_is_not_started_again(config: Config) -> None:
    launcher = Launcher(config, config.data_dir / "auth.key")
    child = launcher.launch(spec(keep=True, restart=True))
    child.restarts.crashed(asyncio.get_running_loop().time())  # so that it would be tried again
    kill(child)
    await launcher.close()
    assert (child.state, child.timer, child.again) == (ChildState.EXITED, None, None)
