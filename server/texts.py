"""Texts: what they are, where they stand, what each room said last; pure."""

from __future__ import annotations

import bisect
import dataclasses
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from bus.record import Origin
from server.wire.native import Address

HISTORY = 50
"""Messages that `joined` carries at most (protocol.md section 4)."""

HISTORY_BYTES = 32_768
"""What the messages of one room take at most, so that twenty rooms joined at once fit into a client's queue."""

ROOMS = 1000
"""Rooms whose history is kept; the one that was silent longest goes first."""

ANSWER_SECONDS = 7.0
"""A text that has no second copy by then is answered `unavailable` (8 s at most, protocol.md section 5)."""


class Text(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Payload of the record of a message, a whisper or an announcement."""

    at: int
    """ms since 1970, by the clock of the node that took it."""
    user: str
    name: str
    text: str
    to: Address | None = None
    delivered: int | None = None
    """For how many sessions a whisper was, when it was taken."""


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Text] = msgspec.msgpack.Decoder(Text)


def pack(text: Text) -> bytes:
    """The payload as bytes."""
    return _encoder.encode(text)


def unpack(payload: bytes) -> Text:
    """The text in `payload`. Raises msgspec.MsgspecError if there is none."""
    return _decoder.decode(payload)


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """Where a text stands, as its sender is told by `sent` (protocol.md section 5)."""

    origin: str
    seq: int
    at: int
    copies: int
    room: str | None = None
    delivered: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Sender:
    """Who is told what became of a text."""

    shown: Callable[[Receipt, bool], None]
    """The text was shown; the second argument says whether its sender still waits to hear so."""
    unknown: Callable[[], None]
    """No second node has confirmed it in time."""


_Line = tuple[int, Origin, bytes, float]
"""Lamport number and origin of a record, the message, and when it was shown."""


class _Lines:
    """The last messages of one room."""

    __slots__ = ("said", "size")

    def __init__(self) -> None:
        self.said: list[_Line] = []
        self.size = 0
        """Bytes of all of them."""

    def add(self, line: _Line) -> None:
        said = self.said
        if said and _place(line) < _place(said[-1]):
            bisect.insort(said, line, key=_place)
        else:
            said.append(line)
        self.size += len(line[2])
        while len(said) > HISTORY or self.size > HISTORY_BYTES:
            self.size -= len(said.pop(0)[2])


class History:
    """The last messages of each room, as they are sent.

    They stand in the order of their Lamport numbers, so that a node that took the logs of others one after the other
    has the talk between them in its order.
    """

    def __init__(self) -> None:
        self._rooms: OrderedDict[str, _Lines] = OrderedDict()

    def add(self, room: str, message: bytes, *, lamport: int, origin: Origin, shown: float = 0.0) -> None:
        """Note a message, encoded, with the Lamport number and origin of its record, and when it was shown here."""
        lines = self._rooms.get(room)
        if lines is None:
            lines = self._rooms[room] = _Lines()
            if len(self._rooms) > ROOMS:
                self._rooms.popitem(last=False)
        lines.add((lamport, origin, message, shown))
        self._rooms.move_to_end(room)

    def of(self, room: str) -> list[msgspec.Raw]:
        """What was said last, oldest first."""
        lines = self._rooms.get(room)
        return [] if lines is None else [msgspec.Raw(line[2]) for line in lines.said]

    def since(self, room: str, shown: float) -> list[bytes]:
        """What of that was shown since then, oldest first."""
        lines = self._rooms.get(room)
        return [] if lines is None else [line[2] for line in lines.said if line[3] >= shown]


def _place(line: _Line) -> tuple[int, Origin]:
    return line[:2]
