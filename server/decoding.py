"""What the bytes of a message mean: each field with its place in them; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

from server.flow import FlowRow
from server.wire import voice

DEPTH = 8
"""Objects within objects that are opened."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PLAIN = re.compile(rb"[^\s,\]}]+")
_SPACE = re.compile(rb"\s*")

_FLAGS = ((voice.FIRST, "first"), (voice.LAST, "last"), (voice.WHISPERED, "whispered"))
_BANDS = (
    *("SILK narrow band",) * 4,
    *("SILK medium band",) * 4,
    *("SILK wide band",) * 4,
    *("hybrid super-wide band",) * 2,
    *("hybrid full band",) * 2,
    *("CELT narrow band",) * 4,
    *("CELT wide band",) * 4,
    *("CELT super-wide band",) * 4,
    *("CELT full band",) * 4,
)
"""By the configuration number of an Opus packet (RFC 6716, 3.1)."""
_SILK_MS = ("10", "20", "40", "60")
_HYBRID_MS = ("10", "20")
_CELT_MS = ("2.5", "5", "10", "20")
_PACKED = ("1 frame", "2 frames of one size", "2 frames", "several frames")


class Field(msgspec.Struct, frozen=True):
    """One decoded field."""

    name: str
    """Of objects within objects with dots: ``from.name``."""
    value: str
    """As a person reads it; untrusted text."""
    offset: int
    """Where its bytes are in the message, of JSON with its key."""
    length: int


def fields(row: FlowRow) -> list[Field]:
    """The fields of ``row.data``, in their order; none where there are no bytes or they cannot be read."""
    if row.kind == "voice":
        return _voice(row.data)
    try:
        return list(_object(row.data, _skip(row.data, 0), "", 0))
    except (_Unreadable, ValueError):
        return []


# Voice (protocol.md section 6).


def _voice(frame: bytes) -> list[Field]:
    if len(frame) < voice.HEADER.size:
        return []
    kind, flags, level, codec, ssrc, seq, target, ts = voice.HEADER.unpack_from(frame)
    found = [
        Field("kind", f"0x{kind:02x} voice" if kind == voice.KIND else f"0x{kind:02x}", 0, 1),
        Field("flags", " ".join([f"0x{flags:02x}", *(name for bit, name in _FLAGS if flags & bit)]), 1, 1),
        Field("level", f"{'speech' if level & 0x80 else 'no speech'}, {_decibel(level & 0x7F)}", 2, 1),
        Field("codec", f"0x{codec:02x} {_codec(codec)}".rstrip(), 3, 1),
        Field("ssrc", f"{ssrc} (0x{ssrc:08x})", 4, 4),
        Field("seq", str(seq), 8, 2),
        Field("target", f"{target} room" if target == 0 else f"{target} whispered", 10, 2),
        Field("ts", f"{ts} samples, {ts / 48_000:.2f} s", 12, 4),
    ]
    packet = frame[voice.HEADER.size :]
    if packet:
        found.append(Field("opus", _opus(packet[0]), voice.HEADER.size, 1))
        if len(packet) > 1:
            found.append(Field("packet", f"{len(packet) - 1} bytes of sound", voice.HEADER.size + 1, len(packet) - 1))
    return found


def _decibel(level: int) -> str:
    return "silence" if level == 127 else f"{-level} dBov" if level else "0 dBov"


def _codec(codec: int) -> str:
    return f"Opus, {(codec & 0x0F) * 10} ms" if codec >> 4 == 0 else ""


def _opus(toc: int) -> str:
    """The first byte of an Opus packet (RFC 6716, 3.1)."""
    config = toc >> 3
    if config < 12:
        length = _SILK_MS[config % 4]
    elif config < 16:
        length = _HYBRID_MS[config % 2]
    else:
        length = _CELT_MS[config % 4]
    return f"0x{toc:02x} {_BANDS[config]}, {length} ms, {'stereo' if toc & 4 else 'mono'}, {_PACKED[toc & 3]}"


# JSON, read by hand, since it is the places that are wanted.


class _Unreadable(Exception):
    """It is no JSON object."""


def _object(data: bytes, at: int, prefix: str, depth: int) -> Iterator[Field]:
    """The fields of the object that begins at `at`. Raises _Unreadable, ValueError."""
    end = _end_of_value(data, at)
    if data[at : at + 1] != b"{" or depth > DEPTH:
        raise _Unreadable
    at = _skip(data, at + 1)
    while data[at : at + 1] != b"}":
        key_end = _end_of_string(data, at)
        name = prefix + str(json.loads(data[at:key_end]))
        value = _skip(data, key_end)
        if data[value : value + 1] != b":":
            raise _Unreadable
        value = _skip(data, value + 1)
        value_end = _end_of_value(data, value)
        if data[value : value + 1] == b"{" and depth < DEPTH:
            yield from _object(data, value, name + ".", depth + 1)
        else:
            yield Field(name, _readable(data[value:value_end]), at, value_end - at)
        at = _skip(data, value_end)
        if data[at : at + 1] == b",":
            at = _skip(data, at + 1)
        elif at >= end:
            raise _Unreadable


def _readable(raw: bytes) -> str:
    return str(json.loads(raw)) if raw.startswith(b'"') else raw.decode()


def _skip(data: bytes, at: int) -> int:
    found = _SPACE.match(data, at)
    return found.end() if found else at


def _end_of_string(data: bytes, at: int) -> int:
    found = _STRING.match(data, at)
    if found is None:
        raise _Unreadable
    return found.end()


def _end_of_value(data: bytes, at: int) -> int:
    """Where the value that begins at `at` ends."""
    first = data[at : at + 1]
    if first == b'"':
        return _end_of_string(data, at)
    if first not in (b"{", b"["):
        found = _PLAIN.match(data, at)
        if found is None:
            raise _Unreadable
        return found.end()
    open_now = 0
    while at < len(data):
        char = data[at : at + 1]
        if char == b'"':
            at = _end_of_string(data, at)
            continue
        open_now += char in (b"{", b"[")
        open_now -= char in (b"}", b"]")
        at += 1
        if not open_now:
            return at
    raise _Unreadable
