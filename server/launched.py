"""The list of launched nodes that still run, kept in a file so that a console that ended leaves none unknown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from bus import private
from server.addresses import is_loopback

FILE = "launched.json"

_CLOCK_SLACK = 2.0
"""Seconds by which a process may seem to have begun at another time: its start is counted from the boot, and a
correction of the clock moves that."""


class Launched(msgspec.Struct, frozen=True):
    """One launched node, as a later console needs it."""

    name: str
    pid: int
    created: float
    """When the process began, seconds since 1970: with `pid` the identity of a process."""
    started: int
    """When it was launched, ms since 1970."""
    kept: bool
    """Whether it runs on without its console."""
    folder: str
    """Its data folder."""
    host: str
    port: int
    bus_host: str
    bus_port: int
    peer: str
    node: str = ""
    """Node id; this and the addresses below are empty until it was ready."""
    url: str = ""
    http: str = ""
    bus: str = ""


def read_launched(data_dir: Path) -> list[Launched]:
    """Read the list; empty where there is none or it is damaged."""
    try:
        return msgspec.json.decode((data_dir / FILE).read_bytes(), type=list[Launched])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return []


def meeting_points(data_dir: Path, *, keyed: bool = False) -> tuple[str, ...]:
    """Give the mesh addresses of the nodes that were launched before and still run, as ``--peer`` takes them.

    A console that starts again may listen elsewhere than before, so it has to find them. Without a key it reaches
    those on loopback alone.
    """
    known = [each.bus for each in read_launched(data_dir) if each.bus and find_process(each) is not None]
    return tuple(bus for bus in known if keyed or is_loopback(bus.rpartition(":")[0].strip("[]")))


def write_launched(data_dir: Path, launched: Sequence[Launched]) -> None:
    """Replace the list in one step, readable by this user alone. Raises OSError."""
    private.replace(data_dir / FILE, msgspec.json.encode(list(launched)), durable=False)


def find_process(launched: Launched) -> psutil.Process | None:
    """Find the process of a launched node; None when it ended, even if its process id belongs to another one now.

    Neither the process id alone nor its start time is trusted: the command line has to name the node's data folder.
    """
    try:
        process = psutil.Process(launched.pid)
        same = (
            abs(process.create_time() - launched.created) <= _CLOCK_SLACK
            and process.status() != psutil.STATUS_ZOMBIE
            and f"--data-dir={launched.folder}" in process.cmdline()
        )
    except psutil.Error:
        return None
    return process if same else None
