"""The JSON messages of protocol.md sections 2 to 6 and 8: requests, answers and events, and their bytes; pure."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

import msgspec

from bus.record import ClientId
from server.session import Role
from server.views import RoomState
from server.wire import names, voice
from server.wire.names import FieldError

TEXT_BYTES = 65536
BINARY_BYTES = 1024

ROOMS = 20
"""Rooms that one session may be in."""
SAY_PER_SECOND = 20
SAY_BURST = 60

LIMITS = {
    "text_bytes": TEXT_BYTES,
    "text_chars": names.TEXT_CHARS,
    "name_chars": names.NAME_CHARS,
    "room_chars": names.ROOM_CHARS,
    "voice_bytes": voice.LONGEST,
    "rooms": ROOMS,
    "say_per_second": SAY_PER_SECOND,
    "say_burst": SAY_BURST,
}
"""What `welcome` announces."""


class Code(enum.StrEnum):
    """Why a request was refused."""

    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    ALREADY = "already"
    ROOM_FULL = "room_full"
    ROOM_LOCKED = "room_locked"
    BANNED = "banned"
    MUTED = "muted"
    RATE_LIMITED = "rate_limited"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class Refused(Exception):
    """A request that is not carried out; the text is one plain sentence for the one who asked."""

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        field: str | None = None,
        retry_after_ms: int | None = None,
        urls: list[str] | None = None,
        floods: bool = True,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_ms = retry_after_ms
        self.urls = urls
        """Where to go instead."""
        self.floods = floods
        """Whether `rate_limited` in five successive seconds closes the connection."""

    @classmethod
    def of(cls, error: FieldError) -> Refused:
        """The refusal that a wrong field leads to."""
        return cls(Code.TOO_LARGE if error.too_large else Code.BAD_REQUEST, str(error), field=error.field)


OUR_MISTAKE = Refused(Code.INTERNAL, "this node made a mistake, see its log")

# Requests

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Id = Annotated[str, msgspec.Meta(max_length=64)] | Int64


class Request(msgspec.Struct, tag_field="type", frozen=True, kw_only=True):
    """What every request may carry."""

    id: Id | None = None


class Hello(Request, tag="hello", kw_only=True, frozen=True):
    """The first message of a connection (section 3)."""

    name: str | None = None
    token: str | None = None
    user: str | None = None
    client: str | None = None
    n: Int64 | None = None
    resume: str | None = None
    cursors: dict[str, int] | None = None
    rooms: list[str] | None = None
    """Where a resumed session was, for a node that knows nothing of it any more."""


class Join(Request, tag="join", kw_only=True, frozen=True):
    """Enter a room (section 4)."""

    room: str
    password: str | None = None


class Leave(Request, tag="leave", kw_only=True, frozen=True):
    """Leave a room (section 4)."""

    room: str


class Say(Request, tag="say", kw_only=True, frozen=True):
    """A text for a room; `id` is its identity (section 5)."""

    id: Id
    room: str
    text: str


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom a whisper is for: one of the two."""

    session: str | None = None
    user: str | None = None


class Whisper(Request, tag="whisper", kw_only=True, frozen=True):
    """A text for one session or user (section 5)."""

    id: Id
    to: Address
    text: str


class Announce(Request, tag="announce", kw_only=True, frozen=True):
    """A moderator's text for a room, or for everybody (section 5)."""

    id: Id
    text: str
    room: str | None = None


class VoiceTarget(Request, tag="voice_target", kw_only=True, frozen=True):
    """Whom voice frames with this target are for (section 6)."""

    target: Annotated[int, msgspec.Meta(ge=1, le=65534)]
    to: Address


class Deafen(Request, tag="deafen", kw_only=True, frozen=True):
    """Whether this client wants no voice (section 6)."""

    on: bool


# Answers and events


class Message(msgspec.Struct, tag_field="type", kw_only=True, frozen=True, omit_defaults=True):
    """What every answer and event is. A field that is None or absent by default is not sent."""


class Answer(Message, kw_only=True, frozen=True):
    """An answer repeats the `id` of its request."""

    id: ClientId | msgspec.UnsetType = msgspec.UNSET


def given(id: ClientId | None) -> ClientId | msgspec.UnsetType:
    """The `id` of an answer to a request with this one, or without one."""
    return msgspec.UNSET if id is None else id


class Error(Answer, tag="error", kw_only=True, frozen=True):
    """A request was refused; the connection stays (section 2)."""

    code: Code
    message: str
    field: str | None = None
    retry_after_ms: int | None = None
    urls: list[str] | None = None


