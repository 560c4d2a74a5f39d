"""What stands in the bytes of a message: the fields of its header, its JSON, and which bytes each of them is.

No Qt here.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Iterable, Mapping, Sequence

from server import decoding
from server.wire import voice

INDENT = 2
"""Columns by which JSON inside JSON is moved to the right."""


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """Some bytes of a message; none of them where `length` is 0."""

    start: int = 0
    length: int = 0

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.length

    def __bool__(self) -> bool:
        return self.length > 0

    def holds(self, other: Span) -> bool:
        """Whether all bytes of the other are also in this one."""
        return bool(self) and bool(other) and self.start <= other.start and other.end <= self.end

    def meets(self, other: Span) -> bool:
        """Whether both have a byte in common."""
        return bool(self) and bool(other) and self.start < other.end and other.start < self.end


NOWHERE = Span()


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A field with its value as people read it, and its bytes where it is in the message."""

    name: str
    value: str
    span: Span = NOWHERE


class Ink(enum.Enum):
    """What a piece of JSON is."""

    MARK = enum.auto()
    KEY = enum.auto()
    TEXT = enum.auto()
    NUMBER = enum.auto()
    WORD = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A piece of JSON on one line."""

    text: str
    ink: Ink
    span: Span


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One line of JSON as people read it."""

    indent: int
    pieces: tuple[Piece, ...]


# Voice.


def is_voice(data: bytes) -> bool:
    """Whether these are the bytes of a voice frame."""
    return len(data) >= voice.HEADER.size and data[0] == voice.KIND


def voice_parts(data: bytes) -> list[Part]:
    """The header of a voice frame (protocol.md section 6), and its Opus packet."""
    return [Part(field.name, field.value, Span(field.offset, field.length)) for field in decoding.fields(data)]


# JSON.

_TOKEN = re.compile(
    rb'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)|(?P<mark>[{}\[\]:,]))'
)
_INKS = {"text": Ink.TEXT, "number": Ink.NUMBER, "word": Ink.WORD, "mark": Ink.MARK}


def pieces(data: bytes) -> list[Piece]:
    """The pieces of a JSON text in order; as many as can be read."""
    found: list[Piece] = []
    place = 0
    while (match := _TOKEN.match(data, place)) is not None:
        place = match.end()
        group = match.lastgroup or "mark"
        start, end = match.span(group)
        text = data[start:end].decode("utf-8", "replace")
        ink = _INKS[group]
        if text == ":" and found and found[-1].ink is Ink.TEXT:
            found[-1] = dataclasses.replace(found[-1], ink=Ink.KEY)
        found.append(Piece(text, ink, Span(start, end - start)))
    return found


def lines(found: Iterable[Piece]) -> list[Line]:
    """Pieces as lines: one for each member or element, moved to the right by depth."""
    made: list[Line] = []
    line: list[Piece] = []
    depth = indent = 0

    def end() -> None:
        nonlocal line
        if line:
            made.append(Line(indent, tuple(line)))
        line = []

    previous = ""
    for piece in found:
        if piece.text in ("}", "]") and piece.ink is Ink.MARK:
            depth -= 1
            if previous not in ("{", "["):
                end()
        if not line:
            indent = max(0, depth) * INDENT
        line.append(piece)
        if piece.ink is Ink.MARK:
            if piece.text in ("{", "["):
                depth += 1
            previous = piece.text
        else:
            previous = ""
        if piece.ink is Ink.MARK and piece.text in (",", "{", "["):
            end()
    end()
    return made


def members(found: Sequence[Piece]) -> dict[str, tuple[str, Span]]:
    """The members of the outermost object: the text of each value, and the bytes of key and value together."""
    made: dict[str, tuple[str, Span]] = {}
    depth = 0
    key: Piece | None = None
    start = 0
    for place, piece in enumerate(found):
        opens = piece.ink is Ink.MARK and piece.text in ("{", "[")
        closes = piece.ink is Ink.MARK and piece.text in ("}", "]")
        ends = depth == 1 and (closes or (piece.ink is Ink.MARK and piece.text == ","))
        if ends and key is not None and place > start:
            made[key.text.strip('"')] = (
                "".join(one.text for one in found[start:place]),
                Span(key.span.start, found[place - 1].span.end - key.span.start),
            )
            key = None
        if depth == 1 and piece.ink is Ink.KEY:
            key, start = piece, place + 2
        depth += opens - closes
    return made


def json_parts(found: Sequence[Piece], known: Mapping[str, str]) -> list[Part]:
    """What is known of a message, each with its bytes where the JSON has a member of that name.

    Args:
        found: Its JSON.
        known: Names and values in the order in which they are shown; what has no value is left out.
    """
    there = members(found)
    return [
        Part(name, shown, there[name][1] if name in there else NOWHERE)
        for name, shown in known.items()
        if shown or name in there
    ]


def innermost(spans: Iterable[Span], at: int) -> Span:
    """The shortest of the spans that has this byte; the byte itself where none has it."""
    one = Span(at, 1)
    holding = [span for span in spans if span.holds(one)]
    return min(holding, key=lambda span: span.length) if holding else one


# Bytes.


def hex_lines(data: bytes, width: int) -> list[tuple[str, list[str], str]]:
    """Bytes as offset, pairs of digits and letters, `width` to a line; what is no ASCII letter is a dot."""
    return [
        (
            f"{at:04x}",
            [f"{octet:02x}" for octet in data[at : at + width]],
            "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in data[at : at + width]),
        )
        for at in range(0, len(data), width)
    ]
