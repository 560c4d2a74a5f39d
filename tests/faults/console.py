"""Row 24: a console whose sheet stays open, whose window is dragged, and which is closed while everybody talks.

    python -m tests.faults.console [--seconds 60]

Prints a table and exits with 1 where something did not hold. Two nodes without a window are beside that of the
console; on each of the three somebody speaks and hears the others. Given `--inside`, it is the console: a real one,
without a screen, that does by itself what a person would do, and measures how late its loop is.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cluster.nodes import eventually
from tests.guest import Guest, frame
from tests.processes import ROOT, environment, node

if TYPE_CHECKING:
    from gui.app import Console

FRAME_SECONDS = 0.02
LOOK_SECONDS = 0.01
DRAG_SHARE = 6
"""The window is dragged for this part of the time that the sheet is open."""
LAG_MS, GAP_SECONDS, EXIT_SECONDS = 50.0, 0.5, 3.0
PATIENCE = 60.0
ROOM = "row 24"


# The console.


class Act:
    """What is done to a window, one thing after the other, and how late the loop was meanwhile."""

    def __init__(self, console: Console, seconds: float) -> None:
        self._console = console
        self._seconds = seconds
        self._late: list[float] = []
        self._told: dict[str, dict[str, float]] = {}

    def look(self, due: float = 0.0) -> None:
        """Note how late this call is, and call again."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if due:
            self._late.append((now - due) * 1000)
        loop.call_at(now + LOOK_SECONDS, self.look, now + LOOK_SECONDS)

    async def play(self) -> None:
        """Do all of it; the last is to close the window."""
        from gui.frame.join import JoinSheet

        window, console = self._console.window, self._console
        self.look()
        await self._phase("nothing", self._seconds / DRAG_SHARE)
        sheet = JoinSheet(console.context, window)
        console.overlays.open_sheet(sheet)
        await self._phase("sheet open", self._seconds)
        self._told["sheet open"]["visible"] = float(sheet.isVisible())
        sheet.reject()
        end = time.monotonic() + self._seconds / DRAG_SHARE
        self._late.clear()
        step = 0
        while time.monotonic() < end:
            step += 1
            window.move(step % 200, step % 100)
            await asyncio.sleep(LOOK_SECONDS)
        self._tell("dragged")
        sys.stderr.write(json.dumps({"event": "closing", "phases": self._told}) + "\n")
        sys.stderr.flush()
        window.close()

    async def _phase(self, name: str, seconds: float) -> None:
        self._late.clear()
        await asyncio.sleep(seconds)
        self._tell(name)

    def _tell(self, name: str) -> None:
        late = sorted(self._late) or [0.0]
        self._told[name] = {"p99": round(late[int((len(late) - 1) * 0.99)], 2), "worst": round(late[-1], 2)}


def be_console(seconds: float, arguments: Sequence[str]) -> int:
    """Run a console that acts when SIGUSR1 comes."""
    import signal

    import main
    from gui import app

    opened = app.open_console
    acts: list[asyncio.Task[None]] = []

    def open_console(*parts: Any) -> Console:
        console = opened(*parts)
        console.window.show_view(console.rooms)
        act = Act(console, seconds)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, lambda: acts.append(loop.create_task(act.play())))
        return console

    vars(app)["open_console"] = open_console
    return main.main(arguments)


# Those around it.


