"""What nodes of a mesh say to each other: typed packets with limits, and their bytes; pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from bus.log import CHUNK_BYTES
from bus.record import HIGHEST, Origin, Record

CARD_BYTES = 1024
"""The longest card."""

CALL_BYTES = 512 << 10
"""The longest body of a call or of its answer."""

PEERS, ORIGINS = 128, 1000
"""Other nodes, and logs, that one node keeps."""

_Origin = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\.[0-9]{1,15}\Z")]
Address = Annotated[str, msgspec.Meta(max_length=80)]
KeyId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
"""What nodes call a key of the mesh: the beginning of the hash of its public half."""
_Place = Annotated[int, msgspec.Meta(ge=0, le=HIGHEST)]
_Stamp = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_Records = Annotated[list[Record], msgspec.Meta(max_length=1000)]
_Body = Annotated[bytes, msgspec.Meta(max_length=CALL_BYTES)]


class _Packet(msgspec.Struct, array_like=True, frozen=True):
    sender: _Origin
    """The life of the node that says this."""


class Records(_Packet, frozen=True, tag=1):
    """New records of the sender's own log, without a hole among them."""

    records: _Records


class Ack(_Packet, frozen=True, tag=2):
    """The sender holds the receiver's log up to `high` without a hole."""

    origin: _Origin
    high: _Place


class Digest(_Packet, frozen=True, tag=3):
    """What the sender holds and hears, where it is and what it says of itself; its heart-beat too."""

    address: Address
    endpoints: Annotated[tuple[Address, ...], msgspec.Meta(max_length=4)]
    """Where its streams can be listened to; what they are is the engine's business."""
    held: Annotated[dict[_Origin, tuple[_Place, _Place]], msgspec.Meta(max_length=ORIGINS)]
    """Floor and high of every log that it holds."""
    hears: Annotated[list[_Origin], msgspec.Meta(max_length=PEERS)]
    known: Annotated[dict[_Origin, Address], msgspec.Meta(max_length=PEERS)]
    """The lives that are not down for it, and where they are."""
    card: Annotated[bytes, msgspec.Meta(max_length=CARD_BYTES)]
    keys: Annotated[tuple[KeyId, ...], msgspec.Meta(max_length=2)] = ()
    """The keys of the mesh that hold for it, with what it listens first."""
    reached: Address = ""
    """Where the sender reached the receiver, when this goes to one alone."""


class Ask(_Packet, frozen=True, tag=4):
    """The sender wants the log of `origin` beyond `after`; the answer says how far the receiver holds it."""

    origin: _Origin
    after: _Place
    asked: _Place = 0
    """The tick of the sender; the answer repeats it."""
    joining: bool = False
    """It has only started, and asks for one piece after the other as it works them."""


class Fill(_Packet, frozen=True, tag=5):
    """A piece of a log (`bus.log.Span`), perhaps an empty one, and where the giver's copy of it ends."""

    origin: _Origin
    after: _Place
    upto: _Place
    floor: _Place
    high: _Place
    records: _Records
    asked: _Place = 0


class Ping(_Packet, frozen=True, tag=6):
    """Asks for a `Pong` with the same stamp, to learn the round trip."""

    stamp: _Stamp


class Pong(_Packet, frozen=True, tag=7):
    """Answers a `Ping`."""

    stamp: _Stamp


class Bye(_Packet, frozen=True, tag=8):
    """The sender stops; this life of it says nothing more."""


class Call(_Packet, frozen=True, tag=9):
    """Asks the receiver's listener."""

    number: _Place
    body: _Body


class Answer(_Packet, frozen=True, tag=10):
    """Answers a `Call`; not `done` when the listener failed."""

    number: _Place
    done: bool
    body: _Body


class Outlived(_Packet, frozen=True, tag=11):
    """The sender has met `origin`: whoever is an older life of that node is not to go on."""

    origin: _Origin


Packet = Records | Ack | Digest | Ask | Fill | Ping | Pong | Bye | Call | Answer | Outlived

BATCH_RECORDS = 500
"""Records in one packet at most."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Packet] = msgspec.msgpack.Decoder(Packet)


def encode(packet: Packet) -> bytes:
    """The bytes of a packet."""
    return _encoder.encode(packet)


def decode(data: bytes) -> Packet | None:
    """The packet of these bytes; None for anything that is not one within its limits."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def batches(sender: Origin, records: Iterable[Record]) -> list[Records]:
    """What one turn appended, in packets of about a chunk each."""
    cut: list[list[Record]] = [[]]
    size = 0
    for record in records:
        size += len(record.payload) + 200
        if cut[-1] and (size > CHUNK_BYTES or len(cut[-1]) >= BATCH_RECORDS):
            cut.append([])
            size = len(record.payload) + 200
        cut[-1].append(record)
    return [Records(sender, batch) for batch in cut]
