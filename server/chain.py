"""The audit as chains of lines, each of which names the one before by its hash; pure.

A chain is what one life of a node wrote, and is named by its origin; its first line names the last one of the life
before. So whatever is changed, taken away or moved, some line no longer fits to what another says of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from bus.record import HIGHEST, NAME_CHARS, Origin
from server.session import Actor
from server.wire.names import TEXT_CHARS

NOTHING = "0" * 64
"""What the first line of a node that has written none before names instead."""

RESULTS = 100
"""Results that one line tells at most, so that it fits a record."""

SEEN = 64
"""Heads of other chains that one line names at most."""

_Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARS)]
_Act = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Text = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS)]
_Number = Annotated[int, msgspec.Meta(ge=1, le=HIGHEST)]
_Time = Annotated[int, msgspec.Meta(ge=0, le=HIGHEST)]
_Hash = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Head(msgspec.Struct, frozen=True, gc=False):
    """A line by its place and its hash: it fixes all lines of its chain up to there."""

    chain: _Name
    n: _Number
    hash: _Hash


class Person(msgspec.Struct, frozen=True, gc=False):
    """Somebody to whom something is done."""

    session: _Name
    user: _Name
    name: _Name


class Asked(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="asked", omit_defaults=True):
    """Something is about to be done to somebody, or to something."""

    act: _Act
    """Its identity; that of a request for several has a line for each of them."""
    by: Actor
    """Without a user where nobody asked: time is over, a node is gone."""
    action: Annotated[str, msgspec.Meta(max_length=32)]
    target: _Name
    """What the request named: a session, a user, an address, a room, a node."""
    person: Person | None = None
    """Who that was found to be."""
    room: _Name | None = None
    reason: _Text = ""
    detail: _Text = ""
    """What else the request said: where to somebody is moved, how a room is to be."""
    until: _Time | None = None
    """When it ends, ms since 1970; None: not by itself."""


class Result(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What came of it at the node that carried it out."""

    node: _Name
    """Its name."""
    outcome: _Name
    ms: Annotated[float, msgspec.Meta(ge=0, le=1e12)]
    session: _Name = ""
    """To whom, where that was a session."""
    user: _Name = ""
    """The same for a user."""


class Came(msgspec.Struct, frozen=True, tag_field="kind", tag="outcome"):
    """What came of it."""

    act: _Act
    results: Annotated[tuple[Result, ...], msgspec.Meta(max_length=RESULTS)]


class Began(msgspec.Struct, frozen=True, tag_field="kind", tag="began"):
    """The first line of a life."""

    before: Head | None
    """The last line of the life before that the store of this node had; None: it had none."""
    lost: bool = False
    """Others knew lines of this node that its own store had not."""


class Missed(msgspec.Struct, frozen=True, tag_field="kind", tag="missed"):
    """Lines of another chain that this node never had, because nobody had them any more when it asked."""

    chain: _Name
    first: _Number
    last: _Number


Entry = Asked | Came | Began | Missed


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a chain."""

    n: _Number
    """From 1, without holes."""
    prev: _Hash
    at: _Time
    """ms since 1970 by the clock of its node; shown, never used to decide."""
    node: _Name
    """Name of its node."""
    entry: Entry
    seen: Annotated[tuple[Head, ...], msgspec.Meta(max_length=SEEN)] = ()
    """Heads of other chains that are new since the line before: so nobody can write those anew unseen."""


def kind_of(entry: Entry) -> Literal["asked", "outcome", "began", "missed"]:
    """Which kind of line says that, as it is called in the line."""
    match entry:
        case Asked():
            return "asked"
        case Came():
            return "outcome"
        case Began():
            return "began"
        case Missed():
            return "missed"


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def encode(line: Line) -> bytes:
    """The line as it travels and is stored: these bytes are what its hash is of."""
    return _encoder.encode(line)


def unpack(payload: bytes | str) -> Line:
    """The line in `payload`. Raises one of `UNREADABLE` if there is none."""
    return _decoder.decode(payload)


def hash_of(chain: Origin, payload: bytes) -> str:
    """What names a line."""
    return hashlib.sha256(chain.encode() + b"\n" + payload).hexdigest()


class Pen:
    """Writes the chain of one life."""

    def __init__(self, chain: Origin, node: str, before: Head | None = None) -> None:
        self._chain = chain
        self._node = node
        self._n = 0
        self._prev = NOTHING if before is None else before.hash
        self.line: Line | None = None
        """That line itself."""

    @property
    def head(self) -> Head | None:
        """The line written last."""
        return Head(self._chain, self._n, self._prev) if self._n else None

    def write(self, entry: Entry, *, at: int, seen: Sequence[Head] = ()) -> bytes:
        """The next line."""
        self._n += 1
        self.line = Line(self._n, self._prev, at, self._node, entry, tuple(seen[:SEEN]))
        payload = encode(self.line)
        self._prev = hash_of(self._chain, payload)
        return payload
