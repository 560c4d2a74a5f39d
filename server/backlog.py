"""What a client has sent and is not heard yet; pure."""

from __future__ import annotations

from collections.abc import Callable

HELD, HELD_BYTES = 256, 1 << 20
"""Messages and their bytes that may wait for a welcome, or for the end of a replay, before no more is read."""


class Backlog:
    """Messages in the order in which they came, each with how it is to be heard."""

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages: list[tuple[Callable[[bytes], None], bytes]] = []

    def hold(self, hear: Callable[[bytes], None], data: bytes) -> None:
        """Keep one more."""
        self._messages.append((hear, data))

    @property
    def is_full(self) -> bool:
        """Whether no more is to be read."""
        return len(self._messages) >= HELD or sum(len(data) for _, data in self._messages) >= HELD_BYTES

    def hear(self) -> None:
        """Let all of it be heard now; what is held meanwhile stays."""
        messages, self._messages = self._messages, []
        for hear, data in messages:
            hear(data)
