"""Whether a data folder takes what is written is known while a node runs, and said once."""

from __future__ import annotations

import logging
import os
import types
from pathlib import Path

import pytest

from server.folder import Folder


def disk(**changes: int) -> types.SimpleNamespace:
    """What the system says of a disk with room on it."""
    return types.SimpleNamespace(
        **{"f_flag": 0, "f_frsize": 4096, "f_bfree": 10, "f_bavail": 10, "f_files": 100, "f_ffree": 50, **changes}
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ""),
        ({"f_flag": os.ST_RDONLY}, "it is read-only"),
        ({"f_bfree": 0, "f_bavail": 0}, "the disk is full"),
        ({"f_ffree": 0}, "the disk takes no more files"),
        ({"f_files": 0, "f_ffree": 0}, ""),  # some file systems do not count them
    ],
)
def test_a_disk_that_takes_nothing_more_is_told_by_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, int], fault: str
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: disk(**changes))
    folder = Folder(tmp_path)
    folder.look()
    assert folder.fault == fault


def test_a_folder_that_is_gone_is_told_once_and_so_is_its_return(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = Folder(tmp_path / "data")
    folder.look()
    folder.look()
    assert folder.fault == "it is gone"
    (tmp_path / "data").mkdir()
    folder.look()
    folder.look()
    assert folder.fault == ""
    warned, told = (record.getMessage() for record in caplog.records)
    assert f"nothing can be kept in {tmp_path / 'data'}, it is gone: everybody is served on" in warned
    assert "takes again what is written" in told


def test_to_look_writes_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.look()
    assert list(tmp_path.iterdir()) == []
