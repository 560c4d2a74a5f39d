"""What waits to be written to each client: gathered for a loop turn, bounded, voice dropped first; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

TEXT_LIMIT = 1 << 20
"""Bytes that may wait for a slow receiver (protocol.md section 8); beyond it the connection is closed."""

VOICE_LIMIT = 2048
"""Unsent bytes above which voice is dropped instead of queued: what a few speakers say in 200 ms."""


HOLD_SECONDS = 0.010
"""How long voice may wait for that of other speakers: half a frame, far below what a listener's buffer evens out."""


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
        if self.frames:
            self._post.hurry()
        else:
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
        """Take nothing more; what is not flushed is dropped, and so is the socket."""
        self.closed = True
        self.frames.clear()
        self._write, self._check = _written, _nowhere


def _nowhere() -> None:
    """Nobody flushes yet, or any more."""


def _written(_: bytes) -> None:
    """The socket is gone."""


class Post:
    """The outboxes of a node that have something to write.

    It is written at the end of a turn of the loop. Only where several speak at once does voice wait for
    `HOLD_SECONDS`, so that what they say is one write to each listener: writes are most of what a delivery costs.
    """

    __slots__ = ("_holding", "_soon", "_waiting", "hold", "report", "schedule", "written")

    def __init__(self) -> None:
        self.schedule: Callable[[], object] = _nowhere
        """Arranges one `flush` at the end of the turn; set by who owns the event loop."""
        self.hold: Callable[[], object] = _nowhere
        """Arranges one `flush_held` in `HOLD_SECONDS`; set by the same."""
        self.report: Callable[[], object] = _nowhere
        """Told, inside the handler of the exception, that a client could not be written to."""
        self.written: Callable[[], object] | None = None
        """Told after each flush, while somebody wants to know."""
        self._waiting: list[Outbox] = []
        self._soon = False
        self._holding = False

    def add(self, outbox: Outbox) -> None:
        """Write `outbox` at the end of the turn; it has been empty."""
        self._waiting.append(outbox)
        self.hurry()

    def hurry(self) -> None:
        """Write what waits at the end of the turn."""
        if not self._soon:
            self._soon = True
            self.schedule()

    def voice(self, outboxes: Iterable[Outbox], frame: bytes, own: Outbox | None, *, alone: bool = True) -> int:
        """Queue a frame that is worth nothing late, for all but its sender; returns how many were too slow for it.

        `alone` says that nobody else speaks there now. The hottest lines of a node.
        """
        waiting, slow = self._waiting, 0
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
        if waiting and alone:
            self.hurry()
        elif waiting and not self._holding:
            self._holding = True
            self.hold()
        return slow

    def flush_held(self) -> None:
        """The time that voice may wait is over."""
        self._holding = False
        self.flush()

    def flush(self) -> None:
        """Write each outbox; whatever becomes of one, the others are written."""
        waiting, self._waiting = self._waiting, []
        self._soon = False
        for outbox in waiting:
            try:
                outbox.flush()
            except Exception:
                outbox.end()
                self.report()
        if self.written is not None:
            self.written()
