"""What Flow shows: rows for messages, what nodes and consoles say to each other about them; pure.

A console that opens Flow leases a tap at each node (server/tap.py), which sends it rows on a topic of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Literal, get_args

import msgspec

from bus.record import NodeId, Origin
from server.query import Field, Fields, Type
from server.session import Actor
from server.unreadable import UNREADABLE
from server.wire import voice

RowKind = Literal[
    "chat",
    "whisper",
    "announcement",
    "voice",
    "join",
    "leave",
    "kick",
    "unkick",
    "mute",
    "unmute",
    "move",
    "ban",
    "deafen",
    "hello",
    "bye",
    "peer",
    "reveal",
]
KINDS: tuple[str, ...] = get_args(RowKind)

SLOW_MS = 100.0
"""From here on a row is slow."""

LEASE_SECONDS = 2.0
"""How often a console repeats that it looks."""

LEASE_ENDS = 6.0
"""Seconds after its last word a tap ends by itself."""

ROWS_PER_SECOND = 2_000
"""Voice is sampled so that all nodes together send no more rows than this."""

EVERY_ROWS_PER_SECOND = 10_000
"""The same for a console that asks for every frame."""


_Time = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_Clock = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]


class FlowRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message at the node where it entered the cluster, or one thing that happened there."""

    at: _Time
    """ms since 1970 by the clock of `node`."""
    node: str
    """Its name."""
    kind: RowKind
    room: str = ""
    sender: str = ""
    """Name of who sent or did it; for ``peer`` the node that it is about."""
    sender_session: str = ""
    to: str = ""
    """``room``, the name of a person, ``all``, or nothing."""
    size: int = 0
    """Bytes of the message as it is delivered; 0 for what is delivered to nobody."""
    latency: _Milliseconds | None = None
    """ms from its receipt: of a text to being shown with two copies, of voice to the writing of the sockets at this
    node, or to the queues of the mesh where nobody listens at this node."""
    origin: str = ""
    """With `seq` the place of a record in the log; for voice the node's life."""
    seq: int = 0
    """For voice the number of the frame (protocol.md section 6)."""
    id: str = ""
    """What the client called it."""
    ssrc: int = 0
    data: bytes = b""
    """The message as delivered: JSON, or the voice frame; of whispers nothing. For what is no message it is what this
    node knows of it, in JSON."""

    def get(self, field: str) -> object:
        """The value of a field of the filter language, None where there is none."""
        getter = _GETTERS.get(field)
        return None if getter is None else getter(self)

    @property
    def text(self) -> str | None:
        """What was said, where everybody in the room may read it."""
        if self.kind != "chat" and self.kind != "announcement":
            return None
        try:
            return _text_decoder.decode(self.data).text
        except UNREADABLE:
            return None

    @property
    def flags(self) -> tuple[str, ...]:
        """What can stand behind ``is:``."""
        flags = ["slow"] if self.latency is not None and self.latency >= SLOW_MS else []
        if self.kind == "voice" and len(self.data) >= voice.HEADER.size:
            flags += [name for name, at, bit in _VOICE_FLAGS if self.data[at] & bit]
        return tuple(flags)


class _Said(msgspec.Struct):
    text: str | None = None


_text_decoder: msgspec.json.Decoder[_Said] = msgspec.json.Decoder(_Said)

_VOICE_FLAGS = (("first", 1, voice.FIRST), ("last", 1, voice.LAST), ("speech", 2, 0x80), ("whispered", 1, 0x10))

_GETTERS: dict[str, Callable[[FlowRow], object]] = {
    "room": lambda row: row.room,
    "node": lambda row: row.node,
    "from": lambda row: row.sender,
    "to": lambda row: row.to,
    "kind": lambda row: row.kind,
    "bytes": lambda row: row.size,
    "latency": lambda row: row.latency,
    "text": lambda row: row.text,
    "seq": lambda row: row.seq,
    "session": lambda row: row.sender_session,
    "is": lambda row: row.flags,
}

FIELDS = Fields(
    Field("room", Type.NAME, "name of the room", searched=True),
    Field("node", Type.NAME, "where it entered the cluster", searched=True),
    Field("from", Type.NAME, "who sent it", searched=True),
    Field("to", Type.NAME, "room, all, or a person", searched=True),
    Field("kind", Type.NAME, "chat, voice, join and so on", searched=True),
    Field("bytes", Type.BYTES, "size as delivered"),
    Field("latency", Type.TIME, "time in its node"),
    Field("text", Type.TEXT, "what was said; of whispers nothing", searched=True),
    Field("seq", Type.COUNT, "number in its log or stream"),
    Field("session", Type.NAME, "id of the sender"),
    flags={
        "slow": f"{SLOW_MS:.0f} ms and more",
        "speech": "voice that is speech by its level",
        "first": "first frame of a talk spurt",
        "last": "last frame of a talk spurt",
        "whispered": "voice for one person",
    },
)
"""What a filter of Flow can ask for."""

STEADY = frozenset({"room", "node", "from", "to", "kind", "text", "session"})
"""What is the same for all voice frames of one stream."""

TIMED = frozenset({"latency", "is"})
"""What is known of a voice frame only when it was written."""


