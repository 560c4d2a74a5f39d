"""Speaking in a room: frames and samples are counted as protocol.md section 6 wants them."""

from __future__ import annotations

from typing import Protocol

from server.wire import voice as voice_wire

SAMPLES_PER_MS = 48


class Speaker(Protocol):
    """What speaks: a client."""

    def ssrc(self, room: str) -> int | None:
        """The number under which it speaks in `room`; None where it is not."""

    async def send(self, message: bytes | str) -> bool:
        """Send a message as it is; returns whether there was a connection to send it on."""


class Talk:
    """Speaks in one room, for as long as its client is there; it goes on when the session is resumed."""

    def __init__(self, speaker: Speaker, room: str, frame_ms: int) -> None:
        self._speaker = speaker
        self._room = room
        self._frame_ms = frame_ms
        self._seq = 0
        self._ts = 0
        self.dropped = 0
        """Frames that were not sent: there was no connection, or the client is not in the room."""

    async def send(
        self, packet: bytes, *, level: int = 40, first: bool = False, last: bool = False, target: int = 0
    ) -> None:
        """Send one Opus packet; `level` is -dBov; `first` and `last` are of a talkspurt. Raises Closed.

        With a `target` of `Client.voice_target` it is for that one alone. While there is no connection the packet is
        dropped: nobody would want to hear it later.
        """
        ssrc = self._speaker.ssrc(self._room)
        flags = voice_wire.FIRST * first | voice_wire.LAST * last
        header = voice_wire.HEADER.pack(
            voice_wire.KIND, flags, 0x80 | level, self._frame_ms // 10, ssrc or 0, self._seq, target, self._ts
        )
        self._seq = (self._seq + 1) & 0xFFFF
        self.pause(self._frame_ms)
        if ssrc is None or not await self._speaker.send(header + packet):
            self.dropped += 1

    def pause(self, milliseconds: int) -> None:
        """Let time pass in silence: the sample clock runs on."""
        self._ts = (self._ts + milliseconds * SAMPLES_PER_MS) & 0xFFFFFFFF
