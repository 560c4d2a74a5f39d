"""The voice frame (protocol.md section 6): a header of 16 bytes and one Opus packet; pure."""

from __future__ import annotations

import struct

HEADER = struct.Struct("!BBBBIHHI")
"""kind, flags, level, codec, ssrc, seq, target, ts."""

KIND = 0x51
FIRST = 0x01
LAST = 0x02
CLIENT_FLAGS = FIRST | LAST
WHISPERED = 0x10
"""Set by the node on a frame that is for its receiver alone."""
CODECS = frozenset((0x02, 0x04, 0x06))
"""Opus, 20, 40 or 60 ms."""

SHORTEST = HEADER.size + 1
LONGEST = HEADER.size + 400


def check(frame: bytes) -> int:
    """The ssrc of a frame from a client for its room, or -1 if its form is wrong or it has a target."""
    if not SHORTEST <= len(frame) <= LONGEST:
        return -1
    kind, flags, _level, codec, ssrc, _seq, target, _ts = HEADER.unpack_from(frame)
    if kind != KIND or flags & ~CLIENT_FLAGS or codec not in CODECS or target:
        return -1
    return int(ssrc)


def check_whispered(frame: bytes) -> tuple[int, int]:
    """The ssrc and target of a frame from a client that has a target; the ssrc is -1 if its form is wrong."""
    if len(frame) < SHORTEST:
        return -1, 0
    target = int.from_bytes(frame[10:12], "big")
    return check(frame[:10] + b"\0\0" + frame[12:]), target


def as_whispered(frame: bytes) -> bytes:
    """The same frame, marked as whispered."""
    return bytes((frame[0], frame[1] | WHISPERED)) + frame[2:]