def as_json(row: FlowRow) -> bytes:
    """A row as one line of JSON, without its end: texts as they are, voice frames in hexadecimal."""
    line: dict[str, object] = {
        field: value
        for field in FlowRow.__struct_fields__
        if field != "data" and (value := getattr(row, field)) != ""
    }
    if row.kind == "voice":
        line["data"] = row.data.hex()
    elif row.data:
        line["data"] = msgspec.Raw(row.data) if _is_json(row.data) else row.data.hex()
    return msgspec.json.encode({field: value for field, value in line.items() if value not in ("", None)})


def _is_json(data: bytes) -> bool:
    """Whether these are JSON in one line, whatever a node has sent."""
    try:
        json.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return b"\n" not in data and b"\r" not in data


def is_sampled(ssrc: int, seq: int, one_in: int) -> bool:
    """Whether a voice frame is one of those that are shown: the same ones at every node."""
    return (ssrc + seq) % one_in == 0


def one_in(rate: float, most: float) -> int:
    """The power of two that, of `rate` frames a second, leaves no more than `most`."""
    n = 1
    while rate / n > most and n < 1 << 15:
        n *= 2
    return n


# Between a console and the nodes. Calls begin with `CALL`, so that they are told from others.

CALL = b"\x00flow"


def topic_of(console: Origin, feed: int) -> str:
    """The topic to which rows are sent for one feed of one console."""
    return f"flow/{console}/{feed}"


class Lease(msgspec.Struct, frozen=True, array_like=True, tag="lease"):
    """A console looks: until `LEASE_ENDS` seconds from now, send it what fits `query`."""

    console: Origin
    feed: int
    query: str
    epoch: int
    """Rises with each other query: totals begin anew."""
    sampling: int
    """Of voice, one frame in so many."""
    most: int
    """Voice rows in a batch of 100 ms, at most."""
    life: int = 0
    """Of which life of the tap the console knows."""
    got: int = 0
    """All numbered batches of that life up to this one have come."""


class Release(msgspec.Struct, frozen=True, array_like=True, tag="release"):
    """It looks no more."""

    console: Origin
    feed: int


class Locate(msgspec.Struct, frozen=True, array_like=True, tag="locate"):
    """When did a message pass here?"""

    origin: Origin
    seq: int
    ssrc: int


class Recall(msgspec.Struct, frozen=True, array_like=True, tag="recall"):
    """What does a whisper say that is no longer held where it is asked for? Its words were asked for by `by`."""

    by: Actor
    origin: Origin
    seq: int
    reason: str


Request = Lease | Release | Locate | Recall


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What a tap has gathered in 100 ms."""

    origin: Origin
    life: int
    """Which tap of that node: one that had ended and is opened again counts from the beginning."""
    number: int
    """How many batches with `rows` there have been; this is the last of them, or it has none."""
    rows: list[FlowRow]
    """What is complete: everything but voice."""
    voice: list[FlowRow]
    """Sampled frames; those that are lost on the way are not sent again."""
    complete: int
    """How many rows but voice there have been in this life, with this batch."""
    epoch: int
    """Of which query the totals are."""
    seen: int
    """Messages looked at since the query stands."""
    matched: int
    """Those that fitted the filter, sampled or not."""
    voice_matched: int
    """Of these the voice frames."""


class Held(msgspec.Struct, frozen=True, array_like=True, tag="held"):
    """The answer to a lease."""

    name: str
    origin: Origin
    now: _Clock
    """Seconds on this node's clock."""
    life: int
    floor: int
    """The first batch that can still be had; what came before it is acknowledged or lost."""
    again: list[msgspec.Raw]
    """Batches that had not come, in order; perhaps not all of them."""
    refused: str = ""
    """Why the filter is not understood here."""


class Passed(msgspec.Struct, frozen=True, array_like=True, tag="passed"):
    """The answer to `Locate`: times in seconds on this node's clock; None for what was not seen."""

    node: NodeId
    name: str
    now: _Clock
    taken: _Clock | None = None
    """When this node took it from its client."""
    shown: _Clock | None = None
    """When it was in order here and held twice; of voice, when it came."""
    written: _Clock | None = None
    """When the sockets of its receivers here were written."""
    receivers: int = 0
    copies: int = 0


_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_batch_decoder: msgspec.msgpack.Decoder[Batch] = msgspec.msgpack.Decoder(Batch)
_Answer = Held | Passed | str | None
_answer_decoder: msgspec.msgpack.Decoder[_Answer] = msgspec.msgpack.Decoder(_Answer)


def pack_request(request: Request) -> bytes:
    """A call's body."""
    return CALL + msgspec.msgpack.encode(request)


def unpack_request(body: bytes) -> Request:
    """What a call asks. Raises msgspec.MsgspecError."""
    return _request_decoder.decode(memoryview(body)[len(CALL) :])


def unpack_batch(frame: bytes) -> Batch:
    """A batch as it was cast. Raises msgspec.MsgspecError."""
    return _batch_decoder.decode(frame)


def unpack_answer(body: bytes) -> Held | Passed | str | None:
    """What a node answered; a whisper's words are a text. Raises msgspec.MsgspecError."""
    return _answer_decoder.decode(body)
