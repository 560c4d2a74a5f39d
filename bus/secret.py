"""The secret of a cluster: its file and that of the one before it, and what is made from them."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import secrets
import time
from pathlib import Path

from bus import private
from bus.interface import BusStartError
from bus.rotation import OVERLAP_SECONDS

LEAST_BYTES = 32
"""A secret is no shorter; white space at its ends does not count."""

_MESH = "switchboard mesh curve"


@dataclasses.dataclass(frozen=True, slots=True)
class Secret:
    """One secret. Nothing but keys made for a purpose ever leaves it."""

    _bytes: bytes = dataclasses.field(repr=False)

    def derive(self, purpose: str) -> bytes:
        """The 32 bytes for a purpose (HKDF-SHA256, RFC 5869, without salt)."""
        extracted = hmac.digest(bytes(hashlib.sha256().digest_size), self._bytes, hashlib.sha256)
        return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)

    @property
    def mesh(self) -> bytes:
        """The secret half of the mesh's one CURVE key pair."""
        return self.derive(_MESH)


def previous_file(file: Path) -> Path:
    """Where a rotation leaves the secret that held before."""
    return file.with_name(f"{file.name}.previous")


def read_secret(file: Path) -> Secret:
    """The secret in a file. Raises BusStartError for one that is missing, too short or open to everybody."""
    try:
        found = private.read(file)
    except private.ExposedError as error:
        raise BusStartError(f"The cluster key {error}") from error
    except OSError as error:
        raise BusStartError(
            f"The cluster key {file} cannot be read ({error.strerror or error}): make one with"
            f" `main.py cluster-key make`, or give --cluster-key-file another."
        ) from error
    found = found.strip()
    if len(found) < LEAST_BYTES:
        raise BusStartError(
            f"The cluster key {file} has {len(found)} bytes, {LEAST_BYTES} is the least: make one with"
            f" `main.py cluster-key make`."
        )
    return Secret(found)


def make_secret(file: Path) -> Secret:
    """Write a new secret to a file that is not there yet, readable by its owner alone. Raises BusStartError."""
    try:
        private.make_folder(file.parent)
        made = private.make_once(file, _fresh())
    except OSError as error:
        raise BusStartError(f"The cluster key {file} cannot be written: {error.strerror or error}.") from error
    if not made:
        raise BusStartError(
            f"{file} is there already: `main.py cluster-key rotate` changes it, or give --cluster-key-file another."
        )
    return read_secret(file)


def rotate_secret(file: Path, new: Path | None = None) -> Secret:
    """Keep the secret of `file` beside it, and put a new one, or that of `new`, there. Raises BusStartError."""
    old, aside = read_secret(file), previous_file(file)
    fresh = None if new is None else read_secret(new)
    if fresh == old:
        raise BusStartError(f"{new} holds the key that is in {file} already.")
    left = OVERLAP_SECONDS - _age(aside)
    if left > 0:
        raise BusStartError(
            f"The rotation before this one is {OVERLAP_SECONDS - left:.0f} s old and nodes may still be at it: wait"
            f" {left:.0f} s, or remove {aside} if all of them run with {file}."
        )
    try:
        private.replace(aside, old._bytes + b"\n")
        private.replace(file, _fresh() if fresh is None else fresh._bytes + b"\n")
    except OSError as error:
        raise BusStartError(f"The cluster key {file} cannot be changed: {error.strerror or error}.") from error
    return read_secret(file)


class SecretFile:
    """The secret that a node was given, and the one before it while that holds; looked at again and again."""

    def __init__(self, file: Path) -> None:
        """Raises BusStartError for a file that holds no secret."""
        self.file = file
        self.fault = ""
        """Why the file was not followed when it was looked at last."""
        self.current = read_secret(file)
        self.previous = self._before()
        self.age = _age(previous_file(file)) if self.previous else 0.0
        """Seconds since the rotation that made `previous` what it is, when the file was read first."""
        self._seen = self._stamps()

    def look(self) -> bool:
        """Read what was changed; returns whether there is another secret than before. Raises nothing."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        try:
            found = read_secret(self.file)
        except BusStartError as error:
            self.fault = str(error)
            return False
        self.fault = ""
        before = self._before()
        if found != self.current:
            # Whoever gives the new one alone has not asked for the old one to be refused at once.
            self.current, self.previous, self.age = found, self.current, 0.0
            return True
        if before is not None and before != self.previous:
            self.previous, self.age = before, _age(previous_file(self.file))
            return True
        return False

    def _before(self) -> Secret | None:
        aside = previous_file(self.file)
        if _age(aside) >= OVERLAP_SECONDS:
            return None
        with contextlib.suppress(BusStartError):
            found = read_secret(aside)
            return None if found == self.current else found
        return None

    def _stamps(self) -> tuple[tuple[int, ...] | None, ...]:
        return tuple(_stamp(path) for path in (self.file, previous_file(self.file)))


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode


def _age(path: Path) -> float:
    """Seconds since a file was written; without end where it is not there."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return float("inf")


def _fresh() -> bytes:
    return secrets.token_hex(LEAST_BYTES).encode() + b"\n"
