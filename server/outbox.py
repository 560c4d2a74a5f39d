"""What waits to be written to each client: gathered for a loop turn, bounded, voice dropped first; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

TEXT_LIMIT = 1 << 20
"""Bytes that may wait for a slow receiver (protocol.md section 8); beyond it the connection is closed."""

VOICE_LIMIT = 2048
"""Unsent bytes above which voice is dropped instead of queued: what a few speakers say in 200 ms."""


class Outbox:
    """Frames of one loop turn for one socket.

    Its owner sets `stalled` while more than `VOICE_LIMIT` bytes are unsent, and `closed` for good.
    """

    __slots__ = ("_post", "check", "closed", "frames", "stalled", "voice_dropped", "write")

    def __init__(self, post: Post, *, write: Callable[[bytes], None], check: Callable[[], None]) -> None:
        self._post = post
        self.write = write
        """Hands bytes to the socket."""
        self.check = check
        """Looks whether too much is unsent; called after a write to a receiver that is slow."""
        self.frames: list[bytes] = []
        self.stalled = False
        self.closed = False
        self.voice_dropped = 0

    def text(self, frame: bytes) -> None:
        """Queue a frame that must not be lost."""
        if self.closed:
            return
        if not self.frames:
            self._post.add(self)
        self.frames.append(frame)

    def flush(self) -> None:
        """Write now what is gathered, so that what is written next comes after it."""
        frames = self.frames
        if frames:
            self.write(frames[0] if len(frames) == 1 else b"".join(frames))
            frames.clear()


def _nowhere() -> None:
    """Nobody flushes yet."""


class Post:
    """The outboxes of a node that have something to write this turn."""

    __slots__ = ("_waiting", "schedule")

    def __init__(self) -> None:
        self.schedule: Callable[[], object] = _nowhere
        """Arranges one `flush` at the end of the turn; set by who owns the event loop."""
        self._waiting: list[Outbox] = []

    def add(self, outbox: Outbox) -> None:
        """Write `outbox` at the end of the turn."""
        if not self._waiting:
            self.schedule()
        self._waiting.append(outbox)

    def voice(self, outboxes: Iterable[Outbox], frame: bytes, own: Outbox | None) -> None:
        """Queue a frame that is worth nothing late, for all but its sender. The hottest lines of a node."""
        waiting = self._waiting
        if not waiting:
            self.schedule()
        for outbox in outboxes:
            if outbox is own:
                continue
            if outbox.stalled or outbox.closed:
                outbox.voice_dropped += 1
                continue
            frames = outbox.frames
            if not frames:
                waiting.append(outbox)
            frames.append(frame)

    def flush(self) -> None:
        """Write each outbox in one go."""
        waiting, self._waiting = self._waiting, []
        for outbox in waiting:
            frames = outbox.frames
            if frames:  # else it was flushed ahead of a close
                outbox.write(frames[0] if len(frames) == 1 else b"".join(frames))
                frames.clear()
                if outbox.stalled:
                    outbox.check()
