"""What is written to stderr: one line per event, as text or JSON, whatever the event holds."""

from __future__ import annotations

import datetime
import logging
import re
import sys
import traceback
from types import TracebackType
from typing import Literal

import msgspec

from server.childlog import plain

logger = logging.getLogger(__name__)

TRACE_CHARS = 3_500
"""How much of a traceback is kept, its end."""

_PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_TOKEN = re.compile(r"eyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*")
"""A JSON Web Token, which is a secret wherever it turns up."""


def start(log_format: Literal["text", "json"]) -> None:
    """Send all logging, warnings and uncaught exceptions of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.raiseExceptions = False  # a log that nobody reads any more is no reason to say so there
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


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


def _safe(text: str) -> str:
    return plain(_TOKEN.sub("[token]", text))


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logger.critical("this is a fault of the program", exc_info=(kind, error, trace))
