"""Exports: whole or not at all, for their owner alone, with a sentence for every failure."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gui.files import ExportFailed, sentence
from gui.flow.export import export
from server.flow import FlowRow

ROWS = [FlowRow(at=at, node="n1", kind="chat", room="lobby", data=b'{"text":"hi"}') for at in range(500)]


async def test_every_message_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    assert await export(ROWS, path) == 500
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["at"] for line in lines] == list(range(500))
    assert lines[0]["data"] == {"text": "hi"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["flow.jsonl"]


async def test_a_full_disk_leaves_what_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    path.write_text("before")

    def rows() -> Iterator[FlowRow]:
        yield ROWS[0]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ExportFailed, match="is full"):
        await export(rows(), path)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["flow.jsonl"]


async def test_a_device_that_is_full_is_named(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.fail("this test needs /dev/full")
    link = tmp_path / f".flow.jsonl.{os.getpid()}.part"
    link.symlink_to(full)
    # A link in the place of the unfinished file is not followed: whoever put it there decides nothing.
    with pytest.raises(ExportFailed):
        await export(ROWS, tmp_path / "flow.jsonl")
    assert not (tmp_path / "flow.jsonl").exists()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EACCES, "may not write"),
        (errno.EROFS, "may not write"),
        (errno.ENOENT, "no folder"),
        (errno.EISDIR, "is a folder"),
        (errno.ENAMETOOLONG, "too long"),
        (errno.EIO, "could not be written"),
    ],
)
def test_a_failure_is_said_in_a_sentence(number: int, words: str) -> None:
    assert words in sentence(OSError(number, os.strerror(number)), Path("/data/flow.jsonl"))
