"""Files for this user alone: of 0600 in folders of 0700, replaced in one step, refused where others can read them."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

MOST_BYTES = 65_536
"""No secret is longer; what is, is read so far."""


class ExposedError(OSError):
    """A secret that everybody on this machine can read or change is none; the text says so and what to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} can be read by everybody on this machine: chmod 600 {path}")


def make_folder(path: Path) -> None:
    """Make a folder and all above it that are missing, each for this user alone whatever the umask is.

    One that is there stays as it is. Raises OSError.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    if not path.is_dir():
        raise NotADirectoryError(20, "it is a file and no folder", str(path))


def replace(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path` so that a crash at any instant leaves either the old bytes or the new ones there.

    They are on disk when this returns, if `durable`. Raises OSError.
    """
    fresh = _write_fresh(path, data, durable=durable)
    try:
        os.replace(fresh, path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def make_once(path: Path, data: bytes) -> bool:
    """Put `data` at `path` unless something is there; of two processes that try at once one does. Raises OSError.

    Returns whether it was this one.
    """
    fresh = _write_fresh(path, data, durable=True)
    try:
        os.link(fresh, path)  # replaces nothing, and the name appears with its content
    except FileExistsError:
        return False
    finally:
        fresh.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def read(path: Path) -> bytes:
    """Read a secret. Raises ExposedError where everybody can read or change it, else OSError."""
    data, exposed = look(path)
    if exposed:
        raise ExposedError(path)
    return data


def look(path: Path) -> tuple[bytes, bool]:
    """Read a file, and tell whether everybody on this machine can read or change it. Raises OSError."""
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        data = file.read(MOST_BYTES)
    return data, os.name == "posix" and bool(mode & (stat.S_IROTH | stat.S_IWOTH))


def _write_fresh(path: Path, data: bytes, *, durable: bool) -> Path:
    """A file of another name beside `path` that holds `data`."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    return fresh


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
