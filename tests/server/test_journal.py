"""The log: one line per event, whatever the event holds, and no secrets."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator

import pytest

from server import journal
from server.childlog import parse_line
from server.identity import Key, mint

NASTY = "x\n2026 ERROR admin \x1b]0;title\x07 \x9b31m \u202eevil\u2066 \ud800 \u2028"


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    """The lines written to stderr since the last look; logging is put back as it was."""
    root, hook, raising = logging.getLogger(), sys.excepthook, logging.raiseExceptions
    handlers, level = root.handlers[:], root.level

    def lines() -> list[str]:
        text = capsys.readouterr().err
        assert text.endswith("\n")
        return text[:-1].split("\n")

    yield lines
    root.handlers[:], sys.excepthook, logging.raiseExceptions = handlers, hook, raising
    root.setLevel(level)
    logging.captureWarnings(False)


def test_json_has_what_the_console_reads(stderr: Callable[[], list[str]]) -> None:
    journal.start("json")
    before = time.time() * 1000
    logging.getLogger("server.test").warning("port %d is in use", 8765, extra={"host": "127.0.0.1", "tries": 3})
    [text] = stderr()
    found = json.loads(text)
    assert list(found) == ["at", "level", "logger", "message", "host", "tries"]
    assert before - 1 <= found["at"] <= time.time() * 1000
    assert found["level"] == "warning"
    assert found["message"] == "port 8765 is in use"
    read = parse_line(text.encode(), 0)
    assert (read.at, read.level) == (found["at"], "warning")
    assert read.text.startswith("port 8765 is in use")


def test_text_is_for_people(stderr: Callable[[], list[str]]) -> None:
    journal.start("text")
    logging.getLogger("server.test").error("gone", extra={"code": 4403})
    [text] = stderr()
    moment, rest = text.split(" ", 1)
    assert rest == "ERROR server.test: gone code=4403"
    assert moment.endswith("Z")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_a_client_chose_stays_in_its_line(stderr: Callable[[], list[str]], log_format: str) -> None:
    journal.start("json" if log_format == "json" else "text")
    logging.getLogger(NASTY).warning("%s left", NASTY, extra={"name_given": NASTY})
    [text] = stderr()
    assert text.isprintable()
    for mark in (r"\n2026 ERROR", r"\x1b]0;", r"\x9b", r"\u202e", r"\u2066", r"\ud800", r"\u2028"):
        assert text.count(mark) >= 3


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_error_and_its_traceback_stay_in_one_line(stderr: Callable[[], list[str]], log_format: str) -> None:
    journal.start("json" if log_format == "json" else "text")
    try:
        raise LookupError(NASTY)
    except LookupError:
        logging.getLogger("server.test").exception("failed")
    [text] = stderr()
    assert "LookupError" in text
    assert "test_journal.py" in text


def test_an_uncaught_error_and_a_warning_are_lines_too(stderr: Callable[[], list[str]]) -> None:
    journal.start("json")
    sys.excepthook(LookupError, LookupError("odd"), None)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
    fault, warning = (json.loads(text) for text in stderr())
    assert (fault["level"], fault["error"]) == ("critical", "LookupError('odd')")
    assert "careful" in warning["message"]


def test_a_token_is_never_written(stderr: Callable[[], list[str]]) -> None:
    journal.start("json")
    token = mint(Key("HS256", b"k" * 32), user="ann")
    try:
        raise LookupError(f"token {token}")
    except LookupError:
        logging.getLogger("server.test").exception("refused %s", token, extra={"given": token})
    [text] = stderr()
    assert token not in text
    assert token.rpartition(".")[2] not in text
    assert "[token]" in text


def test_a_log_that_nobody_reads_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, stderr: Callable[[], list[str]]
) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Broken())
    journal.start("json")
    logging.getLogger("server.test").error("said to nobody")
