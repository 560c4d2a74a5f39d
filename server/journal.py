"""What is written to stderr: one line per event, as text or JSON, whatever the event holds."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import queue
import re
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Literal

import msgspec

from server.childlog import LOG_BYTES, LOG_FILE, Level, LogLine, LogRing, fresh_log
from server.plaintext import plain

logger = logging.getLogger(__name__)

HELD_LINES = 10_000
"""How many lines wait for somebody who does not read them; what comes then is dropped and counted."""
END_SECONDS = 0.5
"""How long the end of the process waits for lines that are not yet written."""
TRACE_CHARS = 3_500
"""How much of a traceback is kept, its end."""

_PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_TOKEN = re.compile(r"eyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*")
"""A JSON Web Token, which is a secret wherever it turns up."""
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?(-----END \1PRIVATE KEY-----|$)", re.DOTALL)


def start(log_format: Literal["text", "json"], data_dir: Path) -> None:
    """Send all logging, warnings and uncaught exceptions of this process to stderr.

    Where stderr is the log file of a kept node, in its `data_dir`, that file is kept from growing without end.
    """
    handler = LineWriter(2, folder=data_dir if _is_same_file(2, data_dir / LOG_FILE) else None)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.raiseExceptions = False  # what logging says of itself it would write to stderr, and wait
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    sys.unraisablehook = _log_unraisable


class LineWriter(logging.Handler):
    """Writes lines to a file descriptor from a thread of its own, so that a reader who stands still stops nobody.

    It owns nothing but the descriptor. At most `HELD_LINES` wait for it; once it has written all that waited, it says
    how many were dropped. `close`, which logging calls at the end of the process, waits `END_SECONDS` at most.
    """

    def __init__(self, descriptor: int, *, folder: Path | None = None) -> None:
        """Write to `descriptor`; with a `folder`, it is the log file there, and a new one is begun in good time."""
        super().__init__()
        self._descriptor = descriptor
        self._folder = folder
        # Not queue.Queue: a line may come from a destructor that runs while another one is being queued.
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._dropped = 0
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        if self._waiting.qsize() >= HELD_LINES:
            self._dropped += 1
            return
        try:
            self._waiting.put(self.format(record))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """See logging.Handler."""
        self._waiting.put(None)
        self._thread.join(END_SECONDS)
        super().close()

    def _work(self) -> None:
        told = 0
        line: str | None = ""
        while line is not None:
            if (line := self._waiting.get()) is not None:
                self._write(line)
            if told < (dropped := self._dropped) and self._waiting.empty():
                self._write(self._notice(dropped - told))
                told = dropped

    def _notice(self, dropped: int) -> str:
        text = "%d lines are missing here: nobody read the log"
        return self.format(logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (dropped,), None))

    def _write(self, line: str) -> None:
        # Not through sys.stderr: the interpreter could not end while this thread holds its buffer.
        rest = line.encode(errors="backslashreplace") + b"\n"
        with contextlib.suppress(OSError):  # nobody reads it any more
            if self._folder is not None and os.fstat(self._descriptor).st_size >= LOG_BYTES:
                self._begin_file(self._folder)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def _begin_file(self, folder: Path) -> None:
        # Where there can be no new one, the old one goes on.
        with contextlib.suppress(OSError), fresh_log(folder) as file:
            os.dup2(file.fileno(), self._descriptor)


class RingWriter(logging.Handler):
    """Keeps the last lines of this process for its own window."""

    def __init__(self, ring: LogRing) -> None:
        """Write to `ring`; `listen` puts it to work."""
        super().__init__(logging.INFO)
        self._ring = ring

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        try:
            extra = "".join(f" {key}={value}" for key, value in _fields(record).items() if key != "trace")
            text = f"{_safe(record.getMessage())}{extra}"
            level: Level = (
                "error"
                if record.levelno >= logging.ERROR
                else "warning"
                if record.levelno >= logging.WARNING
                else "info"
            )
            self._ring.append(LogLine(int(record.created * 1000), level, text))
        except Exception:
            self.handleError(record)


def listen(ring: LogRing) -> Callable[[], None]:
    """Put what this process logs from now on into `ring` too, secrets left out. Returns what ends that."""
    writer, root = RingWriter(ring), logging.getLogger()
    root.addHandler(writer)
    return lambda: root.removeHandler(writer)


class TextFormatter(logging.Formatter):
    """``2026-11-23T07:00:00.123Z WARNING server.gateway: sentence key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        extra = "".join(f" {key}={value}" for key, value in _fields(record).items())
        return f"{at[:-6]}Z {record.levelname} {plain(record.name)}: {_safe(record.getMessage())}{extra}"


class JsonFormatter(logging.Formatter):
    """``{"at":ms,"level":"warning","logger":"server.gateway","message":"sentence","key":"value"}``."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        line = {
            "at": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": plain(record.name),
            "message": _safe(record.getMessage()),
        }
        return msgspec.json.encode({**line, **_fields(record)}).decode()


def _fields(record: logging.LogRecord) -> dict[str, str | int | float]:
    """What the event carries beside its sentence: ``extra``, and the error with its traceback."""
    fields: dict[str, str | int | float] = {
        plain(key): value if isinstance(value, int | float) else _safe(str(value))
        for key, value in vars(record).items()
        if key not in _PLAIN_FIELDS
    }
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = _safe(repr(record.exc_info[1]))
        fields["trace"] = _safe("".join(traceback.format_exception(*record.exc_info))[-TRACE_CHARS:])
    return fields


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _safe(text: str) -> str:
    return plain(_PRIVATE_KEY.sub("[private key]", _TOKEN.sub("[token]", text)))


def _log_unraisable(failed: sys.UnraisableHookArgs) -> None:
    """Where no caller could be told, such as in a destructor."""
    error = failed.exc_value
    logger.error(
        "this is a fault of the program", exc_info=(failed.exc_type, error, failed.exc_traceback) if error else None
    )


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logger.critical("this is a fault of the program", exc_info=(kind, error, trace))
