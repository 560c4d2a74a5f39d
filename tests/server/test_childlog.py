"""Lines of a child's log: cut, read, made safe and held."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.childlog import LINE_BYTES, LineCutter, LogFile, LogLine, LogRing, fresh_log, parse_line
from server.plaintext import plain

NOW = 1_700_000_000_000


@given(st.lists(st.binary(max_size=40)), st.data())
def test_lines_come_out_the_same_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    whole = [line.replace(b"\n", b"") for line in lines]
    stream = b"".join(line + b"\n" for line in whole)
    cutter, got = LineCutter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += cutter.feed(stream[:size])
        stream = stream[size:]
    assert got + cutter.close() == [line for line in whole if line.strip()]


@pytest.mark.parametrize("size", [LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1, 3 * LINE_BYTES])
@pytest.mark.parametrize("piece", [1_000, LINE_BYTES, 10 * LINE_BYTES])
def test_an_endless_line_is_cut_and_the_next_one_is_whole(size: int, piece: int) -> None:
    stream = b"x" * size + b"\nnext\n"
    cutter, got = LineCutter(), []
    for at in range(0, len(stream), piece):
        got += cutter.feed(stream[at : at + piece])
    assert got == [b"x" * min(size, LINE_BYTES), b"next"]


def test_what_has_no_line_end_comes_at_the_end() -> None:
    cutter = LineCutter()
    assert cutter.feed(b"half") == []
    assert cutter.close() == [b"half"]
    assert cutter.close() == []


def test_a_line_of_the_journal_is_read() -> None:
    line = msgspec.json.encode({"at": 1_700_000_000_123, "level": "warning", "event": "peer lost", "peer": "n2"})
    assert parse_line(line, NOW) == LogLine(1_700_000_000_123, "warning", "peer lost peer=n2")


def test_a_time_in_words_is_read() -> None:
    line = b'{"time":"2023-11-14T22:13:20.500+00:00","level":"INFO","message":"up"}'
    assert parse_line(line, 0) == LogLine(NOW + 500, "info", "up")


@pytest.mark.parametrize(
    "line", [b"port 8765 is in use", b"[1]", b"7", b'"text"', b"null", b"{", b"\xff\xfe", b"[" * 5_000]
)
def test_what_is_no_journal_line_is_an_error_said_now(line: bytes) -> None:
    read = parse_line(line, NOW)
    assert (read.at, read.level) == (NOW, "error")


@given(
    st.binary(max_size=200) | st.dictionaries(st.text(), st.text() | st.none() | st.floats()).map(msgspec.json.encode)
)
def test_any_bytes_make_one_safe_line(line: bytes) -> None:
    text = parse_line(line, NOW).text
    assert text == plain(text)
    assert len(text.splitlines()) <= 1


def test_a_ring_numbers_its_lines_and_drops_the_oldest() -> None:
    ring = LogRing(capacity=3)
    assert (ring.first, ring.next, ring.last, ring.since(0)) == (0, 0, None, [])
    lines = [LogLine(at, "info", str(at)) for at in range(5)]
    for line in lines:
        ring.append(line)
    assert (ring.first, ring.next, ring.last) == (2, 5, lines[4])
    assert ring.since(0) == lines[2:]
    assert ring.since(4) == lines[4:]
    assert ring.since(5) == []


def test_a_log_file_is_read_as_it_grows(tmp_path: Path) -> None:
    with fresh_log(tmp_path) as file:
        log = LogFile(tmp_path / "node.log")
        assert log.read() == []
        file.write(b"one\ntw")
        file.flush()
        assert log.read() == [b"one"]
        file.write(b"o\n")
        file.flush()
        assert log.read() == [b"two"]
        assert log.read() == []
    assert (tmp_path / "node.log").stat().st_mode & 0o777 == 0o600


def test_the_end_of_a_log_file_begins_with_a_whole_line(tmp_path: Path) -> None:
    (tmp_path / "node.log").write_bytes(b"first line\nsecond line\nthird line\n")
    log = LogFile(tmp_path / "node.log", last=15)
    assert log.read() == [b"third line"]


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert LogFile(tmp_path / "node.log", last=100).read() == []


def test_the_log_of_the_last_run_is_put_aside(tmp_path: Path) -> None:
    for run in (b"first", b"second"):
        with fresh_log(tmp_path) as file:
            file.write(run)
    assert (tmp_path / "node.log").read_bytes() == b"second"
    assert (tmp_path / "node.log.old").read_bytes() == b"first"


def test_a_log_file_that_was_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    with fresh_log(tmp_path) as file:
        file.write(b"one\nhalf of tw")
    log = LogFile(tmp_path / "node.log")
    assert log.read() == [b"one"]
    with fresh_log(tmp_path) as file:
        file.write(b"three\n")
    assert log.read() == [b"three"]
