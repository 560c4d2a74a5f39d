"""The secret of a cluster in its file: made, read, changed and followed."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from bus.interface import BusStartError
from bus.secret import Secret, SecretFile, make_secret, previous_file, read_secret, rotate_secret
from bus.zeromq_curve import Key


def write(file: Path, content: bytes, mode: int = 0o600) -> Path:
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_what_is_derived_is_hkdf_and_differs_by_purpose() -> None:
    # RFC 5869, A.3: no salt, no info, the first 32 bytes.
    assert Secret(b"\x0b" * 22).derive("").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    secret = Secret(b"x" * 32)
    assert len({secret.derive("one"), secret.derive("two"), secret.mesh}) == 3


def test_a_secret_is_never_shown() -> None:
    secret = Secret(b"correct horse battery staple, forever")
    assert "horse" not in repr(secret)
    assert Key.of(secret).secret.decode() not in repr(Key.of(secret))


def test_white_space_at_the_ends_does_not_count(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1", b"k" * 32), write(tmp_path / "2", b"\n " + b"k" * 32 + b"\r\n\n")
    assert read_secret(one) == read_secret(two)


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (b"k" * 31, 0o600, "31 bytes, 32 is the least"),
        (b"k" * 31 + b"\n", 0o600, "31 bytes"),
        (b"", 0o600, "0 bytes"),
        (b"k" * 64, 0o644, "can be read by everybody"),
        (b"k" * 64, 0o606, "can be read by everybody"),
    ],
)
def test_what_is_no_secret_is_refused_in_one_line(tmp_path: Path, content: bytes, mode: int, says: str) -> None:
    file = write(tmp_path / "cluster.key", content, mode)
    with pytest.raises(BusStartError, match=says) as refused:
        read_secret(file)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "kkk" not in str(refused.value)


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_secret_that_cannot_be_read_is_said_with_what_to_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(BusStartError, match="cluster-key make"):
        read_secret(tmp_path / name)


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "cluster.key"
    made = make_secret(file)
    assert read_secret(file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert os.listdir(file.parent) == [file.name]
    with pytest.raises(BusStartError, match=r"there already.*rotate"):
        make_secret(file)
    assert read_secret(file) == made


def test_a_rotation_keeps_the_old_one_beside_the_new(tmp_path: Path) -> None:
    file = tmp_path / "cluster.key"
    old = make_secret(file)
    new = rotate_secret(file)
    assert new != old
    assert (read_secret(file), read_secret(previous_file(file))) == (new, old)
    assert stat.S_IMODE(previous_file(file).stat().st_mode) == 0o600


def test_a_second_rotation_waits_until_the_first_is_over(tmp_path: Path) -> None:
    file = tmp_path / "cluster.key"
    make_secret(file)
    new = rotate_secret(file)
    with pytest.raises(BusStartError, match="wait"):
        rotate_secret(file)
    assert read_secret(file) == new
    hour_ago = time.time() - 3600
    os.utime(previous_file(file), (hour_ago, hour_ago))
    assert rotate_secret(file) != new


def test_a_rotation_takes_a_secret_that_was_made_elsewhere(tmp_path: Path) -> None:
    file, other = tmp_path / "cluster.key", tmp_path / "other.key"
    make_secret(file)
    given = make_secret(other)
    assert rotate_secret(file, other) == given
    with pytest.raises(BusStartError, match="already"):
        rotate_secret(file, other)


def test_a_file_that_is_changed_is_followed_with_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "cluster.key"
    old = make_secret(file)
    followed = SecretFile(file)
    assert not followed.look()
    new = rotate_secret(file)
    assert followed.look()
    assert (followed.current, followed.previous) == (new, old)
    assert not followed.look()


def test_a_file_that_is_replaced_alone_leaves_the_one_before_valid(tmp_path: Path) -> None:
    file = tmp_path / "cluster.key"
    old = make_secret(file)
    followed = SecretFile(file)
    file.unlink()
    new = make_secret(file)
    assert followed.look()
    assert (followed.current, followed.previous) == (new, old)


@pytest.mark.parametrize("spoil", ["short", "open", "gone"])
def test_a_file_that_is_spoiled_changes_nothing_and_is_said(tmp_path: Path, spoil: str) -> None:
    file = tmp_path / "cluster.key"
    old = make_secret(file)
    followed = SecretFile(file)
    if spoil == "gone":
        file.unlink()
    else:
        write(file, b"k" * (8 if spoil == "short" else 64), 0o644 if spoil == "open" else 0o600)
    assert not followed.look()
    assert followed.current == old
    assert str(file) in followed.fault
    file.unlink(missing_ok=True)
    make_secret(file)
    assert followed.look()
    assert not followed.fault


def test_who_starts_long_after_a_rotation_knows_the_new_one_alone(tmp_path: Path) -> None:
    file = tmp_path / "cluster.key"
    old = make_secret(file)
    rotate_secret(file)
    assert SecretFile(file).previous == old
    hour_ago = time.time() - 3600
    os.utime(previous_file(file), (hour_ago, hour_ago))
    assert SecretFile(file).previous is None
