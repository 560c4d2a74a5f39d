"""What a connection and the conversation on it know of each other; pure."""

from __future__ import annotations

import enum
from typing import Protocol

from server.closing import Closing
from server.outbox import Outbox

HELLO_SECONDS = 5.0
"""How long a connection may be silent before its hello (protocol.md section 3)."""


class State(enum.Enum):
    """Where a conversation stands."""

    OPENING = enum.auto()
    """No hello yet."""
    WAITING = enum.auto()
    """The hello is good; the node has not yet caught up with the cluster, or looks for the session."""
    REPLAYING = enum.auto()
    """It has been welcomed back and may speak; what it asks for waits until it has been sent what it missed."""
    LIVE = enum.auto()
    OVER = enum.auto()


class Link(Protocol):
    """The connection underneath, as the gateway offers it."""

    outbox: Outbox
    ip: str

    def close(self, closing: Closing) -> None:
        """Send what is queued, then close."""

    def pause(self) -> None:
        """Read no more."""

    def resume(self) -> None:
        """Read again."""
