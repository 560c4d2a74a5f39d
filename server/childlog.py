"""What a launched node says on stderr: its lines as values, held in a bounded ring."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

import msgspec

from server.plaintext import plain

Level = Literal["debug", "info", "warning", "error"]

LINES = 2_000
"""How many lines of one node are held."""
LINE_BYTES = 16_384
"""A longer line is cut here, so that a node without line ends cannot fill the memory."""
LOG_FILE = "node.log"
"""Where a kept node logs to, in its data folder."""
LOG_BYTES = 4 * 1024 * 1024
"""A log file that has grown to this is put aside and a new one begun, so that a kept node has twice this at most."""

_PIECE = 65_536

_LEVELS: dict[str, Level] = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "warn": "warning",
    "error": "error",
    "critical": "error",
}
_KNOWN = frozenset({"at", "time", "level", "logger", "event", "text", "message"})


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One line of a node's log."""

    at: int
    """ms since 1970."""
    level: Level
    text: str
    """What was said, without control and direction characters: one line whatever a name held."""


class LogRing:
    """The last lines, each with a number that it keeps while older ones fall out."""

    __slots__ = ("_lines", "_next")

    def __init__(self, capacity: int = LINES) -> None:
        self._lines: deque[LogLine] = deque(maxlen=capacity)
        self._next = 0

    @property
    def first(self) -> int:
        """Number of the oldest line held."""
        return self._next - len(self._lines)

    @property
    def next(self) -> int:
        """Number that the next line will get."""
        return self._next

    @property
    def last(self) -> LogLine | None:
        """The newest line."""
        return self._lines[-1] if self._lines else None

    def append(self, line: LogLine) -> None:
        """Add a line; the oldest falls out when the ring is full."""
        self._lines.append(line)
        self._next += 1

    def since(self, number: int) -> Sequence[LogLine]:
        """Give the lines held from `number` on, oldest first."""
        skip = max(0, number - self.first)
        return [self._lines[at] for at in range(skip, len(self._lines))]


class LineCutter:
    """Bytes in any pieces in, whole lines out."""

    __slots__ = ("_cutting", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._cutting = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read; give the lines that are complete now, without their ends, cut at `LINE_BYTES`."""
        *whole, rest = (self._rest + data).split(b"\n")
        lines = [line[:LINE_BYTES] for line in whole]
        if self._cutting and lines:
            del lines[0]
            self._cutting = False
        if len(rest) > LINE_BYTES:
            if not self._cutting:
                lines.append(rest[:LINE_BYTES])
                self._cutting = True
            rest = b""
        self._rest = rest
        return [line for line in lines if line.strip()]

    def close(self) -> list[bytes]:
        """Give what was left without a line end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() and not self._cutting else []


class LogFile:
    """A log file that grows, read piece by piece."""

    __slots__ = ("_cutter", "_last", "_path", "_position")

    def __init__(self, path: Path, *, last: int | None = None) -> None:
        """Read `path` from its start, or from its `last` bytes on."""
        self._path = path
        self._last = last
        self._position = 0
        self._cutter = LineCutter()

    def read(self) -> list[bytes]:
        """Give the next lines, those of 64 KiB at most; nothing where there are none or the file cannot be read."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                if self._last is not None:
                    last, self._last = self._last, None
                    if size > last:
                        # The piece begins inside of a line.
                        file.seek(size - last)
                        self._position = size - last + len(file.readline())
                elif size < self._position:  # a new one was begun
                    self._position, self._cutter = 0, LineCutter()
                file.seek(self._position)
                lines: list[bytes] = []
                while not lines and (piece := file.read(_PIECE)):
                    self._position += len(piece)
                    lines = self._cutter.feed(piece)
                return lines
        except OSError:
            return []


def fresh_log(folder: Path) -> IO[bytes]:
    """Begin the log file of a kept node; the one before it stays beside it. Raises OSError."""
    path = folder / LOG_FILE
    with contextlib.suppress(FileNotFoundError):
        path.replace(path.with_suffix(".log.old"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600), "wb")


def parse_line(line: bytes, now: int) -> LogLine:
    """Read one line of a node's JSON log; `now` is ms since 1970.

    What is no JSON log line was said by something that could not log: a refusal to start, the interpreter. So it
    counts as an error.
    """
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return LogLine(now, "error", plain(line.decode(errors="replace").strip()))
    words = [str(found[key]) for key in ("event", "message", "text") if found.get(key)]
    words += [f"{key}={value}" for key, value in found.items() if key not in _KNOWN and value is not None]
    level = _LEVELS.get(str(found.get("level", "info")).lower(), "info")
    return LogLine(_moment(found.get("at", found.get("time")), now), level, plain(" ".join(words)))


def _moment(value: object, now: int) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**53:
        return int(value)
    if isinstance(value, str):
        try:
            return int(datetime.datetime.fromisoformat(value).timestamp() * 1000)
        except (ValueError, OverflowError, OSError):
            return now
    return now