class Voice:
    """Somebody who speaks without a pause, and notes how long nobody else was heard."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.heard: dict[int, float] = {}
        self.gaps: list[tuple[float, float]] = []
        """When a gap ended, and how long it was."""

    async def speak(self, ssrc: int) -> None:
        number, due = 0, time.monotonic()
        while True:
            with contextlib.suppress(Exception):
                await self.guest.send_raw(frame(ssrc, seq=number & 0xFFFF, ts=number * 960 & 0xFFFFFFFF))
            number += 1
            due += FRAME_SECONDS
            await asyncio.sleep(due - time.monotonic())

    async def listen(self) -> None:
        async for message in self.guest.socket:
            if isinstance(message, str):
                if json.loads(message)["type"] == "going_away":
                    await self.guest.socket.close()  # as a good client goes, though this one goes nowhere
            else:
                now, ssrc = time.monotonic(), int.from_bytes(message[4:8], "big")
                self.gaps.append((now, now - self.heard.get(ssrc, now)))
                self.heard[ssrc] = now

    def worst(self, since: float, till: float) -> float:
        """The longest gap that ended in between."""
        return max((gap for at, gap in self.gaps if since <= at <= till), default=0.0)


async def surround(seconds: float, folder: Path) -> int:
    """Start everything, let the console act, and tell; returns 1 where something did not hold."""
    async with contextlib.AsyncExitStack() as stack:
        key = folder / "auth.key"
        key.write_text("the key of these tests, 32 bytes and more")
        key.chmod(0o600)
        first = await stack.enter_async_context(node(folder / "a", f"--auth-key-file={key}"))
        peer = f"--peer={first.ready['bus']}"
        second = await stack.enter_async_context(node(folder / "b", peer, f"--auth-key-file={key}"))
        console = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.console", "--inside", "--seconds", str(seconds), "--"),
            *("--port=0", "--bus-port=0", "--log-format=json", peer, f"--data-dir={folder / 'c'}"),
            f"--auth-key-file={key}",
            cwd=ROOT,
            env=environment(QT_QPA_PLATFORM="offscreen"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert console.stdout is not None
        assert console.stderr is not None
        try:
            async with asyncio.timeout(PATIENCE):
                ready = json.loads(await console.stdout.readline())
            voices = [Voice(await Guest.enter(url, name="V")) for url in (first.url, second.url, ready["url"])]
            tasks = []
            for voice in voices:
                joined = await voice.guest.join(ROOM)
                tasks.append(asyncio.create_task(voice.speak(joined["ssrc"])))
                tasks.append(asyncio.create_task(voice.listen()))
            await eventually(lambda: all(len(voice.heard) == 2 for voice in voices))
            began = time.monotonic()
            console.send_signal(10)
            told = await _closing(console.stderr, seconds)
            closed = time.monotonic()
            code = await asyncio.wait_for(console.wait(), PATIENCE)
            took = time.monotonic() - closed
            await asyncio.sleep(2)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            if console.returncode is None:
                console.kill()
                await console.wait()
    worst = max(voice.worst(began, closed) for voice in voices)
    after = max(voice.worst(closed, closed + 60) for voice in voices[:2])
    return tell(told, worst, after, took, code)


async def _closing(errors: asyncio.StreamReader, seconds: float) -> dict[str, dict[str, float]]:
    """Read on until the console closes its window; what it measured."""
    async with asyncio.timeout(2 * seconds + PATIENCE):
        while line := await errors.readline():
            if line.startswith(b'{"event"'):
                return dict(json.loads(line)["phases"])
    raise AssertionError("the console ended before its window was closed")


def tell(phases: dict[str, dict[str, float]], worst: float, after: float, took: float, code: int) -> int:
    """Print a table; returns 1 where something did not hold."""
    stayed = bool(phases["sheet open"]["visible"])
    rows: list[tuple[str, str, str, bool]] = [
        (
            f"loop lag, {name}, p99 (worst {phase['worst']:.0f} ms)",
            f"{phase['p99']:.1f} ms",
            f"{LAG_MS:g} ms",
            phase["p99"] <= LAG_MS,
        )
        for name, phase in phases.items()
    ]
    rows += [
        ("the sheet stayed open", "yes" if stayed else "no", "yes", stayed),
        ("longest gap in voice", f"{worst:.2f} s", f"{GAP_SECONDS:g} s", worst <= GAP_SECONDS),
        ("longest between the other nodes, while it is closed", f"{after:.2f} s", f"{GAP_SECONDS:g} s",
         after <= GAP_SECONDS),
        ("from the close of the window to the end", f"{took:.2f} s", f"{EXIT_SECONDS:g} s", took <= EXIT_SECONDS),
        ("exit code", str(code), "0", code == 0),
    ]  # fmt: skip
    print("| what | seen | at most | |")
    print("|---|---|---|---|")
    for what, seen, most, holds in rows:
        print(f"| {what} | {seen} | {most} | {'ok' if holds else '**NOT**'} |")
    return 0 if all(holds for *_, holds in rows) else 1


def main(arguments: Sequence[str]) -> int:
    """Be what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.console")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the sheet is open")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args(arguments)
    if options.inside:
        return be_console(options.seconds, rest[1:] if rest[:1] == ["--"] else rest)
    with tempfile.TemporaryDirectory(prefix="console-") as folder:
        return asyncio.run(surround(options.seconds, Path(folder)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
