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
from typing import IO, Annotated, Self, TypeVar

import msgspec

from bus import private
from bus.interface import BusStartError
from bus.packets import PEERS, Address
from bus.record import NodeId, Origin

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SLOTS = 256
"""Processes that may share one data folder."""


_Node = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
"""What a file of an id holds. It is written once, apart from the number that every start writes anew."""


class _Life(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a file of a life holds."""

    incarnation: Annotated[int, msgspec.Meta(ge=1, lt=10**15)]
    node: _Node | None = None
    """Where earlier versions kept the id."""


_Peers = Annotated[tuple[Address, ...], msgspec.Meta(max_length=PEERS)]
"""What a file of peers holds."""

_node: msgspec.json.Decoder[str] = msgspec.json.Decoder(_Node)
_life: msgspec.json.Decoder[_Life] = msgspec.json.Decoder(_Life)
_peers: msgspec.json.Decoder[tuple[str, ...]] = msgspec.json.Decoder(_Peers)

T = TypeVar("T")


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
            private.replace(self._file, msgspec.json.encode(peers), durable=False)

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

    The incarnation is the saved one plus one, or the milliseconds since 1970 where these are more or it was lost. It
    is on disk when this returns, so nothing can be bound before. Raises BusStartError when the folder cannot be read
    or written.
    """
    try:
        private.make_folder(data_dir)
        for slot in range(1, SLOTS + 1):
            lock = _lock(data_dir / f"identity-{slot}.lock")
            if lock is None:
                continue
            try:
                node, incarnation = _renew(data_dir / f"identity-{slot}")
                file = data_dir / f"identity-{slot}.peers.json"
                peers = _read(file, _peers) or ()
            except BaseException:
                lock.close()
                raise
            return Identity(node, incarnation, peers, file, lock)
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


def _renew(path: Path) -> tuple[NodeId, int]:
    """The id of a node and the number of a new life of it; `path` is that of its files, but for how they end."""
    file = path.with_suffix(".json")
    life, node = _read(file, _life), _read(path.with_suffix(".node"), _node)
    if node is None:
        # An id that was lost or damaged is a new node.
        node = (life and life.node) or secrets.token_hex(8)
        private.replace(path.with_suffix(".node"), msgspec.json.encode(node))
    # Where only the number was lost, the clock makes one that is higher. If the clock went back as well, whoever met
    # the life before says so, and this one ends itself as the older of two.
    incarnation = max(life.incarnation + 1 if life else 1, time.time_ns() // 1_000_000)
    private.replace(file, msgspec.json.encode(_Life(incarnation)))
    return node, incarnation


def _read(path: Path, decoder: msgspec.json.Decoder[T]) -> T | None:
    """What a file holds; None where it is missing or damaged. Raises OSError."""
    try:
        return decoder.decode(path.read_bytes())
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