class Welcome(Answer, tag="welcome", kw_only=True, frozen=True, omit_defaults=False):
    """The answer to `hello` (section 3)."""

    session: str
    user: str
    name: str
    role: Role
    node: str
    resume: str
    resume_seconds: int
    urls: list[str]
    limits: dict[str, int]
    cursors: dict[str, int]
    recovered: bool | None
    """Of a resume: whether nothing that was missed is lost."""
    server: str
    rooms: list[Joined] | msgspec.UnsetType = msgspec.UNSET
    """Of a resume: where the session is, each without `id` and history (section 8)."""
    gaps: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Of a resume: the rooms of which something that was missed is held by nobody any more."""
    scope: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """Of a moderator who is limited to rooms: their names and patterns."""


class Member(msgspec.Struct, frozen=True):
    """One session in a room, as its members see it."""

    session: str
    user: str
    name: str
    role: Role
    node: str
    ssrc: int
    muted: bool
    speaking: bool
    state: Literal["online", "reconnecting"]


class Sender(msgspec.Struct, frozen=True):
    """Who said something."""

    session: str
    user: str
    name: str


class Joined(Answer, tag="joined", kw_only=True, frozen=True):
    """The answer to `join` (section 4)."""

    room: str
    ssrc: int
    members: list[Member]
    history: list[msgspec.Raw]
    room_state: RoomState
    cursors: dict[str, int]


class Left(Answer, tag="left", kw_only=True, frozen=True):
    """The answer to `leave`, or word of having been put out (section 4)."""

    room: str
    reason: str | None = None


class Gap(Message, tag="gap", kw_only=True, frozen=True):
    """Texts that this client was to get, in these rooms or as whispers, are held by nobody any more (section 5)."""

    rooms: list[str]


class MemberJoined(Message, tag="member_joined", kw_only=True, frozen=True):
    """Somebody entered a room (section 4)."""

    room: str
    member: Member


class MemberLeft(Message, tag="member_left", kw_only=True, frozen=True):
    """Somebody left a room, and why (section 4)."""

    room: str
    session: str
    reason: str


class MemberUpdated(Message, tag="member_updated", kw_only=True, frozen=True):
    """Somebody in a room is otherwise than before (sections 4 and 8); only what is another is there."""

    room: str
    session: str
    muted: bool | None = None
    state: Literal["online", "reconnecting"] | None = None
    node: str | None = None
    """Name of the node where it is now."""
    role: Role | None = None


class Ok(Answer, tag="ok", kw_only=True, frozen=True):
    """It is done (section 6)."""


class Sent(Answer, tag="sent", kw_only=True, frozen=True):
    """A text is held by `copies` nodes (section 5)."""

    room: str | None = None
    delivered: int | None = None
    origin: str
    seq: int
    at: int
    copies: int


class Said(Message, tag="message", kw_only=True, frozen=True):
    """A text said in a room, to the others there (section 5)."""

    room: str
    origin: str
    seq: int
    id: ClientId
    at: int
    sender: Sender = msgspec.field(name="from")
    text: str


class Whispered(Message, tag="whisper", kw_only=True, frozen=True):
    """A text for this receiver alone (section 5)."""

    id: ClientId
    sender: Sender = msgspec.field(name="from")
    to: Address
    origin: str
    seq: int
    at: int
    text: str


class Announced(Message, tag="announcement", kw_only=True, frozen=True):
    """A moderator's text, to the members of a room or to everybody (section 5)."""

    id: ClientId
    sender: Sender = msgspec.field(name="from")
    room: str | None
    text: str
    origin: str
    seq: int
    at: int


class Speaking(Message, tag="speaking", kw_only=True, frozen=True):
    """Who began and who ended speaking in a room (section 6)."""

    room: str
    on: list[str]
    off: list[str]


class Live(Message, tag="live", kw_only=True, frozen=True):
    """All that a resumed session had missed has been sent; requests are taken from here on (section 8)."""


class ResumeToken(Message, tag="resume_token", kw_only=True, frozen=True):
    """What to resume with from now on, instead of what `welcome` gave (section 3)."""

    resume: str


class Urls(Message, tag="urls", kw_only=True, frozen=True):
    """The nodes that serve clients now, the one that says so first (section 3)."""

    urls: list[str]


_encoder = msgspec.json.Encoder()


def content(request: Request) -> bytes:
    """The JSON of a request, by which it is told from others."""
    return _encoder.encode(request)


def encode(message: Message) -> bytes:
    """The JSON of one answer or event."""
    return _encoder.encode(message)
