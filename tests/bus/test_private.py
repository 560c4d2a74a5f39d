"""Secrets on disk: for this user alone whatever the umask is, replaced in one step, refused where others read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus import private


@pytest.fixture(autouse=True, params=[0o000, 0o022, 0o077])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_and_all_above_it_that_were_missing_are_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    private.make_folder(folder)
    assert {mode(each) for each in (folder, folder.parent, folder.parent.parent)} == {0o700}


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    private.make_folder(tmp_path)
    assert mode(tmp_path) == 0o750


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(OSError, match="file"):
            private.make_folder(path)


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_with_nothing_left_beside_it(tmp_path: Path, durable: bool) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"old")
    file.chmod(0o644)
    with file.open("rb") as before:
        private.replace(file, b"new", durable=durable)
        assert before.read() == b"old"  # whoever had it open reads it to its end
    assert (private.read(file), mode(file), list(tmp_path.iterdir())) == (b"new", 0o600, [file])


def test_what_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        private.replace(tmp_path / "folder", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    (tmp_path / "secret").symlink_to(tmp_path / "elsewhere")
    private.replace(tmp_path / "secret", b"ours")
    assert (tmp_path / "elsewhere").read_bytes() == b"theirs"
    assert not (tmp_path / "secret").is_symlink()


def test_what_is_made_once_stays(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    assert private.make_once(file, b"first")
    assert not private.make_once(file, b"second")
    assert (private.read(file), mode(file), list(tmp_path.iterdir())) == (b"first", 0o600, [file])


@pytest.mark.parametrize("bits", [0o604, 0o644, 0o602, 0o666])
def test_a_secret_that_everybody_can_read_or_change_is_refused_with_the_remedy(tmp_path: Path, bits: int) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"known")
    file.chmod(bits)
    with pytest.raises(private.ExposedError, match=f"chmod 600 {file}"):
        private.read(file)


@pytest.mark.parametrize("bits", [0o400, 0o600, 0o640])
def test_a_group_may_be_trusted(tmp_path: Path, bits: int) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"known")
    file.chmod(bits)
    assert private.read(file) == b"known"
