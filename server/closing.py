"""Why a connection is closed: one table of codes (protocol.md section 8)."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Closing:
    """A WebSocket close code and the sentence that goes with it."""

    code: int
    reason: str

    def because(self, reason: str) -> Closing:
        """The same code with another sentence, cut to the 123 bytes that a close frame holds (RFC 6455, 5.5)."""
        return Closing(self.code, reason.encode()[:123].decode(errors="ignore"))


SHUTDOWN = Closing(1001, "the node is shutting down")
RESTARTING = Closing(1012, "the node is restarting, go on at another one")
BROKEN_TEXT = Closing(1007, "text that is not UTF-8")
TOO_BIG = Closing(1009, "message too big")
ABUSE = Closing(4400, "too many messages that break the protocol")
NOT_AUTHENTICATED = Closing(4401, "not authenticated")
KICKED = Closing(4403, "kicked")
TOO_SLOW = Closing(4408, "too slow: the queue is full")
ELSEWHERE = Closing(4409, "opened elsewhere")
SESSION_OVER = Closing(4410, "the session is over, start anew")
RATE = Closing(4429, "too many requests")
