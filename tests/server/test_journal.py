"""The log: one line per event, whatever the event holds, and no secrets."""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server import journal
from server.certificates import make_self_signed
from server.childlog import LOG_BYTES, LOG_FILE, LogRing, fresh_log, parse_line
from server.identity import Key, mint
from server.session import Role
from tests.processes import full_pipe

NASTY = "x\n2026 ERROR admin \x1b]0;title\x07 \x9b31m \u202eevil\u2066 \ud800 \u2028"


@pytest.fixture
def stderr(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    """Ends the journal and gives the lines that it has written to stderr; logging is put back as it was."""
    root, hooks, raising = logging.getLogger(), (sys.excepthook, sys.unraisablehook), logging.raiseExceptions
    handlers, level = root.handlers[:], root.level

    def lines() -> list[str]:
        logging.getLogger().handlers[0].close()
        text = capfd.readouterr().err
        assert text.endswith("\n")
        return text[:-1].split("\n")

    yield lines
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], logging.raiseExceptions = handlers, raising
    sys.excepthook, sys.unraisablehook = hooks
    root.setLevel(level)
    logging.captureWarnings(False)


def test_json_has_what_the_console_reads(stderr: Callable[[], list[str]], tmp_path: Path) -> None:
    journal.start("json", tmp_path)
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


def test_text_is_for_people(stderr: Callable[[], list[str]], tmp_path: Path) -> None:
    journal.start("text", tmp_path)
    logging.getLogger("server.test").error("gone", extra={"code": 4403})
    [text] = stderr()
    moment, rest = text.split(" ", 1)
    assert rest == "ERROR server.test: gone code=4403"
    assert moment.endswith("Z")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_a_client_chose_stays_in_its_line(
    stderr: Callable[[], list[str]], tmp_path: Path, log_format: str
) -> None:
    journal.start("json" if log_format == "json" else "text", tmp_path)
    logging.getLogger(NASTY).warning("%s left", NASTY, extra={"name_given": NASTY})
    [text] = stderr()
    assert text.isprintable()
    for mark in (r"\n2026 ERROR", r"\x1b]0;", r"\x9b", r"\u202e", r"\u2066", r"\ud800", r"\u2028"):
        assert text.count(mark) >= 3


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_error_and_its_traceback_stay_in_one_line(
    stderr: Callable[[], list[str]], tmp_path: Path, log_format: str
) -> None:
    journal.start("json" if log_format == "json" else "text", tmp_path)
    try:
        raise LookupError(NASTY)
    except LookupError:
        logging.getLogger("server.test").exception("failed")
    [text] = stderr()
    assert "LookupError" in text
    assert "test_journal.py" in text


def test_an_uncaught_error_and_a_warning_are_lines_too(stderr: Callable[[], list[str]], tmp_path: Path) -> None:
    journal.start("json", tmp_path)
    sys.excepthook(LookupError, LookupError("odd"), None)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
    fault, warning = (json.loads(text) for text in stderr())
    assert (fault["level"], fault["error"]) == ("critical", "LookupError('odd')")
    assert "careful" in warning["message"]


def test_a_token_is_never_written(stderr: Callable[[], list[str]], tmp_path: Path) -> None:
    journal.start("json", tmp_path)
    token = mint(Key("HS256", b"k" * 32), user="ann")
    try:
        raise LookupError(f"token {token}")
    except LookupError:
        logging.getLogger("server.test").exception("refused %s", token, extra={"given": token})
    [text] = stderr()
    assert token not in text
    assert token.rpartition(".")[2] not in text
    assert "[token]" in text


def test_an_error_that_nobody_could_be_told_is_a_line_too(stderr: Callable[[], list[str]], tmp_path: Path) -> None:
    class Broken:
        def __del__(self) -> None:
            raise LookupError(NASTY)

    journal.start("json", tmp_path)
    Broken()
    [text] = stderr()
    assert text.isprintable()
    assert "LookupError" in json.loads(text)["error"]


def test_a_private_key_is_never_written(stderr: Callable[[], list[str]], tmp_path: Path) -> None:
    journal.start("json", tmp_path)
    _, key = make_self_signed(["a"], days=1, now=datetime.datetime.now(datetime.UTC))
    logging.getLogger("server.test").error("cannot use %s here", key.decode())
    [text] = stderr()
    assert not [line for line in key.decode().splitlines() if line in text]
    assert "cannot use [private key]" in text


# A log that is written slower than it is said.


def say(handler: logging.Handler, text: str) -> None:
    handler.handle(logging.LogRecord("server.test", logging.INFO, "", 0, text, None, None))


def test_a_reader_who_stands_still_stops_nobody_and_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "HELD_LINES", 100)
    monkeypatch.setattr(journal, "END_SECONDS", 0.0)
    with full_pipe() as (source, target):
        writer = journal.LineWriter(target)
        for number in range(200):
            say(writer, str(number))
        writer.close()
        text = ""
        while not text.endswith("nobody read the log\n"):
            text += os.read(source, 65_536).decode()
    *held, notice = text.split()[: -len(["lines", "are", "missing", "here:", "nobody", "read", "the", "log"])]
    assert held == [str(number) for number in range(len(held))]
    assert len(held) in {100, 101}  # one may be on its way already
    assert len(held) + int(notice) == 200


def test_a_log_that_nobody_reads_any_more_harms_nobody() -> None:
    source, target = os.pipe()
    os.close(source)
    writer = journal.LineWriter(target)
    say(writer, "said to nobody")
    writer.close()
    os.close(target)


def test_the_log_file_of_a_kept_node_has_an_end(tmp_path: Path) -> None:
    with fresh_log(tmp_path) as file:
        file.truncate(LOG_BYTES)
        writer = journal.LineWriter(file.fileno(), folder=tmp_path)
        say(writer, "one")
        say(writer, "two")
        writer.close()
    assert (tmp_path / LOG_FILE).read_text() == "one\ntwo\n"
    assert (tmp_path / LOG_FILE).stat().st_mode & 0o777 == 0o600
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()}[f"{LOG_FILE}.old"] == LOG_BYTES


def test_a_window_hears_its_own_process_without_secrets_until_it_listens_no_more() -> None:
    ring, log = LogRing(), logging.getLogger("switchboard.test")
    end = journal.listen(ring)
    token = mint(Key("HS256", b"a key that is long enough for this"), user="ann", role=Role.USER)
    log.warning("refused %s\nagain", token, extra={"address": "h:1"})
    log.error("broken", exc_info=ValueError(f"no {token}"))
    end()
    end()
    log.warning("nobody listens")
    warning, error = ring.since(0)
    assert (warning.level, error.level) == ("warning", "error")
    assert warning.text.startswith("refused [token]")
    assert warning.text.endswith("again address=h:1")
    for line in (warning, error):
        assert token not in line.text
        assert "\n" not in line.text
