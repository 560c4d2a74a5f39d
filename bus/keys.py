"""Who this node is and whom it knew, kept in the data folder and locked while the process lives."""

from __future__ import annotations

import dataclasses
import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Annotated, Self

import msgspec

from bus.interface import BusStartError
from bus.packets import PEERS, Address
from bus.record import NodeId, Origin

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SLOTS = 256
"""Processes that may share one data folder."""


class _Saved(msgspec.Struct, frozen=True):
    """What an identity file holds."""

    node: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    incarnation: Annotated[int, msgspec.Meta(ge=1, lt=10**15)]


_Peers = Annotated[tuple[Address, ...], msgspec.Meta(max_length=PEERS)]
"""What a file of peers holds."""


@dataclasses.dataclass(slots=True)
class Identity:
    """A node's id and the number of this life of it, held until `close` or the end of the process."""

    node: NodeId
    incarnation: int
    """Higher than that of every life before (cluster.md rule 1)."""
    peers: tuple[str, ...] = ()
    """The addresses that the life before kept with `remember`."""
    _file: Path | None = dataclasses.field(default=None, repr=False, compare=False)
    _lock: IO[bytes] | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def origin(self) -> Origin:
        """The log that this life appends to."""
        return f"{self.node}.{self.incarnation}"

    def remember(self, peers: Sequence[str]) -> None:
        """Keep the addresses of peers for the next life; an identity without a file forgets them. Raises OSError."""
        if self._file is not None and self._lock is not None:
            # It may be lost with the machine: a node waits for no disk while it serves.
            _save(self._file, msgspec.json.encode(peers), durable=False)

    def close(self) -> None:
        """Let another process have this identity. Safe to call twice."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def claim(data_dir: Path) -> Identity:
    """Take the first identity of `data_dir` that no living process holds, under a new incarnation.

    The incarnation is the saved one plus one, or the milliseconds since 1970 where these are more. It is on disk when
    this returns, so nothing can be bound before. Raises BusStartError when the folder cannot be read or written.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for slot in range(1, SLOTS + 1):
            lock = _lock(data_dir / f"identity-{slot}.lock")
            if lock is None:
                continue
            try:
                saved = _renew(data_dir / f"identity-{slot}.json")
                file = data_dir / f"identity-{slot}.peers.json"
                peers = _peers(file)
            except BaseException:
                lock.close()
                raise
            return Identity(saved.node, saved.incarnation, peers, file, lock)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BusStartError(
            f"Cannot keep this node's identity in {data_dir}: {reason}. Make the folder writable or give --data-dir."
        ) from error
    raise BusStartError(f"All {SLOTS} identities in {data_dir} are in use: give this node its own --data-dir.")


def _lock(path: Path) -> IO[bytes] | None:
    """Open and lock `path` for the life of the file object; None when another holds it."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.close()
        return None
    except BaseException:
        file.close()
        raise
    return file


def _renew(path: Path) -> _Saved:
    now = time.time_ns() // 1_000_000
    try:
        old = msgspec.json.decode(path.read_bytes(), type=_Saved)
        saved = _Saved(old.node, max(old.incarnation + 1, now))
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        # A file that was lost or damaged is a new node: its old id may live on in somebody's copy.
        saved = _Saved(secrets.token_hex(8), now)
    _save(path, msgspec.json.encode(saved))
    return saved


def _peers(path: Path) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Peers)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return ()


def _save(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace `path` so that a crash at any instant leaves either the old bytes or the new ones there.

    They are on disk when this returns, if `durable`.
    """
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    os.replace(fresh, path)
    if durable and sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
