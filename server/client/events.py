"""What a client is told, by its node and of its own connection: bytes to events; pure."""

from __future__ import annotations

from typing import Any

import msgspec

from server.wire import moderation, native, reporting
from server.wire import voice as voice_wire

_AnyMessage = (
    native.Error
    | native.Welcome
    | native.Joined
    | native.Left
    | native.Gap
    | native.MemberJoined
    | native.MemberLeft
    | native.MemberUpdated
    | native.Ok
    | native.Sent
    | native.Said
    | native.Whispered
    | native.Announced
    | native.Speaking
    | moderation.Moderated
    | moderation.RoomUpdated
    | moderation.Moved
    | moderation.Done
    | moderation.Listed
    | moderation.GoingAway
    | reporting.Reported
    | reporting.ReportUpdated
    | reporting.Evidence
    | native.Urls
    | native.ResumeToken
    | native.Live
)
_decoder: msgspec.json.Decoder[_AnyMessage] = msgspec.json.Decoder(_AnyMessage)
_said: msgspec.json.Decoder[native.Said] = msgspec.json.Decoder(native.Said)


class Closed(Exception):
    """The session has ended for this client; `code` and `reason` are those of protocol.md section 8."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class Voice(msgspec.Struct, frozen=True):
    """A voice frame that was received (protocol.md section 6)."""

    ssrc: int
    flags: int
    level: int
    """-dBov: 0 loud, 127 silent."""
    seq: int
    target: int
    """As the speaker set it: 0 for the room."""
    ts: int
    packet: bytes
    """One Opus packet."""
    frame: bytes
    """All of it, as received."""

    @property
    def whispered(self) -> bool:
        """Whether it is for this client alone, and not for the room."""
        return bool(self.flags & voice_wire.WHISPERED)


class Unknown(msgspec.Struct, frozen=True):
    """A message of a type that this client does not know, from a later version."""

    message: dict[str, Any]


class Reconnecting(msgspec.Struct, frozen=True, kw_only=True):
    """The connection is lost, and the client looks for another one; requests wait, voice is dropped."""

    since: int
    """Milliseconds since 1970."""
    code: int
    reason: str
    """How the connection ended, as in `Closed`."""


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """The session goes on at a node.

    A `native.Joined` for each room follows, with its members as they are now, then what was missed, then
    `native.Live`. A room that could not be kept comes as `native.Left`. A session that moves because its node says
    goodbye is resumed without a `Reconnecting` before it.
    """

    recovered: bool
    """Whether all that was missed comes now."""
    gaps: list[str]
    """Rooms in which something may be missing."""
    anew: bool
    """The session was over, and this is another one: `Client.session` has changed."""
    node: str
    """Its name."""
    seconds: float
    """How long there was no connection."""


class Missed(msgspec.Struct, frozen=True):
    """So many events came at this place while too many waited to be read, and were dropped."""

    events: int


Event = native.Message | Voice | Unknown | Reconnecting | Resumed | Missed
"""What comes unasked."""

Text = native.Said | native.Whispered | native.Announced
"""What is shown once."""


def told(message: bytes) -> native.Message | Unknown:
    """Read a text message. Raises msgspec.DecodeError for what is not JSON."""
    try:
        return _decoder.decode(message)
    except msgspec.ValidationError:
        return Unknown(msgspec.json.decode(message, type=dict[str, Any]))


def heard(frame: bytes) -> Voice:
    """Read a voice frame."""
    _, flags, level, _, ssrc, seq, target, ts = voice_wire.HEADER.unpack_from(frame)
    return Voice(ssrc, flags, level & 0x7F, seq, target, ts, frame[voice_wire.HEADER.size :], frame)


def history(joined: native.Joined) -> list[native.Said]:
    """Read the messages that were said before the join, oldest first."""
    return [_said.decode(message) for message in joined.history]
