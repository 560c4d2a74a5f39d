"""What waits to be written to each client: gathered for a loop turn, bounded, voice dropped first; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

TEXT_LIMIT = 1 << 20
"""Bytes that may wait for a slow receiver (protocol.md section 8); beyond it the connection is closed."""

VOICE_LIMIT = 2048
"""Unsent bytes above which voice is dropped instead of queued: what a few speakers say in 200 ms."""


class Outbox:
    """Frames of one loop turn for one socket.

    Its owner sets `stalled` while more than `VOICE_LIMIT` bytes are unsent, and calls `end` before the socket goes.
    """

    __slots__ = ("_check", "_post", "_write", "closed", "frames", "stalled")

    def __init__(self, post: Post, *, write: Callable[[bytes], None], check: Callable[[], None]) -> None:
        """`write` hands bytes to the socket; `check`, called after a write to a slow receiver, looks how slow."""
        self._post = post
        self._write = write
        self._check = check
        self.frames: list[bytes] = []
        self.stalled = False
        self.closed = False

    def text(self, frame: bytes) -> None:
        """Queue a frame that must not be lost."""
        if self.closed:
            return
        if not self.frames:
            self._post.add(self)
        self.frames.append(frame)

    def flush(self) -> None:
        """Write now, in one go, what is gathered."""
        frames = self.frames
        if frames:
            self._write(frames[0] if len(frames) == 1 else b"".join(frames))
            frames.clear()
            if self.stalled:
                self._check()

    def end(self) -> None:
        """Take nothing more; what is not flushed is dropped."""
        self.closed = True
        self.frames.clear()


def _nowhere() -> None:
    """Nobody flushes yet."""


class Post:
    """The outboxes of a node that have something to write this turn."""

    __slots__ = ("_waiting", "report", "schedule")

    def __init__(self) -> None:
        self.schedule: Callable[[], object] = _nowhere
        """Arranges one `flush` at the end of the turn; set by who owns the event loop."""
        self.report: Callable[[], object] = _nowhere
        """Told, inside the handler of the exception, that a client could not be written to."""
        self._waiting: list[Outbox] = []

    def add(self, outbox: Outbox) -> None:
        """Write `outbox` at the end of the turn."""
        if not self._waiting:
            self.schedule()
        self._waiting.append(outbox)

    def voice(self, outboxes: Iterable[Outbox], frame: bytes, own: Outbox | None) -> int:
        """Queue a frame that is worth nothing late, for all but its sender; returns how many were too slow for it.

        The hottest lines of a node.
        """
        waiting, slow = self._waiting, 0
        idle = not waiting
        for outbox in outboxes:
            if outbox is own:
                continue
            if outbox.stalled or outbox.closed:
                slow += 1
                continue
            frames = outbox.frames
            if not frames:
                waiting.append(outbox)
            frames.append(frame)
        if idle and waiting:
            self.schedule()
        return slow

    def flush(self) -> None:
        """Write each outbox; whatever becomes of one, the others are written."""
        waiting, self._waiting = self._waiting, []
        for outbox in waiting:
            try:
                outbox.flush()
            except Exception:
                outbox.end()
                self.report()
