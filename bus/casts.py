"""What one turn cast to one topic, packed in one message, and how old it is on arrival; pure."""

from __future__ import annotations

import functools
import hashlib
import struct
from collections.abc import Iterator, Sequence

KEY_BYTES = 8

BATCH_BYTES = 64 << 10
"""A message is closed when it holds this much."""

STALE_MS = 120
"""A cast that waited longer than this in queues is dropped (cluster.md rule 12)."""

_HEAD = struct.Struct("!8s8sI")
_WRAP = 1 << 32
_SENDERS = 1024


@functools.lru_cache(maxsize=8192)
def key_of(topic: str) -> bytes:
    """The fixed-length key under which a topic travels, so that none is the prefix of another."""
    return hashlib.blake2b(topic.encode(), digest_size=KEY_BYTES).digest()


def pack(key: bytes, sender: bytes, stamp: int, frames: Sequence[bytes]) -> Iterator[bytes]:
    """Messages that hold `frames` in order: key, sender (8 bytes), its clock in ms, then each with its length."""
    head = _HEAD.pack(key, sender, stamp % _WRAP)
    parts = [head]
    size = 0
    for frame in frames:
        if size + len(frame) > BATCH_BYTES and size:
            yield b"".join(parts)
            parts = [head]
            size = 0
        parts.append(len(frame).to_bytes(2, "big"))
        parts.append(frame)
        size += len(frame)
    yield b"".join(parts)


def unpack(message: bytes) -> tuple[bytes, bytes, int, list[bytes]] | None:
    """Key, sender, stamp and frames of a message; None for anything that is not one."""
    end = len(message)
    if end < _HEAD.size:
        return None
    key, sender, stamp = _HEAD.unpack_from(message)
    frames = []
    at = _HEAD.size
    while at + 2 <= end:
        start = at + 2
        at = start + (message[at] << 8 | message[at + 1])
        frames.append(message[start:at])
    if at != end:
        return None
    return key, sender, stamp, frames


class Ages:
    """How long messages were queued, judged by clocks that have nothing to do with each other.

    The least difference seen between a sender's stamp and the time of arrival stands for no wait at all.
    """

    def __init__(self) -> None:
        self._least: dict[bytes, float] = {}

    def age(self, sender: bytes, stamp: int, now_ms: int) -> float:
        """Milliseconds that a message waited beyond the fastest one of its sender."""
        apart = (now_ms - stamp) % _WRAP
        least = self._least.get(sender)
        if least is None:
            if len(self._least) >= _SENDERS:
                self._least.clear()
            self._least[sender] = apart
            return 0.0
        # Differences are taken around the circle: a clock's stamp wraps after 49 days.
        age = (apart - least + _WRAP / 2) % _WRAP - _WRAP / 2
        if age < 0:
            self._least[sender] = apart
            return 0.0
        return age

    def drift(self, seconds: float) -> None:
        """Let clocks run apart by up to 1 ms in a second, so that no sender ages for ever."""
        for sender in self._least:
            self._least[sender] = (self._least[sender] + seconds) % _WRAP
