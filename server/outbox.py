"""What waits to be written to one client: gathered for a loop turn, bounded, voice dropped first; pure."""

from __future__ import annotations

from collections.abc import Callable

TEXT_LIMIT = 1 << 20
"""Bytes that may wait for a slow receiver (protocol.md section 8); beyond it the connection is closed."""

VOICE_LIMIT = 2048
"""Unsent bytes above which voice is dropped instead of queued: what a few speakers say in 200 ms."""


class Outbox:
    """Frames of one loop turn for one socket.

    The owner of the socket is told by `wake` when the first frame of a turn arrives, and empties the outbox once at
    the end of the turn. It sets `stalled` while more than `VOICE_LIMIT` bytes are unsent, and `closed` for good.
    """

    __slots__ = ("_wake", "closed", "frames", "stalled", "voice_dropped")

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self.frames: list[bytes] = []
        self.stalled = False
        self.closed = False
        self.voice_dropped = 0

    def text(self, frame: bytes) -> None:
        """Queue a frame that must not be lost."""
        if self.closed:
            return
        if not self.frames:
            self._wake()
        self.frames.append(frame)

    def voice(self, frame: bytes) -> None:
        """Queue a frame that is worth nothing late."""
        if self.stalled or self.closed:
            self.voice_dropped += 1
            return
        if not self.frames:
            self._wake()
        self.frames.append(frame)

    def take(self) -> bytes:
        """All frames as one write; the outbox is empty after it."""
        frames = self.frames
        self.frames = []
        return frames[0] if len(frames) == 1 else b"".join(frames)
